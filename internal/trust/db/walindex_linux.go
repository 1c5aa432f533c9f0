package db

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// walIndex reads the header of SQLite's WAL index, the file beside the database
// through which its connections learn of each other's commits
// (https://sqlite.org/walformat.html, section 2.1). A reader of SQLite compares
// the same bytes with those that it saw last to decide whether its pages are
// still good, so they are exactly as fresh as a query.
//
// SQLite removes the file when the last connection closes and makes a new one
// later. Whoever closes a connection says so with forget, before and after.
type walIndex struct {
	path string

	mu  sync.RWMutex
	mem []byte // the beginning of the file, mapped as SQLite maps it; nil when it is not open
}

func newWALIndex(database string) *walIndex { return &walIndex{path: database + "-shm"} }

// walIndexUnit is what SQLite makes the file at least: a shorter one has no header.
const walIndexUnit = 32 << 10

// read returns the header, or false when there is none that is whole: before the
// first commit, in the middle of one, or when there is no file.
func (w *walIndex) read() (Stamp, bool) {
	w.mu.RLock()
	mem := w.mem
	if mem == nil {
		w.mu.RUnlock()
		w.open()
		return Stamp{}, false
	}
	// A writer fills the second copy, then the first. Who reads them the other way
	// round and finds both alike has read neither in the making.
	var s, second Stamp
	copy(s.header[:], mem)
	var barrier atomic.Bool
	barrier.Swap(true)
	copy(second.header[:], mem[walHeader:])
	w.mu.RUnlock()
	return s, s == second && s != Stamp{}
}

// open maps the file if SQLite has made it.
func (w *walIndex) open() {
	f, err := os.Open(w.path)
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // nothing was written; the mapping stays
	if st, err := f.Stat(); err != nil || st.Size() < walIndexUnit {
		return
	}
	mem, err := syscall.Mmap(int(f.Fd()), 0, os.Getpagesize(), syscall.PROT_READ, syscall.MAP_SHARED) //#nosec G115 -- descriptors are small
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mem != nil { // somebody else was quicker
		_ = syscall.Munmap(mem)
		return
	}
	w.mem = mem
}

// forget lets go of the file; the next read looks for it again.
func (w *walIndex) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mem != nil {
		_ = syscall.Munmap(w.mem) // fails for no mapping of ours
		w.mem = nil
	}
}
