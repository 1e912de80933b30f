package plan

import (
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Answer is the value of an option that can also ask for a person's confirmation.
type Answer string

// The answers; the zero value is yes.
const (
	Yes     Answer = ""
	No      Answer = "false"
	Confirm Answer = "confirm"
)

// Options is the sync options in force for one object or one application.
type Options struct {
	CreateNamespace             bool
	ApplyOutOfSyncOnly          bool
	PruneLast                   bool
	FailOnSharedResource        bool
	SkipDryRunOnMissingResource bool
	SkipValidation              bool
	RespectIgnoreDifferences    bool
	Replace                     bool // put the whole object instead of applying it
	Force                       bool // delete and create anew what cannot be changed in place; with Replace always
	ServerSideApply             bool // asked for by name: results then read "serverside-applied"
	ClientSideApply             bool // ServerSideApply=false: apply as `kubectl apply` does
	Prune, Delete               Answer
	Propagation                 metav1.DeletionPropagation
	DeletionApproved            bool // a person has confirmed
	Unknown                     []string
}

// ParseOptions reads options written as Name=value; the last of a name counts. Names it does not know are kept in
// Unknown, so that the caller can say so instead of ignoring a typing error.
func ParseOptions(list []string) Options {
	o := Options{Propagation: metav1.DeletePropagationForeground}
	for _, text := range list {
		o.set(text)
	}
	return o
}

// With returns the options with those that the object's annotation sets.
func (o Options) With(obj *object.Object) Options {
	text, _ := object.Annotation(obj, v1alpha1.AnnotationSyncOptions)
	if text == "" {
		return o
	}
	own := o
	for _, part := range strings.Split(text, ",") {
		own.set(part)
	}
	if o.Prune == No { // what the application protects, an object cannot release
		own.Prune = No
	}
	return own
}

func (o *Options) set(text string) {
	name, value, _ := strings.Cut(strings.TrimSpace(text), "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	on := value == "true"
	switch name {
	case "":
	case v1alpha1.SyncOptionCreateNamespace:
		o.CreateNamespace = on
	case v1alpha1.SyncOptionApplyOutOfSyncOnly:
		o.ApplyOutOfSyncOnly = on
	case v1alpha1.SyncOptionPruneLast:
		o.PruneLast = on
	case v1alpha1.SyncOptionFailOnSharedResource:
		o.FailOnSharedResource = on
	case v1alpha1.SyncOptionSkipDryRunOnMissingResource:
		o.SkipDryRunOnMissingResource = on
	case v1alpha1.SyncOptionServerSideApply:
		o.ServerSideApply, o.ClientSideApply = on, value == "false"
	case v1alpha1.SyncOptionRespectIgnoreDifferences:
		o.RespectIgnoreDifferences = on
	case v1alpha1.SyncOptionReplace:
		o.Replace = on
	case v1alpha1.SyncOptionForce:
		o.Force = on
	case v1alpha1.SyncOptionClientSideApplyMigration:
		// what an earlier client-side apply owns is always taken over
	case v1alpha1.SyncOptionValidate:
		o.SkipValidation = value == "false"
	case v1alpha1.SyncOptionPrune:
		o.Prune = answer(value)
	case v1alpha1.SyncOptionDelete:
		o.Delete = answer(value)
	case v1alpha1.SyncOptionPrunePropagationPolicy:
		switch value {
		case "background":
			o.Propagation = metav1.DeletePropagationBackground
		case "orphan":
			o.Propagation = metav1.DeletePropagationOrphan
		case "foreground":
			o.Propagation = metav1.DeletePropagationForeground
		default:
			o.Unknown = append(o.Unknown, text)
		}
	default:
		o.Unknown = append(o.Unknown, strings.TrimSpace(text))
	}
}

func answer(value string) Answer {
	switch value {
	case "false":
		return No
	case "confirm":
		return Confirm
	}
	return Yes
}
