package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/word/fault"
)

// DefaultCheckpointEvery leaves a second to spare below the promised five.
const DefaultCheckpointEvery = 4 * time.Second

// Config describes a log to Open and Create. Every field without a stated default
// is required.
type Config struct {
	Store   Store
	Sealer  Sealer
	Signer  Signer
	VKey    string           // content of log.vkey; its name is the origin
	Outside Outside          // where the newest checkpoint is kept
	Clock   func() time.Time // the system's clock
	Random  io.Reader        // salts; must be a cryptographic source

	CheckpointEvery time.Duration // longest wait before a grown tree is signed; 0 means DefaultCheckpointEvery
	// Alarm is told of trouble that the log cannot write about itself: a checkpoint
	// or upkeep that failed, a log that has stopped. It must not block. Nil ignores.
	Alarm func(error)
}

// Receipt says where a durable entry stands.
type Receipt struct {
	Seq  int64
	Time time.Time
}

// Log is an open log. Its methods are safe for concurrent use.
type Log struct {
	cfg Config
	key key

	cores int // that seal

	mu       sync.Mutex // guards queue, draining, closed and broken
	queue    []*group
	draining bool // the sequencer comes back to the queue by itself
	closed   bool
	broken   error
	wake     chan struct{} // capacity 1: there is work

	bodies sync.Pool // of *[]byte: encodings of entries on their way
	sealed sync.Pool // of *[]byte: payloads of batches on their way

	turn  turn  // of whoever appends a batch; Reopen's too
	state state // the sequencer's, guarded by turn

	view    atomic.Pointer[view]
	recent  recent
	upper   upperHashes
	settled atomic.Int64
	stepped atomic.Int64 // largest step back of the clock not yet taken by StepBack, ns

	ckMu    sync.Mutex // held while a checkpoint is written
	note    atomic.Pointer[signed]
	outside []byte // the note that Outside holds, guarded by ckMu

	stop    context.CancelFunc
	running sync.WaitGroup
}

// turn is a lock in the form of a channel: a test that steps through the log's
// goroutines (testing/synctest) sees who waits for it.
type turn chan struct{}

func (t turn) wait()  { t <- struct{}{} }
func (t turn) leave() { <-t }

// take takes the turn if nobody has it.
func (t turn) take() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// state is what the sequencer needs to write the next entry.
type state struct {
	edge    edge
	time    time.Time
	anchor  int64 // newest entry with an Anchor, -1
	anchors *Anchor
	settled int64
}

// view is what is durable, published after every batch.
type view struct {
	size    int64
	time    time.Time
	edge    edge
	anchor  int64
	anchors *Anchor
	grown   chan struct{} // closed when the next view is published
}

// signed is a checkpoint of this log.
type signed struct {
	head Head
	note []byte
}

// Create starts a log: it signs the empty tree and puts it into the store and
// outside. It refuses a store that holds anything and an outside checkpoint that
// exists. Only init and demo call it: Open never creates what it misses, since a
// missing outside checkpoint is what a replaced log looks like.
func Create(ctx context.Context, cfg Config) (err error) {
	k, err := checkConfig(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cfg.Store.Close()) }()
	n, err := cfg.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	if n != 0 {
		return fault.New(fault.Conflict, "create log: the store is not empty")
	}
	var none edge
	b, err := signHead(cfg.Signer, k.origin, none.head())
	if err != nil {
		return err
	}
	if err := cfg.Outside.Create(ctx, b); err != nil {
		return fault.Wrap(fault.Conflict, "create log", err)
	}
	return cfg.Store.SetCheckpoint(ctx, none.head(), b)
}

func checkConfig(cfg Config) (key, error) {
	k, err := parseVKey(cfg.VKey)
	if err != nil {
		return key{}, err
	}
	if k.verifier.KeyHash() != cfg.Signer.KeyHash() || k.origin != cfg.Signer.Name() {
		return key{}, fault.Wrap(fault.Tampered, "open log", ErrVKey)
	}
	return k, nil
}

