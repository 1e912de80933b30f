package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Refusal is what the API server, or the way to it, said no with. It is the cause in the problems that Fetch and
// Writer return (errors.As).
type Refusal struct {
	Reason      metav1.StatusReason // empty when the server did not answer
	Code        int                 // HTTP status; 0 when the server did not answer
	Message     string              // the server's; for Secrets one of ours, because the server quotes values
	RetryAfter  time.Duration       // the server's wish; 0: none
	Ambiguous   bool                // a write was sent and its outcome is not known: read the object before doing anything again
	Terminating bool                // the namespace is being deleted: wait for it, then try again
	Immutable   bool                // the change needs the object to be deleted and created anew
	Fields      []string            // the fields that the server complains about, as it spells them: spec.template
	Schema      bool                // the object does not fit the kind's schema: unknown, repeated or wrongly typed fields
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

// refusal takes err apart. Nothing of it but what is listed here gets out.
func refusal(err error, secret, write bool) *Refusal {
	r := &Refusal{Message: err.Error()}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		// Refused connections and unknown hosts were never sent to. Anything else may have been.
		var dial *net.OpError
		r.Ambiguous = write && !unsent(err) && !(errors.As(err, &dial) && dial.Op == "dial")
		if errors.Is(err, context.DeadlineExceeded) {
			r.Message = "no answer in time"
		}
		return r
	}
	s := status.Status()
	r.Reason, r.Code, r.Message = s.Reason, int(s.Code), s.Message
	r.Terminating = apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	// Server-side apply reports fields that the schema lacks as its own internal error (500).
	r.Schema = strings.Contains(s.Message, "failed to create typed patch object") || strings.Contains(s.Message, "strict decoding error")
	if short, is := immutable(s); is {
		r.Immutable, r.Message = true, short
	}
	r.Fields = fieldsOf(s)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		r.RetryAfter = time.Duration(seconds) * time.Second
	}
	// A gateway's or the server's own timeout leaves open whether the write was carried out; a refusal does not.
	r.Ambiguous = write && (r.Code == 504 || r.Code == 502 || apierrors.IsTimeout(err) || apierrors.IsUnexpectedServerError(err) && r.Code >= 500)
	missingRight := r.Code == 403 && strings.Contains(s.Message, ` is forbidden: User "`)
	if secret && r.Code != 404 && r.Code != 409 && r.Code != 429 && !missingRight {
		r.Message = secretMessage(r, s.Details)
	}
	return r
}

// secretMessage says what was wrong without the server's words: those quote what they complain about. Field names
// are kept, they come from the schema or are keys.
func secretMessage(r *Refusal, details *metav1.StatusDetails) string {
	var fields []string
	if details != nil {
		for _, c := range details.Causes {
			if c.Field != "" {
				fields = append(fields, c.Field+" ("+string(c.Type)+")")
			}
		}
	}
	m := fmt.Sprintf("the server refused the Secret: %s (HTTP %d)", r.Reason, r.Code)
	if r.Immutable {
		m += "; the Secret is immutable"
	}
	if len(fields) > 0 {
		m += "; fields: " + strings.Join(fields, ", ")
	}
	return m
}

// explain turns err, of trying verb on the object, into a problem with a way out.
func (c *Cluster) explain(err error, verb string, key object.Key, write bool) error {
	if err == nil {
		return nil
	}
	r := refusal(err, key.Group == "" && key.Kind == "Secret", write)
	p := problem.Because(kindOfRefusal(r), r, "%s %s in cluster %s", verb, describe(key), c.name)
	switch {
	case r.Terminating:
		return p.WithHint("namespace %s is being deleted: it goes on when the namespace is gone and created again", key.Namespace)
	case r.Code == 0 && r.Ambiguous:
		return p.WithHint("it is not known whether the server carried it out")
	case p.Kind == problem.Unavailable && r.RetryAfter > 0:
		return p.WithHint("the server asks to try again in %v", r.RetryAfter)
	case r.Immutable:
		return p.WithHint("the field cannot be changed on an existing object: sync with Force=true, or Replace=true,Force=true, to delete and create it")
	case p.Kind == problem.NotFound && write && key.Namespace != "" && missingNamespace(err):
		return p.WithHint("create namespace %s, or sync with CreateNamespace=true", key.Namespace)
	case p.Kind == problem.Forbidden && strings.Contains(r.Message, " cannot impersonate"): // "cannot impersonate resource", or since 1.36 "cannot impersonate-on:serviceaccount:patch resource"
		return p.WithHint("give the identity that Hawser uses in this cluster the right to impersonate that service account, or switch impersonation off")
	case p.Kind == problem.Forbidden && strings.Contains(r.Message, `User "system:serviceaccount:`):
		return p.WithHint("give the service account that is named the right, or look at the admission policy named")
	case p.Kind == problem.Forbidden:
		return p.WithHint("give the identity that Hawser uses in this cluster the right, or look at the admission policy named")
	case r.Schema:
		return p.WithHint("correct the fields named; the kind's schema in this cluster does not have them so")
	}
	return p
}

func kindOfRefusal(r *Refusal) problem.Kind {
	switch {
	case r.Terminating:
		return problem.Unavailable
	case r.Schema, r.Code == 400, r.Code == 422, r.Code == 405, r.Code == 406, r.Code == 415:
		return problem.Invalid
	case r.Code == 401:
		return problem.Unauthenticated
	case r.Code == 403:
		return problem.Forbidden
	case r.Code == 404:
		return problem.NotFound
	case r.Code == 409:
		return problem.Conflict
	case r.Code == 413:
		return problem.Limit
	}
	return problem.Unavailable // no answer, 429, 5xx
}

func missingNamespace(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// unknownKind is the problem of a kind, or a version of it, that the cluster does not serve.
func (c *Cluster) unknownKind(gk schema.GroupKind, version string) error {
	what := gk.String()
	if version != "" {
		what = gk.WithVersion(version).String()
		if k, ok := c.Kind(gk); ok {
			return problem.New(problem.NotFound, "cluster %s does not serve %s in version %s", c.name, gk, version).
				WithHint("it serves %s", k.GVK.GroupVersion())
		}
	}
	if s := c.served.Load(); s != nil {
		for gv, err := range s.failed {
			if gv.Group == gk.Group {
				return problem.Because(problem.Unavailable, err, "cluster %s cannot say whether it serves %s", c.name, what)
			}
		}
	}
	return problem.New(problem.NotFound, "cluster %s serves no kind %s", c.name, what).
		WithHint("install its CustomResourceDefinition first")
}

func describe(key object.Key) string {
	s := key.Short()
	if key.Group != "" {
		s = key.Kind + "." + key.Group + "/" + key.Name
	}
	if key.Namespace != "" {
		s += " in namespace " + key.Namespace
	}
	return s
}
