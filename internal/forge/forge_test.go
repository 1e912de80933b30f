package forge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/forgetest"
	"github.com/hawser-cd/hawser/internal/problem"
)

var kinds = []forge.Kind{forge.GitHub, forge.GitLab, forge.Gitea, forge.Bitbucket, forge.BitbucketServer, forge.AzureDevOps}

// ownerOf is whose repositories a test makes: Azure DevOps has a project between.
func ownerOf(k forge.Kind) string {
	if k == forge.AzureDevOps {
		return "acme/team"
	}
	return "acme"
}

func placeOf(k forge.Kind) forge.Place {
	switch k {
	case forge.GitLab:
		return forge.Place{Project: "acme/shop"}
	case forge.BitbucketServer:
		return forge.Place{Project: "acme", Repo: "shop"}
	case forge.AzureDevOps:
		return forge.Place{Owner: "acme", Project: "team", Repo: "shop"}
	}
	return forge.Place{Owner: "acme", Repo: "shop"}
}

func accountOf(s *forgetest.Server) forge.Account {
	a := forge.Account{Kind: forge.Kind(s.Kind), API: s.API(), Token: s.Token}
	if a.Kind == forge.Bitbucket {
		a.Token, a.User, a.Password = "", s.User, s.Token
	}
	return a
}

// stage is a forge with one repository and so many open pull requests.
func stage(t *testing.T, k forge.Kind, pulls int) (*forgetest.Server, *forgetest.Repo) {
	t.Helper()
	s := forgetest.New(t, string(k))
	r := s.Repo(ownerOf(k), "shop")
	for i := range pulls {
		r.Open(forgetest.Pull{Title: fmt.Sprint("Change ", i+1), Branch: fmt.Sprint("feature/", i+1), Head: forgetest.Commit(fmt.Sprint(i)), Labels: []string{"preview", fmt.Sprint("l", i%2)}})
	}
	return s, r
}

func numbers(list []forge.PullRequest) (out []int64) {
	for _, p := range list {
		out = append(out, p.Number)
	}
	slices.Sort(out)
	return out
}

func upTo(n int64, but ...int64) (out []int64) {
	for i := int64(1); i <= n; i++ {
		if !slices.Contains(but, i) {
			out = append(out, i)
		}
	}
	return out
}

func each(t *testing.T, of []forge.Kind, f func(t *testing.T, k forge.Kind)) {
	for _, k := range of {
		t.Run(string(k), func(t *testing.T) { t.Parallel(); f(t, k) })
	}
}

