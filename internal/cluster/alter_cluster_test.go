package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// sailors is a CRD whose kind keeps its status in a subresource, or does not.
func sailors(plural, subresources string) string {
	kind := strings.ToUpper(plural[:1]) + plural[1:len(plural)-1]
	return fmt.Sprintf(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: %[1]s.alter.hawser.dev}, spec: {group: alter.hawser.dev, scope: Namespaced, names: {kind: %[2]s, plural: %[1]s},
  versions: [{name: v1, served: true, storage: true, %[3]s schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`, plural, kind, subresources)
}

func TestAlterWritesTheStatusWhereTheKindKeepsIt(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	for plural, subresources := range map[string]string{"mates": "subresources: {status: {}},", "boys": ""} {
		k.Apply(t, "", sailors(plural, subresources))
	}
	c, _ := open(t, k.Config, nil)
	for _, kind := range []string{"Mate", "Boy"} {
		o := k.Apply(t, ns, "{apiVersion: alter.hawser.dev/v1, kind: "+kind+", metadata: {name: a, annotations: {old: x}}, spec: {a: 1, list: [1, 2]}}")[0]
		asked := 0
		created, err := c.Writer(anything).Alter(t.Context(), cluster.AlterRequest{Key: object.KeyOf(o), UID: o.GetUID(), Manager: "alterer", Decide: func(live *object.Object) (cluster.Alteration, error) {
			if asked++; asked == 1 { // somebody is faster: what was decided upon is no more
				k.Patch(t, "other", "alter.hawser.dev/v1", kind, ns, "a", `{"spec":{"b":"theirs"}}`)
			}
			return cluster.Alteration{
				Patch:  map[string]any{"metadata": map[string]any{"annotations": map[string]any{"old": nil, "new": "y"}}, "spec": map[string]any{"a": nil}},
				Status: map[string]any{"status": map[string]any{"phase": "Altered"}},
				Create: []*object.Object{parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-, namespace: "+ns+"}}")},
			}, nil
		}})
		if err != nil || asked != 2 || len(created) != 1 || !strings.HasPrefix(created[0].Name, "made-") {
			t.Fatalf("%s: %v, asked %d times, created %v", kind, err, asked, created)
		}
		live := k.Get(t, "alter.hawser.dev/v1", kind, ns, "a")
		if a := live.GetAnnotations(); len(a) != 1 || a["new"] != "y" || field(live, "spec", "b") != "theirs" || field(live, "spec", "a") != nil || field(live, "status", "phase") != "Altered" {
			t.Errorf("%s: %v", kind, live.Object)
		}
	}
}

func TestAlterWritesNothingInVain(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	o := k.Apply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b}}")[0]
	changes := map[string]any{"data": map[string]any{"a": "c"}}
	decide := func(a cluster.Alteration) func(*object.Object) (cluster.Alteration, error) {
		return func(*object.Object) (cluster.Alteration, error) { return a, nil }
	}
	create := func(text string) []*object.Object {
		return []*object.Object{parse(t, strings.ReplaceAll(text, "NS", ns))}
	}
	notSecrets := func(key object.Key) error {
		if key.Kind == "Secret" {
			return problem.New(problem.Forbidden, "no secrets")
		}
		return nil
	}
	good := cluster.AlterRequest{Key: object.KeyOf(o), UID: o.GetUID(), Decide: decide(cluster.Alteration{Patch: changes})}
	for name, test := range map[string]struct {
		change func(*cluster.AlterRequest)
		kind   problem.Kind
		says   string
	}{
		"no object named": {func(r *cluster.AlterRequest) { r.UID = "" }, problem.Invalid, "UID"},
		"another object":  {func(r *cluster.AlterRequest) { r.UID = "x" }, problem.NotFound, "another object"},
		"no object":       {func(r *cluster.AlterRequest) { r.Key.Name = "b" }, problem.NotFound, "is gone"},
		"decided against": {func(r *cluster.AlterRequest) {
			r.Decide = func(*object.Object) (cluster.Alteration, error) {
				return cluster.Alteration{Patch: changes}, problem.New(problem.Limit, "enough")
			}
		}, problem.Limit, "enough"},
		"not permitted": {func(r *cluster.AlterRequest) {
			r.Decide = decide(cluster.Alteration{Patch: changes, Create: create("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: NS}}")})
		}, problem.Forbidden, "no secrets"},
		"there already": {func(r *cluster.AlterRequest) {
			r.Decide = decide(cluster.Alteration{Patch: changes, Create: create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: NS}}")})
		}, problem.Invalid, "already exists"},
		"not to be created": {func(r *cluster.AlterRequest) {
			r.Decide = decide(cluster.Alteration{Patch: changes, Create: create("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: NS}, spec: {containers: []}}")})
		}, problem.Invalid, "containers"},
	} {
		r := good
		test.change(&r)
		if _, err := c.Writer(notSecrets).Alter(t.Context(), r); !problem.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if live := k.Get(t, "v1", "ConfigMap", ns, "a"); live.GetResourceVersion() != o.GetResourceVersion() {
			t.Fatalf("%s: it was written", name)
		}
	}
	if _, err := c.Writer(notSecrets).Alter(t.Context(), good); err != nil || field(k.Get(t, "v1", "ConfigMap", ns, "a"), "data", "a") != "c" {
		t.Error(err)
	}
}
