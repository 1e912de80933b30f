package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// selection is the fields that a caller wants of an answer: those named, or all but those named.
type selection struct {
	names   *names
	without bool
}

// names is a tree of field names; one without branches stands for everything below it.
type names struct{ below map[string]*names }

func (n *names) add(path string) {
	for name := range strings.SplitSeq(path, ".") {
		if n.below == nil {
			n.below = map[string]*names{}
		}
		if n.below[name] == nil {
			n.below[name] = &names{}
		}
		n = n.below[name]
	}
}

// fieldsOf reads the parameter fields: "items.metadata.name,items.spec" or "-items.status.operationState".
func fieldsOf(r *http.Request) *selection {
	text := r.URL.Query().Get("fields")
	if text == "" || len(text) > 1<<14 {
		return nil
	}
	s := &selection{names: &names{}}
	for i, path := range strings.Split(text, ",") {
		if i == 0 && strings.HasPrefix(path, "-") {
			s.without = true
		}
		if path = strings.TrimPrefix(strings.TrimSpace(path), "-"); path != "" && strings.Count(path, ".") < 16 {
			s.names.add(path)
		}
	}
	return s
}

// asJSON writes a value as JSON, restricted to a selection; nil is everything. Only what is selected is encoded: of
// 10,000 applications a list shows a few fields each.
func asJSON(value any, s *selection) ([]byte, error) {
	var b bytes.Buffer
	var err error
	if s == nil {
		enc := json.NewEncoder(&b)
		err = enc.Encode(value)
	} else {
		err = s.write(&b, reflect.ValueOf(value), s.names)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

func (s *selection) write(b *bytes.Buffer, v reflect.Value, n *names) error {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			b.WriteString("null")
			return nil
		}
		v = v.Elem()
	}
	switch {
	case n == nil || n.below == nil:
		return encode(b, v)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		if v.IsNil() {
			b.WriteString("null")
			return nil
		}
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := s.write(b, v.Index(i), n); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		return s.writeMap(b, v, n)
	case v.Kind() == reflect.Struct && !encodesItself(v.Type()):
		b.WriteByte('{')
		first := true
		if err := s.writeStruct(b, v, n, &first); err != nil {
			return err
		}
		b.WriteByte('}')
		return nil
	}
	return encode(b, v)
}

// wants reports whether a field is written at all, and what of it.
func (s *selection) wants(n *names, name string) (below *names, ok bool) {
	below = n.below[name]
	switch {
	case s.without && below == nil:
		return nil, true
	case s.without:
		return below, below.below != nil
	}
	return below, below != nil
}

func (s *selection) writeStruct(b *bytes.Buffer, v reflect.Value, n *names, first *bool) error {
	for _, f := range jsonFields(v.Type()) {
		fv := v.Field(f.index)
		if f.inline {
			for fv.Kind() == reflect.Pointer {
				if fv.IsNil() {
					break
				}
				fv = fv.Elem()
			}
			if fv.Kind() == reflect.Struct {
				if err := s.writeStruct(b, fv, n, first); err != nil {
					return err
				}
			}
			continue
		}
		below, ok := s.wants(n, f.name)
		if !ok || f.omitEmpty && empty(fv) {
			continue
		}
		if !*first {
			b.WriteByte(',')
		}
		*first = false
		b.WriteString(f.quoted)
		if err := s.write(b, fv, below); err != nil {
			return err
		}
	}
	return nil
}

func (s *selection) writeMap(b *bytes.Buffer, v reflect.Value, n *names) error {
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	b.WriteByte('{')
	first := true
	for _, k := range keys {
		below, ok := s.wants(n, k)
		if !ok {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err := encode(b, reflect.ValueOf(k)); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := s.write(b, v.MapIndex(reflect.ValueOf(k).Convert(v.Type().Key())), below); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func encode(b *bytes.Buffer, v reflect.Value) error {
	var data []byte
	var err error
	if v.CanAddr() { // methods of the pointer count, as they do for encoding/json
		data, err = json.Marshal(v.Addr().Interface())
	} else {
		data, err = json.Marshal(v.Interface())
	}
	b.Write(data)
	return err
}

var marshaler = reflect.TypeFor[json.Marshaler]()

func encodesItself(t reflect.Type) bool {
	return t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler)
}

// empty is encoding/json's meaning of omitempty.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint32, reflect.Uint64, reflect.Float64, reflect.Pointer, reflect.Interface:
		return v.IsZero()
	}
	return false
}

// jsonField is a field of a struct as encoding/json sees it.
type jsonField struct {
	index     int
	name      string
	quoted    string // the name as JSON, with a colon
	omitEmpty bool
	inline    bool
}

var jsonPlans sync.Map // of reflect.Type to []jsonField

func jsonFields(t reflect.Type) []jsonField {
	if known, ok := jsonPlans.Load(t); ok {
		return known.([]jsonField)
	}
	var list []jsonField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" && f.Anonymous {
			list = append(list, jsonField{index: i, inline: true})
			continue
		}
		if name == "" {
			name = f.Name
		}
		quoted, _ := json.Marshal(name)
		list = append(list, jsonField{index: i, name: name, quoted: string(quoted) + ":", omitEmpty: strings.Contains(options, "omitempty")})
	}
	jsonPlans.Store(t, list)
	return list
}

// squeezeFrom is the least size that is worth compressing.
const squeezeFrom = 1024

var squeezers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	return z
}}

// squeeze compresses an answer when the caller takes that and it is worth it.
func (s *server) squeeze(w http.ResponseWriter, r *http.Request, size int) (io.Writer, func()) {
	if size < squeezeFrom || !s.gzip() || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return w, func() {}
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Add("Vary", "Accept-Encoding")
	z := squeezers.Get().(*gzip.Writer)
	z.Reset(w)
	return z, func() {
		_ = z.Close()
		squeezers.Put(z)
	}
}
