package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
)

const (
	insertThing = "INSERT INTO thing (owner, id, kind, token, body, note) VALUES (?, ?, ?, ?, ?, ?)"
	selectThing = "SELECT kind, token, body, note FROM thing WHERE owner = ? AND id = ?"
)

func TestEveryTypeComesBackAsItWentIn(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var n byte
		rapid.Check(t, func(r *rapid.T) {
			n++
			kind := rapid.Int64().Draw(r, "kind")
			body := rapid.SliceOf(rapid.Byte()).Draw(r, "body")
			note := rapid.StringOf(rapid.Rune().Filter(func(c rune) bool { return c != 0 })).Draw(r, "note")
			note = strings.ToValidUTF8(note, "?")
			id := []byte(fmt.Sprintf("%d %d", n, kind))
			if err := d.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, "DELETE FROM thing")
				if err == nil {
					_, err = tx.Exec(ctx, insertThing, []byte{n}, id, kind, nil, body, note)
				}
				return err
			}); err != nil {
				r.Fatal(err)
			}
			var gotKind int64
			var token, gotBody []byte
			var gotNote string
			if err := d.QueryRow(ctx, selectThing, []byte{n}, id).Scan(&gotKind, &token, &gotBody, &gotNote); err != nil {
				r.Fatal(err)
			}
			if gotKind != kind || token != nil || !bytes.Equal(gotBody, body) || gotNote != note {
				r.Fatalf("got %d %x %x %q", gotKind, token, gotBody, gotNote)
			}
		})
	}, dbtest.NoSync)
}

func TestArgumentsAndDestinationsOfEachType(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		i64, i, u32, u8, yes, text, raw := int64(math.MinInt64), 7, uint32(math.MaxUint32), uint8(255), true, "é", []byte{}
		for name, c := range map[string]struct {
			arg   any
			check func(*db.Row) error
		}{
			"int64":  {i64, func(r *db.Row) error { var v int64; return same(r.Scan(&v), v, i64) }},
			"*int64": {&i64, func(r *db.Row) error { var v *int64; return samePointer(r.Scan(&v), &v, i64) }},
			"int":    {i, func(r *db.Row) error { var v int; return same(r.Scan(&v), v, i) }},
			"*int":   {&i, func(r *db.Row) error { var v *int; return samePointer(r.Scan(&v), &v, i) }},
			"uint32": {u32, func(r *db.Row) error { var v uint32; return same(r.Scan(&v), v, u32) }},
			"*uint32": {&u32, func(r *db.Row) error {
				var v *uint32
				return samePointer(r.Scan(&v), &v, u32)
			}},
			"uint8":  {u8, func(r *db.Row) error { var v uint8; return same(r.Scan(&v), v, u8) }},
			"*uint8": {&u8, func(r *db.Row) error { var v *uint8; return samePointer(r.Scan(&v), &v, u8) }},
			"bool":   {yes, func(r *db.Row) error { var v bool; return same(r.Scan(&v), v, yes) }},
			"*bool":  {&yes, func(r *db.Row) error { var v *bool; return samePointer(r.Scan(&v), &v, yes) }},
		} {
			setAny(t, d, "UPDATE thing SET kind = ?", c.arg)
			if err := c.check(d.QueryRow(ctx, "SELECT kind FROM thing")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		setAny(t, d, "UPDATE thing SET note = ?", &text)
		var s *string
		must(t, samePointer(d.QueryRow(ctx, "SELECT note FROM thing").Scan(&s), &s, text))
		setAny(t, d, "UPDATE thing SET body = ?", &raw)
		var b *[]byte
		must(t, d.QueryRow(ctx, "SELECT body FROM thing").Scan(&b))
		if b == nil || *b == nil || len(*b) != 0 {
			t.Errorf("empty bytes came back as %v", b)
		}
		for _, null := range []any{nil, []byte(nil), (*int64)(nil), (*string)(nil), (*[]byte)(nil)} {
			setAny(t, d, "UPDATE thing SET body = ?", null)
			must(t, d.QueryRow(ctx, "SELECT body FROM thing").Scan(&b))
			if b != nil {
				t.Errorf("%T null came back as %v", null, b)
			}
		}
	}, dbtest.NoSync)
}

// setAny makes the one row of thing and runs q, which is constant at each call.
func setAny(t *testing.T, d *db.DB, q string, arg any) {
	t.Helper()
	write(t, d, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO thing (owner, id, kind) VALUES (?, ?, 0) ON CONFLICT (owner, id) DO NOTHING",
			[]byte("o"), []byte("i")); err != nil {
			return err
		}
		var err error
		switch q {
		case "UPDATE thing SET kind = ?":
			_, err = tx.Exec(ctx, "UPDATE thing SET kind = ?", arg)
		case "UPDATE thing SET note = ?":
			_, err = tx.Exec(ctx, "UPDATE thing SET note = ?", arg)
		default:
			_, err = tx.Exec(ctx, "UPDATE thing SET body = ?", arg)
		}
		return err
	})
}

