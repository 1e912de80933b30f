package apps

import (
	"fmt"
	"io"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// QualifiedSet is an ApplicationSet's name, behind its namespace if it has one.
func QualifiedSet(s *v1alpha1.ApplicationSet) string {
	if s.Namespace == "" {
		return s.Name
	}
	return s.Namespace + "/" + s.Name
}

// Sets prints ApplicationSets as a table; wide adds where their applications come from.
func Sets(w io.Writer, list []v1alpha1.ApplicationSet, wide bool) {
	table(w, func(w io.Writer) {
		head := []any{"NAME", "PROJECT", "SYNCPOLICY", "HEALTH", "CONDITIONS"}
		if wide {
			head = append(head, "REPO", "PATH", "TARGET")
		}
		row(w, head...)
		for i := range list {
			s := &list[i]
			spec := &s.Spec.Template.Spec
			cells := []any{QualifiedSet(s), spec.Project, setPolicy(s.Spec.SyncPolicy), s.Status.Health.Status, setConditions(s.Status.Conditions)}
			if wide {
				from := First(spec)
				cells = append(cells, from.RepoURL, from.Path, from.TargetRevision)
			}
			row(w, cells...)
		}
	})
}

// setPolicy prints a policy as argocd prints it: as its programming language does.
func setPolicy(p *v1alpha1.ApplicationSetSyncPolicy) string {
	if p == nil {
		return "nil"
	}
	sync := "nil"
	if p.ApplicationsSync != nil {
		sync = "*" + string(*p.ApplicationsSync)
	}
	return fmt.Sprintf("&ApplicationSetSyncPolicy{PreserveResourcesOnDeletion:%v,ApplicationsSync:%s,}", p.PreserveResourcesOnDeletion, sync)
}

// setConditions prints the conditions that hold, in argocd's form.
func setConditions(list []v1alpha1.ApplicationSetCondition) string {
	var items []string
	for _, c := range list {
		if c.Status == v1alpha1.AppSetConditionTrue {
			items = append(items, fmt.Sprintf("{%s %s %s %s %s}", c.Type, c.Message, c.LastTransitionTime, c.Status, c.Reason))
		}
	}
	return "[" + strings.Join(items, " ") + "]"
}

// SetSummary prints an ApplicationSet: what its applications are made of, and its conditions.
func SetSummary(w io.Writer, s *v1alpha1.ApplicationSet) {
	spec := &s.Spec.Template.Spec
	field(w, "Name:", QualifiedSet(s))
	field(w, "Project:", spec.ProjectName())
	server := spec.Destination.Server
	if server == "" {
		server = spec.Destination.Name
	}
	field(w, "Server:", server)
	field(w, "Namespace:", spec.Destination.Namespace)
	field(w, "Health Status:", s.Status.Health.Status)
	if spec.HasMultipleSources() {
		fmt.Fprintln(w, "Sources:")
	} else {
		fmt.Fprintln(w, "Source:")
	}
	sources := spec.SourceList()
	if len(sources) == 0 {
		sources = []v1alpha1.ApplicationSource{{}}
	}
	for _, x := range sources {
		describeSource(w, &x)
	}
	policy := "<none>"
	if a := spec.Automation(); a.Enabled {
		policy = syncPolicy(spec)
	}
	field(w, "SyncPolicy:", policy)
	if len(s.Status.Conditions) == 0 {
		return
	}
	fmt.Fprintln(w)
	table(w, func(w io.Writer) {
		row(w, "CONDITION", "STATUS", "MESSAGE", "LAST TRANSITION")
		for _, c := range s.Status.Conditions {
			row(w, c.Type, c.Status, c.Message, c.LastTransitionTime)
		}
	})
	fmt.Fprintln(w)
}
