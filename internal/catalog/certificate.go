package catalog

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/crypto/ssh"
)

// Types of certificates (Argo CD's).
const (
	CertificateSSH   = "ssh"   // a host key
	CertificateHTTPS = "https" // a server's certificate, or its authority's
)

// Certificate is what a server proves itself with: a host key of argocd-ssh-known-hosts-cm, or one certificate of
// argocd-tls-certs-cm.
type Certificate struct {
	Server  string // host of https; of ssh what stands in known_hosts, for example [git.corp]:2222
	Type    string // CertificateSSH or CertificateHTTPS
	SubType string // of ssh the key's algorithm, for example ssh-ed25519; of https rsa, ecdsa, ed25519 or invalid
	Data    []byte // of ssh the key in base64, as in known_hosts; of https PEM
	Info    string // of ssh SHA256:fingerprint; of https the subject, or why it cannot be read
}

// CertificateFilter selects certificates; an empty field, or a lone star, takes all.
type CertificateFilter struct {
	Server  string // a glob
	Type    string
	SubType string // of ssh
}

func (f CertificateFilter) takes(c Certificate) bool {
	any := func(s string) bool { return s == "" || s == "*" }
	kind := f.Type
	if kind == "tls" { // Argo CD's other word
		kind = CertificateHTTPS
	}
	if !any(kind) && kind != c.Type || c.Type == CertificateSSH && !any(f.SubType) && f.SubType != c.SubType {
		return false
	}
	if f.Server == "" {
		return true
	}
	// the brackets of [host]:port are no character class
	ok, err := path.Match(strings.NewReplacer("[", `\[`, "]", `\]`).Replace(f.Server), c.Server)
	return err == nil && ok
}

// maxCertificates bounds what one request may bring, and one host may have.
const maxCertificates = 256

// Certificates returns what is configured, host keys first, then by host.
func (c *Catalog) Certificates(f CertificateFilter) []Certificate {
	c.mu.RLock()
	hosts, certs := c.records.maps[knownHostsMap][knownHostsKey], c.records.maps[tlsCertsMap]
	c.mu.RUnlock()
	var list []Certificate
	for _, line := range strings.Split(hosts, "\n") {
		if k, ok := parseKnownHost(line); ok && f.takes(k) {
			list = append(list, k)
		}
	}
	for _, host := range sortedKeys(certs) {
		for _, k := range parsePEM(host, certs[host]) {
			if f.takes(k) {
				list = append(list, k)
			}
		}
	}
	return list
}

const knownHostsKey = "ssh_known_hosts"

// parseKnownHost reads a line of known_hosts. Comments and what is no line of three words are not ours to show.
func parseKnownHost(line string) (Certificate, bool) {
	words := strings.Fields(line)
	if len(words) < 3 || strings.HasPrefix(words[0], "#") || strings.HasPrefix(words[0], "@") {
		return Certificate{}, false
	}
	k := Certificate{Server: words[0], Type: CertificateSSH, SubType: words[1], Data: []byte(words[2])}
	if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(words[1] + " " + words[2])); err == nil {
		k.Info = ssh.FingerprintSHA256(key)
	}
	return k, true
}

// parsePEM reads the certificates of a host.
func parsePEM(host, text string) []Certificate {
	var list []Certificate
	for rest := []byte(text); len(list) < maxCertificates; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return list
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		k := Certificate{Server: host, Type: CertificateHTTPS, Data: pem.EncodeToMemory(block), SubType: "invalid", Info: "could not parse X509 data from input"}
		if x, err := x509.ParseCertificate(block.Bytes); err == nil {
			k.SubType, k.Info = strings.ToLower(x.PublicKeyAlgorithm.String()), x.Subject.String()
		}
		list = append(list, k)
	}
	return list
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

// checkHost refuses what is no host: in known_hosts another word or line would be another entry.
func checkHost(server string) error {
	host := server
	if inner, ok := strings.CutPrefix(server, "["); ok {
		name, port, found := strings.Cut(inner, "]:")
		if !found || port == "" || strings.Trim(port, "0123456789") != "" {
			return problem.New(problem.Invalid, "invalid hostname in request: %s", server)
		}
		host = name
	}
	if len(host) > 253 || !hostName.MatchString(host) && (!strings.Contains(host, ":") || strings.Trim(strings.ToLower(host), "0123456789abcdef:.") != "") {
		return problem.New(problem.Invalid, "invalid hostname in request: %s", server)
	}
	return nil
}

// AddCertificates adds certificates and returns those that were new, or, with replace, different. A host key is named
// by host and algorithm; the certificates of an https host are one file, which is replaced whole: Data of such a one may
// hold several. Something different under a name is an error without replace, and then nothing is changed.
func (c *Catalog) AddCertificates(ctx context.Context, list []Certificate, replace bool) ([]Certificate, error) {
	if len(list) > maxCertificates {
		return nil, problem.New(problem.Limit, "%d certificates in one request; %d are possible", len(list), maxCertificates)
	}
	checked, err := checkCertificates(list)
	if err != nil {
		return nil, err
	}
	var keys, certs []Certificate
	for _, k := range checked {
		if k.Type == CertificateSSH {
			keys = append(keys, k)
		} else {
			certs = append(certs, k)
		}
	}
	added, err := c.addHostKeys(ctx, keys, replace)
	if err != nil {
		return nil, err
	}
	more, err := c.addHostCerts(ctx, certs, replace)
	return append(added, more...), err
}

