package agent

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// frame is the most that one message of a connection holds: enough for what HTTP/2 sends at once.
const frame = 1 << 20

// conn is a WebSocket as a stream of bytes. Proxies that know nothing else of long-lived connections know these.
type conn struct {
	*websocket.Conn
	rest    io.Reader // of the message that is being read
	writing sync.Mutex
}

// Stream makes a WebSocket a connection. It owns ws.
func Stream(ws *websocket.Conn) net.Conn {
	ws.SetReadLimit(frame)
	return &conn{Conn: ws}
}

func (c *conn) Read(p []byte) (int, error) {
	for {
		if c.rest == nil {
			kind, r, err := c.NextReader()
			if err != nil {
				var closed *websocket.CloseError
				if errors.As(err, &closed) {
					return 0, io.EOF
				}
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errors.New("a message that is not binary")
			}
			c.rest = r
		}
		n, err := c.rest.Read(p)
		if errors.Is(err, io.EOF) {
			c.rest, err = nil, nil
			if n == 0 {
				continue
			}
		}
		return n, err
	}
}

func (c *conn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(p) > 0 {
		part := p[:min(len(p), frame)]
		if err := c.WriteMessage(websocket.BinaryMessage, part); err != nil {
			return n, err
		}
		n += len(part)
		p = p[len(part):]
	}
	return n, nil
}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
