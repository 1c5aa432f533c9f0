package records

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/trust/db"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/trust/vault/vaulttest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/test/covers"
)

// rosaVisit is Rosa's chart with what refers to what: a visit at the clinic with Dr.
// Osei, a result of the visit, a report that gathers it, and where it comes from.
func rosaVisit() string {
	const rosa = "11111111-1111-4111-8111-111111111111"
	id := func(n int) string { return fmt.Sprintf("33333333-3333-4333-8333-3333333333%02d", n) }
	return bundleOf(
		`{"resourceType":"Patient","id":"`+rosa+`","identifier":[{"system":"http://hillside.example/numbers","value":"MRN-77"}],"name":[{"use":"official","family":"Peña-Lund","given":["Rosalía","Ana"]},{"text":"Rosa Field"}],"birthDate":"1984-05-01","gender":"female"}`,
		`{"resourceType":"Practitioner","id":"`+id(1)+`","name":[{"family":"Osei","given":["Ama"],"prefix":["Dr."]}]}`,
		`{"resourceType":"Organization","id":"`+id(2)+`","name":"Hillside Clinic"}`,
		`{"resourceType":"Encounter","id":"`+id(3)+`","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/`+rosa+`"},"period":{"start":"2026-03-02T09:00:00Z"},"participant":[{"individual":{"reference":"Practitioner/`+id(1)+`"}}],"serviceProvider":{"reference":"Organization/`+id(2)+`"}}`,
		`{"resourceType":"Observation","id":"`+id(4)+`","status":"final","code":{"text":"Glucose"},"subject":{"reference":"Patient/`+rosa+`"},"encounter":{"reference":"Encounter/`+id(3)+`"},"performer":[{"reference":"Practitioner/`+id(1)+`"}],"effectiveDateTime":"2026-03-02"}`,
		`{"resourceType":"Observation","id":"`+id(5)+`","status":"final","code":{"text":"Weight"},"subject":{"reference":"Patient/`+rosa+`"},"effectiveDateTime":"2026-01-02"}`,
		`{"resourceType":"DiagnosticReport","id":"`+id(6)+`","status":"final","code":{"text":"Panel"},"subject":{"reference":"Patient/`+rosa+`"},"result":[{"reference":"Observation/`+id(4)+`"}],"effectiveDateTime":"2026-03-02"}`,
		`{"resourceType":"Provenance","id":"`+id(7)+`","target":[{"reference":"Observation/`+id(4)+`"}],"recorded":"2026-03-02T15:00:00Z","agent":[{"who":{"reference":"Practitioner/`+id(1)+`"}}]}`)
}

// types counts the entries of one mode by type.
func (p page) types(mode string) string {
	n := map[string]int{}
	for _, m := range p.modes(mode) {
		typ, _, _ := strings.Cut(m, "/")
		n[typ]++
	}
	return fmt.Sprint(n)
}

func TestSearchesBringAlongWhatIsAskedFor(t *testing.T) {
	covers.Covers(t, "SD-3")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.load(t, []byte(rosaVisit())).Patient
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		for _, ask := range []struct{ typ, text, match, include string }{
			{"Observation", "_include=Observation:encounter", "map[Observation:2]", "map[Encounter:1]"},
			{"Observation", "_include=Observation:encounter:Encounter&code=x", "map[]", "map[]"},
			{"Observation", "_include=Observation:subject", "map[Observation:2]", "map[Patient:1]"},
			{"Observation", "_include=Observation:patient&_include=Observation:performer", "map[Observation:2]", "map[Patient:1 Practitioner:1]"},
			{"Observation", "_revinclude=Provenance:target", "map[Observation:2]", "map[Provenance:1]"},
			{"Observation", "_revinclude=DiagnosticReport:result&_revinclude=Provenance:target&_include=Observation:encounter", "map[Observation:2]", "map[DiagnosticReport:1 Encounter:1 Provenance:1]"},
			{"Encounter", "_include=Encounter:participant&_include=Encounter:service-provider&_revinclude=Observation:encounter", "map[Encounter:1]", "map[Observation:1 Organization:1 Practitioner:1]"},
			{"Patient", "_revinclude=Observation:subject&_revinclude=Encounter:patient", "map[Patient:1]", "map[Encounter:1 Observation:2]"},
			{"Provenance", "_include=Provenance:target:Observation&_include=Provenance:agent", "map[Provenance:1]", "map[Observation:1 Practitioner:1]"},
			{"Provenance", "_include=Provenance:target:Encounter", "map[Provenance:1]", "map[]"}, // it leads to something else
			{"Observation", "_count=0&_include=Observation:encounter", "map[]", "map[]"},
		} {
			p, err := k.ask(t, c, ask.typ, ask.text)
			if err != nil || p.types("match") != ask.match || p.types("include") != ask.include {
				t.Errorf("%s?%s: matches %s, included %s, %v", ask.typ, ask.text, p.types("match"), p.types("include"), err)
			}
		}
		for typ, text := range map[string]string{"Practitioner": "_revinclude=Observation:performer", "Organization": "_revinclude=Encounter:service-provider",
			"Encounter": "_revinclude=Practitioner:x", "Location": "_revinclude=Encounter:location"} {
			if _, err := k.ask(t, c, typ, text); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s?%s: %v, want it refused", typ, text, err)
			}
		}
	})
}

