package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/time/rate"

	"github.com/hawser-cd/hawser/internal/problem"
)

// HubOptions are who is told what at a hub. The functions must not block.
type HubOptions struct {
	Log    *slog.Logger
	Report func(agent string, r Report)
	// Changed is told that an agent has connected, has said all that it knows, or is gone.
	Changed func(agent string)
}

// Hub holds the connections of agents, one each: the newest counts. It is safe for concurrent use.
type Hub struct {
	o HubOptions

	mu    sync.Mutex
	open  bool
	since time.Time
	cells map[string]*cell
}

// cell is what a hub knows of one agent.
type cell struct {
	state State
	link  *link
	whole bool           // it has reported all that it knows since it connected
	gone  bool           // it is not registered any more: it is told to drop everything, and hung up on
	want  map[Key]Record // nil until it is known
	news  chan struct{}  // want has changed; closed and made anew
}

// link is one connection.
type link struct {
	name   string
	from   Newcomer
	client *http2.ClientConn
	cancel context.CancelCauseFunc
}

// NewHub returns a hub that takes no connections: see Open.
func NewHub(o HubOptions) *Hub { return &Hub{o: o, cells: map[string]*cell{}} }

// Open begins to take connections; the returned function ends that, and all of them. Only the replica that leads is
// open: what agents say has to be written down, and only it writes.
func (h *Hub) Open() (end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open, h.since, h.cells = true, time.Now(), map[string]*cell{}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open = false
		for _, c := range h.cells {
			if c.link != nil {
				c.link.cancel(errors.New("this hub does not lead any more"))
			}
		}
	}
}

// Newcomer is an agent that has proved who it is, and connects.
type Newcomer struct {
	Name     string
	Instance string // as in InstanceHeader; empty: unknown
	Address  string
}

// Ready returns why an agent's connection is not taken; nil when it is. Of two agents of one name the first is kept for as
// long as it is heard of: they would take the name from each other for ever, and what one reports would be shown as the
// other's.
func (h *Hub) Ready(n Newcomer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ready(n)
}

func (h *Hub) ready(n Newcomer) error {
	if !h.open {
		return problem.New(problem.Unavailable, "this replica does not lead: another one takes agents")
	}
	if c := h.cells[n.Name]; c != nil && c.link != nil && c.link.from.Instance != n.Instance {
		return problem.New(problem.Conflict, "another agent %s is connected, from %s, and has other records than this one", n.Name, c.link.from.Address).
			WithHint("give each agent a name and a token of its own; when this one takes the other's place, it is taken as soon as the other is gone")
	}
	return nil
}

// cellOf finds or makes what is known of an agent. h.mu is held.
func (h *Hub) cellOf(name string) *cell {
	c := h.cells[name]
	if c == nil {
		c = &cell{state: State{Since: h.since, Why: "it has not connected since this hub started"}, news: make(chan struct{})}
		h.cells[name] = c
	}
	return c
}

// Join takes a connection of an agent who has proved who it is, in place of an older one. It returns at once. Whether
// what it proved itself with is still good is for the caller to ask once more, and to hang up when it is not.
func (h *Hub) Join(n Newcomer, stream net.Conn) {
	name := n.Name
	transport := &http2.Transport{
		AllowHTTP: true, DisableCompression: true, MaxHeaderListSize: maxHead, MaxReadFrameSize: 256 << 10,
		WriteByteTimeout: silentAfter, StrictMaxConcurrentStreams: true,
	}
	client, err := transport.NewClientConn(stream)
	if err != nil {
		_ = stream.Close()
		h.o.Log.Warn("agent cannot be taken", "agent", name, "error", err)
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background()) //nolint:forbidigo // a connection outlives the request that it came with
	l := &link{name: name, from: n, client: client, cancel: cancel}
	h.mu.Lock()
	if err := h.ready(n); err != nil {
		h.mu.Unlock()
		cancel(err)
		_ = client.Close()
		return
	}
	c := h.cellOf(name)
	if c.link != nil {
		c.link.cancel(errors.New("it has connected anew"))
	}
	now := time.Now()
	c.link, c.whole, c.state = l, false, State{Connected: true, Since: now, From: n.Address, Blind: now}
	h.mu.Unlock()
	h.o.Log.Info("agent connected", "agent", name, "from", n.Address)
	go h.keep(ctx, l)
	h.o.Changed(name)
}

