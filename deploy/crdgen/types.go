package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// goType is a struct with fields, or a named string with its constants.
type goType struct {
	doc    string
	fields []goField
	values []string
}

// goField is one field as its json tag shows it. An inline field has no key.
type goField struct {
	key       string
	doc       string
	typ       ast.Expr
	omitEmpty bool
}

// readTypes parses the Go files of a directory, tests excluded.
func readTypes(dir string) (map[string]*goType, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	types := map[string]*goType{}
	named := func(name string) *goType {
		if types[name] == nil {
			types[name] = &goType{}
		}
		return types[name]
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					t := named(spec.Name.Name)
					t.doc = firstSentence(gen.Doc)
					if st, ok := spec.Type.(*ast.StructType); ok {
						t.fields = readFields(st)
					}
				case *ast.ValueSpec:
					if name, value, ok := typedString(spec); ok {
						t := named(name)
						t.values = append(t.values, value)
					}
				}
			}
		}
	}
	if len(types) == 0 {
		return nil, fmt.Errorf("no Go types in %s", dir)
	}
	return types, nil
}

func readFields(st *ast.StructType) []goField {
	var fields []goField
	for _, f := range st.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			continue
		}
		key, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if key == "-" {
			continue
		}
		fields = append(fields, goField{
			key:       key,
			doc:       firstSentence(f.Doc),
			typ:       f.Type,
			omitEmpty: strings.Contains(options, "omitempty"),
		})
	}
	return fields
}

// typedString recognises `Name Type = "value"`.
func typedString(spec *ast.ValueSpec) (name, value string, ok bool) {
	typ, ok := spec.Type.(*ast.Ident)
	if !ok || len(spec.Values) != 1 {
		return "", "", false
	}
	lit, ok := spec.Values[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", "", false
	}
	value, err := strconv.Unquote(lit.Value)
	return typ.Name, value, err == nil
}

// firstSentence of a comment, without its full stop and on one line.
func firstSentence(doc *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(doc.Text()), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, ".")
}
