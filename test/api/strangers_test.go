package api_test

import (
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// TestStrangersLearnNothing asks every method that the server has without a token, with one that is no token, and with
// one that was deleted; over REST and gRPC.
func TestStrangersLearnNothing(t *testing.T) {
	h := start(t, nil)
	open := map[string]bool{
		"session.SessionService/Create": true, "session.SessionService/Delete": true, "session.SessionService/GetUserInfo": true,
		"cluster.SettingsService/Get": true, "version.VersionService/Version": true,
	}
	h.run(t, []scenario{{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("shop", `{"roles":[{"name":"ci"}]}`)}})
	_, answer := h.as(t, "admin").do(t, "POST", "/api/v1/projects/shop/roles/ci/token", `{"id":"x"}`)
	deleted := into[struct{ Token string }](t, answer).Token
	h.run(t, []scenario{{who: "admin", verb: "DELETE", path: "/api/v1/projects/shop/roles/ci/token/0?id=x"}})
	callers := map[string]*caller{"nobody": h.as(t, ""), "a forged token": h.with(t, &caller{token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImlzcyI6ImFyZ29jZCJ9."}), "a deleted token": h.with(t, &caller{token: deleted})}
	asked := 0
	for _, m := range argocd.Methods {
		name := m.Service + "/" + m.Name
		if open[name] || m.ClientStream {
			continue
		}
		for who, c := range callers {
			for _, b := range m.REST {
				path := b.Path
				for strings.Contains(path, "{") {
					head, rest, _ := strings.Cut(path, "{")
					_, tail, _ := strings.Cut(rest, "}")
					path = head + "default" + tail
				}
				status, answer := c.do(t, b.Verb, path, "{}")
				if status == http.StatusNotFound && strings.Contains(answer, "nothing is served") {
					continue // not there yet
				}
				if asked++; status != http.StatusUnauthorized {
					t.Errorf("%s by %s: %d %s", name, who, status, answer)
				}
			}
			if m.ServerStream {
				continue
			}
			_, err := api.Call[argocd.Empty, argocd.Empty](t.Context(), c.grpc, name, &argocd.Empty{})
			if code := api.Code(err); code != connect.CodeUnauthenticated && code != connect.CodeUnimplemented {
				t.Errorf("%s by %s over gRPC: %v", name, who, err)
			}
		}
	}
	if asked < 200 {
		t.Errorf("only %d requests were asked: the routes have moved", asked)
	}
}
