package session_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"testing"

	"postern.example/postern/internal/room/session"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// people is who exists, in place of package identity.
type people struct {
	mu    sync.Mutex
	roles map[person.AccountID][]person.Role
	fail  error
}

func (p *people) Standing(_ context.Context, id person.AccountID) (access.Standing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	roles := p.roles[id]
	return access.Standing{Active: len(roles) > 0, Roles: roles, Person: [16]byte(id.Bytes())}, p.fail
}

func (p *people) Assigned(context.Context, person.AccountID, person.PatientID) (bool, error) {
	return false, nil
}

// house is a clinic's sessions with the whole trusted base below.
type house struct {
	*vaulttest.Kit
	rooms  *session.Room
	gate   *access.Gate
	people *people
	random *source
}

// source is crypto/rand until it is told to fail.
type source struct{ left int }

func (s *source) Read(b []byte) (int, error) {
	if s.left--; s.left == 0 {
		return 0, errors.New("no randomness")
	}
	return rand.Read(b)
}

func open(t *testing.T, d *db.DB, env string) *house {
	t.Helper()
	return furnish(t, vaulttest.Open(t, d, env), &people{roles: map[person.AccountID][]person.Role{}}, session.Limits{})
}

// restart is the house after a restart of the process.
func (h *house) restart(t *testing.T) *house {
	t.Helper()
	return furnish(t, h.Kit.Restart(t), h.people, session.Limits{})
}

func furnish(t testing.TB, k *vaulttest.Kit, p *people, l session.Limits) *house {
	t.Helper()
	c := config(t, k, p)
	c.Limits = l
	random := &source{}
	c.Random = random
	r, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &house{Kit: k, rooms: r, gate: k.GateIn(t, p, keys.Demo), people: p, random: random}
}

func config(t testing.TB, k *vaulttest.Kit, p *people) session.Config {
	t.Helper()
	forms, err := k.Root.Service(keys.ServiceForm)
	if err != nil {
		t.Fatal(err)
	}
	return session.Config{DB: k.DB, Vault: k.Vault, People: p, Forms: forms, Watch: unwatched{}, Clock: k.Clock.Now, Random: rand.Reader,
		Environment: k.Root.Environment()}
}

var _ io.Reader = (*source)(nil)

// each runs fn on both engines with a house on test data.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, vaulttest.Migrations(session.Migrations()...), func(t *testing.T, d *db.DB) { fn(t, open(t, d, keys.Test)) }, dbtest.NoSync)
}

// lite runs on the embedded engine alone, for what has nothing to do with SQL.
func lite(t *testing.T, env string) *house {
	t.Helper()
	return open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(session.Migrations()...), dbtest.NoSync), env)
}

// account makes the keys and the empty set of sessions of an account, as
// identity does when it creates one.
func (h *house) account(t testing.TB, roles ...person.Role) person.AccountID {
	t.Helper()
	id, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := vaulttest.Grant(t, h.gate, access.Ask{Caller: vaulttest.Operator(), Action: access.AddAccount, Owner: person.Clinic(h.Clinic),
		New: person.Account(id), Object: "Account/" + id.String()})
	err = h.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
		if err := tx.NewOwner(t.Context(), person.Account(id)); err != nil {
			return err
		}
		return tx.SetHead(t.Context(), vault.HeadRef{Owner: person.Account(id), Kind: vault.HeadSessions}, vault.Digest(nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	h.people.mu.Lock()
	defer h.people.mu.Unlock()
	h.people.roles[id] = roles
	return id
}

// grant asks the gate, as caller, for action on account.
func (h *house) grant(t testing.TB, caller person.Caller, action access.Action, account person.AccountID) access.Grant {
	t.Helper()
	return vaulttest.Grant(t, h.gate, access.Ask{Caller: caller, Action: action, Owner: person.Account(account)})
}

func stranger() person.Caller { return person.Stranger(vaulttest.Request()) }

// presence is a proof of presence at this moment.
func (h *house) presence() person.Proof {
	return person.Proof{Method: "passkey", At: h.Clock.Now(), Passkey: "00112233445566778899aabbccddeeff"}
}

// signIn starts a session.
func (h *house) signIn(t *testing.T, account person.AccountID) string {
	t.Helper()
	return h.start(t, account, session.Begin{Proof: h.presence()})
}

func (h *house) start(t *testing.T, account person.AccountID, b session.Begin) string {
	t.Helper()
	secret, err := h.rooms.Start(t.Context(), h.grant(t, stranger(), access.SignIn, account), b)
	if err != nil {
		t.Fatalf("start session: %v", err)
	}
	return secret
}

// resolve is a request with this cookie.
func (h *house) resolve(t *testing.T, secret string) (person.Caller, error) {
	t.Helper()
	return h.rooms.Resolve(t.Context(), secret, vaulttest.Request())
}

// alive resolves a session that must be alive.
func (h *house) alive(t *testing.T, secret string) person.Caller {
	t.Helper()
	c, err := h.resolve(t, secret)
	if err != nil {
		t.Fatalf("resolve: %v", err)
	}
	return c
}

func (h *house) dead(t *testing.T, what, secret string) {
	t.Helper()
	_, err := h.resolve(t, secret)
	wantKind(t, what, err, fault.Unauthenticated)
}

// wantKind fails unless err is of kind.
func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// wantAlarm fails unless a mismatch of account's sessions was alarmed.
func (h *house) wantAlarm(t *testing.T, account person.AccountID) {
	t.Helper()
	found := h.Alarms.Take()
	for _, a := range found {
		if a.What == "session rows do not match the head" && a.Owner == person.Account(account) {
			return
		}
	}
	t.Errorf("no alarm about the sessions of %v; alarms: %v", account, found)
}

func second[T any](_ T, err error) error { return err }

// unwatched hears what becomes of secrets and forgets it.
type unwatched struct{}

func (unwatched) Met(string, person.Caller) {}
func (unwatched) Lost(string)               {}
