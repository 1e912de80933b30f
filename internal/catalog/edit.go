package catalog

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// What people ask for is written here. It differs from what the leader decides (patch.go) in three ways: any replica
// may do it and no lead is asked for; it is never sent over a connection that ends with a turn; and it is always
// conditional on the version that was looked at, because a person was permitted to change that one.

// kind is what the writes of one of our kinds differ in.
type kind[T metav1.Object] struct {
	resource schema.GroupVersionResource
	name     string // for messages
	decode   func(*object.Object) (T, error)
	copy     func(T) T
	keep     func(T, error) T             // makes an answer visible, returns what to go on with
	known    func(types.NamespacedName) T // the newest known; nil when there is none
	partial  bool                         // only metadata is changed: it can always be read, whatever else cannot
}

// attempts is how often a write is tried that finds that somebody else has written.
const attempts = 10

func (k kind[T]) client(c *Catalog, namespace string) dynamic.ResourceInterface {
	return c.people.Resource(k.resource).Namespace(namespace)
}

// create makes a record. Everything that the API server or a controller sets is left out: status, UID, versions, owners.
func create[T metav1.Object](ctx context.Context, c *Catalog, k kind[T], record T) (_ T, err error) {
	defer problem.Wrap(&err, "create %s %s", k.name, nameOf(record))
	var none T
	fields, err := plain(record)
	if err != nil {
		return none, err
	}
	delete(fields, "status")
	fields["apiVersion"], fields["kind"] = v1alpha1.APIVersion, k.name
	given, _ := fields["metadata"].(map[string]any)
	metadata := map[string]any{}
	for _, name := range []string{"name", "namespace", "labels", "annotations", "finalizers"} {
		if v, ok := given[name]; ok {
			metadata[name] = v
		}
	}
	fields["metadata"] = metadata
	answer, err := k.client(c, record.GetNamespace()).Create(ctx, &object.Object{Object: fields}, metav1.CreateOptions{FieldManager: v1alpha1.ActionFieldManager})
	if err != nil {
		return none, apiProblem(err, "the API server refuses it")
	}
	made, broken := k.decode(answer)
	return k.keep(made, broken), broken
}

// edit applies change to a copy of old and sends the difference, under the condition that the record is still old.
// When it is not, change is applied to the record as it is by now, unless exact; when it is another of its name, it is
// NotFound. Nothing is sent when there is no difference, once the API server has been asked whether that is so: old may
// be older than what was written through another replica a moment ago.
func edit[T metav1.Object](ctx context.Context, c *Catalog, k kind[T], old T, change func(T) error, exact bool) (_ T, err error) {
	key := nameOf(old)
	defer problem.Wrap(&err, "change %s %s", k.name, key)
	var none T
	uid, given := old.GetUID(), old.GetResourceVersion()
	for attempt := 1; ; attempt++ {
		data, err := conditionalPatch(old, k.copy(old), change)
		if err != nil {
			return none, err
		}
		if data == nil && (exact || k.partial || old.GetResourceVersion() != given) { // partial: a deletion follows, of old and nothing else
			return old, nil
		}
		if data == nil {
			now, err := reread(ctx, c, k, key, uid)
			if err != nil {
				return none, err
			}
			if now.GetResourceVersion() == given {
				return old, nil
			}
			fresh, broken := k.decode(now)
			if broken != nil {
				return none, broken
			}
			old = k.keep(fresh, nil)
			continue
		}
		answer, err := k.client(c, key.Namespace).Patch(ctx, key.Name, types.MergePatchType, data, metav1.PatchOptions{FieldManager: v1alpha1.ActionFieldManager})
		if err == nil {
			now, broken := k.decode(answer)
			now = k.keep(now, broken)
			if k.partial {
				broken = nil
			}
			return now, broken
		}
		if !apierrors.IsConflict(err) || exact || attempt == attempts {
			return none, c.writeProblem(err, uid)
		}
		if err := pause(ctx, attempt); err != nil {
			return none, err
		}
		fresh, err := reread(ctx, c, k, key, uid)
		if err != nil {
			return none, err
		}
		if old, err = k.decode(fresh); err != nil && !k.partial {
			return none, err // a change of what is not understood would lose the rest
		}
	}
}

