package cli

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func TestVersionsAreListedAsArgoCDListsThem(t *testing.T) {
	v := argocd.VersionMessage{Version: "v1", GoVersion: "go1", HelmVersion: "v4"}
	for want, got := range map[string]string{
		"argocd: v1\n": versionText("argocd", v, true, true),
		"argocd: v1\n  BuildDate: \n  GitCommit: \n  GitTreeState: \n  GoVersion: go1\n  Compiler: \n  Platform: \n  Helm Version: v4\n": versionText("argocd", v, false, true),
		"argocd-server: v1\n  GoVersion: go1\n  Helm Version: v4\n":                                                                      versionText("argocd-server", v, false, false),
	} {
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	if v := clientVersion(); !strings.HasPrefix(v.Version, "v3.6.0+hawser-") {
		t.Errorf("got %s", v.Version)
	}
}
