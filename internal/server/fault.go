package server

import (
	"context"
	"errors"
	"net/http"
	"os"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
)

// codes says which code of gRPC a kind of problem has.
var codes = map[problem.Kind]connect.Code{
	problem.Internal: connect.CodeInternal, problem.Invalid: connect.CodeInvalidArgument, problem.NotFound: connect.CodeNotFound,
	problem.Forbidden: connect.CodePermissionDenied, problem.Unauthenticated: connect.CodeUnauthenticated, problem.Conflict: connect.CodeAborted,
	problem.Exists: connect.CodeAlreadyExists, problem.Precondition: connect.CodeFailedPrecondition,
	problem.Unavailable: connect.CodeUnavailable, problem.Limit: connect.CodeResourceExhausted, problem.Unsupported: connect.CodeUnimplemented,
}

// statuses says which status of HTTP a code has: those of grpc-gateway, which clients of Argo CD's REST know.
var statuses = map[connect.Code]int{
	connect.CodeCanceled: http.StatusRequestTimeout, connect.CodeUnknown: http.StatusInternalServerError, connect.CodeInvalidArgument: http.StatusBadRequest,
	connect.CodeDeadlineExceeded: http.StatusGatewayTimeout, connect.CodeNotFound: http.StatusNotFound, connect.CodeAlreadyExists: http.StatusConflict,
	connect.CodePermissionDenied: http.StatusForbidden, connect.CodeResourceExhausted: http.StatusTooManyRequests, connect.CodeFailedPrecondition: http.StatusBadRequest,
	connect.CodeAborted: http.StatusConflict, connect.CodeOutOfRange: http.StatusBadRequest, connect.CodeUnimplemented: http.StatusNotImplemented,
	connect.CodeInternal: http.StatusInternalServerError, connect.CodeUnavailable: http.StatusServiceUnavailable, connect.CodeUnauthenticated: http.StatusUnauthorized,
}

// codeOf is the code of an error.
func codeOf(err error) connect.Code {
	var coded *connect.Error
	switch {
	case errors.As(err, &coded):
		return coded.Code()
	case errors.Is(err, context.Canceled):
		return connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return connect.CodeDeadlineExceeded
	}
	return codes[problem.KindOf(err)]
}

// rpcError is an error as gRPC tells it; nil stays nil.
func rpcError(err error) error {
	if err == nil {
		return nil
	}
	told := connect.NewError(codeOf(err), errors.New(err.Error()))
	var gone *lost
	if errors.As(err, &gone) {
		told.Meta().Set(notHereHeader, "true")
	}
	return told
}
