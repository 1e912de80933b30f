package rbac

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Subject is who asks: for people the name that their token carries (federated_claims.user_id, or else sub), for
// local accounts the account's name, for tokens of a project proj:PROJECT:ROLE, "" for those who are not logged in.
// Groups are the values of the claims that Policy.Scopes names. Whoever makes a Subject from a foreign token must know
// that a name or group like role:admin means that role, as in Argo CD.
type Subject struct {
	Name   string
	Groups []string
}

// A Request is what is asked for. Object is project/name, project/namespace/name (see Object), project/address or the
// address alone (see Scoped), or a name.
type Request struct{ Resource, Action, Object string }

// A Decision says whether, and by which line.
type Decision struct {
	Allowed   bool
	Principal string // the name, the group or the default role that the line was applied to
	Line      *Line  // nil when no line says anything: that is a denial
}

// String is the reason in words, for people and for the audit log.
func (d Decision) String() string {
	switch {
	case d.Line == nil:
		return "no line allows it"
	case d.Allowed:
		return "allowed to " + clip(d.Principal) + " by " + d.Line.String()
	}
	return "denied to " + clip(d.Principal) + " by " + d.Line.String()
}

// An attempt is one principal with the rules that count for it.
type attempt struct {
	principal string
	rules     []*rule
}

// A Table is a policy compiled for one subject, safe for concurrent use.
type Table struct {
	policy  *Policy
	subject Subject // groups sorted, each once
	common  []attempt
	reached map[string]bool // all names that the subject or the default role reach without any project

	mu       sync.Mutex
	projects map[string][]attempt // of projects whose roles concern the subject; nil: they do not
	matchers map[[2]string]*Matcher
}

// For returns the table of a subject. The latest are kept.
func (p *Policy) For(s Subject) *Table {
	s.Groups = slices.Clone(s.Groups)
	slices.Sort(s.Groups)
	s.Groups = slices.Compact(s.Groups)
	return p.tables.get(s, func() *Table { return newTable(p, s) })
}

func newTable(p *Policy, s Subject) *Table {
	t := &Table{policy: p, subject: s, reached: map[string]bool{}, projects: map[string][]attempt{}, matchers: map[[2]string]*Matcher{}}
	t.common = t.attempts("", t.reached)
	return t
}

// attempts lists who tries in a project, in this order: the default role, the name, the groups. "" is for objects of
// no project that we know. It notes all names that were reached. (The order decides only which line is named.)
func (t *Table) attempts(project string, reached map[string]bool) []attempt {
	p := t.policy
	if p.closed {
		return nil
	}
	sets := []*rules{p.rules}
	own, known := p.projects[project]
	if known {
		sets = append(sets, own)
	}
	var list []attempt
	try := func(principal string, sets ...*rules) {
		if principal == "" {
			return
		}
		allows, denies := reach(principal, sets...)
		for _, names := range []map[string]bool{allows, denies} {
			for name := range names {
				reached[name] = true
			}
		}
		if found := collect(allows, denies, sets...); len(found) > 0 {
			list = append(list, attempt{principal, found})
		}
	}
	// The default role is asked before the project is looked at, so a project cannot take from it.
	try(p.defaultRole, p.rules)
	tokenOf, _, token := projectSubject(t.subject.Name)
	if known && token && tokenOf != project {
		return list
	}
	if known {
		try(p.defaultRole, sets...)
	}
	try(t.subject.Name, sets...)
	if known && token {
		return list
	}
	for _, group := range t.subject.Groups {
		if slices.ContainsFunc(sets, func(rs *rules) bool { return len(rs.edges[group]) > 0 }) {
			try(group, sets...)
		}
	}
	return list
}

// in returns the attempts for objects of a project.
func (t *Table) in(project string) []attempt {
	own, known := t.policy.projects[project]
	if !known {
		return t.common
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if list, ok := t.projects[project]; ok {
		return list
	}
	list := t.common
	if t.concerned(own) {
		list = t.attempts(project, map[string]bool{})
	}
	t.projects[project] = list
	return list
}

// concerned reports whether a project's roles can make a difference for the subject: that it reaches one of them or a
// member of one, that one of its groups is a member, or that it is a project's token, which stands alone.
func (t *Table) concerned(own *rules) bool {
	if _, _, token := projectSubject(t.subject.Name); token {
		return true
	}
	for member := range own.edges {
		if t.reached[member] {
			return true
		}
		if _, found := slices.BinarySearch(t.subject.Groups, member); found {
			return true
		}
	}
	for role := range own.of {
		if t.reached[role] {
			return true
		}
	}
	return false
}

// May decides. A denial is the answer to all that no line allows.
func (t *Table) May(r Request) Decision {
	if len(r.Object) > maxObject || len(r.Action) > maxObject || len(r.Resource) > maxObject {
		return Decision{}
	}
	var refused Decision
	for _, a := range t.in(projectOf(r.Resource, r.Object)) {
		d, said := a.decide(r)
		if d.Allowed {
			return d
		}
		if said && refused.Line == nil {
			refused = d
		}
	}
	return refused
}

// decide looks at one principal's rules: the first that denies, else the first that allows. said is false when none
// matches.
func (a *attempt) decide(r Request) (d Decision, said bool) {
	for _, rule := range a.rules {
		if said && !rule.deny || !rule.resource.match(r.Resource) || !rule.action.match(r.Action) || !rule.object.match(r.Object) {
			continue
		}
		d, said = Decision{Allowed: !rule.deny, Principal: a.principal, Line: rule.line}, true
		if rule.deny {
			break
		}
	}
	return d, said
}

// MayWithin decides whether one object of an application may be changed or deleted (action is Update or Delete). Where
// rights are inherited, the right to do so with the application itself suffices.
func (t *Table) MayWithin(action, application string, k Kind) Decision {
	if t.policy.inherit {
		if d := t.May(Request{Applications, action, application}); d.Allowed {
			return d
		}
	}
	return t.May(Request{Applications, Within(action, k), application})
}

// RollbackAction is the action that rolling an application back takes: one of its own, or Sync.
func (p *Policy) RollbackAction() string {
	if p.separateRollback {
		return Rollback
	}
	return Sync
}

// tables keeps the tables of the latest subjects.
type tables struct {
	mu   sync.Mutex
	kept map[string]*Table
}

// maxTables bounds memory; when there are more subjects, all are forgotten and compiled again.
const maxTables = 1000

func newTables() *tables { return &tables{kept: map[string]*Table{}} }

func (ts *tables) get(s Subject, compile func() *Table) *Table {
	var b strings.Builder
	for _, part := range append([]string{s.Name}, s.Groups...) {
		b.WriteString(strconv.Itoa(len(part)) + ":" + part)
	}
	key := b.String()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t, ok := ts.kept[key]; ok {
		return t
	}
	if len(ts.kept) >= maxTables {
		clear(ts.kept)
	}
	t := compile()
	ts.kept[key] = t
	return t
}
