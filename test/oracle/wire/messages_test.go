package wire_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	gogo "github.com/gogo/protobuf/proto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/argoproj/argo-cd/v3/pkg/apiclient"

	"github.com/hawser-cd/hawser/internal/server/wire"
)

// Our codec on Argo CD's own structs must write what their generated code writes: every message of every service, and so
// every form of tag that they use.
func TestEveryMessage(t *testing.T) {
	types, compared := messages(t), 0
	if len(types) < 150 {
		t.Fatalf("only %d messages found: the walk is broken", len(types))
	}
	for name, typ := range types {
		t.Run(name, func(t *testing.T) {
			if err := wire.Check(typ); err != nil {
				// Tags of theirs that are wrong in ways that we do not take, nearly all in types that we have of our own
				// (TestAgainstArgoCD); and empty messages, whose only fields are the library's.
				t.Log(err)
				return
			}
			if slices.Contains(oneofs, name) {
				return
			}
			compared++
			for seed := range uint64(50) {
				v := reflect.New(typ)
				// One entry: unlike those of the resources, maps of the services are written in any order.
				filler{rand.New(rand.NewPCG(seed, 5)), 1}.random(v.Elem(), 0)
				want, err := v.Interface().(generated).Marshal()
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				got, err := wire.Marshal(v.Interface())
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("seed %d:\nwe write   %x\nthey write %x", seed, got, want)
				}
				back := reflect.New(typ)
				if err := wire.Unmarshal(want, back.Interface()); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				again, err := back.Interface().(generated).Marshal()
				if err != nil || !bytes.Equal(again, want) {
					t.Fatalf("seed %d: what we read, they write as\n%x, not\n%x (%v)", seed, again, want, err)
				}
			}
		})
	}
	t.Logf("%d of %d messages compared", compared, len(types))
	if compared < 110 {
		t.Errorf("only %d of %d messages were compared", compared, len(types))
	}
}

// oneofs are messages with an interface of generated wrappers, where ours have two pointers.
var oneofs = []string{"application.ApplicationManifestQueryWithFilesWrapper", "repository.ManifestRequestWithFiles"}

// messages finds the Go types of all messages of all services, by the descriptors that the generated code registers.
func messages(t *testing.T) map[string]reflect.Type {
	t.Helper()
	out := map[string]reflect.Type{}
	for _, file := range []string{"account", "application", "applicationset", "certificate", "cluster", "events", "gpgkey", "notification", "project", "repocreds", "repository", "session", "settings", "version"} {
		add(t, out, "server/"+file+"/"+file+".proto")
	}
	add(t, out, "server/settings/oidc/claims.proto")
	add(t, out, "reposerver/repository/repository.proto")
	return out
}

func add(t *testing.T, out map[string]reflect.Type, file string) {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(gogo.FileDescriptor(file)))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	raw, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	var d descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	for _, m := range d.MessageType {
		name := d.GetPackage() + "." + m.GetName()
		typ := gogo.MessageType(name)
		if typ == nil {
			t.Errorf("%s is not registered", name)
			continue
		}
		out[name] = typ.Elem()
	}
}
