package reconcile

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// settled reports whether applying want would change nothing, as far as live alone can tell: our last apply owns
// exactly the fields that want has, and live holds exactly want's values in them. Then live is what the API server
// would answer, and need not be asked; so a restart asks about what changed meanwhile and not about everything.
//
// It knows no schema: what depends on one (a quantity in another spelling, a default in a list's key) is not settled,
// and the API server is asked. Both sides are masked.
func settled(want, live *object.Object) bool {
	if want.GetAPIVersion() != live.GetAPIVersion() || object.KeyOf(want) != object.KeyOf(live) {
		return false
	}
	ours := appliedFields(live, want.GetAPIVersion())
	if ours == nil {
		return false
	}
	content := make(map[string]any, len(want.Object))
	for k, v := range want.Object {
		content[k] = v
	}
	delete(content, "apiVersion") // these name the object and are never owned
	delete(content, "kind")
	if meta, ok := content["metadata"].(map[string]any); ok {
		rest := make(map[string]any, len(meta))
		for k, v := range meta {
			if k != "name" && k != "namespace" {
				rest[k] = v
			}
		}
		if content["metadata"] = rest; len(rest) == 0 {
			delete(content, "metadata")
		}
	}
	return holds(ours, content, live.Object)
}

// appliedFields returns the fields that our applies own, nil when there is no or no single record of them.
func appliedFields(live *object.Object, version string) (ours map[string]any) {
	meta, _ := live.Object["metadata"].(map[string]any)
	list, _ := meta["managedFields"].([]any)
	for _, v := range list {
		e, _ := v.(map[string]any)
		if e["manager"] != v1alpha1.DefaultFieldManager || e["operation"] != "Apply" || e["subresource"] != nil {
			continue
		}
		fields, _ := e["fieldsV1"].(map[string]any)
		if ours != nil || e["apiVersion"] != version || fields == nil {
			return nil
		}
		ours = fields
	}
	return ours
}

// holds reports whether the field set covers want, all of it and nothing else, and live has want's values. A set is
// as FieldsV1 writes it: "f:name" is a field, "k:{…}" the list item with these keys, "v:…" an item that is that
// value, "." the node itself; a node with nothing below is owned whole.
func holds(set map[string]any, want, live any) bool {
	below := len(set)
	if _, itself := set["."]; itself {
		below--
	}
	if below == 0 {
		return want != nil && reflect.DeepEqual(want, live)
	}
	switch w := want.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok || len(w) != below {
			return false
		}
		for k, v := range w {
			child, owned := set["f:"+k].(map[string]any)
			if value, there := l[k]; !owned || !there || !holds(child, v, value) {
				return false
			}
		}
		return true
	case []any:
		l, ok := live.([]any)
		if !ok || len(w) != below {
			return false
		}
		places := make([]int, len(w)) // of want's items in live
		for key, v := range set {
			if key == "." {
				continue
			}
			child, _ := v.(map[string]any)
			wanted, there := item(w, key), item(l, key)
			if child == nil || wanted < 0 || there < 0 || !holds(child, w[wanted], l[there]) {
				return false
			}
			places[wanted] = there
		}
		return slices.IsSorted(places) // an apply also puts them into its order
	}
	return false
}

// item finds the one item of a list that a path element of a field set means, -1 when it is none or several.
func item(list []any, element string) (found int) {
	kind, text, _ := strings.Cut(element, ":")
	var key any
	if kind != "k" && kind != "v" || json.Unmarshal([]byte(text), &key) != nil {
		return -1
	}
	found = -1
	for i, v := range list {
		if kind == "k" && !hasKeys(v, key) || kind == "v" && !sameScalar(v, key) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

func hasKeys(item, keys any) bool {
	m, isMap := item.(map[string]any)
	want, isKeys := keys.(map[string]any)
	if !isMap || !isKeys {
		return false
	}
	for k, v := range want {
		// the one default in a key of a built-in kind: ports of containers and Services are known by port and protocol
		if _, given := m[k]; !given && k == "protocol" && v == "TCP" {
			continue
		}
		if !sameScalar(m[k], v) {
			return false
		}
	}
	return true
}

// sameScalar compares a value with one that was read by encoding/json, for which every number is a float.
func sameScalar(a, b any) bool {
	switch n := a.(type) {
	case int64:
		a = float64(n)
	case int:
		a = float64(n)
	}
	switch a.(type) {
	case string, float64, bool:
		return a == b
	}
	return false
}
