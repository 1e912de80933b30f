package daemon

import (
	"errors"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// ofTheLimit is the share of the container's memory that the Go heap may fill before the collector works harder; the
	// rest is for git, the code and stacks.
	ofTheLimit = 0.8
	// garbage is how much garbage, in percent of what is in use, there may be before it is collected. Hawser is at rest most of
	// the time, and processor time is what it has plenty of: less than half of Go's default saves a third of the memory.
	garbage = 40
)

// thrift has the process live within the memory that its container has. GOGC and GOMEMLIMIT, where they are set, count.
func thrift(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	limit, err := memlimit.SetGoMemLimitWithOpts(memlimit.WithRatio(ofTheLimit), memlimit.WithLogger(slog.New(slog.DiscardHandler)))
	switch {
	case errors.Is(err, memlimit.ErrNoLimit), errors.Is(err, memlimit.ErrCgroupsNotSupported), errors.Is(err, memlimit.ErrNoCgroup):
	case err != nil:
		log.Debug("the container's memory limit cannot be read", "error", err)
	case limit > 0:
		log.Info("the heap is kept within the container's memory", "limit", limit)
	}
}
