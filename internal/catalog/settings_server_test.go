package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServerSettings(t *testing.T) {
	from := records{maps: map[string]map[string]string{
		settingsMap: {
			"additionalUrls": "- https://b.corp\n- https://c.corp\n", "users.anonymous.enabled": "true", "users.session.duration": "2h",
			"admin.enabled": "false", "passwordPattern": "^.{12,}$", "statusbadge.enabled": "true", "statusbadge.url": "https://badges.corp",
			"exec.enabled": "true", "exec.shells": "sh, ash", "server.maxPodLogsToRender": "25",
			"server.rbac.disableApplicationFineGrainedRBACInheritance": "false", "server.rbac.rollback.enforce.enable": "true",
			"application.sync.requireOverridePrivilegeForRevisionSync": "true",
			"ui.cssurl": "./a.css", "ui.bannercontent": "mind the gap", "ui.bannerurl": "https://status.corp", "ui.bannerpermanent": "true",
			"ui.bannerposition": "bottom", "ui.loginButtonText": "Come in", "ui.view.resources.disabled": "true",
			"help.chatUrl": "https://chat.corp", "help.download.linux-amd64": "https://dl.corp/l", "help.download.windows-amd64": " ",
			"ga.trackingid": "UA-1", "ga.anonymizeusers": "false",
			"application.links": "- url: https://x\n", "project.links": "- url: https://y\n", "resource.links": "- url: https://z\n",
		},
		paramsMap: {
			"server.insecure": "true", "server.basehref": "/argo", "server.rootpath": "/argo", "server.enable.gzip": "false",
			"server.disable.auth": "true", "server.disable.swagger.ui": "true", "server.x.frame.options": "deny", "server.log.level": "warn",
			"server.log.format": "json", "server.sync.replace.allowed": "false", "server.connection.status.cache.expiration": "5m",
			"server.api.content.types": "application/json; Application/YAML;",
		},
	}}
	s := parseSettings(from, nil)
	want := ServerSettings{
		AdditionalURLs: []string{"https://b.corp", "https://c.corp"}, Anonymous: true, Session: 2 * time.Hour, PasswordPattern: "^.{12,}$",
		Badge: true, BadgeURL: "https://badges.corp", Exec: true, ExecShells: []string{"sh", "ash"}, MaxPodLogs: 25,
		RollbackAction: true, OverrideForRevisionSync: true,
		CSSURL: "./a.css", BannerContent: "mind the gap", BannerURL: "https://status.corp", BannerPermanent: true, BannerPosition: "bottom",
		LoginButtonText: "Come in", NoResourceView: true, ChatURL: "https://chat.corp", ChatText: "Chat now!", TrackingID: "UA-1",
		ApplicationLinks: "- url: https://x", ProjectLinks: "- url: https://y", ResourceLinks: "- url: https://z",
		Downloads: map[string]string{"linux-amd64": "https://dl.corp/l"},
		Insecure:  true, BaseHRef: "/argo", RootPath: "/argo", DisableAuth: true, DisableSwagger: true, FrameOptions: "deny",
		LogLevel: "warn", LogFormat: "json", ConnectionFresh: 5 * time.Minute, ContentTypes: []string{"application/json", "application/yaml"},
	}
	if diff := cmp.Diff(want, s.Server); diff != "" {
		t.Error(diff)
	}
	if len(s.Problems) > 0 {
		t.Errorf("problems %v", s.Problems)
	}

	from.maps[paramsMap] = map[string]string{"server.api.content.types": ""}
	if s := parseSettings(from, s); s.Server.ContentTypes != nil {
		t.Errorf("an empty list permits all, got %q", s.Server.ContentTypes)
	}
}

// What switches something off must not be switched on by a typing error.
func TestMalformedServerSettingKeepsWhatWasInForce(t *testing.T) {
	good := settingsFrom(map[string]string{"users.anonymous.enabled": "false", "exec.shells": "sh", "admin.enabled": "false", "server.maxPodLogsToRender": "5"})
	bad := parseSettings(records{maps: map[string]map[string]string{
		settingsMap: {"users.anonymous.enabled": "of course", "admin.enabled": "nope", "server.maxPodLogsToRender": "1e9", "additionalUrls": "{"},
		paramsMap:   {"server.disable.auth": "maybe", "server.log.level": "loud"},
	}}, good)
	if bad.Server.Anonymous || bad.Server.Admin || bad.Server.MaxPodLogs != 5 || bad.Server.DisableAuth {
		t.Errorf("got %+v", bad.Server)
	}
	if len(bad.Problems) != 6 {
		t.Errorf("problems %v", bad.Problems)
	}
}

func TestResourceOverrides(t *testing.T) {
	s := settingsFrom(map[string]string{
		"resource.compareoptions": "ignoreResourceStatusField: crd",
		"resource.customizations": `
argoproj.io/Rollout:
  health.lua: return old
  ignoreDifferences: |
    jsonPointers: [/spec/replicas]
Secret:
  knownTypeFields: [{field: a, type: b}]
`,
		"resource.customizations.health.argoproj.io_Rollout":         "return new",
		"resource.customizations.useOpenLibs.argoproj.io_Rollout":    "true",
		"resource.customizations.actions.apps_Deployment":            "discovery.lua: return {}",
		"resource.customizations.ignoreResourceUpdates.all":          "jqPathExpressions: [.status]",
		"resource.customizations.ignoreDifferences.Service":          "managedFieldsManagers: [kubectl]",
		"resource.customizations.ignoreDifferences.apps_StatefulSet": "{",
		"resource.customizations.knownTypeFields.batch_Job":          "[{field: f, type: core/v1/PodSpec}]",
		"resource.customizations.somethingElse.batch_Job":            "x",
	})
	want := map[string]ResourceOverride{
		"argoproj.io/Rollout": {HealthLua: "return new", UseOpenLibs: true, IgnoreDifferences: OverrideIgnore{JSONPointers: []string{"/spec/replicas"}}},
		"Secret":              {KnownTypeFields: []KnownTypeField{{"a", "b"}}},
		"apps/Deployment":     {Actions: "discovery.lua: return {}"},
		"*/*":                 {IgnoreResourceUpdates: OverrideIgnore{JQPathExpressions: []string{".status"}}},
		"Service":             {IgnoreDifferences: OverrideIgnore{ManagedFieldsManagers: []string{"kubectl"}}},
		"apps/StatefulSet":    {},
		"batch/Job":           {KnownTypeFields: []KnownTypeField{{"f", "core/v1/PodSpec"}}},
		"apiextensions.k8s.io/CustomResourceDefinition": {IgnoreDifferences: OverrideIgnore{JSONPointers: []string{"/status"}}},
	}
	if diff := cmp.Diff(want, s.ResourceOverrides()); diff != "" {
		t.Error(diff)
	}
	if got := settingsFrom(nil).ResourceOverrides(); !cmp.Equal(got, map[string]ResourceOverride{"*/*": {IgnoreDifferences: OverrideIgnore{JSONPointers: []string{"/status"}}}}) {
		t.Errorf("of nothing: %v", got)
	}
}
