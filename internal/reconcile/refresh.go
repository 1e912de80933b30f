package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// refresh observes one application: what Git wants at exact commits, what is live, and how the two differ. It does
// only what the cause makes necessary: a live event compares one object, a poll that finds nothing new compares none.
func (a *Apps) refresh(ctx context.Context, app *v1alpha1.Application, st *state, why cause) *view {
	last := st.view
	want := specOf(app)
	known := last != nil && last.spec.hash == want.hash
	if known && last.cluster != nil && last.complete != nil && !why.spec && why.git.IsZero() {
		return a.recompare(ctx, app, last, why.live, st.answers)
	}
	if known {
		if next := a.stands(ctx, last, why); next != nil { // what most polls find, and most commits
			return a.recompare(ctx, app, next, why.live, st.answers)
		}
	}
	v := &view{spec: want, itself: app.UID, at: time.Now(), fresh: why.hard}
	a.destination(v)
	if err := a.desired(ctx, app, v, last, why); err != nil {
		v.unknown, v.complete = err, nil
		if known {
			v.hold(last)
		}
	}
	if v.cluster == nil || v.complete == nil {
		return v
	}
	if last != nil && last.cluster != v.cluster { // connected anew, with other credentials or other things hidden
		last, st.answers = nil, map[object.Key]answer{}
	}
	if known && last != nil && v.same(last) && !why.spec && !why.hard {
		next := *last // most commits concern few of a repository's applications: for the others, only their name is new
		next.commits, next.infos, next.types, next.alone, next.bases, next.capabilities = v.commits, v.infos, v.types, v.alone, v.bases, v.capabilities
		again := a.recompare(ctx, app, &next, why.live, st.answers)
		again.rendered = v.rendered
		return again
	}
	if why.hard {
		last = nil // what the API server once predicted may depend on webhooks and schemas that have changed
	}
	return a.compare(ctx, app, v, last, st.answers)
}

// stands returns what a look would find whose desired state is surely the one that last had: that was made of commits
// alone, and they are the same, or name the same files. It is nil when that has to be found out, errors included.
func (a *Apps) stands(ctx context.Context, last *view, why cause) *view {
	if !last.alone || last.complete == nil || !last.settled() || why.spec || why.hard {
		return nil
	}
	now := &view{spec: last.spec}
	if a.destination(now); now.cluster == nil || now.cluster != last.cluster || !reflect.DeepEqual(now.capabilitiesNow(), last.capabilities) {
		return nil
	}
	for _, s := range last.spec.sources {
		if a.fetch(ctx, now, s, why) != nil {
			return nil
		}
	}
	commits, resolved := make([]string, len(last.commits)), map[string]string{}
	for i, s := range last.spec.sources {
		commit, err := resolved[branch(s)], error(nil)
		if commit == "" {
			commit, err = a.Git.CommitTagged(ctx, a.repositoryOf(last, s), s.TargetRevision, s.TagPrefix)
		}
		if err != nil {
			return nil
		}
		commits[i], resolved[branch(s)] = commit, commit
	}
	if slices.Equal(commits, last.commits) {
		return last
	}
	return a.moved(ctx, last, commits)
}

// moved returns last at other commits, nil unless they have the same in all files that it was made of.
func (a *Apps) moved(ctx context.Context, last *view, commits []string) *view {
	next := *last
	next.commits, next.infos = commits, make([]source.Revision, len(commits))
	trees, refs := make([]source.Tree, len(commits)), map[string]source.Tree{}
	for i, s := range last.spec.sources {
		repo := a.repositoryOf(last, s)
		var err error
		if trees[i], err = a.Git.Tree(ctx, repo, commits[i]); err == nil {
			next.infos[i], err = a.Git.Revision(ctx, repo, commits[i])
		}
		if err != nil {
			return nil
		}
		if s.Ref != "" {
			refs[s.Ref] = trees[i]
		}
	}
	for i, b := range last.bases {
		if same, err := b.looked.Holds(trees[i]); err != nil || !same {
			return nil
		}
		if b.render != nil && !b.render.Holds(trees[i], refs) { // without one it is there for others
			return nil
		}
	}
	return &next
}

