package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// immutable reports whether the server refuses a change that it would take from a new object, and says it in short: the
// server quotes the whole old and new content. Kubernetes has no reason of its own for this, only these words in its
// validation; a custom resource may use any.
func immutable(s metav1.Status) (short string, is bool) {
	if s.Reason != metav1.StatusReasonInvalid || s.Details == nil {
		return "", false
	}
	var all []string
	for _, c := range s.Details.Causes {
		text, _, _ := strings.Cut(c.Message, "\n") // a dump of the change follows
		for _, phrase := range []string{"immutable", "cannot change", "may not change", "may not be changed", "are forbidden"} {
			is = is || strings.Contains(text, phrase)
		}
		if _, value, ok := strings.Cut(text, "Invalid value: "); ok {
			text = value[strings.LastIndex(value, ": ")+1:]
		}
		all = append(all, c.Field+": "+strings.TrimSpace(strings.TrimPrefix(text, "Forbidden: ")))
	}
	return fmt.Sprintf("%s %q cannot be changed so: %s", s.Details.Kind, s.Details.Name, strings.Join(all, "; ")), is
}

// nameChanged completes a refusal that names no more than "spec" by the fields in which sent differs from live, as far
// as the refusal does not say that those may change. err is returned.
func nameChanged(err error, before *entry, sent *object.Object) error {
	var r *Refusal
	if !errors.As(err, &r) || !r.Immutable || !slices.Equal(r.Fields, []string{"spec"}) || before == nil || before.full == nil {
		return err
	}
	var fields []string
	for _, f := range changed("spec", sent.Object["spec"], before.full.Object["spec"]) {
		if !allowed(r.Message, f) {
			fields = append(fields, f)
		}
	}
	if len(fields) > 0 {
		r.Fields = fields
		r.Message += "; changed: " + strings.Join(fields[:min(5, len(fields))], ", ")
	}
	return err
}

// changed lists where want says something else than have; what have has beyond it are defaults.
func changed(path string, want, have any) []string {
	switch w := want.(type) {
	case map[string]any:
		h, _ := have.(map[string]any)
		var all []string
		for name, v := range w {
			all = append(all, changed(path+"."+name, v, h[name])...)
		}
		slices.Sort(all)
		return all
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return []string{path}
		}
		var all []string
		for i, v := range w {
			label := fmt.Sprint(i)
			if m, isMap := v.(map[string]any); isMap && m["name"] != nil {
				label = fmt.Sprintf("name=%v", m["name"])
			} else if !isMap && fmt.Sprint(v) != fmt.Sprint(h[i]) {
				return []string{path} // a list of words: the whole of it
			}
			all = append(all, changed(path+"["+label+"]", v, h[i])...)
		}
		return all
	}
	if want == nil || fmt.Sprint(want) == fmt.Sprint(have) {
		return nil
	}
	if a, err := resource.ParseQuantity(fmt.Sprint(want)); err == nil {
		if b, err := resource.ParseQuantity(fmt.Sprint(have)); err == nil && a.Cmp(b) == 0 {
			return nil
		}
	}
	return []string{path}
}

// allowed reports whether the message, which lists what may change, lists the field or what it is part of.
func allowed(message, field string) bool {
	var general strings.Builder // containers[name=c].image is listed as containers[*].image
	for rest := strings.TrimPrefix(field, "spec."); rest != ""; {
		before, after, found := strings.Cut(rest, "[")
		general.WriteString(before)
		if !found {
			break
		}
		_, rest, _ = strings.Cut(after, "]")
		general.WriteString("[*]")
	}
	parts := strings.Split(general.String(), ".")
	words := strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" ,;:'`\"()", r) })
	for i := range parts {
		prefix := strings.Join(parts[:i+1], ".")
		if slices.Contains(words, prefix) || slices.Contains(words, "spec."+prefix) {
			return true
		}
	}
	return false
}

// fieldsOf lists the fields that the server complains about.
func fieldsOf(s metav1.Status) []string {
	var all []string
	if s.Details == nil {
		return nil
	}
	for _, c := range s.Details.Causes {
		if c.Field != "" && !slices.Contains(all, c.Field) {
			all = append(all, c.Field)
		}
	}
	return all
}

// exists reports whether the server refused to create an object for the only reason that there is one already: it finds
// everything else in order first.
func exists(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Reason == metav1.StatusReasonAlreadyExists || apierrors.IsAlreadyExists(err)
}
