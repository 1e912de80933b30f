package charts_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

const canary = "s3cr3t-canary/+%"

func open(t *testing.T, change ...func(*charts.Options)) *charts.Charts {
	t.Helper()
	o := charts.Options{Dir: t.TempDir()}
	for _, f := range change {
		f(&o)
	}
	c, err := charts.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func resolve(t *testing.T, c *charts.Charts, r charts.Repository, chart, revision string) charts.Release {
	t.Helper()
	rel, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: chart, Revision: revision}, time.Now())
	if err != nil {
		t.Fatalf("%s %s: %v", chart, revision, err)
	}
	return rel
}

func content(t *testing.T, c *charts.Charts, r charts.Repository, rel charts.Release, p string) string {
	t.Helper()
	tree, err := c.Tree(context.Background(), r, rel)
	if err != nil {
		t.Fatal(err)
	}
	text, err := source.NewFS(tree, 0).ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wantKind(t *testing.T, err error, kind problem.Kind, words ...string) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Errorf("got %v (%v), want %v", err, problem.KindOf(err), kind)
		return
	}
	for _, w := range append(words, "") {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), url.QueryEscape(canary)) {
		t.Errorf("the error shows a credential: %v", err)
	}
}

// shop adds versions of a chart whose values.yaml is the version.
func shop(t *testing.T, r *chartstest.Repository, versions ...string) {
	t.Helper()
	for _, v := range versions {
		r.Add("shop", v, chartstest.Chart(t, "shop", v, map[string]string{"values.yaml": v}))
	}
}

func TestAChartIsATree(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1")
	c := open(t)
	r := charts.Repository{URL: server.URL}
	rel := resolve(t, c, r, "shop", "1.x")
	if rel.Revision != "1.10.0" || rel.Digest == "" || rel.Created.Year() != 2026 {
		t.Errorf("%+v", rel)
	}
	if got := content(t, c, r, rel, "values.yaml"); got != "1.10.0" {
		t.Error(got)
	}
	list, err := c.List(context.Background(), r, time.Time{})
	if err != nil || len(list) != 1 || !slices.Equal(list[0].Versions, []string{"2.0.0-rc.1", "1.10.0", "1.2.0", "1.0.0"}) {
		t.Errorf("%v %v", list, err)
	}
	if err := c.Check(context.Background(), r); err != nil {
		t.Error(err)
	}
	_, err = c.Resolve(context.Background(), r, charts.Wanted{Chart: "none", Revision: "1"}, time.Time{})
	wantKind(t, err, problem.NotFound, "chart 'none' not found in index")
	_, err = c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: ">=3"}, time.Time{})
	wantKind(t, err, problem.NotFound, `no version ">=3"`, "the newest of its 4 versions is 2.0.0-rc.1")
}

func TestVersions(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "0.9.0", "v1.0.0", "1.2.3", "1.2.10", "2.0.0-beta.1", "2.0.0-beta.2", "3.1.0+build.5")
	c := open(t)
	r := charts.Repository{URL: server.URL}
	for revision, want := range map[string]string{
		"*": "3.1.0+build.5", "1.x": "1.2.10", "^1.2": "1.2.10", "~1.2.3": "1.2.10", ">=1.2.0 <2": "1.2.10", ">= 1.0.0, < 1.2.10": "1.2.3",
		"1.2.3": "1.2.3", "v1.2.3": "1.2.3", "1.0.0": "v1.0.0", "1.2": "1.2.10", "<1": "0.9.0", "2.0.0-beta.1": "2.0.0-beta.1", ">=2.0.0-0 <3.0.0-0": "2.0.0-beta.2",
		"3.1.0": "3.1.0+build.5", "3.1.0+build.5": "3.1.0+build.5", ">0": "3.1.0+build.5", "1.2.x || 0.x": "1.2.10",
	} {
		rel, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: revision}, time.Time{})
		if err != nil || rel.Revision != want {
			t.Errorf("%s: %s %v, want %s", revision, rel.Revision, err, want)
		}
	}
	for revision, kind := range map[string]problem.Kind{"": problem.Invalid, "latest": problem.NotFound, "2.x": problem.NotFound, "3.1.0+build.6": problem.NotFound, "1.2.4": problem.NotFound, "a\nb": problem.Invalid} {
		_, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: revision}, time.Time{})
		wantKind(t, err, kind)
	}
}

func TestARepositoryIsAskedOnceForAll(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "1.0.0")
	c := open(t)
	r := charts.Repository{URL: server.URL}
	now := time.Now()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			rel, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "*"}, now)
			if err == nil {
				_, err = c.Tree(context.Background(), r, rel)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, m := server.Asked("index.yaml"), server.Asked(".tgz"); n != 1 || m != 1 {
		t.Errorf("%d indexes, %d archives", n, m)
	}
}

