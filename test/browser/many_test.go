package browser_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// crowd adds n applications that nobody reconciles: what they are is written into their status. They have a few commits of
// the platform's repository, twenty projects, four clusters and every state that there is. The commits are told of once an
// application of the world's has had the repository fetched.
func (w *world) crowd(t testing.TB, n int) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", w.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	applications := client.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}).Namespace(w.control)
	var commits []string
	for i, who := range []string{"Ada Lovelace <ada@example.com>", "Grace Hopper <grace@example.com>", "Linus Example <linus@example.com>"} {
		w.platform.Author = who
		for j, subject := range []string{"Raise the memory of %s's workers to 256Mi", "Let %s answer on the new domain", "Update %s to the release of this week (#4711)"} {
			services := []string{"search", "billing", "the basket"}
			commits = append(commits, w.commit(t, fmt.Sprintf(subject, services[i]), map[string]string{"crowd.txt": fmt.Sprint(i, j)}))
		}
	}
	for _, team := range teams {
		w.Apply(t, w.control, fmt.Sprintf("{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: team-%s}, spec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}}", team))
	}
	work := make(chan int)
	var hands sync.WaitGroup
	for range 16 {
		hands.Go(func() {
			for i := range work {
				if _, err := applications.Create(context.Background(), member(i, commits[i%len(commits)]), metav1.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	hands.Wait()
}

var teams = []string{"checkout", "search", "billing", "identity", "mail", "media", "maps", "fraud", "orders", "stock", "prices", "reviews", "loyalty", "returns", "routing", "reports", "consent", "gateway", "vision", "ads"}

// member is an application of the size that one with three objects has.
func member(i int, commit string) *unstructured.Unstructured {
	team := teams[i%len(teams)]
	name := fmt.Sprintf("%s-%s-%05d", team, []string{"api", "web", "worker", "cron"}[i/len(teams)%4], i)
	source := map[string]any{"repoURL": repository, "path": "services/" + name, "targetRevision": "main"}
	destination := map[string]any{"server": []string{"https://kubernetes.default.svc", "https://eu-west.example.com:6443", "https://us-east.example.com:6443", "https://ap-south.example.com:6443"}[i/7%4], "namespace": team}
	sync, health, phase, message := "Synced", "Healthy", "Succeeded", "successfully synced (all tasks run)"
	switch {
	case i%97 == 0:
		sync, health = "Unknown", "Unknown"
	case i%41 == 0:
		health = "Degraded"
	case i%31 == 0:
		health, phase, message = "Progressing", "Running", "waiting for healthy state of apps/Deployment/"+name
	case i%23 == 0:
		sync, phase, message = "OutOfSync", "Failed", "one or more objects failed to apply"
	case i%19 == 0:
		sync, health = "OutOfSync", "Missing"
	case i%17 == 0:
		sync = "OutOfSync"
	case i%89 == 0:
		health = "Suspended"
	}
	began := time.Now().Add(-time.Duration(i*7) * time.Minute).UTC()
	operation := map[string]any{
		"phase": phase, "message": message, "startedAt": began.Format(time.RFC3339), "operation": map[string]any{"sync": map[string]any{"revision": commit}},
		"syncResult": map[string]any{"revision": commit, "source": source},
	}
	if phase != "Running" {
		operation["finishedAt"] = began.Add(9 * time.Second).Format(time.RFC3339)
	}
	var objects []any
	for _, kind := range []string{"Deployment", "Service", "ConfigMap"} {
		objects = append(objects, map[string]any{"version": "v1", "kind": kind, "namespace": team, "name": name, "status": sync, "health": map[string]any{"status": health}})
	}
	policy := map[string]any{"syncOptions": []any{"CreateNamespace=true"}}
	if i%3 != 0 {
		policy["automated"] = map[string]any{"prune": true, "selfHeal": true}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"name": name, "labels": map[string]any{"team": team, "tier": []string{"gold", "silver"}[i%2]}, "annotations": map[string]any{"argocd.argoproj.io/skip-reconcile": "true"}},
		"spec":     map[string]any{"project": "team-" + team, "source": source, "destination": destination, "syncPolicy": policy},
		"status": map[string]any{
			"sync":   map[string]any{"status": sync, "revision": commit, "comparedTo": map[string]any{"source": source, "destination": destination}},
			"health": map[string]any{"status": health}, "resources": objects, "reconciledAt": began.Format(time.RFC3339), "sourceType": "Directory", "operationState": operation,
		},
	}}
}

// TestCrowdedStage is TestStage with many applications: HAWSER_CROWD=10000 HAWSER_STAGE=127.0.0.1:9080 go test
// -run TestCrowdedStage -timeout 0 -v ./test/browser.
func TestCrowdedStage(t *testing.T) {
	listen := os.Getenv("HAWSER_STAGE")
	n, _ := strconv.Atoi(os.Getenv("HAWSER_CROWD"))
	if listen == "" || n == 0 {
		t.SkipNow()
	}
	w := open(t, listen, nil)
	w.settle(t)
	began := time.Now()
	w.crowd(t, n)
	t.Logf("%d applications in %s\nthe page: %s\nthe cluster: %s", n, time.Since(began).Round(time.Second), w.url, w.Kubeconfig)
	select {}
}
