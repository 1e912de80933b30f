// Package render turns a tree and an application's source into Kubernetes objects: plain files, jsonnet, kustomize,
// Helm.
//
// The idea: a render is a pure function that is traced. Whatever it looks at (files through a source.FS, and facts
// such as the application's name, the revision or the cluster's version) is recorded, and a later request whose spec
// is the same gets the recorded result if looking again would show the same. So a commit that touches nothing an
// application reads costs a few hash comparisons, and a fact that a source never asks for is never a reason to
// render again. Read Renderer.Objects first, then cache.go. The package refuses to touch disk, network or processes:
// every renderer's own loader is replaced or fenced off, and what it would have fetched is an error that says so. Plugins
// are programs of others: whoever has them is asked through an interface, and is given nothing but what is recorded.
package render

import (
	"cmp"
	"context"
	"crypto/rand"
	"path"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render/sops"
	"github.com/hawser-cd/hawser/internal/source"
)

// Request is everything that a render may depend on.
type Request struct {
	Tree     source.Tree
	Revision string // what $ARGOCD_APP_REVISION becomes: a commit, or a chart's version
	Source   v1alpha1.ApplicationSource
	// SourceIndex is the position of Source among the application's sources; it ends up in every Origin.
	SourceIndex int
	// Refs are the application's sources that have a ref, by that name, for value files spelled $name/path.
	Refs     map[string]Ref
	App      App
	Cluster  Cluster
	Settings Settings
	// Fresh has a plugin asked again, whatever is remembered of it: it may read more than files. Other renderers do not.
	Fresh bool
	// PermitPlugin is asked before the files are shown to a plugin or the answer of one is given out; nil permits it. Whoever
	// may write the files has a program run on them.
	PermitPlugin func() error
	// Missing are the dependencies of the chart that could not be had, by name, and why: it matters only if the values
	// leave them enabled.
	Missing map[string]error
	// Keys decrypt what sops encrypted; nil when the application's project has none.
	Keys *sops.Keys
	// Given is what the application takes from a cluster besides its sources.
	Given Given
	// Conceal has secret values kept out of the result, other than in the data of Secrets: it is shown to people, and to
	// whoever can push a branch. Checksums of secrets then differ from those that would be deployed.
	Conceal bool
}

// Ref is another source of the same application, of which only files are used.
type Ref struct {
	Tree     source.Tree
	Revision string
}

// App is what a source may know of its Application.
type App struct {
	Name                 string // metadata.name
	Namespace            string // metadata.namespace
	Project              string
	DestinationNamespace string
	Instance             string // the name in tracking marks, $ARGOCD_APP_NAME, .argocd-source-NAME.yaml; Name if empty
	GeneratePaths        string // the annotation manifest-generate-paths: what a plugin is sent besides the folder
}

func (a App) instance() string { return cmp.Or(a.Instance, a.Name) }

// Cluster is what a source may know of the destination. Only Helm charts and the build environment ask.
type Cluster struct {
	KubeVersion string   // "1.33.2" or "v1.33.2"; Helm's default if empty
	APIVersions []string // "apps/v1", "apps/v1/Deployment"
}

// Settings are the keys of argocd-cm and argocd-cmd-params-cm that concern rendering. The zero value is Argo CD's default.
type Settings struct {
	KustomizeBuildOptions string   // kustomize.buildOptions
	HelmValuesFileSchemes []string // helm.valuesFileSchemes; no scheme is fetched yet, they only shape the message
	DisableHelm           bool     // helm.enable: "false"
	DisableKustomize      bool     // kustomize.enable: "false"
	DisableJsonnet        bool     // jsonnet.enable: "false"
	// PluginsGetAll has plugins sent the whole tree, whatever the application says
	// (reposerver.plugin.use.manifest.generate.paths: "false").
	PluginsGetAll    bool
	PluginExclusions []string // reposerver.plugin.tar.exclusions: patterns of path.Match, from the root
}

// Result is a complete render: there is no partial one. It is shared between callers; change a copy.
type Result struct {
	Type   v1alpha1.ApplicationSourceType
	Items  []object.Item
	Digest string // names the objects: equal digests, equal objects in equal order
	Hit    bool   // nothing was rendered for this call: it came from the cache or from a render under way
	Trace  source.Trace
	Refs   map[string]source.Trace // what was read of each ref that was used
	Basis  *Basis                  // tells of another commit whether it renders to the same; nil when the commit's name or a plugin has a part in it
}

