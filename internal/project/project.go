// Package project answers what an AppProject permits: may this application use this repository, deploy to this
// cluster and namespace, contain this kind of object?
//
// The idea: New compiles the rules of a project once; every question is then a method that returns nil or the
// sentence that people see. Read Rules.Object first: it is asked for every object on every path. Whoever asks gives
// facts (the cluster an address resolved to, whether a kind is namespaced), never claims. The package refuses to
// look anything up, and a rule it cannot understand permits nothing.
//
// The rules and sentences are Argo CD's (its project documentation), with three differences, all on the strict side:
// a part that starts with "!" denies whenever it matches, whatever the other parts of its entry say; repository
// addresses that climb (..) match no rule; namespaces that no cluster could hold are refused.
package project

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Rules are the compiled rules of one project, safe for concurrent use.
type Rules struct {
	name             string
	spec             *v1alpha1.AppProjectSpec
	sources          []pattern
	destinations     []destination
	sourceNamespaces []pattern
	windows          []window
	accounts         []accountRule
	problems         []error
}

// Target is a place that objects go to: a registered cluster and a namespace in it.
type Target struct {
	Server         string // address of the cluster's API server
	Name           string // name under which the cluster is registered
	Namespace      string // empty for cluster-scoped objects
	ClusterProject string // the project that the cluster's record belongs to; empty for all
}

type destination struct{ server, name, namespace pattern }

// Input is what the rules of a project are made of. Nothing in it may be changed afterwards.
type Input struct {
	Project *v1alpha1.AppProject
	// Global are the projects that it inherits from: their lists of repositories, destinations, kinds and windows are
	// added to its own. (Argo CD's globalProjects.)
	Global []*v1alpha1.AppProject
	// Repositories and Clusters are those registered for this project: they are permitted without being listed, unless
	// the project denies them. A target without namespace stands for all of its namespaces. (Argo CD's project-scoped
	// repositories and clusters.)
	Repositories []string
	Clusters     []Target
}

// New compiles a project that stands alone.
func New(p *v1alpha1.AppProject) *Rules { return Compile(Input{Project: p}) }

// Compile compiles the rules of a project.
func Compile(in Input) *Rules {
	r := compileSpec(in.Project.Name, inherit(in.Project.Spec, in.Global))
	for _, url := range in.Repositories {
		r.sources = append(r.sources, exactly(source.NormalizeURL(url)))
	}
	for _, t := range in.Clusters {
		d := destination{server: exactly(trimServer(t.Server)), name: nothing, namespace: everything}
		if t.Namespace != "" {
			d.namespace = exactly(t.Namespace)
		}
		r.destinations = append(r.destinations, d)
	}
	return r
}

// inherit adds the lists of the global projects to a project's own. An absent list of permitted namespaced kinds, which
// permits all, becomes that of the global project: to inherit a restriction is what global projects are for.
func inherit(spec v1alpha1.AppProjectSpec, global []*v1alpha1.AppProject) *v1alpha1.AppProjectSpec {
	for _, g := range global {
		spec.SourceRepos = slices.Concat(spec.SourceRepos, g.Spec.SourceRepos)
		spec.Destinations = slices.Concat(spec.Destinations, g.Spec.Destinations)
		spec.ClusterResourceWhitelist = slices.Concat(spec.ClusterResourceWhitelist, g.Spec.ClusterResourceWhitelist)
		spec.ClusterResourceBlacklist = slices.Concat(spec.ClusterResourceBlacklist, g.Spec.ClusterResourceBlacklist)
		if g.Spec.NamespaceResourceWhitelist != nil { // an empty list is one, too
			spec.NamespaceResourceWhitelist = append(append([]metav1.GroupKind{}, spec.NamespaceResourceWhitelist...), g.Spec.NamespaceResourceWhitelist...)
		}
		spec.NamespaceResourceBlacklist = slices.Concat(spec.NamespaceResourceBlacklist, g.Spec.NamespaceResourceBlacklist)
		spec.SyncWindows = slices.Concat(spec.SyncWindows, g.Spec.SyncWindows)
		spec.DestinationServiceAccounts = slices.Concat(spec.DestinationServiceAccounts, g.Spec.DestinationServiceAccounts)
	}
	return &spec
}

