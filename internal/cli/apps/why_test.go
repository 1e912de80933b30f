package apps

import (
	"io"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/why"
)

// What a server answers and what is found out here, of a server that knows no such question, reads the same.
func TestWhy(t *testing.T) {
	app, tree := web(), webTree()
	tree.Nodes[6].Info = []argocd.InfoItem{{Name: "Status Reason", Value: "CrashLoopBackOff"}, {Name: "Restart Count", Value: "5"}}
	here := why.Explain(why.Case{App: app, Nodes: Nodes(tree), Now: noon})
	const want = `
argocd/web: Pod/web-7d9-b (of Deployment/web) is CrashLoopBackOff, restarted 5 times: back-off 40s restarting failed container.
  last change now: 53e28ff by ada
`
	says(t, func(w io.Writer) { Why(w, "argocd/web", here, noon) }, want)
	res := &argocd.WhyResponse{State: here.State, Sentence: here.Sentence.String(), Facts: []argocd.WhyFact{{Name: "last change", Time: at(-2 * time.Minute), Text: "53e28ff by ada"}, {Name: "held", Text: "at 3"}}, Hint: "roll back"}
	says(t, func(w io.Writer) { Why(w, "web", AnswerOf(res), noon) }, `
web: Pod/web-7d9-b (of Deployment/web) is CrashLoopBackOff, restarted 5 times: back-off 40s restarting failed container.
  what to do: roll back
  last change 2 min ago: 53e28ff by ada
  held: at 3
`)
}

func TestNodesOfNoTree(t *testing.T) {
	if n := Nodes(nil); n != nil {
		t.Errorf("got %v", n)
	}
}
