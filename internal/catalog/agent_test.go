package catalog

import (
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
)

// The same record means that an agent connects to us, or, to that agent, the cluster that it runs in.
func TestClusterOfAnAgent(t *testing.T) {
	home := &rest.Config{Host: "https://home"}
	secrets := []secretRecord{
		repositorySecret("cluster", "edge", "server", "agent://edge", "name", "at-the-edge", "config", `{"bearerToken":"canary"}`),
		repositorySecret("cluster", "other", "server", "agent://other"),
		repositorySecret("cluster", "odd", "server", "agent://No/Name"),
	}
	hub := parseClusters(secrets, clusterRules{home: home, inCluster: true}).byAgent("", home)
	k, err := hub.resolve(v1alpha1.ApplicationDestination{Name: "at-the-edge"})
	if err != nil || k.Agent != "edge" || k.Server != AgentServer("edge") || k.Problem != nil {
		t.Fatalf("%+v %v", k, err)
	}
	if _, err := k.REST(); !problem.Is(err, problem.Unsupported) {
		t.Errorf("a hub has a connection: %v", err)
	}
	if k, err = hub.resolve(v1alpha1.ApplicationDestination{Server: "agent://No/Name"}); err != nil || k.Agent != "" {
		t.Errorf("what cannot be an agent's name is one: %+v %v", k, err)
	}
	own := parseClusters(secrets, clusterRules{home: home, inCluster: true}).byAgent("edge", home)
	if len(own.list) != 1 || own.list[0].Agent != "" || own.list[0].Server != "agent://edge" {
		t.Fatalf("an agent sees %+v", own.list)
	}
	if c, err := own.list[0].REST(); err != nil || c.Host != "https://home" || c.BearerToken != "" {
		t.Errorf("an agent's own cluster is reached by %+v %v", c, err)
	}
	for _, bad := range []string{"", "Edge", "a.b", "-a", "a/b"} {
		if CheckAgentName(bad) == nil {
			t.Errorf("%q is a name", bad)
		}
	}
}
