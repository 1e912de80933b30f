package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
)

// DefaultManager is the field manager of our applies: Argo CD's, so that a migration finds its fields owned already.
const DefaultManager = "argocd-controller"

const (
	readTimeout  = 15 * time.Second
	writeTimeout = 60 * time.Second // admission webhooks may take 30 s each
	servedWithin = 10 * time.Second // from a CRD to its kind; a busy API server takes a second or two
)

// Writer writes to a cluster as far as its permit goes: a capability, handed to one operation. It does each write
// once; only those that read first (Put, Alter, and an apply with Adjust) do it over when somebody else was faster. A Refusal with
// Ambiguous set means that the caller must read before it repeats.
type Writer struct {
	c      *Cluster
	permit func(object.Key) error
	mark   func(context.Context) context.Context // of what is decided while the writer lives
	as     string                                // the user that is impersonated; empty: nobody
}

// Writer returns a writer. permit is asked before every write, before the socket; its error is returned as it is. A
// cluster-scoped object has an empty namespace in its key, whatever its manifest says.
func (c *Cluster) Writer(permit func(object.Key) error) *Writer {
	return &Writer{c: c, permit: permit, mark: c.turn()}
}

// As returns a writer whose writes, dry runs and sessions count as user's: the API server grants them what it grants the
// user, and notes who wrote. Ourselves we need the right to impersonate the user. What a write reads before, it reads as
// ourselves. An empty user is nobody else.
func (w *Writer) As(user string) *Writer {
	other := *w
	other.as = user
	return &other
}

// impersonate is how the user of As is named in a request.
const impersonate = "Impersonate-User"

// on gives the request the writer's user.
func (w *Writer) on(q *rest.Request) *rest.Request {
	if w.as != "" {
		q.SetHeader(impersonate, w.as)
	}
	return q
}

// ApplyRequest is one server-side apply.
type ApplyRequest struct {
	Object  *object.Object // as it shall be, secrets in plain text
	Manager string         // field manager; DefaultManager when empty
	DryRun  bool
	NoForce bool // leave fields that others own: a conflict is an error then (kind Conflict)
	// Validate has unknown and duplicate fields refused. Without it custom resources lose them in silence; built-in
	// kinds refuse unknown fields in a server-side apply either way.
	Validate bool
	// ManagedFields, if set, replace those of the live object first, provided it is still at LiveVersion.
	ManagedFields []metav1.ManagedFieldsEntry
	// LiveVersion is the resourceVersion that the caller decided upon; empty: the index's is taken for Result.
	LiveVersion string
	Adjust      Adjust
}

// Adjust has the last word on what is sent. It is given the request's object and the live one as the server has it at
// that moment, secrets in plain text and nil when there is none, and returns what to send. This is where
// RespectIgnoreDifferences belongs: the index has Secrets masked only, and may lag behind. It must keep nothing.
type Adjust func(desired, live *object.Object) (*object.Object, error)

// The results of an apply, in kubectl's words.
const (
	Created    = "created"
	Configured = "configured"
	Unchanged  = "unchanged"
)

// Applied is the server's answer to a write.
type Applied struct {
	Object   *object.Object // masked, with managedFields
	Result   string         // Created, Configured, Unchanged
	Warnings []string       // the server's, for people
}

// Apply makes the object what the request says, through server-side apply.
func (w *Writer) Apply(ctx context.Context, r ApplyRequest) (Applied, error) {
	t, err := named(w.target(ctx, object.KeyOf(r.Object), r.Object.GroupVersionKind().Version))
	if err != nil {
		return Applied{}, err
	}
	before := w.c.index.get(t.key)
	version := r.LiveVersion
	if r.ManagedFields != nil && !r.DryRun {
		if version, err = w.takeOver(ctx, t, r); err != nil {
			return Applied{}, err
		}
	}
	if r.Adjust == nil {
		return w.applyOnce(ctx, t, r, before, version)
	}
	return again(func() (Applied, error) { return w.applyOnce(ctx, t, r, before, version) })
}

