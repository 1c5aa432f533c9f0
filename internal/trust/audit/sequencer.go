package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// maxGroup is the most entries that are made durable at once.
const maxGroup = 512

// group is a set of entries that become durable together: whoever comes while the
// disk syncs joins the next one.
type group struct {
	items []item
	done  chan struct{} // closed when every item has its receipt or error
}

// item is one entry on its way.
type item struct {
	body    []byte // canonical encoding without the stamps
	patient person.PatientID
	anchor  *Anchor
	care    bool
	receipt Receipt
	err     error
}

// Pending is an entry on its way to the disk.
type Pending struct {
	group *group
	n     int
	err   error // refused before it was queued
}

// Append makes e durable and returns where it stands. An error means that the
// entry must be taken for not written, and that what it was to cover must not happen.
func (l *Log) Append(ctx context.Context, e Entry) (Receipt, error) {
	return l.Start(e).Wait(ctx)
}

// Start queues e and returns at once, so that the caller can fetch sealed bytes
// while the disk syncs. Nothing is written until Wait has returned nil.
func (l *Log) Start(e Entry) *Pending {
	if e.Event == "" || e.Outcome == "" {
		return &Pending{err: fault.New(fault.Internal, "append to log: entry without event or outcome")}
	}
	body := e.appendBody(make([]byte, 0, 640))
	if bucket(maxStamp+len(body)) == 0 {
		return &Pending{err: fault.New(fault.TooLarge, "append to log: entry over 16 KiB")}
	}
	if err := l.cfg.Store.Admit(e.Class); err != nil {
		return &Pending{err: fault.Wrap(fault.Unavailable, "append to log", err)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refusal(); err != nil {
		return &Pending{err: err}
	}
	if n := len(l.queue); n == 0 || len(l.queue[n-1].items) == maxGroup {
		l.queue = append(l.queue, &group{done: make(chan struct{})})
	}
	g := l.queue[len(l.queue)-1]
	g.items = append(g.items, item{body: body, patient: e.Patient, anchor: e.Anchor, care: e.Class == ClassCare})
	l.poke()
	return &Pending{group: g, n: len(g.items) - 1}
}

// Wait returns when the entry is durable, or has failed, or ctx is done; in the
// last case the entry may still become durable, and the caller must act as if not.
func (p *Pending) Wait(ctx context.Context) (Receipt, error) {
	if p.err != nil {
		return Receipt{}, p.err
	}
	select {
	case <-p.group.done:
	case <-ctx.Done():
		return Receipt{}, fault.Wrap(fault.Unavailable, "append to log", ctx.Err())
	}
	it := p.group.items[p.n]
	return it.receipt, it.err
}

// sequence is the one goroutine that gives out numbers.
func (l *Log) sequence() {
	defer l.running.Done()
	for range l.wake {
		for {
			g, closed := l.take()
			if g == nil && closed {
				return
			}
			if g == nil {
				break
			}
			l.commit(g)
			close(g.done)
		}
	}
}

func (l *Log) take() (*group, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil, l.closed
	}
	g := l.queue[0]
	l.queue = l.queue[1:]
	return g, false
}

// commit makes a group durable. When the disk is full it tries again with the
// entries that may use the reserve.
func (l *Log) commit(g *group) {
	l.seqMu.Lock()
	defer l.seqMu.Unlock()
	all := make([]*item, len(g.items))
	for i := range g.items {
		all[i] = &g.items[i]
	}
	err := l.write(all)
	if errors.Is(err, ErrFull) {
		var care []*item
		for _, it := range all {
			if it.care {
				care = append(care, it)
			}
		}
		if len(care) > 0 && len(care) < len(all) {
			_ = l.write(care) // its outcome stands in the items
		}
	}
}

// write stamps, seals and appends items and sets each one's receipt or error.
func (l *Log) write(items []*item) error {
	err := l.stopped()
	if err == nil {
		err = l.append(items)
	}
	if err != nil {
		for _, it := range items {
			it.receipt, it.err = Receipt{}, fault.Wrap(fault.Unavailable, "append to log", err)
		}
	}
	return err
}

func (l *Log) stopped() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

func (l *Log) append(items []*item) error {
	next := state{edge: l.state.edge.clone(), time: l.state.time, anchor: l.state.anchor, anchors: l.state.anchors}
	next.settled = l.settled.Load()
	l.tick(&next)
	b := Batch{First: next.edge.size, Care: true}
	salts := make([]byte, saltSize*len(items))
	if _, err := io.ReadFull(l.cfg.Random, salts); err != nil {
		return fmt.Errorf("draw salts: %w", err)
	}
	hashes := make([]tlog.Hash, 0, 2*len(items)+64) // one array: never grown, so slices of it stay valid
	for i, it := range items {
		r, err := l.seal(&next, it, salts[i*saltSize:][:saltSize])
		if err != nil {
			return err
		}
		n := len(hashes)
		hashes = next.edge.add(r.Leaf.Hash(), hashes)
		r.Hashes = hashes[n:]
		b.Records = append(b.Records, r)
		b.Care = b.Care && it.care
	}
	if err := l.cfg.Store.Append(context.Background(), b); err != nil {
		if !errors.Is(err, ErrNotWritten) {
			l.fail(err)
		}
		return err
	}
	for _, it := range items {
		it.err = nil
		l.recent.add(it.receipt.Seq, it.patient)
	}
	l.state = next
	l.publish()
	return nil
}

// tick sets the time of the next batch: the clock's, or the last entry's when the
// clock has stepped back, which the clock monitor is told.
func (l *Log) tick(st *state) {
	now := l.cfg.Clock().UTC().Truncate(time.Microsecond)
	if back := st.time.Sub(now); back > 0 {
		l.stepped.Store(max(l.stepped.Load(), int64(back)))
		return
	}
	st.time = now
}

// StepBack returns by how much the clock has stepped back behind an entry since the
// last call, 0 for not at all.
func (l *Log) StepBack() time.Duration { return time.Duration(l.stepped.Swap(0)) }

// seal stamps one item and makes its record.
func (l *Log) seal(st *state, it *item, salt []byte) (Record, error) {
	seq := st.edge.size
	if it.anchor != nil {
		st.anchor, st.anchors = seq, it.anchor
	}
	stamps := Entry{Seq: seq, Time: st.time, LastAnchor: st.anchor, Settled: st.settled}
	plain := make([]byte, 0, saltSize+bucket(maxStamp+len(it.body)))
	plain = stamps.appendStamps(append(plain, salt...))
	plain = append(plain, it.body...)
	it.receipt = Receipt{Seq: seq, Time: st.time}
	return sealEntry(l.cfg.Sealer, l.key.origin, seq, plain)
}
