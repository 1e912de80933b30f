package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
	m.replicas[name] = m.launch(t, cfg, name, "--sharding")
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

func cargoOf(app, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s-cm}\ndata: {v: %s}\n", app, value)
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
				if a.away == away && live[name+"-cm"] != m.values[name] {
					wrong = append(wrong, fmt.Sprintf("%s has %q and not %q", name, live[name+"-cm"], m.values[name]))
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
	type owned struct {
		from, until time.Time // from when its taking was asked for, until the next one's was
		holder      string
	}
	type sliced struct {
		at time.Time
		n  int
	}
	tenures, cuts := map[shard.Unit][]owned{}, map[string][]sliced{}
	m.mu.Lock()
	ledger := m.ledger
	m.mu.Unlock()
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
	home := m.home.Audit(t)
	for i, log := range [][]clustertest.Audited{home, m.away.Audit(t)} {
		for _, a := range log {
			if !strings.HasPrefix(a.Who(), "hawser-") || !a.Accepted() || a.Object.Resource == "leases" || a.Object.Resource == "events" {
				continue
			}
			name := a.Object.Name
			if a.Object.Resource == "configmaps" && a.Object.Namespace == m.target {
				name = strings.TrimSuffix(name, "-cm")
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

// Three replicas share two clusters, one of which is cut into two. Replicas are killed, stopped and continued, ended and
// added at random, and commits are pushed meanwhile. HAWSER_TEST_KILLS says how often (8).
func TestReplicasShareTheWork(t *testing.T) {
	kills := 8
	if text := os.Getenv("HAWSER_TEST_KILLS"); text != "" {
		fmt.Sscan(text, &kills)
	}
	const cut = 2
	m := gather(t, cut)
	for range 3 {
		m.start(t)
	}
	m.settle(t, cut+2)
	m.fill(t, cut)
	t.Logf("%d applications deployed after %.1f s", len(m.apps), m.deployed(t).Seconds())
	var longest, slowest time.Duration
	for i := range kills {
		names := make([]string, 0, len(m.replicas))
		for name := range m.replicas {
			names = append(names, name)
		}
		sort.Strings(names)
		victim := names[rand.IntN(len(names))]
		p := m.replicas[victim]
		what := []string{"killed", "stopped and continued", "ended", "added"}[rand.IntN(4)]
		if len(names) >= 4 && what == "added" {
			what = "killed"
		}
		switch what {
		case "killed":
			delete(m.replicas, victim)
			p.kill(t)
		case "ended":
			delete(m.replicas, victim)
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		case "stopped and continued":
			delete(m.replicas, victim)
			if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		case "added":
			victim = m.start(t)
		}
		m.push(t, 12, fmt.Sprintf("v%d", i+1))
		owned := m.settle(t, cut+2)
		switch what {
		case "killed", "ended":
			if len(m.replicas) < 3 {
				m.start(t)
			}
		case "stopped and continued":
			time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
			if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
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
	if judged < kills*12 {
		t.Errorf("only %d writes were judged", judged)
	}
	t.Logf("%d times: units without an owner for at most %.1f s, commits deployed within %.1f s; %d writes judged, %d of them outside of ownership", kills, longest.Seconds(), slowest.Seconds(), judged, len(broken))
}
