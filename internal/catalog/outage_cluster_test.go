package catalog

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"k8s.io/client-go/rest"
)

// wire is a TCP proxy in front of the API server that can be cut, as networks and API servers are.
type wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// wired returns a connection to the API server that goes through a wire.
func wired(t *testing.T, config *rest.Config) (*rest.Config, *wire) {
	t.Helper()
	u, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, to: u.Host, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); w.setCut(true) })
	go w.serve()
	config = rest.CopyConfig(config)
	config.Host = "https://" + l.Addr().String()
	return config, w
}

func (w *wire) serve() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.to)
		if err != nil || !w.keep(in, out) {
			in.Close()
			continue
		}
		go func() { _, _ = io.Copy(out, in); out.Close() }()
		go func() { _, _ = io.Copy(in, out); in.Close() }()
	}
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if w.cut {
			c.Close()
		}
		w.conns[c] = true
	}
	return !w.cut
}

func (w *wire) setCut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			c.Close()
		}
		w.conns = map[net.Conn]bool{}
	}
}

func TestOutage(t *testing.T) {
	s := newSite(t, application("stays", "")+"---"+application("goes", "")+"---"+application("changes", ""))
	config, w := wired(t, s.Config)
	c := open(t, Options{REST: config, Namespace: s.ns, Log: quiet()})
	h := &heard{}
	c.Subscribe(h.add)
	h.wait(t, Change{ApplicationChanged, s.name("stays")})
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}

	w.setCut(true)
	eventually(t, "outage noticed", func() error {
		if c.Check() == nil {
			return errors.New("all is well")
		}
		return nil
	})
	if len(c.Applications()) != 3 {
		t.Errorf("an outage is no empty list: %v", c.Applications())
	}
	before, err := c.Application(s.name("stays"))
	if err != nil {
		t.Fatal(err)
	}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "goes", `{"metadata":{"finalizers":null}}`)
	s.Delete(t, s.ns, application("goes", ""))
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "changes", `{"spec":{"project":"new"}}`)
	s.Apply(t, s.ns, application("comes", ""))
	s.Apply(t, s.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {hawser.prune.guard: 'off'}}")
	h.clear()
	w.setCut(false)

	eventually(t, "everything caught up", func() error {
		if _, err := c.Application(s.name("goes")); err == nil {
			return errors.New("the deleted one is still there")
		}
		if _, err := c.Application(s.name("comes")); err != nil {
			return err
		}
		if app, err := c.Application(s.name("changes")); err != nil || app.Spec.Project != "new" {
			return fmt.Errorf("the changed one: %v, %v", app, err)
		}
		if c.Settings().PruneGuard {
			return errors.New("the setting is not in force")
		}
		return c.Check()
	})
	for _, name := range []string{"goes", "comes", "changes"} {
		h.wait(t, Change{ApplicationChanged, s.name(name)})
	}
	if after, _ := c.Application(s.name("stays")); after != before || h.count(Change{ApplicationChanged, s.name("stays")}) > 0 {
		t.Error("an application that did not change was told again")
	}
}
