// Package viewtest holds one filled model of every page, and a few variants, for
// golden tests, the gallery and screenshots. Its people are fictional and its
// clock stands still. It is test code: no product package imports it.
package viewtest

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/word/fault"
	"postern.example/postern/internal/word/person"
)

// Page is a page to look at; its name is unique and says what is special.
type Page struct {
	Name  string
	Model view.Model
}

// now is the clock of every fixture.
func now() time.Time {
	return time.Date(2026, 11, 22, 9, 30, 0, 0, time.FixedZone("EST", -5*3600))
}

// Pages returns fresh models in language lang.
func Pages(lang string) []Page {
	f := fixture{lang}
	pages := []Page{
		{"demo", f.demo()},
		{"sign-in", &view.SignIn{Base: f.stranger("sign-in")}},
		{"sign-in-signed-out", f.signedOut()},
		{"sign-in-over", f.sessionOver()},
		{"step-up", &view.SignIn{Base: f.patient("", "step-up"), StepUp: true, Next: "security"}},
		{"enrol", &view.Enrol{Base: f.stranger("enrol")}},
		{"home", f.home()},
		{"home-first", &view.Home{Base: f.patient(view.PlaceHome, "home"), Counts: view.Counts{Medications: 1, NoAllergies: true}}},
		{"results", f.results()},
		{"results-empty", &view.Results{Base: f.patient(view.PlaceResults, "results")}},
		{"result", f.result()},
		{"result-critical", f.critical()},
		{"result-goal", f.goal()},
		{"result-pressure", f.pressure()},
		{"result-words", f.words()},
		{"result-staff", f.resultForStaff()},
		{"conditions", f.conditions()},
		{"medications", f.medications()},
		{"allergies", f.allergies()},
		{"allergies-none", &view.Allergies{Base: f.patient(view.PlaceAllergies, "allergies"), NoneKnown: true}},
		{"immunizations", f.immunizations()},
		{"card", f.card()},
		{"card-none", &view.Card{Base: f.patient(view.PlaceImmunizations, "card"), Name: "James Okoro", Birth: view.ParseDay("1961-02-28")}},
		{"profile", f.profile()},
		{"profile-little", &view.Profile{Base: f.patient(view.PlaceProfile, "profile")}},
		{"sharing", f.sharing()},
		{"security", f.security()},
		{"security-last", f.securityLast()},
		{"security-none", &view.Security{Base: f.patient(view.PlaceSecurity, "security"), Sessions: []view.Session{{ID: "s1", Started: now(), LastSeen: now(), This: true}}}},
		{"access-log", f.accessLog()},
		{"access-log-chosen", &view.AccessLog{Base: f.patient(view.PlaceAccessLog, "access-log"), Entries: append(f.looks()[:1], f.looks()[3:5]...), Older: "20376", Sieve: view.Sieve{Period: view.PeriodYear, Kind: view.KindTeam, Role: person.RoleClinician}}},
		{"access-log-none", &view.AccessLog{Base: f.patient(view.PlaceAccessLog, "access-log"), Sieve: view.Sieve{Kind: view.KindRefused}}},
		{"clinic", f.clinic()}, {"clinic-quiet", f.clinicQuiet()}, {"look-up", f.lookedUp()}, {"look-up-none", f.lookedUpNone()}, {"look-up-lacks", f.lookUpLacks()},
		{"chart-purpose", f.purpose()},
		{"chart", f.chart()},
		{"admin", f.admin()},
		{"admin-paged", f.adminPaged()},
		{"waiting", f.waiting()},
		{"waiting-none", &view.Waiting{Base: f.staff(view.MenuAdmin, view.PlaceWaiting, "waiting", "Ruth Feldman", person.RoleAdministrator)}},
		{"confirm", f.confirm("", false)},
		{"confirm-link", f.confirmed()},
		{"confirm-done", f.confirm(view.ApproveDone, false)},
		{"confirm-declined", f.confirm(view.ApproveDeclined, false)},
		{"own-act", f.confirm("", true)},
		{"own-act-done", f.confirm(view.ApproveDone, true)},
		{"own-act-declined", f.confirm(view.ApproveDeclined, true)},
		{"suspension", f.suspension("", false)},
		{"suspension-done", f.suspension(view.ApproveDone, false)},
		{"suspension-declined", f.suspension(view.ApproveDeclined, false)},
		{"suspension-officer", f.suspensionForOfficer()},
		{"own-suspension", f.suspension("", true)},
		{"own-suspension-done", f.suspension(view.ApproveDone, true)},
		{"own-suspension-declined", f.suspension(view.ApproveDeclined, true)},
		{"admin-link", f.adminLink()},
		{"officer", f.officer()},
		{"officer-verified", f.verified(view.Verification{OK: true, Anchored: true})},
		{"officer-unanchored", f.verified(view.Verification{OK: true})},
		{"officer-bad", f.verified(view.Verification{Anchored: true, FirstBad: "18211", Reason: "leaf hash differs from the tree"})},
		{"approve", f.approve("")},
		{"approve-done", f.approve(view.ApproveDone)},
		{"approve-declined", f.approve(view.ApproveDeclined)},
		{"approve-expired", f.approve(view.ApproveExpired)},
	}
	pages = append(pages, f.recordPages()...)
	pages = append(pages, f.chartPages()...)
	for _, k := range fault.Kinds() {
		e := &view.Error{Base: f.stranger("error"), Kind: k}
		if k == fault.Throttled {
			e.RetryAfter = 90
		}
		if k == fault.NotFound {
			e.Base = f.patient("", "error")
		}
		pages = append(pages, Page{"error-" + k.String(), e})
	}
	pages = append(pages, Page{"error-form", &view.Error{Base: f.patient("", "error"), Kind: fault.Denied, Message: "error.form"}})
	return pages
}

