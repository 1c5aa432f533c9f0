package session

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// kind says what a row is. Values are stored: never renumber.
type kind uint8

const (
	kindSession kind = 1
	kindToken   kind = 2
	kindVisit   kind = 3 // when the person's last ended session was last used: one row for an account, no session
)

// secretKind is the kind under which the vault seals a row. The row of the last
// visit is sealed like a session; its id, and the head over its kind, keep it apart.
func (k kind) secretKind() string {
	if k == kindToken {
		return "token"
	}
	return "session"
}

// fieldSeen separates the time of the last use from the body of a row.
const fieldSeen vault.Field = "seen"

// body is the plaintext of a row.
type body struct {
	Created time.Time   `json:"created"`           // sign-in, or when the token was minted
	Started time.Time   `json:"started"`           // when the present secret was given out
	Expires time.Time   `json:"expires"`           // absolute
	Role    person.Role `json:"role"`              // acted in
	Method  string      `json:"method,omitempty"`  // of the newest proof of presence
	Proved  time.Time   `json:"proved,omitzero"`   // when
	Passkey string      `json:"passkey,omitempty"` // id of the passkey that proved it
	Browser string      `json:"browser,omitempty"` // family, for the security page
	System  string      `json:"system,omitempty"`  // operating system
	Before  time.Time   `json:"before,omitzero"`   // when the person was here before this session
}

// row is one stored session or token with its content.
type row struct {
	account      person.AccountID
	id           [16]byte
	kind         kind
	handle       []byte
	version, seq int64
	sealed       []byte
	seen         []byte    // sealed, not in the digest
	used         time.Time // set by living
	body         body
}

// set is every row of one account. A set that was loaded is shared and not changed.
type set struct {
	digest [32]byte
	rows   []row
}

func (s *set) byHandle(handle []byte) (row, bool) {
	i := slices.IndexFunc(s.rows, func(r row) bool { return bytes.Equal(r.handle, handle) })
	if i < 0 {
		return row{}, false
	}
	return s.rows[i], true
}

func (s *set) byID(id [16]byte) int {
	return slices.IndexFunc(s.rows, func(r row) bool { return r.id == id })
}

// digestRows is what the head of an account's sessions commits to: every column
// of every row but seen.
func digestRows(rows []row) [32]byte {
	sealed := make([]vault.SetRow, len(rows))
	for i, r := range rows {
		key := make([]byte, 0, 16+1+8+len(r.handle))
		key = append(append(key, r.id[:]...), byte(r.kind))
		key = binary.BigEndian.AppendUint64(key, uint64(r.seq)) //#nosec G115 -- a bit pattern, not a number
		sealed[i] = vault.SetRow{Key: append(key, r.handle...), Version: r.version, Sealed: r.sealed}
	}
	return vault.Digest(sealed)
}

// where names a field of a row to the vault.
func (r row) where(f vault.Field) vault.Row {
	return vault.Row{Owner: person.Account(r.account), Kind: r.kind.secretKind(), ID: r.id, Version: r.version, Field: f}
}

// bodySize is the padded length of every body, so that it tells nothing.
const bodySize = 512

var errBody = errors.New("session: the content of a row is malformed")

// encode is the plaintext of a row, padded with spaces.
func (b body) encode() ([]byte, error) {
	plain, err := json.Marshal(b)
	if err != nil || len(plain) > bodySize {
		return nil, errBody
	}
	return append(plain, bytes.Repeat([]byte{' '}, bodySize-len(plain))...), nil
}

// decode reads what encode wrote.
func decode(plain []byte) (body, error) {
	var b body
	if len(plain) != bodySize || json.Unmarshal(plain, &b) != nil {
		return body{}, errBody
	}
	if _, known := person.ParseRole(string(b.Role)); !known || b.Expires.IsZero() {
		return body{}, errBody
	}
	return b, nil
}