// basis is what the desired state takes from one source, as far as that is files.
type basis struct {
	looked source.Trace  // before it was rendered
	render *render.Basis // nil for a source that is only a ref
}

func (a *Apps) repositoryOf(v *view, s v1alpha1.ApplicationSource) git.Repository {
	return repository(a.Catalog.RepositoryFor(s.RepoURL, v.spec.project))
}

// same reports whether v, of which only the desired state is known yet, will find what last found. What would be pruned
// depends on what other applications want by now.
func (v *view) same(last *view) bool {
	return v.complete == last.complete && v.cluster == last.cluster && v.unknown == nil && v.held == nil && !v.lifted && last.settled()
}

// settled reports whether what v found depends on nothing but what it is compared with.
func (v *view) settled() bool {
	return v.unknown == nil && v.held == nil && !v.lifted && len(v.extras) == 0 && v.undecided == "" && v.objects != nil
}

// hold goes on comparing with the last complete render while the source cannot be read: drift is still seen and
// healed. Nothing is deleted on the strength of it, and the status is Unknown.
func (v *view) hold(last *view) {
	v.complete, v.commits, v.infos, v.types, v.objects = last.complete, last.commits, last.infos, last.types, last.objects
}

// destination finds the cluster that the application goes to.
func (a *Apps) destination(v *view) {
	target, err := a.Catalog.Destination(v.spec.destination)
	if err != nil {
		v.nowhere = err
		v.note(v1alpha1.ConditionInvalidSpecError, "%s", err)
		return
	}
	v.server = target.Server
	if target.Problem != nil {
		v.note(v1alpha1.ConditionInvalidSpecError, "%s", target.Problem)
		return
	}
	if target.Agent != "" { // in the process that is this agent, it is its own cluster
		v.note(v1alpha1.ConditionComparisonError, "cluster %s is reached by its agent, which renders and compares what goes there", target.Name)
		return
	}
	c, err := a.Fleet.Cluster(target.Server)
	if err == nil {
		err = c.Unreachable()
	}
	if err != nil {
		v.note(v1alpha1.ConditionComparisonError, "%s", err)
		return
	}
	v.cluster = c
}

func (v *view) note(t v1alpha1.ApplicationConditionType, format string, args ...any) {
	v.notes = append(v.notes, v1alpha1.ApplicationCondition{Type: t, Message: fmt.Sprintf(format, args...)})
}

// desired renders the application's sources at the commits that they resolve to now.
func (a *Apps) desired(ctx context.Context, app *v1alpha1.Application, v, last *view, why cause) error {
	if len(v.spec.sources) == 0 {
		return problem.New(problem.Invalid, "spec.source is missing").WithHint("give a source with repoURL, path and targetRevision")
	}
	if err := a.permitted(v); err != nil {
		v.note(v1alpha1.ConditionInvalidSpecError, "%s", err)
		return err
	}
	if v.cluster == nil {
		return problem.New(problem.Unavailable, "the destination cluster is not to be had")
	}
	if err := a.checkHome(app, v); err != nil {
		v.note(v1alpha1.ConditionInvalidSpecError, "%s", err)
		return err
	}
	v.alone = v.spec.valuesFrom == "" && v.spec.postBuild == "" && app.Annotations[v1alpha1.AnnotationHold] == "" && app.Annotations[appset.AnnotationPreviewNamespace] == ""
	trees, err := a.trees(ctx, v, nil, why)
	if err == nil {
		trees, err = a.holdBack(ctx, app, v, trees)
	}
	if err != nil {
		return err
	}
	var known *complete
	if last != nil && last.server == v.server && !why.spec {
		known = last.complete
	}
	v.complete, err = a.rendered(ctx, app, v, trees, known)
	return err
}

