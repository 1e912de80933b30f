package apps

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/util/duration"
)

// phases are the parts of a sync in their order.
var phases = []v1alpha1.SyncPhase{v1alpha1.SyncPhasePreSync, v1alpha1.SyncPhaseSync, v1alpha1.SyncPhasePostSync, v1alpha1.SyncPhaseSyncFail}

// Progress is the state of a sync as a tree for a terminal: what it waits for, then its phases, waves, hooks and objects.
// It has at most height lines, and none is longer than width; 0 for no bound. What is done is left out first.
func Progress(app *v1alpha1.Application, chosen Selection, width, height int, now time.Time) []string {
	lines := []progressLine{{text: progressHead(app, now), keep: true}}
	if op := app.Status.OperationState; op != nil && op.Message != "" {
		lines = append(lines, progressLine{text: "  " + strings.Join(strings.Fields(op.Message), " "), keep: true})
	}
	list := progressItems(app, chosen)
	for _, phase := range phases {
		var mine []progressItem
		for _, item := range list {
			if item.phase == phase {
				mine = append(mine, item)
			}
		}
		if len(mine) == 0 {
			continue
		}
		lines = append(lines, progressLine{text: string(phase), keep: true})
		waves := map[int64][]progressItem{}
		var order []int64
		for _, item := range mine {
			if _, ok := waves[item.wave]; !ok {
				order = append(order, item.wave)
			}
			waves[item.wave] = append(waves[item.wave], item)
		}
		slices.Sort(order)
		for _, wave := range order {
			indent := "  "
			if len(order) > 1 {
				lines = append(lines, progressLine{text: fmt.Sprintf("  wave %d", wave), keep: true})
				indent = "    "
			}
			for _, item := range waves[wave] {
				lines = append(lines, progressLine{text: indent + item.String(), keep: !item.done})
			}
		}
	}
	return fitLines(lines, width, height)
}

func progressHead(app *v1alpha1.Application, now time.Time) string {
	op := app.Status.OperationState
	switch {
	case op == nil, app.Operation != nil && op.Phase != v1alpha1.OperationRunning && op.Phase != v1alpha1.OperationTerminating:
		return Qualified(app) + "  waits to be taken up"
	}
	revision := ""
	if op.SyncResult != nil {
		revision = op.SyncResult.Revision
		if len(op.SyncResult.Revisions) > 0 {
			revision = op.SyncResult.Revisions[0]
		}
		if commit.MatchString(revision) {
			revision = revision[:7]
		}
	}
	end := now
	if op.FinishedAt != nil && op.Phase != v1alpha1.OperationRunning {
		end = op.FinishedAt.Time
	}
	s := fmt.Sprintf("%s  %s", Qualified(app), op.Phase)
	if revision != "" {
		s += " to " + revision
	}
	s += "  " + duration.HumanDuration(max(0, end.Sub(op.StartedAt.Time)))
	if op.RetryCount > 0 {
		s += fmt.Sprintf("  try %d", op.RetryCount+1)
	}
	return s
}

// progressItem is one object or hook of a sync.
type progressItem struct {
	State
	phase v1alpha1.SyncPhase
	wave  int64
	done  bool
}

// Signs in front of an item.
const (
	signDone    = "✔"
	signRunning = "…"
	signFailed  = "✖"
	signWaiting = "·"
)

func (i progressItem) String() string {
	sign, word := signWaiting, i.Status
	switch {
	case i.Hook != "" && i.Status == string(v1alpha1.OperationSucceeded):
		sign = signDone
	case i.Hook != "" && (i.Status == string(v1alpha1.OperationFailed) || i.Status == string(v1alpha1.OperationError)), i.Health == string(v1alpha1.HealthStatusDegraded):
		sign = signFailed
	case i.Hook != "":
		sign = signRunning
	case i.Status == string(v1alpha1.SyncStatusSynced) && i.Health != string(v1alpha1.HealthStatusProgressing) && i.Health != string(v1alpha1.HealthStatusMissing):
		sign = signDone
	case i.Status == string(v1alpha1.SyncStatusSynced), i.Message != "":
		sign = signRunning
	}
	name := i.Kind + "/" + i.Name
	if i.Hook != "" {
		name += " (hook)"
	} else if i.Health != "" {
		word = strings.TrimSpace(word + " " + i.Health)
	}
	s := fmt.Sprintf("%s %-40s %s", sign, name, word)
	if i.Message != "" && sign != signDone {
		s += "  " + strings.Join(strings.Fields(i.Message), " ")
	}
	return s
}

func progressItems(app *v1alpha1.Application, chosen Selection) []progressItem {
	waves, phaseOf := map[object.Key]int64{}, map[object.Key]v1alpha1.SyncPhase{}
	for _, r := range app.Status.Resources {
		waves[object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}] = r.SyncWave
	}
	if op := app.Status.OperationState; op != nil && op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			if r.SyncPhase != "" {
				phaseOf[object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}] = r.SyncPhase
			}
		}
	}
	var list []progressItem
	for _, s := range States(app, chosen) {
		item := progressItem{State: s, wave: waves[s.Key], phase: phaseOf[s.Key]}
		if item.phase == "" {
			item.phase = v1alpha1.SyncPhaseSync
		}
		item.done = strings.HasPrefix(item.String(), signDone)
		list = append(list, item)
	}
	return list
}

type progressLine struct {
	text string
	keep bool // not done yet, or structure
}

// fitLines leaves out what is done, then what does not fit, and says how much that was.
func fitLines(lines []progressLine, width, height int) []string {
	dropped := 0
	if height > 0 && len(lines) > height {
		excess := len(lines) - (height - 1) // one line says what is left out
		lines = slices.DeleteFunc(lines, func(l progressLine) bool {
			if !l.keep && dropped < excess {
				dropped++
				return true
			}
			return false
		})
		if room := max(1, height-1); len(lines) > room {
			dropped += len(lines) - room
			lines = lines[:room]
		}
	}
	var out []string
	for _, l := range lines {
		if width > 0 && utf8.RuneCountInString(l.text) > width {
			l.text = cut(l.text, width)
		}
		out = append(out, l.text)
	}
	if dropped > 0 {
		out = append(out, fmt.Sprintf("… and %d more", dropped))
	}
	return out
}
