// Package script runs small Lua programs on one Kubernetes object, within bounds.
//
// The idea: health checks and actions of the users are code that we did not write, in a process that everything depends
// on. So a script gets an object, parameters and the time, may take so many steps, bytes and seconds, and gives back a
// value; it reaches no disk, network, process or clock, and leaves nothing behind for the next one. Read New and Run
// first, then newState in sandbox.go (what a script may call), guard in compile.go (what is counted besides
// instructions), Plain in plain.go (a script's value as an object) and Kinds (which script belongs to an object). The
// package refuses to know what a script is for.
package script

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/object"
	lua "github.com/yuin/gopher-lua"
)

// What one run of a script may take. A check of 200 lines over a large object needs some thousand steps.
const (
	maxSteps   = 1_000_000 // instructions of Lua, and steps of a string search: well under a second
	maxBytes   = 8 << 20   // strings it makes, all together
	maxString  = 256 << 10 // and the longest of them: to compare two is one instruction
	maxIndex   = 1 << 16   // of a list: Lua fills the gap below a new index
	maxMessage = 4 << 10   // bytes of a message for people

	stepsForValue = 4   // of the object, handed to the script once more
	callDepth     = 120 // calls within calls
	stackSize     = 256 * 4
	stackMax      = 256 * 64
)

// Settings are what differs between sorts of scripts.
type Settings struct {
	Users  string                    // the scripts, in messages: "health checks"
	Hawser map[string]lua.LGFunction // functions of the global table hawser, besides get and condition
	// Require opens require("os"), and of string, math and table, which scripts for Argo CD begin with. They are the
	// same tables as the globals.
	Require bool
	// Returns has the way of tables through the script followed, so that Plain gives back what it did not touch exactly
	// as it was.
	Returns bool
}

// Interpreter runs the scripts of one sort. Safe for concurrent use.
type Interpreter struct {
	settings Settings
	running  atomic.Int64
	states   sync.Pool // of *lua.LState: making one costs more than most scripts
}

// New returns an interpreter.
func New(s Settings) *Interpreter {
	i := &Interpreter{settings: s}
	i.states.New = func() any { return i.newState() }
	return i
}

// Input is what a script is given.
type Input struct {
	Object *object.Object    // the global obj, without metadata.managedFields: half of it, and no script's business
	Params map[string]string // the global actionParams; nil: there is none
	Now    time.Time         // what os.time and os.date tell; the zero time makes them fail
}

// run is one run of a script: what it works on and what it may still take. It is the context of the Lua state, which
// asks for Done before each instruction: that is where steps are counted.
type run struct {
	context.Context
	Input
	env     *lua.LTable
	origin  map[*lua.LTable]any // with Settings.Returns: what tables were made from
	steps   int
	bytes   int
	stopped *Exhausted
}

// Exhausted says which limit a script ran into.
type Exhausted struct{ limit string }

// Error returns the limit.
func (e *Exhausted) Error() string { return e.limit }

func (r *run) Done() <-chan struct{} {
	r.spend(1)
	if r.stopped != nil {
		ended := make(chan struct{}) // a script that catches the error comes here again, and gets no further
		close(ended)
		return ended
	}
	return r.Context.Done()
}

func (r *run) Err() error {
	if r.stopped != nil {
		return r.stopped
	}
	return r.Context.Err()
}

func (r *run) spend(steps int) {
	if r.steps -= steps; r.steps < 0 && r.stopped == nil {
		r.stopped = &Exhausted{fmt.Sprintf("it took more than %d steps", maxSteps)}
	}
}

func runOf(l *lua.LState) *run { return l.Context().(*run) }

// work counts steps that a function of ours takes, and stops the script when it has no more.
func work(l *lua.LState, steps int) {
	r := runOf(l)
	if r.spend(steps); r.stopped != nil {
		l.RaiseError("%s", r.stopped.Error())
	}
}

// made counts a string that a function of ours is about to make.
func made(l *lua.LState, size int) {
	r := runOf(l)
	if r.bytes -= size; (size > maxString || r.bytes < 0) && r.stopped == nil {
		r.stopped = &Exhausted{fmt.Sprintf("it made strings of more than %d MiB (one may have %d KiB)", maxBytes>>20, maxString>>10)}
	}
	if r.stopped != nil {
		l.RaiseError("%s", r.stopped.Error())
	}
}

// Answer is what a script returned.
type Answer struct {
	Value  lua.LValue
	origin map[*lua.LTable]any
}

