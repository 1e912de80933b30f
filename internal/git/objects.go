package git

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // Git's object names
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// The bounds of reading objects.
const (
	readersPerMirror = 4
	idleReader       = time.Minute
	maxTries         = 6                // readers tried for one object
	readDeadline     = 60 * time.Second // a read that takes longer sits on a dead disk
	maxFolderBytes   = 32 << 20         // raw tree object
	maxCommitBytes   = 1 << 20
)

// objects is the object database of one mirror, read through persistent `git cat-file --batch-command` processes:
// started on demand, several for parallel renders, ended when idle, replaced when they die.
type objects struct {
	m   *Mirrors
	dir string
	// damaged is called when the database proves broken: an object that must exist is missing or unreadable.
	damaged func()

	slots  chan struct{}
	mu     sync.Mutex
	idle   []*reader
	closed bool
	era    int // counts replacements of the database
}

func newObjects(m *Mirrors, dir string, damaged func()) *objects {
	return &objects{m: m, dir: dir, damaged: damaged, slots: make(chan struct{}, readersPerMirror)}
}

// reader is one cat-file process.
type reader struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errs   *tail
	waited chan struct{} // closed once the process is reaped
	since  time.Time     // idle since
	era    int
}

// The answers that are no failure of the process.
var (
	errMissing   = errors.New("object is missing")
	errAmbiguous = errors.New("object name is ambiguous")
)

// wrongAnswer is what a sound database never says: a hash mismatch, a reply out of turn.
type wrongAnswer struct{ text string }

func (w wrongAnswer) Error() string { return w.text }

// tooLarge is an object over the limit of the one who reads it.
type tooLarge struct{ size int64 }

func (t tooLarge) Error() string { return fmt.Sprintf("object of %d bytes", t.size) }

// read returns the content of an object whose type must be kind, verified against its id. A missing object is
// errMissing, one over limit a tooLarge; every other error is a problem and never fs.ErrNotExist.
func (o *objects) read(id, kind string, limit int64) (data []byte, err error) {
	err = o.with(func(r *reader) error {
		got, size, err := r.info(id)
		switch {
		case err != nil:
			return err
		case size > limit:
			return tooLarge{size}
		}
		if data, err = r.contents(id, got, size); err == nil && got != kind {
			// Its hash is right, so the repository itself names the wrong thing.
			return problem.New(problem.Invalid, "object %s is a %s, not a %s", id, got, kind)
		}
		return err
	})
	return data, err
}

// kind returns the type of an object.
func (o *objects) kind(id string) (kind string, err error) {
	err = o.with(func(r *reader) error {
		kind, _, err = r.info(id)
		return err
	})
	return kind, err
}

// with runs f with a reader and, when that fails in an unforeseen way, with new ones. What a living process answers
// wrongly, or dies of by itself, twice, is damage to the database; a process that somebody killed (the kernel, when
// memory is short) says nothing about it.
func (o *objects) with(f func(*reader) error) error {
	o.slots <- struct{}{}
	defer func() { <-o.slots }()
	said, broken := "", 0
	for range maxTries {
		r, err := o.take()
		if err != nil {
			return err
		}
		late := false
		deadline := time.AfterFunc(readDeadline, r.kill)
		err = f(r)
		late = !deadline.Stop()
		var p *problem.Error
		if err == nil || errors.Is(err, errMissing) || errors.Is(err, errAmbiguous) || errors.As(err, &tooLarge{}) || errors.As(err, &p) {
			o.give(r)
			return err
		}
		killed := r.bury() && !errors.As(err, new(wrongAnswer))
		said = strings.TrimSpace(err.Error() + " " + r.errs.String())
		if late || o.m.ctx.Err() != nil {
			break
		}
		if !killed {
			if broken++; broken == 2 {
				o.damaged()
				return problem.New(problem.Unavailable, "read the Git mirror: it is damaged (%s)", summary(said, Repository{})).
					WithHint("it is fetched anew with the next refresh")
			}
		}
	}
	return problem.New(problem.Unavailable, "read the Git mirror: git was ended or gave no answer (%s)", summary(said, Repository{}))
}

// take returns an idle reader or starts one.
func (o *objects) take() (*reader, error) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil, problem.New(problem.Unavailable, "read the Git mirror: it is closed")
	}
	if n := len(o.idle); n > 0 {
		r := o.idle[n-1]
		o.idle = o.idle[:n-1]
		o.m.idle.Add(-1)
		o.mu.Unlock()
		return r, nil
	}
	era := o.era
	o.mu.Unlock()
	r := &reader{errs: &tail{limit: 4 << 10}, waited: make(chan struct{}), era: era}
	r.cmd = exec.Command(o.m.options.Git, "--git-dir="+o.dir, "cat-file", "--batch-command", "--buffer")
	r.cmd.Env = o.m.env
	r.cmd.Dir = filepath.Join(o.m.options.Dir, "home")
	r.cmd.SysProcAttr = attributes()
	r.cmd.Stderr = r.errs
	r.cmd.WaitDelay = grace
	in, err := r.cmd.StdinPipe()
	if err == nil {
		r.in = in
		var out io.ReadCloser
		if out, err = r.cmd.StdoutPipe(); err == nil {
			r.out = bufio.NewReaderSize(out, 64<<10)
			err = r.cmd.Start()
		}
	}
	if err != nil { // as text: it may well be "no such file", which a reader of trees must not take for an answer
		return nil, problem.New(problem.Unavailable, "read the Git mirror: start git: %s", err.Error())
	}
	o.m.readers.Add(1)
	go func() {
		_ = r.cmd.Wait()
		o.m.readers.Add(-1)
		close(r.waited)
	}()
	return r, nil
}

