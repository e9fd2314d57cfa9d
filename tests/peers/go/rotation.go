package main

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// SVIDs of these entries live 6 s and are renewed at half of it.
const (
	rotationsMin   = 4
	rotationWithin = 40 * time.Second
)

// sightings is a watcher that remembers the serials it saw, in order.
type sightings struct {
	sync.Mutex
	serials []string
	expiry  time.Time
	wrong   error
}

func (s *sightings) OnX509ContextUpdate(both *workloadapi.X509Context) {
	s.Lock()
	defer s.Unlock()
	leaf := both.DefaultSVID().Certificates[0]
	if last := len(s.serials) - 1; last >= 0 && s.serials[last] == serial(leaf) {
		return
	}
	if !leaf.NotAfter.After(s.expiry) {
		s.wrong = fmt.Errorf("a renewed SVID does not live longer than the one before it")
	}
	s.serials, s.expiry = append(s.serials, serial(leaf)), leaf.NotAfter
}

func (s *sightings) OnX509ContextWatchError(err error) {
	s.Lock()
	defer s.Unlock()
	if len(s.serials) <= rotationsMin {
		s.wrong = err
	}
}

func (s *sightings) seen() (int, error) {
	s.Lock()
	defer s.Unlock()
	return len(s.serials), s.wrong
}

func checkRotation(r *report, here place) {
	ctx, cancel := context.WithTimeout(context.Background(), rotationWithin)
	defer cancel()
	words := fmt.Sprintf("WatchX509Context sees %d renewals, and no call of Go or Rust fails meanwhile", rotationsMin)
	r.holdsWithin(ctx, words, func(ctx context.Context) (string, error) { return renewed(ctx, here) })
	r.holds("a new X.509 authority is in the bundle before it signs, and callers go on", func(ctx context.Context) (string, error) {
		return newAuthority(ctx, here)
	})
	r.holds("a new JWT authority is in the bundle before it signs, and the old token stays good", func(ctx context.Context) (string, error) {
		return newKey(ctx, here)
	})
}

func renewed(ctx context.Context, here place) (string, error) {
	ours, err := serve(ctx, me)
	if err != nil {
		return "", err
	}
	defer ours.close()
	theirs, err := serveRust(ctx, socket(), here.workload, me)
	if err != nil {
		return "", err
	}
	defer theirs.close()
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return "", err
	}
	defer source.Close()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	seen := &sightings{}
	go func() { _ = workloadapi.WatchX509Context(watching, seen) }()
	made, goSerials, rustSerials := 0, map[string]bool{}, map[string]bool{}
	for {
		for _, one := range []struct {
			address, peer string
			serials       map[string]bool
		}{{ours.address, me, goSerials}, {theirs.address, rust, rustSerials}} {
			shown, err := call(ctx, source, one.address, one.peer)
			if err != nil {
				return "", fmt.Errorf("call %d, of %s: %w", made+1, one.peer, err)
			}
			one.serials[shown] = true
			made++
		}
		certificates, err := seen.seen()
		if err != nil {
			return "", err
		}
		if certificates > rotationsMin && len(goSerials) > rotationsMin && len(rustSerials) > rotationsMin {
			return fmt.Sprintf("%d certificates watched; %d shown by Go, %d by Rust; %d calls, failures 0",
				certificates, len(goSerials), len(rustSerials), made), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%d certificates watched, %d by Go, %d by Rust: %w", certificates, len(goSerials), len(rustSerials), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func newAuthority(ctx context.Context, here place) (string, error) {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return "", err
	}
	defer source.Close()
	signer := func() (string, error) {
		svid, err := source.GetX509SVID()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%x", svid.Certificates[0].AuthorityKeyId), nil
	}
	before, err := signer()
	if err != nil {
		return "", err
	}
	next, err := prepare(here, "x509")
	if err != nil {
		return "", err
	}
	authorities := func() (int, error) {
		bundle, err := source.GetX509BundleForTrustDomain(trustDomain(domain))
		if err != nil {
			return 0, err
		}
		return len(bundle.X509Authorities()), nil
	}
	if err := until(ctx, "two X.509 authorities", func() (bool, error) { n, err := authorities(); return n >= 2, err }); err != nil {
		return "", err
	}
	if now, err := signer(); err != nil || now != before {
		return "", fmt.Errorf("the new authority signed before it was activated: %v", err)
	}
	server, err := serve(ctx, me)
	if err != nil {
		return "", err
	}
	defer server.close()
	if err := activate(here, next); err != nil {
		return "", err
	}
	made := 0
	err = until(ctx, "an SVID under the new authority", func() (bool, error) {
		if _, err := call(ctx, source, server.address, me); err != nil {
			return false, err
		}
		made++
		now, err := signer()
		return now != before, err
	})
	if err != nil {
		return "", err
	}
	n, err := authorities()
	return fmt.Sprintf("%d authorities; %d calls over the change, failures 0", n, made), err
}

func newKey(ctx context.Context, here place) (string, error) {
	source, err := workloadapi.NewJWTSource(ctx)
	if err != nil {
		return "", err
	}
	defer source.Close()
	old, err := source.FetchJWTSVID(ctx, jwtsvid.Params{Audience: "before"})
	if err != nil {
		return "", err
	}
	next, err := prepare(here, "jwt-svid")
	if err != nil {
		return "", err
	}
	keys := 0
	err = until(ctx, "two JWT authorities", func() (bool, error) {
		bundle, err := source.GetJWTBundleForTrustDomain(trustDomain(domain))
		if err != nil {
			return false, err
		}
		keys = len(bundle.JWTAuthorities())
		return keys >= 2, nil
	})
	if err != nil {
		return "", err
	}
	if err := activate(here, next); err != nil {
		return "", err
	}
	made := 0
	err = until(ctx, "a token by the new key", func() (bool, error) {
		made++
		fresh, err := source.FetchJWTSVID(ctx, jwtsvid.Params{Audience: fmt.Sprintf("after-%d", made)})
		if err != nil {
			return false, err
		}
		if _, err := jwtsvid.ParseAndValidate(fresh.Marshal(), source, fresh.Audience); err != nil {
			return false, err
		}
		return keyID(fresh.Marshal()) != keyID(old.Marshal()), nil
	})
	if err != nil {
		return "", err
	}
	if _, err := jwtsvid.ParseAndValidate(old.Marshal(), source, old.Audience); err != nil {
		return "", fmt.Errorf("the old token: %w", err)
	}
	return fmt.Sprintf("%d keys; %d tokens verified over the change, the old one still", keys, made), nil
}

// prepare makes a new authority and gives its id.
func prepare(here place, purpose string) (string, error) {
	output, err := here.operate(here.admin, "authority", "prepare", purpose, "--output", "json")
	if err != nil {
		return "", err
	}
	id := regexp.MustCompile(`aut_[0-9a-f]{32}`).FindString(output)
	if id == "" {
		return "", fmt.Errorf("no id of an authority in %s", output)
	}
	return id, nil
}

// activate does not wait for the hour for which a new authority is published. Everybody here has it by now, because whoever asks
// looked at its own bundle before; and it is refused without force.
func activate(here place, id string) error {
	if _, err := here.operate(here.admin, "authority", "activate", "--yes", id); err == nil {
		return fmt.Errorf("%s was activated at once, without force", id)
	}
	_, err := here.operate(here.admin, "authority", "activate", "--yes", "--force", id)
	return err
}

// until asks ten times a second, as long as the context lives.
func until(ctx context.Context, what string, done func() (bool, error)) error {
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s never came: %w", what, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
