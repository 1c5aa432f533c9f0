package db

import (
	"encoding/binary"
	"os"
	"sync"
	"syscall"
)

// walIndex reads the header of SQLite's WAL index, the file beside the database
// through which its connections learn of each other's commits
// (https://sqlite.org/walformat.html, section 2.1). A reader of SQLite compares
// the same bytes with those that it saw last to decide whether its pages are
// still good, so they are exactly as fresh as a query.
//
// The file is read and never mapped: somebody who cuts it must not kill the process.
type walIndex struct {
	path string

	mu sync.RWMutex
	f  *os.File
	fd int // of f: asking f each time would cost more than the call
}

func newWALIndex(database string) *walIndex { return &walIndex{path: database + "-shm"} }

// read returns the header, or false when there is none that is whole: before the
// first commit, in the middle of one, or when the file was taken away.
func (w *walIndex) read() (Stamp, bool) {
	var b [2 * walHeader]byte
	var st syscall.Stat_t
	w.mu.RLock()
	f := w.f
	ok := f != nil && syscall.Fstat(w.fd, &st) == nil && st.Nlink > 0
	if ok {
		n, err := f.ReadAt(b[:], 0)
		ok = err == nil && n == len(b)
	}
	w.mu.RUnlock()
	if !ok {
		w.reopen()
		return Stamp{}, false
	}
	// Two copies, written one after the other: unlike ones are being written.
	s := Stamp{[walHeader]byte(b[:walHeader])}
	whole := s.header == [walHeader]byte(b[walHeader:]) && b[12] == 1 && binary.NativeEndian.Uint32(b[:]) != 0
	return s, whole
}

// reopen looks for the file: SQLite makes it when the first connection reads, and
// a new one after the last has gone.
func (w *walIndex) reopen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f != nil {
		_ = w.f.Close() // nothing was written
		w.f = nil
	}
	if f, err := os.Open(w.path); err == nil {
		w.f, w.fd = f, int(f.Fd()) //#nosec G115 -- descriptors are small
	}
}

func (w *walIndex) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f != nil {
		_ = w.f.Close() // nothing was written
		w.f = nil
	}
}
