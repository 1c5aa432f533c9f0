package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/word/fault"
)

// A server grows its log and signs it between any two calls of the verifier beside it:
// a log that is whole is never called smaller than its checkpoint.
func TestVerifyBesideAServerThatSigns(t *testing.T) {
	for at := 1; ; at++ {
		power := audit.NewPowerDisk()
		cfg := audittest.Config()
		cfg.CheckpointEvery = time.Hour
		cfg.Store = audit.NewFileStore(power.Faulty().Config(audit.FileConfig{Reserve: -1, Free: func() (int64, error) { return 1 << 40, nil }}))
		l := audittest.Start(t, cfg)
		grow := func() {
			mustAppend(t, l, read(1), read(2), read(3))
			must(l.Checkpoint(t.Context()))
		}
		grow()
		between := audit.NewBetween(power, at, grow)
		r, err := audit.VerifyFiles(t.Context(), between.Config(audit.FileConfig{}), audit.VerifyConfig{VKey: cfg.VKey, Workers: 1})
		if err != nil || !r.OK {
			t.Errorf("grown before call %d: %+v, %v", at, r, err)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !between.Came() {
			return
		}
	}
}

// An export that began before the log grew holds what the reader saw.
func TestExportBesideAServerThatSigns(t *testing.T) {
	cfg, dir := fileConfig(t)
	l := audittest.Start(t, cfg)
	mustAppend(t, l, read(1))
	must(l.Checkpoint(t.Context()))
	s := must(audit.OpenFileReader(t.Context(), audit.FileConfig{Dir: dir}))
	mustAppend(t, l, read(2))
	must(l.Checkpoint(t.Context()))
	if h, err := audit.Export(t.Context(), s, cfg.VKey, t.TempDir()); err != nil || h.Size != 1 {
		t.Errorf("exported %d entries, %v; want the one that was signed before", h.Size, err)
	}
	if err := errors.Join(s.Close(), l.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// A log that was closed stays closed: Reopen does not open its store again.
func TestReopenOfAClosedLog(t *testing.T) {
	for name, broken := range map[string]bool{"whole": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			cfg, dir := fileConfig(t)
			if err := audit.Create(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			faulty := &audittest.Faulty{Store: cfg.Store, Err: unix.EIO, After: true}
			cfg.Store = faulty
			l := must(audit.Open(t.Context(), cfg))
			mustAppend(t, l, read(0))
			if broken {
				*faulty = audittest.Faulty{Store: faulty.Store, Err: unix.EIO, After: true, At: 1}
				if _, err := l.Append(t.Context(), read(1)); !fault.Is(err, fault.Unavailable) {
					t.Fatal(err)
				}
			}
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := l.Reopen(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("reopen: %v, want unavailable", err)
			}
			if _, err := l.Append(t.Context(), read(2)); !fault.Is(err, fault.Unavailable) {
				t.Errorf("append: %v, want unavailable", err)
			}
			// The lock is free: the store was not loaded again.
			other := audit.NewFileStore(audit.FileConfig{Dir: dir, Reserve: -1})
			if _, err := other.Load(t.Context()); err != nil {
				t.Errorf("the folder is still held: %v", err)
			}
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A checkpoint that cannot be read is no missing one: the verifier says so instead of
// calling the log sound without it.
func TestVerifyWithACheckpointThatCannotBeRead(t *testing.T) {
	cfg, dir := fileConfig(t)
	l := audittest.Start(t, cfg)
	mustAppend(t, l, read(1))
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "checkpoint")
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if r, err := audit.VerifyFiles(t.Context(), audit.FileConfig{Dir: dir}, audit.VerifyConfig{VKey: cfg.VKey}); err == nil {
		t.Errorf("verified: %+v", r)
	}
}
