package git_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	mathbig "math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/problem"
)

func pointerTo(content string) string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%x\nsize %d\n", sha256.Sum256([]byte(content)), len(content))
}

// Large files are fetched where they are read, when the repository asks for it, with credentials for its own host only.
func TestLargeFiles(t *testing.T) {
	const big = "kind: ConfigMap # and much more"
	var foreign, leaked, batches atomic.Int32
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		foreign.Add(1)
		if r.Header.Get("Authorization") != "" {
			leaked.Add(1)
		}
		if r.Header.Get("X-Signature") != "yes" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, big)
	}))
	t.Cleanup(storage.Close)
	s := gittest.New(t)
	s.RequireAuth("robot", canary)
	repo := s.Repo(t, "a", map[string]string{"big.yaml": pointerTo(big), "own.yaml": pointerTo("own"), "lost.yaml": pointerTo("lost"), "bad.yaml": pointerTo("bad"), "small.yaml": "a: 1", "odd.yaml": "version https://git-lfs.github.com/spec/v1\nnothing\n"})
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/own-content" {
				_, _ = fmt.Fprint(w, "own")
				return
			}
			if r.URL.Path == "/bad-content" {
				_, _ = fmt.Fprint(w, "bax")
				return
			}
			if r.URL.Path != "/a.git/info/lfs/objects/batch" {
				next.ServeHTTP(w, r)
				return
			}
			batches.Add(1)
			var q struct {
				Operation string
				Objects   []struct {
					OID  string
					Size int64
				}
			}
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Operation != "download" || r.Header.Get("Content-Type") != "application/vnd.git-lfs+json" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			action := func(href string, header map[string]string) map[string]any {
				return map[string]any{"download": map[string]any{"href": href, "header": header}}
			}
			o := map[string]any{"oid": q.Objects[0].OID, "size": q.Objects[0].Size}
			switch q.Objects[0].Size {
			case int64(len(big)):
				o["actions"] = action(storage.URL+"/x", map[string]string{"X-Signature": "yes"})
			case 3:
				o["actions"] = action(s.URL+"/own-content", nil)
				if q.Objects[0].OID == fmt.Sprintf("%x", sha256.Sum256([]byte("bad"))) {
					o["actions"] = action(s.URL+"/bad-content", nil)
				}
			default:
				o["error"] = map[string]any{"code": 404, "message": "gone"}
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": []any{o}})
		})
	})
	m := mirrors(t)
	r := git.Repository{URL: repo.URL, Username: "robot", Password: canary}
	refresh(t, m, r)
	tree, err := m.Tree(context.Background(), r, repo.Head(t))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := tree.Read("big.yaml", 1<<20); err != nil || string(data) != pointerTo(big) || batches.Load() != 0 {
		t.Errorf("without enableLfs a pointer is a pointer: %q %v", data, err)
	}
	r.EnableLFS = true
	if tree, err = m.Tree(context.Background(), r, repo.Head(t)); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"big.yaml": big, "own.yaml": "own", "small.yaml": "a: 1", "odd.yaml": "version https://git-lfs.github.com/spec/v1\nnothing\n"} {
		if data, err := tree.Read(p, 1<<20); err != nil || string(data) != want {
			t.Errorf("%s: %q %v", p, data, err)
		}
	}
	if foreign.Load() != 1 || leaked.Load() != 0 {
		t.Errorf("storage was asked %d times, %d times with credentials", foreign.Load(), leaked.Load())
	}
	before := batches.Load()
	if data, err := tree.Read("big.yaml", 1<<20); err != nil || string(data) != big || batches.Load() != before {
		t.Errorf("not kept: %q %v", data, err)
	}
	_, err = tree.Read("lost.yaml", 1<<20)
	wantKind(t, err, problem.NotFound, "lost.yaml", "does not have the object")
	_, err = tree.Read("bad.yaml", 1<<20)
	wantKind(t, err, problem.Invalid, "another content")
	_, err = tree.Read("big.yaml", 10)
	wantKind(t, err, problem.Limit)
}

func TestSubmodulesAreRead(t *testing.T) {
	const text = `[submodule "lib"]
	path = vendor/lib
	url = ../lib.git
	branch = main
# a comment
[submodule "far"]
	url = "https://other.corp/x"
	path = "far"
[submodule "no path"]
	url = ./x
`
	got, err := git.Submodules(text, "https://git.corp/org/app.git")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]git.Submodule{{Path: "vendor/lib", URL: "https://git.corp/org/lib.git"}, {Path: "far", URL: "https://other.corp/x"}}, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range [][3]string{
		{"git@git.corp:org/app.git", "../lib", "git@git.corp:org/lib"}, {"https://git.corp/org/app", "../../top/x.git", "https://git.corp/top/x.git"}, {"https://git.corp/app", "./sub", "https://git.corp/app/sub"},
	} {
		list, err := git.Submodules("[submodule \"a\"]\npath = a\nurl = "+c[1], c[0])
		if err != nil || len(list) != 1 || list[0].URL != c[2] {
			t.Errorf("%v: %v %v", c, list, err)
		}
	}
	for _, bad := range []string{"../x", "/etc", ".", "a/../../b"} {
		if _, err := git.Submodules("[submodule \"a\"]\npath = "+bad+"\nurl = https://git.corp/x", "https://git.corp/app"); !problem.Is(err, problem.Forbidden) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	_, err = git.Submodules(strings.Repeat("[submodule \"a\"]\npath = a\nurl = https://git.corp/x\n", 51), "https://git.corp/app")
	wantKind(t, err, problem.Limit)
}

func TestKeysWithAPassphraseAreRefusedClearly(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	m := mirrors(t)
	for name, key := range map[string][]byte{
		"openssh": pem.EncodeToMemory(sealed),
		"pkcs8":   pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}),
		"pem":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")}),
	} {
		err := m.Check(context.Background(), git.Repository{URL: "git@127.0.0.1:org/a.git", SSHPrivateKey: git.Secret(key)})
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "has a passphrase") || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that wants a client certificate and a password, both.
func TestClientCertificateAndPassword(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: mathbig.NewInt(1), Subject: pkix.Name{CommonName: "robot"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	repo := gittest.New(t).Repo(t, "a", map[string]string{"f": "1"})
	serve := git.Serve(filepath.Dir(repo.Dir), git.ServeOptions{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "robot" || password != canary {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	m := mirrors(t)
	good := git.Repository{URL: server.URL + "/a.git", CA: ca, TLSClientCert: git.Secret(cert), TLSClientKey: git.Secret(key), Username: "robot", Password: canary}
	refresh(t, m, good)
	if got := files(t, m, good, "main"); got["f"] != "1" {
		t.Error(got)
	}
	without := good
	without.TLSClientCert, without.TLSClientKey = "", ""
	_, err = m.Refresh(context.Background(), without, time.Now())
	wantKind(t, err, problem.Unavailable, "certificate")
	without = good
	without.Password = "wrong"
	_, err = m.Refresh(context.Background(), without, time.Now())
	wantKind(t, err, problem.Unauthenticated)
}
