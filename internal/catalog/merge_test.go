package catalog

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

func TestMergePatch(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`{"a":1}`, `{"a":1}`, `null`},
		{`{"a":1,"b":2}`, `{"a":1}`, `{"b":null}`},
		{`{"a":{"x":1,"y":2}}`, `{"a":{"x":1,"y":3}}`, `{"a":{"y":3}}`},
		{`{"a":{"x":1}}`, `{"a":{}}`, `{"a":{"x":null}}`},
		{`{}`, `{"a":{}}`, `{"a":{}}`},
		{`{}`, `{"a":{"x":null,"y":1}}`, `{"a":{"y":1}}`},
		{`{}`, `{"a":{"x":null}}`, `{"a":{}}`},
		{`{"a":"s"}`, `{"a":{"x":1}}`, `{"a":{"x":1}}`},
		{`{"a":{"x":1}}`, `{"a":"s"}`, `{"a":"s"}`},
		{`{"a":[1,2]}`, `{"a":[2]}`, `{"a":[2]}`},
		{`{"a":null}`, `{}`, `null`},
		{`{"a":null}`, `{"a":null}`, `null`},
		{`{"a":1}`, `{"a":null}`, `{"a":null}`},
	} {
		got, err := json.Marshal(mergePatch(parse(t, c.from), parse(t, c.to)))
		if err != nil || string(got) != c.want {
			t.Errorf("%s → %s: %s, want %s (%v)", c.from, c.to, got, c.want, err)
		}
	}
}

// Applying the patch as RFC 7386 says must give the wanted value, and an empty patch must mean that nothing differs.
func TestMergePatchLeadsToTheWantedValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyObject(t, "from", 3), anyObject(t, "to", 3)
		patch := mergePatch(from, to)
		if diff := cmp.Diff(to, applyMerge(from, patch)); diff != "" {
			t.Fatalf("patch %v: %s", patch, diff)
		}
		if (patch == nil) != cmp.Equal(from, to) {
			t.Fatalf("patch %v of %v and %v", patch, from, to)
		}
	})
}

// Leaving out what two Applications have in common changes nothing of the patch between them.
func TestDifferenceIsThatOfTheWholeRecords(t *testing.T) {
	now := metav1.Now()
	yes := true
	edits := []func(*v1alpha1.Application){
		func(a *v1alpha1.Application) { a.Labels = map[string]string{"team": "a"} },
		func(a *v1alpha1.Application) { a.ResourceVersion = "8" },
		func(a *v1alpha1.Application) { a.CreationTimestamp = now },
		func(a *v1alpha1.Application) { a.Spec.Project = "shop" },
		func(a *v1alpha1.Application) {
			a.Spec.Source = &v1alpha1.ApplicationSource{RepoURL: "https://git.example/a", Path: "x"}
		},
		func(a *v1alpha1.Application) {
			if a.Spec.Source != nil {
				a.Spec.Source.Directory = &v1alpha1.ApplicationSourceDirectory{Recurse: true}
			}
		},
		func(a *v1alpha1.Application) {
			if a.Spec.Source != nil {
				a.Spec.Source.Directory = &v1alpha1.ApplicationSourceDirectory{Jsonnet: v1alpha1.ApplicationSourceJsonnet{Libs: []string{"lib"}}}
			}
		},
		func(a *v1alpha1.Application) {
			if a.Spec.Source != nil && a.Spec.Source.Directory != nil {
				a.Spec.Source.Directory.Jsonnet.TLAs = []v1alpha1.JsonnetVar{{Name: "n", Value: "v"}}
			}
		},
		func(a *v1alpha1.Application) {
			a.Spec.SyncPolicy = &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Enabled: &yes}}
		},
		func(a *v1alpha1.Application) {
			a.Operation = &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{Revision: "abc"}}
		},
		func(a *v1alpha1.Application) { a.Status.Sync.Status = v1alpha1.SyncStatusSynced },
		func(a *v1alpha1.Application) { a.Status.Sync.Revision = "abc" },
		func(a *v1alpha1.Application) { a.Status.ReconciledAt = &now },
		func(a *v1alpha1.Application) { a.Status.Resources = []v1alpha1.ResourceStatus{{Name: "a"}} },
		func(a *v1alpha1.Application) { a.Status.Resources = []v1alpha1.ResourceStatus{{Name: "b"}} },
		func(a *v1alpha1.Application) {
			a.Status.OperationState = &v1alpha1.OperationState{Phase: v1alpha1.OperationRunning, StartedAt: now}
		},
		func(a *v1alpha1.Application) {
			if a.Status.OperationState != nil {
				a.Status.OperationState.Phase, a.Status.OperationState.FinishedAt = v1alpha1.OperationSucceeded, &now
			}
		},
		func(a *v1alpha1.Application) { a.Status.Health.Status = "Healthy" },
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) *v1alpha1.Application {
			a := &v1alpha1.Application{}
			for _, i := range rapid.SliceOf(rapid.IntRange(0, len(edits)-1)).Draw(t, label) {
				edits[i](a)
			}
			return a
		}
		from, to := draw("from"), draw("to")
		before, err := plain(from)
		if err != nil {
			t.Fatal(err)
		}
		after, err := plain(to)
		if err != nil {
			t.Fatal(err)
		}
		got, err := difference(from, to)
		if diff := cmp.Diff(mergePatch(before, after), got); diff != "" || err != nil {
			t.Fatalf("%s (%v)", diff, err)
		}
	})
}

