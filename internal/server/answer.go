package server

import (
	"encoding/json"
	"net/http"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Status codes of gRPC, which Argo CD's REST errors carry as "code":
// https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
const (
	codeInvalidArgument   = 3
	codeDeadlineExceeded  = 4
	codeNotFound          = 5
	codePermissionDenied  = 7
	codeResourceExhausted = 8
	codeAborted           = 10
	codeUnimplemented     = 12
	codeInternal          = 13
	codeUnavailable       = 14
	codeUnauthenticated   = 16
)

// grpcCode is the code of a kind of problem.
func grpcCode(k problem.Kind) int {
	switch k {
	case problem.Invalid:
		return codeInvalidArgument
	case problem.NotFound:
		return codeNotFound
	case problem.Forbidden:
		return codePermissionDenied
	case problem.Unauthenticated:
		return codeUnauthenticated
	case problem.Conflict:
		return codeAborted
	case problem.Unavailable:
		return codeUnavailable
	case problem.Limit:
		return codeResourceExhausted
	}
	return codeInternal
}

// fail answers with a problem, in the shape of Argo CD's REST errors.
func fail(w http.ResponseWriter, err error) {
	kind := problem.KindOf(err)
	answer(w, kind.HTTPStatus(), grpcCode(kind), err.Error())
}

// answer writes an error. The text stands twice: clients of grpc-gateway read "error", newer ones "message".
func answer(w http.ResponseWriter, status, code int, text string) {
	reply(w, status, struct {
		Error   string `json:"error"`
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{text, code, text})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller has gone: nobody is left to tell
}
