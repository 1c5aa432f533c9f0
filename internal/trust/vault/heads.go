package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/person"
)

// HeadKind separates the heads of one owner. Values are stored: never renumber.
type HeadKind uint8

// The kinds of head.
const (
	HeadChart    HeadKind = 1 // digest of a chart's manifest
	HeadAccount  HeadKind = 2 // digest of an account's rows: profile, roles, credentials, assignments, enrolment
	HeadSessions HeadKind = 3 // digest of an account's sessions and tokens
	HeadRegister HeadKind = 4 // digest of the clinic's register of whom its sources name
)

// sets is the set that a head commits to, as the actions of the gate name it.
func (k HeadKind) sets() access.Sets {
	switch k {
	case HeadChart:
		return access.ChartSet
	case HeadAccount:
		return access.AccountSet
	case HeadSessions:
		return access.SessionSet
	case HeadRegister:
		return access.RegisterSet
	default:
		return ^access.Sets(0) // of which no action changes all
	}
}

// HeadRef names a head.
type HeadRef struct {
	Owner person.Owner
	Kind  HeadKind
}

// Head is the trusted state of a set of rows. Version 0 means that the set was
// never written.
type Head struct {
	Version int64
	Digest  [32]byte
}

// Log is what the heads need of the log. *audit.Log is one.
type Log interface {
	Start(e audit.Entry) *audit.Pending
	LatestAnchor() (seq int64, a audit.Anchor, settled bool, err error)
	Anchor(ctx context.Context, seq int64) (*audit.Anchor, error)
	Settle(seq int64)
}

// Migrations are the tables of this package.
func Migrations() []db.Migration {
	forever := "life of the owner's data"
	return []db.Migration{{Number: 20, Room: "vault", Name: "heads", Tables: []db.Table{
		{Name: "vault_head", Purpose: "the fresh state of each set of rows", Key: []string{"slot"},
			Unique: [][]string{{"owner", "kind"}}, Columns: []db.Column{
				{Name: "slot", Type: db.Integer, Class: db.Sequence, Purpose: "leaf of the tree of heads", Retention: forever},
				{Name: "owner", Type: db.Bytes, Class: db.RandomID, Purpose: "whose rows", Retention: forever},
				{Name: "kind", Type: db.Integer, Class: db.SmallKind, Purpose: "which set of rows", Retention: forever},
				{Name: "version", Type: db.Integer, Class: db.Version, Purpose: "how often the set changed", Retention: forever},
				{Name: "digest", Type: db.Bytes, Class: db.Digest, Purpose: "digest of the set's sealed rows", Retention: forever},
				{Name: "seq", Type: db.Integer, Class: db.Sequence, Purpose: "log entry that covers the change", Retention: forever},
			}},
		{Name: "vault_node", Purpose: "inner nodes of the tree of heads", Key: []string{"level", "position"}, Columns: []db.Column{
			{Name: "level", Type: db.Integer, Class: db.Sequence, Purpose: "height above the leaves", Retention: forever},
			{Name: "position", Type: db.Integer, Class: db.Sequence, Purpose: "place in the level", Retention: forever},
			{Name: "body", Type: db.Bytes, Class: db.Digest, Purpose: "hashes of the children", Retention: forever},
		}},
		{Name: "vault_root", Purpose: "the root that the newest committed anchor fixed", Key: []string{"id"}, Columns: []db.Column{
			{Name: "id", Type: db.Integer, Class: db.SmallKind, Purpose: "always 1", Retention: forever},
			{Name: "slots", Type: db.Integer, Class: db.Sequence, Purpose: "slots in use", Retention: forever},
			{Name: "root", Type: db.Bytes, Class: db.Digest, Purpose: "root hash", Retention: forever},
		}},
	}}}
}

type headState struct {
	slot int64
	head Head
}

// heads holds the trusted root and the heads verified under it.
type heads struct {
	db    *db.DB
	log   Log
	alarm Alarm
	most  int

	change    sync.Mutex // one change at a time: each has one root before and one after
	unsettled *unsettled // the change before, when nobody knows what became of it; guarded by change

	mu      sync.RWMutex
	root    root
	anchor  int64  // the entry that fixed root, -1 for the empty root
	next    *root  // root of a change whose COMMIT is on its way: readers may see it before commit says so
	moves   uint64 // counts changes of root and next
	trusted map[HeadRef]headState
}

// ErrStale means that the database is not the one that the log's newest anchor
// describes: it was restored, rolled back or exchanged.
var ErrStale = errors.New("vault: the database is older or other than the log's newest anchor")

