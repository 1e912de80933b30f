package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hawser-cd/hawser/internal/problem"
)

// headers makes a request's headers of "Name: value" lines; http.Header is what the server passes in.
func headers(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			h.Set(name, value)
		}
	}
	return h
}

// A file of testdata holds the headers, the body, and what a push must come out as (or the error's words).
func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			parts, err := sections(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(headers(parts["headers"]).Get, []byte(parts["body"]), Secrets{})
			if want, ok := parts["error"]; ok {
				if err == nil || !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
					t.Fatalf("error %v, want kind Invalid saying %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want Push
			if err := json.Unmarshal([]byte(parts["push"]), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("push (-want +got):\n%s", diff)
			}
		})
	}
}

func sections(file string) (map[string]string, error) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, f := range a.Files {
		out[f.Name] = string(f.Data)
	}
	return out, nil
}

func sign(h func() hash.Hash, secret, body string) string {
	mac := hmac.New(h, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

const (
	giteaBody  = `{"ref":"refs/heads/main","repository":{"clone_url":"https://git.example.org/a/b.git"}}`
	gitlabBody = `{"object_kind":"push","ref":"refs/heads/main","project":{"git_http_url":"https://git.example.org/a/b.git"}}`
	cloudBody  = `{"push":{"changes":[]},"repository":{"full_name":"a/b"}}`
	serverBody = `{"repository":{"links":{"clone":[{"href":"https://git.example.org/scm/a/b.git"}]}}}`
	azureBody  = `{"eventType":"git.push","resource":{"refUpdates":[{"name":"refs/heads/main"}],"repository":{"remoteUrl":"https://dev.azure.com/o/p/_git/r"}}}`
)

// The proof of each provider: accepted when right; a wrong, missing or weaker one is refused before the body is looked
// at, which each case shows by a body that is not even JSON.
func TestProofs(t *testing.T) {
	secrets := Secrets{
		GitHub: "hub", GitLab: "lab", Gogs: "gogs", BitbucketUUID: "{3f0c-11}", BitbucketServer: "server",
		AzureUsername: "azure", AzurePassword: "pa:ss",
	}
	type attempt struct {
		name string
		h    string
		ok   bool
	}
	for _, c := range []struct {
		provider, event, body string
		tries                 []attempt
	}{
		{"github", "X-GitHub-Event: push", giteaBody, []attempt{
			{"sha256", "X-Hub-Signature-256: sha256=" + sign(sha256.New, "hub", giteaBody), true},
			{"legacy sha1", "X-Hub-Signature: sha1=" + sign(sha1.New, "hub", giteaBody), true},
			{"wrong secret", "X-Hub-Signature-256: sha256=" + sign(sha256.New, "hubb", giteaBody), false},
			{"another body", "X-Hub-Signature-256: sha256=" + sign(sha256.New, "hub", giteaBody+" "), false},
			{"bad sha256 beside good sha1", "X-Hub-Signature-256: sha256=00\nX-Hub-Signature: sha1=" + sign(sha1.New, "hub", giteaBody), false},
			{"sha1 named sha256", "X-Hub-Signature-256: sha256=" + sign(sha1.New, "hub", giteaBody), false},
			{"no prefix", "X-Hub-Signature-256: " + sign(sha256.New, "hub", giteaBody), false},
			{"not hex", "X-Hub-Signature-256: sha256=zz", false},
			{"empty signature", "X-Hub-Signature-256: sha256=", false},
			{"none", "", false},
		}},
		{"gitlab", "X-Gitlab-Event: Push Hook", gitlabBody, []attempt{
			{"token", "X-Gitlab-Token: lab", true},
			{"longer", "X-Gitlab-Token: labs", false},
			{"none", "", false},
		}},
		{"gitea", "X-Gitea-Event: push\nX-GitHub-Event: push", giteaBody, []attempt{
			{"gitea", "X-Gitea-Signature: " + sign(sha256.New, "gogs", giteaBody), true},
			{"gogs", "X-Gogs-Signature: " + sign(sha256.New, "gogs", giteaBody), true},
			{"forgejo", "X-Forgejo-Signature: " + sign(sha256.New, "gogs", giteaBody), true},
			{"hub form", "X-Hub-Signature-256: sha256=" + sign(sha256.New, "gogs", giteaBody), true},
			{"GitHub's secret", "X-Hub-Signature-256: sha256=" + sign(sha256.New, "hub", giteaBody), false},
			{"none", "", false},
		}},
		{"bitbucket", "X-Event-Key: repo:push", cloudBody, []attempt{
			{"braces", "X-Hook-UUID: {3f0c-11}", true},
			{"bare", "X-Hook-UUID: 3f0c-11", true},
			{"wrong", "X-Hook-UUID: 3f0c-12", false},
		}},
		{"bitbucket-server", "X-Event-Key: repo:refs_changed", serverBody, []attempt{
			{"sha256", "X-Hub-Signature: sha256=" + sign(sha256.New, "server", serverBody), true},
			{"sha1", "X-Hub-Signature: sha1=" + sign(sha1.New, "server", serverBody), false},
			{"none", "", false},
		}},
		{"azuredevops", "X-Vss-Activityid: 7", azureBody, []attempt{
			{"both", "Authorization: " + basic("azure", "pa:ss"), true},
			{"wrong user", "Authorization: " + basic("azur", "pa:ss"), false},
			{"wrong password", "Authorization: " + basic("azure", "pa"), false},
			{"bearer", "Authorization: Bearer " + basic("azure", "pa:ss")[6:], false},
			{"not base64", "Authorization: Basic %%%", false},
			{"none", "", false},
		}},
	} {
		for _, a := range c.tries {
			t.Run(c.provider+"/"+a.name, func(t *testing.T) {
				t.Parallel()
				h := headers(c.event + "\n" + a.h)
				push, err := Parse(h.Get, []byte(c.body), secrets)
				if a.ok {
					if err != nil || push.Provider != c.provider || len(push.Repositories) == 0 {
						t.Fatalf("refused: %+v, %v", push, err)
					}
					return
				}
				if !problem.Is(err, problem.Unauthenticated) {
					t.Errorf("error %v, want Unauthenticated", err)
				}
				if _, err := Parse(h.Get, []byte("{not JSON"), secrets); !problem.Is(err, problem.Unauthenticated) {
					t.Errorf("the body was looked at before the proof: %v", err)
				}
			})
		}
	}
}

func TestUnsigned(t *testing.T) {
	h := headers("X-GitHub-Event: push")
	if _, err := Parse(h.Get, []byte(giteaBody), Secrets{GitLab: "another provider's"}); err != nil {
		t.Errorf("without a secret a delivery is a hint: %v", err)
	}
	_, err := Parse(h.Get, []byte(giteaBody), Secrets{RefuseUnsigned: true})
	if !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "webhook.github.secret") {
		t.Errorf("error %v, want Forbidden naming the key to set", err)
	}
	// A ping needs its proof like any other delivery.
	if _, err := Parse(headers("X-GitHub-Event: ping").Get, []byte(`{}`), Secrets{GitHub: "s"}); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("unproven ping: %v", err)
	}
}

