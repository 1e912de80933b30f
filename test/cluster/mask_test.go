package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
)

// An annotation that the settings name is as secret as the data of its Secret: a difference shows that there is one, and
// whose it is, in no place the value. Naming it makes nothing differ.
func TestNamedAnnotationsOfSecretsAreMasked(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "tokens", map[string]string{"secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {corp/token: canary-in-git, corp/plain: plain-in-git}}\nstringData: {a: b}\n"})
	name := h.name("tokens")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.settings(t, "argocd-cm", "resource.sensitive.mask.annotations: 'corp/token, corp/other'")
	never(t, 2*time.Second, func() string {
		if a := h.get(t, name); a.Status.Sync.Status == v1alpha1.SyncStatusOutOfSync || len(a.Status.History) != 1 {
			return "the setting made a difference:\n" + h.story(name)
		}
		return ""
	})
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "kubectl-edit", "v1", "Secret", h.target, "s", `{"metadata":{"annotations":{"corp/token":"canary-live","corp/plain":"plain-live"}}}`)
	h.wait(t, name, outOfSync)
	clustertest.Wait(t, "the drift is told", func(context.Context) error {
		if story := h.story(name); !strings.Contains(story, `corp/token"]: hidden value`) || !strings.Contains(story, `"plain-in-git" in Git, "plain-live" live`) {
			return errors.New(story)
		}
		return nil
	})
	status, err := json.Marshal(h.get(t, name).Status)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"story": h.story(name), "status": string(status)} {
		if strings.Contains(text, "canary") {
			t.Errorf("the %s leaks the value: %s", what, text)
		}
	}
	h.sync(t, name, "")
	h.wait(t, name, synced(repo.Head(t)))
	h.WaitFor(t, "v1", "Secret", h.target, "s", field("canary-in-git", "metadata", "annotations", "corp/token"))
}
