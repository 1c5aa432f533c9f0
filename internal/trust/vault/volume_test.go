package vault_test

import (
	"context"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// allowance is an access.Volume that gives so many resources.
type allowance struct {
	vaulttest.Endless
	left int
}

func (a *allowance) Give(_ context.Context, _ person.Caller, n int) error {
	if n > a.left {
		return fault.Later("error.day-resources", "give", 1)
	}
	a.left -= n
	return nil
}

// Every document that is opened of somebody else's chart is counted, the ones that were
// answered before and come out of a kept list too; over the day's limit nothing opens.
func TestWhatIsOpenedIsCounted(t *testing.T) {
	covers.Covers(t, "SD-6")
	dbtest.Each(t, vaulttest.Migrations(), func(t *testing.T, d *db.DB) {
		k := open(t, d)
		day := &allowance{left: 5}
		k.Volume = day
		k.gate = k.Gate(t, k.people)
		mother := k.patient(t)
		doctor := k.people.Add(t, person.PatientID{}, k.Clock.Now(), person.RoleClinician)
		k.people.Assign(doctor.Account(), mother)
		row := vault.Row{Owner: person.Patient(mother), Kind: "Observation", Version: 1, Field: vault.FieldBody}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		g := k.grant(t, doctor.For(person.PurposeTreatment), access.SearchChart, row.Owner, "Observation")
		for range 2 {
			if _, err := k.Vault.Open(t.Context(), g, row, sealed); err != nil {
				t.Fatal(err)
			}
		}
		use := func(phi.Doc) error { return nil }
		if err := k.Vault.Lend(t.Context(), g, row, sealed, 4, use); !fault.Is(err, fault.Throttled) {
			t.Errorf("a list of four where three are left: %v", err)
		}
		if err := k.Vault.Lend(t.Context(), g, row, sealed, 3, use); err != nil {
			t.Errorf("a list of three: %v", err)
		}
		if _, err := k.Vault.Open(t.Context(), g, row, sealed); !fault.Is(err, fault.Throttled) {
			t.Errorf("the sixth: %v", err)
		}
		if n := g.Given(); n != 10 {
			t.Errorf("%d were asked for", n)
		}
	})
}
