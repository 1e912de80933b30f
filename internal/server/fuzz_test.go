package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// The fuzzers of what strangers can reach. Each asks the same: no panic, and no more memory than a bound in proportion
// to the input. The bound is generous, because garbage counts here: 3 MiB for what a request costs anyway, and 256
// times the input for structs that a few bytes can ask for.
func withinMemory(t *testing.T, input int, f func()) {
	t.Helper()
	const atLeast, perByte = 3 << 20, 256
	if took := allocations(f); took > uint64(atLeast+perByte*input) {
		t.Errorf("%d bytes were allocated for %d of input", took, input)
	}
}

// bindings are all routes of REST, with the method of HTTP.
func bindings(s *server) (verbs []string, list []*bound) {
	for _, m := range s.methods() {
		for _, r := range m.REST {
			verbs = append(verbs, r.Verb)
			list = append(list, &bound{method: &m, segments: parsePath(r.Path), body: r.Body})
		}
	}
	return verbs, list
}

// FuzzREST binds path, query and body to the requests of all methods: this happens before anything is permitted.
func FuzzREST(f *testing.F) {
	o, _ := withAccounts(f)
	verbs, all := bindings(newServer(o, defaultBounds))
	for i := range all {
		f.Add(uint16(i), "a/b%2Fc/d", "project=a&refresh=hard&limit=7&appNamespace=%00", []byte(`{"name":"a","spec":{"sources":[{},null]},"metadata":{"name":[]}}`))
	}
	f.Add(uint16(0), "", "a.b.c.d.e.f.g.h.i=1&metadata.creationTimestamp=2020-01-01T00:00:00Z&metadata.labels.a=b&spec.sources=x", []byte("[[[[[[{"))
	f.Fuzz(func(t *testing.T, which uint16, path, query string, body []byte) {
		i := int(which) % len(all)
		b := all[i]
		pieces := strings.Split(path, "/")
		var segments []string
		for n, s := range b.segments {
			switch {
			case s.rest:
				segments = append(segments, pieces...)
			case s.field != "":
				segments = append(segments, pieces[n%len(pieces)])
			default:
				segments = append(segments, s.word)
			}
		}
		r := httptest.NewRequest(verbs[i], "/", strings.NewReader(string(body)))
		r.URL.RawQuery = query
		withinMemory(t, len(path)*len(b.segments)+len(query)+len(body), func() {
			q, err := b.decode(httptest.NewRecorder(), r, segments)
			if (q == nil) == (err == nil) {
				t.Fatalf("%v and %v", q, err)
			}
			if err != nil {
				if status := statuses[codeOf(err)]; status < 400 || status >= 500 {
					t.Fatalf("%s %s: %v", verbs[i], b.path(), err)
				}
			}
		})
	})
}

// rpcs are the paths of all methods of gRPC. cluster.SettingsService/Get answers strangers from the catalog, which needs
// a cluster; its request has no field.
func rpcs() (list []string) {
	for _, m := range slices.Concat(argocd.Methods, plumbing) {
		if path := "/" + m.Service + "/" + m.Name; path != "/cluster.SettingsService/Get" {
			list = append(list, path)
		}
	}
	return list
}

var rpcTypes = []string{"application/grpc", "application/grpc+proto", "application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text", "application/grpc+json", "application/grpcfoo"}

