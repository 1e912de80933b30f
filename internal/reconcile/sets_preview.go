package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// agePreviews takes the previews out of what a set asks for whose time is over, after it has written down which: a
// process that starts anew must not make them again.
func (a *Apps) agePreviews(ctx context.Context, set *v1alpha1.ApplicationSet, policy appset.PreviewPolicy, wanted, owned []*v1alpha1.Application) ([]*v1alpha1.Application, *v1alpha1.ApplicationSet, error) {
	previews := a.sets.forges.previewsOf(keyOfSet(set))
	was := set.Annotations[appset.AnnotationPreviewExpired]
	if policy.TTL == 0 && was == "" {
		return wanted, set, nil
	}
	aging := appset.Age(wanted, owned, previews, policy.TTL, was, time.Now())
	if aging.Expired != was {
		now, err := a.Catalog.PatchApplicationSet(ctx, set, func(s *v1alpha1.ApplicationSet) {
			s.Annotations = maps.Clone(s.Annotations)
			if aging.Expired == "" {
				delete(s.Annotations, appset.AnnotationPreviewExpired)
				return
			}
			s.Annotations[appset.AnnotationPreviewExpired] = aging.Expired
		})
		if err != nil {
			return nil, set, err
		}
		set = now
	}
	for _, app := range aging.Over {
		a.Catalog.RequestEvent(set, "Normal", "PreviewExpired", fmt.Sprintf("the time of preview %q is over: %s without a push", app.Name, policy.TTL))
	}
	if !aging.Next.IsZero() {
		a.sets.queue.addAfter(keyOfSet(set), max(time.Second, time.Until(aging.Next)+time.Second), cause{spec: true})
	}
	return aging.Wanted, set, nil
}

// tellPreviews reports previews at their pull requests, when they are doing otherwise than was last reported. apps are
// those of the set as they are.
func (a *Apps) tellPreviews(ctx context.Context, set *v1alpha1.ApplicationSet, policy appset.PreviewPolicy, apps map[string]*v1alpha1.Application) (faults []error) {
	if !policy.Status && !policy.Comment {
		return nil
	}
	previews := a.sets.forges.previewsOf(keyOfSet(set))
	for _, name := range slices.Sorted(maps.Keys(apps)) {
		app := apps[name]
		p, is := previews[app.Namespace+"/"+name]
		if !is || app.DeletionTimestamp != nil {
			continue
		}
		if err := a.tellPreview(ctx, set, policy, app, p); err != nil {
			faults = append(faults, problem.Because(problem.KindOf(err), err, "report preview %s at pull request %d", name, p.Number))
		}
	}
	return faults
}

func (a *Apps) tellPreview(ctx context.Context, set *v1alpha1.ApplicationSet, policy appset.PreviewPolicy, app *v1alpha1.Application, p appset.Preview) error {
	where, err := a.addressOfPreview(set, policy, app, p)
	if err != nil {
		return err
	}
	if set.Namespace != a.Namespace && p.Generator.GitHub != nil && p.Generator.GitHub.AppSecretName != "" {
		return problem.New(problem.Forbidden, "an ApplicationSet outside of our namespace may read with our GitHub App, and not write").
			WithHint("use a tokenRef to a Secret of its own namespace")
	}
	state, why := appset.StateOfPreview(app)
	news := fmt.Sprintf("%s %s", state, string(object.Hash([]string{p.Head, where, why}))[:12])
	before := app.Annotations[appset.AnnotationPreviewTold]
	sent := map[string]bool{}                       // of these news; services keep every status, so none is sent twice because the comment failed
	remembered := a.sets.forges.toldOf(nameOf(app)) // where what was sent could not be written down
	for _, record := range []string{before, remembered} {
		if rest, same := strings.CutPrefix(record, news); same {
			for word := range strings.FieldsSeq(rest) {
				sent[word] = true
			}
		}
	}
	if (sent["status"] || !policy.Status) && (sent["comment"] || !policy.Comment) {
		if remembered == "" {
			return nil
		}
		return a.noteTold(ctx, app, news, sent)
	}
	q, err := a.questionOf(ctx, set, p.Generator)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var failed, failedToo error
	if policy.Status && !sent["status"] {
		status := forge.Status{Context: "preview/" + app.Name, State: forgeState(state), Description: strings.ToUpper(why[:1]) + why[1:], URL: where}
		failed = a.Forges.SetStatus(ctx, q.account, q.place, p.Head, status)
		sent["status"] = failed == nil
	}
	if policy.Comment && !sent["comment"] {
		if state != appset.PreviewPending || before != "" && !strings.HasPrefix(before, string(appset.PreviewPending)) { // nobody wants to read that something is not there yet
			failedToo = a.Forges.Comment(ctx, q.account, q.place, p.Number, markOf(set, app), remarkOf(app, p, state, why, where))
		}
		sent["comment"] = failedToo == nil
	}
	if !sent["comment"] && !sent["status"] { // nothing arrived: it is all to be sent again
		return cmp.Or(failed, failedToo)
	}
	return cmp.Or(failed, failedToo, a.noteTold(ctx, app, news, sent))
}

