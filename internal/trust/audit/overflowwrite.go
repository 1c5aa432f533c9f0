package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// drainBatch is how many records go into the table in one transaction, during which
// care waits.
const drainBatch = 1024

// Append implements Store.
func (s *Overflow) Append(ctx context.Context, b Batch) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.broken != nil {
		return fmt.Errorf("append to log overflow: %w", s.broken)
	}
	base, rs := s.waits()
	if len(rs) == 0 {
		err := s.table.Append(ctx, b)
		if s.f == nil || !errors.Is(err, ErrFull) || !errors.Is(err, ErrNotWritten) {
			return err
		}
		return s.spill(b, b.First, nil)
	}
	if b.First != base+int64(len(rs)) {
		return fmt.Errorf("append to log overflow at %d of %d: %w", b.First, base+int64(len(rs)), ErrForked)
	}
	return s.spill(b, base, rs)
}

func overflowFull(err error) error {
	return fmt.Errorf("append to log overflow: %w", errors.Join(err, ErrNotWritten))
}

// spill makes the batch durable in the file, behind rs, which wait there from base on.
func (s *Overflow) spill(b Batch, base int64, rs []Record) error {
	at := s.end // changes in the turn of the writer alone
	if len(rs) == 0 {
		at = 0
	}
	buf, _ := appendFrames(s.buf[:0], b.Records)
	s.buf = buf[:0]
	end := at + int64(len(buf))
	if end > s.room(b.Class) {
		return overflowFull(ErrFull)
	}
	if _, err := s.f.WriteAt(buf, at); err != nil {
		if isFull(err) {
			err = errors.Join(err, ErrFull)
		}
		// What was written in part must not be found again; with it goes the space behind.
		if undo := errors.Join(s.f.Truncate(at), s.f.datasync()); undo != nil {
			s.broken = fmt.Errorf("undo write to log overflow: %w", errors.Join(err, undo))
			return s.broken
		}
		return overflowFull(err)
	}
	if err := s.f.datasync(); err != nil {
		s.broken = fmt.Errorf("sync log overflow: %w", err) // only Load can tell what is there
		return s.broken
	}
	for _, r := range b.Records {
		r.Sealed = bytes.Clone(r.Sealed) // a batch is valid during the call only
		rs = append(rs, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base, s.waiting, s.end, s.spent = base, rs, end, false
	return nil
}

// Maintain implements Store: it moves what waits into the table, until the table is
// full again, and sets space aside that is missing. An error says that records wait.
func (s *Overflow) Maintain(ctx context.Context) error {
	if err := s.table.Maintain(ctx); err != nil {
		return err
	}
	for {
		more, err := s.drain(ctx)
		if err != nil {
			return fmt.Errorf("drain log overflow: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// drain moves the next records into the table. more is false when none waits any more.
func (s *Overflow) drain(ctx context.Context) (more bool, err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.broken != nil {
		return false, s.broken
	}
	base, rs := s.waits()
	if len(rs) == 0 {
		if err := s.recreate(); err != nil {
			return false, err
		}
		return false, s.prepareFile()
	}
	if base, rs, err = s.settled(ctx, base, rs); err != nil {
		return false, err
	}
	if len(rs) > 0 {
		n := min(len(rs), drainBatch)
		if err := s.table.Append(ctx, Batch{First: base, Records: rs[:n], Class: ClassCare}); err != nil {
			return false, fmt.Errorf("%d records wait: %w", len(rs), err)
		}
		base, rs = base+int64(n), rs[n:]
	}
	s.moved(base, rs)
	return true, nil
}

// recreate makes the file that Load could not make.
func (s *Overflow) recreate() error {
	if s.size < 0 || s.f != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.create()
}

// settled leaves out of rs what is in the table already: a transaction whose outcome
// was unknown may have put it there. Anything else there is another sequencer's.
func (s *Overflow) settled(ctx context.Context, base int64, rs []Record) (int64, []Record, error) {
	n, err := s.table.Size(ctx)
	if err == nil && (n < base || n > base+int64(len(rs))) {
		err = ErrForked
	}
	if err == nil && n > base {
		rs, err = s.notIn(ctx, rs, n)
	}
	if errors.Is(err, ErrForked) || errors.Is(err, ErrDamaged) {
		s.broken = fmt.Errorf("table holds other records than those that wait: %w", errors.Join(ErrForked, err))
		err = s.broken
	}
	return n, rs, err
}

// moved publishes what still waits.
func (s *Overflow) moved(base int64, rs []Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base, s.waiting = base, rs
	if len(rs) == 0 {
		s.waiting, s.end, s.spent = nil, 0, true
	}
}

// prepareFile makes the file ready for the next time, while nothing waits: a record at
// its start that the table has is wiped, so that no start has to compare it again, and
// space that is missing is set aside. The caller holds turn.
func (s *Overflow) prepareFile() error {
	if s.f == nil {
		return nil
	}
	if s.spent {
		_, err := s.f.WriteAt(make([]byte, frameHeader), 0)
		if err = errors.Join(err, s.f.datasync()); err != nil {
			return fmt.Errorf("wipe: %w", err)
		}
		s.spent = false
	}
	n, err := s.f.size()
	if missing := s.size + s.others - n; err == nil && missing > 0 {
		if err = s.f.allocate(n, missing); err == nil {
			err = s.f.datasync()
		}
	}
	if err != nil {
		return fmt.Errorf("set space aside: %w", err)
	}
	return nil
}
