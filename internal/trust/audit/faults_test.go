package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/fault"
)

// harness drives a log through a scenario and knows what was acknowledged. After
// every step the whole tree is derived again and verified (sunlight's model).
type harness struct {
	t       *testing.T
	acked   map[int64]string
	refused map[string]bool // by a store that says it has written nothing
	n       int
	// apart starts the entries of a group one by one, so that batches are prepared
	// while others fail. Which call of the store is the k-th then depends on luck:
	// only with groups that stay together does a count of calls reach every one.
	apart bool
}

func newHarness(t *testing.T) *harness {
	return &harness{t: t, acked: map[int64]string{}, refused: map[string]bool{}}
}

// append appends n entries, in groups of three, and notes what was acknowledged.
func (h *harness) append(l *audit.Log, n int, class audit.Class) (err error) {
	for range n {
		var ps []*audit.Pending
		var es []audit.Entry
		for range 3 {
			e := read(h.n)
			e.Class = class
			h.n++
			es = append(es, e)
			if h.apart {
				ps = append(ps, l.Start(e))
			}
		}
		if !h.apart {
			ps = l.StartTogether(es...)
		}
		for i, p := range ps {
			r, e := p.Wait(context.Background())
			if e != nil {
				if !fault.Is(e, fault.Unavailable) {
					h.t.Fatalf("append failed with %v", e)
				}
				h.refused[es[i].Objects[0]] = errors.Is(e, audit.ErrNotWritten)
				err = e
				continue
			}
			if old, twice := h.acked[r.Seq]; twice {
				h.t.Fatalf("entry %d acknowledged twice: %s, %s", r.Seq, old, es[i].Objects[0])
			}
			h.acked[r.Seq] = es[i].Objects[0]
		}
	}
	return err
}

// check verifies the whole tree and finds every acknowledged entry in it.
func (h *harness) check(cfg audit.Config, what string) {
	h.t.Helper()
	l, err := audit.Open(context.Background(), cfg)
	if err != nil {
		h.t.Fatalf("%s: does not start: %v", what, err)
	}
	defer l.Close(context.Background())
	out, err := cfg.Outside.Load(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := audit.Verify(context.Background(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey, Outside: [][]byte{out}})
	if err != nil || !r.OK || !r.Anchored || r.Size != l.Size() {
		h.t.Fatalf("%s: verify: %+v %v", what, r, err)
	}
	found := 0
	err = l.RiskyRead(context.Background(), 0, l.Size(), func(e audit.Entry) error {
		want, ok := h.acked[e.Seq]
		if ok && want != e.Objects[0] {
			return fmt.Errorf("entry %d is %s, acknowledged was %s", e.Seq, e.Objects[0], want)
		}
		if ok {
			found++
		}
		if h.refused[e.Objects[0]] {
			return fmt.Errorf("entry %d is %s, which was not written", e.Seq, e.Objects[0])
		}
		return nil
	})
	if err != nil || found != len(h.acked) {
		h.t.Fatalf("%s: %d of %d acknowledged entries: %v", what, found, len(h.acked), err)
	}
	if err := h.append(l, 1, audit.ClassCare); err != nil {
		h.t.Fatalf("%s: the log does not go on: %v", what, err)
	}
}

// run is the scenario: start, append, checkpoint, append, close, start again. Errors
// are allowed everywhere; broken promises are not.
func (h *harness) run(cfg audit.Config) {
	ctx := context.Background()
	for range 2 {
		l, err := audit.Open(ctx, cfg)
		if err != nil {
			continue
		}
		_ = h.append(l, 2, audit.ClassCare)
		_, _ = l.Checkpoint(ctx)
		_ = h.append(l, 1, audit.ClassCare)
		if l.Err() != nil {
			if err := l.Reopen(ctx); err == nil {
				_ = h.append(l, 1, audit.ClassCare)
			}
		}
		_, _ = l.RiskyProof(ctx, 0)
		_ = l.Close(ctx)
	}
}

// Every call of the file system fails in turn, in every way that a disk fails.
func TestEveryDiskCallFails(t *testing.T) {
	for _, mode := range []struct {
		name        string
		err         error
		half, crash bool
		apart       bool
	}{
		{"error", unix.EIO, false, false, false},
		{"torn write", unix.EIO, true, false, false},
		{"torn write, batches overlap", unix.EIO, true, false, true},
		{"full", unix.ENOSPC, true, false, false},
		{"crash", unix.EIO, true, true, false},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			for k := 1; ; k++ {
				dir := t.TempDir()
				disk := audit.NewFaultDisk(dir)
				cfg := audittest.Config()
				files := audit.FileConfig{Dir: dir, Segment: 3000, Reserve: 1 << 14}
				cfg.Store = audit.NewFileStore(disk.Config(files))
				if err := audit.Create(t.Context(), cfg); err != nil {
					t.Fatal(err)
				}
				h := newHarness(t)
				h.apart = mode.apart
				cfg.CheckpointEvery = time.Hour // a tick of a slow run would be a call too
				disk.FailAt(k, mode.err, mode.half, mode.crash)
				h.run(cfg)
				if !disk.Failed() {
					return
				}
				disk.FailAt(0, nil, false, false)
				_ = cfg.Store.Close() // as the end of a process would
				cfg.Store = audit.NewFileStore(disk.Config(files))
				h.check(cfg, fmt.Sprintf("call %d", k))
			}
		})
	}
}

