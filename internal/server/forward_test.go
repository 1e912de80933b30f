package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// An agent's server answers what a hub passes on, and nothing else: not its own records, and nothing that is no method.
func TestAgentServesWhatIsPassedOn(t *testing.T) {
	reached := ""
	h := PassedOn(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached = r.URL.Path }))
	knock := func(method, path string) bool {
		reached = ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if (reached == "") != (w.Code == http.StatusNotFound) {
			t.Errorf("%s %s: %d, and reached %q", method, path, w.Code, reached)
		}
		return reached != ""
	}
	for _, m := range argocd.Methods {
		name := m.Service + "/" + m.Name
		_, passed := passedOn[name]
		if knock("POST", "/"+name) != passed {
			t.Errorf("%s is passed on: %v", name, passed)
		}
	}
	for _, name := range []string{"Create", "Update", "Patch", "Delete", "Sync", "Rollback", "List", "Get"} {
		if _, passed := passedOn["application.ApplicationService/"+name]; passed {
			t.Errorf("%s is about the hub's record, and is passed on", name)
		}
	}
	for _, path := range []string{"/", "/api/v1/applications", "/api/v1/applications/web/resource-tree", "/terminal", "/metrics", "/agent", "/api/webhook", "//application.ApplicationService/PodLogs", "/application.ApplicationService/PodLogs/"} {
		if knock("GET", path) || knock("POST", path) {
			t.Errorf("%s is served to a hub", path)
		}
	}
	if knock("GET", "/application.ApplicationService/PodLogs") {
		t.Error("a method is served to GET")
	}
}