func same[T comparable](err error, got, want T) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %v, want %v", got, want)
	}
	return err
}

func samePointer[T comparable](err error, got **T, want T) error {
	if err == nil && *got == nil {
		return errors.New("got null")
	}
	if err != nil {
		return err
	}
	return same(nil, **got, want)
}

func TestValuesThatDoNotFitAreRefusedAlike(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var s string
		var i int64
		var u8 uint8
		var u32 uint32
		var yes bool
		var b []byte
		var f float64
		write(t, d, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, insertThing, []byte("o"), []byte("i"), 300, nil, []byte("b"), "text")
			return err
		})
		for what, err := range map[string]error{
			"integer into text":      d.QueryRow(ctx, "SELECT kind FROM thing").Scan(&s),
			"integer into bytes":     d.QueryRow(ctx, "SELECT kind FROM thing").Scan(&b),
			"text into bytes":        d.QueryRow(ctx, "SELECT note FROM thing").Scan(&b),
			"text into integer":      d.QueryRow(ctx, "SELECT note FROM thing").Scan(&i),
			"bytes into text":        d.QueryRow(ctx, "SELECT body FROM thing").Scan(&s),
			"null into integer":      d.QueryRow(ctx, "SELECT NULL FROM thing").Scan(&i),
			"null into text":         d.QueryRow(ctx, "SELECT NULL FROM thing").Scan(&s),
			"300 into a byte":        d.QueryRow(ctx, "SELECT kind FROM thing").Scan(&u8),
			"-1 into unsigned":       d.QueryRow(ctx, "SELECT -1 FROM thing").Scan(&u32),
			"300 into a truth value": d.QueryRow(ctx, "SELECT kind FROM thing").Scan(&yes),
			"a float":                d.QueryRow(ctx, "SELECT kind FROM thing").Scan(&f),
			"two columns, one place": d.QueryRow(ctx, "SELECT kind, note FROM thing").Scan(&i),
			"text with NUL":          d.QueryRow(ctx, "SELECT kind FROM thing WHERE note = ?", "a\x00").Scan(&i),
			"text not UTF-8":         d.QueryRow(ctx, "SELECT kind FROM thing WHERE note = ?", "\xff").Scan(&i),
			"a float argument":       d.QueryRow(ctx, "SELECT kind FROM thing WHERE kind = ?", 1.5).Scan(&i),
			"too few arguments":      d.QueryRow(ctx, "SELECT kind FROM thing WHERE kind = ?").Scan(&i),
			"too many arguments":     d.QueryRow(ctx, "SELECT kind FROM thing", 1).Scan(&i),
		} {
			if err == nil {
				t.Errorf("%s was accepted", what)
			}
		}
		must(t, d.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM thing)").Scan(&yes))
		must(t, d.QueryRow(ctx, "SELECT SUM(kind) FROM thing").Scan(&i))
		if !yes || i != 300 {
			t.Errorf("exists %v, sum %d", yes, i)
		}
	}, dbtest.NoSync)
}

func TestFailuresAreTheSameOnBothEngines(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		setCounter(t, d, "a", 1)
		try := func(fn func(ctx context.Context, tx *db.Tx) error) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return fn(t.Context(), tx) })
		}
		err := try(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO counter (name, n) VALUES (?, ?)", "a", 2)
			return err
		})
		wantErr(t, err, db.ErrConflict)
		if fault.Of(err) != fault.Conflict || db.Code(err) == "" {
			t.Errorf("kind %v, code %q", fault.Of(err), db.Code(err))
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
		err = try(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO counter (name, n) VALUES (?, ?)", "b", nil)
			return err
		})
		wantErr(t, err, db.ErrConstraint)
		wantErr(t, d.QueryRow(t.Context(), "SELECT n FROM counter WHERE name = ?", "z").Scan(new(int64)), db.ErrNoRows)
		err = d.QueryRow(t.Context(), "SELECT n FROM nowhere").Scan(new(int64))
		if err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("unknown table: %v", err)
		}
		var n int64
		err = d.QueryRow(t.Context(), "UPDATE counter SET n = 9 RETURNING n").Scan(&n)
		wantErr(t, err, db.ErrReadOnly)
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE counter SET n = 9")
			return err
		})
		wantErr(t, err, db.ErrReadOnly)
		if got := counter(t, d, "a"); got != 1 {
			t.Errorf("a read changed the counter to %d", got)
		}
	}, dbtest.NoSync)
}

