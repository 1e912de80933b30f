package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// The doors of the API, as the audit names them.
const (
	doorREST = "http"
	doorGRPC = "grpc"
	doorWeb  = "grpc-web"
)

// reply is what came back by whatever door, as bytes: what a client library makes of it is not our question.
type reply struct {
	http    int    // status of HTTP
	code    int    // of gRPC; 0 is success; -1 when the answer names none
	message string // of the error
	body    string // JSON, or the messages as they are on the wire
	header  http.Header
	open    bool // a stream that had not ended when we stopped to listen
}

// The codes of gRPC that the tests speak of (https://grpc.io/docs/guides/status-codes).
const (
	codeOK               = 0
	codeNotFound         = 5
	codePermissionDenied = 7
	codeUnauthenticated  = 16
)

// listen is how long a stream that is open is listened to.
const listen = 80 * time.Millisecond

var (
	plainHTTP  = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	plainHTTP2 = func() *http.Client {
		var p http.Protocols
		p.SetUnencryptedHTTP2(true)
		return &http.Client{Transport: &http.Transport{Protocols: &p}}
	}()
)

// ask calls a method by a door with a message. ok is false when the method is not to be had by that door.
func (c *caller) ask(t *testing.T, door string, m server.Declared, message any, header http.Header) (reply, bool) {
	t.Helper()
	if door == doorREST {
		if len(m.REST) == 0 {
			return reply{}, false
		}
		return c.askREST(t, m, 0, message, header), true
	}
	data, err := wire.Marshal(message)
	if err != nil {
		t.Fatalf("%s: %v", m.Path(), err)
	}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data)))
	kind, client := "application/grpc+proto", plainHTTP2
	if door == doorWeb {
		kind, client = "application/grpc-web+proto", plainHTTP
	}
	return c.exchange(t, client, "POST", m.Path(), append(frame, data...), m.ServerStream, header, http.Header{"Content-Type": {kind}, "Te": {"trailers"}}), true
}

// askREST calls a method by one of its routes.
func (c *caller) askREST(t *testing.T, m server.Declared, binding int, message any, header http.Header) reply {
	t.Helper()
	verb, path, body := restRequest(t, m, binding, message)
	return c.exchange(t, plainHTTP, verb, path, body, m.ServerStream, header, http.Header{"Content-Type": {"application/json"}})
}

// restRequest puts the fields of a message where a route of REST has them: path, body, query.
func restRequest(t *testing.T, m server.Declared, binding int, message any) (verb, path string, body []byte) {
	t.Helper()
	r := m.REST[binding]
	data, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	flat := url.Values{}
	flatten(flat, "", fields)
	used := map[string]bool{}
	var parts []string
	for _, part := range strings.Split(strings.Trim(r.Path, "/"), "/") {
		if strings.HasPrefix(part, "{") {
			name := strings.Trim(part, "{}")
			all := strings.HasSuffix(name, "=**")
			name = strings.TrimSuffix(name, "=**")
			used[name] = true
			part = url.PathEscape(flat.Get(name))
			if all {
				part = strings.ReplaceAll(part, "%2F", "/")
			}
			if part == "" {
				part = "0"
			}
		}
		parts = append(parts, part)
	}
	path = "/" + strings.Join(parts, "/")
	switch r.Body {
	case "":
	case "*":
		return r.Verb, path, data
	default:
		if body, err = json.Marshal(fields[r.Body]); err != nil {
			t.Fatal(err)
		}
	}
	query := url.Values{}
	for name, values := range flat {
		if !used[name] && (r.Body == "" || name != r.Body && !strings.HasPrefix(name, r.Body+".")) {
			query[name] = values
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return r.Verb, path, body
}

// flatten lists the values of JSON by their paths.
func flatten(into url.Values, prefix string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if prefix != "" {
				name = prefix + "." + name
			}
			flatten(into, name, x)
		}
	case []any:
		for _, x := range v {
			flatten(into, prefix, x)
		}
	case nil:
	default:
		into.Add(prefix, fmt.Sprint(v))
	}
}

// exchange sends one request and reads what comes back.
func (c *caller) exchange(t *testing.T, client *http.Client, verb, path string, body []byte, stream bool, headers ...http.Header) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, verb, "http://"+c.h.addr+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, more := range slices.Backward(headers) {
		for name, values := range more {
			if values == nil {
				req.Header.Del(name)
			} else {
				req.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", verb, path, err)
	}
	defer res.Body.Close()
	out := reply{http: res.StatusCode, code: -1, header: res.Header}
	var stop *time.Timer
	if stream {
		stop = time.AfterFunc(listen, cancel)
	}
	data, err := io.ReadAll(res.Body)
	if stream && !stop.Stop() {
		out.open = true
	} else if err != nil {
		t.Fatalf("%s %s: %v", verb, path, err)
	}
	out.body = string(data)
	kind := res.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "application/grpc-web"):
		out.body = ""
		out.readStatus(res.Header)
		for len(data) >= 5 {
			n := int(binary.BigEndian.Uint32(data[1:5]))
			if len(data) < 5+n {
				break
			}
			if data[0]&0x80 != 0 {
				trailer := http.Header{}
				for _, line := range strings.Split(string(data[5:5+n]), "\r\n") {
					if name, value, ok := strings.Cut(line, ":"); ok {
						trailer.Set(name, strings.TrimSpace(value))
					}
				}
				out.readStatus(trailer)
			} else {
				out.body += string(data[5 : 5+n])
			}
			data = data[5+n:]
		}
	case strings.HasPrefix(kind, "application/grpc"):
		out.readStatus(res.Header)
		out.readStatus(res.Trailer)
	default:
		var fault struct {
			Error   string
			Code    *int
			Message string
		}
		if res.StatusCode >= 300 && json.Unmarshal(data, &fault) == nil && fault.Code != nil {
			out.code, out.message = *fault.Code, fault.Message
		} else if res.StatusCode < 300 {
			out.code = codeOK
		}
	}
	if out.open && out.code < 0 {
		out.code = codeOK
	}
	return out
}

// readStatus takes gRPC's status out of headers or trailers.
func (r *reply) readStatus(h http.Header) {
	status := h.Get("Grpc-Status")
	if status == "" {
		return
	}
	_, _ = fmt.Sscan(status, &r.code)
	r.message = h.Get("Grpc-Message")
	if plain, err := url.PathUnescape(r.message); err == nil {
		r.message = plain
	}
}
