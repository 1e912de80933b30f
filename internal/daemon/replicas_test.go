package daemon

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/server"
)

func pairFor(t *testing.T) *tls.Certificate {
	t.Helper()
	crt, key, err := selfSigned("argocd", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(crt, key)
	if err != nil {
		t.Fatal(err)
	}
	return &pair
}

// A replica is recognized by the key of our certificate, and by nothing else; and where a proxy does TLS, only replicas speak it.
func TestOnlyWhoHasOurKeyIsAReplica(t *testing.T) {
	ours, others := pairFor(t), pairFor(t)
	ctx, stop := context.WithCancel(t.Context())
	serve := func(pair *tls.Certificate) (addr string, heard *int) {
		l, err := server.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		heard = new(int)
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*heard++
			if r.Header.Get("Upgrade") == "websocket" {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
				_ = conn.Close()
				return
			}
			_, _ = io.WriteString(w, r.Proto)
		})
		ended := make(chan error, 1)
		secure := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }}
		go func() { ended <- server.ServePlain(ctx, l, h, onlyReplicas(secure), slog.New(slog.DiscardHandler)) }()
		t.Cleanup(func() { stop(); <-ended })
		return l.Addr().String(), heard
	}
	replica, _ := serve(ours)
	impostor, heard := serve(others)
	client := &http.Client{Transport: replicaClient(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return ours, nil })}
	ask := func(c *http.Client, addr string, header http.Header) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		res, err := c.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		line, _ := bufio.NewReader(res.Body).ReadString('\n')
		return line, nil
	}
	if text, err := ask(client, "https://"+replica, http.Header{}); text != "HTTP/2.0" {
		t.Errorf("a replica: %q %v", text, err)
	}
	if text, err := ask(client, "https://"+replica, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}); text != "hello\n" {
		t.Errorf("a WebSocket: %q %v", text, err)
	}
	if _, err := ask(client, "https://"+impostor, http.Header{}); err == nil || !strings.Contains(err.Error(), "does not have our certificate") || *heard != 0 {
		t.Errorf("an impostor: %v, and %d requests came to it", err, *heard)
	}
	if text, err := ask(http.DefaultClient, "http://"+replica, http.Header{}); text != "HTTP/1.1" {
		t.Errorf("in plain text: %q %v", text, err)
	}
	leaf, err := x509.ParseCertificate(ours.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}}
	if text, err := ask(browser, "https://"+replica, http.Header{}); err == nil || !strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		t.Errorf("anybody by TLS: %q %v", text, err)
	}
}

func TestWhereOthersReachAReplica(t *testing.T) {
	for _, c := range []struct{ told, listens, home, want string }{
		{"", "127.0.0.1:8080", "https://10.0.0.1", "127.0.0.1:8080"},
		{"", "[::]:8080", "https://127.0.0.1:6443", "127.0.0.1:8080"},
		{"", "0.0.0.0:8080", "https://127.0.0.1", "127.0.0.1:8080"},
		{"10.0.0.7", "[::]:8080", "https://10.0.0.1", "10.0.0.7:8080"},
		{"fd00::7", "[::]:8080", "https://10.0.0.1", "[fd00::7]:8080"},
		{"hawser-1.hawser:443", "[::]:8080", "https://10.0.0.1", "hawser-1.hawser:443"},
		{"", "[::]:8080", "::", ""},
	} {
		d := &Daemon{cfg: config.Config{PeerAddress: c.told}, Addr: c.listens, home: c.home, log: slog.New(slog.DiscardHandler)}
		if got := d.peerAddress(t.Context()); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