// Options configure a Renderer. The zero value has working defaults.
type Options struct {
	CacheBytes int64 // bound of the cache, in bytes of memory, roughly; 0 means 256 MiB, negative means no cache
	FileBytes  int64 // bound of one file; 0 means source.DefaultFileLimit
	TotalBytes int64 // bound of an application's manifests, read or written; 0 means 50 MiB
	Objects    int   // bound of their number; 0 means 20,000
	// Timeout bounds one render, whoever waits for it; 0 means 90 seconds, as Argo CD gives its tools.
	Timeout time.Duration
	// Plugins render sources with the block plugin; nil means that there are none, and that such a source is an error.
	Plugins Plugins
	// Parallel bounds the renders that run at a time, each with its own memory; others wait. 0 means 16. One that goes on
	// beyond its limit, because it cannot be stopped, is not counted any more: it must not keep others from theirs.
	Parallel int
	// Observe, if set, is told of every answered request.
	Observe func(Observation)
	// Clock, if set, times renders for Observe. This package has no clock of its own.
	Clock func() time.Time

	key []byte // of digests of what is secret, made anew with each Renderer
}

// Observation is one answered request, for metrics.
type Observation struct {
	Type    v1alpha1.ApplicationSourceType // empty if the render failed before it was known
	Hit     bool
	Took    time.Duration // 0 without a Clock
	Objects int
	Err     error
}

// Renderer renders and remembers. It is safe for concurrent use.
type Renderer struct {
	opts  Options
	cache *cache
	words object.Words
	group flights
}

