package apps

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// Shorthands, so that the list below reads as one.
type (
	src       = v1alpha1.ApplicationSource
	chart     = v1alpha1.ApplicationSourceHelm
	kustom    = v1alpha1.ApplicationSourceKustomize
	directory = v1alpha1.ApplicationSourceDirectory
)

// sourceOptions are the flags of a source, in the order in which they take effect.
var sourceOptions = []option{
	{"repo", "", text, "URL of the repository; not read with a file", func(s *src, v value) error { s.RepoURL = v.text; return nil }},
	{"path", "", text, "directory in the repository; not read with a file", func(s *src, v value) error { s.Path = v.text; return nil }},
	{"helm-chart", "", text, "name of a chart in a Helm repository", func(s *src, v value) error { s.Chart = v.text; return nil }},
	{"env", "", text, "has no effect, for old scripts", nil},
	{"revision", "", text, "branch, tag, commit or version range to follow", func(s *src, v value) error { s.TargetRevision = v.text; return nil }},
	{"tag-prefix", "", text, "only tags with this prefix count when the revision is a version range", func(s *src, v value) error { s.TagPrefix = v.text; return nil }},
	{"ref", "", text, "name by which other sources mention this one", func(s *src, v value) error { s.Ref = v.text; return nil }},
	{"source-name", "", text, "name of the source", func(s *src, v value) error { s.Name = v.text; return nil }},

	{"values", "", list, "Helm value file; may be repeated", onChart(func(h *chart, v value) error { h.ValueFiles = v.list; return nil })},
	{"ignore-missing-value-files", "", toggle, "skip Helm value files that do not exist", onChart(func(h *chart, v value) error { h.IgnoreMissingValueFiles = v.on; return nil })},
	{"values-literal-file", "", text, "file or URL whose content becomes the Helm values", onChart(literalValues)},
	{"release-name", "", text, "name of the Helm release", onChart(func(h *chart, v value) error { h.ReleaseName = v.text; return nil })},
	{"helm-version", "", text, "version of Helm", onChart(func(h *chart, v value) error { h.Version = v.text; return nil })},
	{"helm-pass-credentials", "", toggle, "send the repository's credentials to other hosts too", onChart(func(h *chart, v value) error { h.PassCredentials = v.on; return nil })},
	{"helm-set", "", list, "a value, as KEY=VALUE; may be repeated", onChart(func(h *chart, v value) error { return addParameters(h, v.list, false) })},
	{"helm-set-string", "", list, "a value that is text, as KEY=VALUE; may be repeated", onChart(func(h *chart, v value) error { return addParameters(h, v.list, true) })},
	{"helm-set-file", "", list, "a value that is a file's content, as KEY=PATH; may be repeated", onChart(func(h *chart, v value) error { return addFileParameters(h, v.list) })},
	{"helm-skip-crds", "", toggle, "leave the chart's CRDs out", onChart(func(h *chart, v value) error { h.SkipCrds = v.on; return nil })},
	{"helm-skip-schema-validation", "", toggle, "do not check values against the chart's schema", onChart(func(h *chart, v value) error { h.SkipSchemaValidation = v.on; return nil })},
	{"helm-skip-tests", "", toggle, "leave the chart's tests out", onChart(func(h *chart, v value) error { h.SkipTests = v.on; return nil })},
	{"helm-namespace", "", text, "namespace that the chart sees; the destination's if not set", onChart(func(h *chart, v value) error { h.Namespace = v.text; return nil })},
	{"helm-kube-version", "", text, "Kubernetes version that the chart sees; the destination's if not set", onChart(func(h *chart, v value) error { h.KubeVersion = v.text; return nil })},
	{"helm-api-versions", "", list, "API version that the chart sees, as [GROUP/]VERSION/KIND; may be repeated", onChart(func(h *chart, v value) error { h.APIVersions = v.list; return nil })},
	{"parameter", "p", list, "a Helm value to override, as KEY=VALUE; may be repeated", nil}, // see Options.parameters

	{"directory-recurse", "", toggle, "read subdirectories too", onDirectory(func(d *directory, v value) { d.Recurse = v.on })},
	{"directory-disable-extension-filter", "", toggle, "read files of any extension that include and exclude allow", onDirectory(func(d *directory, v value) { d.DisableExtensionFilter = v.on })},
	{"directory-exclude", "", text, "glob of files to leave out", onDirectory(func(d *directory, v value) { d.Exclude = v.text })},
	{"directory-include", "", text, "glob of files to read", onDirectory(func(d *directory, v value) { d.Include = v.text })},
	{"jsonnet-tla-str", "", list, "jsonnet top-level argument that is text; may be repeated", onDirectory(func(d *directory, v value) { addVars(&d.Jsonnet.TLAs, v.list, false) })},
	{"jsonnet-tla-code", "", list, "jsonnet top-level argument that is code; may be repeated", onDirectory(func(d *directory, v value) { addVars(&d.Jsonnet.TLAs, v.list, true) })},
	{"jsonnet-ext-var-str", "", list, "jsonnet external variable that is text; may be repeated", onDirectory(func(d *directory, v value) { addVars(&d.Jsonnet.ExtVars, v.list, false) })},
	{"jsonnet-ext-var-code", "", list, "jsonnet external variable that is code; may be repeated", onDirectory(func(d *directory, v value) { addVars(&d.Jsonnet.ExtVars, v.list, true) })},
	{"jsonnet-libs", "", list, "directory of jsonnet libraries, from the root of the repository; may be repeated", onDirectory(func(d *directory, v value) { d.Jsonnet.Libs = append(d.Jsonnet.Libs, v.list...) })},

	{"nameprefix", "", text, "Kustomize: put before every name", onKustomize(func(k *kustom, v value) error { k.NamePrefix = v.text; return nil })},
	{"namesuffix", "", text, "Kustomize: put behind every name", onKustomize(func(k *kustom, v value) error { k.NameSuffix = v.text; return nil })},
	{"kustomize-version", "", text, "version of kustomize", onKustomize(func(k *kustom, v value) error { k.Version = v.text; return nil })},
	{"kustomize-image", "", list, "image to override, as [OLD=]IMAGE[:TAG][@DIGEST]; may be repeated", onKustomize(func(k *kustom, v value) error { addImages(k, v.list); return nil })},
	{"kustomize-replica", "", list, "number of replicas, as NAME=COUNT; may be repeated", onKustomize(func(k *kustom, v value) error { return addReplicas(k, v.list) })},
	{"kustomize-common-label", "", list, "label for every object, as KEY=VALUE; may be repeated", onKustomize(func(k *kustom, v value) (err error) { k.CommonLabels, err = Pairs(v.list); return err })},
	{"kustomize-common-annotation", "", list, "annotation for every object, as KEY=VALUE; may be repeated", onKustomize(func(k *kustom, v value) (err error) { k.CommonAnnotations, err = Pairs(v.list); return err })},
	{"kustomize-label-without-selector", "", toggle, "do not put common labels into selectors", onKustomize(func(k *kustom, v value) error { k.LabelWithoutSelector = v.on; return nil })},
	{"kustomize-label-include-templates", "", toggle, "put common labels into pod templates too", onKustomize(func(k *kustom, v value) error { k.LabelIncludeTemplates = v.on; return nil })},
	{"kustomize-force-common-label", "", toggle, "replace labels that the kustomization sets", onKustomize(func(k *kustom, v value) error { k.ForceCommonLabels = v.on; return nil })},
	{"kustomize-force-common-annotation", "", toggle, "replace annotations that the kustomization sets", onKustomize(func(k *kustom, v value) error { k.ForceCommonAnnotations = v.on; return nil })},
	{"kustomize-namespace", "", text, "namespace for every object", onKustomize(func(k *kustom, v value) error { k.Namespace = v.text; return nil })},
	{"kustomize-kube-version", "", text, "Kubernetes version that inflated charts see", onKustomize(func(k *kustom, v value) error { k.KubeVersion = v.text; return nil })},
	{"kustomize-api-versions", "", list, "API version that inflated charts see; may be repeated", onKustomize(func(k *kustom, v value) error { k.APIVersions = v.list; return nil })},
	{"ignore-missing-components", "", toggle, "skip Kustomize components that do not exist", onKustomize(func(k *kustom, v value) error { k.IgnoreMissingComponents = v.on; return nil })},

	{"config-management-plugin", "", text, "name of the plugin that renders the source", func(s *src, v value) error {
		s.Plugin = &v1alpha1.ApplicationSourcePlugin{Name: v.text}
		return nil
	}},
	{"plugin-env", "", list, "environment variable of the plugin, as KEY=VALUE; may be repeated", addPluginEnv},
}

