package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/platform"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// seenWithin is how long an act waits for one thing before it gives up; far beyond every bound, so that a slow machine
// gets a figure rather than a guess.
const seenWithin = 90 * time.Second

// bringUp is act 1: an empty cluster, and one object applied.
func (s *script) bringUp(ctx context.Context) (string, error) {
	if err := s.open(ctx); err != nil {
		return "", err
	}
	if _, err := runGit(ctx, s.dir, "clone", "--quiet", s.git.url, s.work); err != nil {
		return "", err
	}
	start := time.Now()
	if err := s.applyRoot(ctx); err != nil {
		return "", err
	}
	c, err := s.settle(ctx, start, settleWithin)
	if err != nil {
		return "", err
	}
	took := time.Since(start)
	if want := applicationsInRepository(); c.applications != want {
		return "", problem.New(problem.Unavailable, "%s, but the repository declares %d applications", c, want)
	}
	return fmt.Sprintf("%s Synced and Healthy %s after one apply", c, seconds(took)), nil
}

// applicationsInRepository counts the Application manifests, one per file.
func applicationsInRepository() int {
	n := 0
	for path, content := range platform.Files() {
		if strings.HasSuffix(path, ".yaml") && strings.Contains(content, "\nkind: Application\n") {
			n++
		}
	}
	return n
}

// mergeDeploys is act 2: a commit changes one image in one of the services.
func (s *script) mergeDeploys(ctx context.Context) (string, error) {
	const file = "services/catalog/overlays/dev/kustomization.yaml"
	key := deployment("dev", "catalog")
	tag := "2.10.0-rc.3"
	var changed, ready samples
	for i := range s.trials {
		next := fmt.Sprintf("2.10.%d", i)
		renders, err := s.renders(ctx)
		if err != nil {
			return "", err
		}
		if err := s.commit(ctx, fmt.Sprintf("Release catalog %s to dev", next), edit{file, "newTag: " + tag, "newTag: " + next}); err != nil {
			return "", err
		}
		tag = next
		film := s.eyes.film(key)
		start := time.Now()
		p, err := s.push(ctx)
		if err != nil {
			return "", err
		}
		image := "ghcr.io/harbour/catalog:" + tag
		at, err := film.first(ctx, start, seenWithin, "image "+image, func(o *object.Object) bool { return imageOf(o) == image })
		film.end()
		if err != nil {
			return "", err
		}
		up, err := s.rolledOut(ctx, key, image)
		if err != nil {
			return "", err
		}
		if _, err := s.settle(ctx, p.at, settleWithin); err != nil {
			return "", err
		}
		after, err := s.renders(ctx)
		if err != nil {
			return "", err
		}
		changed, ready = append(changed, at.Sub(p.at)), append(ready, up.Sub(p.at))
		s.evidence("%s pushed: the Deployment changed after %s, its pods were Ready after %s; %d of %d applications rendered",
			p.after[:7], seconds(at.Sub(p.at)), seconds(up.Sub(p.at)), after-renders, len(s.hawser.Catalog.Applications()))
		if after-renders != 1 {
			return "", problem.New(problem.Unavailable, "%d renders for a commit that touches one application", after-renders)
		}
	}
	if worst := changed.percentile(95); worst > s.bounds.deploy {
		return "", problem.New(problem.Unavailable, "%s from push to changed object, more than %s", seconds(worst), seconds(s.bounds.deploy))
	}
	return fmt.Sprintf("push to changed object %s (bound %s); to pods Ready %s; 1 application rendered each time", changed, seconds(s.bounds.deploy), ready), nil
}

// renders reads from /metrics how many manifests were rendered rather than remembered.
func (s *script) renders(ctx context.Context) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.hawser.Addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, problem.Because(problem.Unavailable, err, "read the metrics")
	}
	defer answer.Body.Close()
	return countRenders(answer.Body)
}

