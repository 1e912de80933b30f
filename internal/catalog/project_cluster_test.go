package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A project is what it says, what it inherits and what is registered for it; a change of any of them is in force at once.
func TestGlobalProjects(t *testing.T) {
	s := newSite(t, "")
	apply := func(manifest string) { s.Cluster.Apply(t, s.ns, manifest) }
	team := func(labels string) {
		apply("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team, labels: {" + labels + "}}\nspec: {sourceRepos: ['https://git.corp/a'], destinations: []}\n")
	}
	secret := schema.GroupKind{Kind: "Secret"}
	check := func(what string, permitted bool, ask func(*project.Rules) error) {
		t.Helper()
		eventually(t, what, func() error {
			r, err := s.Rules("team")
			if err != nil {
				return err
			}
			if err := ask(r); (err == nil) != permitted {
				return fmt.Errorf("permitted %v, want %v: %w", err == nil, permitted, err)
			}
			return nil
		})
	}
	secrets := func(r *project.Rules) error { return r.Kind(secret, "s", true) }
	team("tier: free")
	check("no global project yet", true, secrets)
	apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata:\n  globalProjects: |\n    - projectName: guarded\n      labelSelector: {matchExpressions: [{key: tier, operator: In, values: [free]}]}\n")
	eventually(t, "the missing global project to be an error", func() error {
		if _, err := s.Rules("team"); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "guarded") {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
	apply("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: guarded, labels: {tier: free}}\nspec: {sourceRepos: ['https://git.corp/shared'], namespaceResourceBlacklist: [{group: '', kind: Secret}]}\n")
	check("the inherited kinds", false, secrets)
	check("the inherited repository", true, func(r *project.Rules) error { return r.Source("https://git.corp/shared") })
	team("tier: paid")
	check("other labels", true, secrets)
	check("a repository of nobody", false, func(r *project.Rules) error { return r.Source("https://git.corp/mine") })
	apply("apiVersion: v1\nkind: Secret\nmetadata: {name: mine, labels: {argocd.argoproj.io/secret-type: repository}}\nstringData: {type: git, url: https://git.corp/mine, project: team}\n")
	check("a repository registered for it", true, func(r *project.Rules) error { return r.Source("https://git.corp/mine") })
	there := func(r *project.Rules) error {
		return r.Destination(project.Target{Server: "https://own.corp", Namespace: "web"})
	}
	check("a cluster of nobody", false, there)
	apply("apiVersion: v1\nkind: Secret\nmetadata: {name: own, labels: {argocd.argoproj.io/secret-type: cluster}}\nstringData: {name: own, server: https://own.corp, project: team, namespaces: 'web, api'}\n")
	check("a cluster registered for it", true, there)
	check("its other namespaces", false, func(r *project.Rules) error {
		return r.Destination(project.Target{Server: "https://own.corp", Namespace: "kube-system"})
	})
	apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {globalProjects: '[{labelSelector: {}}]'}\n")
	eventually(t, "a malformed setting to be reported", func() error {
		for _, err := range s.Settings().Problems {
			if strings.Contains(err.Error(), "globalProjects") {
				return nil
			}
		}
		return fmt.Errorf("problems %v", s.Settings().Problems)
	})
	team("tier: free")
	check("a malformed setting switches nothing off", false, secrets)
}
