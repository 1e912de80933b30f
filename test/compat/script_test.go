package compat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what is printed into testdata/*.golden")

// step is one command of a script and what is known of it. In the file:
//
//	# a remark, which belongs to the next command
//	$ app get web            the command, without its name
//	< y                      a line of its standard input
//	? ^Healthy               it is asked again until this matches a line of what it prints
//	> TOKEN (eyJ\S+)         the first group becomes $TOKEN; it is masked from then on
//	~                        it prints its progress, of which only the end counts
//	Name: web                what it prints, then "! " and what it says on stderr, then its exit code, unless that is 0
//	-> 20
type step struct {
	remarks []string
	command string
	input   []string
	until   string
	keep    [][2]string
	live    bool
	want    string
}

func readScript(t *testing.T, path string) (steps []*step) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var remarks []string
	var s *step
	begun := false // the output of s has
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case mark == "#" && (s == nil || begun || !strings.HasPrefix(s.want, "#")):
			remarks = append(remarks, line)
		case mark == "$":
			s, begun = &step{remarks: remarks, command: rest}, false
			remarks = nil
			steps = append(steps, s)
		case s == nil && line == "":
		case s == nil:
			t.Fatalf("%s: %q before the first command", path, line)
		case !begun && mark == "<":
			s.input = append(s.input, rest)
		case !begun && mark == "?":
			s.until = rest
		case !begun && mark == ">":
			name, pattern, _ := strings.Cut(rest, " ")
			s.keep = append(s.keep, [2]string{name, pattern})
		case !begun && line == "~":
			s.live = true
		default:
			begun = true
			s.want += line + "\n"
		}
	}
	return steps
}

func writeScript(t *testing.T, path string, steps []*step) {
	t.Helper()
	var b strings.Builder
	for _, s := range steps {
		for _, r := range s.remarks {
			b.WriteString(r + "\n")
		}
		b.WriteString("$ " + s.command + "\n")
		for _, l := range s.input {
			b.WriteString("< " + l + "\n")
		}
		if s.until != "" {
			b.WriteString("? " + s.until + "\n")
		}
		for _, k := range s.keep {
			b.WriteString("> " + k[0] + " " + k[1] + "\n")
		}
		if s.live {
			b.WriteString("~\n")
		}
		b.WriteString(s.want)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// client is a command that speaks to Argo CD's API.
type client struct {
	name string
	path string
	env  []string
}

// clients are hawser, and argocd where it is there.
func clients(t *testing.T) []client {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	list := []client{{"hawser", self, []string{asCommand + "=yes"}}}
	stock := os.Getenv("ARGOCD_CLI")
	if stock == "" {
		t.Log("the stock client is not driven: build argocd 3.6 and set ARGOCD_CLI=/path/to/argocd")
		return list
	}
	if _, err := os.Stat(stock); err != nil {
		t.Fatalf("ARGOCD_CLI: %v", err)
	}
	return append(list, client{"argocd", stock, nil})
}

// way is a transport: the flags that every command gets, and what the daemon must be for it.
type way struct {
	name   string
	flags  func(h *house, t *testing.T) []string
	daemon options
}

func flags(list ...string) func(*house, *testing.T) []string {
	return func(*house, *testing.T) []string { return list }
}

// performance is a script while a client drives it.
type performance struct {
	h     *house
	c     client
	home  string
	flags []string
	vars  map[string]string
	masks []mask
}

// mask takes out what is another one each time.
type mask struct {
	pattern *regexp.Regexp
	by      string
}

// masks are those of every script. Each is as long as what it stands for wherever that is in a table.
var masks = []mask{
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "TOKEN"},
	{regexp.MustCompile(`127\.0\.0\.1:\d{5}`), "127.0.0.1:PPPPP"},
	{regexp.MustCompile(`localhost:\d{5}`), "localhost:PPPPP"},
	{regexp.MustCompile(`(URL: +)https://`), "${1}http://"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "2000-00-00T00:00:00Z"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC( m=\+\S+)?`), "2000-00-00 00:00:00 +0000 UTC"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUIDUUID-UUID-UUID-UUID-UUIDUUIDUUID"},
	{regexp.MustCompile(`(Duration: +)\S+`), "${1}0s"},
	{regexp.MustCompile(`("?resourceVersion"?: "?)\d+`), "${1}0"},
	{regexp.MustCompile(`("?generation"?: )\d+`), "${1}0"},
	// what is printed of hawser's can be applied; argocd leaves out what it is
	{regexp.MustCompile(`\AapiVersion: argoproj.io/v1alpha1\nkind: Application(Set)?\n`), ""},
	{regexp.MustCompile(`(?m)^- apiVersion: argoproj.io/v1alpha1\n  kind: ApplicationSet\n  `), "- "},
	// argocd puts the namespace into the address, or not, depending on the command
	{regexp.MustCompile(`/applications/CONTROL-NAMESPA/`), "/applications/"},
	{regexp.MustCompile(`\b1[78]\d{8}\b`), "1000000000"},
	{regexp.MustCompile(`\((now|an? \w+|\d+ \w+)( ago| from now)?\) *`), "(then) "},
	{regexp.MustCompile(`ISSUED-AT +EXPIRES-AT`), "ISSUED-AT EXPIRES-AT"},
	{regexp.MustCompile(` \d{1,2}s  +`), " 0s   "}, // an age in a table
	{regexp.MustCompile(`("sources":")[0-9a-f]{64}"`), `${1}HASH"`},
	{regexp.MustCompile(`\b(web-[0-9a-z]{8,10})-[0-9a-z]{5}\b`), "${1}-ppppp"},
	{regexp.MustCompile(`\bv1\.\d{2}\.\d\b`), "v1.00.0"},
	{regexp.MustCompile(`(?m)^  - ([\w.-]+/)?v\d\w*(/\w+)?\n`), ""},
	{regexp.MustCompile(`((apis|resources)Count: )\d+`), "${1}0"},
	{regexp.MustCompile(`(argocd|hawser)(-server)?: v\S+`), "argocd${2}: v0.0.0"},
}

func (p *performance) mask(text string) string {
	text = strings.ReplaceAll(text, p.h.control, "CONTROL-NAMESPACE"[:len(p.h.control)])
	text = strings.ReplaceAll(text, p.h.target, "TARGET-NAMESPACE"[:len(p.h.target)])
	text = strings.ReplaceAll(text, p.home, "HOME")
	if root := p.h.rootPath; root != "" {
		text = strings.ReplaceAll(text, root, "")
	}
	for _, m := range append(p.masks, masks...) {
		text = m.pattern.ReplaceAllString(text, m.by)
	}
	return text
}

// words splits a command as a shell does, without its expansions; $NAME is one of ours.
func (p *performance) words(t *testing.T, line string) (list []string) {
	t.Helper()
	line = os.Expand(line, func(name string) string {
		v, ok := p.vars[name]
		if !ok {
			t.Fatalf("%s: $%s is not known", line, name)
		}
		return v
	})
	var word strings.Builder
	in, quote := false, rune(0)
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, in = r, true
		case quote == 0 && r == ' ':
			if in {
				list = append(list, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		list = append(list, word.String())
	}
	return list
}

// patience bounds one command, and waiting for what it should print.
const patience = 90 * time.Second

// run runs a step and returns what the file should say of it.
func (p *performance) run(t *testing.T, s *step) string {
	t.Helper()
	until := regexp.MustCompile("(?m)" + s.until)
	for end := time.Now().Add(patience); ; time.Sleep(300 * time.Millisecond) {
		raw, text := p.once(t, s)
		if s.until != "" && !until.MatchString(text) && time.Now().Before(end) {
			continue
		}
		for _, k := range s.keep {
			m := regexp.MustCompile("(?m)" + k[1]).FindStringSubmatch(raw)
			if m == nil {
				t.Errorf("%s: $%s, %s, is not in %s", s.command, k[0], k[1], raw)
				continue
			}
			p.vars[k[0]] = m[1]
			if p.mask(m[1]) == m[1] {
				p.masks = append(p.masks, mask{regexp.MustCompile(regexp.QuoteMeta(m[1])), strings.Repeat("X", len(m[1]))})
			}
			text = p.mask(raw)
		}
		return text
	}
}

func (p *performance) once(t *testing.T, s *step) (raw, masked string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	words := p.words(t, s.command)
	cmd := exec.CommandContext(ctx, p.c.path, append(append(words, p.flags...), "--logformat", "json")...)
	cmd.Dir = p.home
	cmd.Env = append([]string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "EDITOR=" + filepath.Join(p.home, "edit"), "KUBECONFIG=" + p.h.Kubeconfig, "KUBECTL_EXTERNAL_DIFF=diff"}, p.c.env...)
	if (words[0] == "login" || words[0] == "logout") && p.flags[0] == "--server-crt" { // which argocd has there, and does not heed
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+p.flags[1])
	}
	cmd.Stdin = strings.NewReader(strings.Join(append(s.input, ""), "\n"))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", s.command, err)
	}
	text := out.String()
	if strings.HasSuffix(strings.TrimSuffix(s.command, "=detailed"), " tree") { // argocd has them in any order
		lines := strings.SplitAfter(text, "\n")
		slices.Sort(lines)
		text = strings.Join(lines, "")
	}
	if m := setsInJSON.FindString(text); m != "" { // they have an order of their fields that is nobody's business, and hawser's can be applied
		text = strings.Replace(text, m, sorted(t, m), 1)
	}
	if s.live { // and how healthy a workload is at that moment, the clock decides, too
		text = strings.ReplaceAll(ended(text), "Progressing", "Healthy")
		text = regexp.MustCompile(`  +`).ReplaceAllString(text, "  ")
	}
	if m := regexp.MustCompile(`(?s)^Error: ([^\n]*)\n`).FindStringSubmatch(text); m != nil { // some of argocd's errors are in its output
		text = ""
		fmt.Fprintf(&said, "{\"level\":\"fatal\",\"msg\":%q,\"time\":\"\"}\n", m[1])
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for _, line := range strings.Split(strings.TrimSpace(said.String()), "\n") {
		if line = saying(line); line != "" {
			text += "! " + line + "\n"
		}
	}
	if exit != nil {
		text += fmt.Sprintf("-> %d\n", exit.ExitCode())
	}
	return text, p.mask(text)
}

var level = regexp.MustCompile(`^\{"level":"(\w+)","msg":("(?:[^"\\]|\\.)*"),"time":"[^"]*"\}$`)

// saying is a line of stderr as scripts compare it; "" for what is only said to people.
func saying(line string) string {
	m := level.FindStringSubmatch(line)
	switch {
	case m == nil:
		return deprecated.ReplaceAllString(line, "$1")
	case m[1] == "info" || m[1] == "warning":
		return ""
	}
	return m[1] + ": " + m[2]
}

// setsInJSON is an ApplicationSet, or a list of them, in what a command prints.
var setsInJSON = regexp.MustCompile(`(?sm)^(\{|\[)\n.*"generators":.*^(\}|\])$`)

// sorted is a document with its fields in the order of the alphabet; an ApplicationSet does not say what it is.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			delete(m, "kind")
			delete(m, "apiVersion")
		}
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var deprecated = regexp.MustCompile(`^(Command "[\w-]+" is deprecated), .*`)

// ended is the end of what a command printed that shows its progress: how many lines that has depends on the clock.
func ended(text string) string {
	lines := strings.Split(text, "\n")
	last := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "TIMESTAMP") || regexp.MustCompile(`^\d{4}-\d\d-\d\dT`).MatchString(line) {
			last = i + 1
		}
	}
	return strings.TrimLeft(strings.Join(lines[last:], "\n"), "\n")
}

// perform drives a script by a client, and holds it to the file; with -update, the file to the client.
func perform(t *testing.T, file string, c client, w way) {
	h := start(t, w.daemon)
	p := &performance{h: h, c: c, home: t.TempDir(), vars: map[string]string{
		"SERVER": h.addr, "CONTEXT": h.addr + h.rootPath, "PASSWORD": password, "CONTROL": h.control, "TARGET": h.target, "KUBE": "https://kubernetes.default.svc",
	}}
	p.flags = w.flags(h, t)
	if err := os.MkdirAll(filepath.Join(p.home, ".config", "argocd"), 0o700); err != nil { // or argocd finds its contexts in the older ~/.argocd
		t.Fatal(err)
	}
	for name, files := range repositories {
		r := h.git.Repo(t, name, files)
		p.vars["GIT_"+strings.ToUpper(name)] = r.URL
		p.masks = append(p.masks,
			mask{regexp.MustCompile(r.Head(t)), strings.Repeat("c", 40)}, mask{regexp.MustCompile(r.Head(t)[:7]), "ccccccc"})
	}
	for name, content := range inputs {
		for name, value := range p.vars {
			content = strings.ReplaceAll(content, "$"+name, value)
		}
		if err := os.WriteFile(filepath.Join(p.home, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	steps := readScript(t, file)
	if *update {
		defer writeScript(t, file, steps)
	}
	failures := 0
	for _, s := range steps {
		got := p.run(t, s)
		if *update {
			s.want = got
		} else if got != s.want {
			t.Errorf("%s %s\n--- want\n%s--- got\n%s", c.name, s.command, s.want, got)
			if failures++; failures > 40 {
				t.Fatal("too much differs")
			}
		}
	}
}

// ways are the transports that the short script goes over. The whole one goes over the first.
var ways = []way{
	{name: "plaintext", flags: flags("--plaintext"), daemon: options{insecure: true}},
	{name: "tls-insecure", flags: flags("--insecure")},
	{name: "tls-server-crt", flags: func(h *house, t *testing.T) []string { return []string{"--server-crt", h.certificate(t)} }},
	{name: "grpc-web-plaintext", flags: flags("--plaintext", "--grpc-web"), daemon: options{insecure: true}},
	{name: "grpc-web-tls", flags: flags("--insecure", "--grpc-web")},
	{name: "grpc-web-root-path", flags: flags("--plaintext", "--grpc-web-root-path", "/argo/cd"), daemon: options{insecure: true, rootPath: "/argo/cd"}},
	{name: "grpc-web-root-path-tls", flags: flags("--insecure", "--grpc-web-root-path", "/argo/cd"), daemon: options{rootPath: "/argo/cd"}},
}

func TestScript(t *testing.T) {
	for _, c := range clients(t) {
		t.Run(c.name, func(t *testing.T) { perform(t, "testdata/script.golden", c, ways[0]) })
	}
}

// Sets are generated, tried, created, changed, read and deleted.
func TestScriptOfSets(t *testing.T) {
	for _, c := range clients(t) {
		t.Run(c.name, func(t *testing.T) { perform(t, "testdata/appset.golden", c, ways[0]) })
	}
}

func TestTransports(t *testing.T) {
	for _, w := range ways {
		for _, c := range clients(t) {
			t.Run(w.name+"/"+c.name, func(t *testing.T) { perform(t, "testdata/short.golden", c, w) })
		}
	}
}
