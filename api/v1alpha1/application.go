package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Application says which manifests belong in which namespace of which cluster.
//
// It has no status subresource: status and operation are written through the
// object itself, and many tools besides us write them.
type Application struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`

	Spec   ApplicationSpec   `json:"spec" protobuf:"bytes,2,opt,name=spec"`
	Status ApplicationStatus `json:"status,omitempty" protobuf:"bytes,3,opt,name=status"`
	// Operation is a request: setting it starts a sync, and it is removed when
	// the request has been taken into status.operationState.
	Operation *Operation `json:"operation,omitempty" protobuf:"bytes,4,opt,name=operation"`
}

// ApplicationList is what the API server answers to a list request.
type ApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`
	Items           []Application `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// ApplicationSpec is what the user wants. Exactly one of Source, Sources and
// SourceHydrator is meant; [ApplicationSpec.SourceList] tells which one counts.
type ApplicationSpec struct {
	// Where the manifests come from.
	Source *ApplicationSource `json:"source,omitempty" protobuf:"bytes,1,opt,name=source"`
	// Several places the manifests come from; takes precedence over source.
	Sources []ApplicationSource `json:"sources,omitempty" protobuf:"bytes,8,rep,name=sources"`
	// Renders a dry source into a branch, from which the application then syncs.
	SourceHydrator *SourceHydrator `json:"sourceHydrator,omitempty" protobuf:"bytes,9,opt,name=sourceHydrator"`
	// The cluster and the namespace the manifests go to.
	Destination ApplicationDestination `json:"destination" protobuf:"bytes,2,opt,name=destination"`
	// The AppProject whose rules apply.
	Project string `json:"project" protobuf:"bytes,3,opt,name=project"`
	// When and how a sync happens; absent means only when asked.
	SyncPolicy *SyncPolicy `json:"syncPolicy,omitempty" protobuf:"bytes,4,opt,name=syncPolicy"`
	// Fields whose difference between Git and cluster does not count.
	IgnoreDifferences []ResourceIgnoreDifferences `json:"ignoreDifferences,omitempty" protobuf:"bytes,5,rep,name=ignoreDifferences"`
	// Notes and links shown with the application.
	Info []Info `json:"info,omitempty" protobuf:"bytes,6,rep,name=info"`
	// How many entries of the deployment history are kept; 10 if absent, 0 for none.
	RevisionHistoryLimit *int64 `json:"revisionHistoryLimit,omitempty" protobuf:"varint,7,opt,name=revisionHistoryLimit"`
}

// ApplicationDestination names a cluster, by address or by name, and a namespace in it.
type ApplicationDestination struct {
	// Address of the cluster's API server; give either server or name.
	Server string `json:"server,omitempty" protobuf:"bytes,1,opt,name=server"`
	// Name under which the cluster is registered; give either server or name.
	Name string `json:"name,omitempty" protobuf:"bytes,3,opt,name=name"`
	// Namespace for the objects whose manifest names none.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace"`
}

// SyncPolicy says when a sync starts by itself and how every sync proceeds.
type SyncPolicy struct {
	// Sync without being asked.
	Automated *SyncPolicyAutomated `json:"automated,omitempty" protobuf:"bytes,1,opt,name=automated"`
	// Options as Name=value, for example CreateNamespace=true.
	SyncOptions []string `json:"syncOptions,omitempty" protobuf:"bytes,2,rep,name=syncOptions"`
	// What happens after a failed sync.
	Retry *RetryStrategy `json:"retry,omitempty" protobuf:"bytes,3,opt,name=retry"`
	// Labels and annotations for the namespace that CreateNamespace=true creates.
	ManagedNamespaceMetadata *ManagedNamespaceMetadata `json:"managedNamespaceMetadata,omitempty" protobuf:"bytes,4,opt,name=managedNamespaceMetadata"`
}

// SyncPolicyAutomated switches the automatic sync on. Pointers, because a
// written `false` has to survive a round trip; [ApplicationSpec.Automation]
// resolves them.
type SyncPolicyAutomated struct {
	// Whether automatic sync is on; true if absent.
	Enabled *bool `json:"enabled,omitempty" protobuf:"varint,4,opt,name=enabled"`
	// Delete objects that are no longer in the source.
	Prune *bool `json:"prune,omitempty" protobuf:"varint,1,opt,name=prune"`
	// Undo changes that were made in the cluster.
	SelfHeal *bool `json:"selfHeal,omitempty" protobuf:"varint,2,opt,name=selfHeal"`
	// Allow a sync that leaves no object at all.
	AllowEmpty *bool `json:"allowEmpty,omitempty" protobuf:"varint,3,opt,name=allowEmpty"`
}

