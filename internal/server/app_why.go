package server

import (
	"cmp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/why"
)

// why answers in one sentence what is true of the application: the page's headline, and `hawser why`.
func (s *server) why(c *call, _ *argocd.WhyQuery) (*argocd.WhyResponse, error) {
	e, err := s.Apps.Why(c, nameOf(c.app))
	if err != nil {
		return nil, err
	}
	res := &argocd.WhyResponse{
		State: e.State, Sentence: e.Sentence.String(), Object: whyObject(e.Object), Since: whyTime(e.Since),
		Commit: whyCommit(e.Commit), Culprit: whyCommit(e.Culprit), Hint: e.Hint, More: int64(e.More),
	}
	for _, w := range e.Sentence {
		res.Words = append(res.Words, argocd.WhyWord{Text: w.Text, Time: whyTime(w.Time), Lasting: w.Lasting, Object: whyObject(w.Object), Commit: w.Commit})
	}
	for _, ch := range e.Changes {
		res.Differences = append(res.Differences, argocd.WhyChange{
			Object: *whyObject(ch.Object), Path: ch.Path, Git: ch.Git, Live: ch.Live, Manager: ch.Manager, Time: whyTime(ch.Time), Ours: ch.Ours,
		})
	}
	for _, f := range e.Facts {
		res.Facts = append(res.Facts, argocd.WhyFact{Name: f.Name, Time: whyTime(f.Time), Text: f.Text})
	}
	return res, nil
}

func whyTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t}
}

func whyObject(k object.Key) *argocd.WhyObject {
	if k == (object.Key{}) {
		return nil
	}
	return &argocd.WhyObject{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name}
}

func whyCommit(m why.Commit) *argocd.WhyCommit {
	if m.ID == "" {
		return nil
	}
	return &argocd.WhyCommit{Revision: m.ID, Author: m.Author, Subject: m.Subject, Date: whyTime(m.Date)}
}

// commits answers with the commits between two revisions that changed what the application is made of.
func (s *server) commits(c *call, q *argocd.CommitsQuery) (*argocd.CommitsResponse, error) {
	list, more, err := s.Apps.Commits(c, reconcile.CommitsRequest{
		Application: nameOf(c.app), Source: int(q.SourceIndex), From: q.From, To: q.To, Limit: int(cmp.Or(q.Limit, 50)),
		Object: object.Key{Group: q.Group, Kind: q.Kind, Namespace: q.Namespace, Name: q.ResourceName},
	})
	if err != nil {
		return nil, err
	}
	res := &argocd.CommitsResponse{More: more}
	for _, r := range list {
		subject, _, _ := strings.Cut(r.Message, "\n")
		res.Items = append(res.Items, *whyCommit(why.Commit{ID: r.ID, Author: r.Author, Subject: subject, Date: r.Date}))
	}
	return res, nil
}
