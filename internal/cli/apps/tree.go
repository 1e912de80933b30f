package apps

import (
	"io"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"k8s.io/apimachinery/pkg/util/duration"
)

// Forest is nodes with their children, by the first of their parents, all in the order of the answer. (Argo CD prints
// roots in a random order.)
type Forest struct {
	Roots    []argocd.ResourceNode
	children map[string][]argocd.ResourceNode // by the parent's uid
}

// NewForest arranges nodes. One whose parent is not among them belongs to nothing that is shown, as in Argo CD.
func NewForest(nodes []argocd.ResourceNode) Forest {
	f := Forest{children: map[string][]argocd.ResourceNode{}}
	for _, n := range nodes {
		if len(n.ParentRefs) == 0 {
			f.Roots = append(f.Roots, n)
			continue
		}
		f.children[n.ParentRefs[0].UID] = append(f.children[n.ParentRefs[0].UID], n)
	}
	return f
}

// Children are the nodes below n.
func (f Forest) Children(n argocd.ResourceNode) []argocd.ResourceNode { return f.children[n.UID] }

// deepest bounds the walk: owners of Kubernetes objects do not go in circles, but an answer may.
const deepest = 50

// walk visits every node from the roots down. branch is what is drawn in front of it.
func (f Forest) walk(visit func(branch string, n argocd.ResourceNode)) {
	var down func(indent, branch string, n argocd.ResourceNode, depth int)
	down = func(indent, branch string, n argocd.ResourceNode, depth int) {
		visit(indent+branch, n)
		if depth == deepest {
			return
		}
		below := indent
		switch branch {
		case "├─":
			below += "│ "
		case "└─":
			below += "  "
		}
		children := f.Children(n)
		for i, c := range children {
			b := "├─"
			if i == len(children)-1 {
				b = "└─"
			}
			down(below, b, c, depth+1)
		}
	}
	for _, r := range f.Roots {
		down("", "", r, 0)
	}
}

// Tree prints the objects of an application with what they own, as `app get -o tree` does, with states where the
// application knows them. detailed adds age and reason; now is for the ages.
func Tree(w io.Writer, f Forest, states []State, detailed bool, now time.Time) {
	known := map[string]State{} // by kind and name, as Argo CD matches them
	for _, s := range states {
		known[s.Short()] = s
	}
	table(w, func(w io.Writer) {
		if detailed {
			row(w, "KIND/NAME", "STATUS", "HEALTH", "AGE", "MESSAGE", "REASON")
		} else {
			row(w, "KIND/NAME", "STATUS", "HEALTH", "MESSAGE")
		}
		f.walk(func(branch string, n argocd.ResourceNode) {
			health, reason := healthOf(n)
			name := n.Kind + "/" + n.Name
			s, ok := known[name]
			if !ok {
				s = State{Health: string(health)}
			}
			if detailed {
				row(w, branch+name, s.Status, s.Health, age(n, now), s.Message, reason)
			} else {
				row(w, branch+name, s.Status, s.Health, s.Message)
			}
		})
	})
}

func healthOf(n argocd.ResourceNode) (v1alpha1.HealthStatusCode, string) {
	if n.Health == nil {
		return "", ""
	}
	return n.Health.Status, n.Health.Message
}

func age(n argocd.ResourceNode, now time.Time) string {
	if n.CreatedAt == nil {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(n.CreatedAt.Time))
}

// Which tells `app resources` what to show.
type Which int

// The choices: everything, only what belongs to the application, only what belongs to nobody.
const (
	All Which = iota
	Owned
	Orphaned
)

// ResourceTree prints what `app resources` does. output is "", tree or tree=detailed.
func ResourceTree(w io.Writer, tree *argocd.ApplicationTree, which Which, output string, now time.Time) {
	table(w, func(w io.Writer) {
		head := []any{"GROUP", "KIND", "NAMESPACE", "NAME", "ORPHANED"}
		if output == "tree=detailed" {
			head = append(head, "AGE", "HEALTH", "REASON")
		}
		row(w, head...)
		rows := func(nodes []argocd.ResourceNode, orphaned string) {
			cells := func(branch string, n argocd.ResourceNode) {
				list := []any{branch + n.Group, n.Kind, n.Namespace, n.Name, orphaned}
				if output == "tree=detailed" {
					health, reason := healthOf(n)
					list = append(list, age(n, now), health, reason)
				}
				row(w, list...)
			}
			switch {
			case strings.HasPrefix(output, "tree"):
				NewForest(nodes).walk(cells)
			default:
				for _, n := range nodes {
					if orphaned == "Yes" || len(n.ParentRefs) == 0 {
						cells("", n)
					}
				}
			}
		}
		if which != Orphaned {
			rows(tree.Nodes, "No")
		}
		if which != Owned {
			rows(tree.OrphanedNodes, "Yes")
		}
	})
}
