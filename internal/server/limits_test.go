package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/problem"
)

// tight is limits that a test can reach.
func tight(change func(*limits)) limits {
	l := defaultLimits
	change(&l)
	return l
}

// Strangers of one address are refused beyond their rate; users from there are not, nor strangers from elsewhere.
func TestStrangersAreBoundedBySource(t *testing.T) {
	o, _ := withAccounts(t)
	token := logIn(t, o)
	h := newServerWithin(o, defaultBounds, tight(func(l *limits) { l.strangers.rate, l.strangers.burst = 0.001, 3 })).handler()
	asked := 0
	ask := func(from, token, path string) (int, string) {
		r := request(t, "GET", "http://x"+path, token, "", "")
		r.RemoteAddr = from + ":1"
		r.Header.Set("X-Forwarded-For", "198.51.100."+strconv.Itoa(asked)) // anybody can write that
		asked++
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Header().Get("Retry-After")
	}
	for i := range 5 {
		token := []string{"", "no.good.token"}[i%2]
		status, retry := ask("192.0.2.1", token, "/api/v1/session/userinfo")
		if want := map[bool]int{true: 200, false: 429}[i < 3]; status != want || (retry != "") != (want == 429) {
			t.Errorf("request %d: %d, Retry-After %q; want %d", i, status, retry, want)
		}
	}
	if status, _ := ask("192.0.2.1", token, "/api/v1/session/userinfo"); status != 200 {
		t.Errorf("a user behind the same address: %d", status)
	}
	if status, _ := ask("192.0.2.2", "", "/api/v1/session/userinfo"); status != 200 {
		t.Errorf("a stranger from elsewhere: %d", status)
	}
	if status, _ := ask("192.0.2.1", "", "/healthz"); status != 200 {
		t.Errorf("health: %d", status)
	}
	r := request(t, "POST", "http://x/version.VersionService/Version", "", "application/grpc-web+proto", "\x00\x00\x00\x00\x00")
	r.RemoteAddr = "192.0.2.1:1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if all := w.Body.String() + fmt.Sprint(w.Header()); !strings.Contains(strings.ToLower(all), "grpc-status") || !strings.Contains(all, "8") {
		t.Errorf("gRPC-Web: %q", all)
	}
}

func seatOf(t *testing.T, h *crowd, stranger string) (*seat, error) {
	t.Helper()
	c := &call{source: netip.MustParseAddr(stranger), refused: errors.New("no token")}
	return h.enter(c, httptest.NewRequest("GET", "/api/v1/session/userinfo", nil))
}

// Each share is given back, and who has used up his own is told apart from a house that is full.
func TestCrowd(t *testing.T) {
	h := newCrowd(tight(func(l *limits) {
		l.strangers = bounds{rate: 1e6, burst: 1e6, sources: 100, atOnce: 4, bytes: 100}
		l.stranger = share{running: 2, streams: 1, lists: 1, bytes: 80}
		l.lists, l.streams, l.queue = 1, 2, 10*time.Millisecond
	}))
	status := func(err error) int {
		var f *httpFault
		if errors.As(err, &f) {
			return f.status
		}
		return 0
	}
	enter := func(from string) *seat {
		s, err := seatOf(t, h, from)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := enter("192.0.2.1"), enter("192.0.2.1")
	if _, err := seatOf(t, h, "192.0.2.1"); status(err) != 429 {
		t.Errorf("a third request of one source: %v", err)
	}
	c, e := enter("192.0.2.2"), enter("192.0.2.3")
	if _, err := seatOf(t, h, "192.0.2.4"); status(err) != 503 {
		t.Errorf("a fifth of all: %v", err)
	}
	e.leave()
	if err := a.hold(80); err != nil {
		t.Error(err)
	}
	if err := b.hold(1); status(err) != 429 {
		t.Errorf("more memory than a source's share: %v", err)
	}
	if err := c.hold(30); status(err) != 503 {
		t.Errorf("more memory than there is: %v", err)
	}
	a.pour()
	if err := c.hold(80); err != nil {
		t.Errorf("what is not kept takes no memory: %v", err)
	}
	if err := a.startStream(); err != nil {
		t.Error(err)
	}
	d := enter("192.0.2.1") // a stream is not among those that run
	if err := b.startStream(); status(err) != 429 {
		t.Errorf("a second stream of one source: %v", err)
	}
	d.leave()
	if err := c.startStream(); err != nil {
		t.Error(err)
	}
	if err := a.turn(t.Context()); err != nil {
		t.Error(err)
	}
	if err := b.turn(t.Context()); status(err) != 429 {
		t.Errorf("a second list of one source: %v", err)
	}
	if err := c.turn(t.Context()); status(err) != 503 {
		t.Errorf("a second list of all: %v", err)
	}
	for _, s := range []*seat{a, b, c} {
		s.leave()
	}
	if len(h.shares) != 0 || h.streams != 0 || len(h.lists) != 0 || h.strangers.inside != 0 || h.strangers.held != 0 || h.held != 0 {
		t.Errorf("left behind: %d shares, %d streams, %d lists, %d inside, %d and %d bytes", len(h.shares), h.streams, len(h.lists), h.strangers.inside, h.strangers.held, h.held)
	}
}

// bounded answers with a handler of the test's within the boundary.
func bounded(t *testing.T, l limits, handle http.HandlerFunc) (addr, token string) {
	o, _ := withAccounts(t)
	s := newServerWithin(o, defaultBounds, l)
	return serveOn(t, s.boundary(handle)), logIn(t, o)
}

// The deadline of a body was left in place, and net/http took its passing for the end of the connection: whatever a POST
// asked for was cancelled after five seconds.
func TestBodyDeadlineEndsWithTheBody(t *testing.T) {
	addr, token := bounded(t, tight(func(l *limits) { l.patience = 100 * time.Millisecond }), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			http.Error(w, "cancelled", 500)
		case <-time.After(500 * time.Millisecond):
			_, _ = io.WriteString(w, "done")
		}
	})
	for _, h2 := range []bool{false, true} {
		for _, token := range []string{"", token} {
			res, err := clientFrom(t, "127.0.0.1", h2).Do(request(t, "POST", "http://"+addr+"/api/x", token, "application/json", "{}"))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if string(text) != "done" {
				t.Errorf("HTTP/2 %v, user %v: %s", h2, token != "", text)
			}
		}
	}
}