func compileSpec(name string, spec *v1alpha1.AppProjectSpec) *Rules {
	r := &Rules{name: name, spec: spec}
	for _, s := range spec.SourceRepos {
		not, address := deny(s)
		r.sources = append(r.sources, r.compile(not, source.NormalizeURL(address), '/', "sourceRepos"))
	}
	for _, d := range spec.Destinations {
		part := func(s string) pattern {
			not, text := deny(s)
			return r.compile(not, text, 0, "destinations")
		}
		r.destinations = append(r.destinations, destination{
			server: part(trimServer(d.Server)), name: part(d.Name), namespace: part(d.Namespace),
		})
	}
	for i := range spec.SyncWindows {
		w := compileWindow(&spec.SyncWindows[i])
		if r.windows = append(r.windows, w); w.err != nil {
			r.fault(w.err, "syncWindows")
		}
	}
	r.compileAccounts(spec.DestinationServiceAccounts)
	for _, s := range spec.SourceNamespaces {
		if p, err := namespacePattern(s); err != nil {
			r.fault(err, "sourceNamespaces")
		} else {
			r.sourceNamespaces = append(r.sourceNamespaces, p)
		}
	}
	return r
}

// Spec returns what the rules were compiled from, inherited lists included. It is shared: copy before changing.
func (r *Rules) Spec() *v1alpha1.AppProjectSpec { return r.spec }

// Problems lists the rules that could not be understood. They permit nothing, and those that deny deny everything.
func (r *Rules) Problems() []error { return r.problems }

// Source reports whether applications may use the repository. It is nil or a problem of kind Forbidden.
func (r *Rules) Source(repoURL string) error {
	refused := problem.New(problem.Forbidden, "application repo %s is not permitted in project '%s'", repoURL, r.name)
	address := source.NormalizeURL(repoURL)
	if climbs(address) {
		return refused
	}
	permitted := false
	for _, p := range r.sources {
		if p.denies(address) {
			return refused
		}
		permitted = permitted || p.allows(address)
	}
	if !permitted {
		return refused
	}
	return nil
}

// Destination reports whether applications may name t as their destination. It is nil or a problem of kind
// Forbidden, or Invalid for a namespace that cannot exist.
func (r *Rules) Destination(t Target) error {
	if err := checkNamespace(t.Namespace); err != nil {
		return err
	}
	if !r.reaches(t) {
		return problem.New(problem.Forbidden, "application destination server '%s' and namespace '%s' do not match any of the allowed destinations in project '%s'",
			t.Server, t.Namespace, r.name)
	}
	return nil
}

// Object reports whether the object named by key may be in an application that is deployed to t's cluster; t's
// namespace does not count, the object's own does. namespaced is the kind's scope as the cluster knows it. It is asked
// for what is applied, pruned, shown and acted on alike.
func (r *Rules) Object(key object.Key, namespaced bool, t Target) error {
	if err := r.Kind(key.GroupKind(), key.Name, namespaced); err != nil || !namespaced {
		return err
	}
	if err := checkNamespace(key.Namespace); err != nil {
		return err
	}
	t.Namespace = key.Namespace
	if !r.reaches(t) {
		return problem.New(problem.Forbidden, "namespace %s is not permitted in project '%s'", key.Namespace, r.name)
	}
	return nil
}

