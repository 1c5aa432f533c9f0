package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

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

func TestNewRefusesIncompleteConfigs(t *testing.T) {
	if _, err := session.New(session.Config{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
}

// Without randomness nothing is given out.
func TestNoRandomness(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	me := h.alive(t, h.signIn(t, mia))
	in, mint := h.grant(t, stranger(), access.SignIn, mia), h.grant(t, vaulttest.Operator(), access.MintToken, mia)
	for after := 1; after <= 2; after++ { // the secret, then the id
		for name, do := range map[string]func() (string, error){
			"start":  func() (string, error) { return h.rooms.Start(t.Context(), in, session.Begin{}) },
			"rotate": func() (string, error) { return h.rooms.Rotate(t.Context(), in, me, h.presence(), "") },
			"mint":   func() (string, error) { return h.rooms.MintToken(t.Context(), mint, "", time.Minute) },
		} {
			h.random.left = after
			secret, err := do()
			wantKind(t, name, err, fault.Unavailable)
			if secret != "" {
				t.Errorf("%s gave out a secret", name)
			}
		}
	}
}

// When nobody can say which roles somebody holds, nothing starts.
func TestNoStanding(t *testing.T) {
	h := lite(t, "test")
	mia := h.account(t, person.RolePatient)
	in := h.grant(t, stranger(), access.SignIn, mia)
	h.people.fail = fault.New(fault.Tampered, "account rows do not match the head")
	wantKind(t, "start", second(h.rooms.Start(t.Context(), in, session.Begin{})), fault.Tampered)
}

// A database that fails closes the door; a last use that cannot be stored does
// not, because the session then ends earlier and not later.
func TestDatabaseFails(t *testing.T) {
	h := lite(t, "test")
	raw := dbtest.Raw(h.DB)
	mia := h.account(t, person.RolePatient)
	secret := h.signIn(t, mia)
	me := h.alive(t, secret)
	out := h.grant(t, me, access.SignOut, mia)
	in := h.grant(t, stranger(), access.SignIn, mia)

	raw.Script(t, `CREATE TRIGGER no_update BEFORE UPDATE ON session_row BEGIN SELECT RAISE(ABORT, 'no'); END`)
	h.Clock.Add(14 * time.Minute)
	h.alive(t, secret)
	h.Clock.Add(14 * time.Minute)
	h.alive(t, secret)
	raw.Script(t, `DROP TRIGGER no_update;
		CREATE TRIGGER no_delete BEFORE DELETE ON session_row BEGIN SELECT RAISE(ABORT, 'no'); END;
		CREATE TRIGGER no_insert BEFORE INSERT ON session_row BEGIN SELECT RAISE(ABORT, 'no'); END`)
	if err := h.rooms.SignOut(t.Context(), out); err == nil {
		t.Error("a sign-out that was not stored was reported as done")
	}
	h.alive(t, secret)
	if _, err := h.rooms.Start(t.Context(), in, session.Begin{}); err == nil {
		t.Error("a session that was not stored was given out")
	}
	raw.Script(t, `DROP TRIGGER no_delete; DROP TRIGGER no_insert`)
	raw.Script(t, `ALTER TABLE session_row RENAME TO away`)
	if err := h.rooms.SignOut(t.Context(), out); err == nil || h.Alarms.Take() != nil {
		t.Errorf("sign out without a table: %v", err)
	}
	if _, err := h.resolve(t, secret); err == nil {
		t.Error("resolved without a table")
	}
	raw.Script(t, `ALTER TABLE away RENAME TO session_row`)
	h.alive(t, secret)
}

// A head that was changed by raw SQL is found after a restart, when it is read.
func TestHeadTampered(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		mia := h.account(t, person.RolePatient)
		secret := h.signIn(t, mia)
		dbtest.Raw(h.DB).Exec(t, `UPDATE vault_head SET version = version - 1`)
		h = h.restart(t)
		_, err := h.resolve(t, secret)
		wantKind(t, "resolve", err, fault.Tampered)
		in := h.grant(t, stranger(), access.SignIn, mia)
		wantKind(t, "sign in", second(h.rooms.Start(t.Context(), in, session.Begin{})), fault.Tampered)
	})
}

