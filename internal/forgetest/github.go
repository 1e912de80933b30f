package forgetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Said returns what was said of commits, in order.
func (s *Server) Said() (list []Status) {
	s.locked(func() {
		for _, r := range s.repos {
			list = append(list, r.said...)
		}
	})
	return list
}

func missing(s *Server, w http.ResponseWriter, r *http.Request) {
	s.write(w, r, http.StatusNotFound, object{"message": "Not Found", "documentation_url": "https://docs.example.com"})
}

// hubPages writes one page as GitHub and Gitea do.
func (s *Server) hubPages(w http.ResponseWriter, r *http.Request, all list) {
	size := "per_page"
	otherwise := 30
	if s.Kind == "gitea" {
		size = "limit"
		w.Header().Set("X-Total-Count", itoa(len(all)))
	}
	n := query(r, size, otherwise, s.most)
	page, last := query(r, "page", 1, 0), max(1, (len(all)+n-1)/n)
	s.linkHeader(w, r, page, last)
	part := slice(all, page, n)
	s.turned(page, last)
	s.write(w, r, http.StatusOK, append(list{}, part...))
}

func (r *Repo) hubPull(p *Pull) object {
	labels := list{}
	for i, l := range p.Labels {
		labels = append(labels, object{"id": i, "name": l, "color": "ededed"})
	}
	state := "open"
	if p.Closed {
		state = "closed"
	}
	return object{
		"id": 9000 + p.Number, "number": p.Number, "state": state, "title": p.Title, "draft": false,
		"user": object{"login": p.Author, "id": 7}, "labels": labels, "html_url": r.Page() + "/pull/" + itoa(int(p.Number)),
		"head": object{"ref": p.Branch, "sha": p.Head, "label": r.Owner + ":" + p.Branch},
		"base": object{"ref": p.Into, "sha": r.Branches[p.Into], "label": r.Owner + ":" + p.Into},
	}
}

func (s *Server) hubPulls(w http.ResponseWriter, r *http.Request) {
	repo := s.repo(r.PathValue("owner"), r.PathValue("repo"))
	if repo == nil {
		missing(s, w, r)
		return
	}
	all := list{}
	for _, p := range repo.pulls {
		if state := r.URL.Query().Get("state"); state == "all" || (state == "closed") == p.Closed {
			all = append(all, repo.hubPull(p))
		}
	}
	if q := r.URL.Query(); s.Kind == "github" && q.Get("direction") != "asc" { // newest first, unless asked otherwise
		reverse(all)
	}
	s.hubPages(w, r, all)
}

func reverse(l list) {
	for i, j := 0, len(l)-1; i < j; i, j = i+1, j-1 {
		l[i], l[j] = l[j], l[i]
	}
}

func (s *Server) hubRepos(w http.ResponseWriter, r *http.Request) {
	all := list{}
	for _, repo := range s.repos {
		if strings.EqualFold(repo.Owner, r.PathValue("owner")) {
			all = append(all, object{
				"id": repo.ID, "name": repo.Name, "full_name": repo.Owner + "/" + repo.Name, "owner": object{"login": repo.Owner}, "archived": repo.Archived,
				"default_branch": repo.Default, "empty": len(repo.Branches) == 0, "topics": append([]string{}, repo.Topics...),
				"html_url": repo.Page(), "clone_url": repo.clone(), "ssh_url": repo.ssh(),
			})
		}
	}
	if len(all) == 0 {
		missing(s, w, r)
		return
	}
	s.hubPages(w, r, all)
}

func (s *Server) hubBranch(r *Repo, name string) object {
	if s.Kind == "gitea" {
		return object{"name": name, "protected": false, "commit": object{"id": r.Branches[name], "message": "x"}}
	}
	return object{"name": name, "protected": false, "commit": object{"sha": r.Branches[name], "url": s.URL}}
}

