package db_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

// lookAt reads the one row of counter through f, and says whether it came from memory.
func lookAt(t interface{ Fatal(...any) }, d *db.DB, f *db.Fresh[string, int64]) (n int64, remembered bool) {
	n, mark, ok := f.Get("n")
	if ok {
		return n, true
	}
	err := d.QueryRow(context.Background(), `SELECT n FROM counter WHERE name = 'n'`).Scan(&n)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		t.Fatal(err)
	}
	f.Put(mark, "n", n)
	return n, false
}

func setN(d *db.DB, n int64) error {
	return d.Write(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), `INSERT INTO counter (name, n) VALUES ('n', ?) ON CONFLICT (name) DO UPDATE SET n = excluded.n`, n)
		return err
	})
}

// Whatever happens to the database, by whomever, Fresh gives what a query would.
func TestFreshIsAsFreshAsAQuery(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		raw := dbtest.Raw(d)
		must(t, setN(d, 0))
		value := int64(0)
		rapid.Check(t, func(r *rapid.T) {
			f := db.NewFresh[string, int64](d, 10)
			for range rapid.IntRange(1, 12).Draw(r, "steps") {
				switch rapid.SampledFrom([]string{"look", "write", "raw", "fail", "checkpoint"}).Draw(r, "step") {
				case "write":
					value++
					if err := setN(d, value); err != nil {
						r.Fatal(err)
					}
				case "raw":
					value++
					raw.Exec(t, `UPDATE counter SET n = ? WHERE name = 'n'`, value)
				case "fail":
					_ = d.Write(t.Context(), func(tx *db.Tx) error {
						_, _ = tx.Exec(t.Context(), `UPDATE counter SET n = -1 WHERE name = 'n'`)
						return errors.New("changed my mind")
					})
				case "checkpoint":
					if d.Engine() == db.SQLite {
						raw.Query(t, `PRAGMA wal_checkpoint(RESTART)`)
					}
				}
				if n, _ := lookAt(r, d, f); n != value {
					r.Fatalf("got %d, the database has %d", n, value)
				}
			}
		})
	}, dbtest.NoSync)
}

// What is remembered ends with the next commit, also that of somebody else, and
// not before.
func TestFreshRemembersUntilACommit(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		must(t, setN(d, 1))
		f := db.NewFresh[string, int64](d, 10)
		lookAt(t, d, f) // opens the index of the log
		lookAt(t, d, f)
		embedded := d.Engine() == db.SQLite && runtime.GOOS == "linux"
		if _, remembered := lookAt(t, d, f); remembered != embedded {
			t.Fatalf("remembered: %v", remembered)
		}
		for what, commit := range map[string]func(){
			"own write": func() { must(t, setN(d, 2)) },
			"raw SQL":   func() { dbtest.Raw(d).Exec(t, `UPDATE counter SET n = 3 WHERE name = 'n'`) },
			"other table": func() {
				dbtest.Raw(d).Exec(t, `DELETE FROM pair`)
				dbtest.Raw(d).Exec(t, `INSERT INTO pair (a, b) VALUES (1, 2)`)
			},
		} {
			lookAt(t, d, f)
			commit()
			if _, remembered := lookAt(t, d, f); remembered {
				t.Errorf("%s: the old value was given out", what)
			}
		}
	}, dbtest.NoSync)
}

// A value that was read before a commit is not kept under the state after it.
func TestAMarkKeepsTheStateBeforeTheQuery(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	must(t, setN(d, 1))
	f := db.NewFresh[string, int64](d, 10)
	f.Get("n")
	_, mark, _ := f.Get("n")
	must(t, setN(d, 2))
	f.Put(mark, "n", 1)
	if n, _, ok := f.Get("n"); ok {
		t.Errorf("got %d", n)
	}
	f.Put(db.Mark{}, "n", 1)
	if n, _, ok := f.Get("n"); ok {
		t.Errorf("a zero mark kept %d", n)
	}
}

// Whoever can write the files can put the header of an earlier state back. What was
// known then does not come back with it after a change that was made here: an
// ended session stays ended.
func TestAnOldHeaderBringsNothingBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // nothing is kept there
	}
	d := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	must(t, setN(d, 1))
	f := db.NewFresh[string, int64](d, 10)
	f.Get("n") // opens the index of the log
	lookAt(t, d, f)
	if _, remembered := lookAt(t, d, f); !remembered {
		t.Fatal("nothing is remembered")
	}
	name, _ := dbtest.Raw(d).Query(t, `SELECT file FROM pragma_database_list WHERE name = 'main'`)[0][0].(string)
	index, err := os.OpenFile(name+"-shm", os.O_RDWR, 0)
	must(t, err)
	old := make([]byte, 2*48) // both copies
	_, err = index.ReadAt(old, 0)
	must(t, err)
	must(t, setN(d, 2))
	_, err = index.WriteAt(old, 0)
	must(t, errors.Join(err, index.Close()))
	if n, _, ok := f.Get("n"); ok {
		t.Errorf("got %d out of the time before", n)
	}
}

func TestFreshIsBounded(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // nothing is kept there
	}
	d := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	must(t, setN(d, 1))
	f := db.NewFresh[int, int](d, 3)
	f.Get(0)
	for i := range 10 {
		_, mark, _ := f.Get(i)
		f.Put(mark, i, i)
	}
	kept := 0
	for i := range 10 {
		if v, _, ok := f.Get(i); ok {
			kept++
			if v != i {
				t.Errorf("%d is %d", i, v)
			}
		}
	}
	if kept != 3 {
		t.Errorf("%d values kept", kept)
	}
}

// The header of the log's index counts only when both copies are alike and not
// empty, and a file that went away is let go.
func TestReadingTheLogIndex(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // it is not read there
	}
	path := filepath.Join(t.TempDir(), "x.db")
	read, forget := db.WALIndex(path)
	want := func(what string, ok bool) {
		t.Helper()
		read() // opens the file if there is one
		if _, got := read(); got != ok {
			t.Errorf("%s: %v", what, got)
		}
	}
	write := func(b []byte) {
		t.Helper()
		f, err := os.OpenFile(path+"-shm", os.O_RDWR|os.O_CREATE, 0o600)
		must(t, err)
		_, err = f.WriteAt(b, 0)
		must(t, errors.Join(err, f.Close()))
	}
	want("no file", false)
	write(make([]byte, 100))
	want("short file", false)
	write(make([]byte, 32<<10))
	want("empty header", false)
	write(bytes.Repeat([]byte{7}, 96))
	want("two copies", true)
	write([]byte{8})
	want("unlike copies", false)
	write(bytes.Repeat([]byte{9}, 96))
	want("the next commit", true)
	must(t, os.Remove(path+"-shm"))
	forget()
	want("removed", false)
	write(append(bytes.Repeat([]byte{1}, 96), make([]byte, 32<<10)...))
	want("made anew", true)
	forget()
}
