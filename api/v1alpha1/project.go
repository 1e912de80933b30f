package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AppProject says what its applications may do, and who may do what with them.
type AppProject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`

	Spec   AppProjectSpec   `json:"spec" protobuf:"bytes,2,opt,name=spec"`
	Status AppProjectStatus `json:"status,omitempty" protobuf:"bytes,3,opt,name=status"`
}

// AppProjectList is what the API server answers to a list request.
type AppProjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`
	Items           []AppProject `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// AppProjectSpec holds the rules. Repositories, destinations and namespaces are
// globs; one that starts with `!` denies.
type AppProjectSpec struct {
	// What the project is for.
	Description string `json:"description,omitempty" protobuf:"bytes,3,opt,name=description"`
	// Repositories that applications may use; globs, ! denies.
	SourceRepos []string `json:"sourceRepos,omitempty" protobuf:"bytes,1,rep,name=sourceRepos"`
	// Clusters and namespaces that applications may deploy to; globs, ! denies.
	Destinations []ApplicationDestination `json:"destinations,omitempty" protobuf:"bytes,2,rep,name=destinations"`
	// Namespaces in which applications of the project may be declared.
	SourceNamespaces []string `json:"sourceNamespaces,omitempty" protobuf:"bytes,12,rep,name=sourceNamespaces"`
	// Cluster-scoped kinds that may be deployed; none if empty.
	ClusterResourceWhitelist []ClusterResourceRestrictionItem `json:"clusterResourceWhitelist,omitempty" protobuf:"bytes,5,rep,name=clusterResourceWhitelist"`
	// Cluster-scoped kinds that may not be deployed.
	ClusterResourceBlacklist []ClusterResourceRestrictionItem `json:"clusterResourceBlacklist,omitempty" protobuf:"bytes,11,rep,name=clusterResourceBlacklist"`
	// Namespaced kinds that may be deployed; all if absent.
	NamespaceResourceWhitelist []metav1.GroupKind `json:"namespaceResourceWhitelist,omitempty" protobuf:"bytes,9,rep,name=namespaceResourceWhitelist"`
	// Namespaced kinds that may not be deployed.
	NamespaceResourceBlacklist []metav1.GroupKind `json:"namespaceResourceBlacklist,omitempty" protobuf:"bytes,6,rep,name=namespaceResourceBlacklist"`
	// Roles, their permissions and who has them.
	Roles []ProjectRole `json:"roles,omitempty" protobuf:"bytes,4,rep,name=roles"`
	// Times at which syncs are allowed or denied.
	SyncWindows []SyncWindow `json:"syncWindows,omitempty" protobuf:"bytes,8,rep,name=syncWindows"`
	// Watch for objects that no application tracks; off if absent.
	OrphanedResources *OrphanedResourcesMonitorSettings `json:"orphanedResources,omitempty" protobuf:"bytes,7,opt,name=orphanedResources"`
	// Allow only clusters that belong to this project.
	PermitOnlyProjectScopedClusters bool `json:"permitOnlyProjectScopedClusters,omitempty" protobuf:"varint,13,opt,name=permitOnlyProjectScopedClusters"`
	// Service accounts that syncs impersonate, by destination; the first match counts.
	DestinationServiceAccounts []ApplicationDestinationServiceAccount `json:"destinationServiceAccounts,omitempty" protobuf:"bytes,14,rep,name=destinationServiceAccounts"`
	// Signatures that commits must carry.
	SourceIntegrity *SourceIntegrity `json:"sourceIntegrity,omitempty" protobuf:"bytes,15,opt,name=sourceIntegrity"`
	// Deprecated form of sourceIntegrity: keys that must have signed a commit.
	SignatureKeys []SignatureKey `json:"signatureKeys,omitempty" protobuf:"bytes,10,rep,name=signatureKeys"`
}

// ClusterResourceRestrictionItem selects cluster-scoped objects; all parts are globs.
type ClusterResourceRestrictionItem struct {
	// API group, a glob.
	Group string `json:"group" protobuf:"bytes,1,opt,name=group"`
	// Kind, a glob.
	Kind string `json:"kind" protobuf:"bytes,2,opt,name=kind"`
	// Name, a glob; any if absent.
	Name string `json:"name,omitempty" protobuf:"bytes,3,opt,name=name"`
}

// ProjectRole is a set of permissions within a project.
type ProjectRole struct {
	// Name of the role.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	// What the role is for.
	Description string `json:"description,omitempty" protobuf:"bytes,2,opt,name=description"`
	// Permissions, each as p, proj:PROJECT:ROLE, resource, action, object, effect.
	Policies []string `json:"policies,omitempty" protobuf:"bytes,3,rep,name=policies"`
	// Groups of the identity provider whose members have the role.
	Groups []string `json:"groups,omitempty" protobuf:"bytes,5,rep,name=groups"`
	// Tokens issued for the role.
	JWTTokens []JWTToken `json:"jwtTokens,omitempty" protobuf:"bytes,4,rep,name=jwtTokens"`
}

// JWTToken records that a token was issued; times are Unix seconds.
type JWTToken struct {
	// When it was issued, in Unix seconds.
	IssuedAt int64 `json:"iat" protobuf:"varint,1,opt,name=iat"`
	// When it expires, in Unix seconds; never if absent.
	ExpiresAt int64 `json:"exp,omitempty" protobuf:"varint,2,opt,name=exp"`
	// Identity of the token.
	ID string `json:"id,omitempty" protobuf:"bytes,3,opt,name=id"`
}

// SyncWindow allows or denies syncs for a while, again and again.
type SyncWindow struct {
	// Either allow or deny.
	Kind string `json:"kind,omitempty" protobuf:"bytes,1,opt,name=kind"`
	// When the window opens, in cron form.
	Schedule string `json:"schedule,omitempty" protobuf:"bytes,2,opt,name=schedule"`
	// How long it stays open, for example 1h.
	Duration string `json:"duration,omitempty" protobuf:"bytes,3,opt,name=duration"`
	// Time zone of the schedule; UTC if absent.
	TimeZone string `json:"timeZone,omitempty" protobuf:"bytes,8,opt,name=timeZone"`
	// Applications it applies to, globs.
	Applications []string `json:"applications,omitempty" protobuf:"bytes,4,rep,name=applications"`
	// Destination namespaces it applies to, globs.
	Namespaces []string `json:"namespaces,omitempty" protobuf:"bytes,5,rep,name=namespaces"`
	// Destination clusters it applies to, globs.
	Clusters []string `json:"clusters,omitempty" protobuf:"bytes,6,rep,name=clusters"`
	// Demand that applications, namespaces and clusters all match, instead of any of them.
	UseAndOperator bool `json:"andOperator,omitempty" protobuf:"varint,9,opt,name=andOperator"`
	// Allow people to sync while automatic syncs may not.
	ManualSync bool `json:"manualSync,omitempty" protobuf:"varint,7,opt,name=manualSync"`
	// Let a sync that has begun go on when the window changes.
	SyncOverrun bool `json:"syncOverrun,omitempty" protobuf:"varint,11,opt,name=syncOverrun"`
	// What the window is for.
	Description string `json:"description,omitempty" protobuf:"bytes,10,opt,name=description"`
}

// OrphanedResourcesMonitorSettings asks for a look at objects nobody tracks.
type OrphanedResourcesMonitorSettings struct {
	// Show a warning on the application.
	Warn *bool `json:"warn,omitempty" protobuf:"varint,1,opt,name=warn"`
	// Objects that do not count.
	Ignore []OrphanedResourceKey `json:"ignore,omitempty" protobuf:"bytes,2,rep,name=ignore"`
}

// OrphanedResourceKey selects objects; all parts are globs.
type OrphanedResourceKey struct {
	// API group, a glob.
	Group string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	// Kind, a glob.
	Kind string `json:"kind,omitempty" protobuf:"bytes,2,opt,name=kind"`
	// Name, a glob.
	Name string `json:"name,omitempty" protobuf:"bytes,3,opt,name=name"`
}

// ApplicationDestinationServiceAccount says whom a sync impersonates.
type ApplicationDestinationServiceAccount struct {
	// Address of the cluster, a glob.
	Server string `json:"server" protobuf:"bytes,1,opt,name=server"`
	// Destination namespace, a glob.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace"`
	// Service account, as name or namespace:name.
	DefaultServiceAccount string `json:"defaultServiceAccount" protobuf:"bytes,3,opt,name=defaultServiceAccount"`
}

