package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// The calls that only a hub makes.
const (
	recordsPath = "/agent/v1/records"
	reportsPath = "/agent/v1/reports"
	pushedPath  = "/agent/v1/pushed"
	refreshPath = "/agent/v1/refresh"
)

// Engine is what an agent does with what its hub says. Only one call of Take, Drop and Whole is under way at a time.
type Engine interface {
	// Take makes the agent's copy of a record what the hub wants. A record that cannot be had as it is wanted is for
	// Reports to tell; an error ends the connection, and everything is sent again.
	Take(ctx context.Context, r Record) error
	// Drop takes a copy away, and nothing of what it deployed.
	Drop(ctx context.Context, k Key) error
	// Whole is told that these are all that the hub wants: other copies of its records go as by Drop.
	Whole(ctx context.Context, all map[Key]bool) error
	// Reports sends what there is to say of every application, then calls whole, then sends what changes, until ctx ends
	// or send fails.
	Reports(ctx context.Context, send func(Report) error, whole func() error) error
	// Refresh looks at an application anew, hard if asked for, and reports it.
	Refresh(ctx context.Context, k Key, hard bool) (Report, error)
	// Exec runs a command in a container until it ends, and returns its exit code.
	Exec(ctx context.Context, q Exec, t Terminal) (int, error)
	// Pushed is told of a push that the hub heard of, as JSON.
	Pushed(push []byte)
	// Beat says how the agent is.
	Beat() Beat
}

// Serve is what an agent answers its hub: the calls between the two, and of everything else what api answers.
func Serve(e Engine, api http.Handler) http.Handler {
	s := &served{Engine: e}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+recordsPath, s.records)
	mux.HandleFunc("GET "+reportsPath, s.reports)
	mux.HandleFunc("POST "+pushedPath, s.pushed)
	mux.HandleFunc("POST "+refreshPath, s.refresh)
	mux.HandleFunc("POST "+execPath, s.exec)
	mux.Handle("/", api)
	return mux
}

type served struct {
	Engine
	taking sync.Mutex // a connection that is over can still be taking its last record
}

// records takes what the hub wants, line by line, for as long as the connection lasts.
func (s *served) records(w http.ResponseWriter, r *http.Request) {
	s.taking.Lock()
	defer s.taking.Unlock()
	all, whole := map[Key]bool{}, false
	err := lines(r.Body, func(d down) error {
		switch {
		case d.Record != nil:
			if err := d.Record.Key.check(); err != nil {
				return err
			}
			if string(d.Record.Body) == "null" {
				d.Record.Body = nil
			}
			if !whole {
				if len(all) == maxRecords {
					return problem.New(problem.Limit, "the hub wants more than %d records here", maxRecords)
				}
				all[d.Record.Key] = true
			}
			return s.Take(r.Context(), *d.Record)
		case d.Gone != nil:
			if err := d.Gone.check(); err != nil {
				return err
			}
			if !whole {
				return problem.New(problem.Invalid, "the hub takes something away before it has said what it wants")
			}
			return s.Drop(r.Context(), *d.Gone)
		case d.Whole && !whole:
			whole = true
			return s.Whole(r.Context(), all)
		}
		return nil
	})
	if err != nil && r.Context().Err() == nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

// check refuses what cannot be the name of a record.
func (k Key) check() error {
	_, known := ranks[k.Kind]
	if !known || k.Name == "" || len(k.Name) > 253 || len(k.Namespace) > 63 || strings.ContainsAny(k.Name+k.Namespace, "/%\\ \n") || k.Namespace != "" && k.Kind != "Application" {
		return problem.New(problem.Invalid, "the hub names a record that an agent has no copy of")
	}
	return nil
}

// maxRecords is how many records an agent has of a hub.
const maxRecords = 50_000

// reports sends what becomes of applications, and that we live.
func (s *served) reports(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var mu sync.Mutex
	out, flush := encoder(w), http.NewResponseController(w)
	send := func(u up) error {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(u); err != nil {
			return err
		}
		return flush.Flush()
	}
	beat := func() error {
		b := s.Beat()
		return send(up{Beat: &b})
	}
	if beat() != nil {
		return
	}
	go func() {
		defer cancel()
		t := time.NewTicker(beatEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if beat() != nil {
					return
				}
			}
		}
	}()
	_ = s.Reports(ctx, func(report Report) error { return send(up{Report: &report}) }, func() error { return send(up{Whole: true}) })
	cancel()
}

func (s *served) pushed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHead))
	if err != nil {
		http.Error(w, "it is too large", http.StatusRequestEntityTooLarge)
		return
	}
	s.Pushed(body)
	w.WriteHeader(http.StatusNoContent)
}

// wish is a request for a new look.
type wish struct {
	Key
	Hard bool `json:"hard"`
}

func (s *served) refresh(w http.ResponseWriter, r *http.Request) {
	var q wish
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHead)).Decode(&q); err != nil {
		http.Error(w, "it is not the JSON that is expected", http.StatusBadRequest)
		return
	}
	report, err := s.Refresh(r.Context(), q.Key, q.Hard)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_ = encoder(w).Encode(report)
}

// lines hands over each line of a stream, read as JSON, until the stream ends or take fails.
func lines[T any](from io.Reader, take func(T) error) error {
	in := bufio.NewScanner(from)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	for in.Scan() {
		var line T
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			return problem.New(problem.Invalid, "a line that is not the JSON that is expected")
		}
		if err := take(line); err != nil {
			return err
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return problem.New(problem.Limit, "a line of more than %d bytes", maxLine)
	} else if err != nil {
		return err
	}
	return nil
}
