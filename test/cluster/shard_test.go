package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/shard"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// team is replicas that share the work on two clusters, one of them cut into slices.
type team struct {
	*hawser
	home, away *clustertest.Own
	cfg        config.Config
	more       []string // flags of the replicas
	repo       *gittest.Repo
	replicas   map[string]*process // that run, by identity
	began      int
	apps       map[string]shardApp
	values     map[string]string // of each application, as Git has them

	mu     sync.Mutex
	ledger []*coordinationv1.Lease // every version of the units' Leases, in order
}

type shardApp struct {
	server string
	away   bool
}

// perUnit is how many applications a unit has, as the promise is made.
const perUnit = 30

func gather(t *testing.T, slices int) *team {
	t.Helper()
	home, away := clustertest.StartOwn(t), clustertest.StartOwn(t)
	h := prepareOn(t, home.Cluster)
	away.Apply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+h.target+"}}")
	m := &team{hawser: h, home: home, away: away, cfg: h.config(t), replicas: map[string]*process{}, apps: map[string]shardApp{}, values: map[string]string{}}
	m.record(t)
	h.register(t, "away", away.Config.Host, away.Config, nil)
	m.cut(t, slices)
	m.repo = h.git.Repo(t, "shared", map[string]string{"README.md": "one directory for each application"})
	return m
}

// record notes every version of the Leases of units: the API server's audit log has everything but Leases.
func (m *team) record(t *testing.T) {
	t.Helper()
	w, err := m.Client.CoordinationV1().Leases(m.control).Watch(t.Context(), metav1.ListOptions{LabelSelector: "hawser.dev/lease=unit", TimeoutSeconds: ptr(int64(3600))})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for e := range w.ResultChan() {
			if l, ok := e.Object.(*coordinationv1.Lease); ok {
				m.mu.Lock()
				m.ledger = append(m.ledger, l)
				m.mu.Unlock()
			}
		}
	}()
	t.Cleanup(w.Stop)
}

func ptr[T any](v T) *T { return &v }

