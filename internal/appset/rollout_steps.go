package appset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Annotations on an ApplicationSet that steer its rollout. They are ours: Argo CD's strategy has no words for them.
const (
	// AnnotationRollout halts a rollout: paused lets what is under way end, aborted ends that too. Without it, or with any other value
	// than these two, it goes on.
	AnnotationRollout = "hawser.dev/rollout"
	// AnnotationBake is how long a step must have been Healthy before the next begins: one duration for all steps (10m), or one for each,
	// with commas between them (10m,1h).
	AnnotationBake = "hawser.dev/rollout-bake"
)

const (
	haltPaused  = "paused"
	haltAborted = "aborted"
)

// Rollout is what a set says of its rollout.
type Rollout struct {
	Steps   []v1alpha1.ApplicationSetRolloutStep
	Bake    []time.Duration // for each step
	Halt    string          // paused, aborted, or nothing
	Reverse bool            // later steps are deleted first
	bakeErr error
}

// IsRolling reports whether a set syncs its applications step by step.
func IsRolling(set *v1alpha1.ApplicationSet) bool {
	return set.Spec.Strategy != nil && set.Spec.Strategy.Type == "RollingSync"
}

// ParseRollout reads what a set says. It is Invalid when there are no steps; what else is wrong becomes a condition.
func ParseRollout(set *v1alpha1.ApplicationSet) (*Rollout, error) {
	if !IsRolling(set) || set.Spec.Strategy.RollingSync == nil || len(set.Spec.Strategy.RollingSync.Steps) == 0 {
		return nil, noSteps()
	}
	p := &Rollout{Steps: set.Spec.Strategy.RollingSync.Steps, Reverse: strings.EqualFold(set.Spec.Strategy.DeletionOrder, "Reverse")}
	switch said := strings.ToLower(strings.TrimSpace(set.Annotations[AnnotationRollout])); said {
	case haltPaused, haltAborted:
		p.Halt = said
	}
	p.Bake = make([]time.Duration, len(p.Steps))
	p.bakeErr = parseBake(set.Annotations[AnnotationBake], p.Bake)
	return p, nil
}

func parseBake(text string, bake []time.Duration) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range bake {
		part := parts[0]
		if len(parts) > 1 {
			if i >= len(parts) {
				break
			}
			part = parts[i]
		}
		d, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil || d < 0 {
			return problem.New(problem.Invalid, "annotation %s: %q is no duration", AnnotationBake, clip(part)).WithHint("10m for all steps, or 10m,1h for the first and the second")
		}
		bake[i] = d
	}
	return nil
}

// StepOf is the first step that selects an application by its labels, from 0; -1 when none does: it is then left to people.
func (p *Rollout) StepOf(labels map[string]string) int {
	return slices.IndexFunc(p.Steps, func(s v1alpha1.ApplicationSetRolloutStep) bool { return selects(s, labels) })
}

// selects reports whether all conditions of a step hold. Argo CD knows In and NotIn; the others are as in any
// selector. One that is not known selects nothing.
func selects(s v1alpha1.ApplicationSetRolloutStep, labels map[string]string) bool {
	for _, m := range s.MatchExpressions {
		v, there := labels[m.Key]
		var ok bool
		switch m.Operator {
		case "In":
			ok = there && slices.Contains(m.Values, v)
		case "NotIn":
			ok = !there || !slices.Contains(m.Values, v)
		case "Exists":
			ok = there
		case "DoesNotExist":
			ok = !there
		}
		if !ok {
			return false
		}
	}
	return true
}

