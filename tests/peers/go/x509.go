package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func checkX509(r *report, _ place) {
	r.holds("FetchX509SVID gives the first identity, and it verifies under FetchX509Bundles", func(ctx context.Context) (string, error) {
		svid, err := workloadapi.FetchX509SVID(ctx)
		if err != nil {
			return "", err
		}
		bundles, err := workloadapi.FetchX509Bundles(ctx)
		if err != nil {
			return "", err
		}
		return verified(svid, bundles)
	})
	r.holds("FetchX509SVIDs gives both identities, each with its hint", func(ctx context.Context) (string, error) {
		svids, err := workloadapi.FetchX509SVIDs(ctx)
		if err != nil {
			return "", err
		}
		hints := map[string]string{}
		for _, svid := range svids {
			hints[svid.Hint] = svid.ID.String()
		}
		if len(svids) != 2 || hints["one"] != me || hints["two"] != alsoMe {
			return "", fmt.Errorf("%d SVIDs, %v", len(svids), hints)
		}
		return fmt.Sprintf("%d of 2", len(svids)), nil
	})
	r.holds("FetchX509Context gives SVIDs and bundles that belong together", func(ctx context.Context) (string, error) {
		both, err := workloadapi.FetchX509Context(ctx)
		if err != nil {
			return "", err
		}
		for _, svid := range both.SVIDs {
			if _, err := verified(svid, both.Bundles); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%d SVIDs, %d trust domain", len(both.SVIDs), both.Bundles.Len()), nil
	})
	r.holds("X509Source serves the SVID and the bundle", func(ctx context.Context) (string, error) {
		source, err := workloadapi.NewX509Source(ctx)
		if err != nil {
			return "", err
		}
		defer source.Close()
		svid, err := source.GetX509SVID()
		if err != nil {
			return "", err
		}
		if _, err := source.GetX509BundleForTrustDomain(svid.ID.TrustDomain()); err != nil {
			return "", err
		}
		return verified(svid, source)
	})
	r.holds("FetchWITSVIDs, which is not served, is refused as Unimplemented", func(ctx context.Context) (string, error) {
		_, err := workloadapi.FetchWITSVIDs(ctx, me)
		if status.Code(err) != codes.Unimplemented {
			return "", fmt.Errorf("not Unimplemented: %v", err)
		}
		return shortly(err), nil
	})
}

// verified judges an SVID as a peer would.
func verified(svid *x509svid.SVID, bundles x509bundle.Source) (string, error) {
	id, chains, err := x509svid.Verify(svid.Certificates, bundles)
	if err != nil {
		return "", err
	}
	if id != svid.ID || (id.String() != me && id.String() != alsoMe) {
		return "", fmt.Errorf("it names %s", id)
	}
	leaf := svid.Certificates[0]
	left := time.Until(leaf.NotAfter).Round(time.Second)
	return fmt.Sprintf("%s, %d chain, %s left", id, len(chains), left), nil
}

func trustDomain(name string) spiffeid.TrustDomain {
	return spiffeid.RequireTrustDomainFromString(name)
}

func serial(certificate *x509.Certificate) string { return certificate.SerialNumber.Text(16)[:8] }
