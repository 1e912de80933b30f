package cluster_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
)

// A busy API server takes a while from calling a CRD established to telling of its kind: an object of the kind that is
// applied meanwhile waits for it, and fails only where no CRD promises the kind.
func TestObjectRightAfterItsCRD(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	slow := &lateNews{}
	config := rest.CopyConfig(k.Config)
	config.Wrap(slow.wrap)
	c, _ := open(t, config, nil)
	w := c.Writer(anything)
	widget := func(group string) cluster.ApplyRequest {
		return cluster.ApplyRequest{Object: parse(t, fmt.Sprintf("{apiVersion: %s/v1, kind: Widget, metadata: {name: one, namespace: %s}, spec: {size: 3}}", group, ns))}
	}
	group := ns + ".late.test" // of this run: the server forgets a kind as slowly as it learns one
	slow.holdBack()
	if _, err := w.Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, strings.ReplaceAll(widgets, "cluster.test", group))}); err != nil {
		t.Fatal(err)
	}
	defer k.Delete(t, "", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets."+group+"}}")
	if _, err := w.Apply(t.Context(), widget("nobody.test")); !problem.Is(err, problem.NotFound) {
		t.Errorf("a kind that nothing promises: %v", err)
	}
	time.AfterFunc(1500*time.Millisecond, slow.letGo)
	if _, err := w.Apply(t.Context(), widget(group)); err != nil {
		t.Errorf("a kind that is on its way: %v", err)
	}
	if slow.repeated() == 0 {
		t.Error("the server's answer was never late: nothing was tested")
	}
}

// lateNews repeats the answer to the first discovery for as long as news is held back.
type lateNews struct {
	mu     sync.Mutex
	held   bool
	again  int
	answer map[string]*http.Response // by path, without bodies
	bodies map[string][]byte
}

func (l *lateNews) holdBack()     { l.set(true) }
func (l *lateNews) letGo()        { l.set(false) }
func (l *lateNews) repeated() int { l.mu.Lock(); defer l.mu.Unlock(); return l.again }

func (l *lateNews) set(held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = held
}

func (l *lateNews) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != "/api" && r.URL.Path != "/apis" {
			return next.RoundTrip(r)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if old := l.answer[r.URL.Path]; l.held && old != nil {
			l.again++
			return l.copyOf(r), nil
		}
		answer, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if l.answer == nil {
			l.answer, l.bodies = map[string]*http.Response{}, map[string][]byte{}
		}
		l.answer[r.URL.Path], l.bodies[r.URL.Path] = answer, body
		return l.copyOf(r), err
	})
}

func (l *lateNews) copyOf(r *http.Request) *http.Response {
	answer := *l.answer[r.URL.Path]
	answer.Request, answer.Body = r, io.NopCloser(bytes.NewReader(l.bodies[r.URL.Path]))
	return &answer
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
