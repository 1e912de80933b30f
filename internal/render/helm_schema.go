package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// checkSchemas checks the values of the chart and of its subcharts against their values.schema.json. Helm's own check
// would follow a $ref to files and servers.
func checkSchemas(ch *chart.Chart, values common.Values) error {
	if len(ch.Schema) > 0 {
		if err := checkSchema(ch.Schema, values); err != nil {
			return problem.New(problem.Invalid, "values don't meet the specifications of the schema(s) in the following chart(s):\n%s:\n%s", ch.Name(), err)
		}
	}
	for _, dep := range ch.Dependencies() {
		switch sub := values[dep.Name()].(type) {
		case nil:
		case map[string]any:
			if err := checkSchemas(dep, sub); err != nil {
				return err
			}
		case common.Values:
			if err := checkSchemas(dep, sub); err != nil {
				return err
			}
		default:
			return problem.New(problem.Invalid, "values of chart %s: expected a map, got %T", dep.Name(), sub)
		}
	}
	return nil
}

// schemaFile is the name by which a schema refers to itself.
const schemaFile = "file:///values.schema.json"

func checkSchema(text []byte, values common.Values) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unable to validate schema: %v", p)
		}
	}()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	plain, err := json.Marshal(values.AsMap())
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(offline{})
	if err := c.AddResource(schemaFile, schema); err != nil {
		return err
	}
	compiled, err := c.Compile(schemaFile)
	if err != nil {
		return err
	}
	if err := compiled.Validate(instance); err != nil {
		_, details, found := strings.Cut(err.Error(), "\n")
		if !found {
			details = err.Error()
		}
		return fmt.Errorf("%s", details)
	}
	return nil
}

// offline answers for what a schema refers to outside itself. A schema on a server counts as one that accepts
// everything: the values cannot be checked against it, which is no reason not to deploy them. A file is refused.
type offline struct{}

func (offline) Load(url string) (any, error) {
	for _, s := range []string{"http:", "https:", "urn:"} {
		if strings.HasPrefix(strings.ToLower(url), s) {
			return true, nil
		}
	}
	return nil, problem.New(problem.Forbidden, "the schema refers to %s, which is not part of it", url)
}