// Kind reports whether objects of the kind may be deployed. Namespaced kinds may unless they are on the blacklist, or
// there is a whitelist (an empty one counts) and they are not on it; cluster-scoped kinds only when they are on the
// whitelist and not on the blacklist. name is empty when it is not known yet (generateName).
func (r *Rules) Kind(gk schema.GroupKind, name string, namespaced bool) error {
	allowed, denied := false, false
	if namespaced {
		allowed = r.spec.NamespaceResourceWhitelist == nil
		for _, w := range r.spec.NamespaceResourceWhitelist {
			allowed = allowed || matchKind(w.Group, w.Kind, gk, false)
		}
		for _, b := range r.spec.NamespaceResourceBlacklist {
			denied = denied || matchKind(b.Group, b.Kind, gk, true)
		}
	} else {
		for _, w := range r.spec.ClusterResourceWhitelist {
			allowed = allowed || matchKind(w.Group, w.Kind, gk, false) && matchName(w.Name, name, false)
		}
		for _, b := range r.spec.ClusterResourceBlacklist {
			denied = denied || matchKind(b.Group, b.Kind, gk, true) && matchName(b.Name, name, true)
		}
	}
	if !allowed || denied {
		return problem.New(problem.Forbidden, "resource %s:%s is not permitted in project %s", gk.Group, gk.Kind, r.name)
	}
	return nil
}

// Application reports whether an Application in namespace may belong to the project. Those in the control namespace
// always may.
func (r *Rules) Application(name, namespace, controlNamespace string) error {
	if namespace == "" || namespace == controlNamespace {
		return nil
	}
	if matchAny(r.sourceNamespaces, namespace) {
		return nil
	}
	return problem.New(problem.Forbidden, "application '%s' in namespace '%s' is not allowed to use project %s", name, namespace, r.name)
}

// IgnoresOrphan reports whether the project does not count an object that belongs to nobody
// (spec.orphanedResources.ignore; an empty part matches everything).
func (r *Rules) IgnoresOrphan(key object.Key) bool {
	if r.spec.OrphanedResources == nil {
		return true
	}
	for _, i := range r.spec.OrphanedResources.Ignore {
		if matchKind(cmp.Or(i.Group, "*"), cmp.Or(i.Kind, "*"), key.GroupKind(), false) && matchName(i.Name, key.Name, false) {
			return true
		}
	}
	return false
}

// reaches reports whether some entry allows t and none denies it.
func (r *Rules) reaches(t Target) bool {
	if r.spec.PermitOnlyProjectScopedClusters && t.ClusterProject != r.name {
		return false
	}
	t.Server = trimServer(t.Server)
	permitted := false
	for _, d := range r.destinations {
		if d.server.denies(t.Server) || d.name.denies(t.Name) || d.namespace.denies(t.Namespace) {
			return false
		}
		if d.server.not && t.Server == "" || d.name.not && t.Name == "" {
			return false // it cannot be told that the cluster is not the denied one
		}
		cluster := t.Server != "" && d.server.allows(t.Server) || t.Name != "" && d.name.allows(t.Name)
		permitted = permitted || cluster && d.namespace.allows(t.Namespace)
	}
	return permitted
}

// pattern is one glob of a rule. A negated one allows what it does not match, as in Argo CD: the entry
// {server: "*", namespace: "!kube-system"} on its own allows every other namespace.
type pattern struct {
	not  bool
	glob *regexp.Regexp // nil when it could not be understood
}

func (p pattern) allows(s string) bool { return p.glob != nil && p.glob.MatchString(s) != p.not }
func (p pattern) denies(s string) bool { return p.not && (p.glob == nil || p.glob.MatchString(s)) }

// exactly is the pattern of one text, whatever characters are in it.
func exactly(text string) pattern {
	return pattern{glob: regexp.MustCompile(`\A` + regexp.QuoteMeta(text) + `\z`)}
}

var nothing, everything = pattern{}, pattern{glob: regexp.MustCompile(``)}

func deny(s string) (bool, string) {
	rest, not := strings.CutPrefix(s, "!")
	return not, rest
}

func (r *Rules) compile(not bool, text string, separator rune, field string) pattern {
	if text == "*" {
		separator = 0 // alone it means everything, addresses included
	}
	re, err := glob(text, separator)
	if err != nil {
		r.fault(err, field)
	}
	return pattern{not: not, glob: re}
}

func (r *Rules) fault(err error, field string) {
	r.problems = append(r.problems, problem.Because(problem.Invalid, err, "project '%s': spec.%s", r.name, field))
}

