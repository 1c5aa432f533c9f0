package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
)

// The corners that the scenarios of the other files do not reach.

func TestCreateOnABrokenStore(t *testing.T) {
	cfg := audittest.Config()
	cfg.Store = &audittest.Faulty{Store: cfg.Store, At: 1, Err: unix.EIO}
	if err := audit.Create(t.Context(), cfg); !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
}

func TestUpkeepFailureRaisesTheAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := audittest.Config()
		if err := audit.Create(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		var alarms []error
		cfg.Alarm = func(err error) { alarms = append(alarms, err) }
		cfg.Store = &audittest.Faulty{Store: cfg.Store, At: 4, Err: unix.EIO} // Load, Hashes twice, Checkpoint come first
		l, err := audit.Open(t.Context(), cfg)
		for at := 5; err != nil && at < 10; at++ {
			cfg.Store = &audittest.Faulty{Store: cfg.Store.(*audittest.Faulty).Store, At: at, Err: unix.EIO}
			l, err = audit.Open(t.Context(), cfg)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(alarms) != 1 || !errors.Is(alarms[0], unix.EIO) {
			t.Fatal(alarms)
		}
		_ = l.Close(context.Background())
	})
}

// silent is a reader that returns fewer records than it was asked for.
type silent struct{ *audittest.Memory }

func (silent) Records(context.Context, int64, int64, func(audit.Record) error) error { return nil }

func TestReaderThatReturnsNothing(t *testing.T) {
	cfg := closed(t, 3)
	mem := cfg.Store.(*audittest.Memory)
	r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: silent{mem}, VKey: cfg.VKey}))
	if r.OK || r.FirstBad == nil || *r.FirstBad != 0 {
		t.Fatalf("%+v", r)
	}
	cfg.Store = silent{mem}
	if _, err := audit.Open(t.Context(), cfg); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
}

// A payload swapped after the start is refused when it is read.
func TestReadingBackRefusesTamperedEntries(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	mustAppend(t, l, about("mother"), about("mother"), read(2))
	cfg.Store.(*audittest.Memory).Edit(func(rs []audit.Record) []audit.Record {
		rs[0].Sealed, rs[1].Sealed = rs[1].Sealed, rs[0].Sealed
		return rs
	})
	nop := func(audit.Entry) error { return nil }
	if err := l.RiskyRead(t.Context(), -5, 99, nop); !fault.Is(err, fault.Tampered) {
		t.Fatal(err)
	}
	if _, err := l.RiskyProof(t.Context(), 0); !fault.Is(err, fault.Tampered) {
		t.Fatal(err)
	}
	again := audittest.Config()
	again.Store, again.Outside = cfg.Store, cfg.Outside
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = must(audit.Open(t.Context(), again)) // its memory of recent entries is empty
	defer l.Close(context.Background())
	f := audit.NewFollower(audit.FollowerConfig{Log: l, Index: &memoryIndex{}})
	if err := f.Flush(t.Context()); !fault.Is(err, fault.Tampered) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }() // without an Alarm
	cancel()
	<-done
}

// Every index of the stored hashes is checked, also above a block.
func TestVerifyChecksUpperHashes(t *testing.T) {
	cfg := audittest.Config()
	l := audittest.Start(t, cfg)
	var last *audit.Pending
	for i := range 8192 {
		last = l.Start(read(i))
	}
	must(last.Wait(t.Context()))
	mem := cfg.Store.(*audittest.Memory)
	mem.EditHashes(func(hs []tlog.Hash) { hs[tlog.StoredHashIndex(13, 0)][0] ^= 1 })
	r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: mem, VKey: cfg.VKey}))
	if r.OK || r.FirstBad == nil || *r.FirstBad != 8191 {
		t.Fatalf("%+v", r)
	}
	s := must(audit.NewScrub(mem, cfg.VKey))
	if _, err := s.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Step(t.Context()); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := audit.Verify(ctx, audit.VerifyConfig{Store: mem, VKey: cfg.VKey}); err == nil {
		t.Fatal("verified although cancelled")
	}
}

