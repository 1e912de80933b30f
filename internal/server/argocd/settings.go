package argocd

// SettingsQuery asks for Get, GetPlugins.
type SettingsQuery struct{}

// Settings answers Get.
type Settings struct {
	URL                       string                      `json:"url,omitempty" protobuf:"bytes,1,opt,name=url,proto3"`
	DexConfig                 *DexConfig                  `json:"dexConfig,omitempty" protobuf:"bytes,2,opt,name=dexConfig"`
	OIDCConfig                *OIDCConfig                 `json:"oidcConfig,omitempty" protobuf:"bytes,3,opt,name=oidcConfig"`
	AppLabelKey               string                      `json:"appLabelKey,omitempty" protobuf:"bytes,4,opt,name=appLabelKey,proto3"`
	ResourceOverrides         map[string]ResourceOverride `json:"resourceOverrides,omitempty" protobuf:"bytes,5,rep,name=resourceOverrides" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	StatusBadgeEnabled        bool                        `json:"statusBadgeEnabled,omitempty" protobuf:"varint,6,opt,name=statusBadgeEnabled,proto3"`
	GoogleAnalytics           *GoogleAnalyticsConfig      `json:"googleAnalytics,omitempty" protobuf:"bytes,7,opt,name=googleAnalytics"`
	KustomizeOptions          *KustomizeOptions           `json:"kustomizeOptions,omitempty" protobuf:"bytes,8,opt,name=kustomizeOptions"`
	Help                      *SettingsHelp               `json:"help,omitempty" protobuf:"bytes,9,opt,name=help"`
	Plugins                   []SettingsPlugin            `json:"plugins,omitempty" protobuf:"bytes,10,rep,name=plugins"`
	UserLoginsDisabled        bool                        `json:"userLoginsDisabled,omitempty" protobuf:"varint,11,opt,name=userLoginsDisabled,proto3"`
	ConfigManagementPlugins   []ConfigManagementPlugin    `json:"configManagementPlugins,omitempty" protobuf:"bytes,12,rep,name=configManagementPlugins"`
	KustomizeVersions         []string                    `json:"kustomizeVersions,omitempty" protobuf:"bytes,13,rep,name=kustomizeVersions"`
	UICSSURL                  string                      `json:"uiCssURL,omitempty" protobuf:"bytes,14,opt,name=uiCssURL,proto3"`
	UIBannerContent           string                      `json:"uiBannerContent,omitempty" protobuf:"bytes,15,opt,name=uiBannerContent,proto3"`
	UIBannerURL               string                      `json:"uiBannerURL,omitempty" protobuf:"bytes,16,opt,name=uiBannerURL,proto3"`
	PasswordPattern           string                      `json:"passwordPattern,omitempty" protobuf:"bytes,17,opt,name=passwordPattern,proto3"`
	TrackingMethod            string                      `json:"trackingMethod,omitempty" protobuf:"bytes,18,opt,name=trackingMethod,proto3"`
	UIBannerPermanent         bool                        `json:"uiBannerPermanent,omitempty" protobuf:"varint,19,opt,name=uiBannerPermanent,proto3"`
	UIBannerPosition          string                      `json:"uiBannerPosition,omitempty" protobuf:"bytes,20,opt,name=uiBannerPosition,proto3"`
	StatusBadgeRootURL        string                      `json:"statusBadgeRootUrl,omitempty" protobuf:"bytes,21,opt,name=statusBadgeRootUrl,proto3"`
	ExecEnabled               bool                        `json:"execEnabled,omitempty" protobuf:"varint,22,opt,name=execEnabled,proto3"`
	ControllerNamespace       string                      `json:"controllerNamespace,omitempty" protobuf:"bytes,23,opt,name=controllerNamespace,proto3"`
	AppsInAnyNamespaceEnabled bool                        `json:"appsInAnyNamespaceEnabled,omitempty" protobuf:"varint,24,opt,name=appsInAnyNamespaceEnabled,proto3"`
	ImpersonationEnabled      bool                        `json:"impersonationEnabled,omitempty" protobuf:"varint,25,opt,name=impersonationEnabled,proto3"`
	InstallationID            string                      `json:"installationID,omitempty" protobuf:"bytes,26,opt,name=installationID,proto3"`
	AdditionalURLs            []string                    `json:"additionalUrls,omitempty" protobuf:"bytes,27,rep,name=additionalUrls"`
	HydratorEnabled           bool                        `json:"hydratorEnabled,omitempty" protobuf:"varint,28,opt,name=hydratorEnabled,proto3"`
	SyncWithReplaceAllowed    bool                        `json:"syncWithReplaceAllowed,omitempty" protobuf:"varint,29,opt,name=syncWithReplaceAllowed,proto3"`
	UILoginButtonText         string                      `json:"uiLoginButtonText,omitempty" protobuf:"bytes,30,opt,name=uiLoginButtonText,proto3"`
	ResourceViewEnabled       bool                        `json:"resourceViewEnabled,omitempty" protobuf:"varint,31,opt,name=resourceViewEnabled,proto3"`

	// Ours. The issuers that a login can begin with, when there are several: oidcConfig is the first of them.
	OIDCProviders []OIDCProvider `json:"oidcProviders,omitempty" protobuf:"bytes,1001,rep,name=oidcProviders"`
}

// OIDCProvider is an issuer by what people call it: /auth/login?issuer=… begins a login with it.
type OIDCProvider struct {
	Name   string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Issuer string `json:"issuer,omitempty" protobuf:"bytes,2,opt,name=issuer,proto3"`
}

// GoogleAnalyticsConfig is part of other messages.
type GoogleAnalyticsConfig struct {
	TrackingID     string `json:"trackingID,omitempty" protobuf:"bytes,1,opt,name=trackingID,proto3"`
	AnonymizeUsers bool   `json:"anonymizeUsers,omitempty" protobuf:"varint,2,opt,name=anonymizeUsers,proto3"`
}

// SettingsPluginsResponse answers GetPlugins.
type SettingsPluginsResponse struct {
	Plugins []SettingsPlugin `json:"plugins,omitempty" protobuf:"bytes,1,rep,name=plugins"`
}

// SettingsHelp is part of other messages.
type SettingsHelp struct {
	ChatURL    string            `json:"chatUrl,omitempty" protobuf:"bytes,1,opt,name=chatUrl,proto3"`
	ChatText   string            `json:"chatText,omitempty" protobuf:"bytes,2,opt,name=chatText,proto3"`
	BinaryURLs map[string]string `json:"binaryUrls,omitempty" protobuf:"bytes,3,rep,name=binaryUrls" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
}