// countRenders adds up hawser_render_total of the renders that the cache could not answer.
func countRenders(metrics io.Reader) (int, error) {
	sum, found := 0, false
	scan := bufio.NewScanner(metrics)
	for scan.Scan() {
		line := scan.Text()
		if !strings.HasPrefix(line, "hawser_render_total{") || !strings.Contains(line, `result="miss"`) {
			continue
		}
		n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return 0, problem.Because(problem.Invalid, err, "metrics line %q", line)
		}
		sum, found = sum+int(n), true
	}
	if !found {
		return 0, problem.New(problem.NotFound, "/metrics shows no hawser_render_total with result=miss")
	}
	return sum, scan.Err()
}

// imageOf returns the image of a workload's first container.
func imageOf(o *object.Object) string {
	if o == nil {
		return ""
	}
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	first, _ := containers[0].(map[string]any)
	image, _ := first["image"].(string)
	return image
}

// rolledOut waits until a Deployment runs this image in all its pods, all Ready, and in no others.
func (s *script) rolledOut(ctx context.Context, key object.Key, image string) (at time.Time, err error) {
	if s.eyes.until(ctx, seenWithin, func() bool { return isRolledOut(s.eyes, key, image) }) {
		return time.Now(), nil
	}
	if ctx.Err() != nil {
		return at, ctx.Err()
	}
	return at, problem.New(problem.Unavailable, "%s in %s does not run %s everywhere after %s", key.Short(), key.Namespace, image, seconds(seenWithin))
}

func isRolledOut(w *witness, key object.Key, image string) bool {
	d, ok := w.Get(key)
	if !ok || imageOf(d) != image {
		return false
	}
	number := func(fields ...string) int64 {
		n, _, _ := unstructured.NestedInt64(d.Object, fields...)
		return n
	}
	want := number("spec", "replicas")
	if number("status", "observedGeneration") < d.GetGeneration() || number("status", "availableReplicas") != want || number("status", "updatedReplicas") != want {
		return false
	}
	pods := podsOf(w, key)
	for _, p := range pods {
		if p.image != image || !p.ready {
			return false
		}
	}
	return int64(len(pods)) == want
}

// pod is what the acts ask of one.
type pod struct {
	image   string
	ready   bool
	waiting string // why its container does not run
}

// podsOf returns the pods below a workload that are not on their way out.
func podsOf(w *witness, key object.Key) []pod {
	var pods []pod
	for _, o := range w.Descendants(key) {
		if o.GetKind() != "Pod" || o.GetDeletionTimestamp() != nil {
			continue
		}
		var p pod
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
		for _, c := range containers {
			m, _ := c.(map[string]any)
			p.image, _ = m["image"].(string)
		}
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for _, c := range conditions {
			if m, _ := c.(map[string]any); m["type"] == "Ready" {
				p.ready = m["status"] == "True"
			}
		}
		statuses, _, _ := unstructured.NestedSlice(o.Object, "status", "containerStatuses")
		for _, c := range statuses {
			m, _ := c.(map[string]any)
			p.waiting, _, _ = unstructured.NestedString(m, "state", "waiting", "reason")
		}
		pods = append(pods, p)
	}
	return pods
}

// A meddling is something that a person does to the cluster behind Git's back, and what must be said about it.
type meddling struct {
	application string
	key         object.Key
	kubectl     []string // its arguments
	editor      string   // for kubectl edit: what stands in for the person
	// without kubectl the same request is sent by us, under the name by which kubectl signs it
	patch, manager string // a strategic merge patch; "" deletes
	drifted        func(*object.Object) bool
	says           []string // field, both values, who
}

