package git

import (
	"context"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// maxLog bounds how many commits Log tells of.
const maxLog = 500

// Log returns the commits that lead to one and not to the other, the newest first: all, or those that changed one of the
// paths (files or folders, taken literally). from and to are full ids; an empty from asks for everything before to. At
// most limit are told; more says that there are others.
func (m *Mirrors) Log(ctx context.Context, r Repository, from, to string, paths []string, limit int) (list []source.Revision, more bool, err error) {
	x, _, err := m.known(ctx, r, to)
	if err != nil {
		return nil, false, err
	}
	limit = min(max(limit, 1), maxLog)
	args := []string{"rev-list", "--max-count=" + strconv.Itoa(limit+1), to}
	if from != "" {
		if _, _, err := m.known(ctx, r, from); err != nil {
			return nil, false, err
		}
		args = append(args, "^"+from)
	}
	args = append(append(args, "--"), paths...)
	out, err := x.m.git(ctx, command{dir: x.dir, args: args, env: []string{"GIT_LITERAL_PATHSPECS=1"}})
	if err != nil {
		return nil, false, explain(err, Repository{URL: x.url}, "list the commits of")
	}
	for _, id := range strings.Fields(string(out)) {
		if !isFullID(id) {
			return nil, false, problem.New(problem.Internal, "git lists %q among the commits of %s", id, x.url)
		}
		if len(list) == limit {
			return list, true, nil
		}
		rev, err := m.Revision(ctx, r, id)
		if err != nil {
			return nil, false, err
		}
		list = append(list, rev)
	}
	return list, false, nil
}
