package server

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/Masterminds/sprig/v3"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// Administrators write links to other systems into argocd-cm (application.links, project.links, resource.links). Such a
// link has an address that is a template of text/template with sprig's functions, and may have a condition in the
// language of expr-lang: what people have written for Argo CD works as it is. The values that both read are written by
// others, who are trusted less. So everything is bounded: what goes in, each value on the way, the time, and what comes
// out, which is a safeLink or nothing.

// deepLink is one link as it is written.
type deepLink struct {
	URL         string `json:"url"`
	Title       string `json:"title"`
	Description string `json:"description"`
	IconClass   string `json:"icon.class"`
	If          string `json:"if"`
}

// Bounds of links and of what is computed for them.
const (
	maxLinks    = 100
	maxTemplate = 16 << 10               // bytes of a template or a condition
	maxValue    = 8 << 10                // bytes of a text on the way
	maxElements = 10_000                 // of a list or a map that is read, and of what a condition makes
	maxParts    = 200_000                // of a value on the way, all levels counted
	maxLinkTime = 100 * time.Millisecond // for one link; a usual one takes a tenth of one
)

// readLinks reads a setting; an error names nothing of it.
func readLinks(setting, raw string) ([]deepLink, error) {
	if strings.TrimSpace(raw) == "" {
		return nil, nil
	}
	var list []deepLink
	if err := yaml.Unmarshal([]byte(raw), &list); err != nil {
		return nil, problem.New(problem.Invalid, "the setting %s is no list of links", setting).WithHint("each has a title and a url, see docs/settings.md")
	}
	if len(list) > maxLinks {
		return nil, problem.New(problem.Limit, "the setting %s has %d links, more than %d", setting, len(list), maxLinks)
	}
	return list, nil
}

// linksFor are the links of a list that apply to an object, with what is wrong with the others. data must be plain:
// maps, slices, texts, numbers, as JSON has them.
func linksFor(list []deepLink, data map[string]any) (*argocd.LinksResponse, []error) {
	data = shorten(data).(map[string]any)
	out := &argocd.LinksResponse{}
	var faults []error
	for _, l := range list {
		info, ok, err := l.evaluate(data)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("link %q: %w", clip(l.Title), err))
		case ok:
			out.Items = append(out.Items, info)
		}
	}
	return out, faults
}

func (l deepLink) evaluate(data map[string]any) (info argocd.LinkInfo, applies bool, err error) {
	if len(l.URL) > maxTemplate || len(l.If) > maxTemplate {
		return info, false, fmt.Errorf("its template or condition is longer than %d bytes", maxTemplate)
	}
	step := stepper(time.Now().Add(maxLinkTime))
	if l.If != "" {
		if applies, err := holds(l.If, data, step); err != nil || !applies {
			return info, false, err
		}
	}
	text, err := fill(l.URL, data, step)
	if err != nil {
		return info, false, err
	}
	link, ok := parseLink(text)
	if !ok {
		return info, false, errors.New("it does not come out as an address with http, https or mailto")
	}
	return argocd.LinkInfo{Title: l.Title, URL: string(link), Description: l.Description, IconClass: l.IconClass}, true, nil
}

// stepper makes the function that every value on the way goes through: nothing may grow too large or take too long.
func stepper(deadline time.Time) func(v any) (any, error) {
	return func(v any) (any, error) {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("it takes longer than %s", maxLinkTime)
		}
		budget := maxParts
		return v, weigh(v, &budget)
	}
}

// weigh goes through a value as printing it would: a list that holds another one twice counts it twice.
func weigh(v any, budget *int) error {
	if *budget--; *budget < 0 {
		return fmt.Errorf("a value in it has more than %d parts", maxParts)
	}
	switch v := v.(type) {
	case nil, bool, int, int64, float64:
		return nil
	case string:
		if len(v) > maxValue {
			return fmt.Errorf("a text in it is longer than %d bytes", maxValue)
		}
	case []any:
		for _, e := range v {
			if err := weigh(e, budget); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range v {
			if err := weigh(e, budget); err != nil {
				return err
			}
		}
	default:
		switch r := reflect.ValueOf(v); r.Kind() {
		case reflect.String:
			return weigh(r.String(), budget)
		case reflect.Slice, reflect.Array:
			for i := range r.Len() {
				if err := weigh(r.Index(i).Interface(), budget); err != nil {
					return err
				}
			}
		case reflect.Map:
			for _, k := range r.MapKeys() {
				if err := weigh(r.MapIndex(k).Interface(), budget); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// shorten copies plain data without what is too large to be part of an address: it counts as absent.
func shorten(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > maxValue {
			return ""
		}
	case []any:
		if len(v) > maxElements {
			return []any{}
		}
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = shorten(e)
		}
		return list
	case map[string]any:
		m := make(map[string]any, min(len(v), maxElements))
		if len(v) > maxElements {
			return m
		}
		for k, e := range v {
			m[k] = shorten(e)
		}
		return m
	}
	return v
}

// plain is a value as JSON has it, with whole numbers as int64, as Kubernetes' own reading has them.
func plain(v any) (map[string]any, error) {
	data, err := utiljson.Marshal(v)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write a %T as JSON", v)
	}
	m := map[string]any{}
	return m, utiljson.Unmarshal(data, &m)
}

// holds evaluates a condition.
func holds(condition string, data map[string]any, step func(any) (any, error)) (bool, error) {
	// A panic in the parser or the machine of a library is a bad condition, not the end of a request.
	program, err := expr.Compile(condition, expr.MaxNodes(1000), expr.Patch(stepped{}),
		expr.Function(stepName, func(params ...any) (any, error) { return step(params[0]) }, new(func(any) any)))
	if err != nil {
		return false, fmt.Errorf("its condition cannot be read: %s", firstLine(err))
	}
	machine := vm.VM{MemoryBudget: maxElements}
	out, err := machine.Run(program, data)
	if err != nil {
		return false, fmt.Errorf("its condition fails: %s", firstLine(err))
	}
	yes, ok := out.(bool)
	if !ok {
		return false, errors.New("its condition is neither true nor false")
	}
	return yes, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return clip(line)
}

// stepName is a name that nobody writes.
const stepName = "ʘstep"

// stepped has every value of a condition that could be large, and every round of a loop, go through step.
type stepped struct{}

func (stepped) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		n.Node = throughStep(n.Node)
	case *ast.BuiltinNode, *ast.CallNode:
		*node = throughStep(*node)
	case *ast.BinaryNode:
		if n.Operator == "+" || n.Operator == ".." {
			*node = throughStep(*node)
		}
	}
}