func TestTheCacheSurvivesARestart(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "1.0.0")
	r := charts.Repository{URL: server.URL}
	dir := t.TempDir()
	at := func(o *charts.Options) { o.Dir = dir }
	first := open(t, at)
	rel := resolve(t, first, r, "shop", "1.x")
	content(t, first, r, rel, "values.yaml")
	_ = first.Close()
	unchanged := 0
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			rec := &status{ResponseWriter: w}
			if next.ServeHTTP(rec, req); rec.code == http.StatusNotModified {
				unchanged++
			}
		})
	})
	second := open(t, at)
	if got := content(t, second, r, resolve(t, second, r, "shop", "1.x"), "values.yaml"); got != "1.0.0" {
		t.Error(got)
	}
	if unchanged != 1 || server.Asked(".tgz") != 1 {
		t.Errorf("%d answers 304, %d archives", unchanged, server.Asked(".tgz"))
	}
	shop(t, server, "1.1.0")
	if rel := resolve(t, second, r, "shop", "1.x"); rel.Revision != "1.1.0" {
		t.Errorf("a new version is not seen: %s", rel.Revision)
	}
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) { s.code = code; s.ResponseWriter.WriteHeader(code) }

func TestTheDiskIsBounded(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	noise := make([]byte, 40<<10)
	for i := range 8 {
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		v := fmt.Sprintf("1.%d.0", i)
		server.Add("shop", v, chartstest.Chart(t, "shop", v, map[string]string{"values.yaml": v, "noise": string(noise)}))
	}
	c := open(t, func(o *charts.Options) { o.Disk, o.Memory = 150<<10, 1 })
	r := charts.Repository{URL: server.URL}
	for i := range 8 {
		content(t, c, r, resolve(t, c, r, "shop", fmt.Sprintf("1.%d.0", i)), "values.yaml")
	}
	before := server.Asked(".tgz")
	content(t, c, r, resolve(t, c, r, "shop", "1.7.0"), "values.yaml")
	if server.Asked(".tgz") != before {
		t.Error("the archive used last was not kept")
	}
	content(t, c, r, resolve(t, c, r, "shop", "1.0.0"), "values.yaml")
	if server.Asked(".tgz") != before+1 {
		t.Error("the oldest archive was kept beyond the bound")
	}
}

func TestCredentialsOfAHelmRepository(t *testing.T) {
	server := chartstest.NewRepository(t, &tls.Config{})
	server.RequireAuth("robot", canary)
	shop(t, server, "1.0.0")
	c := open(t)
	good := charts.Repository{URL: server.URL, CA: server.CA, Username: "robot", Password: canary}
	rel := resolve(t, c, good, "shop", "*")
	if got := content(t, c, good, rel, "values.yaml"); got != "1.0.0" {
		t.Error(got)
	}
	inURL := charts.Repository{URL: strings.Replace(server.URL, "://", "://robot:"+url.QueryEscape(canary)+"@", 1), CA: server.CA}
	resolve(t, c, inURL, "shop", "*")
	if strings.Contains(fmt.Sprintf("%v %+v %#v", inURL, inURL, inURL), "canary") {
		t.Error("the address shows credentials")
	}
	for _, bad := range []charts.Repository{
		{URL: server.URL, CA: server.CA}, {URL: server.URL, CA: server.CA, Username: "robot", Password: "wrong-" + canary}, {URL: server.URL, CA: server.CA, BearerToken: canary},
	} {
		_, err := c.Resolve(context.Background(), bad, charts.Wanted{Chart: "shop", Revision: "*"}, time.Time{})
		wantKind(t, err, problem.Unauthenticated, "repository Secret")
		wantKind(t, c.Check(context.Background(), bad), problem.Unauthenticated)
		// what others have fetched is not for who was not let in: he has to fetch it himself
		_, err = c.Tree(context.Background(), bad, rel)
		wantKind(t, err, problem.Unauthenticated)
	}
	_, err := c.Resolve(context.Background(), charts.Repository{URL: server.URL, Username: "robot", Password: canary}, charts.Wanted{Chart: "shop", Revision: "*"}, time.Now())
	wantKind(t, err, problem.Unavailable, "certificate", "argocd-tls-certs-cm")
	resolve(t, c, charts.Repository{URL: server.URL, Insecure: true, Username: "robot", Password: canary}, "shop", "*")
	wantKind(t, c.Check(context.Background(), charts.Repository{URL: server.URL, Password: "line\n"}), problem.Invalid, "line break")
	wantKind(t, c.Check(context.Background(), charts.Repository{URL: server.URL, CA: []byte("no PEM")}), problem.Invalid, "PEM")
	wantKind(t, c.Check(context.Background(), charts.Repository{URL: server.URL, CA: server.CA, TLSClientCert: "x", TLSClientKey: "y"}), problem.Invalid, "client certificate")
}

