package session

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// secretSize is the length of every secret: 256 bits.
const secretSize = 32

// secretText is the length of a secret's text.
const secretText = 43

// tokenPrefix marks bearer tokens, so that a person, a log filter or a secret
// scanner knows one.
const tokenPrefix = "pt_"

// Resolve turns the cookie's secret into the Caller of this request and counts
// the request as use. A secret that is unknown, ended, expired or a token's is
// fault.Unauthenticated, without saying which.
func (r *Room) Resolve(ctx context.Context, secret string, q person.Request) (person.Caller, error) {
	c, err := r.resolve(ctx, secret, q)
	return r.tell(secret, c, err)
}

// Recognize is Resolve for an answer that is no use of the portal, as that of an address
// which leads nowhere: it keeps no session alive and writes nothing.
func (r *Room) Recognize(ctx context.Context, secret string, q person.Request) (person.Caller, error) {
	o, err := r.current(ctx, secret)
	if err != nil {
		return r.tell(secret, person.Caller{}, err)
	}
	return r.tell(secret, callerOf(o, q), nil)
}

// tell lets the watch know what became of a secret.
func (r *Room) tell(secret string, c person.Caller, err error) (person.Caller, error) {
	if err == nil {
		r.c.Watch.Met(secret, c)
	} else if fault.Is(err, fault.Unauthenticated) {
		r.c.Watch.Lost(secret)
	}
	return c, err
}

func (r *Room) resolve(ctx context.Context, secret string, q person.Request) (person.Caller, error) {
	o, err := r.current(ctx, secret)
	if err != nil {
		return person.Caller{}, err
	}
	r.touch(ctx, o, r.now())
	return callerOf(o, q), nil
}

// current is the session of a secret, while it lives.
func (r *Room) current(ctx context.Context, secret string) (row, error) {
	if len(secret) != secretText {
		return row{}, fault.New(fault.Unauthenticated, "resolve session: not a secret")
	}
	o, err := r.find(ctx, kindSession, r.c.Vault.Handle(vault.SecretSession, secret))
	if err != nil {
		return row{}, err
	}
	used, err := r.lastUse(ctx, o)
	if err != nil {
		return row{}, err
	}
	if !r.alive(o, used, r.now()) {
		return row{}, fault.New(fault.Unauthenticated, "resolve session: it has expired")
	}
	return o, nil
}

// ResolveToken turns a bearer token into a Caller, in demo and test data only.
func (r *Room) ResolveToken(ctx context.Context, token string, q person.Request) (person.Caller, error) {
	c, err := r.resolveToken(ctx, token, q)
	return r.tell(token, c, err)
}

func (r *Room) resolveToken(ctx context.Context, token string, q person.Request) (person.Caller, error) {
	secret, ok := strings.CutPrefix(token, tokenPrefix)
	if r.c.Environment == keys.Production || !ok || len(secret) != secretText {
		return person.Caller{}, fault.New(fault.Unauthenticated, "resolve token: not a token")
	}
	o, err := r.find(ctx, kindToken, r.c.Vault.Handle(vault.SecretSession, token))
	if err != nil {
		return person.Caller{}, err
	}
	if !r.now().Before(o.body.Expires) {
		return person.Caller{}, fault.New(fault.Unauthenticated, "resolve token: it has expired")
	}
	return callerOf(o, q), nil
}

func callerOf(o row, q person.Request) person.Caller {
	return person.NewPerson(person.PersonConfig{Account: o.account, Role: o.body.Role, Purpose: purposeOf(o.body.Role),
		Proof: person.Proof{Method: o.body.Method, At: o.body.Proved, Passkey: o.body.Passkey}, Device: hex.EncodeToString(o.id[:]),
		Token: o.kind == kindToken, Request: q})
}

// alive says whether a session or token may still be used at now.
func (r *Room) alive(o row, used, now time.Time) bool {
	if !now.Before(o.body.Expires) {
		return false
	}
	return o.kind == kindToken || now.Before(used.Add(r.c.Limits.idle(o.body.Role)))
}

// seen is what memory knows of a session's use.
type seen struct {
	at    time.Time // the last use
	saved time.Time // the use that is stored
}

// lastUse is when the session was last used: as memory knows, else as stored,
// else when its secret was given out.
func (r *Room) lastUse(ctx context.Context, o row) (time.Time, error) {
	r.mu.Lock()
	known, ok := r.seen[o.id]
	r.mu.Unlock()
	if ok {
		return known.at, nil
	}
	if o.seen == nil {
		return o.body.Started, nil
	}
	plain, err := r.secret.Open(ctx, o.where(fieldSeen), o.seen)
	if err != nil {
		return time.Time{}, err
	}
	if len(plain) != 8 {
		return time.Time{}, fault.New(fault.Tampered, "read session: time of last use is malformed")
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(plain))).UTC(), nil //#nosec G115 -- the inverse of touch
}

// savesPerIdle is how often within the idle limit the last use is stored.
const savesPerIdle = 5

// touch records a use, in memory at once and in the database now and then. When
// storing fails the session ends earlier after a restart, and nothing else.
func (r *Room) touch(ctx context.Context, o row, now time.Time) {
	r.mu.Lock()
	known, ok := r.seen[o.id]
	if !ok {
		r.makeRoom()
		known.saved = o.body.Started
	}
	known.at = now
	due := now.Sub(known.saved) >= r.c.Limits.idle(o.body.Role)/savesPerIdle
	if due {
		known.saved = now
	}
	r.seen[o.id] = known
	r.mu.Unlock()
	if due {
		_ = r.save(ctx, o, now)
	}
}

// makeRoom drops an entry when memory is full: its session then counts from the
// stored use, which is earlier. The caller holds the lock.
func (r *Room) makeRoom() {
	for id := range r.seen {
		if len(r.seen) < r.c.Cache {
			return
		}
		delete(r.seen, id)
	}
}

func (r *Room) save(ctx context.Context, o row, now time.Time) error {
	sealed, err := r.secret.Seal(ctx, o.where(fieldSeen), binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()))) //#nosec G115 -- after 1970
	if err != nil {
		return err
	}
	return r.c.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE session_row SET seen = ? WHERE account = ? AND id = ? AND version = ?`,
			sealed, o.account.Bytes(), o.id[:], o.version)
		if err != nil {
			return fmt.Errorf("store last use: %w", err)
		}
		return nil
	})
}

// forget drops what memory knows of ended sessions.
func (r *Room) forget(gone []row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range gone {
		delete(r.seen, o.id)
	}
}

// living leaves out what has expired, or whose last use does not open, and fills
// in when the others were last used.
func (r *Room) living(ctx context.Context, rows []row) []row {
	now := r.now()
	var out []row
	for _, o := range rows {
		if o.kind == kindVisit {
			continue
		}
		var err error
		if o.used, err = r.lastUse(ctx, o); err == nil && r.alive(o, o.used, now) {
			out = append(out, o)
		}
	}
	return out
}

// FormToken is the hidden field of the forms that a session's pages hold. It is
// bound to the secret: it dies with it, and fits no other session.
func (r *Room) FormToken(secret string) string {
	m := r.c.Forms.MAC([]byte("postern form v1"), r.c.Vault.Handle(vault.SecretSession, secret))
	return base64.RawURLEncoding.EncodeToString(m[:])
}

// CheckForm returns fault.Denied unless token is the session's.
func (r *Room) CheckForm(secret, token string) error {
	if secret == "" || subtle.ConstantTimeCompare([]byte(token), []byte(r.FormToken(secret))) != 1 {
		return fault.New(fault.Denied, "check form: the token is not this session's")
	}
	return nil
}
