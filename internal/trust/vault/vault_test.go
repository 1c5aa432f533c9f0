package vault_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

func TestASealedRowOpensOnlyAsItself(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, other := k.patient(t), k.patient(t)
		row := vault.Row{Owner: person.Patient(mother), Kind: "Observation", ID: [16]byte{1}, Version: 2, Field: vault.FieldBody}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("7.10"))
		if err != nil {
			t.Fatal(err)
		}
		reader := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
		open := func(g access.Grant, r vault.Row) (phi.Doc, error) { return k.Vault.Open(t.Context(), g, r, sealed) }
		g := k.grant(t, reader, access.ReadChart, person.Patient(mother), "Observation", "Condition")
		doc, err := open(g, row)
		if err != nil || string(doc.Reveal()) != "7.10" {
			t.Fatalf("own row: %v", err)
		}
		for name, change := range map[string]func(*vault.Row){
			"row":     func(r *vault.Row) { r.ID = [16]byte{2} },
			"version": func(r *vault.Row) { r.Version = 1 },
			"field":   func(r *vault.Row) { r.Field = vault.FieldHeader },
			"kind":    func(r *vault.Row) { r.Kind = "Condition" },
		} {
			moved := row
			change(&moved)
			if _, err := open(g, moved); !fault.Is(err, fault.Tampered) {
				t.Errorf("moved to another %s: %v, want tampered", name, err)
			}
		}
		moved := row
		moved.Owner = person.Patient(other)
		theirs := k.grant(t, k.people.Add(t, other, k.Clock.Now(), person.RolePatient), access.ReadChart, person.Patient(other), "Observation")
		if _, err := open(theirs, moved); !fault.Is(err, fault.Tampered) {
			t.Errorf("moved to another owner: %v, want tampered", err)
		}
		if a := k.Alarms.Take(); len(a) != 5 {
			t.Errorf("%d alarms, want 5: %v", len(a), a)
		}
	})
}

func TestAGrantOpensWhatItWasGivenForAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, other := k.patient(t), k.patient(t)
		row := vault.Row{Owner: person.Patient(mother), Kind: "Observation", Field: vault.FieldBody}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		me := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
		ctx, cancel := context.WithCancel(t.Context())
		ended, err := k.gate.Decide(ctx, access.Ask{Caller: me, Action: access.ReadChart, Owner: person.Patient(mother), Kinds: []string{"Observation"}})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		for name, g := range map[string]access.Grant{
			"zero":          {},
			"request ended": ended,
			"other kind":    k.grant(t, me, access.ReadChart, person.Patient(mother), "Condition"),
			"other owner":   k.grant(t, k.people.Add(t, other, k.Clock.Now(), person.RolePatient), access.ReadChart, person.Patient(other), "Observation"),
		} {
			if _, err := k.Vault.Open(t.Context(), g, row, sealed); !fault.Is(err, fault.Denied) {
				t.Errorf("%s: %v, want denied", name, err)
			}
		}
	})
}

func TestErasedIsGone(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		owner := person.Patient(mother)
		row := vault.Row{Owner: owner, Kind: "Observation", Field: vault.FieldBody}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return k.Ring.Destroy(t.Context(), tx, owner, keys.UseChart) }); err != nil {
			t.Fatal(err)
		}
		k.Ring.Forget(owner, keys.UseChart)
		g := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.ReadChart, owner, "Observation")
		if _, err := k.Vault.Open(t.Context(), g, row, sealed); !fault.Is(err, fault.Gone) {
			t.Fatalf("got %v, want gone", err)
		}
	})
}

