// Package chartstest runs Helm repositories and OCI registries on the loopback, for _test.go files.
//
// The idea: a Helm repository is files and an index, which is all that one is; a registry is go-containerregistry's, which
// implements the distribution specification; in front of both stands a guard that asks for credentials as real ones do.
// Read NewRepository and NewRegistry first. The package refuses to judge what clients ask: it counts.
package chartstest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Archive packs files into a tar.gz.
func Archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	out := &bytes.Buffer{}
	zip := gzip.NewWriter(out)
	if _, err := zip.Write(Tar(t, files)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Tar packs files into a tar.
func Tar(t testing.TB, files map[string]string) []byte {
	t.Helper()
	out := &bytes.Buffer{}
	w := tar.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Chart packs a chart as helm package does: a Chart.yaml is made unless files has one.
func Chart(t testing.TB, name, version string, files map[string]string) []byte {
	t.Helper()
	all := map[string]string{name + "/Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %q\ndescription: the %s of tests\nhome: https://example.com/%s\nmaintainers: [{name: Ada, email: ada@example.com}]\n", name, version, name, name)}
	for p, text := range files {
		all[name+"/"+p] = text
	}
	return Archive(t, all)
}

// Digest is sha256:… of content.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Server is what both kinds have: a guard, counters and faults.
type Server struct {
	URL string // http://… or https://…
	CA  []byte // PEM; nil without TLS

	http *httptest.Server

	mu       sync.Mutex
	user     string
	password string
	tokens   string // address of the token service; empty: basic credentials
	token    string // what it gives out
	down     bool
	wrap     func(http.Handler) http.Handler
	asked    []string // "METHOD path" of every request that was let in
	denied   int
	tickets  int // tokens given out
	exchange func(url.Values) string
}

func (s *Server) start(t testing.TB, h http.Handler, secure *tls.Config) {
	t.Helper()
	s.http = httptest.NewUnstartedServer(s.guard(h))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates are what some tests are about
	if secure == nil {
		s.http.Start()
	} else {
		s.http.TLS = secure
		s.http.StartTLS()
		s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
	}
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
}

// Host is host:port.
func (s *Server) Host() string {
	_, host, _ := strings.Cut(s.URL, "://")
	return host
}

// RequireAuth makes the server answer 401 without these credentials.
func (s *Server) RequireAuth(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user, s.password = user, password
}

// RequireToken is RequireAuth by tokens: the server names a service of its own that changes the credentials into one.
// realm, if not empty, is what it names instead.
func (s *Server) RequireToken(user, password, realm string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user, s.password, s.tokens, s.token = user, password, realm, "ticket-1"
	if realm == "" {
		s.tokens = s.URL + "/token"
	}
}

// Exchange has the server give out refresh tokens, as Azure's registries do: f is asked with the form, and "" refuses.
func (s *Server) Exchange(f func(url.Values) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchange = f
}

// ExpireTokens makes all tokens given out so far worthless.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = fmt.Sprintf("ticket-%d", s.tickets+100)
}

// Down makes the server answer 503 until Down(false).
func (s *Server) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Wrap puts a handler of the test before the server, behind the guard.
func (s *Server) Wrap(f func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap = f
}

// Asked returns how many requests were let in whose "METHOD path" holds what.
func (s *Server) Asked(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if strings.Contains(a, what) {
			n++
		}
	}
	return n
}

// Denied returns how many requests were answered 401, and Tickets how many tokens were given out.
func (s *Server) Denied() int { s.mu.Lock(); defer s.mu.Unlock(); return s.denied }

// Tickets is documented with Denied.
func (s *Server) Tickets() int { s.mu.Lock(); defer s.mu.Unlock(); return s.tickets }

func (s *Server) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		user, password, basic := r.BasicAuth()
		mayEnter := s.user == "" || basic && user == s.user && password == s.password
		down, wrap := s.down, s.wrap
		if s.exchange != nil && r.URL.Path == "/oauth2/exchange" && r.Method == http.MethodPost && r.ParseForm() == nil {
			refresh := s.exchange(r.PostForm)
			s.mu.Unlock()
			if refresh == "" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"refresh_token": refresh})
			return
		}
		if s.tokens != "" {
			if r.URL.Path == "/token" {
				s.serveToken(w, r, mayEnter)
				s.mu.Unlock()
				return
			}
			mayEnter = r.Header.Get("Authorization") == "Bearer "+s.token
		}
		ask := `Basic realm="chartstest"`
		if s.tokens != "" {
			ask = fmt.Sprintf(`Bearer realm=%q,service="chartstest"`, s.tokens)
		}
		if mayEnter {
			s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		} else {
			s.denied++
		}
		s.mu.Unlock()
		next := h
		if wrap != nil {
			next = wrap(h)
		}
		switch {
		case down:
			http.Error(w, "down", http.StatusServiceUnavailable)
		case !mayEnter:
			w.Header().Set("WWW-Authenticate", ask)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, mayEnter bool) {
	if !mayEnter || r.URL.Query().Get("service") != "chartstest" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.tickets++
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": s.token, "expires_in": 300})
}

