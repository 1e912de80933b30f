package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"
)

// parts are the running components, in the order in which they were started.
type parts struct {
	started []part
	ended   chan error // what a component returned, when it did so without being asked
}

type part struct {
	name string
	stop func(within time.Duration)
}

// run starts a component in the background. One that returns early, with or without an error,
// ends the whole cluster: half a control plane misleads more than none.
func (p *parts) run(name string, component func(context.Context) error) {
	if p.ended == nil {
		p.ended = make(chan error, 16)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := component(ctx)
		if ctx.Err() == nil {
			if err == nil {
				err = fmt.Errorf("it returned without an error")
			}
			p.ended <- fmt.Errorf("%s stopped by itself: %w", name, err)
		}
	}()
	p.add(name, func(within time.Duration) {
		cancel()
		select {
		case <-done:
		case <-time.After(within):
			klog.InfoS("Component does not stop in time, leaving it behind", "component", name)
		}
	})
}

func (p *parts) add(name string, stop func(time.Duration)) {
	p.started = append(p.started, part{name, stop})
}

// stopAll stops the last started first: clients before the API server, that before its database.
func (p *parts) stopAll(within time.Duration) {
	for i := len(p.started) - 1; i >= 0; i-- {
		begin := time.Now()
		p.started[i].stop(within)
		klog.InfoS("Stopped", "component", p.started[i].name, "took", time.Since(begin))
	}
	p.started = nil
}

// untilStopped returns nil when ctx ends, and the reason when a component ends before.
func (p *parts) untilStopped(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.ended:
		return err
	}
}

// errStopped is the answer of wait when somebody asked us to stop meanwhile.
var errStopped = errors.New("stopped before it was ready")

// wait asks check every 50 ms until it answers with no complaint.
func (p *parts) wait(ctx context.Context, what string, check func(context.Context) error) error {
	for {
		complaint := check(ctx)
		if complaint == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case err := <-p.ended:
			return err
		case <-ctx.Done():
			if ctx.Err() == context.Canceled {
				return errStopped
			}
			return fmt.Errorf("%s did not become ready within %v: %w", what, readyWithin, complaint)
		}
	}
}
