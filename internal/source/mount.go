package source

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Within returns the folder of a tree as a tree of its own, out of which nothing leads.
func Within(t Tree, folder string) (Tree, error) {
	if folder == "." {
		return t, nil
	}
	e, err := t.Entry(folder)
	if err != nil {
		return nil, err
	}
	if e.Mode != Folder {
		return nil, &fs.PathError{Op: "open", Path: folder, Err: fs.ErrInvalid}
	}
	return within{t, folder, e.Hash}, nil
}

type within struct {
	tree   Tree
	folder string
	hash   Hash
}

func (w within) Root() Hash { return w.hash }

func (w within) Entry(p string) (Entry, error) {
	e, err := w.tree.Entry(path.Join(w.folder, p))
	if p == "." {
		e.Name = "."
	}
	return e, err
}

func (w within) List(p string) ([]Entry, error) { return w.tree.List(path.Join(w.folder, p)) }

func (w within) Read(p string, limit int64) ([]byte, error) {
	return w.tree.Read(path.Join(w.folder, p), limit)
}

// Mount lays trees over folders of another: what the base has there is hidden, and folders on the way are made. So a chart
// gets its dependencies, and a repository its submodules, and neither is copied. A mount below another one counts, too.
func Mount(base Tree, at map[string]Tree) Tree {
	m := &mounted{base: base, at: map[string]Tree{}, above: map[string]Hash{}}
	for p, t := range at {
		if clean, ok := Clean(p); ok && clean != "." {
			m.at[clean] = t
		}
	}
	if len(m.at) == 0 {
		return base
	}
	m.order = slices.Sorted(maps.Keys(m.at))
	for _, p := range m.order {
		for dir := path.Dir(p); ; dir = path.Dir(dir) {
			m.above[dir] = ""
			if dir == "." {
				break
			}
		}
	}
	for dir := range m.above {
		m.above[dir] = m.hash(dir)
	}
	return m
}

// mounted is immutable, so that the hashes of the folders above its mounts are known from the start.
type mounted struct {
	base  Tree
	at    map[string]Tree
	order []string
	above map[string]Hash // folders with a mount below them
}

// hash names a folder by what the base has there and by what lies over it.
func (m *mounted) hash(dir string) Hash {
	var b strings.Builder
	b.WriteString("mount\x00")
	if t, p := m.find(dir); t != nil {
		if e, err := t.Entry(p); err == nil {
			b.WriteString(string(e.Hash))
		}
	}
	for _, p := range m.order {
		if dir == "." || strings.HasPrefix(p, dir+"/") {
			b.WriteString("\x00" + strings.TrimPrefix(p, dir+"/") + "\x00" + string(m.at[p].Root()))
		}
	}
	return sum(b.String())
}

// find returns the tree that answers for p, and where in it.
func (m *mounted) find(p string) (Tree, string) {
	for dir := p; dir != "."; dir = path.Dir(dir) {
		if t := m.at[dir]; t != nil {
			if dir == p {
				return t, "."
			}
			return t, p[len(dir)+1:]
		}
	}
	return m.base, p
}

func (m *mounted) Root() Hash { return m.above["."] }

func (m *mounted) Entry(p string) (Entry, error) {
	t, in := m.find(p)
	if hash, ok := m.above[p]; ok {
		return Entry{Name: path.Base(p), Mode: Folder, Hash: hash, Size: -1}, nil
	}
	e, err := t.Entry(in)
	if err == nil {
		e.Name = path.Base(p)
	}
	return e, err
}

func (m *mounted) List(p string) ([]Entry, error) {
	t, in := m.find(p)
	list, err := t.List(in)
	if _, ok := m.above[p]; !ok {
		return list, err
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if e, stat := t.Entry(in); stat != nil || e.Mode == Folder { // a file that a mount hides is no failure
			return nil, err
		}
	}
	byName := map[string]Entry{}
	for _, e := range list {
		byName[e.Name] = e
	}
	for _, known := range [][]string{m.order, slices.Collect(maps.Keys(m.above))} {
		for _, below := range known {
			if below != "." && path.Dir(below) == p {
				e, err := m.Entry(below)
				if err != nil {
					return nil, err
				}
				byName[e.Name] = e
			}
		}
	}
	return sorted(byName), nil
}

func (m *mounted) Read(p string, limit int64) ([]byte, error) {
	t, in := m.find(p)
	return t.Read(in, limit)
}