type fixture struct{ lang string }

// pick returns the text in the fixture's language: data of a chart that exists in both.
func (f fixture) pick(en, es string) string {
	if f.lang == "es" {
		return es
	}
	return en
}

func (f fixture) stranger(route string) view.Base {
	return view.Base{Lang: f.lang, ClinicName: "Riverside Clinic", ClinicPhone: "(555) 010-0142", Nonce: "bm9uY2U",
		RequestID: "r-7h2k-91mz", Route: route, Demo: true}
}

func (f fixture) patient(place view.Place, route string) view.Base {
	b := f.stranger(route)
	b.Menu, b.Place, b.FormToken = view.MenuPatient, place, "dG9rZW4"
	b.Person = &view.Person{Name: "James Okoro", Relation: view.RelationSelf, Pattern: 0}
	b.Twins = place != "" && place != view.PlaceSecurity
	return b
}

func (f fixture) staff(menu view.Menu, place view.Place, route, name string, role person.Role) view.Base {
	b := f.stranger(route)
	b.Menu, b.Place, b.FormToken, b.StaffName, b.StaffRole = menu, place, "dG9rZW4", name, role
	return b
}

func (f fixture) signedOut() view.Model {
	b := f.stranger("sign-in")
	b.Flash = "flash.signed-out"
	return &view.SignIn{Base: b}
}

func (f fixture) sessionOver() view.Model {
	b := f.stranger("sign-in")
	b.Flash = "flash.session-over"
	return &view.SignIn{Base: b, Next: "results"}
}

func (f fixture) demo() view.Model {
	d := &view.Demo{Base: f.stranger("demo"), SignedIn: true}
	d.Base.Demo = false // the page says it in larger letters
	for i, p := range [][2]string{{"mother", "Elena Ruiz"}, {"teen", "Mateo Ruiz"}, {"child", "Sofía Ruiz"}, {"chronic", "James Okoro"},
		{"elder", "Walter Lindqvist"}, {"daughter", "Carmen Lindqvist"}, {"doctor", "Dr. Mei Chen"}, {"nurse", "Samuel Adeyemi"},
		{"admin", "Ruth Feldman"}, {"officer", "Priya Nair"}} {
		d.Personas = append(d.Personas, view.Persona{ID: p[0], Name: p[1], Pattern: i, NoEntry: p[0] == "child"})
	}
	return d
}

func bound(v float64) *float64 { return &v }

// series makes n values, newest today minus daysAgo, evenly spaced, that swing
// a little around a line: deterministic, no random source.
func series(id, name, unit string, u view.Usual, n, every int, from, to float64, decimals int) view.Series {
	s := view.Series{ID: id, Name: name, Unit: unit, Usual: u}
	for i := range n {
		share := float64(i) / math.Max(1, float64(n-1))
		v := from + (to-from)*share
		if i > 0 && i < n-1 {
			v += math.Sin(float64(i)*2.1) * math.Abs(to-from) * 0.16
		}
		text := strconv.FormatFloat(v, 'f', decimals, 64)
		v, _ = strconv.ParseFloat(text, 64)
		s.Readings = append(s.Readings, view.Reading{At: now().AddDate(0, 0, -4-(n-1-i)*every), Value: text, Number: &v, Standing: view.Assess(&v, u, ""), Goal: u.Goal})
	}
	return s
}

