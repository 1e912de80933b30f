package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// fieldManager is the name under which Argo CD's controller writes Applications, so that a migration finds the same
// owner. It must not be the one that applies child applications (argocd-controller): an apply by that manager would
// take our status for fields that Git no longer wants.
const fieldManager = "argocd-application-controller"

// PatchApplication changes an Application: change is applied to a copy of old, and the difference is sent as a JSON
// merge patch. Nothing is sent when there is none. Fields that our structs do not know stay as they are, lists are
// sent whole.
//
// What somebody else wrote since old is kept where the fields differ; use PatchApplicationExact when the decision
// depends on all of old. It is exact by itself when finalizers or owners change: both are lists that others write, too.
// The result is what Application returns from now on. It is NotFound when the Application is
// gone or was made anew under its name, Conflict when the API server says so.
func (c *Catalog) PatchApplication(ctx context.Context, old *v1alpha1.Application, change func(*v1alpha1.Application)) (*v1alpha1.Application, error) {
	return c.patch(ctx, old, change, false)
}

// PatchApplicationExact is PatchApplication that refuses with a Conflict when the Application is not exactly old any
// more.
func (c *Catalog) PatchApplicationExact(ctx context.Context, old *v1alpha1.Application, change func(*v1alpha1.Application)) (*v1alpha1.Application, error) {
	return c.patch(ctx, old, change, true)
}

func (c *Catalog) patch(ctx context.Context, old *v1alpha1.Application, change func(*v1alpha1.Application), exact bool) (_ *v1alpha1.Application, err error) {
	key := nameOf(old)
	defer problem.Wrap(&err, "write application %s", key)
	marked := c.Turn()(ctx)
	if err := c.lead.allows(); err != nil {
		return nil, err
	}
	changed := old.DeepCopy()
	change(changed)
	patch, err := difference(old, changed)
	if err != nil {
		return nil, err
	}
	if len(patch) == 0 {
		return old, nil
	}
	onlyStatus := len(patch) == 1 && patch["status"] != nil
	metadata, _ := patch["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		patch["metadata"] = metadata
	}
	metadata["uid"] = string(old.UID) // the API server refuses it for another object of the same name
	if exact || sharedList(metadata) {
		metadata["resourceVersion"] = old.ResourceVersion
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}

	c.beginWriting(key)
	send := func() (*object.Object, error) {
		return c.client.Resource(applications).Namespace(key.Namespace).Patch(marked, key.Name, types.MergePatchType, data,
			metav1.PatchOptions{FieldManager: fieldManager})
	}
	answer, err := send()
	// a merge patch that was carried out after all does no harm a second time, or is a conflict when it is exact
	for pause := 50 * time.Millisecond; busy(err) && pause < time.Second && ctx.Err() == nil; pause *= 2 {
		time.Sleep(pause)
		if err = c.lead.allows(); err == nil {
			answer, err = send()
		}
	}
	if err != nil {
		c.endWriting(key, "")
		return nil, c.writeProblem(err, old.UID)
	}
	c.words.Share(answer)
	result, broken := decodeApplication(answer)
	result = c.keep(&appEntry{app: result, err: broken, own: true})
	echo := ""
	if onlyStatus && sameContent(changed, result) {
		echo = result.ResourceVersion
	}
	c.endWriting(key, echo)
	if echo == "" {
		c.tell(Change{ApplicationChanged, key})
	}
	return result, broken
}

// sharedList reports whether a patch of an object's metadata holds a list that several write. It is sent whole: without
// the version that it was made of, what another has added meanwhile would be lost.
func sharedList(metadata map[string]any) bool {
	_, finalizers := metadata["finalizers"]
	_, owners := metadata["ownerReferences"]
	return finalizers || owners
}

// busy reports whether the API server answered that it cannot just now, or the way to it broke.
func busy(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Code >= 500 || status.Status().Code == 429
	}
	return err != nil && !errors.Is(err, context.Canceled)
}

// keep makes the answer to a write visible, unless something newer is known or the Application is gone. It returns the
// value to go on with: the watch may have delivered that very version already.
func (c *Catalog) keep(e *appEntry) *v1alpha1.Application {
	key := nameOf(e.app)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.apps[key]
	switch {
	case now != nil && now.app.UID == e.app.UID && now.app.ResourceVersion == e.app.ResourceVersion:
		return now.app
	case now == nil && after(e.app.ResourceVersion, c.heardApps), // it is new: had it been deleted since, the watch had told
		now != nil && older(now.app, e.app) && (now.app.UID == e.app.UID || after(e.app.ResourceVersion, c.heardApps)):
		c.apps[key] = e
		c.appLedger.put(e.app, e.err, deadApplication)
	}
	return e.app
}

// writeProblem translates a refused write.
func (c *Catalog) writeProblem(err error, uid types.UID) error {
	if apierrors.IsNotFound(err) {
		return problem.New(problem.NotFound, "it does not exist any more")
	}
	status := apierrors.APIStatus(nil)
	if s, ok := err.(apierrors.APIStatus); ok {
		status = s
	}
	if status != nil && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if cause.Field == "metadata.uid" {
				return problem.New(problem.NotFound, "the one with UID %s does not exist any more", uid)
			}
		}
	}
	return apiProblem(err, "the API server refuses it")
}

