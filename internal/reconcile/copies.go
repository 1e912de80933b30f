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

	acting sync.Mutex // held while a copy is changed: what was wanted a moment ago must not be written after what is wanted now

	mu      sync.Mutex
	want    map[types.NamespacedName]agent.Record // the applications, as last told
	shared  map[agent.Key]agent.Record            // the other records, as last told
	trouble map[agent.Key]string                  // why one of those is not taken
	refused map[types.NamespacedName]string
	gone    map[types.NamespacedName]string // UID of the hub's Application whose copy is deleted
	parting map[types.NamespacedName]string // UID of the hub's Application whose copy we have seen being deleted for it
	strays  map[agent.Key]string            // UID of Applications that cannot have a copy here
	again   map[types.NamespacedName]bool   // another attempt is due
	told    map[types.NamespacedName]bool   // to be reported
	tell    bool                            // the strays are to be reported
	news    chan struct{}
}

// NewCopies returns the copies of an agent whose loop is a.
func NewCopies(a *Apps, version string) *Copies {
	names := func() map[types.NamespacedName]string { return map[types.NamespacedName]string{} }
	return &Copies{Apps: a, Version: version, want: map[types.NamespacedName]agent.Record{}, shared: map[agent.Key]agent.Record{}, trouble: map[agent.Key]string{}, refused: names(),
		gone: names(), parting: names(), strays: map[agent.Key]string{}, again: map[types.NamespacedName]bool{}, told: map[types.NamespacedName]bool{}, news: make(chan struct{}, 1)}
}

// Run puts right what others do to copies, until ctx ends: with the hub or without it, they stay what it last wanted.
func (c *Copies) Run(ctx context.Context) {
	var mu sync.Mutex
	dirty := map[types.NamespacedName]bool{} // a set, and not a queue: who tells of changes must not wait for us
	changed, others := make(chan struct{}, 1), make(chan struct{}, 1)
	defer c.Catalog.Subscribe(func(ch catalog.Change) {
		signal := others
		switch ch.What {
		case catalog.ApplicationSetChanged:
			return
		case catalog.ApplicationChanged:
			mu.Lock()
			dirty[ch.Key] = true
			mu.Unlock()
			signal = changed
		}
		select {
		case signal <- struct{}{}:
		default:
		}
	})()
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			mu.Lock()
			names := dirty
			dirty = map[types.NamespacedName]bool{}
			mu.Unlock()
			for name := range names {
				_ = c.apply(ctx, name) // it is noted
			}
			continue
		case <-others:
		case <-retry.C:
		}
		for _, key := range c.sharedKeys() {
			if c.applyShared(ctx, key) != nil {
				retry.Reset(5 * anotherAttempt)
			}
		}
		select { // what several change in one moment is one comparison
		case <-ctx.Done():
		case <-time.After(sendEvery):
		}
	}
}

// anotherAttempt is the pause before a copy is written again that could not be written.
const anotherAttempt = 2 * time.Second

// apply makes a copy what is wanted of it now, if it is wanted. One that cannot be had just now is tried again.
func (c *Copies) apply(ctx context.Context, name types.NamespacedName) error {
	c.acting.Lock()
	defer c.acting.Unlock()
	c.mu.Lock()
	r, wanted := c.want[name]
	c.mu.Unlock()
	if !wanted {
		return nil
	}
	err := c.copyApplication(ctx, name, r)
	c.note(name, err)
	if !problem.Is(err, problem.Unavailable) && !problem.Is(err, problem.Conflict) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.again[name] { // one attempt is due, however many changes failed
		c.again[name] = true
		time.AfterFunc(anotherAttempt, func() {
			c.mu.Lock()
			delete(c.again, name)
			c.mu.Unlock()
			if ctx.Err() == nil {
				_ = c.apply(ctx, name)
			}
		})
	}
	return err
}

func (c *Copies) sharedKeys() []agent.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.shared))
}

// applyShared makes the copy of a record that is no Application what is wanted of it now, if it is wanted.
func (c *Copies) applyShared(ctx context.Context, key agent.Key) error {
	c.acting.Lock()
	defer c.acting.Unlock()
	c.mu.Lock()
	r, wanted := c.shared[key]
	c.mu.Unlock()
	if !wanted {
		return nil
	}
	o := &object.Object{}
	err := error(problem.New(problem.Invalid, "the hub's record of %s is not one", key))
	if json.Unmarshal(r.Body, &o.Object) == nil && o.GetKind() == key.Kind && o.GetName() == key.Name {
		err = c.Catalog.PutCopy(ctx, o)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.trouble, key)
	} else if ctx.Err() == nil {
		c.trouble[key] = clip(err.Error(), maxConditionMessage)
	}
	return err
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
	if len(r.Body) == 0 { // it is there, and cannot be understood at the hub: what we have stays
		return nil
	}
	if r.Kind != v1alpha1.KindApplication {
		c.mu.Lock()
		c.shared[r.Key] = r
		c.mu.Unlock()
		return c.persist(ctx, func() error { return c.applyShared(ctx, r.Key) })
	}
	if c.isStray(r.Key) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.strays[r.Key] = r.UID
		c.tellStraysLocked()
		return nil
	}
	name := c.nameOf(r.Key)
	c.mu.Lock()
	c.want[name] = r
	delete(c.gone, name)
	c.mu.Unlock()
	return c.persist(ctx, func() error { return c.apply(ctx, name) })
}

