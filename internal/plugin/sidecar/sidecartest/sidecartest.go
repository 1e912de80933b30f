// Package sidecartest runs config management plugins for _test.go files: a server of the protocol that Argo CD documents, on a
// socket, which unpacks what it is sent and runs commands in it.
//
// The idea: everything that the client relies on is done for real, by other code: messages are read with Google's library
// from a description of the .proto file, the archive is unpacked onto the disk with cmp-server's checks, the commands are
// processes. Read Start first; StartReal runs Argo CD's own cmp-server instead, where there is one. The package refuses to
// be lenient: a checksum, a size or an order that is not as documented is an error that the client is told.
package sidecartest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"sigs.k8s.io/yaml"
)

// Plugin is the configuration of one, the part of a ConfigManagementPlugin that the tests use.
type Plugin struct {
	Name, Version   string
	Init, Generate  []string
	FileName        string   // discover.fileName
	Find            []string // discover.find.command
	Static          []map[string]any
	Dynamic         []string
	ProvideGitCreds bool
}

// Called is what the plugin is called in an Application.
func (p Plugin) Called() string {
	if p.Version != "" {
		return p.Name + "-" + p.Version
	}
	return p.Name
}

// Dir returns a directory for sockets: short, because the system bounds their paths.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cmp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Call is what one request brought.
type Call struct {
	Method      string
	Application string
	Folder      string
	Env         []string // NAME=value, in order
	Files       []string // unpacked, with their modes and links, in order
}

// Server is a running plugin.
type Server struct {
	plugin Plugin
	http   *httptest.Server
	socket string

	mu    sync.Mutex
	calls []Call
}

// Start runs a plugin in dir until the test ends.
func Start(t testing.TB, dir string, p Plugin) *Server {
	t.Helper()
	s := &Server{plugin: p, socket: filepath.Join(dir, p.Called()+".sock")}
	_ = os.Remove(s.socket)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	const service = "/plugin.ConfigManagementPluginService/"
	mux := http.NewServeMux()
	options := []connect.HandlerOption{connect.WithCodec(codec{}), connect.WithReadMaxBytes(100 << 20)}
	mux.Handle(service+"CheckPluginConfiguration", connect.NewUnaryHandler(service+"CheckPluginConfiguration", func(_ context.Context, _ *connect.Request[message]) (*connect.Response[message], error) {
		s.note(Call{Method: "CheckPluginConfiguration"})
		return answer("CheckPluginConfigurationResponse", map[string]any{"isDiscoveryConfigured": p.discovers(), "provideGitCreds": p.ProvideGitCreds}), nil
	}, options...))
	for name, do := range map[string]func(context.Context, *unpacked) (*connect.Response[message], error){"GenerateManifest": s.generate, "MatchRepository": s.match, "GetParametersAnnouncement": s.announce} {
		mux.Handle(service+name, connect.NewClientStreamHandler(service+name, func(ctx context.Context, stream *connect.ClientStream[message]) (*connect.Response[message], error) {
			u, err := receive(stream)
			if err != nil {
				return nil, err
			}
			defer u.remove()
			s.note(Call{Method: name, Application: u.application, Folder: u.folder, Env: u.env, Files: u.files()})
			return do(ctx, u)
		}, options...))
	}
	s.http = httptest.NewUnstartedServer(mux)
	_ = s.http.Listener.Close()
	s.http.Listener = listener
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.http.Config.Protocols = new(http.Protocols)
	s.http.Config.Protocols.SetUnencryptedHTTP2(true)
	s.http.Start()
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the plugin and takes its socket away.
func (s *Server) Stop() {
	s.http.CloseClientConnections()
	s.http.Close()
	_ = os.Remove(s.socket)
}

// Calls returns what was asked, in order; of one method when it is not empty.
func (s *Server) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if method == "" {
		return slices.Clone(s.calls)
	}
	var list []Call
	for _, c := range s.calls {
		if c.Method == method {
			list = append(list, c)
		}
	}
	return list
}

func (s *Server) note(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}

func (p Plugin) discovers() bool { return p.FileName != "" || len(p.Find) > 0 }

func (s *Server) match(ctx context.Context, u *unpacked) (*connect.Response[message], error) {
	supported := false
	switch {
	case s.plugin.FileName != "":
		found, err := filepath.Glob(filepath.Join(u.at(), s.plugin.FileName))
		if err != nil {
			return nil, err
		}
		supported = len(found) > 0
	case len(s.plugin.Find) > 0:
		out, err := u.run(ctx, s.plugin.Find)
		if err != nil {
			return nil, unknown("match repository error: error running find command: " + err.Error())
		}
		supported = out != ""
	}
	return answer("RepositoryResponse", map[string]any{"isSupported": supported, "isDiscoveryEnabled": s.plugin.discovers()}), nil
}

