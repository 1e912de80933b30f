package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// plainApp makes an application of one ConfigMap in a repository of its own, manual, and syncs it once.
func (w *world) plainApp(t *testing.T, name, message string) (commit func(message, value string)) {
	t.Helper()
	file := func(value string) map[string]string {
		return map[string]string{"settings.yaml": fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, namespace: %s}, data: {colour: %q}}\n", name, name, value)}
	}
	repo := w.git.Repo(t, name, map[string]string{"README.md": "x"})
	repo.Author = "Mary Shelley <mary@example.com>"
	repo.Commit(t, file("red"), message)
	w.Apply(t, w.control, fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %[1]s}
spec:
  project: default
  source: {repoURL: %[2]s, path: ., targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: %[1]s}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
`, name, repo.URL))
	w.waitFor(t, name, "OutOfSync", "")
	w.operate(t, name)
	w.waitFor(t, name, "Synced", "")
	return func(message, value string) { repo.Commit(t, file(value), message) }
}

// What happens in Git and in the cluster is on the screen without a reload, in the list and in the application.
func TestScreensAreLive(t *testing.T) {
	w := theWorld(t)
	w.plainApp(t, "lively", "Paint it red")
	list, one := w.tab(t, desk), w.tab(t, desk)
	list.logIn("admin", "/applications?search=lively")
	one.logIn("admin", "/applications/argocd/lively")
	list.see("Paint it red", "Mary Shelley", "Synced")
	one.see("Its one object matches", "Paint it red")
	for _, b := range []*tab{list, one} {
		evaluate[bool](b, "window.stayed = true")
	}

	began := time.Now()
	w.Patch(t, "kubectl-edit", "v1", "ConfigMap", "lively", "lively", `{"data":{"colour":"green"}}`)
	list.see("OutOfSync")
	t.Logf("drift is in the list after %s", time.Since(began).Round(10*time.Millisecond))
	one.see("ConfigMap/lively", `data.colour "red" → "green" by kubectl-edit`)
	t.Logf("and in words in the application after %s", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	w.operate(t, "lively")
	one.see("Its one object matches")
	t.Logf("a sync is seen after %s", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: lively}}")
	one.see("lively was deleted")
	list.until("the row goes", func() error {
		if strings.Contains(list.text(), "Paint it red") {
			return fmt.Errorf("it is there")
		}
		return nil
	})
	t.Logf("a deletion is seen after %s", time.Since(began).Round(10*time.Millisecond))
	for _, b := range []*tab{list, one} {
		if !evaluate[bool](b, "window.stayed === true") {
			t.Error("the page was loaded again")
		}
	}
}

// From the list to the cause and the difference of a failed sync: two clicks.
func TestFailedSyncInTwoClicks(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications")
	b.click("link", "payments")
	b.see("spec.selector: field is immutable")
	b.click("button", "Diff")
	b.see("Git against the cluster", "The last sync failed here", "payments-worker")
}

// The way from the list to a sync, without a mouse.
func TestByKeyboardAlone(t *testing.T) {
	w := theWorld(t)
	w.plainApp(t, "keys", "Turn the key")
	w.Patch(t, "kubectl-edit", "v1", "ConfigMap", "keys", "keys", `{"data":{"colour":"black"}}`)
	w.waitFor(t, "keys", "OutOfSync", "")
	b := w.tab(t, desk)
	b.logIn("admin", "/applications?search=keys")
	b.see("Turn the key")
	b.tabTo("link keys")
	b.press(kb.Enter)
	b.see(`data.colour "red" → "black" by kubectl-edit`)
	b.tabTo("button Diff")
	b.press(kb.Enter)
	b.see("1 field differs", "colour")
	b.press(kb.Escape)
	b.tabTo("button Sync")
	b.press(kb.Enter)
	b.see("Will change 1 (1 field).")
	b.tabTo("button Sync 1 object")
	b.press(kb.Enter)
	b.see("Last sync of keys", "Sync OK", "by admin")
	b.press(kb.Escape)
	b.see("Its one object matches")
}

// Who may only look is offered nothing else, and who may see one project sees no other.
func TestPermissionsHide(t *testing.T) {
	w := theWorld(t)
	b := w.tab(t, desk)
	b.logIn("shopkeeper", "/applications")
	b.see("checkout", "ledger", "payments", "shop")
	b.miss("notifier", "reports", "hostile", "New application")
	b.goTo("/applications/argocd/notifier")
	b.see("permission denied")
	b.goTo("/settings/accounts")
	b.miss("reader")

	r := w.tab(t, desk)
	r.logIn("reader", "/applications/argocd/shop")
	r.see("6 of 6 objects match")
	for _, e := range r.elements("button", "Sync") {
		if squash(e.name) == "Sync" && e.states["disabled"] != "true" {
			t.Error("a reader is offered a sync")
		}
	}
	r.goTo("/applications")
	r.see("notifier")
	r.miss("New application")
}

// Whoever can write a commit, a label or an annotation writes text, and never the page.
func TestTextsFromOutsideStayTexts(t *testing.T) {
	w := theWorld(t)
	const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	w.plainApp(t, "evil", "Fix "+evil)
	w.Patch(t, "someone", "argoproj.io/v1alpha1", "Application", w.control, "evil", fmt.Sprintf(`{"metadata":{"annotations":{
		"link.argocd.argoproj.io/docs":"javascript:document.title='owned'","link.argocd.argoproj.io/b":"Docs|javascript:document.title='owned'","notice.argocd.argoproj.io/content":%[1]q,
		"notice.argocd.argoproj.io/url":"javascript:document.title='owned'","note":%[1]q}},"spec":{"info":[{"name":"url","value":"javascript:document.title='owned'"},{"name":%[1]q,"value":%[1]q}]}}`, evil))
	b := w.tab(t, desk)
	b.logIn("admin", "/applications?search=evil")
	b.see("Fix <img src=x onerror=")
	for _, path := range []string{app + "evil", app + "evil?panel=details", app + "evil?panel=history", app + "evil?panel=events", app + "evil?panel=sync",
		app + "hostile?node=/ConfigMap/hostile/bad", app + "hostile?node=/ConfigMap/hostile/bad&tab=manifest", app + "hostile?node=/ConfigMap/hostile/bad&tab=diff",
		"/applications?search=%3Cscript%3Ealert(1)%3C/script%3E", "/login?error=%3Cscript%3Ealert(1)%3C/script%3E&return_url=javascript:alert(1)"} {
		b.goTo(path)
		b.calm()
		for _, bad := range evaluate[[]string](b, `[...document.querySelectorAll("a,form,iframe,img,script")].map(e => e.outerHTML).filter(h => /javascript:|onerror/.test(h.replace(/>[^<]*</g, "><")) || /^<(img|iframe)/.test(h))`) {
			t.Errorf("%s: %s", path, clip(bad))
		}
		if title := evaluate[string](b, "document.title"); strings.Contains(title, "owned") {
			t.Errorf("%s: code from outside has run", path)
		}
	}
	b.goTo(app + "evil?panel=details")
	b.see("<script>document.title='owned'</script>")
}
