package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// maxStmts bounds a connection's cache of prepared statements. SQL is constant,
// so the number of texts is bounded by the program; the bound guards memory.
const maxStmts = 128

// sqliteConn is one connection with its prepared statements.
type sqliteConn struct {
	c     *sqlite3.Conn
	stmts map[string]*cachedStmt
	tick  uint64
}

type cachedStmt struct {
	stmt *sqlite3.Stmt
	used uint64
}

// prepare returns the statement for q, ready to bind.
func (c *sqliteConn) prepare(ctx context.Context, q string) (*sqlite3.Stmt, error) {
	c.tick++
	if s, ok := c.stmts[q]; ok {
		s.used = c.tick
		return s.stmt, nil
	}
	if len(c.stmts) >= maxStmts {
		c.evict()
	}
	stmt, tail, err := c.c.PrepareFlags(q, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, sqliteError(ctx, err)
	}
	if stmt == nil || strings.TrimSpace(tail) != "" {
		_ = stmt.Close()
		return nil, errors.New("db: exactly one statement is needed")
	}
	c.stmts[q] = &cachedStmt{stmt, c.tick}
	return stmt, nil
}

// evict closes the statement that was not used for the longest time.
func (c *sqliteConn) evict() {
	oldest, text := ^uint64(0), ""
	for q, s := range c.stmts {
		if s.used < oldest {
			oldest, text = s.used, q
		}
	}
	_ = c.stmts[text].stmt.Close() // it reports the last Step's error once more
	delete(c.stmts, text)
}

// bind fills in the arguments, which are normalised.
func (c *sqliteConn) bind(ctx context.Context, stmt *sqlite3.Stmt, args []any) error {
	if n := stmt.BindCount(); n != len(args) {
		return fmt.Errorf("db: %d arguments for %d placeholders", len(args), n)
	}
	for i, a := range args {
		var err error
		switch v := a.(type) {
		case int64:
			err = stmt.BindInt64(i+1, v)
		case []byte:
			err = stmt.BindBlob(i+1, v)
		case string:
			err = stmt.BindText(i+1, v)
		default:
			err = stmt.BindNull(i + 1)
		}
		if err != nil {
			return sqliteError(ctx, err)
		}
	}
	return nil
}

// text runs a query for one value, for pragmas.
func (c *sqliteConn) text(ctx context.Context, q string) (string, error) {
	stmt, _, err := c.c.Prepare(q)
	if err != nil {
		return "", sqliteError(ctx, err)
	}
	var v string
	if stmt.Step() {
		v = stmt.ColumnText(0)
	}
	return v, sqliteError(ctx, stmt.Close())
}

// rest rolls back what is open, so that the connection can be lent again.
func (c *sqliteConn) rest() error {
	c.c.SetInterrupt(context.Background())
	if c.c.GetAutocommit() {
		return nil
	}
	return c.c.Exec("ROLLBACK")
}

func (c *sqliteConn) close() error {
	for _, s := range c.stmts {
		_ = s.stmt.Close()
	}
	c.stmts = nil
	return sqliteError(context.Background(), c.c.Close())
}

// sqliteSession is a connection lent to one transaction or statement.
type sqliteSession struct {
	conn *sqliteConn
	pool *pool
}

func (s *sqliteSession) start(ctx context.Context, q string, args []any) (*sqlite3.Stmt, error) {
	s.conn.c.SetInterrupt(ctx)
	stmt, err := s.conn.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := s.conn.bind(ctx, stmt, args); err != nil {
		return nil, err
	}
	return stmt, nil
}

func (s *sqliteSession) exec(ctx context.Context, q string, args []any) (int64, error) {
	stmt, err := s.start(ctx, q, args)
	if err != nil {
		return 0, err
	}
	before := s.conn.c.TotalChanges()
	err = sqliteError(ctx, stmt.Exec())
	if clearErr := stmt.ClearBindings(); err == nil {
		err = sqliteError(ctx, clearErr)
	}
	if err != nil || s.conn.c.TotalChanges() == before {
		return 0, err // Changes keeps the number of an earlier statement
	}
	return s.conn.c.Changes(), nil
}

func (s *sqliteSession) query(ctx context.Context, q string, args []any) (cursor, error) {
	stmt, err := s.start(ctx, q, args)
	if err != nil {
		return nil, err
	}
	return &sqliteCursor{ctx: ctx, stmt: stmt}, nil
}

