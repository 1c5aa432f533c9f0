package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

// fullTable drives a log in PostgreSQL through a disk that gets full and has room again.
func fullTable(t *testing.T, d *db.DB, fill func() (free func())) {
	t.Helper()
	files := audit.OverflowConfig{Store: audit.NewDBStore(d), Dir: t.TempDir(), Size: 64 << 10, Others: -1}
	store := audit.NewOverflow(files)
	cfg := audittest.Config()
	cfg.Store, cfg.CheckpointEvery = store, time.Hour
	o := &overflowed{cfg: cfg, files: files, store: store}
	l := audittest.Start(t, cfg)
	n := 0
	next := func(c audit.Class) error {
		err := put(t, l, n, c)
		if err == nil {
			n++
		}
		return err
	}
	for range 20 {
		if err := next(audit.ClassOffice); err != nil {
			t.Fatal(err)
		}
	}
	free := fill()
	for i := 0; next(audit.ClassOffice) == nil; i++ { // a page that was begun may have room
		if i > 100 {
			t.Fatal("the disk is not full")
		}
	}
	for range 30 {
		if err := next(audit.ClassCare); err != nil {
			t.Fatal("care:", err)
		}
	}
	for _, c := range others {
		if err := next(c); !errors.Is(err, audit.ErrFull) {
			t.Fatalf("class %d: %v", c, err)
		}
	}
	o.readable(t, l, n)
	for next(audit.ClassCare) == nil {
	}
	if l.Err() != nil || store.Waiting() < 30 {
		t.Fatal(store.Waiting(), l.Err())
	}
	if err := store.Maintain(t.Context()); !errors.Is(err, audit.ErrFull) {
		t.Fatal(err)
	}
	o.readable(t, l, n)
	free()
	if err := store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(others, audit.ClassCare) {
		if err := next(c); err != nil {
			t.Fatal("not back:", err)
		}
	}
	o.readable(t, l, n)
	if size := must(files.Store.Size(t.Context())); size != int64(n) {
		t.Fatalf("%d of %d in the table", size, n)
	}
}

// Covers HC-7a: PostgreSQL refuses every row because its disk is full; first as it says
// so, then on a disk that is.
func TestPostgresOnAFullDisk(t *testing.T) {
	d := dbtest.New(t, db.Postgres, audit.Migrations())
	fullTable(t, d, func() func() { return dbtest.FullDisk(t, dbtest.ConfigsOf(d).Owner) })
}

func TestPostgresOnAFullTablespace(t *testing.T) {
	real := dbtest.OnSmallDisk(t, 4<<20, func(t *testing.T, dir string) {
		d := dbtest.New(t, db.Postgres, audit.Migrations())
		raw := dbtest.Raw(d)
		space := filepath.Join(dir, "space")
		owner := must(os.Stat(raw.Query(t, "SELECT current_setting('data_directory')")[0][0].(string))).Sys().(*syscall.Stat_t)
		if err := errors.Join(os.Mkdir(space, 0o700), os.Chown(space, int(owner.Uid), int(owner.Gid))); err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{"CREATE TABLESPACE small LOCATION '" + space + "'", "GRANT CREATE ON TABLESPACE small TO PUBLIC",
			"ALTER TABLE log_entry SET TABLESPACE small", "ALTER TABLE log_checkpoint SET TABLESPACE small"} {
			raw.Script(t, q)
		}
		fullTable(t, d, func() func() {
			fillDisk(t, dir, 0)
			return func() {
				if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
					t.Fatal(err)
				}
			}
		})
		raw.Script(t, "ALTER TABLE log_entry SET TABLESPACE pg_default")
		raw.Script(t, "ALTER TABLE log_checkpoint SET TABLESPACE pg_default")
		raw.Script(t, "DROP TABLESPACE small")
	})
	if !real {
		t.Log("TestPostgresOnAFullDisk alone has shown it")
	}
}

