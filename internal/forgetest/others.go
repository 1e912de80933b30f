package forgetest

import (
	"net/http"
	"strconv"
	"strings"
)

// bitbucket is Bitbucket Cloud, for listing.
func (s *Server) bitbucket(mux *http.ServeMux) {
	pages := func(w http.ResponseWriter, r *http.Request, all list) {
		n := query(r, "pagelen", 10, s.most)
		page, last := query(r, "page", 1, 0), max(1, (len(all)+n-1)/n)
		out := object{"values": append(list{}, slice(all, page, n)...), "page": page, "pagelen": n, "size": len(all)}
		if page < last {
			q := r.URL.Query()
			q.Set("page", itoa(page+1))
			out["next"] = s.URL + r.URL.EscapedPath() + "?" + q.Encode()
		}
		s.turned(page, last)
		s.write(w, r, http.StatusOK, out)
	}
	none := func(w http.ResponseWriter, r *http.Request) {
		s.write(w, r, http.StatusNotFound, object{"type": "error", "error": object{"message": "Repository not found"}})
	}
	at := func(path string, f func(w http.ResponseWriter, r *http.Request, repo *Repo)) {
		mux.HandleFunc("GET /2.0/repositories/{owner}/{repo}"+path, func(w http.ResponseWriter, r *http.Request) {
			repo := s.repo(r.PathValue("owner"), r.PathValue("repo"))
			if repo == nil {
				none(w, r)
				return
			}
			f(w, r, repo)
		})
	}
	branch := func(repo *Repo, name string) object {
		return object{"type": "branch", "name": name, "target": object{"type": "commit", "hash": repo.Branches[name]}}
	}
	mux.HandleFunc("GET /2.0/repositories/{owner}", func(w http.ResponseWriter, r *http.Request) {
		all := list{}
		for _, repo := range s.repos {
			if repo.Owner != r.PathValue("owner") {
				continue
			}
			var main any
			if len(repo.Branches) > 0 {
				main = object{"type": "branch", "name": repo.Default}
			}
			all = append(all, object{"uuid": "{" + itoa(int(repo.ID)) + "}", "slug": repo.Name, "name": repo.Name, "mainbranch": main,
				"links": object{"clone": list{object{"name": "https", "href": repo.clone()}, object{"name": "ssh", "href": repo.ssh()}}}})
		}
		pages(w, r, all)
	})
	at("/pullrequests", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		all := list{}
		for _, p := range repo.open() {
			all = append(all, object{"id": p.Number, "title": p.Title, "state": "OPEN", "author": object{"nickname": p.Author, "display_name": p.Author},
				"source":      object{"branch": object{"name": p.Branch}, "commit": object{"hash": p.Head[:12]}},
				"destination": object{"branch": object{"name": p.Into}, "commit": object{"hash": Commit("x")[:12]}}})
		}
		pages(w, r, all)
	})
	at("/refs/branches", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		all := list{}
		for _, b := range repo.branches() {
			all = append(all, branch(repo, b))
		}
		pages(w, r, all)
	})
	at("/refs/branches/{name}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		if repo.Branches[r.PathValue("name")] == "" {
			none(w, r)
			return
		}
		s.write(w, r, http.StatusOK, branch(repo, r.PathValue("name")))
	})
	at("/src/{commit}/{path...}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		if !repo.has(r.PathValue("path")) {
			none(w, r)
			return
		}
		s.write(w, r, http.StatusOK, object{"type": "commit_file", "path": r.PathValue("path")})
	})
}

// bitbucketServer is Bitbucket Server, for listing.
func (s *Server) bitbucketServer(mux *http.ServeMux) {
	pages := func(w http.ResponseWriter, r *http.Request, all list) {
		n := query(r, "limit", 25, s.most)
		start, _ := strconv.Atoi(r.URL.Query().Get("start"))
		end := min(len(all), start+n)
		out := object{"values": append(list{}, all[min(start, end):end]...), "size": end - min(start, end), "limit": n, "start": start, "isLastPage": end == len(all)}
		if end < len(all) {
			out["nextPageStart"] = end
		}
		s.turned(start/n+1, (len(all)+n-1)/n)
		s.write(w, r, http.StatusOK, out)
	}
	none := func(w http.ResponseWriter, r *http.Request, what string) {
		s.write(w, r, http.StatusNotFound, object{"errors": list{object{"context": nil, "message": what + " does not exist.", "exceptionName": "com.atlassian.bitbucket.NoSuch" + what + "Exception"}}})
	}
	at := func(path string, f func(w http.ResponseWriter, r *http.Request, repo *Repo)) {
		mux.HandleFunc("GET /rest/api/1.0/projects/{owner}/repos/{repo}"+path, func(w http.ResponseWriter, r *http.Request) {
			repo := s.repo(r.PathValue("owner"), r.PathValue("repo"))
			if repo == nil {
				none(w, r, "Repository")
				return
			}
			f(w, r, repo)
		})
	}
	branch := func(repo *Repo, name string) object {
		return object{"id": "refs/heads/" + name, "displayId": name, "type": "BRANCH", "latestCommit": repo.Branches[name], "isDefault": name == repo.Default}
	}
	mux.HandleFunc("GET /rest/api/1.0/projects/{owner}/repos", func(w http.ResponseWriter, r *http.Request) {
		all := list{}
		for _, repo := range s.repos {
			if strings.EqualFold(repo.Owner, r.PathValue("owner")) {
				all = append(all, object{"id": repo.ID, "slug": strings.ToLower(repo.Name), "name": repo.Name, "project": object{"key": repo.Owner},
					"links": object{"clone": list{object{"name": "http", "href": repo.clone()}, object{"name": "ssh", "href": repo.ssh()}}}})
			}
		}
		pages(w, r, all)
	})
	at("/pull-requests", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		all := list{}
		for _, p := range repo.open() {
			all = append(all, object{"id": p.Number, "version": 1, "title": p.Title, "state": "OPEN", "author": object{"user": object{"name": p.Author}, "role": "AUTHOR"},
				"fromRef": object{"id": "refs/heads/" + p.Branch, "displayId": p.Branch, "latestCommit": p.Head}, "toRef": object{"id": "refs/heads/" + p.Into, "displayId": p.Into}})
		}
		pages(w, r, all)
	})
	at("", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		s.write(w, r, http.StatusOK, object{"id": repo.ID, "slug": strings.ToLower(repo.Name), "name": repo.Name})
	})
	at("/branches", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		all := list{}
		for _, b := range repo.branches() {
			all = append(all, branch(repo, b))
		}
		pages(w, r, all)
	})
	at("/branches/default", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		switch {
		case len(repo.Branches) == 0:
			w.WriteHeader(http.StatusNoContent)
		case repo.Branches[repo.Default] == "":
			none(w, r, "Branch")
		default:
			s.write(w, r, http.StatusOK, branch(repo, repo.Default))
		}
	})
	at("/browse/{path...}", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		if repo.Branches[strings.TrimPrefix(r.URL.Query().Get("at"), "refs/heads/")] == "" || !repo.has(r.PathValue("path")) {
			none(w, r, "Path")
			return
		}
		s.write(w, r, http.StatusOK, object{"type": "FILE"})
	})
}

