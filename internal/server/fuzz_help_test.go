package server

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"iter"
	"strings"
)

func validJSON(data []byte) bool { return json.Valid(data) }

// tokensOf are the delimiters of JSON, as encoding/json sees them.
func tokensOf(data []byte) iter.Seq[rune] {
	return func(yield func(rune) bool) {
		d := json.NewDecoder(bytes.NewReader(data))
		for {
			token, err := d.Token()
			if err != nil {
				return
			}
			if delim, ok := token.(json.Delim); ok && !yield(rune(delim)) {
				return
			}
		}
	}
}

// wellFormed reports whether a text is XML in which nothing but our own elements stands.
func wellFormed(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		if e, ok := token.(xml.StartElement); ok && !strings.Contains(" svg title g rect text ", " "+e.Name.Local+" ") {
			return false
		}
	}
}