// A stranger's body must come at once; a user's may take the time of a slow line, and the time that we take counts for
// neither.
func TestSlowBodies(t *testing.T) {
	addr, token := bounded(t, tight(func(l *limits) { l.patience, l.pace = 300*time.Millisecond, 1000 }), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1))
		time.Sleep(time.Second) // our time
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n+1, isTimeout(err))
	})
	drip := func(every time.Duration) io.Reader {
		r, w := io.Pipe()
		go func() {
			for range 8 {
				if _, err := w.Write(make([]byte, 400)); err != nil {
					return
				}
				time.Sleep(every)
			}
			w.Close()
		}()
		return r
	}
	for _, h2 := range []bool{false, true} {
		for _, c := range []struct {
			what, token string
			every       time.Duration
			want        string
		}{
			{"a fast stranger", "", 0, "3200 false"},
			{"a slow stranger", "", 500 * time.Millisecond, "true"},
			{"a slow user", token, 300 * time.Millisecond, "3200 false"},
			{"a user who dribbles", token, 1200 * time.Millisecond, "true"},
		} {
			r := request(t, "POST", "http://"+addr+"/api/x", c.token, "application/json", "")
			r.Body, r.ContentLength = io.NopCloser(drip(c.every)), -1
			res, err := clientFrom(t, "127.0.0.1", h2).Do(r)
			if err != nil { // HTTP/1 may cut the connection when it has answered
				if strings.HasPrefix(c.want, "3200") {
					t.Errorf("HTTP/2 %v, %s: %v", h2, c.what, err)
				}
				continue
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if !strings.HasSuffix(string(text), c.want) {
				t.Errorf("HTTP/2 %v, %s: %s, want %s", h2, c.what, text, c.want)
			}
		}
	}
}

// Who does not take an answer loses it, by whatever protocol; a quiet stream goes on for as long as it likes.
func TestAnswersMustBeTaken(t *testing.T) {
	ended := make(chan error, 10)
	addr, token := bounded(t, tight(func(l *limits) { l.taken = 300 * time.Millisecond }), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/quiet" {
			for range 3 {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(600 * time.Millisecond)
			}
			return
		}
		var err error
		for i := 0; i < 1000 && err == nil; i++ {
			_, err = w.Write(make([]byte, 1<<20))
		}
		ended <- err
	})
	for _, h2 := range []bool{false, true} {
		client := clientFrom(t, "127.0.0.1", h2)
		res, err := client.Do(request(t, "GET", "http://"+addr+"/api/large", token, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a gigabyte was written to nobody")
			}
		case <-time.After(20 * time.Second):
			t.Errorf("HTTP/2 %v: an answer that nobody takes is kept", h2)
		}
		res.Body.Close()
		text, err := get(client, "http://"+addr+"/api/quiet")
		if text != "xxx" || err != nil {
			t.Errorf("HTTP/2 %v: a quiet answer: %q, %v", h2, text, err)
		}
	}
}

// Half an answer that ended in a panic looked like a whole one.
func TestPanicCutsTheAnswer(t *testing.T) {
	addr, _ := bounded(t, defaultLimits, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("CANARY")
	})
	for _, h2 := range []bool{false, true} {
		if text, err := get(clientFrom(t, "127.0.0.1", h2), "http://"+addr+"/api/x"); err == nil {
			t.Errorf("HTTP/2 %v: %q is a whole answer", h2, text)
		}
	}
}

// A small compressed message can be a large one: none is unpacked.
func TestCompressedMessagesAreNotUnpacked(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	for range 64 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	w.Close()
	message := binary.BigEndian.AppendUint32([]byte{1}, uint32(z.Len()))
	o, _ := withAccounts(t)
	h := New(o)
	allocated := allocations(func() {
		r := request(t, "POST", "http://x/session.SessionService/Create", "", "application/grpc-web+proto", string(append(message, z.Bytes()...)))
		r.Header.Set("Grpc-Encoding", "gzip")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if all := rec.Body.String() + fmt.Sprint(rec.Header()); !strings.Contains(all, "12") {
			t.Errorf("%q, want unimplemented", all)
		}
	})
	if allocated > 2<<20 {
		t.Errorf("%d bytes were allocated for %d", allocated, z.Len())
	}
}

