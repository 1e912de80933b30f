package apps

import (
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/pflag"
)

// specOptions are the flags that registerSpec adds.
var specOptions = []string{
	"dry-source-repo", "dry-source-revision", "dry-source-path", "sync-source-branch", "sync-source-path", "hydrate-to-branch",
	"revision-history-limit", "dest-server", "dest-name", "dest-namespace", "project", "sync-policy", "sync-option",
	"auto-prune", "self-heal", "allow-empty", "validate",
	"sync-retry-limit", "sync-retry-backoff-duration", "sync-retry-backoff-max-duration", "sync-retry-backoff-factor", "sync-retry-refresh",
}

// Defaults of a retry's pauses, as flags show them.
const (
	RetryPause    = 5 * time.Second
	RetryMaxPause = 3 * time.Minute
)

func registerSpec(flags *pflag.FlagSet) {
	flags.String("dry-source-repo", "", "URL of the repository with the dry manifests")
	flags.String("dry-source-revision", "", "revision of the dry manifests")
	flags.String("dry-source-path", "", "directory of the dry manifests")
	flags.String("sync-source-branch", "", "branch with the rendered manifests, from which the application syncs")
	flags.String("sync-source-path", "", "directory in that branch")
	flags.String("hydrate-to-branch", "", "branch to push rendered manifests to first")
	flags.Int("revision-history-limit", v1alpha1.DefaultRevisionHistoryLimit, "how many entries of the deployment history are kept")
	flags.String("dest-server", "", "address of the cluster to deploy to, for example "+v1alpha1.InClusterServer)
	flags.String("dest-name", "", "name of the cluster to deploy to, for example "+v1alpha1.InClusterName)
	flags.String("dest-namespace", "", "namespace to deploy to")
	flags.String("project", "", "the application's project")
	flags.String("sync-policy", "", "when syncs happen: manual (or none), automated (or auto, automatic)")
	flags.StringArray("sync-option", nil, "sync option to add, as Prune=false, or with ! in front to remove; may be repeated")
	flags.Bool("auto-prune", false, "delete objects that are no longer in the source, in automatic syncs")
	flags.Bool("self-heal", false, "undo changes that were made in the cluster, in automatic syncs")
	flags.Bool("allow-empty", false, "allow automatic syncs that leave no object at all")
	flags.Int64("sync-retry-limit", 0, "how often a failed sync is tried again")
	flags.Duration("sync-retry-backoff-duration", RetryPause, "pause before the first retry, for example 2m")
	flags.Duration("sync-retry-backoff-max-duration", RetryMaxPause, "longest pause between retries, for example 2m")
	flags.Int64("sync-retry-backoff-factor", v1alpha1.DefaultBackoffFactor, "each pause is this many times the one before")
	flags.Bool("sync-retry-refresh", false, "use the newest revision in each try")
	flags.Bool("validate", true, "check repository and cluster")
}

// hydrator puts the flags of the hydrator into spec; given tells whether there were any.
func (o *Options) hydrator(spec *v1alpha1.ApplicationSpec) (given bool, err error) {
	var h v1alpha1.SourceHydrator
	if spec.SourceHydrator != nil {
		h = *spec.SourceHydrator
	}
	for name, set := range map[string]func(string){
		"dry-source-repo":     func(v string) { h.DrySource.RepoURL = v },
		"dry-source-revision": func(v string) { h.DrySource.TargetRevision = v },
		"dry-source-path":     func(v string) { h.DrySource.Path = v },
		"sync-source-branch":  func(v string) { h.SyncSource.TargetBranch = v },
		"sync-source-path":    func(v string) { h.SyncSource.Path = v },
		"hydrate-to-branch": func(v string) {
			h.HydrateTo = nil
			if v != "" {
				h.HydrateTo = &v1alpha1.HydrateTo{TargetBranch: v}
			}
		},
	} {
		if o.flags.Changed(name) {
			v, err := o.flags.GetString(name)
			if err != nil {
				return false, err
			}
			set(v)
			given = true
		}
	}
	if given {
		spec.SourceHydrator = &h
	}
	return given, nil
}

