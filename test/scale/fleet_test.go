package scale_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/shard"
)

// costs are what one of something takes, as the benchmarks of this folder measure it (docs/performance.md says when and
// where). Processor time is of one core.
type costs struct {
	base       float64       // MiB: a process that does nothing
	record     float64       // MiB of an Application that another replica reconciles: all replicas know all of them
	app        float64       // MiB of one that is reconciled here, with its five objects
	cluster    float64       // MiB of a connected cluster
	pulse      time.Duration // of a connected cluster, each minute
	look       time.Duration // at an application, of which the commit changes nothing
	deploy     time.Duration // of an application whose manifests a commit changes
	echo       time.Duration // at every replica, of one status that is written
	writes     int           // of the status, for each deployment
	remote     time.Duration // what a deployment waits for Git and API servers
	everyPoll  time.Duration // how often an application asks Git by itself
	webhookLag time.Duration
}

// measured are the figures of docs/performance.md.
var measured = costs{
	base: 75, record: 0.02, app: 0.2, cluster: 2.3, pulse: 11 * time.Millisecond,
	look: 150 * time.Microsecond, deploy: 9 * time.Millisecond, echo: 400 * time.Microsecond, writes: 2,
	remote: 90 * time.Millisecond, everyPoll: 3 * time.Minute, webhookLag: 5 * time.Millisecond,
}

// fleet is what is simulated: applications spread evenly over clusters and repositories, and an hour of commits.
type fleet struct {
	apps, clusters, repositories int
	commits                      float64 // a second
	replicas, cores              int
}

// outcome is what an hour was like.
type outcome struct {
	busiest           float64 // share of its cores that the busiest replica used
	memory            float64 // MiB of the largest replica
	most              int     // applications of the replica that has the most
	median, p99, last time.Duration
	writes            float64 // status writes to the hub's API server, a second
}

// simulate plays an hour. Of ten commits nine change one application, nearly one ten of them, and one of a hundred all of
// its repository. A replica works through what comes, as many at once as it has cores; what it does all the time (polls,
// pulses, the statuses that others write) is taken from its cores beforehand.
func simulate(f fleet, c costs, seed uint64) outcome {
	units := make([]shard.Unit, f.clusters)
	for i := range units {
		units[i].Server = fmt.Sprintf("https://cluster-%d.example.test", i)
	}
	names := make([]string, f.replicas)
	for i := range names {
		names[i] = fmt.Sprintf("hawser-%d", i)
	}
	assigned := shard.Assign(units, names)
	owner := make([]int, f.apps) // replica of each application
	own, connected := make([]int, f.replicas), make([]int, f.replicas)
	for i := range f.clusters {
		connected[slices.Index(names, assigned[units[i]])]++
	}
	for app := range f.apps {
		owner[app] = slices.Index(names, assigned[units[app%f.clusters]])
		own[owner[app]]++
	}

	const hour = time.Hour
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a simulation
	type commit struct {
		at      time.Duration
		repo    int
		changed int
	}
	var commits []commit
	changes := 0
	perRepo := f.apps / f.repositories
	for at := time.Duration(0); ; {
		if at += time.Duration(random.ExpFloat64() / f.commits * float64(time.Second)); at >= hour {
			break
		}
		n := 1
		switch dice := random.IntN(100); {
		case dice == 0:
			n = perRepo
		case dice < 10:
			n = min(10, perRepo)
		}
		changes += n
		commits = append(commits, commit{at, random.IntN(f.repositories), n})
	}

	free := make([][]time.Duration, f.replicas) // when each core is free again
	slower := make([]float64, f.replicas)       // by what is done all the time
	used := make([]time.Duration, f.replicas)
	for r := range free {
		free[r] = make([]time.Duration, f.cores)
		steady := time.Duration(float64(own[r])*float64(hour)/float64(c.everyPoll))*c.look +
			time.Duration(connected[r])*c.pulse*time.Duration(hour/time.Minute) + time.Duration(changes*c.writes)*c.echo
		used[r] = steady
		slower[r] = 1 / max(0.01, 1-float64(steady)/float64(hour)/float64(f.cores))
	}
	work := func(r int, from, takes time.Duration) (done time.Duration) {
		core := 0
		for i, at := range free[r] {
			if at < free[r][core] {
				core = i
			}
		}
		free[r][core] = max(from, free[r][core]) + time.Duration(float64(takes)*slower[r])
		used[r] += takes
		return free[r][core]
	}
	var waits []time.Duration
	for _, k := range commits {
		from := k.at + c.webhookLag
		looks := make([]int, f.replicas)
		changed := map[int]bool{}
		for len(changed) < k.changed {
			changed[random.IntN(perRepo)] = true
		}
		last := from
		for i := range perRepo { // a repository's applications go to clusters far and wide
			app := (k.repo + i*f.repositories) % f.apps
			if changed[i] {
				last = max(last, work(owner[app], from, c.deploy))
			} else {
				looks[owner[app]]++
			}
		}
		for r, n := range looks {
			if n > 0 {
				work(r, from, time.Duration(n)*c.look)
			}
		}
		waits = append(waits, last-k.at+c.remote)
	}
	slices.Sort(waits)
	o := outcome{median: waits[len(waits)/2], p99: waits[len(waits)*99/100], last: waits[len(waits)-1], writes: float64(changes*c.writes) / hour.Seconds()}
	for r := range used {
		o.busiest = max(o.busiest, float64(used[r])/float64(hour)/float64(f.cores))
		o.memory = max(o.memory, c.base+c.record*float64(f.apps-own[r])+c.app*float64(own[r])+c.cluster*float64(connected[r]))
		o.most = max(o.most, own[r])
	}
	return o
}

// TestFleet plays fleets of several sizes (go test -v prints the table of docs/performance.md), and holds what must be so
// whatever the costs: nobody has much more than a fair share, and more replicas neither use more memory each nor wait
// longer.
func TestFleet(t *testing.T) {
	t.Logf("| applications | clusters | replicas of 2 cores | cores used, busiest | memory, largest | commit live: median | 99 %% | slowest | status writes a second |")
	for _, f := range []fleet{
		{apps: 1_000, clusters: 10, repositories: 50, commits: 0.2},
		{apps: 10_000, clusters: 100, repositories: 200, commits: 1},
		{apps: 50_000, clusters: 500, repositories: 500, commits: 5},
	} {
		var before outcome
		for i, replicas := range []int{1, 3, 5, 10, 20} {
			f.replicas, f.cores = replicas, 2
			o := simulate(f, measured, 1)
			t.Logf("| %d | %d | %d | %.0f %% | %.1f GiB | %v | %v | %v | %.0f |", f.apps, f.clusters, replicas, 100*o.busiest, o.memory/1024,
				o.median.Round(time.Millisecond), o.p99.Round(time.Millisecond), o.last.Round(time.Millisecond), o.writes)
			if fair := f.apps/replicas + f.apps/f.clusters; o.most > fair*5/4+f.apps/f.clusters {
				t.Errorf("%d replicas: one has %d applications, a fair share is %d", replicas, o.most, fair)
			}
			if i > 0 && (o.memory > before.memory || o.p99 > before.p99*11/10) {
				t.Errorf("%d replicas use %.0f MiB and take %v, fewer used %.0f and took %v", replicas, o.memory, o.p99, before.memory, before.p99)
			}
			before = o
		}
	}
}
