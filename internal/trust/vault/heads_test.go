package vault_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

func each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	dbtest.Each(t, vaulttest.Migrations(), fn, dbtest.NoSync)
}

func chartHead(p person.PatientID) vault.HeadRef {
	return vault.HeadRef{Owner: person.Patient(p), Kind: vault.HeadChart}
}

// set changes the chart's head to a digest made from text.
func set(t testing.TB, k *kit, p person.PatientID, text string) {
	t.Helper()
	if err := trySet(t.Context(), k, p, text); err != nil {
		t.Fatal(err)
	}
}

func trySet(ctx context.Context, k *kit, p person.PatientID, text string) error {
	g, err := k.gate.Decide(ctx, access.Ask{Caller: vaulttest.Importer(), Action: access.ImportChart, Owner: person.Patient(p)})
	if err != nil {
		return err
	}
	return k.Vault.Change(ctx, g, func(tx *vault.ChangeTx) error {
		return tx.SetHead(ctx, chartHead(p), digestOf(text))
	})
}

func digestOf(text string) [32]byte { return vault.Digest([]vault.SetRow{{Key: []byte(text)}}) }

func head(t testing.TB, k *kit, p person.PatientID) (vault.Head, error) {
	return k.Vault.Head(t.Context(), chartHead(p))
}

func TestHeadsSurviveARestart(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		var patients []person.PatientID
		for range 40 { // more than two levels of the tree
			patients = append(patients, k.patient(t))
		}
		set(t, k, patients[3], "second")
		again := k.restart(t)
		for i, p := range patients {
			h, err := head(t, again, p)
			want := int64(1)
			if i == 3 {
				want = 2
			}
			if err != nil || h.Version != want {
				t.Fatalf("patient %d: version %d, %v", i, h.Version, err)
			}
		}
		if h, err := head(t, again, patients[3]); err != nil || h.Digest != digestOf("second") {
			t.Fatalf("digest of the changed chart: %v", err)
		}
	})
}

// Each drill is what somebody who writes the database would do; each must be
// refused at the next use, with an alarm.
func TestHeadDrills(t *testing.T) {
	drills := map[string]struct {
		sql  string
		args func(mother, child person.PatientID) []any
	}{
		"version raised": {`UPDATE vault_head SET version = version + 1 WHERE owner = ?`, func(m, _ person.PatientID) []any { return []any{person.Patient(m).Bytes()} }},
		"digest changed": {`UPDATE vault_head SET digest = (SELECT digest FROM vault_head WHERE owner = ?) WHERE owner = ?`, func(m, c person.PatientID) []any { return []any{person.Patient(c).Bytes(), person.Patient(m).Bytes()} }},
		"node changed":   {`UPDATE vault_node SET body = ? WHERE level = 0`, func(_, _ person.PatientID) []any { return []any{make([]byte, 64)} }},
		"node dropped":   {`DELETE FROM vault_node WHERE level >= ?`, func(_, _ person.PatientID) []any { return []any{int64(0)} }},
	}
	for name, drill := range drills {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *db.DB) {
				k := open(t, d)
				mother, child := k.patient(t), k.patient(t)
				set(t, k, mother, "mother")
				dbtest.Raw(d).Exec(t, drill.sql, drill.args(mother, child)...)
				k = k.restart(t)
				if _, err := head(t, k, mother); !fault.Is(err, fault.Tampered) {
					t.Fatalf("read: %v, want tampered", err)
				}
				if err := trySet(t.Context(), k, mother, "x"); !fault.Is(err, fault.Tampered) {
					t.Fatalf("change: %v, want tampered", err)
				}
				if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, "head") {
					t.Fatalf("alarms: %q", a)
				}
			})
		})
	}
}

// Two heads exchanged, each whole and in the tree: of two charts, and of the two
// sets of one account.
func TestAHeadIsOfItsOwnerAndKind(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, chronic, mia := k.patient(t), k.patient(t), k.account(t)
		set(t, k, mother, "mother")
		nobody := make([]byte, 17)
		raw, a, b := dbtest.Raw(d), person.Patient(mother).Bytes(), person.Patient(chronic).Bytes()
		for _, move := range [][2][]byte{{a, nobody}, {b, a}, {nobody, b}} {
			raw.Exec(t, `UPDATE vault_head SET owner = ? WHERE owner = ?`, move[1], move[0])
		}
		account := person.Account(mia)
		for _, move := range [][2]vault.HeadKind{{vault.HeadAccount, 9}, {vault.HeadSessions, vault.HeadAccount}, {9, vault.HeadSessions}} {
			raw.Exec(t, `UPDATE vault_head SET kind = ? WHERE owner = ? AND kind = ?`, int64(move[1]), account.Bytes(), int64(move[0]))
		}
		k = k.restart(t)
		for _, ref := range []vault.HeadRef{chartHead(mother), chartHead(chronic), {Owner: account, Kind: vault.HeadAccount}, {Owner: account, Kind: vault.HeadSessions}} {
			h, err := k.Vault.Head(t.Context(), ref)
			if alarms := k.Alarms.Take(); !fault.Is(err, fault.Tampered) || len(alarms) != 1 || alarms[0].Owner != ref.Owner {
				t.Errorf("head %d of %s: version %d, %v, alarms %v", ref.Kind, ref.Owner, h.Version, err, alarms)
			}
		}
	})
}