// Destroyed keys end what they sealed, and deleted ones do it with an alarm.
func TestKeysDestroyed(t *testing.T) {
	for want, destroy := range map[fault.Kind]func(t *testing.T, h *house, id person.AccountID){
		fault.Gone: func(t *testing.T, h *house, id person.AccountID) {
			err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
				return h.Ring.Destroy(t.Context(), tx, person.Account(id), keys.UseAccount)
			})
			if err != nil {
				t.Fatal(err)
			}
		},
		fault.Tampered: func(t *testing.T, h *house, id person.AccountID) {
			dbtest.Raw(h.DB).Exec(t, `DELETE FROM key_subject WHERE owner = ?`, person.Account(id).Bytes())
		},
	} {
		each(t, func(t *testing.T, h *house) {
			mia, empty := h.account(t, person.RolePatient), h.account(t, person.RolePatient)
			secret := h.signIn(t, mia)
			h.alive(t, secret)
			for _, id := range []person.AccountID{mia, empty} {
				destroy(t, h, id)
				h.Ring.Forget(person.Account(id), keys.UseAccount)
			}
			h.Clock.Add(10 * time.Minute)
			h.alive(t, secret) // what is in memory serves until a restart; the use is not stored
			h = h.restart(t)
			_, err := h.resolve(t, secret)
			wantKind(t, "resolve", err, want)
			for name, id := range map[string]person.AccountID{"over what does not open": mia, "in an empty set": empty} {
				in := h.grant(t, stranger(), access.SignIn, id)
				wantKind(t, name, second(h.rooms.Start(t.Context(), in, session.Begin{})), want)
			}
			if found := len(h.Alarms.Take()) > 0; found != (want == fault.Tampered) {
				t.Errorf("%v: alarms: %v", want, found)
			}
		})
	}
}

// Postern itself wrote something that it cannot read: refused, not guessed.
func TestMalformedContent(t *testing.T) {
	h := lite(t, "test")
	raw := dbtest.Raw(h.DB)
	mia := h.account(t, person.RolePatient)
	secret := h.signIn(t, mia)
	handle := h.Vault.Handle(vault.SecretSession, secret)
	r := raw.Query(t, `SELECT id, version FROM session_row WHERE handle = ?`, handle)[0]
	where := vault.Row{Owner: person.Account(mia), Kind: "session", ID: [16]byte(r[0].([]byte)), Version: r[1].(int64), Field: "seen"}
	sealed, err := h.Vault.Secret(vault.SecretSession).Seal(t.Context(), where, []byte("1234567"))
	if err != nil {
		t.Fatal(err)
	}
	raw.Exec(t, `UPDATE session_row SET seen = ? WHERE handle = ?`, sealed, handle)
	_, err = h.resolve(t, secret)
	wantKind(t, "seven bytes of time", err, fault.Tampered)

	where.Field = vault.FieldBody
	if sealed, err = h.Vault.Secret(vault.SecretSession).Seal(t.Context(), where, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	g := h.grant(t, stranger(), access.SignIn, mia)
	err = h.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
		digest, err := session.Rewrite(t.Context(), tx, mia, handle, sealed)
		if err != nil {
			return err
		}
		return tx.SetHead(t.Context(), vault.HeadRef{Owner: person.Account(mia), Kind: vault.HeadSessions}, digest)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.resolve(t, secret)
	wantKind(t, "a body without content", err, fault.Tampered)
	in := h.grant(t, stranger(), access.SignIn, mia)
	wantKind(t, "change it", second(h.rooms.Start(t.Context(), in, session.Begin{})), fault.Tampered)
}

// A proof that does not fit is refused before anything is written.
func TestOversizeContent(t *testing.T) {
	h := lite(t, "test")
	in := h.grant(t, stranger(), access.SignIn, h.account(t, person.RolePatient))
	_, err := h.rooms.Start(t.Context(), in, session.Begin{Proof: person.Proof{Method: strings.Repeat("x", 600)}})
	if err == nil || errors.Is(err, db.ErrConstraint) {
		t.Errorf("oversize content: %v", err)
	}
}

// A small memory forgets, and nothing else changes.
func TestSmallMemory(t *testing.T) {
	h := lite(t, "test")
	c := config(t, h.Kit, h.people)
	c.Cache = 1
	var err error
	if h.rooms, err = session.New(c); err != nil {
		t.Fatal(err)
	}
	one, two := h.signIn(t, h.account(t, person.RolePatient)), h.signIn(t, h.account(t, person.RolePatient))
	for range 3 {
		h.Clock.Add(10 * time.Minute)
		h.alive(t, one)
		h.alive(t, two)
	}
}

// A closed database lets nobody in.
func TestDatabaseClosed(t *testing.T) {
	h := lite(t, "test")
	secret := h.signIn(t, h.account(t, person.RolePatient))
	if err := h.DB.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := h.resolve(t, secret)
	wantKind(t, "resolve", err, fault.Unavailable)
}
