package catalog

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withoutThem is what withoutManagedFields has to come to, the slow way.
func withoutThem(v any) any {
	o, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if metadata, ok := o["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	if items, ok := o["items"].([]any); ok {
		for _, item := range items {
			if o, ok := item.(map[string]any); ok {
				if metadata, ok := o["metadata"].(map[string]any); ok {
					delete(metadata, "managedFields")
				}
			}
		}
	}
	return o
}

func TestManagedFieldsAreLeftOut(t *testing.T) {
	for _, text := range []string{
		`{"kind":"Application","metadata":{"managedFields":[{"manager":"a","fieldsV1":{"f:spec":{}}}],"name":"a"},"spec":{"a":1}}`,
		`{"metadata":{"name":"a","managedFields":[{"x":"]}"}]},"spec":{}}`,
		`{"metadata":{"name":"a","managedFields":null,"uid":"u"}}`,
		`{"metadata":{"managedFields":[]}}`,
		`{"metadata":{"managedFields":[],"managedFields":[],"name":"a"}}`,
		"{\n  \"metadata\": {\n    \"labels\": {\"managedFields\": \"mine\"} ,\n \"managedFields\" : [ {} ] ,\n \"name\": \"a\" } }",
		`{"spec":{"metadata":{"managedFields":[1]},"values":{"managedFields":{"a":"b"}}},"metadata":{"annotations":{"last":"{\"metadata\":{\"managedFields\":[]}}"}}}`,
		`{"kind":"List","items":[{"metadata":{"name":"a","managedFields":[{}]}},{"metadata":{"managedFields":[{}],"name":"b"},"items":[{"metadata":{"managedFields":[1]}}]},3],"metadata":{"resourceVersion":"7"}}`,
		`{"items":[],"metadata":{"managedFields":[true]}}`,
		`{"items":"managedFields","metadata":"managedFields"}`,
	} {
		var want, got any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		lean := withoutManagedFields([]byte(text))
		if err := json.Unmarshal(lean, &got); err != nil {
			t.Errorf("%s became %s: %v", text, lean, err)
			continue
		}
		if diff := cmp.Diff(withoutThem(want), got); diff != "" {
			t.Errorf("%s became %s: %s", text, lean, diff)
		}
	}
	for _, text := range []string{``, `"managedFields"`, `{"metadata":{"managedFields":[`, `{"metadata":{"managedFields":[]`, `[{"managedFields":1}]`, `{"managedFields" 1}`} {
		if got := string(withoutManagedFields([]byte(text))); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// Whatever is JSON stays JSON, and loses nothing but managedFields.
func FuzzManagedFieldsAreLeftOut(f *testing.F) {
	f.Add(`{"metadata":{"name":"a","managedFields":[{"x":"]}"}]},"items":[{"metadata":{"managedFields":[]}}]}`)
	f.Add(`{"metadata":{"managedFields":[],"a":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var want, got any
		lean := withoutManagedFields([]byte(text))
		if json.Unmarshal([]byte(text), &want) != nil || strings.Contains(text, `\`) { // no JSON; or a key that no API server writes so
			return
		}
		if err := json.Unmarshal(lean, &got); err != nil {
			t.Fatalf("%s became %s: %v", text, lean, err)
		}
		if diff := cmp.Diff(withoutThem(want), got); diff != "" {
			t.Fatalf("%s became %s: %s", text, lean, diff)
		}
	})
}
