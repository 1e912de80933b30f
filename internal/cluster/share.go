package cluster

import (
	"hash/maphash"
	"reflect"
	"sync"

	"github.com/hawser-cd/hawser/internal/object"
)

// fieldSets lets objects share what their managedFields say. Who wrote which fields takes more memory, as maps, than all
// the rest of an object, and objects of one kind that one program wrote say the same.
type fieldSets struct {
	mu   sync.Mutex
	seed maphash.Seed
	sets map[uint64]map[string]any
}

// maxFieldSets bounds the table; when it is full it is begun anew, and objects go on sharing what they share.
const maxFieldSets = 4096

// share replaces the field sets in o by equal ones that other objects have. Nobody else may know o yet; what is shared
// is never changed.
func (f *fieldSets) share(o *object.Object) {
	metadata, _ := o.Object["metadata"].(map[string]any)
	entries, _ := metadata["managedFields"].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		if fields, ok := entry["fieldsV1"].(map[string]any); ok {
			entry["fieldsV1"] = f.canonical(fields)
		}
	}
}

func (f *fieldSets) canonical(fields map[string]any) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sets == nil || len(f.sets) >= maxFieldSets {
		f.seed, f.sets = maphash.MakeSeed(), map[uint64]map[string]any{}
	}
	sum := f.sum(fields)
	known, ok := f.sets[sum]
	if !ok {
		f.sets[sum] = fields
		return fields
	}
	if !reflect.DeepEqual(known, fields) { // two with one sum: the second keeps its own
		return fields
	}
	return known
}

// inherit has a new version of an object share with the one before what has not changed: most new versions are of the
// status alone, and what was compared with the old one is kept for long. Nobody else may know the new one yet.
func inherit(now, before *object.Object) {
	for field, value := range now.Object {
		if old, ok := before.Object[field]; ok && field != "metadata" && field != "status" && reflect.DeepEqual(old, value) {
			now.Object[field] = old
		}
	}
}

// sum does not depend on the order in which a map is walked.
func (f *fieldSets) sum(v any) uint64 {
	switch v := v.(type) {
	case map[string]any:
		total := uint64(len(v))
		for key, value := range v {
			one := maphash.String(f.seed, key) ^ f.sum(value)*0x9e3779b97f4a7c15
			total += one * (one | 1)
		}
		return total
	case string:
		return maphash.String(f.seed, v)
	}
	return 1
}
