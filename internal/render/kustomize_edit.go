package render

import (
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// overlay puts spec.source.kustomize into the kustomization in root, in memory, with the rules of the `kustomize
// edit` commands that Argo CD runs for it, and asks for origin annotations; wantsOrigins says that the user does too.
func overlay(files *kustomizeFS, root string, spec *v1alpha1.ApplicationSourceKustomize, f *facts) (wantsOrigins bool, err error) {
	file, text, err := theKustomization(files, root)
	if err != nil {
		return false, err
	}
	var k types.Kustomization
	if err := k.Unmarshal(text); err != nil {
		return false, problem.New(problem.Invalid, "%s: %s", file, strings.TrimSpace(err.Error()))
	}
	k.FixKustomization()
	if spec != nil {
		e := edit{k: &k, spec: spec, facts: f, files: files, root: root}
		if err := e.all(); err != nil {
			return false, problem.Because(problem.KindOf(err), err, "spec.source.kustomize on %s", file)
		}
	}
	real, err := files.tree.Resolve(file)
	if err != nil {
		return false, err
	}
	if err := k.CheckEmpty(); err != nil { // before the next lines make it look filled
		return false, problem.New(problem.Invalid, "%s: the kustomization is empty", file)
	}
	wantsOrigins = slices.Contains(k.BuildMetadata, types.OriginAnnotations)
	if !wantsOrigins {
		k.BuildMetadata = append(k.BuildMetadata, types.OriginAnnotations)
	}
	files.replaced[real], err = yaml.Marshal(k)
	return wantsOrigins, err
}

func theKustomization(files *kustomizeFS, root string) (file string, text []byte, err error) {
	for _, name := range kustomizationNames {
		p := path.Join(root, name)
		if !isFile(files.tree, p) {
			continue
		}
		if file != "" {
			return "", nil, problem.New(problem.Invalid, "%s: there is also %s, keep one", p, path.Base(file))
		}
		if text, err = files.ReadFile(p); err != nil {
			return "", nil, err
		}
		file = p
	}
	if file == "" {
		return "", nil, problem.New(problem.Invalid, "%s: no kustomization.yaml, kustomization.yml or Kustomization", root)
	}
	return file, text, nil
}

// edit applies a spec to a kustomization.
type edit struct {
	k     *types.Kustomization
	spec  *v1alpha1.ApplicationSourceKustomize
	facts *facts
	files *kustomizeFS
	root  string
}

func (e *edit) all() error {
	s, k := e.spec, e.k
	if s.NamePrefix != "" {
		k.NamePrefix = s.NamePrefix
	}
	if s.NameSuffix != "" {
		k.NameSuffix = s.NameSuffix
	}
	if s.Namespace != "" {
		k.Namespace = s.Namespace
	}
	for _, step := range []func() error{e.images, e.replicas, e.labels, e.annotations, e.patches, e.components} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// keep in place of a new name, tag or digest keeps what the kustomization has.
const keep = "*"

func (e *edit) images() error {
	if len(e.spec.Images) == 0 {
		return nil
	}
	byName := map[string]types.Image{}
	for _, text := range e.spec.Images {
		img, err := parseImage(e.facts.expand(text))
		if err != nil {
			return err
		}
		byName[img.Name] = img
	}
	for _, old := range e.k.Images {
		img, ok := byName[old.Name]
		if !ok {
			byName[old.Name] = old
			continue
		}
		img.NewName, img.NewTag, img.Digest = kept(img.NewName, old.NewName), kept(img.NewTag, old.NewTag), kept(img.Digest, old.Digest)
		byName[old.Name] = img
	}
	e.k.Images = e.k.Images[:0]
	for _, name := range sortedKeys(byName) {
		img := byName[name]
		img.NewName, img.NewTag, img.Digest = kept(img.NewName, ""), kept(img.NewTag, ""), kept(img.Digest, "")
		e.k.Images = append(e.k.Images, img)
	}
	return nil
}

func kept(value, old string) string {
	if value == keep {
		return old
	}
	return value
}

// parseImage reads [old=]image[:tag][@digest].
func parseImage(text string) (types.Image, error) {
	old, image, renamed := strings.Cut(text, "=")
	if !renamed {
		image = text
	}
	name, digest, _ := strings.Cut(image, "@")
	tag := ""
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') { // not a registry's port
		name, tag = name[:colon], name[colon+1:]
	}
	switch {
	case renamed:
		return types.Image{Name: old, NewName: name, NewTag: tag, Digest: digest}, nil
	case name == text:
		return types.Image{}, problem.New(problem.Invalid, "image %q changes nothing", text).
			WithHint("write [old=]image[:tag][@digest]")
	}
	return types.Image{Name: name, NewTag: tag, Digest: digest}, nil
}

func (e *edit) replicas() error {
	for _, r := range e.spec.Replicas {
		count := int64(r.Count.IntVal)
		if r.Count.Type == intstr.String {
			n, err := strconv.ParseInt(r.Count.StrVal, 10, 32)
			if err != nil {
				return problem.New(problem.Invalid, "replicas of %s: %q is not a whole number", r.Name, r.Count.StrVal)
			}
			count = n
		}
		e.k.Replicas = slices.DeleteFunc(e.k.Replicas, func(old types.Replica) bool { return old.Name == r.Name })
		e.k.Replicas = append(e.k.Replicas, types.Replica{Name: r.Name, Count: count})
	}
	return nil
}

func (e *edit) labels() error {
	if len(e.spec.CommonLabels) == 0 {
		return nil
	}
	values := map[string]string{}
	for key, v := range e.spec.CommonLabels {
		values[key] = e.facts.expand(v)
	}
	if !e.spec.LabelWithoutSelector {
		if e.spec.LabelIncludeTemplates {
			return problem.New(problem.Invalid, "labelIncludeTemplates needs labelWithoutSelector")
		}
		var err error
		e.k.CommonLabels, err = merged(e.k.CommonLabels, values, "label", "forceCommonLabels", e.spec.ForceCommonLabels)
		return err
	}
	same := func(l types.Label) bool {
		return !l.IncludeSelectors && l.IncludeTemplates == e.spec.LabelIncludeTemplates
	}
	i := slices.IndexFunc(e.k.Labels, same)
	if i < 0 {
		e.k.Labels = append(e.k.Labels, types.Label{IncludeTemplates: e.spec.LabelIncludeTemplates})
		i = len(e.k.Labels) - 1
	}
	var err error
	e.k.Labels[i].Pairs, err = merged(e.k.Labels[i].Pairs, values, "label", "forceCommonLabels", e.spec.ForceCommonLabels)
	return err
}

func (e *edit) annotations() error {
	if len(e.spec.CommonAnnotations) == 0 {
		return nil
	}
	values := map[string]string{}
	for key, v := range e.spec.CommonAnnotations {
		if e.spec.CommonAnnotationsEnvsubst {
			v = e.facts.expand(v)
		}
		values[key] = v
	}
	var err error
	e.k.CommonAnnotations, err = merged(e.k.CommonAnnotations, values, "annotation", "forceCommonAnnotations", e.spec.ForceCommonAnnotations)
	return err
}

func merged(old, values map[string]string, what, setting string, force bool) (map[string]string, error) {
	all := map[string]string{}
	for key, v := range old {
		all[key] = v
	}
	for _, key := range sortedKeys(values) {
		if _, taken := all[key]; taken && !force {
			return nil, problem.New(problem.Invalid, "%s %s already in kustomization file", what, key).
				WithHint("remove it there or set %s", setting)
		}
		all[key] = values[key]
	}
	return all, nil
}

func (e *edit) patches() error {
	for _, p := range e.spec.Patches {
		patch := types.Patch{Path: p.Path, Patch: p.Patch}
		if len(p.Options) > 0 {
			patch.Options = &types.PatchArgs{AllowNameChange: p.Options["allowNameChange"], AllowKindChange: p.Options["allowKindChange"]}
		}
		if p.Target != nil {
			patch.Target = &types.Selector{AnnotationSelector: p.Target.AnnotationSelector, LabelSelector: p.Target.LabelSelector}
			patch.Target.Group, patch.Target.Version, patch.Target.Kind = p.Target.Group, p.Target.Version, p.Target.Kind
			patch.Target.Name, patch.Target.Namespace = p.Target.Name, p.Target.Namespace
		}
		e.k.Patches = append(e.k.Patches, patch)
	}
	return nil
}

func (e *edit) components() error {
	for _, c := range e.spec.Components {
		found := []string{c}
		if strings.ContainsAny(c, "*?[") {
			paths, err := globFolders(e.files.tree, e.root, c)
			if err != nil {
				return err
			}
			found = paths
		} else if !isRemote(c) && !e.files.IsDir(path.Join(e.root, c)) {
			found = nil
		}
		if len(found) == 0 && !e.spec.IgnoreMissingComponents {
			return problem.New(problem.NotFound, "component %q: no such directory", c).WithHint("or set ignoreMissingComponents")
		}
		for _, p := range found {
			if !slices.Contains(e.k.Components, p) {
				e.k.Components = append(e.k.Components, p)
			}
		}
	}
	return nil
}

// globFolders returns the folders that match pattern below root, relative to it.
func globFolders(tree *source.FS, root, pattern string) ([]string, error) {
	matches, err := match(tree, path.Join(root, pattern), source.Folder)
	if err != nil {
		return nil, err
	}
	var rel []string
	for _, m := range matches {
		rel = append(rel, relative(root, m))
	}
	sort.Strings(rel)
	return rel, nil
}

// relative returns the path from folder base to target, both clean and in one tree.
func relative(base, target string) string {
	up := ""
	for base != "." && target != base && !strings.HasPrefix(target, base+"/") {
		base, up = path.Dir(base), "../"+up
	}
	if base != "." {
		target = strings.TrimPrefix(strings.TrimPrefix(target, base), "/")
	}
	return path.Join(up, target)
}
