// Package browser_test looks at the page as people do: a real browser, the real server, a real Kubernetes and real Git.
//
// The idea: a world is a daemon with applications that show all that the page can show (healthy, broken, drifted, held
// up, of many and of one object); a tab is a window of the browser, and a test says what a person does in it and what
// they must then see. Read world, then tab, then a test. The package refuses to look into the page's code: what is on
// the screen, and what the screen reader is told, is all it knows.
package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/gittest"
)

// password is that of every account.
const password = "correct-horse-1"

// world is a daemon and what it looks after.
type world struct {
	*clustertest.Cluster
	control  string // namespace of our records
	git      *gittest.Server
	platform *gittest.Repo
	url      string // of the page, without a slash at its end
	daemon   *daemon.Daemon
}

// open starts the daemon with the accounts admin, reader (who may look at everything) and shopkeeper (who may sync the
// applications of the project shop, and see no other). listen is the address; settings are more of argocd-cm.
func open(t testing.TB, listen string, settings map[string]string) *world {
	t.Helper()
	c := &clustertest.StartOwn(t).Cluster
	(*c).Apply(t, "", string(deploy.CRDManifest()))
	w := &world{Cluster: *c, control: "argocd"}
	w.Apply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: argocd}}")
	w.accounts(t, settings)

	cfg := config.Default()
	cfg.Kubeconfig, cfg.Namespace, cfg.DataDir, cfg.Listen = w.Kubeconfig, w.control, t.TempDir(), listen
	cfg.InstallCRDs, cfg.Identity, cfg.LeaseDuration, cfg.Insecure = true, "browser", 5*time.Second, true
	log := io.Writer(io.Discard)
	if os.Getenv("HAWSER_TEST_LOG") != "" {
		log = os.Stderr
	}
	w.git = gittest.New(t)
	w.platform = w.git.Repo(t, "platform", map[string]string{"README.md": "The platform's desired state.\n"})
	w.platform.Author = "Ada Lovelace <ada@example.com>"
	cfg.InsteadOf = []config.Rewrite{{Prefix: repository, URL: w.platform.URL}}
	ctx, cancel := context.WithCancel(context.Background())
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: slog.New(slog.NewTextHandler(log, nil)), StrangerRate: 1e6})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	w.daemon, w.url = d, "http://"+d.Addr
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	return w
}

// repository is what the platform's repository is called in the records; the daemon finds it elsewhere.
const repository = "https://git.example.com/acme/platform.git"

func (w *world) accounts(t testing.TB, settings map[string]string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	cm := map[string]string{"exec.enabled": "true", "timeout.reconciliation": "3s", "accounts.reader": "login", "accounts.shopkeeper": "login, apiKey"}
	for k, v := range settings {
		cm[k] = v
	}
	secret := map[string]string{}
	for _, prefix := range []string{"admin", "accounts.reader", "accounts.shopkeeper"} {
		secret[prefix+".password"], secret[prefix+".passwordMtime"] = string(hash), "2020-01-01T00:00:00Z"
	}
	w.put(t, "ConfigMap", "argocd-cm", cm)
	w.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": policies})
	w.put(t, "Secret", "argocd-secret", secret)
}

// policies are who may what.
const policies = `
g, reader, role:readonly
p, role:readonly, logs, get, */*, allow
p, shopkeeper, applications, get, shop/*, allow
p, shopkeeper, applications, sync, shop/*, allow
p, shopkeeper, logs, get, shop/*, allow
p, shopkeeper, projects, get, shop, allow
`

