package cluster

import "testing"

// There are never more pins than objects: one that goes, by itself or with its kind, is pinned no more; one that is pinned
// twice counts once.
func TestPinsEndWithTheirObjects(t *testing.T) {
	x := newIndex(newOutbox())
	x.pins = &pins{}
	s := testStream(podKind)
	a, b := testEntry(podKind, "a", 1, 1, ""), testEntry(podKind, "b", 1, 2, "")
	x.replace(s, []*entry{a, b}, "2")
	for range 2 {
		x.pins.add(a.key)
		x.pins.add(b.key)
	}
	x.put(s, testEntry(podKind, "a", 1, 3, ""))
	if n := x.pins.count.Load(); n != 2 || !x.pins.has(a.key) || !x.pins.has(b.key) {
		t.Fatalf("%d pins, of two objects that were pinned and have changed", n)
	}
	x.remove(s, testEntry(podKind, "a", 1, 4, ""))
	if n := x.pins.count.Load(); n != 1 || x.pins.has(a.key) {
		t.Errorf("%d pins, and one object is left", n)
	}
	x.drop(s.scope)
	if n := x.pins.count.Load(); n != 0 {
		t.Errorf("%d pins, and nothing is watched", n)
	}
}
