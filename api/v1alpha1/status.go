package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ApplicationStatus is our answer. Scripts wait for Application.Operation to be
// gone, OperationState.Phase to be final and ReconciledAt to be newer than
// OperationState.FinishedAt, so the three are written in this order.
type ApplicationStatus struct {
	Sync   SyncStatus      `json:"sync,omitempty" protobuf:"bytes,2,opt,name=sync"`
	Health AppHealthStatus `json:"health,omitempty" protobuf:"bytes,3,opt,name=health"`
	// Resources is our inventory: every object that belongs to the application,
	// those due to be pruned included.
	Resources  []ResourceStatus       `json:"resources,omitempty" protobuf:"bytes,1,rep,name=resources"`
	Conditions []ApplicationCondition `json:"conditions,omitempty" protobuf:"bytes,5,rep,name=conditions"`
	// OperationState is the running operation, or the last one.
	OperationState *OperationState `json:"operationState,omitempty" protobuf:"bytes,7,opt,name=operationState"`
	// History lists finished full syncs, the oldest first.
	History      []RevisionHistory `json:"history,omitempty" protobuf:"bytes,4,rep,name=history"`
	ReconciledAt *metav1.Time      `json:"reconciledAt,omitempty" protobuf:"bytes,6,opt,name=reconciledAt"`
	// ObservedAt is no longer written by anybody; it is read from old objects.
	ObservedAt  *metav1.Time            `json:"observedAt,omitempty" protobuf:"bytes,8,opt,name=observedAt"`
	SourceType  ApplicationSourceType   `json:"sourceType,omitempty" protobuf:"bytes,9,opt,name=sourceType"`
	SourceTypes []ApplicationSourceType `json:"sourceTypes,omitempty" protobuf:"bytes,12,rep,name=sourceTypes"`
	Summary     ApplicationSummary      `json:"summary,omitempty" protobuf:"bytes,10,opt,name=summary"`
	// ResourceHealthSource says that Resources carry no health of their own,
	// see [ResourceHealthAppTree].
	ResourceHealthSource ResourceHealthSource `json:"resourceHealthSource,omitempty" protobuf:"bytes,11,opt,name=resourceHealthSource"`
	// ControllerNamespace is where the controller that wrote this status runs.
	ControllerNamespace string               `json:"controllerNamespace,omitempty" protobuf:"bytes,13,opt,name=controllerNamespace"`
	SourceHydrator      SourceHydratorStatus `json:"sourceHydrator,omitempty" protobuf:"bytes,14,opt,name=sourceHydrator"`
	// Reconciler is ours, beyond the contract, and only told, never stored: who
	// looks at the application where replicas share the work.
	Reconciler *Reconciler `json:"reconciler,omitempty" protobuf:"bytes,1001,opt,name=reconciler"`
}

// Reconciler is the replica that looks at an application.
type Reconciler struct {
	Replica string `json:"replica,omitempty" protobuf:"bytes,1,opt,name=replica"` // its name; empty when nobody does
	Unit    string `json:"unit" protobuf:"bytes,2,opt,name=unit"`                 // what it owns: a cluster, or a slice of one
	// At is the last look: as recorded, or newer where the replica that was asked
	// is the one that looks.
	At *metav1.Time `json:"at,omitempty" protobuf:"bytes,3,opt,name=at"`
}

// SyncStatus says whether live equals what was rendered, and what was compared
// with what. Revision goes with a single source, Revisions with several.
type SyncStatus struct {
	Status     SyncStatusCode `json:"status" protobuf:"bytes,1,opt,name=status"`
	ComparedTo ComparedTo     `json:"comparedTo,omitempty" protobuf:"bytes,2,opt,name=comparedTo"`
	Revision   string         `json:"revision,omitempty" protobuf:"bytes,3,opt,name=revision"`
	Revisions  []string       `json:"revisions,omitempty" protobuf:"bytes,4,rep,name=revisions"`
}

