package argocd

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApplicationQuery asks for List, Watch, Get.
type ApplicationQuery struct {
	Name            string   `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Refresh         string   `json:"refresh,omitempty" protobuf:"bytes,2,opt,name=refresh,proto3"`
	Projects        []string `json:"projects,omitempty" protobuf:"bytes,3,rep,name=projects"`
	ResourceVersion string   `json:"resourceVersion,omitempty" protobuf:"bytes,4,opt,name=resourceVersion,proto3"`
	Selector        string   `json:"selector,omitempty" protobuf:"bytes,5,opt,name=selector,proto3"`
	Repo            string   `json:"repo,omitempty" protobuf:"bytes,6,opt,name=repo,proto3"`
	AppNamespace    string   `json:"appNamespace,omitempty" protobuf:"bytes,7,opt,name=appNamespace,proto3"`
	Project         []string `json:"project,omitempty" protobuf:"bytes,8,rep,name=project"`

	// Ours, beyond the contract: what is to be found, in what order, and which part of it. Of several values any will do.
	Search    string   `json:"search,omitempty" protobuf:"bytes,1001,opt,name=search,proto3"`    // words, each of which must stand in name, namespace, project, destination or source
	Sync      []string `json:"sync,omitempty" protobuf:"bytes,1002,rep,name=sync"`               // Synced, OutOfSync, Unknown
	Health    []string `json:"health,omitempty" protobuf:"bytes,1003,rep,name=health"`           // Healthy, Degraded, …
	Cluster   []string `json:"cluster,omitempty" protobuf:"bytes,1004,rep,name=cluster"`         // destination, by server or name
	Namespace []string `json:"namespace,omitempty" protobuf:"bytes,1005,rep,name=namespace"`     // destination
	Sort      string   `json:"sort,omitempty" protobuf:"bytes,1006,opt,name=sort,proto3"`        // name, project, destination, created, reconciled, operation, sync, health; -name is the reverse
	Limit     int64    `json:"limit,omitempty" protobuf:"varint,1007,opt,name=limit,proto3"`     // 0 is all
	Offset    int64    `json:"offset,omitempty" protobuf:"varint,1008,opt,name=offset,proto3"`   // leaves out as many
	Counts    bool     `json:"counts,omitempty" protobuf:"varint,1009,opt,name=counts,proto3"`   // count by sync and health; a page is counted always
	Repos     []string `json:"repos,omitempty" protobuf:"bytes,1010,rep,name=repos"`             // URLs of repositories; repo is Argo CD's, for one
	Owner     []string `json:"owner,omitempty" protobuf:"bytes,1011,rep,name=owner"`             // ApplicationSet, or application, that it comes from
	Operation []string `json:"operation,omitempty" protobuf:"bytes,1012,rep,name=operation"`     // phase of the last operation: Running, Succeeded, Failed, Error, Terminating
	Fleet     bool     `json:"fleet,omitempty" protobuf:"varint,1013,opt,name=fleet,proto3"`     // tell of all that the caller may see, too
	Commits   bool     `json:"commits,omitempty" protobuf:"varint,1014,opt,name=commits,proto3"` // tell of the commits of what is listed
}

// ApplicationPage answers List: Argo CD's ApplicationList, with counts when they were asked for. When it is a page,
// metadata.remainingItemCount says how many follow.
type ApplicationPage struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`
	Items           []*v1alpha1.Application      `json:"items" protobuf:"bytes,2,rep,name=items"`
	Counts          *ApplicationCounts           `json:"counts,omitempty" protobuf:"bytes,1001,opt,name=counts"`
	Fleet           *ApplicationFleet            `json:"fleet,omitempty" protobuf:"bytes,1002,opt,name=fleet"`
	Commits         map[string]*RevisionMetadata `json:"commits,omitempty" protobuf:"bytes,1003,rep,name=commits" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"` // by id; those that are not at hand are left out
}

// ApplicationCounts counts all that a list found, on whatever page.
type ApplicationCounts struct {
	Total   int64            `json:"total" protobuf:"varint,1,opt,name=total,proto3"`
	Running int64            `json:"running" protobuf:"varint,2,opt,name=running,proto3"` // operations under way
	Sync    map[string]int64 `json:"sync" protobuf:"bytes,3,rep,name=sync" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
	Health  map[string]int64 `json:"health" protobuf:"bytes,4,rep,name=health" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
	Failed  int64            `json:"failed" protobuf:"varint,5,opt,name=failed,proto3"` // last operations that failed
}

