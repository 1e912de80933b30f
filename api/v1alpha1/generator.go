package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApplicationSetGenerator yields sets of parameters. Exactly one of its kinds is
// meant; Selector then drops the sets whose parameters do not match.
type ApplicationSetGenerator struct {
	// Parameters written down here.
	List *ListGenerator `json:"list,omitempty" protobuf:"bytes,1,opt,name=list"`
	// One set per registered cluster.
	Clusters *ClusterGenerator `json:"clusters,omitempty" protobuf:"bytes,2,opt,name=clusters"`
	// One set per directory or file of a Git repository.
	Git *GitGenerator `json:"git,omitempty" protobuf:"bytes,3,opt,name=git"`
	// One set per repository of an organisation.
	SCMProvider *SCMProviderGenerator `json:"scmProvider,omitempty" protobuf:"bytes,4,opt,name=scmProvider"`
	// One set per open pull request.
	PullRequest *PullRequestGenerator `json:"pullRequest,omitempty" protobuf:"bytes,6,opt,name=pullRequest"`
	// One set per cluster that another controller's resource names.
	ClusterDecisionResource *DuckTypeGenerator `json:"clusterDecisionResource,omitempty" protobuf:"bytes,5,opt,name=clusterDecisionResource"`
	// Sets that an HTTP service answers.
	Plugin *PluginGenerator `json:"plugin,omitempty" protobuf:"bytes,10,opt,name=plugin"`
	// Each set of one generator with each set of another.
	Matrix *MatrixGenerator `json:"matrix,omitempty" protobuf:"bytes,7,opt,name=matrix"`
	// The sets of one generator, completed by those of others.
	Merge *MergeGenerator `json:"merge,omitempty" protobuf:"bytes,8,opt,name=merge"`
	// Keep only the sets whose parameters match, as if they were labels.
	Selector *metav1.LabelSelector `json:"selector,omitempty" protobuf:"bytes,9,opt,name=selector"`
}

// ApplicationSetNestedGenerator is a generator inside matrix or merge. A matrix
// or merge in turn inside it is raw JSON ([NestedMatrixGenerator],
// [NestedMergeGenerator]), for a schema cannot contain itself.
type ApplicationSetNestedGenerator struct {
	List                    *ListGenerator        `json:"list,omitempty" protobuf:"bytes,1,opt,name=list"`
	Clusters                *ClusterGenerator     `json:"clusters,omitempty" protobuf:"bytes,2,opt,name=clusters"`
	Git                     *GitGenerator         `json:"git,omitempty" protobuf:"bytes,3,opt,name=git"`
	SCMProvider             *SCMProviderGenerator `json:"scmProvider,omitempty" protobuf:"bytes,4,opt,name=scmProvider"`
	PullRequest             *PullRequestGenerator `json:"pullRequest,omitempty" protobuf:"bytes,6,opt,name=pullRequest"`
	ClusterDecisionResource *DuckTypeGenerator    `json:"clusterDecisionResource,omitempty" protobuf:"bytes,5,opt,name=clusterDecisionResource"`
	Plugin                  *PluginGenerator      `json:"plugin,omitempty" protobuf:"bytes,10,opt,name=plugin"`
	Matrix                  *RawJSON              `json:"matrix,omitempty" protobuf:"bytes,7,opt,name=matrix"`
	Merge                   *RawJSON              `json:"merge,omitempty" protobuf:"bytes,8,opt,name=merge"`
	Selector                *metav1.LabelSelector `json:"selector,omitempty" protobuf:"bytes,9,opt,name=selector"`
}

// ApplicationSetTerminalGenerator is a generator at the innermost level, where
// matrix and merge are at an end. Mind that two of its field numbers differ from
// those of the outer levels.
type ApplicationSetTerminalGenerator struct {
	List                    *ListGenerator        `json:"list,omitempty" protobuf:"bytes,1,opt,name=list"`
	Clusters                *ClusterGenerator     `json:"clusters,omitempty" protobuf:"bytes,2,opt,name=clusters"`
	Git                     *GitGenerator         `json:"git,omitempty" protobuf:"bytes,3,opt,name=git"`
	SCMProvider             *SCMProviderGenerator `json:"scmProvider,omitempty" protobuf:"bytes,4,opt,name=scmProvider"`
	PullRequest             *PullRequestGenerator `json:"pullRequest,omitempty" protobuf:"bytes,6,opt,name=pullRequest"`
	ClusterDecisionResource *DuckTypeGenerator    `json:"clusterDecisionResource,omitempty" protobuf:"bytes,5,opt,name=clusterDecisionResource"`
	Plugin                  *PluginGenerator      `json:"plugin,omitempty" protobuf:"bytes,7,opt,name=plugin"`
	Selector                *metav1.LabelSelector `json:"selector,omitempty" protobuf:"bytes,8,opt,name=selector"`
}

