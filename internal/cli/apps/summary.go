package apps

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// commit matches what is a commit already, whole or shortened, so that no second one is shown beside it.
var commit = regexp.MustCompile("^[0-9A-Fa-f]{7,}$")

// Summary prints the lines that `app get`, `app sync` and `app wait` have in common. url is where the page shows the
// application; windows are its sync windows, nil where the command does not ask for them.
func Summary(w io.Writer, app *v1alpha1.Application, url string, windows *argocd.ApplicationSyncWindowsResponse) {
	field(w, "Name:", Qualified(app))
	field(w, "Project:", app.Spec.ProjectName())
	field(w, "Server:", Server(app))
	field(w, "Namespace:", app.Spec.Destination.Namespace)
	field(w, "URL:", url)
	if app.Spec.HasMultipleSources() {
		fmt.Fprintln(w, "Sources:")
	} else {
		fmt.Fprintln(w, "Source:")
	}
	for _, s := range app.Spec.SourceList() {
		describeSource(w, &s)
	}
	state, assigned := windowState(windows)
	field(w, "SyncWindow:", state)
	if assigned != "" {
		field(w, "Assigned Windows:", assigned)
	}
	field(w, "Sync Policy:", syncPolicy(&app.Spec))
	field(w, "Sync Status:", syncStatus(app))
	field(w, "Health Status:", app.Status.Health.Status)
	if r := app.Status.Reconciler; r != nil {
		field(w, "Reconciled By:", reconciledBy(r))
	}
}

// reconciledBy is the replica that looks at an application, what it owns, and when it looked.
func reconciledBy(r *v1alpha1.Reconciler) string {
	text := cmp.Or(r.Replica, "nobody") + " (" + r.Unit + ")"
	if r.At != nil {
		text += ", last at " + r.At.UTC().Format(time.RFC3339)
	}
	return text
}

func describeSource(w io.Writer, s *v1alpha1.ApplicationSource) {
	field(w, "- Repo:", s.RepoURL)
	field(w, "  Target:", s.TargetRevision)
	if s.Path != "" {
		field(w, "  Path:", s.Path)
	}
	if s.Ref != "" {
		field(w, "  Ref:", s.Ref)
	}
	if s.Helm != nil && len(s.Helm.ValueFiles) > 0 {
		field(w, "  Helm Values:", strings.Join(s.Helm.ValueFiles, ","))
	}
	if s.Kustomize != nil && s.Kustomize.NamePrefix != "" {
		field(w, "  Name Prefix:", s.Kustomize.NamePrefix)
	}
}

// windowState is what sync windows mean for a sync by hand. Where neither kind of window is open and an allow window
// exists, syncs are denied just as in an open deny window.
func windowState(windows *argocd.ApplicationSyncWindowsResponse) (state, assigned string) {
	if windows == nil || len(windows.AssignedWindows) == 0 {
		return "Sync Allowed", ""
	}
	var allow, deny, shut int
	for _, open := range windows.ActiveWindows {
		if open.Kind == v1alpha1.SyncWindowDeny {
			deny++
		} else {
			allow++
		}
	}
	list := make([]string, len(windows.AssignedWindows))
	for i, a := range windows.AssignedWindows {
		list[i] = a.Kind + ":" + a.Schedule + ":" + a.Duration
		if a.Kind == v1alpha1.SyncWindowAllow {
			shut++
		}
	}
	shut -= allow
	state = "Sync Allowed"
	if deny > 0 || allow == 0 && shut > 0 {
		state = "Sync Denied"
		if windows.CanSync {
			state = "Manual Allowed"
		}
	}
	return state, strings.Join(list, ",")
}

func syncPolicy(spec *v1alpha1.ApplicationSpec) string {
	switch a := spec.Automation(); {
	case a.Prune:
		return "Automated (Prune)"
	case a.Enabled:
		return "Automated"
	}
	return "Manual"
}

func syncStatus(app *v1alpha1.Application) string {
	target := First(&app.Spec).TargetRevision
	s := string(app.Status.Sync.Status)
	switch app.Status.Sync.Status {
	case v1alpha1.SyncStatusSynced:
		s += " to " + target
	case v1alpha1.SyncStatusOutOfSync:
		s += " from " + target
	}
	if at := app.Status.Sync.Revision; !commit.MatchString(target) && len(at) > 7 {
		s += " (" + at[:7] + ")"
	}
	return s
}

// Conditions prints the application's conditions as a table.
func Conditions(w io.Writer, app *v1alpha1.Application) {
	table(w, func(w io.Writer) {
		row(w, "CONDITION", "MESSAGE", "LAST TRANSITION")
		for _, c := range app.Status.Conditions {
			row(w, c.Type, c.Message, moment(c.LastTransitionTime))
		}
	})
}

// Operation prints the outcome of the running or last operation, nothing if there was none. now counts for one that runs.
func Operation(w io.Writer, state *v1alpha1.OperationState, now time.Time) {
	if state == nil {
		return
	}
	if r := state.SyncResult; r != nil {
		revision := r.Revision
		if r.Sources != nil && r.Revisions != nil {
			revision = strings.Join(r.Revisions, ", ")
		}
		field(w, "Operation:", "Sync")
		field(w, "Sync Revision:", revision)
	}
	field(w, "Phase:", state.Phase)
	field(w, "Start:", moment(&state.StartedAt))
	field(w, "Finished:", moment(state.FinishedAt))
	end := now
	if !state.FinishedAt.IsZero() {
		end = state.FinishedAt.Time
	}
	field(w, "Duration:", time.Duration(end.Unix()-state.StartedAt.Unix())*time.Second)
	if state.Message != "" {
		field(w, "Message:", state.Message)
	}
}

// moment is how Argo CD prints a time: as Go does, in the reader's zone, <nil> where there is none.
func moment(t *metav1.Time) string {
	if t == nil {
		return "<nil>"
	}
	return t.Local().String()
}

// longest is the length in characters at which the value of a parameter is cut.
const longest = 80

// Params prints the Helm parameters of a source; nothing if it is no chart.
func Params(w io.Writer, s *v1alpha1.ApplicationSource) {
	if s == nil || s.Helm == nil {
		return
	}
	fmt.Fprint(w, "\n\n")
	table(w, func(w io.Writer) {
		row(w, "NAME", "VALUE")
		for _, p := range s.Helm.Parameters {
			row(w, p.Name, shorten(p.Value, longest))
		}
	})
}

func shorten(s string, limit int) string {
	text := []rune(s)
	if len(text) <= limit {
		return s
	}
	return string(text[:limit-3]) + "..."
}