func TestAMissingHeadIsNotABeginning(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		k.patient(t)
		dbtest.Raw(d).Exec(t, `DELETE FROM vault_head WHERE owner = ?`, person.Patient(mother).Bytes())
		k = k.restart(t)
		if err := trySet(t.Context(), k, mother, "x"); !fault.Is(err, fault.Tampered) {
			t.Fatalf("got %v, want tampered", err)
		}
	})
}

// Whoever deletes a head must not make the chart look as if it had never been, and
// whoever deletes everything of somebody is noticed by the number.
func TestADeletedHeadIsTampering(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother, child := k.patient(t), k.patient(t)
		owner := person.Patient(mother)
		dbtest.Raw(d).Exec(t, `DELETE FROM vault_head WHERE owner = ?`, owner.Bytes())
		k = k.restart(t)
		count := vaulttest.Alarm{What: "heads: 1 rows where the log knows 2"}
		if a := k.Alarms.Take(); len(a) != 1 || a[0] != count {
			t.Errorf("alarms at start: %v", a)
		}
		if _, err := head(t, k, mother); !fault.Is(err, fault.Tampered) {
			t.Errorf("head: %v, want tampered", err)
		}
		if a := k.Alarms.Take(); len(a) != 1 || a[0] != (vaulttest.Alarm{What: "head does not match the log", Owner: owner}) {
			t.Errorf("alarms at use: %v", a)
		}
		dbtest.Raw(d).Exec(t, `DELETE FROM key_subject WHERE owner = ?`, owner.Bytes())
		k = k.restart(t)
		if h, err := head(t, k, mother); err != nil || h.Version != 0 {
			t.Errorf("nothing is left of her: %v, %v", h, err)
		}
		if a := k.Alarms.Take(); len(a) != 1 || a[0] != count {
			t.Errorf("alarms when nothing is left: %v", a)
		}
		if h, err := head(t, k, child); err != nil || h.Version != 1 {
			t.Errorf("the other chart: %v, %v", h, err)
		}
		if h, err := head(t, k, newPatient(t)); err != nil || h.Version != 0 || len(k.Alarms.Take()) > 0 {
			t.Errorf("nobody: %v, %v", h, err)
		}
	})
}

// A copy of every table taken earlier and put back later is a whole database
// rolled back: the newest anchor in the log says otherwise.
func TestARolledBackDatabaseIsRefusedAtStart(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		raw := dbtest.Raw(d)
		for _, table := range []string{"vault_head", "vault_node", "vault_root"} {
			raw.Exec(t, fmt.Sprintf(`CREATE TABLE copy_%s AS SELECT * FROM %s`, table, table))
		}
		set(t, k, mother, "newer")
		for _, table := range []string{"vault_head", "vault_node", "vault_root"} {
			raw.Exec(t, `DELETE FROM `+table)
			raw.Exec(t, fmt.Sprintf(`INSERT INTO %s SELECT * FROM copy_%s`, table, table))
		}
		// The log knows that the change committed, because an entry followed it.
		k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(mother))
		_, err := vault.New(t.Context(), vault.Config{DB: d, Ring: k.Ring, Root: k.Root, Log: k.Log, Alarm: k.Alarms.Raise})
		if !errors.Is(err, vault.ErrStale) {
			t.Fatalf("got %v, want ErrStale", err)
		}
	})
}

func TestAFailedChangeLeavesTheOldHead(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k := open(t, d)
		mother := k.patient(t)
		g := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(mother))
		oops := errors.New("oops")
		err := k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
			if err := tx.SetHead(t.Context(), chartHead(mother), digestOf("half")); err != nil {
				return err
			}
			return oops
		})
		if !errors.Is(err, oops) {
			t.Fatalf("got %v", err)
		}
		h, err := head(t, k, mother)
		if err != nil || h.Version != 1 {
			t.Fatalf("version %d, %v", h.Version, err)
		}
		set(t, k, mother, "whole")
	})
}

