package apps

import (
	"fmt"
	"io"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/why"
)

// Nodes are the objects of a tree, as far as they explain a health; none of no tree.
func Nodes(tree *argocd.ApplicationTree) (list []why.Node) {
	if tree == nil {
		return nil
	}
	for _, n := range tree.Nodes {
		w := why.Node{Key: object.Key{Group: n.Group, Kind: n.Kind, Namespace: n.Namespace, Name: n.Name}, UID: n.UID, Health: n.Health}
		if len(n.ParentRefs) > 0 {
			w.Owner = n.ParentRefs[0].UID
		}
		for _, i := range n.Info {
			switch i.Name {
			case why.FactReason:
				w.Reason = i.Value
			case why.FactRestarts:
				w.Starts = i.Value
			}
		}
		list = append(list, w)
	}
	return list
}

// Why prints what is true of an application: the sentence, what to do where that is known, and the facts.
func Why(w io.Writer, name string, a why.Answer, now time.Time) {
	fmt.Fprintf(w, "%s: %s\n", name, a.Sentence)
	if a.Hint != "" {
		fmt.Fprintf(w, "  what to do: %s\n", a.Hint)
	}
	for _, f := range a.Facts {
		fmt.Fprintf(w, "  %s\n", f.String(now))
	}
}

// AnswerOf is what a server says of Why, as the package that said it has it.
func AnswerOf(r *argocd.WhyResponse) why.Answer {
	a := why.Answer{State: r.State, Hint: r.Hint, Sentence: why.Sentence{{Text: r.Sentence}}}
	for _, f := range r.Facts {
		fact := why.Fact{Name: f.Name, Text: f.Text}
		if f.Time != nil {
			fact.Time = f.Time.Time
		}
		a.Facts = append(a.Facts, fact)
	}
	return a
}
