package catalog

import (
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Connect returns the connection that a kubeconfig file and one of its contexts describe; the service account of the
// pod we run in when kubeconfig is empty.
func Connect(kubeconfig, context string) (*rest.Config, error) {
	if kubeconfig == "" {
		c, err := rest.InClusterConfig()
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "connect to the cluster we run in").WithHint("outside of a cluster, give --kubeconfig")
		}
		return c, nil
	}
	c, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the kubeconfig %s", kubeconfig)
	}
	return c, nil
}
