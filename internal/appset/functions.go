package appset

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Go templates are programs of strangers: who may write an ApplicationSet may not stop us. Each text that is filled has a
// budget of steps and of bytes that functions may make; every value that a function returns is weighed as it would
// print, so that nothing can be made of itself, or doubled thirty times; and a function that makes much of little is
// asked beforehand how much.
const (
	maxSteps = 200_000    // calls of functions and turns of loops, of one text
	maxTurns = 20_000_000 // the same, of one evaluation of a set
	maxBytes = 16 << 20   // made by functions, of one text
	maxList  = 10_000     // elements that one call may make
	maxRand  = 1024       // characters of chance
)

// refused are the functions of sprig that are not there, and why. Argo CD leaves the first three out, too.
var refused = func() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		out[name] = ""
	}
	const secret = "it makes another secret at each look, and takes long"
	for _, name := range []string{"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "derivePassword", "bcrypt", "htpasswd", "encryptAES"} {
		out[name] = secret
	}
	return out
}()

// gauge is what one evaluation has left.
type gauge struct{ steps, bytes, turns int }

func (g *gauge) step() {
	g.steps--
	g.turns--
	if g.steps < 0 || g.turns < 0 {
		panic(problem.New(problem.Limit, "it takes more than %d steps", maxSteps))
	}
}

// made accounts for the value of a function.
func (g *gauge) made(v reflect.Value) {
	if g.bytes -= weigh(v, g.bytes); g.bytes <= 0 {
		panic(problem.New(problem.Limit, "its functions make more than %d MiB", maxBytes>>20))
	}
}

// weigh is about how long a value prints, what is in it twice counted twice; at most limit, and no deeper than 100.
func weigh(v reflect.Value, limit int) int { return weighTo(v, limit, 100) }

func weighTo(v reflect.Value, limit, depth int) int {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) && !v.IsNil() {
		if depth--; depth < 0 {
			return limit
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return 8
	}
	if depth < 0 {
		return limit
	}
	sum := 8
	add := func(in reflect.Value) bool {
		sum += weighTo(in, limit-sum, depth-1)
		return sum < limit
	}
	switch v.Kind() {
	case reflect.String:
		sum += v.Len()
	case reflect.Slice, reflect.Array:
		if k := v.Type().Elem().Kind(); k != reflect.Interface && k != reflect.String && k != reflect.Map && k != reflect.Slice {
			return min(limit, sum+8*v.Len())
		}
		for i := range v.Len() {
			if !add(v.Index(i)) {
				return limit
			}
		}
	case reflect.Map:
		for in := v.MapRange(); in.Next(); {
			if !add(in.Key()) || !add(in.Value()) {
				return limit
			}
		}
	}
	return min(limit, sum)
}

// functions are those of Go templates: sprig's but for the refused ones, Go's that make text, and Argo CD's own.
func functions(g *gauge) template.FuncMap {
	f := sprig.TxtFuncMap()
	maps.Copy(f, template.FuncMap{
		"print": fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln,
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
		"normalize": normalize, "slugify": slugify,
		"toYaml": func(v any) (string, error) {
			data, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(data), "\n"), err
		},
		"fromYaml": func(text string) (out map[string]any, err error) {
			err = yaml.Unmarshal([]byte(text), &out)
			return out, err
		},
		"fromYamlArray": func(text string) (out []any, err error) {
			err = yaml.Unmarshal([]byte(text), &out)
			return out, err
		},
	})
	for name, fn := range f {
		why, no := refused[name]
		switch {
		case no && why == "":
			delete(f, name)
		case no:
			f[name] = func(...any) (string, error) {
				return "", problem.New(problem.Unsupported, "%s is not there: %s", name, why)
			}
		default:
			f[name] = g.metered(name, reflect.ValueOf(fn))
		}
	}
	f[tick] = func() string { g.step(); return "" }
	return f
}

// metered is fn within the budget. A panic of a function is an error of its template.
func (g *gauge) metered(name string, fn reflect.Value) any {
	foresee := foreseen[name]
	return reflect.MakeFunc(fn.Type(), func(args []reflect.Value) []reflect.Value {
		g.step()
		if foresee != nil {
			flat := args
			if fn.Type().IsVariadic() {
				last := args[len(args)-1]
				flat = slices.Clone(args[:len(args)-1])
				for i := range last.Len() {
					flat = append(flat, last.Index(i))
				}
			}
			if n := foresee(flat); n > maxText*4 {
				panic(problem.New(problem.Limit, "%s would make too much", name))
			}
		}
		var out []reflect.Value
		if fn.Type().IsVariadic() {
			out = fn.CallSlice(args)
		} else {
			out = fn.Call(args)
		}
		if len(out) > 0 {
			g.made(out[0])
		}
		return out
	}).Interface()
}

