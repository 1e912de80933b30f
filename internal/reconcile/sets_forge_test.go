package reconcile

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Whom a set may send its namespace's tokens to; in doubt, nobody.
func TestMayAsk(t *testing.T) {
	listed := []string{"https://git.corp/"}
	for _, c := range []struct {
		s    catalog.ForgeSettings
		ours bool
		api  string
		may  bool
	}{
		{catalog.ForgeSettings{Enabled: true}, true, "", true},
		{catalog.ForgeSettings{Enabled: true}, true, "https://anywhere", true},
		{catalog.ForgeSettings{Enabled: true}, false, "", false},
		{catalog.ForgeSettings{Enabled: true}, false, "https://anywhere", false},
		{catalog.ForgeSettings{Enabled: true, Allowed: listed}, false, "", true},
		{catalog.ForgeSettings{Enabled: true, Allowed: listed}, false, "https://git.corp/", true},
		{catalog.ForgeSettings{Enabled: true, Allowed: listed}, true, "https://git.corp", false}, // as it is written
		{catalog.ForgeSettings{Enabled: true, Allowed: listed}, false, "https://git.corp.evil/", false},
		{catalog.ForgeSettings{Allowed: listed}, true, "https://git.corp/", false},
		{catalog.ForgeSettings{}, true, "", false},
	} {
		if err := mayAsk(c.s, c.ours, c.api); (err == nil) != c.may || err != nil && !problem.Is(err, problem.Forbidden) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The addresses that a webhook names are those under which a generator's repository is known.
func TestAddressesOfRepositories(t *testing.T) {
	for hook, q := range map[string]question{
		"https://github.com/Acme/Shop":                   {account: forge.Account{Kind: forge.GitHub}, place: forge.Place{Owner: "acme", Repo: "shop"}},
		"https://github.com/acme/shop.git":               {account: forge.Account{Kind: forge.GitHub, API: "https://api.github.com/"}, place: forge.Place{Owner: "acme", Repo: "shop"}},
		"https://git.corp/acme/shop":                     {account: forge.Account{Kind: forge.GitHub, API: "https://git.corp/api/v3/"}, place: forge.Place{Owner: "acme", Repo: "shop"}},
		"https://ghe.corp/acme/shop":                     {account: forge.Account{Kind: forge.GitHub, API: "https://api.ghe.corp"}, place: forge.Place{Owner: "acme", Repo: "shop"}},
		"https://gitlab.com/acme/sub/shop":               {account: forge.Account{Kind: forge.GitLab}, place: forge.Place{Project: "acme/sub/shop"}},
		"https://lab.corp/projects/42":                   {account: forge.Account{Kind: forge.GitLab, API: "https://lab.corp"}, place: forge.Place{Project: "42"}},
		"https://tea.corp/git/acme/shop":                 {account: forge.Account{Kind: forge.Gitea, API: "https://tea.corp/git/"}, place: forge.Place{Owner: "acme", Repo: "shop"}},
		"https://bitbucket.org/acme/shop":                {account: forge.Account{Kind: forge.Bitbucket}, place: forge.Place{Owner: "acme", Repo: "shop"}},
		"https://bb.corp/projects/ACME/repos/shop":       {account: forge.Account{Kind: forge.BitbucketServer, API: "https://bb.corp/rest"}, place: forge.Place{Project: "ACME", Repo: "shop"}},
		"https://acme@dev.azure.com/acme/team/_git/shop": {account: forge.Account{Kind: forge.AzureDevOps}, place: forge.Place{Owner: "acme", Project: "team", Repo: "shop"}},
	} {
		if of := addressesOf(q); !of[source.NormalizeURL(hook)] {
			t.Errorf("%s is none of %v", hook, of)
		}
	}
}

// What forges answered serves until it is too old, until somebody tells of news, and for no other question.
func TestForgeMemory(t *testing.T) {
	m := newForgeMemory()
	set := types.NamespacedName{Namespace: "argocd", Name: "a"}
	asks := func() *forgeAsks { return &forgeAsks{name: set, used: map[string]bool{}} }
	m.keep(asks(), "q", &forgeAnswer{at: time.Now(), of: map[string]bool{"https://git.corp/acme/shop": true}})
	known := func(f *forgeAsks, key string, every time.Duration) bool { return m.recall(f, key, every) != nil }
	if !known(asks(), "q", time.Hour) || known(asks(), "other", time.Hour) || known(asks(), "q", 0) || known(nil, "q", time.Hour) {
		t.Error("it serves the wrong questions")
	}
	if known(&forgeAsks{name: set, fresh: true, used: map[string]bool{}}, "q", time.Hour) {
		t.Error("it serves who wants it fresh")
	}
	if known(&forgeAsks{name: types.NamespacedName{Namespace: "other", Name: "a"}, used: map[string]bool{}}, "q", time.Hour) {
		t.Error("it serves another set")
	}
	if names := m.moved([]string{"https://git.corp/acme/other"}); names != nil || !known(asks(), "q", time.Hour) {
		t.Errorf("another repository wakes %v", names)
	}
	if names := m.moved([]string{"git@git.corp:acme/shop", "https://git.corp/Acme/Shop.git"}); !slices.Equal(names, []types.NamespacedName{set}) || known(asks(), "q", time.Hour) {
		t.Errorf("the repository wakes %v", names)
	}
	m.keep(asks(), "q", &forgeAnswer{at: time.Now()})
	m.askAgain(set)
	if known(asks(), "q", time.Hour) {
		t.Error("it serves what is in doubt")
	}
	m.keep(asks(), "q", &forgeAnswer{at: time.Now()})
	m.done(asks()) // an evaluation that did not ask it
	if known(asks(), "q", time.Hour) {
		t.Error("it keeps what nobody asks any more")
	}
}
