package catalog

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/action"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Names of the ConfigMaps and the Secret that hold settings (Argo CD's).
const (
	settingsMap   = "argocd-cm"
	paramsMap     = "argocd-cmd-params-cm"
	rbacMap       = "argocd-rbac-cm"
	knownHostsMap = "argocd-ssh-known-hosts-cm"
	tlsCertsMap   = "argocd-tls-certs-cm"
	settingsVault = "argocd-secret"
)

// namespacesKey is the key of argocd-cmd-params-cm for further namespaces with Applications; read at the start.
const namespacesKey = "application.namespaces"

// setNamespacesKey is the same for ApplicationSets: who may write one may have Applications made in other namespaces, so
// that they are looked at elsewhere only when somebody has said so.
const setNamespacesKey = "applicationsetcontroller.namespaces"

// Settings are what can change while the process runs, as one immutable value. The comments name the key; those
// without another mention are in argocd-cm. Defaults are Argo CD's 3.6 (its operator manual) unless a key is ours.
type Settings struct {
	URL string // url: where people reach us

	Tracking object.Tracking // application.resourceTrackingMethod, application.instanceLabelKey, installationID

	Reconciliation     time.Duration // timeout.reconciliation (120s): how often sources are asked; 0 is never
	Jitter             time.Duration // timeout.reconciliation.jitter (60s): at most so much is added
	HardReconciliation time.Duration // timeout.hard.reconciliation (0, never)

	Exclusions []Filter // resource.exclusions; nil when the key is absent: the caller's default counts
	Inclusions []Filter // resource.inclusions

	IgnoreDifferences     []v1alpha1.ResourceIgnoreDifferences // resource.customizations.ignoreDifferences.*; group and kind hold globs
	HealthChecks          []HealthCheck                        // resource.customizations.health.*, .useOpenLibs.*; a later one for the same kind counts
	Actions               []action.Custom                      // resource.customizations.actions.*; a later one for the same kind counts
	MaskAnnotations       []string                             // resource.sensitive.mask.annotations: of Secrets, separated by commas
	CustomLabels          []string                             // resource.customLabels: shown in the tree, separated by commas
	HealthFallback        bool                                 // hawser.health.fallback: conditions (true), none (false)
	PersistHealth         bool                                 // controller.resource.health.persist in argocd-cmd-params-cm (false)
	IgnoreAggregatedRoles bool                                 // resource.compareoptions
	IgnoreStatus          IgnoreStatus                         // resource.compareoptions: ignoreResourceStatusField (all)

	KustomizeBuildOptions           string // kustomize.buildOptions
	Kustomize, Helm, Jsonnet        bool   // kustomize.enable, helm.enable, jsonnet.enable (true)
	InCluster                       bool   // cluster.inClusterEnabled (true)
	Webhook                         Webhook
	InsteadOf                       []config.Rewrite // hawser.repositories.insteadOf, a YAML list of {prefix, url}
	DriftAdditions                  bool             // hawser.drift.additions: people (true), none (false)
	PruneGuard                      bool             // hawser.prune.guard: on (true), off (false)
	Impersonation                   Impersonation
	ClusterPrograms                 []string // hawser.clusters.programs: that may be run for a cluster's credentials, separated by commas; * is any
	VerifyCharts                    []string // hawser.charts.verify: repositories whose charts must be signed: patterns of project.Addresses, by comma
	AppLabels, SetLabels            []string // controller.metrics.application.labels in argocd-cmd-params-cm, hawser.metrics.applicationset.labels: told in metrics
	SelfHeal                        SelfHeal
	OCIMediaTypes                   []string          // reposerver.oci.layer.media.types in argocd-cmd-params-cm; nil when absent: the caller's default counts
	Submodules                      bool              // reposerver.enable.git.submodule in argocd-cmd-params-cm (false; in Argo CD true)
	SyncTimeout                     time.Duration     // controller.sync.timeout.seconds in argocd-cmd-params-cm (0, none)
	WaveDelay                       time.Duration     // controller.sync.wave.delay.seconds in argocd-cmd-params-cm (2)
	HookTimeout, WaveTimeout        time.Duration     // hawser.sync.hook.timeout (6h), hawser.sync.wave.timeout (1h); 0 is for ever
	SetDoubt                        time.Duration     // hawser.applicationset.doubt (1m): how long a doubtful deletion of applications is asked for until it is made
	HelmStages                      bool              // hawser.helm.hooks: helm (true) tells installs from upgrades, argocd (false) does not
	StatusWorkers, OperationWorkers int               // controller.status.processors, controller.operation.processors; 0 when absent; read at start
	GlobalProjects                  []GlobalProject   // globalProjects, a YAML list
	RBAC                            map[string]string // argocd-rbac-cm as it is
	Forges                          ForgeSettings
	Sets                            SetSettings
	Server                          ServerSettings
	Raw, Params                     map[string]string // argocd-cm and argocd-cmd-params-cm as they are; must not be changed

	// Problems are the keys that could not be understood. The value before it, or the default, stays in force.
	Problems []error
}

