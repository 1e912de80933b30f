package cluster_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// sops returns a file that the real tool made: an encrypted one, or a key for it (internal/render/sops/testdata/make.sh).
func sops(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../internal/render/sops/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// keys gives projects the keys of testdata.
func (h *hawser) keys(t *testing.T, projects string, names ...string) {
	t.Helper()
	data := map[string]string{"project": projects}
	for _, n := range names {
		data[n] = sops(t, "keys/"+n)
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "sops", "labels": map[string]any{"argocd.argoproj.io/secret-type": "sops-keys"}}, "stringData": data})
	if err != nil {
		t.Fatal(err)
	}
	h.Delete(t, h.control, `{apiVersion: v1, kind: Secret, metadata: {name: sops}}`)
	h.WaitGone(t, "v1", "Secret", h.control, "sops")
	h.Apply(t, h.control, string(text))
}

// hides fails the test when a text is in what people can see of an application: its record, what the daemon told, and what
// it renders to.
func (h *hawser) hides(t *testing.T, name string, secrets ...string) {
	t.Helper()
	record, err := json.Marshal(h.get(t, name))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{"record": string(record), "story": h.story(name)}
	if r, err := h.apps.Manifests(t.Context(), reconcile.ManifestRequest{Application: h.id(name)}); err != nil {
		seen["manifests"] = err.Error()
	} else {
		for _, m := range r.Manifests {
			seen["manifests"] += string(m.JSON) + "\n"
		}
	}
	if list, err := h.apps.Managed(t.Context(), h.id(name), reconcile.Filter{}); err == nil {
		for _, m := range list {
			if m.Key.Kind == "Secret" {
				seen["managed"] += fmt.Sprintf("%+v", m)
			}
		}
	}
	for what, text := range seen {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("the %s has %q in it: %s", what, s, text)
			}
		}
	}
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// data64 checks a value of a Secret.
func data64(key, want string) func(*unstructured.Unstructured) error {
	return func(o *unstructured.Unstructured) error { return field(base64Of(want), "data", key)(o) }
}

func isUnknown(a *v1alpha1.Application) string {
	if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
		return "not Unknown"
	}
	return ""
}

