package object

import "strconv"

// Origin is where a rendered object came from.
type Origin struct {
	Source int    // index of the application's source
	Path   string // file, relative to the root of the source's tree; empty when a generator made it
	Line   int    // 1-based line of the document's start; 0 when unknown
}

// String returns path:line.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.Path
	}
	return o.Path + ":" + strconv.Itoa(o.Line)
}

// Item is an object and where it came from.
type Item struct {
	Object *Object
	Origin Origin
	// Plain names the values of a Secret that stand in its source for everybody to read, sorted; what was decrypted, or
	// came from a cluster, is not among them.
	Plain []string
}

// Set is objects by key, in the order they were added.
type Set struct {
	keys  []Key
	items map[Key]Item
}

// Put adds the item, replacing one of the same key in place; replaced reports whether there was one. The key of an
// object without a name has its generateName and an asterisk for a name.
func (s *Set) Put(item Item) (replaced bool) {
	if s.items == nil {
		s.items = map[Key]Item{}
	}
	key := KeyOf(item.Object)
	if key.Name == "" { // it is named when it is created: what else would tell two hooks with generated names apart?
		key.Name = item.Object.GetGenerateName() + "*"
	}
	if _, replaced = s.items[key]; !replaced {
		s.keys = append(s.keys, key)
	}
	s.items[key] = item
	return replaced
}

// Get returns the item named by key.
func (s *Set) Get(key Key) (Item, bool) {
	item, ok := s.items[key]
	return item, ok
}

// Has reports whether the set holds key.
func (s *Set) Has(key Key) bool {
	_, ok := s.items[key]
	return ok
}

// Keys returns the keys in order. The slice is the set's own: read it only.
func (s *Set) Keys() []Key { return s.keys }

// Items returns the items in order.
func (s *Set) Items() []Item {
	list := make([]Item, len(s.keys))
	for i, k := range s.keys {
		list[i] = s.items[k]
	}
	return list
}

// Len returns the number of objects.
func (s *Set) Len() int { return len(s.keys) }

// Digest names the set's content: same objects in the same order, same digest.
func (s *Set) Digest() string {
	hashes := make([]string, len(s.keys))
	for i, k := range s.keys {
		hashes[i] = Hash(s.items[k].Object.Object)
	}
	return Hash(hashes)
}
