package cluster

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
)

// told collects what an outbox delivers. Its first event is held until go is closed.
type told struct {
	mu     sync.Mutex
	events []Event
	kinds  [][]schema.GroupKind
	begun  chan struct{}
	free   chan struct{}
	once   sync.Once
}

func (d *told) event(e Event) {
	d.once.Do(func() {
		close(d.begun)
		<-d.free
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *told) kind(kinds []schema.GroupKind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kinds = append(d.kinds, kinds)
}

// A callback that blocks makes nothing grow, and loses nothing: of 100,000 changes of 100 objects it hears of every
// object once, as it is at the end, the deleted ones as deleted, with all applications that they ever belonged to.
func TestOutboxOfASlowCallback(t *testing.T) {
	o, d := newOutbox(), &told{begun: make(chan struct{}), free: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { o.run(ctx, d.event, d.kind) })
	o.start()
	o.add(change{key: object.Key{Kind: "Pod", Name: "plug"}, new: testEntry(podKind, "plug", 1, 1, "")})
	<-d.begun

	const objects, changes = 100, 100_000
	last := make([]*entry, objects)
	push := func(i, rv int) {
		name := "o" + strconv.Itoa(i)
		e := testEntry(podKind, name, 1, rv, "app"+strconv.Itoa(rv/(changes/2))) // each moves from app0 to app1
		o.add(change{key: e.key, lineage: lineage{instances: []string{e.instance}, root: e.key}, old: last[i], new: e})
		o.tell(schema.GroupKind{Kind: "K" + strconv.Itoa(rv%7)})
		last[i] = e
	}
	for n := range changes / 2 {
		push(n%objects, n)
	}
	before := heap()
	for n := changes / 2; n < changes; n++ {
		push(n%objects, n)
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("%d further changes of the same objects take %d bytes", changes/2, grown)
	}
	for i := range objects / 4 { // a quarter goes
		o.add(change{key: last[i].key, lineage: lineage{instances: []string{last[i].instance}, root: last[i].key}, old: last[i]})
	}
	if waiting, since, joined := o.use(); waiting != objects || since.IsZero() || joined != changes-objects+objects/4 {
		t.Fatalf("%d wait since %v, %d joined them", waiting, since, joined)
	}

	close(d.free)
	o.add(change{key: object.Key{Kind: "Pod", Name: "end"}, new: testEntry(podKind, "end", 1, 1, "")})
	for { // the last to come is told last
		d.mu.Lock()
		n := len(d.events)
		d.mu.Unlock()
		if n == objects+2 {
			break
		}
		runtime.Gosched()
	}
	stop()
	running.Wait()
	if name := d.events[objects+1].Key.Name; name != "end" {
		t.Errorf("last came %s", name)
	}
	for i, e := range d.events[1 : objects+1] {
		if e.Key.Name != "o"+strconv.Itoa(i) {
			t.Fatalf("event %d is of %s: who waited longest comes first", i, e.Key.Name)
		}
		if diff := cmp.Diff([]string{"app1", "app0"}, e.Instances); diff != "" {
			t.Errorf("%s: %s", e.Key.Name, diff)
		}
		switch deleted := i < objects/4; {
		case deleted && (e.New != nil || e.Old == nil || e.Old.GetResourceVersion() != last[i].rv):
			t.Errorf("%s: its deletion is not told: %v %v", e.Key.Name, e.Old, e.New)
		case !deleted && (e.New == nil || e.New.GetResourceVersion() != last[i].rv):
			t.Errorf("%s: its last state is not told: %v", e.Key.Name, e.New)
		}
	}
	var kinds []string
	for _, call := range d.kinds {
		for _, gk := range call {
			kinds = append(kinds, gk.Kind)
		}
	}
	if diff := cmp.Diff([]string{"K0", "K1", "K2", "K3", "K4", "K5", "K6"}, kinds); diff != "" {
		t.Error(diff)
	}
	if waiting, since, _ := o.use(); waiting != 0 || !since.IsZero() {
		t.Errorf("%d still wait since %v", waiting, since)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Whatever comes, and whenever somebody takes, who follows the events ends where the objects are; an object that was ever
// known and is gone was told as gone; none waits twice; and an event about all kinds is never swallowed.
func TestOutboxEndsWhereTheObjectsAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOutbox()
		o.start()
		now, known := map[object.Key]*entry{}, map[object.Key]*entry{}
		lives, owed, all := map[string]int{}, map[object.Key]bool{}, false
		take := func() bool {
			n, c := o.take()
			if n != nil && n.any {
				all = false
			}
			if c == nil {
				return n != nil
			}
			if c.new == nil && c.old == nil {
				t.Fatalf("the event of %v says nothing", c.key)
			}
			delete(owed, c.key)
			if c.new == nil {
				delete(known, c.key)
			} else {
				known[c.key] = c.new
			}
			return true
		}
		for rv := range rapid.IntRange(1, 60).Draw(t, "length") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			key := object.Key{Kind: "Pod", Namespace: "ns", Name: name}
			old := now[key]
			switch rapid.SampledFrom([]string{"change", "change", "delete", "take", "news"}).Draw(t, "act") {
			case "take":
				take()
			case "news":
				o.tell()
				all = true
			case "delete":
				if old != nil {
					o.add(change{key: key, old: old})
					owed[key] = true
					delete(now, key)
				}
			case "change":
				if old == nil {
					lives[name]++
				}
				now[key] = testEntry(podKind, name, lives[name], rv, "")
				o.add(change{key: key, old: old, new: now[key]})
				owed[key] = true
			}
			if waiting, _, _ := o.use(); waiting != len(owed) {
				t.Fatalf("%d wait, of %d objects", waiting, len(owed))
			}
		}
		for take() {
		}
		if all || len(owed) > 0 {
			t.Fatalf("not told of: %v, all %v", owed, all)
		}
		if len(known) != len(now) {
			t.Fatalf("known are %v, there are %v", known, now)
		}
		for key, e := range now {
			if known[key] != e {
				t.Fatalf("%v is known as %v, and is %v", key, known[key], e)
			}
		}
	})
}
