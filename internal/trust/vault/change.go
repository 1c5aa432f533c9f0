package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// ChangeTx is a transaction that may change secured rows: those of the owners
// that its Grants are about, of the sets that their actions change. It makes no
// owner, seals no row and sets no head beyond them, and one try ends the whole
// change. The vault cannot read a statement: one that touches another owner's
// rows all the same leaves them without their head, and their next use is refused
// as tampering.
type ChangeTx struct {
	*db.Tx
	v       *Vault
	grants  []access.Grant
	root    root
	set     map[HeadRef]headState
	fresh   map[person.Owner]keys.Key
	ended   []person.Owner // erased
	refused error          // something beyond the Grants was tried
}

// Change runs fn in one transaction and commits the heads that fn set: first the
// new root goes into the log, durably, then the rows are committed. fn may run
// more than once and must keep its effects to the transaction. When Change
// returns an error nothing was changed, but for one that wraps ErrOutcome: then
// the change may have happened, the next one finds out before it does anything, and
// is refused in the same way for as long as it cannot.
//
// g is the decision that the entry of the change names; a change of several
// owners needs a Grant for each, the further ones in also. Each must be of an
// action that changes something. What none of them covers is fault.Denied, with
// an alarm, because no way through the product leads there.
func (v *Vault) Change(ctx context.Context, g access.Grant, fn func(*ChangeTx) error, also ...access.Grant) error {
	grants := append([]access.Grant{g}, also...)
	for _, g := range grants {
		if err := g.Alive(); err != nil {
			return err
		}
		if g.Changes() == 0 {
			v.alarm(ctx, "change: asked for with a Grant that changes nothing", g.Owner())
			return fault.New(fault.Denied, "change rows: the Grant changes nothing")
		}
	}
	h := v.heads
	h.change.Lock()
	defer h.change.Unlock()
	if _, err := h.settle(ctx); err != nil {
		return err
	}
	before := h.root // which moves in this turn alone
	var tx *ChangeTx
	seq := int64(-1)
	err := h.db.WriteOnce(ctx, func(dtx *db.Tx) error {
		tx = &ChangeTx{Tx: dtx, v: v, grants: grants, root: before, set: map[HeadRef]headState{}, fresh: map[person.Owner]keys.Key{}}
		err := fn(tx)
		if tx.refused != nil {
			err = tx.refused // whatever fn made of it
		}
		if err != nil {
			return err
		}
		return tx.writeRoot(ctx, before)
	}, func() error {
		if tx.root == before {
			return nil
		}
		var err error
		if seq, err = h.logRoot(context.WithoutCancel(ctx), anchorEntry(g), tx.root); err == nil {
			h.expect(tx.root)
		}
		return err
	})
	if seq < 0 {
		return err // nothing was anchored: no head changed, or nothing happened
	}
	if err != nil {
		h.doubt(&unsettled{seq: seq, tx: tx, cause: err})
		stands, unknown := h.settle(context.WithoutCancel(ctx))
		if unknown != nil || stands {
			return unknown
		}
		return fault.Wrap(fault.Unavailable, "commit change", err)
	}
	h.commit(seq, tx)
	return nil
}

// commit makes the new heads trusted and forgets the keys that were destroyed.
func (h *heads) commit(seq int64, tx *ChangeTx) {
	h.move(tx.root, seq, tx.set)
	for _, owner := range tx.ended {
		tx.v.ring.Forget(owner, use(owner))
	}
	h.log.Settle(seq)
}

// anchorEntry describes the anchor of a change that g allowed.
func anchorEntry(g access.Grant) audit.Entry {
	e := audit.Entry{Event: audit.EventAnchor, Action: string(g.Action()), Outcome: audit.Success,
		Caller: audit.CallerOf(g.Caller()), Txn: g.Caller().Request().ID,
		Reason: fmt.Sprintf("change allowed by entry %d", g.Seq())}
	if p, ok := g.Owner().AsPatient(); ok {
		e.Patient = p
	} else {
		e.Owner = g.Owner().String()
	}
	return e
}

// Seq is the sequence number of the decision that covers this change; rows of
// secured sets carry it.
func (tx *ChangeTx) Seq() int64 { return tx.grants[0].Seq() }

// covered returns nil when a Grant passes check; anything else ends the change. A
// Grant whose request has ended passes none, which is nothing to be alarmed at.
func (tx *ChangeTx) covered(ctx context.Context, owner person.Owner, check func(access.Grant) error) error {
	for _, g := range tx.grants {
		if check(g) == nil {
			return nil
		}
	}
	for _, g := range tx.grants {
		if tx.refused = g.Alive(); tx.refused != nil {
			return tx.refused
		}
	}
	tx.v.alarm(ctx, "change: tried beyond what was granted", owner)
	tx.refused = fault.New(fault.Denied, "change rows: no Grant covers this")
	return tx.refused
}

// mayChange is covered for sets of owner; no sets means whichever. An owner whom
// another one's Grant makes has to be made in this transaction.
func (tx *ChangeTx) mayChange(ctx context.Context, owner person.Owner, sets access.Sets) error {
	_, fresh := tx.fresh[owner]
	return tx.covered(ctx, owner, func(g access.Grant) error {
		if g.Owner() != owner && !fresh {
			return fault.New(fault.Denied, "change rows: not the owner")
		}
		return g.CheckChange(owner, sets)
	})
}