// Every page of open pull requests is read, with all that a generator gives as parameters.
func TestPullRequests(t *testing.T) {
	each(t, kinds, func(t *testing.T, k forge.Kind) {
		s, r := stage(t, k, 137)
		r.Close(3)
		list, err := forge.New().PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{State: "opened"})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := numbers(list), upTo(137, 3); !slices.Equal(got, want) {
			t.Fatalf("listed are %v", got)
		}
		want := forge.PullRequest{Number: 2, Title: "Change 2", Author: "ada", Branch: "feature/2", TargetBranch: "main", Head: forgetest.Commit("1"), Labels: []string{"preview", "l1"}}
		if k == forge.Bitbucket || k == forge.BitbucketServer { // they have no labels
			want.Labels = nil
		}
		if k == forge.Bitbucket {
			want.Head = want.Head[:12]
		}
		got := list[slices.IndexFunc(list, func(p forge.PullRequest) bool { return p.Number == 2 })]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Labels narrow the list where there are labels; without a state, GitLab lists all states, as Argo CD does.
func TestQueries(t *testing.T) {
	each(t, []forge.Kind{forge.GitHub, forge.GitLab, forge.Gitea, forge.AzureDevOps}, func(t *testing.T, k forge.Kind) {
		s, r := stage(t, k, 4)
		r.Label(1, "preview")
		r.Close(2)
		list, err := forge.New().PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{Labels: []string{"preview", "l1"}})
		want := []int64{4}
		if k == forge.GitLab {
			want = []int64{2, 4}
		}
		if err != nil || !slices.Equal(numbers(list), want) {
			t.Errorf("listed are %v, %v", numbers(list), err)
		}
	})
}

// A list is whole, or it is an error that names the forge, the address and a way out.
func TestNothingButTheWhole(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if slices.Contains([]string{"Authorization", "Private-Token"}, name) {
				t.Errorf("another host was given %s", name)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "[]")
	}))
	t.Cleanup(elsewhere.Close)
	each(t, kinds, func(t *testing.T, k forge.Kind) {
		for name, c := range map[string]struct {
			fault forgetest.Fault
			kind  problem.Kind
			says  []string
		}{
			"500":        {forgetest.Answers(500), problem.Unavailable, []string{"it answers 500 Internal Server Error", "asked again"}},
			"502":        {forgetest.Answers(502), problem.Unavailable, []string{"502"}},
			"401":        {forgetest.Answers(401), problem.Unauthenticated, []string{"401", "the token is expired, revoked, or not for this service"}},
			"403":        {forgetest.Answers(403), problem.Forbidden, []string{"403", "must be permitted"}},
			"404":        {forgetest.Answers(404), problem.NotFound, []string{"404", "misspelled, or not shown to this account"}},
			"422":        {forgetest.Answers(422), problem.Invalid, []string{"422"}},
			"web page":   {forgetest.WebPage, problem.Unavailable, []string{"200 OK with text/html, where JSON belongs", "is api the address of the API"}},
			"cut off":    {forgetest.CutOff, problem.Unavailable, []string{"cut off"}},
			"broken off": {forgetest.BrokenOff, problem.Unavailable, []string{"cut off"}},
			"too many":   {forgetest.TooMany(30), problem.Unavailable, []string{"429", "asked too often", "no further answers until"}},
			"elsewhere":  {forgetest.SentTo(elsewhere.URL), problem.Forbidden, []string{"another host", "gets no credentials"}},
		} {
			s, _ := stage(t, k, 3)
			c2 := forge.New()
			s.Break(c.fault)
			list, err := c2.PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{})
			if !problem.Is(err, c.kind) || list != nil {
				t.Fatalf("%s: %v, %v (%v)", name, list, err, problem.KindOf(err))
			}
			for _, part := range append(c.says, k.Title(), s.URL) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not say %q", name, err, part)
				}
			}
			if strings.Contains(err.Error(), s.Token) {
				t.Errorf("%s: the token is in %q", name, err)
			}
			if name == "too many" {
				continue
			}
			s.Heal()
			if list, err := c2.PullRequests(forge.AtOnce(t.Context()), accountOf(s), placeOf(k), forge.Query{}); err != nil || len(list) != 3 {
				t.Errorf("after %s: %v, %v", name, list, err)
			}
		}
	})
}

// An empty list is a list; one that is shorter than it says is none; one whose headers got lost is read on.
func TestLists(t *testing.T) {
	each(t, kinds, func(t *testing.T, k forge.Kind) {
		s, _ := stage(t, k, 3)
		s.Break(s.EmptyList)
		if list, err := forge.New().PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{}); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
	for _, k := range []forge.Kind{forge.GitLab, forge.Gitea} {
		s, _ := stage(t, k, 3)
		s.Break(forgetest.FirstOnly)
		if list, err := forge.New().PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{}); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "it lists 2 of 3") {
			t.Errorf("%s: %v, %v", k, list, err)
		}
	}
	for _, k := range []forge.Kind{forge.GitHub, forge.GitLab, forge.Gitea} {
		s, _ := stage(t, k, 137)
		s.Break(forgetest.NoLinks)
		if list, err := forge.New().PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{}); err != nil || len(list) != 137 {
			t.Errorf("%s: %d, %v", k, len(list), err)
		}
	}
}

// A pull request that is closed while the list is read moves the others to pages that were read before: none is missed.
func TestListThatShrinksMeanwhile(t *testing.T) {
	each(t, []forge.Kind{forge.GitHub, forge.GitLab, forge.Gitea, forge.Bitbucket, forge.BitbucketServer}, func(t *testing.T, k forge.Kind) {
		s, r := stage(t, k, 30)
		s.PageSize(10)
		s.Between(func(int) { r.Close(1) })
		list, err := forge.New().PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{State: "opened"})
		if err != nil || !slices.Equal(numbers(list), upTo(30, 1)) {
			t.Errorf("listed are %v, %v", numbers(list), err)
		}
	})
}

