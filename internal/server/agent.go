package server

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// agent takes the connection of an agent that proves who it is. It is no method of the API, and no person may do it: what
// it shows is compared with the record of its cluster.
func (s *server) agent(w http.ResponseWriter, r *http.Request) {
	if s.Agents == nil {
		fail(w, problem.New(problem.NotFound, "nothing is served at %s", clip(r.URL.Path)))
		return
	}
	name, token := r.Header.Get(agent.NameHeader), ""
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(t)
	}
	shown := catalog.AgentProof{Token: catalog.NewSecret(token)}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 { // the handshake has shown that it has the key
		sum := sha256.Sum256(r.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo)
		shown.Certificate = sum[:]
		if at := r.TLS.PeerCertificates[0]; time.Now().After(at.NotAfter) || time.Now().Before(at.NotBefore) {
			shown.Certificate = nil
		}
	}
	if _, err := s.Catalog.Agent(name, shown); err != nil {
		s.Log.Warn("agent refused", "agent", clip(name), "from", r.RemoteAddr, "error", err)
		fail(w, err)
		return
	}
	newcomer := agent.Newcomer{Name: name, Instance: clip(r.Header.Get(agent.InstanceHeader)), Address: r.RemoteAddr}
	if err := s.Agents.Ready(newcomer); err != nil {
		s.Log.Warn("agent not taken", "agent", name, "from", r.RemoteAddr, "error", err)
		fail(w, err)
		return
	}
	upgrade := websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second, ReadBufferSize: 32 << 10, WriteBufferSize: 32 << 10,
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "" }, // no page has a token
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			answer(w, status, codes[problem.Invalid], "the request is no handshake of a WebSocket")
		},
	}
	ws, err := upgrade.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	s.Agents.Join(newcomer, agent.Stream(ws))
	if _, err := s.Catalog.Agent(name, shown); err != nil { // revoked while it connected: those who hang up may not have seen it yet
		s.Agents.HangUp(name, "what it proves itself with has changed")
	}
}

// onAgent permits those who may register the agent's cluster in the project, or change the one that is registered.
func onAgent() rule[argocd.AgentRegistration] {
	return rule[argocd.AgentRegistration]{declared{rbac.Clusters, rbac.Create, single}, func(c *call, q *argocd.AgentRegistration) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		if q.Renew {
			_, err := c.clustersNamed(clusterRef{server: catalog.AgentServer(q.Name)}, rbac.Update)
			return err
		}
		return c.must(rbac.Clusters, rbac.Create, rbac.Scoped(strings.TrimSpace(q.Project), catalog.AgentServer(q.Name)))
	}}
}

// registerAgent makes the cluster of an agent one of ours. What the agent proves itself with is said once, here.
func (s *server) registerAgent(c *call, q *argocd.AgentRegistration) (*argocd.AgentRegistered, error) {
	r := catalog.AgentRequest{Agent: q.Name, Project: strings.TrimSpace(q.Project), Labels: q.Labels, Renew: q.Renew}
	if err := catalog.CheckAgentName(q.Name); err != nil {
		return nil, err
	}
	if q.Certificate != "" {
		block, _ := pem.Decode([]byte(q.Certificate))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, problem.New(problem.Invalid, "the certificate is not one in PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, problem.New(problem.Invalid, "the certificate cannot be read")
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		r.Certificate = sum[:]
	}
	if !q.Renew {
		if err := c.mayBeCalled(catalog.ClusterRecord{Server: catalog.AgentServer(q.Name), Name: q.Name}); err != nil {
			return nil, err
		}
	}
	k, token, err := s.Catalog.RegisterAgent(c, r)
	if problem.Is(err, problem.Conflict) && !q.Renew { // it may be another project's
		if _, hidden := c.clustersNamed(clusterRef{server: catalog.AgentServer(q.Name)}, rbac.Get); hidden != nil {
			return nil, hidden
		}
	}
	if err != nil {
		return nil, err
	}
	return &argocd.AgentRegistered{Server: k.Server, Token: token.Reveal()}, nil
}

// connectedByAgent says how a cluster is whose agent connects to us.
func (s *server) connectedByAgent(name string, info *argocd.ClusterInfo) {
	if s.Agents == nil {
		info.ConnectionState.Message = "this process is not connected to agents"
		return
	}
	state := s.Agents.State(name)
	at := &metav1.Time{Time: state.Since}
	beat := state.Beat
	info.ConnectionState = argocd.ConnectionState{Status: connectionSuccessful, ModifiedAt: at, Message: "agent " + beat.Version + " connected from " + state.From}
	switch {
	case !state.Connected:
		info.ConnectionState = argocd.ConnectionState{Status: connectionFailed, ModifiedAt: at, Message: agent.Away(name, state).Error()}
		if state.Since.IsZero() {
			info.ConnectionState = argocd.ConnectionState{Status: connectionUnknown, Message: state.Why}
		}
	case !beat.Connected:
		info.ConnectionState.Status, info.ConnectionState.Message = connectionFailed, "the agent is connected, and its cluster does not answer it"
	case beat.Trouble != "":
		info.ConnectionState.Message += ", and does not take " + beat.Trouble
		info.CacheInfo.LastCacheSyncTime = at
	default:
		info.CacheInfo.LastCacheSyncTime = at
	}
	info.ServerVersion, info.APIVersions = beat.Kubernetes, slices.Clone(beat.APIs)
	info.CacheInfo.ResourcesCount, info.CacheInfo.APIsCount = int64(beat.Objects), int64(beat.Kinds)
}

// Probes answers health and metrics and nothing else, for a process that serves nobody: an agent.
func Probes(ready func() error, metrics prometheus.Gatherer) http.Handler {
	s := &server{Options: Options{Ready: ready}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 5}))
	return mux
}
