package source

import "testing"

// What was looked at holds for another tree as long as that would show the same: a listing by its names, a file by its
// content, a missing path by its absence.
func TestRecord(t *testing.T) {
	files := Files{"a/one.yaml": "1", "a/two.yaml": "2", "b/three.yaml": "3"}
	r := Record(Memory(files))
	if _, err := r.List("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read("b/three.yaml", 10); err != nil {
		t.Fatal(err)
	}
	if _, err := r.List("c"); err == nil {
		t.Fatal("there is no such folder")
	}
	with := func(change func(Files)) Files {
		f := Files{}
		for k, v := range files {
			f[k] = v
		}
		change(f)
		return f
	}
	for _, c := range []struct {
		what  string
		files Files
		want  bool
	}{
		{"nothing", with(func(Files) {}), true},
		{"a file that was only listed", with(func(f Files) { f["a/one.yaml"] = "x" }), true},
		{"a file that was not looked at", with(func(f Files) { f["b/other.yaml"] = "x" }), true},
		{"a file that was read", with(func(f Files) { f["b/three.yaml"] = "x" }), false},
		{"a new name in a folder", with(func(f Files) { f["a/new.yaml"] = "x" }), false},
		{"a name gone", with(func(f Files) { delete(f, "a/one.yaml") }), false},
		{"what was missing", with(func(f Files) { f["c/x"] = "x" }), false},
	} {
		if got, err := r.Trace().Holds(Memory(c.files)); err != nil || got != c.want {
			t.Errorf("%s changed: it holds %v, %v", c.what, got, err)
		}
	}
}
