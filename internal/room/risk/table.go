package risk

import (
	"sync"
	"time"
)

// ways is how many slots a key may stand in.
const ways = 8

// locks is how many locks the sets of a table share.
const locks = 64

// slot is what is known of one key: until when it has used its share ahead. This is
// the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371).
type slot struct {
	key   uint64
	until int64 // nanoseconds of the clock; not after now means that nothing is owed
}

// table holds the debts of a fixed number of keys.
//
// When the slots of a key's set are taken, the key takes over the one that owes least, with
// what it owes. So the smallest debt of a set never shrinks but with time, and whoever
// was pushed out and comes back owes at least what it owed: nobody can clear a debt, its own
// or another's, by sending from many places. What that costs is that a newcomer may be
// held to what a crowd owes. Keys are hashed with a secret of the process, so nobody chooses
// whom they stand beside.
type table struct {
	sets [][ways]slot
	mu   [locks]sync.Mutex
}

// newTable makes a table of size sets, a power of two.
func newTable(size int) *table { return &table{sets: make([][ways]slot, size)} }

// take lets key have one more at now, or says how long it has to wait.
func (t *table) take(key uint64, now int64, l limit) (wait time.Duration, ok bool) {
	i := key & uint64(len(t.sets)-1)
	mu := &t.mu[i%locks]
	mu.Lock()
	defer mu.Unlock()
	set := &t.sets[i]
	at := 0
	for j := range set {
		if set[j].key == key {
			at = j
			break
		}
		if set[j].until < set[at].until {
			at = j
		}
	}
	next := max(set[at].until, now) + l.every
	if over := next - now - l.every*l.most; over > 0 {
		return time.Duration(over), false
	}
	set[at] = slot{key, next}
	return 0, true
}

// limit is a rate: at most most at once, and one more each every nanoseconds.
type limit struct{ every, most int64 }

// limit is the rate as the table wants it.
func (r Rate) limit() limit {
	n := int64(max(r.N, 1))
	return limit{every: max(int64(r.Per)/n, 1), most: n}
}

// times is the rate, n times as generous.
func (r Rate) times(n int) Rate { return Rate{N: r.N * n, Per: r.Per} }

// Rate is how often something may happen: N at once, and then again as many in each Per,
// evenly spread.
type Rate struct {
	N   int
	Per time.Duration
}
