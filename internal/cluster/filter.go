package cluster

import (
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Filter names kinds of resources, in the words of argocd-cm's resource.exclusions and resource.inclusions. Each field
// holds globs; an empty field matches everything.
type Filter struct {
	APIGroups []string
	Kinds     []string
	Clusters  []string // API server addresses
}

// DefaultExclusions returns the kinds that Argo CD 3 leaves alone unless told otherwise: written often, by machines,
// and never from Git. A new slice each time.
func DefaultExclusions() []Filter {
	return []Filter{
		{APIGroups: []string{"", "discovery.k8s.io"}, Kinds: []string{"Endpoints", "EndpointSlice"}},
		{APIGroups: []string{"coordination.k8s.io"}, Kinds: []string{"Lease"}},
		{APIGroups: []string{"authentication.k8s.io", "authorization.k8s.io"}, Kinds: []string{
			"SelfSubjectReview", "TokenReview", "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}},
		{APIGroups: []string{"certificates.k8s.io"}, Kinds: []string{"CertificateSigningRequest"}},
		{APIGroups: []string{"cert-manager.io"}, Kinds: []string{"CertificateRequest"}},
		{APIGroups: []string{"cilium.io"}, Kinds: []string{"CiliumIdentity", "CiliumEndpoint", "CiliumEndpointSlice"}},
		{APIGroups: []string{"kyverno.io", "reports.kyverno.io", "wgpolicyk8s.io"}, Kinds: []string{
			"PolicyReport", "ClusterPolicyReport", "EphemeralReport", "ClusterEphemeralReport", "AdmissionReport", "ClusterAdmissionReport",
			"BackgroundScanReport", "ClusterBackgroundScanReport", "UpdateRequest"}},
	}
}

var defaultExclusions = DefaultExclusions()

// neverWatched is not up for configuration: events are a log, not state, and metrics have no watch worth the name.
var neverWatched = []Filter{
	{APIGroups: []string{"events.k8s.io", "metrics.k8s.io", "metrics.kubernetes.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"}},
	{APIGroups: []string{""}, Kinds: []string{"Event"}},
}

// excluded reports whether the settings keep gk of the cluster at server out of sight.
func (s Settings) excluded(server string, gk schema.GroupKind) bool {
	match := func(f Filter) bool { return f.matches(server, gk) }
	exclusions := s.Exclusions
	if exclusions == nil {
		exclusions = defaultExclusions
	}
	return slices.ContainsFunc(neverWatched, match) || slices.ContainsFunc(exclusions, match) ||
		len(s.Inclusions) > 0 && !slices.ContainsFunc(s.Inclusions, match)
}

func (f Filter) matches(server string, gk schema.GroupKind) bool {
	return anyGlob(f.APIGroups, gk.Group) && anyGlob(f.Kinds, gk.Kind) && anyGlob(f.Clusters, server)
}

func anyGlob(patterns []string, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == s || !strings.ContainsAny(p, `*?[{\`) {
			return p == s
		}
		g, err := glob.Compile(p)
		return err == nil && g.Match(s) // a pattern that is no glob matches only itself
	})
}
