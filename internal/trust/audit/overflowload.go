package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Load implements Store.
func (s *Overflow) Load(ctx context.Context) (int64, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.closeFile(); err != nil {
		return 0, fmt.Errorf("load log overflow: %w", err)
	}
	s.broken, s.spent = nil, false
	if err := s.openFile(); err != nil {
		return 0, fmt.Errorf("load log overflow: %w", err)
	}
	n, err := s.load(ctx, s.table.Load)
	if err != nil {
		return 0, fmt.Errorf("load log overflow: %w", err)
	}
	if len(s.waiting) == 0 {
		_ = s.prepareFile() // else Maintain does, and says so
	} else {
		// What an Append that had failed left behind stands perhaps in memory only.
		if err := s.f.datasync(); err != nil {
			return 0, fmt.Errorf("load log overflow: %w", err)
		}
	}
	return n, nil
}

// openFile opens the file and sets its space aside. A folder that has no room for it
// now must not keep the log from starting: Maintain tries again.
func (s *Overflow) openFile() error {
	f, err := s.disk.open(overflowName, false)
	if errors.Is(err, os.ErrNotExist) {
		if s.size > 0 {
			_ = s.create() // else Maintain does, and says so
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.lock(); err != nil {
		return errors.Join(err, f.Close())
	}
	s.f = f
	return nil
}

// create makes the file; the caller holds turn and mu.
func (s *Overflow) create() error {
	f, err := s.disk.open(overflowName, true)
	if err != nil {
		return err
	}
	if err := errors.Join(f.lock(), s.disk.sync()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.f = f
	return nil
}

// look is Load for a reader beside a server, which may be writing: what cannot be
// right is looked at again.
func (s *Overflow) look(ctx context.Context) (n int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 3 {
		if n, err = s.lookOnce(ctx); !errors.Is(err, ErrDamaged) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("read log overflow: %w", err)
	}
	return n, nil
}

func (s *Overflow) lookOnce(ctx context.Context) (int64, error) {
	s.waiting = nil
	f, err := s.disk.open(overflowName, false)
	if errors.Is(err, os.ErrNotExist) {
		return s.table.Size(ctx)
	}
	if err != nil {
		return 0, err
	}
	s.f = f
	n, err := s.load(ctx, s.table.Size)
	s.f = nil
	return n, errors.Join(err, f.Close())
}

// load finds what waits and returns the number of all records. The file is read before
// the table is asked for its size: what moves meanwhile is in both, and never in neither.
func (s *Overflow) load(ctx context.Context, size func(context.Context) (int64, error)) (int64, error) {
	var rs []Record
	var limit int64
	var err error
	if s.f != nil {
		if limit, err = s.f.size(); err == nil {
			rs, s.end, err = scanOverflow(s.f, limit)
		}
		if err != nil {
			return 0, err
		}
	}
	n, err := size(ctx)
	if err != nil {
		return 0, err
	}
	next := n
	if len(rs) > 0 {
		next = rs[len(rs)-1].Seq + 1
	}
	if err := nothingAfter(s.f, s.end, limit, next); err != nil {
		return 0, err
	}
	s.base = n
	if len(rs) == 0 {
		return n, nil
	}
	if s.waiting, err = s.notIn(ctx, rs, n); err != nil {
		return 0, err
	}
	if len(s.waiting) == 0 {
		s.spent, s.end = true, 0
		return n, nil
	}
	return next, s.complete(ctx, n)
}

// complete computes the stored hashes of what waits, on top of the table's n records.
func (s *Overflow) complete(ctx context.Context, n int64) error {
	e, err := edgeAt(ctx, s.table, n)
	for i := range s.waiting {
		s.waiting[i].Hashes = e.add(s.waiting[i].Leaf.Hash(), nil)
	}
	return err
}

// notIn returns those of rs that the table, which has n records, does not hold. Those
// that it holds must be the same: an old file, or another log's, is not taken for true.
func (s *Overflow) notIn(ctx context.Context, rs []Record, n int64) ([]Record, error) {
	first := rs[0].Seq
	if first > n {
		return nil, &BadRecord{n, "row"}
	}
	both := min(n, rs[len(rs)-1].Seq+1)
	err := s.table.Records(ctx, first, both, func(r Record) error {
		mine := rs[r.Seq-first]
		if mine.Leaf != r.Leaf || !bytes.Equal(mine.Sealed, r.Sealed) {
			return &BadRecord{r.Seq, overflowName}
		}
		return nil
	})
	return rs[both-first:], err
}

// scanOverflow reads whole batches from the start of f, and returns where they end.
func scanOverflow(f file, limit int64) (rs []Record, end int64, err error) {
	r := &journalReader{segs: []segment{{0, f}}, limit: limit, buf: make([]byte, min(limit, journalBuffer))}
	whole := 0
	for {
		fr, err := r.next()
		if err == nil && len(rs) > 0 && fr.record.Seq != rs[len(rs)-1].Seq+1 {
			err = errFrame
		}
		if err == nil && len(rs) == whole && fr.first != fr.record.Seq {
			err = errFrame
		}
		if err == io.EOF || errors.Is(err, errFrame) || errors.Is(err, errFrameShort) {
			return rs[:whole], end, nil
		}
		if err != nil {
			return nil, 0, err
		}
		fr.record.Sealed = bytes.Clone(fr.record.Sealed)
		rs = append(rs, fr.record)
		if fr.record.Seq == fr.last {
			whole, end = len(rs), r.pos
		}
	}
}

// nothingAfter decides about what follows the last whole batch, as torn does for the
// journal: it is what a crash left of a batch that nobody was told of, unless a later
// batch follows. Records of an earlier use of the file have lower numbers than seq.
func nothingAfter(f file, pos, limit, seq int64) error {
	limit = min(limit, pos+2*maxGroup*maxFrame)
	magic := binary.BigEndian.AppendUint32(nil, frameMagic)
	buf := make([]byte, min(limit-pos, journalBuffer+maxFrame))
	for ; pos < limit; pos += journalBuffer {
		b := buf[:min(limit-pos, int64(len(buf)))]
		if err := readSegments([]segment{{0, f}}, b, pos); err != nil {
			return err
		}
		for i := 0; ; i++ {
			k := bytes.Index(b[i:], magic)
			if k < 0 {
				break
			}
			i += k
			if fr, err := parseFrame(b[i:]); err == nil && fr.first > seq {
				return &BadRecord{seq, overflowName}
			}
		}
	}
	return nil
}
