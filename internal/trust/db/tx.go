package db

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A write is tried this often before it gives up with ErrBusy, pausing a random
// time up to 2 ms, 4 ms, ... 200 ms in between: about half a second in all.
const (
	maxAttempts = 10
	firstPause  = 2 * time.Millisecond
	longPause   = 200 * time.Millisecond
)

// Tx is a transaction, valid until the function that received it returns. It
// is not safe for concurrent use.
//
// A failed statement dooms it: every later statement returns the same error and
// nothing is committed, whatever the function returns. PostgreSQL does this by
// nature; SQLite is made to, so that a room tested on one engine works on the
// other. Use ON CONFLICT instead of catching ErrConflict inside.
type Tx struct {
	s    session
	err  error // the first failure; sticky
	open *Rows
	done bool
}

// Read runs fn in one read-only snapshot.
func (d *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	s, err := d.engine.begin(ctx, false)
	if err != nil {
		return err
	}
	tx := &Tx{s: s}
	defer tx.finish()
	return fn(tx)
}

// Write runs fn in one serializable transaction and commits it. When the
// transaction lost against another, fn runs again with a new Tx, so it must not
// have effects outside of tx. When Write returns nil the change is durable.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	return d.write(ctx, fn, nil)
}

// WriteOnce is Write with a last act before the COMMIT: beforeCommit runs when
// fn succeeded and every statement went through, and makes the log entry that
// covers the change durable. fn may run again until then; once beforeCommit
// has run, nothing is retried and the caller's context is no longer heeded. An error
// afterwards says which case it is: ErrCommitUnknown when the change may or may
// not be there, anything else when it is certainly not.
func (d *DB) WriteOnce(ctx context.Context, fn func(*Tx) error, beforeCommit func() error) error {
	return d.write(ctx, fn, beforeCommit)
}

func (d *DB) write(ctx context.Context, fn func(*Tx) error, beforeCommit func() error) error {
	for attempt := 1; ; attempt++ {
		final, err := d.attempt(ctx, fn, beforeCommit)
		if err == nil || final || !mayRetry(err) {
			return err
		}
		if attempt == maxAttempts {
			return fmt.Errorf("give up after %d attempts: %w", attempt, errors.Join(ErrBusy, err))
		}
		if waitErr := d.wait(ctx, d.backoff(attempt)); waitErr != nil {
			return waitErr
		}
	}
}

// attempt runs the transaction once. final is true when it must not run again.
func (d *DB) attempt(ctx context.Context, fn func(*Tx) error, beforeCommit func() error) (final bool, err error) {
	s, err := d.engine.begin(ctx, true)
	if err != nil {
		return false, err
	}
	tx := &Tx{s: s}
	defer tx.finish()
	err = fn(tx)
	tx.closeRows()
	if tx.err != nil && (err == nil || mayRetry(tx.err)) {
		err = tx.err // fn may have hidden it, or wrapped it beyond recognition
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return false, err
	}
	if beforeCommit != nil {
		if err := beforeCommit(); err != nil {
			return true, err
		}
	}
	err = s.commit()
	d.commits.Add(1)
	return beforeCommit != nil || errors.Is(err, ErrCommitUnknown), err
}

// backoff draws the pause before the next attempt ("full jitter").
func (d *DB) backoff(attempt int) time.Duration {
	ceiling := min(firstPause<<(attempt-1), longPause)
	var b [8]byte
	if _, err := d.config.Random.Read(b[:]); err != nil {
		// Jitter needs no secrecy; a broken source must not stop a write.
		_, _ = rand.Read(b[:])
	}
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(ceiling))
}

// finish makes tx unusable and gives its connection back. Deferred, so that a
// panic in fn rolls back as well.
func (tx *Tx) finish() {
	tx.closeRows()
	tx.done = true
	tx.s.end()
}

func (tx *Tx) closeRows() {
	if tx.open != nil {
		_ = tx.open.Close() // a failure is in tx.err
	}
}

func (tx *Tx) ready() error {
	switch {
	case tx.done:
		return ErrTxDone
	case tx.err != nil:
		return tx.err
	case tx.open != nil:
		return ErrRowsOpen
	default:
		return nil
	}
}

// fail remembers the first failure.
func (tx *Tx) fail(err error) error {
	if err != nil && tx.err == nil {
		tx.err = err
	}
	return err
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, q constSQL, args ...any) (int64, error) {
	if err := tx.ready(); err != nil {
		return 0, err
	}
	values, err := normalise(args)
	if err != nil {
		return 0, tx.fail(err)
	}
	n, err := tx.s.exec(ctx, string(q), values)
	return n, tx.fail(err)
}

// Query runs a statement that returns rows. Close them before the next statement.
func (tx *Tx) Query(ctx context.Context, q constSQL, args ...any) (*Rows, error) {
	return tx.query(ctx, string(q), args)
}

func (tx *Tx) query(ctx context.Context, q string, args []any) (*Rows, error) {
	if err := tx.ready(); err != nil {
		return nil, err
	}
	r, err := newRows(ctx, tx.s, q, args)
	if err != nil {
		return nil, tx.fail(err)
	}
	r.tx, tx.open = tx, r
	return r, nil
}

// QueryRow prepares a query for one row; Row.Scan runs it. It may be an INSERT,
// UPDATE or DELETE with RETURNING.
func (tx *Tx) QueryRow(ctx context.Context, q constSQL, args ...any) *Row {
	return &Row{ctx: ctx, tx: tx, q: string(q), args: args}
}
