package argocd

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ApplicationSetTree is what an ApplicationSet generated.
type ApplicationSetTree struct {
	Nodes []ResourceNode `json:"nodes,omitempty" protobuf:"bytes,1,rep,name=nodes"`
}

// ApplicationTree is the objects of an application with what they own, down to pods.
type ApplicationTree struct {
	Nodes         []ResourceNode `json:"nodes,omitempty" protobuf:"bytes,1,rep,name=nodes"`
	OrphanedNodes []ResourceNode `json:"orphanedNodes,omitempty" protobuf:"bytes,2,rep,name=orphanedNodes"`
	Hosts         []HostInfo     `json:"hosts,omitempty" protobuf:"bytes,3,rep,name=hosts"`
	ShardsCount   int64          `json:"shardsCount,omitempty" protobuf:"bytes,4,opt,name=shardsCount"`
}

// ResourceNode is one object of a tree. Its reference is inlined in JSON and a message of its own on the wire.
type ResourceNode struct {
	ResourceRef     `json:",inline" protobuf:"bytes,1,opt,name=resourceRef"`
	ParentRefs      []ResourceRef           `json:"parentRefs,omitempty" protobuf:"bytes,2,opt,name=parentRefs"`
	Info            []InfoItem              `json:"info,omitempty" protobuf:"bytes,3,opt,name=info"`
	NetworkingInfo  *ResourceNetworkingInfo `json:"networkingInfo,omitempty" protobuf:"bytes,4,opt,name=networkingInfo"`
	ResourceVersion string                  `json:"resourceVersion,omitempty" protobuf:"bytes,5,opt,name=resourceVersion"`
	Images          []string                `json:"images,omitempty" protobuf:"bytes,6,opt,name=images"`
	Health          *v1alpha1.HealthStatus  `json:"health,omitempty" protobuf:"bytes,7,opt,name=health"`
	CreatedAt       *metav1.Time            `json:"createdAt,omitempty" protobuf:"bytes,8,opt,name=createdAt"`
}

// ResourceRef names one object.
type ResourceRef struct {
	Group     string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	Version   string `json:"version,omitempty" protobuf:"bytes,2,opt,name=version"`
	Kind      string `json:"kind,omitempty" protobuf:"bytes,3,opt,name=kind"`
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,4,opt,name=namespace"`
	Name      string `json:"name,omitempty" protobuf:"bytes,5,opt,name=name"`
	UID       string `json:"uid,omitempty" protobuf:"bytes,6,opt,name=uid"`
}

// ResourceNetworkingInfo is how traffic reaches an object and where it sends it.
type ResourceNetworkingInfo struct {
	TargetLabels map[string]string            `json:"targetLabels,omitempty" protobuf:"bytes,1,opt,name=targetLabels"`
	TargetRefs   []ResourceRef                `json:"targetRefs,omitempty" protobuf:"bytes,2,opt,name=targetRefs"`
	Labels       map[string]string            `json:"labels,omitempty" protobuf:"bytes,3,opt,name=labels"`
	Ingress      []corev1.LoadBalancerIngress `json:"ingress,omitempty" protobuf:"bytes,4,opt,name=ingress"`
	ExternalURLs []string                     `json:"externalURLs,omitempty" protobuf:"bytes,5,opt,name=externalURLs"`
}

// HostInfo is a node that pods of the application run on.
type HostInfo struct {
	Name          string                `json:"name,omitempty" protobuf:"bytes,1,name=name"`
	ResourcesInfo []HostResourceInfo    `json:"resourcesInfo,omitempty" protobuf:"bytes,2,name=resourcesInfo"`
	SystemInfo    corev1.NodeSystemInfo `json:"systemInfo,omitempty" protobuf:"bytes,3,opt,name=systemInfo"`
	Labels        map[string]string     `json:"labels,omitempty" protobuf:"bytes,4,opt,name=labels"`
}

// HostResourceInfo is a node's capacity of one resource and who asks for it, in thousandths for cpu and bytes for memory.
type HostResourceInfo struct {
	ResourceName         corev1.ResourceName `json:"resourceName,omitempty" protobuf:"bytes,1,name=resourceName"`
	RequestedByApp       int64               `json:"requestedByApp,omitempty" protobuf:"bytes,2,name=requestedByApp"`
	RequestedByNeighbors int64               `json:"requestedByNeighbors,omitempty" protobuf:"bytes,3,name=requestedByNeighbors"`
	Capacity             int64               `json:"capacity,omitempty" protobuf:"bytes,4,name=capacity"`
}

// InfoItem is one fact shown beside an object.
type InfoItem struct {
	Name  string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	Value string `json:"value,omitempty" protobuf:"bytes,2,opt,name=value"`
}

