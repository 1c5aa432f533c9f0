package audit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// SubjectEntry says that the entry at Seq is about a patient.
type SubjectEntry struct {
	Patient person.PatientID
	Seq     int64
}

// SubjectIndex keeps, per patient, the positions of the entries about that patient,
// so that Who looked need not read the whole log. It is derived: it can be dropped
// and built again from the log.
type SubjectIndex interface {
	// Position is the next entry to index.
	Position(ctx context.Context) (int64, error)
	// Add indexes entries, which ascend, and moves the position to next, at once or
	// not at all. Entries that are indexed already are skipped.
	Add(ctx context.Context, next int64, entries []SubjectEntry) error
	// Entries returns the positions below before, newest first, at most limit. A row
	// that was inserted, changed, swapped or taken out is a fault.Tampered.
	Entries(ctx context.Context, patient person.PatientID, before int64, limit int) ([]int64, error)
}

// followBatch is how many entries are indexed in one transaction.
const followBatch = 4096

// recentMost is how many of the newest entries are remembered: 1 MiB, which a busy
// server fills within two rounds of the follower.
const recentMost = 16 * followBatch

// recent remembers the patients of the newest entries of this process, so that the
// follower need not open what was just sealed.
type recent struct {
	mu   sync.Mutex
	end  int64 // position behind the newest entry
	ring []person.PatientID
}

func (r *recent) add(items []*item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ring == nil {
		r.ring = make([]person.PatientID, 0, recentMost)
	}
	if r.end != items[0].receipt.Seq {
		r.ring = r.ring[:0]
	}
	for _, it := range items {
		if len(r.ring) == recentMost { // drop the oldest, which costs a copy once in followBatch entries
			r.ring = r.ring[:copy(r.ring, r.ring[followBatch:])]
		}
		r.ring = append(r.ring, it.patient)
	}
	r.end = items[len(items)-1].receipt.Seq + 1
}

// get returns the patients of the entries from..to-1, nil when it does not have all.
func (r *recent) get(from, to int64) []person.PatientID {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.end - int64(len(r.ring))
	if from < first || to > r.end {
		return nil
	}
	return append([]person.PatientID{}, r.ring[from-first:to-first]...)
}

// FollowerConfig describes a Follower.
type FollowerConfig struct {
	Log   *Log          // required
	Index SubjectIndex  // required
	Every time.Duration // least pause between two rounds; 0 means two seconds
	// Alarm is told of a round that failed. It must not block. Nil ignores.
	Alarm func(error)
}

// Follower keeps a SubjectIndex up with the log, off the hot path: it learns of an
// entry when the entry is durable, and nobody waits for it but Flush.
type Follower struct {
	c  FollowerConfig
	mu sync.Mutex // one round at a time
}

// NewFollower makes a follower; Run starts it.
func NewFollower(c FollowerConfig) *Follower {
	if c.Every == 0 {
		c.Every = 2 * time.Second
	}
	if c.Alarm == nil {
		c.Alarm = func(error) {}
	}
	return &Follower{c: c}
}

// Run follows until ctx is done. It returns after the round that runs then.
func (f *Follower) Run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for ctx.Err() == nil {
		grown := f.c.Log.Grown()
		if err := f.Flush(ctx); err != nil && ctx.Err() == nil {
			f.c.Alarm(err)
		}
		pause.Reset(f.c.Every)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
		case <-grown:
		}
	}
}

// Flush brings the index up to the size that the log has now. Call it before
// Entries, so that a patient sees what happened a moment ago.
func (f *Follower) Flush(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	size := f.c.Log.Size()
	at, err := f.c.Index.Position(ctx)
	if err != nil {
		return fmt.Errorf("index log: %w", err)
	}
	if at > size {
		return fault.New(fault.Tampered, "index log: the index is ahead of the log")
	}
	for at < size {
		next := min(size, at+followBatch)
		entries, err := f.subjects(ctx, at, next)
		if err != nil {
			return fmt.Errorf("index log: %w", err)
		}
		if err := f.c.Index.Add(ctx, next, entries); err != nil {
			return fmt.Errorf("index log: %w", err)
		}
		at = next
	}
	return nil
}

// subjects lists the entries from..to-1 that are about somebody.
func (f *Follower) subjects(ctx context.Context, from, to int64) (out []SubjectEntry, err error) {
	if ps := f.c.Log.recent.get(from, to); ps != nil {
		for i, p := range ps {
			if !p.IsZero() {
				out = append(out, SubjectEntry{p, from + int64(i)})
			}
		}
		return out, nil
	}
	err = f.c.Log.RiskyRead(ctx, from, to, func(e Entry) error {
		if !e.Patient.IsZero() {
			out = append(out, SubjectEntry{e.Patient, e.Seq})
		}
		return nil
	})
	return out, err
}

// Check compares the index with the entries from..to-1 of the log, and so finds what
// the index cannot show of itself: rows cut from the end of a patient's list.
func (f *Follower) Check(ctx context.Context, from, to int64) error {
	if err := f.Flush(ctx); err != nil {
		return err
	}
	return f.c.Log.RiskyRead(ctx, from, to, func(e Entry) error {
		if e.Patient.IsZero() {
			return nil
		}
		got, err := f.c.Index.Entries(ctx, e.Patient, e.Seq+1, 1)
		if err != nil {
			return err
		}
		if len(got) != 1 || got[0] != e.Seq {
			return fault.New(fault.Tampered, fmt.Sprintf("check log index: entry %d is missing", e.Seq))
		}
		return nil
	})
}
