package object

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// Bounds of one parsed file. They are far above what people write and far below what hurts: a YAML bomb of a few
// hundred bytes asks for gigabytes.
const (
	maxDocuments = 20_000
	maxDepth     = 200
	maxNodes     = 2_000_000
)

// Parse reads the YAML or JSON documents in data and returns the objects in them, List kinds taken apart. path is
// for messages and Origins. Documents that are empty or hold only comments are skipped. A document that is not an
// object with apiVersion, kind and metadata.name (or generateName) is a problem of kind Invalid that names file and
// line.
//
// The YAML rules are those of kubectl (sigs.k8s.io/yaml: YAML 1.1 booleans, JSON numbers, duplicate keys refused).
func Parse(data []byte, path string) ([]Item, error) {
	docs := splitDocuments(data)
	if len(docs) > maxDocuments {
		return nil, problem.New(problem.Limit, "%s: %d documents, more than %d", path, len(docs), maxDocuments)
	}
	var items []Item
	for _, d := range docs {
		found, err := parseDocument(d, path)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	return items, nil
}

// ParseValue reads one YAML or JSON document into plain values (maps, slices, strings, int64, float64, bool, nil).
func ParseValue(data []byte, path string) (any, error) {
	return decode(document{text: data, line: 1}, path)
}

type document struct {
	text []byte
	line int // of its first line, 1-based
}

// splitDocuments cuts at lines that begin with "---", as the YAML stream rules have it.
func splitDocuments(data []byte) []document {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var docs []document
	start, line, first := 0, 1, 1
	for at := 0; at < len(data); {
		end := bytes.IndexByte(data[at:], '\n')
		next := at + end + 1
		if end < 0 {
			next = len(data)
		}
		if isSeparator(data[at:next]) {
			docs = append(docs, document{data[start:at], first})
			// "--- {a: b}" and "--- # comment" carry content on the separator's own line
			start, first = at+3, line
		}
		at = next
		line++
	}
	docs = append(docs, document{data[start:], first})
	kept := docs[:0]
	for _, d := range docs {
		if !blank(d.text) {
			kept = append(kept, d)
		}
	}
	return kept
}

func isSeparator(l []byte) bool {
	return bytes.HasPrefix(l, []byte("---")) && (len(l) == 3 || l[3] == ' ' || l[3] == '\t' || l[3] == '\n' || l[3] == '\r')
}

func blank(text []byte) bool {
	for _, l := range bytes.Split(text, []byte("\n")) {
		l = bytes.TrimSpace(l)
		if len(l) > 0 && l[0] != '#' && !bytes.Equal(l, []byte("...")) && !bytes.HasPrefix(l, []byte("%YAML")) {
			return false
		}
	}
	return true
}

func parseDocument(d document, path string) ([]Item, error) {
	value, err := decode(d, path)
	if err != nil || value == nil {
		return nil, err
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, invalid(path, d.start(), "the document is a %s, not a Kubernetes object", typeName(value))
	}
	return fromFields(fields, path, d.start())
}

// start is the line of the document's first content.
func (d document) start() int {
	line := d.line
	for _, l := range bytes.Split(d.text, []byte("\n")) {
		if l = bytes.TrimSpace(l); len(l) > 0 && l[0] != '#' {
			break
		}
		line++
	}
	return line
}

func fromFields(fields map[string]any, path string, line int) ([]Item, error) {
	kind, _ := fields["kind"].(string)
	version, _ := fields["apiVersion"].(string)
	if kind == "" || version == "" {
		return nil, invalid(path, line, "apiVersion or kind is missing").WithHint("every manifest needs both")
	}
	if strings.Count(version, "/") > 1 {
		return nil, invalid(path, line, "apiVersion %q is not group/version", version)
	}
	if list, ok := fields["items"].([]any); ok && strings.HasSuffix(kind, "List") {
		var items []Item
		for i, v := range list {
			element, ok := v.(map[string]any)
			if !ok {
				return nil, invalid(path, line, "items[%d] of %s is a %s, not an object", i, kind, typeName(v))
			}
			found, err := fromFields(element, path, line)
			if err != nil {
				return nil, err
			}
			items = append(items, found...)
		}
		return items, nil
	}
	meta, ok := fields["metadata"].(map[string]any)
	if !ok {
		return nil, invalid(path, line, "%s has no metadata", kind)
	}
	for _, f := range []string{"labels", "annotations"} {
		if err := wantStrings(meta[f]); err != "" {
			return nil, invalid(path, line, "%s: metadata.%s%s", kind, f, err).WithHint("quote it")
		}
	}
	name, isString := meta["name"].(string)
	generate, _ := meta["generateName"].(string)
	if meta["name"] != nil && !isString {
		return nil, invalid(path, line, "%s: metadata.name is a %s, not a string", kind, typeName(meta["name"])).WithHint("quote it")
	}
	if name == "" && generate == "" {
		return nil, invalid(path, line, "%s has no metadata.name", kind)
	}
	if ns, ok := meta["namespace"]; ok && ns != nil {
		if _, ok := ns.(string); !ok {
			return nil, invalid(path, line, "%s: metadata.namespace is a %s, not a string", kind, typeName(ns)).WithHint("quote it")
		}
	}
	return []Item{{Object: &Object{Object: fields}, Origin: Origin{Path: path, Line: line}}}, nil
}

func wantStrings(v any) string {
	if v == nil {
		return ""
	}
	m, ok := v.(map[string]any)
	if !ok {
		return " is a " + typeName(v) + ", not a map"
	}
	for k, e := range m {
		if _, ok := e.(string); !ok && e != nil {
			return fmt.Sprintf("[%s] is a %s, not a string", k, typeName(e))
		}
	}
	return ""
}

var yamlLine = regexp.MustCompile(`line (\d+): ?`)

func decode(d document, path string) (any, error) {
	text, err := yaml.YAMLToJSONStrict(d.text)
	if err != nil {
		line, msg := d.line, strings.TrimPrefix(err.Error(), "yaml: ")
		msg = strings.TrimPrefix(msg, "error converting YAML to JSON: yaml: ")
		if m := yamlLine.FindStringSubmatch(msg); m != nil {
			n, _ := strconv.Atoi(m[1])
			line, msg = d.line+n-1, strings.Replace(msg, m[0], "", 1)
		}
		return nil, invalid(path, line, "%s", strings.TrimSpace(strings.TrimPrefix(msg, "unmarshal errors:\n ")))
	}
	if depth(text) > maxDepth {
		return nil, problem.New(problem.Limit, "%s:%d: nested deeper than %d levels", path, d.line, maxDepth)
	}
	var value any
	if err := utiljson.Unmarshal(text, &value); err != nil {
		return nil, invalid(path, d.line, "%v", err)
	}
	if left := maxNodes; !within(value, &left) {
		return nil, problem.New(problem.Limit, "%s:%d: more than %d values", path, d.line, maxNodes)
	}
	return value, nil
}

// depth returns how deep the JSON text nests, without decoding it.
func depth(text []byte) int {
	deepest, at, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			at++
			deepest = max(deepest, at)
		case c == '}' || c == ']':
			at--
		}
	}
	return deepest
}

func within(v any, left *int) bool {
	if *left--; *left < 0 {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if !within(e, left) {
				return false
			}
		}
	case []any:
		for _, e := range v {
			if !within(e, left) {
				return false
			}
		}
	}
	return true
}

func invalid(path string, line int, format string, args ...any) *problem.Error {
	return problem.New(problem.Invalid, "%s:%d: %s", path, line, fmt.Sprintf(format, args...))
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case int64, float64:
		return "number"
	case []any:
		return "list"
	}
	return "map"
}