func meddlings() []meddling {
	checkout, payments := deployment("staging", "checkout"), deployment("staging", "payments")
	service := object.Key{Kind: "Service", Namespace: "staging", Name: "checkout"}
	return []meddling{
		{
			application: "checkout-staging", key: checkout, kubectl: []string{"scale", "deployment/checkout", "--replicas=5"},
			patch: `{"spec":{"replicas":5}}`, manager: "kubectl-scale",
			drifted: func(o *object.Object) bool {
				n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
				return n == 5
			},
			says: []string{"spec.replicas", "1 in Git", "5 live", "kubectl scale"},
		},
		{
			application: "checkout-staging", key: checkout, kubectl: []string{"set", "env", "deployment/checkout", "LOG_LEVEL=trace"},
			patch: `{"spec":{"template":{"spec":{"containers":[{"name":"checkout","env":[{"name":"LOG_LEVEL","value":"trace"}]}]}}}}`, manager: "kubectl-set",
			drifted: func(o *object.Object) bool { return variable(o, "LOG_LEVEL") == "trace" },
			says:    []string{"LOG_LEVEL", "info", "trace", "kubectl set"},
		},
		{
			application: "checkout-staging", key: checkout, kubectl: []string{"set", "env", "deployment/checkout", "DEBUG_SQL=yes"},
			patch: `{"spec":{"template":{"spec":{"containers":[{"name":"checkout","env":[{"name":"DEBUG_SQL","value":"yes"}]}]}}}}`, manager: "kubectl-set",
			drifted: func(o *object.Object) bool { return variable(o, "DEBUG_SQL") == "yes" },
			says:    []string{"DEBUG_SQL", "not in Git", "yes", "kubectl set"},
		},
		{
			application: "payments-staging", key: payments, kubectl: []string{"edit", "deployment/payments"}, editor: "sed -i s/payments:3.1.0/payments:9.9.9/",
			patch: `{"spec":{"template":{"spec":{"containers":[{"name":"payments","image":"ghcr.io/harbour/payments:9.9.9"}]}}}}`, manager: "kubectl-edit",
			drifted: func(o *object.Object) bool { return strings.HasSuffix(imageOf(o), ":9.9.9") },
			says:    []string{"image", "payments:3.1.0", "payments:9.9.9", "kubectl edit"},
		},
		{
			application: "checkout-staging", key: checkout, kubectl: []string{"edit", "deployment/checkout"}, editor: "sed -i s/tier:.shop/tier:\\ playground/",
			patch: `{"metadata":{"labels":{"harbour.example/tier":"playground"}}}`, manager: "kubectl-edit",
			drifted: func(o *object.Object) bool { return o.GetLabels()["harbour.example/tier"] == "playground" },
			says:    []string{"harbour.example/tier", "shop", "playground", "kubectl edit"},
		},
		{
			application: "checkout-staging", key: service, kubectl: []string{"delete", "service", "checkout"},
			says: []string{"Service/checkout", "deleted"},
		},
	}
}

// variable returns the value of an environment variable of the first container.
func variable(o *object.Object, name string) string {
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	first, _ := containers[0].(map[string]any)
	list, _ := first["env"].([]any)
	for _, v := range list {
		if m, _ := v.(map[string]any); m["name"] == name {
			value, _ := m["value"].(string)
			return value
		}
	}
	return ""
}

// driftIsHealed is act 3: people change the cluster directly.
func (s *script) driftIsHealed(ctx context.Context) (string, error) {
	tool := findKubectl(s.devcluster, s.kubernetes.kubeconfig())
	if tool == nil {
		s.evidence("there is no kubectl on the PATH: its requests are sent by the script, under kubectl's names")
	}
	var all samples
	for _, m := range meddlings() {
		var heals samples
		for range s.trials {
			took, said, err := s.meddle(ctx, tool, m)
			if err != nil {
				return "", problem.Because(problem.KindOf(err), err, "kubectl %s", strings.Join(m.kubectl, " "))
			}
			if heals = append(heals, took); len(heals) == 1 {
				s.evidence("kubectl %s", strings.TrimSpace(strings.Join(m.kubectl, " ")+" "+m.edited()))
				s.evidence("  reported: %s", said)
			}
		}
		s.evidence("  healed after %s", heals)
		all = append(all, heals...)
	}
	if worst := all.percentile(95); worst > s.bounds.heal {
		return "", problem.New(problem.Unavailable, "%s to heal, more than %s", seconds(worst), seconds(s.bounds.heal))
	}
	return fmt.Sprintf("%d sorts of drift reported and healed, %s (bound %s)", len(meddlings()), all, seconds(s.bounds.heal)), nil
}

func (m meddling) edited() string {
	if m.editor == "" {
		return ""
	}
	return "(" + strings.ReplaceAll(strings.TrimPrefix(m.editor, "sed -i "), "\\", "") + ")"
}

