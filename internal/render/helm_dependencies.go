package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"sigs.k8s.io/yaml"
)

// maxDependencies bounds what one chart may have fetched.
const maxDependencies = 64

// Dependency is a chart that another one needs, from a repository, and that does not lie in its charts/ folder.
type Dependency struct {
	Name       string
	Repository string // as written: https://…, oci://…, @name or alias:name
	Version    string // the locked one, else the range that Chart.yaml has
	Locked     bool
	Folder     string // in the tree, where the chart is looked for
}

// Dependencies returns what the chart at a source's path needs and does not have with it, in the order of Chart.yaml. It is empty
// for sources that are no chart. A lock file (Chart.lock) decides the versions, and must be of these dependencies:
// Helm refuses another one, too.
//
// The caller fetches them, and lays them over the tree (source.Mount): so they are part of what is rendered, and of what
// the cache compares.
func Dependencies(tree *source.FS, spec v1alpha1.ApplicationSource, set Settings) ([]Dependency, error) {
	folder, err := folderOf(spec)
	if err != nil || spec.Plugin != nil || spec.Kustomize != nil || spec.Directory != nil && spec.Helm == nil {
		return nil, nil // rendering says what is wrong with it
	}
	if !isFile(tree, path.Join(folder, "Chart.yaml")) {
		return nil, nil
	}
	if kind, err := detect(tree, withoutEmptyBlocks(spec), folder, set); err != nil || kind != v1alpha1.SourceTypeHelm {
		return nil, nil
	}
	needs, lock, err := readDependencies(tree, folder)
	if err != nil {
		return nil, err
	}
	var list []Dependency
	var present map[string]bool
	for i, need := range needs {
		if need == nil || need.Repository == "" || strings.HasPrefix(need.Repository, "file://") {
			continue
		}
		if err := chartName(need.Name); err != nil {
			return nil, problem.Because(problem.Invalid, err, "%s", path.Join(folder, "Chart.yaml"))
		}
		if present == nil {
			if present, err = vendored(tree, path.Join(folder, "charts"), needs); err != nil {
				return nil, err
			}
		}
		if present[need.Name] {
			continue
		}
		d := Dependency{Name: need.Name, Repository: need.Repository, Version: need.Version}
		if lock != nil {
			if err := fits(needs, lock, path.Join(folder, "Chart.lock")); err != nil {
				return nil, err
			}
			d.Version, d.Locked = lock.Dependencies[i].Version, true
		}
		if d.Version == "" {
			d.Version = "*"
		}
		d.Folder = path.Join(folder, "charts", d.Name+"-"+hex.EncodeToString([]byte(d.Version)))
		if list = append(list, d); len(list) > maxDependencies {
			return nil, problem.New(problem.Limit, "%s: more than %d dependencies", path.Join(folder, "Chart.yaml"), maxDependencies)
		}
	}
	return list, nil
}

// readDependencies reads Chart.yaml and Chart.lock, or requirements.yaml and its lock of charts of the first version; lock is nil
// when there is none.
func readDependencies(tree *source.FS, folder string) (needs []*chart.Dependency, lock *chart.Lock, err error) {
	var about struct {
		APIVersion   string              `json:"apiVersion"`
		Dependencies []*chart.Dependency `json:"dependencies"`
	}
	read := func(name string, into any) (bool, error) {
		file := path.Join(folder, name)
		text, err := tree.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err == nil {
			if err = yaml.Unmarshal(text, into); err != nil {
				err = problem.Because(problem.Invalid, err, "%s", file)
			}
		}
		return err == nil, err
	}
	if _, err := read("Chart.yaml", &about); err != nil {
		return nil, nil, err
	}
	locks := "Chart.lock"
	if about.APIVersion == "" || about.APIVersion == "v1" {
		if _, err := read("requirements.yaml", &about); err != nil {
			return nil, nil, err
		}
		locks = "requirements.lock"
	}
	l := &chart.Lock{}
	there, err := read(locks, l)
	if err != nil || !there {
		return about.Dependencies, nil, err
	}
	return about.Dependencies, l, nil
}

// fits checks that a lock was made of these dependencies. The digests are Helm's (its internal/resolver): over both lists as
// JSON, and in locks of Helm 2 over the first one alone.
func fits(needs []*chart.Dependency, lock *chart.Lock, file string) error {
	stale := problem.New(problem.Invalid, "%s: the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies", file).
		WithHint("run `helm dependency update` and commit Chart.lock")
	if len(lock.Dependencies) != len(needs) {
		return stale
	}
	for i, locked := range lock.Dependencies {
		if locked == nil || needs[i] == nil || locked.Name != needs[i].Name || locked.Version == "" {
			return stale
		}
	}
	for _, of := range []any{[2][]*chart.Dependency{needs, lock.Dependencies}, struct {
		Dependencies []*chart.Dependency `json:"dependencies"`
	}{needs}} {
		text, err := json.Marshal(of)
		if err != nil {
			return problem.Because(problem.Internal, err, "%s", file)
		}
		sum := sha256.Sum256(text)
		if lock.Digest == "sha256:"+hex.EncodeToString(sum[:]) {
			return nil
		}
	}
	return stale
}

// vendored names the charts that lie in charts/, as folders or packed (name-version.tgz).
func vendored(tree *source.FS, folder string, needs []*chart.Dependency) (map[string]bool, error) {
	present := map[string]bool{}
	if !tree.Exists(folder) {
		return present, nil
	}
	list, err := tree.List(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if packed, ok := strings.CutSuffix(e.Name, ".tgz"); ok {
			for _, need := range needs {
				if need == nil {
					continue
				}
				if version, ok := strings.CutPrefix(packed, need.Name+"-"); ok && version != "" && (isDigit(version[0]) || version[0] == 'v' && len(version) > 1 && isDigit(version[1])) {
					present[need.Name] = true
				}
			}
			continue
		}
		text, err := tree.ReadFile(path.Join(folder, e.Name, "Chart.yaml"))
		if err != nil {
			continue // no chart, or one that loading says is broken
		}
		var about struct {
			Name string `json:"name"`
		}
		if yaml.Unmarshal(text, &about) == nil {
			present[about.Name] = true
		}
	}
	return present, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
