package charts

import (
	"cmp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/hawser-cd/hawser/internal/problem"
)

// pick returns the one of versions that revision means: the one spelled so, else the one that is the same version (with or
// without v), else the highest in the range that revision spells. Prereleases are in a range only when it names one:
// these are Helm's rules, and Argo CD's.
func pick(versions []string, revision, of string) (string, error) {
	if slices.Contains(versions, revision) {
		return revision, nil
	}
	if want, err := semver.NewVersion(revision); err == nil && strings.Count(want.Original(), ".") >= 2 {
		for _, text := range versions {
			if v, err := semver.NewVersion(text); err == nil && v.Equal(want) && (want.Metadata() == "" || v.Metadata() == want.Metadata()) {
				return text, nil
			}
		}
		return "", notThere(versions, revision, of)
	}
	within, err := semver.NewConstraint(revision)
	if err != nil {
		return "", notThere(versions, revision, of)
	}
	best, found := "", (*semver.Version)(nil)
	for _, text := range versions {
		v, err := semver.NewVersion(text)
		if err == nil && within.Check(v) && (found == nil || v.GreaterThan(found)) {
			best, found = text, v
		}
	}
	if found == nil {
		return "", notThere(versions, revision, of)
	}
	return best, nil
}

// notThere says what there is instead.
func notThere(versions []string, revision, of string) error {
	e := problem.New(problem.NotFound, "%s has no version %q", of, clip(revision))
	newest := newestFirst(versions)
	if len(newest) == 0 {
		return e.WithHint("it has no versions at all")
	}
	return e.WithHint("the newest of its %d versions is %s", len(newest), clip(newest[0]))
}

// isRange reports whether text spells a range of versions and no version.
func isRange(text string) bool {
	if _, err := semver.NewVersion(text); err == nil {
		return false
	}
	_, err := semver.NewConstraint(text)
	return err == nil
}

// newestFirst orders versions; what is none comes last, by name.
func newestFirst(versions []string) []string {
	parsed := make(map[string]*semver.Version, len(versions))
	for _, text := range versions {
		if v, err := semver.NewVersion(text); err == nil {
			parsed[text] = v
		}
	}
	list := slices.Clone(versions)
	slices.SortStableFunc(list, func(a, b string) int {
		va, vb := parsed[a], parsed[b]
		switch {
		case va == nil && vb == nil:
			return cmp.Compare(a, b)
		case va == nil:
			return 1
		case vb == nil:
			return -1
		}
		return vb.Compare(va)
	})
	return list
}
