package session

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// People is what this room needs to know of people: the roles that an account
// holds. identity.Room is one.
type People interface {
	Standing(ctx context.Context, account person.AccountID) (access.Standing, error)
}

// FormKey authenticates form tokens, and seals what a form asked for. A keys.Key of
// its own is one.
type FormKey interface {
	MAC(parts ...[]byte) [32]byte
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

// Watch hears which secrets were good and which were not, so that whoever bounds how
// often somebody comes knows them again. It decides nothing here. *risk.Limiter is one.
type Watch interface {
	Met(secret string, c person.Caller)
	Lost(secret string)
}

// Limits say how long sessions live. Zero fields mean the default.
type Limits struct {
	PatientIdle time.Duration // without use; 15 minutes
	PatientLife time.Duration // since sign-in, whatever the use; 12 hours
	StaffIdle   time.Duration // 10 minutes
	StaffLife   time.Duration // 8 hours
	Most        int           // sessions and tokens of one account; the oldest goes when another starts; 20
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&l.PatientIdle, 15 * time.Minute}, {&l.PatientLife, 12 * time.Hour}, {&l.StaffIdle, 10 * time.Minute}, {&l.StaffLife, 8 * time.Hour}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if l.Most <= 0 {
		l.Most = 20
	}
	return l
}

func (l Limits) idle(role person.Role) time.Duration {
	if role == person.RolePatient {
		return l.PatientIdle
	}
	return l.StaffIdle
}

func (l Limits) life(role person.Role) time.Duration {
	if role == person.RolePatient {
		return l.PatientLife
	}
	return l.StaffLife
}

// Config is what New needs. Every field but Limits and Cache is required.
type Config struct {
	DB          *db.DB
	Vault       *vault.Vault
	People      People
	Forms       FormKey
	Watch       Watch
	Clock       func() time.Time
	Random      io.Reader
	Environment string // keys.Production, keys.Test or keys.Demo
	Limits      Limits
	Cache       int // most accounts whose sessions are kept parsed in memory; 0 means 20,000
}

// Room is the room of sessions. It is safe for concurrent use.
type Room struct {
	c      Config
	secret vault.Secret
	latest atomic.Int64 // newest reading of the clock, in nanoseconds

	mu       sync.Mutex
	parsed   map[person.AccountID]*set
	verified *db.Fresh[findKey, row]
	seen     map[[16]byte]seen // by session id
}

// New makes the Room.
func New(c Config) (*Room, error) {
	if c.DB == nil || c.Vault == nil || c.People == nil || c.Forms == nil || c.Watch == nil || c.Clock == nil || c.Random == nil || c.Environment == "" {
		return nil, errors.New("open session: the configuration is incomplete")
	}
	if c.Cache == 0 {
		c.Cache = 20_000
	}
	c.Limits = c.Limits.withDefaults()
	return &Room{c: c, secret: c.Vault.Secret(vault.SecretSession),
		parsed: map[person.AccountID]*set{}, seen: map[[16]byte]seen{}, verified: db.NewFresh[findKey, row](c.DB, c.Cache)}, nil
}

// now is the server's clock in UTC. It never runs back: a clock that is set back
// must not bring an expired session to life.
func (r *Room) now() time.Time {
	n := r.c.Clock().UnixNano()
	for {
		old := r.latest.Load()
		if n <= old {
			return time.Unix(0, old).UTC()
		}
		if r.latest.CompareAndSwap(old, n) {
			return time.Unix(0, n).UTC()
		}
	}
}

// draw fills b with randomness.
func (r *Room) draw(b []byte) error {
	if _, err := io.ReadFull(r.c.Random, b); err != nil {
		return fault.Wrap(fault.Unavailable, "draw randomness", err)
	}
	return nil
}

// purposeOf is the purpose of use that a role implies until the person states
// another.
func purposeOf(role person.Role) person.Purpose {
	switch role {
	case person.RolePatient:
		return person.PurposePatientRequest
	case person.RoleClinician, person.RoleNurse:
		return person.PurposeTreatment
	case person.RoleCompliance, person.RoleAuditor:
		return person.PurposeAudit
	case person.RoleRecordsOffice:
		return person.PurposeRecords
	default:
		return person.PurposeOperations
	}
}