// MatrixGenerator multiplies exactly two generators. The second may use the
// parameters of the first.
type MatrixGenerator struct {
	// The two generators.
	Generators []ApplicationSetNestedGenerator `json:"generators" protobuf:"bytes,1,rep,name=generators"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,2,opt,name=template"`
}

// MergeGenerator completes the sets of its first generator with those of the
// others that agree in the merge keys.
type MergeGenerator struct {
	// The generators; the first one is the base.
	Generators []ApplicationSetNestedGenerator `json:"generators" protobuf:"bytes,1,rep,name=generators"`
	// Parameters that must be equal for two sets to be merged.
	MergeKeys []string `json:"mergeKeys" protobuf:"bytes,2,rep,name=mergeKeys"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,3,opt,name=template"`
}

// NestedMatrixGenerator is a matrix inside a matrix or a merge.
type NestedMatrixGenerator struct {
	Generators []ApplicationSetTerminalGenerator `json:"generators" protobuf:"bytes,1,rep,name=generators"`
}

// NestedMergeGenerator is a merge inside a matrix or a merge.
type NestedMergeGenerator struct {
	Generators []ApplicationSetTerminalGenerator `json:"generators" protobuf:"bytes,1,rep,name=generators"`
	MergeKeys  []string                          `json:"mergeKeys" protobuf:"bytes,2,rep,name=mergeKeys"`
}

// ListGenerator yields what is written in it. Elements is printed as null when
// it is nil; that is Argo CD's spelling.
type ListGenerator struct {
	// Objects, each a set of parameters.
	Elements []RawJSON `json:"elements" protobuf:"bytes,1,rep,name=elements"`
	// A list of objects as YAML text, which may hold parameters of another generator.
	ElementsYAML string `json:"elementsYaml,omitempty" protobuf:"bytes,3,opt,name=elementsYaml"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,2,opt,name=template"`
}

// ClusterGenerator yields the registered clusters. Without a selector the local
// cluster is among them even if no Secret registers it.
type ClusterGenerator struct {
	// Labels of the clusters' Secrets.
	Selector metav1.LabelSelector `json:"selector,omitempty" protobuf:"bytes,1,opt,name=selector"`
	// Further parameters, which may mention the generated ones.
	Values map[string]string `json:"values,omitempty" protobuf:"bytes,3,rep,name=values"`
	// Yield a single set that holds all clusters as a list.
	FlatList bool `json:"flatList,omitempty" protobuf:"varint,4,opt,name=flatList"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,2,opt,name=template"`
}

// GitGenerator yields directories, or files with their content, of one revision.
type GitGenerator struct {
	// URL of the repository.
	RepoURL string `json:"repoURL" protobuf:"bytes,1,opt,name=repoURL"`
	// Branch, tag or commit.
	Revision string `json:"revision" protobuf:"bytes,4,opt,name=revision"`
	// Directories, as globs.
	Directories []GitDirectoryGeneratorItem `json:"directories,omitempty" protobuf:"bytes,2,rep,name=directories"`
	// JSON or YAML files, as globs.
	Files []GitFileGeneratorItem `json:"files,omitempty" protobuf:"bytes,3,rep,name=files"`
	// Put before the names of the path parameters, so that two such generators can be combined.
	PathParamPrefix string `json:"pathParamPrefix,omitempty" protobuf:"bytes,7,opt,name=pathParamPrefix"`
	// Further parameters, which may mention the generated ones.
	Values map[string]string `json:"values,omitempty" protobuf:"bytes,8,rep,name=values"`
	// How often to look, in seconds.
	RequeueAfterSeconds *int64 `json:"requeueAfterSeconds,omitempty" protobuf:"varint,5,opt,name=requeueAfterSeconds"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,6,opt,name=template"`
}