// Events that we have no use for are no error: providers show failed deliveries in red, and switch hooks off.
func TestOtherEventsAskForNothing(t *testing.T) {
	for _, c := range []struct{ headers, body string }{
		{"X-GitHub-Event: ping", `{"zen":"keep it simple"}`},
		{"X-GitHub-Event: issues", `not even JSON`},
		{"X-Gitlab-Event: Pipeline Hook", `{}`},
		{"X-Gitlab-Event: System Hook", `{"event_name":"user_create"}`},
		{"X-Gogs-Event: create", `{}`},
		{"X-Event-Key: repo:fork\nX-Hook-UUID: 1", `{}`},
		{"X-Event-Key: diagnostics:ping", `{"test":true}`},
		{"X-Vss-Subscriptionid: 1", `{"eventType":"workitem.created"}`},
	} {
		push, err := Parse(headers(c.headers).Get, []byte(c.body), Secrets{})
		if err != nil || len(push.Repositories) != 0 || push.Provider == "" {
			t.Errorf("%s: %+v, %v; want a push that asks for nothing", c.headers, push, err)
		}
	}
}

func TestNobodysDelivery(t *testing.T) {
	for _, h := range []string{
		"",
		"User-Agent: curl/8",
		"X-GitHub-Event: push\nX-Gitlab-Event: Push Hook",
		"X-Gitea-Event: push\nX-Event-Key: repo:push",
		"X-GitHub-Event: push\nX-Vss-Activityid: 1",
	} {
		if _, err := Parse(headers(h).Get, []byte(giteaBody), Secrets{}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v, want Invalid", h, err)
		}
	}
}

