// Package hawser_test keeps the arrows between packages straight.
//
// The idea: the layer list is drawn once, in ARCHITECTURE.md, and this test reads that drawing and the imports of every
// Go file, so that the document cannot lie and no arrow bends by accident. Read check first. It refuses to build
// anything or to load dependencies: parsing our own files takes well under a second.
package hawser_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

const module = "github.com/hawser-cd/hawser"

// foreign lists what layers 0 and 1 may not touch: clients, clocks and the machine. Judged on our own imports; Helm's
// library, for one, drags client-go behind it.
var foreign = []string{
	"k8s.io/client-go/...", "sigs.k8s.io/controller-runtime/...",
	"net", "net/http/...", "os/...", "database/sql/...", "log/slog/...", "math/rand/...",
}

// clock lists the calls that read the wall clock: Since and Until are time.Now in disguise.
var clock = []string{"time.Now", "time.Since", "time.Until"}

// An owner says which packages may import something from outside; the first owner whose pattern matches decides.
type owner struct {
	imports string   // a path, or a path and all below it when it ends in /...
	only    []string // folders below internal/, with their sub-folders; empty: nothing in this module
}

var owners = []owner{
	{"k8s.io/client-go/util/workqueue", []string{"cluster", "catalog", "reconcile"}}, // a queue, no client
	{"k8s.io/client-go/...", []string{"cluster", "catalog", "clustertest", "faultproxy"}},
	{"sigs.k8s.io/controller-runtime/...", nil},
	{"k8s.io/kubernetes/...", nil},   // devcluster links it, and is another module
	{"github.com/argoproj/...", nil}, // the wire is spelled by api/v1alpha1 (docs/adr)
	{"github.com/fluxcd/...", nil},
	{"os/exec", []string{"git", "plugin", "cluster", "cli", "gittest", "clustertest"}}, // cluster: credential runs what gives credentials
	{"database/sql/...", []string{"store"}},
}

// ownerOf finds who owns an import; ok is false when anybody may have it.
func ownerOf(imp string) (o owner, ok bool) {
	i := slices.IndexFunc(owners, func(o owner) bool { return matches(imp, o.imports) })
	if i < 0 {
		return owner{}, false
	}
	return owners[i], true
}

// listeners are the calls that open a socket for others; server owns them, cli opens the demo's own.
var listeners = []string{
	"net.Listen", "net.ListenTCP", "net.ListenUnix", "net.ListenPacket", "net/http.ListenAndServe", "net/http.ListenAndServeTLS", "net/http.Serve",
}
var mayListen = []string{"server", "cli", "gittest", "faultproxy"}

// layers is the block of ARCHITECTURE.md: package folder → layer. Folders for tests only have layer testsOnly.
type layers map[string]int

const testsOnly = -1

// pkg is what the rules need to know of one folder of Go files.
type pkg struct {
	dir      string // slash-separated, relative to the module's root
	imports  []string
	calls    []string // qualified calls that a rule names, such as time.Now
	document bool     // has a package comment
}

// check returns every broken rule as a sentence, sorted; none means that the arrows are straight.
func check(root fs.FS) ([]string, error) {
	text, err := fs.ReadFile(root, "ARCHITECTURE.md")
	if err != nil {
		return nil, err
	}
	ls, err := parseLayers(string(text))
	if err != nil {
		return nil, err
	}
	pkgs, err := packages(root)
	if err != nil {
		return nil, err
	}
	var broken []string
	for _, p := range pkgs {
		broken = append(broken, ls.judge(p)...)
	}
	slices.Sort(broken)
	return slices.Compact(broken), nil
}

// judge applies every rule to one package.
func (ls layers) judge(p pkg) (broken []string) {
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if !p.document {
		say("%s has no package comment: say the idea, the first function to read, and what it refuses to do", p.dir)
	}
	if strings.HasPrefix(p.dir, "test/") {
		return broken // what tests start is no part of the product
	}
	home, mine, known := ls.of(p.dir)
	if !known && strings.HasPrefix(p.dir, "internal/") {
		say("%s is in no layer: add it to the list (ARCHITECTURE.md, \"Layers\")", p.dir)
		return broken
	}
	for _, imp := range p.imports {
		if o, ok := ownerOf(imp); ok && !slices.Contains(o.only, owned(home)) {
			say("%s imports %s: %s (ARCHITECTURE.md, \"Owners\")", p.dir, imp, o.whose())
		}
		if known && (mine == 0 || mine == 1) && slices.ContainsFunc(foreign, func(f string) bool { return matches(imp, f) }) {
			say("%s imports %s: layers 0 and 1 decide, they touch nothing outside (ARCHITECTURE.md, \"Layers\")", p.dir, imp)
		}
		ours, ok := strings.CutPrefix(imp, module+"/")
		if !ok {
			continue
		}
		other, theirs, ok := ls.of(ours)
		switch {
		case !ok || !known || other == home || mine == testsOnly:
		case theirs == testsOnly:
			say("%s imports %s: it is for _test.go files only (ARCHITECTURE.md, \"Layers\")", p.dir, ours)
		case theirs > mine:
			say("%s imports %s: layer %d may not see layer %d (ARCHITECTURE.md, \"Layers\")", p.dir, ours, mine, theirs)
		case theirs == mine && mine != 0:
			say("%s imports %s: both are layer %d, siblings meet one layer up (ARCHITECTURE.md, \"Layers\")", p.dir, ours, mine)
		}
	}
	for _, call := range p.calls {
		if slices.Contains(clock, call) && known && (mine == 0 || mine == 1) {
			say("%s calls %s: layers 0 and 1 are told the time (ARCHITECTURE.md, \"Layers\")", p.dir, call)
		}
		if slices.Contains(listeners, call) && !slices.Contains(mayListen, owned(home)) {
			say("%s calls %s: sockets belong to server (ARCHITECTURE.md, \"Owners\")", p.dir, call)
		}
	}
	return broken
}

