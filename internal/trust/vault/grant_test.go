package vault_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

func newAccount(t testing.TB) person.AccountID {
	t.Helper()
	id, err := person.NewAccountID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// account makes the keys and first heads of an account, as identity does.
func (k *kit) account(t testing.TB) person.AccountID {
	t.Helper()
	id := newAccount(t)
	owner := person.Account(id)
	err := k.Vault.Change(t.Context(), k.adds(t, id), func(tx *vault.ChangeTx) error {
		return errors.Join(tx.NewOwner(t.Context(), owner),
			tx.SetHead(t.Context(), vault.HeadRef{Owner: owner, Kind: vault.HeadAccount}, vault.Digest(nil)),
			tx.SetHead(t.Context(), vault.HeadRef{Owner: owner, Kind: vault.HeadSessions}, vault.Digest(nil)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// everything is what the vault and the keys have stored.
func everything(t testing.TB, d *db.DB) string {
	raw := dbtest.Raw(d)
	return fmt.Sprint(raw.Query(t, `SELECT owner, kind, version, digest FROM vault_head ORDER BY slot`),
		raw.Query(t, `SELECT slots, root FROM vault_root`), raw.Query(t, `SELECT owner FROM key_subject ORDER BY owner`))
}

// Promise 1 for changes: what a change may touch is what its Grants are for. Each
// try is refused, raises one alarm that names whose rows were meant, and nothing
// at all is changed, even where the code goes on as if it had not been told.
func TestAChangeIsOfTheGrantsOwner(t *testing.T) {
	covers.Covers(t, "HC-7b")
	each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		k := open(t, d)
		mother, chronic := k.patient(t), k.patient(t)
		mia, noor := k.account(t), k.account(t)
		born := newAccount(t)
		own, theirs := person.Patient(mother), person.Patient(chronic)
		imports := k.grant(t, vaulttest.Importer(), access.ImportChart, own, "Observation")
		assigns := k.grant(t, vaulttest.Operator(), access.AssignPatient, person.Account(mia))
		account := func(id person.AccountID, kind vault.HeadKind) vault.HeadRef {
			return vault.HeadRef{Owner: person.Account(id), Kind: kind}
		}
		head := func(ref vault.HeadRef) func(*vault.ChangeTx) error {
			return func(tx *vault.ChangeTx) error { return tx.SetHead(ctx, ref, digestOf("x")) }
		}
		for name, c := range map[string]struct {
			g    access.Grant
			on   person.Owner
			what func(*vault.ChangeTx) error
		}{
			"another chart":          {imports, theirs, head(chartHead(chronic))},
			"another account":        {assigns, person.Account(noor), head(account(noor, vault.HeadAccount))},
			"its sessions":           {assigns, person.Account(mia), head(account(mia, vault.HeadSessions))},
			"a chart by an account":  {assigns, own, head(chartHead(mother))},
			"an account by a chart":  {imports, person.Account(mia), head(account(mia, vault.HeadAccount))},
			"a set that is none":     {imports, own, head(vault.HeadRef{Owner: own, Kind: 9})},
			"a row of another chart": {imports, theirs, func(tx *vault.ChangeTx) error { _, err := tx.Seal(ctx, vault.Row{Owner: theirs}, nil); return err }},
			"a header of another": {imports, theirs, func(tx *vault.ChangeTx) error {
				_, err := tx.SealFacts(ctx, vault.Row{Owner: theirs}, vault.Facts{})
				return err
			}},
			"somebody new": {assigns, person.Account(born), func(tx *vault.ChangeTx) error { return tx.NewOwner(ctx, person.Account(born)) }},
			"opening what it imports": {imports, own, func(tx *vault.ChangeTx) error {
				return tx.Rework(ctx, vault.Row{Owner: own, Kind: "Observation"}, nil, nil)
			}},
			"who is not made in it":    {k.adds(t, noor), person.Account(noor), head(account(noor, vault.HeadAccount))},
			"another than it is to be": {k.adds(t, born), person.Account(mia), head(account(mia, vault.HeadAccount))},
		} {
			before := everything(t, d)
			err := k.Vault.Change(ctx, c.g, func(tx *vault.ChangeTx) error {
				if own, ok := c.g.Owner().AsPatient(); ok { // what the Grant is for goes down with it
					if err := tx.SetHead(ctx, chartHead(own), digestOf("own")); err != nil {
						return err
					}
				}
				if err := c.what(tx); !fault.Is(err, fault.Denied) {
					t.Errorf("%s: %v, want denied", name, err)
				}
				return nil // and goes on
			})
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s: the change says %v, want denied", name, err)
			}
			if a := k.Alarms.Take(); len(a) != 1 || a[0].Owner != c.on {
				t.Errorf("%s: alarms %v", name, a)
			}
			if after := everything(t, d); before != after {
				t.Errorf("%s: something changed", name)
			}
		}
	})
}

// Who may only look changes nothing, and the code that would is not even run.
func TestAGrantToReadChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		owner := person.Patient(mother)
		never := func(*vault.ChangeTx) error { t.Error("ran"); return nil }
		reads := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.ReadChart, owner, "Observation")
		imports := k.grant(t, vaulttest.Importer(), access.ImportChart, owner)
		for name, err := range map[string]error{
			"alone":            k.Vault.Change(t.Context(), reads, never),
			"beside a writer":  k.Vault.Change(t.Context(), imports, never, reads),
			"and with nothing": k.Vault.Change(t.Context(), imports, never, access.Grant{}),
		} {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s: %v, want denied", name, err)
			}
		}
		if a := k.Alarms.Take(); len(a) != 2 || a[0].Owner != owner {
			t.Errorf("alarms: %v", a)
		}
		wantVersion(t, k, mother, 1)
	})
}

// A change of several owners takes a Grant for each.
func TestAChangeOfSeveralOwners(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		k := open(t, d)
		mother, chronic := k.patient(t), k.patient(t)
		first := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(mother))
		second := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(chronic))
		err := k.Vault.Change(ctx, first, func(tx *vault.ChangeTx) error {
			if tx.Seq() != first.Seq() {
				t.Errorf("entry %d, want %d", tx.Seq(), first.Seq())
			}
			return errors.Join(tx.SetHead(ctx, chartHead(mother), digestOf("x")), tx.SetHead(ctx, chartHead(chronic), digestOf("y")))
		}, second)
		if err != nil {
			t.Fatal(err)
		}
		wantVersion(t, k, mother, 2)
		wantVersion(t, k, chronic, 2)
	})
}

// A Grant that ends while its change runs covers no further row, and takes back
// what it covered. A request that ends is nothing to be alarmed at.
func TestAGrantThatEndsWithinItsChange(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		request, cancel := context.WithCancel(t.Context())
		g, err := k.gate.Decide(request, access.Ask{Caller: vaulttest.Importer(), Action: access.ImportChart, Owner: person.Patient(mother)})
		if err != nil {
			t.Fatal(err)
		}
		err = k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
			if err := tx.SetHead(t.Context(), chartHead(mother), digestOf("x")); err != nil {
				return err
			}
			cancel()
			_ = tx.SetHead(t.Context(), chartHead(mother), digestOf("y"))
			return nil
		})
		if !fault.Is(err, fault.Denied) {
			t.Fatalf("got %v, want denied", err)
		}
		wantVersion(t, k, mother, 1)
	})
}
