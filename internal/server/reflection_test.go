package server

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// files asks a server for the files of all its services, as grpcurl does, and has Google's library check them.
func files(t *testing.T, h *house, version string) *protoregistry.Files {
	t.Helper()
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	client := connect.NewClient[reflectionQuery, reflectionAnswer](&http.Client{Transport: &http.Transport{Protocols: &p}},
		h.URL+"/grpc.reflection."+version+".ServerReflection/ServerReflectionInfo", connect.WithGRPC(), connect.WithCodec(wire.Codec{}))
	ask := client.CallBidiStream(t.Context())
	question := func(q *reflectionQuery) *reflectionAnswer {
		if err := ask.Send(q); err != nil {
			t.Fatal(err)
		}
		a, err := ask.Receive()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	set, have := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	for _, s := range question(&reflectionQuery{ListServices: new("*")}).Services.Services {
		a := question(&reflectionQuery{FileBySymbol: &s.Name})
		if a.Files == nil {
			t.Fatalf("%s: %+v", s.Name, a.Error)
		}
		for _, data := range a.Files.Files {
			f := &descriptorpb.FileDescriptorProto{}
			if err := proto.Unmarshal(data, f); err != nil {
				t.Fatal(err)
			}
			if !have[f.GetName()] {
				have[f.GetName()] = true
				set.File = append(set.File, f)
			}
		}
	}
	if a := question(&reflectionQuery{FileByName: new(messagesFile)}); a.Files == nil || len(a.Files.Files) != 1 {
		t.Error(a.Error)
	}
	for _, q := range []*reflectionQuery{{FileBySymbol: new("no.such.Thing")}, {FileByName: new("/etc/passwd")}, {}, {ExtensionsFor: new("x")}} {
		if a := question(q); a.Error == nil || a.Error.Code != int32(connect.CodeNotFound) {
			t.Errorf("%+v", a)
		}
	}
	if err := ask.CloseRequest(); err != nil {
		t.Error(err)
	}
	registry, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

func TestReflectionTellsEveryMethod(t *testing.T) {
	h := newHTTP2House(t)
	files(t, h, "v1alpha")
	registry := files(t, h, "v1")
	for _, m := range newServer(Options{}, defaultBounds).methods() {
		d, err := registry.FindDescriptorByName(protoreflect.FullName(m.Service + "." + m.Name))
		if err != nil {
			t.Error(err)
			continue
		}
		md := d.(protoreflect.MethodDescriptor)
		if md.IsStreamingClient() != m.ClientStream || md.IsStreamingServer() != m.ServerStream {
			t.Errorf("%s streams otherwise", m.path())
		}
		// A message that is described wrongly cannot be read by Google's library, or loses a field.
		for message, typ := range map[protoreflect.MessageDescriptor]reflect.Type{md.Input(): m.request, md.Output(): m.answer} {
			data, err := wire.Marshal(reflect.New(typ).Interface())
			if err != nil {
				continue // something in it is required
			}
			got := dynamicpb.NewMessage(message)
			if err := proto.Unmarshal(data, got); err != nil || hasUnknown(got) {
				t.Errorf("%s: %v, %v", message.FullName(), err, got)
			}
		}
	}
}

func hasUnknown(m protoreflect.Message) (found bool) {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool {
				found = found || hasUnknown(e.Message())
				return true
			})
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				found = found || hasUnknown(v.List().Get(i).Message())
			}
		case !f.IsMap() && f.Message() != nil:
			found = found || hasUnknown(v.Message())
		}
		return true
	})
	return found
}

func TestDescribedMessagesAreThoseThatTravel(t *testing.T) {
	registry := files(t, newHTTP2House(t), "v1")
	d, err := registry.FindDescriptorByName("application.ApplicationService.Watch")
	if err != nil {
		t.Fatal(err)
	}
	at := metav1.NewTime(time.Unix(1700000000, 0))
	e := &argocd.ApplicationWatchEvent{Type: "ADDED", Application: v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"a": "b"}, CreationTimestamp: at},
		Spec:       v1alpha1.ApplicationSpec{Project: "p", Source: &v1alpha1.ApplicationSource{RepoURL: "r", Helm: &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "x", Value: "ä"}}}}},
		Status:     v1alpha1.ApplicationStatus{ReconciledAt: &at, History: []v1alpha1.RevisionHistory{{ID: 7, DeployedAt: at}}},
	}}
	data, err := wire.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got := dynamicpb.NewMessage(d.(protoreflect.MethodDescriptor).Output())
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(got.String(), "  ", " ")
	if hasUnknown(got) {
		t.Errorf("something is not described: %s", text)
	}
	for _, want := range []string{`type:"ADDED"`, `name:"shop"`, `key:"a" value:"b"`, "seconds:1700000000", `value:"ä"`, "id:7", `project:"p"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is lost: %s", want, text)
		}
	}
}
