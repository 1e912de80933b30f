package reconcile

import (
	"context"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// refreshPoll is how soon it is seen that a refresh is over.
const refreshPoll = 25 * time.Millisecond

// Refresh asks for a new look and waits until it has been taken, as long as ctx allows: the annotation goes when the
// leading replica has looked. It returns the application as it is then. Any replica can ask.
func (a *Apps) Refresh(ctx context.Context, name types.NamespacedName, how v1alpha1.RefreshType) (*v1alpha1.Application, error) {
	app, err := a.Catalog.Application(name)
	if err != nil {
		return nil, err
	}
	if how != v1alpha1.RefreshHard {
		how = v1alpha1.RefreshNormal
	}
	if name := a.AgentOf(app); name != "" && a.shares.mine(a, app) {
		if state := a.Hub.State(name); !state.Connected {
			return nil, agent.Away(name, state)
		}
	}
	if why := a.frozen(app); why != "" { // nobody would look
		return nil, problem.New(problem.Invalid, "application %s is not looked at", app.Name).WithHint("%s", why)
	}
	if a.Alone { // each question is a new look
		a.alone.Lock()
		a.state(name).view = nil
		a.alone.Unlock()
		return app, nil
	}
	asked, err := a.Catalog.EditApplication(ctx, app, func(n *v1alpha1.Application) error {
		if n.Annotations == nil {
			n.Annotations = map[string]string{}
		}
		n.Annotations[v1alpha1.AnnotationRefresh] = string(how)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for uid := asked.UID; ; {
		app, err := a.Catalog.Application(name)
		switch {
		case err != nil:
			return nil, err
		case app.UID != uid:
			return nil, problem.New(problem.NotFound, "application %s does not exist any more", name)
		case app.Annotations[v1alpha1.AnnotationRefresh] == "":
			return app, nil
		}
		select {
		case <-time.After(refreshPoll):
		case <-ctx.Done():
			return nil, problem.Because(problem.Unavailable, ctx.Err(), "application %s has not been looked at yet", name.Name).
				WithHint("it is in the queue; does a replica lead?")
		}
	}
}
