package render

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/source"
)

// BenchmarkRender measures an application of ten objects of each kind: rendered, found again in the same tree, found
// again after a commit elsewhere in a repository of a thousand applications.
func BenchmarkRender(b *testing.B) {
	for _, kind := range []string{"plain", "jsonnet", "kustomize", "helm"} {
		files := benchTree(kind)
		before := tree(files)
		files["unrelated.txt"] = "changed"
		commits := []source.Tree{before, tree(files)}
		for i := range 8 { // more than an entry remembers, so that each is compared
			files["unrelated.txt"] = fmt.Sprint("changed ", i)
			commits = append(commits, tree(files))
		}
		req := app("app", nil)
		req.Tree = before
		b.Run(kind+"/miss", func(b *testing.B) {
			b.ReportAllocs()
			r := New(Options{CacheBytes: -1})
			for b.Loop() {
				bench(b, r, req, false)
			}
		})
		b.Run(kind+"/hit", func(b *testing.B) {
			b.ReportAllocs()
			r := New(Options{})
			bench(b, r, req, false)
			for b.Loop() {
				bench(b, r, req, true)
			}
		})
		b.Run(kind+"/hit-other-commit", func(b *testing.B) {
			b.ReportAllocs()
			r := New(Options{})
			bench(b, r, req, false)
			i := 0
			for b.Loop() {
				other := req
				other.Tree = commits[i%len(commits)]
				bench(b, r, other, true)
				i++
			}
		})
	}
}

func bench(b *testing.B, r *Renderer, req Request, hit bool) {
	res, err := r.Objects(context.Background(), req)
	if err != nil || res.Hit != hit || len(res.Items) != 10 {
		b.Fatal(len(res.Items), res.Hit, err)
	}
}

func benchTree(kind string) source.Files {
	files := source.Files{}
	for i := range 1000 {
		files[fmt.Sprintf("apps/a%d/a.yaml", i)] = configMap("a")
	}
	deployment := func(name, image string) string {
		return strings.NewReplacer("NAME", name, "IMAGE", image).Replace(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
  labels: {app.kubernetes.io/name: NAME, app.kubernetes.io/part-of: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
      - name: main
        image: IMAGE
        ports: [{name: http, containerPort: 8080}]
        env: [{name: A, value: "1"}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 64Mi}}
        readinessProbe: {httpGet: {path: /healthz, port: http}}
`)
	}
	names := []string{}
	for i := range 10 {
		name := fmt.Sprintf("d%d", i)
		names = append(names, name+".yaml")
		switch kind {
		case "plain", "kustomize":
			files["app/"+name+".yaml"] = deployment(name, "nginx:1")
		case "helm":
			files["app/templates/"+name+".yaml"] = deployment("{{ .Release.Name }}-"+name, "{{ .Values.image | quote }}")
		}
	}
	switch kind {
	case "kustomize":
		files["app/kustomization.yaml"] = "namePrefix: p-\nimages: [{name: nginx, newTag: '2'}]\nresources: [" + strings.Join(names, ", ") + "]\n"
	case "helm":
		files["app/Chart.yaml"], files["app/values.yaml"] = "apiVersion: v2\nname: c\nversion: 1.0.0\n", "image: nginx:1\n"
	case "jsonnet":
		files["app/main.jsonnet"] = `local d(name) = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: name, labels: { app: name } },
  spec: { replicas: 2, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } },
    spec: { containers: [{ name: 'main', image: 'nginx', ports: [{ name: 'http', containerPort: 8080 }] }] } } } };
[d('d' + i) for i in std.range(1, 10)]`
	}
	return files
}
