package browser_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hawser-cd/hawser/internal/clustertest"
)

// api asks the server with a token, as a program does.
func (w *world) api(t *testing.T, token, path string) (status int, body string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(data)
}

// has waits until a field of an object has a text in it.
func (w *world) has(t *testing.T, kind, name, text string, field ...string) {
	t.Helper()
	version := map[string]string{"AppProject": "argoproj.io/v1alpha1"}[kind]
	if version == "" {
		version = "v1"
	}
	w.WaitFor(t, version, kind, w.control, name, func(o *unstructured.Unstructured) error {
		v, _, _ := unstructured.NestedFieldNoCopy(o.Object, field...)
		if data, _ := json.Marshal(v); !strings.Contains(string(data), text) {
			return fmt.Errorf("%s is %s", strings.Join(field, "."), data)
		}
		return nil
	})
}

func TestAProjectIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	b := w.tab(t, desk)
	b.logIn("admin", "/settings/projects")
	b.click("button", "New project")
	b.fill("Name", "harbour")
	b.fill("Description", "What comes in by sea")
	b.click("button", "Add repository")
	b.fill("Value of repository 1", "https://git.example.com/harbour/*")
	b.fill("Namespace of destination 1", "harbour-*")
	b.fit()
	b.click("button", "Create project")
	b.see("Project harbour was created.", "What comes in by sea", "https://git.example.com/harbour/*", "harbour-*")
	w.has(t, "AppProject", "harbour", "harbour-*", "spec", "destinations")

	// somebody else changes it while it is being edited: nobody's work is lost
	b.click("button", "Edit")
	b.fill("Description", "What comes in by sea, and what leaves")
	w.Patch(t, "somebody", "argoproj.io/v1alpha1", "AppProject", w.control, "harbour", `{"spec":{"orphanedResources":{"warn":true}}}`)
	b.click("button", "Save project")
	b.see("Could not save the project")
	b.click("button", "Cancel")
	b.reload()
	b.click("button", "Edit")
	b.fill("Description", "What comes in by sea, and what leaves")
	b.click("button", "Save project")
	b.see("Project harbour was saved.", "What comes in by sea, and what leaves")
	w.has(t, "AppProject", "harbour", `"warn":true`, "spec", "orphanedResources")

	// a role, and a token of it that may what the role may
	b.click("tab", "Roles (0)")
	b.click("button", "Add role")
	b.fill("Name", "pilot")
	b.click("button", "Add policy")
	b.click("button", "Save role")
	b.see("Role pilot was saved.", "Roles (1)")
	b.click("button", "New token")
	b.fill("Name", "tug")
	b.click("button", "Make token")
	b.see("Copy it now: it is not shown again.")
	b.fit()
	token := b.secret()
	if status, body := w.api(t, token, "/api/v1/session/userinfo"); status != 200 || !strings.Contains(body, "proj:harbour:pilot") {
		t.Errorf("the token is answered %d %s", status, body)
	}
	b.click("button", "I have kept it")
	b.see("tug")
	b.until("the token is nowhere any more", func() error {
		if strings.Contains(b.text(), token) {
			return errors.New("it is shown")
		}
		return nil
	})
	b.click("button", "Delete token tug")
	b.click("button", "Delete token")
	b.see("Tokens none")
	if status, body := w.api(t, token, "/api/v1/session/userinfo"); status == 200 && strings.Contains(body, `"loggedIn":true`) {
		t.Errorf("the deleted token is answered %d %s", status, body)
	}

	b.click("tab", "Sync windows (0)")
	b.click("button", "Add sync window")
	b.fill("Opens", "0 22 * *")
	b.see("Five fields")
	b.fill("Opens", "0 22 * * 5")
	b.click("button", "Save window")
	b.see("The sync window was saved.", "Denies syncs", "Sync windows (1)")
	w.has(t, "AppProject", "harbour", "0 22 * * 5", "spec", "syncWindows")
	b.click("tab", "Events")
	b.see("admin created project")

	b.click("button", "Delete")
	if e := b.find("button", "Delete project"); e.states["disabled"] != "true" {
		t.Error("a project can be deleted without its name being typed")
	}
	b.fill("Type harbour to go on", "harbour")
	b.click("button", "Delete project")
	b.see("Project harbour was deleted.")
	w.WaitGone(t, "argoproj.io/v1alpha1", "AppProject", w.control, "harbour")
	b.goTo("/settings/projects/shop?form=remove")
	b.fill("Type shop to go on", "shop")
	b.click("button", "Delete project")
	b.see("Could not delete the project")
	b.fit()
}

