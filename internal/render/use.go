package render

// Use is what a Renderer holds and does at a moment, beside the bounds of it.
type Use struct {
	Bytes, BytesLimit              int64 // remembered renders, roughly
	Entries                        int
	Running, RunningLimit, Waiting int // renders
}

// Use returns the present use.
func (r *Renderer) Use() Use {
	u := Use{BytesLimit: r.opts.CacheBytes, RunningLimit: r.opts.Parallel}
	u.Bytes, u.Entries = r.cache.use()
	u.Running, u.Waiting = r.group.use()
	return u
}