func TestErrorsQuoteNoValue(t *testing.T) {
	const secret = "Rosalind Okafor"
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		insert := func() error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), "INSERT INTO counter (name, n) VALUES (?, 1)", secret)
				return err
			})
		}
		must(t, insert())
		for _, err := range []error{
			insert(),
			d.QueryRow(t.Context(), "SELECT n FROM counter WHERE CAST(? AS BIGINT) = n AND name = 1", secret).Scan(new(int64)),
			d.QueryRow(t.Context(), "SELECT name FROM counter").Scan(new(int64)),
			d.QueryRow(t.Context(), "SELECT n FROM counter WHERE n = ?", secret).Scan(new(int64)),
		} {
			if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "Okafor") {
				t.Errorf("error %v", err)
			}
			var inner error = err
			for inner != nil {
				if strings.Contains(inner.Error(), "Okafor") {
					t.Errorf("inner error %v", inner)
				}
				inner = errors.Unwrap(inner)
			}
		}
	}, dbtest.NoSync)
}

func TestRowsAndTransactionsEndCleanly(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		for i := range 5 {
			setCounter(t, d, fmt.Sprint(i), int64(i))
		}
		var kept *db.Tx
		var keptRows *db.Rows
		err := d.Write(ctx, func(tx *db.Tx) error {
			kept = tx
			rows, err := tx.Query(ctx, "SELECT n FROM counter ORDER BY n")
			must(t, err)
			keptRows = rows
			if !rows.Next() {
				t.Fatal("no row")
			}
			_, err = tx.Exec(ctx, "UPDATE counter SET n = n + 10")
			wantErr(t, err, db.ErrRowsOpen)
			must(t, rows.Close())
			must(t, rows.Close())
			n, err := tx.Exec(ctx, "UPDATE counter SET n = n + 10 WHERE n > ?", 2)
			must(t, err)
			if n != 2 {
				t.Errorf("changed %d rows", n)
			}
			n, err = tx.Exec(ctx, "DELETE FROM pair")
			must(t, err)
			if n != 0 {
				t.Errorf("deleted %d rows", n)
			}
			// Left open on purpose: the end of the transaction closes it.
			keptRows, err = tx.Query(ctx, "UPDATE counter SET n = n WHERE n < 3 RETURNING n")
			return err
		})
		must(t, err)
		_, err = kept.Exec(ctx, "DELETE FROM counter")
		wantErr(t, err, db.ErrTxDone)
		wantErr(t, kept.QueryRow(ctx, "SELECT 1").Scan(new(int)), db.ErrTxDone)
		wantErr(t, keptRows.Scan(new(int)), db.ErrTxDone)
		if keptRows.Next() {
			t.Error("a closed Rows goes on")
		}
		rows, err := d.Query(ctx, "SELECT name, n FROM counter WHERE n >= ? ORDER BY n", 2)
		must(t, err)
		defer rows.Close()
		var sum int64
		for rows.Next() {
			var name string
			var n int64
			must(t, rows.Scan(&name, &n))
			sum += n
		}
		must(t, rows.Err())
		if sum != 2+13+14 {
			t.Errorf("sum %d", sum)
		}
		_, err = d.Query(ctx, "SELECT name FROM counter WHERE n = ?", 1.5)
		if err == nil {
			t.Error("a float argument was accepted")
		}
	}, dbtest.NoSync)
}

func TestAFailedStatementLosesTheTransaction(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		setCounter(t, d, "a", 1)
		err := d.Write(ctx, func(tx *db.Tx) error {
			_, _ = tx.Exec(ctx, "UPDATE counter SET n = 2")
			_, err := tx.Exec(ctx, "INSERT INTO counter (name, n) VALUES (?, ?)", "a", 1)
			wantErr(t, err, db.ErrConflict)
			_, err = tx.Exec(ctx, "UPDATE counter SET n = 3")
			wantErr(t, err, db.ErrConflict)
			return nil // hides it
		})
		wantErr(t, err, db.ErrConflict)
		boom := errors.New("boom")
		err = d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE counter SET n = 4")
			must(t, err)
			return boom
		})
		wantErr(t, err, boom)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = d.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE counter SET n = 5")
				must(t, err)
				panic("at the disco")
			})
		}()
		if got := counter(t, d, "a"); got != 1 {
			t.Errorf("counter is %d", got)
		}
	}, dbtest.NoSync)
}

