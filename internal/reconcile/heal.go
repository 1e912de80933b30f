package reconcile

import (
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
)

// heals is what is remembered of undoing drift, object by object: one that something keeps changing delays no other.
type heals map[object.Key]*heal

// heal is one object's part.
type heal struct {
	pacing
	want   string              // hash of what Git has: another commit of the object starts afresh
	fields map[string]*contest // by JSON pointer: fields that a machine changed and we set back
}

// contest is one field over which we and another manager differ.
type contest struct {
	path, manager string
	sets          []time.Time // when we set it back; not older than contestWindow
	since         time.Time   // when we gave it up; zero while we have not
}

// A field that is set back so often in so long, and then changed again by the same manager, is given up.
const (
	contestSets   = 3
	contestWindow = 10 * time.Minute
)

// due returns which of the resources are to be healed now, and after which time the next of the others is (0: none is).
// Deletions and what people did is undone at once, and what a machine keeps doing at a growing pace.
func (h heals) due(resources []v1alpha1.SyncOperationResource, v *view, now time.Time, s pacingSettings) (due []v1alpha1.SyncOperationResource, next time.Duration) {
	for _, r := range resources {
		key := keyOf(r)
		one := h[key]
		if one == nil {
			due = append(due, r)
			continue
		}
		if c := v.objects[key]; c != nil && one.givenUp(c) {
			continue
		}
		pace := one.pacing
		if v.byPeople(key) {
			pace.count -= freeHeals
		}
		if wait := pace.wait(now, s); wait == 0 {
			due = append(due, r)
		} else if next == 0 || wait < next {
			next = wait
		}
	}
	return due, next
}

// attempts is how often one of the resources has been healed already, at most.
func (h heals) attempts(resources []v1alpha1.SyncOperationResource) (most int) {
	for _, r := range resources {
		if one := h[keyOf(r)]; one != nil {
			most = max(most, one.count)
		}
	}
	return most
}

// note remembers that the resources are healed now.
func (h heals) note(resources []v1alpha1.SyncOperationResource, v *view, now time.Time, s pacingSettings) {
	for _, r := range resources {
		key := keyOf(r)
		c := v.objects[key]
		if c == nil { // it is pruned
			c = &compared{}
		}
		one := h[key]
		if one == nil || one.want != c.wantHash {
			one = &heal{want: c.wantHash, fields: map[string]*contest{}}
			h[key] = one
		}
		one.again(c.wantHash, now, s)
		for _, ch := range c.changes {
			if ch.Ours || isPeoples(ch.Manager) {
				continue
			}
			f := one.fields[ch.Pointer]
			if f == nil || f.manager != ch.Manager {
				f = &contest{path: ch.Path, manager: ch.Manager}
				one.fields[ch.Pointer] = f
			}
			if f.since.IsZero() {
				f.sets = append(slices.DeleteFunc(f.sets, func(at time.Time) bool { return now.Sub(at) > contestWindow }), now)
			}
		}
	}
}

// observe gives up the fields that were changed again after being set back often enough, and ends the contests that are
// over: Git has another manifest, the field is as Git has it, or nobody has written it for a while.
func (h heals) observe(v *view, now time.Time) {
	for key, one := range h {
		c := v.objects[key]
		if c == nil && now.Sub(one.last) < contestWindow { // pruned a moment ago; it may come back
			continue
		}
		if c == nil || c.wantHash != one.want {
			delete(h, key)
			continue
		}
		for pointer, f := range one.fields {
			i := slices.IndexFunc(c.changes, func(ch diff.Change) bool { return ch.Pointer == pointer && ch.Manager == f.manager })
			switch {
			case c.err != nil || c.live == nil: // nothing is known of the field
			case i < 0 && !f.since.IsZero():
				delete(one.fields, pointer)
			case i < 0:
			case f.since.IsZero() && len(f.sets) >= contestSets && now.Sub(f.sets[0]) <= contestWindow:
				f.since = now
			case !f.since.IsZero() && now.Sub(f.since) > contestWindow && now.Sub(c.changes[i].Time) > contestWindow:
				delete(one.fields, pointer)
			}
		}
	}
}

// forget ends the contests of objects that a person syncs: all of them when no object is named.
func (h heals) forget(resources []v1alpha1.SyncOperationResource) {
	if len(resources) == 0 {
		clear(h)
	}
	for _, r := range resources {
		delete(h, keyOf(r))
	}
}

// givenUp reports whether all that differs of the object is given up.
func (one *heal) givenUp(c *compared) bool {
	return len(c.changes) > 0 && !slices.ContainsFunc(c.changes, func(ch diff.Change) bool {
		f := one.fields[ch.Pointer]
		return f == nil || f.since.IsZero()
	})
}

// leave is the fields that are given up, as rules: an apply leaves them as they are live.
func (h heals) leave() (rules []v1alpha1.ResourceIgnoreDifferences) {
	for key, one := range h {
		r := v1alpha1.ResourceIgnoreDifferences{Group: key.Group, Kind: key.Kind, Namespace: key.Namespace, Name: key.Name}
		for pointer, f := range one.fields {
			if !f.since.IsZero() {
				r.JSONPointers = append(r.JSONPointers, pointer)
			}
		}
		if len(r.JSONPointers) > 0 {
			rules = append(rules, r)
		}
	}
	return rules
}

// conditions say which fields are given up, to whom, and how that ends.
func (h heals) conditions() (list []v1alpha1.ApplicationCondition) {
	for _, key := range sortedKeys(h) {
		for _, f := range h[key].fields {
			if f.since.IsZero() {
				continue
			}
			who := f.manager
			if who == "" {
				who = "somebody whom the API server did not record"
			}
			list = append(list, v1alpha1.ApplicationCondition{Type: v1alpha1.ConditionFieldContestedWarning, Message: key.Short() + ": " + f.path + " was set back " + times(len(f.sets)) +
				" and changed again by " + who + "; left alone since " + f.since.UTC().Format(time.RFC3339) +
				". Remove it from Git or add it to ignoreDifferences, or stop " + who + "; a sync, or a commit that changes the object, tries again"})
		}
	}
	slices.SortFunc(list, func(a, b v1alpha1.ApplicationCondition) int { return strings.Compare(a.Message, b.Message) })
	return list
}

func times(n int) string {
	return map[int]string{1: "once", 2: "twice", 3: "three times"}[min(n, 3)]
}

// open reports whether a field is given up.
func (h heals) open() bool { return len(h.leave()) > 0 }

func keyOf(r v1alpha1.SyncOperationResource) object.Key {
	return object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}