// ApplicationFleet counts all that the caller may see, whatever the list was asked for: what it can be narrowed to. Each
// map holds the most frequent values only.
type ApplicationFleet struct {
	Counts    *ApplicationCounts `json:"counts" protobuf:"bytes,1,opt,name=counts"`
	Project   map[string]int64   `json:"project" protobuf:"bytes,2,rep,name=project" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
	Cluster   map[string]int64   `json:"cluster" protobuf:"bytes,3,rep,name=cluster" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"` // by server, or name where only that is known
	Namespace map[string]int64   `json:"namespace" protobuf:"bytes,4,rep,name=namespace" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
	Repo      map[string]int64   `json:"repo" protobuf:"bytes,5,rep,name=repo" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
	Owner     map[string]int64   `json:"owner" protobuf:"bytes,6,rep,name=owner" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
	Label     map[string]int64   `json:"label" protobuf:"bytes,7,rep,name=label" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"` // key=value
	Operation map[string]int64   `json:"operation" protobuf:"bytes,8,rep,name=operation" protobuf_key:"bytes,1,opt,name=key" protobuf_val:"varint,2,opt,name=value"`
}

// NodeQuery is part of other messages.
type NodeQuery struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,2,opt,name=appNamespace,proto3"`
}

// RevisionMetadataQuery asks for RevisionMetadata, RevisionChartDetails, GetOCIMetadata.
type RevisionMetadataQuery struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Revision     string `json:"revision,omitempty" protobuf:"bytes,2,req,name=revision"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,3,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,4,opt,name=project,proto3"`
	SourceIndex  int32  `json:"sourceIndex,omitempty" protobuf:"varint,5,opt,name=sourceIndex,proto3"`
	VersionID    int32  `json:"versionId,omitempty" protobuf:"varint,6,opt,name=versionId,proto3"`
}

// ApplicationResourceEventsQuery asks for ListResourceEvents.
type ApplicationResourceEventsQuery struct {
	Name              string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	ResourceNamespace string `json:"resourceNamespace,omitempty" protobuf:"bytes,2,opt,name=resourceNamespace,proto3"`
	ResourceName      string `json:"resourceName,omitempty" protobuf:"bytes,3,opt,name=resourceName,proto3"`
	ResourceUID       string `json:"resourceUID,omitempty" protobuf:"bytes,4,opt,name=resourceUID,proto3"`
	AppNamespace      string `json:"appNamespace,omitempty" protobuf:"bytes,5,opt,name=appNamespace,proto3"`
	Project           string `json:"project,omitempty" protobuf:"bytes,6,opt,name=project,proto3"`
}

// ApplicationManifestQuery asks for GetManifests.
type ApplicationManifestQuery struct {
	Name            string   `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Revision        string   `json:"revision,omitempty" protobuf:"bytes,2,opt,name=revision,proto3"`
	AppNamespace    string   `json:"appNamespace,omitempty" protobuf:"bytes,3,opt,name=appNamespace,proto3"`
	Project         string   `json:"project,omitempty" protobuf:"bytes,4,opt,name=project,proto3"`
	SourcePositions []int64  `json:"sourcePositions,omitempty" protobuf:"varint,5,rep,name=sourcePositions"`
	Revisions       []string `json:"revisions,omitempty" protobuf:"bytes,6,rep,name=revisions"`
	NoCache         bool     `json:"noCache,omitempty" protobuf:"varint,7,opt,name=noCache,proto3"`
}

// FileChunk is part of other messages.
type FileChunk struct {
	Chunk []byte `json:"chunk,omitempty" protobuf:"bytes,1,req,name=chunk"`
}

// ApplicationManifestQueryWithFiles is part of other messages.
type ApplicationManifestQueryWithFiles struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Checksum     string `json:"checksum,omitempty" protobuf:"bytes,2,req,name=checksum"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,3,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,4,opt,name=project,proto3"`
}

