// Package agent is the one connection between a hub and an agent: Hawser inside a remote cluster.
//
// The idea: the agent dials, proves who it is, and turns the connection round: from then on it is the server of HTTP/2
// on it, and the hub the client. So one outbound connection carries everything, many things at a time, and the hub has
// no credential of the remote cluster. Three calls keep the two together: the hub sends the records that it wants there
// (Record), the agent says what has become of each application (Report), and a push is passed on; every other request is
// one of the API, which the agent answers as any hawser does. Read Serve first (what an agent answers), then Hub.
//
// The package refuses to decide what a record means: reconcile does, at both ends. It refuses to take an error for an
// empty list: what is not wanted any more is known only after all that is wanted has been sent.
package agent

import (
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Path is where a hub takes the connections of agents.
const Path = "/agent"

// Headers of the request that opens a connection, beside Authorization: Bearer and the agent's token.
const (
	NameHeader    = "Hawser-Agent"
	VersionHeader = "Hawser-Agent-Version"
	// InstanceHeader tells two agents apart that were given one name by mistake: it stays the same as long as the agent's
	// own records do, whichever of its replicas dials.
	InstanceHeader = "Hawser-Agent-Instance"
	// PersonHeader is in every call of the API that a hub passes on: who asks, as the hub knows them. It counts only on a
	// connection that the agent dialled.
	PersonHeader = "Hawser-Person"
	// ApplicationHeader is in every such call: the UID of the hub's Application that the caller may have. An agent answers
	// about the copy of that one and of no other: one of the same name can be another's, or the agent's own.
	ApplicationHeader = "Hawser-Application"
)

// Bounds of what one end takes from the other.
const (
	maxLine     = 4 << 20 // bytes of one record or report: an Application has at most 1.5 MB
	maxHead     = 64 << 10
	beatEvery   = 3 * time.Second
	silentAfter = 20 * time.Second // an agent that has not been heard of for so long is not connected, whatever TCP says

	// What an agent says costs a hub a write for each line. Beyond this, it is read more slowly.
	linesEach  = 5 * time.Millisecond
	linesBurst = 4000
	maxRefused = 4 << 10 // bytes of why a record is not taken
)

// MaxAnswer is how many bytes a hub takes of an agent's answer to one call.
const MaxAnswer = 64 << 20

// Key names a record. Namespace is empty for the namespace where the hub, and the agent, have their own records.
type Key struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String returns kind, namespace and name.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Kind + " " + k.Name
	}
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// Record is a record as the hub wants it at the agent. Its body can hold a repository's credentials: no formatter shows
// it.
type Record struct {
	Key
	UID string `json:"uid,omitempty"` // of the hub's record: one made anew is another
	// Body is a Kubernetes object: metadata without what the API server sets, and what it says. Without one, the hub has a
	// record of that name and cannot tell what it says: the agent's copy stays as it is.
	Body json.RawMessage `json:"body,omitempty"`
	// Deleting says that the hub's Application is being deleted, and its objects with it where its finalizers say so.
	Deleting bool `json:"deleting,omitempty"`
	// Deployed says, of one that is being deleted, that the hub was told of objects that it deployed.
	Deployed bool `json:"deployed,omitempty"`
	// Operation is to be carried out once; OperationID tells it from those before.
	Operation   json.RawMessage `json:"operation,omitempty"`
	OperationID string          `json:"operationID,omitempty"`
	// LiftHold is the hash of a hold that a person has lifted at the hub.
	LiftHold string `json:"liftHold,omitempty"`
	// Terminate is when the operation began that a person wants to end, RFC 3339: no later one is meant.
	Terminate string `json:"terminate,omitempty"`
}

// String names the record.
func (r Record) String() string { return r.Key.String() }

// GoString is String.
func (r Record) GoString() string { return r.String() }

// LogValue is String.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }

