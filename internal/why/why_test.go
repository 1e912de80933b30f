package why

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: noon.Add(d)} }

const (
	sha    = "53e28ff20cc530b9ada2173fbbd64d48338583ba"
	before = "0123456789abcdef0123456789abcdef01234567"
)

var (
	deployment = object.Key{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	settings   = object.Key{Kind: "ConfigMap", Namespace: "shop", Name: "settings"}
	ada        = Commit{ID: sha, Author: "Ada Lovelace <ada@example.com>", Subject: "Update web to 9", Date: noon.Add(-12 * time.Minute)}
)

// web is an application that is well: two objects, deployed three minutes ago by a commit that changed the Deployment.
func web() *v1alpha1.Application {
	yes := true
	healthy := &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusHealthy}
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "argocd"},
		Spec: v1alpha1.ApplicationSpec{
			Source:     &v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/config.git", Path: "web", TargetRevision: "main"},
			SyncPolicy: &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: &yes}},
		},
		Status: v1alpha1.ApplicationStatus{
			Sync:   v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusSynced, Revision: sha},
			Health: v1alpha1.AppHealthStatus{Status: v1alpha1.HealthStatusHealthy},
			Resources: []v1alpha1.ResourceStatus{
				{Kind: "ConfigMap", Namespace: "shop", Name: "settings", Status: v1alpha1.SyncStatusSynced},
				{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Status: v1alpha1.SyncStatusSynced, Health: healthy},
			},
			OperationState: &v1alpha1.OperationState{
				Phase: v1alpha1.OperationSucceeded, StartedAt: *at(-4 * time.Minute), FinishedAt: at(-3 * time.Minute),
				SyncResult: &v1alpha1.SyncOperationResult{Revision: sha, Resources: []v1alpha1.ResourceResult{
					{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Status: v1alpha1.ResultSynced, Message: "deployment.apps/web configured"},
					{Kind: "ConfigMap", Namespace: "shop", Name: "settings", Status: v1alpha1.ResultSynced, Message: "configmap/settings unchanged"},
				}},
			},
			History: []v1alpha1.RevisionHistory{
				{ID: 3, Revision: before, DeployedAt: *at(-24 * time.Hour)},
				{ID: 4, Revision: sha, DeployStartedAt: at(-4 * time.Minute), DeployedAt: *at(-3 * time.Minute), InitiatedBy: v1alpha1.OperationInitiator{Username: "ada"}},
			},
		},
	}
}

func node(kind, name, owner string, health v1alpha1.HealthStatusCode, message string) Node {
	n := Node{Key: object.Key{Kind: kind, Namespace: "shop", Name: name}, UID: kind + name, Owner: owner}
	if kind == "Deployment" || kind == "ReplicaSet" {
		n.Key.Group = "apps"
	}
	if health != "" {
		n.Health = &v1alpha1.HealthStatus{Status: health, Message: message}
	}
	return n
}

// webNodes are a Deployment that says health and message, and its pods, of which one is degraded.
func webNodes(health v1alpha1.HealthStatusCode, message string) []Node {
	return []Node{
		node("ConfigMap", "settings", "", "", ""),
		node("Deployment", "web", "", health, message),
		node("ReplicaSet", "web-7d9", "Deploymentweb", v1alpha1.HealthStatusProgressing, ""),
		node("ReplicaSet", "web-old", "Deploymentweb", v1alpha1.HealthStatusHealthy, ""),
		node("Pod", "web-7d9-a", "ReplicaSetweb-7d9", v1alpha1.HealthStatusHealthy, ""),
		node("Pod", "web-7d9-b", "ReplicaSetweb-7d9", v1alpha1.HealthStatusDegraded, "back-off 40s restarting failed container"),
	}
}

func degraded(a *v1alpha1.Application) {
	a.Status.Health = v1alpha1.AppHealthStatus{Status: v1alpha1.HealthStatusDegraded, LastTransitionTime: at(-2 * time.Minute)}
}

