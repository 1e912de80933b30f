package appset

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Annotations about the namespaces of previews.
const (
	// AnnotationPreviewNamespace on an ApplicationSet says "own": the destination's namespace is made for the preview, and
	// goes with it. On an Application that the set made it is the number of the pull request whose namespace it is.
	AnnotationPreviewNamespace = "hawser.dev/preview-namespace"
	// AnnotationPreviewQuota on an ApplicationSet is the spec of a ResourceQuota for that namespace, in YAML, filled as the
	// set's template; on an Application the same as JSON.
	AnnotationPreviewQuota = "hawser.dev/preview-quota"
	// AnnotationPreviewLimits is the same for a LimitRange.
	AnnotationPreviewLimits = "hawser.dev/preview-limits"

	// LabelPreview is on each namespace that was made for a preview.
	LabelPreview = "hawser.dev/preview"
	// AnnotationPreviewOf on such a namespace is a Home, as JSON.
	AnnotationPreviewOf = "hawser.dev/preview-of"
)

// HomePolicy is what a set says of the namespaces of its previews.
type HomePolicy struct {
	Own           bool
	Quota, Limits string // templates of a spec; empty for none
}

func homePolicyOf(set *v1alpha1.ApplicationSet) (p HomePolicy, err error) {
	switch text := strings.TrimSpace(set.Annotations[AnnotationPreviewNamespace]); text {
	case "":
	case "own":
		p.Own = true
	default:
		return p, problem.New(problem.Invalid, "annotation %s says %q", AnnotationPreviewNamespace, clip(text)).WithHint("own, or nothing")
	}
	p.Quota, p.Limits = set.Annotations[AnnotationPreviewQuota], set.Annotations[AnnotationPreviewLimits]
	for name, text := range map[string]string{AnnotationPreviewQuota: p.Quota, AnnotationPreviewLimits: p.Limits} {
		if text != "" && !p.Own { // it would bind whatever else is in that namespace
			return p, problem.New(problem.Invalid, "annotation %s needs a namespace of the preview's own", name).WithHint("%s: own", AnnotationPreviewNamespace)
		}
	}
	return p, nil
}

// maxHomeSpec bounds a ResourceQuota's or LimitRange's spec, filled.
const maxHomeSpec = 16 << 10

// House says on the previews among wanted which namespace, quota and limits they have. keep says that nothing is deleted
// when they go: then their namespaces stay, too, and are not made theirs.
func House(set *v1alpha1.ApplicationSet, p HomePolicy, wanted []*v1alpha1.Application, previews map[string]Preview, keep bool) ([]*v1alpha1.Application, error) {
	if !p.Own {
		return wanted, nil
	}
	if keep {
		return nil, problem.New(problem.Invalid, "annotation %s says that the namespaces of previews go with them, and syncPolicy.preserveResourcesOnDeletion that nothing goes", AnnotationPreviewNamespace).
			WithHint("take one of the two away")
	}
	out := slices.Clone(wanted)
	for i, app := range wanted {
		preview, is := previews[keyOf(app)]
		if !is {
			continue
		}
		namespace := app.Spec.Destination.Namespace
		switch {
		case namespace == "":
			return nil, problem.New(problem.Invalid, "preview %s has no namespace of its own", app.Name).WithHint("spec.template.spec.destination.namespace: 'preview-{{ .number }}'")
		case Reserved(namespace):
			return nil, problem.New(problem.Invalid, "namespace %s can be no preview's own", namespace).WithHint("spec.template.spec.destination.namespace: 'preview-{{ .number }}'")
		}
		app = app.DeepCopy()
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, AnnotationPreviewNamespace, strconv.FormatInt(preview.Number, 10))
		for name, text := range map[string]string{AnnotationPreviewQuota: p.Quota, AnnotationPreviewLimits: p.Limits} {
			if text == "" {
				delete(app.Annotations, name)
				continue
			}
			spec, err := homeSpec(set, text, preview.Params)
			if err != nil {
				return nil, problem.Because(problem.KindOf(err), err, "annotation %s, for preview %s", name, app.Name)
			}
			app.Annotations[name] = spec
		}
		out[i] = app
	}
	return out, nil
}

// homeSpec fills a template of a spec and gives it as JSON. What belongs into it, the API server knows.
func homeSpec(set *v1alpha1.ApplicationSet, text string, params Params) (string, error) {
	filled, err := FillText(set, text, params)
	if err != nil {
		return "", err
	}
	if len(filled) > maxHomeSpec {
		return "", problem.New(problem.Limit, "it is longer than %d KiB", maxHomeSpec>>10)
	}
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(filled), &spec); err != nil || len(spec) == 0 {
		return "", problem.New(problem.Invalid, "%q is no spec", clip(filled)).WithHint("for example {hard: {pods: '20', requests.cpu: '4'}}")
	}
	data, err := json.Marshal(spec)
	return string(data), err
}

// Reserved reports whether a namespace is one that must never be made a preview's own, or deleted as such.
func Reserved(namespace string) bool {
	return namespace == "default" || strings.HasPrefix(namespace, "kube-")
}

