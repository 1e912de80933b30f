package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/hawser-cd/hawser/internal/problem"
)

// swaggerJSON answers with the description of the REST API, as OpenAPI 2.0. It is made of the table of methods and the
// types of their messages, so that it cannot tell of what is not there.
func (s *server) swaggerJSON(w http.ResponseWriter, r *http.Request) {
	data := s.swagger()
	w.Header().Set("Content-Type", "application/json")
	send, done := s.squeeze(w, r, len(data))
	_, _ = send.Write(data)
	done()
}

// swaggerPage lists the routes for people. It runs nothing and loads nothing.
func (s *server) swaggerPage(w http.ResponseWriter, r *http.Request) {
	if s.Catalog != nil && s.Catalog.Settings().Server.DisableSwagger {
		fail(w, problem.New(problem.NotFound, "nothing is served at %s", clip(r.URL.Path)))
		return
	}
	page := s.swaggerUI()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	send, done := s.squeeze(w, r, len(page))
	_, _ = send.Write(page)
	done()
}

func listRoutes(methods []method) []byte {
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Hawser's API</title>\n<h1>Hawser's API</h1>\n" +
		"<p>All of it for machines: <a href=\"swagger.json\">swagger.json</a> (OpenAPI 2.0). Each method is there by gRPC, too, under its name.</p>\n")
	service := ""
	for _, m := range byService(methods) {
		if len(m.REST) == 0 {
			continue
		}
		if m.Service != service {
			if service != "" {
				b.WriteString("</table>\n")
			}
			service = m.Service
			fmt.Fprintf(&b, "<h2>%s</h2>\n<table><tr><th>Method<th>Route<th>Permission</tr>\n", html.EscapeString(service))
		}
		for _, route := range m.REST {
			fmt.Fprintf(&b, "<tr><td>%s<td><code>%s %s</code><td>%s</tr>\n", html.EscapeString(m.Name), html.EscapeString(route.Verb), html.EscapeString(route.Path), html.EscapeString(m.permission()))
		}
	}
	b.WriteString("</table>\n</html>\n")
	return b.Bytes()
}

// permission is what a method's rule asks for, in words.
func (m *method) permission() string {
	switch m.declared.scope {
	case open:
		return "anybody"
	case known:
		return "logged in"
	}
	return m.declared.resource + ", " + m.declared.action
}

func byService(list []method) []method {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b method) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// The parts of OpenAPI 2.0 that we use (https://spec.openapis.org/oas/v2.0).
type (
	openAPI struct {
		Swagger     string                          `json:"swagger"`
		Info        openInfo                        `json:"info"`
		Consumes    []string                        `json:"consumes"`
		Produces    []string                        `json:"produces"`
		Security    []map[string][]string           `json:"security"`
		Secured     map[string]openSecurity         `json:"securityDefinitions"`
		Paths       map[string]map[string]operation `json:"paths"`
		Definitions map[string]*schema              `json:"definitions"`
	}
	openInfo struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Version     string `json:"version"`
	}
	openSecurity struct {
		Type string `json:"type"`
		Name string `json:"name"`
		In   string `json:"in"`
	}
	operation struct {
		ID         string              `json:"operationId"`
		Tags       []string            `json:"tags"`
		Summary    string              `json:"summary"`
		Parameters []parameter         `json:"parameters,omitempty"`
		Responses  map[string]response `json:"responses"`
	}
	parameter struct {
		Name             string  `json:"name"`
		In               string  `json:"in"` // path, query, body
		Required         bool    `json:"required"`
		Type             string  `json:"type,omitempty"`
		Format           string  `json:"format,omitempty"`
		Items            *schema `json:"items,omitempty"`
		CollectionFormat string  `json:"collectionFormat,omitempty"`
		Schema           *schema `json:"schema,omitempty"`
	}
	response struct {
		Description string  `json:"description"`
		Schema      *schema `json:"schema,omitempty"`
	}
	schema struct {
		Ref        string             `json:"$ref,omitempty"`
		Type       string             `json:"type,omitempty"`
		Format     string             `json:"format,omitempty"`
		Title      string             `json:"title,omitempty"`
		Items      *schema            `json:"items,omitempty"`
		Properties map[string]*schema `json:"properties,omitempty"`
		Values     *schema            `json:"additionalProperties,omitempty"`
	}
)

