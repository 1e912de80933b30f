package why

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// well: "main @ 4c1f2d9 by Ada Lovelace, 12 min ago: “Add the shop”. 12 of 12 objects match, all healthy."
func (c Case) well(s *sentence, a *Answer) {
	c.at(s, c.revision())
	total := 0
	for _, r := range c.App.Status.Resources {
		if !r.Hook && !r.RequiresPruning {
			total++
		}
	}
	switch total {
	case 0:
		s.say(". Git has no objects here, and there are none")
	case 1:
		s.say(". Its one object matches")
	default:
		s.say(". %d of %d objects match", total, total)
	}
	switch healthy := c.App.Status.Health.Status == v1alpha1.HealthStatusHealthy; {
	case healthy && total == 1:
		s.say(" and is healthy")
	case healthy && total > 1:
		s.say(", all healthy")
	}
}

// at says which commit is looked at, and whose it is.
func (c Case) at(s *sentence, revision string) {
	target := ""
	if list := c.App.Spec.SourceList(); len(list) > 0 {
		target = cmp.Or(list[0].TargetRevision, "HEAD")
	}
	if target != "" && !strings.HasPrefix(revision, target) {
		s.say("%s @ ", target)
	}
	s.commit(revision)
	if c.Commit.ID == revision && c.Commit.ID != "" {
		if c.Commit.Author != "" {
			s.say(" by %s", name(c.Commit.Author))
		}
		if !c.Commit.Date.IsZero() {
			s.say(", ")
			s.ago(c.Commit.Date)
		}
		if c.Commit.Subject != "" {
			s.say(": “%s”", clip(oneLine(c.Commit.Subject), 100))
		}
	}
	if n := len(c.App.Spec.SourceList()); n > 1 {
		s.say(" (and %s)", count(n-1, "more source"))
	}
}

func (c Case) revision() string {
	if list := c.App.Status.Sync.Revisions; len(list) > 0 {
		return list[0]
	}
	return c.App.Status.Sync.Revision
}

// held: "Held at 61c6e40 by ada since 3 min: c8526af is not deployed. …", in the words of the condition.
func (c Case) held(s *sentence, a *Answer) {
	h := heldBy(c.App)
	if h.LastTransitionTime != nil {
		a.Since = h.LastTransitionTime.Time
	}
	text, _, _ := strings.Cut(oneLine(h.Message), "; to go on now") // the page and the command have better ways
	if m := heldSince.FindStringSubmatch(text); m != nil {
		if since, err := time.Parse(time.RFC3339, m[2]); err == nil {
			a.Since = since
			s.text(m[1])
			s.say(" since ")
			s.lasting(since)
			s.text(m[3])
			return
		}
	}
	s.text(text)
}

// heldSince takes the message of a hold apart at its time.
var heldSince = regexp.MustCompile(`^(.*?) since (\S+?)(: .*)$`)

func (c Case) deleting(s *sentence, a *Answer, stop *v1alpha1.ApplicationCondition) {
	a.Since = c.App.DeletionTimestamp.Time
	s.say("It is being deleted since ")
	s.lasting(a.Since)
	if stop != nil {
		text, hint := splitHint(stop.Message)
		a.Hint = hint
		s.say(": ")
		s.text(text)
	}
}

// unreachable: "The cluster edge-frankfurt cannot be reached since 5 min. What is shown is from before."
func (c Case) unreachable(s *sentence, a *Answer) {
	a.Since = c.Silent
	s.say("The cluster %s cannot be reached since ", clip(cmp.Or(c.Cluster, c.App.Spec.Destination.Name, c.App.Spec.Destination.Server), 100))
	s.lasting(c.Silent)
	if len(c.App.Status.Resources) == 0 {
		s.say(", so nothing can be said of its objects")
		return
	}
	s.say("; what is shown is from before that")
}

// waits takes the message of an operation that waits apart: what for, why, since when, and until when.
var waits = regexp.MustCompile(`^(.*?) \((?:(.*); )?since (\S+?)(?:, gives up at (\S+?))?\)$`)

