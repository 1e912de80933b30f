package daemon

import (
	"context"

	"github.com/hawser-cd/hawser/internal/plugin/sidecar"
	"github.com/hawser-cd/hawser/internal/render"
)

// plugins joins what renders with what asks the plugins.
type plugins struct{ *sidecar.Client }

// pluginsIn returns the plugins of a directory, or none when there is no directory.
func pluginsIn(dir string) render.Plugins {
	if dir == "" {
		return nil
	}
	return plugins{sidecar.New(dir)}
}

// pluginNames is nil when there is no directory of plugins.
func (d *Daemon) pluginNames() func() ([]string, error) {
	if d.cfg.Plugins == "" {
		return nil
	}
	return sidecar.New(d.cfg.Plugins).Names
}

func (p plugins) Generate(ctx context.Context, name string, in render.PluginInput) ([]string, error) {
	return p.Client.Generate(ctx, name, sidecar.Input(in))
}

func (p plugins) Parameters(ctx context.Context, name string, in render.PluginInput) ([]render.PluginParameter, error) {
	list, err := p.Client.Parameters(ctx, name, sidecar.Input(in))
	var out []render.PluginParameter
	for _, one := range list {
		out = append(out, render.PluginParameter(one))
	}
	return out, err
}
