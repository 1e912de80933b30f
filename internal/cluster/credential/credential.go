// Package credential runs the program that gives the credentials for a cluster (execProviderConfig of a cluster Secret,
// ExecCredential of client-go).
//
// The idea: a Source keeps what the program said until shortly before it expires, and runs the program again then, or
// when the API server refused what it gave. However many requests wait, it runs once, and one that fails is left alone
// for a while. Read Source.Get first, then run. The program gets no shell and no terminal, an environment of its own
// with nothing in it but what such programs need, little time and room, and dies with its children. The package
// refuses to say anything of what the program printed but its last words, without what looks like a secret.
package credential

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Program is what to run. It can hold secrets: arguments and environment are for nobody's eyes.
type Program struct {
	Command     string // a name, looked for on PATH, or an absolute path
	Args        []string
	Env         []string // NAME=value, on top of what is inherited
	APIVersion  string   // client.authentication.k8s.io/v1 or v1beta1
	InstallHint string   // for people, when the program is missing
	Cluster     *Cluster // told to the program; nil: it is not
}

// Cluster is what a program may be told of the cluster, in the words of ExecCredential.
type Cluster struct {
	Server             string          `json:"server"`
	TLSServerName      string          `json:"tls-server-name,omitempty"`
	Insecure           bool            `json:"insecure-skip-tls-verify,omitempty"`
	CAData             []byte          `json:"certificate-authority-data,omitempty"`
	ProxyURL           string          `json:"proxy-url,omitempty"`
	DisableCompression bool            `json:"disable-compression,omitempty"`
	Config             json.RawMessage `json:"config,omitempty"`
}

// String names the program and nothing else.
func (p Program) String() string { return p.Command }

// GoString is String.
func (p Program) GoString() string { return p.Command }

// Credential is what the program gave: a token, a certificate, or both.
type Credential struct {
	Token       string
	Certificate *tls.Certificate
	Expires     time.Time // zero: not known; it is good until it is refused
}

// String hides everything.
func (c Credential) String() string { return "***" }

// GoString is String.
func (c Credential) GoString() string { return "***" }

// Failure is why there are no credentials. Nothing was sent to the cluster then.
type Failure struct{ Err error }

// Error returns the reason.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the problem.
func (f *Failure) Unwrap() error { return f.Err }

// Times of a Source.
const (
	margin     = time.Minute // before it expires, at most a tenth of its life
	restAtMost = 15 * time.Second
)

// Source is the credentials of one program, safe for concurrent use.
type Source struct {
	program Program
	limits  limits

	turn chan struct{} // held by whoever runs the program

	mu      sync.Mutex
	have    *Credential
	renew   time.Time // when have is to be renewed; zero: when it is refused
	pause   *wait.Backoff
	until   time.Time // the last failure stands until then
	failure error
	runs    int
}

// New returns a source; nothing runs before Get.
func New(p Program) *Source {
	return &Source{program: p, limits: standard, turn: make(chan struct{}, 1), pause: newPause()}
}

func newPause() *wait.Backoff {
	return &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.3, Steps: 20, Cap: restAtMost}
}

// Get returns credentials that are good now. Its error is a *Failure, or that of ctx: whoever gives up does not end the
// program, others wait for it.
func (s *Source) Get(ctx context.Context) (Credential, error) {
	if c, err, known := s.known(); known {
		return c, err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	}
	if c, err, known := s.known(); known { // somebody else was faster
		<-s.turn
		return c, err
	}
	done := make(chan struct{})
	go func() {
		defer func() { <-s.turn; close(done) }()
		began := time.Now()
		c, err := run(context.WithoutCancel(ctx), s.program, s.limits)
		s.learn(c, err, began)
	}()
	select {
	case <-done:
		c, err, _ := s.known()
		return c, err
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	}
}

// known returns what is known without asking: good credentials, or a failure that is still fresh.
func (s *Source) known() (Credential, error, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case s.have != nil && (s.renew.IsZero() || now.Before(s.renew)):
		return *s.have, nil, true
	case s.failure != nil && now.Before(s.until):
		if s.have != nil && now.Before(s.have.Expires) { // it could not be renewed, and is good for a moment longer
			return *s.have, nil, true
		}
		return Credential{}, s.failure, true
	}
	return Credential{}, nil, false
}

func (s *Source) learn(c Credential, err error, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	if err != nil {
		s.failure, s.until = &Failure{err}, time.Now().Add(s.pause.Step())
		return
	}
	s.have, s.renew, s.failure, s.pause = &c, time.Time{}, nil, newPause()
	if !c.Expires.IsZero() {
		s.renew = c.Expires.Add(-min(margin, c.Expires.Sub(began)/10))
	}
}

// Refused tells that the API server does not accept c (any more). What came meanwhile stays.
func (s *Source) Refused(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have == nil || s.have.Token != c.Token || s.have.Certificate != c.Certificate {
		return
	}
	if s.have = nil; s.failure == nil || time.Now().After(s.until) { // a server that refuses everything must not have it run for each request
		s.failure, s.until = &Failure{problem.New(problem.Unauthenticated, "the cluster refuses the credentials that program %s gave", s.program.Command)}, time.Now().Add(s.pause.Step())
	}
}

// Runs is how often the program has ended.
func (s *Source) Runs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs
}

// PEM returns the certificates and the key in PEM.
func (c Credential) PEM() (certificate, key []byte, err error) {
	for _, der := range c.Certificate.Certificate {
		certificate = append(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.Certificate.PrivateKey)
	if err != nil {
		return nil, nil, problem.New(problem.Internal, "the key of a client certificate cannot be written")
	}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
