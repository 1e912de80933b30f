package compat_test

import (
	"cmp"
	_ "embed"
	"fmt"
	"strings"
)

// What a certificate, a key and a host look like that people trust. The private halves are kept nowhere.
var (
	//go:embed testdata/server.pem
	serverPEM string
	//go:embed testdata/key.asc
	keyASC string
)

const knownHost = "git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"

// repositories are the files of each Git repository that scripts deploy from.
var repositories = map[string]map[string]string{
	"web": {
		"app/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {greeting: hello}\n",
		"app/web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.org/web:1"}]}
`,
		"slow/web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: slow}
spec:
  selector: {matchLabels: {app: slow}}
  template:
    metadata: {labels: {app: slow}}
    spec: {nodeSelector: {there: is-none}, containers: [{name: web, image: "example.org/web:1"}]}
`,
		"slow/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: after-slow, annotations: {argocd.argoproj.io/sync-wave: \"1\"}}\n",
		"more/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {greeting: more}\n",
	},
	"set": {
		"overlay/kustomization.yaml": "resources: [config.yaml]\n",
		"overlay/config.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n",
		"chart/Chart.yaml":           "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
		"chart/values.yaml":          "greeting: hello\n",
		"chart/templates/c.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {greeting: {{ .Values.greeting | quote }}}\n",
		"next/config.yaml":           "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: next}\n",
	},
}

// setOf is an ApplicationSet; its applications are called as it is, with the parameter name, unless named otherwise.
func setOf(name, team, generator string, names ...string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s, labels: {team: %[2]s}, annotations: {example.org/by: %[2]s}}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
  %[3]s
  template:
    metadata: {name: "%[4]s", labels: {set: %[1]s, team: %[2]s, colour: "{{.colour}}"}}
    spec:
      project: default
      source: {repoURL: "$GIT_WEB", path: more, targetRevision: main}
      destination: {server: "https://kubernetes.default.svc", namespace: $TARGET}
`, name, team, generator, cmp.Or(strings.Join(names, ""), name+"-{{.name}}"))
}

// inputs are files in the folder that commands run in; $NAME is filled in.
var inputs = map[string]string{
	"server.pem":  serverPEM,
	"key.asc":     keyASC,
	"known_hosts": knownHost,
	"app.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: filed, labels: {from: file}}
spec:
  project: default
  source: {repoURL: "$GIT_WEB", path: more, targetRevision: main}
  destination: {server: "https://kubernetes.default.svc", namespace: $TARGET}
`,
	"several.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: several}
spec:
  project: default
  sources: [{repoURL: "$GIT_SET", path: next, name: first}]
  destination: {server: "https://kubernetes.default.svc", namespace: $TARGET}
`,
	"appset.yaml": `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: many}
spec:
  goTemplate: true
  generators:
  - list: {elements: []} # what it makes has tests of its own, and is not always as soon
  template:
    metadata: {name: "many-{{.name}}"}
    spec:
      project: default
      source: {repoURL: "$GIT_WEB", path: more, targetRevision: main}
      destination: {server: "https://kubernetes.default.svc", namespace: $TARGET}
`,
	"project.yaml": `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: filed}
spec: {description: from a file, sourceRepos: ["*"]}
`,
	"sets.yaml":        setOf("made", "blue", `- list: {elements: [{name: a, colour: red}, {name: b, colour: "1"}]}`),
	"sets-edited.yaml": setOf("made", "green", `- list: {elements: [{name: a, colour: red}, {name: c, colour: ""}]}`),
	"folders.yaml": setOf("folders", "blue", `- matrix:
      generators:
      - git: {repoURL: "$GIT_SET", revision: main, directories: [{path: "*"}, {path: chart, exclude: true}]}
      - list: {elements: [{name: one, colour: red}, {name: two, colour: red}]}`, "{{.path.basename}}-{{.name}}"),
	"two-sets.yaml":      setOf("first", "blue", `- list: {elements: []}`) + "---\n" + setOf("second", "blue", `- list: {elements: []}`),
	"bad-key.yaml":       setOf("bad", "blue", `- list: {elements: [{colour: red}]}`),
	"bad-generator.yaml": setOf("bad", "blue", `- lost: {}`),
	"bad-project.yaml":   strings.Replace(setOf("bad", "blue", `- list: {elements: []}`), "project: default", "project: none", 1),
	"edit":               "#!/bin/sh\nsed -i -e 's/description: .*/description: edited/' -e 's/path: app$/path: more/' \"$1\"\n",
}
