package catalog

import (
	"cmp"
	"context"
	"slices"

	"github.com/hawser-cd/hawser/internal/problem"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxListedEvents bounds a list of events; they live for an hour, and nobody reads more.
const maxListedEvents = 1000

// Events returns the Kubernetes events about one of our records (an Application, AppProject or ApplicationSet), the
// oldest first. It asks the API server: events are not watched. uid may be empty, for all that had the name.
func (c *Catalog) Events(ctx context.Context, kind, namespace, name, uid string) (_ []corev1.Event, err error) {
	defer problem.Wrap(&err, "list events of %s %s/%s", kind, namespace, name)
	if namespace == "" {
		namespace = c.options.Namespace
	}
	if !c.holds(namespace) && !c.holdsSet(namespace) {
		return nil, notHeld(namespace, namespacesKey)
	}
	selector := fields.Set{"involvedObject.kind": kind, "involvedObject.name": name, "involvedObject.namespace": namespace}
	if uid != "" {
		selector["involvedObject.uid"] = uid
	}
	list, err := c.people.Resource(eventResource).Namespace(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: selector.String(), Limit: maxListedEvents,
	})
	if err != nil {
		return nil, apiProblem(err, "the API server refuses it")
	}
	events := make([]corev1.Event, 0, len(list.Items))
	for i := range list.Items {
		var e corev1.Event
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &e); err != nil {
			continue // one that cannot be read hides no other
		}
		e.ManagedFields = nil
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b corev1.Event) int {
		return cmp.Or(lastSeen(a).Time.Compare(lastSeen(b).Time), cmp.Compare(a.Name, b.Name))
	})
	return events, nil
}

// lastSeen is when an event happened last: of the two APIs for events each has its own field.
func lastSeen(e corev1.Event) metav1.Time {
	switch {
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp
	case e.Series != nil:
		return metav1.Time{Time: e.Series.LastObservedTime.Time}
	case !e.EventTime.IsZero():
		return metav1.Time{Time: e.EventTime.Time}
	}
	return e.CreationTimestamp
}
