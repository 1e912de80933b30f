package cluster

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// lastApplied is kubectl's copy of the manifest: as large as the object, and of a Secret as secret as its values.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// entry is what the index keeps of one version of one object. It is never changed once made, so that readers need no
// lock; a newer version is a new entry.
type entry struct {
	key      object.Key
	version  string // API version it was read in
	uid      types.UID
	rv       string
	instance string // application instance whose mark it carries; empty: none
	whole    bool   // it is tracked, or somebody asked for it (Whole): its metadata alone is not enough
	owners   []metav1.OwnerReference
	full     *object.Object // masked; nil: only the metadata is kept
	meta     *outline       // nil when full is set
}

// outline is what a tree view and a filter need of an object that nobody tracks; about a tenth of the object.
type outline struct {
	labels, annotations map[string]string
	finalizers          []string
	created             time.Time
	deleted             *metav1.Time
	generation          int64
}

// object returns the entry as an object: the one kept, or one made of the metadata.
func (e *entry) object() *object.Object {
	if e == nil {
		return nil
	}
	if e.full != nil {
		return e.full
	}
	o := &object.Object{Object: map[string]any{}}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: e.key.Group, Version: e.version, Kind: e.key.Kind})
	o.SetName(e.key.Name)
	if e.key.Namespace != "" {
		o.SetNamespace(e.key.Namespace)
	}
	o.SetUID(e.uid)
	o.SetResourceVersion(e.rv)
	if e.meta.generation != 0 {
		o.SetGeneration(e.meta.generation)
	}
	o.SetCreationTimestamp(metav1.Time{Time: e.meta.created})
	if e.meta.deleted != nil {
		o.SetDeletionTimestamp(e.meta.deleted)
	}
	if len(e.owners) > 0 {
		o.SetOwnerReferences(e.owners)
	}
	if len(e.meta.labels) > 0 {
		o.SetLabels(e.meta.labels)
	}
	if len(e.meta.annotations) > 0 {
		o.SetAnnotations(e.meta.annotations)
	}
	if len(e.meta.finalizers) > 0 {
		o.SetFinalizers(e.meta.finalizers)
	}
	return o
}

// reader makes entries of what the API server sends. What repeats in objects (namespaces, names and values of labels) is
// shared between the entries of a cluster.
type reader struct {
	kind      Kind
	masker    object.Masker
	tracking  object.Tracking
	explained bool
	pinned    *pins
	fields    *fieldSets
	words     *object.Words
}

func (r *reader) internMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		if k != lastApplied {
			out[r.words.Text(k)] = r.words.Text(v)
		}
	}
	return out
}

// read makes an entry of a whole object. It keeps all of what is tracked or pinned (its managedFields decide what is drift),
// what explains health of the explained kinds, and the metadata of the rest. Secrets are masked here, where they enter.
func (r *reader) read(o *object.Object) *entry {
	e := r.head(o)
	switch {
	case e.whole || r.explained && r.kind.gk() == crdKind:
		e.full = r.masker.Mask(o)
		r.words.Share(e.full) // before the next: what is shared already is never changed
		r.fields.share(e.full)
	case r.explained:
		e.full = slim(r.masker.Mask(o))
		r.words.Share(e.full)
	default:
		e.meta = &outline{labels: r.internMap(o.GetLabels()), annotations: r.internMap(r.annotations(o.GetAnnotations())), finalizers: o.GetFinalizers(),
			created: o.GetCreationTimestamp().Time, deleted: o.GetDeletionTimestamp(), generation: o.GetGeneration()}
	}
	return e
}

func (r *reader) head(o *object.Object) *entry {
	e := &entry{
		key:      object.Key{Group: r.kind.GVK.Group, Kind: r.kind.GVK.Kind, Namespace: r.words.Text(o.GetNamespace()), Name: o.GetName()},
		version:  r.kind.GVK.Version,
		uid:      o.GetUID(),
		rv:       o.GetResourceVersion(),
		instance: r.words.Text(owner(r.tracking, o)),
		owners:   r.internOwners(o.GetOwnerReferences()),
	}
	e.whole = e.instance != "" || r.pinned.has(e.key)
	return e
}

// readMeta makes an entry of what a metadata watch delivers.
func (r *reader) readMeta(p *metav1.PartialObjectMetadata) *entry {
	e := &entry{
		key:     object.Key{Group: r.kind.GVK.Group, Kind: r.kind.GVK.Kind, Namespace: r.words.Text(p.Namespace), Name: p.Name},
		version: r.kind.GVK.Version,
		uid:     p.UID,
		rv:      p.ResourceVersion,
		owners:  r.internOwners(p.OwnerReferences),
		meta: &outline{labels: r.internMap(p.Labels), annotations: r.internMap(r.annotations(p.Annotations)), finalizers: p.Finalizers,
			created: p.CreationTimestamp.Time, deleted: p.DeletionTimestamp, generation: p.Generation},
	}
	e.instance = r.words.Text(e.owner(r.tracking))
	e.whole = e.instance != "" || r.pinned.has(e.key)
	return e
}

