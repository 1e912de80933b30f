package server

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// newApplication names the application that a request wants to make, for the rule.
func newApplication(c *call, q *argocd.ApplicationCreateRequest) string {
	if q.Application == nil {
		return "/"
	}
	return c.s.object(q.Application)
}

// createApplication makes an application, or is content with one that is the same. A different one is only changed with
// upsert, and by those who may change it.
func (s *server) createApplication(c *call, q *argocd.ApplicationCreateRequest) (*v1alpha1.Application, error) {
	if q.Application == nil {
		return nil, problem.New(problem.Invalid, "error creating application: application is nil in request")
	}
	app := editable(q.Application)
	if app.Namespace == "" {
		app.Namespace = s.Namespace
	}
	if faults := validation.IsDNS1123Subdomain(app.Name); len(faults) > 0 {
		return nil, problem.New(problem.Invalid, "application name %q is not valid: %s", clip(app.Name), faults[0])
	}
	if err := s.validate(c, app, q.Validate == nil || *q.Validate); err != nil {
		return nil, err
	}
	made, err := s.Catalog.CreateApplication(c, app)
	if err == nil {
		s.tell(c, made, v1alpha1.EventResourceCreated, "created application")
		return judged(s.Apps.Told(made)), nil
	}
	old, lookErr := s.Catalog.Application(nameOf(app))
	if !problem.Is(err, problem.Conflict) || lookErr != nil {
		return nil, err
	}
	if same := sameRequest(old, app); !same && !q.Upsert {
		return nil, problem.New(problem.Invalid, "existing application spec is different, use upsert flag to force update")
	} else if !c.may(rbac.Applications, rbac.Get, s.object(old)) { // the answer would show it, the refusal of an update its project
		return nil, problem.New(problem.Forbidden, "permission denied")
	} else if same {
		return s.shown(old), nil
	}
	return s.change(c, old, func(n *v1alpha1.Application) error {
		n.Spec = app.Spec
		n.Labels = merged(n.Labels, app.Labels)
		n.Annotations = merged(n.Annotations, app.Annotations)
		n.Finalizers = app.Finalizers
		return nil
	})
}

// editable is the part of an application that its people decide: an operation, a status or an owner in a request counts
// for nothing, because other methods, with other permissions, are for those.
func editable(app *v1alpha1.Application) *v1alpha1.Application {
	n := &v1alpha1.Application{TypeMeta: app.TypeMeta, Spec: *app.Spec.DeepCopy()}
	n.Name, n.Namespace = app.Name, app.Namespace
	n.Labels, n.Annotations, n.Finalizers = maps.Clone(app.Labels), maps.Clone(app.Annotations), slices.Clone(app.Finalizers)
	if n.Spec.Project == "" {
		n.Spec.Project = v1alpha1.DefaultProject
	}
	return n
}

func sameRequest(a, b *v1alpha1.Application) bool {
	return object.Hash(a.Spec) == object.Hash(b.Spec) && maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations) && slices.Equal(a.Finalizers, b.Finalizers)
}

func merged(old, more map[string]string) map[string]string {
	if len(more) == 0 {
		return old
	}
	m := maps.Clone(old)
	if m == nil {
		m = map[string]string{}
	}
	maps.Copy(m, more)
	return m
}

// edit changes an application as the catalog does; a refusal of change comes back in its own words, which clients know.
// One that has moved to another project since it was permitted is not changed.
func (s *server) edit(c *call, old *v1alpha1.Application, change func(*v1alpha1.Application) error) (*v1alpha1.Application, error) {
	var refused error
	app, err := s.Catalog.EditApplication(c, old, func(n *v1alpha1.Application) error {
		if s.object(n) != s.object(old) {
			refused = problem.New(problem.Conflict, "application %s has been moved to another project meanwhile", n.Name).WithHint("ask again")
		} else {
			refused = change(n)
		}
		return refused
	})
	if refused != nil {
		return nil, refused
	}
	return app, err
}

