package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// validatePatience is how long the check of an application may take: somebody waits for it while they type.
const validatePatience = 20 * time.Second

// onDraft permits those who may make the application that they send; or, when it is a change, those who may see and
// update the one that there is, which the method finds in c.app.
func onDraft() rule[argocd.ApplicationValidateRequest] {
	return rule[argocd.ApplicationValidateRequest]{declared{rbac.Applications, rbac.Create, single}, func(c *call, q *argocd.ApplicationValidateRequest) (err error) {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		if !q.Change {
			return c.must(rbac.Applications, rbac.Create, newApplication(c, &argocd.ApplicationCreateRequest{Application: q.Application}))
		}
		if q.Application == nil {
			return problem.New(problem.Invalid, "the request holds no application")
		}
		if c.app, err = c.application(appRef{q.Application.Name, q.Application.Namespace, ""}); err != nil {
			return err
		}
		return c.must(rbac.Applications, rbac.Update, c.s.object(c.app))
	}}
}

// validateApplication checks an application that nothing has been made of yet, and stores nothing. It finds all that is
// wrong, each with the field that it is about, where Create and Update end at the first thing; and it tells what the
// sources are and which objects they come to.
func (s *server) validateApplication(c *call, q *argocd.ApplicationValidateRequest) (*argocd.ApplicationValidateResponse, error) {
	if q.Application == nil {
		return nil, problem.New(problem.Invalid, "the request holds no application")
	}
	app := editable(q.Application)
	if app.Namespace == "" {
		app.Namespace = s.Namespace
	}
	if c.app != nil {
		app.Namespace = c.app.Namespace
	}
	ctx, cancel := context.WithTimeout(c, validatePatience)
	defer cancel()
	d := &draft{s: s, c: c, ctx: ctx, app: app}
	d.checkRecord()
	rules := d.checkProject()
	d.checkSources()
	d.checkDestination(rules)
	if rules == nil { // nothing may be asked of a repository for a project that does not permit it
		return &d.found, nil
	}
	for i := range d.sources() {
		if err := rules.Source(d.sources()[i].RepoURL); err != nil && d.sources()[i].RepoURL != "" {
			d.wrong(d.in(i, "repoURL"), err)
		}
	}
	// What is in a repository is for those who will see the application's manifests.
	if !c.may(rbac.Applications, rbac.Get, s.object(app)) {
		return &d.found, nil
	}
	if told := c.validatedElsewhere(ctx, app, q); told != nil {
		return told, nil
	}
	d.askSources()
	d.preview()
	return &d.found, nil
}

// draft is an application while it is checked, and what was found so far.
type draft struct {
	s     *server
	c     *call
	ctx   context.Context
	app   *v1alpha1.Application
	found argocd.ApplicationValidateResponse
}

func (d *draft) sources() []v1alpha1.ApplicationSource { return d.app.Spec.SourceList() }

// in is the path of a field of a source.
func (d *draft) in(source int, field string) string {
	if d.app.Spec.HasMultipleSources() {
		return fmt.Sprintf("spec.sources[%d].%s", source, field)
	}
	return "spec.source." + field
}

func (d *draft) wrong(field string, err error) {
	d.found.Findings = append(d.found.Findings, argocd.Finding{Field: field, Message: err.Error()})
}

func (d *draft) warn(field, format string, args ...any) {
	d.found.Findings = append(d.found.Findings, argocd.Finding{Field: field, Message: fmt.Sprintf(format, args...), Warning: true})
}

// sound reports whether nothing is wrong with a field or what is in it.
func (d *draft) sound(field string) bool {
	for _, f := range d.found.Findings {
		if !f.Warning && strings.HasPrefix(f.Field, field) {
			return false
		}
	}
	return true
}

// checkRecord checks the name and the place of the record.
func (d *draft) checkRecord() {
	if d.c.app != nil {
		return
	}
	if faults := validation.IsDNS1123Subdomain(d.app.Name); len(faults) > 0 {
		d.wrong("metadata.name", problem.New(problem.Invalid, "%s", faults[0]))
		return
	}
	if old, err := d.s.Catalog.Application(nameOf(d.app)); err == nil && old != nil {
		d.wrong("metadata.name", problem.New(problem.Exists, "there is an application %s in namespace %s already", d.app.Name, d.app.Namespace))
	}
}

// checkProject returns the rules of the application's project, nil when there are none that permit it. Whether a project
// exists is not told to those who may not see it.
func (d *draft) checkProject() *project.Rules {
	name := d.app.Spec.ProjectName()
	if d.c.app != nil && d.s.object(d.c.app) != d.s.object(d.app) { // it moves
		for _, action := range []string{rbac.Create, rbac.Update} {
			if err := d.c.must(rbac.Applications, action, d.s.object(d.app)); err != nil {
				d.wrong("spec.project", err)
				return nil
			}
		}
	}
	rules, err := d.s.Catalog.Rules(name)
	if err == nil {
		err = rules.Application(d.app.Name, d.app.Namespace, d.s.Namespace)
	}
	if err != nil {
		d.wrong("spec.project", problem.New(problem.Invalid, "app is not allowed in project %q, or the project does not exist", clip(name)))
		return nil
	}
	return rules
}