// give puts a reader back, or ends it when it is of an older database.
func (o *objects) give(r *reader) {
	o.mu.Lock()
	keep := !o.closed && r.era == o.era
	if keep {
		r.since = time.Now()
		o.idle = append(o.idle, r)
		o.m.idle.Add(1)
	}
	o.mu.Unlock()
	if !keep {
		r.end()
	}
	for o.m.idle.Load() > o.m.spare && o.m.endOldest() {
	}
}

// renew makes readers of the replaced database end.
func (o *objects) renew() {
	o.mu.Lock()
	o.era++
	idle := o.idle
	o.idle = nil
	o.m.idle.Add(-int64(len(idle)))
	o.mu.Unlock()
	for _, r := range idle {
		r.end()
	}
}

// close ends the idle readers; those at work end when they are given back.
func (o *objects) close() {
	o.mu.Lock()
	o.closed = true
	idle := o.idle
	o.idle = nil
	o.m.idle.Add(-int64(len(idle)))
	o.mu.Unlock()
	for _, r := range idle {
		r.end()
	}
}

// rest ends the readers that have been idle since before then.
func (o *objects) rest(then time.Time) {
	o.mu.Lock()
	var old []*reader
	keep := o.idle[:0]
	for _, r := range o.idle {
		if r.since.Before(then) {
			old = append(old, r)
		} else {
			keep = append(keep, r)
		}
	}
	o.idle = keep
	o.m.idle.Add(-int64(len(old)))
	o.mu.Unlock()
	for _, r := range old {
		r.end()
	}
}

// kill ends the process at once; whoever reads from it gets an error.
func (r *reader) kill() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }

// end closes the process's input, upon which it leaves.
func (r *reader) end() { r.in.Close() }

// bury ends a failed reader and reports whether a signal had ended it before us.
func (r *reader) bury() (killed bool) {
	r.end()
	select {
	case <-r.waited:
		return !r.cmd.ProcessState.Exited()
	case <-time.After(grace):
	}
	r.kill()
	<-r.waited
	return false
}

// info returns type and size of an object.
func (r *reader) info(id string) (kind string, size int64, err error) {
	if err := r.send("info " + id); err != nil {
		return "", 0, err
	}
	return r.header(id)
}

// contents returns the object's bytes once they hash to its id.
func (r *reader) contents(id, kind string, size int64) ([]byte, error) {
	if err := r.send("contents " + id); err != nil {
		return nil, err
	}
	got, n, err := r.header(id)
	if err != nil {
		return nil, err
	}
	if got != kind || n != size {
		return nil, wrongAnswer{fmt.Sprintf("object %s changed from %s of %d bytes to %s of %d", id, kind, size, got, n)}
	}
	data := make([]byte, size+1) // and the newline
	if _, err := io.ReadFull(r.out, data); err != nil {
		return nil, fmt.Errorf("object %s breaks off: %s", id, err.Error())
	}
	data = data[:size:size]
	if hashOf(id, kind, data) != id {
		return nil, wrongAnswer{"object " + id + ": hash mismatch"}
	}
	return data, nil
}

func (r *reader) send(line string) error {
	_, err := io.WriteString(r.in, line+"\nflush\n")
	if err != nil {
		return errors.New(err.Error())
	}
	return nil
}

// header reads "<id> <type> <size>", or "<what was asked> missing".
func (r *reader) header(asked string) (kind string, size int64, err error) {
	line, err := r.out.ReadSlice('\n')
	if err != nil {
		return "", 0, fmt.Errorf("object %s: %s", asked, err.Error())
	}
	f := strings.Fields(string(line))
	switch {
	case len(f) == 2 && f[1] == "missing":
		return "", 0, errMissing
	case len(f) == 2 && f[1] == "ambiguous":
		return "", 0, errAmbiguous
	case len(f) != 3 || f[0] != asked:
		return "", 0, wrongAnswer{fmt.Sprintf("object %s: unexpected answer %q", asked, line)}
	}
	size, err = strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 {
		return "", 0, wrongAnswer{fmt.Sprintf("object %s: unexpected answer %q", asked, line)}
	}
	return f[1], size, nil
}

// hashOf returns the id of an object, of the same kind of hash as like.
func hashOf(like, kind string, data []byte) string {
	var h hash.Hash
	if len(like) == 64 {
		h = sha256.New()
	} else {
		h = sha1.New() //nolint:gosec // Git's object names
	}
	fmt.Fprintf(h, "%s %d\x00", kind, len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// reap ends idle readers until Close.
func (m *Mirrors) reap() {
	defer m.working.Done()
	tick := time.NewTicker(idleReader / 2)
	defer tick.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case now := <-tick.C:
			for _, x := range m.opened() {
				x.objects.rest(now.Add(-idleReader))
			}
		}
	}
}

// opened returns the mirrors that this process has used.
func (m *Mirrors) opened() []*mirror {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*mirror, 0, len(m.mirrors))
	for _, x := range m.mirrors {
		list = append(list, x)
	}
	return list
}

// endOldest ends the reader that has been idle the longest, whatever mirror it reads; false: there is none.
func (m *Mirrors) endOldest() bool {
	var of *objects
	var oldest *reader
	for _, x := range m.opened() {
		x.objects.mu.Lock()
		if idle := x.objects.idle; len(idle) > 0 && (oldest == nil || idle[0].since.Before(oldest.since)) {
			of, oldest = x.objects, idle[0] // the first: those given back last are taken first
		}
		x.objects.mu.Unlock()
	}
	if oldest == nil {
		return false
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if i := slices.Index(of.idle, oldest); i >= 0 { // else somebody was faster
		of.idle = slices.Delete(of.idle, i, i+1)
		m.idle.Add(-1)
		oldest.end()
	}
	return true
}
