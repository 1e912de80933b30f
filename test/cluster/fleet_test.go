package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	"github.com/hawser-cd/hawser/internal/gittest"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// register writes the Secret of a cluster, as people do by hand; more is added to its data.
func (h *hawser) register(t testing.TB, name, server string, config *rest.Config, more map[string]string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"bearerToken": config.BearerToken, "tlsClientConfig": map[string]any{"caData": config.CAData, "certData": config.CertData, "keyData": config.KeyData}})
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"name": name, "server": server, "config": string(text)}
	for k, v := range more {
		data[k] = v
	}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "stringData": data}}
	o.SetName("cluster-" + name)
	o.SetLabels(map[string]string{"argocd.argoproj.io/secret-type": "cluster", "fleet": "yes", "role": name})
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	h.Apply(t, h.control, string(body))
}

func (h *hawser) unregister(t testing.TB, name string) {
	t.Helper()
	h.Delete(t, h.control, "{apiVersion: v1, kind: Secret, metadata: {name: cluster-"+name+"}}")
}

// unknown checks for an application whose cluster cannot be reached, with the words in its condition.
func unknown(words ...string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
			return "not Unknown"
		}
		return condition(v1alpha1.ConditionComparisonError, words...)(a)
	}
}

// TestAFleet is a platform in small: three Kubernetes, one instance, an ApplicationSet that makes one application for
// each registered cluster. One cluster dies: only its application is Unknown, and says since when and why, while the
// others go on deploying; it comes back, and so does its application, with what it missed. A Secret that is taken away
// takes its application along, and the last one is doubted.
func TestAFleet(t *testing.T) {
	east, west := clustertest.StartOwn(t), clustertest.StartOwn(t)
	h := prepare(t)
	for _, k := range []*clustertest.Own{east, west} {
		k.Apply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+h.target+"}}")
	}
	h.run(t)
	repo := h.git.Repo(t, "fleet", map[string]string{"cm.yaml": configMap})
	set := func(name, selector string) string {
		return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s}
