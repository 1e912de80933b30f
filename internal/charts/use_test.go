package charts

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Of fifty requests two are under way at a time, and all are answered; one counts until its body is closed, or at once when
// it is no answer to be read. Who gives up while he waits takes no turn.
func TestRequestsTakeTurns(t *testing.T) {
	var now, most atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		if r.URL.Path == "/same" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		time.Sleep(2 * time.Millisecond) // long enough for a third, if it were let in
		_, _ = io.WriteString(w, "yes")
	}))
	defer server.Close()
	c, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.busy = make(chan struct{}, 2)
	r := Repository{URL: server.URL}
	ask := func(ctx context.Context, path string) (*http.Response, error) {
		return c.send(ctx, r, request{doing: "ask", url: server.URL + path, accept: []int{http.StatusNotModified}})
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			res, err := ask(t.Context(), "/")
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if text, err := io.ReadAll(res.Body); string(text) != "yes" || err != nil {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	all.Wait()
	if most.Load() > 2 {
		t.Errorf("%d requests were under way at a time", most.Load())
	}
	if _, err := ask(t.Context(), "/missing"); !problem.Is(err, problem.NotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if res, err := ask(t.Context(), "/same"); err != nil || res.StatusCode != http.StatusNotModified {
		t.Errorf("what has not changed: %v", err)
	}
	if n := c.Use().Requests; n != 0 {
		t.Errorf("%d requests still count", n)
	}
	first, err := ask(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	second, err := ask(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(hasty, "/"); !problem.Is(err, problem.Unavailable) {
		t.Errorf("who gives up: %v", err)
	}
	first.Body.Close()
	first.Body.Close() // which many do
	second.Body.Close()
	if u := c.Use(); u.Requests != 0 || u.RequestsDue != 0 {
		t.Errorf("%+v", u)
	}
}
