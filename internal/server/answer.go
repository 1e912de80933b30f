package server

import (
	"encoding/json"
	"net/http"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
)

// fail answers with a problem, in the shape of Argo CD's REST errors.
func fail(w http.ResponseWriter, err error) {
	kind := problem.KindOf(err)
	answer(w, kind.HTTPStatus(), codes[kind], err.Error())
}

// answer writes an error. The text stands twice: clients of grpc-gateway read "error", newer ones "message".
func answer(w http.ResponseWriter, status int, code connect.Code, text string) {
	reply(w, status, struct {
		Error   string `json:"error"`
		Code    uint32 `json:"code"`
		Message string `json:"message"`
	}{text, uint32(code), text})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller has gone: nobody is left to tell
}
