package server

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// setRef is how a request names an ApplicationSet.
type setRef struct{ name, namespace string }

// onSet permits those who may see the ApplicationSet and do action with it; the method finds it in c.set.
func onSet[Req any](action string, ref func(*Req) setRef) rule[Req] {
	return rule[Req]{declared{rbac.ApplicationSets, action, single}, func(c *call, r *Req) (err error) {
		if c.set, err = c.applicationSet(ref(r)); err != nil || action == rbac.Get {
			return err
		}
		return c.must(rbac.ApplicationSets, action, c.s.setObject(c.set))
	}}
}

// newSet names the ApplicationSet that a request wants to make, for the rule.
func newSet(c *call, set *v1alpha1.ApplicationSet) string {
	if set == nil {
		return "/"
	}
	return c.s.setObject(set)
}

func newSetOfCreate(c *call, q *argocd.ApplicationSetCreateRequest) string {
	return newSet(c, q.Applicationset)
}

func newSetOfGenerate(c *call, q *argocd.ApplicationSetGenerateRequest) string {
	return newSet(c, q.ApplicationSet)
}

// setObject is how an ApplicationSet is named in policies: by the project of its template, as in Argo CD.
func (s *server) setObject(set *v1alpha1.ApplicationSet) string {
	return rbac.Object(setProject(set), set.Namespace, set.Name, s.Namespace)
}

func setProject(set *v1alpha1.ApplicationSet) string {
	return cmp.Or(set.Spec.Template.Spec.Project, v1alpha1.DefaultProject)
}

// applicationSet finds an ApplicationSet that the caller may see. A request names no project, so that one that is
// missing is told as missing only to those who would see it in whatever project it were; to others it is forbidden, as
// one that exists.
func (c *call) applicationSet(ref setRef) (*v1alpha1.ApplicationSet, error) {
	if err := c.mustBeSomebody(); err != nil {
		return nil, err
	}
	if ref.name == "" {
		return nil, problem.New(problem.Invalid, "the request names no ApplicationSet")
	}
	name := types.NamespacedName{Namespace: cmp.Or(ref.namespace, c.s.Namespace), Name: ref.name}
	forbidden := problem.New(problem.Forbidden, "permission denied")
	set, err := c.s.Catalog.ApplicationSet(name)
	switch {
	case set == nil && err != nil && !problem.Is(err, problem.NotFound):
		return nil, err
	case set == nil && c.seesEverySet(name):
		return nil, problem.New(problem.NotFound, "applicationsets.argoproj.io %q not found", clip(ref.name))
	case set == nil:
		c.decided(rbac.ApplicationSets, rbac.Get, clip(name.String()), false, "there is no such ApplicationSet")
		return nil, forbidden
	case !c.may(rbac.ApplicationSets, rbac.Get, c.s.setObject(set)):
		return nil, forbidden
	}
	return set, nil
}

// seesEverySet reports whether the caller would see an ApplicationSet of that name in every project that there is.
func (c *call) seesEverySet(name types.NamespacedName) bool {
	sees := func(project string) bool {
		return c.sees(rbac.ApplicationSets, rbac.Get, rbac.Object(project, name.Namespace, name.Name, c.s.Namespace))
	}
	if !sees(v1alpha1.DefaultProject) {
		return false
	}
	for _, p := range c.s.Catalog.Projects() {
		if !sees(p.Name) {
			return false
		}
	}
	all, _ := c.s.Catalog.ApplicationSets()
	for _, set := range all { // of projects that are templates, or not there
		if !sees(setProject(set)) {
			return false
		}
	}
	return true
}
