package git

import (
	"path"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Submodule is a folder of a repository that is a commit of another one.
type Submodule struct {
	Path string
	URL  string // absolute
}

// maxSubmodules bounds what one repository may have fetched.
const maxSubmodules = 50

// Submodules reads a .gitmodules file (git's gitmodules page); base is the address of the repository that it is in, which
// relative addresses are relative to. What it says of branches, updates and commands does not count.
func Submodules(text, base string) ([]Submodule, error) {
	var list []Submodule
	var at, url string
	end := func() error {
		defer func() { at, url = "", "" }()
		if at == "" || url == "" {
			return nil
		}
		clean, ok := source.Clean(at)
		if !ok || clean == "." || strings.HasPrefix(at, "/") {
			return problem.New(problem.Forbidden, ".gitmodules: path %q leads out of the repository", at)
		}
		list = append(list, Submodule{clean, resolveURL(base, url)})
		if len(list) > maxSubmodules {
			return problem.New(problem.Limit, ".gitmodules: more than %d submodules", maxSubmodules)
		}
		return nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			if err := end(); err != nil {
				return nil, err
			}
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				continue
			}
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "path":
				at = value
			case "url":
				url = value
			}
		}
	}
	return list, end()
}

// resolveURL joins a relative address (./x, ../x) to that of a repository.
func resolveURL(base, address string) string {
	if !strings.HasPrefix(address, "./") && !strings.HasPrefix(address, "../") {
		return address
	}
	base = strings.TrimRight(base, "/")
	for {
		if rest, ok := strings.CutPrefix(address, "./"); ok {
			address = rest
			continue
		}
		rest, ok := strings.CutPrefix(address, "../")
		if !ok {
			break
		}
		address = rest
		scheme, after, absolute := strings.Cut(base, "://")
		cut := strings.LastIndexAny(after, "/")
		switch {
		case absolute && cut > 0:
			base = scheme + "://" + after[:cut]
		case !absolute && strings.ContainsRune(base, '/'):
			base = path.Dir(base)
		case !absolute && strings.ContainsRune(base, ':'): // git@host:repo
			base = base[:strings.IndexByte(base, ':')]
			return base + ":" + address
		default:
			return address // above the host: it is refused as no address
		}
	}
	return base + "/" + address
}
