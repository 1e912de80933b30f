package catalog

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Secret is a credential that no formatter, encoder or logger shows; only Reveal does. The zero value is "none".
//
// The value is behind a pointer because fmt cannot call methods of what stands in an unexported field, and would print
// the characters; of a pointer it prints the address.
type Secret struct{ value *string }

const masked = "***"

// NewSecret hides value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the credential itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no credential.
func (s Secret) Empty() bool { return s.value == nil }

// Equal compares in constant time.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// String returns *** or, when there is no credential, nothing.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return masked
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format writes String whatever the verb: without it a wrong verb (%d) would print the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON is String as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
