package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog/backup"
	"github.com/hawser-cd/hawser/internal/cli/platform"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// settleWithin is the longest that everything may take to become Synced and Healthy; a busy machine needs a minute.
const settleWithin = 5 * time.Minute

// demoManager is the field manager of what the demo itself applies.
const demoManager = "hawser-demo"

// stage is everything that the demo runs: Kubernetes, a Git server, Hawser, and our own eyes on the cluster.
type stage struct {
	dir, devcluster string
	port            int
	lines           *lines
	observe         func(reconcile.Happening)
	masker          object.Masker
	log             *os.File
	failure         chan error // a part that ended although nobody stopped it

	kubernetes *kubernetes
	eyes       *witness
	git        *gitServer
	hawser     *engine
}

func newStage(std IO, o demoOptions) (*stage, error) {
	binary, err := findDevcluster(o.devcluster)
	if err != nil {
		return nil, err
	}
	s := &stage{dir: o.dir, devcluster: binary, port: o.port, lines: newLines(std.Out), failure: make(chan error, 4)}
	s.observe = func(reconcile.Happening) {}
	s.masker.Key = make([]byte, 32)
	if _, err := rand.Read(s.masker.Key); err != nil {
		return nil, problem.Because(problem.Internal, err, "read random bytes")
	}
	s.log, err = os.OpenFile(s.path("hawser.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "open the log").WithHint("choose another --dir")
	}
	klog.SetSlogLogger(s.logger()) // client-go's own voice, which would speak up between our lines
	return s, nil
}

func (s *stage) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.log, nil)) }

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// open starts everything, in order.
func (s *stage) open(ctx context.Context) (err error) {
	done := s.lines.step("starting Kubernetes")
	if s.kubernetes, err = startKubernetes(ctx, s.devcluster, s.path("cluster")); err != nil {
		done("failed")
		return err
	}
	go s.watchKubernetes(ctx, s.kubernetes)
	done("ready")

	done = s.lines.step("starting the Git server and Hawser")
	if err := s.openRest(ctx); err != nil {
		done("failed")
		return err
	}
	done("ready")
	return nil
}

func (s *stage) openRest(ctx context.Context) (err error) {
	if s.eyes, err = watchCluster(ctx, s.kubernetes.kubeconfig(), s.masker); err != nil {
		return err
	}
	namespace := &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": config.Default().Namespace}}}
	if err := s.eyes.apply(ctx, namespace); err != nil {
		return err
	}
	if s.git == nil {
		if s.git, err = startGit(context.WithoutCancel(ctx), s.folder("git"), s.lines); err != nil {
			return err
		}
	}
	return s.startHawser(ctx)
}

func (s *stage) folder(name string) string {
	dir := s.path(name)
	_ = os.MkdirAll(dir, 0o700) // whoever writes into it reports what is wrong
	return dir
}

// watchKubernetes reports a cluster that ends by itself.
func (s *stage) watchKubernetes(ctx context.Context, k *kubernetes) {
	select {
	case <-ctx.Done():
	case <-k.ended:
		if !k.asked.Load() {
			s.failure <- k.failure("Kubernetes has ended")
		}
	}
}

// engine is Hawser as `hawser serve` runs it, in this process.
type engine struct {
	*daemon.Daemon
	stop  context.CancelFunc
	ended chan struct{}
}

