package server

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// family is applications made by hand, by a set and by a parent application.
func family() []*v1alpha1.Application {
	app := func(name, project, server, cluster, repo string) *v1alpha1.Application {
		return &v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "argocd", Labels: map[string]string{"team": project}},
			Spec: v1alpha1.ApplicationSpec{
				Project: project, Destination: v1alpha1.ApplicationDestination{Server: server, Name: cluster, Namespace: "ns-" + name},
				Source: &v1alpha1.ApplicationSource{RepoURL: repo},
			},
		}
	}
	at := func(minute int) metav1.Time { return metav1.Date(2026, 11, 1, 10, minute, 0, 0, time.UTC) }
	done := at(9)
	hand := app("hand", "shop", "https://a/", "", "https://git/one")
	hand.Status.Sync.Status, hand.Status.Health.Status = v1alpha1.SyncStatusOutOfSync, v1alpha1.HealthStatusDegraded
	hand.Status.OperationState = &v1alpha1.OperationState{Phase: v1alpha1.OperationFailed, StartedAt: at(1), FinishedAt: &done}
	of := app("of-set", "shop", "", "edge", "https://git/two")
	of.OwnerReferences = []metav1.OwnerReference{{Kind: "ApplicationSet", Name: "tenants"}}
	of.Status.OperationState = &v1alpha1.OperationState{Phase: v1alpha1.OperationRunning, StartedAt: at(5)}
	child := app("child", "default", "https://a", "", "")
	child.Spec.Source = nil
	child.Spec.Sources = []v1alpha1.ApplicationSource{{RepoURL: "https://git/one"}, {RepoURL: "https://git/one"}, {RepoURL: "https://git/two"}}
	child.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/child"}
	copied := app("copied", "default", "https://a", "", "https://git/one")
	copied.Annotations = child.Annotations // whoever copies a manifest copies its marks
	return []*v1alpha1.Application{hand, of, child, copied}
}

func TestListsAreNarrowedByAnyOfSeveralValues(t *testing.T) {
	for what, c := range map[string]struct {
		f    appFilter
		want []string
	}{
		"nothing":               {appFilter{}, []string{"hand", "of-set", "child", "copied"}},
		"two projects":          {appFilter{projects: newAnyOf("shop", "default")}, []string{"hand", "of-set", "child", "copied"}},
		"one project":           {appFilter{projects: newAnyOf("default", "")}, []string{"child", "copied"}},
		"never looked at":       {appFilter{sync: newAnyOf("Unknown")}, []string{"of-set", "child", "copied"}},
		"two healths":           {appFilter{health: newAnyOf("Degraded", "Missing")}, []string{"hand"}},
		"cluster by its server": {appFilter{cluster: newAnyOf("https://a")}, []string{"hand", "child", "copied"}},
		"cluster by its name":   {appFilter{cluster: newAnyOf("edge")}, []string{"of-set"}},
		"namespaces":            {appFilter{destination: newAnyOf("ns-hand", "ns-of-set")}, []string{"hand", "of-set"}},
		"repository":            {appFilter{repos: newAnyOf("https://git/two")}, []string{"of-set", "child"}},
		"set and parent":        {appFilter{owner: newAnyOf("tenants", "root")}, []string{"of-set", "child"}},
		"operations":            {appFilter{phase: newAnyOf("Failed", "Error")}, []string{"hand"}},
		"both must hold":        {appFilter{phase: newAnyOf("Failed"), projects: newAnyOf("default")}, nil},
	} {
		var got []string
		for _, app := range family() {
			if c.f.asks(app) {
				got = append(got, app.Name)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}

func TestTheFleetIsCountedByAllThatAListCanBeNarrowedTo(t *testing.T) {
	f := newFleet()
	for _, app := range family() {
		f.add(app)
	}
	got := f.told()
	if c := got.Counts; c.Total != 4 || c.Running != 1 || c.Failed != 1 || c.Sync["OutOfSync"] != 1 || c.Sync["Unknown"] != 3 || c.Health["Degraded"] != 1 {
		t.Errorf("counts %+v", c)
	}
	for what, c := range map[string][2]map[string]int64{
		"project":   {{"shop": 2, "default": 2}, got.Project},
		"cluster":   {{"https://a": 3, "edge": 1}, got.Cluster},
		"namespace": {{"ns-hand": 1, "ns-of-set": 1, "ns-child": 1, "ns-copied": 1}, got.Namespace},
		"repo":      {{"https://git/one": 3, "https://git/two": 2}, got.Repo},
		"owner":     {{"tenants": 1, "root": 1}, got.Owner},
		"label":     {{"team=shop": 2, "team=default": 2}, got.Label},
		"operation": {{"Failed": 1, "Running": 1}, got.Operation},
	} {
		if diff := cmp.Diff(c[0], c[1]); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}

func TestAFleetTellsOfTheMostFrequentValues(t *testing.T) {
	counts := map[string]int64{"": 9000, "often": 7}
	for i := range 1000 {
		counts[fmt.Sprintf("%04d", i)] = 1
	}
	got := frequent(counts, func(s string) string { return s })
	if len(got) != mostTold || got["often"] != 7 || got["0000"] != 1 || got["0198"] != 1 || got["0199"] != 0 || got[""] != 0 {
		t.Errorf("%d values: %v", len(got), got)
	}
}

func TestOrderByOperationAndDestination(t *testing.T) {
	apps := family()
	// of-set began at :05 and goes to edge; hand ended at :09 and goes to https://a
	for by, first := range map[string]string{"operation": "of-set", "-operation": "hand", "destination": "of-set", "-destination": "hand"} {
		order, err := appOrder(by)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.MinFunc(apps[:2], order).Name; got != first {
			t.Errorf("%s: %s is first, not %s", by, got, first)
		}
	}
}