// permitted checks the application's place, its sources, refs among them, and its destination against the project, and
// that its objects can be told from those of others.
func (a *Apps) permitted(v *view) error {
	if err := render.CheckSources(v.spec.sources); err != nil {
		return err
	}
	rules, err := a.rules(v)
	if err != nil {
		return err
	}
	for _, s := range v.spec.sources {
		if err := rules.Source(s.RepoURL); err != nil {
			return err
		}
	}
	if v.nowhere != nil {
		return v.nowhere
	}
	target := a.target(v)
	target.Namespace = v.spec.destination.Namespace
	if err := rules.Destination(target); err != nil {
		return err
	}
	return a.Catalog.Settings().Tracking.Check(object.Instance(a.Namespace, v.spec.name.Namespace, v.spec.name.Name))
}

// rules are those of the application's project, if the application may belong to it.
func (a *Apps) rules(v *view) (*project.Rules, error) {
	rules, err := a.Catalog.Rules(v.spec.project)
	if err == nil {
		err = rules.Application(v.spec.name.Name, v.spec.name.Namespace, a.Namespace)
	}
	return rules, err
}

// target is the view's cluster as a project's rules see it.
func (a *Apps) target(v *view) project.Target {
	for _, c := range a.Catalog.Clusters() {
		if c.Server == v.server {
			return project.Target{Server: c.Server, Name: c.Name, ClusterProject: c.Project}
		}
	}
	return project.Target{Server: v.server}
}

// tree is one source at an exact commit.
type tree struct {
	source   v1alpha1.ApplicationSource
	tree     source.Tree
	revision source.Revision
	looked   source.Trace     // what was looked at to get it ready
	missing  map[string]error // dependencies of a chart that could not be had
	// permitPlugin is render.Request's, for files that did not come from a repository
	permitPlugin func() error
}

// trees resolves each source once, to a full commit, and everything after uses that commit. Sources that name the same
// branch get the same commit, whoever pushes meanwhile. revisions, when given, name what to resolve instead of the
// sources' own targetRevision. One source that cannot be had fails all.
func (a *Apps) trees(ctx context.Context, v *view, revisions []string, why cause) ([]tree, error) {
	list := make([]tree, len(v.spec.sources))
	v.commits, v.infos = make([]string, len(list)), make([]source.Revision, len(list))
	for i, s := range v.spec.sources { // all contacts first, so that the commits are of about the same moment
		if err := a.fetch(ctx, v, s, why); err != nil {
			return nil, v.inSource(i, err)
		}
	}
	resolved := map[string]string{}
	for i, s := range v.spec.sources {
		v.alone = v.alone && !render.IsPackaged(s)
		if i < len(revisions) && revisions[i] != "" {
			s.TargetRevision = revisions[i]
		}
		if render.IsPackaged(s) {
			release, t, err := a.packaged(ctx, s, v.spec.project, time.Time{})
			if err != nil {
				return nil, v.inSource(i, err)
			}
			info := source.Revision{ID: release.Revision, Date: release.Created}
			list[i] = tree{source: v.spec.sources[i], tree: t, revision: info}
			if s.Chart == "" { // charts of repositories have theirs packed into them
				if err := a.build(ctx, v, &list[i], why.since()); err != nil {
					return nil, v.inSource(i, err)
				}
			}
			v.commits[i], v.infos[i] = info.ID, info
			continue
		}
		repo := a.repositoryOf(v, s)
		commit, err := resolved[branch(s)], error(nil)
		if commit == "" {
			if commit, err = a.Git.CommitTagged(ctx, repo, s.TargetRevision, s.TagPrefix); err != nil {
				return nil, v.inSource(i, err)
			}
			resolved[branch(s)] = commit
		}
		rules, err := a.rules(v)
		if err == nil {
			err = a.vouched(ctx, rules, s, repo, commit)
		}
		if err != nil {
			return nil, v.inSource(i, err)
		}
		if proof, _ := rules.Proof(s.RepoURL); proof != nil {
			v.alone = false // its keys can expire
		}
		t, err := a.Git.Tree(ctx, repo, commit)
		if err != nil {
			return nil, v.inSource(i, err)
		}
		info, err := a.Git.Revision(ctx, repo, commit)
		if err != nil {
			return nil, v.inSource(i, err)
		}
		list[i] = tree{source: v.spec.sources[i], tree: t, revision: info}
		if err := a.build(ctx, v, &list[i], why.since()); err != nil {
			return nil, v.inSource(i, err)
		}
		v.commits[i], v.infos[i] = commit, info
	}
	return list, nil
}

