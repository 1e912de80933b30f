package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// stands waits until the address has a part.
func (b *tab) stands(part string) {
	b.Helper()
	b.until("the address has "+part, func() error {
		if at := b.at(); !strings.Contains(at, part) {
			return fmt.Errorf("it is %s", at)
		}
		return nil
	})
}

// The palette finds applications, does what can be done with the one on the screen, and leads everywhere.
func TestPalette(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	b := w.tab(t, desk)
	b.logIn("admin", "/applications")
	b.see("checkout")
	open := func() {
		t.Helper()
		b.chord("k", chromedp.ModifierCtrl)
		b.find("combobox", "Search applications, screens and actions")
	}
	run := func(words, choice string) {
		t.Helper()
		open()
		b.press(words)
		b.until("the palette offers "+choice, func() error {
			for _, e := range b.elements("option", choice) {
				if e.states["selected"] == "true" {
					return nil
				}
			}
			return fmt.Errorf("it says\n%s", clip(squash(b.text())))
		})
		b.press(kb.Enter)
	}
	open()
	b.fit()
	b.press("ledg")
	b.see("OutOfSync")
	b.fit()
	b.press(kb.Escape)
	b.none("combobox", "Search applications")

	run("ledg", "ledger")
	b.stands(app + "ledger")
	b.see("kubectl-edit")
	run("refr", "Refresh")
	b.see("ledger was compared with Git.")
	run("diff", "Diff")
	b.stands("panel=diff")
	b.see("Git against the cluster")
	b.press(kb.Escape)
	b.gone("Git against the cluster")
	run("logs", "Logs of Deployment ledger")
	b.stands("tab=logs")
	b.see("payment gateway answered 502")
	run("shop", "shop") // from one application to another, in the same view
	b.stands(app + "shop")
	run("clust", "Clusters")
	b.stands("/settings/clusters")
	b.see("edge-frankfurt")
	run("dark", "Dark theme")
	b.until("it is dark", func() error {
		if theme := evaluate[string](b, "document.documentElement.dataset.theme ?? ''"); theme != "dark" {
			return fmt.Errorf("the theme is %q", theme)
		}
		return nil
	})
	open()
	b.press("nothing has this name")
	b.see("Nothing has these words.")
	b.press(kb.Escape)

	// keys without the palette, and none of them while somebody writes
	b.press("g", "a")
	b.stands("/applications")
	b.see("checkout")
	b.press("/")
	if f := b.focused(); !strings.Contains(f, "Search") {
		t.Errorf("/ leads to %s", f)
	}
	b.press("ga")
	b.stands("search=")
	b.press(kb.Escape)
	b.goTo(app + "ledger")
	b.see("ledger")
	for key, panel := range map[string]string{"s": "sync", "h": "history", "e": "events", "i": "details"} {
		b.press(key)
		b.stands("panel=" + panel)
		b.find("dialog", "ledger")
		b.press(kb.Escape)
		b.until("the panel closes", func() error {
			if at := b.at(); strings.Contains(at, "panel=") {
				return fmt.Errorf("at %s", at)
			}
			return nil
		})
	}
	b.press("?")
	b.see("Keyboard shortcuts", "Go to what you may do")
	b.press(kb.Escape)

	// only what one may see is found
	s := w.tab(t, desk)
	s.logIn("shopkeeper", "/applications")
	s.see("checkout")
	s.chord("k", chromedp.ModifierCtrl)
	s.find("combobox", "Search applications, screens and actions")
	s.press("notif")
	s.see("Nothing has these words.")
}
