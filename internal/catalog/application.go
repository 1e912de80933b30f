package catalog

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// appEntry is one Application as last seen; immutable.
type appEntry struct {
	app *v1alpha1.Application // when err is set: the parts that could be read
	err error                 // why it cannot be understood
	own bool                  // it is the answer to a write of ours, which the watch has not delivered yet
}

// Application returns the newest Application known: never older than what PatchApplication returned. It is NotFound
// when there is none. When it cannot be understood the error is Invalid, and the parts of it that could be read are
// returned too, so that a status can be written.
func (c *Catalog) Application(name types.NamespacedName) (*v1alpha1.Application, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e := c.apps[name]
	if e == nil {
		return nil, problem.New(problem.NotFound, "application %s does not exist", name)
	}
	return e.app, e.err
}

// Applications returns all Applications that can be understood, by namespace and name. The slice is shared, too: it is
// made once for as long as nothing changes.
func (c *Catalog) Applications() []*v1alpha1.Application { return c.appLedger.list() }

// Broken is an Application that cannot be understood: a field of it has the wrong type.
type Broken struct {
	App *v1alpha1.Application // the parts of it that could be read, metadata at least
	Err error
}

// Broken returns the Applications that cannot be understood, by namespace and name.
func (c *Catalog) Broken() []Broken {
	var list []Broken
	for _, app := range c.collect(func(e *appEntry) bool { return e.err != nil }) {
		_, err := c.Application(nameOf(app))
		if err != nil && !problem.Is(err, problem.NotFound) { // not repaired or deleted since
			list = append(list, Broken{app, err})
		}
	}
	return list
}

func (c *Catalog) collect(take func(*appEntry) bool) []*v1alpha1.Application {
	c.mu.RLock()
	list := make([]*v1alpha1.Application, 0, len(c.apps))
	for _, e := range c.apps {
		if take(e) {
			list = append(list, e.app)
		}
	}
	c.mu.RUnlock()
	slices.SortFunc(list, func(a, b *v1alpha1.Application) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return list
}

func nameOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

func (c *Catalog) putApplication(o *object.Object) {
	if !c.holds(o.GetNamespace()) {
		return
	}
	c.mu.RLock()
	known := c.apps[nameOf(o)]
	c.mu.RUnlock()
	if known == nil || known.app.UID != o.GetUID() || known.app.ResourceVersion != o.GetResourceVersion() { // else: see
		c.words.Share(o)
		app, err := decodeApplication(o)
		known = &appEntry{app: app, err: err}
	}
	c.see(known)
}

// heardApplications notes how far the watch has told.
func (c *Catalog) heardApplications(version string) {
	c.mu.Lock()
	c.heardApps = version
	c.mu.Unlock()
}

func (c *Catalog) removeApplication(namespace, name, version string) {
	if !c.holds(namespace) {
		return
	}
	key := types.NamespacedName{Namespace: namespace, Name: name}
	c.mu.Lock()
	if e := c.apps[key]; e != nil && e.own && after(e.app.ResourceVersion, version) {
		c.mu.Unlock() // made by us after this was said
		return
	}
	delete(c.apps, key)
	c.appLedger.remove(key, func(app *v1alpha1.Application) *v1alpha1.Application { return deadApplication(app, version) })
	c.mu.Unlock()
	c.tell(Change{ApplicationChanged, key})
}

func (c *Catalog) replaceApplications(list []*object.Object, version string) {
	now := map[types.NamespacedName]bool{}
	for _, o := range list {
		now[types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}] = true
		c.putApplication(o)
	}
	c.mu.RLock()
	var gone []types.NamespacedName
	for key := range c.apps {
		if !now[key] {
			gone = append(gone, key)
		}
	}
	c.mu.RUnlock()
	for _, key := range gone {
		c.removeApplication(key.Namespace, key.Name, version)
	}
}

// see takes in what the watch delivers.
func (c *Catalog) see(e *appEntry) {
	key := nameOf(e.app)
	c.mu.Lock()
	old := c.apps[key]
	switch {
	case old != nil && old.own && older(e.app, old.app):
		c.mu.Unlock() // what we wrote is newer; the watch will come to it
		return
	case old != nil && old.app.UID == e.app.UID && old.app.ResourceVersion == e.app.ResourceVersion:
		// known: our own write, or a new list after the watch broke. The old value stays, so that pointers compare
		c.apps[key] = &appEntry{app: old.app, err: old.err}
		c.mu.Unlock()
		return
	}
	c.apps[key] = e
	c.appLedger.put(e.app, e.err, deadApplication)
	quiet := c.writing[key].hold(e.app.ResourceVersion)
	c.mu.Unlock()
	if !quiet {
		c.tell(Change{ApplicationChanged, key})
	}
}

// older reports whether a is an older version of the same object than b.
func older(a, b *v1alpha1.Application) bool {
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && order < 0
}

// decodeApplication reads an Application. managedFields are left out: nobody here needs them, and they are half of
// the memory. When a field has the wrong type, the error names it and the parts that can be read are returned.
func decodeApplication(o *object.Object) (*v1alpha1.Application, error) {
	app := &v1alpha1.Application{}
	err := decode(o.Object, app)
	if err == nil {
		app.ManagedFields = nil
		return app, nil
	}
	app = &v1alpha1.Application{}
	app.APIVersion, app.Kind = o.GetAPIVersion(), o.GetKind()
	// the API server has checked metadata, so these getters lose nothing that matters
	app.Namespace, app.Name, app.UID, app.ResourceVersion = o.GetNamespace(), o.GetName(), o.GetUID(), o.GetResourceVersion()
	app.Generation, app.CreationTimestamp, app.DeletionTimestamp = o.GetGeneration(), o.GetCreationTimestamp(), o.GetDeletionTimestamp()
	app.Labels, app.Annotations, app.Finalizers = o.GetLabels(), o.GetAnnotations(), o.GetFinalizers()
	for _, section := range []string{"spec", "operation", "status"} {
		if v, ok := o.Object[section]; ok {
			_ = decodeJSON(map[string]any{section: v}, app) // as far as it goes
		}
	}
	return app, problem.Because(problem.Invalid, err, "application %s/%s cannot be understood", app.Namespace, app.Name)
}

// decode reads plain values into a struct.
func decode(from map[string]any, into any) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(from, into); err == nil {
		return nil
	}
	return decodeJSON(from, into) // slower, but it says which field is wrong
}

func decodeJSON(from map[string]any, into any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	err = json.Unmarshal(data, into)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return problem.New(problem.Invalid, "%s is a %s, expected %s", wrong.Field, wrong.Value, describe(wrong.Type))
	}
	return err
}

func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	}
	return "a number"
}
