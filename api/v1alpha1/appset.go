package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ApplicationSet makes one Application out of a template for each set of
// parameters that its generators yield. It has a status subresource.
type ApplicationSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`

	Spec   ApplicationSetSpec   `json:"spec" protobuf:"bytes,2,opt,name=spec"`
	Status ApplicationSetStatus `json:"status,omitempty" protobuf:"bytes,3,opt,name=status"`
}

// ApplicationSetList is what the API server answers to a list request.
type ApplicationSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`
	Items           []ApplicationSet `json:"items" protobuf:"bytes,2,rep,name=items"`
}

// ApplicationSetSpec is generators × template, and what may be done with the result.
type ApplicationSetSpec struct {
	// Use Go templates with the sprig functions, instead of plain {{name}} substitution.
	GoTemplate bool `json:"goTemplate,omitempty" protobuf:"varint,1,opt,name=goTemplate"`
	// Options of Go templates, for example missingkey=error.
	GoTemplateOptions []string `json:"goTemplateOptions,omitempty" protobuf:"bytes,7,rep,name=goTemplateOptions"`
	// Where the parameters come from.
	Generators []ApplicationSetGenerator `json:"generators" protobuf:"bytes,2,rep,name=generators"`
	// The application, with parameters to fill in.
	Template ApplicationSetTemplate `json:"template" protobuf:"bytes,3,opt,name=template"`
	// Template of a patch that is merged into each application.
	TemplatePatch *string `json:"templatePatch,omitempty" protobuf:"bytes,10,opt,name=templatePatch"`
	// What may be done to applications.
	SyncPolicy *ApplicationSetSyncPolicy `json:"syncPolicy,omitempty" protobuf:"bytes,4,opt,name=syncPolicy"`
	// In which order applications are synced and deleted.
	Strategy *ApplicationSetStrategy `json:"strategy,omitempty" protobuf:"bytes,5,opt,name=strategy"`
	// Labels and annotations of applications that people may change.
	PreservedFields *ApplicationPreservedFields `json:"preservedFields,omitempty" protobuf:"bytes,6,opt,name=preservedFields"`
	// Fields of applications that people may change.
	IgnoreApplicationDifferences []ApplicationSetResourceIgnoreDifferences `json:"ignoreApplicationDifferences,omitempty" protobuf:"bytes,9,rep,name=ignoreApplicationDifferences"`
	// Without effect: selectors of nested generators always apply.
	ApplyNestedSelectors bool `json:"applyNestedSelectors,omitempty" protobuf:"varint,8,opt,name=applyNestedSelectors"`
}

// ApplicationSetTemplate is an Application whose texts hold parameters.
type ApplicationSetTemplate struct {
	// Metadata of the application.
	Metadata ApplicationSetTemplateMeta `json:"metadata" protobuf:"bytes,1,opt,name=metadata"`
	// Spec of the application.
	Spec ApplicationSpec `json:"spec" protobuf:"bytes,2,opt,name=spec"`
}

// ApplicationSetTemplateMeta is the part of the metadata that a template may set.
type ApplicationSetTemplateMeta struct {
	// Name of the application.
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	// Namespace of the application; the ApplicationSet's if absent.
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,2,opt,name=namespace"`
	// Labels of the application.
	Labels map[string]string `json:"labels,omitempty" protobuf:"bytes,3,rep,name=labels"`
	// Annotations of the application.
	Annotations map[string]string `json:"annotations,omitempty" protobuf:"bytes,4,rep,name=annotations"`
	// Finalizers of the application.
	Finalizers []string `json:"finalizers,omitempty" protobuf:"bytes,5,rep,name=finalizers"`
}

// ApplicationSetSyncPolicy bounds what is done to applications.
type ApplicationSetSyncPolicy struct {
	// Keep what applications deployed when they are deleted.
	PreserveResourcesOnDeletion bool `json:"preserveResourcesOnDeletion,omitempty" protobuf:"varint,1,opt,name=preserveResourcesOnDeletion"`
	// Which changes to applications are made; sync (all) if absent.
	ApplicationsSync *ApplicationsSyncPolicy `json:"applicationsSync,omitempty" protobuf:"bytes,2,opt,name=applicationsSync"`
}

// ApplicationSetStrategy is the order of work over the applications of a set.
type ApplicationSetStrategy struct {
	// Either AllAtOnce or RollingSync.
	Type string `json:"type,omitempty" protobuf:"bytes,1,opt,name=type"`
	// The steps of a RollingSync.
	RollingSync *ApplicationSetRolloutStrategy `json:"rollingSync,omitempty" protobuf:"bytes,2,opt,name=rollingSync"`
	// Either AllAtOnce or Reverse.
	DeletionOrder string `json:"deletionOrder,omitempty" protobuf:"bytes,3,opt,name=deletionOrder"`
}

