package catalog

import (
	"context"
	"maps"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// An agent keeps copies of its hub's records among its own. Each bears a label, and only what bears it is ever changed
// or taken away on the hub's word: what others made in the agent's namespace is not the hub's.

// LabelCopy marks a copy of a hub's record.
const LabelCopy = "hawser.dev/copy-of-hub"

// copied are the kinds of which an agent keeps copies, and Applications.
var copied = map[string]schema.GroupVersionResource{
	"ConfigMap": configMaps, "Secret": secrets, v1alpha1.KindAppProject: appProjects, v1alpha1.KindApplication: applications,
}

// IsCopy reports whether a record is a copy of the hub's.
func IsCopy(o metav1.Object) bool { return o.GetLabels()[LabelCopy] == "true" }

// notCopy refuses to touch what is not the hub's.
func notCopy(kind, name string) error {
	return problem.New(problem.Conflict, "there is a %s %s here that is not the hub's, and is left alone", kind, name).
		WithHint("rename or remove one of the two; or hand it over: kubectl label %s %s %s=true", kind, name, LabelCopy)
}

// PutCopy makes a ConfigMap, Secret or AppProject in our namespace what o says, unless it says so already. It is Conflict
// when there is one of that name that is no copy.
func (c *Catalog) PutCopy(ctx context.Context, o *object.Object) (err error) {
	kind, name := o.GetKind(), o.GetName()
	defer problem.Wrap(&err, "write the copy of %s %s", kind, name)
	resource, ok := copied[kind]
	if !ok || resource == applications {
		return problem.New(problem.Invalid, "an agent keeps no copies of %s", kind)
	}
	want := &object.Object{Object: map[string]any{"apiVersion": o.GetAPIVersion(), "kind": kind}}
	for _, field := range []string{"spec", "data"} {
		if v, ok := o.Object[field]; ok {
			want.Object[field] = v
		}
	}
	labels := maps.Clone(o.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelCopy] = "true"
	want.SetName(name)
	want.SetNamespace(c.options.Namespace)
	want.SetLabels(labels)
	want.SetAnnotations(o.GetAnnotations())
	client := c.client.Resource(resource).Namespace(c.options.Namespace)
	for attempt := 1; ; attempt++ {
		marked := c.Turn()(ctx)
		if err := c.lead.allows(); err != nil {
			return err
		}
		now, err := client.Get(ctx, name, metav1.GetOptions{})
		var answer *object.Object
		switch {
		case apierrors.IsNotFound(err):
			answer, err = client.Create(marked, want, metav1.CreateOptions{FieldManager: fieldManager})
		case err != nil:
			return guarded(err)
		case !IsCopy(now):
			return notCopy(kind, name)
		case sameCopy(now, want):
			return nil
		default:
			next := want.DeepCopy()
			next.SetResourceVersion(now.GetResourceVersion())
			next.SetUID(now.GetUID())
			answer, err = client.Update(marked, next, metav1.UpdateOptions{FieldManager: fieldManager})
		}
		if err == nil {
			if resource == appProjects {
				c.putProject(answer)
			} else {
				c.takeRecord(resource, answer)
			}
			return nil
		}
		if again := apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err); !again || attempt == attempts {
			return guarded(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// sameCopy reports whether a record says what a copy shall say.
func sameCopy(now, want *object.Object) bool {
	said := func(o *object.Object) string {
		return object.Hash([]any{o.Object["spec"], o.Object["data"], o.GetLabels(), o.GetAnnotations()})
	}
	return said(now) == said(want)
}

// DropCopy takes a copy of a ConfigMap, Secret or AppProject away; what is no copy stays.
func (c *Catalog) DropCopy(ctx context.Context, kind, name string) (err error) {
	defer problem.Wrap(&err, "take away the copy of %s %s", kind, name)
	resource, ok := copied[kind]
	if !ok || resource == applications {
		return nil
	}
	marked := c.Turn()(ctx)
	if err := c.lead.allows(); err != nil {
		return err
	}
	client := c.client.Resource(resource).Namespace(c.options.Namespace)
	now, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && !IsCopy(now) {
		return nil
	}
	if err != nil {
		return guarded(err)
	}
	uid, version := now.GetUID(), now.GetResourceVersion()
	err = client.Delete(marked, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	if err != nil && !apierrors.IsNotFound(err) {
		return guarded(err)
	}
	return nil
}

// Copies names the copies of ConfigMaps, Secrets and AppProjects that there are, by kind.
func (c *Catalog) Copies(ctx context.Context) (map[string][]string, error) {
	found := map[string][]string{}
	for kind, resource := range copied {
		if resource == applications {
			continue
		}
		list, err := c.client.Resource(resource).Namespace(c.options.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelCopy + "=true"})
		if err != nil {
			return nil, apiProblem(err, "list the copies of %s", resource.Resource)
		}
		for _, o := range list.Items {
			found[kind] = append(found[kind], o.GetName())
		}
	}
	return found, nil
}

// Holds reports whether Applications in a namespace are looked at.
func (c *Catalog) Holds(namespace string) bool { return c.holds(namespace) }
