package forge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Of fifty lists that are asked for at once, two requests are under way at a time, and all get their answer.
func TestRequestsTakeTurns(t *testing.T) {
	var now, most atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(2 * time.Millisecond) // long enough for a third, if it were let in
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "[]")
	}))
	defer service.Close()
	c := New()
	c.busy = make(chan struct{}, 2)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if list, err := c.PullRequests(t.Context(), Account{Kind: Gitea, API: service.URL, Token: "t"}, Place{Owner: "acme", Repo: "shop"}, Query{}); err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
	all.Wait()
	if most.Load() > 2 || most.Load() < 1 {
		t.Errorf("%d requests were under way at a time", most.Load())
	}
	if u := c.Use(); u.Requests != 0 || u.RequestsDue != 0 || u.RequestsLimit != 2 {
		t.Errorf("%+v", u)
	}
}