func TestAChangeNeedsALiveGrant(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	nothing := func(*vault.ChangeTx) error { t.Fatal("ran"); return nil }
	if err := k.Vault.Change(t.Context(), access.Grant{}, nothing); !fault.Is(err, fault.Denied) {
		t.Fatalf("zero grant: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	g, err := k.gate.Decide(ctx, access.Ask{Caller: vaulttest.Importer(), Action: access.ImportChart, Owner: person.Patient(k.patient(t))})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := k.Vault.Change(t.Context(), g, nothing); !fault.Is(err, fault.Denied) {
		t.Fatalf("grant of a request that ended: %v", err)
	}
}

// The tree agrees with a plain map, whatever the order of changes and restarts.
// No set of rows has the digest of another: neither one whose key runs on into what
// follows it, nor one of another version.
func TestASetReadsInOneWay(t *testing.T) {
	first, second := vault.SetRow{Key: []byte("a"), Version: 1, Sealed: []byte("x")}, vault.SetRow{Key: []byte("b"), Version: 2, Sealed: []byte("y")}
	body := sha256.Sum256(first.Sealed)
	long := second
	long.Key = slices.Concat(first.Key, binary.BigEndian.AppendUint64(nil, 1), body[:], second.Key)
	older := second
	older.Version = 1
	want := vault.Digest([]vault.SetRow{first, second})
	for name, rows := range map[string][]vault.SetRow{"one long key": {long}, "an older version": {first, older}, "a row less": {first}} {
		if vault.Digest(rows) == want {
			t.Errorf("%s has the same digest", name)
		}
	}
	if vault.Digest([]vault.SetRow{second, first}) != want {
		t.Error("the order counts")
	}
}

// A head that was verified before a change must not be remembered after it: the
// vault would take the rows of today for tampering, and those of yesterday for good.
func TestAReaderThatComesLateRemembersNothing(t *testing.T) {
	k := open(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync))
	p := k.patient(t)
	remember, err := vault.Reading(t.Context(), k.Vault, vault.HeadRef{Owner: person.Patient(p), Kind: vault.HeadChart})
	if err != nil {
		t.Fatal(err)
	}
	set(t, k, p, "newer")
	remember()
	if h, err := head(t, k, p); err != nil || h != (vault.Head{Version: 2, Digest: digestOf("newer")}) {
		t.Errorf("head of version %d, %v; want the newer one", h.Version, err)
	}
	before := vault.Remembered(k.Vault)
	if h, err := head(t, k, newPatient(t)); err != nil || h.Version != 0 || vault.Remembered(k.Vault) != before {
		t.Errorf("a head that is not there: version %d, %v; %d heads remembered, want %d", h.Version, err, vault.Remembered(k.Vault), before)
	}
}

func TestHeadsAreAMap(t *testing.T) {
	d := dbtest.New(t, db.SQLite, vaulttest.Migrations(), dbtest.NoSync)
	k := open(t, d)
	want := map[person.PatientID]vault.Head{}
	var patients []person.PatientID
	check := func(rt *rapid.T, p person.PatientID) {
		if h, err := head(t, k, p); err != nil || h != want[p] {
			rt.Fatalf("head %v, want %v: %v", h.Version, want[p].Version, err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 6).Draw(rt, "new") {
			p := k.patient(t)
			patients = append(patients, p)
			want[p] = vault.Head{Version: 1, Digest: vault.Digest(nil)}
		}
		for range rapid.IntRange(0, 4).Draw(rt, "set") {
			p := rapid.SampledFrom(patients).Draw(rt, "p")
			text := rapid.String().Draw(rt, "text")
			set(t, k, p, text)
			want[p] = vault.Head{Version: want[p].Version + 1, Digest: digestOf(text)}
			check(rt, p)
		}
		if rapid.IntRange(0, 15).Draw(rt, "restart") > 0 {
			return
		}
		k = k.restart(t)
		for p := range want {
			check(rt, p)
		}
	})
	if k = k.restart(t); len(patients) <= 256 && !testing.Short() { // -short draws fewer
		t.Errorf("%d patients: the tree never got a third level", len(patients))
	}
	for p, w := range want {
		if h, err := head(t, k, p); err != nil || h != w {
			t.Fatalf("head %v, want %v: %v", h.Version, w.Version, err)
		}
	}
}
