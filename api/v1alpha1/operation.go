package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Operation asks for one sync. It stands in Application.Operation until it is
// taken up and in [OperationState] from then on.
type Operation struct {
	// What to sync.
	Sync *SyncOperation `json:"sync,omitempty" protobuf:"bytes,1,opt,name=sync"`
	// Who asked.
	InitiatedBy OperationInitiator `json:"initiatedBy,omitempty" protobuf:"bytes,2,opt,name=initiatedBy"`
	// Notes of the one who asked, for example the reason.
	Info []Info `json:"info,omitempty" protobuf:"bytes,3,rep,name=info"`
	// What happens if it fails.
	Retry RetryStrategy `json:"retry,omitempty" protobuf:"bytes,4,opt,name=retry"`
}

// OperationInitiator names the person or says that it was us.
type OperationInitiator struct {
	// Name of the person, empty for an automatic sync.
	Username string `json:"username,omitempty" protobuf:"bytes,1,opt,name=username"`
	// Whether the sync started by itself.
	Automated bool `json:"automated,omitempty" protobuf:"varint,2,opt,name=automated"`
}

// SyncOperation is a sync: which revision, of which objects, and how.
type SyncOperation struct {
	// Revision to sync to; the source's target revision if absent.
	Revision string `json:"revision,omitempty" protobuf:"bytes,1,opt,name=revision"`
	// Revision per source, if there are several.
	Revisions []string `json:"revisions,omitempty" protobuf:"bytes,11,rep,name=revisions"`
	// Delete objects that are no longer in the source.
	Prune bool `json:"prune,omitempty" protobuf:"varint,2,opt,name=prune"`
	// Have the API server check everything, but change nothing.
	DryRun bool `json:"dryRun,omitempty" protobuf:"varint,3,opt,name=dryRun"`
	// With hooks or without; with hooks if absent.
	SyncStrategy *SyncStrategy `json:"syncStrategy,omitempty" protobuf:"bytes,4,opt,name=syncStrategy"`
	// Only these objects; hooks do not run then.
	Resources []SyncOperationResource `json:"resources,omitempty" protobuf:"bytes,6,rep,name=resources"`
	// Source to use instead of the application's, for a rollback.
	Source *ApplicationSource `json:"source,omitempty" protobuf:"bytes,7,opt,name=source"`
	// Sources to use instead of the application's, for a rollback.
	Sources []ApplicationSource `json:"sources,omitempty" protobuf:"bytes,10,rep,name=sources"`
	// Manifests to use instead of rendered ones, each a JSON document.
	Manifests []string `json:"manifests,omitempty" protobuf:"bytes,8,rep,name=manifests"`
	// Options as Name=value, beside those of the sync policy.
	SyncOptions []string `json:"syncOptions,omitempty" protobuf:"bytes,9,rep,name=syncOptions"`
	// How many times self-healing has tried this revision already.
	SelfHealAttemptsCount int64 `json:"autoHealAttemptsCount,omitempty" protobuf:"varint,12,opt,name=autoHealAttemptsCount"`
}

// SyncOperationResource selects one object of a partial sync. (A client turns
// "all but these" into a list before it asks; the wire knows no exclusion.)
type SyncOperationResource struct {
	// API group of the object; empty for the core group.
	Group string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	// Kind of the object.
	Kind string `json:"kind" protobuf:"bytes,2,opt,name=kind"`
	// Name of the object.
	Name string `json:"name" protobuf:"bytes,3,opt,name=name"`
	// Namespace of the object; any if absent.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,4,opt,name=namespace"`
}

// SyncStrategy chooses between a plain apply and one with hooks.
type SyncStrategy struct {
	// Apply without running hooks.
	Apply *SyncStrategyApply `json:"apply,omitempty" protobuf:"bytes,1,opt,name=apply"`
	// Apply and run hooks.
	Hook *SyncStrategyHook `json:"hook,omitempty" protobuf:"bytes,2,opt,name=hook"`
}

// SyncStrategyApply is an apply without hooks.
type SyncStrategyApply struct {
	// Delete and create again what cannot be changed in place.
	Force bool `json:"force,omitempty" protobuf:"varint,1,opt,name=force"`
}

// SyncStrategyHook is flat in JSON and nested in protobuf, hence the embedding.
type SyncStrategyHook struct {
	SyncStrategyApply `json:",inline" protobuf:"bytes,1,opt,name=syncStrategyApply"`
}

// OperationState is the last or the running operation.
//
// Running with FinishedAt set means that a failed try waits for its next one.
type OperationState struct {
	Operation  Operation            `json:"operation" protobuf:"bytes,1,opt,name=operation"`
	Phase      OperationPhase       `json:"phase" protobuf:"bytes,2,opt,name=phase"`
	Message    string               `json:"message,omitempty" protobuf:"bytes,3,opt,name=message"`
	SyncResult *SyncOperationResult `json:"syncResult,omitempty" protobuf:"bytes,4,opt,name=syncResult"`
	StartedAt  metav1.Time          `json:"startedAt" protobuf:"bytes,6,opt,name=startedAt"`
	FinishedAt *metav1.Time         `json:"finishedAt,omitempty" protobuf:"bytes,7,opt,name=finishedAt"`
	RetryCount int64                `json:"retryCount,omitempty" protobuf:"varint,8,opt,name=retryCount"`
	// Since when the operation waits for what the message says. (Ours; not part of Argo CD's wire.)
	WaitingSince *metav1.Time `json:"waitingSince,omitempty"`
}

// SyncOperationResult is what a sync was given and what it did to each object.
type SyncOperationResult struct {
	Resources                []ResourceResult          `json:"resources,omitempty" protobuf:"bytes,1,rep,name=resources"`
	Revision                 string                    `json:"revision" protobuf:"bytes,2,opt,name=revision"`
	Revisions                []string                  `json:"revisions,omitempty" protobuf:"bytes,5,rep,name=revisions"`
	Source                   ApplicationSource         `json:"source,omitempty" protobuf:"bytes,3,opt,name=source"`
	Sources                  []ApplicationSource       `json:"sources,omitempty" protobuf:"bytes,4,rep,name=sources"`
	ManagedNamespaceMetadata *ManagedNamespaceMetadata `json:"managedNamespaceMetadata,omitempty" protobuf:"bytes,6,opt,name=managedNamespaceMetadata"`
}

// ResourceResult is what a sync did to one object or hook. Status tells how the
// apply or the deletion ended, HookPhase what became of a hook since.
type ResourceResult struct {
	Group     string         `json:"group" protobuf:"bytes,1,opt,name=group"`
	Version   string         `json:"version" protobuf:"bytes,2,opt,name=version"`
	Kind      string         `json:"kind" protobuf:"bytes,3,opt,name=kind"`
	Namespace string         `json:"namespace" protobuf:"bytes,4,opt,name=namespace"`
	Name      string         `json:"name" protobuf:"bytes,5,opt,name=name"`
	Status    ResultCode     `json:"status,omitempty" protobuf:"bytes,6,opt,name=status"`
	Message   string         `json:"message,omitempty" protobuf:"bytes,7,opt,name=message"`
	HookType  HookType       `json:"hookType,omitempty" protobuf:"bytes,8,opt,name=hookType"`
	HookPhase OperationPhase `json:"hookPhase,omitempty" protobuf:"bytes,9,opt,name=hookPhase"`
	SyncPhase SyncPhase      `json:"syncPhase,omitempty" protobuf:"bytes,10,opt,name=syncPhase"`
	Images    []string       `json:"images,omitempty" protobuf:"bytes,11,rep,name=images"`
}
