package health

import (
	"fmt"
	"slices"
)

// rule says how the conditions of a kind become its health. Most kinds of others need nothing else; the function
// hawser.conditions gives it to the scripts.
type rule struct {
	ready   []string // condition types that must all be True
	failed  []string // any of them True is Degraded, whatever Ready says
	busy    []string // any of them True is Progressing, unless something failed
	paused  []string // any of them True is Suspended
	waits   []string // reasons that make a False condition Progressing
	fails   []string // reasons that make a False condition Degraded
	patient bool     // a False condition with another reason is Progressing, not Degraded
	waiting string   // message while there is no condition yet
}

// of judges the status.conditions of an object.
func (rule rule) of(r reader) Health {
	if stale, ok := r.stale(reader{}); ok {
		return stale
	}
	for _, signs := range []struct {
		kinds []string
		code  code
	}{{rule.paused, suspended}, {rule.failed, degraded}, {rule.busy, progressing}} {
		for _, kind := range signs.kinds {
			c := r.condition(kind)
			if _, stale := r.stale(c); c.isTrue() && !stale {
				return Health{signs.code, saying(c)}
			}
		}
	}
	message := ""
	for i, kind := range rule.ready {
		c := r.condition(kind)
		if c.content == nil {
			return Health{progressing, orElse(rule.waiting, "Waiting for the condition "+kind)}
		}
		if stale, ok := r.stale(c); ok {
			return stale
		}
		switch {
		case c.isFalse():
			return Health{rule.whenFalse(c.text("reason")), saying(c)}
		case !c.isTrue():
			return Health{progressing, saying(c)}
		case i == 0:
			message = c.message()
		}
	}
	return Health{healthy, message}
}

func (rule rule) whenFalse(reason string) code {
	switch {
	case slices.Contains(rule.waits, reason):
		return progressing
	case slices.Contains(rule.fails, reason), !rule.patient:
		return degraded
	}
	return progressing
}

// stale is the health of an object whose status, or whose deciding condition, tells of an older generation.
func (r reader) stale(condition reader) (Health, bool) {
	generation := r.number("metadata", "generation")
	seen, isSet := r.numberIfSet("status", "observedGeneration")
	if condition.content != nil {
		seen, isSet = condition.numberIfSet("observedGeneration")
	}
	// Controllers that do not keep the number leave it out, or leave it 0 in a condition.
	if !isSet || seen >= generation || (condition.content != nil && seen == 0) {
		return Health{}, false
	}
	return Health{progressing, fmt.Sprintf("Waiting for generation %d to be observed, the controller has seen %d", generation, seen)}, true
}

// saying is what a condition says: its message, else its reason, else that it is so.
func saying(c reader) string {
	return orElse(c.message(), orElse(c.text("reason"), fmt.Sprintf("%s is %s", c.text("type"), orElse(c.text("status"), "not set"))))
}

// phases says how a word in status becomes a health; hawser.phase gives it to the scripts.
type phases struct {
	path, message []string // where the word and the message stand
	words         map[string]code
	waiting       string // message while there is no word yet
}

func (p phases) of(r reader) Health {
	if stale, ok := r.stale(reader{}); ok {
		return stale
	}
	word, message := r.text(p.path...), r.text(p.message...)
	status, known := p.words[word]
	switch {
	case word == "" && !known:
		return Health{progressing, orElse(p.waiting, "Waiting for a status")}
	case !known:
		// A word that came after this check was written. Unknown would spoil the health of the whole application.
		status = progressing
	}
	if message == "" && status != healthy {
		message = word
	}
	return Health{status, message}
}

// general judges an object of a kind that no rule is for, by the conditions that controllers have agreed on; ok is
// false when it has none of them. (The rules of kstatus, as Flux and kubectl's successors use it: Ready=False is a
// state on the way. Only Stalled says that waiting is in vain.)
func general(r reader) (h Health, ok bool) {
	if len(r.list("status", "conditions")) == 0 {
		return Health{}, false
	}
	known := []string{"Ready", "Available", "Healthy", "Reconciled", "Synced"}
	var ready []string
	for _, kind := range known {
		if r.condition(kind).content != nil {
			ready = []string{kind}
			break
		}
	}
	stalled, busy := r.condition("Stalled").content != nil, r.condition("Reconciling").content != nil
	if ready == nil && !stalled && !busy {
		return Health{}, false
	}
	return rule{ready: ready, failed: []string{"Stalled"}, busy: []string{"Reconciling"}, patient: true}.of(r), true
}
