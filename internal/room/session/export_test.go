package session

import (
	"context"

	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// Forget drops everything that memory knows, as a restart does.
func (r *Room) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.seen)
	clear(r.parsed)
}

// Describe is describe.
func Describe(agent string) (browser, system string) { return describe(agent) }

// Rewrite replaces the sealed body of a row and returns the set's new digest.
func Rewrite(ctx context.Context, tx *vault.ChangeTx, account person.AccountID, handle, sealed []byte) ([32]byte, error) {
	if _, err := tx.Exec(ctx, `UPDATE session_row SET body = ?, seen = NULL WHERE handle = ?`, sealed, handle); err != nil {
		return [32]byte{}, err
	}
	rows, err := (&Room{}).read(tx.Query(ctx, selectByAccount, account.Bytes()))
	return digestRows(rows), err
}
