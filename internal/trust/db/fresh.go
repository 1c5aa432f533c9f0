package db

import "sync"

// Stamp names a committed state of the database: two equal stamps have nothing
// committed between them, whoever wrote it.
//
// The header comes from a file, and whoever writes files can put an older one
// there. So the stamp also counts what this process has committed: no state
// before a change that was made here ever comes back.
type Stamp struct {
	header [walHeader]byte
	own    uint64
}

// walHeader is the size of one copy of the header of SQLite's WAL index.
const walHeader = 48

// stamper is an engine that can say cheaply which state a query would see now.
type stamper interface {
	stamp() (Stamp, bool)
}

// stamp is the state that a query beginning now would see. ok is false when the
// engine cannot say, which means: ask the database.
func (d *DB) stamp() (s Stamp, ok bool) {
	e, can := d.engine.(stamper)
	if !can {
		return Stamp{}, false
	}
	s, ok = e.stamp()
	s.own = d.commits.Load()
	return s, ok
}

// Fresh keeps what was found in the database and verified, and gives it out as
// long as nothing at all has been committed since: an answer from it is as fresh
// as a query, so a row changed by raw SQL is noticed at its next use. On
// PostgreSQL, which has no such stamp, it is always empty.
//
// It holds the values that it was given; whether they may stand in memory in that
// form is for the room to say.
type Fresh[K comparable, V any] struct {
	db   *DB
	most int

	mu    sync.Mutex
	stamp Stamp
	known map[K]V
}

// Mark is the state of the database before a query. The zero Mark keeps nothing.
type Mark struct {
	stamp Stamp
	ok    bool
}

// NewFresh makes a Fresh of at most most values.
func NewFresh[K comparable, V any](d *DB, most int) *Fresh[K, V] {
	return &Fresh[K, V]{db: d, most: most, known: map[K]V{}}
}

// Get returns what is known of k in the present state of the database. When it
// knows nothing, mark is what to give Put together with the result of queries
// that begin after this call.
func (f *Fresh[K, V]) Get(k K) (v V, mark Mark, ok bool) {
	mark.stamp, mark.ok = f.db.stamp()
	if !mark.ok {
		return v, mark, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if mark.stamp == f.stamp {
		v, ok = f.known[k]
	}
	return v, mark, ok
}

// Put keeps v unless the state of the database is unknown. A value of an older
// state than the last is kept in vain: no Get will ask for its stamp again.
func (f *Fresh[K, V]) Put(mark Mark, k K, v V) {
	if !mark.ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if mark.stamp != f.stamp {
		clear(f.known)
		f.stamp = mark.stamp
	}
	for old := range f.known {
		if len(f.known) < f.most {
			break
		}
		delete(f.known, old) // any: a dropped value costs a query
	}
	f.known[k] = v
}
