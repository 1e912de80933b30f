// Package forgetest is a forge for tests: a server on this machine that speaks the documented REST of GitHub, GitLab, Gitea,
// Bitbucket and Azure DevOps.
//
// The idea: one state (repositories, pull requests, comments) and six dialects over it, each with its own way to sign in,
// to page, to say that nothing changed and to refuse. Read New, then the dialects in github.go and the files beside it; what
// can be made to go wrong is in fault.go. The package refuses to be kind: who asks without the token, for a page that
// there is not, or for more than a page holds, gets what the real service gives.
package forgetest

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server is one forge.
type Server struct {
	Kind  string // github, gitlab, gitea, bitbucket, bitbucketServer or azureDevOps
	URL   string // where it is
	Token string // who asks must have it; for basic authentication it is the password, of User
	User  string
	CA    []byte // PEM, when it speaks TLS

	mu       sync.Mutex
	most     int // on one page
	repos    []*Repo
	fault    Fault
	requests map[int]int // by status
	asked    []string    // method, path and query
	left     int         // requests until the limit
	app      *app
	between  func(page int)
	nextID   int64
}

// Repo is one repository.
type Repo struct {
	Owner, Name string
	ID          int64
	Topics      []string
	Archived    bool
	Default     string            // its default branch; empty when the repository is
	Branches    map[string]string // name → commit
	Files       map[string]bool   // paths in every branch; folders follow

	s     *Server
	pulls []*Pull
	said  []Status
}

// Pull is one pull request.
type Pull struct {
	Number                      int64
	Title, Author, Branch, Into string
	Head                        string
	Labels                      []string
	Closed                      bool

	Comments []Comment
}

// Comment is one remark.
type Comment struct {
	ID     int64
	Author string
	Body   string
}

// Status is what was said of a commit.
type Status struct{ Commit, State, Context, Description, URL string }

// New starts a forge. It ends with the test.
func New(t testing.TB, kind string) *Server { return start(t, kind, false) }

// NewTLS starts a forge with a certificate of its own: see CA.
func NewTLS(t testing.TB, kind string) *Server { return start(t, kind, true) }

func start(t testing.TB, kind string, secure bool) *Server {
	t.Helper()
	s := &Server{Kind: kind, Token: "t-" + fmt.Sprintf("%x", sha256.Sum256([]byte(t.Name()+kind)))[:20], User: "robot", most: 100, requests: map[int]int{}, left: 5000}
	mux := http.NewServeMux()
	switch kind {
	case "github":
		s.github(mux)
	case "gitlab":
		s.gitlab(mux)
	case "gitea":
		s.most = 50
		s.gitea(mux)
	case "bitbucket":
		s.bitbucket(mux)
	case "bitbucketServer":
		s.bitbucketServer(mux)
	case "azureDevOps":
		s.azure(mux)
	default:
		t.Fatalf("there is no forge %q", kind)
	}
	server := httptest.NewUnstartedServer(s.front(mux))
	if secure {
		server.StartTLS()
		s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	} else {
		server.Start()
	}
	s.URL = server.URL
	t.Cleanup(server.Close)
	return s
}

// API is what a spec's field api holds.
func (s *Server) API() string {
	if s.Kind == "bitbucket" {
		return s.URL + "/2.0"
	}
	return s.URL
}

// PageSize makes pages hold fewer than the service's own.
func (s *Server) PageSize(n int) { s.locked(func() { s.most = n }) }

// Between is called after each page but the last was made, before it is sent: what it changes is seen by the next page.
func (s *Server) Between(f func(page int)) { s.locked(func() { s.between = f }) }

// Limit sets how many requests are answered until the limit is reached; unchanged answers do not count.
func (s *Server) Limit(left int) { s.locked(func() { s.left = left }) }

func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Requests returns how many requests were answered with that status; 0 is all.
func (s *Server) Requests(status int) (n int) {
	s.locked(func() {
		for code, count := range s.requests {
			if status == 0 || code == status {
				n += count
			}
		}
	})
	return n
}

// Asked returns all requests so far: method, path and query.
func (s *Server) Asked() (list []string) {
	s.locked(func() { list = slices.Clone(s.asked) })
	return list
}

// Repo makes a repository with one branch, main.
func (s *Server) Repo(owner, name string) *Repo {
	r := &Repo{Owner: owner, Name: name, Default: "main", Branches: map[string]string{"main": Commit(owner + name)}, Files: map[string]bool{}, s: s}
	s.locked(func() {
		s.nextID++
		r.ID = 100 + s.nextID
		s.repos = append(s.repos, r)
	})
	return r
}

// Commit makes the name of a commit of any text.
func Commit(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:40] }

