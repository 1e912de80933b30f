package cli

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// peer is the other end of the wire for one test: real gRPC on a real port, and answers that the test decides. What a
// server makes of a request is tested with the real one (test/cli); here it is what a command makes of answers that a real
// server gives once in a thousand times: a broken stream, a stale read, a denial.
type peer struct {
	t        *testing.T
	addr     string
	handlers map[string]http.Handler // by path

	mu    sync.Mutex
	asked []string // methods, in order
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{t: t, handlers: map[string]http.Handler{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked = append(p.asked, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		h := p.handlers[r.URL.Path]
		p.mu.Unlock()
		if h == nil {
			h = http.NotFoundHandler() // which is Unimplemented in gRPC
		}
		h.ServeHTTP(w, r)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.Protocols.SetHTTP1(true)
	s.Start()
	t.Cleanup(s.Close)
	p.addr = s.Listener.Addr().String()
	answers(p, "version.VersionService/Version", func(*argocd.Empty) (*argocd.VersionMessage, error) { return &argocd.VersionMessage{}, nil })
	answers(p, "cluster.SettingsService/Get", func(*argocd.SettingsQuery) (*argocd.Settings, error) {
		return &argocd.Settings{URL: "https://cd.example.com", AppLabelKey: "app.kubernetes.io/instance", ControllerNamespace: "argocd"}, nil
	})
	return p
}

func (p *peer) handle(method string, h http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers["/"+method] = h
}

// answers makes the peer answer a method.
func answers[Req, Res any](p *peer, method string, do func(*Req) (*Res, error)) {
	p.handle(method, connect.NewUnaryHandler("/"+method, func(_ context.Context, r *connect.Request[Req]) (*connect.Response[Res], error) {
		res, err := do(r.Msg)
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(res), nil
	}, connect.WithCodec(wire.Codec{})))
}

// stream makes the peer answer a method with what do sends.
func stream[Req, Res any](p *peer, method string, do func(ctx context.Context, r *Req, send func(*Res) error) error) {
	p.handle(method, connect.NewServerStreamHandler("/"+method, func(ctx context.Context, r *connect.Request[Req], s *connect.ServerStream[Res]) error {
		return do(ctx, r.Msg, s.Send)
	}, connect.WithCodec(wire.Codec{})))
}

func denied(code connect.Code, text string) error { return connect.NewError(code, errors.New(text)) }

// run runs one command line against the peer and returns what it printed and its exit code.
func (p *peer) run(args ...string) (out, errs string, code int) {
	p.t.Helper()
	p.t.Setenv("ARGOCD_OPTS", "")
	file := filepath.Join(p.t.TempDir(), "config")
	var stdout, stderr bytes.Buffer
	code = Main(append(args, "--server", p.addr, "--plaintext", "--config", file), IO{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return stdout.String(), stderr.String(), code
}

// times counts how often a method was asked.
func (p *peer) times(method string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.asked {
		if m == method {
			n++
		}
	}
	return n
}

// shop is a synced and healthy application.
func shop(version string, change ...func(*v1alpha1.Application)) *v1alpha1.Application {
	at := metav1.Time{Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "argocd", ResourceVersion: version},
		Spec:       v1alpha1.ApplicationSpec{Project: "default", Source: &v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/a.git", Path: "shop"}, Destination: v1alpha1.ApplicationDestination{Name: "in-cluster", Namespace: "shop"}},
		Status: v1alpha1.ApplicationStatus{
			Sync: v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusSynced}, Health: v1alpha1.AppHealthStatus{Status: v1alpha1.HealthStatusHealthy}, ReconciledAt: &at,
			Resources:      []v1alpha1.ResourceStatus{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Status: v1alpha1.SyncStatusSynced, Health: &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusHealthy}}},
			OperationState: &v1alpha1.OperationState{Phase: v1alpha1.OperationSucceeded, StartedAt: at, FinishedAt: &at, Operation: v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{}}},
		},
	}
	for _, c := range change {
		c(app)
	}
	return app
}

func asked(app *v1alpha1.Application) {
	app.Operation = &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{}}
}
func outOfSync(app *v1alpha1.Application) { app.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync }
func failedSync(app *v1alpha1.Application) {
	app.Status.OperationState.Phase = v1alpha1.OperationFailed
}
func degraded(app *v1alpha1.Application) {
	app.Status.Health.Status = v1alpha1.HealthStatusDegraded
	app.Status.Resources[0].Health.Status = v1alpha1.HealthStatusDegraded
}
func progressing(app *v1alpha1.Application) {
	app.Status.Health.Status = v1alpha1.HealthStatusProgressing
	app.Status.Resources[0].Health.Status = v1alpha1.HealthStatusProgressing
}