// change writes what a caller wants of an application, once they may do so: with the application as it is when it is
// written, and, when it moves to another project, in there as well.
func (s *server) change(c *call, old *v1alpha1.Application, edit func(*v1alpha1.Application) error) (*v1alpha1.Application, error) {
	updated, err := s.edit(c, old, func(n *v1alpha1.Application) error {
		before := s.object(n)
		if err := c.must(rbac.Applications, rbac.Update, before); err != nil {
			return err
		}
		if err := edit(n); err != nil {
			return err
		}
		if after := s.object(n); after != before {
			for _, action := range []string{rbac.Create, rbac.Update} {
				if err := c.must(rbac.Applications, action, after); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if updated.ResourceVersion != old.ResourceVersion {
		s.tell(c, updated, v1alpha1.EventResourceUpdated, "updated application")
	}
	return s.shown(updated), nil
}

func (s *server) updateApplication(c *call, q *argocd.ApplicationUpdateRequest) (*v1alpha1.Application, error) {
	if q.Application == nil {
		return nil, problem.New(problem.Invalid, "the request holds no application")
	}
	want := editable(q.Application)
	want.Namespace = c.app.Namespace
	if err := s.validate(c, want, q.Validate == nil || *q.Validate); err != nil {
		return nil, err
	}
	return s.change(c, c.app, func(n *v1alpha1.Application) error {
		// n is another one than c.app when somebody has written since: what a client read before that is not to undo it
		if rv := q.Application.ResourceVersion; rv != "" && rv != n.ResourceVersion && object.Hash(n.Spec) != object.Hash(c.app.Spec) {
			return problem.New(problem.Conflict, "application %s has been changed by somebody else meanwhile", n.Name).WithHint("read it again")
		}
		n.Spec, n.Labels, n.Annotations, n.Finalizers = want.Spec, want.Labels, want.Annotations, want.Finalizers
		return nil
	})
}

func (s *server) updateApplicationSpec(c *call, q *argocd.ApplicationUpdateSpecRequest) (*v1alpha1.ApplicationSpec, error) {
	if q.Spec == nil {
		return nil, problem.New(problem.Invalid, "error updating application spec: spec is nil in request")
	}
	want := editable(c.app)
	want.Spec = *q.Spec.DeepCopy()
	if want.Spec.Project == "" {
		want.Spec.Project = v1alpha1.DefaultProject
	}
	if err := s.validate(c, want, q.Validate == nil || *q.Validate); err != nil {
		return nil, err
	}
	updated, err := s.change(c, c.app, func(n *v1alpha1.Application) error {
		n.Spec = want.Spec
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &updated.Spec, nil
}

// Bounds of a patch: of its bytes, and of what its steps may copy together. No application may be larger; without the
// second, thirty steps that copy a document into itself would fill any memory.
const maxPatch = 3 << 20

func init() { jsonpatch.AccumulatedCopySizeLimit = maxPatch }

// maxPatchSteps is the API server's own bound.
const maxPatchSteps = 10_000

// patchApplication applies a JSON or merge patch to what people decide of an application.
func (s *server) patchApplication(c *call, q *argocd.ApplicationPatchRequest) (*v1alpha1.Application, error) {
	if len(q.Patch) > maxPatch {
		return nil, problem.New(problem.Limit, "a patch of %d bytes is larger than %d", len(q.Patch), maxPatch)
	}
	var apply func([]byte) ([]byte, error)
	switch q.PatchType {
	case "json", "":
		patch, err := jsonpatch.DecodePatch([]byte(q.Patch))
		if err != nil {
			return nil, problem.New(problem.Invalid, "error decoding json patch: it is not a list of operations")
		}
		if len(patch) > maxPatchSteps {
			return nil, problem.New(problem.Limit, "a patch of %d operations has more than %d", len(patch), maxPatchSteps)
		}
		apply = patch.Apply
	case "merge":
		apply = func(doc []byte) ([]byte, error) { return jsonpatch.MergePatch(doc, []byte(q.Patch)) }
	default:
		return nil, problem.New(problem.Invalid, "Patch type '%s' is not supported", clip(q.PatchType))
	}
	want, err := patched(c.app, apply)
	if err != nil {
		return nil, err
	}
	if err := s.validate(c, want, false); err != nil {
		return nil, err
	}
	return s.change(c, c.app, func(n *v1alpha1.Application) error {
		want, err := patched(n, apply)
		if err != nil {
			return err
		}
		if n.ResourceVersion != c.app.ResourceVersion { // it has changed since, and what comes of both has not been looked at
			if err := s.validate(c, want, false); err != nil {
				return err
			}
		}
		n.Spec, n.Labels, n.Annotations, n.Finalizers = want.Spec, want.Labels, want.Annotations, want.Finalizers
		return nil
	})
}

// patched is what people decide of an application once its JSON has been patched.
func patched(app *v1alpha1.Application, apply func([]byte) ([]byte, error)) (*v1alpha1.Application, error) {
	doc, err := json.Marshal(app)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write application %s as JSON", app.Name)
	}
	if doc, err = apply(doc); err != nil {
		return nil, problem.New(problem.Invalid, "error applying patch: %v", err)
	}
	var n v1alpha1.Application
	if err := json.Unmarshal(doc, &n); err != nil {
		return nil, problem.New(problem.Invalid, "error unmarshaling patched app: %s", jsonFault(err))
	}
	n.Name, n.Namespace = app.Name, app.Namespace
	return editable(&n), nil
}

func (s *server) deleteApplication(c *call, q *argocd.ApplicationDeleteRequest) (*argocd.ApplicationResponse, error) {
	p, err := catalog.ParsePropagation(q.Cascade, q.PropagationPolicy)
	if err != nil {
		return nil, err
	}
	if err := s.Catalog.DeleteApplication(c, c.app, p); err != nil {
		return nil, err
	}
	s.tell(c, c.app, v1alpha1.EventResourceDeleted, "deleted application")
	return &argocd.ApplicationResponse{}, nil
}

// validate refuses an application that could not be deployed: its project, sources and destination, and, when thorough,
// whether its sources are there at all.
func (s *server) validate(c *call, app *v1alpha1.Application, thorough bool) error {
	invalid := func(kind v1alpha1.ApplicationConditionType, text string) error {
		return problem.New(problem.Invalid, "application spec for %s is invalid: %s: %s", app.Name, kind, text)
	}
	rules, err := s.Catalog.Rules(app.Spec.ProjectName())
	if err != nil {
		// as in Argo CD: whether a project exists is not told to those who may not see it
		return problem.New(problem.Invalid, "app is not allowed in project %q, or the project does not exist", app.Spec.ProjectName())
	}
	if err := rules.Application(app.Name, app.Namespace, s.Namespace); err != nil {
		return problem.New(problem.Invalid, "app is not allowed in project %q, or the project does not exist", app.Spec.ProjectName())
	}
	sources := app.Spec.SourceList()
	if len(sources) == 0 {
		return invalid(v1alpha1.ConditionInvalidSpecError, "spec.source.repoURL and either source.path, source.chart, or source.ref are required")
	}
	for _, src := range sources {
		switch {
		case src.RepoURL == "":
			return invalid(v1alpha1.ConditionInvalidSpecError, "spec.source.repoURL and either source.path, source.chart, or source.ref are required")
		case src.Path == "" && src.Chart == "" && src.Ref == "":
			return invalid(v1alpha1.ConditionInvalidSpecError, "spec.source.repoURL and either source.path, source.chart, or source.ref are required")
		case src.Chart != "" && src.TargetRevision == "":
			return invalid(v1alpha1.ConditionInvalidSpecError, "spec.source.targetRevision is required if the manifest source is a helm chart")
		}
		if err := rules.Source(src.RepoURL); err != nil {
			return invalid(v1alpha1.ConditionInvalidSpecError, err.Error())
		}
	}
	missing, refused := s.destination(rules, app)
	if refused != nil {
		return invalid(v1alpha1.ConditionInvalidSpecError, refused.Error())
	}
	if missing != nil {
		return problem.New(problem.Invalid, "application destination spec for %s is invalid: %v", app.Name, missing)
	}
	if !thorough {
		return nil
	}
	for _, src := range sources {
		if render.IsPackaged(src) {
			if _, err := s.Sources.DetailsOf(c, src, app.Name, app.Spec.ProjectName()); err != nil {
				return invalid(v1alpha1.ConditionInvalidSpecError, err.Error())
			}
			continue
		}
		if err := s.Sources.Reachable(c, src.RepoURL, app.Spec.ProjectName(), src.TargetRevision, src.Path); err != nil {
			return invalid(v1alpha1.ConditionInvalidSpecError, err.Error())
		}
	}
	return nil
}

// destination is why an application cannot go where it says: there is no such cluster, or the rules do not permit it. What
// clusters there are that they do not permit is for nobody to find out by trying: a cluster that is not there is refused
// in the same words as one that is, and of one that is named the words do not tell the address.
func (s *server) destination(rules *project.Rules, app *v1alpha1.Application) (missing, refused error) {
	to := app.Spec.Destination
	cluster, missing := s.Catalog.Destination(to)
	at := targetOf(cluster, app)
	if missing != nil {
		at.Server, at.Name = cmp.Or(to.Server, "*"), cmp.Or(to.Name, "*") // permitted by those who permit any
	}
	if refused = rules.Destination(at); problem.Is(refused, problem.Forbidden) && (missing != nil || to.Server == "") {
		refused = problem.New(problem.Forbidden, "application destination server '%s' and namespace '%s' do not match any of the allowed destinations in project '%s'",
			cmp.Or(to.Server, to.Name), to.Namespace, app.Spec.ProjectName())
	}
	return missing, refused
}

// targetOf is where an application goes, as the rules of projects see it.
func targetOf(k catalog.Cluster, app *v1alpha1.Application) project.Target {
	return project.Target{Server: k.Server, Name: k.Name, Namespace: app.Spec.Destination.Namespace, ClusterProject: k.Project}
}

// tell puts an event on an application, an ApplicationSet or a project: who did what.
func (s *server) tell(c *call, record metav1.Object, reason, what string) {
	s.Catalog.RequestEvent(record, corev1.EventTypeNormal, reason, c.by()+" "+what)
}

// by is the caller as events and operations name them.
func (c *call) by() string {
	if name := c.who.Username(); name != "" {
		return name
	}
	return "Unknown user"
}
