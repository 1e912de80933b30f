package cluster_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// ship is a scenario: twelve objects in three waves, one of them changed, one pruned or created with each commit, a
// PreSync and a PostSync hook. token tells one commit's objects from another's.
func ship(n int) (files map[string]string, token string) {
	token = fmt.Sprintf("v%03d", n)
	files = map[string]string{
		"pre.yaml":  job("migrate", "PreSync", "", "true"),
		"post.yaml": job("smoke", "PostSync", policyOf+": HookSucceeded", "true"),
		"web.yaml":  strings.Replace(strings.Replace(deployment, "replicas: 3", "replicas: 1", 1), "value: info", "value: "+token, 1),
	}
	for i := range 10 {
		files[fmt.Sprintf("cm%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%d, annotations: {%s: '%d'}}\ndata: {v: %q}\n", i, waveOf, i%3-1, token)
	}
	if n%2 == 1 {
		files["extra.yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: extra}\nspec: {ports: [{port: 80}], selector: {app: web}}\n"
	}
	return files, token
}

// cargo is the end state of the target namespace, without what differs between two runs that did the same.
func (h *hawser) cargo(t *testing.T, token string) string {
	t.Helper()
	var b strings.Builder
	for _, r := range []schema.GroupVersionResource{{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "services"}, {Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "batch", Version: "v1", Resource: "jobs"}} {
		list, err := h.Dynamic.Resource(r).Namespace(h.target).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
		for _, o := range list.Items {
			if o.GetName() == "kube-root-ca.crt" || o.GetDeletionTimestamp() != nil {
				continue
			}
			kept := map[string]any{"kind": o.GetKind(), "name": o.GetName(), "data": o.Object["data"], "finalizers": o.GetFinalizers()}
			if spec, ok := o.Object["spec"].(map[string]any); ok {
				for _, own := range []string{"clusterIP", "clusterIPs", "selector", "template"} {
					if o.GetKind() != "Deployment" {
						delete(spec, own)
					}
				}
				kept["spec"] = spec
			}
			text, err := yaml.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(strings.ReplaceAll(string(text), token, "TOKEN") + "---\n")
		}
	}
	return b.String()
}

// hooksMade lists the hooks that were created, from the proxy's record: the API server said 201.
func hooksMade(writes []faultproxy.Request) map[string]int {
	made := map[string]int{}
	for _, w := range writes {
		if w.Verb == "create" && strings.HasSuffix(w.Path, "/jobs") && w.Status == 201 {
			var o metav1.PartialObjectMetadata
			if yaml.Unmarshal(w.Body, &o) == nil {
				made[o.Name]++
			}
		}
	}
	return made
}

// round is one sync of the scenario with a kill in it.
type round struct {
	h       *hawser
	proxy   *faultproxy.Proxy
	name    string
	cfg     config.Config
	process *process
}

// Killed before and after each of its writes, a sync ends as if nobody had disturbed it, and no hook runs twice.
// HAWSER_TEST_KILLS says how many kills (16 of them, spread over the writes, without it).
func TestKilledAtEachWriteEndsAsIfUndisturbed(t *testing.T) {
	kills := 16
	if text := os.Getenv("HAWSER_TEST_KILLS"); text != "" {
		fmt.Sscan(text, &kills)
	}
	h := prepare(t)
	proxy := faultproxy.Start(t, h.Config)
	cfg := h.config(t)
	cfg.Kubeconfig = proxy.Kubeconfig
	r := &round{h: h, proxy: proxy, name: h.name("ship"), cfg: cfg}
	h.Apply(t, h.target, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bystander}\ndata: {a: b}\n")
	files, _ := ship(0)
	repo := h.git.Repo(t, "ship", files)
	r.process = h.spawn(t, cfg)
	h.apply(t, app{name: r.name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, r.name, synced(repo.Head(t)))

	// undisturbed, once with the object that comes and once without it
	sail := func(n int) (end string) {
		files, token := ship(n)
		proxy.Reset()
		commit := repo.Replace(t, files, "Commit "+token)
		h.refresh(t, r.name)
		h.wait(t, r.name, shipped(commit))
		return h.settled(t, token)
	}
	want, writes := map[int]string{}, map[int]int{}
	for n := 1; n <= 2; n++ {
		want[n%2] = sail(n)
		time.Sleep(1500 * time.Millisecond) // the look after the sync writes, too
		writes[n%2] = len(proxy.Writes())
		if made := hooksMade(proxy.Writes()); made["migrate"] != 1 || made["smoke"] != 1 {
			t.Fatalf("undisturbed: hooks %v", made)
		}
	}
	t.Logf("undisturbed: %d writes with a prune, %d with a creation", writes[0], writes[1])

	var table []string
	missed := 0
	for i := range kills {
		n := i + 3
		after := i/2%2 == 1 // each write four times: before and after it, in a sync that prunes and in one that creates
		at := 1 + i/4*max(1, 4*writes[n%2]/kills)%writes[n%2]
		line, hit := r.killedAt(t, repo.Replace, n, at, after, want[n%2])
		if !hit {
			missed++
		}
		table = append(table, line)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d kills, %d of them after the sync was over already:\n%s", kills, missed, strings.Join(table, "\n"))
	if missed > kills/2 {
		t.Errorf("%d of %d kills came too late to disturb anything", missed, kills)
	}
	if o := h.Get(t, "v1", "ConfigMap", h.target, "bystander"); o == nil {
		t.Error("an object that is not ours was deleted")
	}
}

// shipped is synced, and says that the operation at the commit is over.
func shipped(commit string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		op := a.Status.OperationState
		if op == nil || op.Phase != v1alpha1.OperationSucceeded || op.SyncResult == nil || op.SyncResult.Revision != commit {
			return "not synced to the commit"
		}
		return synced(commit)(a)
	}
}

// settled is the cargo once what is being deleted is gone.
func (h *hawser) settled(t *testing.T, token string) string {
	t.Helper()
	last := h.cargo(t, token)
	for range 40 {
		time.Sleep(100 * time.Millisecond)
		if now := h.cargo(t, token); now == last {
			return last
		} else {
			last = now
		}
	}
	return last
}

// killedAt plays commit n and kills the process before or after its write at. It returns a line of the table, and
// whether the process was killed before the sync was over.
func (r *round) killedAt(t *testing.T, replace func(testing.TB, map[string]string, string) string, n, at int, after bool, want string) (line string, hit bool) {
	t.Helper()
	files, token := ship(n)
	began := time.Now()
	victim := r.process
	killed := make(chan string, 1)
	kill := func(q faultproxy.Request) func() {
		return func() {
			_ = victim.cmd.Process.Kill()
			killed <- q.String()
			<-victim.gone
		}
	}
	r.proxy.Reset()
	armed := true
	r.proxy.Fault(func(q faultproxy.Request) faultproxy.Fault {
		if q.Number != at || !armed {
			return faultproxy.Fault{}
		}
		armed = false
		if after {
			return faultproxy.Fault{After: kill(q)}
		}
		return faultproxy.Fault{Before: kill(q)}
	})
	commit := replace(t, files, "Commit "+token)
	r.h.refresh(t, r.name)
	what := "never came"
	select {
	case what = <-killed:
		hit = r.h.get(t, r.name).Status.Sync.Revision != commit || shipped(commit)(r.h.get(t, r.name)) != ""
	case <-time.After(20 * time.Second):
		_ = victim.cmd.Process.Kill()
	}
	<-victim.gone
	r.proxy.Fault(nil)
	r.process = r.h.spawn(t, r.cfg)
	r.h.wait(t, r.name, shipped(commit))
	when := "before"
	if after {
		when = "after"
	}
	outcome := "as undisturbed"
	got := r.h.settled(t, token)
	if d := cmp.Diff(want, got); d != "" {
		outcome = "another end"
		t.Errorf("killed %s write %d (%s): %s", when, at, what, d)
	}
	made := hooksMade(r.proxy.Writes())
	if made["migrate"] != 1 || made["smoke"] != 1 {
		outcome = fmt.Sprintf("hooks %v", made)
		t.Errorf("killed %s write %d (%s): hooks were created %v times\n%v", when, at, what, made, r.proxy.Writes())
	}
	return fmt.Sprintf("commit %3d  %-6s write %2d  %-34s %s  %.1f s", n, when, at, what, outcome, time.Since(began).Seconds()), hit
}