func row(s view.Series, isNew bool) view.Row {
	last := s.Readings[len(s.Readings)-1]
	return view.Row{ID: "r" + s.ID, Name: s.Name, Value: last.Value, Unit: s.Unit, Standing: last.Standing, Series: s, New: isNew}
}

func (f fixture) a1c() view.Series {
	return series("a1c", f.pick("Average blood sugar (A1c)", "Azúcar promedio en la sangre (A1c)"), "%",
		view.Usual{High: bound(7), HighText: "7.0"}, 14, 90, 8.9, 7.4, 1)
}

func (f fixture) rows() []view.Row {
	between := func(low, high string) view.Usual {
		l, _ := strconv.ParseFloat(low, 64)
		h, _ := strconv.ParseFloat(high, 64)
		return view.Usual{Low: &l, High: &h, LowText: low, HighText: high}
	}
	return []view.Row{
		row(f.a1c(), true),
		row(series("egfr", f.pick("Kidney filtering (eGFR)", "Filtrado del riñón (eGFR)"), "mL/min", view.Usual{Low: bound(60), LowText: "60"}, 9, 120, 84, 78, 0), true),
		row(series("k", f.pick("Potassium", "Potasio"), "mmol/L", between("3.5", "5.1"), 8, 120, 4.2, 4.4, 1), false),
		row(series("ldl", f.pick("LDL cholesterol", "Colesterol LDL"), "mg/dL", view.Usual{High: bound(100), HighText: "100", Goal: true}, 7, 150, 104, 118, 0), false),
	}
}

func (f fixture) more() []view.Row {
	rows := []view.Row{
		row(series("hb", f.pick("Hemoglobin", "Hemoglobina"), "g/dL", view.Usual{Low: bound(13.5), High: bound(17.5), LowText: "13.5", HighText: "17.5"}, 1, 1, 14.1, 14.1, 1), false),
		row(series("fer", f.pick("Iron store (ferritin)", "Reserva de hierro (ferritina)"), "ng/mL", view.Usual{Low: bound(30), High: bound(400), LowText: "30", HighText: "400"}, 5, 200, 88, 17, 0), false),
	}
	return append(rows, view.Row{ID: "rcovid", Name: "COVID-19 PCR", Value: f.pick("Not detected", "No detectado"), Words: true, Standing: view.StandingNone,
		Series: view.Series{ID: "covid", Name: "COVID-19 PCR", Readings: []view.Reading{{At: now(), Value: "Not detected"}}}})
}

func (f fixture) looks() []view.Look {
	at := func(days, hour, minute int) time.Time {
		d := now().AddDate(0, 0, -days)
		return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, 0, 0, d.Location())
	}
	mine := func(id string, minute int) view.Look {
		return view.Look{ID: id, At: at(0, 9, minute), Self: true, Role: person.RolePatient, Act: view.ActRead, Purpose: person.PurposePatientRequest}
	}
	return []view.Look{
		{ID: "20481", At: at(0, 9, 29), Self: true, Role: person.RolePatient, Act: view.ActRead, Kinds: []string{"Observation"}, Purpose: person.PurposePatientRequest},
		mine("20480", 28), mine("20479", 27),
		{ID: "20378", At: at(4, 10, 13), Who: "Dr. Mei Chen", Role: person.RoleClinician, Act: view.ActList, Kinds: []string{"Patient"}, Purpose: person.PurposeTreatment},
		{ID: "20377", At: at(4, 10, 14), Who: "Dr. Mei Chen", Role: person.RoleClinician, Act: view.ActRead, Purpose: person.PurposeTreatment},
		{ID: "20370", At: at(4, 8, 2), Role: person.RoleSystem, Act: view.ActAdd, Kinds: []string{"Observation", "DiagnosticReport"}, Purpose: person.PurposeRecords},
		{ID: "19222", At: at(19, 13, 40), Who: "Samuel Adeyemi", Role: person.RoleNurse, Act: view.ActRefused, Kinds: []string{"Observation", "MedicationRequest", "Condition"}, Purpose: person.PurposeTreatment, Times: 3},
		{ID: "19001", At: at(20, 9, 0), Role: "", Act: view.ActEnrol},
		{ID: "19000", At: at(20, 8, 50), Who: "Ruth Feldman", Role: person.RoleAdministrator, Act: view.ActLink, Purpose: person.PurposeSystemAdmin},
		{ID: "18110", At: at(41, 1, 5), Who: "Priya Nair", Role: person.RoleCompliance, Act: view.ActOther, Kinds: []string{"Unheard"}, Purpose: person.PurposeAudit},
	}
}

