package scale_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var (
	idleFor = flag.Duration("idle", time.Minute, "how long BenchmarkPhases leaves everything alone")
	light   = flag.Bool("light", false, "the applications of BenchmarkPhases have one ConfigMap each, and not five objects")
)

// applyWidth is how many objects the bare applier applies at once.
const applyWidth = 8

// BenchmarkPhases goes once through the life of a repository of many applications with five objects each, on a cluster
// that has never seen them, and tells of every phase what it took and what hawser used:
//
//	bare      what a program takes that applies the objects, eight at a time, and does nothing else: the limit
//	bare-all  what the same program takes to apply one changed object of every application
//	cold      from the first Application until all are Synced and Healthy
//	one       a commit that changes one application
//	all       a commit that changes one object of every application
//	nothing   a commit that no application reads
//	drift     a field changed by hand
//	idle      nothing happens
//	restart   hawser is stopped and started: until it has looked at every application
//
// Processor time is of hawser and its git children; times include everybody's share of the machine.
func BenchmarkPhases(b *testing.B) {
	b.Run(fmt.Sprintf("apps=%d", *size), func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			goThrough(b)
			b.StartTimer()
		}
		b.ReportMetric(0, "ns/op")
	})
}

// fiveObjects are the files of a service without pods.
func fiveObjects(i int) map[string]string {
	name := service(i)
	return map[string]string{
		"account.yaml": fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n", name),
		"deployment.yaml": strings.NewReplacer("replicas: 1", "replicas: 0", "    spec:\n", fmt.Sprintf("    spec:\n      serviceAccountName: %s\n", name)).
			Replace(threeObjects(i)["deployment.yaml"]),
		"service.yaml":  threeObjects(i)["service.yaml"],
		"settings.yaml": settings(i, "first"),
		"ingress.yaml": fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: %[1]s}\nspec:\n  rules:\n  - host: %[1]s.example.test\n"+
			"    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %[1]s, port: {number: 80}}}}]}\n", name),
	}
}

// oneObject is the file of an application that is only there to be one of many.
func oneObject(i int) map[string]string {
	return map[string]string{"settings.yaml": settings(i, "first")}
}

// phase is one line of the report.
type phase struct {
	b    *testing.B
	s    *stage
	name string
	from figures
	at   time.Time
}

func begin(b *testing.B, s *stage, name string) phase {
	return phase{b: b, s: s, name: name, from: s.usage(b), at: time.Now()}
}

// end reports the phase; took is its wall time where it is not that since the beginning.
func (p phase) end(took time.Duration, times int) {
	p.b.Helper()
	if took == 0 {
		took = time.Since(p.at)
	}
	used := p.s.usage(p.b).since(p.from)
	p.b.ReportMetric(took.Seconds(), p.name+"-s")
	p.b.ReportMetric(used.cpu.Seconds()/float64(times), p.name+"-cpu-s")
	p.b.ReportMetric(float64(used.total())/float64(times), p.name+"-requests")
	p.b.Logf("%-8s %8.3f s  %7.3f CPU-s  peak %4.0f MiB  %s", p.name, took.Seconds(), used.cpu.Seconds()/float64(times), p.s.peak(p.b), used.lines(times))
}

