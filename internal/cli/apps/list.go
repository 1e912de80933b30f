package apps

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// Filter narrows a list of applications down; empty fields do not count.
type Filter struct {
	Projects            []string
	Repo, Cluster, Path string // Cluster is an address or a name
}

// Apply returns the applications that match, in their order.
func (f Filter) Apply(list []v1alpha1.Application) []v1alpha1.Application {
	return slices.DeleteFunc(slices.Clone(list), func(a v1alpha1.Application) bool {
		s, d := First(&a.Spec), a.Spec.Destination
		return len(f.Projects) > 0 && !slices.Contains(f.Projects, a.Spec.ProjectName()) ||
			f.Repo != "" && s.RepoURL != f.Repo || f.Path != "" && s.Path != f.Path ||
			f.Cluster != "" && d.Server != f.Cluster && d.Name != f.Cluster
	})
}

// List prints applications as a table; wide adds where they come from.
func List(w io.Writer, list []v1alpha1.Application, wide bool) {
	table(w, func(w io.Writer) {
		head := []any{"NAME", "CLUSTER", "NAMESPACE", "PROJECT", "STATUS", "HEALTH", "SYNCPOLICY", "CONDITIONS"}
		if wide {
			head = append(head, "REPO", "PATH", "TARGET")
		}
		row(w, head...)
		for i := range list {
			a := &list[i]
			cells := []any{Qualified(a), Server(a), a.Spec.Destination.Namespace, a.Spec.ProjectName(), a.Status.Sync.Status, a.Status.Health.Status,
				shortPolicy(&a.Spec), conditionTypes(a)}
			if wide {
				s := First(&a.Spec)
				cells = append(cells, s.RepoURL, s.Path, s.TargetRevision)
			}
			row(w, cells...)
		}
	})
}

func shortPolicy(spec *v1alpha1.ApplicationSpec) string {
	switch a := spec.Automation(); {
	case a.Prune:
		return "Auto-Prune"
	case a.Enabled:
		return "Auto"
	}
	return "Manual"
}

// conditionTypes names the types of conditions once each, with their number where there are several.
func conditionTypes(app *v1alpha1.Application) string {
	count := map[string]int{}
	for _, c := range app.Status.Conditions {
		count[string(c.Type)]++
	}
	var items []string
	for name, n := range count {
		if n > 1 {
			name = fmt.Sprintf("%s(%d)", name, n)
		}
		items = append(items, name)
	}
	if len(items) == 0 {
		return "<none>"
	}
	slices.Sort(items)
	return strings.Join(items, ",")
}
