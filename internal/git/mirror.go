package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// The timings of a mirror.
const (
	failureShared = 3 * time.Second // a failure also answers those who came just too late to wait for it
	repairPause   = time.Minute     // between attempts to replace a damaged mirror
	cloneFactor   = 10              // a first clone may take that many times Options.Timeout
	accessKept    = 64              // credentials remembered per mirror; tokens rotate
)

// mirror is the bare repository of one URL. Its state in memory is a cache of what is on disk: refs, HEAD, and the
// file "access" with the credentials that the server has accepted, and when.
type mirror struct {
	m       *Mirrors
	url     string // without credentials, for people
	dir     string
	load    sync.Once
	objects *objects
	work    chan struct{} // held by whoever changes the repository on disk

	mu       sync.Mutex
	refs     Refs
	listed   string               // hash of the listing that refs was fetched for
	access   map[string]time.Time // fingerprint → start of its last good contact
	flight   *flight
	begun    [contactsPerSecond]time.Time // when the last contacts began, the oldest first
	failures map[string]failure           // fingerprint → its last contact, when that failed
	broken   bool
	repaired time.Time // when a replacement was last tried

	keeper housekeeping
}

// contactsPerSecond is how often a server is asked about one repository at the most: whoever pushes a thousand times, or
// calls our webhook as often, gets two listings a second, and the last of them shows the last push.
const contactsPerSecond = 2

// flight is one contact with the server, shared by those who wait for it.
type flight struct {
	started time.Time
	access  string
	done    chan struct{}
	refs    Refs // valid once done
	err     error

	waiters   int
	abandoned bool // nobody waits any more: it was cancelled
	cancel    context.CancelFunc
}

type failure struct {
	started, ended time.Time
	err            error
}

func newMirror(m *Mirrors, key, url string) *mirror {
	x := &mirror{
		m: m, url: Redact(url), dir: m.dirOf(key), work: make(chan struct{}, 1),
		access: map[string]time.Time{}, failures: map[string]failure{},
	}
	x.objects = newObjects(m, x.dir, x.distrust)
	return x
}

// distrust marks the mirror for replacement.
func (x *mirror) distrust() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.broken {
		x.m.options.Log.Warn("Git mirror is damaged and will be fetched anew", "repo", x.url)
	}
	x.broken = true
}

