package reconcile

import (
	"context"
	"maps"
	"slices"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/render"
)

// lend reads what the application takes from ConfigMaps and Secrets of its destination, or of our own namespace. Each is
// asked for in the application's annotations and permitted in its project's; what is missing, and not said to be optional,
// is an error: to render without it would deploy something else. Changes of what is read wake the application, and so does
// its appearance.
func (a *Apps) lend(ctx context.Context, v *view) (render.Given, error) {
	wants, err := render.ParseWants(v.spec.valuesFrom, v.spec.postBuild)
	if err != nil {
		a.claims.use(v.spec.name, nil)
		return render.Given{}, err
	}
	if !v.aside && !v.shown {
		a.claims.use(v.spec.name, a.placesOf(v, wants))
	}
	if wants.Empty() {
		return render.Given{}, nil
	}
	rules, err := a.rules(v)
	if err != nil {
		return render.Given{}, err
	}
	known := map[project.ValueSource]map[string]string{}
	read := func(r render.Reference) (map[string]string, error) {
		s := a.valueSource(v, r)
		if data, done := known[s]; done {
			return data, nil
		}
		data, err := a.valuesOf(ctx, v, rules, s)
		if problem.Is(err, problem.NotFound) && r.Optional {
			data, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		known[s] = data
		return data, nil
	}
	return wants.Fill(read)
}

// valueSource is the object that a reference names.
func (a *Apps) valueSource(v *view, r render.Reference) project.ValueSource {
	s := project.ValueSource{Control: r.Control, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
	if r.Control {
		s.Namespace = a.Namespace
	} else if s.Namespace == "" {
		s.Namespace = v.spec.destination.Namespace
	}
	return s
}

// valuesOf reads one object, if the project permits it.
func (a *Apps) valuesOf(ctx context.Context, v *view, rules *project.Rules, s project.ValueSource) (map[string]string, error) {
	if err := rules.ValuesFrom(s); err != nil {
		return nil, err
	}
	if s.Control {
		data, err := a.Catalog.Values(ctx, s.Kind, s.Name)
		problem.Wrap(&err, "values from %s", s)
		return data, err
	}
	if s.Namespace == a.Namespace && v.server == cluster.InCluster { // no way around the rules of our own namespace
		return nil, problem.New(problem.Forbidden, "values from %s: this namespace holds the control plane's own records", s).
			WithHint("take them with control: true, which needs a permission of its own")
	}
	account, err := a.account(v)
	if err != nil {
		return nil, err
	}
	data, err := v.cluster.Values(ctx, object.Key{Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}, account)
	if problem.Is(err, problem.NotFound) {
		return nil, problem.Because(problem.NotFound, err, "values from %s", s).
			WithHint("the application waits for it; nothing is applied or deleted until it is there")
	}
	problem.Wrap(&err, "values from %s", s)
	return data, err
}

// placesOf is where the application's values are.
func (a *Apps) placesOf(v *view, wants render.Wants) (list []place) {
	for _, r := range wants.References() {
		s := a.valueSource(v, r)
		if s.Control {
			list = append(list, place{key: object.Key{Namespace: s.Namespace, Name: s.Name}})
			continue
		}
		list = append(list, place{server: v.server, key: object.Key{Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}})
	}
	return list
}

// lent wakes the applications that take values from an object.
func (a *Apps) lent(server string, key object.Key) {
	for _, name := range a.claims.using(place{server, key}) {
		a.queue.add(name, urgent, cause{spec: true, news: true})
	}
}

// plaintext is what the project has to say of Secrets that stand in Git for everybody to read, where it permits them.
func (a *Apps) plaintext(v *view) (warnings []string) {
	if v.complete == nil {
		return nil
	}
	rules, err := a.rules(v)
	if err != nil {
		return nil
	}
	for _, key := range slices.SortedFunc(maps.Keys(v.complete.plain), object.Key.Compare) {
		if warning, _ := rules.PlainSecret(key, v.complete.plain[key]); warning != "" {
			warnings = append(warnings, warning+" ("+v.where(v.complete.origin[key])+")")
		}
	}
	return warnings
}