// syncing: "Waiting for completion of hook batch/Job/migrate-queue since 3 min, gives up in 5 h."
func (c Case) syncing(s *sentence, a *Answer, v verdict) {
	op := c.App.Status.OperationState
	a.Since = op.StartedAt.Time
	if op.Phase == v1alpha1.OperationTerminating {
		s.say("The sync is being stopped, after ")
		s.lasting(op.StartedAt.Time)
		return
	}
	m := waits.FindStringSubmatch(oneLine(op.Message))
	since, err := time.Time{}, error(nil)
	if m != nil {
		since, err = time.Parse(time.RFC3339, m[3])
	}
	switch {
	case m != nil && err == nil:
		a.Since = since
		c.waitsFor(s, a, m[1])
		if m[2] != "" && m[2] != "progressing" {
			s.say(" (%s)", clip(m[2], most))
		}
		s.say(" since ")
		s.lasting(since)
		if until, err := time.Parse(time.RFC3339, m[4]); err == nil {
			s.say(", gives up ")
			s.ago(until)
		}
	default:
		s.say("Syncing for ")
		s.lasting(op.StartedAt.Time)
		if op.Message != "" {
			s.say(": ")
			s.text(op.Message)
		}
	}
	if op.RetryCount > 0 {
		s.say("; this is try %d", op.RetryCount+1)
	}
	if health, _ := v.node.health(); v.sick && health == v1alpha1.HealthStatusDegraded {
		s.say("; ")
		c.describe(s, a, v)
	}
}

// waitsFor says what an operation waits for, with the object that its words name as an object.
func (c Case) waitsFor(s *sentence, a *Answer, words string) {
	op := c.App.Status.OperationState
	if op.SyncResult != nil {
		for i := range op.SyncResult.Resources {
			key := keyOf(&op.SyncResult.Resources[i])
			path := key.Group + "/" + key.Kind + "/" + key.Name // as the operation's messages name an object
			front, rest, found := strings.Cut(words, " "+path)
			if found && (rest == "" || strings.HasPrefix(rest, " and ")) {
				a.Object = key
				s.text(upperFirst(front))
				s.say(" ")
				s.object(key)
				s.say("%s", rest)
				return
			}
		}
	}
	s.text(upperFirst(words))
}

// failure: "Sync to c8526af failed 4 min ago: Deployment/payments: spec.selector: field is immutable, introduced by …"
func (c Case) failure(s *sentence, a *Answer) {
	op := c.App.Status.OperationState
	s.say("Sync ")
	if op.SyncResult != nil && op.SyncResult.Revision != "" {
		s.say("to ")
		s.commit(op.SyncResult.Revision)
		s.say(" ")
	}
	s.say("failed")
	if op.FinishedAt != nil {
		a.Since = op.FinishedAt.Time
		s.say(" ")
		s.ago(a.Since)
	}
	s.say(": ")
	if r := failedResource(op); r != nil {
		a.Object = keyOf(r)
		text, hint := splitHint(withoutWhere(r.Message))
		a.Hint = hint
		s.object(a.Object)
		s.say(": ")
		s.text(text)
		c.culprit(s, a)
		return
	}
	text, hint := splitHint(cmp.Or(op.Message, "the operation does not say why"))
	a.Hint = hint
	s.text(text)
}

func (c Case) stopped(s *sentence, a *Answer, stop *v1alpha1.ApplicationCondition) {
	text, hint := splitHint(stop.Message)
	a.Hint = hint
	if stop.LastTransitionTime != nil {
		a.Since = stop.LastTransitionTime.Time
	}
	s.say("Stopped by %s: ", stop.Type)
	s.text(text)
}

func (c Case) neverSynced(s *sentence, a *Answer) {
	if n := len(c.App.Status.Resources); n == 1 {
		s.say("It was never synced: its one object is not in the cluster")
	} else {
		s.say("It was never synced: none of its %d objects is in the cluster", n)
	}
	c.automation(s)
}

// automation says why nothing happens by itself.
func (c Case) automation(s *sentence) {
	for _, w := range c.App.Status.Conditions {
		if w.Type == v1alpha1.ConditionSyncWindowWarning {
			s.say(". It is held: ")
			s.text(w.Message)
			return
		}
	}
	if !c.App.Spec.Automation().Enabled {
		s.say(", and automatic sync is off")
	}
}

// sick: "Deployment/web: 1 of 3 pods cannot pull image x:9, since 4 min, introduced by 4c1f2d9 “…” by Linus."
func (c Case) sick(s *sentence, a *Answer, v verdict) {
	c.describe(s, a, v)
	if t := c.App.Status.Health.LastTransitionTime; t != nil {
		a.Since = t.Time
		s.say(", since ")
		s.lasting(t.Time)
	}
	if len(c.App.Status.History) > 0 && c.followed(v.root().Key) {
		c.culprit(s, a)
	}
}

// culprit names the commit that brought it about, where that is known: the only one that touched the object, else the
// newest of them.
func (c Case) culprit(s *sentence, a *Answer) {
	if len(c.Commits) == 0 {
		return
	}
	a.Culprit = c.Commits[0]
	s.say(", introduced by ")
	if n := len(c.Commits); n > 1 {
		s.say("one of %d commits, the last ", n)
	}
	s.commit(a.Culprit.ID)
	if a.Culprit.Subject != "" {
		s.say(" “%s”", clip(oneLine(a.Culprit.Subject), 100))
	}
	if a.Culprit.Author != "" {
		s.say(" by %s", name(a.Culprit.Author))
	}
}

