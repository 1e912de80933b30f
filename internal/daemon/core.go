package daemon

import (
	"context"
	"crypto/subtle"
	"maps"
	"net/http"
	"sync/atomic"

	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/rbac"
)

// CoreHeader carries Options.Core.
const CoreHeader = "X-Hawser-Core"

// A core is a daemon that answers one command on the machine of the person who typed it (hawser --core). What may be done
// is what their kubeconfig may do: they could do the same with kubectl. So everybody is admin, and nobody gets in but
// who knows the secret of this one process. It never leads, so it never reconciles.

// onlyWith answers requests that carry the secret, and no others: other people of the machine reach its ports too.
func onlyWith(secret string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(CoreHeader)), []byte(secret)) != 1 {
			http.Error(w, "this is one command's own server", http.StatusForbidden)
			return
		}
		r.Header.Del(CoreHeader)
		next.ServeHTTP(w, r)
	})
}

// anonymously are records in which a caller without a token is let in.
type anonymously struct {
	auth.Records
	known atomic.Pointer[auth.Snapshot]
}

func (a *anonymously) Read() auth.Snapshot {
	s := a.Records.Read()
	if known := a.known.Load(); known != nil && known.Version == s.Version {
		return *known
	}
	s.CM = maps.Clone(s.CM)
	if s.CM == nil {
		s.CM = map[string]string{}
	}
	s.CM["users.anonymous.enabled"] = "true"
	a.known.Store(&s)
	return s
}

// everything is the policy of a core.
func everything() func() *rbac.Policy {
	p, _ := rbac.New(rbac.Config{RBAC: map[string]string{"policy.default": "role:admin"}})
	return func() *rbac.Policy { return p }
}

// idle is what a core does instead of leading.
func idle(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