// GitDirectoryGeneratorItem adds directories, or takes some away.
type GitDirectoryGeneratorItem struct {
	// Glob of directories.
	Path string `json:"path" protobuf:"bytes,1,opt,name=path"`
	// Take these away; wins over every other item.
	Exclude bool `json:"exclude,omitempty" protobuf:"varint,2,opt,name=exclude"`
}

// GitFileGeneratorItem adds files, or takes some away.
type GitFileGeneratorItem struct {
	// Glob of files.
	Path string `json:"path" protobuf:"bytes,1,opt,name=path"`
	// Take these away; wins over every other item.
	Exclude bool `json:"exclude,omitempty" protobuf:"varint,2,opt,name=exclude"`
}

// DuckTypeGenerator reads clusters from the status of a resource of any kind;
// a ConfigMap says which kind and which fields.
type DuckTypeGenerator struct {
	// Name of the ConfigMap.
	ConfigMapRef string `json:"configMapRef" protobuf:"bytes,1,opt,name=configMapRef"`
	// Name of the resource.
	Name string `json:"name,omitempty" protobuf:"bytes,2,opt,name=name"`
	// Labels of the resources, instead of a name.
	LabelSelector metav1.LabelSelector `json:"labelSelector,omitempty" protobuf:"bytes,4,opt,name=labelSelector"`
	// Further parameters, which may mention the generated ones.
	Values map[string]string `json:"values,omitempty" protobuf:"bytes,6,rep,name=values"`
	// How often to look, in seconds.
	RequeueAfterSeconds *int64 `json:"requeueAfterSeconds,omitempty" protobuf:"varint,3,opt,name=requeueAfterSeconds"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,5,opt,name=template"`
}

// PluginGenerator asks an HTTP service; a ConfigMap says where it is.
type PluginGenerator struct {
	// The ConfigMap.
	ConfigMapRef PluginConfigMapRef `json:"configMapRef" protobuf:"bytes,1,opt,name=configMapRef"`
	// What is sent to the service.
	Input PluginInput `json:"input,omitempty" protobuf:"bytes,2,opt,name=input"`
	// Further parameters, which may mention the generated ones.
	Values map[string]string `json:"values,omitempty" protobuf:"bytes,5,rep,name=values"`
	// How often to ask, in seconds.
	RequeueAfterSeconds *int64 `json:"requeueAfterSeconds,omitempty" protobuf:"varint,3,opt,name=requeueAfterSeconds"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,4,opt,name=template"`
}

// PluginConfigMapRef names a ConfigMap.
type PluginConfigMapRef struct {
	// Name of the ConfigMap.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
}

// PluginInput is what a plugin is sent; values are JSON of any shape.
type PluginInput struct {
	// Parameters by name, of any shape.
	Parameters map[string]RawJSON `json:"parameters,omitempty" protobuf:"bytes,1,rep,name=parameters"`
}

// SecretRef names a key of a Secret.
type SecretRef struct {
	// Name of the Secret.
	SecretName string `json:"secretName" protobuf:"bytes,1,opt,name=secretName"`
	// Key in it.
	Key string `json:"key" protobuf:"bytes,2,opt,name=key"`
}

// ConfigMapKeyRef names a key of a ConfigMap.
type ConfigMapKeyRef struct {
	// Name of the ConfigMap.
	ConfigMapName string `json:"configMapName" protobuf:"bytes,1,opt,name=configMapName"`
	// Key in it.
	Key string `json:"key" protobuf:"bytes,2,opt,name=key"`
}

// BasicAuthBitbucketServer is a user name and where its password is.
type BasicAuthBitbucketServer struct {
	// Name of the user.
	Username string `json:"username" protobuf:"bytes,1,opt,name=username"`
	// Where the password or access token is.
	PasswordRef *SecretRef `json:"passwordRef" protobuf:"bytes,2,opt,name=passwordRef"`
}

// BearerTokenBitbucket says where a token is; Bitbucket Server and Cloud spell it alike.
type BearerTokenBitbucket struct {
	// Where the token is.
	TokenRef *SecretRef `json:"tokenRef" protobuf:"bytes,1,opt,name=tokenRef"`
}
