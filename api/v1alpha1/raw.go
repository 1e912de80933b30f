package v1alpha1

import (
	"bytes"
	"encoding/json"
	"errors"
)

// RawJSON is one JSON value, kept as it was written. It stands where the wire
// has apiextensions' JSON type, and is the same protobuf message.
type RawJSON struct {
	Raw []byte `json:"-" protobuf:"bytes,1,opt,name=raw"`
}

// MarshalJSON prints the value; an empty one is null.
func (r RawJSON) MarshalJSON() ([]byte, error) {
	if len(r.Raw) == 0 {
		return []byte("null"), nil
	}
	return r.Raw, nil
}

// UnmarshalJSON keeps a copy of the value; null becomes the empty RawJSON.
func (r *RawJSON) UnmarshalJSON(data []byte) error {
	if r == nil {
		return errors.New("v1alpha1.RawJSON: UnmarshalJSON into a nil pointer")
	}
	if bytes.Equal(data, []byte("null")) {
		r.Raw = nil
		return nil
	}
	r.Raw = bytes.Clone(data)
	return nil
}

// OptionalMap is a map that can be present and empty, which is {} in JSON.
type OptionalMap struct {
	Map map[string]string `json:"-" protobuf:"bytes,1,rep,name=map"`
}

// MarshalJSON prints the map itself, {} if it is nil.
func (o OptionalMap) MarshalJSON() ([]byte, error) {
	if o.Map == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(o.Map)
}

// UnmarshalJSON reads the map itself.
func (o *OptionalMap) UnmarshalJSON(data []byte) error {
	o.Map = nil
	return json.Unmarshal(data, &o.Map)
}

// OptionalArray is a list that can be present and empty, which is [] in JSON.
type OptionalArray struct {
	Array []string `json:"-" protobuf:"bytes,1,rep,name=array"`
}

// MarshalJSON prints the list itself, [] if it is nil.
func (o OptionalArray) MarshalJSON() ([]byte, error) {
	if o.Array == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(o.Array)
}

// UnmarshalJSON reads the list itself.
func (o *OptionalArray) UnmarshalJSON(data []byte) error {
	o.Array = nil
	return json.Unmarshal(data, &o.Array)
}
