package vault_test

import (
	"fmt"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// erase erases p's chart.
func (k *kit) erase(t *testing.T, p person.PatientID) error {
	t.Helper()
	g := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(p))
	return k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error { return tx.Erase(t.Context(), p) })
}

// What an erasure leaves cannot be undone by putting rows back, and a key that is
// missing without it is no erasure.
func TestKeyRowDrills(t *testing.T) {
	for name, c := range map[string]struct {
		erase bool
		sql   []string
		kind  fault.Kind
		says  string // the alarm; empty for none
	}{
		"erased":                         {true, nil, fault.Gone, ""},
		"a key deleted":                  {false, []string{`DELETE FROM key_subject`}, fault.Tampered, "open row: a key of the patient is missing"},
		"an erased key put back":         {true, []string{`INSERT INTO key_subject SELECT * FROM kept_subject`}, fault.Tampered, "an erased key of the patient is there again"},
		"and the word of it deleted":     {true, []string{`INSERT INTO key_subject SELECT * FROM kept_subject`, `DELETE FROM key_erased`}, fault.Gone, ""},
		"and the head put back as well":  {true, []string{`INSERT INTO key_subject SELECT * FROM kept_subject`, `DELETE FROM key_erased`, `DELETE FROM vault_head`, `INSERT INTO vault_head SELECT * FROM kept_head`}, fault.Tampered, "head does not match the log"},
		"the head of the erased deleted": {true, []string{`DELETE FROM vault_head`}, fault.Tampered, "head does not match the log"},
		"a key put back, its head deleted": {true, []string{`INSERT INTO key_subject SELECT * FROM kept_subject`, `DELETE FROM vault_head`}, fault.Tampered,
			"head does not match the log"},
		"word of an erasure forged": {false, []string{`DELETE FROM key_subject`, `INSERT INTO key_erased SELECT owner, purpose, wrapped FROM kept_subject`}, fault.Tampered,
			"sealed bytes do not belong"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *db.DB) {
				k, raw := open(t, d), dbtest.Raw(d)
				mother := k.patient(t)
				owner := person.Patient(mother)
				row := vault.Row{Owner: owner, Kind: "Observation", Version: 1, Field: vault.FieldBody}
				sealed, err := k.Vault.Seal(t.Context(), row, []byte("secret"))
				if err != nil {
					t.Fatal(err)
				}
				raw.Exec(t, `CREATE TABLE kept_subject AS SELECT * FROM key_subject`)
				raw.Exec(t, `CREATE TABLE kept_head AS SELECT * FROM vault_head`)
				if c.erase {
					if err := k.erase(t, mother); err != nil {
						t.Fatal(err)
					}
				}
				for _, q := range c.sql {
					raw.Exec(t, q)
				}
				k = k.restart(t)
				k.Alarms.Take() // a start counts heads
				g := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.ReadChart, owner, "Observation")
				// As every reader of a chart does: its head, then what lies under it.
				read := func() error {
					h, err := head(t, k, mother)
					if err == nil && h.Version == 0 {
						t.Error("as if the chart had never been")
					}
					if err != nil {
						return err
					}
					_, err = k.Vault.Open(t.Context(), g, row, sealed)
					return err
				}
				err = read()
				if c.says == "an erased key of the patient is there again" {
					// The head refuses before; so does the key, by itself.
					wantGone(t, err)
					_, err = k.Vault.Open(t.Context(), g, row, sealed)
				}
				if !fault.Is(err, c.kind) {
					t.Errorf("%v, want %v", err, c.kind)
				}
				if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, c.says) || c.says == "" && a != "[]" {
					t.Errorf("alarms %s, want %q", a, c.says)
				}
			})
		})
	}
}

func wantGone(t *testing.T, err error) {
	t.Helper()
	if !fault.Is(err, fault.Gone) {
		t.Errorf("%v, want gone", err)
	}
}

func TestAnErasedChartStaysErased(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, child := k.patient(t), k.patient(t)
		if err := k.erase(t, mother); err != nil {
			t.Fatal(err)
		}
		_, err := k.Vault.Seal(t.Context(), vault.Row{Owner: person.Patient(mother)}, nil)
		wantGone(t, err) // at once: the key in memory is forgotten
		_, err = head(t, k, mother)
		wantGone(t, err)
		wantGone(t, k.erase(t, mother))
		wantGone(t, trySet(t.Context(), k, mother, "again"))
		if err := k.erase(t, newPatient(t)); !fault.Is(err, fault.NotFound) {
			t.Errorf("nobody: %v", err)
		}
		if h, err := head(t, k, child); err != nil || h.Version != 1 {
			t.Errorf("the other chart: %v", err)
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms: %v", a)
		}
		dbtest.Raw(d).Exec(t, `UPDATE vault_node SET body = ?`, make([]byte, 64))
		if err := k.erase(t, child); !fault.Is(err, fault.Tampered) {
			t.Errorf("through a forged tree: %v", err)
		}
	})
}

// Whose key it is stands in the alarm.
func TestAnAlarmNamesWhoseKeyIsMissing(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	account, err := person.ParseAccountID("acc-aaaaaaaaaaaaaaaaaaaaaaaaae")
	if err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[person.Owner]string{
		person.Account(account):       "seal row: a key of the account is missing and nobody erased it",
		person.Clinic(k.Clinic):       "seal row: a key of the clinic is missing and nobody erased it",
		person.Patient(newPatient(t)): "seal row: a key of the patient is missing and nobody erased it",
	} {
		if _, err := k.Vault.Seal(t.Context(), vault.Row{Owner: owner}, nil); !fault.Is(err, fault.Tampered) {
			t.Errorf("%v", err)
		}
		if a := k.Alarms.Take(); len(a) != 1 || a[0] != (vaulttest.Alarm{What: want, Owner: owner}) {
			t.Errorf("alarms: %v, want %s", a, want)
		}
	}
}
