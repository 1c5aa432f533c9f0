package vault

import (
	"context"
	"errors"
	"fmt"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// ErrOutcome is what the error of a change wraps of which nobody knows yet whether it
// was committed. The next change finds out. A room that keeps in memory what its change
// made can neither rely on it nor forget it.
var ErrOutcome = errors.New("vault: the outcome of a change is not known yet")

// unsettled is a change whose anchor is durable and of whose COMMIT nobody knows what
// became. No other change is made before that is known: it would build on a root that
// may not be there, or take the only word of one that is out of the log.
type unsettled struct {
	seq     int64 // its anchor
	tx      *ChangeTx
	cause   error // what the database reported
	alarmed bool  // that another root than its two was found
}

// doubt keeps u until it is settled. Readers ask the database meanwhile for the heads
// that it sets: what memory knows of them is perhaps what they were before.
func (h *heads) doubt(u *unsettled) {
	h.unsettled = u
	h.mu.Lock()
	defer h.mu.Unlock()
	for ref := range u.tx.set {
		delete(h.trusted, ref)
	}
}

// settle looks at database and log afresh to find out what became of the change that is
// unsettled, if one is. When it was committed all the same it stands. When it was not,
// the log must say that the old root holds. An error wraps ErrOutcome, and the next call
// looks again. Only who has the turn to change calls it.
func (h *heads) settle(ctx context.Context) (stands bool, err error) {
	u := h.unsettled
	if u == nil {
		return false, nil
	}
	stored, err := h.storedRoot(ctx)
	var restated bool
	if err == nil {
		restated, err = h.restated(u)
	}
	switch {
	case err != nil:
	case stored == u.tx.root && !restated:
		h.commit(u.seq, u.tx)
		stands = true
	case stored == h.root:
		err = h.restate(ctx, audit.Entry{Event: audit.EventOutcome, Outcome: audit.Failed, Fault: audit.FaultName(u.cause),
			Reason: fmt.Sprintf("the change anchored at entry %d did not commit", u.seq)})
	default:
		err = ErrStale
	}
	if err != nil {
		if errors.Is(err, ErrStale) && !u.alarmed {
			u.alarmed = true
			h.alarm(ctx, foundStale, person.Owner{})
		}
		return false, fault.Wrap(fault.Unavailable, "settle change", errors.Join(ErrOutcome, err, u.cause))
	}
	h.unsettled = nil
	return stands, nil
}

// restated reports whether the log's newest anchor is a word of ours, whose answer was
// lost, that the root before u holds: then that of u is no good any more. An anchor that
// is neither u's nor such a word means that somebody else writes this log.
func (h *heads) restated(u *unsettled) (bool, error) {
	seq, a, _, err := h.log.LatestAnchor()
	if err != nil {
		return false, fmt.Errorf("read newest anchor: %w", err)
	}
	if seq == u.seq {
		return false, nil
	}
	if seq < u.seq || a.Prev != h.anchor || (root{a.Count, a.Root}) != h.root {
		return false, fmt.Errorf("newest anchor is entry %d: %w", seq, ErrStale)
	}
	return true, nil
}

// storedRoot reads the root in a transaction that writes it unchanged, and so
// waits for a COMMIT whose answer was lost and which the server still works on.
func (h *heads) storedRoot(ctx context.Context) (stored root, err error) {
	var none root
	err = h.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO vault_root (id, slots, root) VALUES (1, 0, ?)
			ON CONFLICT (id) DO UPDATE SET slots = vault_root.slots`, none.Hash[:])
		if err == nil {
			stored, err = readRoot(ctx, tx)
		}
		return err
	})
	return stored, err
}
