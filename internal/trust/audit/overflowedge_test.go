package audit_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

// A checkpoint that the table has no room for is kept in the folder, and read from
// there as long as it is the newer one.
func TestCheckpointOfAFullTable(t *testing.T) {
	d := dbtest.New(t, db.Postgres, audit.Migrations())
	files := audit.OverflowConfig{Store: audit.NewDBStore(d), Dir: t.TempDir(), Size: 1 << 14}
	s := audit.NewOverflow(files)
	must(s.Load(t.Context()))
	note := func(text string) []byte { return []byte(audittest.Name + "\n" + text + "\nroot\n") }
	set := func(size int64, text string) {
		t.Helper()
		if err := s.SetCheckpoint(t.Context(), audit.Head{Size: size}, note(text)); err != nil {
			t.Fatal(err)
		}
	}
	is := func(text string) {
		t.Helper()
		if got := must(s.Checkpoint(t.Context())); !bytes.Equal(got, note(text)) {
			t.Fatalf("%q, want %q", got, note(text))
		}
	}
	set(1, "1")
	is("1")
	free := dbtest.FullDisk(t, dbtest.ConfigsOf(d).Owner)
	set(2, "2")
	is("2")
	free()
	set(3, "3")
	is("3")
	for _, bad := range [][]byte{note("four"), []byte("4"), {}} { // as whoever owns the folder can write
		if err := os.WriteFile(filepath.Join(files.Dir, "checkpoint"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		is("3")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Who was admitted a moment before the table was full is refused when it is, and a
// group that does not fit the file is refused whole.
func TestOverflowRefusesWhatItAdmitted(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	l := o.open(t)
	o.table.full = true
	o.fill(t, l, 10)
	office := audit.Batch{First: 10, Records: []audit.Record{{Seq: 10}}}
	if err := o.store.Append(t.Context(), office); !errors.Is(err, audit.ErrFull) || !errors.Is(err, audit.ErrNotWritten) {
		t.Fatal(err)
	}
	var es []audit.Entry
	for n := range 20 {
		e := read(n)
		e.Class = audit.ClassCare
		es = append(es, e)
	}
	for _, p := range l.StartTogether(es...) {
		if _, err := p.Wait(t.Context()); !errors.Is(err, audit.ErrFull) {
			t.Fatal(err)
		}
	}
	if err := put(t, l, 11, audit.ClassCare); err != nil {
		t.Fatal("one fits:", err)
	}
}

// Rows that vanish from the table under a running server are not filled in.
func TestOverflowMissesRows(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	l := o.open(t)
	mustAppend(t, l, read(0), read(1))
	o.table.full = true
	o.fill(t, l, 2)
	o.table.full = false
	o.table.Store.(*audittest.Memory).Edit(func(rs []audit.Record) []audit.Record { return rs[:1] })
	if err := o.store.Maintain(t.Context()); !errors.Is(err, audit.ErrForked) {
		t.Fatal(err)
	}
	if err := put(t, l, 3, audit.ClassCare); !errors.Is(err, audit.ErrForked) {
		t.Fatal(err)
	}
}

// A file that begins in the midst of a batch holds no batch.
func TestOverflowWithoutItsBeginning(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	l := o.open(t)
	o.table.full = true
	o.fill(t, l, 3) // one batch
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := must(os.ReadFile(path(o)))
	second := bytes.Index(b[4:], b[:4]) + 4
	if err := os.WriteFile(path(o), b[second:], 0o600); err != nil {
		t.Fatal(err)
	}
	o.again()
	if _, err := audit.Open(t.Context(), o.cfg); !errors.Is(err, audit.ErrSmaller) {
		t.Fatal(err)
	}
}

// As much for care as in the reserve of a log in files, and an eighth beside it for the
// others, unless somebody says otherwise.
func TestOverflowOfTheUsualSize(t *testing.T) {
	dir := t.TempDir()
	s := audit.NewOverflow(audit.OverflowConfig{Store: &audittest.Memory{}, Dir: dir})
	must(s.Load(t.Context()))
	if st := must(os.Stat(filepath.Join(dir, "overflow"))); st.Size() != audit.DefaultReserve*9/8 {
		t.Fatal(st.Size())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// The scrub says so when it cannot compare a file with its name, and has nothing to
// compare where there is no file.
func TestScrubCannotCompare(t *testing.T) {
	dir := t.TempDir()
	disk := audit.NewFaultDisk(dir)
	s := audit.NewOverflow(disk.Overflow(audit.OverflowConfig{Store: &audittest.Memory{}, Dir: dir, Size: 1 << 10}))
	must(s.Load(t.Context()))
	_, vkey := audittest.NewSigner(audittest.Name, "scrub")
	scrub := must(audit.NewScrub(s, vkey))
	for k := range 2 {
		disk.FailAt(k+1, unix.EIO, false, false)
		if _, err := scrub.Step(t.Context()); !errors.Is(err, unix.EIO) || errors.Is(err, audit.ErrDamaged) {
			t.Fatal(err)
		}
	}
	disk.FailAt(0, nil, false, false)
	if _, err := scrub.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	closed := audit.NewFileStore(audit.FileConfig{Dir: dir})
	none := audit.NewOverflow(audit.OverflowConfig{Store: &audittest.Memory{}, Dir: t.TempDir(), Size: -1})
	must(none.Load(t.Context()))
	for _, s := range []audit.Store{closed, none} {
		if _, err := must(audit.NewScrub(s, vkey)).Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Somebody else's row behind all of ours, which the table has taken without our hearing
// of it, is a fork too.
func TestOverflowMeetsAStrangerBehind(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	l := o.open(t)
	o.table.full = true
	o.fill(t, l, 2)
	if err := o.lost(); err == nil {
		t.Fatal("not lost")
	}
	if err := o.table.Store.Append(t.Context(), audit.Batch{First: 2, Records: []audit.Record{{Seq: 2}}}); err != nil {
		t.Fatal(err)
	}
	if err := o.store.Maintain(t.Context()); !errors.Is(err, audit.ErrForked) {
		t.Fatal(err)
	}
}

// While records wait the table gets no checkpoint either: it would sign rows that the
// table alone does not have.
func TestNoCheckpointBeforeItsRows(t *testing.T) {
	o := newOverflowed(t, 16<<10)
	l := o.open(t)
	o.table.full = true
	o.fill(t, l, 2)
	o.table.full = false
	before := must(o.table.Checkpoint(t.Context()))
	note := must(l.Checkpoint(t.Context()))
	if now := must(o.table.Checkpoint(t.Context())); !bytes.Equal(now, before) {
		t.Fatalf("the table says %q", now)
	}
	if now := must(o.store.Checkpoint(t.Context())); !bytes.Equal(now, note) {
		t.Fatalf("%q, want %q", now, note)
	}
}

// Without an overflow a full table refuses everybody, as it does by itself.
func TestNoOverflow(t *testing.T) {
	o := newOverflowed(t, -1)
	l := o.open(t)
	mustAppend(t, l, read(0))
	o.table.full = true
	for _, c := range append(others, audit.ClassCare) {
		if err := put(t, l, 1, c); !errors.Is(err, audit.ErrFull) {
			t.Fatalf("class %d: %v", c, err)
		}
	}
	if err := o.store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path(o)); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a file was made:", err)
	}
	if r := o.verify(t); !r.OK || r.Size != 1 {
		t.Fatalf("%+v", r)
	}
}

// Where the file could not be made at start it is made later; where its space cannot be
// set aside somebody is told.
func TestOverflowIsMadeLater(t *testing.T) {
	o := newOverflowed(t, 1<<16)
	if err := os.Remove(path(o)); err != nil {
		t.Fatal(err)
	}
	disk := audit.NewFaultDisk(o.files.Dir)
	o.files = disk.Overflow(o.files)
	o.again()
	disk.FailAt(2, unix.EACCES, false, false)
	l := o.open(t)
	mustAppend(t, l, read(0))
	disk.Full(unix.ENOSPC)
	if err := o.store.Maintain(t.Context()); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	disk.Full(nil)
	if err := o.store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := must(os.Stat(path(o))); st.Size() != 1<<16 {
		t.Fatal(st.Size())
	}
	o.table.full = true
	if err := put(t, l, 1, audit.ClassCare); err != nil {
		t.Fatal(err)
	}
}
