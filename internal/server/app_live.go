package server

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/action"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (c *call) resource(group, kind, namespace, name, version string) reconcile.Resource {
	return reconcile.Resource{Application: nameOf(c.app), Key: object.Key{Group: group, Kind: kind, Namespace: namespace, Name: name}, Version: version}
}

func (s *server) getResource(c *call, q *argocd.ApplicationResourceRequest) (*argocd.ApplicationResourceResponse, error) {
	data, err := s.Apps.GetResource(c, c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version))
	if err != nil {
		return nil, err
	}
	return &argocd.ApplicationResourceResponse{Manifest: string(data)}, nil
}

func (s *server) patchResource(c *call, q *argocd.ApplicationResourcePatchRequest) (*argocd.ApplicationResourceResponse, error) {
	data, err := s.Apps.PatchResource(c, reconcile.PatchRequest{
		Resource: c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version), Type: types.PatchType(q.PatchType), Patch: []byte(q.Patch), By: c.by(),
	})
	if err != nil {
		return nil, err
	}
	return &argocd.ApplicationResourceResponse{Manifest: string(data)}, nil
}

func (s *server) deleteResource(c *call, q *argocd.ApplicationResourceDeleteRequest) (*argocd.ApplicationResponse, error) {
	err := s.Apps.DeleteResource(c, reconcile.DeleteRequest{
		Resource: c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version), Force: q.Force, Orphan: q.Orphan, By: c.by(),
	})
	if err != nil {
		return nil, err
	}
	return &argocd.ApplicationResponse{}, nil
}

func (s *server) listResourceActions(c *call, q *argocd.ApplicationResourceRequest) (*argocd.ResourceActionsListResponse, error) {
	discover := func() ([]action.Action, error) {
		return s.Apps.Actions(c, c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version))
	}
	if c.isItself(q.Group, q.Kind, q.ResourceName) {
		discover = func() ([]action.Action, error) { return s.Apps.OwnActions(c, c.app) }
	}
	list, err := discover()
	if err != nil {
		return nil, err
	}
	res := &argocd.ResourceActionsListResponse{}
	for _, a := range list {
		action := argocd.ResourceAction{Name: a.Name, Disabled: a.Disabled, IconClass: a.IconClass, DisplayName: a.DisplayName}
		for _, p := range a.Params {
			action.Params = append(action.Params, argocd.ResourceActionParam{Name: p.Name})
		}
		res.Actions = append(res.Actions, action)
	}
	return res, nil
}

func (s *server) runResourceAction(c *call, q *argocd.ResourceActionRunRequest) (*argocd.ApplicationResponse, error) {
	return s.runResourceActionV2(c, &argocd.ResourceActionRunRequestV2{
		Namespace: q.Namespace, ResourceName: q.ResourceName, Version: q.Version, Group: q.Group, Kind: q.Kind, Action: q.Action,
	})
}

// runResourceActionV2 runs an action; the rule has asked for that one.
func (s *server) runResourceActionV2(c *call, q *argocd.ResourceActionRunRequestV2) (*argocd.ApplicationResponse, error) {
	params := map[string]string{}
	for _, p := range q.ResourceActionParameters {
		params[p.Name] = p.Value
	}
	r := reconcile.ActionRequest{Resource: c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version), Action: q.Action, Params: params, By: c.by()}
	run := s.Apps.RunAction
	if c.isItself(q.Group, q.Kind, q.ResourceName) {
		run = func(_ context.Context, r reconcile.ActionRequest) error { return s.runOwnAction(c, r) }
	}
	if err := run(c, r); err != nil {
		return nil, err
	}
	return &argocd.ApplicationResponse{}, nil
}

// isItself reports whether a request for an object of the application means the application: Argo CD's command lists the
// actions of it among those of its objects.
func (c *call) isItself(group, kind, name string) bool {
	return group == v1alpha1.Group && kind == v1alpha1.KindApplication && name == c.app.Name
}

// runOwnAction changes the application as an action says: what people decide of it, and nothing else.
func (s *server) runOwnAction(c *call, r reconcile.ActionRequest) error {
	app, err := s.edit(c, c.app, func(n *v1alpha1.Application) error {
		patch, err := s.Apps.OwnAction(c, n, r)
		if err != nil {
			return err
		}
		want, err := patched(n, func(doc []byte) ([]byte, error) { return jsonpatch.MergePatch(doc, patch) })
		if err != nil {
			return err
		}
		if want.Spec.Project != n.Spec.Project && want.Spec.Project != n.Spec.ProjectName() {
			return problem.New(problem.Forbidden, "an action cannot move an application to another project")
		}
		n.Spec, n.Labels, n.Annotations, n.Finalizers = want.Spec, want.Labels, want.Annotations, want.Finalizers
		return nil
	})
	if err != nil {
		return err
	}
	s.tell(c, app, v1alpha1.EventResourceActionRan, "ran action "+r.Action+" on the application")
	return nil
}

// onAction permits those who may see the application and run that action on objects of that kind.
func onAction[Req any](ref func(*Req) appRef, action func(*Req) (group, kind, name string)) rule[Req] {
	return rule[Req]{declared{rbac.Applications, rbac.Act, single}, func(c *call, r *Req) (err error) {
		if c.app, err = c.application(ref(r)); err != nil {
			return err
		}
		group, kind, name := action(r)
		return c.must(rbac.Applications, rbac.ActionOn(group, kind, name), c.s.object(c.app))
	}}
}

// podLogs sends the lines of the pods that a query means: of one pod, of all pods of a workload, or of the application.
func (s *server) podLogs(c *call, q *argocd.ApplicationPodLogsQuery, send func(*argocd.LogEntry) error) error {
	r := reconcile.LogRequest{
		Application: nameOf(c.app),
		Resource:    object.Key{Group: q.Group, Kind: q.Kind, Namespace: q.Namespace, Name: q.ResourceName},
		Container:   q.Container, Follow: q.Follow, Previous: q.Previous, Tail: q.TailLines, Filter: q.Filter, MatchCase: q.MatchCase,
		MaxPods: int(s.Catalog.Settings().Server.MaxPodLogs), Watch: reconcile.Watch{Allowed: s.stillApp(c, rbac.Logs, rbac.Get)},
	}
	if q.PodName != "" {
		r.Resource = object.Key{Kind: "Pod", Namespace: q.Namespace, Name: q.PodName}
	}
	switch {
	case q.SinceSeconds > 0:
		r.Since = time.Now().Add(-time.Duration(q.SinceSeconds) * time.Second)
	case q.SinceTime != nil:
		r.Since = q.SinceTime.Time
	}
	if q.UntilTime != "" {
		until, err := time.Parse(time.RFC3339Nano, q.UntilTime)
		if err != nil {
			return problem.New(problem.Invalid, "invalid untilTime parameter value: %q is not a time like 2006-01-02T15:04:05Z", clip(q.UntilTime))
		}
		r.Until = until
	}
	ctx, end := s.whileAllowed(c, rbac.Applications, rbac.Get)
	defer end()
	return s.Apps.Logs(ctx, r, func(l reconcile.LogLine) error {
		return send(&argocd.LogEntry{
			Content: l.Content, TimeStamp: &metav1.Time{Time: l.Time}, Last: l.Last, TimeStampStr: l.Time.UTC().Format(time.RFC3339Nano),
			PodName: cmp.Or(l.Pod, q.PodName), Container: l.Container,
		})
	})
}

func jsonText(v any) string {
	if v == nil {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
