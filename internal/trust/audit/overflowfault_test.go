package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// overflow is the scenario of harness for a table that fills up, has room again and fills
// up again. Errors are allowed everywhere; broken promises are not.
func (h *harness) overflow(o *overflowed) {
	ctx := context.Background()
	for range 2 {
		o.table.full = false
		l, err := audit.Open(ctx, o.cfg)
		if err != nil {
			continue
		}
		step := func() {
			_ = h.append(l, 1, audit.ClassCare)
			if l.Err() != nil {
				_ = l.Reopen(ctx)
			}
		}
		step()
		o.table.full = true
		step()
		_, _ = l.Checkpoint(ctx)
		step()
		_ = o.store.Maintain(ctx)
		o.table.full = false
		_ = o.store.Maintain(ctx)
		step()
		o.table.full = true
		step()
		_, _ = l.RiskyProof(ctx, 0)
		_, _ = audit.Verify(ctx, audit.VerifyConfig{Store: audit.NewOverflowReader(o.files), VKey: o.cfg.VKey})
		_ = l.Close(ctx)
	}
}

// Every call of the overflow's file system fails in turn, in every way that a disk fails.
func TestEveryOverflowCallFails(t *testing.T) {
	for _, mode := range []struct {
		name        string
		err         error
		half, crash bool
		late        bool // a write has been done whole
	}{
		{"error", unix.EIO, false, false, false},
		{"torn write", unix.EIO, true, false, false},
		{"whole write", unix.EIO, true, false, true},
		{"full", unix.ENOSPC, true, false, false},
		{"crash", unix.EIO, true, true, false},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			for k := 1; ; k++ {
				o := newOverflowed(t, 1<<15)
				o.cfg.CheckpointEvery = time.Hour // a tick of a slow run would be a call too
				disk := audit.NewFaultDisk(o.files.Dir)
				o.files = disk.Overflow(o.files)
				o.again()
				h := newHarness(t)
				disk.FailAt(k, mode.err, mode.half, mode.crash)
				if mode.late {
					disk.FailLate(k, mode.err)
				}
				h.overflow(o)
				if !disk.Failed() {
					return
				}
				disk.FailAt(0, nil, false, false)
				o.end(h, fmt.Sprintf("call %d", k))
			}
		})
	}
}

// end is the end of the process, a new one, and everything looked at: as it was left,
// and when the table has room.
func (o *overflowed) end(h *harness, what string) {
	h.t.Helper()
	_ = o.store.Close()
	o.table.full = true
	o.again()
	h.check(o.cfg, what+", full")
	o.table.full = false
	o.again()
	l, err := audit.Open(context.Background(), o.cfg)
	if err != nil {
		h.t.Fatal(what, err)
	}
	if err := errors.Join(o.store.Maintain(context.Background()), l.Close(context.Background())); err != nil || o.store.Waiting() > 0 {
		h.t.Fatal(what, err)
	}
	o.cfg.Store = o.table.Store
	h.check(o.cfg, what+", the table alone")
}

// Every call of the table fails in turn, before or after it took effect.
func TestEveryCallOfATightTableFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		after bool
	}{
		{"refused", errors.New("refused"), false},
		{"not written", errors.Join(audit.ErrNotWritten, errors.New("refused")), false},
		{"full", errors.Join(audit.ErrNotWritten, audit.ErrFull), false},
		{"answer lost", errors.New("lost"), true},
		{"damaged", audit.ErrDamaged, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k := 1; ; k++ {
				o := newOverflowed(t, 1<<15)
				o.cfg.CheckpointEvery = time.Hour
				o.files = audit.NewFaultDisk(o.files.Dir).Overflow(o.files) // which does not sync
				faulty := &audittest.Faulty{Store: o.table, At: k, Err: c.err, After: c.after}
				o.files.Store = faulty
				o.again()
				h := newHarness(t)
				h.overflow(o)
				if !faulty.Failed() {
					return
				}
				o.files.Store = o.table
				o.end(h, fmt.Sprintf("call %d", k))
			}
		})
	}
}

