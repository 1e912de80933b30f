package cluster_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/forgetest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// What was reported is not reported again because something else went wrong: the other half of it was refused, or the
// Application that is to remember it cannot be written.
func TestPreviewsAreReportedOnce(t *testing.T) {
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := startForged(t, kind)
			policy := f.refuseRecords(t)
			f.forge.Break(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == "POST" && strings.Contains(r.URL.Path, "/statuses/") {
					forgetest.Answers(403)(w, r, next)
					return
				}
				next.ServeHTTP(w, r)
			})
			one := f.branch(t, "one", "one")
			f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: one})
			f.Apply(t, f.control, f.previews(""))
			f.annotate(t, f.pre, `"hawser.dev/preview":"status,comment","hawser.dev/preview-url":"https://pr-{{ .number }}.example.com/"`)
			f.remarks(t, 1, "is ready", one[:8])
			f.waitSaid(t, f.pre, "ErrorOccurred=True", "report preview "+f.pre+"-1 at pull request 1", "it answers 403 Forbidden")
			f.looks(t, 3)
			f.remarks(t, 1, "is ready", one[:8])
			if n := f.posted("comments", "notes"); n != 1 {
				t.Errorf("the comment was written %d times: %q", n, f.forge.Asked())
			}

			f.forge.Heal()
			f.annotate(t, f.pre, `"argocd.argoproj.io/application-set-refresh":"true"`)
			f.stated(t, one, "success", "https://pr-1.example.com/")
			f.waitSaid(t, f.pre, "ErrorOccurred=True", "what was reported cannot be written down", "nobody writes this down")
			f.looks(t, 3)
			if n := f.posted("comments", "notes"); n != 1 {
				t.Errorf("the comment was written %d times: %q", n, f.forge.Asked())
			}
			if n := len(f.forge.Said()); n != 1 {
				t.Errorf("the status was said %d times", n)
			}
			if got := f.get(t, f.pre+"-1").Annotations["hawser.dev/preview-told"]; got != "" {
				t.Errorf("it is written down all the same: %q", got)
			}

			f.Delete(t, "", policy)
			clustertest.Wait(t, "it is written down", func(context.Context) error {
				f.looks(t, 1)
				if got := f.get(t, f.pre+"-1").Annotations["hawser.dev/preview-told"]; !strings.HasSuffix(got, " comment status") {
					return fmt.Errorf("it is %q", got)
				}
				return nil
			})
			f.waitSaid(t, f.pre, "ErrorOccurred=False")
			if n, m := f.posted("comments", "notes"), len(f.forge.Said()); n != 1 || m != 1 {
				t.Errorf("the comment was written %d times, the status %d times", n, m)
			}
		})
	}
}

// posted counts the writes to addresses with one of the words.
func (f *forged) posted(words ...string) (n int) {
	for _, asked := range f.forge.Asked() {
		for _, word := range words {
			if !strings.HasPrefix(asked, "GET ") && strings.Contains(asked, word) {
				n++
				break
			}
		}
	}
	return n
}

// looks has the set looked at that often more, and waits for it.
func (f *forged) looks(t *testing.T, times int) {
	t.Helper()
	for range times {
		f.annotate(t, f.pre, `"argocd.argoproj.io/application-set-refresh":"true"`)
		f.WaitFor(t, "argoproj.io/v1alpha1", "ApplicationSet", f.control, f.pre, func(o *unstructured.Unstructured) error {
			if o.GetAnnotations()["argocd.argoproj.io/application-set-refresh"] != "" {
				return fmt.Errorf("it was not looked at")
			}
			return nil
		})
	}
}

// refuseRecords has the API server refuse Applications that say what was reported, and returns the policy that does.
func (f *forged) refuseRecords(t *testing.T) (policy string) {
	t.Helper()
	policy = fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [argoproj.io], apiVersions: [v1alpha1], operations: [CREATE, UPDATE], resources: [applications]}]
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  validations:
  - expression: "!has(object.metadata.annotations) || !('hawser.dev/preview-told' in object.metadata.annotations)"
    message: nobody writes this down
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, f.control)
	f.Apply(t, "", policy)
	t.Cleanup(func() {
		_ = f.Client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Delete(context.Background(), f.control, metav1.DeleteOptions{}) // it may be gone
		_ = f.Client.AdmissionregistrationV1().ValidatingAdmissionPolicies().Delete(context.Background(), f.control, metav1.DeleteOptions{})
	})
	clustertest.Wait(t, "the policy is in force", func(ctx context.Context) error {
		probe := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": map[string]any{"project": "default", "destination": map[string]any{}}}}
		probe.SetName("probe")
		probe.SetAnnotations(map[string]string{"hawser.dev/preview-told": "x"})
		_, err := f.Dynamic.Resource(v1alpha1.GroupVersion().WithResource("applications")).Namespace(f.control).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{"All"}})
		if err == nil || !strings.Contains(err.Error(), "nobody writes this down") {
			return fmt.Errorf("it says %v", err)
		}
		return nil
	})
	return policy
}
