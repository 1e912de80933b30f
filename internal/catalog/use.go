package catalog

// Use is what the catalog holds at a moment, beside the bounds of it.
type Use struct {
	Records []Records

	Changes int // of records that a subscriber has not been told yet; at most one of each record and subscriber

	Events, EventsLimit int               // Kubernetes events that wait to be sent
	EventsDropped       map[string]uint64 // since the start, by why: budget, full, refused or stopping
}

// Records is the records of one kind.
type Records struct {
	Kind                  string // Application or ApplicationSet
	Live                  int
	Deleted, DeletedLimit int // deleted ones that a watcher may have to be told of, and how many of these are kept at most
	Watchers              int
}

// Use returns the present use.
func (c *Catalog) Use() Use {
	u := Use{Records: []Records{c.appLedger.use("Application"), c.sets.use("ApplicationSet")}, EventsLimit: maxWaitingEvents, EventsDropped: map[string]uint64{}}
	for _, s := range *c.subscribers.Load() {
		s.mu.Lock()
		u.Changes += len(s.queue)
		s.mu.Unlock()
	}
	c.events.mu.Lock()
	defer c.events.mu.Unlock()
	u.Events = len(c.events.queue)
	for f, n := range c.events.dropped {
		u.EventsDropped[fates[f]] = n
	}
	return u
}

func (l *ledger[T]) use(kind string) Records {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return Records{Kind: kind, Live: len(l.live), Deleted: len(l.graves), DeletedLimit: maxGraves, Watchers: len(l.watchers)}
}
