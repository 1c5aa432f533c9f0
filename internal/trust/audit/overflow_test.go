package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// tight is a table whose disk is full whenever the test says so.
type tight struct {
	audit.Store
	full   bool
	let    int   // so many Appends go through nevertheless
	answer error // what an Append ends with that has taken effect; nil for nothing
}

func newTight() *tight { return &tight{Store: &audittest.Memory{}} }

func (s *tight) Append(ctx context.Context, b audit.Batch) error {
	if s.full && s.let == 0 {
		return errors.Join(audit.ErrNotWritten, audit.ErrFull)
	}
	s.let = max(0, s.let-1)
	return errors.Join(s.Store.Append(ctx, b), s.answer)
}

func (s *tight) SetCheckpoint(ctx context.Context, h audit.Head, note []byte) error {
	if s.full {
		return audit.ErrFull
	}
	return s.Store.SetCheckpoint(ctx, h, note)
}

// overflowed is a log over a tight table.
type overflowed struct {
	table *tight
	cfg   audit.Config
	files audit.OverflowConfig
	store *audit.Overflow
}

func newOverflowed(t *testing.T, size int64) *overflowed {
	t.Helper()
	o := &overflowed{table: newTight(), cfg: audittest.Config()}
	o.files = audit.OverflowConfig{Store: o.table, Dir: t.TempDir(), Size: size, Others: -1}
	o.again()
	if err := audit.Create(t.Context(), o.cfg); err != nil {
		t.Fatal(err)
	}
	return o
}

// again is a new process on the same files.
func (o *overflowed) again() {
	o.store = audit.NewOverflow(o.files)
	o.cfg.Store = o.store
}

