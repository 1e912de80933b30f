package server

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/catalog"
)

// following sends what next tells, one by one, to a caller for as long as they may have it. Who they are and what they
// may see is asked again after every so long, between two things that are sent: a reader who is slow, or a source that
// never runs dry, must not put that off. filter makes what is wanted of what the caller may see now.
func following[T metav1.Object](c *call, every time.Duration, next func(context.Context) ([]catalog.WatchEvent[T], error), filter func() (func(T) bool, error), send func(catalog.WatchEvent[T]) error) error {
	wants, err := filter()
	if err != nil {
		return err
	}
	var waiting []catalog.WatchEvent[T]
	for due := time.Now().Add(every); ; {
		if !time.Now().Before(due) {
			c.renew()
			if err := c.mustBeSomebody(); err != nil {
				return err
			}
			if wants, err = filter(); err != nil {
				return err
			}
			due = time.Now().Add(every)
		}
		if len(waiting) == 0 {
			ctx, cancel := context.WithDeadline(c, due)
			waiting, err = next(ctx)
			cancel()
			if err != nil && (c.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
				return err
			}
			continue
		}
		e := waiting[0]
		waiting = waiting[1:]
		if e.Err == nil && wants(e.Object) {
			if err := send(e); err != nil {
				return err
			}
		}
	}
}
