package catalog

import (
	"context"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// What ApplicationSets point at. It is read when it is needed, and not kept: only we know which of a namespace's Secrets
// somebody points at.

// scmCreds is the label's value without which no token is taken in strict mode (Argo CD's).
const scmCreds = "scm-creds"

// TokenOf returns a key of a Secret that an ApplicationSet in that namespace points at; none when ref is nil. In strict
// mode the Secret must be labelled for it.
func (c *Catalog) TokenOf(ctx context.Context, namespace string, ref *v1alpha1.SecretRef, strict bool) (Secret, error) {
	if ref == nil {
		return Secret{}, nil
	}
	o, err := c.pointed(ctx, secrets, namespace, "Secret", ref.SecretName)
	if err != nil {
		return Secret{}, err
	}
	s := secretOf(o)
	if strict && s.kind != scmCreds {
		return Secret{}, problem.New(problem.Forbidden, "Secret %s/%s is not meant for forges", namespace, ref.SecretName).
			WithHint("it needs the label %s: %s", secretTypeLabel, scmCreds)
	}
	value, there := s.data[ref.Key]
	if !there {
		return Secret{}, problem.New(problem.Invalid, "Secret %s/%s has no key %q", namespace, ref.SecretName, ref.Key)
	}
	return NewSecret(strings.TrimSpace(value)), nil
}

// TextOf returns a key of a ConfigMap that an ApplicationSet in that namespace points at; nothing when ref is nil.
func (c *Catalog) TextOf(ctx context.Context, namespace string, ref *v1alpha1.ConfigMapKeyRef) (string, error) {
	if ref == nil {
		return "", nil
	}
	o, err := c.pointed(ctx, configMaps, namespace, "ConfigMap", ref.ConfigMapName)
	if err != nil {
		return "", err
	}
	value, there := mapOf(o)[ref.Key]
	if !there {
		return "", problem.New(problem.Invalid, "ConfigMap %s/%s has no key %q", namespace, ref.ConfigMapName, ref.Key)
	}
	return value, nil
}

// GitHubApp returns the GitHub App of a repo-creds Secret in our own namespace, and the address of the repositories that
// it is for.
func (c *Catalog) GitHubApp(ctx context.Context, name string) (app GitHubApp, url string, err error) {
	o, err := c.pointed(ctx, secrets, c.options.Namespace, "Secret", name)
	if err != nil {
		return GitHubApp{}, "", err
	}
	s := secretOf(o)
	app = GitHubApp{PrivateKey: NewSecret(s.data["githubAppPrivateKey"]), BaseURL: s.text("githubAppEnterpriseBaseUrl")}
	if s.kind != kindCreds || app.PrivateKey.Empty() {
		return GitHubApp{}, "", problem.New(problem.Invalid, "Secret %s/%s holds no GitHub App", c.options.Namespace, name).
			WithHint("it needs the label %s: %s, and githubAppID and githubAppPrivateKey", secretTypeLabel, kindCreds)
	}
	for key, into := range map[string]*int64{"githubAppID": &app.ID, "githubAppInstallationID": &app.InstallationID} {
		text := s.text(key)
		if text == "" && key == "githubAppInstallationID" {
			continue // the one of the owner
		}
		if *into, err = strconv.ParseInt(text, 10, 64); err != nil || *into < 1 {
			return GitHubApp{}, "", problem.New(problem.Invalid, "Secret %s/%s: %s is no number", c.options.Namespace, name, key)
		}
	}
	return app, s.text("url"), nil
}

// pointed reads what somebody points at.
func (c *Catalog) pointed(ctx context.Context, resource schema.GroupVersionResource, namespace, kind, name string) (*object.Object, error) {
	if name == "" {
		return nil, problem.New(problem.Invalid, "the generator points at a %s without a name", kind)
	}
	o, err := c.client.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, apiProblem(err, "%s %s/%s, which the generator points at, cannot be read", kind, namespace, name)
	}
	return o, nil
}