// ApplicationManifestQueryWithFilesWrapper asks for GetManifestsWithFiles.
type ApplicationManifestQueryWithFilesWrapper struct {
	Query *ApplicationManifestQueryWithFiles `json:"query,omitempty" protobuf:"bytes,1,opt,name=query"`
	Chunk *FileChunk                         `json:"chunk,omitempty" protobuf:"bytes,2,opt,name=chunk"`
}

// ApplicationResponse answers Delete, RunResourceAction, RunResourceActionV2, DeleteResource.
type ApplicationResponse struct{}

// ApplicationCreateRequest asks for Create.
type ApplicationCreateRequest struct {
	Application *v1alpha1.Application `json:"application,omitempty" protobuf:"bytes,1,opt,name=application"`
	Upsert      bool                  `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
	Validate    *bool                 `json:"validate,omitempty" protobuf:"varint,3,opt,name=validate"`
}

// ApplicationUpdateRequest asks for Update.
type ApplicationUpdateRequest struct {
	Application *v1alpha1.Application `json:"application,omitempty" protobuf:"bytes,1,opt,name=application"`
	Validate    *bool                 `json:"validate,omitempty" protobuf:"varint,2,opt,name=validate"`
	Project     string                `json:"project,omitempty" protobuf:"bytes,3,opt,name=project,proto3"`
}

// ApplicationValidateRequest asks for Validate, which is ours: what would come of Create, or, with change, of Update.
type ApplicationValidateRequest struct {
	Application *v1alpha1.Application `json:"application,omitempty" protobuf:"bytes,1,opt,name=application"`
	Change      bool                  `json:"change,omitempty" protobuf:"varint,2,opt,name=change,proto3"` // of the application that there is
}

// ApplicationValidateResponse answers Validate. Nothing is wrong when every finding is a warning.
type ApplicationValidateResponse struct {
	Findings []Finding     `json:"findings,omitempty" protobuf:"bytes,1,rep,name=findings"`
	Sources  []DraftSource `json:"sources,omitempty" protobuf:"bytes,2,rep,name=sources"` // in the order of the application's
	Objects  []DraftObject `json:"objects,omitempty" protobuf:"bytes,3,rep,name=objects"` // that would be made
}

// Finding is one thing that is wrong with an application, and the field that it is about.
type Finding struct {
	Field   string `json:"field,omitempty" protobuf:"bytes,1,opt,name=field,proto3"` // such as spec.sources[1].path
	Message string `json:"message,omitempty" protobuf:"bytes,2,opt,name=message,proto3"`
	Warning bool   `json:"warning,omitempty" protobuf:"varint,3,opt,name=warning,proto3"` // it could be made all the same
}

// DraftSource is what was found at a source: nothing but zero values where it could not be asked.
type DraftSource struct {
	Type     string                  `json:"type,omitempty" protobuf:"bytes,1,opt,name=type,proto3"`
	Revision string                  `json:"revision,omitempty" protobuf:"bytes,2,opt,name=revision,proto3"` // the commit that it is at
	Details  *RepoAppDetailsResponse `json:"details,omitempty" protobuf:"bytes,3,opt,name=details"`          // what could be set
	Problem  string                  `json:"problem,omitempty" protobuf:"bytes,4,opt,name=problem,proto3"`   // why it is not known what could be set
}

// DraftObject is an object that an application would have.
type DraftObject struct {
	Group      string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group,proto3"`
	Kind       string `json:"kind,omitempty" protobuf:"bytes,2,opt,name=kind,proto3"`
	Namespace  string `json:"namespace,omitempty" protobuf:"bytes,3,opt,name=namespace,proto3"`
	Name       string `json:"name,omitempty" protobuf:"bytes,4,opt,name=name,proto3"`
	Source     int32  `json:"source,omitempty" protobuf:"varint,5,opt,name=source,proto3"`        // index of the source that it comes from
	Refused    string `json:"refused,omitempty" protobuf:"bytes,6,opt,name=refused,proto3"`       // why the project does not permit it
	SharedWith string `json:"sharedWith,omitempty" protobuf:"bytes,7,opt,name=sharedWith,proto3"` // the other application that it belongs to today
	Hook       bool   `json:"hook,omitempty" protobuf:"varint,8,opt,name=hook,proto3"`            // it runs in a sync, and is no part of what the application has
}

