package charts

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// fetch brings an archive from the disk or the repository, verifies and unpacks it.
func (c *Charts) fetch(ctx context.Context, r Repository, rel Release, id string) (source.Tree, error) {
	name := r.name(rel.chart) + " " + rel.Revision
	content, ok := c.disk.read(id, rel.from.digest)
	if !ok {
		var err error
		if content, err = c.download(ctx, r, rel, name); err != nil {
			return nil, err
		}
	}
	tree, err := c.unpack(content, rel.from, rel.chart, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		c.disk.write(id, content)
	}
	c.trees.put(id, tree)
	return tree, nil
}

// download brings the bytes of a release, and believes them only if they have its digest.
func (c *Charts) download(ctx context.Context, r Repository, rel Release, name string) (content []byte, err error) {
	began := time.Now()
	defer func() { c.options.Observe("archive", r.String(), time.Since(began), err) }()
	limit := c.options.Archive.Packed
	if rel.from.size > limit {
		return nil, problem.New(problem.Limit, "fetch %s: it has %d bytes, more than %d", name, rel.from.size, limit)
	}
	address := ""
	if r.OCI {
		content, err = c.blob(ctx, r, rel.from, name, limit)
	} else {
		for _, address = range rel.from.urls { // the first that answers
			if content, err = c.chartAt(ctx, r, address, name, limit); err == nil || ctx.Err() != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if got := digestOf(content); rel.from.digest != "" && got != rel.from.digest {
		return nil, problem.New(problem.Invalid, "fetch %s: what came has the digest %s, and should have %s", name, got, rel.from.digest).
			WithHint("the archive was replaced without a new index, or somebody meddles with it")
	}
	if r.Keys != nil {
		if err := c.prove(ctx, r, rel, address, content, name); err != nil {
			return nil, err
		}
	}
	return content, nil
}

func (c *Charts) chartAt(ctx context.Context, r Repository, address, name string, limit int64) ([]byte, error) {
	res, err := c.send(ctx, r, request{doing: "fetch " + name, url: address, header: http.Header{"Accept": {"application/gzip, application/octet-stream, */*"}}, pass: r.PassCredentials})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	content, err := readAll(res.Body, limit, "fetch "+name)
	return content, brokenOff(err, "fetch "+name)
}

// brokenOff says what was read when the connection broke.
func brokenOff(err error, doing string) error {
	var p *problem.Error
	switch {
	case err == nil || errors.As(err, &p):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.New(problem.Unavailable, "%s: the answer broke off", doing)
	}
	return problem.New(problem.Unavailable, "%s: the answer broke off: %v", doing, err)
}
