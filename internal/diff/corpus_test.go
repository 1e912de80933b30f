package diff_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/rogpeppe/go-internal/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// The corpus is the specification: each file of testdata is a story that ends in what Compare must say. Its comment
// names the behaviour in one line. The sections, in order:
//
//	Git has                  the manifest; a second one is a later commit
//	WHO applies              server-side apply, forced; without content: of what Git has
//	WHO creates              an ordinary create of what Git has
//	WHO creates client-side  the same with kubectl's copy of the manifest
//	WHO patches              a strategic merge patch, for custom resources a merge patch
//	WHO json-patches, WHO scales, WHO reports (the status)
//	WHO deletes
//	rules                    ignoreDifferences
//	settings                 additions: none
//	want                     the changes, or: same, missing, extra, extra that does not count, unknown
//	sent                     what diff.Respect has applied instead of Git's manifest
//	kept                     fields of the live object after that was applied
//	predicted, live          what a real API server made of the story and of what is sent: recorded, not written
//
// TestCorpus needs no cluster. TestCorpusOnAServer plays each story on one, so that the records cannot grow stale.
var (
	updateGolden = flag.Bool("update", false, "rewrite the sections want and sent of the corpus")
	record       = flag.Bool("record", false, "rewrite the sections predicted and live of the corpus from the API server")
)

// tale is one file of the corpus.
type tale struct {
	path      string
	archive   *txtar.Archive
	steps     []step
	git       *object.Object // the last commit
	rules     diff.RuleSet
	people    bool
	predicted *object.Object
	live      *object.Object
}

type step struct{ who, verb, body string }

var (
	corpusTime = time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	masker     = object.Masker{Key: []byte("corpus")}
)

func TestCorpus(t *testing.T) {
	for _, tale := range corpus(t) {
		t.Run(tale.name(), func(t *testing.T) {
			if _, played := tale.section("live"); !played && len(tale.steps) > 0 {
				t.Fatal("the story was never played: run go test -run TestCorpusOnAServer -record")
			}
			got := tale.answer(t, tale.predicted, tale.live)
			sent, said := tale.section("sent")
			var payload string
			if said {
				payload = toYAML(t, tale.respect(t, tale.live))
			}
			if *updateGolden {
				tale.put(t, "want", got)
				if said {
					tale.put(t, "sent", payload)
				}
				return
			}
			want, _ := tale.section("want")
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s\n%s", tale.title(), d)
			}
			if d := cmp.Diff(sent, payload); d != "" {
				t.Errorf("%s: sent\n%s", tale.title(), d)
			}
		})
	}
}

func TestCorpusNamesEachBehaviourOnce(t *testing.T) {
	seen := map[string]string{}
	all := corpus(t)
	for _, tale := range all {
		title := tale.title()
		if title == "" || len(title) > 120 {
			t.Errorf("%s: its first line must name the behaviour in at most 120 characters", tale.path)
		}
		if other := seen[title]; other != "" {
			t.Errorf("%s and %s: both are %q", tale.path, other, title)
		}
		seen[title] = tale.path
	}
	if len(all) < 60 {
		t.Errorf("%d cases", len(all))
	}
}

func TestCorpusOnAServer(t *testing.T) {
	c := clustertest.Start(t)
	ropes, err := os.ReadFile("testdata/rope.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(t, "", string(ropes))
	for _, tale := range corpus(t) {
		if len(tale.steps) == 0 {
			continue // it was written by hand: no server does it so on demand
		}
		t.Run(tale.name(), func(t *testing.T) {
			t.Parallel()
			p := play(t, c, tale)
			if *record {
				tale.put(t, "predicted", toYAML(t, p.predicted))
				tale.put(t, "live", toYAML(t, p.live))
				return
			}
			want, _ := tale.section("want")
			if d := cmp.Diff(want, tale.answer(t, p.predicted, p.live)); d != "" {
				t.Errorf("%s\n%s", tale.title(), d)
			}
			if kept, ok := tale.section("kept"); ok {
				p.keeps(t, kept)
			}
		})
	}
}

func corpus(t *testing.T) []*tale {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus: ", err)
	}
	var all []*tale
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, newTale(t, path, archive))
	}
	return all
}

func newTale(t *testing.T, path string, archive *txtar.Archive) *tale {
	t.Helper()
	s := &tale{path: path, archive: archive, people: true}
	for _, f := range archive.Files {
		body := string(f.Data)
		switch f.Name {
		case "Git has":
			s.git = readOne(t, path, body)
			s.steps = append(s.steps, step{"Git", "has", body})
		case "rules":
			var rules []v1alpha1.ResourceIgnoreDifferences
			if err := yaml.UnmarshalStrict(f.Data, &rules); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			var err error
			if s.rules, err = diff.ParseRules(rules); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		case "settings":
			s.people = strings.TrimSpace(body) != "additions: none"
		case "predicted":
			s.predicted = readOne(t, path, body)
		case "live":
			s.live = readOne(t, path, body)
		case "want", "sent", "kept":
		default:
			who, verb, ok := strings.Cut(f.Name, " ")
			if !ok {
				t.Fatalf("%s: what is section %q?", path, f.Name)
			}
			s.steps = append(s.steps, step{who, verb, body})
		}
	}
	if !slices.ContainsFunc(s.steps, func(p step) bool { return p.who != "Git" }) {
		s.steps = nil
	}
	return s
}

