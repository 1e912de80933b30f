package charts_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source/signature"
)

// A chart that must be signed comes only if a trusted key vouches for exactly this archive of this chart in this version.
func TestAChartThatMustBeSigned(t *testing.T) {
	year := 365 * 24 * time.Hour
	ada := chartstest.NewSigner(t, "ada", time.Now().Add(-time.Hour), 0)
	eve := chartstest.NewSigner(t, "eve", time.Now().Add(-time.Hour), 0)
	old := chartstest.NewSigner(t, "old", time.Now().Add(-2*year), year)
	keys := signature.Read(map[string]string{"A": ada.PublicKey(t), "B": old.PublicKey(t), "C": "garbage"})
	packed := chartstest.Chart(t, "shop", "1.0.0", map[string]string{"values.yaml": "good"})
	other := chartstest.Chart(t, "shop", "1.0.0", map[string]string{"values.yaml": "other"})
	good := ada.Sign(t, "shop", "1.0.0", packed)
	for _, c := range []struct {
		name  string
		prov  []byte
		kind  problem.Kind
		words []string
	}{
		{name: "signed", prov: good},
		{name: "signed on Windows", prov: bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))},
		{"not signed", nil, problem.Forbidden, []string{"verify chart shop", "has no provenance file"}},
		{"by a stranger", eve.Sign(t, "shop", "1.0.0", packed), problem.Forbidden, []string{"none of the 2 keys", "C cannot be read"}},
		{"by a key that is no longer good", old.Sign(t, "shop", "1.0.0", packed), problem.Forbidden, []string{"expired"}},
		{"another archive", ada.Sign(t, "shop", "1.0.0", other), problem.Forbidden, []string{"has signed another archive", chartstest.Digest(packed)}},
		{"another version", ada.Sign(t, "shop", "0.9.0", packed), problem.Forbidden, []string{"has signed shop 0.9.0"}},
		{"another chart", ada.Sign(t, "shoq", "1.0.0", packed), problem.Forbidden, []string{"has signed shoq 1.0.0"}},
		{"changed", bytes.Replace(good, []byte("name: shop"), []byte("name: Shop"), 1), problem.Forbidden, []string{"the signature is not good"}},
		{"with something behind it", append(bytes.Clone(good), "files: {x: y}\n"...), problem.Invalid, []string{"something stands behind"}},
		{"no signed text", []byte("files: {}\n"), problem.Invalid, []string{"no clear-signed text"}},
		{"huge", bytes.Repeat([]byte("x"), signature.MaxSigned+1), problem.Limit, []string{"over 262144 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := chartstest.NewRepository(t, nil)
			server.Add("shop", "1.0.0", packed)
			server.Prove("shop", "1.0.0", c.prov)
			registry := chartstest.NewRegistry(t, nil)
			layers := []chartstest.Layer{{MediaType: chartstest.HelmChart, Content: packed}}
			if c.prov != nil {
				layers = append(layers, chartstest.Layer{MediaType: chartstest.HelmProvenance, Content: c.prov})
			}
			registry.Push(t, "charts/shop", "1.0.0", chartstest.HelmConfig, nil, layers...)
			for _, r := range []charts.Repository{{URL: server.URL}, {URL: registry.Host() + "/charts", OCI: true, PlainHTTP: true}} {
				dir := t.TempDir()
				reopen := func() *charts.Charts { return open(t, func(o *charts.Options) { o.Dir = dir }) }
				ch := reopen()
				if got := content(t, ch, r, resolve(t, ch, r, "shop", "1.x"), "values.yaml"); got != "good" { // nobody demands it
					t.Error(got)
				}
				r.Keys = keys
				rel := resolve(t, ch, r, "shop", "1.x")
				_, err := ch.Tree(context.Background(), r, rel)
				if c.kind == 0 && err == nil {
					if got := content(t, reopen(), r, rel, "values.yaml"); got != "good" {
						t.Error(got)
					}
					r.Keys = signature.Read(nil) // and trusted no more
					_, err = ch.Tree(context.Background(), r, rel)
					wantKind(t, err, problem.Forbidden, "none of the 0 keys")
					continue
				}
				wantKind(t, err, c.kind, c.words...)
			}
		})
	}
}

// What is no chart has no provenance: it does not come from where charts must be signed.
func TestAnArtifactWhereChartsMustBeSigned(t *testing.T) {
	registry := chartstest.NewRegistry(t, nil)
	registry.Push(t, "app", "1", chartstest.Empty, nil, chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, map[string]string{"a.yaml": "a: b"})})
	c, r := open(t), charts.Repository{URL: registry.Host() + "/app", OCI: true, PlainHTTP: true, Keys: signature.Read(nil)}
	_, err := c.Tree(context.Background(), r, resolve(t, c, r, "", "1"))
	wantKind(t, err, problem.Forbidden, "is no chart", "hawser.charts.verify")
}
