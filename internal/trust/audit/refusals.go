package audit

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Defaults of RefusalsConfig.
const (
	RefusalWindow = time.Minute
	RefusalLimit  = 10_000
)

// Appender is what Refusals needs of a log. *Log is one.
type Appender interface {
	Append(ctx context.Context, e Entry) (Receipt, error)
}

// RefusalsConfig describes Refusals.
type RefusalsConfig struct {
	Log   Appender // required
	Limit int      // most different refusals counted at once; 0 means RefusalLimit
	// Alarm is told of a count that could not be made durable. It must not block.
	// Nil ignores; the count is tried again.
	Alarm func(error)
}

// Refusals keeps a flood of refusals from becoming a flood of entries. The first
// of its kind is durable when Refuse returns; identical ones within the minute
// raise a counter, which becomes one entry with Count when the minute is over, when
// the table is full, and at Close. Only such counts can be lost by a kill.
//
// Memory is bounded: when Limit kinds are being counted, the oldest is written out.
type Refusals struct {
	log   Appender
	limit int
	alarm func(error)

	mu     sync.Mutex
	kinds  map[string]*list.Element // of *refusal
	order  *list.List               // oldest first
	closed bool
	wg     sync.WaitGroup
}

// refusal is one kind of refusal within its minute.
type refusal struct {
	key   string
	entry Entry
	more  int64         // identical ones after the first
	ready chan struct{} // closed when the first is durable or has failed
	err   error
	timer *time.Timer
}

// NewRefusals starts an empty table.
func NewRefusals(cfg RefusalsConfig) *Refusals {
	if cfg.Limit == 0 {
		cfg.Limit = RefusalLimit
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(error) {}
	}
	return &Refusals{log: cfg.Log, limit: cfg.Limit, alarm: cfg.Alarm,
		kinds: map[string]*list.Element{}, order: list.New()}
}

// Refuse records a refusal. key names caller, action and target; a stranger's is
// replaced by source and event, because whoever guesses targets from one source must
// not fill the disk. When it returns nil the refusal, or one identical to it in the
// same minute, is durable.
func (r *Refusals) Refuse(ctx context.Context, key string, e Entry) error {
	if e.Caller.Kind == person.KindStranger.String() {
		key = "stranger " + e.Caller.Source + " " + string(e.Event)
	}
	x, first, evicted := r.enter(key, e)
	if x == nil {
		return fault.New(fault.Unavailable, "log refusal: closed")
	}
	if evicted != nil {
		r.flush(ctx, evicted)
		r.wg.Done()
	}
	if !first {
		select {
		case <-x.ready:
			return x.err
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, "log refusal", ctx.Err())
		}
	}
	// Others wait for this append: it must not end with this one caller's context.
	_, err := r.log.Append(context.WithoutCancel(ctx), e)
	r.settle(x, err)
	return err
}

// enter finds or makes the kind's slot. x is nil after Close.
func (r *Refusals) enter(key string, e Entry) (x *refusal, first bool, evicted *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, nil
	}
	if el := r.kinds[key]; el != nil {
		x = el.Value.(*refusal)
		x.more++
		return x, false, nil
	}
	if r.order.Len() >= r.limit {
		evicted = r.order.Front().Value.(*refusal)
		r.remove(evicted)
		r.wg.Add(1) // Close waits for its count
	}
	x = &refusal{key: key, entry: e, ready: make(chan struct{})}
	r.kinds[key] = r.order.PushBack(x)
	return x, true, evicted
}

// remove takes a slot out of the table; the caller holds mu.
func (r *Refusals) remove(x *refusal) bool {
	el := r.kinds[x.key]
	if el == nil || el.Value != any(x) {
		return false
	}
	delete(r.kinds, x.key)
	r.order.Remove(el)
	if x.timer != nil {
		x.timer.Stop()
	}
	return true
}

// settle ends the first append: on success the minute begins, on failure the slot
// goes away and everybody who waited gets the error.
func (r *Refusals) settle(x *refusal, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.err = err
	// The first entry has it; while counting, a long query would only hold memory.
	x.entry.Query = ""
	close(x.ready)
	if err != nil {
		r.remove(x)
		return
	}
	if r.kinds[x.key] != nil && !r.closed {
		x.timer = time.AfterFunc(RefusalWindow, func() { r.expire(x) })
	}
}

// expire ends a kind's minute.
func (r *Refusals) expire(x *refusal) {
	r.mu.Lock()
	if r.closed || !r.remove(x) {
		r.mu.Unlock()
		return
	}
	r.wg.Add(1)
	r.mu.Unlock()
	defer r.wg.Done()
	r.flush(context.Background(), x)
}

// flush writes a removed slot's count. One that cannot be written goes back into
// the table and is tried again after a minute.
func (r *Refusals) flush(ctx context.Context, x *refusal) {
	if err := r.write(context.WithoutCancel(ctx), x); err != nil {
		r.alarm(err)
		r.mu.Lock()
		defer r.mu.Unlock()
		if el := r.kinds[x.key]; el != nil {
			el.Value.(*refusal).more += x.more
			return
		}
		r.kinds[x.key] = r.order.PushBack(x)
		if !r.closed {
			x.timer = time.AfterFunc(RefusalWindow, func() { r.expire(x) })
		}
	}
}

// write makes a count durable. The slot is out of the table, so more stands still.
func (r *Refusals) write(ctx context.Context, x *refusal) error {
	<-x.ready
	if x.more == 0 || x.err != nil {
		return nil // nothing to count, or nobody was answered
	}
	e := x.entry
	e.Event, e.Count = EventCount, x.more
	if e.Caller.Kind == person.KindStranger.String() {
		e.Action, e.Objects, e.Query, e.Txn = "", nil, "", "" // those of the first say nothing about the others
	}
	if _, err := r.log.Append(ctx, e); err != nil {
		return fmt.Errorf("log count of refusals: %w", err)
	}
	return nil
}

// Close makes every count durable. The log must be closed after it.
func (r *Refusals) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.wg.Wait() // a count being written now comes back into the table if it fails
	r.mu.Lock()
	var left []*refusal
	for el := r.order.Front(); el != nil; el = r.order.Front() {
		left = append(left, el.Value.(*refusal))
		r.remove(el.Value.(*refusal))
	}
	r.mu.Unlock()
	var errs []error
	for _, x := range left {
		errs = append(errs, r.write(ctx, x))
	}
	return errors.Join(errs...)
}
