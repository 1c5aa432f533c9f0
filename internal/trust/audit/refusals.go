package audit

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Defaults of RefusalsConfig.
const (
	RefusalWindow  = time.Minute
	RefusalLimit   = 10_000
	RefusalSpread  = 64
	StrangerSpread = 1024
)

// Appender is what Refusals needs of a log. *Log is one.
type Appender interface {
	Append(ctx context.Context, e Entry) (Receipt, error)
}

// RefusalsConfig describes Refusals.
type RefusalsConfig struct {
	Log   Appender // required
	Limit int      // most different refusals counted at once; 0 means RefusalLimit
	// Spread is how many different refusals of one account within a minute have
	// entries of their own; 0 means RefusalSpread.
	Spread int
	// Strangers is how many sources of strangers within a minute have; 0 means
	// StrangerSpread.
	Strangers int
	// Alarm is told of a count that could not be made durable. It must not block.
	// Nil ignores; the count is tried again.
	Alarm func(error)
}

// Refusals keeps a flood of refusals from becoming a flood of entries. The first
// of its kind is durable when Refuse returns; identical ones within the minute
// raise a counter, which becomes one entry with Count when the minute is over, when
// the table is full, and at Close. Only such counts can be lost by a kill.
//
// Nor does a flood of different ones: an account that is refused Spread different
// things within a minute is slowed down. Whatever else it is refused in that minute
// is one kind, whose first is an entry that says so, and the answer is
// fault.Throttled, the same for a target that exists and one that does not. Many
// sources of strangers become one kind likewise, but nobody's answer changes: it
// would lock out those who did nothing.
//
// Memory is bounded: when Limit kinds are being counted, the oldest is written out.
type Refusals struct {
	log   Appender
	limit int
	most  map[bool]int // different refusals in a group: strangers or not
	alarm func(error)

	mu     sync.Mutex
	kinds  map[string]*list.Element // of *refusal
	order  *list.List               // oldest first
	shares map[string]*share
	closed bool
	wg     sync.WaitGroup
}

// share counts the kinds that one account, or all strangers, began within a minute.
type share struct {
	kinds int
	timer *time.Timer // ends the minute
}

// refusal is one kind of refusal within its minute.
type refusal struct {
	key   string
	entry Entry
	many  bool          // stands for all that a group has too many of
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
		most:  map[bool]int{false: cmp.Or(cfg.Spread, RefusalSpread), true: cmp.Or(cfg.Strangers, StrangerSpread)},
		kinds: map[string]*list.Element{}, order: list.New(), shares: map[string]*share{}}
}

func stranger(e Entry) bool { return e.Caller.Kind == person.KindStranger.String() }

// groupOf is whose flood a refusal would be part of. An account has one group for
// all its sessions and tokens; jobs, commands and alarms have none.
func groupOf(e Entry) string {
	switch {
	case stranger(e):
		return "strangers"
	case e.Caller.Account.IsZero():
		return ""
	}
	return "account " + e.Caller.Account.String()
}

// prefixOf is what one stranger can have many addresses of: a /64 of IPv6.
func prefixOf(source string) string {
	a, err := netip.ParseAddr(source)
	if err != nil || a.Is4() || a.Is4In6() {
		return source
	}
	p, _ := a.Prefix(64) // an IPv6 address has 64 bits to keep
	return p.String()
}

// Refuse records a refusal. key names caller, action and target; a stranger's is
// replaced by source and event, because whoever guesses targets from one source must
// not fill the disk. When it returns nil the refusal, or one identical to it in the
// same minute, is durable. So it is when it returns fault.Throttled.
func (r *Refusals) Refuse(ctx context.Context, key string, e Entry) error {
	if stranger(e) {
		key = "stranger " + prefixOf(e.Caller.Source) + " " + string(e.Event)
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
			return x.answer(x.err)
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, "log refusal", ctx.Err())
		}
	}
	// Others wait for this append: it must not end with this one caller's context.
	_, err := r.log.Append(context.WithoutCancel(ctx), x.entry)
	r.settle(x, err)
	return x.answer(err)
}

// answer is what the one who is refused is told instead of the refusal; err is the
// log's.
func (x *refusal) answer(err error) error {
	if err == nil && x.many && !stranger(x.entry) {
		return fault.New(fault.Throttled, "refuse: too many different things within a minute")
	}
	return err
}

// enter finds or makes the kind's slot. x is nil after Close.
func (r *Refusals) enter(key string, e Entry) (x *refusal, first bool, evicted *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, nil
	}
	if x = r.again(key); x != nil {
		return x, false, nil
	}
	many := r.tooMany(e)
	if many {
		key = "many " + groupOf(e)
		if x = r.again(key); x != nil {
			return x, false, nil
		}
		e.Reason = "too many different refusals: the others of this minute are counted in one entry"
		if !stranger(e) {
			e.Fault = fault.Throttled.String()
		}
	}
	if r.order.Len() >= r.limit {
		evicted = r.order.Front().Value.(*refusal)
		r.remove(evicted)
		r.wg.Add(1) // Close waits for its count
	}
	x = &refusal{key: key, entry: e, many: many, ready: make(chan struct{})}
	r.kinds[key] = r.order.PushBack(x)
	return x, true, evicted
}

// again counts one more of a kind that is in the table; the caller holds mu.
func (r *Refusals) again(key string) *refusal {
	el := r.kinds[key]
	if el == nil {
		return nil
	}
	x := el.Value.(*refusal)
	x.more++
	return x
}

// tooMany counts a new kind of e's group and reports whether the group has its
// share of this minute; the caller holds mu. What is written out early to make
// room still counts: else two accounts could empty the table for each other.
func (r *Refusals) tooMany(e Entry) bool {
	name := groupOf(e)
	if name == "" {
		return false
	}
	g := r.shares[name]
	if g == nil {
		g = &share{}
		g.timer = time.AfterFunc(RefusalWindow, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.shares, name)
		})
		r.shares[name] = g
	}
	if g.kinds == r.most[stranger(e)] {
		return true
	}
	g.kinds++
	return false
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
	if stranger(e) || x.many { // what the first asked for says nothing about the others
		e.Action, e.Objects, e.Query, e.Txn = "", nil, "", ""
	}
	if x.many {
		e.Patient, e.Owner, e.Kinds, e.Policy = person.PatientID{}, "", nil, nil
		if stranger(e) {
			e.Caller.Source = ""
		}
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
	for _, g := range r.shares {
		g.timer.Stop()
	}
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
