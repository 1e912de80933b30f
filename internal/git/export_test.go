package git

import "time"

// KeepIdle has at most n processes wait for more to read.
func (m *Mirrors) KeepIdle(n int64) { m.spare = n }

// IdleOf is how many processes wait for more to read of one repository.
func (m *Mirrors) IdleOf(r Repository) int {
	x, _, err := m.open(r)
	if err != nil {
		return -1
	}
	x.objects.mu.Lock()
	defer x.objects.mu.Unlock()
	return len(x.objects.idle)
}

// MeasureAgain has the next Use look at the disk, as if a minute had passed.
func (m *Mirrors) MeasureAgain() {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.at = time.Time{}
}