// Asking for what has not changed costs nothing of what an account may ask.
func TestIdlePollIsFree(t *testing.T) {
	each(t, []forge.Kind{forge.GitHub, forge.GitLab}, func(t *testing.T, k forge.Kind) {
		s, r := stage(t, k, 137)
		c := forge.New()
		ask := func() int {
			t.Helper()
			list, err := c.PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{State: "opened"})
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		ask()
		before := s.Requests(200)
		if n := ask(); n != 137 || s.Requests(200) != before {
			t.Errorf("%d pull requests, with %d whole answers", n, s.Requests(200)-before)
		}
		r.Push(5, forgetest.Commit("new"))
		list, err := c.PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{State: "opened"})
		if err != nil || list[4].Head != forgetest.Commit("new") {
			t.Errorf("%v, %v", list[4], err)
		}
		other := accountOf(s)
		other.Token = "stolen" // is not answered from what another account was shown
		if _, err := c.PullRequests(t.Context(), other, placeOf(k), forge.Query{State: "opened"}); !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("%v", err)
		}
	})
}

// An account that has asked too often is not used until it may be again; others are.
func TestLimits(t *testing.T) {
	for _, k := range []forge.Kind{forge.GitHub, forge.GitLab} {
		s, _ := stage(t, k, 1)
		s.Limit(1)
		c := forge.New()
		now := time.Now()
		c.Now = func() time.Time { return now }
		if _, err := c.PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{}); err != nil {
			t.Fatal(err)
		}
		for range 3 { // the last one was spent: it said so
			if _, err := c.PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{}); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "no further answers until") {
				t.Fatal(err)
			}
		}
		if n := s.Requests(0); n != 1 {
			t.Errorf("%s was asked %d times", k, n)
		}
		s.Limit(5000)
		now = now.Add(11 * time.Minute)
		if _, err := c.PullRequests(t.Context(), accountOf(s), placeOf(k), forge.Query{}); err != nil {
			t.Error(err)
		}
	}
	s, _ := stage(t, forge.Gitea, 1)
	c := forge.New()
	s.Break(forgetest.TooMany(1 << 30)) // nobody is believed to want us gone for years
	_, _ = c.PullRequests(t.Context(), accountOf(s), placeOf(forge.Gitea), forge.Query{})
	s.Heal()
	now := time.Now().Add(time.Hour + time.Minute)
	c.Now = func() time.Time { return now }
	if _, err := c.PullRequests(t.Context(), accountOf(s), placeOf(forge.Gitea), forge.Query{}); err != nil {
		t.Error(err)
	}
}

// A GitHub App signs in with its key, gets a token of its installation, and a new one when that is old.
func TestGitHubApp(t *testing.T) {
	for _, installation := range []int64{41, 0} {
		s, _ := stage(t, forge.GitHub, 2)
		key := s.App(t, 7, "Acme")
		c := forge.New()
		a := forge.Account{Kind: forge.GitHub, API: s.API(), App: &forge.App{ID: 7, Installation: installation, Owner: "acme", PrivateKey: key}}
		for range 3 {
			if list, err := c.PullRequests(t.Context(), a, placeOf(forge.GitHub), forge.Query{}); err != nil || len(list) != 2 {
				t.Fatalf("%v, %v", list, err)
			}
		}
		if s.Given() != 1 {
			t.Errorf("%d tokens were asked for", s.Given())
		}
		later := time.Now().Add(56 * time.Minute)
		c.Now = func() time.Time { return later }
		if _, err := c.PullRequests(t.Context(), a, placeOf(forge.GitHub), forge.Query{}); s.Given() != 2 { // the proof is from the future: the server refuses it
			if !problem.Is(err, problem.Unauthenticated) {
				t.Errorf("%d tokens, %v", s.Given(), err)
			}
		}
		a.App.Owner, a.App.Installation = "nobody", 0
		c = forge.New()
		if _, err := c.PullRequests(t.Context(), a, placeOf(forge.GitHub), forge.Query{}); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "not installed at nobody") {
			t.Error(err)
		}
		a.App.PrivateKey = "no key"
		if _, err := c.PullRequests(t.Context(), a, placeOf(forge.GitHub), forge.Query{}); !problem.Is(err, problem.Invalid) || strings.Contains(err.Error(), "no key") {
			t.Error(err)
		}
	}
}

// A server's certificate is verified: by the system's authorities, by those of the account, or not at all.
func TestTrust(t *testing.T) {
	s := forgetest.NewTLS(t, "gitlab")
	s.Repo("acme", "shop")
	a := accountOf(s)
	ask := func(a forge.Account) error {
		_, err := forge.New().PullRequests(t.Context(), a, placeOf(forge.GitLab), forge.Query{})
		return err
	}
	if err := ask(a); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	a.CA = []byte("nonsense")
	if err := ask(a); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
	a.CA = s.CA
	if err := ask(a); err != nil {
		t.Error(err)
	}
	a.CA, a.Insecure = nil, true
	if err := ask(a); err != nil {
		t.Error(err)
	}
}

