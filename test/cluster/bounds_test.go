package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// What a running hawser holds, does and lets wait can be read, under names that Prometheus' own checks approve of and
// docs/bounds.md tells; queues are empty again when the work is done.
func TestFiguresOfBounds(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "bounds", map[string]string{"app/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bounded}\ndata: {v: '1'}\n"})
	h.apply(t, app{name: h.name("bounds"), repo: repo.URL, path: "app", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, h.name("bounds"), synced(repo.Head(t)))
	for prefix, least := range map[string]float64{
		`hawser_cache_bytes{cache="renders"}`: 1, `hawser_cache_bytes{cache="git_folders"}`: 1, `hawser_git_mirrors `: 1, `hawser_git_mirrors_bytes `: 0,
		`hawser_work_running_limit{work="looks"}`: 2, `hawser_work_running_limit{work="renders"}`: 8, `hawser_records{kind="Application"}`: 1,
		`hawser_cluster_watches{`: 10, `hawser_applications_remembered `: 1, `hawser_http_connections `: 1, `hawser_http_connections_limit `: 8192,
		`hawser_work_running_limit{work="applicationset_looks"}`: 4, `workqueue_depth{name="app_reconciliation_queue"}`: 0,
	} {
		if got := h.metric(t, prefix); got < least {
			t.Errorf("%s is %v, less than %v", prefix, got, least)
		}
	}
	clustertest.Wait(t, "empty queues", func(context.Context) error {
		for _, prefix := range []string{"hawser_queue_length{queue=\"applications_urgent", "hawser_queue_length{queue=\"record_changes", "hawser_cluster_changes_waiting{", "workqueue_depth{", "hawser_work_running{work=\"renders"} {
			if n := h.metric(t, prefix); n != 0 {
				return fmt.Errorf("%s: %v", prefix, n)
			}
		}
		return nil
	})

	res, err := http.Get("http://" + h.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(strings.NewReader(string(text))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "hawser_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	page, err := os.ReadFile("../../docs/bounds.md")
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "# TYPE hawser_"); ok {
			served++
			if name, _, _ = strings.Cut(name, " "); !strings.Contains(string(page), "`hawser_"+name) {
				t.Errorf("hawser_%s is served, and docs/bounds.md does not tell", name)
			}
		}
	}
	if served < 40 {
		t.Errorf("only %d figures are served", served) // counters with labels come with their first count
	}
}
