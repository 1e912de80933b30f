package project

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/robfig/cron/v3"
)

// Windows are the sync windows that apply to one application. Argo CD's rules (its documentation of sync windows): an
// active deny window forbids syncs; where there are allow windows, one of them must be active; a window with manualSync
// lets people sync all the same.
type Windows []window

// Subject is the application that a window may apply to.
type Subject struct {
	Name string // of the application
	Target
}

// Gate is what the windows say at one moment.
type Gate struct {
	Automated, Manual bool      // whether such a sync may begin or go on
	Why               string    // what forbids automated syncs; empty when they are allowed
	Changes           time.Time // when to ask again; zero when nothing will change by itself
}

// window is one compiled sync window.
type window struct {
	spec     *v1alpha1.SyncWindow
	deny     bool
	schedule cron.Schedule
	duration time.Duration
	where    *time.Location
	names    [3][]*regexp.Regexp // applications, namespaces, clusters
	err      error               // why it cannot be understood: then it denies
}

// maxWindow bounds a window's duration: its start is looked for no further back.
const maxWindow = 366 * 24 * time.Hour

// times is the form of a schedule: minute, hour, day of the month, month, day of the week.
var times = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func compileWindow(s *v1alpha1.SyncWindow) window {
	w := window{spec: s, deny: s.Kind == v1alpha1.SyncWindowDeny, where: time.UTC}
	fault := func(err error, what string) {
		if w.err == nil && err != nil {
			w.err = problem.Because(problem.Invalid, err, "sync window '%s': %s", s.Schedule, what)
		}
	}
	if s.Kind != v1alpha1.SyncWindowAllow && s.Kind != v1alpha1.SyncWindowDeny {
		fault(problem.New(problem.Invalid, "%q is neither allow nor deny", s.Kind), "kind")
	}
	var err error
	if s.TimeZone != "" {
		w.where, err = time.LoadLocation(s.TimeZone)
		fault(err, "timeZone")
	}
	w.schedule, err = times.Parse(s.Schedule)
	fault(err, "schedule")
	w.duration, err = time.ParseDuration(s.Duration)
	fault(err, "duration")
	if w.duration <= 0 || w.duration > maxWindow {
		fault(problem.New(problem.Invalid, "%q is not between 0 and a year", s.Duration), "duration")
	}
	for i, list := range [][]string{s.Applications, s.Namespaces, s.Clusters} {
		for _, text := range list {
			re, err := glob(text, 0)
			fault(err, "applications, namespaces or clusters")
			if err == nil {
				w.names[i] = append(w.names[i], re)
			}
		}
	}
	return w
}

// CheckWindow returns what is wrong with kind, schedule and duration of a window; nil when nothing is. Its words are those
// of argocd, which checks a window before it asks the server.
func CheckWindow(s *v1alpha1.SyncWindow) error {
	if s.Kind != v1alpha1.SyncWindowAllow && s.Kind != v1alpha1.SyncWindowDeny {
		return problem.New(problem.Invalid, "kind '%s' mismatch: can only be allow or deny", s.Kind)
	}
	if _, err := times.Parse(s.Schedule); err != nil {
		return problem.Because(problem.Invalid, err, "cannot parse schedule '%s'", s.Schedule)
	}
	if _, err := time.ParseDuration(s.Duration); err != nil {
		return problem.Because(problem.Invalid, err, "cannot parse duration '%s'", s.Duration)
	}
	return nil
}

// Windows returns the project's windows that apply to s.
func (r *Rules) Windows(s Subject) Windows {
	var list Windows
	for _, w := range r.windows {
		if w.applies(s) {
			list = append(list, w)
		}
	}
	return list
}

// applies reports whether one of the window's globs matches, or with andOperator all those that it has.
func (w window) applies(s Subject) bool {
	values := [3][]string{{s.Name}, {s.Namespace}, {trimServer(s.Server), s.Target.Name}}
	matched, asked := 0, 0
	for i, globs := range w.names {
		if len(globs) == 0 {
			continue
		}
		asked++
		if slices.ContainsFunc(globs, func(re *regexp.Regexp) bool {
			return slices.ContainsFunc(values[i], func(v string) bool { return v != "" && re.MatchString(v) })
		}) {
			matched++
		}
	}
	if w.spec.UseAndOperator {
		return asked > 0 && matched == asked
	}
	return matched > 0 || w.err != nil && asked == 0
}