// Run runs a program once. The error is the script's own, an *Exhausted, or that of ctx, whose deadline is the limit in
// time. States are used again; the environment, where a script can leave something, is new each time. A state in which
// something went wrong is not used again.
func (i *Interpreter) Run(ctx context.Context, p *Program, in Input) (Answer, error) {
	i.running.Add(1)
	defer i.running.Add(-1)
	l := i.states.Get().(*lua.LState)
	env := l.CreateTable(0, 8)
	env.Metatable = l.G.Registry.RawGetString(environment)
	r := &run{Context: ctx, Input: in, env: env, steps: maxSteps, bytes: maxBytes}
	if i.settings.Returns {
		r.origin = map[*lua.LTable]any{}
	}
	l.SetContext(r)
	fn := l.NewFunctionFromProto(p.proto)
	fn.Env = env
	l.Push(fn)
	if err := l.PCall(0, 1, nil); err != nil {
		if r.stopped != nil {
			return Answer{}, r.stopped
		}
		return Answer{}, errors.New(plain(err))
	}
	value := l.Get(-1)
	l.SetTop(0)
	l.RemoveContext()
	i.states.Put(l)
	return Answer{value, r.origin}, nil
}

// plain is the message of a Lua error without the trace.
func plain(err error) string {
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return err.Error()
	}
	text := strings.TrimSpace(lua.LVAsString(api.Object))
	if text == "" {
		text = fmt.Sprintf("it raised a %s", api.Object.Type())
	}
	text, _, _ = strings.Cut(text, "\n")
	return Shorten(text)
}

// Shorten cuts a message that nobody would read, at the end of a character, and leaves out what is not UTF-8: messages
// of scripts go into status.
func Shorten(s string) string {
	if len(s) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// ObjectOf returns the object that the running script works on, for functions of Settings.Hawser.
func ObjectOf(l *lua.LState) *object.Object { return runOf(l).Object }

// ParamsOf returns the parameters of the running script.
func ParamsOf(l *lua.LState) map[string]string { return runOf(l).Params }

// Now is the time of the call: no script looks at a clock.
func Now(l *lua.LState) time.Time {
	t := runOf(l).Now
	if t.IsZero() {
		l.RaiseError("the time is not known here")
	}
	return t.UTC()
}

// Value turns a value of an object into Lua's. null becomes nil: the field is absent.
func Value(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case int:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		t := l.CreateTable(len(v), 0)
		for i, item := range v {
			t.RawSetInt(i+1, Value(l, item))
		}
		runOf(l).remember(t, v)
		return t
	case map[string]any:
		t := l.CreateTable(0, len(v))
		for name, field := range v {
			if value := Value(l, field); value != lua.LNil {
				t.RawSetString(name, value)
			}
		}
		runOf(l).remember(t, v)
		return t
	}
	return lua.LNil
}

func (r *run) remember(t *lua.LTable, v any) {
	if r.origin != nil {
		r.origin[t] = v
	}
}

// WithoutManagedFields returns the content of an object as scripts see it. What is below is shared.
func WithoutManagedFields(o *object.Object) map[string]any {
	top := make(map[string]any, len(o.Object))
	for name, v := range o.Object {
		top[name] = v
	}
	if metadata, ok := top["metadata"].(map[string]any); ok && metadata["managedFields"] != nil {
		rest := make(map[string]any, len(metadata))
		for name, v := range metadata {
			if name != "managedFields" {
				rest[name] = v
			}
		}
		top["metadata"] = rest
	}
	return top
}

// get is hawser.get("status.phase"): the value there, or nil when any part of the path is missing.
func get(l *lua.LState) int {
	var v any = runOf(l).Object.Object
	for _, name := range strings.Split(l.CheckString(1), ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return push(l, v)
}

// push gives the script a value of the object, which costs it something: a copy of the whole object in each round of a
// loop would take all the memory there is.
func push(l *lua.LState, v any) int {
	work(l, stepsForValue*values(v))
	l.Push(Value(l, v))
	return 1
}

func values(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += values(item)
		}
	case map[string]any:
		for _, field := range v {
			n += values(field)
		}
	}
	return n
}

// condition is hawser.condition("Ready"): the element of status.conditions of that type as a table, or nil.
func condition(l *lua.LState) int {
	kind := l.CheckString(1)
	status, _ := runOf(l).Object.Object["status"].(map[string]any)
	all, _ := status["conditions"].([]any)
	for _, c := range all {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			return push(l, c)
		}
	}
	l.Push(lua.LNil)
	return 1
}

// Running is how many scripts are being run at the moment. What each of them may take is bounded; how many there are is
// bounded by those who call Run.
func (i *Interpreter) Running() int { return int(i.running.Load()) }