// SetSettings are about all ApplicationSets; keys of argocd-cmd-params-cm that begin with applicationsetcontroller.
type SetSettings struct {
	Policy         string   // policy: what sets may do to applications; it counts alone, unless enable.policy.override is true
	PolicyOverride bool     // enable.policy.override: a set's own applicationsSync counts first (false)
	StrictGlobs    bool     // enable.new.git.file.globbing (false)
	Annotations    []string // global.preserved.annotations: left as people set them
	Labels         []string // global.preserved.labels
}

// Impersonation is whether applications write as the service accounts that their projects name.
type Impersonation struct {
	Enabled  bool // application.sync.impersonation.enabled
	Enforced bool // application.sync.impersonation.enforced (true): whoever has no such account does not write at all
}

// GlobalProject is a project from which others inherit: those with the labels.
type GlobalProject struct {
	ProjectName   string               `json:"projectName"`
	LabelSelector metav1.LabelSelector `json:"labelSelector"`
}

// Filter selects kinds of resources. Each field holds globs; an empty one matches everything.
type Filter struct {
	APIGroups []string `json:"apiGroups,omitempty"`
	Kinds     []string `json:"kinds,omitempty"`
	Clusters  []string `json:"clusters,omitempty"`
}

// HealthCheck is a health check in Lua for all objects of a kind. Its fields are those of health.Custom, which compiles
// it: the script is passed on as it stands.
type HealthCheck struct {
	Group, Kind string // hold globs; the core group is empty
	Lua         string
	OpenLibs    bool
	Key         string // of the setting, for messages
}

// IgnoreStatus says whose status field counts in no comparison.
type IgnoreStatus string

// The values of ignoreResourceStatusField.
const (
	IgnoreStatusAll  IgnoreStatus = "all"
	IgnoreStatusCRD  IgnoreStatus = "crd"
	IgnoreStatusNone IgnoreStatus = "none"
)

// Webhook is how deliveries to /api/webhook prove themselves. The Secrets are keys of argocd-secret.
type Webhook struct {
	GitHub          Secret // webhook.github.secret
	GitLab          Secret // webhook.gitlab.secret
	Gogs            Secret // webhook.gogs.secret, also for Gitea and Forgejo
	BitbucketUUID   Secret // webhook.bitbucket.uuid
	BitbucketServer Secret // webhook.bitbucketserver.secret
	AzureUsername   Secret // webhook.azuredevops.username
	AzurePassword   Secret // webhook.azuredevops.password

	RefuseUnsigned bool  // hawser.webhook.unsigned: accept (false), refuse (true)
	MaxBytes       int64 // webhook.maxPayloadSizeMB (50), in bytes
}

// ForgeSettings is what generators of ApplicationSets may ask of forges; keys of argocd-cmd-params-cm.
type ForgeSettings struct {
	Enabled bool     // applicationsetcontroller.enable.scm.providers (true)
	Allowed []string // applicationsetcontroller.allowed.scm.providers: addresses of APIs, by comma; empty: all, but for sets outside of our namespace, which may ask none
	Strict  bool     // applicationsetcontroller.enable.tokenref.strict.mode (false): tokens only from Secrets with the label scm-creds
}

// SelfHeal is how soon and how often drift is healed; keys of argocd-cmd-params-cm.
type SelfHeal struct {
	Timeout time.Duration // controller.self.heal.timeout.seconds (0): the least time between two heals
	Backoff time.Duration // controller.self.heal.backoff.timeout.seconds (2): the pause after a heal that did not hold
	Factor  float64       // controller.self.heal.backoff.factor (3)
	Cap     time.Duration // controller.self.heal.backoff.cap.seconds (300)
}

