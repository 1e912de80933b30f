package object

import (
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Names of the marks that say which application manages an object; the wire is Argo CD's (resource tracking).
const (
	TrackingAnnotation     = "argocd.argoproj.io/tracking-id"
	InstallationAnnotation = "argocd.argoproj.io/installation-id"
	DefaultInstanceLabel   = "app.kubernetes.io/instance"
)

// Tracking says how objects are marked as an application's.
type Tracking struct {
	Method         string // annotation (also when empty), label, annotation+label
	InstanceLabel  string // key of the label; DefaultInstanceLabel when empty
	InstallationID string // tells installations on one cluster apart; usually empty
}

func (t Tracking) byLabel() bool { return t.Method == "label" }

func (t Tracking) labelKey() string {
	if t.InstanceLabel == "" {
		return DefaultInstanceLabel
	}
	return t.InstanceLabel
}

// Instance returns the name under which an application marks objects: its name, or namespace_name outside the
// control namespace.
func Instance(controlNamespace, appNamespace, appName string) string {
	if appNamespace == "" || appNamespace == controlNamespace {
		return appName
	}
	return appNamespace + "_" + appName
}

// TrackingID returns the annotation's value: instance:group/kind:namespace/name.
func TrackingID(instance string, k Key) string {
	return instance + ":" + k.Group + "/" + k.Kind + ":" + k.Namespace + "/" + k.Name
}

// ParseTrackingID takes the annotation's value apart.
func ParseTrackingID(id string) (instance string, k Key, ok bool) {
	parts := strings.SplitN(id, ":", 3)
	if len(parts) != 3 {
		return "", Key{}, false
	}
	group, kind, ok1 := strings.Cut(parts[1], "/")
	namespace, name, ok2 := strings.Cut(parts[2], "/")
	return parts[0], Key{Group: group, Kind: kind, Namespace: namespace, Name: name}, ok1 && ok2
}

// Mark returns a copy of o that carries the marks of instance. namespace is what the tracking id names for o: its
// own, or for a cluster-scoped object the application's destination namespace (both readings of Argo CD are
// accepted by Owner). CRDs carry no label: operators copy a CRD's labels. What the marks do not touch is shared with o.
func (t Tracking) Mark(o *Object, instance, namespace string) *Object {
	o = onTop(o)
	key := KeyOf(o)
	key.Namespace = namespace
	if !t.byLabel() {
		annotations := o.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[TrackingAnnotation] = TrackingID(instance, key)
		if t.InstallationID != "" {
			annotations[InstallationAnnotation] = t.InstallationID
		}
		o.SetAnnotations(annotations)
	}
	if (t.byLabel() || t.Method == "annotation+label") && o.GetKind() != "CustomResourceDefinition" {
		labels := o.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[t.labelKey()] = labelValue(instance)
		o.SetLabels(labels)
	}
	return o
}

// Owner returns the instance that o is marked as belonging to, or "". An annotation counts only when it describes
// the object itself: copies that operators make of an annotated object are not ours.
func (t Tracking) Owner(o *Object) string {
	if t.byLabel() {
		return o.GetLabels()[t.labelKey()]
	}
	if installation, _ := Annotation(o, InstallationAnnotation); t.InstallationID != installation {
		return ""
	}
	id, _ := Annotation(o, TrackingAnnotation)
	instance, key, ok := ParseTrackingID(id)
	if !ok {
		return ""
	}
	own := KeyOf(o)
	if own.Namespace == "" {
		key.Namespace = "" // cluster-scoped: the id may carry the destination's namespace
	}
	if key != own {
		return ""
	}
	return instance
}

// Check refuses an instance that a label, where it is the only mark, would have to cut: two applications could then bear
// the same mark, and each could take the other's objects for its own.
func (t Tracking) Check(instance string) error {
	if t.byLabel() && len(instance) > maxLabel {
		return problem.New(problem.Invalid, "the name %s has %d characters and does not fit into the label %s that marks objects", instance, len(instance), t.labelKey()).
			WithHint("at most %d; or set application.resourceTrackingMethod to annotation", maxLabel)
	}
	return nil
}

// maxLabel is the length of the longest value that a label may have.
const maxLabel = 63

func labelValue(s string) string {
	if len(s) > maxLabel {
		return strings.TrimRight(s[:maxLabel], "-_.")
	}
	return s
}
