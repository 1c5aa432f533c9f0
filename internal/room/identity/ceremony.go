package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// ceremonyLife is how long a challenge can be answered (controls.md AC-4).
const ceremonyLife = 5 * time.Minute

// nonceSize is the length of the random part of a challenge.
const nonceSize = 32

// maxSpent bounds the answered challenges that are remembered, and maxSpentEach
// those of one account. Only ceremonies that succeeded count, so a stranger cannot
// fill it, and one account with an authenticator in software fills its own share
// alone: nobody else is locked out by it.
const (
	maxSpent     = 100_000
	maxSpentEach = 64
)

// purpose says what a ceremony is for. It is bound into the challenge, so an
// answer given for one purpose does not serve another.
type purpose string

const (
	forSignIn   purpose = "sign-in"
	forEnrol    purpose = "enrol"
	forAdd      purpose = "add"
	forStepUp   purpose = "step-up"
	forApproval purpose = "approval"
)

// ceremony is the state between Begin and Finish. It travels through the
// browser, sealed: nothing is kept for a stranger who never comes back, and the
// answer may arrive at another node.
type ceremony struct {
	Purpose purpose   `json:"purpose"`
	Nonce   []byte    `json:"nonce"`
	Expires time.Time `json:"expires"`
	Account []byte    `json:"account,omitempty"` // unknown at sign-in
	Device  string    `json:"device,omitempty"`  // the session that began it
	Invite  int64     `json:"invite,omitempty"`  // version of the enrolment that began it
}

// ceremonyAD separates sealed ceremonies from anything else under the same key.
const ceremonyAD = "postern ceremony v1"

// Options is what a Begin function gives to the browser. Its JSON form is
// {"ceremony": "...", "publicKey": {...}}: publicKey is for
// PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON,
// ceremony goes back unchanged.
type Options struct {
	Ceremony  string          `json:"ceremony"`
	PublicKey json.RawMessage `json:"publicKey"`
}

// Answer is what a Finish function takes: {"ceremony": "...", "credential":
// {...}}, where credential is PublicKeyCredential.toJSON().
type Answer struct {
	Ceremony   string          `json:"ceremony"`
	Credential json.RawMessage `json:"credential"`
}

// MaxAnswer bounds an answer, in bytes.
const MaxAnswer = 64 << 10

var errAnswer = errors.New("identity: the answer is malformed, late or used")

// parseAnswer reads an Answer strictly.
func parseAnswer(b []byte) (Answer, error) {
	var a Answer
	if len(b) > MaxAnswer {
		return Answer{}, errAnswer
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if d.Decode(&a) != nil || a.Ceremony == "" || len(a.Credential) == 0 {
		return Answer{}, errAnswer
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Answer{}, errAnswer
	}
	return a, nil
}

// begin starts a ceremony.
func (r *Room) begin(p purpose, account person.AccountID, device string) (ceremony, error) {
	c := ceremony{Purpose: p, Nonce: make([]byte, nonceSize), Expires: r.now().Add(ceremonyLife), Device: device}
	if !account.IsZero() {
		c.Account = account.Bytes()
	}
	return c, r.draw(c.Nonce)
}

// seal is the form in which a ceremony travels.
func (r *Room) seal(c ceremony) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", fault.Wrap(fault.Internal, "encode ceremony", err)
	}
	sealed, err := r.c.Ceremonies.Seal(plain, []byte(ceremonyAD))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, "seal ceremony", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// resume opens a ceremony that came back, if it is for p and still in time.
func (r *Room) resume(p purpose, sealed string) (ceremony, error) {
	var c ceremony
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return c, errAnswer
	}
	plain, err := r.c.Ceremonies.Open(raw, []byte(ceremonyAD))
	if err != nil || json.Unmarshal(plain, &c) != nil {
		return c, errAnswer
	}
	if c.Purpose != p || len(c.Nonce) != nonceSize || !r.now().Before(c.Expires) {
		return c, errAnswer
	}
	return c, nil
}

// challenge derives what the authenticator signs: it changes with every part of
// the ceremony and with the act that is approved, so an answer fits nothing else.
func (c ceremony) challenge(act []byte) []byte {
	h := sha256.New()
	var n [4]byte
	for _, part := range [][]byte{[]byte("postern challenge v1"), []byte(c.Purpose), c.Nonce, c.Account, []byte(c.Device), act} {
		binary.BigEndian.PutUint32(n[:], uint32(len(part))) //#nosec G115 -- parts are short
		h.Write(n[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

// spent remembers the ceremonies that succeeded until they would expire anyway.
// It is in memory: a restart within five minutes forgets it, and then the same
// answer would have to be captured inside TLS to be of use.
type spent struct {
	mu    sync.Mutex
	until map[[nonceSize]byte]spending
	each  map[person.AccountID]int
}

type spending struct {
	by      person.AccountID
	expires time.Time
}

func newSpent() spent {
	return spent{until: map[[nonceSize]byte]spending{}, each: map[person.AccountID]int{}}
}

// spend uses a ceremony of an account up. It refuses one that was used before, and
// any when too many are remembered, of this account or in all: closed, not forgotten.
func (s *spent) spend(c ceremony, by person.AccountID, now time.Time) error {
	nonce := [nonceSize]byte(c.Nonce)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.until[nonce]; used {
		return refused(errAnswer)
	}
	if s.full(by) {
		s.sweep(now)
	}
	if s.full(by) {
		return fault.New(fault.Throttled, "use passkey: too many ceremonies within five minutes")
	}
	s.until[nonce] = spending{by, c.Expires}
	s.each[by]++
	return nil
}

func (s *spent) full(by person.AccountID) bool {
	return s.each[by] >= maxSpentEach || len(s.until) >= maxSpent
}

// sweep forgets what has expired.
func (s *spent) sweep(now time.Time) {
	for n, x := range s.until {
		if now.Before(x.expires) {
			continue
		}
		delete(s.until, n)
		if s.each[x.by]--; s.each[x.by] == 0 {
			delete(s.each, x.by)
		}
	}
}
