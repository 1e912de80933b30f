package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"golang.org/x/term"
)

// shower shows an application while it is waited for.
type shower interface {
	note(*v1alpha1.Application) *apps.Turned
	end()
}

// shower chooses how: argocd's lines, on a terminal a tree, and nothing where the output is for a program.
func (w *waiter) shower() shower {
	switch {
	case w.format == "json" || w.format == "yaml":
		return logged{&apps.Log{}, w.chosen}
	case isTerminal(w.r.std.Out):
		p := &painter{out: w.r.std.Out, chosen: w.chosen, log: &apps.Log{}, stop: make(chan struct{})}
		go p.tick()
		return p
	}
	return logged{apps.NewLog(w.r.std.Out, time.Now), w.chosen}
}

// logged prints lines.
type logged struct {
	log    *apps.Log
	chosen apps.Selection
}

func (l logged) note(app *v1alpha1.Application) *apps.Turned { return l.log.Note(app, l.chosen) }
func (l logged) end()                                        {}

// painter keeps a tree on a terminal up to date, with its durations every second.
type painter struct {
	out    io.Writer
	chosen apps.Selection
	log    *apps.Log // remembers who turned
	stop   chan struct{}

	mu    sync.Mutex
	app   *v1alpha1.Application
	drawn int // lines on the screen
}

func (p *painter) note(app *v1alpha1.Application) *apps.Turned {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.app = app
	p.draw()
	return p.log.Note(app, p.chosen)
}

// end takes the tree away: the summary that follows says what is left to say.
func (p *painter) end() {
	close(p.stop)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.app = nil
}

func (p *painter) tick() {
	for {
		select {
		case <-p.stop:
			return
		case <-time.After(time.Second):
		}
		p.mu.Lock()
		p.draw()
		p.mu.Unlock()
	}
}

func (p *painter) draw() {
	if p.app == nil {
		return
	}
	width, height := screen(p.out)
	lines := apps.Progress(p.app, p.chosen, width, height-1, time.Now())
	p.clear()
	for _, line := range lines {
		fmt.Fprintln(p.out, coloured(line))
	}
	p.drawn = len(lines)
}

// clear goes back to where the tree began and erases from there.
func (p *painter) clear() {
	if p.drawn > 0 {
		fmt.Fprint(p.out, strings.Repeat("\x1b[A", p.drawn)+"\r\x1b[J")
		p.drawn = 0
	}
}

// screen is the size of a terminal, 80 by 24 where it does not say.
func screen(out io.Writer) (width, height int) {
	if f, ok := out.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 2 {
			return w, h
		}
	}
	return 80, 24
}
