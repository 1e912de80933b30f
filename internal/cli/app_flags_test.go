package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// describing are the flags of Argo CD 3.6 that describe an application.
const describing = `allow-empty auto-prune config-management-plugin dest-name dest-namespace dest-server directory-disable-extension-filter directory-exclude
	directory-include directory-recurse dry-source-path dry-source-repo dry-source-revision env helm-api-versions helm-chart helm-kube-version helm-namespace
	helm-pass-credentials helm-set helm-set-file helm-set-string helm-skip-crds helm-skip-schema-validation helm-skip-tests helm-version hydrate-to-branch
	ignore-missing-components ignore-missing-value-files jsonnet-ext-var-code jsonnet-ext-var-str jsonnet-libs jsonnet-tla-code jsonnet-tla-str
	kustomize-api-versions kustomize-common-annotation kustomize-common-label kustomize-force-common-annotation kustomize-force-common-label kustomize-image
	kustomize-kube-version kustomize-label-include-templates kustomize-label-without-selector kustomize-namespace kustomize-replica kustomize-version nameprefix
	namesuffix parameter,p path plugin-env project ref release-name repo revision revision-history-limit self-heal source-name sync-option sync-policy
	sync-retry-backoff-duration sync-retry-backoff-factor sync-retry-backoff-max-duration sync-retry-limit sync-retry-refresh sync-source-branch sync-source-path
	tag-prefix validate values values-literal-file`

// applicationFlags are the commands of argocd app and their own flags in Argo CD 3.6, each with its letter.
var applicationFlags = map[string]string{
	"create":           describing + " annotations app-namespace,N file,f label,l name set-finalizer upsert",
	"set":              describing + " app-namespace,N source-position",
	"add-source":       describing + " app-namespace,N",
	"get":              "app-namespace,N hard-refresh output,o refresh show-operation show-params source-name source-position timeout",
	"logs":             "app-namespace,N container,c filter follow,f group kind match-case,m name namespace previous,p since-seconds tail until-time",
	"unset":            "app-namespace,N ignore-missing-components ignore-missing-value-files kustomize-image kustomize-namespace kustomize-replica kustomize-version nameprefix namesuffix parameter,p pass-credentials plugin-env ref source-name source-position values values-literal",
	"delete":           "app-namespace,N cascade propagation-policy,p selector,l wait yes,y",
	"list":             "app-namespace,N cluster,c output,o path,P project,p repo,r selector,l",
	"wait":             "app-namespace,N degraded delete health hydrated operation output,o resource selector,l suspended sync timeout",
	"sync":             "app-namespace,N apply-out-of-sync-only assumeYes async dry-run force ignore-normalizer-jq-execution-timeout info label local local-repo-root output,o preview-changes project prune replace resource retry-backoff-duration retry-backoff-factor retry-backoff-max-duration retry-limit retry-refresh revision revisions selector,l server-side server-side-diff-concurrency server-side-diff-max-batch-kb source-names source-positions strategy timeout",
	"history":          "app-namespace,N output,o",
	"rollback":         "app-namespace,N output,o prune timeout",
	"manifests":        "app-namespace,N local local-repo-root revision revisions source source-names source-positions",
	"terminate-op":     "app-namespace,N",
	"edit":             "app-namespace,N",
	"patch":            "app-namespace,N patch type",
	"remove-source":    "app-namespace,N source-name source-position",
	"confirm-deletion": "app-namespace,N",
	"diff":             "app-namespace,N diff-exit-code exit-code hard-refresh ignore-normalizer-jq-execution-timeout local local-include local-repo-root refresh revision revisions server-side-diff server-side-diff-concurrency server-side-diff-max-batch-kb server-side-generate source-names source-positions",
	"get-resource":     "app-namespace,N filter-fields group kind output,o project resource-name show-managed-fields",
	"patch-resource":   "all app-namespace,N group kind namespace patch patch-type project resource-name",
	"delete-resource":  "all app-namespace,N force group kind namespace orphan project resource-name",
	"resources":        "app-namespace,N orphaned output project",
	"actions list":     "app-namespace,N group kind namespace out,o resource-name",
	"actions run":      "all app-namespace,N group kind namespace resource-name",
}

func TestEveryFlagOfArgocdAppIsTaken(t *testing.T) {
	app := application(newRemote(IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}))
	for name, flags := range applicationFlags {
		c, _, err := app.Find(strings.Fields(name))
		if err != nil || c == app || c.Name() != name[strings.LastIndex(name, " ")+1:] {
			t.Errorf("there is no app %s", name)
			continue
		}
		for _, flag := range strings.Fields(flags) {
			long, letter, _ := strings.Cut(flag, ",")
			f := c.Flags().Lookup(long)
			if f == nil {
				t.Errorf("app %s has no --%s", name, long)
			} else if letter != "" && f.Shorthand != letter {
				t.Errorf("app %s --%s has the letter %q instead of %q", name, long, f.Shorthand, letter)
			}
		}
	}
}

// Every command says what it is for, and has an example where it has flags of its own to choose from.
func TestApplicationCommandsExplainThemselves(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(application(newRemote(IO{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})))
}
