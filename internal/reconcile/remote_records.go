package reconcile

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// annotationAgentRepositories on an agent's cluster says whose credentials of repositories it uses: those of the hub that
// its applications need (needed, the default), all that their projects may use (all), or only its own (none).
const annotationAgentRepositories = "hawser.dev/agent-repositories"

// selfRecord is the name of the record by which an agent knows its own cluster.
const selfRecord = "hawser-agent-cluster"

// sendEvery unites changes: what many people change in one moment is one comparison.
const sendEvery = 100 * time.Millisecond

// RunHub keeps what agents shall have what our records say, until ctx ends.
func (a *Apps) RunHub(ctx context.Context) {
	proofs := map[string]string{}
	a.wakeRemotes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.remotes.changed:
		}
		a.turnToAgents(proofs)
		select {
		case <-ctx.Done():
			return
		case <-time.After(sendEvery):
		}
	}
}

// turnToAgents hangs up on agents that may not be connected any more, and says what the others shall have. proofs are what
// agents proved themselves with when last looked at.
func (a *Apps) turnToAgents(proofs map[string]string) {
	defer func() {
		if r := recover(); r != nil { // they keep what they have
			a.Metrics.panics.Inc()
			a.Log.Error("what agents shall have cannot be said", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	agents := map[string]bool{}
	for _, k := range a.Catalog.Clusters() {
		if k.Agent == "" {
			continue
		}
		agents[k.Agent] = true
		if proof := a.Catalog.AgentVersion(k); proofs[k.Agent] != proof {
			if proofs[k.Agent] != "" {
				a.Hub.HangUp(k.Agent, "what it proves itself with has changed")
			}
			proofs[k.Agent] = proof
		}
	}
	maps.DeleteFunc(proofs, func(name, _ string) bool { return !agents[name] })
	a.Hub.Forget(agents)
	for name, records := range a.agentRecords() {
		a.Hub.Want(name, records)
	}
}

// agentRecords are the records that each agent shall have.
func (a *Apps) agentRecords() map[string][]agent.Record {
	clusters := map[string]catalog.Cluster{} // by agent
	for _, k := range a.Catalog.Clusters() {
		if k.Agent != "" {
			clusters[k.Agent] = k
		}
	}
	if len(clusters) == 0 {
		return nil
	}
	apps := map[string][]*v1alpha1.Application{}
	var doubtful []types.NamespacedName // it is not known whose they are: whoever has a copy keeps it as it is
	for _, app := range a.Catalog.Applications() {
		k, err := a.Catalog.Destination(app.Spec.Destination)
		switch {
		case err == nil && k.Agent != "":
			apps[k.Agent] = append(apps[k.Agent], app)
		case err != nil && !problem.Is(err, problem.NotFound):
			doubtful = append(doubtful, nameOf(app))
		}
	}
	for _, b := range a.Catalog.Broken() {
		doubtful = append(doubtful, nameOf(b.App))
	}
	out := map[string][]agent.Record{}
	for name, k := range clusters {
		list := a.sharedRecords(k, apps[name])
		for _, app := range apps[name] {
			list = append(list, a.applicationRecord(app))
		}
		for _, n := range doubtful {
			list = append(list, agent.Record{Key: a.keyFor(n)})
		}
		out[name] = list
	}
	a.remotes.mu.Lock()
	maps.DeleteFunc(a.remotes.records, func(n types.NamespacedName, _ madeRecord) bool {
		_, err := a.Catalog.Application(n)
		return problem.Is(err, problem.NotFound)
	})
	a.remotes.mu.Unlock()
	return out
}

func (a *Apps) recordKey(app *v1alpha1.Application) agent.Key { return a.keyFor(nameOf(app)) }

func (a *Apps) keyFor(n types.NamespacedName) agent.Key {
	k := agent.Key{Kind: v1alpha1.KindApplication, Name: n.Name}
	if n.Namespace != a.Namespace {
		k.Namespace = n.Namespace
	}
	return k
}

// notPassedOn are annotations that mean something only where they are, or are written at the other end.
var notPassedOn = []string{
	"kubectl.kubernetes.io/last-applied-configuration", v1alpha1.AnnotationRefresh, v1alpha1.AnnotationTrackingID, v1alpha1.AnnotationInstallationID,
	annotationRemoteOperation, annotationRemoteHold, v1alpha1.AnnotationHold, annotationInstalled,
}

// applicationRecord is what an agent shall have of an application.
func (a *Apps) applicationRecord(app *v1alpha1.Application) agent.Record {
	name := nameOf(app)
	a.remotes.mu.Lock()
	made, known := a.remotes.records[name]
	a.remotes.mu.Unlock()
	if known && made.app == app {
		return made.record
	}
	annotations := maps.Clone(app.Annotations)
	for _, key := range notPassedOn {
		delete(annotations, key)
	}
	labels := maps.Clone(app.Labels)
	if t := a.Catalog.Settings().Tracking; t.Method != "" && t.Method != "annotation" { // whose part it is here, is nothing there
		label := t.InstanceLabel
		if label == "" {
			label = object.DefaultInstanceLabel
		}
		delete(labels, label)
	}
	var finalizers []string
	for _, f := range app.Finalizers {
		if _, _, cascade := cascadeOf(&v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Finalizers: []string{f}}}); cascade {
			finalizers = append(finalizers, f)
		}
	}
	r := agent.Record{Key: a.recordKey(app), UID: string(app.UID), Deleting: app.DeletionTimestamp != nil}
	r.Deployed = r.Deleting && (len(app.Status.Resources) > 0 || len(app.Status.History) > 0)
	if app.Annotations[v1alpha1.AnnotationHold] == "" {
		r.LiftHold = app.Annotations[annotationRemoteHold]
	}
	if op := app.Status.OperationState; op != nil && op.Phase == v1alpha1.OperationTerminating {
		r.Terminate = began(op)
	}
	r.Body = mustJSON(map[string]any{
		"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.KindApplication, "spec": app.Spec,
		"metadata": map[string]any{"name": app.Name, "labels": labels, "annotations": annotations, "finalizers": finalizers},
	})
	if mark := operationMark(app); mark != "" && mark != "agent" && !r.Deleting {
		r.OperationID, r.Operation = mark, mustJSON(app.Operation)
	}
	a.remotes.mu.Lock()
	a.remotes.records[name] = madeRecord{app, r}
	a.remotes.mu.Unlock()
	return r
}

// mustJSON encodes plain values; none of ours fails.
func mustJSON(v any) json.RawMessage {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // it would make some records several times as large
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// sharedRecords are what an agent needs besides its applications: its own cluster, projects, settings, credentials.
func (a *Apps) sharedRecords(k catalog.Cluster, apps []*v1alpha1.Application) (list []agent.Record) {
	self := catalog.Fields{"server": k.Server, "name": k.Name, "project": k.Project, "namespaces": strings.Join(k.Namespaces, ","), "config": "{}"}
	if len(k.Namespaces) > 0 {
		self["clusterResources"] = strconv.FormatBool(k.ClusterResources)
	}
	labels, _ := k.ClusterLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[secretType] = "cluster"
	settings := a.Catalog.RawSettings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		list = append(list, rawRecord("ConfigMap", name, settings[name]))
	}
	projects := map[string]bool{}
	for _, app := range apps {
		projects[app.Spec.ProjectName()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(projects)) {
		p, err := a.Catalog.Project(name)
		if err != nil {
			if !problem.Is(err, problem.NotFound) { // there, and not to be understood now
				list = append(list, agent.Record{Key: agent.Key{Kind: v1alpha1.KindAppProject, Name: name}})
			}
			continue
		}
		list = append(list, projectRecord(p))
		globals, _ := a.Catalog.GlobalProjects(p)
		for _, g := range globals {
			if !projects[g.Name] {
				list = append(list, projectRecord(g))
			}
		}
	}
	secrets := a.Catalog.RawSecrets(a.credentialsFor(k, apps, projects))
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		list = append(list, rawRecord("Secret", name, secrets[name]))
	}
	// last, so that no other can take its name
	return append(list, rawRecord("Secret", selfRecord, catalog.Raw{Labels: labels, Data: self}))
}

const secretType = "argocd.argoproj.io/secret-type"

// credentialsFor names the Secrets of repositories that an agent gets. They are not credentials of its cluster: whoever
// renders needs them, and the agent renders. Whoever runs an agent can read what it gets. So it gets those of sources that
// their project permits, for applications that may go to it; and the agent of a project's cluster, which the project's people
// run, gets what is the project's own.
func (a *Apps) credentialsFor(k catalog.Cluster, apps []*v1alpha1.Application, projects map[string]bool) []string {
	var names []string
	switch k.Annotations[annotationAgentRepositories] {
	case "none":
		return nil
	case "all":
		names = a.Catalog.CredentialRecords(projects)
	default:
		names = a.credentialsNeeded(k, apps)
	}
	if k.Project != "" {
		names = a.Catalog.OfProject(names, k.Project)
	}
	return names
}

// credentialsNeeded names the Secrets of the repositories that applications name, and may have on that cluster.
func (a *Apps) credentialsNeeded(k catalog.Cluster, apps []*v1alpha1.Application) []string {
	names, compiled := map[string]bool{}, map[string]*project.Rules{}
	for _, app := range apps {
		of := app.Spec.ProjectName()
		rules, known := compiled[of]
		if !known {
			rules, _ = a.Catalog.Rules(of) // of one that cannot be understood, nothing is permitted
			compiled[of] = rules
		}
		target := project.Target{Server: k.Server, Name: k.Name, ClusterProject: k.Project, Namespace: app.Spec.Destination.Namespace}
		if rules == nil || rules.Application(app.Name, app.Namespace, a.Namespace) != nil || rules.Destination(target) != nil {
			continue
		}
		for _, s := range app.Spec.SourceList() {
			if rules.Source(s.RepoURL) == nil {
				r := a.Catalog.RepositoryFor(s.RepoURL, of)
				names[r.Record], names[r.Creds] = true, true
			}
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// rawRecord is a Secret or ConfigMap for an agent.
func rawRecord(kind, name string, raw catalog.Raw) agent.Record {
	data := map[string]string{}
	for key, value := range raw.Data {
		if kind == "Secret" {
			value = base64.StdEncoding.EncodeToString([]byte(value))
		}
		data[key] = value
	}
	return agent.Record{Key: agent.Key{Kind: kind, Name: name}, Body: mustJSON(map[string]any{
		"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name, "labels": raw.Labels}, "data": data,
	})}
}

// projectRecord is a project for an agent: what it permits, and nothing of the tokens of its roles.
func projectRecord(p *v1alpha1.AppProject) agent.Record {
	spec := p.DeepCopy().Spec
	spec.Roles = nil
	return agent.Record{Key: agent.Key{Kind: v1alpha1.KindAppProject, Name: p.Name}, UID: string(p.UID), Body: mustJSON(map[string]any{
		"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.KindAppProject, "spec": spec, "metadata": map[string]any{"name": p.Name, "labels": p.Labels},
	})}
}