func defaultSettings() Settings {
	return Settings{
		Reconciliation: 120 * time.Second,
		Jitter:         60 * time.Second,
		IgnoreStatus:   IgnoreStatusAll,
		Kustomize:      true, Helm: true, Jsonnet: true,
		InCluster:      true,
		Webhook:        Webhook{MaxBytes: 50 << 20},
		DriftAdditions: true,
		PruneGuard:     true,
		Impersonation:  Impersonation{Enforced: true},

		ClusterPrograms: []string{"argocd-k8s-auth", "aws", "aws-iam-authenticator", "gke-gcloud-auth-plugin", "kubelogin"},
		SelfHeal:        SelfHeal{Backoff: 2 * time.Second, Factor: 3, Cap: 300 * time.Second},
		WaveDelay:       2 * time.Second,
		HookTimeout:     6 * time.Hour,
		WaveTimeout:     time.Hour,
		HelmStages:      true,
		SetDoubt:        time.Minute,
		Forges:          ForgeSettings{Enabled: true},
		Server:          defaultServerSettings(),
	}
}

// records is what settings are made from, by name of the ConfigMap; the values of a ConfigMap that does not exist
// are nil.
type records struct {
	maps  map[string]map[string]string
	vault map[string]string // argocd-secret
}

// parseSettings reads the settings. What a key cannot be understood as stays as it was before, so that a typing
// error switches nothing off; before is nil at the start.
func parseSettings(from records, before *Settings) *Settings {
	s := defaultSettings()
	if before == nil {
		before = &s
	}
	old := *before // s and before may be the same
	k := keys{values: from.maps[settingsMap], where: settingsMap}

	read(&k, "url", &s.URL, old.URL, text)
	read(&k, "application.resourceTrackingMethod", &s.Tracking.Method, old.Tracking.Method, oneOf("annotation", "label", "annotation+label"))
	read(&k, "application.instanceLabelKey", &s.Tracking.InstanceLabel, old.Tracking.InstanceLabel, text)
	read(&k, "installationID", &s.Tracking.InstallationID, old.Tracking.InstallationID, text)
	read(&k, "timeout.reconciliation", &s.Reconciliation, old.Reconciliation, duration)
	read(&k, "timeout.reconciliation.jitter", &s.Jitter, old.Jitter, duration)
	read(&k, "timeout.hard.reconciliation", &s.HardReconciliation, old.HardReconciliation, duration)
	read(&k, "resource.exclusions", &s.Exclusions, old.Exclusions, filters)
	read(&k, "resource.inclusions", &s.Inclusions, old.Inclusions, filters)
	compare := compareOptions{s.IgnoreAggregatedRoles, s.IgnoreStatus}
	read(&k, "resource.compareoptions", &compare, compareOptions{old.IgnoreAggregatedRoles, old.IgnoreStatus}, parseCompareOptions)
	s.IgnoreAggregatedRoles, s.IgnoreStatus = compare.roles, compare.status
	s.IgnoreDifferences = ignoreDifferences(&k, old.IgnoreDifferences)
	s.HealthChecks = healthChecks(&k, old.HealthChecks)
	s.Actions = actions(&k, old.Actions)
	read(&k, "resource.sensitive.mask.annotations", &s.MaskAnnotations, old.MaskAnnotations, names)
	read(&k, "resource.customLabels", &s.CustomLabels, old.CustomLabels, names)
	read(&k, "hawser.health.fallback", &s.HealthFallback, old.HealthFallback, choice("conditions", "none"))
	read(&k, "kustomize.buildOptions", &s.KustomizeBuildOptions, old.KustomizeBuildOptions, text)
	read(&k, "kustomize.enable", &s.Kustomize, old.Kustomize, boolean)
	read(&k, "helm.enable", &s.Helm, old.Helm, boolean)
	read(&k, "jsonnet.enable", &s.Jsonnet, old.Jsonnet, boolean)
	read(&k, "cluster.inClusterEnabled", &s.InCluster, old.InCluster, boolean)
	read(&k, "webhook.maxPayloadSizeMB", &s.Webhook.MaxBytes, old.Webhook.MaxBytes, megabytes)
	read(&k, "hawser.webhook.unsigned", &s.Webhook.RefuseUnsigned, old.Webhook.RefuseUnsigned, choice("refuse", "accept"))
	read(&k, "hawser.repositories.insteadOf", &s.InsteadOf, old.InsteadOf, rewrites)
	read(&k, "hawser.drift.additions", &s.DriftAdditions, old.DriftAdditions, choice("people", "none"))
	read(&k, "hawser.sync.hook.timeout", &s.HookTimeout, old.HookTimeout, duration)
	read(&k, "hawser.sync.wave.timeout", &s.WaveTimeout, old.WaveTimeout, duration)
	read(&k, "globalProjects", &s.GlobalProjects, old.GlobalProjects, globalProjects)
	read(&k, "hawser.helm.hooks", &s.HelmStages, old.HelmStages, choice("helm", "argocd"))
	// what cannot be understood is the safe thing here: not to write with all our rights
	read(&k, "application.sync.impersonation.enabled", &s.Impersonation.Enabled, true, boolean)
	read(&k, "application.sync.impersonation.enforced", &s.Impersonation.Enforced, true, boolean)
	read(&k, "hawser.clusters.programs", &s.ClusterPrograms, old.ClusterPrograms, names)
	read(&k, "hawser.metrics.applicationset.labels", &s.SetLabels, old.SetLabels, names)
	read(&k, "hawser.charts.verify", &s.VerifyCharts, []string{"*"}, addresses) // what cannot be understood: all of them
	read(&k, "hawser.prune.guard", &s.PruneGuard, old.PruneGuard, choice("on", "off"))

	p := keys{values: from.maps[paramsMap], where: paramsMap}
	read(&p, "controller.self.heal.timeout.seconds", &s.SelfHeal.Timeout, old.SelfHeal.Timeout, seconds)
	read(&p, "controller.self.heal.backoff.timeout.seconds", &s.SelfHeal.Backoff, old.SelfHeal.Backoff, seconds)
	read(&p, "controller.self.heal.backoff.factor", &s.SelfHeal.Factor, old.SelfHeal.Factor, factor)
	read(&p, "controller.self.heal.backoff.cap.seconds", &s.SelfHeal.Cap, old.SelfHeal.Cap, seconds)
	read(&p, "controller.sync.timeout.seconds", &s.SyncTimeout, old.SyncTimeout, seconds)
	read(&p, "controller.sync.wave.delay.seconds", &s.WaveDelay, old.WaveDelay, seconds)
	read(&p, "controller.resource.health.persist", &s.PersistHealth, old.PersistHealth, boolean)
	read(&p, "reposerver.oci.layer.media.types", &s.OCIMediaTypes, old.OCIMediaTypes, names)
	read(&p, "reposerver.enable.git.submodule", &s.Submodules, old.Submodules, boolean)
	read(&p, "controller.metrics.application.labels", &s.AppLabels, old.AppLabels, names)
	read(&p, "controller.status.processors", &s.StatusWorkers, old.StatusWorkers, count)
	read(&p, "controller.operation.processors", &s.OperationWorkers, old.OperationWorkers, count)

	read(&p, "applicationsetcontroller.enable.scm.providers", &s.Forges.Enabled, old.Forges.Enabled, boolean)
	read(&p, "applicationsetcontroller.allowed.scm.providers", &s.Forges.Allowed, old.Forges.Allowed, names)
	read(&p, "applicationsetcontroller.enable.tokenref.strict.mode", &s.Forges.Strict, old.Forges.Strict, boolean)
	read(&k, "hawser.applicationset.doubt", &s.SetDoubt, old.SetDoubt, duration)
	read(&p, "applicationsetcontroller.policy", &s.Sets.Policy, old.Sets.Policy, oneOf("sync", "create-only", "create-update", "create-delete"))
	read(&p, "applicationsetcontroller.enable.policy.override", &s.Sets.PolicyOverride, old.Sets.PolicyOverride, boolean)
	read(&p, "applicationsetcontroller.enable.new.git.file.globbing", &s.Sets.StrictGlobs, old.Sets.StrictGlobs, boolean)
	read(&p, "applicationsetcontroller.global.preserved.annotations", &s.Sets.Annotations, old.Sets.Annotations, commas)
	read(&p, "applicationsetcontroller.global.preserved.labels", &s.Sets.Labels, old.Sets.Labels, commas)

	s.Server = parseServerSettings(&k, &p, old.Server)
	s.Raw, s.Params = k.values, p.values

	for key, secret := range map[string]*Secret{
		"webhook.github.secret":          &s.Webhook.GitHub,
		"webhook.gitlab.secret":          &s.Webhook.GitLab,
		"webhook.gogs.secret":            &s.Webhook.Gogs,
		"webhook.bitbucket.uuid":         &s.Webhook.BitbucketUUID,
		"webhook.bitbucketserver.secret": &s.Webhook.BitbucketServer,
		"webhook.azuredevops.username":   &s.Webhook.AzureUsername,
		"webhook.azuredevops.password":   &s.Webhook.AzurePassword,
	} {
		*secret = NewSecret(strings.TrimRight(from.vault[key], "\r\n")) // `echo | base64` leaves a line end that no sender signs with
	}
	s.RBAC = from.maps[rbacMap]
	s.Problems = slices.Concat(k.problems, p.problems)
	return &s
}