// history makes the peer show one application after the other: Get answers the first until the watch has gone on.
func (p *peer) history(first *v1alpha1.Application, events ...*v1alpha1.Application) {
	var mu sync.Mutex
	now := first
	answers(p, applicationService+"Get", func(q *argocd.ApplicationQuery) (*v1alpha1.Application, error) {
		mu.Lock()
		defer mu.Unlock()
		return now, nil
	})
	stream(p, applicationService+"Watch", func(ctx context.Context, _ *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
		for _, e := range events {
			mu.Lock()
			now = e
			mu.Unlock()
			if err := send(&argocd.ApplicationWatchEvent{Type: "MODIFIED", Application: *e}); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

func TestWaitReturnsAtOnceWhenAllIsWell(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	out, errs, code := p.run("app", "wait", "shop")
	if code != 0 || errs != "" || p.times("Watch") != 0 {
		t.Fatalf("exit %d, %d watches, %s", code, p.times("Watch"), errs)
	}
	want := "\nName:               argocd/shop\nProject:            default\nServer:             in-cluster\nNamespace:          shop\nURL:                https://cd.example.com/applications/shop\n"
	if !strings.HasPrefix(out, want) || !strings.Contains(out, "\n\nPhase:              Succeeded\n") || !strings.HasSuffix(out, "apps   Deployment  shop       web   Synced  Healthy        \n") {
		t.Errorf("got %s", out)
	}
}

func TestWaitGoesOnOverABrokenStream(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10", progressing))
	n := 0
	stream(p, applicationService+"Watch", func(ctx context.Context, q *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
		if n++; n == 1 {
			_ = send(&argocd.ApplicationWatchEvent{Type: "ADDED", Application: *shop("10", progressing)})
			return denied(connect.CodeUnavailable, "the proxy went away")
		}
		if len(q.Project) != 1 || q.Project[0] != "default" {
			return denied(connect.CodePermissionDenied, "without its project")
		}
		return send(&argocd.ApplicationWatchEvent{Type: "MODIFIED", Application: *shop("11")})
	})
	out, errs, code := p.run("app", "wait", "shop", "--health")
	if code != 0 || n != 2 || strings.Count(out, "TIMESTAMP") != 1 || !strings.Contains(out, "Health Status:      Healthy") {
		t.Errorf("exit %d after %d streams: %s%s", code, n, out, errs)
	}
}

func TestWaitTimesOut(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10", progressing), shop("11", progressing))
	out, errs, code := p.run("app", "wait", "shop", "--timeout", "1")
	if code != 20 || !strings.Contains(errs, `timed out (1s) waiting for app "shop" match desired state`) {
		t.Errorf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"\nThis is the state of the app after wait timed out:\n", "Health Status:      Progressing\n", "\nThe command timed out waiting for the conditions to be met.\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
}

func TestWaitEndsWhenHealthTurns(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10", progressing), shop("11", progressing), shop("12", degraded))
	_, errs, code := p.run("app", "wait", "shop", "--health")
	if code != 20 || !strings.Contains(errs, "application 'shop' health state has transitioned from Progressing to Degraded") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestWaitForJSONPrintsNothingElse(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10", progressing), shop("11"))
	out, _, code := p.run("app", "wait", "shop", "--health", "-o", "json")
	if code != 0 || !strings.HasPrefix(out, "{\n") || !strings.Contains(out, `"apiVersion": "argoproj.io/v1alpha1"`) {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestWaitForADeletion(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	stream(p, applicationService+"Watch", func(_ context.Context, _ *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
		_ = send(&argocd.ApplicationWatchEvent{Type: "ADDED", Application: *shop("10")})
		return send(&argocd.ApplicationWatchEvent{Type: "DELETED", Application: *shop("11")})
	})
	out, errs, code := p.run("app", "wait", "shop", "--delete")
	if code != 0 || !strings.HasPrefix(out, "TIMESTAMP ") || strings.Count(out, "\n") != 3 || !strings.HasSuffix(out, "Application 'argocd/shop' deleted\n") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// An application that goes while nobody watches is gone all the same.
func TestWaitForADeletionThatNobodySaw(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	stream(p, applicationService+"Watch", func(context.Context, *argocd.ApplicationQuery, func(*argocd.ApplicationWatchEvent) error) error {
		return denied(connect.CodeNotFound, "not found")
	})
	out, errs, code := p.run("app", "wait", "shop", "--delete")
	if code != 0 || !strings.Contains(out, "Application '") || !strings.HasSuffix(out, "deleted\n") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestSyncWaitsForItsOwnOperation(t *testing.T) {
	p := newPeer(t)
	var sent argocd.ApplicationSyncRequest
	// The first read after the request is stale: it shows the application before.
	p.history(shop("10"), shop("10"), shop("11", asked), shop("12", failedSync))
	answers(p, applicationService+"Sync", func(r *argocd.ApplicationSyncRequest) (*v1alpha1.Application, error) {
		sent = *r
		return shop("11", asked), nil
	})
	_, errs, code := p.run("app", "sync", "shop", "--prune", "--resource", "apps:Deployment:web", "--info", "why=test", "--retry-limit", "2", "--replace", "--force")
	if code != 1 || !strings.Contains(errs, "Operation has completed with phase: Failed") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if !sent.Prune || len(sent.Resources) != 1 || sent.Resources[0].Namespace != "shop" || sent.Infos[0].Value != "test" || sent.RetryStrategy.Limit != 2 || sent.RetryStrategy.Backoff.MaxDuration != "3m0s" ||
		sent.SyncOptions.Items[0] != "Replace=true" || !sent.Strategy.Hook.Force || sent.AppNamespace != "" {
		t.Errorf("asked for %+v", sent)
	}
}

func TestSyncSaysWhatIsLeftOver(t *testing.T) {
	p := newPeer(t)
	left := func(app *v1alpha1.Application) {
		outOfSync(app)
		app.Status.OperationState.SyncResult = &v1alpha1.SyncOperationResult{Resources: []v1alpha1.ResourceResult{{Kind: "ConfigMap", Name: "old", Status: v1alpha1.ResultPruneSkipped, Message: "ignored (requires pruning)"}}}
	}
	p.history(shop("10", outOfSync), shop("11", asked), shop("12", left))
	answers(p, applicationService+"Sync", func(*argocd.ApplicationSyncRequest) (*v1alpha1.Application, error) { return shop("11", asked), nil })
	if _, errs, code := p.run("app", "sync", "shop"); code != 1 || !strings.Contains(errs, "1 resources require pruning") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if _, errs, code := p.run("app", "sync", "shop", "--async"); code != 0 {
		t.Errorf("async: exit %d: %s", code, errs)
	}
	for want, args := range map[string][]string{
		"No matching app resources found for resource filter: a:b:c":                                                              {"--resource", "a:b:c"},
		"Unknown sync strategy: 'x'":                                                                                              {"--strategy", "x"},
		"While using --revisions and --source-positions, length of values for both flags should be same.":                         {"--revisions", "1", "--source-positions", "1,2"},
		"source-position cannot be less than or equal to 0, Counting starts at 1":                                                 {"--revisions", "1", "--source-positions", "0"},
		"Only one of source-positions and source-names can be specified.":                                                         {"--revisions", "1", "--source-positions", "1", "--source-names", "a"},
		"Cannot use --revisions and --source-positions options when 0 or more than 1 application names are passed as argument(s)": {"other", "--revisions", "1", "--source-positions", "1"},
	} {
		if _, errs, code := p.run(append([]string{"app", "sync", "shop"}, args...)...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
	if _, _, code := p.run("app", "sync"); code != 1 {
		t.Errorf("without names: exit %d", code)
	}
}

func configMap(v string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"},"data":{"k":"` + v + `"}}`
}

func TestDiffExits(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	items := []argocd.ResourceDiff{{Kind: "ConfigMap", Namespace: "shop", Name: "web", TargetState: configMap("b"), NormalizedLiveState: configMap("a"), PredictedLiveState: configMap("b"), Modified: true}}
	answers(p, applicationService+"ManagedResources", func(*argocd.ResourcesQuery) (*argocd.ManagedResourcesResponse, error) {
		return &argocd.ManagedResourcesResponse{Items: items}, nil
	})
	out, errs, code := p.run("app", "diff", "shop")
	if code != 1 || errs != "" || !strings.HasPrefix(out, "\n===== /ConfigMap shop/web ======\n# data.k: \"a\" → \"b\"\n@@ -1,6 +1,6 @@\n") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"--exit-code=false"}, 0}, {[]string{"--diff-exit-code", "7"}, 7}, {[]string{"--view", "side"}, 1}, {[]string{"--view", "inside out"}, 20},
		{[]string{"--server-side-diff-concurrency", "0"}, 20}, {[]string{"another"}, 2}, {[]string{"--revisions", "1", "--source-positions", "0"}, 20},
	} {
		if _, errs, code := p.run(append([]string{"app", "diff", "shop"}, c.args...)...); code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, code, c.code, errs)
		}
	}
	items[0].Modified = false
	if out, _, code := p.run("app", "diff", "shop"); code != 0 || out != "" {
		t.Errorf("nothing differs: exit %d: %s", code, out)
	}
}

func TestDiffWithAnotherTool(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	answers(p, applicationService+"ManagedResources", func(*argocd.ResourcesQuery) (*argocd.ManagedResourcesResponse, error) {
		return &argocd.ManagedResourcesResponse{Items: []argocd.ResourceDiff{{Kind: "ConfigMap", Namespace: "shop", Name: "web", TargetState: configMap("b"), NormalizedLiveState: configMap("a"), PredictedLiveState: configMap("b"), Modified: true}}}, nil
	})
	tool := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\necho \"$1 $(basename $2) $(basename $3)\"\ngrep k: $2 $3 | sed 's/.*: *//'\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECTL_EXTERNAL_DIFF", tool+" '-a b'")
	if out, errs, code := p.run("app", "diff", "shop"); code != 1 || out != "\n===== /ConfigMap shop/web ======\n-a b web-live.yaml web\na\nb\n" {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	t.Setenv("KUBECTL_EXTERNAL_DIFF", "/no/such/tool")
	if _, errs, code := p.run("app", "diff", "shop"); code != 20 || !strings.Contains(errs, "/no/such/tool") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// Another revision is compared by the server, in questions of a bounded size; Secrets are never sent to it.
func TestDiffOfARevisionAsksTheServer(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	secret := func(v string) string {
		return `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"shop"},"data":{"k":"` + v + `"}}`
	}
	answers(p, applicationService+"ManagedResources", func(*argocd.ResourcesQuery) (*argocd.ManagedResourcesResponse, error) {
		return &argocd.ManagedResourcesResponse{Items: []argocd.ResourceDiff{{Kind: "ConfigMap", Namespace: "shop", Name: "web", NormalizedLiveState: configMap("a")}, {Kind: "Secret", Namespace: "shop", Name: "s", NormalizedLiveState: secret("++++1")}}}, nil
	})
	answers(p, applicationService+"GetManifests", func(q *argocd.ApplicationManifestQuery) (*argocd.ManifestResponse, error) {
		if q.Revision != "v2" {
			return nil, denied(connect.CodeInvalidArgument, "which revision?")
		}
		return &argocd.ManifestResponse{Manifests: []string{configMap("b"), secret("++++2")}}, nil
	})
	var mu sync.Mutex
	questions := 0
	answers(p, applicationService+"ServerSideDiff", func(q *argocd.ApplicationServerSideDiffQuery) (*argocd.ApplicationServerSideDiffResponse, error) {
		mu.Lock()
		defer mu.Unlock()
		questions++
		res := &argocd.ApplicationServerSideDiffResponse{}
		for i, live := range q.LiveResources {
			if live.Kind == "Secret" {
				return nil, denied(connect.CodeInvalidArgument, "a masked secret was sent")
			}
			res.Items = append(res.Items, argocd.ResourceDiff{LiveState: live.LiveState, TargetState: q.TargetManifests[i], Modified: true})
		}
		return res, nil
	})
	out, errs, code := p.run("app", "diff", "shop", "--revision", "v2", "--view", "fields")
	if code != 1 || questions != 1 || !strings.Contains(out, `data.k: "a" → "b"`) || !strings.Contains(out, "===== /Secret shop/s ======\ndata.k:") {
		t.Errorf("exit %d, %d questions: %s%s", code, questions, out, errs)
	}
}

// A preview is printed, and nothing is synced.
func TestSyncPreviewSyncsNothing(t *testing.T) {
	p := newPeer(t)
	p.history(shop("1"))
	answers(p, applicationService+"PreviewSync", func(q *argocd.SyncPreviewRequest) (*argocd.SyncPreview, error) {
		if !q.Prune || q.Check || len(q.Resources) != 0 || q.Strategy.Hook == nil {
			return nil, denied(connect.CodeInvalidArgument, "what was asked for?")
		}
		return &argocd.SyncPreview{
			Warnings: []argocd.SyncPreviewWarning{{Type: "SyncWindow", Message: "Not now.", Blocks: true, Until: &metav1.Time{Time: time.Unix(0, 0)}}},
			Phases: []argocd.SyncPreviewPhase{{Phase: "Sync", Waves: []argocd.SyncPreviewWave{
				{Steps: []argocd.SyncPreviewStep{{Kind: "Namespace", Name: "shop", Action: "create"}}},
				{Wave: "0", Steps: []argocd.SyncPreviewStep{{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Action: "update", FieldCount: 3, Fields: []string{"spec.replicas"}, Problem: "no\nway"}}},
			}}},
		}, nil
	})
	out, errs, code := p.run("app", "sync", "shop", "--prune", "--preview")
	for _, part := range []string{"Sync   first  create         Namespace              shop", "Sync   0      update  apps   Deployment  shop       web   spec.replicas and 2 more; FAILS: no way"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	if code != 0 || !strings.Contains(errs, "Warning: Not now. (until 1970-01-01T00:00:00Z)") || p.times("Sync") != 0 {
		t.Errorf("exit %d: %s; synced %d times", code, errs, p.times("Sync"))
	}
	if _, errs, code := p.run("app", "sync", "shop", "--preview", "--local", "."); code == 0 || !strings.Contains(errs, "--local") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestListIsFilteredTwice(t *testing.T) {
	p := newPeer(t)
	var query argocd.ApplicationQuery
	answers(p, applicationService+"List", func(q *argocd.ApplicationQuery) (*v1alpha1.ApplicationList, error) {
		query = *q
		other := shop("5", func(a *v1alpha1.Application) { a.Name, a.Spec.Project = "other", "web" })
		return &v1alpha1.ApplicationList{Items: []v1alpha1.Application{*other, *shop("6")}}, nil
	})
	if out, errs, code := p.run("app", "list", "-l", "a=b", "-p", "default", "-o", "name"); code != 0 || out != "argocd/shop\n" || query.Selector != "a=b" || query.Projects[0] != "default" {
		t.Errorf("exit %d: %s%s (%+v)", code, out, errs, query)
	}
	if out, _, code := p.run("app", "list", "-p", "nobody", "-o", "json"); code != 0 || out != "[]\n" {
		t.Errorf("exit %d: %q", code, out)
	}
	if _, errs, code := p.run("app", "list", "-o", "xml"); code != 20 || !strings.Contains(errs, "unknown output format: xml") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestLogsFollowOverABreak(t *testing.T) {
	p := newPeer(t)
	n := 0
	var since []int64
	stream(p, applicationService+"PodLogs", func(_ context.Context, q *argocd.ApplicationPodLogsQuery, send func(*argocd.LogEntry) error) error {
		n++
		since = append(since, q.SinceSeconds)
		_ = send(&argocd.LogEntry{Content: "line", PodName: "web-0"})
		if n == 1 {
			return denied(connect.CodeUnavailable, "gone")
		}
		return send(&argocd.LogEntry{Last: true})
	})
	if out, errs, code := p.run("app", "logs", "shop", "-f", "--prefix", "--since-seconds", "60"); code != 0 || out != "[web-0] line\n[web-0] line\n" || len(since) != 2 || since[1] != 1 {
		t.Errorf("exit %d: %s%s %v", code, out, errs, since)
	}
	n = 0
	if out, _, code := p.run("app", "logs", "shop"); code != 1 || out != "line\n" {
		t.Errorf("without -f: exit %d: %s", code, out)
	}
}

func TestRunActionFallsBack(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10"))
	answers(p, applicationService+"ManagedResources", func(*argocd.ResourcesQuery) (*argocd.ManagedResourcesResponse, error) {
		return &argocd.ManagedResourcesResponse{Items: []argocd.ResourceDiff{{Kind: "ConfigMap", LiveState: configMap("a")}, {Kind: "ConfigMap", LiveState: strings.Replace(configMap("a"), `"web"`, `"web2"`, 1)}}}, nil
	})
	var ran []string
	answers(p, applicationService+"RunResourceAction", func(r *argocd.ResourceActionRunRequest) (*argocd.ApplicationResponse, error) {
		ran = append(ran, r.Action+" "+r.Kind+"/"+r.ResourceName)
		return &argocd.ApplicationResponse{}, nil
	})
	if _, errs, code := p.run("app", "actions", "run", "shop", "restart", "--kind", "ConfigMap"); code != 20 || !strings.Contains(errs, "multiple resources match inputs, use the --all flag to patch multiple resources") {
		t.Errorf("exit %d: %s", code, errs)
	}
	out, errs, code := p.run("app", "actions", "run", "shop", "restart", "--kind", "ConfigMap", "--all")
	if code != 0 || strings.Join(ran, ",") != "restart ConfigMap/web,restart ConfigMap/web2" || !strings.HasPrefix(out, "RunResourceActionV2 is not supported by the server") {
		t.Errorf("exit %d: %s%s %v", code, out, errs, ran)
	}
	if _, errs, code := p.run("app", "actions", "run", "shop", "restart", "--kind", "Nothing"); code != 20 || !strings.Contains(errs, "no matching resource found") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
