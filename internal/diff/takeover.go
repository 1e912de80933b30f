package diff

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Takeover returns the managedFields that make the next server-side apply by manager undo what people added: their
// fields become manager's, so that whatever the apply does not contain is removed by the server. needed is false when
// there is nothing to take; entries is nil then. The caller writes them with a JSON patch on /metadata/managedFields
// that also demands live's resourceVersion, and applies right after: in between nothing changes but ownership.
//
// What an earlier client-side-apply controller of the same name owned is taken in any case. With people false, of
// kubectl's client-side apply only what manager owns as well is taken, lest kubectl's share keep a field alive that
// Git drops later. Ignored fields, and those that Compare does not count either, stay with their owner.
func Takeover(ctx context.Context, live *object.Object, manager string, people bool, rules Rules) (result []metav1.ManagedFieldsEntry, needed bool, err error) {
	stripped, err := rules.Strip(ctx, live)
	if err != nil {
		return nil, false, err
	}
	t := taking{live: live, all: side{live.Object, true}, counted: side{stripped.Object, true}}
	list := live.GetManagedFields()
	sets := make([]fields, len(list))
	own := -1
	for i, m := range list {
		if sets[i], err = parse(m); err != nil {
			return nil, false, err
		}
		if word(m, sets[i]).isApplyOf(manager) {
			own = i
		}
	}
	var mine fields
	if own >= 0 {
		mine = sets[own]
	}
	result = slices.Clone(list)
	drop := make([]bool, len(list))
	var taken fields
	var newestTaken *metav1.ManagedFieldsEntry
	for i, m := range list {
		e := word(m, sets[i])
		if slices.Contains(rules.managers, m.Manager) {
			continue
		}
		var take, left fields
		switch {
		case e.isEarlier(manager), people && e.byPerson():
			take, left = t.split(nil, e.fields)
			needed = needed || !t.covers(mine, take, nil)
		case e.operation == update && e.subresource == "" && (m.Manager == clientSideApply || m.Manager == beforeFirstApply):
			take, left = shared(e.fields, mine)
			needed = needed || len(take) > 0
		}
		if len(take) == 0 {
			continue
		}
		taken = union(taken, take)
		if newestTaken == nil || newestTaken.Time.Before(m.Time) {
			newestTaken = &list[i]
		}
		if drop[i] = len(left) == 0; !drop[i] {
			result[i].FieldsV1 = serialize(left)
		}
	}
	if !needed {
		return nil, false, nil
	}
	merged := metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: newestTaken.APIVersion,
		Time: newestTaken.Time, FieldsType: "FieldsV1", FieldsV1: serialize(union(mine, taken)),
	}
	if own >= 0 {
		merged.APIVersion, merged.Time = list[own].APIVersion, list[own].Time
		result[own] = merged
	}
	kept := result[:0]
	for i, m := range result {
		if !drop[i] {
			kept = append(kept, m)
		}
	}
	if own < 0 {
		kept = append(kept, merged)
	}
	return kept, true, nil
}

func parse(m metav1.ManagedFieldsEntry) (fields, error) {
	if m.FieldsV1 == nil {
		return nil, nil
	}
	var f fields
	if err := json.Unmarshal(m.FieldsV1.GetRawBytes(), &f); err != nil {
		return nil, problem.Because(problem.Internal, err, "read the fields that %s owns", m.Manager)
	}
	return f, nil
}

func serialize(f fields) *metav1.FieldsV1 {
	data, err := json.Marshal(f)
	if err != nil { // it came from JSON
		panic("diff.serialize: " + err.Error())
	}
	v := &metav1.FieldsV1{}
	v.SetRawBytes(data)
	return v
}

func word(m metav1.ManagedFieldsEntry, f fields) entry {
	return entry{manager: m.Manager, operation: string(m.Operation), subresource: m.Subresource, fields: f}
}

