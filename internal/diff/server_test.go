package diff_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// The proof of the model: a real API server keeps the books, people's tools write to it, Compare must name exactly
// what they did, Takeover and one apply must undo it, and a second apply must change nothing.

const manager = "argocd-controller"

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {team: shop}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1
        args: [serve, --fast]
        env: [{name: MODE, value: green}]
        ports: [{containerPort: 80}]
        resources: {limits: {cpu: 1}, requests: {memory: 64Mi}}
`

// bench is one object on the server, the way the engine handles it.
type bench struct {
	testing.TB
	resource dynamic.ResourceInterface
	git      *object.Object
	applied  *object.Object // the server's answer to our last apply
	rules    diff.Rules
}

func newBench(t testing.TB, resource schema.GroupVersionResource, manifest string) *bench {
	c := clustertest.Start(t)
	b := &bench{TB: t, resource: c.Dynamic.Resource(resource).Namespace(c.Namespace(t))}
	b.commit(manifest)
	return b
}

// commit changes what Git says.
func (b *bench) commit(manifest string) {
	items, err := object.Parse([]byte(manifest), "git.yaml")
	b.must(err)
	b.git = items[0].Object
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) apply(as string, dryRun ...string) *object.Object {
	b.Helper()
	o, err := b.resource.Apply(b.Context(), b.git.GetName(), b.git, metav1.ApplyOptions{FieldManager: as, Force: true, DryRun: dryRun})
	b.must(err)
	return o
}

func (b *bench) sync() { b.Helper(); b.applied = b.apply(manager) }

func (b *bench) live() *object.Object {
	b.Helper()
	o, err := b.resource.Get(b.Context(), b.git.GetName(), metav1.GetOptions{})
	b.must(err)
	return o
}

func (b *bench) patch(as string, kind types.PatchType, body string, subresources ...string) {
	b.Helper()
	_, err := b.resource.Patch(b.Context(), b.git.GetName(), kind, []byte(body), metav1.PatchOptions{FieldManager: as}, subresources...)
	b.must(err)
}

func (b *bench) edit(as, body string) { b.Helper(); b.patch(as, types.StrategicMergePatchType, body) }

func (b *bench) scale(as string, replicas int) {
	b.Helper()
	b.patch(as, types.MergePatchType, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas), "scale")
}

// clientSide creates the object as a client-side apply does: by an ordinary write that carries the manifest.
func (b *bench) clientSide(as string) {
	b.Helper()
	o := b.git.DeepCopy()
	data, err := json.Marshal(b.git.Object)
	b.must(err)
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(data)
	o.SetAnnotations(annotations)
	_, err = b.resource.Create(b.Context(), o, metav1.CreateOptions{FieldManager: as})
	b.must(err)
}

func (b *bench) compare(predicted *object.Object) diff.Result {
	b.Helper()
	r, err := diff.Compare(b.Context(), diff.Input{
		Desired: b.git, Predicted: predicted, Live: b.live(), Manager: manager, Rules: b.rules, People: true, Seen: time.Now(),
	})
	b.must(err)
	return r
}

// want checks the changes, one "kind path by" a line, against the last apply and against a dry run: the engine may
// have either.
func (b *bench) want(lines ...string) {
	b.Helper()
	predictions := map[string]*object.Object{"dry run": b.apply(manager, metav1.DryRunAll)}
	if b.applied != nil {
		predictions["last apply"] = b.applied
	}
	for name, predicted := range predictions {
		var got []string
		for _, c := range b.compare(predicted).Changes {
			line := fmt.Sprintf("%s %s", c.Kind, c.Path)
			if c.By() != "" {
				line += " by " + c.By()
			}
			got = append(got, line)
		}
		if d := cmp.Diff(lines, got); d != "" {
			b.Errorf("compared with the %s: %s", name, d)
		}
	}
}

// heal does what a sync does, and checks that it leaves nothing to do.
func (b *bench) heal() {
	b.Helper()
	for b.takeOver() != nil { // the Deployment controller wrote in between
	}
	b.sync()
	b.want()
	b.quiet()
	if _, needed, err := diff.Takeover(b.Context(), b.live(), manager, true, b.rules); needed || err != nil {
		b.Errorf("a second takeover: needed %v, %v", needed, err)
	}
}

// takeOver returns the error of a conflict. Replacing the resourceVersion by itself makes the server answer one; a
// "test" of it would be an invalid patch.
func (b *bench) takeOver() error {
	b.Helper()
	live := b.live()
	entries, needed, err := diff.Takeover(b.Context(), live, manager, true, b.rules)
	b.must(err)
	if !needed {
		return nil
	}
	body, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
	})
	b.must(err)
	_, err = b.resource.Patch(b.Context(), b.git.GetName(), types.JSONPatchType, body, metav1.PatchOptions{FieldManager: manager})
	if !apierrors.IsConflict(err) {
		b.must(err)
	}
	return err
}

// quiet checks that another apply writes nothing. The Deployment controller may write in between, so it compares the
// generation and our own entry's time too.
func (b *bench) quiet() {
	b.Helper()
	for range 10 {
		before := b.live()
		after := b.apply(manager)
		if before.GetResourceVersion() == after.GetResourceVersion() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Error("every apply of the same content writes the object anew")
}

var deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

func TestDriftIsNamedAndHealed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*bench)
		want []string
	}{
		{"kubectl scale", func(b *bench) { b.scale("kubectl", 5) },
			[]string{"Modified spec.replicas by kubectl scale"}},
		{"kubectl set env of a variable that Git has", func(b *bench) {
			b.edit("kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"MODE","value":"blue"}]}]}}}}`)
		}, []string{"Modified spec.template.spec.containers[name=web].env[name=MODE].value by kubectl set"}},
		{"kubectl set env of a variable that Git has not", func(b *bench) {
			b.edit("kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"DEBUG","value":"1"}]}]}}}}`)
		}, []string{"Added spec.template.spec.containers[name=web].env[name=DEBUG] by kubectl set"}},
		{"kubectl edit of image and label", func(b *bench) {
			b.edit("kubectl-edit", `{"metadata":{"labels":{"app":"other","new":"1"}},"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}}}}`)
		}, []string{
			"Modified metadata.labels.app by kubectl edit",
			"Added metadata.labels.new by kubectl edit",
			"Modified spec.template.spec.containers[name=web].image by kubectl edit",
		}},
		{"an element of an atomic list", func(b *bench) {
			b.edit("kubectl-edit", `{"spec":{"template":{"spec":{"containers":[{"name":"web","args":["serve","--slow"]}]}}}}`)
		}, []string{"Modified spec.template.spec.containers[name=web].args[1] by kubectl edit"}},
		{"a sidecar", func(b *bench) {
			b.edit("kubectl-patch", `{"spec":{"template":{"spec":{"containers":[{"name":"spy","image":"tcpdump:1"}]}}}}`)
		}, []string{"Added spec.template.spec.containers[name=spy] by kubectl patch"}},
		{"a second port of the same number", func(b *bench) {
			b.patch("kubectl-edit", types.JSONPatchType, `[{"op":"add","path":"/spec/template/spec/containers/0/ports/-","value":{"containerPort":80,"protocol":"UDP"}}]`)
		}, []string{"Added spec.template.spec.containers[name=web].ports[containerPort=80,protocol=UDP] by kubectl edit"}},
		{"a field that Git is silent about, set to another value than its default", func(b *bench) {
			b.edit("kubectl-edit", `{"spec":{"revisionHistoryLimit":2}}`)
		}, []string{"Added spec.revisionHistoryLimit by kubectl edit"}},
		{"fields removed", func(b *bench) {
			b.edit("kubectl-edit", `{"metadata":{"annotations":{"team":null}},"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"$patch":"delete","name":"MODE"}]}]}}}}`)
		}, []string{
			"Removed metadata.annotations.team",
			"Removed spec.template.spec.containers[name=web].env[name=MODE]",
		}},
		{"kubectl apply --server-side of an addition", func(b *bench) {
			git := b.git
			b.git = git.DeepCopy()
			b.git.SetLabels(map[string]string{"app": "web", "mine": "1"})
			b.apply("kubectl")
			b.git = git
		}, []string{"Added metadata.labels.mine by kubectl apply --server-side"}},
		{"several people at once", func(b *bench) {
			b.scale("kubectl", 4)
			b.edit("k9s", `{"metadata":{"annotations":{"a.b/c":"1"}}}`)
			b.edit("Mozilla", `{"spec":{"paused":true}}`)
		}, []string{
			`Added metadata.annotations["a.b/c"] by k9s`,
			"Added spec.paused by Mozilla",
			"Modified spec.replicas by kubectl scale",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, deployments, web)
			b.sync()
			b.want()
			c.do(b)
			b.want(c.want...)
			b.heal()
		})
	}
}

