package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// account makes a service account with all rights and returns how to connect without credentials, and one of its tokens
// each time that token is called.
func account(t *testing.T, k *clustertest.Cluster, ns, name string) (config *rest.Config, token func() string) {
	t.Helper()
	k.Apply(t, ns, fmt.Sprintf(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: %[2]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s-%[2]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: %[2]s, namespace: %[1]s}]
`, ns, name))
	t.Cleanup(func() {
		_ = k.Client.RbacV1().ClusterRoleBindings().Delete(context.Background(), ns+"-"+name, metav1.DeleteOptions{})
	})
	return rest.AnonymousClientConfig(k.Config), func() string {
		t.Helper()
		seconds := int64(3600)
		r, err := k.Client.CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Status.Token
	}
}

// script writes a program that runs body.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

const tokenSaid = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}`

// A program's token, or certificate, is as good as one in the record; when the server refuses it the program is asked
// anew, and one that fails says why where people look.
func TestCredentialsByAProgram(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	config, token := account(t, k, ns, "robot")
	file := filepath.Join(t.TempDir(), "said")
	say := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	by := func(body string) *rest.Config {
		c := rest.CopyConfig(config)
		c.ExecProvider = &api.ExecConfig{Command: script(t, body), InteractiveMode: api.NeverExecInteractiveMode}
		return c
	}
	say("")
	f := fleetOf(t)
	f.Set(cluster.Options{Name: "a", Server: "https://a", REST: by("[ -s " + file + " ] || { echo 'no connection to the identity provider' >&2; exit 1; }\ncat " + file), OnEvent: func(cluster.Event) {}, OnKinds: func([]schema.GroupKind) {}})
	c, err := f.Cluster("https://a")
	if err != nil {
		t.Fatal(err)
	}
	clustertest.Wait(t, "the program's failure in the state", func(context.Context) error {
		if st := c.State(); st.Connected || st.Err == nil || !strings.Contains(st.Err.Error(), "no connection to the identity provider") {
			return fmt.Errorf("%v", st.Err)
		}
		return nil
	})
	_, err = c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "+ns+"}}")})
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("a write without credentials: %v", err)
	}
	say(fmt.Sprintf(tokenSaid, token()))
	synced(t, c)
	apply(t, c, parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "+ns+"}}"))

	if version, err := cluster.Probe(t.Context(), by("cat "+file)); err != nil || version == "" {
		t.Errorf("probe: %q, %v", version, err)
	}
	if _, err := cluster.Probe(t.Context(), by("printf '"+tokenSaid+"' wrong")); err == nil {
		t.Error("probe with a wrong token says nothing")
	}

	certificate, key := k.Config.CertData, k.Config.KeyData
	if len(certificate) == 0 {
		t.Fatal("the test cluster's administrator has no certificate")
	}
	text := func(pem []byte) string { return strings.ReplaceAll(string(pem), "\n", `\n`) }
	said := filepath.Join(t.TempDir(), "certificate")
	if err := os.WriteFile(said, []byte(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientCertificateData":"`+text(certificate)+`","clientKeyData":"`+text(key)+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ = open(t, by("cat "+said), nil)
	synced(t, c)
	apply(t, c, parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: "+ns+"}}"))
}

func synced(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Synced(ctx); err != nil {
		t.Fatal(err)
	}
}

// fleetOf opens clusters and closes them with the test.
func fleetOf(t *testing.T) (f *cluster.Fleet) {
	ctx, cancel := context.WithCancel(context.Background())
	f = cluster.NewFleet(ctx)
	t.Cleanup(func() {
		list := f.Clusters()
		cancel()
		for _, c := range list {
			c.Wait()
		}
	})
	return f
}

// TestAnotherTokenAtOnce: a token that is replaced in the record takes effect without a new list, and the rights are the
// new one's; the other clusters do not notice.
func TestAnotherTokenAtOnce(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	config, first := account(t, k, ns, "first")
	_, second := account(t, k, ns, "second")
	named := func(name string, token string) cluster.Options {
		c := rest.CopyConfig(config)
		c.BearerToken = token
		return cluster.Options{Name: name, Server: "https://" + name, REST: c, Masker: object.Masker{Key: []byte("k")}, OnEvent: func(cluster.Event) {}, OnKinds: func([]schema.GroupKind) {}}
	}
	f := fleetOf(t)
	stays := first()
	f.Set(named("a", first()), named("b", stays))
	get := func(name string) *cluster.Cluster {
		t.Helper()
		c, err := f.Cluster("https://" + name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := get("a"), get("b")
	synced(t, a)
	synced(t, b)
	f.Set(named("a", second()), named("b", stays))
	if get("a") != a || get("b") != b {
		t.Fatal("a cluster was opened anew for a token")
	}
	if st := a.State(); !st.Connected || !st.Synced || st.Objects == 0 {
		t.Errorf("what was known is forgotten: %+v", st)
	}
	k.Delete(t, ns, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: first}}") // the first account ends: only the new one can have done what follows
	apply(t, a, parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: after, namespace: "+ns+"}}"))
	k.Apply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: news}}")
	clustertest.Wait(t, "news by the watch as the second account", func(context.Context) error {
		if _, ok := a.Get(object.Key{Kind: "ConfigMap", Namespace: ns, Name: "news"}); !ok {
			return fmt.Errorf("not there")
		}
		return nil
	})

	// a wrong one makes the cluster unreachable, with the reason, and only it; a good one heals it
	f.Set(named("a", "wrong"), named("b", stays))
	clustertest.Wait(t, "the refusal of a wrong token", func(context.Context) error {
		if st := a.State(); st.Connected || st.Err == nil || !strings.Contains(st.Err.Error(), "nauthorized") {
			return fmt.Errorf("%v, %v", st.Connected, st.Err)
		}
		return nil
	})
	f.Set(named("a", second()), named("b", stays))
	clustertest.Wait(t, "the return", func(context.Context) error {
		if st := a.State(); !st.Connected {
			return fmt.Errorf("%v", st.Err)
		}
		return a.KindErr(schema.GroupKind{Kind: "ConfigMap"})
	})
}

// TestProxiedClustersStayOpen: a cluster behind a proxy is reached through it, and is not opened anew whenever some
// record changes.
func TestProxiedClustersStayOpen(t *testing.T) {
	k := clustertest.Start(t)
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only tunnels", http.StatusMethodNotAllowed)
			return
		}
		tunnels.Add(1)
		tunnel(w, r)
	}))
	t.Cleanup(proxy.Close)
	address, _ := url.Parse(proxy.URL)
	record := func(proxy *url.URL, namespaces ...string) cluster.Options {
		c := rest.CopyConfig(k.Config)
		c.Proxy = http.ProxyURL(proxy) // made anew each time a record is read
		return cluster.Options{Name: "a", Server: "https://a", REST: c, OnEvent: func(cluster.Event) {}, OnKinds: func([]schema.GroupKind) {}, Settings: cluster.Settings{Namespaces: namespaces}}
	}
	f := fleetOf(t)
	f.Set(record(address))
	a, err := f.Cluster("https://a")
	if err != nil {
		t.Fatal(err)
	}
	synced(t, a)
	if tunnels.Load() == 0 {
		t.Error("the proxy was not asked")
	}
	f.Set(record(address))
	if again, _ := f.Cluster("https://a"); again != a {
		t.Error("opened anew although nothing has changed")
	}
	other, _ := url.Parse("http://127.0.0.1:1")
	f.Set(record(other))
	if again, _ := f.Cluster("https://a"); again == a {
		t.Error("another proxy is not used")
	}
}

// tunnel carries bytes to and fro, as a proxy does for https.
func tunnel(w http.ResponseWriter, r *http.Request) {
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer to.Close()
	w.WriteHeader(http.StatusOK)
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}()
	_, _ = io.Copy(from, to)
}
