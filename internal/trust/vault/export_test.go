package vault

import (
	"context"
	"maps"

	"postern.example/postern/internal/trust/db"
)

// DecodeFacts and EncodeFacts are the two ends of a sealed header.
var DecodeFacts = decodeFacts

func EncodeFacts(f Facts) ([]byte, error) { return f.encode() }

// NodeHash lets a drill build nodes as an attacker would.
var NodeHash = nodeHash

// Moment is what a Vault trusts at one moment.
type Moment struct {
	root    root
	anchor  int64
	trusted map[HeadRef]headState
}

// Now is the moment that v is in.
func Now(v *Vault) Moment {
	return Moment{v.heads.root, v.heads.anchor, maps.Clone(v.heads.trusted)}
}

// Committing puts v back into the moment before the change that it made last,
// between the COMMIT and the return of Change: the rows are new, and v does not
// know yet. It returns the anchor of that change.
func Committing(v *Vault, before Moment) int64 {
	h := v.heads
	h.mu.Lock()
	defer h.mu.Unlock()
	after, seq := h.root, h.anchor
	h.root, h.anchor, h.next = before.root, before.anchor, &after
	clear(h.trusted)
	return seq
}

// LoseAnswer is Committing with what memory knew before, and then what Change does
// when the database reported cause instead of success.
func LoseAnswer(ctx context.Context, v *Vault, before Moment, cause error) error {
	h := v.heads
	tx := &ChangeTx{v: v, root: h.root, set: map[HeadRef]headState{}}
	for ref, s := range h.trusted {
		if s != before.trusted[ref] {
			tx.set[ref] = s
		}
	}
	seq := Committing(v, before)
	h.change.Lock()
	defer h.change.Unlock()
	h.mu.Lock()
	h.trusted = maps.Clone(before.trusted)
	h.mu.Unlock()
	h.doubt(&unsettled{seq: seq, tx: tx, cause: cause})
	_, err := h.settle(ctx)
	return err
}

// Reading reads a head as Vault.Head does, up to the moment before it is remembered.
func Reading(ctx context.Context, v *Vault, ref HeadRef) (remember func(), err error) {
	h := v.heads
	h.mu.RLock()
	now, next, moves := h.root, h.next, h.moves
	h.mu.RUnlock()
	s, err := h.readUnder(ctx, ref, now, next)
	return func() { h.trust(ref, s, moves) }, err
}

// Remembered is how many heads v keeps in memory.
func Remembered(v *Vault) int { return len(v.heads.trusted) }

// VerifyLeaf and SetLeaf work on the tree of v.
func VerifyLeaf(ctx context.Context, tx *db.Tx, v *Vault, slot int64, leaf [32]byte) error {
	return verifyLeaf(ctx, tx, v.heads.root, slot, leaf)
}

func SetLeaf(ctx context.Context, tx *db.Tx, v *Vault, slot int64, leaf [32]byte) error {
	_, err := setLeaf(ctx, tx, v.heads.root, slot, leaf)
	return err
}

// Wait is what a Vault does before it looks again when nobody says how.
var Wait = wait