spec:
  goTemplate: true
  generators: [{clusters: {%[4]s}}]
  template:
    metadata: {name: '%[1]s-{{ .nameNormalized }}'}
    spec:
      project: default
      source: {repoURL: %[2]s, targetRevision: main, path: .}
      destination: {server: '{{ .server }}', namespace: %[3]s}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`, name, repo.URL, h.target, selector)
	}
	h.Apply(t, h.control, set("all", ""))
	h.madeBy(t, "all", "in-cluster")
	h.register(t, "east", east.Config.Host, east.Config, nil)
	h.register(t, "west", west.Config.Host, west.Config, nil)
	h.madeBy(t, "all", "east", "in-cluster", "west")
	for _, n := range []string{"in-cluster", "east", "west"} {
		h.wait(t, "all-"+n, synced(repo.Head(t)))
	}
	for _, k := range []*clustertest.Cluster{h.Cluster, east.Cluster, west.Cluster} {
		if k.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
			t.Errorf("nothing is in %s", k.Config.Host)
		}
	}

	west.Kill()
	h.wait(t, "all-west", unknown("cluster west", "is unreachable since", "connect"))
	repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "red", 1)}, "Red")
	h.hook(t, repo.URL)
	for _, n := range []string{"in-cluster", "east"} {
		h.wait(t, "all-"+n, synced(repo.Head(t)))
		if said := h.story("all-" + n); strings.Contains(said, "Synced → Unknown") {
			t.Errorf("%s was Unknown for another's cluster:\n%s", n, said)
		}
	}
	h.wait(t, "all-west", unknown("is unreachable since"))
	west.Restart(t)
	h.wait(t, "all-west", synced(repo.Head(t)))
	if o := west.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || fmt.Sprint(o.Object["data"]) != "map[colour:red]" {
		t.Errorf("it missed a commit: %v", o)
	}

	// a Secret that is gone takes the application along; what it deployed there can nobody reach any more
	h.unregister(t, "west")
	h.madeBy(t, "all", "east", "in-cluster")
	if west.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("it was deleted from a cluster that is not registered any more")
	}
	// a set that would be left with nothing is held
	h.Apply(t, h.control, set("solo", "selector: {matchLabels: {role: east}}"))
	h.madeBy(t, "solo", "east")
	h.wait(t, "solo-east", func(a *v1alpha1.Application) string { // the other set's application has its object
		if a.Status.ReconciledAt == nil {
			return "not looked at"
		}
		return ""
	})
	h.unregister(t, "east")
	h.waitSaid(t, "solo", "the generators yield nothing, and 1 applications would be deleted")
	h.madeBy(t, "solo", "east")
	if east.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("it was deleted from a cluster that is not registered any more")
	}
	h.register(t, "east", east.Config.Host, east.Config, nil) // by mistake, and put back
	h.madeBy(t, "all", "east", "in-cluster")
	clustertest.Wait(t, "one of the two applications has its object", func(context.Context) error { // the one that looked first
		all, solo := synced(repo.Head(t))(h.get(t, "all-east")), synced(repo.Head(t))(h.get(t, "solo-east"))
		if all != "" && solo != "" {
			return fmt.Errorf("all-east: %s, solo-east: %s", all, solo)
		}
		return nil
	})
}

// gateway carries bytes to a cluster, as long as it is open.
type gateway struct {
	net.Listener
	to string

	mu     sync.Mutex
	silent bool
	conns  []net.Conn
}

func newGateway(t testing.TB, to string) *gateway {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{to: u.Host}
	if g.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(); g.cut() })
	go g.serve(g.Listener)
	return g
}

func (g *gateway) serve(l net.Listener) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", g.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		g.mu.Lock()
		g.conns = append(g.conns, from, to)
		g.mu.Unlock()
		go g.carry(to, from)
		go g.carry(from, to)
	}
}

// carry passes bytes on, or swallows them while the gateway is silent.
func (g *gateway) carry(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		g.mu.Lock()
		silent := g.silent
		g.mu.Unlock()
		if n > 0 && !silent {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// fallSilent has everything vanish on the way, or ends that.
func (g *gateway) fallSilent(yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.silent = yes
}

func (g *gateway) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

func (g *gateway) url() string { return "https://" + g.Addr().String() }

// TestSickClusters: however a cluster is sick, only its application is Unknown, with the reason, and heals by itself;
// the other deploys as ever.
func TestSickClusters(t *testing.T) {
	h := start(t)
	through := newGateway(t, h.Config.Host)
	h.register(t, "gateway", through.url(), h.Config, nil)
	proxy := faultproxy.Start(t, h.Config)
	proxied, err := clientcmd.BuildConfigFromFlags("", proxy.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	h.register(t, "proxy", proxied.Host, proxied, nil)

	repo := h.git.Repo(t, "sick", map[string]string{"home/cm.yaml": configMap, "gateway/cm.yaml": configMap, "proxy/cm.yaml": configMap})
	apps := map[string]string{}
	for n, server := range map[string]string{"home": "https://kubernetes.default.svc", "gateway": through.url(), "proxy": proxied.Host} {
		apps[n] = h.name(n)
		target := h.Namespace(t)
		h.apply(t, app{name: apps[n], repo: repo.URL, path: n, auto: "{prune: true, selfHeal: true}", extra: fmt.Sprintf("destination: {server: %q, namespace: %s}", server, target)})
	}
	for _, n := range apps {
		h.wait(t, n, synced(repo.Head(t)))
	}
	generation := 0
	deploys := func(t *testing.T, n string) {
		t.Helper()
		generation++
		commit := repo.Commit(t, map[string]string{n + "/cm.yaml": strings.Replace(configMap, "blue", fmt.Sprint("blue-", generation), 1)}, "Change "+n)
		h.hook(t, repo.URL)
		h.wait(t, apps[n], synced(commit))
	}
	for _, c := range []struct {
		name, app string
		sick      func()
		words     []string
		well      func()
	}{
		{"silent", "gateway", func() { through.fallSilent(true) }, []string{"cluster gateway", "is unreachable since"}, func() { through.fallSilent(false); through.cut() }},
		{"refused", "gateway", func() { _ = through.Close(); through.cut() }, []string{"is unreachable since", "connection refused"}, func() {
			l, err := net.Listen("tcp", through.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go through.serve(l)
		}},
		{"5xx", "proxy", func() {
			proxy.Fault(func(faultproxy.Request) faultproxy.Fault { return faultproxy.Fault{Status: 500} })
			proxy.CutWatches()
		}, []string{"is unreachable since", "made up by faultproxy"}, func() { proxy.Fault(nil) }},
		{"too slow", "proxy", func() {
			proxy.Fault(func(faultproxy.Request) faultproxy.Fault { return faultproxy.Fault{Delay: time.Minute} })
			proxy.CutWatches()
		}, []string{"is unreachable since"}, func() { proxy.Fault(nil) }},
		{"credentials refused", "gateway", func() {
			h.register(t, "gateway", through.url(), &rest.Config{BearerToken: "expired", TLSClientConfig: rest.TLSClientConfig{CAData: h.Config.CAData}}, nil)
		}, []string{"is unreachable since", "nauthorized"}, func() { h.register(t, "gateway", through.url(), h.Config, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.sick()
			h.wait(t, apps[c.app], unknown(c.words...))
			deploys(t, "home")
			for n, name := range apps {
				if a := h.get(t, name); n != c.app && a.Status.Sync.Status == v1alpha1.SyncStatusUnknown {
					t.Errorf("%s is Unknown, too: %v", n, a.Status.Conditions)
				}
			}
			h.wait(t, apps[c.app], unknown(c.words...)) // not Synced by some old answer
			c.well()
			h.wait(t, apps[c.app], synced(""))
			deploys(t, c.app)
		})
	}

	// a Secret that cannot be used says which field, on its own application only
	h.register(t, "gateway", through.url(), h.Config, map[string]string{"config": `{"tlsClientConfig":{"caData":"bm8="}}`})
	h.wait(t, apps["gateway"], condition(v1alpha1.ConditionInvalidSpecError, "cluster Secret cluster-gateway", "config.tlsClientConfig.caData"))
	deploys(t, "home")
	h.register(t, "gateway", through.url(), h.Config, nil)
	h.wait(t, apps["gateway"], synced(""))
}

// TestNamespacedCluster: a cluster that is registered for some namespaces is used for these and no others, and nothing
// is written that could not be seen afterwards.
func TestNamespacedCluster(t *testing.T) {
	h := start(t)
	through := newGateway(t, h.Config.Host)
	other := h.Namespace(t)
	h.register(t, "part", through.url(), h.Config, map[string]string{"namespaces": h.target})
	repo := h.git.Repo(t, "part", map[string]string{"cm.yaml": configMap})
	inside, outside := h.name("inside"), h.name("outside")
	for name, namespace := range map[string]string{inside: h.target, outside: other} {
		h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: fmt.Sprintf("destination: {name: part, namespace: %s}", namespace)})
	}
	h.wait(t, inside, synced(repo.Head(t)))
	h.wait(t, outside, func(a *v1alpha1.Application) string {
		text, err := json.Marshal(a.Status)
		if err != nil || !strings.Contains(string(text), "is not managed") {
			return "it does not say that the namespace is not managed"
		}
		return ""
	})
	if h.Get(t, "v1", "ConfigMap", other, "settings") != nil {
		t.Error("written where nothing is read")
	}
	h.register(t, "part", through.url(), h.Config, map[string]string{"namespaces": h.target + "," + other})
	h.wait(t, outside, synced(repo.Head(t)))
}

// BenchmarkOthersWhileOneIsSilent is how long a push takes to be deployed to a cluster that is well, before and after
// another, with thirty applications, has fallen silent: with the median of both, and of the first seconds.
func BenchmarkOthersWhileOneIsSilent(b *testing.B) {
	c := clustertest.Start(b)
	h := prepareOn(b, c)
	h.run(b)
	through := newGateway(b, h.Config.Host)
	h.register(b, "sick", through.url(), h.Config, nil)
	files := map[string]string{"well/cm.yaml": configMap}
	for i := range 30 {
		files[fmt.Sprintf("sick/%d/cm.yaml", i)] = strings.Replace(configMap, "settings", fmt.Sprint("settings-", i), 1)
	}
	repo := h.git.Repo(b, "bench", files)
	there := h.Namespace(b)
	well := h.name("well")
	h.apply(b, app{name: well, repo: repo.URL, path: "well", auto: "{prune: true}"})
	var all []string
	for i := range 30 {
		name := h.name(fmt.Sprint("sick-", i))
		all = append(all, name)
		h.apply(b, app{name: name, repo: repo.URL, path: fmt.Sprint("sick/", i), auto: "{prune: true}", extra: fmt.Sprintf("destination: {server: %q, namespace: %s}", through.url(), there)})
	}
	for _, name := range append([]string{well}, all...) {
		h.wait(b, name, synced(repo.Head(b)))
	}
	n := 0
	push := func() time.Duration { return h.pushed(b, repo, &n) }
	median := func(times int) time.Duration {
		var list []time.Duration
		for range times {
			list = append(list, push())
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	const times = 15
	b.ResetTimer()
	before := median(times)
	through.fallSilent(true)
	first := median(times) // nobody knows yet
	for _, name := range all {
		h.wait(b, name, unknown("is unreachable since"))
	}
	after := median(times)
	b.ReportMetric(float64(before.Milliseconds()), "ms/before")
	b.ReportMetric(float64(first.Milliseconds()), "ms/unnoticed")
	b.ReportMetric(float64(after.Milliseconds()), "ms/dead")
	b.ReportMetric(0, "ns/op")
}

// pushed is how long a push takes until the cluster has it; all applications read the repository, and look at it.
func (h *hawser) pushed(t testing.TB, repo *gittest.Repo, n *int) time.Duration {
	t.Helper()
	*n++
	want := fmt.Sprint("v", *n)
	files := map[string]string{"well/cm.yaml": strings.Replace(configMap, "blue", want, 1)}
	for i := range 30 {
		files[fmt.Sprintf("sick/%d/cm.yaml", i)] = strings.Replace(strings.Replace(configMap, "settings", fmt.Sprint("settings-", i), 1), "blue", want, 1)
	}
	repo.Commit(t, files, "Push "+want)
	began := time.Now()
	h.hook(t, repo.URL)
	clustertest.Wait(t, "the push", func(context.Context) error {
		if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || fmt.Sprint(o.Object["data"]) != "map[colour:"+want+"]" {
			return fmt.Errorf("not there")
		}
		return nil
	})
	return time.Since(began)
}
