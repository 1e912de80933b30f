package catalog

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
)

// caPEM is a certificate as it stands in a cluster Secret: PEM, base64.
var caPEM = func() string {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}()

func TestClusters(t *testing.T) {
	home := &rest.Config{Host: "https://127.0.0.1:6443", BearerToken: "home"}
	list := parseClusters([]secretRecord{
		repositorySecret("cluster", "a", "server", "https://a.corp/", "name", "a", "namespaces", "web, api,", "project", "team",
			"config", `{"bearerToken":"t","tlsClientConfig":{"serverName":"x","caData":"`+caPEM+`"},"proxyUrl":"http://proxy:1"}`),
		repositorySecret("cluster", "a-again", "server", "https://a.corp", "name", "later"),
		repositorySecret("cluster", "twin-1", "server", "https://t1", "name", "twin", "config", `{"tlsClientConfig":{"insecure":true,"caData":"`+caPEM+`"}}`),
		repositorySecret("cluster", "twin-2", "server", "https://t2", "name", "twin", "clusterResources", "true", "namespaces", "x"),
		repositorySecret("cluster", "exec", "server", "https://exec", "config",
			`{"execProviderConfig":{"command":"aws","args":["eks","get-token"],"env":{"B":"2","A":"1"},"apiVersion":"client.authentication.k8s.io/v1beta1"}}`),
		repositorySecret("cluster", "aws", "server", "https://aws", "name", "aws", "config", `{"awsAuthConfig":{"clusterName":"x"}}`),
		repositorySecret("cluster", "junk", "server", "https://junk", "name", "junk", "config", `{`),
		repositorySecret("cluster", "noserver", "name", "noserver"),
		repositorySecret("repository", "not-a-cluster", "url", "https://x"),
	}, clusterRules{home, true, []string{"aws", "argocd-k8s-auth"}})

	dest := func(server, name string) v1alpha1.ApplicationDestination {
		return v1alpha1.ApplicationDestination{Server: server, Name: name}
	}
	for _, c := range []struct {
		dest   v1alpha1.ApplicationDestination
		server string
		err    string
	}{
		{dest("https://kubernetes.default.svc", ""), "https://kubernetes.default.svc", ""},
		{dest("https://kubernetes.default.svc/", ""), "https://kubernetes.default.svc", ""},
		{dest("", "in-cluster"), "https://kubernetes.default.svc", ""},
		{dest("https://a.corp", ""), "https://a.corp", ""},
		{dest("", "a"), "https://a.corp", ""},
		{dest("", "later"), "", "unable to find destination server: there are no clusters with this name: later"},
		{dest("", "https://exec"), "https://exec", ""}, // a cluster without a name goes by its address
		{dest("", "twin"), "", "unable to find destination server: there are 2 clusters with the same name: [https://t1 https://t2]"},
		{dest("https://b", ""), "", "there is no cluster with this server: https://b"},
		{dest("https://a.corp", "a"), "", "application destination can't have both name and server defined: a https://a.corp"},
		{dest("", ""), "", "destination server missing from app spec"},
		{dest("", "junk"), "https://junk", ""},
	} {
		got, err := list.resolve(c.dest)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got.Server != c.server || text != c.err {
			t.Errorf("%+v: %s, %v; want %s, %s", c.dest, got.Server, err, c.server, c.err)
		}
	}

	a, _ := list.resolve(dest("", "a"))
	r, err := a.REST()
	if err != nil {
		t.Fatal(err)
	}
	if r.Host != "https://a.corp" || r.BearerToken != "t" || r.ServerName != "x" || len(r.CAData) == 0 || r.Proxy == nil {
		t.Errorf("rest: %v", r)
	}
	if diff := cmp.Diff([]string{"web", "api"}, a.Namespaces); diff != "" || a.ClusterResources || a.Project != "team" || a.Record != "a" {
		t.Errorf("%s %+v", diff, a)
	}
	if twin, _ := list.resolve(dest("https://t2", "")); !twin.ClusterResources {
		t.Error("clusterResources: true was not read")
	}
	if twin, _ := list.resolve(dest("https://t1", "")); twin.Problem != nil || !twin.ClusterResources {
		t.Errorf("insecure with a CA: %v", twin.Problem)
	}
	exec, _ := list.resolve(dest("https://exec", ""))
	if r, err := exec.REST(); err != nil || r.ExecProvider == nil || r.ExecProvider.Command != "aws" || len(r.ExecProvider.Env) != 2 || r.ExecProvider.Env[0].Name != "A" {
		t.Errorf("exec: %v, %v", r, err)
	}
	// faulty records still are clusters: nobody may conclude that what runs there is abandoned
	aws, _ := list.resolve(dest("", "aws"))
	if r, err := aws.REST(); err != nil || r.ExecProvider == nil || r.ExecProvider.Command != "argocd-k8s-auth" || strings.Join(r.ExecProvider.Args, " ") != "aws --cluster-name x" {
		t.Errorf("aws: %v, %v", r, err)
	}
	for _, name := range []string{"junk", "noserver"} {
		c, err := list.resolve(dest("", name))
		if err != nil || !problem.Is(c.Problem, problem.Invalid) {
			t.Errorf("%s: %v, %v", name, err, c.Problem)
		}
		if _, err := c.REST(); err == nil {
			t.Errorf("%s: can be connected to", name)
		}
	}
	if own, _ := list.resolve(dest("", "in-cluster")); own.rest != home {
		t.Error("our own cluster is reached in another way")
	}
}