// same reports whether two records say the same.
func (r Record) same(o Record) bool {
	return r.Key == o.Key && r.UID == o.UID && r.Deleting == o.Deleting && r.Deployed == o.Deployed && r.OperationID == o.OperationID && r.LiftHold == o.LiftHold && r.Terminate == o.Terminate &&
		string(r.Body) == string(o.Body) && string(r.Operation) == string(o.Operation)
}

// Report is what has become of one application at the agent.
type Report struct {
	Namespace string `json:"namespace,omitempty"` // as in Key
	Name      string `json:"name"`
	UID       string `json:"uid"`            // of the hub's record that the copy was made from
	Gone      bool   `json:"gone,omitempty"` // it is deleted, its objects too where that was asked for
	// Refused says why the newest record was not taken; what else is said is of the one before, if there was one.
	Refused string `json:"refused,omitempty"`

	Status      json.RawMessage   `json:"status,omitempty"`      // of the Application, with the health of each object
	Operation   json.RawMessage   `json:"operation,omitempty"`   // what is waiting or under way
	OperationID string            `json:"operationID,omitempty"` // of the newest operation of the hub's that was taken
	Finalizers  []string          `json:"finalizers,omitempty"`  // those that the engine sets, for hooks of a deletion
	Annotations map[string]string `json:"annotations,omitempty"` // those that the engine writes
}

// Beat is what an agent says of itself, every few seconds.
type Beat struct {
	Version    string   `json:"version"`    // of hawser
	Kubernetes string   `json:"kubernetes"` // of its cluster
	APIs       []string `json:"apis,omitempty"`
	Objects    int      `json:"objects"` // that it watches
	Kinds      int      `json:"kinds"`
	Connected  bool     `json:"connected"`         // its cluster answers
	Trouble    string   `json:"trouble,omitempty"` // records other than Applications that it cannot take, and why
}

// down is a line from the hub.
type down struct {
	Record *Record `json:"record,omitempty"`
	Gone   *Key    `json:"gone,omitempty"`
	Whole  bool    `json:"whole,omitempty"` // all that is wanted has been sent
}

// up is a line from the agent.
type up struct {
	Report *Report `json:"report,omitempty"`
	Whole  bool    `json:"whole,omitempty"` // all that there is has been reported
	Beat   *Beat   `json:"beat,omitempty"`
}

// State is how an agent is connected.
type State struct {
	Connected bool
	Since     time.Time // of that; when it was never connected: since when it has been waited for
	Blind     time.Time // since when its cluster does not answer it; zero when it does
	Why       string    // it is not, in the words of whoever noticed
	From      string    // its address
	Beat      Beat      // the newest
}

// Away is the problem of an agent that is not connected.
func Away(name string, s State) *problem.Error {
	if s.Since.IsZero() { // it is not here that it would be connected
		return problem.New(problem.Unavailable, "agent %s cannot be asked: %s", name, s.Why)
	}
	p := problem.New(problem.Unavailable, "agent %s is unreachable since %s", name, s.Since.UTC().Format(time.RFC3339))
	if s.Why != "" {
		p = problem.New(problem.Unavailable, "agent %s is unreachable since %s: %s", name, s.Since.UTC().Format(time.RFC3339), s.Why)
	}
	return p.WithHint("it goes on by itself in its cluster, and reports when it is back; its log says why it cannot connect")
}

// encoder writes lines. What is passed on is no HTML: escapes for it could make a record several times as large.
func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// bounded is a report that costs no more than an Application can hold; what is longer is cut, or left out.
func (r Report) bounded() Report {
	r.Refused = shorten(r.Refused, maxRefused)
	if len(r.Finalizers) > 20 {
		r.Finalizers = r.Finalizers[:20]
	}
	kept := map[string]string{}
	for k, v := range r.Annotations {
		if len(kept) < 20 && len(k) < 256 && len(v) < 64<<10 {
			kept[k] = v
		}
	}
	r.Annotations = kept
	return r
}

// Protocol is offered, in the TLS handshake, by an agent that has a certificate to show. Nobody else is asked for one:
// browsers would ask their users.
const Protocol = "hawser-agent"
