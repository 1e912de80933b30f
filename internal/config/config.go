// Package config holds every setting of the process as one value.
//
// The idea: cli fills a Config from flags and environment, Validate judges it once, and from then on it is only
// passed on. Read Default first. Settings that can change while the process runs (argocd-cm and its like) are not
// here: catalog.Settings has them. The package refuses to read flags, the environment, files or the clock.
package config

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Config is every setting of one process.
type Config struct {
	Kubeconfig string // path of the kubeconfig file; empty means in-cluster
	Context    string // context in it; empty means its current one
	Namespace  string // where Applications, settings and the leader's Lease live
	// ApplicationNamespaces are further namespaces that may hold Applications: globs, or regular expressions between
	// slashes. Empty: what argocd-cmd-params-cm says at the start.
	ApplicationNamespaces []string
	DataDir               string // mirrors and caches; everything in it can be lost. Required

	Listen   string // host:port of the one listener; an empty host listens everywhere
	Insecure bool   // plain HTTP only, for a proxy that does TLS
	// PeerAddress is where other replicas reach this one: host:port, or a host, whose port is that of Listen. Empty: where it
	// listens, or, with an empty host, the address by which it reaches the API server.
	PeerAddress string
	TLSCert     string // files of the certificate and its key, PEM; empty: those of argocd-secret, made when missing
	TLSKey      string
	RootPath    string // path below which everything is served; empty: server.rootpath of argocd-cmd-params-cm

	Plugins string // directory of the sockets of config management plugins; empty: there are none

	AllowFileRepositories bool      // file:// repositories, for demos and tests on one machine
	InstallCRDs           bool      // install missing CustomResourceDefinitions at start
	InsteadOf             []Rewrite // mirrors and air-gapped sites

	LogLevel  string // debug, info, warn, error
	LogFormat string // text, json

	Identity      string        // of this replica in the leader's Lease; unique per process
	LeaseDuration time.Duration // how long a silent leader keeps the lead; at least a second

	Sharding bool // replicas share the work instead of waiting for the one that leads

	GitTimeout  time.Duration // one whole fetch
	SyncTimeout time.Duration // one whole operation unless argocd-cmd-params-cm says otherwise; 0 is none

	Workers Workers

	Azure AzureWorkload
	Agent Agent // of a process that is one; the zero value for a hub
}

// AzureWorkload is what the process is in Azure. AKS sets it in pods with a workload identity (AZURE_TENANT_ID,
// AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST); empty where there is none.
type AzureWorkload struct {
	TenantID, ClientID string
	TokenFile          string
	Authority          string // empty: Microsoft's public cloud
}

// Agent is how an agent reaches its hub. It proves itself with a token, or with a certificate.
type Agent struct {
	Hub       string // address, as https://hawser.example.com
	Name      string // as the hub registered it
	TokenFile string // holds the token
	CAFile    string // PEM; empty: the machine's authorities
	CertFile  string // client certificate and its key, PEM
	KeyFile   string
}

// Workers says how much happens at the same time. The defaults are Argo CD's (controller.status.processors and
// controller.operation.processors).
type Workers struct {
	Status    int // applications looked at
	Operation int // operations carried out
}

// Default returns the settings of a process that was told nothing. DataDir and Identity depend on the machine: cli
// fills them.
func Default() Config {
	return Config{
		Namespace:     "argocd",
		Listen:        "127.0.0.1:8080",
		LogLevel:      "info",
		LogFormat:     "text",
		LeaseDuration: 15 * time.Second,
		GitTimeout:    90 * time.Second,
		Workers:       Workers{Status: 20, Operation: 10},
	}
}

var namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Validate returns everything that is wrong with c at once, each with the flag that sets it; nil when nothing is.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, problem.New(problem.Invalid, format, args...)) }
	if !namespaceName.MatchString(c.Namespace) {
		wrong("--namespace %q is not the name of a namespace", c.Namespace)
	}
	if c.DataDir == "" {
		wrong("--data-dir is empty")
	}
	if err := checkListen(c.Listen); err != "" {
		wrong("--listen %q: %s", c.Listen, err)
	}
	if err := checkPeer(c.PeerAddress); err != "" {
		wrong("--peer-address %q: %s", c.PeerAddress, err)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		wrong("--tls-cert and --tls-key go together")
	}
	if c.RootPath != "" && !strings.HasPrefix(c.RootPath, "/") {
		wrong("--root-path %q does not begin with a slash", c.RootPath)
	}
	if !oneOf(c.LogLevel, "debug", "info", "warn", "error") {
		wrong("--log-level %q is none of debug, info, warn, error", c.LogLevel)
	}
	if !oneOf(c.LogFormat, "text", "json") {
		wrong("--log-format %q is none of text, json", c.LogFormat)
	}
	if c.Identity == "" {
		wrong("--identity is empty")
	}
	if c.LeaseDuration < time.Second {
		wrong("--lease-duration %s is below a second", c.LeaseDuration)
	}
	if c.GitTimeout <= 0 {
		wrong("--git-timeout %s is not positive", c.GitTimeout)
	}
	if c.SyncTimeout < 0 {
		wrong("--sync-timeout %s is negative", c.SyncTimeout)
	}
	if c.Workers.Status < 1 || c.Workers.Operation < 1 {
		wrong("--status-workers %d and --operation-workers %d must be at least 1", c.Workers.Status, c.Workers.Operation)
	}
	if a := c.Agent; a != (Agent{}) {
		if a.Hub == "" {
			wrong("--hub is empty")
		}
		if !namespaceName.MatchString(a.Name) {
			wrong("--name %q is not the name of an agent", a.Name)
		}
		if a.TokenFile == "" && a.CertFile == "" {
			wrong("--token-file and --client-cert are both empty: one of them proves who this is")
		}
		if (a.CertFile == "") != (a.KeyFile == "") {
			wrong("--client-cert and --client-key go together")
		}
	}
	for _, r := range c.InsteadOf {
		if err := r.Validate(); err != nil {
			errs = append(errs, problem.Because(problem.Invalid, err, "--instead-of"))
		}
	}
	return errors.Join(errs...)
}

func checkListen(address string) string {
	i := strings.LastIndex(address, ":")
	if i < 0 {
		return "it has no port; write host:port"
	}
	if host := address[:i]; strings.Contains(host, ":") && !(strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")) {
		return "an IPv6 address is written in brackets: [::1]:8080"
	}
	if _, err := strconv.ParseUint(address[i+1:], 10, 16); err != nil {
		return "the port is not a number from 0 to 65535"
	}
	return ""
}

// checkPeer is checkListen for an address that others reach: it has a host, and may have no port.
func checkPeer(address string) string {
	switch {
	case address == "":
		return ""
	case strings.ContainsAny(address, " /"):
		return "it is no host:port"
	case strings.HasPrefix(address, ":"):
		if strings.Count(address, ":") == 1 {
			return "it has no host"
		}
	}
	if i := strings.LastIndex(address, ":"); i < 0 || strings.Count(address, ":") > 1 && !strings.HasPrefix(address, "[") { // a host, or an address of IPv6
		return ""
	}
	return checkListen(address)
}

func oneOf(s string, allowed ...string) bool {
	for _, a := range allowed {
		if s == a {
			return true
		}
	}
	return false
}
