package backup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func app(t *testing.T, name, namespace, extra string) *unstructured.Unstructured {
	return object(t, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: "+name+", namespace: "+namespace+", uid: u, resourceVersion: '7'}\n"+extra)
}

func TestWhatIsWrittenIsReadBackWithoutWhatOnlyTheClusterKnows(t *testing.T) {
	list := []*unstructured.Unstructured{
		object(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: argocd-secret, namespace: argocd, uid: u, labels: {a: b}}\ndata: {k: dg==}\ntype: Opaque"),
		app(t, "web", "argocd", "spec: {project: default}\nstatus: {health: {status: Healthy}}"),
		app(t, "web", "teams", "spec: {project: team}"),
	}
	var b strings.Builder
	if err := Write(&b, list, "argocd"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "uid") || strings.Contains(b.String(), "namespace: argocd") || !strings.Contains(b.String(), "namespace: teams") {
		t.Errorf("written:\n%s", b.String())
	}
	back, err := Read([]byte(b.String()), "other")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, o := range back {
		ids = append(ids, id(o))
	}
	if d := cmp.Diff([]string{"Secret/other/argocd-secret", "Application/other/web", "Application/teams/web"}, ids); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

func TestBackupsThatAreNoneAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "empty", "---\n---\n": "empty", "kind: Pod\nmetadata: {name: x}": "no record of ours", "kind: Secret\ndata: {k: [secret-value": "no YAML", "kind: Secret": "no record of ours",
	} {
		_, err := Read([]byte(text), "argocd")
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-value") {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestPlan(t *testing.T) {
	live := []*unstructured.Unstructured{
		object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, namespace: argocd}\ndata: {a: b}"),
		app(t, "same", "argocd", "spec: {project: default}\nstatus: {reconciledAt: now}"),
		app(t, "changed", "argocd", "spec: {project: default}"),
		app(t, "busy", "argocd", "spec: {project: default}\noperation: {sync: {}}"),
		app(t, "gone", "argocd", "spec: {project: default}"),
		object(t, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: kept, namespace: argocd, labels: {keep: me}}"),
	}
	backup := []*unstructured.Unstructured{
		app(t, "same", "argocd", "spec: {project: default}\nstatus: {reconciledAt: then}"),
		app(t, "changed", "argocd", "spec: {project: other}"),
		app(t, "busy", "argocd", "spec: {project: default}"),
		app(t, "new", "argocd", ""),
		app(t, "elsewhere", "nobody", ""),
		app(t, "team", "team-a", ""),
		object(t, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: left, namespace: argocd, labels: {keep: me}}"),
	}
	got := map[string]string{}
	for _, s := range plan(backup, live, "argocd", Options{Prune: true, StopOperation: true, SkipLabel: "keep=me", Further: Further{Applications: []string{"team-*"}}}) {
		got[s.object.GetName()] = s.do
	}
	want := map[string]string{"argocd-cm": "left", "same": "unchanged", "changed": "update", "busy": "update", "gone": "prune", "kept": "skip prune", "new": "create", "team": "create", "left": "skip"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMergeKeepsWhatTheBackupDoesNotSay(t *testing.T) {
	live := object(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: argocd, uid: u, resourceVersion: '7', annotations: {argocd.argoproj.io/tracking-id: live}}\ndata: {a: b}\ntype: Opaque")
	backup := object(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {argocd.argoproj.io/tracking-id: old}}\ndata: {a: c}")
	next := merge(backup, live, Options{IgnoreTracking: true})
	want := object(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: argocd, uid: u, resourceVersion: '7', annotations: {argocd.argoproj.io/tracking-id: live}}\ndata: {a: c}\ntype: Opaque")
	if d := cmp.Diff(want.Object, next.Object); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestNamespaces(t *testing.T) {
	for _, c := range []struct {
		namespace string
		globs     []string
		want      bool
	}{{"argocd", nil, true}, {"a", nil, false}, {"team-a", []string{"team-*"}, true}, {"a", []string{"/^[ab]$/"}, true}, {"c", []string{"/^[ab]$/", "/("}, false}} {
		if got := matches(c.namespace, "argocd", c.globs); got != c.want {
			t.Errorf("%s in %v: got %v", c.namespace, c.globs, got)
		}
	}
}
