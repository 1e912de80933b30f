package browser_test

import (
	"errors"
	"strings"
	"testing"
)

// Before a sync, the panel says what it would do; afterwards the operation shows that it was done.
func TestASyncIsPreviewedAndWatched(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/reports?panel=sync")
	b.see("Will run 2 hooks.", "PreSync", "Job migrate-schema", "Wave -1", "ServiceAccount reports", "Wave 2", "PostSync", "Job warm-up")
	b.fit()
	b.click("checkbox", "Apply only, run no hooks")
	b.see("Changes nothing: 3 objects are as Git says.", "2 hooks do not run: the apply strategy runs none.")
	if at := b.at(); !strings.Contains(at, "applyOnly") {
		t.Errorf("the choice does not stand in the address: %s", at)
	}
	b.click("checkbox", "Apply only, run no hooks")
	b.see("Will run 2 hooks.")
	b.click("button", "Sync 3 objects")
	b.see("by admin", "Last sync of reports", "Sync OK", "PostSync Done")
	b.fit()
}

// A failed sync says why, and leads to the difference and to the way out.
func TestAFailedSyncSaysWhy(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("admin", "/applications/argocd/payments?panel=operation")
	b.see("Deployment payments cannot be changed in place, so nothing was written.", "spec.selector: field is immutable", "Not reached ConfigMap payments")
	b.fit()
	b.click("button", "Look at a sync with Force…")
	b.see("Recreate Deployment payments", "Sync 1 object")
	b.goTo("/applications/argocd/payments?panel=operation")
	b.click("button", "Diff of payments")
	b.until("the diff is opened", func() error {
		if at := b.at(); !strings.Contains(at, "node=apps%2FDeployment%2Fpayments%2Fpayments") || !strings.Contains(at, "tab=diff") {
			return errors.New(at)
		}
		return nil
	})
}

// A hook that runs for ever is waited for in words. Who may not sync sees the preview, and why there is no more.
func TestAWaitAndARefusalAreSaid(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.logIn("reader", "/applications/argocd/notifier?panel=operation")
	b.see("Waits for the hook Job migrate-queue to complete.", "To come ConfigMap notifier")
	if e := b.find("button", "Terminate…"); e.states["disabled"] != "true" {
		t.Error("a reader may terminate")
	}
	b.goTo("/applications/argocd/ledger?panel=sync")
	b.see("You may not sync this application")
	if e := b.find("button", "Sync 6 objects"); e.states["disabled"] != "true" {
		t.Error("a reader may sync")
	}
}
