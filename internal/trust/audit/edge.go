package audit

import (
	"context"
	"crypto/sha256"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of the tree: the roots of the complete subtrees that
// make up its first size leaves, largest first. It is all that adding a leaf and
// computing the root need, so that the sequencer never reads back what it wrote.
type edge struct {
	size  int64
	roots []tlog.Hash
}

// add adds a leaf and appends to stored the hashes that it completes: the leaf's
// own, then one per subtree, in the order of tlog.StoredHashes.
func (e *edge) add(leaf tlog.Hash, stored []tlog.Hash) []tlog.Hash {
	stored = append(stored, leaf)
	for n := e.size; n&1 == 1; n >>= 1 {
		last := len(e.roots) - 1
		leaf = tlog.NodeHash(e.roots[last], leaf)
		e.roots = e.roots[:last]
		stored = append(stored, leaf)
	}
	e.roots = append(e.roots, leaf)
	e.size++
	return stored
}

// root is the tree's root (RFC 6962 section 2.1); that of no leaves is SHA-256("").
func (e *edge) root() tlog.Hash {
	if e.size == 0 {
		return sha256.Sum256(nil)
	}
	h := e.roots[len(e.roots)-1]
	for i := len(e.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.roots[i], h)
	}
	return h
}

func (e *edge) clone() edge { return edge{e.size, slices.Clone(e.roots)} }

func (e *edge) head() Head { return Head{e.size, e.root()} }

// edgeIndexes lists the stored hashes that make up the edge at size.
func edgeIndexes(size int64) []int64 {
	var idx []int64
	var lo int64
	for lo < size {
		level := bits.Len64(uint64(size-lo)) - 1
		idx = append(idx, tlog.StoredHashIndex(level, lo>>level))
		lo += 1 << level
	}
	return idx
}

// edgeAt reads the edge at size from stored hashes.
func edgeAt(ctx context.Context, r Reader, size int64) (edge, error) {
	hs, err := r.Hashes(ctx, edgeIndexes(size))
	if err != nil {
		return edge{}, err
	}
	return edge{size, hs}, nil
}

// rootAt is the root of the first size leaves, from O(log n) stored hashes.
func rootAt(ctx context.Context, r Reader, size int64) (tlog.Hash, error) {
	e, err := edgeAt(ctx, r, size)
	if err != nil {
		return tlog.Hash{}, err
	}
	return e.root(), nil
}

// hashReader lets tlog read a store.
func hashReader(ctx context.Context, r Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) { return r.Hashes(ctx, idx) })
}
