package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Files of an Overflow, in the folder that on the embedded engine holds the whole log.
const (
	overflowName = "overflow" // frames of the journal's format, from the start, in allocated space
	// checkpointName: the newest signed note that the table had no room for
)

// OverflowConfig describes an Overflow.
type OverflowConfig struct {
	Store Store  // the table, which belongs to the Overflow from then on; required
	Dir   string // must exist
	Size  int64  // space set aside for care; 0 means DefaultReserve, negative none
	// Others is space beside Size in which apps, patients and office roles go on for a
	// while, each until its own part is used; 0 means an eighth of Size, negative none.
	Others int64

	disk disk // tests replace it; nil is Dir
}

// Overflow is a Store that keeps care going when the database's disk is full: entries
// that the table refuses become durable in a file beside the configuration, whose space
// was allocated before. What waits there comes after the rows of the table, for
// everybody who reads: sizes, records, hashes, checkpoints.
//
// While anything waits nothing goes into the table but what waits, in order, a
// transaction at a time (Maintain). Strangers are refused then, and the other classes
// one by one as the file fills: what is left when office roles stop is care's. A record is
// cut from the file only when the table has it, and only with all the others: a crash
// in between leaves records in both, which Load compares and takes once. A file that
// differs from the table, or begins behind its end, is ErrDamaged.
type Overflow struct {
	table    Store
	size     int64
	others   int64
	disk     disk
	readOnly bool

	turn   sync.Mutex // of whoever writes; guards broken, spent and buf
	broken error      // why nothing may be written until Load
	spent  bool       // the file holds records that the table has too, and none that waits
	buf    []byte

	mu      sync.RWMutex // guards all below, which only the holder of turn changes
	f       file         // nil while there is none
	base    int64        // number of the first that waits
	waiting []Record     // in memory too: what a thief does to the file changes no record
	end     int64        // position behind the last of them in the file
}

// NewOverflow names the folder; Load opens it.
func NewOverflow(c OverflowConfig) *Overflow {
	if c.Size == 0 {
		c.Size = DefaultReserve
	}
	if c.Others == 0 {
		c.Others = c.Size / 8
	}
	if c.disk == nil {
		c.disk = osDisk{dir: c.Dir}
	}
	return &Overflow{table: c.Store, size: c.Size, others: max(0, c.Others), disk: c.disk}
}

// NewOverflowReader reads table and overflow for the verifier and the export: it takes
// no lock, changes nothing, and may run beside a server. It looks anew at each call of
// Checkpoint and Size; make one of them before any other.
func NewOverflowReader(c OverflowConfig) *Overflow {
	s := NewOverflow(c)
	s.readOnly = true
	if d, ok := s.disk.(osDisk); ok {
		s.disk = osDisk{dir: d.dir, readOnly: true}
	}
	return s
}

// VerifyOverflow verifies a log in a table with its overflow, also beside a server. An
// overflow that does not fit the table is a report, not an error.
func VerifyOverflow(ctx context.Context, c OverflowConfig, cfg VerifyConfig) (Report, error) {
	cfg.Store = NewOverflowReader(c)
	r, err := Verify(ctx, cfg)
	if errors.Is(err, ErrDamaged) {
		return r.bad(err), nil
	}
	return r, err
}

// Size implements Reader.
func (s *Overflow) Size(ctx context.Context) (int64, error) {
	if s.readOnly {
		return s.look(ctx)
	}
	if base, rs := s.waits(); len(rs) > 0 {
		return base + int64(len(rs)), nil
	}
	return s.table.Size(ctx)
}

// waits returns what waits now: numbers from base on.
func (s *Overflow) waits() (base int64, rs []Record) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base, s.waiting
}

// Waiting is the number of records that wait for room in the table.
func (s *Overflow) Waiting() int64 {
	_, rs := s.waits()
	return int64(len(rs))
}