// SettingsPlugin is part of other messages.
type SettingsPlugin struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
}

// DexConfig is part of other messages.
type DexConfig struct {
	Connectors         []SettingsConnector `json:"connectors,omitempty" protobuf:"bytes,1,rep,name=connectors"`
	DexAuthConnectorID string              `json:"dexAuthConnectorID,omitempty" protobuf:"bytes,2,opt,name=dexAuthConnectorID,proto3"`
}

// SettingsConnector is part of other messages.
type SettingsConnector struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Type string `json:"type,omitempty" protobuf:"bytes,2,opt,name=type,proto3"`
	ID   string `json:"id,omitempty" protobuf:"bytes,3,opt,name=id,proto3"`
}

// OIDCConfig is part of other messages.
type OIDCConfig struct {
	Name                     string               `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Issuer                   string               `json:"issuer,omitempty" protobuf:"bytes,2,opt,name=issuer,proto3"`
	ClientID                 string               `json:"clientID,omitempty" protobuf:"bytes,3,opt,name=clientID,proto3"`
	CLIClientID              string               `json:"cliClientID,omitempty" protobuf:"bytes,4,opt,name=cliClientID,proto3"`
	Scopes                   []string             `json:"scopes,omitempty" protobuf:"bytes,5,rep,name=scopes"`
	IDTokenClaims            map[string]OIDCClaim `json:"idTokenClaims,omitempty" protobuf:"bytes,6,rep,name=idTokenClaims" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	EnablePKCEAuthentication bool                 `json:"enablePKCEAuthentication,omitempty" protobuf:"varint,7,opt,name=enablePKCEAuthentication,proto3"`
}

// OIDCClaim is what is asked of one claim of an ID token.
type OIDCClaim struct {
	Essential bool     `json:"essential,omitempty" protobuf:"varint,1,opt,name=essential,proto3"`
	Value     string   `json:"value,omitempty" protobuf:"bytes,2,opt,name=value,proto3"`
	Values    []string `json:"values,omitempty" protobuf:"bytes,3,rep,name=values"`
}
