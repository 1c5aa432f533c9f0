package db_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
)

// TestASerializationFailureIsRetried provokes write skew: two transactions read
// both rows and each changes one. PostgreSQL fails one of them with 40001.
func TestASerializationFailureIsRetried(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	ctx := t.Context()
	setCounter(t, d, "a", 1)
	setCounter(t, d, "b", 1)
	bothRead := make(chan struct{}, 2)
	release := make(chan struct{})
	runs := make(chan int, 2)
	skew := func(name string) {
		n := 0
		err := d.Write(ctx, func(tx *db.Tx) error {
			n++
			var sum int64
			if err := tx.QueryRow(ctx, "SELECT SUM(n) FROM counter").Scan(&sum); err != nil {
				return err
			}
			if n == 1 {
				bothRead <- struct{}{}
				<-release
			}
			_, err := tx.Exec(ctx, "UPDATE counter SET n = ? WHERE name = ?", sum, name)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		runs <- n
	}
	go skew("a")
	go skew("b")
	within(t, "first reader", bothRead)
	within(t, "second reader", bothRead)
	close(release)
	if total := <-runs + <-runs; total != 3 {
		t.Errorf("%d runs in all, want 3: one transaction must run twice", total)
	}
	a, b := counter(t, d, "a"), counter(t, d, "b")
	if a+b != 5 { // 2 and 3 in either order, never 2 and 2
		t.Errorf("a = %d, b = %d is no serial outcome", a, b)
	}
}

// raise makes a function that fails with a SQLSTATE of the test's choice.
const raise = `CREATE FUNCTION fail(state text) RETURNS bigint LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'Rosalind Okafor' USING ERRCODE = state; END $$`

func fail(ctx context.Context, tx *db.Tx, state string) error {
	return tx.QueryRow(ctx, "SELECT fail(?)", state).Scan(new(int64))
}

func TestRetriesAreBounded(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	dbtest.Raw(d).Script(t, raise)
	ctx := t.Context()
	pauses := 0
	db.SetWait(d, func(context.Context, time.Duration) error { pauses++; return nil })
	runs := 0
	err := d.Write(ctx, func(tx *db.Tx) error {
		runs++
		_ = fail(ctx, tx, "40P01")
		return errors.New("the room's own words") // hides the reason
	})
	wantErr(t, err, db.ErrBusy)
	if runs != db.MaxAttempts || pauses != runs-1 || fault.Of(err) != fault.Unavailable {
		t.Errorf("%d runs, %d pauses, %v", runs, pauses, err)
	}
	// Every other failure is final at once.
	runs = 0
	wantErr(t, d.Write(ctx, func(tx *db.Tx) error { runs++; return fail(ctx, tx, "53100") }), db.ErrFull)
	if runs != 1 {
		t.Errorf("a full disk was tried %d times", runs)
	}
	// Nothing runs again once the entry is written, and before it may.
	runs, entries := 0, 0
	err = d.WriteOnce(ctx, func(tx *db.Tx) error {
		runs++
		if runs == 1 {
			return fail(ctx, tx, "40001")
		}
		return nil
	}, func() error { entries++; return nil })
	must(t, err)
	if runs != 2 || entries != 1 {
		t.Errorf("%d runs, %d entries", runs, entries)
	}
	stop := errors.New("stop")
	db.SetWait(d, func(context.Context, time.Duration) error { return stop })
	wantErr(t, d.Write(ctx, func(tx *db.Tx) error { return fail(ctx, tx, "40001") }), stop)
}

// TestACommitThatFailsAfterTheEntry uses a deferred constraint, whose failure
// PostgreSQL reports at COMMIT: nothing is committed and nothing is repeated.
func TestACommitThatFailsAfterTheEntry(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	raw := dbtest.Raw(d)
	raw.Script(t, raise+`; CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM fail('40001'); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`)
	ctx := t.Context()
	setCounter(t, d, "a", 1)
	runs, entries := 0, 0
	err := d.WriteOnce(ctx, func(tx *db.Tx) error {
		runs++
		_, err := tx.Exec(ctx, "UPDATE counter SET n = 2")
		return err
	}, func() error { entries++; return nil })
	wantErr(t, err, db.ErrBusy)
	if errors.Is(err, db.ErrCommitUnknown) || runs != 1 || entries != 1 || counter(t, d, "a") != 1 {
		t.Errorf("%v after %d runs and %d entries", err, runs, entries)
	}
}

// TestACommitWithoutAnAnswerIsUnknown cuts the connection while COMMIT waits.
func TestACommitWithoutAnAnswerIsUnknown(t *testing.T) {
	d := dbtest.New(t, db.Postgres, timeline(), dbtest.NoSync)
	raw, killer := dbtest.Raw(d), dbtest.Raw(d)
	raw.Script(t, `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
		SELECT pg_advisory_lock(1)`)
	ctx := t.Context()
	setCounter(t, d, "a", 1)
	entry := make(chan struct{})
	result := make(chan error, 1)
	go func() {
		result <- d.WriteOnce(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE counter SET n = 2")
			return err
		}, func() error { close(entry); return nil })
	}()
	within(t, "entry", entry)
	for len(killer.Query(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE 'commit%'`)) == 0 {
	}
	err := <-result
	wantErr(t, err, db.ErrCommitUnknown)
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("kind %v", fault.Of(err))
	}
}

func TestAFileHeldByAnotherProcessIsWaitedFor(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	setCounter(t, d, "a", 1)
	raw := dbtest.Raw(d)
	must(t, db.LimitPages(d, "PRAGMA busy_timeout=1"))
	raw.Script(t, "BEGIN IMMEDIATE")
	pauses := 0
	db.SetWait(d, func(context.Context, time.Duration) error {
		if pauses++; pauses == 3 {
			raw.Script(t, "COMMIT")
		}
		return nil
	})
	setCounter(t, d, "a", 2)
	if pauses != 3 {
		t.Errorf("%d pauses", pauses)
	}
}

func TestPausesGrowAndAreBounded(t *testing.T) {
	for name, random := range map[string]io.Reader{
		"zeros": zeros{}, "broken": iotest.ErrReader(errors.New("no entropy")),
	} {
		d := dbtest.New(t, db.SQLite, nil, dbtest.With(func(c *db.Config) { c.Random = random }))
		for attempt := range db.MaxAttempts {
			if p := db.Backoff(d, attempt+1); p < 0 || p > 200*time.Millisecond || name == "zeros" && p != 0 {
				t.Errorf("%s: pause %v", name, p)
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAFullDiskIsRecognised(t *testing.T) {
	d := dbtest.New(t, db.SQLite, timeline(), dbtest.NoSync)
	ctx := t.Context()
	must(t, db.LimitPages(d, "PRAGMA max_page_count=20"))
	err := d.Write(ctx, func(tx *db.Tx) error {
		for i := range 100 {
			if _, err := tx.Exec(ctx, "INSERT INTO journal (seq, leaf) VALUES (?, ?)", i, make([]byte, 4000)); err != nil {
				return err
			}
		}
		return nil
	})
	wantErr(t, err, db.ErrFull)
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("kind %v", fault.Of(err))
	}
	must(t, db.LimitPages(d, "PRAGMA max_page_count=10000"))
	setCounter(t, d, "a", 1)
}

func TestSQLStatesMapToSentinels(t *testing.T) {
	for code, want := range map[string]error{
		"23505": db.ErrConflict, "40001": db.ErrBusy, "40P01": db.ErrBusy, "42501": db.ErrDenied, "25006": db.ErrReadOnly,
		"53100": db.ErrFull, "XX001": db.ErrCorrupt, "23502": db.ErrConstraint, "22P02": db.ErrConstraint,
		"57P01": db.ErrUnavailable, "53300": db.ErrUnavailable, "08006": db.ErrUnavailable, "28P01": db.ErrUnavailable,
	} {
		err := db.FromSQLState(code, "thing_token_unique", "Key (token)=(Rosalind Okafor) exists")
		wantErr(t, err, want)
		if db.Code(err) != code || code != "42501" && strings.Contains(err.Error(), "Okafor") {
			t.Errorf("%s: %v", code, err)
		}
	}
	if err := db.FromSQLState("42P01", "", `relation "x" does not exist`); fault.Of(err) != fault.Internal || !strings.Contains(err.Error(), "relation") {
		t.Errorf("%v", err)
	}
	if db.Code(errors.New("x")) != "" {
		t.Error("a code out of nowhere")
	}
	for code, unknown := range map[string]bool{"57P01": true, "08006": true, "40003": true, "XX000": true, "40001": false, "23505": false, "53100": false} {
		if db.CommitUnknown(code) != unknown {
			t.Errorf("%s at COMMIT: unknown = %v", code, !unknown)
		}
	}
}
