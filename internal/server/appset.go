package server

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) setMethods() []method {
	const set = "applicationset.ApplicationSetService/"
	ofGet := func(q *argocd.ApplicationSetGetQuery) setRef { return setRef{q.Name, q.AppsetNamespace} }
	return []method{
		unary(set+"List", visible[argocd.ApplicationSetListQuery](rbac.ApplicationSets, rbac.Get), s.listSets),
		stream(set+"Watch", visible[argocd.ApplicationSetWatchQuery](rbac.ApplicationSets, rbac.Get), s.watchSets),
		unary(set+"Get", onSet(rbac.Get, ofGet), s.getSet),
		unary(set+"Create", on(rbac.ApplicationSets, rbac.Create, newSetOfCreate), s.createSet),
		unary(set+"Delete", onSet(rbac.Delete, func(q *argocd.ApplicationSetDeleteRequest) setRef { return setRef{q.Name, q.AppsetNamespace} }), s.deleteSet),
		unary(set+"ResourceTree", onSet(rbac.Get, func(q *argocd.ApplicationSetTreeQuery) setRef { return setRef{q.Name, q.AppsetNamespace} }), s.setTree),
		unary(set+"ListResourceEvents", onSet(rbac.Get, ofGet), s.setEvents),
		unary(set+"Generate", on(rbac.ApplicationSets, rbac.Create, newSetOfGenerate), s.generateSet),
	}
}

// setFilter is what a caller asks of a list or a watch of ApplicationSets, and may see of it.
type setFilter struct {
	name, namespace string
	projects        []string
	labels          labels.Selector
	may             *rbac.Matcher
}

func (c *call) setFilter(name, namespace, selector string, projects []string) (*setFilter, error) {
	f := &setFilter{name: name, namespace: namespace, projects: slices.DeleteFunc(slices.Clone(projects), func(p string) bool { return p == "" })}
	var err error
	if f.labels, err = labels.Parse(selector); err != nil {
		return nil, problem.New(problem.Invalid, "error parsing the selector: %v", err)
	}
	f.may = c.table.Matcher(rbac.ApplicationSets, rbac.Get)
	return f, nil
}

func (f *setFilter) wants(s *server, set *v1alpha1.ApplicationSet) bool {
	return (f.name == "" || set.Name == f.name) &&
		(f.namespace == "" || set.Namespace == f.namespace) &&
		(len(f.projects) == 0 || slices.Contains(f.projects, set.Spec.Template.Spec.Project)) &&
		f.labels.Matches(labels.Set(set.Labels)) &&
		f.may.Allows(s.setObject(set))
}

