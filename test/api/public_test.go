package api_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/server"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// elsewhere are paths at which other programs, or older ones, tell strangers something.
var elsewhere = []string{"/debug/pprof/", "/debug/vars", "/api", "/api/", "/api/v1", "/api/v1/none", "/version", "/readyz", "/livez", "/favicon.ico", "/robots.txt",
	"/.well-known/openid-configuration", "/api/dex/keys", "/extensions/x", "/assets/x", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/login", "/applications", "/api/webhook/", "//healthz", "/healthz/", "/HEALTHZ"}

// TestPublic holds everything that answers a caller who shows no token against a list that a person has read: statuses,
// and the fields or headings that are told (safety 27; B-112). go test ./test/api -run TestPublic -update rewrites it.
func TestPublic(t *testing.T) {
	h := start(t, map[string]string{
		"url": "https://cd.example.org", "additionalUrls": `["https://other.example.org"]`, "exec.enabled": "true", "statusbadge.enabled": "true", "statusbadge.url": "https://badge.example.org",
		"ui.cssurl": "https://css.example.org", "ui.bannercontent": "hello", "ui.bannerurl": "https://banner.example.org", "ui.bannerpermanent": "true", "ui.bannerposition": "top", "ui.loginButtonText": "Enter",
		"help.chatUrl": "https://chat.example.org", "help.chatText": "chat", "help.download.linux-amd64": "https://download.example.org", "ga.trackingid": "UA-1", "ga.anonymizeusers": "true",
		"passwordPattern": ".{8,}", "kustomize.buildOptions": "--enable-helm", "installationID": "this-one", "resource.customizations.health.a_B": "return {}",
		"oidc.config": "name: Example\nissuer: https://127.0.0.1:1/issuer\nclientID: client\nclientSecret: written-here\ncliClientID: cli\nrequestedScopes: [openid]\nrequestedIDTokenClaims: {groups: {essential: true}}\nlogoutURL: https://idp.example.org/out\n",
	}, account{"powerless", nil})
	x := thing{label: "public", project: "public-project"}
	h.furnishOne(t, &x, map[string]string{"cm.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}`})
	stranger := h.as(t, "")
	var lines []string
	tell := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	shown := func(path string, r reply) string {
		switch kind := r.header.Get("Content-Type"); {
		case path == "/swagger.json":
			var top map[string]any
			_ = json.Unmarshal([]byte(r.body), &top)
			for k, v := range top {
				if _, deep := v.(map[string]any); deep {
					top[k] = "…"
				}
			}
			return "fields " + strings.Join(keysOf("", top), " ")
		case strings.HasPrefix(kind, "application/json"):
			var v any
			if err := json.Unmarshal([]byte(r.body), &v); err != nil {
				return "JSON that is none"
			}
			return "fields " + strings.Join(keysOf("", v), " ")
		case strings.HasPrefix(kind, "text/html"):
			return "headings " + strings.Join(headings.FindAllString(r.body, -1), " ")
		case strings.HasPrefix(kind, "image/svg"):
			return "text " + shortSHA.ReplaceAllString(strings.Join(svgText.FindAllString(r.body, -1), " "), "(COMMIT)")
		case path == "/metrics":
			return "metrics, see below"
		}
		return "text " + strings.TrimSpace(r.body)
	}
	for _, route := range server.Routes() {
		verb, path, _ := strings.Cut(route, " ")
		r := stranger.exchange(t, plainHTTP, verb, path, nil, false, http.Header{"Content-Type": {"application/json"}})
		tell("%s %d %s", route, r.http, shown(path, r))
		if path == "/metrics" {
			for _, family := range metricsOf(r.body) {
				tell("metric %s", family)
			}
		}
	}
	for _, path := range []string{"/healthz?full=true", "/api/badge?name=" + x.app() + "&showAppName=true&revision=true", "/api/badge?project=" + x.project, "/terminal?pod=p&container=c&namespace=n&appName=" + x.app() + "&projectName=" + x.project} {
		r := stranger.exchange(t, plainHTTP, "GET", path, nil, false)
		tell("GET %s %d %s", path, r.http, shown(path, r))
	}
	for _, path := range elsewhere {
		if r := stranger.exchange(t, plainHTTP, "GET", path, nil, false); r.http != 404 {
			tell("GET %s %d %s", path, r.http, shown(path, r))
		}
	}
	for _, m := range server.Methods() {
		q := request{m: m, x: x, control: h.control}
		message := q.message()
		for i, route := range m.REST {
			if r := stranger.askREST(t, m, i, message, nil); r.http != 401 || m.Scope == server.Anybody {
				tell("%s %s %d %s", route.Verb, route.Path, r.http, shown("", r))
			}
		}
		for _, door := range []string{doorGRPC, doorWeb} {
			if r, _ := stranger.ask(t, door, m, message, nil); r.code != codeUnauthenticated || m.Scope == server.Anybody {
				tell("%s %s code %d", door, m.Path(), r.code)
			}
		}
	}
	slices.Sort(lines)
	golden(t, "public.golden", lines, func(line string) bool { return strings.HasPrefix(line, "metric ") }) // some come when something has happened
}

// golden holds lines against a file; those that may be missing need not be there, none that is new may be.
func golden(t *testing.T, name string, lines []string, mayMiss func(string) bool) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		old, _ := os.ReadFile(path)
		for line := range strings.Lines(string(old)) {
			if line = strings.TrimSuffix(line, "\n"); mayMiss(line) {
				lines = append(lines, line)
			}
		}
		slices.Sort(lines)
		if err := os.WriteFile(path, []byte(strings.Join(slices.Compact(lines), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for _, line := range lines {
		if !slices.Contains(want, line) {
			t.Errorf("%s does not have:\n%s", path, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(lines, line) && !mayMiss(line) {
			t.Errorf("it is not so any more, what %s has:\n%s", path, line)
		}
	}
}

var (
	headings = regexp.MustCompile(`<(title|h1|h2)>[^<]*`)
	svgText  = regexp.MustCompile(`>[^<\s][^<]*`)
	shortSHA = regexp.MustCompile(`\([0-9a-f]{7}\)`)
	sample   = regexp.MustCompile(`^([a-zA-Z_:]+)(?:\{(.*)\})? `)
	label    = regexp.MustCompile(`([a-zA-Z_]+)="(?:[^"\\]|\\.)*"`)
)

// keysOf lists the fields of JSON by their paths.
func keysOf(prefix string, v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			list = append(list, keysOf(strings.TrimPrefix(prefix+"."+name, "."), x)...)
		}
	case []any:
		for _, x := range v {
			list = append(list, keysOf(prefix+"[]", x)...)
		}
	default:
		list = append(list, prefix)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// metricsOf lists the metrics of a text with the names of their labels; those of the Go runtime count as one.
func metricsOf(text string) (list []string) {
	for line := range strings.Lines(text) {
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := m[1]
		for _, of := range []string{"go_", "process_"} {
			if strings.HasPrefix(name, of) {
				name = of + "*"
			}
		}
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, part)
		}
		var labels []string
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" && l[1] != "quantile" {
				labels = append(labels, l[1])
			}
		}
		if !strings.HasSuffix(name, "*") && len(labels) > 0 {
			name += "{" + strings.Join(labels, ",") + "}"
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestListeners demands that the daemon opens one port, the one that it was told to (safety 28; B-140).
func TestListeners(t *testing.T) {
	if got := config.Default().Listen; got != "127.0.0.1:8080" {
		t.Errorf("by default it listens on %s, not on the loopback", got)
	}
	before := listeners(t)
	h := start(t, nil)
	h.eventually(t, "admin", "/api/v1/clusters", `"status":"Successful"`)
	var opened []string
	for _, address := range listeners(t) {
		if !slices.Contains(before, address) && "http://"+address != h.git.URL {
			opened = append(opened, address)
		}
	}
	if len(opened) != 1 || opened[0] != h.addr {
		t.Errorf("it listens on %v, not just on %s", opened, h.addr)
	}
}

// listeners are the addresses at which this process listens, from what the kernel knows.
func listeners(t *testing.T) (list []string) {
	t.Helper()
	ours := map[string]bool{}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not tell its sockets: ", err)
	}
	for _, f := range files {
		if link, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.HasPrefix(link, "socket:[") {
			ours[strings.Trim(link, "socket:[]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		data, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) < 10 || !ours[f[9]] || f[3] != "0A" && strings.HasPrefix(table, "tcp") || f[3] != "07" && !strings.HasPrefix(table, "tcp") {
				continue
			}
			var ip, port uint64
			host, number, _ := strings.Cut(f[1], ":")
			_, _ = fmt.Sscanf(number, "%X", &port)
			if _, err := fmt.Sscanf(host, "%X", &ip); err == nil && len(host) == 8 {
				list = append(list, fmt.Sprintf("%d.%d.%d.%d:%d", byte(ip), byte(ip>>8), byte(ip>>16), byte(ip>>24), port))
			} else {
				list = append(list, table+" "+f[1])
			}
		}
	}
	return list
}