// A power cut at any call while records wait or move takes nothing that was acknowledged.
func TestPowerCutInTheOverflow(t *testing.T) {
	for name, keep := range audit.Cuts() {
		t.Run(name, func(t *testing.T) {
			for k := 1; ; k++ {
				o := newOverflowed(t, 1<<15)
				o.cfg.CheckpointEvery = time.Hour
				power := audit.NewPowerDisk()
				disk := power.Faulty()
				o.files = disk.Overflow(o.files)
				o.again()
				h := newHarness(t)
				disk.FailAt(k, unix.EIO, true, true)
				h.overflow(o)
				all := !disk.Failed()
				disk.FailAt(0, nil, false, false)
				power.Cut(keep)
				o.end(h, fmt.Sprintf("call %d", k))
				if all {
					return
				}
			}
		})
	}
}

// What a thief of the folder can do: whatever was acknowledged and is under the outside
// checkpoint is missed, whatever comes back is compared.
func TestDrillOverflow(t *testing.T) {
	const inTable, waiting = 5, 6
	var earlier []byte // the file of an earlier time when the table was full
	setup := func(t *testing.T) *overflowed {
		t.Helper()
		o := newOverflowed(t, 1<<16)
		l := o.open(t)
		o.table.full = true
		o.fill(t, l, inTable)
		earlier = must(os.ReadFile(path(o)))
		o.table.full = false
		if err := o.store.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.table.full = true
		for n := range waiting {
			if err := put(t, l, n, audit.ClassCare); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o
	}
	write := func(o *overflowed, b []byte) error { return os.WriteFile(path(o), b, 0o600) }
	edit := func(f func(b []byte)) func(*overflowed) error {
		return func(o *overflowed) error {
			b, err := os.ReadFile(path(o))
			f(b)
			return errors.Join(err, write(o, b))
		}
	}
	frame := func(b []byte, n int) []byte { // all have one size
		size := bytes.Index(b[4:], b[:4]) + 4
		return b[n*size : (n+1)*size]
	}
	for name, c := range map[string]struct {
		drill func(*overflowed) error
		want  error
	}{
		"nothing":           {func(*overflowed) error { return nil }, nil},
		"deleted":           {func(o *overflowed) error { return os.Remove(path(o)) }, audit.ErrSmaller},
		"emptied":           {func(o *overflowed) error { return os.Truncate(path(o), 0) }, audit.ErrSmaller},
		"end cut":           {edit(func(b []byte) { clear(frame(b, waiting-1)) }), audit.ErrSmaller},
		"first flipped":     {edit(func(b []byte) { frame(b, 0)[200] ^= 1 }), audit.ErrDamaged},
		"middle flipped":    {edit(func(b []byte) { frame(b, 3)[200] ^= 1 }), audit.ErrDamaged},
		"last flipped":      {edit(func(b []byte) { frame(b, waiting-1)[200] ^= 1 }), audit.ErrSmaller},
		"one taken out":     {edit(func(b []byte) { copy(frame(b, 2), frame(b, 3)) }), audit.ErrDamaged},
		"one twice":         {edit(func(b []byte) { copy(frame(b, 3), frame(b, 2)) }), audit.ErrDamaged},
		"earlier file back": {func(o *overflowed) error { return write(o, earlier) }, audit.ErrSmaller},
		"another log's":     {func(o *overflowed) error { return write(o, must(os.ReadFile(path(setup(t))))) }, audit.ErrRoot},
		"table rolled back": {func(o *overflowed) error {
			o.table.Store.(*audittest.Memory).Edit(func(rs []audit.Record) []audit.Record { return rs[:inTable-1] })
			return nil
		}, audit.ErrDamaged},
		"another log's row in the table": {func(o *overflowed) error {
			b := must(os.ReadFile(path(o)))
			x := setup(t)
			x.table.full = false
			l := x.open(t)
			err := errors.Join(x.store.Maintain(t.Context()), l.Close(t.Context()))
			o.table.Store = x.table.Store
			return errors.Join(err, write(o, b))
		}, audit.ErrDamaged},
		"not to be read": {func(o *overflowed) error { return errors.Join(os.Remove(path(o)), os.Mkdir(path(o), 0o700)) }, unix.EISDIR},
	} {
		t.Run(name, func(t *testing.T) {
			o := setup(t)
			if err := c.drill(o); err != nil {
				t.Fatal(err)
			}
			out := must(o.cfg.Outside.Load(t.Context()))
			r, err := audit.VerifyOverflow(t.Context(), o.files, audit.VerifyConfig{VKey: o.cfg.VKey, Outside: [][]byte{out}})
			if c.want != unix.EISDIR && (err != nil || r.OK != (c.want == nil)) {
				t.Errorf("verify: %+v %v", r, err)
			}
			o.again()
			l, err := audit.Open(t.Context(), o.cfg)
			if !errors.Is(err, c.want) {
				t.Errorf("start: %v, want %v", err, c.want)
			}
			if err == nil {
				_ = l.Close(t.Context())
			}
		})
	}
}

// An earlier file whose records the table has all is harmless, and wiped.
func TestEarlierOverflowIsWiped(t *testing.T) {
	o := newOverflowed(t, 1<<16)
	l := o.open(t)
	o.table.full = true
	o.fill(t, l, 5)
	earlier := must(os.ReadFile(path(o)))
	o.table.full = false
	if err := o.store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, read(6))
	if err := errors.Join(l.Close(t.Context()), os.WriteFile(path(o), earlier, 0o600)); err != nil {
		t.Fatal(err)
	}
	o.again()
	l = o.open(t)
	if l.Size() != 6 || o.store.Waiting() != 0 {
		t.Fatal(l.Size(), o.store.Waiting())
	}
	if now := must(os.ReadFile(path(o))); bytes.Equal(now[:4], earlier[:4]) {
		t.Fatal("not wiped")
	}
}