func (s *tale) name() string { return strings.TrimSuffix(filepath.Base(s.path), ".txtar") }

// title is the first line of the comment.
func (s *tale) title() string {
	line, _, _ := strings.Cut(string(s.archive.Comment), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "#"))
}

func (s *tale) section(name string) (string, bool) {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

func (s *tale) put(t *testing.T, name, body string) {
	t.Helper()
	i := slices.IndexFunc(s.archive.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		i = len(s.archive.Files)
		s.archive.Files = append(s.archive.Files, txtar.File{Name: name})
	}
	s.archive.Files[i].Data = []byte(body)
	if err := os.WriteFile(s.path, txtar.Format(s.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// answer is what Compare says, in the words of the section want.
func (s *tale) answer(t *testing.T, predicted, live *object.Object) string {
	t.Helper()
	in := diff.Input{Predicted: predicted, Live: live, Manager: manager, People: s.people, Seen: corpusTime.Add(time.Minute)}
	if s.git != nil {
		in.Desired = masker.Mask(object.FoldStringData(s.git))
		in.Rules = s.rules.Select(object.KeyOf(s.git))
	}
	r, err := diff.Compare(t.Context(), in)
	switch {
	case err != nil:
		return "error: " + err.Error() + "\n"
	case r.Missing:
		return "missing\n"
	case r.Extra && r.Ignored:
		return "extra that does not count\n"
	case r.Extra:
		return "extra\n"
	case r.Unknown:
		return "unknown\n"
	case r.Same():
		return "same\n"
	}
	var b strings.Builder
	for _, c := range r.Changes {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

func (s *tale) respect(t *testing.T, live *object.Object) *object.Object {
	t.Helper()
	o, err := diff.Respect(t.Context(), s.git, live, manager, s.rules.Select(object.KeyOf(s.git)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// played is a story on the server.
type played struct {
	*tale
	resource        dynamic.ResourceInterface
	predicted, live *object.Object // as they are recorded
}

func play(t *testing.T, c *clustertest.Cluster, s *tale) *played {
	t.Helper()
	p := &played{tale: s}
	mapping := map[string]schema.GroupVersionResource{
		"Deployment": {Group: "apps", Version: "v1", Resource: "deployments"}, "StatefulSet": {Group: "apps", Version: "v1", Resource: "statefulsets"},
		"ConfigMap": {Version: "v1", Resource: "configmaps"}, "Secret": {Version: "v1", Resource: "secrets"}, "Service": {Version: "v1", Resource: "services"},
		"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"}, "PersistentVolumeClaim": {Version: "v1", Resource: "persistentvolumeclaims"},
		"Ingress":       {Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		"NetworkPolicy": {Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
		"Rope":          {Group: "corpus.hawser.test", Version: "v1", Resource: "ropes"},
		"Role":          {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
		"CronJob":       {Group: "batch", Version: "v1", Resource: "cronjobs"},
	}
	resource, ok := mapping[s.git.GetKind()]
	if !ok {
		t.Fatalf("the corpus does not know kind %s", s.git.GetKind())
	}
	p.resource = c.Dynamic.Resource(resource).Namespace(c.Namespace(t))
	last := map[string]time.Time{}
	var git *object.Object
	for i, step := range s.steps {
		if step.who == "Git" {
			git = object.FoldStringData(readOne(t, s.path, step.body))
			continue
		}
		last[step.who] = corpusTime.Add(time.Duration(i) * time.Second)
		if err := p.do(t.Context(), step, git); err != nil {
			t.Fatalf("%s %s: %v", step.who, step.verb, err)
		}
	}
	if o, err := p.resource.Get(t.Context(), s.git.GetName(), metav1.GetOptions{}); err == nil {
		p.live = s.tidy(o, last)
		// Ignored fields are left out of the question too: one that is immutable would make the server refuse it.
		asked := object.FoldStringData(s.respect(t, o))
		if p.predicted, err = p.resource.Apply(t.Context(), git.GetName(), asked, metav1.ApplyOptions{FieldManager: manager, Force: true, DryRun: []string{metav1.DryRunAll}}); err != nil {
			t.Fatal(err)
		}
		p.predicted = s.tidy(p.predicted, last)
	}
	return p
}

func (p *played) do(ctx context.Context, s step, git *object.Object) error {
	name := git.GetName()
	options := metav1.PatchOptions{FieldManager: s.who}
	patch := func(kind types.PatchType, body string, sub ...string) error {
		data, err := yaml.YAMLToJSON([]byte(body))
		if err != nil {
			return err
		}
		_, err = p.resource.Patch(ctx, name, kind, data, options, sub...)
		return err
	}
	switch s.verb {
	case "applies":
		o := git
		if strings.TrimSpace(s.body) != "" {
			items, err := object.Parse([]byte(s.body), "applied.yaml")
			if err != nil {
				return err
			}
			o = items[0].Object
		}
		_, err := p.resource.Apply(ctx, name, o, metav1.ApplyOptions{FieldManager: s.who, Force: true})
		return err
	case "creates", "creates client-side":
		o := git.DeepCopy()
		if s.verb != "creates" {
			data, err := json.Marshal(git.Object)
			if err != nil {
				return err
			}
			annotations := o.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(data)
			o.SetAnnotations(annotations)
		}
		_, err := p.resource.Create(ctx, o, metav1.CreateOptions{FieldManager: s.who})
		return err
	case "patches":
		if strings.Contains(git.GetAPIVersion(), "corpus") {
			return patch(types.MergePatchType, s.body)
		}
		return patch(types.StrategicMergePatchType, s.body)
	case "json-patches":
		return patch(types.JSONPatchType, s.body)
	case "scales":
		return patch(types.MergePatchType, "spec: "+s.body, "scale")
	case "reports":
		return patch(types.MergePatchType, "status: "+s.body, "status")
	case "deletes":
		return p.resource.Delete(ctx, name, metav1.DeleteOptions{})
	}
	return fmt.Errorf("the corpus has no such verb")
}

// tidy takes out of an object what differs from run to run, and masks it.
func (s *tale) tidy(o *object.Object, last map[string]time.Time) *object.Object {
	o = masker.Mask(o).DeepCopy()
	meta := o.Object["metadata"].(map[string]any)
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "namespace"} {
		delete(meta, field)
	}
	if a := o.GetAnnotations(); a["deployment.kubernetes.io/revision"] != "" {
		delete(a, "deployment.kubernetes.io/revision")
		o.SetAnnotations(a)
	}
	withStatus := slices.ContainsFunc(s.steps, func(p step) bool { return p.verb == "reports" })
	if !withStatus {
		delete(o.Object, "status")
	}
	if spec, ok := o.Object["spec"].(map[string]any); ok && o.GetKind() == "Service" && spec["clusterIP"] != nil {
		spec["clusterIP"], spec["clusterIPs"] = "10.0.0.1", []any{"10.0.0.1"}
	}
	entries := o.GetManagedFields()
	kept := entries[:0]
	for _, e := range entries {
		if e.Subresource == "status" && !withStatus || e.Subresource == "status" && e.Manager == "kube-controller-manager" {
			continue
		}
		if e.Time != nil {
			at := metav1.NewTime(corpusTime)
			if known, ok := last[e.Manager]; ok {
				at = metav1.NewTime(known)
			}
			e.Time = &at
		}
		kept = append(kept, e)
	}
	o.SetManagedFields(kept)
	return o
}

// keeps applies what Respect says and looks at fields of the live object, JSON pointer: value.
func (p *played) keeps(t *testing.T, text string) {
	t.Helper()
	before, err := p.resource.Get(t.Context(), p.git.GetName(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := yaml.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	var versions []string
	for range 3 { // the second changes nothing any more
		sent := p.respect(t, before)
		after, err := p.resource.Apply(t.Context(), sent.GetName(), object.FoldStringData(sent), metav1.ApplyOptions{FieldManager: manager, Force: true})
		if err != nil {
			t.Fatalf("apply what is sent: %v\n%s", err, toYAML(t, sent))
		}
		for pointer, value := range want {
			if d := cmp.Diff(fmt.Sprint(value), fmt.Sprint(at(after.Object, pointer))); d != "" {
				t.Errorf("%s after the apply of\n%s\n%s", pointer, toYAML(t, sent), d)
			}
		}
		before = after
		versions = append(versions, fmt.Sprint(after.GetGeneration(), toYAML(t, sent)))
	}
	if versions[1] != versions[2] {
		t.Errorf("it does not come to rest: %v", versions)
	}
}

// at follows a JSON pointer.
func at(v any, pointer string) any {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func readOne(t *testing.T, path, text string) *object.Object {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		return nil
	}
	items, err := object.Parse([]byte(text), path)
	if err != nil || len(items) != 1 {
		t.Fatalf("%s: %v, %d objects", path, err, len(items))
	}
	return items[0].Object
}

// toYAML writes each entry of managedFields on one line: they are long, and seldom read.
func toYAML(t *testing.T, o *object.Object) string {
	t.Helper()
	if o == nil {
		return ""
	}
	o = o.DeepCopy()
	meta := o.Object["metadata"].(map[string]any)
	entries, _ := meta["managedFields"].([]any)
	delete(meta, "managedFields")
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		return string(data)
	}
	var b strings.Builder
	b.WriteString("metadata:\n  managedFields:\n")
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("  - " + string(line) + "\n")
	}
	return strings.Replace(string(data), "metadata:\n", b.String(), 1)
}
