package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"
)

// Bounds of a chart with everything packed into it.
const (
	maxChartBytes   = 100 << 20 // unpacked, Helm's own bound
	maxChartEntries = 20_000
	maxChartDepth   = 8 // charts within charts
)

// chartFiles are those at the root of a chart that Helm itself reads. The rest is only there for .Files.
var chartFiles = []string{"Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", "requirements.yaml", "requirements.lock"}

// chartFolders are read whole.
var chartFolders = []string{"templates", "crds", "charts"}

// loadChart reads the chart at the application's path. Value files for other environments, documentation and tests
// usually lie beside a chart's own files; they are read only if some template can reach them through .Files, so that
// a commit which changes production's values does not render staging again.
func (j *job) loadChart(values map[string]any) (*chart.Chart, *chartLoader, error) {
	l := newChartLoader(j)
	ch, err := l.load(j.path, false, 0)
	if err == nil && mentionsFiles(ch, values) {
		l = newChartLoader(j)
		ch, err = l.load(j.path, true, 0)
	}
	return ch, l, err
}

// origins tells for the content of a chart's file where in the tree it was read. Helm renames charts (aliases) and
// forgets folders, but it passes content on as it is: so the first byte's address stands for the file.
type origins map[*byte]string

func (o origins) of(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	return o[&data[0]]
}

// templates returns the origin of every template by the name that it is rendered under. Files of packed charts have
// none.
func (o origins) templates(ch *chart.Chart, found map[string]string) map[string]string {
	for _, f := range ch.Templates {
		if at := o.of(f.Data); at != "" {
			found[path.Join(ch.ChartFullPath(), f.Name)] = at
		}
	}
	for _, dep := range ch.Dependencies() {
		o.templates(dep, found)
	}
	return found
}

// mentionsFiles reports whether the word "Files" stands in any template, or in any value, which tpl could evaluate.
func mentionsFiles(ch *chart.Chart, values map[string]any) bool {
	for _, t := range ch.Templates {
		if bytes.Contains(t.Data, []byte("Files")) {
			return true
		}
	}
	for _, v := range []map[string]any{ch.Values, values} {
		if text, err := json.Marshal(v); err != nil || bytes.Contains(text, []byte("Files")) {
			return true
		}
	}
	for _, dep := range ch.Dependencies() {
		if mentionsFiles(dep, nil) {
			return true
		}
	}
	return false
}

// chartLoader reads charts through a tree; its budgets are for one chart with all that is in it.
type chartLoader struct {
	job     *job
	tree    *source.FS
	bytes   int64
	entries int
	origins origins
	missing []*chart.Dependency
}

func newChartLoader(j *job) *chartLoader {
	return &chartLoader{job: j, tree: j.fs, bytes: maxChartBytes, entries: maxChartEntries, origins: origins{}}
}

// load reads the chart in folder and those of its dependencies that are in the tree. extra says to read also what
// only .Files could show.
func (l *chartLoader) load(folder string, extra bool, depth int) (*chart.Chart, error) {
	if depth > maxChartDepth {
		return nil, problem.New(problem.Limit, "%s: charts nested more than %d deep", folder, maxChartDepth)
	}
	rules, err := l.ignoreRules(folder)
	if err != nil {
		return nil, err
	}
	r := reading{loader: l, folder: folder, rules: rules}
	if extra {
		err = r.walk(".")
	} else {
		err = r.essentials()
	}
	if err != nil {
		return nil, err
	}
	ch, err := loader.LoadFiles(r.files)
	if err != nil {
		return nil, problem.New(problem.Invalid, "%s: %s", folder, err)
	}
	if err := checkNames(ch); err != nil {
		return nil, problem.Because(problem.Invalid, err, "%s", folder)
	}
	return ch, l.dependencies(ch, folder, depth)
}

// checkNames looks at the chart and everything packed into it.
func checkNames(ch *chart.Chart) error {
	if err := chartName(ch.Name()); err != nil {
		return err
	}
	for _, dep := range ch.Dependencies() {
		if err := checkNames(dep); err != nil {
			return err
		}
	}
	return nil
}

func (l *chartLoader) ignoreRules(folder string) (*ignore.Rules, error) {
	file := path.Join(folder, ignore.HelmIgnore)
	text, err := l.tree.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	rules, err := ignore.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "%s", file)
	}
	rules.AddDefaults()
	return rules, nil
}

// dependencies adds what Chart.yaml declares and charts/ lacks, if it is a folder of the same tree. What is elsewhere
// is noted: it is missed only if conditions and tags leave it enabled.
func (l *chartLoader) dependencies(ch *chart.Chart, folder string, depth int) error {
	for _, want := range ch.Metadata.Dependencies {
		if want == nil || has(ch, want.Name) {
			continue
		}
		local, ok := strings.CutPrefix(want.Repository, "file://")
		if !ok {
			l.missing = append(l.missing, want)
			continue
		}
		target := path.Join(folder, local)
		if _, inside := source.Clean(target); !inside || strings.HasPrefix(local, "/") {
			return problem.New(problem.Forbidden, "%s: dependency %s: repository %q leads out of the source tree", path.Join(folder, "Chart.yaml"), want.Name, want.Repository)
		}
		dep, err := l.load(target, true, depth+1)
		if err != nil {
			return problem.Because(problem.KindOf(err), err, "dependency %s", want.Name)
		}
		ch.AddDependency(dep)
	}
	return nil
}

