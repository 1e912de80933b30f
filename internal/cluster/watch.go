package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
)

// Times and sizes of a watch.
const (
	quiet        = 10 * time.Second // a streamed list that stays silent for so long will not end (kubernetes#140902)
	listTimeout  = 60 * time.Second // for one page of an ordinary list
	settleWithin = 20 * time.Second // after that nobody waits for a kind's first list any more; it is reported instead
	watchFor     = 30 * time.Minute // the server is asked to end a watch after once to twice this time
	shortWatch   = 5 * time.Second  // a watch that ends sooner has not worked: back off
	cutPause     = time.Second      // at most, before a watch that had begun and was cut is taken up again
	pageSize     = 500
	parallel     = 32 // first lists at the same time, per cluster
)

var (
	errQuiet  = errors.New("the server began a list and did not end it")
	errKicked = errors.New("asked to connect anew")
)

// stream keeps one scope of the index equal to the server: it reads all of it once and follows the watch from there.
// A broken watch goes on where it ended; only when the server no longer knows that point is everything read again.
// There is no periodic relist.
type stream struct {
	scope
	c      *Cluster
	kind   Kind
	whole  bool // whole objects, not only their metadata
	cancel context.CancelFunc
	kick   chan struct{}

	plain   bool // this server does not stream lists of this kind
	retired bool // stopped; under the index's lock

	mu      sync.Mutex
	filled  bool // the index holds a complete list of it
	settled bool // filled, failed or too slow: Synced does not wait for it
	losses  int  // the pulse's count when the present watch began
	err     error
	since   time.Time // of err

	opened atomic.Int64 // how many watches of it have begun
}

