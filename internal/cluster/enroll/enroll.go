// Package enroll gives Hawser an identity on a cluster of the user's kubeconfig, as `argocd cluster add` does.
//
// The idea: the person who runs the command has rights on the cluster, and lends them once to make a ServiceAccount with
// a token that does not end; the token goes to the server, the person's own credentials do not. The names are Argo CD's,
// so that both can take over from each other. Read Open and Install first. The package refuses to know the server, and
// to delete anything but what Install makes.
package enroll

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"sigs.k8s.io/yaml"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The names of what Install makes: Argo CD's.
const (
	Account     = "argocd-manager"
	role        = "argocd-manager-role"
	binding     = "argocd-manager-role-binding"
	tokenSuffix = "-long-lived-token"
	manager     = "hawser"
)

// tokenWithin is how long Kubernetes may take to fill a token into its Secret.
const tokenWithin = 30 * time.Second

// Context is one of a kubeconfig.
type Context struct {
	Name, Cluster, Server string
	Current               bool
}

func load(kubeconfig string) (*clientcmdapi.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	c, err := rules.Load()
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the kubeconfig")
	}
	return c, nil
}

// Contexts lists the whole contexts of a kubeconfig by name; kubeconfig "" is kubectl's own choice.
func Contexts(kubeconfig string) ([]Context, error) {
	c, err := load(kubeconfig)
	if err != nil {
		return nil, err
	}
	var list []Context
	for name, x := range c.Contexts {
		if x == nil || c.Clusters[x.Cluster] == nil {
			continue
		}
		list = append(list, Context{name, x.Cluster, c.Clusters[x.Cluster].Server, name == c.CurrentContext})
	}
	slices.SortFunc(list, func(a, b Context) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Kube is a cluster, reached with the rights of the kubeconfig's user.
type Kube struct {
	config *rest.Config
	proxy  string
	client dynamic.Interface
}

// Open opens a context of a kubeconfig; "" is the current one. proxy, if not "", is used instead of the kubeconfig's.
func Open(kubeconfig, context, proxy string) (*Kube, error) {
	c, err := load(kubeconfig)
	if err != nil {
		return nil, err
	}
	if context != "" && c.Contexts[context] == nil {
		return nil, problem.New(problem.NotFound, "context %s does not exist in kubeconfig", context).WithHint("`kubectl config get-contexts` lists them")
	}
	k := &Kube{}
	over := &clientcmd.ConfigOverrides{ClusterInfo: clientcmdapi.Cluster{ProxyURL: proxy}}
	client := clientcmd.NewNonInteractiveClientConfig(*c, context, over, nil)
	if k.config, err = client.ClientConfig(); err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the context %s of the kubeconfig", context)
	}
	if k.proxy = proxy; proxy == "" && context != "" && c.Clusters[c.Contexts[context].Cluster] != nil {
		k.proxy = c.Clusters[c.Contexts[context].Cluster].ProxyURL
	}
	k.client, err = dynamic.NewForConfig(k.config)
	return k, err
}

// Connection is how a kubeconfig's context is reached, without who reaches it.
type Connection struct {
	Server, ServerName string
	Insecure           bool
	CAData             []byte // PEM
	DisableCompression bool
	Proxy              string
}

// Connection returns how the cluster is reached, with the certificate that the kubeconfig holds or names.
func (k *Kube) Connection() (Connection, error) {
	c := k.config
	n := Connection{c.Host, c.ServerName, c.Insecure, c.CAData, c.DisableCompression, k.proxy}
	if len(n.CAData) == 0 && c.CAFile != "" {
		var err error
		if n.CAData, err = os.ReadFile(c.CAFile); err != nil {
			return n, problem.Because(problem.Invalid, err, "read what the kubeconfig names")
		}
	}
	return n, nil
}

var (
	accounts        = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	secrets         = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	configMaps      = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	roles           = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}
	bindings        = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	clusterRoles    = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	clusterBindings = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}
)

// apply writes an object whole, and tells tell what it was.
func (k *Kube) apply(ctx context.Context, gvr schema.GroupVersionResource, kind, namespace, name string, content map[string]any, tell func(string)) error {
	o := &unstructured.Unstructured{Object: content}
	o.SetAPIVersion(gvr.GroupVersion().String())
	o.SetKind(kind)
	o.SetName(name)
	where := name
	if namespace != "" {
		o.SetNamespace(namespace)
		where = namespace + "/" + name
	}
	_, err := k.client.Resource(gvr).Namespace(namespace).Apply(ctx, name, o, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		return problem.Because(kindOf(err), err, "failed to create %s %q", kind, where)
	}
	tell(kind + ` "` + where + `" applied`)
	return nil
}

func kindOf(err error) problem.Kind {
	switch {
	case apierrors.IsForbidden(err):
		return problem.Forbidden
	case apierrors.IsUnauthorized(err):
		return problem.Unauthenticated
	case apierrors.IsNotFound(err):
		return problem.NotFound
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return problem.Invalid
	}
	return problem.Unavailable
}

