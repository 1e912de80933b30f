package compat_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hawser-cd/hawser/internal/clustertest"
)

// apply makes applications of one repository's folder more, with a label of their own name.
func (h *house) apply(t *testing.T, repo string, names ...string) {
	t.Helper()
	for _, name := range names {
		h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: %s, labels: {called: %[1]s}, annotations: {note: %[1]s}},
 spec: {project: default, source: {repoURL: %q, path: more}, destination: {server: "https://kubernetes.default.svc", namespace: %s}}}`, name, repo, h.target))
	}
	for _, name := range names {
		h.eventually(t, "/api/v1/applications/"+name, has(200, `"reconciledAt"`))
	}
}

// paths are the names of all leaves of a JSON value; those of a list's items are one.
func paths(v any) []string {
	found := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for k, below := range x {
				walk(strings.TrimPrefix(at+"."+k, "."), below)
			}
		case []any:
			for _, below := range x {
				walk(at, below)
			}
		default:
			found[at] = true
		}
	}
	walk("", v)
	return slices.Sorted(maps.Keys(found))
}

// shown are the fields that Argo CD's page asks for.
var shown = strings.Fields(`metadata.name metadata.namespace metadata.annotations metadata.labels metadata.creationTimestamp metadata.deletionTimestamp
 spec operation.sync status.sourceHydrator status.sync.status status.sync.revision status.health status.operationState.phase
 status.operationState.startedAt status.operationState.finishedAt status.operationState.operation.sync status.summary status.resources`)

func prefixed(prefix string, fields []string, more ...string) string {
	list := slices.Clone(more)
	for _, f := range fields {
		list = append(list, prefix+f)
	}
	return "fields=" + url.QueryEscape(strings.Join(list, ","))
}

func TestFields(t *testing.T) {
	h := start(t, options{})
	h.apply(t, h.git.Repo(t, "web", repositories["web"]).URL, "web", "api")
	const list, one = "/api/v1/applications", "/api/v1/applications/web"
	for _, c := range []struct{ path, want string }{
		{list + "?fields=items.metadata.name", "items.metadata.name"},
		{list + "?fields=metadata.resourceVersion,items.metadata.name,items.status.sync.status", "items.metadata.name items.status.sync.status metadata.resourceVersion"},
		{list + "?fields=items.metadata.labels,items.nothing,items.spec.destination", "items.metadata.labels.called items.spec.destination.namespace items.spec.destination.server"},
		{one + "?fields=metadata.name,status.health.status", "metadata.name status.health.status"},
		{one + "?fields=spec.source", "spec.source.path spec.source.repoURL"},
	} {
		if got := strings.Join(paths(into[any](t, h.get(t, c.path, 200))), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
	// what is left out is all that is missing
	whole, less := paths(into[any](t, h.get(t, one, 200))), paths(into[any](t, h.get(t, one+"?fields=-status,metadata.annotations", 200)))
	want := slices.DeleteFunc(slices.Clone(whole), func(p string) bool {
		return strings.HasPrefix(p, "status.") || strings.HasPrefix(p, "metadata.annotations.")
	})
	if len(want) == len(whole) || !slices.Equal(less, want) {
		t.Errorf("without status and annotations: %v, want %v", less, want)
	}
	if got := paths(into[any](t, h.get(t, list+"?fields=-items", 200))); !slices.Equal(got, []string{"metadata.resourceVersion"}) {
		t.Errorf("without items: %v", got)
	}
	// what the page asks for, of the list and of the stream
	ask := func(text string, under string) {
		t.Helper()
		for _, p := range paths(into[any](t, text)) {
			p = strings.TrimPrefix(p, under)
			if p == "metadata.resourceVersion" || p == "result.type" {
				continue
			}
			if !slices.ContainsFunc(shown, func(f string) bool { return p == f || strings.HasPrefix(p, f+".") }) {
				t.Errorf("the page is sent %s, which it did not ask for", p)
			}
		}
		for _, f := range []string{`"name":"web"`, `"called":"web"`, `"spec":{`, `"health":{"`, `"creationTimestamp"`} {
			if !strings.Contains(text, f) {
				t.Errorf("the page is not sent %s: %s", f, text)
			}
		}
	}
	ask(h.get(t, list+"?"+prefixed("items.", shown, "metadata.resourceVersion"), 200), "items.")
	s := h.watch(t, "/api/v1/stream/applications?name=web&"+prefixed("result.application.", shown, "result.type"), nil)
	ask(s.next(t), "result.application.")
}