func (s *Server) generate(ctx context.Context, u *unpacked) (*connect.Response[message], error) {
	if len(s.plugin.Init) > 0 {
		if _, err := u.run(ctx, s.plugin.Init); err != nil {
			return nil, unknown("error generating manifests: " + err.Error())
		}
	}
	out, err := u.run(ctx, s.plugin.Generate)
	if err != nil {
		return nil, unknown("error generating manifests: " + err.Error())
	}
	var manifests []any
	for doc := range strings.SplitSeq("\n"+out, "\n---") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			return nil, unknown("error generating manifests: " + err.Error())
		}
		if len(o) == 0 {
			continue
		}
		text, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, string(text))
	}
	return answer("ManifestResponse", map[string]any{"manifests": manifests}), nil
}

func (s *Server) announce(ctx context.Context, u *unpacked) (*connect.Response[message], error) {
	var list []map[string]any
	if len(s.plugin.Dynamic) > 0 {
		out, err := u.run(ctx, s.plugin.Dynamic)
		if err != nil {
			return nil, unknown("get parameters announcement error: " + err.Error())
		}
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			return nil, unknown("get parameters announcement error: " + err.Error())
		}
	}
	var all []any
	for _, p := range append(list, s.plugin.Static...) {
		all = append(all, p)
	}
	return answer("ParametersAnnouncementResponse", map[string]any{"parameterAnnouncements": all}), nil
}

// unknown is the code that a Go error without one has in gRPC.
func unknown(text string) error { return connect.NewError(connect.CodeUnknown, errors.New(text)) }

// Run starts the plugin behind Argo CD's cmp-server where HAWSER_CMP_SERVER names an argocd binary, else behind ours.
func Run(t testing.TB, dir string, p Plugin) (stop func()) {
	t.Helper()
	if binary := os.Getenv("HAWSER_CMP_SERVER"); binary != "" {
		return StartReal(t, binary, dir, p)
	}
	return Start(t, dir, p).Stop
}

// StartReal runs Argo CD's own cmp-server for the plugin until the test ends, or stop; binary is an argocd of a release. It
// returns when the socket is there.
func StartReal(t testing.TB, binary, dir string, p Plugin) (stop func()) {
	t.Helper()
	home := t.TempDir()
	spec := map[string]any{"generate": map[string]any{"command": p.Generate}, "provideGitCreds": p.ProvideGitCreds}
	if p.Version != "" {
		spec["version"] = p.Version
	}
	if len(p.Init) > 0 {
		spec["init"] = map[string]any{"command": p.Init}
	}
	if p.FileName != "" {
		spec["discover"] = map[string]any{"fileName": p.FileName}
	} else if len(p.Find) > 0 {
		spec["discover"] = map[string]any{"find": map[string]any{"command": p.Find}}
	}
	parameters := map[string]any{"static": p.Static}
	if len(p.Dynamic) > 0 {
		parameters["dynamic"] = map[string]any{"command": p.Dynamic}
	}
	spec["parameters"] = parameters
	text, err := yaml.Marshal(map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "ConfigManagementPlugin", "metadata": map[string]any{"name": p.Name}, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "plugin.yaml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config-dir-path", home, "--loglevel", "warn")
	cmd.Env = append(os.Environ(), "ARGOCD_BINARY_NAME=argocd-cmp-server", "ARGOCD_PLUGINSOCKFILEPATH="+dir, "ARGOCD_CMP_WORKDIR="+filepath.Join(home, "work"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	socket := filepath.Join(dir, p.Called()+".sock")
	await := func(there bool) bool {
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
			conn, err := (&net.Dialer{}).DialContext(context.Background(), "unix", socket)
			if err == nil {
				_ = conn.Close()
			}
			if _, err := os.Lstat(socket); (err == nil) == there && (conn != nil) == there {
				return true
			}
			select {
			case <-ended:
				return !there
			case <-time.After(20 * time.Millisecond):
			}
		}
		return false
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(os.Interrupt) // it takes its socket away, and goes on
			if !await(false) {
				t.Error("cmp-server keeps its socket")
			}
			_ = cmd.Process.Kill()
			<-ended
		})
	}
	t.Cleanup(stop)
	if !await(true) {
		_ = cmd.Process.Kill()
		<-ended
		t.Fatalf("cmp-server does not answer:\n%s", said.String())
	}
	return stop
}

// message is a protobuf message as bytes; what it means is read with Google's library.
type message struct{ bytes []byte }

type codec struct{}

func (codec) Name() string                    { return "proto" }
func (codec) Marshal(v any) ([]byte, error)   { return v.(*message).bytes, nil }
func (codec) Unmarshal(b []byte, v any) error { v.(*message).bytes = bytes.Clone(b); return nil }

func answer(name string, fields map[string]any) *connect.Response[message] {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	m := newMessage(name)
	if err := fromJSON(text, m); err != nil {
		panic(err)
	}
	return connect.NewResponse(&message{toBytes(m)})
}

func newMessage(name string) *dynamicpb.Message {
	return dynamicpb.NewMessage(protocol.Messages().ByName(protoreflect.Name(name)))
}
