package scale_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// figures are what hawser has used since its start, or between two moments.
type figures struct {
	took     time.Duration
	cpu      time.Duration // of the process and its git children
	requests map[string]int
}

// userHz is the unit of times in /proc, the same on every Linux that Go runs on.
const userHz = 100

func (h *hawser) usage(t testing.TB) figures {
	t.Helper()
	ticks, err := ticksOf(h.cmd.Process.Pid)
	if err != nil {
		t.Skipf("processor time is read from /proc: %v", err)
	}
	f := figures{cpu: time.Duration(ticks) * time.Second / userHz}
	if err := json.Unmarshal(get(t, "http://"+h.meter+"/requests"), &f.requests); err != nil {
		t.Fatal(err)
	}
	return f
}

// ticksOf is the processor time of a process with its children: a git that answers for minutes is counted when it works,
// and not when it ends.
func ticksOf(pid int) (ticks int64, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // the name before it may hold anything
	for _, f := range fields[11:15] {                                         // utime, stime, cutime, cstime (proc_pid_stat(5))
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, list := range lists {
		children, _ := os.ReadFile(list) // its thread may have ended
		for child := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				more, _ := ticksOf(n) // one that has just ended is among ours
				ticks += more
			}
		}
	}
	return ticks, nil
}

func (f figures) since(before figures) figures {
	d := figures{cpu: f.cpu - before.cpu, requests: map[string]int{}}
	for what, n := range f.requests {
		if n -= before.requests[what]; n > 0 {
			d.requests[what] = n
		}
	}
	return d
}

func (f figures) total() (n int) {
	for _, v := range f.requests {
		n += v
	}
	return n
}

// report prints the figures, divided by the number of times that something was done.
func (f figures) report(b *testing.B, times int) {
	b.Helper()
	b.ReportMetric(float64(f.cpu.Milliseconds())/float64(times), "cpu-ms")
	b.ReportMetric(float64(f.total())/float64(times), "requests")
	b.Logf("requests each: %s", f.lines(times))
}

// lines tells the requests by what they were, divided by the number of times that something was done.
func (f figures) lines(times int) string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(f.requests)) {
		lines = append(lines, fmt.Sprintf("%.1f %s", float64(f.requests[what])/float64(times), what))
	}
	return strings.Join(lines, ", ")
}

// memory is the process's resident memory in MiB, peak the most that it has had.
func (h *hawser) memory(t testing.TB) float64 { return h.resident(t, "VmRSS:") }
func (h *hawser) peak(t testing.TB) float64   { return h.resident(t, "VmHWM:") }

// resident reads a line of proc_pid_status(5) in MiB.
func (h *hawser) resident(t testing.TB, line string) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	if err != nil {
		t.Skipf("memory is read from /proc: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), line)
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}

// times are the measurements of one benchmark.
type times []time.Duration

// median is the middle of several measurements.
func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// report prints the middle and the 95th of a hundred, in milliseconds; of few measurements the latter is the slowest.
func (d times) report(b *testing.B, what string) {
	b.Helper()
	slices.Sort(d)
	at := func(p float64) float64 {
		return float64(d[min(len(d)-1, int(p*float64(len(d))))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), what+"-median-ms")
	b.ReportMetric(at(0.95), what+"-p95-ms")
}
