package server

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// connections remembers whether repositories let us in, so that a list of them does not ask each server every time.
type connections struct {
	mu    sync.Mutex
	known map[string]argocd.ConnectionState // by URL, project and version of the records
}

// Bounds of asking.
const (
	askAtOnce      = 16
	askTimeout     = 20 * time.Second
	maxConnections = 20_000
)

// ask returns the states of repositories in their order, asking those of which nothing is known that is fresh enough,
// or all when forced. The answer to a list waits for the slowest, up to askTimeout.
func (k *connections) ask(ctx context.Context, sources Sources, list []catalog.Repository, fresh time.Duration, force bool) []argocd.ConnectionState {
	states := make([]argocd.ConnectionState, len(list))
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var asking sync.WaitGroup
	room := make(chan struct{}, askAtOnce)
	for i, r := range list {
		key := r.URL + "\x00" + r.Project + "\x00" + r.Record + "\x00" + r.Version
		if state, ok := k.get(key, fresh); ok && !force {
			states[i] = state
			continue
		}
		asking.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			err := sources.CheckRepository(ctx, r)
			state := argocd.ConnectionState{Status: connectionSuccessful, ModifiedAt: &metav1.Time{Time: time.Now()}}
			if err != nil {
				state.Status, state.Message = connectionFailed, "Unable to connect to repository: "+err.Error()
			}
			if err != nil && ctx.Err() != nil { // that there was no time is no news of the repository
				states[i] = argocd.ConnectionState{Status: connectionUnknown, Message: "the repository has not answered in time"}
				return
			}
			states[i] = state
			k.put(key, state)
		})
	}
	asking.Wait()
	return states
}

func (k *connections) get(key string, fresh time.Duration) (argocd.ConnectionState, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	state, ok := k.known[key]
	return state, ok && time.Since(state.ModifiedAt.Time) < fresh
}

func (k *connections) put(key string, state argocd.ConnectionState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= maxConnections {
		k.known = map[string]argocd.ConnectionState{}
	}
	k.known[key] = state
}
