package catalog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/action"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/health"
	"github.com/hawser-cd/hawser/internal/object"
)

func settingsFrom(cm map[string]string) *Settings {
	return parseSettings(records{maps: map[string]map[string]string{settingsMap: cm}}, nil)
}

func TestSettingsDefaults(t *testing.T) {
	want := &Settings{
		Reconciliation: 2 * time.Minute, Jitter: time.Minute,
		IgnoreStatus: IgnoreStatusAll,
		Kustomize:    true, Helm: true, Jsonnet: true, InCluster: true,
		Webhook:        Webhook{MaxBytes: 50 << 20},
		DriftAdditions: true, PruneGuard: true, Impersonation: Impersonation{Enforced: true},
		ClusterPrograms: []string{"argocd-k8s-auth", "aws", "aws-iam-authenticator", "gke-gcloud-auth-plugin", "kubelogin"},
		SelfHeal:        SelfHeal{Backoff: 2 * time.Second, Factor: 3, Cap: 5 * time.Minute},
		WaveDelay:       2 * time.Second, HookTimeout: 6 * time.Hour, WaveTimeout: time.Hour, HelmStages: true,
		SetDoubt: time.Minute, Forges: ForgeSettings{Enabled: true},
		Server: ServerSettings{
			Session: 24 * time.Hour, Admin: true, PasswordPattern: "^.{8,32}$",
			ExecShells: []string{"bash", "sh", "powershell", "cmd"}, MaxPodLogs: 10, NoInheritance: true, AnonymizeUsers: true,
			BaseHRef: "/", GZip: true, FrameOptions: "sameorigin", ReplaceAllowed: true, ConnectionFresh: time.Hour,
			ContentTypes: []string{"application/json"},
		},
	}
	equal := cmp.Comparer(func(a, b Secret) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, parseSettings(records{}, nil), equal); diff != "" {
		t.Error(diff)
	}
	blank := map[string]string{"timeout.reconciliation": " ", "resource.exclusions": "\n", "helm.enable": ""}
	want.Raw = blank
	if diff := cmp.Diff(want, settingsFrom(blank), equal); diff != "" {
		t.Error(diff)
	}
}

