// Package sidecar asks config management plugins to render: programs that run in containers of their own beside us, each
// behind Argo CD's cmp-server, which answers gRPC on a socket in a directory that both share.
//
// The idea: one render is one connection. It asks whether the plugin looks at the files before it takes them
// (CheckPluginConfiguration), lets it look (MatchRepository), and has it render (GenerateManifest); the files go over as one
// archive, in pieces. Read Client.Generate first, then messages.go. The package refuses to run anything itself, to
// follow a name out of the directory, to hand over credentials of any kind, and to take more than a plugin may say:
// bytes, manifests and time are bounded, and what it says of a failure is cut and cleaned. A plugin that does not answer
// is an error and never a "no".
package sidecar

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Bounds of an exchange. A plugin's answer is also held to what one application may have (render.Options).
const (
	mostAnswer    = 50 << 20 // bytes of one answer
	mostManifests = 100_000  // texts in it, before they are parsed
	mostPlugins   = 100      // sockets in the directory
	usualTimeout  = 90 * time.Second
	piece         = 64 << 10         // bytes of the archive in one message; cmp-server takes 100 MiB
	atOnce        = 16               // renders of one plugin side by side: each holds an archive
	checkTimeout  = 10 * time.Second // of a call for which the plugin runs nothing: one that hangs is found out soon
	suffix        = ".sock"
)

// Input is what a plugin renders from.
type Input struct {
	Application string              // its name
	Folder      string              // of the application in the archive; "." is its root
	Archive     []byte              // tar.gz
	Env         []v1alpha1.EnvEntry // what the plugin's commands find in their environment, in order
}

// Parameter is one that a plugin says that it takes.
type Parameter struct {
	Name, Title, Tooltip     string
	Required                 bool
	ItemType, CollectionType string
	String                   string
	Array                    []string
	Map                      map[string]string
}

// Client asks the plugins of a directory. It is safe for concurrent use.
type Client struct {
	dir string

	mu    sync.Mutex
	slots map[string]chan struct{} // by plugin: one that hangs holds up nobody else's
}

// New returns a client of the plugins whose sockets stand in dir, as NAME.sock or NAME-VERSION.sock. Nothing is opened yet:
// plugins may come and go.
func New(dir string) *Client { return &Client{dir: dir, slots: map[string]chan struct{}{}} }

// Names returns the plugins that have a socket now, in order.
func (c *Client) Names() ([]string, error) {
	list, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, problem.Because(problem.Unavailable, err, "list the plugins").WithHint("--plugins must name the directory of their sockets")
	}
	var names []string
	for _, e := range list {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && e.Type() == fs.ModeSocket && sound.MatchString(name) {
			names = append(names, name)
		}
	}
	if len(names) > mostPlugins {
		return nil, problem.New(problem.Limit, "%s holds more than %d sockets", c.dir, mostPlugins)
	}
	return names, nil
}

// Identity is another text whenever the plugin of that name has come, gone or started anew; with an empty name it is about all
// of them. What a plugin rendered before may then be different now.
func (c *Client) Identity(name string) string {
	names := []string{name}
	if name == "" {
		var err error
		if names, err = c.Names(); err != nil {
			return "none"
		}
	}
	var b strings.Builder
	for _, name := range names {
		i, err := os.Lstat(c.socket(name))
		if !sound.MatchString(name) || err != nil {
			continue
		}
		fmt.Fprintf(&b, "%s %d\n", name, i.ModTime().UnixNano())
	}
	return cmp.Or(b.String(), "none")
}

// Generate returns the manifests that the plugin prints for the input, each one YAML or JSON; with an empty name that of
// the first plugin that recognises it. Errors: NotFound when there is no such plugin or it does not recognise the files,
// Unavailable when one does not answer, Invalid when its command fails, Limit when it says more than it may.
func (c *Client) Generate(ctx context.Context, name string, in Input) (manifests []string, err error) {
	err = c.with(ctx, name, in, func(ctx context.Context, s *session) error {
		var answer manifestAnswer
		err := s.stream(ctx, "GenerateManifest", in, &answer)
		problem.Wrap(&err, "error generating manifests in cmp")
		if problem.Is(err, problem.Invalid) && s.wantsCredentials {
			err = problem.Because(problem.Invalid, err, "plugin %s wants credentials for Git (provideGitCreds), and is given none", name)
		}
		if err == nil {
			manifests = answer.manifests
		}
		return err
	})
	return manifests, err
}

// Parameters returns the parameters that the plugin says it takes for the input. Errors are as those of Generate.
func (c *Client) Parameters(ctx context.Context, name string, in Input) ([]Parameter, error) {
	var answer parametersAnswer
	err := c.with(ctx, name, in, func(ctx context.Context, s *session) error {
		err := s.stream(ctx, "GetParametersAnnouncement", in, &answer)
		problem.Wrap(&err, "failed to get parameter announcement")
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer.parameters, nil
}

// with finds the plugin, and has do ask it on the same connection.
func (c *Client) with(ctx context.Context, name string, in Input, do func(context.Context, *session) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, usualTimeout)
		defer cancel()
	}
	if name != "" {
		return c.named(ctx, name, in, do)
	}
	return c.discover(ctx, in, do)
}

