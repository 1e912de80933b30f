package plan

import (
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

func TestDecideResumesFromTheJournal(t *testing.T) {
	in := Input{Desired: objects("ConfigMap a", "Deployment web"), Health: func(*object.Object) Health { return Health{Healthy: true} }, Known: func(object.Key) bool { return true }}
	in.Journal = Journal{{Key: object.KeyOf(in.Desired[0])}: {v1alpha1.ResultSynced, "created", v1alpha1.OperationRunning}}
	next := Decide(in)
	if len(next.Steps) != 1 || next.Steps[0].Key.Name != "web" || next.Steps[0].DryRun {
		t.Errorf("steps %+v", next.Steps)
	}
}
