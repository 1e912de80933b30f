package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// besieged is a server on a real socket that hostile callers are let loose on, while good ones go about their business.
type besieged struct {
	*server
	addr, token string
	open        atomic.Int32 // streams
}

// newBesieged has tight deadlines, so that the test sees them pass, and a watch that always has something to say.
func newBesieged(t *testing.T) *besieged {
	o, registry := withAccounts(t)
	b := &besieged{server: newServerWithin(o, defaultBounds, tight(func(l *limits) { l.patience, l.taken = time.Second, time.Second }))}
	app := argocd.ApplicationWatchEvent{Type: "MODIFIED"}
	app.Application.Name = strings.Repeat("x", 32<<10)
	watch := stream("application.ApplicationService/Watch", anybody[argocd.ApplicationQuery](),
		func(c *call, _ *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
			b.open.Add(1)
			defer b.open.Add(-1)
			for {
				if err := send(&app); err != nil {
					return err
				}
				if c.Err() != nil {
					return c.Err()
				}
			}
		})
	b.api.rpcs[watch.path()] = rpc{watch, watch.rpc(watch.path())}
	b.api.routes.find([]string{"api", "v1", "stream", "applications"}).routes["GET"] = &bound{method: &watch, segments: parsePath("/api/v1/stream/applications")}
	b.token = logIn(t, o)
	b.addr = serveOn(t, b.handler())
	t.Cleanup(func() {
		if n := panics(t, registry); n != 0 {
			t.Errorf("%v requests panicked", n)
		}
	})
	return b
}

// dial opens a connection from an address of this machine, and closes it at the end of the test.
func (b *besieged) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	conn, err := d.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// people ask for something all the time, over HTTP/1.1 and HTTP/2, until stop, which tells how long it took them.
func (b *besieged) people(t *testing.T) (stop func() []time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	for _, h2 := range []bool{false, true} {
		client := clientFrom(t, "127.0.0.3", h2)
		running.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				res, err := client.Do(request(t, "GET", "http://"+b.addr+"/api/v1/session/userinfo", b.token, "", ""))
				if err != nil {
					t.Errorf("a good client was not served: %v", err)
					return
				}
				text, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || !strings.Contains(string(text), `"admin"`) {
					t.Errorf("a good client was answered %d %s, %v", res.StatusCode, text, err)
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	return func() []time.Duration {
		cancel()
		running.Wait()
		slices.Sort(took)
		return took
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// Hostile callers cost what they may cost, and nobody else notices.
func TestHostileCallers(t *testing.T) {
	for _, c := range []struct {
		name   string
		attack func(*testing.T, *besieged)
		most   uint64 // MiB of memory while it goes on
	}{
		{"slow headers and bodies", slowCallers, 96},
		{"rapid reset", rapidReset, 96},
		{"idle connections", idleConnections, 160},
		{"logins", floodOfLogins, 64},
		{"readers who do not read", deafReaders, 128},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBesieged(t)
			before := heap()
			stop := b.people(t)
			c.attack(t, b)
			if now := heap(); now > before+c.most<<20 {
				t.Errorf("memory grew by %d MiB, more than %d", (now-before)>>20, c.most)
			}
			took := stop()
			if len(took) < 10 {
				t.Fatalf("only %d requests of good clients were answered", len(took))
			}
			slow := took[len(took)*99/100]
			t.Logf("%d requests of good clients; half within %s, 99 %% within %s", len(took), took[len(took)/2], slow)
			if slow > 3*time.Second {
				t.Errorf("good clients wait for %s", slow)
			}
		})
	}
}

// slowCallers begin requests and do not end them.
func slowCallers(t *testing.T, b *besieged) {
	const each = 400
	var headers, bodies []net.Conn
	for range each {
		h, p := b.dial(t, "127.0.0.2"), b.dial(t, "127.0.0.2")
		fmt.Fprintf(h, "GET /api/v1/session/userinfo HTTP/1.1\r\nHost: x\r\nX-A: ")
		fmt.Fprintf(p, "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		headers, bodies = append(headers, h), append(bodies, p)
	}
	ended := func(conns []net.Conn, within time.Duration) (n int) {
		until := time.Now().Add(within)
		for _, c := range conns {
			_ = c.SetReadDeadline(until)
			if _, err := io.Copy(io.Discard, c); !isTimeout(err) {
				n++
			}
		}
		return n
	}
	if n := ended(bodies, 4*time.Second); n != each {
		t.Errorf("of %d half bodies, %d were given up", each, n)
	}
	if n := ended(headers, headerTimeout+3*time.Second); n != each {
		t.Errorf("of %d half headers, %d were given up", each, n)
	}
}

// framer is a connection of HTTP/2 without a client that minds its manners.
func (b *besieged) framer(t *testing.T, from string) (*http2.Framer, net.Conn) {
	conn := b.dial(t, from)
	_, _ = io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f, conn
}

func headersOf(pairs ...string) []byte {
	var out bytes.Buffer
	e := hpack.NewEncoder(&out)
	for i := 0; i < len(pairs); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return out.Bytes()
}

// rapidReset asks and takes it back, faster than can be answered (CVE-2023-44487).
func rapidReset(t *testing.T, b *besieged) {
	block := headersOf(":method", "GET", ":scheme", "http", ":path", "/api/v1/session/userinfo", ":authority", "x", "authorization", "Bearer no.good.token")
	until := time.Now().Add(3 * time.Second)
	var running sync.WaitGroup
	var sent atomic.Int64
	for range 4 {
		running.Go(func() {
			for time.Now().Before(until) { // the server hangs up on who goes too far: then again
				f, conn := b.framer(t, "127.0.0.2")
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				for id := uint32(1); time.Now().Before(until) && id < 1<<20; id += 2 {
					if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: true}) != nil ||
						f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
						break
					}
					sent.Add(1)
				}
				conn.Close()
			}
		})
	}
	running.Wait()
	t.Logf("%d requests were begun and taken back", sent.Load())
	if sent.Load() < 1000 {
		t.Error("that was no attack")
	}
}

