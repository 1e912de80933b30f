package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// ServerSettings are what only the API and the page read. The comments name the key; those without another mention are
// in argocd-cm. Defaults are Argo CD's.
type ServerSettings struct {
	AdditionalURLs []string // additionalUrls, a YAML list: where people reach us, too

	Anonymous       bool          // users.anonymous.enabled (false)
	Session         time.Duration // users.session.duration (24h)
	Admin           bool          // admin.enabled (true)
	PasswordPattern string        // passwordPattern (^.{8,32}$)

	Badge    bool   // statusbadge.enabled (false)
	BadgeURL string // statusbadge.url: of badges, where it is another one

	Exec       bool     // exec.enabled (false)
	ExecShells []string // exec.shells (bash, sh, powershell, cmd): what may be started, in the order in which it is tried
	MaxPodLogs int64    // server.maxPodLogsToRender (10): of how many pods logs are followed at once

	NoInheritance           bool // server.rbac.disableApplicationFineGrainedRBACInheritance (true): update and delete do not include those of single resources
	RollbackAction          bool // server.rbac.rollback.enforce.enable (false): a rollback needs the action rollback instead of sync
	OverrideForRevisionSync bool // application.sync.requireOverridePrivilegeForRevisionSync (false): a sync to another revision needs override

	CSSURL           string // ui.cssurl
	BannerContent    string // ui.bannercontent
	BannerURL        string // ui.bannerurl
	BannerPermanent  bool   // ui.bannerpermanent (false)
	BannerPosition   string // ui.bannerposition
	LoginButtonText  string // ui.loginButtonText
	NoResourceView   bool   // ui.view.resources.disabled (false)
	ChatURL          string // help.chatUrl
	ChatText         string // help.chatText (Chat now!, where there is a chatUrl)
	TrackingID       string // ga.trackingid
	AnonymizeUsers   bool   // ga.anonymizeusers (true)
	ApplicationLinks string // application.links, raw
	ProjectLinks     string // project.links, raw
	ResourceLinks    string // resource.links, raw

	Downloads map[string]string // help.download.<system>: where the command line is to be had

	// Of argocd-cmd-params-cm, and read at the start:
	Insecure        bool          // server.insecure (false): plain HTTP
	BaseHRef        string        // server.basehref (/)
	RootPath        string        // server.rootpath
	GZip            bool          // server.enable.gzip (true)
	DisableAuth     bool          // server.disable.auth (false)
	DisableSwagger  bool          // server.disable.swagger.ui (false)
	FrameOptions    string        // server.x.frame.options (sameorigin)
	LogLevel        string        // server.log.level
	LogFormat       string        // server.log.format
	ReplaceAllowed  bool          // server.sync.replace.allowed (true)
	ConnectionFresh time.Duration // server.connection.status.cache.expiration (1h): how old the state of a connection may be that is shown

	// ContentTypes are those that requests with a body may have: server.api.content.types (application/json), separated
	// by semicolons. Set and empty, any is allowed: then it is nil.
	ContentTypes []string
}

func defaultServerSettings() ServerSettings {
	return ServerSettings{
		Session: 24 * time.Hour, Admin: true, PasswordPattern: `^.{8,32}$`,
		ExecShells: []string{"bash", "sh", "powershell", "cmd"}, MaxPodLogs: 10, NoInheritance: true, AnonymizeUsers: true,
		BaseHRef: "/", GZip: true, FrameOptions: "sameorigin", ReplaceAllowed: true, ConnectionFresh: time.Hour,
		ContentTypes: []string{"application/json"},
	}
}

const downloadPrefix = "help.download."

