package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// lines are so many lines of a log as the API server gives them, a step apart.
func lines(name string, from time.Time, step time.Duration, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s %s%d\n", from.Add(time.Duration(i)*step).Format(time.RFC3339Nano), name, i)
	}
	return b.String()
}

func merged(t *testing.T, r LogRequest, streams ...io.ReadCloser) ([]string, error) {
	t.Helper()
	m := newMerger(len(streams), r)
	for i, s := range streams {
		go m.add(LogLine{Pod: fmt.Sprint("p", i)}).read(t.Context(), s)
	}
	var got []string
	err := m.run(t.Context(), func(l LogLine) error {
		text := l.Content
		if l.Last {
			text += "(last)"
		}
		got = append(got, text)
		return nil
	})
	return got, err
}

func text(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

func TestLinesComeInTheOrderOfTheirTimes(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	got, err := merged(t, LogRequest{}, text(lines("a", at, 2*time.Second, 500)), text(lines("b", at.Add(time.Second), 2*time.Second, 500)), text(""))
	if err != nil || len(got) != 1001 || got[1000] != "(last)" {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	for i := range 500 {
		if got[2*i] != fmt.Sprint("a", i) || got[2*i+1] != fmt.Sprint("b", i) {
			t.Fatalf("at %d: %v", i, got[2*i:2*i+2])
		}
	}
}

func TestFiltersAndEnds(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	log := lines("Apple", at, time.Second, 3) + lines("pear", at.Add(3*time.Second), time.Second, 2)
	for name, c := range map[string]struct {
		r    LogRequest
		want string
	}{
		"all":            {LogRequest{}, "Apple0 Apple1 Apple2 pear0 pear1 (last)"},
		"some":           {LogRequest{Filter: "apple"}, "Apple0 Apple1 Apple2 (last)"},
		"by case":        {LogRequest{Filter: "apple", MatchCase: true}, "(last)"},
		"others":         {LogRequest{Filter: "!APPLE"}, "pear0 pear1 (last)"},
		"up to a moment": {LogRequest{Until: at.Add(time.Second)}, "Apple0 Apple1 Apple2(last)"},
	} {
		if got, err := merged(t, c.r, text(log)); err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

// TestASilentContainerHoldsNobodyUp: of two that are followed one never says anything.
func TestASilentContainerHoldsNobodyUp(t *testing.T) {
	quiet, end := io.Pipe()
	defer end.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	m := newMerger(2, LogRequest{Follow: true})
	go m.add(LogLine{}).read(ctx, quiet)
	go m.add(LogLine{}).read(ctx, text(lines("a", time.Now(), time.Millisecond, 2000)))
	began, n := time.Now(), 0
	err := m.run(ctx, func(LogLine) error {
		if n++; n == 2000 {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 2000 || time.Since(began) > 10*time.Second {
		t.Errorf("%d lines in %s, %v", n, time.Since(began), err)
	}
}

func TestLongLinesComeInPieces(t *testing.T) {
	at := time.Now().UTC()
	long := at.Format(time.RFC3339Nano) + " " + strings.Repeat("x", 3*maxLogLine) + "\n" + lines("b", at.Add(time.Second), 0, 1)
	got, err := merged(t, LogRequest{}, text(long))
	sum := 0
	for _, l := range got[:len(got)-2] {
		if len(l) > maxLogLine {
			t.Errorf("a piece of %d bytes", len(l))
		}
		sum += len(l)
	}
	if err != nil || sum != 3*maxLogLine || !slices.Equal(got[len(got)-2:], []string{"b0", "(last)"}) {
		t.Errorf("%d bytes in %d pieces, then %v, %v", sum, len(got), got[len(got)-2:], err)
	}
}

type breaks struct{ io.Reader }

func (b breaks) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestALogThatBreaksOffSaysSo(t *testing.T) {
	at := time.Now()
	got, err := merged(t, LogRequest{}, io.NopCloser(breaks{strings.NewReader(lines("a", at, 1, 2))}), text(lines("b", at.Add(time.Second), 1, 1)))
	if strings.Join(got, " ") != "a0 a1 b0" || !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "p0 broke off") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTheNextRunOfAContainerRepeatsNothing(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMerger(1, LogRequest{})
	s := m.add(LogLine{})
	s.after = at.Add(time.Second)
	newest := make(chan time.Time, 1)
	go func() { newest <- s.read(t.Context(), text(lines("a", at, time.Second, 4))) }()
	var got []string
	err := m.run(t.Context(), func(l LogLine) error {
		got = append(got, l.Content)
		return nil
	})
	if err != nil || strings.Join(got, " ") != "a2 a3 " || !(<-newest).Equal(at.Add(3*time.Second)) {
		t.Errorf("%q %v", got, err)
	}
}

func TestSourcesJoinWhileOthersAreRead(t *testing.T) {
	quiet, end := io.Pipe()
	m := newMerger(1, LogRequest{Follow: true})
	go m.add(LogLine{Pod: "old"}).read(t.Context(), quiet)
	go func() {
		for i := range 20 { // more than the first ones had room for
			m.joins <- func() {
				go m.add(LogLine{Pod: fmt.Sprint("new", i)}).read(t.Context(), text(lines("b", time.Now(), 0, 2)))
			}
		}
		end.Close()
	}()
	from := map[string]int{}
	if err := m.run(t.Context(), func(l LogLine) error { from[l.Pod]++; return nil }); err != nil || len(from) != 21 || from["new19"] != 2 {
		t.Errorf("%v %v", from, err)
	}
}

func TestACallerWhoGivesUpEndsIt(t *testing.T) {
	m := newMerger(1, LogRequest{})
	go m.add(LogLine{}).read(t.Context(), text(lines("a", time.Now(), 1, 100)))
	gone := errors.New("gone")
	if err := m.run(t.Context(), func(LogLine) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
}
