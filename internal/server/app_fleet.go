package server

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/source"
)

// countsOf counts all that a list found, whatever page of it is shown.
func countsOf(apps []*v1alpha1.Application) *argocd.ApplicationCounts {
	n := newCounts()
	for _, app := range apps {
		count(n, app)
	}
	return n
}

func newCounts() *argocd.ApplicationCounts {
	return &argocd.ApplicationCounts{Sync: map[string]int64{}, Health: map[string]int64{}}
}

func count(n *argocd.ApplicationCounts, app *v1alpha1.Application) {
	n.Total++
	n.Sync[syncOf(app)]++
	n.Health[healthOf(app)]++
	op := app.Status.OperationState
	switch {
	case op == nil:
	case op.FinishedAt == nil:
		n.Running++
	case op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError:
		n.Failed++
	}
}

// fleet counts applications by all that a list can be narrowed to.
type fleet struct {
	counts                                          *argocd.ApplicationCounts
	project, cluster, namespace, repo, owner, phase map[string]int64
	label                                           map[label]int64
}

// label is not written out before it is known to be among the frequent ones: there are more labels than applications.
type label struct{ key, value string }

func newFleet() *fleet {
	m := func() map[string]int64 { return map[string]int64{} }
	return &fleet{counts: newCounts(), project: m(), cluster: m(), namespace: m(), repo: m(), owner: m(), phase: m(), label: map[label]int64{}}
}

func (f *fleet) add(app *v1alpha1.Application) {
	count(f.counts, app)
	f.project[app.Spec.ProjectName()]++
	f.cluster[clusterOf(app)]++
	f.namespace[app.Spec.Destination.Namespace]++
	f.owner[ownerOf(app)]++
	f.phase[phaseOf(app)]++
	for k, v := range app.Labels {
		f.label[label{k, v}]++
	}
	if app.Spec.Source != nil && len(app.Spec.Sources) == 0 {
		f.repo[app.Spec.Source.RepoURL]++
		return
	}
	var seen []string // an application counts once
	for _, s := range app.Spec.Sources {
		if !slices.Contains(seen, s.RepoURL) {
			seen = append(seen, s.RepoURL)
			f.repo[s.RepoURL]++
		}
	}
}

func (f *fleet) told() *argocd.ApplicationFleet {
	text := func(s string) string { return s }
	return &argocd.ApplicationFleet{
		Counts: f.counts, Project: frequent(f.project, text), Cluster: frequent(f.cluster, text), Namespace: frequent(f.namespace, text),
		Repo: frequent(f.repo, text), Owner: frequent(f.owner, text), Operation: frequent(f.phase, text),
		Label: frequent(f.label, func(l label) string { return l.key + "=" + l.value }),
	}
}

// mostTold is the most values of one kind that a fleet is told by: more than anybody picks from.
const mostTold = 200

// frequent returns the most frequent values under their names; without the one that has none.
func frequent[K comparable](counts map[K]int64, name func(K) string) map[string]int64 {
	var none K
	delete(counts, none)
	least := int64(0)
	if len(counts) > mostTold {
		all := make([]int64, 0, len(counts))
		for _, n := range counts {
			all = append(all, n)
		}
		slices.SortFunc(all, func(a, b int64) int { return cmp.Compare(b, a) })
		least = all[mostTold-1]
	}
	told := make(map[string]int64, min(len(counts), mostTold))
	var ties []string
	for k, n := range counts {
		switch {
		case n > least:
			told[name(k)] = n
		case n == least:
			ties = append(ties, name(k))
		}
	}
	slices.Sort(ties) // the same ones on each request
	for _, t := range ties[:min(len(ties), mostTold-len(told))] {
		told[t] = least
	}
	return told
}

// mostCommits is how many commits a list tells of: more than anybody has on the screen.
const mostCommits = 1000

// commitsOf tells of the commits that applications were last compared with, each once, by their subjects. Thousands of
// applications follow one branch of one repository.
func (s *server) commitsOf(apps []*v1alpha1.Application) map[string]*argocd.RevisionMetadata {
	type commit struct{ project, repo, id string }
	asked, told := map[commit]bool{}, map[string]*argocd.RevisionMetadata{}
	for _, app := range apps {
		src, id := reconcile.Compared(app)
		c := commit{app.Spec.ProjectName(), src.RepoURL, id}
		if id == "" || asked[c] || told[id] != nil {
			continue
		}
		if len(asked) == mostCommits {
			break
		}
		asked[c] = true
		if rev, ok := s.Apps.Commit(app); ok {
			rev.Message, _, _ = strings.Cut(rev.Message, "\n")
			told[id] = revisionMetadata(rev)
		}
	}
	return told
}

func revisionMetadata(rev source.Revision) *argocd.RevisionMetadata {
	m := &argocd.RevisionMetadata{Author: rev.Author, Message: rev.Message, Tags: rev.Tags, SignatureInfo: rev.Signed}
	if rev.Signed != "" || rev.Doubt != "" {
		check := argocd.SourceIntegrityCheckResultItem{Name: "GIT/GPG"}
		if rev.Doubt != "" {
			check.Problems = []string{rev.Doubt}
		}
		m.SourceIntegrityResult = &argocd.SourceIntegrityCheckResult{Checks: []argocd.SourceIntegrityCheckResultItem{check}}
	}
	if !rev.Date.IsZero() {
		m.Date = &metav1.Time{Time: rev.Date}
	}
	return m
}
