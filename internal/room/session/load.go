package session

import (
	"context"
	"fmt"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// mismatch is what the alarm says when the rows of an account's sessions are not
// those that its head commits to.
const mismatch = "session rows do not match the head"

func headOf(account person.AccountID) vault.HeadRef {
	return vault.HeadRef{Owner: person.Account(account), Kind: vault.HeadSessions}
}

// One statement finds the secret's row and the whole set that it must belong to.
const (
	selectByHandle  = `SELECT account, id, kind, handle, version, seq, body, seen FROM session_row WHERE account = (SELECT account FROM session_row WHERE handle = ?)`
	selectByAccount = `SELECT account, id, kind, handle, version, seq, body, seen FROM session_row WHERE account = ?`
)

// find returns the verified row with this handle, or fault.Unauthenticated. The row
// is read again as soon as anything was committed to the database.
func (r *Room) find(ctx context.Context, k kind, handle []byte) (row, error) {
	key := findKey{k, [32]byte(handle)}
	found, mark, ok := r.verified.Get(key)
	if ok {
		return found, nil
	}
	found, err := r.findStored(ctx, k, handle)
	if err == nil { // what is unknown is asked for again: strangers must not fill memory
		r.verified.Put(mark, key, found)
	}
	return found, err
}

// findKey names a secret: its kind and handle.
type findKey struct {
	kind   kind
	handle [32]byte
}

func (r *Room) findStored(ctx context.Context, k kind, handle []byte) (row, error) {
	s, err := r.load(ctx, func() ([]row, person.AccountID, error) {
		rows, err := r.read(r.c.DB.Query(ctx, selectByHandle, handle))
		if err != nil || len(rows) == 0 {
			return nil, person.AccountID{}, err
		}
		return rows, rows[0].account, nil
	})
	if err != nil {
		return row{}, err
	}
	found, ok := s.byHandle(handle)
	if !ok || found.kind != k {
		return row{}, fault.New(fault.Unauthenticated, "find session: there is none")
	}
	return found, nil
}

// of returns the verified sessions of account.
func (r *Room) of(ctx context.Context, account person.AccountID) (*set, error) {
	return r.load(ctx, func() ([]row, person.AccountID, error) {
		rows, err := r.read(r.c.DB.Query(ctx, selectByAccount, account.Bytes()))
		return rows, account, err
	})
}

// load reads rows and compares them with the head of their account. No account
// means no rows, which is an empty set.
func (r *Room) load(ctx context.Context, read func() ([]row, person.AccountID, error)) (*set, error) {
	var rows []row
	var account person.AccountID
	var look vault.Look
	found, err := r.c.Vault.LoadSet(ctx, mismatch, func() (_ vault.Look, err error) {
		rows, account, err = read()
		if err != nil || account.IsZero() && len(rows) == 0 {
			return vault.Look{}, err
		}
		look = lookAt(account, rows)
		return look, nil
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return &set{}, nil
	}
	return r.parse(ctx, account, look.Digest, rows)
}

// lookAt is how the vault sees rows of account.
func lookAt(account person.AccountID, rows []row) vault.Look {
	return vault.Look{Ref: headOf(account), Rows: len(rows), Digest: digestRows(rows)}
}

// read scans a query's rows.
func (r *Room) read(rows *db.Rows, err error) ([]row, error) {
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err is read below
	var out []row
	for rows.Next() {
		var o row
		var account, id []byte
		var number int64
		_ = rows.Scan(&account, &id, &number, &o.handle, &o.version, &o.seq, &o.sealed, &o.seen) // Err reports it
		// What was never written here stays zero, and the rows do not match their head.
		o.account, _ = person.AccountIDFromBytes(account)
		if len(id) == len(o.id) && (number == int64(kindSession) || number == int64(kindToken) || number == int64(kindVisit)) {
			o.id, o.kind = [16]byte(id), kind(number) //#nosec G115 -- one of three
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// parse opens verified rows, or takes the content of the same stored bytes from
// memory. The sealed times of last use are always the ones just read.
func (r *Room) parse(ctx context.Context, account person.AccountID, digest [32]byte, rows []row) (*set, error) {
	r.mu.Lock()
	known := r.parsed[account]
	r.mu.Unlock()
	fresh := &set{digest: digest, rows: rows}
	if known != nil && known.digest == digest {
		for i := range rows {
			if j := known.byID(rows[i].id); j >= 0 {
				rows[i].body = known.rows[j].body
			}
		}
		return fresh, nil
	}
	if err := r.open(ctx, rows); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for old := range r.parsed {
		if len(r.parsed) < r.c.Cache {
			break
		}
		delete(r.parsed, old) // any: a dropped set costs a few decryptions
	}
	r.parsed[account] = fresh
	return fresh, nil
}

func (r *Room) open(ctx context.Context, rows []row) error {
	for i := range rows {
		plain, err := r.secret.Open(ctx, rows[i].where(vault.FieldBody), rows[i].sealed)
		if err != nil {
			return err
		}
		if rows[i].body, err = decode(plain); err != nil {
			return fault.Wrap(fault.Tampered, "read session row", err)
		}
	}
	return nil
}

// change runs edit on the sessions of account, in one change: what has expired
// is removed first, then edit says what is left. Rows that edit returns with
// sealed nil are written under the next version. When the person was here last is
// kept over it: a new session learns it, and an ended one leaves it.
func (r *Room) change(ctx context.Context, g access.Grant, account person.AccountID, edit func([]row) ([]row, error)) error {
	var gone []row
	err := r.c.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
		before, err := r.loadIn(ctx, tx, account)
		if err != nil {
			return err
		}
		after, err := edit(r.living(ctx, before))
		if err != nil {
			return err
		}
		after = r.remember(ctx, before, after)
		gone = missing(before, after)
		return r.store(ctx, tx, account, before, after)
	})
	if err == nil {
		r.forget(gone)
	}
	return err
}

// loadIn is load inside a change: rows and head are of one moment.
func (r *Room) loadIn(ctx context.Context, tx *vault.ChangeTx, account person.AccountID) ([]row, error) {
	rows, err := r.read(tx.Query(ctx, selectByAccount, account.Bytes()))
	if err != nil {
		return nil, err
	}
	if err := tx.CheckSet(ctx, mismatch, lookAt(account, rows)); err != nil {
		return nil, err
	}
	return rows, r.open(ctx, rows)
}

// store writes the difference between before and after and makes after the head.
func (r *Room) store(ctx context.Context, tx *vault.ChangeTx, account person.AccountID, before, after []row) error {
	for _, o := range missing(before, after) {
		if _, err := tx.Exec(ctx, `DELETE FROM session_row WHERE account = ? AND id = ?`, account.Bytes(), o.id[:]); err != nil {
			return fmt.Errorf("delete session row: %w", err)
		}
	}
	for i := range after {
		o := &after[i]
		if o.sealed != nil {
			continue
		}
		o.account, o.version, o.seq = account, o.version+1, tx.Seq()
		plain, err := o.body.encode()
		if err != nil {
			return err
		}
		if o.sealed, err = tx.Seal(ctx, o.where(vault.FieldBody), plain); err != nil {
			return fmt.Errorf("seal session row: %w", err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO session_row (account, id, kind, handle, version, seq, body) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, id) DO UPDATE SET handle = excluded.handle, version = excluded.version, seq = excluded.seq,
			body = excluded.body, seen = NULL`,
			account.Bytes(), o.id[:], int64(o.kind), o.handle, o.version, o.seq, o.sealed); err != nil {
			return fmt.Errorf("write session row: %w", err)
		}
	}
	return tx.SetHead(ctx, headOf(account), digestRows(after))
}

// missing lists the rows of before that after no longer has.
func missing(before, after []row) []row {
	var out []row
	for _, o := range before {
		if (&set{rows: after}).byID(o.id) < 0 {
			out = append(out, o)
		}
	}
	return out
}