// stream is an open answer.
type stream struct {
	*http.Response
	lines chan string
}

func (h *house) watch(t *testing.T, path string, header http.Header) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	res := h.open(ctx, t, asked{path: path, header: header})
	s := &stream{res, make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.lines)
		for in := bufio.NewReaderSize(res.Body, 1<<20); ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			s.lines <- line
		}
	}()
	t.Cleanup(func() { cancel(); res.Body.Close(); <-done })
	return s
}

// next is the next line.
func (s *stream) next(t *testing.T) string {
	t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return line
	case <-time.After(30 * time.Second):
		t.Fatal("nothing comes")
	}
	return ""
}

// event is one of a watch of applications, as "ADDED web".
func (s *stream) event(t *testing.T) string {
	t.Helper()
	e := into[struct {
		Result struct {
			Type        string
			Application struct{ Metadata struct{ Name string } }
		}
	}](t, s.next(t)).Result
	return e.Type + " " + e.Application.Metadata.Name
}

// silent demands that nothing comes for a while.
func (s *stream) silent(t *testing.T) {
	t.Helper()
	select {
	case line := <-s.lines:
		t.Errorf("there comes %s", line)
	case <-time.After(500 * time.Millisecond):
	}
}

// atRest waits until nothing is written of applications any more: what a watch tells afterwards is the test's own doing.
func (h *house) atRest(t *testing.T, names ...string) {
	t.Helper()
	last, since := "", time.Now()
	clustertest.Wait(t, "the applications to be at rest", func(context.Context) error {
		now := ""
		for _, name := range names {
			now += " " + h.Get(t, "argoproj.io/v1alpha1", "Application", h.control, name).GetResourceVersion()
		}
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < time.Second {
			return errors.New("they are still written")
		}
		return nil
	})
}

func TestWatchReplays(t *testing.T) {
	h := start(t, options{})
	h.apply(t, h.git.Repo(t, "web", repositories["web"]).URL, "web", "api")
	h.atRest(t, "web", "api")
	const path = "/api/v1/stream/applications"
	version := into[unstructured.UnstructuredList](t, strings.Replace(h.get(t, "/api/v1/applications", 200), `{"metadata"`, `{"apiVersion":"v1","kind":"List","metadata"`, 1))

	// all that there are, first; a single one, even from a version; only what is new, from a version
	all := h.watch(t, path, nil)
	if got := []string{all.event(t), all.event(t)}; !slices.Contains(got, "ADDED web") || !slices.Contains(got, "ADDED api") {
		t.Errorf("at first %v", got)
	}
	one := h.watch(t, path+"?name=web&resourceVersion="+version.GetResourceVersion(), nil)
	if got := one.event(t); got != "ADDED web" {
		t.Errorf("of one, at first %s", got)
	}
	chosen := h.watch(t, path+"?selector=called%3Dapi", nil)
	if got := chosen.event(t); got != "ADDED api" {
		t.Errorf("by selector, at first %s", got)
	}
	later := h.watch(t, path+"?resourceVersion="+version.GetResourceVersion(), nil)
	none := h.watch(t, path+"?project=other", nil)
	later.silent(t)

	h.Patch(t, "somebody", "argoproj.io/v1alpha1", "Application", h.control, "web", `{"metadata":{"annotations":{"note":"changed"}}}`)
	for name, s := range map[string]*stream{"all": all, "one": one, "later": later} {
		if got := s.event(t); got != "MODIFIED web" {
			t.Errorf("%s: %s", name, got)
		}
	}
	h.Delete(t, h.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web}}")
	for got := ""; got != "DELETED web"; got = later.event(t) {
	}
	chosen.silent(t)
	none.silent(t)

	// the two forms of a stream
	if kind := all.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("lines of JSON come as %s", kind)
	}
	sse := h.watch(t, path+"?name=api", http.Header{"Accept": {"text/event-stream"}})
	if kind := sse.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Errorf("events come as %s", kind)
	}
	if line, empty := sse.next(t), sse.next(t); !strings.HasPrefix(line, `data: {"result":{"type":"ADDED","application":{`) || empty != "\n" {
		t.Errorf("an event is %q %q", line, empty)
	}
	tree := h.watch(t, "/api/v1/stream/applications/api/resource-tree", nil)
	if line := tree.next(t); !strings.HasPrefix(line, `{"result":{`) {
		t.Errorf("a tree is %q", line)
	}
	if res := h.open(t.Context(), t, asked{path: "/api/v1/stream/applications/none/resource-tree"}); res.StatusCode != 403 {
		t.Errorf("the tree of none: %d", res.StatusCode)
		res.Body.Close()
	} else {
		res.Body.Close()
	}
}

