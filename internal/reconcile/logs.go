package reconcile

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// LogRequest asks for what the pods of an application print.
type LogRequest struct {
	Application types.NamespacedName
	// Resource is a pod, or an object above pods; its parts that are empty match everything. All parts empty: all pods.
	Resource  object.Key
	Container string // empty: all containers of each pod
	Follow    bool
	Previous  bool // the run before the present one
	Since     time.Time
	Tail      int64     // the last so many lines of each container; 0: all
	Until     time.Time // ends with the first line after it; zero: never
	// Filter lets lines through that hold it, or with an exclamation mark before it those that do not.
	Filter    string
	MatchCase bool
	MaxPods   int // more are refused; 0 means 10, as in Argo CD
	Watch

	as string // the account as whom they are read
}

// Watch is how a stream is kept to what it was opened for. Every so often it is asked whether the pods are still the
// application's, this replica still leads, and the caller may still read.
type Watch struct {
	Every   time.Duration // 0, or more than half a minute, is half a minute
	Allowed func() error  // an error ends the stream and is what it ends with; nil: nobody else is asked
}

// LogLine is one line of one container.
type LogLine struct {
	Content   string
	Time      time.Time
	Pod       string
	Namespace string
	Container string
	Last      bool // nothing follows: the end of what was asked for
}

// Bounds of logs.
const (
	defaultMaxPods = 10
	maxStreams     = 500                    // containers whose logs are read at once in one stream
	maxLogs        = 2000                   // and in all streams: each takes two buffers and a request to the API server
	maxLogLine     = 64 << 10               // bytes; what is longer comes in pieces
	logPatience    = 100 * time.Millisecond // how long a line waits for earlier ones of other containers
	logStart       = time.Second            // how much longer it waits for their first
	recheck        = 30 * time.Second
)

// Logs sends the lines of all containers that are meant, by time, until they end, ctx does, or send fails. When they are
// followed, those that begin meanwhile join them; the stream ends when none is left. Of each container
// one line is held, so memory does not grow with what is printed. Every half minute it is checked that the pods are still
// the application's, and that the caller is still allowed to read: if not, the stream ends with the reason.
func (a *Apps) Logs(ctx context.Context, r LogRequest, send func(LogLine) error) error {
	pods, v, err := a.podsFor(ctx, r.Application, r.Resource)
	if err != nil {
		return err
	}
	if r.MaxPods <= 0 {
		r.MaxPods = defaultMaxPods
	}
	if len(pods) > r.MaxPods {
		return problem.New(problem.Invalid, "max pods to view logs are reached. Please provide more granular query").
			WithHint("%d pods are meant, and at most %d are shown at once", len(pods), r.MaxPods)
	}
	if r.as, err = a.account(v); err != nil {
		return err
	}
	f := newFollowed()
	ctx, stop := a.watchOver(ctx, r.Watch, r.Application, f.all)
	defer stop()
	m, err := a.openLogs(ctx, v.cluster, r, pods, f)
	if err == nil {
		if r.Follow && !r.Previous {
			go a.joinLater(ctx, v.cluster, r, f, m)
		}
		err = m.run(ctx, send)
	}
	if err = cmpCause(ctx, err); problem.Is(err, problem.Unavailable) { // the application may have been handed over
		if gone := a.ours(r.Application); gone != nil {
			return gone
		}
	}
	return err
}

// cmpCause is why ctx ended, if it did for a reason of its own, and err otherwise.
func cmpCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// watchOver returns a context that ends, with the reason as its cause, when the stream may not go on.
func (a *Apps) watchOver(ctx context.Context, w Watch, app types.NamespacedName, pods func() []*object.Object) (_ context.Context, stop func()) {
	ctx, end := context.WithCancelCause(ctx)
	every := w.Every
	if every <= 0 || every > recheck {
		every = recheck
	}
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := a.stillAllowed(app, pods(), w.Allowed); err != nil {
				end(err)
				return
			}
		}
	}()
	return ctx, func() { end(nil) }
}

// stillAllowed asks again what was asked when a stream was opened. A pod that is gone is no reason: its log ends by
// itself.
func (a *Apps) stillAllowed(app types.NamespacedName, pods []*object.Object, allowed func() error) error {
	if allowed != nil {
		if err := allowed(); err != nil {
			return err
		}
	}
	if err := a.ours(app); err != nil {
		return err
	}
	for _, p := range pods {
		key := object.KeyOf(p)
		_, _, uid, err := a.actionable(Resource{Application: app, Key: key})
		if problem.Is(err, problem.NotFound) && a.isGone(app, key, p.GetUID()) { // and not given away
			continue
		}
		if err != nil {
			return err
		}
		if uid != p.GetUID() {
			continue // another pod has its name by now; the old one's log ends by itself
		}
	}
	return nil
}

// isGone reports whether the live object is surely there no more.
func (a *Apps) isGone(name types.NamespacedName, key object.Key, uid types.UID) bool {
	app, err := a.Catalog.Application(name)
	if err != nil {
		return false
	}
	v, err := a.reach(app)
	if err != nil {
		return false
	}
	live, ok := v.cluster.Get(key)
	return !ok && v.cluster.KindErr(key.GroupKind()) == nil || ok && live.GetUID() != uid
}

