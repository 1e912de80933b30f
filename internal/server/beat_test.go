package server

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestAStreamThatIsSilentSaysThatItIsThere: beats come between events and never into one, and none after the end.
func TestAStreamThatIsSilentSaysThatItIsThere(t *testing.T) {
	var out bytes.Buffer
	beats := make(chan struct{}, 1)
	flush := func() error {
		if strings.HasSuffix(out.String(), beatEvent) {
			select {
			case beats <- struct{}{}:
			default:
			}
		}
		return nil
	}
	e := &events{to: &out, flush: flush}
	stop := e.beat(beatEvent, time.Millisecond)
	for range 3 {
		<-beats
		if _, err := e.Write([]byte("data: {\"result\":1}\n\n")); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	told := out.String()
	if n := strings.Count(told, "data: {\"result\":1}\n\n"); n != 3 {
		t.Errorf("%d of 3 events are whole", n)
	}
	if rest := strings.ReplaceAll(strings.ReplaceAll(told, beatEvent, ""), "data: {\"result\":1}\n\n", ""); rest != "" {
		t.Errorf("something else was written: %q", rest)
	}
	if out.String() != told {
		t.Error("it goes on after its end")
	}
}