// fetch brings the mirror of the source's repository up to date, as far as the cause asks for it.
func (a *Apps) fetch(ctx context.Context, v *view, s v1alpha1.ApplicationSource, why cause) error {
	notBefore := why.since()
	if render.IsPackaged(s) {
		_, _, err := a.release(ctx, s, v.spec.project, notBefore)
		return err
	}
	_, err := a.Git.Refresh(ctx, a.repositoryOf(v, s), notBefore)
	return err
}

// since is how old what is known of a repository may be.
func (why cause) since() time.Time {
	notBefore := why.git
	if notBefore.IsZero() {
		notBefore = time.Unix(1, 0) // any fetch of this process will do
	}
	if poll := time.Now(); notBefore.After(poll) { // a poll due in the past half interval counts as done
		notBefore = poll
	}
	return notBefore
}

// branch names what a source follows: sources with the same one are at the same commit.
func branch(s v1alpha1.ApplicationSource) string {
	return source.NormalizeURL(s.RepoURL) + " " + s.Chart + " " + s.TargetRevision + " " + s.TagPrefix
}

// inSource says which of several sources an error is about.
func (v *view) inSource(i int, err error) error {
	if len(v.spec.sources) > 1 {
		problem.Wrap(&err, "%s", v.sourceName(i))
	}
	return err
}

// sourceName is what messages call one of several sources.
func (v *view) sourceName(i int) string {
	s := v.spec.sources[i]
	name := cmp.Or(s.Name, s.Ref, s.Chart, s.Path)
	if name == "" || name == "." {
		name = git.Redact(s.RepoURL)
	}
	return fmt.Sprintf("source %d of %d (%s)", i+1, len(v.spec.sources), name)
}

// where is a place in the sources, as messages name it.
func (v *view) where(o object.Origin) string {
	if len(v.spec.sources) < 2 || o.Source >= len(v.spec.sources) {
		return o.String()
	}
	return o.String() + " of " + v.sourceName(o.Source)
}

// rendered turns the trees into the complete set of marked objects; it returns known when nothing has changed since.
func (a *Apps) rendered(ctx context.Context, app *v1alpha1.Application, v *view, trees []tree, known *complete) (*complete, error) {
	settings := a.Catalog.Settings()
	v.capabilities = v.capabilitiesNow()
	refs := map[string]render.Ref{}
	for _, t := range trees {
		if t.source.Ref != "" {
			refs[t.source.Ref] = render.Ref{Tree: t.tree, Revision: t.revision.ID}
		}
	}
	given, err := a.lend(ctx, v)
	if err != nil {
		return nil, err
	}
	keys := a.Catalog.DecryptionKeys(v.spec.project)
	c := newComplete()
	var items []object.Item
	var digests []string
	v.types, v.bases = nil, nil
	for i, t := range trees {
		result, err := a.Render.Objects(ctx, render.Request{
			Tree: t.tree, Revision: t.revision.ID, Source: t.source, SourceIndex: i, Refs: refs, Missing: t.missing,
			App: a.appOf(app, v), Fresh: v.fresh, PermitPlugin: t.permitPlugin,
			Keys: keys, Given: given, Conceal: v.shown,
			Cluster:  v.capabilities,
			Settings: renderSettings(settings),
		})
		if err != nil {
			return nil, v.inSource(i, err)
		}
		v.rendered = v.rendered || result.Type != "" && !result.Hit
		digests = append(digests, result.Digest)
		v.types = append(v.types, result.Type)
		v.bases = append(v.bases, basis{looked: t.looked, render: result.Basis})
		v.alone = v.alone && (result.Basis != nil || render.IsRefOnly(t.source))
		items = append(items, result.Items...)
	}
	var plain [][]string // the same objects, once in plain text and once encrypted, are not the same to a project
	for _, item := range items {
		if len(item.Plain) > 0 {
			plain = append(plain, item.Plain)
		}
	}
	home, err := homeItems(app)
	if err != nil {
		return nil, err
	}
	items = append(items, home...)
	c.digest = object.Hash([]any{digests, plain, settings.Tracking, v.spec.destination, a.instance(app), v.spec.asleep != "", homeHash(app)})
	if known != nil && known.digest == c.digest {
		return known, nil
	}
	a.assemble(app, v, items, c)
	return c, nil
}

