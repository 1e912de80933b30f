package contexts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/problem"
)

// written is a file as the argocd command leaves it.
const written = `contexts:
- name: prod
  server: cd.example.org
  user: prod
- name: stage
  server: cd.example.org/stage
  user: stage
current-context: prod
prompts-enabled: true
servers:
- grpc-web-root-path: ""
  server: cd.example.org
- certificate-authority-data: LS0t
  grpc-web: true
  grpc-web-root-path: stage
  insecure: true
  plain-text: true
  server: cd.example.org/stage
users:
- auth-token: secret-a
  name: prod
  refresh-token: secret-b
- name: stage
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileOfArgoCDIsWrittenBackAsItWas(t *testing.T) {
	path := file(t, written)
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	c, s, u, err := f.Resolve("stage")
	if err != nil || c.Name != "stage" || !s.GRPCWeb || !s.Insecure || !s.PlainText || string(s.CA) != "---" || s.GRPCWebRootPath != "stage" || u.AuthToken != "" {
		t.Errorf("stage: %+v %+v %+v %v", c, s, u, err)
	}
	if err := Write(path, f); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	if d := cmp.Diff(written, string(got)); d != "" {
		t.Errorf("written back (-was +is):\n%s", d)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".config-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWhatIsNotThereIsNoError(t *testing.T) {
	if f, err := Read(filepath.Join(t.TempDir(), "none")); f != nil || err != nil {
		t.Errorf("got %v, %v", f, err)
	}
}

func TestAFileThatOthersCanReadIsRefused(t *testing.T) {
	path := file(t, written)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsAndPrintsHideTokens(t *testing.T) {
	_, err := Read(file(t, "users:\n- name: a\n  auth-token: [secret-a\n"))
	if err == nil || strings.Contains(err.Error(), "secret-a") {
		t.Errorf("got %v", err)
	}
	u := User{"a", "secret-a", "secret-b"}
	if text := fmt.Sprintf("%v %+v %#v %s", u, u, u, u); strings.Contains(text, "secret") {
		t.Errorf("printed: %s", text)
	}
}

func TestResolveSaysWhatIsMissing(t *testing.T) {
	for text, want := range map[string]string{
		"contexts: []": "current-context unset",
		"contexts: [{name: a, server: s, user: u}]\nservers: [{server: s}]": "current-context unset",
	} {
		f, err := Read(file(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := f.Resolve(""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	for name, want := range map[string]string{"x": "Context 'x' undefined", "noserver": "Server 'gone' undefined", "nouser": "User 'gone' undefined"} {
		f := &File{Contexts: []Context{{"noserver", "gone", "u"}, {"nouser", "s", "gone"}}, Servers: []Server{{Server: "s"}}, Users: []User{{Name: "u"}}}
		if _, _, _, err := f.Resolve(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func TestPutAndRemove(t *testing.T) {
	f := &File{}
	f.Put(Context{Name: "a"}, Server{Server: "s"}, User{Name: "a"})
	f.Put(Context{Name: "b"}, Server{Server: "s"}, User{Name: "b"})
	f.Put(Context{Name: "b"}, Server{Server: "s", Insecure: true}, User{Name: "b", AuthToken: "t"})
	want := &File{Current: "b", Contexts: []Context{{"a", "s", "a"}, {"b", "s", "b"}}, Servers: []Server{{Server: "s", Insecure: true}}, Users: []User{{Name: "a"}, {Name: "b", AuthToken: "t"}}}
	if d := cmp.Diff(want, f); d != "" {
		t.Errorf("put (-want +got):\n%s", d)
	}
	if f.Remove("c") || !f.Remove("b") {
		t.Error("Remove does not know what is there")
	}
	want = &File{Contexts: []Context{{"a", "s", "a"}}, Servers: []Server{{Server: "s", Insecure: true}}, Users: []User{{Name: "a"}}}
	if d := cmp.Diff(want, f); d != "" {
		t.Errorf("a server that another context uses stays (-want +got):\n%s", d)
	}
}

func TestUpdateKeepsASymbolicLink(t *testing.T) {
	path := file(t, written)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := Update(link, func(f *File) error { f.Current = "stage"; return nil }); err != nil {
		t.Fatal(err)
	}
	f, err := Read(path)
	if err != nil || f.Current != "stage" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestDir(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HAWSER_CONFIG_DIR", "ARGOCD_CONFIG_DIR", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	expect := func(want string) {
		t.Helper()
		if got, err := Dir(); err != nil || got != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	expect(home + "/.config/argocd")
	t.Setenv("XDG_CONFIG_HOME", "/xdg")
	expect("/xdg/argocd")
	if err := os.Mkdir(home+"/.argocd", 0o700); err != nil {
		t.Fatal(err)
	}
	expect(home + "/.argocd")
	t.Setenv("ARGOCD_CONFIG_DIR", "/mine")
	expect("/mine")
}
