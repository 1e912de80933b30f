package render

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/google/go-jsonnet"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Bounds of a jsonnet program. They stop the mistakes and the plain bombs; a program can still compute for ever,
// which only a process of its own can stop.
const (
	maxJsonnetStack   = 500    // calls deep, the library's default
	maxJsonnetImports = 5_000  // files
	maxJsonnetTokens  = 50_000 // since the last comma, through all open brackets: bounds how deep the parser recurses
)

// program evaluates the jsonnet files of one render. Imports are shared between its files.
type program struct {
	j    *job
	spec v1alpha1.ApplicationSourceJsonnet
	load *importer
}

func newJsonnet(j *job, spec v1alpha1.ApplicationSourceJsonnet) *program {
	return &program{j: j, spec: spec, load: &importer{j: j, libs: spec.Libs, files: map[string]jsonnet.Contents{}}}
}

// evaluate returns the objects that file evaluates to: one object, or lists of objects however nested.
func (p *program) evaluate(file string, left *budget) ([]object.Item, error) {
	text, err := p.j.read(p.j.fs, file)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(text), skipMarker) {
		return nil, nil
	}
	vm := jsonnet.MakeVM()
	vm.MaxStack = maxJsonnetStack
	vm.SetTraceOut(io.Discard)
	vm.Importer(p.load)
	p.bind(vm)
	program, err := bounded(text, file)
	if err != nil {
		return nil, err
	}
	out, err := vm.EvaluateSnippet("/"+file, program) //nolint:staticcheck // its successors do not resolve imports beside a file that is not on disk
	if p.load.failed != nil {                         // more precise than the library's sentence around it, and it has a kind
		return nil, problem.Because(problem.KindOf(p.load.failed), p.load.failed, "Failed to evaluate jsonnet %q", file)
	}
	if err != nil {
		return nil, problem.New(problem.Invalid, "Failed to evaluate jsonnet %q: %s", file, strings.TrimSpace(err.Error()))
	}
	if err := left.take(len(out), file); err != nil {
		return nil, err
	}
	return objectsOf([]byte(out), file)
}

// bind passes the variables of the spec, with the build environment substituted in their values.
func (p *program) bind(vm *jsonnet.VM) {
	for _, v := range p.spec.ExtVars {
		if v.Code {
			vm.ExtCode(v.Name, p.j.facts.expand(v.Value))
		} else {
			vm.ExtVar(v.Name, p.j.facts.expand(v.Value))
		}
	}
	for _, v := range p.spec.TLAs {
		if v.Code {
			vm.TLACode(v.Name, p.j.facts.expand(v.Value))
		} else {
			vm.TLAVar(v.Name, p.j.facts.expand(v.Value))
		}
	}
}

func objectsOf(text []byte, file string) ([]object.Item, error) {
	trimmed := strings.TrimSpace(string(text))
	if trimmed == "null" {
		return nil, nil
	}
	if !strings.HasPrefix(trimmed, "[") {
		return atLine0(object.Parse([]byte(trimmed), file))
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(trimmed), &list); err != nil {
		return nil, problem.Because(problem.Invalid, err, "Failed to unmarshal generated json %q", file)
	}
	var items []object.Item
	for _, e := range list {
		found, err := objectsOf(e, file)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	return items, nil
}

// atLine0 forgets the lines of generated text: they are not lines of the file that people can open.
func atLine0(items []object.Item, err error) ([]object.Item, error) {
	for i := range items {
		items[i].Origin.Line = 0
	}
	return items, err
}

// importer is jsonnet's only door to files: relative to the importing file, then the libraries, the last one first,
// then the application's folder. All of it inside the tree.
type importer struct {
	j      *job
	libs   []string
	files  map[string]jsonnet.Contents
	failed error // the first refusal; a program cannot catch it, so it is the reason of whatever follows
}

// Import implements jsonnet.Importer. Paths in the tree are spelled with a leading slash, so that messages tell them
// from names in the program.
func (i *importer) Import(from, name string) (jsonnet.Contents, string, error) {
	contents, at, err := i.find(from, name)
	if err != nil && i.failed == nil {
		i.failed = err
	}
	return contents, at, err
}

func (i *importer) find(from, name string) (jsonnet.Contents, string, error) {
	if strings.HasPrefix(name, "/") {
		return jsonnet.Contents{}, "", problem.New(problem.Forbidden, "import %q: absolute paths cannot be imported", name).
			WithHint("write it relative to the importing file or to one of spec.source.directory.jsonnet.libs")
	}
	candidates := []string{path.Join(path.Dir(strings.TrimPrefix(from, "/")), name)}
	if from == "" || strings.HasPrefix(from, "<") { // a variable of the spec, which has no folder
		candidates = nil
	}
	for n := len(i.libs) - 1; n >= 0; n-- {
		candidates = append(candidates, path.Join(strings.TrimPrefix(i.libs[n], "/"), name))
	}
	candidates = append(candidates, i.j.at(name))
	for _, p := range candidates {
		contents, err := i.read(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return contents, "/" + p, err
	}
	return jsonnet.Contents{}, "", problem.New(problem.NotFound, "import %q from %q: no such file, nor in the library paths", name, strings.TrimPrefix(from, "/"))
}

func (i *importer) read(p string) (jsonnet.Contents, error) {
	if c, ok := i.files[p]; ok {
		return c, nil
	}
	if len(i.files) >= maxJsonnetImports {
		return jsonnet.Contents{}, problem.New(problem.Limit, "more than %d files imported", maxJsonnetImports)
	}
	if e, err := i.j.fs.Stat(p); err != nil {
		return jsonnet.Contents{}, err
	} else if e.Mode == source.Folder {
		return jsonnet.Contents{}, &fs.PathError{Op: "import", Path: p, Err: fs.ErrNotExist}
	}
	data, err := i.j.read(i.j.fs, p)
	if err != nil {
		return jsonnet.Contents{}, err
	}
	if err := checkDepth(data, p); err != nil {
		return jsonnet.Contents{}, err
	}
	c := jsonnet.MakeContentsRaw(data)
	i.files[p] = c
	return c, nil
}
