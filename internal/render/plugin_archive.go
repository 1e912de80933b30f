package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Bounds of what a plugin is sent. A variable where a test must reach it.
const sentEntries = 20_000 // files, folders and links

var (
	sentBytes  int64 = 100 << 20 // of all files
	sentPacked int64 = 32 << 20  // of the archive
)

// pluginArchive packs what the plugin is sent: the application's folder, what the annotation manifest-generate-paths adds to
// it, and what symlinks in there lead to. Everything stands where it stands in the tree, so that relative paths hold, and
// whatever was packed counts as read. It returns the folder with symlinks followed.
func (j *job) pluginArchive() (archive []byte, folder string, err error) {
	folder, err = j.fs.Resolve(j.path)
	if err != nil {
		return nil, "", err
	}
	out := &packedBytes{left: sentPacked}
	zip := gzip.NewWriter(out)
	p := &packer{tree: j.req.Tree, fs: j.fs, excluded: j.req.Settings.PluginExclusions, tar: tar.NewWriter(zip), left: sentBytes, packed: map[string]bool{".": true}}
	paths, err := j.generatePaths()
	if err != nil {
		return nil, "", err
	}
	if j.req.Settings.PluginsGetAll {
		paths = []string{"."}
	}
	for _, at := range append([]string{folder}, paths...) {
		if err := p.include(at, 0); err != nil {
			return nil, "", err
		}
	}
	if err := errors.Join(p.tar.Close(), zip.Close()); err != nil {
		return nil, "", err
	}
	return out.Bytes(), folder, nil
}

