package cluster

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// secretType marks the credentials of an Argo CD, or of us: they are lent to nobody, whatever a project permits.
const secretType = "argocd.argoproj.io/secret-type"

// Values returns the data of a ConfigMap or Secret as it is now, in plain text, for an application that takes values from
// it. It is not kept. as is the user as whom it is read; empty: ourselves. It is NotFound when there is none.
func (c *Cluster) Values(ctx context.Context, key object.Key, as string) (map[string]string, error) {
	if err := c.Reads(key); err != nil {
		return nil, err
	}
	t, err := named(c.target(ctx, key, ""))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	o := &object.Object{}
	ask := func() error {
		q := c.rest.Get().AbsPath(t.path()...)
		if as != "" {
			q.SetHeader(impersonate, as)
		}
		return c.explain(q.Do(ctx).Into(o), "read", t.key, false)
	}
	if err := persistently(ctx, ask(), ask); err != nil {
		return nil, err
	}
	secret := object.IsSecret(o)
	if kind := o.GetLabels()[secretType]; secret && kind != "" && kind != "values" {
		return nil, problem.New(problem.Forbidden, "Secret %s/%s is a credential (%s: %s), which applications cannot have values from", key.Namespace, key.Name, secretType, kind)
	}
	values := map[string]string{}
	data, _ := o.Object["data"].(map[string]any)
	for name, v := range data {
		text := fmt.Sprint(v)
		if secret {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, problem.New(problem.Invalid, "Secret %s/%s: the value of %s is no base64", key.Namespace, key.Name, name)
			}
			text = string(decoded)
		}
		values[name] = text
	}
	return values, nil
}
