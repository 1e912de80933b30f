package catalog

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

var (
	applications = v1alpha1.GroupVersion().WithResource(v1alpha1.ResourceApplications)
	appProjects  = v1alpha1.GroupVersion().WithResource(v1alpha1.ResourceAppProjects)
	appSets      = v1alpha1.GroupVersion().WithResource(v1alpha1.ResourceApplicationSets)
	configMaps   = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets      = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// feed is one watch and what is done with what it tells. The functions are called by one goroutine.
type feed struct {
	resource   schema.GroupVersionResource
	kind       string
	labels     string // selector
	fields     string // selector
	put        func(*object.Object)
	remove     func(namespace, name, version string)
	everywhere bool                                     // in all namespaces
	replace    func(_ []*object.Object, version string) // the whole truth: what is not in it is gone
	heard      func(version string)                     // everything up to version has been told; nil when nobody asks
	unfenced   bool                                     // its connection does not end with our turns
}

// watchAll starts every watch and waits until each has told everything once.
func (c *Catalog) watchAll(ctx context.Context) error {
	feeds := []feed{
		{resource: applications, kind: v1alpha1.KindApplication, everywhere: c.elsewhere != nil, put: c.putApplication, remove: c.removeApplication, replace: c.replaceApplications, heard: c.heardApplications},
		{resource: appProjects, kind: v1alpha1.KindAppProject, put: c.putProject, remove: c.removeProject, replace: c.replaceProjects},
		{resource: appSets, kind: v1alpha1.KindApplicationSet, everywhere: c.setsElse != nil, put: c.putApplicationSet, remove: c.removeApplicationSet, replace: c.replaceApplicationSets, heard: c.heardApplicationSets},
		{resource: configMaps, kind: "ConfigMap", put: c.putMap, remove: c.removeMap, replace: c.replaceMaps},
		{resource: secrets, kind: "Secret", labels: secretTypeLabel, put: c.putSecret, remove: c.removeSecret, replace: c.replaceSecrets},
		{resource: secrets, kind: "Secret", fields: "metadata.name=" + settingsVault, put: c.putVault, remove: c.removeVault, replace: c.replaceVault},
		{resource: secrets, kind: "Secret", labels: partOfLabel + "=" + partOf, put: c.putLabelled, remove: c.removeLabelled, replace: c.replaceLabelled},
	}
	if c.roll != nil {
		feeds = append(feeds, c.roll.feed())
	}
	var firsts []<-chan struct{}
	for _, f := range feeds {
		firsts = append(firsts, c.start(ctx, f))
	}
	for i, first := range firsts {
		select {
		case <-first:
		case <-ctx.Done():
			return problem.Because(problem.Unavailable, ctx.Err(), "the first list of %s did not arrive", feeds[i].resource.Resource)
		}
	}
	return nil
}

// start runs one watch until ctx ends. The channel is closed after the first complete list.
func (c *Catalog) start(ctx context.Context, f feed) <-chan struct{} {
	namespace := c.options.Namespace
	if f.everywhere {
		namespace = metav1.NamespaceAll
	}
	client := c.client.Resource(f.resource).Namespace(namespace)
	if f.unfenced {
		client = c.people.Resource(f.resource).Namespace(namespace)
	}
	selected := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector, o.FieldSelector = f.labels, f.fields
		return o
	}
	expected := &object.Object{}
	expected.SetGroupVersionKind(f.resource.GroupVersion().WithKind(f.kind))
	store := &feedStore{feed: f, complete: make(chan struct{}), rewound: c.rewind}
	name := f.kind + " " + f.fields + f.labels
	logger := logr.FromSlogHandler(c.log.Handler())
	reflector := cache.NewReflectorWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := client.List(ctx, selected(o))
			c.heard(ctx, name, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := client.Watch(ctx, selected(o))
			c.heard(ctx, name, err)
			return w, err
		},
	}, expected, store, cache.ReflectorOptions{
		Name: "catalog", Logger: &logger,
		// client-go's own backoff grows to 30 s: too long for settings after the API server was restarted
		Backoff: &wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 6, Cap: 5 * time.Second},
	})
	c.running.Go(func() { reflector.RunWithContext(klog.NewContext(ctx, logger)) })
	return store.complete
}

// heard remembers whether the last request of a watch was granted.
func (c *Catalog) heard(ctx context.Context, name string, err error) {
	if err != nil && ctx.Err() != nil {
		return // we hung up
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.silent, name)
	} else {
		c.silent[name] = apiProblem(err, "watch %s", name)
	}
}

