package git

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/problem"
)

func id(c string) string { return strings.Repeat(c, 40)[:40] }

func refsOf(head string, branches, tags map[string]string) Refs {
	return Refs{newRefs(head, "", branches, tags), time.Time{}}
}

func TestResolve(t *testing.T) {
	hexName := id("deadbeef")
	r := refsOf("refs/heads/main",
		map[string]string{"main": id("a"), "release": id("b"), "feature/x": id("c"), "deadbee": id("d"), hexName: id("e"), "1.x": id("f"), id("9"): id("9")},
		map[string]string{
			"release": id("1"), "v1.0.0": id("2"), "1.4.2": id("3"), "v1.5.0-rc.1": id("4"), "v2.0.0": id("5"), "nightly": id("6"), "v1.4.10": id("7"),
			"web-1.2.0": id("8"), "web-1.10.0": id("0"), "web-2.0.0": id("12"), "dup-v1.0.0": id("21"), "dup-1.0.0": id("22"),
		})
	for _, c := range []struct{ revision, prefix, want string }{
		{"", "", id("a")}, {"HEAD", "", id("a")}, {"main", "", id("a")}, {"feature/x", "", id("c")},
		{"refs/heads/release", "", id("b")}, {"refs/tags/release", "", id("1")},
		{"release", "", id("b")}, // the branch wins over the tag
		{"deadbee", "", id("d")}, // a branch wins over the short id
		{"nightly", "", id("6")},
		{id("ab"), "", id("ab")}, {strings.ToUpper(id("ab")), "", id("ab")}, {strings.Repeat("ab", 32), "", strings.Repeat("ab", 32)},
		{id("9"), "", id("9")}, // the name of a branch that points at that very commit
		{"refs/heads/" + hexName, "", id("e")},
		{"1.x", "", id("f")}, // a branch wins over the range it spells
		{"1.*", "", id("7")}, {"1", "", ""}, {"v1.4.*", "", id("7")}, {">=1.0.0 <2.0.0", "", id("7")}, {"~1.4.0", "", id("7")}, {"^1", "", id("7")}, {"*", "", id("5")},
		{">=1.5.0-0 <2", "", id("4")}, {"<1.4 || >=2", "", id("5")}, {"v2.0.0", "", id("5")},
		{"1.*", "web-", id("0")}, {"*", "web-", id("12")}, {"1.2.0", "web-", id("8")}, {"main", "web-", id("a")}, {"=1.0.0", "dup-", id("22")},
	} {
		got, err := r.ResolveTagged(c.revision, c.prefix)
		if c.want == "" {
			if !problem.Is(err, problem.NotFound) {
				t.Errorf("%q: %q, %v", c.revision, got, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%q with prefix %q: %q, %v; want %q", c.revision, c.prefix, got, err, c.want)
		}
	}
	for _, c := range []struct {
		revision string
		kind     problem.Kind
		words    string
	}{
		{hexName, problem.Conflict, "refs/heads/" + hexName},
		{"mian", problem.NotFound, "did you mean main?"},
		{"2.0.0", problem.NotFound, "did you mean v2.0.0"},
		{"Main", problem.NotFound, "did you mean main?"},
		{"refs/heads/mian", problem.NotFound, `branch "mian"`},
		{"refs/tags/v9", problem.NotFound, `tag "v9"`},
		{"9.*", problem.NotFound, "the highest of"},
		{"something-else-entirely", problem.NotFound, "not found"},
		{"--exec=id", problem.Invalid, "dash"}, {"main..x", problem.Invalid, "dots"}, {"main@{1}", problem.Invalid, "@{"}, {"main:path", problem.Invalid, ":"}, {"a\nb", problem.Invalid, "control"},
		{strings.Repeat("x", 2000), problem.Invalid, "1024"}, {"main~1", problem.NotFound, "main~1"}, {"main^{tree}", problem.NotFound, "not found"},
	} {
		if got, err := r.Resolve(c.revision); !problem.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q: %q, %v; want %v with %q", c.revision, got, err, c.kind, c.words)
		}
	}
	if _, err := r.ResolveTagged("1.*", "nope-"); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "nope-") {
		t.Error(err)
	}
	if _, err := (Refs{}).Resolve("main"); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	dangling := refsOf("refs/heads/master", map[string]string{"main": id("a")}, map[string]string{})
	if _, err := dangling.Resolve("HEAD"); !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "master") || !strings.Contains(err.Error(), "branches: main") {
		t.Error(err)
	}
}

func TestHashNamesTheSnapshot(t *testing.T) {
	make := func(head, c, tag string) string {
		return refsOf(head, map[string]string{"main": c, "x": id("b")}, map[string]string{tag: c}).Hash()
	}
	base := make("refs/heads/main", id("a"), "v1")
	if base != make("refs/heads/main", id("a"), "v1") {
		t.Error("equal refs, other hash")
	}
	for _, other := range []string{make("refs/heads/x", id("a"), "v1"), make("refs/heads/main", id("c"), "v1"), make("refs/heads/main", id("a"), "v2"), Refs{}.Hash()} {
		if other == base {
			t.Error("other refs, equal hash")
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"mian", "main", 1}, {"main", "main", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"release", "relase", 1}, {"abcdef", "xxxxxx", 6}} {
		if got := distance(c.a, c.b, 6); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestGoodRef(t *testing.T) {
	for _, good := range []string{"refs/heads/main", "refs/heads/a/b", "refs/pull/7/head", "refs/heads/--exec", "refs/tags/v1.0"} {
		if !goodRef(good) {
			t.Errorf("%q refused", good)
		}
	}
	for _, bad := range []string{"", "HEAD", "refs/heads/", "refs/heads", "refs/heads/../../x", "refs/heads/.x", "refs/heads/x.lock", "refs/heads/a b", "refs/heads/a//b", "refs/heads/a\n", "refs/heads/a^", "refs/heads/a:b", "refs/heads/x.", "refs/heads/*", "heads/x"} {
		if goodRef(bad) {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestListingLeavesOutWhatNobodyMayName(t *testing.T) {
	l := newListing()
	l.add(id("a"), "HEAD")
	l.add(id("a"), "refs/heads/main")
	l.add(id("b"), "refs/tags/v1")
	l.add(id("c"), "refs/tags/v1^{}")
	l.add(id("d"), "refs/heads/../../../etc/x")
	l.add("short", "refs/heads/short")
	l.add(id("d"), "refs/pull/1/head")
	l.head = "refs/heads/../x"
	s := l.refs()
	if diff := cmp.Diff(map[string]string{"main": id("a")}, s.branches); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"v1": id("c")}, s.tags); diff != "" {
		t.Error(diff)
	}
	if s.head != "" || s.headCommit != id("a") {
		t.Error(s.head, s.headCommit)
	}
}
