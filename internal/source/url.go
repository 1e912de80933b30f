package source

import "strings"

// NormalizeURL returns the form under which two spellings of one repository's address are equal: lower case, without
// user, default port, trailing slash and ".git", and user@host:path read as ssh://host/path. It is for comparing
// only (project rules, credentials, webhooks; Argo CD compares so too): hosts differ in whether the case of a path
// counts, so the result is never fetched and never names a mirror.
//
// It works on text alone, so that a glob over addresses (https://*.corp/{a,b}/**) comes out as the same glob over
// normal forms.
func NormalizeURL(address string) string {
	scheme, rest, ok := strings.Cut(strings.ToLower(strings.TrimSpace(address)), "://")
	if !ok {
		user, hostAndPath, isSSH := strings.Cut(scheme, "@")
		if !isSSH || strings.Contains(user, "/") {
			return trimURL(scheme) // a registry (ghcr.io/org/chart) or a path
		}
		scheme, rest = "ssh", strings.Replace(hostAndPath, ":", "/", 1)
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	host = host[strings.LastIndex(host, "@")+1:]
	return scheme + "://" + strings.TrimSuffix(host, defaultPorts[scheme]) + trimURL(path)
}

var defaultPorts = map[string]string{"https": ":443", "http": ":80", "ssh": ":22"}

func trimURL(path string) string {
	for strings.Contains(path, "//") { // servers read a//b as a/b, and a rule that denies one must deny the other
		path = strings.ReplaceAll(path, "//", "/")
	}
	return strings.TrimRight(strings.TrimSuffix(strings.TrimRight(path, "/"), ".git"), "/")
}