// annotations masks what is secret in the annotations of a Secret of which only the metadata is kept.
func (r *reader) annotations(a map[string]string) map[string]string {
	if r.kind.gk() != (schema.GroupKind{Kind: "Secret"}) {
		return a
	}
	return r.masker.MaskAnnotations(a)
}

func (r *reader) internOwners(refs []metav1.OwnerReference) []metav1.OwnerReference {
	for i := range refs {
		refs[i].APIVersion, refs[i].Kind = r.words.Text(refs[i].APIVersion), r.words.Text(refs[i].Kind)
	}
	return refs
}

// owner returns the instance whose mark the entry carries under t.
func (e *entry) owner(t object.Tracking) string {
	if e.full != nil {
		return owner(t, e.full)
	}
	if t.Method != "label" && e.meta.annotations[object.TrackingAnnotation] == "" {
		return "" // the common case, and most entries are of it: no object need be made
	}
	o := &object.Object{Object: map[string]any{}}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: e.key.Group, Version: e.version, Kind: e.key.Kind})
	o.SetNamespace(e.key.Namespace)
	o.SetName(e.key.Name)
	o.SetLabels(e.meta.labels)
	o.SetAnnotations(e.meta.annotations)
	if len(e.owners) > 0 {
		o.SetOwnerReferences(e.owners)
	}
	return owner(t, o)
}

// owner is Tracking.Owner, but a label counts on roots only: pods carry the labels of their template, and nobody
// wrote them to Git (Argo CD's rule).
func owner(t object.Tracking, o *object.Object) string {
	if t.Method == "label" && len(o.GetOwnerReferences()) > 0 {
		return ""
	}
	return t.Owner(o)
}

// explained reports whether objects of gk are kept although nobody tracks them, because they explain the health of
// what is tracked, or (CRDs under label tracking, which carry no label) because an application may own them unmarked.
func explained(gk schema.GroupKind, t object.Tracking) bool {
	switch gk {
	case schema.GroupKind{Kind: "Pod"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}, schema.GroupKind{Group: "batch", Kind: "Job"}:
		return true
	case crdKind:
		return t.Method == "label"
	}
	return false
}

// slim drops from an untracked object what explains nothing and weighs most: who wrote which field, kubectl's copy,
// and of pod specs the environment (often secret), mounts and probes. It changes o, which nobody else has seen yet.
func slim(o *object.Object) *object.Object {
	o.SetManagedFields(nil)
	if a := o.GetAnnotations(); a[lastApplied] != "" {
		delete(a, lastApplied)
		o.SetAnnotations(a)
	}
	switch o.GetKind() {
	case "Pod":
		spec, _ := o.Object["spec"].(map[string]any)
		slimPod(spec)
	case "ReplicaSet", "Job":
		if spec, ok := o.Object["spec"].(map[string]any); ok {
			if template, ok := spec["template"].(map[string]any); ok {
				pod, _ := template["spec"].(map[string]any)
				slimPod(pod)
			}
		}
	}
	return o
}

func slimPod(spec map[string]any) {
	for _, field := range []string{"volumes", "tolerations", "affinity", "topologySpreadConstraints", "securityContext", "imagePullSecrets", "dnsConfig", "hostAliases"} {
		delete(spec, field)
	}
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		containers, _ := spec[list].([]any)
		for _, c := range containers {
			c, _ := c.(map[string]any)
			for _, field := range []string{"env", "envFrom", "volumeMounts", "volumeDevices", "command", "args", "lifecycle",
				"livenessProbe", "readinessProbe", "startupProbe", "securityContext", "terminationMessagePath", "terminationMessagePolicy"} {
				delete(c, field)
			}
		}
	}
}

// pins are the objects that are kept whole although nobody tracks them (yet): wanted by an application that has not
// marked them. An object that is gone is pinned no more, so there are never more pins than objects: who still wants it asks
// for it again (Whole) when it comes back.
type pins struct {
	keys  sync.Map // object.Key → struct{}: read with each event, written hardly ever
	count atomic.Int64
}

func (p *pins) has(key object.Key) bool {
	if p == nil {
		return false
	}
	_, ok := p.keys.Load(key)
	return ok
}

func (p *pins) add(key object.Key) {
	if _, known := p.keys.LoadOrStore(key, struct{}{}); !known {
		p.count.Add(1)
	}
}

func (p *pins) drop(key object.Key) {
	if p == nil {
		return
	}
	if _, known := p.keys.LoadAndDelete(key); known {
		p.count.Add(-1)
	}
}
