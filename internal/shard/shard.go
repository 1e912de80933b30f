// Package shard decides which replica reconciles what.
//
// The idea: the work is cut into units, a cluster each, or a slice of a cluster's applications; Assign says who should
// own which unit, and is the same for all who know the same replicas; Decide compares that with who owns it now, and says
// what one replica has to do about it. Read Decide first. The package refuses to know what a Lease is, to wait, and to
// read the clock: package catalog takes, gives and watches.
package shard

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// Unit is what has one owner: a slice of the applications of one cluster. The zero value is Sets.
type Unit struct {
	Server string // address of the cluster's API server
	Slice  int    // from 0
}

// Sets is what one replica does for all: ApplicationSets, agents, and applications whose cluster is not known.
var Sets = Unit{}

// String is what logs and people call the unit: the cluster's address, with the number of the slice (from 1) unless it
// is the first.
func (u Unit) String() string {
	switch {
	case u == Sets:
		return "sets"
	case u.Slice == 0:
		return u.Server
	}
	return fmt.Sprintf("%s slice %d", u.Server, u.Slice+1)
}

// Compare orders units by server and slice.
func (u Unit) Compare(o Unit) int {
	return cmp.Or(cmp.Compare(u.Server, o.Server), cmp.Compare(u.Slice, o.Slice))
}

// MaxSlices bounds into how many slices a cluster can be cut.
const MaxSlices = 64

// SliceOf is the slice, of so many, that an application belongs to. It depends on nothing else, so that all replicas of
// all versions agree.
func SliceOf(namespace, name string, of int) int {
	if of <= 1 {
		return 0
	}
	return int(score(namespace, name) % uint64(of)) //nolint:gosec // below of
}

// score is a number that looks random and is always the same.
func score(a, b string) uint64 {
	sum := sha256.Sum256([]byte(a + "\x00" + b))
	return binary.BigEndian.Uint64(sum[:])
}

// Assign says which replica should own each unit. Every replica scores every unit (rendezvous hashing), the highest
// scores choose first, and nobody is given more than an even share and a quarter, rounded up. A replica more or less
// moves little beside what goes to it or was its own. Without replicas nobody is assigned.
func Assign(units []Unit, replicas []string) map[Unit]string {
	if len(replicas) == 0 {
		return nil
	}
	type wish struct {
		score   uint64
		unit    Unit
		replica string
	}
	wishes := make([]wish, 0, len(units)*len(replicas))
	for _, u := range units {
		key := fmt.Sprint(u.Server, "\n", u.Slice)
		for _, r := range replicas {
			wishes = append(wishes, wish{score(key, r), u, r})
		}
	}
	slices.SortFunc(wishes, func(a, b wish) int {
		return cmp.Or(cmp.Compare(b.score, a.score), a.unit.Compare(b.unit), cmp.Compare(a.replica, b.replica))
	})
	most := (5*len(units) + 4*len(replicas) - 1) / (4 * len(replicas))
	to, load := make(map[Unit]string, len(units)), map[string]int{}
	for _, w := range wishes {
		if _, done := to[w.unit]; !done && load[w.replica] < most {
			to[w.unit] = w.replica
			load[w.replica]++
		}
	}
	return to
}

// Facts are what one replica knows when it decides.
type Facts struct {
	Me     string
	Live   []string                  // replicas whose turn goes on, Me among them
	Owners map[Unit]string           // every unit there is, and who owns it; "" when nobody does
	Over   func(replica string) bool // whether the turn of an owner is over for ever
	// Whole are clusters whose number of slices is to change: all of their slices have to come into one hand, that of the
	// first one's owner.
	Whole map[string]bool
	Late  map[Unit]bool // nobody has owned them for so long that whoever should take them does not: anybody may
}

// Moves are what a replica has to do.
type Moves struct {
	Take []Unit
	Give map[Unit]string // to whom
}

// Decide says what a replica has to do so that every unit comes to whom it is assigned.
func Decide(f Facts) Moves {
	units := make([]Unit, 0, len(f.Owners))
	for u := range f.Owners {
		units = append(units, u)
	}
	slices.SortFunc(units, Unit.Compare)
	want := Assign(units, f.Live)
	moves := Moves{Give: map[Unit]string{}}
	for _, u := range units {
		owner, to := f.Owners[u], want[u]
		if f.Whole[u.Server] {
			first := Unit{Server: u.Server}
			if to = want[first]; slices.Contains(f.Live, f.Owners[first]) {
				to = f.Owners[first]
			}
		}
		switch {
		case owner == f.Me:
			if to != "" && to != f.Me {
				moves.Give[u] = to
			}
		case owner == "" || f.Over(owner):
			if to == f.Me || f.Late[u] {
				moves.Take = append(moves.Take, u)
			}
		}
	}
	return moves
}