func TestExplain(t *testing.T) {
	crashing := webNodes(v1alpha1.HealthStatusProgressing, "Waiting for rollout to finish: 1 of 2 updated replicas are available...")
	crashing[5].Reason, crashing[5].Starts = "CrashLoopBackOff", "5"
	pull := webNodes(v1alpha1.HealthStatusDegraded, "1 of 3 pods cannot pull image x:9 (ImagePullBackOff)")
	const immutable = `apply Deployment.apps/web in namespace shop in cluster in-cluster: Deployment "web" cannot be changed so: spec.selector: field is immutable (the field cannot be changed on an existing object: sync with Force=true)`
	outOfSync := func(a *v1alpha1.Application) {
		a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
		for i := range a.Status.Resources {
			a.Status.Resources[i].Status = v1alpha1.SyncStatusOutOfSync
		}
	}
	cannotApply := func(a *v1alpha1.Application) {
		outOfSync(a)
		op := a.Status.OperationState
		op.Phase, op.Message = v1alpha1.OperationFailed, "one or more objects failed to apply"
		op.SyncResult.Resources[0].Status, op.SyncResult.Resources[0].Message = v1alpha1.ResultSyncFailed, immutable
	}
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.Application)
		with   Case
		state  string
		want   string
		object object.Key
	}{
		{"well", nil, Case{Commit: ada}, Well, "main @ 53e28ff by Ada Lovelace, 12 min ago: “Update web to 9”. 2 of 2 objects match, all healthy.", object.Key{}},
		{"well, of a commit that is not known", nil, Case{}, Well, "main @ 53e28ff. 2 of 2 objects match, all healthy.", object.Key{}},
		{"one object", func(a *v1alpha1.Application) { a.Status.Resources = a.Status.Resources[1:] }, Case{}, Well, "main @ 53e28ff. Its one object matches and is healthy.", object.Key{}},
		{"a hostile author", nil, Case{Commit: Commit{ID: sha, Author: "\n<script>", Subject: strings.Repeat("x", 200)}}, Well,
			"main @ 53e28ff by <script>: “" + strings.Repeat("x", 99) + "…”. 2 of 2 objects match, all healthy.", object.Key{}},
		{"a pod crashes, and its Deployment does not say so", degraded, Case{Nodes: crashing}, "Degraded",
			"Pod/web-7d9-b (of Deployment/web) is CrashLoopBackOff, restarted 5 times: back-off 40s restarting failed container, since 2 min.", crashing[5].Key},
		{"a Deployment says it", degraded, Case{Nodes: pull, Commits: []Commit{ada}}, "Degraded",
			"Deployment/web: 1 of 3 pods cannot pull image x:9 (ImagePullBackOff), since 2 min, introduced by 53e28ff “Update web to 9” by Ada Lovelace.", deployment},
		{"one of several commits", degraded, Case{Nodes: pull, Commits: []Commit{ada, {ID: before}}}, "Degraded",
			"Deployment/web: 1 of 3 pods cannot pull image x:9 (ImagePullBackOff), since 2 min, introduced by one of 2 commits, the last 53e28ff “Update web to 9” by Ada Lovelace.", deployment},
		{"long after the deployment", func(a *v1alpha1.Application) {
			degraded(a)
			a.Status.History[1].DeployStartedAt, a.Status.History[1].DeployedAt = nil, *at(-2 * time.Hour)
		}, Case{Nodes: pull, Commits: []Commit{ada}}, "Degraded", "Deployment/web: 1 of 3 pods cannot pull image x:9 (ImagePullBackOff), since 2 min.", deployment},
		{"before the deployment", func(a *v1alpha1.Application) {
			degraded(a)
			a.Status.Health.LastTransitionTime = at(-5 * time.Minute)
		}, Case{Nodes: pull, Commits: []Commit{ada}}, "Degraded", "Deployment/web: 1 of 3 pods cannot pull image x:9 (ImagePullBackOff), since 5 min.", deployment},
		{"without a tree", func(a *v1alpha1.Application) {
			a.Status.Health.Status = v1alpha1.HealthStatusProgressing
			a.Status.Resources[1].Health = &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusProgressing}
		}, Case{}, "Progressing", "It is Progressing because of Deployment/web.", object.Key{}},
		{"an error stops all", func(a *v1alpha1.Application) {
			a.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionComparisonError, Message: "render web:\n line 3 is no YAML.\n"}}
		}, Case{Nodes: pull}, Stopped, "Stopped by ComparisonError: render web: line 3 is no YAML.", object.Key{}},
		{"the cluster is away", nil, Case{Silent: noon.Add(-5 * time.Minute), Cluster: "edge-frankfurt"}, Unreachable,
			"The cluster edge-frankfurt cannot be reached since 5 min; what is shown is from before that.", object.Key{}},
		{"going", func(a *v1alpha1.Application) { a.DeletionTimestamp = at(-time.Hour) }, Case{}, Deleting, "It is being deleted since 1 h.", object.Key{}},
		{"asked for", func(a *v1alpha1.Application) { a.Operation = &v1alpha1.Operation{} }, Case{}, Asked, "About to sync: the operation has not been taken up yet.", object.Key{}},
		{"syncing", func(a *v1alpha1.Application) {
			a.Status.OperationState.Phase, a.Status.OperationState.Message = v1alpha1.OperationRunning, "one or more tasks are running"
		}, Case{}, Syncing, "Syncing for 4 min: one or more tasks are running.", object.Key{}},
		{"waiting for a hook", func(a *v1alpha1.Application) {
			op := a.Status.OperationState
			op.Phase, op.Message = v1alpha1.OperationRunning, "waiting for completion of hook batch/Job/migrate (progressing; since 2026-11-23T11:57:00Z, gives up at 2026-11-23T17:57:00Z)"
		}, Case{}, Waiting, "Waiting for completion of hook batch/Job/migrate since 3 min, gives up in 5 h.", object.Key{}},
		{"waiting for a hook that is known", func(a *v1alpha1.Application) {
			op := a.Status.OperationState
			op.SyncResult.Resources = append(op.SyncResult.Resources, v1alpha1.ResourceResult{Group: "batch", Kind: "Job", Namespace: "shop", Name: "mig"}, v1alpha1.ResourceResult{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate"})
			op.Phase, op.Message = v1alpha1.OperationRunning, "waiting for completion of hook batch/Job/migrate and 2 more hooks (progressing; since 2026-11-23T11:57:00Z)"
		}, Case{}, Waiting, "Waiting for completion of hook Job/migrate and 2 more hooks since 3 min.", object.Key{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate"}},
		{"waiting for something that ails", func(a *v1alpha1.Application) {
			op := a.Status.OperationState
			op.Phase, op.Message = v1alpha1.OperationRunning, "waiting for healthy state of apps/Deployment/web (1 of 2 pods (so far) is not ready; since 2026-11-23T11:57:00Z)"
		}, Case{}, Waiting, "Waiting for healthy state of Deployment/web (1 of 2 pods (so far) is not ready) since 3 min.", deployment},
		{"failed", cannotApply, Case{Nodes: pull, Commits: []Commit{ada}}, Failed,
			"Sync to 53e28ff failed 3 min ago: Deployment/web: spec.selector: field is immutable, introduced by 53e28ff “Update web to 9” by Ada Lovelace.", deployment},
		{"failed, and the comparison says so as well", func(a *v1alpha1.Application) {
			cannotApply(a)
			a.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionComparisonError, Message: "Deployment/web (web/web.yaml:1): " + immutable}}
		}, Case{}, Failed, "Sync to 53e28ff failed 3 min ago: Deployment/web: spec.selector: field is immutable.", deployment},
		{"drifted", outOfSync, Case{Changes: []Change{
			{Object: deployment, Path: "metadata.labels.x", Live: `"y"`, Ours: true},
			{Object: deployment, Path: "spec.replicas", Git: "2", Live: "5", Manager: "kubectl-edit", Time: noon.Add(-4 * time.Minute)},
			{Object: settings, Path: "data.LEVEL", Git: `"info"`, Live: `"debug"`, Ours: true},
		}}, Differs, `2 objects differ from Git: ConfigMap/settings (data.LEVEL "info" → "debug": Git has moved on) and Deployment/web (spec.replicas 2 → 5 by kubectl-edit, 4 min ago; and one more field).`, object.Key{}},
		{"without the differences", func(a *v1alpha1.Application) {
			outOfSync(a)
			a.Status.Resources[0].RequiresPruning = true
			a.Spec.SyncPolicy = nil
		}, Case{}, Differs, "One object differs from Git: Deployment/web; Git no longer has ConfigMap/settings, and automatic sync is off.", deployment},
		{"outside of its window", func(a *v1alpha1.Application) {
			outOfSync(a)
			a.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionSyncWindowWarning, Message: "denied until 18:00."}}
		}, Case{}, Differs, "2 objects differ from Git: ConfigMap/settings and Deployment/web. It is held: denied until 18:00.", object.Key{}},
		{"never synced", func(a *v1alpha1.Application) {
			outOfSync(a)
			a.Spec.SyncPolicy = nil
			a.Status.History, a.Status.OperationState, a.Status.Health.Status = nil, nil, v1alpha1.HealthStatusMissing
		}, Case{Nodes: []Node{node("Deployment", "web", "", v1alpha1.HealthStatusMissing, "")}}, NeverSynced, "It was never synced: none of its 2 objects is in the cluster, and automatic sync is off.", object.Key{}},
		{"one is missing", func(a *v1alpha1.Application) { a.Status.Health.Status = v1alpha1.HealthStatusMissing },
			Case{Nodes: []Node{node("Deployment", "web", "", v1alpha1.HealthStatusMissing, "")}}, "Missing", "Deployment/web does not exist.", deployment},
		{"held", func(a *v1alpha1.Application) {
			a.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionHeldWarning, Message: "Held at 0123456 by ada since 2026-11-23T11:57:00Z: 53e28ff is not deployed. It goes on by itself with the next commit; to go on now, sync it, or: kubectl"}}
		}, Case{}, Held, "Held at 0123456 by ada since 3 min: 53e28ff is not deployed. It goes on by itself with the next commit.", object.Key{}},
		{"not compared", func(a *v1alpha1.Application) { a.Status.Sync.Status = v1alpha1.SyncStatusUnknown }, Case{}, Unknown, "It has not been compared with Git yet.", object.Key{}},
	} {
		app := web()
		if c.change != nil {
			c.change(app)
		}
		c.with.App, c.with.Now = app, noon
		got := Explain(c.with)
		if got.State != c.state || got.Sentence.String() != c.want || got.Object != c.object {
			t.Errorf("%s: %s, %v\n got %s\nwant %s", c.name, got.State, got.Object, got.Sentence, c.want)
		}
	}
}

