package render

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomizeFS shows a tree to kustomize as a file system that cannot be written to, rooted at "/". A few files may
// be replaced in memory: the kustomization as `kustomize edit` would have left it.
type kustomizeFS struct {
	tree     *source.FS
	open     func(p string) ([]byte, error) // reads a file of tree
	replaced map[string][]byte              // by path in the tree
	read     map[string][]byte              // every file once: the fence has read what kustomize reads next
	failed   error                          // the first failure that is more than a missing file
}

var _ filesys.FileSystem = (*kustomizeFS)(nil)

func newKustomizeFS(j *job) *kustomizeFS {
	open := func(p string) ([]byte, error) { return j.read(j.fs, p) }
	return &kustomizeFS{tree: j.fs, open: open, replaced: map[string][]byte{}, read: map[string][]byte{}}
}

func inTree(p string) string {
	if p = strings.Trim(path.Clean(filepath.ToSlash(p)), "/"); p == "" {
		return "."
	}
	return p
}

// note keeps the first failure with a kind; kustomize's own errors only quote it.
func (f *kustomizeFS) note(err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && f.failed == nil && problem.KindOf(err) != problem.Internal {
		f.failed = err
	}
	return err
}

func (f *kustomizeFS) ReadFile(name string) ([]byte, error) {
	real, err := f.tree.Resolve(inTree(name))
	if err != nil {
		return nil, f.note(err)
	}
	if text, ok := f.replaced[real]; ok {
		return text, f.note(checkAliases(text, real))
	}
	if text, ok := f.read[real]; ok {
		return text, nil
	}
	if e, err := f.tree.Stat(real); err != nil || e.Mode == source.Folder || e.Mode == source.Submodule {
		// kustomize tries every entry as a file first; a folder is no failure to be remembered
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	text, err := f.open(real)
	if err != nil {
		return nil, f.note(err)
	}
	if err := checkAliases(text, real); err != nil {
		return nil, f.note(err)
	}
	f.read[real] = text
	return text, nil
}

func (f *kustomizeFS) IsDir(name string) bool {
	e, err := f.tree.Stat(inTree(name))
	return err == nil && e.Mode == source.Folder
}

func (f *kustomizeFS) Exists(name string) bool { return f.tree.Exists(inTree(name)) }

func (f *kustomizeFS) ReadDir(name string) ([]string, error) {
	list, err := f.tree.List(inTree(name))
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name
	}
	return names, f.note(err)
}

func (f *kustomizeFS) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	real, err := f.tree.Resolve(inTree(name))
	if err != nil {
		return "", "", f.note(err)
	}
	if f.IsDir(real) {
		return filesys.ConfirmedDir(path.Join("/", real)), "", nil
	}
	return filesys.ConfirmedDir(path.Join("/", path.Dir(real))), path.Base(real), nil
}

func (f *kustomizeFS) Open(name string) (filesys.File, error)   { return nil, readOnly("open", name) }
func (f *kustomizeFS) Create(name string) (filesys.File, error) { return nil, readOnly("create", name) }
func (f *kustomizeFS) Mkdir(name string) error                  { return readOnly("mkdir", name) }
func (f *kustomizeFS) MkdirAll(name string) error               { return readOnly("mkdir", name) }
func (f *kustomizeFS) RemoveAll(name string) error              { return readOnly("remove", name) }
func (f *kustomizeFS) WriteFile(name string, _ []byte) error    { return readOnly("write", name) }
func (f *kustomizeFS) Glob(pattern string) ([]string, error)    { return nil, readOnly("glob", pattern) }
func (f *kustomizeFS) Walk(name string, _ filepath.WalkFunc) error {
	return readOnly("walk", name)
}

// readOnly refuses what a build has no need of: only `kustomize edit` and remote bases would.
func readOnly(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}
