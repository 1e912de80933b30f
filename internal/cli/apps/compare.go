package apps

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Comparison is one object on both sides: as it is, and as it would be after a sync. A side that is nil is not there.
type Comparison struct {
	object.Key
	Live, Target *object.Object
}

// Differs reports whether there is anything to show.
func (c Comparison) Differs() bool {
	if c.Live == nil || c.Target == nil {
		return c.Live != c.Target
	}
	return object.Hash(bare(c.Live)) != object.Hash(bare(c.Target))
}

// ParseObject reads one object from JSON; "" and null are nil.
func ParseObject(text string) (*object.Object, error) {
	if text == "" || text == "null" {
		return nil, nil
	}
	o := &object.Object{}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	if err := d.Decode(&o.Object); err != nil {
		return nil, problem.Because(problem.Internal, err, "read an object of the server's answer")
	}
	if o.Object == nil {
		return nil, nil
	}
	o.Object, _ = normal(o.Object).(map[string]any)
	return o, nil
}

// normal makes whole numbers int64, as Kubernetes' own decoder does: a deep copy of an object knows no others.
func normal(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = normal(x[k])
		}
	case []any:
		for i := range x {
			x[i] = normal(x[i])
		}
	case float64:
		if x == float64(int64(x)) {
			return int64(x)
		}
	}
	return v
}

// ParseObjects reads manifests as an answer has them.
func ParseObjects(texts []string) ([]*object.Object, error) {
	var list []*object.Object
	for _, t := range texts {
		o, err := ParseObject(t)
		if err != nil {
			return nil, err
		}
		if o != nil {
			list = append(list, o)
		}
	}
	return list, nil
}

// compared reports whether an object takes part in comparisons: hooks come and go.
func compared(o *object.Object) bool { return o != nil && !plan.IsHook(o) }

// Judged is the server's own comparison, object by object, of those that differ.
func Judged(items []argocd.ResourceDiff) ([]Comparison, error) {
	var list []Comparison
	for _, item := range items {
		c := Comparison{Key: object.Key{Group: item.Group, Kind: item.Kind, Namespace: item.Namespace, Name: item.Name}}
		var err error
		if c.Live, err = ParseObject(item.NormalizedLiveState); err != nil {
			return nil, err
		}
		if c.Target, err = ParseObject(item.TargetState); err != nil {
			return nil, err
		}
		if item.Hook || c.Live != nil && !compared(c.Live) || c.Target != nil && !compared(c.Target) {
			continue
		}
		if c.Live != nil && c.Target != nil {
			if !item.Modified {
				continue
			}
			if c.Target, err = ParseObject(item.PredictedLiveState); err != nil {
				return nil, err
			}
		}
		if c.Differs() {
			list = append(list, c)
		}
	}
	return ordered(list), nil
}

// Answered is the answer of a comparison that the server was asked for, of those that differ. Argo CD puts what was compared
// into the fields of the raw states; a server that fills in those of the compared ones too is believed there.
func Answered(items []argocd.ResourceDiff) ([]Comparison, error) {
	var list []Comparison
	for _, item := range items {
		live, err := ParseObject(cmp.Or(item.NormalizedLiveState, item.LiveState))
		if err != nil {
			return nil, err
		}
		target, err := ParseObject(cmp.Or(item.PredictedLiveState, item.TargetState))
		if err != nil {
			return nil, err
		}
		if live == nil && target == nil || live != nil && target != nil && !item.Modified {
			continue
		}
		c := Comparison{Live: live, Target: target}
		if live != nil {
			c.Key = object.KeyOf(live)
		} else {
			c.Key = object.KeyOf(target)
		}
		if c.Differs() {
			list = append(list, c)
		}
	}
	return ordered(list), nil
}

func ordered(list []Comparison) []Comparison {
	slices.SortFunc(list, func(a, b Comparison) int { return a.Compare(b.Key) })
	return list
}

// Marking is how the server marks the objects of an application.
type Marking struct {
	object.Tracking
	Instance string
}

// MarkingOf reads it from the server's settings.
func MarkingOf(s *argocd.Settings, app *v1alpha1.Application) Marking {
	return Marking{
		Tracking: object.Tracking{Method: s.TrackingMethod, InstanceLabel: s.AppLabelKey, InstallationID: s.InstallationID},
		Instance: object.Instance(s.ControllerNamespace, app.Namespace, app.Name),
	}
}

// Pair puts manifests beside what is live: each gets the namespace and the marks that a sync would give it, and of two of one
// name the last counts. secrets false leaves Secrets out on both sides.
func Pair(manifests []*object.Object, items []argocd.ResourceDiff, app *v1alpha1.Application, m Marking, secrets bool) ([]Comparison, error) {
	namespaced := map[schema.GroupKind]bool{}
	at := map[object.Key]int{}
	var list []Comparison
	for _, item := range items {
		live, err := ParseObject(item.NormalizedLiveState)
		if err != nil {
			return nil, err
		}
		gk := schema.GroupKind{Group: item.Group, Kind: item.Kind}
		namespaced[gk] = namespaced[gk] || item.Namespace != ""
		if !compared(live) || !secrets && object.IsSecret(live) {
			continue
		}
		c := Comparison{Key: object.KeyOf(live), Live: live}
		at[c.Key] = len(list)
		list = append(list, c)
	}
	for _, o := range manifests {
		if !compared(o) || !secrets && object.IsSecret(o) {
			continue
		}
		o = o.DeepCopy()
		known, ok := namespaced[o.GroupVersionKind().GroupKind()]
		switch {
		case ok && !known:
			o.SetNamespace("")
		case o.GetNamespace() == "" && known:
			o.SetNamespace(app.Spec.Destination.Namespace)
		}
		namespace := o.GetNamespace()
		if namespace == "" {
			namespace = app.Spec.Destination.Namespace
		}
		o = m.Mark(o, m.Instance, namespace)
		key := object.KeyOf(o)
		i, there := at[key]
		if !there {
			i = len(list)
			at[key] = i
			list = append(list, Comparison{Key: key})
		}
		list[i].Target = o
	}
	return ordered(list), nil
}

// Predict is what an apply of target makes of live as far as a client can tell: target's fields win, live's others stay.
// It is for what no server can be asked about: Secrets, whose content does not travel, and servers that compare nothing.
func Predict(live, target *object.Object) *object.Object {
	if live == nil || target == nil {
		return target
	}
	o := live.DeepCopy()
	overlay(o.Object, target.Object)
	return o
}

func overlay(live, target map[string]any) {
	for k, want := range target {
		have, both := live[k].(map[string]any)
		if inner, ok := want.(map[string]any); ok && both {
			overlay(have, inner)
			continue
		}
		live[k] = runtime.DeepCopyJSONValue(want)
	}
}

// Texts are both sides as JSON, "" for one that is not there.
func (c Comparison) Texts() (live, target string, err error) {
	text := func(o *object.Object) string {
		if o == nil || err != nil {
			return ""
		}
		var data []byte
		data, err = json.Marshal(o.Object)
		return string(data)
	}
	return text(c.Live), text(c.Target), err
}
