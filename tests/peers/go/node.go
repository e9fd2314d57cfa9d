package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// The services of a SPIRE server that an agent calls.
const (
	agentService  = "spire.api.server.agent.v1.Agent/"
	bundleService = "spire.api.server.bundle.v1.Bundle/"
	entryService  = "spire.api.server.entry.v1.Entry/"
	svidService   = "spire.api.server.svid.v1.SVID/"
)

// object is a message as JSON shows it: bytes are base64, names in camel case.
type object = map[string]any

// nodeAgent does what a SPIRE agent does, with Go's TLS, Go's gRPC and descriptions that are not ours.
type nodeAgent struct {
	address string
	files   linker.Files
	bundle  *spiffebundle.Bundle
	server  spiffeid.ID
	conn    *grpc.ClientConn
	svid    *x509svid.SVID
}

func newNodeAgent(ctx context.Context, here place) (*nodeAgent, error) {
	resolver := &protocompile.SourceResolver{ImportPaths: []string{here.protos}}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(resolver)}
	files, err := compiler.Compile(ctx, "spire/api/server/agent/v1/agent.proto", "spire/api/server/bundle/v1/bundle.proto",
		"spire/api/server/entry/v1/entry.proto", "spire/api/server/svid/v1/svid.proto")
	if err != nil {
		return nil, err
	}
	document, err := here.operate(here.admin, "bundle", "show", "--format", "spiffe")
	if err != nil {
		return nil, err
	}
	bundle, err := spiffebundle.Parse(trustDomain(domain), []byte(document))
	if err != nil {
		return nil, err
	}
	a := &nodeAgent{address: here.node, files: files, bundle: bundle}
	a.server = spiffeid.RequireFromPath(trustDomain(domain), "/spire/server")
	return a, a.dial()
}

// dial connects anew: with the SVID if there is one.
func (a *nodeAgent) dial() error {
	a.close()
	expected := tlsconfig.AuthorizeID(a.server)
	var config *tls.Config
	if a.svid == nil {
		config = tlsconfig.TLSClientConfig(a.bundle, expected)
	} else {
		config = tlsconfig.MTLSClientConfig(a.svid, a.bundle, expected)
	}
	var err error
	a.conn, err = grpc.NewClient(a.address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	return err
}

func (a *nodeAgent) close() {
	if a.conn != nil {
		_ = a.conn.Close()
	}
}

// method finds a call's description.
func (a *nodeAgent) method(name string) (protoreflect.MethodDescriptor, error) {
	service, call, _ := strings.Cut(name, "/")
	descriptor, err := a.files.AsResolver().FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil, err
	}
	return descriptor.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(call)), nil
}

