package vault

import (
	"context"
	"time"

	"postern.example/postern/internal/word/fault"
)

// Look is one look at a secured set of rows in the database.
type Look struct {
	Ref    HeadRef // whose set; nobody's when the look found no row that would say so
	Rows   int
	Digest [32]byte // of the rows, also of none, so that a set that is not there costs the same
}

// A change becomes visible in the database a moment before its head does (the
// commit comes first), and rows and head are read one after the other. A
// mismatch is therefore looked at again before it is called tampering, after
// pauses of 1, 2, 4 ... 128 ms.
const (
	firstPause = time.Millisecond
	lookAgain  = 8
)

// LoadSet looks at a set until its rows are those that its head commits to. It is
// false when there is no such set: neither a row nor a head. A mismatch that
// stays is fault.Tampered, and mismatch is what the alarm says then.
func (v *Vault) LoadSet(ctx context.Context, mismatch string, look func() (Look, error)) (bool, error) {
	for try := 0; ; try++ {
		l, err := look()
		if err != nil || l.Ref.Owner.IsZero() {
			return false, err
		}
		head, err := v.Head(ctx, l.Ref)
		if err != nil {
			return false, err
		}
		if found, ok := l.fits(head); ok {
			return found, nil
		}
		if try == lookAgain {
			return false, v.Tampered(ctx, mismatch, l.Ref.Owner)
		}
		if err := v.pause(ctx, firstPause<<try); err != nil {
			return false, fault.Wrap(fault.Unavailable, "read rows again", err)
		}
	}
}

// CheckSet is LoadSet inside a change, where rows and head are of one moment: a
// mismatch is tampering at once. A set that is not there is fault.NotFound.
func (tx *ChangeTx) CheckSet(ctx context.Context, mismatch string, l Look) error {
	head, err := tx.Head(ctx, l.Ref)
	if err != nil {
		return err
	}
	switch found, ok := l.fits(head); {
	case !ok:
		return tx.v.Tampered(ctx, mismatch, l.Ref.Owner)
	case !found:
		return fault.New(fault.NotFound, "change rows: there are none")
	default:
		return nil
	}
}

// fits reports whether the rows are the head's, and whether there are any to speak of.
func (l Look) fits(head Head) (found, ok bool) {
	if head.Version == 0 {
		return false, l.Rows == 0
	}
	return true, l.Digest == head.Digest
}

// wait is Config.Pause by the clock: for d or the context, whichever is first.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
