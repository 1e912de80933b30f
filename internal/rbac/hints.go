package rbac

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Hints are sentences about lines that are correct and yet can hardly be meant, in a stable order: for
// `admin settings rbac validate` and for the log after a change. Nothing in a decision depends on them.
func (p *Policy) Hints() []string {
	var hints []string
	say := func(format string, args ...any) { hints = append(hints, fmt.Sprintf(format, args...)) }
	roles := map[string]bool{}
	for _, edges := range p.edges {
		for _, e := range edges {
			roles[e.to] = true
		}
	}
	for _, role := range sorted(roles) {
		if _, _, ofProject := projectSubject(role); ofProject {
			continue
		}
		allows, denies := reach(role, p.rules)
		if len(collect(allows, denies, p.rules)) == 0 {
			say("role %s has members, and no line permits it anything", clip(role))
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(p.of)) {
		for _, r := range p.of[subject] {
			if fields, _ := split(r.line.Text); slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != f }) {
				say("%s: white space behind a field counts, so it will hardly match", r.line)
			}
		}
		if p.GrantedInVain(subject) {
			say("%s looks like a group that is granted something, and no line \"g, %s, role\" makes it one that counts", clip(subject), clip(subject))
		}
	}
	if role := p.defaultRole; role != "" {
		if allows, denies := reach(role, p.rules); len(collect(allows, denies, p.rules)) == 0 {
			say("policy.default: no line permits %q anything", clip(role))
		}
	}
	return hints
}

// GrantedInVain reports whether a name with a colon, neither role:… nor a project's role, has p lines and is no member
// of anything: if it is a group, as its form suggests, its lines have no effect.
func (p *Policy) GrantedInVain(name string) bool {
	if _, _, ofProject := projectSubject(name); ofProject || strings.HasPrefix(name, "role:") || !strings.Contains(name, ":") {
		return false
	}
	return len(p.of[name]) > 0 && len(p.edges[name]) == 0
}
