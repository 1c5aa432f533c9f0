package identity

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/person"
)

// kind says what a row is. Values are stored: never renumber.
type kind uint8

const (
	kindProfile    kind = 1
	kindRole       kind = 2
	kindCredential kind = 3
	kindAssignment kind = 4
	kindEnrolment  kind = 5
	kindStatus     kind = 6
)

// secretKind is the kind under which the vault seals a row.
func (k kind) secretKind() string {
	switch k {
	case kindCredential:
		return "credential"
	case kindAssignment:
		return "assignment"
	case kindEnrolment:
		return "enrolment"
	default:
		return "account"
	}
}

// only is the id of a row of which an account has one. It differs by kind, so
// that no two rows of an account share their associated data.
func (k kind) only() (id [16]byte) {
	id[0] = byte(k)
	return id
}

// body is the plaintext of any row; each kind uses its own fields. One type
// keeps the codec, its bounds and its fuzz target in one place.
type body struct {
	// profile
	Name     string    `json:"name,omitempty"`   // also the name of a passkey
	Handle   string    `json:"handle,omitempty"` // persona id of demo data
	Chart    []byte    `json:"chart,omitempty"`
	Person   []byte    `json:"person,omitempty"`
	Language string    `json:"language,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	// role
	Role person.Role `json:"role,omitempty"`
	// assignment
	Patient []byte `json:"patient,omitempty"`
	// status
	Suspended bool `json:"suspended,omitempty"`
	// enrolment
	Secret  []byte    `json:"secret,omitempty"` // vault.Handle of the secret, never the secret
	Expires time.Time `json:"expires,omitzero"`
	// ByTwo says that two people made the link; otherwise Enrolled is how many
	// administrators had enrolled then, when the account is an administrator's.
	ByTwo    bool `json:"byTwo,omitempty"`
	Enrolled int  `json:"enrolled,omitempty"`
	// credential
	Credential *credential `json:"credential,omitempty"`
}

// credential is a passkey as WebAuthn's credential record, without attestation.
type credential struct {
	ID         []byte    `json:"id"`
	PublicKey  []byte    `json:"publicKey"`
	AAGUID     []byte    `json:"aaguid,omitempty"`
	Transports []string  `json:"transports,omitempty"`
	Flags      uint8     `json:"flags"` // UP, UV, BE and BS as the authenticator last gave them
	Count      uint32    `json:"count,omitempty"`
	Used       time.Time `json:"used,omitzero"` // the day of the last use
}

// row is one stored row with its content.
type row struct {
	kind         kind
	id           [16]byte
	version, seq int64
	sealed       []byte
	body         body
}

// set is every row of one account. A set that load returned is shared: edits
// work on a clone.
type set struct {
	account person.AccountID
	digest  [32]byte // of the stored rows
	rows    []row
	changed map[rowKey]bool // what an edit wrote or dropped
}

type rowKey struct {
	kind kind
	id   [16]byte
}

func (s *set) clone() *set {
	return &set{account: s.account, digest: s.digest, rows: slices.Clone(s.rows), changed: map[rowKey]bool{}}
}

// of yields the rows of one kind.
func (s *set) of(k kind) []row {
	var out []row
	for _, r := range s.rows {
		if r.kind == k {
			out = append(out, r)
		}
	}
	return out
}

func (s *set) index(k kind, id [16]byte) int {
	return slices.IndexFunc(s.rows, func(r row) bool { return r.kind == k && r.id == id })
}

// one returns the content of a row, zero when there is none.
func (s *set) one(k kind, id [16]byte) body {
	if i := s.index(k, id); i >= 0 {
		return s.rows[i].body
	}
	return body{}
}

func (s *set) profile() body { return s.one(kindProfile, kindProfile.only()) }

func (s *set) active() bool {
	i := s.index(kindStatus, kindStatus.only())
	return i >= 0 && !s.rows[i].body.Suspended
}

// put writes a row.
func (s *set) put(k kind, id [16]byte, b body) {
	s.changed[rowKey{k, id}] = true
	if i := s.index(k, id); i >= 0 {
		s.rows[i].body = b
		return
	}
	s.rows = append(s.rows, row{kind: k, id: id, body: b})
}

// drop deletes a row.
func (s *set) drop(k kind, id [16]byte) {
	s.changed[rowKey{k, id}] = true
	s.rows = slices.DeleteFunc(s.rows, func(r row) bool { return r.kind == k && r.id == id })
}

// content is the digest of what the set says, for the log's before and after.
// Sealed bytes differ at every seal, so they would not do. How often and when a
// passkey was used is left out: a sign-in changes nothing that a reviewer
// looks for.
func (s *set) content() [32]byte {
	h := sha256.New()
	h.Write([]byte("postern account content v1"))
	sorted := slices.SortedFunc(slices.Values(s.rows), func(a, b row) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), bytes.Compare(a.id[:], b.id[:]))
	})
	for _, r := range sorted {
		b := r.body
		if b.Credential != nil {
			c := *b.Credential
			c.Count, c.Used, c.Flags = 0, time.Time{}, 0
			b.Credential = &c
		}
		plain, err := json.Marshal(b)
		if err != nil { // no field of body can fail to encode
			panic(err)
		}
		sum := sha256.Sum256(plain)
		h.Write([]byte{byte(r.kind)})
		h.Write(r.id[:])
		h.Write(sum[:])
	}
	return [32]byte(h.Sum(nil))
}

// digestRows is what the head of an account commits to: every column of every row.
func digestRows(rows []row) [32]byte {
	sealed := make([]vault.SetRow, len(rows))
	for i, r := range rows {
		key := make([]byte, 0, 25)
		key = append(append(key, byte(r.kind)), r.id[:]...)
		key = binary.BigEndian.AppendUint64(key, uint64(r.seq)) //#nosec G115 -- a bit pattern, not a number
		sealed[i] = vault.SetRow{Key: key, Version: r.version, Sealed: r.sealed}
	}
	return vault.Digest(sealed)
}

// where names a row to the vault.
func (r row) where(account person.AccountID) vault.Row {
	return vault.Row{Owner: person.Account(account), Kind: r.kind.secretKind(), ID: r.id, Version: r.version, Field: vault.FieldBody}
}

// maxBody bounds a row: a passkey with the longest id and key stays far below.
const maxBody = 16 << 10

var errBody = errors.New("identity: the content of a row is malformed")

// encode is the plaintext of a row, padded with spaces to a power of two, so
// that the length of a name or of a list does not show.
func (b body) encode() ([]byte, error) {
	plain, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode account row: %w", err)
	}
	size := 128
	for size < len(plain) {
		size *= 2
	}
	if size > maxBody {
		return nil, errBody
	}
	return append(plain, bytes.Repeat([]byte{' '}, size-len(plain))...), nil
}

// decode reads what encode wrote and checks that the content fits the kind.
func decode(k kind, plain []byte) (body, error) {
	var b body
	if len(plain) > maxBody || json.Unmarshal(plain, &b) != nil {
		return body{}, errBody
	}
	ok := false
	switch k {
	case kindProfile:
		ok = len(b.Person) == 16 && (len(b.Chart) == 0 || len(b.Chart) == 16)
	case kindRole:
		_, ok = person.ParseRole(string(b.Role))
	case kindCredential:
		ok = b.Credential != nil && len(b.Credential.ID) > 0 && len(b.Credential.PublicKey) > 0
	case kindAssignment:
		ok = len(b.Patient) == 16
	case kindEnrolment:
		ok = len(b.Secret) == 32 && !b.Expires.IsZero()
	case kindStatus:
		ok = true
	}
	if !ok {
		return body{}, errBody
	}
	return b, nil
}