func (f fixture) home() view.Model {
	return &view.Home{Base: f.patient(view.PlaceHome, "home"), Before: view.ParseDay("2026-05-03"), Newest: f.rows()[:2], News: f.news(), Next: &f.appointments().(*view.Appointments).Coming[0],
		Counts: view.Counts{Results: 23, Conditions: 3, Medications: 4, Allergies: 1, Immunizations: 9, Visits: 31, Imaging: 2, Appointments: 2}}
}

func (f fixture) result() view.Model {
	s := f.a1c()
	last := s.Readings[len(s.Readings)-1]
	return &view.Result{Base: f.patient(view.PlaceResults, "result"), Name: s.Name, MedicalName: "Hemoglobin A1c/Hemoglobin.total in Blood",
		About: f.pick("A1c shows your average sugar over about three months.", "La A1c muestra su azúcar promedio de unos tres meses."),
		On:    view.DayOf(last.At), Lab: "Riverside Lab", OrderedBy: "Dr. Mei Chen", Status: "final",
		Parts: []view.Part{{Value: last.Value, Unit: s.Unit, Standing: last.Standing, Usual: s.Usual, Series: s, Before: s.Readings[12], Elsewhere: view.Reading{Value: "57", Unit: "mmol/mol"}}}}
}

// goal is a result whose range the care team set for this person.
func (f fixture) goal() view.Model {
	r, _ := f.result().(*view.Result)
	u := r.Parts[0].Usual
	u.Goal = true
	s := series("a1c", r.Name, "%", u, 14, 90, 8.9, 7.4, 1)
	r.Parts[0].Usual, r.Parts[0].Series = u, s
	return r
}

func (f fixture) resultForStaff() view.Model {
	r, _ := f.result().(*view.Result)
	r.Base = f.staff(view.MenuClinic, view.PlaceClinic, "result", "Dr. Mei Chen", person.RoleClinician)
	r.Twins, r.RouteQuery = true, "q=c2VhbGVk"
	r.Person, r.Chart, r.Purpose = &view.Person{Name: "James Okoro", Relation: view.RelationPatient, Pattern: 2}, "pat-1", person.PurposeTreatment
	return r
}

func (f fixture) pressure() view.Model {
	up := series("sys", f.pick("Upper pressure (systolic)", "Presión alta (sistólica)"), "mmHg", view.Usual{High: bound(130), HighText: "130"}, 60, 30, 148, 131, 0)
	low := series("dia", f.pick("Lower pressure (diastolic)", "Presión baja (diastólica)"), "mmHg", view.Usual{High: bound(80), HighText: "80"}, 60, 30, 92, 79, 0)
	part := func(s view.Series) view.Part {
		last := s.Readings[len(s.Readings)-1]
		return view.Part{Name: s.Name, Value: last.Value, Unit: s.Unit, Standing: last.Standing, Usual: s.Usual, Series: s}
	}
	return &view.Result{Base: f.patient(view.PlaceResults, "result"), Name: f.pick("Blood pressure", "Presión arterial"), On: view.DayOf(now()), Status: "corrected",
		Parts: []view.Part{part(up), part(low)}, Note: f.pick("Measured twice, sitting.", "Medida dos veces, en posición sentada.")}
}

func (f fixture) words() view.Model {
	return &view.Result{Base: f.patient(view.PlaceResults, "result"), Name: "SARS-CoV-2 (COVID-19) RNA panel", NameLang: "en", On: view.ParseDay("2026-03"), Status: "final",
		Parts: []view.Part{{Value: f.pick("Not detected", "No detectado"), Words: true, Usual: view.Usual{Words: f.pick("not detected", "no detectado")}}}}
}

func (f fixture) critical() view.Model {
	m, _ := f.words().(*view.Result)
	m.Critical = true
	m.Parts = []view.Part{{Value: "6.9", Unit: "mmol/L", Standing: view.StandingVeryHigh, Usual: view.Usual{Words: "3.5 - 5.1"}}}
	return m
}

func (f fixture) problems() []view.Condition {
	return []view.Condition{
		{Name: f.pick("Type 2 diabetes", "Diabetes tipo 2"), About: f.pick("Blood sugar stays too high because the body does not use insulin well.", "El azúcar sigue alta porque el cuerpo no usa bien la insulina."), Since: view.ParseDay("2016-03"), By: "Dr. Mei Chen"},
		{Name: f.pick("High blood pressure (hypertension)", "Presión alta (hipertensión)"), Written: "Hypertension", Lang: f.pick("", "en"), Since: view.ParseDay("2019"), By: "Dr. Mei Chen"},
		{Name: "Prediabetic retinopathy", NameLang: f.pick("", "en"), Unsure: true},
	}
}

// unreviewed is b of a page with words of the catalogue.
func unreviewed(b view.Base) view.Base { b.Unreviewed = true; return b }

