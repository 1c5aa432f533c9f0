package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"postern.example/postern/internal/trust/db"
)

// DBStore keeps a log in append-only tables. It is the store for PostgreSQL, where
// the serving role may insert and select and nothing else; it runs on both engines.
//
// A batch is one transaction. The primary key is the position, so a second
// sequencer meets a conflict (ErrForked) instead of forking the tree. When the
// server's disk is full it refuses everybody; an Overflow on top keeps care going.
type DBStore struct{ db *db.DB }

// NewDBStore uses the tables of Migrations in d.
func NewDBStore(d *db.DB) *DBStore { return &DBStore{d} }

// Load implements Store: the table is the truth and needs no repair.
func (s *DBStore) Load(ctx context.Context) (int64, error) { return s.Size(ctx) }

// Size implements Reader.
func (s *DBStore) Size(ctx context.Context) (int64, error) {
	var newest int64 = -1
	err := s.db.QueryRow(ctx, `SELECT seq FROM log_entry ORDER BY seq DESC LIMIT 1`).Scan(&newest)
	return newest + 1, readError("count log records", err)
}

// readError is nil for a table that is empty.
func readError(what string, err error) error {
	if err == nil || errors.Is(err, db.ErrNoRows) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// An INSERT takes as many rows as the batch still has, in powers of four: the texts
// are constants, and a batch of 64 is one round trip.
const (
	row1     = `(?,?,?,?)`
	row4     = row1 + `,` + row1 + `,` + row1 + `,` + row1
	row16    = row4 + `,` + row4 + `,` + row4 + `,` + row4
	row64    = row16 + `,` + row16 + `,` + row16 + `,` + row16
	insert   = `INSERT INTO log_entry (seq, leaf, sealed, hashes) VALUES `
	insert1  = insert + row1
	insert4  = insert + row4
	insert16 = insert + row16
	insert64 = insert + row64
)

// Append implements Store.
func (s *DBStore) Append(ctx context.Context, b Batch) error {
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		var newest int64 = -1
		err := tx.QueryRow(ctx, `SELECT seq FROM log_entry ORDER BY seq DESC LIMIT 1`).Scan(&newest)
		if err = readError("count log records", err); err == nil && newest+1 != b.First {
			err = ErrForked
		}
		if err != nil {
			return err
		}
		return insertAll(ctx, tx, b.Records)
	})
	return appendError(err)
}

// appendError says what a failed transaction means for the log.
func appendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrForked), errors.Is(err, db.ErrConflict):
		err = errors.Join(ErrForked, err)
	case errors.Is(err, db.ErrCommitUnknown):
	case errors.Is(err, db.ErrFull):
		err = errors.Join(ErrNotWritten, ErrFull, err)
	default: // every other error of Write means that nothing was committed
		err = errors.Join(ErrNotWritten, err)
	}
	return fmt.Errorf("append to log table: %w", err)
}

func insertAll(ctx context.Context, tx *db.Tx, rs []Record) error {
	for len(rs) > 0 {
		var n int
		var err error
		switch {
		case len(rs) >= 64:
			n = 64
			_, err = tx.Exec(ctx, insert64, rowArgs(rs[:n])...)
		case len(rs) >= 16:
			n = 16
			_, err = tx.Exec(ctx, insert16, rowArgs(rs[:n])...)
		case len(rs) >= 4:
			n = 4
			_, err = tx.Exec(ctx, insert4, rowArgs(rs[:n])...)
		default:
			n = 1
			_, err = tx.Exec(ctx, insert1, rowArgs(rs[:n])...)
		}
		if err != nil {
			return err
		}
		rs = rs[n:]
	}
	return nil
}

func rowArgs(rs []Record) []any {
	args := make([]any, 0, 4*len(rs))
	for _, r := range rs {
		var hs []byte
		for _, h := range r.Hashes {
			hs = append(hs, h[:]...)
		}
		args = append(args, r.Seq, append([]byte{}, r.Leaf[:]...), r.Sealed, hs)
	}
	return args
}

