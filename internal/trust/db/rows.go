package db

import "context"

// Rows is the result of a query. Call Next before each Scan, Err after the
// last Next, and Close in every case.
type Rows struct {
	s      session
	c      cursor
	tx     *Tx  // nil outside of a transaction
	owned  bool // Close gives the session back
	err    error
	closed bool
}

func newRows(ctx context.Context, s session, q string, args []any) (*Rows, error) {
	values, err := normalise(args)
	if err != nil {
		return nil, err
	}
	c, err := s.query(ctx, q, values)
	if err != nil {
		return nil, err
	}
	return &Rows{s: s, c: c}, nil
}

// Next moves to the next row. It returns false at the end and on an error,
// which Err tells apart.
func (r *Rows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	more, err := r.c.next()
	if err != nil {
		r.fail(err)
		return false
	}
	return more
}

// Scan copies the columns of the current row into dest, whose elements point
// to the types that the package knows: int64, int, uint32, uint8, []byte, string, bool, or
// a pointer to one of them for a column that may be null.
func (r *Rows) Scan(dest ...any) error {
	if r.closed {
		return ErrTxDone
	}
	if r.err != nil {
		return r.err
	}
	return r.fail(r.c.scan(dest))
}

// Err is the failure that ended the iteration, nil at the natural end.
func (r *Rows) Err() error { return r.err }

// Close ends the query. It returns the same error as Err.
func (r *Rows) Close() error {
	if r.closed {
		return r.err
	}
	r.closed = true
	r.fail(r.c.close())
	if r.tx != nil {
		r.tx.open = nil
	}
	if r.owned {
		r.s.end()
	}
	return r.err
}

func (r *Rows) fail(err error) error {
	if err == nil {
		return nil
	}
	if r.err == nil {
		r.err = err
	}
	if r.tx != nil {
		_ = r.tx.fail(err)
	}
	return err
}

// Row is a query for one row that has not run yet; Scan runs it. A Row that is
// never scanned costs nothing and does nothing.
type Row struct {
	ctx  context.Context
	db   *DB
	tx   *Tx
	q    string
	args []any
}

// Scan runs the query, copies the first row into dest and ends the query. It
// returns ErrNoRows when there is none.
func (r *Row) Scan(dest ...any) error {
	if r.tx != nil {
		rows, err := r.tx.query(r.ctx, r.q, r.args)
		if err != nil {
			return err
		}
		return one(rows, dest)
	}
	s, err := r.db.engine.single(r.ctx)
	if err != nil {
		return err
	}
	defer s.end()
	rows, err := newRows(r.ctx, s, r.q, r.args)
	if err != nil {
		return err
	}
	return one(rows, dest)
}

// one scans the first row. Close comes last because a statement with RETURNING
// has run to its end only then.
func one(rows *Rows, dest []any) error {
	found := rows.Next()
	if found {
		_ = rows.Scan(dest...) // Close reports it
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if !found {
		return ErrNoRows
	}
	return nil
}
