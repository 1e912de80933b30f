package git

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// The bounds of what a git process may say.
const (
	maxStderr = 8 << 10
	maxStdout = 256 << 20 // refs of a repository with millions of them
	grace     = 2 * time.Second
)

// command is one run of git.
type command struct {
	dir  string // of the mirror; "" for none
	url  string // of the server it talks to; "" for none
	args []string
	env  []string // on top of the environment of every git process
}

// environment is all that a git process inherits: nothing of the user's or the system's configuration.
func (m *Mirrors) environment() []string {
	allow := "http:https:ssh"
	if m.options.AllowFile {
		allow += ":file"
	}
	home := filepath.Join(m.options.Dir, "home")
	return []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + home, "XDG_CONFIG_HOME=" + home,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + filepath.Join(m.options.Dir, "gitconfig"),
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_ALLOW_PROTOCOL=" + allow, "GIT_PROTOCOL_FROM_USER=0",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_ADVICE=0",
	}
}

// git runs one command to its end and returns what it printed. The error is a *failed. When ctx ends, the whole
// process group is asked to stop (so that git removes its locks) and killed soon after.
func (m *Mirrors) git(ctx context.Context, c command) ([]byte, error) {
	args := c.args
	if c.dir != "" {
		args = append([]string{"--git-dir=" + c.dir}, args...)
	}
	cmd := exec.CommandContext(ctx, m.options.Git, args...)
	cmd.Env = append(m.env[:len(m.env):len(m.env)], c.env...)
	cmd.Dir = filepath.Join(m.options.Dir, "home")
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = 2 * grace
	var killer *time.Timer
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		killer = time.AfterFunc(grace, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
		return syscall.Kill(group, syscall.SIGTERM)
	}
	out := &bounded{limit: maxStdout}
	errs := &tail{limit: maxStderr}
	cmd.Stdout, cmd.Stderr = out, errs
	err := cmd.Run()
	if killer != nil {
		killer.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // a child that outlived git
	}
	if err != nil || out.over {
		return nil, &failed{verb: c.args[0], url: c.url, stderr: errs.String(), err: err, ctx: ctx.Err(), over: out.over}
	}
	return out.kept.Bytes(), nil
}

// bounded is a buffer that refuses more than limit bytes, which ends the process by SIGPIPE.
type bounded struct {
	kept  bytes.Buffer // not embedded: its ReadFrom would go round the limit
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > b.limit {
		b.over = true
		return 0, errors.New("output too long")
	}
	return b.kept.Write(p)
}

// tail keeps the last bytes written: git says what went wrong at the end.
type tail struct {
	kept  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }

// basic returns the value of basic authentication, or "".
func (r Repository) basic() string {
	if r.Username == "" && r.Password == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(r.Username.Reveal() + ":" + r.Password.Reveal()))
}

// authorization returns the value of the Authorization header, or "".
func (r Repository) authorization() string {
	if r.BearerToken != "" {
		return "Bearer " + r.BearerToken.Reveal()
	}
	if b := r.basic(); b != "" {
		return "Basic " + b
	}
	return ""
}

// transport returns the environment that lets git talk to the server of r, and a function that removes the files
// which only a file can carry (keys, certificates). A secret is in that environment or in a 0600 file in a 0700
// folder, never in an argument or a URL. The Authorization header may be sent unasked because git follows no
// redirect (see config): it cannot reach another host.
func (m *Mirrors) transport(r Repository) (env []string, done func(), err error) {
	dir := ""
	done = func() {
		if dir != "" {
			os.RemoveAll(dir)
		}
	}
	file := func(name string, content []byte) string {
		if err == nil && dir == "" {
			dir, err = os.MkdirTemp(filepath.Join(m.options.Dir, "tmp"), "auth-")
		}
		p := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(p, content, 0o600)
		}
		return p
	}
	var settings [][2]string
	set := func(key, value string) { settings = append(settings, [2]string{key, value}) }
	switch {
	case r.http():
		if a := r.authorization(); a != "" {
			set("http."+origin(r.URL)+".extraHeader", "Authorization: "+a)
		}
		if r.Insecure {
			set("http.sslVerify", "false")
		}
		if len(r.CA) > 0 {
			set("http.sslCAInfo", file("ca.pem", r.CA))
		}
		if r.TLSClientCert != "" {
			set("http.sslCert", file("cert.pem", []byte(r.TLSClientCert.Reveal())))
			set("http.sslKey", file("key.pem", []byte(r.TLSClientKey.Reveal())))
		}
		if r.Proxy != "" {
			set("http.proxy", r.Proxy)
			env = append(env, "no_proxy="+r.NoProxy)
		} else if m.options.ProxyFromEnv {
			for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY"} {
				if v, ok := os.LookupEnv(name); ok {
					env = append(env, name+"="+v)
				}
			}
		}
	case !r.file():
		key, known := "/dev/null", "/dev/null"
		if r.SSHPrivateKey != "" {
			key = file("id", []byte(strings.TrimRight(r.SSHPrivateKey.Reveal(), "\r\n")+"\n"))
		}
		if len(r.KnownHosts) > 0 {
			known = file("known_hosts", r.KnownHosts)
		}
		env = append(env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND="+sshCommand(key, known, r.InsecureIgnoreHostKey || r.Insecure))
	}
	if err != nil {
		done()
		return nil, nil, problem.New(problem.Internal, "write credentials for %s: %v", r, err)
	}
	env = append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)))
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env, done, nil
}

// sshCommand is the ssh that git runs: it reads no configuration and no agent, asks nobody, forwards nothing, and
// trusts only the given host keys (an unknown host is refused, never learned).
func sshCommand(key, knownHosts string, ignoreHostKey bool) string {
	strict := "yes"
	if ignoreHostKey {
		strict, knownHosts = "no", "/dev/null"
	}
	options := []string{
		"BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=" + strict,
		"UserKnownHostsFile=" + sshQuote(knownHosts), "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no", "ControlPath=none", "ControlMaster=no",
		"ForwardAgent=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "ProxyCommand=none",
		"ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=3", "LogLevel=ERROR",
	}
	words := []string{"ssh", "-F", "/dev/null", "-i", shellQuote(key)}
	for _, o := range options {
		words = append(words, "-o", shellQuote(o))
	}
	return strings.Join(words, " ")
}

// shellQuote is for GIT_SSH_COMMAND, which git hands to sh; sshQuote for options that ssh splits at spaces.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func sshQuote(s string) string { return `"` + s + `"` }

// origin returns scheme://host[:port] of an http URL that CheckURL has passed.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Scheme + "://" + u.Host
}
