package catalog

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"k8s.io/apimachinery/pkg/types"
)

// What is accepted as a host and a key is one line of known_hosts that says exactly that, and no other.
func FuzzKnownHost(f *testing.F) {
	const key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	for _, server := range []string{"git.corp", "[git.corp]:22", "[::1]:22", "a,b", "a\nb", "@revoked", "#", "|1|x|y", "[a]:", "*.corp", " a", "2001:db8::1"} {
		f.Add(server, "ssh-ed25519", key)
	}
	f.Add("a", "ssh-ed25519", key+" comment\nb ssh-ed25519 "+key)
	f.Fuzz(func(t *testing.T, server, kind, data string) {
		list, err := checkCertificates([]Certificate{{Server: server, Type: CertificateSSH, SubType: kind, Data: []byte(data)}})
		if err != nil {
			return
		}
		k := list[0]
		line := k.Server + " " + k.SubType + " " + string(k.Data)
		got, ok := parseKnownHost(line)
		if !ok || got.Server != server || got.SubType != kind || got.Info == "" || strings.ContainsAny(line, "\n\r,#@*|") || len(strings.Fields(line)) != 3 {
			t.Errorf("%q %q %q is the line %q, which says %+v", server, kind, data, line, got)
		}
	})
}

// An API server whose store was restored says what is older, and it is believed.
func TestARestoredStoreIsBelieved(t *testing.T) {
	c := &Catalog{versions: map[string]string{}, apps: map[types.NamespacedName]*appEntry{}}
	app := &v1alpha1.Application{}
	app.Name, app.ResourceVersion = "web", "900"
	c.apps[nameOf(app)] = &appEntry{app: app, own: true}
	if !c.newer("map", "argocd-cm", "900") || c.newer("map", "argocd-cm", "100") {
		t.Fatal("versions are not compared")
	}
	c.rewind()
	if !c.newer("map", "argocd-cm", "100") || c.apps[nameOf(app)].own {
		t.Error("what was before the restoration still counts")
	}
}
