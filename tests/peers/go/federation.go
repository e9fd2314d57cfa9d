package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func checkFederation(r *report, here place) {
	r.holds("FetchBundle from our endpoint gives what the Workload API gives", func(ctx context.Context) (string, error) {
		published, err := fetch(ctx, here, domain, here.bundle)
		if err != nil {
			return "", err
		}
		bundles, err := workloadapi.FetchX509Bundles(ctx)
		if err != nil {
			return "", err
		}
		served, err := bundles.GetX509BundleForTrustDomain(trustDomain(domain))
		if err != nil {
			return "", err
		}
		if !published.X509Bundle().Equal(served) {
			return "", fmt.Errorf("they differ: %d and %d authorities", len(published.X509Authorities()), len(served.X509Authorities()))
		}
		return told(published)
	})
	r.holds("the other trust domain's bundle, fetched and given to our server, comes to the workload", func(ctx context.Context) (string, error) {
		foreign, err := fetch(ctx, here, otherDomain, here.otherBundle)
		if err != nil {
			return "", err
		}
		if err := introduce(here, foreign, here.admin, otherDomain); err != nil {
			return "", err
		}
		own, err := fetch(ctx, here, domain, here.bundle)
		if err != nil {
			return "", err
		}
		if err := introduce(here, own, here.otherAdmin, domain); err != nil {
			return "", err
		}
		err = until(ctx, "the foreign bundle", func() (bool, error) {
			bundles, err := workloadapi.FetchX509Bundles(ctx)
			if err != nil {
				return false, err
			}
			jwt, err := workloadapi.FetchJWTBundles(ctx)
			if err != nil {
				return false, err
			}
			served, found := bundles.Get(trustDomain(otherDomain))
			return found && served.Equal(foreign.X509Bundle()) && jwt.Has(trustDomain(otherDomain)), nil
		})
		if err != nil {
			return "", err
		}
		return told(foreign)
	})
	r.holds("Go here and Rust there call each other across trust domains", func(ctx context.Context) (string, error) {
		return acrossDomains(ctx, here)
	})
	r.holds("a token from there is good here, and one of ours there", func(ctx context.Context) (string, error) {
		there := workloadapi.WithAddr(here.otherSocket)
		wish := jwtsvid.Params{Audience: "both"}
		ours, err := workloadapi.FetchJWTSVID(ctx, wish)
		if err != nil {
			return "", err
		}
		theirs, err := workloadapi.FetchJWTSVID(ctx, wish, there)
		if err != nil {
			return "", err
		}
		if _, err := workloadapi.ValidateJWTSVID(ctx, theirs.Marshal(), "both"); err != nil {
			return "", err
		}
		if _, err := workloadapi.ValidateJWTSVID(ctx, ours.Marshal(), "both", there); err != nil {
			return "", err
		}
		return fmt.Sprintf("2 of 2, %s and %s", ours.ID, theirs.ID), nil
	})
	r.holds("WatchBundle follows our endpoint", func(ctx context.Context) (string, error) { return watched(ctx, here) })
}

func fetch(ctx context.Context, here place, name, url string) (*spiffebundle.Bundle, error) {
	roots, err := roots(here)
	if err != nil {
		return nil, err
	}
	return federation.FetchBundle(ctx, trustDomain(name), url, federation.WithWebPKIRoots(roots))
}

func roots(here place) (*x509.CertPool, error) {
	text, err := os.ReadFile(here.certificates)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", here.certificates)
	}
	return pool, nil
}

// introduce gives a bundle as go-spiffe prints it to a server.
func introduce(here place, bundle *spiffebundle.Bundle, admin, name string) error {
	document, err := bundle.Marshal()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "bundle")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := file.Write(document); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	_, err = here.operate(admin, "bundle", "set", "--file", file.Name(), name)
	return err
}

func told(bundle *spiffebundle.Bundle) (string, error) {
	sequence, numbered := bundle.SequenceNumber()
	hint, hinted := bundle.RefreshHint()
	if !numbered || !hinted || hint <= 0 || len(bundle.X509Authorities()) == 0 || len(bundle.JWTAuthorities()) == 0 {
		return "", fmt.Errorf("sequence %d (%t), hint %s (%t)", sequence, numbered, hint, hinted)
	}
	return fmt.Sprintf("%d X.509 and %d JWT authorities, sequence %d, refresh hint %s",
		len(bundle.X509Authorities()), len(bundle.JWTAuthorities()), sequence, hint), nil
}

func acrossDomains(ctx context.Context, here place) (string, error) {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return "", err
	}
	defer source.Close()
	theirs, err := serveRust(ctx, here.otherSocket, here.workload, me)
	if err != nil {
		return "", err
	}
	defer theirs.close()
	ours, err := serve(ctx, otherRust)
	if err != nil {
		return "", err
	}
	defer ours.close()
	for range calls {
		if _, err := call(ctx, source, theirs.address, otherRust); err != nil {
			return "", err
		}
		if _, err := outcome(ctx, here.otherSocket, here.workload, "call", ours.address, me); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d of %d connections each way", calls, calls), nil
}

// following is told of each bundle that the endpoint shows.
type following struct{ bundles chan *spiffebundle.Bundle }

func (following) NextRefresh(time.Duration) time.Duration { return 200 * time.Millisecond }
func (f following) OnUpdate(bundle *spiffebundle.Bundle)  { f.bundles <- bundle }
func (following) OnError(error)                           {}

func watched(ctx context.Context, here place) (string, error) {
	pool, err := roots(here)
	if err != nil {
		return "", err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	f := following{make(chan *spiffebundle.Bundle, 16)}
	go func() {
		_ = federation.WatchBundle(watching, trustDomain(domain), here.bundle, f, federation.WithWebPKIRoots(pool))
	}()
	select {
	case bundle := <-f.bundles:
		return told(bundle)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// keyID reads a token's header.
func keyID(token string) string {
	header, _, _ := strings.Cut(token, ".")
	text, _ := base64.RawURLEncoding.DecodeString(header)
	var members struct{ Kid string }
	_ = json.Unmarshal(text, &members)
	return members.Kid
}
