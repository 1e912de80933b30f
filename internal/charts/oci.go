package charts

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Media types of the OCI image specification and of Helm's charts in registries.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	helmConfig     = "application/vnd.cncf.helm.config.v1+json"
	helmLayer      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// manifest is what a tag stands for.
type manifest struct {
	digest    string
	MediaType string `json:"mediaType"`
	Config    struct {
		MediaType string `json:"mediaType"`
	} `json:"config"`
	Layers []struct {
		MediaType string   `json:"mediaType"`
		Digest    string   `json:"digest"`
		Size      int64    `json:"size"`
		URLs      []string `json:"urls"`
	} `json:"layers"`
	Manifests   []json.RawMessage `json:"manifests"`
	Annotations map[string]string `json:"annotations"`
}

// resolveOCI finds the manifest that w means. A tag spelled as the revision goes first; a range is over the tags.
func (c *Charts) resolveOCI(ctx context.Context, r Repository, w Wanted, notBefore time.Time) (rel Release, err error) {
	name, err := r.repository(w.Chart)
	if err != nil {
		return rel, err
	}
	version := w.Revision
	m, err := c.revision(ctx, r, name, w.Revision, notBefore)
	if problem.Is(err, problem.NotFound) && (isRange(w.Revision) || w.Chart != "") {
		var list []string
		if list, err = c.listTags(ctx, r, name, notBefore); err != nil {
			return rel, err
		}
		if version, err = pick(list, w.Revision, r.name(w.Chart)); err != nil {
			return rel, err
		}
		m, err = c.revision(ctx, r, name, version, notBefore)
	}
	if err != nil {
		return rel, err
	}
	from, err := m.content(r.name(w.Chart)+" "+clip(version), w)
	if err != nil {
		return rel, err
	}
	from.name = name
	rel = Release{Revision: m.digest, Digest: m.digest, Annotations: m.Annotations, chart: w.Chart, from: from}
	if w.Chart != "" {
		rel.Revision, rel.Version, rel.Digest = version, version, from.digest
	}
	if from.helm && rel.Version == "" {
		rel.Version = m.Annotations["org.opencontainers.image.version"]
	}
	rel.Created, _ = time.Parse(time.RFC3339, m.Annotations["org.opencontainers.image.created"])
	return rel, nil
}

// revision returns the manifest of a tag or a digest. Tags have _ where versions have +.
func (c *Charts) revision(ctx context.Context, r Repository, name, revision string, notBefore time.Time) (*manifest, error) {
	if strings.HasPrefix(revision, "sha256:") {
		digest, err := sha256Digest(revision)
		if err != nil {
			return nil, err
		}
		return c.manifests.get(ctx, c.access(r)+" "+name+"@"+digest, time.Time{}, func(ctx context.Context, _ *manifest, _ bool) (*manifest, error) {
			return c.readManifest(ctx, r, name, digest, digest) // it is what it is, whenever it was asked for
		})
	}
	tag := strings.ReplaceAll(revision, "+", "_")
	if !registryTag.MatchString(tag) {
		return nil, problem.New(problem.NotFound, "%s has no tag %q", r, clip(revision))
	}
	return c.manifests.get(ctx, c.access(r)+" "+name+":"+tag, notBefore, func(ctx context.Context, last *manifest, known bool) (*manifest, error) {
		digest, err := c.tagged(ctx, r, name, tag)
		if err != nil {
			return nil, err
		}
		if known && last.digest == digest {
			return last, nil
		}
		if digest == "" { // a server that does not tell
			return c.readManifest(ctx, r, name, tag, "")
		}
		return c.readManifest(ctx, r, name, digest, digest)
	})
}

var manifestTypes = http.Header{"Accept": {strings.Join([]string{ociManifest, dockerManifest, ociIndex, dockerIndex}, ", ")}}

// tagged asks for the digest behind a tag: it is all that a poll needs, and registries that count pulls do not count it.
func (c *Charts) tagged(ctx context.Context, r Repository, name, tag string) (digest string, err error) {
	began := time.Now()
	defer func() { c.options.Observe("manifest", r.String(), time.Since(began), err) }()
	res, err := c.registry(ctx, r, name, request{doing: "read " + r.String() + " " + tag, method: http.MethodHead, url: "/v2/" + name + "/manifests/" + tag, header: manifestTypes, accept: []int{http.StatusMethodNotAllowed}})
	if err != nil {
		return "", err
	}
	res.Body.Close()
	if told := res.Header.Get("Docker-Content-Digest"); res.StatusCode == http.StatusOK && told != "" {
		return sha256Digest(told)
	}
	return "", nil
}

