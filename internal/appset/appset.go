// Package appset turns ApplicationSets into Applications.
//
// The idea: generators yield sets of parameters, a template becomes one Application for each. Both are pure: what a
// generator must know of the world (clusters, trees of repositories, answers of forges) it asks of Facts, which answers
// completely or with an error. Read Generate first, then generate in generators.go, then fill in template.go. The
// package refuses to half-know: one generator that fails is no list at all, because whoever deletes what is missing
// from a list must have the whole of it.
package appset

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Params are the parameters of one application: text, numbers, lists and maps as JSON has them. Plain templates know
// only names and texts; a name then holds the whole path, as in "path.basename".
type Params = map[string]any

// Cluster is one registered cluster, or the local one, which needs no registration.
type Cluster struct {
	Name, Server, Project string
	Labels, Annotations   map[string]string
	Registered            bool // by a Secret
}

// Facts is what generators may know of the world. Every answer is complete: what cannot be had is an error.
type Facts interface {
	// Clusters returns all clusters, by name.
	Clusters(ctx context.Context) ([]Cluster, error)
	// Tree returns the files of a revision of a repository.
	Tree(ctx context.Context, repoURL, revision string) (source.Tree, error)
	// Foreign returns the parameters of a generator that asks somebody else: a forge, a plugin, another controller's
	// resource. Their values are not yet filled in.
	Foreign(ctx context.Context, g v1alpha1.ApplicationSetTerminalGenerator) ([]Params, error)
	ForgeFacts
	// StrictGlobs reports whether a star in the path of a git generator's files stays between slashes. By default it does not,
	// as in Argo CD.
	StrictGlobs() bool
}

// MaxApplications bounds what one set may make: a list multiplied by itself has no other end.
const MaxApplications = 20_000

// Generate returns the applications that a set asks for, by name. Their namespace is the set's, whatever the template
// says, as in Argo CD: who may write a set in one namespace has no say in others. They carry no owner yet.
func Generate(ctx context.Context, set *v1alpha1.ApplicationSet, facts Facts) ([]*v1alpha1.Application, error) {
	apps, _, err := GenerateWithPreviews(ctx, set, facts)
	return apps, err
}

// GenerateWithPreviews is Generate, and says of which pull requests applications are previews, by namespace/name.
func GenerateWithPreviews(ctx context.Context, set *v1alpha1.ApplicationSet, facts Facts) ([]*v1alpha1.Application, map[string]Preview, error) {
	e := &engine{facts: facts, goTemplate: set.Spec.GoTemplate, options: set.Spec.GoTemplateOptions}
	if len(set.Spec.Generators) == 0 {
		return nil, nil, problem.New(problem.Invalid, "ApplicationSet %s has no generator", set.Name)
	}
	var all []*v1alpha1.Application
	seen, previews := map[string]int{}, map[string]Preview{}
	for i, g := range set.Spec.Generators {
		yielded, err := e.all(ctx, outer(g))
		if err != nil {
			return nil, nil, problem.Because(problem.KindOf(err), err, "generator %d of ApplicationSet %s", i+1, set.Name)
		}
		if len(all)+len(yielded) > MaxApplications {
			return nil, nil, problem.New(problem.Limit, "ApplicationSet %s yields more than %d applications", set.Name, MaxApplications)
		}
		for _, y := range yielded {
			app, err := e.application(set, y)
			if err != nil {
				return nil, nil, problem.Because(problem.KindOf(err), err, "template of ApplicationSet %s with %s", set.Name, brief(y.params))
			}
			key := app.Namespace + "/" + app.Name
			if first, twice := seen[key]; twice {
				return nil, nil, problem.New(problem.Invalid, "ApplicationSet %s yields application %s twice, by generators %d and %d: found duplicate key", set.Name, app.Name, first+1, i+1).
					WithHint("put a parameter into the template's name that tells them apart")
			}
			seen[key] = i
			if y.preview != nil {
				y.preview.Params = y.params
				previews[key] = *y.preview
			}
			all = append(all, app)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.Application) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return all, previews, nil
}

// application is the set's template, with what the generator changes of it, filled with its parameters.
func (e *engine) application(set *v1alpha1.ApplicationSet, y yield) (*v1alpha1.Application, error) {
	template, err := overlay(set.Spec.Template, y.templates)
	if err != nil {
		return nil, err
	}
	filled, err := e.fill(template, y.params)
	if err != nil {
		return nil, err
	}
	if set.Spec.TemplatePatch != nil {
		if filled, err = e.patch(filled, *set.Spec.TemplatePatch, y.params); err != nil {
			return nil, err
		}
	}
	data, err := json.Marshal(filled)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write the filled template")
	}
	var t v1alpha1.ApplicationSetTemplate
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, problem.New(problem.Invalid, "the filled template is no application: %v", err)
	}
	m := t.Metadata
	m.Namespace = set.Namespace
	if errs := validation.IsDNS1123Subdomain(m.Name); len(errs) > 0 {
		return nil, problem.New(problem.Invalid, "the application's name is %q: %s", clip(m.Name), strings.Join(errs, "; "))
	}
	return &v1alpha1.Application{
		TypeMeta: metav1.TypeMeta{APIVersion: "argoproj.io/v1alpha1", Kind: "Application"},
		ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, Labels: m.Labels, Annotations: m.Annotations,
			Finalizers: m.Finalizers},
		Spec: t.Spec,
	}, nil
}

// overlay puts over a template what generators say of it, the innermost last: what they leave empty stays.
func overlay(template v1alpha1.ApplicationSetTemplate, over []v1alpha1.ApplicationSetTemplate) (map[string]any, error) {
	base, err := plain(template)
	if err != nil {
		return nil, err
	}
	for _, o := range over {
		top, err := plain(o)
		if err != nil {
			return nil, err
		}
		base = mergeOver(base, top).(map[string]any)
	}
	return base, nil
}

// mergeOver lays b over a: maps are joined, anything else that is not empty in b wins.
func mergeOver(a, b any) any {
	am, aok := a.(map[string]any)
	bm, bok := b.(map[string]any)
	switch {
	case aok && bok:
		out := make(map[string]any, len(am)+len(bm))
		for k, v := range am {
			out[k] = v
		}
		for k, v := range bm {
			if old, there := out[k]; there {
				out[k] = mergeOver(old, v)
			} else {
				out[k] = v
			}
		}
		return out
	case isEmpty(b):
		return a
	}
	return b
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case bool:
		return !x
	case float64:
		return x == 0
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

func plain(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write the template")
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, problem.Because(problem.Internal, err, "read the template")
	}
	return out, nil
}

// brief names parameters in an error: enough to find them, never all of them.
func brief(p Params) string {
	for _, key := range []string{"name", "number", "path", "url", "cluster"} {
		if v, ok := p[key]; ok {
			if m, isMap := v.(map[string]any); isMap {
				v = m["path"]
			}
			switch v.(type) {
			case string, float64:
				return key + "=" + clip(fmt.Sprint(v))
			}
		}
	}
	return fmt.Sprintf("%d parameters", len(p))
}

func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