// A sentence is more than text: the page makes a link of an object, and a clock of a time.
func TestWords(t *testing.T) {
	app := web()
	degraded(app)
	got := Explain(Case{App: app, Nodes: webNodes(v1alpha1.HealthStatusDegraded, "1 pod fails"), Commits: []Commit{ada}, Now: noon})
	want := Sentence{
		{Text: "Deployment/web", Object: deployment}, {Text: ": 1 pod fails, since "}, {Text: "2 min", Time: noon.Add(-2 * time.Minute), Lasting: true},
		{Text: ", introduced by "}, {Text: "53e28ff", Commit: sha}, {Text: " “Update web to 9” by Ada Lovelace."},
	}
	if d := cmp.Diff(want, got.Sentence); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if got.Culprit != ada || !got.Since.Equal(noon.Add(-2*time.Minute)) {
		t.Errorf("got %v since %v", got.Culprit, got.Since)
	}
}

func TestFacts(t *testing.T) {
	app := web()
	degraded(app)
	c := Case{App: app, Now: noon, Nodes: webNodes(v1alpha1.HealthStatusProgressing, "waiting"), Events: []corev1.Event{
		{Type: corev1.EventTypeWarning, Reason: "BackOff", Message: "Back-off restarting failed container web", Count: 7, LastTimestamp: *at(-2 * time.Minute)},
		{Type: corev1.EventTypeNormal, Reason: "Pulled", Message: "Container image already present", LastTimestamp: *at(-time.Minute)},
		{Type: corev1.EventTypeWarning, Reason: "Failed", Message: "older", EventTime: metav1.MicroTime{Time: noon.Add(-time.Hour)}},
	}}
	facts := func() (lines []string) {
		for _, f := range Explain(c).Facts {
			lines = append(lines, f.String(noon))
		}
		return lines
	}
	change := "last change 3 min ago: 53e28ff by ada"
	if d := cmp.Diff([]string{"last event 2 min ago: BackOff (7 times): Back-off restarting failed container web", change}, facts()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionComparisonError, Message: "away"}}
	if d := cmp.Diff([]string{change}, facts()); d != "" {
		t.Errorf("the events of an object that the sentence does not name: -want +got\n%s", d)
	}
}