func TestWhatIsNotDrift(t *testing.T) {
	for name, do := range map[string]func(*bench){
		"nothing happened": func(*bench) {},
		"kubectl rollout restart": func(b *bench) {
			b.edit("kubectl-rollout", `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-23T14:05:07Z"}}}}}`)
		},
		"a controller adds an annotation": func(b *bench) {
			b.edit("cert-manager", `{"metadata":{"annotations":{"cert":"1"}},"spec":{"template":{"spec":{"nodeSelector":{"a":"b"}}}}}`)
		},
		"a person repeats what Git says": func(b *bench) { b.apply("kubectl") },
		"a person writes a default": func(b *bench) {
			b.git.Object["spec"].(map[string]any)["revisionHistoryLimit"] = int64(10)
			b.apply("kubectl")
			delete(b.git.Object["spec"].(map[string]any), "revisionHistoryLimit")
		},
		"a refresh annotation": func(b *bench) {
			b.edit("kubectl-annotate", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}`)
		},
		"a person adds a finalizer": func(b *bench) {
			b.edit("kubectl-patch", `{"metadata":{"finalizers":["example.com/guard"]}}`)
			b.Cleanup(func() {
				body := `{"metadata":{"finalizers":null}}`
				_, _ = b.resource.Patch(context.Background(), "web", types.MergePatchType, []byte(body), metav1.PatchOptions{})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, deployments, web)
			b.sync()
			do(b)
			b.want()
			b.quiet()
		})
	}
}

// A commit that drops a field: live has it from our own earlier apply, and nobody interfered.
func TestGitMovesOn(t *testing.T) {
	b := newBench(t, deployments, web)
	b.sync()
	b.commit(strings.NewReplacer("replicas: 3", "replicas: 4", ", annotations: {team: shop}", "").Replace(web))
	b.applied = nil
	b.want("Added metadata.annotations.team by argocd-controller", "Modified spec.replicas by argocd-controller")
	for _, c := range b.compare(b.apply(manager, metav1.DryRunAll)).Changes {
		if !c.Ours {
			t.Errorf("%s: not ours", c)
		}
	}
	b.heal()
}

// Objects that a client-side apply created own every default. Adopting them must not call the defaults drift, nor
// keep alive what Git no longer has.
func TestAdoption(t *testing.T) {
	for _, creator := range []string{"kubectl-client-side-apply", manager, "argocd-application-controller"} {
		t.Run(creator, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, deployments, web)
			b.clientSide(creator)
			b.want()
			b.commit(strings.Replace(web, ", annotations: {team: shop}", "", 1))
			b.want("Added metadata.annotations.team by " + diff.Change{Manager: creator}.By())
			b.heal()
			live := b.live()
			if len(live.GetAnnotations()["kubectl.kubernetes.io/last-applied-configuration"]) > 0 {
				t.Error("kubectl's stale copy of the manifest is still there")
			}
			for _, e := range live.GetManagedFields() {
				if e.Manager != manager && e.Subresource == "" {
					t.Errorf("%s still owns fields: %s", e.Manager, e.FieldsV1)
				}
				if e.Manager == manager && e.Operation != "Apply" {
					t.Errorf("our %s entry is still there", e.Operation)
				}
			}
		})
	}
}

// kubectl create leaves no copy of the manifest, so the defaults must be known.
func TestAdoptionAfterKubectlCreate(t *testing.T) {
	b := newBench(t, deployments, web)
	o := b.git.DeepCopy()
	o.SetLabels(map[string]string{"app": "web", "by": "hand"})
	_, err := b.resource.Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl-create"})
	b.must(err)
	b.want("Added metadata.labels.by by kubectl create")
	b.heal()
}

func TestIgnoredFieldsStay(t *testing.T) {
	set, err := diff.ParseRules([]v1alpha1.ResourceIgnoreDifferences{{
		Group: "apps", Kind: "*", JSONPointers: []string{"/spec/replicas", "/metadata/labels/new"},
		JQPathExpressions:     []string{`.spec.template.spec.containers[] | select(.name == "spy")`},
		ManagedFieldsManagers: []string{"kubectl-annotate"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, deployments, web)
	b.rules = set.Select(object.KeyOf(b.git))
	b.sync()
	b.edit("kubectl-edit", `{"metadata":{"labels":{"new":"1"}},"spec":{"replicas":7,"template":{"spec":{"containers":[{"name":"spy","image":"tcpdump:1"}]}}}}`)
	b.edit("kubectl-annotate", `{"metadata":{"annotations":{"note":"1"}}}`)
	b.want()

	b.edit("kubectl-edit", `{"metadata":{"labels":{"other":"1"}}}`)
	b.want("Added metadata.labels.other by kubectl edit")
	b.heal()
	live := b.live()
	containers := live.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)
	if len(containers) != 2 || live.GetLabels()["new"] != "1" || live.GetAnnotations()["note"] != "1" {
		t.Errorf("ignored fields were healed: %v %v %v", containers, live.GetLabels(), live.GetAnnotations())
	}
}

func TestOtherKinds(t *testing.T) {
	core := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	for _, c := range []struct {
		name     string
		resource schema.GroupVersionResource
		manifest string
		do       func(*bench)
		want     []string
	}{
		{"ConfigMap", core("configmaps"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '1', b.txt: '2'}}",
			func(b *bench) {
				b.patch("kubectl-edit", types.MergePatchType, `{"data":{"a":"9","c":"3","b.txt":null}}`)
			},
			[]string{"Modified data.a by kubectl edit", "Added data.c by kubectl edit", `Removed data["b.txt"]`}},
		{"Service", core("services"), "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {app: web}, ports: [{port: 80}]}}",
			func(b *bench) {
				b.edit("kubectl-edit", `{"spec":{"selector":{"app":"other"},"ports":[{"port":81,"name":"x"},{"port":80,"name":"y"}]}}`)
			},
			[]string{"Added spec.ports[port=80,protocol=TCP].name by kubectl edit", "Added spec.ports[port=81,protocol=TCP] by kubectl edit", "Modified spec.selector.app by kubectl edit"}},
		{"Ingress", schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
			"{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}}]}}",
			func(b *bench) {
				b.patch("kubectl-edit", types.JSONPatchType, `[{"op":"replace","path":"/spec/rules/0/host","value":"b.test"}]`)
			},
			[]string{"Modified spec.rules[0].host by kubectl edit"}},
		{"NetworkPolicy with an empty atomic map", schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
			"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np, labels: {}}, spec: {podSelector: {}, policyTypes: [Ingress]}}",
			func(b *bench) {
				b.patch("kubectl-edit", types.MergePatchType, `{"spec":{"podSelector":{"matchLabels":{"a":"b"}}}}`)
				b.edit("some-controller", `{"metadata":{"labels":{"c":"d"}}}`)
			},
			[]string{"Added spec.podSelector.matchLabels by kubectl edit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.resource, c.manifest)
			b.sync()
			b.want()
			c.do(b)
			b.want(c.want...)
			b.heal()
		})
	}
}

// "Who changed the replica count from 3 to 5?"
func TestChangeSaysWhoWhatAndWhen(t *testing.T) {
	b := newBench(t, deployments, web)
	b.sync()
	started := time.Now().Truncate(time.Second)
	b.scale("kubectl", 5)
	b.edit("kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"DEBUG","value":"1"}]}]}}}}`)
	changes := b.compare(b.applied).Changes
	if len(changes) != 2 {
		t.Fatalf("changes: %v", changes)
	}
	c := changes[0]
	if c.Want != int64(3) || c.Have != int64(5) || c.Manager != "kubectl" || c.Subresource != "scale" || c.Pointer != "/spec/replicas" || c.Ours {
		t.Errorf("%+v", c)
	}
	if prefix := "spec.replicas: 3 in Git, 5 live (set by kubectl scale, "; !strings.HasPrefix(c.String(), prefix) {
		t.Errorf("%s", c)
	}
	env := changes[1]
	if env.Pointer != "/spec/template/spec/containers/0/env/0" || env.Want != nil || cmp.Diff(env.Have, map[string]any{"name": "DEBUG", "value": "1"}) != "" {
		t.Errorf("%+v", env)
	}
	for _, c := range changes { // the scale subresource records no time, Seen stands in
		if c.Time.Before(started) || c.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("%s: time %s", c, c.Time)
		}
	}
	live := b.live()
	target := b.compare(b.applied).Target(live)
	got := diff.Unified(live, target)
	if want := "-  replicas: 5\n+  replicas: 3\n"; !strings.Contains(got, want) || !strings.Contains(got, "-        - name: DEBUG\n") {
		t.Errorf("the diff is\n%s", got)
	}
}

