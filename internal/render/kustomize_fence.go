package render

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"
)

// fence walks a kustomization and all that it names before kustomize does. kustomize gives every path that is no
// file another try as a URL: it would download it, or run git to clone it. Its loader cannot be replaced from
// outside, so whatever it would take for remote is refused here, and so is whatever is not in the tree.
type fence struct {
	files   *kustomizeFS
	seen    map[string]bool
	openAPI bool // one of them sets a schema, see openAPI
}

// kustomization checks the one in folder. config says that its resources configure transformers or generators.
func (f *fence) kustomization(folder string, config bool) error {
	visit := folder
	if config {
		visit += "\x00config"
	}
	if f.seen[visit] {
		return nil // a cycle is kustomize's to report
	}
	f.seen[visit] = true
	for _, name := range kustomizationNames {
		file := path.Join(folder, name)
		text, err := f.files.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var k types.Kustomization
		if err := k.Unmarshal(text); err != nil {
			return problem.New(problem.Invalid, "%s: %s", file, strings.TrimSpace(err.Error()))
		}
		k.FixKustomization()
		if err := f.fields(&k, folder, file, config); err != nil {
			return err
		}
	}
	return nil
}

func (f *fence) fields(k *types.Kustomization, folder, file string, config bool) error {
	if len(k.HelmCharts) > 0 {
		return problem.New(problem.Invalid, "%s: helmCharts are not supported", file).
			WithHint("make the chart a source of the application, or commit what it renders to")
	}
	if config && !onlyResources(*k) {
		return problem.New(problem.Invalid, "%s: a kustomization that configures transformers or generators may only list resources", file).
			WithHint("name the files directly")
	}
	f.openAPI = f.openAPI || len(k.OpenAPI) > 0
	for _, p := range loadedFiles(k) {
		if isRemote(p) {
			return remote(file, p)
		}
	}
	for _, r := range append(append([]string{}, k.Resources...), k.Components...) {
		if err := f.entry(folder, file, r, config); err != nil {
			return err
		}
	}
	for _, c := range append(append(append([]string{}, k.Generators...), k.Transformers...), k.Validators...) {
		if strings.Contains(c, "\n") || strings.HasPrefix(strings.TrimSpace(c), "{") { // the configuration itself, not a path to it
			if err := f.configuration([]byte(c), file); err != nil {
				return err
			}
			continue
		}
		if err := f.entry(folder, file, c, true); err != nil {
			return err
		}
	}
	return nil
}

// entry checks one path of a list that may name files and folders.
func (f *fence) entry(folder, file, ref string, config bool) error {
	if isRemote(ref) {
		return remote(file, ref)
	}
	if strings.HasPrefix(ref, "/") {
		return problem.New(problem.Forbidden, "%s: %q is an absolute path", file, ref).WithHint("write it relative to the kustomization")
	}
	target := path.Join(folder, ref)
	e, err := f.files.tree.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "%s: %q: no such file or directory", file, ref)
	}
	if err != nil {
		return err
	}
	if e.Mode == source.Folder {
		real, err := f.files.tree.Resolve(target)
		if err != nil {
			return err
		}
		return f.kustomization(real, config)
	}
	if !config {
		return nil
	}
	text, err := f.files.ReadFile(target)
	if err != nil {
		return err
	}
	return f.configuration(text, target)
}

// configuration looks for remote files in the configuration of a transformer or generator, the other place where
// kustomize downloads from. Any field of it may be a path, or key=path, so no text in it may open like a URL.
func (f *fence) configuration(text []byte, file string) error {
	docs := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		err := docs.Decode(&n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return problem.Because(problem.Invalid, err, "%s", file)
		}
		if url := findDownload(&n); url != "" {
			return remote(file, url)
		}
	}
}

var download = regexp.MustCompile(`(?i)^([^=]*=)?\s*https?:`)

func findDownload(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && download.MatchString(n.Value) {
		return n.Value
	}
	for _, c := range n.Content { // an alias has no content of its own: it is looked at where its anchor is
		if url := findDownload(c); url != "" {
			return url
		}
	}
	return ""
}

// loadedFiles returns every path in k that kustomize loads as a file, other than the lists that entry checks.
func loadedFiles(k *types.Kustomization) []string {
	files := append(append([]string{}, k.Crds...), k.Configurations...)
	files = append(files, k.OpenAPI["path"])
	for _, p := range append(append([]types.Patch{}, k.Patches...), k.PatchesJson6902...) {
		files = append(files, p.Path)
	}
	for _, p := range k.PatchesStrategicMerge {
		if !strings.Contains(string(p), "\n") {
			files = append(files, string(p))
		}
	}
	for _, r := range k.Replacements {
		files = append(files, r.Path)
	}
	sources := []types.KvPairSources{}
	for _, g := range k.ConfigMapGenerator {
		sources = append(sources, g.KvPairSources)
	}
	for _, g := range k.SecretGenerator {
		sources = append(sources, g.KvPairSources)
	}
	for _, s := range sources {
		files = append(append(files, s.EnvSources...), s.EnvSource)
		for _, file := range s.FileSources { // [key=]path
			files = append(files, file[strings.Index(file, "=")+1:])
		}
	}
	return files
}

// onlyResources reports whether k does nothing but list files. Anything more could write a path into them.
func onlyResources(k types.Kustomization) bool {
	k.TypeMeta, k.MetaData, k.Resources, k.BuildMetadata = types.TypeMeta{}, nil, nil, nil
	text, err := yaml.Marshal(k)
	return err == nil && strings.TrimSpace(string(text)) == "{}"
}

// remotePath covers, and somewhat exceeds, what kustomize v0.21 takes for a repository (git::, a scheme, user@host,
// github.com) or downloads (http:, https:), even if the tree has a file of that name.
var remotePath = regexp.MustCompile(`(?i)^(git::|https?:|[a-z0-9._-]+@|github\.com[/:])|://`)

func isRemote(p string) bool { return remotePath.MatchString(p) }

func remote(file, ref string) error {
	return problem.New(problem.Forbidden, "%s: %q is remote: a kustomization may only use files of its own repository", file, ref).
		WithHint("commit a copy of it, or add it as a source of its own to the application")
}
