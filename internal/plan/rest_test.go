package plan

import (
	"testing"

	"github.com/hawser-cd/hawser/internal/object"
)

// What sleeps has no pods that something scales; what is not scaled is left alone, and hooks are.
func TestRested(t *testing.T) {
	for name, c := range map[string][2]string{
		"a workload":                {`{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: 3}}`, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: 0}}`},
		"one without replicas":      {`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x}, spec: {serviceName: y}}`, `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x}, spec: {serviceName: y, replicas: 0}}`},
		"one of a controller":       {`{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: x}}`, `{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: x}, spec: {replicas: 0}}`},
		"a schedule":                {`{apiVersion: batch/v1, kind: CronJob, metadata: {name: x}, spec: {suspend: false}}`, `{apiVersion: batch/v1, kind: CronJob, metadata: {name: x}, spec: {suspend: true}}`},
		"what would scale up again": {`{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: x}}`, `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: x, annotations: {autoscaling.keda.sh/paused-replicas: "0"}}}`},
		"a child":                   {`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: x}}`, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: x, annotations: {hawser.dev/asleep: "true"}}}`},
		"another group's":           {`{apiVersion: example.com/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: 3}}`, ``},
		"what is not scaled":        {`{apiVersion: v1, kind: Pod, metadata: {name: x}}`, ``},
		"a hook":                    {`{apiVersion: apps/v1, kind: Deployment, metadata: {name: x, annotations: {argocd.argoproj.io/hook: Sync}}, spec: {replicas: 3}}`, ``},
		"no manifest":               {`{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: [1]}`, ``},
	} {
		parse := func(text string) *object.Object {
			items, err := object.Parse([]byte(text), name)
			if err != nil || len(items) != 1 {
				t.Fatal(name, err)
			}
			return items[0].Object
		}
		o, was := parse(c[0]), object.Hash(parse(c[0]).Object)
		got, want := Rested(o), o
		if c[1] != "" {
			want = parse(c[1])
		}
		if object.Hash(got.Object) != object.Hash(want.Object) {
			t.Errorf("%s: %v", name, got.Object)
		}
		if object.Hash(o.Object) != was {
			t.Errorf("%s: what was given was changed", name)
		}
	}
}