// foreseen says of functions that make much of little about how many bytes a call makes.
var foreseen = func() map[string]func([]reflect.Value) float64 {
	elements := func(n float64) float64 {
		if math.Abs(n) > maxList {
			return math.Inf(1)
		}
		return 0
	}
	chance := func(a []reflect.Value) float64 {
		if number0(a, 0) > maxRand {
			return math.Inf(1)
		}
		return 0
	}
	indent := func(a []reflect.Value) float64 {
		return number0(a, 0) * float64(strings.Count(text0(a, 1), "\n")+1)
	}
	regex := func(a []reflect.Value) float64 {
		return 2 * (length(a, 1) + 1) * length(a, 2) / 8
	}
	out := map[string]func([]reflect.Value) float64{
		"repeat": func(a []reflect.Value) float64 { return number0(a, 0) * length(a, 1) },
		"indent": indent, "nindent": indent,
		"until":     func(a []reflect.Value) float64 { return elements(number0(a, 0)) },
		"untilStep": func(a []reflect.Value) float64 { return elements(stepsOf(number0(a, 0), number0(a, 1), number0(a, 2))) },
		"seq": func(a []reflect.Value) float64 {
			switch len(a) {
			case 1:
				return elements(number0(a, 0))
			case 2:
				return elements(number0(a, 1) - number0(a, 0))
			case 3:
				return elements(stepsOf(number0(a, 0), number0(a, 2), number0(a, 1)))
			}
			return 0
		},
		"replace": func(a []reflect.Value) float64 {
			return float64(strings.Count(text0(a, 2), text0(a, 0)))*length(a, 1) + length(a, 2)
		},
		"wrapWith": func(a []reflect.Value) float64 { return (length(a, 2)/max(1, number0(a, 0)) + 1) * length(a, 1) },
		"join":     func(a []reflect.Value) float64 { return length(a, 0) * length(a, 1) },
		"printf":   func(a []reflect.Value) float64 { return widths(a) },
	}
	for _, name := range []string{"randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes"} {
		out[name] = chance
	}
	for _, name := range []string{"regexReplaceAll", "mustRegexReplaceAll", "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral"} {
		out[name] = regex
	}
	return out
}()

func stepsOf(from, to, step float64) float64 {
	if step == 0 {
		return 0
	}
	return (to - from) / step
}

// argument is the value of an argument, out of its interface.
func argument(a []reflect.Value, i int) reflect.Value {
	if i >= len(a) {
		return reflect.Value{}
	}
	v := a[i]
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

func number0(a []reflect.Value, i int) float64 {
	switch v := argument(a, i); {
	case !v.IsValid():
		return 0
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	}
	return 0
}

func text0(a []reflect.Value, i int) string {
	if v := argument(a, i); v.IsValid() && v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}

func length(a []reflect.Value, i int) float64 {
	switch v := argument(a, i); v.Kind() {
	case reflect.String, reflect.Slice, reflect.Array, reflect.Map:
		return float64(v.Len())
	}
	return 0
}

var digits = regexp.MustCompile(`[0-9]+|\*`)

// widths is how wide a format makes what it prints; a star takes its width from an argument.
func widths(a []reflect.Value) (sum float64) {
	for _, n := range digits.FindAllString(text0(a, 0), -1) {
		if n == "*" {
			for i := range a[1:] {
				sum += math.Abs(number0(a, i+1))
			}
			continue
		}
		w := 0.0
		for _, d := range n[:min(len(n), 9)] {
			w = w*10 + float64(d-'0')
		}
		sum += w
	}
	return sum
}

// tick is the name of the function that each turn of a loop calls.
const tick = "turn_of_loop"

// watched puts a step at the start of every loop's body and of every template's.
func watched(t *template.Template, step parse.Node) {
	for _, in := range t.Templates() {
		if in.Tree == nil || in.Root == nil {
			continue
		}
		watchList(in.Root, step)
		in.Root.Nodes = slices.Insert(in.Root.Nodes, 0, step.Copy())
	}
}

func watchList(list *parse.ListNode, step parse.Node) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch x := n.(type) {
		case *parse.RangeNode:
			watchList(x.List, step)
			watchList(x.ElseList, step)
			x.List.Nodes = slices.Insert(x.List.Nodes, 0, step.Copy())
		case *parse.IfNode:
			watchList(x.List, step)
			watchList(x.ElseList, step)
		case *parse.WithNode:
			watchList(x.List, step)
			watchList(x.ElseList, step)
		}
	}
}
