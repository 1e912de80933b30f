package charts

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hawser-cd/hawser/internal/problem"
)

// index is what a Helm repository says it has, as far as we ask.
type index struct {
	etag string
	*contents
}

// contents are an index's text and what was read of it. Reading all of a large one takes a second and half a gigabyte, for
// the few charts of it that anybody deploys: so the text is cut into charts, and those are read that are asked for.
type contents struct {
	hash string // of text
	text string

	mu     sync.Mutex
	pieces map[string]string // text of charts that were not read yet; parts of text
	charts map[string][]indexEntry
}

type indexEntry struct {
	Version string    `yaml:"version"`
	Digest  string    `yaml:"digest"`
	URLs    []string  `yaml:"urls"`
	Created time.Time `yaml:"created"`
}

// indexText is an index as it is written; `created` is read leniently, as generators differ.
type indexText struct {
	APIVersion string                     `yaml:"apiVersion"`
	Entries    map[string][]*writtenEntry `yaml:"entries"`
}

type writtenEntry struct {
	Version string   `yaml:"version"`
	Digest  string   `yaml:"digest"`
	URLs    []string `yaml:"urls"`
	Created string   `yaml:"created"`
}

// index asks a repository for its index. What has not changed since (ETag) is neither sent nor read again, across restarts,
// too.
func (c *Charts) index(ctx context.Context, r Repository, notBefore time.Time) (*index, error) {
	access := c.access(r)
	return c.indexes.get(ctx, access, notBefore, func(ctx context.Context, last *index, known bool) (_ *index, err error) {
		began := time.Now()
		defer func() { c.options.Observe("index", r.String(), time.Since(began), err) }()
		id, etagID := "index-"+access, "etag-"+access
		var kept []byte
		etag := ""
		if known {
			etag = last.etag
		} else if text, ok := c.disk.read(id, ""); ok { // of an earlier process
			if tag, ok := c.disk.read(etagID, ""); ok {
				if of, value, found := strings.Cut(string(tag), "\n"); found && of == digestOf(text) {
					kept, etag = text, value
				}
			}
		}
		header := http.Header{"Accept": {"application/yaml, application/x-yaml, text/yaml, */*"}}
		if etag != "" {
			header.Set("If-None-Match", etag)
		}
		res, err := c.send(ctx, r, request{doing: "read the index of " + r.String(), url: r.URL + "/index.yaml", header: header, accept: []int{http.StatusNotModified}})
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if res.StatusCode == http.StatusNotModified {
			if known {
				return last, nil
			}
			return parseIndex(kept, r, etag)
		}
		text, err := readAll(res.Body, c.options.Index, "the index of "+r.String())
		if err != nil {
			return nil, brokenOff(err, "read the index of "+r.String())
		}
		etag = res.Header.Get("ETag")
		if known && last.hash == digestOf(text) {
			return &index{etag, last.contents}, nil
		}
		ix, err := parseIndex(text, r, etag)
		if err != nil {
			return nil, err
		}
		if etag != "" && len(etag) < 1024 {
			c.disk.write(id, text)
			c.disk.write(etagID, []byte(digestOf(text)+"\n"+etag))
		}
		return ix, nil
	})
}

// parseIndex reads an index. A page that is none (a login page, an error that came with 200) is refused: taken for an empty
// index it would say that every chart is gone.
func parseIndex(text []byte, r Repository, etag string) (*index, error) {
	c := &contents{hash: digestOf(text), text: string(text), charts: map[string][]indexEntry{}}
	if c.pieces = cut(c.text); c.pieces == nil {
		if err := c.readAll(); err != nil {
			return nil, problem.New(problem.KindOf(err), "read the index of %s: %v", r, err)
		}
	}
	if n := len(c.pieces) + len(c.charts); n > maxCharts {
		return nil, problem.New(problem.Limit, "the index of %s has more than %d charts", r, maxCharts)
	}
	return &index{etag, c}, nil
}

// chartLine is the line with a chart's name, as everything that makes indexes writes them: indented by two.
var chartLine = regexp.MustCompile(`^  ([A-Za-z0-9][A-Za-z0-9._/-]*):[ \t]*\r?\n?$`)

// cut divides an index in the common form by its charts; nil when it has another one.
func cut(text string) map[string]string {
	pieces := map[string]string{}
	name, from, at := "", 0, 0
	isIndex, inside, found := false, false, false
	end := func() {
		if name != "" {
			pieces[name] = text[from:at]
		}
		name = ""
	}
	for line := range strings.Lines(text) {
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] != ' ' && line[0] != '\t' && line[0] != '-':
			end()
			inside = strings.TrimRight(line, " \r\n") == "entries:"
			found = found || inside
			isIndex = isIndex || strings.HasPrefix(line, "apiVersion:")
		case inside && strings.HasPrefix(line, "  ") && line[2] != ' ' && line[2] != '-' && line[2] != '#':
			m := chartLine.FindStringSubmatch(line)
			if m == nil || pieces[m[1]] != "" {
				return nil
			}
			end()
			name, from = m[1], at
		case inside && name == "":
			return nil
		}
		at += len(line)
	}
	end()
	if !isIndex || !found || len(pieces) == 0 {
		return nil
	}
	return pieces
}