const definitions = "#/definitions/"

// describe writes the description of methods.
func describe(methods []method, version string) []byte {
	d := &describer{names: map[reflect.Type]string{}, doc: openAPI{
		Swagger: "2.0", Info: openInfo{"Hawser", "The API of Argo CD, as Hawser serves it.", version},
		Consumes: []string{"application/json"}, Produces: []string{"application/json"},
		Security: []map[string][]string{{"bearer": {}}},
		Secured:  map[string]openSecurity{"bearer": {"apiKey", "Authorization", "header"}},
		Paths:    map[string]map[string]operation{},
		Definitions: map[string]*schema{"runtimeError": {Type: "object", Properties: map[string]*schema{
			"error": {Type: "string"}, "message": {Type: "string"}, "code": {Type: "integer", Format: "int32"},
		}}},
	}}
	for _, m := range byService(methods) {
		for i, r := range m.REST {
			path := strings.ReplaceAll(r.Path, "=**}", "}")
			if d.doc.Paths[path] == nil {
				d.doc.Paths[path] = map[string]operation{}
			}
			verb := strings.ToLower(r.Verb)
			if _, taken := d.doc.Paths[path][verb]; !taken {
				d.doc.Paths[path][verb] = d.operation(&m, i)
			}
		}
	}
	data, err := json.Marshal(d.doc)
	if err != nil {
		panic("server: the description of the API cannot be written: " + err.Error()) // plain structs: a mistake of ours
	}
	return data
}

type describer struct {
	doc   openAPI
	names map[reflect.Type]string
}

func (d *describer) operation(m *method, i int) operation {
	r := m.REST[i]
	_, service, _ := strings.Cut(m.Service, ".")
	op := operation{ID: service + "_" + m.Name, Tags: []string{service}, Summary: m.Name + " (" + m.permission() + ")"}
	if i > 0 {
		op.ID += fmt.Sprint(i + 1)
	}
	inPath := map[string]bool{}
	for _, s := range parsePath(r.Path) {
		if s.field == "" {
			continue
		}
		inPath[s.field] = true
		p := parameter{Name: s.field, In: "path", Required: true, Type: "string"}
		if t, ok := typeOfField(m.request, s.field); ok {
			if s := d.schema(t); s.Type == "integer" || s.Type == "boolean" {
				p.Type, p.Format = s.Type, s.Format
			}
		}
		op.Parameters = append(op.Parameters, p)
	}
	switch r.Body {
	case "":
	case "*":
		op.Parameters = append(op.Parameters, parameter{Name: "body", In: "body", Required: true, Schema: d.schema(m.request)})
	default:
		if t, ok := typeOfField(m.request, r.Body); ok {
			op.Parameters = append(op.Parameters, parameter{Name: "body", In: "body", Required: true, Schema: d.schema(t)})
		}
	}
	if r.Body != "*" {
		op.Parameters = append(op.Parameters, d.query(m.request, "", inPath, r.Body, 0)...)
	}
	answer := d.schema(m.answer)
	said := "A successful response."
	if m.ServerStream {
		said = "A successful response: one such object a line."
		answer = &schema{Type: "object", Title: "Stream result of " + strings.TrimPrefix(answer.Ref, definitions),
			Properties: map[string]*schema{"result": answer, "error": {Ref: definitions + "runtimeError"}}}
	}
	op.Responses = map[string]response{
		"200":     {said, answer},
		"default": {"An unexpected error response.", &schema{Ref: definitions + "runtimeError"}},
	}
	return op
}

// query lists the fields of a request that a query can set. Fields of messages in it have names with a dot.
func (d *describer) query(t reflect.Type, prefix string, inPath map[string]bool, body string, depth int) (list []parameter) {
	for _, f := range fieldsIn(t) {
		name := prefix + f.name
		if inPath[name] || name == body {
			continue
		}
		switch s := d.plainSchema(f.typ); {
		case s == nil && structOf(f.typ) != nil && depth < 1:
			list = append(list, d.query(structOf(f.typ), name+".", inPath, body, depth+1)...)
		case s == nil:
		case s.Type == "array":
			list = append(list, parameter{Name: name, In: "query", Type: "array", Items: s.Items, CollectionFormat: "multi"})
		default:
			list = append(list, parameter{Name: name, In: "query", Type: s.Type, Format: s.Format})
		}
	}
	return list
}

