// Package db is the one place that speaks to a database: SQLite in an
// encrypted file (the embedded default) or PostgreSQL 15 and later.
//
// It owns connections, transactions, the retry of conflicting writes, the
// single migration timeline and the folder lock (Hold). Rooms own their tables
// and their SQL; one SQL text serves both engines (placeholders are `?`).
//
// It guarantees
//   - that SQL is constant: query parameters have an unexported string type to
//     which only untyped constants convert, so text from a request cannot
//     become SQL (a test proves that a variable does not compile);
//   - that an acknowledged Write is durable (SQLite: WAL with synchronous=FULL,
//     PostgreSQL: a server with fsync and synchronous_commit on, else Open refuses);
//   - that writes are serializable, and reads see one snapshot;
//   - that both engines answer alike: same value types, same sentinel errors,
//     one open Rows per transaction, and a transaction whose statement failed is lost;
//   - that its errors carry codes, table and constraint names, never a value.
//
// It never seals or opens anything (package vault does), never decides who may
// see a row, never builds SQL from data, and never reads a clock.
package db

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"
)

// constSQL is SQL text that stood in the source code. It is unexported on
// purpose: a caller can pass an untyped constant and nothing else.
type constSQL string

// Engine says which database stands behind a DB.
type Engine uint8

// The engines.
const (
	SQLite   Engine = 1
	Postgres Engine = 2
)

// String is the engine's name in messages and subtests.
func (e Engine) String() string {
	switch e {
	case SQLite:
		return "sqlite"
	case Postgres:
		return "postgres"
	default:
		return "unknown"
	}
}

// Config says where the database is. Exactly one of Path and Postgres is set.
type Config struct {
	// Path is the SQLite file; it is created with mode 0600 when absent.
	Path string
	// Key is the file's 64-byte AES-256-XTS key: two different 32-byte halves.
	Key []byte
	// UnencryptedForTests opens a plain SQLite file. Open refuses it together
	// with a Key, and refuses it outside of a test binary.
	UnencryptedForTests bool
	// NoSyncForTests trades durability for speed: SQLite with synchronous=OFF, a
	// PostgreSQL server with fsync off. Refused outside of a test binary.
	NoSyncForTests bool

	// Postgres is a connection URL without a password. A host that is neither a
	// socket directory nor a loopback address needs sslmode=verify-full.
	Postgres string
	// Password is the PostgreSQL role's password; empty when the server asks for none.
	Password string
	// ServingRole is the role that Migrate grants to. Only the migrating
	// (owning) role's Config needs it; ignored on SQLite.
	ServingRole string

	// ReadConns is the number of concurrent reads. Zero means twice the number
	// of processors, at least 4 and at most 8.
	ReadConns int
	// CacheKiB is each SQLite connection's page cache. Zero means 4096.
	CacheKiB int
	// Random is the source of jitter between retries. Nil means crypto/rand.
	Random io.Reader
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine engine
	kind   Engine
	config Config
	// wait pauses between two tries of a write; tests observe it.
	wait func(context.Context, time.Duration) error

	commits atomic.Uint64 // how many COMMITs of this process have returned, with whatever result
}

// engine is what SQLite and PostgreSQL each implement. A seam, not an API.
type engine interface {
	// begin starts a transaction: serializable when write, else a read-only snapshot.
	begin(ctx context.Context, write bool) (session, error)
	// single lends a session for one reading statement outside of a transaction.
	single(ctx context.Context) (session, error)
	close() error
}

// session is one connection lent to one Tx (or to one statement).
type session interface {
	exec(ctx context.Context, q string, args []any) (int64, error)
	query(ctx context.Context, q string, args []any) (cursor, error)
	// commit ends the transaction. An error that is not ErrCommitUnknown means
	// that nothing was committed. It is not interrupted by the caller's context.
	commit() error
	// end gives the connection back, rolling back what was not committed.
	end()
}

// cursor is a running query. scan converts the current row.
type cursor interface {
	next() (bool, error)
	scan(dest []any) error
	close() error
}

// Open opens the database and checks that it is fit to serve: right key, WAL,
// durability settings, server version. It does not migrate.
func Open(ctx context.Context, c Config) (*DB, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	c = c.withDefaults()
	d := &DB{config: c, wait: pause}
	var err error
	if c.Path != "" {
		d.kind = SQLite
		d.engine, err = openSQLite(ctx, c)
	} else {
		d.kind = Postgres
		d.engine, err = openPostgres(ctx, c)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d.config.Key, d.config.Password = nil, ""
	return d, nil
}

func (c Config) withDefaults() Config {
	if c.ReadConns == 0 {
		c.ReadConns = min(max(2*runtime.GOMAXPROCS(0), 4), 8)
	}
	if c.CacheKiB == 0 {
		c.CacheKiB = 4096
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return c
}

// Engine says which database this is, for messages and for the few settings
// that differ. Rooms must not choose SQL by it.
func (d *DB) Engine() Engine { return d.kind }

// Close waits for what runs (at most ten seconds) and closes every connection.
func (d *DB) Close() error {
	if err := d.engine.close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Query runs one reading statement outside of a transaction. The Rows hold a
// connection until Close, so do not start another query before that.
func (d *DB) Query(ctx context.Context, q constSQL, args ...any) (*Rows, error) {
	s, err := d.engine.single(ctx)
	if err != nil {
		return nil, err
	}
	r, err := newRows(ctx, s, string(q), args)
	if err != nil {
		s.end()
		return nil, err
	}
	r.owned = true
	return r, nil
}

// QueryRow prepares a one-row read outside of a transaction; Row.Scan runs it.
func (d *DB) QueryRow(ctx context.Context, q constSQL, args ...any) *Row {
	return &Row{ctx: ctx, db: d, q: string(q), args: args}
}

// pause waits for d or for the context, whichever is first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
