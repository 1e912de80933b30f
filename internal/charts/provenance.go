package charts

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source/signature"
)

// helmProvenance is the type of a layer with the provenance of the chart beside it (Helm, "Registries").
const helmProvenance = "application/vnd.cncf.helm.chart.provenance.v1.prov"

// prove demands that one of the repository's keys vouches for an archive: that it is this chart, in this version. address is
// where it came from in a Helm repository.
func (c *Charts) prove(ctx context.Context, r Repository, rel Release, address string, content []byte, name string) (err error) {
	doing := "verify " + name
	defer problem.Wrap(&err, "%s", doing)
	if !rel.from.helm {
		return problem.New(problem.Forbidden, "it must be signed, and is no chart: only charts have provenance files").
			WithHint("hawser.charts.verify in argocd-cm names the repositories whose charts must be signed")
	}
	text, err := c.provenance(ctx, r, rel, address, doing)
	if err != nil {
		return err
	}
	message, by, err := r.Keys.Clearsigned(text, time.Now)
	if err != nil {
		return err
	}
	p, err := signature.ReadProvenance(message)
	if err != nil {
		return err
	}
	wanted := rel.chart
	if wanted == "" {
		wanted = rel.from.name
	}
	digest := digestOf(content)
	switch {
	case p.Name != wanted[strings.LastIndexByte(wanted, '/')+1:], !sameVersion(p.Version, rel.Version):
		return problem.New(problem.Forbidden, "key %s has signed %s %s, and not what was asked for", by, clip(p.Name), clip(p.Version))
	case !p.Covers(digest):
		return problem.New(problem.Forbidden, "key %s has signed another archive: this one has the digest %s", by, digest).WithHint("it was made anew, or somebody meddles with it")
	}
	return nil
}

// sameVersion compares a signed version with the one that was resolved, which in a registry may be a tag that is no version.
func sameVersion(signed, resolved string) bool {
	want, err := semver.NewVersion(resolved)
	if err != nil {
		return true
	}
	got, err := semver.NewVersion(signed)
	return err == nil && got.Equal(want) && got.Metadata() == want.Metadata()
}

// provenance brings the file that stands beside an archive.
func (c *Charts) provenance(ctx context.Context, r Repository, rel Release, address, doing string) (text []byte, err error) {
	began := time.Now()
	defer func() { c.options.Observe("provenance", r.String(), time.Since(began), err) }()
	unsigned := problem.New(problem.Forbidden, "it must be signed, and has no provenance file").WithHint("sign it with helm package --sign, and push or upload both files")
	if r.OCI {
		if rel.from.provenance == "" {
			return nil, unsigned
		}
		text, err = c.blob(ctx, r, &archive{name: rel.from.name, digest: rel.from.provenance}, doing, signature.MaxSigned)
		if err == nil && digestOf(text) != rel.from.provenance {
			return nil, problem.New(problem.Invalid, "the provenance file that came has the digest %s", digestOf(text)).WithHint("the registry, or somebody on the way, meddles with it")
		}
		return text, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, problem.New(problem.Invalid, "its address does not parse")
	}
	u.Path += ".prov" // as Helm does: before what follows a question mark
	if u.RawPath != "" {
		u.RawPath += ".prov"
	}
	text, err = c.chartAt(ctx, r, u.String(), doing, signature.MaxSigned)
	if problem.Is(err, problem.NotFound) {
		return nil, unsigned
	}
	return text, err
}
