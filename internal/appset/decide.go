package appset

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Decision is what is to be done with the applications of a set. Nothing else is touched.
type Decision struct {
	Create []*v1alpha1.Application
	Update []Update
	Delete []*v1alpha1.Application
	Held   []*v1alpha1.Application // would be deleted, and stay until somebody is sure
	Why    string                  // why they stay; empty when none does
	Kept   []string                // names of applications that the set does not own, and leaves alone
}

// Update is an application as it is, and as it should be.
type Update struct{ Old, New *v1alpha1.Application }

// Decide compares what a set asks for with what there is. owned are the applications that the set owns, others those of
// the wanted names that it does not. sure says that a deletion of most has been seen before, or was confirmed.
func Decide(ctx context.Context, set *v1alpha1.ApplicationSet, wanted, owned []*v1alpha1.Application, others map[string]bool, sure bool) (Decision, error) {
	var d Decision
	policy := policyOf(set)
	mayUpdate := policy == v1alpha1.ApplicationsSyncAll || policy == v1alpha1.ApplicationsSyncCreateUpdate

	have := make(map[string]*v1alpha1.Application, len(owned))
	for _, app := range owned {
		have[keyOf(app)] = app
	}
	want := make(map[string]bool, len(wanted))
	for _, app := range wanted {
		key := keyOf(app)
		want[key] = true
		old := have[key]
		switch {
		case old == nil && others[key]:
			d.Kept = append(d.Kept, app.Name)
		case old == nil:
			d.Create = append(d.Create, app)
		case mayUpdate && old.DeletionTimestamp == nil:
			now, err := updated(ctx, set, old, app)
			if err != nil {
				return Decision{}, err
			}
			if now != nil {
				d.Update = append(d.Update, Update{old, now})
			}
		}
	}
	if !MayDelete(set) {
		return d, nil
	}
	gone := slices.DeleteFunc(slices.Clone(owned), func(app *v1alpha1.Application) bool { return want[keyOf(app)] || app.DeletionTimestamp != nil })
	d.Why = doubt(len(wanted), len(owned), len(gone))
	if d.Why != "" && !sure {
		d.Held = gone
		return d, nil
	}
	d.Why = ""
	d.Delete = gone
	return d, nil
}

func policyOf(set *v1alpha1.ApplicationSet) v1alpha1.ApplicationsSyncPolicy {
	if p := set.Spec.SyncPolicy; p != nil && p.ApplicationsSync != nil {
		return *p.ApplicationsSync
	}
	return v1alpha1.ApplicationsSyncAll
}

// MayDelete reports whether a set may delete applications.
func MayDelete(set *v1alpha1.ApplicationSet) bool {
	policy := policyOf(set)
	return policy == v1alpha1.ApplicationsSyncAll || policy == v1alpha1.ApplicationsSyncCreateDelete
}

// doubt is why a deletion is looked at twice: generators have answered with nothing, or with half, for a moment, and
// whole platforms were deleted.
func doubt(wanted, owned, gone int) string {
	switch {
	case gone == 0:
		return ""
	case wanted == 0:
		return fmt.Sprintf("the generators yield nothing, and %d applications would be deleted", gone)
	case gone >= 5 && gone*2 > owned:
		return fmt.Sprintf("%d of %d applications would be deleted", gone, owned)
	}
	return ""
}

func keyOf(app *v1alpha1.Application) string { return app.Namespace + "/" + app.Name }

// ours are annotations that others put on an application while it lives; a set never takes them away, but for those that
// it decides itself.
func ours(name string, decided map[string]string) bool {
	return strings.HasPrefix(name, "argocd.argoproj.io/refresh") || name == "argocd.argoproj.io/hydrate" ||
		strings.HasPrefix(name, "notified.notifications.argoproj.io") || strings.HasPrefix(name, "hawser.dev/") && !decides(name, decided) || name == v1alpha1.AnnotationDeletionApproved
}

// decides reports whether a set says itself what an annotation of ours says on its application: while it keeps a record of
// a preview's sleep, it has taken over what a person said of it.
func decides(name string, want map[string]string) bool {
	switch name {
	case v1alpha1.AnnotationValuesFrom, v1alpha1.AnnotationPostBuild: // the template's to say
		return true
	case AnnotationPreviewHead, AnnotationPreviewActivity, AnnotationPreviewNamespace, AnnotationPreviewQuota, AnnotationPreviewLimits:
		return true
	case v1alpha1.AnnotationAsleep:
		return want[AnnotationPreviewActivity] != ""
	}
	return false
}

// updated is old as the template has it, with what people may change as they have it; nil when that is the same.
func updated(ctx context.Context, set *v1alpha1.ApplicationSet, old, want *v1alpha1.Application) (*v1alpha1.Application, error) {
	now := old.DeepCopy()
	now.Spec = *want.Spec.DeepCopy()
	var keep v1alpha1.ApplicationPreservedFields
	if set.Spec.PreservedFields != nil {
		keep = *set.Spec.PreservedFields
	}
	now.Annotations = kept(want.Annotations, old.Annotations, func(name string) bool { return ours(name, want.Annotations) || slices.Contains(keep.Annotations, name) })
	now.Labels = kept(want.Labels, old.Labels, func(name string) bool { return slices.Contains(keep.Labels, name) })
	now.Finalizers = finalizers(old.Finalizers, want.Finalizers)
	now.OwnerReferences = old.OwnerReferences
	now, err := leave(ctx, set.Spec.IgnoreApplicationDifferences, old, now)
	if err != nil {
		return nil, err
	}
	if same(old, now) {
		return nil, nil
	}
	return now, nil
}