// applyOnce sends one apply. What Adjust has made of the live object holds for that version of it only: it may repeat a
// value of it, which another manager has changed since.
func (w *Writer) applyOnce(ctx context.Context, t target, r ApplyRequest, before *entry, version string) (Applied, error) {
	desired, seen := object.FoldStringData(r.Object), ""
	if r.Adjust != nil {
		var err error
		if desired, seen, err = w.adjust(ctx, t, desired, r.Adjust); err != nil {
			return Applied{}, err
		}
	}
	sent := payload(desired, t)
	if seen != "" {
		sent.SetResourceVersion(seen)
	}
	body, err := json.Marshal(sent)
	if err != nil {
		return Applied{}, problem.Because(problem.Invalid, err, "apply %s", describe(t.key))
	}
	force := !r.NoForce
	options := metav1.PatchOptions{FieldManager: manager(r.Manager), Force: &force, FieldValidation: validation(r.Validate), DryRun: dryRun(r.DryRun)}
	answer, err := w.do(ctx, "apply", t, w.c.rest.Patch(types.ApplyPatchType).AbsPath(t.path()...).Body(body).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned), r.DryRun)
	if err != nil {
		return Applied{}, nameChanged(err, before, sent)
	}
	answer.Result = result(answer, before, version, r.DryRun)
	return answer.Applied, nil
}

// adjust has the last word on desired, and says at which version of the live object; "" when there is none.
func (w *Writer) adjust(ctx context.Context, t target, desired *object.Object, adjust Adjust) (_ *object.Object, version string, err error) {
	live, err := w.c.plain(ctx, t)
	if err != nil {
		return nil, "", err
	}
	if live != nil {
		version = live.GetResourceVersion()
	}
	desired, err = adjust(desired, live)
	problem.Wrap(&err, "prepare %s", describe(t.key))
	return desired, version, err
}

// takeOver gives the live object the ownership that the apply needs. It returns the new resourceVersion.
func (w *Writer) takeOver(ctx context.Context, t target, r ApplyRequest) (string, error) {
	if r.LiveVersion == "" {
		return "", problem.New(problem.Invalid, "apply %s: ManagedFields without the LiveVersion they were computed from", describe(t.key))
	}
	// Replacing resourceVersion with what it was is how a JSON patch asks for an optimistic lock.
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": r.ManagedFields},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": r.LiveVersion},
	})
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "take over the fields of %s", describe(t.key))
	}
	options := metav1.PatchOptions{FieldManager: manager(r.Manager)}
	answer, err := w.do(ctx, "take over the fields of", t, w.c.rest.Patch(types.JSONPatchType).AbsPath(t.path()...).Body(patch).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned), false)
	if err != nil {
		return "", err
	}
	return answer.Object.GetResourceVersion(), nil
}

// CreateRequest creates an object that must not exist; its name may be left to the server by generateName.
type CreateRequest struct {
	Object           *object.Object
	Manager          string
	DryRun, Validate bool
}

// Create creates the object. It is the one write that is not idempotent: after an ambiguous refusal look for the object.
func (w *Writer) Create(ctx context.Context, r CreateRequest) (Applied, error) {
	t, err := w.target(ctx, object.KeyOf(r.Object), r.Object.GroupVersionKind().Version)
	if err != nil {
		return Applied{}, err
	}
	body, err := json.Marshal(payload(r.Object, t))
	if err != nil {
		return Applied{}, problem.Because(problem.Invalid, err, "create %s", describe(t.key))
	}
	options := metav1.CreateOptions{FieldManager: manager(r.Manager), FieldValidation: validation(r.Validate), DryRun: dryRun(r.DryRun)}
	answer, err := w.do(ctx, "create", t, w.c.rest.Post().AbsPath(t.collection()...).SetHeader("Content-Type", runtime.ContentTypeJSON).Body(body).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned), r.DryRun)
	answer.Result = Created
	return answer.Applied, err
}

// ReplaceRequest puts an object in the place of the live one.
type ReplaceRequest struct {
	Object           *object.Object
	LiveVersion      string // only if live is still at this resourceVersion; empty: whatever it is
	Manager          string
	DryRun, Validate bool
}