// readManifest reads the manifest at a tag or digest, which must have the digest that was told.
func (c *Charts) readManifest(ctx context.Context, r Repository, name, reference, digest string) (m *manifest, err error) {
	id := ""
	if digest != "" {
		id = c.idOf(r, &archive{digest: digest, distinct: "manifest " + name})
		if text, ok := c.disk.read(id, digest); ok {
			return parseManifest(text, digest, r)
		}
	}
	began := time.Now()
	defer func() { c.options.Observe("manifest", r.String(), time.Since(began), err) }()
	doing := "read " + r.String() + " " + reference
	res, err := c.registry(ctx, r, name, request{doing: doing, url: "/v2/" + name + "/manifests/" + reference, header: manifestTypes})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := readAll(res.Body, maxManifest, doing)
	if err != nil {
		return nil, brokenOff(err, doing)
	}
	if got := digestOf(text); digest == "" {
		digest = got
	} else if got != digest {
		return nil, problem.New(problem.Invalid, "%s: what came has the digest %s", doing, got).WithHint("the registry, or somebody on the way, meddles with it")
	}
	if m, err = parseManifest(text, digest, r); err == nil && id != "" {
		c.disk.write(id, text)
	}
	return m, err
}

func parseManifest(text []byte, digest string, r Repository) (*manifest, error) {
	m := &manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, problem.New(problem.Unavailable, "read %s: the server answers with something that is no manifest", r)
	}
	m.digest = digest
	return m, nil
}

// content is the one layer of a manifest that holds files. The rules are Argo CD's (docs/user-guide/oci.md): of a chart its
// content, of others the only tar; signatures and the like beside it are passed over.
func (m *manifest) content(name string, w Wanted) (*archive, error) {
	if len(m.Manifests) > 0 {
		return nil, problem.New(problem.Invalid, "%s is an index of several artifacts", name).WithHint("name one of them by its digest")
	}
	if len(m.Layers) > maxLayers {
		return nil, problem.New(problem.Limit, "expected no more than %d oci layers, got %d: %s", maxLayers, len(m.Layers), name)
	}
	allowed := w.MediaTypes
	if allowed == nil {
		allowed = DefaultMediaTypes
	}
	isChart := m.Config.MediaType == helmConfig
	if w.Chart != "" && !isChart {
		return nil, problem.New(problem.Invalid, "%s is no Helm chart: its config is of type %q", name, clip(m.Config.MediaType)).WithHint("make it with helm push, or give its address as oci://… without spec.source.chart")
	}
	var found []*archive
	provenance := ""
	for _, l := range m.Layers {
		if isChart && l.MediaType == helmProvenance && len(l.URLs) == 0 {
			provenance = l.Digest
		}
		plain := strings.HasSuffix(l.MediaType, "tar")
		if isChart && l.MediaType != helmLayer || !isChart && !plain && !strings.HasSuffix(l.MediaType, "tar+gzip") && !strings.HasSuffix(l.MediaType, "tar.gzip") {
			continue
		}
		if !slices.Contains(allowed, l.MediaType) {
			return nil, problem.New(problem.Forbidden, "oci layer media type %s is not in the list of allowed media types: %s", clip(l.MediaType), name).
				WithHint("reposerver.oci.layer.media.types in argocd-cmd-params-cm is that list")
		}
		if len(l.URLs) > 0 {
			return nil, problem.New(problem.Forbidden, "%s: its layer is elsewhere", name).WithHint("push the layer into the registry itself")
		}
		digest, err := sha256Digest(l.Digest)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "%s", name)
		}
		found = append(found, &archive{digest: digest, size: l.Size, helm: l.MediaType == helmLayer, plain: plain, mediaType: l.MediaType})
	}
	if len(found) != 1 {
		return nil, problem.New(problem.Invalid, "expected only a single oci content layer, got %d: %s", len(found), name)
	}
	if provenance != "" {
		digest, err := sha256Digest(provenance)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "%s", name)
		}
		found[0].provenance = digest
	}
	return found[0], nil
}

func (c *Charts) blob(ctx context.Context, r Repository, from *archive, name string, limit int64) ([]byte, error) {
	res, err := c.registry(ctx, r, from.name, request{doing: "fetch " + name, url: "/v2/" + from.name + "/blobs/" + from.digest})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	content, err := readAll(res.Body, limit, "fetch "+name)
	return content, brokenOff(err, "fetch "+name)
}

