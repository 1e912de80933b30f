package reconcile

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ExecRequest runs a command in a container of an application's pod. The streams are used from goroutines of their own;
// Stdin is to be closed when the command has ended.
type ExecRequest struct {
	Application types.NamespacedName
	Namespace   string
	Pod         string
	Container   string // empty: the first
	Command     []string
	Stdin       io.Reader // nil: none
	Stdout      io.Writer
	Stderr      io.Writer // not used with TTY
	TTY         bool
	Sizes       <-chan TerminalSize
	By          string
	Watch
}

// TerminalSize is in characters.
type TerminalSize = cluster.TerminalSize

// eventExec is the reason of the event that tells of a session.
const eventExec = "PodExec"

// Exec runs the command until it ends, and returns its exit code. That it is switched on at all, and which shells may
// be named, is for the caller to check; whether the pod is the application's is checked here, now and every half minute.
func (a *Apps) Exec(ctx context.Context, r ExecRequest) (int, error) {
	ctx, leave, err := a.hold(ctx, r.Application)
	if err != nil {
		return 0, err
	}
	defer leave()
	if len(r.Command) == 0 {
		return 0, problem.New(problem.Invalid, "there is no command to run")
	}
	key := object.Key{Kind: "Pod", Namespace: r.Namespace, Name: r.Pod}
	app, v, uid, err := a.actionable(Resource{Application: r.Application, Key: key})
	if err != nil {
		return 0, err
	}
	pod, ok := v.cluster.Get(key)
	if !ok || pod.GetUID() != uid {
		return 0, problem.New(problem.NotFound, "pod %s has just gone", r.Pod).WithHint("ask again")
	}
	names := containersOf(pod)
	if r.Container == "" && len(names) > 0 {
		r.Container = names[0]
		if list := mapsAt(pod.Object, "spec", "containers"); len(list) > 0 { // not one that only starts the pod
			r.Container = textAt(list[0], "name")
		}
	}
	if !slices.Contains(names, r.Container) {
		return 0, problem.New(problem.NotFound, "pod %s has no container %q", r.Pod, r.Container)
	}
	ctx, stop := a.watchOver(ctx, r.Watch, r.Application, func() []*object.Object { return []*object.Object{pod} })
	defer stop()
	who := r.By
	if who == "" {
		who = "Unknown user"
	}
	a.Catalog.Event(app, "Normal", eventExec, fmt.Sprintf("%s opened a session in container %s of pod %s/%s", who, r.Container, r.Namespace, r.Pod))
	a.Log.Info("session opened", "application", r.Application.String(), "pod", key.String(), "container", r.Container, "by", who)
	code, err := a.writer(v).Exec(ctx, cluster.ExecRequest{Pod: key, Container: r.Container, Command: r.Command,
		Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr, TTY: r.TTY, Sizes: r.Sizes})
	a.Log.Info("session closed", "application", r.Application.String(), "pod", key.String(), "container", r.Container, "by", who)
	return code, cmpCause(ctx, err)
}

// EventRequest names what events are asked of. Without a name it is the application itself.
type EventRequest struct {
	Application     types.NamespacedName
	UID             types.UID
	Namespace, Name string
}

// Events returns the Kubernetes events of an application, or of an object in its tree. Those of the application any
// replica can tell.
func (a *Apps) Events(ctx context.Context, r EventRequest) ([]corev1.Event, error) {
	app, err := a.Catalog.Application(r.Application)
	if err != nil {
		return nil, err
	}
	if r.Name == "" && r.UID == "" {
		return a.Catalog.Events(ctx, v1alpha1.KindApplication, app.Namespace, app.Name, string(app.UID))
	}
	_, v, err := a.seen(ctx, r.Application)
	if err != nil {
		return nil, err
	}
	tree := a.tree(ctx, app, v)
	is := func(n Node) bool {
		return n.UID == r.UID && n.Key.Name == r.Name && n.Key.Namespace == r.Namespace && n.UID != ""
	}
	if i := slices.IndexFunc(tree.Orphans, is); i >= 0 {
		return v.cluster.Events(ctx, tree.Orphans[i].Key, r.UID)
	}
	if i := slices.IndexFunc(tree.Nodes, is); i >= 0 { // being shown is no proof: a mark is enough for that
		key := tree.Nodes[i].Key
		if _, _, _, err := a.actionable(Resource{Application: r.Application, Key: key}); err != nil {
			return nil, err
		}
		return v.cluster.Events(ctx, key, r.UID)
	}
	return nil, problem.New(problem.NotFound, "%s not found as part of application %s", r.Name, app.Name)
}