// FuzzRPC sends bytes as the body of every method of gRPC and gRPC-Web: through the whole handler, where strangers get no
// further than to what answers anybody, and to each method's own decoder, as users do.
func FuzzRPC(f *testing.F) {
	o, registry := withAccounts(f)
	s := newServerWithin(o, defaultBounds, tight(func(l *limits) { l.strangers.rate, l.strangers.burst = 1e9, 1e9 }))
	whole := s.handler()
	paths := rpcs()
	frame := func(flags byte, message string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message))), message...)
	}
	login := "\x0a\x05admin\x12\x05wrong"
	for i := range paths {
		f.Add(uint16(i), uint8(i), "", frame(0, "\x0a\x01a\x12\x01b"))
	}
	at := uint16(slices.Index(paths, "/session.SessionService/Create"))
	f.Add(at, uint8(3), "gzip", frame(1, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
	f.Add(at, uint8(0), "", frame(0, login))
	f.Add(at, uint8(2), "", append(frame(0, login), frame(0x80, "grpc-status: 0\r\n")...))
	f.Add(at, uint8(3), "identity", []byte("\x00\xff\xff\xff\xff"))
	f.Add(at, uint8(3), "snappy", []byte("\x02\x00\x00\x00\x00"))
	f.Add(at, uint8(1), "", append(frame(0, ""), frame(0, login)...))
	f.Fuzz(func(t *testing.T, which uint16, kind uint8, encoding string, data []byte) {
		path := paths[int(which)%len(paths)]
		ask := func(h http.Handler) {
			// The watch of health answers anybody, for as long as they stay.
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			r := httptest.NewRequest("POST", path, strings.NewReader(string(data))).WithContext(ctx)
			r.Header.Set("Content-Type", rpcTypes[int(kind)%len(rpcTypes)])
			r.ProtoMajor, r.ProtoMinor, r.Proto = 2, 0, "HTTP/2.0"
			if encoding != "" {
				r.Header["Grpc-Encoding"] = []string{encoding}
			}
			withinMemory(t, len(data)+len(encoding), func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code >= 500 {
					t.Fatalf("%s: %d %s", path, w.Code, w.Body)
				}
			})
		}
		ask(whole)
		ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := &call{Context: r.Context(), s: s, seat: &seat{crowd: s.crowd, leaveAll: func() {}}, refused: errors.New("nobody"), door: "grpc"}
			s.api.rpcs[path].ServeHTTP(w, r.WithContext(withCall(r.Context(), c)))
		}))
		if panics(t, registry) != 0 {
			t.Fatal("a request panicked")
		}
	})
}

// FuzzRequest sends requests of any form as strangers do: path, query, a header for each kind of proof, and a body.
func FuzzRequest(f *testing.F) {
	o, registry := withAccounts(f)
	s := newServerWithin(o, bounds{rate: 1e9, burst: 1e9, sources: 1, atOnce: 64, bytes: 1 << 30}, tight(func(l *limits) { l.strangers.rate, l.strangers.burst = 1e9, 1e9 }))
	s.swagger() // made once
	h := s.handler()
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
	for _, path := range []string{"/", "/healthz", "/metrics", "/api/badge", "/swagger.json", "/terminal", "/auth/callback", "/auth/logout", "/auth/token",
		"/api/v1/session", "/api/v1/applications", "/api/v1/applications/a%2Fb", "/api/version", "/api/v1/stream/applications", "//api//v1", "/api/v1/repositories/https:%2F%2Fx/validate"} {
		f.Add(uint8(0), path, "name=a&project=b&code=c&state=d&fields=items.metadata.name,-x", "a.b.c", "argocd.token=x; argocd.token-0=2:a; hawser.state=y", "application/json", "{}")
		f.Add(uint8(1), path, "fields=-a..b,,", "", "", "application/x-www-form-urlencoded", "subject_token=a.b.c")
	}
	f.Fuzz(func(t *testing.T, method uint8, path, query, token, cookies, kind, body string) {
		r := httptest.NewRequest(methods[int(method)%len(methods)], "/", strings.NewReader(body))
		plain, err := url.PathUnescape(path)
		if err != nil || strings.HasPrefix(plain, "/api/v1/settings") || strings.HasPrefix(kind, "application/grpc") {
			return // settings need a cluster; FuzzRPC does the other
		}
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = plain, path, query
		r.Header["Authorization"], r.Header["Cookie"], r.Header["Content-Type"] = []string{"Bearer " + token}, []string{cookies}, []string{kind}
		withinMemory(t, len(path)+len(query)+len(token)+len(cookies)+len(kind)+len(body), func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == 500 || w.Header().Get("Content-Security-Policy") == "" {
				t.Fatalf("%s %s: %d %s", r.Method, path, w.Code, w.Body)
			}
			if where := w.Header().Get("Location"); where != "" && (!strings.HasPrefix(where, "/") || strings.HasPrefix(where, "//")) {
				t.Fatalf("%s sends the browser to %s", path, where)
			}
		})
		if panics(t, registry) != 0 {
			t.Fatal("the request panicked")
		}
	})
}

