package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/action"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// Resource names one live object of an application.
type Resource struct {
	Application types.NamespacedName
	Key         object.Key
	Version     string // API version in which scripts see it; empty: the preferred one
}

// ActionRequest asks for one action.
type ActionRequest struct {
	Resource
	Action string
	Params map[string]string
	By     string // who asks, for the event
}

// skills is the actions of one value of the settings, compiled.
type skills struct {
	settings *catalog.Settings
	actions  *action.Actions
}

// actions returns the actions in force: built in, and those of the settings.
func (a *Apps) actions() *action.Actions {
	s := a.Catalog.Settings()
	if known := a.skills.Load(); known != nil && known.settings == s {
		return known.actions
	}
	actions, problems := action.New(s.Actions)
	for _, p := range problems {
		a.Log.Warn("resource action not understood", "error", p)
	}
	a.skills.Store(&skills{s, actions})
	return actions
}

// Actions lists what can be done with a live object of an application.
func (a *Apps) Actions(ctx context.Context, r Resource) ([]action.Action, error) {
	if err := a.ours(r.Application); err != nil {
		return nil, err
	}
	_, v, uid, err := a.actionable(r)
	if err != nil {
		return nil, err
	}
	live, err := a.fetchSame(ctx, v, r, uid)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	return a.actions().Discover(ctx, live, time.Now())
}

// RunAction does one thing with a live object of an application: it patches the object, as an action's script says, and
// creates others. What Git says of the fields it writes stays true: self-heal undoes a scaling of replicas that Git
// fixes, and leaves a restart alone.
func (a *Apps) RunAction(ctx context.Context, r ActionRequest) error {
	ctx, leave, err := a.hold(ctx, r.Application)
	if err != nil {
		return err
	}
	defer leave()
	app, v, uid, err := a.actionable(r.Resource)
	if err != nil {
		return err
	}
	created, err := a.writer(v).Alter(ctx, cluster.AlterRequest{Key: r.Key, Version: r.Version, UID: uid, Manager: v1alpha1.ActionFieldManager,
		Decide: func(live *object.Object) (cluster.Alteration, error) { return a.alteration(ctx, live, r) }})
	a.Metrics.request("patch")
	if err != nil {
		return err
	}
	who := r.By
	if who == "" {
		who = "Unknown user"
	}
	text := fmt.Sprintf("%s ran action %s on resource %s/%s/%s", who, r.Action, r.Key.Group, r.Key.Kind, r.Key.Name)
	for _, key := range created {
		text += ", which created " + key.Short()
	}
	a.Catalog.Event(app, "Normal", v1alpha1.EventResourceActionRan, text)
	a.Log.Info("action ran", "application", r.Application.String(), "resource", r.Key.String(), "action", r.Action, "by", who)
	return nil
}

// alteration has the action's script say what is to be written.
func (a *Apps) alteration(ctx context.Context, live *object.Object, r ActionRequest) (cluster.Alteration, error) {
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	changes, err := a.actions().Run(ctx, live, action.Request{Action: r.Action, Params: r.Params, Now: time.Now()})
	var all cluster.Alteration
	for _, c := range changes {
		if c.Operation == action.Create {
			all.Create = append(all.Create, c.Object)
		} else {
			all.Patch, all.Status = c.PatchOf(live)
		}
	}
	return all, err
}

// OwnActions lists what can be done with an application itself.
func (a *Apps) OwnActions(ctx context.Context, app *v1alpha1.Application) ([]action.Action, error) {
	self, err := selfOf(app)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	return a.actions().Discover(ctx, self, time.Now())
}

// OwnAction returns what an action makes of an application, as a JSON merge patch. Nothing is written: who may change an
// application is decided where that is done. An action that would create something, or write the status, is refused.
func (a *Apps) OwnAction(ctx context.Context, app *v1alpha1.Application, r ActionRequest) ([]byte, error) {
	self, err := selfOf(app)
	if err != nil {
		return nil, err
	}
	all, err := a.alteration(ctx, self, r)
	if err != nil {
		return nil, err
	}
	if all.Patch == nil {
		all.Patch = map[string]any{}
	}
	if len(all.Create) > 0 || all.Status != nil {
		return nil, problem.New(problem.Unsupported, "action %q would do more to the application than change it", r.Action)
	}
	data, err := json.Marshal(all.Patch)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write the patch of action %q", r.Action)
	}
	return data, nil
}

// selfOf is an application as scripts see objects.
func selfOf(app *v1alpha1.Application) (*object.Object, error) {
	app = app.DeepCopy()
	app.APIVersion, app.Kind = v1alpha1.APIVersion, v1alpha1.KindApplication
	data, err := json.Marshal(app)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write application %s as JSON", app.Name)
	}
	o := &object.Object{}
	if err := o.UnmarshalJSON(data); err != nil {
		return nil, problem.Because(problem.Internal, err, "read application %s as an object", app.Name)
	}
	return o, nil
}

// actionable finds a live object that belongs to the application: one that it applied, by its inventory, or one that
// such an object owns. That something is marked as the application's proves nothing: anybody can do that.
func (a *Apps) actionable(r Resource) (*v1alpha1.Application, *view, types.UID, error) {
	app, err := a.Catalog.Application(r.Application)
	if err != nil {
		return nil, nil, "", err
	}
	v := &view{spec: specOf(app), at: time.Now()}
	if a.destination(v); v.cluster == nil {
		why := "its destination is not to be had"
		if len(v.notes) > 0 {
			why = v.notes[0].Message
		}
		return nil, nil, "", problem.New(problem.Unavailable, "%s of application %s cannot be reached: %s", r.Key.Short(), app.Name, why)
	}
	if err := a.permit(v)(r.Key); err != nil {
		return nil, nil, "", err
	}
	foreign := problem.New(problem.NotFound, "%s %s %s not found as part of application %s", r.Key.Kind, r.Key.Group, r.Key.Name, app.Name).
		WithHint("actions reach what the application has applied, and what that owns; a label or an annotation is no proof of it")
	live, known := v.cluster.Get(r.Key)
	if !known {
		if err := v.cluster.KindErr(r.Key.GroupKind()); problem.Is(err, problem.Unavailable) {
			return nil, nil, "", err
		}
		return nil, nil, "", foreign
	}
	recorded := a.applied(app, v)
	for _, o := range append([]*object.Object{live}, v.cluster.Ancestors(r.Key)...) {
		if uid := recorded[object.KeyOf(o)]; uid != "" && uid == o.GetUID() {
			return app, v, live.GetUID(), nil
		}
	}
	return nil, nil, "", foreign
}
