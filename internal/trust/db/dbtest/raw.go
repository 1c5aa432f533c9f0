package dbtest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/vfs/xts" // registers the "xts" VFS

	"postern.example/postern/internal/trust/db"
)

// RawDB is the attacker's hand on a database: any SQL text, past the guards of
// append-only tables (SQLite with triggers off, PostgreSQL as the superuser).
type RawDB struct {
	conn rawConn
}

// rawConn is one native connection.
type rawConn interface {
	run(ctx context.Context, q string, args []any) (rows [][]any, changed int64, err error)
	script(ctx context.Context, q string) error
	close() error
}

// Raw opens a second, unguarded connection to the database of d, which must
// come from this package. It is closed when the test ends.
func Raw(d *db.DB) *RawDB {
	e := kit.find(d)
	r, err := openRaw(e.raw)
	if err != nil {
		e.t.Fatalf("open raw connection: %v", err)
	}
	e.t.Cleanup(func() { _ = r.conn.close() })
	return r
}

// RawConfig is Raw for a database that the test opened by itself. For
// PostgreSQL, c should name the owning role.
func RawConfig(t testing.TB, c db.Config) *RawDB {
	t.Helper()
	r, err := openRaw(c)
	if err != nil {
		t.Fatalf("open raw connection: %v", err)
	}
	t.Cleanup(func() { _ = r.conn.close() })
	return r
}

func openRaw(c db.Config) (*RawDB, error) {
	if c.Path == "" {
		conn, err := openRawPostgres(context.Background(), c.Postgres, c.Password)
		return &RawDB{conn}, err
	}
	u := url.URL{Scheme: "file", Path: c.Path}
	if c.Key != nil {
		u.RawQuery = "vfs=xts"
	}
	conn, err := sqlite3.Open(u.String())
	if err != nil {
		return nil, err
	}
	if c.Key != nil {
		if err := conn.Exec("PRAGMA hexkey='" + hex.EncodeToString(c.Key) + "'"); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	_, err = conn.Config(sqlite3.DBCONFIG_ENABLE_TRIGGER, false)
	if err == nil {
		err = conn.Exec("PRAGMA busy_timeout=5000")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &RawDB{&rawSQLite{conn}}, nil
}

// Exec runs one statement with `?` placeholders and returns how many rows it
// changed. Any failure ends the test.
func (r *RawDB) Exec(t testing.TB, q string, args ...any) int64 {
	t.Helper()
	n, err := r.Try(q, args...)
	if err != nil {
		t.Fatalf("raw %q: %v", q, err)
	}
	return n
}

// Try is Exec that returns the failure.
func (r *RawDB) Try(q string, args ...any) (int64, error) {
	_, n, err := r.conn.run(context.Background(), q, args)
	return n, err
}

// Query returns all rows of a statement; values are int64, string, []byte,
// float64, bool or nil. Any failure ends the test.
func (r *RawDB) Query(t testing.TB, q string, args ...any) [][]any {
	t.Helper()
	rows, _, err := r.conn.run(context.Background(), q, args)
	if err != nil {
		t.Fatalf("raw %q: %v", q, err)
	}
	return rows
}

// Script runs several statements without arguments.
func (r *RawDB) Script(t testing.TB, q string) {
	t.Helper()
	if err := r.conn.script(context.Background(), q); err != nil {
		t.Fatalf("raw script: %v", err)
	}
}

type rawSQLite struct{ c *sqlite3.Conn }

func (r *rawSQLite) script(_ context.Context, q string) error { return r.c.Exec(q) }

func (r *rawSQLite) close() error { return r.c.Close() }

func (r *rawSQLite) run(_ context.Context, q string, args []any) (rows [][]any, changed int64, err error) {
	stmt, _, err := r.c.Prepare(q)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	if n := stmt.BindCount(); n != len(args) {
		return nil, 0, fmt.Errorf("%d arguments for %d placeholders", len(args), n)
	}
	for i, a := range args {
		if err := bindRaw(stmt, i+1, a); err != nil {
			return nil, 0, err
		}
	}
	before := r.c.TotalChanges()
	for stmt.Step() {
		row := make([]any, stmt.ColumnCount())
		if err := stmt.Columns(row...); err != nil {
			return nil, 0, err
		}
		rows = append(rows, row)
	}
	return rows, r.c.TotalChanges() - before, stmt.Err()
}

func bindRaw(stmt *sqlite3.Stmt, i int, a any) error {
	switch v := a.(type) {
	case nil:
		return stmt.BindNull(i)
	case []byte:
		return stmt.BindBlob(i, v)
	case string:
		return stmt.BindText(i, v)
	case int:
		return stmt.BindInt(i, v)
	case int64:
		return stmt.BindInt64(i, v)
	case bool:
		return stmt.BindBool(i, v)
	default:
		return fmt.Errorf("raw argument of type %T", a)
	}
}

type rawPostgres struct{ c *pgx.Conn }

func openRawPostgres(ctx context.Context, address, password string) (*rawPostgres, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	cfg.Password = password
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &rawPostgres{conn}, nil
}

func (r *rawPostgres) script(ctx context.Context, q string) error {
	_, err := r.c.PgConn().Exec(ctx, q).ReadAll()
	return err
}

func (r *rawPostgres) close() error { return r.c.Close(context.Background()) }

func (r *rawPostgres) run(ctx context.Context, q string, args []any) ([][]any, int64, error) {
	rows, err := r.c.Query(ctx, numbered(q), args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, 0, err
		}
		for i := range v {
			v[i] = widen(v[i])
		}
		out = append(out, v)
	}
	rows.Close()
	return out, rows.CommandTag().RowsAffected(), rows.Err()
}

// widen gives both engines the same integer type.
func widen(v any) any {
	switch n := v.(type) {
	case int16:
		return int64(n)
	case int32:
		return int64(n)
	default:
		return v
	}
}

// numbered turns each `?` into $n. Drills quote no question marks.
func numbered(q string) string {
	var b strings.Builder
	n := 0
	for _, r := range q {
		if r == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
