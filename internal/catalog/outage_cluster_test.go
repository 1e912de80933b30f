package catalog

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/faultproxy"
)

func TestOutage(t *testing.T) {
	s := newSite(t, application("stays", "")+"---"+application("goes", "")+"---"+application("changes", ""))
	config, w := faultproxy.Wired(t, s.Config)
	c := open(t, Options{REST: config, Namespace: s.ns, Log: quiet()})
	h := &heard{}
	c.Subscribe(h.add)
	h.wait(t, Change{ApplicationChanged, s.name("stays")})
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}

	w.Cut(true)
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
	w.Cut(false)

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
