package charts

import (
	"bytes"
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// disk keeps archives, manifests and indexes as files, the last used ones up to a number of bytes. A file is its digest in a
// line, then the bytes: what a crash or a bad disk has changed is not believed.
type disk struct {
	dir   string
	bound int64

	mu   sync.Mutex
	size int64
}

// digestLine is the length of "sha256:", 64 digits and the line's end.
const digestLine = 7 + 64 + 1

// openDisk makes the folder, removes what a killed process left half written, and returns the key of the installation's
// fingerprints.
func openDisk(dir string, bound int64) (d *disk, key []byte, err error) {
	broken := func(err error) (*disk, []byte, error) {
		return nil, nil, problem.New(problem.Internal, "prepare the folder of charts %s: %v", dir, err)
	}
	d = &disk{dir: filepath.Join(dir, "blobs"), bound: bound}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return broken(err)
	}
	for _, f := range d.files() {
		if strings.HasPrefix(f.name, "tmp-") {
			os.Remove(filepath.Join(d.dir, f.name))
			continue
		}
		d.size += f.size
	}
	d.sweep()
	file := filepath.Join(dir, "key")
	if key, err = os.ReadFile(file); err == nil && len(key) == 32 {
		return d, key, nil
	}
	key = make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return broken(err)
	}
	if err := os.WriteFile(file, key, 0o600); err != nil {
		return broken(err)
	}
	return d, key, nil
}

type stored struct {
	name string
	size int64
	used time.Time
}

func (d *disk) files() []stored {
	entries, _ := os.ReadDir(d.dir)
	var all []stored
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all = append(all, stored{e.Name(), info.Size(), info.ModTime()})
		}
	}
	return all
}

// sweep removes what was not used the longest until a tenth of the bound is free. It is called with mu, or before others
// know d.
func (d *disk) sweep() {
	if d.size <= d.bound {
		return
	}
	all := d.files()
	slices.SortFunc(all, func(a, b stored) int { return a.used.Compare(b.used) })
	d.size = 0
	for _, f := range all {
		d.size += f.size
	}
	for _, f := range all {
		if d.size <= d.bound-d.bound/10 {
			return
		}
		if err := os.Remove(filepath.Join(d.dir, f.name)); err == nil || errors.Is(err, fs.ErrNotExist) {
			d.size -= f.size
		}
	}
}

// read returns the content kept as id, if its digest is still its own and, when one is given, the wanted one.
func (d *disk) read(id, digest string) (content []byte, ok bool) {
	file := filepath.Join(d.dir, id)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	if len(data) >= digestLine {
		own := string(data[:digestLine-1])
		content = data[digestLine:]
		if own == digestOf(content) && (digest == "" || digest == own) {
			used(file)
			return content, true
		}
	}
	os.Remove(file)
	return nil, false
}

// used notes that a file is wanted. The time that the kernel gives a file is of its last tick, and as good as another's.
func used(file string) {
	now := time.Now()
	_ = os.Chtimes(file, now, now)
}

// write keeps content as id. What does not fit on the disk is not kept: the cache is a convenience.
func (d *disk) write(id string, content []byte) {
	f, err := os.CreateTemp(d.dir, "tmp-")
	if err != nil {
		return
	}
	_, err = f.WriteString(digestOf(content) + "\n")
	if err == nil {
		_, err = f.Write(content)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		used(f.Name())
		err = os.Rename(f.Name(), filepath.Join(d.dir, id))
	}
	if err != nil {
		os.Remove(f.Name())
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size += int64(len(content)) + digestLine
	d.sweep()
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// trees keeps unpacked archives, those used last, up to a number of bytes.
type trees struct {
	mu    sync.Mutex
	max   int64
	size  int64
	order *list.List // of unpacked, the last used in front
	items map[string]*list.Element
}

type unpacked struct {
	id   string
	tree source.Tree
	size int64
}

func newTrees(max int64) *trees {
	return &trees{max: max, order: list.New(), items: map[string]*list.Element{}}
}

func (t *trees) get(id string) source.Tree {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.items[id]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(unpacked).tree
}

func (t *trees) put(id string, tree source.Tree) {
	size := weigh(tree, ".")
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.items[id] != nil || size > t.max/2 {
		return
	}
	t.items[id] = t.order.PushFront(unpacked{id, tree, size})
	t.size += size
	for t.size > t.max {
		old := t.order.Remove(t.order.Back()).(unpacked)
		delete(t.items, old.id)
		t.size -= old.size
	}
}

// weigh is about the memory that a tree takes.
func weigh(t source.Tree, folder string) int64 {
	list, err := t.List(folder)
	if err != nil {
		return 0
	}
	total := int64(0)
	for _, e := range list {
		total += 256 + int64(len(e.Name)) + max(0, e.Size)
		if e.Mode == source.Folder {
			total += weigh(t, strings.TrimPrefix(folder+"/"+e.Name, "./"))
		}
	}
	return total
}

// unpack reads an archive into the tree that renderers see. A chart lies in a folder of its own, which is the tree.
func (c *Charts) unpack(content []byte, from *archive, chart, name string) (source.Tree, error) {
	read := source.Archive
	if from.plain {
		read = source.Tar
	}
	tree, err := read(bytes.NewReader(content), c.options.Archive)
	if err != nil {
		problem.Wrap(&err, "unpack %s", name)
		return nil, err
	}
	if !from.helm {
		return tree, nil
	}
	top, err := tree.List(".")
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, e := range top {
		if e.Mode != source.Folder {
			continue
		}
		if f, err := tree.Entry(e.Name + "/Chart.yaml"); err == nil && f.Mode != source.Folder {
			folders = append(folders, e.Name)
		}
	}
	last := chart[strings.LastIndexByte(chart, '/')+1:]
	switch {
	case slices.Contains(folders, last):
		return source.Within(tree, last)
	case len(folders) == 1:
		return source.Within(tree, folders[0])
	}
	return nil, problem.New(problem.Invalid, "unpack %s: the archive holds no folder with a Chart.yaml", name).WithHint("make it with helm package")
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, limit int64, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, problem.New(problem.Limit, "%s: the answer is over %d bytes", name, limit)
	}
	return data, nil
}
