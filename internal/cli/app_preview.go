package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// foretell prints what the sync would do, and does nothing.
func (s *syncer) foretell(ctx context.Context, req *argocd.ApplicationSyncRequest) error {
	p, err := api.Call[argocd.SyncPreviewRequest, argocd.SyncPreview](ctx, s.Client, applicationService+"PreviewSync", &argocd.SyncPreviewRequest{
		Name: req.Name, AppNamespace: req.AppNamespace, Project: req.Project, Revision: req.Revision, Revisions: req.Revisions, SourcePositions: req.SourcePositions,
		DryRun: req.DryRun, Check: req.DryRun, Prune: req.Prune, Strategy: req.Strategy, Resources: req.Resources, SyncOptions: req.SyncOptions,
	})
	if unimplemented(err) {
		return misused("the server has no previews of syncs").hint("hawser app diff %s", req.Name)
	}
	if err != nil {
		return err
	}
	switch s.format {
	case "json", "yaml":
		return printObject(s.r.std.Out, p, s.format)
	}
	for _, w := range p.Warnings {
		until := ""
		if w.Until != nil {
			until = " (until " + w.Until.UTC().Format(time.RFC3339) + ")"
		}
		fmt.Fprintf(s.r.std.Err, "Warning: %s%s\n", oneLine(w.Message), until)
	}
	t := newTable(s.r.std.Out, "PHASE", "WAVE", "ACTION", "GROUP", "KIND", "NAMESPACE", "NAME", "DETAIL")
	for _, phase := range p.Phases {
		for _, wave := range phase.Waves {
			for _, step := range wave.Steps {
				t.row(phase.Phase, cmp.Or(wave.Wave, "first"), step.Action, step.Group, step.Kind, step.Namespace, step.Name, detail(step))
			}
		}
	}
	return t.flush()
}

// detail is what there is to say of a step in one cell.
func detail(s argocd.SyncPreviewStep) string {
	var parts []string
	if s.FieldCount > 0 {
		text := strings.Join(s.Fields, ", ")
		if more := int(s.FieldCount) - len(s.Fields); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, text)
	}
	if s.Reason != "" {
		parts = append(parts, s.Reason)
	}
	if s.Problem != "" {
		parts = append(parts, "FAILS: "+s.Problem)
	}
	return oneLine(strings.Join(parts, "; "))
}
