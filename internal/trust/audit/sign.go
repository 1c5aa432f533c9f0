package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"postern.example/postern/internal/word/fault"
)

// sign writes a checkpoint every CheckpointEvery when the tree has grown, and does
// the store's upkeep.
func (l *Log) sign(ctx context.Context) {
	defer l.running.Done()
	t := time.NewTicker(l.cfg.CheckpointEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if _, err := l.Checkpoint(ctx); err != nil {
			l.cfg.Alarm(err)
		}
		if err := l.cfg.Store.Maintain(ctx); err != nil {
			l.cfg.Alarm(fmt.Errorf("log upkeep: %w", err))
		}
	}
}

// Checkpoint signs the durable tree if it has grown, puts the note into the store
// and outside, and returns it. A note that could not be put outside is put there
// with the next one; that care goes on meanwhile is decided on purpose, and the
// alarm says that the anchor is old.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	l.ckMu.Lock()
	defer l.ckMu.Unlock()
	now, last := l.view.Load().edge.head(), l.note.Load()
	if now.Size > last.head.Size {
		b, err := signHead(l.cfg.Signer, l.key.origin, now)
		if err != nil {
			return nil, err
		}
		last = &signed{now, b}
		l.note.Store(last)
		if err := l.cfg.Store.SetCheckpoint(ctx, now, b); err != nil {
			return b, errors.Join(fault.Wrap(fault.Unavailable, "write checkpoint", err), l.putOutside(ctx, last))
		}
	}
	return last.note, l.putOutside(ctx, last)
}

// putOutside moves the outside checkpoint on. A checkpoint there that this log did
// not write means a second log with the same key: nothing more is taken. A medium
// that is away raises the alarm and nothing else; a start without it is refused.
func (l *Log) putOutside(ctx context.Context, s *signed) error {
	if string(l.outside) == string(s.note) {
		return nil
	}
	err := l.cfg.Outside.Swap(ctx, l.outside, s.note)
	if err == nil {
		l.outside = s.note
		return nil
	}
	if errors.Is(err, ErrOutsideMoved) {
		l.fail(err)
		return fault.Wrap(fault.Tampered, "write outside checkpoint", err)
	}
	return fault.Wrap(fault.Unavailable, "write outside checkpoint", err)
}
