package daemon

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server"
)

// serverTLS is the Secret that Argo CD prefers to its own; it needs the label app.kubernetes.io/part-of: argocd here.
const serverTLS = "argocd-server-tls"

// certificate is what we prove ourselves with: the files that were given, the Secret argocd-server-tls, or tls.crt and
// tls.key of argocd-secret, which are made when missing. A changed Secret is in force for the next connection.
type certificate struct {
	d       *Daemon
	mu      sync.Mutex
	version uint64
	pair    *tls.Certificate
}

// insecure reports whether the process was told to speak plain text with everybody: a proxy does TLS.
func (d *Daemon) insecure() bool { return d.cfg.Insecure || d.Catalog.Settings().Server.Insecure }

// onlyReplicas has TLS spoken with other replicas alone: they show each other the tokens of callers.
func onlyReplicas(c *tls.Config) *tls.Config {
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName != server.ReplicaName {
			// what a server without TLS says: clients know it, and go on in plain text or tell their people
			_, _ = io.WriteString(hello.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks plain text.\n")
			return nil, problem.New(problem.Unavailable, "this port speaks plain text")
		}
		return nil, nil //nolint:nilnil // crypto/tls: go on with what you have
	}
	return c
}

// tlsConfig is how TLS is spoken. Its GetCertificate is what we prove ourselves with.
func (d *Daemon) tlsConfig(ctx context.Context) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.cfg.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(d.cfg.TLSCert, d.cfg.TLSKey)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "read the certificate %s and its key %s", d.cfg.TLSCert, d.cfg.TLSKey)
		}
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }
		return askAgents(c), nil
	}
	own := &certificate{d: d}
	if _, err := own.get(nil); err != nil {
		crt, key, err := selfSigned(d.cfg.Namespace, time.Now())
		if err != nil {
			return nil, problem.Because(problem.Internal, err, "make a certificate")
		}
		if err := d.keepCertificate(ctx, crt, key); err != nil {
			d.log.Warn("our certificate cannot be kept: another one is made at the next start", "error", err)
			pair, err := tls.X509KeyPair(crt, key)
			if err != nil {
				return nil, problem.Because(problem.Internal, err, "make a certificate")
			}
			own.pair = &pair
		}
	}
	c.GetCertificate = own.get
	return askAgents(c), nil
}

// askAgents has agents that say so show a certificate. It is judged by its key, where their records are known; nobody
// else is asked for one.
func askAgents(c *tls.Config) *tls.Config {
	ask := c.Clone()
	ask.ClientAuth = tls.RequestClientCert
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, agent.Protocol) {
			return ask, nil
		}
		return nil, nil //nolint:nilnil // crypto/tls: go on with what you have
	}
	return c
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	accounts := c.d.Catalog.Accounts()
	if accounts == nil {
		return nil, problem.New(problem.Unavailable, "the Secret with our certificate has not been read yet")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && c.version == accounts.Version {
		return c.pair, nil
	}
	var fault error
	for _, name := range []string{serverTLS, auth.SettingsSecret} {
		data, _ := accounts.Secret(name)
		if len(data["tls.crt"]) == 0 {
			continue
		}
		pair, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
		if err != nil {
			fault = problem.New(problem.Invalid, "tls.crt and tls.key of Secret %s are not a certificate and its key", name)
			continue
		}
		c.pair, c.version = &pair, accounts.Version
		return c.pair, nil
	}
	if c.pair != nil { // better the old one than none
		return c.pair, nil
	}
	if fault == nil {
		fault = problem.New(problem.NotFound, "there is no certificate in Secret %s", auth.SettingsSecret)
	}
	return nil, fault
}

// keepCertificate puts a certificate into argocd-secret, unless there is one by now.
func (d *Daemon) keepCertificate(ctx context.Context, crt, key []byte) error {
	return d.Catalog.ChangeSecret(ctx, auth.SettingsSecret, func(data map[string][]byte) error {
		if _, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"]); err != nil {
			data["tls.crt"], data["tls.key"] = crt, key
		}
		return nil
	})
}

// selfSigned makes a certificate for the names that we go by in a cluster and on this machine, good for a year.
func selfSigned(namespace string, now time.Time) (crt, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"Hawser"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{
			"localhost", "hawser", "argocd-server", "argocd-server." + namespace, "argocd-server." + namespace + ".svc",
			"argocd-server." + namespace + ".svc.cluster.local",
		},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host, err := os.Hostname(); err == nil {
		t.DNSNames = append(t.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}
