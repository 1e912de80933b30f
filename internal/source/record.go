package source

import (
	"errors"
	"io/fs"
	"sync"
)

// Recorder is a Tree that records what is looked at in it, for those who read a Tree directly: what an FS records of
// itself, without following symlinks. It is safe for concurrent use.
type Recorder struct {
	Tree
	mu    sync.Mutex
	seen  map[Read]bool
	trace Trace
}

// Record returns a recording view of tree.
func Record(tree Tree) *Recorder { return &Recorder{Tree: tree, seen: map[Read]bool{}} }

// Entry implements Tree.
func (r *Recorder) Entry(path string) (Entry, error) {
	e, err := r.Tree.Entry(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.note(Read{Path: path})
	case err == nil && e.Mode == Folder:
		r.note(Read{Path: path, Folder: true})
	case err == nil:
		r.note(Read{Path: path, Hash: e.Hash, Link: e.Mode == Symlink})
	}
	return e, err
}

// List implements Tree.
func (r *Recorder) List(path string) ([]Entry, error) {
	list, err := r.Tree.List(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.note(Read{Path: path})
	case err == nil:
		r.note(Read{Path: path, Listed: true, Hash: namesHash(list)})
	}
	return list, err
}

// Read implements Tree.
func (r *Recorder) Read(path string, limit int64) ([]byte, error) {
	if _, err := r.Entry(path); err != nil {
		return nil, err
	}
	return r.Tree.Read(path, limit)
}

// Trace returns what has been looked at so far.
func (r *Recorder) Trace() Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(Trace(nil), r.trace...)
}

func (r *Recorder) note(read Read) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[read] {
		r.seen[read] = true
		r.trace = append(r.trace, read)
	}
}