// Records implements Reader. It reads in pages, so that the verifier does not hold
// one snapshot open for minutes.
func (s *DBStore) Records(ctx context.Context, from, to int64, fn func(Record) error) error {
	const page = 1024
	for from < to {
		next := min(to, from+page)
		rs, err := s.page(ctx, from, next)
		if err != nil {
			return err
		}
		for _, r := range rs {
			if r.Seq != from {
				break
			}
			if err := fn(r); err != nil {
				return err
			}
			from++
		}
		if from != next {
			return &BadRecord{from, "row"}
		}
	}
	return nil
}

func (s *DBStore) page(ctx context.Context, from, to int64) (rs []Record, err error) {
	rows, err := s.db.Query(ctx, `SELECT seq, leaf, sealed FROM log_entry WHERE seq >= ? AND seq < ? ORDER BY seq`, from, to)
	return rs, each(rows, err, func() error {
		var r Record
		var leaf []byte
		if err := rows.Scan(&r.Seq, &leaf, &r.Sealed); err != nil || len(leaf) != leafSize {
			return errors.Join(err, &BadRecord{r.Seq, "leaf"})
		}
		r.Leaf = Leaf(leaf)
		rs = append(rs, r)
		return nil
	})
}

// each calls fn for every row and closes rows. err is that of the query.
func each(rows *db.Rows, err error, fn func() error) error {
	if err != nil {
		return fmt.Errorf("read log table: %w", err)
	}
	for err == nil && rows.Next() {
		err = fn()
	}
	return errors.Join(err, rows.Close()) // Close also says what ended Next
}

// Hashes implements Reader. A stored hash lies with the record that completed it;
// indexes that follow each other are one query.
func (s *DBStore) Hashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, len(indexes))
	for i := 0; i < len(indexes); {
		j := i + 1
		for j < len(indexes) && indexes[j] == indexes[j-1]+1 {
			j++
		}
		hs, err := s.run(ctx, indexes[i], indexes[j-1])
		if err != nil {
			return nil, err
		}
		out = append(out, hs...)
		i = j
	}
	return out, nil
}

// run reads the stored hashes with the indexes first..last.
func (s *DBStore) run(ctx context.Context, first, last int64) (out []tlog.Hash, err error) {
	seq, end := completedBy(first), completedBy(last)
	rows, err := s.db.Query(ctx, `SELECT seq, hashes FROM log_entry WHERE seq >= ? AND seq <= ? ORDER BY seq`, seq, end)
	err = each(rows, err, func() error {
		var n int64
		var b []byte
		err := rows.Scan(&n, &b)
		at := tlog.StoredHashIndex(0, seq)
		if err != nil || n != seq || int64(len(b)) != (tlog.StoredHashCount(seq+1)-at)*tlog.HashSize {
			return errors.Join(err, &BadRecord{seq, "stored hashes"})
		}
		for ; len(b) > 0; b = b[tlog.HashSize:] {
			if at >= first && at <= last {
				out = append(out, tlog.Hash(b[:tlog.HashSize]))
			}
			at++
		}
		seq++
		return nil
	})
	if err == nil && seq != end+1 {
		err = &BadRecord{seq, "row"}
	}
	return out, err
}

// completedBy is the record that completed the stored hash with this index.
func completedBy(index int64) int64 {
	level, n := tlog.SplitStoredHashIndex(index)
	return (n+1)<<level - 1
}

// Checkpoint implements Reader.
func (s *DBStore) Checkpoint(ctx context.Context) ([]byte, error) {
	var b []byte
	err := s.db.QueryRow(ctx, `SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1`).Scan(&b)
	return b, readError("read checkpoint", err)
}

// SetCheckpoint implements Store. Checkpoints accumulate: each is evidence, and the
// serving role may not delete.
func (s *DBStore) SetCheckpoint(ctx context.Context, h Head, note []byte) error {
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO log_checkpoint (size, note) VALUES (?, ?) ON CONFLICT (size) DO NOTHING`, h.Size, note)
		return err
	})
	if errors.Is(err, db.ErrFull) {
		err = errors.Join(ErrFull, err)
	}
	return err
}

// Admit implements Store: the engine says when it is full.
func (s *DBStore) Admit(Class) error { return nil }

// Maintain implements Store.
func (s *DBStore) Maintain(context.Context) error { return nil }

// Close implements Store; the database belongs to its opener.
func (s *DBStore) Close() error { return nil }