func (f fixture) conditions() view.Model {
	return &view.Conditions{Base: unreviewed(f.patient(view.PlaceConditions, "conditions")), Current: f.problems(),
		Past: []view.Condition{{Name: f.pick("Broken wrist", "Fractura de muñeca"), Since: view.ParseDay("2021-06-02"), Ended: view.ParseDay("2021-08-20"), Over: true}, {Name: f.pick("Pneumonia", "Neumonía"), Since: view.ParseDay("2012-11"), Over: true}}}
}

func (f fixture) medicines() []view.Medication {
	return []view.Medication{
		{Name: f.pick("Metformin 500 mg tablets", "Metformina, tabletas de 500 mg"), About: f.pick("Lowers blood sugar. It helps the body to use its own insulin.", "Baja el azúcar. Ayuda al cuerpo a usar su propia insulina."), Written: f.pick("", "Metformin 500 mg tablets"), Lang: f.pick("", "en"), How: f.pick("1 tablet in the morning and 1 in the evening, with food", "1 tableta por la mañana y 1 por la noche, con comida"),
			For: f.pick("diabetes", "diabetes"), Since: view.ParseDay("2016-04-11"), By: "Dr. Mei Chen"},
		{Name: f.pick("Lisinopril 10 mg tablets", "Lisinopril, tabletas de 10 mg"), How: f.pick("1 tablet in the morning", "1 tableta por la mañana"), For: f.pick("blood pressure", "presión arterial"), Since: view.ParseDay("2019-09-30"), By: "Dr. Mei Chen"},
		{Name: "Atorvastatin 20 mg", Since: view.ParseDay("2022"), Twice: true},
		{Name: "Atorvastatin 20 mg", Since: view.ParseDay("2022"), Twice: true, Doubt: "on-hold"},
		{Name: "Ibuprofen 200 mg", NeededOnly: true, Doubt: "unknown"},
	}
}

// never is an order never to take something.
func (f fixture) never() []view.Medication {
	return []view.Medication{{Name: f.pick("Penicillin", "Penicilina"), Never: true, For: f.pick("swelling of the throat", "hinchazón de la garganta"), Since: view.ParseDay("1998-05"), By: "Dr. Mei Chen"}}
}

func (f fixture) medications() view.Model {
	return &view.Medications{Forbidden: f.never(), Proposed: []view.Medication{{Name: "Warfarin 5 mg", Doubt: "proposal", Since: view.ParseDay("2026-11-02"), By: "Dr. Mei Chen"}}, Base: unreviewed(f.patient(view.PlaceMedications, "medications")), Current: f.medicines(),
		Past: []view.Medication{{Name: "Amoxicillin 500 mg", NameLang: f.pick("", "en"), Over: true, Since: view.ParseDay("2024-01-08"), Ended: view.ParseDay("2024-01-18"), By: "Dr. Mei Chen"}}}
}

func (f fixture) allergyList() []view.Allergy {
	return []view.Allergy{
		{Name: f.pick("Penicillin", "Penicilina"), Reactions: []view.Reaction{{Name: f.pick("swelling of the face", "hinchazón de la cara")}, {Name: "trouble breathing", NameLang: f.pick("", "en")}}, Severity: "severe", High: true, Since: view.ParseDay("1998")},
		{Name: f.pick("Grass pollen", "Polen de pasto"), Reactions: []view.Reaction{{Name: f.pick("runny nose", "nariz que moquea")}}, Severity: "mild"},
	}
}

func (f fixture) allergies() view.Model {
	return &view.Allergies{Base: f.patient(view.PlaceAllergies, "allergies"), List: f.allergyList()}
}

func (f fixture) vaccines() []view.Vaccine {
	return []view.Vaccine{
		{Name: f.pick("Flu (influenza), yearly", "Gripe (influenza), anual"), About: f.pick("Guards against the flu of that season.", "Protege de la gripe de esa temporada."), Doses: []view.Dose{{On: view.ParseDay("2026-10-05"), Where: "Riverside Clinic", Lot: "FL8820"}, {On: view.ParseDay("2025-10-11"), Where: "Riverside Clinic"}, {On: view.ParseDay("2024-10-02")}}},
		{Name: f.pick("Tetanus and diphtheria (Td)", "Tétanos y difteria (Td)"), Doses: []view.Dose{{On: view.ParseDay("2020-02-17"), Weak: true}}},
	}
}

func (f fixture) immunizations() view.Model {
	return &view.Immunizations{Base: unreviewed(f.patient(view.PlaceImmunizations, "immunizations")), Vaccines: f.vaccines()}
}

