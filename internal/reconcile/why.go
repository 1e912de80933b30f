package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/why"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Explained is what is true of an application, and what it was said by.
type Explained struct {
	why.Answer
	Commit  why.Commit   // that the application was compared with last
	Changes []why.Change // the first maxTold fields that differ
	More    int          // fields that differ besides
}

// Bounds of what an explanation tells.
const (
	maxTold    = 20
	maxCulprit = 10
)

// Why says what is true of an application. What cannot be had, because a cluster or a repository is away or this replica
// does not lead, is not spoken of.
func (a *Apps) Why(ctx context.Context, name types.NamespacedName) (Explained, error) {
	app, err := a.Catalog.Application(name)
	if err != nil {
		return Explained{}, err
	}
	c := why.Case{App: app, Now: time.Now()}
	c.Cluster, c.Silent = a.silence(app)
	if _, v, err := a.seen(ctx, name); err == nil {
		c.Nodes = whyNodes(a.tree(ctx, app, v))
		if why.Reads(app) {
			c.Changes = a.changesNow(app, v)
		}
		c.Events = a.eventsOf(ctx, name, v, c.Nodes)
	}
	c.Commit = a.commitOf(ctx, app)
	if q, ok := why.AsksFor(c); ok {
		commits, _, err := a.Commits(ctx, CommitsRequest{Application: name, From: q.From, To: q.To, Object: q.Object, Limit: maxCulprit})
		if err == nil {
			c.Commits = whyCommits(commits)
		}
	}
	told := c.Changes[:min(maxTold, len(c.Changes))]
	return Explained{Answer: why.Explain(c), Commit: c.Commit, Changes: told, More: len(c.Changes) - len(told)}, nil
}

// silence is what the destination is called, and since when it does not answer; zero when it does.
func (a *Apps) silence(app *v1alpha1.Application) (called string, since time.Time) {
	k, err := a.Catalog.Destination(app.Spec.Destination)
	if err != nil {
		return "", since
	}
	c, err := a.Fleet.Cluster(k.Server)
	if err != nil {
		return k.Name, since
	}
	if st := c.State(); !st.Connected && st.Err != nil {
		since = st.Since
	}
	return cmp.Or(k.Name, k.Server), since
}

// whyNodes are the nodes of a tree, as far as they explain a health.
func whyNodes(t Tree) []why.Node {
	list := make([]why.Node, 0, len(t.Nodes))
	for _, n := range t.Nodes {
		w := why.Node{Key: n.Key, UID: string(n.UID), Health: n.Health}
		if len(n.Parents) > 0 {
			w.Owner = string(n.Parents[0].UID)
		}
		for _, f := range n.Facts {
			switch f.Name {
			case why.FactReason:
				w.Reason = f.Value
			case why.FactRestarts:
				w.Starts = f.Value
			}
		}
		list = append(list, w)
	}
	return list
}

// eventsOf are the events of the object that explains the health; none when they cannot be had.
func (a *Apps) eventsOf(ctx context.Context, name types.NamespacedName, v *view, nodes []why.Node) []corev1.Event {
	node, _, ok := why.Suspect(nodes)
	if !ok || node.UID == "" {
		return nil
	}
	if _, _, _, err := a.actionable(Resource{Application: name, Key: node.Key}); err != nil { // being shown is no proof: a mark is enough for that
		return nil
	}
	events, err := v.cluster.Events(ctx, node.Key, types.UID(node.UID))
	if err != nil {
		return nil
	}
	return events
}

// changesNow are the fields that differ, by object and path: what people wrote first, which is what one wants to know.
func (a *Apps) changesNow(app *v1alpha1.Application, v *view) (list []why.Change) {
	permit := a.permitNow(app, v)
	for _, key := range sortedKeys(v.objects) {
		c := v.objects[key]
		if c.status != v1alpha1.SyncStatusOutOfSync || c.ignored || c.refused != "" || permit(key) != nil {
			continue
		}
		for _, ch := range c.changes {
			list = append(list, why.Change{Object: key, Path: ch.Path, Git: asJSON(ch.Want), Live: asJSON(ch.Have), Manager: ch.Manager, Time: ch.Time, Ours: ch.Ours})
		}
	}
	slices.SortStableFunc(list, func(a, b why.Change) int { return rank(a) - rank(b) })
	return list
}

func rank(c why.Change) int {
	switch {
	case c.Ours:
		return 2
	case diff.IsPerson(c.Manager):
		return 0
	}
	return 1
}

func asJSON(v any) string {
	if v == nil {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

// commitOf is what the repository says of the commit that the application was compared with last.
func (a *Apps) commitOf(ctx context.Context, app *v1alpha1.Application) why.Commit {
	revision := app.Status.Sync.Revision
	if len(app.Status.Sync.Revisions) > 0 {
		revision = app.Status.Sync.Revisions[0]
	}
	if revision == "" {
		return why.Commit{}
	}
	rev, err := a.Revision(ctx, RevisionRequest{Application: nameOf(app), Revision: revision})
	if err != nil {
		return why.Commit{ID: revision}
	}
	return whyCommit(rev)
}

func whyCommits(list []source.Revision) (commits []why.Commit) {
	for _, r := range list {
		commits = append(commits, whyCommit(r))
	}
	return commits
}

func whyCommit(r source.Revision) why.Commit {
	subject, _, _ := strings.Cut(r.Message, "\n")
	return why.Commit{ID: r.ID, Author: r.Author, Subject: subject, Date: r.Date}
}
