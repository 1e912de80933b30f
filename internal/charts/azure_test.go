package charts_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// A registry of Azure's changes this process's token into one of its own, and no other registry is shown it.
func TestAzureRegistry(t *testing.T) {
	registry := chartstest.NewRegistry(t, nil)
	pushShop(t, registry, "1.0.0")
	registry.RequireToken("00000000-0000-0000-0000-000000000000", "refresh-"+canary, "")
	var shown []string
	registry.Exchange(func(form url.Values) string {
		shown = append(shown, form.Get("access_token"))
		if form.Get("grant_type") != "access_token" || form.Get("service") != "chartstest" || form.Get("access_token") != "entra-"+canary {
			return ""
		}
		return "refresh-" + canary
	})
	token, scopes := "entra-"+canary, []string{}
	here := func(o *charts.Options) {
		o.AzureHosts = []string{"127.0.0.1"}
		o.Workload = func(_ context.Context, scope string) (source.Secret, error) {
			scopes = append(scopes, scope)
			return source.Secret(token), nil
		}
	}
	r := charts.Repository{URL: registry.Host() + "/org", OCI: true, PlainHTTP: true, Workload: true}
	c := open(t, here)
	if got := content(t, c, r, resolve(t, c, r, "shop", "1.x"), "values.yaml"); got != "1.0.0" {
		t.Error(got)
	}
	if len(shown) == 0 || strings.Join(scopes, " ") != strings.TrimSpace(strings.Repeat("https://management.core.windows.net/.default ", len(scopes))) {
		t.Errorf("shown %d times, for %v", len(shown), scopes)
	}

	ask := func(c *charts.Charts, r charts.Repository) error {
		_, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "1.x"}, time.Now())
		return err
	}
	token = "wrong-" + canary
	wantKind(t, ask(open(t, here), r), problem.Unauthenticated, "log in as what this process is in Azure")
	token, shown = "entra-"+canary, nil
	wantKind(t, ask(open(t, func(o *charts.Options) { here(o); o.AzureHosts = nil }), r), problem.Forbidden, "Azure's registries only")
	wantKind(t, ask(open(t, func(o *charts.Options) { here(o); o.AzureHosts = []string{"*.0.0.1.example", "27.0.0.1"} }), r), problem.Forbidden, "Azure's registries only")
	wantKind(t, ask(open(t, func(o *charts.Options) { here(o); o.Workload = nil }), r), problem.Invalid, "no workload identity")
	r.Workload = false
	wantKind(t, ask(open(t, here), r), problem.Unauthenticated)
	if len(shown) > 0 {
		t.Errorf("the token was shown: %d times", len(shown))
	}
}