// overhear remembers whether the API server could be reached at the last attempt. client-go does not say: it tries a
// broken watch again for ten seconds and then reports an empty one.
func (c *Catalog) overhear(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err != nil && r.Context().Err() == nil {
			unreachable := error(problem.Because(problem.Unavailable, err, "reach the API server"))
			c.unreachable.Store(&unreachable)
		} else if err == nil {
			c.unreachable.Store(nil)
		}
		return answer, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Check returns nil while every watch is served, else why the records may be out of date.
func (c *Catalog) Check() error {
	if err := c.unreachable.Load(); err != nil {
		return *err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range sortedKeys(c.silent) {
		return c.silent[name]
	}
	return nil
}

// feedStore hands what a reflector tells to a feed.
type feedStore struct {
	feed
	complete chan struct{}
	once     sync.Once
	version  string // of the last complete list
	rewound  func()
}

func (s *feedStore) Add(o any) error    { return s.Update(o) }
func (s *feedStore) Resync() error      { return nil }
func (s *feedStore) Update(o any) error { s.put(o.(*object.Object)); return nil }

func (s *feedStore) Delete(o any) error {
	gone := o.(*object.Object)
	s.remove(gone.GetNamespace(), gone.GetName(), gone.GetResourceVersion())
	return nil
}

// UpdateResourceVersion is called by the reflector after every event, and for those without an object.
func (s *feedStore) UpdateResourceVersion(version string) {
	if s.heard != nil {
		s.heard(version)
	}
}

func (s *feedStore) Replace(list []any, version string) error {
	objects := make([]*object.Object, len(list))
	for i, o := range list {
		objects[i] = o.(*object.Object)
	}
	if s.version != "" && after(s.version, version) {
		s.rewound()
	}
	s.version = version
	s.replace(objects, version)
	s.UpdateResourceVersion(version)
	s.once.Do(func() { close(s.complete) })
	return nil
}

// check asks for every kind once, so that what is missing or forbidden is said at the start and not retried silently.
func (c *Catalog) check(ctx context.Context) error {
	for _, r := range []schema.GroupVersionResource{applications, appProjects, appSets, configMaps, secrets} {
		namespace := c.options.Namespace
		if r == applications && c.elsewhere != nil || r == appSets && c.setsElse != nil {
			namespace = metav1.NamespaceAll
		}
		_, err := c.client.Resource(r).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil {
			continue
		}
		if apierrors.IsNotFound(err) {
			return problem.New(problem.NotFound, "the kind %s is not installed", r.GroupResource()).
				WithHint("run `hawser crds | kubectl apply -f -`, or start with --install-crds")
		}
		return apiProblem(err, "list %s", r.GroupResource())
	}
	if _, err := c.client.Resource(namespaces).Get(ctx, c.options.Namespace, metav1.GetOptions{}); apierrors.IsNotFound(err) { // reading it may be forbidden
		return problem.New(problem.NotFound, "the namespace %s does not exist", c.options.Namespace).
			WithHint("run `kubectl create namespace %s`, or start with --install-crds", c.options.Namespace)
	}
	return nil
}

// apiProblem names what kind of problem the API server's answer is.
func apiProblem(err error, format string, args ...any) *problem.Error {
	kind := problem.Internal
	switch {
	case apierrors.IsNotFound(err):
		kind = problem.NotFound
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		kind = problem.Conflict
	case apierrors.IsForbidden(err):
		kind = problem.Forbidden
	case apierrors.IsUnauthorized(err):
		kind = problem.Unauthenticated
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err):
		kind = problem.Invalid
	case apierrors.IsRequestEntityTooLargeError(err):
		kind = problem.Limit
	case apierrors.ReasonForError(err) == metav1.StatusReasonUnknown, // no answer at all
		apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsServiceUnavailable(err),
		apierrors.IsInternalError(err):
		kind = problem.Unavailable
	}
	return problem.Because(kind, err, format, args...)
}

// findNamespaces finds out in which namespaces Applications and ApplicationSets may be.
func (c *Catalog) findNamespaces(ctx context.Context) error {
	params, err := c.client.Resource(configMaps).Namespace(c.options.Namespace).Get(ctx, paramsMap, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return apiProblem(err, "read %s", paramsMap)
	}
	var values map[string]string
	if err == nil {
		values = mapOf(params)
	}
	apps, where := c.options.ApplicationNamespaces, "--application-namespaces"
	if len(apps) == 0 {
		apps, where = strings.Split(values[namespacesKey], ","), paramsMap+": key "+namespacesKey
	}
	if c.elsewhere, err = namespacesOf(apps); err != nil {
		return problem.Because(problem.Invalid, err, "%s", where)
	}
	if c.setsElse, err = namespacesOf(strings.Split(values[setNamespacesKey], ",")); err != nil {
		return problem.Because(problem.Invalid, err, "%s: key %s", paramsMap, setNamespacesKey)
	}
	return nil
}

// namespacesOf compiles a list of globs; nil when there is none.
func namespacesOf(list []string) (func(string) bool, error) {
	var named []string
	for _, text := range list {
		if text = strings.TrimSpace(text); text != "" {
			named = append(named, text)
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	return project.Namespaces(named)
}

// holdsSet is holds for ApplicationSets.
func (c *Catalog) holdsSet(namespace string) bool {
	return namespace == c.options.Namespace || c.setsElse != nil && c.setsElse(namespace)
}

// Sees reports whether ApplicationSets and Applications of a namespace are both among our records. That one of them is not
// there says nothing of a namespace whose records are not looked at.
func (c *Catalog) Sees(namespace string) bool { return c.holdsSet(namespace) && c.holds(namespace) }

// holds reports whether an Application in the namespace is one of ours. Others are not looked at at all.
func (c *Catalog) holds(namespace string) bool {
	return namespace == c.options.Namespace || c.elsewhere != nil && c.elsewhere(namespace)
}
