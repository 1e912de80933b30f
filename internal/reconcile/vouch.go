package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/source/signature"
)

// vouched returns nil when a source's commit is signed as the project demands whose rules these are. A revision that is an annotated tag is vouched
// for by the tag's own signature, as in Argo CD. What nobody vouches for is not read any further: neither rendered, nor shown
// as a difference, nor deployed.
func (a *Apps) vouched(ctx context.Context, rules *project.Rules, s v1alpha1.ApplicationSource, repo git.Repository, commit string) error {
	proof, err := rules.Proof(s.RepoURL)
	if proof == nil || err != nil {
		return err
	}
	keys := signature.Read(a.Catalog.GPGKeys())
	tag, err := a.Git.SignedTag(ctx, repo, s.TargetRevision, s.TagPrefix, commit)
	if err != nil {
		return err
	}
	if tag != nil {
		if why := doubtOf(*tag, keys, proof); why != "" {
			return unvouched(why)
		}
		if !proof.Deep {
			return nil
		}
	}
	return a.vetted.walk(commit, proof, keys, func(id string) (git.Signed, error) { return a.Git.SignedCommit(ctx, repo, id) })
}

// doubtOf is what is wrong with a signature, in Argo CD's words; "" when a key that the project names made it.
func doubtOf(s git.Signed, keys *signature.Keys, proof *project.Proof) string {
	verdict, by := keys.Detached(s.Payload, s.Signature, time.Now)
	what := string(verdict)
	if verdict == signature.Good {
		if slices.ContainsFunc(by, func(id string) bool { return slices.Contains(proof.Keys, id) }) {
			return ""
		}
		what = "signed with unallowed key"
	}
	return fmt.Sprintf("Failed verifying revision %s by '%s': %s (key_id=%s)", s.Revision, s.By, what, strings.Join(slices.Compact(by), ", "))
}

// signed tells of the signature of a commit, or of the tag that names it, in Argo CD's sentence, and what is wrong with it;
// both are empty where the project demands none.
func (a *Apps) signed(ctx context.Context, rules *project.Rules, s v1alpha1.ApplicationSource, repo git.Repository, commit string) (said, doubt string, err error) {
	proof, err := rules.Proof(s.RepoURL)
	if err != nil {
		return "", err.Error(), nil
	}
	if proof == nil {
		return "", "", nil
	}
	what, err := a.Git.SignedTag(ctx, repo, s.TargetRevision, s.TagPrefix, commit)
	if err == nil && what == nil {
		var c git.Signed
		c, err = a.Git.SignedCommit(ctx, repo, commit)
		what = &c
	}
	if err != nil {
		return "", "", err
	}
	keys := signature.Read(a.Catalog.GPGKeys())
	verdict, by := keys.Detached(what.Payload, what.Signature, time.Now)
	word := map[signature.Verdict]string{signature.Good: "Good", signature.Bad: "Bad"}[verdict]
	said = fmt.Sprintf("%s signature from %s key %s", cmp.Or(word, "Invalid"), what.By, strings.Join(slices.Compact(by), ", "))
	if verdict == signature.Unsigned {
		said = "Revision is not signed."
	}
	return said, doubtOf(*what, keys, proof), nil
}

func unvouched(doubts ...string) error {
	return problem.New(problem.Forbidden, "GIT/GPG: %s", strings.Join(doubts, "; ")).WithHint("the project demands signatures (sourceIntegrity); argocd-gpg-keys-cm holds the keys")
}

const (
	maxWalked  = 50_000        // commits of one history
	maxVetted  = 200_000       // remembered, of all histories
	vettedFor  = 1 * time.Hour // a key may expire
	maxDoubted = 3             // told at once
)

// vetted remembers commits whose whole history is signed: the next one is a step from there.
type vetted struct {
	mu   sync.Mutex
	good map[string]time.Time // of keys, what is demanded, and a commit
}

// walk demands that a commit is signed, and with proof.Deep its ancestors, back to those that seal what was before them.
func (m *vetted) walk(commit string, proof *project.Proof, keys *signature.Keys, read func(id string) (git.Signed, error)) error {
	under := keys.Print() + strings.Join(proof.Keys, ",") + "/"
	var doubts []string
	seen := map[string]bool{commit: true}
	for queue := []string{commit}; len(queue) > 0; queue = queue[1:] {
		if proof.Deep && m.knows(under+queue[0]) {
			continue
		}
		if len(seen) > maxWalked {
			return problem.New(problem.Limit, "GIT/GPG: more than %d commits to verify", maxWalked).WithHint("a signed commit with the trailer Argocd-gpg-seal vouches for all before it")
		}
		s, err := read(queue[0])
		if err != nil {
			return err
		}
		why := doubtOf(s, keys, proof)
		if why != "" {
			if doubts = append(doubts, why); len(doubts) == maxDoubted {
				break
			}
		}
		if !proof.Deep || s.Seals && why == "" {
			continue
		}
		for _, p := range s.Parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
	}
	if len(doubts) > 0 {
		return unvouched(doubts...)
	}
	if proof.Deep {
		m.note(under, seen)
	}
	return nil
}

func (m *vetted) knows(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.good[key]
	return ok && time.Since(at) < vettedFor
}

func (m *vetted) note(under string, commits map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.good == nil || len(m.good)+len(commits) > maxVetted {
		m.good = map[string]time.Time{}
	}
	now := time.Now()
	for id := range commits {
		if old, ok := m.good[under+id]; !ok || now.Sub(old) >= vettedFor {
			m.good[under+id] = now
		}
	}
}

// demandsProof reports whether a project demands signatures of one of the sources: then nothing else may be deployed in their
// place.
func (a *Apps) demandsProof(v *view) error {
	rules, err := a.rules(v)
	if err != nil {
		return err
	}
	for _, s := range v.spec.sources {
		proof, err := rules.Proof(s.RepoURL)
		if err != nil {
			return err
		}
		if proof != nil {
			return problem.New(problem.Forbidden, "local manifests cannot be deployed: project '%s' demands signed commits of %s", v.spec.project, git.Redact(s.RepoURL))
		}
	}
	return nil
}