// azure is Azure DevOps, for listing. An owner is organisation/project.
func (s *Server) azure(mux *http.ServeMux) {
	find := func(r *http.Request) *Repo {
		owner := r.PathValue("org") + "/" + r.PathValue("project")
		for _, repo := range s.repos {
			if repo.Owner == owner && (repo.Name == r.PathValue("repo") || uuid(repo.ID) == r.PathValue("repo")) {
				return repo
			}
		}
		return nil
	}
	none := func(w http.ResponseWriter, r *http.Request, what string) {
		s.write(w, r, http.StatusNotFound, object{"$id": "1", "message": "TF401019: it does not exist", "typeKey": what})
	}
	values := func(w http.ResponseWriter, r *http.Request, all list) {
		s.write(w, r, http.StatusOK, object{"value": append(list{}, all...), "count": len(all)})
	}
	at := func(path string, f func(w http.ResponseWriter, r *http.Request, repo *Repo)) {
		mux.HandleFunc("GET /{org}/{project}/_apis/git/repositories/{repo}"+path, func(w http.ResponseWriter, r *http.Request) {
			repo := find(r)
			if repo == nil {
				none(w, r, "GitRepositoryNotFoundException")
				return
			}
			f(w, r, repo)
		})
	}
	branch := func(repo *Repo, name string) object {
		return object{"name": name, "commit": object{"commitId": repo.Branches[name]}, "isBaseVersion": true}
	}
	mux.HandleFunc("GET /{org}/{project}/_apis/git/repositories", func(w http.ResponseWriter, r *http.Request) {
		all := list{}
		for _, repo := range s.repos {
			if repo.Owner != r.PathValue("org")+"/"+r.PathValue("project") {
				continue
			}
			one := object{"id": uuid(repo.ID), "name": repo.Name, "remoteUrl": repo.Page(), "project": object{"name": r.PathValue("project")}}
			if len(repo.Branches) > 0 {
				one["defaultBranch"] = "refs/heads/" + repo.Default
			}
			all = append(all, one)
		}
		values(w, r, all)
	})
	at("/pullrequests", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		all := list{}
		for _, p := range repo.open() {
			labels := list{}
			for _, l := range p.Labels {
				labels = append(labels, object{"name": l, "active": true})
			}
			all = append(all, object{"pullRequestId": p.Number, "title": p.Title, "status": "active", "sourceRefName": "refs/heads/" + p.Branch, "targetRefName": "refs/heads/" + p.Into,
				"lastMergeSourceCommit": object{"commitId": p.Head}, "labels": labels, "createdBy": object{"uniqueName": p.Author + "@example.com"}, "repository": object{"name": repo.Name}})
		}
		skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
		top := query(r, "$top", 101, s.most)
		end := min(len(all), skip+top)
		values(w, r, all[min(skip, end):end])
	})
	at("/stats/branches", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		name := r.URL.Query().Get("name")
		if name == "" {
			all := list{}
			for _, b := range repo.branches() {
				all = append(all, branch(repo, b))
			}
			values(w, r, all)
			return
		}
		if repo.Branches[name] == "" {
			none(w, r, "GitUnresolvableToCommitException")
			return
		}
		s.write(w, r, http.StatusOK, branch(repo, name))
	})
	at("/items", func(w http.ResponseWriter, r *http.Request, repo *Repo) {
		if !repo.has(strings.TrimPrefix(r.URL.Query().Get("path"), "/")) {
			none(w, r, "GitItemNotFoundException")
			return
		}
		s.write(w, r, http.StatusOK, object{"path": r.URL.Query().Get("path"), "gitObjectType": "blob"})
	})
}

func uuid(id int64) string {
	return "00000000-0000-4000-8000-" + ("000000000000" + itoa(int(id)))[len(itoa(int(id))):]
}
