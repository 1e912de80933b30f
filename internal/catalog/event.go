package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Bounds of events. They are for people to read; a storm of them hurts etcd and nobody reads it.
const (
	maxWaitingEvents = 1000
	maxEventMessage  = 1024            // what the API takes
	maxKnownEvents   = 2000            // for counting repeats
	eventBurst       = 50              // per record …
	eventEvery       = 5 * time.Second // … and then one in this time
)

var eventResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// Event puts a Kubernetes event on an Application; eventType is Normal or Warning. It returns at once; events are
// sent in order, the same text again only counts up, and too many for one application are dropped. message is seen
// by everybody who may read events: it must hold no secret. (User names in URLs are taken out all the same.)
//
// The reporter's name is Argo CD's, because exporters select by it.
func (c *Catalog) Event(app *v1alpha1.Application, eventType, reason, message string) {
	c.EventOn(v1alpha1.KindApplication, app, eventType, reason, message)
}

// EventOn is Event for any of our records; kind is that of the record.
func (c *Catalog) EventOn(kind string, about metav1.Object, eventType, reason, message string) {
	c.events.add(event{about: about, of: kind, kind: eventType, reason: reason, message: shorten(hideUserinfo(message)), at: time.Now()})
}

type event struct {
	about                 metav1.Object
	of                    string // kind of about
	kind, reason, message string
	at                    time.Time
}

// same names what makes two events one that happened twice.
func (e event) same() string {
	return strings.Join([]string{string(e.about.GetUID()), e.kind, e.reason, e.message}, "\x00")
}

// recorder sends events, one goroutine, in order.
type recorder struct {
	client dynamic.Interface
	log    *slog.Logger

	mu      sync.Mutex
	closed  bool
	dropped int
	queue   chan event
	budgets map[types.UID]budget
	done    chan struct{}
}

type budget struct {
	left float64
	at   time.Time
}

type sentEvent struct {
	name  string
	count int64
}

func newRecorder(ctx context.Context, running *sync.WaitGroup, client dynamic.Interface, log *slog.Logger) *recorder {
	r := &recorder{client: client, log: log, queue: make(chan event, maxWaitingEvents), budgets: map[types.UID]budget{}, done: make(chan struct{})}
	running.Go(func() { r.run(ctx) })
	return r
}

func (r *recorder) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || !r.affords(e) {
		r.dropped++
		return
	}
	select {
	case r.queue <- e:
	default:
		r.dropped++
	}
}

// affords takes one event from the record's budget. r.mu is held.
func (r *recorder) affords(e event) bool {
	if len(r.budgets) > maxKnownEvents {
		r.budgets = map[types.UID]budget{}
	}
	b, known := r.budgets[e.about.GetUID()]
	if !known {
		b = budget{left: eventBurst, at: e.at}
	}
	b.left = min(eventBurst, b.left+float64(e.at.Sub(b.at))/float64(eventEvery))
	b.at = e.at
	ok := b.left >= 1
	if ok {
		b.left--
	}
	r.budgets[e.about.GetUID()] = b
	return ok
}

// close sends what waits, for a few seconds at most.
func (r *recorder) close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	select {
	case <-r.done:
	case <-time.After(5 * time.Second):
	}
}

func (r *recorder) run(ctx context.Context) {
	defer close(r.done)
	sent := map[string]sentEvent{}
	for {
		var e event
		var more bool
		select {
		case e, more = <-r.queue:
		case <-ctx.Done():
			return
		}
		if !more {
			return
		}
		if len(sent) > maxKnownEvents {
			sent = map[string]sentEvent{}
		}
		request, cancel := context.WithTimeout(ctx, 10*time.Second)
		now, err := r.send(request, e, sent[e.same()])
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				r.log.Debug("event not sent", "about", nameOf(e.about).String(), "reason", e.reason, "error", err)
			}
			continue
		}
		sent[e.same()] = now
	}
}

// send counts a known event up, or creates it.
func (r *recorder) send(ctx context.Context, e event, known sentEvent) (sentEvent, error) {
	client := r.client.Resource(eventResource).Namespace(e.about.GetNamespace())
	at := e.at.UTC().Format(time.RFC3339)
	if known.name != "" {
		known.count++
		patch := fmt.Sprintf(`{"count":%d,"lastTimestamp":%q}`, known.count, at)
		if _, err := client.Patch(ctx, known.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err == nil {
			return known, nil
		} // it expired: events live for an hour
	}
	name := fmt.Sprintf("%s.%x", e.about.GetName(), e.at.UnixNano())
	_, err := client.Create(ctx, &object.Object{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "Event",
		"metadata":   map[string]any{"name": name, "namespace": e.about.GetNamespace()},
		"involvedObject": map[string]any{
			"apiVersion": v1alpha1.APIVersion, "kind": e.of, "namespace": e.about.GetNamespace(), "name": e.about.GetName(),
			"uid": string(e.about.GetUID()), "resourceVersion": e.about.GetResourceVersion(),
		},
		"type": e.kind, "reason": e.reason, "message": e.message,
		"count": int64(1), "firstTimestamp": at, "lastTimestamp": at,
		"source":             map[string]any{"component": fieldManager},
		"reportingComponent": fieldManager,
		"reportingInstance":  "",
	}}, metav1.CreateOptions{})
	return sentEvent{name: name, count: 1}, err
}

var userinfo = regexp.MustCompile(`://[^/\s@]+@`)

func hideUserinfo(s string) string { return userinfo.ReplaceAllString(s, "://") }

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= maxEventMessage {
		return s
	}
	const more = " …"
	return strings.ToValidUTF8(s[:maxEventMessage-len(more)], "") + more
}
