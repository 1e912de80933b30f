package cluster_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// scenario is a deployment that is repeated again and again, with a fault in another place each time.
type scenario struct {
	name   string
	before string // folder that is deployed in peace before the deployment that counts; empty: there is none
	folder string
	app    func(s *stage, folder string) app
	ask    string   // the operation that a person asks for; empty: automated
	hooks  []string // names, or generateNames, of the hooks of the deployment that counts; each runs once
}

var scenarios = []scenario{
	{
		name: "upgrade", before: "one", folder: "two", hooks: []string{"migrate", "smoke"},
		app: func(s *stage, folder string) app {
			return app{auto: "{prune: true, selfHeal: true}"}
		},
	},
	{
		name: "first", folder: "two-generated", hooks: []string{"migrate-", "smoke-"},
		app: func(s *stage, folder string) app {
			return app{extra: "syncPolicy: {syncOptions: [CreateNamespace=true], managedNamespaceMetadata: {labels: {made-by: hawser}}}"}
		},
		ask: `{"initiatedBy":{"username":"tester"},"sync":{"prune":true}}`,
	},
}

// shop is twelve objects in four waves and two hooks, and what an earlier commit had: one object that goes, one that is
// still missing, three that change.
func shop() map[string]string {
	object := func(wave int, kind, name, rest string) string {
		version := map[string]string{"Deployment": "apps/v1", "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1", "PodDisruptionBudget": "policy/v1"}[kind]
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, annotations: {argocd.argoproj.io/sync-wave: '%d'}}\n%s\n", cmp.Or(version, "v1"), kind, name, wave, rest)
	}
	folder := func(version, pre, post string) string {
		list := []string{
			object(-1, "ServiceAccount", "shop", ""),
			object(-1, "Secret", "token", "stringData: {token: t-"+version+"}"),
			object(-1, "ConfigMap", "settings", "data: {version: '"+version+"'}"),
			object(0, "Role", "shop", "rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]"),
			object(0, "RoleBinding", "shop", "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: shop}\nsubjects: [{kind: ServiceAccount, name: shop}]"),
			object(0, "Service", "web", "spec: {selector: {app: web}, ports: [{port: 80}]}"),
			object(0, "Deployment", "web", "spec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'registry.example/web:"+version+"'}]}"),
			object(1, "PodDisruptionBudget", "web", "spec: {minAvailable: 0, selector: {matchLabels: {app: web}}}"),
			object(1, "ConfigMap", "pages", "data: {version: '1'}"),
			object(2, "ConfigMap", "routes", "data: {version: '1'}"),
			object(2, "Service", "metrics", "spec: {selector: {app: web}, ports: [{port: 9090}]}"),
		}
		if version == "1" {
			list = append(list, object(1, "ConfigMap", "doomed", "data: {a: b}"))
		} else {
			list = append(list, object(2, "ConfigMap", "fresh", "data: {a: b}"))
		}
		return strings.Join(append(list, pre, post), "---\n")
	}
	pre, post := job("migrate", "PreSync", "", "true"), job("smoke", "PostSync", "argocd.argoproj.io/hook-delete-policy: HookSucceeded", "true")
	generated := strings.NewReplacer("name: migrate", "generateName: migrate-", "name: smoke", "generateName: smoke-")
	return map[string]string{
		"one/all.yaml": folder("1", pre, ""), "two/all.yaml": folder("2", pre, post),
		"two-generated/all.yaml": folder("2", generated.Replace(pre), generated.Replace(post)),
		"endless/all.yaml":       job("migrate", "PreSync", "", "sleep infinity") + "---\n" + object(0, "ConfigMap", "settings", "data: {a: b}"),
		"slow/all.yaml":          job("migrate", "PreSync", "", "sleep 4") + "---\n" + object(0, "ConfigMap", "settings", "data: {a: b}"),
	}
}

// stage is where scenarios are played: a control namespace whose daemon is a process of its own behind a proxy.
type stage struct {
	*hawser
	proxy   *faultproxy.Proxy
	cfg     config.Config
	process *process
	repo    string
	commit  string
	played  int
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageOn(t, clustertest.Start(t))
}

