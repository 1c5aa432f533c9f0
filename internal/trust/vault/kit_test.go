package vault_test

import (
	"crypto/rand"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
)

// kit is the trusted base with a gate over people whom the test invents.
type kit struct {
	*vaulttest.Kit
	gate   *access.Gate
	people *vaulttest.People
}

func open(t testing.TB, d *db.DB) *kit {
	k := &kit{Kit: vaulttest.Open(t, d, keys.Test), people: vaulttest.NewPeople()}
	k.gate = k.Gate(t, k.people)
	return k
}

// restart forgets everything that was in memory.
func (k *kit) restart(t testing.TB) *kit {
	next := &kit{Kit: k.Kit.Restart(t), people: k.people}
	next.gate = next.Gate(t, next.people)
	return next
}

func (k *kit) grant(t testing.TB, c person.Caller, a access.Action, owner person.Owner, kinds ...string) access.Grant {
	t.Helper()
	return vaulttest.Grant(t, k.gate, access.Ask{Caller: c, Action: a, Owner: owner, Kinds: kinds})
}

func newPatient(t testing.TB) person.PatientID {
	t.Helper()
	p, err := person.NewPatientID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// patient makes a chart's keys and head.
func (k *kit) patient(t testing.TB) person.PatientID {
	t.Helper()
	p := newPatient(t)
	if err := k.tryPatient(t, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (k *kit) tryPatient(t testing.TB, p person.PatientID) error {
	t.Helper()
	owner := person.Patient(p)
	g := k.grant(t, vaulttest.Importer(), access.ImportChart, owner)
	return k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
		if err := tx.NewOwner(t.Context(), owner); err != nil {
			return err
		}
		return tx.SetHead(t.Context(), vault.HeadRef{Owner: owner, Kind: vault.HeadChart}, vault.Digest(nil))
	})
}

// adds is a Grant for the account that is about to be made.
func (k *kit) adds(t testing.TB, id person.AccountID) access.Grant {
	t.Helper()
	return vaulttest.Grant(t, k.gate, access.Ask{Caller: vaulttest.Operator(), Action: access.AddAccount, Owner: person.Clinic(k.Clinic),
		New: person.Account(id), Object: "Account/" + id.String()})
}
