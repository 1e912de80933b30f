package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

var podKind = Kind{GVK: schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, Namespaced: true, Watchable: true}

func testStream(k Kind) *stream { return &stream{scope: scope{gk: k.gk()}, kind: k, whole: true} }

// testEntry is a version of the object called name; its UID is its name and a generation.
func testEntry(k Kind, name string, incarnation, rv int, instance string, owners ...string) *entry {
	e := &entry{key: object.Key{Group: k.GVK.Group, Kind: k.GVK.Kind, Namespace: "ns", Name: name}, version: k.GVK.Version,
		uid: types.UID(name + "#" + strconv.Itoa(incarnation)), rv: strconv.Itoa(rv), instance: instance, whole: instance != ""}
	for _, o := range owners {
		e.owners = append(e.owners, metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: o, UID: types.UID(o + "#1")})
	}
	o := &object.Object{Object: map[string]any{}}
	o.SetGroupVersionKind(k.GVK)
	o.SetName(name)
	o.SetNamespace("ns")
	o.SetResourceVersion(e.rv)
	e.full = o
	return e
}

// A server with a history, seen by a watch that replays it, by lists taken at any time and by answers to writes that
// arrive late. Whatever the order, the index ends where the server is, it never goes back in time for an object, and its
// ways (by instance, owner, UID) agree with its objects.
func TestIndexEndsWhereTheServerIs(t *testing.T) {
	for range 20 { // a hundred histories at a time: the rarest orders need some hundreds to turn up
		rapid.Check(t, checkHistory)
	}
}

func checkHistory(t *rapid.T) {
	type event struct {
		e       *entry
		deleted bool
	}
	names := []string{"a", "b", "c", "d"}
	var history []event
	now := map[string]*entry{}
	ended := map[types.UID]bool{}
	snapshots := []map[string]*entry{{}} // by resource version, which is the index into history plus one
	lives := map[string]int{}
	length := rapid.IntRange(1, 40).Draw(t, "length")
	for rv := 1; rv <= length; rv++ {
		name := rapid.SampledFrom(names).Draw(t, "name")
		if now[name] != nil && rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			gone := testEntry(podKind, name, lives[name], rv, now[name].instance)
			delete(now, name)
			ended[gone.uid] = true
			history = append(history, event{gone, true})
		} else {
			if now[name] == nil {
				lives[name]++
			}
			owners := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID[string]).Draw(t, "owners")
			now[name] = testEntry(podKind, name, lives[name], rv, rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "instance"), owners...)
			history = append(history, event{now[name], false})
		}
		snapshot := map[string]*entry{}
		for n, e := range now {
			snapshot[n] = e
		}
		snapshots = append(snapshots, snapshot)
	}

	x := newIndex(newOutbox())
	x.out.open = true
	s := testStream(podKind)
	list := func(at int) {
		var entries []*entry
		for _, e := range snapshots[at] {
			entries = append(entries, e)
		}
		x.replace(s, entries, strconv.Itoa(at))
	}
	at := rapid.IntRange(0, len(history)).Draw(t, "first list")
	list(at)
	for late := rapid.IntRange(0, 5).Draw(t, "late answers"); at < len(history) || late > 0; {
		if at == len(history) {
			late--
		}
		switch rapid.IntRange(0, 5).Draw(t, "what happens") {
		case 0: // the answer to a write: of any version, however late
			if ev := history[rapid.IntRange(0, len(history)-1).Draw(t, "answer")]; !ev.deleted {
				x.feed(ev.e)
			}
		case 1: // the watch breaks and is begun anew with a list, by another stream perhaps
			if rapid.Bool().Draw(t, "another stream") {
				s = testStream(podKind)
			}
			at = rapid.IntRange(at, len(history)).Draw(t, "list")
			list(at)
		default:
			if at == len(history) {
				continue
			}
			if ev := history[at]; ev.deleted {
				x.remove(s, ev.e)
			} else {
				x.put(s, ev.e)
			}
			at++
		}
		checkWays(t, x)
	}
	got, want := map[string]string{}, map[string]string{}
	for n, node := range x.kinds[podKind.gk()] {
		got[n.name] = node.cur.rv
	}
	for n, e := range now {
		want[n] = e.rv
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("server and index: %s", diff)
	}
	last := map[object.Key]*entry{}
	for _, c := range x.out.queue {
		if before := last[c.key]; before != c.old {
			t.Fatalf("%s: event from %v, the one before led to %v", c.key, c.old, before)
		}
		if c.old != nil && c.new != nil && newer(c.old.rv, c.new.rv) {
			t.Fatalf("%s went back from %s to %s", c.key, c.old.rv, c.new.rv)
		}
		if c.new == nil && !ended[c.old.uid] {
			t.Fatalf("%s was taken for deleted, and never was", c.old.uid)
		}
		last[c.key] = c.new
	}
}

func checkWays(t *rapid.T, x *index) {
	owned, marked := 0, 0
	for _, nodes := range x.kinds {
		for _, n := range nodes {
			if n.cur.instance != "" {
				marked++
				if x.byInstance[n.cur.instance][n.cur.key] != n {
					t.Fatalf("%s is not among the objects of %s", n.cur.key, n.cur.instance)
				}
			}
			if x.byUID[n.cur.uid] != n {
				t.Fatalf("%s is not found by its UID", n.cur.key)
			}
			for _, o := range n.cur.owners {
				owned++
				if _, ok := x.children[o.UID][n]; !ok {
					t.Fatalf("%s is not among the children of %s", n.cur.key, o.UID)
				}
			}
		}
	}
	for _, nodes := range x.byInstance {
		marked -= len(nodes)
	}
	for _, nodes := range x.children {
		owned -= len(nodes)
	}
	if owned != 0 || marked != 0 {
		t.Fatalf("left over: %d ways by owner, %d by instance", -owned, -marked)
	}
}