// reread returns a record as the API server has it now. It is NotFound when it is gone, or another has its name.
func reread[T metav1.Object](ctx context.Context, c *Catalog, k kind[T], key types.NamespacedName, uid types.UID) (*object.Object, error) {
	now, err := k.client(c, key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && now.GetUID() != uid:
		return nil, problem.New(problem.NotFound, "it does not exist any more")
	case err != nil:
		return nil, apiProblem(err, "read it")
	}
	return now, nil
}

// conditionalPatch is the merge patch that makes old what change makes of scratch, its copy; nil when it is the same.
func conditionalPatch[T metav1.Object](old, scratch T, change func(T) error) ([]byte, error) {
	if err := change(scratch); err != nil {
		return nil, err
	}
	patch, err := difference(old, scratch)
	if err != nil || len(patch) == 0 {
		return nil, err
	}
	metadata, _ := patch["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		patch["metadata"] = metadata
	}
	metadata["uid"], metadata["resourceVersion"] = string(old.GetUID()), old.GetResourceVersion()
	return json.Marshal(patch)
}

// pause waits before another attempt, longer each time.
func pause(ctx context.Context, attempt int) error {
	wait := time.Duration(attempt*attempt)*2*time.Millisecond + rand.N(5*time.Millisecond)
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled is how long a deletion is waited for to be told by the watch. Longer than that, the API server's word that
// it is done must be enough.
const settled = 5 * time.Second

// remove deletes a record, and no other of its name; when exact, only as it is in old: else it is a Conflict. When finalizers hold it, the record with its deletionTimestamp is
// visible afterwards; else it is gone.
func remove[T metav1.Object](ctx context.Context, c *Catalog, k kind[T], old T, exact bool) (err error) {
	key, uid := nameOf(old), old.GetUID()
	defer problem.Wrap(&err, "delete %s %s", k.name, key)
	client := k.client(c, key.Namespace)
	as := &metav1.Preconditions{UID: &uid}
	if version := old.GetResourceVersion(); exact {
		as.ResourceVersion = &version
	}
	err = client.Delete(ctx, key.Name, metav1.DeleteOptions{Preconditions: as})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err) && !exact: // the UID is another one
		return problem.New(problem.NotFound, "it does not exist any more")
	case apierrors.IsConflict(err):
		return problem.New(problem.Conflict, "it has been changed meanwhile")
	}
	if err != nil {
		return apiProblem(err, "the API server refuses it")
	}
	left, err := client.Get(ctx, key.Name, metav1.GetOptions{})
	if err == nil && left.GetUID() == uid {
		k.keep(k.decode(left))
		return nil
	}
	c.settle(ctx, func() bool {
		now := k.known(key)
		return isNil(now) || now.GetUID() != uid
	})
	return nil
}

// settle waits until the watch has told something.
func (c *Catalog) settle(ctx context.Context, told func() bool) {
	for deadline := time.Now().Add(settled); !told() && time.Now().Before(deadline) && ctx.Err() == nil; {
		time.Sleep(2 * time.Millisecond)
	}
}

func isNil[T metav1.Object](o T) bool {
	switch v := any(o).(type) {
	case nil:
		return true
	case *v1alpha1.Application:
		return v == nil
	case *v1alpha1.AppProject:
		return v == nil
	case *v1alpha1.ApplicationSet:
		return v == nil
	}
	return false
}

// notHeld is the problem of a record in a namespace that we do not look at; setting is what would have us look.
func notHeld(namespace, setting string) error {
	return problem.New(problem.Forbidden, "namespace '%s' is not permitted", namespace).
		WithHint("it must be one of %s, in %s", setting, paramsMap)
}