// maxUpdate is how many applications of a step may be under way at once: all without a limit. A percentage is rounded down,
// but one above nought is one at least.
func maxUpdate(limit *intstr.IntOrString, of int) (int, error) {
	if limit == nil {
		return of, nil
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(limit, of, false)
	switch {
	case err != nil || n < 0:
		return 0, fmt.Errorf("invalid maxUpdate value: %s", limit.String())
	case n == 0 && limit.Type == intstr.String && strings.Trim(limit.StrVal, "0%") != "":
		return 1, nil
	}
	return n, nil
}

// rolloutFaults is what is wrong with the steps. Some of it is only told; what could let a step pass that its author
// meant to hold stops the rollout.
type rolloutFaults struct {
	message string
	stop    bool
}

func (p *Rollout) faults(members []*member, steps [][]*member) rolloutFaults {
	numbers := func(list []int) string {
		var words []string
		for _, i := range list {
			words = append(words, strconv.Itoa(i+1))
		}
		return strings.Join(words, ", ")
	}
	var operators, unlimited, empty []int
	var words, limits []string
	for i, s := range p.Steps {
		for _, m := range s.MatchExpressions {
			if !slices.Contains([]string{"In", "NotIn", "Exists", "DoesNotExist"}, m.Operator) {
				operators, words = append(operators, i), append(words, clip(m.Operator))
				break
			}
		}
		if _, err := maxUpdate(s.MaxUpdate, len(steps[i])); err != nil {
			unlimited, limits = append(unlimited, i), append(limits, clip(s.MaxUpdate.String()))
		}
		if len(steps[i]) == 0 {
			empty = append(empty, i)
		}
	}
	switch {
	case len(operators) > 0:
		return rolloutFaults{fmt.Sprintf("Step %s has invalid matchExpression operators: %s. Supported Operators are 'In', 'NotIn', 'Exists' and 'DoesNotExist'", numbers(operators), strings.Join(words, ", ")), true}
	case len(unlimited) > 0:
		return rolloutFaults{fmt.Sprintf("Step %s has an invalid maxUpdate value: %s", numbers(unlimited), strings.Join(limits, ", ")), true}
	case p.bakeErr != nil:
		return rolloutFaults{p.bakeErr.Error(), true}
	}
	for _, m := range members {
		var in []int
		for i, s := range p.Steps {
			if selects(s, m.labels) {
				in = append(in, i)
			}
		}
		if len(in) > 1 {
			return rolloutFaults{message: fmt.Sprintf("Application '%s' is selected by multiple steps: (%s)", m.name, strings.ReplaceAll(numbers(in), ", ", "-"))}
		}
	}
	if len(empty) > 0 {
		return rolloutFaults{message: fmt.Sprintf("Steps [%s] have no applications matching their criteria", strings.ReplaceAll(numbers(empty), ",", ""))}
	}
	return rolloutFaults{}
}

func (f rolloutFaults) condition() v1alpha1.ApplicationSetCondition {
	if f.message == "" {
		return v1alpha1.ApplicationSetCondition{Type: v1alpha1.AppSetConditionInvalidRolloutConfig, Status: v1alpha1.AppSetConditionFalse, Reason: v1alpha1.AppSetReasonValidRolloutConfig, Message: "Rolling Sync Configured correctly"}
	}
	return v1alpha1.ApplicationSetCondition{Type: v1alpha1.AppSetConditionInvalidRolloutConfig, Status: v1alpha1.AppSetConditionTrue, Reason: v1alpha1.AppSetReasonInvalidRolloutConfig, Message: f.message}
}

// DeleteFirst splits applications that are to be deleted into those whose turn it is and those that wait: with the order Reverse,
// those of a step wait until all of later steps are gone. Those in no step go last, as in Argo CD. still are all that the set has.
func DeleteFirst(set *v1alpha1.ApplicationSet, gone, still []*v1alpha1.Application) (now, later []*v1alpha1.Application) {
	p, err := ParseRollout(set)
	if err != nil || !p.Reverse {
		return gone, nil
	}
	leaving := map[string]bool{}
	for _, app := range gone {
		leaving[app.Name] = true
	}
	last := -1
	for _, app := range still {
		if leaving[app.Name] || app.DeletionTimestamp != nil {
			last = max(last, p.StepOf(app.Labels))
		}
	}
	for _, app := range gone {
		if p.StepOf(app.Labels) == last {
			now = append(now, app)
		} else {
			later = append(later, app)
		}
	}
	return now, later
}
