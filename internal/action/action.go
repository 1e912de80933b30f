// Package action knows what people can do with a live object besides changing Git: restart, scale, pause, run a job now.
//
// The idea: an action is a small Lua file that is given the object and returns what is to change: the object, changed, or
// a list of objects to create and to patch. The contract is Argo CD's, so that scripts of argocd-cm work as they are; the
// actions that come with us are data in the same form, a folder for each kind in kinds. Read Discover first, then Run.
// The package refuses to talk to a cluster: it says what is to be written, and who may do so is decided elsewhere.
package action

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/script"
)

// Custom are the actions of an installation's own on one kind, from argocd-cm.
type Custom struct {
	Group, Kind string // may hold * and ?, as in health checks
	// Discovery is the script that says which actions an object has: a table with a field for each.
	Discovery   string
	Definitions []Definition
	// MergeBuiltin keeps the built-in actions of the kind; those of the installation win. Without it they replace them.
	MergeBuiltin bool
	Key          string // name of the setting, for messages
}

// Definition is the script of one action.
type Definition struct{ Name, Lua string }

// Action is something that can be done with an object.
type Action struct {
	Name        string
	Disabled    bool // it would make no sense now
	IconClass   string
	DisplayName string
	Params      []Param
}

// Param is something that an action asks for.
type Param struct{ Name, Value, Type, Default string }

// Actions are all actions in force: those of an installation, and the built-in ones. A value never changes; make a new
// one when the settings do. Safe for concurrent use.
type Actions struct {
	custom, builtin script.Kinds[*kind]
	interpreter     *script.Interpreter
}

// kind is the actions on one kind of object.
type kind struct {
	key       string // of the setting that it comes from; empty when it is built in
	discovery func() (*script.Program, error)
	run       map[string]func() (*script.Program, error)
	merge     bool // with the built-in ones
}

//go:embed kinds/*/*/*.lua
var builtin embed.FS

const discovery = "discovery.lua"

// New compiles the actions of an installation; of two entries for the same kind the later one counts. An error names the
// setting and says why a script of it cannot be used; all others can.
func New(custom []Custom) (*Actions, []error) {
	a := &Actions{interpreter: script.New(script.Settings{Users: "actions", Hawser: hawserFunctions(), Require: true, Returns: true})}
	var problems []error
	for _, c := range custom {
		k := &kind{key: c.Key, merge: c.MergeBuiltin, discovery: lazily(discovery, c.Discovery), run: map[string]func() (*script.Program, error){}}
		check := func(what string, compile func() (*script.Program, error)) {
			if _, err := compile(); err != nil {
				problems = append(problems, problem.Because(problem.Invalid, err, "%s: %s", c.Key, what).WithHint("it cannot be used until it is mended; the other actions can"))
			}
		}
		check(discovery, k.discovery)
		for _, d := range c.Definitions {
			k.run[d.Name] = lazily("action.lua", d.Lua)
			check("action "+d.Name, k.run[d.Name])
		}
		a.custom.Add(c.Group, c.Kind, k)
	}
	files, err := fs.Glob(builtin, "kinds/*/*/"+discovery)
	if err != nil { // the pattern is a constant
		panic(err)
	}
	for _, file := range files {
		folder := path.Dir(file)
		group, name := path.Base(path.Dir(folder)), path.Base(folder)
		k := &kind{discovery: embedded(file), run: map[string]func() (*script.Program, error){}}
		scripts, err := fs.Glob(builtin, folder+"/*.lua")
		if err != nil {
			panic(err)
		}
		for _, s := range scripts {
			if s != file {
				k.run[strings.TrimSuffix(path.Base(s), ".lua")] = embedded(s)
			}
		}
		a.builtin.Add(script.Wildcard(group), script.Wildcard(name), k)
	}
	return a, problems
}

func lazily(file, source string) func() (*script.Program, error) {
	return sync.OnceValues(func() (*script.Program, error) { return script.Compile(file, source) })
}

func embedded(file string) func() (*script.Program, error) {
	return sync.OnceValues(func() (*script.Program, error) {
		data, err := builtin.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return script.Compile(path.Base(file), string(data))
	})
}

// of returns the actions on an object's kind, in the order in which they count.
func (a *Actions) of(o *object.Object) []*kind {
	gk := o.GroupVersionKind().GroupKind()
	var list []*kind
	if k, ok := a.custom.Of(gk); ok {
		list = append(list, k)
	}
	if k, ok := a.builtin.Of(gk); ok && (len(list) == 0 || list[0].merge) {
		list = append(list, k)
	}
	return list
}

