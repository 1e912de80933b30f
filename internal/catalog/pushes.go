package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/webhook"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// A delivery of a webhook reaches one replica, and concerns those that own what reads the repository. Replicas that share
// the work tell each other in annotations of one Lease, each in its own: it is watched as the others are. A hint that is
// lost costs the time until the next poll.

// pushesLease is the name of that Lease.
const pushesLease = "hawser-pushes"

// Bounds of what is told.
const (
	pushesKept   = 16
	pushesAge    = time.Minute
	pushesApart  = 100 * time.Millisecond // between two writes
	maxPushBytes = 4 << 10                // of one; the paths are left out of a larger one
	pushesPrefix = "pushed.hawser.dev/"   // and who tells
)

// toldPush is a push with its number among those of who tells it.
type toldPush struct {
	Number int64
	At     time.Time
	Push   webhook.Push
}

// pushes is what this replica tells and has heard.
type pushes struct {
	me   string
	wake chan struct{}

	mu    sync.Mutex
	told  []toldPush
	last  int64
	heard map[string]int64 // the last number, by who told it
	on    func(webhook.Push)
}

func newPushes() *pushes {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	return &pushes{me: pushesPrefix + hex.EncodeToString(id), wake: make(chan struct{}, 1), heard: map[string]int64{}}
}

// OnPush has f told of what other replicas hear of, from now on. f must not block.
func (c *Catalog) OnPush(f func(webhook.Push)) {
	p := c.roll.pushes
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = f
	if l, ok := c.roll.get(pushesLease); ok { // what was told before is seen by the first looks
		p.hear(l.Lease, true)
	}
}

// Spread tells the other replicas of a push. It returns at once.
func (c *Catalog) Spread(push webhook.Push) {
	if data, err := json.Marshal(push); err != nil || len(data) > maxPushBytes {
		push.Changed, push.ChangedComplete = nil, false
	}
	p, now := c.roll.pushes, time.Now()
	p.mu.Lock()
	p.last++
	p.told = append(p.told, toldPush{p.last, now, push})
	p.told = p.told[max(0, len(p.told)-pushesKept):]
	for len(p.told) > 0 && now.Sub(p.told[0].At) > pushesAge {
		p.told = p.told[1:]
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// tellPushes writes what is to be told until ctx ends.
func (c *Catalog) tellPushes(ctx context.Context, client coordination.LeaseInterface) {
	p := c.roll.pushes
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		told, err := json.Marshal(p.told)
		p.mu.Unlock()
		if err == nil {
			err = p.write(ctx, c, client, string(told))
		}
		if err != nil && ctx.Err() == nil {
			c.log.Warn("other replicas cannot be told of a push; they poll", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pushesApart):
		}
	}
}

func (p *pushes) write(ctx context.Context, c *Catalog, client coordination.LeaseInterface, told string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	annotations := map[string]any{p.me: told}
	if l, ok := c.roll.get(pushesLease); ok { // who has told nothing for long is gone
		for key, text := range l.Annotations {
			if list := parsePushes(text); strings.HasPrefix(key, pushesPrefix) && key != p.me && (len(list) == 0 || time.Since(list[len(list)-1].At) > 10*pushesAge) {
				annotations[key] = nil
			}
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, pushesLease, types.MergePatchType, patch, metav1.PatchOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	_, err = client.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: pushesLease, Namespace: c.options.Namespace, Labels: map[string]string{labelLease: "pushes"}, Annotations: map[string]string{p.me: told},
	}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = client.Patch(ctx, pushesLease, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	return err
}

func parsePushes(text string) (list []toldPush) {
	if len(text) > 2*pushesKept*maxPushBytes || json.Unmarshal([]byte(text), &list) != nil {
		return nil
	}
	return list
}

// take tells of what is new in a version of the Lease.
func (p *pushes) take(l *coordinationv1.Lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on != nil {
		p.hear(l, false)
	}
}

// hear notes what was told, and passes it on unless it is old. p.mu is held.
func (p *pushes) hear(l *coordinationv1.Lease, old bool) {
	for key, text := range l.Annotations {
		if !strings.HasPrefix(key, pushesPrefix) || key == p.me {
			continue
		}
		for _, t := range parsePushes(text) {
			if t.Number > p.heard[key] {
				p.heard[key] = t.Number
				if !old {
					p.on(t.Push)
				}
			}
		}
	}
}
