package apps

import (
	"fmt"
	"io"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// History prints what was deployed when, a table for each repository in the order in which they appear.
func History(w io.Writer, list []v1alpha1.RevisionHistory) {
	type entry struct{ id, date, revision string }
	var repos []string
	byRepo := map[string][]entry{}
	add := func(h *v1alpha1.RevisionHistory, s *v1alpha1.ApplicationSource, revision string) {
		text := s.TargetRevision
		if len(revision) >= 7 {
			text += " (" + revision[:7] + ")"
		}
		if _, ok := byRepo[s.RepoURL]; !ok {
			repos = append(repos, s.RepoURL)
		}
		byRepo[s.RepoURL] = append(byRepo[s.RepoURL], entry{fmt.Sprint(h.ID), moment(&h.DeployedAt), text})
	}
	for i := range list {
		h := &list[i]
		if h.Sources == nil {
			add(h, &h.Source, h.Revision)
		}
		for j := range h.Sources {
			revision := ""
			if len(h.Revisions) == len(h.Sources) {
				revision = h.Revisions[j]
			}
			add(h, &h.Sources[j], revision)
		}
	}
	table(w, func(w io.Writer) {
		for i, repo := range repos {
			row(w, "SOURCE", repo)
			row(w, "ID", "DATE", "REVISION")
			for _, e := range byRepo[repo] {
				row(w, e.id, e.date, e.revision)
			}
			if i < len(repos)-1 {
				fmt.Fprintln(w)
			}
		}
	})
}

// Deployed finds the entry of the history to roll back to: the one of that id, or for -1 the last but one.
func Deployed(app *v1alpha1.Application, id int64) (*v1alpha1.RevisionHistory, error) {
	list := app.Status.History
	if id == -1 {
		if len(list) < 2 {
			return nil, problem.New(problem.Invalid, "application '%s' should have at least two successful deployments", app.Name)
		}
		return &list[len(list)-2], nil
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i], nil
		}
	}
	return nil, problem.New(problem.NotFound, "application '%s' does not have deployment id '%d' in history", app.Name, id).
		WithHint("hawser app history %s shows the ids", app.Name)
}
