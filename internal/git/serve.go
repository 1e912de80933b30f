package git

import (
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// ServeOptions are for Serve.
type ServeOptions struct {
	Git string // the git command, default "git"

	// AfterPush is called with the repository's name (without .git) when a push has ended, before the client sees its
	// end: whoever has pushed may rely on the call.
	AfterPush func(repo string)
}

// probe is the empty request by which git asks, before it sends a big push, whether it may.
const probe = "0000"

// maxPush bounds the body of one request to the Git server.
const maxPush = 1 << 30

// served is what the smart protocol asks for: the name of a repository, then one of three services.
var served = regexp.MustCompile(`^/([A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*)/(info/refs|git-upload-pack|git-receive-pack)$`)

// Serve returns a Git server over smart HTTP: the bare repositories below root as /<name>.git or /<name>, fetch and
// push, for the demo and for tests. It asks for no credentials and runs no hooks.
func Serve(root string, o ServeOptions) http.Handler {
	if o.Git == "" {
		o.Git = "git"
	}
	path, err := exec.LookPath(o.Git)
	if err != nil {
		path = o.Git
	}
	backend := &cgi.Handler{
		Path: path, Args: []string{"http-backend"}, Dir: root,
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + root, "PATH=" + os.Getenv("PATH"),
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_COUNT=6",
			"GIT_CONFIG_KEY_0=http.receivepack", "GIT_CONFIG_VALUE_0=true",
			"GIT_CONFIG_KEY_1=core.hooksPath", "GIT_CONFIG_VALUE_1=/dev/null",
			"GIT_CONFIG_KEY_2=safe.directory", "GIT_CONFIG_VALUE_2=*",
			"GIT_CONFIG_KEY_3=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_3=true",
			"GIT_CONFIG_KEY_4=receive.autogc", "GIT_CONFIG_VALUE_4=false",
			"GIT_CONFIG_KEY_5=uploadpack.allowFilter", "GIT_CONFIG_VALUE_5=true",
		},
		Stderr: io.Discard,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := served.FindStringSubmatch(r.URL.Path)
		if m == nil || strings.Contains(r.URL.Path, "..") {
			http.NotFound(w, r)
			return
		}
		repo := strings.TrimSuffix(m[1], ".git")
		if gone(filepath.Join(root, repo+".git")) {
			http.NotFound(w, r)
			return
		}
		r.URL.Path = "/" + repo + ".git/" + m[2] // hosts answer to both spellings
		done, err := measure(r)
		if err != nil {
			http.Error(w, "the request's body cannot be read", http.StatusRequestEntityTooLarge)
			return
		}
		defer done()
		length := int(r.ContentLength)
		backend.ServeHTTP(w, r)
		if o.AfterPush != nil && r.Method == http.MethodPost && m[2] == "git-receive-pack" && length > len(probe) {
			o.AfterPush(repo)
		}
	})
}

// measure gives a chunked body (git sends one from 1 MiB on) a length by way of a temporary file: CGI needs it.
func measure(r *http.Request) (done func(), err error) {
	if r.ContentLength >= 0 || r.Body == nil {
		return func() {}, nil
	}
	f, err := os.CreateTemp("", "hawser-push-")
	if err != nil {
		return nil, err
	}
	done = func() {
		f.Close()
		os.Remove(f.Name())
	}
	n, err := io.Copy(f, http.MaxBytesReader(nil, r.Body, maxPush))
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, err
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(f), n, nil
	return done, nil
}