// secret is what a dialog shows once.
func (b *tab) secret() string {
	b.Helper()
	return evaluate[string](b, `document.querySelector("dialog code[aria-label='The token']").innerText`)
}

func TestARepositoryIsTriedKeptAndForgotten(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	server := w.git
	repo := server.Repo(t, "dock", map[string]string{"a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: dock}}\n"})
	b := w.tab(t, desk)
	b.logIn("admin", "/settings/repos")
	b.click("button", "Add repository")
	b.fill("Address", repo.URL+"-nowhere")
	b.click("button", "Test connection")
	b.see("Could not connect to the repository")
	b.fit()
	b.click("button", "Add repository")
	b.see("Could not add the repository")
	b.fill("Address", repo.URL)
	b.fill("Name", "Dock")
	b.click("button", "Test connection")
	b.see("The repository lets us in.")
	b.pick("Log in with", "User")
	b.fill("User name", "robot")
	b.fill("Password or access token", "canary-of-the-page")
	b.click("button", "Add repository")
	b.see(repo.URL+" is registered.", "Dock")
	b.click("link", repo.URL)
	b.see("As robot", "Address")
	b.fit()
	if strings.Contains(evaluate[string](b, "document.documentElement.outerHTML"), "canary-of-the-page") {
		t.Error("the password is in the page")
	}
	b.click("button", "Edit")
	b.fill("Name", "Dry dock")
	b.fill("Password or access token", "canary-of-the-page")
	b.click("button", "Save repository")
	b.see("was saved.", "Dry dock")
	b.click("button", "Remove")
	b.click("button", "Remove repository")
	b.see("is no longer registered.")
	b.none("link", repo.URL)
}

func TestAClusterIsRenamedAndForgotten(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	config := w.Config
	pemText := func(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
	address := strings.Replace(config.Host, "127.0.0.1", "localhost", 1)
	login, err := json.Marshal(map[string]any{"tlsClientConfig": map[string]any{"caData": pemText(config.CAData), "certData": pemText(config.CertData), "keyData": pemText(config.KeyData)}})
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "Secret", "cluster-pier", map[string]string{"name": "pier", "server": address, "config": string(login)})
	w.Patch(t, "browser", "v1", "Secret", w.control, "cluster-pier", `{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"cluster"}}}`)
	b := w.tab(t, desk)
	b.logIn("admin", "/settings/clusters")
	b.until("the cluster is found", func() error {
		if !strings.Contains(b.text(), "pier") {
			b.reload()
			b.see("in-cluster")
			return errors.New("it is not there")
		}
		return nil
	})
	b.click("link", "pier")
	b.see(address, "Objects watched", "Kubernetes v1.")
	b.click("button", "Edit")
	b.fill("Name", "long-pier")
	b.click("button", "Add label")
	b.fill("Key of label 1", "region")
	b.fill("Value of label 1", "north")
	b.fit()
	b.click("button", "Save cluster")
	b.see("long-pier was saved.", "region=north")
	w.has(t, "Secret", "cluster-pier", base64.StdEncoding.EncodeToString([]byte("long-pier")), "data", "name")
	w.has(t, "Secret", "cluster-pier", `"region":"north"`, "metadata", "labels")
	w.has(t, "Secret", "cluster-pier", base64.StdEncoding.EncodeToString(login)[:40], "data", "config") // what is not shown stays
	b.click("button", "More to do with this cluster")
	b.click("menuitem", "Read everything anew")
	b.see("All that is known of long-pier is read anew.")
	b.click("button", "More to do with this cluster")
	b.click("menuitem", "Remove")
	b.see("applications that go there can no longer be compared or synced")
	b.fill("Type long-pier to go on", "long-pier")
	b.click("button", "Remove cluster")
	b.see("long-pier is no longer known.", "edge-frankfurt")
	kept := w.Get(t, "v1", "Secret", w.control, "cluster-pier") // somebody else made it: it is only no cluster's any more
	if kept == nil || kept.GetLabels()["argocd.argoproj.io/secret-type"] != "" {
		t.Errorf("what is left of the Secret is %v", kept)
	}
}