// Every call of a store fails in turn, before or after it took effect.
func TestEveryStoreCallFails(t *testing.T) {
	for _, c := range []struct {
		name         string
		err          error
		after, apart bool
	}{
		{"refused", errors.New("refused"), false, false},
		{"not written", errors.Join(audit.ErrNotWritten, errors.New("refused")), false, false},
		{"not written, batches overlap", errors.Join(audit.ErrNotWritten, errors.New("refused")), false, true},
		{"full", errors.Join(audit.ErrNotWritten, audit.ErrFull), false, false},
		{"answer lost", errors.New("lost"), true, false},
		{"answer lost, batches overlap", errors.New("lost"), true, true},
		{"damaged", audit.ErrDamaged, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k := 1; ; k++ {
				cfg := audittest.Config()
				if err := audit.Create(t.Context(), cfg); err != nil {
					t.Fatal(err)
				}
				under := cfg.Store
				faulty := &audittest.Faulty{Store: under, At: k, Err: c.err, After: c.after}
				cfg.Store = faulty
				h := newHarness(t)
				h.apart = c.apart
				cfg.CheckpointEvery = time.Hour
				h.run(cfg)
				if !faulty.Failed() {
					return
				}
				cfg.Store = under
				h.check(cfg, fmt.Sprintf("call %d", k))
			}
		})
	}
}

// A sync whose outcome is unknown stops the log; Reopen proves the state and goes on.
func TestUnknownOutcomeStopsUntilReopen(t *testing.T) {
	cfg := audittest.Config()
	var alarmed []error
	cfg.Alarm = func(err error) { alarmed = append(alarmed, err) }
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	faulty := &audittest.Faulty{Store: cfg.Store, Err: unix.EIO, After: true}
	cfg.Store = faulty
	l, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, read(0))
	*faulty = audittest.Faulty{Store: faulty.Store, Err: unix.EIO, After: true, At: 1}
	if _, err := l.Append(t.Context(), read(1)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := l.Append(t.Context(), read(2)); !fault.Is(err, fault.Unavailable) {
			t.Fatal("a stopped log took an entry:", err)
		}
	}
	if len(alarmed) != 1 {
		t.Fatalf("%d alarms", len(alarmed))
	}
	if err := l.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The unacknowledged entry had become durable: it stays, and the next follows it.
	if r := mustAppend(t, l, read(3)); r.Seq != 2 {
		t.Fatal(r)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Reopen refuses a store that has lost or changed what this log acknowledged.
func TestReopenRefusesAnotherTree(t *testing.T) {
	for name, edit := range map[string]func([]audit.Record) []audit.Record{
		"lost": func(rs []audit.Record) []audit.Record { return rs[:1] },
		"newest unreadable": func(rs []audit.Record) []audit.Record {
			return append(rs[:1:1], audit.Record{Seq: 1, Leaf: rs[1].Leaf, Sealed: rs[0].Sealed})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := audittest.Config()
			l := audittest.Start(t, cfg)
			mustAppend(t, l, read(0), read(1))
			cfg.Store.(*audittest.Memory).Edit(edit)
			if err := l.Reopen(t.Context()); !fault.Is(err, fault.Tampered) {
				t.Fatal(err)
			}
		})
	}
}

