package render

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"k8s.io/apimachinery/pkg/util/validation"
)

// helm does what `helm template --include-crds` does, as Argo CD calls it: the chart at the application's path, the
// values of the spec, an installation that is always the first.
func (j *job) helm(ctx context.Context) ([]object.Item, error) {
	spec := j.req.Source.Helm
	if spec == nil {
		spec = &v1alpha1.ApplicationSourceHelm{}
	}
	if !slices.Contains([]string{"", "v3", "v4"}, spec.Version) {
		return nil, problem.New(problem.Invalid, "helm version '%s' is not supported", spec.Version).WithHint("leave spec.source.helm.version out: charts of v3 and v4 are rendered alike")
	}
	release, err := j.release(*spec)
	if err != nil {
		return nil, err
	}
	values, err := j.helmValues(*spec)
	if err != nil {
		return nil, err
	}
	ch, read, err := j.loadChart(values)
	if err != nil {
		return nil, err
	}
	caps, err := j.capabilities(*spec)
	if err != nil {
		return nil, err
	}
	if err := checkChart(ch, caps); err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(ch, values); err != nil {
		return nil, problem.Because(problem.Invalid, err, "%s: the chart's dependencies", j.path)
	}
	if err := read.checkMissing(ch, j.path, j.req.Missing); err != nil {
		return nil, err
	}
	top, err := renderValues(ch, values, release, caps, spec.SkipSchemaValidation)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "helm template %s", j.path)
	}
	printed := j.budget()
	printed.left *= 4 // what an include prints is printed again by who includes it
	out, err := (&templates{ctx: ctx, left: printed}).execute(ch, top)
	if err != nil {
		return nil, problem.Because(problem.KindOf(err), err, "helm template %s", j.path)
	}
	return j.fromChart(ch, out, read.origins, *spec)
}

// release is what .Release says. Names follow Helm's grammar, so that nothing else can be smuggled into a template.
func (j *job) release(spec v1alpha1.ApplicationSourceHelm) (common.ReleaseOptions, error) {
	name := spec.ReleaseName
	if name == "" {
		name = j.facts.get(factApp)
	}
	if err := chartutil.ValidateReleaseName(name); err != nil {
		return common.ReleaseOptions{}, problem.Because(problem.Invalid, err, "release name %q", name).
			WithHint("set spec.source.helm.releaseName")
	}
	namespace := spec.Namespace
	if namespace == "" {
		namespace = j.facts.get(factNamespace)
	}
	if namespace == "" {
		namespace = "default"
	}
	if bad := validation.IsDNS1123Label(namespace); len(bad) > 0 {
		return common.ReleaseOptions{}, problem.New(problem.Invalid, "namespace %q of the release: %s", namespace, bad[0])
	}
	return common.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}, nil
}

// capabilities is what .Capabilities says. Templates call its methods as if they were the fields that Helm
// documents; so we learn whether a chart asks for the cluster's version or its APIs, and a chart that does not is
// never rendered again because a cluster changed.
type capabilities struct {
	facts *facts
	kube  common.KubeVersion // from the spec; empty Version means from the facts
	apis  common.VersionSet  // from the spec; nil means from the facts
	known *common.Capabilities
}

func (j *job) capabilities(spec v1alpha1.ApplicationSourceHelm) (*capabilities, error) {
	c := &capabilities{facts: j.facts, known: common.DefaultCapabilities, apis: spec.APIVersions}
	if spec.KubeVersion != "" {
		v, err := common.ParseKubeVersion(spec.KubeVersion)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "could not parse kubernetes version %s", spec.KubeVersion)
		}
		c.kube = plainVersion(*v)
	}
	return c, nil
}

// plainVersion drops what providers append ("-gke.1245000"), as Argo CD does before it calls Helm.
func plainVersion(v common.KubeVersion) common.KubeVersion {
	v.Version = v.String()
	return v
}

// KubeVersion is .Capabilities.KubeVersion.
func (c *capabilities) KubeVersion() *common.KubeVersion {
	if c.kube.Version == "" {
		if v, err := common.ParseKubeVersion(c.facts.get(factKubeVersion)); err == nil {
			c.kube = plainVersion(*v)
		} else {
			c.kube = c.known.KubeVersion
		}
	}
	v := c.kube
	return &v
}

// APIVersions is .Capabilities.APIVersions: those that Helm always knows and those of the cluster.
func (c *capabilities) APIVersions() common.VersionSet {
	theirs := c.apis
	if len(theirs) == 0 {
		theirs = c.facts.lines(factAPIVersions)
	}
	return append(append(common.VersionSet{}, c.known.APIVersions...), theirs...)
}

