package project

import (
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Proof is what a project demands of the commits of a repository.
type Proof struct {
	Deep bool     // all ancestors must be signed, too, back to a commit that seals what was before it
	Keys []string // of which one must have signed: sixteen hexadecimal digits in upper case
}

var gpgKey = regexp.MustCompile(`^(?:0x)?(?:[0-9A-Fa-f]{24})?([0-9A-Fa-f]{16})$`)

// Proof returns what the project demands of a Git repository's commits (sourceIntegrity, or the older signatureKeys, which
// go for every repository); nil when it demands nothing. Where that cannot be told it is an error, and nothing of the
// repository may be deployed: several policies, a mode or a pattern that is not understood.
func (r *Rules) Proof(repoURL string) (*Proof, error) {
	var found []*v1alpha1.SourceIntegrityGitPolicyGPG
	matches := 0
	switch s := r.spec; {
	case s.SourceIntegrity != nil:
		if s.SourceIntegrity.Git == nil {
			return nil, nil
		}
		for i := range s.SourceIntegrity.Git.Policies {
			p := &s.SourceIntegrity.Git.Policies[i]
			covers, err := r.covers(p.Repos, repoURL)
			if err != nil {
				return nil, err
			}
			if covers {
				matches++
				found = append(found, p.GPG)
			}
		}
	case len(s.SignatureKeys) > 0:
		gpg := &v1alpha1.SourceIntegrityGitPolicyGPG{Mode: v1alpha1.GPGModeHead}
		for _, k := range s.SignatureKeys {
			gpg.Keys = append(gpg.Keys, k.KeyID)
		}
		matches, found = 1, append(found, gpg)
	}
	switch {
	case matches > 1:
		return nil, problem.New(problem.Invalid, "multiple (%d) git source integrity policies found for repo URL: %s", matches, repoURL).WithHint("one of project '%s' may cover a repository; a ! leaves it out of another", r.name)
	case matches == 0 || found[0] == nil || found[0].Mode == v1alpha1.GPGModeNone:
		return nil, nil
	}
	proof := &Proof{Deep: found[0].Mode == v1alpha1.GPGModeStrict}
	if !proof.Deep && found[0].Mode != v1alpha1.GPGModeHead {
		return nil, problem.New(problem.Invalid, "unknown GPG mode %q configured for GIT source integrity", found[0].Mode).WithHint("it is none, head or strict, in project '%s'", r.name)
	}
	for _, text := range found[0].Keys {
		if m := gpgKey.FindStringSubmatch(strings.TrimSpace(text)); m != nil { // another one has signed nothing
			proof.Keys = append(proof.Keys, strings.ToUpper(m[1]))
		}
	}
	return proof, nil
}

func (r *Rules) covers(list []v1alpha1.SourceIntegrityGitPolicyRepo, repoURL string) (covers bool, err error) {
	for _, repo := range list {
		text, not := strings.CutPrefix(repo.URL, "!")
		re, err := glob(source.NormalizeURL(text), 0)
		if err != nil {
			return false, problem.Because(problem.Invalid, err, "project '%s': sourceIntegrity: url %q", r.name, repo.URL)
		}
		if !re.MatchString(source.NormalizeURL(repoURL)) {
			continue
		}
		if not {
			return false, nil
		}
		covers = true
	}
	return covers, nil
}
