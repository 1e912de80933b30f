package server

import (
	"encoding/json"
	"strings"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) settingsMethods() []method {
	return []method{
		unary("cluster.SettingsService/Get", anybody[argocd.SettingsQuery](), s.getSettings),
		unary("cluster.SettingsService/GetPlugins", loggedIn[argocd.SettingsQuery](), s.getPlugins),
	}
}

// getSettings tells a client what it must know to log in, and those who have more. What strangers are told is listed in
// a test that a person reads.
func (s *server) getSettings(c *call, _ *argocd.SettingsQuery) (*argocd.Settings, error) {
	all := s.Catalog.Settings()
	set := all.Server
	out := &argocd.Settings{
		URL: all.URL, AdditionalURLs: set.AdditionalURLs, StatusBadgeEnabled: set.Badge, StatusBadgeRootURL: set.BadgeURL,
		GoogleAnalytics:    &argocd.GoogleAnalyticsConfig{TrackingID: set.TrackingID, AnonymizeUsers: set.AnonymizeUsers},
		Help:               &argocd.SettingsHelp{ChatURL: shownLink(set.ChatURL), ChatText: set.ChatText, BinaryURLs: set.Downloads},
		UserLoginsDisabled: !s.anyLogin(), UICSSURL: set.CSSURL, UIBannerContent: set.BannerContent, UIBannerURL: shownLink(set.BannerURL),
		UIBannerPermanent: set.BannerPermanent, UIBannerPosition: set.BannerPosition, UILoginButtonText: set.LoginButtonText,
		ControllerNamespace: s.Namespace, InstallationID: all.Tracking.InstallationID,
		AppLabelKey: all.Tracking.InstanceLabel, TrackingMethod: all.Tracking.Method,
	}
	if list := s.Auth.Providers(); len(list) > 0 { // Argo CD's clients know one
		p := list[0]
		out.OIDCConfig = &argocd.OIDCConfig{Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, CLIClientID: p.CLIClientID, Scopes: p.Scopes, EnablePKCEAuthentication: p.PKCE}
		for name, raw := range p.IDTokenClaims {
			var claim argocd.OIDCClaim
			if json.Unmarshal(raw, &claim) == nil {
				if out.OIDCConfig.IDTokenClaims == nil {
					out.OIDCConfig.IDTokenClaims = map[string]argocd.OIDCClaim{}
				}
				out.OIDCConfig.IDTokenClaims[name] = claim
			}
		}
	}
	if list := s.Auth.Providers(); len(list) > 1 {
		for _, p := range list {
			out.OIDCProviders = append(out.OIDCProviders, argocd.OIDCProvider{Name: p.Name, Issuer: p.Issuer})
		}
	}
	if c.refused != nil || !c.who.LoggedIn() {
		return out, nil
	}
	out.PasswordPattern, out.ExecEnabled = set.PasswordPattern, set.Exec
	out.AppsInAnyNamespaceEnabled, out.ImpersonationEnabled = s.AnyNamespace, all.Impersonation.Enabled
	out.SyncWithReplaceAllowed = set.ReplaceAllowed
	out.ResourceViewEnabled = !set.NoResourceView
	out.KustomizeOptions = &argocd.KustomizeOptions{BuildOptions: all.KustomizeBuildOptions}
	for kind, o := range all.ResourceOverrides() {
		if out.ResourceOverrides == nil {
			out.ResourceOverrides = map[string]argocd.ResourceOverride{}
		}
		r := argocd.ResourceOverride{HealthLua: o.HealthLua, UseOpenLibs: o.UseOpenLibs, Actions: o.Actions,
			IgnoreDifferences: argocd.OverrideIgnoreDiff(o.IgnoreDifferences), IgnoreResourceUpdates: argocd.OverrideIgnoreDiff(o.IgnoreResourceUpdates)}
		for _, f := range o.KnownTypeFields {
			r.KnownTypeFields = append(r.KnownTypeFields, argocd.KnownTypeField(f))
		}
		out.ResourceOverrides[kind] = r
	}
	return out, nil
}

// anyLogin reports whether some local account may log in with a password.
func (s *server) anyLogin() bool {
	list, err := s.Auth.Accounts()
	if err != nil {
		return true
	}
	for _, a := range list {
		if a.Enabled && a.Can("login") {
			return true
		}
	}
	return false
}

// getPlugins answers with the plugins that render.
func (s *server) getPlugins(*call, *argocd.SettingsQuery) (*argocd.SettingsPluginsResponse, error) {
	out := &argocd.SettingsPluginsResponse{}
	if s.Plugins == nil {
		return out, nil
	}
	names, err := s.Plugins()
	for _, name := range names {
		out.Plugins = append(out.Plugins, argocd.SettingsPlugin{Name: name})
	}
	return out, err
}

// acceptsType reports whether a request that changes something may have that media type.
func (s *server) acceptsType(kind string) bool {
	if s.Catalog == nil {
		return kind == "application/json"
	}
	types := s.Catalog.Settings().Server.ContentTypes
	for _, t := range types {
		if strings.EqualFold(t, kind) {
			return true
		}
	}
	return types == nil
}

func (s *server) gzip() bool { return s.Catalog == nil || s.Catalog.Settings().Server.GZip }

// needsOverride reports whether a sync to another revision than Git prescribes needs a permission of its own.
func (s *server) needsOverride() bool { return s.Catalog.Settings().Server.OverrideForRevisionSync }

// base is the path below which we are served, without a slash at its end.
func (s *server) base() string { return strings.TrimRight(s.RootPath, "/") }
