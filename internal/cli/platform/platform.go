// Package platform is the sample repository of the demo: the whole platform of an invented shop, as files.
//
// The idea: a repository that one might meet at work: one root application, applications of applications below it, and
// services in plain YAML, kustomize, Helm and jsonnet over three environments. Read repository/README.md first, then Files. The
// package refuses to write the files anywhere.
package platform

import (
	"embed"
	"io/fs"
	"strings"
)

// The repository as its manifests know it. Nobody serves these addresses: the demo maps them to its own Git server, as
// a site with a mirror would.
const (
	Prefix = "https://git.harbour.example/" // what the mirror stands in for
	Name   = "platform"                     // of the repository
	URL    = Prefix + Name + ".git"
	Branch = "main"

	RootFile = "platform/root.yaml" // the root application, the one thing that is applied by hand
)

//go:embed all:repository
var repository embed.FS

// Files returns the repository: path → content.
func Files() map[string]string {
	files := map[string]string{}
	err := fs.WalkDir(repository, "repository", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := repository.ReadFile(p)
		files[strings.TrimPrefix(p, "repository/")] = string(data)
		return err
	})
	if err != nil { // the files are part of the binary: only a broken build gets here
		panic("platform: " + err.Error())
	}
	return files
}
