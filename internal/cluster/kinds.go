package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/discovery"
)

// Kind is a kind of object that the cluster serves.
type Kind struct {
	GVK        schema.GroupVersionKind // in the version that the server prefers, which is the one watched
	GVR        schema.GroupVersionResource
	Namespaced bool
	Watchable  bool // it can be listed and watched
	Excluded   bool // the settings keep it out of sight
}

func (k Kind) gk() schema.GroupKind { return k.GVK.GroupKind() }

// The kinds whose objects say which kinds there are.
var (
	crdKind        = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	apiServiceKind = schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}
)

// served is one answer of discovery. It is not changed once made.
type served struct {
	version  string                           // of Kubernetes: v1.36.3
	kinds    map[schema.GroupKind]Kind        // by the preferred version
	versions map[schema.GroupVersionKind]Kind // every version
	names    []string                         // group/version and group/version/Kind, sorted, as Helm's .Capabilities.APIVersions
	failed   map[schema.GroupVersion]error    // groups that did not answer; their kinds are those of the answer before
}

// discover asks the server what it serves. Kinds of groups that did not answer, and kinds that keep reports as still
// existing, are carried over from the answer before: silence is not absence.
func discover(ctx context.Context, client discovery.DiscoveryInterfaceWithContext, before *served, keep func(Kind) bool) (*served, error) {
	version, err := client.ServerVersionWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the version: %w", err)
	}
	groups, lists, err := client.ServerGroupsAndResourcesWithContext(ctx)
	s := &served{version: version.GitVersion, kinds: map[schema.GroupKind]Kind{}, versions: map[schema.GroupVersionKind]Kind{}, failed: map[schema.GroupVersion]error{}}
	if failed := (&discovery.ErrGroupDiscoveryFailed{}); errors.As(err, &failed) {
		s.failed = failed.Groups
	} else if err != nil {
		return nil, fmt.Errorf("ask for the kinds: %w", err)
	}

	resources := map[string][]metav1.APIResource{}
	for _, l := range lists {
		resources[l.GroupVersion] = l.APIResources
	}
	for _, g := range groups {
		for _, v := range preferredFirst(g) {
			gv := schema.GroupVersion{Group: g.Name, Version: v}
			for _, r := range resources[gv.String()] {
				s.add(gv, r)
			}
		}
	}
	if before != nil {
		for gvk, k := range before.versions {
			if _, ok := s.versions[gvk]; ok {
				continue
			}
			if _, silent := s.failed[gvk.GroupVersion()]; silent || keep(k) {
				s.versions[gvk] = k
				if _, ok := s.kinds[gvk.GroupKind()]; !ok {
					s.kinds[gvk.GroupKind()] = before.kinds[gvk.GroupKind()]
				}
			}
		}
	}
	names := sets.New[string]()
	for gvk := range s.versions {
		names.Insert(gvk.GroupVersion().String(), gvk.GroupVersion().String()+"/"+gvk.Kind)
	}
	s.names = sets.List(names)
	return s, nil
}

// add takes one resource, called in the order of preference.
func (s *served) add(gv schema.GroupVersion, r metav1.APIResource) {
	if strings.Contains(r.Name, "/") {
		return // a subresource
	}
	gvk := gv.WithKind(r.Kind)
	k := Kind{GVK: gvk, GVR: gv.WithResource(r.Name), Namespaced: r.Namespaced, Watchable: slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "watch")}
	if old, ok := s.versions[gvk]; ok && (old.Watchable || !k.Watchable) {
		return // two resources of one kind: the one that can be watched speaks for it
	}
	s.versions[gvk] = k
	if old, ok := s.kinds[k.gk()]; !ok || !old.Watchable && k.Watchable {
		s.kinds[k.gk()] = k
	}
}

func preferredFirst(g *metav1.APIGroup) []string {
	list := []string{g.PreferredVersion.Version}
	for _, v := range g.Versions {
		if v.Version != g.PreferredVersion.Version {
			list = append(list, v.Version)
		}
	}
	return list
}

// serves reports whether the answer holds the resource (plural.group), in any version.
func (s *served) serves(group, plural string) bool {
	for _, k := range s.versions {
		if k.GVR.Group == group && k.GVR.Resource == plural {
			return true
		}
	}
	return false
}

// Kind returns what the cluster serves as gk; ok is false when it serves no such kind (as far as we know: see KindErr).
func (c *Cluster) Kind(gk schema.GroupKind) (kind Kind, ok bool) {
	s := c.served.Load()
	if s == nil {
		return Kind{}, false
	}
	kind, ok = s.kinds[gk]
	kind.Excluded = ok && c.settings.Load().excluded(c.server, gk)
	return kind, ok
}

// Facts returns the version of Kubernetes (v1.36.3) and what it serves: group/version and group/version/Kind, sorted,
// as Helm's .Capabilities name them. Both are empty before the first answer.
func (c *Cluster) Facts() (kubeVersion string, apiVersions []string) {
	if s := c.served.Load(); s != nil {
		return s.version, s.names
	}
	return "", nil
}

// kindOf returns the kind in the version that apiVersion names, or in the preferred one when version is empty.
func (c *Cluster) kindOf(key object.Key, version string) (Kind, bool) {
	s := c.served.Load()
	if s == nil {
		return Kind{}, false
	}
	if version == "" {
		k, ok := s.kinds[key.GroupKind()]
		return k, ok
	}
	k, ok := s.versions[key.GroupKind().WithVersion(version)]
	return k, ok
}
