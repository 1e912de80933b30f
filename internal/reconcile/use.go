package reconcile

import "time"

// Use is what the loops hold and do at a moment, beside the bounds of it.
type Use struct {
	Applications, Sets QueueUse

	Remembered int // applications of which something is remembered between two looks; at most as many as there are
	Listeners  int // streams that want to hear of an application's objects
	Scripts    int // Lua of health checks and actions that is being run

	Logs, LogsLimit int // containers whose logs are read
}

// QueueUse is how much is waiting for a look, and how much is being looked at.
type QueueUse struct {
	Urgent, Relaxed int           // waiting, by lane: at most all there are, each once
	Oldest          time.Duration // since when one has waited the longest
	Timers          int           // looks that are due later: at most two for each

	Running, RunningLimit               int
	RunningRelaxed, RunningRelaxedLimit int           // of these, in the relaxed lane
	Longest, Total                      time.Duration // what the looks under way have taken until now
}

// Use returns the present use.
func (a *Apps) Use() Use {
	now := time.Now()
	u := Use{Applications: a.queue.use(now), Sets: a.sets.queue.use(now), Logs: int(a.logs.Load()), LogsLimit: maxLogs}
	a.mu.Lock()
	u.Remembered = len(a.states)
	a.mu.Unlock()
	a.heard.mu.Lock()
	for _, g := range a.heard.groups {
		u.Listeners += len(g.members)
	}
	a.heard.mu.Unlock()
	if j := a.judge.Load(); j != nil {
		u.Scripts += j.checks.Running()
	}
	if s := a.skills.Load(); s != nil {
		u.Scripts += s.actions.Running()
	}
	return u
}

func (q *queue) use(now time.Time) QueueUse {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := QueueUse{Timers: len(q.timers), Running: len(q.working), RunningLimit: q.calm + q.most, RunningRelaxed: q.relaxed, RunningRelaxedLimit: q.calm}
	for _, l := range q.queued {
		if l == urgent {
			u.Urgent++
		} else {
			u.Relaxed++
		}
	}
	for name := range q.queued {
		if w := q.waiting[name]; w != nil {
			u.Oldest = max(u.Oldest, now.Sub(w.since))
		}
	}
	for _, looks := range q.begun {
		for _, began := range looks {
			u.Total += now.Sub(began)
			u.Longest = max(u.Longest, now.Sub(began))
		}
	}
	return u
}