// ApplicationDeleteRequest asks for Delete.
type ApplicationDeleteRequest struct {
	Name              string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Cascade           *bool  `json:"cascade,omitempty" protobuf:"varint,2,opt,name=cascade"`
	PropagationPolicy string `json:"propagationPolicy,omitempty" protobuf:"bytes,3,opt,name=propagationPolicy,proto3"`
	AppNamespace      string `json:"appNamespace,omitempty" protobuf:"bytes,4,opt,name=appNamespace,proto3"`
	Project           string `json:"project,omitempty" protobuf:"bytes,5,opt,name=project,proto3"`
}

// SyncOptions is part of other messages.
type SyncOptions struct {
	Items []string `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// ApplicationSyncRequest asks for Sync.
type ApplicationSyncRequest struct {
	Name            string                           `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Revision        string                           `json:"revision,omitempty" protobuf:"bytes,2,opt,name=revision,proto3"`
	DryRun          bool                             `json:"dryRun,omitempty" protobuf:"varint,3,opt,name=dryRun,proto3"`
	Prune           bool                             `json:"prune,omitempty" protobuf:"varint,4,opt,name=prune,proto3"`
	Strategy        *v1alpha1.SyncStrategy           `json:"strategy,omitempty" protobuf:"bytes,5,opt,name=strategy"`
	Resources       []v1alpha1.SyncOperationResource `json:"resources,omitempty" protobuf:"bytes,7,rep,name=resources"`
	Manifests       []string                         `json:"manifests,omitempty" protobuf:"bytes,8,rep,name=manifests"`
	Infos           []v1alpha1.Info                  `json:"infos,omitempty" protobuf:"bytes,9,rep,name=infos"`
	RetryStrategy   *v1alpha1.RetryStrategy          `json:"retryStrategy,omitempty" protobuf:"bytes,10,opt,name=retryStrategy"`
	SyncOptions     *SyncOptions                     `json:"syncOptions,omitempty" protobuf:"bytes,11,opt,name=syncOptions"`
	AppNamespace    string                           `json:"appNamespace,omitempty" protobuf:"bytes,12,opt,name=appNamespace,proto3"`
	Project         string                           `json:"project,omitempty" protobuf:"bytes,13,opt,name=project,proto3"`
	SourcePositions []int64                          `json:"sourcePositions,omitempty" protobuf:"varint,14,rep,name=sourcePositions"`
	Revisions       []string                         `json:"revisions,omitempty" protobuf:"bytes,15,rep,name=revisions"`
}

