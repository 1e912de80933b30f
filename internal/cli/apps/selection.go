package apps

import (
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Selection is the objects that --resource names; an empty one is all of them.
type Selection []Choice

// Choice is one --resource: GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME, each part possibly *, and ! in front to leave
// the objects out.
type Choice struct {
	object.Key
	Exclude bool
}

// ParseSelection reads the values of --resource.
func ParseSelection(list []string) (Selection, error) {
	var s Selection
	for _, text := range list {
		body, exclude := strings.CutPrefix(text, "!")
		part := strings.Split(body, ":")
		if len(part) != 3 {
			return nil, problem.New(problem.Invalid, "resource should have GROUP:KIND:NAME, but instead got: %s", body)
		}
		c := Choice{Key: object.Key{Group: part[0], Kind: part[1], Name: part[2]}, Exclude: exclude}
		if names := strings.Split(part[2], "/"); len(names) == 2 {
			c.Namespace, c.Name = names[0], names[1]
		} else if len(names) > 2 {
			return nil, problem.New(problem.Invalid, "resource with namespace should have GROUP:KIND:NAMESPACE/NAME, but instead got: %s", body)
		}
		s = append(s, c)
	}
	return s, nil
}

// Includes reports whether key is selected. Where only exclusions are given, everything else is; an exclusion wins.
func (s Selection) Includes(key object.Key) bool {
	included, asked := false, false
	for _, c := range s {
		switch {
		case c.Exclude && c.matches(key):
			return false
		case !c.Exclude:
			asked = true
			included = included || c.matches(key)
		}
	}
	return included || !asked
}

func (c Choice) matches(key object.Key) bool {
	is := func(pattern, value string) bool { return pattern == "*" || pattern == value }
	return is(c.Group, key.Group) && is(c.Kind, key.Kind) && is(c.Name, key.Name) && (c.Namespace == "" || is(c.Namespace, key.Namespace))
}

// Of lists the selected objects among an application's, as a partial sync asks for them; nil for an empty selection.
func (s Selection) Of(app *v1alpha1.Application) []v1alpha1.SyncOperationResource {
	if len(s) == 0 {
		return nil
	}
	var list []v1alpha1.SyncOperationResource
	for _, r := range app.Status.Resources {
		if s.Includes(object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}) {
			list = append(list, v1alpha1.SyncOperationResource{Group: r.Group, Kind: r.Kind, Name: r.Name, Namespace: r.Namespace})
		}
	}
	return list
}

// Pairs reads KEY=VALUE texts, as --label and --info take them.
func Pairs(list []string) (map[string]string, error) {
	m := map[string]string{}
	for _, text := range list {
		key, value, ok := strings.Cut(text, "=")
		if !ok || strings.Contains(value, "=") {
			return nil, problem.New(problem.Invalid, "labels should have key=value, but instead got: %s", text)
		}
		m[key] = value
	}
	return m, nil
}

// Infos reads KEY=VALUE texts into notes, ordered by key.
func Infos(list []string) ([]v1alpha1.Info, error) {
	m, err := Pairs(list)
	if err != nil {
		return nil, err
	}
	var infos []v1alpha1.Info
	for k, v := range m {
		infos = append(infos, v1alpha1.Info{Name: k, Value: v})
	}
	slices.SortFunc(infos, func(a, b v1alpha1.Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}
