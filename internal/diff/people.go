package diff

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
)

// lastAppliedAnnotation holds what `kubectl apply` was given, as JSON.
const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

// additions finds the fields that people added and Git is silent about. Fields that our own earlier client-side
// applies left count in any case: they once came from Git.
func (c *comparison) additions() {
	client := c.clientSide()
	for _, e := range c.liveBy {
		person := c.People && e.byPerson()
		if !person && !(e.isEarlier(c.Manager) && !client) || slices.Contains(c.Rules.managers, e.manager) {
			continue
		}
		a := adding{comparison: c, entry: e, ours: !person}
		if e.manager == clientSideApply || a.ours {
			a.applied = lastApplied(c.Live)
		}
		a.walk(nil, e.fields, c.ours, c.predicted, c.live)
	}
}

// clientSide reports whether Manager works client-side on this object, so that its Update entry is the managed part.
func (c *comparison) clientSide() bool {
	return !slices.ContainsFunc(c.predictedBy, func(e entry) bool { return e.isApplyOf(c.Manager) })
}

// adding is the search through one entry.
type adding struct {
	*comparison
	entry   entry
	ours    bool
	applied side // what the last client-side apply was given; not ok when unknown
}

// walk goes through the entry's fields; ours are Manager's below the same path.
func (a *adding) walk(at []string, theirs, ours fields, p, l side) {
	for key := range theirs {
		if key == member || neverCounts(at, key) || stays(a.Live, at, key) {
			continue
		}
		lc := childOf(l, key)
		if !lc.ok {
			continue
		}
		pc, path := childOf(p, key), append(at, key)
		their, our := theirs.child(key), ours.child(key)
		_, both := ours[key]
		_, whole := their[member]
		switch {
		case isItem(key) && !both && (whole || !their.hasChildren()):
			a.add(path, pc, lc, l) // they put the whole item there: told once
		case their.hasChildren():
			a.walk(path, their, our, pc, lc)
		case both: // compared in the managed part
		case isContainer(lc.v) && anyBelow(a.liveBy, path): // held open, filled by others
		default:
			a.add(path, pc, lc, l)
		}
	}
}

func (a *adding) add(path []string, p, l, parent side) {
	switch {
	case a.heldByController(path):
		// A controller owns it too: our apply could not remove it, and a second writer who is no person agrees to it.
		return
	case a.applied.ok && !lookup(a.applied, path).ok:
		// Who creates an object client-side owns the defaults too; only what was given to the apply was said.
		return
	case isDefault(a.Live.GroupVersionKind().Group, path, l.v, parent.v):
		return
	}
	if _, theirs := newest(a.predictedBy, path, func(e entry) bool { return e.byPerson() || e.isEarlier(a.Manager) }); theirs {
		p = side{} // the prediction was made on top of their field and only echoes it
	} else if p.ok && equal(p.v, l.v) {
		return // it had this value before they wrote it
	}
	ch := Change{Kind: Added, Ours: a.ours}
	ch.by(a.entry, a.Seen)
	a.record(ch, path, p, l)
}

func (a *adding) heldByController(path []string) bool {
	_, held := newest(a.liveBy, path, func(e entry) bool {
		return !e.byPerson() && !e.isEarlier(a.Manager) && !e.isApplyOf(a.Manager)
	})
	return held
}

// stays reports whether a field that a person wrote is left alone, because it asks for something instead of saying
// how the object should be, or because removing it does harm.
func stays(o *object.Object, at []string, key string) bool {
	if len(at) == 0 {
		return false
	}
	name := strings.TrimPrefix(key, "f:")
	switch at[len(at)-1] {
	case "f:annotations":
		switch name {
		case "kubectl.kubernetes.io/restartedAt", // kubectl rollout restart: an action; undoing it restarts once more
			lastAppliedAnnotation,        // kubectl's own notebook
			"kubernetes.io/change-cause": // a remark about a change
			return true
		}
		// requests to us and to Argo CD (refresh, confirmations), and what the Deployment controller writes and
		// kubectl rollout undo copies
		return strings.HasPrefix(name, "argocd.argoproj.io/") || strings.HasPrefix(name, "deployment.kubernetes.io/")
	case "f:labels":
		return name == "kubernetes.io/metadata.name" // the server sets it, the Namespace's creator owns it
	case "f:metadata":
		return name == "finalizers" // a finalizer holds a deletion up; taking it away can lose what it guards
	case "f:spec":
		return name == "finalizers" && o.GetKind() == "Namespace"
	}
	return false
}

