package audit_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/audit/audittest"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

func patient(name string) person.PatientID {
	h := sha256.Sum256([]byte(name))
	var from func([]byte) (person.PatientID, error) = person.IDFromBytes
	return must(from(h[:16]))
}

func about(name string) audit.Entry {
	e := read(0)
	e.Patient = patient(name)
	return e
}

// The index finds each patient's entries, follows across restarts, and resumes.
func TestSubjects(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		cfg := audittest.Config()
		l := audittest.Start(t, cfg)
		index := audit.NewSubjects(d, audittest.NewSealer("index"))
		f := audit.NewFollower(audit.FollowerConfig{Log: l, Index: index})
		want := map[string][]int64{}
		add := func(names ...string) {
			for _, name := range names {
				r := mustAppend(t, l, about(name))
				want[name] = append(want[name], r.Seq)
			}
		}
		check := func() {
			t.Helper()
			if err := f.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			for name, seqs := range want {
				got, err := index.Entries(t.Context(), patient(name), 1<<60, 1000)
				slices.Reverse(got)
				if err != nil || !slices.Equal(got, seqs) {
					t.Fatalf("%s: %v, want %v: %v", name, got, seqs, err)
				}
			}
		}
		mustAppend(t, l, read(0)) // about nobody
		add("mother", "teen", "mother")
		check()
		add("mother", "elder")
		check()
		// Many at once take several rows.
		var last *audit.Pending
		for range 600 {
			last = l.Start(about("chronic"))
		}
		r := must(last.Wait(t.Context()))
		for i := range int64(600) {
			want["chronic"] = append(want["chronic"], r.Seq-599+i)
		}
		check()
		// Paging.
		page := must(index.Entries(t.Context(), patient("chronic"), r.Seq-10, 300))
		if len(page) != 300 || page[0] != r.Seq-11 || page[299] != r.Seq-310 {
			t.Fatalf("page of %d from %d", len(page), page[0])
		}
		if none := must(index.Entries(t.Context(), patient("nobody"), 1<<60, 10)); none != nil {
			t.Fatal(none)
		}
		// After a restart the follower reads the log instead of its memory.
		add("teen", "mother")
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		l = must(audit.Open(t.Context(), cfg))
		defer l.Close(context.Background())
		f = audit.NewFollower(audit.FollowerConfig{Log: l, Index: index})
		check()
		if err := f.Check(t.Context(), 0, l.Size()); err != nil {
			t.Fatal(err)
		}
		// A position that was set back indexes nothing twice.
		dbtest.Raw(d).Exec(t, `DELETE FROM log_subject_position`)
		check()
	})
}

