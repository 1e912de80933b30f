package generator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// service is a plugin on a real socket: it checks what it is asked as Argo CD's contract has it, and answers with body.
func service(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/base/api/v1/getparams.execute" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("it was asked by %s %s %v", r.Method, r.URL, r.Header)
		}
		if r.Header.Get("Authorization") != "Bearer strong-password" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		text, _ := io.ReadAll(r.Body)
		var in struct {
			ApplicationSetName string
			Input              struct{ Parameters map[string]any }
		}
		if err := json.Unmarshal(text, &in); err != nil || in.ApplicationSetName != "web" || in.Input.Parameters == nil {
			t.Errorf("it was asked %s", text)
		}
		if strings.Contains(body, "%s") {
			body = fmt.Sprintf(body, in.Input.Parameters["env"])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/base/"
}

func TestAsk(t *testing.T) {
	url := service(t, 200, `{"output":{"parameters":[{"env":"%s","n":{"deep":[1]}},{}]}}`)
	got, err := New().Ask(t.Context(), Service{URL: url, Token: "strong-password"}, "web", map[string]v1alpha1.RawJSON{"env": {Raw: []byte(`"prod"`)}})
	if err != nil || len(got) != 2 || got[0]["env"] != "prod" || fmt.Sprint(got[0]["n"]) != "map[deep:[1]]" {
		t.Fatalf("it answers %v, %v", got, err)
	}
	if got, err = New().Ask(t.Context(), Service{URL: service(t, 200, `{"output":{"parameters":[]}}`), Token: "strong-password"}, "web", nil); err != nil || len(got) != 0 {
		t.Fatalf("an empty list is %v, %v", got, err)
	}
}

// Nothing but a list is a list; and no error tells the token.
func TestAskRefuses(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked, with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	away := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(away.Close)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	for name, c := range map[string]struct {
		service Service
		kind    problem.Kind
		part    string
	}{
		"500":             {Service{URL: service(t, 500, `{"message":"no database; token strong-password"}`)}, problem.Unavailable, "answers 500: no database; token ******"},
		"wrong token":     {Service{URL: service(t, 200, `{}`), Token: "other"}, problem.Unavailable, "answers 403"},
		"a page":          {Service{URL: service(t, 200, `<html>sign in</html>`)}, problem.Unavailable, "does not answer with parameters"},
		"nothing":         {Service{URL: service(t, 200, ``)}, problem.Unavailable, "does not answer with parameters"},
		"no output":       {Service{URL: service(t, 200, `{}`)}, problem.Unavailable, "holds no list output.parameters"},
		"null":            {Service{URL: service(t, 200, `{"output":{"parameters":null}}`)}, problem.Unavailable, "holds no list output.parameters"},
		"null in it":      {Service{URL: service(t, 200, `{"output":{"parameters":[null]}}`)}, problem.Unavailable, "element 1"},
		"scalars":         {Service{URL: service(t, 200, `{"output":{"parameters":["a"]}}`)}, problem.Unavailable, "does not answer with parameters"},
		"cut short":       {Service{URL: service(t, 200, `{"output":{"parameters":[{"a":"b"}`)}, problem.Unavailable, "does not answer with parameters"},
		"endless":         {Service{URL: service(t, 200, `{"output":{"parameters":[`+strings.Repeat(`{"a":"bbbbbbbb"},`, 700_000))}, problem.Limit, "more than 8 MiB"},
		"redirect":        {Service{URL: away.URL}, problem.Unavailable, "redirects"},
		"slow":            {Service{URL: slow.URL, Timeout: 50 * time.Millisecond}, problem.Unavailable, "does not answer within 50ms"},
		"file":            {Service{URL: "file:///etc/passwd"}, problem.Invalid, "no address"},
		"password in it":  {Service{URL: "http://user:strong-password@127.0.0.1:1/"}, problem.Invalid, "no address"},
		"nobody is there": {Service{URL: "http://127.0.0.1:1/"}, problem.Unavailable, "ask plugin at 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.service.Token == "" {
				c.service.Token = "strong-password"
			}
			_, err := New().Ask(t.Context(), c.service, "web", nil)
			if err == nil || problem.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.part) {
				t.Errorf("it says %v (%v)", err, problem.KindOf(err))
			}
			if all := fmt.Sprintf("%v %+v %#v %s", err, c.service, c.service, c.service); strings.Contains(all, "strong-password") {
				t.Errorf("the token is told: %s", all)
			}
		})
	}
}
