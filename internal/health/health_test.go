package health

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestOrder(t *testing.T) {
	codes := []v1alpha1.HealthStatusCode{"Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"}
	for i, a := range codes {
		for j, b := range codes {
			if Worse(a, b) != (i > j) {
				t.Errorf("Worse(%s, %s) = %v", a, b, i <= j)
			}
		}
	}
	a, b := Health{"Degraded", "a"}, Health{"Degraded", "b"}
	if Worst(a, b) != a || Worst(Health{Status: "Healthy"}, b) != b {
		t.Error("Worst")
	}
}

func BenchmarkOf(b *testing.B) {
	o := parse(b, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, generation: 1}, spec: {replicas: 3}, status: {observedGeneration: 1, updatedReplicas: 3, replicas: 3, availableReplicas: 3}}")
	b.ReportAllocs()
	for b.Loop() {
		if h, ok := Of(o); !ok || h.Status != healthy {
			b.Fatal(h)
		}
	}
}

func TestSyncDue(t *testing.T) {
	const spec = "{source: {repoURL: r, path: a}, syncPolicy: {automated: {}}}"
	const status = `{reconciledAt: "2026-11-23T14:05:00Z", sync: {status: OutOfSync, revision: b}, operationState: {syncResult: {revision: a}}}`
	for name, c := range map[string]struct {
		spec, status string
		due          bool
	}{
		"a commit that has not been tried": {spec, status, true},
		"never synced":                     {spec, strings.Replace(status, ", operationState: {syncResult: {revision: a}}", "", 1), true},
		"tried":                            {spec, strings.Replace(status, "revision: a", "revision: b", 1), false},
		"in sync":                          {spec, strings.Replace(status, "OutOfSync", "Synced", 1), false},
		"by hand":                          {"{source: {repoURL: r, path: a}}", status, false},
		"switched off":                     {"{source: {repoURL: r, path: a}, syncPolicy: {automated: {enabled: false}}}", status, false},
		"kept by something for long":       {spec, strings.Replace(status, "14:05:00", "14:04:00", 1), false},
		"several sources":                  {spec, strings.NewReplacer("revision: b", "revisions: [b, c]", "revision: a", "revision: '', revisions: [b, a]").Replace(status), true},
		"several sources, tried":           {spec, strings.NewReplacer("revision: b", "revisions: [b, c]", "revision: a", "revision: '', revisions: [b, c]").Replace(status), false},
	} {
		o := parse(t, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a}, spec: "+c.spec+", status: "+c.status+"}")
		if why := SyncDue(o, corpusTime); (why != "") != c.due {
			t.Errorf("%s: %q", name, why)
		}
	}
}
