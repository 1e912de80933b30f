package health

import (
	"fmt"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

type code = v1alpha1.HealthStatusCode

// The codes by their short names.
const (
	healthy     = v1alpha1.HealthStatusHealthy
	progressing = v1alpha1.HealthStatusProgressing
	degraded    = v1alpha1.HealthStatusDegraded
	suspended   = v1alpha1.HealthStatusSuspended
	missing     = v1alpha1.HealthStatusMissing
	unknown     = v1alpha1.HealthStatusUnknown
)

// The rules and messages of the four workloads are those of `kubectl rollout status`.

func deployment(r reader) Health {
	if r.truth("spec", "paused") {
		return Health{suspended, "Deployment is paused"}
	}
	if !r.observed() {
		return Health{progressing, "Waiting for rollout to finish: observed deployment generation less than desired generation"}
	}
	want, wanted := r.numberIfSet("spec", "replicas")
	updated, all, available := r.number("status", "updatedReplicas"), r.number("status", "replicas"), r.number("status", "availableReplicas")
	switch {
	case r.condition("Progressing").text("reason") == "ProgressDeadlineExceeded":
		return Health{degraded, fmt.Sprintf("Deployment %q exceeded its progress deadline", r.text("metadata", "name"))}
	case wanted && updated < want:
		return rollout("%d out of %d new replicas have been updated...", updated, want)
	case all > updated:
		return rollout("%d old replicas are pending termination...", all-updated)
	case available < updated:
		return rollout("%d of %d updated replicas are available...", available, updated)
	}
	return Health{Status: healthy}
}

func rollout(format string, args ...any) Health {
	return Health{progressing, "Waiting for rollout to finish: " + fmt.Sprintf(format, args...)}
}

func statefulSet(r reader) Health {
	if r.number("status", "observedGeneration") == 0 || !r.observed() {
		return Health{progressing, "Waiting for statefulset spec update to be observed..."}
	}
	want, wanted := r.numberIfSet("spec", "replicas")
	ready, updated := r.number("status", "readyReplicas"), r.number("status", "updatedReplicas")
	if wanted && ready < want {
		return Health{progressing, fmt.Sprintf("Waiting for %d pods to be ready...", want-ready)}
	}
	strategy := r.text("spec", "updateStrategy", "type")
	if strategy == "RollingUpdate" && r.at("spec", "updateStrategy", "rollingUpdate") != nil {
		// The server fills in partition 0, so that this is the ordinary case. Pods below the partition keep the old
		// revision on purpose.
		partition, partitioned := r.numberIfSet("spec", "updateStrategy", "rollingUpdate", "partition")
		if wanted && partitioned && updated < want-partition {
			return Health{progressing, fmt.Sprintf("Waiting for partitioned roll out to finish: %d out of %d new pods have been updated...", updated, want-partition)}
		}
		return Health{healthy, fmt.Sprintf("partitioned roll out complete: %d new pods have been updated...", updated)}
	}
	if strategy == "OnDelete" { // whoever deletes the pods decides when the new revision comes
		return Health{healthy, fmt.Sprintf("statefulset has %d ready pods", ready)}
	}
	if revision := r.text("status", "updateRevision"); revision != r.text("status", "currentRevision") {
		return Health{progressing, fmt.Sprintf("waiting for statefulset rolling update to complete %d pods at revision %s...", updated, revision)}
	}
	return Health{healthy, fmt.Sprintf("statefulset rolling update complete %d pods at revision %s...", r.number("status", "currentReplicas"), r.text("status", "currentRevision"))}
}

func replicaSet(r reader) Health {
	if !r.observed() {
		return Health{progressing, "Waiting for rollout to finish: observed replica set generation less than desired generation"}
	}
	if failure := r.condition("ReplicaFailure"); failure.isTrue() {
		return Health{degraded, failure.message()}
	}
	want, wanted := r.numberIfSet("spec", "replicas")
	if available := r.number("status", "availableReplicas"); wanted && available < want {
		return rollout("%d out of %d new replicas are available...", available, want)
	}
	return Health{Status: healthy}
}

func daemonSet(r reader) Health {
	if !r.observed() {
		return Health{progressing, "Waiting for rollout to finish: observed daemon set generation less than desired generation"}
	}
	want, updated := r.number("status", "desiredNumberScheduled"), r.number("status", "updatedNumberScheduled")
	if r.text("spec", "updateStrategy", "type") == "OnDelete" {
		return Health{healthy, fmt.Sprintf("daemon set %d out of %d new pods have been updated", updated, want)}
	}
	waiting := fmt.Sprintf("Waiting for daemon set %q rollout to finish: ", r.text("metadata", "name"))
	if updated < want {
		return Health{progressing, waiting + fmt.Sprintf("%d out of %d new pods have been updated...", updated, want)}
	}
	if available := r.number("status", "numberAvailable"); available < want {
		return Health{progressing, waiting + fmt.Sprintf("%d of %d updated pods are available...", available, want)}
	}
	return Health{Status: healthy}
}

func pod(r reader) Health {
	lasting := isLasting(r)
	if lasting {
		// A pod that runs once and waits for its image is not lost yet: calling it Degraded would fail a hook that
		// may still run. A lasting pod that cannot start is.
		var messages []string
		stuck := false
		for _, c := range containers(r) {
			if reason := c.text("state", "waiting", "reason"); isStuck(reason) {
				stuck = true
				messages = append(messages, orElse(c.text("state", "waiting", "message"), reason))
			}
		}
		if stuck {
			return Health{degraded, strings.Join(messages, ", ")}
		}
	}
	message := r.text("status", "message")
	switch r.text("status", "phase") {
	case "Pending":
		return Health{progressing, message}
	case "Succeeded":
		return Health{healthy, message}
	case "Failed":
		return Health{degraded, orElse(message, failure(r))}
	case "Running":
		switch {
		case !lasting:
			return Health{progressing, message}
		case r.condition("Ready").isTrue():
			return Health{healthy, message}
		}
		for _, c := range r.list("status", "containerStatuses") {
			if c.at("lastState", "terminated") != nil { // it has died before and is not ready again
				return Health{degraded, message}
			}
		}
		return Health{progressing, message}
	}
	return Health{unknown, message}
}

// isLasting reports whether a pod is meant to run on. An annotation makes one with another restart policy count as
// such, unless it is a hook.
func isLasting(r reader) bool {
	if policy := r.text("spec", "restartPolicy"); policy == "Always" || policy == "" {
		return true
	}
	hook := r.text("metadata", "annotations", v1alpha1.AnnotationHook) + r.text("metadata", "annotations", v1alpha1.AnnotationHelmHook)
	return hook == "" && r.text("metadata", "annotations", v1alpha1.AnnotationIgnoreRestartPolicy) == "true"
}

// containers returns the statuses of all containers of a pod, init containers first. Argo CD leaves those out, and
// calls a pod whose init container crashes for ever Progressing.
func containers(r reader) []reader {
	return append(r.list("status", "initContainerStatuses"), r.list("status", "containerStatuses")...)
}

// isStuck reports whether a container that waits for this reason needs help: ErrImagePull, CreateContainerConfigError,
// CrashLoopBackOff, ImagePullBackOff and their like. PodInitializing and ContainerCreating do not.
func isStuck(reason string) bool {
	return strings.HasPrefix(reason, "Err") || strings.HasSuffix(reason, "Error") || strings.HasSuffix(reason, "BackOff") || reason == "InvalidImageName"
}

// failure says why a pod failed, from the first container that did.
func failure(r reader) string {
	for _, c := range containers(r) {
		ended := reader{}
		ended.content, _ = c.at("state", "terminated").(map[string]any)
		code := ended.number("exitCode")
		switch {
		case ended.message() != "":
			return ended.message()
		case ended.text("reason") == "OOMKilled":
			return "OOMKilled"
		case code != 0:
			return fmt.Sprintf("container %q failed with exit code %d", c.text("name"), code)
		}
	}
	return ""
}

func job(r reader) Health {
	failed, complete, paused := r.condition("Failed"), r.condition("Complete"), r.condition("Suspended")
	switch {
	case failed.isTrue():
		return Health{degraded, failed.message()}
	case complete.isTrue():
		return Health{healthy, complete.message()}
	case paused.isTrue():
		return Health{suspended, paused.message()}
	}
	return Health{Status: progressing}
}

// cronJob looks at the last run only: a schedule that was missed leaves no trace in status.
func cronJob(r reader) Health {
	scheduled, succeeded := r.time("status", "lastScheduleTime"), r.time("status", "lastSuccessfulTime")
	switch {
	case r.truth("spec", "suspend"):
		return Health{suspended, "CronJob is Suspended"}
	case r.at("status") == nil:
		return Health{progressing, "Waiting for CronJob"}
	case scheduled.IsZero():
		return Health{healthy, "CronJob has not been scheduled yet"}
	case succeeded.IsZero():
		return Health{healthy, "CronJob has never completed successfully yet, it may not be healthy"}
	case len(r.list("status", "active")) > 0:
		return Health{healthy, "The job is running. Its last execution may not have been successful"}
	case succeeded.Before(scheduled):
		return Health{degraded, "CronJob has not completed its last execution successfully"}
	}
	return Health{healthy, "CronJob has completed its last execution successfully"}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
