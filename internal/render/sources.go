package render

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// refName is what a ref may be called, with or without the dollar that value files spell it with (Argo CD's rule).
var refName = regexp.MustCompile(`^\$?[A-Za-z0-9_-]+$`)

// CheckSources says what is wrong with an application's sources as a whole, before any of them is fetched. Two refs of
// one name would let their order decide which file is read, and a list in which no source has manifests is a mistake:
// an empty application would be pruned of everything.
func CheckSources(sources []v1alpha1.ApplicationSource) error {
	refs := map[string]int{}
	manifests := false
	for i, s := range sources {
		where := fmt.Sprintf("source %d of %d: ", i+1, len(sources))
		if len(sources) == 1 {
			where = ""
		}
		manifests = manifests || !IsRefOnly(s)
		if s.RepoURL == "" {
			return problem.New(problem.Invalid, "%srepoURL is missing", where).WithHint("give the address of a repository")
		}
		if s.Ref == "" {
			continue
		}
		if !refName.MatchString(s.Ref) {
			return problem.New(problem.Invalid, "%sref %q is not a name", where, s.Ref).WithHint("letters, digits, - and _ make a name")
		}
		if s.Chart != "" {
			return problem.New(problem.Invalid, "%sa chart cannot be a ref", where).WithHint("give the ref to a source in Git, and the chart a source of its own")
		}
		name := trimDollar(s.Ref)
		if other := refs[name]; other > 0 {
			return problem.New(problem.Invalid, "%sref %s is the name of source %d already", where, name, other).WithHint("give each source a ref of its own")
		}
		refs[name] = i + 1
	}
	if !manifests {
		return problem.New(problem.Invalid, "no source has manifests: a source with a ref and without a path only lends its files").
			WithHint("give the source with the manifests a path")
	}
	return nil
}

// IsRefOnly reports whether a source only lends files to its siblings.
func IsRefOnly(s v1alpha1.ApplicationSource) bool {
	return s.Ref != "" && s.Path == "" && !IsPackaged(s)
}

// IsPackaged reports whether a source is an archive, and not in Git: a chart of a Helm repository or a registry, or an
// artifact of a registry.
func IsPackaged(s v1alpha1.ApplicationSource) bool {
	return s.Chart != "" || strings.HasPrefix(s.RepoURL, "oci://")
}

func trimDollar(ref string) string {
	if ref[0] == '$' {
		return ref[1:]
	}
	return ref
}
