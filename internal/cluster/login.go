package cluster

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/hawser-cd/hawser/internal/cluster/credential"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// login is as whom a cluster is talked to, where that can change while the connection lives: a bearer token that is
// rotated, or what a program gives. Other credentials stay in the connection's configuration.
type login struct {
	source *credential.Source // nil: the token counts

	mu          sync.Mutex
	token       string
	certificate *tls.Certificate // that connections were last made with
	renewed     func()           // called when connections are to be made anew
}

// newLogin takes from config what login stands for, and has its requests carry that. It is nil when there is nothing of
// the kind. client-go's own way to run programs is not used: it gives them all of our environment, and as long as they
// like.
func newLogin(config *rest.Config) (*login, error) {
	l := &login{renewed: func() {}}
	switch {
	case config.ExecProvider != nil:
		if config.AuthProvider != nil || config.BearerToken != "" || config.Username != "" {
			return nil, problem.New(problem.Invalid, "execProviderConfig stands beside other credentials: which are meant?")
		}
		l.source = credential.New(programOf(config))
	case config.BearerToken != "" && config.BearerTokenFile == "" && config.AuthProvider == nil && config.Username == "":
		l.token = config.BearerToken
	default:
		return nil, nil
	}
	config.ExecProvider, config.BearerToken = nil, ""
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bearer{l, next} })
	return l, nil
}

func programOf(config *rest.Config) credential.Program {
	e := config.ExecProvider
	p := credential.Program{Command: e.Command, Args: e.Args, APIVersion: e.APIVersion, InstallHint: e.InstallHint}
	for _, v := range e.Env {
		p.Env = append(p.Env, v.Name+"="+v.Value)
	}
	if e.ProvideClusterInfo {
		p.Cluster = &credential.Cluster{Server: config.Host, TLSServerName: config.ServerName, Insecure: config.Insecure, CAData: config.CAData, DisableCompression: config.DisableCompression}
		if raw, ok := e.Config.(*runtime.Unknown); ok {
			p.Cluster.Config = json.RawMessage(raw.Raw)
		}
		if config.Proxy != nil {
			if u, err := config.Proxy(&http.Request{}); err == nil && u != nil {
				p.Cluster.ProxyURL = u.String()
			}
		}
	}
	return p
}

// client returns the HTTP client of config, to which l belongs; l may be nil.
func (l *login) client(config *rest.Config) (*http.Client, error) {
	if l == nil || l.source == nil {
		return rest.HTTPClientFor(config)
	}
	t, err := config.TransportConfig()
	if err != nil {
		return nil, err
	}
	t.TLS.GetCertHolder = &transport.GetCertHolder{GetCert: func() (*tls.Certificate, error) {
		c, err := l.source.Get(context.Background()) //nolint:forbidigo // crypto/tls hands over no context, and Get has a bound of its own
		return c.Certificate, err
	}}
	trip, err := transport.New(t)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: trip}, nil
}

// forSession returns the configuration for a connection that is made for one purpose (Exec): with the certificate, if
// the login is by one.
func (l *login) forSession(ctx context.Context, config *rest.Config) (*rest.Config, error) {
	if l == nil || l.source == nil {
		return config, nil
	}
	c, err := l.source.Get(ctx)
	if err != nil || c.Certificate == nil {
		return config, err
	}
	certificate, key, err := c.PEM()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.CertData, config.KeyData = certificate, key
	return config, nil
}

// set puts another token in force.
func (l *login) set(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = token
}

// get returns what is to be sent now.
func (l *login) get(ctx context.Context) (credential.Credential, error) {
	if l.source == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		return credential.Credential{Token: l.token}, nil
	}
	c, err := l.source.Get(ctx)
	if err != nil {
		return c, err
	}
	l.mu.Lock()
	before := l.certificate
	l.certificate = c.Certificate
	l.mu.Unlock()
	if before != nil && before != c.Certificate { // who we are was said when the connection was made
		l.renewed()
	}
	return c, nil
}

// bearer gives requests the token of its login.
type bearer struct {
	login *login
	next  http.RoundTripper
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := b.login.get(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	if c.Token != "" && r.Header.Get("Authorization") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	answer, err := b.next.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusUnauthorized && b.login.source != nil {
		b.login.source.Refused(c)
	}
	return answer, err
}

// WrappedRoundTripper is for client-go, which looks below for what it can close or name.
func (b *bearer) WrappedRoundTripper() http.RoundTripper { return b.next }

// unsent reports whether err says that nothing was sent for want of credentials.
func unsent(err error) bool {
	var f *credential.Failure
	return errors.As(err, &f)
}

// Login puts another bearer token in force, at once and for all that is open: what is known of the cluster stays known,
// and its watches are taken up again as the one whom the token names. It is false when the cluster is not reached by
// such a token.
func (c *Cluster) Login(token string) bool {
	if c.login == nil || c.login.source != nil || token == "" {
		return false
	}
	c.login.set(token)
	c.mu.Lock()
	for _, sl := range c.slots {
		for _, s := range []*stream{sl.active, sl.next} {
			if s != nil {
				s.again()
			}
		}
	}
	c.mu.Unlock()
	select {
	case c.pulse.suspect <- struct{}{}:
	default:
	}
	c.rediscover()
	return true
}
