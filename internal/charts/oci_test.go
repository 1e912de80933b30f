package charts_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/problem"
)

func readBody(res *http.Response) string {
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// damage changes the last byte of every file in the cache.
func damage(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("nothing is kept", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(f, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func pushShop(t *testing.T, r *chartstest.Registry, versions ...string) {
	t.Helper()
	for _, v := range versions {
		r.PushChart(t, "org/shop", v, chartstest.Chart(t, "shop", v, map[string]string{"values.yaml": v}))
	}
}

func TestAChartOfARegistry(t *testing.T) {
	server := chartstest.NewRegistry(t, &tls.Config{})
	pushShop(t, server, "1.0.0", "1.2.0", "1.10.0+build.1", "2.0.0-rc.1")
	c := open(t)
	for _, address := range []string{server.Host() + "/org", "oci://" + server.Host() + "/org", "https://" + server.Host() + "/org/"} {
		r := charts.Repository{URL: address, OCI: true, CA: server.CA}
		for revision, want := range map[string]string{"1.x": "1.10.0+build.1", "*": "1.10.0+build.1", "1.2.0": "1.2.0", "v1.2.0": "1.2.0", "1.10.0+build.1": "1.10.0+build.1", "2.0.0-rc.1": "2.0.0-rc.1", "1.2": "1.2.0"} {
			rel := resolve(t, c, r, "shop", revision)
			if rel.Revision != want || rel.Version != want {
				t.Errorf("%s: %s", revision, rel.Revision)
			}
			if got := content(t, c, r, rel, "values.yaml"); got != want {
				t.Errorf("%s: %s", revision, got)
			}
		}
		tags, err := c.Tags(context.Background(), r, "shop", time.Time{})
		if err != nil || !slices.Equal(tags, []string{"2.0.0-rc.1", "1.10.0+build.1", "1.2.0", "1.0.0"}) {
			t.Errorf("%v %v", tags, err)
		}
		_, err = c.Resolve(context.Background(), r, charts.Wanted{Chart: "none", Revision: "1.x"}, time.Time{})
		wantKind(t, err, problem.NotFound)
		_, err = c.List(context.Background(), r, time.Time{})
		wantKind(t, err, problem.Unsupported, "registries do not list")
	}
	_, err := c.Resolve(context.Background(), charts.Repository{URL: server.Host() + "/org", OCI: true}, charts.Wanted{Chart: "shop", Revision: "1.0.0"}, time.Now())
	wantKind(t, err, problem.Unavailable, "argocd-tls-certs-cm")
}

func TestAnArtifactIsATree(t *testing.T) {
	server := chartstest.NewRegistry(t, nil)
	files := map[string]string{"web/a.yaml": "A", "b.yaml": "B"}
	about := map[string]string{"org.opencontainers.image.created": "2026-01-02T03:04:05Z", "org.opencontainers.image.version": "7", "org.opencontainers.image.description": "manifests"}
	one := server.Push(t, "org/manifests", "1.0.0", chartstest.Empty, about, chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, files)})
	server.Push(t, "org/manifests", "latest", chartstest.Empty, nil, chartstest.Layer{MediaType: chartstest.PlainTar, Content: chartstest.Tar(t, map[string]string{"b.yaml": "B2"})},
		chartstest.Layer{MediaType: "application/vnd.in-toto+json", Content: []byte("{}")})
	server.Push(t, "org/manifests", "1.1.0-rc.1", chartstest.Empty, nil, chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, map[string]string{"b.yaml": "rc"})})
	server.PushChart(t, "org/manifests", "3.0.0", chartstest.Chart(t, "shop", "3.0.0", map[string]string{"values.yaml": "chart"}))
	c := open(t)
	r := charts.Repository{URL: "oci://" + server.Host() + "/org/manifests", PlainHTTP: true}
	for revision, want := range map[string]string{"1.0.0": "B", "latest": "B2", one: "B", "<2": "B", "1.x": "B"} {
		rel := resolve(t, c, r, "", revision)
		if got := content(t, c, r, rel, "b.yaml"); got != want || !strings.HasPrefix(rel.Revision, "sha256:") {
			t.Errorf("%s: %s %s", revision, got, rel.Revision)
		}
	}
	rel := resolve(t, c, r, "", "1.0.0")
	if rel.Revision != one || rel.Annotations["org.opencontainers.image.description"] != "manifests" || rel.Created.Day() != 2 {
		t.Errorf("%+v", rel)
	}
	if got := content(t, c, r, rel, "web/a.yaml"); got != "A" {
		t.Error(got)
	}
	if got := content(t, c, r, resolve(t, c, r, "", "3.x"), "values.yaml"); got != "chart" { // the folder of the chart is the tree
		t.Error(got)
	}
	for revision, kind := range map[string]problem.Kind{"9.x": problem.NotFound, "none": problem.NotFound, "": problem.Invalid, "sha256:12": problem.Invalid, "sha256:" + strings.Repeat("a", 64): problem.NotFound} {
		_, err := c.Resolve(context.Background(), r, charts.Wanted{Revision: revision}, time.Now())
		wantKind(t, err, kind)
	}
	if err := c.Check(context.Background(), r); err != nil {
		t.Error(err)
	}
	wantKind(t, c.Check(context.Background(), charts.Repository{URL: r.URL}), problem.Unavailable, "insecureOCIForceHttp")
}

