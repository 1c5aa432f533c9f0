package deid

import (
	"encoding/json"
	"time"
)

// medicine is one prescription.
type medicine struct {
	code    concept
	form    string // empty: a codeable concept; "contained" or "referenced": a Medication resource
	words   string // the label on the box
	dose    string // number of units, a decimal
	unit    string
	times   int    // per period
	per     string // "d", "wk"; empty with asNeeded alone
	as      bool   // as needed
	since   time.Time
	stopped string // why it was stopped, empty while it is taken
	done    bool   // a course that has ended
	reason  concept
	who     string
}

func rx(value, display, text string) concept { return code(sysRxNorm, value, display, text) }

func tablet() concept { return snomed("385055001", "Tablet", "tablet") }

func (c *chart) prescribe(m medicine) {
	r := medicationRequestResource{Status: "active", Intent: "order", Subject: c.me,
		AuthoredOn: instant(c.clock(m.since, 15, 30)), Requester: to(m.who), DosageInstruction: []dosage{m.dosage()}}
	if m.reason.Text != "" {
		r.ReasonCode = []concept{m.reason}
	}
	switch {
	case m.stopped != "":
		r.Status, r.StatusReason = "stopped", &concept{Text: m.stopped}
	case m.done:
		r.Status = "completed"
	}
	switch m.form {
	case "contained":
		r.Contained = []medicationResource{{header: header{ResourceType: "Medication", ID: "medicine"}, Code: m.code, Form: tablet()}}
		r.MedicationRef = &ref{"#medicine", m.code.Text}
	case "referenced":
		own := c.add(medicationResource{header: c.head("Medication"), Code: m.code, Status: "active", Form: tablet()})
		own.Display = m.code.Text
		r.MedicationRef = &own
	default:
		r.Medication = &m.code
	}
	r.header = c.head("MedicationRequest")
	c.add(r)
}

func (m medicine) dosage() dosage {
	d := dosage{Text: m.words}
	if m.per != "" {
		d.Timing = &timing{timingRepeat{m.times, 1, m.per}}
	}
	if m.as {
		d.AsNeeded = &m.as
	}
	if m.dose != "" {
		d.DoseAndRate = []doseAndRate{{doseQuantity{json.Number(m.dose), m.unit}}}
	}
	return d
}

// allergy is one allergy or intolerance.
type allergy struct {
	code          concept
	kind          string // "allergy" or "intolerance"
	category      string // food, medication, environment
	criticality   string // low, high
	recorded      time.Time
	manifestation concept
	severity      string // mild, moderate, severe
}

func (c *chart) allergy(a allergy) {
	c.add(allergyResource{header: c.head("AllergyIntolerance"),
		ClinicalStatus:     term("allergyintolerance-clinical", "active", "Active"),
		VerificationStatus: term("allergyintolerance-verification", "confirmed", "Confirmed"),
		Type:               a.kind, Category: []string{a.category}, Criticality: a.criticality, Code: a.code, Patient: c.me,
		RecordedDate: date(a.recorded), Reaction: []reaction{{[]concept{a.manifestation}, a.severity}}})
}

// noAllergies says that somebody asked and there are none: not the same as silence.
func (c *chart) noAllergies(recorded time.Time) {
	c.add(allergyResource{header: c.head("AllergyIntolerance"),
		ClinicalStatus:     term("allergyintolerance-clinical", "active", "Active"),
		VerificationStatus: term("allergyintolerance-verification", "confirmed", "Confirmed"),
		Type:               "allergy", Category: []string{"medication"}, Criticality: "low",
		Code: snomed("716186003", "No known allergy (situation)", "No known allergy"), Patient: c.me, RecordedDate: date(recorded)})
}

// vaccine is a CVX code with the words on the card.
type vaccine struct{ cvx, display, text string }

