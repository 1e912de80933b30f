package server

import (
	"log/slog"
	"reflect"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// Declared is a method of the API with what its rule says of itself, for tests and for people who review permissions.
type Declared struct {
	argocd.Method
	Resource, Action string       // of the policy; empty when the method needs no permission
	Scope            Scope        // on what its rule decides
	Request, Answer  reflect.Type // messages, as structs
}

// Path is the method's path over gRPC.
func (d Declared) Path() string { return "/" + d.Service + "/" + d.Name }

// Scope says on what a rule decides.
type Scope string

// The scopes of rules, from the widest.
const (
	Anybody  Scope = "anybody"   // everybody, known or not
	LoggedIn Scope = "logged in" // everybody who has proved who they are
	Filtered Scope = "filtered"  // everybody; what is answered is what they may see
	Single   Scope = "single"    // one object, named by the request
)

// Methods are all methods that a server has registered, in the order of its table.
func Methods() (list []Declared) {
	scopes := map[scope]Scope{open: Anybody, known: LoggedIn, filtered: Filtered, single: Single}
	for _, m := range new(server).methods() {
		list = append(list, Declared{m.Method, m.declared.resource, m.declared.action, scopes[m.declared.scope], m.request, m.answer})
	}
	return list
}

// Routes are the verbs and paths that are served besides the methods: "GET /healthz".
func Routes() (list []string) {
	s := &server{Options: Options{Log: slog.New(slog.DiscardHandler)}}
	for _, r := range s.routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}
