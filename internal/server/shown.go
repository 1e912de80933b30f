package server

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// Here records become what callers are shown of them. Credentials are left out by taking only what is known to be none,
// never by blanking what is known to be one.

// shown is an application as callers see it: with the health of its resources, which its record does not hold.
func (s *server) shown(app *v1alpha1.Application) *v1alpha1.Application {
	return judged(s.Apps.InferHealth(s.Apps.Told(app)))
}

// withoutStates leaves out the conditions that only repeat status.sync and status.health, for kubectl wait.
func withoutStates(app *v1alpha1.Application) *v1alpha1.Application {
	isState := func(c v1alpha1.ApplicationCondition) bool { return c.Status != "" }
	first := slices.IndexFunc(app.Status.Conditions, isState)
	if first < 0 {
		return app
	}
	n := *app
	n.Status.Conditions = nil
	for _, c := range app.Status.Conditions {
		if !isState(c) {
			n.Status.Conditions = append(n.Status.Conditions, c)
		}
	}
	return &n
}

// Words of ConnectionState (Argo CD's).
const (
	connectionSuccessful = "Successful"
	connectionFailed     = "Failed"
	connectionUnknown    = "Unknown"
)

// clusterRecord shows what is registered of a cluster.
func clusterRecord(k catalog.Cluster) argocd.Cluster {
	out := argocd.Cluster{
		Server: k.Server, Name: k.Name, Namespaces: k.Namespaces, Project: k.Project, Shard: k.Shard,
		ClusterResources: k.ClusterResources && len(k.Namespaces) > 0,
		Config: argocd.ClusterConfig{
			TLSClientConfig:    argocd.TLSClientConfig{Insecure: k.Shown.Insecure, ServerName: k.Shown.ServerName},
			DisableCompression: k.Shown.DisableCompression, ProxyURL: k.Shown.ProxyURL,
		},
	}
	out.Labels, out.Annotations = k.ClusterLabels()
	if aws := k.Shown.AWSAuth; aws != nil {
		c := argocd.AWSAuthConfig(*aws)
		out.Config.AWSAuthConfig = &c
	}
	if at, err := time.Parse(time.RFC3339, k.Refresh); err == nil {
		out.RefreshRequestedAt = &metav1.Time{Time: at}
	}
	return out
}

// repository shows what is registered of a repository. The user's name is shown where it is one: a token in its place
// has no password beside it.
func repository(r catalog.Repository) argocd.Repository {
	text := func(key string) string { return r.Shown[key] }
	flag := func(key string) bool { v, _ := strconv.ParseBool(r.Shown[key]); return v }
	number := func(key string) int64 { v, _ := strconv.ParseInt(r.Shown[key], 10, 64); return v }
	return argocd.Repository{
		Repo: r.URL, Type: cmp.Or(text("type"), "git"), Name: text("name"), Project: r.Project, Username: shownUser(r),
		Insecure: flag("insecure"), InsecureIgnoreHostKey: flag("insecureIgnoreHostKey"), EnableLFS: flag("enableLfs"), EnableOCI: flag("enableOCI"),
		InsecureOCIForceHTTP: flag("insecureOCIForceHttp"), ForceHTTPBasicAuth: flag("forceHttpBasicAuth"),
		Proxy: text("proxy"), NoProxy: text("noProxy"), Depth: number("depth"),
		GithubAppID: number("githubAppID"), GithubAppInstallationID: number("githubAppInstallationID"), GitHubAppEnterpriseBaseURL: text("githubAppEnterpriseBaseUrl"),
		UseAzureWorkloadIdentity: flag("useAzureWorkloadIdentity"), WebhookManifestCacheWarmDisabled: flag("webhookManifestCacheWarmDisabled"),
	}
}

func shownUser(r catalog.Repository) string {
	if p := r.Password.Reveal(); p == "" || p == "x-oauth-basic" {
		return ""
	}
	return r.Username.Reveal()
}
