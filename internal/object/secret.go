package object

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lastApplied is kubectl's copy of the whole manifest, secret values included.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// MaskPrefix begins every masked value, so that nobody takes one for a value.
const MaskPrefix = "hmac-sha256:"

// Masker replaces secret values by keyed digests: equal values stay equal, nothing can be read back. Key is random
// per process, so digests of two runs cannot be compared, and none can be guessed offline.
type Masker struct {
	Key         []byte
	Annotations []string // of Secrets, that are as secret as their data (resource.sensitive.mask.annotations)
}

// Mask returns o with secret values replaced: data, stringData, kubectl's copy and the named annotations of a Secret;
// o itself when it holds none. Objects are masked where they enter the process, so that no surface can forget to.
func (m Masker) Mask(o *Object) *Object {
	if !IsSecret(o) || o.Object["data"] == nil && o.Object["stringData"] == nil && !m.hides(o.GetAnnotations()) {
		return o
	}
	o = o.DeepCopy()
	for _, field := range []string{"data", "stringData"} {
		values, ok := o.Object[field].(map[string]any)
		if !ok {
			delete(o.Object, field) // malformed: cannot be masked value by value
			continue
		}
		for k, v := range values {
			if s, ok := v.(string); !ok || !strings.HasPrefix(s, MaskPrefix) {
				values[k] = m.digest(fmt.Sprint(v))
			}
		}
	}
	if a := o.GetAnnotations(); m.hides(a) {
		o.SetAnnotations(m.MaskAnnotations(a))
	}
	return o
}

// MaskAnnotations returns the annotations of a Secret with what is secret in them replaced.
func (m Masker) MaskAnnotations(annotations map[string]string) map[string]string {
	if !m.hides(annotations) {
		return annotations
	}
	masked := maps.Clone(annotations)
	for _, name := range append([]string{lastApplied}, m.Annotations...) {
		if m.hidden(name, masked[name]) {
			masked[name] = m.digest(masked[name])
		}
	}
	return masked
}

func (m Masker) hides(annotations map[string]string) bool {
	if m.hidden(lastApplied, annotations[lastApplied]) {
		return true
	}
	return slices.ContainsFunc(m.Annotations, func(name string) bool { return m.hidden(name, annotations[name]) })
}

// hidden reports whether the value is to be replaced. The marks of an application are never secret.
func (m Masker) hidden(name, value string) bool {
	return value != "" && !strings.HasPrefix(value, MaskPrefix) && name != TrackingAnnotation && name != InstallationAnnotation
}

func (m Masker) digest(s string) string {
	h := hmac.New(sha256.New, m.Key)
	h.Write([]byte(s))
	return MaskPrefix + hex.EncodeToString(h.Sum(nil))[:16]
}

// IsSecret reports whether o is a core Secret.
func IsSecret(o *Object) bool {
	return o.GetKind() == "Secret" && o.GetAPIVersion() == "v1"
}

// FoldStringData returns a Secret with stringData written into data, as the API server does on a write. Under
// server-side apply the server would record ownership of stringData but store data, and a key removed later would
// stay: so the fold is done before the apply. Other objects are returned as they are.
func FoldStringData(o *Object) *Object {
	values, ok := o.Object["stringData"].(map[string]any)
	if !IsSecret(o) || !ok {
		return o
	}
	o = o.DeepCopy()
	data, _ := o.Object["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	for k, v := range values {
		data[k] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(v)))
	}
	o.Object["data"] = data
	delete(o.Object, "stringData")
	return o
}
