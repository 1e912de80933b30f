package scale_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/clustertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	listed  = flag.Int("listed", 10_000, "applications that the API lists")
	streams = flag.Int("streams", 200, "watches that are open at once")
	changes = flag.Int("changes", 100, "applications that change each second while they are open")
	seconds = flag.Int("seconds", 10, "how long they change")
)

// crowd is a Hawser with many applications that are not reconciled: what is measured is the API.
type crowd struct {
	*clustertest.Cluster
	*hawser
	control string
	client  dynamic.ResourceInterface
}

// member is an application of the size that one with five objects and a history of three has.
func member(i int) *unstructured.Unstructured {
	name := fmt.Sprintf("app-%05d", i)
	source := map[string]any{"repoURL": "https://git.example/platform.git", "path": "services/" + name, "targetRevision": "main"}
	commit := strings.Repeat("4c1f2d9a", 5)
	var resources, history, results []any
	for n, kind := range []string{"Deployment", "Service", "ServiceAccount", "ConfigMap", "Ingress"} {
		resources = append(resources, map[string]any{"version": "v1", "kind": kind, "namespace": "prod", "name": name, "status": "Synced", "health": map[string]any{"status": "Healthy"}})
		results = append(results, map[string]any{"group": "", "version": "v1", "kind": kind, "namespace": "prod", "name": name, "status": "Synced", "message": "configured", "hookPhase": "Running", "syncPhase": "Sync"})
		if n < 3 {
			history = append(history, map[string]any{"id": int64(n), "revision": commit, "deployedAt": "2026-11-01T10:00:00Z", "deployStartedAt": "2026-11-01T09:59:58Z", "source": source})
		}
	}
	health, sync := "Healthy", "Synced"
	if i%10 == 0 {
		health, sync = "Degraded", "OutOfSync"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"name": name, "labels": map[string]any{"team": fmt.Sprint(i % 20)}, "annotations": map[string]any{"argocd.argoproj.io/skip-reconcile": "true"}},
		"spec": map[string]any{
			"project": fmt.Sprintf("team-%d", i%20), "source": source, "destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": "prod"},
			"syncPolicy": map[string]any{"automated": map[string]any{"prune": true, "selfHeal": true}},
		},
		"status": map[string]any{
			"sync":   map[string]any{"status": sync, "revision": commit, "comparedTo": map[string]any{"source": source, "destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": "prod"}}},
			"health": map[string]any{"status": health}, "resources": resources, "history": history, "reconciledAt": "2026-11-01T10:00:00Z", "sourceType": "Directory",
			"operationState": map[string]any{"phase": "Succeeded", "message": "successfully synced (all tasks run)", "startedAt": "2026-11-01T09:59:58Z", "finishedAt": "2026-11-01T10:00:00Z",
				"operation": map[string]any{"sync": map[string]any{"revision": commit}}, "syncResult": map[string]any{"revision": commit, "source": source, "resources": results}},
			"summary": map[string]any{"images": []any{"registry.example/shop/" + name + ":1.0"}},
		},
	}}
}

