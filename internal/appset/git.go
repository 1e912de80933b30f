package appset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Bounds of what is read for a git generator.
const (
	maxEntries = 500_000
	maxFile    = 1 << 20
	maxDepth   = 64
)

// git yields the folders of a repository, or its files with what they hold.
func (e *engine) git(ctx context.Context, g *v1alpha1.GitGenerator) ([]Params, error) {
	if len(g.Directories) == 0 && len(g.Files) == 0 {
		return nil, problem.New(problem.Invalid, "the git generator names neither directories nor files")
	}
	tree, err := e.facts.Tree(ctx, g.RepoURL, g.Revision)
	if err != nil {
		return nil, err
	}
	var list []Params
	if len(g.Directories) > 0 {
		list, err = e.folders(tree, g)
	} else {
		list, err = e.files(tree, g)
	}
	if err != nil {
		return nil, problem.Because(problem.KindOf(err), err, "git generator on %s", clip(g.RepoURL))
	}
	for i, p := range list {
		if list[i], err = e.withValues(p, g.Values); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// chosen reports whether a path is taken: some pattern takes it, and none takes it away.
func chosen(patterns []pattern, p string) bool {
	taken := false
	for _, g := range patterns {
		if g.match(p) {
			if g.exclude {
				return false
			}
			taken = true
		}
	}
	return taken
}

// folders yields the folders that are chosen. Hidden ones, below a name that begins with a dot, are none; nor is the root.
func (e *engine) folders(tree source.Tree, g *v1alpha1.GitGenerator) ([]Params, error) {
	var patterns []pattern
	for _, d := range g.Directories {
		p, err := folderPattern(d.Path, d.Exclude)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, p)
	}
	found, err := walk(tree, patterns, func(entry source.Entry, p string) bool {
		return entry.Mode == source.Folder && !hidden(p) && chosen(patterns, p)
	}, hidden)
	if err != nil {
		return nil, err
	}
	var list []Params
	for _, p := range found {
		list = append(list, e.pathParams(Params{}, p, "", g.PathParamPrefix))
	}
	return list, nil
}

func hidden(p string) bool { return strings.HasPrefix(path.Base(p), ".") && p != "." }

// files yields the objects that the chosen files hold: one for a file with an object, several for one with a list.
func (e *engine) files(tree source.Tree, g *v1alpha1.GitGenerator) ([]Params, error) {
	var patterns []pattern
	for _, f := range g.Files {
		p, err := filePattern(f.Path, f.Exclude, e.facts.StrictGlobs())
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, p)
	}
	found, err := walk(tree, patterns, func(entry source.Entry, p string) bool {
		return (entry.Mode == source.File || entry.Mode == source.Executable) && chosen(patterns, p)
	}, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	var list []Params
	for _, p := range found {
		text, err := tree.Read(p, maxFile)
		if err != nil {
			return nil, problem.Because(problem.KindOf(err), err, "read %s", p)
		}
		objects, err := objectsIn(text)
		if err != nil {
			return nil, problem.New(problem.Invalid, "unable to parse file %s: %v", p, err)
		}
		for _, o := range objects {
			params := Params{}
			if e.goTemplate {
				for k, v := range o {
					params[k] = v
				}
			} else {
				flatten("", o, params)
			}
			list = append(list, e.pathParams(params, path.Dir(p), path.Base(p), g.PathParamPrefix))
		}
	}
	return list, nil
}

// objectsIn reads JSON or YAML: an object, or a list of objects. An empty file is an empty object.
func objectsIn(text []byte) ([]map[string]any, error) {
	var content any
	if err := yaml.Unmarshal(text, &content); err != nil {
		return nil, err
	}
	switch v := content.(type) {
	case nil:
		return []map[string]any{{}}, nil
	case map[string]any:
		return []map[string]any{v}, nil
	case []any:
		var list []map[string]any
		for i, in := range v {
			m, ok := in.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("element %d of the list is no object", i+1)
			}
			list = append(list, m)
		}
		return list, nil
	}
	return nil, errors.New("it holds neither an object nor a list of objects")
}

// walk returns the paths that want takes, sorted. Only folders that a pattern can lead to are looked into.
func walk(tree source.Tree, patterns []pattern, want func(source.Entry, string) bool, skip func(string) bool) ([]string, error) {
	reach := func(folder string) bool {
		return slices.ContainsFunc(patterns, func(p pattern) bool {
			return !p.exclude && (p.literal == "" || folder == p.literal || strings.HasPrefix(folder, p.literal+"/") || strings.HasPrefix(p.literal, folder+"/"))
		})
	}
	var found []string
	seen := 0
	var into func(folder string, depth int) error
	into = func(folder string, depth int) error {
		if depth > maxDepth {
			return problem.New(problem.Limit, "%s is deeper than %d folders", folder, maxDepth)
		}
		entries, err := tree.List(folder)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		for _, entry := range entries {
			if seen++; seen > maxEntries {
				return problem.New(problem.Limit, "the repository has more than %d files and folders", maxEntries)
			}
			p := path.Join(folder, entry.Name)
			if want(entry, p) {
				found = append(found, p)
			}
			if entry.Mode == source.Folder && !skip(p) && reach(p) {
				if err := into(p, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := into(".", 0); err != nil {
		return nil, err
	}
	sort.Strings(found)
	return found, nil
}

// pathParams adds where a folder or a file is. Plain templates know path, path.basename, path[0] …; Go templates know a
// map of that name. A prefix keeps the paths of two git generators apart.
func (e *engine) pathParams(p Params, folder, file, prefix string) Params {
	segments := strings.Split(folder, "/")
	if e.goTemplate {
		at := map[string]any{"path": folder, "basename": path.Base(folder), "basenameNormalized": normalize(path.Base(folder)), "segments": anyList(segments)}
		if file != "" {
			at["filename"], at["filenameNormalized"] = file, normalize(file)
		}
		if prefix == "" {
			p["path"] = at
		} else {
			p[prefix] = map[string]any{"path": at}
		}
		return p
	}
	name := "path"
	if prefix != "" {
		name = prefix + ".path"
	}
	p[name], p[name+".basename"], p[name+".basenameNormalized"] = folder, path.Base(folder), normalize(path.Base(folder))
	if file != "" {
		p[name+".filename"], p[name+".filenameNormalized"] = file, normalize(file)
	}
	for i, s := range segments {
		p[name+"["+strconv.Itoa(i)+"]"] = s
	}
	return p
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