// keep speaks with an agent until the connection ends.
func (h *Hub) keep(ctx context.Context, l *link) {
	ended := make(chan error, 3)
	go func() { ended <- h.send(ctx, l) }()
	go func() { ended <- l.ask(ctx) }()
	go func() { ended <- h.listen(ctx, l) }()
	var why error
	select {
	case why = <-ended:
	case <-ctx.Done():
		why = context.Cause(ctx)
	}
	l.cancel(why)
	_ = l.client.Close()
	h.mu.Lock()
	c := h.cells[l.name]
	last := c != nil && c.link == l
	if last && c.gone {
		delete(h.cells, l.name)
	} else if last {
		text := "the connection ended"
		if why != nil {
			text = shorten(why.Error(), 300)
		}
		c.link, c.whole = nil, false
		c.state = State{Since: time.Now(), Why: text, From: c.state.From, Beat: c.state.Beat}
	}
	h.mu.Unlock()
	if last {
		h.o.Log.Warn("agent is gone", "agent", l.name, "why", why)
		h.o.Changed(l.name)
	}
}

// ask asks the agent every few seconds whether it lives, until it does not answer: so it hears that we do. That it is heard
// of by its own beats would do for us, and not for it.
func (l *link) ask(ctx context.Context) error {
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
		if err := l.ping(ctx); err != nil {
			return err
		}
	}
}

func (l *link) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, silentAfter/2)
	defer cancel()
	return l.client.Ping(ctx)
}

// request makes a call of our own. What an agent answers to it without end is read with bounds by the caller.
func (l *link) request(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+l.name+path, body)
	if err != nil {
		return nil, err
	}
	answer, err := l.client.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		_ = answer.Body.Close()
		return nil, problem.New(problem.Unavailable, "it answers %d: %s", answer.StatusCode, strings.ToValidUTF8(strings.TrimSpace(string(text)), ""))
	}
	return answer, nil
}