// Home is what stands on a namespace that was made for a preview: by whom, and for which.
type Home struct {
	By          string    `json:"by"`          // which installation: the UID of its default project
	Set         string    `json:"set"`         // namespace/name of the ApplicationSet
	Pull        string    `json:"pullRequest"` // its number
	Application string    `json:"application"` // namespace/name of the one for which it was made
	UID         types.UID `json:"uid"`         // of that Application
	Project     string    `json:"project"`     // to which that belonged: who may delete, and as whom
}

// Text is the home as JSON.
func (h Home) Text() string {
	data, err := json.Marshal(h)
	if err != nil { // plain strings
		panic(err)
	}
	return string(data)
}

// HomeOf reads what stands on a namespace; ok is false when it was not made for a preview, or that cannot be understood.
func HomeOf(labels, annotations map[string]string) (h Home, ok bool) {
	text := annotations[AnnotationPreviewOf]
	if labels[LabelPreview] == "" || text == "" || len(text) > 4<<10 || json.Unmarshal([]byte(text), &h) != nil {
		return Home{}, false
	}
	return h, h.Set != "" && h.Application != "" && h.UID != "" && h.Pull != ""
}

// HomeFor is the home of an application that a set made for a pull request; ok is false for all others.
func HomeFor(app *v1alpha1.Application, by string) (h Home, ok bool) {
	owner := metav1.GetControllerOf(app)
	pull := app.Annotations[AnnotationPreviewNamespace]
	if pull == "" || owner == nil || owner.Kind != v1alpha1.KindApplicationSet || app.Spec.Destination.Namespace == "" || Reserved(app.Spec.Destination.Namespace) {
		return Home{}, false
	}
	return Home{By: by, Set: app.Namespace + "/" + owner.Name, Pull: pull, Application: keyOf(app), UID: app.UID, Project: app.Spec.ProjectName()}, true
}

// Houses reports whether a namespace with this home is the one of an application whose home would be want: several
// applications of one pull request share one, and an application that was made anew comes back to its own.
func (h Home) Houses(want Home) bool {
	return h.Set == want.Set && h.Pull == want.Pull && (h.UID == want.UID || h.By == want.By && h.By != "")
}

// HomeObjects are the quota and the limits of an application's namespace, as objects of that application.
func HomeObjects(app *v1alpha1.Application) (list []map[string]any, err error) {
	if _, is := HomeFor(app, ""); !is {
		return nil, nil
	}
	for _, k := range []struct{ kind, annotation string }{{"ResourceQuota", AnnotationPreviewQuota}, {"LimitRange", AnnotationPreviewLimits}} {
		text := app.Annotations[k.annotation]
		if text == "" {
			continue
		}
		var spec map[string]any
		if len(text) > maxHomeSpec || yaml.Unmarshal([]byte(text), &spec) != nil || len(spec) == 0 {
			return nil, problem.New(problem.Invalid, "annotation %s of application %s holds no spec", k.annotation, app.Name).WithHint("its ApplicationSet writes it")
		}
		list = append(list, map[string]any{"apiVersion": "v1", "kind": k.kind, "metadata": map[string]any{"name": app.Name, "namespace": app.Spec.Destination.Namespace}, "spec": spec})
	}
	return list, nil
}

// withAnnotations is an application with other annotations, and the rest shared.
func withAnnotations(app *v1alpha1.Application, change func(map[string]string)) *v1alpha1.Application {
	out := *app
	out.Annotations = maps.Clone(app.Annotations)
	if out.Annotations == nil {
		out.Annotations = map[string]string{}
	}
	change(out.Annotations)
	return &out
}

// Stray is what is known of a namespace that was made for a preview, when it is asked whether it is left over.
type Stray struct {
	Home Home
	By   string // which installation asks
	Seen bool   // the records of the namespaces of its set and of its application are all known

	Lives string // which application still has it; empty for none
	Holds bool   // objects that carry the mark of the application that it was made for

	Set   *v1alpha1.ApplicationSet // of that name; nil when there is none
	Sure  bool                     // what the set asks for is known, of its generators' last answer, and not in doubt
	Wants bool                     // and it asks for an application that goes there

	For, Patience time.Duration // for how long nobody has had it, and for how long nobody must have
}

// Keeps says why the namespace must stay; it is empty when it is left over, with proof, and may go. Two things prove
// it: either its set is there, knows what it asks for, and does not ask for it; or the set is gone, and nothing of the
// preview is in it any more. Objects that are still there, with neither set nor application, were left on purpose.
func (s Stray) Keeps() string {
	switch {
	case s.By == "" || s.Home.By != s.By:
		return "it was made by another installation"
	case s.Lives != "":
		return "application " + s.Lives + " has it"
	case !s.Seen:
		return "the records of its namespace are not looked at"
	case s.Set != nil && s.Set.Spec.SyncPolicy != nil && s.Set.Spec.SyncPolicy.PreserveResourcesOnDeletion:
		return "its ApplicationSet keeps what it deployed"
	case s.Set != nil && !s.Sure:
		return "it is not known what its ApplicationSet asks for"
	case s.Set != nil && s.Wants:
		return "its ApplicationSet asks for it"
	case s.Set == nil && s.Holds:
		return "its ApplicationSet and its Application were deleted, and what they deployed was left"
	case s.For < s.Patience:
		return "it is looked at again first"
	}
	return ""
}
