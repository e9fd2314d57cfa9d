package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Our trust domain, the other one, and the identities of the processes in them.
const (
	domain      = "weft.peers"
	otherDomain = "weft.other"
	me          = "spiffe://weft.peers/go"
	alsoMe      = "spiffe://weft.peers/go-too"
	rust        = "spiffe://weft.peers/rust"
	otherRust   = "spiffe://weft.other/rust"
	somebody    = "spiffe://weft.peers/somebody-else"
)

// Nothing that is asked here may take longer; what does, hangs.
const patience = time.Minute

// report counts what held, and says it.
type report struct{ held, broken int }

// holds says a check that returned no error; the text it returned is what it counted or saw.
func (r *report) holds(words string, run func(ctx context.Context) (string, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.holdsWithin(ctx, words, run)
}

func (r *report) holdsWithin(ctx context.Context, words string, run func(ctx context.Context) (string, error)) {
	seen, err := run(ctx)
	if err != nil {
		r.broken++
		fmt.Printf("  ✗ %s: %v\n", words, err)
		return
	}
	r.held++
	fmt.Printf("  ✓ %s: %s\n", words, seen)
}

// operate runs the command line as an operator would.
func (p place) operate(admin string, arguments ...string) (string, error) {
	command := exec.Command(p.weft, append(arguments, "--server-socket", admin)...)
	output, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("weft %s: %w: %s", strings.Join(arguments, " "), err, output)
	}
	return string(output), err
}

// outcome runs a foreign workload against this agent and gives what it printed.
func outcome(ctx context.Context, socket, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Env = append(os.Environ(), "SPIFFE_ENDPOINT_SOCKET="+socket)
	output, err := command.CombinedOutput()
	text := strings.TrimSpace(string(output))
	if err != nil {
		return text, fmt.Errorf("%w: %s", err, text)
	}
	return text, nil
}

func socket() string { return os.Getenv("SPIFFE_ENDPOINT_SOCKET") }

// refused turns a success into an error and an error into what was seen.
func refused(what string, err error) (string, error) {
	if err == nil {
		return "", fmt.Errorf("%s was not refused", what)
	}
	return shortly(err), nil
}

func shortly(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}