func (f fixture) security() view.Model {
	return &view.Security{Base: f.patient(view.PlaceSecurity, "security"),
		Passkeys: []view.Passkey{
			{ID: "k1", Name: f.pick("My phone", "Mi teléfono"), Added: now().AddDate(-1, -2, 0), LastUsed: now().Add(-time.Hour), This: true},
			{ID: "k2", Name: f.pick("Computer at home", "Computadora de casa"), Added: now().AddDate(0, -3, 0)}},
		Sessions: []view.Session{
			{ID: "s1", Device: f.pick("Firefox on Android", "Firefox en Android"), Started: now().Add(-time.Hour), LastSeen: now(), This: true},
			{ID: "s2", Device: f.pick("Chrome on Windows", "Chrome en Windows"), Started: now().AddDate(0, 0, -1), LastSeen: now().Add(-20 * time.Hour)}}}
}

func (f fixture) securityLast() view.Model {
	s, _ := f.security().(*view.Security)
	s.Passkeys, s.Sessions = s.Passkeys[:1], s.Sessions[:1]
	s.Flash, s.Problem = "flash.passkey-removed", "problem.last-passkey"
	return s
}

func (f fixture) accessLog() view.Model {
	return &view.AccessLog{Base: f.patient(view.PlaceAccessLog, "access-log"), Entries: f.looks(), Older: "18109", Newer: true}
}

func (f fixture) clinic() view.Model {
	c := &view.Clinic{Base: f.staff(view.MenuClinic, view.PlaceClinic, "clinic", "Dr. Mei Chen", person.RoleClinician), Day: view.DayOf(now())}
	for i, p := range []struct {
		name, born string
	}{{"Walter Lindqvist", "1934-02-11"}, {"James Okoro", "1968-07-30"}, {"Elena Ruiz", "1985-12-01"}, {"Noa Ruiz", "2025-08-30"}, {"Sam Field", "1990"}} {
		line := view.ClinicPatient{ID: fmt.Sprintf("pat-%d", i), Name: p.name, Born: view.ParseDay(p.born), Age: view.AgeOn(view.ParseDay(p.born), now()), RecordNumber: fmt.Sprintf("RC-10%d4%d", i+2, i), Pattern: (i * 2) % 6}
		if i < 2 {
			line.Visit, line.Purpose = f.booked(10+i, i), person.PurposeTreatment
			c.Today = append(c.Today, line)
			continue
		}
		c.Patients = append(c.Patients, line)
	}
	last := &c.Patients[len(c.Patients)-1]
	last.Death, last.Age = &view.Death{On: view.ParseDay("2026-03-09")}, view.AgeUnknown()
	return c
}

func (f fixture) booked(hour, i int) *view.Booked {
	at := time.Date(now().Year(), now().Month(), now().Day(), hour, 30, 0, 0, now().Location())
	return &view.Booked{At: at, Reason: f.pick("Follow-up of blood sugar", "Control del azúcar"), Status: []string{"arrived", "booked"}[i%2]}
}

func (f fixture) lookedUp() view.Model {
	l := &view.LookedUp{Base: f.staff(view.MenuClinic, view.PlaceClinic, "look-up", "Samuel Brooks", person.RoleNurse), LookUp: view.LookUp{Family: "Ruiz", BornOn: "1985-12-01"}}
	born := view.ParseDay("1985-12-01")
	l.Found = []view.ClinicPatient{{ID: "pat-2", Name: "Elena Ruiz", Born: born, Age: view.AgeOn(born, now()), RecordNumber: "RC-10442", Pattern: 4},
		{ID: "pat-3", Name: "Clara Ruiz", Born: born, Age: view.AgeOn(born, now()), RecordNumber: "RC-10443", Visit: f.booked(10, 1), Purpose: person.PurposeTreatment}}
	l.More = true
	return l
}

func (f fixture) lookedUpNone() view.Model {
	return &view.LookedUp{Base: f.staff(view.MenuClinic, view.PlaceClinic, "look-up", "Samuel Brooks", person.RoleNurse), LookUp: view.LookUp{Known: "RC-10999"}}
}

func (f fixture) lookUpLacks() view.Model {
	return &view.LookedUp{Base: f.staff(view.MenuClinic, view.PlaceClinic, "look-up", "Samuel Brooks", person.RoleNurse),
		LookUp: view.LookUp{Known: "--", Family: "Ruiz", Lacks: []view.Lack{"known", "born"}}}
}

func (f fixture) clinicQuiet() view.Model {
	c, _ := f.clinic().(*view.Clinic)
	c.Today = nil
	return c
}

