package compat_test

import (
	_ "embed"
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
	"edit": "#!/bin/sh\nsed -i -e 's/description: .*/description: edited/' -e 's/path: app$/path: more/' \"$1\"\n",
}
