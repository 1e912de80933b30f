package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/sprig/v3"
	"github.com/gobwas/glob"
	yaml3 "go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"sigs.k8s.io/yaml"
)

// functions is what Helm's templates can call (https://helm.sh/docs/chart_template_guide/function_list): sprig
// without the environment and the network, conversions that answer "" or an "Error" key where they fail, their
// must-twins that do fail, and the functions that know the chart.
func (e *templates) functions(t *template.Template) template.FuncMap {
	f := sprig.TxtFuncMap()
	delete(f, "env")
	delete(f, "expandenv")
	for _, more := range []template.FuncMap{conversions(), durations(), boundedFuncs(f)} {
		for name, function := range more {
			f[name] = function
		}
	}
	f["getHostByName"] = func(string) string { return "" }
	f["lookup"] = func(string, string, string, string) (map[string]any, error) { return map[string]any{}, nil }
	f["include"], f["tpl"] = e.include(t), e.tpl(t)
	f["fail"] = func(words string) (string, error) { return "", said{words} }
	f["required"] = func(words string, v any) (any, error) {
		if text, ok := v.(string); v == nil || ok && text == "" {
			return v, said{words}
		}
		return v, nil
	}
	return f
}

// conversions between values and text.
func conversions() template.FuncMap {
	toYAML := func(v any) (string, error) {
		text, err := yaml.Marshal(v)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	toYAMLPretty := func(v any) (string, error) {
		var b bytes.Buffer
		enc := yaml3.NewEncoder(&b)
		enc.SetIndent(2)
		err := enc.Encode(v)
		return strings.TrimSuffix(b.String(), "\n"), err
	}
	toJSON := func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	}
	toTOML := func(v any) (string, error) {
		var b bytes.Buffer
		err := toml.NewEncoder(&b).Encode(v)
		return b.String(), err
	}
	orEmpty := func(convert func(any) (string, error)) func(any) string {
		return func(v any) string {
			if text, err := convert(v); err == nil {
				return text
			}
			return ""
		}
	}
	table := func(parse func([]byte, *map[string]any) error) func(string) map[string]any {
		return func(text string) map[string]any {
			m := map[string]any{}
			if err := parse([]byte(text), &m); err != nil {
				if m == nil {
					m = map[string]any{}
				}
				m["Error"] = err.Error()
			}
			return m
		}
	}
	list := func(parse func([]byte, *[]any) error) func(string) []any {
		return func(text string) []any {
			l := []any{}
			if err := parse([]byte(text), &l); err != nil {
				return []any{err.Error()}
			}
			return l
		}
	}
	return template.FuncMap{
		"toYaml": orEmpty(toYAML), "mustToYaml": toYAML, "toYamlPretty": orEmpty(toYAMLPretty),
		"toJson": orEmpty(toJSON), "mustToJson": toJSON, "mustToToml": toTOML,
		"toToml": func(v any) string { // the one that answers with its error
			text, err := toTOML(v)
			if err != nil {
				return err.Error()
			}
			return text
		},
		"fromYaml":      table(func(text []byte, m *map[string]any) error { return yaml.Unmarshal(text, m) }),
		"fromJson":      table(func(text []byte, m *map[string]any) error { return json.Unmarshal(text, m) }),
		"fromToml":      table(func(text []byte, m *map[string]any) error { return toml.Unmarshal(text, m) }),
		"fromYamlArray": list(func(text []byte, l *[]any) error { return yaml.Unmarshal(text, l) }),
		"fromJsonArray": list(func(text []byte, l *[]any) error { return json.Unmarshal(text, l) }),
	}
}

// durations are Helm 4's: of "1h2m", or of a number of seconds; what is neither counts as none.
func durations() template.FuncMap {
	in := func(unit time.Duration) func(any) float64 {
		return func(v any) float64 {
			d, err := toDuration(v)
			if err != nil {
				return 0
			}
			return float64(d) / float64(unit)
		}
	}
	whole := func(unit time.Duration) func(any) int64 {
		return func(v any) int64 {
			d, err := toDuration(v)
			if err != nil {
				return 0
			}
			return int64(d / unit)
		}
	}
	to := func(step func(d, m time.Duration) time.Duration) func(v, m any) time.Duration {
		return func(v, m any) time.Duration {
			d, err := toDuration(v)
			if err != nil {
				return 0
			}
			if multiple, err := toDuration(m); err == nil {
				return step(d, multiple)
			}
			return d
		}
	}
	const day = 24 * time.Hour
	return template.FuncMap{
		"mustToDuration": toDuration, "durationSeconds": in(time.Second), "durationMinutes": in(time.Minute),
		"durationHours": in(time.Hour), "durationDays": in(day), "durationWeeks": in(7 * day),
		"durationMilliseconds": whole(time.Millisecond), "durationMicroseconds": whole(time.Microsecond),
		"durationNanoseconds": whole(time.Nanosecond),
		"durationRoundTo":     to(time.Duration.Round), "durationTruncateTo": to(time.Duration.Truncate),
	}
}

