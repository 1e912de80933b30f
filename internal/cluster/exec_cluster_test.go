package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
)

const talkative = `{apiVersion: v1, kind: Pod, metadata: {name: talk, annotations: {devcluster.hawser.dev/log: "one\ntwo"}}, spec: {initContainers: [{name: first, image: "first:1"}], containers: [{name: web, image: "web:1"}]}}`

// talk is a running pod that prints, and its key.
func talk(t *testing.T, k *clustertest.Cluster) object.Key {
	t.Helper()
	ns := k.Namespace(t)
	k.Apply(t, ns, talkative)
	k.WaitFor(t, "v1", "Pod", ns, "talk", clustertest.Condition("Ready", "True"))
	return object.Key{Kind: "Pod", Namespace: ns, Name: "talk"}
}

// Of the two ways to a container the second is taken where something on the way refuses the first.
func TestCommandsRunInEitherWay(t *testing.T) {
	k := clustertest.Start(t)
	pod := talk(t, k)
	for name, refuse := range map[string]bool{"over a WebSocket": false, "over SPDY": true} {
		t.Run(name, func(t *testing.T) {
			var sockets, others atomic.Int32
			config := rest.CopyConfig(k.Config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					switch {
					case !strings.HasSuffix(r.URL.Path, "/exec"):
					case r.Method == http.MethodGet:
						sockets.Add(1)
						if refuse {
							return nil, &httpstream.UpgradeFailureError{Cause: errors.New("400 Bad Request")}
						}
					default:
						others.Add(1)
					}
					return next.RoundTrip(r)
				})
			})
			c, _ := open(t, config, nil)
			run := func() (out, problems *bytes.Buffer, code int, err error) {
				sockets.Store(0)
				others.Store(0)
				out, problems = &bytes.Buffer{}, &bytes.Buffer{}
				code, err = c.Writer(anything).Exec(t.Context(), cluster.ExecRequest{Pod: pod, Container: "web", Command: []string{"sh"}, Stdin: strings.NewReader("hostname\nnope\nexit 3\n"), Stdout: out, Stderr: problems})
				return
			}
			out, problems, code, err := run()
			for tries := 1; refuse && tries < 20 && err != nil && strings.Contains(err.Error(), "before the command's exit code had come"); tries++ {
				out, problems, code, err = run() // a kubelet may hang up before the end has come through (see ending)
			}
			if err != nil || code != 3 || out.String() != "talk\n" || problems.String() != "sh: nope: not found\n" {
				t.Errorf("%q %q %d %v", out, problems, code, err)
			}
			if sockets.Load() != 1 || (others.Load() == 1) != refuse {
				t.Errorf("%d WebSockets, %d others", sockets.Load(), others.Load())
			}
		})
	}
}