// RetryStrategy says how often and how soon a failed sync is tried again.
type RetryStrategy struct {
	// How many times a failed sync is tried again; 0 for never, negative for ever.
	Limit int64 `json:"limit,omitempty" protobuf:"varint,1,opt,name=limit"`
	// How the pause between two tries grows.
	Backoff *Backoff `json:"backoff,omitempty" protobuf:"bytes,2,opt,name=backoff"`
	// Use the newest revision in each try, instead of the one that failed.
	Refresh bool `json:"refresh,omitempty" protobuf:"varint,3,opt,name=refresh"`
}

// Backoff is a growing pause. Durations are written as "5s", "3m", "1h"; a bare
// number counts as seconds.
type Backoff struct {
	// The first pause, for example 5s.
	Duration string `json:"duration,omitempty" protobuf:"bytes,1,opt,name=duration"`
	// Each pause is this many times the one before.
	Factor *int64 `json:"factor,omitempty" protobuf:"varint,2,opt,name=factor"`
	// The longest pause, for example 3m.
	MaxDuration string `json:"maxDuration,omitempty" protobuf:"bytes,3,opt,name=maxDuration"`
}

// ManagedNamespaceMetadata is put on a namespace that the application creates.
type ManagedNamespaceMetadata struct {
	// Labels of the namespace.
	Labels map[string]string `json:"labels,omitempty" protobuf:"bytes,1,rep,name=labels"`
	// Annotations of the namespace.
	Annotations map[string]string `json:"annotations,omitempty" protobuf:"bytes,2,rep,name=annotations"`
}

// ResourceIgnoreDifferences selects objects (group, kind, name, namespace) and
// names fields of them. Group and kind may hold `*` globs.
type ResourceIgnoreDifferences struct {
	// API group of the objects; empty for the core group.
	Group string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group"`
	// Kind of the objects.
	Kind string `json:"kind" protobuf:"bytes,2,opt,name=kind"`
	// Only the object of this name.
	Name string `json:"name,omitempty" protobuf:"bytes,3,opt,name=name"`
	// Only objects in this namespace.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,4,opt,name=namespace"`
	// Fields as JSON pointers (RFC 6901), for example /spec/replicas.
	JSONPointers []string `json:"jsonPointers,omitempty" protobuf:"bytes,5,rep,name=jsonPointers"`
	// Fields as jq path expressions.
	JQPathExpressions []string `json:"jqPathExpressions,omitempty" protobuf:"bytes,6,rep,name=jqPathExpressions"`
	// All fields that one of these field managers owns.
	ManagedFieldsManagers []string `json:"managedFieldsManagers,omitempty" protobuf:"bytes,7,rep,name=managedFieldsManagers"`
}

// Info is one named note, often a link.
type Info struct {
	// What the note is about.
	Name string `json:"name" protobuf:"bytes,1,opt,name=name"`
	// The note itself, often a URL.
	Value string `json:"value" protobuf:"bytes,2,opt,name=value"`
}

// HasMultipleSources tells whether the plural fields (revisions, sources,
// sourceTypes) of the status are the ones in use. A hydrated application always
// has a single source.
func (s *ApplicationSpec) HasMultipleSources() bool {
	return s.SourceHydrator == nil && len(s.Sources) > 0
}

// SourceList returns the sources that count, none if the spec names none: the
// branch that a hydrator fills, else sources, else source. It shares memory
// with the spec.
func (s *ApplicationSpec) SourceList() []ApplicationSource {
	switch {
	case s.SourceHydrator != nil:
		return []ApplicationSource{s.SourceHydrator.Hydrated()}
	case len(s.Sources) > 0:
		return s.Sources
	case s.Source != nil:
		return []ApplicationSource{*s.Source}
	}
	return nil
}

// ProjectName is the AppProject that applies; an empty name means `default`.
func (s *ApplicationSpec) ProjectName() string {
	if s.Project == "" {
		return DefaultProject
	}
	return s.Project
}

// Automation is the automatic part of a sync policy with its defaults resolved.
// Prune, SelfHeal and AllowEmpty are false whenever Enabled is.
type Automation struct {
	Enabled    bool
	Prune      bool
	SelfHeal   bool
	AllowEmpty bool
}

// Automation resolves spec.syncPolicy.automated: an absent block is off, a
// present one is on unless it says `enabled: false`.
func (s *ApplicationSpec) Automation() Automation {
	if s.SyncPolicy == nil || s.SyncPolicy.Automated == nil {
		return Automation{}
	}
	a := s.SyncPolicy.Automated
	if a.Enabled != nil && !*a.Enabled {
		return Automation{}
	}
	isTrue := func(b *bool) bool { return b != nil && *b }
	return Automation{Enabled: true, Prune: isTrue(a.Prune), SelfHeal: isTrue(a.SelfHeal), AllowEmpty: isTrue(a.AllowEmpty)}
}