// Replace replaces the live object, which must exist.
func (w *Writer) Replace(ctx context.Context, r ReplaceRequest) (Applied, error) {
	t, err := named(w.target(ctx, object.KeyOf(r.Object), r.Object.GroupVersionKind().Version))
	if err != nil {
		return Applied{}, err
	}
	before := w.c.index.get(t.key)
	o := payload(r.Object, t)
	if r.LiveVersion != "" {
		o.SetResourceVersion(r.LiveVersion)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return Applied{}, problem.Because(problem.Invalid, err, "replace %s", describe(t.key))
	}
	options := metav1.UpdateOptions{FieldManager: manager(r.Manager), FieldValidation: validation(r.Validate), DryRun: dryRun(r.DryRun)}
	answer, err := w.do(ctx, "replace", t, w.c.rest.Put().AbsPath(t.path()...).SetHeader("Content-Type", runtime.ContentTypeJSON).Body(body).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned), r.DryRun)
	if err != nil {
		return Applied{}, nameChanged(err, before, o)
	}
	answer.Result = result(answer, before, r.LiveVersion, r.DryRun)
	return answer.Applied, nil
}

// PatchRequest changes a part of an object: a finalizer, an annotation, a field that an action sets.
type PatchRequest struct {
	Key     object.Key
	Version string          // API version; empty: the preferred one
	Type    types.PatchType // JSONPatchType, MergePatchType, StrategicMergePatchType
	Data    []byte
	Manager string
	DryRun  bool
	Status  bool // of the status subresource; NotFound also when the kind has none
}

// Patch patches the object, which must exist.
func (w *Writer) Patch(ctx context.Context, r PatchRequest) (Applied, error) {
	t, err := named(w.target(ctx, r.Key, r.Version))
	if err != nil {
		return Applied{}, err
	}
	before := w.c.index.get(t.key)
	path := t.path()
	if r.Status {
		path = append(path, "status")
	}
	options := metav1.PatchOptions{FieldManager: manager(r.Manager), DryRun: dryRun(r.DryRun)}
	answer, err := w.do(ctx, "patch", t, w.c.rest.Patch(r.Type).AbsPath(path...).Body(r.Data).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned), r.DryRun)
	if err != nil {
		return Applied{}, err
	}
	answer.Result = result(answer, before, "", r.DryRun)
	return answer.Applied, nil
}

// DeleteRequest deletes one object, if it is still the one that was decided upon.
type DeleteRequest struct {
	Key             object.Key
	UID             types.UID // of the object meant; required
	ResourceVersion string    // optional: only if it has not changed since
	Propagation     metav1.DeletionPropagation
	Now             bool // no grace period
	DryRun          bool
}

// Delete asks the server to delete the object. It returns when the request is accepted: finalizers may hold the object
// for long. NotFound means that it is gone, Conflict that another object bears its name by now, or that it changed.
func (w *Writer) Delete(ctx context.Context, r DeleteRequest) error {
	t, err := named(w.target(ctx, r.Key, ""))
	if err != nil {
		return err
	}
	if r.UID == "" {
		return problem.New(problem.Invalid, "delete %s: without the UID of the object meant, nothing is deleted", describe(t.key))
	}
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &r.UID}, DryRun: dryRun(r.DryRun)}
	options.SetGroupVersionKind(metav1.Unversioned.WithKind("DeleteOptions"))
	if r.ResourceVersion != "" {
		options.Preconditions.ResourceVersion = &r.ResourceVersion
	}
	if r.Propagation != "" {
		options.PropagationPolicy = &r.Propagation
	}
	if r.Now {
		options.GracePeriodSeconds = new(int64)
	}
	body, err := json.Marshal(options)
	if err != nil {
		return problem.Because(problem.Internal, err, "delete %s", describe(t.key))
	}
	ctx, cancel := context.WithTimeout(w.mark(ctx), writeTimeout)
	defer cancel()
	return w.c.explain(w.on(w.c.rest.Delete()).AbsPath(t.path()...).SetHeader("Content-Type", runtime.ContentTypeJSON).Body(body).Do(ctx).Error(), "delete", t.key, true)
}

// Fetch reads the object from the API server, masked. version is the API version; empty: the preferred one, which is
// also the index's. An object that is not there is problem.NotFound.
func (c *Cluster) Fetch(ctx context.Context, key object.Key, version string) (*object.Object, error) {
	t, err := named(c.target(ctx, key, version))
	if err != nil {
		return nil, err
	}
	return c.fetch(ctx, t)
}

