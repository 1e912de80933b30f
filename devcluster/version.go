package main

import (
	"fmt"
	"strings"

	"k8s.io/component-base/version"
)

// kubernetesVersion is what the API server calls itself, for example v1.36.3.
func kubernetesVersion() string { return version.Get().GitVersion }

// checkLinked refuses a binary that was linked without its version: the API server would call
// itself v0.0.0-master, and kubectl and Helm refuse to work with that.
func checkLinked() error {
	if strings.HasPrefix(kubernetesVersion(), "v0.") {
		return fmt.Errorf("this binary does not know its Kubernetes version (%s): build it with `make build`, which passes it to the linker", kubernetesVersion())
	}
	return nil
}