// meddle does it once and returns how long the cluster differed from Git, and what was said about it.
func (s *script) meddle(ctx context.Context, tool kubectl, m meddling) (took time.Duration, said string, err error) {
	film := s.eyes.film(m.key)
	defer film.end()
	start := time.Now()
	if tool != nil {
		err = tool.run(ctx, m.editor, append([]string{"--namespace", m.key.Namespace}, m.kubectl...)...)
	} else {
		err = s.eyes.meddle(ctx, m)
	}
	if err != nil {
		return 0, "", err
	}
	drifted := func(o *object.Object) bool { return o == nil || m.drifted != nil && m.drifted(o) }
	off, err := film.first(ctx, start, seenWithin, "the change itself", drifted)
	if err != nil {
		return 0, "", err
	}
	back, err := film.first(ctx, off, seenWithin, "what Git says, again", func(o *object.Object) bool { return !drifted(o) })
	if err != nil {
		return 0, "", err
	}
	ok := s.eyes.until(ctx, seenWithin, func() bool {
		said = strings.Join(s.heard.since(start, m.application, "drift"), "; ")
		return saysAll(said, m.says)
	})
	if !ok {
		return 0, "", problem.New(problem.Unavailable, "the report lacks one of %q: %s", m.says, said)
	}
	if _, err = s.settle(ctx, time.Time{}, settleWithin); err != nil {
		return 0, "", err
	}
	if trouble := s.heard.since(start, m.application, "condition"); len(trouble) > 0 {
		return 0, "", problem.New(problem.Unavailable, "it was healed, but not at once: %s", strings.Join(trouble, "; "))
	}
	return back.Sub(off), said, nil
}

func saysAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// meddle sends what kubectl would.
func (w *witness) meddle(ctx context.Context, m meddling) error {
	if m.patch == "" {
		o, err := w.Fetch(ctx, m.key, "")
		if err != nil {
			return err
		}
		return w.writer().Delete(ctx, cluster.DeleteRequest{Key: m.key, UID: o.GetUID(), Propagation: metav1.DeletePropagationBackground})
	}
	_, err := w.writer().Patch(ctx, cluster.PatchRequest{Key: m.key, Type: types.StrategicMergePatchType, Data: []byte(m.patch), Manager: m.manager})
	return err
}

// revertRestores is act 4: an image that does not exist is released, and taken back.
func (s *script) revertRestores(ctx context.Context) (string, error) {
	const file, good, application = "services/checkout/overlays/production/deployment.yaml", "ghcr.io/harbour/checkout:1.4.2", "checkout-production"
	key := deployment("production", "checkout")
	var restored samples
	for i := range s.trials {
		if err := s.commit(ctx, "Release checkout 1.5.0 to production", edit{file, "checkout:1.4.2", "checkout:broken"}); err != nil {
			return "", err
		}
		bad, err := s.push(ctx)
		if err != nil {
			return "", err
		}
		reason, err := s.breaks(ctx, application, key, bad.after)
		if err != nil {
			return "", err
		}
		if i == 0 {
			s.evidence("%s released an image that does not exist: %s", bad.after[:7], reason)
		}
		start := time.Now()
		if _, err := runGit(ctx, s.work, "revert", "--no-edit", "HEAD"); err != nil {
			return "", err
		}
		p, err := s.push(ctx)
		if err != nil {
			return "", err
		}
		up, err := s.rolledOut(ctx, key, good)
		if err != nil {
			return "", err
		}
		if _, err := s.settle(ctx, p.at, settleWithin); err != nil {
			return "", err
		}
		restored = append(restored, up.Sub(start))
		s.evidence("%s reverted it: all pods Ready with 1.4.2 %s after `git revert` was typed, everything Synced and Healthy after %s", p.after[:7], seconds(up.Sub(start)), seconds(time.Since(start)))
	}
	if worst := restored.percentile(95); worst > s.bounds.restore {
		return "", problem.New(problem.Unavailable, "restored after %s, more than %s", seconds(worst), seconds(s.bounds.restore))
	}
	return fmt.Sprintf("git revert to old pods Ready %s (bound %s)", restored, seconds(s.bounds.restore)), nil
}

