package git

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The amounts at which a mirror is tidied: git opens every pack and stats loose objects one by one.
const (
	manyPacks   = 24
	manyLoose   = 1500
	tidyTimeout = 10 * time.Minute
	maxYields   = 3 // then the tidying is let through: a busy repository needs it most
)

// housekeeping is the background work on one mirror. A fetch that arrives interrupts it.
type housekeeping struct {
	mu     sync.Mutex
	cancel context.CancelFunc // of the run at work
	yields int
}

// yield cancels a run at work, unless that was done too often.
func (h *housekeeping) yield() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cancel != nil && h.yields < maxYields {
		h.yields++
		h.cancel()
		h.cancel = nil
	}
}

// tidyLater starts housekeeping when the mirror has grown untidy. Its cost follows what came in lately, not the size
// of the repository (a geometric repack). Nothing is ever dropped: old commits stay readable for rollbacks.
func (x *mirror) tidyLater() {
	if !untidy(x.dir) {
		return
	}
	x.m.working.Add(1)
	go func() {
		defer x.m.working.Done()
		select {
		case x.m.tidying <- struct{}{}: // before the mirror, which a fetch may want meanwhile
		case <-x.m.ctx.Done():
			return
		}
		defer func() { <-x.m.tidying }()
		select {
		case x.work <- struct{}{}:
		case <-x.m.ctx.Done():
			return
		}
		defer func() { <-x.work }()
		if !untidy(x.dir) { // a run before this one did it
			return
		}
		ctx, cancel := context.WithTimeout(x.m.ctx, tidyTimeout)
		defer cancel()
		x.keeper.mu.Lock()
		x.keeper.cancel = cancel
		x.keeper.mu.Unlock()
		err := x.tidy(ctx)
		x.keeper.mu.Lock()
		x.keeper.cancel = nil
		if err == nil {
			x.keeper.yields = 0
		}
		x.keeper.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			x.m.options.Log.Warn("tidying a Git mirror failed", "repo", x.url, "error", err)
		}
	}()
}

func (x *mirror) tidy(ctx context.Context) error {
	for _, args := range [][]string{
		{"pack-refs", "--all", "--prune"},
		{"repack", "-d", "-q", "-l", "--geometric=2"},
		{"prune-packed", "--quiet"},
	} {
		if _, err := x.m.git(ctx, command{dir: x.dir, args: args}); err != nil {
			x.unlock()
			return err
		}
	}
	return nil
}

// untidy reports whether a repository has many packs or loose objects; the latter are counted in one of 256 folders.
func untidy(dir string) bool {
	packs, _ := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	loose, _ := os.ReadDir(filepath.Join(dir, "objects/17"))
	return len(packs) > manyPacks || len(loose)*256 > manyLoose
}
