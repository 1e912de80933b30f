package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// set is an ApplicationSet over the folders of services/, with more of its spec as YAML.
func (h *hawser) set(name, url, more string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s}
spec:
  goTemplate: true
  generators:
  - git: {repoURL: %[2]s, revision: main, directories: [{path: 'services/*'}]}
  template:
    metadata: {name: '%[1]s-{{ .path.basename }}', labels: {team: shop}}
    spec:
      project: default
      source: {repoURL: %[2]s, targetRevision: main, path: '{{ .path.path }}'}
      destination: {server: https://kubernetes.default.svc, namespace: %[3]s}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
%[4]s`, name, url, h.target, more)
}

func folderOf(name string) map[string]string {
	return map[string]string{"services/" + name + "/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + "}, data: {a: b}}\n"}
}

func foldersOf(names ...string) map[string]string {
	files := map[string]string{}
	for _, n := range names {
		for p, text := range folderOf(n) {
			files[p] = text
		}
	}
	return files
}

// madeBy waits until a set has exactly these applications.
func (h *hawser) madeBy(t *testing.T, set string, names ...string) {
	t.Helper()
	clustertest.Wait(t, set+" makes "+strings.Join(names, ", "), func(ctx context.Context) error {
		list, err := h.Dynamic.Resource(v1alpha1.GroupVersion().WithResource(v1alpha1.ResourceApplications)).Namespace(h.control).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		var got []string
		for _, o := range list.Items {
			if owner := metav1.GetControllerOf(&o); owner != nil && owner.Name == set {
				got = append(got, strings.TrimPrefix(o.GetName(), set+"-"))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			return fmt.Errorf("it has %v: %s", got, h.said(t, set))
		}
		return nil
	})
}

// said is what a set's conditions say.
func (h *hawser) said(t *testing.T, name string) string {
	t.Helper()
	o := h.Get(t, "argoproj.io/v1alpha1", "ApplicationSet", h.control, name)
	if o == nil {
		return "there is no such set"
	}
	var set v1alpha1.ApplicationSet
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &set); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, c := range set.Status.Conditions {
		words = append(words, string(c.Type)+"="+string(c.Status)+" "+c.Message)
	}
	return strings.Join(words, "; ")
}

func (h *hawser) waitSaid(t *testing.T, name string, parts ...string) {
	t.Helper()
	clustertest.Wait(t, name+" says "+strings.Join(parts, ", "), func(context.Context) error {
		said := h.said(t, name)
		for _, p := range parts {
			if !strings.Contains(said, p) {
				return fmt.Errorf("it says %s", said)
			}
		}
		return nil
	})
}

// A folder that is pushed becomes an application that is deployed; one that is taken away is undeployed.
func TestSetFollowsFolders(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", foldersOf("a", "b", "c", "d", "e", "f"))
	h.Apply(t, h.control, h.set("web", repo.URL, ""))
	h.madeBy(t, "web", "a", "b", "c", "d", "e", "f")
	h.waitSaid(t, "web", "ErrorOccurred=False", "ParametersGenerated=True", "ResourcesUpToDate=True All applications have been generated successfully")
	h.wait(t, "web-a", synced(repo.Head(t)))
	of := fmt.Sprintf(`{name="web",namespace=%q`, h.control)
	for name, least := range map[string]float64{"argocd_appset_info" + of + `,resource_update_status="ApplicationSetUpToDate"} 1`: 1, "argocd_appset_owned_applications" + of + "} 6": 6, "argocd_appset_reconcile_count" + of: 1} {
		if n := h.metric(t, name); n < least {
			t.Errorf("%s is %v", name, n)
		}
	}

	repo.Commit(t, folderOf("g"), "Add g")
	h.hook(t, repo.URL)
	h.madeBy(t, "web", "a", "b", "c", "d", "e", "f", "g")
	h.WaitFor(t, "v1", "ConfigMap", h.target, "g", func(o *unstructured.Unstructured) error { return nil })

	repo.Commit(t, map[string]string{"services/b": ""}, "Take b away")
	h.hook(t, repo.URL)
	h.madeBy(t, "web", "a", "c", "d", "e", "f", "g")
	h.WaitGone(t, "v1", "ConfigMap", h.target, "b")
	if h.Get(t, "v1", "ConfigMap", h.target, "c") == nil {
		t.Error("another went along")
	}

	// a changed template changes the applications, and a deleted set takes them along
	h.Apply(t, h.control, strings.Replace(h.set("web", repo.URL, ""), "team: shop", "team: platform", 1))
	clustertest.Wait(t, "the label", func(context.Context) error {
		if got := h.get(t, "web-c").Labels["team"]; got != "platform" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
	h.Delete(t, h.control, h.set("web", repo.URL, ""))
	h.madeBy(t, "web")
	h.WaitGone(t, "v1", "ConfigMap", h.target, "c")
	h.WaitGone(t, "argoproj.io/v1alpha1", "ApplicationSet", h.control, "web")
	clustertest.Wait(t, "the end of its figures", func(context.Context) error {
		if n := h.metric(t, "argocd_appset_reconcile_count"+of) + h.metric(t, "argocd_appset_info"+of); n != 0 {
			return fmt.Errorf("they are still told")
		}
		return nil
	})
}

// Nothing, or half of it gone, is doubted; a repository that cannot be had is no answer at all.
func TestSetDoubtsEmptiness(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", foldersOf("a", "b", "c", "d", "e", "f"))
	h.Apply(t, h.control, h.set("web", repo.URL, ""))
	h.madeBy(t, "web", "a", "b", "c", "d", "e", "f")

	repo.Replace(t, map[string]string{"README.md": "gone"}, "Empty the repository")
	h.hook(t, repo.URL)
	h.waitSaid(t, "web", "ErrorOccurred=True", "the generators yield nothing, and 6 applications would be deleted", "hawser.dev/deletion-approved")
	h.madeBy(t, "web", "a", "b", "c", "d", "e", "f")

	repo.Replace(t, foldersOf("a", "b", "c", "d", "e", "f"), "Bring it back")
	h.hook(t, repo.URL)
	h.waitSaid(t, "web", "ErrorOccurred=False")

	repo.Replace(t, foldersOf("a"), "Keep one")
	h.hook(t, repo.URL)
	h.waitSaid(t, "web", "5 of 6 applications would be deleted")
	h.madeBy(t, "web", "a", "b", "c", "d", "e", "f")
	said := h.said(t, "web")
	_, digest, _ := strings.Cut(said, "hawser.dev/deletion-approved says ")
	digest, _, _ = strings.Cut(digest, ";")
	digest = strings.TrimRight(strings.Fields(digest)[0], ")")
	h.Patch(t, "person", "argoproj.io/v1alpha1", "ApplicationSet", h.control, "web", fmt.Sprintf(`{"metadata":{"annotations":{"hawser.dev/deletion-approved":%q}}}`, digest))
	h.madeBy(t, "web", "a")

	h.Apply(t, h.control, strings.Replace(h.set("web", repo.URL, ""), repo.URL, repo.URL+"-none", 1))
	h.waitSaid(t, "web", "ErrorOccurred=True", "ParametersGenerated=False")
	time.Sleep(2 * time.Second) // nothing is to happen: there is nothing to wait for
	h.madeBy(t, "web", "a")
}

// What a project does not permit is not made; what others own is left alone; what people may change stays.
func TestSetStaysWithinItsBounds(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", foldersOf("a", "b"))
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: narrow}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: elsewhere}]}}`)
	h.Apply(t, h.control, strings.Replace(h.set("narrow", repo.URL, ""), "project: default", "project: narrow", 1))
	h.waitSaid(t, "narrow", "ErrorOccurred=True", "application narrow-a", "do not match any of the allowed destinations in project 'narrow'")
	h.madeBy(t, "narrow")

	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: taken-a, labels: {by: hand}}, spec: {project: default, source: {repoURL: %q, path: services/a}, destination: {server: https://kubernetes.default.svc, namespace: %s}}}`, repo.URL, h.target))
	h.Apply(t, h.control, h.set("taken", repo.URL, `  preservedFields: {annotations: [note], labels: [tier]}
  ignoreApplicationDifferences:
  - jsonPointers: [/spec/syncPolicy]
  - jqPathExpressions: ['.spec.source.targetRevision']
`))
	h.madeBy(t, "taken", "b")
	h.waitSaid(t, "taken", "application taken-a is there already")
	if by := h.get(t, "taken-a").Labels["by"]; by != "hand" {
		t.Errorf("the application of somebody else was changed: %q", by)
	}
	h.Patch(t, "person", "argoproj.io/v1alpha1", "Application", h.control, "taken-b",
		`{"metadata":{"annotations":{"note":"mine","other":"x"},"labels":{"tier":"gold","team":"other"}},"spec":{"syncPolicy":null,"source":{"targetRevision":"HEAD"},"project":"narrow"}}`)
	clustertest.Wait(t, "the set's own", func(context.Context) error {
		app := h.get(t, "taken-b")
		if app.Spec.Project != "default" || app.Labels["team"] != "shop" || app.Annotations["other"] != "" {
			return fmt.Errorf("it is %s %v %v", app.Spec.Project, app.Labels, app.Annotations)
		}
		if app.Annotations["note"] != "mine" || app.Labels["tier"] != "gold" || app.Spec.SyncPolicy != nil || app.Spec.Source.TargetRevision != "HEAD" {
			t.Fatalf("what people may change was changed back: %v %v %+v", app.Annotations, app.Labels, app.Spec)
		}
		return nil
	})
}

// A set that may only create neither changes nor deletes; one that keeps resources leaves what was deployed.
func TestSetPolicies(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", foldersOf("a", "b", "c"))
	h.Apply(t, h.control, h.set("once", repo.URL, "  syncPolicy: {applicationsSync: create-only}\n"))
	h.Apply(t, h.control, h.set("keep", repo.URL, "  syncPolicy: {preserveResourcesOnDeletion: true}\n"))
	h.madeBy(t, "once", "a", "b", "c")
	h.madeBy(t, "keep", "a", "b", "c")
	if f := h.get(t, "keep-a").Finalizers; len(f) != 0 {
		t.Errorf("it would take its resources along: %v", f)
	}
	h.wait(t, "keep-a", func(a *v1alpha1.Application) string {
		if a.Status.OperationState == nil {
			return "not synced"
		}
		return ""
	})
	repo.Commit(t, map[string]string{"services/c": ""}, "Take c away")
	h.hook(t, repo.URL)
	h.madeBy(t, "keep", "a", "b")
	h.madeBy(t, "once", "a", "b", "c")
}
