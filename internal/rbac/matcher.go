package rbac

import (
	"strings"
	"sync"
)

// Access is how much of a project a subject may see or do.
type Access byte

// The accesses.
const (
	None Access = iota // certainly nothing
	Some               // it depends on the name
	All                // certainly everything
)

// A Matcher is a table compiled further, for one resource and action, to decide about many objects. It is safe for
// concurrent use, and valid for the policy that it came from.
type Matcher struct {
	table            *Table
	resource, action string

	mu     sync.RWMutex
	common []narrow
	known  map[string]*entry
}

// narrow is an attempt whose rules match the resource and the action.
type narrow struct{ allow, deny []*pattern }

type entry struct {
	access   Access
	attempts []narrow
}

// Matcher prepares to decide about many objects. Those of actions without a path are kept in the table.
func (t *Table) Matcher(resource, action string) *Matcher {
	key := [2]string{resource, action}
	t.mu.Lock()
	m, ok := t.matchers[key]
	t.mu.Unlock()
	if ok {
		return m
	}
	m = &Matcher{table: t, resource: resource, action: action, known: map[string]*entry{}}
	m.common = m.narrow(t.common)
	if CheckWords(resource, action) == nil && !strings.Contains(action, "/") {
		t.mu.Lock()
		t.matchers[key] = m
		t.mu.Unlock()
	}
	return m
}

func (m *Matcher) narrow(attempts []attempt) (list []narrow) {
	if len(m.resource) > maxObject || len(m.action) > maxObject {
		return nil
	}
	for _, a := range attempts {
		var n narrow
		for _, r := range a.rules {
			switch {
			case !r.resource.match(m.resource) || !r.action.match(m.action):
			case r.deny:
				n.deny = append(n.deny, r.object)
			default:
				n.allow = append(n.allow, r.object)
			}
		}
		if len(n.allow) > 0 {
			list = append(list, n)
		}
	}
	return list
}

// Allows decides about one object, as Table.May does, without the reason.
func (m *Matcher) Allows(object string) bool {
	if len(object) > maxObject {
		return false
	}
	project := projectOf(m.resource, object)
	if project == "" || m.resource == Projects {
		return allows(m.narrowIn(project), object)
	}
	e := m.entry(project)
	switch e.access {
	case All:
		return true
	case None:
		return false
	}
	return allows(e.attempts, object)
}

// Project says how much of a project's objects (those named project/…) is allowed, without looking at each.
func (m *Matcher) Project(project string) Access { return m.entry(project).access }

// narrowIn returns what counts in a project; what is the same everywhere is shared.
func (m *Matcher) narrowIn(project string) []narrow {
	attempts := m.table.in(project)
	if same(attempts, m.table.common) {
		return m.common
	}
	return m.narrow(attempts)
}

func same(a, b []attempt) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (m *Matcher) entry(project string) *entry {
	m.mu.RLock()
	e, ok := m.known[project]
	m.mu.RUnlock()
	if ok {
		return e
	}
	e = &entry{}
	if ScopedToProject(m.resource) {
		e.attempts = m.narrowIn(project)
	} else {
		e.attempts = m.common
	}
	e.access = accessTo(e.attempts, project+"/")
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) < maxEntries { // names of projects that do not exist come from whoever asks
		m.known[project] = e
	}
	return e
}

const maxEntries = 100_000

func accessTo(attempts []narrow, folder string) Access {
	best := None
	for i := range attempts {
		best = max(best, attempts[i].access(folder))
	}
	return best
}

func (n *narrow) access(folder string) Access {
	found := None
	for _, p := range n.allow {
		switch {
		case p.covers(folder):
			found = All
		case found == None && p.touches(folder):
			found = Some
		}
	}
	if found == None {
		return None
	}
	for _, p := range n.deny {
		switch {
		case p.covers(folder):
			return None
		case p.touches(folder):
			found = Some
		}
	}
	return found
}

func allows(attempts []narrow, object string) bool {
	for i := range attempts {
		if attempts[i].allows(object) {
			return true
		}
	}
	return false
}

func (n *narrow) allows(object string) bool {
	for _, p := range n.deny {
		if p.match(object) {
			return false
		}
	}
	for _, p := range n.allow {
		if p.match(object) {
			return true
		}
	}
	return false
}
