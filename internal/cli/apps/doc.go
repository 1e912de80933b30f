// Package apps is what `hawser app` works out and prints: applications in, text out.
//
// The idea: scripts read what `argocd app` prints, so every table here has the columns, the order and the padding of Argo
// CD 3.6's, and each is a function of values that a test compares whole. The rest is ours: what flags make of a spec
// (Options), when a wait is over (Condition), which side of a comparison says what (Comparison), and why an application is
// not well (Why). Read Summary and States first. The package refuses to call a server, to read flags from the environment
// and to know a terminal: package cli does.
package apps

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// Split takes a name as people write it, NAMESPACE/NAME or NAME, apart. namespace stands in where it names none.
func Split(qualified, namespace string) (name, ns string) {
	if before, after, ok := strings.Cut(qualified, "/"); ok {
		return after, before
	}
	return qualified, namespace
}

// Qualified is the application's name with its namespace, as far as it has one.
func Qualified(app *v1alpha1.Application) string {
	if app.Namespace == "" {
		return app.Name
	}
	return app.Namespace + "/" + app.Name
}

// Server is the destination cluster as it was given: its address, else its name.
func Server(app *v1alpha1.Application) string {
	if app.Spec.Destination.Server != "" {
		return app.Spec.Destination.Server
	}
	return app.Spec.Destination.Name
}

// First is the first source that counts, an empty one if there is none.
func First(spec *v1alpha1.ApplicationSpec) v1alpha1.ApplicationSource {
	if list := spec.SourceList(); len(list) > 0 {
		return list[0]
	}
	return v1alpha1.ApplicationSource{}
}

// table aligns columns separated by tabs, two spaces apart: Argo CD's tables. Columns are as wide as their widest cell.
func table(w io.Writer, rows func(w io.Writer)) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows(t)
	_ = t.Flush() // an error of w comes again with the next write, and nobody can be told here
}

// row writes cells as one row of a table. The last cell ends the line and is not padded.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprintf(w, "%s", c)
	}
	fmt.Fprintln(w)
}

// field writes one line of a summary: a name in twenty columns and its value.
func field(w io.Writer, name string, value any) { fmt.Fprintf(w, "%-20s%s\n", name, value) }
