// Package git keeps bare mirrors of Git repositories and reads file trees straight from their object databases.
//
// The idea: however many applications use a repository, it is listed once per poll and fetched only when a ref moved;
// a commit is a source.Tree whose folders are parsed from raw tree objects on demand, so nothing is ever checked out
// and any number of revisions are read at once. The git command moves the packs and serves objects; what it may do
// (transports, hooks, configuration, redirects, time, output) is decided here. Read Mirrors.Refresh first, then
// Mirrors.Commit and Mirrors.Tree. The package refuses to check anything out, to run a hook or a filter, to follow a submodule,
// to read a Git configuration that it did not write, and to send a credential to another host than the one it is for.
package git

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Options say where the mirrors live and what they may do.
type Options struct {
	Dir          string        // owned by one Mirrors at a time; everything in it can be thrown away
	AllowFile    bool          // file:// repositories, for tests and demos
	Timeout      time.Duration // of one listing plus fetch, default 90 s; a first clone gets ten times as long
	Git          string        // the git command, default "git"
	ProxyFromEnv bool          // use HTTP_PROXY, HTTPS_PROXY and NO_PROXY of this process where a Repository names no proxy
	Log          *slog.Logger  // default: discard
	Workload     Workload      // who this process is in Azure

	// Observe is told of every contact with a server: op is "ls-remote" or "fetch", repo the URL without credentials.
	Observe func(op, repo string, took time.Duration, err error)
}

// Mirrors are the bare mirrors below one directory. Its methods are safe for concurrent use.
type Mirrors struct {
	options Options
	env     []string // of every git process
	key     []byte   // keys the fingerprints of credentials, so that none can be guessed from the disk
	lock    *os.File
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	trees   *lru[*folder]
	blobs   *lru[[]byte]
	commits *lru[commitInfo]
	busy    chan struct{} // bounds the git processes that talk to servers at a time
	tidying chan struct{} // and those that tidy mirrors
	waiting atomic.Int64  // for busy
	readers atomic.Int64  // cat-file processes
	idle    atomic.Int64  // of these, those that wait for work
	spare   int64         // and how many may
	disk    footprint
	working sync.WaitGroup
	closing sync.Once

	mu      sync.Mutex
	mirrors map[string]*mirror
	clients map[string]*http.Client
	tickets map[string]ticket // of identities, by address and who asks
}

// The bounds that are not options: a repository over them is refused or read more slowly, never trusted further.
const (
	minMajor, minMinor = 2, 36     // the first git with cat-file --batch-command
	maxTalking         = 32        // git processes that talk to servers at a time
	maxTidying         = 2         // mirrors that are tidied at a time
	maxIdleReaders     = 64        // cat-file processes that wait for work, of all mirrors: each has some megabytes
	treeCacheBytes     = 96 << 20  // parsed folders
	blobCacheBytes     = 48 << 20  // content of small files
	smallBlob          = 256 << 10 // what counts as small
	commitCacheBytes   = 8 << 20
)

// config is the only Git configuration that any of our git processes reads. Mirrors are caches, so nothing is
// synced to disk; a power cut at worst costs a new clone.
const config = `[safe]
	directory = *
[core]
	hooksPath = /dev/null
	fsync = none
	logAllRefUpdates = false
	attributesFile = /dev/null
[gc]
	auto = 0
	autoDetach = false
[maintenance]
	auto = false
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
	showForcedUpdates = false
[protocol]
	version = 2
[transfer]
	bundleURI = false
[http]
	followRedirects = false
	lowSpeedLimit = 500
	lowSpeedTime = 30
[credential]
	helper =
[advice]
	fetchShowForcedUpdates = false
`

// New opens the mirrors in o.Dir, which is created when missing. It fails when git is missing or too old, and when
// another process uses the directory.
func New(o Options) (*Mirrors, error) {
	if o.Git == "" {
		o.Git = "git"
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
	if err := checkVersion(o.Git); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "open mirrors in %q", o.Dir)
	}
	o.Dir = dir
	m := &Mirrors{
		options: o, mirrors: map[string]*mirror{}, clients: map[string]*http.Client{}, tickets: map[string]ticket{}, busy: make(chan struct{}, maxTalking), tidying: make(chan struct{}, maxTidying), spare: maxIdleReaders,
		trees: newLRU[*folder](treeCacheBytes), blobs: newLRU[[]byte](blobCacheBytes), commits: newLRU[commitInfo](commitCacheBytes),
	}
	m.ctx, m.stop = context.WithCancel(context.Background()) //nolint:forbidigo // mirrors live until Close, longer than any call
	if err := m.prepare(); err != nil {
		m.stop()
		if m.lock != nil {
			m.lock.Close()
		}
		return nil, err
	}
	m.env = m.environment()
	m.working.Add(1)
	go m.reap()
	return m, nil
}

