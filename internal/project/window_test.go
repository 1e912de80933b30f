package project

import (
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// win reads "kind schedule|duration|options…": zone=…, apps=…, ns=…, clusters=…, and, manual, overrun.
func win(text string) v1alpha1.SyncWindow {
	kind, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(rest, "|")
	w := v1alpha1.SyncWindow{Kind: kind, Schedule: parts[0], Duration: parts[1], Applications: []string{"*"}}
	for _, o := range parts[2:] {
		k, v, _ := strings.Cut(o, "=")
		switch k {
		case "zone":
			w.TimeZone = v
		case "apps":
			w.Applications = strings.Split(v, ",")
		case "ns":
			w.Applications, w.Namespaces = nil, strings.Split(v, ",")
		case "clusters":
			w.Applications, w.Clusters = nil, strings.Split(v, ",")
		case "alsons":
			w.Namespaces, w.UseAndOperator = strings.Split(v, ","), true
		case "manual":
			w.ManualSync = true
		case "overrun":
			w.SyncOverrun = true
		}
	}
	return w
}

func windowsOf(s Subject, texts ...string) Windows {
	p := &v1alpha1.AppProject{}
	p.Name = "p"
	for _, text := range texts {
		p.Spec.SyncWindows = append(p.Spec.SyncWindows, win(text))
	}
	return New(p).Windows(s)
}

var shop = Subject{Name: "shop", Target: Target{Server: "https://kubernetes.default.svc", Name: "in-cluster", Namespace: "production"}}

func TestSyncWindows(t *testing.T) {
	for name, c := range map[string]struct {
		windows []string
		at      string // RFC 3339
		want    string // who may sync: all, people, nobody
		changes string // RFC 3339
	}{
		"no window, no limit":                               {nil, "2026-11-27T14:05:00Z", "all", ""},
		"inside of an allow window":                         {[]string{"allow 0 14 * * *|1h"}, "2026-11-27T14:05:00Z", "all", "2026-11-27T15:00:00Z"},
		"outside of it":                                     {[]string{"allow 0 14 * * *|1h"}, "2026-11-27T15:00:01Z", "nobody", "2026-11-28T14:00:00Z"},
		"outside of it, people may":                         {[]string{"allow 0 14 * * *|1h|manual"}, "2026-11-27T13:00:00Z", "people", "2026-11-27T14:00:00Z"},
		"one of two allow windows is enough":                {[]string{"allow 0 2 * * *|1h", "allow 0 14 * * *|1h"}, "2026-11-27T14:05:00Z", "all", "2026-11-27T15:00:00Z"},
		"outside of both, of which one lets people":         {[]string{"allow 0 2 * * *|1h|manual", "allow 0 14 * * *|1h"}, "2026-11-27T16:00:00Z", "nobody", "2026-11-28T02:00:00Z"},
		"inside of a deny window":                           {[]string{"deny 0 14 * * *|1h"}, "2026-11-27T14:05:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"inside of one that lets people":                    {[]string{"deny 0 14 * * *|1h|manual"}, "2026-11-27T14:05:00Z", "people", "2026-11-27T15:00:00Z"},
		"of two deny windows both must let people":          {[]string{"deny 0 14 * * *|1h|manual", "deny 0 13 * * *|3h"}, "2026-11-27T14:05:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"outside of a deny window":                          {[]string{"deny 0 14 * * *|1h"}, "2026-11-27T16:00:00Z", "all", "2026-11-28T14:00:00Z"},
		"deny beats allow":                                  {[]string{"allow * * * * *|1h", "deny 0 14 * * *|1h"}, "2026-11-27T14:05:30Z", "nobody", "2026-11-27T14:06:00Z"},
		"a window that began yesterday":                     {[]string{"deny 0 22 * * *|8h"}, "2026-11-27T05:59:00Z", "nobody", "2026-11-27T06:00:00Z"},
		"at its very start":                                 {[]string{"deny 0 14 * * *|1h"}, "2026-11-27T14:00:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"at its very end":                                   {[]string{"deny 0 14 * * *|1h"}, "2026-11-27T15:00:00Z", "all", "2026-11-28T14:00:00Z"},
		"in a time zone":                                    {[]string{"deny 0 14 * * *|1h|zone=Europe/Berlin"}, "2026-11-27T13:05:00Z", "nobody", "2026-11-27T14:00:00Z"},
		"the clock goes forward inside the window":          {[]string{"deny 0 1 * * *|4h|zone=Europe/Berlin"}, "2026-03-29T03:30:00Z", "nobody", "2026-03-29T04:00:00Z"},
		"the clock goes back inside the window":             {[]string{"deny 0 1 * * *|4h|zone=Europe/Berlin"}, "2026-10-25T02:30:00Z", "nobody", "2026-10-25T03:00:00Z"},
		"weekends":                                          {[]string{"deny 0 0 * * 6|48h"}, "2026-11-29T23:59:00Z", "nobody", "2026-11-30T00:00:00Z"},
		"a day that does not come":                          {[]string{"deny 0 0 30 2 *|24h"}, "2026-11-27T14:05:00Z", "all", ""},
		"of another application":                            {[]string{"deny * * * * *|1h|apps=web-*"}, "2026-11-27T14:05:00Z", "all", ""},
		"by namespace":                                      {[]string{"deny 0 14 * * *|1h|ns=prod*"}, "2026-11-27T14:05:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"by the cluster's address":                          {[]string{"deny 0 14 * * *|1h|clusters=https://kubernetes.default.svc"}, "2026-11-27T14:05:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"by the cluster's name":                             {[]string{"deny 0 14 * * *|1h|clusters=in-cluster"}, "2026-11-27T14:05:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"andOperator, both match":                           {[]string{"deny 0 14 * * *|1h|apps=shop|alsons=production"}, "2026-11-27T14:05:00Z", "nobody", "2026-11-27T15:00:00Z"},
		"andOperator, one does not":                         {[]string{"deny 0 14 * * *|1h|apps=shop|alsons=staging"}, "2026-11-27T14:05:00Z", "all", ""},
		"a schedule that cannot be understood forbids":      {[]string{"allow every day|1h"}, "2026-11-27T14:05:00Z", "nobody", ""},
		"so does a duration, though people may":             {[]string{"deny 0 14 * * *|soon|manual"}, "2026-11-27T16:05:00Z", "people", ""},
		"so does a time zone":                               {[]string{"deny 0 14 * * *|1h|zone=Atlantis"}, "2026-11-27T16:05:00Z", "nobody", ""},
		"and a kind that is neither":                        {[]string{"perhaps 0 14 * * *|1h"}, "2026-11-27T16:05:00Z", "nobody", ""},
		"that does not concern others":                      {[]string{"deny every day|1h|apps=web"}, "2026-11-27T16:05:00Z", "all", ""},
		"a duration of centuries is no window, and forbids": {[]string{"allow 0 14 * * *|9000000h"}, "2026-11-27T14:05:00Z", "nobody", ""},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		gate := windowsOf(shop, c.windows...).At(at)
		got := map[[2]bool]string{{true, true}: "all", {false, true}: "people", {false, false}: "nobody"}[[2]bool{gate.Automated, gate.Manual}]
		if got != c.want {
			t.Errorf("%s: %s may sync, want %s (%s)", name, got, c.want, gate.Why)
		}
		changes := ""
		if !gate.Changes.IsZero() {
			changes = gate.Changes.UTC().Format(time.RFC3339)
		}
		if changes != c.changes {
			t.Errorf("%s: changes at %s, want %s", name, changes, c.changes)
		}
		if (gate.Why == "") != gate.Automated {
			t.Errorf("%s: why %q", name, gate.Why)
		}
	}
}

func TestSyncsThatRunPastTheEdgeOfAWindow(t *testing.T) {
	for name, c := range map[string]struct {
		windows    []string
		began, now string
		want       bool
	}{
		"into a deny window":                           {[]string{"deny 0 14 * * *|1h"}, "13:59", "14:01", false},
		"into one with syncOverrun":                    {[]string{"deny 0 14 * * *|1h|overrun"}, "13:59", "14:01", true},
		"into two of which one has it":                 {[]string{"deny 0 14 * * *|1h|overrun", "deny 0 14 * * *|2h"}, "13:59", "14:01", false},
		"out of an allow window":                       {[]string{"allow 0 14 * * *|1h"}, "14:59", "15:01", false},
		"out of one with syncOverrun":                  {[]string{"allow 0 14 * * *|1h|overrun"}, "14:59", "15:01", true},
		"begun when it was forbidden":                  {[]string{"deny 0 14 * * *|1h|overrun"}, "14:01", "14:02", false},
		"out of an allow window and into a deny":       {[]string{"allow 0 14 * * *|1h|overrun", "deny 0 15 * * *|1h"}, "14:59", "15:01", false},
		"into a deny with syncOverrun, still in allow": {[]string{"allow 0 14 * * *|3h", "deny 0 15 * * *|1h|overrun"}, "14:59", "15:01", true},
	} {
		at := func(clock string) time.Time {
			moment, err := time.Parse(time.RFC3339, "2026-11-27T"+clock+":00Z")
			if err != nil {
				t.Fatal(err)
			}
			return moment
		}
		if got := windowsOf(shop, c.windows...).GoesOn(at(c.began), at(c.now), false); got != c.want {
			t.Errorf("%s: goes on %v, want %v", name, got, c.want)
		}
	}
}

func FuzzSyncWindow(f *testing.F) {
	f.Add("0 14 * * *", "1h", "Europe/Berlin", int64(1795788300))
	f.Add("*/7 1-5,23 1,31 2 0-6", "100000h", "", int64(0))
	f.Fuzz(func(t *testing.T, schedule, duration, zone string, at int64) {
		p := &v1alpha1.AppProject{}
		p.Spec.SyncWindows = []v1alpha1.SyncWindow{{Kind: "allow", Schedule: schedule, Duration: duration, TimeZone: zone, Applications: []string{"*"}}}
		now := time.Unix(at%(1<<33), 0)
		g := New(p).Windows(shop).At(now)
		if !g.Changes.IsZero() && !g.Changes.After(now) {
			t.Errorf("%q %q at %v changes at %v", schedule, duration, now, g.Changes)
		}
	})
}