// allocations is how many bytes f allocates.
func allocations(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What strangers may send is a password: more is refused unread.
func TestStrangersMessagesAreSmall(t *testing.T) {
	o, _ := withAccounts(t)
	h := New(o)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(t, "POST", "http://x/api/v1/session", "", "application/json", `{"username":"`+strings.Repeat("a", 100<<10)+`"}`))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	body := strings.Repeat("a", 100<<10)
	r := request(t, "POST", "http://x/session.SessionService/Create", "", "application/grpc-web+proto",
		string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))))+body)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if all := w.Body.String() + fmt.Sprint(w.Header()); !strings.Contains(all, "larger than configured max 65536") {
		t.Errorf("%q", all)
	}
}

func TestJSONIsBounded(t *testing.T) {
	o, registry := withAccounts(t)
	token, h := logIn(t, o), New(o)
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"deep":    {strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200), 413},
		"deeper":  {strings.Repeat("[", 1<<20), 413},
		"many":    {`{"name":[` + strings.Repeat("{},", 300_000) + `{}]}`, 413},
		"strings": {`{"name":"` + strings.Repeat(`[,{\"`, 100_000) + `"`, 400},
		"cut":     {`{"name":"\`, 400},
	} {
		w := httptest.NewRecorder()
		allocated := allocations(func() {
			h.ServeHTTP(w, request(t, "PUT", "http://x/api/v1/account/password", token, "application/json", c.body))
		})
		if w.Code != c.want || allocated > 16<<20 {
			t.Errorf("%s: %d %s, %d bytes allocated; want %d", name, w.Code, w.Body, allocated, c.want)
		}
	}
	if n := panics(t, registry); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// A list waits for its turn behind others of the same caller.
func TestListsTakeTurns(t *testing.T) {
	o, _ := withAccounts(t)
	token := logIn(t, o)
	s := newServerWithin(o, defaultBounds, tight(func(l *limits) { l.known.lists, l.queue = 1, 50*time.Millisecond }))
	h := s.handler()
	who, _, err := o.Auth.Verify(t.Context(), token)
	if err != nil || who.Issuer() != auth.Issuer {
		t.Fatal(err)
	}
	first, err := s.crowd.enter(&call{Context: t.Context(), who: who}, httptest.NewRequest("GET", "/api/v1/account", nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, "GET", "http://x/api/v1/account", token, "", ""))
		return w.Code
	}
	if got := ask(); got != 429 {
		t.Errorf("a second list at once: %d", got)
	}
	first.leave()
	if got := ask(); got != 200 {
		t.Errorf("a list after that: %d", got)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&seat{crowd: s.crowd, usage: &usage{lists: make(chan struct{})}}).turn(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone waits: %v", err)
	}
}

func TestSourceKey(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1:2:3:4": "2001:db8::"} {
		if got := sourceKey(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s counts for %s", in, got)
		}
	}
	if sourceKey(netip.Addr{}).IsValid() {
		t.Error("no address is one")
	}
	if problem.KindOf(newCrowd(defaultLimits).tooMany(byCallersRequests, "x")) != problem.Limit {
		t.Error("a refusal has another kind")
	}
}

// Headers are bounded, and nobody is taken to HTTP/2 by an Upgrade, which proxies let through unseen.
func TestHeadersAreBounded(t *testing.T) {
	o, _ := withAccounts(t)
	addr := serveOn(t, New(o))
	ask := func(header, value string) (*http.Response, error) {
		r := request(t, "GET", "http://"+addr+"/healthz", "", "", "")
		r.Header.Set(header, value)
		res, err := clientFrom(t, "127.0.0.1", false).Do(r)
		if err == nil {
			res.Body.Close()
		}
		return res, err
	}
	if res, err := ask("X-A", strings.Repeat("a", 40<<10)); err != nil || res.StatusCode != 200 {
		t.Errorf("40 KiB: %v, %v", res, err)
	}
	if res, err := ask("X-A", strings.Repeat("a", 80<<10)); err == nil && res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("80 KiB: %v", res.Status)
	}
	r := request(t, "GET", "http://"+addr+"/healthz", "", "", "")
	r.Header.Set("X-A", strings.Repeat("a", 80<<10))
	if res, err := clientFrom(t, "127.0.0.1", true).Do(r); err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("80 KiB over HTTP/2: %v", res.Status)
		}
	}
	r = request(t, "GET", "http://"+addr+"/healthz", "", "", "")
	for k, v := range map[string]string{"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"} {
		r.Header.Set(k, v)
	}
	res, err := clientFrom(t, "127.0.0.1", false).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || res.Proto != "HTTP/1.1" {
		t.Errorf("an upgrade to h2c: %s %s", res.Proto, res.Status)
	}
}