// HelmVersion is .Capabilities.HelmVersion.
func (c *capabilities) HelmVersion() any { return c.known.HelmVersion }

// MarshalJSON is for templates that print all of .Capabilities.
func (c *capabilities) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"KubeVersion": c.KubeVersion(), "APIVersions": c.APIVersions(), "HelmVersion": c.HelmVersion()})
}

// checkChart refuses what Helm would not install.
func checkChart(ch *chart.Chart, caps *capabilities) error {
	if ch.Metadata.Type != "" && ch.Metadata.Type != "application" {
		return problem.New(problem.Invalid, "chart %s: %s charts are not installable", ch.Name(), ch.Metadata.Type)
	}
	if want := ch.Metadata.KubeVersion; want != "" {
		if have := caps.KubeVersion().Version; !chartutil.IsCompatibleRange(want, have) {
			return problem.New(problem.Invalid, "chart requires kubeVersion: %s which is incompatible with Kubernetes %s", want, have)
		}
	}
	return nil
}

// renderValues joins everything that templates see. It is Helm's own composition, but with our capabilities and with
// a schema check that cannot open files or sockets.
func renderValues(ch *chart.Chart, values map[string]any, release common.ReleaseOptions, caps *capabilities, skipSchema bool) (common.Values, error) {
	top, err := commonutil.ToRenderValuesWithSchemaValidation(ch, values, release, common.DefaultCapabilities, true)
	if err != nil {
		return nil, err
	}
	top["Capabilities"] = caps
	all, _ := top["Values"].(common.Values)
	if !skipSchema {
		if err := checkSchemas(ch, all); err != nil {
			return nil, err
		}
	}
	return top, nil
}

var testHook = regexp.MustCompile(`^(test|test-success|test-failure)$`)

// fromChart turns CRDs and rendered templates into objects: CRDs first, then by the template's path. Notes are for
// people. Tests are left out: Helm runs them on demand and Argo CD never does.
func (j *job) fromChart(ch *chart.Chart, out map[string]string, read origins, spec v1alpha1.ApplicationSourceHelm) ([]object.Item, error) {
	var items []object.Item
	left := j.budget()
	add := func(name, file string, text []byte) error {
		if err := left.take(len(text), name); err != nil {
			return err
		}
		if file == "" { // packed: named as Helm names it
			_, inChart, _ := strings.Cut(name, "/")
			file = j.at(inChart)
		}
		found, err := parseLenient(asPrinted(text), file)
		if err != nil {
			return problem.Because(problem.KindOf(err), err, "helm template %s: the output of %s", j.path, name)
		}
		for _, it := range found {
			it.Origin.Line = 0 // lines of the output are not lines of the template
			if !isTest(it.Object, spec.SkipTests) {
				items = append(items, it)
			}
		}
		return nil
	}
	if !spec.SkipCrds {
		crds := ch.CRDObjects()
		slices.SortFunc(crds, func(a, b chart.CRD) int { return strings.Compare(a.Filename, b.Filename) }) // subcharts come in random order
		for _, crd := range crds {
			if err := add(crd.Filename, read.of(crd.File.Data), crd.File.Data); err != nil {
				return nil, err
			}
		}
	}
	files := read.templates(ch, map[string]string{})
	for _, name := range sortedKeys(out) {
		if strings.HasSuffix(name, "NOTES.txt") || strings.TrimSpace(out[name]) == "" {
			continue
		}
		if err := add(name, files[name], []byte(out[name])); err != nil {
			return nil, err
		}
	}
	return items, nil
}

var beforeSeparator = regexp.MustCompile(`\s*\n---`)

// asPrinted ends every document in one newline, as `helm template` prints it: a literal block at the end of a
// document ("|") has that newline in its value, whether the template ends in one or not.
func asPrinted(text []byte) []byte {
	return append(bytes.TrimRight(beforeSeparator.ReplaceAll(text, []byte("\n---")), " \t\r\n"), '\n')
}

// isTest reports whether all hooks of o are tests, or, as --skip-tests has it, any.
func isTest(o *object.Object, any bool) bool {
	tests, others := 0, 0
	for _, h := range strings.Split(o.GetAnnotations()["helm.sh/hook"], ",") {
		if testHook.MatchString(strings.TrimSpace(h)) {
			tests++
		} else {
			others++
		}
	}
	return tests > 0 && (any || others == 0)
}

// chartName refuses names that are paths (CVE-2024-25620, CVE-2026-35206).
func chartName(name string) error {
	if name == "" || name != path.Base(name) || strings.Trim(name, ".") == "" || strings.ContainsAny(name, `\`) {
		return problem.New(problem.Invalid, "chart.metadata.name %q is invalid", name)
	}
	return nil
}