// Namespaces compiles a list of names of namespaces, each a glob or a regular expression between slashes, into what
// reports whether a namespace is one of them. (Argo CD's application.namespaces.)
func Namespaces(list []string) (func(string) bool, error) {
	var patterns []pattern
	for _, s := range list {
		p, err := namespacePattern(s)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, p)
	}
	return func(name string) bool { return matchAny(patterns, name) }, nil
}

// Addresses compiles a list of addresses of repositories, each a glob whose * is anything, or a regular expression between
// slashes, into what reports whether an address is one of them. Spellings of one address are the same, and so are a
// registry's with oci:// and without.
func Addresses(list []string) (func(string) bool, error) {
	normal := func(address string) string {
		return source.NormalizeURL(strings.TrimPrefix(strings.TrimSpace(address), "oci://"))
	}
	var patterns []pattern
	for _, s := range list {
		if !strings.HasPrefix(s, "/") {
			s = normal(s)
		}
		p, err := namespacePattern(s)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, p)
	}
	return func(address string) bool { return matchAny(patterns, normal(address)) }, nil
}

func matchAny(patterns []pattern, s string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool { return p.allows(s) })
}

// namespacePattern compiles a glob, or a regular expression between slashes.
func namespacePattern(s string) (pattern, error) {
	if len(s) < 3 || !strings.HasPrefix(s, "/") || !strings.HasSuffix(s, "/") {
		re, err := glob(s, 0)
		return pattern{glob: re}, err
	}
	if len(s) > maxPattern {
		return pattern{}, problem.New(problem.Limit, "pattern of %d characters: more than %d", len(s), maxPattern)
	}
	not, text := lookahead(s[1 : len(s)-1])
	re, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, problem.Because(problem.Invalid, err, "pattern %q", s).
			WithHint("Go's syntax; of lookaheads only /^((?!word).)*$/ and /^(?!start).*$/ are understood")
	}
	return pattern{not: not, glob: re}, nil
}

var withoutWord, withoutStart = regexp.MustCompile(`^\^\(\(\?!(.+)\)\.\)\*\$$`), regexp.MustCompile(`^\^\(\?!(.+)\)\.[*+]\$?$`)

// lookahead turns the two ways in which people write "all but these" into what Go's expressions can say: they know no
// lookaheads, because those do not run in linear time. (The first is the example in Argo CD's documentation.)
func lookahead(expression string) (not bool, _ string) {
	if m := withoutWord.FindStringSubmatch(expression); m != nil {
		return true, m[1]
	}
	if m := withoutStart.FindStringSubmatch(expression); m != nil {
		return true, "^(?:" + m[1] + ")"
	}
	return false, expression
}

// matchKind compares group and kind with shell patterns; a malformed pattern counts as inDoubt.
func matchKind(group, kind string, gk schema.GroupKind, inDoubt bool) bool {
	g, errG := path.Match(group, gk.Group)
	k, errK := path.Match(kind, gk.Kind)
	if errG != nil || errK != nil {
		return inDoubt
	}
	return g && k
}

func matchName(pattern, name string, inDoubt bool) bool {
	if pattern == "" || pattern == "*" {
		return true
	}
	ok, err := path.Match(pattern, name)
	if err != nil || name == "" {
		return inDoubt
	}
	return ok
}

func trimServer(s string) string { return strings.TrimRight(s, "/") }

// climbs reports whether a repository address could lead elsewhere than it reads: dot elements (plain or encoded)
// would let https://git/team/../other pass a rule for https://git/team/**.
func climbs(address string) bool {
	address = strings.NewReplacer("%2e", ".", "%2f", "/", "%5c", `\`).Replace(address)
	for _, element := range strings.FieldsFunc(address, func(c rune) bool { return c == '/' || c == '\\' }) {
		if element == "." || element == ".." {
			return true
		}
	}
	return strings.ContainsFunc(address, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' })
}

var namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// checkNamespace refuses what no cluster could hold. A trailing space or a look-alike letter must not be a way around
// a rule that denies the plain name.
func checkNamespace(namespace string) error {
	if namespace == "" || namespaceName.MatchString(namespace) {
		return nil
	}
	return problem.New(problem.Invalid, "namespace %q is not a valid name", namespace).
		WithHint("at most 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit")
}
