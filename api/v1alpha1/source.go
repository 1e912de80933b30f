package v1alpha1

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ApplicationSource is a directory of a Git repository, a Helm chart or an OCI
// artifact, and how it is rendered.
type ApplicationSource struct {
	// URL of the Git repository, the Helm repository or the OCI artifact.
	RepoURL string `json:"repoURL" protobuf:"bytes,1,opt,name=repoURL"`
	// Directory in the repository.
	Path string `json:"path,omitempty" protobuf:"bytes,2,opt,name=path"`
	// Branch, tag, commit, HEAD or semantic version range; for a chart its version or range.
	TargetRevision string `json:"targetRevision,omitempty" protobuf:"bytes,4,opt,name=targetRevision"`
	// Name of a chart in a Helm repository.
	Chart string `json:"chart,omitempty" protobuf:"bytes,12,opt,name=chart"`
	// Name by which other sources mention this one, as $name/path, in their value files.
	Ref string `json:"ref,omitempty" protobuf:"bytes,13,opt,name=ref"`
	// Name of the source for people.
	Name string `json:"name,omitempty" protobuf:"bytes,14,opt,name=name"`
	// Only tags with this prefix take part when a version range is resolved.
	TagPrefix string `json:"tagPrefix,omitempty" protobuf:"bytes,15,opt,name=tagPrefix"`
	// How a Helm chart is rendered.
	Helm *ApplicationSourceHelm `json:"helm,omitempty" protobuf:"bytes,7,opt,name=helm"`
	// How a kustomization is rendered.
	Kustomize *ApplicationSourceKustomize `json:"kustomize,omitempty" protobuf:"bytes,8,opt,name=kustomize"`
	// Which files of a plain directory are read, and how.
	Directory *ApplicationSourceDirectory `json:"directory,omitempty" protobuf:"bytes,10,opt,name=directory"`
	// Which plugin renders the source, with what parameters.
	Plugin *ApplicationSourcePlugin `json:"plugin,omitempty" protobuf:"bytes,11,opt,name=plugin"`
}

// ApplicationSourceHelm holds what `helm template` takes on its command line.
type ApplicationSourceHelm struct {
	// Name of the release; the application's name if absent.
	ReleaseName string `json:"releaseName,omitempty" protobuf:"bytes,3,opt,name=releaseName"`
	// Namespace of the release; the destination's if absent.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,11,opt,name=namespace"`
	// Value files, relative to the chart, as /path in the repository, $ref/path or URL; later ones win.
	ValueFiles []string `json:"valueFiles,omitempty" protobuf:"bytes,1,rep,name=valueFiles"`
	// Skip value files that do not exist.
	IgnoreMissingValueFiles bool `json:"ignoreMissingValueFiles,omitempty" protobuf:"varint,8,opt,name=ignoreMissingValueFiles"`
	// Values as a block of YAML text; they win over value files.
	Values string `json:"values,omitempty" protobuf:"bytes,4,opt,name=values"`
	// Values as YAML; used instead of values when both are given.
	ValuesObject *runtime.RawExtension `json:"valuesObject,omitempty" protobuf:"bytes,10,opt,name=valuesObject"`
	// Single values, as --set; they win over everything else.
	Parameters []HelmParameter `json:"parameters,omitempty" protobuf:"bytes,2,rep,name=parameters"`
	// Single values read from files, as --set-file.
	FileParameters []HelmFileParameter `json:"fileParameters,omitempty" protobuf:"bytes,5,rep,name=fileParameters"`
	// Send the credentials of the repository to other hosts too.
	PassCredentials bool `json:"passCredentials,omitempty" protobuf:"varint,7,opt,name=passCredentials"`
	// Leave out the chart's crds directory.
	SkipCrds bool `json:"skipCrds,omitempty" protobuf:"varint,9,opt,name=skipCrds"`
	// Leave out the chart's tests.
	SkipTests bool `json:"skipTests,omitempty" protobuf:"varint,14,opt,name=skipTests"`
	// Do not check the values against the chart's schema.
	SkipSchemaValidation bool `json:"skipSchemaValidation,omitempty" protobuf:"varint,15,opt,name=skipSchemaValidation"`
	// Kubernetes version the chart sees; the destination's if absent.
	KubeVersion string `json:"kubeVersion,omitempty" protobuf:"bytes,12,opt,name=kubeVersion"`
	// API versions the chart sees; the destination's if absent.
	APIVersions []string `json:"apiVersions,omitempty" protobuf:"bytes,13,rep,name=apiVersions"`
	// Version of Helm; only 3 has a meaning.
	Version string `json:"version,omitempty" protobuf:"bytes,6,opt,name=version"`
}