// put writes a ConfigMap or a Secret of Argo CD's.
func (w *world) put(t testing.TB, kind, name string, data map[string]string) {
	t.Helper()
	field := "data"
	if kind == "Secret" {
		field = "stringData"
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": kind,
		"metadata": map[string]any{"name": name, "labels": map[string]string{"app.kubernetes.io/part-of": "argocd"}}, field: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Apply(t, w.control, string(text))
}

// application is the manifest of one of the platform's, from the folder of its name; policy and more are YAML.
func application(name, project, policy string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: %[1]s
  namespace: argocd
  labels: {team: %[2]s, tier: web}
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: %[2]s
  source: {repoURL: %[4]s, path: services/%[1]s, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: %[1]s}
  syncPolicy: {%[3]ssyncOptions: [CreateNamespace=true]}
`, name, project, policy, repository)
}

const (
	automated = "automated: {prune: true, selfHeal: true}, "
	manual    = ""
)

// service are the manifests of a web service: six objects that own more.
func service(name string, replicas int, image string) map[string]string {
	dir := "services/" + name + "/"
	return map[string]string{
		dir + "deployment.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  replicas: %[2]d
  progressDeadlineSeconds: 3
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata:
      labels: {app: %[1]s}
      annotations:
        devcluster.hawser.dev/log: "level=info msg=\"listening\" port=8080\nlevel=info msg=\"GET /healthz\" status=200 took=1ms\nlevel=warn msg=\"slow query\" took=812ms table=orders\nlevel=error msg=\"payment gateway answered 502\" attempt=2"
        devcluster.hawser.dev/log-every: "400ms"
    spec:
      serviceAccountName: %[1]s
      containers:
      - name: web
        image: %[3]s
        ports: [{containerPort: 8080}]
        envFrom: [{configMapRef: {name: %[1]s-settings}}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
`, name, replicas, image),
		dir + "service.yaml":  fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %[1]s}, spec: {selector: {app: %[1]s}, ports: [{port: 80, targetPort: 8080}]}}\n", name),
		dir + "account.yaml":  fmt.Sprintf("{apiVersion: v1, kind: ServiceAccount, metadata: {name: %[1]s}}\n", name),
		dir + "settings.yaml": fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %[1]s-settings}\ndata:\n  LOG_LEVEL: info\n  FEATURES: |\n    search\n    basket\n    recommendations\n", name),
		dir + "secret.yaml":   fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %[1]s-database}\nstringData: {password: hunter2-%[1]s, user: %[1]s}\n", name),
		dir + "ingress.yaml": fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[1]s}
spec:
  rules:
  - host: %[1]s.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %[1]s, port: {number: 80}}}}]}
`, name),
	}
}

// commit pushes, as somebody else.
func (w *world) commit(t testing.TB, message string, files ...map[string]string) string {
	t.Helper()
	all := map[string]string{}
	for _, m := range files {
		for k, v := range m {
			all[k] = v
		}
	}
	return w.platform.Commit(t, all, message)
}

// settle fills the world: one application for each thing that a person may have to deal with.
func (w *world) settle(t testing.TB) {
	t.Helper()
	w.Apply(t, w.control, `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  description: What customers see
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
  roles:
  - {name: ci, description: What the pipeline may do, policies: ['p, proj:shop:ci, applications, sync, shop/*, allow']}
  syncWindows:
  - {kind: deny, schedule: '0 3 1 1 *', duration: 1h, applications: ['*'], timeZone: Europe/Berlin}
`)
	w.commit(t, "Add the shop\n\nSix services, each in a folder of its own.",
		service("shop", 3, "registry.example.com/shop/web:1.8.2"),
		service("checkout", 2, "registry.example.com/shop/checkout:4.1.0"),
		service("ledger", 2, "registry.example.com/shop/ledger:2.3.1"),
		service("search", 1, "registry.example.com/shop/search:0.9.0"),
		payments("payments"), reports(), notifier(), hostile())
	children := map[string]string{}
	for _, child := range []struct{ name, policy string }{{"shop", automated}, {"checkout", automated}, {"ledger", manual}, {"payments", automated}} {
		children["apps/"+child.name+".yaml"] = application(child.name, "shop", child.policy)
	}
	w.platform.Author = "Grace Hopper <grace@example.com>"
	w.commit(t, "Run the shop from one root application", children)
	w.Apply(t, w.control, strings.Replace(strings.Replace(application("platform", "default", automated), "services/platform", "apps", 1), "namespace: platform", "namespace: argocd", 1))
	for _, name := range []string{"reports", "notifier", "search", "hostile"} {
		policy := automated
		if name == "search" {
			policy = manual
		}
		w.Apply(t, w.control, application(name, "default", policy))
	}
	w.Apply(t, w.control, strings.Replace(application("edge", "default", manual), "https://kubernetes.default.svc", "https://127.0.0.1:1", 1))
	w.put(t, "Secret", "cluster-edge", map[string]string{"name": "edge-frankfurt", "server": "https://127.0.0.1:1", "config": `{"bearerToken":"x","tlsClientConfig":{"insecure":true}}`})
	w.Patch(t, "browser", "v1", "Secret", w.control, "cluster-edge", `{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"cluster"}}}`)
	w.waitFor(t, "shop", "Synced", "Healthy")
	w.waitFor(t, "payments", "Synced", "Healthy")
	w.waitFor(t, "checkout", "Synced", "Healthy")
	w.operate(t, "ledger")
	w.waitFor(t, "ledger", "Synced", "Healthy")

	// what goes wrong afterwards
	w.platform.Author = "Linus Example <linus@example.com>"
	w.commit(t, "Update checkout to 4.2.0 (#218)", service("checkout", 2, "registry.example.com/shop/checkout:broken"))
	w.commit(t, "Rename the payments worker", payments("payments-worker"))
	w.Patch(t, "kubectl-edit", "apps/v1", "Deployment", "ledger", "ledger", `{"spec":{"replicas":5}}`)
	w.Patch(t, "kubectl-edit", "v1", "ConfigMap", "ledger", "ledger-settings", `{"data":{"LOG_LEVEL":"debug","PROFILING":"on"}}`)
	w.waitFor(t, "ledger", "OutOfSync", "")
	w.waitFor(t, "checkout", "Synced", "Degraded")
	w.waitFor(t, "payments", "OutOfSync", "")
}

// payments has a selector that cannot be changed: the commit that renames it fails to sync.
func payments(app string) map[string]string {
	return map[string]string{"services/payments/deployment.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: payments}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: worker, image: registry.example.com/shop/payments:7.0.1}]}
`, app), "services/payments/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: payments}, data: {RETRIES: '3'}}\n"}
}

