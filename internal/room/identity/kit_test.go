package identity_test

import (
	"crypto/rand"
	"encoding/json"
	"testing"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/room/identity/identitytest"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

const (
	origin = "https://portal.clinic.example"
	rpID   = "portal.clinic.example"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// house is a clinic's accounts with the whole trusted base below.
type house struct {
	*vaulttest.Kit
	rooms *identity.Room
	gate  *access.Gate
}

func open(t *testing.T, d *db.DB, env string) *house {
	t.Helper()
	return furnish(t, vaulttest.Open(t, d, env))
}

// restart is the house after a restart of the process.
func (h *house) restart(t *testing.T) *house {
	t.Helper()
	return furnish(t, h.Kit.Restart(t))
}

func furnish(t *testing.T, k *vaulttest.Kit) *house {
	t.Helper()
	key, err := k.Root.Ephemeral(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := identity.New(identity.Config{DB: k.DB, Vault: k.Vault, Ceremonies: key, Alarm: k.Alarms.Raise, Clock: k.Clock.Now,
		Random: rand.Reader, Clinic: k.Clinic, Environment: k.Root.Environment(), Origin: origin, RPID: rpID, RPName: "Postern"})
	if err != nil {
		t.Fatal(err)
	}
	return &house{Kit: k, rooms: r, gate: k.Gate(t, r)}
}

// each runs fn on both engines with a house on test data.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, vaulttest.Migrations(identity.Migrations()...), func(t *testing.T, d *db.DB) { fn(t, open(t, d, keys.Test)) }, dbtest.NoSync)
}

// lite runs fn on the embedded engine alone, for what has nothing to do with SQL.
func lite(t *testing.T, env string) *house {
	t.Helper()
	return open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(identity.Migrations()...), dbtest.NoSync), env)
}

// do asks the gate for plan and applies it.
func (h *house) do(t *testing.T, caller person.Caller, p *identity.Plan, err error) error {
	t.Helper()
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	g, err := h.gate.Decide(t.Context(), p.Ask(caller))
	if err != nil {
		return err
	}
	return h.rooms.Apply(t.Context(), g, p)
}

// must is do that has to succeed.
func (h *house) must(t *testing.T, caller person.Caller, p *identity.Plan, err error) {
	t.Helper()
	if err := h.do(t, caller, p, err); err != nil {
		t.Fatalf("change account: %v", err)
	}
}

// account creates an account.
func (h *house) account(t *testing.T, n identity.NewAccount) person.AccountID {
	t.Helper()
	p, err := h.rooms.PlanCreate(t.Context(), n)
	h.must(t, operator(h), p, err)
	return p.Account()
}

// operator may manage accounts on test data.
func operator(*house) person.Caller { return vaulttest.Operator() }

// signedIn is the Caller of somebody whose passkey was just verified. Making one
// by hand is the privilege of package session; its tests and these stand in for it.
func signedIn(h *house, account person.AccountID, role person.Role, purpose person.Purpose) person.Caller {
	return person.NewPerson(person.PersonConfig{Account: account, Role: role, Purpose: purpose, Device: "0123",
		Proof: person.Proof{Method: "passkey", At: h.Clock.Now()}, Request: vaulttest.Request()})
}

func patient(h *house, account person.AccountID) person.Caller {
	return signedIn(h, account, person.RolePatient, person.PurposePatientRequest)
}

// invite issues an enrolment link and returns its token.
func (h *house) invite(t *testing.T, account person.AccountID) string {
	t.Helper()
	p, err := h.rooms.PlanEnrolment(t.Context(), account)
	if err == nil && p.Action().TwoPerson() {
		err = h.rooms.Apply(t.Context(), h.two(t, p), p)
	}
	if err != nil {
		t.Fatalf("invite: %v", err)
	}
	if p.Link() == "" {
		h.must(t, operator(h), p, nil)
	}
	return p.Link()[len(origin+"/enrol#"):]
}