// NewOwner creates the keys of an owner whose identifier was just drawn. Only
// in the transaction that creates an owner may its first heads be set: a head
// that went missing later is tampering, not a beginning.
func (tx *ChangeTx) NewOwner(ctx context.Context, owner person.Owner) error {
	if err := tx.covered(ctx, owner, func(g access.Grant) error { return g.CheckMake(owner) }); err != nil {
		return err
	}
	k, err := tx.v.ring.Create(ctx, tx.Tx, owner, use(owner))
	if err != nil {
		return err
	}
	tx.fresh[owner] = k
	return nil
}

// Seal is Vault.Seal, and also knows the keys of owners made in this transaction.
func (tx *ChangeTx) Seal(ctx context.Context, row Row, plain []byte) ([]byte, error) {
	if err := tx.mayChange(ctx, row.Owner, 0); err != nil {
		return nil, err
	}
	if k, ok := tx.fresh[row.Owner]; ok {
		return k.Seal(plain, row.associated())
	}
	return tx.v.Seal(ctx, row, plain)
}

// SealFacts is Vault.SealFacts inside the transaction.
func (tx *ChangeTx) SealFacts(ctx context.Context, row Row, f Facts) ([]byte, error) {
	row.Field = FieldHeader
	plain, err := f.encode()
	if err != nil {
		return nil, err
	}
	return tx.Seal(ctx, row, plain)
}

// Rework opens a row for one of Postern's own jobs, which makes something new of
// it and seals that: the second of the three ways to plaintext. It needs a Grant of
// an action marked Reseal, which opens nothing elsewhere. The bytes are fn's while
// it runs and are wiped afterwards; nothing of them may leave the transaction but
// sealed. Who calls it stands in the list of the walls.
func (tx *ChangeTx) Rework(ctx context.Context, row Row, sealed []byte, fn func(plain []byte) error) error {
	if err := tx.covered(ctx, row.Owner, func(g access.Grant) error { return g.CheckRework(row.Owner, row.Kind) }); err != nil {
		return err
	}
	plain, err := tx.v.open(ctx, row, sealed)
	if err != nil {
		return err
	}
	defer clear(plain)
	return fn(plain)
}

// Head is the head of ref as this transaction sees it.
func (tx *ChangeTx) Head(ctx context.Context, ref HeadRef) (Head, error) {
	s, err := tx.state(ctx, ref)
	return s.head.alive(err)
}

func (tx *ChangeTx) state(ctx context.Context, ref HeadRef) (headState, error) {
	if s, ok := tx.set[ref]; ok {
		return s, nil
	}
	s, err := tx.v.heads.read(ctx, tx.Tx, tx.root, ref)
	if errors.Is(err, errPath) {
		return headState{}, tx.v.Tampered(ctx, "head does not match the log", ref.Owner)
	}
	return s, err
}

// SetHead makes digest the new head of ref. There is no other way to set one.
func (tx *ChangeTx) SetHead(ctx context.Context, ref HeadRef, digest [32]byte) error {
	if err := tx.mayChange(ctx, ref.Owner, ref.Kind.sets()); err != nil {
		return err
	}
	s, err := tx.state(ctx, ref)
	if err != nil {
		return err
	}
	if _, err := s.head.alive(nil); err != nil {
		return err
	}
	if s.head.Version == 0 {
		if _, fresh := tx.fresh[ref.Owner]; !fresh {
			return tx.v.Tampered(ctx, "head is missing", ref.Owner)
		}
		s.slot = tx.root.Count
	}
	s.head = Head{Version: s.head.Version + 1, Digest: digest}
	leaf := leafHash(ref, s)
	if _, err := tx.Exec(ctx, `INSERT INTO vault_head (slot, owner, kind, version, digest, seq) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (slot) DO UPDATE SET version = excluded.version, digest = excluded.digest, seq = excluded.seq`,
		s.slot, ref.Owner.Bytes(), int64(ref.Kind), s.head.Version, digest[:], tx.Seq()); err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	if tx.root, err = setLeaf(ctx, tx.Tx, tx.root, s.slot, leaf); err != nil {
		if errors.Is(err, errPath) {
			return tx.v.Tampered(ctx, "tree of heads does not match the log", ref.Owner)
		}
		return err
	}
	tx.set[ref] = s
	return nil
}

// writeRoot stores the new root beside the rows, if there is one.
func (tx *ChangeTx) writeRoot(ctx context.Context, before root) error {
	if tx.root == before {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO vault_root (id, slots, root) VALUES (1, ?, ?)
		ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, root = excluded.root`, tx.root.Count, tx.root.Hash[:])
	if err != nil {
		return fmt.Errorf("write root of heads: %w", err)
	}
	return nil
}

// SetRow is one row of a secured set, for Digest.
type SetRow struct {
	Key     []byte // unique in the set
	Version int64
	Sealed  []byte
}

// Digest is the digest of a set of rows, whatever their order.
func Digest(rows []SetRow) [32]byte {
	sorted := slices.SortedFunc(slices.Values(rows), func(a, b SetRow) int { return slices.Compare(a.Key, b.Key) })
	h := sha256.New()
	h.Write([]byte("postern set v1"))
	var n [8]byte
	for _, r := range sorted {
		binary.BigEndian.PutUint64(n[:], uint64(len(r.Key)))
		h.Write(n[:])
		h.Write(r.Key)
		binary.BigEndian.PutUint64(n[:], uint64(r.Version)) //#nosec G115 -- a bit pattern
		h.Write(n[:])
		body := sha256.Sum256(r.Sealed)
		h.Write(body[:])
	}
	return [32]byte(h.Sum(nil))
}
