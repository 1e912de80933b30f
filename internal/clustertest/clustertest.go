// Package clustertest gives a test a namespace on a real Kubernetes API server.
//
// The idea: bin/devcluster is started once for each test process (or once for the whole run, when the
// environment names its kubeconfig), and every test works in a namespace of its own. Start with
// [Start]; the cluster goes away with the test process, however that ends. The package refuses to
// pretend: without the binary a test is skipped with the command that builds it, or fails where
// a cluster is required. Imported by _test.go files only.
package clustertest

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// The environment that decides which cluster the tests use.
const (
	// KubeconfigEnv names the kubeconfig of a devcluster that runs already. Tests create and delete
	// namespaces and cluster-scoped objects in it, so it must be a disposable one.
	KubeconfigEnv = "HAWSER_TEST_KUBECONFIG"
	// BinaryEnv names the devcluster binary; without it bin/devcluster of this repository.
	BinaryEnv = "HAWSER_DEVCLUSTER"
	// RequireEnv set to 1 turns "skipped for want of a cluster" into a failure: no silent green.
	RequireEnv = "HAWSER_REQUIRE_CLUSTER"
)

// Cluster is a real Kubernetes, with administrator's rights.
type Cluster struct {
	Kubeconfig string       // path of a kubeconfig file
	Config     *rest.Config // without a limit on requests; Copy it before you change it
	Client     kubernetes.Interface
	Dynamic    dynamic.Interface

	mapper *restmapper.DeferredDiscoveryRESTMapper
	// Held only to be held: were it collected, the pipe that keeps devcluster alive would close.
	process *process
}

// Start returns the cluster of this test process, and starts it when this is the first call.
// It skips t when there is no devcluster binary, or fails it under HAWSER_REQUIRE_CLUSTER=1.
func Start(t testing.TB) *Cluster {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.missing, shared.err = findOrStart() })
	switch {
	case shared.err != nil:
		t.Fatalf("clustertest: %v", shared.err)
	case shared.missing != "" && os.Getenv(RequireEnv) == "1":
		t.Fatalf("clustertest: %s (a cluster is required because %s=1)", shared.missing, RequireEnv)
	case shared.missing != "":
		t.Skipf("clustertest: %s", shared.missing)
	}
	return shared.cluster
}

// shared is the one cluster of the test process. A package variable, because tests of one package
// have nothing else in common, and a TestMain in each of them would be forgotten in one.
var shared struct {
	once    sync.Once
	cluster *Cluster
	missing string // what to do to get a cluster; "" when there is one
	err     error
}

func findOrStart() (c *Cluster, missing string, err error) {
	if path := os.Getenv(KubeconfigEnv); path != "" {
		c, err := connect(path)
		return c, "", err
	}
	binary, missing := findBinary()
	if missing != "" {
		return nil, missing, nil
	}
	dir, err := os.MkdirTemp("", "hawser-devcluster-")
	if err != nil {
		return nil, "", err
	}
	p := &process{binary: binary, dir: dir, discard: true}
	if err := p.start(); err != nil {
		return nil, "", err
	}
	if c, err = connect(p.kubeconfig()); err != nil {
		return nil, "", err
	}
	c.process = p
	return c, "", nil
}

func connect(kubeconfig string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of the test cluster: %w", err)
	}
	config.QPS = -1
	config.UserAgent = "clustertest"
	// Deprecation warnings of the API server would only clutter the test output.
	config.WarningHandler = rest.NoWarnings{}
	c := &Cluster{Kubeconfig: kubeconfig, Config: config}
	if c.Client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.Client.Discovery()))
	return c, nil
}
