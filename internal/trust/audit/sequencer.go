package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
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
	body       *[]byte // canonical encoding without the stamps
	patient    person.PatientID
	anchor     *Anchor
	lastAnchor int64
	class      Class
	receipt    Receipt
	err        error
}

// finished reports whether every item has its receipt or error.
func (g *group) finished() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// Pending is an entry on its way to the disk.
type Pending struct {
	log   *Log
	group *group
	n     int
	err   error // refused before it was queued
}

// Append makes e durable and returns where it stands. An error means that the
// entry must be taken for not written, and that what it was to cover must not happen.
func (l *Log) Append(ctx context.Context, e Entry) (Receipt, error) {
	p, wake := l.start(&e)
	if wake && (ctx.Err() != nil || !l.help(p.group)) {
		l.poke()
	}
	return p.Wait(ctx)
}

// Start queues e and returns at once, so that the caller can fetch sealed bytes
// while the disk syncs. Nothing is written until Wait has returned nil.
func (l *Log) Start(e Entry) *Pending {
	p, wake := l.start(&e)
	if wake {
		l.poke()
	}
	return p
}

// start queues e. wake says that nobody would write it now without being told.
func (l *Log) start(e *Entry) (p *Pending, wake bool) {
	it, err := l.admit(e)
	if err != nil {
		return &Pending{err: err}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.enqueue(it)
}

// admit encodes e if it may be appended now.
func (l *Log) admit(e *Entry) (item, error) {
	if e.Event == "" || e.Outcome == "" {
		return item{}, fault.New(fault.Internal, "append to log: entry without event or outcome")
	}
	body, ok := l.bodies.Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 0, 640)
		body = &fresh
	}
	if *body = e.appendBody((*body)[:0]); bucket(maxStamp+len(*body)) == 0 {
		return item{}, fault.New(fault.TooLarge, "append to log: entry over 16 KiB")
	}
	if err := l.cfg.Store.Admit(e.Class); err != nil {
		return item{}, fault.Wrap(fault.Unavailable, "append to log", err)
	}
	return item{body: body, patient: e.Patient, anchor: e.Anchor, class: e.Class}, nil
}

// enqueue adds an item to the group that is written next; the caller holds mu. A
// sequencer that is at work comes back to the queue by itself.
func (l *Log) enqueue(it item) (p *Pending, wake bool) {
	if err := l.refusal(); err != nil {
		return &Pending{err: err}, false
	}
	if n := len(l.queue); n == 0 || len(l.queue[n-1].items) == maxGroup {
		l.queue = append(l.queue, &group{items: make([]item, 0, 8), done: make(chan struct{})})
	}
	g := l.queue[len(l.queue)-1]
	g.items = append(g.items, it)
	return &Pending{log: l, group: g, n: len(g.items) - 1}, !l.draining
}

// Wait returns when the entry is durable, or has failed, or ctx is done; in the
// last case the entry may still become durable, and the caller must act as if not.
// When nobody else is writing the caller does, and then waits for the disk alone.
func (p *Pending) Wait(ctx context.Context) (Receipt, error) {
	if p.err != nil {
		return Receipt{}, p.err
	}
	if ctx.Err() == nil {
		p.log.help(p.group)
	}
	select {
	case <-p.group.done:
	case <-ctx.Done():
		return Receipt{}, fault.Wrap(fault.Unavailable, "append to log", ctx.Err())
	}
	it := p.group.items[p.n]
	return it.receipt, it.err
}

// sequence writes what is queued and not written by whoever waits for it. Numbers are
// given out in turn.
func (l *Log) sequence() {
	defer l.running.Done()
	for over := false; !over; {
		<-l.wake
		l.turn.wait()
		for l.drains() {
			l.write()
		}
		l.turn.leave()
		l.mu.Lock()
		over = l.closed && len(l.queue) == 0
		l.mu.Unlock()
	}
}

// drains reports whether there is work, and keeps whoever brings more from waking
// the sequencer while there is.
func (l *Log) drains() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = len(l.queue) > 0
	return l.draining
}

// help writes in the place of the sequencer until g is done, unless somebody writes
// now. A single appender so changes goroutines for nothing: on an idle machine each
// change costs as much as sealing ten entries.
func (l *Log) help(g *group) bool {
	if g.finished() || !l.turn.take() {
		return false
	}
	for !g.finished() { // it is in the queue: only who has the turn takes it out
		l.write()
	}
	l.turn.leave()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 {
		l.poke()
	}
	return true
}

// write makes the oldest group durable, or refuses it. The caller has the turn, and
// there is a group.
//
// It seals, writes and syncs in one goroutine. To seal the next group while the disk
// syncs sounds better and is worse: under load each change of goroutines waits behind
// dozens of requests for a processor, and the disk stands still meanwhile.
func (l *Log) write() {
	l.join()
	g := l.take()
	items := make([]*item, len(g.items))
	for i := range g.items {
		items[i] = &g.items[i]
	}
	defer close(g.done)
	p, err := l.prepare(l.state, items)
	if err != nil {
		refuse(items, err)
		return
	}
	defer l.recycle(p)
	if err = l.cfg.Store.Append(context.Background(), p.batch); err == nil {
		l.accept(items, p.next)
		return
	}
	refuse(items, err)
	if !errors.Is(err, ErrNotWritten) {
		l.fail(err)
	}
	if errors.Is(err, ErrFull) {
		l.withoutLowest(items)
	}
}

// join lets whoever is about to append do so, for as long as the group grows by that:
// a sync costs the same for one entry and for many. Alone it costs nothing.
func (l *Log) join() {
	for before := 0; ; {
		l.mu.Lock()
		n := len(l.queue[0].items)
		l.mu.Unlock()
		if n == before {
			return
		}
		before = n
		runtime.Gosched()
	}
}

