package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var built = fstest.MapFS{
	"index.html":         {Data: []byte(`<meta name="root" content=""><link href="./favicon.svg"><script src="./assets/index-1.js"></script>`)},
	"favicon.svg":        {Data: []byte(`<svg/>`)},
	"assets/index-1.js":  {Data: []byte(strings.Repeat("hawser();", 1000))},
	"assets/index-1.css": {Data: []byte(`a{}`)},
}

func getPage(p *page, path string, accept string) (*httptest.ResponseRecorder, bool) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", accept)
	served := p.serve(w, r)
	return w, served
}

// Links of Argo CD's page lead to ours; what is no screen and no file is left to others.
func TestPageHasScreens(t *testing.T) {
	p := newPage(built, "")
	for _, path := range []string{"/", "/applications", "/applications/argocd/shop", "/applications/shop", "/settings/clusters/https%3A%2F%2Fkubernetes.default.svc", "/login", "/user-info", "/help", "/new"} {
		w, served := getPage(p, path, "")
		if !served || w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(w.Body.String(), `src="/assets/index-1.js"`) {
			t.Errorf("%s: %v %d %v", path, served, w.Code, w.Header())
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy lacks %s: %s", path, part, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: %s", path, policy)
		}
		if w.Header().Get("Cache-Control") != "" {
			t.Errorf("%s is kept: the next version would not be seen", path)
		}
	}
	for _, path := range []string{"/api/v1/none", "/applicationsx", "/assets/none.js", "/assets/../index.html", "/index.html", "/healthz", "/metrics", "/loginx"} {
		if w, served := getPage(p, path, ""); served {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	if p.serve(w, httptest.NewRequest("POST", "/applications", nil)) {
		t.Error("a POST is served")
	}
}

// What is loaded once is not loaded again, and is sent packed to those who take that.
func TestPageSendsItsFiles(t *testing.T) {
	p := newPage(built, "")
	w, served := getPage(p, "/assets/index-1.js", "gzip, br")
	if !served || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Fatalf("%v %v", served, w.Header())
	}
	z, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, built["assets/index-1.js"].Data) {
		t.Errorf("%v: %d bytes", err, len(text))
	}
	if w, _ := getPage(p, "/assets/index-1.js", ""); w.Header().Get("Content-Encoding") != "" || w.Body.Len() != 9000 {
		t.Errorf("%v %d", w.Header(), w.Body.Len())
	}
	if w, _ := getPage(p, "/favicon.svg", ""); w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Error(w.Header())
	}
	w = httptest.NewRecorder()
	if !p.serve(w, httptest.NewRequest("HEAD", "/", nil)) || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d bytes, %v", w.Body.Len(), w.Header())
	}
}

// Below a root path, the page finds its files and its server at any depth.
func TestPageBelowARoot(t *testing.T) {
	w, _ := getPage(newPage(built, `/deploy/"haw`), "/applications/argocd/shop", "")
	for _, part := range []string{`src="/deploy/&#34;haw/assets/index-1.js"`, `name="root" content="/deploy/&#34;haw"`} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s is missing in %s", part, w.Body)
		}
	}
}

// A binary that was built without Node says so, and serves the rest.
func TestPageThatWasNotBuilt(t *testing.T) {
	w, served := getPage(newPage(fstest.MapFS{"README": {}}, ""), "/applications", "")
	if !served || w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "make web") {
		t.Errorf("%v %d %s", served, w.Code, w.Body)
	}
}