func lastApplied(o *object.Object) side {
	var v map[string]any
	text, _ := object.Annotation(o, lastAppliedAnnotation)
	if text == "" || json.Unmarshal([]byte(text), &v) != nil { // that of a Secret is masked
		return side{}
	}
	return side{v, true}
}

// isDefault reports whether value is what the server would fill in by itself. `kubectl create` and `kubectl apply`
// own every default of an object they created; Git's silence means the same as that value.
func isDefault(group string, path []string, value, parent any) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "networking.k8s.io", "policy":
	default:
		return false
	}
	name := strings.TrimPrefix(path[len(path)-1], "f:")
	if name == "imagePullPolicy" {
		container, _ := parent.(map[string]any)
		image, _ := container["image"].(string)
		return value == pullPolicy(image)
	}
	for _, d := range defaults(name) {
		if equal(d, value) {
			return true
		}
	}
	return false
}

// pullPolicy is the default of imagePullPolicy.
func pullPolicy(image string) string {
	name := image[strings.LastIndex(image, "/")+1:]
	if strings.Contains(name, "@") || strings.Contains(name, ":") && !strings.HasSuffix(name, ":latest") {
		return "IfNotPresent"
	}
	return "Always"
}

// defaults returns the values that the server gives an omitted field of this name in one of its own kinds
// (SetDefaults_* in Kubernetes' pkg/apis/*/v1/defaults.go).
func defaults(name string) []any {
	switch name {
	case "replicas", "completions", "parallelism", "successThreshold", "timeoutSeconds", "failedJobsHistoryLimit", "minReplicas":
		return []any{1}
	case "progressDeadlineSeconds":
		return []any{600}
	case "revisionHistoryLimit", "periodSeconds":
		return []any{10}
	case "failureThreshold", "successfulJobsHistoryLimit":
		return []any{3}
	case "terminationGracePeriodSeconds":
		return []any{30}
	case "backoffLimit":
		return []any{6}
	case "partition", "initialDelaySeconds":
		return []any{0}
	case "defaultMode":
		return []any{420}
	case "suspend", "manualSelector", "publishNotReadyAddresses", "hostNetwork", "paused", "stdin", "tty":
		return []any{false}
	case "enableServiceLinks", "allocateLoadBalancerNodePorts":
		return []any{true}
	case "maxSurge", "maxUnavailable":
		return []any{"25%", 1, 0} // Deployment; DaemonSet
	case "restartPolicy":
		return []any{"Always"}
	case "dnsPolicy":
		return []any{"ClusterFirst"}
	case "schedulerName":
		return []any{"default-scheduler"}
	case "terminationMessagePath":
		return []any{"/dev/termination-log"}
	case "terminationMessagePolicy":
		return []any{"File"}
	case "protocol":
		return []any{"TCP"}
	case "scheme":
		return []any{"HTTP"}
	case "internalTrafficPolicy", "externalTrafficPolicy":
		return []any{"Cluster"}
	case "ipFamilyPolicy":
		return []any{"SingleStack"}
	case "sessionAffinity":
		return []any{"None"}
	case "type":
		return []any{"ClusterIP", "Opaque", "RollingUpdate"}
	case "podManagementPolicy":
		return []any{"OrderedReady"}
	case "podReplacementPolicy":
		return []any{"TerminatingOrFailed"}
	case "completionMode":
		return []any{"NonIndexed"}
	case "concurrencyPolicy":
		return []any{"Allow"}
	case "volumeMode":
		return []any{"Filesystem"}
	case "whenDeleted", "whenScaled":
		return []any{"Retain"}
	case "divisor":
		return []any{"0"}
	case "securityContext", "resources", "strategy", "emptyDir":
		return []any{map[string]any{}}
	}
	return nil
}
