package git

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// failed is a git process that did not do what it was asked.
type failed struct {
	verb   string
	url    string // what was talked to: its words are not git's
	stderr string
	err    error
	ctx    error // why the context had ended, if it had
	over   bool  // it printed more than allowed
}

func (f *failed) Error() string { return "git " + f.verb + ": " + f.err.Error() + ": " + f.stderr }

// signs maps what git, curl and ssh print (LC_ALL=C) to a kind. The first match wins.
var signs = []struct {
	match *regexp.Regexp
	kind  problem.Kind
	hint  string
}{
	{regexp.MustCompile(`not our ref|unadvertised object|couldn't find remote ref`), problem.NotFound, ""},
	{regexp.MustCompile(`Authentication failed|could not read (Username|Password)|terminal prompts disabled|returned error: 401|Permission denied \(|Too many authentication failures|invalid format|error in libcrypto`),
		problem.Unauthenticated, hintCredentials},
	{regexp.MustCompile(`Host key verification failed|REMOTE HOST IDENTIFICATION|No .* host key is known`),
		problem.Unauthenticated, "add the server's key to the known hosts (argocd-ssh-known-hosts-cm)"},
	{regexp.MustCompile(`returned error: 403|[Aa]ccess denied|not authorized|Forbidden`), problem.Forbidden, hintCredentials},
	{regexp.MustCompile(`returned error: (404|410)|[Rr]epository .*not found|does not appear to be a git repository|does not exist|not be found`),
		problem.NotFound, hintNotFound},
	{regexp.MustCompile(`(?i)certificate|SSL|TLS`),
		problem.Unavailable, "give the server's CA in argocd-tls-certs-cm, or a client certificate in the repository Secret"},
	{regexp.MustCompile(`returned error: 30[1278]|unable to update url base from redirection`),
		problem.Unavailable, "the server redirects to another address: use that one as the repository's URL"},
	{regexp.MustCompile(`No space left on device|Disk quota exceeded`), problem.Internal, "the data directory is full"},
}

const (
	hintCredentials = "check the repository Secret (or repo-creds Secret) of this URL"
	hintNotFound    = "check the URL; hosts also answer so when the repository Secret lacks permission"
)

// damage is what git prints when the mirror itself is broken.
var damage = regexp.MustCompile(`(?i)(object file .* is empty|loose object .* is corrupt|bad object|inflate|packfile .* (cannot be|does not match|is truncated|claims)|` +
	`index file .* (is too small|is corrupt|does not match|is not)|pack .*(corrupt|bad)|unable to (read|find|unpack) [0-9a-f]{40}|did not send all necessary objects|missing (blob|tree|commit)|` +
	`not a git repository|bad config|bad (ref|signature|tree)|broken|could not parse|unexpected line in .*packed-refs|hash mismatch|object [0-9a-f]{40} .*(corrupt|missing)|shallow file|unresolved deltas|invalid (index|object|sha1))`)

var lockLeft = regexp.MustCompile(`Unable to create '.*\.lock': File exists|cannot lock ref`)

// plain is stderr without the URL, lest a repository called broken-certificates be diagnosed by its name.
func (f *failed) plain() string {
	if f.url == "" {
		return f.stderr
	}
	return strings.ReplaceAll(f.stderr, f.url, "URL")
}

// ours returns the lines that git itself printed: what the server said about itself ("remote: …") tells nothing about
// the mirror.
func (f *failed) ours() string {
	var b strings.Builder
	for line := range strings.Lines(f.plain()) {
		if !strings.HasPrefix(line, "remote:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// damaged reports whether err says that the mirror on disk is broken.
func damaged(err error) bool {
	var f *failed
	return errors.As(err, &f) && f.ctx == nil && damage.MatchString(f.ours())
}

// locked reports whether err says that a lock file was in the way.
func locked(err error) bool {
	var f *failed
	return errors.As(err, &f) && f.ctx == nil && lockLeft.MatchString(f.ours())
}

// explain turns the failure of a git process that talked to the server of r into a problem. Nothing of err stays in
// the result's chain: an *os.PathError of ours must never be read as "the file does not exist" (fs.ErrNotExist).
func explain(err error, r Repository, doing string) error {
	var f *failed
	if err == nil || !errors.As(err, &f) {
		return err
	}
	what := doing + " " + r.String()
	switch {
	case f.over:
		return problem.New(problem.Limit, "%s: the answer is over %d MiB", what, maxStdout>>20)
	case errors.Is(f.ctx, context.DeadlineExceeded):
		return problem.New(problem.Unavailable, "%s: it took too long", what).
			WithHint("check the network, or raise the Git timeout")
	case f.ctx != nil:
		return problem.New(problem.Unavailable, "%s: cancelled", what)
	}
	text := summary(f.stderr, r)
	if text == "" && f.err != nil {
		text = f.err.Error()
	}
	for _, s := range signs {
		if s.match.MatchString(f.plain()) {
			return problem.New(s.kind, "%s: %s", what, text).WithHint("%s", s.hint)
		}
	}
	return problem.New(problem.Unavailable, "%s: %s", what, text)
}

var (
	noise     = regexp.MustCompile(`^(Please make sure you have the correct access rights|and the repository exists\.|Warning: Permanently added .*|Cloning into .*|From .*|\s*[*+=!-]? ?\[.*|\s+[0-9a-f]+\.\..*)$`)
	control   = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]|[\x00-\x08\x0b-\x1f\x7f]`)
	urlSecret = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@'"]+@`)
	header    = regexp.MustCompile(`(?i)((?:proxy-)?authorization:?\s*(?:basic|bearer)?\s*)\S+`)
	pem       = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)`)
)

// summary is what git, ssh or the server said, in one line, without credentials and terminal codes.
func summary(stderr string, r Repository) string {
	var lines []string
	size := 0
	for _, line := range strings.FieldsFunc(scrub(stderr, r), func(c rune) bool { return c == '\n' || c == '\r' }) {
		line = strings.TrimSpace(control.ReplaceAllString(line, ""))
		if line == "" || noise.MatchString(line) || size > 600 {
			continue
		}
		line = strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: ")
		lines = append(lines, line[:min(len(line), 300)])
		size += len(line)
	}
	return strings.Join(lines, "; ")
}

// scrub removes the credentials of r, and whatever looks like one, from text that others wrote.
func scrub(text string, r Repository) string {
	for _, s := range r.secrets() {
		if len(s) < 3 { // a shorter one would only punch holes into words
			continue
		}
		text = strings.ReplaceAll(text, s, masked)
		text = strings.ReplaceAll(text, url.QueryEscape(s), masked)
		text = strings.ReplaceAll(text, url.PathEscape(s), masked)
	}
	text = pem.ReplaceAllString(text, masked)
	text = urlSecret.ReplaceAllString(text, "$1")
	return header.ReplaceAllString(text, "${1}"+masked)
}