// helm changes the source's Helm part, which it makes if there is none.
func helm(s *src, change func(*chart) error) error {
	if s.Helm == nil {
		s.Helm = &chart{}
	}
	return change(s.Helm)
}

func onChart(change func(*chart, value) error) func(*src, value) error {
	return func(s *src, v value) error { return helm(s, func(h *chart) error { return change(h, v) }) }
}

func onKustomize(change func(*kustom, value) error) func(*src, value) error {
	return func(s *src, v value) error {
		if s.Kustomize == nil {
			s.Kustomize = &kustom{}
		}
		return change(s.Kustomize, v)
	}
}

func onDirectory(change func(*directory, value)) func(*src, value) error {
	return func(s *src, v value) error {
		if s.Directory == nil {
			s.Directory = &directory{}
		}
		change(s.Directory, v)
		return nil
	}
}

// tidy drops parts that say nothing: an empty one would choose the renderer.
func tidy(s *src) {
	if s.Helm != nil && reflect.ValueOf(*s.Helm).IsZero() {
		s.Helm = nil
	}
	if s.Kustomize != nil && reflect.ValueOf(*s.Kustomize).IsZero() {
		s.Kustomize = nil
	}
}

func literalValues(h *chart, v value) error {
	data, err := v.read(v.text)
	if err != nil {
		return err
	}
	return setValues(h, string(data))
}

