package diff

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
)

// Kind says in which direction a field differs.
type Kind string

// The kinds of Change.
const (
	Modified Kind = "Modified" // both sides have the field
	Removed  Kind = "Removed"  // Git has it, live lacks it
	Added    Kind = "Added"    // live has it, Git does not
)

// Change is one field that differs.
type Change struct {
	Path    string // for people: spec.template.spec.containers[name=web].image
	Pointer string // JSON pointer (RFC 6901) into live; "-" stands for a list item that live lacks
	Kind    Kind
	Want    any // the value in force if Git's content were: for Added, the default that would return, or nil
	Have    any // the live value; nil for Removed

	Manager     string    // the field manager that owns the live value; empty: the server does not know
	Subresource string    // through which it wrote, for example scale
	Operation   string    // Apply or Update
	Time        time.Time // when it last wrote; zero when unknown
	Ours        bool      // an earlier sync of ours wrote it: Git has moved on, nobody interfered

	elements []string // the path in the spelling of managedFields
	position int      // for list items: the index in Predicted
}

// String returns the change in one line, for example
// spec.replicas: 3 in Git, 10 live (set by kubectl scale, 2026-11-23 14:05:07 UTC).
func (c Change) String() string {
	var s string
	switch c.Kind {
	case Removed:
		s = fmt.Sprintf("%s: %s in Git, missing live", c.Path, short(c.Want))
	case Added:
		s = fmt.Sprintf("%s: not in Git, %s live", c.Path, short(c.Have))
		if c.Want != nil {
			s = fmt.Sprintf("%s: not in Git (%s by default), %s live", c.Path, short(c.Want), short(c.Have))
		}
	default:
		s = fmt.Sprintf("%s: %s in Git, %s live", c.Path, short(c.Want), short(c.Have))
	}
	return s + c.author()
}

// By returns who wrote the live value in words: the command, for people's tools; empty when unknown.
func (c Change) By() string {
	switch {
	case c.Manager == "kubectl" && c.Subresource != "":
		return "kubectl " + c.Subresource
	case c.Manager == "kubectl" && c.Operation == apply:
		return "kubectl apply --server-side"
	case c.Manager == clientSideApply:
		return "kubectl apply"
	}
	if verb, ok := strings.CutPrefix(c.Manager, "kubectl-"); ok {
		return "kubectl " + verb
	}
	return c.Manager
}

func (c Change) author() string {
	at := ""
	if !c.Time.IsZero() {
		at = ", " + c.Time.UTC().Format("2006-01-02 15:04:05 MST")
	}
	switch {
	case c.Ours:
		return " (from an earlier sync" + at + ")"
	case c.Manager != "":
		return " (set by " + c.By() + at + ")"
	}
	return ""
}

// by fills in the author.
func (c *Change) by(e entry, seen time.Time) {
	c.Manager, c.Subresource, c.Operation, c.Time = e.manager, e.subresource, e.operation, e.time()
	if c.Time.IsZero() && !e.isApplyOf(e.manager) {
		c.Time = seen
	}
}

// shortLimit is the length in characters at which a value is cut in a line for people.
const shortLimit = 80

func short(v any) string {
	if s, ok := v.(string); ok && strings.HasPrefix(s, object.MaskPrefix) {
		digest := strings.TrimPrefix(s, object.MaskPrefix)
		return "hidden value " + digest[:min(6, len(digest))]
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "?"
	}
	text := []rune(strings.TrimSuffix(b.String(), "\n"))
	if len(text) > shortLimit {
		return fmt.Sprintf("%s… (%d characters)", string(text[:shortLimit-20]), len(text))
	}
	return string(text)
}

// NewChange is a difference that was found otherwise than by Compare, at a path of field names.
func NewChange(path []string, want, have any) Change {
	c := Change{Kind: Modified, Want: want, Have: have}
	for _, name := range path {
		c.elements = append(c.elements, fieldKey(name))
	}
	switch {
	case have == nil:
		c.Kind = Removed
	case want == nil:
		c.Kind = Added
	}
	c.Path, c.Pointer = display(c.elements), pointer(nil, c.elements)
	return c
}
