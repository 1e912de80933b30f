package catalog

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// secretTypeLabel says what one of our Secrets is (Argo CD's label).
const secretTypeLabel = "argocd.argoproj.io/secret-type"

// secretRecord is a Secret of ours, decoded.
type secretRecord struct {
	name, version, uid  string
	kind                string // value of secretTypeLabel
	data                map[string]string
	labels, annotations map[string]string
}

// text returns a value that is not secret, without the line end that `echo | base64` leaves.
func (s secretRecord) text(key string) string { return strings.TrimSpace(s.data[key]) }

// same reports whether two versions of a Secret say the same to us; Kubernetes writes versions for less.
func (s secretRecord) same(o secretRecord) bool {
	return s.kind == o.kind && maps.Equal(s.data, o.data) && maps.Equal(s.labels, o.labels) && maps.Equal(s.annotations, o.annotations)
}

func secretOf(o *object.Object) secretRecord {
	s := secretRecord{
		name: o.GetName(), version: o.GetResourceVersion(), uid: string(o.GetUID()), kind: o.GetLabels()[secretTypeLabel],
		labels: o.GetLabels(), annotations: o.GetAnnotations(), data: map[string]string{},
	}
	data, _ := o.Object["data"].(map[string]any)
	for k, v := range data {
		encoded, _ := v.(string)
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err == nil { // the API server holds nothing else
			s.data[k] = string(decoded)
		}
	}
	return s
}

// mapOf returns the data of a ConfigMap.
func mapOf(o *object.Object) map[string]string {
	values := map[string]string{}
	data, _ := o.Object["data"].(map[string]any)
	for k, v := range data {
		if s, ok := v.(string); ok {
			values[k] = s
		}
	}
	return values
}

// proxyTo sends requests through the proxy at address; nil when there is none: then the environment decides.
func proxyTo(address string) func(*http.Request) (*url.URL, error) {
	if address == "" {
		return nil
	}
	u, err := proxyURL(address)
	return func(*http.Request) (*url.URL, error) { return u, err }
}

// proxyURL reads the address of a proxy. Its error is not the parser's, which quotes the address with its password.
func proxyURL(address string) (*url.URL, error) {
	if address == "" {
		return nil, nil
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return nil, problem.New(problem.Invalid, "the cluster's proxyUrl does not parse")
	case !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme):
		return nil, problem.New(problem.Invalid, "the cluster's proxyUrl is of none of the schemes http, https and socks5")
	}
	return u, nil
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