func TestHint(t *testing.T) {
	app := web()
	app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionComparisonError, Message: "path web is missing (put it there, or correct spec.source.path)"}}
	got := Explain(Case{App: app, Now: noon})
	if got.Hint != "put it there, or correct spec.source.path" || got.Sentence.String() != "Stopped by ComparisonError: path web is missing." {
		t.Errorf("got %q, %q", got.Hint, got.Sentence)
	}
}

func TestAsksFor(t *testing.T) {
	app := web()
	if q, ok := AsksFor(Case{App: app, Now: noon}); ok {
		t.Errorf("of what is well: %v", q)
	}
	degraded(app)
	c := Case{App: app, Now: noon, Nodes: webNodes(v1alpha1.HealthStatusDegraded, "1 pod fails")}
	q, ok := AsksFor(c)
	if d := cmp.Diff(Question{deployment, before, sha}, q); d != "" || !ok {
		t.Errorf("-want +got\n%s", d)
	}
	app.Status.OperationState.SyncResult.Resources[0].Message = "deployment.apps/web unchanged"
	if q, ok := AsksFor(c); ok {
		t.Errorf("of an object that the deployment left alone: %v", q)
	}
}

func TestSuspectOfNobody(t *testing.T) {
	for name, nodes := range map[string][]Node{"no tree": nil, "all well": {node("Service", "web", "", v1alpha1.HealthStatusHealthy, "")}} {
		if n, _, ok := Suspect(nodes); ok {
			t.Errorf("%s: %v", name, n.Key)
		}
	}
}

// A tree whose owners go round in a circle is an answer that no server should give; it must not hang whoever asks.
func TestSuspectInACircle(t *testing.T) {
	a, b := node("A", "a", "Bb", v1alpha1.HealthStatusDegraded, ""), node("B", "b", "Aa", v1alpha1.HealthStatusDegraded, "")
	self := node("R", "r", "Rr", v1alpha1.HealthStatusDegraded, "")
	root := node("R", "r", "", v1alpha1.HealthStatusDegraded, "")
	if n, _, ok := Suspect([]Node{root, self, a, b}); !ok || n.Key.Name != "r" {
		t.Errorf("got %v, %v", n.Key, ok)
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Second: "now", 59 * time.Second: "59 s ago", time.Minute: "1 min ago", 90 * time.Minute: "1 h ago", 49 * time.Hour: "2 d ago",
		61 * 24 * time.Hour: "2 mo ago", 800 * 24 * time.Hour: "2 y ago", -10 * time.Minute: "in 10 min",
	} {
		if got := ago(noon.Add(-d), noon); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
