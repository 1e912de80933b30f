package cluster_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// asking is an ApplicationSet whose parameters come from a generator that is given as YAML.
func (h *hawser) asking(name, url, generator string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
  - %[4]s
  template:
    metadata: {name: '%[1]s-{{ .app }}', annotations: {asked: '{{ dig "input" "parameters" "env" "none" (default dict (get . "generator")) }}'}}
    spec:
      project: default
      source: {repoURL: %[2]s, targetRevision: main, path: services/a}
      destination: {server: https://kubernetes.default.svc, namespace: %[3]s}
`, name, url, h.target, generator)
}

// A plugin's answer becomes applications; whatever is no answer deletes none, is told, and heals.
func TestSetAsksPlugin(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", foldersOf("a"))
	var says atomic.Value
	says.Store(`200 {"output":{"parameters":[{"app":"x"},{"app":"y"}]}}`)
	var asked atomic.Value
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		asked.Store(r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(text))
		var code int
		body := says.Load().(string)
		fmt.Sscanf(body, "%d", &code)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body[4:])
	}))
	t.Cleanup(service.Close)
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: my-plugin}, data: {baseUrl: %q, token: "$mine:plugin.token"}}`, service.URL))
	h.Apply(t, h.control, `{apiVersion: v1, kind: Secret, metadata: {name: mine, labels: {app.kubernetes.io/part-of: argocd}}, stringData: {plugin.token: strong-password}}`)
	h.Apply(t, h.control, h.asking("ask", repo.URL, "plugin: {configMapRef: {name: my-plugin}, requeueAfterSeconds: 5, input: {parameters: {env: prod, list: [1, {a: b}]}}}"))
	h.madeBy(t, "ask", "x", "y")
	if got := h.get(t, "ask-x").Annotations["asked"]; got != "prod" {
		t.Errorf("generator.input.parameters.env is %q", got)
	}
	words := strings.SplitN(asked.Load().(string), " ", 5)
	var body any
	if err := json.Unmarshal([]byte(words[4]), &body); err != nil || strings.Join(words[:4], " ") != "POST /api/v1/getparams.execute Bearer strong-password" ||
		fmt.Sprint(body) != "map[applicationSetName:ask input:map[parameters:map[env:prod list:[1 map[a:b]]]]]" {
		t.Errorf("it was asked %q", words)
	}
	for _, wrong := range []string{`500 {"message":"no database"}`, `200 <html>`, `200 {}`, `401 {}`} {
		says.Store(wrong)
		part := map[byte]string{'5': "answers 500: no database", '4': "answers 401"}[wrong[0]]
		h.waitSaid(t, "ask", "ErrorOccurred=True", "ParametersGenerated=False", "plugin at 127.0.0.1", part)
		if strings.Contains(h.said(t, "ask"), "strong-password") {
			t.Error("the token is told")
		}
		h.madeBy(t, "ask", "x", "y")
		says.Store(`200 {"output":{"parameters":[{"app":"x"},{"app":"y"}]}}`)
		h.waitSaid(t, "ask", "ErrorOccurred=False")
	}
	says.Store(`200 {"output":{"parameters":[{"app":"y"},{"app":"z"}]}}`)
	h.madeBy(t, "ask", "y", "z")
}

// Other controllers' decisions become applications; one that has not decided yet is no empty list.
func TestSetFollowsDecisions(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", foldersOf("a"))
	h.Apply(t, "", `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: placements.test.hawser.dev}, spec: {group: test.hawser.dev, scope: Namespaced,
  names: {kind: Placement, plural: placements, singular: placement, listKind: PlacementList},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`)
	h.Apply(t, h.control, `{apiVersion: v1, kind: ConfigMap, metadata: {name: duck}, data: {apiVersion: test.hawser.dev/v1, kind: placements, statusListKey: decisions, matchKey: clusterName}}`)
	place := func(status string) {
		h.Apply(t, h.control, `{apiVersion: test.hawser.dev/v1, kind: Placement, metadata: {name: p, labels: {team: shop}}, `+status+`}`)
	}
	h.Apply(t, h.control, strings.Replace(h.asking("duck", repo.URL, "clusterDecisionResource: {configMapRef: duck, labelSelector: {matchLabels: {team: shop}}, requeueAfterSeconds: 5}"), "{{ .app }}", "{{ .name }}-{{ .tier }}", 1))
	h.waitSaid(t, "duck", "ErrorOccurred=True", "no clusterDecisionResources found")
	place(`spec: {}`)
	h.waitSaid(t, "duck", "ErrorOccurred=True", "Placement p has not decided yet")
	place(`status: {decisions: [{clusterName: in-cluster, tier: gold}, {clusterName: not-registered, tier: iron}]}`)
	h.madeBy(t, "duck", "in-cluster-gold")
	place(`status: {}`)
	h.waitSaid(t, "duck", "ErrorOccurred=True", "has not decided yet")
	h.madeBy(t, "duck", "in-cluster-gold")
	place(`status: {decisions: [{clusterName: in-cluster, tier: tin}]}`)
	h.madeBy(t, "duck", "in-cluster-tin")
}