// capabilitiesNow is what a render may know of the cluster.
func (v *view) capabilitiesNow() render.Cluster {
	version, apis := v.cluster.Facts()
	return render.Cluster{KubeVersion: version, APIVersions: apis}
}

// appOf is what a render may know of the application.
func (a *Apps) appOf(app *v1alpha1.Application, v *view) render.App {
	return render.App{
		Name: app.Name, Namespace: app.Namespace, Project: v.spec.project, DestinationNamespace: v.spec.destination.Namespace,
		Instance: a.instance(app), GeneratePaths: app.Annotations[v1alpha1.AnnotationManifestGeneratePaths],
	}
}

// assemble makes the complete set of what was rendered: placed, marked, without what the settings exclude. Of an object
// that comes several times the last one counts (Argo CD's rule, and the order of the sources is the user's).
func (a *Apps) assemble(app *v1alpha1.Application, v *view, items []object.Item, c *complete) {
	settings := a.Catalog.Settings()
	scopes := scopesOf(items)
	var placed object.Set
	times := map[object.Key]int{}
	for _, item := range items {
		o := a.place(v, item.Object, scopes)
		if v.spec.asleep != "" {
			o = plan.Rested(o)
		}
		if kind, ok := v.cluster.Kind(o.GroupVersionKind().GroupKind()); ok && kind.Excluded {
			c.note(v1alpha1.ConditionExcludedResourceWarning, "Resource %s is excluded in the settings", object.KeyOf(o))
			continue
		}
		namespace := o.GetNamespace()
		if namespace == "" {
			namespace = v.spec.destination.Namespace
		}
		marked := settings.Tracking.Mark(object.FoldStringData(o), a.instance(app), namespace)
		key := object.KeyOf(marked)
		if placed.Put(object.Item{Object: marked, Origin: item.Origin}) {
			times[key]++
		}
		c.origin[key] = item.Origin
		c.plain[key] = item.Plain
	}
	for _, key := range sortedKeys(times) {
		c.note(v1alpha1.ConditionRepeatedResourceWarning, "Resource %s appeared %d times among application resources. The last one counts: %s", key, times[key]+1, v.where(c.origin[key]))
	}
	for _, item := range placed.Items() {
		c.objects = append(c.objects, item.Object)
		if plan.IsHook(item.Object) || plan.IsSkipped(item.Object) {
			c.aside[object.KeyOf(item.Object)] = true
		}
	}
}

// given turns manifests that came with an operation into its complete set. (`argocd app sync --local` sends them.)
func (a *Apps) given(app *v1alpha1.Application, v *view, manifests []string) (*complete, error) {
	c := newComplete()
	var items []object.Item
	for i, text := range manifests {
		more, err := object.Parse([]byte(text), fmt.Sprintf("operation.sync.manifests[%d]", i))
		if err != nil {
			return nil, err
		}
		for i := range more {
			more[i].Plain = render.PlainValues(more[i].Object)
		}
		items = append(items, more...)
	}
	c.digest = object.Hash(manifests)
	a.assemble(app, v, items, c)
	return c, nil
}

