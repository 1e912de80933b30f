package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/source"
)

// maxLocal is the largest archive of local files that is taken.
const maxLocal = 100 << 20

// theLocalApplication names the application that local files are for: the first message says so.
func theLocalApplication(q *argocd.ApplicationManifestQueryWithFilesWrapper) appRef {
	if q.Query == nil {
		return appRef{}
	}
	return appRef{q.Query.Name, q.Query.AppNamespace, q.Query.Project}
}

// localManifests renders files that the caller sends, as `app diff --local` does. They come as a tar.gz in chunks, after
// a message that names the application and the archive's checksum.
func (s *server) localManifests(c *call, first *argocd.ApplicationManifestQueryWithFilesWrapper, next func() (*argocd.ApplicationManifestQueryWithFilesWrapper, error)) (*argocd.ManifestResponse, error) {
	r := &chunks{next: next, sum: sha256.New()}
	rendered, err := s.Apps.ManifestsOf(c, reconcile.LocalRequest{Application: nameOf(c.app), Archive: r, Limits: source.ArchiveLimits{}, PermitPlugin: func() error {
		// A plugin is a program with access of its own, to a vault perhaps, and it runs on what the caller sends: to read an
		// application is not enough. A hub has asked for no more before it sent the caller to its agent.
		if s.Vouched != nil {
			return problem.New(problem.Forbidden, "the plugins beside an agent render no local files").WithHint("push them to a branch, and compare with that")
		}
		return c.must(rbac.Applications, rbac.Override, s.object(c.app))
	}})
	if r.err != nil && !errors.Is(r.err, io.EOF) {
		return nil, r.err
	}
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // what stands behind the archive counts for the checksum
		return nil, err
	}
	if got := hex.EncodeToString(r.sum.Sum(nil)); got != first.Query.Checksum {
		return nil, problem.New(problem.Invalid, "the files did not arrive as they were sent: their checksum is %s, not %s", got, clip(first.Query.Checksum))
	}
	return manifestResponse(rendered), nil
}

// chunks is the stream of messages as one reader.
type chunks struct {
	next func() (*argocd.ApplicationManifestQueryWithFilesWrapper, error)
	sum  hash.Hash
	rest []byte
	read int64
	err  error
}

func (r *chunks) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		q, err := r.next()
		switch {
		case errors.Is(err, errNoMore):
			r.err = io.EOF
		case err != nil:
			r.err = err
		case q.Chunk == nil:
			r.err = problem.New(problem.Invalid, "a message of the stream holds no chunk of the files")
		default:
			r.rest = q.Chunk.Chunk
			r.sum.Write(r.rest)
			if r.read += int64(len(r.rest)); r.read > maxLocal {
				r.err = problem.New(problem.Limit, "the local files are larger than %d MiB", maxLocal>>20)
			}
		}
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