func newStageOn(t *testing.T, c *clustertest.Cluster) *stage {
	t.Helper()
	h := prepareOn(t, c)
	repo := h.git.Repo(t, "shop", shop())
	s := &stage{hawser: h, proxy: faultproxy.Start(t, h.Config), cfg: h.config(t), repo: repo.URL, commit: repo.Head(t)}
	s.cfg.Kubeconfig = s.proxy.Kubeconfig
	s.process = s.spawn(t, s.cfg)
	s.WaitFor(t, "argoproj.io/v1alpha1", "AppProject", s.control, "default", func(*unstructured.Unstructured) error { return nil }) // the last write of its start
	return s
}

// play is one run of a scenario, with everything that can be held against another.
type play struct {
	scenario
	s       *stage
	app     string
	ns      string
	uids    map[string]types.UID // of what was there before
	started time.Time
}

// ready makes a fresh namespace and Application and deploys what is to be there before.
func (s *stage) ready(t *testing.T, sc scenario) *play {
	t.Helper()
	s.played++
	p := &play{scenario: sc, s: s, app: fmt.Sprintf("shop-%d-%s", s.played, s.control[strings.LastIndex(s.control, "-")+1:])}
	p.ns = p.app
	if sc.before != "" {
		if _, err := s.Client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.ns}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		s.Apply(t, p.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: bystander}, data: {a: b}}")
		p.put(t, sc.before)
		s.wait(t, p.app, over(p.s.commit, sc.before))
		p.uids = p.identities(t)
	}
	s.proxy.Reset()
	p.started = time.Now()
	return p
}

// begin is the deployment that counts.
func (p *play) begin(t *testing.T) {
	t.Helper()
	if p.before != "" {
		p.s.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", p.s.control, p.app, fmt.Sprintf(`{"spec":{"source":{"path":%q}}}`, p.folder))
		return
	}
	p.put(t, p.folder)
	if p.ask != "" {
		p.s.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", p.s.control, p.app, `{"operation":`+p.ask+`}`)
	}
}

func (p *play) put(t *testing.T, folder string) {
	t.Helper()
	a := p.scenario.app(p.s, folder)
	a.name, a.repo, a.path, a.revision = p.app, p.s.repo, folder, p.s.commit
	was := p.s.target
	p.s.target = p.ns
	p.s.apply(t, a)
	p.s.target = was
}

