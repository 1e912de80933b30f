package catalog

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// crdManager is our field manager on CustomResourceDefinitions; it tells ours from those of an Argo CD installation.
const crdManager = "hawser-crds"

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// InstallCRDs applies the CustomResourceDefinitions in manifests (YAML) and waits until they are served. One that
// somebody else installed stays as it is: an existing Argo CD may still need its own, and it serves us as well.
func InstallCRDs(ctx context.Context, r *rest.Config, manifests [][]byte, log *slog.Logger) (err error) {
	defer problem.Wrap(&err, "install CustomResourceDefinitions")
	client, err := dynamic.NewForConfig(quick(r))
	if err != nil {
		return problem.Because(problem.Invalid, err, "connection to our own cluster")
	}
	crds := client.Resource(definitions)
	var names []string
	for _, m := range manifests {
		items, err := object.Parse(m, "crds.yaml")
		if err != nil {
			return err
		}
		for _, item := range items {
			name := item.Object.GetName()
			names = append(names, name)
			existing, err := crds.Get(ctx, name, metav1.GetOptions{})
			switch {
			case err == nil && !ours(existing):
				log.Info("CustomResourceDefinition kept: it was installed by somebody else", "name", name)
				continue
			case err != nil && !apierrors.IsNotFound(err):
				return apiProblem(err, "read %s", name)
			}
			if _, err := crds.Apply(ctx, name, item.Object, metav1.ApplyOptions{FieldManager: crdManager, Force: true}); err != nil {
				return apiProblem(err, "apply %s", name)
			}
			log.Info("CustomResourceDefinition installed", "name", name)
		}
	}
	for _, name := range names {
		var last error
		err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			last = served(ctx, client, name)
			return last == nil, nil
		})
		if err != nil {
			return problem.Because(problem.Unavailable, last, "%s is not served", name)
		}
	}
	return nil
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// EnsureNamespace creates the namespace that our records live in, when it does not exist.
func EnsureNamespace(ctx context.Context, r *rest.Config, name string) error {
	client, err := dynamic.NewForConfig(quick(r))
	if err != nil {
		return problem.Because(problem.Invalid, err, "connection to our own cluster")
	}
	ns := &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	_, err = client.Resource(namespaces).Create(ctx, ns, metav1.CreateOptions{FieldManager: crdManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return apiProblem(err, "create namespace %s", name)
	}
	return nil
}

func ours(crd *object.Object) bool {
	for _, m := range crd.GetManagedFields() {
		if m.Manager == crdManager {
			return true
		}
	}
	return false
}

// served returns nil when a definition is established and its kind can be listed: the first does not imply the
// second at once.
func served(ctx context.Context, client dynamic.Interface, name string) error {
	crd, err := client.Resource(definitions).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return apiProblem(err, "read it")
	}
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	established := "it is not established yet"
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		switch {
		case m["type"] == "Established" && m["status"] == "True":
			established = ""
		case m["type"] == "NamesAccepted" && m["status"] == "False":
			message, _ := m["message"].(string)
			return problem.New(problem.Conflict, "its names are taken: %s", message)
		}
	}
	if established != "" {
		return problem.New(problem.Unavailable, "%s", established)
	}
	plural, group, _ := strings.Cut(name, ".")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		m, _ := v.(map[string]any)
		if version, _ := m["name"].(string); m["served"] == true {
			_, err := client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural}).List(ctx, metav1.ListOptions{Limit: 1})
			if err != nil {
				return apiProblem(err, "list %s %s", plural, version)
			}
		}
	}
	return nil
}
