package deid

import (
	"fmt"
	"html"
	"math/rand/v2"
	"time"
)

// subject is the person whom a chart is about.
type subject struct {
	space         string // identifier space of the chart
	given, family string
	gender        string // FHIR administrative gender
	born          time.Time
	phone, email  string
	address       address
	language      string // BCP 47: "en" or "es"
	mrn           string
	doctor        string // shared label of the clinician who cares, empty for none
	contact       *patientContact
}

func (s subject) fullURL() string { return urn(uuid(s.space, "patient")) }
func (s subject) name() string    { return s.given + " " + s.family }

// ageAt is the age in whole years on the day d.
func (s subject) ageAt(d time.Time) int { return age(s.born, d) }

func age(born, d time.Time) int {
	years := d.Year() - born.Year()
	if d.Month() < born.Month() || d.Month() == born.Month() && d.Day() < born.Day() {
		years--
	}
	return years
}

// chart writes the resources of one subject, oldest thoughts first. Its
// methods return references, so that a story reads in the order it happened.
type chart struct {
	*bundleWriter
	subject
	today time.Time      // midnight UTC; everything but appointments, plans and targets lies before it
	zone  *time.Location // of the clinic's wall clock, by which everything happens that has a time
	me    ref
	dice  *rand.Rand
	count map[string]int
	came  map[string]time.Time // when the visit of a day began

	// labBy and vitalBy are the shared labels of who measures.
	labBy, vitalBy string
}

func newChart(b *bundleWriter, s subject, today time.Time) *chart {
	return &chart{bundleWriter: b, subject: s, today: today, dice: dice(s.space),
		zone: time.UTC, me: ref{Reference: s.fullURL()}, count: map[string]int{}, came: map[string]time.Time{}, labBy: orgLab, vitalBy: proBrooks}
}

// head numbers the resources of each type.
func (c *chart) head(kind string) header {
	c.count[kind]++
	h := head(kind, c.space, fmt.Sprintf("%s/%d", kind, c.count[kind]))
	switch kind {
	case "Encounter", "DiagnosticReport", "MedicationRequest", "Procedure":
		h.Language = "en" // their notes and labels are written so, whoever reads them
	}
	return h
}

// daysAgo is a working day n days before today or a little earlier.
func (c *chart) daysAgo(n int) time.Time { return workday(c.today.AddDate(0, 0, -max(n, 1))) }

// yearsAgo is a working day n years and some days before today.
func (c *chart) yearsAgo(n, days int) time.Time { return c.daysAgo(n*365 + n/4 + days) }

// workday moves a weekend back to its Friday: the clinic is closed.
func workday(d time.Time) time.Time {
	switch d.Weekday() {
	case time.Saturday:
		return d.AddDate(0, 0, -1)
	case time.Sunday:
		return d.AddDate(0, 0, -2)
	default:
		return d
	}
}

// clock is a time of that day on the clinic's wall clock.
func (c *chart) clock(d time.Time, hour, minute int) time.Time {
	y, m, day := d.Date()
	return time.Date(y, m, day, hour, minute, 0, 0, c.zone)
}

// wobble is a small deviation in [-n, n]: bodies and devices are never exact.
func (c *chart) wobble(n int64) int64 { return c.dice.Int64N(2*n+1) - n }

func (c *chart) patient() {
	languages := map[string]string{"en": "English", "es": "Spanish"}
	p := patientResource{
		header:     head("Patient", c.space, "patient"),
		Identifier: []identifier{{"usual", sysMRN, c.mrn}}, Active: true,
		Name:    []humanName{{Use: "official", Text: c.name(), Family: c.family, Given: []string{c.given}}},
		Telecom: []contactPoint{{"phone", c.phone, "home"}, {"email", c.email, "home"}},
		Gender:  c.gender, BirthDate: date(c.born), Address: []address{c.address},
		Communication: []communication{{Language: concept{
			Coding: []coding{{sysBCP47, c.language, languages[c.language]}}, Text: languages[c.language]}, Preferred: true}},
		ManagingOrg: toPtr(orgClinic),
	}
	if c.doctor != "" {
		p.GeneralPractitioner = []ref{to(c.doctor)}
	}
	if c.contact != nil {
		p.Contact = []patientContact{*c.contact}
	}
	c.add(p)
}

// visit is one encounter: what it was for and what the note says.
type visit struct {
	day          time.Time
	kind, reason concept
	note         string
	more         string        // XHTML after the note, for the longer ones
	language     string        // of the note, empty for English
	who          string        // shared label of the clinician
	stay         time.Duration // over a day makes it an inpatient stay at the hospital
}

func checkUp() concept { return snomed("185349003", "Encounter for check up (procedure)", "Check-up") }
func followUp() concept {
	return snomed("390906007", "Follow-up encounter (procedure)", "Follow-up visit")
}
func forSymptom() concept {
	return snomed("185345009", "Encounter for symptom (procedure)", "Visit for a complaint")
}