func TestArtifactsThatAreRefused(t *testing.T) {
	server := chartstest.NewRegistry(t, nil)
	tgz := chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, map[string]string{"a": "1"})}
	odd := chartstest.Layer{MediaType: "application/x-tar.gzip", Content: tgz.Content}
	var many []chartstest.Layer
	for range 11 {
		many = append(many, tgz)
	}
	server.Push(t, "x", "many", chartstest.Empty, nil, many...)
	server.Push(t, "x", "two", chartstest.Empty, nil, tgz, tgz)
	server.Push(t, "x", "none", chartstest.Empty, nil)
	server.Push(t, "x", "odd", chartstest.Empty, nil, odd)
	server.Push(t, "x", "climbs", chartstest.Empty, nil, chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, map[string]string{"../a": "1"})})
	digest := server.Push(t, "x", "1.0.0", chartstest.Empty, nil, tgz)
	server.PutManifest(t, "x", "index", "application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+digest+`","size":1}]}`))
	server.PutManifest(t, "x", "far", "application/vnd.oci.image.manifest.v1+json", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a","digest":"`+chartstest.Digest([]byte("{}"))+`","size":2},"layers":[{"mediaType":"`+chartstest.TarGzip+`","digest":"`+chartstest.Digest(tgz.Content)+`","size":1,"urls":["https://evil.example.com/x"]}]}`))
	c := open(t)
	r := charts.Repository{URL: server.Host() + "/x", OCI: true, PlainHTTP: true}
	for tag, w := range map[string]struct {
		kind problem.Kind
		says string
	}{
		"many": {problem.Limit, "expected no more than 10 oci layers, got 11"}, "two": {problem.Invalid, "expected only a single oci content layer, got 2"}, "none": {problem.Invalid, "got 0"},
		"odd": {problem.Forbidden, "oci layer media type application/x-tar.gzip is not in the list of allowed media types"}, "index": {problem.Invalid, "index of several"}, "far": {problem.Forbidden, "elsewhere"},
	} {
		_, err := c.Resolve(context.Background(), r, charts.Wanted{Revision: tag}, time.Now())
		wantKind(t, err, w.kind, w.says)
	}
	if _, err := c.Resolve(context.Background(), r, charts.Wanted{Revision: "odd", MediaTypes: []string{odd.MediaType}}, time.Now()); err != nil {
		t.Error(err)
	}
	_, err := c.Tree(context.Background(), r, resolve(t, c, r, "", "climbs"))
	wantKind(t, err, problem.Forbidden, "leads out")
	_, err = c.Resolve(context.Background(), charts.Repository{URL: server.Host(), OCI: true, PlainHTTP: true}, charts.Wanted{Chart: "x", Revision: "1.0.0"}, time.Now())
	wantKind(t, err, problem.Invalid, "is no Helm chart")

	known := resolve(t, c, r, "", "1.0.0")
	server.Wrap(func(next http.Handler) http.Handler { // a registry that answers with other bytes than their digest
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/blobs/") || strings.Contains(req.URL.Path, "/manifests/sha256:") {
				_, _ = w.Write(chartstest.Archive(t, map[string]string{"a": "evil"}))
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	_, err = c.Tree(context.Background(), r, known)
	wantKind(t, err, problem.Invalid, "digest")
	_, err = open(t).Resolve(context.Background(), r, charts.Wanted{Revision: "1.0.0"}, time.Now())
	wantKind(t, err, problem.Invalid, "digest", "meddles")
}

func TestAPollOfARegistryIsOneSmallRequest(t *testing.T) {
	server := chartstest.NewRegistry(t, nil)
	pushShop(t, server, "1.0.0")
	dir := t.TempDir()
	at := func(o *charts.Options) { o.Dir = dir }
	c := open(t, at)
	r := charts.Repository{URL: server.Host() + "/org", OCI: true, PlainHTTP: true}
	content(t, c, r, resolve(t, c, r, "shop", "1.0.0"), "values.yaml")
	pulls := server.Asked("GET")
	for range 5 {
		resolve(t, c, r, "shop", "1.0.0")
	}
	if server.Asked("GET") != pulls || server.Asked("HEAD") != 6 {
		t.Errorf("%d pulls and %d questions, want %d and 6", server.Asked("GET"), server.Asked("HEAD"), pulls)
	}
	server.PushChart(t, "org/shop", "1.0.0", chartstest.Chart(t, "shop", "1.0.0", map[string]string{"values.yaml": "moved"}))
	if got := content(t, c, r, resolve(t, c, r, "shop", "1.0.0"), "values.yaml"); got != "moved" {
		t.Errorf("a tag that moved: %s", got)
	}
	_ = c.Close()
	blobs := server.Asked("/blobs/sha256")
	c = open(t, at)
	content(t, c, r, resolve(t, c, r, "shop", "1.0.0"), "values.yaml")
	if server.Asked("/blobs/sha256") != blobs {
		t.Error("the archive was fetched anew after a restart")
	}
}

func TestTagsOfManyPages(t *testing.T) {
	var far atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		from := req.URL.Query().Get("last")
		switch {
		case far.Load():
			w.Header().Set("Link", `<http://evil.example.com/v2/x/tags/list?last=a>; rel="next"`)
		case from == "":
			w.Header().Set("Link", `</v2/x/tags/list?last=a&n=1000>; rel="next"`)
		}
		_, _ = fmt.Fprintf(w, `{"name":"x","tags":["1.%d.0"]}`, len(from))
	}))
	t.Cleanup(server.Close)
	r := charts.Repository{URL: strings.TrimPrefix(server.URL, "http://") + "/x", OCI: true, PlainHTTP: true}
	c := open(t)
	if tags, err := c.Tags(context.Background(), r, "", time.Now()); err != nil || !slices.Equal(tags, []string{"1.1.0", "1.0.0"}) {
		t.Errorf("%v %v", tags, err)
	}
	far.Store(true)
	_, err := c.Tags(context.Background(), r, "", time.Now())
	wantKind(t, err, problem.Forbidden, "another host")
}

