package auth

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Failures are counted in a fixed number of cells, for a window of time and the one before it. Each thing that is
// counted has a cell in each of three rows, chosen by a keyed hash, and its count is the least of the three: others may
// share a cell, so it is never too low and very rarely too high. Nothing is ever evicted, and nothing grows (invariant
// 31: ten thousand made-up names push nobody's counter out).
const (
	perCounter = 3     // rows
	cellsInRow = 16384 // cells of a row
	cellOfAll  = cell(perCounter * cellsInRow)
	maxCount   = 1 << 20
	maxKnown   = 1000                // sources that logged in before, of all accounts
	knownFor   = 30 * 24 * time.Hour // and how long they are remembered
)

type cell int

// failures is a set of counts: what the Secret holds, or what is to be added to it, where counts may be negative.
type failures struct {
	epoch       int64 // number of the window that now counts
	now, before map[cell]int
	known       map[string]int64 // hash of account and source → day of the last login
}

func epochOf(now time.Time) int64 { return now.Unix() / int64(failureWindow/time.Second) }

// roll makes the window of now the one that counts. A clock that goes back changes nothing.
func (f *failures) roll(now time.Time) {
	e := epochOf(now)
	switch {
	case e == f.epoch+1:
		f.now, f.before = nil, f.now
	case e > f.epoch:
		f.now, f.before = nil, nil
	default:
		return
	}
	f.epoch = e
}

func (f *failures) empty() bool { return len(f.now)+len(f.before)+len(f.known) == 0 }

func (f *failures) count(cells []cell, n int) { change(&f.now, cells, n) }

func change(m *map[cell]int, cells []cell, n int) {
	if *m == nil {
		*m = map[cell]int{}
	}
	for _, c := range cells {
		if (*m)[c] = min((*m)[c]+n, maxCount); (*m)[c] == 0 {
			delete(*m, c)
		}
	}
}

// add adds the counts of other, both as of now.
func (f *failures) add(other *failures, now time.Time) {
	o := failures{epoch: other.epoch, now: other.now, before: other.before} // rolled without touching other
	f.roll(now)
	o.roll(now)
	for c, n := range o.now {
		change(&f.now, []cell{c}, n)
	}
	for c, n := range o.before {
		change(&f.before, []cell{c}, n)
	}
	for k, day := range other.known {
		if f.known == nil {
			f.known = map[string]int64{}
		}
		f.known[k] = max(f.known[k], day)
	}
}

// at is the counts of a cell in the window of that epoch, and in the one before it.
func (f *failures) at(c cell, epoch int64) (now, before int) {
	switch {
	case f.epoch >= epoch: // a clock that went back changes nothing
		return f.now[c], f.before[c]
	case f.epoch == epoch-1:
		return 0, f.now[c]
	}
	return 0, 0
}

// view is what stands in the Secret, what is on its way there and what has just been counted: their sum counts.
type view []*failures

// least is the smallest count of the cells, as of the window of now and of the one before it.
func (v view) least(cells []cell, epoch int64) (now, before int) {
	now, before = math.MaxInt, math.MaxInt
	for _, c := range cells {
		var n, b int
		for _, f := range v {
			fn, fb := f.at(c, epoch)
			n, b = n+fn, b+fb
		}
		now, before = min(now, n), min(before, b)
	}
	return max(now, 0), max(before, 0)
}

// estimate is the number of failures within the last window: the present one's, and of the one before the share that is
// not over.
func (v view) estimate(cells []cell, now time.Time) float64 {
	passed := float64(now.Unix()%int64(failureWindow/time.Second)) / failureWindow.Seconds()
	n, b := v.least(cells, epochOf(now))
	return float64(n) + float64(b)*(1-passed)
}

func day(now time.Time) int64 { return now.Unix() / 86400 }

// last is how many days ago the source logged in; ok is false when it did not, or so long ago that it is forgotten.
func (v view) last(hash string, now time.Time) (days int64, ok bool) {
	days = math.MaxInt64
	for _, f := range v {
		if d, ok := f.known[hash]; ok {
			days = min(days, day(now)-d)
		}
	}
	return days, days <= int64(knownFor/(24*time.Hour))
}

func (f *failures) learn(hash string, now time.Time) {
	if f.known == nil {
		f.known = map[string]int64{}
	}
	f.known[hash] = day(now)
}

// The keys of FailedLogins. counters: the epoch, then for both windows the number of cells and for each its distance
// from the one before and its count, all as uvarints. known: a line "<hash> <day>" for each source.
const (
	countersKey = "counters"
	knownKey    = "known"
)

// write puts the counts into the Secret's data, without what cannot be there: counts below zero, and sources beyond the
// bound, the oldest first.
func (f *failures) write(data map[string][]byte) {
	out := binary.AppendUvarint(nil, uint64(max(f.epoch, 0)))
	for _, m := range []map[cell]int{f.now, f.before} {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_ cell, n int) bool { return n <= 0 })
		out = binary.AppendUvarint(out, uint64(len(m)))
		last := cell(0)
		for _, c := range slices.Sorted(maps.Keys(m)) {
			out = binary.AppendUvarint(binary.AppendUvarint(out, uint64(c-last)), uint64(m[c]))
			last = c
		}
	}
	data[countersKey] = out
	keys := slices.SortedFunc(maps.Keys(f.known), func(a, b string) int {
		if f.known[a] != f.known[b] {
			return int(f.known[b] - f.known[a])
		}
		return strings.Compare(a, b)
	})
	var lines strings.Builder
	for _, k := range keys[:min(len(keys), maxKnown)] {
		fmt.Fprintf(&lines, "%s %d\n", k, f.known[k])
	}
	if lines.Len() > 0 {
		data[knownKey] = []byte(lines.String())
	}
}

// readFailures reads what write wrote. What cannot be read counts nothing: a person has written there.
func readFailures(data map[string][]byte) (f failures) {
	in := data[countersKey]
	next := func() int {
		n, size := binary.Uvarint(in)
		if size <= 0 || n > 1<<40 {
			in = nil
			return 0
		}
		in = in[size:]
		return int(n)
	}
	f.epoch = int64(next())
	for _, m := range []*map[cell]int{&f.now, &f.before} {
		*m = map[cell]int{}
		at := cell(0)
		for range min(next(), int(cellOfAll)+1) {
			at += cell(next())
			if n := next(); at <= cellOfAll && n > 0 {
				(*m)[at] = min(n, maxCount)
			}
		}
	}
	for line := range strings.Lines(string(data[knownKey])) {
		var hash string
		var d int64
		if _, err := fmt.Sscanf(line, "%s %d", &hash, &d); err == nil && len(f.known) < maxKnown {
			f.learn(hash, time.Unix(d*86400, 0))
		}
	}
	return f
}