// Repository is a Helm repository.
type Repository struct {
	Server
	files   map[string][]byte
	entries map[string][]map[string]any
	version int
	// NoDigest leaves digests out of the index, as old tools do; Base is put before the archives' names in it.
	NoDigest bool
	Base     string
}

// NewRepository starts an empty Helm repository; secure, if not nil, makes it speak TLS so.
func NewRepository(t testing.TB, secure *tls.Config) *Repository {
	t.Helper()
	r := &Repository{files: map[string][]byte{}, entries: map[string][]map[string]any{}}
	r.start(t, http.HandlerFunc(r.serve), secure)
	return r
}

// Add puts a packed chart into the repository.
func (r *Repository) Add(name, version string, packed []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	file := name + "-" + version + ".tgz"
	r.files["/"+file] = packed
	entry := map[string]any{"name": name, "version": version, "urls": []string{r.Base + file}, "created": "2026-01-02T03:04:05.678Z"}
	if !r.NoDigest {
		entry["digest"] = strings.TrimPrefix(Digest(packed), "sha256:")
	}
	r.entries[name] = append(r.entries[name], entry)
	r.version++
}

// Replace changes the bytes of an archive, and says nothing of it in the index.
func (r *Repository) Replace(name, version string, packed []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files["/"+name+"-"+version+".tgz"] = packed
}

func (r *Repository) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.URL.Path == "/index.yaml" {
		etag := fmt.Sprintf("%q", fmt.Sprint("v", r.version))
		w.Header().Set("ETag", etag)
		if req.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "entries": r.entries, "generated": "2026-01-02T03:04:05Z"})
		return
	}
	data, ok := r.files[req.URL.Path]
	if !ok {
		http.NotFound(w, req)
		return
	}
	_, _ = w.Write(data)
}

// Registry is an OCI registry.
type Registry struct{ Server }

// NewRegistry starts an empty registry; secure, if not nil, makes it speak TLS so.
func NewRegistry(t testing.TB, secure *tls.Config) *Registry {
	t.Helper()
	r := &Registry{}
	r.start(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))), secure)
	return r
}

// Layer is one layer of an artifact.
type Layer struct {
	MediaType string
	Content   []byte
}

// Media types of what is pushed most.
const (
	HelmConfig = "application/vnd.cncf.helm.config.v1+json"
	HelmChart  = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	TarGzip    = "application/vnd.oci.image.layer.v1.tar+gzip"
	PlainTar   = "application/vnd.oci.image.layer.v1.tar"
	Empty      = "application/vnd.oci.empty.v1+json"
)

// PushChart puts a packed chart into the registry as helm push does, and returns its manifest's digest.
func (r *Registry) PushChart(t testing.TB, name, version string, packed []byte) string {
	t.Helper()
	return r.Push(t, name, strings.ReplaceAll(version, "+", "_"), HelmConfig, nil, Layer{HelmChart, packed})
}

// Push puts an artifact into the registry under a tag and returns its manifest's digest.
func (r *Registry) Push(t testing.TB, name, tag, config string, annotations map[string]string, layers ...Layer) string {
	t.Helper()
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	blob := func(content []byte, mediaType string) descriptor {
		d := Digest(content)
		r.put(t, http.MethodPost, "/v2/"+name+"/blobs/uploads/?digest="+url.QueryEscape(d), content, "application/octet-stream")
		return descriptor{mediaType, d, len(content)}
	}
	m := map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": blob([]byte("{}"), config)}
	var list []descriptor
	for _, l := range layers {
		list = append(list, blob(l.Content, l.MediaType))
	}
	m["layers"] = list
	if annotations != nil {
		m["annotations"] = annotations
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r.PutManifest(t, name, tag, "application/vnd.oci.image.manifest.v1+json", text)
	return Digest(text)
}

// PutManifest puts a manifest as it is under a tag.
func (r *Registry) PutManifest(t testing.TB, name, tag, mediaType string, text []byte) {
	t.Helper()
	r.put(t, http.MethodPut, "/v2/"+name+"/manifests/"+tag, text, mediaType)
}

// put writes past the guard: who pushes is not what is tested.
func (r *Registry) put(t testing.TB, method, path string, content []byte, mediaType string) {
	t.Helper()
	r.mu.Lock()
	user, password, tokens, token := r.user, r.password, r.tokens, r.token
	r.mu.Unlock()
	req, err := http.NewRequest(method, r.URL+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	switch {
	case tokens != "":
		req.Header.Set("Authorization", "Bearer "+token)
	case user != "":
		req.SetBasicAuth(user, password)
	}
	res, err := r.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%s %s: %s %s", method, path, res.Status, text)
	}
}
