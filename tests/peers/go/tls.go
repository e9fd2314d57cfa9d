package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// How many connections each pair makes.
const calls = 20

func checkTLS(r *report, here place) {
	r.holds("Go calls Go", func(ctx context.Context) (string, error) {
		server, err := serve(ctx, me)
		if err != nil {
			return "", err
		}
		defer server.close()
		if err := reaches(ctx, server.address, me); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d of %d connections, another name refused", server.answered.Load(), calls), nil
	})
	r.holds("Rust calls Go", func(ctx context.Context) (string, error) {
		server, err := serve(ctx, rust)
		if err != nil {
			return "", err
		}
		defer server.close()
		for range calls {
			if _, err := outcome(ctx, socket(), here.workload, "call", server.address, me); err != nil {
				return "", server.why(err)
			}
		}
		if _, err := outcome(ctx, socket(), here.workload, "call", server.address, somebody); err == nil {
			return "", fmt.Errorf("the server was accepted under another name")
		}
		return fmt.Sprintf("%d of %d connections, another name refused", server.answered.Load(), calls), nil
	})
	r.holds("Go calls Rust", func(ctx context.Context) (string, error) {
		server, err := serveRust(ctx, socket(), here.workload, me)
		if err != nil {
			return "", err
		}
		defer server.close()
		if err := reaches(ctx, server.address, rust); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d of %d connections, another name refused", calls, calls), nil
	})
	r.holds("a caller with the wrong identity, and one with none, are refused by Go and by Rust", func(ctx context.Context) (string, error) {
		ours, err := serve(ctx, somebody)
		if err != nil {
			return "", err
		}
		defer ours.close()
		theirs, err := serveRust(ctx, socket(), here.workload, somebody)
		if err != nil {
			return "", err
		}
		defer theirs.close()
		source, err := workloadapi.NewX509Source(ctx)
		if err != nil {
			return "", err
		}
		defer source.Close()
		for peer, address := range map[string]string{me: ours.address, rust: theirs.address} {
			if _, err := call(ctx, source, address, peer); err == nil {
				return "", fmt.Errorf("%s accepted the wrong identity", peer)
			}
			if err := callWithout(ctx, source, address, peer); err == nil {
				return "", fmt.Errorf("%s accepted no identity", peer)
			}
		}
		return "4 of 4", nil
	})
}

// server is one of ours that listens and says hello to one peer.
type server struct {
	address  string
	answered atomic.Int64
	trouble  atomic.Value // the last error of a connection: the peer is told less
	close    func()
}

// why adds to a caller's error what the server saw.
func (s *server) why(err error) error { return fmt.Errorf("%w; the server: %v", err, s.trouble.Load()) }

func serve(ctx context.Context, peer string) (*server, error) {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return nil, err
	}
	authorizer := tlsconfig.AuthorizeID(spiffeid.RequireFromString(peer))
	listener, err := spiffetls.ListenWithMode(ctx, "tcp", "127.0.0.1:0", spiffetls.MTLSServerWithSource(authorizer, source))
	if err != nil {
		source.Close()
		return nil, err
	}
	s := &server{address: listener.Addr().String()}
	s.close = func() { listener.Close(); source.Close() }
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				if _, err := io.WriteString(connection, "hello over mutual TLS\n"); err != nil {
					s.trouble.Store(err.Error())
					return
				}
				s.answered.Add(1)
			}()
		}
	}()
	return s, nil
}

// reaches calls a server as often as is asked, under its own name, and once under another, which must fail.
func reaches(ctx context.Context, address, peer string) error {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	for range calls {
		if _, err := call(ctx, source, address, peer); err != nil {
			return err
		}
	}
	if _, err := call(ctx, source, address, somebody); err == nil {
		return fmt.Errorf("the server was accepted under another name")
	}
	return nil
}

// call makes one connection, checks who is there and what it says, and gives the serial of the peer's certificate.
func call(ctx context.Context, source *workloadapi.X509Source, address, peer string) (string, error) {
	authorizer := tlsconfig.AuthorizeID(spiffeid.RequireFromString(peer))
	connection, err := spiffetls.DialWithMode(ctx, "tcp", address, spiffetls.MTLSClientWithSource(authorizer, source))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	if err := greeted(ctx, connection); err != nil {
		return "", err
	}
	id, err := spiffetls.PeerIDFromConn(connection)
	if err != nil || id.String() != peer {
		return "", fmt.Errorf("the peer is %s: %v", id, err)
	}
	state := connection.(interface{ ConnectionState() tls.ConnectionState }).ConnectionState()
	return serial(state.PeerCertificates[0]), nil
}

// callWithout shows no certificate.
func callWithout(ctx context.Context, source *workloadapi.X509Source, address, peer string) error {
	authorizer := tlsconfig.AuthorizeID(spiffeid.RequireFromString(peer))
	dialer := tls.Dialer{Config: tlsconfig.TLSClientConfig(source, authorizer)}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	return greeted(ctx, connection)
}

// greeted reads the one line: in TLS 1.3 a client learns only by reading that its certificate was refused.
func greeted(ctx context.Context, connection net.Conn) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetDeadline(deadline)
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return err
	}
	if line != "hello over mutual TLS\n" {
		return fmt.Errorf("it said %q", line)
	}
	return nil
}

// serveRust starts the Rust workload, which listens for one peer.
func serveRust(ctx context.Context, socket, program, peer string) (*server, error) {
	command := exec.CommandContext(ctx, program, "serve", "127.0.0.1:0", peer)
	command.Env = append(os.Environ(), "SPIFFE_ENDPOINT_SOCKET="+socket)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	stop := func() { _ = command.Process.Kill(); _ = command.Wait() }
	lines := bufio.NewReader(output)
	line, err := lines.ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) < 2 || words[0] != "serving" {
		stop()
		return nil, fmt.Errorf("the Rust workload did not start: %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return &server{address: words[1], close: stop}, nil
}
