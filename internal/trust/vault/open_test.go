package vault_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

func TestAVaultNeedsItsLogAndAlarm(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	whole := vault.Config{DB: k.DB, Ring: k.Ring, Root: k.Root, Log: k.Log, Alarm: k.Alarms.Raise}
	silent, forgetful := whole, whole
	silent.Alarm, forgetful.Log = nil, nil
	for _, c := range []vault.Config{silent, forgetful} {
		if _, err := vault.New(t.Context(), c); err == nil {
			t.Error("opened without an alarm or a log")
		}
	}
}

func TestOpenIfCurrentRaisesNoAlarmForAnOlderVersion(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		owner := person.Patient(mother)
		row := vault.Row{Owner: owner, Kind: "Observation", Version: 1, Field: vault.FieldIndex}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		g := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.ReadChart, owner, "Observation")
		if doc, err := k.Vault.OpenIfCurrent(t.Context(), g, row, sealed); err != nil || string(doc.Reveal()) != "x" {
			t.Fatalf("current: %v", err)
		}
		if _, err := k.Vault.OpenIfCurrent(t.Context(), access.Grant{}, row, sealed); !fault.Is(err, fault.Denied) {
			t.Fatalf("without a grant: %v", err)
		}
		newer := row
		newer.Version = 2
		for _, stale := range [][]byte{sealed, []byte("not sealed at all")} {
			if _, err := k.Vault.OpenIfCurrent(t.Context(), g, newer, stale); !errors.Is(err, vault.ErrNotCurrent) {
				t.Fatalf("older version: %v", err)
			}
		}
		other := append([]byte(nil), sealed...)
		other[5] ^= 2 // the id of another key
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Fatalf("alarms: %v", a)
		}
		if _, err := k.Vault.OpenIfCurrent(t.Context(), g, row, other); !fault.Is(err, fault.Tampered) {
			t.Fatalf("bytes under a key that never was: %v", err)
		}
		missing := vaulttest.Alarm{What: "open row: a key of the patient is missing and nobody erased it", Owner: owner}
		if a := k.Alarms.Take(); len(a) != 1 || a[0] != missing {
			t.Fatalf("alarms: %v", a)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return k.Ring.Destroy(t.Context(), tx, owner, keys.UseChart) }); err != nil {
			t.Fatal(err)
		}
		k.Ring.Forget(owner, keys.UseChart)
		if _, err := k.Vault.OpenIfCurrent(t.Context(), g, row, sealed); !fault.Is(err, fault.Gone) {
			t.Fatalf("erased: %v", err)
		}
		if _, err := k.Vault.Seal(t.Context(), row, nil); !fault.Is(err, fault.Gone) {
			t.Fatalf("sealed for an erased chart: %v", err)
		}
	})
}

// What a job opens is its function's for as long as that runs, and its Grant opens
// nothing by the way of answers.
func TestReworkOpensForSealingAnewAlone(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		owner := person.Patient(mother)
		row := vault.Row{Owner: owner, Kind: "Observation", Version: 1, Field: vault.FieldBody}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		job := k.grant(t, person.NewSystem("reindex", person.PurposeSystemAdmin, vaulttest.Request()), access.ReindexChart, owner, "Observation")
		if _, err := k.Vault.Open(t.Context(), job, row, sealed); !fault.Is(err, fault.Denied) {
			t.Errorf("open for an answer: %v", err)
		}
		if _, err := k.Vault.OpenIfCurrent(t.Context(), job, row, sealed); !fault.Is(err, fault.Denied) {
			t.Errorf("open for an answer: %v", err)
		}
		rework := func(g access.Grant, row vault.Row, fn func([]byte) error) error {
			return k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error { return tx.Rework(t.Context(), row, sealed, fn) })
		}
		var kept []byte
		if err := rework(job, row, func(plain []byte) error {
			kept = plain
			if string(plain) != "secret" {
				t.Errorf("opened %q", plain)
			}
			return nil
		}); err != nil || slices.ContainsFunc(kept, func(b byte) bool { return b != 0 }) {
			t.Errorf("afterwards %q is left, %v", kept, err)
		}
		fails := errors.New("the job fails")
		if err := rework(job, row, func([]byte) error { return fails }); !errors.Is(err, fails) {
			t.Errorf("the function's error: %v", err)
		}
		never := func([]byte) error { t.Error("opened"); return nil }
		patient := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.ReadChart, owner, "Observation")
		if err := rework(patient, row, never); !fault.Is(err, fault.Denied) {
			t.Errorf("with a patient's Grant: %v", err)
		}
		if len(k.Alarms.Take()) != 1 {
			t.Error("a patient's Grant for a change raised no alarm")
		}
		row.Version = 2
		if err := rework(job, row, never); !fault.Is(err, fault.Tampered) || len(k.Alarms.Take()) != 1 {
			t.Errorf("another version: %v", err)
		}
	})
}

func TestWithoutKeysTheVaultIsUnavailable(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		row := vault.Row{Owner: person.Patient(k.patient(t)), Kind: "Observation", Field: vault.FieldHeader}
		dbtest.Raw(d).Exec(t, `DROP TABLE key_subject`)
		if _, err := k.Vault.Seal(t.Context(), row, nil); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("seal: %v", err)
		}
		if _, err := k.Vault.Facts(t.Context(), row, nil); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("open: %v", err)
		}
	})
}

