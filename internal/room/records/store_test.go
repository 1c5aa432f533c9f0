package records

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern.example/postern/internal/room/deid"
	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/synthea"
)

// clinicKit is a store with its trusted base and the people of the test.
type clinicKit struct {
	*vaulttest.Kit
	gate   *access.Gate
	people *vaulttest.People
	store  *Store
}

func eachStore(t *testing.T, fn func(t *testing.T, k *clinicKit)) {
	dbtest.Each(t, vaulttest.Migrations(Migrations()...), func(t *testing.T, d *db.DB) { fn(t, openStore(t, d)) }, dbtest.NoSync)
}

func openStore(t testing.TB, d *db.DB) *clinicKit {
	t.Helper()
	k := &clinicKit{Kit: vaulttest.Open(t, d, keys.Test), people: vaulttest.NewPeople()}
	k.wire(t)
	if err := k.store.CreateClinic(t.Context(), vaulttest.Importer()); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *clinicKit) wire(t testing.TB) {
	t.Helper()
	k.gate = k.Gate(t, k.people)
	cat, err := NewCatalogue(Definitions())
	if err != nil {
		t.Fatal(err)
	}
	k.store, err = NewStore(StoreConfig{DB: k.DB, Vault: k.Vault, Gate: k.gate, Standings: k.people, Catalogue: cat,
		Clinic: k.Clinic, Clock: k.Clock.Now, Random: rand.Reader, Links: &memoryLinks{kept: map[string]string{}}})
	if err != nil {
		t.Fatal(err)
	}
}

// restart forgets everything in memory.
func (k *clinicKit) restart(t testing.TB) *clinicKit {
	next := &clinicKit{Kit: k.Kit.Restart(t), people: k.people}
	next.wire(t)
	return next
}

func memoryFile(b []byte) File {
	return File{Name: "bundle.json", Data: bytes.NewReader(b), Size: int64(len(b))}
}

func (k *clinicKit) load(t testing.TB, b []byte) Imported {
	t.Helper()
	out, err := k.store.Import(t.Context(), vaulttest.Importer(), memoryFile(b), Limits{}, "test")
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return out
}

// persona imports one of the fictional families' charts.
func (k *clinicKit) persona(t testing.TB, id string) person.PatientID {
	t.Helper()
	p, ok := deid.Find(deid.Family(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)), id)
	if !ok {
		t.Fatalf("no persona %s", id)
	}
	var b bytes.Buffer
	if err := p.WriteBundle(&b); err != nil {
		t.Fatal(err)
	}
	return k.load(t, b.Bytes()).Patient
}

func TestAChartComesInAndIsReadByItsPatient(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		mother, child := k.persona(t, "mother"), k.persona(t, "child")
		maya := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
		found, err := k.store.Search(t.Context(), maya, "Observation", "code=718-7&_count=2")
		if err != nil || len(found.Resources) != 2 || found.Total < 3 {
			t.Fatalf("%d of %d hemoglobin values, %v", len(found.Resources), found.Total, err)
		}
		first := found.Resources[0]
		got, err := k.store.ReadNow(t.Context(), maya, "Observation", first.ID.String())
		if err != nil || !bytes.Equal(got.Doc.Reveal(), first.Doc.Reveal()) {
			t.Fatalf("read of what was found: %v", err)
		}
		if !bytes.Contains(got.Doc.Reveal(), []byte(`"versionId":"1"`)) {
			t.Error("no version in the answer")
		}
		if p, err := k.store.ReadNow(t.Context(), maya, "Patient", person.PatientResource(mother).String()); err != nil || !bytes.Contains(p.Doc.Reveal(), []byte("Tran")) {
			t.Errorf("own Patient: %v", err)
		}
		chart, err := k.store.View(t.Context(), maya, mother, "page/home", "Observation", "Condition")
		if err != nil || len(chart.Resources("Observation")) != 54 || len(chart.Resources("Condition")) == 0 || len(chart.Resources("Encounter")) != 0 {
			t.Errorf("view: %d observations, %v", len(chart.Resources("Observation")), err)
		}
		// The child's chart is not hers to see, by no way.
		if _, err := k.store.View(t.Context(), maya, child, "page/home", "Observation"); !fault.Is(err, fault.NotFound) {
			t.Errorf("view of the child: %v", err)
		}
		if _, err := k.store.Search(t.Context(), maya, "Observation", "patient="+person.PatientResource(child).String()); !fault.Is(err, fault.NotFound) {
			t.Errorf("search of the child: %v", err)
		}
		if _, err := k.store.ReadNow(t.Context(), maya, "Condition", first.ID.String()); !fault.Is(err, fault.NotFound) {
			t.Errorf("an Observation read as a Condition: %v", err)
		}
	})
}

