package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/webhook"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Annotations of an agent's copies of Applications.
const (
	annotationHubUID       = "hawser.dev/hub-uid"       // of the hub's Application
	annotationHubOperation = "hawser.dev/hub-operation" // the newest operation of the hub's that was taken
)

// Copies are an agent's copies of its hub's records. It implements agent.Engine. What deletes is a hub's Application that
// is being deleted; a record that is not wanted any more takes its copy along and leaves what it deployed.
type Copies struct {
	*Apps
	Version string // of hawser

	mu      sync.Mutex
	want    map[types.NamespacedName]agent.Record // the applications, as last told
	refused map[types.NamespacedName]string
	gone    map[types.NamespacedName]string // UID of the hub's Application whose copy is deleted
	told    map[types.NamespacedName]bool   // to be reported
	news    chan struct{}
}

// NewCopies returns the copies of an agent whose loop is a.
func NewCopies(a *Apps, version string) *Copies {
	return &Copies{Apps: a, Version: version, want: map[types.NamespacedName]agent.Record{}, refused: map[types.NamespacedName]string{},
		gone: map[types.NamespacedName]string{}, told: map[types.NamespacedName]bool{}, news: make(chan struct{}, 1)}
}

// Run puts right what others do to copies, until ctx ends: with the hub or without it, they stay what it last wanted.
func (c *Copies) Run(ctx context.Context) {
	changed := make(chan types.NamespacedName, 1024)
	defer c.Catalog.Subscribe(func(ch catalog.Change) {
		if ch.What != catalog.ApplicationChanged {
			return
		}
		select {
		case changed <- ch.Key:
		case <-ctx.Done():
		}
	})()
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-changed:
			c.mu.Lock()
			r, wanted := c.want[name]
			c.mu.Unlock()
			if wanted {
				c.applyAgain(ctx, name, r)
			}
		}
	}
}

// applyAgain makes a copy what is wanted once more; the next change, or the next connection, is the next attempt.
func (c *Copies) applyAgain(ctx context.Context, name types.NamespacedName, r agent.Record) {
	err := c.copyApplication(ctx, name, r)
	c.note(name, err)
	if problem.Is(err, problem.Unavailable) || problem.Is(err, problem.Conflict) {
		time.AfterFunc(2*time.Second, func() {
			c.mu.Lock()
			now, wanted := c.want[name]
			c.mu.Unlock()
			if wanted && ctx.Err() == nil {
				c.applyAgain(ctx, name, now)
			}
		})
	}
}

func (c *Copies) nameOf(k agent.Key) types.NamespacedName {
	n := types.NamespacedName{Namespace: k.Namespace, Name: k.Name}
	if n.Namespace == "" {
		n.Namespace = c.Namespace
	}
	return n
}

// Take implements agent.Engine.
func (c *Copies) Take(ctx context.Context, r agent.Record) error {
	if r.Kind == v1alpha1.KindApplication {
		name := c.nameOf(r.Key)
		if len(r.Body) > 0 {
			c.mu.Lock()
			c.want[name] = r
			delete(c.gone, name)
			c.mu.Unlock()
		}
		return c.persist(ctx, func() error {
			if len(r.Body) == 0 { // it is there, and cannot be understood at the hub: what we have stays
				return nil
			}
			err := c.copyApplication(ctx, name, r)
			c.note(name, err)
			return err
		})
	}
	if len(r.Body) == 0 {
		return nil
	}
	o := &object.Object{}
	if err := json.Unmarshal(r.Body, &o.Object); err != nil || o.GetKind() != r.Kind || o.GetName() != r.Name {
		return problem.New(problem.Invalid, "the hub's record of %s is not one", r.Key)
	}
	return c.persist(ctx, func() error { return c.Catalog.PutCopy(ctx, o) })
}