func flu() vaccine {
	return vaccine{"140", "Influenza, seasonal, injectable, preservative free", "Flu"}
}
func hepB() vaccine { return vaccine{"08", "Hep B, adolescent or pediatric", "Hepatitis B"} }
func rota() vaccine { return vaccine{"119", "rotavirus, monovalent", "Rotavirus"} }
func dtap() vaccine { return vaccine{"20", "DTaP", "Diphtheria, tetanus, whooping cough (DTaP)"} }
func hib() vaccine  { return vaccine{"49", "Hib (PRP-OMP)", "Hib"} }
func pcv() vaccine  { return vaccine{"133", "Pneumococcal conjugate PCV 13", "Pneumococcal (PCV13)"} }
func ipv() vaccine  { return vaccine{"10", "IPV", "Polio"} }
func mmr() vaccine  { return vaccine{"03", "MMR", "Measles, mumps, rubella"} }
func varicella() vaccine {
	return vaccine{"21", "varicella", "Chickenpox"}
}
func hepA() vaccine { return vaccine{"83", "Hep A, ped/adol, 2 dose", "Hepatitis A"} }
func tdap() vaccine { return vaccine{"115", "Tdap", "Tetanus, diphtheria, whooping cough (Tdap)"} }
func hpv() vaccine  { return vaccine{"165", "HPV9", "HPV"} }
func menACWY() vaccine {
	return vaccine{"114", "meningococcal MCV4P", "Meningococcal ACWY"}
}
func td() vaccine {
	return vaccine{"113", "Td (adult) preservative free", "Tetanus and diphtheria (Td)"}
}
func zoster() vaccine { return vaccine{"187", "zoster recombinant", "Shingles"} }
func ppsv() vaccine {
	return vaccine{"33", "pneumococcal polysaccharide vaccine, 23 valent", "Pneumococcal (PPSV23)"}
}

func (c *chart) vaccinate(v vaccine, day time.Time, dose int) {
	r := immunizationResource{header: c.head("Immunization"), Status: "completed",
		VaccineCode: code(sysCVX, v.cvx, v.display, v.text), Patient: c.me, Occurrence: instant(c.clock(day, 16, 0)),
		PrimarySource: true, Location: toPtr(locClinic), Performer: []immunizationPerformer{{to(proBrooks)}}}
	if dose > 0 {
		r.ProtocolApplied = []protocolApplied{{dose}}
	}
	c.add(r)
}

// flus gives the flu vaccine of the last n autumns, this one's when it is over.
func (c *chart) flus(n int) {
	for i := n; i >= 0; i-- {
		day := workday(time.Date(c.today.Year()-i, time.October, 6+c.dice.IntN(18), 0, 0, 0, 0, time.UTC))
		if day.After(c.born.AddDate(0, 6, 0)) && day.Before(c.today) {
			c.vaccinate(flu(), day, 0)
		}
	}
}

// dose is a vaccine at an age in months.
type dose struct {
	months int
	v      vaccine
	number int
}

// infancy is the schedule up to school.
func infancy() []dose {
	return []dose{
		{0, hepB(), 1}, {1, hepB(), 2}, {2, dtap(), 1}, {2, ipv(), 1}, {2, hib(), 1}, {2, pcv(), 1}, {2, rota(), 1},
		{4, dtap(), 2}, {4, ipv(), 2}, {4, hib(), 2}, {4, pcv(), 2}, {4, rota(), 2}, {6, hepB(), 3}, {6, dtap(), 3},
		{6, pcv(), 3}, {12, hib(), 3}, {12, pcv(), 4}, {12, mmr(), 1}, {12, varicella(), 1}, {12, hepA(), 1},
		{15, ipv(), 3}, {16, dtap(), 4}, {18, hepA(), 2}, {49, dtap(), 5}, {49, ipv(), 4}, {49, mmr(), 2}, {49, varicella(), 2},
	}
}

// adolescence is the schedule at eleven.
func adolescence() []dose {
	return []dose{{133, tdap(), 1}, {133, hpv(), 1}, {133, menACWY(), 1}, {140, hpv(), 2}}
}

func (c *chart) schedule(doses []dose) {
	for _, d := range doses {
		c.vaccinate(d.v, workday(c.born.AddDate(0, d.months, 3)), d.number)
	}
}

// procedure is something done.
type procedure struct {
	code   concept
	day    time.Time
	who    string // empty for a procedure done elsewhere
	place  string
	reason concept
	note   string
}

func (c *chart) procedure(p procedure) {
	r := procedureResource{header: c.head("Procedure"), Status: "completed", Code: p.code, Subject: c.me,
		Performed: instant(c.clock(p.day, 16, 30))}
	if p.who != "" {
		r.Performer = []actor{{to(p.who)}}
	}
	if p.place != "" {
		r.Location = toPtr(p.place)
	}
	if p.reason.Text != "" {
		r.ReasonCode = []concept{p.reason}
	}
	if p.note != "" {
		r.Note = []annotation{{p.note}}
	}
	c.add(r)
}
