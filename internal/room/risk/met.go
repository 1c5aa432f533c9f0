package risk

import (
	"sync"
	"time"
)

// metTime is how long a credential that was good is taken for good by the limiter, and
// by nobody else: every request is still resolved.
const metTime = 15 * time.Minute

// metSets is how many sets of credentials are remembered: 8,192 credentials.
const metSets = 1024

// met remembers the credentials that were good lately. When it has no room, the one
// that came least lately goes; its next request is counted against its address.
type met struct {
	mu   [locks]sync.Mutex
	sets [][ways]acquaintance
}

type acquaintance struct {
	key uint64
	at  int64
	who Comer
}

func newMet() *met { return &met{sets: make([][ways]acquaintance, metSets)} }

// set locks and returns the set of key.
func (m *met) set(key uint64) (*[ways]acquaintance, *sync.Mutex) {
	i := key % metSets
	mu := &m.mu[i%locks]
	mu.Lock()
	return &m.sets[i], mu
}

func (m *met) find(key uint64, now int64) (Comer, bool) {
	set, mu := m.set(key)
	defer mu.Unlock()
	for i := range set {
		if set[i].key == key {
			return set[i].who, now-set[i].at < int64(metTime)
		}
	}
	return Comer{}, false
}

func (m *met) put(key uint64, now int64, who Comer) {
	set, mu := m.set(key)
	defer mu.Unlock()
	at := 0
	for i := range set {
		if set[i].key == key {
			at = i
			break
		}
		if set[i].at < set[at].at {
			at = i
		}
	}
	set[at] = acquaintance{key, now, who}
}

func (m *met) drop(key uint64) {
	set, mu := m.set(key)
	defer mu.Unlock()
	for i := range set {
		if set[i].key == key {
			set[i] = acquaintance{}
		}
	}
}