// Credentials are in no text, however an account is printed; and no address may hold one.
func TestAccountShowsNoCredential(t *testing.T) {
	a := forge.Account{Kind: forge.GitLab, API: "https://lab.corp", Token: "s3cret", User: "u", Password: "s3cret", App: &forge.App{ID: 1, PrivateKey: "s3cret"}}
	text, err := json.Marshal(map[string]any{"a": a, "app": a.App})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(a), fmt.Sprintf("%+v", a), fmt.Sprintf("%#v", a), fmt.Sprintf("%d", a), fmt.Sprint(a.App), fmt.Sprintf("%+v", *a.App), string(text)} {
		if strings.Contains(shown, "s3cret") {
			t.Error(shown)
		}
	}
	for _, api := range []string{"ftp://x", "lab.corp", "https://u:s3cret@lab.corp", "https://lab.corp?x=y", ":", "https://"} {
		a.API = api
		if _, err := forge.New().PullRequests(context.Background(), a, placeOf(forge.GitLab), forge.Query{}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", api, err)
		}
	}
}

// Repositories, their branches and what is in them, from every forge.
func TestRepositories(t *testing.T) {
	each(t, kinds, func(t *testing.T, k forge.Kind) {
		s := forgetest.New(t, string(k))
		s.PageSize(2)
		for i := range 5 {
			s.Repo(ownerOf(k), fmt.Sprint("app-", i))
		}
		shop := s.Repo(ownerOf(k), "shop")
		shop.Topics, shop.Files["deploy/web/app.yaml"] = []string{"team-a", "web"}, true
		shop.Branches["feature-x"], shop.Branches["other"] = forgetest.Commit("x"), forgetest.Commit("o")
		empty := s.Repo(ownerOf(k), "empty")
		empty.Branches, empty.Default = nil, ""
		old := s.Repo(ownerOf(k), "old")
		old.Archived = true

		c, a := forge.New(), accountOf(s)
		o := forge.Owner{Name: "acme", Project: "team", Protocol: "https", WithoutArchived: true}
		list, err := c.Repositories(t.Context(), a, o)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]forge.Repository{}
		withBranch := map[string]bool{}
		for _, r := range list {
			got[r.Name] = r
			b, err := c.Branches(t.Context(), a, r, false)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) > 0 {
				withBranch[r.Name] = b[0] == forge.Branch{Name: "main", Commit: forgetest.Commit(ownerOf(k) + r.Name)}
			}
		}
		want := map[string]bool{"app-0": true, "app-1": true, "app-2": true, "app-3": true, "app-4": true, "shop": true}
		if k == forge.Bitbucket || k == forge.BitbucketServer || k == forge.AzureDevOps { // they archive nothing
			want["old"] = true
		}
		if diff := cmp.Diff(want, withBranch); diff != "" {
			t.Fatal(diff)
		}
		r := got["shop"]
		if r.Organization != "acme" || r.DefaultBranch != "main" && k != forge.BitbucketServer || r.ID == nil || !strings.HasPrefix(r.URL, s.URL) {
			t.Errorf("%+v", r)
		}
		if labels := k == forge.GitHub || k == forge.GitLab || k == forge.Gitea; labels != slices.Equal(r.Labels, []string{"team-a", "web"}) {
			t.Errorf("labels are %v", r.Labels)
		}
		branches, err := c.Branches(t.Context(), a, r, true)
		if err != nil || len(branches) != 3 || branches[0] != (forge.Branch{Name: "feature-x", Commit: forgetest.Commit("x")}) {
			t.Errorf("branches are %v, %v", branches, err)
		}
		for path, want := range map[string]bool{"deploy/web/app.yaml": true, "deploy/web": true, "deploy": true, "deploy/db": false, "app.yaml": false} {
			there, err := c.HasPath(t.Context(), a, r, branches[1], path)
			if err != nil || there != want {
				t.Errorf("%s: %v, %v", path, there, err)
			}
		}
		s.Break(forgetest.Answers(500))
		if there, err := c.HasPath(t.Context(), a, r, branches[1], "deploy"); there || !problem.Is(err, problem.Unavailable) {
			t.Errorf("%v, %v", there, err)
		}
		if list, err := c.Branches(t.Context(), a, r, true); list != nil || !problem.Is(err, problem.Unavailable) {
			t.Errorf("%v, %v", list, err)
		}
		s.Break(forgetest.WebPage)
		if _, err := c.HasPath(t.Context(), a, r, branches[1], "deploy"); !problem.Is(err, problem.Unavailable) {
			t.Error(err)
		}
		o.Protocol = "carrier pigeon"
		if _, err := c.Repositories(t.Context(), a, o); !problem.Is(err, problem.Invalid) {
			t.Error(err)
		}
	})
}

