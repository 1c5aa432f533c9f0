package records

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/person"
)

// A small bundle is made ready before its transaction, a large one inside it; what
// is stored is the same.
func TestALargeBundleIsStoredAsASmallOne(t *testing.T) {
	large := func(s string) []byte { return []byte(s + strings.Repeat(" ", keepMost)) }
	var many []string
	for n := range 50 { // more than one statement takes
		many = append(many, strings.Replace(observe(fmt.Sprintf(`,"valueInteger":%d,"performer":[{"reference":"Practitioner/p"}]`, n)), `"obs"`, fmt.Sprintf(`"obs-%d"`, n), 1))
	}
	const doctor = `{"resourceType":"Practitioner","id":"p","name":[{"family":"Osei"}]}`
	first := bundleOf(append([]string{rosa, doctor}, many...)...)
	second := bundleOf(rosa, strings.Replace(many[0], `:0`, `:7`, 1)) // refers to the practitioner of the first
	eachStore(t, func(t *testing.T, k *clinicKit) {
		for n, order := range [][]func(string) []byte{{large, func(s string) []byte { return []byte(s) }}, {func(s string) []byte { return []byte(s) }, large}} {
			other := strings.NewReplacer(`"rosa"`, fmt.Sprintf(`"rosa%d"`, n), `/rosa"`, fmt.Sprintf(`/rosa%d"`, n), `"obs-`, fmt.Sprintf(`"%d-obs-`, n), `"p"`, fmt.Sprintf(`"p%d"`, n), `/p"`, fmt.Sprintf(`/p%d"`, n))
			out := k.load(t, order[0](other.Replace(first)))
			if out.Types["Observation"].Stored != 50 || out.Types["Practitioner"].Stored != 1 || out.Types["Patient"].Stored != 1 {
				t.Fatalf("first: %v", out.Types)
			}
			if again := k.load(t, order[1](other.Replace(first))); again.Changed() || again.Patient != out.Patient {
				t.Fatalf("the same again: %v", again.Types)
			}
			if next := k.load(t, order[1](other.Replace(second))); next.Types["Observation"].Stored != 1 || next.Types["Patient"].Unchanged != 1 {
				t.Fatalf("second: %v", next.Types)
			}
			if again := k.load(t, order[0](other.Replace(second))); again.Changed() {
				t.Fatalf("the second again: %v", again.Types)
			}
			c := k.people.Add(t, out.Patient, k.Clock.Now(), person.RolePatient)
			found, err := k.store.Search(t.Context(), c, "Observation", "_count=100")
			if err != nil || found.Total != 50 {
				t.Fatalf("%d found, %v", found.Total, err)
			}
			doctors := map[string]int{}
			for _, r := range found.Resources {
				doctors[refText.FindAllStringSubmatch(string(r.Doc.Reveal()), -1)[1][1]]++
			}
			if len(doctors) != 1 {
				t.Errorf("references lead to %v", doctors)
			}
		}
	})
}

// Bundles that come in at the same time and bring the same practitioner store one:
// whoever prepared another identifier for her takes the one that is there.
func TestImportsAtTheSameTimeShareWhatIsShared(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		const people, doctors = 12, 5
		patients := make([]person.PatientID, people)
		var all sync.WaitGroup
		for n := range people {
			all.Go(func() {
				resources := []string{strings.Replace(rosa, `"rosa"`, fmt.Sprintf(`"rosa%d"`, n), 1)}
				for d := range doctors {
					resources = append(resources, fmt.Sprintf(`{"resourceType":"Practitioner","id":"p%d","name":[{"family":"Osei"}]}`, d),
						strings.NewReplacer(`/rosa"`, fmt.Sprintf(`/rosa%d"`, n), `"obs"`, fmt.Sprintf(`"obs-%d-%d"`, n, d)).Replace(observe(fmt.Sprintf(`,"performer":[{"reference":"Practitioner/p%d"}]`, d))))
				}
				out, err := k.store.Import(t.Context(), vaulttest.Importer(), asFile(bundleOf(resources...)), Limits{}, "test")
				if err != nil {
					t.Error(err)
				}
				patients[n] = out.Patient
			})
		}
		all.Wait()
		names := map[string]int{}
		for _, p := range patients {
			c := k.people.Add(t, p, k.Clock.Now(), person.RolePatient)
			found, err := k.store.Search(t.Context(), c, "Observation", "")
			if err != nil || found.Total != doctors {
				t.Fatalf("%d found, %v", found.Total, err)
			}
			for _, r := range found.Resources {
				doctor := refText.FindAllStringSubmatch(string(r.Doc.Reveal()), -1)[1][1]
				names[doctor]++
				if _, err := k.store.ReadNow(t.Context(), c, "Practitioner", strings.TrimPrefix(doctor, "Practitioner/")); err != nil {
					t.Errorf("the practitioner of a result: %v", err)
				}
			}
		}
		rows := dbtest.Raw(k.DB).Query(t, `SELECT count(*) FROM chart_row WHERE owner = ?`, person.Clinic(k.Clinic).Bytes())
		if len(names) != doctors || rows[0][0] != int64(doctors) {
			t.Errorf("references to %v, %v rows of practitioners", names, rows[0][0])
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms %v", a)
		}
	})
}