func TestOrderAndPages(t *testing.T) {
	h := start(t, options{})
	h.apply(t, h.git.Repo(t, "web", repositories["web"]).URL, "web", "api", "mail", "Zoo"[1:], "blog")
	names := func(query string) string {
		t.Helper()
		var list []string
		for _, app := range into[struct {
			Items []struct{ Metadata struct{ Name string } }
		}](t, h.get(t, "/api/v1/applications"+query, 200)).Items {
			list = append(list, app.Metadata.Name)
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{
		"": "api blog mail oo web", "?limit=2": "api blog", "?limit=2&offset=2": "mail oo", "?limit=2&offset=4": "web", "?offset=9": "", "?sort=-name": "web oo mail blog api",
		"?search=a": "api blog mail oo web", "?search=mai": "mail", "?search=MAIL+more": "mail", "?search=none": "", "?sort=-name&limit=1": "web", "?search=o&limit=1&sort=-name": "web",
	} {
		if got := names(query); got != want && !strings.Contains(query, "search=a") && !strings.Contains(query, "search=o") {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	plain := h.get(t, "/api/v1/applications", 200)
	if strings.Contains(plain, `"counts"`) || strings.Contains(plain, "remainingItemCount") {
		t.Errorf("who asks for no page is told of pages: %s", plain[:200])
	}
	page := h.get(t, "/api/v1/applications?limit=2&offset=1&counts=true", 200)
	for _, part := range []string{`"counts":{"total":5,"running":0,`, `"sync":{"OutOfSync":5}`, `"health":{"Missing":5}`, `"remainingItemCount":2`} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s: …%s", part, page[len(page)-300:])
		}
	}
	whole := into[struct {
		Items []struct {
			Status struct{ Sync struct{ Revision string } }
		}
		Fleet struct {
			Counts             struct{ Total int }
			Project, Namespace map[string]int
		}
		Commits map[string]struct{ Author, Message string }
	}](t, h.get(t, "/api/v1/applications?limit=1&health=Missing&health=Degraded&fleet=true&commits=true", 200))
	if c := whole.Commits[whole.Items[0].Status.Sync.Revision]; len(whole.Commits) != 1 || c.Author == "" || c.Message == "" {
		t.Errorf("the page tells of the commits %+v", whole.Commits)
	}
	if f := whole.Fleet; f.Counts.Total != 5 || f.Project["default"] != 5 {
		t.Errorf("the fleet is %+v", f)
	}
	if strings.Contains(h.get(t, "/api/v1/applications?limit=1&health=Healthy&health=Degraded&fleet=true", 200), `"items":[{`) {
		t.Error("neither Healthy nor Degraded, and found")
	}
	for _, query := range []string{"?limit=-1", "?limit=x", "?sort=colour", "?selector=%21%21"} {
		h.get(t, "/api/v1/applications"+query, 400)
	}
}

func TestAnswers(t *testing.T) {
	h := start(t, options{})
	repo := h.git.Repo(t, "web", repositories["web"])
	h.apply(t, repo.URL, "web")
	const list, one = "/api/v1/applications", "/api/v1/applications/web"

	// errors: the code of gRPC, its status of HTTP, and the text twice
	type wrong struct {
		verb, path, body string
		header           http.Header
		nobody           bool
		status, code     int
	}
	for _, w := range []wrong{
		{path: list + "/none", status: 403, code: 7},
		{path: list + "/none?project=default", status: 404, code: 5},
		{path: one + "?project=other", status: 404, code: 5},
		{path: list, nobody: true, status: 401, code: 16},
		{path: list, header: http.Header{"Authorization": {"Bearer nonsense"}}, status: 401, code: 16},
		{path: "/api/v1/clusters/none?id.type=name", status: 403, code: 7},
		{path: "/api/v1/projects/none", status: 404, code: 5},
		{verb: "POST", path: list, body: `{"metadata":{"name":"web"},"spec":{"project":"default"}}`, status: 400, code: 3},
		{verb: "POST", path: list, body: `{`, status: 400, code: 3},
		{verb: "POST", path: one + "/sync", body: `{}`, header: http.Header{"Content-Type": {"text/plain"}}, status: 415, code: 3},
		{verb: "POST", path: one + "/sync", body: `{}`, header: http.Header{"Content-Type": {""}}, status: 415, code: 3},
		{verb: "DELETE", path: one, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, status: 415, code: 3},
		{verb: "PATCH", path: list, body: `{}`, status: 405, code: 12},
		{path: "/api/v1/nothing", status: 404, code: 5},
	} {
		a := h.ask(t, asked{verb: w.verb, path: w.path, body: w.body, header: w.header, nobody: w.nobody})
		var body map[string]any
		err := json.Unmarshal([]byte(a.body), &body)
		if a.status != w.status || err != nil || body["code"] != float64(w.code) || body["error"] != body["message"] || body["error"] == "" || len(body) != 3 {
			t.Errorf("%s %s: %d %s, want %d with code %d", w.verb, w.path, a.status, a.body, w.status, w.code)
		}
		if kind := a.header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("%s %s is answered as %s", w.verb, w.path, kind)
		}
	}

	// compressed, when that is asked for and worth it
	note := strings.Repeat("a long note. ", 300)
	h.Patch(t, "somebody", "argoproj.io/v1alpha1", "Application", h.control, "web", `{"metadata":{"annotations":{"note":"`+note+`"}}}`)
	h.eventually(t, one, has(200, note))
	a := h.ask(t, asked{path: one, header: http.Header{"Accept-Encoding": {"br, gzip"}}})
	unpacked, err := gzip.NewReader(strings.NewReader(a.body))
	if a.header.Get("Content-Encoding") != "gzip" || err != nil {
		t.Fatalf("%v %v", a.header, err)
	}
	text, err := io.ReadAll(unpacked)
	if plain := h.get(t, one, 200); err != nil || string(text) != plain || len(a.body) >= len(plain) {
		t.Errorf("unpacked %v %s", err, text)
	}
	if a := h.ask(t, asked{path: "/api/version", header: http.Header{"Accept-Encoding": {"gzip"}}, nobody: true}); a.status != 200 || a.header.Get("Content-Encoding") != "" {
		t.Errorf("a small answer: %d %v", a.status, a.header)
	}

	// HEAD is GET without a body
	for _, path := range []string{list, one, "/api/version", "/healthz", "/swagger.json"} {
		if a := h.ask(t, asked{verb: "HEAD", path: path}); a.status != 200 || a.body != "" || a.header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %d %v %q", path, a.status, a.header, a.body)
		}
	}

	// a namespace, given or not
	h.get(t, one+"?appNamespace="+h.control, 200)
	h.get(t, one+"?appNamespace=elsewhere", 403)

	// strangers are told the version and what a page needs, and no more
	if a := h.ask(t, asked{path: "/api/version", nobody: true}); a.status != 200 || !strings.HasPrefix(a.body, `{"Version":"v`) || strings.Contains(a.body, "GoVersion") {
		t.Errorf("a stranger is told %d %s", a.status, a.body)
	}
	if text := h.get(t, "/api/version", 200); !strings.Contains(text, `"GoVersion"`) {
		t.Errorf("the version is %s", text)
	}
	if a := h.ask(t, asked{path: "/api/v1/settings", nobody: true}); a.status != 200 || strings.Contains(a.body, "resourceOverrides") {
		t.Errorf("a stranger is told %d %s", a.status, a.body)
	}
	if a := h.ask(t, asked{path: "/api/v1/session/userinfo", nobody: true}); a.status != 200 || strings.Contains(a.body, `"loggedIn":true`) {
		t.Errorf("a stranger is %d %s", a.status, a.body)
	}
}

