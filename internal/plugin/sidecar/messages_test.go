package sidecar

import (
	"testing"
	"unicode/utf8"
)

// Whatever comes is a value or an error, and no larger than it may be.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x0a\x03abc\x12\x01x\x08\x01\x10\x01"))
	f.Add([]byte("\x0a\x10\x0a\x01n\x20\x01\x42\x01a\x4a\x06\x0a\x01k\x12\x01v"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Add([]byte("\x0b\x0b\x0c\x0c\x0d\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var check checkAnswer
		var match matchAnswer
		var manifests manifestAnswer
		var parameters parametersAnswer
		for _, a := range []answer{&check, &match, &manifests, &parameters} {
			_ = a.read(b)
		}
		size := 0
		for _, m := range manifests.manifests {
			size += len(m)
		}
		for _, p := range parameters.parameters {
			size += len(p.Name)
		}
		if size > 2*len(b) || len(manifests.manifests) > mostManifests || len(parameters.parameters) > mostParameters {
			t.Errorf("%d bytes became %d", len(b), size)
		}
	})
}

func FuzzSpoken(f *testing.F) {
	f.Add("`sh -c x` failed exit status 1: fatal: https://me:secret@host/ Authorization: Bearer abc\x1b[31m")
	f.Fuzz(func(t *testing.T, text string) {
		if s := spokenBy(text); len(s) > mostWords+len(" … ") || !utf8.ValidString(s) {
			t.Errorf("%d bytes, %q", len(s), s)
		}
	})
}

func TestSpokenHidesSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"clone https://me:s3cret@git.example.com/a failed":                     "clone https://git.example.com/a failed",
		"curl -H 'Authorization: Bearer s3cret' x":                             "curl -H 'Authorization: Bearer ***' x",
		`{"authorization": "token s3cret"}`:                                    `{"authorization": "token ***"}`,
		"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbg":                      "got ***",
		"use glpat-abcdefghij1234567890 or hvs.CAESIabcdefghijk":               "use *** or ***",
		"a\n-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\nb": "a\n***\nb",
		"red \x1b[31mwords\x1b[0m\x07\r":                                       "red words",
	} {
		if got := spokenBy(text); got != want {
			t.Errorf("%q is told as %q, not %q", text, got, want)
		}
	}
}
