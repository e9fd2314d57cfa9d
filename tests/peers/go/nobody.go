package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A clear error comes at once, here on a busy machine too. go-spiffe's sources ask again for ever, so for them the caller's deadline is the end.
const (
	atOnce   = 2 * time.Second
	deadline = 2 * time.Second
)

// answer is what a process without identity got from one function.
type answer struct {
	Asked   string
	Seconds float64
	Code    string
	Text    string
	Late    bool // the caller's deadline ended it
}

// askAsNobody asks for all there is and prints each answer as a line of JSON.
func askAsNobody() error {
	if len(os.Args) > 2 && os.Args[2] == "wait" {
		return waitAsNobody()
	}
	wish := jwtsvid.Params{Audience: "shop"}
	once := []struct {
		name string
		ask  func(context.Context) error
	}{
		{"FetchX509SVID", func(ctx context.Context) error { _, err := workloadapi.FetchX509SVID(ctx); return err }},
		{"FetchX509SVIDs", func(ctx context.Context) error { _, err := workloadapi.FetchX509SVIDs(ctx); return err }},
		{"FetchX509Context", func(ctx context.Context) error { _, err := workloadapi.FetchX509Context(ctx); return err }},
		{"FetchX509Bundles", func(ctx context.Context) error { _, err := workloadapi.FetchX509Bundles(ctx); return err }},
		{"FetchJWTSVID", func(ctx context.Context) error { _, err := workloadapi.FetchJWTSVID(ctx, wish); return err }},
		{"FetchJWTSVIDs", func(ctx context.Context) error { _, err := workloadapi.FetchJWTSVIDs(ctx, wish); return err }},
		{"FetchJWTBundles", func(ctx context.Context) error { _, err := workloadapi.FetchJWTBundles(ctx); return err }},
		{"NewX509Source", func(ctx context.Context) error { _, err := workloadapi.NewX509Source(ctx); return err }},
		{"NewBundleSource", func(ctx context.Context) error { _, err := workloadapi.NewBundleSource(ctx); return err }},
	}
	for _, one := range once {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		started := time.Now()
		err := one.ask(ctx)
		took := time.Since(started).Seconds()
		cancel()
		if err == nil {
			return fmt.Errorf("%s gave an answer to nobody", one.name)
		}
		late := errors.Is(err, context.DeadlineExceeded)
		line, _ := json.Marshal(answer{one.name, took, status.Code(err).String(), shortly(err), late})
		fmt.Println(string(line))
	}
	return nil
}

// waitAsNobody watches, and says each time whether it is refused or who it is.
func waitAsNobody() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := workloadapi.WatchX509Context(ctx, aloud{})
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

type aloud struct{}

func (aloud) OnX509ContextUpdate(both *workloadapi.X509Context) {
	fmt.Println("identity", both.DefaultSVID().ID)
}

func (aloud) OnX509ContextWatchError(err error) { fmt.Println("refused", status.Code(err), err) }

func checkNobody(r *report, here place) {
	text, err := outcome(context.Background(), socket(), here.nobody, "nobody")
	for _, line := range strings.Split(text, "\n") {
		var a answer
		if json.Unmarshal([]byte(line), &a) != nil {
			continue
		}
		if strings.HasPrefix(a.Asked, "New") {
			r.holds(a.Asked+" ends with its caller's deadline", func(context.Context) (string, error) {
				if !a.Late || a.Seconds > (deadline+atOnce).Seconds() {
					return "", fmt.Errorf("%s after %.2f s: %s", a.Code, a.Seconds, a.Text)
				}
				return fmt.Sprintf("after %.2f s: %s", a.Seconds, a.Text), nil
			})
			continue
		}
		r.holds(a.Asked+" is refused as PermissionDenied, at once", func(context.Context) (string, error) {
			if a.Code != codes.PermissionDenied.String() || a.Seconds > atOnce.Seconds() {
				return "", fmt.Errorf("%s after %.2f s: %s", a.Code, a.Seconds, a.Text)
			}
			return fmt.Sprintf("after %.2f s: %s", a.Seconds, a.Text), nil
		})
	}
	r.holds("nobody asked for all nine, and none was answered", func(context.Context) (string, error) {
		if lines := strings.Count(text, `"Asked"`); lines != 9 || err != nil {
			return "", fmt.Errorf("%d of 9: %v", lines, err)
		}
		return "9 of 9", nil
	})
	r.holds("a watcher is refused, gets its identity when the entry comes, and is refused when it goes", func(ctx context.Context) (string, error) {
		return comeAndGo(ctx, here)
	})
	r.holds("a socket where nobody listens ends with the caller's deadline", func(context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		_, err := workloadapi.NewX509Source(ctx, workloadapi.WithClientOptions(workloadapi.WithAddr("unix:///nowhere/agent.sock")))
		return refused("it", err)
	})
}

func comeAndGo(ctx context.Context, here place) (string, error) {
	command := exec.CommandContext(ctx, here.nobody, "nobody", "wait")
	output, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	lines := bufio.NewScanner(output)
	next := func(wanted string) error {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), wanted) {
				return nil
			}
		}
		return fmt.Errorf("`%s` never came", wanted)
	}
	if err := next("refused PermissionDenied"); err != nil {
		return "", err
	}
	if _, err := here.operate(here.admin, "entry", "create", "--parent", here.agent, "--id", "late",
		"--spiffe-id", "/late", "--selector", "unix:path:"+here.nobody); err != nil {
		return "", err
	}
	created := time.Now()
	if err := next("identity spiffe://" + domain + "/late"); err != nil {
		return "", err
	}
	came := time.Since(created)
	if _, err := here.operate(here.admin, "entry", "delete", "--yes", "late"); err != nil {
		return "", err
	}
	deleted := time.Now()
	if err := next("refused PermissionDenied"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%.2f s after the entry, %.2f s after its end", came.Seconds(), time.Since(deleted).Seconds()), nil
}
