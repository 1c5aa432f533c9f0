package records

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"postern.example/postern/internal/room/records/rawjson"
	"postern.example/postern/internal/trust/db/dbtest"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
	"postern.example/postern/internal/word/phi"
	"postern.example/postern/test/covers"
)

// Elena López García, married Field, is the patient of these stories.
const elena = `{"resourceType":"Patient","id":"elena","identifier":[
	{"type":{"coding":[{"code":"MR"}]},"system":"https://c.example/mrn","value":"RC-20417"},{"use":"old","system":"https://c.example/mrn","value":"RC-1"},
	{"type":{"coding":[{"code":"SS"}]},"system":"https://s.example","value":"078051120"}],
	"name":[{"family":"López García","given":["Elena"]},{"use":"maiden","family":"Ó Briain"},{"use":"temp","family":"Baby"}],
	"telecom":[{"system":"phone","value":"+1 (503) 555-0142 ext. 9"},{"system":"sms","value":"503.555.0199"},{"system":"phone","use":"old","value":"503-555-0100"},
	{"system":"email","value":"Elena.Lopez@Mail.Example"}],"birthDate":"1985-12-01"}`

func wanted(t testing.TB, known, family, born string) Wanted {
	t.Helper()
	w, err := NewWanted(known, family, born)
	if err != nil {
		t.Fatalf("%s %s %s: %v", known, family, born, err)
	}
	return w
}