func (c *Cluster) fetch(ctx context.Context, t target) (*object.Object, error) {
	o, err := c.read(ctx, t)
	if err != nil {
		return nil, err
	}
	return c.masker.Mask(o), nil
}

func (c *Cluster) read(ctx context.Context, t target) (*object.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	o := &object.Object{}
	ask := func() error {
		return c.explain(c.rest.Get().AbsPath(t.path()...).Do(ctx).Into(o), "read", t.key, false)
	}
	return o, persistently(ctx, ask(), ask)
}

// persistently asks again, for about a second, while the server answers that it cannot just now: one refusal of many is
// no reason to call what is known unknown.
func persistently(ctx context.Context, err error, ask func() error) error {
	for pause := 50 * time.Millisecond; err != nil && pause < time.Second; pause *= 2 {
		var r *Refusal
		if !errors.As(err, &r) || r.Code < 500 && r.Code != 429 || r.Terminating || r.Schema || !sleep(ctx, wait.Jitter(pause, 0.5)) {
			return err
		}
		err = ask()
	}
	return err
}

// plain reads an object for the sake of the next write: with its secrets, and nil when there is none. It stays in the
// write that asked for it.
func (c *Cluster) plain(ctx context.Context, t target) (*object.Object, error) {
	o, err := c.read(ctx, t)
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return o, nil
}

// named refuses a key without a name: its path would be that of all objects of the kind.
func named(t target, err error) (target, error) {
	if err == nil && t.key.Name == "" {
		err = problem.New(problem.Invalid, "an object of kind %s without a name cannot be addressed", t.key.Kind).WithHint("an object with only a generateName must be created, not applied")
	}
	return t, err
}

// target is an object's address on the server.
type target struct {
	key  object.Key // with the namespace that the kind's scope allows
	kind Kind
}

func (t target) collection() []string {
	p := []string{"apis", t.kind.GVR.Group, t.kind.GVR.Version}
	if t.kind.GVR.Group == "" {
		p = []string{"api", t.kind.GVR.Version}
	}
	if t.key.Namespace != "" {
		p = append(p, "namespaces", t.key.Namespace)
	}
	return append(p, t.kind.GVR.Resource)
}

func (t target) path() []string { return append(t.collection(), t.key.Name) }

// target finds the address of an object. A kind that is not known may have been installed a moment ago: the server is
// asked once more, and again and again while a CRD promises something in the kind's group that is not served yet.
func (c *Cluster) target(ctx context.Context, key object.Key, version string) (target, error) {
	kind, ok := c.kindOf(key, version)
	for began := time.Now(); !ok && c.ask(ctx); {
		if kind, ok = c.kindOf(key, version); !c.unserved(key.Group) || time.Since(began) > servedWithin {
			break
		}
	}
	if !ok {
		if c.served.Load() == nil {
			return target{}, c.KindErr(key.GroupKind())
		}
		return target{}, c.unknownKind(key.GroupKind(), version)
	}
	switch {
	case !kind.Namespaced:
		key.Namespace = ""
	case key.Namespace == "":
		return target{}, problem.New(problem.Invalid, "%s is in a namespace, but none is given", describe(key)).
			WithHint("set metadata.namespace, or the application's destination namespace")
	}
	for _, segment := range []string{key.Namespace, key.Name} {
		if bad := rest.IsValidPathSegmentName(segment); len(bad) > 0 {
			return target{}, problem.New(problem.Invalid, "%q cannot be part of the name of a %s: %s", segment, key.Kind, bad[0])
		}
	}
	return target{key, kind}, nil
}