// plainSchema is the schema of what a query can hold: values, lists of values, and messages written as text. nil for others.
func (d *describer) plainSchema(t reflect.Type) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s := ownSchema(t); s != nil {
		if s.Type == "" || s.Type == "object" {
			return nil
		}
		return s
	}
	if t.Kind() == reflect.Slice {
		if e := d.plainSchema(t.Elem()); e != nil && e.Type != "array" {
			return &schema{Type: "array", Items: e}
		}
		return nil
	}
	return valueSchema(t)
}

// schema describes a type as encoding/json writes it; structs become definitions.
func (d *describer) schema(t reflect.Type) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s := ownSchema(t); s != nil {
		return s
	}
	if s := valueSchema(t); s != nil {
		return s
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return &schema{Type: "array", Items: d.schema(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Values: d.schema(t.Elem())}
	case reflect.Struct:
		return &schema{Ref: definitions + d.define(t)}
	}
	return &schema{} // anything
}

// define describes a struct once, and returns its name.
func (d *describer) define(t reflect.Type) string {
	if name, known := d.names[t]; known {
		return name
	}
	base := path.Base(t.PkgPath()) + upperFirst(t.Name())
	name := base
	for n := 2; d.doc.Definitions[name] != nil; n++ { // two packages of one name
		name = fmt.Sprint(base, n)
	}
	s := &schema{Type: "object"}
	d.names[t], d.doc.Definitions[name] = name, s // first: types contain themselves
	for _, f := range fieldsIn(t) {
		if s.Properties == nil {
			s.Properties = map[string]*schema{}
		}
		s.Properties[f.name] = d.schema(f.typ)
	}
	return name
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

type namedType struct {
	name string
	typ  reflect.Type
}

// fieldsIn are the fields of a struct as encoding/json names them, those of embedded structs among them.
func fieldsIn(t reflect.Type) (list []namedType) {
	for _, f := range jsonFields(t) {
		ft := t.Field(f.index).Type
		if f.inline {
			if in := structOf(ft); in != nil {
				list = append(list, fieldsIn(in)...)
			}
			continue
		}
		list = append(list, namedType{f.name, ft})
	}
	return list
}

func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// typeOfField finds the type of a field by its JSON name, with dots into messages.
func typeOfField(t reflect.Type, name string) (reflect.Type, bool) {
	head, tail, deep := strings.Cut(name, ".")
	in := structOf(t)
	if in == nil {
		return nil, false
	}
	for _, f := range fieldsIn(in) {
		if f.name == head && deep {
			return typeOfField(f.typ, tail)
		}
		if f.name == head {
			return f.typ, true
		}
	}
	return nil, false
}

// ownSchema describes types that write themselves; nil for others.
func ownSchema(t reflect.Type) *schema {
	switch t {
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		return &schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[metav1.Duration](), reflect.TypeFor[resource.Quantity]():
		return &schema{Type: "string"}
	case reflect.TypeFor[intstr.IntOrString]():
		return &schema{Type: "string", Format: "int-or-string"}
	case reflect.TypeFor[metav1.FieldsV1]():
		return &schema{Type: "object"}
	}
	if encodesItself(t) {
		return &schema{} // anything: JSON that somebody else wrote
	}
	return nil
}

// valueSchema describes numbers, texts and bytes; nil for others.
func valueSchema(t reflect.Type) *schema {
	switch t.Kind() {
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		return &schema{Type: "integer", Format: "int64"}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return &schema{Type: "integer", Format: "int32"}
	case reflect.Float32:
		return &schema{Type: "number", Format: "float"}
	case reflect.Float64:
		return &schema{Type: "number", Format: "double"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: "string", Format: "byte"}
		}
	}
	return nil
}
