package plan

// Forecast is one task of an operation that has not begun, and what would become of it.
type Forecast struct {
	Step
	Left      string // why it would be left alone; "" when it would be done
	Fails     string // why it would fail without being tried
	Confirm   bool   // of a prune: a person has to confirm it first
	Replaces  bool   // of a hook: the object of an earlier run would be deleted first
	OnFailure bool   // it runs only when something has failed
}

// Foresee returns all that the operation consists of, in the order in which Decide would have it done. It is a look at
// the operation's very beginning: in.Journal is empty. What the API server would answer nobody knows before it is asked:
// see Rehearsal.
func Foresee(in Input) []Forecast {
	tasks, onFailure := in.tasks()
	list := make([]Forecast, 0, len(tasks)+len(onFailure))
	for _, t := range tasks {
		list = append(list, in.foresee(t))
	}
	for _, t := range onFailure {
		f := in.foresee(t)
		f.OnFailure = true
		list = append(list, f)
	}
	return list
}

func (in Input) foresee(t Step) Forecast {
	t.DryRun = in.Sync.DryRun
	f := Forecast{Step: t}
	e, known := in.verdict(t)
	switch {
	case known && e.failed():
		f.Fails = e.Message
	case known:
		f.Left = e.Message
	case t.Action == Run:
		step, _, leaving := in.runHook(t)
		f.Replaces, f.Over = leaving || step.Action == Release, step.Over
	case t.Action == Prune:
		f.Confirm = in.unconfirmed(t)
	}
	return f
}

// Rehearsal is the steps of a dry run of the whole operation, for people who ask: all that the API server can judge now.
func Rehearsal(in Input) []Step {
	in.Settled, in.Agreed, in.Sync.DryRun = nil, nil, true
	tasks, _ := in.tasks()
	return in.dryRun(tasks)
}

// First reports whether the step comes before every wave that somebody can name.
func (s Step) First() bool { return s.Wave == firstWave }
