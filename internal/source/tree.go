// Package source holds the immutable file tree that every kind of source becomes, and the record of what was read.
//
// The idea: a Git commit, a chart, an OCI artifact and a test archive all become the same Tree: files, folders and
// symlinks, each named by the hash of its content. Renderers read a Tree only through an FS, which resolves symlinks
// inside the tree, bounds every read and records what was looked at; the recorded Trace says later, for another
// tree, whether a render could come out differently. Read Tree first, then FS, then Trace. The package refuses to
// know where a tree came from, and it never touches disk or network.
package source

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// Hash names content: two entries with the same Hash have the same bytes (file) or the same names and content
// below (folder). Its spelling belongs to the tree's origin (Git object id, sha256 …).
type Hash string

// Mode is the kind of an entry.
type Mode int

// The kinds of entry.
const (
	File Mode = iota
	Executable
	Folder
	Symlink
	Submodule // a gitlink: opaque, its content is never part of the tree
)

// Entry is one name in a tree.
type Entry struct {
	Name string // the last element of its path
	Mode Mode
	Hash Hash
	Size int64 // bytes of a file, or -1 when the origin tells it only on reading
}

// Tree is an immutable tree of files. Paths are slash-separated, relative to the root, without "." or ".."; the root
// is ".". Implementations follow no symlinks (FS does) and are safe for concurrent use.
type Tree interface {
	// Root returns the hash of the whole tree.
	Root() Hash
	// Entry returns the entry at path, or an error that is fs.ErrNotExist.
	Entry(path string) (Entry, error)
	// List returns the entries of the folder at path, ordered by name.
	List(path string) ([]Entry, error)
	// Read returns the content of the file, or the target of the symlink, at path; more than limit bytes is an
	// error of kind problem.Limit.
	Read(path string, limit int64) ([]byte, error)
}

// Clean returns p as a Tree expects it: relative, slash-separated, without dot elements; ok is false when p leaves
// the tree, is absolute in a foreign way or holds a NUL. An absolute path means from the root of the tree, as in
// Argo CD's valueFiles.
func Clean(p string) (clean string, ok bool) {
	if strings.ContainsAny(p, "\x00\\") {
		return "", false
	}
	p = strings.TrimLeft(p, "/")
	if p == "" {
		return ".", true
	}
	c := path.Clean(p)
	if c == ".." || strings.HasPrefix(c, "../") {
		return "", false
	}
	return c, true
}

// Files is a tree held in memory: path → content.
type Files map[string]string

// Memory returns a tree of the given files. It is for sources that arrive whole (archives, requests) and for tests.
func Memory(files Files) Tree {
	m := newMemory()
	for p, content := range files {
		c, ok := Clean(p)
		if !ok || c == "." {
			continue
		}
		m.put(c, File, content)
	}
	m.seal(".")
	return m
}

type memory struct {
	dirs map[string]map[string]Entry
	data map[string]string
	root Hash
}

func newMemory() *memory {
	return &memory{dirs: map[string]map[string]Entry{".": {}}, data: map[string]string{}}
}

// put adds a file, or a symlink whose content is its target.
func (m *memory) put(p string, mode Mode, content string) {
	m.data[p] = content
	m.add(p, Entry{Name: path.Base(p), Mode: mode, Hash: sum(content), Size: int64(len(content))})
}

func (m *memory) folder(p string) {
	if m.dirs[p] == nil {
		m.dirs[p] = map[string]Entry{}
		m.add(p, Entry{Name: path.Base(p), Mode: Folder, Size: -1})
	}
}

func (m *memory) add(p string, e Entry) {
	dir := path.Dir(p)
	m.folder(dir)
	m.dirs[dir][e.Name] = e
}

// seal computes the folder hashes bottom up.
func (m *memory) seal(dir string) Hash {
	var b strings.Builder
	for _, e := range sorted(m.dirs[dir]) {
		if e.Mode == Folder {
			e.Hash = m.seal(path.Join(dir, e.Name))
			m.dirs[dir][e.Name] = e
		}
		b.WriteString(e.Name + "\x00" + string(e.Hash) + "\x00")
	}
	h := sum("tree\x00" + b.String())
	if dir == "." {
		m.root = h
	}
	return h
}

func (m *memory) Root() Hash { return m.root }

func (m *memory) Entry(p string) (Entry, error) {
	if p == "." {
		return Entry{Name: ".", Mode: Folder, Hash: m.root, Size: -1}, nil
	}
	if e, ok := m.dirs[path.Dir(p)][path.Base(p)]; ok {
		return e, nil
	}
	return Entry{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
}

func (m *memory) List(p string) ([]Entry, error) {
	d, ok := m.dirs[p]
	if !ok {
		return nil, &fs.PathError{Op: "list", Path: p, Err: fs.ErrNotExist}
	}
	return sorted(d), nil
}

func (m *memory) Read(p string, limit int64) ([]byte, error) {
	content, ok := m.data[p]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrNotExist}
	}
	if int64(len(content)) > limit {
		return nil, TooLarge(p, int64(len(content)), limit)
	}
	return []byte(content), nil
}

func sorted(d map[string]Entry) []Entry {
	list := make([]Entry, 0, len(d))
	for _, e := range d {
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

func sum(s string) Hash {
	h := sha256.Sum256([]byte(s))
	return Hash(hex.EncodeToString(h[:]))
}