// SyncPreviewRequest asks for PreviewSync: what a sync with these parameters would do. It is ours; the fields that Sync
// has too have their numbers there.
type SyncPreviewRequest struct {
	Name            string                           `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Revision        string                           `json:"revision,omitempty" protobuf:"bytes,2,opt,name=revision,proto3"`
	DryRun          bool                             `json:"dryRun,omitempty" protobuf:"varint,3,opt,name=dryRun,proto3"`
	Prune           bool                             `json:"prune,omitempty" protobuf:"varint,4,opt,name=prune,proto3"`
	Strategy        *v1alpha1.SyncStrategy           `json:"strategy,omitempty" protobuf:"bytes,5,opt,name=strategy"`
	Resources       []v1alpha1.SyncOperationResource `json:"resources,omitempty" protobuf:"bytes,7,rep,name=resources"`
	SyncOptions     *SyncOptions                     `json:"syncOptions,omitempty" protobuf:"bytes,11,opt,name=syncOptions"`
	AppNamespace    string                           `json:"appNamespace,omitempty" protobuf:"bytes,12,opt,name=appNamespace,proto3"`
	Project         string                           `json:"project,omitempty" protobuf:"bytes,13,opt,name=project,proto3"`
	SourcePositions []int64                          `json:"sourcePositions,omitempty" protobuf:"varint,14,rep,name=sourcePositions"`
	Revisions       []string                         `json:"revisions,omitempty" protobuf:"bytes,15,rep,name=revisions"`
	Check           bool                             `json:"check,omitempty" protobuf:"varint,16,opt,name=check,proto3"` // have the API server answer a dry run of every step
}

// SyncPreview answers PreviewSync: the phases in order, each with its waves in order.
type SyncPreview struct {
	Revision  string               `json:"revision,omitempty" protobuf:"bytes,1,opt,name=revision,proto3"` // commit, of a single source
	Revisions []string             `json:"revisions,omitempty" protobuf:"bytes,2,rep,name=revisions"`
	Phases    []SyncPreviewPhase   `json:"phases,omitempty" protobuf:"bytes,3,rep,name=phases"`
	Warnings  []SyncPreviewWarning `json:"warnings,omitempty" protobuf:"bytes,4,rep,name=warnings"`
}

// SyncPreviewPhase is part of other messages.
type SyncPreviewPhase struct {
	Phase string            `json:"phase,omitempty" protobuf:"bytes,1,opt,name=phase,proto3"` // PreSync, Sync, PostSync, SyncFail
	Waves []SyncPreviewWave `json:"waves,omitempty" protobuf:"bytes,2,rep,name=waves"`
}

// SyncPreviewWave is part of other messages.
type SyncPreviewWave struct {
	Wave  string            `json:"wave,omitempty" protobuf:"bytes,1,opt,name=wave,proto3"` // a number; empty for what comes before every wave, the destination's namespace
	Steps []SyncPreviewStep `json:"steps,omitempty" protobuf:"bytes,2,rep,name=steps"`
}

// SyncPreviewStep is part of other messages.
type SyncPreviewStep struct {
	Group      string   `json:"group,omitempty" protobuf:"bytes,1,opt,name=group,proto3"`
	Kind       string   `json:"kind,omitempty" protobuf:"bytes,2,opt,name=kind,proto3"`
	Namespace  string   `json:"namespace,omitempty" protobuf:"bytes,3,opt,name=namespace,proto3"`
	Name       string   `json:"name,omitempty" protobuf:"bytes,4,opt,name=name,proto3"`
	Hook       string   `json:"hook,omitempty" protobuf:"bytes,5,opt,name=hook,proto3"`
	Action     string   `json:"action,omitempty" protobuf:"bytes,6,opt,name=action,proto3"`          // create, update, replace, recreate, prune, keep, hook, nothing
	Reason     string   `json:"reason,omitempty" protobuf:"bytes,7,opt,name=reason,proto3"`          // why it is kept, or what else happens with it
	Problem    string   `json:"problem,omitempty" protobuf:"bytes,8,opt,name=problem,proto3"`        // why it would fail, as far as it is known
	FieldCount int32    `json:"fieldCount,omitempty" protobuf:"varint,9,opt,name=fieldCount,proto3"` // how many fields change
	Fields     []string `json:"fields,omitempty" protobuf:"bytes,10,rep,name=fields"`                // the paths of the first few
}

// SyncPreviewWarning is part of other messages.
type SyncPreviewWarning struct {
	Type    string       `json:"type,omitempty" protobuf:"bytes,1,opt,name=type,proto3"` // a word for programs: SyncWindow, PruneHeld, Held, Immutable, NotPermitted, Permission …
	Message string       `json:"message,omitempty" protobuf:"bytes,2,opt,name=message,proto3"`
	Blocks  bool         `json:"blocks,omitempty" protobuf:"varint,3,opt,name=blocks,proto3"` // the sync is refused, or fails before anything is written
	Until   *metav1.Time `json:"until,omitempty" protobuf:"bytes,4,opt,name=until"`           // when that ends by itself
}

// ApplicationUpdateSpecRequest asks for UpdateSpec.
type ApplicationUpdateSpecRequest struct {
	Name         string                    `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Spec         *v1alpha1.ApplicationSpec `json:"spec,omitempty" protobuf:"bytes,2,opt,name=spec"`
	Validate     *bool                     `json:"validate,omitempty" protobuf:"varint,3,opt,name=validate"`
	AppNamespace string                    `json:"appNamespace,omitempty" protobuf:"bytes,4,opt,name=appNamespace,proto3"`
	Project      string                    `json:"project,omitempty" protobuf:"bytes,5,opt,name=project,proto3"`
}

