package cluster

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
)

// InCluster is the address by which applications name the cluster that Hawser's own records live in. It is a name
// here: the connection is that of our own kubeconfig, wherever we run.
const InCluster = "https://kubernetes.default.svc"

// Fleet is the open clusters, by server address. Each has its own connections and goroutines, so a dead one delays
// nobody.
type Fleet struct {
	ctx context.Context

	mu       sync.RWMutex
	clusters map[string]*member
}

// member is one record and what became of it.
type member struct {
	options Options
	cluster *Cluster
	err     error // its settings cannot be used
	cancel  context.CancelFunc
}

// NewFleet returns a fleet without clusters; all that it opens ends with ctx.
func NewFleet(ctx context.Context) *Fleet {
	return &Fleet{ctx: ctx, clusters: map[string]*member{}}
}

// Set makes the fleet exactly these clusters: it opens what is new, closes what is gone, opens anew what is reached in
// another way or asked to be refreshed, and gives new Settings, and a new bearer token, to the rest. It does not wait for any cluster. Of two records of one server the
// first counts.
func (f *Fleet) Set(list ...Options) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted := map[string]bool{}
	for _, o := range list {
		server := serverKey(o.Server)
		if wanted[server] {
			continue
		}
		wanted[server] = true
		m := f.clusters[server]
		if m != nil && sameConnection(m.options, o) {
			if m.cluster != nil && !reflect.DeepEqual(m.options.Settings, o.Settings) {
				m.cluster.Configure(o.Settings)
			}
			m.options.Settings = o.Settings
			continue
		}
		if m != nil && m.cluster != nil && sameButToken(m.options, o) && m.cluster.Login(o.REST.BearerToken) {
			if !reflect.DeepEqual(m.options.Settings, o.Settings) {
				m.cluster.Configure(o.Settings)
			}
			m.options = o
			continue
		}
		if m != nil {
			m.cancel()
		}
		ctx, cancel := context.WithCancel(f.ctx)
		c, err := Open(ctx, o)
		f.clusters[server] = &member{options: o, cluster: c, err: err, cancel: cancel}
	}
	for server, m := range f.clusters {
		if !wanted[server] {
			m.cancel()
			delete(f.clusters, server)
		}
	}
}

// Cluster returns the cluster at server. NotFound: there is no such record; Invalid: its settings cannot be used.
func (f *Fleet) Cluster(server string) (*Cluster, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if m := f.clusters[serverKey(server)]; m != nil {
		return m.cluster, m.err
	}
	return nil, problem.New(problem.NotFound, "there is no cluster %q", server).WithHint("add it, or correct spec.destination.server")
}

// Named returns the cluster that is called name. Two of one name are an error: nobody could tell which is meant.
func (f *Fleet) Named(name string) (*Cluster, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var found []*member
	for _, m := range f.clusters {
		if m.options.Name == name {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 1:
		return found[0].cluster, found[0].err
	case 0:
		return nil, problem.New(problem.NotFound, "there is no cluster named %q", name).WithHint("add it, or correct spec.destination.name")
	}
	return nil, problem.New(problem.Invalid, "there are %d clusters named %q", len(found), name).WithHint("use spec.destination.server")
}

// Clusters returns all clusters whose settings can be used, by server address.
func (f *Fleet) Clusters() []*Cluster {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var list []*Cluster
	for _, m := range f.clusters {
		if m.cluster != nil {
			list = append(list, m.cluster)
		}
	}
	slices.SortFunc(list, func(a, b *Cluster) int { return cmp.Compare(a.server, b.server) })
	return list
}

func serverKey(server string) string { return strings.TrimRight(server, "/") }

// sameButToken reports whether the bearer token is all that a connection differs in.
func sameButToken(a, b Options) bool {
	if a.REST == nil || b.REST == nil || a.REST.BearerToken == "" || b.REST.BearerToken == "" {
		return false
	}
	config := rest.CopyConfig(a.REST)
	config.BearerToken = b.REST.BearerToken
	a.REST = config
	return sameConnection(a, b)
}

// sameConnection reports whether both reach the same server with the same rights. Function fields, which cannot be
// compared, count as different unless the configuration is the very same one; of the proxy the address counts.
func sameConnection(a, b Options) bool {
	if !reflect.DeepEqual(a.Masker, b.Masker) { // what has been read already is hidden in another way
		return false
	}
	return a.Name == b.Name && a.Refresh == b.Refresh && (a.REST == b.REST || proxyOf(a.REST) == proxyOf(b.REST) && reflect.DeepEqual(plain(a.REST), plain(b.REST)))
}

// plain is the configuration without its proxy.
func plain(c *rest.Config) rest.Config {
	if c == nil {
		return rest.Config{}
	}
	p := *c
	p.Proxy = nil
	return p
}

// proxyOf is through which proxy a server is reached; where the configuration names none, the environment decides, for
// all alike.
func proxyOf(c *rest.Config) string {
	if c == nil || c.Proxy == nil {
		return ""
	}
	to, err := url.Parse(c.Host)
	if err != nil {
		return "?"
	}
	u, err := c.Proxy(&http.Request{Method: http.MethodGet, URL: to, Header: http.Header{}})
	if err != nil || u == nil {
		return fmt.Sprintf("? %v", err)
	}
	return u.String()
}