// Cluster is a target cluster. Answers never hold credentials: Config is only what a client sends.
type Cluster struct {
	ID                 string            `json:"-"`
	Server             string            `json:"server" protobuf:"bytes,1,opt,name=server"`
	Name               string            `json:"name" protobuf:"bytes,2,opt,name=name"`
	Config             ClusterConfig     `json:"config" protobuf:"bytes,3,opt,name=config"`
	ConnectionState    ConnectionState   `json:"connectionState,omitempty" protobuf:"bytes,4,opt,name=connectionState"`
	ServerVersion      string            `json:"serverVersion,omitempty" protobuf:"bytes,5,opt,name=serverVersion"`
	Namespaces         []string          `json:"namespaces,omitempty" protobuf:"bytes,6,opt,name=namespaces"`
	RefreshRequestedAt *metav1.Time      `json:"refreshRequestedAt,omitempty" protobuf:"bytes,7,opt,name=refreshRequestedAt"`
	Info               ClusterInfo       `json:"info,omitempty" protobuf:"bytes,8,opt,name=info"`
	Shard              *int64            `json:"shard,omitempty" protobuf:"bytes,9,opt,name=shard"`
	ClusterResources   bool              `json:"clusterResources,omitempty" protobuf:"bytes,10,opt,name=clusterResources"`
	Project            string            `json:"project,omitempty" protobuf:"bytes,11,opt,name=project"`
	Labels             map[string]string `json:"labels,omitempty" protobuf:"bytes,12,opt,name=labels"`
	Annotations        map[string]string `json:"annotations,omitempty" protobuf:"bytes,13,opt,name=annotations"`
	metav1.ObjectMeta  `json:"-"`
}