func newComplete() *complete {
	return &complete{origin: map[object.Key]object.Origin{}, aside: map[object.Key]bool{}, plain: map[object.Key][]string{}}
}

func (c *complete) note(t v1alpha1.ApplicationConditionType, format string, args ...any) {
	c.notes = append(c.notes, v1alpha1.ApplicationCondition{Type: t, Message: fmt.Sprintf(format, args...)})
}

// place fills in the namespace of an object whose manifest names none, and takes away one that its kind cannot have.
func (a *Apps) place(v *view, o *object.Object, scopes map[schema.GroupKind]bool) *object.Object {
	gk := o.GroupVersionKind().GroupKind()
	namespaced := true // a kind that nobody knows fails on apply, with the API server's words
	if k, ok := v.cluster.Kind(gk); ok {
		namespaced = k.Namespaced
	} else if n, ok := scopes[gk]; ok {
		namespaced = n
	}
	switch {
	case namespaced && o.GetNamespace() == "":
		return object.InNamespace(o, cmp.Or(v.spec.destination.Namespace, "default"))
	case !namespaced && o.GetNamespace() != "":
		return object.InNamespace(o, "")
	}
	return o
}

// scopesOf tells, for the kinds that CRDs among the items define, whether they are namespaced.
func scopesOf(items []object.Item) map[schema.GroupKind]bool {
	m := map[schema.GroupKind]bool{}
	for _, item := range items {
		if item.Object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		group, _, _ := unstructured.NestedString(item.Object.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(item.Object.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(item.Object.Object, "spec", "scope")
		m[schema.GroupKind{Group: group, Kind: kind}] = scope != "Cluster"
	}
	return m
}

func renderSettings(s *catalog.Settings) render.Settings {
	return render.Settings{KustomizeBuildOptions: s.KustomizeBuildOptions, DisableHelm: !s.Helm, DisableKustomize: !s.Kustomize, DisableJsonnet: !s.Jsonnet,
		PluginsGetAll: s.PluginsGetAll, PluginExclusions: s.PluginExclusions}
}

// repository maps the catalog's record to what git fetches: siblings do not know each other.
func repository(r catalog.Repository) git.Repository {
	to := git.Repository{
		URL: r.URL, Username: git.Secret(r.Username.Reveal()), Password: git.Secret(r.Password.Reveal()), BearerToken: git.Secret(r.BearerToken.Reveal()),
		SSHPrivateKey: git.Secret(r.SSHPrivateKey.Reveal()), TLSClientCert: git.Secret(r.TLSClientCert.Reveal()), TLSClientKey: git.Secret(r.TLSClientKey.Reveal()),
		CA: r.CA, KnownHosts: r.KnownHosts, Insecure: r.Insecure, InsecureIgnoreHostKey: r.InsecureIgnoreHostKey, ForceBasicAuth: r.ForceBasicAuth,
		Proxy: r.Proxy, NoProxy: r.NoProxy, Depth: r.Depth, EnableLFS: r.EnableLFS, Identity: git.Identity{GCPKey: git.Secret(r.GCPKey.Reveal()), Workload: r.Workload},
	}
	if app := r.GitHubApp; app != nil {
		to.Identity.GitHubApp = &git.GitHubApp{ID: app.ID, InstallationID: app.InstallationID, PrivateKey: git.Secret(app.PrivateKey.Reveal()), BaseURL: app.BaseURL}
	}
	if p := r.Azure; p != nil {
		to.Identity.Azure = &git.AzurePrincipal{TenantID: p.TenantID, ClientID: p.ClientID, ClientSecret: git.Secret(p.ClientSecret.Reveal()), Endpoint: p.Endpoint}
	}
	return to
}

// short is a commit as people write it.
func short(commits []string) string {
	list := slices.Clone(commits)
	for i, c := range list {
		list[i] = source.ShortRevision(c)
	}
	return strings.Join(list, ",")
}
