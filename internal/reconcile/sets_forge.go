package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/webhook"
)

// Forges is who asks the services where repositories are kept, and tells them of previews: forge.Client.
type Forges interface {
	PullRequests(ctx context.Context, a forge.Account, p forge.Place, q forge.Query) ([]forge.PullRequest, error)
	Repositories(ctx context.Context, a forge.Account, o forge.Owner) ([]forge.Repository, error)
	Branches(ctx context.Context, a forge.Account, r forge.Repository, all bool) ([]forge.Branch, error)
	HasPath(ctx context.Context, a forge.Account, r forge.Repository, b forge.Branch, path string) (bool, error)
	Comment(ctx context.Context, a forge.Account, p forge.Place, number int64, mark, text string) error
	SetStatus(ctx context.Context, a forge.Account, p forge.Place, commit string, s forge.Status) error
}

// forgeEvery is how often forges are asked that nobody tells of news, unless the generator says so. Argo CD asks as often.
const forgeEvery = 30 * time.Minute

// forgePatience bounds one list: thousands of repositories are asked for their branches one by one.
const forgePatience = 10 * time.Minute

// forgeMemory is what forges answered sets, so that a look for another reason asks nobody. It can be lost.
type forgeMemory struct {
	mu       sync.Mutex
	answers  map[types.NamespacedName]map[string]*forgeAnswer // by what was asked
	previews map[types.NamespacedName]map[string]appset.Preview
	told     map[types.NamespacedName]string // of applications: what was reported and is not written down yet
}

// forgeAnswer is one whole list, when it was asked for, and of which repository: its addresses, normalized.
type forgeAnswer struct {
	at    time.Time
	told  bool // somebody told of news since
	of    map[string]bool
	pulls []appset.PullRequest
	repos *repositoriesSeen
}

// repositoriesSeen is what is known of repositories beyond their list, as far as somebody wanted to know it.
type repositoriesSeen struct {
	list     []forge.Repository
	branches map[int][]forge.Branch
	paths    map[string]bool
}

func newForgeMemory() *forgeMemory {
	return &forgeMemory{answers: map[types.NamespacedName]map[string]*forgeAnswer{}, previews: map[types.NamespacedName]map[string]appset.Preview{}, told: map[types.NamespacedName]string{}}
}

func (m *forgeMemory) toldOf(app types.NamespacedName) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told[app]
}

func (m *forgeMemory) tell(app types.NamespacedName, told string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told[app] = told; told == "" {
		delete(m.told, app)
	}
}

// forgeAsks is what one evaluation of a set asked. An evaluation for somebody who only wants to see has none: it is
// neither answered from memory nor remembered.
type forgeAsks struct {
	name     types.NamespacedName
	fresh    bool // somebody wants to have it asked anew
	used     map[string]bool
	previews map[string]appset.Preview
}

func asksOf(set *v1alpha1.ApplicationSet) *forgeAsks {
	return &forgeAsks{name: keyOfSet(set), fresh: set.Annotations[v1alpha1.AnnotationAppSetRefresh] != "", used: map[string]bool{}}
}

// recall returns what was answered to the same question, unless it is too old.
func (m *forgeMemory) recall(f *forgeAsks, key string, every time.Duration) *forgeAnswer {
	if f == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f.used[key] = true
	a := m.answers[f.name][key]
	if a == nil || f.fresh || time.Since(a.at) >= every {
		return nil
	}
	return a
}

// atOnce reports whether a question is to be asked whatever failed before: the forge has just spoken itself, or somebody
// wants to see what the generators yield. (Who asks for a refresh does not wait either: lookSet.)
func (m *forgeMemory) atOnce(f *forgeAsks, key string) bool {
	if f == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.answers[f.name][key]
	return a != nil && a.told
}

func (m *forgeMemory) keep(f *forgeAsks, key string, a *forgeAnswer) {
	if f == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers[f.name] == nil {
		m.answers[f.name] = map[string]*forgeAnswer{}
	}
	m.answers[f.name][key] = a
}

