package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// SetWait replaces the pause between two tries of a write.
func SetWait(d *DB, wait func(context.Context, time.Duration) error) { d.wait = wait }

// Backoff draws one pause.
func Backoff(d *DB, attempt int) time.Duration { return d.backoff(attempt) }

// MaxAttempts is how often a write is tried.
const MaxAttempts = maxAttempts

// LimitPages makes the SQLite file full at this many pages.
func LimitPages(d *DB, pragma string) error {
	e := d.engine.(*sqliteEngine)
	c, err := e.writer.get(context.Background())
	if err != nil {
		return err
	}
	defer e.writer.put(c)
	return c.c.Exec(pragma)
}

// ConnStats reports the idle readers and the statements that each has prepared.
func ConnStats(d *DB) (stmts []int) {
	e := d.engine.(*sqliteEngine)
	e.readers.mu.Lock()
	defer e.readers.mu.Unlock()
	for _, c := range e.readers.idle {
		stmts = append(stmts, len(c.stmts))
	}
	return stmts
}

// MaxStmts bounds a connection's prepared statements.
const MaxStmts = maxStmts

// QueryText runs SQL that is not constant, to fill the statement cache.
func QueryText(ctx context.Context, d *DB, q string, dest ...any) error {
	return d.QueryRow(ctx, constSQL(q)).Scan(dest...)
}

// Rebind is the translation of placeholders.
func Rebind(q string) string { return rebind(q) }

// FromSQLState is the error that PostgreSQL's answer becomes.
func FromSQLState(code, constraint, message string) error {
	return postgresError(context.Background(), &pgconn.PgError{Code: code, ConstraintName: constraint, Message: message, Detail: message})
}

// IndexName names an index.
func IndexName(table, kind string, columns []string) string { return indexName(table, kind, columns) }

// CheckTransport parses a URL and says whether it may be used.
func CheckTransport(url string) error {
	_, err := postgresConfig(Config{Postgres: url})
	return err
}

// CommitUnknown is how an answer to COMMIT is classified.
func CommitUnknown(code string) bool { return endsConnection(code) }

// PageCipher returns the two directions of the file cipher.
func PageCipher(key []byte) (seal, open func([]byte, uint64), err error) {
	c, err := newPageCipher(key)
	if err != nil {
		return nil, nil, err
	}
	return c.seal, c.open, nil
}

// WALIndex opens the reader of a log's index.
func WALIndex(database string) (read func() (Stamp, bool), forget func()) {
	w := newWALIndex(database)
	return w.read, w.forget
}