// HelmParameter is one `--set name=value`, or `--set-string` if ForceString.
type HelmParameter struct {
	// Path of the value, as in image.tag.
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	// The value.
	Value string `json:"value,omitempty" protobuf:"bytes,2,opt,name=value"`
	// Take the value as text even if it looks like a number or a boolean.
	ForceString bool `json:"forceString,omitempty" protobuf:"varint,3,opt,name=forceString"`
}

// HelmFileParameter is one `--set-file name=path`.
type HelmFileParameter struct {
	// Path of the value, as in config.text.
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	// File whose content is the value.
	Path string `json:"path,omitempty" protobuf:"bytes,2,opt,name=path"`
}

// ApplicationSourceKustomize is laid over the kustomization found in the source.
type ApplicationSourceKustomize struct {
	// Put before every name.
	NamePrefix string `json:"namePrefix,omitempty" protobuf:"bytes,1,opt,name=namePrefix"`
	// Put behind every name.
	NameSuffix string `json:"nameSuffix,omitempty" protobuf:"bytes,2,opt,name=nameSuffix"`
	// Namespace set on every object.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,9,opt,name=namespace"`
	// Image overrides as [old=]image[:tag][@digest].
	Images []string `json:"images,omitempty" protobuf:"bytes,3,rep,name=images"`
	// Replica counts by name of the object.
	Replicas []KustomizeReplica `json:"replicas,omitempty" protobuf:"bytes,11,rep,name=replicas"`
	// Labels set on every object.
	CommonLabels map[string]string `json:"commonLabels,omitempty" protobuf:"bytes,4,rep,name=commonLabels"`
	// Replace labels of the same key that the kustomization sets.
	ForceCommonLabels bool `json:"forceCommonLabels,omitempty" protobuf:"varint,7,opt,name=forceCommonLabels"`
	// Set labels, but not in selectors.
	LabelWithoutSelector bool `json:"labelWithoutSelector,omitempty" protobuf:"varint,14,opt,name=labelWithoutSelector"`
	// With labelWithoutSelector: set labels in pod templates too.
	LabelIncludeTemplates bool `json:"labelIncludeTemplates,omitempty" protobuf:"varint,18,opt,name=labelIncludeTemplates"`
	// Annotations set on every object.
	CommonAnnotations map[string]string `json:"commonAnnotations,omitempty" protobuf:"bytes,6,rep,name=commonAnnotations"`
	// Replace annotations of the same key that the kustomization sets.
	ForceCommonAnnotations bool `json:"forceCommonAnnotations,omitempty" protobuf:"varint,8,opt,name=forceCommonAnnotations"`
	// Substitute the build environment in the values of commonAnnotations.
	CommonAnnotationsEnvsubst bool `json:"commonAnnotationsEnvsubst,omitempty" protobuf:"varint,10,opt,name=commonAnnotationsEnvsubst"`
	// Patches, as in a kustomization file.
	Patches []KustomizePatch `json:"patches,omitempty" protobuf:"bytes,12,rep,name=patches"`
	// Components added to the kustomization.
	Components []string `json:"components,omitempty" protobuf:"bytes,13,rep,name=components"`
	// Skip components that do not exist.
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty" protobuf:"varint,17,opt,name=ignoreMissingComponents"`
	// Kubernetes version that inflated charts see; the destination's if absent.
	KubeVersion string `json:"kubeVersion,omitempty" protobuf:"bytes,15,opt,name=kubeVersion"`
	// API versions that inflated charts see; the destination's if absent.
	APIVersions []string `json:"apiVersions,omitempty" protobuf:"bytes,16,rep,name=apiVersions"`
	// Name of a configured kustomize version.
	Version string `json:"version,omitempty" protobuf:"bytes,5,opt,name=version"`
}