func openHeads(ctx context.Context, c Config) (*heads, error) {
	h := &heads{db: c.DB, log: c.Log, alarm: c.Alarm, most: c.Cache, anchor: -1, trusted: map[HeadRef]headState{}}
	if h.most == 0 {
		h.most = 200_000
	}
	var stored root
	var rows int64
	err := c.DB.Read(ctx, func(tx *db.Tx) error {
		var err error
		if stored, err = readRoot(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM vault_head`).Scan(&rows)
	})
	if errors.Is(err, ErrStale) {
		return nil, h.stale(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := h.checkStart(ctx, stored); err != nil {
		return nil, err
	}
	if rows != stored.Count {
		// An owner of whom everything was deleted is like one who never was: only
		// the number tells. The others are as good as before, so the clinic goes on.
		h.alarm(ctx, fmt.Sprintf("heads: %d rows where the log knows %d", rows, stored.Count), person.Owner{})
	}
	return h, nil
}

// checkStart compares the stored root with the newest anchor of the log. A
// process that ended between an anchor and the commit that it covers leaves the
// root before: that is accepted, and logged, as long as no later entry of the
// log says that the commit happened.
func (h *heads) checkStart(ctx context.Context, stored root) error {
	seq, a, settled, err := h.log.LatestAnchor()
	if err != nil {
		return fmt.Errorf("read newest anchor: %w", err)
	}
	if seq < 0 {
		if stored.Count != 0 {
			return h.stale(ctx)
		}
		return nil
	}
	if h.root, h.anchor = (root{a.Count, a.Root}), seq; stored == h.root {
		// The commit happened, whether or not anybody wrote so: from now on the
		// root before is refused.
		h.log.Settle(seq)
		return nil
	}
	if settled {
		return h.stale(ctx)
	}
	before, err := h.rootBefore(ctx, a)
	if err != nil {
		return err
	}
	if stored != before {
		return h.stale(ctx)
	}
	h.root, h.anchor = before, a.Prev
	return h.restate(ctx, audit.Entry{Event: audit.EventRecovery, Outcome: audit.Success,
		Reason: "the change that the newest anchor covers did not commit"})
}

// foundStale is what the alarm says of a root that no anchor explains.
const foundStale = "heads: the database is not the one that the log describes"

func (h *heads) stale(ctx context.Context) error {
	h.alarm(ctx, foundStale, person.Owner{})
	return ErrStale
}

// rootBefore is the root that the anchor before a fixed, the empty root when a
// is the first.
func (h *heads) rootBefore(ctx context.Context, a audit.Anchor) (root, error) {
	if a.Prev < 0 {
		return root{}, nil
	}
	p, err := h.log.Anchor(ctx, a.Prev)
	if err != nil {
		return root{}, fmt.Errorf("read anchor before: %w", err)
	}
	return root{p.Count, p.Root}, nil
}

// logRoot logs r as the new root, durably. The anchor that it names as the one before
// is the one that fixed the root which holds now: a newer one whose entry became
// durable without an answer fixed nothing.
func (h *heads) logRoot(ctx context.Context, e audit.Entry, r root) (int64, error) {
	h.mu.RLock()
	prev := h.anchor
	h.mu.RUnlock()
	e.Class = audit.ClassCare // the decision that it belongs to was admitted already
	e.Anchor = &audit.Anchor{Root: r.Hash, Count: r.Count, Prev: prev}
	receipt, err := h.log.Start(e).Wait(ctx)
	if err != nil {
		return -1, err
	}
	return receipt.Seq, nil
}

// restate logs that the root still holds, after a change that did not commit.
func (h *heads) restate(ctx context.Context, e audit.Entry) error {
	seq, err := h.logRoot(ctx, e, h.root)
	if err != nil {
		return fmt.Errorf("log that a change did not commit: %w", err)
	}
	h.move(h.root, seq, nil)
	h.log.Settle(seq)
	return nil
}

// expect tells readers that the COMMIT of a change to r is on its way.
func (h *heads) expect(r root) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = &r
	h.moves++
}

// move makes r, fixed by the entry at seq, the root that holds, with the heads
// that a change has set under it.
func (h *heads) move(r root, seq int64, set map[HeadRef]headState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.root, h.anchor, h.next = r, seq, nil
	h.moves++
	for ref, s := range set {
		h.remember(ref, s)
	}
}

// remember keeps a verified head, dropping arbitrary ones over the bound; the
// caller holds mu.
func (h *heads) remember(ref HeadRef, s headState) {
	if _, known := h.trusted[ref]; !known {
		for old := range h.trusted {
			if len(h.trusted) < h.most {
				break
			}
			delete(h.trusted, old)
		}
	}
	h.trusted[ref] = s
}

func readRoot(ctx context.Context, tx *db.Tx) (root, error) {
	var r root
	var hash []byte
	err := tx.QueryRow(ctx, `SELECT slots, root FROM vault_root WHERE id = 1`).Scan(&r.Count, &hash)
	if errors.Is(err, db.ErrNoRows) {
		return root{}, nil
	}
	if err != nil {
		return root{}, fmt.Errorf("read root of heads: %w", err)
	}
	if len(hash) != hashSize {
		return root{}, ErrStale
	}
	r.Hash = [hashSize]byte(hash)
	return r, nil
}

func leafHash(ref HeadRef, s headState) [32]byte {
	b := append([]byte("postern head v1"), ref.Owner.Bytes()...)
	b = append(b, byte(ref.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(s.slot))         //#nosec G115 -- not negative
	b = binary.BigEndian.AppendUint64(b, uint64(s.head.Version)) //#nosec G115 -- not negative
	return sha256.Sum256(append(b, s.head.Digest[:]...))
}

// Head returns the trusted head of ref. A head that the database does not hold
// in the state that the log anchored is fault.Tampered, and so is one that is not
// there although its owner has keys: keys and first heads come in one commit. That
// of an erased chart is fault.Gone.
func (v *Vault) Head(ctx context.Context, ref HeadRef) (Head, error) {
	s, err := v.heads.find(ctx, ref)
	if err == nil && s.head.Version == 0 && v.hasKey(ctx, ref.Owner) {
		// That commit may have come between the two looks.
		if s, err = v.heads.find(ctx, ref); err == nil && s.head.Version == 0 {
			err = errPath
		}
	}
	if errors.Is(err, errPath) {
		return Head{}, v.Tampered(ctx, "head does not match the log", ref.Owner)
	}
	return s.head.alive(err)
}

// hasKey reports whether owner has keys, or had: an erased owner's head stays.
func (v *Vault) hasKey(ctx context.Context, owner person.Owner) bool {
	_, err := v.ring.Subject(ctx, owner, use(owner))
	return err == nil || errors.Is(err, keys.ErrErased) || errors.Is(err, keys.ErrBack)
}

// find returns a head that is remembered, or reads and verifies it. While the
// COMMIT of a change is on its way a reader sees the rows before or after it, and
// the root after is as good as the root before: its anchor is durable. A head that
// matches neither is read again when a change has moved the root meanwhile, and
// is errPath when none has.
func (h *heads) find(ctx context.Context, ref HeadRef) (headState, error) {
	for {
		h.mu.RLock()
		known, ok := h.trusted[ref]
		now, next, moves := h.root, h.next, h.moves
		h.mu.RUnlock()
		if ok {
			return known, nil
		}
		s, err := h.readUnder(ctx, ref, now, next)
		if err == nil {
			h.trust(ref, s, moves)
			return s, nil
		}
		h.mu.RLock()
		still := moves == h.moves
		h.mu.RUnlock()
		if still || !errors.Is(err, errPath) {
			return headState{}, err
		}
	}
}

// readUnder reads one head, in one snapshot, and verifies it under now or next.
func (h *heads) readUnder(ctx context.Context, ref HeadRef, now root, next *root) (s headState, err error) {
	err = h.db.Read(ctx, func(tx *db.Tx) error {
		if s, err = h.read(ctx, tx, now, ref); errors.Is(err, errPath) && next != nil {
			s, err = h.read(ctx, tx, *next, ref)
		}
		return err
	})
	return s, err
}

// trust remembers a verified head unless something has moved since, or there is none.
func (h *heads) trust(ref HeadRef, s headState, moves uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.moves == moves && h.next == nil && s.head.Version > 0 {
		h.remember(ref, s)
	}
}

// read reads and verifies one head; version 0 when there is no row.
func (h *heads) read(ctx context.Context, tx *db.Tx, r root, ref HeadRef) (headState, error) {
	var s headState
	var digest []byte
	err := tx.QueryRow(ctx, `SELECT slot, version, digest FROM vault_head WHERE owner = ? AND kind = ?`,
		ref.Owner.Bytes(), int64(ref.Kind)).Scan(&s.slot, &s.head.Version, &digest)
	if errors.Is(err, db.ErrNoRows) {
		return headState{slot: -1}, nil
	}
	if err != nil {
		return headState{}, fmt.Errorf("read head: %w", err)
	}
	if len(digest) != 32 || s.head.Version < 1 {
		return headState{}, errPath
	}
	s.head.Digest = [32]byte(digest)
	return s, verifyLeaf(ctx, tx, r, s.slot, leafHash(ref, s))
}
