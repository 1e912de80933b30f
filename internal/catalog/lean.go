package catalog

import (
	"bytes"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// leanClient returns a client that reads objects without their managedFields: nobody asks who wrote which field of our
// records, and of an Application they are half of what there is to decode.
func leanClient(connection *rest.Config) (dynamic.Interface, error) {
	c := dynamic.ConfigFor(connection)
	c.NegotiatedSerializer = lean{c.NegotiatedSerializer}
	c.GroupVersion, c.APIPath = nil, "/apis" // each request names the whole path
	client, err := rest.UnversionedRESTClientFor(c)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "connection to our own cluster")
	}
	return dynamic.New(client), nil
}

// lean is a serializer whose decoders leave managedFields out.
type lean struct{ runtime.NegotiatedSerializer }

func (l lean) DecoderToVersion(d runtime.Decoder, v runtime.GroupVersioner) runtime.Decoder {
	return leanDecoder{l.NegotiatedSerializer.DecoderToVersion(d, v)}
}

type leanDecoder struct{ runtime.Decoder }

func (d leanDecoder) Decode(data []byte, kind *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	return d.Decoder.Decode(withoutManagedFields(data), kind, into)
}

// withoutManagedFields cuts metadata.managedFields out of the JSON of an object, or of all objects of a list. Text that is
// no JSON comes back as it is: decoding says what is wrong with it.
func withoutManagedFields(data []byte) []byte {
	if !bytes.Contains(data, []byte(`"managedFields"`)) {
		return data
	}
	s := scanner{data: data}
	if !s.object(answer) {
		return data
	}
	kept, from := make([]byte, 0, len(data)), 0
	for _, c := range s.cuts {
		kept = append(kept, data[from:c.from]...)
		from = c.to
	}
	return append(kept, data[from:]...)
}

// scanner walks through JSON just far enough to know where values begin and end.
type scanner struct {
	data []byte
	at   int
	cuts []cut
}

type cut struct{ from, to int }

// part is what an object is of an answer of the API server.
type part int

const (
	answer   part = iota // an object, or a list of such
	item                 // of a list
	metadata             // of one of both
)

// object walks through an object, and through the parts of it that can hold managedFields. It is false at what is no JSON.
func (s *scanner) object(is part) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for last := -1; ; { // where the last member ended that stays
		s.space()
		begin := s.at
		key, ok := s.text()
		if !ok || !s.take(':') {
			return false
		}
		name, next := string(key[1:len(key)-1]), s.peek()
		switch {
		case is != metadata && name == "metadata" && next == '{':
			ok = s.object(metadata)
		case is == answer && name == "items" && next == '[':
			ok = s.list()
		default:
			ok = s.value()
		}
		if !ok {
			return false
		}
		end := s.at
		more := s.take(',')
		switch {
		case is != metadata || name != "managedFields":
			last = end
		case last >= 0:
			s.cuts = append(s.cuts, cut{last, end}) // with the comma before it
			last = end
		case more:
			s.cuts = append(s.cuts, cut{begin, s.at}) // with the one after it
		default:
			s.cuts = append(s.cuts, cut{begin, end})
		}
		if !more {
			return s.take('}')
		}
	}
}

// list walks through the objects of a list.
func (s *scanner) list() bool {
	if !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if s.peek() == '{' {
			if !s.object(item) {
				return false
			}
		} else if !s.value() {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

// value skips one value of any kind.
func (s *scanner) value() bool {
	s.space()
	depth := 0
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case '"':
			if _, ok := s.text(); !ok {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true // the end of what holds a number, true, false or null
			}
			if depth--; depth == 0 {
				s.at++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.at++
	}
	return false
}

// text skips a string and returns it with its quotes.
func (s *scanner) text() ([]byte, bool) {
	begin := s.at
	if s.at >= len(s.data) || s.data[s.at] != '"' {
		return nil, false
	}
	for s.at++; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return s.data[begin:s.at], true
		}
	}
	return nil, false
}

func (s *scanner) space() {
	for s.at < len(s.data) && (s.data[s.at] == ' ' || s.data[s.at] == '\n' || s.data[s.at] == '\t' || s.data[s.at] == '\r') {
		s.at++
	}
}

func (s *scanner) peek() byte {
	if s.space(); s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}
