package health

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/gobwas/glob"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	lua "github.com/yuin/gopher-lua"
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
	custom      map[schema.GroupKind]*script
	customGlobs []pattern
	ready       map[schema.GroupKind]*script
	readyGlobs  []pattern
	states      sync.Pool // of *lua.LState, see run
}

// pattern is a script for all kinds that a glob over group/kind matches.
type pattern struct {
	text  string
	match glob.Glob
	*script
}

// script is one Lua check, compiled when it is first needed.
type script struct {
	name  string // as messages call it
	proto func() (*lua.FunctionProto, error)
}

//go:embed checks/*/*/health.lua
var readyMade embed.FS

// NewChecks compiles the customisations; of two for the same kind the later one counts. An error names the setting and says why its script cannot be used; objects of
// that kind are Unknown for the same reason until it is mended.
func NewChecks(custom []Custom) (*Checks, []error) {
	c := &Checks{custom: map[schema.GroupKind]*script{}, ready: map[schema.GroupKind]*script{}}
	c.states.New = func() any { return newState() }
	var problems []error
	for _, u := range custom {
		s := newScript(u.key(), func() string { return u.Lua })
		if _, err := s.proto(); err != nil {
			problems = append(problems, problem.Because(problem.Invalid, err, "%s", s.name).
				WithHint("objects of this kind are Unknown until the script is mended or removed"))
		}
		add(c.custom, &c.customGlobs, u.Group, u.Kind, s)
	}
	files, err := fs.Glob(readyMade, "checks/*/*/health.lua")
	if err != nil { // the pattern is a constant
		panic(err)
	}
	for _, file := range files {
		folder := path.Dir(file)
		group, kind := path.Base(path.Dir(folder)), path.Base(folder)
		s := newScript("the ready-made check of "+group+"/"+kind, func() string {
			data, _ := readyMade.ReadFile(file)
			return string(data)
		})
		add(c.ready, &c.readyGlobs, wildcard(group), wildcard(kind), s)
	}
	for _, list := range [][]pattern{c.customGlobs, c.readyGlobs} {
		slices.SortFunc(list, morePrecise)
	}
	return c, problems
}

// wildcard undoes the spelling of folders, which Go cannot embed with a * in their name.
func wildcard(folder string) string { return strings.ReplaceAll(folder, "_", "*") }

func newScript(name string, source func() string) *script {
	return &script{name, sync.OnceValues(func() (*lua.FunctionProto, error) { return compile(source()) })}
}

func add(exact map[schema.GroupKind]*script, globs *[]pattern, group, kind string, s *script) {
	if !strings.ContainsAny(group+kind, "*?") {
		exact[schema.GroupKind{Group: group, Kind: kind}] = s
		return
	}
	text := spelled(schema.GroupKind{Group: group, Kind: kind})
	*globs = slices.DeleteFunc(*globs, func(p pattern) bool { return p.text == text })
	if g, err := glob.Compile(text); err == nil { // only braces and brackets can be malformed; no kind has them
		*globs = append(*globs, pattern{text, g, s})
	}
}

// spelled is what globs are matched with: group/kind, and a kind of the core group without the slash (Argo CD's way).
func spelled(kind schema.GroupKind) string {
	if kind.Group == "" {
		return kind.Kind
	}
	return kind.Group + "/" + kind.Kind
}

// morePrecise orders patterns so that the one with the most letters of its own comes first. (Argo CD takes any.)
func morePrecise(a, b pattern) int {
	letters := func(p pattern) int { return len(p.text) - strings.Count(p.text, "*") }
	return cmp.Or(cmp.Compare(letters(b), letters(a)), cmp.Compare(a.text, b.text))
}

func find(exact map[schema.GroupKind]*script, globs []pattern, kind schema.GroupKind) *script {
	if s := exact[kind]; s != nil {
		return s
	}
	if len(globs) == 0 {
		return nil
	}
	text := spelled(kind)
	for _, p := range globs {
		if p.match.Match(text) {
			return p.script
		}
	}
	return nil
}

// Of returns the health of a live object; ok is false when it has none. A customisation wins over a built-in rule, a
// precise one over one with wildcards (Argo CD's order). A check that fails or takes too long makes the object Unknown,
// with the reason. The deadline of ctx is the limit in time; without one the limits on steps and memory still count.
func (c *Checks) Of(ctx context.Context, o *object.Object, opts Options) (h Health, ok bool) {
	if isLeaving(o) {
		return leaving(), true
	}
	kind := o.GroupVersionKind().GroupKind()
	if s := find(c.custom, c.customGlobs, kind); s != nil {
		return c.judge(ctx, s, o, opts)
	}
	if check := checkFor(kind, opts); check != nil {
		return check(reader{o.Object}), true
	}
	if s := find(c.ready, c.readyGlobs, kind); s != nil {
		return c.judge(ctx, s, o, opts)
	}
	if opts.Fallback {
		return general(reader{o.Object})
	}
	return Health{}, false
}

// Checked reports whether objects of this kind have a health. With Options.Fallback, others may have one too.
func (c *Checks) Checked(kind schema.GroupKind, opts Options) bool {
	return checkFor(kind, opts) != nil || find(c.custom, c.customGlobs, kind) != nil || find(c.ready, c.readyGlobs, kind) != nil
}

// ResourceOf is the function ResourceOf with these checks.
func (c *Checks) ResourceOf(ctx context.Context, key object.Key, live *object.Object, opts Options) Resource {
	if live == nil {
		return ResourceOf(key, nil, opts)
	}
	h, _ := c.Of(ctx, live, opts)
	return Resource{Key: key, Live: true, Health: h, Ignored: live.GetAnnotations()[v1alpha1.AnnotationIgnoreHealthCheck] == "true"}
}

func (c *Checks) judge(ctx context.Context, s *script, o *object.Object, opts Options) (Health, bool) {
	proto, err := s.proto()
	if err == nil {
		var h Health
		var ok bool
		if h, ok, err = c.run(ctx, proto, o, opts.Now); err == nil {
			return h, ok
		}
	}
	var stopped *exhausted
	if errors.As(err, &stopped) || ctx.Err() != nil {
		return Health{unknown, s.name + " was stopped: " + err.Error()}, true
	}
	return Health{unknown, s.name + ": " + err.Error()}, true
}
