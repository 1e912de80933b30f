package catalog

import (
	"context"

	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kindValues is the type of a Secret in our namespace from which applications may take values, if their project permits
// it. Any other Secret here is a credential of ours or of somebody's cluster, and lent to nobody.
const kindValues = "values"

// Values returns the data of a ConfigMap or Secret in our own namespace, as it is now, for applications that take values
// from it. It is NotFound when there is none, and Forbidden for a Secret that is not meant for that.
func (c *Catalog) Values(ctx context.Context, kind, name string) (map[string]string, error) {
	resource := configMaps
	if kind == "Secret" {
		resource = secrets
	}
	o, err := c.client.Resource(resource).Namespace(c.options.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, apiProblem(err, "%s %s/%s", kind, c.options.Namespace, name)
	}
	if kind != "Secret" {
		return mapOf(o), nil
	}
	s := secretOf(o)
	if s.kind != kindValues {
		return nil, problem.New(problem.Forbidden, "Secret %s/%s is not meant for applications", c.options.Namespace, name).
			WithHint("it needs the label %s: %s", secretTypeLabel, kindValues)
	}
	return s.data, nil
}