// Page is the address of the repository's page.
func (r *Repo) Page() string {
	switch r.s.Kind {
	case "bitbucketServer":
		return r.s.URL + "/projects/" + r.Owner + "/repos/" + r.Name
	case "azureDevOps":
		return r.s.URL + "/" + r.Owner + "/_git/" + r.Name
	}
	return r.s.URL + "/" + r.Owner + "/" + r.Name
}

func (r *Repo) clone() string { return r.Page() + ".git" }

func (r *Repo) ssh() string {
	u, _ := url.Parse(r.s.URL)
	return "git@" + u.Hostname() + ":" + r.Owner + "/" + r.Name + ".git"
}

// Open opens a pull request and returns its number.
func (r *Repo) Open(p Pull) (number int64) {
	r.s.locked(func() {
		p.Number = int64(len(r.pulls) + 1)
		if p.Into == "" {
			p.Into = "main"
		}
		if p.Author == "" {
			p.Author = "ada"
		}
		number = p.Number
		r.pulls = append(r.pulls, &p)
	})
	return number
}

// Push moves the head of a pull request.
func (r *Repo) Push(number int64, commit string) { r.change(number, func(p *Pull) { p.Head = commit }) }

// Close closes a pull request.
func (r *Repo) Close(number int64) { r.change(number, func(p *Pull) { p.Closed = true }) }

// Label puts labels on a pull request instead of those that it has.
func (r *Repo) Label(number int64, labels ...string) {
	r.change(number, func(p *Pull) { p.Labels = labels })
}

func (r *Repo) change(number int64, f func(*Pull)) { r.s.locked(func() { f(r.pulls[number-1]) }) }

// Comments returns the remarks at a pull request.
func (r *Repo) Comments(number int64) (list []Comment) {
	r.s.locked(func() { list = slices.Clone(r.pulls[number-1].Comments) })
	return list
}

// Remark adds a comment of somebody else.
func (r *Repo) Remark(number int64, author, body string) {
	r.s.locked(func() { r.remark(r.pulls[number-1], author, body) })
}

func (r *Repo) remark(p *Pull, author, body string) Comment {
	r.s.nextID++
	c := Comment{1000 + r.s.nextID, author, body}
	p.Comments = append(p.Comments, c)
	return c
}

func (s *Server) repo(owner, name string) *Repo {
	for _, r := range s.repos {
		if strings.EqualFold(r.Owner, owner) && strings.EqualFold(r.Name, name) {
			return r
		}
	}
	return nil
}

func (r *Repo) pull(number string) *Pull {
	n, err := strconv.Atoi(number)
	if r == nil || err != nil || n < 1 || n > len(r.pulls) {
		return nil
	}
	return r.pulls[n-1]
}

func (r *Repo) open() (list []*Pull) {
	for _, p := range r.pulls {
		if !p.Closed {
			list = append(list, p)
		}
	}
	return list
}

func (r *Repo) has(path string) bool {
	for f := range r.Files {
		if f == path || strings.HasPrefix(f, strings.TrimSuffix(path, "/")+"/") {
			return true
		}
	}
	return false
}

func (r *Repo) branches() (list []string) {
	for b := range r.Branches {
		list = append(list, b)
	}
	slices.Sort(list)
	return list
}

type (
	object = map[string]any
	list   = []any
)

// write answers in JSON, and with 304 when the caller has it already.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if s.tags() && status == http.StatusOK && r.Method == http.MethodGet {
		tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(body))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			s.limits(w, 0)
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	s.limits(w, 1)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// tags reports whether the service gives tags with its answers: the others do not.
func (s *Server) tags() bool { return s.Kind == "github" || s.Kind == "gitlab" }

// slice is one page of a list, from 1 on.
func slice[T any](all []T, page, size int) []T {
	from := min(len(all), (page-1)*size)
	return all[from:min(len(all), from+size)]
}

func query(r *http.Request, name string, otherwise, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 {
		n = otherwise
	}
	if most > 0 {
		n = min(n, most)
	}
	return n
}

// linkHeader is that of RFC 8288, as GitHub, GitLab and Gitea have it.
func (s *Server) linkHeader(w http.ResponseWriter, r *http.Request, page, last int) {
	var links []string
	add := func(rel string, n int) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, s.URL, r.URL.EscapedPath(), q.Encode(), rel))
	}
	if page > 1 {
		add("prev", page-1)
	}
	if page < last {
		add("next", page+1)
	}
	if last > 1 {
		add("last", last)
		add("first", 1)
	}
	if len(links) > 0 {
		w.Header().Set("Link", strings.Join(links, ", "))
	}
}

// turned tells the test that a page was made, with the state unlocked.
func (s *Server) turned(page, last int) {
	if f := s.between; f != nil && page < last {
		s.between = nil
		s.mu.Unlock()
		f(page)
		s.mu.Lock()
	}
}