// KustomizeReplica sets the replica count of the objects of one name.
type KustomizeReplica struct {
	// Name of the object.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	// Number of replicas; text is allowed, so that a template can fill it.
	Count intstr.IntOrString `json:"count" protobuf:"bytes,2,opt,name=count"`
}

// KustomizePatch is a patch, inline or in a file, and what it applies to.
type KustomizePatch struct {
	// File that holds the patch.
	Path string `json:"path,omitempty" protobuf:"bytes,1,opt,name=path"`
	// The patch itself: strategic merge or JSON 6902.
	Patch string `json:"patch,omitempty" protobuf:"bytes,2,opt,name=patch"`
	// The objects it applies to.
	Target *KustomizeSelector `json:"target,omitempty" protobuf:"bytes,3,opt,name=target"`
	// Switches such as allowNameChange.
	Options map[string]bool `json:"options,omitempty" protobuf:"bytes,4,rep,name=options"`
}

// KustomizeSelector is flat in JSON and nested twice in protobuf, hence the embedding.
type KustomizeSelector struct {
	KustomizeResID `json:",inline" protobuf:"bytes,1,opt,name=resId"`
	// Annotations the objects must have.
	AnnotationSelector string `json:"annotationSelector,omitempty" protobuf:"bytes,2,opt,name=annotationSelector"`
	// Labels the objects must have.
	LabelSelector string `json:"labelSelector,omitempty" protobuf:"bytes,3,opt,name=labelSelector"`
}

// KustomizeResID is the middle part of a [KustomizeSelector].
type KustomizeResID struct {
	KustomizeGVK `json:",inline" protobuf:"bytes,1,opt,name=gvk"`
	// Name of the object, a regular expression.
	Name string `json:"name,omitempty" protobuf:"bytes,2,opt,name=name"`
	// Namespace of the object, a regular expression.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,3,opt,name=namespace"`
}

// KustomizeGVK is the inner part of a [KustomizeSelector].
type KustomizeGVK struct {
	// API group of the object.
	Group string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	// API version of the object.
	Version string `json:"version,omitempty" protobuf:"bytes,2,opt,name=version"`
	// Kind of the object.
	Kind string `json:"kind,omitempty" protobuf:"bytes,3,opt,name=kind"`
}

// ApplicationSourceDirectory selects files of a plain directory. Include and
// exclude are globs; several are written as {a,b}.
type ApplicationSourceDirectory struct {
	// Read subdirectories too.
	Recurse bool `json:"recurse,omitempty" protobuf:"varint,1,opt,name=recurse"`
	// Only files that match this glob.
	Include string `json:"include,omitempty" protobuf:"bytes,4,opt,name=include"`
	// No files that match this glob.
	Exclude string `json:"exclude,omitempty" protobuf:"bytes,3,opt,name=exclude"`
	// Read files of any extension, not only yaml, yml, json and jsonnet.
	DisableExtensionFilter bool `json:"disableExtensionFilter,omitempty" protobuf:"varint,5,opt,name=disableExtensionFilter"`
	// How jsonnet files are evaluated.
	Jsonnet ApplicationSourceJsonnet `json:"jsonnet,omitempty,omitzero" protobuf:"bytes,2,opt,name=jsonnet"`
}

// ApplicationSourceJsonnet is what a jsonnet file sees besides itself.
type ApplicationSourceJsonnet struct {
	// External variables, read with std.extVar.
	ExtVars []JsonnetVar `json:"extVars,omitempty" protobuf:"bytes,1,rep,name=extVars"`
	// Top-level arguments.
	TLAs []JsonnetVar `json:"tlas,omitempty" protobuf:"bytes,2,rep,name=tlas"`
	// Library directories, relative to the root of the repository.
	Libs []string `json:"libs,omitempty" protobuf:"bytes,3,rep,name=libs"`
}

// JsonnetVar is a named piece of text, or of jsonnet if Code.
type JsonnetVar struct {
	// Name of the variable.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	// Its value.
	Value string `json:"value" protobuf:"bytes,2,opt,name=value"`
	// Whether the value is jsonnet to evaluate, not text.
	Code bool `json:"code,omitempty" protobuf:"varint,3,opt,name=code"`
}