// parseServerSettings reads k, argocd-cm, and p, argocd-cmd-params-cm.
func parseServerSettings(k, p *keys, old ServerSettings) ServerSettings {
	s := defaultServerSettings()
	read(k, "additionalUrls", &s.AdditionalURLs, old.AdditionalURLs, stringList)
	read(k, "users.anonymous.enabled", &s.Anonymous, old.Anonymous, boolean)
	read(k, "users.session.duration", &s.Session, old.Session, duration)
	read(k, "admin.enabled", &s.Admin, old.Admin, boolean)
	read(k, "passwordPattern", &s.PasswordPattern, old.PasswordPattern, text)
	read(k, "statusbadge.enabled", &s.Badge, old.Badge, boolean)
	read(k, "statusbadge.url", &s.BadgeURL, old.BadgeURL, text)
	read(k, "exec.enabled", &s.Exec, old.Exec, boolean)
	read(k, "exec.shells", &s.ExecShells, old.ExecShells, names)
	read(k, "server.maxPodLogsToRender", &s.MaxPodLogs, old.MaxPodLogs, podLogs)
	read(k, "server.rbac.disableApplicationFineGrainedRBACInheritance", &s.NoInheritance, old.NoInheritance, boolean)
	read(k, "server.rbac.rollback.enforce.enable", &s.RollbackAction, old.RollbackAction, boolean)
	read(k, "application.sync.requireOverridePrivilegeForRevisionSync", &s.OverrideForRevisionSync, old.OverrideForRevisionSync, boolean)
	read(k, "ui.cssurl", &s.CSSURL, old.CSSURL, text)
	read(k, "ui.bannercontent", &s.BannerContent, old.BannerContent, text)
	read(k, "ui.bannerurl", &s.BannerURL, old.BannerURL, text)
	read(k, "ui.bannerpermanent", &s.BannerPermanent, old.BannerPermanent, boolean)
	read(k, "ui.bannerposition", &s.BannerPosition, old.BannerPosition, oneOf("top", "bottom", "both"))
	read(k, "ui.loginButtonText", &s.LoginButtonText, old.LoginButtonText, text)
	read(k, "ui.view.resources.disabled", &s.NoResourceView, old.NoResourceView, boolean)
	read(k, "help.chatUrl", &s.ChatURL, old.ChatURL, text)
	read(k, "help.chatText", &s.ChatText, old.ChatText, text)
	if s.ChatURL != "" && s.ChatText == "" {
		s.ChatText = "Chat now!"
	}
	read(k, "ga.trackingid", &s.TrackingID, old.TrackingID, text)
	read(k, "ga.anonymizeusers", &s.AnonymizeUsers, old.AnonymizeUsers, boolean)
	read(k, "application.links", &s.ApplicationLinks, old.ApplicationLinks, text)
	read(k, "project.links", &s.ProjectLinks, old.ProjectLinks, text)
	read(k, "resource.links", &s.ResourceLinks, old.ResourceLinks, text)
	for key, value := range k.values {
		if system, ok := strings.CutPrefix(key, downloadPrefix); ok && strings.TrimSpace(value) != "" {
			if s.Downloads == nil {
				s.Downloads = map[string]string{}
			}
			s.Downloads[system] = strings.TrimSpace(value)
		}
	}

	read(p, "server.insecure", &s.Insecure, old.Insecure, boolean)
	read(p, "server.basehref", &s.BaseHRef, old.BaseHRef, text)
	read(p, "server.rootpath", &s.RootPath, old.RootPath, text)
	read(p, "server.enable.gzip", &s.GZip, old.GZip, boolean)
	read(p, "server.disable.auth", &s.DisableAuth, old.DisableAuth, boolean)
	read(p, "server.disable.swagger.ui", &s.DisableSwagger, old.DisableSwagger, boolean)
	read(p, "server.x.frame.options", &s.FrameOptions, old.FrameOptions, text)
	read(p, "server.log.level", &s.LogLevel, old.LogLevel, oneOf("debug", "info", "warn", "error"))
	read(p, "server.log.format", &s.LogFormat, old.LogFormat, oneOf("text", "json"))
	read(p, "server.sync.replace.allowed", &s.ReplaceAllowed, old.ReplaceAllowed, boolean)
	read(p, "server.connection.status.cache.expiration", &s.ConnectionFresh, old.ConnectionFresh, duration)
	read(p, "server.api.content.types", &s.ContentTypes, old.ContentTypes, contentTypes)
	if value, set := p.values["server.api.content.types"]; set && strings.TrimSpace(value) == "" {
		s.ContentTypes = nil
	}
	return s
}

