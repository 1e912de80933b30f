package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// pagePolicy is the Content-Security-Policy of the page: what it runs, shows and speaks to comes from here, there is no
// script or style in its markup, and no text becomes markup or code. Everything else keeps the policy of the boundary,
// which permits nothing.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// screens are the paths below which the page has screens: it shows the right one itself. They are Argo CD's, whose links
// stand in mails, chats and Backstage.
var screens = []string{"/applications", "/applicationsets", "/settings", "/user-info", "/login", "/help", "/new"}

// page is what a browser loads, ready to send.
type page struct {
	files fs.FS
	root  string

	mu    sync.Mutex
	ready map[string]*asset
}

// asset is one file of the page; packed is the same by gzip, and nil when that is no smaller.
type asset struct {
	kind          string
	plain, packed []byte
}

func newPage(files fs.FS, root string) *page {
	return &page{files: files, root: root, ready: map[string]*asset{}}
}

// asset returns a file by its path, packed on first use; nil when there is none.
func (p *page) asset(name string) *asset {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.ready[name]; a != nil {
		return a
	}
	plain, err := fs.ReadFile(p.files, name)
	if err != nil {
		return nil
	}
	if name == "index.html" {
		plain = p.below(plain)
	}
	a := &asset{kind: mime.TypeByExtension(path.Ext(name)), plain: plain}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(plain)
	if _ = z.Close(); b.Len() < len(plain) {
		a.packed = b.Bytes()
	}
	p.ready[name] = a
	return a
}

// below writes the root path into the page: its links to its own files are relative, and it is shown at any depth.
func (p *page) below(index []byte) []byte {
	root := html.EscapeString(p.root)
	index = bytes.ReplaceAll(index, []byte(`="./`), []byte(`="`+root+`/`))
	return bytes.Replace(index, []byte(`name="root" content=""`), []byte(`name="root" content="`+root+`"`), 1)
}

// serve answers a request for the page or a file of it; false leaves the request to others.
func (p *page) serve(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if isScreen(r.URL.Path) {
		name = "index.html"
	} else if !strings.HasPrefix(name, "assets/") && name != "favicon.svg" {
		return false
	}
	a := p.asset(name)
	switch {
	case a == nil && name == "index.html":
		a = &asset{kind: "text/html; charset=utf-8", plain: unbuilt}
	case a == nil:
		return false
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if strings.HasPrefix(name, "assets/") { // the name changes with the content
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := a.plain
	if a.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.packed
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the browser has gone: nobody is left to tell
	}
	return true
}

func isScreen(path string) bool {
	if path == "/" {
		return true
	}
	for _, s := range screens {
		if path == s || strings.HasPrefix(path, s+"/") {
			return true
		}
	}
	return false
}

// unbuilt is shown by a binary that was built without Node.
var unbuilt = []byte(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Hawser</title>
<h1>Hawser</h1>
<p>This binary was built without the page: run <code>make web</code> and build again. The API and the <code>hawser</code> command are not concerned.</p>
</html>
`)
