package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	lua "github.com/yuin/gopher-lua"
)

// What one run of a script may take. A check of 200 lines over a large object needs some thousand steps.
const (
	maxSteps   = 1_000_000 // instructions of Lua, and steps of a string search: well under a second
	maxBytes   = 8 << 20   // strings it makes, all together
	maxString  = 256 << 10 // and the longest of them: to compare two is one instruction
	maxIndex   = 1 << 16   // of a list: Lua fills the gap below a new index
	maxMessage = 4 << 10   // bytes of the message it returns
	callDepth  = 120       // calls within calls
	stackSize  = 256 * 4
	stackMax   = 256 * 64
)

// run is one run of a script: what it judges and what it may still take. It is the context of the Lua state, which asks
// for Done before each instruction: that is where steps are counted.
type run struct {
	context.Context
	object  *object.Object
	now     time.Time
	env     *lua.LTable
	steps   int
	bytes   int
	stopped *exhausted
}

// exhausted says which limit a script ran into.
type exhausted struct{ limit string }

func (e *exhausted) Error() string { return e.limit }

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
		r.stopped = &exhausted{fmt.Sprintf("it took more than %d steps", maxSteps)}
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
		r.stopped = &exhausted{fmt.Sprintf("it made strings of more than %d MiB (one may have %d KiB)", maxBytes>>20, maxString>>10)}
	}
	if r.stopped != nil {
		l.RaiseError("%s", r.stopped.Error())
	}
}

// run gives a compiled script one object and reads its answer. States are used again, since making one costs more than
// most checks; the environment, where a script can leave something, is new each time. A state in which something went
// wrong is not used again.
func (c *Checks) run(ctx context.Context, proto *lua.FunctionProto, o *object.Object, now time.Time) (h Health, ok bool, err error) {
	l := c.states.Get().(*lua.LState)
	env := l.CreateTable(0, 8)
	env.Metatable = l.G.Registry.RawGetString(environment)
	r := &run{Context: ctx, object: o, now: now, env: env, steps: maxSteps, bytes: maxBytes}
	l.SetContext(r)
	fn := l.NewFunctionFromProto(proto)
	fn.Env = env
	l.Push(fn)
	if err := l.PCall(0, 1, nil); err != nil {
		if r.stopped != nil {
			return Health{}, false, r.stopped
		}
		return Health{}, false, errors.New(plain(err))
	}
	answer := l.Get(-1)
	l.SetTop(0)
	l.RemoveContext()
	c.states.Put(l)
	return answered(answer)
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
	return shorten(firstLine(text))
}

// answered reads {status = …, message = …}. nil and an empty table mean that the object has no health (Argo CD's
// reading).
func answered(v lua.LValue) (h Health, ok bool, err error) {
	switch v := v.(type) {
	case *lua.LNilType:
		return Health{}, false, nil
	case *lua.LTable:
		status, message := v.RawGetString("status"), v.RawGetString("message")
		if status == lua.LNil && message == lua.LNil {
			return Health{}, false, nil
		}
		word, _ := status.(lua.LString)
		if !slices.Contains(order(), code(word)) {
			return Health{}, false, fmt.Errorf("Lua returned an invalid health status: %s (allowed: Healthy, Progressing, Degraded, Suspended, Missing, Unknown)", quoted(status)) //nolint:staticcheck // Argo CD's words, which people search for
		}
		if message != lua.LNil && !lua.LVCanConvToString(message) {
			return Health{}, false, fmt.Errorf("the message is a %s, not a string", message.Type())
		}
		return Health{code(word), shorten(lua.LVAsString(message))}, true, nil
	}
	return Health{}, false, fmt.Errorf("it returned a %s, not a table with status and message", v.Type())
}

func quoted(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return fmt.Sprintf("%q", shorten(string(s)))
	}
	return "a " + v.Type().String()
}

// shorten cuts a message that nobody would read, at the end of a character, and leaves out what is not UTF-8: the
// message goes into status.
func shorten(s string) string {
	if len(s) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// valueOf turns a value of an object into Lua's. null becomes nil: the field is absent.
func valueOf(l *lua.LState, v any) lua.LValue {
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
			t.RawSetInt(i+1, valueOf(l, item))
		}
		return t
	case map[string]any:
		t := l.CreateTable(0, len(v))
		for name, field := range v {
			if value := valueOf(l, field); value != lua.LNil {
				t.RawSetString(name, value)
			}
		}
		return t
	}
	return lua.LNil
}

// objectOf is the global obj: the whole object but metadata.managedFields, which is half of it and no check's business.
func objectOf(l *lua.LState, o *object.Object) lua.LValue {
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
	return valueOf(l, top)
}

func tooLong(size int) error {
	return problem.New(problem.Invalid, "the script has %d bytes; at most %d are read", size, maxSource)
}
