package forge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/forgetest"
	"github.com/hawser-cd/hawser/internal/problem"
)

// stageTwo is a forge with two repositories, and a client whose clock stands still.
func stageTwo(t *testing.T, k forge.Kind) (s *forgetest.Server, ask func(repo string) error, atOnce func(repo string) error, now *time.Time) {
	t.Helper()
	s, _ = stage(t, k, 1)
	s.Repo("acme", "other").Open(forgetest.Pull{Title: "x", Branch: "x", Head: forgetest.Commit("x")})
	c := forge.New()
	now = new(time.Now())
	c.Now = func() time.Time { return *now }
	place := func(repo string) forge.Place {
		p := placeOf(k)
		if p.Repo != "" {
			p.Repo = repo
		} else {
			p.Project = strings.TrimSuffix(p.Project, "shop") + repo
		}
		return p
	}
	ask = func(repo string) error {
		_, err := c.PullRequests(t.Context(), accountOf(s), place(repo), forge.Query{})
		return err
	}
	atOnce = func(repo string) error {
		_, err := c.PullRequests(forge.AtOnce(t.Context()), accountOf(s), place(repo), forge.Query{})
		return err
	}
	return s, ask, atOnce, now
}

// A forge that fails is asked with growing pauses, says the same meanwhile, and is asked as usual after its first answer.
func TestPausesGrow(t *testing.T) {
	each(t, []forge.Kind{forge.GitHub, forge.GitLab, forge.Gitea}, func(t *testing.T, k forge.Kind) {
		s, ask, atOnce, now := stageTwo(t, k)
		s.Break(forgetest.Answers(503))
		var pauses []time.Duration
		for range 9 {
			before := s.Requests(0)
			err := ask("shop")
			if s.Requests(0) != before+1 {
				t.Fatalf("after %v it was not asked", pauses)
			}
			at, known := forge.AskAgain(err)
			if !known || !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "it answers 503 Service Unavailable") || !strings.Contains(err.Error(), "it is asked again at "+at.UTC().Format(time.TimeOnly)) {
				t.Fatalf("%v", err)
			}
			for range 3 {
				again := ask("shop")
				if then, _ := forge.AskAgain(again); !then.Equal(at) || again.Error() != err.Error() || s.Requests(0) != before+1 {
					t.Fatalf("asked %d times, %v", s.Requests(0)-before, again)
				}
			}
			pauses = append(pauses, at.Sub(*now))
			*now = at
		}
		for i, p := range pauses {
			if want := min(5*time.Second<<i, 5*time.Minute); p < want || p > want*6/5 {
				t.Errorf("the pauses are %v", pauses)
				break
			}
		}
		if err := ask("shop"); err == nil {
			t.Fatal("it answers")
		}
		s.Heal()
		if err := ask("shop"); err == nil {
			t.Error("it was asked within its pause")
		}
		if err := atOnce("shop"); err != nil {
			t.Errorf("a person had to wait: %v", err)
		}
		if err := ask("shop"); err != nil {
			t.Errorf("the pause outlived an answer: %v", err)
		}
		s.Break(forgetest.Answers(503))
		if at, _ := forge.AskAgain(ask("shop")); at.Sub(*now) > 6*time.Second {
			t.Errorf("the first pause after an answer is %s", at.Sub(*now))
		}
	})
}

// A server that is down has one pause for all questions; a repository that breaks it has one of its own.
func TestPausesAreOfTheServerOrOfTheQuestion(t *testing.T) {
	s, ask, _, _ := stageTwo(t, forge.Gitea)
	s.Break(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/shop/") {
			forgetest.Answers(500)(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
	if err := ask("shop"); err == nil {
		t.Fatal("no fault")
	}
	if err := ask("other"); err != nil {
		t.Errorf("another repository is held up: %v", err)
	}
	n := s.Requests(0)
	if err := ask("shop"); err == nil || s.Requests(0) != n {
		t.Errorf("it was asked again at once: %v", err)
	}

	s, ask, _, _ = stageTwo(t, forge.Gitea)
	s.Break(forgetest.Answers(502))
	_ = ask("shop")
	n = s.Requests(0)
	if err := ask("other"); err == nil || s.Requests(0) != n || !strings.Contains(err.Error(), "/other/") {
		t.Errorf("a server that is down was asked: %v", err)
	}

	s, ask, _, now := stageTwo(t, forge.Gitea)
	s.Break(forgetest.CutOff)
	_ = ask("shop")
	n = s.Requests(0)
	if err := ask("shop"); err == nil || !strings.Contains(err.Error(), "cut off") || s.Requests(0) != n {
		t.Errorf("what came cut off was asked for again at once: %v", err)
	}
	s.Heal()
	*now = now.Add(7 * time.Second)
	if err := ask("shop"); err != nil {
		t.Error(err)
	}
}

// What a server says of when to come back is heeded, whoever asks.
func TestRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		after string
		wait  time.Duration
	}{
		"seconds":      {"90", 90 * time.Second},
		"a time":       {"", 90 * time.Second},
		"far too long": {"99999999", time.Hour},
		"no sense":     {"soon", 5 * time.Second},
	} {
		for _, status := range []int{429, 503} {
			if status == 429 && name == "no sense" {
				continue // a minute: TestRefusalsGrow
			}
			s, ask, atOnce, now := stageTwo(t, forge.Gitea)
			*now = now.Truncate(time.Second)
			s.Break(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				after := c.after
				if after == "" {
					after = now.Add(c.wait).UTC().Format(http.TimeFormat)
				}
				w.Header().Set("Retry-After", after)
				forgetest.Answers(status)(w, r, next)
			})
			at, known := forge.AskAgain(ask("shop"))
			if wait := at.Sub(*now); !known || wait < c.wait || wait > c.wait*6/5 {
				t.Errorf("%d with %s: it is asked again after %s", status, name, wait)
			}
			if n := s.Requests(0); name != "no sense" && (atOnce("shop") == nil || s.Requests(0) != n) {
				t.Errorf("%d with %s: it was asked in between", status, name)
			}
			s.Heal()
			*now = at.Add(time.Second)
			if err := ask("shop"); err != nil {
				t.Errorf("%d with %s: %v", status, name, err)
			}
		}
	}
}

// An account that was refused, and not told for how long, waits longer each time.
func TestRefusalsGrow(t *testing.T) {
	s, ask, _, now := stageTwo(t, forge.Gitea)
	s.Break(forgetest.Answers(429))
	var waits []string
	for range 8 {
		at, known := forge.AskAgain(ask("shop"))
		if !known {
			t.Fatal("nothing is known of when it is asked again")
		}
		waits = append(waits, at.Sub(*now).String())
		*now = at.Add(time.Millisecond)
	}
	if got, want := fmt.Sprint(waits), "[1m0s 2m0s 4m0s 8m0s 16m0s 32m0s 1h0m0s 1h0m0s]"; got != want {
		t.Errorf("it waits %s", got)
	}
}
