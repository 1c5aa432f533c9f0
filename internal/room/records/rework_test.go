package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// job is the Caller of the rework.
func job() person.Caller {
	return person.NewSystem("reindex", person.PurposeSystemAdmin, vaulttest.Request())
}

// changed is the catalogue of the next version: one search parameter and one date
// more for observations, one less for encounters, another order of conditions, and
// practitioners, who are shared, can be searched by sex.
func changed(t testing.TB) *Catalogue {
	t.Helper()
	defs := Definitions()
	for i := range defs {
		d := &defs[i]
		switch d.Type {
		case "Observation":
			d.Search = append(slices.Clone(d.Search), Param{Name: "unit", Kind: TokenParam, Path: "valueQuantity.unit"},
				Param{Name: "issued", Kind: DateParam, Path: "issued"})
		case "Encounter":
			d.Search = d.Search[:1]
		case "Condition":
			d.Order = "recordedDate"
		case "Practitioner":
			d.Search = append(slices.Clone(d.Search), Param{Name: "sex", Kind: TokenParam, Path: "gender"})
		}
	}
	c, err := NewCatalogue(defs)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upgrade opens the same data under other definitions, with the job or without.
func (k *clinicKit) upgrade(t testing.TB, c *Catalogue, job func() person.Caller) *clinicKit {
	t.Helper()
	next := k.restart(t)
	config := next.store.c
	config.Catalogue, config.Job = c, job
	var err error
	if next.store, err = NewStore(config); err != nil {
		t.Fatal(err)
	}
	return next
}

// An index that was written under other definitions is refused, and the rework
// makes it anew from the resources: the new parameter finds, the old ones still do.
func TestAStaleIndexIsRefusedAndMadeAnew(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		mother := k.persona(t, "mother")
		old := k.store.c.Catalogue
		c := k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
		search := func(k *clinicKit, query string) (Found, error) {
			return k.store.Search(t.Context(), c, "Observation", query)
		}
		before, err := search(k, "code=718-7")
		if err != nil || before.Total == 0 {
			t.Fatalf("%d found, %v", before.Total, err)
		}
		k = k.upgrade(t, changed(t), nil)
		if _, err := search(k, "code=718-7"); !errors.Is(err, ErrStale) || !fault.Is(err, fault.Unavailable) {
			t.Fatalf("a stale index: %v, want it refused", err)
		}
		if _, err := k.store.ReindexAll(t.Context(), func(Reworked) {}); err == nil {
			t.Error("a rework without a job")
		}
		k = k.upgrade(t, changed(t), job)
		size := k.Log.Size()
		sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {})
		if err != nil || sum != (Reworked{Charts: 2, Parts: 4}) {
			t.Fatalf("rework: %+v, %v", sum, err)
		}
		e, err := k.Log.RiskyEntry(t.Context(), size)
		if err != nil || e.Action != "reindexChart" || e.Patient != mother || e.Caller.Name != "reindex" || e.Event != "update" || k.Log.Size() != size+4 {
			t.Errorf("%d entries, the first %s of %s by %s, %v", k.Log.Size()-size, e.Event, e.Action, e.Caller.Name, err)
		}
		if after, err := search(k, "code=718-7"); err != nil || after.Total != before.Total || after.Resources[0].ID != before.Resources[0].ID {
			t.Fatalf("after the rework %d found, before %d, %v", after.Total, before.Total, err)
		}
		if f, err := search(k, "unit="+unitOf(t, before)); err != nil || f.Total < before.Total {
			t.Fatalf("the new parameter finds %d of %d, %v", f.Total, before.Total, err)
		}
		// Done is done, and a new version of the definitions begins anew.
		if sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {}); err != nil || sum != (Reworked{}) {
			t.Errorf("the second run: %+v, %v", sum, err)
		}
		k = k.upgrade(t, old, job)
		if sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {}); err != nil || sum != (Reworked{Charts: 2, Parts: 4}) {
			t.Errorf("back again: %+v, %v", sum, err)
		}
		if f, err := search(k, "code=718-7"); err != nil || f.Total != before.Total {
			t.Errorf("back again: %d found, %v", f.Total, err)
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms %v", a)
		}
	})
}

