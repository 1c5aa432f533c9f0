package db

import (
	"errors"
	"fmt"

	"postern.example/postern/internal/word/fault"
)

// The failures that callers act on. Test for them with errors.Is. Those with a
// public meaning carry a fault kind, so that fault.Of finds it.
var (
	// ErrNoRows is returned by Row.Scan when the query found nothing. It has no
	// kind: whether that is NotFound is for the room to say.
	ErrNoRows = errors.New("db: no rows")
	// ErrConflict is a violated primary key or unique index.
	ErrConflict = fault.New(fault.Conflict, "db: the row exists already")
	// ErrConstraint is any other violated constraint: a null, a type, a reference.
	ErrConstraint = errors.New("db: a constraint refuses the row")
	// ErrDenied is a statement that the schema or the role does not permit: any
	// change of a row in an AppendOnly table, and DDL by the serving role.
	ErrDenied = errors.New("db: not permitted")
	// ErrReadOnly is a change tried outside of Write and WriteOnce.
	ErrReadOnly = errors.New("db: a read cannot change data")
	// ErrFull means that the disk, quota or file size limit is reached.
	ErrFull = fault.New(fault.Unavailable, "db: disk full")
	// ErrBusy means that a write lost against others at every try.
	ErrBusy = fault.New(fault.Unavailable, "db: busy")
	// ErrUnavailable means that the database cannot be reached or is shutting down.
	ErrUnavailable = fault.New(fault.Unavailable, "db: unavailable")
	// ErrClosed means that Close was called.
	ErrClosed = fault.New(fault.Unavailable, "db: closed")
	// ErrCorrupt means that the file's pages do not decrypt or parse: a wrong
	// key at Open, flipped bytes afterwards.
	ErrCorrupt = fault.New(fault.Tampered, "db: wrong key or damaged file")
	// ErrCommitUnknown means that COMMIT was sent and its outcome is not known:
	// PostgreSQL's connection broke, or the SQLite log failed to write or sync
	// (then the change is not visible now, and may appear after a crash). Every
	// other error of Write and WriteOnce means that nothing was committed.
	ErrCommitUnknown = fault.New(fault.Unavailable, "db: outcome of the commit is unknown")
	// ErrTxDone is the use of a Tx or Rows after its transaction ended.
	ErrTxDone = errors.New("db: the transaction has ended")
	// ErrRowsOpen is a statement in a transaction whose Rows are still open.
	ErrRowsOpen = errors.New("db: close the rows before the next statement")
	// ErrSchemaNewer means that a newer Postern migrated this database.
	ErrSchemaNewer = errors.New("db: the schema is newer than this program")
	// ErrSchemaChanged means that an applied migration was declared otherwise.
	ErrSchemaChanged = errors.New("db: an applied migration was changed")
)

// engineError is a failure that an engine reported, reduced to what cannot
// carry a value: the engine's code and the names it concerns. The engine's own
// error is dropped, because PostgreSQL's quotes the offending values.
type engineError struct {
	kind error  // one of the sentinels, nil for none
	code string // SQLSTATE, or SQLite's name of the extended code
	name string // constraint or table, or a message that holds no value
	// retry marks a serialization failure or a busy file: the same
	// transaction may succeed at the next try.
	retry bool
}

func (e *engineError) Error() string {
	text := "db: statement failed"
	if e.kind != nil {
		text = e.kind.Error()
	}
	if e.name != "" {
		text += ": " + e.name
	}
	return fmt.Sprintf("%s (%s)", text, e.code)
}

func (e *engineError) Unwrap() error { return e.kind }

// Code returns the engine's own code of a failure (a SQLSTATE, or the name of
// SQLite's result code), empty when err did not come from an engine. It is for
// log lines and drills; rooms test for the sentinels.
func Code(err error) string {
	var e *engineError
	if errors.As(err, &e) {
		return e.code
	}
	return ""
}

func mayRetry(err error) bool {
	var e *engineError
	return errors.As(err, &e) && e.retry
}