// listTags returns the tags of a repository as versions, all of them or an error.
func (c *Charts) listTags(ctx context.Context, r Repository, name string, notBefore time.Time) ([]string, error) {
	return c.tags.get(ctx, c.access(r)+" "+name, notBefore, func(ctx context.Context, _ []string, _ bool) (list []string, err error) {
		began := time.Now()
		defer func() { c.options.Observe("tags", r.String(), time.Since(began), err) }()
		doing := "list the tags of " + r.String()
		origin, _ := r.registry()
		left := int64(maxTagBytes)
		next := "/v2/" + name + "/tags/list?n=1000"
		seen := map[string]bool{}
		for page := 0; next != ""; page++ {
			if page >= maxTagPages || len(seen) > maxTags {
				return nil, problem.New(problem.Limit, "%s: there are more than %d", doing, len(seen))
			}
			res, err := c.registry(ctx, r, name, request{doing: doing, url: next, header: http.Header{"Accept": {"application/json"}}})
			if err != nil {
				return nil, err
			}
			text, err := readAll(res.Body, left, doing)
			res.Body.Close()
			if err != nil {
				return nil, brokenOff(err, doing)
			}
			left -= int64(len(text))
			var answer struct {
				Name string   `json:"name"`
				Tags []string `json:"tags"`
			}
			if err := json.Unmarshal(text, &answer); err != nil || answer.Name == "" {
				return nil, problem.New(problem.Unavailable, "%s: the server answers with something that is no list of tags", doing)
			}
			for _, t := range answer.Tags {
				if registryTag.MatchString(t) {
					seen[strings.ReplaceAll(t, "_", "+")] = true
				}
			}
			if next, err = nextPage(res, origin, doing); err != nil {
				return nil, err
			}
		}
		return slices.Sorted(maps.Keys(seen)), nil
	})
}

// nextPage is where a list goes on (RFC 8288): always at the registry itself.
func nextPage(res *http.Response, origin, doing string) (string, error) {
	for _, link := range res.Header.Values("Link") {
		target, params, ok := strings.Cut(link, ">")
		if !ok || !strings.Contains(strings.ReplaceAll(params, " ", ""), `rel="next"`) {
			continue
		}
		u, err := res.Request.URL.Parse(strings.TrimPrefix(strings.TrimSpace(target), "<"))
		if err != nil || originOf(u) != normalOrigin(origin) {
			return "", problem.New(problem.Forbidden, "%s: the list goes on at another host", doing)
		}
		return u.RequestURI(), nil
	}
	return "", nil
}

// ping asks a registry whether it is one, and whether it knows us.
func (c *Charts) ping(ctx context.Context, r Repository) error {
	doing := "connect to " + r.String()
	res, err := c.registry(ctx, r, "", request{doing: doing, url: "/v2/"})
	if err != nil {
		return err
	}
	res.Body.Close()
	return nil
}

// registry sends a request to r's registry, and authenticates when asked to; q.url is a path there.
func (c *Charts) registry(ctx context.Context, r Repository, name string, q request) (*http.Response, error) {
	origin, _ := r.registry()
	if _, err := url.Parse(origin + q.url); err != nil {
		return nil, problem.New(problem.Invalid, "%s: the registry's answer leads nowhere", q.doing)
	}
	q.url = origin + q.url
	q.accept = append(slices.Clone(q.accept), http.StatusUnauthorized)
	scope := ""
	if name != "" {
		scope = "repository:" + name + ":pull"
	}
	key := c.access(r) + " " + origin + " " + scope
	known := c.tokens.get(key)
	if r.BearerToken != "" {
		known = "Bearer " + r.BearerToken.Reveal()
	}
	q.token = &known
	res, err := c.send(ctx, r, q)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	res.Body.Close()
	c.tokens.drop(key)
	value, life, err := c.authenticate(ctx, r, res, scope, q.doing)
	if err != nil {
		return nil, err
	}
	c.tokens.put(key, value, life)
	q.token = &value
	if res, err = c.send(ctx, r, q); err == nil && res.StatusCode == http.StatusUnauthorized {
		res.Body.Close()
		c.tokens.drop(key)
		return nil, refusal(res, q.doing)
	}
	return res, err
}

func seconds(n json.Number) time.Duration {
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v <= 0 {
		return 60 * time.Second // the default of the token protocol
	}
	return time.Duration(min(v, 3600)) * time.Second
}
