package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/audit"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

const otherDatabase = "heads: the database is not the one that the log describes"

// What became of a commit cannot be found out: no change is made before it can, what can
// be read is read on, and then changes go on by themselves, under the root that database
// and log agree on.
func TestAnUnknownOutcomeStopsChangesUntilItIsKnown(t *testing.T) {
	type house struct {
		raw *dbtest.RawDB
		w   *wire
	}
	elsewhere := func(from, to string) func(*testing.T, house) {
		return func(t *testing.T, h house) { h.raw.Exec(t, `ALTER TABLE `+from+` RENAME TO `+to) }
	}
	run := func(sql string) func(*testing.T, house) {
		return func(t *testing.T, h house) { h.raw.Exec(t, sql) }
	}
	for name, c := range map[string]struct {
		lost      bool // the COMMIT did not happen
		ail, heal func(*testing.T, house)
		alarms    int
	}{
		"no root can be read, and it had committed": {ail: elsewhere("vault_root", "away"), heal: elsewhere("away", "vault_root")},
		"no root can be read, and it had not":       {lost: true, ail: elsewhere("vault_root", "away"), heal: elsewhere("away", "vault_root")},
		"another root stands there": {ail: run(`UPDATE vault_root SET slots = slots + 1`),
			heal: run(`UPDATE vault_root SET slots = slots - 1`), alarms: 1},
		"the log takes no entry":  {lost: true, ail: func(_ *testing.T, h house) { h.w.refuse = true }, heal: func(_ *testing.T, h house) { h.w.refuse = false }},
		"the log gives no answer": {lost: true, ail: func(_ *testing.T, h house) { h.w.lose = true }, heal: func(_ *testing.T, h house) { h.w.lose = false }},
		"the log cannot be read":  {ail: func(_ *testing.T, h house) { h.w.failRead = errors.New("unplugged") }, heal: func(_ *testing.T, h house) { h.w.failRead = nil }},
		"somebody else writes the log": {ail: func(_ *testing.T, h house) { h.w.foreign = true },
			heal: func(_ *testing.T, h house) { h.w.foreign = false }, alarms: 1},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d *db.DB) {
				h := house{dbtest.Raw(d), &wire{}}
				k := open(t, d).tap(t, h.w)
				mother, child := k.patient(t), k.patient(t)
				copyTables(t, d)
				before := vault.Now(k.Vault)
				set(t, k, mother, "second")
				want := int64(2)
				if c.lost {
					restoreTables(t, d)
					want = 1
				}
				c.ail(t, h)
				unknown := func(what string, err error) {
					t.Helper()
					if !fault.Is(err, fault.Unavailable) || !errors.Is(err, vault.ErrOutcome) {
						t.Errorf("%s: %v, want an unknown outcome", what, err)
					}
				}
				unknown("the change", vault.LoseAnswer(t.Context(), k.Vault, before, errors.New("lost")))
				size := k.entries(t, audit.EventAnchor)
				for _, p := range []person.PatientID{mother, child} {
					g := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(p))
					unknown("a change after it", k.Vault.Change(t.Context(), g, func(*vault.ChangeTx) error {
						t.Error("a change began")
						return nil
					}))
				}
				if n := k.entries(t, audit.EventAnchor); len(n) != len(size) {
					t.Errorf("%d anchors, before %d", len(n), len(size))
				}
				if a := k.Alarms.Take(); len(a) != c.alarms || c.alarms > 0 && a[0].What != otherDatabase {
					t.Errorf("alarms: %v, want %d", a, c.alarms)
				}
				c.heal(t, h)
				wantVersion(t, k, mother, want)
				set(t, k, child, "after")
				wantVersion(t, k, child, 2)
				set(t, k, mother, "after")
				wantVersion(t, k, mother, want+1)
				if lost := len(k.entries(t, audit.EventOutcome)) > 0; lost != c.lost {
					t.Errorf("the log says that it did not commit: %v, want %v", lost, c.lost)
				}
				k = k.restart(t)
				wantVersion(t, k, mother, want+1)
				wantVersion(t, k, child, 2)
			})
		})
	}
}