func TestARevokedCredentialClosesWhatWasRead(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	server.RequireAuth("robot", canary)
	shop(t, server, "1.0.0")
	c := open(t)
	r := charts.Repository{URL: server.URL, Username: "robot", Password: canary}
	resolve(t, c, r, "shop", "*")
	server.RequireAuth("robot", "another")
	_, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "*"}, time.Now())
	wantKind(t, err, problem.Unauthenticated)
	_, err = c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "*"}, time.Time{})
	wantKind(t, err, problem.Unauthenticated)
}

// pair is a certificate that signs itself, as PEM.
func pair(t *testing.T) (cert, key []byte, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "robot"}, NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return cert, key, pool
}

func TestClientCertificates(t *testing.T) {
	cert, key, pool := pair(t)
	server := chartstest.NewRepository(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})
	shop(t, server, "1.0.0")
	c := open(t)
	r := charts.Repository{URL: server.URL, CA: server.CA, TLSClientCert: source.Secret(cert), TLSClientKey: source.Secret(key)}
	if got := content(t, c, r, resolve(t, c, r, "shop", "*"), "values.yaml"); got != "1.0.0" {
		t.Error(got)
	}
	wantKind(t, c.Check(context.Background(), charts.Repository{URL: server.URL, CA: server.CA}), problem.Unavailable, "certificate")
}

func TestCredentialsStayWithTheirHost(t *testing.T) {
	var authorized, certified, asked atomic.Int32
	archive := chartstest.Chart(t, "shop", "1.0.0", map[string]string{"values.yaml": "from elsewhere"})
	elsewhere := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		if req.Header.Get("Authorization") != "" {
			authorized.Add(1)
		}
		if len(req.TLS.PeerCertificates) > 0 {
			certified.Add(1)
		}
		_, _ = w.Write(archive)
	}))
	cert, key, pool := pair(t)
	elsewhere.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	elsewhere.StartTLS()
	t.Cleanup(elsewhere.Close)
	server := chartstest.NewRepository(t, &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool})
	server.RequireAuth("robot", canary)
	shop(t, server, "1.0.0")
	server.Base = elsewhere.URL + "/"
	server.Add("away", "1.0.0", chartstest.Chart(t, "shop", "1.0.0", map[string]string{"values.yaml": "from elsewhere"}))
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/shop-1.0.0.tgz" {
				http.Redirect(w, req, elsewhere.URL+"/x.tgz", http.StatusFound)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	ca := slices.Concat(server.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: elsewhere.Certificate().Raw}))
	r := charts.Repository{URL: server.URL, CA: ca, Username: "robot", Password: canary, TLSClientCert: source.Secret(cert), TLSClientKey: source.Secret(key)}

	c := open(t)
	if got := content(t, c, r, resolve(t, c, r, "away", "*"), "values.yaml"); got != "from elsewhere" {
		t.Error(got)
	}
	// the redirected one is another archive than the index says
	_, err := c.Tree(context.Background(), r, resolve(t, c, r, "shop", "*"))
	wantKind(t, err, problem.Invalid, "digest")
	if asked.Load() != 2 || authorized.Load() != 0 || certified.Load() != 0 {
		t.Errorf("the other host was asked %d times, with %d passwords and %d certificates", asked.Load(), authorized.Load(), certified.Load())
	}

	r.PassCredentials = true
	c = open(t)
	content(t, c, r, resolve(t, c, r, "away", "*"), "values.yaml")
	if authorized.Load() != 1 || certified.Load() != 1 {
		t.Errorf("with passCredentials: %d passwords, %d certificates", authorized.Load(), certified.Load())
	}
}