// However it is written, the same number, telephone, address or name finds; what belongs
// to others, or is too little to find one person by, does not.
func TestSpellingsOfOnePatient(t *testing.T) {
	v, err := rawjson.Parse([]byte(elena), rawjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	has := lookupKeys(v)
	finds := func(w Wanted) bool {
		for _, group := range w.any {
			if !slices.ContainsFunc(group, func(k lookupKey) bool { return slices.Contains(has, k) }) {
				return false
			}
		}
		return true
	}
	for _, c := range []struct {
		known, family, born string
		want                bool
	}{
		{"RC-20417", "", "", true}, {"rc 20417", "", "", true}, {"ＲＣ20417", "", "", true}, {"20417", "", "", false},
		{"RC-1", "", "", false}, {"078051120", "", "", false},
		{"5035550142", "", "", true}, {"(503) 555-0142", "", "", true}, {"001 503 555 0142", "", "", true}, {"1-503-555-0142", "", "", true},
		{"+1 503 555 0199", "", "", true}, {"503-555-0100", "", "", false}, {"555-0142", "", "", false},
		{"elena.lopez@mail.example", "", "", true}, {" ELENA.LOPEZ@MAIL.EXAMPLE ", "", "", true}, {"lopez@mail.example", "", "", false},
		{"", "lopez garcia", "1985-12-01", true}, {"", "LÓPEZ", "1985-12-01", true}, {"", "García", "1985-12-01", true}, {"", "López-García", "1985-12-01", true},
		{"", "O'Briain", "1985-12-01", true}, {"", "Baby", "1985-12-01", false}, {"", "López", "1985-12-02", false}, {"", "Field", "1985-12-01", false},
		{"RC-20417", "López", "1985-12-01", true}, {"RC-20417", "Field", "1985-12-01", false},
	} {
		if got := finds(wanted(t, c.known, c.family, c.born)); got != c.want {
			t.Errorf("%q %q %q: %v, want %v", c.known, c.family, c.born, got, c.want)
		}
	}
	for c, lacks := range map[[3]string][]Lack{{}: {LackAll}, {"", "López", ""}: {LackBorn}, {"", "", "1985-12-01"}: {LackFamily}, {"", "López", "1985"}: {LackBorn},
		{"", "López", "1985-12"}: {LackBorn}, {"", "…", "1985-12-01"}: {LackFamily}, {"", "…", "1985"}: {LackFamily, LackBorn},
		{"@", "", ""}: {LackKnown}, {"--", "", ""}: {LackKnown}, {"x@", "", ""}: {LackKnown}, {"--", "López", ""}: {LackKnown, LackBorn}, {"RC-20417", "López", ""}: {LackBorn}} {
		if _, err := NewWanted(c[0], c[1], c[2]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", c, err)
		}
		if got := Lacks(c[0], c[1], c[2]); !slices.Equal(got, lacks) {
			t.Errorf("%q lacks %q, want %q", c, got, lacks)
		}
	}
	if w := wanted(t, "RC-20417", "López", "1985-12-01"); strings.Contains(fmt.Sprintf("%v %+v %#v", w, w, w), "20417") {
		t.Error("what was typed prints")
	}
	if e := typedKeys("+34 612 345 678"); !slices.Contains(e, lookupKey{keyPhone, "612345678"}) {
		t.Errorf("a Spanish number: %d keys", len(e))
	}
}

// staff adds a nurse who treats the patients.
func (k *clinicKit) nurse(t testing.TB, patients ...person.PatientID) person.Caller {
	t.Helper()
	c := k.people.Add(t, person.PatientID{}, k.Clock.Now(), person.RoleNurse)
	for _, p := range patients {
		k.people.Assign(c.Account(), p)
	}
	return c.For(person.PurposeTreatment)
}

// A nurse finds her patients. Somebody else's and nobody look the same: one refusal that
// stays, the same answer.
func TestALookUpFindsAssignedPatientsOnly(t *testing.T) {
	covers.Covers(t, "HC-9a")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		lopez := k.load(t, []byte(bundleOf(elena))).Patient
		other := k.load(t, []byte(bundleOf(rosa))).Patient
		nurse := k.nurse(t, lopez)
		for _, w := range []Wanted{wanted(t, "rc20417", "", ""), wanted(t, "503 555 0142", "", ""), wanted(t, "elena.lopez@mail.example", "", ""), wanted(t, "", "Lopez", "1985-12-01")} {
			size := k.Log.Size()
			got, _, err := k.store.LookUp(t.Context(), nurse, w, []person.PatientID{lopez})
			if err != nil || len(got) != 1 || got[0].Patient != lopez || got[0].Name.Reveal() == "" || got[0].Number.Reveal() != "RC-20417" || k.Log.Size() != size+1 {
				t.Fatalf("%d found, %d entries, %v", len(got), k.Log.Size()-size, err)
			}
			e, err := k.Log.RiskyEntry(t.Context(), size)
			if err != nil || e.Event != "search" || e.Patient != lopez || e.Query == "" {
				t.Fatalf("entry %s of %s, %v", e.Event, e.Patient, err)
			}
		}
		var answers []string
		for name, w := range map[string]Wanted{"unassigned": wanted(t, "", "Field", "1984-05-01"), "nobody": wanted(t, "", "Nobody", "1984-05-01"), "two that do not go together": wanted(t, "rc20417", "Field", "1984-05-01")} {
			size := k.Log.Size()
			got, _, err := k.store.LookUp(t.Context(), nurse, w, []person.PatientID{lopez})
			if !fault.Is(err, fault.NotFound) || got != nil || k.Log.Size() != size+1 {
				t.Fatalf("%s: %d found, %d entries, %v", name, len(got), k.Log.Size()-size, err)
			}
			e, err := k.Log.RiskyEntry(t.Context(), size)
			if err != nil || e.Outcome != "refused" || name == "unassigned" && e.Patient != other {
				t.Fatalf("%s: entry %s of %s, %v", name, e.Outcome, e.Patient, err)
			}
			_, _, err = k.store.LookUp(t.Context(), nurse, w, []person.PatientID{lopez})
			answers = append(answers, fmt.Sprint(err))
		}
		if answers[0] != answers[1] || answers[1] != answers[2] {
			t.Errorf("the answers differ: %q", answers)
		}
		// The list that the door passes says where to look first; the gate decides.
		if _, _, err := k.store.LookUp(t.Context(), nurse, wanted(t, "", "Field", "1984-05-01"), []person.PatientID{other}); !fault.Is(err, fault.NotFound) {
			t.Errorf("a patient who is on the list and not assigned: %v", err)
		}
		maya := k.people.Add(t, other, k.Clock.Now(), person.RolePatient)
		if _, _, err := k.store.LookUp(t.Context(), maya, wanted(t, "rc20417", "", ""), nil); !fault.Is(err, fault.NotFound) {
			t.Errorf("a patient looks another one up: %v", err)
		}
		if _, _, err := k.store.LookUp(t.Context(), nurse, Wanted{}, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("nothing to look for: %v", err)
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms %v", a)
		}
	})
}

