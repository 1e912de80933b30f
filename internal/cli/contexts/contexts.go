// Package contexts is the file in which the argocd command keeps servers, users and which of them is current.
//
// The idea: both commands read and write the same file, so that people need not log in twice. A context joins a server
// and a user by name. Read DefaultPath and Read first. The package refuses to speak to servers, and to read a file of
// tokens that other users of the machine can read.
package contexts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hawser-cd/hawser/internal/problem"
	"sigs.k8s.io/yaml"
)

// File is the whole file; its keys are Argo CD's.
type File struct {
	Current        string    `json:"current-context"`
	Contexts       []Context `json:"contexts"`
	Servers        []Server  `json:"servers"`
	Users          []User    `json:"users"`
	PromptsEnabled bool      `json:"prompts-enabled"`
}

// Context names a server (by its address) and a user.
type Context struct {
	Name   string `json:"name"`
	Server string `json:"server"`
	User   string `json:"user"`
}

// Server is an address and how to speak to it. Certificates are PEM in base64.
type Server struct {
	Server          string `json:"server"`
	Insecure        bool   `json:"insecure,omitempty"`
	GRPCWeb         bool   `json:"grpc-web,omitempty"`
	GRPCWebRootPath string `json:"grpc-web-root-path"`
	CA              []byte `json:"certificate-authority-data,omitempty"`
	ClientCert      []byte `json:"client-certificate-data,omitempty"`
	ClientKey       []byte `json:"client-certificate-key-data,omitempty"`
	PlainText       bool   `json:"plain-text,omitempty"`
	Core            bool   `json:"core,omitempty"`
}

// User holds a session's token, and for single sign-on what renews it.
type User struct {
	Name         string `json:"name"`
	AuthToken    string `json:"auth-token,omitempty"`
	RefreshToken string `json:"refresh-token,omitempty"`
}

// String names the user and hides the tokens.
func (u User) String() string { return u.Name }

// GoString is String, for %#v.
func (u User) GoString() string { return u.Name }

// largest is the size of the largest file read; a hundred contexts with certificates are far below it.
const largest = 16 << 20

// Dir is the folder of the file: ARGOCD_CONFIG_DIR, else ~/.argocd if there is one (argocd's own old place), else argocd
// below XDG_CONFIG_HOME or ~/.config.
func Dir() (string, error) {
	for _, name := range []string{"HAWSER_CONFIG_DIR", "ARGOCD_CONFIG_DIR"} {
		if dir := os.Getenv(name); dir != "" {
			return dir, nil
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", problem.New(problem.Invalid, "no home folder is known: %v", err).WithHint("give --config")
	}
	if old := filepath.Join(home, ".argocd"); exists(old) {
		return old, nil
	}
	if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
		return filepath.Join(xdg, "argocd"), nil
	}
	return filepath.Join(home, ".config", "argocd"), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// DefaultPath is where the file is when nobody says otherwise.
func DefaultPath() (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "config"), nil
}

// Read returns the file, and nil when there is none. It fails for one that others may read, and for one whose current
// context is not whole.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the contexts")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, problem.New(problem.Invalid, "config file %s has incorrect permission flags %s: it holds tokens and others can read it", path, info.Mode().Perm()).
			WithHint("chmod 600 %s", path)
	}
	if info.Size() > largest {
		return nil, problem.New(problem.Limit, "%s is larger than %d bytes", path, largest)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the contexts")
	}
	f := &File{}
	if err := yaml.Unmarshal(text, f); err != nil {
		return nil, problem.New(problem.Invalid, "failed to parse config file %s: it is no YAML of contexts, servers and users", path) // the parser's words may quote a token
	}
	if f.Current != "" {
		if _, _, _, err := f.Resolve(f.Current); err != nil {
			return nil, problem.Because(problem.Invalid, err, "local config %s invalid", path)
		}
	}
	return f, nil
}

