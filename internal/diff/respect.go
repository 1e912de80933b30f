package diff

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime"
)

// Respect returns the manifest that a server-side apply by manager must send so that the fields which rules name keep
// what live has in them (the sync option RespectIgnoreDifferences=true): desired, where
//
//   - a named field that another manager holds is left out: we give up our share, the other one's stays;
//   - one that nobody else holds is sent as live has it, for left out the server would remove it. So an immutable or a
//     required field stays valid, and a value whose other owner went away is adopted and not reset;
//   - one that live lacks is left out;
//   - the same holds for every field that a manager named by the rules owns.
//
// Without a live object desired is what is sent: the first creation writes everything. live must be newer than our own
// last apply, and a Secret in plain text; neither object is changed.
func Respect(ctx context.Context, desired, live *object.Object, manager string, rules Rules) (*object.Object, error) {
	if live == nil {
		return desired, nil
	}
	if rules = rules.with(builtin(live)); rules.Empty() {
		return desired, nil
	}
	r := newRespecting(desired, live)
	for _, e := range entries(live) {
		if e.isApplyOf(manager) {
			r.mine = share{e.fields, true}
		} else {
			r.others = append(r.others, share{e.fields, true})
		}
	}
	return r.all(ctx, rules)
}

// RespectWhole is Respect for a write that says all of an object (a replace, a client-side apply): such a write takes
// away what it does not contain, so each named field is sent as live has it, whoever holds it.
func RespectWhole(ctx context.Context, desired, live *object.Object, rules Rules) (*object.Object, error) {
	if live == nil {
		return desired, nil
	}
	if rules = rules.with(builtin(live)); rules.Empty() {
		return desired, nil
	}
	r := newRespecting(desired, live)
	r.whole = true
	for _, e := range entries(live) { // they only tell how lists are keyed, and what trusted managers own
		r.others = append(r.others, share{e.fields, true})
	}
	return r.all(ctx, rules)
}

// share is one manager's set at some path; has tells an owner of the path alone from no owner.
type share struct {
	fields
	has bool
}

func (s share) below(key string) share {
	_, ok := s.fields[key]
	return share{s.fields.child(key), ok}
}

// respecting is the work on one object.
type respecting struct {
	desired, live *object.Object
	sent          any // the result under construction
	whole         bool
	mine          share
	others        []share
}

func newRespecting(desired, live *object.Object) *respecting {
	return &respecting{desired: desired, live: live, sent: desired.DeepCopy().Object}
}

func (r *respecting) all(ctx context.Context, rules Rules) (*object.Object, error) {
	inDesired, err := rules.named(ctx, r.desired)
	if err != nil {
		return nil, err
	}
	inLive, err := rules.named(ctx, r.live)
	if err != nil {
		return nil, err
	}
	for i := range inDesired {
		r.group(r.spellAll(inDesired[i], r.desired.Object), r.spellAll(inLive[i], r.live.Object))
	}
	for _, e := range entries(r.live) {
		if slices.Contains(rules.managers, e.manager) && e.subresource != "status" {
			for _, path := range leaves(nil, e.fields) {
				r.settle(path)
			}
		}
	}
	o := &object.Object{Object: r.sent.(map[string]any)}
	if object.IsSecret(o) && hasMask(o.Object["data"]) {
		return nil, problem.New(problem.Internal, "respect the ignored fields of %s: the live Secret is masked, and its digests must not be written", object.KeyOf(o).Short())
	}
	return o, nil
}

// group deals with what one rule names in desired and in live.
func (r *respecting) group(want, have [][]string) {
	var inAtoms [2][][]string
	for i, list := range [][][]string{want, have} {
		for _, path := range list {
			if r.atomAbove(path) > 0 {
				inAtoms[i] = append(inAtoms[i], path)
			} else {
				r.settle(path)
			}
		}
	}
	r.atoms(inAtoms[0], inAtoms[1])
}