// While an outcome is unknown memory's head of a set that the change was about may be the
// one before: rows that were committed after all are no tampering.
func TestReadersAskTheDatabaseWhileAnOutcomeIsUnknown(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		w := &wire{}
		k := open(t, d).tap(t, w)
		mother := k.patient(t)
		wantVersion(t, k, mother, 1)
		before := vault.Now(k.Vault)
		set(t, k, mother, "second")
		w.failRead = errors.New("unplugged")
		if err := vault.LoseAnswer(t.Context(), k.Vault, before, errors.New("lost")); !errors.Is(err, vault.ErrOutcome) {
			t.Fatal(err)
		}
		wantVersion(t, k, mother, 2)
	})
}

// Once the log may hold our word that a change did not commit, nobody brings its rows
// back.
func TestAChangeThatWasCalledLostStaysLost(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		w := &wire{}
		k := open(t, d).tap(t, w)
		mother := k.patient(t)
		copyTables(t, d)
		before := vault.Now(k.Vault)
		set(t, k, mother, "second")
		raw := dbtest.Raw(d)
		for _, table := range headTables {
			raw.Exec(t, fmt.Sprintf(`CREATE TABLE after_%s AS SELECT * FROM %s`, table, table))
		}
		restoreTables(t, d)
		w.lose = true
		if err := vault.LoseAnswer(t.Context(), k.Vault, before, errors.New("lost")); !errors.Is(err, vault.ErrOutcome) {
			t.Fatal(err)
		}
		w.lose = false
		for _, table := range headTables {
			raw.Exec(t, `DELETE FROM `+table)
			raw.Exec(t, fmt.Sprintf(`INSERT INTO %s SELECT * FROM after_%s`, table, table))
		}
		for range 2 { // alarmed once
			if err := trySet(t.Context(), k, mother, "x"); !errors.Is(err, vault.ErrOutcome) || !errors.Is(err, vault.ErrStale) {
				t.Fatalf("after its rows were brought back: %v", err)
			}
		}
		if a := k.Alarms.Take(); len(a) != 1 || a[0].What != otherDatabase {
			t.Errorf("alarms: %v", a)
		}
		restoreTables(t, d)
		set(t, k, mother, "kept")
		wantVersion(t, k.restart(t), mother, 2)
	})
}

// The disk takes neither the commit nor the word that it failed. When there is room
// again the next change is made, without a restart.
func TestChangesGoOnAfterAFullDisk(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		w := &wire{}
		k := open(t, d).tap(t, w)
		mother := k.patient(t)
		raw := dbtest.Raw(d)
		raw.Script(t, `CREATE TABLE nobody (id INTEGER PRIMARY KEY);
			CREATE TABLE late (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED)`)
		if d.Engine() == db.Postgres {
			raw.Script(t, `GRANT ALL ON late, nobody TO PUBLIC`)
		}
		g := k.grant(t, vaulttest.Importer(), access.ImportChart, person.Patient(mother))
		w.refuseAfter = 1 // the anchor is taken, what follows is not
		err := k.Vault.Change(t.Context(), g, func(tx *vault.ChangeTx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO late (id) VALUES (7)`); err != nil {
				return err
			}
			return tx.SetHead(t.Context(), chartHead(mother), digestOf("lost"))
		})
		if !fault.Is(err, fault.Unavailable) || !errors.Is(err, vault.ErrOutcome) {
			t.Fatalf("got %v, want an unknown outcome", err)
		}
		wantVersion(t, k, mother, 1)
		w.refuseAfter, w.refuse = 0, false
		set(t, k, mother, "second")
		wantVersion(t, k, mother, 2)
		out := k.entries(t, audit.EventOutcome)
		if len(out) != 1 || out[0].Anchor == nil || !strings.Contains(out[0].Reason, "did not commit") {
			t.Errorf("outcome entries: %+v", out)
		}
		wantVersion(t, k.restart(t), mother, 2)
	})
}