// restore reads what an earlier process left on disk. Refs that are not those it recorded (it was killed before it
// could, or the power went) are not believed: the next contact repairs them.
func (x *mirror) restore() {
	text, err := os.ReadFile(filepath.Join(x.dir, "access"))
	if gone(x.dir) {
		return
	}
	x.unlock()
	if err != nil {
		return
	}
	s, err := x.stored(x.m.ctx)
	if err != nil {
		x.distrust()
		return
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	if first != "refs "+s.hash {
		return
	}
	last := time.Time{}
	for line := range strings.Lines(rest) {
		who, when, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseInt(when, 10, 64); err == nil && !time.Unix(0, n).After(time.Now()) {
			x.access[who] = time.Unix(0, n)
			last = later(last, x.access[who])
		}
	}
	x.refs, x.listed = Refs{s, last}, s.hash
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// unlock removes the lock files and half packs of killed git processes; only when none is at work.
func (x *mirror) unlock() {
	_ = filepath.WalkDir(x.dir, func(p string, d fs.DirEntry, err error) error {
		name := filepath.Base(p)
		switch {
		case err != nil:
		case d.IsDir() && name == "objects":
			return fs.SkipDir
		case !d.IsDir() && (strings.HasSuffix(name, ".lock") || name == "gc.pid"):
			os.Remove(p)
		}
		return nil
	})
	for _, pattern := range []string{"objects/pack/tmp_*", "objects/tmp_*", "objects/pack/.tmp-*", "objects/incoming-*", "objects/tmp_objdir-*", "objects/info/*.lock"} {
		left, _ := filepath.Glob(filepath.Join(x.dir, pattern))
		for _, p := range left {
			os.RemoveAll(p)
		}
	}
}

// refresh is Mirrors.Refresh for one mirror.
func (x *mirror) refresh(ctx context.Context, r Repository, notBefore time.Time) (Refs, error) {
	if now := time.Now(); notBefore.After(now) {
		notBefore = now // a clock that jumped must not make us fetch for ever
	}
	who := r.access(x.m.key)
	for {
		x.mu.Lock()
		refs, known, err := x.recent(who, notBefore)
		if known {
			x.mu.Unlock()
			return refs, err
		}
		f := x.flight
		if f == nil {
			f = x.launch(r, who)
		}
		mine := !f.abandoned && f.access == who && !f.started.Before(notBefore)
		if mine {
			f.waiters++
		}
		x.mu.Unlock()

		select {
		case <-f.done:
		case <-ctx.Done():
			if mine {
				x.leave(f)
			}
			return Refs{}, problem.New(problem.Unavailable, "fetch %s: gave up waiting: %v", x.url, ctx.Err())
		}
		if mine {
			return f.refs, f.err
		}
	}
}

// recent answers from a contact with these credentials that began at notBefore or later, failed ones included while
// they are fresh. Under mu.
func (x *mirror) recent(who string, notBefore time.Time) (refs Refs, known bool, err error) {
	at, ok := x.access[who]
	if ok && !at.Before(notBefore) && !x.refs.IsZero() && (!x.broken || time.Since(x.repaired) < repairPause) {
		return x.refs, true, nil
	}
	if f, ok := x.failures[who]; ok && !f.started.Before(notBefore) && time.Since(f.ended) < failureShared {
		return Refs{}, true, f.err
	}
	return Refs{}, false, nil
}

// launch starts a contact, as soon as it may begin: until then it is as good for whoever asks as one that begins when they
// do. Under mu.
func (x *mirror) launch(r Repository, who string) *flight {
	ctx, cancel := context.WithCancel(x.m.ctx)
	f := &flight{started: time.Now(), access: who, done: make(chan struct{}), cancel: cancel}
	if may := x.begun[0].Add(time.Second); may.After(f.started) {
		f.started = may
	}
	copy(x.begun[:], x.begun[1:])
	x.begun[contactsPerSecond-1] = f.started
	x.flight = f
	x.m.working.Add(1)
	go func() {
		defer x.m.working.Done()
		defer cancel()
		turn := time.NewTimer(time.Until(f.started))
		defer turn.Stop()
		var refs Refs
		var listed string
		var err error
		select {
		case <-turn.C:
			refs, listed, err = x.contact(ctx, r)
		case <-ctx.Done():
			err = problem.New(problem.Unavailable, "fetch %s: nobody waits for it any more", x.url)
		}
		x.mu.Lock()
		if err == nil {
			refs.at = f.started
			x.refs, x.listed = refs, listed
			x.grant(who, f.started)
			f.refs = refs
		} else if f.err = err; !f.abandoned {
			x.failures[who] = failure{f.started, time.Now(), err}
			if problem.Is(err, problem.Unauthenticated) || problem.Is(err, problem.Forbidden) {
				delete(x.access, who) // denied now: the mirror is closed to these credentials, too
			}
		}
		x.flight = nil
		x.mu.Unlock()
		if err == nil {
			x.record()
		}
		close(f.done)
	}()
	return f
}

// leave is for a waiter that gives up; the last one cancels the contact.
func (x *mirror) leave(f *flight) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.abandoned = true
		f.cancel()
	}
}

// grant notes that the server accepted these credentials. Under mu.
func (x *mirror) grant(who string, at time.Time) {
	delete(x.failures, who)
	x.access[who] = at
	for len(x.access) > accessKept {
		oldest := who
		for w, t := range x.access {
			if t.Before(x.access[oldest]) {
				oldest = w
			}
		}
		delete(x.access, oldest)
	}
	for w, f := range x.failures {
		if time.Since(f.ended) > failureShared {
			delete(x.failures, w)
		}
	}
}

