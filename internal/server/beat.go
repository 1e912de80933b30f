package server

import (
	"io"
	"sync"
	"time"
)

// beatEvery is how often a stream of events that has nothing to tell says that it is there. Proxies cut connections that
// are silent for a minute, and a browser cannot tell one that is silent from one that is dead.
const beatEvery = 15 * time.Second

// What a stream says then: to everybody a comment, which is no event; to those who ask for it (?alive=true) an event of
// its own name, because an EventSource keeps comments to itself.
const (
	beatComment = ": alive\n\n"
	beatEvent   = "event: alive\ndata: true\n\n"
)

// events is what is written to a caller who listens: whole events, one after the other, whoever writes them.
type events struct {
	mu    sync.Mutex
	to    io.Writer
	flush func() error
}

func (e *events) Write(data []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, err := e.to.Write(data)
	if err == nil {
		err = e.flush()
	}
	return n, err
}

// beat says text every so often until the function that it returns is called, and writes nothing after that.
func (e *events) beat(text string, every time.Duration) (stop func()) {
	ticker, end, ended := time.NewTicker(every), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-ticker.C:
				if _, err := e.Write([]byte(text)); err != nil {
					return // whoever sends events finds out, too
				}
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(end)
		<-ended
	}
}
