package argocd

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// RepoAppsQuery asks for ListApps.
type RepoAppsQuery struct {
	Repo       string `json:"repo,omitempty" protobuf:"bytes,1,opt,name=repo,proto3"`
	Revision   string `json:"revision,omitempty" protobuf:"bytes,2,opt,name=revision,proto3"`
	AppName    string `json:"appName,omitempty" protobuf:"bytes,3,opt,name=appName,proto3"`
	AppProject string `json:"appProject,omitempty" protobuf:"bytes,4,opt,name=appProject,proto3"`
}

// AppInfo is part of other messages.
type AppInfo struct {
	Type string `json:"type,omitempty" protobuf:"bytes,1,opt,name=type,proto3"`
	Path string `json:"path,omitempty" protobuf:"bytes,2,opt,name=path,proto3"`
}

// RepoAppDetailsQuery asks for GetAppDetails.
type RepoAppDetailsQuery struct {
	Source      *v1alpha1.ApplicationSource `json:"source,omitempty" protobuf:"bytes,1,opt,name=source"`
	AppName     string                      `json:"appName,omitempty" protobuf:"bytes,2,opt,name=appName,proto3"`
	AppProject  string                      `json:"appProject,omitempty" protobuf:"bytes,3,opt,name=appProject,proto3"`
	SourceIndex int32                       `json:"sourceIndex,omitempty" protobuf:"varint,4,opt,name=sourceIndex,proto3"`
	VersionID   int32                       `json:"versionId,omitempty" protobuf:"varint,5,opt,name=versionId,proto3"`
}

// RepoAppsResponse answers ListApps.
type RepoAppsResponse struct {
	Items []AppInfo `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// RepoQuery asks for List, Get, GetWrite, ListRepositories, ListWriteRepositories, ListRefs, ListOCITags, GetHelmCharts, Delete, DeleteRepository, DeleteWriteRepository.
type RepoQuery struct {
	Repo         string `json:"repo,omitempty" protobuf:"bytes,1,opt,name=repo,proto3"`
	ForceRefresh bool   `json:"forceRefresh,omitempty" protobuf:"varint,2,opt,name=forceRefresh,proto3"`
	AppProject   string `json:"appProject,omitempty" protobuf:"bytes,3,opt,name=appProject,proto3"`
}

// RepoAccessQuery asks for ValidateAccess, ValidateWriteAccess.
type RepoAccessQuery struct {
	Repo                              string `json:"repo,omitempty" protobuf:"bytes,1,opt,name=repo,proto3"`
	Username                          string `json:"username,omitempty" protobuf:"bytes,2,opt,name=username,proto3"`
	Password                          string `json:"password,omitempty" protobuf:"bytes,3,opt,name=password,proto3"`
	SSHPrivateKey                     string `json:"sshPrivateKey,omitempty" protobuf:"bytes,4,opt,name=sshPrivateKey,proto3"`
	Insecure                          bool   `json:"insecure,omitempty" protobuf:"varint,5,opt,name=insecure,proto3"`
	TLSClientCertData                 string `json:"tlsClientCertData,omitempty" protobuf:"bytes,6,opt,name=tlsClientCertData,proto3"`
	TLSClientCertKey                  string `json:"tlsClientCertKey,omitempty" protobuf:"bytes,7,opt,name=tlsClientCertKey,proto3"`
	Type                              string `json:"type,omitempty" protobuf:"bytes,9,opt,name=type,proto3"`
	Name                              string `json:"name,omitempty" protobuf:"bytes,10,opt,name=name,proto3"`
	EnableOCI                         bool   `json:"enableOci,omitempty" protobuf:"varint,11,opt,name=enableOci,proto3"`
	GithubAppPrivateKey               string `json:"githubAppPrivateKey,omitempty" protobuf:"bytes,12,opt,name=githubAppPrivateKey,proto3"`
	GithubAppID                       int64  `json:"githubAppID,omitempty" protobuf:"varint,13,opt,name=githubAppID,proto3"`
	GithubAppInstallationID           int64  `json:"githubAppInstallationID,omitempty" protobuf:"varint,14,opt,name=githubAppInstallationID,proto3"`
	GithubAppEnterpriseBaseURL        string `json:"githubAppEnterpriseBaseUrl,omitempty" protobuf:"bytes,15,opt,name=githubAppEnterpriseBaseUrl,proto3"`
	Proxy                             string `json:"proxy,omitempty" protobuf:"bytes,16,opt,name=proxy,proto3"`
	Project                           string `json:"project,omitempty" protobuf:"bytes,17,opt,name=project,proto3"`
	GCPServiceAccountKey              string `json:"gcpServiceAccountKey,omitempty" protobuf:"bytes,18,opt,name=gcpServiceAccountKey,proto3"`
	ForceHTTPBasicAuth                bool   `json:"forceHttpBasicAuth,omitempty" protobuf:"varint,19,opt,name=forceHttpBasicAuth,proto3"`
	UseAzureWorkloadIdentity          bool   `json:"useAzureWorkloadIdentity,omitempty" protobuf:"varint,20,opt,name=useAzureWorkloadIdentity,proto3"`
	BearerToken                       string `json:"bearerToken,omitempty" protobuf:"bytes,21,opt,name=bearerToken,proto3"`
	InsecureOCIForceHTTP              bool   `json:"insecureOciForceHttp,omitempty" protobuf:"varint,22,opt,name=insecureOciForceHttp,proto3"`
	AzureServicePrincipalClientID     string `json:"azureServicePrincipalClientId,omitempty" protobuf:"bytes,23,opt,name=azureServicePrincipalClientId,proto3"`
	AzureServicePrincipalClientSecret string `json:"azureServicePrincipalClientSecret,omitempty" protobuf:"bytes,24,opt,name=azureServicePrincipalClientSecret,proto3"`
	AzureServicePrincipalTenantID     string `json:"azureServicePrincipalTenantId,omitempty" protobuf:"bytes,25,opt,name=azureServicePrincipalTenantId,proto3"`
	AzureActiveDirectoryEndpoint      string `json:"azureActiveDirectoryEndpoint,omitempty" protobuf:"bytes,26,opt,name=azureActiveDirectoryEndpoint,proto3"`
}

// RepoResponse answers Delete, DeleteRepository, DeleteWriteRepository, ValidateAccess, ValidateWriteAccess.
type RepoResponse struct{}

// RepoCreateRequest asks for Create, CreateRepository, CreateWriteRepository.
type RepoCreateRequest struct {
	Repo      *Repository `json:"repo,omitempty" protobuf:"bytes,1,opt,name=repo"`
	Upsert    bool        `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
	CredsOnly bool        `json:"credsOnly,omitempty" protobuf:"varint,3,opt,name=credsOnly,proto3"`
}

// RepoUpdateRequest asks for Update, UpdateRepository, UpdateWriteRepository.
type RepoUpdateRequest struct {
	Repo *Repository `json:"repo,omitempty" protobuf:"bytes,1,opt,name=repo"`
}
