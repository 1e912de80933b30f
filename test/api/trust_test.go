package api_test

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

const hostKey = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

func TestCertificates(t *testing.T) {
	h := start(t, nil, account{"keeper", []string{"certificates, *, *, allow"}}, account{"nobody", nil})
	pem := string(h.Config.CAData)
	list := func(items ...argocd.RepositoryCertificate) argocd.RepositoryCertificateList {
		return argocd.RepositoryCertificateList{Items: items}
	}
	ssh := argocd.RepositoryCertificate{ServerName: "git.example", CertType: "ssh", CertSubType: "ssh-ed25519", CertData: []byte(hostKey)}
	tls := argocd.RepositoryCertificate{ServerName: "tls.example", CertType: "https", CertData: []byte(pem)}
	const path = "/api/v1/certificates"
	h.run(t, []scenario{
		{who: "nobody", path: path, status: 403, says: []string{"permission denied: certificates, get, , sub: nobody"}},
		{who: "nobody", verb: "POST", path: path, body: list(ssh), status: 403},
		{who: "nobody", verb: "DELETE", path: path, status: 403},
		{who: "keeper", verb: "POST", path: path, body: list(ssh, tls), says: []string{`"serverName":"git.example"`, `"serverName":"tls.example"`, `"certInfo":"SHA256:`}},
		{who: "keeper", verb: "POST", path: path, body: list(ssh), says: []string{`"items":[]`}},
		{who: "keeper", path: path, says: []string{"git.example", "tls.example", `"certSubType":"ssh-ed25519"`}},
		{who: "keeper", path: path + "?certType=ssh", says: []string{"git.example"}, lacks: []string{"tls.example"}},
		{who: "keeper", path: path + "?hostNamePattern=tls.*", says: []string{"tls.example"}, lacks: []string{"git.example"}},
		{who: "keeper", verb: "POST", path: path, body: list(argocd.RepositoryCertificate{ServerName: "a b", CertType: "ssh", CertSubType: "ssh-ed25519", CertData: []byte(hostKey)}), status: 400, says: []string{"invalid hostname in request"}},
		{who: "keeper", verb: "POST", path: path, body: list(argocd.RepositoryCertificate{ServerName: "x.example", CertType: "https", CertData: []byte("no PEM")}), status: 400},
		{who: "keeper", verb: "POST", path: path, body: list(argocd.RepositoryCertificate{ServerName: "x.example", CertType: "other"}), status: 400},
		{who: "keeper", verb: "DELETE", path: path + "?hostNamePattern=git.example&certType=ssh", says: []string{"git.example"}},
		{who: "keeper", path: path, lacks: []string{"git.example"}},
	})
}

// keyOf makes a real key with gpg.
func keyOf(t *testing.T, algorithm string) (armored, fingerprint string) {
	t.Helper()
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Skip("gpg is not installed: apt-get install gnupg")
	}
	home, err := os.MkdirTemp("", "gpg") // t.TempDir's name is too long for gpg's socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run()
		_ = os.RemoveAll(home)
	})
	run := func(args ...string) string {
		cmd := exec.Command(gpg, append([]string{"--homedir", home, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %v: %v", args, err)
		}
		return string(out)
	}
	run("--quick-generate-key", "Ann Example <ann@example.org>", algorithm, "sign", "1d")
	for _, line := range strings.Split(run("--list-keys", "--with-colons"), "\n") {
		if f := strings.Split(line, ":"); f[0] == "fpr" && fingerprint == "" {
			fingerprint = f[9]
		}
	}
	return run("--armor", "--export"), fingerprint
}

func TestKeys(t *testing.T) {
	h := start(t, nil, account{"keeper", []string{"gpgkeys, *, *, allow"}}, account{"nobody", nil})
	one, print1 := keyOf(t, "ed25519")
	two, print2 := keyOf(t, "rsa2048")
	id1, id2 := print1[len(print1)-16:], print2[len(print2)-16:]
	const path = "/api/v1/gpgkeys"
	key := func(text string) argocd.GnuPGPublicKey { return argocd.GnuPGPublicKey{KeyData: text} }
	h.run(t, []scenario{
		{who: "nobody", path: path, status: 403, says: []string{"permission denied: gpgkeys, get, , sub: nobody"}},
		{who: "nobody", verb: "POST", path: path, body: key(one), status: 403},
		{who: "nobody", verb: "DELETE", path: path + "?keyID=" + id1, status: 403},
		{who: "keeper", verb: "POST", path: path, body: key(one), says: []string{`"keyID":"` + id1 + `"`, `"fingerprint":"` + print1 + `"`, `"subType":"ed25519"`, "Ann Example"}},
		{who: "keeper", verb: "POST", path: path, body: key(one + "\n" + two), says: []string{`"skipped":["` + id1 + `"]`, `"keyID":"` + id2 + `"`, `"subType":"rsa2048"`}},
		{who: "keeper", path: path, says: []string{id1, id2}, lacks: []string{"BEGIN PGP"}},
		{who: "keeper", path: path + "/" + id2, says: []string{print2, "BEGIN PGP PUBLIC KEY BLOCK"}},
		{who: "keeper", path: path + "/0000000000000000", status: 404, says: []string{"no such key: 0000000000000000"}},
		{who: "keeper", path: path + "/x", status: 400, says: []string{"'x' is not a valid key ID or fingerprint"}},
		{who: "keeper", verb: "POST", path: path, body: key(""), status: 400, says: []string{"submitted key data is empty"}},
		{who: "keeper", verb: "POST", path: path, body: key(strings.ReplaceAll(one, "PUBLIC", "PRIVATE")), status: 400, says: []string{"private key"}},
		{who: "keeper", verb: "POST", path: path, body: key(one[:len(one)/2]), status: 400},
		{who: "keeper", verb: "DELETE", path: path + "?" + url.Values{"keyID": {print1}}.Encode()},
		{who: "keeper", verb: "DELETE", path: path + "?keyID=" + id1, status: 404},
		{who: "keeper", path: path, lacks: []string{id1}},
	})
	// what was stored is what gpg understands
	data := h.Get(t, "v1", "ConfigMap", h.control, "argocd-gpg-keys-cm").Object["data"].(map[string]any)
	cmd := exec.Command("gpg", "--batch", "--show-keys", "--with-colons")
	cmd.Stdin = strings.NewReader(data[id2].(string))
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), print2) {
		t.Errorf("gpg reads %v %s", err, out)
	}
}

func TestNotificationNames(t *testing.T) {
	h := start(t, nil, account{"nobody", nil})
	h.put(t, "ConfigMap", "argocd-notifications-cm", map[string]string{
		"trigger.on-sync": "- when: secret-condition", "template.done": "message: x", "service.slack": "token: $slack", "service.webhook.mine": "url: x", "context": "a: b", "subscriptions": "x",
	})
	h.eventually(t, "nobody", "/api/v1/notifications/triggers", `{"items":[{"name":"on-sync"}]}`)
	h.run(t, []scenario{
		{who: "nobody", path: "/api/v1/notifications/templates", says: []string{`{"items":[{"name":"done"}]}`}},
		{who: "nobody", path: "/api/v1/notifications/services", says: []string{`{"items":[{"name":"mine"},{"name":"slack"}]}`}},
		{who: "", path: "/api/v1/notifications/services", status: 401},
	})
}