func TestSecretsAreComparedMasked(t *testing.T) {
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	b := newBench(t, secrets, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: canary-1, b: canary-2}}")
	b.git = object.FoldStringData(b.git)
	b.sync()
	b.patch("kubectl-edit", types.MergePatchType, `{"data":{"a":"Y2FuYXJ5LTM=","c":"Y2FuYXJ5LTQ="}}`)
	masker := object.Masker{Key: []byte("k")}
	r, err := diff.Compare(t.Context(), diff.Input{
		Desired: masker.Mask(b.git), Predicted: masker.Mask(b.applied), Live: masker.Mask(b.live()), Manager: manager, People: true,
	})
	b.must(err)
	var text []string
	for _, c := range r.Changes {
		text = append(text, c.String())
	}
	got := strings.Join(text, "\n") + diff.Unified(masker.Mask(b.live()), r.Target(masker.Mask(b.live())))
	if len(r.Changes) != 2 || !strings.Contains(got, "data.a: hidden value") || !strings.Contains(got, "data.c: not in Git, hidden value") {
		t.Error(got)
	}
	if strings.Contains(got, "canary") || strings.Contains(got, "Y2FuYX") {
		t.Errorf("leaks: %s", got)
	}
	b.heal()
}

// Custom resources: the schema decides what is a map of items, a set, an atom; ownership tells us.
func TestCustomResources(t *testing.T) {
	const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ropes.diff.hawser.test}
