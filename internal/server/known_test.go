package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/rbac"
)

// registers is auth.Records in memory: accounts without a cluster.
type registers struct {
	mu sync.Mutex
	at auth.Snapshot
}

func (m *registers) Read() auth.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *registers) Change(_ context.Context, name string, change func(map[string][]byte) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := map[string][]byte{}
	for k, v := range m.at.Secrets[name] {
		data[k] = bytes.Clone(v)
	}
	if err := change(data); err != nil {
		return err
	}
	n, _ := strconv.Atoi(m.at.Version)
	m.at.Version, m.at.Secrets = strconv.Itoa(n+1), maps.Clone(m.at.Secrets)
	m.at.Secrets[name] = data
	return nil
}

const adminPassword = "correct-horse-1"

// withAccounts is the options of a server that admin and everybody can talk to, without a cluster behind it.
func withAccounts(tb testing.TB) (Options, *prometheus.Registry) {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(adminPassword), bcrypt.MinCost)
	if err != nil {
		tb.Fatal(err)
	}
	records := &registers{at: auth.Snapshot{Version: "1", CM: map[string]string{}, Secrets: map[string]map[string][]byte{auth.SettingsSecret: {
		"admin.password": hash, "admin.passwordMtime": []byte("2020-01-01T00:00:00Z"), "server.secretkey": []byte("a key of the tests, long enough"),
	}}}}
	policy, problems := rbac.New(rbac.Config{})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	registry := prometheus.NewRegistry()
	return Options{
		Log: slog.New(slog.DiscardHandler), Metrics: registry, Count: registry, Version: Version{Version: "v1.2.3"},
		Auth:   auth.New(auth.Options{Records: records, RoleTokens: func(string, string) ([]v1alpha1.JWTToken, bool) { return nil, false }}),
		Policy: func() *rbac.Policy { return policy },
	}, registry
}

// logIn returns a token of admin's.
func logIn(tb testing.TB, o Options) string {
	tb.Helper()
	token, err := o.Auth.Login(context.Background(), "admin", adminPassword, netip.MustParseAddr("192.0.2.9"))
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// panics is how many requests have panicked.
func panics(tb testing.TB, g prometheus.Gatherer) (n float64) {
	tb.Helper()
	families, err := g.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hawser_http_panics_total" {
			for _, m := range f.GetMetric() {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// serveOn answers on a free port of this machine, in the way of the daemon, until the test ends.
func serveOn(tb testing.TB, h http.Handler) (addr string) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	addr = l.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, nil, slog.New(slog.DiscardHandler)) }()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return addr
}

// clientFrom is a client of HTTP/1.1, or of HTTP/2 without TLS, that comes from an address of this machine.
func clientFrom(tb testing.TB, source string, h2 bool) *http.Client {
	var p http.Protocols
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	t := &http.Transport{Protocols: &p, DialContext: d.DialContext, MaxIdleConnsPerHost: 200}
	tb.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: time.Minute}
}

func request(tb testing.TB, method, url, token, contentType, body string) *http.Request {
	tb.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func selfSigned(tb testing.TB) *tls.Config {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
