package source

import "fmt"

// Secret is a credential that no formatter, encoder or logger shows; only Reveal does.
type Secret string

const masked = "***"

// Reveal returns the credential itself.
func (s Secret) Reveal() string { return string(s) }

// String returns *** or, for an empty secret, nothing.
func (s Secret) String() string {
	if s == "" {
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
