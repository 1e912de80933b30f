package server

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// appRef is how a request names an application: project is what the caller believes it to be in, or empty.
type appRef struct{ name, namespace, project string }

// onApp permits those who may see the application and do action with it; the method finds it in c.app.
func onApp[Req any](action string, ref func(*Req) appRef) rule[Req] {
	return onAppWith(rbac.Applications, action, ref)
}

// onAppWith is onApp with an action on another resource that is named like the application: its logs, a terminal.
func onAppWith[Req any](resource, action string, ref func(*Req) appRef) rule[Req] {
	return rule[Req]{declared{resource, action, single}, func(c *call, r *Req) (err error) {
		if c.app, err = c.application(ref(r)); err != nil {
			return err
		}
		if resource == rbac.Applications && action == rbac.Get {
			return nil
		}
		return c.must(resource, action, c.s.object(c.app))
	}}
}

// onPartOfApp permits those who may see the application and do action with one of its objects.
func onPartOfApp[Req any](action string, ref func(*Req) appRef, part func(*Req) rbac.Kind) rule[Req] {
	return rule[Req]{declared{rbac.Applications, action, single}, func(c *call, r *Req) (err error) {
		if c.app, err = c.application(ref(r)); err != nil {
			return err
		}
		object, kind := c.s.object(c.app), part(r)
		if d := c.table.MayWithin(action, object, kind); d.Allowed {
			c.decided(rbac.Applications, rbac.Within(action, kind), object, true, d.String())
			return nil
		}
		return c.must(rbac.Applications, rbac.Within(action, kind), object)
	}}
}

// object is how an application is named in policies.
func (s *server) object(app *v1alpha1.Application) string {
	return rbac.Object(app.Spec.ProjectName(), app.Namespace, app.Name, s.Namespace)
}

// application finds an application that the caller may see. As in Argo CD, one that is missing and one that may not be
// seen are told apart only by who named its project, and may see what is in there: strangers learn nothing from trying
// names.
func (c *call) application(ref appRef) (*v1alpha1.Application, error) {
	if err := c.mustBeSomebody(); err != nil {
		return nil, err
	}
	if ref.name == "" {
		return nil, problem.New(problem.Invalid, "the request names no application")
	}
	name := types.NamespacedName{Namespace: cmp.Or(ref.namespace, c.s.Namespace), Name: ref.name}
	app, err := c.s.Catalog.Application(name)
	if app == nil && err != nil && !problem.Is(err, problem.NotFound) {
		return nil, err
	}
	missing := problem.New(problem.NotFound, "applications.argoproj.io %q not found", ref.name)
	if c.s.Vouched != nil && (app == nil || !reconcile.IsCopyOf(app, c.copyOf)) {
		c.decided(rbac.Applications, rbac.Get, clip(name.String()), false, "it is no copy of the application that the hub asks about")
		return nil, missing
	}
	forbidden := problem.New(problem.Forbidden, "permission denied")
	if ref.project != "" && !c.may(rbac.Applications, rbac.Get, rbac.Object(ref.project, name.Namespace, name.Name, c.s.Namespace)) {
		return nil, forbidden
	}
	switch {
	case app == nil && ref.project != "":
		return nil, missing
	case app == nil:
		c.decided(rbac.Applications, rbac.Get, clip(name.String()), false, "there is no such application")
		return nil, forbidden
	case ref.project != "" && app.Spec.ProjectName() != ref.project:
		return nil, missing
	case ref.project == "" && !c.may(rbac.Applications, rbac.Get, c.s.object(app)):
		return nil, forbidden
	}
	return app, nil
}

// onRollback permits those who may sync, or, where a setting tells the two apart, those who may roll back.
func onRollback() rule[argocd.ApplicationRollbackRequest] {
	return rule[argocd.ApplicationRollbackRequest]{declared{rbac.Applications, rbac.Rollback, single}, func(c *call, q *argocd.ApplicationRollbackRequest) (err error) {
		if c.app, err = c.application(appRef{q.Name, q.AppNamespace, q.Project}); err != nil {
			return err
		}
		return c.must(rbac.Applications, c.s.Policy().RollbackAction(), c.s.object(c.app))
	}}
}