func TestFileStoreMisuse(t *testing.T) {
	dir := t.TempDir()
	s := audit.NewFileStore(audit.FileConfig{Dir: dir, Reserve: -1})
	if err := s.SetCheckpoint(t.Context(), audit.Head{}, nil); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	must(s.Load(t.Context()))
	defer s.Close()
	if err := s.Append(t.Context(), audit.Batch{First: 3}); !errors.Is(err, audit.ErrForked) {
		t.Fatal(err)
	}
	if _, err := audit.VerifyFiles(t.Context(), audit.FileConfig{Dir: filepath.Join(dir, "gone")}, audit.VerifyConfig{}); err == nil {
		t.Fatal("verified a folder that is not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := newFileLog(t)
	r := must(audit.OpenFileReader(t.Context(), audit.FileConfig{Dir: f.dir}))
	defer r.Close()
	nop := func(audit.Record) error { return nil }
	if err := r.Records(ctx, 0, 2, nop); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := r.Hashes(t.Context(), []int64{-1}); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
	if err := os.Truncate(f.path(f.journal(t)[0]), 100); err != nil { // while it is open
		t.Fatal(err)
	}
	if err := r.Records(t.Context(), 0, 2, nop); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
}

// A checkpoint of a tree that has grown since marks the derived files clean up to it.
func TestCheckpointBehindTheLog(t *testing.T) {
	f := newFileLog(t)
	s := f.cfg.Store
	must(s.Load(t.Context()))
	note := must(s.Checkpoint(t.Context()))
	head := audit.Head{Size: 100, Root: must(tlog.TreeHash(100, tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		return s.Hashes(t.Context(), idx)
	})))}
	if err := errors.Join(s.SetCheckpoint(t.Context(), head, note), s.Close()); err != nil {
		t.Fatal(err)
	}
	grow(t, f.cfg, drillSize, 10)
	if r := f.verify(t, f.outside); !r.OK || r.Size != drillSize+10 {
		t.Fatalf("%+v", r)
	}
}

// A full buffer of derived hashes is written before the next checkpoint.
func TestDerivedBuffer(t *testing.T) {
	cfg, dir := fileConfig(t)
	cfg.CheckpointEvery = time.Hour
	l := audittest.Start(t, cfg)
	var last *audit.Pending
	for i := range 20_000 {
		last = l.Start(read(i))
	}
	must(last.Wait(t.Context()))
	if st, err := os.Stat(filepath.Join(dir, "hashes")); err != nil || st.Size() < 1<<20 {
		t.Fatal(st.Size(), err)
	}
	must(l.RiskyEntry(t.Context(), 19_999))
	must(l.RiskyProof(t.Context(), 17))
}

// Stored hashes that do not fit the clean mark are computed again at start, and
// reported by the verifier.
func TestDamagedHashesAreRepairedAtStart(t *testing.T) {
	f := newFileLog(t)
	f.edit(t, "hashes", func(b []byte) []byte { return flipped(b, len(b)-1) })
	if r := f.verify(t); r.OK {
		t.Fatal("not found")
	}
	grow(t, f.cfg, drillSize, 5)
	if r := f.verify(t, f.outside); !r.OK {
		t.Fatalf("%+v", r)
	}
}

// A last segment without one whole record, behind a broken one, is not a torn tail.
func TestBrokenSegmentBehindABrokenRecord(t *testing.T) {
	f := newFileLog(t)
	segs := f.journal(t)
	for _, name := range []string{"clean", "hashes", "offsets", "checkpoint"} {
		if err := os.Remove(f.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	f.edit(t, segs[len(segs)-1], func(b []byte) []byte { return make([]byte, len(b)) })
	f.edit(t, segs[len(segs)-2], func(b []byte) []byte { return flipped(b, len(b)-1) })
	if _, err := audit.Open(t.Context(), f.cfg); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
}

// Recovery itself meets a failing disk: it refuses, and succeeds when the disk heals.
func TestRecoveryOnAFailingDisk(t *testing.T) {
	for k := 1; ; k++ {
		f := newFileLog(t)
		if err := os.Remove(f.path("clean")); err != nil {
			t.Fatal(err)
		}
		segs := f.journal(t)
		f.edit(t, segs[len(segs)-1], func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 100)...) })
		disk := audit.NewFaultDisk(f.dir)
		cfg := f.cfg
		cfg.CheckpointEvery = time.Hour
		cfg.Store = audit.NewFileStore(disk.Config(audit.FileConfig{Dir: f.dir, Reserve: 1 << 14, Segment: 1 << 16}))
		disk.FailAt(k, unix.EIO, false, false)
		l, err := audit.Open(t.Context(), cfg)
		if err == nil {
			err = l.Close(t.Context())
		}
		if !disk.Failed() {
			return
		}
		disk.FailAt(0, nil, false, false)
		_ = cfg.Store.Close()
		grow(t, f.cfg, drillSize, 5)
		if r := f.verify(t, f.outside); !r.OK {
			t.Fatalf("call %d (%v): %+v", k, err, r)
		}
	}
}

// The reserve itself fails to be released.
func TestReleaseFails(t *testing.T) {
	for k := 1; k < 12; k++ {
		dir := t.TempDir()
		disk := audit.NewFaultDisk(dir)
		s := audit.NewFileStore(disk.Config(audit.FileConfig{Dir: dir, Reserve: 1 << 14, Marks: audit.Marks{Office: 1000}}))
		must(s.Load(t.Context()))
		batch := audit.Batch{Class: audit.ClassCare, Records: []audit.Record{{Sealed: []byte("x"), Hashes: make([]tlog.Hash, 1)}}}
		disk.FailAt(k, unix.EIO, false, true)
		full(disk, s, 1)
		err := s.Append(t.Context(), batch)
		disk.FailAt(0, nil, false, false)
		disk.Full(nil)
		if n := must(s.Load(t.Context())); err == nil && n != 1 {
			t.Fatalf("call %d: an acknowledged record is lost", k)
		}
		_ = s.Close()
	}
}

