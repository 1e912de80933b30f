package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const gatewayGroup = "gateway.networking.k8s.io"

// maps below is the list of objects at a path of a manifest; what is no object is left out.
func mapsAt(in map[string]any, path ...string) []map[string]any {
	list, _, _ := unstructured.NestedFieldNoCopy(in, path...)
	items, _ := list.([]any)
	var found []map[string]any
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

func textAt(in map[string]any, path ...string) string {
	s, _, _ := unstructured.NestedString(in, path...)
	return s
}

// targets collects objects once each, in the order of their keys.
type targets map[object.Key]bool

func (t targets) list() []object.Key { return sortedKeys(t) }

func loadBalancer(o *object.Object) []Address {
	var list []Address
	for _, i := range mapsAt(o.Object, "status", "loadBalancer", "ingress") {
		if a := (Address{Host: textAt(i, "hostname"), IP: textAt(i, "ip")}); a != (Address{}) {
			list = append(list, a)
		}
	}
	return list
}

func serviceNetwork(o *object.Object) *Network {
	labels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector")
	n := &Network{TargetLabels: labels}
	if textAt(o.Object, "spec", "type") == "LoadBalancer" {
		n.Ingress = loadBalancer(o)
	}
	return n
}

func ignoresLinks(o *object.Object) bool {
	yes, err := strconv.ParseBool(o.GetAnnotations()[annotationIgnoreLinks])
	return err == nil && yes
}

func ingressNetwork(o *object.Object) *Network {
	n, to, urls := &Network{Ingress: loadBalancer(o)}, targets{}, map[string]bool{}
	backend := func(in map[string]any, field string) {
		b, _, _ := unstructured.NestedMap(in, field)
		if name := cmp.Or(textAt(b, "service", "name"), textAt(b, "serviceName")); name != "" {
			to[object.Key{Kind: "Service", Namespace: o.GetNamespace(), Name: name}] = true
		}
	}
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	backend(spec, "defaultBackend")
	backend(spec, "backend")
	tls := mapsAt(spec, "tls")
	for _, rule := range mapsAt(spec, "rules") {
		host := textAt(rule, "host")
		for _, a := range n.Ingress {
			host = cmp.Or(host, a.Host, a.IP)
		}
		for _, p := range mapsAt(rule, "http", "paths") {
			backend(p, "backend")
			if host != "" {
				urls[scheme(tls, host)+"://"+host+strings.TrimSuffix(textAt(p, "path"), "*")] = true
			}
		}
	}
	n.Targets = to.list()
	if !ignoresLinks(o) {
		n.URLs = onlyLinks(urls)
	}
	return n
}

// scheme is https where the ingress has a certificate: one that names the host, or one with a secret of its own.
func scheme(tls []map[string]any, host string) string {
	for _, t := range tls {
		hosts, _, _ := unstructured.NestedStringSlice(t, "hosts")
		if textAt(t, "secretName") != "" || slices.Contains(hosts, host) {
			return "https"
		}
	}
	return "http"
}

func onlyLinks(urls map[string]bool) []string {
	return slices.DeleteFunc(sortedSet(urls), func(u string) bool { return !isLink(u) })
}

func virtualServiceNetwork(o *object.Object) *Network {
	to := targets{}
	for _, rule := range mapsAt(o.Object, "spec", "http") {
		for _, route := range mapsAt(rule, "route") {
			host := textAt(route, "destination", "host")
			if host == "" {
				continue
			}
			name, rest, qualified := strings.Cut(host, ".")
			namespace := o.GetNamespace()
			if qualified {
				namespace, _, _ = strings.Cut(rest, ".")
			}
			to[object.Key{Kind: "Service", Namespace: namespace, Name: name}] = true
		}
	}
	return &Network{Targets: to.list()}
}

func routeNetwork(o *object.Object) *Network {
	to := targets{}
	add := func(ref map[string]any, group, kind string) {
		if name := textAt(ref, "name"); name != "" {
			to[object.Key{Group: cmp.Or(textAt(ref, "group"), group), Kind: cmp.Or(textAt(ref, "kind"), kind),
				Namespace: cmp.Or(textAt(ref, "namespace"), o.GetNamespace()), Name: name}] = true
		}
	}
	for _, ref := range mapsAt(o.Object, "spec", "parentRefs") {
		add(ref, gatewayGroup, "Gateway")
	}
	for _, rule := range mapsAt(o.Object, "spec", "rules") {
		for _, ref := range mapsAt(rule, "backendRefs") {
			add(ref, "", "Service")
		}
	}
	return &Network{Targets: to.list()}
}

func gatewayNetwork(o *object.Object) *Network {
	n, urls := &Network{}, map[string]bool{}
	for _, a := range mapsAt(o.Object, "status", "addresses") {
		switch value := textAt(a, "value"); textAt(a, "type") {
		case "Hostname":
			n.Ingress = append(n.Ingress, Address{Host: value})
		case "IPAddress", "":
			n.Ingress = append(n.Ingress, Address{IP: value})
		}
	}
	for _, l := range mapsAt(o.Object, "spec", "listeners") {
		hosts := []string{textAt(l, "hostname")}
		if hosts[0] == "" || hosts[0] == "*" {
			hosts = nil
			for _, a := range n.Ingress {
				hosts = append(hosts, cmp.Or(a.Host, a.IP))
			}
		}
		scheme, usual := "http", int64(80)
		if p := textAt(l, "protocol"); p == "HTTPS" || p == "TLS" {
			scheme, usual = "https", 443
		}
		port, _, _ := unstructured.NestedInt64(l, "port")
		for _, host := range hosts {
			url := scheme + "://" + host
			if port != usual {
				url += fmt.Sprintf(":%d", port)
			}
			urls[url] = true
		}
	}
	if !ignoresLinks(o) {
		n.URLs = onlyLinks(urls)
	}
	return n
}