// named asks the plugin of that name, if it does not refuse the files. One that has no rules for them takes any.
func (c *Client) named(ctx context.Context, name string, in Input, do func(context.Context, *session) error) error {
	s, err := c.open(ctx, name)
	if err != nil {
		return problem.Because(problem.KindOf(err), err, "could not find cmp-server plugin with name %q supporting the given repository", name)
	}
	defer s.close()
	looks, err := s.check(ctx)
	if err != nil {
		return err
	}
	if looks {
		var answer matchAnswer
		err := s.stream(ctx, "MatchRepository", in, &answer)
		if err != nil || answer.discovers && !answer.supported {
			kind := problem.NotFound
			if err != nil {
				kind = problem.KindOf(err)
			}
			return problem.Because(kind, err, "could not find cmp-server plugin with name %q supporting the given repository", name).
				WithHint("the rules under discover in the plugin's own configuration do not match what it was sent")
		}
	}
	return do(ctx, s)
}

// discover asks the plugins in the order of their names, and has the first that recognises the files do it. One that cannot
// be asked ends it: the next in line would render something else, and what is missing then would be deleted. One whose
// command for that fails does not recognise them, as Argo CD's documents say; if nobody does, its words are told.
func (c *Client) discover(ctx context.Context, in Input, do func(context.Context, *session) error) error {
	names, err := c.Names()
	if err != nil {
		return err
	}
	var why error
	for _, name := range names {
		found, err := c.offer(ctx, name, in, do)
		if found || err != nil && !errors.As(err, new(notRecognised)) {
			return err
		}
		if err != nil {
			why = err
		}
	}
	return problem.Because(problem.NotFound, why, "could not find plugin supporting the given repository").
		WithHint("set spec.source.plugin.name; there is %s", spoken(names))
}

// notRecognised is how a plugin's command ended that was to say whether it renders the files.
type notRecognised struct{ error }

// offer shows the files to one plugin, and has do ask it if it recognises them.
func (c *Client) offer(ctx context.Context, name string, in Input, do func(context.Context, *session) error) (found bool, err error) {
	unknown := func(err error) error {
		return problem.Because(problem.Unavailable, err, "plugin %s cannot say whether it renders this", name).WithHint("set spec.source.plugin.name, so that no other plugin is asked")
	}
	s, err := c.open(ctx, name)
	if err != nil {
		return false, unknown(err)
	}
	defer s.close()
	looks, err := s.check(ctx)
	if err != nil {
		return false, unknown(err)
	}
	if !looks {
		return false, nil
	}
	var answer matchAnswer
	err = s.stream(ctx, "MatchRepository", in, &answer)
	if problem.Is(err, problem.Invalid) {
		return false, notRecognised{err}
	}
	if err != nil {
		return false, unknown(err)
	}
	if !answer.supported {
		return false, nil
	}
	return true, do(ctx, s)
}

// sound is what a plugin may be called: a name that leads nowhere else.
var sound = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func (c *Client) socket(name string) string { return filepath.Join(c.dir, name+suffix) }

// open returns a session with the plugin of that name, once it is its turn. It connects when it first asks.
func (c *Client) open(ctx context.Context, name string) (*session, error) {
	if !sound.MatchString(name) {
		return nil, problem.New(problem.Invalid, "%.140q is no name of a plugin", name).WithHint("letters, digits, dots, hyphens and underscores")
	}
	i, err := os.Lstat(c.socket(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		names, _ := c.Names()
		return nil, problem.New(problem.NotFound, "there is no %s in %s", name+suffix, c.dir).
			WithHint("there is %s; with spec.version in its configuration, a plugin is called name-version", spoken(names))
	case err != nil:
		return nil, problem.Because(problem.Unavailable, err, "look for plugin %s", name)
	case i.Mode().Type() != fs.ModeSocket:
		return nil, problem.New(problem.Invalid, "%s in %s is no socket", name+suffix, c.dir)
	}
	slots := c.slotsOf(name)
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "plugin %s had too many others to render for", name).WithHint("it is asked again")
	}
	return newSession(name, c.socket(name), func() { <-slots }), nil
}

func (c *Client) slotsOf(name string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots[name] == nil {
		c.slots[name] = make(chan struct{}, atOnce)
	}
	return c.slots[name]
}

func spoken(names []string) string {
	if len(names) == 0 {
		return "no plugin"
	}
	names = slices.Clone(names)
	return strings.Join(names[:min(len(names), 10)], ", ")
}

// checksum is what cmp-server compares the archive with.
func checksum(archive []byte) string {
	sum := sha256.Sum256(archive)
	return hex.EncodeToString(sum[:])
}

// parts are the messages that carry an input: what it is, then the archive in pieces.
func parts(in Input) iter.Seq[*part] {
	return func(yield func(*part) bool) {
		about := &metadata{application: in.Application, folder: in.Folder, checksum: checksum(in.Archive), size: int64(len(in.Archive)), env: in.Env}
		if !yield(&part{about: about}) {
			return
		}
		for chunk := range slices.Chunk(in.Archive, piece) {
			if !yield(&part{chunk: chunk}) {
				return
			}
		}
	}
}
