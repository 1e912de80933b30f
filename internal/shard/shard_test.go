package shard

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func units(n int) []Unit {
	list := []Unit{Sets}
	for i := 1; i < n; i++ {
		list = append(list, Unit{Server: fmt.Sprintf("https://cluster-%d", i/2), Slice: i % 2})
	}
	return list
}

func replicas(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("hawser-%d-a%d", i, i*7))
	}
	return list
}

// Everything is assigned, nobody has too much, all agree in whatever order they know things, and one replica more or
// less moves little beyond its own.
func TestAssign(t *testing.T) {
	for range 300 {
		us, rs := units(1+rand.IntN(200)), replicas(1+rand.IntN(9))
		got := Assign(us, rs)
		most, load := (5*len(us)+4*len(rs)-1)/(4*len(rs)), map[string]int{}
		for _, u := range us {
			load[got[u]]++
		}
		for r, n := range load {
			if r == "" || n > most {
				t.Fatalf("%d units, %d replicas: %q has %d", len(us), len(rs), r, n)
			}
		}
		rand.Shuffle(len(us), func(i, j int) { us[i], us[j] = us[j], us[i] })
		rand.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		if d := cmp.Diff(got, Assign(us, rs)); d != "" {
			t.Fatal("another order, another answer:", d)
		}
		if len(rs) == 1 {
			continue
		}
		lost := rs[0]
		fewer := Assign(us, rs[1:])
		moved := 0
		for _, u := range us {
			if got[u] != lost && fewer[u] != got[u] {
				moved++
			}
		}
		if moved > len(us)/3+2 {
			t.Errorf("%d units, %d replicas: when %s with %d goes, %d others move", len(us), len(rs), lost, load[lost], moved)
		}
	}
	if Assign(units(3), nil) != nil {
		t.Error("assigned to nobody")
	}
}

func TestSliceOf(t *testing.T) {
	counts := map[int]int{}
	for i := range 3000 {
		counts[SliceOf("argocd", fmt.Sprintf("app-%d", i), 3)]++
	}
	for s := range 3 {
		if counts[s] < 900 || counts[s] > 1100 {
			t.Errorf("slice %d has %d of 3000", s, counts[s])
		}
	}
	if SliceOf("argocd", "web", 1) != 0 || SliceOf("argocd", "web", 0) != 0 {
		t.Error("one slice is slice 0")
	}
	if got := SliceOf("argocd", "guestbook", 1000); got != 792 { // a change of it would have two replicas write at an update
		t.Errorf("the hash is not what it was: %d", got)
	}
}

// From whatever state, with replicas coming and going, decisions that are carried out one by one bring every unit to
// its assigned owner, and no unit is ever taken from a living owner.
func TestDecideConverges(t *testing.T) {
	for range 200 {
		us, all := units(2+rand.IntN(40)), replicas(1+rand.IntN(6))
		live := all[:1+rand.IntN(len(all))]
		owners := map[Unit]string{}
		for _, u := range us {
			if n := rand.IntN(len(all) + 1); n < len(all) {
				owners[u] = all[n]
			} else {
				owners[u] = ""
			}
		}
		over := func(r string) bool {
			for _, l := range live {
				if l == r {
					return false
				}
			}
			return true
		}
		for range 3 {
			for _, me := range live {
				m := Decide(Facts{Me: me, Live: live, Owners: owners, Over: over})
				for _, u := range m.Take {
					if o := owners[u]; o != "" && !over(o) {
						t.Fatalf("%s takes %s from %s, who lives", me, u, o)
					}
					owners[u] = me
				}
				for u, to := range m.Give {
					if owners[u] != me || over(to) {
						t.Fatalf("%s gives %s of %s to %s", me, u, owners[u], to)
					}
					owners[u] = to
				}
			}
		}
		if d := cmp.Diff(Assign(us, live), owners); d != "" {
			t.Fatal(d)
		}
	}
}

func TestDecideOfSlicesThatChange(t *testing.T) {
	a, b := Unit{Server: "https://one"}, Unit{Server: "https://one", Slice: 1}
	f := Facts{Live: []string{"x", "y"}, Owners: map[Unit]string{a: "x", b: "y"}, Over: func(r string) bool { return r == "z" }, Whole: map[string]bool{"https://one": true}}
	f.Me = "y"
	if d := cmp.Diff(Moves{Give: map[Unit]string{b: "x"}}, Decide(f)); d != "" {
		t.Error(d)
	}
	f.Me = "x"
	if d := cmp.Diff(Moves{Give: map[Unit]string{}}, Decide(f)); d != "" {
		t.Error("the owner of the first slice keeps it:", d)
	}
	f.Owners[b] = "z"
	if d := cmp.Diff(Moves{Take: []Unit{b}, Give: map[Unit]string{}}, Decide(f)); d != "" {
		t.Error(d)
	}
	f.Me, f.Whole, f.Late = "y", nil, map[Unit]bool{b: true}
	if got := Decide(f).Take; len(got) != 1 || got[0] != b {
		t.Errorf("nobody takes what is late: %v", got)
	}
}