// ApplicationSourcePlugin chooses a rendering plugin. Without a name the first
// plugin that recognises the source is taken.
type ApplicationSourcePlugin struct {
	// Name of the plugin, or name-version.
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	// Environment variables; the plugin sees them as ARGOCD_ENV_NAME.
	Env []EnvEntry `json:"env,omitempty" protobuf:"bytes,2,rep,name=env"`
	// Parameters that the plugin announces.
	Parameters []ApplicationSourcePluginParameter `json:"parameters,omitempty" protobuf:"bytes,3,rep,name=parameters"`
}

// EnvEntry is one environment variable.
type EnvEntry struct {
	// Name of the variable.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	// Its value.
	Value string `json:"value" protobuf:"bytes,2,opt,name=value"`
}

// ApplicationSourcePluginParameter is a named text, map or list. A map or list
// that is present but empty differs from an absent one, hence the wrappers.
type ApplicationSourcePluginParameter struct {
	// Name of the parameter.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	// Its value, if it is a text.
	String *string `json:"string,omitempty" protobuf:"bytes,5,opt,name=string"`
	// Its value, if it is a map.
	Map *OptionalMap `json:"map,omitempty" protobuf:"bytes,3,opt,name=map"`
	// Its value, if it is a list.
	Array *OptionalArray `json:"array,omitempty" protobuf:"bytes,4,opt,name=array"`
}

// SourceHydrator renders DrySource into the branch that SyncSource names.
type SourceHydrator struct {
	// Where the manifests are written by people.
	DrySource DrySource `json:"drySource" protobuf:"bytes,1,opt,name=drySource"`
	// The branch and directory that hold the rendered manifests, from which the application syncs.
	SyncSource SyncSource `json:"syncSource" protobuf:"bytes,2,opt,name=syncSource"`
	// Another branch to push to first, for example to be merged by pull request.
	HydrateTo *HydrateTo `json:"hydrateTo,omitempty" protobuf:"bytes,3,opt,name=hydrateTo"`
}

// DrySource is an [ApplicationSource] reduced to what a hydrator can render.
type DrySource struct {
	// URL of the Git repository.
	RepoURL string `json:"repoURL" protobuf:"bytes,1,opt,name=repoURL"`
	// Branch, tag or commit.
	TargetRevision string `json:"targetRevision" protobuf:"bytes,2,opt,name=targetRevision"`
	// Directory in the repository.
	Path string `json:"path" protobuf:"bytes,3,opt,name=path"`
	// How a Helm chart is rendered.
	Helm *ApplicationSourceHelm `json:"helm,omitempty" protobuf:"bytes,4,opt,name=helm"`
	// How a kustomization is rendered.
	Kustomize *ApplicationSourceKustomize `json:"kustomize,omitempty" protobuf:"bytes,5,opt,name=kustomize"`
	// Which files of a plain directory are read, and how.
	Directory *ApplicationSourceDirectory `json:"directory,omitempty" protobuf:"bytes,6,opt,name=directory"`
	// Which plugin renders the source, with what parameters.
	Plugin *ApplicationSourcePlugin `json:"plugin,omitempty" protobuf:"bytes,7,opt,name=plugin"`
}

// SyncSource is where rendered manifests are.
type SyncSource struct {
	// URL of the Git repository; the dry source's if absent.
	RepoURL string `json:"repoURL,omitempty" protobuf:"bytes,3,opt,name=repoURL"`
	// Branch that holds the rendered manifests.
	TargetBranch string `json:"targetBranch" protobuf:"bytes,1,opt,name=targetBranch"`
	// Directory in that branch; not its root.
	Path string `json:"path" protobuf:"bytes,2,opt,name=path"`
}

// HydrateTo is the branch that rendered manifests are pushed to before they
// reach the branch of the sync source.
type HydrateTo struct {
	// Branch to push to.
	TargetBranch string `json:"targetBranch" protobuf:"bytes,1,opt,name=targetBranch"`
}

// Hydrated is the branch with the rendered manifests, as a source to sync from.
func (h *SourceHydrator) Hydrated() ApplicationSource {
	url := h.SyncSource.RepoURL
	if url == "" {
		url = h.DrySource.RepoURL
	}
	return ApplicationSource{RepoURL: url, Path: h.SyncSource.Path, TargetRevision: h.SyncSource.TargetBranch}
}
