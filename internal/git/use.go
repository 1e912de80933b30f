package git

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Use is what the mirrors hold and do at a moment, beside the bounds of it.
type Use struct {
	Caches []Cache

	Mirrors     int   // on disk
	MirrorBytes int64 // of their packs, as they were within the last minute; there is no bound: it is what repositories weigh

	Talking, TalkingLimit, TalkingWaiting int // git processes that list or fetch
	Tidying, TidyingLimit                 int // mirrors that are tidied
	Readers, Idle, IdleLimit              int // processes that serve objects, and those of them that wait for work
}

// Cache is one cache in memory.
type Cache struct {
	Name         string // folders, files or commits
	Bytes, Limit int64
	Entries      int
}

// Use returns the present use.
func (m *Mirrors) Use() Use {
	u := Use{
		Caches:  []Cache{m.trees.use("folders"), m.blobs.use("files"), m.commits.use("commits")},
		Talking: len(m.busy), TalkingLimit: cap(m.busy), TalkingWaiting: int(m.waiting.Load()),
		Tidying: len(m.tidying), TidyingLimit: cap(m.tidying),
		Readers: int(m.readers.Load()), Idle: int(m.idle.Load()), IdleLimit: int(m.spare),
	}
	u.Mirrors, u.MirrorBytes = m.disk.measure(m.options.Dir, time.Now())
	return u
}

func (c *lru[V]) use(name string) Cache {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Cache{Name: name, Bytes: int64(c.size), Limit: int64(c.max), Entries: len(c.items)}
}

// footprint is how much disk the mirrors take. With a thousand of them, looking is work: it is done once a minute.
type footprint struct {
	mu      sync.Mutex
	at      time.Time
	mirrors int
	bytes   int64
}

func (f *footprint) measure(dir string, now time.Time) (mirrors int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.at) < time.Minute {
		return f.mirrors, f.bytes
	}
	f.at, f.mirrors, f.bytes = now, 0, 0
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		if !e.IsDir() || !strings.HasSuffix(e.Name(), ".git") {
			continue
		}
		f.mirrors++
		packs, _ := os.ReadDir(filepath.Join(dir, e.Name(), "objects", "pack"))
		for _, p := range packs {
			if info, err := p.Info(); err == nil {
				f.bytes += info.Size()
			}
		}
	}
	return f.mirrors, f.bytes
}