// An overflow that is replaced, linked or removed under a running log alarms.
func TestDrillReplaceUnderARunningOverflow(t *testing.T) {
	for name, replace := range replacings {
		t.Run(name, func(t *testing.T) {
			o := newOverflowed(t, 1<<16)
			l := o.open(t)
			o.table.full = true
			o.fill(t, l, 5)
			scrub := must(audit.NewScrub(o.store, o.cfg.VKey))
			if _, err := scrub.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			replace(t, path(o))
			if _, err := scrub.Step(t.Context()); !errors.Is(err, audit.ErrDamaged) {
				t.Fatal("the scrub found nothing:", err)
			}
		})
	}
}

// replacings are what can be done to a file that is open.
var replacings = map[string]func(t *testing.T, path string){
	"copy": func(t *testing.T, path string) {
		tmp := filepath.Join(t.TempDir(), "copy")
		if err := errors.Join(os.WriteFile(tmp, must(os.ReadFile(path)), 0o600), os.Rename(tmp, path)); err != nil {
			t.Fatal(err)
		}
	},
	"link": func(t *testing.T, path string) {
		tmp := filepath.Join(t.TempDir(), "moved")
		if err := errors.Join(os.Rename(path, tmp), os.Symlink(tmp, path)); err != nil {
			t.Fatal(err)
		}
	},
	"removed": func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	},
}

// Covers HC-7b: every file of a log that is replaced under a running server alarms, be
// it by an equal copy: what is appended from then on would be gone at the next start.
func TestDrillReplaceUnderARunningLog(t *testing.T) {
	for name, replace := range replacings {
		for _, file := range []string{"journal", "hashes", "offsets"} {
			t.Run(name+" "+file, func(t *testing.T) {
				f := newFileLog(t)
				l := must(audit.Open(t.Context(), f.cfg))
				defer l.Close(context.Background()) //nolint:errcheck // its files are gone
				scrub := must(audit.NewScrub(f.cfg.Store, f.cfg.VKey))
				if _, err := scrub.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
				if file == "journal" {
					segs := f.journal(t)
					file = segs[0]
				}
				replace(t, f.path(file))
				if _, err := scrub.Step(t.Context()); !errors.Is(err, audit.ErrDamaged) {
					t.Fatal("the scrub found nothing:", err)
				}
			})
		}
	}
}