func TestForeignAndAbsentAreTheSame(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		mother, elder := k.persona(t, "mother"), k.persona(t, "elder")
		ernesto := k.people.Add(t, elder, k.Clock.Now(), person.RolePatient)
		maya := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
		found, err := k.store.Search(t.Context(), ernesto, "Observation", "_count=1")
		if err != nil || len(found.Resources) != 1 {
			t.Fatal(err)
		}
		absent, err := person.NewResourceID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{found.Resources[0].ID.String(), absent.String(), "not-an-id", ""} {
			size := k.Log.Size()
			_, err := k.store.ReadNow(t.Context(), maya, "Observation", id)
			if !fault.Is(err, fault.NotFound) || err.Error() != "not-found: decide readChart" {
				t.Errorf("%q: %v", id, err)
			}
			e, err := k.Log.RiskyEntry(t.Context(), k.Log.Size()-1)
			if err != nil || k.Log.Size() != size+1 || e.Outcome != "refused" {
				t.Errorf("%q: entry %s after %d new entries, %v", id, e.Outcome, k.Log.Size()-size, err)
			}
		}
	})
}

func TestTheSecondImportChangesNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		k.persona(t, "teen")
		raw := dbtest.Raw(k.DB)
		count := func() string {
			return fmt.Sprint(raw.Query(t, `SELECT (SELECT count(*) FROM chart_row), (SELECT count(*) FROM chart_source), (SELECT max(version) FROM chart_part), (SELECT sum(version) FROM vault_head)`))
		}
		before := count()
		k.persona(t, "teen")
		if after := count(); after != before {
			t.Fatalf("before %s, after %s", before, after)
		}
	})
}

func TestAChangedResourceGetsANewVersionAndTheOldOneStays(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa, id := k.rosa(t, "7.10"), ""
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		for version, value := range []string{"7.10", "7.2"} {
			k.rosa(t, value)
			found, err := k.store.Search(t.Context(), c, "Observation", "")
			if err != nil || len(found.Resources) != 1 || found.Resources[0].Version != int64(version+1) {
				t.Fatalf("%v, %v", found, err)
			}
			if !bytes.Contains(found.Resources[0].Doc.Reveal(), []byte(`"value":`+value+`,`)) {
				t.Fatalf("the written form %s was lost", value)
			}
			if id != "" && id != found.Resources[0].ID.String() {
				t.Fatal("the identifier changed")
			}
			id = found.Resources[0].ID.String()
		}
		if rows := dbtest.Raw(k.DB).Query(t, `SELECT count(*) FROM chart_row WHERE version = 2`); rows[0][0] != int64(1) {
			t.Fatalf("%v rows of version 2", rows[0][0])
		}
	})
}

// rosa imports a two-resource chart with one value.
func (k *clinicKit) rosa(t testing.TB, value string) person.PatientID {
	return k.load(t, []byte(rosaBundle(value))).Patient
}

func rosaBundle(value string) string {
	return `{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:11111111-1111-4111-8111-111111111111","resource":{"resourceType":"Patient","id":"11111111-1111-4111-8111-111111111111","name":[{"family":"Field","given":["Rosa"]}]},"request":{"method":"POST","url":"Patient"}},
		{"fullUrl":"urn:uuid:22222222-2222-4222-8222-222222222222","resource":{"resourceType":"Observation","id":"22222222-2222-4222-8222-222222222222","status":"final",
		 "code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"urn:uuid:11111111-1111-4111-8111-111111111111"},
		 "effectiveDateTime":"2026-11-03","valueQuantity":{"value":` + value + `,"unit":"%"}},"request":{"method":"POST","url":"Observation"}}]}`
}

