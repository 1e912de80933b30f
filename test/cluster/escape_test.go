package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// written lists what of the application is in the cluster, in any namespace, and whatever else lies in the given ones
// that was not born with them: everything that Hawser applies is marked, but for the namespaces that it makes.
func (h *hawser) written(t *testing.T, name string, namespaces ...string) (list []string) {
	t.Helper()
	for _, r := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "secrets"}, {Version: "v1", Resource: "namespaces"}, {Version: "v1", Resource: "serviceaccounts"},
		{Group: "batch", Version: "v1", Resource: "jobs"}, {Group: "batch", Version: "v1", Resource: "cronjobs"}, {Group: "apps", Version: "v1", Resource: "deployments"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
		v1alpha1.GroupVersion().WithResource("applications"), v1alpha1.GroupVersion().WithResource("appprojects"),
	} {
		all, err := h.Dynamic.Resource(r).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all.Items {
			stray := slices.Contains(namespaces, o.GetNamespace()) && o.GetName() != "default" && o.GetName() != "kube-root-ca.crt"
			for _, n := range namespaces {
				stray = stray || r.Resource == "namespaces" && strings.HasPrefix(o.GetName(), n+"-")
			}
			if stray || strings.HasPrefix(o.GetAnnotations()["argocd.argoproj.io/tracking-id"], name+":") {
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
	away := strings.Replace(configMap, "settings", "away", 1)
	const clusterRole = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: hawser-escape}\nrules: []\n"
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: b}\n"
	sound := "destinations: [{server: https://kubernetes.default.svc, namespace: TARGET}], namespaceResourceBlacklist: [{group: '', kind: Secret}, {group: batch, kind: CronJob}]"
	for _, c := range []struct {
		name    string
		project string // the rest of the project's spec; sound when empty
		file    string // beside a harmless ConfigMap
		was     string // what it held one commit ago, at FIRST
		extra   string // of the application's spec
		sync    string // the inside of operation.sync
		want    string // the rule, in the operation's message or a condition
	}{
		{name: "a cluster-scoped kind that is not listed", file: clusterRole, want: "resource rbac.authorization.k8s.io:ClusterRole is not permitted in project PROJECT"},
		{name: "a cluster-scoped kind that names a namespace", file: in(h.target, clusterRole), want: "resource rbac.authorization.k8s.io:ClusterRole is not permitted in project PROJECT"},
		{name: "a kind on the blacklist", file: secret, want: "resource :Secret is not permitted in project PROJECT"},
		{name: "another namespace", file: in(other, away), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a namespace behind a negation", project: "destinations: [{server: '*', namespace: '*'}, {server: '*', namespace: '!OTHER'}]", file: in(other, away), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a namespace in an odd spelling", file: in(`"`+other+` "`, away), want: "is not a valid name"},
		{name: "a namespace in capitals", file: in(strings.ToUpper(other), away), want: "is not a valid name"},
		{name: "a namespace with a letter that looks alike", file: in(strings.ReplaceAll(other, "-", "\u2010"), away), want: "is not a valid name"},
		{name: "a list within a list", file: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Secret, metadata: {name: keys}}\n", want: "resource :Secret is not permitted in project PROJECT"},
		{name: "five lists deep", file: nested(5, "{apiVersion: v1, kind: Secret, metadata: {name: keys}}"), want: "resource :Secret is not permitted in project PROJECT"},
		{name: "a list of secrets by its kind", file: "apiVersion: v1\nkind: SecretList\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: keys}}]\n", want: "resource :Secret is not permitted in project PROJECT"},
		{name: "a list in lower case", file: "apiVersion: v1\nkind: list\nmetadata: {name: keys}\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: keys}}]\n", want: "list"},
		{name: "a kind given twice", file: "apiVersion: v1\nkind: ConfigMap\nkind: Secret\nmetadata: {name: keys}\n", want: "kind"},
		{name: "an application in our own namespace", file: in(h.control, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: loose}\nspec: {project: default, source: {repoURL: 'https://git.example/evil', path: .}, destination: {server: 'https://kubernetes.default.svc', namespace: kube-system}}\n"), want: "namespace " + h.control + " is not permitted in project 'PROJECT'"},
		{name: "its own project", file: in(h.control, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: PROJECT}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}\n"), want: "namespace " + h.control + " is not permitted in project 'PROJECT'"},
		{name: "a PreSync hook in another namespace", file: in(other, job("migrate", "PreSync", "", "true")), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a SyncFail hook in another namespace", file: in(other, job("tell", "SyncFail", "", "true")), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a Sync hook in another namespace", file: in(other, job("during", "Sync", "", "true")), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a PostSync hook in another namespace", file: in(other, job("after", "PostSync", "", "true")), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a hook of Helm in another namespace", file: in(other, strings.Replace(job("helmed", "PreSync", "", "true"), "argocd.argoproj.io/hook: PreSync", "helm.sh/hook: pre-install", 1)), want: "namespace OTHER is not permitted in project 'PROJECT'"},
		{name: "a hook with a generated name of a forbidden kind", file: "apiVersion: batch/v1\nkind: CronJob\nmetadata: {generateName: tick-, annotations: {argocd.argoproj.io/hook: PostSync}}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}\n", want: "resource batch:CronJob is not permitted in project PROJECT"},
		{name: "a Namespace in Git", file: "apiVersion: v1\nkind: Namespace\nmetadata: {name: hawser-escape}\n", want: "resource :Namespace is not permitted in project PROJECT"},
		{name: "another repository", project: "sourceRepos: ['https://git.example/**'], " + sound, want: "application repo REPO is not permitted in project 'PROJECT'"},
		{name: "a repository behind a negation", project: "sourceRepos: ['*', '!REPO'], " + sound, want: "application repo REPO is not permitted in project 'PROJECT'"},
		{name: "a repository that climbs", project: "sourceRepos: ['https://git.example/team/**'], " + sound, extra: `{"source": {"repoURL": "https://git.example/team/../evil", "path": ".", "targetRevision": "main"}}`, want: "application repo https://git.example/team/../evil is not permitted in project 'PROJECT'"},
		{name: "a host that begins alike", project: "sourceRepos: ['https://git.example/*'], " + sound, extra: `{"source": {"repoURL": "https://git.example.evil/x", "path": ".", "targetRevision": "main"}}`, want: "application repo https://git.example.evil/x is not permitted in project 'PROJECT'"},
		{name: "one of several sources", project: "sourceRepos: [REPO], " + sound, extra: `{"source": null, "sources": [{"repoURL": "REPO", "path": "."}, {"repoURL": "https://git.example/evil", "path": "."}]}`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "a source for its values only", project: "sourceRepos: [REPO], " + sound, extra: `{"source": null, "sources": [{"repoURL": "REPO", "path": "."}, {"repoURL": "https://git.example/evil", "ref": "values"}]}`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "another destination", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "OTHER"}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a destination in an odd spelling", project: "destinations: [{server: '*', namespace: '*'}, {server: '*', namespace: '!OTHER'}]", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "OTHER "}}`, want: "is not a valid name"},
		{name: "no namespace at all", file: away, extra: `{"destination": {"server": "https://kubernetes.default.svc"}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a destination that CreateNamespace would make", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "OTHER-new"}, "syncPolicy": {"syncOptions": ["CreateNamespace=true"]}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a Namespace made by CreateNamespace", project: "destinations: [{server: '*', namespace: 'TARGET-*'}]", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "TARGET-new"}, "syncPolicy": {"syncOptions": ["CreateNamespace=true"]}}`, want: "resource :Namespace is not permitted in project PROJECT"},
		{name: "the same, asked for by the operation", project: "destinations: [{server: '*', namespace: 'TARGET-*'}]", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "TARGET-new"}}`, sync: `"syncOptions": ["CreateNamespace=true"]`, want: "resource :Namespace is not permitted in project PROJECT"},
		{name: "a Namespace of a name that is not listed", project: "destinations: [{server: '*', namespace: 'TARGET-*'}], clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'OTHER-*'}]", extra: `{"destination": {"server": "https://kubernetes.default.svc", "namespace": "TARGET-new"}, "syncPolicy": {"syncOptions": ["CreateNamespace=true"]}}`, want: "resource :Namespace is not permitted in project PROJECT"},
		{name: "labels of its Namespace", extra: `{"syncPolicy": {"syncOptions": ["CreateNamespace=true"], "managedNamespaceMetadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}}`, want: "resource :Namespace is not permitted in project PROJECT"},
		{name: "a cluster by its name", project: "destinations: [{server: https://elsewhere.example, namespace: '*'}]", extra: `{"destination": {"name": "in-cluster", "namespace": "TARGET"}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a cluster by its server", project: "destinations: [{server: '*', namespace: '*'}, {server: '*', name: '!in-cluster', namespace: '*'}]", want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a cluster by another spelling", project: "destinations: [{server: '*', namespace: '*'}, {server: '!https://kubernetes.default.svc', namespace: '*'}]", extra: `{"destination": {"server": "https://kubernetes.default.svc/", "namespace": "TARGET"}}`, want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a cluster that is not registered", extra: `{"destination": {"server": "https://kubernetes.default.svc:443", "namespace": "TARGET"}}`, want: "there is no cluster with this server: https://kubernetes.default.svc:443"},
		{name: "a cluster with a name besides", extra: `{"destination": {"server": "https://kubernetes.default.svc", "name": "in-cluster", "namespace": "TARGET"}}`, want: "application destination can't have both name and server defined"},
		{name: "a cluster that is not the project's", project: "permitOnlyProjectScopedClusters: true, destinations: [{server: '*', namespace: '*'}]", want: "do not match any of the allowed destinations in project 'PROJECT'"},
		{name: "a rollback to a source of looser times", project: "sourceRepos: [REPO], " + sound, sync: `"source": {"repoURL": "https://git.example/evil", "path": "."}`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "a rollback to sources of looser times", project: "sourceRepos: [REPO], " + sound, extra: `{"source": null, "sources": [{"repoURL": "REPO", "path": "."}]}`, sync: `"sources": [{"repoURL": "REPO", "path": "."}, {"repoURL": "https://git.example/evil", "path": "."}]`, want: "application repo https://git.example/evil is not permitted in project 'PROJECT'"},
		{name: "a rollback to a revision of looser times", was: secret, sync: `"revision": "FIRST"`, want: "resource :Secret is not permitted in project PROJECT"},
		{name: "a rollback of several sources", was: in(other, away), extra: `{"source": null, "sources": [{"repoURL": "REPO", "path": "."}]}`, sync: `"revisions": ["FIRST"]`, want: "namespace OTHER is not permitted in project 'PROJECT'"},
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
				files["escape.yaml"] = strings.ReplaceAll(c.file, "PROJECT", h.name(short))
			}
			if c.was != "" {
				files["escape.yaml"] = c.was
			}
			repo := h.git.Repo(t, short, files)
			first := repo.Head(t)
			if c.was != "" {
				repo.Commit(t, map[string]string{"escape.yaml": c.file}, "Mend")
			}
			name := h.name(short)
			fill := strings.NewReplacer("REPO", repo.URL, "OTHER", other, "TARGET", h.target, "PROJECT", name, "FIRST", first).Replace
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
			if list := h.written(t, name, h.target, other); len(list) > 0 {
				t.Errorf("written all the same: %v", list)
			}
		})
	}
}

// nested is a manifest inside of so many lists.
func nested(depth int, manifest string) string {
	for range depth {
		manifest = "{apiVersion: v1, kind: List, items: [" + manifest + "]}"
	}
	return manifest + "\n"
}

// rules makes an AppProject in the control namespace; rules is the inside of its spec as YAML flow.
func (h *hawser) rules(t *testing.T, name, rules string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: %s}\nspec: {sourceRepos: ['*'], %s}\n", name, rules))
}

// setting is a ConfigMap of that name in the namespace.
func setting(name, namespace string) string {
	return strings.Replace(configMap, "name: settings", "name: "+name+", namespace: "+namespace, 1)
}

// The hooks of a deletion are asked about like everything else; the deletion waits, and says which rule stops it.
func TestDeletionHooksInAForbiddenNamespaceDoNotRun(t *testing.T) {
	h := start(t)
	other := h.Namespace(t)
	for _, at := range []string{"PreDelete", "PostDelete"} {
		t.Run(at, func(t *testing.T) {
			name := h.name(strings.ToLower(at))
			h.rules(t, name, "destinations: [{server: '*', namespace: "+h.target+"}]")
			repo := h.git.Repo(t, name, map[string]string{"cm.yaml": strings.Replace(configMap, "settings", name, 1),
				"hook.yaml": strings.Replace(job("backup", at, "", "true"), "metadata: {", "metadata: {namespace: "+other+", ", 1)})
			h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", extra: "project: " + name, finalizer: true})
			h.wait(t, name, synced(repo.Head(t)))
			h.removeApp(t, name)
			h.wait(t, name, condition(v1alpha1.ConditionDeletionError, "namespace "+other+" is not permitted in project '"+name+"'"))
			if list := h.written(t, name, other); at == "PreDelete" && !slices.Equal(list, []string{"ConfigMap/" + h.target + "/" + name}) || at == "PostDelete" && len(list) > 0 {
				t.Errorf("there is %v", list)
			}
		})
	}
}

// What a project does not permit any more is left where it is, by a prune and by a deletion, and they say so.
func TestWhatAProjectPermitsNoMoreIsNotDeleted(t *testing.T) {
	h := start(t)
	other := h.Namespace(t)
	name := h.name("narrowed")
	h.rules(t, name, "destinations: [{server: '*', namespace: "+h.target+"}, {server: '*', namespace: "+other+"}]")
	repo := h.git.Repo(t, "narrowed", map[string]string{"cm.yaml": configMap, "pruned.yaml": setting("pruned", other), "kept.yaml": setting("kept", other)})
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "project: " + name, finalizer: true})
	h.wait(t, name, outOfSync)
	h.sync(t, name, "")
	h.wait(t, name, synced(repo.Head(t)))

	rule := "namespace " + other + " is not permitted in project '" + name + "'"
	h.rules(t, name, "destinations: [{server: '*', namespace: "+h.target+"}]")
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "ConfigMap/kept (kept.yaml", rule))
	repo.Commit(t, map[string]string{"pruned.yaml": "", "kept.yaml": ""}, "Take both back")
	a := h.sync(t, name, `"prune": true`)
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("operation %s", phase(a))
	}
	for _, n := range []string{"pruned", "kept"} {
		if r := result(a, n, ""); r.Status != v1alpha1.ResultPruneSkipped || !strings.Contains(r.Message, rule) {
			t.Errorf("%s: %+v", n, r)
		}
		if h.Get(t, "v1", "ConfigMap", other, n) == nil {
			t.Errorf("%s was pruned", n)
		}
	}
	h.removeApp(t, name)
	h.wait(t, name, condition(v1alpha1.ConditionDeletionError, "not deleted: ConfigMap/kept: "+rule, "ConfigMap/pruned"))
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("what is permitted was not deleted")
	}
	h.rules(t, name, "destinations: [{server: '*', namespace: '*'}]")
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "v1", "ConfigMap", other, "kept") != nil {
		t.Error("kept is still there, permitted again")
	}
}

// A mark on an object is a claim and no proof: whoever can annotate something must not get it deleted by an application.
func TestAMarkOnWhatIsNotOursProvesNothing(t *testing.T) {
	h := start(t)
	other := h.Namespace(t)
	name := h.name("bait")
	h.rules(t, name, "destinations: [{server: '*', namespace: "+h.target+"}]")
	repo := h.git.Repo(t, "bait", map[string]string{"cm.yaml": configMap, "more.yaml": setting("more", h.target)})
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "project: " + name, finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))

	bait := func(kind, namespace, object string) {
		t.Helper()
		mark := fmt.Sprintf(`{"metadata":{"annotations":{"argocd.argoproj.io/tracking-id":"%s:/%s:%s/%s"}}}`, name, kind, namespace, object)
		h.Patch(t, "kubectl-annotate", "v1", kind, namespace, object, mark)
	}
	h.Apply(t, "", setting("theirs", other)+"---\n"+setting("near", h.target))
	bait("ConfigMap", other, "theirs")
	bait("ConfigMap", h.target, "near")
	bait("Namespace", "", h.target) // the destination itself
	h.wait(t, name, func(a *v1alpha1.Application) string {
		for _, r := range a.Status.Resources {
			if r.Name == "near" {
				return ""
			}
		}
		return "near is not seen"
	})
	for _, r := range h.get(t, name).Status.Resources {
		if r.Name == "theirs" || r.Kind == "Namespace" {
			t.Errorf("an object out of the project's reach is shown: %+v", r)
		}
	}
	repo.Commit(t, map[string]string{"more.yaml": ""}, "Take one back")
	h.hook(t, repo.URL)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "more")
	h.sync(t, name, `"prune": true, "resources": [{"kind": "ConfigMap", "namespace": "`+other+`", "name": "theirs"}, {"kind": "Namespace", "name": "`+h.target+`"}]`)
	there := func(when string) {
		t.Helper()
		if o := h.Get(t, "v1", "ConfigMap", other, "theirs"); o == nil || o.GetDeletionTimestamp() != nil {
			t.Errorf("theirs is gone %s", when)
		}
		if o := h.Get(t, "v1", "Namespace", "", h.target); o == nil || o.GetDeletionTimestamp() != nil {
			t.Errorf("the namespace is gone %s", when)
		}
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "near") == nil {
		t.Error("an automated prune deleted what the application never applied")
	}
	there("after a prune")
	h.removeApp(t, name)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("the application went before its objects")
	}
	there("with the application")
}

// To name an object of another project in Git is no claim to it: it does not keep its owner from pruning it.
func TestWhatIsNotPermittedIsNotClaimed(t *testing.T) {
	h := start(t)
	own := h.Namespace(t)
	owner, greedy := h.name("owner"), h.name("greedy")
	h.rules(t, owner, "destinations: [{server: '*', namespace: "+h.target+"}]")
	h.rules(t, greedy, "destinations: [{server: '*', namespace: "+own+"}]")
	repo := h.git.Repo(t, "owner", map[string]string{"cm.yaml": configMap, "more.yaml": setting("more", h.target)})
	h.apply(t, app{name: owner, repo: repo.URL, path: ".", auto: "{prune: true}", extra: "project: " + owner})
	h.wait(t, owner, synced(repo.Head(t)))
	theirs := h.git.Repo(t, "greedy", map[string]string{"more.yaml": setting("more", h.target)})
	h.apply(t, app{name: greedy, repo: theirs.URL, path: ".", extra: "{project: " + greedy + ", destination: {server: 'https://kubernetes.default.svc', namespace: " + own + "}}"})
	a := h.wait(t, greedy, condition(v1alpha1.ConditionComparisonError, "ConfigMap/more", "namespace "+h.target+" is not permitted in project '"+greedy+"'"))
	for _, c := range a.Status.Conditions {
		if strings.Contains(c.Message, owner) {
			t.Errorf("it is told whose the object is: %s", c.Message)
		}
	}
	repo.Commit(t, map[string]string{"more.yaml": ""}, "Take one back")
	h.hook(t, repo.URL)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "more")
}

// CreateNamespace makes what the project permits, and needs no permission for a namespace that is there.
func TestCreateNamespaceUnderAProject(t *testing.T) {
	h := start(t)
	name, fresh := h.name("newns"), h.target+"-new"
	t.Cleanup(func() {
		_ = h.Client.CoreV1().Namespaces().Delete(context.Background(), fresh, metav1.DeleteOptions{})
	})
	repo := h.git.Repo(t, "newns", map[string]string{"cm.yaml": configMap})
	h.rules(t, name, "destinations: [{server: '*', namespace: '"+h.target+"*'}]")
	to := func(namespace string) string {
		return "{project: " + name + ", destination: {server: 'https://kubernetes.default.svc', namespace: " + namespace + "}, syncPolicy: {syncOptions: [CreateNamespace=true]}}"
	}
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: to(h.target)})
	h.wait(t, name, outOfSync)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("into a namespace that is there: %s", phase(a))
	}
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: to(fresh)})
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationFailed || !strings.Contains(a.Status.OperationState.Message, "resource :Namespace is not permitted in project "+name) {
		t.Errorf("into one that is not: %s", phase(a))
	}
	h.rules(t, name, "destinations: [{server: '*', namespace: '"+h.target+"*'}], clusterResourceWhitelist: [{group: '', kind: Namespace, name: '"+h.target+"-*'}]")
	h.refresh(t, name)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded || h.Get(t, "v1", "ConfigMap", fresh, "settings") == nil {
		t.Errorf("with a project that permits the Namespace: %s", phase(a))
	}
}