func stringList(s string) ([]string, error) {
	var list []string
	return list, parseYAML(s, &list)
}

func contentTypes(s string) ([]string, error) {
	var list []string
	for _, t := range strings.Split(s, ";") {
		if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
			list = append(list, t)
		}
	}
	return list, nil
}

func podLogs(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1000 {
		return 0, problem.New(problem.Invalid, "%q is not a number of pods from 1 to 1000", s)
	}
	return n, nil
}

// ResourceOverride is what argocd-cm says about a kind, as the API tells it.
type ResourceOverride struct {
	HealthLua             string
	UseOpenLibs           bool
	Actions               string // YAML
	IgnoreDifferences     OverrideIgnore
	IgnoreResourceUpdates OverrideIgnore
	KnownTypeFields       []KnownTypeField
}

// OverrideIgnore is which fields of a kind do not count.
type OverrideIgnore struct {
	JSONPointers          []string `json:"jsonPointers"`
	JQPathExpressions     []string `json:"jqPathExpressions"`
	ManagedFieldsManagers []string `json:"managedFieldsManagers"`
}

// KnownTypeField says that a field of a kind is of a type of Kubernetes.
type KnownTypeField struct {
	Field string `json:"field"`
	Type  string `json:"type"`
}

// ResourceOverrides returns what argocd-cm says about kinds, by group/Kind (Kind alone in the core group, */* for all),
// as Argo CD's settings have it. What cannot be read is left out; Problems has it where it counts.
func (s *Settings) ResourceOverrides() map[string]ResourceOverride {
	out := map[string]ResourceOverride{}
	var old map[string]struct {
		Health            string           `json:"health.lua"`
		OpenLibs          bool             `json:"health.lua.useOpenLibs"`
		Actions           string           `json:"actions"`
		IgnoreDifferences string           `json:"ignoreDifferences"` // YAML in YAML
		IgnoreUpdates     string           `json:"ignoreResourceUpdates"`
		KnownTypeFields   []KnownTypeField `json:"knownTypeFields"`
	}
	_ = parseYAML(s.Raw["resource.customizations"], &old)
	for kind, o := range old {
		r := ResourceOverride{HealthLua: o.Health, UseOpenLibs: o.OpenLibs, Actions: o.Actions, KnownTypeFields: o.KnownTypeFields}
		_ = parseYAML(o.IgnoreDifferences, &r.IgnoreDifferences)
		_ = parseYAML(o.IgnoreUpdates, &r.IgnoreResourceUpdates)
		out[kind] = r
	}
	for key, value := range s.Raw {
		rest, ok := strings.CutPrefix(key, "resource.customizations.")
		what, selector, found := strings.Cut(rest, ".")
		if !ok || !found {
			continue
		}
		group, kind := groupKind(selector)
		name := kind
		if group != "" {
			name = group + "/" + kind
		}
		r := out[name]
		switch what {
		case "health":
			r.HealthLua = value
		case "useOpenLibs":
			r.UseOpenLibs, _ = strconv.ParseBool(strings.TrimSpace(value))
		case "actions":
			r.Actions = value
		case "ignoreDifferences":
			r.IgnoreDifferences = OverrideIgnore{}
			_ = parseYAML(value, &r.IgnoreDifferences)
		case "ignoreResourceUpdates":
			r.IgnoreResourceUpdates = OverrideIgnore{}
			_ = parseYAML(value, &r.IgnoreResourceUpdates)
		case "knownTypeFields":
			r.KnownTypeFields = nil
			_ = parseYAML(value, &r.KnownTypeFields)
		default:
			continue
		}
		out[name] = r
	}
	where := map[IgnoreStatus]string{IgnoreStatusAll: "*/*", IgnoreStatusCRD: "apiextensions.k8s.io/CustomResourceDefinition"}[s.IgnoreStatus]
	if where != "" {
		r := out[where]
		r.IgnoreDifferences.JSONPointers = append(slices.Clone(r.IgnoreDifferences.JSONPointers), "/status")
		out[where] = r
	}
	return out
}
