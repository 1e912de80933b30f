package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"text/template"

	"github.com/hawser-cd/hawser/internal/problem"
	accessor "helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// Bounds of one chart's templates. Helm has none, or none that help: a value that calls tpl on itself overflows the
// stack there, which ends the process and with it the deployment of everything else.
const (
	maxTemplateActions = 100_000 // in one file: how deep it can nest
	maxTemplateCalls   = 1_000   // include and tpl within each other; Helm's own bound for one name
)

// templates executes a chart's templates as Helm does, with bounds on depth, output and time. Helm's engine is not
// used because its include and tpl cannot be bounded from outside.
type templates struct {
	ctx   context.Context
	left  *budget
	depth int // of include and tpl
}

// page is one template file and what it sees.
type page struct {
	text     string
	values   map[string]any
	basePath string
}

// execute renders every page that is not a partial, by name. top is what renderValues composed.
func (e *templates) execute(ch *chart.Chart, top common.Values) (map[string]string, error) {
	pages := map[string]page{}
	if _, err := e.collect(ch, top, pages); err != nil {
		return nil, err
	}
	// Definitions of the same name: the last one parsed wins, so those of the outer chart come last.
	names := sortedKeys(pages)
	sort.SliceStable(names, func(a, b int) bool {
		if x, y := strings.Count(names[a], "/"), strings.Count(names[b], "/"); x != y {
			return x > y
		}
		return names[a] > names[b]
	})
	all := template.New("gotpl").Option("missingkey=zero")
	all.Funcs(e.functions(all))
	for _, name := range names {
		if err := parsable(pages[name].text); err != nil {
			return nil, problem.Because(problem.Limit, err, "%s", name)
		}
		if _, err := all.New(name).Parse(pages[name].text); err != nil {
			return nil, parseError(name, err)
		}
	}
	out := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		p := pages[name]
		p.values["Template"] = map[string]any{"Name": name, "BasePath": p.basePath}
		text, err := e.run(all, name, p.values)
		if err != nil {
			return nil, executeError(name, err)
		}
		out[name] = text
	}
	return out, nil
}

// collect adds the pages of ch and of its dependencies, each with the scope that Helm gives it: its own values, files
// and metadata, the release and capabilities of all.
func (e *templates) collect(ch *chart.Chart, values common.Values, pages map[string]page) (map[string]any, error) {
	a, err := accessor.NewAccessor(ch)
	if err != nil {
		return nil, err
	}
	about := a.MetadataAsMap()
	about["IsRoot"] = ch.IsRoot()
	sub := map[string]any{}
	scope := map[string]any{
		"Chart": about, "Files": filesOf(ch), "Release": values["Release"], "Capabilities": values["Capabilities"],
		"Values": common.Values{}, "Subcharts": sub,
	}
	if ch.IsRoot() {
		scope["Values"] = values["Values"]
	} else if own, err := values.Table("Values." + ch.Name()); err == nil {
		scope["Values"] = own
	}
	for _, dep := range ch.Dependencies() {
		if sub[dep.Name()], err = e.collect(dep, scope, pages); err != nil {
			return nil, err
		}
	}
	library := ch.Metadata.Type == "library"
	for _, t := range ch.Templates {
		if t == nil || library && !strings.HasPrefix(path.Base(t.Name), "_") {
			continue
		}
		pages[path.Join(ch.ChartFullPath(), t.Name)] = page{
			text: string(t.Data), values: scope, basePath: path.Join(ch.ChartFullPath(), "templates"),
		}
	}
	return scope, nil
}

// run executes one template into a bounded writer. text/template prints a missing value as "<no value>"; Helm takes
// that out again.
func (e *templates) run(t *template.Template, name string, data any) (string, error) {
	w := paper{engine: e, name: name}
	err := t.ExecuteTemplate(&w, name, data)
	return strings.ReplaceAll(w.text.String(), "<no value>", ""), err
}