func (c *chart) visit(v visit) *ref {
	start := c.clock(v.day, 15, 10*c.dice.IntN(6))
	c.came[date(v.day)] = start
	end, class := start.Add(25*time.Minute), coding{sysHL7 + "v3-ActCode", "AMB", "ambulatory"}
	place, org := locClinic, orgClinic
	if v.stay > 0 {
		end, class = start.Add(v.stay), coding{sysHL7 + "v3-ActCode", "IMP", "inpatient encounter"}
		place, org = locHospital, orgHospital
	}
	h := c.head("Encounter")
	if v.note != "" {
		h.Text = &narrative{"additional", `<div xmlns="http://www.w3.org/1999/xhtml"><p>` + html.EscapeString(v.note) + `</p>` + v.more + `</div>`}
	}
	if v.language != "" {
		h.Language = v.language
	}
	r := c.add(encounterResource{header: h, Status: "finished", Class: class, Type: []concept{v.kind}, Subject: c.me,
		Participant: []participant{{to(v.who)}}, Period: period{instant(start), instant(end)},
		ReasonCode: []concept{v.reason}, Location: []encounterLocation{{to(place)}}, ServiceProvider: to(org)})
	return &r
}

// condition is one line of the problem list.
type condition struct {
	code  concept
	onset time.Time
	ended time.Time // zero while it lasts
}

func (c *chart) condition(p condition) {
	status, ended := term("condition-clinical", "active", "Active"), ""
	if !p.ended.IsZero() {
		status, ended = term("condition-clinical", "resolved", "Resolved"), date(p.ended)
	}
	c.add(conditionResource{header: c.head("Condition"), ClinicalStatus: status,
		VerificationStatus: term("condition-ver-status", "confirmed", "Confirmed"),
		Category:           []concept{term("condition-category", "problem-list-item", "Problem List Item")},
		Code:               p.code, Subject: c.me, Onset: date(p.onset), Abatement: ended, RecordedDate: date(p.onset)})
}

// observation prepares what every observation shares. Laboratory values are
// issued the next afternoon, vital signs at once.
func (c *chart) observation(m measure, day time.Time, enc *ref) observationResource {
	o := observationResource{header: c.head("Observation"), Status: "final",
		Code: code(sysLOINC, m.loinc, m.display, m.text), Subject: c.me, Encounter: enc}
	if m.vital {
		o.Category = []concept{term("observation-category", "vital-signs", "Vital Signs")}
		o.Effective, o.Issued = instant(c.clock(day, 15, 5)), instant(c.clock(day, 15, 6))
		o.Performer = []ref{to(c.vitalBy)}
		return o
	}
	o.Category = []concept{term("observation-category", "laboratory", "Laboratory")}
	o.Effective, o.Issued = instant(c.clock(day, 14, 20)), instant(c.clock(c.nextDay(day), 18, 40))
	o.Performer = []ref{to(c.labBy)}
	return o
}

// nextDay is the day after, never today or later.
func (c *chart) nextDay(day time.Time) time.Time {
	next := day.AddDate(0, 0, 1)
	if next.Before(c.today) {
		return next
	}
	return day
}

func (c *chart) number(m measure, day time.Time, enc *ref, v int64) ref {
	o := c.observation(m, day, enc)
	q := m.quantity(v)
	o.Value, o.Interpretation, o.ReferenceRange = &q, m.judge(v), m.ranges()
	return c.add(o)
}

// pressure is a blood pressure with its two components.
func (c *chart) pressure(day time.Time, enc *ref, sys, dia int64, upper, lower measure) {
	o := c.observation(vital("85354-9", "Blood pressure panel with all children optional", "Blood pressure", "", "", 0, none, none), day, enc)
	for _, part := range []struct {
		m measure
		v int64
	}{{upper, sys}, {lower, dia}} {
		o.Component = append(o.Component, component{Code: code(sysLOINC, part.m.loinc, part.m.display, part.m.text),
			Value: part.m.quantity(part.v), Interpretation: part.m.judge(part.v), ReferenceRange: part.m.ranges()})
	}
	c.add(o)
}

// body is weight, height and the BMI that follows from them; children's BMI
// has no adult range.
func (c *chart) body(day time.Time, enc *ref, kg, cm int64) {
	c.number(weight(), day, enc, kg)
	c.number(height(), day, enc, cm)
	m := bmi()
	if c.ageAt(day) < 20 {
		m = m.within(none, none)
	}
	c.number(m, day, enc, bodyMass(kg, cm))
}

// result is one line of a report.
type result struct {
	m measure
	v int64
}

// report writes the results and the report that holds them.
func (c *chart) report(p panel, day time.Time, enc *ref, words string, results ...result) {
	refs := make([]ref, 0, len(results))
	for _, r := range results {
		refs = append(refs, c.number(r.m, day, enc, r.v))
	}
	c.reportOf(p, day, enc, words, refs)
}

func (c *chart) reportOf(p panel, day time.Time, enc *ref, words string, refs []ref) {
	c.add(reportResource{header: c.head("DiagnosticReport"), Status: "final",
		Category: []concept{term("v2-0074", "LAB", "Laboratory")}, Code: code(sysLOINC, p.loinc, p.display, p.text),
		Subject: c.me, Encounter: enc, Effective: instant(c.clock(day, 14, 20)),
		Issued: instant(c.clock(c.nextDay(day), 18, 45)), Performer: []ref{to(c.labBy)}, Result: refs, Conclusion: words})
}

// lipids is a cholesterol panel whose LDL follows from the other three.
func (c *chart) lipids(day time.Time, enc *ref, words string, total, high, trig int64, goal measure) {
	c.report(panelLipids(), day, enc, words, result{cholesterol(), total}, result{hdl(), high},
		result{triglycerides(), trig}, result{goal, lowDensity(total, high, trig)})
}