// A shared type that refers to people's charts, as a device of the clinic may, leads into
// none of them: neither forwards nor back, and the statement says so.
func TestNoWayLeadsFromWhatIsSharedIntoAChart(t *testing.T) {
	covers.Covers(t, "SD-3")
	defs := Definitions()
	i := slices.IndexFunc(defs, func(d Definition) bool { return d.Type == "Location" })
	defs[i].Search = append(slices.Clone(defs[i].Search), Param{Name: "occupant", Kind: ReferenceParam, Path: "occupant", Targets: []string{"Organization", "Patient"}})
	slices.SortFunc(defs[i].Search, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	cat, err := NewCatalogue(defs)
	if err != nil {
		t.Fatal(err)
	}
	if q, err := cat.ParseSearch("Location", "_include=Location:occupant"); err != nil || len(q.includes) != 1 || !slices.Equal(q.includes[0].targets, []string{"Organization"}) {
		t.Errorf("forwards: %+v, %v", q.includes, err)
	}
	for typ, text := range map[string]string{"Location": "_include=Location:occupant:Patient", "Organization": "_revinclude=Encounter:service-provider"} {
		if _, err := cat.ParseSearch(typ, text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s?%s: %v", typ, text, err)
		}
	}
}

// What a search brings along is decided as what it finds: the chart's own under the
// same Grant, which names the types, and what the clinic shares on its own.
func TestWhatComesAlongIsDecided(t *testing.T) {
	covers.Covers(t, "SD-3", "CH-13")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.load(t, []byte(rosaVisit())).Patient
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		from := k.Log.Size()
		if _, err := k.ask(t, c, "Observation", "_include=Observation:encounter&_include=Observation:performer"); err != nil {
			t.Fatal(err)
		}
		var actions []string
		for n := from; n < k.Log.Size(); n++ {
			e, err := k.Log.RiskyEntry(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			actions = append(actions, e.Action+" "+strings.Join(e.Kinds, " "))
		}
		if !slices.Equal(actions, []string{"searchChart chart Observation CareTeam Encounter Patient RelatedPerson", "readShared chart Organization Practitioner PractitionerRole"}) {
			t.Errorf("the log says %q", actions)
		}
		// Without the second decision nothing shared is opened: the first Grant is not about it.
		a, err := k.store.decideSearch(t.Context(), c, "Observation", "_include=Observation:performer")
		if err != nil {
			t.Fatal(err)
		}
		a.shared = a.grant
		if _, _, err := k.store.searchNow(t.Context(), a); !fault.Is(err, fault.Denied) {
			t.Errorf("shared resources under the chart's Grant: %v", err)
		}
		k.Alarms.Take()
		// And a Grant for one type opens no other of the chart.
		a, err = k.store.decideSearch(t.Context(), c, "Observation", "")
		if err != nil {
			t.Fatal(err)
		}
		if a.q, err = k.store.c.Catalogue.ParseSearch("Observation", "_include=Observation:encounter"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := k.store.searchNow(t.Context(), a); !fault.Is(err, fault.Denied) {
			t.Errorf("another type under the Grant: %v", err)
		}
	})
}

// Eve has a chart of her own and asks about Rosa's by every way a search has: each
// answer is the one for a chart that does not exist, whatever Rosa's holds, so there
// is nothing to halve and nothing to count (threats 3 and 4).
func TestNothingIsLearnedOfAnotherChart(t *testing.T) {
	covers.Covers(t, "SD-3", "CH-13")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.load(t, []byte(rosaVisit())).Patient
		eve := k.people.Add(t, k.persona(t, "mother"), k.Clock.Now(), person.RolePatient)
		r := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		visit, err := k.ask(t, r, "Encounter", "")
		if err != nil || visit.Total != 1 {
			t.Fatalf("%d, %v", visit.Total, err)
		}
		foreign, missing := person.PatientResource(rosa).String(), numberedID(4711).String()
		for _, text := range []string{"", "&code=x", "&date=ge2026", "&date=lt1900", "&_count=0", "&_summary=count", "&_total=accurate", "&_include=Observation:subject", "&_revinclude=Provenance:target",
			"&encounter=" + visit.Entry[0].Resource.ID, "&_lastUpdated=gt2000", "&_sort=date"} {
			_, there := k.ask(t, eve, "Observation", "patient="+foreign+text)
			_, absent := k.ask(t, eve, "Observation", "patient="+missing+text)
			if !fault.Is(there, fault.NotFound) || !fault.Is(absent, fault.NotFound) || fault.Message(there) != fault.Message(absent) {
				t.Errorf("%s: %v and %v", text, there, absent)
			}
		}
		// In her own chart Rosa's identifiers name nothing.
		for typ, text := range map[string]string{"Observation": "encounter=" + visit.Entry[0].Resource.ID, "Encounter": "_id=" + visit.Entry[0].Resource.ID,
			"Patient": "_id=" + foreign, "Provenance": "target=" + visit.modes("match")[0], "RelatedPerson": "name=Rosa"} {
			p, err := k.ask(t, eve, typ, text+"&_revinclude=Provenance:target")
			if err != nil || p.Total != 0 || len(p.Entry) != 0 {
				t.Errorf("%s?%s: %d found, %v", typ, text, p.Total, err)
			}
		}
		// What is shared leads back into no chart.
		doctors, err := k.ask(t, eve, "Practitioner", "name=osei")
		if err != nil || doctors.Total != 1 {
			t.Fatalf("%d doctors, %v", doctors.Total, err)
		}
		for _, text := range []string{"_revinclude=Encounter:participant", "_revinclude=Observation:performer", "_revinclude=Provenance:agent", "_has:Observation:performer:code=x"} {
			if _, err := k.ask(t, eve, "Practitioner", text); !fault.Is(err, fault.Invalid) {
				t.Errorf("Practitioner?%s: %v", text, err)
			}
		}
	})
}