// done ends the play and takes its objects away.
func (p *play) done(t *testing.T) {
	t.Helper()
	p.s.Delete(t, p.s.control, fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":%q}}`, p.app))
	if err := p.s.Client.CoreV1().Namespaces().Delete(t.Context(), p.ns, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// over checks for a deployment of the folder that is Synced and Healthy and has been looked at since.
func over(commit, folder string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		op := a.Status.OperationState
		switch {
		case a.Operation != nil || op == nil || op.FinishedAt == nil || op.Phase != v1alpha1.OperationSucceeded || op.SyncResult == nil:
			return "the operation is not over"
		case op.SyncResult.Source.Path != folder || a.Status.Sync.ComparedTo.Source.Path != folder:
			return "not at " + folder
		case a.Status.ReconciledAt == nil || a.Status.ReconciledAt.Before(op.FinishedAt):
			return "no look since the operation"
		}
		return synced(commit)(a)
	}
}

// kinds are those that the scenarios deploy.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "secrets"}, {Version: "v1", Resource: "services"}, {Version: "v1", Resource: "serviceaccounts"},
	{Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "batch", Version: "v1", Resource: "jobs"}, {Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}, {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
}

// objects is everything in the play's namespace but what every namespace has.
func (p *play) objects(t testing.TB) []unstructured.Unstructured {
	t.Helper()
	var all []unstructured.Unstructured
	for _, kind := range kinds {
		list, err := p.s.Dynamic.Resource(kind).Namespace(p.ns).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			if o.GetName() != "kube-root-ca.crt" && (o.GetKind() != "ServiceAccount" || o.GetName() != "default") {
				all = append(all, o)
			}
		}
	}
	return all
}

func (p *play) identities(t testing.TB) map[string]types.UID {
	t.Helper()
	uids := map[string]types.UID{}
	for _, o := range p.objects(t) {
		if o.GetKind() != "Job" { // a hook's object is another one each time
			uids[o.GetKind()+"/"+o.GetName()] = o.GetUID()
		}
	}
	return uids
}

// end is the state that people can see: what every object says, but for what is counted up or drawn by lot, and what
// the Application says of it.
func (p *play) end(t testing.TB) map[string]string {
	t.Helper()
	state := map[string]string{}
	list := p.objects(t)
	if ns := p.s.Get(t, "v1", "Namespace", "", p.ns); ns != nil {
		list = append(list, *ns)
	}
	for _, o := range list {
		id := o.GetKind() + "/" + p.neutral(o.GetName())
		if !o.GetDeletionTimestamp().IsZero() {
			id += " (being deleted)"
		}
		for _, path := range [][]string{
			{"status"}, {"metadata", "uid"}, {"metadata", "resourceVersion"}, {"metadata", "creationTimestamp"}, {"metadata", "managedFields"}, {"metadata", "generation"},
			{"metadata", "annotations", "hawser.dev/operation"}, {"metadata", "annotations", "deployment.kubernetes.io/revision"},
			{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"},
		} {
			unstructured.RemoveNestedField(o.Object, path...)
		}
		for _, path := range [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}} {
			for _, label := range []string{"batch.kubernetes.io/controller-uid", "controller-uid"} {
				unstructured.RemoveNestedField(o.Object, append(slices.Clone(path), label)...)
			}
		}
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		state[id] = p.neutral(string(text))
	}
	a := p.s.get(t, p.app)
	op := a.Status.OperationState
	lines := []string{
		fmt.Sprintf("sync %s at %s, health %s", a.Status.Sync.Status, p.neutral(a.Status.Sync.Revision), a.Status.Health.Status),
		fmt.Sprintf("operation %s, %d tries more", phase(a), op.RetryCount),
		fmt.Sprintf("history of %d", len(a.Status.History)),
	}
	for _, c := range a.Status.Conditions {
		lines = append(lines, fmt.Sprintf("condition %s %s %s", c.Type, c.Status, c.Message))
	}
	for _, r := range op.SyncResult.Resources {
		if r.Status != v1alpha1.ResultPruned { // what was pruned before a kill is not seen any more afterwards
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s", r.Kind, p.neutral(r.Name), r.Status, r.HookType, r.HookPhase))
		}
	}
	for _, r := range a.Status.Resources {
		lines = append(lines, fmt.Sprintf("holds %s %s %s %v", r.Kind, p.neutral(r.Name), r.Status, r.RequiresPruning))
	}
	slices.Sort(lines)
	state["the application"] = strings.Join(lines, "\n")
	return state
}

// neutral takes out of a text what differs between two plays.
func (p *play) neutral(text string) string {
	for _, h := range p.hooks {
		if strings.HasSuffix(h, "-") { // the time at the end of a generated name
			for {
				at := strings.Index(text, h+p.s.commit[:7])
				if at < 0 {
					break
				}
				end := at + strings.IndexFunc(text[at:]+" ", func(r rune) bool {
					return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
				})
				text = text[:at] + h + "GENERATED" + text[min(end, len(text)):]
			}
		}
	}
	return strings.NewReplacer(p.app, "THE-APP", p.s.control, "THE-CONTROL-NAMESPACE", p.s.repo, "THE-REPOSITORY", p.s.commit, "THE-COMMIT").Replace(text)
}

// deleted is what the program has had deleted since the play began.
func (p *play) deleted() map[string]bool {
	gone := map[string]bool{}
	for _, w := range p.s.proxy.Writes() {
		if w.Verb == "delete" && w.Done() {
			gone[p.neutral(w.Path)] = true
		}
	}
	return gone
}

// wrong says what is not as in the undisturbed run; "" when nothing is. It waits a moment for the last of it: what was
// deleted takes its time to go.
func (p *play) wrong(t testing.TB, want map[string]string, mayGo map[string]bool) string {
	t.Helper()
	var broken []string
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	diff := ""
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if diff = gocmp.Diff(want, p.end(t)); diff == "" || time.Since(began) > 10*time.Second {
			break
		}
	}
	if diff != "" {
		say("end state (-undisturbed +this):\n%s", diff)
	}
	now := p.identities(t)
	for id, uid := range p.uids {
		if now[id] != uid && id != "ConfigMap/doomed" {
			say("%s was deleted (it is now %q)", id, now[id])
		}
	}
	for what := range p.deleted() {
		if !mayGo[what] {
			say("deleted %s, which the undisturbed run did not", what)
		}
	}
	made := map[string]int{}
	for _, w := range p.s.proxy.Writes() {
		if strings.Contains(w.Path, "/namespaces/"+p.ns+"/jobs") && w.Status == 201 {
			for _, h := range p.hooks {
				if strings.HasPrefix(nameIn(w.Body), h) {
					made[h]++
				}
			}
		}
	}
	for _, h := range p.hooks {
		if made[h] != 1 {
			say("hook %s was created %d times", h, made[h])
		}
	}
	slices.Sort(broken)
	return strings.Join(broken, "\n")
}