// Open loads the store, checks it in O(log n) against the outside checkpoint and
// the store's own, opens the newest entry, and starts the sequencer. Each way in
// which log and checkpoint may disagree is an error of its own (ErrOutsideMissing,
// ErrNote, ErrNoteKey, ErrOrigin, ErrSmaller, ErrRoot), and none is repaired.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	k, err := checkConfig(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.CheckpointEvery == 0 {
		cfg.CheckpointEvery = DefaultCheckpointEvery
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(error) {}
	}
	l := &Log{cfg: cfg, key: k, cores: runtime.GOMAXPROCS(0), wake: make(chan struct{}, 1), turn: make(turn, 1)}
	if err := l.load(ctx); err != nil {
		return nil, errors.Join(err, cfg.Store.Close())
	}
	run, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.running.Add(1)
	go l.sequence()
	l.running.Add(1)
	go l.sign(run)
	return l, nil
}

// load establishes state from store and checkpoints.
func (l *Log) load(ctx context.Context) error {
	size, err := l.cfg.Store.Load(ctx)
	if err != nil {
		return fault.Wrap(kindOfStore(err), "load log", err)
	}
	st, err := l.stateAt(ctx, size)
	if err != nil {
		return err
	}
	newest, err := l.checkStart(ctx, st.edge.head())
	if err != nil {
		return err
	}
	l.note.Store(newest)
	l.state = st
	l.settled.Store(st.settled)
	l.publish()
	return nil
}

// kindOfStore maps a store's error: damage and forks are tampering until somebody
// has looked, everything else is a disk or server that may come back.
func kindOfStore(err error) fault.Kind {
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrForked) {
		return fault.Tampered
	}
	return fault.Unavailable
}

// stateAt reads what the sequencer needs at size: the edge, and the stamps of the
// newest entry, which lead to the newest anchor in one step.
func (l *Log) stateAt(ctx context.Context, size int64) (state, error) {
	st := state{anchor: -1, settled: -1}
	var err error
	if st.edge, err = edgeAt(ctx, l.cfg.Store, size); err != nil {
		return st, fault.Wrap(kindOfStore(err), "load log", err)
	}
	if size == 0 {
		return st, nil
	}
	newest, err := l.entry(ctx, size-1)
	if err != nil {
		return st, err
	}
	st.time, st.anchor, st.settled = newest.Time, newest.LastAnchor, newest.Settled
	if st.anchor >= 0 {
		st.anchors, err = l.Anchor(ctx, st.anchor)
	}
	return st, err
}

// checkStart compares the tree with the outside checkpoint, which must be there,
// and with the store's own, which may be lost. It returns the newer one.
func (l *Log) checkStart(ctx context.Context, now Head) (*signed, error) {
	out, err := l.cfg.Outside.Load(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "check log at start", err)
	}
	newest, err := l.checkNote(ctx, now, out)
	if err != nil {
		return nil, fault.Wrap(fault.Tampered, "check log against the outside checkpoint", err)
	}
	l.outside = out
	own, err := l.cfg.Store.Checkpoint(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "check log at start", err)
	}
	if own == nil {
		return newest, nil
	}
	mine, err := l.checkNote(ctx, now, own)
	if err != nil {
		return nil, fault.Wrap(fault.Tampered, "check log against its own checkpoint", err)
	}
	if mine.head.Size > newest.head.Size {
		newest = mine
	}
	return newest, nil
}

func (l *Log) checkNote(ctx context.Context, now Head, b []byte) (*signed, error) {
	h, err := l.key.open(b)
	if err != nil {
		return nil, err
	}
	err = checkPrefix(now.Size, h, func(n int64) (tlog.Hash, error) { return rootAt(ctx, l.cfg.Store, n) })
	return &signed{h, b}, err
}

// publish makes the sequencer's state visible. Its view has a copy of the edge.
func (l *Log) publish() {
	v := &view{size: l.state.edge.size, time: l.state.time, edge: l.state.edge.clone(),
		anchor: l.state.anchor, anchors: l.state.anchors, grown: make(chan struct{})}
	if old := l.view.Swap(v); old != nil {
		close(old.grown)
	}
}

// Origin is the log's name, the first line of its checkpoints.
func (l *Log) Origin() string { return l.key.origin }

// VKey is the key that verifiers must be given.
func (l *Log) VKey() string { return l.key.text }