// ComparedTo repeats the part of the spec that a comparison used, so that a
// stale answer can be told from a fresh one.
type ComparedTo struct {
	Source            ApplicationSource           `json:"source,omitempty" protobuf:"bytes,1,opt,name=source"`
	Sources           []ApplicationSource         `json:"sources,omitempty" protobuf:"bytes,3,rep,name=sources"`
	Destination       ApplicationDestination      `json:"destination" protobuf:"bytes,2,opt,name=destination"`
	IgnoreDifferences []ResourceIgnoreDifferences `json:"ignoreDifferences,omitempty" protobuf:"bytes,4,rep,name=ignoreDifferences"`
}

// AppHealthStatus is the health of a whole application: the worst of its objects.
type AppHealthStatus struct {
	Status             HealthStatusCode `json:"status,omitempty" protobuf:"bytes,1,opt,name=status"`
	Message            string           `json:"message,omitempty" protobuf:"bytes,2,opt,name=message"`
	LastTransitionTime *metav1.Time     `json:"lastTransitionTime,omitempty" protobuf:"bytes,3,opt,name=lastTransitionTime"`
}

// HealthStatus is the health of one object, with the reason in Message.
// LastTransitionTime is kept for old objects; nothing writes it any more.
type HealthStatus struct {
	Status             HealthStatusCode `json:"status,omitempty" protobuf:"bytes,1,opt,name=status"`
	Message            string           `json:"message,omitempty" protobuf:"bytes,2,opt,name=message"`
	LastTransitionTime *metav1.Time     `json:"lastTransitionTime,omitempty" protobuf:"bytes,3,opt,name=lastTransitionTime"`
}

