package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server"
	"golang.org/x/sync/errgroup"
)

// isAgent reports whether this process is an agent: the same parts, with its hub's records and no accounts of its own.
func (d *Daemon) isAgent() bool { return d.cfg.Agent.Name != "" }

// runAgent reconciles while it holds the lead, and answers the hub meanwhile. Nobody else is answered but probes.
func (d *Daemon) runAgent(ctx context.Context) error {
	secure, err := d.towardsHub()
	if err != nil {
		return err
	}
	if _, err := agent.Address(d.cfg.Agent.Hub); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(ctx, d.listener, server.Probes(d.ready, d.registry), nil, d.log) })
	group.Go(func() error {
		return d.Catalog.Lead(ctx, func(ctx context.Context) { d.reconcileForHub(ctx, secure) }, func() { d.leading.Store(false) })
	})
	d.log.Info("hawser agent is up", "agent", d.cfg.Agent.Name, "hub", d.cfg.Agent.Hub, "namespace", d.cfg.Namespace, "version", server.Build().Version)
	err = group.Wait()
	if ctx.Err() != nil && problem.KindOf(err) == problem.Internal {
		return nil
	}
	return err
}

// reconcileForHub is what only the leader of an agent's replicas does. The hub may be there or not.
func (d *Daemon) reconcileForHub(ctx context.Context, secure *tls.Config) {
	defer d.begin(ctx)()
	copies := reconcile.NewCopies(d.Apps, server.Build().Version)
	var all sync.WaitGroup
	all.Go(func() { copies.Run(ctx) })
	all.Go(func() {
		agent.Dial(ctx, agent.DialOptions{
			Hub: d.cfg.Agent.Hub, Name: d.cfg.Agent.Name, Token: d.hubToken, TLS: secure, Version: server.Build().Version, Log: d.log,
			Handler: agent.Serve(copies, d.handlerForHub()), Instance: d.Catalog.Instance,
		})
	})
	d.waitForClusters(ctx)
	all.Go(func() { d.Apps.Run(ctx) })
	all.Wait()
}

// handlerForHub answers the API to the hub, which has decided who may ask.
func (d *Daemon) handlerForHub() http.Handler {
	return server.PassedOn(server.New(server.Options{
		Log: d.log, Version: server.Build(), Namespace: d.cfg.Namespace, AnyNamespace: d.anyNamespace(), Catalog: d.Catalog, Apps: d.Apps, Fleet: d.Fleet,
		Sources: d.Apps, Policy: d.policies.current.Load, Audit: d.audit,
		Vouched: func(r *http.Request) (who, application string) {
			return r.Header.Get(agent.PersonHeader), r.Header.Get(agent.ApplicationHeader)
		},
	}))
}

// hubToken reads the token, so that one that is renewed counts at the next attempt.
func (d *Daemon) hubToken() (string, error) {
	if d.cfg.Agent.TokenFile == "" {
		return "", nil
	}
	data, err := os.ReadFile(d.cfg.Agent.TokenFile)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "read the agent's token")
	}
	token := strings.TrimSpace(string(data))
	if token == "" || len(token) > 4096 || strings.ContainsAny(token, " \n\r\t") {
		return "", problem.New(problem.Invalid, "%s holds no token", d.cfg.Agent.TokenFile).WithHint("it is what `hawser agent add` has printed, and nothing else")
	}
	return token, nil
}

// towardsHub is how TLS is spoken to the hub.
func (d *Daemon) towardsHub() (*tls.Config, error) {
	a := d.cfg.Agent
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if a.CAFile != "" {
		pem, err := os.ReadFile(a.CAFile)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "read --ca")
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, problem.New(problem.Invalid, "--ca %s holds no certificate in PEM", a.CAFile)
		}
	}
	if a.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile); err != nil {
			return nil, problem.Because(problem.Invalid, err, "read --client-cert and --client-key")
		}
		c.NextProtos = []string{agent.Protocol, "http/1.1"} // says that it has one to show
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile) // read anew: it may have been renewed
			return &pair, err
		}
	}
	return c, nil
}