// Install makes the account in systemNamespace with all rights on the cluster, or on these namespaces only, and returns
// its token. tell is told of each object.
func (k *Kube) Install(ctx context.Context, systemNamespace string, namespaces []string, tell func(string)) (token string, err error) {
	if err := k.apply(ctx, accounts, "ServiceAccount", systemNamespace, Account, map[string]any{}, tell); err != nil {
		return "", err
	}
	all := map[string]any{"apiGroups": []any{"*"}, "resources": []any{"*"}, "verbs": []any{"*"}}
	subject := map[string]any{"kind": "ServiceAccount", "name": Account, "namespace": systemNamespace}
	ref := func(kind string) map[string]any {
		return map[string]any{"roleRef": map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}, "subjects": []any{subject}}
	}
	if len(namespaces) == 0 {
		rules := map[string]any{"rules": []any{all, map[string]any{"nonResourceURLs": []any{"*"}, "verbs": []any{"*"}}}}
		if err := k.apply(ctx, clusterRoles, "ClusterRole", "", role, rules, tell); err != nil {
			return "", err
		}
		if err := k.apply(ctx, clusterBindings, "ClusterRoleBinding", "", binding, ref("ClusterRole"), tell); err != nil {
			return "", err
		}
	}
	for _, ns := range namespaces {
		if err := k.apply(ctx, roles, "Role", ns, role, map[string]any{"rules": []any{all}}, tell); err != nil {
			return "", err
		}
		if err := k.apply(ctx, bindings, "RoleBinding", ns, binding, ref("Role"), tell); err != nil {
			return "", err
		}
	}
	return k.Token(ctx, systemNamespace, Account, tell)
}

// Token returns a token of an account that does not end; its Secret is made if there is none.
func (k *Kube) Token(ctx context.Context, namespace, account string, tell func(string)) (string, error) {
	name := account + tokenSuffix
	content := map[string]any{"type": "kubernetes.io/service-account-token", "metadata": map[string]any{"annotations": map[string]any{"kubernetes.io/service-account.name": account}}}
	if err := k.apply(ctx, secrets, "Secret", namespace, name, content, tell); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, tokenWithin)
	defer cancel()
	for {
		s, err := k.client.Resource(secrets).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil && ctx.Err() == nil {
			return "", problem.Because(kindOf(err), err, "failed to get token for serviceaccount %q", account)
		}
		if err == nil {
			token, err := decodeToken(s)
			if err != nil || token != "" && k.accepts(ctx, token, namespace, account) {
				return token, err
			}
		}
		select {
		case <-ctx.Done():
			return "", problem.New(problem.Unavailable, "failed to get token for serviceaccount %q: none was made and accepted within %s", account, tokenWithin).
				WithHint("does the account exist? does the cluster's token controller run?")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// accepts reports whether the API server lets a token in: it hears of a new one a moment after it was made, and the
// server to which the token goes would be turned away.
func (k *Kube) accepts(ctx context.Context, token, namespace, account string) bool {
	config := rest.AnonymousClientConfig(k.config)
	config.BearerToken = token
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return false
	}
	_, err = client.Resource(accounts).Namespace(namespace).Get(ctx, account, metav1.GetOptions{})
	return err == nil || apierrors.IsForbidden(err) // who may do nothing is known all the same
}

// Uninstall deletes what Install made for the whole cluster with the default system namespace.
func (k *Kube) Uninstall(ctx context.Context, systemNamespace string, tell func(string)) error {
	for _, o := range []struct {
		gvr             schema.GroupVersionResource
		kind, ns, named string
	}{{clusterBindings, "ClusterRoleBinding", "", binding}, {clusterRoles, "ClusterRole", "", role}, {secrets, "Secret", systemNamespace, Account + tokenSuffix}, {accounts, "ServiceAccount", systemNamespace, Account}} {
		err := k.client.Resource(o.gvr).Namespace(o.ns).Delete(ctx, o.named, metav1.DeleteOptions{})
		switch {
		case apierrors.IsNotFound(err):
			tell(o.kind + ` "` + o.named + `" not found`)
		case err != nil:
			return problem.Because(kindOf(err), err, "failed to delete %s %q", o.kind, o.named)
		default:
			tell(o.kind + ` "` + o.named + `" deleted`)
		}
	}
	return nil
}

// PublicEndpoint returns the address and the certificate by which the cluster publishes itself in kube-public.
func (k *Kube) PublicEndpoint(ctx context.Context) (server string, ca []byte, err error) {
	m, err := k.client.Resource(configMaps).Namespace("kube-public").Get(ctx, "cluster-info", metav1.GetOptions{})
	if err != nil {
		return "", nil, problem.Because(kindOf(err), err, "read cluster-info in kube-public")
	}
	text, _, _ := unstructured.NestedString(m.Object, "data", "kubeconfig")
	var c struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := yaml.Unmarshal([]byte(text), &c); err != nil || len(c.Clusters) == 0 {
		return "", nil, problem.New(problem.Invalid, "cluster-info kubeconfig does not have any clusters")
	}
	return c.Clusters[0].Cluster.Server, c.Clusters[0].Cluster.CA, nil
}