// Write replaces the file in one step; only its owner may read it. A symbolic link stays one.
func Write(path string, f *File) error {
	text, err := yaml.Marshal(f)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err != nil {
		return problem.Because(problem.Invalid, err, "make the folder of contexts")
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".config-*") // made with 0600
	if err != nil {
		return problem.Because(problem.Invalid, err, "write the contexts")
	}
	_, err = part.Write(text)
	err = errors.Join(err, part.Close())
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		_ = os.Remove(part.Name())
		return problem.Because(problem.Invalid, err, "write the contexts")
	}
	return nil
}

// Update reads the file (or begins one), lets edit change it, and writes it.
func Update(path string, edit func(*File) error) error {
	f, err := Read(path)
	if err != nil {
		return err
	}
	if f == nil {
		f = &File{}
	}
	if err := edit(f); err != nil {
		return err
	}
	return Write(path, f)
}

// Resolve returns a context with its server and user; "" is the current one.
func (f *File) Resolve(name string) (Context, Server, User, error) {
	if name == "" {
		name = f.Current
	}
	if name == "" {
		return Context{}, Server{}, User{}, problem.New(problem.NotFound, "local config: current-context unset").WithHint("choose one with `hawser context NAME`")
	}
	c := find(f.Contexts, name, Context.key)
	if c == nil {
		return Context{}, Server{}, User{}, problem.New(problem.NotFound, "Context '%s' undefined", name).WithHint("`hawser context` lists them")
	}
	s := find(f.Servers, c.Server, Server.key)
	if s == nil {
		return *c, Server{}, User{}, problem.New(problem.NotFound, "Server '%s' undefined", c.Server)
	}
	u := find(f.Users, c.User, User.key)
	if u == nil {
		return *c, *s, User{}, problem.New(problem.NotFound, "User '%s' undefined", c.User)
	}
	return *c, *s, *u, nil
}

// OfServer returns the name of the first context of a server address, and whether there is one.
func (f *File) OfServer(address string) (string, bool) {
	for _, c := range f.Contexts {
		if c.Server == address {
			return c.Name, true
		}
	}
	return "", false
}

// Put adds a context with its server and user, replacing those of the same names, and makes it current.
func (f *File) Put(c Context, s Server, u User) {
	c.Server, c.User = s.Server, u.Name
	f.Contexts, f.Servers = put(f.Contexts, c, Context.key), put(f.Servers, s, Server.key)
	f.PutUser(u)
	f.Current = c.Name
}

// PutUser adds or replaces a user.
func (f *File) PutUser(u User) { f.Users = put(f.Users, u, User.key) }

// Remove takes a context out, with its user and, if no other context needs it, its server. It reports whether it was
// there.
func (f *File) Remove(name string) bool {
	c := find(f.Contexts, name, Context.key)
	if c == nil {
		return false
	}
	gone := *c
	f.Contexts = slices.DeleteFunc(f.Contexts, func(c Context) bool { return c.Name == name })
	if !slices.ContainsFunc(f.Contexts, func(c Context) bool { return c.User == gone.User }) {
		f.Users = slices.DeleteFunc(f.Users, func(u User) bool { return u.Name == gone.User })
	}
	if !slices.ContainsFunc(f.Contexts, func(c Context) bool { return c.Server == gone.Server }) {
		f.Servers = slices.DeleteFunc(f.Servers, func(s Server) bool { return s.Server == gone.Server })
	}
	if f.Current == name {
		f.Current = ""
	}
	return true
}

func (c Context) key() string { return c.Name }
func (s Server) key() string  { return s.Server }
func (u User) key() string    { return u.Name }

func find[T any](list []T, name string, key func(T) string) *T {
	if i := slices.IndexFunc(list, func(x T) bool { return key(x) == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

func put[T any](list []T, x T, key func(T) string) []T {
	if there := find(list, key(x), key); there != nil {
		*there = x
		return list
	}
	return append(list, x)
}