func (l *Log) take() *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.queue[0]
	l.queue = l.queue[1:]
	return g
}

// prepared is a batch that is sealed and ready to be written, on top of everything
// before it.
type prepared struct {
	items  []*item
	batch  Batch
	sealed *[]byte // what the payloads of batch stand in
	next   state   // when the batch is durable
}

func lowest(items []*item) Class {
	return slices.MinFunc(items, func(a, b *item) int { return cmp.Compare(a.class, b.class) }).class
}

// refuse gives items their error.
func refuse(items []*item, err error) {
	for _, it := range items {
		it.receipt, it.err = Receipt{}, fault.Wrap(fault.Unavailable, "append to log", err)
	}
}

func (l *Log) stopped() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// recycle keeps the memory of a batch for later ones: nobody holds it any more.
func (l *Log) recycle(p *prepared) {
	l.sealed.Put(p.sealed)
	for _, it := range p.items {
		l.bodies.Put(it.body)
		it.body = nil
	}
}

func (l *Log) accept(items []*item, next state) {
	for _, it := range items {
		it.err = nil
	}
	l.recent.add(items)
	l.state = next
	l.publish()
}

// withoutLowest tries items that found the disk full again, without those of their lowest
// class, until there is room or nobody is left.
func (l *Log) withoutLowest(items []*item) {
	for err := ErrFull; errors.Is(err, ErrFull); {
		class := lowest(items)
		items = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.class == class })
		if len(items) == 0 {
			return
		}
		var p *prepared
		if p, err = l.prepare(l.state, items); err != nil {
			refuse(items, err) // nothing was written: the log goes on
			return
		}
		err = l.cfg.Store.Append(context.Background(), p.batch)
		l.sealed.Put(p.sealed)
		if err == nil {
			l.accept(items, p.next)
			return
		}
		refuse(items, err)
		if !errors.Is(err, ErrNotWritten) {
			l.fail(err)
		}
	}
}

// prepare stamps, seals and hashes items on top of st.
func (l *Log) prepare(st state, items []*item) (*prepared, error) {
	if err := l.stopped(); err != nil {
		return nil, err
	}
	st.edge, st.settled = st.edge.clone(), l.settled.Load()
	l.tick(&st)
	salts := make([]byte, saltSize*len(items)) // at once: a certified source costs much per call
	if _, err := io.ReadFull(l.cfg.Random, salts); err != nil {
		return nil, fmt.Errorf("draw salts: %w", err)
	}
	first := st.edge.size
	for i, it := range items {
		it.receipt = Receipt{Seq: first + int64(i), Time: st.time}
		if it.anchor != nil {
			st.anchor, st.anchors = it.receipt.Seq, it.anchor
		}
		it.lastAnchor = st.anchor
	}
	rs, sealed, err := l.seal(items, salts, st.settled)
	if err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, 0, 2*len(items)+64) // of all records: each gets a part of it
	for i := range rs {
		n := len(hashes)
		hashes = st.edge.add(rs[i].Leaf.Hash(), hashes)
		rs[i].Hashes = hashes[n:]
	}
	return &prepared{items: items, batch: Batch{First: first, Records: rs, Class: lowest(items)}, sealed: sealed, next: st}, nil
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

// sealAlone is the number of entries that are not worth a second core.
const sealAlone = 64

// seal makes the records of items that are stamped, on all cores when there are many.
func (l *Log) seal(items []*item, salts []byte, settled int64) (rs []Record, sealed *[]byte, err error) {
	rs, sealed = make([]Record, len(items)), l.room(items)
	for i, b := 0, *sealed; i < len(items); i++ {
		n := sealedSize(len(*items[i].body))
		rs[i].Sealed, b = b[:0:n], b[n:]
	}
	n := min(l.cores, (len(items)+sealAlone-1)/sealAlone)
	errs := make([]error, n)
	work := func(k int) {
		from, to := k*len(items)/n, (k+1)*len(items)/n
		errs[k] = l.sealSome(rs[from:to], items[from:to], salts[from*saltSize:], settled)
	}
	var wg sync.WaitGroup
	for k := 1; k < n; k++ {
		wg.Go(func() { work(k) })
	}
	work(0)
	wg.Wait()
	return rs, sealed, errors.Join(errs...)
}

// room is memory for the sealed payloads of items.
func (l *Log) room(items []*item) *[]byte {
	n := 0
	for _, it := range items {
		n += sealedSize(len(*it.body))
	}
	b, ok := l.sealed.Get().(*[]byte)
	if !ok || cap(*b) < n {
		b = &[]byte{}
	}
	*b = slices.Grow((*b)[:0], n)[:n]
	return b
}

// sealSome makes the records of items, through one buffer.
func (l *Log) sealSome(rs []Record, items []*item, salts []byte, settled int64) (err error) {
	clock := items[0].receipt.Time.AppendFormat(nil, timeForm) // all of a batch have one time
	ad := associated(l.key.origin, 0)
	buf := make([]byte, 0, len(commitLabel)+saltSize+2048)
	for i, it := range items {
		buf = append(append(buf[:0], commitLabel...), salts[i*saltSize:(i+1)*saltSize]...)
		buf = appendStamps(buf, it.receipt.Seq, clock, it.lastAnchor, settled)
		buf = pad(append(buf, *it.body...), len(commitLabel)+saltSize)
		binary.BigEndian.PutUint64(ad[len(ad)-8:], uint64(it.receipt.Seq))
		if rs[i], err = sealEntry(l.cfg.Sealer, rs[i].Sealed, ad, it.receipt.Seq, buf); err != nil {
			return err
		}
	}
	return nil
}