// keys is one ConfigMap being read.
type keys struct {
	values   map[string]string
	where    string
	problems []error
}

// read parses one key into dst. An absent or blank key leaves dst, the default; a malformed one sets old.
func read[T any](k *keys, key string, dst *T, old T, parse func(string) (T, error)) {
	value := strings.TrimSpace(k.values[key])
	if value == "" {
		return
	}
	v, err := parse(value)
	if err != nil {
		k.malformed(key, err)
		v = old
	}
	*dst = v
}

func (k *keys) malformed(key string, err error) {
	k.problems = append(k.problems, problem.Because(problem.Invalid, err, "%s: key %s", k.where, key).
		WithHint("the value before it, or the default, stays in force"))
}

func text(s string) (string, error) { return s, nil }

// names reads a list of words separated by commas.
func names(s string) ([]string, error) {
	var list []string
	for _, name := range strings.Split(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, name)
		}
	}
	return list, nil
}

// addresses reads a list of patterns of repositories.
func addresses(s string) ([]string, error) {
	list, _ := names(s)
	_, err := project.Addresses(list)
	return list, err
}

func commas(s string) (list []string, err error) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list, nil
}

func boolean(s string) (bool, error) {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return false, problem.New(problem.Invalid, "%q is neither true nor false", s)
	}
	return v, nil
}

