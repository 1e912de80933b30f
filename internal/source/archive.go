package source

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// ArchiveLimits bound what an archive may be. A zero means the default.
type ArchiveLimits struct {
	Packed   int64 // bytes of the archive as it comes; 100 MiB
	Unpacked int64 // bytes of all its files; 256 MiB
	Entries  int   // files, folders and links; 20,000
	Ratio    int64 // unpacked bytes for each packed one, after the first MiB; 100
}

const mebi = 1 << 20

func (l ArchiveLimits) orDefault() ArchiveLimits {
	set := func(v *int64, otherwise int64) {
		if *v <= 0 {
			*v = otherwise
		}
	}
	set(&l.Packed, 100*mebi)
	set(&l.Unpacked, 256*mebi)
	set(&l.Ratio, 100)
	if l.Entries <= 0 {
		l.Entries = 20_000
	}
	return l
}

// Archive reads a tar.gz into a tree held in memory. Files, folders and symlinks are taken, whatever mode and owner the
// archive gives them; devices, hard links and all else are refused, as is a name that leaves the root. A symlink may
// say what it likes: whoever follows it stays inside the tree (FS). Of a name that comes twice the last one counts.
func Archive(r io.Reader, limits ArchiveLimits) (Tree, error) {
	limits = limits.orDefault()
	packed := &counted{from: r, limit: limits.Packed}
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return nil, archiveProblem(packed, err)
	}
	return unpack(packed, unzipped, limits)
}

// Tar is Archive for a tar that is not zipped.
func Tar(r io.Reader, limits ArchiveLimits) (Tree, error) {
	limits = limits.orDefault()
	packed := &counted{from: r, limit: limits.Packed}
	return unpack(packed, packed, limits)
}

func unpack(packed *counted, content io.Reader, limits ArchiveLimits) (Tree, error) {
	unpacked := &counted{from: content, limit: limits.Unpacked + int64(limits.Entries)*1024 + mebi, of: packed, ratio: limits.Ratio} // with the headers
	m := newMemory()
	archive := tar.NewReader(unpacked)
	total := int64(0)
	for n := 1; ; n++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, archiveProblem(packed, err)
		}
		if n > limits.Entries {
			return nil, problem.New(problem.Limit, "the archive has more than %d entries", limits.Entries)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if total += max(0, h.Size); total > limits.Unpacked {
			return nil, problem.New(problem.Limit, "the archive holds more than %d bytes", limits.Unpacked)
		}
		if err := m.take(h, archive); err != nil {
			return nil, archiveProblem(packed, err)
		}
	}
	m.seal(".")
	return m, nil
}

// take puts one entry of an archive into the tree.
func (m *memory) take(h *tar.Header, content io.Reader) error {
	p, ok := Clean(strings.TrimPrefix(h.Name, "./"))
	if !ok || strings.HasPrefix(h.Name, "/") {
		return problem.New(problem.Forbidden, "the archive's entry %q leads out of it", h.Name)
	}
	if p == "." {
		return nil
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) { // a file may not be used as a folder later
		if _, taken := m.data[dir]; taken {
			return problem.New(problem.Invalid, "the archive has %q as a file and as a folder", dir)
		}
	}
	if _, folder := m.dirs[p]; folder && h.Typeflag != tar.TypeDir {
		return problem.New(problem.Invalid, "the archive has %q as a folder and as a file", p)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		m.folder(p)
		return nil
	case tar.TypeSymlink:
		m.put(p, Symlink, h.Linkname)
		return nil
	case tar.TypeReg:
		text := &strings.Builder{}
		if _, err := io.Copy(text, content); err != nil {
			return err
		}
		m.put(p, File, text.String())
		return nil
	}
	return problem.New(problem.Invalid, "the archive's entry %q is neither a file, a folder nor a symlink", h.Name)
}

// counted ends with an error when more comes than may.
type counted struct {
	from        io.Reader
	read, limit int64
	of          *counted // what it is unpacked from; nil for that itself
	ratio       int64
}

var errTooMuch, errBomb = errors.New("too much"), errors.New("too much for what was sent")

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if c.read += int64(n); c.read > c.limit {
		return 0, errTooMuch
	}
	if c.of != nil && c.read > mebi && c.read > c.of.read*c.ratio {
		return 0, errBomb
	}
	return n, err
}

func archiveProblem(packed *counted, err error) error {
	var known *problem.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, errTooMuch) && packed.read > packed.limit:
		return problem.New(problem.Limit, "the archive is larger than %d bytes", packed.limit)
	case errors.Is(err, errBomb):
		return problem.New(problem.Limit, "the archive holds many times as much as was sent")
	case errors.Is(err, errTooMuch):
		return problem.New(problem.Limit, "the archive unpacks to more than it may")
	}
	return problem.Because(problem.Invalid, err, "read the archive").WithHint("it must be a tar.gz")
}
