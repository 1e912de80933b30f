package appset

import (
	"path"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// pattern is one glob of a generator.
type pattern struct {
	match   func(string) bool
	exclude bool
	literal string // what every match is or begins with, as whole folders
}

// folderPattern matches as path.Match does: a star stays between slashes. Argo CD's directory generator has it so.
func folderPattern(text string, exclude bool) (pattern, error) {
	clean, err := inside(text)
	if err != nil {
		return pattern{}, err
	}
	if _, err := path.Match(clean, ""); err != nil {
		return pattern{}, problem.New(problem.Invalid, "the path %q is no glob: %v", clip(text), err)
	}
	return pattern{func(p string) bool { ok, _ := path.Match(clean, p); return ok }, exclude, literalOf(clean)}, nil
}

// filePattern matches files. Argo CD hands the path to git ls-files, for which a star, one or two, and a question mark
// match slashes, too, and a folder's name all that is in it; strict is its newer way, in which a star stays between slashes
// and ** is any number of folders.
func filePattern(text string, exclude, strict bool) (pattern, error) {
	clean, err := inside(text)
	if err != nil {
		return pattern{}, err
	}
	if !strict {
		return pattern{func(p string) bool {
			return clean == "." || p == clean || strings.HasPrefix(p, clean+"/") || greedy(clean, p)
		}, exclude, literalOf(clean)}, nil
	}
	forms, ok := braces(clean)
	if !ok {
		return pattern{}, problem.New(problem.Invalid, "the path %q has too many alternatives", clip(text))
	}
	var split [][]string
	for _, form := range forms {
		for part := range strings.SplitSeq(form, "/") {
			if _, err := path.Match(part, ""); err != nil {
				return pattern{}, problem.New(problem.Invalid, "the path %q is no glob: %v", clip(text), err)
			}
		}
		split = append(split, strings.Split(form, "/"))
	}
	return pattern{func(p string) bool {
		parts := strings.Split(p, "/")
		return slices.ContainsFunc(split, func(form []string) bool { return byFolders(form, parts) })
	}, exclude, literalOf(clean)}, nil
}

// inside refuses a path that leads out of the repository.
func inside(text string) (string, error) {
	if len(text) > 4096 {
		return "", problem.New(problem.Invalid, "the path %q is too long", clip(text))
	}
	if slices.Contains(strings.Split(text, "/"), "..") {
		return "", problem.New(problem.Invalid, "the path %q leads out of the repository", clip(text))
	}
	clean := strings.Trim(path.Clean("/"+text), "/")
	if clean == "" {
		clean = "."
	}
	return clean, nil
}

const special = `*?[]{}\`

// literalOf is the folders at the start of a glob that hold no special character: nothing else need be looked at.
func literalOf(clean string) string {
	if clean == "." {
		return ""
	}
	parts := strings.Split(clean, "/")
	at := slices.IndexFunc(parts, func(part string) bool { return strings.ContainsAny(part, special) })
	if at < 0 {
		return clean
	}
	return strings.Join(parts[:at], "/")
}

// greedy matches as git does without the magic word glob: stars and question marks match slashes. It goes back to the
// last star only, which is enough when all stars match everything.
func greedy(glob, text string) bool {
	g, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		if g < len(glob) {
			if glob[g] == '*' {
				star, from = g, t
				g++
				continue
			}
			if n, ok := oneOf(glob[g:], text[t]); ok {
				g += n
				t++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		g, t = star+1, from
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}

// oneOf reports whether the start of a glob, of n bytes, matches c: itself, ?, a set, or what is escaped.
func oneOf(glob string, c byte) (n int, ok bool) {
	switch glob[0] {
	case '?':
		return 1, true
	case '\\':
		if len(glob) > 1 {
			return 2, glob[1] == c
		}
	case '[':
		end := strings.IndexByte(glob[min(len(glob), 2):], ']') // one right after the bracket is itself
		if end < 0 {
			return 1, c == '['
		}
		in := glob[1 : end+2]
		not := in[0] == '!' || in[0] == '^'
		if not {
			in = in[1:]
		}
		found := false
		for i := 0; i < len(in); i++ {
			if i+2 < len(in) && in[i+1] == '-' {
				found = found || in[i] <= c && c <= in[i+2]
				i += 2
				continue
			}
			found = found || in[i] == c
		}
		return end + 3, found != not
	}
	return 1, glob[0] == c
}

// byFolders matches folder by folder; ** is any number of them.
func byFolders(glob, parts []string) bool {
	for len(glob) > 0 && glob[0] != "**" {
		if len(parts) == 0 {
			return false
		}
		if ok, _ := path.Match(glob[0], parts[0]); !ok {
			return false
		}
		glob, parts = glob[1:], parts[1:]
	}
	if len(glob) == 0 {
		return len(parts) == 0
	}
	for len(glob) > 1 && glob[1] == "**" {
		glob = glob[1:]
	}
	for i := range len(parts) + 1 {
		if byFolders(glob[1:], parts[i:]) {
			return true
		}
	}
	return false
}

// braces writes the alternatives of {a,b} out; ok is false when there are more than 64.
func braces(glob string) (list []string, ok bool) {
	list = []string{glob}
	for i := 0; i < len(list); i++ {
		for {
			open := strings.IndexByte(list[i], '{')
			end := strings.IndexByte(list[i][max(open, 0):], '}')
			if open < 0 || end < 0 {
				break
			}
			before, after := list[i][:open], list[i][open+end+1:]
			words := strings.Split(list[i][open+1:open+end], ",")
			list[i] = before + words[0] + after
			for _, w := range words[1:] {
				list = append(list, before+w+after)
			}
			if len(list) > 64 {
				return nil, false
			}
		}
	}
	return list, true
}
