package identity_test

import (
	"bytes"
	"fmt"
	"testing"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// rows is the whole table as text.
func (h *house) rows(t *testing.T) string {
	t.Helper()
	return fmt.Sprint(dbtest.Raw(h.DB).Query(t, `SELECT account, kind, id, version, seq, body FROM account_row ORDER BY account, kind, id`))
}

// Drills: what somebody does who writes into the database with SQL. Each is
// refused at the next use, before and after a restart, and the alarm names what
// was found.
func TestDrills(t *testing.T) {
	covers.Covers(t, "HC-8b")
	// The intruder is a patient of the clinic with an account and passkey of its own.
	type scene struct {
		raw                     *dbtest.RawDB
		mother, nurse, intruder person.AccountID
		before                  [][]any // the mother's rows when she had one passkey more
		cred                    []any   // the intruder's passkey
	}
	const insert = `INSERT INTO account_row (account, kind, id, version, seq, body) VALUES (?, ?, ?, ?, ?, ?)`
	drills := map[string]struct {
		do   func(t *testing.T, s scene)
		hurt func(s scene) []person.AccountID
	}{
		"own passkey inserted into the mother's account": {func(t *testing.T, s scene) {
			c := s.cred
			s.raw.Exec(t, insert, s.mother.Bytes(), c[1], c[2], c[3], c[4], c[5])
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"own passkey put in place of the mother's": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `UPDATE account_row SET body = ? WHERE account = ? AND kind = 3`, s.cred[5], s.mother.Bytes())
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"two accounts swapped": {func(t *testing.T, s scene) {
			aside := newAccount(t).Bytes()
			s.raw.Exec(t, `UPDATE account_row SET account = ? WHERE account = ?`, aside, s.mother.Bytes())
			s.raw.Exec(t, `UPDATE account_row SET account = ? WHERE account = ?`, s.mother.Bytes(), s.intruder.Bytes())
			s.raw.Exec(t, `UPDATE account_row SET account = ? WHERE account = ?`, s.intruder.Bytes(), aside)
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother, s.intruder} }},
		"role inserted": {func(t *testing.T, s scene) {
			r := s.raw.Query(t, `SELECT id, version, seq, body FROM account_row WHERE account = ? AND kind = 2`, s.nurse.Bytes())[0]
			s.raw.Exec(t, insert, s.intruder.Bytes(), 2, r[0], r[1], r[2], r[3])
		}, func(s scene) []person.AccountID { return []person.AccountID{s.intruder} }},
		"assignment moved": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `UPDATE account_row SET account = ? WHERE account = ? AND kind = 4`, s.intruder.Bytes(), s.nurse.Bytes())
		}, func(s scene) []person.AccountID { return []person.AccountID{s.intruder, s.nurse} }},
		"rolled back to a removed passkey": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `DELETE FROM account_row WHERE account = ?`, s.mother.Bytes())
			for _, r := range s.before {
				s.raw.Exec(t, insert, r...)
			}
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"suspension deleted": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `DELETE FROM account_row WHERE account = ? AND kind = 6`, s.mother.Bytes())
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"account deleted": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `DELETE FROM account_row WHERE account = ?`, s.mother.Bytes())
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"version raised": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `UPDATE account_row SET version = version + 1 WHERE account = ? AND kind = 1`, s.mother.Bytes())
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"covering entry changed": {func(t *testing.T, s scene) {
			s.raw.Exec(t, `UPDATE account_row SET seq = seq + 1 WHERE account = ? AND kind = 1`, s.mother.Bytes())
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"unknown kind and odd id": {func(t *testing.T, s scene) {
			s.raw.Exec(t, insert, s.mother.Bytes(), 99, []byte{1}, 1, 1, []byte("x"))
		}, func(s scene) []person.AccountID { return []person.AccountID{s.mother} }},
		"account invented": {func(t *testing.T, s scene) {
			s.raw.Exec(t, insert, append([]any{make([]byte, 16)}, s.cred[1:]...)...)
		}, func(scene) []person.AccountID { return []person.AccountID{{}} }},
	}
	each(t, func(t *testing.T, h *house) {
		for name, d := range drills {
			t.Run(name, func(t *testing.T) {
				h := h
				s := scene{raw: dbtest.Raw(h.DB)}
				phone, own := device(), device()
				s.mother = h.account(t, identity.NewAccount{Name: phi.NewText("Mia Torres"), Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)})
				s.intruder = h.account(t, identity.NewAccount{Name: phi.NewText("Ivo Wolf"), Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)})
				s.nurse = h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
				edit, err := h.rooms.Assign(newPatient(t))
				if err != nil {
					t.Fatal(err)
				}
				p, err := h.rooms.Plan(t.Context(), s.nurse, edit)
				h.must(t, operator(h), p, err)
				key, ownKey := h.enrol(t, s.mother, phone), h.enrol(t, s.intruder, own)
				h.enrol(t, s.mother, device())
				s.before = s.raw.Query(t, `SELECT account, kind, id, version, seq, body FROM account_row WHERE account = ?`, s.mother.Bytes())
				p, err = h.rooms.Plan(t.Context(), s.mother, identity.RemovePasskey(h.passkeys(t, s.mother)[1].ID))
				h.must(t, patient(h, s.mother), p, err)
				s.cred = s.raw.Query(t, `SELECT account, kind, id, version, seq, body FROM account_row WHERE account = ? AND kind = 3`, s.intruder.Bytes())[0]

				d.do(t, s)
				for _, again := range []string{"at once", "after a restart"} {
					for _, hurt := range d.hurt(s) {
						h.refuses(t, again, hurt)
					}
					if d.hurt(s)[0] == s.mother {
						_, err := h.signIn(t, phone, key)
						wantKind(t, again+": sign in as the mother", err, fault.Tampered)
						forged := *ownKey
						forged.User = s.mother.Bytes()
						_, err = h.signIn(t, own, &forged)
						wantKind(t, again+": sign in with the intruder's passkey", err, fault.Tampered)
					}
					h.Alarms.Take()
					h = h.restart(t)
				}
			})
		}
	})
}