// Elena and Rosa share a telephone. A nurse whose list shows neither of them, though she
// may open both, asks for its number: the gate is asked about nobody's chart, once, so that
// the log and the time of the answer tell nothing of how many there are, and neither of the
// two is told of a search that was not for her.
func TestALookUpBeyondTheListAsksOnce(t *testing.T) {
	covers.Covers(t, "HC-9a")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		lopez := k.load(t, []byte(bundleOf(elena))).Patient
		field := k.load(t, []byte(bundleOf(strings.Replace(rosa, `"birthDate"`, `"telecom":[{"system":"phone","value":"503-555-0142"}],"birthDate"`, 1)))).Patient
		nurse, number := k.nurse(t, lopez, field), wanted(t, "503 555 0142", "", "")
		for among, want := range map[*[]person.PatientID]int{{}: 0, {field}: 1, {lopez, field}: 2} {
			size := k.Log.Size()
			got, _, err := k.store.LookUp(t.Context(), nurse, number, *among)
			if fault.Is(err, fault.NotFound) != (want == 0) || len(got) != want || k.Log.Size() != size+int64(max(1, want)) {
				t.Errorf("of %d on the list %d were found with %d entries, want %d, %v", len(*among), len(got), k.Log.Size()-size, want, err)
			}
		}
	})
}

// A clinic writes 503 555 0100 for whoever has no telephone: for seventy people. A nurse
// treats one of them, whose identifier is the last of all, and finds her by that number. A
// nurse who treats none of them, or who asks for a name and a birthday that two others have, is
// refused as for nobody: one entry, in nobody's chart.
func TestAPlaceholderNumberFindsTheOwnPatient(t *testing.T) {
	covers.Covers(t, "HC-9a")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		var all []person.PatientID
		for i := range lookupsMost + 6 {
			who := strings.ReplaceAll(rosa, "rosa", fmt.Sprintf("p%d", i))
			if i > 1 {
				who = strings.ReplaceAll(who, "Field", "Field"+strings.Repeat("x", i))
			}
			all = append(all, k.load(t, []byte(bundleOf(strings.Replace(who, `"birthDate"`, `"telecom":[{"system":"phone","value":"503-555-0100"}],"birthDate"`, 1)))).Patient)
		}
		twins := all[:2]
		last := slices.MaxFunc(all, func(a, b person.PatientID) int { return slices.Compare(a.Bytes(), b.Bytes()) })
		nurse, other, number := k.nurse(t, last), k.nurse(t), wanted(t, "503 555 0100", "", "")
		for name, w := range map[string]Wanted{"the number": number, "with the name": wanted(t, "503 555 0100", familyOf(t, k, nurse, last), "1984-05-01")} {
			got, more, err := k.store.LookUp(t.Context(), nurse, w, []person.PatientID{last})
			if err != nil || more || len(got) != 1 || got[0].Patient != last {
				t.Errorf("%s: the own patient is not found: %d, %v", name, len(got), err)
			}
		}
		for name, w := range map[string]Wanted{"all": number, "two": wanted(t, "", "Field", "1984-05-01"), "nobody": wanted(t, "503 555 0101", "", "")} {
			size := k.Log.Size()
			_, _, err := k.store.LookUp(t.Context(), other, w, nil)
			if !fault.Is(err, fault.NotFound) || k.Log.Size() != size+1 {
				t.Fatalf("%s: %d entries, %v", name, k.Log.Size()-size, err)
			}
			if e, err := k.Log.RiskyEntry(t.Context(), size); err != nil || e.Outcome != "refused" || slices.Contains(all, e.Patient) {
				t.Errorf("%s: the refusal stands at somebody by chance: %v, %v", name, slices.Contains(twins, e.Patient), err)
			}
		}
		// Who treats all of them sees as many as a page holds, and that there are more.
		for _, p := range all {
			k.people.Assign(other.Account(), p)
		}
		got, more, err := k.store.LookUp(t.Context(), other, number, all)
		if err != nil || len(got) != lookupsMost || !more {
			t.Errorf("of all %d are found, more %v, %v", len(got), more, err)
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms %v", a)
		}
	})
}