func (f fixture) purpose() view.Model {
	b := f.staff(view.MenuClinic, view.PlaceClinic, "chart", "Dr. Mei Chen", person.RoleClinician)
	b.Person = &view.Person{Name: "James Okoro", Relation: view.RelationPatient, Pattern: 2}
	return &view.Chart{Base: b, PatientID: "pat-1", Age: view.Age{Years: 58, Months: 700}, Purposes: []person.Purpose{person.PurposeTreatment, person.PurposeOperations}}
}

func (f fixture) chart() view.Model {
	c, _ := f.purpose().(*view.Chart)
	c.Twins, c.RouteQuery = true, "q=c2VhbGVk"
	c.Opened, c.Purpose, c.Sex, c.RecordNumber, c.Born = true, person.PurposeTreatment, "male", "RC-10341", view.ParseDay("1968-07-30")
	c.Forbidden = f.never()
	c.Allergies, c.Medications, c.Conditions, c.Vaccines = f.allergyList(), f.medicines(), f.problems(), f.vaccines()
	c.Recent, c.Results, c.Hidden, c.Visit = f.rows(), f.more()[1:2], 2, f.booked(10, 0)
	c.Vitals = []view.Row{
		row(series("v1", f.pick("Upper pressure (systolic)", "Presión alta (sistólica)"), "mmHg", view.Usual{High: bound(130), HighText: "130"}, 12, 30, 148, 131, 0), false),
		row(series("v2", f.pick("Heart rate", "Pulso"), "/min", view.Usual{Low: bound(60), High: bound(100), LowText: "60", HighText: "100"}, 12, 30, 82, 76, 0), false),
		row(series("v3", f.pick("Weight", "Peso"), "kg", view.Usual{}, 12, 30, 98.4, 93.1, 1), false)}
	more := f.more()
	c.ResultsMore = []view.Row{row(series("c-esr", f.pick("Sedimentation rate", "Velocidad de sedimentación"), "mm/h", view.Usual{High: bound(20), HighText: "20"}, 12, 30, 12, 11, 0), false)}
	c.RecentMore = append(more[:1:1], more[2:]...) // the second one is older here
	for _, rows := range [][]view.Row{c.Recent, c.RecentMore, c.Results, c.ResultsMore, c.Vitals} {
		for i := range rows {
			rows[i].Query = "c2VhbGVk"
		}
	}
	return c
}

func (f fixture) admin() view.Model {
	return &view.Admin{Base: f.staff(view.MenuAdmin, view.PlaceAdmin, "admin", "Ruth Feldman", person.RoleAdministrator),
		Accounts: []view.Account{
			{ID: "acc-6s3n4v", Name: "Ruth Feldman", Roles: []person.Role{person.RoleAdministrator}, State: view.AccountActive, Passkeys: 2, LastSeen: now(), Guarded: true, Self: true},
			{ID: "acc-b7w2mm", Name: "Dr. Mei Chen", Roles: []person.Role{person.RoleClinician, person.RolePatient}, State: view.AccountActive, Passkeys: 1, LastSeen: now().AddDate(0, 0, -1), Guarded: true},
			{ID: "acc-k4tt2a", Name: "James Okoro", Roles: []person.Role{person.RolePatient}, State: view.AccountInvited, Patient: "pat-1"},
			{ID: "acc-zq5r7d", Name: "Samuel Adeyemi", Roles: []person.Role{person.RoleNurse}, State: view.AccountSuspended, Passkeys: 1, LastSeen: now().AddDate(0, -2, 0), Guarded: true}},
		Assignments: []view.Assignment{{Clinician: "Dr. Mei Chen", ClinicianID: "acc-b7w2mm", Patient: "James Okoro", PatientID: "pat-1"}},
		Roles:       person.Roles()[:9],
		Clinicians:  []view.Choice{{ID: "acc-b7w2mm", Name: "Dr. Mei Chen"}},
		Patients:    []view.Choice{{ID: "pat-1", Name: "James Okoro"}, {ID: "pat-2", Name: "Elena Ruiz"}}}
}

func (f fixture) adminPaged() view.Model {
	a, _ := f.admin().(*view.Admin)
	a.Page, a.Newer, a.Older = "after=acc-6s3n4v", "acc-6s3n4v", "acc-zq5r7d"
	return a
}

func (f fixture) waiting() view.Model {
	reason := f.pick("Her phone was stolen; called back on the number in the file", "Le robaron el teléfono; la llamamos al número que tenemos")
	return &view.Waiting{Base: f.staff(view.MenuAdmin, view.PlaceWaiting, "waiting", "Ruth Feldman", person.RoleAdministrator), Acts: []view.WaitingAct{
		{ID: "ap1", Account: "acc-k4tt2a", For: "James Okoro", Asker: "Ingrid Halvorsen", Reason: reason, Asked: now().Add(-time.Hour), Until: now().Add(3 * time.Hour)},
		{ID: "ap2", Account: "acc-b7w2mm", For: "Dr. Mei Chen", Asker: "Ruth Feldman", Reason: reason, Asked: now(), Until: now().Add(4 * time.Hour), Own: true}}}
}

