package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
)

// powerConfig is a log on a disk that forgets what was not synced. Segments are so
// short that every few batches begin one.
func powerConfig(t *testing.T) (audit.Config, *audit.PowerDisk, *audit.FaultDisk) {
	t.Helper()
	power := audit.NewPowerDisk()
	disk := power.Faulty()
	cfg := audittest.Config()
	cfg.CheckpointEvery = time.Hour
	cfg.Store = onDisk(disk)
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg, power, disk
}

func onDisk(disk *audit.FaultDisk) *audit.FileStore {
	return audit.NewFileStore(disk.Config(audit.FileConfig{Segment: 3000, Reserve: 1 << 10,
		Marks: audit.Marks{Stranger: 1}, Free: func() (int64, error) { return 1 << 30, nil }}))
}

// Covers HC-7a: the power is cut at every call of the file system, and again while
// the next start recovers. Nothing that was acknowledged is lost, whatever of the rest
// had reached the disk.
func TestPowerCutAtEveryCall(t *testing.T) {
	for name := range audit.Cuts() {
		t.Run("keeps "+name, func(t *testing.T) {
			t.Parallel()
			for k := 1; ; k++ {
				cfg, power, disk := powerConfig(t)
				h := newHarness(t)
				disk.FailAt(k, unix.EIO, true, true)
				h.run(cfg)
				done := !disk.Failed()
				disk.FailAt(0, nil, false, false)
				_ = cfg.Store.Close()
				keep := audit.Cuts()[name]
				power.Cut(keep)
				cfg.Store = onDisk(disk)
				disk.FailAt(1+k%23, unix.EIO, true, true) // in the midst of a start
				if l, err := audit.Open(context.Background(), cfg); err == nil {
					_ = l.Close(context.Background())
				}
				disk.FailAt(0, nil, false, false)
				_ = cfg.Store.Close()
				power.Cut(keep)
				cfg.Store = onDisk(disk)
				h.check(cfg, fmt.Sprintf("call %d", k))
				if done {
					return
				}
			}
		})
	}
}

// A call fails, the log goes on or is reopened, and then the power is cut: what was
// acknowledged is there, and what was refused as not written is not.
func TestPowerCutAfterAFailure(t *testing.T) {
	for name := range audit.Cuts() {
		t.Run("keeps "+name, func(t *testing.T) {
			t.Parallel()
			for k := 1; ; k++ {
				cfg, power, disk := powerConfig(t)
				h := newHarness(t)
				disk.FailLate(k, unix.EIO)
				h.runOn(cfg, power, audit.Cuts()[name])
				failed := disk.Failed()
				disk.FailAt(0, nil, false, false)
				cfg.Store = onDisk(disk)
				h.check(cfg, fmt.Sprintf("call %d", k))
				if !failed {
					return
				}
			}
		})
	}
}

// runOn is run until the power is cut in place of the last close: after a batch, or
// after the failed batch that Reopen has found, signed and put outside.
func (h *harness) runOn(cfg audit.Config, power *audit.PowerDisk, keep audit.Keep) {
	l, err := audit.Open(context.Background(), cfg)
	if err == nil {
		_ = h.append(l, 2, audit.ClassCare)
		_, _ = l.Checkpoint(context.Background())
		_ = h.append(l, 1, audit.ClassCare)
		if l.Err() != nil && l.Reopen(context.Background()) == nil {
			_, _ = l.Checkpoint(context.Background())
		}
	}
	power.Cut(keep)
	if l != nil { // it is gone, and signs nothing more
		out := cfg.Outside.(*audittest.Outside)
		out.Fail(unix.EIO)
		_ = l.Close(context.Background())
		out.Fail(nil)
	}
	_ = cfg.Store.Close()
}

// The blocks of the reserve are free when that is on the disk, and not before: one
// step of it is enough for a batch.
func TestReserveIsFreeOnceThatIsDurable(t *testing.T) {
	power := audit.NewPowerDisk()
	disk := power.Faulty()
	files := audit.FileConfig{Reserve: 80_000, Marks: audit.Marks{Office: 1}, Free: func() (int64, error) { return 1 << 30, nil }}
	first := audit.NewFileStore(disk.Config(files))
	must(first.Load(t.Context()))
	power.Cut(audit.Cuts()["everything"]) // the reserve is on the disk
	s := audit.NewFileStore(disk.Config(files))
	must(s.Load(t.Context()))
	power.Limit(100)
	batch := audit.Batch{Class: audit.ClassCare, Records: []audit.Record{{Sealed: make([]byte, 500), Hashes: make([]tlog.Hash, 1)}}}
	if err := s.Append(t.Context(), batch); err != nil || s.Reserved() != 70_000 {
		t.Fatal(err, s.Reserved())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
