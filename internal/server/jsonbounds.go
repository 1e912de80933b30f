package server

import (
	"net/http"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Bounds of JSON that callers send. Two bytes can ask for an element of a list whose type takes kilobytes, so that the
// size of a body alone bounds nothing. An Application whose status lists ten thousand objects has some hundred thousand
// values; protobuf messages nest as deep as this, too (package wire).
const (
	maxJSONDepth  = 100
	maxJSONValues = 250_000
)

// checkJSON refuses JSON that would take far more memory than it has bytes. It does not look for faults: encoding/json
// does that, and what is not JSON is refused by one of the two.
func checkJSON(data []byte) error {
	depth, values := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			values++
			if depth++; depth > maxJSONDepth {
				return tooLargeJSON("the body nests deeper than %d", maxJSONDepth)
			}
		case '}', ']':
			depth--
		case ',':
			if values++; values > maxJSONValues {
				return tooLargeJSON("the body has more than %d values", maxJSONValues)
			}
		}
	}
	return nil
}

func tooLargeJSON(format string, limit int) error {
	return &httpFault{http.StatusRequestEntityTooLarge, problem.New(problem.Limit, format, limit)}
}
