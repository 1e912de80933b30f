// Package charts turns Helm repositories and OCI registries into source trees.
//
// The idea: a repository is asked what there is (an index, the tags of a repository, the digest behind a tag) at most
// once per poll, whoever wants to know; what there is then has a digest, and a digest is fetched, verified and unpacked
// once, kept on disk within a bound, and shared by all who use it. Read Charts.Resolve first, then Charts.Tree. The
// package refuses to believe content whose digest is another, to send a credential to another host than the one it is
// for, to take an error for an empty list, and to read anything without a bound.
package charts

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Options say where archives are kept and how much may come.
type Options struct {
	Dir     string               // everything in it can be thrown away
	Disk    int64                // bound of the archives kept there, in bytes; 0 means 2 GiB
	Memory  int64                // bound of the unpacked trees kept in memory, in bytes; 0 means 128 MiB
	Index   int64                // bound of a Helm repository's index, in bytes; 0 means 50 MiB
	Archive source.ArchiveLimits // of a chart or an artifact; zeros mean its defaults
	Timeout time.Duration        // of one contact with a server; 0 means 90 s
	Log     *slog.Logger         // default: discard

	// Workload gives a token of Azure's for a scope, by which this process is known there; nil when there is none.
	Workload func(ctx context.Context, scope string) (source.Secret, error)
	// AzureHosts are the registries that are shown such a token, "*.x" for those below x; nil means Azure's.
	AzureHosts []string

	// Observe is told of every contact with a server: op is "index", "tags", "manifest", "archive", "provenance" or "token", repo the
	// repository's address.
	Observe func(op, repo string, took time.Duration, err error)
}

// The bounds that are not options.
const (
	maxManifest = 4 << 20 // of an OCI manifest: what registries themselves accept
	maxTags     = 100_000
	maxTagPages = 1_000
	maxTagBytes = 32 << 20 // of all pages of one list
	maxToken    = 256 << 10
	maxLayers   = 10     // as Argo CD
	maxCharts   = 20_000 // in an index
	maxVersions = 200_000
	maxRequests = 32 // to all servers at a time: an answer may take 100 MiB of memory
)

// Charts asks repositories and keeps what they answered. Its methods are safe for concurrent use.
type Charts struct {
	options Options
	key     []byte // keys the fingerprints of credentials
	ctx     context.Context
	stop    context.CancelFunc
	disk    *disk
	trees   *trees
	fetches singleflight.Group
	working sync.WaitGroup

	indexes   *memo[*index]
	manifests *memo[*manifest]
	tags      *memo[[]string]
	tokens    tokens
	busy      chan struct{} // bounds the requests that are under way
	waiting   atomic.Int64

	mu         sync.Mutex
	transports map[string]*http.Transport
}

// New opens the cache in o.Dir, which is created when missing.
func New(o Options) (*Charts, error) {
	for _, d := range []struct {
		v         *int64
		otherwise int64
	}{{&o.Disk, 2 << 30}, {&o.Memory, 128 << 20}, {&o.Index, 50 << 20}, {&o.Archive.Packed, 100 << 20}} {
		if *d.v <= 0 {
			*d.v = d.otherwise
		}
	}
	if o.Timeout <= 0 {
		o.Timeout = 90 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration, error) {}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "open the charts in %q", o.Dir)
	}
	o.Dir = dir
	disk, key, err := openDisk(dir, o.Disk)
	if err != nil {
		return nil, err
	}
	c := &Charts{options: o, key: key, disk: disk, trees: newTrees(o.Memory), tokens: newTokens(), busy: make(chan struct{}, maxRequests), transports: map[string]*http.Transport{}}
	c.ctx, c.stop = context.WithCancel(context.Background()) //nolint:forbidigo // the cache lives until Close, longer than any call
	c.indexes, c.manifests, c.tags = newMemo[*index](c), newMemo[*manifest](c), newMemo[[]string](c)
	return c, nil
}

// Close ends every contact.
func (c *Charts) Close() error {
	c.stop()
	c.working.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.transports {
		t.CloseIdleConnections()
	}
	return nil
}

// Wanted names a chart, or an artifact, of a repository.
type Wanted struct {
	Chart string // empty: the repository itself is the artifact
	// Revision is a version, a range of versions (Masterminds' spelling, as Helm's), a tag or a digest; the last two only
	// in registries.
	Revision   string
	MediaTypes []string // that the layer of an artifact may have; nil means those of DefaultMediaTypes
}

// DefaultMediaTypes are those that Argo CD takes (reposerver.oci.layer.media.types).
var DefaultMediaTypes = []string{
	"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip", helmLayer,
}

