package server

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"
)

// The messages of grpc.reflection.v1, which v1alpha shares (grpc/reflection/v1/reflection.proto).
type (
	reflectionQuery struct {
		Host          string  `json:"host,omitempty" protobuf:"bytes,1,opt,name=host,proto3"`
		FileByName    *string `json:"fileByFilename,omitempty" protobuf:"bytes,3,opt,name=file_by_filename,oneof"`
		FileBySymbol  *string `json:"fileContainingSymbol,omitempty" protobuf:"bytes,4,opt,name=file_containing_symbol,oneof"`
		ExtensionsFor *string `json:"allExtensionNumbersOfType,omitempty" protobuf:"bytes,6,opt,name=all_extension_numbers_of_type,oneof"`
		ListServices  *string `json:"listServices,omitempty" protobuf:"bytes,7,opt,name=list_services,oneof"`
	}
	reflectionAnswer struct {
		ValidHost string            `json:"validHost,omitempty" protobuf:"bytes,1,opt,name=valid_host,proto3"`
		Original  *reflectionQuery  `json:"originalRequest,omitempty" protobuf:"bytes,2,opt,name=original_request"`
		Files     *reflectedFiles   `json:"fileDescriptorResponse,omitempty" protobuf:"bytes,4,opt,name=file_descriptor_response,oneof"`
		Services  *reflectedList    `json:"listServicesResponse,omitempty" protobuf:"bytes,6,opt,name=list_services_response,oneof"`
		Error     *reflectionFailed `json:"errorResponse,omitempty" protobuf:"bytes,7,opt,name=error_response,oneof"`
	}
	reflectedFiles struct {
		Files [][]byte `json:"fileDescriptorProto,omitempty" protobuf:"bytes,1,rep,name=file_descriptor_proto"`
	}
	reflectedList struct {
		Services []reflectedService `json:"service,omitempty" protobuf:"bytes,1,rep,name=service"`
	}
	reflectedService struct {
		Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	}
	reflectionFailed struct {
		Code    int32  `json:"errorCode,omitempty" protobuf:"varint,1,opt,name=error_code,proto3"`
		Message string `json:"errorMessage,omitempty" protobuf:"bytes,2,opt,name=error_message,proto3"`
	}
)

// dialog declares a method with many requests and answers in turn. The rule decides by each request.
func dialog[Req, Res any](name string, r rule[Req], f func(c *call, q *Req) (*Res, error)) method {
	m := newMethod[Req, Res](name, r)
	m.rpc = func(path string) http.Handler {
		return connect.NewBidiStreamHandler(path, func(ctx context.Context, both *connect.BidiStream[Req, Res]) error {
			c := callOf(ctx)
			for n := 0; n < maxDialog; n++ {
				q, err := both.Receive()
				if err != nil { // the caller has said all, or has gone
					return nil
				}
				if err := r.check(c, q); err != nil {
					return rpcError(err)
				}
				answer, err := f(c, q)
				if err == nil {
					err = both.Send(answer)
				}
				if err != nil {
					c.finish(err)
					return rpcError(err)
				}
			}
			return nil
		}, handlerOptions(r.scope)...)
	}
	return m
}

// maxDialog is how many questions one stream may ask; tools ask a dozen.
const maxDialog = 200

// reflected is what reflection tells: files by name, and which one has a symbol.
type reflected struct {
	services []reflectedService
	files    map[string][]byte
	of       map[string]string // symbol → file
	err      error
}

func reflectMethods(methods []method) (r reflected) {
	set, err := protoFiles(methods)
	if err != nil {
		return reflected{err: err}
	}
	r = reflected{files: map[string][]byte{}, of: map[string]string{}}
	for _, f := range set.File {
		name := f.GetName()
		if r.files[name], err = encoded(f); err != nil {
			return reflected{err: err}
		}
		for _, m := range f.MessageType {
			r.of[f.GetPackage()+"."+m.GetName()] = name
		}
		for _, s := range f.Service {
			service := f.GetPackage() + "." + s.GetName()
			r.of[service] = name
			r.services = append(r.services, reflectedService{service})
			for _, m := range s.Method {
				r.of[service+"."+m.GetName()] = name
			}
		}
	}
	slices.SortFunc(r.services, func(a, b reflectedService) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// reflect answers a question about the methods and their messages, for tools like grpcurl.
func (s *server) reflect(_ *call, q *reflectionQuery) (*reflectionAnswer, error) {
	known := s.reflected()
	if known.err != nil {
		return nil, known.err
	}
	out := &reflectionAnswer{ValidHost: q.Host, Original: q}
	name := ""
	switch {
	case q.ListServices != nil:
		out.Services = &reflectedList{known.services}
		return out, nil
	case q.FileByName != nil:
		name = *q.FileByName
	case q.FileBySymbol != nil:
		name = known.of[strings.TrimPrefix(*q.FileBySymbol, ".")]
	}
	file, ok := known.files[name]
	if !ok {
		out.Error = &reflectionFailed{int32(connect.CodeNotFound), "nothing of that name is described here"}
		return out, nil
	}
	out.Files = &reflectedFiles{[][]byte{file}}
	if all := known.files[messagesFile]; name != messagesFile {
		out.Files.Files = append(out.Files.Files, all)
	}
	return out, nil
}
