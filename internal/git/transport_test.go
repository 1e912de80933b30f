package git_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/problem"
)

const canary = "s3cr3t-canary/+%"

func TestCredentialsOverHTTP(t *testing.T) {
	s := gittest.New(t)
	s.RequireAuth("robot", canary)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	var logged strings.Builder
	args := filepath.Join(t.TempDir(), "args")
	m := mirrors(t, func(o *git.Options) {
		o.Git = recorder(t, args)
		o.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Observe = func(op, repo string, _ time.Duration, err error) { fmt.Fprintln(&logged, op, repo, err) }
	})
	good := git.Repository{URL: repo.URL, Username: "robot", Password: canary}
	refresh(t, m, good)
	c := commit(t, m, good, "main")
	if err := m.Check(context.Background(), good); err != nil {
		t.Error(err)
	}
	inURL := git.Repository{URL: strings.Replace(repo.URL, "://", "://robot:"+url.QueryEscape(canary)+"@", 1)}
	refresh(t, m, inURL)
	if got := files(t, m, inURL, "main"); got["f"] != "1" {
		t.Error(got)
	}

	for _, bad := range []git.Repository{{URL: repo.URL}, {URL: repo.URL, Username: "robot", Password: "wrong-" + canary}, {URL: repo.URL, BearerToken: canary}} {
		_, err := m.Refresh(context.Background(), bad, time.Now())
		wantKind(t, err, problem.Unauthenticated, "repository Secret", repo.URL)
		_, treeErr := m.Tree(context.Background(), bad, c)
		wantKind(t, treeErr, problem.Unauthenticated)
		_, commitErr := m.Commit(context.Background(), bad, c)
		wantKind(t, commitErr, problem.Unauthenticated)
		for _, e := range []error{err, treeErr, commitErr, m.Check(context.Background(), bad)} {
			if e == nil || strings.Contains(e.Error(), canary) {
				t.Errorf("error: %v", e)
			}
		}
	}
	_, err := m.Refresh(context.Background(), git.Repository{URL: repo.URL, Password: "line\n"}, time.Now())
	wantKind(t, err, problem.Invalid, "line break")

	recorded, err := os.ReadFile(args)
	if err != nil || !strings.Contains(string(recorded), "fetch") {
		t.Fatal("nothing recorded", err)
	}
	for name, text := range map[string]string{"arguments": string(recorded), "log": logged.String()} {
		if strings.Contains(text, canary) || strings.Contains(text, url.QueryEscape(canary)) || strings.Contains(text, "robot") {
			t.Errorf("the %s hold credentials:\n%s", name, text)
		}
	}
}

// recorder returns a git command that writes its arguments to a file before it becomes the real git.
func recorder(t *testing.T, to string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(p, []byte("#!/bin/sh\nprintf '%s\\n' \"$*\" >>'"+to+"'\nexec git \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBearerTokenIsSent(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	var other atomic.Int32
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+canary {
				other.Add(1)
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	m := mirrors(t)
	refresh(t, m, git.Repository{URL: repo.URL, BearerToken: canary})
	if other.Load() != 0 {
		t.Error("a request went out without the token")
	}
	_, err := m.Refresh(context.Background(), git.Repository{URL: repo.URL, BearerToken: "x"}, time.Now())
	wantKind(t, err, problem.Forbidden)
}

func TestSecretsAreShownByNothing(t *testing.T) {
	r := git.Repository{URL: "https://user:" + canary + "@host/x", Username: "u", Password: canary, BearerToken: canary, SSHPrivateKey: canary, TLSClientKey: canary}
	j, err := json.Marshal(r.Password)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "repo", r, "password", r.Password)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q %x %d %T", r, r, r, r.Password, r.Password, r.Password, r.Password, r.Password), fmt.Sprint(&r), fmt.Sprint([]any{r.Password}), string(j), log.String()} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("shown: %s", text)
		}
	}
	if r.Password.Reveal() != canary {
		t.Error("Reveal")
	}
}

