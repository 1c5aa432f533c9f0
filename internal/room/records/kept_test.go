package records

import (
	"bytes"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/keys"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
)

// Whose a resource is is answered from an index alone: the pages of a row are in the
// database's memory when its chart is in use, and would show in the time of a refusal.
func TestAPlaceIsReadFromAnIndex(t *testing.T) {
	d := dbtest.New(t, db.SQLite, Migrations())
	rows, err := d.Query(t.Context(), `EXPLAIN QUERY PLAN `+selectPlace, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read to its end below
	looks := 0
	for rows.Next() {
		var id, parent, unused int64
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(detail, "chart_row") {
			continue
		}
		if looks++; !strings.Contains(detail, "USING COVERING INDEX") {
			t.Error(detail)
		}
	}
	if err := rows.Err(); err != nil || looks != 2 {
		t.Fatal(looks, err)
	}
}

const base = "https://portal.example/fhir/R4"

// list asks for the observations of c's chart as a Bundle.
func (k *clinicKit) list(t *testing.T, c person.Caller, query string) (string, error) {
	t.Helper()
	var out string
	err := k.store.Searchset(t.Context(), c, "Observation", query, base, func(d phi.Doc) error {
		out = string(bytes.Clone(d.Reveal()))
		return nil
	})
	return out, err
}

// An answer that is given out again costs an entry each time, is the same to the
// byte, and is never older than the database: a change shows at once.
func TestAKeptAnswerIsLoggedAndFresh(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		first, err := k.list(t, c, "_count=5")
		if err != nil || !strings.Contains(first, `"value":7.1,`) || !strings.Contains(first, `"fullUrl":"`+base+`/Observation/`) {
			t.Fatalf("%s, %v", first, err)
		}
		for range 3 {
			size := k.Log.Size()
			again, err := k.list(t, c, "_count=5")
			if err != nil || again != first || k.Log.Size() != size+1 {
				t.Fatalf("again: %v, %d new entries", err, k.Log.Size()-size)
			}
		}
		if other, err := k.list(t, c, "_count=0"); err != nil || other == first {
			t.Errorf("another question got the same answer: %v", err)
		}
		k.rosa(t, "6.4")
		for range 2 {
			if after, err := k.list(t, c, "_count=5"); err != nil || !strings.Contains(after, `"value":6.4,`) {
				t.Errorf("after the change: %s, %v", after, err)
			}
		}
	})
}

// A list and a resource that were given out before are looked at again as soon
// as somebody wrote to the database past us, and the damage is found.
func TestAKeptAnswerDoesNotHideTampering(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		k.rosa(t, "6.4")
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		found, err := k.store.Search(t.Context(), c, "Observation", "")
		if err != nil {
			t.Fatal(err)
		}
		id := found.Resources[0].ID.String()
		for range 3 {
			if _, err := k.store.ReadNow(t.Context(), c, "Observation", id); err != nil {
				t.Fatal(err)
			}
		}
		dbtest.Raw(k.DB).Exec(t, `DELETE FROM chart_row WHERE version = 2`)
		if _, err := k.store.ReadNow(t.Context(), c, "Observation", id); !fault.Is(err, fault.Tampered) {
			t.Errorf("read: %v, want tampered", err)
		}
	})
}

// Having been given a resource spares only the same account the look into the
// database. Nobody else gets anything of it, and a refusal goes the long way.
func TestAPlaceIsRememberedPerAccount(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa, elder := k.rosa(t, "7.1"), k.persona(t, "elder")
		own := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		other := k.people.Add(t, elder, k.Clock.Now(), person.RolePatient)
		found, err := k.store.Search(t.Context(), own, "Observation", "")
		if err != nil {
			t.Fatal(err)
		}
		id := found.Resources[0].ID
		def, _ := k.store.c.Catalogue.Definition("Observation")
		for range 3 {
			if _, err := k.store.ReadNow(t.Context(), own, "Observation", id.String()); err != nil {
				t.Fatal(err)
			}
			if _, err := k.store.ReadNow(t.Context(), other, "Observation", id.String()); !fault.Is(err, fault.NotFound) {
				t.Errorf("a foreign chart: %v", err)
			}
		}
		if at, err := k.store.place(t.Context(), other, def, id); err != nil || at.known {
			t.Errorf("the place was known to somebody else: %v", err)
		}
	})
}

// An erased chart's kept answers do not open any more.
func TestAKeptAnswerDiesWithTheChartsKey(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		for range 2 {
			if _, err := k.list(t, c, ""); err != nil {
				t.Fatal(err)
			}
		}
		owner := person.Patient(rosa)
		if err := k.DB.Write(t.Context(), func(tx *db.Tx) error { return k.Ring.Destroy(t.Context(), tx, owner, keys.UseChart) }); err != nil {
			t.Fatal(err)
		}
		k.Ring.Forget(owner, keys.UseChart)
		if _, err := k.list(t, c, ""); !fault.Is(err, fault.Gone) {
			t.Errorf("after erasure: %v", err)
		}
	})
}