// taking is the division of one object's fields.
type taking struct {
	live         *object.Object
	all, counted side // the whole content; the content without ignored fields
}

// split divides a set into what is taken and what stays with its owner.
func (t taking) split(at []string, set fields) (take, left fields) {
	take, left = fields{}, fields{}
	for key, node := range set {
		if key == member {
			continue
		}
		path, child := append(at, key), set.child(key)
		switch {
		case t.keeps(at, path, key):
			left[key] = node
		case child.hasChildren():
			ct, cl := t.split(path, child)
			if len(ct) > 0 {
				take[key] = map[string]any(ct)
			}
			if len(cl) > 0 {
				left[key] = map[string]any(cl)
			}
		default:
			take[key] = node
		}
	}
	_, self := set[member]
	switch {
	case self && len(left) == 0:
		take[member] = map[string]any{}
	case self: // an owner of content goes on holding the container
		left[member] = map[string]any{}
		left.addKeys(at)
		take.dropKeys(at)
	}
	return take, left
}

func (t taking) keeps(at, path []string, key string) bool {
	// kubectl's copy of the manifest goes with the rest: it would be stale, and it may hold secret values
	if key != fieldKey(lastAppliedAnnotation) && stays(t.live, at, key) {
		return true
	}
	// What live does not have at all (the entry is of another API version, or stale) is taken: it cannot be kept.
	return lookup(t.all, path).ok && !lookup(t.counted, path).ok
}

// addKeys adds the key fields of the list item at path: an item that stays must stay identifiable.
func (f fields) addKeys(path []string) {
	for _, name := range keyNames(path) {
		f[fieldKey(name)] = map[string]any{}
	}
}

func (f fields) dropKeys(path []string) {
	for _, name := range keyNames(path) {
		delete(f, fieldKey(name))
	}
}

func keyNames(path []string) []string {
	if len(path) == 0 {
		return nil
	}
	text, isKeyed := strings.CutPrefix(path[len(path)-1], "k:")
	var keys map[string]any
	if !isKeyed || json.Unmarshal([]byte(text), &keys) != nil {
		return nil
	}
	names := make([]string, 0, len(keys))
	for name := range keys {
		names = append(names, name)
	}
	return names
}

// covers reports whether mine holds every path of set; kubectl's annotation alone is no reason to take over.
func (t taking) covers(mine, set fields, at []string) bool {
	for key := range set {
		if key == member {
			continue
		}
		if stays(t.live, at, key) {
			continue
		}
		child := set.child(key)
		if _, both := mine[key]; !both && !child.hasChildren() || !t.covers(mine.child(key), child, append(at, key)) {
			return false
		}
	}
	return true
}

// shared divides set into what mine holds too and the rest.
func shared(set, mine fields) (take, left fields) {
	take, left = fields{}, fields{}
	for key, node := range set {
		_, both := mine[key]
		child := set.child(key)
		switch {
		case !both, !child.hasChildren() && !mine.child(key).isMember():
			left[key] = node
		case child.hasChildren():
			ct, cl := shared(child, mine.child(key))
			if len(ct) > 0 {
				take[key] = map[string]any(ct)
			}
			if len(cl) > 0 {
				left[key] = map[string]any(cl)
			}
		default:
			take[key] = node
		}
	}
	return take, left
}

// union returns the set of both; neither is changed.
func union(a, b fields) fields {
	if len(a) == 0 && len(b) == 0 {
		return fields{}
	}
	sum := make(fields, len(a)+len(b))
	for key, node := range a {
		sum[key] = node
	}
	// a node without content belongs to the set: say so before it gets children
	if a != nil && len(a) == 0 || b != nil && len(b) == 0 {
		sum[member] = map[string]any{}
	}
	for key := range b {
		if _, both := a[key]; both {
			sum[key] = map[string]any(union(a.child(key), b.child(key)))
		} else {
			sum[key] = b[key]
		}
	}
	return sum
}
