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
	eventBurst       = 50              // per application …
	eventEvery       = 5 * time.Second // … and then one in this time

	passingBurst = 50                     // of all events that only say what the status says (see PassingEvent) …
	passingEvery = 200 * time.Millisecond // … and then one in this time
)

var eventResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// Event puts a Kubernetes event on an Application; eventType is Normal or Warning. It returns at once; events are
// sent in order, the same text again only counts up, and too many for one application are dropped. message is seen
// by everybody who may read events: it must hold no secret. (User names in URLs are taken out all the same.)
//
// The reporter's name is Argo CD's, because exporters select by it.
func (c *Catalog) Event(app *v1alpha1.Application, eventType, reason, message string) {
	c.events.add(event{about: aboutOf(v1alpha1.KindApplication, app), from: fieldManager, kind: eventType, reason: reason, message: shorten(hideUserinfo(message)), at: time.Now()})
}

// PassingEvent is Event for what the Application's status says as well: when many applications change at once, as when a
// cluster is set up, most of these are dropped. Their requests would compete with those that set it up.
func (c *Catalog) PassingEvent(app *v1alpha1.Application, reason, message string) {
	c.events.add(event{about: aboutOf(v1alpha1.KindApplication, app), from: fieldManager, kind: "Normal", reason: reason, message: shorten(hideUserinfo(message)), at: time.Now(), passing: true})
}

// RequestEvent is Event for what a person's request did to an Application, AppProject or ApplicationSet; the reporter's
// name is the one of Argo CD's API server. Records of other kinds have no events.
func (c *Catalog) RequestEvent(record metav1.Object, eventType, reason, message string) {
	var kind string
	switch record.(type) {
	case *v1alpha1.Application:
		kind = v1alpha1.KindApplication
	case *v1alpha1.AppProject:
		kind = v1alpha1.KindAppProject
	case *v1alpha1.ApplicationSet:
		kind = v1alpha1.KindApplicationSet
	default:
		return
	}
	c.events.add(event{about: aboutOf(kind, record), from: v1alpha1.ActionFieldManager, kind: eventType, reason: reason, message: shorten(hideUserinfo(message)), at: time.Now()})
}

type event struct {
	about                 about
	from                  string // who reports it
	kind, reason, message string
	at                    time.Time
	passing               bool
}

// about is the record that an event is about.
type about struct {
	kind, version string
	name          types.NamespacedName
	uid           types.UID
}

func aboutOf(kind string, o metav1.Object) about {
	return about{kind: kind, version: o.GetResourceVersion(), name: nameOf(o), uid: o.GetUID()}
}

// same names what makes two events one that happened twice.
func (e event) same() string {
	return strings.Join([]string{string(e.about.uid), e.from, e.kind, e.reason, e.message}, "\x00")
}

// fate is why an event was dropped. What it said stands in the status, or in the log, or both.
type fate int

const (
	overBudget fate = iota // too many of one application, or passing ones of all
	queueFull              // the API server takes them more slowly than they come
	notTaken               // it refused one, or did not answer in time
	tooLate                // we are stopping
	lastFate
)

var fates = [lastFate]string{"budget", "full", "refused", "stopping"}

// recorder sends events, one goroutine, in order.
type recorder struct {
	client dynamic.Interface
	log    *slog.Logger

	mu      sync.Mutex
	closed  bool
	dropped [lastFate]uint64 // by why
	queue   chan event
	budgets map[types.UID]budget
	passing budget // of all passing events
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
	switch {
	case r.closed:
		r.dropped[tooLate]++
		return
	case !r.affords(e):
		r.dropped[overBudget]++
		return
	}
	select {
	case r.queue <- e:
	default:
		r.dropped[queueFull]++
	}
}

// affords takes one event from the application's budget. r.mu is held.
func (r *recorder) affords(e event) bool {
	if len(r.budgets) > maxKnownEvents {
		r.budgets = map[types.UID]budget{}
	}
	if e.passing && !r.passing.take(e.at, passingBurst, passingEvery) {
		return false
	}
	b := r.budgets[e.about.uid]
	ok := b.take(e.at, eventBurst, eventEvery)
	r.budgets[e.about.uid] = b
	return ok
}

// take takes one of what is left, if there is one. A new budget is full, and one more comes after every pause.
func (b *budget) take(at time.Time, full float64, every time.Duration) bool {
	if b.at.IsZero() {
		b.left = full
	} else {
		b.left = min(full, b.left+float64(at.Sub(b.at))/float64(every))
	}
	b.at = at
	if b.left < 1 {
		return false
	}
	b.left--
	return true
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
			r.mu.Lock()
			r.dropped[notTaken]++
			r.mu.Unlock()
			if ctx.Err() == nil {
				r.log.Debug("event not sent", "about", e.about.kind+" "+e.about.name.String(), "reason", e.reason, "error", err)
			}
			continue
		}
		sent[e.same()] = now
	}
}

// send counts a known event up, or creates it.
func (r *recorder) send(ctx context.Context, e event, known sentEvent) (sentEvent, error) {
	client := r.client.Resource(eventResource).Namespace(e.about.name.Namespace)
	at := e.at.UTC().Format(time.RFC3339)
	if known.name != "" {
		known.count++
		patch := fmt.Sprintf(`{"count":%d,"lastTimestamp":%q}`, known.count, at)
		if _, err := client.Patch(ctx, known.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err == nil {
			return known, nil
		} // it expired: events live for an hour
	}
	name := fmt.Sprintf("%s.%x", e.about.name.Name, e.at.UnixNano())
	_, err := client.Create(ctx, &object.Object{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "Event",
		"metadata":   map[string]any{"name": name, "namespace": e.about.name.Namespace},
		"involvedObject": map[string]any{
			"apiVersion": v1alpha1.APIVersion, "kind": e.about.kind, "namespace": e.about.name.Namespace, "name": e.about.name.Name,
			"uid": string(e.about.uid), "resourceVersion": e.about.version,
		},
		"type": e.kind, "reason": e.reason, "message": e.message,
		"count": int64(1), "firstTimestamp": at, "lastTimestamp": at,
		"source":             map[string]any{"component": e.from},
		"reportingComponent": e.from,
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