// settle makes the payload say at path what keeps live as it is.
func (r *respecting) settle(path []string) {
	if len(path) == 0 || neverCounts(path[:len(path)-1], path[len(path)-1]) || isKeyField(path) {
		return
	}
	mine, others := r.mine, slices.Clone(r.others)
	for _, key := range path {
		mine, others = down(mine, others, key)
	}
	root := func(o *object.Object) side { return lookup(side{o.Object, true}, path) }
	if kept := r.keep(path[len(path)-1], root(r.live), root(r.desired), mine, others); kept.ok {
		r.sent = set(r.sent, path, kept.v)
	} else {
		r.sent = drop(r.sent, path)
	}
}

func down(mine share, others []share, key string) (share, []share) {
	below := make([]share, 0, len(others))
	for _, o := range others {
		if s := o.below(key); s.has {
			below = append(below, s)
		}
	}
	return mine.below(key), below
}

// keep returns of the live value l what must be sent: what we hold alone, and what Git has and nobody holds. key is
// the last element of its path, d what Git has there.
func (r *respecting) keep(key string, l, d side, mine share, others []share) side {
	granular := mine.hasChildren() || slices.ContainsFunc(others, func(o share) bool { return o.hasChildren() })
	switch {
	case !l.ok:
		return side{}
	case r.whole, !granular && len(others) == 0 && (mine.has || d.ok):
		return side{runtime.DeepCopyJSONValue(l.v), true}
	case !granular:
		return side{}
	}
	below := func(key string) side {
		m, o := down(mine, others, key)
		lc, dc := childOf2(l, d, key)
		return r.keep(key, lc, dc, m, o)
	}
	switch v := l.v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name := range v {
			if c := below(fieldKey(name)); c.ok {
				kept[name] = c.v
			}
		}
		names := keyNames([]string{key})
		if len(kept) == 0 && !(len(others) == 0 && (mine.has || d.ok)) {
			return side{}
		}
		for _, name := range names { // an item without its keys is none
			kept[name] = v[name]
		}
		return side{kept, true}
	case []any:
		var kept []any
		for _, item := range v {
			if k := keyOfItem(append(slices.Clone(others), mine), item); k != "" {
				if c := below(k); c.ok {
					kept = append(kept, c.v)
				}
			}
		}
		return side{kept, len(kept) > 0}
	}
	return side{}
}

// atoms gives elements within atomic lists and maps their live value. Who owns an atom owns all of it, so that there
// is nothing to give up. What the rule names in desired and in live is paired in order: in a list without keys, the
// second of the items that a jq expression selects here is the second of those that it selects there.
func (r *respecting) atoms(want, have [][]string) {
	for i := len(want) - 1; i >= len(have); i-- { // from the end, so that indices stay good
		r.sent = drop(r.sent, want[i])
	}
	for i, path := range have {
		live := lookup(side{r.live.Object, true}, path)
		v := runtime.DeepCopyJSONValue(live.v)
		switch n := r.atomAbove(path); {
		case i < len(want):
			r.sent = set(r.sent, want[i], v)
		case lookup(side{r.desired.Object, true}, path[:n]).ok: // Git has the atom, without the element
			r.sent = set(r.sent, path, v)
		}
	}
}

// atomAbove returns the length of the proper prefix of path that names an atomic list or map; 0: there is none.
func (r *respecting) atomAbove(path []string) int {
	all := append(slices.Clone(r.others), r.mine)
	for i, key := range path[:len(path)-1] {
		_, all = down(share{}, all, key)
		leaf := slices.ContainsFunc(all, func(s share) bool { return !s.hasChildren() })
		open := slices.ContainsFunc(all, func(s share) bool { return s.hasChildren() })
		if leaf && !open || strings.HasPrefix(path[i+1], "i:") {
			return i + 1
		}
	}
	return 0
}

// spellAll turns paths with names and indices into those of managedFields.
func (r *respecting) spellAll(paths [][]any, root any) [][]string {
	var all [][]string
	for _, p := range paths {
		if path, ok := r.spell(p, root); ok && len(path) > 0 {
			all = append(all, path)
		}
	}
	return all
}

