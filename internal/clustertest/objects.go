package clustertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Patience is how long Wait waits. Generous, because the machine may be busy with other packages'
// tests; a test that succeeds never notices.
const Patience = 90 * time.Second

const pollEvery = 40 * time.Millisecond

// Namespace creates a namespace for this test, with its default service account, and has it deleted
// at the test's end (without waiting for that).
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	name := namespaceFor(t.Name())
	_, err := c.Client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("clustertest: create namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		// The test's context is over by now.
		err := c.Client.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("clustertest: delete namespace %s: %v", name, err)
		}
	})
	Wait(t, "the default service account of namespace "+name, func(ctx context.Context) error {
		_, err := c.Client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return name
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// namespaceFor is the test's name in the letters of a DNS label, made unique.
func namespaceFor(test string) string {
	readable := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(test), "-"), "-")
	return strings.TrimRight(readable[:min(len(readable), 40)], "-") + "-" + strings.ToLower(rand.Text()[:8])
}

// Apply applies YAML documents (or JSON), in order, by server-side apply as the field manager
// "clustertest"; namespaced objects without a namespace go into the given one. It returns the
// objects as the API server answered. After a CustomResourceDefinition it waits until its kind is served.
func (c *Cluster) Apply(t testing.TB, namespace, manifests string) []*unstructured.Unstructured {
	t.Helper()
	return c.ApplyAs(t, "clustertest", namespace, manifests)
}

// ApplyAs is Apply as another field manager, for tests of who changed what.
func (c *Cluster) ApplyAs(t testing.TB, manager, namespace, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var applied []*unstructured.Unstructured
	for _, object := range parse(t, manifests) {
		resource, err := c.resource(object, namespace)
		if err != nil {
			t.Fatalf("clustertest: apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		got, err := resource.Apply(t.Context(), object.GetName(), object, metav1.ApplyOptions{FieldManager: manager, Force: true})
		if err != nil {
			t.Fatalf("clustertest: apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if object.GetKind() == "CustomResourceDefinition" {
			c.waitServed(t, object)
		}
		applied = append(applied, got)
	}
	return applied
}

// Delete deletes the objects that the YAML names; what is gone already is fine.
func (c *Cluster) Delete(t testing.TB, namespace, manifests string) {
	t.Helper()
	for _, object := range parse(t, manifests) {
		resource, err := c.resource(object, namespace)
		if err == nil {
			err = resource.Delete(t.Context(), object.GetName(), metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatalf("clustertest: delete %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// Get reads one object, nil when it does not exist. namespace "" is for cluster-scoped kinds.
func (c *Cluster) Get(t testing.TB, apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	object, err := c.get(t.Context(), apiVersion, kind, namespace, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatalf("clustertest: get %s %s/%s: %v", kind, namespace, name, err)
	}
	return object
}

// Patch merges a JSON merge patch into an object as the given field manager, as a person with
// kubectl would.
func (c *Cluster) Patch(t testing.TB, manager, apiVersion, kind, namespace, name, patch string) *unstructured.Unstructured {
	t.Helper()
	resource, err := c.resource(reference(apiVersion, kind, name), namespace)
	if err != nil {
		t.Fatalf("clustertest: patch %s %s/%s: %v", kind, namespace, name, err)
	}
	got, err := resource.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		t.Fatalf("clustertest: patch %s %s/%s: %v", kind, namespace, name, err)
	}
	return got
}

// WaitFor waits until an object is as check wants it, and returns it. check returns nil, or what is
// still wrong. While the object does not exist it is not asked.
func (c *Cluster) WaitFor(t testing.TB, apiVersion, kind, namespace, name string, check func(*unstructured.Unstructured) error) *unstructured.Unstructured {
	t.Helper()
	var last *unstructured.Unstructured
	Wait(t, fmt.Sprintf("%s %s/%s", kind, namespace, name), func(ctx context.Context) error {
		object, err := c.get(ctx, apiVersion, kind, namespace, name)
		if err != nil {
			return err
		}
		last = object
		if err := check(object); err != nil {
			status, _ := json.MarshalIndent(object.Object["status"], "", "  ")
			return fmt.Errorf("%w\nits status: %s", err, status)
		}
		return nil
	})
	return last
}

// WaitGone waits until an object does not exist.
func (c *Cluster) WaitGone(t testing.TB, apiVersion, kind, namespace, name string) {
	t.Helper()
	Wait(t, fmt.Sprintf("the end of %s %s/%s", kind, namespace, name), func(ctx context.Context) error {
		object, err := c.get(ctx, apiVersion, kind, namespace, name)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("it exists; deletionTimestamp %v, finalizers %v", object.GetDeletionTimestamp(), object.GetFinalizers())
	})
}

// Wait calls check until it returns nil, and fails the test with its last error when that takes
// longer than Patience.
func Wait(t testing.TB, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil {
			last = err // a check cut off by the deadline says only that
		}
		select {
		case <-ctx.Done():
			t.Fatalf("clustertest: waited %v for %s: %v", Patience, what, last)
		case <-time.After(pollEvery):
		}
	}
}

// Condition is a check for WaitFor: status.conditions has one of this type with this status.
func Condition(kind, status string) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok && c["type"] == kind {
				if c["status"] == status {
					return nil
				}
				return fmt.Errorf("condition %s is %v, want %s", kind, c["status"], status)
			}
		}
		return fmt.Errorf("no condition %s yet, want %s", kind, status)
	}
}

func (c *Cluster) get(ctx context.Context, apiVersion, kind, namespace, name string) (*unstructured.Unstructured, error) {
	resource, err := c.resource(reference(apiVersion, kind, name), namespace)
	if err != nil {
		return nil, err
	}
	return resource.Get(ctx, name, metav1.GetOptions{})
}

func reference(apiVersion, kind, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetName(name)
	return u
}

// resource is the client for an object's kind, in its own namespace or else the given one.
func (c *Cluster) resource(object *unstructured.Unstructured, namespace string) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset() // a CRD of another test, or of the code under test
		mapping, err = c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.Dynamic.Resource(mapping.Resource), nil
	}
	if own := object.GetNamespace(); own != "" {
		namespace = own
	}
	if namespace == "" {
		return nil, fmt.Errorf("%s is a namespaced kind, but no namespace is given", kind.Kind)
	}
	return c.Dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

// waitServed waits until the kinds of a CRD can be used: established, and known to discovery.
func (c *Cluster) waitServed(t testing.TB, crd *unstructured.Unstructured) {
	t.Helper()
	c.WaitFor(t, crd.GetAPIVersion(), crd.GetKind(), "", crd.GetName(), Condition("Established", "True"))
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	Wait(t, fmt.Sprintf("kind %s.%s", kind, group), func(context.Context) error {
		c.mapper.Reset()
		_, err := c.mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind})
		return err
	})
}

func parse(t testing.TB, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatalf("clustertest: document %d of the YAML: %v", len(objects)+1, err)
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}
