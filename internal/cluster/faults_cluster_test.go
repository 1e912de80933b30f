package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

var configMaps = schema.GroupKind{Kind: "ConfigMap"}

func TestAPIServerDiesAndComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster of its own")
	}
	k := clustertest.StartOwn(t)
	ns := k.Namespace(t)
	c, r := open(t, k.Config, nil)
	instance := "dies-" + ns
	apply(t, c, tracked(t, instance, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {x: one}}"))
	apply(t, c, tracked(t, instance, ns, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}}}"))
	k.WaitFor(t, "apps/v1", "Deployment", ns, "d", clustertest.Condition("Available", "True"))
	if st := c.State(); !st.Connected || len(st.Errors) > 0 {
		t.Fatalf("state: %+v", st)
	}
	objects := c.State().Objects

	k.Kill()
	began := time.Now()
	eventually(t, "the loss to be noticed", func() error {
		if c.State().Connected {
			return errors.New("still connected")
		}
		return nil
	})
	t.Logf("noticed after %v", time.Since(began))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("noticed after %v", took)
	}
	// A dead server proves nothing about its objects.
	if len(c.Live(instance)) != 2 || !problem.Is(c.KindErr(configMaps), problem.Unavailable) {
		t.Errorf("live %d, kind error %v", len(c.Live(instance)), c.KindErr(configMaps))
	}
	_, err := c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "+ns+"}}")})
	var refusal *cluster.Refusal
	if !errors.As(err, &refusal) || refusal.Ambiguous || !problem.Is(err, problem.Unavailable) {
		t.Errorf("a write that cannot have arrived: %v", err)
	}

	k.Restart(t)
	began = time.Now()
	k.Apply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}")
	eventually(t, "the return", func() error {
		if _, ok := c.Get(object.Key{Kind: "ConfigMap", Namespace: ns, Name: "new"}); !ok {
			return fmt.Errorf("the new object is unknown; %+v", c.State())
		}
		return c.KindErr(configMaps)
	})
	t.Logf("back after %v", time.Since(began))
	eventually(t, "every kind to be followed again", func() error {
		if errs := c.State().Errors; len(errs) > 0 {
			return fmt.Errorf("%v", errs)
		}
		return c.KindErr(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	})
	if len(c.Live(instance)) != 2 {
		t.Errorf("live: %v", c.Live(instance))
	}
	if after := c.State().Objects; after < objects {
		t.Errorf("%d objects, before %d", after, objects)
	}
	for _, e := range r.of(func(e cluster.Event) bool { return e.Key.Namespace == ns && e.New == nil }) {
		t.Errorf("%s was taken for deleted", e.Key)
	}
}

// The cluster is set up anew behind the same address: its resource versions begin from one again.
func TestAnotherClusterAtTheSameAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster of its own")
	}
	k := clustertest.StartOwn(t)
	ns := k.Namespace(t)
	c, r := open(t, k.Config, nil)
	instance := "anew-" + ns
	for i := range 50 {
		apply(t, c, tracked(t, instance, ns, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {x: '%d'}}", i)))
	}
	apply(t, c, tracked(t, instance, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: lost}}"))
	k.Kill()
	if err := os.RemoveAll(filepath.Join(filepath.Dir(k.Kubeconfig), "etcd")); err != nil {
		t.Fatal(err)
	}
	k.Restart(t)
	k.Apply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+ns+"}}")
	o, _ := json.Marshal(tracked(t, instance, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {x: new}}"))
	k.Apply(t, ns, string(o))
	eventually(t, "the new cluster's content", func() error {
		live := c.Live(instance)
		if len(live) != 1 || live[object.Key{Kind: "ConfigMap", Namespace: ns, Name: "kept"}].Object["data"].(map[string]any)["x"] != "new" {
			return fmt.Errorf("live: %v", live)
		}
		return c.KindErr(configMaps)
	})
	apply(t, c, tracked(t, instance, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: more}}"))
	if len(c.Live(instance)) != 2 {
		t.Errorf("live: %v", c.Live(instance))
	}
	for _, e := range r.of(func(e cluster.Event) bool { return e.Key.Namespace == ns && e.New == nil }) {
		t.Errorf("%s was taken for deleted", e.Key)
	}
}

// link is a wire to the API server that can fall silent, as a firewall does that forgets a connection.
type link struct {
	listener net.Listener
	mu       sync.Mutex
	silent   chan struct{} // closed when the connections made so far carry nothing more
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, silent: make(chan struct{})}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			silent := l.silent
			l.mu.Unlock()
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			for _, ends := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() {
					defer ends[1].Close()
					buffer := make([]byte, 32<<10)
					for {
						n, err := ends[0].Read(buffer)
						if err != nil {
							return
						}
						select {
						case <-silent: // swallowed; the sender is told nothing
						default:
							if _, err = ends[1].Write(buffer[:n]); err != nil {
								return
							}
						}
					}
				}()
			}
		}
	}()
	return l
}