func goThrough(b *testing.B) {
	manifests := fiveObjects
	if *light {
		manifests = oneObject
	}
	s := raise(b, manifests)
	namespace := s.Namespace(b)
	var all, changed []string
	for i := range *size {
		all = append(all, slices.Collect(maps.Values(manifests(i)))...)
		changed = append(changed, settings(i, "all"))
	}
	for _, p := range []struct {
		name      string
		manifests []string
	}{{"bare", all}, {"bare-all", changed}} {
		took, cpu := bare(b, s.Cluster, namespace, p.manifests)
		b.ReportMetric(took.Seconds(), p.name+"-s")
		b.Logf("%-8s %8.3f s  %7.3f CPU-s", p.name, took.Seconds(), cpu.Seconds())
		s.rest()
	}
	s.eyes = openEyes(b, s.Cluster, s.control, s.target)
	s.rest()

	stop := s.profiledAs(b, "cold")
	p := begin(b, s, "cold")
	var group errgroup.Group
	group.SetLimit(applyWidth)
	for i := range *size {
		group.Go(func() error {
			s.Apply(b, s.control, s.application(service(i), "services/"+service(i)))
			return nil
		})
	}
	_ = group.Wait()
	s.settled(b, s.repo.Head(b))
	took := time.Since(p.at)
	p.end(took, 1)
	stop()
	s.rest()

	var last []time.Duration
	stop = s.profiledAs(b, "one")
	p = begin(b, s, "one")
	for trial := range *trials {
		i := (trial*37 + 11) % *size
		value := "one-" + strconv.Itoa(trial)
		commit, at := s.push(b, map[string]string{"services/" + service(i) + "/settings.yaml": settings(i, value)}, "Change one")
		s.eyes.until(b, "the change", s.colour(i, value))
		last = append(last, s.eyes.until(b, "the application to be settled", s.settledOne(i, commit)).Sub(at))
		s.rest()
	}
	p.end(median(last), *trials)
	stop()

	p = begin(b, s, "nothing")
	for range *trials {
		s.push(b, map[string]string{"README.md": time.Now().String()}, "Change what nobody reads")
		s.rest()
	}
	p.end(time.Second, *trials)

	stop = s.profiledAs(b, "all")
	p = begin(b, s, "all")
	files := map[string]string{}
	for i := range *size {
		files["services/"+service(i)+"/settings.yaml"] = settings(i, "all")
	}
	commit, at := s.push(b, files, "Change all")
	s.eyes.until(b, "all changes", func(o objects) string {
		for i := range *size {
			if missing := s.colour(i, "all")(o); missing != "" {
				return missing
			}
		}
		return ""
	})
	b.ReportMetric(time.Since(at).Seconds(), "all-applied-s")
	s.settled(b, commit)
	p.end(time.Since(at), 1)
	stop()
	s.rest()

	last = nil
	p = begin(b, s, "drift")
	for trial := range *trials {
		i := (trial*37 + 5) % *size
		at := time.Now()
		s.Patch(b, "kubectl-edit", "v1", "ConfigMap", s.target, service(i), `{"data":{"colour":"drifted"}}`)
		last = append(last, s.eyes.until(b, "drift to be seen and healed", healedSince(s, i, "all")).Sub(at))
		s.rest()
	}
	p.end(median(last), *trials)

	s.rest()
	stop = s.profiledAs(b, "idle")
	p = begin(b, s, "idle")
	time.Sleep(*idleFor)
	p.end(0, 1)
	stop()
	b.ReportMetric(s.peak(b), "peak-MiB")
	b.ReportMetric(s.memory(b), "rest-MiB")

	s.stop(b)
	versions := s.versions()
	at = time.Now()
	s.start(b)
	p = phase{b: b, s: s, name: "restart", at: at}
	took = s.lookedAt(b).Sub(at)
	s.rest()
	p.end(took, 1)
	if now := s.versions(); now != versions {
		b.Logf("a restart wrote to the cluster: the newest resourceVersion was %s and is %s", versions, now)
	}
	b.ReportMetric(s.peak(b), "restart-peak-MiB")
	b.ReportMetric(s.memory(b), "restart-rest-MiB")
	s.kill()
}

// healedSince tells when the service's colour is what Git says, having been another.
func healedSince(s *stage, i int, colour string) func(objects) string {
	seen := false
	return func(o objects) string {
		got := text(o["ConfigMap"][service(i)], "data", "colour")
		seen = seen || got == "drifted" || strings.Contains(fmt.Sprint(o["ConfigMap"][service(i)].GetManagedFields()), "kubectl-edit")
		if seen && got == colour {
			return ""
		}
		return "it is " + got
	}
}

func (s *stage) colour(i int, value string) func(objects) string {
	return func(o objects) string {
		if got := text(o["ConfigMap"][service(i)], "data", "colour"); got != value {
			return service(i) + " is " + got
		}
		return ""
	}
}

// settledOne waits for one application to say that it has deployed the newest commit.
func (s *stage) settledOne(i int, commit string) func(objects) string {
	return func(o objects) string { return unsettled(o["Application"][service(i)], commit) }
}

// versions is the newest resourceVersion of the services' objects.
func (s *stage) versions() string {
	newest := ""
	s.eyes.mu.Lock()
	defer s.eyes.mu.Unlock()
	for _, kind := range []string{"Deployment", "ConfigMap"} {
		for _, o := range s.eyes.live[kind] {
			if v := o.GetResourceVersion(); len(v) > len(newest) || len(v) == len(newest) && v > newest {
				newest = v
			}
		}
	}
	return newest
}

// bare applies objects as fast as a few parallel requests can.
func bare(b *testing.B, c *clustertest.Cluster, namespace string, manifests []string) (wall, cpu time.Duration) {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	var group errgroup.Group
	group.SetLimit(applyWidth)
	for _, m := range manifests {
		group.Go(func() error {
			c.Apply(b, namespace, m)
			return nil
		})
	}
	_ = group.Wait()
	wall = time.Since(began)
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	return wall, time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
}

func unsettled(a *unstructured.Unstructured, commit string) string {
	switch {
	case a == nil:
		return "it is not there"
	case text(a, "status", "sync", "revision") != commit:
		return "it is at " + text(a, "status", "sync", "revision")
	case text(a, "status", "sync", "status") != "Synced" || text(a, "status", "health", "status") != "Healthy":
		return text(a, "status", "sync", "status") + " and " + text(a, "status", "health", "status")
	case a.Object["operation"] != nil:
		return "an operation is going on"
	}
	return ""
}
