package project

import (
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/util/validation"
)

// accountRule says as whom is written to what it matches. A rule that cannot be understood stops those that come to it:
// whoever it was for must not be served by the next one, which may have more rights.
type accountRule struct {
	server, namespace pattern
	account           string // name, or namespace:name
}

func (r *Rules) compileAccounts(list []v1alpha1.ApplicationDestinationServiceAccount) {
	for _, a := range list {
		r.accounts = append(r.accounts, accountRule{
			server:    r.compile(false, trimServer(a.Server), 0, "destinationServiceAccounts"),
			namespace: r.compile(false, a.Namespace, 0, "destinationServiceAccounts"),
			account:   strings.TrimSpace(a.DefaultServiceAccount),
		})
	}
}

// Account returns the user as whom an application of the project writes to its destination
// (system:serviceaccount:NAMESPACE:NAME): the first rule that matches counts, and an account without a namespace is one
// of the destination's, or of the application's own where the destination names none. (Argo CD's
// destinationServiceAccounts.) It is empty when no rule matches, and an error, of kind Forbidden, when the rule that
// counts cannot be understood.
func (r *Rules) Account(t Target, applicationNamespace string) (user string, err error) {
	server := trimServer(t.Server)
	for _, a := range r.accounts {
		if a.server.glob == nil || a.namespace.glob == nil {
			return "", problem.New(problem.Forbidden, "project '%s': spec.destinationServiceAccounts holds a pattern that cannot be understood", r.name)
		}
		if !a.server.allows(server) || !a.namespace.allows(t.Namespace) {
			continue
		}
		namespace, name, both := strings.Cut(a.account, ":")
		if !both {
			namespace, name = t.Namespace, a.account
			if namespace == "" {
				namespace = applicationNamespace
			}
		}
		// anything else is no service account to the API server, but a user of that name
		if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
			return "", problem.New(problem.Forbidden, "project '%s': default service account contains invalid chars '%s'", r.name, a.account).
				WithHint("give spec.destinationServiceAccounts[].defaultServiceAccount as name, or as namespace:name")
		}
		return "system:serviceaccount:" + namespace + ":" + name, nil
	}
	return "", nil
}