func TestWriteOnceOrdersItsSteps(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		setCounter(t, d, "a", 1)
		update := func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE counter SET n = n + 1")
			return err
		}
		// A log that fails stops the change.
		full := errors.New("log full")
		wantErr(t, d.WriteOnce(ctx, update, func() error { return full }), full)
		// A change that fails never reaches the log.
		err := d.WriteOnce(ctx, func(tx *db.Tx) error {
			_, _ = tx.Exec(ctx, "INSERT INTO counter (name, n) VALUES (?, ?)", "a", 1)
			return nil
		}, func() error { t.Error("the entry of a failed change was written"); return nil })
		wantErr(t, err, db.ErrConflict)
		if got := counter(t, d, "a"); got != 1 {
			t.Errorf("counter is %d", got)
		}
		// A browser that goes away after the entry does not undo the change.
		gone, leave := context.WithCancel(ctx)
		must(t, d.WriteOnce(gone, func(tx *db.Tx) error { return update(tx) }, func() error { leave(); return nil }))
		// One that goes away before does.
		gone, leave = context.WithCancel(ctx)
		err = d.WriteOnce(gone, func(tx *db.Tx) error { leave(); return nil }, func() error { t.Error("entry written"); return nil })
		wantErr(t, err, context.Canceled)
		if got := counter(t, d, "a"); got != 2 {
			t.Errorf("counter is %d", got)
		}
	}, dbtest.NoSync)
}

func TestReadsSeeOneSnapshot(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		setCounter(t, d, "a", 1)
		must(t, d.Read(ctx, func(tx *db.Tx) error {
			var before, after int64
			must(t, tx.QueryRow(ctx, "SELECT n FROM counter").Scan(&before))
			setCounter(t, d, "a", 2)
			must(t, tx.QueryRow(ctx, "SELECT n FROM counter").Scan(&after))
			if before != 1 || after != 1 {
				t.Errorf("saw %d, then %d", before, after)
			}
			return nil
		}))
	}, dbtest.NoSync)
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		setCounter(t, d, "a", 0)
		const writers, rounds = 4, 10
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range rounds {
					err := d.Write(t.Context(), func(tx *db.Tx) error {
						var n int64
						if err := tx.QueryRow(t.Context(), "SELECT n FROM counter WHERE name = ?", "a").Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec(t.Context(), "UPDATE counter SET n = ? WHERE name = ?", n+1, "a")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range rounds {
					if err := d.QueryRow(t.Context(), "SELECT n FROM counter").Scan(new(int64)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := counter(t, d, "a"); got != writers*rounds {
			t.Errorf("counter is %d", got)
		}
	}, dbtest.NoSync)
}

func TestACancelledContextStopsAQuery(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		rows, err := d.Query(ctx, "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s")
		must(t, err)
		n := 0
		for rows.Next() {
			if n++; n == 1000 {
				cancel()
			}
		}
		wantErr(t, rows.Err(), context.Canceled)
		wantErr(t, rows.Close(), context.Canceled)
		wantErr(t, d.QueryRow(ctx, "SELECT 1").Scan(new(int)), context.Canceled)
		wantErr(t, d.Write(ctx, func(*db.Tx) error { return nil }), context.Canceled)
		wantErr(t, d.Read(ctx, func(*db.Tx) error { return nil }), context.Canceled)
		// The connection is fit for the next query.
		must(t, d.QueryRow(t.Context(), "SELECT 1").Scan(new(int)))
		setCounter(t, d, "a", 1)
	}, dbtest.NoSync)
}

func TestAQueryThatReturnsNothingYetIsInterrupted(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		started := make(chan struct{})
		go func() { <-started; cancel() }()
		err := d.Read(ctx, func(tx *db.Tx) error {
			close(started)
			return tx.QueryRow(ctx, "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s WHERE i < 0").Scan(new(int64))
		})
		wantErr(t, err, context.Canceled)
	}, dbtest.NoSync)
}

func TestAClosedDatabaseSaysSo(t *testing.T) {
	dbtest.Each(t, timeline(), func(t *testing.T, d *db.DB) {
		must(t, d.Close())
		wantErr(t, d.QueryRow(t.Context(), "SELECT 1").Scan(new(int)), db.ErrClosed)
		wantErr(t, d.Write(t.Context(), func(*db.Tx) error { return nil }), db.ErrClosed)
		_, err := d.Query(t.Context(), "SELECT 1")
		wantErr(t, err, db.ErrClosed)
		must(t, d.Close())
		again := dbtest.Serving(t, d)
		must(t, again.QueryRow(t.Context(), "SELECT 1").Scan(new(int)))
	}, dbtest.NoSync)
}
