package daemon

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
)

// records are the catalog's accounts as auth wants them.
type records struct {
	catalog *catalog.Catalog
	known   atomic.Pointer[auth.Snapshot]
}

func (r *records) Read() auth.Snapshot {
	a := r.catalog.Accounts()
	if a == nil {
		return auth.Snapshot{}
	}
	version := strconv.FormatUint(a.Version, 10)
	if s := r.known.Load(); s != nil && s.Version == version {
		return *s
	}
	s := auth.Snapshot{Version: version, CM: a.Settings, Secrets: map[string]map[string][]byte{}}
	for _, name := range append(a.SecretNames(), auth.SettingsSecret) {
		if data, ok := a.Secret(name); ok {
			s.Secrets[name] = data
		}
	}
	r.known.Store(&s)
	return s
}

func (r *records) Change(ctx context.Context, secret string, change func(map[string][]byte) error) error {
	return r.catalog.ChangeSecret(ctx, secret, change)
}

// roleTokens returns the tokens that a project lists for a role.
func (d *Daemon) roleTokens(name, role string) ([]v1alpha1.JWTToken, bool) {
	p, err := d.Catalog.Project(name)
	if err != nil {
		return nil, false
	}
	for _, r := range p.Spec.Roles {
		if r.Name == role {
			return append(p.Status.JWTTokensByRole[role].Items[:len(p.Status.JWTTokensByRole[role].Items):len(p.Status.JWTTokensByRole[role].Items)], r.JWTTokens...), true
		}
	}
	return nil, false
}

// policies keeps the policy that is in force: compiled anew when settings change, and project by project when those do.
type policies struct {
	d       *Daemon
	mu      sync.Mutex
	current atomic.Pointer[rbac.Policy]
}

func (p *policies) follow() (end func()) {
	p.compile()
	return p.d.Catalog.Subscribe(func(c catalog.Change) {
		switch c.What {
		case catalog.SettingsChanged:
			p.compile()
		case catalog.ProjectChanged:
			p.project(c.Key.Name)
		}
	})
}

func (p *policies) compile() {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.d.Catalog.Settings()
	if p.d.core != "" || p.d.isAgent() { // the API server decides what the operator may do
		s = &catalog.Settings{RBAC: map[string]string{"policy.csv": "g, " + auth.TheOperator().Subject() + ", role:admin"}}
	}
	policy, problems := rbac.New(rbac.Config{RBAC: s.RBAC, Projects: p.d.Catalog.Projects(), Inherit: !s.Server.NoInheritance, SeparateRollback: s.Server.RollbackAction})
	p.tell(problems)
	p.current.Store(policy)
}

func (p *policies) project(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	project, err := p.d.Catalog.Project(name)
	if err != nil { // what a project cannot say permits nothing
		if !problem.Is(err, problem.NotFound) {
			p.tell([]error{err})
		}
		p.current.Store(p.current.Load().WithoutProject(name))
		return
	}
	policy, problems := p.current.Load().WithProject(project)
	p.tell(problems)
	p.current.Store(policy)
}

func (p *policies) tell(problems []error) {
	for _, err := range problems {
		p.d.log.Warn("permission not understood: it permits nothing", "error", err)
	}
}