// hubRoutes are those that GitHub and Gitea have in common; prefix is where the API begins.
func (s *Server) hubRoutes(mux *http.ServeMux, prefix string) {
	at := func(pattern string, f func(w http.ResponseWriter, r *http.Request, repo *Repo)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+prefix+"/repos/{owner}/{repo}"+path, func(w http.ResponseWriter, r *http.Request) {
			repo := s.repo(r.PathValue("owner"), r.PathValue("repo"))
			if repo == nil {
				missing(s, w, r)
				return
			}
			f(w, r, repo)
		})
	}
	mux.HandleFunc("GET "+prefix+"/orgs/{owner}/repos", s.hubRepos)
	mux.HandleFunc("GET "+prefix+"/repos/{owner}/{repo}/pulls", s.hubPulls)
	at("GET ", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		s.write(w, r, http.StatusOK, object{"id": repo.ID, "name": repo.Name})
	})
	at("GET /branches", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		all := list{}
		for _, b := range repo.branches() {
			all = append(all, s.hubBranch(repo, b))
		}
		s.hubPages(w, r, all)
	})
	at("GET /branches/{branch...}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		if repo.Branches[r.PathValue("branch")] == "" {
			missing(s, w, r)
			return
		}
		s.write(w, r, http.StatusOK, s.hubBranch(repo, r.PathValue("branch")))
	})
	at("GET /contents/{path...}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		path := r.PathValue("path")
		switch {
		case repo.Branches[r.URL.Query().Get("ref")] == "" || !repo.has(path):
			missing(s, w, r)
		case repo.Files[path]:
			s.write(w, r, http.StatusOK, object{"type": "file", "path": path, "encoding": "base64", "content": ""})
		default:
			s.write(w, r, http.StatusOK, list{object{"type": "file", "path": path + "/x"}})
		}
	})
	at("GET /issues/{number}/comments", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		p := repo.pull(r.PathValue("number"))
		if p == nil {
			missing(s, w, r)
			return
		}
		all := list{}
		for _, c := range p.Comments {
			all = append(all, object{"id": c.ID, "body": c.Body, "user": object{"login": c.Author}})
		}
		if s.Kind == "gitea" { // all at once
			s.write(w, r, http.StatusOK, all)
			return
		}
		s.hubPages(w, r, all)
	})
	at("POST /issues/{number}/comments", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		p := repo.pull(r.PathValue("number"))
		if p == nil {
			missing(s, w, r)
			return
		}
		c := repo.remark(p, s.User, bodyOf(r)["body"].(string))
		s.write(w, r, http.StatusCreated, object{"id": c.ID, "body": c.Body})
	})
	at("PATCH /issues/comments/{id}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		s.edit(w, r, repo, r.PathValue("id"))
	})
	at("POST /statuses/{sha}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		in := bodyOf(r)
		state, _ := in["state"].(string)
		if !oneOf(state, "pending", "success", "failure", "error") {
			s.write(w, r, http.StatusUnprocessableEntity, object{"message": "Validation Failed"})
			return
		}
		repo.say(r.PathValue("sha"), state, in, "context")
		s.write(w, r, http.StatusCreated, object{"id": 1, "state": state})
	})
}

func oneOf(s string, list ...string) bool {
	for _, l := range list {
		if s == l {
			return true
		}
	}
	return false
}

func (r *Repo) say(commit, state string, in object, context string) {
	text := func(k string) string { v, _ := in[k].(string); return v }
	r.said = append(r.said, Status{commit, state, text(context), text("description"), text("target_url")})
}

// edit changes a comment, which only its author may.
func (s *Server) edit(w http.ResponseWriter, r *http.Request, repo *Repo, id string) {
	for _, p := range repo.pulls {
		for i, c := range p.Comments {
			if itoa(int(c.ID)) != id {
				continue
			}
			if c.Author != s.User {
				s.write(w, r, http.StatusForbidden, object{"message": "Resource not accessible by personal access token"})
				return
			}
			p.Comments[i].Body = bodyOf(r)["body"].(string)
			s.write(w, r, http.StatusOK, object{"id": c.ID, "body": p.Comments[i].Body})
			return
		}
	}
	missing(s, w, r)
}

func bodyOf(r *http.Request) object {
	in := object{}
	_ = json.NewDecoder(r.Body).Decode(&in)
	return in
}

func (s *Server) github(mux *http.ServeMux) {
	s.hubRoutes(mux, "/api/v3")
	mux.HandleFunc("GET /api/v3/app/installations", func(w http.ResponseWriter, r *http.Request) {
		s.hubPages(w, r, list{object{"id": 40, "account": object{"login": "other"}}, object{"id": 41, "account": object{"login": s.app.owner}}})
	})
	mux.HandleFunc("POST /api/v3/app/installations/{id}/access_tokens", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != "41" {
			missing(s, w, r)
			return
		}
		s.app.given++
		s.write(w, r, http.StatusCreated, object{"token": s.app.token(), "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	})
}

// gitea has GitHub's shapes below another path, with its own headers.
func (s *Server) gitea(mux *http.ServeMux) {
	s.hubRoutes(mux, "/api/v1")
	mux.HandleFunc("GET /api/v1/repos/{owner}/{repo}/labels", func(w http.ResponseWriter, r *http.Request) {
		repo := s.repo(r.PathValue("owner"), r.PathValue("repo"))
		if repo == nil {
			missing(s, w, r)
			return
		}
		all := list{}
		for i, l := range repo.Topics {
			all = append(all, object{"id": i, "name": l})
		}
		s.hubPages(w, r, all)
	})
}

// app is a GitHub App, installed at one owner.
type app struct {
	id    string
	owner string
	key   *rsa.PublicKey
	given int
}

// App makes the forge take a GitHub App of that number, installed at owner as number 41, and nobody else. It returns the
// app's key.
func (s *Server) App(t testing.TB, id int64, owner string) (privateKey string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.locked(func() { s.app = &app{id: itoa(int(id)), owner: owner, key: &key.PublicKey} })
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// Given is how many tokens the app's installation was given.
func (s *Server) Given() (n int) {
	s.locked(func() { n = s.app.given })
	return n
}

func (a *app) token() string { return "ghs_" + itoa(a.given) }

// admits checks the proof of the app where it speaks for itself, and the newest token of its installation elsewhere.
func (a *app) admits(r *http.Request) bool {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !strings.HasPrefix(r.URL.Path, "/api/v3/app/") {
		return ok && a.given > 0 && text == a.token()
	}
	claims := jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return a.key, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(a.id), jwt.WithIssuedAt(), jwt.WithExpirationRequired())
	return err == nil && claims.ExpiresAt.Sub(claims.IssuedAt.Time) <= 10*time.Minute
}