func gather(b *testing.B) *crowd {
	t := lasting{b}
	c := &crowd{Cluster: clustertest.Start(t)}
	c.control = c.Namespace(t)
	c.Apply(t, "", string(deploy.CRDManifest()))
	c.Apply(t, c.control, fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm, namespace: %[1]s}, data: {accounts.alice: "login, apiKey"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-rbac-cm, namespace: %[1]s}, data: {policy.csv: "p, alice, applications, get, team-3/*, allow"}}`, c.control))
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	c.client = client.Resource(applications).Namespace(c.control)
	began := time.Now()
	work := make(chan int)
	var hands sync.WaitGroup
	for range 16 {
		hands.Go(func() {
			for i := range work {
				if _, err := c.client.Create(context.Background(), member(i), metav1.CreateOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range *listed {
		work <- i
	}
	close(work)
	hands.Wait()
	b.Logf("%d applications created in %s", *listed, time.Since(began).Round(time.Second))
	c.hawser = &hawser{flags: []string{"serve", "--kubeconfig", c.Kubeconfig, "--namespace", c.control, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0", "--identity", "scale", "--insecure"}}
	c.hawser.start(t)
	t.Cleanup(c.hawser.kill)
	return c
}

// login returns a token of admin, and one of alice, who sees one project of twenty.
func (c *crowd) login(b *testing.B) (admin, alice string) {
	secret := c.Get(b, "v1", "Secret", c.control, "argocd-initial-admin-secret")
	encoded, _, _ := unstructured.NestedString(secret.Object, "data", "password")
	password, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		b.Fatal(err)
	}
	var session, token struct{ Token string }
	c.post(b, "/api/v1/session", "", map[string]string{"username": "admin", "password": string(password)}, &session)
	c.post(b, "/api/v1/account/alice/token", session.Token, map[string]any{}, &token)
	return session.Token, token.Token
}

func (c *crowd) post(b *testing.B, path, token string, body, answer any) {
	data, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest("POST", "http://"+c.addr+path, bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || json.Unmarshal(text, answer) != nil {
		b.Fatalf("%s: %v %s", path, err, text)
	}
}

func (c *crowd) get(b *testing.B, token, path string) []byte {
	r, err := http.NewRequest("GET", "http://"+c.addr+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		b.Fatalf("%s: %d %v %.200s", path, res.StatusCode, err, data)
	}
	return data
}

// BenchmarkList asks for lists of many applications, as somebody who may see all and as somebody who may see a twentieth.
func BenchmarkList(b *testing.B) {
	c := gather(b)
	admin, alice := c.login(b)
	const table = "fields=metadata,items.metadata.name,items.metadata.namespace,items.spec.project,items.spec.destination,items.status.sync.status,items.status.health.status"
	for _, q := range []struct {
		name, token, path string
		items             int
	}{
		{"restricted-user", alice, "/api/v1/applications", *listed / 20},
		{"all", admin, "/api/v1/applications", *listed},
		{"all-some-fields", admin, "/api/v1/applications?" + table, *listed},
		{"page-of-50", admin, "/api/v1/applications?limit=50&search=app-00&sort=-health", 50},
		{"page-of-50-restricted", alice, "/api/v1/applications?limit=50&health=Healthy&" + table, 50},
		{"by-label", admin, "/api/v1/applications?selector=team%3D7&" + table, *listed / 20},
	} {
		b.Run(q.name, func(b *testing.B) {
			var list struct{ Items []json.RawMessage }
			var size int
			before := c.usage(b)
			for b.Loop() {
				data := c.get(b, q.token, q.path)
				size = len(data)
			}
			used := c.usage(b).since(before)
			if err := json.Unmarshal(c.get(b, q.token, q.path), &list); err != nil || q.items > 0 && len(list.Items) != q.items {
				b.Fatalf("%d items, want %d: %v", len(list.Items), q.items, err)
			}
			b.ReportMetric(float64(size)/1024, "KiB")
			b.ReportMetric(float64(used.cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
	b.Run("watch", func(b *testing.B) { c.watch(b, admin) })
	b.Logf("memory at the end %.0f MiB", c.memory(b))
}

// watch opens many streams, changes applications while they are open, and checks that every stream ends up with the last
// state of every application that changed.
func (c *crowd) watch(b *testing.B, token string) {
	version := struct {
		Metadata struct{ ResourceVersion string }
	}{}
	if err := json.Unmarshal(c.get(b, token, "/api/v1/applications?limit=1"), &version); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	fields := "fields=result.type,result.application.metadata.name,result.application.metadata.labels,result.application.status.sync.status,result.application.status.health.status"
	seen := make([]map[string]string, *streams)
	var events atomic.Int64
	var open, closed sync.WaitGroup
	for i := range *streams {
		open.Add(1)
		closed.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+c.addr+"/api/v1/stream/applications?resourceVersion="+version.Metadata.ResourceVersion+"&"+fields, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			res, err := http.DefaultClient.Do(r)
			open.Done()
			if err != nil {
				b.Error(err)
				return
			}
			defer res.Body.Close()
			seen[i] = map[string]string{}
			for lines := bufio.NewReader(res.Body); ; {
				line, err := lines.ReadBytes('\n')
				if err != nil {
					if ctx.Err() == nil {
						b.Errorf("stream %d ended: %v", i, err)
					}
					return
				}
				var e struct {
					Result struct {
						Application struct {
							Metadata struct {
								Name   string
								Labels map[string]string
							}
						}
					}
				}
				if err := json.Unmarshal(line, &e); err != nil {
					b.Errorf("%v: %.100s", err, line)
					return
				}
				m := e.Result.Application.Metadata
				seen[i][m.Name] = m.Labels["round"]
				events.Add(1)
			}
		})
	}
	open.Wait()
	before, memory := c.usage(b), c.memory(b)
	peak := memory
	last := map[string]string{}
	began := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(*changes))
	defer tick.Stop()
	work := make(chan [2]string, 1000)
	var hands sync.WaitGroup
	for range 8 {
		hands.Go(func() {
			for w := range work {
				patch := fmt.Sprintf(`{"metadata":{"labels":{"round":%q}}}`, w[1])
				if _, err := c.client.Patch(context.Background(), w[0], types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := range *changes * *seconds {
		<-tick.C
		name, round := fmt.Sprintf("app-%05d", n*7%*listed), fmt.Sprintf("%d-%d", began.UnixNano(), n)
		last[name] = round
		work <- [2]string{name, round}
		if n%*changes == 0 {
			peak = max(peak, c.memory(b))
		}
	}
	close(work)
	hands.Wait()
	took := time.Since(began)
	deadline := time.Now().Add(clustertest.Patience)
	for int(events.Load()) < len(last)**streams && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	behind := time.Since(began) - took
	used := c.usage(b).since(before)
	stop()
	closed.Wait()
	http.DefaultClient.CloseIdleConnections()
	b.Logf("%d events of %d changes", events.Load(), len(last))
	var missed error
	for i, got := range seen {
		for name, round := range last {
			if got[name] != round {
				missed = errors.Join(missed, fmt.Errorf("stream %d has %s at %q, not %q", i, name, got[name], round))
				break
			}
		}
	}
	if missed != nil {
		b.Fatal(missed)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(events.Load())/took.Seconds(), "events/s")
	b.ReportMetric(used.cpu.Seconds()/took.Seconds()*100, "cpu-%")
	b.ReportMetric(float64(behind.Milliseconds()), "behind-ms")
	b.ReportMetric(memory, "MiB-before")
	b.ReportMetric(peak, "MiB-peak")
}
