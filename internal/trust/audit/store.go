package audit

import (
	"context"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// Record is what a store keeps of one entry. It names nobody.
type Record struct {
	Seq    int64
	Leaf   Leaf
	Sealed []byte
	Hashes []tlog.Hash // the stored hashes that this record completes, in tlog's order
}

// Batch is what is made durable at once: records with consecutive numbers.
type Batch struct {
	First   int64
	Records []Record
	Class   Class // the lowest of all entries: it says which reserve the store may use
}

// Head names the tree at one size.
type Head struct {
	Size int64
	Root tlog.Hash
}

// Errors of a Store.
var (
	// ErrNotWritten is wrapped by the error of an Append that left nothing behind:
	// the store has proved that its state is the one before, and the log goes on.
	// Any other error of Append leaves the state unknown, and the log stops.
	ErrNotWritten = errors.New("audit: nothing was written")
	// ErrFull is wrapped, beside ErrNotWritten, when there is no space.
	ErrFull = errors.New("audit: no space")
	// ErrForked means that somebody else has appended to the same store.
	ErrForked = errors.New("audit: another sequencer has written to this log")
	// ErrHeld means that another process has the store open.
	ErrHeld = errors.New("audit: another process holds the log")
	// ErrDamaged means that a record which was durable cannot be read back.
	ErrDamaged = errors.New("audit: stored log is damaged")
)

// Reader reads a store. The verifier needs no more; it takes nothing that it reads
// for true. Methods are safe for concurrent use, also beside Append.
type Reader interface {
	// Size is the number of durable records.
	Size(ctx context.Context) (int64, error)
	// Records calls fn for the records from..to-1 in order. The record is valid
	// during the call only. A record that is missing or broken is ErrDamaged.
	Records(ctx context.Context, from, to int64, fn func(Record) error) error
	// Hashes returns stored hashes by tlog's index; it is fast when indexes ascend.
	Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error)
	// Checkpoint is the newest note given to SetCheckpoint, nil when there is none.
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Store keeps the log. The log trusts it for durability, not for honesty: what it
// returns is checked against signed checkpoints, and payloads are sealed.
//
// One sequencer uses a store at a time. Append and Load are never called
// concurrently with each other; the Reader's methods and SetCheckpoint are.
type Store interface {
	Reader
	// Load establishes what is durable, repairing what may be repaired, and
	// returns the number of records. It runs before the first Append, and again
	// after an Append whose outcome is unknown. It must not forget a record whose
	// Append returned nil; it may keep a batch whose Append failed, whole or not at all.
	Load(ctx context.Context) (int64, error)
	// Append makes the batch durable, whole or not at all, before it returns nil. It
	// returns ErrForked when First is not the number of durable records. The records
	// are valid during the call only.
	Append(ctx context.Context, b Batch) error
	// Admit says whether an entry of this class may be appended now; the error is
	// ErrFull otherwise. It is called for every entry and must be cheap.
	Admit(c Class) error
	// SetCheckpoint keeps the note of a tree that is durable. Losing it is harmless.
	SetCheckpoint(ctx context.Context, h Head, note []byte) error
	// Maintain does slow upkeep (refilling the reserve); called every few seconds.
	Maintain(ctx context.Context) error
	// Close releases what Load acquired.
	Close() error
}

// Outside keeps the newest checkpoint where whoever owns the log's own disk cannot
// reach it: another disk, another host. It decides whether a log may start, so it
// is trusted: whoever can write it can hide a rolled-back log.
//
// Swap is a compare-and-swap and must be durable when it returns nil.
type Outside interface {
	// Load returns the note, or ErrOutsideMissing when there is none.
	Load(ctx context.Context) ([]byte, error)
	// Create writes the first note; it fails when there is one. Only init and demo create.
	Create(ctx context.Context, note []byte) error
	// Swap replaces old by note, or returns ErrOutsideMoved when old is not what is there.
	Swap(ctx context.Context, old, note []byte) error
}
