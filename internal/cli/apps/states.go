package apps

import (
	"io"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// State is one object of an application, as the tables of `app get` and `app sync` show it.
type State struct {
	object.Key
	Status  string // sync status; of a hook, its phase
	Health  string // of a hook and of an object that is gone, what the operation did
	Hook    string
	Message string
}

// Merge takes over what o says and s does not say yet or says otherwise; what o leaves out stays. It reports whether s
// changed.
func (s *State) Merge(o State) (changed bool) {
	for _, p := range [][2]*string{{&s.Status, &o.Status}, {&s.Health, &o.Health}, {&s.Hook, &o.Hook}, {&s.Message, &o.Message}} {
		if *p[1] != "" && *p[0] != *p[1] {
			*p[0], changed = *p[1], true
		}
	}
	return changed
}

// States are the application's objects that chosen includes: first what the last operation worked on, in its order, then
// the others by group, kind, namespace and name.
func States(app *v1alpha1.Application, chosen Selection) []State {
	rest := map[object.Key]v1alpha1.ResourceStatus{}
	for _, r := range app.Status.Resources {
		rest[object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}] = r
	}
	healthOf := func(r v1alpha1.ResourceStatus) string {
		if r.Health == nil {
			return ""
		}
		return string(r.Health.Status)
	}
	var states []State
	if op := app.Status.OperationState; op != nil && op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
			s := State{Key: key, Status: string(r.HookPhase), Health: string(r.Status), Hook: string(r.HookType), Message: r.Message}
			if live, ok := rest[key]; ok && r.HookType == "" {
				s.Status, s.Health = string(live.Status), healthOf(live)
			}
			states = append(states, s)
			delete(rest, key) // so an object that is mentioned twice shows its own state once, as in Argo CD
		}
	}
	keys := make([]object.Key, 0, len(rest))
	for k := range rest {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b object.Key) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		states = append(states, State{Key: k, Status: string(rest[k].Status), Health: healthOf(rest[k])})
	}
	return slices.DeleteFunc(states, func(s State) bool { return !chosen.Includes(s.Key) })
}

// Resources prints the application's objects as a table.
func Resources(w io.Writer, app *v1alpha1.Application) {
	table(w, func(w io.Writer) {
		row(w, "GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE")
		for _, s := range States(app, nil) {
			row(w, s.Group, s.Kind, s.Namespace, s.Name, s.Status, s.Health, s.Hook, s.Message)
		}
	})
}
