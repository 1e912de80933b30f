package health

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
)

// Explain says in one sentence what is wrong with a workload, judged by its pods: "1 of 3 pods cannot pull image
// shop:broken (ImagePullBackOff, since 4m)". pods are those that owner or its ReplicaSets own; pods that are being
// deleted do not count. The answer is empty when nothing is wrong. now is the time that "since" is reckoned from;
// with the zero time the sentence tells no duration, so that it changes only when the pods do.
func Explain(owner *object.Object, pods []*object.Object, now time.Time) string {
	var found []trouble
	total := 0
	for _, p := range pods {
		if p.GetDeletionTimestamp() != nil {
			continue
		}
		total++
		if t, ok := troubleOf(reader{p.Object}); ok {
			found = append(found, t)
		}
	}
	if len(found) > 0 {
		return sentence(gather(found), total, now)
	}
	r := reader{owner.Object}
	if failure := r.condition("ReplicaFailure"); failure.isTrue() { // a quota or an admission webhook refuses the pods
		return "pods cannot be created: " + firstLine(failure.message())
	}
	if h, ok := Of(owner); ok && h.Status != healthy {
		return orElse(h.Message, strings.ToLower(string(h.Status)))
	}
	return ""
}

// trouble is what keeps one pod from being ready, or several pods alike.
type trouble struct {
	rank   int    // the lower, the closer to the cause
	does   string // what "1 of 3 pods" does: "cannot pull image shop:broken"
	is     string // the same of several pods; empty when it reads the same
	reason string // the word Kubernetes has for it
	since  time.Time
	pods   int
}

// troubleOf returns what keeps a pod from being ready; ok is false when it is ready or done.
func troubleOf(r reader) (t trouble, ok bool) {
	since := r.condition("Ready").time("lastTransitionTime")
	if since.IsZero() {
		since = r.time("metadata", "creationTimestamp")
	}
	t.since, t.pods = since, 1
	switch phase := r.text("status", "phase"); {
	case phase == "Succeeded", phase == "Running" && r.condition("Ready").isTrue():
		return t, false
	case phase == "Failed":
		t.does, t.reason = "failed", r.text("status", "reason")
		if why := orElse(r.text("status", "message"), failure(r)); why != "" {
			t.does += ": " + firstLine(why)
		}
		return t, true
	}
	if c := r.condition("PodScheduled"); c.isFalse() {
		t.does, t.reason, t.since = "cannot be scheduled: "+strings.TrimRight(firstLine(c.message()), "."), c.text("reason"), c.time("lastTransitionTime")
		return t, true
	}
	for _, c := range r.list("status", "initContainerStatuses") {
		if t, ok := t.ofContainer(c, "init container "+c.text("name")+" "); ok {
			return t, true
		}
	}
	for _, c := range r.list("status", "containerStatuses") {
		if t, ok := t.ofContainer(c, ""); ok {
			return t, true
		}
	}
	t.rank = 2
	if r.text("status", "phase") == "Running" {
		t.does, t.is = "runs but is not ready", "run but are not ready"
		if names := unready(r); names != "" {
			t.does, t.is = t.does+": container "+names, t.is+": container "+names
		}
		return t, true
	}
	t.rank, t.does, t.is = 3, "is starting", "are starting"
	return t, true
}

// ofContainer fills in what is wrong with one container.
func (t trouble) ofContainer(c reader, prefix string) (trouble, bool) {
	t.reason = c.text("state", "waiting", "reason")
	message := firstLine(c.text("state", "waiting", "message"))
	name := c.text("name")
	switch t.reason {
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable":
		t.does = "cannot pull image " + c.text("image")
		if prefix != "" {
			t.does += " of " + strings.TrimSpace(prefix)
		}
		if t.reason == "ErrImagePull" {
			t.reason = "ImagePullBackOff" // the two take turns; one pod must not be told as two troubles
		}
		return t, true
	case "InvalidImageName":
		t.does = fmt.Sprintf("cannot start: %q is not an image name", c.text("image"))
		return t, true
	case "CrashLoopBackOff":
		t.does, t.is = "keeps crashing: ", "keep crashing: "
		why := orElse(prefix, "container "+name+" ") + ended(c)
		t.does, t.is = t.does+why, t.is+why
		if at := c.time("lastState", "terminated", "finishedAt"); !at.IsZero() {
			t.since = at
		}
		switch n := c.number("restartCount"); {
		case n == 1:
			t.reason += ", 1 restart"
		case n > 1:
			t.reason += fmt.Sprintf(", %d restarts", n)
		}
		return t, true
	}
	if isStuck(t.reason) {
		t.does = "cannot start: " + prefix + orElse(message, t.reason)
		return t, true
	}
	if code, isSet := c.numberIfSet("state", "terminated", "exitCode"); isSet && code != 0 {
		t.rank, t.reason = 1, c.text("state", "terminated", "reason")
		why := orElse(prefix, "container "+name+" ") + exit(t.reason, code)
		t.does, t.is = "stopped: "+why, ""
		return t, true
	}
	return t, false
}

// ended says how a container that crashes ended last.
func ended(c reader) string {
	if code, isSet := c.numberIfSet("lastState", "terminated", "exitCode"); isSet {
		return exit(c.text("lastState", "terminated", "reason"), code)
	}
	return "does not stay up"
}

func exit(reason string, code int64) string {
	if reason == "OOMKilled" {
		return "ran out of memory"
	}
	return fmt.Sprintf("exited with code %d", code)
}

// unready names the containers of a pod that are not ready.
func unready(r reader) string {
	var names []string
	for _, c := range r.list("status", "containerStatuses") {
		if !c.truth("ready") {
			names = append(names, c.text("name"))
		}
	}
	return strings.Join(names, ", ")
}

// gather puts pods with the same trouble together: nearest to the cause first, then the most frequent.
func gather(found []trouble) []trouble {
	var groups []trouble
	for _, t := range found {
		known := false
		for i := range groups {
			if g := &groups[i]; g.does == t.does {
				g.pods++
				if t.since.Before(g.since) {
					g.since, g.reason = t.since, t.reason
				}
				known = true
			}
		}
		if !known {
			groups = append(groups, t)
		}
	}
	sort.SliceStable(groups, func(i, j int) bool {
		if groups[i].rank != groups[j].rank {
			return groups[i].rank < groups[j].rank
		}
		return groups[i].pods > groups[j].pods
	})
	return groups
}

// sentence names the first two troubles.
func sentence(groups []trouble, total int, now time.Time) string {
	var parts []string
	for i, g := range groups[:min(2, len(groups))] {
		subject := fmt.Sprintf("%d of %d pods ", g.pods, total)
		if i > 0 {
			subject = fmt.Sprintf("%d ", g.pods)
		}
		does := g.does
		if g.pods > 1 && g.is != "" {
			does = g.is
		}
		var details []string
		if g.reason != "" {
			details = append(details, g.reason)
		}
		if !g.since.IsZero() && !now.IsZero() {
			details = append(details, "since "+age(now.Sub(g.since)))
		}
		if len(details) > 0 {
			does += " (" + strings.Join(details, ", ") + ")"
		}
		parts = append(parts, subject+does)
	}
	return strings.Join(parts, "; ")
}

// age is a duration as kubectl prints it: one unit, two where the first is small.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
