package cluster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// Where a project demands signed commits, what nobody vouches for is not deployed: what is there stays, and the application
// says which commit it is, by whom, and what is wrong with it.
func TestCommitsThatMustBeSigned(t *testing.T) {
	h := prepare(t)
	ada, bob, eve := gittest.NewSigner(t, "ada"), gittest.NewSigner(t, "bob"), gittest.NewSigner(t, "eve")
	keys := func(list ...*gittest.Signer) {
		data := map[string]string{}
		for _, s := range list {
			data[s.Key] = s.Public
		}
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		h.Apply(t, h.control, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-gpg-keys-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: "+string(text)+"}")
	}
	demand := func(what string) {
		h.rules(t, "strict", "destinations: [{server: '*', namespace: '*'}], "+what)
	}
	policy := func(mode string) string {
		return "sourceIntegrity: {git: {policies: [{repos: [{url: '*'}], gpg: {mode: " + mode + ", keys: [" + ada.Key + "]}}]}}"
	}
	keys(ada, bob)
	demand(policy("head"))
	h.run(t)
	repo := h.git.Repo(t, "signed", map[string]string{"cm.yaml": coloured("grey")})
	unsigned := repo.Head(t)
	doubted := func(revision, what string) func(*v1alpha1.Application) string {
		return unknown("GIT/GPG: Failed verifying revision "+revision+" by 'Test Person <test@example.com>': "+what, "sourceIntegrity")
	}
	name := h.name("signed")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "project: strict"})
	h.wait(t, name, doubted(unsigned, "unsigned"))
	push := func(by *gittest.Signer, colour, message string) string {
		t.Helper()
		files := map[string]string{"cm.yaml": coloured(colour)}
		commit := ""
		if by == nil {
			commit = repo.Commit(t, files, message)
		} else {
			commit = repo.SignedCommit(t, by, files, message)
		}
		h.hook(t, repo.URL)
		return commit
	}
	live := func(colour string) {
		t.Helper()
		h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field(colour, "data", "colour"))
	}
	h.wait(t, name, synced(push(ada, "blue", "Signed")))
	for _, c := range []struct {
		by     *gittest.Signer
		doubts string
	}{{nil, "unsigned"}, {bob, "signed with unallowed key (key_id=" + bob.Key}, {eve, "signed with key not in keyring (key_id=" + eve.Key}} {
		h.wait(t, name, doubted(push(c.by, "red", "Not good enough"), c.doubts))
		live("blue")
	}
	good := push(ada, "green", "Signed again")
	h.wait(t, name, synced(good))
	for revision, want := range map[string]string{good: "Good signature from Test Person <test@example.com> key " + ada.Key, unsigned: "Revision is not signed."} {
		rev, err := h.apps.Revision(t.Context(), reconcile.RevisionRequest{Application: h.id(name), Revision: revision})
		if err != nil || rev.Signed != want || (rev.Doubt == "") != (revision == good) {
			t.Errorf("%s: %q (%s), %v", revision, rev.Signed, rev.Doubt, err)
		}
	}

	// what does not come from the repository, and a revision that somebody asks for
	manifest, err := json.Marshal(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"colour":"local"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for fields, want := range map[string]string{`"manifests":[` + string(manifest) + `]`: "local manifests cannot be deployed", fmt.Sprintf(`"revision":%q`, unsigned): "Failed verifying revision " + unsigned} {
		if a := h.sync(t, name, fields); a.Status.OperationState.Phase == v1alpha1.OperationSucceeded || !strings.Contains(a.Status.OperationState.Message, want) {
			t.Errorf("%s: %s", fields, phase(a))
		}
		live("green")
	}

	// all ancestors: until a commit seals them
	demand(policy("strict"))
	h.wait(t, name, unknown("GIT/GPG: Failed verifying revision", "signed with unallowed key", "; "))
	h.wait(t, name, synced(push(ada, "black", "Seal\n\nArgocd-gpg-seal: everything before is reviewed")))
	h.wait(t, name, synced(push(ada, "white", "On top")))
	h.wait(t, name, doubted(push(nil, "red", "Not signed"), "unsigned"))
	live("white")

	// an annotated tag vouches for its commit, or fails to
	demand("signatureKeys: [{keyID: " + ada.Key + "}]")
	repo.SignedTag(t, ada, "v1.0.0", repo.Head(t))
	repo.AnnotatedTag(t, "v2.0.0", good, "Not signed")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", revision: "1.x", auto: "{prune: true, selfHeal: true}", extra: "project: strict"})
	h.hook(t, repo.URL)
	h.wait(t, name, synced(repo.Head(t)))
	live("red")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", revision: "v2.0.0", auto: "{prune: true, selfHeal: true}", extra: "project: strict"})
	h.wait(t, name, doubted("v2.0.0", "unsigned"))

	// a key that is trusted no more
	h.apply(t, app{name: name, repo: repo.URL, path: ".", revision: "v1.0.0", auto: "{prune: true, selfHeal: true}", extra: "project: strict"})
	h.wait(t, name, synced(repo.Head(t)))
	keys(bob)
	h.wait(t, name, doubted("v1.0.0", "signed with key not in keyring"))

	// a generator reads nothing that nobody vouches for
	h.Apply(t, h.control, strings.Replace(h.set("sets", repo.URL, ""), "project: default", "project: strict", 1))
	h.waitSaid(t, "sets", "ErrorOccurred=True", "GIT/GPG: Failed verifying revision")
}