func (o owner) whose() string {
	if len(o.only) == 0 {
		return "nothing in this module may"
	}
	return "it belongs to " + strings.Join(o.only, ", ")
}

// owned is the word by which owners name a package's home: internal/git is git, cmd/hawser counts as cli.
func owned(home string) string {
	if strings.HasPrefix(home, "cmd/") {
		return "cli"
	}
	return path.Base(home)
}

// of finds the listed folder that holds dir, and its layer: sub-folders belong to the folder that is listed.
func (ls layers) of(dir string) (home string, layer int, ok bool) {
	for home = dir; home != "." && home != "/"; home = path.Dir(home) {
		if layer, ok = ls[home]; ok {
			return home, layer, true
		}
	}
	return dir, 0, false
}

// matches reports whether an import path falls under a pattern, which covers what is below it when it ends in /...
func matches(imp, pattern string) bool {
	base, deep := strings.CutSuffix(pattern, "/...")
	return imp == base || deep && strings.HasPrefix(imp, base+"/")
}

// parseLayers reads the fenced block: a line is a number (or t, for tests only), a word, and the packages.
func parseLayers(text string) (layers, error) {
	_, rest, ok := strings.Cut("\n"+text, "\n```layers\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		return nil, fmt.Errorf("ARCHITECTURE.md: no ```layers block")
	}
	ls := layers{}
	for line := range strings.Lines(block) {
		words := strings.Fields(line)
		if len(words) < 2 {
			return nil, fmt.Errorf("ARCHITECTURE.md: layer line %q: want a number, a word and packages", strings.TrimSpace(line))
		}
		n := testsOnly
		if words[0] != "t" {
			var err error
			if n, err = strconv.Atoi(words[0]); err != nil || n < 0 {
				return nil, fmt.Errorf("ARCHITECTURE.md: layer line %q begins with neither a number nor t", strings.TrimSpace(line))
			}
		}
		for _, name := range words[2:] {
			dir := name
			if !strings.Contains(name, "/") && name != "web" { // the two layer-0 folders that lie outside internal/
				dir = "internal/" + name
			}
			if _, twice := ls[dir]; twice {
				return nil, fmt.Errorf("ARCHITECTURE.md: %s is listed twice", name)
			}
			ls[dir] = n
		}
	}
	return ls, nil
}

// packages parses the module's own Go files, _test.go files apart: what tests import bends no arrow that ships.
func packages(root fs.FS) ([]pkg, error) {
	byDir := map[string]*pkg{}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return enter(root, p, d.Name())
		case !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		dir := path.Dir(p)
		if byDir[dir] == nil {
			byDir[dir] = &pkg{dir: dir}
		}
		return byDir[dir].add(root, p)
	})
	var out []pkg
	for _, p := range byDir {
		out = append(out, *p)
	}
	return out, err
}

// enter skips what the go command skips, and nested modules, which have graphs of their own.
func enter(root fs.FS, p, name string) error {
	if p == "." {
		return nil
	}
	if _, err := fs.Stat(root, path.Join(p, "go.mod")); err == nil || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return fs.SkipDir
	}
	return nil
}

func (p *pkg) add(root fs.FS, file string) error {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.document = p.document || f.Doc != nil
	named := map[string]string{} // the name in this file → import path
	for _, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		p.imports = append(p.imports, imp)
		if spec.Name != nil {
			named[spec.Name.Name] = imp
		} else {
			named[path.Base(imp)] = imp
		}
	}
	// Not calls alone: a clock handed on as a value, now: time.Now, is a clock as well.
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && named[x.Name] != "" {
				p.calls = append(p.calls, named[x.Name]+"."+s.Sel.Name)
			}
		}
		return true
	})
	return nil
}

func TestLayers(t *testing.T) {
	broken, err := check(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
}

// Every package that the block names and that is written must be found: a slip in the walk would pass everything.
func TestLayersSeesTheTree(t *testing.T) {
	pkgs, err := packages(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"internal/object", "internal/source", "internal/problem"} {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.dir == dir }) {
			t.Errorf("the walk did not see %s", dir)
		}
	}
}

// The test of the test: a tree in which every rule is broken once, and what must be said about it.
func TestLayersFindsBrokenRules(t *testing.T) {
	fixture, err := txtar.ParseFile(filepath.Join("testdata", "layers.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	root := t.TempDir()
	for _, f := range fixture.Files {
		if f.Name == "want" {
			want = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			continue
		}
		name := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := check(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("broken rules (-want +got):\n%s", diff)
	}
}

func TestParseLayersRefusesNonsense(t *testing.T) {
	for name, text := range map[string]string{
		"no block":     "# Architecture\n",
		"never closed": "\n```layers\n0 words object\n",
		"no number":    "\n```layers\nwords object\n```\n",
		"listed twice": "\n```layers\n0 words object\n1 core object\n```\n",
	} {
		if _, err := parseLayers(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// go.mod is the other way in for what must stay out of the product.
func TestModuleStaysLean(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) > 0 && (words[0] == "k8s.io/kubernetes" || strings.HasPrefix(words[0], "github.com/argoproj/") || words[0] == "replace") {
			t.Errorf("go.mod: %s: keep it in a nested module", strings.TrimSpace(line))
		}
	}
}
