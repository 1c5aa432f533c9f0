package records

import (
	"context"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/access"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// meanwhile is a gate at which something happens between the look for a resource and
// the decision.
type meanwhile struct {
	Gate
	happens func()
}

func (m meanwhile) Begin(ctx context.Context, a access.Ask) (*access.Pending, error) {
	m.happens()
	return m.Gate.Begin(ctx, a)
}

// Rosa opens a result while the laboratory sends a correction: she gets the corrected
// value, and nobody is alarmed, because nothing was damaged.
func TestACorrectionComesInBetween(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		found, err := k.store.Search(t.Context(), c, "Observation", "")
		if err != nil {
			t.Fatal(err)
		}
		gate := k.store.c.Gate
		k.store.c.Gate = meanwhile{gate, func() {
			k.store.c.Gate = gate
			k.rosa(t, "6.4")
		}}
		r, err := k.store.ReadNow(t.Context(), c, "Observation", found.Resources[0].ID.String())
		if err != nil || r.Version != 2 || !strings.Contains(string(r.Doc.Reveal()), `"value":6.4,`) {
			t.Errorf("version %d: %v", r.Version, err)
		}
		if alarms := k.Alarms.Take(); len(alarms) > 0 {
			t.Errorf("alarms: %v", alarms)
		}
	})
}

// Whoever asks for a shared resource by an identifier of Rosa's chart, or for a result
// by one of the clinic's, is told what everybody is told who asks for nothing, and
// the entry names neither.
func TestAPlaceIsOfTheKindThatTheTypeIs(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.rosa(t, "7.1")
		elder := k.persona(t, "elder") // names practitioners of the clinic
		c := k.people.Add(t, elder, k.Clock.Now(), person.RolePatient)
		clinic := person.Clinic(k.Clinic)
		for typ, id := range map[string]person.ResourceID{
			"Organization": k.idOf(t, person.Patient(rosa)),
			"Observation":  k.idOf(t, clinic),
		} {
			def, _ := k.store.c.Catalogue.Definition(typ)
			owner, version, err := k.store.locate(t.Context(), def, id)
			want := person.Patient(person.PatientOf(id)) // of a chart that nobody has
			if def.Shared {
				want = clinic
			}
			if err != nil || version != 0 || owner != want {
				t.Errorf("%s: version %d of %v: %v", typ, version, owner, err)
			}
			if _, err := k.store.ReadNow(t.Context(), c, typ, id.String()); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v, want not found", typ, err)
			}
		}
	})
}

// idOf is the identifier of some resource of owner.
func (k *clinicKit) idOf(t *testing.T, owner person.Owner) person.ResourceID {
	t.Helper()
	rows := dbtest.Raw(k.DB).Query(t, `SELECT id FROM chart_row WHERE owner = ? ORDER BY id`, owner.Bytes())
	if len(rows) == 0 {
		t.Fatal("nothing is stored")
	}
	id, err := person.ResourceIDFromBytes(rows[0][0].([]byte))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
