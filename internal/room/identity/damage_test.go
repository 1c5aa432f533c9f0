package identity_test

import (
	"errors"
	"testing"

	"postern.example/postern/internal/room/identity"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// One account that is damaged, in whatever way, is refused with an alarm that names it.
// All others go on, and its chart gets no second account.
func TestOneDamagedAccountStopsNobodyElse(t *testing.T) {
	sql := func(text string) func(*testing.T, *house, person.AccountID) {
		return func(t *testing.T, h *house, bad person.AccountID) {
			if n := dbtest.Raw(h.DB).Exec(t, text, bad.Bytes()); n == 0 {
				t.Fatal("nothing was damaged")
			}
		}
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, *house, person.AccountID)
		dark   bool // nobody can tell its chart
	}{
		"its role does not open":    {damage: sql(`UPDATE account_row SET body = seq_body.body FROM (SELECT body FROM account_row WHERE kind = 6) AS seq_body WHERE account = ? AND kind = 2`)},
		"its status is gone":        {damage: sql(`DELETE FROM account_row WHERE account = ? AND kind = 6`)},
		"its head is gone":          {damage: sql(`DELETE FROM vault_head WHERE substr(owner, 2) = ? AND kind = 2`)},
		"its profile does not open": {damage: sql(`UPDATE account_row SET version = version + 1 WHERE account = ? AND kind = 1`), dark: true},
		"its profile is gone":       {damage: sql(`DELETE FROM account_row WHERE account = ? AND kind = 1`), dark: true},
		"its keys are gone":         {damage: sql(`DELETE FROM key_subject WHERE substr(owner, 2) = ?`), dark: true},
		"its keys were destroyed": {dark: true, damage: func(t *testing.T, h *house, bad person.AccountID) {
			if err := h.DB.Write(t.Context(), func(tx *db.Tx) error {
				return h.Ring.Destroy(t.Context(), tx, person.Account(bad), keys.UseAccount)
			}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				patient := func(name string, chart person.PatientID) identity.NewAccount {
					return identity.NewAccount{Name: phi.NewText(name), Roles: []person.Role{person.RolePatient}, Chart: chart}
				}
				his, hers := newPatient(t), newPatient(t)
				bad, good := h.account(t, patient("Ben", his)), h.account(t, patient("Ana", hers))
				c.damage(t, h, bad)
				h = h.restart(t)
				h.Alarms.Take()

				_, err := h.rooms.Standing(t.Context(), bad)
				wantKind(t, "standing of the damaged one", err, fault.Tampered)
				h.wantAlarms(t, "its standing", bad)
				if st, err := h.rooms.Standing(t.Context(), good); err != nil || st.Chart != hers {
					t.Errorf("standing of another: %+v, %v", st, err)
				}
				g := vaulttest.Grant(t, h.gate, listAsk(h, operator(h)))
				list, err := h.rooms.List(t.Context(), g, person.AccountID{}, 10)
				if err != nil || len(list) != 2 {
					t.Fatalf("list: %v, %v", list, err)
				}
				for _, a := range list {
					if a.Damaged != (a.ID == bad) {
						t.Errorf("account: %+v", a)
					}
				}
				if name, err := h.rooms.PatientName(t.Context(), g, hers); err != nil || name.Reveal() != "Ana" {
					t.Errorf("name of another: %v, %v", name, err)
				}
				if name, err := h.rooms.PatientName(t.Context(), g, his); err != nil || !name.IsZero() {
					t.Errorf("name of the damaged one: %v, %v", name, err)
				}
				h.wantAlarms(t, "the lists", bad)

				h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
				again, other := fault.Conflict, error(nil)
				if c.dark {
					again = fault.Tampered
				}
				p, err := h.rooms.PlanCreate(t.Context(), patient("Eve", his))
				wantKind(t, "a second account of its chart", h.do(t, operator(h), p, err), again)
				p, err = h.rooms.PlanCreate(t.Context(), patient("Cat", newPatient(t)))
				if other = h.do(t, operator(h), p, err); c.dark != fault.Is(other, fault.Tampered) || !c.dark && other != nil {
					t.Errorf("an account of another chart: %v", other)
				}
				if c.dark { // else memory knows that it is its own
					h.wantAlarms(t, "new accounts", bad)
				}
			})
		})
	}
}