// Records implements Reader. What waited a moment ago may be in the table by now.
func (s *Overflow) Records(ctx context.Context, from, to int64, fn func(Record) error) error {
	for from < to {
		base, rs := s.waits()
		if len(rs) == 0 || from < base {
			end := to
			if len(rs) > 0 {
				end = min(to, base)
			}
			if err := s.table.Records(ctx, from, end, fn); err != nil {
				return err
			}
			from = end
			continue
		}
		end := min(to, base+int64(len(rs)))
		if from >= end {
			return &BadRecord{from, "row"}
		}
		for ; from < end; from++ {
			if err := errors.Join(ctx.Err(), fn(rs[from-base])); err != nil {
				return err
			}
		}
	}
	return nil
}

// Hashes implements Reader.
func (s *Overflow) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	base, rs := s.waits()
	if len(rs) == 0 {
		return s.table.Hashes(ctx, indexes)
	}
	out := make([]tlog.Hash, len(indexes))
	var below []int64
	var at []int
	for i, index := range indexes {
		seq := completedBy(index)
		if seq < base {
			below, at = append(below, index), append(at, i)
			continue
		}
		if seq >= base+int64(len(rs)) {
			return nil, &BadRecord{seq, "row"}
		}
		out[i] = rs[seq-base].Hashes[index-tlog.StoredHashIndex(0, seq)]
	}
	hs, err := s.table.Hashes(ctx, below)
	for i, h := range hs {
		out[at[i]] = h
	}
	return out, err
}

// Checkpoint implements Reader: the newer one of table and folder.
func (s *Overflow) Checkpoint(ctx context.Context) ([]byte, error) {
	note, err := s.table.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	own, err := readFile(s.disk, checkpointName)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	if noteSize(own) > noteSize(note) {
		note = own
	}
	if s.readOnly { // what the note signs was durable before: look only now
		_, err = s.look(ctx)
	}
	return note, err
}

// noteSize is the size that a note says, -1 for none. Nobody has checked the signature.
func noteSize(note []byte) int64 {
	lines := strings.SplitN(string(note), "\n", 3)
	if len(lines) < 3 {
		return -1
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// SetCheckpoint implements Store. While records wait, or the table has no room, the
// note goes into the folder: without it their end would be signed outside alone.
func (s *Overflow) SetCheckpoint(ctx context.Context, h Head, note []byte) error {
	if s.Waiting() == 0 {
		if err := s.table.SetCheckpoint(ctx, h, note); !errors.Is(err, ErrFull) {
			return err
		}
	}
	return replaceFile(s.disk, checkpointName, note)
}

// smallestFrame is what the smallest entry takes.
const smallestFrame = frameHeader + leafSize + 512

// room is how far into the file entries of a class may go.
func (s *Overflow) room(c Class) int64 {
	switch c {
	case ClassCare:
		return s.size + s.others
	case ClassOffice:
		return s.others
	case ClassPatient:
		return s.others * 2 / 3
	case ClassApp:
		return s.others / 3
	default:
		return 0
	}
}

// Admit implements Store: while records wait a class is served until its part of the
// file is used. Before that the table says by itself when it is full.
func (s *Overflow) Admit(c Class) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.waiting) == 0 {
		return s.table.Admit(c)
	}
	if s.room(c)-s.end < smallestFrame {
		return fmt.Errorf("admit to log: %w", ErrFull)
	}
	return nil
}

// present is ErrDamaged when the file is gone or another than the one that is open.
func (s *Overflow) present() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.f == nil {
		return nil
	}
	return sameFile(s.disk, overflowName, s.f)
}

// Close implements Store.
func (s *Overflow) Close() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.closeFile(), s.table.Close())
}

func (s *Overflow) closeFile() error {
	f := s.f
	s.f, s.waiting, s.base, s.end = nil, nil, 0, 0
	if f == nil {
		return nil
	}
	return f.Close()
}
