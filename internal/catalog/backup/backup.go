// Package backup reads and writes all our records in a control namespace at once: what `hawser admin` works on.
//
// The idea: List finds what belongs to Argo CD (settings, Secrets with its labels, projects, applications, sets), Write
// prints it without what only this cluster knows, and Restore makes a cluster hold it again. Each step of Restore is
// decided by plan, which is pure. Read List and Restore first. The package refuses to hold anything in memory for longer
// than a command, and to put what Secrets hold into errors.
package backup

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// Where says which cluster, as whom, and in which namespace; what is empty is the kubeconfig's own choice.
type Where struct {
	Kubeconfig, Context, Cluster, User, Namespace, Token, As string
	AsGroups                                                 []string
}

// Records are the records of one control namespace.
type Records struct {
	client    dynamic.Interface
	namespace string
}

// Open reads the kubeconfig. Without a namespace in it or in w, it is argocd.
func Open(w Where) (*Records, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = w.Kubeconfig
	over := &clientcmd.ConfigOverrides{CurrentContext: w.Context}
	over.Context.Cluster, over.Context.AuthInfo, over.Context.Namespace = w.Cluster, w.User, w.Namespace
	over.AuthInfo.Token, over.AuthInfo.Impersonate, over.AuthInfo.ImpersonateGroups = w.Token, w.As, w.AsGroups
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, over)
	namespace, _, err := config.Namespace()
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the kubeconfig")
	}
	if namespace == "" || namespace == metav1.NamespaceDefault && w.Namespace == "" {
		namespace = "argocd"
	}
	connection, err := config.ClientConfig()
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the kubeconfig")
	}
	return New(connection, namespace)
}

// New returns the records of a namespace.
func New(connection *rest.Config, namespace string) (*Records, error) {
	connection = rest.CopyConfig(connection)
	connection.QPS, connection.Burst = 100, 100 // one command at a time, and nobody else waits for it
	client, err := dynamic.NewForConfig(connection)
	return &Records{client, namespace}, err
}

// Namespace is the control namespace.
func (r *Records) Namespace() string { return r.namespace }

// The kinds of our records, in the order in which they are written.
var (
	configMaps   = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets      = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	projects     = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
	applications = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	sets         = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applicationsets"}
	kinds        = map[string]schema.GroupVersionResource{"ConfigMap": configMaps, "Secret": secrets, "AppProject": projects, "Application": applications, "ApplicationSet": sets}
)

// settings are the ConfigMaps that are written; of ConfigMaps none other is.
var settings = []string{"argocd-cm", "argocd-rbac-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm"}

// isOurs reports whether a Secret belongs to Argo CD: by name, by label or by who manages it.
func isOurs(s *unstructured.Unstructured) bool {
	_, labelled := s.GetLabels()["argocd.argoproj.io/secret-type"]
	return labelled || s.GetName() == "argocd-secret" || s.GetAnnotations()["managed-by"] == "argocd.argoproj.io"
}

// page bounds one answer of the API server.
const page = 500

func (r *Records) list(ctx context.Context, gvr schema.GroupVersionResource, namespace string) (list []*unstructured.Unstructured, err error) {
	o := metav1.ListOptions{Limit: page}
	for {
		part, err := r.client.Resource(gvr).Namespace(namespace).List(ctx, o)
		if err != nil {
			return nil, failed(err, "list "+gvr.Resource)
		}
		for i := range part.Items {
			list = append(list, &part.Items[i])
		}
		if o.Continue = part.GetContinue(); o.Continue == "" {
			return list, nil
		}
	}
}

// failed is an error of the API server; its words name objects and never what they hold.
func failed(err error, what string) error {
	kind := problem.Unavailable
	switch {
	case apierrors.IsForbidden(err):
		kind = problem.Forbidden
	case apierrors.IsUnauthorized(err):
		kind = problem.Unauthenticated
	case apierrors.IsNotFound(err):
		kind = problem.NotFound
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		kind = problem.Conflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		kind = problem.Invalid
	}
	return problem.Because(kind, err, "%s", what)
}

// Further says in which namespaces beside the control namespace applications and sets are records of ours: globs, or
// regular expressions between slashes. Lists that are empty are those of argocd-cmd-params-cm.
type Further struct{ Applications, Sets []string }

// fill reads what is missing from argocd-cmd-params-cm.
func (r *Records) fill(ctx context.Context, f Further) (Further, error) {
	if len(f.Applications) > 0 && len(f.Sets) > 0 {
		return f, nil
	}
	params, err := r.configMap(ctx, "argocd-cmd-params-cm")
	if err != nil && !problem.Is(err, problem.NotFound) {
		return f, err
	}
	for key, into := range map[string]*[]string{"application.namespaces": &f.Applications, "applicationsetcontroller.namespaces": &f.Sets} {
		if len(*into) > 0 {
			continue
		}
		for _, name := range strings.Split(params[key], ",") {
			if name = strings.TrimSpace(name); name != "" {
				*into = append(*into, name)
			}
		}
	}
	return f, nil
}