// run follows the scope until ctx ends.
func (s *stream) run(ctx context.Context) {
	slow := time.AfterFunc(settleWithin, func() { s.fail(fmt.Errorf("no complete list within %v", settleWithin), true) })
	defer slow.Stop()
	pause := newPause()
	rv := "" // where the next watch begins; empty: read everything
	for s.c.pulse.wait(ctx) {
		began, opened := time.Now(), s.opened.Load()
		var err error
		rv, err = s.attempt(ctx, rv)
		if ctx.Err() != nil {
			return
		}
		worked := time.Since(began) > shortWatch && rv != ""
		if worked {
			pause = newPause()
		}
		switch {
		case errors.Is(err, errKicked), err == nil && worked: // it ended as watches do
			continue
		case gone(err):
			rv = ""
		case errors.Is(err, errQuiet) || rv == "" && !s.plain && streamingRefused(err):
			s.plain = true
			continue
		case starting(err) && !strings.Contains(err.Error(), "initializing: "): // what follows the colon is a reason to worry
		case err != nil && !fromServer(err):
			if !s.c.pulse.ask(ctx) {
				pause = newPause()
				continue // the cluster is at fault, not the kind; the loop waits for it
			}
			if s.opened.Load() == opened { // else it was served and cut: it goes on from there in a moment, as after an end in good order
				s.fail(err, false)
			}
		case apierrors.IsUnauthorized(err):
			s.c.pulse.ask(ctx)
			s.fail(err, false)
		case err != nil:
			s.fail(err, false)
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				s.c.rediscover() // the kind has probably gone
			}
		}
		delay := pause.Step()
		if s.opened.Load() != opened { // the server serves it; it is the way to it that breaks
			delay = min(delay, wait.Jitter(cutPause, 0.5))
		}
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok && !starting(err) {
			delay = max(delay, time.Duration(seconds)*time.Second)
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-s.kick:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func newPause() *wait.Backoff {
	return &wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 11, Cap: time.Minute}
}

// attempt fills the scope if rv is empty and follows it until the watch ends. It returns where the next attempt begins.
func (s *stream) attempt(ctx context.Context, rv string) (next string, err error) {
	_, losses, _, _ := s.c.pulse.state() // before the request: a loss during it makes its answer old
	begun := func() { s.begun(losses) }
	if rv != "" {
		return s.follow(ctx, rv, begun)
	}
	select {
	case s.c.fills <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	free := sync.OnceFunc(func() { <-s.c.fills })
	defer free()
	if !s.plain {
		return s.follow(ctx, "", func() { free(); begun() })
	}
	if rv, err = s.list(ctx); err != nil {
		return "", err
	}
	free()
	return s.follow(ctx, rv, begun)
}

// follow watches from rv, or with an empty rv streams the list first. begun is called when the scope is up to date.
func (s *stream) follow(ctx context.Context, rv string, begun func()) (next string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seconds := int64(wait.Jitter(watchFor, 1).Seconds())
	options := metav1.ListOptions{ResourceVersion: rv, AllowWatchBookmarks: true, TimeoutSeconds: &seconds}
	filling := rv == ""
	if filling {
		yes := true
		options.SendInitialEvents, options.ResourceVersionMatch = &yes, metav1.ResourceVersionMatchNotOlderThan
	}
	silence := time.AfterFunc(quiet, func() { cancel(errQuiet) })
	defer silence.Stop()

	w, err := s.open(ctx, options)
	if err != nil {
		return rv, because(ctx, err)
	}
	defer w.Stop()
	if !filling {
		silence.Stop()
		begun()
	}
	r := s.reader()
	var list []*entry
	for {
		var ev watch.Event
		var ok bool
		select {
		case ev, ok = <-w.ResultChan():
		case <-s.kick:
			return rv, errKicked
		case <-ctx.Done():
			return rv, context.Cause(ctx)
		}
		if !ok {
			if filling {
				return "", because(ctx, io.ErrUnexpectedEOF)
			}
			return rv, because(ctx, nil)
		}
		if filling {
			silence.Reset(quiet)
		}
		switch ev.Type {
		case watch.Error:
			return rv, because(ctx, apierrors.FromObject(ev.Object))
		case watch.Bookmark:
			m, ok := ev.Object.(metav1.Object)
			if !ok {
				continue
			}
			if !filling {
				rv = m.GetResourceVersion()
				s.c.index.bookmark(s, rv)
			} else if m.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
				rv, filling = m.GetResourceVersion(), false
				silence.Stop()
				s.fill(list, rv)
				list = nil
				begun()
			}
		default:
			r.tracking = s.c.settings.Load().Tracking
			e := r.entry(ev.Object)
			switch {
			case e == nil:
				s.c.log.Warn("watch sent something that is no object", "kind", s.kind.GVK, "type", fmt.Sprintf("%T", ev.Object))
			case filling && ev.Type == watch.Added:
				list = append(list, e)
			case !filling:
				rv = e.rv
				s.take(ev.Type, e)
			}
		}
	}
}

// take puts one change into the index.
func (s *stream) take(t watch.EventType, e *entry) {
	if t == watch.Deleted {
		s.c.index.remove(s, e)
	} else if s.c.index.put(s, e) {
		s.c.Track(s.gk)
	}
	if s.gk == crdKind || s.gk == apiServiceKind {
		s.c.rediscover()
	}
}

func (s *stream) fill(list []*entry, rv string) {
	if s.c.index.replace(s, list, rv) {
		s.c.Track(s.gk)
	}
	s.c.took(s)
}

// list reads everything in pages, at the newest version there is: an older one, which a cache may offer, could take
// the index back in time after the server restarted.
func (s *stream) list(ctx context.Context) (rv string, err error) {
	r := s.reader()
	r.tracking = s.c.settings.Load().Tracking
	var all []*entry
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, cancel := context.WithTimeout(ctx, listTimeout)
		items, meta, err := s.page(page, options)
		cancel()
		if err != nil {
			return "", err
		}
		for _, item := range items {
			if e := r.entry(item); e != nil {
				all = append(all, e)
			}
		}
		if rv == "" {
			rv = meta.GetResourceVersion()
		}
		if options.Continue = meta.GetContinue(); options.Continue == "" {
			s.fill(all, rv)
			return rv, nil
		}
	}
}