// checkCertificates refuses what is no certificate, and returns host keys as they are to be stored.
func checkCertificates(list []Certificate) (checked []Certificate, err error) {
	for _, k := range list {
		if k.Type != CertificateSSH && k.Type != CertificateHTTPS {
			return nil, problem.New(problem.Invalid, "unknown certificate type: %s", k.Type)
		}
		if err := checkHost(k.Server); err != nil {
			return nil, err
		}
		if k.Type == CertificateHTTPS {
			parts := parsePEM(k.Server, string(k.Data))
			switch {
			case strings.Contains(k.Server, ":"):
				return nil, problem.New(problem.Invalid, "invalid hostname in request: %s", k.Server).WithHint("a host without port: its certificates count for all of them")
			case len(parts) == 0:
				return nil, problem.New(problem.Invalid, "no valid PEM data received")
			case slices.ContainsFunc(parts, func(p Certificate) bool { return p.SubType == "invalid" }):
				return nil, problem.New(problem.Invalid, "could not parse X509 data from input")
			}
			checked = append(checked, k)
			continue
		}
		parsed, ok := parseKnownHost(k.Server + " " + k.SubType + " " + string(k.Data))
		if !ok || parsed.Info == "" || len(strings.Fields(k.SubType)) != 1 || parsed.SubType != k.SubType {
			return nil, problem.New(problem.Invalid, "the key for '%s' is no %s key", k.Server, k.SubType)
		}
		checked = append(checked, parsed)
	}
	return checked, nil
}

func (c *Catalog) addHostKeys(ctx context.Context, list []Certificate, replace bool) (added []Certificate, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	_, err = c.editRecord(ctx, configMaps, knownHostsMap, func(d *draft) error {
		added = nil
		lines := strings.Split(strings.TrimRight(d.values[knownHostsKey], "\n"), "\n")
		for _, k := range list {
			line := k.Server + " " + k.SubType + " " + string(k.Data)
			at := slices.IndexFunc(lines, func(l string) bool {
				old, ok := parseKnownHost(l)
				return ok && old.Server == k.Server && old.SubType == k.SubType
			})
			switch old, _ := parseKnownHost(line); {
			case at < 0:
				lines = append(lines, line)
			case sameKey(lines[at], old):
				continue
			case !replace:
				return problem.New(problem.Invalid, "key for '%s' (subtype: '%s') already exists, and upsert was not specified", k.Server, k.SubType)
			default:
				lines[at] = line
			}
			added = append(added, k)
		}
		if len(added) > 0 {
			d.values[knownHostsKey] = strings.TrimLeft(strings.Join(lines, "\n")+"\n", "\n")
		}
		if d.missing {
			d.setLabel(partOfLabel, partOf)
		}
		return nil
	})
	return added, err
}

func sameKey(line string, k Certificate) bool {
	old, _ := parseKnownHost(line)
	return string(old.Data) == string(k.Data)
}

func (c *Catalog) addHostCerts(ctx context.Context, list []Certificate, replace bool) (added []Certificate, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	_, err = c.editRecord(ctx, configMaps, tlsCertsMap, func(d *draft) error {
		added = nil
		for _, k := range list {
			old, there := d.values[k.Server]
			switch {
			case there && old == string(k.Data):
				continue
			case there && !replace:
				return problem.New(problem.Invalid, "TLS certificate for server '%s' already exists, and upsert was not specified", k.Server)
			}
			d.values[k.Server] = string(k.Data)
			added = append(added, parsePEM(k.Server, string(k.Data))...)
		}
		if d.missing {
			d.setLabel(partOfLabel, partOf)
		}
		return nil
	})
	return added, err
}

// RemoveCertificates removes what the filter takes and returns it. Comments among the host keys stay; the certificates
// of an https host go together.
func (c *Catalog) RemoveCertificates(ctx context.Context, f CertificateFilter) ([]Certificate, error) {
	var keys, certs []Certificate
	if len(c.Certificates(CertificateFilter{Server: f.Server, Type: f.Type, SubType: f.SubType})) == 0 {
		return nil, nil
	}
	_, err := c.editRecord(ctx, configMaps, knownHostsMap, func(d *draft) error {
		keys = nil
		var kept []string
		for _, line := range strings.Split(d.values[knownHostsKey], "\n") {
			if k, ok := parseKnownHost(line); ok && f.takes(k) {
				keys = append(keys, k)
			} else {
				kept = append(kept, line)
			}
		}
		if len(keys) > 0 {
			d.values[knownHostsKey] = strings.Join(kept, "\n")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, err = c.editRecord(ctx, configMaps, tlsCertsMap, func(d *draft) error {
		certs = nil
		for _, host := range sortedKeys(d.values) {
			if f.takes(Certificate{Server: host, Type: CertificateHTTPS}) {
				certs = append(certs, parsePEM(host, d.values[host])...)
				delete(d.values, host)
			}
		}
		return nil
	})
	return append(keys, certs...), err
}