// The rows of one owner stay apart from another's key material.
func TestAMovedKeyRaisesTheAlarm(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, child := person.Patient(k.patient(t)), person.Patient(k.patient(t))
		dbtest.Raw(d).Exec(t, `UPDATE key_subject SET wrapped = (SELECT wrapped FROM key_subject WHERE owner = ?) WHERE owner = ?`,
			mother.Bytes(), child.Bytes())
		k = k.restart(t)
		if _, err := k.Vault.Seal(t.Context(), vault.Row{Owner: child}, nil); !fault.Is(err, fault.Tampered) {
			t.Fatalf("got %v, want tampered", err)
		}
		if a := k.Alarms.Take(); len(a) != 1 || a[0].Owner != child {
			t.Fatalf("alarms: %v", a)
		}
	})
}

func TestFactsOfAnotherRowAreTampering(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		row := vault.Row{Owner: person.Patient(k.patient(t)), Kind: "resource", Version: 1}
		sealed, err := k.Vault.SealFacts(t.Context(), row, vault.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		row.Version = 2
		if _, err := k.Vault.Facts(t.Context(), row, sealed); !fault.Is(err, fault.Tampered) {
			t.Fatalf("got %v, want tampered", err)
		}
	})
}

// What a change cannot do for an owner ends the change.
func TestChangesRefuse(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, ctx := k.patient(t), t.Context()
		owner := person.Patient(mother)
		g := k.grant(t, vaulttest.Importer(), access.ImportChart, owner)
		row := vault.Row{Owner: owner, Kind: "Observation", Field: vault.FieldBody}
		var sealed []byte
		err := k.Vault.Change(ctx, g, func(tx *vault.ChangeTx) (err error) {
			if _, err := tx.SealFacts(ctx, row, vault.Facts{Labels: []phi.Label{""}}); err == nil {
				t.Error("sealed an empty label")
			}
			sealed, err = tx.Seal(ctx, row, []byte("x"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		reader := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.ReadChart, owner, "Observation")
		if doc, err := k.Vault.Open(ctx, reader, row, sealed); err != nil || string(doc.Reveal()) != "x" {
			t.Fatalf("sealed in a change of an owner made before: %v", err)
		}
		if err := k.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error { return tx.NewOwner(ctx, owner) }); !errors.Is(err, db.ErrConflict) {
			t.Fatalf("made an owner twice: %v", err)
		}
	})
}

func TestDigestIsOfASetAndNotOfAnOrder(t *testing.T) {
	a := vault.SetRow{Key: []byte("a"), Version: 1, Sealed: []byte("1")}
	b := vault.SetRow{Key: []byte("b"), Version: 1, Sealed: []byte("2")}
	if vault.Digest([]vault.SetRow{a, b}) != vault.Digest([]vault.SetRow{b, a}) {
		t.Error("the order of rows counts")
	}
	swapped, older, longer := a, a, a
	swapped.Sealed, older.Version, longer.Key = b.Sealed, 0, []byte("ab")
	for name, set := range map[string][]vault.SetRow{
		"nothing": nil, "one": {a}, "twice": {a, a, b}, "swapped bytes": {swapped, b}, "another version": {older, b}, "another key": {longer, b},
	} {
		if vault.Digest(set) == vault.Digest([]vault.SetRow{a, b}) {
			t.Errorf("%s: the same digest", name)
		}
	}
}

func TestShortHeadersHoldNothing(t *testing.T) {
	if f := vault.DecodeFacts([]byte("short")); !f.Stored.IsZero() || f.Labels != nil {
		t.Fatalf("got %v", f)
	}
}

func FuzzDecodeFacts(f *testing.F) {
	seed, err := vault.EncodeFacts(vault.Facts{Stored: time.Unix(1, 0), Labels: []phi.Label{"R", "PSY"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 5, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		facts := vault.DecodeFacts(b)
		again, err := vault.EncodeFacts(facts)
		if err != nil {
			return // more labels than encode would have taken
		}
		if back := vault.DecodeFacts(again); !back.Stored.Equal(facts.Stored) || !slices.Equal(back.Labels, facts.Labels) {
			t.Fatalf("%v became %v", facts, back)
		}
	})
}

// What is lent needs a Grant like everything, is there while it is used, and is
// wiped afterwards.
func TestLentDocumentsAreWiped(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		row := vault.Row{Owner: person.Patient(mother), Kind: "Observation", Version: 1, Field: vault.FieldList}
		sealed, err := k.Vault.Seal(t.Context(), row, []byte("a list of results"))
		if err != nil {
			t.Fatal(err)
		}
		g := k.grant(t, k.people.Add(t, mother, k.Clock.Now(), person.RolePatient), access.SearchChart, row.Owner, "Observation")
		var kept phi.Doc
		var bytes []byte
		for range 2 { // the second finds the buffer of the first
			err := k.Vault.Lend(t.Context(), g, row, sealed, 1, func(doc phi.Doc) error {
				if string(doc.Reveal()) != "a list of results" {
					t.Errorf("lent %q", doc.Reveal())
				}
				kept, bytes = doc, doc.Reveal()
				return nil
			})
			if err != nil || kept.Len() != 0 || slices.ContainsFunc(bytes, func(b byte) bool { return b != 0 }) {
				t.Errorf("afterwards: %d bytes, %q, %v", kept.Len(), bytes, err)
			}
		}
		used := errors.New("the connection broke")
		if err := k.Vault.Lend(t.Context(), g, row, sealed, 1, func(phi.Doc) error { return used }); !errors.Is(err, used) {
			t.Errorf("use failed: %v", err)
		}
		never := func(phi.Doc) error { t.Error("lent"); return nil }
		if err := k.Vault.Lend(t.Context(), access.Grant{}, row, sealed, 1, never); !fault.Is(err, fault.Denied) {
			t.Errorf("without a grant: %v", err)
		}
		row.Version = 2
		if err := k.Vault.Lend(t.Context(), g, row, sealed, 1, never); !fault.Is(err, fault.Tampered) {
			t.Errorf("another row: %v", err)
		}
	})
}