func (f fixture) confirm(state view.ApproveState, own bool) view.Model {
	a := &view.Approve{Base: f.staff(view.MenuAdmin, "", "approve", "Ruth Feldman", person.RoleAdministrator), ID: "ap1", Two: true, Own: own, State: state,
		Asker: "Ingrid Halvorsen", For: "James Okoro", Account: "acc-k4tt2a", Asked: now().Add(-time.Hour), Until: now().Add(3 * time.Hour)}
	a.Reason = f.pick("His phone was stolen; called back on the number in the file", "Le robaron el teléfono; lo llamamos al número que tenemos")
	return a
}

func (f fixture) suspension(state view.ApproveState, own bool) view.Model {
	a, _ := f.confirm(state, own).(*view.Approve)
	a.Suspend, a.For, a.Account = true, "Dalia Rahman", "acc-q3v8cd"
	a.Reason = f.pick("Her laptop was stolen at the station", "Le robaron la computadora en la estación")
	return a
}

func (f fixture) suspensionForOfficer() view.Model {
	a, _ := f.suspension("", false).(*view.Approve)
	a.Base = f.staff(view.MenuOfficer, "", "approve", "Priya Nair", person.RoleCompliance)
	a.Lapses, a.For, a.Account = true, "Ruth Feldman", "acc-m9x2pk"
	return a
}

func (f fixture) confirmed() view.Model {
	a, _ := f.confirm(view.ApproveDone, false).(*view.Approve)
	a.Link = &view.OneTimeLink{URL: "https://portal.clinic.example/enrol#Yk3vT0nGqk0mX0m7o2y9wQx1dR4sZb8uLhE6cVfJpNa", For: "James Okoro", Until: now().Add(30 * time.Minute)}
	return a
}

func (f fixture) adminLink() view.Model {
	a, _ := f.admin().(*view.Admin)
	a.Flash = "flash.link-made"
	a.Link = &view.OneTimeLink{URL: "https://portal.clinic.example/enrol#Yk3vT0nGqk0mX0m7o2y9wQx1dR4sZb8uLhE6cVfJpNa", For: "James Okoro", Until: now().Add(30 * time.Minute)}
	return a
}

func (f fixture) officer() view.Model {
	o := &view.Officer{Base: f.staff(view.MenuOfficer, view.PlaceOfficer, "officer", "Priya Nair", person.RoleCompliance),
		Filter: view.LogFilter{Outcome: "refused"}, Acts: []string{"readChart", "readLog", "signIn"}, Total: 20481, Older: "18100"}
	for i, who := range []string{"James Okoro", "Dr. Mei Chen", "import", "Samuel Adeyemi", ""} {
		e := view.LogEntry{Seq: 20481 - int64(i)*7, At: now().Add(-time.Duration(i) * 37 * time.Minute), Who: who, Role: []person.Role{person.RolePatient, person.RoleClinician, person.RoleSystem, person.RoleNurse, ""}[i],
			Act: "readChart", Patient: "James Okoro", Target: "Observation", Purpose: person.PurposeTreatment, Outcome: "allowed", Rule: "clinician-assigned", Client: "web", Request: "r-1"}
		if i == 3 {
			e.Outcome, e.Rule = "refused", ""
		}
		o.Entries = append(o.Entries, e)
	}
	return o
}

func (f fixture) verified(v view.Verification) view.Model {
	o, _ := f.officer().(*view.Officer)
	v.Size, v.Root, v.At = 20481, "q0mX0m7o2y9wQx1dR4sZb8uLhE6cVfJpNaYk3vT0nGk=", now()
	o.Verified, o.Entries = &v, nil
	return o
}

func (f fixture) approve(state view.ApproveState) view.Model {
	b := f.staff(view.MenuAdmin, "", "approve", "Ruth Feldman", person.RoleAdministrator)
	return &view.Approve{Base: b, ID: "ap1", Command: "import", Reason: "Records of new patients from Lakeside Hospital", Asked: now(), Until: now().Add(5 * time.Minute), State: state,
		Facts: []view.Fact{{Label: "file", Value: "lakeside-2026-11.json"}, {Label: "size", Value: "4.2 MB"},
			{Label: "digest", Value: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}, {Label: "unheard", Value: "x"}}}
}
