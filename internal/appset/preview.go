package appset

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Annotations about previews: applications that a pullRequest generator made.
const (
	// AnnotationPreview on an ApplicationSet says how previews are reported at their pull requests: status, comment, or
	// both, by comma.
	AnnotationPreview = "hawser.dev/preview"
	// AnnotationPreviewURL on an ApplicationSet is where a preview can be seen: a template, filled as the set's.
	AnnotationPreviewURL = "hawser.dev/preview-url"
	// AnnotationPreviewTTL on an ApplicationSet is how long a preview lives after its pull request was last pushed to.
	AnnotationPreviewTTL = "hawser.dev/preview-ttl"
	// AnnotationPreviewSleep on an ApplicationSet is after which time without a push, or without having been woken, a
	// preview is put to sleep.
	AnnotationPreviewSleep = "hawser.dev/preview-sleep"

	// AnnotationPreviewExpired on an ApplicationSet lists the previews whose time was over: application@commit, by comma.
	// We write it; who takes an entry out has that preview made again.
	AnnotationPreviewExpired = "hawser.dev/preview-expired"
	// AnnotationPreviewHead on an Application is the commit that it previews, and since when.
	AnnotationPreviewHead = "hawser.dev/preview-head"
	// AnnotationPreviewTold on an Application stands for what was last reported of it.
	AnnotationPreviewTold = "hawser.dev/preview-told"
)

// Preview is an application that was made for a pull request.
type Preview struct {
	PullRequest
	Generator *v1alpha1.PullRequestGenerator // filled, as it was asked
	Params    Params
}

// PreviewPolicy is what a set's annotations say of its previews.
type PreviewPolicy struct {
	Status, Comment bool
	URL             string        // a template; empty: what the application says of itself
	TTL             time.Duration // 0: for as long as the pull request is open
	Sleep           time.Duration // 0: never by itself
	Home            HomePolicy
}

// PreviewPolicyOf reads a set's annotations.
func PreviewPolicyOf(set *v1alpha1.ApplicationSet) (p PreviewPolicy, err error) {
	for word := range strings.SplitSeq(set.Annotations[AnnotationPreview], ",") {
		switch strings.TrimSpace(word) {
		case "":
		case "status":
			p.Status = true
		case "comment":
			p.Comment = true
		default:
			return p, problem.New(problem.Invalid, "annotation %s says %q", AnnotationPreview, clip(word)).WithHint("status, comment, or both by comma")
		}
	}
	p.URL = set.Annotations[AnnotationPreviewURL]
	if text := strings.TrimSpace(set.Annotations[AnnotationPreviewTTL]); text != "" {
		if p.TTL, err = lifetime(AnnotationPreviewTTL, text); err != nil {
			return p, err
		}
	}
	if text := strings.TrimSpace(set.Annotations[AnnotationPreviewSleep]); text != "" {
		if p.Sleep, err = lifetime(AnnotationPreviewSleep, text); err != nil {
			return p, err
		}
	}
	p.Home, err = homePolicyOf(set)
	return p, err
}

// lifetime reads 36h, or 3d.
func lifetime(annotation, text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 3650 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, problem.New(problem.Invalid, "annotation %s says %q, and no length of time", annotation, clip(text)).WithHint("for example 36h, or 7d")
	}
	return d, nil
}

// Aging is what becomes of previews whose time may be over.
type Aging struct {
	Wanted  []*v1alpha1.Application
	Expired string                  // for AnnotationPreviewExpired
	Over    []*v1alpha1.Application // whose time has just ended
	Next    time.Time               // when the next one's ends; zero for none
}

// Age takes those out of wanted whose pull request was not pushed to for the time to live. An application that is there
// says since when it has its head; expired lists those that were taken out before, and stay so until there is a new head.
func Age(wanted, owned []*v1alpha1.Application, previews map[string]Preview, ttl time.Duration, expired string, now time.Time) Aging {
	var out Aging
	have := map[string]*v1alpha1.Application{}
	for _, app := range owned {
		have[keyOf(app)] = app
	}
	before := strings.Split(expired, ",")
	var entries []string
	for _, app := range wanted {
		p, is := previews[keyOf(app)]
		if !is || ttl == 0 {
			out.Wanted = append(out.Wanted, app)
			continue
		}
		entry := app.Name + "@" + first(p.Head, 12)
		if slices.Contains(before, entry) {
			entries = append(entries, entry)
			continue
		}
		since := now.UTC().Truncate(time.Second)
		if old := have[keyOf(app)]; old != nil {
			head, at, _ := strings.Cut(old.Annotations[AnnotationPreviewHead], " ")
			if t, err := time.Parse(time.RFC3339, at); err == nil && head == p.Head && !t.After(now) {
				since = t
			}
			if !now.Before(since.Add(ttl)) {
				entries, out.Over = append(entries, entry), append(out.Over, app)
				continue
			}
		}
		if end := since.Add(ttl); out.Next.IsZero() || end.Before(out.Next) {
			out.Next = end
		}
		app = app.DeepCopy()
		app.Annotations = maps.Clone(app.Annotations)
		if app.Annotations == nil {
			app.Annotations = map[string]string{}
		}
		app.Annotations[AnnotationPreviewHead] = p.Head + " " + since.Format(time.RFC3339)
		out.Wanted = append(out.Wanted, app)
	}
	slices.Sort(entries)
	out.Expired = strings.Join(entries, ",")
	return out
}

// PreviewState is how a preview is doing.
type PreviewState string

// The states. A preview is ready when what its pull request asks for is deployed and healthy.
const (
	PreviewPending PreviewState = "pending"
	PreviewReady   PreviewState = "ready"
	PreviewFailed  PreviewState = "failed"
	PreviewAsleep  PreviewState = "asleep"
)

// StateOfPreview judges an application by its status, and says in a few words why.
func StateOfPreview(app *v1alpha1.Application) (PreviewState, string) {
	s := app.Status
	if !comparedWithSpec(app) || app.Operation != nil && !IsAsleep(app) {
		return PreviewPending, "being deployed"
	}
	if op := s.OperationState; op != nil && s.Sync.Status != v1alpha1.SyncStatusSynced && op.SyncResult != nil && op.SyncResult.Revision == s.Sync.Revision &&
		(op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError) {
		return PreviewFailed, "it cannot be deployed"
	}
	switch {
	case s.Health.Status == v1alpha1.HealthStatusDegraded:
		return PreviewFailed, "it is degraded"
	case IsAsleep(app):
		return PreviewAsleep, "asleep until it is woken or pushed to"
	case s.Sync.Status == v1alpha1.SyncStatusSynced && s.Health.Status == v1alpha1.HealthStatusHealthy:
		return PreviewReady, "deployed and healthy"
	}
	return PreviewPending, "being deployed"
}

// comparedWithSpec reports whether what the status says is about the application as it is now.
func comparedWithSpec(app *v1alpha1.Application) bool {
	compared := app.Status.Sync.ComparedTo.Sources
	if len(compared) == 0 {
		compared = []v1alpha1.ApplicationSource{app.Status.Sync.ComparedTo.Source}
	}
	a, err := json.Marshal(compared)
	b, err2 := json.Marshal(app.Spec.SourceList())
	return err == nil && err2 == nil && string(a) == string(b)
}