// Names are found as FHIR says: by how they begin, whatever the case and the accents.
func TestNamesAreFoundByTheirStart(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.load(t, []byte(rosaVisit())).Patient
		c := k.people.Add(t, rosa, k.Clock.Now(), person.RolePatient)
		for text, want := range map[string]int{
			"family=pena": 1, "family=PE%C3%91A": 1, "family=Pe%C3%B1a-Lund": 1, "family=lund": 0, "family=penal": 0, "family=x,pen": 1, "given=rosalia": 1, "given=ana": 1, "given=nia": 0,
			"name=rosa+f": 1, "name=ana": 1, "name=lund": 0, "family:exact=Pe%C3%B1a-Lund": 1, "family:exact=pena-lund": 0, "given:exact=Ana": 1, "given:exact=An": 0,
			"family=pen&given=ro": 1, "family=pen&given=zo": 0, "birthdate=1984-05-01": 1, "birthdate=1984": 1, "birthdate=gt1984-05-01": 0, "birthdate=le1984-05-01": 1, "gender=female": 1,
			"identifier=MRN-77": 1, "identifier=http://hillside.example/numbers%7CMRN-77": 1, "identifier=http://other.example%7CMRN-77": 0, "identifier=http://hillside.example/numbers%7C": 1, "identifier=MRN": 0,
			"_lastUpdated=ge2020": 1, "_lastUpdated=lt2020": 0, "general-practitioner=Practitioner/x": 0} {
			if f, err := k.store.Search(t.Context(), c, "Patient", text); err != nil || f.Total != want {
				t.Errorf("Patient?%s: %d found, want %d, %v", text, f.Total, want, err)
			}
		}
		for _, text := range []string{"family:contains=en", "family:missing=true", "family=-", "family=" + strings.Repeat("a", 49), "name:text=x", "birthdate:exact=1984"} {
			if _, err := k.store.Search(t.Context(), c, "Patient", text); !fault.Is(err, fault.Invalid) {
				t.Errorf("Patient?%s: %v", text, err)
			}
		}
		// The clinic's people and places are found by name by whoever may read them.
		for typ, text := range map[string]string{"Practitioner": "name=Dr", "Organization": "name=hillside+cl"} {
			if f, err := k.store.Search(t.Context(), c, typ, text); err != nil || f.Total != 1 {
				t.Errorf("%s?%s: %d, %v", typ, text, f.Total, err)
			}
		}
	})
}