func TestAnAccountsPasswordAndTokens(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("first-horse-1"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	w.Patch(t, "browser", "v1", "Secret", w.control, "argocd-secret", fmt.Sprintf(`{"stringData":{"accounts.clerk.password":%q,"accounts.clerk.passwordMtime":"2020-01-01T00:00:00Z"}}`, hash))
	w.Patch(t, "browser", "v1", "ConfigMap", w.control, "argocd-cm", `{"data":{"accounts.clerk":"login, apiKey"}}`)
	defer w.Patch(t, "browser", "v1", "ConfigMap", w.control, "argocd-cm", `{"data":{"accounts.clerk":null}}`)
	b := w.tab(t, desk)
	b.logIn("admin", "/settings/accounts")
	b.until("the account is there", func() error {
		if !strings.Contains(b.text(), "clerk") {
			b.reload()
			b.see("shopkeeper")
			return errors.New("it is not")
		}
		return nil
	})
	b.click("link", "clerk")
	b.click("button", "New token")
	b.fill("Name", "stamp")
	b.fill("Expires in", "soon")
	b.see("Write a number and m, h, d, w or y")
	b.fill("Expires in", "2h")
	b.click("button", "Make token")
	token := ""
	b.until("the token is shown", func() error {
		b.see("Copy it now: it is not shown again.")
		token = b.secret()
		return nil
	})
	if status, body := w.api(t, token, "/api/v1/session/userinfo"); status != 200 || !strings.Contains(body, `"username":"clerk"`) {
		t.Errorf("the token is answered %d %s", status, body)
	}
	b.click("button", "I have kept it")
	b.click("button", "Delete token stamp")
	b.click("button", "Delete token")
	b.see("It has none.")
	clustertest.Wait(t, "the token is good for nothing", func(context.Context) error {
		if status, body := w.api(t, token, "/api/v1/account"); status == 200 {
			return errors.New(body)
		}
		return nil
	})

	b.click("button", "Change password")
	b.fill("Your own password", "wrong")
	b.fill("New password", "second-horse-2")
	b.fill("New password again", "second-horse-3")
	b.see("The two differ.")
	b.fill("New password again", "second-horse-2")
	b.click("button", "Change password")
	b.see("This is not the current password.")
	b.fit()
	b.fill("Your own password", password)
	b.press("\r")
	b.see("The password of clerk was changed.")
	c := w.tab(t, desk)
	c.goTo("/login?return_url=/user-info")
	c.fill("User name", "clerk")
	c.fill("Password", "first-horse-1")
	c.press("\r")
	c.see("This user name and password do not fit.")
	c.fill("Password", "second-horse-2")
	c.press("\r")
	c.see("clerk", "What may I do")
}

func TestHostKeysAndCertificatesAreTrustedAndForgotten(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "quay"}, DNSNames: []string{"quay.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	const host = "quay.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	b := w.tab(t, desk)
	b.logIn("admin", "/settings/certs")
	b.click("button", "Add SSH host keys")
	b.fill("Host keys", "what is this")
	b.see("This is no line of known_hosts")
	b.fill("Host keys", host)
	b.see("1 understood: quay.example.com (ssh-ed25519)")
	b.click("button", "Add host keys")
	b.see("One host key is known from now on.", "SSH host key (ssh-ed25519)", "SHA256:")
	w.has(t, "ConfigMap", "argocd-ssh-known-hosts-cm", "AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl", "data", "ssh_known_hosts")
	b.click("button", "Add TLS certificate")
	b.fill("Server", "quay.example.com")
	b.fill("Certificate", strings.Replace(cert, "MII", "XXX", 1))
	b.click("button", "Add certificate")
	b.see("Could not add the certificate")
	b.fill("Certificate", cert)
	b.click("button", "Add certificate")
	b.see("The certificate of quay.example.com is trusted from now on.", "TLS certificate (ecdsa)", "CN=quay", "in 1 d")
	b.fit()
	w.has(t, "ConfigMap", "argocd-tls-certs-cm", "BEGIN CERTIFICATE", "data")
	b.click("button", "Remove ssh-ed25519 key of quay.example.com")
	b.click("button", "Remove")
	b.gone("SSH host key (ssh-ed25519)")
	b.click("button", "Remove certificate of quay.example.com")
	b.see("All TLS certificates of quay.example.com are removed.")
	b.click("button", "Remove")
	b.gone("CN=quay")
}

// Who may only look is offered nothing that changes anything, and is told so; a link to a form opens none.
func TestSettingsForWhoMayOnlyLook(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	b := w.tab(t, desk)
	b.logIn("reader", "/settings")
	b.see("Repositories", "Projects")
	for _, c := range []struct {
		path, says string
		absent     []string
	}{
		{"/settings/projects", "shop", []string{"New project"}},
		{"/settings/projects?form=new", "shop", []string{"New project", "Create project"}},
		{"/settings/projects/shop", "You can look at this project, but not change it.", []string{"Edit", "Delete"}},
		{"/settings/projects/shop?form=edit", "You can look at this project, but not change it.", []string{"Save project"}},
		{"/settings/projects/shop?tab=roles", "What the pipeline may do", []string{"Add role", "New token", "Edit", "Delete"}},
		{"/settings/projects/shop?tab=windows", "Denies syncs", []string{"Add sync window", "Edit", "Delete"}},
		{"/settings/repos", "Repositories", []string{"Add repository"}},
		{"/settings/repos?form=new", "Repositories", []string{"Add repository", "Test connection"}},
		{"/settings/repocreds", "One login for all repositories", []string{"Add credential template"}},
		{"/settings/clusters", "edge-frankfurt", []string{"Add cluster"}},
		{"/settings/clusters/https%3A%2F%2F127.0.0.1%3A1", "You can look at this cluster, but not change it.", []string{"Edit", "More to do with this cluster"}},
		{"/settings/accounts/reader", "This is you.", []string{"New token"}},
		{"/settings/certs", "Certificates and known hosts", []string{"Add TLS certificate", "Add SSH host keys", "Remove"}},
		{"/settings/gpgkeys", "GnuPG", []string{"Add GnuPG key", "Remove"}},
	} {
		b.goTo(c.path)
		b.see(c.says)
		b.calm()
		for _, name := range c.absent {
			for _, e := range b.elements("button", name) {
				if squash(e.name) == name && e.states["disabled"] != "true" {
					t.Errorf("%s: a reader is offered %q", c.path, name)
				}
			}
		}
	}
}

// What was done is told beside what comes next, and not over it: neither in a wide window nor on a phone.
func TestMessagesCoverNoButtons(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for _, v := range []view{desk, phone} {
		t.Run(v.String(), func(t *testing.T) {
			b := w.tab(t, v)
			b.logIn("admin", "/settings/repos?form=new")
			b.fill("Address", w.platform.URL)
			b.click("button", "Add repository")
			b.see("is registered.")
			b.click("link", w.platform.URL)
			b.click("button", "Edit")
			b.see("is registered.") // still
			b.find("button", "Save repository")
			if over := evaluate[[]string](b, `(() => {
				const news = document.querySelector("[aria-label=Messages]").getBoundingClientRect();
				const buttons = [...document.querySelectorAll("dialog[open] footer button, dialog[open] header button")];
				return buttons.filter(e => {
					const r = e.getBoundingClientRect();
					return r.left < news.right && news.left < r.right && r.top < news.bottom && news.top < r.bottom;
				}).map(e => e.innerText || e.getAttribute("aria-label"));
			})()`); len(over) > 0 {
				t.Errorf("the message lies over %v", over)
			}
			b.goTo("/settings/repos")
			b.click("link", w.platform.URL)
			b.click("button", "Remove")
			b.click("button", "Remove repository")
			b.see("is no longer registered.")
		})
	}
}
