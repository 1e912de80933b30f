package enroll

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

func open(t *testing.T) (*Kube, *clustertest.Cluster) {
	t.Helper()
	c := clustertest.Start(t)
	k, err := Open(c.Kubeconfig, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return k, c
}

// as returns a client with a token and nothing else of the person's.
func as(t *testing.T, k *Kube, token string) dynamic.Interface {
	t.Helper()
	config := rest.AnonymousClientConfig(k.config)
	config.BearerToken = token
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAnAccountForSomeNamespacesMayWorkThereAndNowhereElse(t *testing.T) {
	k, c := open(t)
	system, mine, others := c.Namespace(t), c.Namespace(t), c.Namespace(t)
	var told []string
	tell := func(line string) { told = append(told, line) }
	token, err := k.Install(t.Context(), system, []string{mine}, tell)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`ServiceAccount "` + system + `/argocd-manager" applied`, `Role "` + mine + `/argocd-manager-role" applied`,
		`RoleBinding "` + mine + `/argocd-manager-role-binding" applied`, `Secret "` + system + `/argocd-manager-long-lived-token" applied`}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
	client := as(t, k, token)
	clustertest.Wait(t, "the role", func(ctx context.Context) error { // the authorizer hears of it a moment later
		_, err := client.Resource(secrets).Namespace(mine).List(ctx, metav1.ListOptions{})
		return err
	})
	if _, err := client.Resource(secrets).Namespace(others).List(t.Context(), metav1.ListOptions{}); err == nil {
		t.Error("it may read what is not its own")
	}
	again, err := k.Install(t.Context(), system, []string{mine}, tell)
	if err != nil || again != token {
		t.Errorf("installed again it has another token: %v", err)
	}
}

func TestAnAccountOfOnesOwn(t *testing.T) {
	k, c := open(t)
	ns := c.Namespace(t)
	c.Apply(t, ns, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mine}\n")
	token, err := k.Token(t.Context(), ns, "mine", func(string) {})
	if err != nil || strings.Count(token, ".") != 2 {
		t.Errorf("no token: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := k.Token(ctx, ns, "nobody", func(string) {}); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("an account that is not there: %v", err)
	}
}

func TestKubeconfigs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: b\ncontexts:\n- {name: b, context: {cluster: two}}\n- {name: a, context: {cluster: one}}\n- {name: broken, context: {cluster: gone}}\n" +
		"clusters:\n- {name: one, cluster: {server: 'https://one', insecure-skip-tls-verify: true}}\n- {name: two, cluster: {server: 'https://two', proxy-url: 'http://proxy', certificate-authority-data: " + "LS0t" + "}}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Contexts(path)
	if want := []Context{{"a", "one", "https://one", false}, {"b", "two", "https://two", true}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("got %v, %v", list, err)
	}
	k, err := Open(path, "a", "socks5://own")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := k.Connection(); err != nil || n.Server != "https://one" || !n.Insecure || n.Proxy != "socks5://own" {
		t.Errorf("got %+v, %v", n, err)
	}
	if _, err := Open(path, "nowhere", ""); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "context nowhere does not exist in kubeconfig") {
		t.Errorf("got %v", err)
	}
}
