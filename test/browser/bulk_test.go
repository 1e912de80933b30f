package browser_test

import (
	"fmt"
	"strings"
	"testing"
)

// Several applications are synced and refreshed at once; the one that cannot be says why, and is no reason for the
// others to wait.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for _, name := range []string{"herd-a", "herd-b"} {
		w.plainApp(t, name, "Let "+name+" out")
		w.Patch(t, "kubectl-edit", "v1", "ConfigMap", name, name, `{"data":{"colour":"black"}}`)
		w.waitFor(t, name, "OutOfSync", "")
		defer w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: "+name+"}}")
	}
	const list = "/applications?namespace=herd-a,herd-b,notifier"
	b := w.tab(t, desk)
	b.logIn("admin", list)
	for _, name := range []string{"herd-a", "herd-b", "notifier"} {
		b.click("checkbox", "Choose "+name)
	}
	b.see("3 chosen")
	b.click("button", "Sync…")
	b.see("Sync 3 applications", "Each is brought to what Git says now", "herd-a, herd-b", "notifier")
	b.fit()
	b.click("checkbox", "Dry run")
	b.click("button", "Try the sync 3 applications")
	b.see("2 of 3 tried, 1 refused", "another operation is already in progress", "herd-a Sync OK", "herd-b Sync OK")
	b.fit()
	if got, _ := w.Get(t, "v1", "ConfigMap", "herd-a", "herd-a").Object["data"].(map[string]any); got["colour"] != "black" {
		t.Errorf("a dry run has painted it %v", got["colour"])
	}
	b.click("button", "Close")
	b.see("3 chosen")

	b.click("button", "Sync…")
	b.click("button", "Sync 3 applications")
	b.see("2 of 3 started, 1 refused", "another operation is already in progress", "herd-a Sync OK", "herd-b Sync OK")
	for _, name := range []string{"herd-a", "herd-b"} {
		w.WaitFor(t, "v1", "ConfigMap", name, name, coloured("red"))
	}
	b.click("button", "Close")

	b.click("button", "Refresh")
	b.see("Refresh 3 applications", "3 of 3 refreshed")
	asked := 0
	b.mu.Lock()
	for _, at := range b.requests {
		if strings.Contains(at, "refresh=normal") {
			asked++
		}
	}
	b.mu.Unlock()
	if asked != 3 {
		t.Errorf("%d applications were refreshed", asked)
	}
	b.click("button", "Close")
	b.click("button", "Choose none")
	b.miss("3 chosen")

	// who may sync some of them, and who may sync none
	s := w.tab(t, desk)
	s.logIn("reader", list)
	s.click("checkbox", "Choose herd-a")
	s.see("1 chosen")
	s.until("the sync is not offered", func() error {
		if e := s.find("button", "Sync…"); e.states["disabled"] != "true" {
			return fmt.Errorf("it is: %v", e.states)
		}
		return nil
	})
	if hint := evaluate[string](s, `[...document.querySelectorAll("button")].find(e => e.innerText === "Sync…").title`); hint != "You may sync none of these" {
		t.Errorf("why not is said by %q", hint)
	}
}
