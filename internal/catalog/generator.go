package catalog

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What generators of ApplicationSets are told by ConfigMaps and other objects of our own namespace. It is read when they
// ask: nobody watches kinds that may not exist.

// PluginService is where a generator's plugin answers, and the token that it expects.
type PluginService struct {
	URL     string
	Token   Secret
	Timeout time.Duration // 0 for the usual
}

// Plugin returns what a ConfigMap says of a plugin: baseUrl, token and requestTimeout. The token is a reference: $key into
// argocd-secret, or $secret:key into a Secret that is part of Argo CD.
func (c *Catalog) Plugin(ctx context.Context, configMap string) (PluginService, error) {
	values, err := c.configMap(ctx, configMap)
	if err != nil {
		return PluginService{}, err
	}
	p := PluginService{URL: strings.TrimSpace(values["baseUrl"])}
	if p.URL == "" {
		return p, problem.New(problem.Invalid, "baseUrl not found in ConfigMap %s", configMap)
	}
	if text := strings.TrimSpace(values["requestTimeout"]); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return p, problem.New(problem.Invalid, "requestTimeout in ConfigMap %s is no number of seconds", configMap)
		}
		p.Timeout = time.Duration(n) * time.Second
	}
	p.Token, err = c.tokenOf(strings.TrimSpace(values["token"]), configMap)
	return p, err
}

// tokenOf follows a reference to a key of a Secret. What it says is not repeated in errors: people put the token there.
func (c *Catalog) tokenOf(reference, configMap string) (Secret, error) {
	name, ok := strings.CutPrefix(reference, "$")
	if !ok || name == "" {
		return Secret{}, problem.New(problem.Invalid, "token in ConfigMap %s is no reference to a Secret", configMap).WithHint("write $key for a key of argocd-secret, or $secret:key")
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	values, secret := c.records.vault, "argocd-secret"
	if other, key, apart := strings.Cut(name, ":"); apart {
		record, known := c.labelled[other]
		if !known {
			return Secret{}, problem.New(problem.NotFound, "the Secret that token in ConfigMap %s refers to is not there", configMap).WithHint("it is in our namespace and has label app.kubernetes.io/part-of: argocd")
		}
		values, secret, name = record.data, "that Secret", key
	}
	value := strings.TrimRight(values[name], "\r\n")
	if value == "" {
		return Secret{}, problem.New(problem.NotFound, "%s does not have the key that token in ConfigMap %s refers to", secret, configMap)
	}
	return NewSecret(value), nil
}

func (c *Catalog) configMap(ctx context.Context, name string) (map[string]string, error) {
	if name == "" {
		return nil, problem.New(problem.Invalid, "the generator names no ConfigMap").WithHint("set configMapRef")
	}
	o, err := c.client.Resource(configMaps).Namespace(c.options.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, apiProblem(err, "read ConfigMap %s", name)
	}
	return mapOf(o), nil
}

// Decisions is what other controllers decided: the entries of a list in the status of their objects, and the key of an entry
// that names a cluster.
type Decisions struct {
	Entries []map[string]any
	Key     string
}

// maxDecided bounds how many objects are read for one generator.
const maxDecided = 1000

// Decided reads the objects of our namespace that a ConfigMap describes (apiVersion, kind: the plural name of the resource,
// statusListKey, matchKey), by name or by labels. An object that has not decided yet is Unavailable: it is no empty list.
func (c *Catalog) Decided(ctx context.Context, configMap, name string, labels metav1.LabelSelector) (d Decisions, err error) {
	values, err := c.configMap(ctx, configMap)
	if err != nil {
		return d, err
	}
	group, version, ok := strings.Cut(values["apiVersion"], "/")
	resource, list := values["kind"], values["statusListKey"]
	if list == "" {
		list = "clusters"
	}
	d.Key = values["matchKey"]
	byLabels := len(labels.MatchLabels) > 0 || len(labels.MatchExpressions) > 0
	switch {
	case !ok || group == "" || version == "" || resource == "":
		return d, problem.New(problem.Invalid, "there is a problem with the apiVersion or kind in ConfigMap %s", configMap).WithHint("apiVersion is group/version, kind the plural name of the resource")
	case d.Key == "":
		return d, problem.New(problem.Invalid, "matchKey not found in ConfigMap %s", configMap).WithHint("it names the field of an entry that holds a cluster's name")
	case (name == "") == !byLabels:
		return d, problem.New(problem.Invalid, "there is a problem with the definition of the ClusterDecisionResource generator").WithHint("set either name or labelSelector")
	}
	options := metav1.ListOptions{Limit: maxDecided}
	if byLabels {
		selector, err := metav1.LabelSelectorAsSelector(&labels)
		if err != nil {
			return d, problem.New(problem.Invalid, "the labelSelector cannot be read: %v", err)
		}
		options.LabelSelector = selector.String()
	} else {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
	}
	found, err := c.client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).Namespace(c.options.Namespace).List(ctx, options)
	switch {
	case err != nil:
		return d, apiProblem(err, "read the %s.%s that decide", resource, group)
	case len(found.Items) == 0:
		return d, problem.New(problem.NotFound, "no clusterDecisionResources found").WithHint("they are %s.%s in namespace %s", resource, group, c.options.Namespace)
	case found.GetContinue() != "":
		return d, problem.New(problem.Limit, "more than %d %s.%s decide", maxDecided, resource, group)
	}
	for i := range found.Items {
		entries, err := decidedBy(&found.Items[i], list)
		if err != nil {
			return d, err
		}
		d.Entries = append(d.Entries, entries...)
	}
	return d, nil
}

func decidedBy(o *object.Object, key string) (entries []map[string]any, err error) {
	status, _ := o.Object["status"].(map[string]any)
	in, there := status[key]
	if !there {
		return nil, problem.New(problem.Unavailable, "%s %s has not decided yet: its status has no %s", o.GetKind(), o.GetName(), key)
	}
	list, ok := in.([]any)
	if !ok && in != nil {
		return nil, problem.New(problem.Invalid, "status.%s of %s %s is no list", key, o.GetKind(), o.GetName())
	}
	for _, v := range list {
		entry, ok := v.(map[string]any)
		if !ok {
			return nil, problem.New(problem.Invalid, "status.%s of %s %s holds what is no object", key, o.GetKind(), o.GetName())
		}
		entries = append(entries, entry)
	}
	return entries, nil
}
