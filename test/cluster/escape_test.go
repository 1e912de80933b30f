package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/config"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// written lists what of the application is in the cluster, in any namespace: everything that Hawser applies is marked.
func (h *hawser) written(t *testing.T, name string) (list []string) {
	t.Helper()
	for _, r := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "secrets"}, {Version: "v1", Resource: "namespaces"}, {Version: "v1", Resource: "serviceaccounts"},
		{Group: "batch", Version: "v1", Resource: "jobs"}, {Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	} {
		all, err := h.Dynamic.Resource(r).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all.Items {
			if strings.HasPrefix(o.GetAnnotations()["argocd.argoproj.io/tracking-id"], name+":") {
				list = append(list, o.GetKind()+"/"+o.GetNamespace()+"/"+o.GetName())
			}
		}
	}
	return list
}

// Whatever way out of its project an application tries, it is refused before the first write, with the rule named.
func TestProjectEscapesAreRefusedBeforeTheFirstWrite(t *testing.T) {
	h := start(t)
	other := h.Namespace(t)
	in := func(namespace, manifest string) string {
		return strings.Replace(manifest, "metadata: {", "metadata: {namespace: "+namespace+", ", 1)
	}
	const clusterRole = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: hawser-escape}\nrules: []\n"
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: b}\n"
	sound := "destinations: [{server: https://kubernetes.default.svc, namespace: TARGET}], namespaceResourceBlacklist: [{group: '', kind: Secret}, {group: batch, kind: CronJob}]"
	for _, c := range []struct {
		name    string
		project string // the rest of the project's spec; sound when empty
		file    string // beside a harmless ConfigMap
		extra   string // of the application's spec
		sync    string // the inside of operation.sync
		want    string // the rule, in the operation's message or a condition
	}{
		{name: "a cluster-scoped kind that is not listed", file: clusterRole, want: "resource rbac.authorization.k8s.io:ClusterRole is not permitted in project PROJECT"},
		{name: "a kind on the blacklist", file: secret, want: "resource :Secret is not permitted in project PROJECT"},
		{name: "another namespace", file: in(other, strings.Replace(configMap, "settings", "away", 1)), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a namespace behind a negation", project: "destinations: [{server: '*', namespace: '*'}, {server: '*', namespace: '!OTHER'}]", file: in(other, strings.Replace(configMap, "settings", "away", 1)), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a namespace in an odd spelling", file: in(`"`+other+` "`, strings.Replace(configMap, "settings", "away", 1)), want: "is not a valid name"},
		{name: "a list within a list", file: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Secret, metadata: {name: keys}}\n", want: "resource :Secret is not permitted in project PROJECT"},
		{name: "a PreSync hook in another namespace", file: in(other, job("migrate", "PreSync", "", "true")), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a SyncFail hook in another namespace", file: in(other, job("tell", "SyncFail", "", "true")), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a hook with a generated name of a forbidden kind", file: "apiVersion: batch/v1\nkind: CronJob\nmetadata: {generateName: tick-, annotations: {argocd.argoproj.io/hook: PostSync}}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}\n", want: "resource batch:CronJob is not permitted in project PROJECT"},
		{name: "a Namespace in Git", file: "apiVersion: v1\nkind: Namespace\nmetadata: {name: hawser-escape}\n", want: "resource :Namespace is not permitted in project PROJECT"},
		{name: "another repository", project: "sourceRepos: ['https://git.example/**'], " + sound, want: "application repo REPO is not permitted in project 'PROJECT'"},
		{name: "a repository behind a negation", project: "sourceRepos: ['*', '!REPO'], " + sound, want: "application repo REPO is not permitted in project 'PROJECT'"},
		{name: "one of several sources", project: "sourceRepos: [REPO], " + sound, extra: `{"source": null, "sources": [{"repoURL": "REPO", "path": "."}, {"repoURL": "https://git.example/evil", "path": "."}]}`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "a source for its values only", project: "sourceRepos: [REPO], " + sound, extra: `{"source": null, "sources": [{"repoURL": "REPO", "path": "."}, {"repoURL": "https://git.example/evil", "ref": "values"}]}`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "another destination", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "OTHER"}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a destination that CreateNamespace would make", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "OTHER-new"}, "syncPolicy": {"syncOptions": ["CreateNamespace=true"]}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a cluster by its name", project: "destinations: [{server: https://elsewhere.example, namespace: '*'}]", extra: `{"destination": {"name": "in-cluster", "namespace": "TARGET"}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a cluster that is not the project's", project: "permitOnlyProjectScopedClusters: true, destinations: [{server: '*', namespace: '*'}]", want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a rollback to a source of looser times", project: "sourceRepos: [REPO], " + sound, sync: `"source": {"repoURL": "https://git.example/evil", "path": "."}`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "manifests that come with the operation", sync: `"manifests": ["{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"keys\"}}"]`, want: "resource :Secret is not permitted in project PROJECT"},
		{name: "options and force", file: secret, sync: `"syncOptions": ["Replace=true", "Force=true", "Validate=false", "ServerSideApply=false"], "syncStrategy": {"apply": {"force": true}}`, want: "resource :Secret is not permitted in project PROJECT"},
		{name: "a project that does not exist", extra: `{"project": "nowhere"}`, want: "Application referencing project nowhere which does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			short := strings.ToLower(strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
					return r
				}
				return '-'
			}, c.name))
			short = strings.Trim(short[:min(30, len(short))], "-")
			files := map[string]string{"cm.yaml": configMap}
			if c.file != "" {
				files["escape.yaml"] = c.file
			}
			repo := h.git.Repo(t, short, files)
			name := h.name(short)
			fill := strings.NewReplacer("REPO", repo.URL, "OTHER", other, "TARGET", h.target, "PROJECT", name).Replace
			rules := c.project
			if rules == "" {
				rules = sound
			}
			if !strings.Contains(rules, "sourceRepos") {
				rules = "sourceRepos: ['*'], " + rules
			}
			h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: %s}\nspec: {%s}\n", name, fill(rules)))
			extra := c.extra
			if extra == "" {
				extra = "{}"
			}
			extra = strings.Replace(extra, "{", `{"project": "PROJECT", `, 1)
			if strings.Contains(c.extra, `"project"`) {
				extra = c.extra
			}
			h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: fill(strings.ReplaceAll(extra, `"project": "PROJECT", }`, `"project": "PROJECT"}`))})
			h.wait(t, name, func(a *v1alpha1.Application) string {
				if a.Status.ReconciledAt == nil {
					return "not looked at"
				}
				return ""
			})
			a := h.sync(t, name, fill(c.sync))
			op := a.Status.OperationState
			if op.Phase != v1alpha1.OperationFailed && op.Phase != v1alpha1.OperationError || !strings.Contains(op.Message, fill(c.want)) {
				t.Errorf("operation %s\nwant the rule: %s", phase(a), fill(c.want))
			}
			if list := h.written(t, name); len(list) > 0 {
				t.Errorf("written all the same: %v", list)
			}
		})
	}
}

// An application in another namespace is looked at only when that is asked for, and then permitted by its project only.
func TestApplicationsInOtherNamespaces(t *testing.T) {
	h := prepare(t)
	tenant, stranger := h.Namespace(t), h.Namespace(t)
	h.run(t, func(c *config.Config) { c.ApplicationNamespaces = []string{tenant[:len(tenant)-2] + "*"} })
	repo := h.git.Repo(t, "tenant", map[string]string{"cm.yaml": configMap})
	h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: tenants}\nspec: {sourceRepos: ['*'], sourceNamespaces: [%s], destinations: [{server: '*', namespace: %s}]}\n", tenant, h.target))
	manifest := func(name, namespace, project string) string {
		return fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: %s}\nspec: {project: %s, source: {repoURL: %s, path: ., targetRevision: main}, destination: {server: https://kubernetes.default.svc, namespace: %s}, syncPolicy: {automated: {}}}\n",
			name, namespace, project, repo.URL, h.target)
	}
	h.Apply(t, "", manifest("mine", tenant, "tenants"))
	h.Apply(t, "", manifest("greedy", tenant, "default")) // a project that does not name the namespace
	h.Apply(t, "", manifest("mine", stranger, "tenants"))
	at := &hawser{Cluster: h.Cluster, control: tenant, target: h.target}
	at.wait(t, "mine", synced(repo.Head(t)))
	if id := h.Get(t, "v1", "ConfigMap", h.target, "settings").GetAnnotations()["argocd.argoproj.io/tracking-id"]; !strings.HasPrefix(id, tenant+"_mine:") {
		t.Errorf("tracking id %s", id)
	}
	at.wait(t, "greedy", condition(v1alpha1.ConditionInvalidSpecError, fmt.Sprintf("application 'greedy' in namespace '%s' is not allowed to use project default", tenant)))
	time.Sleep(2 * time.Second)
	at.control = stranger
	if a := at.get(t, "mine"); a.Status.ReconciledAt != nil {
		t.Errorf("an application in a namespace that is not ours was looked at: %+v", a.Status)
	}
}