// record writes the access file, so that a restart while Git is down still reads what these credentials may read.
func (x *mirror) record() {
	x.mu.Lock()
	var b strings.Builder
	fmt.Fprintf(&b, "refs %s\n", x.refs.Hash())
	for who, at := range x.access {
		fmt.Fprintf(&b, "%s %d\n", who, at.UnixNano())
	}
	x.mu.Unlock()
	p := filepath.Join(x.dir, "access")
	if err := os.WriteFile(p+".new", []byte(b.String()), 0o600); err == nil {
		_ = os.Rename(p+".new", p)
	}
}

// hold waits for the right to change the repository on disk.
func (x *mirror) hold(ctx context.Context) (release func(), err error) {
	x.keeper.yield()
	select {
	case x.work <- struct{}{}:
		return func() { <-x.work }, nil
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "fetch %s: waiting for the mirror: %v", x.url, ctx.Err())
	}
}

// contact lists the server's refs and fetches when they differ from what was fetched last. listed is the hash of that
// listing.
func (x *mirror) contact(ctx context.Context, r Repository) (refs Refs, listed string, err error) {
	release, err := x.hold(ctx)
	if err != nil {
		return Refs{}, "", err
	}
	defer release()
	fresh := gone(filepath.Join(x.dir, "HEAD"))
	timeout := x.m.options.Timeout
	if fresh {
		timeout *= cloneFactor
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	x.mu.Lock()
	known, last, broken := x.refs, x.listed, x.broken
	if broken { // for a while, what can still be read is better than nothing
		x.repaired = time.Now()
	}
	x.mu.Unlock()
	if r, err = x.m.login(ctx, r); err != nil {
		return Refs{}, "", err
	}
	theirs, base, err := x.m.list(ctx, r)
	if err != nil {
		return Refs{}, "", err
	}
	r.URL = base
	if !fresh && !broken && !known.IsZero() && last == theirs.hash && !x.shallowFor(r) {
		return known, last, nil
	}

	began := time.Now()
	got, err := x.bring(ctx, r, theirs, fresh || broken)
	x.m.options.Observe("fetch", r.String(), time.Since(began), err)
	if err != nil {
		return Refs{}, "", err
	}
	x.m.options.Log.Info("fetched", "repo", x.url, "refs", len(got.branches)+len(got.tags), "took", time.Since(began).Round(time.Millisecond))
	x.tidyLater()
	return Refs{s: got}, theirs.hash, nil
}

// bring makes the mirror hold theirs, or what came after it, and returns its refs: by a fetch into the mirror where
// that works, else into a new one.
func (x *mirror) bring(ctx context.Context, r Repository, theirs *snapshot, anew bool) (*snapshot, error) {
	if !anew && !x.sameFormat(theirs) {
		anew = true // the repository came back with another kind of hash
	}
	if !anew {
		err := x.fetch(ctx, x.dir, r, theirs)
		if locked(err) { // left by a git process that was killed while we lived
			x.unlock()
			err = x.fetch(ctx, x.dir, r, theirs)
		}
		if err == nil {
			var got *snapshot
			if got, err = x.stored(ctx); err == nil {
				return got, nil
			}
		}
		if !damaged(err) {
			return nil, explain(err, r, "fetch")
		}
		x.distrust()
		x.m.options.Log.Warn("fetch found the Git mirror damaged", "repo", x.url, "error", explain(err, r, "fetch"))
		x.mu.Lock()
		x.repaired = time.Now()
		x.mu.Unlock()
	}
	if err := x.clone(ctx, r, theirs); err != nil {
		return nil, explain(err, r, "fetch")
	}
	got, err := x.stored(ctx)
	return got, explain(err, r, "read the mirror of")
}

// clone fetches into a new repository and puts it in the place of the old one: whoever is killed in between leaves
// the old one or none, never half of one.
func (x *mirror) clone(ctx context.Context, r Repository, theirs *snapshot) error {
	tmp, err := os.MkdirTemp(x.m.options.Dir, "tmp-")
	if err != nil {
		return problem.New(problem.Internal, "fetch %s: %v", x.url, err)
	}
	defer os.RemoveAll(tmp)
	args := []string{"init", "--quiet", "--bare", "--template="}
	if theirs.idLength() == 64 {
		args = append(args, "--object-format=sha256")
	}
	if _, err := x.m.git(ctx, command{dir: tmp, args: args}); err != nil {
		return err
	}
	if err := x.fetch(ctx, tmp, r, theirs); err != nil {
		return err
	}
	old := fmt.Sprintf("%s-%d", filepath.Join(x.m.options.Dir, "old-"+filepath.Base(x.dir)), time.Now().UnixNano())
	if access, err := os.ReadFile(filepath.Join(x.dir, "access")); err == nil {
		_ = os.WriteFile(filepath.Join(tmp, "access"), access, 0o600)
	}
	err = os.Rename(x.dir, old)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(tmp, x.dir)
	}
	if err != nil {
		return problem.New(problem.Internal, "fetch %s: put the new mirror in its place: %v", x.url, err)
	}
	x.objects.renew()
	os.RemoveAll(old)
	x.mu.Lock()
	x.broken = false
	x.mu.Unlock()
	return nil
}

