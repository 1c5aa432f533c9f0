package audit

import (
	"context"
	"fmt"
)

// reserveSteps is how many parts the reserve is released and refilled in.
const reserveSteps = 8

// openReserve sets the reserve aside. A disk that has no room for it now gets it
// from Maintain later: a full disk must not keep the log from starting for care.
// The caller holds mu.
func (s *FileStore) openReserve() {
	if s.cfg.Reserve < 0 {
		return
	}
	f, err := s.disk.open(reserveName, true)
	if err != nil {
		return
	}
	s.reserve = f
	n, err := f.size()
	if err != nil {
		n = 0
	}
	s.reserved = n
	free, err := s.cfg.Free()
	if missing := s.cfg.Reserve - n; missing > 0 && err == nil && free-missing >= s.cfg.Marks.Office {
		if f.allocate(n, missing) == nil {
			s.reserved = s.cfg.Reserve
		}
	}
}

// release gives one step of the reserve back to the file system. Only the
// sequencer calls it. It is false when there is nothing left.
func (s *FileStore) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserve == nil || s.reserved == 0 {
		s.stopped = true
		return false
	}
	n := max(0, s.reserved-(s.cfg.Reserve+reserveSteps-1)/reserveSteps)
	if err := s.reserve.Truncate(n); err != nil {
		return false
	}
	s.reserved = n
	// A journalling file system frees the blocks with its next commit.
	return s.reserve.datasync() == nil
}

// Reserved is the number of bytes in the reserve now.
func (s *FileStore) Reserved() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.reserved
}

// look asks for the free space; the caller holds mu. When the file system does not
// say, everybody is admitted and a write that fails still refuses.
func (s *FileStore) look() {
	free, err := s.cfg.Free()
	if err != nil {
		free = s.cfg.Marks.Stranger
	}
	s.free = free
	if free >= s.cfg.Marks.Office {
		s.stopped = false
	}
}

// Admit implements Store: strangers, then apps, patients and office roles are
// refused as the free space passes their marks; care is refused only when the
// reserve is used up and a write has failed.
func (s *FileStore) Admit(c Class) error {
	s.mu.RLock()
	ok := s.admits(c)
	s.mu.RUnlock()
	if ok {
		return nil
	}
	s.mu.Lock() // it may have changed since the last batch
	s.look()
	ok = s.admits(c)
	s.mu.Unlock()
	if ok {
		return nil
	}
	return fmt.Errorf("admit to log: %w", ErrFull)
}

func (s *FileStore) admits(c Class) bool {
	if c == ClassCare { // has no mark
		return !s.stopped
	}
	return s.free >= s.cfg.Marks.of(c)
}

// Maintain implements Store: it refills the reserve, one step a call, when space
// has come back. The reserve comes before everybody but care.
func (s *FileStore) Maintain(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	if s.reserve == nil || s.reserved >= s.cfg.Reserve {
		return nil
	}
	step := min(s.cfg.Reserve-s.reserved, (s.cfg.Reserve+reserveSteps-1)/reserveSteps)
	if s.free-step < s.cfg.Marks.Office {
		return nil
	}
	if err := s.reserve.allocate(s.reserved, step); err != nil {
		return fmt.Errorf("refill log reserve: %w", err)
	}
	s.reserved += step
	s.look()
	return nil
}
