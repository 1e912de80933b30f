package browser_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// coloured checks the colour of a plain application's object.
func coloured(want string) func(*unstructured.Unstructured) error {
	return func(o *unstructured.Unstructured) error {
		if got, _, _ := unstructured.NestedString(o.Object, "data", "colour"); got != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	}
}

// clipboard is what was copied last.
func (b *tab) clipboard() string {
	b.Helper()
	return evaluate[string](b, "navigator.clipboard.readText()")
}

// The way back from a bad commit: Hawser holds the application at the deployment before, says so wherever one looks, and
// goes on when Git says so; the commands that make Git say so are given to copy, and they work.
func TestRollbackHoldsAndRevertEndsIt(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	commit := w.plainApp(t, "undone", "Paint it red")
	w.Patch(t, "browser", "argoproj.io/v1alpha1", "Application", w.control, "undone", `{"spec":{"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}`)
	commit("Paint it blue", "blue")
	w.refresh(t, "undone")
	live := func(colour string) {
		t.Helper()
		w.WaitFor(t, "v1", "ConfigMap", "undone", "undone", coloured(colour))
	}
	live("blue")

	b := w.tab(t, desk)
	b.allow("clipboard-read", "clipboard-write")
	b.logIn("admin", app+"undone?panel=history")
	b.see("History of undone", "#1", "current", "Paint it blue", "by automatic sync", "#0", "Paint it red", "by ada")
	if n := len(b.elements("button", "Roll back…")); n != 1 {
		t.Errorf("%d deployments can be gone back to, and what runs is one of the two", n)
	}
	b.click("checkbox", "Compare Deployment #0")
	b.click("checkbox", "Compare Deployment #1")
	b.click("button", "Compare")
	b.see("1 commit between them", "1 changed", "ConfigMap/undone", "red", "blue")
	b.click("button", "All deployments")
	b.click("button", "Roll back…")
	b.see("Roll undone back to #0", "This is a hold.", "Or with Git", "What would change", "1 changed", "ConfigMap/undone")
	b.fit()
	b.click("button", "Copy the commands")
	commands := ""
	b.until("the commands are copied", func() error {
		if commands = b.clipboard(); !strings.HasPrefix(commands, "git switch main\ngit pull\ngit revert --no-edit ") || !strings.HasSuffix(commands, "\ngit push") {
			return fmt.Errorf("%q", commands)
		}
		return nil
	})
	b.click("button", "Roll back to #0")
	b.see("Last sync of undone", "Sync OK", "by admin")
	live("red")

	// it is held, and says so
	b.goTo(app + "undone?panel=history")
	b.see("Held at", "by admin", "is not deployed. Everything else goes on", "held here", "Back to what #0 had.")
	b.goTo(app + "undone")
	b.see("Held at", "It goes on by itself with the next commit.")
	w.Patch(t, "kubectl-edit", "v1", "ConfigMap", "undone", "undone", `{"data":{"colour":"grey"}}`)
	live("red") // drift is healed, to what it is held at
	b.goTo(app + "undone?node=/ConfigMap/undone/undone&tab=manifest")
	b.see("colour: red")
	r := w.tab(t, desk)
	r.logIn("reader", app+"undone?panel=history")
	r.see("Held at", "#2")
	r.calm()
	r.none("button", "Lift the hold", "Roll back")

	// the commands as they were copied, by somebody at a desk of their own
	dir := t.TempDir()
	url := w.Get(t, "argoproj.io/v1alpha1", "Application", w.control, "undone").Object["spec"].(map[string]any)["source"].(map[string]any)["repoURL"].(string)
	shell := exec.Command("sh", "-ec", "git clone -q "+url+" desk\ncd desk\n"+commands)
	shell.Dir = dir
	shell.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Mary Shelley", "GIT_AUTHOR_EMAIL=mary@example.com", "GIT_COMMITTER_NAME=Mary Shelley", "GIT_COMMITTER_EMAIL=mary@example.com")
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s: %v", commands, out, err)
	}
	w.refresh(t, "undone")
	b.goTo(app + "undone?panel=history")
	b.see(`Revert "Paint it blue"`, "Its one object matches", "current") // it renders to what runs: there is nothing to deploy
	b.gone("Held at", "held here")
	live("red")
	w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: undone}}")
}

// A hold is lifted where it is told of, and what it kept away is deployed at once.
func TestLiftAHold(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	commit := w.plainApp(t, "lifted", "Paint it red")
	w.Patch(t, "browser", "argoproj.io/v1alpha1", "Application", w.control, "lifted", `{"spec":{"syncPolicy":{"automated":{"prune":true,"selfHeal":true}}}}`)
	commit("Paint it blue", "blue")
	w.refresh(t, "lifted")
	w.WaitFor(t, "v1", "ConfigMap", "lifted", "lifted", coloured("blue"))
	b := w.tab(t, desk)
	b.logIn("admin", app+"lifted?panel=history&tab=rollback-0")
	b.click("button", "Roll back to #0")
	b.see("Last sync of lifted", "Sync OK")
	b.goTo(app + "lifted?panel=history")
	b.click("button", "Lift the hold")
	b.see("The hold is lifted")
	w.WaitFor(t, "v1", "ConfigMap", "lifted", "lifted", coloured("blue"))
	b.see("#3")
	b.gone("Held at")
	w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: lifted}}")
}
