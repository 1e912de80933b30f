package why

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// Node is one object of an application, or one that such an object owns.
type Node struct {
	Key    object.Key
	UID    string // empty when it is missing
	Owner  string // uid of the first of its owners; empty for the application's own objects
	Health *v1alpha1.HealthStatus
	Reason string // of a pod, as Kubernetes has it: CrashLoopBackOff
	Starts string // how often its containers were started again; empty or 0 for never
}

func (n Node) health() (v1alpha1.HealthStatusCode, string) {
	if n.Health == nil {
		return "", ""
	}
	return n.Health.Status, n.Health.Message
}

// severity orders health by how much it explains; what is healthy or unknown to nobody explains nothing.
var severity = map[v1alpha1.HealthStatusCode]int{
	v1alpha1.HealthStatusDegraded: 5, v1alpha1.HealthStatusMissing: 4, v1alpha1.HealthStatusUnknown: 3, v1alpha1.HealthStatusProgressing: 2, v1alpha1.HealthStatusSuspended: 1,
}

// Suspect finds the object that explains the application's health: below the worst of its own objects the deepest that is
// not healthy. trail is the objects above it, the topmost first. ok is false when all are well.
func Suspect(nodes []Node) (node Node, trail []Node, ok bool) {
	f := forest{below: map[string][]Node{}}
	for _, n := range nodes {
		if n.Owner == "" {
			f.roots = append(f.roots, n)
		} else {
			f.below[n.Owner] = append(f.below[n.Owner], n)
		}
	}
	node, ok = f.worst(f.roots)
	if !ok {
		return node, nil, false
	}
	for range deepest {
		next, more := f.worst(f.children(node))
		if !more {
			break
		}
		trail = append(trail, node)
		node = next
	}
	return node, trail, true
}

// deepest bounds the walk: owners of Kubernetes objects do not go in circles, but an answer may.
const deepest = 50

type forest struct {
	roots []Node
	below map[string][]Node // by the owner's uid
}

func (f forest) children(n Node) []Node {
	if n.UID == "" {
		return nil
	}
	return f.below[n.UID]
}

func (f forest) worst(nodes []Node) (best Node, found bool) {
	most := 0
	for _, n := range nodes {
		if w := f.weight(n, 0); w > most {
			best, most = n, w
		}
	}
	return best, most > 0
}

// weight is the severity of the worst among n and what is below it.
func (f forest) weight(n Node, depth int) int {
	health, _ := n.health()
	w := severity[health]
	if depth < deepest {
		for _, c := range f.children(n) {
			w = max(w, f.weight(c, depth+1))
		}
	}
	return w
}

// The names of facts about a pod in the tree, as Argo CD has them.
const (
	FactReason   = "Status Reason"
	FactRestarts = "Restart Count"
)
