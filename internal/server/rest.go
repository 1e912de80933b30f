package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// bound is a REST route of a method: the segments of its path, and where each part of the request comes from.
type bound struct {
	*method
	segments []segment
	body     string // field that the body is; "*" for the request itself, "" for none
}

// segment is one part of a path between slashes: a word, or a field of the request.
type segment struct {
	word  string
	field string
	rest  bool // the field takes all that follows
}

// paths are the REST routes as a tree of segments, by verb at the leaves.
type paths struct {
	words  map[string]*paths
	any    *paths // a field
	rest   *paths // a field that takes all that follows
	routes map[string]*bound
}

// insert adds a route. Two methods on one route are the old and the new name of the same thing: the first stays.
func (p *paths) insert(verb string, b *bound) {
	for _, s := range b.segments {
		next := &p.any
		switch {
		case s.rest:
			next = &p.rest
		case s.field == "":
			if p.words == nil {
				p.words = map[string]*paths{}
			}
			if p.words[s.word] == nil {
				p.words[s.word] = &paths{}
			}
			p = p.words[s.word]
			continue
		}
		if *next == nil {
			*next = &paths{}
		}
		p = *next
	}
	if p.routes == nil {
		p.routes = map[string]*bound{}
	}
	if p.routes[verb] == nil {
		p.routes[verb] = b
	}
}

// find returns what answers the segments of a path; words go before fields.
func (p *paths) find(segments []string) *paths {
	if len(segments) == 0 {
		if p.routes == nil {
			return nil
		}
		return p
	}
	if next := p.words[segments[0]]; next != nil {
		if found := next.find(segments[1:]); found != nil {
			return found
		}
	}
	if p.any != nil {
		if found := p.any.find(segments[1:]); found != nil {
			return found
		}
	}
	return p.rest
}

// parsePath reads a path of the contract: /api/v1/applications/{name}.
func parsePath(path string) (list []segment) {
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		s := segment{word: part}
		if strings.HasPrefix(part, "{") {
			s = segment{field: strings.TrimSuffix(strings.Trim(part, "{}"), "=**"), rest: strings.HasSuffix(part, "=**}")}
		}
		list = append(list, s)
	}
	return list
}

// split takes a path apart as it came, so that an escaped slash stays inside its segment: repositories are named by URL.
func split(u *url.URL) []string {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// check panics when the request has no such field as the route names: what a path says would be lost, and what a body says
// would count in its place.
func (b *bound) check() {
	names := []string{b.body}
	for _, s := range b.segments {
		names = append(names, s.field)
	}
	for _, name := range names {
		if _, ok := fieldOf(reflect.ValueOf(b.none()).Elem(), name); !ok && name != "" && name != "*" {
			panic("server: the request of " + b.path() + " has no field " + name)
		}
	}
}

// maxQuery is the most parameters of a query that are looked at.
const maxQuery = 1000

// decode makes the request of a method from a path, a query and a body.
func (b *bound) decode(w http.ResponseWriter, r *http.Request, segments []string) (any, error) {
	q := b.none()
	v := reflect.ValueOf(q).Elem()
	if b.body != "" {
		into := q
		if b.body != "*" {
			f, ok := fieldOf(v, b.body)
			if !ok {
				return nil, problem.New(problem.Internal, "%s has no field %s", b.path(), b.body)
			}
			into = f.Addr().Interface()
		}
		if err := readBody(w, r, into, int64(largest(b.declared.scope))); err != nil {
			return nil, err
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the query cannot be read: %v", err)
	}
	if len(query) > maxQuery {
		return nil, problem.New(problem.Invalid, "the query has %d parameters, more than %d", len(query), maxQuery)
	}
	if b.body != "*" {
		for name, values := range query {
			if err := bind(v, name, values); err != nil {
				return nil, err
			}
		}
	}
	for i, s := range b.segments { // last: nothing may speak of another object than the path does
		switch {
		case s.rest:
			err = bind(v, s.field, []string{strings.Join(segments[min(i, len(segments)):], "/")})
		case s.field != "":
			err = bind(v, s.field, []string{segments[i]})
		}
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// readBody decodes a body of JSON; an empty one leaves what is there.
func readBody(w http.ResponseWriter, r *http.Request, into any, limit int64) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	var full *httpFault
	switch {
	case errors.As(err, &large):
		return &httpFault{http.StatusRequestEntityTooLarge, problem.New(problem.Limit, "the body is larger than %d KiB", limit>>10)}
	case errors.As(err, &full):
		return full
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &httpFault{http.StatusRequestTimeout, problem.New(problem.Invalid, "the body took too long")}
	case err != nil:
		return problem.New(problem.Invalid, "the body ended early")
	case len(strings.TrimSpace(string(data))) == 0:
		return nil
	}
	if err := checkJSON(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return problem.New(problem.Invalid, "the body is no such JSON: %s", jsonFault(err))
	}
	return nil
}

// jsonFault says what is wrong with JSON without repeating any of it: it may hold a password.
func jsonFault(err error) string {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return fmt.Sprintf("%s is a %s, not a %s", kind.Field, strings.Fields(kind.Value + " ")[0], kind.Type)
	case errors.As(err, &syntax):
		return fmt.Sprintf("syntax error at byte %d", syntax.Offset)
	}
	return "a value has the wrong form"
}

// fieldOf finds a field by its JSON name; a name with dots goes into messages, which are made when missing.
func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	head, tail, deep := strings.Cut(name, ".")
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return v, false
	}
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || tag == "-":
			continue
		case tag == "" && f.Anonymous:
			if found, ok := fieldOf(v.Field(i), name); ok {
				return found, true
			}
		case tag != head:
			continue
		case deep:
			return fieldOf(v.Field(i), tail)
		default:
			return v.Field(i), true
		}
	}
	return v, false
}

