package render

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"reflect"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// Detect returns what renders the source: the block that is spelled out in the spec, else what the files at its path
// say: a kustomization file is kustomize, Chart.yaml is Helm, anything else a plain directory. With both files it is
// kustomize, as in Argo CD. A block without content counts as absent, as Argo CD normalises it away; two blocks are a
// mistake.
func Detect(fs *source.FS, spec v1alpha1.ApplicationSource) (v1alpha1.ApplicationSourceType, error) {
	p, err := folderOf(spec)
	if err != nil {
		return "", err
	}
	if err := checkFolder(fs, spec.Path, p); err != nil {
		return "", err
	}
	return detect(fs, withoutEmptyBlocks(spec), p, Settings{})
}

func detect(fs *source.FS, spec v1alpha1.ApplicationSource, p string, set Settings) (v1alpha1.ApplicationSourceType, error) {
	var explicit []string
	for _, b := range []struct {
		kind  v1alpha1.ApplicationSourceType
		given bool
	}{
		{v1alpha1.SourceTypeKustomize, spec.Kustomize != nil}, {v1alpha1.SourceTypeHelm, spec.Helm != nil},
		{v1alpha1.SourceTypeDirectory, spec.Directory != nil}, {v1alpha1.SourceTypePlugin, spec.Plugin != nil},
	} {
		if b.given {
			explicit = append(explicit, string(b.kind))
		}
	}
	if len(explicit) > 1 {
		return "", problem.New(problem.Invalid, "multiple application sources defined: %s", strings.Join(explicit, ",")).
			WithHint("keep one of the blocks in spec.source")
	}
	enabled := map[v1alpha1.ApplicationSourceType]bool{
		v1alpha1.SourceTypeHelm: !set.DisableHelm, v1alpha1.SourceTypeKustomize: !set.DisableKustomize,
		v1alpha1.SourceTypeDirectory: true, v1alpha1.SourceTypePlugin: true,
	}
	if len(explicit) == 1 {
		if kind := v1alpha1.ApplicationSourceType(explicit[0]); enabled[kind] {
			return kind, nil
		}
		return v1alpha1.SourceTypeDirectory, nil
	}
	if enabled[v1alpha1.SourceTypeKustomize] {
		for _, name := range kustomizationNames {
			if isFile(fs, path.Join(p, name)) {
				return v1alpha1.SourceTypeKustomize, nil
			}
		}
	}
	if enabled[v1alpha1.SourceTypeHelm] && isFile(fs, path.Join(p, "Chart.yaml")) {
		return v1alpha1.SourceTypeHelm, nil
	}
	return v1alpha1.SourceTypeDirectory, nil
}

func isFile(fs *source.FS, p string) bool {
	e, err := fs.Stat(p)
	return err == nil && e.Mode != source.Folder && e.Mode != source.Submodule
}

// folderOf returns spec.source.path as the tree wants it; a chart from a Helm repository is its own tree. The words
// are those that people search for.
func folderOf(spec v1alpha1.ApplicationSource) (string, error) {
	p := spec.Path
	if spec.Chart != "" {
		return ".", nil
	}
	if strings.HasPrefix(p, "/") {
		return "", problem.New(problem.Forbidden, "%s: app path is absolute", p).WithHint("write it relative to the root of the repository")
	}
	c, ok := source.Clean(p)
	if !ok {
		return "", problem.New(problem.Forbidden, "%s: app path outside root", p).WithHint("write it relative to the root of the repository")
	}
	return c, nil
}

func checkFolder(tree *source.FS, written, p string) error {
	e, err := tree.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "%s: app path does not exist", written).
			WithHint("check spec.source.path and the revision")
	}
	if err != nil {
		return err
	}
	if e.Mode != source.Folder {
		return problem.New(problem.Invalid, "%s: app path is not a directory", written)
	}
	return nil
}

// withOverrides merges .argocd-source.yaml and .argocd-source-<app>.yaml from the application's folder into the
// renderer blocks of spec, as JSON merge patches; what they say about anything else is ignored, so that a commit
// cannot point the application at another repository.
func withOverrides(tree *source.FS, spec v1alpha1.ApplicationSource, p, app string) (v1alpha1.ApplicationSource, error) {
	names := []string{".argocd-source.yaml"}
	if app != "" && !strings.Contains(app, "/") {
		names = append(names, ".argocd-source-"+app+".yaml")
	}
	for _, name := range names {
		file := path.Join(p, name)
		data, err := tree.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			if e, statErr := tree.Stat(file); statErr == nil && e.Mode == source.Folder {
				continue
			}
			return spec, err
		}
		if spec, err = override(spec, data, file); err != nil {
			return spec, err
		}
	}
	return withoutEmptyBlocks(spec), nil
}

func override(spec v1alpha1.ApplicationSource, data []byte, file string) (v1alpha1.ApplicationSource, error) {
	patch, err := object.ParseValue(data, file)
	if err != nil || patch == nil {
		return spec, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return spec, problem.Because(problem.Invalid, err, "%s: the source cannot be overridden", file)
	}
	var fields any
	if err := json.Unmarshal(text, &fields); err != nil {
		return spec, problem.Because(problem.Internal, err, "%s", file)
	}
	if text, err = json.Marshal(mergePatch(fields, patch)); err != nil {
		return spec, problem.Because(problem.Invalid, err, "%s", file)
	}
	var merged v1alpha1.ApplicationSource
	if err := json.Unmarshal(text, &merged); err != nil {
		return spec, problem.Because(problem.Invalid, err, "%s: error while parsing source parameters", file).
			WithHint("the file holds the blocks helm, kustomize, directory and plugin of spec.source")
	}
	spec.Helm, spec.Kustomize, spec.Directory, spec.Plugin = merged.Helm, merged.Kustomize, merged.Directory, merged.Plugin
	return spec, nil
}

// mergePatch is RFC 7386: objects merge, null removes, everything else replaces.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(t, k)
		} else {
			t[k] = mergePatch(t[k], v)
		}
	}
	return t
}

func withoutEmptyBlocks(spec v1alpha1.ApplicationSource) v1alpha1.ApplicationSource {
	if spec.Helm != nil && reflect.ValueOf(*spec.Helm).IsZero() {
		spec.Helm = nil
	}
	if spec.Kustomize != nil && reflect.ValueOf(*spec.Kustomize).IsZero() {
		spec.Kustomize = nil
	}
	if spec.Directory != nil && reflect.ValueOf(*spec.Directory).IsZero() {
		spec.Directory = nil
	}
	return spec
}
