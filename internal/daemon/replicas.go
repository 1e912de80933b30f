package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server"
)

// replicas are the other replicas.
type replicas struct {
	http.RoundTripper
	apps *reconcile.Apps
}

// KnownBy implements server.Replicas.
func (r replicas) KnownBy(app *v1alpha1.Application) (catalog.Peer, bool) { return r.apps.KnownBy(app) }

// Elsewhere implements server.Replicas.
func (r replicas) Elsewhere(app *v1alpha1.Application) error { return r.apps.Elsewhere(app) }

// WatchedBy implements server.Replicas.
func (r replicas) WatchedBy(k catalog.Cluster) (catalog.Peer, bool) { return r.apps.WatchedBy(k) }

// How long another replica may be silent: while it is called, and on a connection that is open.
const (
	replicaDials  = 3 * time.Second
	replicaSilent = 5 * time.Second
)

// replicaClient reaches other replicas, and nobody else: who answers must prove to have the key of our own certificate. Its
// names and its dates do not matter, and what the machine trusts does not either: replicas are called by their addresses.
func replicaClient(own func(*tls.ClientHelloInfo) (*tls.Certificate, error)) http.RoundTripper {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: replicaDials}).DialContext,
		TLSHandshakeTimeout:    replicaDials,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: replicaSilent, PingTimeout: replicaSilent},
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        time.Minute,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, ServerName: server.ReplicaName,
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection judges, also what is resumed
			VerifyConnection: func(s tls.ConnectionState) error {
				ours, err := own(nil)
				if err != nil {
					return err
				}
				return sameKey(ours, s.PeerCertificates)
			},
		},
	}
}

// sameKey is why a chain does not begin with a certificate of our own key.
func sameKey(ours *tls.Certificate, theirs []*x509.Certificate) error {
	leaf := ours.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(ours.Certificate[0]); err != nil {
			return problem.Because(problem.Internal, err, "read our own certificate")
		}
	}
	if len(theirs) == 0 || string(theirs[0].RawSubjectPublicKeyInfo) != string(leaf.RawSubjectPublicKeyInfo) {
		return problem.New(problem.Unavailable, "what answers at the address of another replica does not have our certificate: nothing was sent").
			WithHint("all replicas must have the same certificate; a changed one is in force everywhere in a moment, one that is given by files after a restart")
	}
	return nil
}

// peerAddress is where other replicas reach this one: as it was told, else where it listens. One that listens everywhere has
// the address by which it reaches the API server.
func (d *Daemon) peerAddress(ctx context.Context) string {
	host, port, err := net.SplitHostPort(d.Addr)
	if err != nil {
		return ""
	}
	if told := d.cfg.PeerAddress; told != "" {
		if _, _, err := net.SplitHostPort(told); err == nil {
			return told
		}
		return net.JoinHostPort(told, port)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return d.Addr
	}
	at, err := url.Parse(d.home)
	if err != nil {
		return ""
	}
	server := at.Host
	if at.Port() == "" {
		server = net.JoinHostPort(at.Hostname(), "443")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", server) // sends nothing: the routes say from where it would be
	if err != nil {
		d.log.Warn("the address of this replica is not known: others do not pass calls on to it", "error", err, "hint", "give --peer-address")
		return ""
	}
	defer func() { _ = conn.Close() }()
	host, _, _ = net.SplitHostPort(conn.LocalAddr().String())
	return net.JoinHostPort(host, port)
}
