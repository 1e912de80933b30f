package forge

import (
	"context"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// feedback returns how a service is told about previews.
func (c *Client) feedback(a Account) (feedback, error) {
	s, err := c.open(a)
	if err != nil {
		return nil, err
	}
	f, ok := s.(feedback)
	if !ok {
		return nil, problem.New(problem.Unsupported, "previews are not reported to %s", a.Kind.Title()).WithHint("they are to GitHub, GitLab and Gitea")
	}
	return f, nil
}

// Comment writes the one comment at a pull request that begins with mark, a line that nobody sees: it is made when there
// is none, changed when it says something else, and else left alone.
func (c *Client) Comment(ctx context.Context, a Account, p Place, number int64, mark, text string) error {
	f, err := c.feedback(a)
	if err != nil {
		return err
	}
	body := mark + "\n" + text
	list, err := f.comments(ctx, p, number)
	if err != nil {
		return err
	}
	for _, in := range list {
		if !strings.HasPrefix(in.Body, mark) {
			continue
		}
		if strings.TrimSpace(strings.ReplaceAll(in.Body, "\r\n", "\n")) == strings.TrimSpace(body) {
			return nil
		}
		err := f.change(ctx, p, number, in.ID, body)
		if problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound) {
			continue // somebody else's, or gone meanwhile
		}
		return err
	}
	return f.post(ctx, p, number, body)
}

// SetStatus says how a commit is doing. The services keep every word of a context, and show the last.
func (c *Client) SetStatus(ctx context.Context, a Account, p Place, commit string, s Status) error {
	f, err := c.feedback(a)
	if err != nil {
		return err
	}
	return f.setStatus(ctx, p, commit, s)
}
