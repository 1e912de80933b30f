package browser_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// counted are the lines of the log that are shown, and those that are loaded.
func (b *tab) counted() (shown, loaded int) {
	b.Helper()
	b.until("the lines are counted", func() error {
		m := regexp.MustCompile(`(?:([\d,]+) of )?([\d,]+) lines`).FindStringSubmatch(squash(b.text()))
		if m == nil {
			return errors.New("no count is shown")
		}
		loaded, _ = strconv.Atoi(strings.ReplaceAll(m[2], ",", ""))
		shown = loaded
		if m[1] != "" {
			shown, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		}
		return nil
	})
	return shown, loaded
}

// What all pods of a workload print, as they print it: followed, filtered, by level, and taken along.
func TestLogsOfAWorkload(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	b := w.tab(t, desk)
	b.logIn("reader", app+"shop?node=apps/Deployment/shop/shop")
	b.click("tab", "Logs")
	b.see("All 3", "payment gateway answered 502", "Live")
	b.until("each line says whose it is", func() error {
		if pods := evaluate[int](b, `new Set([...document.querySelectorAll("[role=log] [title^='pod ']")].map(e => e.title)).size`); pods != 3 {
			return fmt.Errorf("lines of %d pods are on the screen", pods)
		}
		return nil
	})
	_, before := b.counted()
	b.until("more lines come", func() error {
		if _, now := b.counted(); now <= before {
			return fmt.Errorf("%d lines, as before", now)
		}
		return nil
	})

	b.fill("Show lines with", "gateway")
	b.stands("lines=")
	b.until("the others are left out", func() error {
		shown, loaded := b.counted()
		if shown == 0 || shown >= loaded {
			return fmt.Errorf("%d of %d lines", shown, loaded)
		}
		for _, line := range evaluate[[]string](b, `[...document.querySelectorAll("[role=log] [data-id]")].map(e => e.innerText)`) {
			if !strings.Contains(line, "gateway") {
				return errors.New(line)
			}
		}
		return nil
	})
	b.click("button", "Match case")
	b.fill("Show lines with", "GATEWAY")
	b.until("no line has it", func() error {
		if shown, _ := b.counted(); shown != 0 {
			return fmt.Errorf("%d lines", shown)
		}
		return nil
	})
	b.click("button", "Match case")
	b.click("button", "Regular expression")
	b.fill("Show lines with", "took=8..ms")
	b.see("slow query")
	b.fill("Show lines with", "took=(")
	b.see("This is no regular expression")
	b.click("button", "Show all lines")
	b.click("button", "error")
	b.until("only errors are shown", func() error {
		lines := evaluate[[]string](b, `[...document.querySelectorAll("[role=log] [data-id]")].map(e => e.innerText)`)
		for _, line := range lines {
			if !strings.Contains(line, "502") {
				return errors.New(line)
			}
		}
		if len(lines) == 0 {
			return errors.New("nothing is")
		}
		return nil
	})

	// the newest stays in view until somebody goes up; what comes meanwhile is counted
	b.click("button", "error")
	b.find("log", "Lines of the log")
	evaluate[bool](b, `document.querySelector("[role=log]").focus(); true`)
	b.press("f")
	b.see("Jump to newest")
	b.until("what is new is counted", func() error {
		if !regexp.MustCompile(`Jump to newest, \d+ new`).MatchString(squash(b.text())) {
			return errors.New("it is not")
		}
		return nil
	})
	b.click("button", "Jump to newest")
	b.gone("Jump to newest")

	// one pod alone, and its lines as a file
	dir := b.downloads()
	b.fill("Show lines with", "healthz")
	b.click("button", "Download all lines shown")
	b.until("the lines are downloaded", func() error {
		data, err := os.ReadFile(filepath.Join(dir, "shop-shop.log"))
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		for _, line := range lines {
			if !strings.Contains(line, "GET /healthz") || !strings.Contains(line, "shop-") {
				return fmt.Errorf("a line is %q", line)
			}
		}
		return nil
	})

	s := w.tab(t, desk)
	s.logIn("shopkeeper", app+"shop?node=apps/Deployment/shop/shop&tab=logs")
	s.see("payment gateway answered 502")
}

// What a hook printed is one click from why it failed, and from what is waited for.
func TestLogsOfAHook(t *testing.T) {
	w := theWorld(t)
	repo := w.git.Repo(t, "hooked", map[string]string{
		"settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: hooked}}\n",
		"migrate.yaml": `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {devcluster.hawser.dev/exit-code: "1", devcluster.hawser.dev/log: "applying 0042_orders.sql\nERROR: relation \"orders\" does not exist"}}
    spec: {restartPolicy: Never, containers: [{name: main, image: "registry.example.com/hooked/tools:3"}]}
`,
	})
	w.Apply(t, w.control, fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hooked}
spec:
  project: default
  source: {repoURL: %s, path: ., targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: hooked}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
`, repo.URL))
	defer w.Delete(t, w.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: hooked}}")
	w.waitFor(t, "hooked", "OutOfSync", "")
	w.operate(t, "hooked")
	b := w.tab(t, desk)
	b.logIn("admin", app+"hooked?panel=operation")
	b.see("Last sync of hooked", "Job migrate")
	b.click("button", "Logs of migrate")
	b.see(`ERROR: relation "orders" does not exist`, "applying 0042_orders.sql", "main ends with exit code 1")
	b.fit()
	b.press(kb.Escape)

	b.goTo(app + "notifier?panel=operation")
	b.see("Waits for the hook Job migrate-queue to complete.")
	b.click("button", "Logs of migrate-queue")
	b.see("main started from registry.example.com/notifier/tools:3, run 1", "Live")

	// where the right to read logs is missing, it is said
	w.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": policies + "p, reader, logs, get, */*, deny\n"})
	defer w.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": policies})
	r := w.tab(t, desk)
	r.logIn("reader", app+"shop")
	r.until("the right is gone", func() error {
		r.goTo(app + "shop?node=apps/Deployment/shop/shop&tab=logs")
		r.see("Logs")
		r.calm()
		if !strings.Contains(r.text(), "Your roles do not allow logs, get on this application.") {
			return errors.New("it is not said")
		}
		return nil
	})
}
