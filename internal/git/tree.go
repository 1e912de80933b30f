package git

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// The bounds of a tree: no file system and no renderer needs more, and a hostile repository can ask for any.
const (
	maxName  = 255
	maxDepth = 128
)

// tree is a commit's files as a source.Tree. It holds no content: folders and small blobs come from the caches of
// Mirrors, or from the object database.
type tree struct {
	objects *objects
	root    string
	name    string // url@commit, for errors
}

// Root returns the id of the root tree object.
func (t *tree) Root() source.Hash { return source.Hash(t.root) }

// Entry returns the entry at p.
func (t *tree) Entry(p string) (source.Entry, error) {
	if p == "." {
		return source.Entry{Name: ".", Mode: source.Folder, Hash: source.Hash(t.root), Size: -1}, nil
	}
	dir, name := ".", p
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		dir, name = p[:i], p[i+1:]
	}
	f, err := t.folder(dir)
	if err != nil {
		return source.Entry{}, missing(err, "stat", p)
	}
	if e, ok := f.entry(name); ok {
		return e, nil
	}
	return source.Entry{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
}

// List returns the entries of the folder at p, ordered by name.
func (t *tree) List(p string) ([]source.Entry, error) {
	f, err := t.folder(p)
	if err != nil {
		return nil, missing(err, "list", p)
	}
	return slices.Clone(f.entries), nil
}

// Read returns the content of the file or the target of the symlink at p.
func (t *tree) Read(p string, limit int64) ([]byte, error) {
	e, err := t.Entry(p)
	if err != nil {
		return nil, missing(err, "read", p)
	}
	if e.Mode == source.Folder || e.Mode == source.Submodule {
		return nil, problem.New(problem.Invalid, "read %s in %s: it is not a file", p, t.name)
	}
	o, key := t.objects, objectKey{t.objects, string(e.Hash)}
	if data, ok := o.m.blobs.get(key); ok {
		if int64(len(data)) > limit {
			return nil, source.TooLarge(p, int64(len(data)), limit)
		}
		return bytes.Clone(data), nil
	}
	data, err := o.read(key.id, "blob", limit)
	if err != nil {
		return nil, t.unreadable(err, p, limit)
	}
	if len(data) <= smallBlob {
		o.m.blobs.put(key, data, len(data)+128)
		data = bytes.Clone(data)
	}
	return data, nil
}

// errNoFolder is a path that does not lead to a folder of the tree.
var errNoFolder = errors.New("no such folder")

// missing turns errNoFolder, and nothing else, into what callers know as fs.ErrNotExist.
func missing(err error, op, p string) error {
	if errors.Is(err, errNoFolder) || errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: op, Path: p, Err: fs.ErrNotExist}
	}
	return err
}

// folder returns the parsed folder at p, walking from the root; every step is a cache hit once its folder was read.
func (t *tree) folder(p string) (*folder, error) {
	f, err := t.parsed(t.root, ".")
	if err != nil || p == "." {
		return f, err
	}
	if strings.Count(p, "/") >= maxDepth {
		return nil, problem.New(problem.Limit, "open a folder of %s: more than %d levels deep", t.name, maxDepth)
	}
	for from := 0; from < len(p); {
		end := strings.IndexByte(p[from:], '/')
		if end < 0 {
			end = len(p)
		} else {
			end += from
		}
		e, ok := f.entry(p[from:end])
		if !ok || e.Mode != source.Folder {
			return nil, errNoFolder
		}
		if f, err = t.parsed(string(e.Hash), p[:end]); err != nil {
			return nil, err
		}
		from = end + 1
	}
	return f, nil
}

// parsed returns the folder of that object id; p is where it stands, for errors. A folder that is refused is not
// kept: the error names a path, and the next commit may have the same object elsewhere.
func (t *tree) parsed(id, p string) (*folder, error) {
	o, key := t.objects, objectKey{t.objects, id}
	if f, ok := o.m.trees.get(key); ok {
		return f, nil
	}
	raw, err := o.read(id, "tree", maxFolderBytes)
	if err != nil {
		return nil, t.unreadable(err, p, maxFolderBytes)
	}
	f, err := parseFolder(raw, len(id)/2)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "folder %s of %s is refused", p, t.name).
			WithHint("rename or remove that entry in the repository")
	}
	o.m.trees.put(key, f, f.size())
	return f, nil
}

// unreadable is an object that the tree promises and the mirror cannot give. It is never fs.ErrNotExist: the file
// exists, and whoever took it for deleted would delete what it deploys.
func (t *tree) unreadable(err error, p string, limit int64) error {
	var large tooLarge
	switch {
	case errors.As(err, &large):
		return source.TooLarge(p, large.size, limit)
	case errors.Is(err, errMissing) || errors.Is(err, errAmbiguous):
		t.objects.damaged()
		return problem.New(problem.Unavailable, "read %s in %s: the mirror lacks its content", p, t.name).
			WithHint("the mirror is fetched anew with the next refresh")
	}
	return problem.Because(problem.KindOf(err), err, "read %s in %s", p, t.name)
}

// folder is a parsed tree object. Its entries are ordered by name and share one string for all names and hashes.
type folder struct {
	entries []source.Entry
	bytes   int
}

