package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	dbtest.Main(m)
}

func column(name string, typ db.ColumnType, class db.Class) db.Column {
	return db.Column{Name: name, Type: typ, Class: class, Purpose: "a test", Retention: "the test"}
}

func nullable(c db.Column) db.Column {
	c.Nullable = true
	return c
}

// timeline is the schema of these tests: a counter, a table of every type, an
// append-only journal, and a later addition.
func timeline() []db.Migration {
	return []db.Migration{
		{Number: 2, Room: "test", Name: "journal", Tables: []db.Table{{
			Name: "journal", Purpose: "a test", Key: []string{"seq"}, AppendOnly: true,
			Columns: []db.Column{column("seq", db.Integer, db.Sequence), column("leaf", db.Bytes, db.Digest)},
		}}},
		{Number: 1, Room: "test", Name: "first", Tables: []db.Table{
			{
				Name: "counter", Purpose: "a test", Key: []string{"name"},
				Columns: []db.Column{column("name", db.Text, db.SmallKind), column("n", db.Integer, db.Version)},
			},
			{
				Name: "thing", Purpose: "a test", Key: []string{"owner", "id"},
				Unique: [][]string{{"token"}}, Index: [][]string{{"owner", "kind"}},
				Columns: []db.Column{
					column("owner", db.Bytes, db.RandomID), column("id", db.Bytes, db.RandomID),
					column("kind", db.Integer, db.SmallKind), nullable(column("token", db.Bytes, db.BlindToken)),
					nullable(column("body", db.Bytes, db.Sealed)), nullable(column("note", db.Text, db.SmallKind)),
				},
			},
			{
				Name: "pair", Purpose: "a test", Key: []string{"a", "b"},
				Columns: []db.Column{column("a", db.Integer, db.SmallKind), column("b", db.Integer, db.SmallKind)},
			},
		}},
		{Number: 12, Room: "test", Name: "later", State: db.Applied, Add: []db.Addition{{
			Table: "counter", Columns: []db.Column{nullable(column("extra", db.Bytes, db.Sealed))}, Index: [][]string{{"n"}},
		}}},
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func write(t testing.TB, d *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	must(t, d.Write(t.Context(), func(tx *db.Tx) error { return fn(t.Context(), tx) }))
}

func setCounter(t testing.TB, d *db.DB, name string, n int64) {
	t.Helper()
	write(t, d, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO counter (name, n) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = excluded.n", name, n)
		return err
	})
}

func counter(t testing.TB, d *db.DB, name string) (n int64) {
	t.Helper()
	must(t, d.QueryRow(t.Context(), "SELECT n FROM counter WHERE name = ?", name).Scan(&n))
	return n
}

// within fails instead of hanging when a test waits for something that never comes.
func within(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s within 30 s", what)
	}
}