// commit is not interruptible: a COMMIT that was cut off would leave the caller
// not knowing, and it takes one sync of the log.
func (s *sqliteSession) commit() error {
	ctx := context.Background()
	_, err := s.exec(ctx, "COMMIT", nil)
	if err == nil {
		return nil
	}
	// With the file full or broken the commit record may or may not stand in
	// the log, which a recovery after a crash would then read.
	if errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("commit: %w", errors.Join(ErrCommitUnknown, err))
	}
	return fmt.Errorf("commit: %w", err)
}

func (s *sqliteSession) end() { s.pool.put(s.conn) }

type sqliteCursor struct {
	ctx  context.Context
	stmt *sqlite3.Stmt
	col  sqliteColumn // kept here so that no column of a row is an allocation
}

func (c *sqliteCursor) next() (bool, error) {
	if c.stmt.Step() {
		return true, nil
	}
	return false, sqliteError(c.ctx, c.stmt.Err())
}

func (c *sqliteCursor) scan(dest []any) error {
	if n := c.stmt.ColumnCount(); n != len(dest) {
		return errCount
	}
	for i, d := range dest {
		c.col = sqliteColumn{c.stmt, i}
		if err := assign(&c.col, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return sqliteError(c.ctx, c.stmt.Err())
}

// close resets the statement for its next use and forgets the values bound to
// it. Reset repeats the error of the last Step, which next has reported.
func (c *sqliteCursor) close() error {
	_ = c.stmt.Reset()
	return sqliteError(c.ctx, c.stmt.ClearBindings())
}

// sqliteColumn reads one column of the current row.
type sqliteColumn struct {
	stmt *sqlite3.Stmt
	i    int
}

func (c sqliteColumn) null() bool { return c.stmt.ColumnType(c.i) == sqlite3.NULL }

func (c sqliteColumn) integer() (int64, error) {
	if t := c.stmt.ColumnType(c.i); t != sqlite3.INTEGER {
		return 0, wrongType("an integer", t.String())
	}
	return c.stmt.ColumnInt64(c.i), nil
}

func (c sqliteColumn) text() (string, error) {
	if t := c.stmt.ColumnType(c.i); t != sqlite3.TEXT {
		return "", wrongType("text", t.String())
	}
	return c.stmt.ColumnText(c.i), nil
}

func (c sqliteColumn) blob() ([]byte, error) {
	if t := c.stmt.ColumnType(c.i); t != sqlite3.BLOB {
		return nil, wrongType("bytes", t.String())
	}
	raw := c.stmt.ColumnRawBlob(c.i)
	return append(make([]byte, 0, len(raw)), raw...), nil
}

// sqliteError reduces an error of SQLite to an engineError.
func sqliteError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var ext sqlite3.ExtendedErrorCode
	if !errors.As(err, &ext) {
		return err // an error of this package or of the operating system
	}
	var code sqlite3.ErrorCode
	errors.As(err, &code)
	if code == sqlite3.INTERRUPT && ctx.Err() != nil {
		return ctx.Err()
	}
	e := &engineError{code: strings.TrimPrefix(ext.Error(), "sqlite3: ")}
	e.kind = sqliteKind(code, ext)
	e.retry = e.kind == ErrBusy
	// SQLite's messages name tables and columns and quote no value, except
	// that of a syntax error, which quotes the constant SQL.
	e.name = strings.TrimPrefix(err.Error(), ext.Error()+": ")
	return e
}

func sqliteKind(code sqlite3.ErrorCode, ext sqlite3.ExtendedErrorCode) error {
	switch ext {
	case sqlite3.CONSTRAINT_UNIQUE, sqlite3.CONSTRAINT_PRIMARYKEY, sqlite3.CONSTRAINT_ROWID:
		return ErrConflict
	case sqlite3.CONSTRAINT_TRIGGER:
		return ErrDenied
	}
	// The shared-memory file grows past diskFile.
	if ext == sqlite3.IOERR_SHMSIZE {
		return ErrFull
	}
	switch code {
	case sqlite3.CONSTRAINT, sqlite3.MISMATCH, sqlite3.TOOBIG:
		return ErrConstraint
	case sqlite3.FULL:
		return ErrFull
	case sqlite3.BUSY, sqlite3.LOCKED:
		return ErrBusy
	case sqlite3.READONLY:
		return ErrReadOnly
	case sqlite3.CORRUPT, sqlite3.NOTADB:
		return ErrCorrupt
	case sqlite3.IOERR, sqlite3.CANTOPEN, sqlite3.NOMEM, sqlite3.PROTOCOL, sqlite3.AUTH, sqlite3.PERM:
		return ErrUnavailable
	default:
		return nil
	}
}
