// Package auth says who is calling.
//
// The idea: everything that identifies people (accounts, the signing key, revocations, failed logins, issuers) stands in
// Kubernetes, in the ConfigMap and the Secrets that Argo CD uses and in two Secrets of ours. The package keeps nothing
// that a restart would lose: it reads an immutable Snapshot, decides, and writes through Records, so that every replica
// refuses a revoked token as soon as the watch has told it. Read Verify first (verify.go), then Login (login.go).
//
// It refuses to decide what a caller may do (that is rbac), to make cookies or answer requests (that is server), to fall
// back from a bad token to the anonymous caller, and to put a password, token or key into an error.
package auth

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Names of the records in our namespace. The first three are Argo CD's.
const (
	SettingsMap     = "argocd-cm"
	SettingsSecret  = "argocd-secret"
	InitialPassword = "argocd-initial-admin-secret" // key password: what admin logs in with at first; people delete it
	RevokedTokens   = "hawser-revoked-tokens"       // what was logged out and has not expired yet
	FailedLogins    = "hawser-login-failures"       // how often which source failed to log in
)

// Records are the settings and Secrets of our namespace; catalog has them, daemon joins the two.
type Records interface {
	// Read returns what is known now. It is called for every request: it must cost no more than a pointer's load.
	Read() Snapshot

	// Change reads the Secret from the API server, gives its data (never nil) to change, writes what change made of
	// it, and tries again from the start on a conflict: change may run several times. A missing Secret is created; one
	// that change left as it was is not written. It returns when Read shows the new state, or a newer one: whoever was
	// told that a token is revoked must find it refused. An error of change ends it and is returned as it is.
	Change(ctx context.Context, secret string, change func(data map[string][]byte) error) error
}

// Snapshot is one state of the records. Nobody writes to its maps.
type Snapshot struct {
	Version string            // another one whenever anything below is different; empty until all has been read once
	CM      map[string]string // argocd-cm
	Secrets map[string]map[string][]byte
	// Secrets, by name: SettingsSecret, RevokedTokens, FailedLogins where they exist, and every Secret with the label
	// app.kubernetes.io/part-of: argocd, to which settings refer as $name:key.
}

// Options are what an Auth is made from; Records and RoleTokens are required.
type Options struct {
	Records Records

	// RoleTokens returns the tokens that a project lists for a role, and whether there is such a role. It is called for
	// each request with a project's token, and must be as cheap as Read.
	RoleTokens func(project, role string) (tokens []v1alpha1.JWTToken, exists bool)

	// Reviewer asks the API server about service account tokens (TokenReview); nil: those are not exchanged.
	Reviewer Reviewer

	Now func() time.Time // nil: time.Now
}

// Auth says who is calling. All of its methods may be called at the same time.
type Auth struct {
	options  Options
	now      func() time.Time
	current  atomic.Pointer[state]
	checks   chan struct{} // a place for each password that is compared: bcrypt is dear, on purpose
	guard    throttle
	issuers  providers
	reviews  budget // TokenReviews that callers without an identity can cause
	renewals renewals
	spent    spent // states of logins that came back already
}

// New returns an Auth over those records. Nothing is read before it is asked.
func New(o Options) *Auth {
	a := &Auth{options: o, now: o.Now, checks: make(chan struct{}, runtime.GOMAXPROCS(0))}
	if a.now == nil {
		a.now = time.Now
	}
	a.reviews = budget{burst: 20, every: 200 * time.Millisecond}
	return a
}

// state returns the parsed snapshot; it is parsed again when its version has changed.
func (a *Auth) state() (*state, error) {
	snapshot := a.options.Records.Read()
	if snapshot.Version == "" {
		return nil, problem.New(problem.Unavailable, "who is calling is unknown: %s and %s have not been read yet", SettingsMap, SettingsSecret)
	}
	if st := a.current.Load(); st != nil && st.version == snapshot.Version {
		return st, nil
	}
	st := parse(snapshot)
	a.current.Store(st) // a slower parse of an older one may overwrite this: the version is compared again each time
	return st, nil
}

// signing returns the state when tokens can be signed and checked.
func (a *Auth) signing() (*state, error) {
	st, err := a.state()
	if err != nil {
		return nil, err
	}
	if len(st.key) < minKey {
		return nil, problem.New(problem.Unavailable, "%s has no usable server.secretkey: tokens can be neither signed nor checked", SettingsSecret).
			WithHint("remove the key server.secretkey and restart, a new one is generated; everybody has to log in again")
	}
	return st, nil
}

// Problems returns the settings about identity that could not be understood, for the operator. What they say is off.
func (a *Auth) Problems() []error {
	st, err := a.state()
	if err != nil {
		return []error{err}
	}
	return st.problems
}

// budget is a token bucket: burst at once, then one each time that every has passed.
type budget struct {
	mu    sync.Mutex
	burst int
	every time.Duration
	left  int
	since time.Time // when left was counted; zero: full
}

// take reports whether one more is affordable.
func (b *budget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since.IsZero() {
		b.left, b.since = b.burst, now
	}
	if n := int(now.Sub(b.since) / b.every); n > 0 {
		b.left, b.since = min(b.burst, b.left+n), b.since.Add(time.Duration(n)*b.every)
	}
	if b.left == 0 {
		return false
	}
	b.left--
	return true
}
