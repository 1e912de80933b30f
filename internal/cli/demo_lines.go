package cli

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/reconcile"
)

// lines prints the demo's output: what happens, in aligned lines, and what the demo itself is doing.
type lines struct {
	out    io.Writer
	colour bool

	mu       sync.Mutex
	width    int  // of the widest application so far
	halfLine bool // a step has begun and its end is to come on the same line
}

func newLines(out io.Writer) *lines {
	return &lines{out: out, colour: isTerminal(out), width: 20}
}

// isTerminal reports whether colours are welcome.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The colours, as terminals number them.
const (
	red    = 31
	green  = 32
	yellow = 33
	grey   = 90
	bold   = 1
)

func (l *lines) paint(colour int, text string) string {
	if !l.colour || colour == 0 || text == "" {
		return text
	}
	return "\x1b[" + strconv.Itoa(colour) + "m" + text + "\x1b[0m"
}

// say prints whole lines.
func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(fmt.Sprintf(format, args...) + "\n")
}

// print ends a half line first. l.mu is held.
func (l *lines) print(text string) {
	if l.halfLine {
		l.halfLine = false
		text = "\n" + text
	}
	_, _ = io.WriteString(l.out, text) // a closed terminal is no reason to stop the cluster
}

// step says what takes a while. The returned function ends the line with the outcome and the time it took.
func (l *lines) step(what string) (done func(outcome string)) {
	start := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(what + " … ")
	l.halfLine = true
	stop := make(chan struct{})
	go l.stillAtIt(start, stop)
	return func(outcome string) {
		close(stop)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.halfLine {
			what = ""
		} else {
			what += ": "
		}
		l.halfLine = false
		_, _ = fmt.Fprintf(l.out, "%s%s in %s\n", what, outcome, seconds(time.Since(start)))
	}
}

// stillAtIt adds the time to a half line now and then, so that nobody takes a slow machine for a dead one.
func (l *lines) stillAtIt(start time.Time, stop chan struct{}) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			l.mu.Lock()
			if l.halfLine {
				_, _ = fmt.Fprintf(l.out, "%.0f s … ", time.Since(start).Seconds())
			}
			l.mu.Unlock()
		}
	}
}

// event prints something that the demo itself saw, as a happening of subject.
func (l *lines) event(at time.Time, subject, what, text string) {
	l.happening(reconcile.Happening{At: at, Application: subject, What: what, Text: text})
}

// happening prints one thing that happened to an application.
func (l *lines) happening(h reconcile.Happening) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.width = max(l.width, utf8.RuneCountInString(h.Application))
	l.print(l.format(h) + "\n")
}

var fullCommit = regexp.MustCompile(`\b([0-9a-f]{7})[0-9a-f]{33}\b`)

// format returns time, application, what and text in columns. A text of several lines becomes one, and commits are
// written short.
func (l *lines) format(h reconcile.Happening) string {
	pad := strings.Repeat(" ", max(0, l.width-utf8.RuneCountInString(h.Application)))
	text := fullCommit.ReplaceAllString(strings.Join(strings.Fields(h.Text), " "), "$1")
	return l.paint(grey, h.At.Format("15:04:05.000")) + "  " + l.paint(bold, h.Application) + pad + "  " +
		l.paint(colourOf(h), fmt.Sprintf("%-9s", h.What)) + "  " + text
}

func colourOf(h reconcile.Happening) int {
	is := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(h.Text, "→ "+w) {
				return true
			}
		}
		return false
	}
	switch {
	case h.What == "healed", is("Synced", "Healthy"):
		return green
	case h.What == "condition", strings.Contains(h.Text, "not applied"), is("Degraded", "Unknown"):
		return red
	case h.What == "drift", is("OutOfSync", "Progressing", "Missing"):
		return yellow
	}
	return 0
}

// seconds writes a duration as people say it.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