func (l *link) fallSilent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.silent)
	l.silent = make(chan struct{})
}

func TestSilentConnectionIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a timeout")
	}
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	server, err := url.Parse(k.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(t, server.Host)
	config := rest.CopyConfig(k.Config)
	config.Host = "https://" + l.listener.Addr().String()
	c, _ := open(t, config, nil)
	l.fallSilent()
	began := time.Now()
	k.Apply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: meanwhile}}")
	eventually(t, "what happened in the silence", func() error {
		if _, ok := c.Get(object.Key{Kind: "ConfigMap", Namespace: ns, Name: "meanwhile"}); !ok {
			return fmt.Errorf("unknown; connected %v", c.State().Connected)
		}
		return c.KindErr(configMaps)
	})
	t.Logf("known after %v", time.Since(began))
}

const deadConversion = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: brokens.dead.test}
spec:
  group: dead.test
  scope: Namespaced
  names: {kind: Broken, plural: brokens, singular: broken, listKind: BrokenList}
  versions:
  - {name: v1, served: true, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {url: "https://127.0.0.1:1/convert"}
`

// One dead conversion webhook must not take the other kinds with it (fault F-14).
func TestDeadConversionWebhookHarmsItsOwnKindOnly(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	k.Apply(t, ns, deadConversion)
	t.Cleanup(func() {
		_ = k.Client.Discovery().RESTClient().Delete().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/brokens.dead.test").Do(context.Background()).Error()
	})
	k.Apply(t, ns, "{apiVersion: dead.test/v1alpha1, kind: Broken, metadata: {name: b}}") // stored so, and read as v1
	began := time.Now()
	c, _ := open(t, k.Config, nil)
	t.Logf("synced after %v", time.Since(began))
	gk := schema.GroupKind{Group: "dead.test", Kind: "Broken"}
	eventually(t, "the kind to be reported", func() error {
		st := c.State()
		for gvk, err := range st.Errors {
			if gvk.GroupKind() != gk {
				return fmt.Errorf("%s fails too: %v", gvk, err)
			}
		}
		err := c.KindErr(gk)
		if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "conversion webhook") {
			return fmt.Errorf("kind error %v", err)
		}
		return nil
	})
	instance := "near-" + ns
	apply(t, c, tracked(t, instance, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"))
	if len(c.Live(instance)) != 1 {
		t.Errorf("live %v", c.Live(instance))
	}
	eventually(t, "ConfigMaps to be whole", func() error { return c.KindErr(configMaps) })
}

// A service account that may read some kinds only.
func TestForbiddenKindsAreReported(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	k.Apply(t, ns, strings.ReplaceAll(`
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: NAME}, rules: [{apiGroups: [""], resources: [configmaps, services], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: NAME}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: NAME}, subjects: [{kind: ServiceAccount, name: default, namespace: NAME}]}
`, "NAME", ns))
	t.Cleanup(func() {
		for _, kind := range []string{"clusterrolebindings", "clusterroles"} {
			_ = k.Client.RbacV1().RESTClient().Delete().Resource(kind).Name(ns).Do(context.Background()).Error()
		}
	})
	config := rest.CopyConfig(k.Config)
	config.Impersonate.UserName = "system:serviceaccount:" + ns + ":default"
	c, _ := open(t, config, nil)
	if err := c.KindErr(configMaps); err != nil {
		t.Error(err)
	}
	secrets := schema.GroupKind{Kind: "Secret"}
	if err := c.KindErr(secrets); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("secrets: %v", err)
	}
	if c.State().Errors[secrets.WithVersion("v1")] == nil {
		t.Error("State does not tell")
	}
	_, err := c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "+ns+"}}")})
	if !problem.Is(err, problem.Forbidden) {
		t.Errorf("write: %v", err)
	}
	// The right is given: nobody need restart anything.
	k.Apply(t, ns, strings.ReplaceAll(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: NAME}, rules: [{apiGroups: [""], resources: [configmaps, services, secrets], verbs: [get, list, watch]}]}`, "NAME", ns))
	eventually(t, "the secrets", func() error { return c.KindErr(secrets) })
}