// New returns a Renderer with an empty cache.
func New(o Options) *Renderer {
	o.CacheBytes = orDefault(o.CacheBytes, 256<<20)
	o.FileBytes = orDefault(o.FileBytes, source.DefaultFileLimit)
	o.TotalBytes = orDefault(o.TotalBytes, 50<<20)
	o.Objects = orDefault(o.Objects, 20_000)
	o.Timeout = orDefault(o.Timeout, 90*time.Second)
	o.key = make([]byte, 32)
	_, _ = rand.Read(o.key) // it never fails (Go 1.24)
	o.Parallel = orDefault(o.Parallel, 16)
	return &Renderer{opts: o, cache: newCache(o.CacheBytes), group: flights{slots: make(chan struct{}, o.Parallel)}}
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Objects returns what the request renders to. Equal requests under way at the same time share one render. An error
// is a problem of kind Invalid, NotFound, Forbidden or Limit as far as an editor of the source can mend it, and is
// never remembered.
//
// A context that ends makes the call return, not the render: once begun, that has a time limit of its own, so that a
// caller in a hurry does not keep others from an answer. One that waits for its turn is given up with its last caller. At its limit a chart stops at the next thing it prints or includes. A
// jsonnet program or a kustomize build cannot be stopped within this process: it goes on alone, and equal requests
// wait for it instead of starting another.
func (r *Renderer) Objects(ctx context.Context, req Request) (res Result, err error) {
	if IsRefOnly(req.Source) {
		return Result{Digest: digest(nil)}, nil // it has no manifests, and nothing renders it
	}
	start := r.now()
	defer func() {
		if r.opts.Observe != nil {
			r.opts.Observe(Observation{Type: res.Type, Hit: res.Hit, Took: r.now().Sub(start), Objects: len(res.Items), Err: err})
		}
	}()
	j, err := prepare(req, r.opts)
	if err != nil {
		return Result{}, err
	}
	if j.req.Source.Plugin != nil && req.PermitPlugin != nil {
		if err := req.PermitPlugin(); err != nil {
			return Result{}, err
		}
	}
	if e := r.remembered(j); e != nil {
		return j.result(e, true), nil
	}
	landed := false // rendered by somebody else between our look into the cache and our turn
	e, shared, err := r.group.do(ctx, j.flightKey(), r.opts.Timeout, func(ctx context.Context) (*entry, error) {
		if e := r.remembered(j); e != nil {
			landed = true
			return e, nil
		}
		e, err := j.render(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range e.items {
			r.words.Share(item.Object)
		}
		r.cache.inherit(e)
		r.cache.add(e)
		return e, nil
	})
	if err != nil {
		return Result{}, err
	}
	return j.result(e, shared || landed), nil
}

// remembered returns what is known to come out of j, or nil.
func (r *Renderer) remembered(j *job) *entry {
	if j.req.Fresh && j.req.Source.Plugin != nil {
		return nil
	}
	return r.cache.find(j)
}

func (r *Renderer) now() time.Time { return r.opts.now() }

func (o Options) now() time.Time {
	if o.Clock == nil {
		return time.Time{}
	}
	return o.Clock()
}

// job is one request on its way: its effective source, and everything that records what it looks at.
type job struct {
	req    Request // Source has the overrides merged in and its empty blocks removed
	path   string  // of the application in the tree, clean, symlinks not followed
	opts   Options
	key    string                // of the spec, see specKey
	intro  source.Trace          // what prepare read
	fs     *source.FS            // of the request's own tree
	refs   map[string]*source.FS // of the refs that were used
	facts  *facts
	hidden hidden
}

// prepare checks the path and merges the override files. It runs for every request, as it decides the cache key.
func prepare(req Request, opts Options) (*job, error) {
	p, err := folderOf(req.Source)
	if err != nil {
		return nil, err
	}
	fs := source.NewFS(req.Tree, opts.FileBytes)
	if err := checkFolder(fs, req.Source.Path, p); err != nil {
		return nil, err
	}
	if req.Source, err = withOverrides(fs, req.Source, p, req.App.instance()); err != nil {
		return nil, err
	}
	j := &job{
		req: req, path: p, opts: opts, intro: fs.Trace(), fs: source.NewFS(req.Tree, opts.FileBytes),
		refs: map[string]*source.FS{}, facts: newFacts(req, opts.key),
	}
	if plugin := req.Source.Plugin; plugin != nil && opts.Plugins != nil {
		j.facts.plugin = func() string { return opts.Plugins.Identity(plugin.Name) }
		j.facts.values[factRepo] = withoutUser(req.Source.RepoURL)
	}
	j.key = j.specKey()
	return j, nil
}

// render runs the renderer that fits. It may run in a goroutine whose caller has gone.
func (j *job) render(ctx context.Context) (e *entry, err error) {
	defer func() {
		if p := recover(); p != nil { // a bug in a renderer's library must not take every application with it
			e, err = nil, problem.New(problem.Invalid, "%s: the renderer broke down: %v", j.path, p)
		}
		err = j.hidden.scrub(err)
	}()
	kind, err := detect(j.fs, j.req.Source, j.path, j.req.Settings)
	if err != nil {
		return nil, err
	}
	var items []object.Item
	j.note()
	switch kind {
	case v1alpha1.SourceTypeHelm:
		items, err = j.helm(ctx)
	case v1alpha1.SourceTypeKustomize:
		items, err = j.kustomize()
	case v1alpha1.SourceTypePlugin:
		items, err = j.plugin(ctx)
	default:
		items, err = j.plain()
	}
	if err != nil {
		return nil, err
	}
	if kind != v1alpha1.SourceTypeHelm {
		if items, err = j.substitute(items); err != nil {
			return nil, err
		}
	}
	if err := j.settle(kind, items); err != nil {
		return nil, err
	}
	if len(items) > j.opts.Objects {
		return nil, problem.New(problem.Limit, "%s: %d objects, more than the limit of %d", j.path, len(items), j.opts.Objects).
			WithHint("split the application")
	}
	for i := range items {
		items[i].Origin.Source = j.req.SourceIndex
	}
	return j.entry(kind, items), nil
}

// result gives e the form of the API. The slice cannot grow into the cache's memory.
func (j *job) result(e *entry, hit bool) Result {
	res := Result{
		Type: e.kind, Items: slices.Clip(e.items), Digest: e.digest, Hit: hit,
		Trace: slices.Concat(j.intro, e.traces[""]),
		Basis: j.basis(e),
	}
	for name, t := range e.traces {
		if name != "" {
			if res.Refs == nil {
				res.Refs = map[string]source.Trace{}
			}
			res.Refs[name] = t
		}
	}
	return res
}

// at joins a path inside the application's folder to its place in the tree. It may leave the tree: whoever reads it
// goes through a source.FS, which refuses that.
func (j *job) at(elem ...string) string { return path.Join(append([]string{j.path}, elem...)...) }

func digest(items []object.Item) string {
	hashes := make([]string, len(items))
	for i, it := range items {
		hashes[i] = object.Hash(it.Object.Object)
	}
	return object.Hash(hashes)
}

// specKey names the part of the request that is known before anything is read: the spec, the settings, who asks. The
// names of the refs belong to it, as a value file's "$x" is a ref or a variable by whether a ref x exists.
func (j *job) specKey() string {
	s := j.req.Source
	s.TargetRevision, s.Name, s.Ref, s.TagPrefix = "", "", "", "" // matter only through facts, or to whoever fetches
	refs := make([]string, 0, len(j.req.Refs))
	for name := range j.req.Refs {
		refs = append(refs, name)
	}
	slices.Sort(refs)
	paths := ""
	if s.Plugin != nil {
		paths = j.req.App.GeneratePaths
	}
	return object.Hash([]any{version, s, j.path, j.req.SourceIndex, j.req.Settings, j.req.App.Project, refs, paths, j.req.Conceal})
}

// version belongs to every key, so that a cache that outlives the process would not mix the output of two releases.
const version = "render/1"

func (j *job) flightKey() string {
	return object.Hash([]any{j.key, j.roots(nil), j.facts.values})
}