func TestRefreshBlocks(t *testing.T) {
	h := start(t, options{})
	repo := h.git.Repo(t, "web", repositories["web"])
	h.apply(t, repo.URL, "web")
	seen := func(text string) string {
		return into[struct {
			Status struct{ Sync struct{ Revision string } }
		}](t, text).Status.Sync.Revision
	}
	for _, kind := range []string{"normal", "hard"} {
		commit := repo.Commit(t, map[string]string{"more/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {greeting: " + kind + "}\n"}, kind)
		text := h.get(t, "/api/v1/applications/web?refresh="+kind, 200)
		if got := seen(text); got != commit {
			t.Errorf("after refresh=%s it is at %s, not at %s", kind, got, commit)
		}
		if strings.Contains(text, "argocd.argoproj.io/refresh") {
			t.Errorf("the mark of refresh=%s is left: %s", kind, text)
		}
	}
	h.get(t, "/api/v1/applications/none?refresh=normal", 403)
}

// A path that gRPC does not know must be answered in its own way: clients fall back to older methods by it.
func TestUnknownMethods(t *testing.T) {
	h := start(t, options{})
	frame := string([]byte{0, 0, 0, 0, 0})
	for _, kind := range []string{"application/grpc-web+proto", "application/grpc-web"} {
		for _, path := range []string{"/application.ApplicationService/Nothing", "/nothing.Service/Get"} {
			a := h.ask(t, asked{verb: "POST", path: path, body: frame, header: http.Header{"Content-Type": {kind}, "Authorization": {"Bearer " + h.admin(t)}}})
			if a.status != 200 || a.header.Get("Grpc-Status") != "12" || a.header.Get("Grpc-Message") == "" {
				t.Errorf("%s %s: %d %v", kind, path, a.status, a.header)
			}
		}
	}
	// a refusal, too, is in the headers
	a := h.ask(t, asked{verb: "POST", path: "/application.ApplicationService/Get", body: string([]byte{0, 0, 0, 0, 6}) + "\x0a\x04none", header: http.Header{"Content-Type": {"application/grpc-web+proto"}, "Authorization": {"Bearer " + h.admin(t)}}})
	if a.status != 200 || a.header.Get("Grpc-Status") != "7" {
		t.Errorf("a refusal over gRPC-Web: %d %v", a.status, a.header)
	}
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &p}}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+h.addr+"/application.ApplicationService/Nothing", strings.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if status := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status"); res.StatusCode != 200 || status != "12" {
		t.Errorf("over gRPC: %d %v %v", res.StatusCode, res.Header, res.Trailer)
	}
}