// podsFor returns the pods that the application has applied or that belong to what it has applied, and of these the ones
// that wanted matches, or that an object above them does.
func (a *Apps) podsFor(ctx context.Context, name types.NamespacedName, wanted object.Key) ([]*object.Object, *view, error) {
	app, v, err := a.seen(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	permit, is := a.permitNow(app, v), Filter(wanted)
	recorded := a.applied(app, v)
	pods := map[object.Key]*object.Object{}
	for key, uid := range recorded {
		root, ok := v.cluster.Get(key)
		if !ok || uid == "" || uid != root.GetUID() {
			continue
		}
		for _, o := range append([]*object.Object{root}, v.cluster.Descendants(key)...) {
			k := object.KeyOf(o)
			if k.Kind != "Pod" || k.Group != "" || permit(k) != nil {
				continue
			}
			chosen := is.selects(k)
			for _, above := range v.cluster.Ancestors(k) {
				chosen = chosen || is.selects(object.KeyOf(above))
			}
			if chosen {
				pods[k] = o
			}
		}
	}
	list := make([]*object.Object, 0, len(pods))
	for _, k := range sortedKeys(pods) {
		list = append(list, pods[k])
	}
	return list, v, nil
}

// logSource is the log of one container, a line at a time.
type logSource struct {
	LogLine
	index int
	out   chan<- arrival // shared by all sources
	next  chan struct{}  // the line before has been taken
	after time.Time      // lines up to it have been sent: they belong to an earlier run
}

// arrival is the next line of a source, or its end.
type arrival struct {
	from int
	line *LogLine // nil at the end
	err  error    // why it ended; nil for its own end
}

// openLogs opens the logs of all containers that are meant. Where several are, one that has printed nothing yet keeps
// nobody from the others.
func (a *Apps) openLogs(ctx context.Context, c *cluster.Cluster, r LogRequest, pods []*object.Object, f *followed) (*merger, error) {
	type meant struct {
		pod       *object.Object
		container string
	}
	var places []meant
	for _, p := range pods {
		names := containersOf(p)
		if r.Container != "" && !slices.Contains(names, r.Container) {
			continue
		}
		for _, name := range names {
			if r.Container == "" || r.Container == name {
				places = append(places, meant{p, name})
			}
		}
	}
	switch {
	case len(places) > maxStreams:
		return nil, problem.New(problem.Limit, "the logs of %d containers are more than %d", len(places), maxStreams).WithHint("name a container, or a smaller part")
	case len(places) == 0 && len(pods) > 0:
		return nil, problem.New(problem.NotFound, "none of the pods has a container %q", r.Container)
	}
	m := newMerger(len(places), r)
	var failed []error
	for _, p := range places {
		ask := cluster.LogRequest{Pod: object.KeyOf(p.pod), Container: p.container, Follow: r.Follow, Previous: r.Previous, Since: r.Since, Tail: -1, As: r.as}
		if r.Tail > 0 {
			ask.Tail = r.Tail
		}
		stream, err := a.openLog(ctx, c, ask)
		if err != nil && !r.Follow && problem.Is(err, problem.Limit) {
			return nil, err // what is followed joins later; here it would be missing, and nobody told
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		f.opens(p.pod, p.container)
		go f.read(ctx, m.add(LogLine{Pod: p.pod.GetName(), Namespace: p.pod.GetNamespace(), Container: p.container}), p.pod, stream)
	}
	if len(m.sources) == 0 && len(failed) > 0 {
		return nil, failed[0]
	}
	return m, nil
}

// openLog begins to read one log, which counts until it is closed. Where too many are read already, it is a problem of kind
// Limit: people see it, and what would have joined a stream does so when others have ended.
func (a *Apps) openLog(ctx context.Context, c *cluster.Cluster, ask cluster.LogRequest) (io.ReadCloser, error) {
	free := sync.OnceFunc(func() { a.logs.Add(-1) })
	if a.logs.Add(1) > maxLogs {
		free()
		return nil, problem.New(problem.Limit, "the logs of %d containers are being read already", maxLogs).WithHint("try again in a moment, or ask for fewer")
	}
	stream, err := c.Logs(ctx, ask)
	if err != nil {
		free()
		return nil, err
	}
	return &countedLog{stream, free}, nil
}

// countedLog is a log that says when it is no longer read.
type countedLog struct {
	io.ReadCloser
	free func()
}

// Close ends the reading.
func (l *countedLog) Close() error {
	l.free()
	return l.ReadCloser.Close()
}

// containersOf names the containers of a pod, those that start it first.
func containersOf(o *object.Object) []string {
	var p corev1.Pod
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p) != nil {
		return nil
	}
	var names []string
	for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
		names = append(names, c.Name)
	}
	for _, c := range p.Spec.EphemeralContainers {
		names = append(names, c.Name)
	}
	return names
}

