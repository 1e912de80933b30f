package forgetest

import (
	"net/http"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// labPages writes one page as GitLab does.
func (s *Server) labPages(w http.ResponseWriter, r *http.Request, all list) {
	n := query(r, "per_page", 20, s.most)
	page, last := query(r, "page", 1, 0), max(1, (len(all)+n-1)/n)
	h := w.Header()
	next := ""
	if page < last {
		next = itoa(page + 1)
	}
	h.Set("X-Page", itoa(page))
	h.Set("X-Per-Page", itoa(n))
	h.Set("X-Next-Page", next)
	h.Set("X-Total", itoa(len(all)))
	h.Set("X-Total-Pages", itoa(last))
	s.linkHeader(w, r, page, last)
	part := slice(all, page, n)
	s.turned(page, last)
	s.write(w, r, http.StatusOK, append(list{}, part...))
}

func (s *Server) labMissing(w http.ResponseWriter, r *http.Request, what string) {
	s.write(w, r, http.StatusNotFound, object{"message": "404 " + what + " Not Found"})
}

// project finds one by its number, or by its path.
func (s *Server) project(id string) *Repo {
	for _, r := range s.repos {
		if id == itoa(int(r.ID)) || strings.EqualFold(id, r.Owner+"/"+r.Name) {
			return r
		}
	}
	return nil
}

func (s *Server) gitlab(mux *http.ServeMux) {
	const base = "/api/v4"
	at := func(pattern string, f func(w http.ResponseWriter, r *http.Request, p *Repo)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+base+"/projects/{id}"+path, func(w http.ResponseWriter, r *http.Request) {
			p := s.project(r.PathValue("id"))
			if p == nil {
				s.labMissing(w, r, "Project")
				return
			}
			f(w, r, p)
		})
	}
	mux.HandleFunc("GET "+base+"/groups/{group}/projects", func(w http.ResponseWriter, r *http.Request) {
		q, group := r.URL.Query(), r.PathValue("group")
		all := list{}
		for _, p := range s.repos {
			below := strings.HasPrefix(p.Owner, group+"/") && q.Get("include_subgroups") == "true"
			if p.Owner != group && !below || q.Get("archived") == "true" && !p.Archived || q.Get("archived") == "" && p.Archived {
				continue
			}
			if t := q.Get("topic"); t != "" && !oneOf(t, p.Topics...) {
				continue
			}
			all = append(all, object{
				"id": p.ID, "path": p.Name, "name": p.Name, "path_with_namespace": p.Owner + "/" + p.Name, "default_branch": p.Default, "archived": p.Archived,
				"ssh_url_to_repo": p.ssh(), "http_url_to_repo": p.clone(), "web_url": p.Page(), "topics": append([]string{}, p.Topics...),
				"namespace": object{"full_path": p.Owner, "kind": "group"},
			})
		}
		s.labPages(w, r, all)
	})
	at("GET /merge_requests", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		q := r.URL.Query()
		all := list{}
		for _, m := range p.pulls {
			state := "opened"
			if m.Closed {
				state = "closed"
			}
			if want := q.Get("state"); want != "" && want != "all" && want != state {
				continue
			}
			if l := q.Get("labels"); l != "" && !hasAll(m.Labels, strings.Split(l, ",")) {
				continue
			}
			all = append(all, object{
				"id": 9000 + m.Number, "iid": m.Number, "project_id": p.ID, "title": m.Title, "state": state, "source_branch": m.Branch, "target_branch": m.Into,
				"sha": m.Head, "labels": append([]string{}, m.Labels...), "author": object{"id": 7, "username": m.Author}, "web_url": p.Page() + "/-/merge_requests/" + itoa(int(m.Number)),
			})
		}
		if q.Get("sort") != "asc" {
			reverse(all)
		}
		s.labPages(w, r, all)
	})
	branch := func(p *Repo, name string) object {
		return object{"name": name, "commit": object{"id": p.Branches[name], "short_id": p.Branches[name][:8]}}
	}
	at("GET ", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		s.write(w, r, http.StatusOK, object{"id": p.ID, "path": p.Name})
	})
	at("GET /repository/branches", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		all := list{}
		for _, b := range p.branches() {
			all = append(all, branch(p, b))
		}
		s.labPages(w, r, all)
	})
	at("GET /repository/branches/{branch}", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		if p.Branches[r.PathValue("branch")] == "" {
			s.labMissing(w, r, "Branch")
			return
		}
		s.write(w, r, http.StatusOK, branch(p, r.PathValue("branch")))
	})
	at("GET /repository/tree", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		path := r.URL.Query().Get("path")
		if p.Branches[r.URL.Query().Get("ref")] == "" || !p.has(path) || p.Files[path] {
			s.labMissing(w, r, "Tree")
			return
		}
		s.labPages(w, r, list{object{"type": "blob", "path": path + "/x"}})
	})
	at("GET /repository/files/{path}", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		if p.Branches[r.URL.Query().Get("ref")] == "" || !p.Files[r.PathValue("path")] {
			s.labMissing(w, r, "File")
			return
		}
		s.write(w, r, http.StatusOK, object{"file_path": r.PathValue("path"), "encoding": "base64", "content": ""})
	})
	at("GET /merge_requests/{iid}/notes", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		m := p.pull(r.PathValue("iid"))
		if m == nil {
			s.labMissing(w, r, "Merge Request")
			return
		}
		all := list{}
		for _, c := range m.Comments {
			all = append(all, object{"id": c.ID, "body": c.Body, "author": object{"username": c.Author}})
		}
		s.labPages(w, r, all)
	})
	at("POST /merge_requests/{iid}/notes", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		m := p.pull(r.PathValue("iid"))
		if m == nil {
			s.labMissing(w, r, "Merge Request")
			return
		}
		c := p.remark(m, s.User, bodyOf(r)["body"].(string))
		s.write(w, r, http.StatusCreated, object{"id": c.ID, "body": c.Body})
	})
	at("PUT /merge_requests/{iid}/notes/{note}", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		s.edit(w, r, p, r.PathValue("note"))
	})
	at("POST /statuses/{sha}", func(w http.ResponseWriter, r *http.Request, p *Repo) {
		in := bodyOf(r)
		state, _ := in["state"].(string)
		if !oneOf(state, "pending", "running", "success", "failed", "canceled", "skipped") {
			s.write(w, r, http.StatusBadRequest, object{"error": "state does not have a valid value"})
			return
		}
		if n := len(p.said); n > 0 && p.said[n-1].Commit == r.PathValue("sha") && p.said[n-1].State == state {
			s.write(w, r, http.StatusBadRequest, object{"message": "Cannot transition status via :run from :" + state})
			return
		}
		p.say(r.PathValue("sha"), state, in, "name")
		s.write(w, r, http.StatusCreated, object{"id": 1, "status": state})
	})
}

func hasAll(got, wanted []string) bool {
	for _, w := range wanted {
		if !oneOf(w, got...) {
			return false
		}
	}
	return true
}