func (s *stage) startHawser(ctx context.Context) error {
	listener, err := listenOn(ctx, s.port) // held until Hawser has it: another program may want the port too
	if err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Kubeconfig, cfg.DataDir, cfg.Listen, cfg.InstallCRDs = s.kubernetes.kubeconfig(), s.path("data"), listener.Addr().String(), true
	cfg.InsteadOf = []config.Rewrite{{Prefix: platform.Prefix, URL: s.git.base}}
	cfg.Identity = "hawser-demo" // one per cluster, so the next run need not wait for the lease of a killed one
	if err := cfg.Validate(); err != nil {
		_ = listener.Close()
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	d, err := daemon.New(ctx, cfg, daemon.Options{
		Log:      s.logger(),
		Observe:  func(h reconcile.Happening) { s.observe(h) },
		Listener: listener,
	})
	if err != nil {
		stop()
		_ = listener.Close()
		return err
	}
	e := &engine{Daemon: d, stop: stop, ended: make(chan struct{})}
	go func() {
		err := d.Run(ctx)
		if ctx.Err() == nil {
			s.failure <- problem.Because(problem.KindOf(err), err, "Hawser has ended").WithHint("its log is %s", s.path("hawser.log"))
		}
		close(e.ended)
	}()
	s.hawser = e
	s.git.deliverTo("http://" + d.Addr + "/api/webhook")
	return nil
}

// closeCluster stops Hawser and Kubernetes, in that order; the Git server stays.
func (s *stage) closeCluster() {
	if s.hawser != nil {
		s.git.deliverTo("")
		s.hawser.stop()
		select {
		case <-s.hawser.ended:
		case <-time.After(kubernetesStopsWithin): // nothing that it holds can be lost
		}
		s.hawser = nil
	}
	if s.eyes != nil {
		s.eyes.stop()
		s.eyes = nil
	}
	if k := s.kubernetes; k != nil {
		s.kubernetes = nil
		k.stop()
	}
}

func (s *stage) close() {
	done := s.lines.step("stopping")
	s.closeCluster()
	if s.git != nil {
		s.git.stop()
	}
	_ = s.log.Close()
	done("stopped")
}

// applyRoot applies the root application, as `kubectl apply` would.
func (s *stage) applyRoot(ctx context.Context) error {
	items, err := object.Parse([]byte(platform.Files()[platform.RootFile]), platform.RootFile)
	if err != nil {
		return err
	}
	return s.eyes.apply(ctx, items[0].Object)
}

// counts is how much there is.
type counts struct{ applications, objects int }

func (c counts) String() string {
	return fmt.Sprintf("%d applications, %d objects", c.applications, c.objects)
}

// settle waits until every application has been looked at since then, at the branch's head, and is Synced and Healthy.
func (s *stage) settle(ctx context.Context, since time.Time, limit time.Duration) (counts, error) {
	head := s.git.lastPush().after
	var reason string
	ok := s.eyes.until(ctx, limit, func() bool {
		reason = unsettled(s.hawser.Catalog.Applications(), s.hawser.Apps.Looked, head, since)
		return reason == ""
	})
	switch {
	case ctx.Err() != nil:
		return counts{}, ctx.Err()
	case !ok:
		return counts{}, problem.New(problem.Unavailable, "not everything is Synced and Healthy after %s: %s", seconds(limit), reason).
			WithHint("the log is %s", s.path("hawser.log"))
	}
	var c counts
	for _, app := range s.hawser.Catalog.Applications() {
		c.applications++
		c.objects += len(app.Status.Resources)
	}
	return c, nil
}

// unsettled says why an application is not there yet, or "". An application counts as one only when every application
// below it exists, so that "all" means all.
func unsettled(apps []*v1alpha1.Application, looked func(types.NamespacedName) ([]string, time.Time), head string, since time.Time) string {
	var open []string
	known := map[string]bool{}
	for _, app := range apps {
		known[app.Name] = true
	}
	if len(apps) == 0 {
		return "there is no application"
	}
	for _, app := range apps {
		st := app.Status
		why := ""
		commits, at := looked(types.NamespacedName{Namespace: app.Namespace, Name: app.Name}) // a commit that does not concern it is not written at once
		switch {
		case st.ReconciledAt == nil || at.Before(since):
			why = "not looked at yet"
		case st.Sync.Status != v1alpha1.SyncStatusSynced:
			why = string(st.Sync.Status)
		case len(commits) != 1 || commits[0] != head:
			why = "at an older commit"
		case app.Operation != nil || st.OperationState != nil && st.OperationState.FinishedAt == nil:
			why = "syncing"
		case st.Health.Status != v1alpha1.HealthStatusHealthy:
			why = string(st.Health.Status) + " " + st.Health.Message
		default:
			for _, r := range st.Resources {
				if r.Kind == v1alpha1.KindApplication && !known[r.Name] {
					why = "application " + r.Name + " is missing"
				}
			}
		}
		if why != "" {
			for _, c := range st.Conditions {
				if c.Status != "" {
					continue // it repeats sync and health
				}
				why += "; " + c.Message
			}
			open = append(open, app.Name+" ("+strings.TrimSpace(why)+")")
		}
	}
	if len(open) > 5 {
		open = append(open[:5], fmt.Sprintf("and %d more", len(open)-5))
	}
	return strings.Join(open, ", ")
}

// entrance says how to come in: the page's address, and who one is there.
func (s *stage) entrance(ctx context.Context) string {
	at := "http://" + s.hawser.Addr
	records, err := backup.Open(backup.Where{Kubeconfig: s.kubernetes.kubeconfig(), Namespace: config.Default().Namespace})
	if err != nil {
		return at
	}
	password, err := records.InitialPassword(ctx)
	if err != nil { // it was changed, as one should
		return at
	}
	return at + "   (user admin, password " + password + ")"
}

// guide says where things are and what to try.
func (s *stage) guide(ctx context.Context) string {
	k := s.kubernetes.kubeconfig()
	kubectl := findKubectl(s.devcluster, k)
	clone := filepath.Join(os.TempDir(), platform.Name)
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-11s "+format+"\n", append([]any{name}, args...)...)
	}
	row("the page", "%s", s.entrance(ctx))
	row("repository", "git clone %s", s.git.url)
	row("cluster", "export KUBECONFIG=%s", k)
	row("logs", "%s, %s", s.path("hawser.log"), filepath.Join(s.kubernetes.dir, "devcluster.log"))
	b.WriteString("\nTry, in another terminal:\n")
	row("deploy", "git clone -q -c user.name=Me -c user.email=me@harbour.example %s %s && cd %s", s.git.url, clone, clone)
	row("", "sed -i s/1.5.0-rc.1/1.5.0/ services/checkout/overlays/dev/deployment.yaml && git commit -am 'Release checkout 1.5.0 to dev' && git push")
	row("break it", "sed -i s/:1.5.0/:broken/ services/checkout/overlays/dev/deployment.yaml && git commit -am 'Try something' && git push")
	row("roll back", "git revert --no-edit HEAD && git push")
	row("take away", "git rm platform/environments/staging/gateway.yaml && git commit -m 'Close staging' && git push")
	if kubectl == nil {
		row("drift", "needs kubectl, which is not on the PATH: https://kubernetes.io/docs/tasks/tools/; then, with the KUBECONFIG above:")
		kubectl = []string{"kubectl"}
	}
	row("drift", "%s -n production scale deployment/checkout --replicas=9", kubectl)
	row("", "%s -n production set env deployment/checkout LOG_LEVEL=debug EXTRA=1", kubectl)
	row("", "%s -n production delete service checkout", kubectl)
	row("look", "%s -n argocd get applications", kubectl)
	b.WriteString("\nCtrl-C stops everything, and the same command continues it. What happens from here on:")
	return b.String()
}

// deployment is the key of a Deployment, which most of the demo is about.
func deployment(namespace, name string) object.Key {
	return object.Key{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: name}
}