func TestFactsRoundTripAndPad(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		row := vault.Row{Owner: person.Patient(k.patient(t)), Kind: "resource"}
		want := vault.Facts{Stored: time.Date(2026, 11, 22, 8, 0, 0, 5000, time.UTC), Labels: []phi.Label{phi.LabelRestricted, "PSY"}}
		sealed, err := k.Vault.SealFacts(t.Context(), row, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.Vault.Facts(t.Context(), row, sealed)
		if err != nil || !got.Stored.Equal(want.Stored) || !slices.Equal(got.Labels, want.Labels) {
			t.Fatalf("%v, %v", got, err)
		}
		none, err := k.Vault.SealFacts(t.Context(), row, vault.Facts{})
		if err != nil || len(none) != len(sealed) {
			t.Fatalf("the length of a header tells its labels: %d and %d (%v)", len(none), len(sealed), err)
		}
		if _, err := k.Vault.SealFacts(t.Context(), row, vault.Facts{Labels: []phi.Label{phi.Label(strings.Repeat("x", 60))}}); err == nil {
			t.Fatal("labels that do not fit were cut off")
		}
	})
}

func TestSecretsOpenTheirKindsOnly(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		owner := person.Patient(k.patient(t))
		chart := vault.Row{Owner: owner, Kind: "Observation", Field: vault.FieldBody}
		sealed, err := k.Vault.Seal(t.Context(), chart, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, def := range vault.Secrets() {
			s := k.Vault.Secret(def.Purpose)
			if _, err := s.Open(t.Context(), chart, sealed); err == nil {
				t.Errorf("secret %s opened a chart row", def.Purpose)
			}
			if _, err := s.Seal(t.Context(), chart, []byte("x")); err == nil {
				t.Errorf("secret %s sealed a chart row", def.Purpose)
			}
			row := vault.Row{Owner: owner, Kind: def.Kinds[0], Field: vault.FieldBody}
			own, err := s.Seal(t.Context(), row, []byte("y"))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := s.Open(t.Context(), row, own); err != nil || string(plain) != "y" {
				t.Errorf("secret %s: %v", def.Purpose, err)
			}
		}
		if _, err := k.Vault.Secret("anything").Seal(t.Context(), chart, nil); err == nil {
			t.Error("an unlisted purpose sealed")
		}
	})
}

func TestBlindTokensDependOnTheSplitAndThePurpose(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		v := open(t, d).Vault
		a, b := v.Blind("ab", "c"), v.Blind("a", "bc")
		if slices.Equal(a, b) || !slices.Equal(a, v.Blind("ab", "c")) || len(a) != 32 {
			t.Fatal("blind tokens")
		}
		if slices.Equal(v.Handle(vault.SecretSession, "s"), v.Handle(vault.SecretAccount, "s")) {
			t.Fatal("one secret has the same handle for two purposes")
		}
	})
}

func TestChangeSealsForOwnersThatItMakes(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		id, err := person.NewAccountID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		owner := person.Account(id)
		g := k.adds(t, id)
		var sealed, facts []byte
		row := vault.Row{Owner: owner, Kind: "account", Field: vault.FieldBody}
		err = k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
			if tx.Seq() != g.Seq() || tx.Seq() < 0 {
				return fmt.Errorf("seq %d, grant %d", tx.Seq(), g.Seq())
			}
			if err := tx.NewOwner(t.Context(), owner); err != nil {
				return err
			}
			if sealed, err = tx.Seal(t.Context(), row, []byte("Inés")); err != nil {
				return err
			}
			if facts, err = tx.SealFacts(t.Context(), row, vault.Facts{}); err != nil {
				return err
			}
			ref := vault.HeadRef{Owner: owner, Kind: vault.HeadAccount}
			if err := tx.SetHead(t.Context(), ref, digestOf("one")); err != nil {
				return err
			}
			h, err := tx.Head(t.Context(), ref)
			if err != nil || h.Version != 1 {
				return fmt.Errorf("head in the transaction: %d, %w", h.Version, err)
			}
			return tx.SetHead(t.Context(), ref, digestOf("two"))
		})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := k.Vault.Secret(vault.SecretAccount).Open(t.Context(), row, sealed)
		if err != nil || string(plain) != "Inés" {
			t.Fatalf("after the commit: %v", err)
		}
		if _, err := k.Vault.Facts(t.Context(), row, facts); err != nil {
			t.Fatal(err)
		}
		h, err := k.Vault.Head(t.Context(), vault.HeadRef{Owner: owner, Kind: vault.HeadAccount})
		if err != nil || h.Version != 2 {
			t.Fatalf("head: %d, %v", h.Version, err)
		}
	})
}
