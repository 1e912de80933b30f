package catalog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// A cluster whose server is agent://NAME is reached by the agent of that name, which connects to us. Its Secret holds no
// credential: only what the agent proves itself with, hashed. In the process that is that agent the same address means
// the cluster that it runs in, so that applications and projects are the same at both ends.

const (
	agentScheme = "agent://"
	agentKey    = "agent" // of a cluster Secret: JSON, see proof
)

var agentName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// AgentServer is the server of the cluster that an agent runs in.
func AgentServer(name string) string { return agentScheme + name }

// CheckAgentName returns what is wrong with the name of an agent.
func CheckAgentName(name string) error {
	if !agentName.MatchString(name) {
		return problem.New(problem.Invalid, "%q cannot be the name of an agent", name).WithHint("use up to 63 small letters, digits and hyphens")
	}
	return nil
}

// agentOf is the agent that a server names, if it does.
func agentOf(server string) (name string, ok bool) {
	name, ok = strings.CutPrefix(server, agentScheme)
	return name, ok && agentName.MatchString(name)
}

// proof is what an agent shows: of the token, or of the public key of its certificate, the SHA-256.
type proof struct {
	Token       string `json:"tokenSHA256,omitempty"`
	Certificate string `json:"certificateSHA256,omitempty"`
}

// AgentProof is what somebody who connects shows. No formatter shows the token.
type AgentProof struct {
	Token Secret
	// Certificate is the SHA-256 of the public key (SubjectPublicKeyInfo) of a certificate whose key the caller has; nil
	// when none was shown.
	Certificate []byte
}

// byAgent makes the clusters of agents what they are to this process: self, when it is an agent, sees its own cluster
// and no other.
func (c *clusters) byAgent(self string, home *rest.Config) *clusters {
	if self == "" {
		return c
	}
	own := &clusters{}
	for _, k := range c.list {
		if k.Agent == self {
			k.Agent, k.rest = "", home
			own.list = append(own.list, k)
		}
	}
	return own
}

// AgentRequest is the registration of an agent's cluster.
type AgentRequest struct {
	Agent       string // name of the agent, and of its cluster
	Project     string
	Labels      map[string]string
	Renew       bool   // it is registered already, and gets a new token
	Certificate []byte // when set: the agent shows a certificate with this key, and gets no token
}

// RegisterAgent registers the cluster of an agent, or gives a registered one a new token; the old one is no good from
// then on. The token is returned, and kept nowhere: its hash is. It is Conflict when the agent is registered and Renew is
// not set, NotFound when it is not and Renew is.
func (c *Catalog) RegisterAgent(ctx context.Context, r AgentRequest) (Cluster, Secret, error) {
	if err := CheckAgentName(r.Agent); err != nil {
		return Cluster{}, Secret{}, err
	}
	p, token := proof{Certificate: hex.EncodeToString(r.Certificate)}, Secret{}
	if len(r.Certificate) == 0 {
		random := make([]byte, 32)
		_, _ = rand.Read(random) // never fails, says its documentation
		token = NewSecret("hwa_" + base64.RawURLEncoding.EncodeToString(random))
		p = proof{Token: hash(token)}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return Cluster{}, Secret{}, err
	}
	server := AgentServer(r.Agent)
	name, err := clusterSecretName(server)
	if err != nil {
		return Cluster{}, Secret{}, err
	}
	known, found := c.Destination(v1alpha1.ApplicationDestination{Server: server})
	if found == nil {
		name = known.Record
	}
	k, err := c.writeCluster(ctx, name, func(d *draft) error {
		switch {
		case r.Renew && (d.missing || d.label(secretTypeLabel) != "cluster"):
			return problem.New(problem.NotFound, "agent %s is not registered", r.Agent)
		case !r.Renew && !d.missing:
			return problem.New(problem.Conflict, "agent %s is registered already", r.Agent).WithHint("for a new token: hawser agent add %s --renew", r.Agent)
		case !r.Renew:
			if err := d.putCluster(ClusterRecord{Server: server, Name: r.Agent, Project: r.Project, Labels: r.Labels}); err != nil {
				return err
			}
		}
		d.set(Fields{agentKey: string(text)})
		return nil
	})
	if err != nil {
		return Cluster{}, Secret{}, err
	}
	return k, token, nil
}

