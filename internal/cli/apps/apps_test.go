package apps

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // times are printed in the reader's zone
	os.Exit(m.Run())
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: noon.Add(d)} }

const sha = "53e28ff20cc530b9ada2173fbbd64d48338583ba"

// web is an application after a sync whose Deployment is not ready yet.
func web() *v1alpha1.Application {
	yes := true
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "argocd", ResourceVersion: "10"},
		Spec: v1alpha1.ApplicationSpec{
			Project:     "shop",
			Source:      &v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/config.git", Path: "web", TargetRevision: "main"},
			Destination: v1alpha1.ApplicationDestination{Server: "https://kubernetes.default.svc", Namespace: "shop"},
			SyncPolicy:  &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: &yes}},
		},
		Status: v1alpha1.ApplicationStatus{
			Sync:         v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusSynced, Revision: sha},
			Health:       v1alpha1.AppHealthStatus{Status: v1alpha1.HealthStatusProgressing},
			ReconciledAt: at(time.Second),
			Resources: []v1alpha1.ResourceStatus{
				{Kind: "Service", Namespace: "shop", Name: "web", Status: v1alpha1.SyncStatusSynced, Health: &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusHealthy}},
				{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Status: v1alpha1.SyncStatusSynced, SyncWave: 1, Health: &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusProgressing}},
				{Kind: "ConfigMap", Namespace: "shop", Name: "old", Status: v1alpha1.SyncStatusOutOfSync, RequiresPruning: true},
			},
			OperationState: &v1alpha1.OperationState{
				Phase: v1alpha1.OperationSucceeded, Message: "successfully synced (all tasks run)", StartedAt: *at(-72 * time.Second), FinishedAt: at(0),
				Operation: v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{}},
				SyncResult: &v1alpha1.SyncOperationResult{Revision: sha, Resources: []v1alpha1.ResourceResult{
					{Group: "batch", Kind: "Job", Namespace: "shop", Name: "migrate", Status: v1alpha1.ResultSynced, HookType: v1alpha1.HookPreSync, HookPhase: v1alpha1.OperationSucceeded, SyncPhase: v1alpha1.SyncPhasePreSync, Message: "Reached expected number of succeeded pods"},
					{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Status: v1alpha1.ResultSynced, SyncPhase: v1alpha1.SyncPhaseSync, Message: "deployment.apps/web configured"},
					{Kind: "ConfigMap", Namespace: "shop", Name: "gone", Status: v1alpha1.ResultPruned, SyncPhase: v1alpha1.SyncPhaseSync, Message: "pruned"},
				}},
			},
			Conditions: []v1alpha1.ApplicationCondition{
				{Type: v1alpha1.ConditionOrphanedResourceWarning, Message: "Application has 2 orphaned resources", LastTransitionTime: at(-time.Minute)},
				{Type: v1alpha1.ConditionOrphanedResourceWarning, Message: "again"},
			},
			History: []v1alpha1.RevisionHistory{
				{ID: 3, Revision: "0123456789abcdef0123456789abcdef01234567", Source: v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/config.git", TargetRevision: "main"}, DeployedAt: *at(-24 * time.Hour)},
				{ID: 4, Revision: sha, Source: v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/config.git", TargetRevision: "main"}, DeployedAt: *at(0), InitiatedBy: v1alpha1.OperationInitiator{Username: "ada"}},
			},
		},
	}
}

// says compares what write writes with want, which may begin and end with an empty line.
func says(t *testing.T, write func(io.Writer), want string) {
	t.Helper()
	var b strings.Builder
	write(&b)
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), b.String()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestSummary(t *testing.T) {
	says(t, func(w io.Writer) { Summary(w, web(), "https://cd.example.com/applications/web", nil) }, `
Name:               argocd/web
Project:            shop
Server:             https://kubernetes.default.svc
Namespace:          shop
URL:                https://cd.example.com/applications/web
Source:
- Repo:             https://git.example.com/config.git
  Target:           main
  Path:             web
SyncWindow:         Sync Allowed
Sync Policy:        Automated (Prune)
Sync Status:        Synced to main (53e28ff)
Health Status:      Progressing
`)
}