// cut asks for a number of slices of our own cluster.
func (m *team) cut(t *testing.T, slices int) {
	t.Helper()
	m.Apply(t, m.control, fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"cluster-home","labels":{"argocd.argoproj.io/secret-type":"cluster"},"annotations":{"hawser.dev/slices":"%d"}},
"stringData":{"name":"in-cluster","server":"https://kubernetes.default.svc","config":"{}"}}`, slices))
}

// start starts one more replica.
func (m *team) start(t *testing.T) string {
	t.Helper()
	m.began++
	name := fmt.Sprintf("hawser-%d", m.began)
	cfg := m.cfg
	cfg.Kubeconfig, cfg.DataDir = m.asUser(t, name, "system:masters"), t.TempDir()
	m.replicas[name] = m.launch(t, cfg, name, append([]string{"--sharding"}, m.more...)...)
	return name
}

// leases returns the unit's owners, by unit, and the turns that go on.
func (m *team) leases(t *testing.T) (owners map[shard.Unit]string, alive map[string]bool) {
	t.Helper()
	list, err := m.Client.CoordinationV1().Leases(m.control).List(t.Context(), metav1.ListOptions{LabelSelector: "hawser.dev/lease"})
	if err != nil {
		t.Fatal(err)
	}
	owners, alive = map[shard.Unit]string{}, map[string]bool{}
	inForce := map[string]int{}
	for i := range list.Items {
		l := &list.Items[i]
		holder := ""
		if l.Spec.HolderIdentity != nil {
			holder = *l.Spec.HolderIdentity
		}
		switch l.Labels["hawser.dev/lease"] {
		case "replica":
			alive[holder] = m.replicas[replicaOfTurn(holder)] != nil
		case "unit":
			owners[unitOfLease(l)] = holder
			if n, err := strconv.Atoi(l.Annotations["hawser.dev/slices"]); err == nil {
				inForce[l.Annotations["hawser.dev/cluster"]] = n
			}
		}
	}
	for u := range owners {
		if u != shard.Sets && u.Slice >= inForce[u.Server] {
			delete(owners, u)
		}
	}
	return owners, alive
}

func unitOfLease(l *coordinationv1.Lease) shard.Unit {
	slice, _ := strconv.Atoi(l.Annotations["hawser.dev/slice"])
	return shard.Unit{Server: l.Annotations["hawser.dev/cluster"], Slice: slice}
}

// replicaOfTurn is the identity of whose turn it is.
func replicaOfTurn(turn string) string { return turn[:max(0, strings.LastIndex(turn, "-"))] }

// settle waits until every unit, so many, is owned by a replica that runs, and returns how long that took.
func (m *team) settle(t *testing.T, units int) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		owners, alive := m.leases(t)
		var wrong []string
		for u, owner := range owners {
			if !alive[owner] {
				wrong = append(wrong, fmt.Sprintf("%s is owned by %q", u, owner))
			}
		}
		if len(owners) != units {
			wrong = append(wrong, fmt.Sprintf("%d units and not %d", len(owners), units))
		}
		if len(wrong) == 0 {
			return time.Since(began)
		}
		if time.Since(began) > 60*time.Second {
			t.Fatalf("after a minute: %v", wrong)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// fill makes 30 applications for each unit.
func (m *team) fill(t *testing.T, slices int) {
	t.Helper()
	const here = "https://kubernetes.default.svc"
	count := map[shard.Unit]int{}
	files := map[string]string{}
	for i := 0; len(m.apps) < perUnit*(slices+1); i++ {
		name := m.name(fmt.Sprintf("s%03d", i))
		a := shardApp{server: here}
		u := shard.Unit{Server: here, Slice: shard.SliceOf(m.control, name, slices)}
		if count[u] == perUnit {
			if a, u = (shardApp{m.away.Config.Host, true}), (shard.Unit{Server: m.away.Config.Host}); count[u] == perUnit {
				continue
			}
		}
		count[u]++
		m.apps[name] = a
		m.values[name] = "v0"
		files[name+"/cm.yaml"] = cargoOf(name, "v0")
	}
	m.repo.Commit(t, files, "All of them")
	for name, a := range m.apps {
		m.apply(t, app{name: name, repo: m.repo.URL, path: name, auto: "{prune: true, selfHeal: true}", extra: fmt.Sprintf("destination: {server: %q, namespace: %s}", a.server, m.target)})
	}
}

// cargoOf is two objects in two waves: a replica can go in between.
func cargoOf(app, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %[1]s-cm}\ndata: {v: %[2]s}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %[1]s-last, annotations: {%[3]s: '1'}}\ndata: {v: %[2]s}\n", app, value, waveOf)
}

// push changes some applications, and tells one replica of it.
func (m *team) push(t *testing.T, n int, value string) {
	t.Helper()
	files := map[string]string{}
	names := m.names()
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:n] {
		m.values[name] = value
		files[name+"/cm.yaml"] = cargoOf(name, value)
	}
	m.repo.Commit(t, files, "Value "+value)
	m.ring(t)
}

func (m *team) names() []string {
	var names []string
	for name := range m.apps {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

var listens = regexp.MustCompile(`msg="hawser is up" listen=(\S+)`)

// ring delivers a webhook to some replica that runs.
func (m *team) ring(t *testing.T) {
	t.Helper()
	for name, p := range m.replicas {
		text, err := os.ReadFile(p.log)
		if err != nil {
			t.Fatal(err)
		}
		if at := listens.FindSubmatch(text); at != nil {
			m.addr = string(at[1])
			m.hook(t, m.repo.URL)
			return
		}
		t.Logf("%s does not answer yet", name)
	}
	t.Log("no replica can be told")
}

// deployed waits until the clusters hold what Git says, and returns how long that took.
func (m *team) deployed(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		var wrong []string
		for away, k := range map[bool]*clustertest.Cluster{false: m.home.Cluster, true: m.away.Cluster} {
			list, err := k.Client.CoreV1().ConfigMaps(m.target).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			live := map[string]string{}
			for _, o := range list.Items {
				live[o.Name] = o.Data["v"]
			}
			for name, a := range m.apps {
				if first, last := live[name+"-cm"], live[name+"-last"]; a.away == away && (first != m.values[name] || last != m.values[name]) {
					wrong = append(wrong, fmt.Sprintf("%s has %q, %q and not %q", name, first, last, m.values[name]))
				}
			}
		}
		if len(wrong) == 0 {
			return time.Since(began)
		}
		if time.Since(began) > 2*time.Minute {
			owners, alive := m.leases(t)
			t.Fatalf("after two minutes %d applications are behind: %v; owners %v, alive %v", len(wrong), wrong[:min(len(wrong), 5)], owners, alive)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// judge returns the writes that a replica made outside of its ownership, and how many it looked at.
func (m *team) judge(t *testing.T) (judged int, broken []string) {
	t.Helper()
	m.mu.Lock()
	ledger := m.ledger
	m.mu.Unlock()
	return m.outside(ledger, m.home.Audit(t), m.away.Audit(t))
}

// outside is judge of the versions of the units' Leases, and of the audit logs of both clusters.
func (m *team) outside(ledger []*coordinationv1.Lease, home, away []clustertest.Audited) (judged int, broken []string) {
	type owned struct {
		from, until time.Time // from when its taking was asked for, until the next one's was
		holder      string
	}
	type sliced struct {
		at time.Time
		n  int
	}
	tenures, cuts := map[shard.Unit][]owned{}, map[string][]sliced{}
	for _, l := range ledger {
		u, holder := unitOfLease(l), ""
		if l.Spec.HolderIdentity != nil {
			holder = *l.Spec.HolderIdentity
		}
		if list := tenures[u]; len(list) == 0 || list[len(list)-1].holder != holder {
			if len(list) > 0 {
				list[len(list)-1].until = l.Spec.AcquireTime.Time
			}
			tenures[u] = append(list, owned{from: l.Spec.AcquireTime.Time, holder: holder})
		}
		if n, err := strconv.Atoi(l.Annotations["hawser.dev/slices"]); err == nil {
			cuts[u.Server] = append(cuts[u.Server], sliced{l.Spec.AcquireTime.Time, n})
		}
	}
	for i, log := range [][]clustertest.Audited{home, away} {
		for _, a := range log {
			if !strings.HasPrefix(a.Who(), "hawser-") || !a.Accepted() || a.Object.Resource == "leases" || a.Object.Resource == "events" {
				continue
			}
			name := a.Object.Name
			if a.Object.Resource == "configmaps" && a.Object.Namespace == m.target {
				name = strings.TrimSuffix(strings.TrimSuffix(name, "-cm"), "-last")
			}
			app, known := m.apps[name]
			if !known || app.away != (i == 1) && a.Object.Resource != "applications" {
				if a.Object.Namespace == m.target || a.Object.Resource == "applications" {
					broken = append(broken, fmt.Sprintf("%s %s/%s in cluster %d by %s: nobody's", a.Verb, a.Object.Resource, name, i, a.Who()))
				}
				continue
			}
			judged++
			n := 1
			for _, c := range cuts[app.server] {
				if c.at.Before(a.Received) {
					n = c.n
				}
			}
			u := shard.Unit{Server: app.server, Slice: shard.SliceOf(m.control, name, n)}
			within := false
			for _, o := range tenures[u] {
				if replicaOfTurn(o.holder) == a.Who() && !a.Received.Before(o.from) && (o.until.IsZero() || !a.Done.After(o.until)) {
					within = true
				}
			}
			if !within {
				broken = append(broken, fmt.Sprintf("%s %s/%s of %s by %s, %s … %s: owners %v", a.Verb, a.Object.Resource, a.Object.Name, u, a.Who(), a.Received.Format("05.000"), a.Done.Format("05.000"), tenures[u]))
			}
		}
	}
	return judged, broken
}

// Three replicas share two clusters, one of which is cut into two slices, sometimes three. Replicas are killed, stopped and
// continued, ended and added at random, the more likely those that own something, and commits are pushed meanwhile.
// HAWSER_TEST_KILLS says how often (8).
func TestReplicasShareTheWork(t *testing.T) {
	kills := 8
	if text := os.Getenv("HAWSER_TEST_KILLS"); text != "" {
		fmt.Sscan(text, &kills)
	}
	cut := 2
	m := gather(t, cut)
	for range 3 {
		m.start(t)
	}
	m.settle(t, cut+2)
	m.fill(t, cut)
	t.Logf("%d applications deployed after %.1f s", len(m.apps), m.deployed(t).Seconds())
	var longest, slowest time.Duration
	done := map[string]int{}
	for i := range kills {
		victim := m.victim(t)
		p := m.replicas[victim]
		what := []string{"killed", "stopped and continued", "ended", "added", "killed", "cut anew"}[rand.IntN(6)]
		if len(m.replicas) >= 4 && what == "added" {
			what = "stopped and continued"
		}
		done[what]++
		m.push(t, 12, fmt.Sprintf("v%d", 2*i+1))
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // some of it is under way
		signal := func(s syscall.Signal) {
			if err := p.cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		switch what {
		case "killed":
			delete(m.replicas, victim)
			p.kill(t)
		case "ended":
			delete(m.replicas, victim)
			signal(syscall.SIGTERM)
		case "stopped and continued":
			delete(m.replicas, victim)
			signal(syscall.SIGSTOP)
		case "added":
			victim = m.start(t)
		case "cut anew":
			victim, cut = "", 5-cut
			m.cut(t, cut)
		}
		m.settle(t, cut+2)
		owned := time.Since(began)
		m.push(t, 12, fmt.Sprintf("v%d", 2*i+2))
		switch what {
		case "killed", "ended":
			if len(m.replicas) < 3 {
				m.start(t)
			}
		case "stopped and continued":
			time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
			signal(syscall.SIGCONT)
			m.replicas[victim] = p
		}
		took := m.deployed(t)
		t.Logf("%2d: %s %s; all units owned after %.1f s, all deployed after %.1f s more", i, victim, what, owned.Seconds(), took.Seconds())
		longest, slowest = max(longest, owned), max(slowest, took)
		if owned > 15*time.Second {
			t.Errorf("%s %s: units had no owner for %s", victim, what, owned)
		}
	}
	judged, broken := m.judge(t)
	for _, line := range broken[:min(len(broken), 20)] {
		t.Error(line)
	}
	if judged < kills*24 {
		t.Errorf("only %d writes were judged", judged)
	}
	t.Logf("%v: units without an owner for at most %.1f s, commits deployed within %.1f s; %d writes judged, %d of them outside of ownership", done, longest.Seconds(), slowest.Seconds(), judged, len(broken))
}

// victim is a replica that runs: three times of four one that owns something.
func (m *team) victim(t *testing.T) string {
	t.Helper()
	owners, alive := m.leases(t)
	var all, owning []string
	for name := range m.replicas {
		all = append(all, name)
	}
	for _, owner := range owners {
		if alive[owner] {
			owning = append(owning, replicaOfTurn(owner))
		}
	}
	sort.Strings(all)
	if len(owning) > 0 && rand.IntN(4) > 0 {
		return owning[rand.IntN(len(owning))]
	}
	return all[rand.IntN(len(all))]
}

// balance waits until every unit is owned by whom it is assigned to, and returns the owners.
func (m *team) balance(t *testing.T) (owners map[shard.Unit]string) {
	t.Helper()
	clustertest.Wait(t, "every replica has its share", func(context.Context) error {
		var alive map[string]bool
		owners, alive = m.leases(t)
		var units []shard.Unit
		var turns []string
		for u := range owners {
			units = append(units, u)
		}
		for turn, runs := range alive {
			if runs {
				turns = append(turns, turn)
			}
		}
		if len(turns) != len(m.replicas) {
			return fmt.Errorf("%d replicas have a turn", len(turns))
		}
		if d := cmp.Diff(shard.Assign(units, turns), owners); d != "" {
			return errors.New(d)
		}
		return nil
	})
	return owners
}

// apart returns two applications in slices of our own cluster that different replicas own, and those.
func (m *team) apart(t *testing.T, slices int) (names, owners [2]string) {
	t.Helper()
	held := m.balance(t)
	for i := 0; names[1] == ""; i++ {
		name := m.name(fmt.Sprintf("p%03d", i))
		owner := replicaOfTurn(held[shard.Unit{Server: "https://kubernetes.default.svc", Slice: shard.SliceOf(m.control, name, slices)}])
		switch {
		case names[0] == "":
			names[0], owners[0] = name, owner
		case owner != owners[0]:
			names[1], owners[1] = name, owner
		case i > 1000:
			t.Fatalf("one replica owns all slices: %v", held)
		}
	}
	return names, owners
}

// An object that a commit moves from an application to one of another slice is not pruned before the other's owner has
// looked, however long that takes; nor is one that is gone for good.
func TestAPruneWaitsForOtherSlices(t *testing.T) {
	const cut = 6 // each of two replicas owns some of them
	m := gather(t, cut)
	m.more = []string{"--lease-duration", "30s"}
	for range 2 {
		m.start(t)
	}
	m.settle(t, cut+2)
	names, owners := m.apart(t, cut)
	from, to := names[0], names[1]
	cm := func(name string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {a: b}\n"
	}
	m.repo.Commit(t, map[string]string{from + "/stays.yaml": cm(from), from + "/moves.yaml": cm("moves"), from + "/goes.yaml": cm("goes"), to + "/stays.yaml": cm(to)}, "Before")
	for _, name := range names {
		m.apply(t, app{name: name, repo: m.repo.URL, path: name, auto: "{prune: true, selfHeal: true}"})
	}
	for _, name := range names {
		m.wait(t, name, synced(m.repo.Head(t)))
	}
	before := m.Get(t, "v1", "ConfigMap", m.target, "moves")

	other := m.replicas[owners[1]].cmd.Process
	if err := other.Signal(syscall.SIGSTOP); err != nil { // for less than its lease: it stays the owner
		t.Fatal(err)
	}
	commit := m.repo.Replace(t, map[string]string{from + "/stays.yaml": cm(from), to + "/stays.yaml": cm(to), to + "/moves.yaml": cm("moves")}, "Moved, and gone")
	m.refresh(t, from)
	m.wait(t, from, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Revision != commit || a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not looked at"
		}
		return ""
	})
	for until := time.Now().Add(4 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		for _, name := range []string{"moves", "goes"} {
			if m.Get(t, "v1", "ConfigMap", m.target, name) == nil {
				t.Fatalf("%s was pruned before %s had been looked at", name, to)
			}
		}
	}
	if err := other.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	m.ring(t)
	for _, name := range names {
		m.wait(t, name, synced(commit))
	}
	m.WaitGone(t, "v1", "ConfigMap", m.target, "goes")
	after := m.Get(t, "v1", "ConfigMap", m.target, "moves")
	if after == nil || after.GetUID() != before.GetUID() {
		t.Error("the object that was moved is another one now")
	}
}

// A replica that does not share the work, and those that do, never work at the same time: in the middle of an update both
// kinds are there.
func TestSharingWaitsForWhoLeadsAlone(t *testing.T) {
	home := clustertest.StartOwn(t)
	h := prepareOn(t, home.Cluster)
	repo := h.git.Repo(t, "mixed", map[string]string{"cm.yaml": configMap})
	name := h.name("mixed")
	run := func(who string, more ...string) *process {
		cfg := h.config(t)
		cfg.Kubeconfig, cfg.DataDir = h.asUser(t, who, "system:masters"), t.TempDir()
		return h.launch(t, cfg, who, more...)
	}
	old := run("hawser-old")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	young := run("hawser-young", "--sharding")
	said := func(p *process, words string) {
		t.Helper()
		clustertest.Wait(t, words, func(context.Context) error {
			if text, _ := os.ReadFile(p.log); !strings.Contains(string(text), words) {
				return fmt.Errorf("not said: %s", words)
			}
			return nil
		})
	}
	said(young, "a replica leads that does not share the work")
	push := func(colour string) {
		t.Helper()
		commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", colour, 1)}, colour)
		h.refresh(t, name)
		h.wait(t, name, synced(commit))
	}
	push("red")
	old.kill(t)
	push("green")
	late := run("hawser-late")
	said(late, "another replica leads; waiting")
	push("white")
	time.Sleep(5 * time.Second) // more than twice the time after which it would take a lead that is not kept
	push("black")
	young.kill(t)
	push("yellow")
	var story []string
	for _, a := range home.Audit(t) {
		if a.Object.Namespace == h.target && a.Object.Resource == "configmaps" && a.Accepted() && strings.HasPrefix(a.Who(), "hawser-") && (len(story) == 0 || story[len(story)-1] != a.Who()) {
			story = append(story, a.Who())
		}
	}
	if d := cmp.Diff([]string{"hawser-old", "hawser-young", "hawser-late"}, story); d != "" {
		t.Error("who wrote, one after the other: ", d)
	}
}

// The judge must find what is wrong.
func TestJudgeOfSharedWorkFindsWhatIsWrong(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 11, 28, 12, 0, second, 0, time.UTC) }
	lease := func(second int, holder, slice, slices string) *coordinationv1.Lease {
		l := &coordinationv1.Lease{}
		l.Annotations = map[string]string{"hawser.dev/cluster": "https://kubernetes.default.svc", "hawser.dev/slice": slice}
		if slices != "" {
			l.Annotations["hawser.dev/slices"] = slices
		}
		l.Spec.HolderIdentity, l.Spec.AcquireTime = &holder, &metav1.MicroTime{Time: at(second)}
		return l
	}
	write := func(second int, who, resource, namespace, name string) clustertest.Audited {
		a := clustertest.Audited{Verb: "patch", Received: at(second), Done: at(second)}
		a.User.Username, a.Answer.Code = who, 200
		a.Object.Resource, a.Object.Namespace, a.Object.Name = resource, namespace, name
		return a
	}
	m := &team{hawser: &hawser{control: "argocd", target: "shop"}, apps: map[string]shardApp{}}
	var names [2]string // of applications in either slice
	for i := 0; names[0] == "" || names[1] == ""; i++ {
		name := fmt.Sprint("app", i)
		m.apps[name] = shardApp{server: "https://kubernetes.default.svc"}
		names[shard.SliceOf("argocd", name, 2)] = name
	}
	// one owns all, cuts in two at 10 and gives the second slice to two at 20; the first is taken by three at 40
	ledger := []*coordinationv1.Lease{lease(0, "hawser-1-aa", "0", "1"), lease(9, "hawser-1-aa", "1", ""), lease(10, "hawser-1-aa", "0", "2"),
		lease(20, "hawser-2-bb", "1", ""), lease(40, "hawser-3-cc", "0", "2")}
	for _, c := range []struct {
		name string
		log  clustertest.Audited
		want string
	}{
		{"all is one's", write(5, "hawser-1", "applications", "argocd", names[1]), ""},
		{"its slice", write(25, "hawser-2", "configmaps", "shop", names[1]+"-cm"), ""},
		{"somebody else", write(25, "ada", "configmaps", "shop", names[1]+"-cm"), ""},
		{"given away", write(21, "hawser-1", "configmaps", "shop", names[1]+"-last"), "patch configmaps/" + names[1] + "-last"},
		{"not yet given", write(19, "hawser-2", "applications", "argocd", names[1]), "patch applications/" + names[1]},
		{"another's slice", write(25, "hawser-2", "applications", "argocd", names[0]), "patch applications/" + names[0]},
		{"taken over", write(41, "hawser-1", "applications", "argocd", names[0]), "patch applications/" + names[0]},
		{"who took over", write(41, "hawser-3", "applications", "argocd", names[0]), ""},
		{"never heard of", write(41, "hawser-3", "configmaps", "shop", "stranger"), "patch configmaps/stranger in cluster 0 by hawser-3: nobody's"},
	} {
		_, broken := m.outside(ledger, []clustertest.Audited{c.log}, nil)
		if c.want == "" && len(broken) > 0 || c.want != "" && (len(broken) != 1 || !strings.HasPrefix(broken[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, broken, c.want)
		}
	}
}

// ask sends a request to a replica, as the admin, and returns the answer.
func (m *team) ask(t *testing.T, replica, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(m.replicas[replica].log)
	if err != nil {
		t.Fatal(err)
	}
	at := listens.FindSubmatch(text)
	if at == nil {
		t.Fatalf("%s does not answer yet", replica)
	}
	secret, err := m.Client.CoreV1().Secrets(m.control).Get(t.Context(), "argocd-initial-admin-secret", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	send := func(verb, path, token, body string, into any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), verb, "http://"+string(at[1])+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if r.Header.Set("Content-Type", "application/json"); token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || json.Unmarshal(data, into) != nil {
			t.Fatalf("%s %s: %s %s %v", verb, path, res.Status, data, err)
		}
	}
	var session struct{ Token string }
	send("POST", "/api/v1/session", "", fmt.Sprintf(`{"username":"admin","password":%q}`, secret.Data["password"]), &session)
	send("GET", path, session.Token, "", into)
}

// Every replica says who looks at an application. One whose owner is gone, and which nobody can take over, is Unknown, with
// the reason, though its record says Synced; and it is Synced again when somebody looks at it.
func TestAnApplicationThatNobodyLooksAtIsUnknown(t *testing.T) {
	m := gather(t, 1)
	able := m.start(t)
	m.settle(t, 3)
	name := m.name("kept")
	m.repo.Commit(t, map[string]string{name + "/cm.yaml": configMap}, "One")
	m.apply(t, app{name: name, repo: m.repo.URL, path: name, auto: "{prune: true, selfHeal: true}"})
	m.wait(t, name, synced(m.repo.Head(t)))
	// a replica that may read everything and take nothing
	m.Apply(t, "", `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: reader}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}, subjects: [{kind: User, name: hawser-reader, apiGroup: rbac.authorization.k8s.io}]}`)
	cfg := m.cfg
	cfg.Kubeconfig, cfg.DataDir = m.asUser(t, "hawser-reader"), t.TempDir()
	m.replicas["hawser-reader"] = m.launch(t, cfg, "hawser-reader", "--sharding", "--install-crds=false")
	clustertest.Wait(t, "the reader answers", func(context.Context) error {
		if text, _ := os.ReadFile(m.replicas["hawser-reader"].log); !listens.Match(text) {
			return errors.New("not yet")
		}
		return nil
	})
	get := func(replica string) *v1alpha1.Application {
		t.Helper()
		a := &v1alpha1.Application{}
		m.ask(t, replica, "/api/v1/applications/"+name, a)
		return a
	}
	for _, replica := range []string{able, "hawser-reader"} {
		a := get(replica)
		if r := a.Status.Reconciler; r == nil || r.Replica != able || r.Unit != "https://kubernetes.default.svc" || r.At == nil || a.Status.Sync.Status != v1alpha1.SyncStatusSynced {
			t.Errorf("%s says %+v, %s", replica, r, a.Status.Sync.Status)
		}
	}
	m.replicas[able].kill(t)
	delete(m.replicas, able)
	clustertest.Wait(t, "Unknown", func(context.Context) error {
		a := get("hawser-reader")
		if got := a.Status.Sync.Status; got != v1alpha1.SyncStatusUnknown {
			return fmt.Errorf("it is %s", got)
		}
		if wrong := condition(v1alpha1.ConditionComparisonError, "nobody has reconciled it since", able+", which owned https://kubernetes.default.svc, is gone")(a); wrong != "" {
			return errors.New(wrong)
		}
		return nil
	})
	var list v1alpha1.ApplicationList
	for query, want := range map[string]int{"sync=Unknown": 1, "sync=Synced": 0} {
		m.ask(t, "hawser-reader", "/api/v1/applications?"+query, &list)
		if len(list.Items) != want {
			t.Errorf("%s lists %d", query, len(list.Items))
		}
	}
	if recorded := m.get(t, name); recorded.Status.Sync.Status != v1alpha1.SyncStatusSynced || recorded.Status.Reconciler != nil {
		t.Errorf("the record was changed: %+v", recorded.Status)
	}
	next := m.start(t)
	clustertest.Wait(t, "Synced again", func(context.Context) error {
		if a := get("hawser-reader"); a.Status.Sync.Status != v1alpha1.SyncStatusSynced || a.Status.Reconciler.Replica != next {
			return fmt.Errorf("%s, %+v", a.Status.Sync.Status, a.Status.Reconciler)
		}
		return nil
	})
}

// ApplicationSets are one replica's: when it is gone another goes on with them, and what they make is deployed by whoever
// owns its cluster.
func TestApplicationSetsWhereReplicasShareTheWork(t *testing.T) {
	m := gather(t, 1)
	for range 3 {
		m.start(t)
	}
	m.settle(t, 3)
	m.repo.Commit(t, map[string]string{"one/cm.yaml": configMap, "two/cm.yaml": strings.Replace(configMap, "settings", "two", 1)}, "Two directories")
	set := func(directories string) {
		t.Helper()
		m.Apply(t, m.control, fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: made}
spec:
  goTemplate: true
  generators: [{git: {repoURL: %[1]s, revision: main, directories: [%[3]s]}}]
  template:
    metadata: {name: 'made-{{ .path.basename }}'}
    spec:
      project: default
      source: {repoURL: %[1]s, targetRevision: main, path: '{{ .path.path }}'}
      destination: {server: '%[4]s', namespace: %[2]s}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`, m.repo.URL, m.target, directories, m.away.Config.Host))
	}
	set("{path: one}")
	m.madeBy(t, "made", "one")
	m.wait(t, "made-one", synced(m.repo.Head(t)))
	owner := replicaOfTurn(m.balance(t)[shard.Sets])
	m.replicas[owner].kill(t)
	delete(m.replicas, owner)
	set("{path: one}, {path: two}")
	m.madeBy(t, "made", "one", "two")
	for _, name := range []string{"made-one", "made-two"} {
		m.wait(t, name, synced(m.repo.Head(t)))
	}
	if next := replicaOfTurn(m.balance(t)[shard.Sets]); next == owner || m.replicas[next] == nil {
		t.Errorf("%s owns the sets", next)
	}
	if m.away.Get(t, "v1", "ConfigMap", m.target, "two") == nil {
		t.Error("what the set made was not deployed")
	}
}