// refuses checks that every use of an account is refused and alarms.
func (h *house) refuses(t *testing.T, again string, hurt person.AccountID) {
	t.Helper()
	_, err := h.rooms.Standing(t.Context(), hurt)
	wantKind(t, again+": standing", err, fault.Tampered)
	h.wantAlarm(t, "account rows do not match the head", hurt)
	_, err = h.rooms.Assigned(t.Context(), hurt, newPatient(t))
	wantKind(t, again+": assigned", err, fault.Tampered)
	_, err = h.rooms.PlanEnrolment(t.Context(), hurt)
	wantKind(t, again+": plan", err, fault.Tampered)
}

// A change planned on honest rows is refused when they were changed before it
// is made.
func TestTamperedBeforeApply(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		id := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
		p, err := h.rooms.PlanSuspension(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		g, err := h.gate.Decide(t.Context(), p.Ask(signedIn(h, h.admin(t), person.RoleAdministrator, person.PurposeOperations)))
		if err != nil {
			t.Fatal(err)
		}
		dbtest.Raw(h.DB).Exec(t, `DELETE FROM account_row WHERE account = ? AND kind = 2`, id.Bytes())
		wantKind(t, "apply", h.rooms.Apply(t.Context(), g, p), fault.Tampered)
		h.wantAlarm(t, "account rows do not match the head", id)
	})
}

func (h *house) admin(t *testing.T) person.AccountID {
	t.Helper()
	return h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleAdministrator}})
}

// The list stays usable when one account was damaged.
func TestListShowsDamage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		good, bad := h.admin(t), h.admin(t)
		dbtest.Raw(h.DB).Exec(t, `UPDATE account_row SET body = ? WHERE account = ? AND kind = 1`, []byte("x"), bad.Bytes())
		dbtest.Raw(h.DB).Exec(t, `INSERT INTO account_row (account, kind, id, version, seq, body) VALUES (?, 1, ?, 1, 1, ?)`, []byte("odd"), []byte("odd"), []byte("odd"))
		boss := signedIn(h, good, person.RoleAdministrator, person.PurposeOperations)
		g, err := h.gate.Decide(t.Context(), listAsk(h, boss))
		if err != nil {
			t.Fatal(err)
		}
		list, err := h.rooms.List(t.Context(), g, person.AccountID{}, 10)
		if err != nil || len(list) != 2 {
			t.Fatalf("list: %v, %v", list, err)
		}
		for _, a := range list {
			if a.Damaged != (a.ID == bad) {
				t.Errorf("account: %+v", a)
			}
		}
	})
}

// Nothing about a person is readable in the table.
func TestRowsAreSealed(t *testing.T) {
	h := lite(t, keys.Test)
	h.account(t, identity.NewAccount{Name: phi.NewText("Mia Torres"), Roles: []person.Role{person.RolePatient}, Handle: "mother"})
	for _, r := range dbtest.Raw(h.DB).Query(t, `SELECT account, id, body FROM account_row`) {
		body := r[2].([]byte)
		if n := len(body) - keys.Overhead; n < 128 || n&(n-1) != 0 {
			t.Errorf("a body of %d bytes is not padded", n)
		}
		for _, secret := range []string{"Mia", "Torres", "patient", "mother"} {
			for _, column := range r {
				if bytes.Contains(column.([]byte), []byte(secret)) {
					t.Errorf("%q is readable", secret)
				}
			}
		}
	}
}
