// Package forward reaches a server that stands in a cluster, for a command that knows only the cluster.
//
// The idea: what kubectl port-forward does, to the pod that serves. Read Open first. The package refuses to know what is
// said through the way that it opens.
package forward

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Kubeconfig is what kubectl would work with: the file, and the namespace of the context (empty: its current one).
// chosen reports whether the namespace was.
func Kubeconfig(kubeContext string) (file, namespace string, chosen bool, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	namespace, chosen, err = of(rules, kubeContext).Namespace()
	if err != nil {
		return "", "", false, problem.Because(problem.Invalid, err, "read the kubeconfig")
	}
	return rules.GetDefaultFilename(), namespace, chosen || namespace != "default", nil
}

func of(rules *clientcmd.ClientConfigLoadingRules, kubeContext string) clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: kubeContext})
}

// Open opens a way to the server's pod through the cluster's API and returns its address on this machine. It stays open
// until ctx ends. An empty namespace is that of the context; name is the value of the pods' label app.kubernetes.io/name,
// beside which ours is looked for.
func Open(ctx context.Context, kubeContext, namespace, name string) (string, error) {
	serverPods := "app.kubernetes.io/name in (" + name + ", hawser)"
	kube := of(clientcmd.NewDefaultClientConfigLoadingRules(), kubeContext)
	if namespace == "" {
		var err error
		if namespace, _, err = kube.Namespace(); err != nil {
			return "", problem.Because(problem.Invalid, err, "read the kubeconfig")
		}
	}
	config, err := kube.ClientConfig()
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "read the kubeconfig")
	}
	client, err := typedcore.NewForConfig(config)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "connect to the cluster")
	}
	pods, err := client.Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: serverPods, Limit: 50})
	if err != nil {
		return "", problem.Because(problem.Unavailable, err, "look for the server's pod in namespace %s", namespace)
	}
	pod := ""
	for _, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			pod = p.Name
		}
	}
	if pod == "" {
		return "", problem.New(problem.NotFound, "no running pod of the server in namespace %s", namespace).WithHint("give --port-forward-namespace; pods are looked for with %s", serverPods)
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "connect to the cluster")
	}
	url := client.RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	ready, faults := make(chan struct{}), &bytes.Buffer{}
	f, err := portforward.NewOnAddresses(spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), []string{"127.0.0.1"}, []string{"0:8080"}, ctx.Done(), ready, io.Discard, faults)
	if err != nil {
		return "", problem.Because(problem.Unavailable, err, "forward a port to pod %s", pod)
	}
	ended := make(chan error, 1)
	go func() { ended <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		return "", problem.Because(problem.Unavailable, err, "forward a port to pod %s", pod)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ports, err := f.GetPorts()
	if err != nil || len(ports) == 0 {
		return "", problem.New(problem.Unavailable, "forward a port to pod %s: %s", pod, faults)
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), nil
}