func both(checks ...func(*v1alpha1.Application) string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		for _, c := range checks {
			if wrong := c(a); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

// TestEncryptedSecretsFromGit: a Secret that sops encrypted is deployed once its project has a key. Without one, with that
// of somebody else and with a file that was changed, the condition says so, nothing is applied and nothing is deleted.
func TestEncryptedSecretsFromGit(t *testing.T) {
	h := start(t)
	files := map[string]string{"db.yaml": sops(t, "files/secret.yaml"), "cm.yaml": configMap}
	repo := h.git.Repo(t, "sops", files)
	name := h.name("sops")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "db.yaml: it is encrypted with SOPS for age age1", "no key is configured for the project")))
	h.keys(t, "elsewhere, other-*", "one.agekey")
	h.keys(t, "elsewhere", "one.agekey")
	never(t, 2*time.Second, func() string {
		if h.Get(t, "v1", "Secret", h.target, "db") != nil || h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
			return "deployed with the key of another project"
		}
		return ""
	})
	h.keys(t, "else*, default", "one.agekey")
	h.wait(t, name, synced(repo.Head(t)))
	secret := h.WaitFor(t, "v1", "Secret", h.target, "db", data64("password", "canary-of-sops"))
	h.hides(t, name, "canary", base64Of("canary-of-sops"), "AGE-SECRET")
	if secret.Object["sops"] != nil {
		t.Error("the block of sops was applied, too")
	}

	// the wrong key: Unknown, and all stays as it is
	h.keys(t, "default", "other.agekey")
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "db.yaml: it is encrypted with SOPS for age age1", "the project has age age1", "give the project the private key")))
	stays := func(why string) {
		t.Helper()
		never(t, 2*time.Second, func() string {
			now := h.Get(t, "v1", "Secret", h.target, "db")
			if now == nil || now.GetUID() != secret.GetUID() || now.GetResourceVersion() != secret.GetResourceVersion() {
				return why + ": the Secret was touched\n" + h.story(name)
			}
			if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
				return why + ": the ConfigMap is gone"
			}
			return ""
		})
	}
	stays("with the wrong key")
	// whoever changes it on the way to Git
	h.keys(t, "default", "one.agekey")
	h.wait(t, name, synced(repo.Head(t)))
	files["db.yaml"] = strings.Replace(files["db.yaml"], "name: db", "name: evil", 1)
	repo.Replace(t, files, "Change what the digest is over")
	h.hook(t, repo.URL)
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "db.yaml: MAC mismatch")))
	stays("with a changed file")
	if h.Get(t, "v1", "Secret", h.target, "evil") != nil {
		t.Error("a changed file was deployed")
	}
	// several keys, PGP among them
	h.keys(t, "*", "one.agekey", "pgp.asc")
	files["db.yaml"] = sops(t, "files/secret-pgp.yaml")
	repo.Replace(t, files, "For the other key")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(repo.Head(t)))
	stays("with another key and the same value")

	// what only some of the renderers read
	kustomized := h.name("kustomized")
	more := h.git.Repo(t, "kustomized", map[string]string{
		"k/kustomization.yaml": "secretGenerator:\n- name: made\n  envs: [app.env]\n  files: [blob.txt]\n  options: {disableNameSuffixHash: true}\nresources: [db.yaml]\nconfigMapGenerator:\n- name: public\n  files: [blob.txt]\n  options: {disableNameSuffixHash: true}\n",
		"k/app.env":            sops(t, "files/app.env"), "k/blob.txt": sops(t, "files/blob.txt"), "k/db.yaml": sops(t, "files/secret.yaml"),
	})
	h.apply(t, app{name: kustomized, repo: more.URL, path: "k", auto: "{}", extra: "destination: {server: https://kubernetes.default.svc, namespace: " + h.Namespace(t) + "}"})
	h.wait(t, kustomized, synced(more.Head(t)))
	made := h.get(t, kustomized).Spec.Destination.Namespace
	h.WaitFor(t, "v1", "Secret", made, "made", data64("PASSWORD", "canary=of=dotenv"))
	h.WaitFor(t, "v1", "Secret", made, "made", data64("blob.txt", "canary of a file\nwith lines\n\ttabs"))
	// what is put into a ConfigMap is deployed there, but nobody gets it by only asking what would be
	h.WaitFor(t, "v1", "ConfigMap", made, "public", field("canary of a file\nwith lines\n\ttabs", "data", "blob.txt"))
	h.hides(t, kustomized, "canary", base64Of("canary=of=dotenv"))
}

