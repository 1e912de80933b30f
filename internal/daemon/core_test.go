package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/rbac"
)

func TestACoreAnswersOnlyWhoKnowsItsSecret(t *testing.T) {
	h := onlyWith("secret", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(CoreHeader) != "" {
			t.Error("the secret is passed on")
		}
	}))
	for header, want := range map[string]int{"": 403, "secre": 403, "secret2": 403, "secret": 200} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/applications", nil)
		if header != "" {
			r.Header.Set(CoreHeader, header)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q: got %d, want %d", header, w.Code, want)
		}
	}
}

type fixedRecords struct {
	auth.Records
	s auth.Snapshot
}

func (f fixedRecords) Read() auth.Snapshot { return f.s }

func TestACoreLetsEverybodyDoEverythingAndChangesNoRecord(t *testing.T) {
	cm := map[string]string{"users.anonymous.enabled": "false"}
	a := &anonymously{Records: fixedRecords{s: auth.Snapshot{Version: "1", CM: cm}}}
	if got := a.Read(); got.CM["users.anonymous.enabled"] != "true" || got.Version != "1" || cm["users.anonymous.enabled"] != "false" {
		t.Errorf("got %v, and the records hold %v", got, cm)
	}
	for _, q := range []rbac.Request{{Resource: "applications", Action: "delete", Object: "default/web"}, {Resource: "accounts", Action: "update", Object: "admin"}} {
		if d := everything()().For(rbac.Subject{}).May(q); !d.Allowed {
			t.Errorf("%v: %s", q, d)
		}
	}
}
