package browser_test

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever is chosen stands in the address: a link shows to others what one sees, and a reload loses nothing.
func TestEveryViewIsALink(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	tabs := make(chan *tab, 2)
	for range cap(tabs) {
		b := w.tab(t, desk)
		b.logIn("admin", "/applications")
		tabs <- b
	}
	pressed := func(name string) func(*tab) {
		return func(b *tab) {
			b.until(name+" is pressed", func() error {
				for _, e := range b.elements("button", name) {
					if e.states["pressed"] == "true" {
						return nil
					}
				}
				return fmt.Errorf("it is not")
			})
		}
	}
	tabbed := func(name string) func(*tab) {
		return func(b *tab) {
			b.until("the tab is "+name, func() error {
				for _, e := range b.elements("tab", name) {
					if e.states["selected"] == "true" {
						return nil
					}
				}
				return fmt.Errorf("it is not")
			})
		}
	}
	drawer := func(object, tabName string) func(*tab) {
		return func(b *tab) {
			b.click("button", object)
			b.click("tab", tabName)
		}
	}
	for _, c := range []struct {
		name, from string
		do         func(*tab)
		says       []string
		absent     []string // texts
		also       func(*tab)
	}{
		{"filters of the list", "/applications", func(b *tab) { b.click("checkbox", "Degraded"); b.click("checkbox", "shop") }, []string{"checkout"}, []string{"kubectl-edit", "reports"}, nil},
		{"a search of the list", "/applications", func(b *tab) { b.fill("Search", "payments") }, []string{"payments", "Rename the payments worker"}, []string{"Update checkout to 4.2.0"}, nil},
		{"tiles", "/applications", func(b *tab) { b.click("button", "Tiles") }, []string{"ledger"}, nil, pressed("Tiles")},
		{"an order of the list", "/applications", func(b *tab) { b.click("button", "Health") }, []string{"checkout"}, nil, nil},
		{"the summary of an object", app + "shop", func(b *tab) { b.click("button", "Service shop") }, []string{"service/shop created"}, nil, tabbed("Summary")},
		{"its manifest", app + "shop", drawer("Service shop", "Manifest"), []string{"targetPort: 8080"}, nil, tabbed("Manifest")},
		{"its diff", app + "ledger", drawer("Deployment ledger", "Diff"), []string{"kubectl-edit", "replicas"}, nil, tabbed("Diff")},
		{"its events", app + "shop", drawer("Deployment shop", "Events"), []string{"ScalingReplicaSet"}, nil, tabbed("Events")},
		{"its logs", app + "shop", func(b *tab) {
			drawer("Deployment shop", "Logs")(b)
			b.fill("Show lines with", "gateway")
			b.click("button", "error")
			b.stands("lines=")
		}, []string{"payment gateway answered 502"}, []string{"slow query"}, pressed("error")},
		{"a filter of the picture", app + "shop", func(b *tab) { b.fill("Find objects by name", "database"); b.stands("find=") }, []string{"shop-database"}, []string{"Service shop,"}, nil},
		{"the network", app + "shop", func(b *tab) { b.click("link", "Network") }, []string{"shop.example.com"}, []string{"shop-database"}, nil},
		{"a sorted list of objects", app + "shop?view=list", func(b *tab) { b.click("button", "Name") }, []string{"shop-database"}, nil, nil},
		{"pods by node", app + "shop?view=pods", func(b *tab) { b.click("button", "Node") }, []string{"node-"}, nil, pressed("Node")},
		{"choices of a sync", app + "ledger", func(b *tab) {
			b.click("button", "Sync")
			b.click("checkbox", "Dry run")
			b.stands("sync=")
		}, []string{"Would change 2"}, nil, nil},
		{"the history", app + "checkout", func(b *tab) { b.click("button", "History") }, []string{"Update checkout to 4.2.0"}, nil, nil},
		{"two deployments compared", app + "checkout?panel=history", func(b *tab) {
			b.click("checkbox", "Compare Deployment #0")
			b.click("checkbox", "Compare Deployment #1")
			b.click("button", "Compare")
		}, []string{"between them", "checkout:broken"}, nil, nil},
		{"the last operation", app + "payments", func(b *tab) { b.click("button", "More actions"); b.click("menuitem", "Last sync") }, []string{"immutable"}, nil, nil},
		{"events of an application", app + "checkout", func(b *tab) { b.click("button", "Events") }, []string{"Events of checkout"}, nil, nil},
		{"details", app + "shop", func(b *tab) { b.click("button", "More actions"); b.click("menuitem", "Details") }, []string{"services/shop"}, nil, nil},
		{"a tab of a project", "/settings/projects/shop", func(b *tab) { b.click("tab", "Sync windows") }, []string{"Denies syncs"}, nil, tabbed("Sync windows")},
		{"a form in the settings", "/settings/certs", func(b *tab) { b.click("button", "Add SSH host keys") }, []string{"Host keys"}, nil, nil},
		{"a search in the settings", "/settings/clusters", func(b *tab) { b.fill("Find a cluster", "edge") }, []string{"edge-frankfurt"}, []string{"in-cluster"}, nil},
		{"what may I do", "/applications", func(b *tab) { b.press("g", "u") }, []string{"admin"}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := <-tabs
			defer func() { tabs <- b }()
			b.TB = t
			b.goTo(c.from)
			b.calm()
			c.do(b)
			check := func(when string) {
				t.Helper()
				b.see(c.says...)
				if len(c.absent) > 0 {
					b.gone(c.absent...)
				}
				if c.also != nil {
					c.also(b)
				}
				if t.Failed() {
					t.Fatal(when)
				}
			}
			check("before the reload")
			b.until("the address has it", func() error {
				if b.at() == c.from {
					return fmt.Errorf("it is still %s", c.from)
				}
				return nil
			})
			at := b.at()
			b.reload()
			check("after it")
			b.calm()
			if now := b.at(); now != at {
				t.Errorf("the reload led from %s to %s", at, now)
			}
			if strings.Contains(at, "undefined") || strings.Contains(at, "[object") {
				t.Errorf("the address is %s", at)
			}
		})
	}
}
