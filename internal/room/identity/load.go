package identity

import (
	"context"
	"fmt"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// mismatch is what the alarm says when the rows of an account are not those
// that its head commits to.
const mismatch = "account rows do not match the head"

func headOf(account person.AccountID) vault.HeadRef {
	return vault.HeadRef{Owner: person.Account(account), Kind: vault.HeadAccount}
}

// load returns the verified rows of account, nil when there is no such account.
// Rows are read again as soon as anything was committed to the database.
func (r *Room) load(ctx context.Context, account person.AccountID) (*set, error) {
	v, err := r.loadVerified(ctx, account)
	return v.set, err
}

// verified is an account with what decisions ask of it.
type verified struct {
	set      *set
	standing access.Standing
}

// loadVerified is load; the set is nil when there is no such account.
func (r *Room) loadVerified(ctx context.Context, account person.AccountID) (verified, error) {
	v, mark, ok := r.verified.Get(account)
	if ok {
		return v, nil
	}
	var err error
	if v.set, err = r.loadStored(ctx, account); err != nil || v.set == nil {
		return verified{}, err // what does not exist is asked for again: strangers must not fill memory
	}
	v.standing = v.set.standing()
	r.verified.Put(mark, account, v)
	return v, nil
}

func (r *Room) loadStored(ctx context.Context, account person.AccountID) (*set, error) {
	var rows []row
	var look vault.Look
	found, err := r.c.Vault.LoadSet(ctx, mismatch, func() (_ vault.Look, err error) {
		if rows, err = r.read(ctx, account); err != nil {
			return vault.Look{}, err
		}
		look = lookAt(account, rows)
		return look, nil
	})
	if err != nil || !found {
		return nil, err
	}
	return r.parse(ctx, account, look.Digest, rows)
}

// lookAt is how the vault sees rows of account.
func lookAt(account person.AccountID, rows []row) vault.Look {
	return vault.Look{Ref: headOf(account), Rows: len(rows), Digest: digestRows(rows)}
}

const selectRows = `SELECT kind, id, version, seq, body FROM account_row WHERE account = ?`

func (r *Room) read(ctx context.Context, account person.AccountID) ([]row, error) {
	rows, err := r.c.DB.Query(ctx, selectRows, account.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	return scan(rows)
}

func scan(rows *db.Rows) ([]row, error) {
	defer rows.Close() //nolint:errcheck // Err has been read
	var out []row
	for rows.Next() {
		var o row
		var number int64
		var id []byte
		if err := rows.Scan(&number, &id, &o.version, &o.seq, &o.sealed); err != nil {
			return nil, fmt.Errorf("scan account row: %w", err)
		}
		// A kind or id that was never written here stays zero, and the rows do
		// not match their head.
		if len(id) == len(o.id) && number > 0 && number <= int64(kindStatus) {
			o.kind, o.id = kind(number), [16]byte(id)
		}
		out = append(out, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	return out, nil
}

// parse opens verified rows, or takes the parsed set of the same stored bytes.
func (r *Room) parse(ctx context.Context, account person.AccountID, digest [32]byte, rows []row) (*set, error) {
	r.mu.Lock()
	s := r.parsed[account]
	r.mu.Unlock()
	if s != nil && s.digest == digest {
		return s, nil
	}
	s, err := r.open(ctx, account, digest, rows)
	if err != nil {
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
	r.parsed[account] = s
	return s, nil
}

func (r *Room) open(ctx context.Context, account person.AccountID, digest [32]byte, rows []row) (*set, error) {
	s := &set{account: account, digest: digest, rows: rows}
	for i := range s.rows {
		var err error
		if s.rows[i].body, err = r.openRow(ctx, account, s.rows[i]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openRow opens one row. Whatever of it does not open is tampering with this account and
// alarms: nobody ever erases one, so its keys are not destroyed either.
func (r *Room) openRow(ctx context.Context, account person.AccountID, o row) (body, error) {
	plain, err := r.secret.Open(ctx, o.where(account), o.sealed)
	if fault.Is(err, fault.Gone) {
		return body{}, r.c.Vault.Tampered(ctx, "keys of an account were destroyed", person.Account(account))
	}
	if err != nil {
		return body{}, err
	}
	b, err := decode(o.kind, plain)
	if err != nil {
		return body{}, r.c.Vault.Tampered(ctx, "an account row holds what its kind does not", person.Account(account))
	}
	return b, nil
}

// chartBeside is the own chart of an account whose rows do not pass their check, as far
// as its profile still opens as the profile of this account. Of what version it is does
// not matter: the own chart is set when an account is made, and never again.
func (r *Room) chartBeside(ctx context.Context, account person.AccountID) (person.PatientID, bool, error) {
	rows, err := r.read(ctx, account)
	if err != nil {
		return person.PatientID{}, false, err
	}
	for _, o := range rows {
		if o.kind != kindProfile || o.id != kindProfile.only() {
			continue
		}
		b, err := r.openRow(ctx, account, o)
		if fault.Is(err, fault.Tampered) {
			break
		}
		return chartOf(b), err == nil, err
	}
	return person.PatientID{}, false, nil
}

// loadIn is load inside a change: rows and head are of one moment.
func (r *Room) loadIn(ctx context.Context, tx *vault.ChangeTx, account person.AccountID) (*set, error) {
	stored, err := tx.Query(ctx, selectRows, account.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	rows, err := scan(stored)
	if err != nil {
		return nil, err
	}
	look := lookAt(account, rows)
	if err := tx.CheckSet(ctx, mismatch, look); err != nil {
		return nil, err
	}
	return r.open(ctx, account, look.Digest, rows)
}

// store writes what an edit of s changed and makes the result the head.
func (r *Room) store(ctx context.Context, tx *vault.ChangeTx, s *set) error {
	for key := range s.changed {
		i := s.index(key.kind, key.id)
		if i < 0 {
			if _, err := tx.Exec(ctx, `DELETE FROM account_row WHERE account = ? AND kind = ? AND id = ?`,
				s.account.Bytes(), int64(key.kind), key.id[:]); err != nil {
				return fmt.Errorf("delete account row: %w", err)
			}
			continue
		}
		o := &s.rows[i]
		o.version, o.seq = o.version+1, tx.Seq()
		plain, err := o.body.encode()
		if err != nil {
			return err
		}
		if o.sealed, err = tx.Seal(ctx, o.where(s.account), plain); err != nil {
			return fmt.Errorf("seal account row: %w", err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO account_row (account, kind, id, version, seq, body) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, kind, id) DO UPDATE SET version = excluded.version, seq = excluded.seq, body = excluded.body`,
			s.account.Bytes(), int64(o.kind), o.id[:], o.version, o.seq, o.sealed); err != nil {
			return fmt.Errorf("write account row: %w", err)
		}
	}
	return tx.SetHead(ctx, headOf(s.account), digestRows(s.rows))
}