func TestTLS(t *testing.T) {
	s, ca := gittest.NewTLS(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	m := mirrors(t)
	_, err := m.Refresh(context.Background(), at(repo), time.Now())
	wantKind(t, err, problem.Unavailable, "certificate", "argocd-tls-certs-cm")
	refresh(t, m, git.Repository{URL: repo.URL, CA: ca})
	repo.Commit(t, map[string]string{"f": "2"}, "Second")
	refresh(t, m, git.Repository{URL: repo.URL, Insecure: true})
	_, err = m.Refresh(context.Background(), git.Repository{URL: repo.URL, CA: []byte("no PEM")}, time.Now())
	wantKind(t, err, problem.Invalid, "PEM")
	_, err = m.Refresh(context.Background(), git.Repository{URL: repo.URL, TLSClientCert: "x", TLSClientKey: "y"}, time.Now())
	wantKind(t, err, problem.Invalid, "client certificate")
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	s := gittest.New(t)
	s.RequireAuth("u", canary)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	var leaked atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leaked.Add(1) }))
	t.Cleanup(evil.Close)
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/old/"): // a renamed repository
				http.Redirect(w, r, "/a.git/"+strings.TrimPrefix(r.URL.Path, "/old/")+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
			case strings.HasPrefix(r.URL.Path, "/evil/"):
				http.Redirect(w, r, evil.URL+r.URL.Path+"?"+r.URL.RawQuery, http.StatusFound)
			case strings.HasPrefix(r.URL.Path, "/late/") && strings.Contains(r.UserAgent(), "hawser"): // lures only the git process
				r.URL.Path = "/a.git/" + strings.TrimPrefix(r.URL.Path, "/late/")
				next.ServeHTTP(w, r)
			case strings.HasPrefix(r.URL.Path, "/late/"):
				http.Redirect(w, r, evil.URL+r.URL.Path+"?"+r.URL.RawQuery, http.StatusFound)
			case strings.HasPrefix(r.URL.Path, "/login/"):
				http.Redirect(w, r, "/sign_in", http.StatusFound)
			case strings.HasPrefix(r.URL.Path, "/page/"):
				fmt.Fprintln(w, "<html>")
			case strings.HasPrefix(r.URL.Path, "/loop/"):
				http.Redirect(w, r, r.URL.String(), http.StatusFound)
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
	m := mirrors(t)
	as := func(path string) git.Repository {
		return git.Repository{URL: s.URL + path, Username: "u", Password: canary}
	}
	refresh(t, m, as("/old"))
	if got := files(t, m, as("/old"), "main"); got["f"] != "1" {
		t.Error(got)
	}
	for path, c := range map[string]struct {
		kind  problem.Kind
		words string
	}{"/evil": {problem.Forbidden, "redirects to http://127.0.0.1"}, "/late": {problem.Unavailable, "redirects to another address"}, "/login": {problem.Unavailable, "login page"}, "/page": {problem.Unavailable, "text/html"}, "/loop": {problem.Unavailable, "3 redirects"}} {
		_, err := m.Refresh(context.Background(), as(path), time.Now())
		wantKind(t, err, c.kind, c.words)
	}
	if leaked.Load() != 0 {
		t.Error("a redirect to another host was followed")
	}
	_ = repo
}

func TestProxy(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	var through atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "git.invalid" || r.Header.Get("Proxy-Authorization") == "" {
			w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		through.Add(1)
		u, _ := url.Parse(s.URL)
		httputil.NewSingleHostReverseProxy(u).ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	m := mirrors(t)
	withUser := strings.Replace(proxy.URL, "://", "://user:"+"proxy-password"+"@", 1)
	r := git.Repository{URL: "http://git.invalid/a.git", Proxy: withUser, NoProxy: "127.0.0.1"}
	refresh(t, m, r)
	if got := files(t, m, r, "main"); got["f"] != "1" || through.Load() < 3 {
		t.Errorf("%v, %d requests through the proxy", got, through.Load())
	}
	direct := git.Repository{URL: repo.URL, Proxy: withUser, NoProxy: "localhost,127.0.0.1"}
	before := through.Load()
	refresh(t, m, direct)
	if through.Load() != before {
		t.Error("noProxy is not honoured")
	}
	r.Proxy = strings.Replace(withUser, "127.0.0.1", "127.0.0.1.invalid", 1)
	_, err := m.Refresh(context.Background(), r, time.Now())
	wantKind(t, err, problem.Unavailable)
	if strings.Contains(err.Error(), "proxy-password") {
		t.Error(err)
	}
}

func TestOldServersAreUnderstood(t *testing.T) {
	s := gittest.New(t)
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Git-Protocol")
			next.ServeHTTP(w, r)
		})
	})
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	repo.AnnotatedTag(t, "v1", repo.Head(t), "one")
	m := mirrors(t)
	refs := refresh(t, m, at(repo))
	if branch, c := refs.Head(); branch != "main" || c != repo.Head(t) {
		t.Error(branch, c)
	}
	if c, _ := refs.Tag("v1"); c != repo.Head(t) {
		t.Error("annotated tag is not peeled:", c)
	}
	empty := s.Repo(t, "empty", nil)
	refresh(t, m, at(empty))
}

