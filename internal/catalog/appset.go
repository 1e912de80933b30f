package catalog

import (
	"context"
	"maps"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// ApplicationSet returns the newest ApplicationSet known. It is NotFound when there is none; when it cannot be
// understood the error is Invalid, and its metadata is returned too.
func (c *Catalog) ApplicationSet(name types.NamespacedName) (*v1alpha1.ApplicationSet, error) {
	c.sets.mu.RLock()
	defer c.sets.mu.RUnlock()
	e := c.sets.live[name]
	if e == nil {
		return nil, problem.New(problem.NotFound, "ApplicationSet %s does not exist", name)
	}
	return e.object, e.err
}

// ApplicationSets returns all ApplicationSets that can be understood, by namespace and name, and the version to watch
// from. The slice is shared.
func (c *Catalog) ApplicationSets() (list []*v1alpha1.ApplicationSet, version string) {
	c.mu.RLock()
	version = c.heardSets
	c.mu.RUnlock()
	return c.sets.list(), version
}

// WatchApplicationSets is WatchApplications for ApplicationSets.
func (c *Catalog) WatchApplicationSets(version string) *Watcher[*v1alpha1.ApplicationSet] {
	return c.sets.watch(version)
}

// CreateApplicationSet is CreateApplication for ApplicationSets.
func (c *Catalog) CreateApplicationSet(ctx context.Context, set *v1alpha1.ApplicationSet) (*v1alpha1.ApplicationSet, error) {
	if !c.holdsSet(set.Namespace) {
		return nil, notHeld(set.Namespace, setNamespacesKey)
	}
	return create(ctx, c, c.setKind(), set)
}

// EditApplicationSet is EditApplication for ApplicationSets. The status is another resource and not written.
func (c *Catalog) EditApplicationSet(ctx context.Context, old *v1alpha1.ApplicationSet, change func(*v1alpha1.ApplicationSet) error) (*v1alpha1.ApplicationSet, error) {
	return edit(ctx, c, c.setKind(), old, change, false)
}

// DeleteApplicationSet deletes it; what becomes of its Applications is said by its spec. It is NotFound when it is gone
// or was made anew under its name, and Conflict when it is seen to have moved to another project since old: who may
// delete it there has not been asked.
func (c *Catalog) DeleteApplicationSet(ctx context.Context, old *v1alpha1.ApplicationSet) error {
	k, key, uid, project := c.setKind(), nameOf(old), old.UID, old.Spec.Template.Spec.ProjectName()
	for attempt := 1; ; attempt++ {
		err := remove(ctx, c, k, old, true)
		if !problem.Is(err, problem.Conflict) || attempt == attempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		fresh, err := reread(ctx, c, k, key, uid)
		if err != nil {
			problem.Wrap(&err, "delete %s %s", k.name, key)
			return err
		}
		if old, err = k.decode(fresh); err != nil {
			return err
		}
		if old.Spec.Template.Spec.ProjectName() != project {
			return problem.New(problem.Conflict, "ApplicationSet %s has been moved to another project meanwhile", key).WithHint("ask again")
		}
	}
}

func (c *Catalog) setKind() kind[*v1alpha1.ApplicationSet] {
	return kind[*v1alpha1.ApplicationSet]{
		resource: appSets, name: v1alpha1.KindApplicationSet,
		decode: decodeApplicationSet,
		copy:   (*v1alpha1.ApplicationSet).DeepCopy,
		keep:   c.seeSet,
		known: func(key types.NamespacedName) *v1alpha1.ApplicationSet {
			set, _ := c.ApplicationSet(key)
			return set
		},
	}
}

func decodeApplicationSet(o *object.Object) (*v1alpha1.ApplicationSet, error) {
	set := &v1alpha1.ApplicationSet{}
	err := decode(o.Object, set)
	if err == nil {
		set.ManagedFields = nil
		return set, nil
	}
	set = &v1alpha1.ApplicationSet{}
	set.APIVersion, set.Kind = o.GetAPIVersion(), o.GetKind()
	set.Namespace, set.Name, set.UID, set.ResourceVersion = o.GetNamespace(), o.GetName(), o.GetUID(), o.GetResourceVersion()
	set.Generation, set.CreationTimestamp, set.DeletionTimestamp = o.GetGeneration(), o.GetCreationTimestamp(), o.GetDeletionTimestamp()
	set.Labels, set.Annotations, set.Finalizers = o.GetLabels(), o.GetAnnotations(), o.GetFinalizers()
	return set, problem.Because(problem.Invalid, err, "ApplicationSet %s/%s cannot be understood", set.Namespace, set.Name)
}

func (c *Catalog) putApplicationSet(o *object.Object) {
	if c.holdsSet(o.GetNamespace()) {
		c.seeSet(decodeApplicationSet(o))
	}
}

// seeSet takes a version in, of the watch or of a write, unless it is known or older, and returns the value to go on
// with: the known one, so that pointers compare.
func (c *Catalog) seeSet(set *v1alpha1.ApplicationSet, err error) *v1alpha1.ApplicationSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, _ := c.ApplicationSet(nameOf(set))
	switch {
	case known != nil && known.UID == set.UID && known.ResourceVersion == set.ResourceVersion:
		return known
	case c.newer("set", nameOf(set).String(), set.ResourceVersion):
		c.sets.put(set, err, deadApplicationSet)
		if known == nil || known.UID != set.UID || known.Generation != set.Generation || known.DeletionTimestamp == nil && set.DeletionTimestamp != nil || !maps.Equal(known.Annotations, set.Annotations) {
			c.tell(Change{ApplicationSetChanged, nameOf(set)}) // its own status is no news to the loop that writes it
		}
	}
	return set
}

func (c *Catalog) removeApplicationSet(namespace, name, version string) {
	key := types.NamespacedName{Namespace: namespace, Name: name}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holdsSet(namespace) && c.newer("set", key.String(), version) {
		c.sets.remove(key, func(set *v1alpha1.ApplicationSet) *v1alpha1.ApplicationSet { return deadApplicationSet(set, version) })
		c.tell(Change{ApplicationSetChanged, key})
	}
}

func (c *Catalog) replaceApplicationSets(list []*object.Object, version string) {
	now := map[types.NamespacedName]bool{}
	for _, o := range list {
		now[nameOf(o)] = true
		c.putApplicationSet(o)
	}
	for _, key := range c.sets.keys() {
		if !now[key] {
			c.removeApplicationSet(key.Namespace, key.Name, version)
		}
	}
}

func (c *Catalog) heardApplicationSets(version string) {
	c.mu.Lock()
	c.heardSets = version
	c.mu.Unlock()
}

func deadApplicationSet(set *v1alpha1.ApplicationSet, version string) *v1alpha1.ApplicationSet {
	dead := *set
	if version != "" {
		dead.ResourceVersion = version
	}
	return &dead
}
