package render

import (
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
)

// The facts that a render can ask for besides its files.
const (
	factApp         = "app"       // metadata.name
	factInstance    = "instance"  // name in tracking marks
	factNamespace   = "namespace" // of the destination
	factProject     = "project"
	factRevision    = "revision"
	factRepo        = "repo"
	factTarget      = "target" // targetRevision as written
	factKubeVersion = "kubeVersion"
	factAPIVersions = "apiVersions" // one a line, sorted
	factPlugin      = "plugin"      // which one it is
	factKeys        = "keys"        // digest of those that decrypt
	factValues      = "values"      // keyed digest of what is given to charts
	factVariables   = "variables"   // keyed digest of what is given to everything else
)

// facts hands out facts and remembers which were asked for: only those can have shaped the result.
type facts struct {
	values map[string]string
	apis   []string      // factAPIVersions, not yet put into order: few sources ask for them
	plugin func() string // factPlugin, not yet asked for
	used   map[string]bool
	path   string // of the application as written; part of the spec, so not a fact
}

func newFacts(req Request, key []byte) *facts {
	return &facts{apis: req.Cluster.APIVersions, used: map[string]bool{}, path: req.Source.Path, values: map[string]string{
		factApp: req.App.Name, factInstance: req.App.instance(), factNamespace: req.App.DestinationNamespace,
		factProject: req.App.Project, factRevision: req.Revision, factRepo: req.Source.RepoURL,
		factTarget: req.Source.TargetRevision, factKubeVersion: req.Cluster.KubeVersion,
		factKeys: req.Keys.Digest(), factValues: digestOf(key, req.Given.Values), factVariables: digestOf(key, req.Given.Variables),
	}}
}

func (f *facts) get(name string) string {
	f.used[name] = true
	return f.value(name)
}

// value is get by somebody whom it does not shape.
func (f *facts) value(name string) string {
	if _, known := f.values[name]; name == factAPIVersions && !known {
		versions := slices.Clone(f.apis)
		slices.Sort(versions)
		f.values[name] = strings.Join(slices.Compact(versions), "\n")
	} else if name == factPlugin && !known && f.plugin != nil {
		f.values[name] = f.plugin()
	}
	return f.values[name]
}

// lines returns a fact that holds one value a line.
func (f *facts) lines(name string) []string {
	if v := f.get(name); v != "" {
		return strings.Split(v, "\n")
	}
	return nil
}

// seen returns the facts that were asked for, long ones as a digest: they are only ever compared.
func (f *facts) seen() map[string]string {
	m := make(map[string]string, len(f.used))
	for name := range f.used {
		m[name] = short(f.value(name))
	}
	return m
}

func short(v string) string {
	if len(v) > 128 {
		return object.Hash(v)
	}
	return v
}

// env returns a variable of the build environment and whether it exists.
// The names are Argo CD's (docs/user-guide/build-environment.md); NAMESPACE there is the destination's.
func (f *facts) env(name string) (value string, exists bool) {
	switch name {
	case "ARGOCD_APP_NAME":
		return f.get(factInstance), true
	case "ARGOCD_APP_NAMESPACE":
		return f.get(factNamespace), true
	case "ARGOCD_APP_PROJECT_NAME":
		return f.get(factProject), true
	case "ARGOCD_APP_REVISION":
		return f.get(factRevision), true
	case "ARGOCD_APP_REVISION_SHORT":
		return first(f.get(factRevision), 7), true
	case "ARGOCD_APP_REVISION_SHORT_8":
		return first(f.get(factRevision), 8), true
	case "ARGOCD_APP_SOURCE_PATH":
		return f.path, true
	case "ARGOCD_APP_SOURCE_REPO_URL":
		return f.get(factRepo), true
	case "ARGOCD_APP_SOURCE_TARGET_REVISION":
		return f.get(factTarget), true
	case "KUBE_VERSION":
		return strings.TrimPrefix(f.get(factKubeVersion), "v"), true
	case "KUBE_API_VERSIONS":
		return strings.Join(f.lines(factAPIVersions), ","), true
	}
	return "", false
}

func first(s string, n int) string { return s[:min(n, len(s))] }

// expand replaces $name and ${name} by the build environment, an unknown name by nothing, and $$ by a dollar. A
// dollar before anything else stands for itself. These are the rules of a shell's simplest expansion, which Argo CD
// follows for parameters, image names and the like.
func (f *facts) expand(s string) string {
	if !strings.Contains(s, "$") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, width := variable(rest)
		switch {
		case name == "$":
			b.WriteByte('$')
		case name == "" && width == 0:
			b.WriteByte('$')
		case name != "":
			v, _ := f.env(name)
			b.WriteString(v)
		}
		s = rest[width:]
	}
}

// variable returns the name at the start of s, which follows a dollar, and how many bytes it takes. A width without
// a name is a malformed brace, which vanishes.
func variable(s string) (name string, width int) {
	switch {
	case s == "":
		return "", 0
	case s[0] == '{':
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return "", 1
		}
		return s[1:end], end + 1
	case strings.IndexByte("*#$@!?-0123456789", s[0]) >= 0: // one-character names of a shell; only $ means anything
		return s[:1], 1
	}
	for width < len(s) && (s[width] == '_' || isAlphanumeric(s[width])) {
		width++
	}
	return s[:width], width
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