// A repository that is hidden from the account between two questions is not an empty one.
func TestHiddenIsNotEmpty(t *testing.T) {
	each(t, kinds, func(t *testing.T, k forge.Kind) {
		s := forgetest.New(t, string(k))
		s.Repo(ownerOf(k), "shop")
		c, a := forge.New(), accountOf(s)
		list, err := c.Repositories(t.Context(), a, forge.Owner{Name: "acme", Project: "team", Protocol: "https"})
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		s.Break(forgetest.Answers(404))
		for _, all := range []bool{false, true} {
			if got, err := c.Branches(t.Context(), a, list[0], all); !problem.Is(err, problem.NotFound) {
				t.Errorf("all: %v: %v, %v", all, got, err)
			}
		}
	})
}

// GitLab's groups: those within, topics and archived ones are as the generator's fields say.
func TestGroups(t *testing.T) {
	s := forgetest.New(t, "gitlab")
	s.Repo("acme", "shop").Topics = []string{"web"}
	s.Repo("acme/platform", "dns")
	s.Repo("acme", "old").Archived = true
	for want, o := range map[string]forge.Owner{
		"shop":         {Name: "acme", Shared: true},
		"shop dns":     {Name: "acme", Subgroups: true},
		"shop old":     {Name: "acme", WithArchived: true},
		"shop dns old": {Name: "acme", WithArchived: true, Subgroups: true},
		"dns":          {Name: "acme/platform"},
	} {
		list, err := forge.New().Repositories(t.Context(), accountOf(s), o)
		var got []string
		for _, r := range list {
			got = append(got, r.Name)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%+v: %v, %v", o, got, err)
		}
	}
	if list, err := forge.New().Repositories(t.Context(), accountOf(s), forge.Owner{Name: "acme", Subgroups: true, Topic: "web"}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A preview is reported by one comment, which changes, and by a status of the commit.
func TestFeedback(t *testing.T) {
	each(t, []forge.Kind{forge.GitHub, forge.GitLab, forge.Gitea}, func(t *testing.T, k forge.Kind) {
		s, r := stage(t, k, 1)
		for i := range 40 {
			r.Remark(1, "ada", fmt.Sprint("remark ", i))
		}
		r.Remark(1, "mallory", "<!-- mark -->\nmine") // not ours to change
		c, a := forge.New(), accountOf(s)
		for _, text := range []string{"is at https://a", "is at https://a", "is at https://b"} {
			if err := c.Comment(t.Context(), a, placeOf(k), 1, "<!-- mark -->", text); err != nil {
				t.Fatal(err)
			}
		}
		list := r.Comments(1)
		if len(list) != 42 || list[41].Body != "<!-- mark -->\nis at https://b" || list[41].Author != s.User || list[40].Body != "<!-- mark -->\nmine" {
			t.Errorf("%d comments, the last are %+v", len(list), list[len(list)-2:])
		}
		if err := c.Comment(t.Context(), a, placeOf(k), 9, "<!-- mark -->", "x"); !problem.Is(err, problem.NotFound) {
			t.Error(err)
		}
		head := forgetest.Commit("0")
		for _, state := range []forge.State{forge.Pending, forge.Success, forge.Success, forge.Failure} {
			if err := c.SetStatus(t.Context(), a, placeOf(k), head, forge.Status{Context: "preview/web", State: state, Description: "d", URL: "https://b"}); err != nil {
				t.Fatal(err)
			}
		}
		said := s.Said()
		failure := "failure"
		if k == forge.GitLab {
			failure = "failed"
		}
		if last := said[len(said)-1]; last != (forgetest.Status{Commit: head, State: failure, Context: "preview/web", Description: "d", URL: "https://b"}) {
			t.Errorf("%+v", said)
		}
		a.Kind = forge.AzureDevOps
		if err := c.SetStatus(t.Context(), a, placeOf(k), head, forge.Status{}); !problem.Is(err, problem.Unsupported) {
			t.Error(err)
		}
	})
}