// Size is the number of durable entries.
func (l *Log) Size() int64 { return l.view.Load().size }

// Head is the durable tree.
func (l *Log) Head() Head { return l.view.Load().edge.head() }

// LastTime is the time of the newest durable entry, zero in an empty log.
func (l *Log) LastTime() time.Time { return l.view.Load().time }

// Grown returns a channel that is closed when the log is larger than it was at the call.
func (l *Log) Grown() <-chan struct{} { return l.view.Load().grown }

// Settle records that the data transaction of the anchor at seq has committed. It
// is kept in memory and stamped on the entries that follow.
func (l *Log) Settle(seq int64) {
	for {
		now := l.settled.Load()
		if seq <= now || l.settled.CompareAndSwap(now, seq) {
			return
		}
	}
}

// LatestAnchor returns the newest durable anchor and whether its data transaction
// is known to have committed. In a log without anchors seq is -1.
func (l *Log) LatestAnchor() (seq int64, a Anchor, settled bool, err error) {
	if err := l.Err(); err != nil {
		return -1, Anchor{}, false, err
	}
	v := l.view.Load()
	if v.anchor < 0 {
		return -1, Anchor{}, true, nil
	}
	return v.anchor, *v.anchors, l.settled.Load() >= v.anchor, nil
}

// Anchor returns the anchor of the entry at seq; it discloses nothing else of it.
func (l *Log) Anchor(ctx context.Context, seq int64) (*Anchor, error) {
	e, err := l.entry(ctx, seq)
	if err != nil {
		return nil, err
	}
	if e.Anchor == nil {
		return nil, fault.New(fault.Tampered, "read anchor: the entry has none")
	}
	return e.Anchor, nil
}

// Err is nil while the log takes entries.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusal()
}

// refusal is why nothing is taken now; the caller holds mu.
func (l *Log) refusal() error {
	if l.broken != nil {
		return fault.Wrap(fault.Unavailable, "append to log: stopped until reopened", l.broken)
	}
	if l.closed {
		return fault.New(fault.Unavailable, "append to log: closed")
	}
	return nil
}

// fail stops the log: nothing is taken until Reopen or a restart. The store's
// recovery at start is the tested way back, so no other is tried.
func (l *Log) fail(err error) {
	l.mu.Lock()
	first := l.broken == nil
	if first {
		l.broken = err
	}
	l.mu.Unlock()
	if first {
		l.cfg.Alarm(fmt.Errorf("log stopped: %w", err))
	}
}

// Reopen lets a stopped log go on: it loads the store again and proves that
// everything this log acknowledged is still there, unchanged. A batch that had
// failed may turn out to be durable; its entries stay in the log, unacknowledged.
// When it fails the log is stopped, whatever it was before. A log that was closed
// stays closed: its store has another owner by then, or will have.
func (l *Log) Reopen(ctx context.Context) error {
	l.turn.wait()
	defer l.turn.leave()
	l.mu.Lock()
	closed := l.closed // and nobody closes the store before this turn is over
	l.mu.Unlock()
	if closed {
		return fault.New(fault.Unavailable, "reopen log: closed")
	}
	st, err := l.reload(ctx)
	if err != nil {
		l.fail(err)
		return err
	}
	l.state = st
	l.publish()
	l.mu.Lock()
	l.broken = nil
	l.mu.Unlock()
	return nil
}

func (l *Log) reload(ctx context.Context) (state, error) {
	size, err := l.cfg.Store.Load(ctx)
	if err != nil {
		return state{}, fault.Wrap(kindOfStore(err), "reopen log", err)
	}
	mine := l.state.edge.head()
	err = checkPrefix(size, mine, func(n int64) (tlog.Hash, error) { return rootAt(ctx, l.cfg.Store, n) })
	if err != nil {
		return state{}, fault.Wrap(fault.Tampered, "reopen log", err)
	}
	return l.stateAt(ctx, size)
}

// Close stops taking entries, makes those taken durable, signs the last checkpoint
// and closes the store.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	l.poke()
	l.stop()
	l.running.Wait()
	l.turn.wait() // whoever helped has written
	defer l.turn.leave()
	_, err := l.Checkpoint(ctx)
	return errors.Join(err, l.cfg.Store.Close())
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