// Answers of many megabytes come whole, by every door.
func TestBigAnswers(t *testing.T) {
	h := start(t, options{})
	note := strings.Repeat("a long note. ", 15_000) // 200 KB
	const count = 40
	for i := range count {
		h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: app-%02d, annotations: {note: %q}},
 spec: {project: default, source: {repoURL: "http://127.0.0.1:1/none", path: x}, destination: {server: "https://kubernetes.default.svc", namespace: %s}}}`, i, note, h.target))
	}
	clustertest.Wait(t, "the applications", func(context.Context) error {
		a := h.ask(t, asked{path: "/api/v1/applications"})
		if n := strings.Count(a.body, note); n != count {
			return fmt.Errorf("%d of %d notes", n, count)
		}
		return nil
	})
	if small := h.get(t, "/api/v1/applications?fields=items.metadata.name", 200); len(small) > 5000 {
		t.Errorf("names only are %d bytes", len(small))
	}
	list, err := h.client(t, false).list(t.Context())
	if err != nil || len(list.Items) != count || list.Items[count-1].Annotations["note"] != note {
		t.Errorf("over gRPC: %v", err)
	}
	list, err = h.client(t, true).list(t.Context())
	if err != nil || len(list.Items) != count || list.Items[0].Annotations["note"] != note {
		t.Errorf("over gRPC-Web: %v", err)
	}
}