// Two sequencers on one store: the second to write is stopped, the tree does not fork.
func TestSecondSequencerIsFound(t *testing.T) {
	cfg := audittest.Config()
	a := audittest.Start(t, cfg)
	mustAppend(t, a, read(0))
	b, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, b, read(1))
	if _, err := a.Append(t.Context(), read(2)); !errors.Is(err, audit.ErrForked) || !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if err := a.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, a, read(2))
	r, err := audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey})
	if err != nil || !r.OK || r.Size != 3 {
		t.Fatalf("%+v %v", r, err)
	}
}

// The declared order when the disk fills up: strangers, then apps, patients and
// office roles are refused; care goes on inside the reserve; then everybody stops;
// when space returns the reserve is refilled and everybody comes back.
func TestDiskFillsUp(t *testing.T) {
	dir := t.TempDir()
	disk := audit.NewFaultDisk(dir)
	free := int64(1 << 30)
	freeErr := error(nil)
	cfg := audittest.Config()
	marks := audit.Marks{Stranger: 400_000, App: 300_000, Patient: 200_000, Office: 100_000}
	store := audit.NewFileStore(disk.Config(audit.FileConfig{Dir: dir, Reserve: 80_000, Marks: marks,
		Free: func() (int64, error) { return free, freeErr }}))
	cfg.Store = store
	cfg.CheckpointEvery = time.Hour
	l := audittest.Start(t, cfg)
	if store.Reserved() != 80_000 {
		t.Fatalf("reserve of %d", store.Reserved())
	}
	classes := []audit.Class{audit.ClassStranger, audit.ClassApp, audit.ClassPatient, audit.ClassOffice, audit.ClassCare}
	served := func() (n int) {
		t.Helper()
		for i, c := range classes {
			e := read(0)
			e.Class = c
			_, err := l.Append(t.Context(), e)
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Fatal(err)
			}
			if err != nil && n > 0 {
				t.Fatalf("class %d refused before class %d", i, i-1)
			}
			if err == nil {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		free int64
		want int
	}{{1 << 30, 5}, {399_999, 4}, {299_999, 3}, {199_999, 2}, {99_999, 1}, {0, 1}, {1 << 30, 5}} {
		free = step.free
		if step.want < 5 { // Maintain looks, as every batch does; Admit itself sees that space is back
			must(0, store.Maintain(t.Context()))
		}
		if got := served(); got != step.want {
			t.Fatalf("with %d bytes free %d classes are served, want %d", step.free, got, step.want)
		}
	}
	free, freeErr = 0, errors.New("statfs")
	if err := store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if served() != 5 {
		t.Fatal("unknown free space refused somebody")
	}
	freeErr = nil

	// The file system is really full: a mixed group serves care alone, out of the reserve.
	disk.FailAt(1, nil, false, false)
	full(disk, store, 3)
	office, care := read(1), read(2)
	office.Class, care.Class = audit.ClassOffice, audit.ClassCare
	free = marks.Office // the marks let office in; the disk does not
	ps := l.StartTogether(office, care)
	_, officeErr := ps[0].Wait(t.Context())
	_, careErr := ps[1].Wait(t.Context())
	if !errors.Is(officeErr, audit.ErrFull) || careErr != nil {
		t.Fatalf("office %v, care %v", officeErr, careErr)
	}
	if left := store.Reserved(); left >= 80_000 || left == 0 {
		t.Fatalf("reserve of %d", left)
	}
	// Until the reserve is gone.
	free = 0
	disk.Full(unix.ENOSPC)
	if _, err := l.Append(t.Context(), care); !errors.Is(err, audit.ErrFull) || store.Reserved() != 0 {
		t.Fatal(err, store.Reserved())
	}
	if served() != 0 {
		t.Fatal("somebody was served without space")
	}
	if err := l.Err(); err != nil {
		t.Fatal("a full disk stopped the log:", err)
	}
	// Space returns: everybody is back, and the reserve is refilled in steps.
	disk.Full(nil)
	free = 1 << 30
	for range 20 {
		if err := store.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if served() != 5 || store.Reserved() != 80_000 {
		t.Fatal("not back to normal", store.Reserved())
	}
	r, err := audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey})
	if err != nil || !r.OK {
		t.Fatalf("%+v %v", r, err)
	}
}

// scripted is a store whose Appends end as the script says; nil lets one through.
type scripted struct {
	*audittest.Memory
	hold   chan struct{}
	script []error
}

func (s *scripted) Append(ctx context.Context, b audit.Batch) error {
	<-s.hold
	if len(s.script) > 0 {
		err := s.script[0]
		s.script = s.script[1:]
		if err != nil {
			return err
		}
	}
	return s.Memory.Append(ctx, b)
}

