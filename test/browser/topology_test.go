package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// focusIs waits until something has the focus whose role and name begin so.
func (b *tab) focusIs(told string) {
	b.Helper()
	b.until("the focus is on "+told, func() error {
		if f := b.focused(); !strings.HasPrefix(f, told) {
			return fmt.Errorf("it is on %s", f)
		}
		return nil
	})
}

// The picture of an application without a mouse: from the source to a pod, folding, opening, filtering and zooming.
func TestTopologyByKeyboard(t *testing.T) {
	t.Parallel()
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", app+"shop")
	b.see("6 of 6 objects match")
	b.tabTo("button Source")
	b.press(kb.ArrowRight)
	b.focusIs("button Application shop, Synced, Healthy")
	b.press(kb.ArrowRight)
	for range 12 { // down to the Deployment: it stands somewhere among the six
		if strings.HasPrefix(b.focused(), "button Deployment shop, Healthy, Synced") {
			break
		}
		b.press(kb.ArrowDown)
	}
	if f := b.focused(); !strings.HasPrefix(f, "button Deployment shop") {
		b.press(kb.Home)
		b.press(kb.ArrowRight, kb.ArrowRight)
		for range 12 {
			if strings.HasPrefix(b.focused(), "button Deployment shop") {
				break
			}
			b.press(kb.ArrowUp)
		}
	}
	b.focusIs("button Deployment shop, Healthy, Synced")
	b.press(" ")
	b.focusIs("button Deployment shop, Healthy, Synced, 4 more behind it")
	b.none("button", "Pod shop-")
	b.press(" ")
	b.press(kb.ArrowRight)
	b.focusIs("button ReplicaSet shop-")
	b.press(kb.ArrowRight)
	b.focusIs("button Pod shop-")
	pod := strings.Split(strings.TrimPrefix(b.focused(), "button Pod "), ",")[0]
	b.press(kb.Enter)
	b.see("registry.example.com/shop/web:1.8.2")
	b.stands("node=%2FPod%2Fshop%2F" + pod)
	b.press(kb.Escape)
	b.focusIs("button Pod " + pod) // back where it was
	b.press(kb.Home)
	b.focusIs("button Source")
	scale := func() float64 {
		return evaluate[float64](b, `new DOMMatrix(getComputedStyle(document.querySelector(".react-flow__viewport")).transform).a`)
	}
	before := scale()
	b.press("-")
	b.until("it is smaller", func() error {
		if now := scale(); now >= before {
			return fmt.Errorf("%v, from %v", now, before)
		}
		return nil
	})
	b.press("+", "+", "0")

	b.fill("Find objects by name, kind, namespace or image", "secret")
	b.none("button", "Service shop")
	b.find("button", "Secret shop-database")
	b.click("button", "Clear")
	b.find("button", "Service shop")
}

// The network says how requests come in.
func TestNetwork(t *testing.T) {
	t.Parallel()
	b := theWorld(t).tab(t, desk)
	b.logIn("reader", app+"shop")
	b.see("6 of 6 objects match")
	b.click("link", "Network")
	b.stands("view=network")
	b.find("button", "Ingress shop")
	b.see("shop.example.com")
	b.find("button", "Service shop")
	b.find("button", "Pod shop-")
	b.none("button", "ConfigMap shop-settings", "Deployment shop")
	b.tabTo("button Ingress shop")
	b.press(kb.ArrowRight)
	b.focusIs("button Service shop")
	b.press(kb.ArrowRight)
	b.focusIs("button Pod shop-")
	b.press(kb.ArrowLeft, kb.Enter)
	b.stands("node=%2FService%2Fshop%2Fshop")
	b.see("service/shop created")
	b.goTo(app + "payments?view=network")
	b.see("Nothing is reached over the network")
}

// An application of applications shows its children as they are, and the way to them and back.
func TestApplicationOfApplications(t *testing.T) {
	t.Parallel()
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", app+"platform")
	for _, child := range []string{"Application shop, Healthy", "Application checkout, Degraded", "Application ledger", "Application payments"} {
		b.find("button", child)
	}
	b.click("link", "Open application ledger")
	b.stands(app + "ledger")
	b.see("kubectl-edit")
	b.click("link", "part of platform")
	b.stands(app + "platform")
	b.find("button", "Application checkout, Degraded")
}
