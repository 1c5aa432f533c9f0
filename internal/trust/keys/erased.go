package keys

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/word/person"
)

var (
	// ErrErased means that Destroy has destroyed the keys. It is the one reason for
	// which keys may be missing.
	ErrErased = errors.New("keys: destroyed to erase what they sealed")
	// ErrBack means that there are keys although Destroy has destroyed them: somebody
	// put an older row back.
	ErrBack = errors.New("keys: destroyed keys are there again")
)

// erasedTable holds what Destroy leaves, so that a key that somebody deleted is not
// taken for one that was erased. Its rows stay as long as the installation.
func erasedTable() db.Migration {
	forever := "installation"
	return db.Migration{Number: 2, Room: "keys", Name: "erased keys", Tables: []db.Table{
		{Name: "key_erased", Purpose: "whose keys were destroyed to erase", Key: []string{"owner", "purpose"}, AppendOnly: true, Columns: []db.Column{
			{Name: "owner", Type: db.Bytes, Class: db.RandomID, Purpose: "whose keys", Retention: forever},
			{Name: "purpose", Type: db.Integer, Class: db.SmallKind, Purpose: "chart, audit or account", Retention: forever},
			{Name: "mac", Type: db.Bytes, Class: db.Digest, Purpose: "authenticates the row", Retention: forever},
		}},
	}}
}

func (r *Ring) erasedMAC(s subject) [32]byte {
	return r.erased.MAC([]byte("postern erased v1"), s.owner.Bytes(), []byte{byte(s.use)})
}

func (r *Ring) isErased(s subject, mac []byte) bool {
	want := r.erasedMAC(s)
	return hmac.Equal(mac, want[:])
}

// Destroy deletes every key of owner and use inside tx and leaves word of it: what
// they sealed cannot be opened any more. Call Forget after the commit. A key row that
// is put back, together with the word deleted, is found by package vault: Erase there
// says it in the chart's head too.
func (r *Ring) Destroy(ctx context.Context, tx *db.Tx, owner person.Owner, use Use) error {
	if _, err := tx.Exec(ctx, `DELETE FROM key_subject WHERE owner = ? AND purpose = ?`, owner.Bytes(), int64(use)); err != nil {
		return fmt.Errorf("destroy subject keys: %w", err)
	}
	mac := r.erasedMAC(subject{owner, use})
	if _, err := tx.Exec(ctx, `INSERT INTO key_erased (owner, purpose, mac) VALUES (?, ?, ?) ON CONFLICT (owner, purpose) DO NOTHING`,
		owner.Bytes(), int64(use), mac[:]); err != nil {
		return fmt.Errorf("leave word of destroyed keys: %w", err)
	}
	return nil
}

// checkEmpty refuses a database without key-encryption keys in which something else
// stands: they were deleted, and a new one would hide that.
func checkEmpty(ctx context.Context, tx *db.Tx) error {
	var used int64
	err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM key_installation) + (SELECT count(*) FROM key_erased)
		+ (SELECT count(*) FROM (SELECT owner FROM key_subject LIMIT 1) s)`).Scan(&used)
	if err != nil {
		return fmt.Errorf("look for keys: %w", err)
	}
	if used > 0 {
		return fmt.Errorf("load key-encryption keys: all are missing: %w", ErrKey)
	}
	return nil
}
