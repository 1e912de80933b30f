// Package catalog is the only owner of our own records in Kubernetes: Applications, AppProjects, ApplicationSets, and
// the ConfigMaps and Secrets that hold settings, accounts, repositories and clusters.
//
// The idea: watches keep every record in memory as an immutable value, so that reading is a map look-up and a change
// is in force as soon as the API server has told it; writing is one conditional patch, and what was written is
// visible to the writer at once. Read Open first, then Application and PatchApplication (how the reconciling leader
// writes) and EditApplication (how a person's request writes, through any replica). The package refuses to decide
// anything, to write anything but what it is told, and to touch what is deployed (package cluster does).
package catalog

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

// Options are what Open needs.
type Options struct {
	REST      *rest.Config // of the cluster we live in
	Namespace string       // where our records are
	// ApplicationNamespaces may hold Applications, too (project.Namespaces); empty: application.namespaces of
	// argocd-cmd-params-cm, as it is when the catalog is opened.
	ApplicationNamespaces []string
	Identity              string           // of this replica, for Lead
	LeaseDuration         time.Duration    // for Lead; 15 s when 0
	Sharding              bool             // replicas share the work: Join and Divide are called, and Lead is not
	Agent                 string           // name of the agent that this process is; empty when it is none
	InsteadOf             []config.Rewrite // before those of the settings
	Log                   *slog.Logger
}

// Catalog is our records as they are now. It is safe for concurrent use. What it returns is shared: copy before
// changing.
type Catalog struct {
	options   Options
	log       *slog.Logger
	client    dynamic.Interface // its writes are fenced: see Fence
	people    dynamic.Interface // for what people ask for: it needs no lead, and no turn ends it
	stop      context.CancelFunc
	running   sync.WaitGroup
	events    *recorder
	lead      lead
	roll      *roll                                // the Leases of replicas and units; nil without sharding
	leader    atomic.Pointer[coordinationv1.Lease] // LeaderLease as last read by Lead
	address   atomic.Pointer[string]               // see Announce
	elsewhere func(namespace string) bool          // whether Applications may be there; nil when they may be with us only
	setsElse  func(namespace string) bool          // the same of ApplicationSets

	mu              sync.RWMutex
	apps            map[types.NamespacedName]*appEntry
	appLedger       *ledger[*v1alpha1.Application] // the same for those who list and watch; changed together with apps
	heardApps       string                         // the resourceVersion up to which the watch has told
	sets            *ledger[*v1alpha1.ApplicationSet]
	heardSets       string
	writing         map[types.NamespacedName]*writing
	words           object.Words // of Applications
	projects        map[string]projectEntry
	projectsVersion int // counts the changes of projects
	records         records
	secrets         map[string]secretRecord // those with a secret-type
	labelled        map[string]secretRecord // those that are part of Argo CD
	versions        map[string]string       // of ConfigMaps and Secrets: the newest resourceVersion taken in, by feed and name
	silent          map[string]error        // watches whose last request failed
	ready           bool                    // the first lists are in; before that no view is made of half of them
	view            atomic.Pointer[view]
	accounts        atomic.Pointer[Accounts]
	rulings         rulings
	keysVersion     int // counts the changes of Secrets with keys
	decryption      decryption

	unreachable atomic.Pointer[error] // why the API server could not be reached at the last attempt

	subscribers atomic.Pointer[[]*subscription]
	subscribing sync.Mutex
}

// view is what the ConfigMaps and Secrets say, as one immutable value.
type view struct {
	settings     *Settings
	repositories *repositories
	clusters     *clusters
}

