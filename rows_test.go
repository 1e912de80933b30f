package hawser_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	code     = regexp.MustCompile("`([^`]+)`")
)

// A row of a table with a column "test" names what holds it: functions of test files, or stories of a corpus. None is
// claimed that is not there, and a row without one says that it is not yet so.
func TestRowsNameTestsThatExist(t *testing.T) {
	tests := allTests(t)
	for _, page := range []string{"docs/compatibility.md", "docs/faults.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		rows, inTable := 0, false
		for i, line := range strings.Split(string(text), "\n") {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			last := strings.TrimSpace(cells[len(cells)-1])
			switch {
			case !strings.HasPrefix(line, "|"):
				inTable = false
				continue
			case strings.HasPrefix(line, "|--"):
				continue
			case last == "test":
				inTable = true
				continue
			case !inTable:
				continue
			}
			rows++
			names := code.FindAllStringSubmatch(last, -1)
			if elsewhere := strings.HasPrefix(last, "[") || strings.HasPrefix(last, "the same"); len(names) == 0 && !elsewhere && !strings.Contains(line, "not yet") {
				t.Errorf("%s:%d: names no test: %s", page, i+1, cells[0])
			}
			for _, m := range names {
				if !named(tests, m[1]) {
					t.Errorf("%s:%d: names %s, and there is no such test", page, i+1, m[1])
				}
			}
		}
		if rows < 10 {
			t.Errorf("%s: only %d rows were understood", page, rows)
		}
	}
}

// named reports whether one of the tests has the name, or fits where it holds a *.
func named(tests map[string]bool, name string) bool {
	for test := range tests {
		if ok, err := path.Match(name, test); err == nil && ok {
			return true
		}
	}
	return false
}

// allTests returns the test functions of this repository by their names, and the stories by theirs, with and without
// the folder that they are in.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		story, isStory := strings.CutSuffix(d.Name(), ".txtar")
		switch {
		case isStory && strings.Contains(filepath.ToSlash(p), "/testdata/"):
			names[story] = true
			names[filepath.Base(filepath.Dir(p))+"/"+story] = true
		case strings.HasSuffix(p, "_test.go"):
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
				names[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
