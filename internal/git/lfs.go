package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Large files (Git LFS, its specification and batch API): the repository holds pointers, a server beside it the content. A
// tree with LFS gives the content where a pointer is read, and only there: what nobody renders is not fetched.

const (
	lfsVersion = "version https://git-lfs.github.com/spec/v1\n"
	lfsType    = "application/vnd.git-lfs+json"
	maxPointer = 1024
	maxBatch   = 1 << 20
	lfsKept    = 512 << 20 // bytes of one repository's objects on disk; over it they are fetched anew
)

// large is a tree whose pointers are followed.
type large struct {
	source.Tree
	x *mirror
	r Repository
}

// Read returns the content of the file at p.
func (t large) Read(p string, limit int64) ([]byte, error) {
	data, err := t.Tree.Read(p, limit)
	if err != nil || len(data) > maxPointer || !bytes.HasPrefix(data, []byte(lfsVersion)) {
		return data, err
	}
	oid, size, ok := pointer(string(data))
	if !ok {
		return data, nil
	}
	if size > limit {
		return nil, source.TooLarge(p, size, limit)
	}
	content, err := t.x.object(t.r, oid, size)
	problem.Wrap(&err, "read %s", p)
	return content, err
}

// pointer reads a pointer file.
func pointer(text string) (oid string, size int64, ok bool) {
	size = -1
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "oid":
			oid = strings.TrimPrefix(value, "sha256:")
		case "size":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				size = n
			}
		}
	}
	return oid, size, len(oid) == 64 && isHex(oid) && size >= 0
}

// object returns a large file's content, from the disk or the server. It lies with its mirror, so that the pointers of one
// repository never read what is another's.
func (x *mirror) object(r Repository, oid string, size int64) ([]byte, error) {
	if !r.http() {
		return nil, problem.New(problem.Unsupported, "%s: large files (LFS) are fetched over https only", r).WithHint("use the repository's https address")
	}
	dir := filepath.Join(x.dir, "lfs")
	file := filepath.Join(dir, oid)
	good := func(data []byte) bool {
		sum := sha256.Sum256(data)
		return int64(len(data)) == size && hex.EncodeToString(sum[:]) == oid
	}
	if data, err := os.ReadFile(file); err == nil && good(data) {
		return data, nil
	}
	ctx, cancel := context.WithTimeout(x.m.ctx, x.m.options.Timeout)
	defer cancel()
	began := time.Now()
	data, err := x.m.download(ctx, r, oid, size)
	x.m.options.Observe("lfs", r.String(), time.Since(began), err)
	if err != nil {
		return nil, err
	}
	if !good(data) {
		return nil, problem.New(problem.Invalid, "%s: a large file came with another content than its pointer says", r)
	}
	if full(dir) {
		os.RemoveAll(dir)
	}
	if err := os.MkdirAll(dir, 0o700); err == nil {
		if tmp, err := os.CreateTemp(dir, "tmp-"); err == nil {
			_, err = tmp.Write(data)
			if e := tmp.Close(); err != nil || e != nil || os.Rename(tmp.Name(), file) != nil {
				os.Remove(tmp.Name())
			}
		}
	}
	return data, nil
}

// full reports whether a repository keeps more large files than it may.
func full(dir string) bool {
	entries, _ := os.ReadDir(dir)
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return total > lfsKept
}

// download asks the repository's LFS server where an object is, and fetches it. The repository's credentials go to its own
// scheme, host and port only; storage elsewhere gets what the server says that it wants.
func (m *Mirrors) download(ctx context.Context, r Repository, oid string, size int64) ([]byte, error) {
	r, err := m.login(ctx, r)
	if err != nil {
		return nil, err
	}
	base := strings.TrimRight(r.URL, "/")
	if !strings.HasSuffix(base, ".git") {
		base += ".git"
	}
	question, err := json.Marshal(map[string]any{
		"operation": "download", "transfers": []string{"basic"}, "hash_algo": "sha256", "objects": []any{map[string]any{"oid": oid, "size": size}},
	})
	if err != nil {
		return nil, err
	}
	header := http.Header{"Accept": {lfsType}, "Content-Type": {lfsType}}
	if a := r.authorization(); a != "" {
		header.Set("Authorization", a)
	}
	text, err := m.lfsRequest(ctx, r, http.MethodPost, base+"/info/lfs/objects/batch", header, question, maxBatch)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Objects []struct {
			OID     string `json:"oid"`
			Actions map[string]struct {
				Href   string            `json:"href"`
				Header map[string]string `json:"header"`
			} `json:"actions"`
			Error *struct {
				Code int `json:"code"`
			} `json:"error"`
		} `json:"objects"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Objects) != 1 || answer.Objects[0].OID != oid {
		return nil, problem.New(problem.Unavailable, "fetch a large file of %s: the server answers with something that is no answer of LFS", r)
	}
	o := answer.Objects[0]
	to, ok := o.Actions["download"]
	if o.Error != nil || !ok {
		return nil, problem.New(problem.NotFound, "fetch a large file of %s: the server does not have the object %s", r, oid[:12]).WithHint("git lfs push --all puts it there")
	}
	header = http.Header{}
	for k, v := range to.Header {
		if len(header) < 32 && len(k)+len(v) < 16<<10 && !strings.ContainsAny(k+v, "\r\n\x00") {
			header.Set(k, v)
		}
	}
	u, err := url.Parse(to.Href)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && strings.HasPrefix(r.URL, "http://")) {
		return nil, problem.New(problem.Forbidden, "fetch a large file of %s: the server names no address that may be asked", r)
	}
	own := origin(u.String()) == origin(r.URL)
	if own && header.Get("Authorization") == "" && r.authorization() != "" {
		header.Set("Authorization", r.authorization())
	}
	if !own { // a stranger: without our certificate, and always verified
		r = Repository{URL: r.URL, CA: r.CA, Proxy: r.Proxy, NoProxy: r.NoProxy}
	}
	return m.lfsRequest(ctx, r, http.MethodGet, to.Href, header, nil, size)
}

// lfsRequest sends one request and returns the answer's body, of at most limit bytes. It follows no redirect.
func (m *Mirrors) lfsRequest(ctx context.Context, r Repository, method, address string, header http.Header, body []byte, limit int64) ([]byte, error) {
	shared, err := m.client(r)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: shared.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, problem.New(problem.Invalid, "fetch a large file of %s: its address does not parse", r)
	}
	req.Header = header
	req.Header.Set("User-Agent", "git-lfs/3.0 (hawser)")
	res, err := client.Do(req)
	if err != nil {
		return nil, dialProblem(ctx, err, r)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		kind := problem.Unavailable
		switch res.StatusCode {
		case http.StatusUnauthorized:
			kind = problem.Unauthenticated
		case http.StatusForbidden:
			kind = problem.Forbidden
		case http.StatusNotFound, http.StatusGone:
			kind = problem.NotFound
		}
		return nil, problem.New(kind, "fetch a large file of %s: %s answers %d", r, req.URL.Host, res.StatusCode).WithHint(hintCredentials)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, problem.New(problem.Unavailable, "fetch a large file of %s: the answer broke off", r)
	}
	if int64(len(data)) > limit {
		return nil, problem.New(problem.Limit, "fetch a large file of %s: more came than was announced", r)
	}
	return data, nil
}