// ask has the server asked what it serves, and waits for the answer for a moment.
func (c *Cluster) ask(ctx context.Context) bool {
	c.mu.Lock()
	found := c.found
	c.mu.Unlock()
	c.rediscover()
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	select {
	case <-found:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// target is Cluster.target, with the permit.
func (w *Writer) target(ctx context.Context, key object.Key, version string) (target, error) {
	t, err := w.c.target(ctx, key, version)
	if err != nil {
		return t, err
	}
	return t, w.permit(t.key)
}

// reply is an Applied and how the server put it.
type reply struct {
	Applied
	code int
}

// do sends a write, once, and takes its answer into the index.
func (w *Writer) do(ctx context.Context, verb string, t target, request *rest.Request, dry bool) (reply, error) {
	ctx, cancel := context.WithTimeout(w.mark(ctx), writeTimeout)
	defer cancel()
	heard := &warningList{}
	ctx = context.WithValue(ctx, warningsKey{}, heard)
	var a reply
	o := &object.Object{}
	w.on(request)
	send := func() error { return w.c.explain(request.Do(ctx).StatusCode(&a.code).Into(o), verb, t.key, true) }
	err := send()
	if dry { // a question may be repeated; a write may not
		err = persistently(ctx, err, send)
	}
	if err != nil {
		return reply{}, err
	}
	a.Object, a.Warnings = w.c.masker.Mask(o), heard.list
	if !dry {
		w.c.feed(ctx, t, a.Object)
	}
	return a, nil
}

// feed takes the answer into the index, in the version that the index is kept in.
func (c *Cluster) feed(ctx context.Context, t target, o *object.Object) {
	kind, ok := c.kindOf(t.key, "")
	if !ok {
		return
	}
	if kind.GVK.Version != t.kind.GVK.Version {
		key := t.key
		key.Name = o.GetName()
		var err error
		if o, err = c.fetch(ctx, target{key, kind}); err != nil {
			return // the watch will bring it
		}
	}
	r := &reader{kind: kind, masker: c.masker, tracking: c.settings.Load().Tracking, pinned: &c.pins, fields: &c.fields, words: &c.words}
	r.explained = explained(kind.gk(), r.tracking)
	if e := r.read(o); e.uid != "" {
		c.index.feed(e)
		if e.whole {
			c.Track(kind.gk())
		}
	}
}

// payload returns o as it is sent: addressed as the kind's scope demands, and without what only the server writes.
func payload(o *object.Object, t target) *object.Object {
	o = o.DeepCopy()
	meta, ok := o.Object["metadata"].(map[string]any)
	if !ok {
		return o
	}
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"} {
		delete(meta, field)
	}
	delete(meta, "namespace")
	if t.key.Namespace != "" {
		meta["namespace"] = t.key.Namespace
	}
	return o
}

// result tells created, configured and unchanged apart. A write that changes nothing leaves the resourceVersion as it
// was. If the index was behind (a status written a moment ago), the content decides, and after a dry run always.
func result(a reply, before *entry, version string, dry bool) string {
	switch {
	case a.code == 201:
		return Created
	case dry && before != nil && before.full != nil:
		if reflect.DeepEqual(content(before.full), content(a.Object)) {
			return Unchanged
		}
		return Configured
	case version != "" && a.Object.GetResourceVersion() == version:
		return Unchanged
	case before == nil || before.uid != a.Object.GetUID():
		return Configured
	case before.rv == a.Object.GetResourceVersion():
		return Unchanged
	case before.full != nil && version == "" && reflect.DeepEqual(content(before.full), content(a.Object)):
		return Unchanged
	}
	return Configured
}

// content is what a write could have changed: all but status and bookkeeping.
func content(o *object.Object) map[string]any {
	c := make(map[string]any, len(o.Object))
	for k, v := range o.Object {
		if k != "status" && k != "metadata" {
			c[k] = v
		}
	}
	c["labels"], c["annotations"], c["finalizers"], c["owners"] = o.GetLabels(), o.GetAnnotations(), o.GetFinalizers(), o.GetOwnerReferences()
	return c
}

func manager(name string) string {
	if name == "" {
		return DefaultManager
	}
	return name
}

func validation(strict bool) string {
	if strict {
		return metav1.FieldValidationStrict
	}
	return metav1.FieldValidationIgnore
}

func dryRun(yes bool) []string {
	if yes {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// warnings hands the server's warnings to the call that caused them; others are dropped: client-go would print them.
type warnings struct{}

type warningsKey struct{}

type warningList struct {
	mu   sync.Mutex
	list []string
}

func (warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _ string, message string) {
	if l, ok := ctx.Value(warningsKey{}).(*warningList); ok && code == 299 && message != "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = append(l.list, message)
	}
}