// fetch brings all branches and tags of the server into dir and notes its HEAD. Everything is forced and pruned: the
// server is right, also after a force push or with an entirely new history.
func (x *mirror) fetch(ctx context.Context, dir string, r Repository, theirs *snapshot) error {
	specs := []string{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}
	if theirs.head == "" && theirs.headCommit != "" { // detached: perhaps no branch leads to it
		specs = append(specs, "+HEAD:"+detachedRef)
	}
	if err := x.transfer(ctx, dir, r, specs, "--prune"); err != nil {
		return err
	}
	head := "ref: " + theirs.head
	switch {
	case theirs.head == "" && theirs.headCommit == "":
		head = "ref: " + noRef
	case theirs.head == "":
		head = "ref: " + detachedRef
	}
	if err := os.WriteFile(filepath.Join(dir, "HEAD"), []byte(head+"\n"), 0o600); err != nil {
		return problem.New(problem.Internal, "fetch %s: %v", x.url, err)
	}
	return nil
}

// Refs of our own in a mirror; no refspec of ours prunes them.
const (
	detachedRef = "refs/hawser/HEAD"
	noRef       = "refs/hawser/none"    // never exists: the server has no HEAD
	pinned      = "refs/hawser/pinned/" // commits fetched by id, kept from housekeeping
	extra       = "refs/hawser/extra/"  // refs outside of heads and tags
)

// transfer runs git fetch with these refspecs.
func (x *mirror) transfer(ctx context.Context, dir string, r Repository, specs []string, flags ...string) error {
	release, err := x.m.talk(ctx)
	if err != nil {
		return err
	}
	defer release()
	env, done, err := x.m.transport(r)
	if err != nil {
		return err
	}
	defer done()
	args := append([]string{"fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
		"--no-auto-maintenance", "--no-show-forced-updates", "--update-head-ok"}, flags...)
	switch {
	case r.Depth > 0:
		args = append(args, "--depth="+strconv.FormatInt(r.Depth, 10))
	case !gone(filepath.Join(dir, "shallow")):
		args = append(args, "--unshallow")
	}
	args = append(args, "--end-of-options", r.URL)
	_, err = x.m.git(ctx, command{dir: dir, url: r.URL, args: append(args, specs...), env: env})
	return err
}

