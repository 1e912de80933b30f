package cli

import (
	"context"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/problem"
)

// coreClient returns a client of a server of our own, started for this command on the cluster of the kubeconfig.
func (r *remote) coreClient(context.Context) (*api.Client, error) {
	return nil, problem.New(problem.Invalid, "--core: not built yet")
}

// forward opens a way to the server's pod through the cluster's API and returns its address.
func (r *remote) forward(context.Context) (string, error) {
	return "", problem.New(problem.Invalid, "--port-forward: not built yet")
}
