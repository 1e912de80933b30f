package render

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// openAPI guards a global of the kustomize library: a kustomization with an openapi field replaces the schema that
// every other build in the process merges by, and it stays replaced (patches then drop whole containers). Such a
// build runs alone and cleans up; all others share.
var openAPI sync.RWMutex

// kustomize builds the kustomization at the application's path with spec.source.kustomize laid over it.
func (j *job) kustomize() ([]object.Item, error) {
	opts, err := buildOptions(j.req.Settings.KustomizeBuildOptions)
	if err != nil {
		return nil, err
	}
	files := newKustomizeFS(j)
	root, err := j.fs.Resolve(j.path)
	if err != nil {
		return nil, err
	}
	wantsOrigins, err := overlay(files, root, j.req.Source.Kustomize, j.facts)
	if err != nil {
		return nil, err
	}
	fence := fence{files: files, seen: map[string]bool{}}
	if err := fence.kustomization(root, false); err != nil {
		return nil, err
	}
	if fence.openAPI {
		openAPI.Lock()
		defer openAPI.Unlock()
		openapi.ResetOpenAPI() // what others have loaded would be merged into it
		defer openapi.ResetOpenAPI()
	} else {
		openAPI.RLock()
		defer openAPI.RUnlock()
	}
	built, err := krusty.MakeKustomizer(opts).Run(files, "/"+root)
	if files.failed != nil {
		return nil, files.failed // has a kind; kustomize has turned it into text
	}
	if err != nil {
		return nil, problem.New(problem.Invalid, "kustomize build %s: %s", j.path, strings.TrimSpace(err.Error()))
	}
	return j.fromResMap(built, root, wantsOrigins)
}

// originAnnotation is where kustomize notes the file of an object if the kustomization asks for it
// (buildMetadata: [originAnnotations]). We always ask, and take it off again unless the user asked too.
const originAnnotation = "config.kubernetes.io/origin"

func (j *job) fromResMap(built resmap.ResMap, root string, keepOrigins bool) ([]object.Item, error) {
	var items []object.Item
	left := j.budget()
	for _, r := range built.Resources() {
		text, err := r.MarshalJSON()
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "kustomize build %s: %s", j.path, r.CurId())
		}
		if err := left.take(len(text), j.path); err != nil {
			return nil, err
		}
		file := ""
		if origin, err := r.GetOrigin(); err == nil && origin != nil {
			// An object from a generator has no file but the kustomization that configures it.
			if file = origin.Path; file == "" {
				file = origin.ConfiguredIn
			}
			file = path.Join(root, file)
		}
		found, err := object.Parse(text, file)
		if err != nil {
			return nil, err
		}
		for _, it := range found {
			it.Origin.Line = 0
			if !keepOrigins {
				removeAnnotation(it.Object, originAnnotation)
			}
			items = append(items, it)
		}
	}
	return items, nil
}

// removeAnnotation works on an object that nobody else has seen yet.
func removeAnnotation(o *object.Object, name string) {
	meta, _ := o.Object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if delete(annotations, name); annotations != nil && len(annotations) == 0 {
		delete(meta, "annotations")
	}
}

// buildOptions understands kustomize.buildOptions of argocd-cm. It is an allow-list: most flags of `kustomize build`
// run programs or reach out.
func buildOptions(text string) (*krusty.Options, error) {
	o := krusty.MakeDefaultOptions()
	o.Reorder = krusty.ReorderOptionUnspecified // what the command line defaults to
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		flag, value, given := strings.Cut(words[i], "=")
		next := func() string {
			if !given && i+1 < len(words) {
				i++
				return words[i]
			}
			return value
		}
		switch flag {
		case "--load-restrictor", "--load_restrictor":
			switch v := next(); v {
			case "LoadRestrictionsNone", "none": // still inside the tree: there is nothing else to load from
				o.LoadRestrictions = types.LoadRestrictionsNone
			case "LoadRestrictionsRootOnly", "rootOnly":
			default:
				return nil, badOption(flag + " " + v)
			}
		case "--reorder":
			switch v := next(); v {
			case "none", "legacy":
				o.Reorder = krusty.ReorderOption(v)
			default:
				return nil, badOption(flag + " " + v)
			}
		case "--enable-helm": // says only that helmCharts may be used, which is refused where one is
		default:
			return nil, badOption(words[i])
		}
	}
	return o, nil
}

func badOption(what string) error {
	return problem.New(problem.Forbidden, "kustomize.buildOptions: %s is not allowed", what).
		WithHint("--load-restrictor, --reorder and --enable-helm are understood; nothing that runs programs or uses the network")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
