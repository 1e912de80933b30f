package reconcile

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// slowAfter is how long a look takes before where it goes counts as slow.
const slowAfter = time.Second

// line is who waits in a lane: each place (a cluster) has its own, and they take turns. A thousand applications of one
// cluster delay the one of another by one look.
type line struct {
	turns []string // places where somebody waits, in the order of their turns
	at    map[string][]types.NamespacedName
}

func (l *line) add(place string, name types.NamespacedName) {
	if l.at == nil {
		l.at = map[string][]types.NamespacedName{}
	}
	if len(l.at[place]) == 0 {
		l.turns = append(l.turns, place)
	}
	l.at[place] = append(l.at[place], name)
}

// take removes the first of the next place that is free.
func (l *line) take(free func(place string) bool) (place string, name types.NamespacedName, ok bool) {
	i := slices.IndexFunc(l.turns, free)
	if i < 0 {
		return "", name, false
	}
	place = l.turns[i]
	l.turns = slices.Delete(l.turns, i, i+1)
	name, l.at[place] = l.at[place][0], l.at[place][1:]
	if len(l.at[place]) > 0 {
		l.turns = append(l.turns, place)
	} else {
		delete(l.at, place)
	}
	return place, name, true
}

// berths is where the looks of the moment go. Looks at a cluster that is slow to answer, or has just fallen silent, take
// long and would have all workers wait for it; some are always left to the clusters that are not.
type berths struct {
	place  func(types.NamespacedName) string // the cluster of an application
	most   int                               // workers at slow places, all together; 0: as many as there are
	seen   map[string]bool                   // places that anybody ever went to
	placed map[types.NamespacedName]string
	begun  map[string]map[types.NamespacedName]time.Time
}

func newBerths() berths {
	return berths{
		place: func(types.NamespacedName) string { return "" },
		seen:  map[string]bool{}, placed: map[types.NamespacedName]string{}, begun: map[string]map[types.NamespacedName]time.Time{},
	}
}

func (b *berths) known(place string) { b.seen[place] = true }

func (b *berths) land(place string, name types.NamespacedName, now time.Time) {
	b.placed[name] = place
	if b.begun[place] == nil {
		b.begun[place] = map[types.NamespacedName]time.Time{}
	}
	b.begun[place][name] = now
}

func (b *berths) leave(name types.NamespacedName) {
	place := b.placed[name]
	delete(b.placed, name)
	if delete(b.begun[place], name); len(b.begun[place]) == 0 {
		delete(b.begun, place)
	}
}

// free reports whether another look may go to the place.
func (b *berths) free(place string, now time.Time) bool {
	if b.most == 0 || len(b.seen) < 2 || !b.slow(place, now) { // without others, nobody is to be spared
		return true
	}
	busy := 0
	for p, looks := range b.begun {
		if b.slow(p, now) {
			busy += len(looks)
		}
	}
	return busy < b.most
}

func (b *berths) slow(place string, now time.Time) bool {
	for _, began := range b.begun[place] {
		if now.Sub(began) > slowAfter {
			return true
		}
	}
	return false
}
