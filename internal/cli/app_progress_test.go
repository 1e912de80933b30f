package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/apps"
)

// A tree is drawn over the one before, and is gone at the end: what follows is the summary.
func TestPainterDrawsOverItself(t *testing.T) {
	var b bytes.Buffer
	p := &painter{out: &b, log: &apps.Log{}, stop: make(chan struct{})}
	p.note(shop("10", progressing))
	first := b.String()
	if strings.Contains(first, "\x1b[A") || strings.Count(first, "\n") != 3 || !strings.Contains(first, "Deployment/web") {
		t.Errorf("the first drawing: %q", first)
	}
	b.Reset()
	turned := p.note(shop("11", degraded))
	if !strings.HasPrefix(b.String(), "\x1b[A\x1b[A\x1b[A\r\x1b[J") || turned == nil {
		t.Errorf("the second drawing: %q", b.String())
	}
	b.Reset()
	p.end()
	if b.String() != "\x1b[A\x1b[A\x1b[A\r\x1b[J" {
		t.Errorf("the end: %q", b.String())
	}
	b.Reset()
	p.draw()
	if b.Len() > 0 {
		t.Errorf("drawn after the end: %q", b.String())
	}
}

func TestDressedLines(t *testing.T) {
	lines := dressed("NAME  STATUS\nweb   OutOfSync, and more than fits\n", 20)
	if len(lines) != 2 || lines[1] != "web   "+paint(yellow, "OutOfSync")+", an…" {
		t.Errorf("got %q", lines)
	}
	if got := dressed("Health Status:      Healthy\n", 0)[0]; got != "Health Status:      "+paint(green, "Healthy") {
		t.Errorf("got %q", got)
	}
	if got := coloured(string(v1alpha1.HealthStatusDegraded) + "!"); got != "Degraded!" {
		t.Errorf("got %q", got)
	}
}
