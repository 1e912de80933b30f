// Testcount reads what `go test -json` writes, shows people what they need of it, and counts.
//
//	go test -json ./... 2>&1 | testcount [-summary FILE]
//
// The idea: a line for each package, the whole output of what failed, the reasons of what was skipped, and one last
// line "N passed, N failed, N skipped", tests and subtests alike. Read count first. It exits 1 when something failed,
// when nothing ran, and when a test was skipped for want of a tool: a machine without the tool must not look green.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	summary := flag.String("summary", "", "also write the last line to this file")
	flag.Parse()
	t := count(os.Stdin, os.Stdout)
	line := t.String()
	fmt.Println(line)
	if *summary != "" {
		if err := os.WriteFile(*summary, []byte(line+"\n"), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "testcount:", err)
			os.Exit(1)
		}
	}
	if !t.good() {
		os.Exit(1)
	}
}

// totals is the outcome of a run.
type totals struct {
	passed, failed, skipped int
	lacking                 int // of the skipped: those that miss a tool
}

func (t totals) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}

func (t totals) good() bool { return t.failed == 0 && t.lacking == 0 && t.passed > 0 }

// event is a line of `go test -json`; see `go doc test2json`. Build output carries ImportPath instead of Package.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// lacks tells a skip for want of a tool from a deliberate one, by the words that a test would use.
var lacks = regexp.MustCompile(`(?i)\b(missing|not found|not installed|no such file|install|make build|cannot find|unavailable)\b`)

// run is what we keep of a package while it runs.
type run struct {
	output map[string]*strings.Builder // by test; "" is the package itself
	open   []string                    // tests begun and not ended, in order
	failed int
	ran    int
}

// count reads events until the end; lines that are none (the go command's own words) are passed on.
func count(in io.Reader, out io.Writer) totals {
	var t totals
	runs := map[string]*run{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				fmt.Fprint(out, line)
			} else {
				t.take(e, runs, out)
			}
		}
		if err != nil {
			break
		}
	}
	for name, r := range runs { // the go command died in the middle
		t.failed++
		fmt.Fprintf(out, "FAIL %s: its end was never reported\n", name)
		r.show(out, append([]string{""}, r.open...))
	}
	return t
}

func (t *totals) take(e event, runs map[string]*run, out io.Writer) {
	if e.Package == "" {
		fmt.Fprint(out, e.Output) // compiler errors
		return
	}
	r := runs[e.Package]
	if r == nil {
		r = &run{output: map[string]*strings.Builder{}}
		runs[e.Package] = r
	}
	switch e.Action {
	case "run":
		r.open = append(r.open, e.Test)
	case "output":
		r.keep(e.Test, e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			t.test(e, r, out)
			return
		}
		t.pkg(e, r, out)
		delete(runs, e.Package)
	}
}

// test books the end of one test.
func (t *totals) test(e event, r *run, out io.Writer) {
	r.ran++
	r.open = slices.DeleteFunc(r.open, func(name string) bool { return name == e.Test })
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		r.failed++
		r.show(out, []string{e.Test})
	case "skip":
		t.skipped++
		reason := r.text(e.Test)
		if lacks.MatchString(reason) {
			t.lacking++
			fmt.Fprintf(out, "SKIP for want of a tool, which fails the run: %s %s\n", e.Package, e.Test)
		} else {
			fmt.Fprintf(out, "SKIP %s %s\n", e.Package, e.Test)
		}
		fmt.Fprint(out, reason)
	}
	delete(r.output, e.Test)
}

// pkg books the end of a package: a failure outside its tests (a build, a panic, TestMain, a timeout) counts as one.
func (t *totals) pkg(e event, r *run, out io.Writer) {
	switch {
	case e.Action == "fail" && r.failed == 0:
		t.failed++
		r.show(out, append([]string{""}, r.open...))
		fmt.Fprintf(out, "FAIL %s (outside its tests, %.1fs)\n", e.Package, e.Elapsed)
	case e.Action == "fail":
		r.show(out, r.open)
		fmt.Fprintf(out, "FAIL %s (%d of %d, %.1fs)\n", e.Package, r.failed, r.ran, e.Elapsed)
	case r.ran > 0:
		fmt.Fprintf(out, "ok   %s (%d, %.1fs)\n", e.Package, r.ran, e.Elapsed)
	}
}

// keep remembers output until it is known whether anybody needs it; the frame lines that -v prints are noise.
func (r *run) keep(test, text string) {
	for _, frame := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME"} {
		if strings.HasPrefix(text, frame) {
			return
		}
	}
	if r.output[test] == nil {
		r.output[test] = &strings.Builder{}
	}
	if b := r.output[test]; b.Len() < 1<<20 { // a test in a loop must not fill the memory
		b.WriteString(text)
	}
}

func (r *run) text(test string) string {
	if b := r.output[test]; b != nil {
		return b.String()
	}
	return ""
}

func (r *run) show(out io.Writer, tests []string) {
	for _, test := range tests {
		fmt.Fprint(out, r.text(test))
	}
}