func TestCredentialsOfARegistry(t *testing.T) {
	for name, require := range map[string]func(*chartstest.Registry){
		"basic": func(s *chartstest.Registry) { s.RequireAuth("robot", canary) },
		"token": func(s *chartstest.Registry) { s.RequireToken("robot", canary, "") },
	} {
		t.Run(name, func(t *testing.T) {
			server := chartstest.NewRegistry(t, &tls.Config{})
			require(server)
			pushShop(t, server, "1.0.0", "1.1.0")
			c := open(t)
			good := charts.Repository{URL: server.Host() + "/org", OCI: true, CA: server.CA, Username: "robot", Password: canary}
			if err := c.Check(context.Background(), good); err != nil {
				t.Fatal(err)
			}
			rel := resolve(t, c, good, "shop", "1.x")
			if got := content(t, c, good, rel, "values.yaml"); got != "1.1.0" {
				t.Error(got)
			}
			denied := server.Denied()
			resolve(t, c, good, "shop", "1.x")
			if server.Denied() != denied {
				t.Error("a token that is known was not used again")
			}
			for _, bad := range []charts.Repository{{Username: "robot", Password: "wrong-" + canary}, {}, {BearerToken: canary}} {
				bad.URL, bad.OCI, bad.CA = good.URL, true, server.CA
				_, err := c.Resolve(context.Background(), bad, charts.Wanted{Chart: "shop", Revision: "1.x"}, time.Time{})
				wantKind(t, err, problem.Unauthenticated)
				_, err = c.Tree(context.Background(), bad, rel)
				wantKind(t, err, problem.Unauthenticated)
				wantKind(t, c.Check(context.Background(), bad), problem.Unauthenticated)
			}
		})
	}
}

func TestATokenThatEndsIsReplaced(t *testing.T) {
	server := chartstest.NewRegistry(t, nil)
	server.RequireToken("robot", canary, "")
	pushShop(t, server, "1.0.0")
	c := open(t)
	r := charts.Repository{URL: server.Host() + "/org", OCI: true, PlainHTTP: true, Username: "robot", Password: canary}
	resolve(t, c, r, "shop", "1.0.0")
	server.ExpireTokens()
	resolve(t, c, r, "shop", "1.0.0")
	if server.Tickets() != 2 {
		t.Errorf("%d tokens", server.Tickets())
	}
}

func TestCredentialsAreNotShownToStrangers(t *testing.T) {
	var asked, authorized atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		if req.Header.Get("Authorization") != "" {
			authorized.Add(1)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(stranger.Close)
	other := strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1) // another host than 127.0.0.1

	server := chartstest.NewRegistry(t, nil)
	server.RequireToken("robot", canary, other+"/token")
	pushShop(t, server, "1.0.0")
	r := charts.Repository{URL: server.Host() + "/org", OCI: true, PlainHTTP: true, Username: "robot", Password: canary}
	_, err := open(t).Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "1.0.0"}, time.Now())
	wantKind(t, err, problem.Forbidden, "wants its credentials to be shown to localhost")
	if asked.Load() != 0 {
		t.Error("the stranger was asked")
	}

	server = chartstest.NewRegistry(t, nil) // storage elsewhere: followed, as a stranger
	server.RequireAuth("robot", canary)
	pushShop(t, server, "1.0.0")
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/blobs/") {
				http.Redirect(w, req, stranger.URL+"/storage", http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	r.URL = server.Host() + "/org"
	c := open(t)
	_, err = c.Tree(context.Background(), r, resolve(t, c, r, "shop", "1.0.0"))
	wantKind(t, err, problem.NotFound)
	if asked.Load() != 1 || authorized.Load() != 0 {
		t.Errorf("storage was asked %d times, %d times with credentials", asked.Load(), authorized.Load())
	}
}
