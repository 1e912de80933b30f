// Package deploy holds what is installed into a cluster, as files and inside
// the binary: for now the CustomResourceDefinitions. Read [CRDs] first. It only
// carries the files; installing them is the business of the caller.
package deploy

import (
	"bytes"
	"embed"
	"fmt"
	"path"
)

//go:generate go run ./crdgen

//go:embed crds/*.yaml
var crds embed.FS

// File is a YAML file by its base name.
type File struct {
	Name string
	Data []byte
}

// CRDs returns one file for each definition, in the order of their names. The
// caller owns the result.
func CRDs() []File {
	entries, err := crds.ReadDir("crds")
	if err != nil {
		panic(fmt.Sprintf("deploy: the embedded files cannot be listed: %v", err)) // broken build
	}
	var files []File
	for _, e := range entries {
		data, err := crds.ReadFile(path.Join("crds", e.Name()))
		if err != nil {
			panic(fmt.Sprintf("deploy: the embedded file %s cannot be read: %v", e.Name(), err)) // broken build
		}
		files = append(files, File{Name: e.Name(), Data: data})
	}
	return files
}

// CRDManifest is all definitions in one YAML stream, as kubectl takes it.
func CRDManifest() []byte {
	var out bytes.Buffer
	for _, f := range CRDs() {
		fmt.Fprintf(&out, "---\n%s", f.Data)
	}
	return out.Bytes()
}