// familyOf is the family name in a chart.
func familyOf(t testing.TB, k *clinicKit, c person.Caller, p person.PatientID) string {
	t.Helper()
	g, err := k.store.Glance(t.Context(), c, p, "page/clinic")
	if err != nil {
		t.Fatal(err)
	}
	return g.Name.Reveal()[strings.LastIndexByte(g.Name.Reveal(), ' ')+1:]
}

// A role that the table does not name reads nothing of a patient in a list, and those that
// it names nothing that is clinical.
func TestFieldsOfAGlance(t *testing.T) {
	covers.Covers(t, "HC-9a")
	chart := Chart{byType: map[string][]Resource{"Patient": {{Type: "Patient", Doc: phi.NewDoc([]byte(strings.Replace(elena, `"id":"elena"`, `"id":"buonwgpz7nesu7gb4anlv6kgza"`, 1)))}},
		"Appointment": {{Type: "Appointment", Doc: phi.NewDoc([]byte(`{"resourceType":"Appointment","id":"buonwgpz7nesu7gb4anlv6kgza","status":"booked","reasonCode":[{"text":"Knee"}]}`))}}}}
	for _, r := range person.Roles() {
		g, err := glanceAt(chart, glanceFields(r))
		if err != nil {
			t.Fatal(err)
		}
		reads := !g.Name.IsZero() || !g.Born.IsZero() || !g.Number.IsZero() || len(g.Visits) > 0
		if treats := r == person.RoleClinician || r == person.RoleNurse; reads != treats {
			t.Errorf("%s reads: %v", r, reads)
		}
	}
	if g, _ := glanceAt(chart, glanceFields(person.RoleNurse)); g.Visits[0].Why().Text.Reveal() != "Knee" {
		t.Error("the reason of a visit is not read")
	}
}

// A new name finds, and the old one, which the chart no longer has, does not.
func TestALookUpFollowsTheChart(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		p := k.load(t, []byte(bundleOf(elena))).Patient
		nurse := k.nurse(t, p)
		find := func(w Wanted) bool {
			_, _, err := k.store.LookUp(t.Context(), nurse, w, []person.PatientID{p})
			return err == nil
		}
		moved := strings.ReplaceAll(strings.ReplaceAll(elena, "555-0142", "555-0143"), "López García", "Vega")
		k.load(t, []byte(bundleOf(moved)))
		if !find(wanted(t, "5035550143", "", "")) || !find(wanted(t, "", "Vega", "1985-12-01")) || !find(wanted(t, "rc20417", "", "")) {
			t.Error("what the chart says now does not find")
		}
		if find(wanted(t, "5035550142", "", "")) || find(wanted(t, "", "López", "1985-12-01")) {
			t.Error("what the chart said before still finds")
		}
		if _, err := k.store.ViewListed(t.Context(), nurse, p, "page/clinic", "Patient"); err != nil || len(k.Alarms.Take()) > 0 {
			t.Errorf("the list: %v", err)
		}
	})
}

