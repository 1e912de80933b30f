package git

import (
	"context"
	"errors"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Signed is a commit or an annotated tag with its signature, as far as those who verify it need it.
type Signed struct {
	Revision  string   // the commit's id, or the tag's name
	By        string   // its author, or the tag's tagger
	Payload   []byte   // what is signed
	Signature string   // armored; empty when it is not signed
	Parents   []string // of a commit
	Seals     bool     // its trailer Argocd-gpg-seal vouches for its ancestors
}

// SignedTag returns the annotated tag by which a revision names the commit, nil when it names it otherwise: by a branch, an
// id, a tag that is no object. It reads what the last Refresh fetched.
func (m *Mirrors) SignedTag(ctx context.Context, r Repository, revision, tagPrefix, commit string) (tag *Signed, err error) {
	x, r, err := m.open(r)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	refs := x.refs
	x.mu.Unlock()
	at, name, err := refs.resolve(revision, tagPrefix)
	if err != nil || name == "" || at != commit {
		return nil, nil // not by a tag, or no longer: then the commit speaks for itself
	}
	defer problem.Wrap(&err, "read tag %s of %s", name, x.url)
	out, err := m.git(ctx, command{dir: x.dir, args: []string{"rev-parse", "--verify", "--quiet", "refs/tags/" + name}})
	if err != nil {
		return nil, explain(err, r, "look for tag "+name+" in")
	}
	id := strings.TrimSpace(string(out))
	for range 10 { // tags of tags
		kind, err := x.objects.kind(id)
		if err != nil || kind != "tag" {
			if err == nil && id == commit {
				return tag, nil
			}
			return nil, problem.New(problem.Unavailable, "it points elsewhere by now").WithHint("it is read again with the next refresh")
		}
		raw, err := x.objects.read(id, "tag", maxCommitBytes)
		if err != nil {
			return nil, readProblem(err)
		}
		t, target := parseTag(string(raw))
		t.Revision = name
		if tag == nil {
			tag = &t
		}
		id = target
	}
	return nil, problem.New(problem.Limit, "more than 10 tags of tags")
}

// SignedCommit returns a commit with its signature.
func (m *Mirrors) SignedCommit(ctx context.Context, r Repository, commit string) (Signed, error) {
	x, _, err := m.known(ctx, r, commit)
	if err != nil {
		return Signed{}, err
	}
	raw, err := x.objects.read(commit, "commit", maxCommitBytes)
	if err != nil {
		return Signed{}, readProblem(err)
	}
	s := parseSigned(string(raw))
	s.Revision = commit
	return s, nil
}

func readProblem(err error) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return err
	}
	return problem.New(problem.Unavailable, "read its object: %v", err) // errMissing, tooLarge
}

const pgpSignature = "-----BEGIN PGP SIGNATURE-----"

// parseSigned reads a raw commit: its signature is a header, and what is signed is the commit without it. A second header
// that could be a signature makes the commit an unsigned one: others may read the other.
func parseSigned(raw string) (s Signed) {
	header, message, found := strings.Cut(raw, "\n\n")
	var payload, signature strings.Builder
	signatures, within := 0, false
	for line := range strings.Lines(header + "\n") {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if strings.HasPrefix(line, " ") && within {
			signature.WriteString(line[1:])
			continue
		}
		if within = key == "gpgsig" || key == "gpgsig-sha256"; within {
			signatures++
			signature.WriteString(value + "\n")
			continue
		}
		switch key {
		case "parent":
			s.Parents = append(s.Parents, value)
		case "author":
			if s.By == "" {
				s.By, _ = parseAuthor(value)
			}
		}
		payload.WriteString(line)
	}
	if found {
		payload.WriteString("\n" + message)
	}
	s.Payload = []byte(payload.String())
	if signatures == 1 {
		s.Signature = signature.String()
	}
	paragraphs := strings.Split(strings.TrimSpace(message), "\n\n")
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		if key, why, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, "Argocd-gpg-seal") && strings.TrimSpace(why) != "" {
			s.Seals = true
		}
	}
	return s
}

// parseTag reads a raw tag: its signature is the end of its message, and what is signed is all before it. target is the id
// of what it points at.
func parseTag(raw string) (s Signed, target string) {
	at := strings.LastIndex(raw, "\n-----BEGIN ") + 1 // of PGP or another kind
	if at > 0 && strings.HasPrefix(raw[at:], pgpSignature) {
		s.Signature = raw[at:]
		raw = raw[:at]
	}
	s.Payload = []byte(raw)
	header, _, _ := strings.Cut(raw, "\n\n")
	for line := range strings.Lines(header) {
		switch key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); {
		case key == "object" && target == "":
			target = value
		case key == "tagger" && s.By == "":
			s.By, _ = parseAuthor(value)
		}
	}
	return s, target
}