func TestWhatIsNotBelieved(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "1.0.0", "1.1.0")
	c := open(t, func(o *charts.Options) {
		o.Index, o.Archive = 64<<10, source.ArchiveLimits{Packed: 64 << 10, Unpacked: 1 << 20}
	})
	r := charts.Repository{URL: server.URL}
	tree := func(version string) error {
		_, err := c.Tree(context.Background(), r, resolve(t, c, r, "shop", version))
		return err
	}
	server.Replace("shop", "1.0.0", chartstest.Chart(t, "shop", "1.0.0", map[string]string{"values.yaml": "evil"}))
	wantKind(t, tree("1.0.0"), problem.Invalid, "digest", "meddles")

	for version, archive := range map[string][]byte{
		"2.0.0": chartstest.Archive(t, map[string]string{"../x": "1", "shop/Chart.yaml": "a"}),
		"2.0.1": chartstest.Archive(t, map[string]string{"shop/Chart.yaml": "a", "shop/zeros": strings.Repeat("\x00", 30<<20)}),
		"2.0.2": []byte("<html>"),
		"2.0.3": chartstest.Archive(t, map[string]string{"readme": "no chart"}),
	} {
		server.Add("shop", version, archive)
	}
	wantKind(t, tree("2.0.0"), problem.Forbidden, "leads out")
	wantKind(t, tree("2.0.1"), problem.Limit)
	wantKind(t, tree("2.0.2"), problem.Invalid, "tar.gz")
	wantKind(t, tree("2.0.3"), problem.Invalid, "no folder with a Chart.yaml")

	last := resolve(t, c, r, "shop", "1.1.0")
	for name, page := range map[string]string{"html": "<html><body>Log in</body></html>", "empty": "", "no entries": "apiVersion: v1\n", "text": "it works", "cut off": `{"apiVersion":"v1","entries":{"shop":[{"ver`, "list": "- a\n- b\n"} {
		server.Wrap(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page)) })
		})
		_, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "1.1.0"}, time.Now())
		if !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Wrap(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 65<<10)) })
	})
	_, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "1.1.0"}, time.Now())
	wantKind(t, err, problem.Limit)
	// an error never empties: what was known is still known to whom that is good enough
	again, err := c.Resolve(context.Background(), r, charts.Wanted{Chart: "shop", Revision: "1.1.0"}, time.Time{})
	if err != nil || again.Digest != last.Digest {
		t.Errorf("%v %v", again, err)
	}
}

func TestAnIndexWithoutDigests(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	server.NoDigest = true
	shop(t, server, "1.0.0", "1.1.0")
	c := open(t)
	r := charts.Repository{URL: server.URL}
	for _, v := range []string{"1.0.0", "1.1.0", "1.0.0"} {
		if got := content(t, c, r, resolve(t, c, r, "shop", v), "values.yaml"); got != v {
			t.Errorf("%s: %s", v, got)
		}
	}
	if server.Asked(".tgz") != 2 {
		t.Errorf("%d archives", server.Asked(".tgz"))
	}
}

func TestADamagedFileOfTheCacheIsFetchedAnew(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "1.0.0")
	r := charts.Repository{URL: server.URL}
	dir := t.TempDir()
	at := func(o *charts.Options) { o.Dir = dir }
	first := open(t, at)
	content(t, first, r, resolve(t, first, r, "shop", "*"), "values.yaml")
	_ = first.Close()
	damage(t, dir)
	second := open(t, at)
	if got := content(t, second, r, resolve(t, second, r, "shop", "*"), "values.yaml"); got != "1.0.0" {
		t.Error(got)
	}
	if server.Asked(".tgz") != 2 {
		t.Errorf("%d archives", server.Asked(".tgz"))
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	c := open(t)
	for _, address := range []string{"", "file:///etc", "ftp://host/x", "https://host/x?y=1", "https://host/a/../b", "https://host/x#y", "host/charts", "ext::sh -c x"} {
		if err := c.Check(context.Background(), charts.Repository{URL: address}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"", "oci://", "host/UPPER", "oci://host/a/../b", "host:99999999/x", "-host/x", "oci://u:p@host/x"} {
		if err := c.Check(context.Background(), charts.Repository{URL: address, OCI: true}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	stop := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-stop:
		case <-req.Context().Done():
		}
	}))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(stop) })
	c := open(t, func(o *charts.Options) { o.Timeout = 200 * time.Millisecond })
	_, err := c.Resolve(context.Background(), charts.Repository{URL: silent.URL}, charts.Wanted{Chart: "a", Revision: "1"}, time.Now())
	wantKind(t, err, problem.Unavailable, "did not answer in time")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = open(t).Resolve(ctx, charts.Repository{URL: silent.URL}, charts.Wanted{Chart: "a", Revision: "1"}, time.Now())
	if !problem.Is(err, problem.Unavailable) || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestProxiesOfARepository(t *testing.T) {
	server := chartstest.NewRepository(t, nil)
	shop(t, server, "1.0.0")
	var through atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		through.Add(1)
		res, err := http.Get(req.URL.String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		_, _ = fmt.Fprint(w, readBody(res))
	}))
	t.Cleanup(proxy.Close)
	c := open(t)
	resolve(t, c, charts.Repository{URL: server.URL, Proxy: proxy.URL}, "shop", "*")
	if through.Load() == 0 {
		t.Error("the proxy was passed by")
	}
	before := through.Load()
	resolve(t, open(t), charts.Repository{URL: server.URL, Proxy: proxy.URL, NoProxy: "example.com,127.0.0.0/8"}, "shop", "*")
	if through.Load() != before {
		t.Error("noProxy was not heeded")
	}
	wantKind(t, c.Check(context.Background(), charts.Repository{URL: server.URL, Proxy: "nonsense"}), problem.Invalid, "proxy")
}
