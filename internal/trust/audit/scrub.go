package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Scrub verifies a log bit by bit while it is in use: each Step checks one block of
// records, and a full round ends by comparing the recomputed tree with the newest
// checkpoint. It is not safe for concurrent use.
type Scrub struct {
	store Reader
	key   key
	edge  edge
}

// NewScrub begins at the first record.
func NewScrub(store Reader, vkey string) (*Scrub, error) {
	k, err := parseVKey(vkey)
	if err != nil {
		return nil, err
	}
	return &Scrub{store: store, key: k}, nil
}

// Position is the number of records checked in this round.
func (s *Scrub) Position() int64 { return s.edge.size }

// Step checks the next block. round is true when it reached the end; the next Step
// begins again. An error that is ErrDamaged, ErrSmaller, ErrRoot or ErrNoteKey is an alarm.
func (s *Scrub) Step(ctx context.Context) (round bool, err error) {
	if files, ok := s.store.(interface{ present() error }); ok {
		if err := files.present(); err != nil {
			return false, fmt.Errorf("scrub log: %w", err)
		}
	}
	own, err := s.store.Checkpoint(ctx)
	if err != nil {
		return false, fmt.Errorf("scrub log: %w", err)
	}
	size, err := s.store.Size(ctx)
	if err != nil {
		return false, fmt.Errorf("scrub log: %w", err)
	}
	from := s.edge.size
	b := checkBlock(ctx, s.store, from, min(size, from+blockSize))
	if b.err == nil {
		b.err = s.edge.join(b)
	}
	if b.err != nil {
		s.edge = edge{}
		return false, fmt.Errorf("scrub log: %w", b.err)
	}
	if s.edge.size < size && s.edge.size%blockSize == 0 {
		return false, nil
	}
	tree := s.edge.head()
	s.edge = edge{}
	if own == nil {
		return true, nil
	}
	h, err := s.key.open(own)
	if err == nil {
		err = checkPrefix(tree.Size, h, func(n int64) (tlog.Hash, error) { return rootAt(ctx, s.store, n) })
	}
	if err != nil {
		return false, fmt.Errorf("scrub log: %w", err)
	}
	return true, nil
}

// present is ErrDamaged when a file of the log has lost its name, or the name is now
// that of another file, be it an equal copy.
func (s *FileStore) present() error {
	s.mu.RLock() // first: a file has its name before it is in segs
	defer s.mu.RUnlock()
	for _, g := range s.segs {
		if err := sameFile(s.disk, segmentName(g.base), g.f); err != nil {
			return err
		}
	}
	if s.hashes.f == nil {
		return nil // not open
	}
	return errors.Join(sameFile(s.disk, hashesName, s.hashes.f), sameFile(s.disk, offsetsName, s.offsets.f))
}