// ApplicationPatchRequest asks for Patch.
type ApplicationPatchRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Patch        string `json:"patch,omitempty" protobuf:"bytes,2,req,name=patch"`
	PatchType    string `json:"patchType,omitempty" protobuf:"bytes,3,req,name=patchType"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,5,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,6,opt,name=project,proto3"`
}

// ApplicationRollbackRequest asks for Rollback.
type ApplicationRollbackRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	ID           int64  `json:"id,omitempty" protobuf:"varint,2,req,name=id"`
	DryRun       bool   `json:"dryRun,omitempty" protobuf:"varint,3,opt,name=dryRun,proto3"`
	Prune        bool   `json:"prune,omitempty" protobuf:"varint,4,opt,name=prune,proto3"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,6,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,7,opt,name=project,proto3"`
}

// ApplicationResourceRequest asks for GetResource, ListResourceActions, ListResourceLinks.
type ApplicationResourceRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace    string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	ResourceName string `json:"resourceName,omitempty" protobuf:"bytes,3,req,name=resourceName"`
	Version      string `json:"version,omitempty" protobuf:"bytes,4,req,name=version"`
	Group        string `json:"group,omitempty" protobuf:"bytes,5,opt,name=group,proto3"`
	Kind         string `json:"kind,omitempty" protobuf:"bytes,6,req,name=kind"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,7,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,8,opt,name=project,proto3"`
}

// ApplicationResourcePatchRequest asks for PatchResource.
type ApplicationResourcePatchRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace    string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	ResourceName string `json:"resourceName,omitempty" protobuf:"bytes,3,req,name=resourceName"`
	Version      string `json:"version,omitempty" protobuf:"bytes,4,req,name=version"`
	Group        string `json:"group,omitempty" protobuf:"bytes,5,opt,name=group,proto3"`
	Kind         string `json:"kind,omitempty" protobuf:"bytes,6,req,name=kind"`
	Patch        string `json:"patch,omitempty" protobuf:"bytes,7,req,name=patch"`
	PatchType    string `json:"patchType,omitempty" protobuf:"bytes,8,req,name=patchType"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,9,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,10,opt,name=project,proto3"`
}

// ApplicationResourceDeleteRequest asks for DeleteResource.
type ApplicationResourceDeleteRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace    string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	ResourceName string `json:"resourceName,omitempty" protobuf:"bytes,3,req,name=resourceName"`
	Version      string `json:"version,omitempty" protobuf:"bytes,4,req,name=version"`
	Group        string `json:"group,omitempty" protobuf:"bytes,5,opt,name=group,proto3"`
	Kind         string `json:"kind,omitempty" protobuf:"bytes,6,req,name=kind"`
	Force        bool   `json:"force,omitempty" protobuf:"varint,7,opt,name=force,proto3"`
	Orphan       bool   `json:"orphan,omitempty" protobuf:"varint,8,opt,name=orphan,proto3"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,9,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,10,opt,name=project,proto3"`
}

// ResourceActionParameters is part of other messages.
type ResourceActionParameters struct {
	Name  string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Value string `json:"value,omitempty" protobuf:"bytes,2,req,name=value"`
}

// ResourceActionRunRequest asks for RunResourceAction.
type ResourceActionRunRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace    string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	ResourceName string `json:"resourceName,omitempty" protobuf:"bytes,3,req,name=resourceName"`
	Version      string `json:"version,omitempty" protobuf:"bytes,4,req,name=version"`
	Group        string `json:"group,omitempty" protobuf:"bytes,5,opt,name=group,proto3"`
	Kind         string `json:"kind,omitempty" protobuf:"bytes,6,req,name=kind"`
	Action       string `json:"action,omitempty" protobuf:"bytes,7,req,name=action"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,8,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,9,opt,name=project,proto3"`
}

// ResourceActionRunRequestV2 asks for RunResourceActionV2.
type ResourceActionRunRequestV2 struct {
	Name                     string                     `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace                string                     `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	ResourceName             string                     `json:"resourceName,omitempty" protobuf:"bytes,3,req,name=resourceName"`
	Version                  string                     `json:"version,omitempty" protobuf:"bytes,4,req,name=version"`
	Group                    string                     `json:"group,omitempty" protobuf:"bytes,5,opt,name=group,proto3"`
	Kind                     string                     `json:"kind,omitempty" protobuf:"bytes,6,req,name=kind"`
	Action                   string                     `json:"action,omitempty" protobuf:"bytes,7,req,name=action"`
	AppNamespace             string                     `json:"appNamespace,omitempty" protobuf:"bytes,8,opt,name=appNamespace,proto3"`
	Project                  string                     `json:"project,omitempty" protobuf:"bytes,9,opt,name=project,proto3"`
	ResourceActionParameters []ResourceActionParameters `json:"resourceActionParameters,omitempty" protobuf:"bytes,10,rep,name=resourceActionParameters"`
}

