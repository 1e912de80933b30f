package charts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/source/signature"
)

// Repository is where to ask and with what credentials: the fields of Argo CD's repository Secrets that concern charts.
type Repository struct {
	URL                         string // https://host/path of a Helm repository; host/path, with oci:// or without, in a registry
	OCI                         bool   // it is a registry
	Username, Password          source.Secret
	BearerToken                 source.Secret // sent instead of username and password
	TLSClientCert, TLSClientKey source.Secret // PEM
	CA                          []byte        // PEM, trusted besides the system's
	Insecure                    bool          // do not verify this host's certificate
	PlainHTTP                   bool          // speak HTTP with a registry
	Proxy, NoProxy              string
	PassCredentials             bool // send them to the host that an index names for a chart, too
	// Workload has this process log in as what it is in Azure, instead of with credentials.
	Workload bool
	// Keys are those of which one must have signed each chart; nil when none need be signed.
	Keys *signature.Keys
}

// String returns the address; it holds no credentials.
func (r Repository) String() string { return r.withoutUser() }

// GoString is String.
func (r Repository) GoString() string { return r.withoutUser() }

// LogValue is String.
func (r Repository) LogValue() slog.Value { return slog.StringValue(r.withoutUser()) }

func (r Repository) withoutUser() string {
	scheme, rest, ok := strings.Cut(r.URL, "://")
	if !ok {
		return r.URL
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest[:end], '@')+1:]
}

// name is what messages call a chart of the repository.
func (r Repository) name(chart string) string {
	if chart == "" {
		return r.String()
	}
	return "chart " + chart + " of " + r.String()
}

var (
	registryHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$|^\[[0-9a-fA-F:]+\](:[0-9]{1,5})?$`)
	// registryName and registryTag are the grammar of the OCI distribution specification.
	registryName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	registryTag  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// clean checks r and moves credentials from its address into its fields.
func (r Repository) clean() (Repository, error) {
	r.URL = strings.TrimSpace(r.URL)
	refuse := func(why, hint string) (Repository, error) {
		return r, problem.New(problem.Invalid, "repository %q: %s", clip(r.String()), why).WithHint("%s", hint)
	}
	for _, s := range []source.Secret{r.Username, r.Password, r.BearerToken} {
		if strings.ContainsAny(s.Reveal(), "\r\n\x00") {
			return refuse("a credential holds a line break", "encode the Secret's values without a trailing newline (printf, not echo)")
		}
	}
	if r.OCI || strings.HasPrefix(r.URL, "oci://") {
		r.OCI = true
		address := r.URL
		for _, scheme := range []string{"oci://", "https://", "http://"} {
			address = strings.TrimPrefix(address, scheme)
		}
		host, path, _ := strings.Cut(strings.Trim(address, "/"), "/")
		if !registryHost.MatchString(host) {
			return refuse("it is no registry's host", "write it as registry.example.com/path, or oci://registry.example.com/path")
		}
		if path != "" && !registryName.MatchString(path) {
			return refuse("its path is no name in a registry", "names are in lower case, with single dots, dashes and slashes")
		}
		r.URL = "oci://" + strings.TrimSuffix(host+"/"+path, "/")
		return r, nil
	}
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return refuse("it is no address of a Helm repository", "write it as https://host/path, or set enableOCI for a registry")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return refuse("it holds a query or a fragment", "")
	case strings.ContainsFunc(u.Path, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) || climbs(u.Path):
		return refuse("its path climbs with .. or holds a control character", "")
	}
	if u.User != nil {
		if r.Username == "" && r.Password == "" && r.BearerToken == "" {
			pass, _ := u.User.Password()
			r.Username, r.Password = source.Secret(u.User.Username()), source.Secret(pass)
		}
		u.User = nil
	}
	r.URL = strings.TrimRight(u.String(), "/")
	return r, nil
}

func climbs(p string) bool {
	for _, e := range strings.Split(p, "/") {
		if e == ".." {
			return true
		}
	}
	return false
}

// registry divides the address of a clean registry.
func (r Repository) registry() (origin, path string) {
	host, path, _ := strings.Cut(strings.TrimPrefix(r.URL, "oci://"), "/")
	if host == "docker.io" || host == "index.docker.io" { // the name that people use, and the host that answers
		host = "registry-1.docker.io"
	}
	if r.PlainHTTP {
		return "http://" + host, path
	}
	return "https://" + host, path
}

// repository is the name of a chart's repository in a registry.
func (r Repository) repository(chart string) (string, error) {
	_, path := r.registry()
	name := strings.Trim(path+"/"+chart, "/")
	if !registryName.MatchString(name) {
		return "", problem.New(problem.Invalid, "%s: %q is no name in a registry", r, clip(name)).WithHint("names are in lower case, with single dots, dashes and slashes")
	}
	return name, nil
}

// origin is what credentials are bound to: scheme, host and port.
func (r Repository) origin() string {
	if r.OCI {
		origin, _ := r.registry()
		return normalOrigin(origin)
	}
	return normalOrigin(r.URL)
}

// normalOrigin is scheme://host:port of an address, the port always there.
func normalOrigin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return originOf(u)
}

func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// access names the repository and who asks: nobody reads what another one's credentials have fetched.
func (c *Charts) access(r Repository) string {
	h := hmac.New(sha256.New, c.key)
	fmt.Fprintf(h, "%d:%s%v%v", len(r.URL), r.URL, r.OCI, r.Workload)
	for _, s := range []source.Secret{r.Username, r.Password, r.BearerToken, r.TLSClientCert, r.TLSClientKey} {
		fmt.Fprintf(h, "%d:%s", len(s), s.Reveal())
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// idOf names an archive for those who may have it.
func (c *Charts) idOf(r Repository, a *archive) string {
	h := hmac.New(sha256.New, c.key)
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%v%v", c.access(r), a.digest, a.distinct, a.helm, a.plain)
	if r.Keys != nil { // what is kept by this name was signed when it came
		fmt.Fprintf(h, "\x00%s", r.Keys.Print())
	}
	return hex.EncodeToString(h.Sum(nil))[:40]
}

// secrets returns what must not appear in any text.
func (r Repository) secrets() []string {
	all := []string{r.Password.Reveal(), r.BearerToken.Reveal(), r.basic()}
	if len(r.Username) > 20 { // a token in the user's place
		all = append(all, r.Username.Reveal())
	}
	if u, err := url.Parse(r.Proxy); err == nil && u.User != nil {
		pass, _ := u.User.Password()
		all = append(all, pass)
	}
	return all
}

// clip shortens what others wrote.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
