package source

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// DefaultFileLimit bounds the bytes of one file that a renderer reads.
const DefaultFileLimit = 5 << 20

// maxHops bounds the symlinks followed for one path, as Linux does.
const maxHops = 40

// TooLarge is the problem of a file over its limit.
func TooLarge(p string, size, limit int64) error {
	return problem.New(problem.Limit, "read %s: %d bytes, more than the limit of %d", p, size, limit).
		WithHint("split the file or raise the limit of bytes per file")
}

// FS is a Tree as a renderer sees it: symlinks resolved inside the tree (never out of it, at most 40 hops), every
// read bounded, everything that was looked at recorded. It is for one render and one goroutine.
type FS struct {
	tree  Tree
	limit int64
	seen  map[Read]bool
	trace Trace
}

// NewFS returns a recording view of tree; fileLimit is in bytes, 0 means DefaultFileLimit.
func NewFS(tree Tree, fileLimit int64) *FS {
	if fileLimit <= 0 {
		fileLimit = DefaultFileLimit
	}
	return &FS{tree: tree, limit: fileLimit, seen: map[Read]bool{}}
}

// Stat returns the entry that p leads to, symlinks followed. A missing path is fs.ErrNotExist, and is recorded too:
// the render depends on its absence.
func (f *FS) Stat(p string) (Entry, error) {
	_, e, err := f.resolve(p)
	return e, err
}

// Exists reports whether p leads to something.
func (f *FS) Exists(p string) bool {
	_, _, err := f.resolve(p)
	return err == nil
}

// ReadFile returns the content of the file at p.
func (f *FS) ReadFile(p string) ([]byte, error) {
	real, e, err := f.resolve(p)
	if err != nil {
		return nil, err
	}
	if e.Mode != File && e.Mode != Executable {
		return nil, problem.New(problem.Invalid, "read %s: it is not a file", p)
	}
	return f.tree.Read(real, f.limit)
}

// List returns the entries of the folder at p ordered by name. Symlinks are listed as such; Stat follows them.
func (f *FS) List(p string) ([]Entry, error) {
	real, e, err := f.resolve(p)
	if err != nil {
		return nil, err
	}
	if e.Mode != Folder {
		return nil, problem.New(problem.Invalid, "list %s: it is not a folder", p)
	}
	list, err := f.tree.List(real)
	if err == nil {
		f.record(Read{Path: real, Listed: true, Hash: namesHash(list)})
	}
	return list, err
}

// Whole records that everything below the folder at p counts, whatever of it is read.
func (f *FS) Whole(p string) error {
	real, e, err := f.resolve(p)
	if err != nil {
		return err
	}
	if e.Mode != Folder {
		return problem.New(problem.Invalid, "read %s: it is not a folder", p)
	}
	f.record(Read{Path: real, Hash: e.Hash})
	return nil
}

// Resolve returns the path inside the tree that p leads to once symlinks are followed.
func (f *FS) Resolve(p string) (string, error) {
	real, _, err := f.resolve(p)
	return real, err
}

// Trace returns what has been looked at so far.
func (f *FS) Trace() Trace { return append(Trace(nil), f.trace...) }

// resolve walks p element by element, following symlinks inside the tree. Every element that decided the outcome is
// recorded: the final entry by its hash, each symlink by its own.
func (f *FS) resolve(p string) (string, Entry, error) {
	clean, ok := Clean(p)
	if !ok {
		return "", Entry{}, escape(p)
	}
	rest, at, hops, climbed := split(clean), ".", 0, false
	entry := Entry{Name: ".", Mode: Folder, Hash: f.tree.Root(), Size: -1}
	for len(rest) > 0 {
		next := rest[0]
		rest = rest[1:]
		if next == ".." { // only from a symlink's target
			if at == "." {
				return "", Entry{}, escape(p)
			}
			at, climbed = path.Dir(at), true
			continue
		}
		here := path.Join(at, next)
		e, err := f.tree.Entry(here)
		if errors.Is(err, fs.ErrNotExist) {
			f.record(Read{Path: here})
			return "", Entry{}, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
		}
		if err != nil {
			return "", Entry{}, err
		}
		if e.Mode != Symlink {
			at, entry, climbed = here, e, false
			continue
		}
		f.record(Read{Path: here, Hash: e.Hash, Link: true})
		if hops++; hops > maxHops {
			return "", Entry{}, problem.New(problem.Invalid, "open %s: more than %d symlinks (a loop?)", p, maxHops)
		}
		target, err := f.tree.Read(here, 4096)
		if err != nil {
			return "", Entry{}, err
		}
		if strings.HasPrefix(string(target), "/") || strings.ContainsAny(string(target), "\x00\\") {
			return "", Entry{}, escape(p)
		}
		rest = append(split(string(target)), rest...)
	}
	if climbed { // entry is still the one we climbed out of
		e, err := f.tree.Entry(at)
		if err != nil {
			return "", Entry{}, err
		}
		entry = e
	}
	if entry.Mode != Folder { // a folder's content is recorded by what is read or listed in it
		f.record(Read{Path: at, Hash: entry.Hash})
	} else if at != "." {
		f.record(Read{Path: at, Folder: true})
	}
	return at, entry, nil
}

func (f *FS) record(r Read) {
	if !f.seen[r] {
		f.seen[r] = true
		f.trace = append(f.trace, r)
	}
}

func escape(p string) error {
	return problem.New(problem.Forbidden, "open %s: the path leads out of the source tree", p).
		WithHint("files outside the repository cannot be read")
}

func split(p string) []string {
	var parts []string
	for _, s := range strings.Split(p, "/") {
		if s != "" && s != "." {
			parts = append(parts, s)
		}
	}
	return parts
}