func (f *folder) size() int { return 128 + f.bytes + 64*len(f.entries) }

func (f *folder) entry(name string) (source.Entry, bool) {
	i, ok := slices.BinarySearchFunc(f.entries, name, func(e source.Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return source.Entry{}, false
	}
	return f.entries[i], true
}

// parseFolder reads a raw tree object, a sequence of "<octal mode> <name>\x00<raw id>" (git's gitformat pages), with
// ids of idSize bytes, and refuses what no honest repository holds: see checkName and checkDistinct.
func parseFolder(raw []byte, idSize int) (*folder, error) {
	n := 0
	for rest := raw; len(rest) > 0; n++ { // first pass: count, so that the second allocates once
		end := bytes.IndexByte(rest, 0)
		if end < 0 || len(rest) < end+1+idSize {
			return nil, errors.New("its tree object is cut short")
		}
		rest = rest[end+1+idSize:]
	}
	f := &folder{entries: make([]source.Entry, 0, n)}
	var text strings.Builder
	text.Grow(len(raw) + n*idSize)
	type span struct{ name, id, end int }
	spans := make([]span, 0, n)
	hexID := make([]byte, 2*idSize)
	for rest := raw; len(rest) > 0; {
		end := bytes.IndexByte(rest, 0)
		octal, name, ok := bytes.Cut(rest[:end], []byte(" "))
		if !ok {
			return nil, errors.New("its tree object is malformed")
		}
		mode, err := parseMode(octal)
		if err != nil {
			return nil, err
		}
		s := span{name: text.Len()}
		text.Write(name)
		s.id = text.Len()
		hex.Encode(hexID, rest[end+1:end+1+idSize])
		text.Write(hexID)
		s.end = text.Len()
		spans = append(spans, s)
		f.entries = append(f.entries, source.Entry{Mode: mode, Size: -1})
		rest = rest[end+1+idSize:]
	}
	all := text.String()
	f.bytes = len(all)
	for i, s := range spans {
		e := &f.entries[i]
		e.Name, e.Hash = all[s.name:s.id], source.Hash(all[s.id:s.end])
		if err := checkName(e.Name); err != nil {
			return nil, err
		}
	}
	// Git orders a folder as if its name ended in a slash.
	slices.SortFunc(f.entries, func(a, b source.Entry) int { return strings.Compare(a.Name, b.Name) })
	return f, checkDistinct(f.entries)
}

func parseMode(octal []byte) (source.Mode, error) {
	mode := 0
	for _, c := range octal {
		if c < '0' || c > '7' || len(octal) > 7 {
			return 0, errors.New("its tree object holds a malformed mode")
		}
		mode = mode<<3 | int(c-'0')
	}
	switch mode {
	case 0o100644, 0o100664, 0o100600: // the last two only in repositories of long ago
		return source.File, nil
	case 0o100755, 0o100775:
		return source.Executable, nil
	case 0o040000:
		return source.Folder, nil
	case 0o120000:
		return source.Symlink, nil
	case 0o160000:
		return source.Submodule, nil
	}
	return 0, problem.New(problem.Invalid, "it holds an entry of unknown mode %o", mode)
}

// checkName refuses names that mean something else to some file system or tool: they could lead a renderer or a
// plugin's private directory out of the tree (invariant 2).
func checkName(name string) error {
	why := ""
	switch {
	case name == "" || name == "." || name == "..":
		why = "is no file name"
	case len(name) > maxName:
		return problem.New(problem.Invalid, "a name of %d bytes is over the limit of %d", len(name), maxName)
	case strings.ContainsAny(name, "/\\"):
		why = "holds a slash or backslash"
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		why = "holds a control character"
	case isDotGit(name):
		why = "spells .git"
	default:
		return nil
	}
	return problem.New(problem.Invalid, "the name %q %s", name, why)
}

// isDotGit reports whether some file system takes name for .git: any case; NTFS's short name git~1, its trailing dots
// and spaces and its streams; HFS+'s ignored code points (as git's verify_path does).
func isDotGit(name string) bool {
	if len(name) < 4 {
		return false
	}
	base, _, _ := strings.Cut(name, ":")
	base = strings.TrimRight(base, ". ")
	base = strings.Map(func(c rune) rune {
		switch {
		case c >= 0x200c && c <= 0x200f, c >= 0x202a && c <= 0x202e, c >= 0x206a && c <= 0x206f, c == 0xfeff:
			return -1
		}
		return c
	}, base)
	return strings.EqualFold(base, ".git") || strings.EqualFold(base, "git~1")
}

// checkDistinct refuses names that differ only in case or in Unicode form: which of the two a tool reads would depend
// on the file system it stands on. Equal names are refused with them.
func checkDistinct(sorted []source.Entry) error {
	seen := make(map[string]string, len(sorted))
	for _, e := range sorted {
		key := foldName(e.Name)
		if other, ok := seen[key]; ok {
			return problem.New(problem.Invalid, "the names %q and %q differ only in case or Unicode form", other, e.Name)
		}
		seen[key] = e.Name
	}
	return nil
}

func foldName(name string) string {
	for i := 0; i < len(name); i++ {
		if name[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
		}
	}
	return strings.ToLower(name) // allocates only when there is something to lower
}