// Discover returns the actions of a live object, by name. The deadline of ctx is the limit in time; now is what the
// scripts take for the present.
func (a *Actions) Discover(ctx context.Context, o *object.Object, now time.Time) ([]Action, error) {
	var list []Action
	for _, k := range a.of(o) {
		found, err := a.discover(ctx, k, o, now)
		if err != nil {
			return nil, failed(err, o, k, "which actions %s has", object.KeyOf(o).Short())
		}
		for _, f := range found {
			if !slices.ContainsFunc(list, func(known Action) bool { return known.Name == f.Name }) {
				list = append(list, f)
			}
		}
	}
	slices.SortFunc(list, func(a, b Action) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (a *Actions) discover(ctx context.Context, k *kind, o *object.Object, now time.Time) ([]Action, error) {
	answer, err := a.execute(ctx, k.discovery, script.Input{Object: o, Now: now})
	if err != nil {
		return nil, err
	}
	return discovered(answer)
}

// Request asks for one action.
type Request struct {
	Action string
	Params map[string]string
	Now    time.Time
}

// Run returns what the action changes, in the order in which it is to be done. A problem of kind NotFound is of an action
// that the object does not have, Invalid of one that is disabled now, or whose script fails.
func (a *Actions) Run(ctx context.Context, o *object.Object, r Request) ([]Change, error) {
	what := object.KeyOf(o).Short()
	size := 0
	for name, v := range r.Params {
		if size += len(name) + len(v); size > maxParams {
			return nil, problem.New(problem.Limit, "action %s of %s: its parameters have more than %d bytes", script.Shorten(r.Action), what, maxParams)
		}
	}
	actions, err := a.Discover(ctx, o, r.Now)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(actions, func(known Action) bool { return known.Name == r.Action })
	switch {
	case i < 0:
		return nil, problem.New(problem.NotFound, "%s has no action %q", what, script.Shorten(r.Action)).WithHint("%s", available(actions))
	case actions[i].Disabled:
		return nil, problem.New(problem.Invalid, "action %s of %s is disabled: it makes no sense in the object's present state", r.Action, what).WithHint("%s", available(actions))
	}
	for _, k := range a.of(o) {
		compile, ok := k.run[r.Action]
		if !ok {
			continue
		}
		params := r.Params
		if params == nil {
			params = map[string]string{}
		}
		answer, err := a.execute(ctx, compile, script.Input{Object: o, Params: params, Now: r.Now})
		if err == nil {
			var changes []Change
			if changes, err = changed(answer, o); err == nil {
				return changes, nil
			}
		}
		return nil, failed(err, o, k, "action %s of %s", r.Action, what)
	}
	return nil, problem.New(problem.Invalid, "action %s of %s has no definition in %s", r.Action, what, a.of(o)[0].key).WithHint("add it to definitions, or take it out of discovery.lua")
}

func (a *Actions) execute(ctx context.Context, compile func() (*script.Program, error), in script.Input) (script.Answer, error) {
	program, err := compile()
	if err != nil {
		return script.Answer{}, err
	}
	answer, err := a.interpreter.Run(ctx, program, in)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer, err
}

// failed says which script went wrong. What a script says about a Secret may quote it.
func failed(err error, o *object.Object, k *kind, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if k.key != "" {
		what += ": " + k.key
	}
	var p *problem.Error
	var stopped *script.Exhausted
	switch {
	case errors.As(err, &stopped) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		p = problem.Because(problem.Limit, err, "%s: the script was stopped", what)
	case object.IsSecret(o):
		p = problem.New(problem.Invalid, "%s: the script failed; its message may quote the Secret and is left out", what)
	default:
		p = problem.Because(problem.Invalid, err, "%s", what)
	}
	if k.key != "" {
		return p.WithHint("mend the script, or give it what it asks for")
	}
	return p
}

// available says what can be asked for instead.
func available(actions []Action) string {
	var names []string
	for _, a := range actions {
		if !a.Disabled {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return "it has none at present"
	}
	return "at present it has: " + strings.Join(names, ", ")
}

// Running is how many scripts are being run at the moment.
func (a *Actions) Running() int { return a.interpreter.Running() }
