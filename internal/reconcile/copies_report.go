package reconcile

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/webhook"
	"k8s.io/apimachinery/pkg/types"
)

// Reports implements agent.Engine.
func (c *Copies) Reports(ctx context.Context, send func(agent.Report) error, whole func() error) error {
	list, version := c.Catalog.ListApplications()
	for _, app := range list {
		if catalog.IsCopy(app) {
			if err := send(c.report(app)); err != nil {
				return err
			}
		}
	}
	c.mu.Lock()
	for name := range c.refused {
		c.told[name] = true
	}
	for name := range c.gone {
		c.told[name] = true
	}
	c.tell = len(c.strays) > 0
	c.mu.Unlock()
	if err := whole(); err != nil {
		return err
	}
	watcher := c.Catalog.WatchApplications(version)
	defer watcher.Close()
	type batch struct {
		events []catalog.WatchEvent[*v1alpha1.Application]
		err    error
	}
	batches := make(chan batch)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for {
			events, err := watcher.Next(ctx)
			select {
			case batches <- batch{events, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		for _, r := range c.due() {
			if err := send(r); err != nil {
				return err
			}
		}
		select {
		case <-c.news:
		case b := <-batches:
			if b.err != nil {
				return b.err
			}
			for _, e := range b.events {
				if !catalog.IsCopy(e.Object) {
					continue
				}
				r := c.report(e.Object)
				if e.Type == catalog.Deleted {
					if !c.partedFrom(nameOf(e.Object), r.UID) {
						continue // somebody deleted it here, and not for the hub: it is made again
					}
					r = agent.Report{Namespace: r.Namespace, Name: r.Name, UID: r.UID, Gone: true}
				}
				if err := send(r); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// due are the reports of what is not seen in an Application: that its record is refused, or that there is no copy.
func (c *Copies) due() (list []agent.Report) {
	c.mu.Lock()
	names := slices.Collect(maps.Keys(c.told))
	c.told = map[types.NamespacedName]bool{}
	if c.tell {
		c.tell = false
		for k, uid := range c.strays {
			list = append(list, agent.Report{Namespace: k.Namespace, Name: k.Name, UID: uid,
				Refused: "the agent's own namespace is called " + k.Namespace + ", too: give the agent another one, or the application"})
		}
	}
	c.mu.Unlock()
	for _, name := range names {
		k := c.keyFor(name)
		c.mu.Lock()
		uid, gone := c.gone[name]
		want, wanted := c.want[name]
		refused := c.refused[name]
		c.mu.Unlock()
		app, err := c.Catalog.Application(name)
		switch {
		case gone:
			list = append(list, agent.Report{Namespace: k.Namespace, Name: name.Name, UID: uid, Gone: true})
		case err == nil && catalog.IsCopy(app):
			list = append(list, c.report(app))
		case wanted && refused != "":
			list = append(list, agent.Report{Namespace: k.Namespace, Name: name.Name, UID: want.UID, Refused: refused})
		}
	}
	return list
}

// partedFrom reports whether a copy is deleted because the hub's Application is.
func (c *Copies) partedFrom(name types.NamespacedName, uid string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parting[name] == uid
}

// report is what there is to say of a copy.
func (c *Copies) report(app *v1alpha1.Application) agent.Report {
	k := c.recordKey(app)
	r := agent.Report{Namespace: k.Namespace, Name: k.Name, UID: app.Annotations[annotationHubUID], OperationID: app.Annotations[annotationHubOperation]}
	c.mu.Lock()
	r.Refused = c.refused[nameOf(app)]
	c.mu.Unlock()
	shown := c.InferHealth(app)
	r.Status = mustJSON(shown.Status)
	if app.Operation != nil {
		r.Operation = mustJSON(app.Operation)
	}
	for _, f := range app.Finalizers {
		if !isCascade(f) {
			r.Finalizers = append(r.Finalizers, f)
		}
	}
	for _, key := range mirroredAnnotations {
		if value, ok := app.Annotations[key]; ok {
			if r.Annotations == nil {
				r.Annotations = map[string]string{}
			}
			r.Annotations[key] = value
		}
	}
	return r
}

// Refresh implements agent.Engine.
func (c *Copies) Refresh(ctx context.Context, k agent.Key, hard bool) (agent.Report, error) {
	how := v1alpha1.RefreshNormal
	if hard {
		how = v1alpha1.RefreshHard
	}
	name := c.nameOf(k)
	if app, err := c.Catalog.Application(name); err != nil || !catalog.IsCopy(app) {
		return agent.Report{}, problem.New(problem.NotFound, "there is no copy of %s here", k)
	}
	app, err := c.Apps.Refresh(ctx, name, how)
	if err != nil {
		return agent.Report{}, err
	}
	return c.report(app), nil
}

// Pushed implements agent.Engine.
func (c *Copies) Pushed(push []byte) {
	var p webhook.Push
	if json.Unmarshal(push, &p) == nil {
		c.Apps.Pushed(p)
	}
}

// Beat implements agent.Engine.
func (c *Copies) Beat() agent.Beat {
	b := agent.Beat{Version: c.Version, Trouble: c.troubles()}
	for _, k := range c.Fleet.Clusters() {
		s := k.State()
		b.Connected, b.Objects, b.Kinds = s.Connected, s.Objects, s.Kinds
		b.Kubernetes, b.APIs = k.Facts()
	}
	return b
}

// troubles says which records other than Applications cannot be taken, and why.
func (c *Copies) troubles() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for k, why := range c.trouble {
		list = append(list, k.String()+": "+why)
	}
	slices.Sort(list)
	return clip(strings.Join(list, "; "), maxConditionMessage)
}

// IsCopyOf reports whether an Application is an agent's copy of the hub's with that UID.
func IsCopyOf(app *v1alpha1.Application, uid string) bool {
	return uid != "" && catalog.IsCopy(app) && app.Annotations[annotationHubUID] == uid
}

// Exec implements agent.Engine.
func (c *Copies) Exec(ctx context.Context, q agent.Exec, t agent.Terminal) (int, error) {
	if app, err := c.Catalog.Application(c.nameOf(q.Application)); err != nil || !IsCopyOf(app, q.UID) {
		return 0, problem.New(problem.NotFound, "there is no copy of %s here", q.Application)
	}
	sizes := make(chan TerminalSize)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(sizes)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-t.Sizes:
				select {
				case sizes <- TerminalSize{Width: s.Width, Height: s.Height}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return c.Apps.Exec(ctx, ExecRequest{
		Application: c.nameOf(q.Application), Namespace: q.Namespace, Pod: q.Pod, Container: q.Container, Command: q.Command,
		Stdin: t.In, Stdout: t.Out, TTY: true, Sizes: sizes, By: q.By,
	})
}
