// Package gittest gives tests real Git repositories behind a real HTTP server on 127.0.0.1.
//
// The idea: a test writes its repository as a txtar archive or a map of files, and pushes, force-pushes, tags and
// deletes on the server's side as other people would. Commits are made by git fast-import, so that a thousand files
// cost milliseconds. Start with New, then Server.Repo. The package refuses to be used outside of tests and holds no
// imitation of Git.
package gittest

import (
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hawser-cd/hawser/internal/git"
)

// Server serves repositories over http; it ends with the test.
type Server struct {
	URL  string // http://127.0.0.1:port
	Root string // where the bare repositories are

	http *httptest.Server
	mu   sync.Mutex
	auth string // user:password, "" for anyone
	seen Requests
	down bool
	push func(repo string)
	wrap func(http.Handler) http.Handler
}

// Requests counts what clients have asked for.
type Requests struct {
	Lists   int // contacts: info/refs for a fetch
	Fetches int // requests for objects; one fetch may need more than one
	Denied  int // answered 401
}

// New starts a server.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{Root: t.TempDir()}
	s.http = httptest.NewServer(s.handler())
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// NewTLS starts a server with a self-signed certificate and returns that certificate in PEM form.
func NewTLS(t testing.TB) (s *Server, ca []byte) {
	t.Helper()
	s = &Server{Root: t.TempDir()}
	s.http = httptest.NewTLSServer(s.handler())
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// RequireAuth makes the server answer 401 without these basic credentials.
func (s *Server) RequireAuth(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = user + ":" + password
}

// Down makes the server answer 503 until Down(false).
func (s *Server) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// AfterPush calls f with the repository's name after each push over http.
func (s *Server) AfterPush(f func(repo string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push = f
}

// Wrap puts a handler of the test before the server, for faults and redirects.
func (s *Server) Wrap(f func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap = f
}

// Requests returns what clients have asked for so far.
func (s *Server) Requests() Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *Server) handler() http.Handler {
	serve := git.Serve(s.Root, git.ServeOptions{AfterPush: func(repo string) {
		s.mu.Lock()
		f := s.push
		s.mu.Unlock()
		if f != nil {
			f(repo)
		}
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		auth, down, wrap := s.auth, s.down, s.wrap
		user, password, _ := r.BasicAuth()
		denied := auth != "" && user+":"+password != auth
		switch {
		case denied:
			s.seen.Denied++
		case strings.HasSuffix(r.URL.Path, "/info/refs") && r.URL.Query().Get("service") == "git-upload-pack":
			s.seen.Lists++
		case strings.HasSuffix(r.URL.Path, "/git-upload-pack") && wantsObjects(r):
			s.seen.Fetches++
		}
		s.mu.Unlock()
		next := http.Handler(serve)
		if wrap != nil {
			next = wrap(next)
		}
		switch {
		case down:
			http.Error(w, "down", http.StatusServiceUnavailable)
		case denied:
			w.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// wantsObjects reads the request's body, restores it, and reports whether it asks for objects rather than refs.
func wantsObjects(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, _ = io.ReadAll(z)
		}
	}
	return !bytes.Contains(body, []byte("command=ls-refs"))
}

// Repo is one repository on the server. Its branch at the start is main.
type Repo struct {
	URL  string // as clients fetch it
	Dir  string // the bare repository
	Name string

	Author string // of the commits to come, "Ada <ada@example.com>"; empty: Test Person

	branch string
	clock  time.Time // of the next commit: one second after the last, so that dates order
}

// Repo makes a repository with these files as its first commit; no files make an empty repository. The name may hold
// slashes.
func (s *Server) Repo(t testing.TB, name string, files map[string]string) *Repo {
	t.Helper()
	r := &Repo{URL: s.URL + "/" + name + ".git", Dir: filepath.Join(s.Root, name+".git"), Name: name, branch: "main"}
	r.clock = time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git(t, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
	if len(files) > 0 {
		r.Commit(t, files, "Start")
	}
	return r
}

// Archive makes a repository from a txtar archive; the archive's comment is the commit message.
func (s *Server) Archive(t testing.TB, name, archive string) *Repo {
	t.Helper()
	a := txtar.Parse([]byte(archive))
	r := s.Repo(t, name, nil)
	message := strings.TrimSpace(string(a.Comment))
	if message == "" {
		message = "Start"
	}
	r.Commit(t, Files(archive), message)
	return r
}

// Files returns the files of a txtar archive.
func Files(archive string) map[string]string {
	files := map[string]string{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// The prefixes of a content that make a file something else than a plain file.
const (
	Link       = "symlink:"    // symlink: Link + target
	Executable = "executable:" // executable file: Executable + content
	Submodule  = "submodule:"  // gitlink: Submodule + commit id
)

// Branch makes later commits go to that branch, which starts at the present one when it does not exist.
func (r *Repo) Branch(t testing.TB, name string) {
	t.Helper()
	if !r.exists(name) && r.exists(r.branch) {
		r.Git(t, "branch", "--no-track", name, r.branch)
	}
	r.branch = name
}

func (r *Repo) exists(branch string) bool {
	cmd := exec.Command("git", "--git-dir="+r.Dir, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch)
	cmd.Env = environment(r.clock)
	return cmd.Run() == nil
}

// Commit changes these files on the present branch and returns the new commit's id; "" as content deletes the path (a
// file or a folder).
func (r *Repo) Commit(t testing.TB, files map[string]string, message string) string {
	t.Helper()
	parent := ""
	if r.exists(r.branch) {
		parent = r.Head(t)
	}
	return r.write(t, files, message, parent, false)
}

// Replace makes these files all that is on the present branch, in one commit on top of it.
func (r *Repo) Replace(t testing.TB, files map[string]string, message string) string {
	t.Helper()
	return r.write(t, files, message, r.Head(t), true)
}

// ForcePush replaces the present branch by an entirely new history of one commit with these files.
func (r *Repo) ForcePush(t testing.TB, files map[string]string, message string) string {
	t.Helper()
	return r.write(t, files, message, "", true)
}

// write makes one commit by way of git fast-import.
func (r *Repo) write(t testing.TB, files map[string]string, message, parent string, clear bool) string {
	t.Helper()
	r.clock = r.clock.Add(time.Second)
	var b bytes.Buffer
	ref := "refs/heads/" + r.branch
	if parent == "" {
		fmt.Fprintf(&b, "reset %s\n", ref) // without from: the commit below has no parent
	}
	fmt.Fprintf(&b, "commit %s\n", ref)
	if r.Author != "" {
		fmt.Fprintf(&b, "author %s %d +0100\n", r.Author, r.clock.Unix())
	}
	fmt.Fprintf(&b, "committer Test Person <test@example.com> %d +0100\n", r.clock.Unix())
	fmt.Fprintf(&b, "data %d\n%s\n", len(message), message)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	if clear {
		b.WriteString("deleteall\n")
	}
	names := make([]string, 0, len(files))
	for p := range files {
		names = append(names, p)
	}
	slices.Sort(names)
	for _, p := range names {
		writeFile(&b, p, files[p])
	}
	cmd := exec.Command("git", "--git-dir="+r.Dir, "fast-import", "--quiet", "--force", "--date-format=raw")
	cmd.Env = environment(r.clock)
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	return r.Head(t)
}

func writeFile(b *bytes.Buffer, p, content string) {
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(p) + `"`
	mode := "100644"
	if c, ok := strings.CutPrefix(content, Link); ok {
		mode, content = "120000", c
	} else if c, ok := strings.CutPrefix(content, Executable); ok {
		mode, content = "100755", c
	} else if c, ok := strings.CutPrefix(content, Submodule); ok {
		fmt.Fprintf(b, "M 160000 %s %s\n", c, quoted)
		return
	} else if content == "" {
		fmt.Fprintf(b, "D %s\n", quoted)
		return
	}
	fmt.Fprintf(b, "M %s inline %s\ndata %d\n%s\n", mode, quoted, len(content), content)
}

// Revert makes a commit that takes back the last one, as git revert does, and returns its id.
func (r *Repo) Revert(t testing.TB) string {
	t.Helper()
	last := r.Head(t)
	subject := r.Git(t, "show", "-s", "--format=%s", last)
	r.clock = r.clock.Add(time.Second)
	id := r.Git(t, "commit-tree", last+"~1^{tree}", "-p", last, "-m", fmt.Sprintf("Revert %q\n\nThis reverts commit %s.", subject, last))
	r.Git(t, "update-ref", "refs/heads/"+r.branch, id)
	return id
}

// Reset makes the present branch point at a commit, forwards or backwards.
func (r *Repo) Reset(t testing.TB, commit string) {
	t.Helper()
	r.Git(t, "update-ref", "refs/heads/"+r.branch, commit)
}

// Tag makes a lightweight tag, or moves it.
func (r *Repo) Tag(t testing.TB, name, commit string) {
	t.Helper()
	r.Git(t, "tag", "--force", name, commit)
}

// AnnotatedTag makes an annotated tag, or moves it.
func (r *Repo) AnnotatedTag(t testing.TB, name, commit, message string) {
	t.Helper()
	r.Git(t, "tag", "--force", "--annotate", "-m", message, name, commit)
}

// Delete deletes a branch.
func (r *Repo) Delete(t testing.TB, branch string) {
	t.Helper()
	r.Git(t, "update-ref", "-d", "refs/heads/"+branch)
}

// Head returns the commit of the present branch.
func (r *Repo) Head(t testing.TB) string {
	t.Helper()
	return r.Git(t, "rev-parse", "--verify", "refs/heads/"+r.branch)
}

// Git runs git on the bare repository and returns what it prints.
func (r *Repo) Git(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"--git-dir=" + r.Dir}, args...)...)
	cmd.Env = environment(r.clock)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// environment makes git independent of whoever runs the test.
func environment(now time.Time) []string {
	date := fmt.Sprintf("%d +0100", now.Unix())
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Test Person", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=Test Person", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE=" + date,
		"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_0=core.fsync", "GIT_CONFIG_VALUE_0=none",
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*", "GIT_CONFIG_KEY_2=gc.auto", "GIT_CONFIG_VALUE_2=0",
	}
}