func oneOf(allowed ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(allowed, s) {
			return "", problem.New(problem.Invalid, "%q is none of %s", s, strings.Join(allowed, ", "))
		}
		return s, nil
	}
}

// choice reads one of two words: yes is true, no is false.
func choice(yes, no string) func(string) (bool, error) {
	words := oneOf(yes, no)
	return func(s string) (bool, error) {
		word, err := words(s)
		return word == yes, err
	}
}

var days = regexp.MustCompile(`^(\d{1,6})d(.*)$`)

// maxDuration keeps sums of durations in range.
const maxDuration = 10 * 365 * 24 * time.Hour

// duration reads 90s, 3m, 1h30m, 2d, 1d12h; a bare number counts as seconds. (Argo CD reads d, h, m, s and ms.)
func duration(s string) (time.Duration, error) {
	var sum time.Duration
	rest := s
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		sum, rest = time.Duration(n)*24*time.Hour, m[2]
	}
	if n, err := strconv.ParseInt(rest, 10, 32); err == nil && rest == s {
		rest = strconv.FormatInt(n, 10) + "s"
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, problem.New(problem.Invalid, "%q is not a duration", s).WithHint("for example 90s, 3m, 1h30m, 1d; 0 switches it off")
		}
		sum += d
	}
	if sum < 0 || sum > maxDuration {
		return 0, problem.New(problem.Invalid, "%q is not between 0 and ten years", s)
	}
	return sum, nil
}

func seconds(s string) (time.Duration, error) {
	n, err := count(s)
	if err != nil {
		return 0, err
	}
	return min(time.Duration(n)*time.Second, maxDuration), nil
}

func count(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, problem.New(problem.Invalid, "%q is not a whole number from 0 on", s)
	}
	return int(n), nil
}

func factor(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 1 || f > 1000 {
		return 0, problem.New(problem.Invalid, "%q is not a number from 1 to 1000", s)
	}
	return f, nil
}

func megabytes(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1024 {
		return 0, problem.New(problem.Invalid, "%q is not a number of megabytes from 1 to 1024", s)
	}
	return n << 20, nil
}

func filters(s string) ([]Filter, error) {
	list := []Filter{} // not nil: a written empty list overrides the default
	if err := parseYAML(s, &list); err != nil {
		return nil, err
	}
	return list, nil
}