func TestSummaryOfSeveralSources(t *testing.T) {
	app := &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.ApplicationSpec{
		Sources: []v1alpha1.ApplicationSource{
			{RepoURL: "https://charts.example.com", Chart: "web", TargetRevision: "1.2.0", Helm: &v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"$values/a.yaml", "b.yaml"}}},
			{RepoURL: "https://git.example.com/values.git", TargetRevision: "abcdef0", Ref: "values"},
			{RepoURL: "https://git.example.com/more.git", Path: "k", Kustomize: &v1alpha1.ApplicationSourceKustomize{NamePrefix: "x-"}},
		},
		Destination: v1alpha1.ApplicationDestination{Name: "in-cluster"},
	}, Status: v1alpha1.ApplicationStatus{Sync: v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusOutOfSync}, Health: v1alpha1.AppHealthStatus{Status: v1alpha1.HealthStatusMissing}}}
	says(t, func(w io.Writer) { Summary(w, app, "u", nil) }, `
Name:               web
Project:            default
Server:             in-cluster
Namespace:          
URL:                u
Sources:
- Repo:             https://charts.example.com
  Target:           1.2.0
  Helm Values:      $values/a.yaml,b.yaml
- Repo:             https://git.example.com/values.git
  Target:           abcdef0
  Ref:              values
- Repo:             https://git.example.com/more.git
  Target:           
  Path:             k
  Name Prefix:      x-
SyncWindow:         Sync Allowed
Sync Policy:        Manual
Sync Status:        OutOfSync from 1.2.0
Health Status:      Missing
`)
}

func TestWindowState(t *testing.T) {
	allow := argocd.ApplicationSyncWindow{Kind: "allow", Schedule: "0 8 * * *", Duration: "1h"}
	deny := argocd.ApplicationSyncWindow{Kind: "deny", Schedule: "0 22 * * *", Duration: "8h"}
	for _, c := range []struct {
		name             string
		active, assigned []argocd.ApplicationSyncWindow
		can              bool
		want             string
	}{
		{"none", nil, nil, false, "Sync Allowed"},
		{"allow open", []argocd.ApplicationSyncWindow{allow}, []argocd.ApplicationSyncWindow{allow, deny}, true, "Sync Allowed"},
		{"allow shut", nil, []argocd.ApplicationSyncWindow{allow}, false, "Sync Denied"},
		{"allow shut, by hand", nil, []argocd.ApplicationSyncWindow{allow}, true, "Manual Allowed"},
		{"deny open", []argocd.ApplicationSyncWindow{deny, allow}, []argocd.ApplicationSyncWindow{allow, deny}, false, "Sync Denied"},
		{"deny shut", nil, []argocd.ApplicationSyncWindow{deny}, true, "Sync Allowed"},
	} {
		got, list := windowState(&argocd.ApplicationSyncWindowsResponse{ActiveWindows: c.active, AssignedWindows: c.assigned, CanSync: c.can})
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if len(c.assigned) == 2 && list != "allow:0 8 * * *:1h,deny:0 22 * * *:8h" {
			t.Errorf("%s: got list %s", c.name, list)
		}
	}
}

func TestConditionsAndOperation(t *testing.T) {
	says(t, func(w io.Writer) { Conditions(w, web()) }, `
CONDITION                MESSAGE                               LAST TRANSITION
OrphanedResourceWarning  Application has 2 orphaned resources  2026-11-23 11:59:00 +0000 UTC
OrphanedResourceWarning  again                                 <nil>
`)
	says(t, func(w io.Writer) { Operation(w, web().Status.OperationState, noon) }, `
Operation:          Sync
Sync Revision:      53e28ff20cc530b9ada2173fbbd64d48338583ba
Phase:              Succeeded
Start:              2026-11-23 11:58:48 +0000 UTC
Finished:           2026-11-23 12:00:00 +0000 UTC
Duration:           1m12s
Message:            successfully synced (all tasks run)
`)
	running := &v1alpha1.OperationState{Phase: v1alpha1.OperationRunning, StartedAt: *at(-5 * time.Second)}
	says(t, func(w io.Writer) { Operation(w, running, noon) }, `
Phase:              Running
Start:              2026-11-23 11:59:55 +0000 UTC
Finished:           <nil>
Duration:           5s
`)
}

func TestResources(t *testing.T) {
	says(t, func(w io.Writer) { Resources(w, web()) }, `
GROUP  KIND        NAMESPACE  NAME     STATUS     HEALTH       HOOK     MESSAGE
batch  Job         shop       migrate  Succeeded  Synced       PreSync  Reached expected number of succeeded pods
apps   Deployment  shop       web      Synced     Progressing           deployment.apps/web configured
       ConfigMap   shop       gone                Pruned                pruned
       ConfigMap   shop       old      OutOfSync                        
       Service     shop       web      Synced     Healthy               
`)
}

