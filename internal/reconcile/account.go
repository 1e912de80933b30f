package reconcile

import (
	"github.com/hawser-cd/hawser/internal/problem"
)

// account is the user as whom everything of the application is written, and its pods are looked into; empty while that
// is ourselves. Where impersonation is switched on and the project names nobody, nothing is written: our own rights are
// those of the whole instance. (Argo CD deletes with its own rights then; nothing here does.)
func (a *Apps) account(v *view) (user string, err error) {
	s := a.Catalog.Settings().Impersonation
	if !s.Enabled {
		return "", nil
	}
	rules, err := a.rules(v)
	if err != nil {
		return "", problem.Because(problem.Forbidden, err, "without its project %s, it is not known as whom to write", v.spec.project)
	}
	target := a.target(v)
	target.Namespace = v.spec.destination.Namespace
	if user, err = rules.Account(target, v.spec.name.Namespace); err != nil || user != "" || !s.Enforced {
		return user, err
	}
	return "", problem.New(problem.Forbidden, "no matching service account found for destination server %s and namespace %s", target.Server, target.Namespace).
		WithHint("add one to spec.destinationServiceAccounts of project %s, or switch application.sync.impersonation.enforced off", v.spec.project)
}
