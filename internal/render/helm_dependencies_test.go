package render

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

const umbrella = `apiVersion: v2
name: umbrella
version: 1.0.0
dependencies:
- {name: redis, version: 1.x, repository: 'https://charts.corp/a', condition: redis.enabled}
- {name: redis, version: 2.x, repository: 'https://charts.corp/a', alias: second}
- {name: common, version: '*', repository: 'file://../common'}
- {name: inside, version: '*'}
- {name: queue, version: 3.1.0, repository: 'oci://registry.corp/org'}
- {name: folder, version: '*', repository: '@corp'}
- {name: packed, version: '*', repository: 'alias:corp'}
- {name: any, repository: 'https://charts.corp/b'}
`

// locked is the lock file of these dependencies, with the digest that Helm gives it.
func locked(t *testing.T, needs, versions []map[string]any) string {
	t.Helper()
	type dependency struct { // in the order of Helm's fields
		Name       string `json:"name"`
		Version    string `json:"version,omitempty"`
		Repository string `json:"repository"`
		Condition  string `json:"condition,omitempty"`
		Alias      string `json:"alias,omitempty"`
	}
	var both [2][]dependency
	for i, list := range [][]map[string]any{needs, versions} {
		for _, m := range list {
			text, err := json.Marshal(m)
			must(t, err)
			d := dependency{}
			must(t, json.Unmarshal(text, &d))
			both[i] = append(both[i], d)
		}
	}
	text, err := json.Marshal(both)
	must(t, err)
	sum := sha256.Sum256(text)
	list, err := json.Marshal(map[string]any{"dependencies": versions, "digest": "sha256:" + hex.EncodeToString(sum[:]), "generated": "2026-01-02T03:04:05Z"})
	must(t, err)
	return string(list)
}

