package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const editor = "The application as YAML. Tab leaves the editor."

// yaml waits until the editor shows every text. The editor stands in a shadow root, so that what it shows is no text of the screen.
func (b *tab) yaml(texts ...string) {
	b.Helper()
	b.until("the YAML shows "+strings.Join(texts, ", "), func() error {
		shown := evaluate[string](b, `[...document.querySelectorAll("*")].find(e => e.shadowRoot)?.shadowRoot.querySelector(".cm-content")?.innerText ?? ""`)
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return fmt.Errorf("%q is not there, but:\n%s", text, clip(shown))
			}
		}
		return nil
	})
}

// The form and the YAML are one document: each shows what the other writes, comments stay, the server says what is wrong
// as one writes, and the editor keeps to the page's policy (the tab fails the test when the browser complains).
func TestWriteAnApplication(t *testing.T) {
	w := theWorld(t)
	repo := w.git.Repo(t, "written", map[string]string{"deploy/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: written}}\n"})
	b := w.tab(t, desk)
	b.logIn("admin", "/new")
	b.see("Still missing: a name and a repository.")
	b.fill("Name", "written")
	b.fill("Repository", repo.URL)
	b.fill("Path", "nowhere")
	b.fill("Namespace", "written")
	b.see("has no path nowhere at HEAD", "1 thing to mend")
	b.yaml("path: nowhere")
	b.fill(editor, "# Mary looks after it\n")
	b.fill("Path", "deploy")
	b.see("1 object would be made: 1 ConfigMap.", "Watches the default branch of written/deploy and says how namespace written in cluster in-cluster differs from it.")
	b.yaml("# Mary looks after it", "path: deploy")
	b.click("radio", "Hawser does, by itself")
	b.see("keeps namespace written in cluster in-cluster equal to it, by itself, leaving what Git drops")
	if written := evaluate[int](b, `document.querySelectorAll("style").length`); written > 0 {
		t.Errorf("%d style elements are in the page", written)
	}

	// left and found again
	b.click("link", "Cancel")
	b.click("button", "Leave, and keep the draft")
	b.see("reports")
	b.goTo("/new")
	b.see("This is your draft of")
	b.yaml("# Mary looks after it")
	b.click("button", "Create")
	b.see("HEAD @", "Its one object matches")
	if at := b.at(); at != app+"written" {
		t.Errorf("after creating, the page is at %s", at)
	}
	w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: written}}")
}

// What somebody else changes meanwhile is told and taken over, not overwritten.
func TestEditWhatSomebodyElseEdits(t *testing.T) {
	w := theWorld(t)
	w.plainApp(t, "edited", "Write it")
	defer w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: edited}}")
	b := w.tab(t, desk)
	b.logIn("admin", app+"edited?panel=edit")
	b.see("Nothing is changed")
	b.fill("Revision", "HEAD")
	b.see("1 object would be managed")
	w.Patch(t, "somebody", "argoproj.io/v1alpha1", "Application", w.control, "edited", `{"spec":{"revisionHistoryLimit":4}}`)
	b.see("Somebody else has changed the application meanwhile", "spec.revisionHistoryLimit: nothing → 4")
	b.click("button", "Take it over")
	b.click("button", "Review and save")
	b.see("targetRevision: main", "targetRevision: HEAD")
	b.click("button", "Save")
	b.see("Saved edited")
	spec := w.Get(t, "argoproj.io/v1alpha1", "Application", w.control, "edited").Object["spec"].(map[string]any)
	if revision := spec["source"].(map[string]any)["targetRevision"]; revision != "HEAD" || fmt.Sprint(spec["revisionHistoryLimit"]) != "4" {
		t.Errorf("what was saved is not what both wrote: %v", spec)
	}

	// An application that is itself an object of another says where it is to be changed.
	b.goTo(app + "shop?panel=edit")
	b.see("Git will put it back.", "change it in main of platform/apps")
	b.press(kb.Escape)
	b.miss("Git will put it back.")
}

// Whoever may not create or update is told so before they write.
func TestWritingIsForThoseWhoMay(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("reader", "/new")
	b.see("You may not create applications in project default.")
	b.goTo(app + "shop?panel=edit")
	b.see("You may look, but not update shop.")
}