// A session that is cut off in the middle is no command that has succeeded.
func TestCommandsThatAreCutOffHaveNoExitCode(t *testing.T) {
	k := clustertest.Start(t)
	pod := talk(t, k)
	for name, refuse := range map[string]bool{"over a WebSocket": false, "over SPDY": true} {
		t.Run(name, func(t *testing.T) {
			config, wire := faultproxy.Wired(t, k.Config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if refuse && strings.HasSuffix(r.URL.Path, "/exec") && r.Method == http.MethodGet {
						return nil, &httpstream.UpgradeFailureError{Cause: errors.New("400 Bad Request")}
					}
					return next.RoundTrip(r)
				})
			})
			c, _ := open(t, config, nil)
			var out strings.Builder
			code, err := c.Writer(anything).Exec(t.Context(), cluster.ExecRequest{Pod: pod, Container: "web", Command: []string{"sh", "-c", "hostname; sleep 60"}, Stdout: writerFunc(func(p []byte) (int, error) {
				defer wire.Cut(true)
				return out.Write(p)
			})})
			if err == nil || out.String() != "talk\n" || !strings.Contains(err.Error(), "run a command in Pod/talk") {
				t.Errorf("%q %d %v", out.String(), code, err)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestCommandsAreRefused(t *testing.T) {
	k := clustertest.Start(t)
	pod := talk(t, k)
	over := problem.New(problem.Conflict, "it was decided in an earlier turn")
	type mark struct{}
	fence := func(config *rest.Config) {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.Context().Value(mark{}) != nil {
					return nil, over
				}
				return next.RoundTrip(r)
			})
		})
	}
	fenced, _ := open(t, k.Config, func(o *cluster.Options) {
		o.Fence = fence
		o.Turn = func() func(context.Context) context.Context {
			return func(ctx context.Context) context.Context { return context.WithValue(ctx, mark{}, true) }
		}
	})
	c, _ := open(t, k.Config, nil)
	good := cluster.ExecRequest{Pod: pod, Container: "web", Command: []string{"true"}, Stdout: io.Discard}
	if _, err := fenced.Writer(anything).Exec(t.Context(), good); !errors.Is(err, over) && (err == nil || !strings.Contains(err.Error(), "earlier turn")) {
		t.Error("a turn that is over:", err)
	}
	forbidden := problem.New(problem.Forbidden, "no pods")
	if _, err := c.Writer(func(object.Key) error { return forbidden }).Exec(t.Context(), good); !errors.Is(err, forbidden) {
		t.Error("no permit:", err)
	}
	for what, change := range map[string]func(*cluster.ExecRequest){
		"no such pod":        func(r *cluster.ExecRequest) { r.Pod.Name = "nobody" },
		"no such container":  func(r *cluster.ExecRequest) { r.Container = "nothing" },
		"one that has ended": func(r *cluster.ExecRequest) { r.Container = "first" },
		"a path":             func(r *cluster.ExecRequest) { r.Pod.Name = "talk/../other" },
		"nothing":            func(r *cluster.ExecRequest) { r.Pod.Name = "" },
	} {
		r := good
		change(&r)
		if code, err := c.Writer(anything).Exec(t.Context(), r); err == nil {
			t.Errorf("%s: %d", what, code)
		} else if k := problem.KindOf(err); k == problem.Internal {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLogsAreRead(t *testing.T) {
	k := clustertest.Start(t)
	pod := talk(t, k)
	c, _ := open(t, k.Config, nil)
	read := func(r cluster.LogRequest) string {
		r.Pod = pod
		stream, err := c.Logs(t.Context(), r)
		if err != nil {
			return err.Error()
		}
		defer stream.Close()
		data, err := io.ReadAll(stream)
		if err != nil {
			return err.Error()
		}
		var lines []string
		for _, l := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			stamp, text, _ := strings.Cut(l, " ")
			if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil && l != "" {
				t.Errorf("line %q", l)
			}
			lines = append(lines, text)
		}
		return strings.Join(lines, "|")
	}
	for _, test := range []struct {
		r    cluster.LogRequest
		want string
	}{
		{cluster.LogRequest{Container: "web", Tail: -1}, "web started from web:1, run 1|one|two"},
		{cluster.LogRequest{Container: "web", Tail: 1}, "two"},
		{cluster.LogRequest{Container: "web", Tail: 0}, ""},
		{cluster.LogRequest{Container: "web", Tail: -1, Since: time.Now().Add(time.Hour)}, ""},
		{cluster.LogRequest{Container: "first", Tail: -1, Follow: true}, "first started from first:1, run 1|first ends with exit code 0"},
	} {
		if got := read(test.r); got != test.want {
			t.Errorf("%+v\ngot  %s\nwant %s", test.r, got, test.want)
		}
	}
	if _, err := c.Logs(t.Context(), cluster.LogRequest{Pod: pod, Container: "web", Previous: true}); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
	pod.Name = "a/b"
	if _, err := c.Logs(t.Context(), cluster.LogRequest{Pod: pod, Container: "web"}); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
}
