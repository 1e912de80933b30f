package render

import (
	"errors"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// maxMatchVisits bounds the folders and files that one pattern may look at.
const maxMatchVisits = 100_000

// match returns the paths of the given mode that a pattern selects, ordered by name. The pattern is rooted at the
// tree; * ? [ ] stay within a path element, ** spans any number of them, {a,b} are alternatives. These are the rules
// of the doublestar library, which Argo CD uses for value files.
func match(tree *source.FS, pattern string, mode source.Mode) ([]string, error) {
	clean, ok := source.Clean(pattern)
	if !ok {
		return nil, problem.New(problem.Forbidden, "%s: the pattern leads out of the source tree", pattern)
	}
	m := matcher{tree: tree, mode: mode, found: map[string]bool{}}
	for _, alternative := range alternatives(clean) {
		if err := m.below(".", strings.Split(alternative, "/")); err != nil {
			return nil, err
		}
	}
	list := make([]string, 0, len(m.found))
	for p := range m.found {
		list = append(list, p)
	}
	sort.Strings(list)
	return list, nil
}

func isPattern(p string) bool { return strings.ContainsAny(p, "*?[") }

type matcher struct {
	tree   *source.FS
	mode   source.Mode
	visits int
	found  map[string]bool
}

func (m *matcher) below(at string, rest []string) error {
	if m.visits++; m.visits > maxMatchVisits {
		return problem.New(problem.Limit, "a pattern looks at more than %d files", maxMatchVisits)
	}
	if len(rest) == 0 {
		return m.keep(at)
	}
	part := rest[0]
	if part == "**" {
		if err := m.below(at, rest[1:]); err != nil {
			return err
		}
	} else if !isPattern(part) {
		return m.below(path.Join(at, part), rest[1:])
	}
	if e, err := m.tree.Stat(at); err != nil || e.Mode != source.Folder {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	list, err := m.tree.List(at)
	if err != nil {
		return err
	}
	for _, e := range list {
		next := path.Join(at, e.Name)
		if part != "**" {
			if ok, err := path.Match(part, e.Name); err != nil {
				return problem.New(problem.Invalid, "%q is not a pattern", part)
			} else if ok {
				err = m.below(next, rest[1:])
				if err != nil {
					return err
				}
			}
			continue
		}
		// ** does not follow symlinks: they may lead in circles
		if e.Mode == source.Folder {
			if err := m.below(next, rest); err != nil {
				return err
			}
		} else if len(rest) == 1 {
			if err := m.keep(next); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *matcher) keep(p string) error {
	e, err := m.tree.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if e.Mode == m.mode || m.mode == source.File && e.Mode == source.Executable {
		m.found[p] = true
	}
	return nil
}

// alternatives expands the innermost braces of p until there are none.
func alternatives(p string) []string {
	closing := strings.IndexByte(p, '}')
	if closing < 0 {
		return []string{p}
	}
	open := strings.LastIndexByte(p[:closing], '{')
	if open < 0 {
		return []string{p}
	}
	var all []string
	for _, choice := range strings.Split(p[open+1:closing], ",") {
		if all = append(all, alternatives(p[:open]+choice+p[closing+1:])...); len(all) > 1000 {
			return all[:1000]
		}
	}
	return all
}
