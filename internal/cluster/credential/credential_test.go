package credential

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// program is a shell script; runs counts how often it began.
func program(t *testing.T, script string) (p Program, runs func() int) {
	t.Helper()
	dir := t.TempDir()
	path, count := filepath.Join(dir, "login"), filepath.Join(dir, "runs")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho x >> "+count+"\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Program{Command: path}, func() int {
		text, _ := os.ReadFile(count)
		return strings.Count(string(text), "x")
	}
}

// says is a script that prints an ExecCredential.
func says(token string, expires time.Time) string {
	status := map[string]any{"token": token}
	if !expires.IsZero() {
		status["expirationTimestamp"] = expires
	}
	text, _ := json.Marshal(map[string]any{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})
	return "echo '" + string(text) + "'"
}

// However many ask, it runs once, and again when it is about to expire or when the server refuses what it gave.
func TestItRunsWhenItMust(t *testing.T) {
	p, runs := program(t, "sleep 0.2\n"+says("one", time.Time{}))
	s := New(p)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if c, err := s.Get(t.Context()); err != nil || c.Token != "one" {
				t.Errorf("%q, %v", c.Token, err)
			}
		})
	}
	all.Wait()
	if n := runs(); n != 1 {
		t.Errorf("it ran %d times for 50 requests", n)
	}
	c, _ := s.Get(t.Context())
	s.Refused(Credential{Token: "another"}) // of before: nothing to do
	if _, _ = s.Get(t.Context()); runs() != 1 {
		t.Error("a refusal of other credentials counted")
	}
	s.Refused(c)
	if _, err := s.Get(t.Context()); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("a server that refuses everything has it run without a pause: %v", err)
	}
	waitFor(t, func() error { _, err := s.Get(t.Context()); return err })
	if n := runs(); n != 2 {
		t.Errorf("it ran %d times", n)
	}

	p, runs = program(t, says("short", time.Now().Add(2*time.Second))) // the same end each time
	s = New(p)
	if c, err := s.Get(t.Context()); err != nil || c.Token != "short" {
		t.Fatal(err)
	}
	waitFor(t, func() error {
		if _, err := s.Get(t.Context()); runs() < 2 {
			return fmt.Errorf("not run again: %v", err)
		}
		return nil
	})
	waitFor(t, func() error { // what cannot be renewed is used as long as it is good, and not longer
		if _, err := s.Get(t.Context()); err == nil || !strings.Contains(err.Error(), "expired already") {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
}

func waitFor(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// One that fails is left alone for a while, and asked again after it.
func TestFailuresRest(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "works")
	p, runs := program(t, "[ -e "+mark+" ] || { echo no network >&2; exit 3; }\n"+says("late", time.Time{}))
	s := New(p)
	for range 20 {
		_, err := s.Get(t.Context())
		if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "exit status 3: no network") {
			t.Fatal(err)
		}
	}
	if n := runs(); n != 1 {
		t.Errorf("it ran %d times in a moment", n)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() error { _, err := s.Get(t.Context()); return err })
}

// It gets what such programs need of our environment, what the record says, and no more.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_ROLE_ARN", "arn")
	t.Setenv("HAWSER_SECRET", "canary")
	t.Setenv("ARGOCD_TOKEN", "canary")
	out := filepath.Join(t.TempDir(), "env")
	p, _ := program(t, "env > "+out+"\n[ -t 0 ] && exit 9\ncat\n"+says("t", time.Time{}))
	p.Env = []string{"EXTRA=1"}
	p.Cluster = &Cluster{Server: "https://a", Config: json.RawMessage(`{"a":1}`)}
	if _, err := New(p).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AWS_ROLE_ARN=arn\n", "EXTRA=1\n", "PATH=", `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":{"server":"https://a","config":{"a":1}},"interactive":false}}`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "canary") {
		t.Errorf("it got what is ours:\n%s", text)
	}
}

// Time and output are bounded, children die with it, and of what it prints nothing is repeated that may be a secret.
func TestBounds(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "child")
	for _, c := range []struct{ name, script, want string }{
		{"too slow", "sleep 1000 & echo $! > " + pidFile + "\nwait", "has given no credentials within 1s"},
		{"too much", "head -c 100000 /dev/zero", "printed more than 65536 bytes"},
		{"no JSON", "echo eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9", "not the JSON of an ExecCredential"},
		{"another kind", `echo '{"kind":"Config","status":{"token":"canary"}}'`, "no ExecCredential"},
		{"nothing in it", `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}'`, "without a token or a certificate"},
		{"half a certificate", `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientCertificateData":"canary"}}'`, "without its key"},
		{"a bad certificate", `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientCertificateData":"canary","clientKeyData":"canary"}}'`, "do not belong together"},
		{"over already", says("canary", time.Now().Add(-time.Hour)), "expired already"},
		{"talkative", "echo 'denied: token=canary-1 for AKIAIOSFODNN7EXAMPLEcanary password: canary2' >&2; exit 1", "exit status 1: denied: token=*** for *** password: ***"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := program(t, c.script)
			_, err := run(t.Context(), p, limits{time.Second, 64 << 10})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "eyJ") {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() error {
		if state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat"); err == nil && !strings.Contains(string(state), ") Z ") {
			return fmt.Errorf("its child lives on")
		}
		return nil
	})
}

func TestMissing(t *testing.T) {
	_, err := New(Program{Command: "argocd-k8s-auth-canary", InstallHint: "put it\nthere"}).Get(t.Context())
	if !problem.Is(err, problem.Precondition) || !strings.Contains(err.Error(), "program argocd-k8s-auth-canary, which gives the credentials, is not there (put it there)") {
		t.Error(err)
	}
	if _, err := New(Program{Command: "sh", APIVersion: "client.authentication.k8s.io/v1alpha1"}).Get(t.Context()); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "execProviderConfig.apiVersion") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // who gives up does not wait
	defer cancel()
	p, _ := program(t, "sleep 5\n"+says("t", time.Time{}))
	began := time.Now()
	if _, err := New(p).Get(ctx); err == nil || time.Since(began) > 4*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(map[string]any{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": map[string]any{
		"clientCertificateData": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "clientKeyData": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}})
	file := filepath.Join(t.TempDir(), "said")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := program(t, "cat "+file)
	c, err := New(p).Get(t.Context())
	if err != nil || c.Certificate == nil || !c.Expires.Equal(until) {
		t.Fatalf("%v, expires %v, not %v", err, c.Expires, until)
	}
	if again, k, err := c.PEM(); err != nil || !strings.Contains(string(again), "CERTIFICATE") || !strings.Contains(string(k), "PRIVATE KEY") {
		t.Error(err)
	}
}