// ClusterList answers List of clusters.
type ClusterList struct {
	metav1.ListMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	Items           []Cluster `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// ClusterInfo is what we know of a cluster from watching it.
type ClusterInfo struct {
	ConnectionState   ConnectionState  `json:"connectionState,omitempty" protobuf:"bytes,1,opt,name=connectionState"`
	ServerVersion     string           `json:"serverVersion,omitempty" protobuf:"bytes,2,opt,name=serverVersion"`
	CacheInfo         ClusterCacheInfo `json:"cacheInfo,omitempty" protobuf:"bytes,3,opt,name=cacheInfo"`
	ApplicationsCount int64            `json:"applicationsCount" protobuf:"bytes,4,opt,name=applicationsCount"`
	APIVersions       []string         `json:"apiVersions,omitempty" protobuf:"bytes,5,opt,name=apiVersions"`
}

// ClusterCacheInfo is the size and age of what we know of a cluster.
type ClusterCacheInfo struct {
	ResourcesCount    int64        `json:"resourcesCount,omitempty" protobuf:"bytes,1,opt,name=resourcesCount"`
	APIsCount         int64        `json:"apisCount,omitempty" protobuf:"bytes,2,opt,name=apisCount"`
	LastCacheSyncTime *metav1.Time `json:"lastCacheSyncTime,omitempty" protobuf:"bytes,3,opt,name=lastCacheSyncTime"`
}

// ClusterConfig is how to connect to a cluster: the JSON in a cluster Secret's config.
type ClusterConfig struct {
	Username           string `json:"username,omitempty" protobuf:"bytes,1,opt,name=username"`
	Password           string `json:"password,omitempty" protobuf:"bytes,2,opt,name=password"`
	BearerToken        string `json:"bearerToken,omitempty" protobuf:"bytes,3,opt,name=bearerToken"`
	TLSClientConfig    `json:"tlsClientConfig" protobuf:"bytes,4,opt,name=tlsClientConfig"`
	AWSAuthConfig      *AWSAuthConfig      `json:"awsAuthConfig,omitempty" protobuf:"bytes,5,opt,name=awsAuthConfig"`
	ExecProviderConfig *ExecProviderConfig `json:"execProviderConfig,omitempty" protobuf:"bytes,6,opt,name=execProviderConfig"`
	DisableCompression bool                `json:"disableCompression,omitempty" protobuf:"bytes,7,opt,name=disableCompression"`
	ProxyURL           string              `json:"proxyUrl,omitempty" protobuf:"bytes,8,opt,name=proxyUrl"`
}

// TLSClientConfig is the TLS part of a ClusterConfig; data are PEM.
type TLSClientConfig struct {
	Insecure   bool   `json:"insecure" protobuf:"bytes,1,opt,name=insecure"`
	ServerName string `json:"serverName,omitempty" protobuf:"bytes,2,opt,name=serverName"`
	CertData   []byte `json:"certData,omitempty" protobuf:"bytes,3,opt,name=certData"`
	KeyData    []byte `json:"keyData,omitempty" protobuf:"bytes,4,opt,name=keyData"`
	CAData     []byte `json:"caData,omitempty" protobuf:"bytes,5,opt,name=caData"`
}

// AWSAuthConfig asks for credentials of EKS.
type AWSAuthConfig struct {
	ClusterName string `json:"clusterName,omitempty" protobuf:"bytes,1,opt,name=clusterName"`
	RoleARN     string `json:"roleARN,omitempty" protobuf:"bytes,2,opt,name=roleARN"`
	Profile     string `json:"profile,omitempty" protobuf:"bytes,3,opt,name=profile"`
}

// ExecProviderConfig asks for credentials from a command.
type ExecProviderConfig struct {
	Command            string                `json:"command,omitempty" protobuf:"bytes,1,opt,name=command"`
	Args               []string              `json:"args,omitempty" protobuf:"bytes,2,rep,name=args"`
	Env                map[string]string     `json:"env,omitempty" protobuf:"bytes,3,opt,name=env"`
	APIVersion         string                `json:"apiVersion,omitempty" protobuf:"bytes,4,opt,name=apiVersion"`
	InstallHint        string                `json:"installHint,omitempty" protobuf:"bytes,5,opt,name=installHint"`
	ProvideClusterInfo bool                  `json:"provideClusterInfo,omitempty" protobuf:"bytes,6,opt,name=provideClusterInfo"`
	Config             *runtime.RawExtension `json:"config,omitempty" protobuf:"bytes,7,opt,name=config"`
}

// ConnectionState says whether something can be reached: Successful, Failed or Unknown.
type ConnectionState struct {
	Status     string       `json:"status" protobuf:"bytes,1,opt,name=status"`
	Message    string       `json:"message" protobuf:"bytes,2,opt,name=message"`
	ModifiedAt *metav1.Time `json:"attemptedAt" protobuf:"bytes,3,opt,name=attemptedAt"`
}

// GnuPGPublicKey is a key that signatures of commits are checked with.
type GnuPGPublicKey struct {
	KeyID       string `json:"keyID" protobuf:"bytes,1,opt,name=keyID"`
	Fingerprint string `json:"fingerprint,omitempty" protobuf:"bytes,2,opt,name=fingerprint"`
	Owner       string `json:"owner,omitempty" protobuf:"bytes,3,opt,name=owner"`
	Trust       string `json:"trust,omitempty" protobuf:"bytes,4,opt,name=trust"`
	SubType     string `json:"subType,omitempty" protobuf:"bytes,5,opt,name=subType"`
	KeyData     string `json:"keyData,omitempty" protobuf:"bytes,6,opt,name=keyData"`
}

// GnuPGPublicKeyList answers List of keys.
type GnuPGPublicKeyList struct {
	metav1.ListMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	Items           []GnuPGPublicKey `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// Repository is a repository as registered. Answers never hold credentials: those fields are only what a client sends.
type Repository struct {
	Repo                              string          `json:"repo" protobuf:"bytes,1,opt,name=repo"`
	Username                          string          `json:"username,omitempty" protobuf:"bytes,2,opt,name=username"`
	Password                          string          `json:"password,omitempty" protobuf:"bytes,3,opt,name=password"`
	SSHPrivateKey                     string          `json:"sshPrivateKey,omitempty" protobuf:"bytes,4,opt,name=sshPrivateKey"`
	ConnectionState                   ConnectionState `json:"connectionState,omitempty" protobuf:"bytes,5,opt,name=connectionState"`
	InsecureIgnoreHostKey             bool            `json:"insecureIgnoreHostKey,omitempty" protobuf:"bytes,6,opt,name=insecureIgnoreHostKey"`
	Insecure                          bool            `json:"insecure,omitempty" protobuf:"bytes,7,opt,name=insecure"`
	EnableLFS                         bool            `json:"enableLfs,omitempty" protobuf:"bytes,8,opt,name=enableLfs"`
	TLSClientCertData                 string          `json:"tlsClientCertData,omitempty" protobuf:"bytes,9,opt,name=tlsClientCertData"`
	TLSClientCertKey                  string          `json:"tlsClientCertKey,omitempty" protobuf:"bytes,10,opt,name=tlsClientCertKey"`
	Type                              string          `json:"type,omitempty" protobuf:"bytes,11,opt,name=type"`
	Name                              string          `json:"name,omitempty" protobuf:"bytes,12,opt,name=name"`
	InheritedCreds                    bool            `json:"inheritedCreds,omitempty" protobuf:"bytes,13,opt,name=inheritedCreds"`
	EnableOCI                         bool            `json:"enableOCI,omitempty" protobuf:"bytes,14,opt,name=enableOCI"`
	GithubAppPrivateKey               string          `json:"githubAppPrivateKey,omitempty" protobuf:"bytes,15,opt,name=githubAppPrivateKey"`
	GithubAppID                       int64           `json:"githubAppID,omitempty" protobuf:"bytes,16,opt,name=githubAppID"`
	GithubAppInstallationID           int64           `json:"githubAppInstallationID,omitempty" protobuf:"bytes,17,opt,name=githubAppInstallationID"`
	GitHubAppEnterpriseBaseURL        string          `json:"githubAppEnterpriseBaseUrl,omitempty" protobuf:"bytes,18,opt,name=githubAppEnterpriseBaseUrl"`
	Proxy                             string          `json:"proxy,omitempty" protobuf:"bytes,19,opt,name=proxy"`
	Project                           string          `json:"project,omitempty" protobuf:"bytes,20,opt,name=project"`
	GCPServiceAccountKey              string          `json:"gcpServiceAccountKey,omitempty" protobuf:"bytes,21,opt,name=gcpServiceAccountKey"`
	ForceHTTPBasicAuth                bool            `json:"forceHttpBasicAuth,omitempty" protobuf:"bytes,22,opt,name=forceHttpBasicAuth"`
	NoProxy                           string          `json:"noProxy,omitempty" protobuf:"bytes,23,opt,name=noProxy"`
	UseAzureWorkloadIdentity          bool            `json:"useAzureWorkloadIdentity,omitempty" protobuf:"bytes,24,opt,name=useAzureWorkloadIdentity"`
	BearerToken                       string          `json:"bearerToken,omitempty" protobuf:"bytes,25,opt,name=bearerToken"`
	InsecureOCIForceHTTP              bool            `json:"insecureOCIForceHttp,omitempty" protobuf:"bytes,26,opt,name=insecureOCIForceHttp"`
	Depth                             int64           `json:"depth,omitempty" protobuf:"bytes,27,opt,name=depth"`
	WebhookManifestCacheWarmDisabled  bool            `json:"webhookManifestCacheWarmDisabled,omitempty" protobuf:"varint,28,opt,name=webhookManifestCacheWarmDisabled"`
	AzureServicePrincipalClientID     string          `json:"azureServicePrincipalClientId,omitempty" protobuf:"bytes,29,opt,name=azureServicePrincipalClientId"`
	AzureServicePrincipalClientSecret string          `json:"azureServicePrincipalClientSecret,omitempty" protobuf:"bytes,30,opt,name=azureServicePrincipalClientSecret"`
	AzureServicePrincipalTenantID     string          `json:"azureServicePrincipalTenantId,omitempty" protobuf:"bytes,31,opt,name=azureServicePrincipalTenantId"`
	AzureActiveDirectoryEndpoint      string          `json:"azureActiveDirectoryEndpoint,omitempty" protobuf:"bytes,32,opt,name=azureActiveDirectoryEndpoint"`
}

// RepositoryList answers List of repositories.
type RepositoryList struct {
	metav1.ListMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	Items           []Repository `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// RepoCreds is credentials for all repositories below a URL. Answers never hold the credentials.
type RepoCreds struct {
	URL                               string `json:"url" protobuf:"bytes,1,opt,name=url"`
	Username                          string `json:"username,omitempty" protobuf:"bytes,2,opt,name=username"`
	Password                          string `json:"password,omitempty" protobuf:"bytes,3,opt,name=password"`
	SSHPrivateKey                     string `json:"sshPrivateKey,omitempty" protobuf:"bytes,4,opt,name=sshPrivateKey"`
	TLSClientCertData                 string `json:"tlsClientCertData,omitempty" protobuf:"bytes,5,opt,name=tlsClientCertData"`
	TLSClientCertKey                  string `json:"tlsClientCertKey,omitempty" protobuf:"bytes,6,opt,name=tlsClientCertKey"`
	GithubAppPrivateKey               string `json:"githubAppPrivateKey,omitempty" protobuf:"bytes,7,opt,name=githubAppPrivateKey"`
	GithubAppID                       int64  `json:"githubAppID,omitempty" protobuf:"bytes,8,opt,name=githubAppID"`
	GithubAppInstallationID           int64  `json:"githubAppInstallationID,omitempty" protobuf:"bytes,9,opt,name=githubAppInstallationID"`
	GitHubAppEnterpriseBaseURL        string `json:"githubAppEnterpriseBaseUrl,omitempty" protobuf:"bytes,10,opt,name=githubAppEnterpriseBaseUrl"`
	EnableOCI                         bool   `json:"enableOCI,omitempty" protobuf:"bytes,11,opt,name=enableOCI"`
	Type                              string `json:"type,omitempty" protobuf:"bytes,12,opt,name=type"`
	GCPServiceAccountKey              string `json:"gcpServiceAccountKey,omitempty" protobuf:"bytes,13,opt,name=gcpServiceAccountKey"`
	Proxy                             string `json:"proxy,omitempty" protobuf:"bytes,19,opt,name=proxy"`
	ForceHTTPBasicAuth                bool   `json:"forceHttpBasicAuth,omitempty" protobuf:"bytes,20,opt,name=forceHttpBasicAuth"`
	NoProxy                           string `json:"noProxy,omitempty" protobuf:"bytes,23,opt,name=noProxy"`
	UseAzureWorkloadIdentity          bool   `json:"useAzureWorkloadIdentity,omitempty" protobuf:"bytes,24,opt,name=useAzureWorkloadIdentity"`
	BearerToken                       string `json:"bearerToken,omitempty" protobuf:"bytes,25,opt,name=bearerToken"`
	InsecureOCIForceHTTP              bool   `json:"insecureOCIForceHttp,omitempty" protobuf:"bytes,26,opt,name=insecureOCIForceHttp"`
	AzureServicePrincipalClientID     string `json:"azureServicePrincipalClientId,omitempty" protobuf:"bytes,29,opt,name=azureServicePrincipalClientId"`
	AzureServicePrincipalClientSecret string `json:"azureServicePrincipalClientSecret,omitempty" protobuf:"bytes,30,opt,name=azureServicePrincipalClientSecret"`
	AzureServicePrincipalTenantID     string `json:"azureServicePrincipalTenantId,omitempty" protobuf:"bytes,31,opt,name=azureServicePrincipalTenantId"`
	AzureActiveDirectoryEndpoint      string `json:"azureActiveDirectoryEndpoint,omitempty" protobuf:"bytes,32,opt,name=azureActiveDirectoryEndpoint"`
}

// RepoCredsList answers List of credentials.
type RepoCredsList struct {
	metav1.ListMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	Items           []RepoCreds `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// RepositoryCertificate is an ssh host key or a TLS certificate of a server.
type RepositoryCertificate struct {
	ServerName  string `json:"serverName" protobuf:"bytes,1,opt,name=serverName"`
	CertType    string `json:"certType" protobuf:"bytes,2,opt,name=certType"`
	CertSubType string `json:"certSubType" protobuf:"bytes,3,opt,name=certSubType"`
	CertData    []byte `json:"certData" protobuf:"bytes,4,opt,name=certData"`
	CertInfo    string `json:"certInfo" protobuf:"bytes,5,opt,name=certInfo"`
}

// RepositoryCertificateList answers List of certificates.
type RepositoryCertificateList struct {
	metav1.ListMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	Items           []RepositoryCertificate `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// ResourceActionParam is a parameter that an action takes.
type ResourceActionParam struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
}

// ResourceAction is something that can be done with an object.
type ResourceAction struct {
	Name        string                `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	Params      []ResourceActionParam `json:"params,omitempty" protobuf:"bytes,2,rep,name=params"`
	Disabled    bool                  `json:"disabled,omitempty" protobuf:"varint,3,opt,name=disabled"`
	IconClass   string                `json:"iconClass,omitempty" protobuf:"bytes,4,opt,name=iconClass"`
	DisplayName string                `json:"displayName,omitempty" protobuf:"bytes,5,opt,name=displayName"`
}

// ResourceDiff is one object on both sides, each as JSON.
type ResourceDiff struct {
	Group               string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	Kind                string `json:"kind,omitempty" protobuf:"bytes,2,opt,name=kind"`
	Namespace           string `json:"namespace,omitempty" protobuf:"bytes,3,opt,name=namespace"`
	Name                string `json:"name,omitempty" protobuf:"bytes,4,opt,name=name"`
	TargetState         string `json:"targetState,omitempty" protobuf:"bytes,5,opt,name=targetState"`
	LiveState           string `json:"liveState,omitempty" protobuf:"bytes,6,opt,name=liveState"`
	Diff                string `json:"diff,omitempty" protobuf:"bytes,7,opt,name=diff"`
	Hook                bool   `json:"hook,omitempty" protobuf:"bytes,8,opt,name=hook"`
	NormalizedLiveState string `json:"normalizedLiveState,omitempty" protobuf:"bytes,9,opt,name=normalizedLiveState"`
	PredictedLiveState  string `json:"predictedLiveState,omitempty" protobuf:"bytes,10,opt,name=predictedLiveState"`
	ResourceVersion     string `json:"resourceVersion,omitempty" protobuf:"bytes,11,opt,name=resourceVersion"`
	Modified            bool   `json:"modified,omitempty" protobuf:"bytes,12,opt,name=modified"`

	// Ours, beyond the contract: what differs, field by field, and what a person should know.
	Changes    []FieldChange `json:"changes,omitempty" protobuf:"bytes,1001,rep,name=changes"`
	Problem    string        `json:"problem,omitempty" protobuf:"bytes,1002,opt,name=problem,proto3"`       // why the two sides could not be compared
	Refused    string        `json:"refused,omitempty" protobuf:"bytes,1003,opt,name=refused,proto3"`       // why the project does not permit the object
	SharedWith string        `json:"sharedWith,omitempty" protobuf:"bytes,1004,opt,name=sharedWith,proto3"` // the other application that the live object belongs to
}

// FieldChange is one field that differs, and who wrote what is live.
type FieldChange struct {
	Path    string       `json:"path" protobuf:"bytes,1,opt,name=path,proto3"`                 // spec.template.spec.containers[name=web].image
	Kind    string       `json:"kind" protobuf:"bytes,2,opt,name=kind,proto3"`                 // Modified, Removed (live lacks it), Added (Git does not have it)
	Git     string       `json:"git,omitempty" protobuf:"bytes,3,opt,name=git,proto3"`         // as JSON
	Live    string       `json:"live,omitempty" protobuf:"bytes,4,opt,name=live,proto3"`       // as JSON
	Manager string       `json:"manager,omitempty" protobuf:"bytes,5,opt,name=manager,proto3"` // field manager that wrote the live value
	Time    *metav1.Time `json:"time,omitempty" protobuf:"bytes,6,opt,name=time"`              // when
	Ours    bool         `json:"ours,omitempty" protobuf:"varint,7,opt,name=ours,proto3"`      // an earlier sync wrote it: Git has moved on
}

// RevisionMetadata is who made a commit, when and why.
type RevisionMetadata struct {
	Author                string                      `json:"author,omitempty" protobuf:"bytes,1,opt,name=author"`
	Date                  *metav1.Time                `json:"date,omitempty" protobuf:"bytes,2,opt,name=date"`
	Tags                  []string                    `json:"tags,omitempty" protobuf:"bytes,3,opt,name=tags"`
	Message               string                      `json:"message,omitempty" protobuf:"bytes,4,opt,name=message"`
	SignatureInfo         string                      `json:"signatureInfo,omitempty" protobuf:"bytes,5,opt,name=signatureInfo"`
	References            []RevisionReference         `json:"references,omitempty" protobuf:"bytes,6,opt,name=references"`
	SourceIntegrityResult *SourceIntegrityCheckResult `json:"sourceIntegrityResult,omitempty" protobuf:"bytes,7,opt,name=sourceIntegrityResult"`
}

// RevisionReference names a commit that a commit refers to.
type RevisionReference struct {
	Commit *CommitMetadata `json:"commit,omitempty" protobuf:"bytes,1,opt,name=commit"`
}

// CommitMetadata is a commit of another repository.
type CommitMetadata struct {
	Author  string `json:"author,omitempty" protobuf:"bytes,1,opt,name=author"`
	Date    string `json:"date,omitempty" protobuf:"bytes,2,opt,name=date"`
	Subject string `json:"subject,omitempty" protobuf:"bytes,3,opt,name=subject"`
	Body    string `json:"body,omitempty" protobuf:"bytes,4,opt,name=body"`
	SHA     string `json:"sha,omitempty" protobuf:"bytes,5,opt,name=sha"`
	RepoURL string `json:"repoUrl,omitempty" protobuf:"bytes,6,opt,name=repoUrl"`
}

// ChartDetails is what a Helm chart says of itself.
type ChartDetails struct {
	Description string   `json:"description,omitempty" protobuf:"bytes,1,opt,name=description"`
	Home        string   `json:"home,omitempty" protobuf:"bytes,2,opt,name=home"`
	Maintainers []string `json:"maintainers,omitempty" protobuf:"bytes,3,opt,name=maintainers"`
}

// OCIMetadata is what an OCI artifact says of itself.
type OCIMetadata struct {
	CreatedAt   string `json:"createdAt,omitempty" protobuf:"bytes,1,opt,name=createdAt"`
	Authors     string `json:"authors,omitempty" protobuf:"bytes,2,opt,name=authors"`
	ImageURL    string `json:"imageUrl,omitempty" protobuf:"bytes,3,opt,name=imageUrl"`
	DocsURL     string `json:"docsUrl,omitempty" protobuf:"bytes,4,opt,name=docsUrl"`
	SourceURL   string `json:"sourceUrl,omitempty" protobuf:"bytes,5,opt,name=sourceUrl"`
	Version     string `json:"version,omitempty" protobuf:"bytes,6,opt,name=version"`
	Description string `json:"description,omitempty" protobuf:"bytes,7,opt,name=description"`
}

// ResourceOverride is the customisation of a kind, as argocd-cm has it.
type ResourceOverride struct {
	HealthLua             string             `protobuf:"bytes,1,opt,name=healthLua"`
	UseOpenLibs           bool               `protobuf:"bytes,5,opt,name=useOpenLibs"`
	Actions               string             `protobuf:"bytes,3,opt,name=actions"`
	IgnoreDifferences     OverrideIgnoreDiff `protobuf:"bytes,2,opt,name=ignoreDifferences"`
	IgnoreResourceUpdates OverrideIgnoreDiff `protobuf:"bytes,6,opt,name=ignoreResourceUpdates"`
	KnownTypeFields       []KnownTypeField   `protobuf:"bytes,4,opt,name=knownTypeFields"`
}

// OverrideIgnoreDiff is what is not compared of a kind.
type OverrideIgnoreDiff struct {
	JSONPointers          []string `json:"jsonPointers" protobuf:"bytes,1,rep,name=jSONPointers"`
	JQPathExpressions     []string `json:"jqPathExpressions" protobuf:"bytes,2,opt,name=jqPathExpressions"`
	ManagedFieldsManagers []string `json:"managedFieldsManagers" protobuf:"bytes,3,opt,name=managedFieldsManagers"`
}

// KnownTypeField says that a field of a custom resource has a well-known type.
type KnownTypeField struct {
	Field string `json:"field,omitempty" protobuf:"bytes,1,opt,name=field"`
	Type  string `json:"type,omitempty" protobuf:"bytes,2,opt,name=type"`
}

// KustomizeOptions is how kustomize is called.
type KustomizeOptions struct {
	BuildOptions string             `protobuf:"bytes,1,opt,name=buildOptions"`
	BinaryPath   string             `protobuf:"bytes,2,opt,name=binaryPath"`
	Versions     []KustomizeVersion `protobuf:"bytes,3,rep,name=versions"`
}

// KustomizeVersion is one of several kustomize binaries.
type KustomizeVersion struct {
	Name         string `protobuf:"bytes,1,opt,name=name"`
	Path         string `protobuf:"bytes,2,opt,name=path"`
	BuildOptions string `protobuf:"bytes,3,opt,name=buildOptions"`
}

// ConfigManagementPlugin is a plugin of the old sort, which nothing has any more.
type ConfigManagementPlugin struct {
	Name     string   `json:"name" protobuf:"bytes,1,name=name"`
	Init     *Command `json:"init,omitempty" protobuf:"bytes,2,name=init"`
	Generate Command  `json:"generate" protobuf:"bytes,3,name=generate"`
	LockRepo bool     `json:"lockRepo,omitempty" protobuf:"bytes,4,name=lockRepo"`
}

// Command is a command line.
type Command struct {
	Command []string `json:"command,omitempty" protobuf:"bytes,1,name=command"`
	Args    []string `json:"args,omitempty" protobuf:"bytes,2,rep,name=args"`
}

// ApplicationWatchEvent answers Watch of applications: ADDED, MODIFIED or DELETED.
type ApplicationWatchEvent struct {
	Type        string               `json:"type" protobuf:"bytes,1,opt,name=type"`
	Application v1alpha1.Application `json:"application" protobuf:"bytes,2,opt,name=application"`
}

// ApplicationSetWatchEvent answers Watch of ApplicationSets: ADDED, MODIFIED or DELETED.
type ApplicationSetWatchEvent struct {
	Type           string                  `json:"type" protobuf:"bytes,1,opt,name=type"`
	ApplicationSet v1alpha1.ApplicationSet `json:"applicationSet" protobuf:"bytes,2,opt,name=applicationSet"`
}

// SourceIntegrityCheckResult is the outcome of checks of a commit's signature.
type SourceIntegrityCheckResult struct {
	Checks []SourceIntegrityCheckResultItem `protobuf:"bytes,1,opt,name=checks"`
}

// SourceIntegrityCheckResultItem is one check and what it found.
type SourceIntegrityCheckResultItem struct {
	Name     string   `protobuf:"bytes,1,name=name"`
	Problems []string `protobuf:"bytes,2,name=problems"`
}

// ManifestResponse answers GetManifests and GetManifestsWithFiles: manifests as JSON, one string an object.
type ManifestResponse struct {
	Manifests             []string                    `json:"manifests,omitempty" protobuf:"bytes,1,rep,name=manifests"`
	Namespace             string                      `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	Server                string                      `json:"server,omitempty" protobuf:"bytes,3,opt,name=server,proto3"`
	Revision              string                      `json:"revision,omitempty" protobuf:"bytes,4,opt,name=revision,proto3"`
	SourceType            string                      `json:"sourceType,omitempty" protobuf:"bytes,6,opt,name=sourceType,proto3"`
	VerifyResult          string                      `json:"verifyResult,omitempty" protobuf:"bytes,7,opt,name=verifyResult,proto3"`
	Commands              []string                    `json:"commands,omitempty" protobuf:"bytes,8,rep,name=commands"`
	SourceIntegrityResult *SourceIntegrityCheckResult `json:"sourceIntegrityResult,omitempty" protobuf:"bytes,9,opt,name=sourceIntegrityResult"`
}

// Refs answers ListRefs and ListOCITags.
type Refs struct {
	Branches []string `json:"branches,omitempty" protobuf:"bytes,1,rep,name=branches"`
	Tags     []string `json:"tags,omitempty" protobuf:"bytes,2,rep,name=tags"`
}

// RepoAppDetailsResponse answers GetAppDetails: what is in a directory or chart, by its sort.
type RepoAppDetailsResponse struct {
	Type      string            `json:"type,omitempty" protobuf:"bytes,1,opt,name=type,proto3"`
	Helm      *HelmAppSpec      `json:"helm,omitempty" protobuf:"bytes,3,opt,name=helm"`
	Kustomize *KustomizeAppSpec `json:"kustomize,omitempty" protobuf:"bytes,4,opt,name=kustomize"`
	Directory *DirectoryAppSpec `json:"directory,omitempty" protobuf:"bytes,5,opt,name=directory"`
	Plugin    *PluginAppSpec    `json:"plugin,omitempty" protobuf:"bytes,6,opt,name=plugin"`
}

// HelmAppSpec is a chart: its name, values files, parameters and the default values.
type HelmAppSpec struct {
	Name           string                       `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	ValueFiles     []string                     `json:"valueFiles,omitempty" protobuf:"bytes,3,rep,name=valueFiles"`
	Parameters     []v1alpha1.HelmParameter     `json:"parameters,omitempty" protobuf:"bytes,4,rep,name=parameters"`
	Values         string                       `json:"values,omitempty" protobuf:"bytes,5,opt,name=values,proto3"`
	FileParameters []v1alpha1.HelmFileParameter `json:"fileParameters,omitempty" protobuf:"bytes,6,rep,name=fileParameters"`
}

// KustomizeAppSpec is a kustomization: the images that it uses.
type KustomizeAppSpec struct {
	Images []string `json:"images,omitempty" protobuf:"bytes,3,rep,name=images"`
}

// DirectoryAppSpec is a directory of manifests, of which there is nothing to tell.
type DirectoryAppSpec struct{}

// PluginAppSpec is what a plugin announces.
type PluginAppSpec struct {
	ParametersAnnouncement []ParameterAnnouncement `json:"parametersAnnouncement,omitempty" protobuf:"bytes,1,rep,name=parametersAnnouncement"`
}

// ParameterAnnouncement is a parameter that a plugin takes.
type ParameterAnnouncement struct {
	Name           string            `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Title          string            `json:"title,omitempty" protobuf:"bytes,2,opt,name=title,proto3"`
	Tooltip        string            `json:"tooltip,omitempty" protobuf:"bytes,3,opt,name=tooltip,proto3"`
	Required       bool              `json:"required,omitempty" protobuf:"varint,4,opt,name=required,proto3"`
	ItemType       string            `json:"itemType,omitempty" protobuf:"bytes,5,opt,name=itemType,proto3"`
	CollectionType string            `json:"collectionType,omitempty" protobuf:"bytes,6,opt,name=collectionType,proto3"`
	String         string            `json:"string,omitempty" protobuf:"bytes,7,opt,name=string,proto3"`
	Array          []string          `json:"array,omitempty" protobuf:"bytes,8,rep,name=array"`
	Map            map[string]string `json:"map,omitempty" protobuf:"bytes,9,rep,name=map" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
}

// HelmChartsResponse answers GetHelmCharts.
type HelmChartsResponse struct {
	Items []HelmChart `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// HelmChart is a chart of a repository and its versions, newest first.
type HelmChart struct {
	Name     string   `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Versions []string `json:"versions,omitempty" protobuf:"bytes,2,rep,name=versions"`
}

// Empty is google.protobuf.Empty.
type Empty struct{}