// read sends the lines of a stream, until it ends or ctx does, and returns the time of the newest.
func (s *logSource) read(ctx context.Context, stream io.ReadCloser) (at time.Time) {
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { _ = stream.Close() })()
	in := bufio.NewReaderSize(stream, maxLogLine)
	for begins := true; ; {
		text, err := in.ReadSlice('\n')
		if len(text) > 0 {
			line := s.LogLine
			line.Content = strings.TrimRight(string(text), "\r\n")
			if begins { // a piece of a long line has no time of its own
				stamp, rest, _ := strings.Cut(line.Content, " ")
				if t, bad := time.Parse(time.RFC3339Nano, stamp); bad == nil {
					at, line.Content = t, rest
				}
			}
			line.Content, line.Time = strings.ToValidUTF8(line.Content, "\uFFFD"), at
			seen := !s.after.IsZero() && !at.After(s.after)
			if !seen && !s.send(ctx, arrival{from: s.index, line: &line}) {
				return at
			}
		}
		if begins = !errors.Is(err, bufio.ErrBufferFull); err != nil && begins {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			s.send(ctx, arrival{from: s.index, err: err})
			return at
		}
	}
}

// send hands on one line and waits until it has been taken.
func (s *logSource) send(ctx context.Context, next arrival) bool {
	select {
	case s.out <- next:
	case <-ctx.Done():
		return false
	}
	if next.line == nil {
		return true
	}
	select {
	case <-s.next:
		return true
	case <-ctx.Done():
		return false
	}
}

// merger puts the lines of several containers into the order of their times. It holds one line of each.
type merger struct {
	LogRequest
	sources []*logSource
	inbox   chan arrival
	heads   []*LogLine  // the next line of each source, as far as it is here
	over    []bool      // it has ended
	silent  []time.Time // since when a source that has not ended has given nothing
	broken  error       // why one of them ended before its time
	joins   chan func() // adds a source
}

func newMerger(room int, r LogRequest) *merger {
	return &merger{LogRequest: r, inbox: make(chan arrival, room), joins: make(chan func())}
}

func (m *merger) add(of LogLine) *logSource {
	s := &logSource{LogLine: of, index: len(m.sources), out: m.inbox, next: make(chan struct{}, 1)}
	if i := slices.Index(m.over, true); i >= 0 { // its place is free: who follows for weeks must not collect what has ended
		s.index, m.sources[i], m.heads[i], m.over[i], m.silent[i] = i, s, nil, false, time.Now().Add(logStart)
		return s
	}
	m.sources, m.heads, m.over = append(m.sources, s), append(m.heads, nil), append(m.over, false)
	m.silent = append(m.silent, time.Now().Add(logStart))
	return s
}

// run sends the lines until all sources have ended. What is followed may be silent for long: there, a line waits only
// a moment for earlier ones of others. What is not followed ends, and is waited for.
func (m *merger) run(ctx context.Context, send func(LogLine) error) error {
	keep := filter(m.Filter, m.MatchCase)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		first, wait := m.choose(time.Now())
		if first < 0 && !slices.Contains(m.over, false) {
			break
		}
		if first < 0 || wait > 0 {
			timer.Reset(max(wait, 0))
			alarm := timer.C
			if first < 0 || !m.Follow {
				alarm = nil
			}
			select {
			case next := <-m.inbox:
				m.take(next)
			case add := <-m.joins:
				add()
			case <-alarm:
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		line := *m.heads[first]
		m.heads[first], m.silent[first] = nil, time.Now()
		m.sources[first].next <- struct{}{}
		if !m.Until.IsZero() && line.Time.After(m.Until) {
			line.Last = true
			return send(line)
		}
		if keep(line.Content) {
			if err := send(line); err != nil {
				return err
			}
		}
	}
	if m.broken != nil {
		return m.broken
	}
	return send(LogLine{Last: true, Time: time.Now()})
}

// choose returns the earliest line that is here, -1 for none, and how long it has to wait for sources that have not
// been silent for long.
func (m *merger) choose(now time.Time) (first int, wait time.Duration) {
	first = -1
	for i, h := range m.heads {
		switch {
		case h != nil && (first < 0 || h.Time.Before(m.heads[first].Time)):
			first = i
		case h == nil && !m.over[i] && m.Follow:
			wait = max(wait, m.silent[i].Add(logPatience).Sub(now))
		case h == nil && !m.over[i]:
			wait = logPatience
		}
	}
	return first, wait
}

func (m *merger) take(next arrival) {
	if m.heads[next.from] = next.line; next.line != nil {
		return
	}
	m.over[next.from] = true
	if s := m.sources[next.from]; next.err != nil {
		m.broken = problem.Because(problem.Unavailable, next.err, "the log of container %s of pod %s broke off", s.Container, s.Pod)
	}
}

// filter reports whether a line is wanted.
func filter(text string, matchCase bool) func(string) bool {
	if text == "" {
		return func(string) bool { return true }
	}
	literal, not := strings.CutPrefix(text, "!")
	if !matchCase {
		literal = strings.ToLower(literal)
	}
	return func(line string) bool {
		if !matchCase {
			line = strings.ToLower(line)
		}
		return strings.Contains(line, literal) != not
	}
}
