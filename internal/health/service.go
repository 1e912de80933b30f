package health

import (
	"encoding/json"
	"fmt"
	"slices"
)

func service(r reader) Health {
	if r.text("spec", "type") == "LoadBalancer" {
		return ingress(r)
	}
	return Health{Status: healthy}
}

// ingress is healthy once it has an address, as is a Service of type LoadBalancer.
func ingress(r reader) Health {
	if len(r.list("status", "loadBalancer", "ingress")) > 0 {
		return Health{Status: healthy}
	}
	return Health{Status: progressing}
}

func volumeClaim(r reader) Health {
	switch r.text("status", "phase") {
	case "Bound":
		return Health{Status: healthy}
	case "Pending":
		return Health{Status: progressing}
	case "Lost":
		return Health{Status: degraded}
	}
	return Health{Status: unknown}
}

func autoscaler(r reader) Health {
	conditions := r.list("status", "conditions")
	if text := r.text("metadata", "annotations", "autoscaling.alpha.kubernetes.io/conditions"); text != "" && len(conditions) == 0 {
		var old []map[string]any // autoscaling/v1 has no conditions, the server puts them there
		if err := json.Unmarshal([]byte(text), &old); err != nil {
			return Health{unknown, "the conditions in the annotation of autoscaling/v1 cannot be read: " + err.Error()}
		}
		for _, c := range old {
			conditions = append(conditions, reader{c})
		}
	}
	for _, c := range conditions {
		if autoscalerFailed(c.text("type"), c.text("reason")) {
			return Health{degraded, c.message()}
		}
	}
	for _, c := range conditions {
		if kind := c.text("type"); c.isTrue() && (kind == "AbleToScale" || kind == "ScalingLimited") {
			return Health{healthy, c.message()}
		}
	}
	return Health{progressing, "Waiting to Autoscale"}
}

func autoscalerFailed(kind, reason string) bool {
	switch kind {
	case "AbleToScale":
		return reason == "FailedGetScale" || reason == "FailedUpdateScale"
	case "ScalingActive":
		return slices.Contains([]string{"FailedGetResourceMetric", "FailedGetObjectMetric", "FailedGetPodsMetric",
			"FailedGetExternalMetric", "FailedComputeMetricsReplicas", "InvalidSelector"}, reason)
	}
	return false
}

// disruptionBudget does not mind too few pods: a budget for a single replica never has enough.
func disruptionBudget(r reader) Health {
	h := Health{progressing, "Waiting for status"}
	for _, c := range r.list("status", "conditions") {
		reason := c.text("reason")
		if c.isFalse() && reason != "InsufficientPods" {
			return Health{degraded, "PodDisruptionBudget has " + reason}
		}
		h = Health{healthy, "PodDisruptionBudget has " + reason}
	}
	return h
}

func apiService(r reader) Health {
	c := r.condition("Available")
	if c.content == nil {
		return Health{progressing, "Waiting to be processed"}
	}
	h := Health{progressing, fmt.Sprintf("%s: %s", c.text("reason"), c.message())}
	if c.isTrue() {
		h.Status = healthy
	}
	return h
}

// definition differs from Argo CD in one point: a CRD that is not established yet, though nothing is wrong with it, is
// Progressing. Every new CRD passes through that state, and Degraded would fail the sync that brings it.
func definition(r reader) Health {
	if len(r.list("status", "conditions")) == 0 {
		return Health{progressing, "Status conditions not found"}
	}
	if c := r.condition("Terminating"); c.isTrue() {
		return Health{progressing, "CRD is terminating: " + c.message()}
	}
	if c := r.condition("NamesAccepted"); c.isFalse() {
		return Health{degraded, "CRD names have not been accepted: " + c.message()}
	}
	if !r.condition("Established").isTrue() {
		return Health{progressing, "CRD is not established"}
	}
	if c := r.condition("NonStructuralSchema"); c.isTrue() {
		return Health{degraded, "Schema violations found: " + c.message()}
	}
	return Health{healthy, "CRD is healthy"}
}

func workflow(r reader) Health {
	message := r.text("status", "message")
	switch r.text("status", "phase") {
	case "", "Pending", "Running":
		return Health{progressing, message}
	case "Succeeded":
		return Health{healthy, message}
	case "Failed", "Error":
		return Health{degraded, message}
	}
	return Health{unknown, message}
}
