package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// Fault is what a forge does instead of answering. It may let the right answer be made by calling next.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Break makes the forge do that, until Heal.
func (s *Server) Break(f Fault) { s.locked(func() { s.fault = f }) }

// Heal ends what Break began.
func (s *Server) Heal() { s.Break(nil) }

// Answers is a status with the service's JSON around it.
func Answers(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status))
	}
}

// WebPage is 200 with HTML, as login pages and proxies have it.
func WebPage(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><title>Sign in</title>")
}

// EmptyList is a list with nothing in it, in all well-formedness.
func (s *Server) EmptyList(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	switch s.Kind {
	case "bitbucket":
		fmt.Fprint(w, `{"values":[],"size":0,"page":1,"pagelen":50}`)
	case "bitbucketServer":
		fmt.Fprint(w, `{"values":[],"size":0,"start":0,"limit":100,"isLastPage":true}`)
	case "azureDevOps":
		fmt.Fprint(w, `{"value":[],"count":0}`)
	default:
		fmt.Fprint(w, `[]`)
	}
}

// CutOff is half of the right answer, which ends as if it were whole.
func CutOff(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, status := right(w, r, next)
	w.WriteHeader(status)
	_, _ = w.Write(body[:len(body)/2])
}

// BrokenOff is half of the right answer, on a connection that ends.
func BrokenOff(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, status := right(w, r, next)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// FirstOnly is a list without its last element, in all well-formedness.
func FirstOnly(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, status := right(w, r, next)
	var all list
	if err := json.Unmarshal(body, &all); err != nil || len(all) == 0 {
		panic("no list to shorten")
	}
	body, _ = json.Marshal(all[:len(all)-1]) // it was JSON a moment ago
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// NoLinks is the right answer without the headers that lead to the next page.
func NoLinks(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, status := right(w, r, next)
	for _, h := range []string{"Link", "X-Next-Page", "X-Total", "X-Total-Pages", "X-Total-Count"} {
		w.Header().Del(h)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// right makes the right answer, new and not by its tag, and leaves its headers on w.
func right(w http.ResponseWriter, r *http.Request, next http.Handler) ([]byte, int) {
	r.Header.Del("If-None-Match")
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		if !strings.EqualFold(k, "ETag") {
			w.Header()[k] = v
		}
	}
	return rec.Body.Bytes(), rec.Code
}

// TooMany is 429, for so many seconds.
func TooMany(seconds int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		Answers(http.StatusTooManyRequests)(w, r, next)
	}
}

// SentTo redirects to another address.
func SentTo(address string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, address+r.URL.Path, http.StatusFound)
	}
}

// front counts, breaks and checks who asks, in this order.
func (s *Server) front(mux *http.ServeMux) http.Handler {
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case !s.signedIn(r):
			s.write(w, r, http.StatusUnauthorized, object{"message": "Bad credentials"})
		case s.left <= 0 && s.tags():
			s.limits(w, 0)
			status := http.StatusTooManyRequests
			if s.Kind == "github" {
				status = http.StatusForbidden
			}
			Answers(status)(w, r, nil)
		default:
			mux.ServeHTTP(w, r)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &counter{ResponseWriter: w, status: 200}
		var fault Fault
		s.locked(func() {
			fault = s.fault
			s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
		})
		defer s.locked(func() { s.requests[counted.status]++ })
		if fault != nil {
			fault(counted, r, served)
			return
		}
		served.ServeHTTP(counted, r)
	})
}

type counter struct {
	http.ResponseWriter
	status int
}

// Unwrap lets a fault flush.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// limits writes how many requests are left, after one that costs so much.
func (s *Server) limits(w http.ResponseWriter, cost int) {
	prefix := map[string]string{"github": "X-RateLimit-", "gitlab": "RateLimit-"}[s.Kind]
	if prefix == "" {
		return
	}
	s.left = max(0, s.left-cost)
	w.Header().Set(prefix+"Limit", "5000")
	w.Header().Set(prefix+"Remaining", strconv.Itoa(s.left))
	w.Header().Set(prefix+"Reset", strconv.FormatInt(time.Now().Add(10*time.Minute).Unix(), 10))
}

// signedIn checks the credential in the form that the service documents.
func (s *Server) signedIn(r *http.Request) bool {
	auth := r.Header.Get("Authorization")
	user, password, basic := r.BasicAuth()
	switch s.Kind {
	case "github":
		if s.app != nil {
			return s.app.admits(r)
		}
		return auth == "Bearer "+s.Token || auth == "token "+s.Token
	case "gitlab":
		return r.Header.Get("PRIVATE-TOKEN") == s.Token || auth == "Bearer "+s.Token
	case "gitea":
		return auth == "token "+s.Token
	case "azureDevOps":
		return basic && password == s.Token
	}
	return auth == "Bearer "+s.Token || basic && user == s.User && password == s.Token
}