func globalProjects(s string) ([]GlobalProject, error) {
	var list []GlobalProject
	if err := parseYAML(s, &list); err != nil {
		return nil, err
	}
	for _, g := range list {
		if g.ProjectName == "" {
			return nil, problem.New(problem.Invalid, "projectName is missing")
		}
		if _, err := metav1.LabelSelectorAsSelector(&g.LabelSelector); err != nil {
			return nil, problem.Because(problem.Invalid, err, "labelSelector of %s", g.ProjectName)
		}
	}
	return list, nil
}

func rewrites(s string) ([]config.Rewrite, error) {
	var list []config.Rewrite
	if err := parseYAML(s, &list); err != nil {
		return nil, err
	}
	for _, r := range list {
		if err := r.Validate(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

type compareOptions struct {
	roles  bool
	status IgnoreStatus
}

func parseCompareOptions(s string) (compareOptions, error) {
	var o struct {
		IgnoreAggregatedRoles              bool  `json:"ignoreAggregatedRoles"`
		IgnoreResourceStatusField          any   `json:"ignoreResourceStatusField"` // off is a boolean to YAML
		IgnoreDifferencesOnResourceUpdates *bool `json:"ignoreDifferencesOnResourceUpdates"`
	}
	if err := parseYAML(s, &o); err != nil {
		return compareOptions{}, err
	}
	c := compareOptions{o.IgnoreAggregatedRoles, IgnoreStatusAll}
	switch v := o.IgnoreResourceStatusField; v {
	case nil, "", "all":
	case "crd":
		c.status = IgnoreStatusCRD
	case "none", "off", "false", false: // Argo CD's names for it over time
		c.status = IgnoreStatusNone
	default:
		return c, problem.New(problem.Invalid, "ignoreResourceStatusField: %q is none of all, crd, none", v)
	}
	return c, nil
}

const ignoreDifferencesPrefix = "resource.customizations.ignoreDifferences."

type fieldRules struct {
	JSONPointers          []string `json:"jsonPointers"`
	JQPathExpressions     []string `json:"jqPathExpressions"`
	ManagedFieldsManagers []string `json:"managedFieldsManagers"`
}

// ignoreDifferences reads the rules for all applications, one key per kind (…ignoreDifferences.apps_Deployment, or
// all), in the order of their keys; and those in the old form, one YAML map under resource.customizations.
func ignoreDifferences(k *keys, old []v1alpha1.ResourceIgnoreDifferences) []v1alpha1.ResourceIgnoreDifferences {
	var rules []v1alpha1.ResourceIgnoreDifferences
	add := func(key, group, kind, yamlText string) {
		var f fieldRules
		if err := parseYAML(yamlText, &f); err != nil {
			k.malformed(key, err)
			for _, r := range old {
				if r.Group == group && r.Kind == kind {
					rules = append(rules, r)
				}
			}
			return
		}
		rules = append(rules, v1alpha1.ResourceIgnoreDifferences{
			Group: group, Kind: kind,
			JSONPointers: f.JSONPointers, JQPathExpressions: f.JQPathExpressions, ManagedFieldsManagers: f.ManagedFieldsManagers,
		})
	}
	for _, key := range sortedKeys(k.values) {
		if selector, ok := strings.CutPrefix(key, ignoreDifferencesPrefix); ok {
			group, kind := groupKind(selector)
			add(key, group, kind, k.values[key])
		}
	}
	const legacy = "resource.customizations"
	if whole := k.values[legacy]; strings.TrimSpace(whole) != "" {
		var byKind map[string]struct {
			IgnoreDifferences string `json:"ignoreDifferences"`
		}
		if err := parseYAML(whole, &byKind); err != nil {
			k.malformed(legacy, err)
			return rules
		}
		for _, name := range sortedKeys(byKind) {
			group, kind, ok := strings.Cut(name, "/") // "*/*", "apps/Deployment"; core kinds are written without group
			if !ok {
				group, kind = "", name
			}
			if rule := byKind[name].IgnoreDifferences; rule != "" {
				add(legacy+"."+name, group, kind, rule)
			}
		}
	}
	return rules
}

const (
	healthPrefix   = "resource.customizations.health."
	openLibsPrefix = "resource.customizations.useOpenLibs."
)

// healthChecks reads the checks in the old form, one YAML map under resource.customizations, and then those with a key
// per kind, which count where both are there (Argo CD's order). A wildcard needs the old form: a key holds no "*".
func healthChecks(k *keys, old []HealthCheck) []HealthCheck {
	var checks []HealthCheck
	const legacy = "resource.customizations"
	var byKind map[string]struct {
		Lua      string `json:"health.lua"`
		OpenLibs bool   `json:"health.lua.useOpenLibs"`
	}
	if err := parseYAML(k.values[legacy], &byKind); err != nil { // ignoreDifferences, which reads it too, reports it
		byKind = nil
		for _, c := range old {
			if strings.HasPrefix(c.Key, legacy+" ") {
				checks = append(checks, c)
			}
		}
	}
	for _, name := range sortedKeys(byKind) {
		group, kind, ok := strings.Cut(name, "/")
		if !ok {
			group, kind = "", name
		}
		if c := byKind[name]; strings.TrimSpace(c.Lua) != "" {
			checks = append(checks, HealthCheck{group, kind, c.Lua, c.OpenLibs, legacy + " of " + name})
		}
	}
	for _, key := range sortedKeys(k.values) {
		selector, ok := strings.CutPrefix(key, healthPrefix)
		if !ok || strings.TrimSpace(k.values[key]) == "" {
			continue
		}
		group, kind := groupKind(selector)
		open := false
		read(k, openLibsPrefix+selector, &open, false, boolean)
		checks = append(checks, HealthCheck{group, kind, k.values[key], open, key})
	}
	return checks
}

const actionsPrefix = "resource.customizations.actions."

// actions reads the actions in the old form, a field of the YAML map under resource.customizations, and then those with
// a key per kind, which count where both are there. One that cannot be understood stays as it was.
func actions(k *keys, old []action.Custom) []action.Custom {
	var list []action.Custom
	kept := func(is func(key string) bool) {
		for _, c := range old {
			if is(c.Key) {
				list = append(list, c)
			}
		}
	}
	add := func(key, group, kind, text string) {
		c, err := parseActions(text)
		if err != nil {
			k.malformed(key, err)
			kept(func(known string) bool { return known == key })
			return
		}
		c.Group, c.Kind, c.Key = group, kind, key
		list = append(list, c)
	}
	const legacy = "resource.customizations"
	var byKind map[string]struct {
		Actions string `json:"actions"`
	}
	if err := parseYAML(k.values[legacy], &byKind); err != nil { // ignoreDifferences, which reads it too, reports it
		byKind = nil
		kept(func(known string) bool { return strings.HasPrefix(known, legacy+" ") })
	}
	for _, name := range sortedKeys(byKind) {
		group, kind, ok := strings.Cut(name, "/")
		if !ok {
			group, kind = "", name
		}
		if text := byKind[name].Actions; strings.TrimSpace(text) != "" {
			add(legacy+" of "+name, group, kind, text)
		}
	}
	for _, key := range sortedKeys(k.values) {
		if selector, ok := strings.CutPrefix(key, actionsPrefix); ok && strings.TrimSpace(k.values[key]) != "" {
			group, kind := groupKind(selector)
			add(key, group, kind, k.values[key])
		}
	}
	return list
}

func parseActions(text string) (action.Custom, error) {
	var a struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name string `json:"name"`
			Lua  string `json:"action.lua"`
		} `json:"definitions"`
		Merge bool `json:"mergeBuiltinActions"`
	}
	if err := parseYAML(text, &a); err != nil {
		return action.Custom{}, err
	}
	if strings.TrimSpace(a.Discovery) == "" {
		return action.Custom{}, problem.New(problem.Invalid, "discovery.lua is missing, which says what actions there are")
	}
	c := action.Custom{Discovery: a.Discovery, MergeBuiltin: a.Merge}
	for i, d := range a.Definitions {
		if d.Name == "" || strings.TrimSpace(d.Lua) == "" {
			return action.Custom{}, problem.New(problem.Invalid, "definitions[%d] has no name or no action.lua", i)
		}
		c.Definitions = append(c.Definitions, action.Definition{Name: d.Name, Lua: d.Lua})
	}
	return c, nil
}

// groupKind takes the end of a key apart: apps_Deployment, Service (core group), *.crossplane.io_*, all. Kinds hold no
// underscore, so the last one divides.
func groupKind(s string) (group, kind string) {
	if s == "all" {
		return "*", "*"
	}
	i := strings.LastIndex(s, "_")
	return s[:max(i, 0)], s[i+1:]
}

func parseYAML(s string, into any) error {
	if err := yaml.Unmarshal([]byte(s), into); err != nil {
		return problem.Because(problem.Invalid, err, "malformed YAML")
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
