package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestApplications runs the scripts of `hawser app`. Each has a repository of its own, $REPO, which begins with the files
// below repo/ of its script ($COMMIT, in short $SHORT, with the tag old), and a namespace of its own to deploy to, $TARGET.
func TestApplications(t *testing.T) {
	s := open(t, settings)
	// Names of applications are the same in every run, and a cluster may hold what an earlier run left.
	s.cluster.Patch(t, "test", "v1", "ConfigMap", s.control, "argocd-cm", `{"data":{"installationID":"`+s.control+`"}}`)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/app", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			if err := s.variables(env); err != nil {
				return err
			}
			files, err := below(filepath.Join(env.WorkDir, "repo"))
			if err != nil {
				return err
			}
			repo := s.git.Repo(t, filepath.Base(env.WorkDir), files)
			first := repo.Head(t)
			repo.Tag(t, "old", first)
			env.Values[repoKey] = repo
			env.Setenv("REPO", repo.URL)
			env.Setenv("COMMIT", first)
			env.Setenv("SHORT", first[:7])
			env.Setenv("TARGET", s.cluster.Namespace(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": exitCode, "json": field, "keep": keep, "eventually": eventually,
			"push": func(ts *testscript.TestScript, _ bool, args []string) { push(t, ts, args) },
		},
	})
}

type key int

const repoKey key = 0

// push is push DIR MESSAGE: the files below DIR are committed to the script's repository; $COMMIT and $SHORT are the commit.
func push(t *testing.T, ts *testscript.TestScript, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: push dir message")
	}
	files, err := below(ts.MkAbs(args[0]))
	ts.Check(err)
	commit := ts.Value(repoKey).(*gittest.Repo).Commit(t, files, args[1])
	ts.Setenv("COMMIT", commit)
	ts.Setenv("SHORT", commit[:7])
}

// below reads the files of a directory; none where there is no directory.
func below(dir string) (map[string]string, error) {
	files := map[string]string{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) && p == "." {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, p)
		files[p] = string(data)
		return err
	})
	if len(files) == 0 {
		files["README.md"] = "nothing to deploy\n"
	}
	return files, err
}
