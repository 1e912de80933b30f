package git

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// maxMessage bounds what is kept of a commit message.
const maxMessage = 64 << 10

// commitInfo is what we read of a commit object.
type commitInfo struct {
	tree    string
	author  string // "Name <mail>"
	date    time.Time
	message string
}

// parseCommit reads a raw commit object: header lines, an empty line, the message.
func parseCommit(raw string) (commitInfo, error) {
	header, message, _ := strings.Cut(raw, "\n\n")
	c := commitInfo{message: strings.ToValidUTF8(strings.TrimRight(message[:min(len(message), maxMessage)], "\n"), "\uFFFD")}
	for _, line := range strings.Split(header, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch { // a continued line (of a signature) begins with a space: its key is ""
		case key == "tree" && c.tree == "":
			c.tree = value
		case key == "author" && c.author == "":
			c.author, c.date = parseAuthor(value)
		}
	}
	if !isFullID(c.tree) {
		return c, errors.New("it names no tree")
	}
	return c, nil
}

// parseAuthor reads "Name <mail> seconds zone"; a malformed date is the zero time.
func parseAuthor(s string) (string, time.Time) {
	end := strings.LastIndexByte(s, '>')
	if end < 0 {
		return strings.ToValidUTF8(s, "\uFFFD"), time.Time{}
	}
	who := strings.ToValidUTF8(s[:end+1], "\uFFFD")
	f := strings.Fields(s[end+1:])
	if len(f) == 0 {
		return who, time.Time{}
	}
	seconds, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		return who, time.Time{}
	}
	t := time.Unix(seconds, 0).UTC()
	if len(f) > 1 && len(f[1]) == 5 {
		if zone, err := strconv.Atoi(f[1]); err == nil && zone > -1500 && zone < 1500 {
			t = t.In(time.FixedZone("", (zone/100*60+zone%100)*60))
		}
	}
	return who, t
}

// commit returns the commit of that full id from the mirror, fetching it by id when the mirror lacks it.
func (x *mirror) commit(ctx context.Context, r Repository, id string) (commitInfo, error) {
	c, err := x.held(id)
	if errors.Is(err, errMissing) {
		if err = x.fetchID(ctx, r, id); err == nil {
			c, err = x.held(id)
		}
	}
	if errors.Is(err, errMissing) {
		return commitInfo{}, x.noCommit(id)
	}
	return c, err
}

// held is commit from what the mirror has; errMissing when it lacks it.
func (x *mirror) held(id string) (commitInfo, error) {
	key := objectKey{x.objects, id}
	if c, ok := x.m.commits.get(key); ok {
		return c, nil
	}
	raw, err := x.objects.read(id, "commit", maxCommitBytes)
	var large tooLarge
	switch {
	case errors.As(err, &large):
		return commitInfo{}, problem.New(problem.Limit, "commit %s of %s is %d bytes, more than %d", id, x.url, large.size, maxCommitBytes)
	case err != nil:
		return commitInfo{}, err
	}
	c, err := parseCommit(string(raw))
	if err != nil {
		return c, problem.Because(problem.Invalid, err, "commit %s of %s is malformed", id, x.url)
	}
	x.m.commits.put(key, c, 512+len(c.author)+len(c.message))
	return c, nil
}

func (x *mirror) noCommit(id string) error {
	return problem.New(problem.NotFound, "commit %s not found in %s: no branch or tag leads to it, and the server does not give it out", id, x.url).
		WithHint("it may have been force-pushed away: push it to a branch, or choose another revision")
}

// abbreviated returns the one commit in the mirror whose id begins with short; otherwise the error that the caller has.
func (x *mirror) abbreviated(ctx context.Context, short string, otherwise error) (string, error) {
	out, err := x.m.git(ctx, command{dir: x.dir, args: []string{"rev-parse", "--disambiguate=" + strings.ToLower(short)}})
	if err != nil {
		return "", explain(err, Repository{URL: x.url}, "look for "+short+" in")
	}
	var found []string
	for _, id := range strings.Fields(string(out)) {
		if kind, err := x.objects.kind(id); err == nil && kind == "commit" {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", otherwise
	case 1:
		return found[0], nil
	}
	return "", problem.New(problem.Invalid, "%q begins the ids of %d commits: %s", short, len(found), strings.Join(found[:min(3, len(found))], ", ")).
		WithHint("write the whole id")
}