func TestForgedOwnersLeadNowhere(t *testing.T) {
	x := newIndex(newOutbox())
	s := testStream(podKind)
	root := testEntry(podKind, "root", 1, 1, "app")
	honest := testEntry(podKind, "honest", 1, 2, "", "root")
	wrongName := testEntry(podKind, "wrong-name", 1, 3, "", "root")
	wrongName.owners[0].Name = "other"
	wrongKind := testEntry(podKind, "wrong-kind", 1, 4, "", "root")
	wrongKind.owners[0].Kind = "Secret"
	elsewhere := testEntry(podKind, "elsewhere", 1, 5, "", "root")
	elsewhere.key.Namespace = "other"
	self := testEntry(podKind, "self", 1, 6, "", "self")
	x.replace(s, []*entry{root, honest, wrongName, wrongKind, elsewhere, self}, "6")
	var below []string
	for _, e := range x.below(root.key, maxDepth) {
		below = append(below, e.key.Name)
	}
	if !slices.Equal(below, []string{"honest"}) {
		t.Errorf("below the root: %v", below)
	}
	for _, e := range []*entry{wrongName, wrongKind, elsewhere, self} {
		if l := x.climb(x.node(e.key)); len(l.instances) > 0 {
			t.Errorf("%s belongs to %v", e.key.Name, l.instances)
		}
	}
}

func TestRetiredStreamIsNotHeard(t *testing.T) {
	x := newIndex(newOutbox())
	old, now := testStream(podKind), testStream(podKind)
	a := testEntry(podKind, "a", 1, 1, "app")
	x.replace(old, []*entry{a}, "1")
	x.replace(now, []*entry{testEntry(podKind, "a", 1, 5, "app")}, "5")
	x.put(old, testEntry(podKind, "a", 1, 6, "app"))
	x.remove(old, testEntry(podKind, "a", 1, 7, "app"))
	if e := x.get(a.key); e == nil || e.rv != "5" {
		t.Errorf("the old watch was heard: %v", e)
	}
	x.retire(now)
	x.drop(now.scope)
	x.replace(now, []*entry{a}, "9")
	x.feed(testEntry(podKind, "a", 1, 10, "app"))
	if e := x.get(a.key); e != nil || len(x.byInstance)+len(x.byUID)+len(x.children) > 0 {
		t.Errorf("a scope that nobody watches holds %v", e)
	}
}

// 20,000 pods of 2,000 applications, ten under each Deployment.
func benchIndex() (*index, *stream) {
	x := newIndex(newOutbox())
	s := testStream(podKind)
	var list []*entry
	for i := range 20000 {
		if i%10 == 0 {
			list = append(list, testEntry(podKind, "o"+strconv.Itoa(i), 1, i+1, "app"+strconv.Itoa(i/10)))
		} else {
			list = append(list, testEntry(podKind, "o"+strconv.Itoa(i), 1, i+1, "", "o"+strconv.Itoa(i-i%10)))
		}
	}
	x.replace(s, list, "20000")
	x.out.open = true
	return x, s
}

func BenchmarkEvent(b *testing.B) {
	x, s := benchIndex()
	r := &reader{kind: podKind, explained: true, fields: &fieldSets{}, words: &object.Words{}, masker: object.Masker{Key: []byte("k")}}
	pods := make([]*object.Object, 64)
	for i := range pods {
		n := i*10 + 5
		pods[i] = testEntry(podKind, "o"+strconv.Itoa(n), 1, 1, "").full
		pods[i].SetUID(types.UID("o" + strconv.Itoa(n) + "#1"))
		pods[i].SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "o" + strconv.Itoa(n-5), UID: types.UID("o" + strconv.Itoa(n-5) + "#1")}})
		pods[i].Object["spec"] = map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i:1", "env": []any{}}}}
	}
	rv := 30000
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rv++
		o := pods[i%len(pods)]
		o.SetResourceVersion(strconv.Itoa(rv))
		x.put(s, r.read(o))
		if len(x.out.queue) > 1000 {
			if c := x.out.queue[0]; len(c.instances) != 1 || c.root.Name == "" {
				b.Fatalf("event without its application: %+v", c)
			}
			x.out.queue = x.out.queue[:0]
		}
	}
}

func BenchmarkLive(b *testing.B) {
	for _, size := range []int{10, 1000} {
		b.Run(fmt.Sprintf("objects=%d", size), func(b *testing.B) {
			x, s := benchIndex()
			for i := range size {
				x.put(s, testEntry(podKind, "p"+strconv.Itoa(i), 1, 40000+i, "it"))
			}
			b.ReportAllocs()
			for b.Loop() {
				if len(x.live("it")) != size {
					b.Fatal("not all")
				}
			}
		})
	}
}

func BenchmarkDescendants(b *testing.B) {
	x, _ := benchIndex()
	key := object.Key{Kind: "Pod", Namespace: "ns", Name: "o500"}
	for b.Loop() {
		if len(x.below(key, maxDepth)) != 9 {
			b.Fatal("not all")
		}
	}
}
