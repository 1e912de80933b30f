package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/problem"
	"pgregory.net/rapid"
)

func TestOptionsAreReadAsArgoCDReadsThem(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                   {},
		"--grpc-web":                         {"grpc-web": "true"},
		"--server cd.example.org --insecure": {"server": "cd.example.org", "insecure": "true"},
		"--server=cd.example.org --plaintext=true --core": {"server": "cd.example.org", "plaintext": "true", "core": "true"},
		`--header 'a: b c' --config "/my home/x"`:         {"header": "a: b c", "config": "/my home/x"},
		`--config /a\ b ''`:                               nil,
		"cd.example.org":                                  nil,
		"--header 'open":                                  nil,
	} {
		got, err := parseOptions(text)
		if d := cmp.Diff(want, got); d != "" || (want == nil) != (err != nil) {
			t.Errorf("%s: %v, (-want +got):\n%s", text, err, d)
		}
	}
}

// settled returns the remote of a command line, with these variables.
func settled(t *testing.T, env map[string]string, args ...string) (*remote, error) {
	t.Helper()
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "ARGOCD_") || strings.HasPrefix(name, envPrefix) {
			t.Setenv(name, "")
		}
	}
	t.Setenv("ARGOCD_CONFIG_DIR", t.TempDir())
	for name, value := range env {
		t.Setenv(name, value)
	}
	r := newRemote(IO{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if err := r.flags.Parse(args); err != nil {
		return r, err
	}
	return r, r.settle()
}

func TestWhoSaysWhichServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	err := contexts.Update(path, func(f *contexts.File) error {
		f.Put(contexts.Context{Name: "other"}, contexts.Server{Server: "other:1", PlainText: true}, contexts.User{Name: "other", AuthToken: "other-token"})
		f.Put(contexts.Context{Name: "current"}, contexts.Server{Server: "current:1", GRPCWebRootPath: "below"}, contexts.User{Name: "current", AuthToken: "current-token"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		address, token, root string
		plain                bool
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		want facts
	}{
		{"the current context", nil, nil, facts{"current:1", "current-token", "below", false}},
		{"another by name", nil, []string{"--argocd-context", "other"}, facts{"other:1", "other-token", "", true}},
		{"another by its address", nil, []string{"--server", "other:1"}, facts{"other:1", "other-token", "", true}},
		{"an address of argocd's variable", map[string]string{"ARGOCD_SERVER": "other:1"}, nil, facts{"other:1", "other-token", "", true}},
		{"our variable wins", map[string]string{"ARGOCD_SERVER": "other:1", "HAWSER_SERVER": "third:1"}, nil, facts{"third:1", "current-token", "below", false}},
		{"a flag wins", map[string]string{"HAWSER_SERVER": "other:1"}, []string{"--server", "current:1"}, facts{"current:1", "current-token", "below", false}},
		{"options win over argocd's variable", map[string]string{"ARGOCD_OPTS": "--server other:1", "ARGOCD_SERVER": "current:1"}, nil, facts{"other:1", "other-token", "", true}},
		{"a token of one's own", map[string]string{"ARGOCD_AUTH_TOKEN": " mine\n"}, nil, facts{"current:1", "mine", "below", false}},
	} {
		r, err := settled(t, c.env, append(c.args, "--config", path)...)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		at, _, _, err := r.address()
		if got := (facts{at.Address, at.Token, at.RootPath, at.PlainText}); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", c.name, got, err, c.want)
		}
		if (at.Renewed == nil) != (at.Token == "mine") {
			t.Errorf("%s: a token that is not the file's would be written into it, or one that is would not", c.name)
		}
	}
	r, _ := settled(t, nil, "--config", path)
	at, _, _, _ := r.address()
	at.Renewed("fresh")
	if f, err := contexts.Read(path); err != nil || f.Users[1].AuthToken != "fresh" || f.Users[0].AuthToken != "other-token" {
		t.Errorf("a renewed token was not kept: %v", err)
	}
	if !strings.HasPrefix(at.UserAgent, "argocd-client/v3.6.0 hawser/") {
		t.Errorf("Argo CD's server refuses %s", at.UserAgent)
	}
}

func TestWrongConnectionsAreMisuse(t *testing.T) {
	for _, args := range [][]string{{"--client-crt", "x"}, {"--header", "no colon"}} {
		r, err := settled(t, nil, append(args, "--server", "s")...)
		if err == nil {
			_, _, _, err = r.address()
		}
		var e *exit
		if !errors.As(err, &e) || e.code != 1 {
			t.Errorf("%v: got %v", args, err)
		}
	}
	if _, err := settled(t, map[string]string{"ARGOCD_OPTS": "--http-retry-max often"}); err == nil || !strings.Contains(err.Error(), "ARGOCD_OPTS: --http-retry-max") {
		t.Errorf("got %v", err)
	}
	r, err := settled(t, nil)
	if err == nil {
		_, err = r.client(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "Argo CD server address unspecified") {
		t.Errorf("no server: got %v", err)
	}
}

// answer is a server's error as package api gives it.
type answer struct{ wire *connect.Error }

func (a answer) Error() string        { return a.wire.Message() }
func (a answer) Wire() *connect.Error { return a.wire }

func TestErrorsAreSaidForPeopleAndForScripts(t *testing.T) {
	at := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	hinted := problem.Because(problem.Invalid, problem.New(problem.NotFound, "no such file").WithHint("make it"), "read it").WithHint("look again")
	missing := connect.NewWireError(connect.CodeNotFound, errors.New(`app "x" not found`))
	for _, c := range []struct {
		err          error
		format, want string
	}{
		{hinted, "", "hawser: read it: no such file\nTry: make it\nTry: look again\n"},
		{quit(3), "", ""},
		{&exit{20, answer{missing}}, "", "hawser: rpc error: code = NotFound desc = app \"x\" not found\n"},
		{&exit{20, answer{missing}}, "json", `{"level":"fatal","msg":"rpc error: code = NotFound desc = app \"x\" not found","time":"2026-11-28T10:00:00Z"}` + "\n"},
		{answer{missing}, "text", `time="2026-11-28T10:00:00Z" level=fatal msg="rpc error: code = NotFound desc = app \"x\" not found"` + "\n"},
	} {
		var b bytes.Buffer
		report(&b, c.err, c.format, at)
		if b.String() != c.want {
			t.Errorf("got  %swant %s", b.String(), c.want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"crds"}, 0}, {[]string{"crds", "--nonsense"}, exitMisuse}, {[]string{"version", "--nonsense"}, 1}, {[]string{"nonsense"}, 1},
		{[]string{"version", "--client"}, 0},
	} {
		var out, errs bytes.Buffer
		if got := Main(c.args, IO{In: strings.NewReader(""), Out: &out, Err: &errs}); got != c.want {
			t.Errorf("%v: got %d, want %d: %s", c.args, got, c.want, errs.String())
		}
	}
}

// Scripts cut argocd's tables by column, so ours are laid out by the same rule.
func TestTablesAreLaidOutAsTabwriterDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-zä→ ]{0,9}`), columns, columns), 1, 8).Draw(t, "rows")
		var ours, theirs bytes.Buffer
		got := newTable(&ours)
		w := tabwriter.NewWriter(&theirs, 0, 0, 2, ' ', 0)
		for _, row := range rows {
			cells := make([]any, len(row))
			for i := range row {
				cells[i] = row[i]
			}
			got.row(cells...)
			_, _ = w.Write([]byte(strings.Join(row, "\t") + "\n"))
		}
		_ = w.Flush()
		if err := got.flush(); err != nil || ours.String() != theirs.String() {
			t.Errorf("got\n%swant\n%s", ours.String(), theirs.String())
		}
	})
}

func TestColumnsAreNarrowedToTheTerminal(t *testing.T) {
	w := []int{4, 60, 30}
	fit(w, 2, 60)
	if w[0]+w[1]+w[2]+2*2 != 60 || w[0] != 4 {
		t.Errorf("got %v", w)
	}
	fit(w, 2, 10)
	if w[0] != 4 || w[1] != narrowest || w[2] != narrowest {
		t.Errorf("narrower than readable: %v", w)
	}
	if got := shorten("abcdef", 4); got != "abc…" {
		t.Errorf("got %s", got)
	}
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		list   []string
		format string
		single bool
		want   string
	}{
		{nil, "json", false, "[]\n"}, {nil, "yaml", true, "[]\n"}, {[]string{"a"}, "json", true, "\"a\"\n"}, {[]string{"a"}, "json", false, "[\n  \"a\"\n]\n"}, {[]string{"a", "b"}, "yaml", true, "- a\n- b\n"},
	} {
		var b bytes.Buffer
		if err := printList(&b, c.list, c.format, c.single); err != nil || b.String() != c.want {
			t.Errorf("%v: got %q, %v; want %q", c, b.String(), err, c.want)
		}
	}
	if err := printObject(&bytes.Buffer{}, 1, "xml"); err == nil || !strings.Contains(err.Error(), "unknown output format: xml") {
		t.Errorf("got %v", err)
	}
}

func TestQuestions(t *testing.T) {
	var out bytes.Buffer
	a := newAsker(IO{In: strings.NewReader("maybe\nY\nno\na\n\nalice\n"), Out: &out})
	if yes, err := a.yes("Sure? "); err != nil || !yes {
		t.Errorf("got %v, %v", yes, err)
	}
	if yes, err := a.yes("Sure? "); err != nil || yes {
		t.Errorf("got %v, %v", yes, err)
	}
	if all, err := a.choose("All? ", "yes", "no", "all"); err != nil || all != "a" {
		t.Errorf("got %v, %v", all, err)
	}
	if name, err := a.word("Username", ""); err != nil || name != "alice" {
		t.Errorf("got %v, %v", name, err)
	}
	if _, err := a.yes("Sure? "); err == nil {
		t.Error("no answer is no yes")
	}
	if want := "Sure? Sure? Sure? All? Username: Username: Sure? "; out.String() != want {
		t.Errorf("asked %q, want %q", out.String(), want)
	}
}
