package browser_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// What the button says is what it does: it waits until the preview is that of what is chosen.
func TestASyncWaitsForItsPreview(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/shop?panel=sync")
	b.find("button", "Sync 6 objects")
	early := evaluate[bool](b, `new Promise(done => {
		const button = () => [...document.querySelectorAll("dialog button")].find(e => e.textContent.startsWith("Sync 6"));
		[...document.querySelectorAll("dialog label")].find(e => e.textContent === "Dry run").click();
		setTimeout(() => done(button() !== undefined && !button().disabled));
	})`)
	if early {
		t.Error("the old words can be pressed with the new choice")
	}
	b.until("it can be pressed again", func() error {
		if e := b.find("button", "Dry run"); e.states["disabled"] == "true" {
			return errors.New("it is disabled")
		}
		return nil
	})
}

// A dialog that was opened from a menu gives the focus to the menu's button.
func TestTheFocusGoesBackToTheMenu(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/shop")
	b.tabTo("button More actions")
	b.press(kb.Enter)
	b.click("menuitem", "Switch automatic sync")
	b.find("dialog", "Switch automatic sync")
	b.press(kb.Escape)
	b.until("the button has the focus", func() error {
		if at := evaluate[string](b, `document.activeElement.getAttribute("aria-label") ?? document.activeElement.tagName`); at != "More actions" {
			return errors.New(at)
		}
		return nil
	})
}

// Escape, however often it is pressed, takes nothing away that somebody has written without asking them.
func TestEscapeAsksBeforeItThrowsAway(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/shop?panel=edit")
	b.fill("Namespace", "elsewhere")
	for range 3 {
		b.press(kb.Escape)
		b.see("Leave the changes of shop?")
		b.press(kb.Escape)
		b.until("the question is gone, and the form is there", func() error {
			if n := evaluate[int](b, `document.querySelectorAll("dialog[open]").length`); n != 1 {
				return errors.New("not one dialog is open")
			}
			return nil
		})
	}
	b.press(kb.Escape)
	b.click("button", "Throw it away")

	b.goTo("/settings/repos?form=new")
	b.fill("Address", "https://git.example.com/team/app.git")
	b.press(kb.Escape)
	b.see("Throw away what you have written?")
	b.click("button", "Go on writing")
	b.see("https://git.example.com/team/app.git")
	b.press(kb.Escape)
	b.click("button", "Throw it away")
	b.until("the form is closed", func() error {
		if at := b.at(); strings.Contains(at, "form=") {
			return errors.New(at)
		}
		return nil
	})

	b.goTo("/applications/argocd/shop?node=/ConfigMap/shop/shop-settings&tab=manifest.edit")
	b.find("textbox", "Manifest of ConfigMap shop-settings")
	evaluate[bool](b, `(() => { const e = document.querySelector("aside textarea"); e.focus(); e.setSelectionRange(0, 0); return true })()`)
	b.press("#")
	b.press(kb.Escape)
	b.see("Leave the change of ConfigMap shop-settings?")
	b.click("button", "Stay")
	b.find("textbox", "Manifest of ConfigMap shop-settings")
}

// News can be closed, and heard, though a dialog is open.
func TestMessagesReachIntoADialog(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/shop?panel=edit")
	b.calm()
	b.click("button", "Copy")
	b.click("menuitem", "The YAML")
	b.until("somebody who listens is told", func() error {
		words := evaluate[string](b, `[...document.querySelectorAll("dialog [role=status].unseen")].map(e => e.textContent).join(" ")`)
		if !strings.Contains(words, "Copied the YAML") && !strings.Contains(words, "Could not copy") {
			return errors.New(words)
		}
		return nil
	})
	b.click("button", "Close this message")
	b.until("the message is gone", func() error {
		if len(b.elements("button", "Close this message")) > 0 {
			return errors.New("it is there")
		}
		return nil
	})
}

// The order of the list changes under the reader's hand: an open menu stays that of the application it was opened on.
func TestARowsMenuStaysWithItsApplication(t *testing.T) {
	w := theWorld(t)
	w.plainApp(t, "menu-a", "One")
	w.plainApp(t, "menu-b", "Two")
	b := w.tab(t, desk)
	b.logIn("admin", "/applications?search=menu-&sort=sync")
	b.see("menu-a", "menu-b")
	b.click("button", "Actions for menu-a")
	b.find("menuitem", "Sync…")
	w.Patch(t, "kubectl-edit", "v1", "ConfigMap", "menu-b", "menu-b", `{"data":{"colour":"green"}}`)
	b.until("the other one comes first", func() error {
		if first := evaluate[string](b, `document.querySelector('[aria-rowindex="2"] [data-name]')?.textContent ?? ""`); first != "menu-b" {
			return errors.New(first)
		}
		return nil
	})
	b.click("menuitem", "Sync…")
	b.find("dialog", "Sync menu-a")
}

// What is folded in stands in the address: a link shows the picture that was seen.
func TestFoldsAreInTheAddress(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/shop")
	b.find("button", "Fold the objects of shop")
	b.calm()
	b.click("button", "Fold the objects of shop")
	b.find("button", "Show the 4 objects of shop")
	at := b.at()
	if !strings.Contains(at, "open=") {
		t.Fatalf("the address does not say it: %s", at)
	}
	b.goTo("/applications")
	b.see("notifier")
	b.goTo(at)
	b.find("button", "Show the 4 objects of shop")
}