// ResourceActionsListResponse answers ListResourceActions.
type ResourceActionsListResponse struct {
	Actions []ResourceAction `json:"actions,omitempty" protobuf:"bytes,1,rep,name=actions"`
}

// ApplicationResourceResponse answers GetResource, PatchResource.
type ApplicationResourceResponse struct {
	Manifest string `json:"manifest,omitempty" protobuf:"bytes,1,req,name=manifest"`
}

// ApplicationPodLogsQuery asks for PodLogs.
type ApplicationPodLogsQuery struct {
	Name         string       `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace    string       `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	PodName      string       `json:"podName,omitempty" protobuf:"bytes,3,opt,name=podName,proto3"`
	Container    string       `json:"container,omitempty" protobuf:"bytes,4,opt,name=container,proto3"`
	SinceSeconds int64        `json:"sinceSeconds,omitempty" protobuf:"varint,5,opt,name=sinceSeconds,proto3"`
	SinceTime    *metav1.Time `json:"sinceTime,omitempty" protobuf:"bytes,6,opt,name=sinceTime"`
	TailLines    int64        `json:"tailLines,omitempty" protobuf:"varint,7,opt,name=tailLines,proto3"`
	Follow       bool         `json:"follow,omitempty" protobuf:"varint,8,opt,name=follow,proto3"`
	UntilTime    string       `json:"untilTime,omitempty" protobuf:"bytes,9,opt,name=untilTime,proto3"`
	Filter       string       `json:"filter,omitempty" protobuf:"bytes,10,opt,name=filter,proto3"`
	Kind         string       `json:"kind,omitempty" protobuf:"bytes,11,opt,name=kind,proto3"`
	Group        string       `json:"group,omitempty" protobuf:"bytes,12,opt,name=group,proto3"`
	ResourceName string       `json:"resourceName,omitempty" protobuf:"bytes,13,opt,name=resourceName,proto3"`
	Previous     bool         `json:"previous,omitempty" protobuf:"varint,14,opt,name=previous,proto3"`
	AppNamespace string       `json:"appNamespace,omitempty" protobuf:"bytes,15,opt,name=appNamespace,proto3"`
	Project      string       `json:"project,omitempty" protobuf:"bytes,16,opt,name=project,proto3"`
	MatchCase    bool         `json:"matchCase,omitempty" protobuf:"varint,17,opt,name=matchCase,proto3"`
}

// LogEntry answers PodLogs.
type LogEntry struct {
	Content      string       `json:"content,omitempty" protobuf:"bytes,1,req,name=content"`
	TimeStamp    *metav1.Time `json:"timeStamp,omitempty" protobuf:"bytes,2,opt,name=timeStamp"`
	Last         bool         `json:"last,omitempty" protobuf:"varint,3,req,name=last"`
	TimeStampStr string       `json:"timeStampStr,omitempty" protobuf:"bytes,4,req,name=timeStampStr"`
	PodName      string       `json:"podName,omitempty" protobuf:"bytes,5,req,name=podName"`
	Container    string       `json:"container,omitempty" protobuf:"bytes,1001,opt,name=container,proto3"` // ours
}

// OperationTerminateRequest asks for TerminateOperation.
type OperationTerminateRequest struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,2,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,3,opt,name=project,proto3"`
}

// ApplicationSyncWindowsQuery asks for GetApplicationSyncWindows.
type ApplicationSyncWindowsQuery struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,2,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,3,opt,name=project,proto3"`
}