// breaks waits until a pod cannot start and the application says so; it returns its words.
func (s *script) breaks(ctx context.Context, application string, key object.Key, commit string) (string, error) {
	var words string
	ok := s.eyes.until(ctx, seenWithin, func() bool {
		app, err := s.hawser.Catalog.Application(types.NamespacedName{Namespace: "argocd", Name: application})
		if err != nil {
			return false
		}
		h := app.Status.Health
		words = fmt.Sprintf("%s is %s, %s", application, h.Status, h.Message)
		broken := h.Status == v1alpha1.HealthStatusProgressing || h.Status == v1alpha1.HealthStatusDegraded
		return broken && app.Status.Sync.Revision == commit && strings.Contains(h.Message, "checkout") && strings.Contains(h.Message, "pull") && cannotStart(podsOf(s.eyes, key))
	})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !ok:
		return "", problem.New(problem.Unavailable, "the broken release is not explained after %s: %s", seconds(seenWithin), words)
	}
	return words, nil
}

func cannotStart(pods []pod) bool {
	for _, p := range pods {
		if p.waiting == "ImagePullBackOff" || p.waiting == "ErrImagePull" {
			return true
		}
	}
	return false
}

// rebuild is act 5: the cluster and all of Hawser's own data are gone; what is left is Git.
func (s *script) rebuild(ctx context.Context) (string, error) {
	before, err := s.inventory(ctx)
	if err != nil {
		return "", err
	}
	done := s.lines.step("  deleting the cluster and Hawser's data")
	s.closeCluster()
	for _, lost := range []string{"cluster", "data"} {
		if err := os.RemoveAll(s.path(lost)); err != nil {
			done("failed")
			return "", err
		}
	}
	done("gone")
	start := time.Now()
	if err := s.open(ctx); err != nil {
		return "", err
	}
	applied := time.Now()
	if err := s.applyRoot(ctx); err != nil {
		return "", err
	}
	c, err := s.settle(ctx, applied, settleWithin)
	if err != nil {
		return "", err
	}
	end := time.Now()
	after, err := s.inventory(ctx)
	if err != nil {
		return "", err
	}
	s.evidence("before %d objects, digest %s; after %d objects, digest %s", len(before), object.Hash(before)[:12], len(after), object.Hash(after)[:12])
	if d := different(before, after); len(d) > 0 {
		return "", problem.New(problem.Unavailable, "these are not as they were: %s", strings.Join(d, ", "))
	}
	return fmt.Sprintf("%s as before, %s after the one apply, %s with starting Kubernetes", c, seconds(end.Sub(applied)), seconds(end.Sub(start))), nil
}

// different names the keys that one side lacks or that differ.
func different(a, b map[string]string) []string {
	var list []string
	for _, k := range sortedNames(a) {
		if b[k] == "" {
			list = append(list, k+" (missing)")
		} else if a[k] != b[k] {
			list = append(list, k+" (different)")
		}
	}
	for _, k := range sortedNames(b) {
		if a[k] == "" {
			list = append(list, k+" (new)")
		}
	}
	return list
}

// inventory reads everything that applications manage from the API server: key → digest of what people declare of it.
func (s *script) inventory(ctx context.Context) (map[string]string, error) {
	list := map[string]string{}
	for _, app := range s.hawser.Catalog.Applications() {
		for _, r := range app.Status.Resources {
			key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
			o, err := s.eyes.Fetch(ctx, key, r.Version)
			if err != nil {
				return nil, err
			}
			list[key.String()] = object.Hash(declared(o))
		}
	}
	return list, nil
}

// declared returns an object without what the cluster writes into it by itself: it would differ in another cluster.
func declared(o *object.Object) map[string]any {
	o = o.DeepCopy()
	annotations := o.GetAnnotations()
	for name := range annotations {
		for _, prefix := range []string{"deployment.kubernetes.io/", "pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/", "kubectl.kubernetes.io/"} {
			if strings.HasPrefix(name, prefix) {
				delete(annotations, name)
			}
		}
	}
	o.Object["metadata"] = map[string]any{"name": o.GetName(), "namespace": o.GetNamespace(), "labels": o.GetLabels(), "annotations": annotations}
	delete(o.Object, "status")
	delete(o.Object, "operation")
	spec, _ := o.Object["spec"].(map[string]any)
	switch o.GetKind() {
	case "Service":
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	case "PersistentVolumeClaim":
		delete(spec, "volumeName")
	}
	return o.Object
}