func TestSettingsDecideWhatIsRead(t *testing.T) {
	k := clustertest.Start(t)
	ns, other := k.Namespace(t), k.Namespace(t)
	for _, n := range []string{ns, other} {
		k.Apply(t, n, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: a}}")
	}
	here, there := object.Key{Kind: "ConfigMap", Namespace: ns, Name: "a"}, object.Key{Kind: "ConfigMap", Namespace: other, Name: "a"}
	lease := object.Key{Group: "coordination.k8s.io", Kind: "Lease", Namespace: ns, Name: "a"}
	namespace := object.Key{Kind: "Namespace", Name: ns}
	c, _ := open(t, k.Config, func(o *cluster.Options) { o.Settings.Namespaces = []string{ns} })
	has := func(want map[object.Key]bool) func() error {
		return func() error {
			for key, w := range want {
				if _, ok := c.Get(key); ok != w {
					return fmt.Errorf("%s in the index: %v", key, ok)
				}
				if err := c.KindErr(key.GroupKind()); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err := has(map[object.Key]bool{here: true, there: false, lease: false, namespace: false})(); err != nil {
		t.Error(err)
	}
	if kind, ok := c.Kind(lease.GroupKind()); !ok || !kind.Excluded {
		t.Errorf("Lease: %+v", kind)
	}
	c.Configure(cluster.Settings{Namespaces: []string{ns, other}, ClusterResources: true, Exclusions: []cluster.Filter{}})
	eventually(t, "more to be read", has(map[object.Key]bool{here: true, there: true, lease: true, namespace: true}))
	c.Configure(cluster.Settings{Exclusions: []cluster.Filter{{Kinds: []string{"Config*"}}}})
	eventually(t, "ConfigMaps to be left alone", has(map[object.Key]bool{here: false, there: false, lease: true, namespace: true}))
	c.Configure(cluster.Settings{Inclusions: []cluster.Filter{{APIGroups: []string{""}, Kinds: []string{"ConfigMap"}}}})
	eventually(t, "ConfigMaps alone", has(map[object.Key]bool{here: true, there: true, lease: false, namespace: false}))
}

func TestTrackingMethodChanges(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	instance := "label-" + ns
	o := object.Tracking{Method: "label"}.Mark(parse(t, "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a, namespace: "+ns+"}, spec: {maxUnavailable: 1, selector: {}}}"), instance, ns)
	text, _ := json.Marshal(o)
	k.Apply(t, ns, string(text))
	c, _ := open(t, k.Config, nil)
	if len(c.Live(instance)) > 0 {
		t.Fatal("tracked by a label under annotation tracking")
	}
	c.Configure(cluster.Settings{Tracking: object.Tracking{Method: "label"}})
	eventually(t, "the labelled object", func() error {
		live := c.Live(instance)[object.KeyOf(o)]
		if live == nil || live.Object["spec"] == nil {
			return fmt.Errorf("live: %v; %v", live, c.KindErr(object.KeyOf(o).GroupKind()))
		}
		return nil
	})
}

func TestFleet(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := cluster.NewFleet(ctx)
	t.Cleanup(func() {
		list := f.Clusters()
		cancel()
		for _, c := range list {
			c.Wait()
		}
	})
	own := cluster.Options{Name: "in-cluster", Server: cluster.InCluster, REST: k.Config}
	dead := cluster.Options{Name: "dead", Server: "https://127.0.0.1:1", REST: &rest.Config{Host: "https://127.0.0.1:1"}}
	f.Set(own, dead)
	c, err := f.Cluster(cluster.InCluster + "/")
	if err != nil {
		t.Fatal(err)
	}
	patience, done := context.WithTimeout(ctx, clustertest.Patience)
	defer done()
	if err := c.Synced(patience); err != nil {
		t.Fatal(err)
	}
	apply(t, c, tracked(t, "fleet-"+ns, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"))
	d, err := f.Named("dead")
	if err != nil {
		t.Fatal(err)
	}
	moment, over := context.WithTimeout(ctx, 100*time.Millisecond)
	defer over()
	if err := d.Synced(moment); !problem.Is(err, problem.Unavailable) || !problem.Is(d.KindErr(configMaps), problem.Unavailable) || d.State().Connected {
		t.Errorf("dead: %v, %+v", err, d.State())
	}
	if _, err := f.Cluster("https://unknown"); !problem.Is(err, problem.NotFound) {
		t.Errorf("unknown: %v", err)
	}

	own.Settings.Exclusions = []cluster.Filter{{Kinds: []string{"ConfigMap"}}}
	f.Set(own)
	if again, _ := f.Cluster(cluster.InCluster); again != c {
		t.Error("new settings must not open the cluster anew")
	}
	eventually(t, "the new settings", func() error {
		if len(c.Live("fleet-"+ns)) > 0 {
			return errors.New("the excluded kind is still live")
		}
		return nil
	})
	d.Wait() // the record is gone, and so are its goroutines
	own.REST = rest.CopyConfig(k.Config)
	own.REST.BearerToken = "another"
	f.Set(own)
	if again, _ := f.Cluster(cluster.InCluster); again == c {
		t.Error("other credentials need another connection")
	}
	c.Wait()
}