// noteTold writes down what of the news was sent. It is remembered until it is written: an Application that cannot be
// written must not have the forge told the same with every look.
func (a *Apps) noteTold(ctx context.Context, app *v1alpha1.Application, news string, sent map[string]bool) error {
	told := news
	for _, word := range []string{"comment", "status"} {
		if sent[word] {
			told += " " + word
		}
	}
	a.sets.forges.tell(nameOf(app), told)
	_, err := a.Catalog.PatchApplication(ctx, app, func(app *v1alpha1.Application) {
		app.Annotations = maps.Clone(app.Annotations)
		if app.Annotations == nil {
			app.Annotations = map[string]string{}
		}
		app.Annotations[appset.AnnotationPreviewTold] = told
	})
	if err == nil || problem.Is(err, problem.NotFound) {
		a.sets.forges.tell(nameOf(app), "")
		return nil
	}
	return problem.Because(problem.KindOf(err), err, "what was reported cannot be written down")
}

// housePreviews says of the previews which namespaces are theirs, and which of them rest.
func (a *Apps) housePreviews(set *v1alpha1.ApplicationSet, policy appset.PreviewPolicy, wanted, owned []*v1alpha1.Application) ([]*v1alpha1.Application, error) {
	previews := a.sets.forges.previewsOf(keyOfSet(set))
	wanted, err := appset.House(set, policy.Home, wanted, previews, keepsResources(set))
	if err != nil {
		return nil, err
	}
	rest := appset.Rest(wanted, owned, previews, policy.Sleep, time.Now())
	for _, app := range rest.Fell {
		a.Catalog.RequestEvent(set, "Normal", "PreviewAsleep", fmt.Sprintf("preview %q falls asleep: %s without a push", app.Name, policy.Sleep))
	}
	for _, app := range rest.Woke {
		a.Catalog.RequestEvent(set, "Normal", "PreviewAwake", fmt.Sprintf("a push wakes preview %q", app.Name))
	}
	if !rest.Next.IsZero() {
		a.sets.queue.addAfter(keyOfSet(set), max(time.Second, time.Until(rest.Next)+time.Second), cause{spec: true})
	}
	return rest.Wanted, nil
}

func forgeState(s appset.PreviewState) forge.State {
	switch s {
	case appset.PreviewReady, appset.PreviewAsleep: // what is asleep was fine, and holds up no merge
		return forge.Success
	case appset.PreviewFailed:
		return forge.Failure
	}
	return forge.Pending
}

// markOf is how the one comment is found again; nobody sees it.
func markOf(set *v1alpha1.ApplicationSet, app *v1alpha1.Application) string {
	return fmt.Sprintf("<!-- hawser preview %s/%s %s -->", set.Namespace, set.Name, app.Name)
}

// remarkOf is the comment. What is not ours stands in code, where no service reads markup.
func remarkOf(app *v1alpha1.Application, p appset.Preview, state appset.PreviewState, why, where string) string {
	head := "`" + p.Head[:min(8, len(p.Head))] + "`"
	switch state {
	case appset.PreviewReady:
		if where != "" {
			return fmt.Sprintf("Preview `%s` is ready at <%s>.\n\nIt shows %s.", app.Name, where, head)
		}
		return fmt.Sprintf("Preview `%s` is ready. It shows %s.", app.Name, head)
	case appset.PreviewAsleep:
		return fmt.Sprintf("Preview `%s` is asleep at %s. A push wakes it.", app.Name, head)
	case appset.PreviewFailed:
		return fmt.Sprintf("Preview `%s` failed at %s: %s.", app.Name, head, why)
	}
	return fmt.Sprintf("Preview `%s` is being deployed at %s.", app.Name, head)
}

// addressOfPreview is where a preview can be seen: what the set says, what the application says, or its own page.
func (a *Apps) addressOfPreview(set *v1alpha1.ApplicationSet, policy appset.PreviewPolicy, app *v1alpha1.Application, p appset.Preview) (string, error) {
	where := ""
	if policy.URL != "" {
		text, err := appset.FillText(set, policy.URL, p.Params)
		if err != nil {
			return "", problem.Because(problem.KindOf(err), err, "annotation %s", appset.AnnotationPreviewURL)
		}
		where = text
	} else if urls := app.Status.Summary.ExternalURLs; len(urls) > 0 {
		where = urls[0]
	} else if ours := a.Catalog.Settings().URL; ours != "" {
		where = strings.TrimRight(ours, "/") + "/applications/" + app.Namespace + "/" + app.Name
	}
	if where == "" {
		return "", nil
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(where) > 2000 || strings.ContainsAny(where, " <>\"'`\n\r\t") {
		return "", problem.New(problem.Invalid, "%q is no address of a page", clipped(where)).WithHint("%s is a template, and gives https://…", appset.AnnotationPreviewURL)
	}
	return where, nil
}

func clipped(s string) string { return strings.ToValidUTF8(s[:min(len(s), 200)], "") }
