package clustertest

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Audited is a change that the API server of an Own cluster was asked for, from its audit log.
type Audited struct {
	Verb string `json:"verb"` // create, update, patch, delete, deletecollection
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	As *struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	Agent  string `json:"userAgent"`
	URI    string `json:"requestURI"`
	Object struct {
		Group       string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Answer struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Sent     json.RawMessage `json:"requestObject"`
	Received time.Time       `json:"requestReceivedTimestamp"`
	Done     time.Time       `json:"stageTimestamp"`
	Stage    string          `json:"stage"`
}

// Who is the user that the change counts as.
func (a Audited) Who() string {
	if a.As != nil {
		return a.As.Username
	}
	return a.User.Username
}

// DryRun reports whether nothing was to be changed.
func (a Audited) DryRun() bool {
	var options struct {
		DryRun []string `json:"dryRun"`
	}
	return strings.Contains(a.URI, "dryRun=All") || a.Verb == "delete" && json.Unmarshal(a.Sent, &options) == nil && len(options.DryRun) > 0
}

// Accepted reports whether it changed something.
func (a Audited) Accepted() bool { return a.Answer.Code >= 200 && a.Answer.Code < 300 && !a.DryRun() }

// ParseAudit reads an audit log, in the order in which the API server was done with the requests. A line that a crash
// cut short is left out.
func ParseAudit(log []byte) []Audited {
	var list []Audited
	lines := bufio.NewScanner(strings.NewReader(string(log)))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a Audited
		if json.Unmarshal(lines.Bytes(), &a) == nil && a.Stage == "ResponseComplete" {
			list = append(list, a)
		}
	}
	return list
}

// Audit returns all changes so far.
func (o *Own) Audit(t testing.TB) []Audited {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(o.own.dir, "audit.log"))
	if err != nil {
		t.Fatalf("clustertest: %v", err)
	}
	return ParseAudit(log)
}
