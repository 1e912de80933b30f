package scale_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// objects are what is live, by kind and name.
type objects map[string]map[string]*unstructured.Unstructured

// witness sees what the API server says, with watches of its own.
type witness struct {
	mu      sync.Mutex
	live    objects
	changed chan struct{} // closed by the next event, and replaced
	failed  error
}

var (
	applications = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	deployments  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps   = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

func openEyes(t testing.TB, c *clustertest.Cluster, control, target string) *witness {
	w := &witness{live: objects{}, changed: make(chan struct{})}
	w.follow(t, c, applications, "Application", control)
	w.follow(t, c, deployments, "Deployment", target)
	w.follow(t, c, configMaps, "ConfigMap", target)
	w.follow(t, c, pods, "Pod", target)
	return w
}

// follow lists one kind and keeps watching it.
func (w *witness) follow(t testing.TB, c *clustertest.Cluster, resource schema.GroupVersionResource, kind, namespace string) {
	t.Helper()
	ctx := context.Background() // for the life of the process
	client := c.Dynamic.Resource(resource).Namespace(namespace)
	list, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.live[kind] = map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		w.live[kind][list.Items[i].GetName()] = &list.Items[i]
	}
	rv := list.GetResourceVersion()
	go func() {
		for {
			stream, err := client.Watch(ctx, metav1.ListOptions{ResourceVersion: rv, AllowWatchBookmarks: true})
			if err != nil {
				w.fail(fmt.Errorf("watch %s: %w", resource.Resource, err))
				return
			}
			for e := range stream.ResultChan() {
				o, ok := e.Object.(*unstructured.Unstructured)
				if !ok || e.Type == watch.Error {
					w.fail(fmt.Errorf("watch %s: %v", resource.Resource, e.Object))
					return
				}
				rv = o.GetResourceVersion()
				if e.Type != watch.Bookmark {
					w.see(kind, e.Type, o)
				}
			}
		}
	}()
}

func (w *witness) see(kind string, what watch.EventType, o *unstructured.Unstructured) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if what == watch.Deleted {
		delete(w.live[kind], o.GetName())
	} else {
		w.live[kind][o.GetName()] = o
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *witness) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = err
	close(w.changed)
	w.changed = make(chan struct{})
}

// lull is how long events may gather before they are looked at, at least; and twenty times as long as a look takes: one at
// every one of thousands of applications would take the processor from what is measured. It is the error of every time
// that the witness tells.
const lull = 2 * time.Millisecond

// patience is how long anything may take: as many applications as are asked for need their time.
func patience() time.Duration {
	return clustertest.Patience + time.Duration(*size)*200*time.Millisecond
}

// until waits until check returns "", instead of what is still wanting, and returns when that was.
func (w *witness) until(t testing.TB, what string, check func(objects) string) time.Time {
	t.Helper()
	deadline := time.After(patience())
	for {
		w.mu.Lock()
		began := time.Now()
		missing, changed, failed := check(w.live), w.changed, w.failed
		took := time.Since(began)
		w.mu.Unlock()
		switch {
		case failed != nil:
			t.Fatal(failed)
		case missing == "":
			return time.Now()
		}
		select {
		case <-changed:
			time.Sleep(max(lull, 20*took))
		case <-deadline:
			t.Fatalf("waited %v for %s: %s", patience(), what, missing)
		}
	}
}

// text is one field of an object as text, "" when it is not there.
func text(o *unstructured.Unstructured, path ...string) string {
	if o == nil {
		return ""
	}
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil || !found {
		return ""
	}
	return fmt.Sprint(v)
}
