package cli

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cluster/forward"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/server"
)

// coreClient returns a client of a server of our own, started for this command on the cluster of the kubeconfig. It
// answers on a loopback port and only to a token that nobody else knows; what may be done is what the kubeconfig's user
// may do in the cluster. Its mirrors of repositories are kept for the next command.
func (r *remote) coreClient(ctx context.Context) (*api.Client, error) {
	file, namespace, chosen, err := forward.Kubeconfig(r.kubeContext)
	if err != nil {
		return nil, err
	}
	cfg := config.Default()
	if chosen {
		cfg.Namespace = namespace // as argocd --core does: the namespace of the context is Argo CD's
	}
	if n := os.Getenv("ARGOCD_NAMESPACE"); n != "" {
		cfg.Namespace = n
	}
	cfg.Kubeconfig, cfg.Context = file, r.kubeContext
	cfg.Identity = "core"
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cfg.DataDir = filepath.Join(cache, "hawser", "core")
	l, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if strings.EqualFold(r.logLevel, "debug") {
		log = slog.New(slog.NewTextHandler(r.std.Err, nil))
	}
	token := rand.Text()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until close: the last answer is still on its way
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: log, Listener: l, Core: token})
	if err != nil {
		cancel()
		_ = l.Close()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(ctx)
	}()
	r.closing = append(r.closing, func() { cancel(); <-ended })
	return api.New(api.Server{Address: d.Addr, PlainText: true, Token: token, UserAgent: userAgent(), Retries: 3})
}

// close ends what the command has started, the latest first.
func (r *remote) close() {
	for _, end := range slices.Backward(r.closing) {
		end()
	}
}