// A nurse names the patient, by whichever of its names; a Patient is named by its id.
func TestStaffNameThePatient(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		rosa := k.load(t, []byte(rosaVisit())).Patient
		nurse := k.people.Add(t, person.PatientID{}, k.Clock.Now(), person.RoleNurse)
		k.people.Assign(nurse.Account(), rosa)
		id := person.PatientResource(rosa).String()
		for _, ask := range [][2]string{{"Observation", "patient=" + id}, {"Observation", "subject=Patient/" + id}, {"Patient", "_id=" + id}} {
			if f, err := k.store.Search(t.Context(), nurse, ask[0], ask[1]); err != nil || f.Total == 0 {
				t.Errorf("%s: %d, %v", ask, f.Total, err)
			}
		}
		for _, ask := range [][2]string{{"Observation", ""}, {"Observation", "_id=" + id}, {"Patient", "family=pena"}, {"Patient", "_id=" + id + "," + numberedID(1).String()}} {
			if _, err := k.store.Search(t.Context(), nurse, ask[0], ask[1]); !fault.Is(err, fault.Invalid) || fault.Message(err) != "error.search-patient" {
				t.Errorf("%s: %v", ask, err)
			}
		}
		if _, err := k.store.Search(t.Context(), nurse, "Patient", "_id="+numberedID(1).String()); !fault.Is(err, fault.NotFound) {
			t.Errorf("nobody's id: %v", err)
		}
	})
}

// Rosa wears a sensor that has written more results than one page brings along: the search
// says that it is too much. As many as fit all come.
func TestAPageBringsAlongSoMany(t *testing.T) {
	covers.Covers(t, "SD-3")
	k := openStore(t, dbtest.New(t, db.SQLite, vaulttest.Migrations(Migrations()...), dbtest.NoSync))
	results := func(n int) []byte {
		rs := []string{rosa}
		for i := range n {
			rs = append(rs, fmt.Sprintf(`{"resourceType":"Observation","id":"sensor-%d","status":"final","code":{"text":"Glucose"},"subject":{"reference":"Patient/rosa"},"effectiveDateTime":"2026-01-02"}`, i))
		}
		return []byte(bundleOf(rs...))
	}
	c := k.people.Add(t, k.load(t, results(includedMost)).Patient, k.Clock.Now(), person.RolePatient)
	const text = "_revinclude=Observation:subject"
	if f, err := k.store.Search(t.Context(), c, "Patient", text); err != nil || len(f.Included) != 1000 {
		t.Errorf("%d come along, %v", len(f.Included), err)
	}
	k.load(t, results(includedMost+1))
	if f, err := k.store.Search(t.Context(), c, "Patient", text); !fault.Is(err, fault.TooCostly) {
		t.Errorf("one more: %d come along, %v", len(f.Included), err)
	}
}
