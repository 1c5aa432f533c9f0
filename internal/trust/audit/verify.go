package audit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// VerifyConfig describes a verification. It needs no sealing key and opens no payload.
type VerifyConfig struct {
	Store   Reader
	VKey    string   // the log's key; nothing else is trusted
	Outside [][]byte // checkpoints from elsewhere: the outside file, an officer's copy, a patient's receipt
	Workers int      // how many cores to use; 0 means all
}

// Report is the result of a verification, and the JSON that the command prints.
type Report struct {
	OK       bool   // everything checked agrees
	Anchored bool   // at least one checkpoint from outside was given and is signed by the key
	Size     int64  // entries
	Root     Digest // root of the tree as recomputed
	FirstBad *int64 // first entry that disagrees, when one can be named
	Reason   string // empty when OK
	// Unsigned is the number of newest entries that no checkpoint covers yet: whoever
	// cuts them off is not found. It is for people and not part of the JSON.
	Unsigned int64
}

// MarshalJSON fixes names and order: ok, anchored, size, root, first_bad, reason.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		OK       bool   `json:"ok"`
		Anchored bool   `json:"anchored"`
		Size     int64  `json:"size"`
		Root     string `json:"root"`
		FirstBad *int64 `json:"first_bad"`
		Reason   string `json:"reason"`
	}{r.OK, r.Anchored, r.Size, base64.StdEncoding.EncodeToString(r.Root[:]), r.FirstBad, r.Reason})
}

func (r *Report) bad(err error) Report {
	r.OK, r.Reason = false, err.Error()
	var rec *BadRecord
	if errors.As(err, &rec) {
		r.FirstBad = &rec.Seq
	}
	return *r
}

// Verify recomputes the whole tree from the stored records and compares it with the
// stored hashes, the log's own checkpoint, and every checkpoint given. Without one
// from outside, a tree that was rebuilt with the server's own key together with all
// side files verifies: Anchored says so. The error is for a store that cannot be
// read at all, not for one that is wrong.
func Verify(ctx context.Context, cfg VerifyConfig) (Report, error) {
	k, err := parseVKey(cfg.VKey)
	if err != nil {
		return Report{}, err
	}
	// The checkpoint is read first: a log that grows meanwhile is larger, never smaller.
	own, err := cfg.Store.Checkpoint(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify log: %w", err)
	}
	size, err := cfg.Store.Size(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify log: %w", err)
	}
	r := Report{OK: true, Size: size}
	root, err := recompute(ctx, cfg, size)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return Report{}, fmt.Errorf("verify log: %w", err)
	}
	r.Root = Digest(root)
	bad, signed := err, int64(0)
	for _, note := range cfg.Outside {
		h, err := k.open(note)
		if err == nil {
			r.Anchored = true
			signed = max(signed, h.Size)
			err = checkHead(ctx, cfg.Store, Head{size, root}, h)
		}
		if err != nil && bad == nil {
			bad = fmt.Errorf("outside checkpoint: %w", err)
		}
	}
	if own != nil && bad == nil {
		h, err := k.open(own)
		if err == nil {
			signed = max(signed, h.Size)
			err = checkHead(ctx, cfg.Store, Head{size, root}, h)
		}
		if err != nil {
			bad = fmt.Errorf("the log's own checkpoint: %w", err)
		}
	}
	if bad != nil {
		return r.bad(bad), nil
	}
	r.Unsigned = size - signed
	return r, nil
}

// checkHead compares a signed head with a tree whose stored hashes have been
// recomputed, so that they may be used.
func checkHead(ctx context.Context, s Reader, tree, h Head) error {
	return checkPrefix(tree.Size, h, func(n int64) (tlog.Hash, error) {
		if n == tree.Size {
			return tree.Root, nil
		}
		return rootAt(ctx, s, n)
	})
}

// A block is checked by one worker: its records, and the stored hashes of every
// subtree inside it. What lies above is checked when the blocks are joined.
const (
	blockLevel = 12
	blockSize  = 1 << blockLevel
)

// block is the result of checking one block.
type block struct {
	edge  edge // of the block's own leaves
	above []tlog.Hash
	err   error
}

// recompute checks all blocks in parallel and joins them in order.
func recompute(ctx context.Context, cfg VerifyConfig, size int64) (tlog.Hash, error) {
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	n := (size + blockSize - 1) / blockSize
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	blocks := make([]chan block, n)
	for i := range blocks {
		blocks[i] = make(chan block, 1)
	}
	next := make(chan int64)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range workers {
		wg.Go(func() {
			for i := range next {
				blocks[i] <- checkBlock(ctx, cfg.Store, i*blockSize, min(size, (i+1)*blockSize))
			}
		})
	}
	go func() {
		defer close(next)
		for i := range n {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	var e edge
	for i := range n {
		var b block
		select {
		case b = <-blocks[i]:
		case <-ctx.Done():
			return tlog.Hash{}, ctx.Err()
		}
		if b.err != nil {
			return tlog.Hash{}, b.err
		}
		if err := e.join(b); err != nil {
			return tlog.Hash{}, err
		}
	}
	return e.root(), nil
}

// checkBlock checks the records from..to-1, where from is a multiple of blockSize.
func checkBlock(ctx context.Context, s Reader, from, to int64) block {
	var b block
	first := tlog.StoredHashIndex(0, from)
	idx := make([]int64, tlog.StoredHashCount(to)-first)
	for i := range idx {
		idx[i] = first + int64(i)
	}
	stored, err := s.Hashes(ctx, idx)
	if err != nil {
		return block{err: err}
	}
	var hs []tlog.Hash
	next := from
	b.err = s.Records(ctx, from, to, func(r Record) error {
		if next == to || r.Seq != next || r.Leaf[0] != leafVersion || sha256.Sum256(r.Sealed) != [32]byte(r.Leaf[33:]) {
			return &BadRecord{next, "payload"}
		}
		hs = b.edge.add(r.Leaf.Hash(), hs[:0])
		for i, h := range hs {
			if stored[i] != h {
				return &BadRecord{next, "leaf or stored hash"}
			}
		}
		stored = stored[len(hs):]
		next++
		return nil
	})
	if b.err == nil && next != to {
		b.err = &BadRecord{next, "record"}
	}
	b.above = stored // the last record of a full block completes subtrees above it
	return b
}

// join adds a block to the edge of those before it.
func (e *edge) join(b block) error {
	size := e.size + b.edge.size
	e.roots = append(e.roots, b.edge.roots...)
	if b.edge.size < blockSize {
		e.size = size
		return nil
	}
	above := b.above
	for n := e.size / blockSize; n&1 == 1; n >>= 1 {
		last := len(e.roots) - 1
		h := tlog.NodeHash(e.roots[last-1], e.roots[last])
		if len(above) == 0 || above[0] != h {
			return &BadRecord{size - 1, "stored hash"}
		}
		e.roots = append(e.roots[:last-1], h)
		above = above[1:]
	}
	e.size = size
	return nil
}