// A group that finds the disk full is tried again with care alone; whatever happens
// then, what waits behind it gets the numbers that follow, or an error, and nobody hangs.
func TestFullGroups(t *testing.T) {
	full := errors.Join(audit.ErrNotWritten, audit.ErrFull)
	for name, c := range map[string]struct {
		script               []error
		classes              []audit.Class
		office, care, behind bool // served
		stopped              bool
	}{
		"care has room":     {[]error{nil, full}, []audit.Class{audit.ClassOffice, audit.ClassCare}, false, true, true, false},
		"care has no room":  {[]error{nil, full, full}, []audit.Class{audit.ClassOffice, audit.ClassCare}, false, false, true, false},
		"care breaks":       {[]error{nil, full, unix.EIO}, []audit.Class{audit.ClassOffice, audit.ClassCare}, false, false, false, true},
		"care alone":        {[]error{nil, full}, []audit.Class{audit.ClassCare, audit.ClassCare}, false, false, true, false},
		"office alone":      {[]error{nil, full}, []audit.Class{audit.ClassOffice, audit.ClassOffice}, false, false, true, false},
		"unknown outcome":   {[]error{nil, unix.EIO}, []audit.Class{audit.ClassOffice, audit.ClassCare}, false, false, false, true},
		"first unknown too": {[]error{unix.EIO}, []audit.Class{audit.ClassOffice, audit.ClassCare}, false, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := audittest.Config()
				s := &scripted{Memory: &audittest.Memory{}, hold: make(chan struct{}), script: c.script}
				cfg.Store = s
				l := audittest.Start(t, cfg)
				start := func(class audit.Class) *audit.Pending {
					e := read(0)
					e.Class = class
					return l.Start(e)
				}
				step := func() (more bool) {
					synctest.Wait() // until the sequencer waits for the store, or for work
					select {
					case s.hold <- struct{}{}:
						return true
					default:
						return false
					}
				}
				start(audit.ClassCare)
				synctest.Wait() // the first is being written, the next two are one batch
				office, care := start(c.classes[0]), start(c.classes[1])
				step()
				synctest.Wait()
				behind := start(audit.ClassCare)
				for step() {
				}
				for what, p := range map[string]struct {
					p    *audit.Pending
					want bool
				}{"office": {office, c.office}, "care": {care, c.care}, "behind": {behind, c.behind}} {
					if r, err := p.p.Wait(t.Context()); (err == nil) != p.want || err != nil && r != (audit.Receipt{}) {
						t.Errorf("%s: %+v %v", what, r, err)
					}
				}
				if (l.Err() != nil) != c.stopped {
					t.Error(l.Err())
				}
				close(s.hold)
				if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: s.Memory, VKey: cfg.VKey})); !r.OK {
					t.Errorf("%+v", r)
				}
				_ = l.Close(context.Background())
			})
		})
	}
}

// full makes writes fail until the store has released steps of its reserve.
func full(disk *audit.FaultDisk, store *audit.FileStore, steps int64) {
	start := store.Reserved()
	disk.FullUntil(unix.ENOSPC, func() bool { return start-store.ReservedNow() >= steps*10_000 })
}

func TestReserveOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	free := int64(10)
	disk := audit.NewFaultDisk(dir)
	s := audit.NewFileStore(disk.Config(audit.FileConfig{Dir: dir, Reserve: 1 << 14, Marks: audit.Marks{Office: 1000},
		Free: func() (int64, error) { return free, nil }}))
	if _, err := s.Load(t.Context()); err != nil || s.Reserved() != 0 {
		t.Fatal(err, s.Reserved())
	}
	if err := s.Maintain(t.Context()); err != nil || s.Reserved() != 0 {
		t.Fatal("refilled without space", err)
	}
	free = 1 << 20
	disk.Full(unix.ENOSPC)
	if err := s.Maintain(t.Context()); err == nil {
		t.Fatal("allocation failed silently")
	}
	disk.Full(nil)
	for range 8 {
		if err := s.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s.Reserved() != 1<<14 {
		t.Fatal(s.Reserved())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	none := audit.NewFileStore(audit.FileConfig{Dir: t.TempDir(), Reserve: -1})
	if _, err := none.Load(t.Context()); err != nil || none.Reserved() != 0 {
		t.Fatal(err)
	}
	if err := errors.Join(none.Maintain(t.Context()), none.Admit(audit.ClassStranger), none.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "reserve")); err != nil {
		t.Fatal(err)
	}
}
