package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
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
	next := l.state
	next.edge, next.settled = l.state.edge.clone(), l.settled.Load()
	l.tick(&next)
	plains, err := l.stamp(&next, items)
	if err != nil {
		return err
	}
	b := Batch{First: next.edge.size, Records: make([]Record, len(items)), Care: true}
	if err := l.seal(b, plains); err != nil {
		return err
	}
	hashes := make([]tlog.Hash, 0, 2*len(items)+64) // never grown, so that slices of it stay valid
	for i, it := range items {
		n := len(hashes)
		hashes = next.edge.add(b.Records[i].Leaf.Hash(), hashes)
		b.Records[i].Hashes = hashes[n:]
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

// stamp gives every item its number and time and returns what is to be sealed:
// label, salt, and the encoded entry.
func (l *Log) stamp(st *state, items []*item) ([][]byte, error) {
	const start = len(commitLabel)
	plains := make([][]byte, len(items))
	seq := st.edge.size
	clock := st.time.UTC().AppendFormat(nil, timeForm)
	for i, it := range items {
		if it.anchor != nil {
			st.anchor, st.anchors = seq, it.anchor
		}
		it.receipt = Receipt{Seq: seq, Time: st.time}
		plain := make([]byte, start+saltSize, start+saltSize+bucket(maxStamp+len(it.body)))
		copy(plain, commitLabel)
		if _, err := io.ReadFull(l.cfg.Random, plain[start:]); err != nil {
			return nil, fmt.Errorf("draw salt: %w", err)
		}
		plain = appendStamps(plain, seq, clock, st.anchor, st.settled)
		plains[i] = append(plain, it.body...)
		seq++
	}
	return plains, nil
}

// sealAlone is the number of entries that are not worth a second core.
const sealAlone = 8

// seal fills in b's records, on all cores when there are many.
func (l *Log) seal(b Batch, plains [][]byte) error {
	n := min(runtime.GOMAXPROCS(0), (len(plains)+sealAlone-1)/sealAlone)
	errs := make([]error, n)
	work := func(k int) {
		for i := k * len(plains) / n; i < (k+1)*len(plains)/n && errs[k] == nil; i++ {
			b.Records[i], errs[k] = sealEntry(l.cfg.Sealer, l.key.origin, b.First+int64(i), plains[i])
		}
	}
	var wg sync.WaitGroup
	for k := 1; k < n; k++ {
		wg.Go(func() { work(k) })
	}
	work(0)
	wg.Wait()
	return errors.Join(errs...)
}