// RemoveFinalizer removes one finalizer from an Application. That it is gone already, or the whole Application is, is
// fine. It is Conflict when the Application has another destination by now: what the finalizer guards was looked for in
// the one that app has.
func (c *Catalog) RemoveFinalizer(ctx context.Context, app *v1alpha1.Application, finalizer string) error {
	for attempt := 0; ; attempt++ {
		if !slices.Contains(app.Finalizers, finalizer) {
			return nil
		}
		// exact, because the list is sent whole: another finalizer set meanwhile must not be lost
		_, err := c.PatchApplicationExact(ctx, app, func(a *v1alpha1.Application) {
			a.Finalizers = slices.DeleteFunc(a.Finalizers, func(f string) bool { return f == finalizer })
		})
		switch {
		case problem.Is(err, problem.NotFound):
			return nil
		case !problem.Is(err, problem.Conflict) || attempt == 9:
			return err
		}
		fresh, err := c.client.Resource(applications).Namespace(app.Namespace).Get(ctx, app.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return apiProblem(err, "read application %s", nameOf(app))
		case fresh.GetUID() != app.UID:
			return nil
		}
		now, _ := decodeApplication(fresh)                // finalizers can always be read
		if now.Spec.Destination != app.Spec.Destination { // what was seen to be over was so in another place
			return problem.New(problem.Conflict, "application %s has got another destination meanwhile", nameOf(app))
		}
		app = now
	}
}

// writing is the writes under way for one Application. While there is one, what the watch delivers is not told: it
// may be the echo of the write, whose answer says which version that is.
type writing struct {
	count int
	seen  []string // versions the watch delivered meanwhile
}

// hold reports whether a delivered version must not be told yet.
func (w *writing) hold(version string) bool {
	if w == nil {
		return false
	}
	w.seen = append(w.seen, version)
	return true
}

func (c *Catalog) beginWriting(key types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.writing[key]
	if w == nil {
		w = &writing{}
		c.writing[key] = w
	}
	w.count++
}

// endWriting tells what the watch delivered during the write, unless it was only echo, the version we wrote.
func (c *Catalog) endWriting(key types.NamespacedName, echo string) {
	c.mu.Lock()
	w := c.writing[key]
	w.seen = slices.DeleteFunc(w.seen, func(version string) bool { return version == echo })
	w.count--
	tell := w.count == 0 && len(w.seen) > 0
	if w.count == 0 {
		delete(c.writing, key)
	}
	c.mu.Unlock()
	if tell {
		c.tell(Change{ApplicationChanged, key})
	}
}

// plain is v as JSON values.
func plain(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, utiljson.Unmarshal(data, &m)
}

// difference is the JSON merge patch that makes one record another, nil when they are equal; both are pointers to the
// same type of struct. Only the fields that differ become JSON: most writes change little of an Application.
func difference(from, to any) (map[string]any, error) {
	a, b := apart(reflect.ValueOf(from).Elem(), reflect.ValueOf(to).Elem())
	before, err := plain(a.Interface())
	if err != nil {
		return nil, err
	}
	after, err := plain(b.Interface())
	if err != nil {
		return nil, err
	}
	return mergePatch(before, after), nil
}

// apart returns copies of two structs without the fields in which they are the same.
func apart(from, to reflect.Value) (a, b reflect.Value) {
	a, b = reflect.New(from.Type()).Elem(), reflect.New(from.Type()).Elem()
	for i := range from.NumField() {
		x, y := from.Field(i), to.Field(i)
		switch {
		case reflect.DeepEqual(x.Interface(), y.Interface()):
			continue
		case x.Kind() == reflect.Pointer && !x.IsNil() && !y.IsNil() && fieldwise(x.Type().Elem()):
			p, q := apart(x.Elem(), y.Elem())
			x, y = p.Addr(), q.Addr()
		case x.Kind() == reflect.Struct && fieldwise(x.Type()) && !strings.Contains(from.Type().Field(i).Tag.Get("json"), "omitzero"):
			x, y = apart(x, y) // with omitzero, one that lost all that it had in common would look like none
		}
		a.Field(i).Set(x)
		b.Field(i).Set(y)
	}
	return a, b
}

// fieldwise reports whether the JSON of a type is that of its fields.
func fieldwise(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(marshaler) {
		return false
	}
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return false
		}
	}
	return true
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// mergePatch returns the JSON merge patch (RFC 7386) that makes to out of from, nil when they are equal.
func mergePatch(from, to map[string]any) map[string]any {
	patch := map[string]any{}
	for key, value := range to {
		old, had := from[key]
		if had && reflect.DeepEqual(old, value) || !had && value == nil {
			continue
		}
		a, isObject := old.(map[string]any)
		b, becomesObject := value.(map[string]any)
		if !becomesObject {
			patch[key] = value
		} else if !isObject {
			// for a missing or plain value the patch of an empty object is the object itself, nulls left out
			patch[key] = orEmpty(mergePatch(nil, b))
		} else if p := mergePatch(a, b); p != nil {
			patch[key] = p
		}
	}
	for key, old := range from {
		if _, kept := to[key]; !kept && old != nil {
			patch[key] = nil
		}
	}
	if len(patch) == 0 {
		return nil
	}
	return patch
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// sameContent compares two versions of an Application but for what the API server counts up on every write, and what is
// not kept of it (see decodeApplication).
func sameContent(a, b *v1alpha1.Application) bool {
	patch, err := difference(a, b)
	if metadata, ok := patch["metadata"].(map[string]any); ok {
		delete(metadata, "resourceVersion")
		delete(metadata, "generation")
		if len(metadata) == 0 {
			delete(patch, "metadata")
		}
	}
	return err == nil && len(patch) == 0
}
