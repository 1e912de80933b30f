package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kubectl runs a command line in the shared cluster. KUBECTL_KUBERC keeps out the preferences of whoever runs the tests.
func kubectl(t *testing.T, program []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program[0], append(program[1:], args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(shared.dir, "kubeconfig"), "KUBECTL_KUBERC=false", "KUBE_EDITOR=sed -i s/app:2/app:3/")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustKubectl(t *testing.T, program []string, args ...string) string {
	t.Helper()
	out, err := kubectl(t, program, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Hawser tells a person's hand by the field manager, so those must be kubectl's own, however it was called.
func TestKubectlSignsAsKubectl(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "kubectl")
	if err := os.Symlink(mustAbs(t, binary), link); err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string][]string{
		"devcluster kubectl":    {binary, "kubectl"},
		"a link called kubectl": {link},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			manifest := filepath.Join(t.TempDir(), "configmap.yaml")
			if err := os.WriteFile(manifest, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{
				"create deployment a --image=app:1",
				"scale deployment/a --replicas=2",
				"set env deployment/a LOG=trace",
				"set image deployment/a app=app:2",
				"edit deployment/a",
				"patch deployment/a -p {\"spec\":{\"revisionHistoryLimit\":3}}",
				"label deployment/a l=1",
				"annotate deployment/a a=1",
				"rollout restart deployment/a",
				"rollout status deployment/a --timeout=60s",
				"apply -f " + manifest,
				"apply --server-side -f " + manifest,
			} {
				mustKubectl(t, program, append([]string{"-n", ns}, strings.Fields(line)...)...)
			}
			d, err := shared.client.AppsV1().Deployments(ns).Get(t.Context(), "a", get)
			if err != nil {
				t.Fatal(err)
			}
			if image := d.Spec.Template.Spec.Containers[0].Image; image != "app:3" {
				t.Errorf("the editor's change did not arrive: image %s", image)
			}
			var got []string
			for _, m := range d.ManagedFields {
				if m.Subresource != "status" {
					got = append(got, strings.Trim(m.Manager+" "+m.Subresource, " "))
				}
			}
			slices.Sort(got)
			want := []string{
				"kubectl scale", "kubectl-annotate", "kubectl-create", "kubectl-edit", "kubectl-label",
				"kubectl-patch", "kubectl-rollout", "kubectl-set",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("managers of the Deployment (-want +got):\n%s", diff)
			}
			c, err := shared.client.CoreV1().ConfigMaps(ns).Get(t.Context(), "c", get)
			if err != nil {
				t.Fatal(err)
			}
			got = nil
			for _, m := range c.ManagedFields {
				got = append(got, m.Manager+" "+string(m.Operation))
			}
			slices.Sort(got)
			// Applied by the client, then by the server: kubectl moves the fields over and signs its annotation apart.
			if diff := cmp.Diff([]string{"kubectl Apply", "kubectl-last-applied Apply"}, got); diff != "" {
				t.Errorf("managers of the ConfigMap (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKubectlIsTheRealOne(t *testing.T) {
	t.Parallel()
	program := []string{binary, "kubectl"}
	if out := mustKubectl(t, program, "version"); !strings.Contains(out, "Client Version: v1.36.") || !strings.Contains(out, "Server Version: v1.36.") {
		t.Errorf("version: %s", out)
	}
	out, err := kubectl(t, program, "get", "deployments", "--nonsense")
	if err == nil || !strings.Contains(out, "unknown flag: --nonsense\nSee 'kubectl get --help' for usage.") {
		t.Errorf("a wrong flag: %v, %s", err, out)
	}
	// Flags of the control plane, which is linked in, are none of kubectl's.
	if out := mustKubectl(t, program, "options"); strings.Contains(out, "--version") || strings.Contains(out, "--feature-gates") {
		t.Errorf("options: %s", out)
	}
}

func TestKubectlStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for server, refused := range map[string]bool{
		shared.config.Host:      false,
		"https://[::1]:1":       false, // nobody is there, which is another complaint
		"https://192.0.2.1":     true,
		"https://prod.example":  true,
		"localhost.example:443": true,
	} {
		out, err := kubectl(t, []string{binary, "kubectl"}, "get", "nodes", "--request-timeout=20s", "--server", server)
		if got := err != nil && strings.Contains(out, "speaks only to clusters on this machine"); got != refused {
			t.Errorf("--server %s: %v, %s; want refused %v", server, err, out, refused)
		}
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