// include is the function of that name.
func (e *templates) include(t *template.Template) func(string, any) (string, error) {
	return func(name string, data any) (string, error) {
		if err := e.enter(name); err != nil {
			return "", err
		}
		defer e.leave()
		w := paper{engine: e, name: name}
		err := t.ExecuteTemplate(&w, name, data)
		return w.text.String(), err
	}
}

// tpl is the function of that name: what it defines is seen by the includes within it, and nowhere else.
func (e *templates) tpl(parent *template.Template) func(string, any) (string, error) {
	return func(text string, data any) (string, error) {
		if err := e.enter("tpl"); err != nil {
			return "", err
		}
		defer e.leave()
		if err := parsable(text); err != nil {
			return "", err
		}
		t, err := parent.Clone()
		if err != nil {
			return "", fmt.Errorf("cannot clone template: %w", err)
		}
		t.Option("missingkey=zero") // cloning loses it
		t.Funcs(template.FuncMap{"include": e.include(t), "tpl": e.tpl(t)})
		if t, err = t.New(parent.Name()).Parse(text); err != nil {
			return "", fmt.Errorf("cannot parse template %q: %w", text, err)
		}
		out, err := e.run(t, t.Name(), data)
		if err != nil {
			return "", fmt.Errorf("error during tpl function execution for %q: %w", first(text, 200), err)
		}
		return out, nil
	}
}

func (e *templates) enter(name string) error {
	if e.depth++; e.depth > maxTemplateCalls {
		e.depth--
		return fmt.Errorf("%s: include and tpl call each other more than %d levels deep", name, maxTemplateCalls)
	}
	return e.ctx.Err()
}

func (e *templates) leave() { e.depth-- }

// parsable bounds how deep the template parser can recurse: every level takes an action of its own.
func parsable(text string) error {
	if n := strings.Count(text, "{{"); n > maxTemplateActions {
		return fmt.Errorf("%d template actions, more than %d in one file", n, maxTemplateActions)
	}
	return nil
}

// paper collects a template's output. Its refusal to go on is what ends a template that would print for ever.
type paper struct {
	engine *templates
	name   string
	text   strings.Builder
}

var _ io.Writer = (*paper)(nil)

func (w *paper) Write(p []byte) (int, error) {
	if err := w.engine.ctx.Err(); err != nil {
		return 0, gaveUp(err)
	}
	if err := w.engine.left.take(len(p), w.name); err != nil {
		return 0, err
	}
	return w.text.Write(p)
}

// said is an error with words for people, from fail or required.
type said struct{ words string }

func (s said) Error() string { return s.words }

func parseError(name string, err error) error {
	place, message := placeOf(err.Error())
	if place == "" {
		return problem.New(problem.Invalid, "parse error in (%s): %s", name, err)
	}
	return problem.New(problem.Invalid, "parse error at (%s): %s", place, message)
}

// executeError puts the place of the outermost template in front of what fail or required said, as Helm does; of any
// other failure it keeps the whole chain of places.
func executeError(name string, err error) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return problem.Because(p.Kind, p, "%s", name)
	}
	var s said
	place, _ := placeOf(err.Error())
	if errors.As(err, &s) && place != "" {
		return problem.New(problem.Invalid, "execution error at (%s): %s", place, s.words)
	}
	text := strings.TrimPrefix(err.Error(), "template: ")
	if len(text) > maxChain { // templates that include each other without end: where it began and what ended it
		root := err
		for next := errors.Unwrap(root); next != nil; next = errors.Unwrap(root) {
			root = next
		}
		text = first(text, maxChain) + " … " + first(root.Error(), maxChain)
	}
	return problem.New(problem.Invalid, "%s", text)
}

// maxChain bounds the places that one message names, in bytes.
const maxChain = 2000

// placeOf splits "template: chart/templates/x.yaml:1:2: message".
func placeOf(text string) (place, message string) {
	rest, ok := strings.CutPrefix(text, "template: ")
	if !ok {
		return "", text
	}
	place, message, ok = strings.Cut(rest, ": ")
	if !ok {
		return "", text
	}
	return place, message
}
