// A workload of somebody else in another language: it knows the SPIFFE Workload API through go-spiffe and nothing of
// Weft, except that it calls `weft` as an operator would, to change entries and authorities while it watches.
//
//	peers certificates DIR    writes an authority and a certificate for 127.0.0.1, for the public listener
//	peers check OPTIONS       runs every check against running servers and agents, says what held, exits 1 if one did not
//	peers nobody              what `check` starts under a path that no entry names: asks for all, prints each answer
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
)

func main() {
	words := append(os.Args[1:], "")
	var err error
	switch words[0] {
	case "certificates":
		err = writeCertificates(words[1])
	case "check":
		err = check(os.Args[2:])
	case "nobody":
		err = askAsNobody()
	default:
		err = fmt.Errorf("usage: peers certificates DIR | check OPTIONS | nobody")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// place is what runs around this program: scripts/test-peers started it.
type place struct {
	weft         string // the command line
	admin        string // the server's local socket
	agent        string // SPIFFE ID of this node's agent
	workload     string // the Rust workload; an entry names its path
	nobody       string // a copy of this program that no entry names
	bundle       string // URL of our bundle endpoint
	otherBundle  string // URL of the other trust domain's
	otherSocket  string // Workload API socket of the other trust domain's agent
	otherAdmin   string // the other server's local socket
	node         string // our node API, host:port
	protos       string // folder of the published .proto files of SPIRE's API
	certificates string // what the bundle endpoints' certificates are under
}

func check(arguments []string) error {
	var here place
	flags := flag.NewFlagSet("check", flag.ExitOnError)
	for name, field := range map[string]*string{
		"weft": &here.weft, "admin": &here.admin, "agent": &here.agent, "workload": &here.workload,
		"nobody": &here.nobody, "bundle": &here.bundle, "other-bundle": &here.otherBundle,
		"other-socket": &here.otherSocket, "other-admin": &here.otherAdmin, "node": &here.node,
		"protos": &here.protos, "certificates": &here.certificates,
	} {
		flags.StringVar(field, name, "", "")
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	r := &report{}
	for _, part := range []struct {
		title string
		run   func(*report, place)
	}{
		{"X.509-SVIDs and bundles", checkX509},
		{"JWT-SVIDs and bundles", checkJWT},
		{"Mutual TLS", checkTLS},
		{"A process without identity", checkNobody},
		{"Another trust domain", checkFederation},
		{"A node's agent in Go, by descriptions that are not ours", checkNode},
		{"Rotation", checkRotation},
	} {
		fmt.Printf("\n%s\n", part.title)
		part.run(r, here)
	}
	fmt.Printf("\nproof: go-spiffe %s: %d checks held, %d did not\n", goSpiffe(), r.held, r.broken)
	if r.broken > 0 || r.held == 0 {
		return fmt.Errorf("not every check held")
	}
	return nil
}

func goSpiffe() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "github.com/spiffe/go-spiffe/v2" {
				return module.Version
			}
		}
	}
	return "of unknown version"
}
