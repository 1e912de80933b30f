package health

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/rogpeppe/go-internal/txtar"
)

func TestOf(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range txtar.Parse(data).Files {
			first, _, _ := strings.Cut(string(c.Data), "\n")
			want := strings.TrimPrefix(first, "# ")
			o := parse(t, string(c.Data))
			before := object.Hash(o.Object)
			if got := spell(Of(o, Options{})); got != want {
				t.Errorf("%s: %s:\n got %s\nwant %s", file, c.Name, got, want)
			}
			if object.Hash(o.Object) != before {
				t.Errorf("%s: %s: the object was changed", file, c.Name)
			}
		}
	}
}

func spell(h Health, ok bool) string {
	switch {
	case !ok:
		return "none"
	case h.Message == "":
		return string(h.Status)
	}
	return string(h.Status) + ": " + h.Message
}

func TestChildApplications(t *testing.T) {
	for want, status := range map[string]string{
		"Degraded: Deployment/web": "{health: {status: Degraded, message: Deployment/web}}",
		"Healthy":                  "{health: {status: Healthy}}",
		"Progressing: Waiting for the application to be reconciled": "{}",
	} {
		o := parse(t, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a}, status: "+status+"}")
		if got := spell(Of(o, Options{ChildApplications: true})); got != want {
			t.Errorf("%s: %s", status, got)
		}
		if Checked(object.KeyOf(o).GroupKind(), Options{}) {
			t.Error("an Application has a health without the option")
		}
	}
}

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