// FuzzFields restricts answers to any fields.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{"items.metadata.name,items.spec", "-items.status", "a..b", ",-,.", "items", "-items.metadata.labels.a", "metadata.resourceVersion"} {
		f.Add(seed)
	}
	value := &argocd.AccountsList{Items: []argocd.Account{{Name: "a", Capabilities: []string{"login"}, Tokens: []argocd.AccountToken{{ID: "x"}}}, {}}}
	all, err := asJSON(value, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = "fields=" + url.QueryEscape(fields)
		withinMemory(t, len(fields), func() {
			data, err := asJSON(value, fieldsOf(r))
			if err != nil || !validJSON(data) || len(data) > len(all) {
				t.Fatalf("%q gives %s, %v", fields, data, err)
			}
		})
	})
}

// FuzzBadge draws what a query of the badge says.
func FuzzBadge(f *testing.F) {
	for _, seed := range []string{"name=a&namespace=b", "project=a&project=b&width=100", "width=99999999999", "name=%3Cscript%3E", "name=a;b", "showAppName=true&revision=true"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		withinMemory(t, len(query), func() {
			_ = validBadge(q)
			// What is drawn is not what was validated: a revision may be anything.
			svg := sign{name: q.Get("name"), health: q.Get("project"), sync: q.Get("sync"), revision: query, width: 10}.draw()
			inside := strings.TrimSuffix(svg, "</svg>\n")
			if strings.Contains(inside, "<script") || !wellFormed(svg) {
				t.Fatalf("%q draws %s", query, svg)
			}
		})
	})
}

// FuzzTerminal reads the address of a terminal, and what comes over its WebSocket.
func FuzzTerminal(f *testing.F) {
	f.Add("pod=a&container=b&namespace=c&appName=d&projectName=e", []byte(`{"operation":"stdin","data":"ls\n"}`))
	f.Add("pod=a&shell=/bin/sh", []byte(`{"operation":"resize","rows":70000,"cols":-1}`))
	f.Add("", []byte(`{"operation":"x"}`))
	f.Add("%", []byte("\xff[[[["))
	received := make(chan *session, 1)
	upgrader := websocket.Upgrader{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		received <- newSession(ctx, conn, cancel)
	}))
	f.Cleanup(srv.Close)
	f.Fuzz(func(t *testing.T, query string, message []byte) {
		if q, err := readTerminal(query); err == nil && (q.pod == "" || q.app == "" || strings.ContainsAny(q.pod+q.container+q.namespace+q.app+q.project, "/ \n;")) {
			t.Fatalf("%q names %+v", query, q)
		}
		conn, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		s := <-received
		go func() {
			for { // the shell
				select {
				case <-s.input:
				case <-s.sizes:
				case <-s.ctx.Done():
					return
				}
			}
		}()
		_ = conn.WriteMessage(websocket.TextMessage, message)
		_ = conn.Close()
		s.receive()
		s.end(errLeft)
		s.close("")
		if in, _, _ := s.account(); in > int64(len(message))*3 { // a bad byte becomes three
			t.Fatalf("%d bytes were typed with %d", in, len(message))
		}
	})
}

// FuzzCheckJSON agrees with what it says: what it lets through nests no deeper.
func FuzzCheckJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2,{"b":"]}\\\""}]}`))
	f.Add([]byte(strings.Repeat("[", 101)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !validJSON(data) {
			_ = checkJSON(data)
			return
		}
		depth, deepest := 0, 0
		for token := range tokensOf(data) {
			switch token {
			case '{', '[':
				depth++
				deepest = max(deepest, depth)
			case '}', ']':
				depth--
			}
		}
		if err := checkJSON(data); (err != nil) != (deepest > maxJSONDepth) && len(data) < maxJSONValues {
			t.Fatal(fmt.Sprint(deepest, err))
		}
	})
}