// persist tries until it is done, or until it is known that it cannot be: then it is told, and the next record is taken.
func (c *Copies) persist(ctx context.Context, try func() error) error {
	strange := 0
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := try()
		if problem.Is(err, problem.Internal) {
			strange++
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !problem.Is(err, problem.Unavailable) && (!problem.Is(err, problem.Internal) || strange > 5): // one record must not hold up the others
			c.Log.Warn("a record of the hub's cannot be taken", "error", err)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// note remembers whether a record could be taken, and has it reported.
func (c *Copies) note(name types.NamespacedName, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := ""
	if err != nil && !errors.Is(err, context.Canceled) {
		text = clip(err.Error(), maxConditionMessage)
	}
	if c.refused[name] == text {
		return
	}
	if c.refused[name] = text; text == "" {
		delete(c.refused, name)
	}
	c.tellLocked(name)
}

func (c *Copies) tellLocked(name types.NamespacedName) {
	c.told[name] = true
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// copyApplication makes the copy of an Application what the record says.
func (c *Copies) copyApplication(ctx context.Context, name types.NamespacedName, r agent.Record) error {
	want := &v1alpha1.Application{}
	if err := json.Unmarshal(r.Body, want); err != nil || want.Name != name.Name {
		return problem.New(problem.Invalid, "the hub's record is no Application")
	}
	if !c.Catalog.Holds(name.Namespace) {
		return problem.New(problem.Forbidden, "the agent does not take Applications of namespace %s", name.Namespace).WithHint("start it with --application-namespaces %s", name.Namespace)
	}
	want.Namespace = name.Namespace
	metav1.SetMetaDataLabel(&want.ObjectMeta, catalog.LabelCopy, "true")
	metav1.SetMetaDataAnnotation(&want.ObjectMeta, annotationHubUID, r.UID)
	now, err := c.Catalog.Application(name)
	switch {
	case problem.Is(err, problem.NotFound) && r.Deleting:
		c.mu.Lock()
		c.gone[name] = r.UID
		c.tellLocked(name)
		c.mu.Unlock()
		return nil
	case problem.Is(err, problem.NotFound):
		if r.OperationID != "" {
			if want.Operation, err = operationIn(r); err != nil {
				return err
			}
			metav1.SetMetaDataAnnotation(&want.ObjectMeta, annotationHubOperation, r.OperationID)
		}
		_, err := c.Catalog.MakeApplication(ctx, want)
		return err
	case now == nil:
		return err
	case !catalog.IsCopy(now):
		return problem.New(problem.Conflict, "there is an Application %s here that is not the hub's, and is left alone", name).
			WithHint("to hand it over: kubectl label application %s -n %s %s=true", name.Name, name.Namespace, catalog.LabelCopy)
	case now.Annotations[annotationHubUID] != r.UID && now.Annotations[annotationHubUID] != "":
		// the hub's was made anew under its name: what it deployed stays, as it did there
		return c.Catalog.DropApplication(ctx, now, true) // that it is gone wakes us
	case now.DeletionTimestamp != nil && !r.Deleting:
		return nil // somebody deletes it here; when it is gone it is made again
	}
	var updated *v1alpha1.Application
	for attempt := 0; ; attempt++ {
		updated, err = c.Catalog.PatchApplicationExact(ctx, now, func(n *v1alpha1.Application) { becomes(n, want, r) })
		if err == nil {
			break
		}
		if !problem.Is(err, problem.Conflict) || attempt == 20 || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // the engine has just written it: the watch is about to tell
		if now, err = c.Catalog.Application(name); err != nil {
			return err
		}
	}
	if r.Deleting && updated.DeletionTimestamp == nil {
		return c.Catalog.DropApplication(ctx, updated, false)
	}
	return nil
}

func operationIn(r agent.Record) (*v1alpha1.Operation, error) {
	op := &v1alpha1.Operation{}
	if err := json.Unmarshal(r.Operation, op); err != nil {
		return nil, problem.New(problem.Invalid, "the hub's operation is none")
	}
	return op, nil
}

// becomes changes a copy to what is wanted. What the engine writes stays: its annotations, its finalizers, the status.
func becomes(n, want *v1alpha1.Application, r agent.Record) {
	annotations := maps.Clone(want.Annotations)
	for _, key := range slices.Concat(mirroredAnnotations, []string{annotationHubOperation, v1alpha1.AnnotationRefresh}) {
		if value, ok := n.Annotations[key]; ok {
			annotations[key] = value
		}
	}
	if r.LiftHold != "" && annotations[v1alpha1.AnnotationHold] == r.LiftHold {
		delete(annotations, v1alpha1.AnnotationHold)
	}
	n.Annotations, n.Labels, n.Spec = annotations, want.Labels, want.Spec
	if n.DeletionTimestamp == nil || len(want.Finalizers) < len(n.Finalizers) {
		finalizers := slices.DeleteFunc(slices.Clone(n.Finalizers), func(f string) bool { return isCascade(f) && !slices.Contains(want.Finalizers, f) })
		for _, f := range want.Finalizers {
			if !slices.Contains(finalizers, f) && n.DeletionTimestamp == nil {
				finalizers = append(finalizers, f)
			}
		}
		n.Finalizers = finalizers
	}
	if r.OperationID != "" && n.Annotations[annotationHubOperation] != r.OperationID && n.Operation == nil && n.DeletionTimestamp == nil {
		if op, err := operationIn(r); err == nil {
			n.Operation = op
			n.Annotations[annotationHubOperation] = r.OperationID
		}
	}
}

func isCascade(f string) bool {
	return f == v1alpha1.FinalizerResources || f == v1alpha1.FinalizerResourcesForeground || f == v1alpha1.FinalizerResourcesBackground
}

// Drop implements agent.Engine.
func (c *Copies) Drop(ctx context.Context, k agent.Key) error {
	if k.Kind != v1alpha1.KindApplication {
		return c.persist(ctx, func() error { return c.Catalog.DropCopy(ctx, k.Kind, k.Name) })
	}
	name := c.nameOf(k)
	c.mu.Lock()
	delete(c.want, name)
	delete(c.refused, name)
	delete(c.gone, name)
	c.mu.Unlock()
	return c.persist(ctx, func() error {
		for {
			now, err := c.Catalog.Application(name)
			if problem.Is(err, problem.NotFound) || now != nil && !catalog.IsCopy(now) {
				return nil
			}
			if now == nil {
				return err
			}
			if err := c.Catalog.DropApplication(ctx, now, true); !problem.Is(err, problem.Conflict) {
				return err
			}
			select { // the engine has just written it
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

// Whole implements agent.Engine.
func (c *Copies) Whole(ctx context.Context, all map[agent.Key]bool) error {
	for _, app := range c.Catalog.Applications() {
		if k := c.recordKey(app); catalog.IsCopy(app) && !all[k] {
			if err := c.Drop(ctx, k); err != nil {
				return err
			}
		}
	}
	return c.persist(ctx, func() error {
		copies, err := c.Catalog.Copies(ctx)
		if err != nil {
			return err
		}
		for kind, names := range copies {
			for _, name := range names {
				if !all[agent.Key{Kind: kind, Name: name}] {
					if err := c.Catalog.DropCopy(ctx, kind, name); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

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
	b := agent.Beat{Version: c.Version}
	for _, k := range c.Fleet.Clusters() {
		s := k.State()
		b.Connected, b.Objects, b.Kinds = s.Connected, s.Objects, s.Kinds
		b.Kubernetes, b.APIs = k.Facts()
	}
	return b
}

// Exec implements agent.Engine.
func (c *Copies) Exec(ctx context.Context, q agent.Exec, t agent.Terminal) (int, error) {
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