// Whoever writes the database cannot lead a look-up to another chart, nor take a patient
// out of it unnoticed, and what was broken is made anew.
func TestAForgedLookUpRowIsFound(t *testing.T) {
	covers.Covers(t, "HC-9a")
	eachStore(t, func(t *testing.T, k *clinicKit) {
		lopez, field := k.load(t, []byte(bundleOf(elena))).Patient, k.load(t, []byte(bundleOf(rosa))).Patient
		k = k.upgrade(t, k.store.c.Catalogue, job)
		nurse, both := k.nurse(t, lopez, field), []person.PatientID{lopez, field}
		raw := dbtest.Raw(k.DB)
		list := func() {
			t.Helper()
			for _, p := range both {
				if c, err := k.store.ViewListed(t.Context(), nurse, p, "page/clinic", "Patient"); err != nil || len(c.Resources("Patient")) != 1 {
					t.Fatalf("the list: %v", err)
				}
			}
		}
		number := wanted(t, "rc20417", "", "")
		for name, hurt := range map[string]func(){
			"put in": func() {
				raw.Exec(t, `INSERT INTO chart_lookup SELECT ?, token, version, seq FROM chart_lookup WHERE owner = ?`, person.Patient(field).Bytes(), person.Patient(lopez).Bytes())
			},
			"exchanged": func() {
				raw.Exec(t, `DELETE FROM chart_lookup WHERE owner = ?`, person.Patient(field).Bytes())
				raw.Exec(t, `UPDATE chart_lookup SET owner = ? WHERE owner = ?`, person.Patient(field).Bytes(), person.Patient(lopez).Bytes())
			},
			"taken out": func() { raw.Exec(t, `DELETE FROM chart_lookup WHERE owner = ?`, person.Patient(lopez).Bytes()) },
		} {
			hurt()
			got, _, err := k.store.LookUp(t.Context(), nurse, number, both)
			if len(got) > 1 || len(got) == 1 && got[0].Patient != lopez || len(got) == 0 && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %d found, %v", name, len(got), err)
			}
			list()
			if a := k.Alarms.Take(); len(a) == 0 || !strings.Contains(fmt.Sprint(a), "look") {
				t.Errorf("%s: alarms %v", name, a)
			}
			list()
			if got, _, err := k.store.LookUp(t.Context(), nurse, number, both); err != nil || len(got) != 1 || got[0].Patient != lopez {
				t.Errorf("%s: after it was mended %d found, %v", name, len(got), err)
			}
			if a := k.Alarms.Take(); len(a) != 0 {
				t.Errorf("%s: alarms after it was mended: %v", name, a)
			}
		}
	})
}

// New keys of the look-up, and charts of before there was one, are the job's.
func TestLookUpsAreMadeAnew(t *testing.T) {
	eachStore(t, func(t *testing.T, k *clinicKit) {
		p := k.load(t, []byte(bundleOf(elena, strings.ReplaceAll(observe(""), "rosa", "elena")))).Patient
		nurse, number := k.nurse(t, p), wanted(t, "rc20417", "", "")
		find := func() error {
			_, _, err := k.store.LookUp(t.Context(), nurse, number, []person.PatientID{p})
			return err
		}
		next := k.restart(t)
		config := next.store.c
		config.LookUpKeys, config.Job = 2, job
		var err error
		if next.store, err = NewStore(config); err != nil {
			t.Fatal(err)
		}
		k = next
		if err := find(); !fault.Is(err, fault.NotFound) {
			t.Errorf("by keys that are not there yet: %v", err)
		}
		if _, err := k.store.ViewListed(t.Context(), nurse, p, "page/clinic", "Patient"); err != nil {
			t.Error(err)
		}
		if sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {}); err != nil || sum.Charts != 2 {
			t.Fatalf("rework: %+v, %v", sum, err)
		}
		if err := find(); err != nil {
			t.Errorf("by the new keys: %v", err)
		}
		if sum, err := k.store.ReindexAll(t.Context(), func(Reworked) {}); err != nil || sum.Charts != 0 {
			t.Errorf("the second run: %+v, %v", sum, err)
		}
		if rows := dbtest.Raw(k.DB).Query(t, `SELECT token FROM chart_lookup WHERE version <> 513`); len(rows) != 0 {
			t.Errorf("%d rows of older keys", len(rows))
		}
		if a := k.Alarms.Take(); len(a) > 0 {
			t.Errorf("alarms %v", a)
		}
	})
}