func TestForm(t *testing.T) {
	body := url.Values{"payload": {giteaBody}}.Encode()
	h := headers("X-GitHub-Event: push\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\n" +
		"X-Hub-Signature-256: sha256=" + sign(sha256.New, "s", body)) // signed as it travels, not as it reads
	push, err := Parse(h.Get, []byte(body), Secrets{GitHub: "s"})
	if err != nil || push.Ref != "refs/heads/main" {
		t.Errorf("form: %+v, %v", push, err)
	}
	h.Del("X-Hub-Signature-256")
	if _, err := Parse(h.Get, []byte("payload="), Secrets{}); !problem.Is(err, problem.Invalid) {
		t.Errorf("form without payload: %v", err)
	}
}

func TestBounds(t *testing.T) {
	paths := make([]string, 2*maxPaths)
	for i := range paths {
		paths[i] = fmt.Sprintf("p%d", i)
	}
	var p Push
	p.touch([][]string{paths}, true)
	if len(p.Changed) != maxPaths || p.ChangedComplete {
		t.Errorf("%d paths kept, complete %v; want %d and a list that says it was cut", len(p.Changed), p.ChangedComplete, maxPaths)
	}
	deep := strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000)
	if _, err := Parse(headers("X-GitHub-Event: push").Get, []byte(`{"x":`+deep+`}`), Secrets{}); !problem.Is(err, problem.Invalid) {
		t.Errorf("20,000 nested lists: %v, want Invalid", err)
	}
	long := strings.Repeat("9", 1<<16)
	if _, err := Parse(headers("X-GitHub-Event: push").Get, []byte(`{"ref":`+long+`}`), Secrets{}); err == nil || len(err.Error()) > 400 {
		t.Errorf("the error repeats the body: %d bytes", len(err.Error()))
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := Secrets{GitHub: "CANARY", AzurePassword: "CANARY"}
	text, err := json.Marshal(struct{ S Secrets }{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %d", s, s, s, s, s, s), fmt.Sprintf("%+v", struct{ S *Secrets }{&s}), string(text)} {
		if strings.Contains(got, "CANARY") {
			t.Errorf("printed: %s", got)
		}
	}
}

// fuzz throws bodies at one provider: no panic, and what comes out keeps its promises.
func fuzz(f *testing.F, header string, seeds ...string) {
	for _, s := range append(seeds, `{}`, `null`, `[]`, `{"repository":null}`, `{"commits":[null],"push":{"changes":[{"new":null}]}}`, `{"resource":{"refUpdates":[null]}}`) {
		f.Add([]byte(s))
	}
	h := headers(header)
	f.Fuzz(func(t *testing.T, body []byte) {
		push, err := Parse(h.Get, body, Secrets{})
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Errorf("kind %v: %v", problem.KindOf(err), err)
			}
			return
		}
		if len(push.Repositories) > maxURLs || len(push.Changed) > maxPaths || len(push.Ref) > maxRef {
			t.Errorf("a bound is broken: %d URLs, %d paths, ref of %d bytes", len(push.Repositories), len(push.Changed), len(push.Ref))
		}
		for _, u := range push.Repositories {
			if !plausible(u) {
				t.Errorf("implausible URL %q", u)
			}
		}
		for _, id := range []string{push.Before, push.After} {
			if id != "" && len(id) != 40 && len(id) != 64 {
				t.Errorf("commit %q", id)
			}
		}
	})
}

func FuzzGitHub(f *testing.F)          { fuzz(f, "X-GitHub-Event: push", giteaBody) }
func FuzzGitLab(f *testing.F)          { fuzz(f, "X-Gitlab-Event: System Hook", gitlabBody) }
func FuzzGitea(f *testing.F)           { fuzz(f, "X-Gogs-Event: push", giteaBody) }
func FuzzBitbucket(f *testing.F)       { fuzz(f, "X-Event-Key: repo:push\nX-Hook-UUID: 1", cloudBody) }
func FuzzBitbucketServer(f *testing.F) { fuzz(f, "X-Event-Key: repo:refs_changed", serverBody) }
func FuzzAzure(f *testing.F)           { fuzz(f, "X-Vss-Activityid: 1", azureBody) }

func FuzzForm(f *testing.F) {
	fuzz(f, "X-GitHub-Event: push\nContent-Type: application/x-www-form-urlencoded", "payload="+url.QueryEscape(giteaBody))
}

func BenchmarkParse(b *testing.B) {
	parts, err := sections("testdata/github-push.txtar")
	if err != nil {
		b.Fatal(err)
	}
	h, body := headers(parts["headers"]), []byte(parts["body"])
	h.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, "s", parts["body"]))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(h.Get, body, Secrets{GitHub: "s"}); err != nil {
			b.Fatal(err)
		}
	}
}
