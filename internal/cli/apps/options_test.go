package apps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// options parses flags as a command line has them.
func options(t *testing.T, line ...string) *Options {
	t.Helper()
	o := &Options{Read: func(name string) ([]byte, error) {
		if name != "values.yaml" {
			return nil, problem.New(problem.NotFound, "no file %s", name)
		}
		return []byte("replicas: 3\nlist: [a]\n"), nil
	}}
	f := pflag.NewFlagSet("t", pflag.ContinueOnError)
	o.Register(f)
	if err := f.Parse(line); err != nil {
		t.Fatal(err)
	}
	return o
}

// A spec is written as the YAML that people know; each case starts from one and ends with another.
func TestSpecOfFlags(t *testing.T) {
	for _, c := range []struct {
		name   string
		before string
		flags  []string
		at     int
		after  string
	}{
		{"directory", "{}", []string{"--repo=https://git.example.com/a.git", "--path=web", "--revision=main", "--dest-server=https://kubernetes.default.svc", "--dest-namespace=shop", "--project=team",
			"--directory-recurse", "--directory-exclude={a,b}", "--directory-include=*.yaml", "--directory-disable-extension-filter",
			"--jsonnet-tla-str=a=1", "--jsonnet-tla-code=b=2", "--jsonnet-ext-var-str=c=x=y", "--jsonnet-ext-var-code=d", "--jsonnet-libs=lib"}, 0, `
destination: {namespace: shop, server: "https://kubernetes.default.svc"}
project: team
source:
  repoURL: https://git.example.com/a.git
  path: web
  targetRevision: main
  directory:
    recurse: true
    exclude: "{a,b}"
    include: "*.yaml"
    disableExtensionFilter: true
    jsonnet:
      tlas: [{name: a, value: "1"}, {name: b, value: "2", code: true}]
      extVars: [{name: c, value: x=y}, {name: d, value: "", code: true}]
      libs: [lib]
`},
		{"chart", "{}", []string{"--repo=https://charts.example.com", "--helm-chart=redis", "--tag-prefix=v", "--values=a.yaml", "--values=b.yaml", "--ignore-missing-value-files", "--values-literal-file=values.yaml",
			"--release-name=r", "--helm-version=v3", "--helm-pass-credentials", "--helm-set=a=1,2", "--helm-set=b={x,y}", "--helm-set-string=a=3", "--helm-set-file=c=files/c,d", "--helm-skip-crds",
			"--helm-skip-schema-validation", "--helm-skip-tests", "--helm-namespace=ns", "--helm-kube-version=1.33", "--helm-api-versions=v1/Service", "-p", "image.tag=1", "--dest-name=edge"}, 0, `
destination: {name: edge}
project: ""
source:
  repoURL: https://charts.example.com
  chart: redis
  tagPrefix: v
  helm:
    valueFiles: [a.yaml, b.yaml]
    ignoreMissingValueFiles: true
    valuesObject: {replicas: 3, list: [a]}
    releaseName: r
    version: v3
    passCredentials: true
    parameters: [{name: a, value: "3", forceString: true}, {name: b, value: '{x\,y}'}, {name: image.tag, value: "1"}]
    fileParameters: [{name: c, path: 'files/c\,d'}]
    skipCrds: true
    skipSchemaValidation: true
    skipTests: true
    namespace: ns
    kubeVersion: "1.33"
    apiVersions: [v1/Service]
`},
		{"kustomize", "source: {repoURL: r, kustomize: {images: ['node:8', 'mysql=mariadb', 'alpine@sha256:1']}}", []string{"--nameprefix=a-", "--namesuffix=-z", "--kustomize-version=v5",
			"--kustomize-image=node:9", "--kustomize-image=mysql=postgres", "--kustomize-image=nginx:1", "--kustomize-replica=web=2", "--kustomize-replica=web=3", "--kustomize-common-label=k=v",
			"--kustomize-common-annotation=x=z", "--kustomize-label-without-selector", "--kustomize-label-include-templates", "--kustomize-force-common-label", "--kustomize-force-common-annotation",
			"--kustomize-namespace=ns", "--kustomize-kube-version=1.33", "--kustomize-api-versions=v1", "--ignore-missing-components"}, 0, `
destination: {}
project: ""
source:
  repoURL: r
  kustomize:
    namePrefix: a-
    nameSuffix: -z
    version: v5
    images: ['node:9', mysql=postgres, 'alpine@sha256:1', 'nginx:1']
    replicas: [{name: web, count: 3}]
    commonLabels: {k: v}
    commonAnnotations: {x: z}
    labelWithoutSelector: true
    labelIncludeTemplates: true
    forceCommonLabels: true
    forceCommonAnnotations: true
    namespace: ns
    kubeVersion: "1.33"
    apiVersions: [v1]
    ignoreMissingComponents: true
`},
		{"plugin", "source: {repoURL: r, plugin: {name: old, env: [{name: A, value: '1'}]}}", []string{"--plugin-env=A=2", "--plugin-env=B=x=y"}, 0,
			"{destination: {}, project: '', source: {repoURL: r, plugin: {name: old, env: [{name: A, value: '2'}, {name: B, value: x=y}]}}}"},
		{"another plugin starts anew", "source: {repoURL: r, plugin: {name: old, env: [{name: A, value: '1'}]}}", []string{"--plugin-env=B=2", "--config-management-plugin=new"}, 0,
			"{destination: {}, project: '', source: {repoURL: r, plugin: {name: new, env: [{name: B, value: '2'}]}}}"},
		{"an emptied part is gone", "source: {repoURL: r, helm: {releaseName: x}, kustomize: {namePrefix: p}}", []string{"--release-name=", "--nameprefix="}, 0, "{destination: {}, project: '', source: {repoURL: r}}"},
		{"policy", "{source: {repoURL: r}, syncPolicy: {syncOptions: [Prune=false, Validate=false]}}", []string{"--sync-policy=auto", "--auto-prune", "--self-heal=false", "--sync-option=!Prune=false", "--sync-option=CreateNamespace=true",
			"--sync-option=Validate=false", "--sync-retry-limit=3", "--sync-retry-backoff-duration=10s", "--sync-retry-refresh", "--revision-history-limit=2"}, 0, `
destination: {}
project: ""
source: {repoURL: r}
revisionHistoryLimit: 2
syncPolicy:
  automated: {prune: true, selfHeal: false}
  syncOptions: [Validate=false, CreateNamespace=true]
  retry: {limit: 3, refresh: true, backoff: {duration: 10s, maxDuration: 3m0s, factor: 2}}
`},
		{"manual", "{source: {repoURL: r}, syncPolicy: {automated: {prune: true}, retry: {limit: 1}}}", []string{"--sync-policy=none", "--sync-retry-limit=0"}, 0, "{destination: {}, project: '', source: {repoURL: r}}"},
		{"a detail switches nothing on", "{source: {repoURL: r}}", []string{"--self-heal", "--allow-empty"}, 0,
			"{destination: {}, project: '', source: {repoURL: r}, syncPolicy: {automated: {enabled: false, selfHeal: true, allowEmpty: true}}}"},
		{"one of several sources", "{sources: [{repoURL: a}, {repoURL: b}]}", []string{"--revision=v2", "--ref=values"}, 2, "{destination: {}, project: '', sources: [{repoURL: a}, {repoURL: b, targetRevision: v2, ref: values}]}"},
		{"hydrator", "{}", []string{"--dry-source-repo=r", "--dry-source-revision=main", "--dry-source-path=p", "--sync-source-branch=env", "--sync-source-path=web", "--hydrate-to-branch=next", "--repo=ignored"}, 0,
			"{destination: {}, project: '', sourceHydrator: {drySource: {repoURL: r, targetRevision: main, path: p}, syncSource: {targetBranch: env, path: web}, hydrateTo: {targetBranch: next}}}"},
		{"of a hydrated one the dry source", "{sourceHydrator: {drySource: {repoURL: r, targetRevision: main, path: p}, syncSource: {targetBranch: env, path: web}}}", []string{"--helm-set=a=1", "-p=b=2", "--revision=v2"}, -1,
			"{destination: {}, project: '', sourceHydrator: {drySource: {repoURL: r, targetRevision: v2, path: p, helm: {parameters: [{name: a, value: '1'}, {name: b, value: '2'}]}}, syncSource: {targetBranch: env, path: web}}}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var spec, want v1alpha1.ApplicationSpec
			if err := yaml.UnmarshalStrict([]byte(c.before), &spec); err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict([]byte(c.after), &want); err != nil {
				t.Fatal(err)
			}
			o := options(t, c.flags...)
			if !o.Given() {
				t.Error("no flag seems to be given")
			}
			if err := o.Spec(&spec, c.at, v1alpha1.ApplicationStatus{}); err != nil {
				t.Fatal(err)
			}
			got, _ := yaml.Marshal(spec)
			wanted, _ := yaml.Marshal(want)
			if d := cmp.Diff(string(wanted), string(got)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestFlagsThatSayNothingGood(t *testing.T) {
	for flag, want := range map[string]string{
		"--sync-policy=sometimes":      "Invalid sync-policy: sometimes",
		"--sync-retry-limit=-1":        "Invalid sync-retry-limit [-1]",
		"--helm-set=a":                 `--helm-set: "a" should be KEY=VALUE`,
		"--kustomize-replica=web=many": `--kustomize-replica: "web=many" should be NAME=COUNT`,
		"--kustomize-common-label=a":   "--kustomize-common-label: labels should have key=value",
		"--values-literal-file=none":   "--values-literal-file: no file none",
		"--plugin-env=A":               `--plugin-env: "A" should be KEY=VALUE`,
		"--parameter=image.tag":        `"image.tag" should be KEY=VALUE`,
	} {
		spec := v1alpha1.ApplicationSpec{}
		if err := options(t, flag).Spec(&spec, 0, v1alpha1.ApplicationStatus{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", flag, err)
		}
	}
	kustomize := v1alpha1.ApplicationSpec{Source: &v1alpha1.ApplicationSource{Kustomize: &v1alpha1.ApplicationSourceKustomize{NamePrefix: "x"}}}
	if err := options(t, "-p=a=1").Spec(&kustomize, 0, v1alpha1.ApplicationStatus{}); err == nil || err.Error() != "Parameters can only be set against Helm applications" {
		t.Errorf("got %v", err)
	}
	plain := v1alpha1.ApplicationSpec{Source: &v1alpha1.ApplicationSource{}}
	if err := options(t, "-p=a=1").Spec(&plain, 0, v1alpha1.ApplicationStatus{SourceType: v1alpha1.SourceTypeDirectory}); err == nil {
		t.Error("a directory took a Helm parameter")
	}
	several := v1alpha1.ApplicationSpec{Sources: make([]v1alpha1.ApplicationSource, 2)}
	for _, at := range []int{-1, 0, 3} {
		if err := options(t, "--path=a").Spec(&several, at, v1alpha1.ApplicationStatus{}); err == nil || !strings.HasPrefix(err.Error(), "Source position should be") {
			t.Errorf("%d: got %v", at, err)
		}
	}
	if o := options(t); o.Given() || !o.Validate() {
		t.Error("without flags something is given, or nothing is validated")
	}
	if options(t, "--validate=false").Validate() {
		t.Error("--validate=false validates")
	}
}

func TestPosition(t *testing.T) {
	spec := &v1alpha1.ApplicationSpec{Sources: []v1alpha1.ApplicationSource{{Name: "a"}, {Name: "b"}}}
	if got, err := Position(spec, -1, "b"); got != 2 || err != nil {
		t.Errorf("got %d %v", got, err)
	}
	if got, err := Positions(spec, []string{"b", "a"}); len(got) != 2 || got[0] != 2 || got[1] != 1 || err != nil {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := Position(spec, 1, "b"); err == nil || err.Error() != "Only one of source-position and source-name can be specified." {
		t.Errorf("got %v", err)
	}
	if _, err := Position(spec, -1, "c"); err == nil || err.Error() != "Unknown source name 'c'" {
		t.Errorf("got %v", err)
	}
	if At(spec, 2) != &spec.Sources[1] || At(spec, 3) != nil || At(spec, 0) != nil {
		t.Error("At finds the wrong source")
	}
}

func TestEscapeCommas(t *testing.T) {
	for in, want := range map[string]string{"a,b": `a\,b`, `a\,b`: `a\,b`, "a,,b": `a\,\,b`, ",a": ",a", "": ""} {
		if got := escapeCommas(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestUnset(t *testing.T) {
	const full = `
repoURL: r
ref: values
kustomize: {namePrefix: a, nameSuffix: b, version: v5, namespace: n, ignoreMissingComponents: true, images: ['node:8', alpine=x], replicas: [{name: web, count: 1}, {name: db, count: 2}]}
helm: {parameters: [{name: a, value: '1'}, {name: b, value: '2'}], valueFiles: [x.yaml, y.yaml], valuesObject: {k: v}, ignoreMissingValueFiles: true, passCredentials: true}
plugin: {name: p, env: [{name: A, value: '1'}]}
`
	for _, c := range []struct {
		name    string
		u       Unset
		changed bool
		after   string
	}{
		{"everything", Unset{NamePrefix: true, NameSuffix: true, KustomizeVersion: true, KustomizeNamespace: true, IgnoreMissingComponents: true, KustomizeImages: []string{"node", "alpine"}, KustomizeReplicas: []string{"web", "db"},
			Parameters: []string{"a", "b"}, ValueFiles: []string{"x.yaml", "y.yaml"}, Values: true, IgnoreMissingValueFiles: true, PassCredentials: true, PluginEnv: []string{"A"}, Ref: true}, true,
			"{repoURL: r, kustomize: {}, helm: {}, plugin: {name: p}}"},
		{"one of several", Unset{Parameters: []string{"b"}, KustomizeImages: []string{"alpine"}}, true, strings.NewReplacer(", {name: b, value: '2'}", "", ", alpine=x", "").Replace(full)},
		{"what is not there", Unset{Parameters: []string{"c"}, ValueFiles: []string{"z"}, PluginEnv: []string{"B"}, KustomizeReplicas: []string{"cache"}}, false, full},
	} {
		var s, want v1alpha1.ApplicationSource
		if err := yaml.UnmarshalStrict([]byte(full), &s); err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict([]byte(c.after), &want); err != nil {
			t.Fatal(err)
		}
		if !c.u.Given() {
			t.Errorf("%s: nothing given", c.name)
		}
		if got := c.u.From(&s); got != c.changed {
			t.Errorf("%s: changed is %v", c.name, got)
		}
		got, _ := yaml.Marshal(s)
		wanted, _ := yaml.Marshal(want)
		if d := cmp.Diff(string(wanted), string(got)); d != "" {
			t.Errorf("%s: -want +got\n%s", c.name, d)
		}
	}
	if (&Unset{}).Given() {
		t.Error("something given by nothing")
	}
}