// A database that is gone fails every call, and none of them takes that for a fork.
func TestDBStoreWithoutDatabase(t *testing.T) {
	d := dbtest.New(t, db.SQLite, audit.Migrations())
	s := audit.NewDBStore(d)
	if b, err := s.Checkpoint(t.Context()); b != nil || err != nil {
		t.Fatal(b, err)
	}
	if err := errors.Join(s.Admit(audit.ClassStranger), s.Maintain(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hashes(t.Context(), []int64{0}); !errors.Is(err, audit.ErrDamaged) {
		t.Fatal(err)
	}
	index := audit.NewSubjects(d, audittest.NewSealer("index"))
	nobody := patient("nobody")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, e1 := s.Load(t.Context())
	_, e2 := s.Checkpoint(t.Context())
	_, e3 := s.Hashes(t.Context(), []int64{0})
	_, e4 := index.Position(t.Context())
	_, e5 := index.Entries(t.Context(), nobody, 1, 1)
	for i, err := range []error{e1, e2, e3, e4, e5,
		s.Append(t.Context(), audit.Batch{}), s.SetCheckpoint(t.Context(), audit.Head{}, nil),
		s.Records(t.Context(), 0, 1, func(audit.Record) error { return nil }), index.Add(t.Context(), 1, nil)} {
		if !errors.Is(err, db.ErrClosed) || errors.Is(err, audit.ErrForked) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if err := s.Append(t.Context(), audit.Batch{}); !errors.Is(err, audit.ErrNotWritten) {
		t.Error(err)
	}
	f := audit.NewFollower(audit.FollowerConfig{Log: audittest.New(t), Index: index})
	if err := f.Flush(t.Context()); !errors.Is(err, db.ErrClosed) {
		t.Error(err)
	}
}

// What is stored names nobody: no file of a log holds a word of its entries.
func TestFilesHoldNoIdentifier(t *testing.T) {
	cfg, dir := fileConfig(t)
	l := audittest.Start(t, cfg)
	e := fullEntry()
	mustAppend(t, l, e, e)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range must(os.ReadDir(dir)) {
		b := must(os.ReadFile(filepath.Join(dir, f.Name())))
		for _, word := range []string{e.Caller.Account.String(), e.Patient.String(), string(e.Caller.Account.Bytes()),
			string(e.Patient.Bytes()), "Observation", "code=1", "192.0.2.7", "readChart", "PATRQT", "txn-1"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s holds %q", f.Name(), word)
			}
		}
	}
	// Equal entries have unlike leaves and payloads of one size.
	var rs []audit.Record
	s := must(audit.OpenFileReader(t.Context(), audit.FileConfig{Dir: dir}))
	defer s.Close()
	must(0, s.Records(t.Context(), 0, 2, func(r audit.Record) error {
		rs = append(rs, audit.Record{Leaf: r.Leaf, Sealed: bytes.Clone(r.Sealed)})
		return nil
	}))
	if bytes.Equal(rs[0].Leaf[1:33], rs[1].Leaf[1:33]) || len(rs[0].Sealed) != len(rs[1].Sealed) {
		t.Error("leaves can be linked")
	}
}

// Batches of every size go into the tables, and a row that conflicts is a fork.
func TestDBStoreBatches(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		cfg := dbConfig(d)
		slow := &audittest.Faulty{Store: cfg.Store, Hold: make(chan struct{})}
		cfg.Store = slow
		l := audittest.Start(t, cfg)
		var last *audit.Pending
		for i := range 200 {
			last = l.Start(read(i))
		}
		close(slow.Hold)
		must(last.Wait(t.Context()))
		if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: cfg.Store, VKey: cfg.VKey})); !r.OK || r.Size != 200 {
			t.Fatalf("%+v", r)
		}
		twice := audit.Record{Seq: 200, Sealed: []byte("x"), Hashes: make([]tlog.Hash, 1)}
		if err := slow.Store.Append(t.Context(), audit.Batch{First: 200, Records: []audit.Record{twice, twice}}); !errors.Is(err, audit.ErrForked) {
			t.Fatal(err)
		}
		index := audit.NewSubjects(d, audittest.NewSealer("index"))
		sealer := audittest.NewSealer("index")
		broken := audit.NewSubjects(d, sealer)
		sealer.Fail(errors.New("no key"))
		some := []audit.SubjectEntry{{Patient: patient("mother"), Seq: 1}}
		if err := broken.Add(t.Context(), 2, some); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		if err := broken.Add(t.Context(), 2, nil); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		if err := index.Add(t.Context(), 2, some); err != nil {
			t.Fatal(err)
		}
		var bad *audit.BadRecord
		for _, gone := range []int64{199, 40} {
			dbtest.Raw(d).Exec(t, `DELETE FROM log_entry WHERE seq = ?`, gone)
			err := slow.Store.Records(t.Context(), 0, 200, func(audit.Record) error { return nil })
			if !errors.As(err, &bad) || bad.Seq != gone {
				t.Fatal(err)
			}
		}
	})
}