// isStray reports whether an Application of the hub is in a namespace that is called as ours: there are the copies of
// those of the hub's own namespace, and two of one name would pull at one copy.
func (c *Copies) isStray(k agent.Key) bool { return k.Namespace == c.Namespace }

func (c *Copies) tellStraysLocked() {
	c.tell = true
	c.wake()
}

func (c *Copies) wake() {
	select {
	case c.news <- struct{}{}:
	default:
	}
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
	c.wake()
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
	if p, err := c.Catalog.Project(want.Spec.ProjectName()); !r.Deleting && err == nil && !catalog.IsCopy(p) {
		return problem.New(problem.Conflict, "there is an AppProject %s here that is not the hub's: what it permits is not what the hub permits", p.Name).
			WithHint("rename one of the two; or hand it over: kubectl label appproject %s -n %s %s=true", p.Name, c.Namespace, catalog.LabelCopy)
	}
	want.Namespace, want.Status, want.Operation, want.OwnerReferences = name.Namespace, v1alpha1.ApplicationStatus{}, nil, nil
	metav1.SetMetaDataLabel(&want.ObjectMeta, catalog.LabelCopy, "true")
	metav1.SetMetaDataAnnotation(&want.ObjectMeta, annotationHubUID, r.UID)
	now, err := c.Catalog.Application(name)
	switch {
	case problem.Is(err, problem.NotFound) && r.Deleting:
		return c.deleteAbsent(ctx, name, want, r)
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
	if r.Deleting {
		c.partsWith(name, r.UID)
		if updated.DeletionTimestamp == nil {
			return c.Catalog.DropApplication(ctx, updated, false)
		}
	}
	return nil
}

func (c *Copies) partsWith(name types.NamespacedName, uid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parting[name] = uid
}

// deleteAbsent says that an Application is gone, once it is: that there is no copy of it is no proof. Our records can have
// been lost; what the hub knows that we deployed is then found by its marks, and deleted as with the copy that was.
func (c *Copies) deleteAbsent(ctx context.Context, name types.NamespacedName, want *v1alpha1.Application, r agent.Record) error {
	c.mu.Lock()
	seen := c.parting[name] == r.UID
	if seen || !r.Deployed || len(want.Finalizers) == 0 {
		c.gone[name] = r.UID
		c.tellLocked(name)
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	if p := want.Spec.SyncPolicy; p != nil { // it must not deploy anything first
		still := *p
		still.Automated = nil
		want.Spec.SyncPolicy = &still
	}
	made, err := c.Catalog.MakeApplication(ctx, want)
	if err != nil {
		return err
	}
	c.partsWith(name, r.UID)
	return c.Catalog.DropApplication(ctx, made, false)
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
	if hold := annotations[v1alpha1.AnnotationHold]; r.LiftHold != "" && hold != "" && object.Hash(hold) == r.LiftHold {
		delete(annotations, v1alpha1.AnnotationHold)
	}
	if op := n.Status.OperationState; r.Terminate != "" && op != nil && !final(op.Phase) && began(op) == r.Terminate {
		op.Phase = v1alpha1.OperationTerminating
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

// began is when an operation began, as the two ends tell it each other.
func began(op *v1alpha1.OperationState) string { return op.StartedAt.UTC().Format(time.RFC3339) }

func isCascade(f string) bool {
	return f == v1alpha1.FinalizerResources || f == v1alpha1.FinalizerResourcesForeground || f == v1alpha1.FinalizerResourcesBackground
}

// Drop implements agent.Engine.
func (c *Copies) Drop(ctx context.Context, k agent.Key) error {
	if k.Kind != v1alpha1.KindApplication {
		c.mu.Lock()
		delete(c.shared, k)
		delete(c.trouble, k)
		c.mu.Unlock()
		return c.persist(ctx, func() error {
			c.acting.Lock()
			defer c.acting.Unlock()
			return c.Catalog.DropCopy(ctx, k.Kind, k.Name)
		})
	}
	if c.isStray(k) {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.strays, k)
		return nil
	}
	name := c.nameOf(k)
	c.unwanted(name)
	return c.persist(ctx, func() error {
		c.acting.Lock()
		defer c.acting.Unlock()
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

// unwanted forgets what was wanted of an application.
func (c *Copies) unwanted(name types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.want, name)
	delete(c.refused, name)
	delete(c.gone, name)
	delete(c.parting, name)
}

// Whole implements agent.Engine.
func (c *Copies) Whole(ctx context.Context, all map[agent.Key]bool) error {
	c.mu.Lock()
	for name := range c.want { // those of an earlier connection that never became copies
		if !all[c.keyFor(name)] {
			delete(c.want, name)
			delete(c.refused, name)
			delete(c.gone, name)
			delete(c.parting, name)
		}
	}
	maps.DeleteFunc(c.shared, func(k agent.Key, _ agent.Record) bool { return !all[k] })
	maps.DeleteFunc(c.trouble, func(k agent.Key, _ string) bool { return !all[k] })
	maps.DeleteFunc(c.strays, func(k agent.Key, _ string) bool { return !all[k] })
	c.mu.Unlock()
	apps := slices.Clone(c.Catalog.Applications())
	for _, b := range c.Catalog.Broken() {
		apps = append(apps, b.App)
	}
	for _, app := range apps {
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
				if k := (agent.Key{Kind: kind, Name: name}); !all[k] {
					if err := c.Drop(ctx, k); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}
