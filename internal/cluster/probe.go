package cluster

import (
	"context"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// probeTimeout bounds a question to a cluster that somebody wants to register.
const probeTimeout = 15 * time.Second

// Probe connects once and returns the server's version (v1.36.3). It is for connections that are not in use yet, with
// credentials that are checked by it: a server that lets strangers ask for its version is asked who we are, too.
func Probe(ctx context.Context, config *rest.Config) (version string, err error) {
	defer problem.Wrap(&err, "connect to the cluster")
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	type answer struct {
		version string
		err     error
	}
	answers := make(chan answer, 1)
	go func() { // a program that makes tokens knows no context
		version, err := probe(ctx, config)
		answers <- answer{version, err}
	}()
	select {
	case a := <-answers:
		return a.version, a.err
	case <-ctx.Done():
		return "", problem.Because(problem.Precondition, ctx.Err(), "it does not answer")
	}
}

func probe(ctx context.Context, config *rest.Config) (string, error) {
	config = rest.CopyConfig(config)
	config.Timeout, config.QPS, config.Burst = probeTimeout, -1, 0
	config.UserAgent = "hawser"
	config.WarningHandlerWithContext = warnings{}
	l, err := newLogin(config)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "its settings cannot be used")
	}
	h, err := l.client(config)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "its settings cannot be used")
	}
	defer h.CloseIdleConnections()
	d, err := discovery.NewDiscoveryClientForConfigAndClient(config, h)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "its settings cannot be used")
	}
	client := discovery.ToDiscoveryInterfaceWithContext(d)
	if err := d.RESTClient().Get().AbsPath("/api").Do(ctx).Error(); err != nil { // /version answers anybody
		return "", problem.Because(problem.Precondition, err, "it does not let us in")
	}
	v, err := client.ServerVersionWithContext(ctx)
	if err != nil {
		return "", problem.Because(problem.Precondition, err, "ask its version")
	}
	return v.GitVersion, nil
}
