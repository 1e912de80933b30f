// Command metered is hawser, with nothing else in it than a meter: what it uses of memory and processor time is what hawser
// uses.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/cli"
	"k8s.io/client-go/tools/metrics"
)

func main() {
	go meter(os.Stderr)
	go func() { // the benchmark holds the other end: this process does not outlive it, however it ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	os.Exit(cli.Main(os.Args[1:], cli.StdIO()))
}

// meter serves, from within the hawser process, how many requests it has made to API servers, and its profiles.
func meter(out io.Writer) {
	var c requests
	metrics.RequestLatency = &c // client-go tells it of every request, with names and values left out
	mux := http.NewServeMux()
	mux.HandleFunc("/requests", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = json.NewEncoder(w).Encode(c.count)
	})
	var cpu bytes.Buffer
	mux.HandleFunc("/cpu/start", func(w http.ResponseWriter, _ *http.Request) {
		cpu.Reset()
		if err := pprof.StartCPUProfile(&cpu); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	mux.HandleFunc("/cpu/stop", func(w http.ResponseWriter, _ *http.Request) {
		pprof.StopCPUProfile()
		_, _ = w.Write(cpu.Bytes())
	})
	mux.HandleFunc("/heap", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		_ = pprof.Lookup("heap").WriteTo(w, 0)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(out, "meter %s\n", l.Addr())
	_ = http.Serve(l, mux) // until the process ends
}

// requests counts by verb, resource and whether it was a dry run.
type requests struct {
	mu    sync.Mutex
	count map[string]int
}

// Observe implements metrics.LatencyMetric.
func (c *requests) Observe(_ context.Context, verb string, u url.URL, _ time.Duration) {
	what := ""
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment != "" && !strings.ContainsAny(segment, "{%") {
			what = segment
		}
	}
	query := u.Query()
	switch {
	case query.Has("dryRun"):
		what += " (dry run)"
	case query.Has("watch"):
		verb = "WATCH"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[verb+" "+what]++
}
