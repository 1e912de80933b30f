package cli

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/source"
)

// localSource is a directory on this machine that stands in for the one in Git.
type localSource struct {
	path    string
	root    string   // where the repository begins; "/" when not said
	include []string // patterns of names of files, for an upload
}

// Bounds of what is read from a local directory: those of a server that files are sent to.
const (
	localBytes = 100 << 20
	localFiles = 20_000
)

// read returns the repository's files by their path in it, and the path of the application's directory.
func (l localSource) read() (files source.Files, dir string, err error) {
	at, err := filepath.Abs(l.path)
	if err != nil {
		return nil, "", problem.Because(problem.Invalid, err, "--local")
	}
	if at, err = filepath.EvalSymlinks(at); err != nil {
		return nil, "", problem.Because(problem.NotFound, err, "--local")
	}
	top, err := l.top(at)
	if err != nil {
		return nil, "", err
	}
	rel, err := filepath.Rel(top, at)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return nil, "", problem.New(problem.Invalid, "--local %s is not below --local-repo-root %s", at, top)
	}
	files, err = readTree(top)
	return files, filepath.ToSlash(rel), err
}

// top is where the repository begins: as said, else where the Git work tree does, else the directory itself.
func (l localSource) top(at string) (string, error) {
	if l.root != "/" && l.root != "" {
		top, err := filepath.Abs(l.root)
		if err == nil {
			top, err = filepath.EvalSymlinks(top)
		}
		if err != nil {
			return "", problem.Because(problem.NotFound, err, "--local-repo-root")
		}
		return top, nil
	}
	for dir := at; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return at, nil
		}
	}
}

// readTree reads the files below a directory. Symlinks count as what they point to, as long as that is below it too.
func readTree(top string) (source.Files, error) {
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, problem.Because(problem.NotFound, err, "read local files")
	}
	defer func() { _ = root.Close() }()
	files, size := source.Files{}, 0
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := root.Stat(p)
		if err != nil || !info.Mode().IsRegular() {
			return nil // a link to nowhere or out of the directory, a socket: a render that needs it will say so
		}
		if size += int(info.Size()); size > localBytes || len(files) >= localFiles {
			return problem.New(problem.Limit, "%s holds more than %d MiB or %d files", top, localBytes>>20, localFiles).WithHint("give --local-repo-root a smaller directory")
		}
		data, err := root.ReadFile(p)
		if err != nil {
			return problem.Because(problem.Invalid, err, "read local files")
		}
		files[p] = string(data)
		return nil
	})
	return files, err
}

// renderedHere renders local files on this machine, as the server would for its cluster. Secrets are as they are in the files.
func (a applications) renderedHere(ctx context.Context, app *v1alpha1.Application, l localSource) ([]*object.Object, error) {
	files, dir, err := l.read()
	if err != nil {
		return nil, err
	}
	settings, err := a.settings(ctx)
	if err != nil {
		return nil, err
	}
	cluster, err := api.Call[argocd.ClusterQuery, argocd.Cluster](ctx, a.Client, "cluster.ClusterService/Get",
		&argocd.ClusterQuery{Name: app.Spec.Destination.Name, Server: app.Spec.Destination.Server})
	if err != nil {
		return nil, err
	}
	s := apps.First(&app.Spec)
	if s.Plugin != nil {
		return nil, problem.New(problem.Unsupported, "%s is rendered by a plugin, and plugins run beside the server", app.Name).
			WithHint("app diff --local with --server-side-generate has the server render the files")
	}
	s.Path = dir
	req := render.Request{
		Tree: source.Memory(files), Revision: s.TargetRevision, Source: s,
		App: render.App{Name: app.Name, Namespace: app.Namespace, Project: app.Spec.ProjectName(), DestinationNamespace: app.Spec.Destination.Namespace,
			Instance: object.Instance(settings.ControllerNamespace, app.Namespace, app.Name)},
		Cluster: render.Cluster{KubeVersion: cmp.Or(cluster.Info.ServerVersion, cluster.ServerVersion), APIVersions: cluster.Info.APIVersions},
	}
	if settings.KustomizeOptions != nil {
		req.Settings.KustomizeBuildOptions = settings.KustomizeOptions.BuildOptions
	}
	res, err := render.New(render.Options{CacheBytes: -1}).Objects(ctx, req)
	if err != nil {
		return nil, err
	}
	marking := apps.MarkingOf(settings, app)
	var list []*object.Object
	for _, item := range res.Items { // marked as the server marks what it renders
		list = append(list, marking.Mark(item.Object, marking.Instance, cmp.Or(item.Object.GetNamespace(), app.Spec.Destination.Namespace)))
	}
	return list, nil
}

// manifests renders the files of --local for a sync, each as JSON.
func (s *syncer) manifests(ctx context.Context, app *v1alpha1.Application) ([]string, error) {
	objects, err := s.renderedHere(ctx, app, s.local)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, problem.New(problem.Invalid, "%s renders to no object at all", s.local.path)
	}
	texts := make([]string, len(objects))
	for i, o := range objects {
		data, err := json.Marshal(o.Object)
		if err != nil {
			return nil, err
		}
		texts[i] = string(data)
	}
	return texts, nil
}

// chunk is how much of an upload one message holds.
const chunk = 64 << 10

// uploaded has the server render local files.
func (a applications) uploaded(ctx context.Context, app *v1alpha1.Application, l localSource) ([]*object.Object, error) {
	files, err := readTree(l.path)
	if err != nil {
		return nil, err
	}
	archive, n, err := pack(files, l.include, apps.First(&app.Spec).Path)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, problem.New(problem.Invalid, "no files to send").WithHint("--local-include says which files are sent")
	}
	sum := sha256.Sum256(archive)
	res, err := api.Upload[argocd.ApplicationManifestQueryWithFilesWrapper, argocd.ManifestResponse](ctx, a.Client, applicationService+"GetManifestsWithFiles",
		func(send func(*argocd.ApplicationManifestQueryWithFilesWrapper) error) error {
			if err := send(&argocd.ApplicationManifestQueryWithFilesWrapper{Query: &argocd.ApplicationManifestQueryWithFiles{
				Name: app.Name, Checksum: hex.EncodeToString(sum[:]), AppNamespace: app.Namespace, Project: app.Spec.ProjectName(),
			}}); err != nil {
				return err
			}
			for part := range slices.Chunk(archive, chunk) {
				if err := send(&argocd.ApplicationManifestQueryWithFilesWrapper{Chunk: &argocd.FileChunk{Chunk: part}}); err != nil {
					return err
				}
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return apps.ParseObjects(res.Manifests)
}

// pack makes a tar.gz of the files whose names match. The server looks for the application's directory in it: where the
// files have none of that path they are the application's directory.
func pack(files source.Files, include []string, dir string) (archive []byte, n int, err error) {
	prefix := dir
	if dir = strings.Trim(path.Clean("/"+dir), "/"); dir != "" {
		for name := range files {
			if strings.HasPrefix(name, dir+"/") {
				prefix = ""
				break
			}
		}
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.ContainsFunc(include, func(pattern string) bool { ok, err := path.Match(pattern, path.Base(name)); return ok && err == nil }) {
			continue
		}
		n++
		if err := t.WriteHeader(&tar.Header{Name: path.Join(prefix, name), Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}); err != nil {
			return nil, 0, err
		}
		if _, err := t.Write([]byte(files[name])); err != nil {
			return nil, 0, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, 0, err
	}
	if err := z.Close(); err != nil {
		return nil, 0, err
	}
	return b.Bytes(), n, nil
}