// policy puts the flags that are not of a source into spec.
func (o *Options) policy(spec *v1alpha1.ApplicationSpec) error {
	f := o.flags
	for name, to := range map[string]*string{
		"dest-name": &spec.Destination.Name, "dest-server": &spec.Destination.Server, "dest-namespace": &spec.Destination.Namespace, "project": &spec.Project,
	} {
		if f.Changed(name) {
			*to, _ = f.GetString(name)
		}
	}
	if f.Changed("revision-history-limit") {
		n, _ := f.GetInt("revision-history-limit")
		limit := int64(n)
		spec.RevisionHistoryLimit = &limit
	}
	p := v1alpha1.SyncPolicy{}
	if spec.SyncPolicy != nil {
		p = *spec.SyncPolicy
	}
	if f.Changed("sync-option") {
		options, _ := f.GetStringArray("sync-option")
		p.SyncOptions = withOptions(p.SyncOptions, options)
	}
	if f.Changed("sync-policy") {
		switch word, _ := f.GetString("sync-policy"); word {
		case "none", "manual":
			p.Automated = nil
		case "automated", "automatic", "auto":
			p.Automated = &v1alpha1.SyncPolicyAutomated{}
		default:
			return problem.New(problem.Invalid, "Invalid sync-policy: %s", word)
		}
	}
	if err := o.retry(&p); err != nil {
		return err
	}
	o.automated(&p)
	spec.SyncPolicy = &p
	if p.Automated == nil && len(p.SyncOptions) == 0 && p.Retry == nil && p.ManagedNamespaceMetadata == nil {
		spec.SyncPolicy = nil
	}
	return nil
}

func withOptions(have, change []string) []string {
	have = slices.Clone(have)
	for _, option := range change {
		if gone, remove := strings.CutPrefix(option, "!"); remove {
			have = slices.DeleteFunc(have, func(h string) bool { return h == gone })
		} else if !slices.Contains(have, option) {
			have = append(have, option)
		}
	}
	return have
}

func (o *Options) retry(p *v1alpha1.SyncPolicy) error {
	f := o.flags
	refresh, _ := f.GetBool("sync-retry-refresh")
	if f.Changed("sync-retry-limit") {
		limit, _ := f.GetInt64("sync-retry-limit")
		switch {
		case limit < 0:
			return problem.New(problem.Invalid, "Invalid sync-retry-limit [%d]", limit)
		case limit == 0:
			p.Retry = nil
		default:
			pause, _ := f.GetDuration("sync-retry-backoff-duration")
			most, _ := f.GetDuration("sync-retry-backoff-max-duration")
			factor, _ := f.GetInt64("sync-retry-backoff-factor")
			p.Retry = Retry(limit, refresh, pause, most, factor)
		}
	}
	if f.Changed("sync-retry-refresh") {
		r := v1alpha1.RetryStrategy{}
		if p.Retry != nil {
			r = *p.Retry
		}
		r.Refresh = refresh
		p.Retry = &r
	}
	return nil
}

// Retry is the strategy that the flags of retries describe.
func Retry(limit int64, refresh bool, pause, most time.Duration, factor int64) *v1alpha1.RetryStrategy {
	return &v1alpha1.RetryStrategy{Limit: limit, Refresh: refresh, Backoff: &v1alpha1.Backoff{Duration: pause.String(), MaxDuration: most.String(), Factor: &factor}}
}

// automated sets details of automatic syncs. They do not switch automatic syncs on, so that a detail can be set beforehand.
func (o *Options) automated(p *v1alpha1.SyncPolicy) {
	for name, to := range map[string]func(*v1alpha1.SyncPolicyAutomated, *bool){
		"auto-prune":  func(a *v1alpha1.SyncPolicyAutomated, v *bool) { a.Prune = v },
		"self-heal":   func(a *v1alpha1.SyncPolicyAutomated, v *bool) { a.SelfHeal = v },
		"allow-empty": func(a *v1alpha1.SyncPolicyAutomated, v *bool) { a.AllowEmpty = v },
	} {
		if !o.flags.Changed(name) {
			continue
		}
		a := v1alpha1.SyncPolicyAutomated{}
		if p.Automated == nil {
			off := false
			a.Enabled = &off
		} else {
			a = *p.Automated
		}
		v, _ := o.flags.GetBool(name)
		to(&a, &v)
		p.Automated = &a
	}
}
