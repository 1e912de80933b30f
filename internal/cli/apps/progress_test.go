package apps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestProgress(t *testing.T) {
	app := web()
	op := app.Status.OperationState
	op.Phase, op.FinishedAt, op.Message, op.RetryCount = v1alpha1.OperationRunning, nil, "waiting for healthy state of apps/Deployment/web", 1
	want := `
argocd/web  Running to 53e28ff  72s  try 2
  waiting for healthy state of apps/Deployment/web
PreSync
  ✔ Job/migrate (hook)                       Succeeded
Sync
  wave 0
    … ConfigMap/gone                           Pruned  pruned
    · ConfigMap/old                            OutOfSync
    ✔ Service/web                              Synced Healthy
  wave 1
    … Deployment/web                           Synced Progressing  deployment.apps/web configured`
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.Join(Progress(app, nil, 0, 0, noon), "\n")); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	small := Progress(app, nil, 30, 10, noon)
	if len(small) != 10 || small[9] != "… and 2 more" {
		t.Errorf("got %d lines: %q", len(small), small)
	}
	for _, line := range small {
		if n := len([]rune(line)); n > 30 {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.Contains(line, "✔") {
			t.Errorf("what is done is shown though there is no room: %s", line)
		}
	}
	tiny := Progress(app, nil, 30, 3, noon)
	if len(tiny) != 3 {
		t.Errorf("got %q", tiny)
	}
	app.Operation = &v1alpha1.Operation{}
	op.Phase = v1alpha1.OperationSucceeded // the one before
	if got := Progress(app, nil, 0, 0, noon)[0]; got != "argocd/web  waits to be taken up" {
		t.Errorf("got %s", got)
	}
}