// send keeps the agent's records what is wanted: all of them first, then what changes.
func (h *Hub) send(ctx context.Context, l *link) error {
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	write := func(d down) error {
		var line bytes.Buffer
		if err := encoder(&line).Encode(d); err != nil {
			return err
		}
		if line.Len() > maxLine && d.Record != nil { // it would end the connection, and every one after it
			h.o.Log.Warn("a record is too large for an agent, which keeps what it has", "agent", l.name, "record", d.Record.String(), "bytes", line.Len())
			line.Reset()
			if err := encoder(&line).Encode(down{Record: &Record{Key: d.Record.Key, UID: d.Record.UID}}); err != nil {
				return err
			}
		}
		_, err := w.Write(line.Bytes())
		return err
	}
	answered := make(chan error, 1)
	go func() {
		answer, err := l.request(ctx, http.MethodPost, recordsPath, r)
		if err == nil {
			_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxHead))
			_ = answer.Body.Close()
		}
		if err == nil {
			err = errors.New("the agent has stopped taking records")
		}
		_ = r.CloseWithError(err)
		answered <- err
	}()
	told := func(err error) error { // what the agent answered says more than that the pipe is closed
		if err == nil {
			return nil
		}
		select {
		case said := <-answered:
			return said
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var sent map[Key]Record
	for {
		want, news, gone := h.wanted(l)
		if want != nil {
			first := sent == nil
			for _, k := range order(want) {
				if old, known := sent[k]; known && old.same(want[k]) {
					continue
				}
				record := want[k]
				if err := told(write(down{Record: &record})); err != nil {
					return err
				}
			}
			for _, k := range slices.Backward(order(sent)) {
				if _, wanted := want[k]; !wanted {
					if err := told(write(down{Gone: &k})); err != nil {
						return err
					}
				}
			}
			if first {
				if err := told(write(down{Whole: true})); err != nil {
					return err
				}
			}
			sent = want
		}
		if gone { // that it has taken everything away is seen by its answer
			_ = w.Close()
			news = nil
		}
		select {
		case <-news:
		case err := <-answered:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ranks is the order in which records are sent: what others need comes first.
var ranks = map[string]int{"ConfigMap": 0, "Secret": 1, "AppProject": 2, "Application": 3}

func order(records map[Key]Record) []Key {
	return slices.SortedFunc(maps.Keys(records), func(a, b Key) int {
		if n := ranks[a.Kind] - ranks[b.Kind]; n != 0 {
			return n
		}
		return strings.Compare(a.String(), b.String())
	})
}

// wanted returns what an agent is to have, nil when it is not known yet, what says that it has changed, and whether it
// is the last that it is told.
func (h *Hub) wanted(l *link) (want map[Key]Record, news <-chan struct{}, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.cellOf(l.name)
	return c.want, c.news, c.gone
}

// Want says which records an agent is to have: all of them. What is not among them it drops, so a caller who does not
// know must not call.
func (h *Hub) Want(name string, records []Record) {
	want := make(map[Key]Record, len(records))
	for _, r := range records {
		want[r.Key] = r
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.cellOf(name)
	c.want = want
	close(c.news)
	c.news = make(chan struct{})
}

// listen hands on what the agent reports.
func (h *Hub) listen(ctx context.Context, l *link) error {
	answer, err := l.request(ctx, http.MethodGet, reportsPath, nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	silence := time.AfterFunc(silentAfter, func() { l.cancel(errors.New("nothing has been heard of it for " + silentAfter.String())) })
	defer silence.Stop()
	pace := rate.NewLimiter(rate.Every(linesEach), linesBurst)
	err = lines(answer.Body, func(u up) error {
		silence.Reset(silentAfter)
		switch {
		case u.Beat != nil:
			h.beat(l, u.Beat.bounded())
		case u.Report != nil:
			cost := min(linesBurst, 1+(len(u.Report.Status)+len(u.Report.Operation))>>16)
			if err := pace.WaitN(ctx, cost); err != nil {
				return err
			}
			silence.Reset(silentAfter)
			if h.current(l) {
				h.o.Report(l.name, u.Report.bounded())
			}
		case u.Whole:
			h.note(l, func(c *cell) { c.whole = true })
			h.o.Changed(l.name)
		}
		return ctx.Err()
	})
	if err == nil {
		err = errors.New("the agent has stopped reporting")
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// beat notes how an agent is, and tells when its cluster has fallen silent or answers again.
func (h *Hub) beat(l *link, b Beat) {
	changed := false
	h.note(l, func(c *cell) {
		c.state.Beat = b
		switch blind := !c.state.Blind.IsZero(); {
		case b.Connected && blind:
			c.state.Blind, changed = time.Time{}, true
		case !b.Connected && !blind:
			c.state.Blind, changed = time.Now(), true
		}
	})
	if changed {
		h.o.Changed(l.name)
	}
}

// note changes what is known of an agent while the connection is the newest one.
func (h *Hub) note(l *link, change func(*cell)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.cellOf(l.name); c.link == l {
		change(c)
	}
}

// current reports whether a connection is still the one that counts.
func (h *Hub) current(l *link) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open && h.cellOf(l.name).link == l
}

// bounded is a beat that costs no more than one should: it is kept, and shown to people.
func (b Beat) bounded() Beat {
	b.Version, b.Kubernetes = shorten(b.Version, 64), shorten(b.Kubernetes, 64)
	b.Trouble, b.Objects, b.Kinds = shorten(b.Trouble, maxRefused), max(0, b.Objects), max(0, b.Kinds)
	b.APIs = slices.Clone(b.APIs[:min(len(b.APIs), 5000)])
	for i, api := range b.APIs {
		b.APIs[i] = shorten(api, 256)
	}
	return b
}

func shorten(s string, n int) string {
	return strings.ToValidUTF8(s[:min(len(s), n)], "")
}

// State says how an agent is connected.
func (h *Hub) State(name string) State {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return State{Why: "this replica does not lead: another one is connected to agents"}
	}
	return h.cellOf(name).state
}

// Known reports whether an agent is connected and has reported all that it knows.
func (h *Hub) Known(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open && h.cellOf(name).whole
}

// leave is how long an agent that is not registered any more may take to drop what it was told.
const leave = 30 * time.Second

// Forget drops what is known of agents that are not among names. One that is connected is told first that nothing is
// wanted of it any more: it would go on deploying, beside whoever deploys to its cluster next.
func (h *Hub) Forget(names map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, c := range h.cells {
		switch l := c.link; {
		case names[name]:
			if c.gone { // it was registered anew while it left
				c.link.cancel(errors.New("it was registered anew"))
				delete(h.cells, name)
			}
		case l == nil:
			delete(h.cells, name)
		case !c.gone:
			c.gone, c.want, c.whole = true, map[Key]Record{}, false
			close(c.news)
			c.news = make(chan struct{})
			time.AfterFunc(leave, func() { l.cancel(errors.New("it is not registered any more")) })
		}
	}
}

// HangUp ends an agent's connection: it comes back if it may.
func (h *Hub) HangUp(name, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.cells[name]; c != nil && c.link != nil {
		c.link.cancel(errors.New(why))
	}
}

// linkTo is an agent's connection, or that it is away.
func (h *Hub) linkTo(name string) (*link, error) {
	h.mu.Lock()
	if c := h.cells[name]; h.open && c != nil && c.link != nil && !c.gone {
		defer h.mu.Unlock()
		return c.link, nil
	}
	h.mu.Unlock()
	return nil, Away(name, h.State(name))
}

// RoundTrip makes a call to the agent that the request's host names. It implements http.RoundTripper, for clients of
// the API.
func (h *Hub) RoundTrip(r *http.Request) (*http.Response, error) {
	l, err := h.linkTo(r.URL.Host)
	if err != nil {
		return nil, err
	}
	return l.client.RoundTrip(r)
}

// Refresh has an agent look at an application anew, and returns what it then reports.
func (h *Hub) Refresh(ctx context.Context, name string, k Key, hard bool) (Report, error) {
	l, err := h.linkTo(name)
	if err != nil {
		return Report{}, err
	}
	body, err := json.Marshal(wish{k, hard})
	if err != nil {
		return Report{}, err
	}
	answer, err := l.request(ctx, http.MethodPost, refreshPath, bytes.NewReader(body))
	if err != nil {
		return Report{}, problem.Because(problem.Unavailable, err, "ask agent %s to look at %s", name, k)
	}
	defer func() { _ = answer.Body.Close() }()
	var r Report
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxLine)).Decode(&r); err != nil {
		return Report{}, problem.New(problem.Unavailable, "agent %s answers something else than a report", name)
	}
	return r.bounded(), nil
}

// Pushed passes a push on to every agent that is connected; who is not asks Git by itself.
func (h *Hub) Pushed(push []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.cells {
		if l := c.link; l != nil {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), silentAfter) //nolint:forbidigo // and so does a hint
				defer cancel()
				if answer, err := l.request(ctx, http.MethodPost, pushedPath, strings.NewReader(string(push))); err == nil {
					_ = answer.Body.Close()
				}
			}()
		}
	}
}