func (s *server) listSets(c *call, q *argocd.ApplicationSetListQuery) (*v1alpha1.ApplicationSetList, error) {
	f, err := c.setFilter("", q.AppsetNamespace, q.Selector, q.Projects)
	if err != nil {
		return nil, err
	}
	all, version := s.Catalog.ApplicationSets()
	list := &v1alpha1.ApplicationSetList{Items: []v1alpha1.ApplicationSet{}}
	list.ResourceVersion = version
	for _, set := range all {
		if f.wants(s, set) {
			list.Items = append(list.Items, *set)
		}
	}
	slices.SortStableFunc(list.Items, func(a, b v1alpha1.ApplicationSet) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// watchSets is watchApplications for ApplicationSets.
func (s *server) watchSets(c *call, q *argocd.ApplicationSetWatchQuery, send func(*argocd.ApplicationSetWatchEvent) error) error {
	version := q.ResourceVersion
	if q.Name != "" {
		version = ""
	}
	w := s.Catalog.WatchApplicationSets(version)
	defer w.Close()
	filter := func() (func(*v1alpha1.ApplicationSet) bool, error) {
		f, err := c.setFilter(q.Name, q.AppSetNamespace, q.Selector, q.Projects)
		return func(set *v1alpha1.ApplicationSet) bool { return f.wants(s, set) }, err
	}
	return following(c, recheckEvery, w.Next, filter, func(e catalog.WatchEvent[*v1alpha1.ApplicationSet]) error {
		return send(&argocd.ApplicationSetWatchEvent{Type: string(e.Type), ApplicationSet: *e.Object})
	})
}

func (s *server) getSet(c *call, _ *argocd.ApplicationSetGetQuery) (*v1alpha1.ApplicationSet, error) {
	return c.set, nil
}

// createSet makes an ApplicationSet, or is content with one that is the same. A different one is only changed with
// upsert, and by those who may change it.
func (s *server) createSet(c *call, q *argocd.ApplicationSetCreateRequest) (*v1alpha1.ApplicationSet, error) {
	set, err := s.askedSet(q.Applicationset)
	if err != nil {
		return nil, err
	}
	if q.DryRun {
		return s.drySet(c, set)
	}
	made, err := s.Catalog.CreateApplicationSet(c, set)
	if err == nil {
		s.tell(c, made, v1alpha1.EventResourceCreated, "created ApplicationSet")
		return made, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	old, lookErr := s.Catalog.ApplicationSet(types.NamespacedName{Namespace: set.Namespace, Name: set.Name})
	switch {
	case lookErr != nil:
		return nil, err
	case sameSet(old, set):
		return old, nil
	case !q.Upsert:
		return nil, problem.New(problem.Invalid, "existing ApplicationSet spec is different, use upsert flag to force update")
	}
	if !c.may(rbac.ApplicationSets, rbac.Get, s.setObject(old)) { // the refusal of an update would name its project
		return nil, problem.New(problem.Forbidden, "permission denied")
	}
	updated, err := s.Catalog.EditApplicationSet(c, old, func(n *v1alpha1.ApplicationSet) error {
		// It may be of another project: who takes it over must be allowed to change it here and there.
		for _, o := range []string{s.setObject(n), s.setObject(set)} {
			if err := c.must(rbac.ApplicationSets, rbac.Update, o); err != nil {
				return err
			}
		}
		n.Spec = set.Spec
		n.Labels, n.Annotations, n.Finalizers = merged(n.Labels, set.Labels), merged(n.Annotations, set.Annotations), set.Finalizers
		return nil
	})
	if err != nil {
		return nil, err
	}
	if updated.ResourceVersion != old.ResourceVersion {
		s.tell(c, updated, v1alpha1.EventResourceUpdated, "updated ApplicationSets spec")
	}
	return updated, nil
}

// askedSet is the part of an ApplicationSet that its people decide, once it is known to be one that can be kept.
func (s *server) askedSet(asked *v1alpha1.ApplicationSet) (*v1alpha1.ApplicationSet, error) {
	if asked == nil {
		return nil, problem.New(problem.Invalid, "error creating ApplicationSets: ApplicationSets is nil in request")
	}
	set := &v1alpha1.ApplicationSet{TypeMeta: asked.TypeMeta, Spec: asked.DeepCopy().Spec}
	set.Name, set.Namespace = asked.Name, asked.Namespace
	set.Labels, set.Annotations, set.Finalizers = maps.Clone(asked.Labels), maps.Clone(asked.Annotations), slices.Clone(asked.Finalizers)
	if set.Namespace == "" {
		set.Namespace = s.Namespace
	}
	if faults := validation.IsDNS1123Subdomain(set.Name); len(faults) > 0 {
		return nil, problem.New(problem.Invalid, "ApplicationSet name %q is not valid: %s", clip(set.Name), faults[0])
	}
	invalid := func(format string, args ...any) error {
		return problem.New(problem.Invalid, "error validating ApplicationSets: "+format, args...)
	}
	project := set.Spec.Template.Spec.Project
	if strings.Contains(project, "{{") { // its permissions are those of a project, and a template is none
		return nil, invalid("the Argo CD API does not currently support creating ApplicationSets with templated `project` fields")
	}
	var empty []string
	for i, g := range set.Spec.Generators {
		if g == (v1alpha1.ApplicationSetGenerator{}) {
			empty = append(empty, "generators["+strconv.Itoa(i)+"]")
		}
	}
	if len(empty) > 0 {
		return nil, invalid("ApplicationSet %s contains unrecognized generators: %s", set.Name, strings.Join(empty, ", "))
	}
	if _, err := s.Catalog.Project(setProject(set)); problem.Is(err, problem.NotFound) {
		return nil, problem.New(problem.Invalid, "ApplicationSet references project %s which does not exist", clip(project))
	} else if err != nil {
		return nil, err
	}
	return set, nil
}

func sameSet(a, b *v1alpha1.ApplicationSet) bool {
	return object.Hash(a.Spec) == object.Hash(b.Spec) && maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations) && slices.Equal(a.Finalizers, b.Finalizers)
}

func (s *server) deleteSet(c *call, _ *argocd.ApplicationSetDeleteRequest) (*argocd.ApplicationSetResponse, error) {
	if err := s.Catalog.DeleteApplicationSet(c, c.set); err != nil {
		return nil, err
	}
	s.tell(c, c.set, v1alpha1.EventResourceDeleted, "deleted ApplicationSets")
	return &argocd.ApplicationSetResponse{}, nil
}

// setTree is the Applications of an ApplicationSet, as its status has them.
func (s *server) setTree(c *call, _ *argocd.ApplicationSetTreeQuery) (*argocd.ApplicationSetTree, error) {
	group, version, _ := strings.Cut(v1alpha1.APIVersion, "/")
	parent := argocd.ResourceRef{Group: group, Version: version, Kind: v1alpha1.KindApplicationSet, Namespace: c.set.Namespace, Name: c.set.Name, UID: string(c.set.UID)}
	tree := &argocd.ApplicationSetTree{}
	for _, r := range c.set.Status.Resources {
		tree.Nodes = append(tree.Nodes, argocd.ResourceNode{
			ResourceRef: argocd.ResourceRef{Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: c.set.Namespace, Name: r.Name},
			ParentRefs:  []argocd.ResourceRef{parent}, Health: r.Health,
		})
	}
	slices.SortStableFunc(tree.Nodes, func(a, b argocd.ResourceNode) int { return strings.Compare(a.Name, b.Name) })
	return tree, nil
}

func (s *server) setEvents(c *call, _ *argocd.ApplicationSetGetQuery) (*corev1.EventList, error) {
	list, err := s.Catalog.Events(c, v1alpha1.KindApplicationSet, c.set.Namespace, c.set.Name, string(c.set.UID))
	if err != nil {
		return nil, err
	}
	return &corev1.EventList{Items: list}, nil
}

// drySet answers with the set as it would be: its status lists what it would make.
func (s *server) drySet(c *call, set *v1alpha1.ApplicationSet) (*v1alpha1.ApplicationSet, error) {
	apps, err := s.Apps.Generate(c, set)
	if err != nil {
		return nil, err
	}
	out := set.DeepCopy()
	out.Status.ResourcesCount = int64(len(apps))
	for _, app := range apps {
		out.Status.Resources = append(out.Status.Resources, v1alpha1.ResourceStatus{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.KindApplication, Namespace: app.Namespace, Name: app.Name})
	}
	return out, nil
}

// generateSet answers with what a set would make; nothing is stored.
func (s *server) generateSet(c *call, q *argocd.ApplicationSetGenerateRequest) (*argocd.ApplicationSetGenerateResponse, error) {
	set, err := s.askedSet(q.ApplicationSet)
	if err != nil {
		return nil, err
	}
	apps, err := s.Apps.Generate(c, set)
	if err != nil {
		return nil, err
	}
	out := &argocd.ApplicationSetGenerateResponse{Applications: make([]v1alpha1.Application, 0, len(apps))}
	for _, app := range apps {
		out.Applications = append(out.Applications, *app)
	}
	return out, nil
}
