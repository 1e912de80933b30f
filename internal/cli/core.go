package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/hawser-cd/hawser/internal/catalog/backup"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/problem"
)

// coreClient returns a client of a server of our own, which this command has started on the records of the kubeconfig's
// cluster, in the namespace of its context. It knows what the records say; what only the leader sees (live objects,
// trees, logs) it does not.
func (r *remote) coreClient(ctx context.Context) (*api.Client, error) {
	records, err := backup.Open(backup.Where{Context: r.kubeContext})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hawser-core-")
	if err != nil {
		return nil, err
	}
	r.closing = append(r.closing, func() { _ = os.RemoveAll(dir) })
	cfg := config.Default()
	cfg.Kubeconfig, cfg.Context, cfg.Namespace, cfg.DataDir, cfg.Identity, cfg.Insecure = kubeconfigPath(), r.kubeContext, records.Namespace(), dir, "hawser-core", true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, problem.Because(problem.Unavailable, err, "open an address on this machine")
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if strings.EqualFold(r.logLevel, "debug") {
		log = slog.New(slog.NewTextHandler(r.std.Err, nil))
	}
	secret := random()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: log, Listener: l, Core: secret})
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
	return api.New(api.Server{Address: d.Addr, PlainText: true, UserAgent: userAgent(), Headers: http.Header{daemon.CoreHeader: {secret}}})
}

// kubeconfigPath is the file that kubectl reads first; "" when there is none, for a pod's own account.
func kubeconfigPath() string {
	for _, path := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		if path != "" {
			return path
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	if path := filepath.Join(home, ".kube", "config"); exists(path) {
		return path
	}
	return ""
}

// close ends what the command has started, the latest first.
func (r *remote) close() {
	for i := len(r.closing) - 1; i >= 0; i-- {
		r.closing[i]()
	}
}

// forward would open a way to the server's pod through the cluster's API.
func (r *remote) forward(context.Context) (string, error) {
	return "", problem.New(problem.Unsupported, "--port-forward is not supported yet").
		WithHint("kubectl port-forward svc/%s 8080:443, and --server localhost:8080", r.serverName)
}
