package reconcile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// maxParameters bounds the values of a chart that are told one by one.
const maxParameters = 20_000

// readChart reads a chart's values, and those of the value files that the source names. Files of other sources ($ref/…)
// and of other hosts are left out: what they say is known when the application is rendered.
func (d *Details) readChart(files *source.FS, s v1alpha1.ApplicationSource) error {
	if s.Chart != "" { // it is its own tree
		s.Path = ""
	}
	at, ok := source.Clean(s.Path)
	if !ok {
		return problem.New(problem.Invalid, "path %q is not inside the repository", s.Path)
	}
	list, err := files.List(at)
	if err != nil {
		return err
	}
	for _, e := range list {
		ext := strings.ToLower(path.Ext(e.Name))
		if e.Mode != source.Folder && strings.Contains(e.Name, "values") && (ext == ".yaml" || ext == ".yml") {
			d.ValueFiles = append(d.ValueFiles, e.Name)
		}
	}
	slices.Sort(d.ValueFiles)
	values := map[string]any{}
	own, err := files.ReadFile(path.Join(at, "values.yaml"))
	switch {
	case err == nil:
		d.Values = string(own)
		if err := merge(values, own, "values.yaml"); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if s.Helm != nil {
		for _, name := range s.Helm.ValueFiles {
			if strings.HasPrefix(name, "$") || strings.Contains(name, "://") {
				continue
			}
			full := path.Join(at, name)
			if strings.HasPrefix(name, "/") {
				full = strings.TrimPrefix(name, "/")
			}
			clean, ok := source.Clean(full)
			if !ok {
				return problem.New(problem.Invalid, "value file %q is not inside the repository", name)
			}
			data, err := files.ReadFile(clean)
			if errors.Is(err, fs.ErrNotExist) && s.Helm.IgnoreMissingValueFiles {
				continue
			}
			if errors.Is(err, fs.ErrNotExist) {
				return problem.New(problem.NotFound, "value file %s does not exist", name)
			}
			if err != nil {
				return err
			}
			if err := merge(values, data, name); err != nil {
				return err
			}
		}
	}
	d.Parameters = map[string]string{}
	return d.flatten("", values)
}

// merge lays the values of a file over others; maps are merged, everything else is replaced.
func merge(values map[string]any, data []byte, name string) error {
	var more map[string]any
	if err := yaml.Unmarshal(data, &more); err != nil {
		return problem.Because(problem.Invalid, err, "%s is no YAML map", name)
	}
	mergeMaps(values, more)
	return nil
}

func mergeMaps(values, more map[string]any) {
	for k, v := range more {
		below, both := values[k].(map[string]any)
		over, ok := v.(map[string]any)
		if both && ok {
			mergeMaps(below, over)
			continue
		}
		values[k] = v
	}
}

// flatten names every value as helm --set does: image.tag, list[0].name; a dot in a key is escaped.
func (d *Details) flatten(prefix string, value any) error {
	if len(d.Parameters) >= maxParameters {
		return problem.New(problem.Limit, "the chart has more than %d values", maxParameters)
	}
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			name := strings.ReplaceAll(key, ".", `\.`)
			if prefix != "" {
				name = prefix + "." + name
			}
			if err := d.flatten(name, below); err != nil {
				return err
			}
		}
	case []any:
		for i, below := range v {
			if err := d.flatten(fmt.Sprintf("%s[%d]", prefix, i), below); err != nil {
				return err
			}
		}
	case nil:
		d.Parameters[prefix] = ""
	default:
		d.Parameters[prefix] = fmt.Sprint(v)
	}
	return nil
}