func TestOwnCluster(t *testing.T) {
	home := &rest.Config{Host: "https://127.0.0.1:6443", BearerToken: "home"}
	const server = "https://kubernetes.default.svc"
	if off := parseClusters(nil, clusterRules{home: home}); len(off.list) != 0 {
		t.Errorf("switched off, it is still there: %v", off.list)
	}
	renamed := parseClusters([]secretRecord{repositorySecret("cluster", "s", "server", server, "name", "prod", "config", `{"tlsClientConfig":{"insecure":false}}`)}, clusterRules{home, true, []string{"aws", "argocd-k8s-auth"}})
	c, err := renamed.resolve(v1alpha1.ApplicationDestination{Name: "prod"})
	if err != nil || c.Server != server || c.rest != home || len(renamed.list) != 1 {
		t.Errorf("renamed: %v %v %v", c, err, renamed.list)
	}
	other := parseClusters([]secretRecord{repositorySecret("cluster", "s", "server", server, "config", `{"bearerToken":"t"}`)}, clusterRules{home, true, []string{"aws", "argocd-k8s-auth"}})
	if c, _ := other.resolve(v1alpha1.ApplicationDestination{Server: server}); c.rest == home || c.rest.BearerToken != "t" {
		t.Errorf("with its own credentials: %v", c.rest)
	}
}

// TestBrokenClusters: a record that cannot be used says which of its fields is to blame, quotes no secret, and stops
// nobody else.
func TestBrokenClusters(t *testing.T) {
	const canary = "canary-7f3a"
	rules := clusterRules{programs: []string{"aws", "/opt/login"}}
	for _, c := range []struct{ config, namespaces, clusterResources, want string }{
		{`{"bearerToken":["` + canary + `"]}`, "", "", "config.bearerToken"},
		{`{"tlsClientConfig":{"insecure":"` + canary + `"}}`, "", "", "config.tlsClientConfig.insecure"},
		{`{"tlsClientConfig":{"caData":"` + base64.StdEncoding.EncodeToString([]byte(canary)) + `"}}`, "", "", "config.tlsClientConfig.caData"},
		{`{"tlsClientConfig":{"certData":"` + caPEM + `"}}`, "", "", "config.tlsClientConfig: certData and keyData belong together"},
		{`{"tlsClientConfig":{"certData":"` + caPEM + `","keyData":"` + caPEM + `"}}`, "", "", "config.tlsClientConfig.certData"},
		{`{"proxyUrl":"://` + canary + `"}`, "", "", "config.proxyUrl"},
		{`{"proxyUrl":"ftp://u:` + canary + `@proxy"}`, "", "", "config.proxyUrl"},
		{`{"bearerToken":"` + canary + `","username":"u"}`, "", "", "config.bearerToken: it stands beside username"},
		{`{"bearerToken":"` + canary + `","username":"u","execProviderConfig":{"command":"aws"}}`, "", "", ""}, // the program counts
		{`{"execProviderConfig":{"args":["` + canary + `"]}}`, "", "", "config.execProviderConfig.command: it is missing"},
		{`{"execProviderConfig":{"command":"sh","args":["-c","` + canary + `"]}}`, "", "", `program "sh" may not be run for credentials (add it to hawser.clusters.programs`},
		{`{"execProviderConfig":{"command":"/tmp/aws"}}`, "", "", `program "/tmp/aws" may not be run`},
		{`{"execProviderConfig":{"command":"aws","env":{"LD_PRELOAD":"` + canary + `"}}}`, "", "", "config.execProviderConfig.env: LD_PRELOAD may not be set"},
		{`{"execProviderConfig":{"command":"aws","env":{"PATH":"` + canary + `"}}}`, "", "", `config.execProviderConfig.env: "PATH" may not be set`},
		{`{"awsAuthConfig":{"roleARN":"` + canary + `"}}`, "", "", "config.awsAuthConfig.clusterName: it is missing"},
		{`{"awsAuthConfig":{"clusterName":"x"}}`, "", "", `config.awsAuthConfig.command: program "argocd-k8s-auth" may not be run`},
		{`{"bearerToken":"` + canary + `"}`, "a", "perhaps", "clusterResources is neither true nor false"},
		{`{"execProviderConfig":{"command":"/opt/login","env":{"AWS_PROFILE":"x"}}}`, "", "", ""},
		{`{"tlsClientConfig":{"insecure":true,"caData":"` + base64.StdEncoding.EncodeToString([]byte(canary)) + `"}}`, "", "", ""},
		{`{"proxyUrl":"socks5://proxy:1080"}`, "", "", ""},
		{``, "", "", ""},
	} {
		bad := repositorySecret("cluster", "bad", "server", "https://bad", "config", c.config, "namespaces", c.namespaces, "clusterResources", c.clusterResources)
		list := parseClusters([]secretRecord{bad, repositorySecret("cluster", "good", "server", "https://good")}, rules)
		k, err := list.resolve(v1alpha1.ApplicationDestination{Server: "https://bad"})
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		if k.Problem != nil {
			text = k.Problem.Error()
			if !strings.Contains(text, "cluster Secret bad: ") || strings.Contains(text, canary) {
				t.Errorf("%s: %s", c.config, text)
			}
		}
		if !strings.Contains(text, c.want) || (c.want == "") != (text == "") {
			t.Errorf("%s: %q; want %q", c.config, text, c.want)
		}
		if good, err := list.resolve(v1alpha1.ApplicationDestination{Server: "https://good"}); err != nil || good.Problem != nil {
			t.Errorf("beside it: %v, %v", err, good.Problem)
		}
	}
}