// done ends an evaluation that succeeded: what it did not ask any more is forgotten.
func (m *forgeMemory) done(f *forgeAsks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.answers[f.name] {
		if !f.used[key] {
			delete(m.answers[f.name], key)
		}
	}
	m.previews[f.name] = f.previews
}

func (m *forgeMemory) forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, name)
	delete(m.previews, name)
}

// askAgain makes the next look at a set ask its forges, whatever they answered last.
func (m *forgeMemory) askAgain(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.answers[name] {
		a.at = time.Time{}
	}
}

func (m *forgeMemory) previewsOf(name types.NamespacedName) map[string]appset.Preview {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.previews[name]
}

// moved marks what was answered of a repository as old, and returns the sets that had asked.
func (m *forgeMemory) moved(addresses []string) (names []types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, answers := range m.answers {
		for _, a := range answers {
			if slices.ContainsFunc(addresses, func(u string) bool { return a.of[source.NormalizeURL(u)] }) {
				a.at, a.told = time.Time{}, true
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// setsRequested wakes the sets that list the pull requests of a repository.
func (a *Apps) setsRequested(p webhook.Push) {
	for _, name := range a.sets.forges.moved(p.Repositories) {
		a.sets.queue.add(name, urgent, cause{git: time.Now()})
	}
}

// PullRequests asks the forge that a generator names.
func (f *setFacts) PullRequests(ctx context.Context, g *v1alpha1.PullRequestGenerator) ([]appset.PullRequest, error) {
	f.foreign = true
	key := textOf(v1alpha1.PullRequestGenerator{GitHub: g.GitHub, GitLab: g.GitLab, Gitea: g.Gitea, Bitbucket: g.Bitbucket, BitbucketServer: g.BitbucketServer, AzureDevOps: g.AzureDevOps})
	if known := f.a.sets.forges.recall(f.asks, key, every(g.RequeueAfterSeconds)); known != nil {
		return known.pulls, nil
	}
	q, err := f.a.questionOf(ctx, f.set, g)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, forgePatience)
	defer cancel()
	if f.a.sets.forges.atOnce(f.asks, key) {
		ctx = forge.AtOnce(ctx)
	}
	answer := &forgeAnswer{at: time.Now(), of: addressesOf(q)}
	list, err := f.a.Forges.PullRequests(ctx, q.account, q.place, q.query)
	if problem.Is(err, problem.NotFound) && g.ContinueOnRepoNotFoundError {
		list, err = nil, nil
	}
	if err != nil {
		answer.at = time.Time{} // not to be answered from, only to be woken by
		f.a.sets.forges.keep(f.asks, key, answer)
		return nil, err
	}
	for _, pr := range list {
		answer.pulls = append(answer.pulls, appset.PullRequest{Number: pr.Number, Title: pr.Title, Author: pr.Author, Branch: pr.Branch, TargetBranch: pr.TargetBranch, Head: pr.Head, Labels: pr.Labels})
	}
	f.a.sets.forges.keep(f.asks, key, answer)
	return answer.pulls, nil
}

func textOf(g any) string {
	text, err := json.Marshal(g)
	if err != nil { // a plain struct
		panic(err)
	}
	return string(text)
}

func every(seconds *int64) time.Duration {
	if seconds != nil && *seconds > 0 {
		return time.Duration(*seconds) * time.Second
	}
	return forgeEvery
}

// question is one for pull requests.
type question struct {
	account forge.Account
	place   forge.Place
	query   forge.Query
}

// questionOf reads whom a generator asks for which pull requests.
func (a *Apps) questionOf(ctx context.Context, set *v1alpha1.ApplicationSet, g *v1alpha1.PullRequestGenerator) (q question, err error) {
	b := accountBuilder{a: a, ctx: ctx, set: set}
	switch {
	case g.GitHub != nil:
		p := g.GitHub
		q.account, q.place, q.query.Labels = b.github(p.API, p.TokenRef, p.AppSecretName, p.Owner), forge.Place{Owner: p.Owner, Repo: p.Repo}, p.Labels
	case g.GitLab != nil:
		p := g.GitLab
		q.account, q.place, q.query = b.token(forge.GitLab, p.API, p.TokenRef, p.Insecure, p.CARef), forge.Place{Project: p.Project}, forge.Query{Labels: p.Labels, State: p.PullRequestState}
	case g.Gitea != nil:
		p := g.Gitea
		q.account, q.place, q.query.Labels = b.token(forge.Gitea, p.API, p.TokenRef, p.Insecure, nil), forge.Place{Owner: p.Owner, Repo: p.Repo}, p.Labels
	case g.BitbucketServer != nil:
		p := g.BitbucketServer
		q.account, q.place = b.bitbucket(forge.BitbucketServer, p.API, p.BasicAuth, p.BearerToken, p.Insecure, p.CARef), forge.Place{Project: p.Project, Repo: p.Repo}
	case g.Bitbucket != nil:
		p := g.Bitbucket
		q.account, q.place = b.bitbucket(forge.Bitbucket, p.API, p.BasicAuth, p.BearerToken, false, nil), forge.Place{Owner: p.Owner, Repo: p.Repo}
	case g.AzureDevOps != nil:
		p := g.AzureDevOps
		q.account, q.place, q.query.Labels = b.token(forge.AzureDevOps, p.API, p.TokenRef, false, nil), forge.Place{Owner: p.Organization, Project: p.Project, Repo: p.Repo}, p.Labels
	default:
		return q, problem.New(problem.Invalid, "the pullRequest generator names no provider").WithHint("one of github, gitlab, gitea, bitbucket, bitbucketServer, azuredevops")
	}
	return q, b.err
}

// accountBuilder gathers how a forge is reached. Its first error stays.
type accountBuilder struct {
	a   *Apps
	ctx context.Context
	set *v1alpha1.ApplicationSet
	err error
}

// begin is an account without a credential, if the settings permit to ask there.
func (b *accountBuilder) begin(kind forge.Kind, api string, insecure bool, ca *v1alpha1.ConfigMapKeyRef) forge.Account {
	account := forge.Account{Kind: kind, API: api, Insecure: insecure}
	if b.a.Forges == nil {
		b.fail(problem.New(problem.Unsupported, "forges are not asked here"))
	}
	b.fail(mayAsk(b.a.Catalog.Settings().Forges, b.set.Namespace == b.a.Namespace, api))
	if b.err != nil {
		return account
	}
	text, err := b.a.Catalog.TextOf(b.ctx, b.set.Namespace, ca)
	b.fail(err)
	if api != "" { // and the authorities that are registered for the host; of what is registered for it no credential
		text += "\n" + string(b.a.Catalog.RepositoryFor(api, "").CA)
	}
	if strings.TrimSpace(text) != "" {
		account.CA = []byte(text)
	}
	return account
}

func (b *accountBuilder) fail(err error) { b.err = cmp.Or(b.err, err) }

// secret is a token that the set points at.
func (b *accountBuilder) secret(ref *v1alpha1.SecretRef) string {
	if b.err != nil {
		return ""
	}
	s, err := b.a.Catalog.TokenOf(b.ctx, b.set.Namespace, ref, b.a.Catalog.Settings().Forges.Strict)
	b.fail(err)
	return s.Reveal()
}

func (b *accountBuilder) token(kind forge.Kind, api string, ref *v1alpha1.SecretRef, insecure bool, ca *v1alpha1.ConfigMapKeyRef) forge.Account {
	account := b.begin(kind, api, insecure, ca)
	account.Token = b.secret(ref)
	return account
}

func (b *accountBuilder) bitbucket(kind forge.Kind, api string, basic *v1alpha1.BasicAuthBitbucketServer, bearer *v1alpha1.BearerTokenBitbucket, insecure bool, ca *v1alpha1.ConfigMapKeyRef) forge.Account {
	account := b.begin(kind, api, insecure, ca)
	switch {
	case bearer != nil:
		account.Token = b.secret(bearer.TokenRef)
	case basic != nil:
		account.User, account.Password = basic.Username, b.secret(basic.PasswordRef)
	}
	return account
}

// github is an account with a token, or as a GitHub App. An app's key signs what is good at its own host, and is used for
// no other.
func (b *accountBuilder) github(api string, ref *v1alpha1.SecretRef, appSecret, owner string) forge.Account {
	if appSecret == "" {
		return b.token(forge.GitHub, api, ref, false, nil)
	}
	account := b.begin(forge.GitHub, api, false, nil)
	if b.err != nil {
		return account
	}
	app, url, err := b.a.Catalog.GitHubApp(b.ctx, appSecret)
	b.fail(err)
	account.API = cmp.Or(api, app.BaseURL)
	if own := []string{hostOf(cmp.Or(app.BaseURL, "https://github.com")), hostOf(url)}; err == nil && !slices.Contains(own, hostOf(cmp.Or(account.API, "https://github.com"))) {
		b.fail(problem.New(problem.Forbidden, "the GitHub App of Secret %s is for %s, and not for %s", appSecret, own[0], hostOf(account.API)).
			WithHint("set githubAppEnterpriseBaseUrl in the Secret"))
	}
	account.App = &forge.App{ID: app.ID, Installation: app.InstallationID, Owner: owner, PrivateKey: app.PrivateKey.Reveal()}
	return account
}

// hostOf is the host of an address, with its port; that of an API is the same as that of its pages.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Host), "api.")
}

// mayAsk is why a set may not ask a forge at that address; empty is the public service. Who may write a set chooses to
// which address which Secret of its namespace is sent: outside of our own namespace only to addresses that are permitted.
func mayAsk(s catalog.ForgeSettings, ours bool, api string) error {
	const key = "applicationsetcontroller.allowed.scm.providers"
	switch {
	case !s.Enabled:
		return problem.New(problem.Forbidden, "scm providers are disabled").WithHint("applicationsetcontroller.enable.scm.providers in argocd-cmd-params-cm")
	case !ours && len(s.Allowed) == 0:
		return problem.New(problem.Forbidden, "ApplicationSets outside of our namespace ask no forge, as long as no addresses are permitted").WithHint("%s in argocd-cmd-params-cm", key)
	case api != "" && len(s.Allowed) > 0 && !slices.Contains(s.Allowed, api):
		return problem.New(problem.Forbidden, "scm provider %q not allowed, must use one of the following: %s", api, strings.Join(s.Allowed, ", ")).WithHint("%s in argocd-cmd-params-cm", key)
	}
	return nil
}

// addressesOf are the addresses of a repository that webhooks of its service name, normalized.
func addressesOf(q question) map[string]bool {
	base, err := url.Parse(cmp.Or(q.account.API, map[forge.Kind]string{forge.GitHub: "https://github.com", forge.GitLab: "https://gitlab.com",
		forge.Bitbucket: "https://bitbucket.org", forge.AzureDevOps: "https://dev.azure.com"}[q.account.Kind]))
	if err != nil {
		return nil
	}
	root := strings.TrimRight(base.Path, "/")
	for _, below := range []string{"/api/v3", "/api/v4", "/api/v1", "/rest", "/2.0"} {
		root = strings.TrimSuffix(root, below)
	}
	host := base.Scheme + "://" + strings.TrimPrefix(base.Host, "api.") + root
	p := q.place
	of := map[string]bool{}
	switch q.account.Kind {
	case forge.GitLab:
		of[source.NormalizeURL(host+"/"+p.Project)] = true
		of[source.NormalizeURL(host+"/projects/"+p.Project)] = true // by its number
	case forge.BitbucketServer:
		of[source.NormalizeURL(host+"/projects/"+p.Project+"/repos/"+p.Repo)] = true
	case forge.AzureDevOps:
		of[source.NormalizeURL(host+"/"+p.Owner+"/"+p.Project+"/_git/"+p.Repo)] = true
	default:
		of[source.NormalizeURL(host+"/"+p.Owner+"/"+p.Repo)] = true
	}
	return of
}
