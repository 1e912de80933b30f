package appset

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// plugin yields what a service answers, with what it was asked: generator.input.parameters. Plain templates know the
// answer as names with dots.
func (e *engine) plugin(ctx context.Context, g v1alpha1.ApplicationSetTerminalGenerator) ([]Params, error) {
	answered, err := e.facts.Foreign(ctx, g)
	if err != nil {
		return nil, err
	}
	input := map[string]any{}
	for name, raw := range g.Plugin.Input.Parameters {
		var v any
		if err := json.Unmarshal(raw.Raw, &v); err != nil {
			return nil, problem.New(problem.Invalid, "input parameter %s of the plugin generator cannot be read: %v", clip(name), err)
		}
		input[name] = v
	}
	asked := map[string]any{"input": map[string]any{"parameters": input}}
	var list []Params
	for _, found := range answered {
		p := Params{}
		if e.goTemplate {
			for k, v := range found {
				p[k] = v
			}
			p["generator"] = asked
		} else {
			flatten("", found, p)
			flatten("generator", asked, p)
		}
		list = append(list, p)
	}
	return list, nil
}

// DecisionParams are the parameters that a clusterDecisionResource generator yields: for each entry of the decisions that
// names, under key, a cluster of that name, the cluster and all fields of the entry as texts. Clusters that are not registered
// are left out; an entry that names none is Invalid.
func DecisionParams(entries []map[string]any, key string, clusters []Cluster) ([]Params, error) {
	byName := map[string]Cluster{}
	for _, c := range clusters {
		byName[c.Name] = c
	}
	var list []Params
	for i, entry := range entries {
		flat := Params{}
		flatten("", entry, flat)
		name, _ := flat[key].(string)
		if name == "" {
			return nil, problem.New(problem.Invalid, "entry %d of the decisions has no %s", i+1, clip(key)).WithHint("matchKey in the ConfigMap names the field that holds a cluster's name")
		}
		c, known := byName[name]
		if !known {
			continue
		}
		p := Params{"name": c.Name, "server": c.Server}
		for k, v := range entry {
			if text, scalar := flat[k].(string); scalar {
				p[k] = text
			} else {
				p[k] = fmt.Sprint(v)
			}
		}
		list = append(list, p)
	}
	return list, nil
}
