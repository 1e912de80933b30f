package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/platform"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/problem"
)

// gitServer serves the sample platform and does after a push what a Git provider does: it delivers a webhook.
type gitServer struct {
	url  string // of the repository, to clone and push
	base string // the server's address, which stands in for platform.Prefix
	bare string // the repository's folder

	lines *lines
	http  *http.Server

	mu   sync.Mutex
	hook string // where to deliver; "" while nobody listens
	last push
}

// push is what the server took last.
type push struct {
	before, after string    // commits of the branch
	at            time.Time // when the server had it, before anybody was told
}

// startGit serves the repositories below dir, on the port of the last run if it is free.
func startGit(ctx context.Context, dir string, l *lines) (*gitServer, error) {
	g := &gitServer{bare: filepath.Join(dir, platform.Name+".git"), lines: l}
	if err := createRepository(ctx, g.bare, platform.Files()); err != nil {
		return nil, problem.Because(problem.Unavailable, err, "create the sample repository %s", g.bare)
	}
	head, err := runGit(ctx, g.bare, "rev-parse", platform.Branch)
	if err != nil {
		return nil, err
	}
	g.last.after = head
	listener, err := listenAgain(ctx, filepath.Join(dir, "port"))
	if err != nil {
		return nil, problem.Because(problem.Unavailable, err, "listen for the Git server")
	}
	g.base = "http://" + listener.Addr().String() + "/"
	g.url = g.base + platform.Name + ".git"
	g.http = &http.Server{
		Handler:           git.Serve(dir, git.ServeOptions{AfterPush: func(string) { g.pushed(ctx) }}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { _ = g.http.Serve(listener) }()
	return g, nil
}

func (g *gitServer) stop() { _ = g.http.Close() }

// deliverTo names the webhook's address; "" delivers nothing.
func (g *gitServer) deliverTo(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hook = address
}

func (g *gitServer) lastPush() push {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// listenAgain opens the port noted in file, or any, and notes it: a clone made in the last run goes on working.
func listenAgain(ctx context.Context, file string) (net.Listener, error) {
	var config net.ListenConfig
	if noted, err := os.ReadFile(file); err == nil {
		if l, err := config.Listen(ctx, "tcp", "127.0.0.1:"+strings.TrimSpace(string(noted))); err == nil {
			return l, nil
		}
	}
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return l, writeWhole(file, port+"\n")
}

// createRepository makes a bare repository with these files as its first commit, unless it exists.
func createRepository(ctx context.Context, bare string, files map[string]string) error {
	if exists(bare) {
		return nil
	}
	making := bare + ".new" // renamed when complete: a demo that was stopped halfway starts afresh
	if err := os.RemoveAll(making); err != nil {
		return err
	}
	if err := os.MkdirAll(making, 0o755); err != nil {
		return err
	}
	if _, err := runGit(ctx, making, "init", "--quiet", "--bare", "--template=", "--initial-branch="+platform.Branch); err != nil {
		return err
	}
	var in bytes.Buffer
	message := "Put the whole platform into one repository"
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter %s <%s> %d +0000\ndata %d\n%s\n", platform.Branch, authorName, authorMail, time.Now().Unix(), len(message), message)
	for _, path := range sortedNames(files) {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(files[path]), files[path])
	}
	cmd := gitCommand(ctx, making, "fast-import", "--quiet", "--date-format=raw")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		return problem.New(problem.Unavailable, "git fast-import: %v: %s", err, strings.TrimSpace(string(out)))
	}
	return os.Rename(making, bare)
}

// pushed is called before the client sees the end of its push.
func (g *gitServer) pushed(ctx context.Context) {
	at := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	after, err := runGit(ctx, g.bare, "rev-parse", platform.Branch)
	if err != nil || after == g.last.after {
		return // another branch, or nothing
	}
	g.last = push{before: g.last.after, after: after, at: at}
	delivery := g.delivery(ctx)
	subject := "the branch moved"
	if n := len(delivery.Commits); n > 0 {
		subject, _, _ = strings.Cut(delivery.Commits[n-1].Message, "\n")
	}
	g.lines.event(at, "git", "push", fmt.Sprintf("%s on %s: %s", after[:7], platform.Branch, subject))
	if g.hook == "" {
		return
	}
	if err := deliver(ctx, g.hook, delivery); err != nil {
		g.lines.event(time.Now(), "git", "webhook", err.Error())
	}
}

// pushDelivery is the part of GitHub's push event that receivers read.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
type pushDelivery struct {
	Ref        string           `json:"ref"`
	Before     string           `json:"before"`
	After      string           `json:"after"`
	Repository pushedRepository `json:"repository"`
	Commits    []pushedCommit   `json:"commits"`
}

type pushedRepository struct {
	Name     string `json:"name"`
	CloneURL string `json:"clone_url"`
	HTMLURL  string `json:"html_url"`
}

type pushedCommit struct {
	ID       string   `json:"id"`
	Message  string   `json:"message"`
	Added    []string `json:"added"`
	Modified []string `json:"modified"`
	Removed  []string `json:"removed"`
}

// delivery describes the last push by the public address: a provider knows nothing of mirrors. g.mu is held.
func (g *gitServer) delivery(ctx context.Context) pushDelivery {
	d := pushDelivery{
		Ref: "refs/heads/" + platform.Branch, Before: g.last.before, After: g.last.after,
		Repository: pushedRepository{Name: platform.Name, CloneURL: platform.URL, HTMLURL: strings.TrimSuffix(platform.URL, ".git")},
	}
	log, err := runGit(ctx, g.bare, "log", "--reverse", "--max-count=20", "--no-renames", "--name-status", "--format=%x01%H%x02%B%x02", d.Before+".."+d.After)
	if err != nil { // a rewritten history: the hint goes out without its details
		return d
	}
	for _, part := range strings.Split(log, "\x01")[1:] {
		fields := strings.SplitN(part, "\x02", 3)
		c := pushedCommit{ID: fields[0], Message: strings.TrimSpace(fields[1])}
		for _, line := range strings.Split(fields[2], "\n") {
			status, path, _ := strings.Cut(line, "\t")
			switch status {
			case "A":
				c.Added = append(c.Added, path)
			case "D":
				c.Removed = append(c.Removed, path)
			case "M", "T":
				c.Modified = append(c.Modified, path)
			}
		}
		d.Commits = append(d.Commits, c)
	}
	return d
}

func deliver(ctx context.Context, address string, d pushDelivery) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-GitHub-Delivery", d.After)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return problem.New(problem.Unavailable, "the webhook was answered %s: %s", answer.Status, strings.TrimSpace(string(said)))
	}
	return nil
}