func TestAggregate(t *testing.T) {
	at := func(kind, name string, status v1alpha1.HealthStatusCode, message string) Resource {
		return Resource{Key: object.Key{Kind: kind, Name: name}, Live: true, Health: Health{status, message}}
	}
	gone := Resource{Key: object.Key{Kind: "Service", Name: "gone"}, Health: Health{Status: missing}}
	ignored := at("Deployment", "ignored", degraded, "bad")
	ignored.Ignored = true
	child := at("Application", "child", unknown, "")
	child.Key.Group = "argoproj.io"
	for name, c := range map[string]struct {
		in   []Resource
		want string
	}{
		"no objects":              {nil, "Healthy"},
		"without health":          {[]Resource{at("ConfigMap", "a", "", "")}, "Healthy"},
		"one missing":             {[]Resource{at("Deployment", "a", healthy, ""), gone}, "Healthy"},
		"all missing":             {[]Resource{gone, gone}, "Missing: none of its 2 objects is in the cluster"},
		"the worst is named":      {[]Resource{at("Deployment", "a", progressing, "Waiting..."), at("Pod", "b", degraded, "OOMKilled")}, "Degraded: Pod/b: OOMKilled"},
		"several":                 {[]Resource{at("A", "1", suspended, "x"), at("A", "2", suspended, ""), at("A", "3", suspended, ""), at("A", "4", suspended, ""), at("A", "5", suspended, "")}, "Suspended: A/1: x; A/2; A/3; and 2 more"},
		"ignored":                 {[]Resource{ignored}, "Healthy"},
		"uncertain child":         {[]Resource{child}, "Healthy"},
		"ignored and all missing": {[]Resource{gone, ignored}, "Healthy"},
	} {
		if got := spell(Aggregate(c.in), true); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestResourceOf(t *testing.T) {
	o := parse(t, `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, annotations: {argocd.argoproj.io/ignore-healthcheck: "true"}}, status: {phase: Lost}}`)
	if r := ResourceOf(object.KeyOf(o), o, Options{}); !r.Live || !r.Ignored || r.Health.Status != degraded {
		t.Errorf("%+v", r)
	}
	if r := ResourceOf(object.KeyOf(o), nil, Options{}); r.Live || r.Health.Status != missing {
		t.Errorf("%+v", r)
	}
}

func TestExplain(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 5, 7, 0, time.UTC)
	const (
		ready    = `{phase: Running, conditions: [{type: Ready, status: "True"}]}`
		noImage  = `{phase: Pending, conditions: [{type: Ready, status: "False", lastTransitionTime: "2026-11-23T14:01:00Z"}], containerStatuses: [{name: shop, image: "shop:broken", state: {waiting: {reason: ImagePullBackOff, message: x}}}]}`
		noImage2 = `{phase: Pending, conditions: [{type: Ready, status: "False", lastTransitionTime: "2026-11-23T14:03:00Z"}], containerStatuses: [{name: shop, image: "shop:broken", state: {waiting: {reason: ErrImagePull, message: x}}}]}`
		crash    = `{phase: Running, containerStatuses: [{name: shop, restartCount: 5, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: "2026-11-23T14:04:47Z"}}}]}`
		memory   = `{phase: Running, containerStatuses: [{name: shop, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled, finishedAt: "2026-11-23T14:04:47Z"}}}]}`
		config   = `{phase: Pending, containerStatuses: [{name: shop, state: {waiting: {reason: CreateContainerConfigError, message: "configmap \"shop\" not found"}}}]}`
		pending  = `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: "0/3 nodes are available: 3 Insufficient cpu.", lastTransitionTime: "2026-11-23T12:00:00Z"}]}`
		initial  = `{phase: Pending, initContainerStatuses: [{name: migrate, restartCount: 1, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2}}}], containerStatuses: [{name: shop, state: {waiting: {reason: PodInitializing}}}]}`
		unready  = `{phase: Running, conditions: [{type: Ready, status: "False", lastTransitionTime: "2026-11-21T14:05:07Z"}], containerStatuses: [{name: shop, ready: false}, {name: proxy, ready: true}]}`
		starting = `{phase: Pending, containerStatuses: [{name: shop, state: {waiting: {reason: ContainerCreating}}}]}`
		failed   = `{phase: Failed, containerStatuses: [{name: main, state: {terminated: {exitCode: 3}}}]}`
	)
	owner := parse(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, generation: 1}, spec: {replicas: 3}, status: {observedGeneration: 1, updatedReplicas: 3, replicas: 3, availableReplicas: 3}}")
	for want, statuses := range map[string][]string{
		"": {ready, ready},
		"1 of 3 pods cannot pull image shop:broken (ImagePullBackOff, since 4m)":                                                     {ready, ready, noImage},
		"2 of 3 pods cannot pull image shop:broken (ImagePullBackOff, since 4m)":                                                     {noImage2, noImage, ready},
		"1 of 1 pods keeps crashing: container shop exited with code 1 (CrashLoopBackOff, 5 restarts, since 20s)":                    {crash},
		"2 of 2 pods keep crashing: container shop ran out of memory (CrashLoopBackOff, 2 restarts, since 20s)":                      {memory, memory},
		`1 of 1 pods cannot start: configmap "shop" not found (CreateContainerConfigError, since 5m)`:                                {config},
		"1 of 1 pods cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu (Unschedulable, since 2h)":                     {pending},
		"1 of 1 pods keeps crashing: init container migrate exited with code 2 (CrashLoopBackOff, 1 restart, since 5m)":              {initial},
		"1 of 2 pods runs but is not ready: container shop (since 2d)":                                                               {ready, unready},
		"2 of 2 pods are starting (since 5m)":                                                                                        {starting, starting},
		`1 of 1 pods failed: container "main" failed with exit code 3 (since 5m)`:                                                    {failed},
		"2 of 4 pods cannot pull image shop:broken (ImagePullBackOff, since 4m); 1 runs but is not ready: container shop (since 2d)": {starting, unready, noImage, noImage2},
	} {
		var pods []*object.Object
		for _, s := range statuses {
			pods = append(pods, parse(t, `{apiVersion: v1, kind: Pod, metadata: {name: p, creationTimestamp: "2026-11-23T14:00:00Z"}, status: `+s+"}"))
		}
		pods = append(pods, parse(t, `{apiVersion: v1, kind: Pod, metadata: {name: leaving, deletionTimestamp: "2026-11-23T14:00:00Z"}, status: `+noImage+"}"))
		if got := Explain(owner, pods, now); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	refused := parse(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1, conditions: [{type: ReplicaFailure, status: "True", message: "pods is forbidden: exceeded quota"}]}}`)
	if got, want := Explain(refused, nil, now), "pods cannot be created: pods is forbidden: exceeded quota"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	paused := parse(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {paused: true}}")
	if got, want := Explain(paused, nil, now), "Deployment is paused"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func BenchmarkOf(b *testing.B) {
	o := parse(b, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, generation: 1}, spec: {replicas: 3}, status: {observedGeneration: 1, updatedReplicas: 3, replicas: 3, availableReplicas: 3}}")
	b.ReportAllocs()
	for b.Loop() {
		if h, ok := Of(o, Options{}); !ok || h.Status != healthy {
			b.Fatal(h)
		}
	}
}

func parse(t testing.TB, text string) *object.Object {
	t.Helper()
	items, err := object.Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("parse: %v (%d items)\n%s", err, len(items), text)
	}
	return items[0].Object
}