func kept(want, old map[string]string, keep func(string) bool) map[string]string {
	out := maps.Clone(want)
	for k, v := range old {
		if keep(k) {
			if out == nil {
				out = map[string]string{}
			}
			out[k] = v
		}
	}
	return out
}

// finalizers are those of the template, and of the old ones those that are not about what becomes of the resources.
func finalizers(old, want []string) []string {
	out := slices.Clone(want)
	for _, f := range old {
		if !strings.HasPrefix(f, v1alpha1.FinalizerResources) && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// same compares what a set decides: the spec, and the metadata that it writes.
func same(a, b *v1alpha1.Application) bool {
	text := func(app *v1alpha1.Application) string {
		data, err := json.Marshal(map[string]any{"spec": app.Spec, "labels": nonNil(app.Labels), "annotations": nonNil(app.Annotations), "finalizers": append([]string{}, app.Finalizers...)})
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	return text(a) == text(b)
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// leave puts back the fields that people may change: those of old, where the rules of the application name them.
func leave(ctx context.Context, rules []v1alpha1.ApplicationSetResourceIgnoreDifferences, old, now *v1alpha1.Application) (*v1alpha1.Application, error) {
	var pointers [][]any
	for _, r := range rules {
		if r.Name != "" && r.Name != old.Name {
			continue
		}
		for _, p := range r.JSONPointers {
			pointers = append(pointers, parsePointer(p))
		}
		for _, q := range r.JQPathExpressions {
			for _, app := range []*v1alpha1.Application{old, now} {
				found, err := jqPathsOf(ctx, q, app)
				if err != nil {
					return nil, err
				}
				pointers = append(pointers, found...)
			}
		}
	}
	if len(pointers) == 0 {
		return now, nil
	}
	was, err := plain(old)
	if err != nil {
		return nil, err
	}
	is, err := plain(now)
	if err != nil {
		return nil, err
	}
	for _, p := range pointers {
		v, there := at(was, p)
		is = put(is, p, v, there).(map[string]any)
	}
	data, err := json.Marshal(is)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write application %s", old.Name)
	}
	out := &v1alpha1.Application{}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, problem.New(problem.Invalid, "ignoreApplicationDifferences make no application of %s: %v", old.Name, err)
	}
	return out, nil
}

// parsePointer reads a JSON pointer (RFC 6901).
func parsePointer(text string) (path []any) {
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	return path
}

// jqPathsOf returns the paths that an expression names in an application.
func jqPathsOf(ctx context.Context, text string, app *v1alpha1.Application) ([][]any, error) {
	fault := func(err error) error {
		return problem.New(problem.Invalid, "ignoreApplicationDifferences: the jq expression %q: %v", clip(text), err)
	}
	q, err := gojq.Parse("path(" + text + ")")
	if err != nil {
		return nil, fault(err)
	}
	code, err := gojq.Compile(q)
	if err != nil {
		return nil, fault(err)
	}
	m, err := plain(app)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	found := code.RunWithContext(ctx, m)
	var paths [][]any
	for {
		v, more := found.Next()
		if !more {
			return paths, nil
		}
		if err, bad := v.(error); bad {
			return nil, fault(err)
		}
		path, ok := v.([]any)
		if !ok || len(paths) == maxPaths {
			return nil, problem.New(problem.Limit, "ignoreApplicationDifferences: the jq expression %q names more than %d fields", clip(text), maxPaths)
		}
		paths = append(paths, path)
	}
}

// maxPaths bounds how many fields an expression may name.
const maxPaths = 10_000

func at(v any, path []any) (any, bool) {
	for _, part := range path {
		switch x := v.(type) {
		case map[string]any:
			in, there := x[fmt.Sprint(part)]
			if !there {
				return nil, false
			}
			v = in
		case []any:
			i, err := strconv.Atoi(fmt.Sprint(part))
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// put sets what is at a path, or takes it away. A path that leads through what is not there is made of maps.
func put(v any, path []any, value any, there bool) any {
	if len(path) == 0 {
		return value
	}
	name := fmt.Sprint(path[0])
	switch x := v.(type) {
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(x) && (there || len(path) > 1) {
			x[i] = put(x[i], path[1:], value, there)
		}
		return x
	case map[string]any:
		if len(path) == 1 && !there {
			delete(x, name)
			return x
		}
		if _, known := x[name]; !known && !there {
			return x
		}
		x[name] = put(x[name], path[1:], value, there)
		return x
	case nil:
		if there {
			return map[string]any{name: put(nil, path[1:], value, there)}
		}
	}
	return v
}
