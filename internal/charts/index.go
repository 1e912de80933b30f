package charts

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hawser-cd/hawser/internal/problem"
)

// index is what a Helm repository says it has, as far as we ask.
type index struct {
	etag   string
	hash   string // of its text
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
	APIVersion string `yaml:"apiVersion"`
	Entries    map[string][]*struct {
		Version string   `yaml:"version"`
		Digest  string   `yaml:"digest"`
		URLs    []string `yaml:"urls"`
		Created string   `yaml:"created"`
	} `yaml:"entries"`
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
			return &index{etag: etag, hash: last.hash, charts: last.charts}, nil
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
	var in indexText
	var err error
	if trimmed := strings.TrimSpace(string(text[:min(len(text), 64)])); strings.HasPrefix(trimmed, "{") {
		err = json.Unmarshal(text, &in)
	} else {
		err = yaml.Unmarshal(text, &in)
	}
	if err != nil || in.Entries == nil || in.APIVersion == "" {
		return nil, problem.New(problem.Unavailable, "read the index of %s: the server answers with something that is no index", r).
			WithHint("check that the address is a Helm repository's; a login page also answers so: check the repository Secret")
	}
	ix := &index{etag: etag, hash: digestOf(text), charts: make(map[string][]indexEntry, len(in.Entries))}
	if len(in.Entries) > maxCharts {
		return nil, problem.New(problem.Limit, "the index of %s has more than %d charts", r, maxCharts)
	}
	total := 0
	for name, list := range in.Entries {
		if total += len(list); total > maxVersions {
			return nil, problem.New(problem.Limit, "the index of %s has more than %d versions", r, maxVersions)
		}
		entries := make([]indexEntry, 0, len(list))
		for _, e := range list {
			if e == nil || e.Version == "" {
				continue
			}
			created, _ := time.Parse(time.RFC3339Nano, e.Created)
			entries = append(entries, indexEntry{Version: strings.Clone(e.Version), Digest: strings.Clone(e.Digest), URLs: e.URLs, Created: created})
		}
		ix.charts[name] = entries
	}
	return ix, nil
}

func (ix *index) list() []Chart {
	all := make([]Chart, 0, len(ix.charts))
	for name, entries := range ix.charts {
		all = append(all, Chart{Name: name, Versions: newestFirst(versionsOf(entries))})
	}
	slices.SortFunc(all, func(a, b Chart) int { return strings.Compare(a.Name, b.Name) })
	return all
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
	entries, ok := ix.charts[w.Chart]
	if !ok {
		return rel, problem.New(problem.NotFound, "chart '%s' not found in index of %s", clip(w.Chart), r).WithHint("the index names %d charts", len(ix.charts))
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