func (o *overflowed) open(t *testing.T) *audit.Log {
	t.Helper()
	l, err := audit.Open(t.Context(), o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

// verify is audit verify in another process.
func (o *overflowed) verify(t *testing.T) audit.Report {
	t.Helper()
	out, err := o.cfg.Outside.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.VerifyOverflow(t.Context(), o.files, audit.VerifyConfig{VKey: o.cfg.VKey, Outside: [][]byte{out}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// put appends an entry of a class.
func put(t *testing.T, l *audit.Log, n int, c audit.Class) error {
	t.Helper()
	e := read(n)
	e.Class = c
	_, err := l.Append(t.Context(), e)
	return err
}

func path(o *overflowed) string { return filepath.Join(o.files.Dir, "overflow") }

var others = []audit.Class{audit.ClassStranger, audit.ClassApp, audit.ClassPatient, audit.ClassOffice}

// Covers HC-7a: the database's disk is full: strangers are refused at once, then apps,
// patients and office roles, each when its part of the file is used, whoever used it; what
// was set aside for care is all there when care is alone.
func TestOverflowRefusesOneClassAfterTheOther(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	o.files.Others = 12 << 10
	o.again()
	l := o.open(t)
	mustAppend(t, l, read(0))
	o.table.full = true
	if err := put(t, l, 1, audit.ClassStranger); !errors.Is(err, audit.ErrFull) || o.store.Waiting() != 0 {
		t.Fatal("a stranger is served:", err)
	}
	n := 1
	for _, last := range append(slices.Clone(others[1:]), audit.ClassCare) {
		from := n
		for put(t, l, n, last) == nil {
			n++
		}
		if served := n - from; served < 2 || (last == audit.ClassCare) != (served >= 16) {
			t.Errorf("class %d: %d entries", last, served)
		}
		for _, c := range append(slices.Clone(others), audit.ClassCare) {
			if err := o.store.Admit(c); (c > last) != (err == nil) {
				t.Errorf("class %d when %d has stopped: %v", c, last, err)
			}
		}
		if last == audit.ClassOffice {
			if st := must(os.Stat(path(o))); st.Size() != 28<<10 {
				t.Errorf("%d bytes are set aside", st.Size())
			}
		}
	}
	o.readable(t, l, n)
	o.table.full = false
	if err := o.store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.readable(t, l, n)
}

// A group of all classes that finds the disk full serves those who still have room, and
// whoever comes first in it.
func TestAMixedGroupOnAFullDisk(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	o.files.Others = 12 << 10
	o.again()
	l := o.open(t)
	o.table.full = true
	var all []audit.Entry
	for n, c := range []audit.Class{audit.ClassPatient, audit.ClassCare, audit.ClassApp, audit.ClassOffice, audit.ClassStranger} {
		e := read(n)
		e.Class = c
		all = append(all, e)
	}
	for i, p := range l.StartTogether(all...) {
		_, err := p.Wait(t.Context())
		if stranger := all[i].Class == audit.ClassStranger; stranger != errors.Is(err, audit.ErrFull) || !stranger && err != nil {
			t.Errorf("class %d: %v", all[i].Class, err)
		}
	}
	if o.store.Waiting() != 4 {
		t.Errorf("%d wait", o.store.Waiting())
	}
	o.readable(t, l, 4)
}

// Covers HC-7a: the database's disk is full: everybody but care is refused, care goes on
// in the overflow until that is full, all of it can be read, proved, exported and
// verified, and when space returns it is in the table, in order, and everybody is back.
func TestOverflowKeepsCareGoing(t *testing.T) {
	o := newOverflowed(t, 8<<10)
	if st := must(os.Stat(path(o))); st.Size() != 8<<10 {
		t.Fatalf("%d bytes set aside", st.Size())
	}
	l := o.open(t)
	mustAppend(t, l, read(0), read(1))
	o.table.full = true
	n := 2
	for _, c := range others {
		if err := put(t, l, n, c); !errors.Is(err, audit.ErrFull) {
			t.Fatalf("class %d: %v", c, err)
		}
	}
	for ; n < 5; n++ {
		if err := put(t, l, n, audit.ClassCare); err != nil {
			t.Fatalf("care, entry %d: %v", n, err)
		}
		o.table.full = n%2 == 0 // one row would fit: it waits all the same
		for _, c := range others {
			if err := o.store.Admit(c); !errors.Is(err, audit.ErrFull) {
				t.Fatalf("class %d is admitted: %v", c, err)
			}
		}
	}
	o.table.full = true
	if at := must(o.table.Size(t.Context())); at != 2 || l.Size() != 5 || o.store.Waiting() != 3 {
		t.Fatalf("%d in the table, %d waiting", at, o.store.Waiting())
	}
	o.readable(t, l, 5)
	if err := o.store.Maintain(t.Context()); !errors.Is(err, audit.ErrFull) {
		t.Fatal("nobody is told that records wait:", err)
	}
	for put(t, l, n, audit.ClassCare) == nil {
		n++
	}
	if n < 10 || n > 14 {
		t.Fatalf("%d entries in 8 KiB", n)
	}
	if err := errors.Join(o.store.Admit(audit.ClassCare)); !errors.Is(err, audit.ErrFull) || l.Err() != nil {
		t.Fatal("not everybody stops:", err, l.Err())
	}
	o.readable(t, l, n)
	o.table.full = false
	if err := o.store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at := must(o.table.Size(t.Context())); at != int64(n) || o.store.Waiting() != 0 {
		t.Fatalf("%d of %d in the table", at, n)
	}
	for _, c := range append(others, audit.ClassCare) {
		if err := put(t, l, n, c); err != nil {
			t.Fatal("not back:", err)
		}
		n++
	}
	o.readable(t, l, n)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.again()
	o.readable(t, o.open(t), n)
	if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: o.table, VKey: o.cfg.VKey})); !r.OK || r.Size != int64(n) {
		t.Fatalf("the table alone: %+v", r)
	}
}

// readable reads the n entries in every way that there is.
func (o *overflowed) readable(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := o.verify(t); !r.OK || !r.Anchored || r.Size != int64(n) || r.Unsigned != 0 {
		t.Fatalf("verify: %+v", r)
	}
	next := 0
	err := l.RiskyRead(t.Context(), 0, int64(n), func(e audit.Entry) error {
		if want := fmt.Sprintf("Observation/%d", next); e.Objects[0] != want {
			return fmt.Errorf("entry %d is %s", next, e.Objects[0])
		}
		next++
		return nil
	})
	if err != nil || next != n {
		t.Fatalf("%d of %d entries: %v", next, n, err)
	}
	for seq := range int64(n) {
		proof := must(l.RiskyProof(t.Context(), seq))
		if _, r, err := audit.VerifyProof(proof, o.cfg.VKey); err != nil || !r.OK {
			t.Fatalf("proof %d: %+v %v", seq, r, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "export")
	if h := must(audit.Export(t.Context(), audit.NewOverflowReader(o.files), o.cfg.VKey, dir)); h.Size != int64(n) {
		t.Fatalf("export of %d", h.Size)
	}
	if r := must(audit.VerifyExport(t.Context(), dir, o.cfg.VKey)); !r.OK || r.Size != int64(n) {
		t.Fatalf("export: %+v", r)
	}
	scrub := must(audit.NewScrub(o.store, o.cfg.VKey))
	if round, err := scrub.Step(t.Context()); err != nil || !round {
		t.Fatal("scrub:", err)
	}
}

// A process that ends while records wait finds them again, and drains them; so does one
// that ends when the table has them already, or has some of them.
func TestOverflowIsRecovered(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(*overflowed) error // what happens before the process ends
		waits int64                   // at the next start
	}{
		"waiting":     {func(*overflowed) error { return nil }, 2000},
		"some moved":  {func(o *overflowed) error { o.table.let = 1; return o.store.Maintain(context.Background()) }, 2000 - 1024},
		"answer lost": {func(o *overflowed) error { return o.lost() }, 2000 - 1024},
		"all moved":   {func(o *overflowed) error { o.table.let = 2; return o.store.Maintain(context.Background()) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOverflowed(t, 4<<20)
			l := o.open(t)
			mustAppend(t, l, read(0))
			o.table.full = true
			o.fill(t, l, 2000)
			before, err := os.ReadFile(path(o))
			if err != nil {
				t.Fatal(err)
			}
			endErr := c.end(o)
			if _, err := l.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			if name == "all moved" { // but not wiped
				if endErr != nil || os.WriteFile(path(o), before, 0o600) != nil {
					t.Fatal(endErr)
				}
			}
			_ = o.store.Close() // as the end of a process does
			if r := o.verify(t); !r.OK || r.Size != 2001 {
				t.Fatalf("%+v", r)
			}
			o.again()
			l = o.open(t)
			if n := o.store.Waiting(); n != c.waits || l.Size() != 2001 {
				t.Fatalf("%d of %d wait", n, l.Size())
			}
			o.table.full = false
			if err := o.store.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: o.table, VKey: o.cfg.VKey})); !r.OK || r.Size != 2001 {
				t.Fatalf("%+v", r)
			}
		})
	}
}