func (r *respecting) spell(p []any, v any) ([]string, bool) {
	all := append(slices.Clone(r.others), r.mine)
	path := make([]string, 0, len(p))
	for _, step := range p {
		var key string
		switch at := v.(type) {
		case map[string]any:
			name, _ := step.(string)
			child, ok := at[name]
			if !ok {
				return nil, false
			}
			key, v = fieldKey(name), child
		case []any:
			i := indexOf(step, len(at))
			if i < 0 {
				return nil, false
			}
			if key = keyOfItem(all, at[i]); key == "" {
				key = indexKey(i)
			}
			v = at[i]
		default:
			return nil, false
		}
		path = append(path, key)
		_, all = down(share{}, all, key)
	}
	return path, true
}

// keyOfItem names a list item as the owners of the list name theirs; "" when they name none: the list is an atom.
func keyOfItem(owners []share, item any) string {
	list := []any{item}
	var names []string
	isSet, best := false, ""
	for _, o := range owners {
		for key := range o.fields {
			if !strings.HasPrefix(key, "k:") && !strings.HasPrefix(key, "v:") {
				continue
			}
			isSet = isSet || key[0] == 'v'
			if n := keyNames([]string{key}); len(n) > 0 {
				names = n
			}
			if matcher(key)(list) == 0 && (best == "" || key < best) { // defaulted keys may leave a choice: the first
				best = key
			}
		}
	}
	switch m, isMap := item.(map[string]any); {
	case best != "":
		return best
	case isSet:
		return "v:" + compact(item)
	case len(names) > 0 && isMap:
		keys := map[string]any{}
		for _, name := range names {
			if v, ok := m[name]; ok {
				keys[name] = v
			}
		}
		return "k:" + compact(keys)
	}
	return ""
}

func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil { // it came from JSON
		panic("diff.compact: " + err.Error())
	}
	return string(data)
}

// leaves returns the paths of the single fields in a set.
func leaves(at []string, f fields) [][]string {
	var all [][]string
	for key := range f {
		if key == member {
			continue
		}
		path, child := append(slices.Clone(at), key), f.child(key)
		if child.hasChildren() {
			all = append(all, leaves(path, child)...)
		} else {
			all = append(all, path)
		}
	}
	return all
}

// isKeyField reports whether path names a field by which its list item is found: it can neither be left out nor differ.
func isKeyField(path []string) bool {
	return len(path) > 1 && slices.Contains(keyNames(path[:len(path)-1]), strings.TrimPrefix(path[len(path)-1], "f:"))
}

// set returns v with value at path; containers on the way that are missing are made.
func set(v any, path []string, value any) any {
	key := path[0]
	if len(path) == 1 {
		return put(v, key, value, 1<<30)
	}
	child := childOf(side{v, true}, key)
	if !child.ok {
		item := map[string]any{}
		if text, ok := strings.CutPrefix(key, "k:"); ok && json.Unmarshal([]byte(text), &item) == nil {
			integers(item)
		}
		if child.v = any(item); isItem(path[1]) {
			child.v = []any{}
		}
	}
	return put(v, key, set(child.v, path[1:], value), 1<<30)
}

// integers makes whole numbers of JSON integers again, as object.Parse does.
func integers(m map[string]any) {
	for k, v := range m {
		if f, ok := v.(float64); ok && f == float64(int64(f)) {
			m[k] = int64(f)
		}
	}
}

// drop returns v without what is at path, and without the containers that this empties.
func drop(v any, path []string) any {
	if len(path) == 1 {
		return cut(v, path[0])
	}
	child := childOf(side{v, true}, path[0])
	if !child.ok {
		return v
	}
	was := isEmpty(child.v)
	rest := drop(child.v, path[1:])
	if isEmpty(rest) && !was {
		return cut(v, path[0])
	}
	return put(v, path[0], rest, 0)
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		return len(x) == 0
	case []any:
		return len(x) == 0
	}
	return false
}

func hasMask(data any) bool {
	values, _ := data.(map[string]any)
	for _, v := range values {
		if s, ok := v.(string); ok && strings.HasPrefix(s, object.MaskPrefix) {
			return true
		}
	}
	return false
}
