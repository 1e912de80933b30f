package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// TestHooksCanBeLookedInto: what a hook prints is what people ask for when a sync fails. That an object has the name of a
// hook is not enough.
func TestHooksCanBeLookedInto(t *testing.T) {
	h := start(t)
	hook := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: greet, annotations: {argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: greet, image: 'greet:1'}]}}}\n"
	name := h.deployed(t, "hooklog", map[string]string{"cm.yaml": configMap, "job.yaml": hook})
	key := h.key("batch", "Job", "greet")
	read := func() (got []string, err error) {
		err = h.apps.Logs(t.Context(), reconcile.LogRequest{Application: h.id(name), Resource: key}, func(l reconcile.LogLine) error {
			if !l.Last {
				got = append(got, l.Content)
			}
			return nil
		})
		return got, err
	}
	clustertest.Wait(t, "the log of the hook", func(context.Context) error {
		got, err := read()
		if err != nil || len(got) == 0 || !strings.HasPrefix(got[0], "greet started from greet:1") {
			return fmt.Errorf("%q, %v", got, err)
		}
		return nil
	})
	if got, err := h.apps.GetResource(t.Context(), h.resource(name, "batch", "Job", "greet")); err != nil || !strings.Contains(string(got), `"greet"`) {
		t.Errorf("%s, %v", got, err)
	}

	// somebody else's Job under the same name, with a copy of the mark
	if err := h.apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: h.resource(name, "batch", "Job", "greet")}); err != nil {
		t.Fatal(err)
	}
	h.WaitGone(t, "batch/v1", "Job", h.target, "greet")
	h.Apply(t, h.target, strings.Replace(hook, "annotations: {", fmt.Sprintf("annotations: {argocd.argoproj.io/tracking-id: %q, ", name+":batch/Job:"+h.target+"/greet"), 1))
	clustertest.Wait(t, "the other Job in the tree", func(ctx context.Context) error {
		tree, err := h.apps.Tree(ctx, h.id(name))
		if err != nil || node(tree, "Pod", "greet-") == nil {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
	if got, err := read(); err != nil || len(got) > 0 {
		t.Errorf("lines of another's pod: %q, %v", got, err)
	}
	if _, err := h.apps.GetResource(t.Context(), h.resource(name, "batch", "Job", "greet")); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}