// lost makes the table take a transaction whose answer gets lost.
func (o *overflowed) lost() error {
	o.table.let, o.table.answer = 1, errors.New("lost")
	err := o.store.Maintain(context.Background())
	o.table.answer = nil
	return err
}

// fill appends n entries of care, many at a time.
func (o *overflowed) fill(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for n > 0 {
		var es []audit.Entry
		for range min(n, 400) {
			e := read(n)
			e.Class = audit.ClassCare
			es = append(es, e)
			n--
		}
		for _, p := range l.StartTogether(es...) {
			if _, err := p.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A transaction whose answer was lost is found in the table by the next try, without a restart.
func TestOverflowFindsWhatWasMoved(t *testing.T) {
	o := newOverflowed(t, 1<<20)
	l := o.open(t)
	mustAppend(t, l, read(0))
	o.table.full = true
	o.fill(t, l, 10)
	if err := o.lost(); err == nil || o.store.Waiting() != 10 {
		t.Fatal(err, o.store.Waiting())
	}
	if err := put(t, l, 11, audit.ClassCare); err != nil {
		t.Fatal(err)
	}
	o.table.full = false
	if err := o.store.Maintain(t.Context()); err != nil || o.store.Waiting() != 0 {
		t.Fatal(err, o.store.Waiting())
	}
	if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: o.table, VKey: o.cfg.VKey})); !r.OK || r.Size != 12 {
		t.Fatalf("%+v", r)
	}
}

// Another sequencer's rows where ours wait: nothing more is written until somebody looks.
func TestOverflowMeetsAnotherSequencer(t *testing.T) {
	o := newOverflowed(t, 1<<20)
	l := o.open(t)
	mustAppend(t, l, read(0))
	o.table.full = true
	o.fill(t, l, 2)
	cfg := o.cfg
	cfg.Store, cfg.Outside = o.table.Store, &audittest.Outside{}
	cfg.Outside.(*audittest.Outside).Set(must(o.cfg.Outside.Load(t.Context())))
	other := must(audit.Open(t.Context(), cfg))
	mustAppend(t, other, read(7))
	o.table.full = false
	for range 2 {
		if err := o.store.Maintain(t.Context()); !errors.Is(err, audit.ErrForked) {
			t.Fatal(err)
		}
	}
	if err := put(t, l, 8, audit.ClassCare); !errors.Is(err, audit.ErrForked) || l.Err() == nil {
		t.Fatal("the log goes on:", err)
	}
	if err := l.Reopen(t.Context()); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
}

// A batch that does not begin where what waits ends comes from somebody else's state.
func TestOverflowRefusesAGap(t *testing.T) {
	o := newOverflowed(t, 1<<20)
	l := o.open(t)
	o.table.full = true
	o.fill(t, l, 2)
	b := audit.Batch{First: 3, Records: []audit.Record{{Seq: 3}}, Class: audit.ClassCare}
	if err := o.store.Append(t.Context(), b); !errors.Is(err, audit.ErrForked) || errors.Is(err, audit.ErrNotWritten) {
		t.Fatal(err)
	}
	for _, read := range []func() error{
		func() error {
			return o.store.Records(t.Context(), 0, 3, func(audit.Record) error { return nil })
		},
		func() error { _, err := o.store.Hashes(t.Context(), []int64{0, 1, 2, 3, 4}); return err },
	} {
		if err := read(); !errors.Is(err, audit.ErrDamaged) {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	if err := o.store.Records(t.Context(), 0, 2, func(audit.Record) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
}