// call makes one call; of a stream it sends each request and reads one answer to it.
func (a *nodeAgent) call(ctx context.Context, name string, requests ...object) (object, error) {
	method, err := a.method(name)
	if err != nil {
		return nil, err
	}
	// gRPC treats a call with one request and one answer as a stream like any other.
	kind := &grpc.StreamDesc{ClientStreams: method.IsStreamingClient(), ServerStreams: method.IsStreamingServer()}
	stream, err := a.conn.NewStream(ctx, kind, "/"+name)
	if err != nil {
		return nil, err
	}
	var answer object
	for _, request := range requests {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		message := dynamicpb.NewMessage(method.Input())
		if err := protojson.Unmarshal(text, message); err != nil {
			return nil, err
		}
		// What the server has to say against it is read below.
		_ = stream.SendMsg(message)
		if !method.IsStreamingClient() {
			_ = stream.CloseSend()
		}
		reply := dynamicpb.NewMessage(method.Output())
		if err := stream.RecvMsg(reply); err != nil {
			return nil, err
		}
		if text, err = protojson.Marshal(reply); err != nil {
			return nil, err
		}
		answer = nil
		if err := json.Unmarshal(text, &answer); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// attest shows a join token, and takes the SVID up.
func (a *nodeAgent) attest(ctx context.Context, token string) error {
	key, request, err := newRequest(false)
	if err != nil {
		return err
	}
	data := object{"type": "join_token", "payload": encode([]byte(token))}
	answer, err := a.call(ctx, agentService+"AttestAgent",
		object{"params": object{"data": data, "params": object{"csr": encode(request)}}})
	if err != nil {
		return err
	}
	return a.takes(answer["result"], key)
}

// renew asks for the next SVID, and takes it up.
func (a *nodeAgent) renew(ctx context.Context) error {
	key, request, err := newRequest(false)
	if err != nil {
		return err
	}
	answer, err := a.call(ctx, agentService+"RenewAgent", object{"params": object{"csr": encode(request)}})
	if err != nil {
		return err
	}
	return a.takes(answer, key)
}

func (a *nodeAgent) takes(answer any, key crypto.Signer) error {
	svid, err := a.judged(answer, key)
	if err != nil {
		return err
	}
	a.svid = svid
	return a.dial()
}

// judged reads a message with an X.509-SVID and verifies it.
func (a *nodeAgent) judged(answer any, key crypto.Signer) (*x509svid.SVID, error) {
	message, _ := answer.(object)
	svid, _ := message["svid"].(object)
	chain, _ := svid["certChain"].([]any)
	var certificates []*x509.Certificate
	for _, one := range chain {
		certificate, err := x509.ParseCertificate(decode(one))
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	id, _, err := x509svid.Verify(certificates, a.bundle)
	if err != nil {
		return nil, err
	}
	named, _ := svid["id"].(object)
	if said := fmt.Sprintf("spiffe://%v%v", named["trustDomain"], named["path"]); said != id.String() {
		return nil, fmt.Errorf("the answer says %s, the certificate %s", said, id)
	}
	public, ok := certificates[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(key.Public()) {
		return nil, fmt.Errorf("the certificate is for another key")
	}
	return &x509svid.SVID{ID: id, Certificates: certificates, PrivateKey: key}, nil
}

// newRequest makes a request as SPIRE's agents make it: a subject that means nothing, and no name.
func newRequest(asRSA bool) (crypto.Signer, []byte, error) {
	var key crypto.Signer
	var err error
	if asRSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, nil, err
	}
	template := &x509.CertificateRequest{Subject: pkix.Name{Country: []string{"US"}, Organization: []string{"SPIRE"}}}
	request, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	return key, request, err
}

func checkNode(r *report, here place) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	agent, err := newNodeAgent(ctx, here)
	if err != nil {
		r.holds("descriptions and bundle for an agent in Go", func(context.Context) (string, error) { return "", err })
		return
	}
	defer agent.close()
	var entry string
	for _, one := range []struct {
		words string
		run   func(context.Context) (string, error)
	}{
		{"GetBundle is for everybody, and gives the bundle that is published", agent.getsBundle},
		{"a join token of nobody is refused, a true one lets in, once", func(ctx context.Context) (string, error) { return agent.joins(ctx, here) }},
		{"GetAuthorizedEntries and SyncAuthorizedEntries give the same entry, as the mask says", func(ctx context.Context) (text string, err error) {
			entry, text, err = agent.syncs(ctx, here)
			return text, err
		}},
		{"BatchNewX509SVID signs for P-256 and RSA keys, and says of each entry whether it may", func(ctx context.Context) (string, error) { return agent.fetches(ctx, entry) }},
		{"NewJWTSVID gives a token that verifies", func(ctx context.Context) (string, error) { return agent.fetchesToken(ctx, entry) }},
		{"GetFederatedBundle gives a bundle, and NotFound for an unknown one", agent.getsForeign},
		{"RenewAgent gives the next SVID, and the one before it is refused once the next was used", agent.renews},
	} {
		before := r.broken
		r.holds(one.words, one.run)
		if r.broken > before {
			return // each stands on the one before it
		}
	}
}

func (a *nodeAgent) getsBundle(ctx context.Context) (string, error) {
	bundle, err := a.call(ctx, bundleService+"GetBundle", object{})
	if err != nil {
		return "", err
	}
	roots, _ := bundle["x509Authorities"].([]any)
	keys, _ := bundle["jwtAuthorities"].([]any)
	for _, root := range roots {
		certificate, err := x509.ParseCertificate(decode(root.(object)["asn1"]))
		if err != nil || !a.bundle.HasX509Authority(certificate) {
			return "", fmt.Errorf("an authority that is not published: %v", err)
		}
	}
	for _, key := range keys {
		public, err := x509.ParsePKIXPublicKey(decode(key.(object)["publicKey"]))
		known, found := a.bundle.FindJWTAuthority(key.(object)["keyId"].(string))
		if err != nil || !found || !known.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
			return "", fmt.Errorf("a key that is not published: %v", err)
		}
	}
	if len(roots) == 0 || len(keys) == 0 {
		return "", fmt.Errorf("%d authorities, %d keys", len(roots), len(keys))
	}
	return fmt.Sprintf("%d authorities, %d keys, all published", len(roots), len(keys)), nil
}

func (a *nodeAgent) joins(ctx context.Context, here place) (string, error) {
	if err := a.attest(ctx, "a token of nobody"); status.Code(err) != codes.PermissionDenied && status.Code(err) != codes.InvalidArgument {
		return "", fmt.Errorf("a token of nobody: %v", err)
	}
	token, err := joinToken(here)
	if err != nil {
		return "", err
	}
	if err := a.attest(ctx, token); err != nil {
		return "", err
	}
	other, err := newNodeAgent(ctx, here)
	if err != nil {
		return "", err
	}
	defer other.close()
	if err := other.attest(ctx, token); err == nil {
		return "", fmt.Errorf("a used token was accepted")
	}
	if _, err := a.call(ctx, agentService+"PostStatus", object{"currentBundleSerial": "1"}); err != nil {
		return "", fmt.Errorf("PostStatus with the new SVID: %w", err)
	}
	return a.svid.ID.String(), nil
}

// joinToken makes a token and gives its secret, as `-joinToken` of a SPIRE agent takes it.
func joinToken(here place) (string, error) {
	output, err := here.operate(here.admin, "token", "create", "--output", "json")
	if err != nil {
		return "", err
	}
	var made struct{ Secret string }
	if err := json.Unmarshal([]byte(output), &made); err != nil || made.Secret == "" {
		return "", fmt.Errorf("no secret in %q: %v", output, err)
	}
	return made.Secret, nil
}

func (a *nodeAgent) syncs(ctx context.Context, here place) (string, string, error) {
	if _, err := here.operate(here.admin, "entry", "create", "--parent", a.svid.ID.String(), "--id", "of-go-agent",
		"--spiffe-id", "/of-go-agent", "--selector", "unix:uid:4711", "--x509-ttl", "10m", "--hint", "h", "--dns", "db.internal"); err != nil {
		return "", "", err
	}
	mask := object{"spiffeId": true, "parentId": true, "selectors": true, "revisionNumber": true, "hint": true,
		"admin": true, "downstream": true, "federatesWith": true, "storeSvid": true, "createdAt": true, "x509SvidTtl": true}
	got, err := a.call(ctx, entryService+"GetAuthorizedEntries", object{"outputMask": mask})
	if err != nil {
		return "", "", err
	}
	entry, err := only(got["entries"])
	if err != nil {
		return "", "", err
	}
	// What fits a page is sent in full at once; asking for ids is for the rest.
	synced, err := a.call(ctx, entryService+"SyncAuthorizedEntries", object{"outputMask": mask})
	if err != nil {
		return "", "", err
	}
	again, err := only(synced["entries"])
	if err != nil {
		return "", "", err
	}
	first, _ := json.Marshal(entry)
	second, _ := json.Marshal(again)
	if string(first) != string(second) || entry["dnsNames"] != nil || entry["hint"] != "h" {
		return "", "", fmt.Errorf("%s and %s", first, second)
	}
	return entry["id"].(string), "both the same, what was not asked for left out", nil
}

func (a *nodeAgent) fetches(ctx context.Context, entry string) (string, error) {
	elliptic, request, err := newRequest(false)
	if err != nil {
		return "", err
	}
	bulky, bulkyRequest, err := newRequest(true)
	if err != nil {
		return "", err
	}
	answer, err := a.call(ctx, svidService+"BatchNewX509SVID", object{"params": []any{
		object{"entryId": entry, "csr": encode(request)},
		object{"entryId": entry, "csr": encode(bulkyRequest)},
		object{"entryId": "go", "csr": encode(request)}, // hangs under another agent
		object{"entryId": entry, "csr": encode([]byte("no request"))},
	}})
	if err != nil {
		return "", err
	}
	results, _ := answer["results"].([]any)
	if len(results) != 4 {
		return "", fmt.Errorf("%d results of 4", len(results))
	}
	for at, key := range []crypto.Signer{elliptic, bulky} {
		if _, err := a.judged(results[at], key); err != nil {
			return "", fmt.Errorf("result %d: %w", at, err)
		}
	}
	told := []codes.Code{codeOf(results[2]), codeOf(results[3])}
	if told[0] != codes.NotFound && told[0] != codes.PermissionDenied || told[1] != codes.InvalidArgument {
		return "", fmt.Errorf("the others: %v", told)
	}
	return fmt.Sprintf("2 signed and verified, another agent's entry %s, no request %s", told[0], told[1]), nil
}

func (a *nodeAgent) fetchesToken(ctx context.Context, entry string) (string, error) {
	answer, err := a.call(ctx, svidService+"NewJWTSVID", object{"entryId": entry, "audience": []any{"shop"}})
	if err != nil {
		return "", err
	}
	token, _ := answer["svid"].(object)["token"].(string)
	svid, err := jwtsvid.ParseAndValidate(token, a.bundle, []string{"shop"})
	if err != nil {
		return "", err
	}
	return svid.ID.String(), nil
}

func (a *nodeAgent) getsForeign(ctx context.Context) (string, error) {
	bundle, err := a.call(ctx, bundleService+"GetFederatedBundle", object{"trustDomain": otherDomain})
	if err != nil {
		return "", err
	}
	_, err = a.call(ctx, bundleService+"GetFederatedBundle", object{"trustDomain": "nowhere.test"})
	if bundle["trustDomain"] != otherDomain || status.Code(err) != codes.NotFound {
		return "", fmt.Errorf("%v, and %v", bundle["trustDomain"], err)
	}
	return fmt.Sprintf("%v, %s", bundle["trustDomain"], shortly(err)), nil
}

func (a *nodeAgent) renews(ctx context.Context) (string, error) {
	old := a.svid
	if err := a.renew(ctx); err != nil {
		return "", err
	}
	next := a.svid
	if _, err := a.call(ctx, agentService+"PostStatus", object{}); err != nil {
		return "", fmt.Errorf("the next one: %w", err)
	}
	a.svid = old
	if err := a.dial(); err != nil {
		return "", err
	}
	_, err := a.call(ctx, agentService+"PostStatus", object{})
	if status.Code(err) != codes.PermissionDenied || len(status.Convert(err).Details()) == 0 {
		return "", fmt.Errorf("the one before it is not refused with a reason: %v", err)
	}
	a.svid = next
	return shortly(err), a.dial()
}

func only(list any) (object, error) {
	if all, _ := list.([]any); len(all) == 1 {
		return all[0].(object), nil
	}
	return nil, fmt.Errorf("not one entry: %v", list)
}

func codeOf(result any) codes.Code {
	told, _ := result.(object)["status"].(object)
	number, _ := told["code"].(float64)
	return codes.Code(number)
}

func encode(bytes []byte) string { return base64.StdEncoding.EncodeToString(bytes) }

func decode(text any) []byte {
	encoded, _ := text.(string)
	bytes, _ := base64.StdEncoding.DecodeString(encoded)
	return bytes
}