// reports has hooks and waves, and ends well.
func reports() map[string]string {
	job := func(name, hook, more string) string {
		return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata:
  name: %s
  annotations: {argocd.argoproj.io/hook: %s, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation%s}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: registry.example.com/reports/tools:3, command: [sleep, "1"]}]}}}
`, name, hook, more)
	}
	wave := func(kind, name, n string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: %s, metadata: {name: %s, annotations: {argocd.argoproj.io/sync-wave: %q}}}\n", kind, name, n)
	}
	return map[string]string{
		"services/reports/migrate.yaml":  job("migrate-schema", "PreSync", ""),
		"services/reports/warm-up.yaml":  job("warm-up", "PostSync", ""),
		"services/reports/account.yaml":  wave("ServiceAccount", "reports", "-1"),
		"services/reports/settings.yaml": wave("ConfigMap", "reports-settings", "0"),
		"services/reports/late.yaml":     wave("ConfigMap", "reports-dashboards", "2"),
	}
}

// notifier is never done syncing: its migration goes on for ever.
func notifier() map[string]string {
	return map[string]string{
		"services/notifier/migrate.yaml": `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate-queue
  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: registry.example.com/notifier/tools:3, command: [sleep, infinity]}]}}}
`,
		"services/notifier/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: notifier}, data: {SMTP: mail.example.com}}\n",
	}
}

// hostile is written by somebody who wants the page to run their code.
func hostile() map[string]string {
	return map[string]string{"services/hostile/bad.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: bad
  annotations:
    note: "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    link.argocd.argoproj.io/docs: "javascript:document.title='owned'"
data:
  "page.html": "<script>document.title='owned'</script>"
`}
}

// waitFor waits until an application has a sync status and a health; empty is any.
func (w *world) waitFor(t testing.TB, name, sync, health string) {
	t.Helper()
	clustertest.Wait(t, name+" "+sync+" "+health, func(context.Context) error {
		got := w.Get(t, "argoproj.io/v1alpha1", "Application", w.control, name)
		if got == nil {
			return fmt.Errorf("there is no %s", name)
		}
		var app struct {
			Status struct{ Sync, Health struct{ Status string } }
		}
		data, _ := got.MarshalJSON()
		_ = json.Unmarshal(data, &app)
		if sync != "" && app.Status.Sync.Status != sync || health != "" && app.Status.Health.Status != health {
			return fmt.Errorf("it is %s, %s", app.Status.Sync.Status, app.Status.Health.Status)
		}
		return nil
	})
}

// operate syncs an application, as kubectl could.
func (w *world) operate(t testing.TB, name string) {
	t.Helper()
	w.Patch(t, "browser", "argoproj.io/v1alpha1", "Application", w.control, name, `{"operation":{"initiatedBy":{"username":"ada"},"sync":{"prune":true}}}`)
}

// refresh has an application look at Git now, and not when its time has come.
func (w *world) refresh(t testing.TB, name string) {
	t.Helper()
	w.Patch(t, "browser", "argoproj.io/v1alpha1", "Application", w.control, name, `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
}

// TestStage keeps a world open for whoever works on the page: HAWSER_STAGE=127.0.0.1:9080 go test -run TestStage
// -timeout 0 -v ./test/browser. The account is admin, the
// password the constant above; Ctrl-C ends it.
func TestStage(t *testing.T) {
	listen := os.Getenv("HAWSER_STAGE")
	if listen == "" {
		t.SkipNow()
	}
	w := open(t, listen, nil)
	if _, _, err := net.SplitHostPort(listen); err != nil {
		t.Fatal(err)
	}
	w.settle(t)
	t.Logf("the page: %s\nthe cluster: %s", w.url, w.Kubeconfig)
	select {}
}