func unitOf(t *testing.T, f Found) string {
	t.Helper()
	v, err := rawjson.Parse(f.Resources[0].Doc.Reveal(), rawjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return text(v, "valueQuantity.unit")
}

// A reader, a page and an import that need a stale chart have it made anew at once.
func TestAStaleChartIsMadeAnewAtFirstUse(t *testing.T) {
	uses := map[string]func(t *testing.T, k *clinicKit, p person.PatientID, c person.Caller) error{
		"search": func(t *testing.T, k *clinicKit, _ person.PatientID, c person.Caller) error {
			_, err := k.store.Search(t.Context(), c, "Observation", "unit=%25")
			return err
		},
		"view": func(t *testing.T, k *clinicKit, p person.PatientID, c person.Caller) error {
			_, err := k.store.View(t.Context(), c, p, "page", "Observation")
			return err
		},
		"import": func(t *testing.T, k *clinicKit, _ person.PatientID, _ person.Caller) error {
			_, err := k.store.Import(t.Context(), vaulttest.Importer(), memoryFile([]byte(rosaBundle("6.4"))), Limits{}, "test")
			return err
		},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, k *clinicKit) {
				rosa := k.rosa(t, "7.1")
				c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
				k = k.upgrade(t, changed(t), job)
				if err := use(t, k, rosa, c); err != nil {
					t.Fatal(err)
				}
				if name == "import" {
					if f, err := k.store.Search(t.Context(), c, "Observation", "unit=%25"); err != nil || f.Total != 1 || f.Resources[0].Version != 2 {
						t.Errorf("%d found, %v", f.Total, err)
					}
				}
				if sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {}); err != nil || sum.Parts != 0 {
					t.Errorf("left for the job: %+v, %v", sum, err)
				}
			})
		})
	}
}

// A new chart comes in while the index of what is shared is still stale.
func TestANewChartComesInWhileTheSharedIndexIsStale(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		k.persona(t, "mother")
		k = k.upgrade(t, changed(t), job)
		elder := k.persona(t, "elder")
		c := k.people.Add(t, elder, k.Clock.Now(), person.RolePatient)
		if f, err := k.store.Search(t.Context(), c, "Practitioner", "sex=female"); err != nil || f.Total == 0 {
			t.Errorf("%d practitioners found, %v", f.Total, err)
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms %v", a)
		}
	})
}

// The rework ends at any statement, and the next process goes on where it was.
func TestAReworkThatEndsGoesOn(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		var charts []person.PatientID
		for n := range 6 {
			b := strings.NewReplacer("11111111-", fmt.Sprintf("1111111%d-", n), "22222222-", fmt.Sprintf("2222222%d-", n)).Replace(rosaBundle("7.1"))
			charts = append(charts, k.load(t, []byte(b)).Patient)
		}
		stop := errors.New("the process ends")
		total, runs := 0, 0
		for done := false; !done && runs < 20; runs++ {
			k = k.upgrade(t, changed(t), job)
			ctx, end := context.WithCancelCause(t.Context())
			sum, err := k.store.ReindexAll(ctx, func(r Reworked) {
				if r.Charts == 2 {
					end(stop)
				}
			})
			end(nil)
			total, done = total+sum.Charts, err == nil
		}
		// The last run of two charts ends before it has said that there is no more.
		if total != 7 || runs < 4 {
			t.Errorf("%d charts in %d runs, want each once", total, runs)
		}
		for _, p := range charts {
			c := k.people.Add(t, p, k.Clock.Now(), person.RolePatient)
			if f, err := k.store.Search(t.Context(), c, "Observation", "unit=%25"); err != nil || f.Total != 1 {
				t.Errorf("%d found, %v", f.Total, err)
			}
		}
	})
}

// What a database writer did is found by the rework as by everybody, and stays
// refused; the other charts are done.
func TestTheReworkFindsTampering(t *testing.T) {
	for name, q := range map[string]string{
		"a row cut":        `DELETE FROM chart_row WHERE owner = ? AND version = 1`,
		"an index cut":     `DELETE FROM chart_part WHERE owner = ?`,
		"a body exchanged": `UPDATE chart_row SET body = header WHERE owner = ?`,
		"a head cut":       `DELETE FROM vault_head WHERE owner = ?`,
		"a manifest of the other": `UPDATE chart_manifest SET body = (SELECT m.body FROM chart_manifest m WHERE m.owner <> chart_manifest.owner ORDER BY m.owner LIMIT 1)
			WHERE owner = ?`,
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, k *clinicKit) {
				rosa, mother := k.rosa(t, "7.1"), k.persona(t, "mother")
				dbtest.Raw(k.DB).Exec(t, q, person.Patient(rosa).Bytes())
				k = k.upgrade(t, changed(t), job)
				sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {})
				if err != nil || sum.Charts != 3 || sum.Refused != 1 || sum.Parts != 4 {
					t.Errorf("rework: %+v, %v", sum, err)
				}
				a := k.Alarms.Take()
				if name == "a head cut" && len(a) > 0 {
					a = a[1:] // the start counted them
				}
				if len(a) == 0 || a[0].Owner != person.Patient(rosa) {
					t.Errorf("alarms %v", a)
				}
				c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
				if _, err := k.store.Search(t.Context(), c, "Observation", ""); !fault.Is(err, fault.Tampered) {
					t.Errorf("the damaged chart: %v", err)
				}
				c = k.people.Add(t, mother, k.Clock.Now(), person.RolePatient)
				if f, err := k.store.Search(t.Context(), c, "Observation", ""); err != nil || f.Total == 0 {
					t.Errorf("the other chart: %d, %v", f.Total, err)
				}
			})
		})
	}
}
