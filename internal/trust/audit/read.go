package audit

import (
	"context"

	"postern.example/postern/internal/word/fault"
)

// RiskyEntry opens one entry. Risky: the caller must have decided and logged that
// somebody may read it. Walled.
func (l *Log) RiskyEntry(ctx context.Context, seq int64) (Entry, error) {
	if seq < 0 || seq >= l.Size() {
		return Entry{}, fault.New(fault.NotFound, "read log: no such entry")
	}
	return l.entry(ctx, seq)
}

// RiskyRead opens the entries from..to-1 in order and calls fn for each; to beyond
// the end means the end. Walled like RiskyEntry.
func (l *Log) RiskyRead(ctx context.Context, from, to int64, fn func(Entry) error) error {
	return l.read(ctx, from, to, func(e Entry, _ Record, _ []byte) error { return fn(e) })
}

func (l *Log) entry(ctx context.Context, seq int64) (e Entry, err error) {
	found := false
	err = l.cfg.Store.Records(ctx, seq, seq+1, func(r Record) error {
		found = true
		e, _, err = openRecord(l.cfg.Sealer, l.key.origin, r)
		return err
	})
	if err == nil && !found {
		err = ErrDamaged
	}
	if err != nil {
		return Entry{}, readFault(err)
	}
	return e, nil
}

func (l *Log) read(ctx context.Context, from, to int64, fn func(Entry, Record, []byte) error) error {
	err := l.cfg.Store.Records(ctx, max(from, 0), min(to, l.Size()), func(r Record) error {
		e, salt, err := openRecord(l.cfg.Sealer, l.key.origin, r)
		if err != nil {
			return err
		}
		return fn(e, r, salt)
	})
	return readFault(err)
}

// readFault gives an error of reading back its kind and keeps the one it has.
func readFault(err error) error {
	if err == nil || fault.Of(err) != fault.Internal {
		return err
	}
	return fault.Wrap(kindOfStore(err), "read log", err)
}