// ApplicationSetRolloutStrategy is a list of steps; each waits until the
// applications of the one before are healthy.
type ApplicationSetRolloutStrategy struct {
	// The steps, in order.
	Steps []ApplicationSetRolloutStep `json:"steps,omitempty" protobuf:"bytes,1,rep,name=steps"`
}

// ApplicationSetRolloutStep selects applications by label.
type ApplicationSetRolloutStep struct {
	// Labels of the applications that take part.
	MatchExpressions []ApplicationMatchExpression `json:"matchExpressions,omitempty" protobuf:"bytes,1,rep,name=matchExpressions"`
	// How many may be synced at once, as number or percentage; 0 waits for a person.
	MaxUpdate *intstr.IntOrString `json:"maxUpdate,omitempty" protobuf:"bytes,2,opt,name=maxUpdate"`
}

// ApplicationMatchExpression is a condition on one label.
type ApplicationMatchExpression struct {
	// Name of the label.
	Key string `json:"key,omitempty" protobuf:"bytes,1,opt,name=key"`
	// Either In or NotIn.
	Operator string `json:"operator,omitempty" protobuf:"bytes,2,opt,name=operator"`
	// Values of the label.
	Values []string `json:"values,omitempty" protobuf:"bytes,3,rep,name=values"`
}

// ApplicationPreservedFields names metadata that is left as people set it.
type ApplicationPreservedFields struct {
	// Names of annotations.
	Annotations []string `json:"annotations,omitempty" protobuf:"bytes,1,rep,name=annotations"`
	// Names of labels.
	Labels []string `json:"labels,omitempty" protobuf:"bytes,2,rep,name=labels"`
}

// ApplicationSetResourceIgnoreDifferences names fields of applications that are
// left as people set them.
type ApplicationSetResourceIgnoreDifferences struct {
	// Only the application of this name.
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name"`
	// Fields as JSON pointers (RFC 6901).
	JSONPointers []string `json:"jsonPointers,omitempty" protobuf:"bytes,2,rep,name=jsonPointers"`
	// Fields as jq path expressions.
	JQPathExpressions []string `json:"jqPathExpressions,omitempty" protobuf:"bytes,3,rep,name=jqPathExpressions"`
}

// ApplicationSetStatus is our answer. Resources lists the applications of the
// set; it may be cut short, ResourcesCount is then the true number.
type ApplicationSetStatus struct {
	Conditions        []ApplicationSetCondition         `json:"conditions,omitempty" protobuf:"bytes,1,rep,name=conditions"`
	ApplicationStatus []ApplicationSetApplicationStatus `json:"applicationStatus,omitempty" protobuf:"bytes,2,rep,name=applicationStatus"`
	Resources         []ResourceStatus                  `json:"resources,omitempty" protobuf:"bytes,3,rep,name=resources"`
	ResourcesCount    int64                             `json:"resourcesCount,omitempty" protobuf:"varint,4,opt,name=resourcesCount"`
	Health            HealthStatus                      `json:"health,omitempty" protobuf:"bytes,5,opt,name=health"`
}

// ApplicationSetCondition is one standing statement about the set; unlike the
// conditions of an Application it is there also when it is false.
type ApplicationSetCondition struct {
	Type               ApplicationSetConditionType   `json:"type" protobuf:"bytes,1,opt,name=type"`
	Status             ApplicationSetConditionStatus `json:"status" protobuf:"bytes,4,opt,name=status"`
	Reason             string                        `json:"reason" protobuf:"bytes,5,opt,name=reason"`
	Message            string                        `json:"message" protobuf:"bytes,2,opt,name=message"`
	LastTransitionTime *metav1.Time                  `json:"lastTransitionTime,omitempty" protobuf:"bytes,3,opt,name=lastTransitionTime"`
}

// ApplicationSetApplicationStatus is the place of one application in a
// RollingSync. Step counts from 1, as text; -1 means that no step selects it.
type ApplicationSetApplicationStatus struct {
	Application        string                    `json:"application" protobuf:"bytes,1,opt,name=application"`
	Status             ProgressiveSyncStatusCode `json:"status" protobuf:"bytes,4,opt,name=status"`
	Step               string                    `json:"step" protobuf:"bytes,5,opt,name=step"`
	Message            string                    `json:"message" protobuf:"bytes,3,opt,name=message"`
	TargetRevisions    []string                  `json:"targetRevisions" protobuf:"bytes,6,rep,name=targetrevisions"`
	LastTransitionTime *metav1.Time              `json:"lastTransitionTime,omitempty" protobuf:"bytes,2,opt,name=lastTransitionTime"`
}
