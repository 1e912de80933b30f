package source

import (
	"strings"
	"time"
)

// Revision is the exact state of a source: a Git commit, or a chart's version and digest.
type Revision struct {
	ID      string // full commit SHA, or digest
	Author  string // "Name <mail>"
	Date    time.Time
	Message string   // whole commit message
	Tags    []string // tags that point at exactly this commit
	Signed  string   // what is known of the signature; empty when none is demanded
	Doubt   string   // what is wrong with it; empty when nothing is
}

// Short returns the ID as people write it.
func (r Revision) Short() string { return ShortRevision(r.ID) }

// ShortRevision is a revision as people write it: seven digits of a commit or of a digest, anything else (a chart's
// version) as it is.
func ShortRevision(id string) string {
	if digest, ok := strings.CutPrefix(id, "sha256:"); ok {
		return "sha256:" + digest[:min(7, len(digest))]
	}
	if len(id) >= 40 && strings.Trim(id, "0123456789abcdef") == "" {
		return id[:7]
	}
	return id
}