// setValues makes YAML text the values of a chart; empty text means none.
func setValues(h *chart, content string) error {
	h.Values, h.ValuesObject = "", nil
	if content == "" {
		return nil
	}
	data, err := yaml.YAMLToJSON([]byte(content))
	if err != nil {
		return problem.Because(problem.Invalid, err, "read the values")
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return problem.Because(problem.Invalid, err, "the values are no YAML object")
	}
	h.ValuesObject = &runtime.RawExtension{Raw: data}
	return nil
}

func pair(text, form string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return "", "", problem.New(problem.Invalid, "%q should be %s", text, form)
	}
	return name, value, nil
}

// put replaces the element of that name, or adds it behind the others.
func put[T any](list []T, item T, same func(T) bool) []T {
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i] = item
		return list
	}
	return append(list, item)
}

func addParameters(h *chart, texts []string, forceString bool) error {
	for _, t := range texts {
		name, v, err := pair(t, "KEY=VALUE")
		if err != nil {
			return err
		}
		p := v1alpha1.HelmParameter{Name: name, Value: escapeCommas(v), ForceString: forceString}
		h.Parameters = put(h.Parameters, p, func(o v1alpha1.HelmParameter) bool { return o.Name == name })
	}
	return nil
}

func addFileParameters(h *chart, texts []string) error {
	for _, t := range texts {
		name, v, err := pair(t, "KEY=PATH")
		if err != nil {
			return err
		}
		p := v1alpha1.HelmFileParameter{Name: name, Path: escapeCommas(v)}
		h.FileParameters = put(h.FileParameters, p, func(o v1alpha1.HelmFileParameter) bool { return o.Name == name })
	}
	return nil
}

// escapeCommas keeps Helm from splitting a value at its commas; one that is escaped already stays. A comma in front is
// nothing that --set could hold, and stays too.
func escapeCommas(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == ',' && i > 0 && s[i-1] != '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func addVars(to *[]v1alpha1.JsonnetVar, texts []string, code bool) {
	for _, t := range texts {
		name, v, _ := strings.Cut(t, "=")
		*to = put(*to, v1alpha1.JsonnetVar{Name: name, Value: v, Code: code}, func(o v1alpha1.JsonnetVar) bool { return o.Name == name })
	}
}

func addImages(k *kustom, images []string) {
	for _, image := range images {
		k.Images = put(k.Images, image, func(o string) bool { return sameImage(image, o) })
	}
}

// sameImage reports whether two overrides are of one image: what stands before the first =, else :, else @ of the one that
// is there is the same.
func sameImage(image, there string) bool {
	cut := ":"
	for _, d := range []string{"=", ":", "@"} {
		if strings.Contains(there, d) {
			cut = d
			break
		}
	}
	a, _, _ := strings.Cut(image, cut)
	b, _, _ := strings.Cut(there, cut)
	return a == b
}

func addReplicas(k *kustom, texts []string) error {
	for _, t := range texts {
		name, v, err := pair(t, "NAME=COUNT")
		if err != nil {
			return err
		}
		if _, err := strconv.Atoi(v); err != nil {
			return problem.New(problem.Invalid, "%q should be NAME=COUNT, and %q is no number", t, v)
		}
		r := v1alpha1.KustomizeReplica{Name: name, Count: intstr.Parse(v)}
		k.Replicas = put(k.Replicas, r, func(o v1alpha1.KustomizeReplica) bool { return o.Name == name })
	}
	return nil
}

func addPluginEnv(s *src, v value) error {
	if s.Plugin == nil {
		s.Plugin = &v1alpha1.ApplicationSourcePlugin{}
	}
	for _, t := range v.list {
		name, text, err := pair(t, "KEY=VALUE")
		if err != nil {
			return err
		}
		e := v1alpha1.EnvEntry{Name: name, Value: text}
		s.Plugin.Env = put(s.Plugin.Env, e, func(o v1alpha1.EnvEntry) bool { return o.Name == name })
	}
	return nil
}
