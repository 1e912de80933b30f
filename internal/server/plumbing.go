package server

import (
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// plumbing are methods that are not of Argo CD's contract, but of gRPC's: what load balancers, probes and tools ask. They are
// rows of the same table, so that whoever comes by them passes a rule, too.
var plumbing = []argocd.Method{
	{Service: "grpc.health.v1.Health", Name: "Check"},
	{Service: "grpc.health.v1.Health", Name: "Watch", ServerStream: true},
	{Service: "grpc.reflection.v1.ServerReflection", Name: "ServerReflectionInfo", ClientStream: true, ServerStream: true},
	{Service: "grpc.reflection.v1alpha.ServerReflection", Name: "ServerReflectionInfo", ClientStream: true, ServerStream: true},
}

// healthQuery and healthAnswer are the messages of grpc.health.v1.
type healthQuery struct {
	Service string `json:"service,omitempty" protobuf:"bytes,1,opt,name=service,proto3"`
}

type healthAnswer struct {
	Status int32 `json:"status,omitempty" protobuf:"varint,1,opt,name=status,proto3"`
}

// The states of grpc.health.v1.
const (
	serving        = 1
	notServing     = 2
	serviceUnknown = 3 // only Watch says so
)

func (s *server) plumbingMethods() []method {
	return []method{
		unary("grpc.health.v1.Health/Check", anybody[healthQuery](), s.checkHealth),
		stream("grpc.health.v1.Health/Watch", anybody[healthQuery](), s.watchHealth),
		dialog("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", anybody[reflectionQuery](), s.reflect),
		dialog("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", anybody[reflectionQuery](), s.reflect),
	}
}

// health is the state of a service: each is as ready as the process. What is not ready is not told: strangers ask.
func (s *server) health(service string) int32 {
	if service != "" && !s.api.services[service] {
		return serviceUnknown
	}
	if s.Ready != nil && s.Ready() != nil {
		return notServing
	}
	return serving
}

func (s *server) checkHealth(_ *call, q *healthQuery) (*healthAnswer, error) {
	state := s.health(q.Service)
	if state == serviceUnknown {
		return nil, problem.New(problem.NotFound, "unknown service")
	}
	return &healthAnswer{state}, nil
}

// healthEvery is how often a watcher's service is looked at; maxHealthWatches how many may watch: nobody has logged in.
const (
	healthEvery      = 5 * time.Second
	maxHealthWatches = 100
)

func (s *server) watchHealth(c *call, q *healthQuery, send func(*healthAnswer) error) error {
	if s.healthWatches.Add(1) > maxHealthWatches {
		s.healthWatches.Add(-1)
		s.crowd.refused.add(byHealthWatches)
		return problem.New(problem.Limit, "too many watches of health")
	}
	defer s.healthWatches.Add(-1)
	t := time.NewTicker(healthEvery)
	defer t.Stop()
	for last := int32(0); ; {
		if now := s.health(q.Service); now != last {
			if err := send(&healthAnswer{now}); err != nil {
				return err
			}
			last = now
		}
		select {
		case <-t.C:
		case <-c.Done():
			return c.Err()
		}
	}
}