func TestFileRepositories(t *testing.T) {
	repo := gittest.New(t).Repo(t, "a", map[string]string{"f": "1"})
	r := git.Repository{URL: "file://" + repo.Dir}
	_, err := mirrors(t).Refresh(context.Background(), r, time.Now())
	wantKind(t, err, problem.Forbidden, "--allow-file-repositories")
	m := mirrors(t, func(o *git.Options) { o.AllowFile = true })
	refresh(t, m, r)
	repo.Commit(t, map[string]string{"f": "2"}, "Second")
	refs := refresh(t, m, r)
	if branch, _ := refs.Head(); branch != "main" {
		t.Error(branch)
	}
	if got := files(t, m, r, "HEAD"); got["f"] != "2" {
		t.Error(got)
	}
	_, err = m.Refresh(context.Background(), git.Repository{URL: "file:///nonexistent/x"}, time.Now())
	wantKind(t, err, problem.NotFound)
}

func TestRefusedURLsReachNoGit(t *testing.T) {
	args := filepath.Join(t.TempDir(), "args")
	m := mirrors(t, func(o *git.Options) { o.Git = recorder(t, args) })
	os.Remove(args) // what New ran
	for _, u := range []string{"ext::sh -c id", "--upload-pack=id", "/etc", "git://host/x", "ssh://-oProxyCommand=id/x"} {
		r := git.Repository{URL: u}
		_, err := m.Refresh(context.Background(), r, time.Now())
		wantKind(t, err, problem.Invalid)
		_, err = m.Commit(context.Background(), r, "main")
		wantKind(t, err, problem.Invalid)
		wantKind(t, m.Check(context.Background(), r), problem.Invalid)
		if _, ok := m.Known(u); ok {
			t.Error("known", u)
		}
	}
	if ran, err := os.ReadFile(args); err == nil {
		t.Errorf("git was run: %s", ran)
	}
}

func TestNoConfigurationOfTheUserIsRead(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	home := t.TempDir()
	ran := filepath.Join(home, "ran")
	text := fmt.Sprintf("[url %q]\n\tinsteadOf = %s\n[core]\n\tfsmonitor = \"touch %s\"\n\tsshCommand = touch %s\n[alias]\n\tfetch = !touch %s\n", "http://127.0.0.1:1/", s.URL+"/", ran, ran, ran)
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "http.proxy")
	t.Setenv("GIT_CONFIG_VALUE_0", "http://127.0.0.1:1")
	t.Setenv("GIT_DIR", "/nonexistent")
	m := mirrors(t)
	refresh(t, m, at(repo))
	if _, err := os.Stat(ran); err == nil {
		t.Error("a command of the user's configuration ran")
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // accepts and says nothing
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	r := git.Repository{URL: "http://" + l.Addr().String() + "/x"}
	m := mirrors(t, func(o *git.Options) { o.Timeout = 20 * time.Millisecond }) // times ten: a first clone
	_, err = m.Refresh(context.Background(), r, time.Now())
	wantKind(t, err, problem.Unavailable, "in time")

	m = mirrors(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = m.Refresh(ctx, r, time.Now())
	wantKind(t, err, problem.Unavailable, "gave up waiting")

	// The same within a fetch, where a git process hangs: it must end with us.
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	stuck := make(chan struct{})
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.UserAgent(), "git/2.0 (hawser)") {
				next.ServeHTTP(w, r)
				return
			}
			select {
			case <-stuck:
			case <-r.Context().Done():
			}
		})
	})
	defer close(stuck)
	m = mirrors(t, func(o *git.Options) { o.Timeout = 200 * time.Millisecond })
	_, err = m.Refresh(context.Background(), at(repo), time.Now())
	wantKind(t, err, problem.Unavailable)
	if !strings.Contains(err.Error(), "took too long") && !strings.Contains(err.Error(), "in time") {
		t.Error(err)
	}
	began := time.Now()
	if err := m.Close(); err != nil || time.Since(began) > 20*time.Second {
		t.Errorf("close took %v, %v", time.Since(began), err)
	}
}

// sshServer runs git upload-pack for whoever holds the key, as a host does; it returns its address.
func sshServer(t *testing.T, root string, hostKey ssh.Signer, user ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) == string(user.Marshal()) {
			return nil, nil
		}
		return nil, fmt.Errorf("unknown key")
	}}
	config.AddHostKey(hostKey)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(c, config, root)
		}
	}()
	return l.Addr().String()
}

