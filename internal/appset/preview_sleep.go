package appset

import (
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// AnnotationPreviewActivity on an Application is the set's record of its sleep: which commit it previews, since when it
// has been of use, and "slept" once it was put to sleep. We write it.
const AnnotationPreviewActivity = "hawser.dev/preview-activity"

// IsAsleep reports whether an application's workloads are to rest.
func IsAsleep(app *v1alpha1.Application) bool {
	switch app.Annotations[v1alpha1.AnnotationAsleep] {
	case "", "false":
		return false
	}
	return true
}

// Sleep is which previews rest.
type Sleep struct {
	Wanted []*v1alpha1.Application
	Fell   []*v1alpha1.Application // asleep just now, by the policy
	Woke   []*v1alpha1.Application // woken just now, by a push
	Next   time.Time               // when the next one falls asleep; zero for none
}

// Rest decides which of the wanted previews rest. One falls asleep when it was neither pushed to nor woken for the time
// idle (0: never), and whenever a person says so; a new commit wakes it, and so does a person who takes the annotation
// away: then its time begins anew. owned are the applications as they are.
func Rest(wanted, owned []*v1alpha1.Application, previews map[string]Preview, idle time.Duration, now time.Time) Sleep {
	var out Sleep
	have := map[string]*v1alpha1.Application{}
	for _, app := range owned {
		have[keyOf(app)] = app
	}
	now = now.UTC().Truncate(time.Second)
	for _, app := range wanted {
		p, is := previews[keyOf(app)]
		old := have[keyOf(app)]
		if !is || idle == 0 && (old == nil || old.Annotations[AnnotationPreviewActivity] == "" && !IsAsleep(old)) {
			out.Wanted = append(out.Wanted, app)
			continue
		}
		asleep, r, known := "", activity{head: p.Head, since: now}, false
		if old != nil {
			if IsAsleep(old) {
				asleep = old.Annotations[v1alpha1.AnnotationAsleep]
			}
			if was, ok := parseActivity(old.Annotations[AnnotationPreviewActivity], now); ok {
				known = true
				switch {
				case was.head != p.Head: // a push
				case was.slept && asleep == "": // somebody woke it
				default:
					r = was
				}
				if was.head != p.Head && asleep != "" {
					asleep = ""
					out.Woke = append(out.Woke, app)
				}
			}
		}
		r.slept = asleep != ""
		if end := r.since.Add(idle); idle > 0 && asleep == "" {
			switch {
			case known && !now.Before(end):
				asleep, r.slept = now.Format(time.RFC3339), true
				out.Fell = append(out.Fell, app)
			case out.Next.IsZero() || end.Before(out.Next):
				out.Next = end
			}
		}
		out.Wanted = append(out.Wanted, withAnnotations(app, func(a map[string]string) {
			delete(a, v1alpha1.AnnotationAsleep)
			if asleep != "" {
				a[v1alpha1.AnnotationAsleep] = asleep
			}
			a[AnnotationPreviewActivity] = r.text()
		}))
	}
	return out
}

// activity is the record, read.
type activity struct {
	head  string
	since time.Time
	slept bool
}

func (r activity) text() string {
	text := r.head + " " + r.since.UTC().Format(time.RFC3339)
	if r.slept {
		text += " slept"
	}
	return text
}

// parseActivity reads a record. One that cannot be read, or is of a time to come, is none: then the time begins anew.
func parseActivity(text string, now time.Time) (activity, bool) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return activity{}, false
	}
	at, err := time.Parse(time.RFC3339, words[1])
	if err != nil || at.After(now) {
		return activity{}, false
	}
	return activity{words[0], at, len(words) == 3 && words[2] == "slept"}, true
}
