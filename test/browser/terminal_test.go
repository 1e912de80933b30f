package browser_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shown waits until the terminal shows a text; what is typed is shown as well.
func (b *tab) shown(fits *regexp.Regexp) {
	b.Helper()
	b.until("the terminal shows "+fits.String(), func() error {
		text := squash(evaluate[string](b, `document.querySelector(".xterm-rows")?.innerText ?? ""`))
		if !fits.MatchString(text) {
			return fmt.Errorf("it shows %q; and the screen: %s", text, clip(squash(b.text())))
		}
		return nil
	})
}

// A shell in a container, from the picture of the application and back, by keyboard.
func TestTerminal(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	b := w.tab(t, desk)
	b.logIn("admin", app+"shop?view=pods")
	b.click("button", "shop-")
	b.click("tab", "Terminal")
	b.see("What is typed here is done in the cluster at once.")
	b.shown(regexp.MustCompile(`\$$`))
	b.fit()
	b.press("echo one; echo two", kb.Enter)
	b.shown(regexp.MustCompile(`echo one; echo two one two \$`))
	b.press("stty size", kb.Enter)
	b.shown(regexp.MustCompile(`stty size [1-9]\d+ [1-9]\d+ \$`)) // the shell knows how large the window is
	b.press("gone", kb.Enter)
	b.shown(regexp.MustCompile(`sh: gone: not found`))
	if made := evaluate[int](b, `document.querySelectorAll("style").length`); made > 0 {
		t.Errorf("%d style elements are in the page", made)
	}

	// its keys are the shell's, until one that leads out
	b.press("?", kb.Backspace)
	b.none("dialog", "Keyboard shortcuts")
	b.chord(kb.F6, chromedp.ModifierCtrl)
	if f := b.focused(); f != "group Below the terminal" {
		t.Errorf("Ctrl+F6 leads to %s", f)
	}
	b.press(kb.Escape)
	b.miss("What is typed here")

	// it is an address, and a session of its own each time
	b.back()
	b.shown(regexp.MustCompile(`^\$$`))
	b.reload()
	b.shown(regexp.MustCompile(`^\$$`))
	b.press("exit", kb.Enter)
	b.see("The shell has ended.")
	b.click("button", "Connect again")
	b.shown(regexp.MustCompile(`a new session --- \$$`))
}

// Where there is no terminal, it is said why.
func TestTerminalIsRefused(t *testing.T) {
	w := theWorld(t)
	broken := w.tab(t, desk)
	broken.logIn("admin", app+"checkout?view=pods&find=health:degraded")
	broken.click("button", "checkout-")
	broken.click("tab", "Terminal")
	broken.see("Container web does not run", "ImagePullBackOff")

	r := w.tab(t, desk)
	r.logIn("reader", app+"shop?view=pods")
	r.click("button", "shop-")
	r.click("tab", "Terminal")
	r.see("Your roles do not allow exec, create on this application.")
	at := r.at()
	if !strings.Contains(at, "tab=terminal") {
		t.Errorf("the tab does not stand in the address: %s", at)
	}

	w.Patch(t, "browser", "v1", "ConfigMap", w.control, "argocd-cm", `{"data":{"exec.enabled":"false"}}`)
	defer w.Patch(t, "browser", "v1", "ConfigMap", w.control, "argocd-cm", `{"data":{"exec.enabled":"true"}}`)
	b := w.tab(t, desk)
	b.logIn("admin", at)
	b.until("terminals are off", func() error {
		if !strings.Contains(b.text(), "Terminals are off") {
			b.reload()
			b.see("Terminal")
			b.calm()
			if text := squash(b.text()); !strings.Contains(text, "Terminals are off") {
				return fmt.Errorf("it says\n%s", clip(text))
			}
		}
		return nil
	})
	b.see(`exec.enabled: "true"`)
	b.fit()
}
