package diff

import (
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
)

// The operations of a managedFields entry, and the manager that `kubectl apply` writes as.
const (
	apply           = "Apply"
	update          = "Update"
	clientSideApply = "kubectl-client-side-apply"
	// beforeFirstApply is what the server calls the unknown authors of an object that had no managedFields when it
	// was first applied server-side.
	beforeFirstApply = "before-first-apply"
)

// entry is one element of metadata.managedFields: who owns which fields.
type entry struct {
	manager, operation, subresource, at string
	fields                              fields
}

func (e entry) time() time.Time {
	t, _ := time.Parse(time.RFC3339, e.at)
	return t
}

func (e entry) isApplyOf(manager string) bool {
	return e.manager == manager && e.operation == apply && e.subresource == ""
}

// isEarlier reports whether the entry was left by a client-side apply of the controller that had manager's name
// before us, or an older name of it: what it holds came from Git, and it goes with the first server-side apply.
func (e entry) isEarlier(manager string) bool {
	return e.operation == update && e.subresource == "" && (e.manager == manager || e.manager == "argocd-application-controller")
}

// byPerson reports whether a person's tool wrote the entry. Of subresources only scale changes what Git says.
func (e entry) byPerson() bool {
	return (e.subresource == "" || e.subresource == "scale") && IsPerson(e.manager)
}

// IsPerson reports whether a field manager is a tool that people use by hand. Kubernetes names a manager after the
// program (kubectl adds its subcommand, a browser is Mozilla), so this is a judgement: what is not listed counts as
// a controller, because fighting a controller does more harm than missing a change. Generic HTTP clients (curl,
// node-fetch, okhttp) are left out for the same reason: operators use them too.
func IsPerson(manager string) bool {
	m := strings.ToLower(manager)
	switch m {
	case "kubectl", "oc", "k9s", "mozilla", "dashboard", "dashboard-api", "kubernetes-dashboard":
		return true
	}
	for _, prefix := range []string{"kubectl-", "lens", "openlens", "freelens", "headlamp", "k9s-"} {
		if strings.HasPrefix(m, prefix) {
			return true
		}
	}
	return false
}

// entries reads metadata.managedFields as it stands; unstructured's own accessor would turn each set into bytes.
func entries(o *object.Object) []entry {
	meta, _ := o.Object["metadata"].(map[string]any)
	list, _ := meta["managedFields"].([]any)
	found := make([]entry, 0, len(list))
	for _, v := range list {
		m, _ := v.(map[string]any)
		set, _ := m["fieldsV1"].(map[string]any)
		if set == nil {
			continue
		}
		e := entry{fields: set}
		e.manager, _ = m["manager"].(string)
		e.operation, _ = m["operation"].(string)
		e.subresource, _ = m["subresource"].(string)
		e.at, _ = m["time"].(string)
		found = append(found, e)
	}
	return found
}

// owned returns what manager applied. Where it never applied server-side (the option ServerSideApply=false), what it
// wrote client-side stands for it.
func owned(list []entry, manager string) fields {
	for _, e := range list {
		if e.isApplyOf(manager) {
			return e.fields
		}
	}
	return written(list, manager)
}

// written returns what manager wrote client-side.
func written(list []entry, manager string) fields {
	for _, e := range list {
		if e.manager == manager && e.operation == update && e.subresource == "" {
			return e.fields
		}
	}
	return nil
}

// within returns the part of a set that is in the object.
func within(at []string, set fields, o side) fields {
	found := fields{}
	for key := range set {
		path, child := append(at, key), set.child(key)
		switch {
		case key == member:
		case child.hasChildren():
			if c := within(path, child, o); len(c) > 0 {
				found[key] = map[string]any(c)
			}
		case lookup(o, path).ok:
			found[key] = set[key]
		}
	}
	return found
}

// newest returns the entry that owns path and wrote last, among those that is accepts.
func newest(list []entry, path []string, is func(entry) bool) (entry, bool) {
	var best entry
	found := false
	for _, e := range list {
		if is(e) && e.fields.has(path) && (!found || e.at > best.at) {
			best, found = e, true
		}
	}
	return best, found
}

// anyBelow reports whether somebody owns single elements below path.
func anyBelow(list []entry, path []string) bool {
	for _, e := range list {
		if f, ok := e.fields.at(path); ok && f.hasChildren() {
			return true
		}
	}
	return false
}