func TestParams(t *testing.T) {
	s := &v1alpha1.ApplicationSource{Helm: &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "image.tag", Value: "1"}, {Name: "long", Value: strings.Repeat("x", 81)}}}}
	says(t, func(w io.Writer) { Params(w, s) }, "\n\n\nNAME       VALUE\nimage.tag  1\nlong       "+strings.Repeat("x", 77)+"...\n")
	says(t, func(w io.Writer) { Params(w, &v1alpha1.ApplicationSource{}) }, "")
}

func TestList(t *testing.T) {
	other := v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "team"}, Spec: v1alpha1.ApplicationSpec{Destination: v1alpha1.ApplicationDestination{Name: "edge"}}}
	list := []v1alpha1.Application{*web(), other}
	says(t, func(w io.Writer) { List(w, list, true) }, `
NAME        CLUSTER                         NAMESPACE  PROJECT  STATUS  HEALTH       SYNCPOLICY  CONDITIONS                  REPO                                PATH  TARGET
argocd/web  https://kubernetes.default.svc  shop       shop     Synced  Progressing  Auto-Prune  OrphanedResourceWarning(2)  https://git.example.com/config.git  web   main
team/db     edge                                       default                       Manual      <none>                                                                
`)
	says(t, func(w io.Writer) { List(w, list[1:], false) }, `
NAME     CLUSTER  NAMESPACE  PROJECT  STATUS  HEALTH  SYNCPOLICY  CONDITIONS
team/db  edge                default                  Manual      <none>
`)
	for _, c := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "argocd/web team/db"}, {Filter{Projects: []string{"default", "x"}}, "team/db"}, {Filter{Repo: "https://git.example.com/config.git"}, "argocd/web"},
		{Filter{Cluster: "edge"}, "team/db"}, {Filter{Cluster: "https://kubernetes.default.svc", Path: "web"}, "argocd/web"}, {Filter{Path: "nowhere"}, ""},
	} {
		var names []string
		for _, a := range c.f.Apply(list) {
			names = append(names, Qualified(&a))
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.f, got, c.want)
		}
	}
}

func TestHistory(t *testing.T) {
	says(t, func(w io.Writer) { History(w, web().Status.History) }, `
SOURCE  https://git.example.com/config.git
ID      DATE                           REVISION
3       2026-11-22 12:00:00 +0000 UTC  main (0123456)
4       2026-11-23 12:00:00 +0000 UTC  main (53e28ff)
`)
	several := []v1alpha1.RevisionHistory{{ID: 1, DeployedAt: *at(0), Revisions: []string{sha, "1.2.0"}, Sources: []v1alpha1.ApplicationSource{{RepoURL: "a", TargetRevision: "main"}, {RepoURL: "b", TargetRevision: "1.*"}}}}
	says(t, func(w io.Writer) { History(w, several) }, `
SOURCE  a
ID      DATE                           REVISION
1       2026-11-23 12:00:00 +0000 UTC  main (53e28ff)

SOURCE  b
ID      DATE                           REVISION
1       2026-11-23 12:00:00 +0000 UTC  1.*
`)
	app := web()
	if h, err := Deployed(app, -1); err != nil || h.ID != 3 {
		t.Errorf("the last but one: %v %v", h, err)
	}
	if h, err := Deployed(app, 4); err != nil || h.ID != 4 {
		t.Errorf("by id: %v %v", h, err)
	}
	if _, err := Deployed(app, 9); err == nil || !strings.Contains(err.Error(), "application 'web' does not have deployment id '9' in history") {
		t.Errorf("got %v", err)
	}
	app.Status.History = app.Status.History[:1]
	if _, err := Deployed(app, -1); err == nil || !strings.Contains(err.Error(), "application 'web' should have at least two successful deployments") {
		t.Errorf("got %v", err)
	}
}

// node makes a node of a tree; parent is a uid or empty.
func node(kind, name, parent string, health v1alpha1.HealthStatusCode, message string) argocd.ResourceNode {
	n := argocd.ResourceNode{ResourceRef: argocd.ResourceRef{Kind: kind, Namespace: "shop", Name: name, UID: kind + name}, CreatedAt: at(-5 * time.Minute)}
	if kind == "Deployment" || kind == "ReplicaSet" {
		n.Group = "apps"
	}
	if parent != "" {
		n.ParentRefs = []argocd.ResourceRef{{UID: parent}}
	}
	if health != "" {
		n.Health = &v1alpha1.HealthStatus{Status: health, Message: message}
	}
	return n
}

