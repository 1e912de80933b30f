package server

import (
	"slices"
	"strconv"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// onRole permits those who may change a project, and the members of the role itself: they may make tokens that can do
// what they can do there.
func onRole[Req any](ref func(*Req) (project, role string)) rule[Req] {
	return rule[Req]{declared{rbac.Projects, rbac.Update, single}, func(c *call, q *Req) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		name, role := ref(q)
		if c.hasRole(name, role) {
			c.decided(rbac.Projects, rbac.Update, name, true, "a member of the role "+clip(role))
			return nil
		}
		return c.must(rbac.Projects, rbac.Update, name)
	}}
}

// hasRole reports whether the caller is in one of the groups of a project's role.
func (c *call) hasRole(name, role string) bool {
	p, err := c.s.Catalog.Project(name)
	if err != nil {
		return false
	}
	r := roleOf(p, role)
	if r == nil {
		return false
	}
	groups := c.who.Groups(c.s.Policy().Scopes())
	return slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(groups, g) })
}

func roleOf(p *v1alpha1.AppProject, name string) *v1alpha1.ProjectRole {
	for i := range p.Spec.Roles {
		if p.Spec.Roles[i].Name == name {
			return &p.Spec.Roles[i]
		}
	}
	return nil
}

// createProjectToken makes a token for a role. It is given out once it is recorded, and not before: without its record
// it is good for nothing.
func (s *server) createProjectToken(c *call, q *argocd.ProjectTokenCreateRequest) (*argocd.ProjectTokenResponse, error) {
	p, err := s.theProject(q.Project)
	if err != nil {
		return nil, err
	}
	missing := problem.New(problem.NotFound, "project '%s' does not have role '%s'", clip(q.Project), clip(q.Role))
	if roleOf(p, q.Role) == nil {
		return nil, missing
	}
	if q.ExpiresIn < 0 || q.ExpiresIn > int64(maxTokenLife/time.Second) {
		return nil, problem.New(problem.Invalid, "a token cannot expire %d seconds from now", q.ExpiresIn)
	}
	token, record, err := s.Auth.ProjectToken(p.Name, q.Role, q.ID, time.Duration(q.ExpiresIn)*time.Second)
	if err != nil {
		return nil, err
	}
	var refused error // in its own words, which clients know
	updated, err := s.Catalog.EditProject(c, p, func(p *v1alpha1.AppProject) error {
		role := roleOf(p, q.Role)
		if refused = nil; role == nil {
			refused = missing
		} else if slices.ContainsFunc(roleTokens(p, role), func(t v1alpha1.JWTToken) bool { return t.ID == record.ID }) {
			refused = problem.New(problem.Invalid, "Token id '%s' has been used. ", clip(record.ID))
		}
		if refused != nil {
			return refused
		}
		if p.Status.JWTTokensByRole == nil {
			p.Status.JWTTokensByRole = map[string]v1alpha1.JWTTokens{}
		}
		items := slices.Clone(p.Status.JWTTokensByRole[role.Name].Items)
		p.Status.JWTTokensByRole[role.Name] = v1alpha1.JWTTokens{Items: append(items, record)}
		return nil
	})
	if refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	s.tell(c, updated, v1alpha1.EventResourceCreated, "created token")
	return &argocd.ProjectTokenResponse{Token: token}, nil
}

// maxTokenLife keeps a lifetime in seconds from overflowing: longer is for ever, which is 0.
const maxTokenLife = 200 * 365 * 24 * time.Hour

// deleteProjectToken takes a token's record away, and with it the token. That there is none is no error.
func (s *server) deleteProjectToken(c *call, q *argocd.ProjectTokenDeleteRequest) (*argocd.ProjectEmptyResponse, error) {
	p, err := s.theProject(q.Project)
	if err != nil {
		return nil, err
	}
	updated, err := s.Catalog.EditProject(c, p, func(p *v1alpha1.AppProject) error {
		role := roleOf(p, q.Role)
		if role == nil {
			return nil
		}
		gone := tokenNamed(roleTokens(p, role), q.ID, q.Iat)
		if gone == "" {
			return nil
		}
		without := func(list []v1alpha1.JWTToken) []v1alpha1.JWTToken {
			return slices.DeleteFunc(slices.Clone(list), func(t v1alpha1.JWTToken) bool {
				return t.ID == gone || t.ID == "" && strconv.FormatInt(t.IssuedAt, 10) == gone
			})
		}
		role.JWTTokens = without(role.JWTTokens)
		if issued, ok := p.Status.JWTTokensByRole[role.Name]; ok {
			if issued.Items = without(issued.Items); len(issued.Items) == 0 {
				delete(p.Status.JWTTokensByRole, role.Name)
			} else {
				p.Status.JWTTokensByRole[role.Name] = issued
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if updated.ResourceVersion != p.ResourceVersion {
		s.tell(c, updated, v1alpha1.EventResourceDeleted, "deleted token")
	}
	return &argocd.ProjectEmptyResponse{}, nil
}

// tokenNamed finds a token by its id, or else by the time at which it was issued; "" for none.
func tokenNamed(list []v1alpha1.JWTToken, id string, issued int64) string {
	for _, t := range list {
		if id != "" && t.ID == id {
			return t.ID
		}
	}
	for _, t := range list {
		if issued > 0 && t.IssuedAt == issued {
			return t.ID
		}
	}
	return ""
}
