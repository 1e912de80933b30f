package git

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Refs is an immutable snapshot of a repository's branches, tags and HEAD. The zero value knows nothing.
type Refs struct {
	s  *snapshot
	at time.Time
}

type snapshot struct {
	head       string // the ref that HEAD points to, "" when detached, dangling or unknown
	headCommit string
	branches   map[string]string // short name → commit
	tags       map[string]string // short name → object, annotated tags peeled
	hash       string
	at         map[string][]string // object → tags, sorted
	versions   sync.Map            // tag prefix → []version, highest first: parsed once per snapshot
}

type version struct {
	*semver.Version
	tag string
}

// newRefs builds a snapshot; the maps become its own.
func newRefs(head, headCommit string, branches, tags map[string]string) *snapshot {
	s := &snapshot{head: head, branches: branches, tags: tags, at: map[string][]string{}}
	if b, ok := strings.CutPrefix(head, "refs/heads/"); ok {
		headCommit = branches[b] // "" when it dangles
	}
	s.headCommit = headCommit
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", head, headCommit)
	for _, n := range sortedKeys(branches) {
		fmt.Fprintf(h, "%s refs/heads/%s\n", branches[n], n)
	}
	for _, n := range sortedKeys(tags) {
		fmt.Fprintf(h, "%s refs/tags/%s\n", tags[n], n)
		s.at[tags[n]] = append(s.at[tags[n]], n)
	}
	s.hash = hex.EncodeToString(h.Sum(nil))
	return s
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// IsZero reports whether r is no snapshot at all (an empty repository's snapshot is one).
func (r Refs) IsZero() bool { return r.s == nil }

// Hash names the snapshot: equal hashes, equal refs. It is "" for the zero value.
func (r Refs) Hash() string {
	if r.s == nil {
		return ""
	}
	return r.s.hash
}

// Fetched is when the contact with the server began that last confirmed these refs.
func (r Refs) Fetched() time.Time { return r.at }

// Head returns the branch that HEAD names ("" when detached) and its commit ("" when the branch does not exist).
func (r Refs) Head() (branch, commit string) {
	if r.s == nil {
		return "", ""
	}
	return strings.TrimPrefix(r.s.head, "refs/heads/"), r.s.headCommit
}

// Branch returns the commit of the branch of that short name.
func (r Refs) Branch(name string) (commit string, ok bool) {
	if r.s == nil {
		return "", false
	}
	commit, ok = r.s.branches[name]
	return commit, ok
}

// Tag returns what the tag of that short name points at, through annotated tags.
func (r Refs) Tag(name string) (commit string, ok bool) {
	if r.s == nil {
		return "", false
	}
	commit, ok = r.s.tags[name]
	return commit, ok
}

// Branches returns the short names of all branches, sorted.
func (r Refs) Branches() []string {
	if r.s == nil {
		return nil
	}
	return sortedKeys(r.s.branches)
}

// Tags returns the short names of all tags, sorted.
func (r Refs) Tags() []string {
	if r.s == nil {
		return nil
	}
	return sortedKeys(r.s.tags)
}

// TagsAt returns the tags that point at exactly that commit, sorted.
func (r Refs) TagsAt(commit string) []string {
	if r.s == nil {
		return nil
	}
	return slices.Clone(r.s.at[commit])
}

// Resolve returns the full commit id that revision names. In this order:
//
//  1. "" and HEAD: the default branch.
//  2. refs/heads/NAME and refs/tags/NAME: exactly that.
//  3. A full id (40 or 64 hex digits): itself, whether or not it exists. When a branch or tag has that very name and
//     points elsewhere the answer is a problem.Conflict: a pinned commit must not be replaced by whoever may push a
//     branch, nor a branch be read as a commit.
//  4. A branch of that name, then a tag of that name (as in Argo CD, where a branch wins over a tag).
//  5. A semver range (1.*, >=1.2 <2, ~1.4; Masterminds' grammar): the highest tag in it. A plain version is no range.
//
// Anything else is problem.NotFound; Mirrors.Commit goes on to short ids and other refs.
func (r Refs) Resolve(revision string) (string, error) { return r.ResolveTagged(revision, "") }

// ResolveTagged is Resolve where versions and ranges look only at tags that begin with tagPrefix, which is not part of
// the version: with prefix web- the range 1.* matches web-1.4.0.
func (r Refs) ResolveTagged(revision, tagPrefix string) (string, error) {
	id, _, err := r.resolve(revision, tagPrefix)
	return id, err
}

// resolve is ResolveTagged with the name of the tag by which the revision was found; "" when it was not by one.
func (r Refs) resolve(revision, tagPrefix string) (id, tag string, err error) {
	if err := CheckRevision(revision); err != nil {
		return "", "", err
	}
	id = strings.ToLower(revision)
	branch, isBranch := r.Branch(revision)
	tagged, isTag := r.Tag(revision)
	switch {
	case isFullID(revision) && (isBranch && branch != id || isTag && tagged != id):
		return "", "", problem.New(problem.Conflict, "revision %q is a commit id and also the name of a branch or tag that points elsewhere", revision).
			WithHint("write refs/heads/%s or refs/tags/%s to mean the ref, or delete it", revision, revision)
	case isFullID(revision):
		return id, "", nil
	case r.s == nil || len(r.s.branches)+len(r.s.tags) == 0 && r.s.headCommit == "":
		return "", "", problem.New(problem.NotFound, "revision %q not found: the repository is empty, it has no branch and no tag", revision).
			WithHint("push a first commit")
	case revision == "" || revision == "HEAD":
		id, err = r.resolveHead()
		return id, "", err
	}
	if name, ok := strings.CutPrefix(revision, "refs/heads/"); ok {
		if c, ok := r.Branch(name); ok {
			return c, "", nil
		}
		return "", "", r.notFound("branch", name)
	}
	if name, ok := strings.CutPrefix(revision, "refs/tags/"); ok {
		if c, ok := r.Tag(name); ok {
			return c, name, nil
		}
		return "", "", r.notFound("tag", name)
	}
	if tagPrefix != "" {
		if _, err := semver.NewVersion(revision); err == nil {
			if c, ok := r.Tag(tagPrefix + revision); ok {
				return c, tagPrefix + revision, nil
			}
		}
	}
	if isBranch {
		return branch, "", nil
	}
	if isTag {
		return tagged, revision, nil
	}
	if c := rangeOf(revision); c != nil {
		return r.highest(c, revision, tagPrefix)
	}
	return "", "", r.notFound("branch or tag", revision)
}

func (r Refs) resolveHead() (string, error) {
	if r.s.headCommit != "" {
		return r.s.headCommit, nil
	}
	branch, _ := r.Head()
	if branch == "" {
		branch = "(none)"
	}
	return "", problem.New(problem.NotFound, "HEAD names branch %s, which does not exist%s", branch, r.some()).
		WithHint("set targetRevision to a branch, or change the default branch on the server")
}

// rangeOf returns the semver range that text spells, or nil: a plain version and a name are none.
func rangeOf(text string) *semver.Constraints {
	if _, err := semver.NewVersion(text); err == nil {
		return nil
	}
	c, err := semver.NewConstraint(text)
	if err != nil {
		return nil
	}
	return c
}

func (r Refs) highest(c *semver.Constraints, text, prefix string) (id, tag string, err error) {
	for _, v := range r.s.sorted(prefix) {
		if c.Check(v.Version) {
			return r.s.tags[v.tag], v.tag, nil
		}
	}
	all := r.s.sorted(prefix)
	if len(all) == 0 {
		what := "tag that is a version"
		if prefix != "" {
			what += " after the prefix " + prefix
		}
		return "", "", problem.New(problem.NotFound, "no tag matches %q: the repository has no %s", text, what)
	}
	return "", "", problem.New(problem.NotFound, "no tag matches %q: the highest of %d versions is %s", text, len(all), all[0].tag)
}

// sorted returns the tags that are versions after prefix, the highest first; equal versions (v1.0.0 and 1.0.0) by name.
func (s *snapshot) sorted(prefix string) []version {
	if v, ok := s.versions.Load(prefix); ok {
		return v.([]version)
	}
	var list []version
	for tag := range s.tags {
		if text, ok := strings.CutPrefix(tag, prefix); ok {
			if v, err := semver.NewVersion(text); err == nil {
				list = append(list, version{v, tag})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if c := list[i].Compare(list[j].Version); c != 0 {
			return c > 0
		}
		return list[i].tag < list[j].tag
	})
	s.versions.Store(prefix, list)
	return list
}

// notFound names what was looked for and what exists nearby.
func (r Refs) notFound(what, name string) error {
	e := problem.New(problem.NotFound, "%s %q not found%s", what, name, r.some())
	if near := r.nearest(name); len(near) > 0 {
		return e.WithHint("did you mean %s?", strings.Join(near, " or "))
	}
	return e
}

// some lists the branches when they are few: often that alone answers the question.
func (r Refs) some() string {
	if b := r.Branches(); len(b) > 0 && len(b) <= 5 {
		return "; branches: " + strings.Join(b, ", ")
	}
	return ""
}

func (r Refs) nearest(name string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var list []candidate
	most := max(2, len(name)/4)
	for _, names := range []map[string]string{r.s.branches, r.s.tags} {
		for n := range names {
			d := distance(name, n, most)
			if "v"+name == n || strings.EqualFold(name, n) {
				d = 0
			}
			if d <= most && d < len(n) {
				list = append(list, candidate{n, d})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].distance != list[j].distance {
			return list[i].distance < list[j].distance
		}
		return list[i].name < list[j].name
	})
	var near []string
	for _, c := range list {
		if len(near) < 3 && !slices.Contains(near, c.name) {
			near = append(near, c.name)
		}
	}
	return near
}

// distance is the number of edits between a and b, swapped neighbours counting once; above most it only says "more".
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most || len(a) > 200 || len(b) > 200 {
		return most + 1
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, prev, cur := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}

// CheckRevision refuses text that can be no branch, tag, id or semver range. Revisions are looked up in the snapshot
// and never reach git's own revision parser; this is the second fence.
func CheckRevision(revision string) error {
	why := ""
	switch {
	case len(revision) > 1024:
		return problem.New(problem.Invalid, "revision of %d characters: more than 1024", len(revision))
	case strings.HasPrefix(revision, "-"):
		why = "begins with a dash"
	case strings.Contains(revision, ".."):
		why = "holds two dots"
	case strings.Contains(revision, "@{"):
		why = "holds @{"
	case strings.ContainsFunc(revision, func(c rune) bool { return c < ' ' || c == 0x7f || c == ':' || c == '\\' || c == '?' || c == '[' }):
		why = `holds a control character or one of : \ ? [`
	default:
		return nil
	}
	return problem.New(problem.Invalid, "revision %q %s", revision, why).
		WithHint("write a branch, a tag, a commit id or a semver range")
}

// goodRef reports whether name is a full ref name by the rules of git check-ref-format; servers are not trusted to
// send only such.
func goodRef(name string) bool {
	if len(name) > 1024 || !strings.HasPrefix(name, "refs/") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune(`~^:?*[\`, c) }) {
		return false
	}
	for _, e := range strings.Split(name, "/") {
		if e == "" || strings.HasPrefix(e, ".") || strings.HasSuffix(e, ".lock") {
			return false
		}
	}
	return strings.Count(name, "/") > 1
}

// isOtherRef reports whether revision is a full ref name that no snapshot holds.
func isOtherRef(revision string) bool {
	return strings.HasPrefix(revision, "refs/") && !strings.HasPrefix(revision, "refs/heads/") && !strings.HasPrefix(revision, "refs/tags/")
}

func isFullID(s string) bool { return (len(s) == 40 || len(s) == 64) && isHex(s) }

func isShortID(s string) bool { return len(s) >= 7 && len(s) < 64 && isHex(s) && !isFullID(s) }

func isHex(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}
