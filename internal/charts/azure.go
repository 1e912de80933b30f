package charts

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

const (
	// azureManager is the scope of the tokens that Azure's registries take.
	azureManager = "https://management.core.windows.net/.default"
	// azureNobody is the user that a refresh token of Azure's registries is sent with, in place of a password.
	azureNobody = "00000000-0000-0000-0000-000000000000"
)

var azureHosts = []string{"*.azurecr.io", "*.azurecr.cn", "*.azurecr.us"}

// azure logs this process in at a registry of Azure's: its token is changed there into a refresh token of the registry
// (Azure's "Authenticate with an Azure container registry": /oauth2/exchange), which is a password from then on.
func (c *Charts) azure(ctx context.Context, r Repository, service, doing string) (Repository, error) {
	origin, _ := r.registry()
	host := strings.ToLower(hostname(origin))
	hosts := c.options.AzureHosts
	if hosts == nil {
		hosts = azureHosts
	}
	known := strings.HasPrefix(origin, "https://") || c.options.AzureHosts != nil
	for _, h := range hosts {
		suffix, below := strings.CutPrefix(h, "*")
		if known && (host == h || below && strings.HasSuffix(host, suffix)) {
			return c.exchange(ctx, r, origin, service, doing)
		}
	}
	return r, problem.New(problem.Forbidden, "%s: what this process is in Azure is shown to Azure's registries only, and not to %s", doing, host).WithHint("give the repository credentials of its own")
}

func (c *Charts) exchange(ctx context.Context, r Repository, origin, service, doing string) (Repository, error) {
	if c.options.Workload == nil {
		return r, problem.New(problem.Invalid, "%s: this process has no workload identity", doing)
	}
	token, err := c.options.Workload(ctx, azureManager)
	if err != nil {
		return r, problem.Because(problem.KindOf(err), err, "%s", doing)
	}
	doing += ": log in as what this process is in Azure"
	none, plain := "", r
	plain.Insecure = false // the token is not for whoever answers
	res, err := c.send(ctx, plain, request{
		doing: doing, method: http.MethodPost, url: origin + "/oauth2/exchange", token: &none, still: true,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		body:   url.Values{"grant_type": {"access_token"}, "service": {service}, "access_token": {token.Reveal()}}.Encode(),
	})
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	text, err := readAll(res.Body, maxToken, doing)
	if err != nil {
		return r, brokenOff(err, doing)
	}
	var got struct {
		Refresh source.Secret `json:"refresh_token"`
	}
	if json.Unmarshal(text, &got) != nil || got.Refresh == "" || strings.ContainsAny(got.Refresh.Reveal(), "\r\n\x00") {
		return r, problem.New(problem.Unavailable, "%s: the answer holds no token", doing)
	}
	r.Username, r.Password = azureNobody, got.Refresh
	return r, nil
}