// shallowFor reports whether the mirror has less history than r asks for.
func (x *mirror) shallowFor(r Repository) bool {
	return r.Depth == 0 && !gone(filepath.Join(x.dir, "shallow"))
}

// stored reads the refs of the mirror on disk.
func (x *mirror) stored(ctx context.Context) (*snapshot, error) {
	out, err := x.m.git(ctx, command{dir: x.dir, args: []string{"show-ref", "--dereference"}})
	var f *failed
	if errors.As(err, &f) && f.ctx == nil && f.stderr == "" { // its way to say that there is none
		out, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := newListing()
	for line := range strings.Lines(string(out)) {
		id, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name == detachedRef {
			name = "HEAD"
		}
		l.add(id, name)
	}
	head, err := os.ReadFile(filepath.Join(x.dir, "HEAD"))
	if err != nil {
		return nil, &failed{verb: "show-ref", stderr: "not a git repository: " + err.Error(), err: errors.New("no HEAD")}
	}
	switch l.head = strings.TrimSpace(strings.TrimPrefix(string(head), "ref: ")); l.head {
	case noRef:
		l.head, l.headCommit = "", ""
	case detachedRef:
		l.head = ""
	}
	return l.refs(), nil
}

// idLength is the number of hex digits in the ids of s: 40, or 64 for sha256.
func (s *snapshot) idLength() int {
	for _, ids := range []map[string]string{s.branches, s.tags, {"": s.headCommit}} {
		for _, id := range ids {
			return len(id)
		}
	}
	return 0
}

// sameFormat reports whether the mirror's kind of hash is that of theirs.
func (x *mirror) sameFormat(theirs *snapshot) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refs.IsZero() {
		return true
	}
	ours, new := x.refs.s.idLength(), theirs.idLength()
	return ours == 0 || new == 0 || ours == new
}

// fetchID fetches a commit that no branch or tag leads to; hosts allow it, plain servers only with protocol version 2.
// A pinned ref keeps it.
func (x *mirror) fetchID(ctx context.Context, r Repository, id string) error {
	err := x.fetchOne(ctx, r, id, pinned+id)
	if problem.Is(err, problem.NotFound) || problem.Is(err, problem.Invalid) {
		return x.noCommit(id)
	}
	return err
}

// fetchRef fetches a ref outside of refs/heads and refs/tags and returns its commit.
func (x *mirror) fetchRef(ctx context.Context, r Repository, ref string) (string, error) {
	if err := CheckRevision(ref); err != nil || !goodRef(ref) || strings.HasPrefix(ref, "refs/hawser/") {
		return "", problem.New(problem.Invalid, "%q is no ref name", ref)
	}
	err := x.fetchOne(ctx, r, ref, extra+ref)
	if problem.Is(err, problem.NotFound) {
		return "", problem.New(problem.NotFound, "ref %q not found", ref)
	}
	if err != nil {
		return "", err
	}
	out, err := x.m.git(ctx, command{dir: x.dir, args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", extra + ref + "^{commit}"}})
	if err != nil {
		return "", problem.New(problem.Invalid, "ref %q does not lead to a commit", ref)
	}
	return strings.TrimSpace(string(out)), nil
}

// fetchOne fetches one thing into a ref of our own.
func (x *mirror) fetchOne(ctx context.Context, r Repository, what, ref string) error {
	ctx, cancel := context.WithTimeout(ctx, x.m.options.Timeout)
	defer cancel()
	release, err := x.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	if r, err = x.m.login(ctx, r); err != nil {
		return err
	}
	if r.http() { // the same address as the last listing: redirects within the host are followed there
		if _, base, err := x.m.list(ctx, r); err != nil {
			return err
		} else if base != "" {
			r.URL = base
		}
	}
	began := time.Now()
	err = explain(x.transfer(ctx, x.dir, r, []string{"+" + what + ":" + ref}), r, "fetch "+what+" from")
	x.m.options.Observe("fetch", r.String(), time.Since(began), err)
	return err
}
