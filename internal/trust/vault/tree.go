package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"postern.example/postern/internal/trust/db"
)

// The tree of heads: slot n is leaf n; sixteen hashes make a node. A change of
// one head rewrites one node per level (five levels hold a million heads), a
// check of one head reads as many. Wide nodes keep both to few rows.
const fanout = 16

// hashSize is the length of a hash in a node.
const hashSize = sha256.Size

// root is the state of the tree that the newest anchor of the log fixes.
type root struct {
	Count int64 // slots in use
	Hash  [hashSize]byte
}

// levels is how many levels of nodes stand above count leaves.
func levels(count int64) int {
	n := 1
	for span := int64(fanout); span < count; span *= fanout {
		n++
	}
	return n
}

// nodeHash binds a node to its place.
func nodeHash(level int, index int64, body []byte) [hashSize]byte {
	b := make([]byte, 0, 32+len(body))
	b = append(b, "postern node v1"...)
	b = append(b, byte(level))
	b = binary.BigEndian.AppendUint64(b, uint64(index)) //#nosec G115 -- indexes are not negative
	return sha256.Sum256(append(b, body...))
}

// readNode returns the body of a node; a node that is missing is empty.
func readNode(ctx context.Context, tx *db.Tx, level int, index int64) ([]byte, error) {
	var body []byte
	err := tx.QueryRow(ctx, `SELECT body FROM vault_node WHERE level = ? AND position = ?`, int64(level), index).Scan(&body)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read head node: %w", err)
	}
	if len(body)%hashSize != 0 || len(body) > fanout*hashSize {
		return nil, errPath
	}
	return body, nil
}

// errPath means that the stored nodes do not lead to the trusted root.
var errPath = errors.New("vault: the tree of heads does not lead to the logged root")

// verifyLeaf checks that leaf stands in slot under the trusted root.
func verifyLeaf(ctx context.Context, tx *db.Tx, r root, slot int64, leaf [hashSize]byte) error {
	if slot < 0 || slot >= r.Count {
		return errPath
	}
	want, top := leaf, levels(r.Count)
	for level := range top {
		index, place := slot/fanout, int(slot%fanout)
		body, err := readNode(ctx, tx, level, index)
		if err != nil {
			return err
		}
		if len(body) < (place+1)*hashSize || [hashSize]byte(body[place*hashSize:]) != want {
			return errPath
		}
		want, slot = nodeHash(level, index, body), index
	}
	if want != r.Hash {
		return errPath
	}
	return nil
}

// children is how many hashes the node at index of level holds in a tree of count leaves.
func children(count int64, level int, index int64) int {
	for range level {
		count = (count + fanout - 1) / fanout
	}
	return int(min(max(count-index*fanout, 0), fanout)) //#nosec G115 -- at most fanout
}

// setLeaf writes leaf into slot and returns the new root. The nodes above an
// existing slot have been verified by the caller's verifyLeaf; for a new slot the
// right edge is verified here. Nodes that the tree does not have yet are made
// here and never taken from the table: somebody may have put them there.
func setLeaf(ctx context.Context, tx *db.Tx, r root, slot int64, leaf [hashSize]byte) (root, error) {
	if slot > r.Count || slot < 0 {
		return root{}, errPath
	}
	if slot == r.Count && r.Count > 0 {
		if err := verifyEdge(ctx, tx, r); err != nil {
			return root{}, err
		}
	}
	next := root{Count: max(r.Count, slot+1)}
	old, top := levels(max(r.Count, 1)), levels(next.Count)
	child := leaf
	for level := range top {
		index, place := slot/fanout, int(slot%fanout)
		body, err := readNode(ctx, tx, level, index)
		if err != nil {
			return root{}, err
		}
		have := children(r.Count, level, index)
		if level >= old {
			have = 0
		}
		if len(body) != have*hashSize {
			return root{}, errPath
		}
		if level >= old {
			// The tree grows a level: the old top is the new node's first child.
			body = append(body, r.Hash[:]...)
		}
		if len(body) == place*hashSize {
			body = append(body, child[:]...)
		} else {
			body = append([]byte(nil), body...)
			copy(body[place*hashSize:], child[:])
		}
		if _, err := tx.Exec(ctx, `INSERT INTO vault_node (level, position, body) VALUES (?, ?, ?)
			ON CONFLICT (level, position) DO UPDATE SET body = excluded.body`, int64(level), index, body); err != nil {
			return root{}, fmt.Errorf("write head node: %w", err)
		}
		child, slot = nodeHash(level, index, body), index
	}
	next.Hash = child
	return next, nil
}

// verifyEdge checks the nodes above the last slot, which a new slot extends.
func verifyEdge(ctx context.Context, tx *db.Tx, r root) error {
	slot := r.Count - 1
	body, err := readNode(ctx, tx, 0, slot/fanout)
	if err != nil {
		return err
	}
	place := int(slot % fanout)
	if len(body) != (place+1)*hashSize {
		return errPath
	}
	return verifyLeaf(ctx, tx, r, slot, [hashSize]byte(body[place*hashSize:]))
}
