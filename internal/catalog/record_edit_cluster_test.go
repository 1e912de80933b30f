package catalog

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/crypto/ssh"
)

// The names are Argo CD's, so that either finds what the other has made.
func TestNamesOfSecrets(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{repositorySecretName("repo", "https://git.corp/a", ""), "repo-3939425676"},
		{repositorySecretName("creds-write", "https://git.corp/", "team"), "creds-write-2327004908"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	for server, want := range map[string]string{
		"https://API.corp:6443": "cluster-api.corp-879873661", "https://[2001:DB8::1]:6443": "cluster-2001-db8--1-3290267373",
	} {
		if got, err := clusterSecretName(server); err != nil || got != want {
			t.Errorf("%s: got %s, want %s, %v", server, got, want, err)
		}
	}
	for _, bad := range []string{"", "api.corp", "https://", "https://user:pass@"} {
		if name, err := clusterSecretName(bad); !problem.Is(err, problem.Invalid) || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %s, %v", bad, name, err)
		}
	}
}

const canary = "cAnArY-7f3a"

// shows reports whether the canary can be seen in any way of showing v.
func shows(v any) bool {
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	asJSON, _ := json.Marshal(v)
	return strings.Contains(fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v)+log.String()+string(asJSON), canary)
}

func TestRepositoriesAreWritten(t *testing.T) {
	s := newSite(t, "")
	h := s.listen()
	fields := Fields{"url": "https://git.corp/a.git", "type": "git", "username": "me", "password": canary, "githubAppID": "12", "githubAppPrivateKey": canary, "insecure": "true"}
	if shows(fields) {
		t.Error("the fields show what is in them")
	}
	r, err := s.CreateRepository(t.Context(), RepositoryKind{}, fields)
	if err != nil {
		t.Fatal(err)
	}
	if shows(r) || r.Password.Reveal() != canary || r.Shown["githubAppID"] != "12" || r.Shown["password"] != "" || r.Shown["githubAppPrivateKey"] != "" || !r.Managed {
		t.Errorf("got %+v", r.Shown)
	}
	stored := s.stored(t, "v1", "Secret", r.Record)
	if !strings.HasPrefix(r.Record, "repo-") || stored.GetLabels()[secretTypeLabel] != "repository" || stored.GetAnnotations()["managed-by"] != "argocd.argoproj.io" {
		t.Errorf("stored %s, %v, %v", r.Record, stored.GetLabels(), stored.GetAnnotations())
	}
	// at once, and for those who fetch
	if got := s.Repository("https://git.corp/A"); got.Password.Reveal() != canary || got.Record != r.Record {
		t.Errorf("found %s", got.Record)
	}
	h.wait(t, Change{RepositoryChanged, s.name(r.Record)})
	if _, err := s.CreateRepository(t.Context(), RepositoryKind{}, Fields{"url": "https://git.corp/a"}); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("the same in another spelling: %v", err)
	}
	ofTeam, err := s.CreateRepository(t.Context(), RepositoryKind{}, Fields{"url": "https://git.corp/a.git", "project": "team"})
	if err != nil || ofTeam.Record == r.Record {
		t.Errorf("the same of a project: %s, %v", ofTeam.Record, err)
	}
	if got, err := s.RepositoryRecord(RepositoryKind{}, "https://git.corp/a", "team"); err != nil || got.Record != ofTeam.Record {
		t.Errorf("found %s, %v", got.Record, err)
	}

	edited, err := s.EditRepository(t.Context(), r, Fields{"password": "other", "githubAppPrivateKey": "", "url": "https://git.corp/a", "proxy": "http://p:" + canary + "@proxy.corp"})
	if err != nil || edited.Username.Reveal() != "me" || edited.Password.Reveal() != "other" || edited.Shown["proxy"] != "http://proxy.corp" {
		t.Errorf("edited %+v, %v", edited.Shown, err)
	}
	if data, _ := s.stored(t, "v1", "Secret", r.Record).Object["data"].(map[string]any); data["githubAppPrivateKey"] != nil || data["url"] == nil {
		t.Errorf("keys %v", sortedKeys(data))
	}
	for what, fields := range map[string]Fields{
		"another url": {"url": "https://git.corp/b"}, "another project": {"project": "b"}, "no field": {"shell": canary},
	} {
		if _, err := s.EditRepository(t.Context(), r, fields); !problem.Is(err, problem.Invalid) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.DeleteRepository(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RepositoryRecord(RepositoryKind{}, "https://git.corp/a", ""); !problem.Is(err, problem.NotFound) {
		t.Errorf("deleted, and still there: %v", err)
	}
	s.WaitGone(t, "v1", "Secret", s.ns, r.Record)
	if err := s.DeleteRepository(t.Context(), r); !problem.Is(err, problem.NotFound) {
		t.Errorf("again: %v", err)
	}
	if err := s.DeleteRepository(t.Context(), Repository{Record: "argocd-secret"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("what is no repository: %v", err)
	}
}

func TestEveryKindOfRepositoryRecordStandsAlone(t *testing.T) {
	s := newSite(t, "")
	seen := map[string]bool{}
	for _, k := range []RepositoryKind{{}, {Creds: true}, {Write: true}, {Creds: true, Write: true}} {
		r, err := s.CreateRepository(t.Context(), k, Fields{"url": "https://git.corp/org", "password": "of " + k.label()})
		if err != nil || seen[r.Record] {
			t.Fatalf("%+v: %s, %v", k, r.Record, err)
		}
		seen[r.Record] = true
		if got, err := s.RepositoryRecord(k, "https://git.corp/org/", ""); err != nil || got.Record != r.Record || got.Password.Reveal() != "of "+k.label() {
			t.Errorf("%+v: found %s, %v", k, got.Record, err)
		}
		// no credentials of a prefix: who deletes a longer URL must not delete those
		if _, err := s.RepositoryRecord(k, "https://git.corp/org/app", ""); !problem.Is(err, problem.NotFound) {
			t.Errorf("%+v: a longer URL: %v", k, err)
		}
		if len(s.RepositoryRecords(k)) != 1 {
			t.Errorf("%+v: %v", k, s.RepositoryRecords(k))
		}
	}
	if got := s.Repository("https://git.corp/org"); got.Password.Reveal() != "of repository" {
		t.Errorf("fetched with the password %s", got.Password.Reveal())
	}
}

// What kubectl or an operator made may be changed, and is not deleted.
func TestRecordsOfOthersAreOnlyUnlabelled(t *testing.T) {
	s := newSite(t, `
apiVersion: v1
kind: Secret
metadata: {name: theirs, labels: {argocd.argoproj.io/secret-type: repository, team: a}}
stringData: {url: https://git.corp/theirs, password: old}
---
apiVersion: v1
kind: Secret
metadata: {name: their-cluster, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData: {server: https://their.corp, name: their, config: '{}'}
---
apiVersion: v1
kind: Secret
metadata: {name: `+repositorySecretName("repo", "https://git.corp/taken", "")+`}
stringData: {x: a}
`)
	theirs := Repository{Record: "theirs", URL: "https://git.corp/theirs"}
	r, err := s.EditRepository(t.Context(), theirs, Fields{"password": "new"})
	if err != nil || r.Managed {
		t.Fatalf("managed %v, %v", r.Managed, err)
	}
	if _, err := s.EditCluster(t.Context(), "https://their.corp", func(c *ClusterRecord) error { c.Project = "team"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteRepository(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteCluster(t.Context(), "https://their.corp"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"theirs", "their-cluster"} {
		stored := s.stored(t, "v1", "Secret", name)
		if _, labelled := stored.GetLabels()[secretTypeLabel]; labelled || len(secretOf(stored).data) < 2 {
			t.Errorf("%s: labels %v", name, stored.GetLabels())
		}
	}
	if len(s.RepositoryRecords(RepositoryKind{})) > 0 {
		t.Error("it is still a record")
	}
	if _, err := s.Destination(v1alpha1.ApplicationDestination{Server: "https://their.corp"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("the cluster: %v", err)
	}
	if _, err := s.CreateRepository(t.Context(), RepositoryKind{}, Fields{"url": "https://git.corp/taken"}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "doesn't have the proper") {
		t.Errorf("the name is taken: %v", err)
	}
}

func TestClustersAreWritten(t *testing.T) {
	s := newSite(t, "")
	shard := int64(2)
	config := `{"bearerToken":"` + canary + `","tlsClientConfig":{"insecure":true,"serverName":"api"},"execProviderConfig":{"apiVersion":"client.authentication.k8s.io/v1","command":"aws","args":["` + canary + `"]},"proxyUrl":"http://u:` + canary + `@p"}`
	k, err := s.CreateCluster(t.Context(), ClusterRecord{
		Server: "https://api.corp:6443/", Name: "prod", Namespaces: []string{"a", "b"}, ClusterResources: true, Project: "team", Shard: &shard,
		Labels: map[string]string{"env": "prod"}, Annotations: map[string]string{"note": "x"}, Config: NewSecret(config),
	})
	if err != nil {
		t.Fatal(err)
	}
	if shows(k) || k.Server != "https://api.corp:6443" || !k.ClusterResources || *k.Shard != 2 || !k.Managed || !strings.HasPrefix(k.Record, "cluster-api.corp-") || k.UID == "" {
		t.Errorf("got %v %s", k, k.Record)
	}
	if shows(fmt.Sprintf("%+v", k.Shown)) || !k.Shown.Insecure || k.Shown.ServerName != "api" || k.Shown.ProxyURL != "http://p" {
		t.Errorf("shown %+v", k.Shown)
	}
	if labels, annotations := k.ClusterLabels(); len(labels) != 1 || labels["env"] != "prod" || len(annotations) != 1 {
		t.Errorf("labels %v, annotations %v", labels, annotations)
	}
	got, err := s.Destination(v1alpha1.ApplicationDestination{Name: "prod"}) // at once
	if err != nil || got.Record != k.Record {
		t.Fatalf("found %v, %v", got, err)
	}
	if r, err := got.REST(); err != nil || r.BearerToken != "" || r.ExecProvider == nil { // the program goes before the token
		t.Errorf("the connection: %v", err)
	}
	if _, err := s.CreateCluster(t.Context(), ClusterRecord{Server: "https://api.corp:6443"}); !problem.Is(err, problem.Conflict) {
		t.Errorf("again: %v", err)
	}

	k, err = s.EditCluster(t.Context(), "https://api.corp:6443", func(r *ClusterRecord) error {
		if r.Config.Reveal() != config || r.Labels["env"] != "prod" || len(r.Labels) != 1 {
			t.Errorf("before: labels %v", r.Labels)
		}
		r.Name, r.Namespaces, r.Shard, r.Labels["tier"], r.Refresh = "", nil, nil, "1", "2026-01-01T00:00:00Z"
		return nil
	})
	if err != nil || k.Name != "https://api.corp:6443" || len(k.Namespaces) > 0 || k.Shard != nil || k.Labels["tier"] != "1" || k.Refresh == "" || !k.Managed {
		t.Errorf("edited %v, %v", k, err)
	}
	for what, change := range map[string]func(*ClusterRecord){
		"another server": func(r *ClusterRecord) { r.Server = "https://other" },
		"no JSON":        func(r *ClusterRecord) { r.Config = NewSecret("{" + canary) },
		"two namespaces": func(r *ClusterRecord) { r.Namespaces = []string{"a,b"} },
		"last applied":   func(r *ClusterRecord) { r.Annotations = map[string]string{lastApplied: "{}"} },
	} {
		if _, err := s.EditCluster(t.Context(), k.Server, func(r *ClusterRecord) error { change(r); return nil }); !problem.Is(err, problem.Invalid) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.DeleteCluster(t.Context(), k.Server); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Destination(v1alpha1.ApplicationDestination{Server: k.Server}); !problem.Is(err, problem.NotFound) {
		t.Errorf("deleted, and still there: %v", err)
	}
}

func TestOwnClusterGetsARecordWhenItIsEdited(t *testing.T) {
	s := newSite(t, "")
	k, err := s.EditCluster(t.Context(), v1alpha1.InClusterServer, func(r *ClusterRecord) error {
		r.Labels = map[string]string{"env": "hub"}
		return nil
	})
	if err != nil || k.Record == "" || k.Name != v1alpha1.InClusterName || k.Problem != nil {
		t.Fatalf("%v, %v, %v", k, k.Problem, err)
	}
	if err := s.DeleteCluster(t.Context(), v1alpha1.InClusterServer); err != nil {
		t.Fatal(err)
	}
	if k, err := s.Destination(v1alpha1.ApplicationDestination{Server: v1alpha1.InClusterServer}); err != nil || k.Record != "" {
		t.Errorf("without the record %v, %v", k, err)
	}
	if err := s.DeleteCluster(t.Context(), v1alpha1.InClusterServer); !problem.Is(err, problem.NotFound) {
		t.Errorf("again: %v", err)
	}
}

func hostKey(t *testing.T) (line, fingerprint string) {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), ssh.FingerprintSHA256(key)
}

func certificate(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"Corp"}}}
	der, err := x509.CreateCertificate(rand.Reader, x, x, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestCertificates(t *testing.T) {
	oldKey, oldPrint := hostKey(t)
	newKey, newPrint := hostKey(t)
	s := newSite(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-ssh-known-hosts-cm}\ndata:\n  ssh_known_hosts: |\n    # ours\n    git.corp "+oldKey+"\n    half a-line\n")
	data := func(key string) []byte { return []byte(strings.Fields(key)[1]) }
	summary := func(list []Certificate) (out []string) {
		for _, c := range list {
			out = append(out, fmt.Sprintf("%s %s %s %s", c.Server, c.Type, c.SubType, c.Info))
		}
		return out
	}
	expect := func(what string, f CertificateFilter, want ...string) {
		t.Helper()
		if got := summary(s.Certificates(f)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	gitOld := "git.corp ssh ssh-ed25519 " + oldPrint
	expect("what is there", CertificateFilter{}, gitOld)

	two := append(certificate(t, "root"), certificate(t, "leaf")...)
	added, err := s.AddCertificates(t.Context(), []Certificate{
		{Server: "[ssh.corp]:2222", Type: "ssh", SubType: "ssh-ed25519", Data: data(newKey)},
		{Server: "git.corp", Type: "ssh", SubType: "ssh-ed25519", Data: data(oldKey)}, // known
		{Server: "tls.corp", Type: "https", Data: two},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	port := "[ssh.corp]:2222 ssh ssh-ed25519 " + newPrint
	root, leaf := "tls.corp https ecdsa CN=root,O=Corp", "tls.corp https ecdsa CN=leaf,O=Corp"
	if got := summary(added); !slices.Equal(got, []string{port, root, leaf}) {
		t.Errorf("added %q", got)
	}
	expect("all", CertificateFilter{}, gitOld, port, root, leaf)
	expect("by type", CertificateFilter{Type: "tls"}, root, leaf)
	expect("by host", CertificateFilter{Server: "[ssh*"}, port)
	expect("by subtype", CertificateFilter{Type: "ssh", SubType: "ssh-rsa"})
	if got := s.Repository("https://tls.corp/x"); string(got.CA) != string(two) {
		t.Error("who fetches does not see it")
	}

	other := []Certificate{{Server: "git.corp", Type: "ssh", SubType: "ssh-ed25519", Data: data(newKey)}}
	if _, err := s.AddCertificates(t.Context(), other, false); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "already exists, and upsert was not specified") {
		t.Errorf("another key: %v", err)
	}
	if added, err := s.AddCertificates(t.Context(), other, true); err != nil || len(added) != 1 {
		t.Errorf("replaced %v, %v", added, err)
	}
	if hosts := s.stored(t, "v1", "ConfigMap", knownHostsMap); !strings.Contains(mapOf(hosts)[knownHostsKey], "# ours\ngit.corp ") || strings.Contains(mapOf(hosts)[knownHostsKey], string(data(oldKey))) {
		t.Errorf("the file is %q", mapOf(hosts)[knownHostsKey])
	}
	for what, c := range map[string]Certificate{
		"a second line":     {Server: "a\nb", Type: "ssh", SubType: "ssh-ed25519", Data: data(newKey)},
		"a second host":     {Server: "a,b", Type: "ssh", SubType: "ssh-ed25519", Data: data(newKey)},
		"a marker":          {Server: "@cert-authority", Type: "ssh", SubType: "ssh-ed25519", Data: data(newKey)},
		"another algorithm": {Server: "a", Type: "ssh", SubType: "ssh-rsa", Data: data(newKey)},
		"no key":            {Server: "a", Type: "ssh", SubType: "ssh-ed25519", Data: []byte("AAAA")},
		"a key and a line":  {Server: "a", Type: "ssh", SubType: "ssh-ed25519 x", Data: data(newKey)},
		"no PEM":            {Server: "a", Type: "https", Data: []byte("x")},
		"no certificate":    {Server: "a", Type: "https", Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})},
		"a path":            {Server: "../a", Type: "https", Data: two},
		"a port of https":   {Server: "a:443", Type: "https", Data: two},
		"another type":      {Server: "a", Type: "gpg"},
	} {
		if added, err := s.AddCertificates(t.Context(), []Certificate{c}, true); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v, %v", what, added, err)
		}
	}

	removed, err := s.RemoveCertificates(t.Context(), CertificateFilter{Server: "*.corp"})
	if err != nil || len(removed) != 3 {
		t.Errorf("removed %q, %v", summary(removed), err)
	}
	expect("left", CertificateFilter{}, port)
	if removed, err := s.RemoveCertificates(t.Context(), CertificateFilter{Server: "nobody"}); err != nil || len(removed) != 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
}

func TestGPGKeys(t *testing.T) {
	s := newSite(t, "")
	const armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
	added, skipped, err := s.AddGPGKeys(t.Context(), map[string]string{"4aee18f83afdeb23": armored, "0x" + strings.Repeat("a", 24) + "1111111111111111": armored})
	if err != nil || len(added) != 2 || len(skipped) != 0 {
		t.Fatalf("added %v, skipped %v, %v", added, skipped, err)
	}
	added, skipped, err = s.AddGPGKeys(t.Context(), map[string]string{"4AEE18F83AFDEB23": "-----BEGIN PGP PUBLIC KEY BLOCK-----other", "2222222222222222": armored})
	if err != nil || !slices.Equal(added, []string{"2222222222222222"}) || !slices.Equal(skipped, []string{"4AEE18F83AFDEB23"}) {
		t.Errorf("added %v, skipped %v, %v", added, skipped, err)
	}
	if keys := s.GPGKeys(); len(keys) != 3 || keys["4AEE18F83AFDEB23"] != armored || keys["1111111111111111"] == "" {
		t.Errorf("keys %v", sortedKeys(keys))
	}
	for id, key := range map[string]string{"xyz": armored, "../../etc": armored, "3333333333333333": "-----BEGIN PGP PRIVATE KEY BLOCK-----"} {
		if _, _, err := s.AddGPGKeys(t.Context(), map[string]string{id: key}); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := s.RemoveGPGKey(t.Context(), "4aee18f83afdeb23"); err != nil {
		t.Error(err)
	}
	if err := s.RemoveGPGKey(t.Context(), "4aee18f83afdeb23"); !problem.Is(err, problem.NotFound) {
		t.Errorf("again: %v", err)
	}
	if len(s.GPGKeys()) != 2 {
		t.Errorf("left %v", s.GPGKeys())
	}
}

func TestAccountsAreOneValue(t *testing.T) {
	s := newSite(t, `
apiVersion: v1
kind: Secret
metadata: {name: argocd-secret, labels: {app.kubernetes.io/part-of: argocd}}
stringData: {server.secretkey: `+canary+`, oidc.clientSecret: "s3cret\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: sso, labels: {app.kubernetes.io/part-of: argocd}}
stringData: {client: `+canary+`}
---
apiVersion: v1
kind: Secret
metadata: {name: foreign}
stringData: {client: `+canary+`}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data: {accounts.ci: apiKey}
`)
	a := s.Accounts()
	if shows(a) {
		t.Error("it shows what is in it")
	}
	if key, ok := a.Vault("server.secretkey"); !ok || key.Reveal() != canary || a.Settings["accounts.ci"] != "apiKey" || !slices.Equal(a.VaultKeys(), []string{"oidc.clientSecret", "server.secretkey"}) {
		t.Errorf("settings %v, keys %v", a.Settings, a.VaultKeys())
	}
	for ref, want := range map[string]string{"plain": "plain", "$oidc.clientSecret": "s3cret", "$sso:client": canary} {
		if got, err := a.Resolve(ref); err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v", ref, got.Reveal(), err)
		}
	}
	for _, ref := range []string{"$nothing", "$foreign:client", "$sso:nothing", "$:"} {
		if got, err := a.Resolve(ref); !problem.Is(err, problem.NotFound) || got.Reveal() != "" {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if data, ok := a.Secret("sso"); !ok || string(data["client"]) != canary {
		t.Error("the Secret itself")
	}
	if _, ok := a.Secret("foreign"); ok {
		t.Error("a Secret without the label is seen")
	}
	s.Apply(t, s.ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {accounts.ci: 'apiKey, login'}\n")
	eventually(t, "the change", func() error {
		if now := s.Accounts(); now.Version == a.Version || now.Settings["accounts.ci"] != "apiKey, login" {
			return fmt.Errorf("version %d, %v", now.Version, now.Settings)
		}
		return nil
	})
	if a.Settings["accounts.ci"] != "apiKey" {
		t.Error("a value that was given out has changed")
	}
}

func TestChangeSecret(t *testing.T) {
	s := newSite(t, "")
	other := open(t, Options{REST: s.Config, Namespace: s.ns, Identity: "other", Log: quiet()})
	add := func(c *Catalog, name, key string) error {
		return c.ChangeSecret(t.Context(), name, func(data map[string][]byte) error {
			if _, there := data[key]; there {
				return problem.New(problem.Conflict, "%s is there", key)
			}
			data[key] = []byte("1")
			return nil
		})
	}
	if err := add(s.Catalog, "hawser-revoked-tokens", "first"); err != nil {
		t.Fatal(err)
	}
	if data, ok := s.Accounts().Secret("hawser-revoked-tokens"); !ok || len(data) != 1 { // at once
		t.Errorf("read %v", data)
	}
	if labels := s.stored(t, "v1", "Secret", "hawser-revoked-tokens").GetLabels(); labels[partOfLabel] != partOf {
		t.Errorf("labels %v", labels)
	}
	if err := add(s.Catalog, "hawser-revoked-tokens", "first"); !problem.Is(err, problem.Conflict) || err.Error() != "first is there" {
		t.Errorf("the error of the change: %v", err)
	}
	// two replicas write at the same time, and nothing is lost
	var wait sync.WaitGroup
	for i := range 10 {
		for n, c := range []*Catalog{s.Catalog, other} {
			wait.Go(func() {
				if err := add(c, "hawser-revoked-tokens", fmt.Sprintf("k-%d-%d", n, i)); err != nil && !problem.Is(err, problem.Conflict) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	for _, c := range []*Catalog{s.Catalog, other} {
		eventually(t, "all keys", func() error {
			if data, _ := c.Accounts().Secret("hawser-revoked-tokens"); len(data) != 21 {
				return fmt.Errorf("%d keys", len(data))
			}
			return nil
		})
	}

	// argocd-secret that is missing is made; what is in it stays
	for _, key := range []string{"server.secretkey", "admin.password"} {
		if err := add(s.Catalog, "argocd-secret", key); err != nil {
			t.Fatal(err)
		}
		if value, ok := s.Accounts().Vault(key); !ok || value.Reveal() != "1" {
			t.Errorf("%s is not read at once", key)
		}
	}
	version := s.stored(t, "v1", "Secret", "argocd-secret").GetResourceVersion()
	if err := s.ChangeSecret(t.Context(), "argocd-secret", func(map[string][]byte) error { return nil }); err != nil || s.stored(t, "v1", "Secret", "argocd-secret").GetResourceVersion() != version {
		t.Errorf("nothing was changed, and it was written: %v", err)
	}
	for _, name := range []string{"repo-1", "foreign", "argocd-redis", "../x"} {
		if err := add(s.Catalog, name, "x"); !problem.Is(err, problem.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Apply(t, s.ns, "apiVersion: v1\nkind: Secret\nmetadata: {name: hawser-repo, labels: {argocd.argoproj.io/secret-type: repository}}\nstringData: {url: https://x}\n")
	if err := add(s.Catalog, "hawser-repo", "x"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("a repository: %v", err)
	}
	err := s.ChangeSecret(t.Context(), "hawser-revoked-tokens", func(data map[string][]byte) error {
		data["big"] = []byte(strings.Repeat(canary, maxRecord/len(canary)))
		return nil
	})
	if !problem.Is(err, problem.Limit) || strings.Contains(err.Error(), canary) {
		t.Errorf("too large: %v", err)
	}
	err = s.ChangeSecret(t.Context(), "hawser-revoked-tokens", func(data map[string][]byte) error {
		data["no key\n"+canary] = []byte(canary)
		return nil
	})
	if !problem.Is(err, problem.Invalid) || strings.Contains(err.Error(), canary) {
		t.Errorf("refused by the API server, whose message quotes it: %v", err)
	}
	if refused := errors.New("x"); !errors.Is(s.ChangeSecret(t.Context(), "argocd-secret", func(map[string][]byte) error { return refused }), refused) {
		t.Error("the error is another one")
	}
}
