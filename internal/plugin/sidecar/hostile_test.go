package sidecar_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/plugin/sidecar"
	"github.com/hawser-cd/hawser/internal/plugin/sidecar/sidecartest"
	"github.com/hawser-cd/hawser/internal/problem"
)

func listen(t testing.TB, socket string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// deaf is a socket that nobody is behind any more, as a killed container leaves it.
func deaf(t testing.TB, socket string) {
	t.Helper()
	l := listen(t, socket)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
}

// speaks does the same with every connection.
func speaks(t testing.TB, socket string, do func(net.Conn)) {
	t.Helper()
	l := listen(t, socket)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				do(c)
			}()
		}
	}()
}

// grpc answers CheckPluginConfiguration well, and GenerateManifest as the test wants it.
func grpc(t testing.TB, socket string, generate http.HandlerFunc) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		if strings.HasSuffix(r.URL.Path, "/GenerateManifest") {
			generate(w, r)
			return
		}
		_, _ = w.Write(message(nil))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	_ = s.Listener.Close()
	s.Listener = listen(t, socket)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
}

// message is one of gRPC: a byte that says that it is not packed, its size, and itself.
func message(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
}

func taken(w http.ResponseWriter, r *http.Request, answer []byte) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = w.Write(answer)
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

// Whatever a plugin does, its application gets an error, in time, and the process keeps its memory.
func TestHostilePlugins(t *testing.T) {
	endless := func(w io.Writer) {
		_, err := w.Write(message(nil)[:1])
		for block := make([]byte, 64<<10); err == nil; {
			_, err = w.Write(block)
		}
	}
	for _, c := range []struct {
		name  string
		start func(testing.TB, string)
		kind  problem.Kind
		words string
	}{
		{"nobody", deaf, problem.Unavailable, "cannot be reached"},
		{"silent", func(t testing.TB, socket string) {
			speaks(t, socket, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		}, problem.Unavailable, "did not answer in time"},
		{"hangs up", func(t testing.TB, socket string) { speaks(t, socket, func(net.Conn) {}) }, problem.Unavailable, ""},
		{"garbage", func(t testing.TB, socket string) {
			speaks(t, socket, func(c net.Conn) { endless(c) })
		}, problem.Unavailable, ""},
		{"a page", func(t testing.TB, socket string) {
			speaks(t, socket, func(c net.Conn) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
			})
		}, problem.Unavailable, ""},
		{"another service", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Grpc-Status", "12")
				w.Header().Set("Grpc-Message", "unknown service")
			})
		}, problem.Invalid, "is no cmp-server"},
		{"a size of four gigabytes", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = w.Write([]byte{0, 0xff, 0xff, 0xff, 0xff})
				endless(w)
			})
		}, problem.Unavailable, ""},
		{"too large", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) { taken(w, r, message(make([]byte, 51<<20))) })
		}, problem.Limit, "more than 50 MiB"},
		{"too many", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) {
				taken(w, r, message([]byte(strings.Repeat("\x0a\x00", 100_001))))
			})
		}, problem.Limit, "more than 100000 manifests"},
		{"a broken message", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) { taken(w, r, message([]byte("\x0a\x7fx"))) })
		}, problem.Unavailable, "a broken message"},
		{"two messages", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) { taken(w, r, append(message(nil), message(nil)...)) })
		}, problem.Unavailable, ""},
		{"packed", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Grpc-Encoding", "gzip")
				taken(w, r, append([]byte{1}, message([]byte("x"))[1:]...))
			})
		}, problem.Unavailable, ""},
		{"no answer and no error", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) { taken(w, r, nil) })
		}, problem.Unavailable, ""},
		{"answers before it is asked", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Grpc-Status", "2")
				w.Header().Set("Grpc-Message", "no room on the disk")
			})
		}, problem.Invalid, "no room on the disk"},
		{"a flood of words", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Grpc-Status", "2")
				w.Header().Set("Grpc-Message", "first words "+strings.Repeat("%1B[31mword ", 20_000)+"last words")
			})
		}, problem.Invalid, "last words"},
		{"a flood of headers", func(t testing.TB, socket string) {
			grpc(t, socket, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Grpc-Status", "2")
				w.Header().Set("Grpc-Message", strings.Repeat("word", 1<<20))
			})
		}, problem.Unavailable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := sidecartest.Dir(t)
			c.start(t, filepath.Join(dir, "p.sock"))
			in := input(t, map[string]string{"apps/web/a": noise(1 << 20)})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			got, err := sidecar.New(dir).Generate(ctx, "p", in)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if err == nil {
				t.Fatalf("it rendered %d manifests", len(got))
			}
			wants(t, err, c.kind, c.words)
			if len(err.Error()) > 6<<10 || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the error has %d bytes: %.300q", len(err.Error()), err)
			}
			if n := len(got); n > 0 {
				t.Errorf("an error came with %d manifests", n)
			}
		})
	}
	var m runtime.MemStats
	runtime.GC()
	if runtime.ReadMemStats(&m); m.HeapAlloc > 300<<20 {
		t.Errorf("%d MiB are still in use", m.HeapAlloc>>20)
	}
}