// wantMetadata asks for the metadata only, compactly; servers that cannot do so answer with whole objects in JSON.
const wantMetadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// open begins a watch. client-go would sleep through a server's Retry-After here; run does that, and knows better when
// not to.
func (s *stream) open(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	request := s.c.rest.Get()
	if !s.whole {
		request = s.c.restMeta.Get().SetHeader("Accept", wantMetadata)
	}
	path := target{key: object.Key{Namespace: s.namespace}, kind: s.kind}.collection()
	return request.AbsPath(path...).MaxRetries(0).SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned).Watch(ctx)
}

func (s *stream) page(ctx context.Context, options metav1.ListOptions) (items []runtime.Object, meta metav1.ListInterface, err error) {
	if s.whole {
		l, err := s.c.dynamic.Resource(s.kind.GVR).Namespace(s.namespace).List(ctx, options)
		if err != nil {
			return nil, nil, err
		}
		for i := range l.Items {
			items = append(items, &l.Items[i])
		}
		return items, l, nil
	}
	l, err := s.c.metadata.Resource(s.kind.GVR).Namespace(s.namespace).List(ctx, options)
	if err != nil {
		return nil, nil, err
	}
	for i := range l.Items {
		items = append(items, &l.Items[i])
	}
	return items, l, nil
}

func (s *stream) reader() *reader {
	t := s.c.settings.Load().Tracking
	return &reader{kind: s.kind, masker: s.c.masker, tracking: t, explained: explained(s.gk, t), pinned: &s.c.pins, fields: &s.c.fields, words: &s.c.words}
}

// entry makes an entry of what the watch sent; nil when it is no object.
func (r *reader) entry(o runtime.Object) *entry {
	switch o := o.(type) {
	case *object.Object:
		return r.read(o)
	case *metav1.PartialObjectMetadata:
		return r.readMeta(o)
	}
	return nil
}

func (s *stream) begun(losses int) {
	s.opened.Add(1)
	s.mu.Lock()
	news := s.err != nil || !s.filled || s.losses != losses
	s.filled, s.settled, s.losses, s.err = true, true, losses, nil
	s.mu.Unlock()
	if news {
		s.c.kindsChanged(s.gk)
	}
}

// fail notes why the scope is not up to date; onlyUnsettled leaves a stream alone that has already got somewhere.
func (s *stream) fail(err error, onlyUnsettled bool) {
	s.mu.Lock()
	if onlyUnsettled && s.settled {
		s.mu.Unlock()
		return
	}
	news := s.err == nil || s.err.Error() != err.Error()
	if s.err == nil {
		s.since = time.Now()
	}
	s.settled, s.err = true, err
	s.mu.Unlock()
	if news {
		s.c.log.Warn("kind is not up to date", "kind", s.kind.GVK, "namespace", s.namespace, "error", err)
		s.c.kindsChanged(s.gk)
	}
}

// reconnect ends the present watch, if it is older than the last loss of the connection, or the pause before the next.
func (s *stream) reconnect(losses int) {
	s.mu.Lock()
	old := s.losses < losses || s.err != nil
	s.mu.Unlock()
	if old {
		s.again()
	}
}

// again ends the present watch, so that the next begins where it ended, or the pause before the next.
func (s *stream) again() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// because returns the reason for which ctx was ended by us, or err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func gone(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// fromServer reports whether the server said err; otherwise the way to it is broken. client-go reports a stream that
// breaks in the middle of an event in the server's words, but marks it.
func fromServer(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && !apierrors.HasStatusCause(err, metav1.CauseType("ClientWatchDecoding"))
}

// starting reports whether the server is setting up its storage of the kind. It suggests a second, and needs a few
// milliseconds for a new CRD.
func starting(err error) bool {
	return apierrors.IsTooManyRequests(err) && strings.Contains(err.Error(), "initializing")
}

// streamingRefused reports whether a list in pages may do better than a streamed one after err.
func streamingRefused(err error) bool {
	return fromServer(err) && !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) && !apierrors.IsNotFound(err) && !apierrors.IsTooManyRequests(err)
}