// SourceIntegrity says how sources prove where they come from.
type SourceIntegrity struct {
	// Rules for Git repositories.
	Git *SourceIntegrityGit `json:"git" protobuf:"bytes,1,opt,name=git"`
}

// SourceIntegrityGit is a list of rules for Git repositories.
type SourceIntegrityGit struct {
	// The rules; a repository may match several.
	Policies []SourceIntegrityGitPolicy `json:"policies" protobuf:"bytes,1,rep,name=policies"`
}

// SourceIntegrityGitPolicy is one rule and the repositories it is for.
type SourceIntegrityGitPolicy struct {
	// The repositories the rule is for.
	Repos []SourceIntegrityGitPolicyRepo `json:"repos" protobuf:"bytes,1,rep,name=repos"`
	// The signatures it demands.
	GPG *SourceIntegrityGitPolicyGPG `json:"gpg" protobuf:"bytes,2,opt,name=gpg"`
}

// SourceIntegrityGitPolicyRepo selects repositories.
type SourceIntegrityGitPolicyRepo struct {
	// URL, a glob; ! denies.
	URL string `json:"url" protobuf:"bytes,1,opt,name=url"`
}

// SourceIntegrityGitPolicyGPG demands signatures by known keys.
type SourceIntegrityGitPolicyGPG struct {
	// One of none, head (the commit deployed) and strict (all its ancestors too).
	Mode SourceIntegrityGPGMode `json:"mode" protobuf:"bytes,1,opt,name=mode"`
	// Identities of the keys that count.
	Keys []string `json:"keys" protobuf:"bytes,3,rep,name=keys"`
}

// SignatureKey is a GPG key that may sign commits.
type SignatureKey struct {
	// Identity of the key, in hexadecimal.
	KeyID string `json:"keyID" protobuf:"bytes,1,opt,name=keyID"`
}

// AppProjectStatus holds the tokens issued, by role.
type AppProjectStatus struct {
	JWTTokensByRole map[string]JWTTokens `json:"jwtTokensByRole,omitempty" protobuf:"bytes,1,rep,name=jwtTokensByRole"`
}

// JWTTokens is a list of issued tokens.
type JWTTokens struct {
	Items []JWTToken `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}