// checkSources checks the form of the sources.
func (d *draft) checkSources() {
	list := d.sources()
	if len(list) == 0 {
		d.wrong("spec.source", problem.New(problem.Invalid, "a source is missing: a repository, and a path in it or a chart"))
		return
	}
	for i, src := range list {
		if src.RepoURL == "" {
			d.wrong(d.in(i, "repoURL"), problem.New(problem.Invalid, "the address of a repository is missing"))
		}
		switch {
		case src.Path == "" && src.Chart == "" && src.Ref == "":
			d.wrong(d.in(i, "path"), problem.New(problem.Invalid, "a path in the repository is missing: . is its root"))
		case src.Chart != "" && src.TargetRevision == "":
			d.wrong(d.in(i, "targetRevision"), problem.New(problem.Invalid, "a chart needs a version"))
		}
	}
	if err := render.CheckSources(list); err != nil && len(d.found.Findings) == 0 {
		d.wrong("spec.sources", err)
	}
}

// checkDestination checks that the cluster is known, and that the project permits the namespace there. What clusters
// there are that a project does not permit is for nobody to find out by trying.
func (d *draft) checkDestination(rules *project.Rules) {
	to := d.app.Spec.Destination
	field := "spec.destination.server"
	if to.Server == "" {
		field = "spec.destination.name"
	}
	if to.Server == "" && to.Name == "" {
		d.wrong("spec.destination", problem.New(problem.Invalid, "a cluster is missing"))
		return
	}
	if rules == nil {
		return // of a project that does not permit it, nothing is told
	}
	missing, refused := d.s.destination(rules, d.app)
	switch {
	case refused != nil:
		d.wrong("spec.destination.namespace", refused)
	case missing != nil:
		d.wrong(field, missing)
	}
}

// askSources asks the repositories, as far as they are named and permitted: is it there, does it have the revision, does
// that have the path, and what is in it.
func (d *draft) askSources() {
	in := d.app.Spec.ProjectName()
	for i, src := range d.sources() {
		of := argocd.DraftSource{}
		if d.sound(d.in(i, "repoURL")) && src.RepoURL != "" {
			d.ask(i, src, in, &of)
		}
		d.found.Sources = append(d.found.Sources, of)
	}
}

func (d *draft) ask(i int, src v1alpha1.ApplicationSource, in string, of *argocd.DraftSource) {
	if !render.IsPackaged(src) {
		if _, _, err := d.s.Sources.Refs(d.ctx, src.RepoURL, in); err != nil {
			d.wrong(d.in(i, "repoURL"), outside(err))
			return
		}
		if err := d.s.Sources.Reachable(d.ctx, src.RepoURL, in, src.TargetRevision, "."); err != nil {
			d.wrong(d.in(i, "targetRevision"), outside(err))
			return
		}
		if src.Path == "" {
			return
		}
		if err := d.s.Sources.Reachable(d.ctx, src.RepoURL, in, src.TargetRevision, src.Path); err != nil {
			d.wrong(d.in(i, "path"), outside(err))
			return
		}
	}
	if !d.sound(d.in(i, "")) {
		return
	}
	details, err := d.s.Sources.DetailsOf(d.ctx, src, d.app.Name, in)
	switch {
	case err == nil:
		of.Details = detailsResponse(details, src)
	case src.Chart != "":
		d.wrong(d.in(i, "chart"), outside(err))
	case render.IsPackaged(src):
		d.wrong(d.in(i, "repoURL"), outside(err))
	default: // what it renders to will say the same, and is the better witness: it knows the cluster and the other sources
		of.Problem = outside(err).Error()
	}
}

// preview renders the sources, once nothing is wrong with what they need.
func (d *draft) preview() {
	if !d.sound("") {
		return
	}
	rendered, err := d.s.Apps.RenderUnstored(d.ctx, d.app)
	if err != nil {
		field := "spec.sources"
		if !d.app.Spec.HasMultipleSources() {
			field = d.in(0, "path")
		}
		if problem.Is(err, problem.Unavailable) { // a cluster that does not answer is no mistake of whoever writes
			d.warn("spec.destination", "%v", err)
		} else {
			d.wrong(field, outside(err))
		}
		return
	}
	for i, src := range rendered.Sources {
		if i < len(d.found.Sources) {
			d.found.Sources[i].Revision, d.found.Sources[i].Type = src.Revision, string(src.Type)
		}
	}
	refused, shared := 0, 0
	for _, m := range rendered.Manifests {
		if m.Refused != "" {
			refused++
		}
		if m.SharedWith != "" {
			shared++
		}
		d.found.Objects = append(d.found.Objects, argocd.DraftObject{
			Group: m.Key.Group, Kind: m.Key.Kind, Namespace: m.Key.Namespace, Name: m.Key.Name, Source: int32(m.Source), Refused: m.Refused, SharedWith: m.SharedWith, Hook: m.Hook, //nolint:gosec // a handful of sources
		})
	}
	switch {
	case len(rendered.Manifests) == 0 && len(d.sources()) == 1:
		d.warn(d.in(0, "path"), "there are no manifests in it: no object would be made")
	case len(rendered.Manifests) == 0:
		d.warn("spec.sources", "there are no manifests in them: no object would be made")
	}
	if refused > 0 {
		d.warn("spec.project", "project %s does not permit %d of %d objects: a sync would fail", d.app.Spec.ProjectName(), refused, len(rendered.Manifests))
	}
	if shared > 0 {
		d.warn("spec.destination", "%d of %d objects belong to another application already: both would pull at them", shared, len(rendered.Manifests))
	}
	if p := d.app.Spec.SyncPolicy; rendered.NoNamespace && (p == nil || !slices.Contains(p.SyncOptions, v1alpha1.SyncOptionCreateNamespace+"=true")) {
		d.warn("spec.destination.namespace", "the cluster has no namespace %s yet: a sync fails until somebody makes it", rendered.Namespace)
	}
}
