// Package web holds the page: what a browser loads, built from TypeScript by `make web`.
//
// The idea: the page is files and nothing else. It speaks to the server by the API that everybody has. Read Files. The
// package refuses to know anything of what it holds; a build without the page has an empty folder, and the server says so.
package web

import (
	"embed"
	"io/fs"
)

// A file that git keeps is in dist at all times, so that a fresh clone compiles without Node.
//
//go:embed all:dist
var dist embed.FS

// Files returns the built page: index.html, and below assets what it loads, each under a name that changes with its
// content. Without a build there is no index.html.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // the name is right: it is a constant
	}
	return files
}
