// Package cli_test tries the hawser command as people and scripts type it, against a daemon on a real Kubernetes.
//
// The idea: a script a command and notable case (testdata/*.txtar, in the language of testscript), with what is printed
// written down. All scripts share one daemon, so each uses names of its own. Read TestCommands first. The package refuses
// to look into Hawser.
package cli_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/cli"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hawser": func() { os.Exit(cli.Main(os.Args[1:], cli.StdIO())) }})
}

// settings are those of the daemon under test: accounts to play with, and who may do what.
const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}
data:
  accounts.alice: login
  accounts.robot: apiKey
  accounts.guest: login
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-rbac-cm, labels: {app.kubernetes.io/part-of: argocd}}
data:
  policy.csv: |
    g, alice, role:readonly
`

// stage is what all scripts share.
type stage struct {
	cluster           *clustertest.Cluster
	control           string // namespace
	server            string // host:port
	git               *gittest.Server
	gitURL            string
	core              string // a kubeconfig whose context names the control namespace
	password, context string // of admin; the file of contexts in which admin is logged in
}

// open starts a daemon with these settings and logs admin in.
func open(t *testing.T, settings string) *stage {
	t.Helper()
	c := clustertest.Start(t)
	c.Apply(t, "", string(deploy.CRDManifest()))
	s := &stage{cluster: c, control: c.Namespace(t), git: gittest.New(t)}
	c.Apply(t, s.control, settings)
	cfg := config.Default()
	cfg.Kubeconfig, cfg.Namespace, cfg.DataDir, cfg.Listen = c.Kubeconfig, s.control, t.TempDir(), "127.0.0.1:0"
	cfg.InstallCRDs, cfg.Identity, cfg.LeaseDuration = true, t.Name(), 5*time.Second
	ctx, cancel := context.WithCancel(context.Background())
	log := io.Discard
	if os.Getenv("HAWSER_TEST_LOG") != "" {
		log = os.Stderr
	}
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s.server = d.Addr
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	secret := c.WaitFor(t, "v1", "Secret", s.control, "argocd-initial-admin-secret", func(*unstructured.Unstructured) error { return nil })
	encoded, _ := secret.Object["data"].(map[string]any)["password"].(string)
	password, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(password) == 0 {
		t.Fatalf("no password for admin: %v", err)
	}
	s.password, s.context = string(password), filepath.Join(t.TempDir(), "config")
	var said strings.Builder
	std := cli.IO{In: strings.NewReader(""), Out: &said, Err: &said}
	if code := cli.Main([]string{"login", s.server, "--plaintext", "--username", "admin", "--password", s.password, "--name", "test", "--config", s.context}, std); code != 0 {
		t.Fatalf("log in: exit %d: %s", code, said.String())
	}
	return s
}

// coreKubeconfig writes a kubeconfig whose context is of the control namespace, as `kubectl config set-context` does.
func (s *stage) coreKubeconfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var k map[string]any
	if err := yaml.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	k["contexts"].([]any)[0].(map[string]any)["context"].(map[string]any)["namespace"] = s.control
	if text, err = yaml.Marshal(k); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// variables are what scripts find: $SERVER, $PASSWORD, $CONTROL, $KUBECONFIG, $CORE_KUBECONFIG, $GIT, and a file of contexts with admin
// logged in.
func (s *stage) variables(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(filepath.Join(home, ".config", "argocd"), 0o700); err != nil {
		return err
	}
	text, err := os.ReadFile(s.context)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, ".config", "argocd", "config"), text, 0o600); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"HOME": home, "SERVER": s.server, "PASSWORD": s.password, "CONTROL": s.control, "KUBECONFIG": s.cluster.Kubeconfig, "GIT": s.gitURL, "CORE_KUBECONFIG": s.core, "EDITOR": "false", "TZ": "UTC",
		"ARGOCD_SERVER": "", "ARGOCD_AUTH_TOKEN": "", "ARGOCD_OPTS": "", "ARGOCD_CONFIG_DIR": "", "XDG_CONFIG_HOME": "",
	} {
		env.Setenv(name, value)
	}
	return nil
}

func TestCommands(t *testing.T) {
	s := open(t, settings)
	repo := s.git.Repo(t, "web", map[string]string{"app/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {greeting: hello}\n"})
	s.gitURL = strings.TrimSuffix(repo.URL, "/web.git")
	s.core = s.coreKubeconfig(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata", Setup: s.variables, RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": exitCode, "json": field, "keep": keep, "eventually": eventually,
		},
	})
}

// exitCode is code N hawser ARGS: the command must exit with N.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit %s, want %s", got, args[0])
	}
}

// field is json PATH [VALUE]: what the last command printed is JSON, and holds (or, with !, does not hold) at the
// dotted path, with this value if one is given.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: [!] json path [value]")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("no JSON: %v", err)
	}
	for _, step := range strings.Split(args[0], ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(x) {
				v = nil
			} else {
				v = x[i]
			}
		default:
			v = nil
		}
	}
	holds := v != nil
	if len(args) == 2 {
		holds = holds && fmt.Sprint(v) == args[1]
	}
	if holds == neg {
		ts.Fatalf("%s is %v", args[0], v)
	}
}

// keep is keep NAME PATTERN: the pattern's first group in what the last command printed becomes a variable.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep name pattern")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("%s is not in the output", args[1])
	}
	ts.Setenv(args[0], m[len(m)-1])
}

// eventually is eventually PATTERN hawser ARGS: the command is run until it succeeds and prints the pattern.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually pattern command [args]")
	}
	want := regexp.MustCompile(args[0])
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not within a minute: %v", err)
		}
	}
}
