package render

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Plugins render what nothing in this process can: programs that run elsewhere. A name that is empty means the first
// plugin that recognises the files.
type Plugins interface {
	// Identity is another text when the plugin of that name may have become another one. It is asked for each request.
	Identity(name string) string
	// Generate returns manifests, each one YAML or JSON.
	Generate(ctx context.Context, name string, in PluginInput) ([]string, error)
	// Parameters returns the parameters that the plugin says it takes.
	Parameters(ctx context.Context, name string, in PluginInput) ([]PluginParameter, error)
}

// PluginInput is everything that a plugin is given.
type PluginInput struct {
	Application string              // its name in tracking marks
	Folder      string              // of the application in the archive; "." is its root
	Archive     []byte              // tar.gz; equal files, equal bytes
	Env         []v1alpha1.EnvEntry // what the plugin's commands find in their environment, in order
}

// PluginParameter is one that a plugin says that it takes.
type PluginParameter struct {
	Name, Title, Tooltip     string
	Required                 bool
	ItemType, CollectionType string
	String                   string
	Array                    []string
	Map                      map[string]string
}

// pluginAge is how long what a plugin printed is taken for what it would print: it may read what no trace knows of, such
// as a vault. Argo CD keeps manifests as long.
const pluginAge = 24 * time.Hour

// plugin has a plugin render the source.
func (j *job) plugin(ctx context.Context) ([]object.Item, error) {
	in, err := j.pluginInput()
	if err != nil {
		return nil, err
	}
	texts, err := j.opts.Plugins.Generate(ctx, j.req.Source.Plugin.Name, in)
	if err != nil {
		failed := problem.Because(problem.KindOf(err), err, "CMP processing failed for application %q", in.Application)
		if failed.Kind == problem.Invalid && j.req.App.GeneratePaths == "" && !j.req.Settings.PluginsGetAll {
			failed = failed.WithHint("it was sent the folder %s only; what else it reads is listed in the annotation %s", j.path, v1alpha1.AnnotationManifestGeneratePaths)
		}
		return nil, failed
	}
	where := "the output of " + spokenPlugin(j.req.Source.Plugin.Name)
	budget := j.budget()
	var items []object.Item
	for _, text := range texts {
		if err := budget.take(len(text), where); err != nil {
			return nil, err
		}
		more, err := parseLenient([]byte(text), where)
		if err != nil {
			return nil, err
		}
		if items = append(items, more...); len(items) > j.opts.Objects { // render says so
			break
		}
	}
	for i := range items {
		items[i].Origin = object.Origin{} // a program made it: it has no line in a file
	}
	return items, nil
}

func spokenPlugin(name string) string {
	if name == "" {
		return "the plugin"
	}
	return "plugin " + name
}

// PluginParameters returns the parameters that the request's plugin says it takes. It is asked each time.
func (r *Renderer) PluginParameters(ctx context.Context, req Request) ([]PluginParameter, error) {
	j, err := prepare(req, r.opts)
	if err != nil {
		return nil, err
	}
	if j.req.Source.Plugin == nil {
		return nil, problem.New(problem.Invalid, "%s: no plugin renders this", j.path)
	}
	in, err := j.pluginInput()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	return r.opts.Plugins.Parameters(ctx, j.req.Source.Plugin.Name, in)
}

// pluginInput collects what the plugin is given, and records it.
func (j *job) pluginInput() (PluginInput, error) {
	if j.opts.Plugins == nil {
		return PluginInput{}, problem.New(problem.Forbidden, "%s: config management plugins are switched off", j.path).
			WithHint("hawser serve --plugins DIRECTORY (HAWSER_PLUGINS) switches them on: it names the directory of their sockets")
	}
	j.facts.get(factPlugin)
	archive, folder, err := j.pluginArchive()
	if err != nil {
		return PluginInput{}, err
	}
	return PluginInput{Application: j.facts.get(factInstance), Folder: folder, Archive: archive, Env: j.pluginEnv()}, nil
}

// pluginNames are the variables of the build environment, in the order in which Argo CD gives them.
var pluginNames = []string{
	"ARGOCD_APP_NAME", "ARGOCD_APP_NAMESPACE", "ARGOCD_APP_PROJECT_NAME", "ARGOCD_APP_REVISION", "ARGOCD_APP_REVISION_SHORT", "ARGOCD_APP_REVISION_SHORT_8",
	"ARGOCD_APP_SOURCE_REPO_URL", "ARGOCD_APP_SOURCE_PATH", "ARGOCD_APP_SOURCE_TARGET_REVISION", "KUBE_VERSION", "KUBE_API_VERSIONS",
}

// pluginEnv is the build environment, the source's own variables behind a prefix that keeps them from being anything else,
// and its parameters in the two forms that Argo CD gives them.
func (j *job) pluginEnv() []v1alpha1.EnvEntry {
	p := j.req.Source.Plugin
	var env []v1alpha1.EnvEntry
	add := func(name, value string) { env = append(env, v1alpha1.EnvEntry{Name: name, Value: value}) }
	for _, name := range pluginNames {
		value, _ := j.facts.env(name)
		add(name, value)
	}
	if j.req.App.GeneratePaths != "" {
		// Who lists the paths that matter says that a commit elsewhere does not. The plugin then knows the commit at which
		// one of them changed; a variable below that spells the revision out brings it back among the facts.
		delete(j.facts.used, factRevision)
	}
	for _, e := range p.Env {
		add("ARGOCD_ENV_"+e.Name, j.facts.expand(e.Value))
	}
	text, err := json.Marshal(p.Parameters)
	if err != nil { // strings, maps and lists of them always can
		text = []byte("null")
	}
	add("ARGOCD_APP_PARAMETERS", string(text))
	for _, param := range p.Parameters {
		base := "PARAM_" + envName(param.Name)
		if param.String != nil {
			add(base, *param.String)
		}
		if param.Map != nil {
			for _, key := range slices.Sorted(maps.Keys(param.Map.Map)) {
				add(base+"_"+envName(key), param.Map.Map[key])
			}
		}
		if param.Array != nil {
			for i, value := range param.Array.Array {
				add(fmt.Sprintf("%s_%d", base, i), value)
			}
		}
	}
	return env
}

var notInNames = regexp.MustCompile(`[^A-Z0-9_]`)

func envName(s string) string { return notInNames.ReplaceAllString(strings.ToUpper(s), "_") }

// withoutUser takes user and password out of an address: credentials for Git are nothing that a plugin is given.
func withoutUser(address string) string {
	if u, err := url.Parse(address); err == nil && u.User != nil && u.Scheme != "ssh" {
		u.User = nil
		return u.String()
	}
	return address
}