// matches reports whether a namespace is the control namespace or one of the globs.
func matches(namespace, control string, globs []string) bool {
	return namespace == control || slices.ContainsFunc(globs, func(g string) bool {
		if len(g) > 1 && strings.HasPrefix(g, "/") && strings.HasSuffix(g, "/") {
			re, err := regexp.Compile(g[1 : len(g)-1])
			return err == nil && re.MatchString(namespace)
		}
		ok, err := path.Match(g, namespace)
		return err == nil && ok
	})
}

func (r *Records) configMap(ctx context.Context, name string) (map[string]string, error) {
	m, err := r.client.Resource(configMaps).Namespace(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, failed(err, "read the ConfigMap "+r.namespace+"/"+name)
	}
	data, _, err := unstructured.NestedStringMap(m.Object, "data")
	return data, err
}

// Policy returns what argocd-rbac-cm holds.
func (r *Records) Policy(ctx context.Context) (map[string]string, error) {
	return r.configMap(ctx, "argocd-rbac-cm")
}

// InitialPassword returns the password that was made for admin at the first start.
func (r *Records) InitialPassword(ctx context.Context) (string, error) {
	s, err := r.client.Resource(secrets).Namespace(r.namespace).Get(ctx, "argocd-initial-admin-secret", metav1.GetOptions{})
	if err != nil {
		return "", failed(err, "read the initial password in "+r.namespace)
	}
	text, _, _ := unstructured.NestedString(s.Object, "data", "password")
	password, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(password) == 0 {
		return "", problem.New(problem.NotFound, "Secret %s/argocd-initial-admin-secret holds no password", r.namespace)
	}
	return string(password), nil
}

// List returns all our records, in the order in which they can be restored. The settings that a cluster has not are
// passed over.
func (r *Records) List(ctx context.Context, f Further) (all []*unstructured.Unstructured, err error) {
	if f, err = r.fill(ctx, f); err != nil {
		return nil, err
	}
	maps, err := r.list(ctx, configMaps, r.namespace)
	if err != nil {
		return nil, err
	}
	for _, name := range settings {
		if i := slices.IndexFunc(maps, func(m *unstructured.Unstructured) bool { return m.GetName() == name }); i >= 0 {
			all = append(all, maps[i])
		}
	}
	hidden, err := r.list(ctx, secrets, r.namespace)
	if err != nil {
		return nil, err
	}
	all = append(all, slices.DeleteFunc(hidden, func(s *unstructured.Unstructured) bool { return !isOurs(s) })...)
	list, err := r.list(ctx, projects, r.namespace)
	if err != nil {
		return nil, err
	}
	all = append(all, list...)
	for _, k := range []struct {
		gvr   schema.GroupVersionResource
		globs []string
	}{{applications, f.Applications}, {sets, f.Sets}} {
		where := r.namespace
		if len(k.globs) > 0 {
			where = metav1.NamespaceAll
		}
		list, err := r.list(ctx, k.gvr, where)
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(list, func(o *unstructured.Unstructured) bool { return !matches(o.GetNamespace(), r.namespace, k.globs) })...)
	}
	return all, nil
}

// Write prints records as YAML documents: what people wrote and what is known of it, but not what only this cluster
// knows (uids, versions, managers). The control namespace is left out, so that they fit into another.
func Write(w io.Writer, list []*unstructured.Unstructured, control string) error {
	for _, o := range list {
		kept := &unstructured.Unstructured{Object: map[string]any{}}
		for k, v := range o.Object {
			if k != "metadata" {
				kept.Object[k] = v
			}
		}
		kept.SetName(o.GetName())
		if o.GetNamespace() != control {
			kept.SetNamespace(o.GetNamespace())
		}
		if len(o.GetLabels()) > 0 {
			kept.SetLabels(o.GetLabels())
		}
		if len(o.GetAnnotations()) > 0 {
			kept.SetAnnotations(o.GetAnnotations())
		}
		if len(o.GetFinalizers()) > 0 {
			kept.SetFinalizers(o.GetFinalizers())
		}
		text, err := yaml.Marshal(kept.Object)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, "---\n"...)); err != nil {
			return err
		}
	}
	return nil
}

// Read reads what Write printed. Kinds that are no records of ours are an error: they would be lost in silence.
func Read(text []byte, control string) (list []*unstructured.Unstructured, err error) {
	for n, doc := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &o.Object); err != nil {
			return nil, problem.New(problem.Invalid, "document %d of the backup is no YAML", n+1) // the parser's words may quote a secret
		}
		if len(o.Object) == 0 {
			continue
		}
		if _, ok := kinds[o.GetKind()]; !ok || o.GetName() == "" {
			return nil, problem.New(problem.Invalid, "document %d of the backup is a %q and no record of ours", n+1, o.GetKind())
		}
		if o.GetNamespace() == "" {
			o.SetNamespace(control)
		}
		list = append(list, o)
	}
	if len(list) == 0 {
		return nil, problem.New(problem.Invalid, "the backup is empty")
	}
	return list, nil
}
