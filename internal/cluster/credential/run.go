package credential

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// limits bound one run.
type limits struct {
	time   time.Duration
	output int // bytes
}

var standard = limits{time: 20 * time.Second, output: 256 << 10}

// turns bounds the programs that run at a time, whatever cluster they are for: a fleet that is connected at once would start
// hundreds. Each of them loads a cloud's whole SDK.
var turns = make(chan struct{}, 8)

// Running returns how many programs run, and how many may at a time.
func Running() (running, limit int) { return len(turns), cap(turns) }

const (
	group          = "client.authentication.k8s.io/"
	maxComplaint   = 4 << 10
	shownComplaint = 300
)

// inherited is what of our own environment a program gets: where programs and certificates are, how to reach the
// network, and who we are in the clouds, which is what these programs exist to find out.
var (
	inherited         = []string{"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
	inheritedPrefixes = []string{"AWS_", "AZURE_", "AAD_", "GOOGLE_", "CLOUDSDK_"}
)

func environment(from []string) (env []string) {
	for _, e := range from {
		name, _, _ := strings.Cut(e, "=")
		keep := false
		for _, n := range inherited {
			keep = keep || n == name
		}
		for _, p := range inheritedPrefixes {
			keep = keep || strings.HasPrefix(name, p)
		}
		if keep {
			env = append(env, e)
		}
	}
	return env
}

// run runs the program once and reads what it says.
func run(ctx context.Context, p Program, l limits) (Credential, error) {
	version := p.APIVersion
	if version == "" {
		version = group + "v1"
	}
	if version != group+"v1" && version != group+"v1beta1" {
		return Credential{}, problem.New(problem.Invalid, "execProviderConfig.apiVersion: %q is none of %sv1, %sv1beta1", p.APIVersion, group, group)
	}
	info, err := json.Marshal(map[string]any{"apiVersion": version, "kind": "ExecCredential", "spec": spec{Cluster: p.Cluster}})
	if err != nil {
		return Credential{}, problem.Because(problem.Internal, err, "describe the cluster to program %s", p.Command)
	}
	path, err := exec.LookPath(p.Command)
	if err != nil || !filepath.IsAbs(path) { // one in the working directory is nobody's choice
		hint := p.InstallHint
		if hint == "" {
			hint = "it must be in the image in which Hawser's server runs, on its PATH; or register the cluster with another kind of credentials"
		}
		return Credential{}, problem.New(problem.Precondition, "program %s, which gives the credentials, is not there", p.Command).WithHint("%s", oneLine(hint))
	}
	select {
	case turns <- struct{}{}: // its time begins with its turn
		defer func() { <-turns }()
	case <-ctx.Done():
		return Credential{}, problem.New(problem.Unavailable, "program %s waits for others that give credentials: %v", p.Command, ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, l.time)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, p.Args...)
	cmd.Env = append(append(environment(os.Environ()), p.Env...), "KUBERNETES_EXEC_INFO="+string(info))
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, complaint := &bounded{limit: l.output}, &tail{limit: maxComplaint}
	cmd.Stdout, cmd.Stderr = out, complaint
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // children that outlived it
	}
	switch {
	case ctx.Err() != nil:
		return Credential{}, problem.New(problem.Unavailable, "program %s has given no credentials within %v%s", p.Command, l.time, complaint.said())
	case out.over:
		return Credential{}, problem.New(problem.Limit, "program %s printed more than %d bytes", p.Command, l.output)
	case err != nil:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return Credential{}, problem.New(problem.Unavailable, "program %s has ended with %s%s", p.Command, exit.ProcessState, complaint.said())
		}
		return Credential{}, problem.Because(problem.Unavailable, err, "run program %s", p.Command)
	}
	return read(p.Command, out.kept.Bytes())
}

type spec struct {
	Cluster     *Cluster `json:"cluster,omitempty"`
	Interactive bool     `json:"interactive"`
}

// read reads an ExecCredential. Its errors quote nothing of it.
func read(command string, text []byte) (c Credential, err error) {
	wrong := func(what string) (Credential, error) {
		return Credential{}, problem.New(problem.Invalid, "program %s printed %s", command, what)
	}
	var said struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Status     *struct {
			Token       string     `json:"token"`
			Certificate string     `json:"clientCertificateData"`
			Key         string     `json:"clientKeyData"`
			Expires     *time.Time `json:"expirationTimestamp"`
		} `json:"status"`
	}
	if json.Unmarshal(text, &said) != nil {
		return wrong("what is not the JSON of an ExecCredential")
	}
	switch {
	case said.Kind != "ExecCredential" || !strings.HasPrefix(said.APIVersion, group):
		return wrong("no ExecCredential of " + group + "v1")
	case said.Status == nil || said.Status.Token == "" && said.Status.Certificate == "":
		return wrong("an ExecCredential without a token or a certificate")
	case (said.Status.Certificate == "") != (said.Status.Key == ""):
		return wrong("a certificate without its key, or the other way round")
	}
	c.Token = said.Status.Token
	if said.Status.Certificate != "" {
		pair, err := tls.X509KeyPair([]byte(said.Status.Certificate), []byte(said.Status.Key))
		if err != nil {
			return wrong("a certificate and a key that do not belong together, or are no PEM")
		}
		c.Certificate = &pair
		if pair.Leaf != nil {
			c.Expires = pair.Leaf.NotAfter
		}
	}
	if said.Status.Expires != nil {
		c.Expires = *said.Status.Expires
	}
	if !c.Expires.IsZero() && !time.Now().Before(c.Expires) {
		return wrong("credentials that have expired already")
	}
	return c, nil
}

// bounded is a buffer that refuses more than limit bytes, which ends the program by SIGPIPE.
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

// tail keeps the last bytes written: programs say what went wrong at the end.
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

// secretive is what may be a token, a key or a password: long, and of letters and digits mixed; or after such a word.
var (
	secretive = regexp.MustCompile(`[A-Za-z0-9+/=_-]{20,}`)
	named     = regexp.MustCompile(`(?i)((?:token|password|secret|key|authorization|bearer)["']?\s*[:= ]\s*["']?)[^\s"']+`)
)

// said is the program's last words, for people, without what may be a secret.
func (t *tail) said() string {
	text := oneLine(string(t.kept))
	text = named.ReplaceAllString(text, "${1}***")
	text = secretive.ReplaceAllString(text, "***")
	if r := []rune(text); len(r) > shownComplaint {
		text = "…" + string(r[len(r)-shownComplaint:])
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

func oneLine(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ") }
