package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/forgetest"
)

// annotate puts annotations on an ApplicationSet.
func (f *forged) annotate(t *testing.T, set, annotations string) {
	t.Helper()
	f.Patch(t, "person", "argoproj.io/v1alpha1", "ApplicationSet", f.control, set, `{"metadata":{"annotations":{`+annotations+`}}}`)
}

// remarks waits until our one comment at a pull request says something.
func (f *forged) remarks(t *testing.T, number int64, parts ...string) {
	t.Helper()
	clustertest.Wait(t, "the comment says "+strings.Join(parts, ", "), func(context.Context) error {
		list := f.shop.Comments(number)
		if len(list) != 1 {
			return fmt.Errorf("there are %d: %v; %s", len(list), list, f.said(t, f.pre))
		}
		for _, p := range parts {
			if !strings.Contains(list[0].Body, p) {
				return fmt.Errorf("it says %q", list[0].Body)
			}
		}
		return nil
	})
}

// stated waits until a commit has a state.
func (f *forged) stated(t *testing.T, commit, state, url string) {
	t.Helper()
	clustertest.Wait(t, "the status "+state, func(context.Context) error {
		said := f.forge.Said()
		for i := len(said) - 1; i >= 0; i-- {
			if said[i].Commit == commit {
				if said[i].State != state || said[i].URL != url || said[i].Context != "preview/"+f.pre+"-1" {
					return fmt.Errorf("it is %+v", said[i])
				}
				return nil
			}
		}
		return fmt.Errorf("there is none; %s", f.said(t, f.pre))
	})
}

// A preview is reported where people look for it: a status of the commit, and one comment with its address, which changes
// and does not repeat.
func TestPreviewsAreReported(t *testing.T) {
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := startForged(t, kind)
			one := f.branch(t, "one", "one")
			f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: one})
			f.Apply(t, f.control, f.previews(""))
			f.annotate(t, f.pre, `"hawser.dev/preview":"status,comment","hawser.dev/preview-url":"https://pr-{{ .number }}.example.com/{{ .branch_slug }}"`)
			f.stated(t, one, "success", "https://pr-1.example.com/one")
			f.remarks(t, 1, "Preview `"+f.pre+"-1` is ready at <https://pr-1.example.com/one>", one[:8])

			two := f.branch(t, "one", "two")
			f.shop.Push(1, two)
			f.tell(t, "synchronize")
			f.stated(t, two, "success", "https://pr-1.example.com/one")
			f.remarks(t, 1, "is ready", two[:8])
			n := len(f.forge.Said())
			f.refresh(t, f.pre+"-1")
			f.wait(t, f.pre+"-1", synced(two))
			f.remarks(t, 1, "is ready", two[:8])
			if now := len(f.forge.Said()); now != n {
				t.Errorf("the status was said %d times more", now-n)
			}

			// what cannot be deployed is said, too
			f.repo.Branch(t, "one")
			bad := f.repo.Commit(t, map[string]string{"app/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {of: [no, text]}}\n"}, "Break it")
			f.shop.Push(1, bad)
			f.tell(t, "synchronize")
			f.stated(t, bad, map[string]string{"gitlab": "failed"}[kind]+map[string]string{"github": "failure", "gitea": "failure"}[kind], "https://pr-1.example.com/one")
			f.remarks(t, 1, "failed at `"+bad[:8])

			f.annotate(t, f.pre, `"hawser.dev/preview":"shout"`)
			f.waitSaid(t, f.pre, "ErrorOccurred=True", `annotation hawser.dev/preview says "shout"`)
		})
	}
}

// A preview whose pull request nobody pushes to goes after its time to live, and comes back with the next push.
func TestPreviewLivesForItsTime(t *testing.T) {
	f := startForged(t, "gitea")
	f.doubtFor(t, "1s")
	one := f.branch(t, "one", "one")
	f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: one})
	f.Apply(t, f.control, f.previews(""))
	f.madeBy(t, f.pre, "1")
	f.wait(t, f.pre+"-1", synced(one))
	f.annotate(t, f.pre, `"hawser.dev/preview-ttl":"3s"`)
	f.madeBy(t, f.pre)
	f.WaitGone(t, "v1", "ConfigMap", f.target, "settings-1")
	if got := f.Get(t, "argoproj.io/v1alpha1", "ApplicationSet", f.control, f.pre).GetAnnotations()["hawser.dev/preview-expired"]; got != f.pre+"-1@"+one[:12] {
		t.Errorf("expired are %q", got)
	}
	f.stop()
	f.run(t) // a process that starts anew does not make it again
	f.waitSaid(t, f.pre, "ErrorOccurred=False")
	time.Sleep(2 * time.Second) // nothing is to happen: there is nothing to wait for
	f.madeBy(t, f.pre)

	two := f.branch(t, "one", "two")
	f.shop.Push(1, two)
	f.annotate(t, f.pre, `"hawser.dev/preview-ttl":"1h"`)
	f.tell(t, "synchronize")
	f.madeBy(t, f.pre, "1")
	f.wait(t, f.pre+"-1", synced(two))
}