// nameIn is the name of the object in a request's body.
func nameIn(body []byte) string {
	var o metav1.PartialObjectMetadata
	_ = json.Unmarshal(body, &o)
	return o.Name
}

// undisturbed plays the scenario in peace: how many writes it takes, and what everything is compared with.
type undisturbed struct {
	writes  int
	state   map[string]string
	deleted map[string]bool
}

func (s *stage) inPeace(t *testing.T, sc scenario) undisturbed {
	t.Helper()
	p := s.ready(t, sc)
	p.begin(t)
	s.wait(t, p.app, over(s.commit, sc.folder))
	time.Sleep(2 * time.Second) // a look that follows an operation writes once more
	u := undisturbed{state: p.end(t), deleted: p.deleted()}
	if wrong := p.wrong(t, u.state, u.deleted); wrong != "" {
		t.Fatalf("scenario %s, undisturbed: %s", sc.name, wrong)
	}
	list := s.proxy.Writes()
	u.writes = len(list)
	t.Logf("scenario %s, undisturbed: %d writes in %.1f s, deleted %v:\n%s%s", sc.name, u.writes, time.Since(p.started).Seconds(), slices.Sorted(maps.Keys(u.deleted)), log(list), u.state["the application"])
	p.done(t)
	return u
}

// log is the writes, a line each.
func log(list []faultproxy.Request) string {
	var b strings.Builder
	for _, w := range list {
		fmt.Fprintf(&b, "%3d %s %-50s %3d %s\n", w.Number, w.At.Format("15:04:05.000"), w, w.Status, w.Owner)
	}
	return b.String()
}

// kill is one row of the table.
type kill struct {
	scenario string
	k        int
	after    bool
	at       string // the write
	outcome  string // as undisturbed, or what is wrong
	seconds  float64
}

const notReached = "not reached"

// killed plays the scenario and kills the process at its write k.
func (s *stage) killed(t *testing.T, sc scenario, k int, after bool, want undisturbed) kill {
	t.Helper()
	row := kill{scenario: sc.name, k: k, after: after}
	p := s.ready(t, sc)
	defer func() { row.seconds = time.Since(p.started).Seconds() }()
	victim := s.process
	fired := make(chan faultproxy.Request, 1)
	s.proxy.Fault(func(q faultproxy.Request) faultproxy.Fault {
		if q.Number != k {
			return faultproxy.Fault{}
		}
		dies := func() {
			s.proxy.Fault(nil)
			_ = victim.cmd.Process.Kill()
			<-victim.gone
			fired <- q
		}
		if after {
			return faultproxy.Fault{After: dies}
		}
		return faultproxy.Fault{Before: dies}
	})
	p.begin(t)
	ended := func() bool {
		a := s.get(t, p.app)
		return a != nil && over(s.commit, sc.folder)(a) == ""
	}
	quiet := time.Time{} // since when the deployment is over and no write came
	for row.at == "" {
		select {
		case w := <-fired:
			row.at = p.neutral(w.String())
			s.process = s.spawn(t, s.cfg)
		case <-time.After(40 * time.Millisecond):
			switch {
			case !ended():
				quiet = time.Time{}
			case quiet.IsZero():
				quiet = time.Now()
			case time.Since(quiet) > 2*time.Second:
				s.proxy.Fault(nil)
				row.at, row.outcome = "-", notReached
			}
			if time.Since(p.started) > clustertest.Patience {
				t.Fatalf("%s: neither write %d nor the end was reached: %s\n%s", sc.name, k, phase(s.get(t, p.app)), log(s.proxy.Writes()))
			}
		}
	}
	s.wait(t, p.app, over(s.commit, sc.folder))
	if wrong := p.wrong(t, want.state, want.deleted); wrong != "" {
		t.Errorf("%s, killed at write %d (after %v, %s): %s\n%s", sc.name, k, after, row.at, wrong, log(s.proxy.Writes()))
		row.outcome = "DIFFERS"
	}
	row.outcome = cmp.Or(row.outcome, "as undisturbed")
	p.done(t)
	row.seconds = time.Since(p.started).Seconds()
	return row
}