// Who commits in the demo.
const (
	authorName = "Mara Visser"
	authorMail = "mara@harbour.example"
)

// gitCommand is git in dir, with nobody's configuration but ours.
func gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") }),
		"LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=true",
		"GIT_AUTHOR_NAME="+authorName, "GIT_AUTHOR_EMAIL="+authorMail, "GIT_COMMITTER_NAME="+authorName, "GIT_COMMITTER_EMAIL="+authorMail,
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0", "GIT_CONFIG_KEY_1=http.proxy", "GIT_CONFIG_VALUE_1=")
	return cmd
}

// runGit returns what git prints.
func runGit(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := gitCommand(ctx, dir, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", problem.New(problem.Unavailable, "git %s: %v: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String())).
			WithHint("in %s", dir)
	}
	return strings.TrimSpace(string(out)), nil
}

// listenOn opens the wanted port of 127.0.0.1. 0 means 8080 if that is free, else any; anyPort means any.
func listenOn(ctx context.Context, wanted int) (net.Listener, error) {
	address := map[int]string{anyPort: "127.0.0.1:0", 0: "127.0.0.1:8080"}[wanted]
	if address == "" {
		address = "127.0.0.1:" + strconv.Itoa(wanted)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil && wanted == 0 {
		return config.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "listen on %s", address).WithHint("choose another --port, or leave it out for a free one")
	}
	return l, nil
}

const anyPort = -1

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
