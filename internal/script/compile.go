package script

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	syntax "github.com/yuin/gopher-lua/parse"
)

// MaxSource bounds a script: argocd-cm as a whole holds 1 MiB, and the compiler recurses into nested expressions.
const MaxSource = 64 << 10

// Names that no script can spell; see guard.
const (
	joinName  = "\x00.."
	indexName = "\x00[]"
)

// Program is a script, compiled. It can run many times, in any Interpreter.
type Program struct{ proto *lua.FunctionProto }

// Compile parses a script and makes its two unbounded operators count. Errors name the line; those of a run name the
// file, too.
func Compile(file, source string) (p *Program, err error) {
	if len(source) > MaxSource {
		return nil, problem.New(problem.Invalid, "the script has %d bytes; at most %d are read", len(source), MaxSource)
	}
	defer func() { // the compiler tells of some errors by panicking
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("the script cannot be compiled: %v", r)
		}
	}()
	chunk, err := syntax.Parse(strings.NewReader(source), file)
	if err != nil {
		var at *syntax.Error
		switch {
		case !errors.As(err, &at):
			return nil, err
		case at.Pos.Line < 1: // the script ended too soon
			return nil, fmt.Errorf("at its end: %s", at.Message)
		}
		return nil, fmt.Errorf("line %d: %s near %q", at.Pos.Line, at.Message, at.Token)
	}
	guard(reflect.ValueOf(chunk))
	proto, err := lua.Compile(chunk, file)
	if err != nil {
		return nil, err
	}
	return &Program{proto}, nil
}

// guard walks a syntax tree and puts calls of our own in place of two operators that can take any amount of memory in
// one instruction, where counting instructions is of no use: a .. b, which doubles a string in each round of a loop; and
// t[i] = v, since Lua fills a list with nils up to i.
func guard(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			guard(v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		switch n := v.Interface().(type) {
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if at, ok := target.(*ast.AttrGetExpr); ok {
					at.Key = guardedIndex(at.Key)
				}
			}
		case *ast.TableExpr:
			for _, f := range n.Fields {
				if f.Key != nil {
					f.Key = guardedIndex(f.Key)
				}
			}
		}
		guard(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				guard(v.Field(i))
			}
		}
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		if join, ok := v.Interface().(*ast.StringConcatOpExpr); ok {
			v.Set(reflect.ValueOf(joined(join)))
		}
		guard(v.Elem())
	}
}

// joined turns a .. b .. c, which binds to the right, into one call.
func joined(n *ast.StringConcatOpExpr) ast.Expr {
	var operands []ast.Expr
	var rest ast.Expr = n
	for {
		next, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		operands, rest = append(operands, next.Lhs), next.Rhs
	}
	return call(joinName, n, append(operands, rest)...)
}

func guardedIndex(key ast.Expr) ast.Expr {
	switch key.(type) {
	case *ast.StringExpr, *ast.TrueExpr, *ast.FalseExpr:
		return key
	}
	return call(indexName, key, key)
}

// call is a call of a global function with exactly these arguments, and one result.
func call(name string, at ast.PositionHolder, args ...ast.Expr) ast.Expr {
	for _, a := range args { // a call or … in the last place would give all its values
		switch a := a.(type) {
		case *ast.FuncCallExpr:
			a.AdjustRet = true
		case *ast.Comma3Expr:
			a.AdjustRet = true
		}
	}
	fn := &ast.IdentExpr{Value: name}
	result := &ast.FuncCallExpr{Func: fn, Args: args, AdjustRet: true}
	for _, n := range []ast.PositionHolder{fn, result} {
		n.SetLine(at.Line())
		n.SetLastLine(at.LastLine())
	}
	return result
}