// Release is exactly one version of a chart, or one artifact.
type Release struct {
	// Revision is how Argo CD shows it: a chart's version, an artifact's digest.
	Revision string
	Version  string // of a chart; else empty
	// Digest is sha256:… of a chart's archive, or of an artifact's manifest; empty when an index gives none.
	Digest  string
	Created time.Time
	// Annotations are those of an artifact's manifest. They must not be changed.
	Annotations map[string]string

	chart string
	from  *archive
}

// archive is where the bytes of a release are.
type archive struct {
	name      string   // of its repository in a registry
	urls      []string // of a chart in an index, absolute
	digest    string   // sha256:…, or empty
	size      int64    // as announced; 0 when unknown
	helm      bool     // the tree is the one folder in it
	plain     bool     // a tar that is not zipped
	distinct  string   // tells archives without a digest apart
	mediaType string
	// provenance is the digest of the layer with a chart's provenance in a registry; empty when there is none.
	provenance string
}

// Resolve returns what w means in r, as r knew it at notBefore or later; the zero time accepts whatever is known.
// Concurrent callers share one contact; its error goes to all who waited for it.
func (c *Charts) Resolve(ctx context.Context, r Repository, w Wanted, notBefore time.Time) (rel Release, err error) {
	if r, err = r.clean(); err != nil {
		return rel, err
	}
	if strings.ContainsFunc(w.Revision, func(c rune) bool { return c < ' ' || c == 0x7f }) || len(w.Revision) > 256 {
		return rel, problem.New(problem.Invalid, "%s: the revision is no version", r.name(w.Chart))
	}
	if w.Revision == "" {
		return rel, problem.New(problem.Invalid, "%s: targetRevision is missing", r.name(w.Chart)).WithHint("give a version, or a range of versions such as 1.x")
	}
	if r.OCI {
		return c.resolveOCI(ctx, r, w, notBefore)
	}
	if w.Chart == "" {
		return rel, problem.New(problem.Invalid, "%s: a Helm repository's source needs a chart", r).WithHint("set spec.source.chart")
	}
	ix, err := c.index(ctx, r, notBefore)
	if err != nil {
		return rel, err
	}
	return ix.release(r, w)
}

// Tree returns the files of a release that Resolve returned for the same repository. The digest is verified however often
// it comes from the disk.
func (c *Charts) Tree(ctx context.Context, r Repository, rel Release) (source.Tree, error) {
	r, err := r.clean()
	if err != nil {
		return nil, err
	}
	if rel.from == nil {
		return nil, problem.New(problem.Internal, "%s: the release was not resolved", r)
	}
	id := c.idOf(r, rel.from)
	if t := c.trees.get(id); t != nil {
		return t, nil
	}
	// in nobody's time but its own: who gives up waiting does not end it for others
	done := c.fetches.DoChan(id, func() (any, error) {
		c.working.Add(1)
		defer c.working.Done()
		ctx, cancel := context.WithTimeout(c.ctx, c.options.Timeout)
		defer cancel()
		return c.fetch(ctx, r, rel, id)
	})
	select {
	case got := <-done:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.(source.Tree), nil
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "fetch %s: gave up waiting: %v", r.name(rel.chart), ctx.Err())
	}
}

// Chart is a chart of a Helm repository and its versions, newest first.
type Chart struct {
	Name     string
	Versions []string
}

// List returns the charts of a Helm repository, by name.
func (c *Charts) List(ctx context.Context, r Repository, notBefore time.Time) ([]Chart, error) {
	r, err := r.clean()
	if err != nil {
		return nil, err
	}
	if r.OCI {
		return nil, problem.New(problem.Unsupported, "%s is a registry, and registries do not list their charts", r).WithHint("name the chart")
	}
	ix, err := c.index(ctx, r, notBefore)
	if err != nil {
		return nil, err
	}
	return ix.list()
}

// Tags returns the tags of a repository in a registry, with + for the _ that tags have instead, the newest version first and
// what is no version behind.
func (c *Charts) Tags(ctx context.Context, r Repository, chart string, notBefore time.Time) ([]string, error) {
	r, err := r.clean()
	if err != nil {
		return nil, err
	}
	if !r.OCI {
		return nil, problem.New(problem.Invalid, "%s is no OCI registry", r)
	}
	name, err := r.repository(chart)
	if err != nil {
		return nil, err
	}
	list, err := c.listTags(ctx, r, name, notBefore)
	if err != nil {
		return nil, err
	}
	return newestFirst(list), nil
}

// Check asks a repository whether it lets us in.
func (c *Charts) Check(ctx context.Context, r Repository) error {
	r, err := r.clean()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	if r.OCI {
		return c.ping(ctx, r)
	}
	_, err = c.index(ctx, r, time.Now())
	return err
}