// Rows inserted, changed, swapped or taken out are found when they are read; rows
// cut from the end are found by Check.
func TestSubjectDrills(t *testing.T) {
	dbtest.Each(t, audit.Migrations(), func(t *testing.T, d *db.DB) {
		l := audittest.New(t)
		index := audit.NewSubjects(d, audittest.NewSealer("index"))
		f := audit.NewFollower(audit.FollowerConfig{Log: l, Index: index})
		for range 4 {
			mustAppend(t, l, about("mother"), about("teen"))
			if err := f.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		raw := dbtest.Raw(d)
		raw.Script(t, `CREATE TABLE kept_subject AS SELECT * FROM log_subject; CREATE TABLE kept_position AS SELECT * FROM log_subject_position`)
		mother, teen := patient("mother").Bytes(), patient("teen").Bytes()
		list := func() error {
			_, err := index.Entries(t.Context(), patient("mother"), 1<<60, 100)
			return err
		}
		for name, drill := range map[string]func(){
			"taken out of the middle": func() { raw.Exec(t, `DELETE FROM log_subject WHERE patient = ? AND n = 2`, mother) },
			"taken from the front":    func() { raw.Exec(t, `DELETE FROM log_subject WHERE patient = ? AND n = 0`, mother) },
			"inserted": func() {
				raw.Exec(t, `INSERT INTO log_subject (patient, n, entries) VALUES (?, 4, ?)`, mother, []byte("x"))
			},
			"copied": func() {
				raw.Exec(t, `INSERT INTO log_subject SELECT patient, 4, entries FROM log_subject WHERE patient = ? AND n = 3`, mother)
			},
			"another patient's": func() {
				raw.Exec(t, `DELETE FROM log_subject WHERE patient = ?`, mother)
				raw.Exec(t, `UPDATE log_subject SET patient = ? WHERE patient = ?`, mother, teen)
			},
			"swapped": func() {
				raw.Exec(t, `UPDATE log_subject SET n = 9 WHERE patient = ? AND n = 1`, mother)
				raw.Exec(t, `UPDATE log_subject SET n = 1 WHERE patient = ? AND n = 2`, mother)
				raw.Exec(t, `UPDATE log_subject SET n = 2 WHERE patient = ? AND n = 9`, mother)
			},
		} {
			drill()
			if err := list(); !fault.Is(err, fault.Tampered) {
				t.Errorf("%s: %v", name, err)
			}
			raw.Script(t, `DELETE FROM log_subject; INSERT INTO log_subject SELECT * FROM kept_subject`)
		}
		if err := errors.Join(list(), f.Check(t.Context(), 0, l.Size())); err != nil {
			t.Fatal(err)
		}
		raw.Exec(t, `DELETE FROM log_subject WHERE patient = ? AND n = 3`, mother)
		if err := f.Check(t.Context(), 0, l.Size()); !fault.Is(err, fault.Tampered) {
			t.Fatal("cut from the end:", err)
		}
		// The chain is checked before it is extended, too.
		raw.Exec(t, `UPDATE log_subject SET entries = ? WHERE patient = ? AND n = 2`, []byte("x"), mother)
		mustAppend(t, l, about("mother"))
		if err := f.Flush(t.Context()); !fault.Is(err, fault.Tampered) {
			t.Fatal(err)
		}
		if err := f.Check(t.Context(), 0, 1); !fault.Is(err, fault.Tampered) {
			t.Fatal(err)
		}
		raw.Exec(t, `UPDATE log_subject_position SET position = ?`, []byte("x"))
		if err := f.Flush(t.Context()); !fault.Is(err, fault.Tampered) {
			t.Fatal(err)
		}
	})
}

// An index that has seen more than the log holds belongs to another log.
func TestSubjectsAheadOfTheLog(t *testing.T) {
	d := dbtest.New(t, db.SQLite, audit.Migrations())
	index := audit.NewSubjects(d, audittest.NewSealer("index"))
	if err := index.Add(t.Context(), 5, nil); err != nil {
		t.Fatal(err)
	}
	f := audit.NewFollower(audit.FollowerConfig{Log: audittest.New(t), Index: index})
	if err := f.Flush(t.Context()); !fault.Is(err, fault.Tampered) {
		t.Fatal(err)
	}
}

// memoryIndex is a SubjectIndex for tests of the follower alone.
type memoryIndex struct {
	next int64
	seqs []audit.SubjectEntry
	fail error
}

func (m *memoryIndex) Position(context.Context) (int64, error) { return m.next, nil }

func (m *memoryIndex) Add(_ context.Context, next int64, es []audit.SubjectEntry) error {
	if m.fail != nil {
		return m.fail
	}
	m.next, m.seqs = next, append(m.seqs, es...)
	return nil
}

func (m *memoryIndex) Entries(context.Context, person.PatientID, int64, int) ([]int64, error) {
	return nil, m.fail
}

// Run follows off the hot path, raises an alarm when a round fails, and catches up.
func TestFollowerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := audittest.New(t)
		m := &memoryIndex{}
		alarms := 0
		f := audit.NewFollower(audit.FollowerConfig{Log: l, Index: m, Alarm: func(error) { alarms++ }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { f.Run(ctx); close(done) }()
		mustAppend(t, l, about("mother"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(m.seqs) != 1 {
			t.Fatal(m.seqs)
		}
		m.fail = errors.New("database")
		mustAppend(t, l, about("mother"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		m.fail = nil
		mustAppend(t, l, about("mother"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if alarms != 1 || len(m.seqs) != 3 {
			t.Fatal(alarms, m.seqs)
		}
		cancel()
		<-done
		if err := f.Check(t.Context(), 0, 1); !fault.Is(err, fault.Tampered) {
			t.Fatal(err)
		}
		m.fail = errors.New("database")
		if err := f.Check(t.Context(), 0, 1); err == nil {
			t.Fatal("no error")
		}
		_ = l.Close(context.Background())
	})
}

// The memory of recent entries is bounded, and what it has lost is read from the log.
func TestFollowerBehindItsMemory(t *testing.T) {
	l := audittest.New(t)
	var last *audit.Pending
	for range 80_000 {
		last = l.Start(about("mother"))
	}
	must(last.Wait(t.Context()))
	m := &memoryIndex{}
	f := audit.NewFollower(audit.FollowerConfig{Log: l, Index: m})
	if err := f.Flush(t.Context()); err != nil || len(m.seqs) != 80_000 || m.seqs[79_999].Seq != 79_999 {
		t.Fatal(err, len(m.seqs))
	}
}