// generatePaths reads the annotation: paths by semicolon, from the application's folder or, with a slash, from the root;
// a pattern stands for the files that it selects.
func (j *job) generatePaths() ([]string, error) {
	var list []string
	for item := range strings.SplitSeq(j.req.App.GeneratePaths, ";") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		at := item
		if !strings.HasPrefix(item, "/") {
			at = j.at(item)
		}
		clean, ok := source.Clean(at)
		if !ok {
			return nil, problem.New(problem.Forbidden, "%s: %q leads out of the source tree", v1alpha1.AnnotationManifestGeneratePaths, item).
				WithHint("a path from the root of the repository begins with a slash")
		}
		if !isPattern(clean) {
			list = append(list, clean)
			continue
		}
		found, err := match(j.fs, clean, source.File)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// packer writes parts of a tree into an archive, each once.
type packer struct {
	tree     source.Tree
	fs       *source.FS
	tar      *tar.Writer
	left     int64
	entries  int
	packed   map[string]bool
	whole    []string // folders that are packed with everything below
	excluded []string // patterns of what stays out
}

// include packs what is at p, and the symlinks on the way to it. What is not there is recorded as missing.
func (p *packer) include(at string, hops int) error {
	if hops > 40 {
		return problem.New(problem.Invalid, "%s: too many symlinks", at)
	}
	if at == "." {
		return p.folder(at, hops)
	}
	for end := 1; end <= len(at); end++ {
		if end < len(at) && at[end] != '/' {
			continue
		}
		here, rest := at[:end], strings.TrimPrefix(at[end:], "/")
		e, err := p.tree.Entry(here)
		if errors.Is(err, fs.ErrNotExist) {
			_ = p.fs.Exists(here)
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case e.Mode == source.Symlink:
			target, err := p.link(here)
			if err != nil {
				return err
			}
			return p.include(path.Join(target, rest), hops+1)
		case rest != "" && e.Mode == source.Folder:
			continue
		case rest != "":
			_ = p.fs.Exists(at)
			return nil
		case e.Mode == source.Folder:
			return p.folder(here, hops)
		case e.Mode == source.Submodule:
			return nil
		}
		_ = p.fs.Exists(here)
		return p.file(here, e)
	}
	return nil
}

// folder packs a folder with everything below.
func (p *packer) folder(at string, hops int) error {
	for _, w := range p.whole {
		if w == "." || at == w || strings.HasPrefix(at, w+"/") {
			return nil
		}
	}
	p.whole = append(p.whole, at)
	if err := p.fs.Whole(at); err != nil {
		return err
	}
	return p.below(at, hops)
}

func (p *packer) below(at string, hops int) error {
	if err := p.parents(path.Join(at, "x")); err != nil {
		return err
	}
	list, err := p.tree.List(at)
	if err != nil {
		return err
	}
	for _, e := range list {
		here := path.Join(at, e.Name)
		switch {
		case strings.EqualFold(e.Name, ".git") || e.Mode == source.Submodule || p.excludes(here):
		case e.Mode == source.Folder:
			err = p.below(here, hops)
		case e.Mode == source.Symlink:
			var target string
			if target, err = p.link(here); err == nil {
				err = p.include(target, hops+1)
			}
		default:
			err = p.file(here, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) excludes(at string) bool {
	return slices.ContainsFunc(p.excluded, func(pattern string) bool {
		matched, err := path.Match(pattern, at)
		return matched && err == nil // the settings have checked the patterns
	})
}

// parents packs the folders above a path.
func (p *packer) parents(at string) error {
	dir := path.Dir(at)
	if p.packed[dir] {
		return nil
	}
	if err := p.parents(dir); err != nil {
		return err
	}
	return p.write(dir, &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}, nil)
}

func (p *packer) file(at string, e source.Entry) error {
	if p.packed[at] {
		return nil
	}
	content, err := p.tree.Read(at, p.left)
	if problem.Is(err, problem.Limit) {
		return tooMuchSent("bytes", sentBytes)
	}
	if err != nil {
		return err
	}
	p.left -= int64(len(content))
	mode := int64(0o644)
	if e.Mode == source.Executable {
		mode = 0o755
	}
	return p.write(at, &tar.Header{Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(content))}, content)
}

// link packs a symlink and returns what it leads to. One that leads out of the tree ends everything, as in Argo CD: what
// reads it is a program that sees real files.
func (p *packer) link(at string) (target string, err error) {
	text, err := p.tree.Read(at, 4096)
	if err != nil {
		return "", err
	}
	target = path.Join(path.Dir(at), string(text))
	_, err = p.fs.Resolve(at) // as the system would follow it, which records it; that it leads to nothing is no matter
	if err != nil && !errors.Is(err, fs.ErrNotExist) || strings.HasPrefix(string(text), "/") || strings.ContainsAny(string(text), "\x00\\") || target == ".." || strings.HasPrefix(target, "../") {
		return "", problem.New(problem.Forbidden, "repository contains out-of-bounds symlinks. file: %s", at).
			WithHint("a plugin is only sent symlinks that stay inside the repository, and end somewhere")
	}
	if p.packed[at] {
		return target, nil
	}
	return target, p.write(at, &tar.Header{Typeflag: tar.TypeSymlink, Linkname: string(text), Mode: 0o777}, nil)
}

func (p *packer) write(at string, h *tar.Header, content []byte) error {
	if h.Typeflag != tar.TypeDir {
		if err := p.parents(at); err != nil {
			return err
		}
	}
	if p.entries++; p.entries > sentEntries {
		return tooMuchSent("files", sentEntries)
	}
	p.packed[at] = true
	h.Name, h.Format = at, tar.FormatPAX // without times and owners: equal files make equal archives
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := p.tar.Write(content)
	return err
}

// packedBytes is a buffer that takes no more than it may.
type packedBytes struct {
	bytes.Buffer
	left int64
}

func (b *packedBytes) Write(data []byte) (int, error) {
	if b.left -= int64(len(data)); b.left < 0 {
		return 0, tooMuchSent("packed bytes", sentPacked)
	}
	return b.Buffer.Write(data)
}

func tooMuchSent(what string, limit int64) error {
	return problem.New(problem.Limit, "the plugin would be sent more than %d %s", limit, what).
		WithHint("spec.source.path and the annotation %s say what is sent: name only what the plugin reads", v1alpha1.AnnotationManifestGeneratePaths)
}