spec:
  group: diff.hawser.test
  names: {kind: Rope, plural: ropes}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              length: {type: integer, default: 10}
              knots:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [at, side]
                items: {type: object, required: [at, side], properties: {at: {type: integer}, side: {type: string}, kind: {type: string}}}
              colours: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              order: {type: array, items: {type: string}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              whole: {type: object, x-kubernetes-map-type: atomic, x-kubernetes-preserve-unknown-fields: true}
`
	clustertest.Start(t).Apply(t, "", definition)
	t.Cleanup(func() {
		crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
		_ = clustertest.Start(t).Dynamic.Resource(crds).Delete(context.Background(), "ropes.diff.hawser.test", metav1.DeleteOptions{})
	})
	b := newBench(t, schema.GroupVersionResource{Group: "diff.hawser.test", Version: "v1", Resource: "ropes"}, `
apiVersion: diff.hawser.test/v1
kind: Rope
metadata: {name: r}
spec:
  knots: [{at: 1, side: left, kind: bowline}, {at: 1, side: right, kind: hitch}]
  colours: [red, blue]
  order: [a, b]
  free: {x: {y: 1}, list: [1, 2]}
  whole: {p: 1, q: {r: 2}}
`)
	b.sync()
	b.want()
	b.patch("kubectl-edit", types.JSONPatchType, `[
		{"op":"replace","path":"/spec/knots/1/kind","value":"reef"},
		{"op":"add","path":"/spec/knots/-","value":{"at":2,"side":"left"}},
		{"op":"add","path":"/spec/colours/-","value":"green"},
		{"op":"remove","path":"/spec/colours/0"},
		{"op":"replace","path":"/spec/order/0","value":"z"},
		{"op":"add","path":"/spec/free/x/z","value":5},
		{"op":"replace","path":"/spec/whole/q/r","value":3},
		{"op":"replace","path":"/spec/length","value":11}]`)
	b.want(
		`Added spec.colours["green"] by kubectl edit`,
		`Removed spec.colours["red"]`,
		"Added spec.free.x.z by kubectl edit",
		"Modified spec.knots[at=1,side=right].kind by kubectl edit",
		"Added spec.knots[at=2,side=left] by kubectl edit",
		"Added spec.length by kubectl edit",
		"Modified spec.order[0] by kubectl edit",
		"Modified spec.whole.q.r by kubectl edit",
	)
	r := b.compare(b.applied)
	live := b.live()
	r2, err := diff.Compare(t.Context(), diff.Input{Desired: b.git, Predicted: b.applied, Live: r.Target(live), Manager: manager})
	b.must(err)
	if !r2.Same() {
		t.Errorf("the target still differs: %v", r2.Changes)
	}
	b.heal()
}

// ServerSideApply=false: our own writes are client-side, and what people add counts all the same.
func TestClientSideMode(t *testing.T) {
	b := newBench(t, deployments, web)
	b.clientSide(manager)
	predicted := b.live()
	b.edit("kubectl-edit", `{"metadata":{"labels":{"new":"1"}},"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}}}}`)
	b.scale("kubectl", 4)
	var got []string
	for _, c := range b.compare(predicted).Changes {
		got = append(got, string(c.Kind)+" "+c.Path)
	}
	want := []string{"Added metadata.labels.new", "Modified spec.replicas", "Modified spec.template.spec.containers[name=web].image"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Without people's additions, kubectl's share of our fields is still taken, or what Git drops later would stay.
func TestTakeoverOfSharesOnly(t *testing.T) {
	b := newBench(t, deployments, web)
	b.clientSide("kubectl-client-side-apply")
	b.edit("kubectl-edit", `{"metadata":{"labels":{"by":"hand"}}}`)
	b.sync()
	for {
		live := b.live()
		entries, needed, err := diff.Takeover(t.Context(), live, manager, false, diff.Rules{})
		b.must(err)
		if !needed {
			break
		}
		body, err := json.Marshal([]map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
			{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		})
		b.must(err)
		if _, err = b.resource.Patch(t.Context(), "web", types.JSONPatchType, body, metav1.PatchOptions{FieldManager: manager}); err != nil && !apierrors.IsConflict(err) {
			t.Fatal(err)
		}
	}
	b.commit(strings.Replace(web, ", annotations: {team: shop}", "", 1))
	b.sync()
	live := b.live()
	if _, there := live.GetAnnotations()["team"]; there {
		t.Error("kubectl's share kept the annotation that Git dropped")
	}
	if live.GetLabels()["by"] != "hand" {
		t.Error("a person's addition was removed")
	}
	b.quiet()
}

// One tool restarted the Deployment and added a label: the label goes, the restart stays, or it would restart again.
func TestActionsStayWhenAdditionsGo(t *testing.T) {
	b := newBench(t, deployments, web)
	b.sync()
	const restarted = `{"kubectl.kubernetes.io/restartedAt":"2026-11-23T14:05:07Z","extra":"1"}`
	b.edit("kubectl-edit", `{"metadata":{"labels":{"new":"1"}},"spec":{"template":{"metadata":{"annotations":`+restarted+`}}}}`)
	b.want("Added metadata.labels.new by kubectl edit", "Added spec.template.metadata.annotations.extra by kubectl edit")
	b.heal()
	template, _, _ := unstructured.NestedStringMap(b.live().Object, "spec", "template", "metadata", "annotations")
	if d := cmp.Diff(map[string]string{"kubectl.kubernetes.io/restartedAt": "2026-11-23T14:05:07Z"}, template); d != "" {
		t.Error(d)
	}
}

// An object whose ownership was lost: the server gives it all to "before-first-apply" on our first apply. Its share of
// our fields must go, or it would keep alive what Git drops later.
func TestUnknownAuthors(t *testing.T) {
	b := newBench(t, deployments, web)
	b.clientSide("someone")
	b.patch("someone", types.JSONPatchType, `[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]`)
	b.sync()
	b.heal()
	b.commit(strings.Replace(web, ", annotations: {team: shop}", "", 1))
	b.applied = nil
	b.want("Added metadata.annotations.team by argocd-controller")
	b.heal()
	if _, there := b.live().GetAnnotations()["team"]; there {
		t.Error("the annotation that Git dropped is still there")
	}
}
