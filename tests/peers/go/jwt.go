package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func checkJWT(r *report, _ place) {
	wish := jwtsvid.Params{Audience: "shop", ExtraAudiences: []string{"till"}}
	r.holds("JWTSource gives a token, and its bundle verifies it for both audiences", func(ctx context.Context) (string, error) {
		source, err := workloadapi.NewJWTSource(ctx)
		if err != nil {
			return "", err
		}
		defer source.Close()
		svid, err := source.FetchJWTSVID(ctx, wish)
		if err != nil {
			return "", err
		}
		for _, audience := range []string{"shop", "till"} {
			checked, err := jwtsvid.ParseAndValidate(svid.Marshal(), source, []string{audience})
			if err != nil || checked.ID.String() != me {
				return "", fmt.Errorf("for %s: %v, %v", audience, checked, err)
			}
		}
		if _, err := jwtsvid.ParseAndValidate(svid.Marshal(), source, []string{"thief"}); err == nil {
			return "", fmt.Errorf("another audience was accepted")
		}
		return "2 of 2 audiences, another refused", nil
	})
	r.holds("FetchJWTSVIDs gives a token for each identity, and for one that is named", func(ctx context.Context) (string, error) {
		svids, err := workloadapi.FetchJWTSVIDs(ctx, wish)
		if err != nil {
			return "", err
		}
		named := jwtsvid.Params{Audience: "shop", Subject: spiffeid.RequireFromString(alsoMe)}
		one, err := workloadapi.FetchJWTSVID(ctx, named)
		if err != nil {
			return "", err
		}
		if len(svids) != 2 || one.ID.String() != alsoMe {
			return "", fmt.Errorf("%d tokens, named %s", len(svids), one.ID)
		}
		return "2 of 2, and 1 by name", nil
	})
	r.holds("another's identity is refused as PermissionDenied", func(ctx context.Context) (string, error) {
		named := jwtsvid.Params{Audience: "shop", Subject: spiffeid.RequireFromString(rust)}
		_, err := workloadapi.FetchJWTSVID(ctx, named)
		if status.Code(err) != codes.PermissionDenied {
			return "", fmt.Errorf("not PermissionDenied: %v", err)
		}
		return shortly(err), nil
	})
	r.holds("FetchJWTBundles holds the key that signed", func(ctx context.Context) (string, error) {
		bundles, err := workloadapi.FetchJWTBundles(ctx)
		if err != nil {
			return "", err
		}
		svid, err := workloadapi.FetchJWTSVID(ctx, wish)
		if err != nil {
			return "", err
		}
		if _, err := jwtsvid.ParseAndValidate(svid.Marshal(), bundles, []string{"shop"}); err != nil {
			return "", err
		}
		bundle, err := bundles.GetJWTBundleForTrustDomain(trustDomain(domain))
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d trust domain, %d key", bundles.Len(), len(bundle.JWTAuthorities())), nil
	})
	r.holds("ValidateJWTSVID by the agent: the right one accepted; a wrong audience, a changed text and no token refused", func(ctx context.Context) (string, error) {
		svid, err := workloadapi.FetchJWTSVID(ctx, wish)
		if err != nil {
			return "", err
		}
		token := svid.Marshal()
		checked, err := workloadapi.ValidateJWTSVID(ctx, token, "shop")
		if err != nil || checked.ID.String() != me {
			return "", fmt.Errorf("%v, %v", checked, err)
		}
		parts := strings.Split(token, ".")
		changed := parts[0] + "." + parts[1] + "." + flip(parts[2])
		for _, wrong := range [][2]string{{token, "thief"}, {changed, "shop"}, {"no token", "shop"}} {
			if _, err := workloadapi.ValidateJWTSVID(ctx, wrong[0], wrong[1]); status.Code(err) != codes.InvalidArgument {
				return "", fmt.Errorf("not InvalidArgument: %v", err)
			}
		}
		return "1 accepted, 3 of 3 refused as InvalidArgument", nil
	})
}

// flip changes the first character of a text.
func flip(text string) string {
	if strings.HasPrefix(text, "A") {
		return "B" + text[1:]
	}
	return "A" + text[1:]
}