// fillDisk leaves left bytes free on the disk of dir.
func fillDisk(t *testing.T, dir string, left int64) {
	t.Helper()
	f := must(os.OpenFile(filepath.Join(dir, "ballast"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600))
	for {
		n := min(must(audit.FreeSpace(dir))-left, 1<<16)
		if n <= 0 {
			break
		}
		if _, err := f.Write(make([]byte, n)); err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// Covers HC-7a: a log in files on a disk that is really full: classes stop at their
// marks, in order, care goes on in the reserve until it is gone, and everybody is back.
func TestFilesOnAFullDisk(t *testing.T) {
	scenario := func(t *testing.T, files audit.FileConfig, leave func(int64), again func()) {
		t.Helper()
		cfg := audittest.Config()
		store := audit.NewFileStore(files)
		cfg.Store = store
		l := audittest.Start(t, cfg)
		served := func() (n int) {
			for i, c := range append(others, audit.ClassCare) {
				if err := put(t, l, i, c); err == nil {
					n++
				} else if !errors.Is(err, audit.ErrFull) || n > 0 {
					t.Fatalf("class %d: %v, after %d others", i, err, n)
				}
			}
			return n
		}
		for i, left := range []int64{4 << 20, 1400 << 10, 1100 << 10, 800 << 10, 400 << 10, 0} {
			leave(left)
			if err := store.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := served(); got != max(5-i, 1) {
				t.Fatalf("with %d KiB left %d classes are served", left>>10, got)
			}
		}
		for n := 0; put(t, l, n, audit.ClassCare) == nil; n++ {
			if n > 4000 {
				t.Fatal("the reserve has no end")
			}
		}
		if store.Reserved() != 0 || served() != 0 || l.Err() != nil {
			t.Fatal(store.Reserved(), l.Err())
		}
		again()
		for range 8 {
			if err := store.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if served() != 5 || store.Reserved() != 256<<10 {
			t.Fatal("not back to normal", store.Reserved())
		}
		if r := must(audit.Verify(t.Context(), audit.VerifyConfig{Store: store, VKey: cfg.VKey})); !r.OK || r.Size != l.Size() {
			t.Fatalf("%+v", r)
		}
	}
	marks := audit.Marks{Stranger: 1500 << 10, App: 1200 << 10, Patient: 900 << 10, Office: 600 << 10}
	real := dbtest.OnSmallDisk(t, 8<<20, func(t *testing.T, dir string) {
		files := audit.FileConfig{Dir: filepath.Join(dir, "log"), Reserve: 256 << 10, Marks: marks}
		if err := os.Mkdir(files.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		scenario(t, files, func(left int64) { fillDisk(t, dir, left) }, func() {
			if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
				t.Fatal(err)
			}
		})
	})
	if !real {
		t.Log("TestDiskFillsUp alone has shown it")
	}
}

// nowAndThen is a table that is full now and then, a few rows at a time.
type nowAndThen struct {
	audit.Store
	n *atomic.Int64
}

func (s nowAndThen) Append(ctx context.Context, b audit.Batch) error {
	if n := s.n.Add(1); n%16 < 12 {
		return errors.Join(audit.ErrNotWritten, audit.ErrFull)
	}
	return s.Store.Append(ctx, b)
}

// tableCrashConfig is the log of TestKillNineInTheOverflow: a table that has room now and
// then, and checkpoints and draining all the time.
func tableCrashConfig(dir, url string) audit.Config {
	cfg := audittest.Config()
	cfg.Outside = audit.NewOutsideFile(filepath.Join(dir, "outside"))
	cfg.CheckpointEvery = 2 * time.Millisecond
	d, err := db.Open(context.Background(), db.Config{Postgres: url, NoSyncForTests: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(3)
	}
	cfg.Store = audit.NewOverflow(audit.OverflowConfig{Store: nowAndThen{audit.NewDBStore(d), &atomic.Int64{}}, Dir: dir, Size: 4 << 20})
	return cfg
}

// Covers HC-7a: kill -9 at random points while entries of care go into the overflow and
// from there into PostgreSQL: none that was acknowledged is lost, none is there twice.
func TestKillNineInTheOverflow(t *testing.T) {
	const rounds = 20
	dir := t.TempDir()
	d := dbtest.New(t, db.Postgres, audit.Migrations())
	raw := dbtest.Raw(d)
	files := audit.OverflowConfig{Store: audit.NewDBStore(d), Dir: dir, Size: 4 << 20}
	cfg := audittest.Config()
	cfg.Outside, cfg.CheckpointEvery = audit.NewOutsideFile(filepath.Join(dir, "outside")), time.Hour
	cfg.Store = audit.NewOverflow(files)
	if err := audit.Create(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	acked := map[int64]string{}
	random := rand.New(rand.NewPCG(3, 4))
	inTheOverflow := 0
	for round := range rounds {
		killChild(t, time.Duration(random.IntN(60_000))*time.Microsecond, acked,
			crashDir+"="+dir, crashURL+"="+dbtest.ConfigsOf(d).Serving.Postgres)
		// What the killed process had sent the server may still be on its way there.
		for raw.Query(t, `SELECT count(*), pg_sleep(0.02) FROM pg_stat_activity WHERE datname = current_database()
			AND usename = 'postern_serving' AND state <> 'idle'`)[0][0] != int64(0) {
		}
		out := must(cfg.Outside.Load(t.Context()))
		r := must(audit.VerifyOverflow(t.Context(), files, audit.VerifyConfig{VKey: cfg.VKey, Outside: [][]byte{out}}))
		if !r.OK || !r.Anchored {
			t.Fatalf("round %d: %+v", round, r)
		}
		store := audit.NewOverflow(files)
		cfg.Store = store
		l := must(audit.Open(t.Context(), cfg))
		if store.Waiting() > 0 {
			inTheOverflow++
		}
		seen := 0
		err := l.RiskyRead(t.Context(), 0, l.Size(), func(e audit.Entry) error {
			if want, ok := acked[e.Seq]; ok && want == e.Objects[0] {
				seen++
			}
			return nil
		})
		if err != nil || seen != len(acked) {
			t.Fatalf("round %d: %d of %d acknowledged entries found: %v", round, seen, len(acked), err)
		}
		if round%4 == 3 {
			if err := store.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if inTheOverflow == 0 {
		t.Fatal("no round ended with records that wait")
	}
	t.Logf("%d entries, %d rounds ended in the overflow", len(acked), inTheOverflow)
}