// The chart drills of promise 3: what somebody who writes the database does, and
// what the next use says.
func TestChartDrills(t *testing.T) {
	type drill struct {
		name string
		do   func(t *testing.T, k *clinicKit, raw *dbtest.RawDB, mother, elder person.PatientID)
		says string
	}
	drills := []drill{
		{"one lab reverted to its older version", func(t *testing.T, _ *clinicKit, raw *dbtest.RawDB, m, _ person.PatientID) {
			raw.Exec(t, `DELETE FROM chart_row WHERE owner = ? AND version = 2`, person.Patient(m).Bytes())
		}, "missing although the index names it"},
		{"an older body under the newer version", func(t *testing.T, _ *clinicKit, raw *dbtest.RawDB, m, _ person.PatientID) {
			raw.Exec(t, `UPDATE chart_row SET body = (SELECT o.body FROM chart_row o WHERE o.owner = chart_row.owner AND o.id = chart_row.id AND o.version = 1) WHERE owner = ? AND version = 2`, person.Patient(m).Bytes())
		}, "sealed bytes do not belong to this row"},
		{"the index rolled back", func(t *testing.T, _ *clinicKit, raw *dbtest.RawDB, m, _ person.PatientID) {
			raw.Exec(t, `DELETE FROM chart_part WHERE owner = ?`, person.Patient(m).Bytes())
			raw.Exec(t, `INSERT INTO chart_part SELECT * FROM kept_part`)
		}, "does not match its head"},
		{"the whole chart rolled back", func(t *testing.T, _ *clinicKit, raw *dbtest.RawDB, m, _ person.PatientID) {
			owner := person.Patient(m).Bytes()
			for _, table := range []string{"chart_part", "chart_manifest"} {
				raw.Exec(t, `DELETE FROM `+table+` WHERE owner = ?`, owner)
			}
			raw.Exec(t, `INSERT INTO chart_part SELECT * FROM kept_part`)
			raw.Exec(t, `INSERT INTO chart_manifest SELECT * FROM kept_manifest`)
			raw.Exec(t, `DELETE FROM chart_row WHERE owner = ? AND version = 2`, owner)
			raw.Exec(t, `DELETE FROM vault_head WHERE owner = ?`, owner)
			raw.Exec(t, `INSERT INTO vault_head SELECT * FROM kept_head`)
		}, "head does not match the log"},
		{"another chart's rows under the own name", func(t *testing.T, _ *clinicKit, raw *dbtest.RawDB, m, e person.PatientID) {
			raw.Exec(t, `DELETE FROM chart_manifest WHERE owner = ?`, person.Patient(m).Bytes())
			raw.Exec(t, `UPDATE chart_manifest SET owner = ? WHERE owner = ?`, person.Patient(m).Bytes(), person.Patient(e).Bytes())
		}, "does not match its head"},
	}
	for _, d := range drills {
		t.Run(d.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, k *clinicKit) {
				mother, elder := k.rosa(t, "7.1"), k.persona(t, "elder")
				raw := dbtest.Raw(k.DB)
				owner := person.Patient(mother).Bytes()
				for kept, from := range map[string]string{"kept_part": "chart_part", "kept_manifest": "chart_manifest", "kept_head": "vault_head"} {
					raw.Exec(t, `CREATE TABLE `+kept+` AS SELECT * FROM `+from+` LIMIT 0`)
					raw.Exec(t, `INSERT INTO `+kept+` SELECT * FROM `+from+` WHERE owner = ?`, owner)
				}
				k.rosa(t, "6.4")
				d.do(t, k, raw, mother, elder)
				k = k.restart(t)
				c := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
				for _, use := range []func() error{
					func() error { _, err := k.store.Search(t.Context(), c, "Observation", ""); return err },
					func() error { _, err := k.store.View(t.Context(), c, mother, "page", "Observation"); return err },
				} {
					if err := use(); !fault.Is(err, fault.Tampered) {
						t.Fatalf("next use: %v, want tampered", err)
					}
				}
				if a := fmt.Sprint(k.Alarms.Take()); !strings.Contains(a, d.says) {
					t.Fatalf("alarms %s, want %q", a, d.says)
				}
			})
		})
	}
}

// One resource reverted while the server runs: the row is read fresh at every read.
func TestARevertedRowIsRefusedWithoutARestart(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		k.rosa(t, "6.4")
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		rows := dbtest.Raw(k.DB).Query(t, `SELECT id FROM chart_row WHERE version = 2`)
		id, err := person.ResourceIDFromBytes(rows[0][0].([]byte))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.store.ReadNow(t.Context(), c, "Observation", id.String()); err != nil {
			t.Fatal(err)
		}
		dbtest.Raw(k.DB).Exec(t, `DELETE FROM chart_row WHERE version = 2`)
		if _, err := k.store.ReadNow(t.Context(), c, "Observation", id.String()); !fault.Is(err, fault.Tampered) {
			t.Fatalf("got %v, want tampered", err)
		}
	})
}

func TestACollisionWithAnotherChartIsANamedConflict(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		k.rosa(t, "7.1")
		forged := strings.NewReplacer("11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333", "Rosa", "Mallory").Replace(rosaBundle("9.9"))
		before := fmt.Sprint(dbtest.Raw(k.DB).Query(t, `SELECT count(*), max(version) FROM chart_row`))
		_, err := k.store.Import(t.Context(), vaulttest.Importer(), memoryFile([]byte(forged)), Limits{}, "test")
		var refused *ImportError
		if !errors.As(err, &refused) || refused.MessageID != MsgCollision {
			t.Fatalf("got %v, want a collision", err)
		}
		if after := fmt.Sprint(dbtest.Raw(k.DB).Query(t, `SELECT count(*), max(version) FROM chart_row`)); after != before {
			t.Fatalf("the refused bundle left something: %s, before %s", after, before)
		}
	})
}

// TestSyntheaComesIn imports the third-party bundles twice on both engines.
func TestSyntheaComesIn(t *testing.T) {
	files := synthea.Files(t)
	eachStore(t, func(t *testing.T, k *clinicKit) {
		for round := range 2 {
			stored, unchanged := 0, 0
			for _, name := range files {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				out := k.load(t, b)
				if len(out.Listed) > 0 {
					t.Errorf("%s: %d not stored, first %s", filepath.Base(name), len(out.Listed), out.Listed[0].MessageID)
				}
				for _, n := range out.Types {
					stored, unchanged = stored+n.Stored, unchanged+n.Unchanged+n.Kept
				}
			}
			// Ten of the 60 organizations and practitioners stand in two bundles.
			if want := [][2]int{{6138, 10}, {0, 6148}}[round]; stored != want[0] || unchanged != want[1] {
				t.Errorf("round %d: %d stored, %d unchanged", round+1, stored, unchanged)
			}
		}
	})
}