func anyObject(t *rapid.T, label string, depth int) map[string]any {
	m := map[string]any{}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, label) {
		switch kind := rapid.IntRange(0, 3).Draw(t, label); {
		case kind == 0 && depth > 0:
			m[key] = anyObject(t, label, depth-1)
		case kind == 1:
			m[key] = []any{rapid.IntRange(0, 2).Draw(t, label)}
		default:
			m[key] = rapid.IntRange(0, 2).Draw(t, label)
		}
	}
	return m
}

// applyMerge is RFC 7386, section 2.
func applyMerge(target, patch map[string]any) map[string]any {
	result := map[string]any{}
	for k, v := range target {
		result[k] = v
	}
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(result, k)
		case map[string]any:
			old, _ := result[k].(map[string]any)
			result[k] = applyMerge(old, v)
		default:
			result[k] = v
		}
	}
	return result
}

func TestBrokenApplicationKeepsWhatCanBeRead(t *testing.T) {
	for name, c := range map[string]struct{ section, want string }{
		"source is a string":     {`"spec":{"project":"p","source":"https://x","destination":{"server":"https://a"}}`, "spec.source is a string, expected an object"},
		"prune is a string":      {`"spec":{"project":"p","syncPolicy":{"automated":{"prune":"yes"}}}`, "prune is a string, expected true or false"},
		"sources is an object":   {`"spec":{"project":"p","sources":{}}`, "spec.sources is a object, expected a list"},
		"spec is a number":       {`"spec":3`, "spec is a number, expected an object"},
		"operation is a string":  {`"spec":{"project":"p"},"operation":"sync"`, "operation is a string, expected an object"},
		"time is not one":        {`"spec":{"project":"p"},"operation":{"sync":{"resources":[{"name":7}]}}`, "name is a number, expected a string"},
		"revision limit is text": {`"spec":{"project":"p","revisionHistoryLimit":"ten"}`, "spec.revisionHistoryLimit is a string, expected a number"},
	} {
		o := &object.Object{Object: parse(t, `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"web","namespace":"argocd","uid":"u",
			"resourceVersion":"7","finalizers":["f"],"labels":{"l":"v"},"creationTimestamp":"2026-01-02T03:04:05Z"},
			"status":{"sync":{"status":"Synced"},"history":[{"id":1,"revision":"abc","deployedAt":"2026-01-02T03:04:05Z"}]},`+c.section+`}`)}
		app, err := decodeApplication(o)
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if app.Name != "web" || app.UID != "u" || app.ResourceVersion != "7" || len(app.Finalizers) != 1 || app.Labels["l"] != "v" || app.CreationTimestamp.IsZero() {
			t.Errorf("%s: metadata %+v", name, app.ObjectMeta)
		}
		if app.Status.Sync.Status != v1alpha1.SyncStatusSynced || len(app.Status.History) != 1 {
			t.Errorf("%s: status %+v", name, app.Status)
		}
		if !strings.HasPrefix(c.section, `"spec":3`) && app.Spec.Project != "p" {
			t.Errorf("%s: spec %+v", name, app.Spec)
		}
	}
}

func FuzzDecodeApplication(f *testing.F) {
	f.Add(`{"spec":{"source":{"helm":{"valuesObject":{"a":[1]}}}},"status":{"reconciledAt":"2026-01-02T03:04:05Z"}}`)
	f.Add(`{"spec":"x","status":3,"operation":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m map[string]any
		if json.Unmarshal([]byte(text), &m) != nil || m == nil {
			return
		}
		delete(m, "metadata") // the API server vouches for it
		app, err := decodeApplication(&object.Object{Object: m})
		if app == nil {
			t.Fatalf("no application: %v", err)
		}
	})
}

func BenchmarkDecodeApplication(b *testing.B) {
	o := &object.Object{Object: parse(b, `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"web","namespace":"argocd","uid":"u"},
		"spec":{"project":"default","source":{"repoURL":"https://git.corp/x","path":"apps/web","targetRevision":"main"},"destination":{"server":"https://a","namespace":"web"}},
		"status":{"sync":{"status":"Synced","revision":"abc"},"health":{"status":"Healthy"},"resources":[{"group":"apps","version":"v1","kind":"Deployment","namespace":"web","name":"a","status":"Synced"},
		{"version":"v1","kind":"Service","namespace":"web","name":"a","status":"Synced"}]}}`)}
	for b.Loop() {
		if _, err := decodeApplication(o); err != nil {
			b.Fatal(err)
		}
	}
}

func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	o, err := object.ParseValue([]byte(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	m, _ = o.(map[string]any)
	return m
}