// Hawser is killed before and after each write of two deployments of twelve objects and two hooks, and started again:
// everything ends as in the undisturbed run, each hook runs once, and nothing is deleted that was not to go (fault
// F-01). HAWSER_TEST_KILLS says how many kills there shall be, in the order of HAWSER_TEST_SEED; unless it is set a
// handful is drawn. HAWSER_TEST_LANES processes are killed side by side.
func TestKilledBeforeAndAfterEachWrite(t *testing.T) {
	kills, lanes, seed := number(t, "HAWSER_TEST_KILLS", 6), number(t, "HAWSER_TEST_LANES", 2), number(t, "HAWSER_TEST_SEED", 1)
	clustertest.Start(t)
	began := time.Now()
	var mu sync.Mutex
	var rows []kill
	var queue []kill // still to be played
	peace := map[string]undisturbed{}
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	refill := func() {
		for _, sc := range scenarios {
			for k := range peace[sc.name].writes {
				queue = append(queue, kill{scenario: sc.name, k: k + 1}, kill{scenario: sc.name, k: k + 1, after: true})
			}
		}
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	}
	var playing, made int
	next := func() (kill, bool) {
		mu.Lock()
		defer mu.Unlock()
		if made+playing >= kills {
			return kill{}, false
		}
		if len(queue) == 0 {
			refill()
		}
		row := queue[0]
		queue = queue[1:]
		playing++
		return row, true
	}
	t.Run("undisturbed", func(t *testing.T) {
		s := newStage(t)
		for _, sc := range scenarios {
			peace[sc.name] = s.inPeace(t, sc)
		}
	})
	if t.Failed() {
		return
	}
	t.Run("killed", func(t *testing.T) {
		for lane := range lanes {
			t.Run(strconv.Itoa(lane), func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				for {
					row, more := next()
					if !more {
						return
					}
					i := slices.IndexFunc(scenarios, func(sc scenario) bool { return sc.name == row.scenario })
					row = s.killed(t, scenarios[i], row.k, row.after, peace[row.scenario])
					mu.Lock()
					playing--
					rows = append(rows, row)
					if row.outcome != notReached {
						made++
					}
					mu.Unlock()
				}
			})
		}
	})
	slices.SortStableFunc(rows, func(a, b kill) int {
		return cmp.Or(strings.Compare(a.scenario, b.scenario), cmp.Compare(a.k, b.k), strings.Compare(a.when(), b.when()))
	})
	var table strings.Builder
	outcomes := map[string]int{}
	fmt.Fprintf(&table, "| scenario | write | killed | what it was | outcome | seconds |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&table, "| %s | %d | %s | %s | %s | %.1f |\n", r.scenario, r.k, r.when(), r.at, r.outcome, r.seconds)
		outcomes[r.outcome]++
	}
	t.Logf("%d kills (%v) in %v, seed %d:\n%s", made, outcomes, time.Since(began).Round(time.Second), seed, table.String())
	if file := os.Getenv("HAWSER_TEST_TABLE"); file != "" {
		if err := os.WriteFile(file, []byte(table.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func (k kill) when() string {
	if k.after {
		return "after it"
	}
	return "before it"
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
