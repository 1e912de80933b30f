package health

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"path"
	"sync"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/script"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Custom is a health check of the installation's own, from argocd-cm.
type Custom struct {
	// Group and Kind may hold * and ?, as in *.crossplane.io and *. The core group is empty. As in Argo CD, */* means
	// every kind that has a group.
	Group, Kind string
	// Lua is the script. It finds the object in the global obj and returns {status = …, message = …}.
	Lua string
	// OpenLibs is useOpenLibs. It changes nothing here: string, math and the harmless part of os are open to every
	// script, and what else Argo CD opens for it (io, debug, the rest of os) reaches disk or process: that stays shut.
	OpenLibs bool
	// Key is the name of the setting, for messages; empty for resource.customizations.health.<group_kind>.
	Key string
}

func (c Custom) key() string {
	if c.Key != "" {
		return c.Key
	}
	if c.Group == "" {
		return "resource.customizations.health." + c.Kind
	}
	return "resource.customizations.health." + c.Group + "_" + c.Kind
}

// Checks are all rules in force: the customisations of an installation, the built-in kinds, and the ready-made checks
// in the folder checks. A value never changes; make a new one when the settings do. Safe for concurrent use.
type Checks struct {
	custom, ready script.Kinds[*check]
	interpreter   *script.Interpreter
}

// check is one script, compiled when it is first needed.
type check struct {
	name    string // as messages call it
	program func() (*script.Program, error)
}

//go:embed checks/*/*/health.lua
var readyMade embed.FS

// NewChecks compiles the customisations; of two for the same kind the later one counts. An error names the setting and says why its script cannot be used; objects of
// that kind are Unknown for the same reason until it is mended.
func NewChecks(custom []Custom) (*Checks, []error) {
	c := &Checks{interpreter: interpreter()}
	var problems []error
	for _, u := range custom {
		s := newCheck(u.key(), func() string { return u.Lua })
		if _, err := s.program(); err != nil {
			problems = append(problems, problem.Because(problem.Invalid, err, "%s", s.name).
				WithHint("objects of this kind are Unknown until the script is mended or removed"))
		}
		c.custom.Add(u.Group, u.Kind, s)
	}
	files, err := fs.Glob(readyMade, "checks/*/*/health.lua")
	if err != nil { // the pattern is a constant
		panic(err)
	}
	for _, file := range files {
		folder := path.Dir(file)
		group, kind := path.Base(path.Dir(folder)), path.Base(folder)
		s := newCheck("the ready-made check of "+group+"/"+kind, func() string {
			data, _ := readyMade.ReadFile(file)
			return string(data)
		})
		c.ready.Add(script.Wildcard(group), script.Wildcard(kind), s)
	}
	return c, problems
}

func newCheck(name string, source func() string) *check {
	return &check{name, sync.OnceValues(func() (*script.Program, error) { return script.Compile("health.lua", source()) })}
}

// Of returns the health of a live object; ok is false when it has none. A customisation wins over a built-in rule, a
// precise one over one with wildcards (Argo CD's order). A check that fails or takes too long makes the object Unknown,
// with the reason. The deadline of ctx is the limit in time; without one the limits on steps and memory still count.
func (c *Checks) Of(ctx context.Context, o *object.Object, opts Options) (h Health, ok bool) {
	if isLeaving(o) {
		return leaving(), true
	}
	kind := o.GroupVersionKind().GroupKind()
	if s, ok := c.custom.Of(kind); ok {
		return c.judge(ctx, s, o, opts)
	}
	if check := checkFor(kind); check != nil {
		return check(reader{o.Object}), true
	}
	if s, ok := c.ready.Of(kind); ok {
		return c.judge(ctx, s, o, opts)
	}
	if opts.Fallback {
		return general(reader{o.Object})
	}
	return Health{}, false
}

// Checked reports whether objects of this kind have a health. With Options.Fallback, others may have one too.
func (c *Checks) Checked(kind schema.GroupKind) bool {
	_, custom := c.custom.Of(kind)
	_, ready := c.ready.Of(kind)
	return custom || ready || checkFor(kind) != nil
}

func (c *Checks) judge(ctx context.Context, s *check, o *object.Object, opts Options) (Health, bool) {
	program, err := s.program()
	if err == nil {
		var answer script.Answer
		if answer, err = c.interpreter.Run(ctx, program, script.Input{Object: o, Now: opts.Now}); err == nil {
			var h Health
			var ok bool
			if h, ok, err = answered(answer.Value); err == nil {
				return h, ok
			}
		}
	}
	var stopped *script.Exhausted
	if errors.As(err, &stopped) || ctx.Err() != nil {
		return Health{unknown, s.name + " was stopped: " + err.Error()}, true
	}
	return Health{unknown, s.name + ": " + err.Error()}, true
}

// Running is how many scripts are being run at the moment.
func (c *Checks) Running() int { return c.interpreter.Running() }