// ApplicationSyncWindowsResponse answers GetApplicationSyncWindows.
type ApplicationSyncWindowsResponse struct {
	ActiveWindows   []ApplicationSyncWindow `json:"activeWindows,omitempty" protobuf:"bytes,1,rep,name=activeWindows"`
	AssignedWindows []ApplicationSyncWindow `json:"assignedWindows,omitempty" protobuf:"bytes,2,rep,name=assignedWindows"`
	CanSync         bool                    `json:"canSync,omitempty" protobuf:"varint,3,req,name=canSync"`

	// Ours, beyond the contract: what the windows come to.
	Denied  string       `json:"denied,omitempty" protobuf:"bytes,1001,opt,name=denied,proto3"` // what forbids automated syncs now; empty when they are allowed
	Changes *metav1.Time `json:"changes,omitempty" protobuf:"bytes,1002,opt,name=changes"`      // when a window opens or closes next
}

// ApplicationSyncWindow is part of other messages.
type ApplicationSyncWindow struct {
	Kind       string `json:"kind,omitempty" protobuf:"bytes,1,req,name=kind"`
	Schedule   string `json:"schedule,omitempty" protobuf:"bytes,2,req,name=schedule"`
	Duration   string `json:"duration,omitempty" protobuf:"bytes,3,req,name=duration"`
	ManualSync bool   `json:"manualSync,omitempty" protobuf:"varint,4,req,name=manualSync"`
}

// OperationTerminateResponse answers TerminateOperation.
type OperationTerminateResponse struct{}

// ResourcesQuery asks for ManagedResources, ResourceTree, WatchResourceTree.
type ResourcesQuery struct {
	ApplicationName string `json:"applicationName,omitempty" protobuf:"bytes,1,req,name=applicationName"`
	Namespace       string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace,proto3"`
	Name            string `json:"name,omitempty" protobuf:"bytes,3,opt,name=name,proto3"`
	Version         string `json:"version,omitempty" protobuf:"bytes,4,opt,name=version,proto3"`
	Group           string `json:"group,omitempty" protobuf:"bytes,5,opt,name=group,proto3"`
	Kind            string `json:"kind,omitempty" protobuf:"bytes,6,opt,name=kind,proto3"`
	AppNamespace    string `json:"appNamespace,omitempty" protobuf:"bytes,7,opt,name=appNamespace,proto3"`
	Project         string `json:"project,omitempty" protobuf:"bytes,8,opt,name=project,proto3"`
}

// ManagedResourcesResponse answers ManagedResources.
type ManagedResourcesResponse struct {
	Items []ResourceDiff `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// ApplicationServerSideDiffQuery asks for ServerSideDiff.
type ApplicationServerSideDiffQuery struct {
	AppName         string         `json:"appName,omitempty" protobuf:"bytes,1,req,name=appName"`
	AppNamespace    string         `json:"appNamespace,omitempty" protobuf:"bytes,2,opt,name=appNamespace,proto3"`
	Project         string         `json:"project,omitempty" protobuf:"bytes,3,opt,name=project,proto3"`
	LiveResources   []ResourceDiff `json:"liveResources,omitempty" protobuf:"bytes,4,rep,name=liveResources"`
	TargetManifests []string       `json:"targetManifests,omitempty" protobuf:"bytes,5,rep,name=targetManifests"`
}

// ApplicationServerSideDiffResponse answers ServerSideDiff.
type ApplicationServerSideDiffResponse struct {
	Items    []ResourceDiff `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
	Modified bool           `json:"modified,omitempty" protobuf:"varint,2,req,name=modified"`
}

// LinkInfo is part of other messages.
type LinkInfo struct {
	Title       string `json:"title,omitempty" protobuf:"bytes,1,req,name=title"`
	URL         string `json:"url,omitempty" protobuf:"bytes,2,req,name=url"`
	Description string `json:"description,omitempty" protobuf:"bytes,3,opt,name=description,proto3"`
	IconClass   string `json:"iconClass,omitempty" protobuf:"bytes,4,opt,name=iconClass,proto3"`
}

// LinksResponse answers ListLinks, ListResourceLinks.
type LinksResponse struct {
	Items []LinkInfo `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// ListAppLinksRequest asks for ListLinks.
type ListAppLinksRequest struct {
	Name      string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,3,opt,name=namespace,proto3"`
	Project   string `json:"project,omitempty" protobuf:"bytes,4,opt,name=project,proto3"`
}
