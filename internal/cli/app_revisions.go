package cli

import (
	"context"
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/pflag"
)

// revisions are the flags that say which revision of which source a command is about.
type revisions struct {
	revision  string // --revision, for an application with one source
	revisions []string
	positions []int64 // counted from 1
	names     []string
}

func (v *revisions) register(f *pflag.FlagSet) {
	f.StringArrayVar(&v.revisions, "revisions", nil, "`revision` of the source at the same place in --source-positions or --source-names; may be repeated")
	f.Int64SliceVar(&v.positions, "source-positions", nil, "`positions` of sources, counted from 1")
	f.StringArrayVar(&v.names, "source-names", nil, "`name` of a source; may be repeated")
}

func (v *revisions) check() error {
	switch {
	case len(v.names) > 0 && len(v.positions) > 0:
		return misused("Only one of source-positions and source-names can be specified.")
	case len(v.positions) > 0 && len(v.revisions) != len(v.positions):
		return misused("While using --revisions and --source-positions, length of values for both flags should be same.")
	case len(v.names) > 0 && len(v.revisions) != len(v.names):
		return misused("While using --revisions and --source-names, length of values for both flags should be same.")
	case slices.ContainsFunc(v.positions, func(p int64) bool { return p <= 0 }):
		return misused("source-position cannot be less than or equal to 0, Counting starts at 1")
	}
	return nil
}

// of are the revisions for one application, with names of sources made positions.
func (v revisions) of(spec *v1alpha1.ApplicationSpec) (revisions, error) {
	if len(v.names) == 0 {
		return v, nil
	}
	positions, err := apps.Positions(spec, v.names)
	if err != nil {
		return v, misused("%v", err)
	}
	v.positions, v.names = positions, nil
	return v, nil
}

// given reports whether another revision is meant than the one that the application follows.
func (v revisions) given() bool { return v.revision != "" || len(v.revisions) > 0 }

// rendered are the manifests of an application at revisions; fresh renders them again.
func (a applications) rendered(ctx context.Context, app *v1alpha1.Application, at revisions, fresh bool) ([]*object.Object, error) {
	res, err := api.Call[argocd.ApplicationManifestQuery, argocd.ManifestResponse](ctx, a.Client, applicationService+"GetManifests", &argocd.ApplicationManifestQuery{
		Name: app.Name, AppNamespace: app.Namespace, Project: app.Spec.ProjectName(), Revision: at.revision, Revisions: at.revisions, SourcePositions: at.positions, NoCache: fresh,
	})
	if err != nil {
		return nil, err
	}
	return apps.ParseObjects(res.Manifests)
}