func TestSettings(t *testing.T) {
	s := parseSettings(records{
		maps: map[string]map[string]string{
			settingsMap: {
				"url":                                "https://hawser.corp",
				"application.resourceTrackingMethod": "annotation+label",
				"application.instanceLabelKey":       "corp/app",
				"installationID":                     "blue",
				"timeout.reconciliation":             "3m",
				"timeout.reconciliation.jitter":      "0",
				"timeout.hard.reconciliation":        "1d12h",
				"resource.exclusions":                "- apiGroups: [\"*.cilium.io\"]\n  kinds: [Cilium*]\n  clusters: [\"https://a\"]\n",
				"resource.inclusions":                "- kinds: [Deployment]",
				"resource.compareoptions":            "ignoreAggregatedRoles: true\nignoreResourceStatusField: crd\n",
				"resource.customizations.ignoreDifferences.apps_Deployment":       "jsonPointers: [/spec/replicas]",
				"resource.customizations.ignoreDifferences.all":                   "managedFieldsManagers: [kube-controller-manager]",
				"resource.customizations.ignoreDifferences.Service":               "jqPathExpressions: [.spec.clusterIP]",
				"resource.customizations.ignoreDifferences.*.crossplane.io_*":     "jsonPointers: [/spec/x]",
				"resource.customizations.ignoreResourceUpdates.all":               "jsonPointers: [/status]",
				"resource.customizations.health.cert-manager.io_Certificate":      "return {}\n",
				"resource.customizations.useOpenLibs.cert-manager.io_Certificate": "true",
				"resource.customizations.health.Service":                          "return {status = 'Healthy'}",
				"resource.customizations.health.blank_Kind":                       " ",
				"resource.customizations.actions.apps_Deployment":                 "mergeBuiltinActions: true\ndiscovery.lua: return {go = {}}\ndefinitions:\n- name: go\n  action.lua: |\n    return obj\n",
				"resource.customizations.actions.blank_Kind":                      "\n",
				"resource.customizations":                                         "apps/StatefulSet:\n  ignoreDifferences: |\n    jsonPointers: [/spec/y]\nSecret:\n  health.lua: |\n    return {}\nbatch/CronJob:\n  actions: |\n    discovery.lua: return {}\n\"*.crossplane.io/*\":\n  health.lua.useOpenLibs: true\n  health.lua: |\n    return nil\n",
				"resource.sensitive.mask.annotations":                             "corp/token, corp/other,",
				"hawser.health.fallback":                                          "conditions",
				"kustomize.buildOptions":                                          "--enable-helm",
				"kustomize.enable":                                                "false",
				"helm.enable":                                                     "true",
				"jsonnet.enable":                                                  "false",
				"cluster.inClusterEnabled":                                        "false",
				"webhook.maxPayloadSizeMB":                                        "1",
				"hawser.webhook.unsigned":                                         "refuse",
				"hawser.repositories.insteadOf":                                   "- {prefix: https://github.com/, url: https://mirror.corp/gh/}",
				"hawser.drift.additions":                                          "none",
				"hawser.sync.hook.timeout":                                        "90m",
				"hawser.sync.wave.timeout":                                        "0",
				"hawser.helm.hooks":                                               "argocd",
				"hawser.applicationset.doubt":                                     "5m",
				"hawser.prune.guard":                                              "off",
				"application.sync.impersonation.enabled":                          "true",
				"application.sync.impersonation.enforced":                         "false",
				"hawser.clusters.programs":                                        "none",
				"hawser.charts.verify":                                            "https://charts.corp/*, ghcr.io/acme/*",
				"hawser.metrics.applicationset.labels":                            "team",
			},
			paramsMap: {
				"controller.self.heal.timeout.seconds":         "5",
				"controller.self.heal.backoff.timeout.seconds": "1",
				"controller.self.heal.backoff.factor":          "2",
				"controller.self.heal.backoff.cap.seconds":     "60",
				"controller.sync.timeout.seconds":              "600",
				"controller.sync.wave.delay.seconds":           "0",
				"controller.resource.health.persist":           "true",
				"controller.metrics.application.labels":        "team, example.org/tier",
				"controller.status.processors":                 "50",
				"controller.operation.processors":              "25",

				"applicationsetcontroller.enable.scm.providers":        "false",
				"applicationsetcontroller.allowed.scm.providers":       "https://git.corp/, https://lab.corp",
				"applicationsetcontroller.enable.tokenref.strict.mode": "true",
			},
			rbacMap: {"policy.default": "role:readonly"},
		},
		vault: map[string]string{
			"webhook.github.secret": "gh\n", "webhook.gitlab.secret": "gl", "webhook.gogs.secret": "go", "webhook.bitbucket.uuid": "{u}",
			"webhook.bitbucketserver.secret": "bs", "webhook.azuredevops.username": "au", "webhook.azuredevops.password": "ap",
		},
	}, nil)
	rule := func(group, kind string, set func(*v1alpha1.ResourceIgnoreDifferences)) v1alpha1.ResourceIgnoreDifferences {
		r := v1alpha1.ResourceIgnoreDifferences{Group: group, Kind: kind}
		set(&r)
		return r
	}
	want := &Settings{
		URL:            "https://hawser.corp",
		Tracking:       object.Tracking{Method: "annotation+label", InstanceLabel: "corp/app", InstallationID: "blue"},
		Reconciliation: 3 * time.Minute, HardReconciliation: 36 * time.Hour,
		Exclusions:            []Filter{{APIGroups: []string{"*.cilium.io"}, Kinds: []string{"Cilium*"}, Clusters: []string{"https://a"}}},
		Inclusions:            []Filter{{Kinds: []string{"Deployment"}}},
		IgnoreAggregatedRoles: true, IgnoreStatus: IgnoreStatusCRD,
		IgnoreDifferences: []v1alpha1.ResourceIgnoreDifferences{
			rule("*.crossplane.io", "*", func(r *v1alpha1.ResourceIgnoreDifferences) { r.JSONPointers = []string{"/spec/x"} }),
			rule("", "Service", func(r *v1alpha1.ResourceIgnoreDifferences) { r.JQPathExpressions = []string{".spec.clusterIP"} }),
			rule("*", "*", func(r *v1alpha1.ResourceIgnoreDifferences) {
				r.ManagedFieldsManagers = []string{"kube-controller-manager"}
			}),
			rule("apps", "Deployment", func(r *v1alpha1.ResourceIgnoreDifferences) { r.JSONPointers = []string{"/spec/replicas"} }),
			rule("apps", "StatefulSet", func(r *v1alpha1.ResourceIgnoreDifferences) { r.JSONPointers = []string{"/spec/y"} }),
		},
		HealthChecks: []HealthCheck{
			{"*.crossplane.io", "*", "return nil\n", true, "resource.customizations of *.crossplane.io/*"},
			{"", "Secret", "return {}\n", false, "resource.customizations of Secret"},
			{"", "Service", "return {status = 'Healthy'}", false, "resource.customizations.health.Service"},
			{"cert-manager.io", "Certificate", "return {}\n", true, "resource.customizations.health.cert-manager.io_Certificate"},
		},
		Actions: []action.Custom{
			{Group: "batch", Kind: "CronJob", Discovery: "return {}", Key: "resource.customizations of batch/CronJob"},
			{Group: "apps", Kind: "Deployment", Discovery: "return {go = {}}", MergeBuiltin: true, Key: "resource.customizations.actions.apps_Deployment",
				Definitions: []action.Definition{{Name: "go", Lua: "return obj\n"}}},
		},
		MaskAnnotations: []string{"corp/token", "corp/other"}, HealthFallback: true, PersistHealth: true,
		KustomizeBuildOptions: "--enable-helm", Helm: true,
		Webhook: Webhook{
			GitHub: NewSecret("gh"), GitLab: NewSecret("gl"), Gogs: NewSecret("go"), BitbucketUUID: NewSecret("{u}"),
			BitbucketServer: NewSecret("bs"), AzureUsername: NewSecret("au"), AzurePassword: NewSecret("ap"),
			RefuseUnsigned: true, MaxBytes: 1 << 20,
		},
		InsteadOf:     []config.Rewrite{{Prefix: "https://github.com/", URL: "https://mirror.corp/gh/"}},
		Impersonation: Impersonation{Enabled: true}, ClusterPrograms: []string{"none"}, AppLabels: []string{"team", "example.org/tier"}, SetLabels: []string{"team"}, VerifyCharts: []string{"https://charts.corp/*", "ghcr.io/acme/*"},
		SelfHeal:      SelfHeal{Timeout: 5 * time.Second, Backoff: time.Second, Factor: 2, Cap: time.Minute},
		SyncTimeout:   10 * time.Minute,
		HookTimeout:   90 * time.Minute,
		StatusWorkers: 50, OperationWorkers: 25,
		SetDoubt: 5 * time.Minute, Forges: ForgeSettings{Allowed: []string{"https://git.corp/", "https://lab.corp"}, Strict: true},
		RBAC: map[string]string{"policy.default": "role:readonly"},
	}
	want.Server = defaultServerSettings() // TestServerSettings
	want.Raw, want.Params = s.Raw, s.Params
	if s.Raw["url"] != "https://hawser.corp" || s.Params["controller.status.processors"] != "50" {
		t.Errorf("as they are: %v, %v", s.Raw, s.Params)
	}
	if diff := cmp.Diff(want, s, cmp.Comparer(func(a, b Secret) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedSettingKeepsWhatWasInForce(t *testing.T) {
	good := map[string]string{
		"timeout.reconciliation": "10m", "application.resourceTrackingMethod": "label", "helm.enable": "false",
		"resource.exclusions": "- kinds: [A]", "resource.compareoptions": "ignoreResourceStatusField: none",
		"resource.customizations.ignoreDifferences.apps_Deployment": "jsonPointers: [/a]",
		"hawser.repositories.insteadOf":                             "- {prefix: a/, url: b/}",
		"hawser.prune.guard":                                        "off",
	}
	bad := map[string]string{
		"timeout.reconciliation": "soon", "application.resourceTrackingMethod": "magic", "helm.enable": "perhaps",
		"resource.exclusions": "{", "resource.compareoptions": "ignoreResourceStatusField: some",
		"resource.customizations.ignoreDifferences.apps_Deployment": "[",
		"hawser.repositories.insteadOf":                             "- {prefix: a/, url: b}",
		"hawser.prune.guard":                                        "maybe",
	}
	before := settingsFrom(good)
	if len(before.Problems) > 0 {
		t.Fatal(before.Problems)
	}
	after := parseSettings(records{maps: map[string]map[string]string{settingsMap: bad}}, before)
	again := parseSettings(records{maps: map[string]map[string]string{settingsMap: bad}}, after)
	for _, s := range []*Settings{after, again} {
		for key := range bad {
			if !slices.ContainsFunc(s.Problems, func(err error) bool { return strings.Contains(err.Error(), "key "+key) }) {
				t.Errorf("no problem names %s: %v", key, s.Problems)
			}
		}
		c := *s
		c.Problems, c.Raw = nil, before.Raw // Raw is what stands there, right or wrong
		if diff := cmp.Diff(before, &c, cmp.Comparer(func(a, b Secret) bool { return a.Equal(b) })); diff != "" {
			t.Error(diff)
		}
	}
	fresh := settingsFrom(bad)
	if fresh.Reconciliation != 2*time.Minute || fresh.Exclusions != nil || !fresh.PruneGuard || !fresh.Helm {
		t.Errorf("without anything before, defaults must count: %+v", fresh)
	}
	if removed := parseSettings(records{}, after); removed.Reconciliation != 2*time.Minute || len(removed.Problems) > 0 {
		t.Errorf("a removed key means the default: %+v", removed)
	}
}

// A typing error in what takes rights away does not give them back.
func TestMalformedImpersonationIsEnforced(t *testing.T) {
	for _, value := range []string{"ture", "yes", "enabled"} {
		bad := map[string]string{"application.sync.impersonation.enabled": value, "application.sync.impersonation.enforced": value}
		if s := settingsFrom(bad); !s.Impersonation.Enabled || !s.Impersonation.Enforced || len(s.Problems) != 2 {
			t.Errorf("%q: %+v, %v", value, s.Impersonation, s.Problems)
		}
		before := settingsFrom(map[string]string{"application.sync.impersonation.enforced": "false"})
		if s := parseSettings(records{maps: map[string]map[string]string{settingsMap: bad}}, before); !s.Impersonation.Enabled || !s.Impersonation.Enforced {
			t.Errorf("%q after false: %+v", value, s.Impersonation)
		}
	}
}

func TestMalformedHealthCustomisations(t *testing.T) {
	good := settingsFrom(map[string]string{
		"resource.customizations":                      "a/B:\n  health.lua: return nil\n",
		"resource.customizations.health.c_D":           "return {}",
		"resource.customizations.useOpenLibs.c_D":      "true",
		"resource.customizations.useOpenLibs.without_": "perhaps", // belongs to no check: nobody asks
	})
	if len(good.Problems) > 0 || len(good.HealthChecks) != 2 {
		t.Fatal(good.Problems, good.HealthChecks)
	}
	bad := parseSettings(records{maps: map[string]map[string]string{settingsMap: {
		"resource.customizations":                 "[",
		"resource.customizations.health.c_D":      "return {}",
		"resource.customizations.useOpenLibs.c_D": "perhaps",
	}}}, good)
	want := []HealthCheck{
		{"a", "B", "return nil", false, "resource.customizations of a/B"},
		{"c", "D", "return {}", false, "resource.customizations.health.c_D"},
	}
	if diff := cmp.Diff(want, bad.HealthChecks); diff != "" || len(bad.Problems) != 2 {
		t.Error(diff, bad.Problems)
	}
	if _, problems := health.NewChecks([]health.Custom{health.Custom(want[0]), health.Custom(want[1])}); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestMalformedActionsKeepWhatWasInForce(t *testing.T) {
	const discovery = "discovery.lua: return {}\n"
	good := map[string]string{
		"resource.customizations":             "a/B:\n  actions: |\n    " + discovery,
		"resource.customizations.actions.c_D": discovery,
		"resource.customizations.actions.e_F": discovery,
	}
	before := settingsFrom(good)
	if len(before.Problems) > 0 || len(before.Actions) != 3 {
		t.Fatal(before.Problems, before.Actions)
	}
	for _, bad := range []string{"[", "definitions: []", "discovery.lua: [3]", discovery + "definitions: [{name: x}]", discovery + "definitions: [{action.lua: return obj}]", discovery + "definitions: x", discovery + "mergeBuiltinActions: perhaps"} {
		broken := maps.Clone(good)
		broken["resource.customizations.actions.c_D"] = bad
		after := parseSettings(records{maps: map[string]map[string]string{settingsMap: broken}}, before)
		if diff := cmp.Diff(before.Actions, after.Actions); diff != "" {
			t.Errorf("%s: %s", bad, diff)
		}
		if len(after.Problems) != 1 || !strings.Contains(after.Problems[0].Error(), "key resource.customizations.actions.c_D") {
			t.Errorf("%s: %v", bad, after.Problems)
		}
	}
	broken := maps.Clone(good)
	broken["resource.customizations"] = "a/B:\n  actions: '['\n"
	one := parseSettings(records{maps: map[string]map[string]string{settingsMap: broken}}, before)
	broken["resource.customizations"] = "["
	all := parseSettings(records{maps: map[string]map[string]string{settingsMap: broken}}, before)
	for _, s := range []*Settings{one, all} {
		if diff := cmp.Diff(before.Actions, s.Actions); diff != "" || len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Error(), "key resource.customizations") {
			t.Error(diff, s.Problems)
		}
	}
	if fresh := settingsFrom(broken); len(fresh.Actions) != 2 {
		t.Error("a malformed key takes others along:", fresh.Actions)
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90": 90 * time.Second, "180s": 3 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1d1h": 25 * time.Hour,
	} {
		if got, err := duration(in); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"-1s", "-5", "x", "1d5", "999999d", "1w", "9223372036s", "d", "d1h"} {
		if got, err := duration(in); err == nil {
			t.Errorf("%q: %v, want an error", in, got)
		}
	}
}

func TestWrittenEmptyExclusionsOverrideTheDefault(t *testing.T) {
	if s := settingsFrom(map[string]string{"resource.exclusions": "[]"}); s.Exclusions == nil {
		t.Error("an empty list became absent")
	}
}

func TestSecretsShowNowhere(t *testing.T) {
	const canary = "canary-value"
	s := settingsFrom(nil)
	s.Webhook.GitHub = NewSecret(canary)
	repo := Repository{URL: "https://x/y", Password: NewSecret(canary)}
	cluster := parseCluster(secretRecord{name: "c", kind: "cluster", data: map[string]string{
		"server": "https://a", "config": `{"bearerToken":"` + canary + `","tlsClientConfig":{"insecure":true}}`}}, clusterRules{})
	broken := parseCluster(secretRecord{name: "c", kind: "cluster", data: map[string]string{"server": "https://a", "config": `{"bearerToken": ["` + canary + `"]}`}}, clusterRules{})
	if broken.Problem == nil {
		t.Error("config with a wrong type is no problem")
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "settings", *s, "repository", repo, "cluster", cluster, "secret", NewSecret(canary))
	asJSON, err := json.Marshal(map[string]any{"s": s, "r": repo, "c": cluster})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(asJSON), fmt.Sprint(broken.Problem)}
	for _, v := range []any{s, *s, repo, &repo, cluster, &cluster, NewSecret(canary), []Secret{NewSecret(canary)}, struct{ hidden Secret }{NewSecret(canary)}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	for _, text := range shown {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("leaks: %s", text)
		}
	}
}
