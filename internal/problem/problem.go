// Package problem holds errors that people can act on.
//
// The idea: an error that reaches a person says what we tried, on what, why it failed and what to do next, and it
// carries a Kind so that every surface (HTTP, gRPC, exit code, condition) translates it in the same way. Start with
// New and Wrap. The package refuses to log, to print and to decide who sees an error.
package problem

import (
	"errors"
	"fmt"
)

// Kind says which sort of thing went wrong. The zero value is Internal.
type Kind int

// The kinds, each with the one question it answers.
const (
	Internal        Kind = iota // a bug or a broken machine: nobody outside can fix it
	Invalid                     // the input is wrong and stays wrong until somebody edits it
	NotFound                    // the thing named does not exist
	Forbidden                   // known caller or application, not permitted
	Unauthenticated             // unknown caller
	Conflict                    // somebody else changed or owns it
	Unavailable                 // another system did not answer: trying again later may help
	Limit                       // a bound was hit: size, depth, time, count
	Exists                      // there is one of that name already
	Precondition                // the thing's state does not permit it now
	Unsupported                 // nobody here can do it
)

var names = [...]string{"Internal", "Invalid", "NotFound", "Forbidden", "Unauthenticated", "Conflict", "Unavailable", "Limit", "Exists", "Precondition", "Unsupported"}

// String returns the kind's name, as used in logs and metrics.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return "Internal"
	}
	return names[k]
}

// HTTPStatus returns the status code a surface answers with.
func (k Kind) HTTPStatus() int {
	return [...]int{500, 400, 404, 403, 401, 409, 503, 413, 409, 400, 501}[max(0, min(int(k), len(names)-1))]
}

// Error is one problem: its kind, the sentence, the way out and the cause.
type Error struct {
	Kind  Kind
	Text  string // what we tried, on what, and why it failed
	Hint  string // the way out; empty when Text says it
	Cause error
}

// Error returns the sentence, its cause and the hint in one line.
func (e *Error) Error() string {
	s := e.Text
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// New returns a problem of that kind; format and args follow fmt.Sprintf.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Because returns a problem of that kind whose cause is err.
func Because(kind Kind, err error, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...), Cause: err}
}

// WithHint returns e with the way out attached.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Wrap puts what was being tried in front of *err and keeps its kind; it does nothing when *err is nil.
// Use it deferred: defer problem.Wrap(&err, "render %s", path).
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = &Error{Kind: KindOf(*err), Text: fmt.Sprintf(format, args...), Cause: *err}
	}
}

// KindOf returns the kind of the first problem in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is a problem of that kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