// describe is one object and what is wrong with it. The application's own object says it best where its health explains
// what its pods do; otherwise it is the deepest one, with the object that it belongs to.
func (c Case) describe(s *sentence, a *Answer, v verdict) {
	n, root := v.node, v.root()
	deep, message := n.health()
	if top, words := root.health(); len(v.trail) > 0 && top == deep && words != "" {
		a.Object = root.Key
		s.object(root.Key)
		s.say(": ")
		s.text(words)
		return
	}
	a.Object = n.Key
	s.object(n.Key)
	if len(v.trail) > 0 {
		s.say(" (of ")
		s.object(root.Key)
		s.say(")")
	}
	if deep == v1alpha1.HealthStatusMissing {
		s.say(" does not exist")
		return
	}
	s.say(" is %s", cmp.Or(n.Reason, string(deep)))
	if n.Starts != "" && n.Starts != "0" {
		s.say(", restarted %s times", n.Starts)
	}
	if message == "" {
		for _, up := range slices.Backward(v.trail) {
			if _, message = up.health(); message != "" {
				break
			}
		}
	}
	if message != "" && message != n.Reason {
		s.say(": ")
		s.text(message)
	}
}

// unwell is a health that no object explains: there is no tree, or it is not in it.
func (c Case) unwell(s *sentence, a *Answer) {
	health := c.App.Status.Health
	s.say("It is %s", health.Status)
	if health.LastTransitionTime != nil {
		a.Since = health.LastTransitionTime.Time
		s.say(" since ")
		s.lasting(a.Since)
	}
	if health.Message != "" {
		s.say(": ")
		s.text(health.Message)
		return
	}
	so := c.having(func(r v1alpha1.ResourceStatus) bool { return r.Health != nil && r.Health.Status == health.Status })
	if len(so) > 0 {
		s.say(" because of ")
		s.objects(so)
	}
}

// differs: "2 objects differ from Git: Deployment/ledger (spec.replicas 2 → 5 by kubectl-edit, 4 min ago) and
// ConfigMap/ledger-settings (…), and automatic sync is off."
func (c Case) differs(s *sentence, a *Answer) {
	differ := c.having(func(r v1alpha1.ResourceStatus) bool {
		return r.Status == v1alpha1.SyncStatusOutOfSync && !r.RequiresPruning
	})
	gone := c.having(func(r v1alpha1.ResourceStatus) bool { return r.RequiresPruning })
	changes := map[object.Key][]Change{}
	for _, ch := range c.Changes {
		changes[ch.Object] = append(changes[ch.Object], ch)
	}
	switch {
	case len(differ) == 1:
		a.Object = differ[0]
		s.say("One object differs from Git: ")
	case len(differ) > 0:
		s.say("%d objects differ from Git: ", len(differ))
	}
	s.list(len(differ), func(i int) {
		s.object(differ[i])
		c.changed(s, differ[i], changes[differ[i]])
	})
	if len(gone) > 0 {
		if len(differ) > 0 {
			s.say("; ")
		}
		s.say("Git no longer has ")
		s.objects(gone)
	}
	c.automation(s)
}

// changed tells the change of an object that says most: what a person did, else the first.
func (c Case) changed(s *sentence, key object.Key, changes []Change) {
	if len(changes) == 0 {
		i := slices.IndexFunc(c.App.Status.Resources, func(r v1alpha1.ResourceStatus) bool {
			return key == object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		})
		if i >= 0 && c.App.Status.Resources[i].Health != nil && c.App.Status.Resources[i].Health.Status == v1alpha1.HealthStatusMissing {
			s.say(" (does not exist)")
		}
		return
	}
	i := max(0, slices.IndexFunc(changes, func(ch Change) bool { return !ch.Ours }))
	ch := changes[i]
	s.say(" (%s %s → %s", ch.Path, value(ch.Git), value(ch.Live))
	switch {
	case ch.Ours:
		s.say(": Git has moved on")
	case ch.Manager != "":
		s.say(" by %s", clip(ch.Manager, 60))
		if !ch.Time.IsZero() {
			s.say(", ")
			s.ago(ch.Time)
		}
	}
	if n := len(changes) - 1; n > 0 {
		s.say("; and %s", count(n, "more field"))
	}
	s.say(")")
}

// having lists the objects that are so.
func (c Case) having(so func(v1alpha1.ResourceStatus) bool) (keys []object.Key) {
	for _, r := range c.App.Status.Resources {
		if so(r) && !r.Hook {
			keys = append(keys, object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
		}
	}
	return keys
}

// count is a number of things in words: one object, 3 objects.
func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
