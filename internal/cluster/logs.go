package cluster

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// LogRequest names one container's log.
type LogRequest struct {
	Pod       object.Key
	Container string
	Follow    bool
	Previous  bool      // of the run before the present one
	Since     time.Time // whole seconds count, the API has no finer ones; zero: from the beginning
	Tail      int64     // the last so many lines; negative: all
	As        string    // the user as whom it is read; empty: ourselves
}

// Logs opens a container's log, each line after the time at which it was written (RFC 3339 with nanoseconds) and a
// space. It ends with ctx, or when it is closed. What comes is bounded by nobody but the reader.
func (c *Cluster) Logs(ctx context.Context, r LogRequest) (io.ReadCloser, error) {
	q := c.rest.Get().AbsPath(podPath(r.Pod, "log")...).Param("container", r.Container).Param("timestamps", "true")
	if r.Follow {
		q.Param("follow", "true")
	}
	if r.Previous {
		q.Param("previous", "true")
	}
	if !r.Since.IsZero() {
		q.Param("sinceTime", r.Since.UTC().Format(time.RFC3339))
	}
	if r.Tail >= 0 {
		q.Param("tailLines", strconv.FormatInt(r.Tail, 10))
	}
	if err := segments(r.Pod); err != nil {
		return nil, err
	}
	if r.As != "" {
		q.SetHeader(impersonate, r.As)
	}
	stream, err := q.Stream(ctx)
	if err != nil {
		return nil, c.explain(err, "read the log of container "+r.Container+" of", r.Pod, false)
	}
	return stream, nil
}

func podPath(pod object.Key, more string) []string {
	return []string{"api", "v1", "namespaces", pod.Namespace, "pods", pod.Name, more}
}

// segments refuses names that would lead to another path.
func segments(key object.Key) error {
	for _, s := range []string{key.Namespace, key.Name} {
		if bad := rest.IsValidPathSegmentName(s); s == "" || len(bad) > 0 {
			return problem.New(problem.Invalid, "%q cannot be part of the name of a %s", s, key.Kind)
		}
	}
	return nil
}

// maxEvents bounds the events of one object; the API server keeps them for an hour.
const maxEvents = 500

// Events returns the events of one object, as the API server lists them.
func (c *Cluster) Events(ctx context.Context, key object.Key, uid types.UID) ([]corev1.Event, error) {
	namespace := key.Namespace
	if namespace == "" { // events live in namespaces, also those of objects that do not
		namespace = "default"
	}
	selector := "involvedObject.name=" + key.Name + ",involvedObject.uid=" + string(uid)
	if err := segments(object.Key{Kind: key.Kind, Namespace: namespace, Name: key.Name}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	list := &unstructured.UnstructuredList{}
	err := c.rest.Get().AbsPath("api", "v1", "namespaces", namespace, "events").Param("fieldSelector", selector).
		Param("limit", strconv.Itoa(maxEvents)).Do(ctx).Into(list)
	if err != nil {
		return nil, c.explain(err, "list the events of", key, false)
	}
	events := make([]corev1.Event, len(list.Items))
	for i, o := range list.Items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &events[i]); err != nil {
			return nil, problem.Because(problem.Unavailable, err, "list the events of %s", describe(key))
		}
	}
	return events, nil
}
