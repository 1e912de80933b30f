package sidecar

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
)

const service = "http://plugin/plugin.ConfigManagementPluginService/" // the host is nobody's: the socket is the address

// session is a connection to one plugin, for one render: a plugin that has started anew in between is met as new.
type session struct {
	name             string
	transport        *http.Transport
	wantsCredentials bool // its configuration says so; it gets none
	leave            func()
}

func newSession(name, socket string, leave func()) *session {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "unix", socket)
		},
		Protocols: new(http.Protocols), MaxResponseHeaderBytes: 1 << 20, // a failed command's words come as a header
		DisableCompression: true,
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &session{name: name, transport: t, leave: leave}
}

func (s *session) close() {
	s.transport.CloseIdleConnections()
	s.leave()
}

func options() []connect.ClientOption {
	return []connect.ClientOption{
		connect.WithGRPC(), connect.WithCodec(codec{}), connect.WithReadMaxBytes(mostAnswer),
		connect.WithAcceptCompression("gzip", nil, nil), // nothing is unpacked
	}
}

// check reports whether the plugin has rules for the files that it takes.
func (s *session) check(ctx context.Context) (looks bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client := connect.NewClient[empty, checkAnswer](&http.Client{Transport: s.transport}, service+"CheckPluginConfiguration", options()...)
	answer, err := client.CallUnary(ctx, connect.NewRequest(&empty{}))
	if err != nil {
		return false, s.failed(ctx, err)
	}
	s.wantsCredentials = answer.Msg.credentials
	return answer.Msg.discovers, nil
}

// stream sends the input to a method, and reads its answer into into.
func (s *session) stream(ctx context.Context, method string, in Input, into answer) error {
	ctx, cancel := context.WithCancel(ctx) // whatever happens, nothing of the call goes on after it
	defer cancel()
	client := connect.NewClient[part, raw](&http.Client{Transport: s.transport}, service+method, options()...)
	stream := client.CallClientStream(ctx)
	for p := range parts(in) {
		err := stream.Send(p)
		if errors.Is(err, io.EOF) { // the plugin has answered already, and says why
			break
		}
		if err != nil {
			return s.failed(ctx, err)
		}
	}
	reply, err := stream.CloseAndReceive()
	if err != nil {
		return s.failed(ctx, err)
	}
	if err := into.read(reply.Msg.bytes); err != nil {
		return problem.Because(problem.KindOf(err), err, "plugin %s does not answer as one", s.name)
	}
	return nil
}

// failed turns what went wrong with a call into a problem. What the plugin itself says is Invalid: its command failed, and
// the words are the command's.
func (s *session) failed(ctx context.Context, err error) error {
	var told *connect.Error
	if !errors.As(err, &told) {
		return problem.Because(problem.Unavailable, err, "plugin %s cannot be asked", s.name)
	}
	words := spokenBy(told.Message())
	switch code := told.Code(); {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || code == connect.CodeDeadlineExceeded:
		return problem.New(problem.Unavailable, "plugin %s did not answer in time", s.name).WithHint("it is asked again; its log tells what it was doing")
	case ctx.Err() != nil || code == connect.CodeCanceled:
		return problem.New(problem.Unavailable, "plugin %s was not waited for: %s", s.name, words)
	case code == connect.CodeResourceExhausted && !connect.IsWireError(err):
		return problem.New(problem.Limit, "plugin %s answers with more than %d MiB", s.name, mostAnswer>>20).WithHint("split the application")
	case connect.IsWireError(err) && code == connect.CodeUnimplemented:
		return problem.New(problem.Invalid, "what answers for plugin %s is no cmp-server: %s", s.name, words)
	case connect.IsWireError(err):
		return problem.New(problem.Invalid, "plugin %s: %s", s.name, words)
	case code == connect.CodeUnavailable:
		return problem.New(problem.Unavailable, "plugin %s cannot be reached: %s", s.name, words).WithHint("its container must be running, and be allowed to write into the directory of the sockets")
	}
	return problem.New(problem.Unavailable, "plugin %s does not answer as one: %s", s.name, words).WithHint("its socket must be argocd-cmp-server's")
}

// What a command prints when it fails ends in conditions that many people read.
const mostWords = 4 << 10

var (
	terminal  = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)
	urlSecret = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@'"]+@`)
	header    = regexp.MustCompile(`(?i)((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:basic|bearer|token)?\s*)[^\s"']+`)
	pem       = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)`)
	jwt       = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	token     = regexp.MustCompile(`\b(gh[pousr]_|github_pat_|glpat-|hvs\.|xox[bp]-|AKIA)[A-Za-z0-9_-]{10,}`)
)

// spokenBy is what a plugin said, without what looks like a secret or writes to a terminal; of a long text the beginning,
// which names the command, and the end, which says why.
func spokenBy(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = terminal.ReplaceAllString(text, "")
	text = pem.ReplaceAllString(text, "***")
	text = urlSecret.ReplaceAllString(text, "$1")
	text = header.ReplaceAllString(text, "${1}***")
	text = jwt.ReplaceAllString(text, "***")
	text = token.ReplaceAllString(text, "***")
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if len(text) > mostWords {
		head, tail := mostWords/4, len(text)-mostWords*3/4
		for !utf8.RuneStart(text[head]) {
			head--
		}
		for !utf8.RuneStart(text[tail]) {
			tail++
		}
		text = text[:head] + " … " + text[tail:]
	}
	return strings.TrimSpace(text)
}
