package catalog

import (
	"slices"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// RepositoryOf returns how a repository with these fields would be fetched if it were registered, with what it inherits
// and rewrites applied: for a look whether it can be reached. Problem says what of the fields cannot be used.
func (c *Catalog) RepositoryOf(fields Fields) (Repository, error) {
	if err := checkFields(fields); err != nil {
		return Repository{}, err
	}
	return c.view.Load().repositories.complete(parseRepository(secretRecord{data: fields, kind: kindRepository}), fields["url"]), nil
}

// DifferentFields names the fields in which a record says something else than want, sorted; fields that want does not
// hold do not count, nor how the url is spelled. It takes the same time whatever the values are.
func (c *Catalog) DifferentFields(record string, want Fields) (names []string, err error) {
	c.mu.RLock()
	s, ok := c.secrets[record]
	c.mu.RUnlock()
	if !ok || !isRepository(s.kind) {
		return nil, problem.New(problem.NotFound, "it does not exist any more")
	}
	known := map[string]string{}
	for key := range want {
		known[key] = s.data[key]
	}
	known["url"] = source.NormalizeURL(known["url"])
	for key, value := range want {
		switch {
		case key == "url":
			value = source.NormalizeURL(value)
		case key == "type" && known[key] == "":
			known[key] = "git"
		case isFlag(known[key]) && value == "":
			value = known[key]
		}
		if !NewSecret(value).Equal(NewSecret(known[key])) {
			names = append(names, key)
		}
	}
	slices.Sort(names)
	return names, nil
}

// isFlag reports whether a value says what a missing one says.
func isFlag(value string) bool { return value == "false" || value == "0" }

// Same reports whether both say the same; a key without a value says what a missing key says.
func (f Fields) Same(o Fields) bool {
	same := true
	for _, pair := range [][2]Fields{{f, o}, {o, f}} {
		for key, value := range pair[0] {
			same = NewSecret(value).Equal(NewSecret(pair[1][key])) && same
		}
	}
	return same
}
