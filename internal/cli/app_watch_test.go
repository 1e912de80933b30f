package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// get --watch prints once for each change, and ends when the application is gone.
func TestGetWatch(t *testing.T) {
	p := newPeer(t)
	p.history(shop("10", progressing))
	n := 0
	stream(p, applicationService+"Watch", func(_ context.Context, _ *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
		_ = send(&argocd.ApplicationWatchEvent{Type: "ADDED", Application: *shop("10", progressing)}) // the state that is printed already
		if n++; n == 1 {
			return denied(connect.CodeUnavailable, "a proxy ended the stream")
		}
		_ = send(&argocd.ApplicationWatchEvent{Type: "MODIFIED", Application: *shop("11")})
		return send(&argocd.ApplicationWatchEvent{Type: "DELETED", Application: *shop("12")})
	})
	out, errs, code := p.run("app", "get", "shop", "--watch", "-o", "yaml")
	if code != 0 || errs != "" || strings.Count(out, "---\n") != 1 || strings.Count(out, "kind: Application\n") != 2 || !strings.HasSuffix(out, "application 'argocd/shop' deleted\n") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// list --watch prints the list again after changes, once for those that come together, and not for the replay at the start.
func TestListWatch(t *testing.T) {
	p := newPeer(t)
	answers(p, applicationService+"List", func(*argocd.ApplicationQuery) (*v1alpha1.ApplicationList, error) {
		return &v1alpha1.ApplicationList{Items: []v1alpha1.Application{*shop("6")}}, nil
	})
	stream(p, applicationService+"Watch", func(_ context.Context, _ *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
		for _, e := range []string{"ADDED", "MODIFIED", "MODIFIED", "MODIFIED"} {
			_ = send(&argocd.ApplicationWatchEvent{Type: e, Application: *shop("7")})
		}
		time.Sleep(2 * settleFor)
		return denied(connect.CodePermissionDenied, "not any more")
	})
	out, errs, code := p.run("app", "list", "--watch", "-o", "name")
	if code != 20 || !strings.Contains(errs, "not any more") || out != "argocd/shop\n---\nargocd/shop\n" {
		t.Errorf("exit %d: %q %s", code, out, errs)
	}
}