// wantAlarms fails unless there were alarms and all of them were about account.
func (h *house) wantAlarms(t *testing.T, what string, account person.AccountID) {
	t.Helper()
	found := h.Alarms.Take()
	for _, a := range found {
		if a.Owner != person.Account(account) {
			t.Errorf("%s: an alarm about somebody else: %+v", what, a)
		}
	}
	if len(found) == 0 {
		t.Errorf("%s: no alarm", what)
	}
}

// An account that was repaired is no reason any more to refuse the others'.
func TestARepairedAccountIsLookedAtAgain(t *testing.T) {
	h := lite(t, keys.Test)
	nurse := h.account(t, identity.NewAccount{Roles: []person.Role{person.RoleNurse}})
	h = h.restart(t)
	h.damage(t, nurse)
	n := identity.NewAccount{Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)}
	p, err := h.rooms.PlanCreate(t.Context(), n)
	wantKind(t, "while it is damaged", h.do(t, operator(h), p, err), fault.Tampered)
	dbtest.Raw(h.DB).Exec(t, `UPDATE account_row SET version = version - 1 WHERE account = ? AND kind = 1`, nurse.Bytes())
	h.account(t, n)
}

// mute is a log that takes no word of what became of a change.
type mute struct {
	vault.Log
	on *bool
}

func (m mute) Start(e audit.Entry) *audit.Pending {
	if *m.on && e.Event == audit.EventOutcome {
		e = audit.Entry{} // an entry without event is refused
	}
	return m.Log.Start(e)
}

// Nobody knows whether an account was made. Its chart stays its own until that is known,
// and is free again when it was not.
func TestAChartOfAnAccountOfUnknownOutcome(t *testing.T) {
	h, on := lite(t, keys.Test), true
	h.Wire = func(l vault.Log) vault.Log { return mute{l, &on} }
	h = h.restart(t)
	raw := dbtest.Raw(h.DB)
	raw.Exec(t, `CREATE TABLE nobody (id INTEGER PRIMARY KEY)`)
	raw.Exec(t, `CREATE TABLE late (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED)`)
	raw.Exec(t, `CREATE TRIGGER fails AFTER INSERT ON account_row BEGIN INSERT INTO late (id) VALUES (7); END`)
	n := identity.NewAccount{Name: phi.NewText("Maya"), Roles: []person.Role{person.RolePatient}, Chart: newPatient(t)}
	plan := func() *identity.Plan {
		t.Helper()
		p, err := h.rooms.PlanCreate(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := plan()
	if err := h.do(t, operator(h), first, nil); !errors.Is(err, vault.ErrOutcome) {
		t.Fatalf("got %v, want an unknown outcome", err)
	}
	if identity.Claimed(h.rooms, n.Chart) != first.Account() {
		t.Error("the chart is free although its account may be there")
	}
	second := plan()
	if err := h.do(t, operator(h), second, nil); !errors.Is(err, vault.ErrOutcome) {
		t.Fatalf("a second one meanwhile: %v", err)
	}
	on = false
	raw.Exec(t, `DROP TRIGGER fails`)
	h.must(t, operator(h), second, nil)
	g := vaulttest.Grant(t, h.gate, access.Ask{Caller: operator(h), Action: access.ListAccounts, Owner: person.Clinic(h.Clinic)})
	if name, err := h.rooms.PatientName(t.Context(), g, n.Chart); err != nil || name.Reveal() != "Maya" {
		t.Errorf("name %v, %v", name, err)
	}
	if err := h.do(t, operator(h), first, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("the first plan again: %v, want conflict", err)
	}
}
