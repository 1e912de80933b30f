package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/webhook"
)

// defaultMaxBody is Argo CD's default of webhook.maxPayloadSizeMB, for when no setting says otherwise.
const defaultMaxBody = 50 << 20

// webhook takes a Git provider's delivery, hands it on, and answers at once: providers wait ten seconds at most, and
// what follows from a push is nobody's business out there. The answer is the same for repositories known and unknown.
func (s *server) webhook(w http.ResponseWriter, r *http.Request) {
	push, status, err := s.delivery(w, r)
	provider := push.Provider
	if provider == "" {
		provider = "none" // refused before we knew
	}
	s.counters.webhooks.WithLabelValues(provider, strconv.Itoa(status)).Inc()
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
		answer(w, status, connect.CodeResourceExhausted, err.Error())
	case status == http.StatusRequestTimeout:
		answer(w, status, connect.CodeDeadlineExceeded, err.Error())
	case err != nil:
		s.tellRefused(r, err)
		fail(w, err)
	default:
		if len(push.Repositories) > 0 && s.Webhook != nil {
			s.Webhook(push)
		}
		reply(w, http.StatusOK, struct {
			Message string `json:"message"`
		}{"noted"})
	}
}

// delivery reads one, in the order of what refusing costs: rate, size, memory, time, proof, shape.
func (s *server) delivery(w http.ResponseWriter, r *http.Request) (webhook.Push, int, error) {
	var none webhook.Push
	if !s.webhooks.pass(sourceOf(r.RemoteAddr), time.Now()) {
		s.crowd.refused.add(byWebhookRate)
		return none, http.StatusTooManyRequests, problem.New(problem.Limit, "too many deliveries from this address").
			WithHint("nothing is lost: repositories are polled as well")
	}
	limit := s.maxBody()
	if r.ContentLength > limit {
		return refused(tooLarge(limit))
	}
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	leave, ok := s.webhooks.enter(size)
	if !ok {
		s.crowd.refused.add(byWebhooks)
		return none, http.StatusServiceUnavailable, problem.New(problem.Limit, "too many deliveries at once").
			WithHint("nothing is lost: repositories are polled as well")
	}
	defer leave()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refused(tooLarge(limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return none, http.StatusRequestTimeout, problem.New(problem.Invalid, "the body took longer than %s", s.crowd.patience)
	case err != nil:
		return refused(problem.New(problem.Invalid, "the body ended early"))
	}
	var secrets webhook.Secrets
	if s.WebhookSecrets != nil {
		secrets = s.WebhookSecrets()
	}
	push, err := webhook.Parse(r.Header.Get, body, secrets)
	if err != nil {
		return refused(err)
	}
	return push, http.StatusOK, nil
}

func refused(err error) (webhook.Push, int, error) {
	return webhook.Push{}, problem.KindOf(err).HTTPStatus(), err
}

func tooLarge(limit int64) error {
	return problem.New(problem.Limit, "the delivery is larger than %d bytes", limit).
		WithHint("raise webhook.maxPayloadSizeMB in argocd-cm")
}

// tellRefused logs a refused delivery, once a second at most: a wrong secret must be seen, a flood must not fill disks.
func (s *server) tellRefused(r *http.Request, err error) {
	now := time.Now().Unix()
	if last := s.told.Load(); last != now && s.told.CompareAndSwap(last, now) {
		s.Log.Warn("webhook refused", "from", r.RemoteAddr, "error", err)
	}
}

func (s *server) maxBody() int64 {
	if s.MaxWebhookBytes != nil {
		if n := s.MaxWebhookBytes(); n > 0 {
			return n
		}
	}
	return defaultMaxBody
}
