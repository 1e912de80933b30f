package render

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
)

// helmValues merges what the spec says about values. Later wins: value files in their order, what is given from a cluster
// (Flux has it between files and values, too), values or valuesObject, parameters, parameters with forceString, fileParameters. This is the order of Helm's command line (--values, --set,
// --set-string, --set-file) as Argo CD fills it. The chart's own values.yaml comes below all of them.
func (j *job) helmValues(spec v1alpha1.ApplicationSourceHelm) (map[string]any, error) {
	values := map[string]any{}
	files, err := j.valueFiles(spec)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		data, err := f.read(j, spec.IgnoreMissingValueFiles)
		if err != nil {
			return nil, err
		}
		if values, err = mergeValues(values, data, f.name); err != nil {
			return nil, err
		}
	}
	if values, err = j.givenValues(values); err != nil {
		return nil, err
	}
	inline := []byte(spec.Values)
	if spec.ValuesObject != nil && len(spec.ValuesObject.Raw) > 0 {
		inline = spec.ValuesObject.Raw
	}
	if values, err = mergeValues(values, inline, "spec.source.helm.values"); err != nil {
		return nil, err
	}
	return values, j.setParameters(spec, values)
}

func mergeValues(values map[string]any, data []byte, name string) (map[string]any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return values, nil
	}
	more, err := loader.LoadValues(bytes.NewReader(data))
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "failed to parse %s", name)
	}
	return loader.MergeMaps(values, more), nil
}

func (j *job) setParameters(spec v1alpha1.ApplicationSourceHelm, values map[string]any) error {
	for _, asText := range []bool{false, true} {
		for _, p := range spec.Parameters {
			if p.ForceString != asText {
				continue
			}
			set := strvals.ParseInto
			if asText {
				set = strvals.ParseIntoString
			}
			if err := set(p.Name+"="+literalCommas(j.facts.expand(p.Value)), values); err != nil {
				return problem.Because(problem.Invalid, err, "failed parsing parameter %s", p.Name)
			}
		}
	}
	for _, p := range spec.FileParameters {
		f, err := j.valueFile(p.Path)
		if err != nil {
			return err
		}
		data, err := f.read(j, false)
		if err != nil {
			return err
		}
		content := func([]rune) (any, error) { return string(data), nil }
		if err := strvals.ParseIntoFile(p.Name+"=file", values, content); err != nil {
			return problem.Because(problem.Invalid, err, "failed parsing file parameter %s", p.Name)
		}
	}
	return nil
}

// literalCommas escapes the commas of a parameter, which Helm would take for the start of the next one. A value in
// braces is a list and keeps them; those already escaped stay (Argo CD's util/helm).
func literalCommas(v string) string {
	if strings.HasPrefix(v, "{") && strings.HasSuffix(v, "}") {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == ',' && (i == 0 || v[i-1] != '\\') {
			b.WriteByte('\\')
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// valueFile is a file, or a pattern of files, in one of the application's trees.
type valueFile struct {
	name string // as messages name it
	tree *source.FS
	path string
}

func (f valueFile) read(j *job, missingIsEmpty bool) ([]byte, error) {
	data, err := j.read(f.tree, f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if missingIsEmpty {
			return nil, nil
		}
		return nil, problem.New(problem.NotFound, "open %s: no such file or directory", f.name).
			WithHint("correct the path, or set ignoreMissingValueFiles for value files that may be absent")
	}
	return data, err
}

// valueFiles resolves the list of the spec. A pattern stands for its matches by name, less those that the list names
// itself; of a file that comes twice the first place counts. So with ["*.yaml", "c.yaml"], c.yaml comes last.
func (j *job) valueFiles(spec v1alpha1.ApplicationSourceHelm) ([]valueFile, error) {
	var list []valueFile
	for _, written := range spec.ValueFiles {
		f, err := j.valueFile(written)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	same := func(a valueFile) func(valueFile) bool {
		return func(b valueFile) bool { return a.tree == b.tree && a.path == b.path }
	}
	var files []valueFile
	for _, f := range list {
		if !isPattern(f.path) {
			if !slices.ContainsFunc(files, same(f)) {
				files = append(files, f)
			}
			continue
		}
		matches, err := match(f.tree, f.path, source.File)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 && !spec.IgnoreMissingValueFiles {
			return nil, problem.New(problem.NotFound, "values file glob %q matched no files", f.name).
				WithHint("correct the pattern, or set ignoreMissingValueFiles")
		}
		for _, p := range matches {
			m := valueFile{name: p, tree: f.tree, path: p}
			if !slices.ContainsFunc(list, same(m)) && !slices.ContainsFunc(files, same(m)) {
				files = append(files, m)
			}
		}
	}
	return files, nil
}

var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)

// valueFile resolves one path of the spec: $ref/path in another source, /path from the root of the repository, any
// other relative to the chart.
func (j *job) valueFile(written string) (valueFile, error) {
	if strings.HasPrefix(written, "$") {
		name, rest, _ := strings.Cut(written[1:], "/")
		for _, spelling := range []string{name, "$" + name} {
			if _, ok := j.req.Refs[spelling]; ok {
				return j.valueFileAt(j.refTree(spelling), j.facts.expand(rest), written)
			}
		}
		variableName, _ := variable(written[1:])
		if _, ok := j.facts.env(variableName); !ok && variableName != "$" {
			known := "no source has a ref"
			if names := sortedKeys(j.req.Refs); len(names) > 0 {
				known = "there are: " + strings.Join(names, ", ")
			}
			return valueFile{}, problem.New(problem.Invalid, "value file %s: there is no source with ref: %s; %s", written, name, known).
				WithHint("give the source that holds the file a ref in spec.sources")
		}
	}
	expanded := j.facts.expand(written)
	if m := scheme.FindStringSubmatch(expanded); m != nil {
		return valueFile{}, j.remoteValueFile(m[1], written)
	}
	if strings.HasPrefix(expanded, "/") {
		return j.valueFileAt(j.fs, expanded, expanded)
	}
	return j.valueFileAt(j.fs, path.Join("/", j.path)+"/"+expanded, expanded)
}

func (j *job) valueFileAt(tree *source.FS, p, name string) (valueFile, error) {
	// The leading slash is taken off first: path.Clean would swallow a ".." right behind it.
	clean, ok := source.Clean(strings.TrimLeft(p, "/"))
	if !ok || clean == "." {
		return valueFile{}, problem.New(problem.Forbidden, "value file %q resolved to outside repository root", name).
			WithHint("value files are relative to the chart, or start with / for the root of the repository")
	}
	return valueFile{name: name, tree: tree, path: clean}, nil
}

func (j *job) remoteValueFile(scheme, written string) error {
	allowed := j.req.Settings.HelmValuesFileSchemes
	if len(allowed) == 0 {
		allowed = []string{"https", "http"} // Argo CD's default
	}
	if !slices.ContainsFunc(allowed, func(s string) bool { return strings.EqualFold(s, scheme) }) {
		return problem.New(problem.Forbidden, "the URL scheme '%s' is not allowed", scheme)
	}
	return problem.New(problem.Invalid, "value file %s: remote value files are not supported", written).
		WithHint("commit the file, or add its repository as a source with a ref")
}

// refTree returns the recording view of a ref's tree; opening it makes it a dependency of the result.
func (j *job) refTree(name string) *source.FS {
	if j.refs[name] == nil {
		j.refs[name] = source.NewFS(j.req.Refs[name].Tree, j.opts.FileBytes)
	}
	return j.refs[name]
}
