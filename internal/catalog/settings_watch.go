package catalog

import (
	"maps"
	"slices"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/types"
)

// settingsMaps are the ConfigMaps we read; the namespace may hold others.
var settingsMaps = []string{settingsMap, paramsMap, rbacMap, knownHostsMap, tlsCertsMap, gpgKeysMap, notificationsMap}

// newer reports whether a version of a record is not older than the one that is known, and notes it: a watch can tell
// of a time before a write whose answer we have. feed and name together name the record. c.mu is held.
func (c *Catalog) newer(feed, name, version string) bool {
	key := feed + "/" + name
	if known := c.versions[key]; known != "" && known != version && !after(version, known) {
		return false
	}
	c.versions[key] = version
	return true
}

// rewind forgets which versions are known: the API server has gone back in time (its store was restored from a backup),
// and what it says now is true, though older.
func (c *Catalog) rewind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.versions)
	for key, e := range c.apps {
		c.apps[key] = &appEntry{app: e.app, err: e.err}
	}
	c.heardApps = ""
}

func (c *Catalog) putMap(o *object.Object) {
	c.changeMap(o.GetName(), o.GetResourceVersion(), mapOf(o))
}

func (c *Catalog) removeMap(_, name, version string) { c.changeMap(name, version, nil) }

func (c *Catalog) replaceMaps(list []*object.Object, version string) {
	now := map[string]*object.Object{}
	for _, o := range list {
		now[o.GetName()] = o
	}
	for _, name := range settingsMaps {
		if o := now[name]; o != nil {
			c.putMap(o)
		} else {
			c.changeMap(name, version, nil)
		}
	}
	for name, o := range now {
		if !slices.Contains(settingsMaps, name) {
			c.putMap(o)
		}
	}
}

// changeMap puts a ConfigMap in force; nil when there is none.
func (c *Catalog) changeMap(name, version string, values map[string]string) {
	if !slices.Contains(settingsMaps, name) {
		c.changeOther(name, version, values == nil)
		return
	}
	c.mu.Lock()
	same := !c.newer("map", name, version) || maps.Equal(c.records.maps[name], values) && (c.records.maps[name] == nil) == (values == nil)
	if !same {
		// not in place: Settings.RBAC is the map itself
		c.records.maps = maps.Clone(c.records.maps)
		c.records.maps[name] = values
		c.rebuild()
		if name == settingsMap {
			c.rebuildAccounts()
		}
	}
	c.mu.Unlock()
	if same {
		return
	}
	what := SettingsChanged
	if name == knownHostsMap || name == tlsCertsMap {
		what = RepositoryChanged
	}
	c.tell(Change{what, c.key(name)})
}

// changeOther tells of a ConfigMap that is none of our settings: somebody may take values from it. It is not kept.
func (c *Catalog) changeOther(name, version string, gone bool) {
	c.mu.Lock()
	known := c.versions["map/"+name]
	fresh := c.newer("map", name, version) && known != version
	if gone { // others come and go: their names are not kept for ever
		delete(c.versions, "map/"+name)
	}
	c.mu.Unlock()
	if fresh {
		c.tell(Change{ValuesChanged, c.key(name)})
	}
}

func (c *Catalog) putVault(o *object.Object) { c.changeVault(o.GetResourceVersion(), secretOf(o).data) }

func (c *Catalog) removeVault(_, _, version string) { c.changeVault(version, nil) }

func (c *Catalog) replaceVault(list []*object.Object, version string) {
	if len(list) == 0 {
		c.changeVault(version, nil)
	}
	for _, o := range list {
		c.putVault(o)
	}
}

func (c *Catalog) changeVault(version string, data map[string]string) {
	c.mu.Lock()
	same := !c.newer("vault", settingsVault, version) || maps.Equal(c.records.vault, data)
	if !same {
		c.records.vault = data
		c.rebuild()
		c.rebuildAccounts()
	}
	c.mu.Unlock()
	if !same {
		c.tell(Change{SettingsChanged, c.key(settingsVault)})
	}
}

func (c *Catalog) putLabelled(o *object.Object) {
	s := secretOf(o)
	c.changeLabelled(s.name, s.version, &s)
}

func (c *Catalog) removeLabelled(_, name, version string) { c.changeLabelled(name, version, nil) }

func (c *Catalog) replaceLabelled(list []*object.Object, version string) {
	now := map[string]bool{}
	for _, o := range list {
		now[o.GetName()] = true
		c.putLabelled(o)
	}
	c.mu.RLock()
	known := sortedKeys(c.labelled)
	c.mu.RUnlock()
	for _, name := range known {
		if !now[name] {
			c.changeLabelled(name, version, nil)
		}
	}
}

// changeLabelled puts a Secret in force to which settings may refer, or where we keep accounts; nil when there is none.
// Nobody is told: who looks at accounts asks every time.
func (c *Catalog) changeLabelled(name, version string, s *secretRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.newer("labelled", name, version) {
		return
	}
	old, known := c.labelled[name]
	switch {
	case s == nil && !known, s != nil && known && maps.Equal(old.data, s.data):
		return
	case s == nil:
		delete(c.labelled, name)
	default:
		c.labelled[name] = *s
	}
	c.rebuildAccounts()
}

func (c *Catalog) putSecret(o *object.Object) {
	s := secretOf(o)
	c.changeSecrets(map[string]*secretRecord{s.name: &s}, s.version)
}

func (c *Catalog) removeSecret(_, name, version string) {
	c.changeSecrets(map[string]*secretRecord{name: nil}, version)
}

func (c *Catalog) replaceSecrets(list []*object.Object, version string) {
	changes := map[string]*secretRecord{}
	c.mu.RLock()
	for name := range c.secrets {
		changes[name] = nil
	}
	c.mu.RUnlock()
	for _, o := range list {
		s := secretOf(o)
		changes[s.name] = &s
	}
	c.changeSecrets(changes, version)
}

// changeSecrets puts Secrets in force by name; nil when there is none any more, since version.
func (c *Catalog) changeSecrets(changes map[string]*secretRecord, version string) {
	var told []Change
	note := func(s secretRecord) {
		switch s.kind {
		case "cluster":
			told = append(told, Change{ClusterChanged, c.key(s.name)})
		case kindRepository, kindCreds, kindWriteRepository, kindWriteCreds:
			told = append(told, Change{RepositoryChanged, c.key(s.name)})
		case kindKeys:
			c.keysVersion++
			told = append(told, Change{KeysChanged, c.key(s.name)})
		case kindValues:
			told = append(told, Change{ValuesChanged, c.key(s.name)})
		}
	}
	c.mu.Lock()
	for _, name := range sortedKeys(changes) {
		old, known := c.secrets[name]
		s := changes[name]
		at := version
		if s != nil {
			at = s.version
		}
		if !c.newer("secret", name, at) || s != nil && known && old.same(*s) {
			continue
		}
		if known && (s == nil || s.kind != old.kind) {
			delete(c.secrets, name)
			note(old)
		}
		if s != nil {
			c.secrets[name] = *s
			note(*s)
			if s.kind == kindKeys {
				if err := checkKeys(*s); err != nil {
					c.log.Warn("keys that decrypt cannot be used", "error", err)
				}
			}
		}
	}
	if len(told) > 0 {
		c.rebuild()
	}
	c.mu.Unlock()
	for _, change := range told {
		c.tell(change)
	}
}

func (c *Catalog) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: c.options.Namespace, Name: name}
}