func hash(token Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Agent returns the cluster of the agent that proves to be the one it says it is. Everything else is one problem of kind
// Unauthenticated: whoever tries learns nothing of which agents there are.
func (c *Catalog) Agent(name string, shown AgentProof) (Cluster, error) {
	refused := problem.New(problem.Unauthenticated, "no agent of that name is registered with that token or certificate")
	k, err := c.Destination(v1alpha1.ApplicationDestination{Server: AgentServer(name)})
	if err != nil || k.Agent == "" || k.Agent != name {
		return Cluster{}, refused
	}
	c.mu.RLock()
	text := c.secrets[k.Record].data[agentKey]
	c.mu.RUnlock()
	var p proof
	if json.Unmarshal([]byte(text), &p) != nil {
		return Cluster{}, refused
	}
	same := func(want, got string) bool {
		return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
	}
	if !shown.Token.Empty() && same(p.Token, hash(shown.Token)) || len(shown.Certificate) > 0 && same(p.Certificate, hex.EncodeToString(shown.Certificate)) {
		return k, nil
	}
	return Cluster{}, refused
}

// AgentVersion changes whenever what an agent proves itself with does.
func (c *Catalog) AgentVersion(k Cluster) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.secrets[k.Record].data[agentKey]
}

// Raw is a Secret or ConfigMap of ours as it is, for those who pass it on. No formatter shows what it holds.
type Raw struct {
	Labels map[string]string
	Data   Fields
}

// RawSecrets returns Secrets of repositories and their credentials by name; those that are none of these are left out.
func (c *Catalog) RawSecrets(names []string) map[string]Raw {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := map[string]Raw{}
	for _, name := range names {
		if s, ok := c.secrets[name]; ok && (s.kind == kindRepository || s.kind == kindCreds) {
			out[name] = Raw{Labels: map[string]string{secretTypeLabel: s.kind}, Data: Fields(maps.Clone(s.data))}
		}
	}
	return out
}

// CredentialRecords names the Secrets of credential templates and of repositories of no project or of one of projects.
func (c *Catalog) CredentialRecords(projects map[string]bool) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var names []string
	for _, name := range sortedKeys(c.secrets) {
		s := c.secrets[name]
		if in := s.text("project"); (s.kind == kindRepository || s.kind == kindCreds) && (in == "" || projects[in]) {
			names = append(names, name)
		}
	}
	return names
}

// OfProject returns those of Secrets that are of one project only.
func (c *Catalog) OfProject(names []string, project string) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		s, known := c.secrets[name]
		return !known || s.text("project") != project
	})
}

// Instance tells this agent's records from those of another agent of its name: it is the UID of the Lease of its replicas.
func (c *Catalog) Instance(ctx context.Context) (string, error) {
	lease, err := c.client.Resource(leases).Namespace(c.options.Namespace).Get(ctx, LeaderLease, metav1.GetOptions{})
	if err != nil {
		return "", apiProblem(err, "read the Lease of our replicas")
	}
	return string(lease.GetUID()), nil
}

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// passedOn are the settings that concern what is deployed and how, by the ConfigMap that holds them; a name that ends in
// a dot means all that begin with it. Nothing of how people log in is among them, and nothing of how this hub is served.
var passedOn = map[string][]string{
	settingsMap: {
		"resource.", "application.resourceTrackingMethod", "application.instanceLabelKey", "installationID", "timeout.", "kustomize.", "helm.", "jsonnet.",
		"globalProjects", "hawser.health.", "hawser.drift.", "hawser.sync.", "hawser.helm.", "hawser.prune.", "hawser.repositories.", "application.sync.",
	},
	paramsMap: {
		"controller.self.heal.", "controller.sync.", "controller.resource.health.",
	},
	knownHostsMap: {"ssh_known_hosts"},
	tlsCertsMap:   {"."},
	gpgKeysMap:    {"."},
}

// RawSettings returns the settings that an agent needs, by the name of their ConfigMap.
func (c *Catalog) RawSettings() map[string]Raw {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := map[string]Raw{}
	for name, keys := range passedOn {
		data := Fields{}
		for key, value := range c.records.maps[name] {
			if slices.ContainsFunc(keys, func(k string) bool {
				return k == "." || key == k || strings.HasSuffix(k, ".") && strings.HasPrefix(key, k)
			}) {
				data[key] = value
			}
		}
		if len(data) > 0 {
			out[name] = Raw{Labels: map[string]string{partOfLabel: partOf}, Data: data}
		}
	}
	return out
}
