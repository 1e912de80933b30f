package render

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/gobwas/glob"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render/sops"
	"github.com/hawser-cd/hawser/internal/source"
)

// skipMarker anywhere in a file takes it out of a plain directory.
const skipMarker = "+argocd:skip-file-rendering"

// plain reads the manifests of a directory: *.yaml, *.yml, *.json and *.jsonnet in the order of a walk by name.
func (j *job) plain() ([]object.Item, error) {
	dir := j.req.Source.Directory
	if dir == nil {
		dir = &v1alpha1.ApplicationSourceDirectory{}
	}
	wanted, err := newSelection(*dir)
	if err != nil {
		return nil, err
	}
	files, err := j.walk(j.path, wanted)
	if err != nil {
		return nil, err
	}
	var items []object.Item
	left := j.budget()
	program := newJsonnet(j, dir.Jsonnet)
	for _, file := range files {
		var found []object.Item
		if strings.HasSuffix(file, ".jsonnet") {
			if j.req.Settings.DisableJsonnet {
				continue
			}
			found, err = program.evaluate(file, left)
		} else {
			found, err = j.manifests(file, left)
		}
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	return items, nil
}

// walk lists the selected files below folder. Symlinks to folders are not followed, which also ends loops; those to
// files are, and a dangling one is passed over.
func (j *job) walk(folder string, wanted selection) (files []string, err error) {
	list, err := j.fs.List(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		p := path.Join(folder, e.Name)
		switch {
		case e.Mode == source.Folder && wanted.recurse:
			below, err := j.walk(p, wanted)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		case e.Mode == source.Folder, e.Mode == source.Submodule, !wanted.has(strings.TrimPrefix(p, j.path+"/"), e.Name):
		case e.Mode == source.Symlink:
			to, err := j.fs.Stat(p)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if err == nil && (to.Mode == source.File || to.Mode == source.Executable) {
				files = append(files, p)
			}
		default:
			files = append(files, p)
		}
	}
	return files, nil
}

// selection says which files of a directory are manifests.
type selection struct {
	recurse, anyName bool
	include, exclude glob.Glob
}

// newSelection compiles the globs. As in Argo CD they are matched against the path relative to the application's
// folder, know {a,b}, and their * crosses slashes.
func newSelection(dir v1alpha1.ApplicationSourceDirectory) (s selection, err error) {
	s.recurse, s.anyName = dir.Recurse, dir.DisableExtensionFilter
	if s.include, err = compile(dir.Include, "include"); err != nil {
		return s, err
	}
	s.exclude, err = compile(dir.Exclude, "exclude")
	return s, err
}

func compile(pattern, field string) (glob.Glob, error) {
	if pattern == "" {
		return nil, nil
	}
	g, err := glob.Compile(pattern)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "spec.source.directory.%s %q is not a glob", field, pattern)
	}
	return g, nil
}

func (s selection) has(rel, name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".jsonnet":
	default:
		if !s.anyName {
			return false
		}
	}
	return (s.exclude == nil || !s.exclude.Match(rel)) && (s.include == nil || s.include.Match(rel))
}

// manifests reads the objects of one YAML or JSON file.
func (j *job) manifests(file string, left *budget) ([]object.Item, error) {
	data, err := j.fs.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if data = utf8Text(data); bytes.Contains(data, []byte(skipMarker)) {
		return nil, nil
	}
	sealed := false
	if sops.Looks(data) && looksLikeManifest(data) { // keys are not encrypted: what is none of our business needs no key
		if data, sealed, err = j.decrypted(data, file); err != nil {
			return nil, err
		}
	}
	if err := left.take(len(data), file); err != nil {
		return nil, err
	}
	items, err := object.Parse(data, file)
	if err != nil && problem.Is(err, problem.Invalid) && !looksLikeManifest(data) {
		return nil, nil
	}
	if sealed {
		return atLine0(items, err)
	}
	return items, err
}

var (
	topLevelKind = regexp.MustCompile(`(?m)^(--- *)?(kind|"kind"|'kind') *:|[{,]\s*"kind"\s*:`)
	marks        = []string{"apiVersion", "kind", "metadata"}
)

// looksLikeManifest decides whether a file that does not parse as objects is a mistake or none of our business, such
// as a Helm values file or a CI configuration in the same folder. Argo CD passes over a file in which it found no
// object and which lacks one of "apiVersion:", "kind:" and "metadata:". We keep to that, but any top-level kind makes
// a file a manifest too: passing over half of a broken one would be asking to prune the other half.
func looksLikeManifest(data []byte) bool {
	if topLevelKind.Match(data) {
		return true
	}
	for _, m := range marks {
		if !bytes.Contains(data, []byte(m+":")) && !bytes.Contains(data, []byte(m+`":`)) {
			return false
		}
	}
	return true
}