func webTree() *argocd.ApplicationTree {
	return &argocd.ApplicationTree{
		Nodes: []argocd.ResourceNode{
			node("Service", "web", "", v1alpha1.HealthStatusHealthy, ""),
			node("Deployment", "web", "", v1alpha1.HealthStatusProgressing, "Waiting for rollout to finish: 1 of 2 updated replicas are available..."),
			node("EndpointSlice", "web-x", "Serviceweb", "", ""),
			node("ReplicaSet", "web-7d9", "Deploymentweb", v1alpha1.HealthStatusProgressing, ""),
			node("ReplicaSet", "web-old", "Deploymentweb", v1alpha1.HealthStatusHealthy, ""),
			node("Pod", "web-7d9-a", "ReplicaSetweb-7d9", v1alpha1.HealthStatusHealthy, ""),
			node("Pod", "web-7d9-b", "ReplicaSetweb-7d9", v1alpha1.HealthStatusDegraded, "back-off 40s restarting failed container"),
		},
		OrphanedNodes: []argocd.ResourceNode{node("Secret", "left", "", "", "")},
	}
}

func TestTree(t *testing.T) {
	f := NewForest(webTree().Nodes)
	says(t, func(w io.Writer) { Tree(w, f, States(web(), nil), false, noon) }, `
KIND/NAME              STATUS  HEALTH       MESSAGE
Service/web            Synced  Healthy      
└─EndpointSlice/web-x                       
Deployment/web         Synced  Progressing  deployment.apps/web configured
├─ReplicaSet/web-7d9           Progressing  
│ ├─Pod/web-7d9-a              Healthy      
│ └─Pod/web-7d9-b              Degraded     
└─ReplicaSet/web-old           Healthy      
`)
	says(t, func(w io.Writer) { Tree(w, NewForest(webTree().Nodes[:3]), States(web(), nil), true, noon) }, `
KIND/NAME              STATUS  HEALTH       AGE  MESSAGE                         REASON
Service/web            Synced  Healthy      5m                                   
└─EndpointSlice/web-x                       5m                                   
Deployment/web         Synced  Progressing  5m   deployment.apps/web configured  Waiting for rollout to finish: 1 of 2 updated replicas are available...
`)
}

func TestResourceTree(t *testing.T) {
	says(t, func(w io.Writer) { ResourceTree(w, webTree(), All, "", noon) }, `
GROUP  KIND        NAMESPACE  NAME  ORPHANED
       Service     shop       web   No
apps   Deployment  shop       web   No
       Secret      shop       left  Yes
`)
	says(t, func(w io.Writer) { ResourceTree(w, webTree(), Orphaned, "", noon) }, `
GROUP  KIND    NAMESPACE  NAME  ORPHANED
       Secret  shop       left  Yes
`)
	says(t, func(w io.Writer) { ResourceTree(w, webTree(), Owned, "tree", noon) }, `
GROUP   KIND           NAMESPACE  NAME       ORPHANED
        Service        shop       web        No
└─      EndpointSlice  shop       web-x      No
apps    Deployment     shop       web        No
├─apps  ReplicaSet     shop       web-7d9    No
│ ├─    Pod            shop       web-7d9-a  No
│ └─    Pod            shop       web-7d9-b  No
└─apps  ReplicaSet     shop       web-old    No
`)
	says(t, func(w io.Writer) {
		ResourceTree(w, &argocd.ApplicationTree{Nodes: webTree().Nodes[1:2]}, All, "tree=detailed", noon)
	}, `
GROUP  KIND        NAMESPACE  NAME  ORPHANED  AGE  HEALTH       REASON
apps   Deployment  shop       web   No        5m   Progressing  Waiting for rollout to finish: 1 of 2 updated replicas are available...
`)
}

// A tree whose owners go round in a circle is an answer that no server should give; it must not hang the command.
func TestForestOfACircle(t *testing.T) {
	a, b := node("A", "a", "Bb", "", ""), node("B", "b", "Aa", "", "")
	root := node("R", "r", "", "", "")
	self := node("R", "r", "Rr", "", "")
	n := 0
	NewForest([]argocd.ResourceNode{a, b, root, self}).walk(func(string, argocd.ResourceNode) { n++ })
	if n != deepest+1 {
		t.Errorf("visited %d", n)
	}
}