// Open checks that our kinds exist, starts watching and returns when everything has been read once. The watches end
// with ctx or Close.
//
// It is a problem of kind NotFound when the CustomResourceDefinitions are missing.
func Open(ctx context.Context, o Options) (c *Catalog, err error) {
	defer problem.Wrap(&err, "open the catalog in namespace %s", o.Namespace)
	c = &Catalog{
		options: o, log: o.Log,
		apps: map[types.NamespacedName]*appEntry{}, writing: map[types.NamespacedName]*writing{}, projects: map[string]projectEntry{},
		records: records{maps: map[string]map[string]string{}}, secrets: map[string]secretRecord{},
		silent: map[string]error{}, labelled: map[string]secretRecord{}, versions: map[string]string{},
		appLedger: newLedger[*v1alpha1.Application](), sets: newLedger[*v1alpha1.ApplicationSet](),
	}
	c.subscribers.Store(&[]*subscription{})
	connection := quick(o.REST)
	connection.Wrap(c.overhear)
	c.lead.lasts(goodFor(leaseOf(o)))
	c.Fence(connection)
	if c.client, err = leanClient(connection); err != nil {
		return nil, err
	}
	if c.people, err = dynamic.NewForConfig(quick(o.REST)); err != nil {
		return nil, problem.Because(problem.Invalid, err, "connection to our own cluster")
	}
	if err := c.findNamespaces(ctx); err != nil {
		return nil, err
	}
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	if o.Sharding {
		c.roll = newRoll()
	}
	watching, stop := context.WithCancel(ctx)
	c.stop = stop
	c.events = newRecorder(watching, &c.running, c.client, o.Log)
	if err := c.watchAll(watching); err != nil {
		c.Close()
		return nil, err
	}
	if o.Sharding {
		client, err := coordination.NewForConfig(quick(o.REST))
		if err != nil {
			c.Close()
			return nil, problem.Because(problem.Invalid, err, "connection to our own cluster")
		}
		c.running.Go(func() { c.tellPushes(watching, client.Leases(o.Namespace)) })
	}
	c.mu.Lock()
	c.ready = true
	c.rebuild()
	c.rebuildAccounts()
	c.mu.Unlock()
	if c.options.Agent == "" { // an agent's projects are its hub's
		c.ensureDefaultProject(ctx)
	}
	return c, nil
}

// Close ends the watches and sends the events that wait.
func (c *Catalog) Close() {
	c.events.close()
	c.stop()
	for _, s := range *c.subscribers.Load() {
		s.close()
	}
	c.appLedger.close()
	c.sets.close()
	c.running.Wait()
}

// Settings returns the settings in force.
func (c *Catalog) Settings() *Settings { return c.view.Load().settings }

// Repository returns how to fetch url, rewrites applied, with the credentials that are open to every project.
func (c *Catalog) Repository(url string) Repository { return c.RepositoryFor(url, "") }

// RepositoryFor is Repository with the records that belong to project, too: they come first.
func (c *Catalog) RepositoryFor(url, project string) Repository {
	return c.view.Load().repositories.find(url, project)
}

// Repositories returns the registered repositories, by name of their Secrets, as registered (no rewrites, nothing
// inherited).
func (c *Catalog) Repositories() []Repository { return slices.Clone(c.view.Load().repositories.list) }

// Clusters returns the registered clusters, by server, our own included unless it is switched off.
func (c *Catalog) Clusters() []Cluster { return c.view.Load().clusters.clone() }

// Destination returns the cluster that a destination names. NotFound means that no record names it; a cluster whose
// record is faulty is found, with its Problem.
func (c *Catalog) Destination(d v1alpha1.ApplicationDestination) (Cluster, error) {
	return c.view.Load().clusters.resolve(d)
}

// ServerOf returns the address of the API server that a destination names.
func (c *Catalog) ServerOf(d v1alpha1.ApplicationDestination) (string, error) {
	k, err := c.Destination(d)
	return k.Server, err
}

// rebuild makes the view anew from the records. c.mu is held.
func (c *Catalog) rebuild() {
	if !c.ready {
		return
	}
	var before *Settings
	if v := c.view.Load(); v != nil {
		before = v.settings
	}
	s := parseSettings(c.records, before)
	secrets := make([]secretRecord, 0, len(c.secrets))
	for _, name := range sortedKeys(c.secrets) {
		secrets = append(secrets, c.secrets[name])
	}
	c.view.Store(&view{
		settings:     s,
		repositories: parseRepositories(secrets, c.records.maps, slices.Concat(c.options.InsteadOf, s.InsteadOf)),
		clusters:     parseClusters(secrets, c.clusterRules(s)).byAgent(c.options.Agent, c.options.REST),
	})
	if before == nil || !sameProblems(before.Problems, s.Problems) {
		for _, p := range s.Problems {
			c.log.Warn("setting not understood", "error", p)
		}
	}
}

func sameProblems(a, b []error) bool {
	return slices.EqualFunc(a, b, func(x, y error) bool { return x.Error() == y.Error() })
}

// quick is the connection without client-side throttling: the API server's priority and fairness shares it better.
func quick(r *rest.Config) *rest.Config {
	r = rest.CopyConfig(r)
	r.QPS, r.Burst = -1, 0
	return r
}
