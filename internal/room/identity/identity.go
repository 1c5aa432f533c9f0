package identity

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Sealer seals the state of a passkey ceremony while it travels through the
// browser. A keys.Key of its own is one.
type Sealer interface {
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// Config is what New needs. Every field but Cache is required.
type Config struct {
	DB          *db.DB
	Vault       *vault.Vault
	Ceremonies  Sealer
	Alarm       vault.Alarm
	Clock       func() time.Time
	Random      io.Reader
	Clinic      person.ClinicID
	Environment string // keys.Production, keys.Test or keys.Demo
	Origin      string // the one origin of the pages, such as https://portal.example
	RPID        string // the relying party id of the passkeys: the origin's host name
	RPName      string // what authenticators show as the place that a passkey is for
	Cache       int    // most accounts kept parsed in memory; 0 means 20,000
}

// Room is the room of accounts. It is safe for concurrent use.
type Room struct {
	c       Config
	secret  vault.Secret
	party   *webauthn.WebAuthn
	nobody  webauthn.Credential // stands in for a credential that does not exist
	spent   spent
	isReady atomic.Bool
	isTwo   atomic.Bool // two administrators have enrolled

	mu       sync.Mutex
	parsed   map[person.AccountID]*set
	verified *db.Fresh[person.AccountID, verified]
	charts   map[person.PatientID]person.AccountID // whose own chart, see holder
	doubtful map[person.PatientID]bool             // of charts: nobody knows whether the account was made

	scan    sync.Mutex
	scanned bool               // charts knows every account but those in dark
	dark    []person.AccountID // damaged, so that nobody knows whose chart they are
}

// New makes the Room.
func New(c Config) (*Room, error) {
	if c.DB == nil || c.Vault == nil || c.Ceremonies == nil || c.Alarm == nil || c.Clock == nil || c.Random == nil ||
		c.Clinic.IsZero() || c.Environment == "" {
		return nil, errors.New("open identity: the configuration is incomplete")
	}
	if c.Cache == 0 {
		c.Cache = 20_000
	}
	r := &Room{c: c, secret: c.Vault.Secret(vault.SecretAccount), spent: newSpent(), parsed: map[person.AccountID]*set{},
		verified: db.NewFresh[person.AccountID, verified](c.DB, c.Cache),
		charts:   map[person.PatientID]person.AccountID{}, doubtful: map[person.PatientID]bool{}}
	var err error
	if r.party, err = relyingParty(c); err != nil {
		return nil, fmt.Errorf("open identity: %w", err)
	}
	if r.nobody, err = nobodysCredential(); err != nil {
		return nil, fmt.Errorf("open identity: %w", err)
	}
	return r, nil
}

// now is the server's clock in UTC.
func (r *Room) now() time.Time { return r.c.Clock().UTC() }

// draw fills b with randomness.
func (r *Room) draw(b []byte) error {
	if _, err := io.ReadFull(r.c.Random, b); err != nil {
		return fault.Wrap(fault.Unavailable, "draw randomness", err)
	}
	return nil
}