// two is the Grant for a plan that one administrator proposes and another confirms.
func (h *house) two(t *testing.T, p *identity.Plan) access.Grant {
	t.Helper()
	var admins [2]person.Caller
	for i := range admins {
		id := h.account(t, identity.NewAccount{Name: phi.NewText("Ada"), Roles: []person.Role{person.RoleAdministrator}})
		admins[i] = signedIn(h, id, person.RoleAdministrator, person.PurposeOperations)
	}
	act, err := h.gate.Propose(t.Context(), p.Ask(admins[0]), "a new link")
	if err != nil {
		t.Fatalf("propose: %v", err)
	}
	g, err := h.gate.Confirm(t.Context(), admins[1], act.ID)
	if err != nil {
		t.Fatalf("confirm: %v", err)
	}
	return g
}

// device is an honest authenticator on our page.
func device() *identitytest.Authenticator { return &identitytest.Authenticator{Origin: origin} }

// enrol gives account a passkey on a.
func (h *house) enrol(t *testing.T, account person.AccountID, a *identitytest.Authenticator) *identitytest.Passkey {
	t.Helper()
	h.accept(t, h.invite(t, account), a)
	return a.Passkeys[len(a.Passkeys)-1]
}

// signIn runs a whole sign-in with passkey p of a.
func (h *house) signIn(t *testing.T, a *identitytest.Authenticator, p *identitytest.Passkey) (*identity.Presence, error) {
	t.Helper()
	o, err := h.rooms.BeginSignIn()
	if err != nil {
		t.Fatalf("begin sign-in: %v", err)
	}
	return h.finishSignIn(t, identitytest.Answer(t, o.Ceremony, a.Get(t, o.PublicKey, p)))
}

func (h *house) finishSignIn(t *testing.T, answer []byte) (*identity.Presence, error) {
	t.Helper()
	presence, err := h.rooms.FinishSignIn(t.Context(), answer)
	if err != nil {
		return nil, err
	}
	g, err := h.gate.Decide(t.Context(), presence.Ask(vaulttest.Request()))
	if err != nil {
		return nil, err
	}
	return presence, h.rooms.Record(t.Context(), g, presence)
}

func newPatient(t *testing.T) person.PatientID {
	t.Helper()
	id, err := person.NewPatientID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func newAccount(t *testing.T) person.AccountID {
	t.Helper()
	id, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// wantKind fails unless err is of kind.
func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// wantAlarm fails unless what was alarmed about account.
func (h *house) wantAlarm(t *testing.T, what string, account person.AccountID) {
	t.Helper()
	found := h.Alarms.Take()
	for _, a := range found {
		if a.What == what && a.Owner == person.Account(account) {
			return
		}
	}
	t.Errorf("no alarm %q about %v; alarms: %v", what, account, found)
}

// member reads a field of a JSON object.
func member(t *testing.T, raw json.RawMessage, name string) string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	s, _ := o[name].(string)
	return s
}

// testGate decides about the same data as if it were test data, where a command
// needs no approving administrator: how the first accounts of a production
// installation come to be is package app's story.
func (h *house) testGate(t *testing.T) *access.Gate {
	t.Helper()
	return h.GateIn(t, h.rooms, keys.Test)
}

// accept creates a passkey with an enrolment token.
func (h *house) accept(t *testing.T, token string, a *identitytest.Authenticator) {
	t.Helper()
	o, err := h.rooms.BeginEnrol(t.Context(), token)
	if err != nil {
		t.Fatalf("begin enrolment: %v", err)
	}
	p, err := h.rooms.FinishEnrol(t.Context(), phi.NewText("phone"), identitytest.Answer(t, o.Ceremony, a.Create(t, o.PublicKey)))
	h.must(t, person.Stranger(vaulttest.Request()), p, err)
}

func listAsk(h *house, caller person.Caller) access.Ask {
	return access.Ask{Caller: caller, Action: access.ListAccounts, Owner: person.Clinic(h.Clinic)}
}

// damage changes a row of account by raw SQL.
func (h *house) damage(t *testing.T, account person.AccountID) {
	t.Helper()
	dbtest.Raw(h.DB).Exec(t, `UPDATE account_row SET version = version + 1 WHERE account = ? AND kind = 1`, account.Bytes())
}