func toDuration(v any) (time.Duration, error) {
	var seconds float64
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		text := strings.TrimSpace(r.String())
		if d, err := time.ParseDuration(text); err == nil {
			return d, nil
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("could not parse duration %q", text)
		}
		seconds = n
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if d, ok := v.(time.Duration); ok {
			return d, nil
		}
		seconds = float64(r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		seconds = float64(r.Uint())
	case reflect.Float32, reflect.Float64:
		seconds = r.Float()
	default:
		return 0, fmt.Errorf("%T is not a duration", v)
	}
	if nanos := seconds * float64(time.Second); !(math.Abs(nanos) < math.MaxInt64) {
		return 0, fmt.Errorf("duration of %v seconds is out of range", seconds)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// chartFileSet is .Files: what the chart holds besides templates, and nothing beyond it.
type chartFileSet map[string][]byte

func filesOf(ch *chart.Chart) chartFileSet {
	set := chartFileSet{}
	for _, f := range ch.Files {
		set[f.Name] = f.Data
	}
	return set
}

// GetBytes returns the content of a file, nothing if there is none.
func (s chartFileSet) GetBytes(name string) []byte { return append([]byte{}, s[name]...) }

// Get is GetBytes as text.
func (s chartFileSet) Get(name string) string { return string(s[name]) }

// Glob returns the files whose name matches; * stays within a folder, ** does not.
func (s chartFileSet) Glob(pattern string) chartFileSet {
	found := chartFileSet{}
	g, err := glob.Compile(pattern, '/')
	for name, data := range s {
		if err != nil || g.Match(name) { // Helm takes a bad pattern for **
			found[name] = data
		}
	}
	return found
}

// Lines returns the lines of a file without the newline at its end.
func (s chartFileSet) Lines(name string) []string {
	if len(s[name]) == 0 {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(string(s[name]), "\n"), "\n")
}

// AsConfig returns the files as the data of a ConfigMap, by base name.
func (s chartFileSet) AsConfig() string {
	return s.byBase(func(data []byte) string { return string(data) })
}

// AsSecrets returns the files as the data of a Secret, by base name.
func (s chartFileSet) AsSecrets() string { return s.byBase(base64.StdEncoding.EncodeToString) }

func (s chartFileSet) byBase(encode func([]byte) string) string {
	m := map[string]string{}
	for _, name := range sortedKeys(s) {
		m[path.Base(name)] = encode(s[name])
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

// maxMade bounds what one call of a template function may make out of a number: elements or bytes.
const maxMade = 1 << 22

// boundedFuncs wraps the functions of sprig that make much out of one number, so that a slip of the keyboard
// (`until 1000000000`) is an error and not the end of the process, and those that can make a value contain itself,
// which overflows the stack of whatever prints it.
func boundedFuncs(f template.FuncMap) template.FuncMap {
	until, step := f["until"].(func(int) []int), f["untilStep"].(func(int, int, int) []int)
	repeat := f["repeat"].(func(int, string) string)
	indent, nindent := f["indent"].(func(int, string) string), f["nindent"].(func(int, string) string)
	wrapped := template.FuncMap{
		"until": func(n int) ([]int, error) {
			if err := affordable("until", max(n, -n), 1); err != nil {
				return nil, err
			}
			return until(n), nil
		},
		"untilStep": func(from, to, by int) ([]int, error) {
			if by != 0 {
				if err := affordable("untilStep", (to-from)/by, 1); err != nil {
					return nil, err
				}
			}
			return step(from, to, by), nil
		},
		"repeat": func(n int, s string) (string, error) {
			if err := affordable("repeat", n, len(s)); err != nil {
				return "", err
			}
			return repeat(n, s), nil
		},
		"indent": func(n int, s string) (string, error) {
			if err := affordable("indent", n, strings.Count(s, "\n")+1); err != nil {
				return "", err
			}
			return indent(n, s), nil
		},
		"nindent": func(n int, s string) (string, error) {
			if err := affordable("nindent", n, strings.Count(s, "\n")+1); err != nil {
				return "", err
			}
			return nindent(n, s), nil
		},
		"set": func(d map[string]any, key string, v any) (map[string]any, error) {
			if contains(v, d) {
				return nil, errors.New("set: the value contains the dictionary that it is put into")
			}
			d[key] = v
			return d, nil
		},
	}
	for _, name := range []string{"merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"} {
		function := reflect.ValueOf(f[name])
		wrapped[name] = func(into map[string]any, from ...map[string]any) (any, error) {
			for _, m := range from {
				if !sameMap(m, into) && contains(m, into) {
					return nil, fmt.Errorf("%s: a dictionary is merged into one that it contains", name)
				}
			}
			args := []reflect.Value{reflect.ValueOf(into)}
			for _, m := range from {
				args = append(args, reflect.ValueOf(m))
			}
			out := function.Call(args)
			if len(out) == 2 && !out[1].IsNil() {
				return nil, out[1].Interface().(error)
			}
			return out[0].Interface(), nil
		}
	}
	return wrapped
}

// contains reports whether v is d or holds it somewhere.
func contains(v any, d map[string]any) bool {
	seen := map[uintptr]bool{}
	var look func(v any) bool
	look = func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			at := reflect.ValueOf(v).Pointer()
			if sameMap(v, d) {
				return true
			}
			if seen[at] {
				return false
			}
			seen[at] = true
			for _, e := range v {
				if look(e) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(v, look)
		case common.Values:
			return look(map[string]any(v))
		}
		return false
	}
	return look(v)
}

func sameMap(a, b map[string]any) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

func affordable(name string, n, each int) error {
	if n > maxMade || each > 0 && n > maxMade/each {
		return fmt.Errorf("%s: %d is too much", name, n)
	}
	return nil
}
