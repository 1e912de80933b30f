package catalog

import (
	"context"
	"encoding/json"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What the leader does with the Applications of an ApplicationSet. Unlike what people ask for, it is fenced: see Turn.

// setFieldManager is the name under which Argo CD's ApplicationSet controller writes.
const setFieldManager = "argocd-applicationset-controller"

// OwnedBy is the owner reference of what a set makes: deleting the set deletes it.
func OwnedBy(set *v1alpha1.ApplicationSet) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindApplicationSet, Name: set.Name, UID: set.UID, Controller: &yes, BlockOwnerDeletion: &yes}
}

// MakeApplication creates an Application of a set. It is Conflict when there is one of its name, whoever made it.
func (c *Catalog) MakeApplication(ctx context.Context, app *v1alpha1.Application) (_ *v1alpha1.Application, err error) {
	defer problem.Wrap(&err, "create application %s", nameOf(app))
	if !c.holds(app.Namespace) {
		return nil, notHeld(app.Namespace, namespacesKey)
	}
	marked := c.Turn()(ctx)
	if err := c.lead.allows(); err != nil {
		return nil, err
	}
	fields, err := plain(app)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	fields["apiVersion"], fields["kind"] = v1alpha1.APIVersion, v1alpha1.KindApplication
	answer, err := c.client.Resource(applications).Namespace(app.Namespace).Create(marked, &object.Object{Object: fields}, metav1.CreateOptions{FieldManager: setFieldManager})
	if err != nil {
		return nil, apiProblem(err, "the API server refuses it")
	}
	made, broken := decodeApplication(answer)
	made = c.keep(&appEntry{app: made, err: broken, own: true})
	c.tell(Change{ApplicationChanged, nameOf(made)})
	return made, broken
}

// DropApplication deletes an Application that its set no longer asks for, this one and no other of its name, and as it
// is in app: somebody may have taken it out of the set since, to keep it. Then it is a Conflict. With orphan, what it
// deployed stays. That it is gone already is fine.
func (c *Catalog) DropApplication(ctx context.Context, app *v1alpha1.Application, orphan bool) (err error) {
	defer problem.Wrap(&err, "delete application %s", nameOf(app))
	if orphan {
		app, err = c.PatchApplicationExact(ctx, app, func(a *v1alpha1.Application) { a.Finalizers = withPropagation(a.Finalizers, Orphan, false) })
		if err != nil {
			return ignoreNotFound(err)
		}
	}
	marked := c.Turn()(ctx)
	if err := c.lead.allows(); err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	err = c.client.Resource(applications).Namespace(app.Namespace).Delete(marked, app.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &app.UID, ResourceVersion: &app.ResourceVersion}, PropagationPolicy: &background,
	})
	if err == nil {
		return nil
	}
	return ignoreNotFound(c.writeProblem(err, app.UID))
}

func ignoreNotFound(err error) error {
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// PatchApplicationSet changes the metadata of a set: annotations that asked for something which is done, or finalizers.
// It is Conflict when finalizers change and the set is not old any more.
func (c *Catalog) PatchApplicationSet(ctx context.Context, old *v1alpha1.ApplicationSet, change func(*v1alpha1.ApplicationSet)) (*v1alpha1.ApplicationSet, error) {
	return c.patchSet(ctx, old, change, "")
}

// PatchApplicationSetStatus writes the status of a set. Nothing is sent when it is the same.
func (c *Catalog) PatchApplicationSetStatus(ctx context.Context, old *v1alpha1.ApplicationSet, change func(*v1alpha1.ApplicationSet)) (*v1alpha1.ApplicationSet, error) {
	return c.patchSet(ctx, old, change, "status")
}

func (c *Catalog) patchSet(ctx context.Context, old *v1alpha1.ApplicationSet, change func(*v1alpha1.ApplicationSet), subresource string) (_ *v1alpha1.ApplicationSet, err error) {
	defer problem.Wrap(&err, "write ApplicationSet %s", nameOf(old))
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
	metadata, _ := patch["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		patch["metadata"] = metadata
	}
	metadata["uid"] = string(old.UID)
	if sharedList(metadata) {
		metadata["resourceVersion"] = old.ResourceVersion
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	var below []string
	if subresource != "" {
		below = []string{subresource}
	}
	answer, err := c.client.Resource(appSets).Namespace(old.Namespace).Patch(marked, old.Name, types.MergePatchType, data, metav1.PatchOptions{FieldManager: setFieldManager}, below...)
	if err != nil {
		return nil, c.writeProblem(err, old.UID)
	}
	set, broken := decodeApplicationSet(answer)
	return c.seeSet(set, broken), broken
}
