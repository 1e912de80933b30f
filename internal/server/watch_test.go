package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
)

// TestAWatchIsAskedAboutHoweverMuchThereIsToTell revokes a watcher's token while there is always one more thing to tell.
func TestAWatchIsAskedAboutHoweverMuchThereIsToTell(t *testing.T) {
	app := &v1alpha1.Application{}
	everything := func() (func(*v1alpha1.Application) bool, error) {
		return func(*v1alpha1.Application) bool { return true }, nil
	}
	const every = 20 * time.Millisecond
	for name, next := range map[string]func(context.Context) ([]catalog.WatchEvent[*v1alpha1.Application], error){
		"a source that never runs dry": func(context.Context) ([]catalog.WatchEvent[*v1alpha1.Application], error) {
			return []catalog.WatchEvent[*v1alpha1.Application]{{Type: catalog.Modified, Object: app}}, nil
		},
		"a reader who is slow": func(context.Context) ([]catalog.WatchEvent[*v1alpha1.Application], error) {
			return make([]catalog.WatchEvent[*v1alpha1.Application], 1_000_000), nil
		},
		"nothing happens": func(ctx context.Context) ([]catalog.WatchEvent[*v1alpha1.Application], error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := slog.New(slog.NewTextHandler(io.Discard, nil))
			c := &call{Context: t.Context(), s: &server{Options: Options{Log: log, Audit: LogAudit{log}}}} // without Auth, everybody is refused when asked again
			sent, began := 0, time.Now()
			err := following(c, every, next, everything, func(catalog.WatchEvent[*v1alpha1.Application]) error {
				if sent++; time.Since(began) > 100*every {
					return errors.New("nobody has asked")
				}
				time.Sleep(time.Millisecond)
				return nil
			})
			if !problem.Is(err, problem.Unauthenticated) || time.Since(began) > 50*every {
				t.Errorf("it ended with %v after %s and %d events", err, time.Since(began), sent)
			}
		})
	}
}

func TestSplitUser(t *testing.T) {
	for _, c := range []struct{ address, clean, user, password string }{
		{"https://git.example/a", "https://git.example/a", "", ""},
		{" https://u:p@git.example/a ", "https://git.example/a", "u", "p"},
		{"HTTPS://u@git.example", "HTTPS://git.example", "u", ""},
		{"http://u:a%40b:c@git.example/x@y", "http://git.example/x@y", "u", "a@b:c"},
		{"https://u:%zz@git.example/a", "https://git.example/a", "u", "%zz"}, // no URL, and not to be shown all the same
		{"https://u:p q@[::1/a", "https://[::1/a", "u", "p q"},
		{"https://git.example/a?b=c@d", "https://git.example/a?b=c@d", "", ""},
		{"git@git.example:a/b", "git@git.example:a/b", "", ""},
		{"ssh://git@git.example/a", "ssh://git@git.example/a", "", ""},
		{"", "", "", ""},
	} {
		if clean, user, password := splitUser(c.address); clean != c.clean || user != c.user || password != c.password {
			t.Errorf("%q: %q %q %q", c.address, clean, user, password)
		}
	}
}