// TestPlaintextSecretsAreRefused: a project that wants Secrets encrypted permits no others. Nothing of a commit with one is
// applied, the message names rule, object, keys and the way out, and what is encrypted, empty or excepted passes.
func TestPlaintextSecretsAreRefused(t *testing.T) {
	h := start(t)
	h.keys(t, "strict", "one.agekey")
	project := func(annotations string) {
		h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: strict, annotations: {%s}}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}]}}`, annotations))
	}
	project(`hawser.dev/plaintext-secrets: deny`)
	plain := "apiVersion: v1\nkind: Secret\nmetadata: {name: open}\nstringData: {token: canary-in-plain, user: admin}\n"
	empty := "apiVersion: v1\nkind: Secret\nmetadata: {name: filled-by-somebody}\ntype: Opaque\n"
	files := map[string]string{"0.yaml": configMap, "db.yaml": sops(t, "files/secret.yaml"), "empty.yaml": empty, "open.yaml": plain}
	repo := h.git.Repo(t, "strict", files)
	name := h.name("strict")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}", extra: "project: strict"})
	rule := []string{"Secret/open (open.yaml:1): Secret " + h.target + "/open has values in plain text (token, user), which project 'strict' does not permit", "encrypt them with SOPS", "hawser.dev/plaintext-secrets"}
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, rule...))
	a := h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationFailed {
			return "the sync has not failed"
		}
		return ""
	})
	if said := fmt.Sprint(a.Status.OperationState.Message, a.Status.OperationState.SyncResult); !strings.Contains(said, "which project 'strict' does not permit") {
		t.Errorf("the operation says: %s", said)
	}
	for kind, object := range map[string]string{"ConfigMap": "settings", "Secret": "open"} {
		if h.Get(t, "v1", kind, h.target, object) != nil {
			t.Errorf("%s %s was applied before the project was asked", kind, object)
		}
	}
	h.hides(t, name, "canary")

	// one exception is for one value
	project(`hawser.dev/plaintext-secrets: deny, hawser.dev/plaintext-secrets-except: "*/open:user"`)
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "has values in plain text (token), which project"))
	project(`hawser.dev/plaintext-secrets: warn`)
	h.wait(t, name, both(synced(repo.Head(t)), condition(v1alpha1.ConditionPlaintextSecretWarning, "open has values in plain text (token, user)", "(open.yaml:1)")))
	h.WaitFor(t, "v1", "Secret", h.target, "open", data64("token", "canary-in-plain"))

	// refused again, it stays as it is: nothing is deleted because of it
	project(`hawser.dev/plaintext-secrets: deny`)
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, rule...))
	never(t, 2*time.Second, func() string {
		if h.Get(t, "v1", "Secret", h.target, "open") == nil {
			return "a refused Secret was deleted"
		}
		return ""
	})
	project(fmt.Sprintf(`hawser.dev/plaintext-secrets: deny, hawser.dev/plaintext-secrets-except: "%s/open"`, h.target))
	h.wait(t, name, synced(repo.Head(t)))
	project(`hawser.dev/plaintext-secrets: denied`) // what cannot be understood permits nothing
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, rule[0]))
}

const lentChart = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}\ndata: {colour: {{ .Values.colour | quote }}, size: {{ .Values.size | quote }}, deep: {{ .Values.a.b | default \"none\" | quote }}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: made}\nstringData: {password: {{ .Values.password | quote }}}\n"

// TestValuesFromTheCluster: a chart gets values from ConfigMaps and Secrets of its destination, and of the control plane,
// if its project permits them. What is missing makes the application Unknown, and changes nothing; what changes is deployed.
func TestValuesFromTheCluster(t *testing.T) {
	h := start(t)
	project := func(permitted string) {
		text, err := json.Marshal(map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": map[string]any{"name": "lent", "annotations": map[string]any{"hawser.dev/permit-values-from": permitted}},
			"spec": map[string]any{"sourceRepos": []any{"*"}, "destinations": []any{map[string]any{"server": "*", "namespace": "*"}}}})
		if err != nil {
			t.Fatal(err)
		}
		h.Apply(t, h.control, string(text))
	}
	project("")
	repo := h.git.Repo(t, "lent", map[string]string{"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/values.yaml": "colour: red\nsize: 1\npassword: none\na: {}\n", "c/templates/all.yaml": lentChart})
	name := h.name("lent")
	h.apply(t, app{name: name, repo: repo.URL, path: "c", auto: "{prune: true, selfHeal: true}", extra: "project: lent", annotations: map[string]string{
		"hawser.dev/values-from": "- {kind: ConfigMap, name: lent}\n- {kind: Secret, name: lent, valuesKey: password, targetPath: password}\n- {kind: ConfigMap, name: nowhere, optional: true}\n",
	}})
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "values from ConfigMap "+h.target+"/lent are not permitted in project 'lent'", "hawser.dev/permit-values-from")))
	project(fmt.Sprintf(`[{kind: ConfigMap, namespace: %s, name: "*"}, {kind: Secret, namespace: %s, name: le*}]`, h.target, h.target))
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "values from ConfigMap "+h.target+"/lent", "waits for it")))
	h.Apply(t, h.target, `{apiVersion: v1, kind: ConfigMap, metadata: {name: lent}, data: {values.yaml: "colour: blue"}}`)
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "values from Secret "+h.target+"/lent")))
	h.Apply(t, h.target, `{apiVersion: v1, kind: Secret, metadata: {name: lent}, stringData: {password: canary-lent}}`)
	h.wait(t, name, synced(repo.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "made", field("blue", "data", "colour"))
	made := h.WaitFor(t, "v1", "Secret", h.target, "made", data64("password", "canary-lent"))
	h.hides(t, name, "canary", base64Of("canary-lent"))

	// changes arrive by themselves
	h.Apply(t, h.target, `{apiVersion: v1, kind: ConfigMap, metadata: {name: lent}, data: {values.yaml: "colour: green\nsize: 7"}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "made", field("green", "data", "colour"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "made", field("7", "data", "size"))
	h.Apply(t, h.target, `{apiVersion: v1, kind: Secret, metadata: {name: lent}, stringData: {password: canary-two}}`)
	h.WaitFor(t, "v1", "Secret", h.target, "made", data64("password", "canary-two"))
	h.wait(t, name, synced(repo.Head(t)))

	// what is gone is isUnknown, and not empty
	h.Delete(t, h.target, `{apiVersion: v1, kind: Secret, metadata: {name: lent}}`)
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "values from Secret "+h.target+"/lent")))
	if now := h.Get(t, "v1", "Secret", h.target, "made"); now == nil || now.GetUID() != made.GetUID() || data64("password", "canary-two")(now) != nil {
		t.Errorf("what was deployed was touched: %v", now)
	}

	// the control plane's own: only what is meant for it, and never its credentials
	h.Apply(t, h.control, `{apiVersion: v1, kind: Secret, metadata: {name: shared}, stringData: {values.yaml: "password: canary-shared"}}`)
	h.annotate(t, name, "hawser.dev/values-from", "- {control: true, kind: Secret, name: shared}")
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "values from Secret shared of the control plane are not permitted", "{control: true, kind: Secret, name: shared}"))
	project(fmt.Sprintf(`[{control: true, kind: Secret, name: "*"}, {control: true, kind: ConfigMap, name: "*"}, {kind: Secret, namespace: "%s", name: "*"}]`, h.control))
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "Secret "+h.control+"/shared is not meant for applications", "argocd.argoproj.io/secret-type: values"))
	h.annotate(t, name, "hawser.dev/values-from", "- {kind: Secret, namespace: "+h.control+", name: shared}")
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "this namespace holds the control plane's own records"))
	h.annotate(t, name, "hawser.dev/values-from", "- {control: true, kind: Secret, name: shared}\n- {control: true, kind: ConfigMap, name: shared, valuesKey: b, targetPath: a.b}")
	h.Patch(t, "kubectl", "v1", "Secret", h.control, "shared", `{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"values"}}}`)
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "values from ConfigMap shared of the control plane"))
	h.Apply(t, h.control, `{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {b: "on: {all}, sides"}}`)
	h.WaitFor(t, "v1", "Secret", h.target, "made", data64("password", "canary-shared"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "made", field("on: {all}, sides", "data", "deep"))
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "kubectl", "v1", "ConfigMap", h.control, "shared", `{"data":{"b":"changed"}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "made", field("changed", "data", "deep"))
	h.hides(t, name, "canary")
	h.annotate(t, name, "hawser.dev/values-from", "- {kind: Deployment, name: x}")
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, `not from "Deployment"`)))
}

// TestVariablesFromTheCluster: ${name} in kustomized and plain manifests is replaced as Flux's postBuild does, and a
// variable that is not set is an error.
func TestVariablesFromTheCluster(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: vars, annotations: {hawser.dev/permit-values-from: '[{kind: ConfigMap, namespace: "%s", name: vars}]'}}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}]}}`, h.target))
	h.Apply(t, h.target, `{apiVersion: v1, kind: ConfigMap, metadata: {name: vars}, data: {COLOUR: blue, REPLICAS: "2"}}`)
	manifests := strings.Replace(configMap, "blue", `"${COLOUR} ${SIZE:=large} $${KEPT}"`, 1) + "---\n" + strings.Replace(deployment, "replicas: 3", "replicas: ${REPLICAS}", 1)
	repo := h.git.Repo(t, "vars", map[string]string{"all.yaml": manifests})
	name := h.name("vars")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{selfHeal: true}", extra: "project: vars", annotations: map[string]string{"hawser.dev/post-build": "substituteFrom: [{kind: ConfigMap, name: vars}]"}})
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue large ${KEPT}", "data", "colour"))
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "kubectl", "v1", "ConfigMap", h.target, "vars", `{"data":{"COLOUR":"green","REPLICAS":"1"}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("green large ${KEPT}", "data", "colour"))
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "kubectl", "v1", "ConfigMap", h.target, "vars", `{"data":{"COLOUR":null}}`)
	h.wait(t, name, both(isUnknown, condition(v1alpha1.ConditionComparisonError, "ConfigMap/settings: the variable COLOUR is not set")))
	h.annotate(t, name, "hawser.dev/post-build", "{substitute: {COLOUR: grey}, substituteFrom: [{kind: ConfigMap, name: vars}]}")
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("grey large ${KEPT}", "data", "colour"))
}
