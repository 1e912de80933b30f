package server

import (
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"
)

// body is a request's body within the bounds of its sender: in time and in memory. What dribbles in is an attack or a
// broken line; a user's large body over a slow line is neither.
type body struct {
	io.ReadCloser
	seat   *seat
	out    *http.ResponseController
	waited time.Duration // for the sender
	got    int64
	ended  bool
	failed error
}

// newBody puts bounds on what is read of r's body; nil when it has none.
func newBody(w http.ResponseWriter, r *http.Request, s *seat) *body {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &body{ReadCloser: r.Body, seat: s, out: http.NewResponseController(w)}
}

// left is how long its sender may still make us wait.
func (b *body) left() time.Duration {
	if b.seat.stranger {
		return b.seat.patience - b.waited
	}
	return 2*b.seat.patience + time.Duration(b.got)*time.Second/time.Duration(b.seat.pace) - b.waited
}

// Read has a deadline of its own, which is taken back afterwards. One that stays would, over HTTP/1, cancel whatever
// takes longer: there the server reads on behind the body to find out whether the caller has gone, and takes a deadline
// that passes for that. Over HTTP/2 it could not be put off any more. (Best effort: a writer without deadlines is a
// test's.)
func (b *body) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	began := time.Now()
	_ = b.out.SetReadDeadline(began.Add(b.left()))
	n, err := b.ReadCloser.Read(p)
	_ = b.out.SetReadDeadline(time.Time{})
	b.waited += time.Since(began)
	b.got += int64(n)
	b.ended = err == io.EOF
	if full := b.seat.hold(int64(n)); full != nil {
		b.failed = connect.NewError(connect.CodeResourceExhausted, full) // connect passes on only errors of its own
		return 0, b.failed
	}
	return n, err
}

// close bounds the time for what was not read: the server reads some of it to keep the connection.
func (b *body) close() {
	if !b.ended {
		_ = b.out.SetReadDeadline(time.Now().Add(b.seat.patience))
	}
}

// pieceSize is how much of an answer is written under one deadline: who takes 8 KiB each second is slow, and not dead.
const pieceSize = 256 << 10

// recorder notes what was answered, and bounds the time that the caller may leave it untaken: nobody may hold our memory
// by not reading. Unwrap gives http.ResponseController the writer below.
type recorder struct {
	http.ResponseWriter
	out    *http.ResponseController
	taken  time.Duration
	status int
	bytes  int64
}

func newRecorder(w http.ResponseWriter, taken time.Duration) *recorder {
	return &recorder{ResponseWriter: w, out: http.NewResponseController(w), taken: taken}
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush is for connect, which sends the answers of a stream only through a writer that has it.
func (r *recorder) Flush() { _ = r.FlushError() }

// FlushError is Flush for http.ResponseController.
func (r *recorder) FlushError() error {
	return r.within(r.out.Flush)
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (written int, err error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	for {
		piece := p[written:min(written+pieceSize, len(p))]
		var n int
		err = r.within(func() (err error) {
			n, err = r.ResponseWriter.Write(piece)
			return err
		})
		written += n
		r.bytes += int64(n)
		if err != nil || written >= len(p) {
			return written, err
		}
	}
}

// within does something under a deadline. It is taken back afterwards: HTTP/2 would end a stream that has nothing to say
// for longer.
func (r *recorder) within(do func() error) error {
	_ = r.out.SetWriteDeadline(time.Now().Add(r.taken))
	err := do()
	_ = r.out.SetWriteDeadline(time.Time{})
	return err
}

// finish bounds the time for what the server still has in its buffers.
func (r *recorder) finish() { _ = r.out.SetWriteDeadline(time.Now().Add(r.taken)) }