// idleConnections come, some ask for something, and stay.
func idleConnections(t *testing.T, b *besieged) {
	for i := range 2000 {
		conn := b.dial(t, "127.0.0.4")
		if i%2 == 0 {
			fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}
	time.Sleep(500 * time.Millisecond)
	refused := 0
	for range 100 { // what goes beyond a source's share
		conn := b.dial(t, "127.0.0.4")
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); !isTimeout(err) {
			refused++
		}
	}
	if refused < 100-(maxOpenByOne-2000)-1 {
		t.Errorf("of 100 connections beyond %d, %d were refused", maxOpenByOne, refused)
	}
}

// floodOfLogins tries passwords from one address; meanwhile somebody logs in from another.
func floodOfLogins(t *testing.T, b *besieged) {
	login := func(client *http.Client, password string) (int, string) {
		res, err := client.Do(request(t, "POST", "http://"+b.addr+"/api/v1/session", "", "application/json", `{"username":"admin","password":"`+password+`"}`))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		return res.StatusCode, res.Header.Get("Retry-After") + string(text)
	}
	var running sync.WaitGroup
	var shed atomic.Int32
	began := make(chan struct{})
	for worker := range 50 {
		client := clientFrom(t, "127.0.0.2", worker%2 == 0)
		running.Go(func() {
			for i := range 40 {
				switch status, text := login(client, fmt.Sprint("wrong-", worker, i)); {
				case status == http.StatusTooManyRequests && strings.HasPrefix(text, retryAfter):
					shed.Add(1)
				case status != http.StatusUnauthorized:
					t.Errorf("a wrong password: %d %s", status, text)
				}
				if i == 1 && worker == 0 {
					close(began)
				}
			}
		})
	}
	<-began
	at := time.Now()
	if status, text := login(clientFrom(t, "127.0.0.6", false), adminPassword); status != 200 || !strings.Contains(text, "token") {
		t.Errorf("the right password from elsewhere: %d %s", status, text)
	}
	t.Logf("logged in within %s", time.Since(at))
	if took := time.Since(at); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	running.Wait()
	if shed.Load() == 0 {
		t.Error("2,000 logins of one address, and none was turned away")
	}
}

// deafReaders open streams and read nothing.
func deafReaders(t *testing.T, b *besieged) {
	const each = 100
	message := binary.BigEndian.AppendUint32([]byte{0}, 0)
	for range each {
		conn := b.dial(t, "127.0.0.2")
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprintf(conn, "GET /api/v1/stream/applications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", b.token)

		f, conn := b.framer(t, "127.0.0.2")
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: headersOf(":method", "POST", ":scheme", "http",
			":path", "/application.ApplicationService/Watch", ":authority", "x", "content-type", "application/grpc+proto", "te", "trailers", "authorization", "Bearer "+b.token)})
		_ = f.WriteData(1, true, message)
	}
	most := int32(0)
	for until := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		now := b.open.Load()
		most = max(most, now)
		if most > each && now == 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%d of at most %d streams are still open that nobody reads", now, most)
		}
	}
	t.Logf("%d streams at once", most)
}