// checkMissing is for a chart whose disabled dependencies have been taken out. Like Helm it asks only for those of the
// chart itself; unlike Helm it does not ask for a chart that would not be used.
func (l *chartLoader) checkMissing(ch *chart.Chart, folder string, why map[string]error) error {
	var names []string
	for _, dep := range ch.Metadata.Dependencies {
		if slices.Contains(l.missing, dep) {
			if err := why[dep.Name]; err != nil {
				return problem.Because(problem.KindOf(err), err, "%s: dependency %s", folder, dep.Name)
			}
			names = append(names, dep.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return problem.New(problem.Invalid, "%s: found in Chart.yaml, but missing in charts/ directory: %s", folder, strings.Join(names, ", ")).
		WithHint("run `helm dependency update` and commit the charts/ folder")
}

func has(ch *chart.Chart, name string) bool {
	for _, dep := range ch.Dependencies() {
		if dep.Name() == name {
			return true
		}
	}
	return false
}

// reading collects the files of one chart folder, names relative to it.
type reading struct {
	loader *chartLoader
	folder string
	rules  *ignore.Rules
	files  []*archive.BufferedFile
}

func (r *reading) essentials() error {
	for _, name := range chartFiles {
		if err := r.add(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(r.files) == 0 || r.files[0].Name != "Chart.yaml" {
		return problem.New(problem.Invalid, "%s: Chart.yaml file is missing", r.folder)
	}
	for _, name := range chartFolders {
		e, err := r.loader.tree.Stat(path.Join(r.folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && e.Mode == source.Folder && !r.rules.Ignore(name, info{name, true}) {
			if err := r.walk(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk adds all files below a folder of the chart. Symlinks are followed, as Helm does; the budget ends a loop.
func (r *reading) walk(folder string) error {
	list, err := r.loader.tree.List(path.Join(r.folder, folder))
	if err != nil {
		return err
	}
	for _, e := range list {
		name := path.Join(folder, e.Name)
		if e.Mode == source.Submodule {
			continue
		}
		if e.Mode == source.Symlink {
			if e, err = r.loader.tree.Stat(path.Join(r.folder, name)); err != nil {
				return err
			}
		}
		if r.loader.entries--; r.loader.entries < 0 {
			return problem.New(problem.Limit, "%s: more than %d files in one chart", r.folder, maxChartEntries)
		}
		switch {
		case e.Mode == source.Folder && r.rules.Ignore(name, info{name, true}):
		case e.Mode == source.Folder:
			err = r.walk(name)
		default:
			err = r.add(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) add(name string) error {
	if r.rules.Ignore(name, info{name, false}) {
		return nil
	}
	file := path.Join(r.folder, name)
	data, err := r.loader.tree.ReadFile(file)
	if err != nil {
		return err
	}
	if err := r.loader.spend(int64(len(data)), file); err != nil {
		return err
	}
	if strings.HasPrefix(name, "charts/") && strings.HasSuffix(name, ".tgz") {
		if err := r.loader.checkArchive(data, file, 0); err != nil {
			return err
		}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if name == "values.yaml" {
		if data, _, err = r.loader.job.decrypted(data, file); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		r.loader.origins[&data[0]] = file
	}
	r.files = append(r.files, &archive.BufferedFile{Name: name, Data: data})
	return nil
}

func (l *chartLoader) spend(n int64, what string) error {
	if l.bytes -= n; l.bytes < 0 {
		return problem.New(problem.Limit, "%s: the chart unpacks to more than %d bytes", what, maxChartBytes)
	}
	return nil
}

// checkArchive walks a packed chart, and those packed into it, without keeping it: Helm bounds the bytes of an
// archive, but neither the number of its entries nor the archives inside it.
func (l *chartLoader) checkArchive(data []byte, file string, depth int) error {
	if depth > maxChartDepth {
		return problem.New(problem.Limit, "%s: charts packed more than %d deep", file, maxChartDepth)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return problem.Because(problem.Invalid, err, "%s: not a chart archive", file)
	}
	tr := tar.NewReader(&charged{from: unzipped, to: l, file: file}) // headers cost too: an archive can be all headers
	for {
		h, err := tr.Next() // skips what was not read, through the same count
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return problem.Because(kindOr(problem.Invalid, err), err, "%s: not a chart archive", file)
		}
		if l.entries--; l.entries < 0 {
			return problem.New(problem.Limit, "%s: more than %d files in one chart", file, maxChartEntries)
		}
		if !strings.HasSuffix(h.Name, ".tgz") {
			continue
		}
		inner, err := io.ReadAll(tr)
		if err != nil {
			return problem.Because(kindOr(problem.Invalid, err), err, "%s: not a chart archive", file)
		}
		if err := l.checkArchive(inner, file+"/"+path.Base(h.Name), depth+1); err != nil {
			return err
		}
	}
}

// charged takes every byte that passes from a chart's budget.
type charged struct {
	from io.Reader
	to   *chartLoader
	file string
}

func (c *charged) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if over := c.to.spend(int64(n), c.file); over != nil {
		return 0, over
	}
	return n, err
}

// kindOr returns the kind of the problem in err, or otherwise if there is none.
func kindOr(otherwise problem.Kind, err error) problem.Kind {
	var p *problem.Error
	if errors.As(err, &p) {
		return p.Kind
	}
	return otherwise
}

// info is as much of a file's description as ignore rules look at.
type info struct {
	name   string
	folder bool
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return 0 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.folder }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir
	}
	return 0
}