func throughStep(n ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: stepName}, Arguments: []ast.Node{n}}
}

// linkFunctions are what templates can call: sprig's, without the environment and the network, what makes keys and
// passwords, what makes much out of one number, and what changes a value in place.
var linkFunctions = func() template.FuncMap {
	f := template.FuncMap(maps.Clone(sprig.GenericFuncMap()))
	for _, name := range []string{
		"env", "expandenv", "getHostByName",
		"bcrypt", "htpasswd", "derivePassword", "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
		"genSignedCert", "genSignedCertWithKey", "buildCustomCert", "encryptAES", "decryptAES", "randBytes", "randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randInt", "shuffle",
		"repeat", "until", "untilStep", "seq", "indent", "nindent", "wrap", "wrapWith",
		"set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite",
	} {
		delete(f, name)
	}
	return f
}()

// fill fills a template.
func fill(text string, data map[string]any, step func(any) (any, error)) (string, error) {
	t, err := template.New("link").Funcs(linkFunctions).Funcs(template.FuncMap{stepName: step}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("its template cannot be read: %s", firstLine(err))
	}
	if len(t.Templates()) > 1 {
		return "", errors.New("its template defines others, which is not for links")
	}
	if t.Tree == nil { // of an empty text
		return "", nil
	}
	if err := stepThrough(t.Root); err != nil {
		return "", err
	}
	b := boundedText{left: maxLink}
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("its template fails: %s", firstLine(err))
	}
	return b.String(), nil
}

// stepThrough has every pipeline of a template end in step.
func stepThrough(n parse.Node) error {
	if n == nil || reflect.ValueOf(n).IsNil() {
		return nil
	}
	all := func(nodes ...parse.Node) error {
		for _, n := range nodes {
			if err := stepThrough(n); err != nil {
				return err
			}
		}
		return nil
	}
	switch n := n.(type) {
	case *parse.ListNode:
		return all(n.Nodes...)
	case *parse.ActionNode:
		return all(n.Pipe)
	case *parse.IfNode:
		return all(n.Pipe, n.List, n.ElseList)
	case *parse.WithNode:
		return all(n.Pipe, n.List, n.ElseList)
	case *parse.RangeNode:
		if err := all(n.Pipe, n.List, n.ElseList); err != nil {
			return err
		}
		// A round without a pipeline must take its step, too: range goes over numbers as well.
		n.List.Nodes = append([]parse.Node{silentStep(n.Pos)}, n.List.Nodes...)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			if err := all(c.Args...); err != nil {
				return err
			}
		}
		n.Cmds = append(n.Cmds, stepCommand(n.Pos))
	case *parse.ChainNode:
		return all(n.Node)
	case *parse.TemplateNode:
		return errors.New("its template calls others, which is not for links")
	}
	return nil
}

func stepCommand(at parse.Pos, args ...parse.Node) *parse.CommandNode {
	id := parse.NewIdentifier(stepName).SetPos(at)
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: at, Args: append([]parse.Node{id}, args...)}
}

// silentStep is {{if step false}}{{end}}.
func silentStep(at parse.Pos) parse.Node {
	no := &parse.BoolNode{NodeType: parse.NodeBool, Pos: at}
	pipe := &parse.PipeNode{NodeType: parse.NodePipe, Pos: at, Cmds: []*parse.CommandNode{stepCommand(at, no)}}
	return &parse.IfNode{BranchNode: parse.BranchNode{NodeType: parse.NodeIf, Pos: at, Pipe: pipe, List: &parse.ListNode{NodeType: parse.NodeList, Pos: at}}}
}

// boundedText takes no more than an address.
type boundedText struct {
	bytes.Buffer
	left int
}

func (b *boundedText) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("the address is longer than %d bytes", maxLink)
	}
	return b.Buffer.Write(p)
}