// active reports whether the window is open at a moment, and when that may change.
func (w window) active(now time.Time) (open bool, changes time.Time) {
	if w.err != nil {
		return w.deny, time.Time{}
	}
	now = now.In(w.where)
	if began := w.schedule.Next(now.Add(-w.duration)); !began.IsZero() && !began.After(now) {
		open, changes = true, began.Add(w.duration)
	}
	if next := w.schedule.Next(now); !next.IsZero() && (changes.IsZero() || next.Before(changes)) {
		changes = next
	}
	return open, changes
}

// At says what is allowed at a moment.
func (list Windows) At(now time.Time) Gate {
	g := Gate{Automated: true, Manual: true}
	allows, allowed := 0, false
	manualOutside := true // every closed allow window lets people sync
	var opens time.Time
	for _, w := range list {
		open, changes := w.active(now)
		if !changes.IsZero() && (g.Changes.IsZero() || changes.Before(g.Changes)) {
			g.Changes = changes
		}
		switch {
		case w.err != nil || w.deny && open:
			g.Automated = false
			g.Manual = g.Manual && w.spec.ManualSync
			g.Why = cmp.Or(g.Why, w.words())
		case w.deny:
		case open:
			allows, allowed = allows+1, true
		default:
			allows++
			manualOutside = manualOutside && w.spec.ManualSync
			if next := w.schedule.Next(now.In(w.where)); opens.IsZero() || next.Before(opens) {
				opens = next
			}
		}
	}
	if allows > 0 && !allowed && g.Automated {
		g.Automated, g.Manual = false, manualOutside
		g.Why = "no allow window is open"
		if !opens.IsZero() {
			g.Why += "; the next opens at " + opens.UTC().Format(time.RFC3339)
		}
	}
	return g
}

// GoesOn reports whether a sync that was allowed when it began may go on now, although none may begin: all the windows
// that forbid it have syncOverrun, or the allow window in which it began has.
func (list Windows) GoesOn(began, now time.Time, manual bool) bool {
	if before := list.At(began); manual && !before.Manual || !manual && !before.Automated {
		return false
	}
	denied, inside, overrun := false, false, false
	for _, w := range list {
		open, _ := w.active(now)
		was, _ := w.active(began)
		switch {
		case w.err != nil:
			return false
		case w.deny && open:
			if !w.spec.SyncOverrun {
				return false
			}
			denied = true
		case !w.deny && open:
			inside = true
		case !w.deny && was:
			overrun = overrun || w.spec.SyncOverrun
		}
	}
	return denied && (inside || !list.hasAllow()) || overrun
}

func (list Windows) hasAllow() bool {
	return slices.ContainsFunc(list, func(w window) bool { return !w.deny })
}

// words name the window to people.
func (w window) words() string {
	if w.err != nil {
		return w.err.Error()
	}
	text := fmt.Sprintf("%s window '%s' for %s", w.spec.Kind, w.spec.Schedule, w.spec.Duration)
	if w.spec.TimeZone != "" {
		text += " in " + w.spec.TimeZone
	}
	if w.spec.Description != "" {
		text += " (" + w.spec.Description + ")"
	}
	return text
}

// WindowOpen reports whether a window is open at a moment; of those that cannot be read, only one that denies is.
func WindowOpen(s *v1alpha1.SyncWindow, now time.Time) bool {
	open, _ := compileWindow(s).active(now)
	return open
}

// AllWindows returns the project's windows, inherited ones too, whatever they apply to.
func (r *Rules) AllWindows() Windows { return slices.Clone(Windows(r.windows)) }

// All returns the windows as they were written.
func (list Windows) All() []*v1alpha1.SyncWindow {
	var all []*v1alpha1.SyncWindow
	for _, w := range list {
		all = append(all, w.spec)
	}
	return all
}

// Active returns the windows that are open at a moment; one that cannot be understood counts as open when it denies.
func (list Windows) Active(now time.Time) []*v1alpha1.SyncWindow {
	var active []*v1alpha1.SyncWindow
	for _, w := range list {
		if open, _ := w.active(now); open {
			active = append(active, w.spec)
		}
	}
	return active
}