// ResourceStatus is one object of the inventory.
type ResourceStatus struct {
	Group     string         `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	Version   string         `json:"version,omitempty" protobuf:"bytes,2,opt,name=version"`
	Kind      string         `json:"kind,omitempty" protobuf:"bytes,3,opt,name=kind"`
	Namespace string         `json:"namespace,omitempty" protobuf:"bytes,4,opt,name=namespace"`
	Name      string         `json:"name,omitempty" protobuf:"bytes,5,opt,name=name"`
	Status    SyncStatusCode `json:"status,omitempty" protobuf:"bytes,6,opt,name=status"`
	Health    *HealthStatus  `json:"health,omitempty" protobuf:"bytes,7,opt,name=health"`
	SyncWave  int64          `json:"syncWave,omitempty" protobuf:"varint,10,opt,name=syncWave"`
	Hook      bool           `json:"hook,omitempty" protobuf:"varint,8,opt,name=hook"`
	// RequiresPruning marks an object that is live but no longer in the source.
	RequiresPruning bool `json:"requiresPruning,omitempty" protobuf:"varint,9,opt,name=requiresPruning"`
	// RequiresDeletionConfirmation marks an object with Prune=confirm or Delete=confirm.
	RequiresDeletionConfirmation bool `json:"requiresDeletionConfirmation,omitempty" protobuf:"varint,11,opt,name=requiresDeletionConfirmation"`
	// UID is ours, Argo CD has no such field: the identity of the object that we
	// applied, which pruning demands as proof that the live object is not another
	// one of the same name. It has no protobuf number, so gRPC clients never see
	// it, and a cluster that still holds Argo CD's own CRD drops it on write.
	UID types.UID `json:"uid,omitempty"`
}

// RevisionHistory is one finished sync; ID is what a rollback names.
type RevisionHistory struct {
	ID              int64               `json:"id" protobuf:"varint,5,opt,name=id"`
	Revision        string              `json:"revision,omitempty" protobuf:"bytes,2,opt,name=revision"`
	Revisions       []string            `json:"revisions,omitempty" protobuf:"bytes,9,rep,name=revisions"`
	Source          ApplicationSource   `json:"source,omitempty" protobuf:"bytes,6,opt,name=source"`
	Sources         []ApplicationSource `json:"sources,omitempty" protobuf:"bytes,8,rep,name=sources"`
	DeployStartedAt *metav1.Time        `json:"deployStartedAt,omitempty" protobuf:"bytes,7,opt,name=deployStartedAt"`
	DeployedAt      metav1.Time         `json:"deployedAt" protobuf:"bytes,4,opt,name=deployedAt"`
	InitiatedBy     OperationInitiator  `json:"initiatedBy,omitempty" protobuf:"bytes,10,opt,name=initiatedBy"`
}

// ApplicationCondition is something that a person should know about. Types that
// end in Error stop a sync, those that end in Warning do not. Those with a
// status are of Kubernetes' own sort (Synced, Healthy), for kubectl wait.
type ApplicationCondition struct {
	Type               ApplicationConditionType `json:"type" protobuf:"bytes,1,opt,name=type"`
	Message            string                   `json:"message" protobuf:"bytes,2,opt,name=message"`
	LastTransitionTime *metav1.Time             `json:"lastTransitionTime,omitempty" protobuf:"bytes,3,opt,name=lastTransitionTime"`
	// True, False or Unknown, of Synced and Healthy; empty for all others. (Ours.)
	Status string `json:"status,omitempty"`
}

// ApplicationSummary is what lists and tiles show.
type ApplicationSummary struct {
	ExternalURLs []string `json:"externalURLs,omitempty" protobuf:"bytes,1,rep,name=externalURLs"`
	Images       []string `json:"images,omitempty" protobuf:"bytes,2,rep,name=images"`
	// IsAppOfApps is true when the application's objects include an Application.
	IsAppOfApps bool `json:"isAppOfApps,omitempty" protobuf:"varint,3,opt,name=isAppOfApps"`
}

// SourceHydratorStatus is the running or last rendering into a branch.
type SourceHydratorStatus struct {
	LastSuccessfulOperation *SuccessfulHydrateOperation `json:"lastSuccessfulOperation,omitempty" protobuf:"bytes,1,opt,name=lastSuccessfulOperation"`
	CurrentOperation        *HydrateOperation           `json:"currentOperation,omitempty" protobuf:"bytes,2,opt,name=currentOperation"`
	LastComparedDryRevision string                      `json:"lastComparedDryRevision,omitempty" protobuf:"bytes,3,opt,name=lastComparedDryRevision"`
}

// HydrateOperation is one rendering into a branch. DrySHA and HydratedSHA are
// full commit hashes.
type HydrateOperation struct {
	StartedAt      metav1.Time           `json:"startedAt,omitempty" protobuf:"bytes,1,opt,name=startedAt"`
	FinishedAt     *metav1.Time          `json:"finishedAt,omitempty" protobuf:"bytes,2,opt,name=finishedAt"`
	Phase          HydrateOperationPhase `json:"phase" protobuf:"bytes,3,opt,name=phase"`
	Message        string                `json:"message" protobuf:"bytes,4,opt,name=message"`
	DrySHA         string                `json:"drySHA,omitempty" protobuf:"bytes,5,opt,name=drySHA"`
	HydratedSHA    string                `json:"hydratedSHA,omitempty" protobuf:"bytes,6,opt,name=hydratedSHA"`
	SourceHydrator SourceHydrator        `json:"sourceHydrator,omitempty" protobuf:"bytes,7,opt,name=sourceHydrator"`
}

// SuccessfulHydrateOperation is a [HydrateOperation] that went well.
type SuccessfulHydrateOperation struct {
	DrySHA         string         `json:"drySHA,omitempty" protobuf:"bytes,5,opt,name=drySHA"`
	HydratedSHA    string         `json:"hydratedSHA,omitempty" protobuf:"bytes,6,opt,name=hydratedSHA"`
	SourceHydrator SourceHydrator `json:"sourceHydrator,omitempty" protobuf:"bytes,7,opt,name=sourceHydrator"`
}