func TestDependenciesThatAChartLacks(t *testing.T) {
	tree := source.NewFS(source.Memory(source.Files{
		"app/Chart.yaml": umbrella, "common/Chart.yaml": "apiVersion: v2\nname: common\nversion: 1.0.0\n",
		"app/charts/x/Chart.yaml": "name: folder", "app/charts/packed-1.2.3.tgz": "", "app/charts/queue-helper-1.0.0.tgz": "",
	}), 0)
	got, err := Dependencies(tree, v1alpha1.ApplicationSource{Path: "app"}, Settings{})
	must(t, err)
	want := []Dependency{
		{Name: "redis", Repository: "https://charts.corp/a", Version: "1.x"}, {Name: "redis", Repository: "https://charts.corp/a", Version: "2.x"},
		{Name: "queue", Repository: "oci://registry.corp/org", Version: "3.1.0"}, {Name: "any", Repository: "https://charts.corp/b", Version: "*"},
	}
	folders := map[string]bool{}
	for i := range got {
		if !strings.HasPrefix(got[i].Folder, "app/charts/"+got[i].Name+"-") || folders[got[i].Folder] {
			t.Errorf("folder %s", got[i].Folder)
		}
		folders[got[i].Folder], got[i].Folder = true, ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, spec := range map[string]v1alpha1.ApplicationSource{
		"no chart": {Path: "."}, "plain": {Path: "app", Directory: &v1alpha1.ApplicationSourceDirectory{Recurse: true}}, "nowhere": {Path: "none"}, "outside": {Path: "../x"},
	} {
		if list, err := Dependencies(tree, spec, Settings{}); err != nil || len(list) > 0 {
			t.Errorf("%s: %v %v", name, list, err)
		}
	}
}

func TestALockDecidesVersions(t *testing.T) {
	needs := []map[string]any{{"name": "redis", "version": "1.x", "repository": "https://charts.corp/a", "condition": "redis.enabled"}, {"name": "queue", "version": "^3", "repository": "oci://registry.corp/org"}}
	versions := []map[string]any{{"name": "redis", "version": "1.4.2", "repository": "https://charts.corp/a"}, {"name": "queue", "version": "3.1.0", "repository": "oci://registry.corp/org"}}
	list, err := json.Marshal(needs)
	must(t, err)
	about := "apiVersion: v2\nname: umbrella\nversion: 1.0.0\ndependencies: " + string(list) + "\n"
	at := func(files source.Files) ([]Dependency, error) {
		return Dependencies(source.NewFS(source.Memory(files), 0), v1alpha1.ApplicationSource{Path: "."}, Settings{})
	}
	got, err := at(source.Files{"Chart.yaml": about, "Chart.lock": locked(t, needs, versions)})
	must(t, err)
	if len(got) != 2 || got[0].Version != "1.4.2" || !got[0].Locked || got[1].Version != "3.1.0" {
		t.Errorf("%+v", got)
	}
	old := source.Files{"Chart.yaml": "name: umbrella\nversion: 1.0.0\n", "requirements.yaml": "dependencies: " + string(list), "requirements.lock": locked(t, needs, versions)}
	if got, err := at(old); err != nil || len(got) != 2 || got[0].Version != "1.4.2" {
		t.Errorf("%+v %v", got, err)
	}
	for name, text := range map[string]string{
		"other range": locked(t, append([]map[string]any{{"name": "redis", "version": "2.x", "repository": "https://charts.corp/a"}}, needs[1:]...), versions),
		"fewer":       locked(t, needs, versions[:1]),
		"edited":      strings.Replace(locked(t, needs, versions), "1.4.2", "1.4.3", 1),
		"empty":       "{}",
	} {
		if _, err := at(source.Files{"Chart.yaml": about, "Chart.lock": text}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "out of sync") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// with everything at hand, nobody asks the lock
	vendored := source.Files{"Chart.yaml": about, "Chart.lock": "{}", "charts/redis-1.0.0.tgz": "", "charts/queue/Chart.yaml": "name: queue"}
	if got, err := at(vendored); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
}

// A dependency that was laid over the tree is rendered with its alias and condition, and one that is not to be had matters
// only if it is switched on.
func TestDependenciesAreRendered(t *testing.T) {
	chart := func(version string) source.Tree {
		return source.Memory(source.Files{
			"Chart.yaml": "apiVersion: v2\nname: redis\nversion: " + version + "\n", "values.yaml": "size: 1\n",
			"templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}}\ndata: {version: '{{ .Chart.Version }}', size: '{{ .Values.size }}'}\n",
		})
	}
	base := source.Memory(source.Files{"app/Chart.yaml": `apiVersion: v2
name: app
version: 1.0.0
dependencies:
- {name: redis, version: 1.x, repository: 'https://charts.corp', condition: cache.enabled, alias: cache}
- {name: redis, version: 2.x, repository: 'https://charts.corp', alias: store}
`, "app/values.yaml": "cache: {enabled: false}\nstore: {size: 5}\n"})
	request := Request{Source: v1alpha1.ApplicationSource{RepoURL: "https://git.corp/x", Path: "app"}, App: App{Name: "app"}}
	list, err := Dependencies(source.NewFS(base, 0), request.Source, Settings{})
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	render := New(Options{})
	objects := func(cache, store source.Tree, missing map[string]error, on bool) (map[string]string, error) {
		at := map[string]source.Tree{}
		if cache != nil {
			at[list[0].Folder] = cache
		}
		if store != nil {
			at[list[1].Folder] = store
		}
		r := request
		r.Tree, r.Missing = source.Mount(base, at), missing
		if on {
			r.Source.Helm = &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "cache.enabled", Value: "true"}}}
		}
		result, err := render.Objects(context.Background(), r)
		found := map[string]string{}
		for _, it := range result.Items {
			data := it.Object.Object["data"].(map[string]any)
			found[it.Object.GetName()] = data["version"].(string) + " " + data["size"].(string)
		}
		return found, err
	}
	got, err := objects(chart("1.5.0"), chart("2.0.0"), nil, false)
	must(t, err)
	if diff := cmp.Diff(map[string]string{"store": "2.0.0 5"}, got); diff != "" {
		t.Error(diff)
	}
	got, err = objects(chart("1.5.0"), chart("2.0.1"), nil, true)
	must(t, err)
	if diff := cmp.Diff(map[string]string{"cache": "1.5.0 1", "store": "2.0.1 5"}, got); diff != "" {
		t.Error(diff)
	}
	gone := problem.New(problem.Unavailable, "charts.corp does not answer")
	lone := source.Memory(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: redis, version: 1.x, repository: 'https://charts.corp', condition: cache.enabled}\n", "app/values.yaml": "cache: {enabled: false}\n",
		"app/templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {version: a, size: b}\n"})
	r := request
	r.Tree, r.Missing = lone, map[string]error{"redis": gone}
	if result, err := render.Objects(context.Background(), r); err != nil || len(result.Items) != 1 {
		t.Errorf("a dependency that is switched off was missed: %v", err)
	}
	r.Source.Helm = &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "cache.enabled", Value: "true"}}}
	if _, err := render.Objects(context.Background(), r); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "dependency redis: charts.corp does not answer") {
		t.Errorf("%v", err)
	}
}