// readAll reads an index that is in another form than the common one, or has something in it that only the whole
// explains. Under mu, or before others know c.
func (c *contents) readAll() error {
	var in indexText
	err := json.Unmarshal([]byte(c.text), &in) // many times as fast, where it is JSON, and soon over where it is not
	if err != nil {
		in = indexText{}
		err = yaml.Unmarshal([]byte(c.text), &in)
	}
	if err != nil || in.Entries == nil || in.APIVersion == "" {
		return problem.New(problem.Unavailable, "the server answers with something that is no index").
			WithHint("check that the address is a Helm repository's; a login page also answers so: check the repository Secret")
	}
	total := 0
	for name, list := range in.Entries {
		if total += len(list); total > maxVersions {
			return problem.New(problem.Limit, "it has more than %d versions", maxVersions)
		}
		c.charts[name] = entriesOf(list)
	}
	c.pieces, c.text = nil, ""
	return nil
}

func entriesOf(list []*writtenEntry) []indexEntry {
	entries := make([]indexEntry, 0, len(list))
	for _, e := range list {
		if e == nil || e.Version == "" {
			continue
		}
		created, _ := time.Parse(time.RFC3339Nano, e.Created)
		entries = append(entries, indexEntry{Version: strings.Clone(e.Version), Digest: strings.Clone(e.Digest), URLs: e.URLs, Created: created})
	}
	return entries
}

// versions returns what the index has of a chart.
func (c *contents) versions(chart string) (entries []indexEntry, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if piece, unread := c.pieces[chart]; unread {
		var in map[string][]*writtenEntry
		if yaml.Unmarshal([]byte(piece), &in) == nil {
			c.charts[chart] = entriesOf(in[chart])
			delete(c.pieces, chart)
		} else if err := c.readAll(); err != nil {
			return nil, false, err
		}
	}
	entries, ok = c.charts[chart]
	return entries, ok, nil
}

// names are those of all charts, sorted.
func (c *contents) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Concat(slices.Collect(maps.Keys(c.pieces)), slices.Collect(maps.Keys(c.charts)))
	slices.Sort(list)
	return list
}

func (ix *index) list() ([]Chart, error) {
	var all []Chart
	for _, name := range ix.names() {
		entries, ok, err := ix.versions(name)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, Chart{Name: name, Versions: newestFirst(versionsOf(entries))})
		}
	}
	return all, nil
}

func versionsOf(entries []indexEntry) []string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Version
	}
	return list
}

// release is what w means by this index.
func (ix *index) release(r Repository, w Wanted) (rel Release, err error) {
	entries, ok, err := ix.versions(w.Chart)
	if err != nil {
		return rel, problem.New(problem.KindOf(err), "read the index of %s: %v", r, err)
	}
	if !ok {
		return rel, problem.New(problem.NotFound, "chart '%s' not found in index of %s", clip(w.Chart), r).WithHint("the index names %d charts", len(ix.names()))
	}
	version, err := pick(versionsOf(entries), w.Revision, r.name(w.Chart))
	if err != nil {
		return rel, err
	}
	e := entries[slices.IndexFunc(entries, func(e indexEntry) bool { return e.Version == version })]
	from := &archive{helm: true}
	if e.Digest != "" {
		if from.digest, err = sha256Digest(e.Digest); err != nil {
			return rel, problem.Because(problem.Invalid, err, "%s %s", r.name(w.Chart), version)
		}
	}
	base, err := url.Parse(r.URL + "/")
	if err != nil {
		return rel, problem.New(problem.Invalid, "repository %s is no URL", r)
	}
	for _, text := range e.URLs {
		u, err := base.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || base.Scheme == "https" && u.Scheme == "http" {
			continue
		}
		from.urls = append(from.urls, u.String())
	}
	if len(from.urls) == 0 {
		return rel, problem.New(problem.Invalid, "%s %s has no address to fetch it from", r.name(w.Chart), version).
			WithHint("the index must name an https URL, or one relative to the repository")
	}
	if from.digest == "" {
		from.distinct = strings.Join([]string{w.Chart, version, e.Created.UTC().Format(time.RFC3339Nano), from.urls[0]}, "\x00")
	}
	return Release{Revision: version, Version: version, Digest: from.digest, Created: e.Created, chart: w.Chart, from: from}, nil
}

// sha256Digest returns a digest as sha256:…; indexes write it without the name of the algorithm.
func sha256Digest(text string) (string, error) {
	digits := strings.ToLower(strings.TrimPrefix(text, "sha256:"))
	if len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", problem.New(problem.Invalid, "digest %q is no sha256", clip(text))
	}
	return "sha256:" + digits, nil
}
