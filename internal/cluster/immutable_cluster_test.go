package cluster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestImmutableFieldsAreNamed(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	const pod = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1'}]}}"
	for name, test := range map[string]struct{ manifest, from, to, field string }{
		"Deployment selector": {"{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, " + pod + "}}", "a: b", "a: x", "spec.selector"},
		"StatefulSet":         {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {serviceName: one, selector: {matchLabels: {a: b}}, " + pod + "}}", "serviceName: one", "serviceName: two", "spec.serviceName"},
		"Job":                 {"{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'i:1'}]}}}}", "i:1", "i:2", "spec.template"},
		"claim":               {"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: p}, spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}}", "fast", "slow", "spec.storageClassName"},
		"Service":             {"{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: 10.96.0.76, ports: [{port: 80}]}}", "10.96.0.76", "10.96.0.77", "spec.clusterIPs[0]"},
		"RoleBinding":         {"{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}", "view", "edit", "roleRef"},
		"StorageClass":        {"{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: " + ns + "}, provisioner: x.test/p, parameters: {a: first}}", "first", "second", "parameters"},
		"PriorityClass":       {"{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: " + ns + "}, value: 7}", "value: 7", "value: 8", "value"},
		"ConfigMap":           {"{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, immutable: true, data: {a: one}}", "one", "two", "data"},
		"Secret":              {"{apiVersion: v1, kind: Secret, metadata: {name: s}, immutable: true, stringData: {a: canary-one}}", "canary-one", "canary-two", "data"},
		"Secret type":         {"{apiVersion: v1, kind: Secret, metadata: {name: t}, type: example.com/canary-one}", "canary-one", "canary-two", "type"},
		"Pod":                 {"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: nowhere, containers: [{name: c, image: 'i:1', command: [one]}]}}", "command: [one]", "command: [two]", "spec.containers[name=c].command"},
	} {
		t.Run(name, func(t *testing.T) {
			o := tracked(t, "fixed-"+ns, ns, test.manifest)
			a, err := w.Apply(t.Context(), cluster.ApplyRequest{Object: o})
			if err != nil {
				t.Fatal(err)
			}
			if a.Object.GetNamespace() == "" {
				defer k.Delete(t, "", test.manifest)
			}
			o = tracked(t, "fixed-"+ns, ns, strings.ReplaceAll(test.manifest, test.from, test.to))
			_, err = w.Apply(t.Context(), cluster.ApplyRequest{Object: o})
			var r *cluster.Refusal
			if !errors.As(err, &r) {
				t.Fatalf("not refused: %v", err)
			}
			if !r.Immutable || !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "Force=true") {
				t.Errorf("immutable %v, %v: %v", r.Immutable, problem.KindOf(err), err)
			}
			if !slices.Contains(r.Fields, test.field) || !strings.Contains(err.Error(), test.field) {
				t.Errorf("%s is not named, but %v: %v", test.field, r.Fields, err)
			}
			if text := err.Error(); strings.Contains(text, "canary") || strings.Contains(text, "Y2Fu") || len(text) > 700 {
				t.Errorf("it quotes the content: %s", text)
			}
		})
	}
}