func serveSSH(c net.Conn, config *ssh.ServerConfig, root string) {
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for n := range channels {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.UnknownChannelType, "")
			continue
		}
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		go func() {
			var env []string
			for req := range reqs {
				switch req.Type {
				case "env":
					var kv struct{ Name, Value string }
					_ = ssh.Unmarshal(req.Payload, &kv)
					env = append(env, kv.Name+"="+kv.Value)
					_ = req.Reply(true, nil)
				case "exec":
					var run struct{ Command string }
					_ = ssh.Unmarshal(req.Payload, &run)
					path, ok := strings.CutPrefix(run.Command, "git-upload-pack '")
					_ = req.Reply(ok, nil)
					status := runUploadPack(ch, env, filepath.Join(root, filepath.Clean("/"+strings.TrimSuffix(path, "'"))))
					_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
					ch.Close()
				default:
					_ = req.Reply(false, nil)
				}
			}
		}()
	}
}

func runUploadPack(ch ssh.Channel, env []string, dir string) uint32 {
	cmd := exec.Command("git", "upload-pack", dir)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(in, ch)
		in.Close()
	}()
	if cmd.Wait() != nil {
		return 128
	}
	return 0
}

func TestSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no ssh here: apt-get install openssh-client")
	}
	repo := gittest.New(t).Repo(t, "org/a", map[string]string{"f": "1"})
	key := func() (pub ssh.PublicKey, signer ssh.Signer, text git.Secret) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signer, err = ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		return signer.PublicKey(), signer, git.Secret(strings.TrimSpace(string(pem.EncodeToMemory(block))))
	}
	hostPub, hostKey, _ := key()
	userPub, _, userKey := key()
	_, _, otherKey := key()
	addr := sshServer(t, filepath.Dir(filepath.Dir(repo.Dir)), hostKey, userPub)
	h, port, _ := net.SplitHostPort(addr)
	known := fmt.Appendf(nil, "[%s]:%s %s", h, port, ssh.MarshalAuthorizedKey(hostPub))
	otherHost, _, _ := key()
	dir := filepath.Join(t.TempDir(), "with space and 'quote'")
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	as := func(change func(*git.Repository)) git.Repository {
		r := git.Repository{URL: "ssh://git@" + addr + "/org/a.git", SSHPrivateKey: userKey, KnownHosts: known}
		change(&r)
		return r
	}
	good := as(func(*git.Repository) {})
	if err := m.Check(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	refs := refresh(t, m, good)
	if branch, _ := refs.Head(); branch != "main" {
		t.Error(branch)
	}
	repo.Commit(t, map[string]string{"f": "2"}, "Second")
	refresh(t, m, good)
	if got := files(t, m, good, "main"); got["f"] != "2" {
		t.Error(got)
	}
	refresh(t, m, as(func(r *git.Repository) { r.KnownHosts, r.InsecureIgnoreHostKey = nil, true }))

	for name, c := range map[string]struct {
		repo  git.Repository
		kind  problem.Kind
		words string
	}{
		"unknown host": {as(func(r *git.Repository) { r.KnownHosts = nil }), problem.Unauthenticated, "known hosts"},
		"other host key": {as(func(r *git.Repository) {
			r.KnownHosts = fmt.Appendf(nil, "[%s]:%s %s", h, port, ssh.MarshalAuthorizedKey(otherHost))
		}), problem.Unauthenticated, "known hosts"},
		"other key":     {as(func(r *git.Repository) { r.SSHPrivateKey = otherKey }), problem.Unauthenticated, "repository Secret"},
		"no key":        {as(func(r *git.Repository) { r.SSHPrivateKey = "" }), problem.Unauthenticated, "repository Secret"},
		"no such path":  {as(func(r *git.Repository) { r.URL += "x" }), problem.NotFound, ""},
		"with a proxy":  {as(func(r *git.Repository) { r.Proxy = "http://proxy" }), problem.Invalid, "proxy"},
		"nobody there":  {as(func(r *git.Repository) { r.URL = "ssh://git@127.0.0.1:1/x" }), problem.Unavailable, "refused"},
		"malformed key": {as(func(r *git.Repository) { r.SSHPrivateKey = "no key" }), problem.Invalid, "no private key"},
	} {
		_, err := m.Refresh(context.Background(), c.repo, time.Now())
		if !problem.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v (%v), want %v with %q", name, err, problem.KindOf(err), c.kind, c.words)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp", "*")); len(left) > 0 {
		t.Errorf("keys left on disk: %v", left)
	}
}