// checkVersion runs git once: a missing or old git must be said at start, not at the first commit.
func checkVersion(git string) error {
	const hint = "install git 2.36 or newer (apt-get install git)"
	out, err := exec.Command(git, "version").Output()
	if err != nil {
		return problem.New(problem.Internal, "run %s version: %v", git, err).WithHint(hint)
	}
	f := strings.Fields(string(out))
	if len(f) < 3 {
		return problem.New(problem.Internal, "%s version answers %q", git, out).WithHint(hint)
	}
	parts := strings.SplitN(f[2], ".", 3)
	major, _ := strconv.Atoi(parts[0])
	minor := 0
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	if major < minMajor || major == minMajor && minor < minMinor {
		return problem.New(problem.Internal, "%s is version %s, too old", git, f[2]).WithHint(hint)
	}
	return nil
}

// prepare takes the directory for this process and removes what a killed one left behind.
func (m *Mirrors) prepare() error {
	if err := os.MkdirAll(m.options.Dir, 0o700); err != nil {
		return problem.New(problem.Internal, "create the directory of Git mirrors: %v", err)
	}
	lock, err := os.OpenFile(filepath.Join(m.options.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return problem.New(problem.Internal, "lock the directory of Git mirrors: %v", err)
	}
	m.lock = lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return problem.New(problem.Conflict, "another process uses the Git mirrors in %s", m.options.Dir).
			WithHint("give every hawser process its own data directory")
	}
	for _, pattern := range []string{"tmp-*", "old-*", "tmp"} { // half clones, private keys of killed fetches
		left, _ := filepath.Glob(filepath.Join(m.options.Dir, pattern))
		for _, p := range left {
			os.RemoveAll(p)
		}
	}
	for _, dir := range []string{"tmp", "home"} {
		if err := os.MkdirAll(filepath.Join(m.options.Dir, dir), 0o700); err != nil {
			return problem.New(problem.Internal, "prepare the directory of Git mirrors: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(m.options.Dir, "gitconfig"), []byte(config), 0o600); err != nil {
		return problem.New(problem.Internal, "prepare the directory of Git mirrors: %v", err)
	}
	keyFile := filepath.Join(m.options.Dir, "key")
	if m.key, err = os.ReadFile(keyFile); err == nil && len(m.key) == 32 {
		return nil
	}
	m.key = make([]byte, 32)
	rand.Read(m.key)
	if err := os.WriteFile(keyFile, m.key, 0o600); err != nil {
		return problem.New(problem.Internal, "prepare the directory of Git mirrors: %v", err)
	}
	return nil
}

// Close ends every git process and leaves the directory to others. Trees cannot be read afterwards.
func (m *Mirrors) Close() (err error) {
	m.closing.Do(func() {
		m.stop()
		m.mu.Lock()
		for _, x := range m.mirrors {
			x.objects.close()
		}
		for _, c := range m.clients {
			c.CloseIdleConnections()
		}
		m.mu.Unlock()
		m.working.Wait()
		err = m.lock.Close()
	})
	return err
}

// Refresh brings the mirror of r up to date, unless a contact with the server that started at or after notBefore has
// already succeeded with these credentials; the zero time accepts whatever is known. Concurrent callers share one
// contact; its error goes to everyone who waited for it.
func (m *Mirrors) Refresh(ctx context.Context, r Repository, notBefore time.Time) (Refs, error) {
	x, r, err := m.open(r)
	if err != nil {
		return Refs{}, err
	}
	return x.refresh(ctx, r, notBefore)
}

// Known returns the last snapshot of the repository's refs without touching the network; ok is false when there is
// none. It survives a restart.
func (m *Mirrors) Known(repoURL string) (refs Refs, ok bool) {
	x, _, ok := m.existing(Repository{URL: repoURL})
	if !ok {
		return Refs{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.refs, !x.refs.IsZero()
}

// Remembered is Revision without touching the network; ok is false when the mirror lacks the commit, or when these
// credentials have not proved yet that they may read the repository.
func (m *Mirrors) Remembered(r Repository, commit string) (rev source.Revision, ok bool) {
	if !isFullID(commit) {
		return rev, false
	}
	x, r, ok := m.existing(r)
	if !ok {
		return rev, false
	}
	x.mu.Lock()
	refs, known, err := x.recent(r.access(m.key), time.Time{})
	x.mu.Unlock()
	if !known || err != nil {
		return rev, false
	}
	c, err := x.held(commit)
	if err != nil {
		return rev, false
	}
	return source.Revision{ID: commit, Author: c.author, Date: c.date, Message: c.message, Tags: refs.TagsAt(commit)}, true
}

// existing returns the mirror of r if there is one: whoever asks for thousands of URLs must not make thousands of mirrors.
func (m *Mirrors) existing(r Repository) (*mirror, Repository, bool) {
	clean, err := r.clean(m.options.AllowFile)
	if err != nil {
		return nil, r, false
	}
	key := mirrorKey(clean.URL)
	m.mu.Lock()
	known := m.mirrors[key] != nil
	m.mu.Unlock()
	if !known && gone(m.dirOf(key)) {
		return nil, r, false
	}
	x, r, err := m.open(r)
	return x, r, err == nil
}

// Commit returns the full id of the commit that revision names in the snapshot last refreshed: see Refs.Resolve for
// the precedence. A full id that the mirror lacks is fetched by id where the server allows; seven or more hex digits
// that are no branch or tag name the one commit in the mirror that begins with them; a ref outside of refs/heads and
// refs/tags (refs/pull/7/head) is fetched on each call.
func (m *Mirrors) Commit(ctx context.Context, r Repository, revision string) (string, error) {
	return m.CommitTagged(ctx, r, revision, "")
}

// CommitTagged is Commit with a tag prefix: see Refs.ResolveTagged.
func (m *Mirrors) CommitTagged(ctx context.Context, r Repository, revision, tagPrefix string) (commit string, err error) {
	x, r, err := m.open(r)
	if err != nil {
		return "", err
	}
	refs, err := x.refresh(ctx, r, time.Time{})
	if err != nil {
		return "", err
	}
	defer problem.Wrap(&err, "resolve %q in %s", revision, x.url)
	if isOtherRef(revision) {
		return x.fetchRef(ctx, r, revision)
	}
	commit, err = refs.ResolveTagged(revision, tagPrefix)
	if problem.Is(err, problem.NotFound) && isShortID(revision) {
		return x.abbreviated(ctx, revision, err)
	}
	if err != nil {
		return "", err
	}
	_, err = x.commit(ctx, r, commit)
	return commit, err
}

// Tree returns the files of a commit, named by its full id.
func (m *Mirrors) Tree(ctx context.Context, r Repository, commit string) (source.Tree, error) {
	x, c, err := m.known(ctx, r, commit)
	if err != nil {
		return nil, err
	}
	if r, err = r.clean(m.options.AllowFile); err != nil {
		return nil, err
	}
	t := &tree{objects: x.objects, root: c.tree, name: x.url + "@" + commit[:7]}
	if r.EnableLFS {
		return large{t, x, r}, nil
	}
	return t, nil
}

// Revision returns author, author date, message and tags of a commit, named by its full id.
func (m *Mirrors) Revision(ctx context.Context, r Repository, commit string) (source.Revision, error) {
	x, c, err := m.known(ctx, r, commit)
	if err != nil {
		return source.Revision{}, err
	}
	x.mu.Lock()
	refs := x.refs
	x.mu.Unlock()
	return source.Revision{ID: commit, Author: c.author, Date: c.date, Message: c.message, Tags: refs.TagsAt(commit)}, nil
}

// known returns the commit of that full id, once these credentials have proved that they may read the repository.
func (m *Mirrors) known(ctx context.Context, r Repository, commit string) (*mirror, commitInfo, error) {
	if !isFullID(commit) {
		return nil, commitInfo{}, problem.New(problem.Invalid, "read commit %q of %s: not a full commit id", commit, Redact(r.URL))
	}
	x, r, err := m.open(r)
	if err != nil {
		return nil, commitInfo{}, err
	}
	if _, err := x.refresh(ctx, r, time.Time{}); err != nil {
		return nil, commitInfo{}, err
	}
	c, err := x.commit(ctx, r, commit)
	return x, c, err
}

// Check contacts the server and reports whether the credentials may read the repository.
func (m *Mirrors) Check(ctx context.Context, r Repository) error {
	r, err := r.clean(m.options.AllowFile)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.options.Timeout)
	defer cancel()
	if r, err = m.login(ctx, r); err != nil {
		return err
	}
	_, _, err = m.list(ctx, r)
	return err
}

// open returns the mirror of r and r with the credentials taken out of its URL.
func (m *Mirrors) open(r Repository) (*mirror, Repository, error) {
	r, err := r.clean(m.options.AllowFile)
	if err != nil {
		return nil, r, err
	}
	key := mirrorKey(r.URL)
	m.mu.Lock()
	x := m.mirrors[key]
	if x == nil {
		x = newMirror(m, key, r.URL)
		m.mirrors[key] = x
	}
	m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, r, problem.New(problem.Unavailable, "open %s: the mirrors are closed", x.url)
	}
	x.load.Do(x.restore)
	return x, r, nil
}

func (m *Mirrors) dirOf(key string) string { return filepath.Join(m.options.Dir, key+".git") }

// gone reports whether p is known to be missing; an unreadable one is not.
func gone(p string) bool {
	_, err := os.Stat(p)
	return errors.Is(err, fs.ErrNotExist)
}
