package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/clustertest"
)

// install applies the definitions and returns a namespace to try them in.
func install(t *testing.T) (*clustertest.Cluster, string) {
	t.Helper()
	c := clustertest.Start(t)
	for _, crd := range c.Apply(t, "", string(deploy.CRDManifest())) {
		// The API server says here what is not structural, and why.
		c.WaitFor(t, crd.GetAPIVersion(), crd.GetKind(), "", crd.GetName(), clustertest.Condition("Established", "True"))
		if text, _ := json.Marshal(crd.Object["status"]); strings.Contains(string(text), "NonStructuralSchema") {
			t.Errorf("%s: %s", crd.GetName(), text)
		}
	}
	return c, c.Namespace(t)
}

// A root application as people write it: no project, no sync policy.
func TestBriefApplicationOnCluster(t *testing.T) {
	c, namespace := install(t)
	c.Apply(t, namespace, `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: platform-apps
spec:
  source:
    repoURL: https://github.com/paruff/fawkes
    path: platform/apps
    targetRevision: main
  destination:
    server: https://kubernetes.default.svc
    namespace: argocd
`)
	got := c.Get(t, v1alpha1.APIVersion, v1alpha1.KindApplication, namespace, "platform-apps")
	want := map[string]any{
		"project":     "default",
		"source":      map[string]any{"repoURL": "https://github.com/paruff/fawkes", "path": "platform/apps", "targetRevision": "main"},
		"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": "argocd"},
	}
	if diff := cmp.Diff(want, got.Object["spec"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// A sync is asked for, taken up and terminated by patching the object itself.
	patch := func(text string) map[string]any {
		return c.Patch(t, "kubectl-patch", v1alpha1.APIVersion, v1alpha1.KindApplication, namespace, "platform-apps", text).Object
	}
	if got := patch(`{"operation":{"sync":{"prune":true}}}`)["operation"]; got == nil {
		t.Errorf("the operation was dropped")
	}
	after := patch(`{"operation":null,"status":{"operationState":{"phase":"Terminating"}}}`)
	if after["operation"] != nil || after["status"] == nil {
		t.Errorf("operation %v, status %v", after["operation"], after["status"])
	}
}

// No field is lost or changed, whichever way an object comes in.
func TestEveryFieldOnCluster(t *testing.T) {
	c, namespace := install(t)
	for _, k := range []struct {
		file, resource string
		typed          any
	}{
		{"application.yaml", v1alpha1.ResourceApplications, &v1alpha1.Application{}},
		{"appproject.yaml", v1alpha1.ResourceAppProjects, &v1alpha1.AppProject{}},
		{"applicationset.yaml", v1alpha1.ResourceApplicationSets, &v1alpha1.ApplicationSet{}},
	} {
		t.Run(k.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../api/v1alpha1/testdata", k.file))
			if err != nil {
				t.Fatal(err)
			}
			want := &unstructured.Unstructured{Object: parse(t, text)}
			want.SetNamespace(namespace)
			want.SetFinalizers(nil) // nobody is here to take them off again
			objects := c.Dynamic.Resource(v1alpha1.GroupVersion().WithResource(k.resource)).Namespace(namespace)

			got, err := objects.Create(t.Context(), want.DeepCopy(), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			if err != nil {
				t.Fatal(err)
			}
			if k.resource == v1alpha1.ResourceApplicationSets {
				if got.Object["status"] != nil {
					t.Errorf("an ApplicationSet takes its status from the main resource: %v", got.Object["status"])
				}
				got.Object["status"] = want.DeepCopy().Object["status"]
				if got, err = objects.UpdateStatus(t.Context(), got, metav1.UpdateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			compare(t, "created", want, got)

			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(got.Object, k.typed); err != nil {
				t.Fatal(err)
			}
			back, err := runtime.DefaultUnstructuredConverter.ToUnstructured(k.typed)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "read into Go", want, &unstructured.Unstructured{Object: back})

			// By server-side apply, as we and GitOps users bring it in.
			again := want.DeepCopy()
			again.SetName("applied")
			manifest, err := again.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			applied := c.Apply(t, namespace, string(manifest))[0]
			if k.resource == v1alpha1.ResourceApplicationSets {
				delete(again.Object, "status")
			}
			compare(t, "applied", again, applied)
		})
	}
}

// compare spec, status and operation, as JSON prints them.
func compare(t *testing.T, what string, want, got *unstructured.Unstructured) {
	t.Helper()
	for _, part := range []string{"spec", "status", "operation"} {
		if diff := cmp.Diff(normal(t, want.Object[part]), normal(t, got.Object[part])); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", what, part, diff)
		}
	}
}

func normal(t *testing.T, v any) (out any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// What is wrong is refused by name; what is new or empty is kept or taken as absent.
func TestValidationOnCluster(t *testing.T) {
	c, namespace := install(t)
	for _, tc := range []struct{ name, kind, object, want string }{
		{"no destination", "Application", `{"spec": {"source": {"repoURL": "a"}}}`, "spec.destination: Required value"},
		{"no repository", "Application", `{"spec": {"destination": {}, "source": {"path": "a"}}}`, "spec.source.repoURL: Required value"},
		{"no spec", "Application", `{}`, "spec: Required value"},
		{"a number for a text", "Application", `{"spec": {"destination": {}, "source": {"repoURL": 5}}}`, "spec.source.repoURL in body must be of type string"},
		{"a text for a boolean", "Application", `{"spec": {"destination": {}, "syncPolicy": {"automated": {"prune": "yes"}}}}`, "spec.syncPolicy.automated.prune in body must be of type boolean"},
		{"values as an object", "Application", `{"spec": {"destination": {}, "source": {"repoURL": "a", "helm": {"values": {}}}}}`, "spec.source.helm.values in body must be of type string"},
		{"a misspelt field", "Application", `{"spec": {"destination": {}, "syncPolicy": {"automated": {"prun": true}}}}`, `unknown field "spec.syncPolicy.automated.prun"`},
		{"hydration of the root", "Application", `{"spec": {"destination": {}, "sourceHydrator": {"drySource": {"repoURL": "a", "targetRevision": "b", "path": "c"}, "syncSource": {"targetBranch": "d", "path": "."}}}}`, "spec.sourceHydrator.syncSource.path in body should match"},
		{"no project in a template", "ApplicationSet", `{"spec": {"generators": [], "template": {"metadata": {}, "spec": {"destination": {}}}}}`, "spec.template.spec.project: Required value"},
		{"no revision to generate from", "ApplicationSet", `{"spec": {"generators": [{"git": {"repoURL": "a"}}], "template": {"metadata": {}, "spec": {"project": "a", "destination": {}}}}}`, "spec.generators[0].git.revision: Required value"},
		{"an unknown policy", "ApplicationSet", `{"spec": {"generators": [], "syncPolicy": {"applicationsSync": "never"}, "template": {"metadata": {}, "spec": {"project": "a", "destination": {}}}}}`, `supported values: "create-only"`},
		{"a long description", "AppProject", `{"spec": {"description": "` + strings.Repeat("x", 256) + `"}}`, "may not be more than 255"},

		{"a field of tomorrow", "Application", `{"spec": {"destination": {}, "tomorrow": {"a": 1}}, "operation": {"tomorrow": 1}, "status": {"sync": {"status": "Synced", "tomorrow": 1}, "tomorrow": {}}}`, ""},
		{"null for absent", "Application", `{"spec": {"destination": {}, "project": null, "syncPolicy": {"automated": null}}, "status": {"history": null, "reconciledAt": null}, "operation": null}`, ""},
		{"an empty status", "Application", `{"spec": {"destination": {}}, "status": {"sync": {"status": "", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}}, "health": {}, "summary": {}, "sourceHydrator": {}}}`, ""},
		{"a generator of tomorrow", "ApplicationSet", `{"spec": {"generators": [{"tomorrow": {"a": 1}, "git": {"repoURL": "a", "revision": "b", "tomorrow": 1}}, {"list": {"elements": null}}], "template": {"metadata": {}, "spec": {"project": "a", "destination": {}}}}}`, ""},
		{"an empty project", "AppProject", `{"spec": {}}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			if err := json.Unmarshal([]byte(tc.object), &u.Object); err != nil {
				t.Fatal(err)
			}
			u.SetAPIVersion(v1alpha1.APIVersion)
			u.SetKind(tc.kind)
			u.SetName("x")
			objects := c.Dynamic.Resource(v1alpha1.GroupVersion().WithResource(strings.ToLower(tc.kind) + "s")).Namespace(namespace)
			got, err := objects.Create(t.Context(), u, metav1.CreateOptions{
				DryRun:          []string{metav1.DryRunAll},
				FieldValidation: metav1.FieldValidationStrict,
			})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want == "":
				if strings.Contains(tc.object, "tomorrow") && strings.Count(tc.object, "tomorrow") != strings.Count(inJSON(t, got), "tomorrow") {
					t.Errorf("a field was dropped: %s", inJSON(t, got))
				}
			case err == nil || !strings.Contains(err.Error(), tc.want):
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// inJSON is without managedFields, which names fields too.
func inJSON(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	text, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