// bind sets a field from the strings of a path or query. What the request does not have is not our business.
func bind(v reflect.Value, name string, values []string) error {
	if strings.Count(name, ".") > 8 {
		return nil
	}
	f, ok := fieldOf(v, name)
	if !ok || len(values) == 0 {
		return nil
	}
	if f.Kind() == reflect.Slice && f.Type().Elem().Kind() != reflect.Uint8 {
		list := reflect.MakeSlice(f.Type(), len(values), len(values))
		for i, text := range values {
			if err := set(list.Index(i), name, text); err != nil {
				return err
			}
		}
		f.Set(list)
		return nil
	}
	return set(f, name, values[0])
}

// set parses one value. Only plain values come as text: of messages, those that have a form as text.
func set(f reflect.Value, name, text string) (err error) {
	if f.Kind() == reflect.Pointer {
		f.Set(reflect.New(f.Type().Elem()))
		f = f.Elem()
	}
	wrong := func(want string) error {
		return problem.New(problem.Invalid, "parameter %s is %q, not %s", clip(name), clip(text), want)
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return wrong("true or false")
		}
		f.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, f.Type().Bits())
		if err != nil {
			return wrong("a whole number")
		}
		f.SetInt(n)
	case reflect.Slice:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return wrong("base64")
		}
		f.SetBytes(data)
	case reflect.Struct:
		if at, ok := f.Addr().Interface().(*metav1.Time); ok {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return wrong("a time like 2006-01-02T15:04:05Z")
			}
			at.Time = t
		}
	}
	return nil
}

// rest answers a REST request that a method is bound to.
func (s *server) rest(w http.ResponseWriter, r *http.Request, b *bound, segments []string) {
	c := callOf(r.Context())
	c.method = b.path()
	if err := s.admit(r); err != nil {
		s.refuse(w, c, err)
		return
	}
	if b.declared.scope != open { // nobody unknown has a body read
		if err := c.mustBeSomebody(); err != nil {
			s.refuse(w, c, err)
			return
		}
	}
	q, err := b.decode(w, r, segments)
	if err != nil {
		s.refuse(w, c, err)
		return
	}
	switch {
	case b.open != nil:
		s.restStream(w, r, c, b, q)
	case b.take != nil:
		s.refuse(w, c, problem.New(problem.Unsupported, "%s takes a stream, which only gRPC has", b.path()))
	default:
		answer, err := b.call(c, q)
		if err != nil {
			s.refuse(w, c, err)
			return
		}
		c.finish(nil)
		if c.renewed != "" {
			s.setCookies(w, r, c.renewed)
		}
		if session, ok := answer.(*argocd.SessionResponse); ok {
			s.keepSession(w, r, session.Token)
		}
		s.write(w, r, answer)
	}
}

// admit refuses what no client of ours sends: a browser's form is no JSON, and another site's page no user.
func (s *server) admit(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || !s.acceptsType(kind) {
		return &httpFault{http.StatusUnsupportedMediaType, problem.New(problem.Invalid, "Invalid content type").WithHint("send Content-Type: application/json")}
	}
	return s.sameOrigin(r)
}

// httpFault is an error with a status of HTTP that no code of gRPC has.
type httpFault struct {
	status int
	err    error
}

func (f *httpFault) Error() string { return f.err.Error() }
func (f *httpFault) Unwrap() error { return f.err }

// refuse answers a call with an error.
func (s *server) refuse(w http.ResponseWriter, c *call, err error) {
	c.finish(err)
	failWith(w, err)
}

// write answers with a value as JSON: only the fields that the caller asked for.
func (s *server) write(w http.ResponseWriter, r *http.Request, value any) {
	data, err := asJSON(value, fieldsOf(r))
	if err != nil {
		answer(w, http.StatusInternalServerError, connect.CodeInternal, "the answer cannot be written as JSON: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	send, done := s.squeeze(w, r, len(data))
	_, _ = send.Write(data) // the caller has gone: nobody is left to tell
	done()
}

// restStream answers with many values: lines of JSON, or events for a browser's EventSource.
func (s *server) restStream(w http.ResponseWriter, r *http.Request, c *call, b *bound, q any) {
	run, err := b.open(c, q)
	if err == nil {
		err = c.begin()
	}
	if err != nil {
		s.refuse(w, c, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	listens := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	if listens {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	w.Header().Set("X-Accel-Buffering", "no") // or nginx holds events back
	flush := http.NewResponseController(w).Flush
	w.WriteHeader(http.StatusOK)
	_ = flush()
	out := &events{to: w, flush: flush}
	if listens {
		text := beatComment
		if r.URL.Query().Get("alive") == "true" {
			text = beatEvent
		}
		defer out.beat(text, beatEvery)()
	}
	fields := fieldsOf(r)
	line := func(data []byte, err error) error {
		if err != nil {
			return err
		}
		if listens {
			data = append([]byte("data: "), data...)
			data = append(data, '\n')
		}
		_, err = out.Write(append(data, '\n'))
		return err
	}
	err = run(func(value any) error {
		return line(asJSON(struct {
			Result any `json:"result"`
		}{value}, fields))
	})
	if err != nil && r.Context().Err() == nil {
		code := codeOf(err)
		_ = line(json.Marshal(map[string]any{"error": map[string]any{
			"grpc_code": code, "http_code": statuses[code], "http_status": http.StatusText(statuses[code]), "message": err.Error(),
		}}))
	}
	c.finish(err)
}
