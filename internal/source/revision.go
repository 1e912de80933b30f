package source

import "time"

// Revision is the exact state of a source: a Git commit, or a chart's version and digest.
type Revision struct {
	ID      string // full commit SHA, or digest
	Author  string // "Name <mail>"
	Date    time.Time
	Message string   // whole commit message
	Tags    []string // tags that point at exactly this commit
	Signed  string   // what is known of the signature; empty when none was looked for
}

// Short returns the first seven characters of the ID, as people write it.
func (r Revision) Short() string { return r.ID[:min(7, len(r.ID))] }
