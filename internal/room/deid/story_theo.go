package deid

import "time"

// Theo's birthday, which his mother's chart knows as well.
const (
	childAge   = 6
	childMonth = time.September
	childDay   = 27
)

func child(today time.Time) Persona {
	return patientPersona(Persona{ID: "child", AssignedTo: "nurse", Relation: "son of Maya, brother of Lena",
		Kin: []Kin{{"mother", "MTH"}, {"teen", "SIS"}},
		Story: "Theo Tran, 6, is allergic to peanuts and afraid of no other thing. Ear infections marked his second winter, " +
			"a sore throat last month. His vaccine card is complete. He has a chart but no account."},
		subject{given: "Theo", family: "Tran", gender: "male", born: bornAt(today, childAge, childMonth, childDay),
			phone: "503-555-0121", address: tranHome(), language: "en", mrn: "RC-100203", contact: mayaContact()},
		today, tellChild)
}

func tellChild(c *chart) {
	peanut := snomed("91935009", "Allergy to peanut (finding)", "Peanuts")
	ears := snomed("65363002", "Otitis media (disorder)", "Middle ear infection")
	strep := snomed("43878008", "Streptococcal sore throat (disorder)", "Strep throat")
	well := snomed("410620009", "Well child visit (procedure)", "Well-child visit")
	first := c.born.AddDate(0, 14, 6)
	c.condition(condition{code: ears, onset: first, ended: first.AddDate(0, 0, 12)})
	c.condition(condition{code: ears, onset: first.AddDate(0, 5, 0), ended: first.AddDate(0, 5, 11)})
	c.condition(condition{code: strep, onset: c.daysAgo(24), ended: c.daysAgo(12)})
	c.allergy(allergy{peanut, "allergy", "food", "high", c.born.AddDate(1, 8, 3), snomed("39579001", "Anaphylaxis (disorder)", "Severe allergic reaction"), "severe"})
	c.prescribe(medicine{code: rx("3992", "epinephrine", "Epinephrine 0.15 mg auto-injector"), dose: "0.15", unit: "mg", as: true,
		words: "For a severe allergic reaction: press into the outer thigh, hold for 3 seconds, then call 911. Keep one at school.",
		since: c.born.AddDate(1, 8, 3), reason: peanut, who: proIglesias})
	c.prescribe(medicine{code: rx("308189", "Amoxicillin 80 MG/ML Oral Suspension", "Amoxicillin 400 mg per 5 mL"), dose: "6.0", unit: "mL",
		times: 2, per: "d", words: "Give 6 mL in the morning and in the evening for 10 days. Finish the bottle.", since: c.daysAgo(24), done: true, reason: strep, who: proIglesias})
	c.childGrowth(well)
	c.childEars(first, ears)
	c.childStrep(strep)
	c.schedule(infancy())
	c.flus(5)
	c.aroundChild()
}

// childGrowth follows the middle of the growth charts, as far as Theo has come.
func (c *chart) childGrowth(well concept) {
	steps := []struct {
		months int
		kg, cm int64
		note   string
	}{
		{2, 56, 584, "Smiles back. Sleeps four hours at a stretch."}, {4, 70, 639, "Rolls over. Drinks well."},
		{6, 79, 676, "Sits with help. First spoon of pear."}, {9, 89, 720, "Crawls fast. Two teeth."},
		{12, 96, 757, "First steps along the sofa."}, {18, 109, 823, "Runs. Says ten words."},
		{24, 122, 871, "Builds towers. Peanut allergy plan gone over with the family."}, {36, 143, 961, "Tells stories. Sees and hears well."},
		{48, 163, 1033, "Hops on one leg. Ready for preschool."}, {60, 183, 1100, "Writes his name. Injector for school renewed."},
		{72, 205, 1160, "Reads aloud. Wants to be a train driver."},
	}
	for _, s := range steps {
		day := workday(c.born.AddDate(0, s.months, 8))
		if !day.Before(c.daysAgo(8)) {
			break
		}
		c.growth(day, well, s.note, s.kg, s.cm)
		if s.months == 12 || s.months == 24 {
			c.report(panelLead(), day, nil, "The lead test is fine.", result{bloodLead(), 14 - int64(s.months)/6})
		}
		if s.months == 12 {
			c.report(panelBlood(), day, nil, "The blood count is fine.", result{hemoglobin().within(110, 140), 121})
		}
	}
	c.growth(c.daysAgo(6), well, "Control after the sore throat. Well again, back at school.", 210, 1172)
}

func (c *chart) childEars(first time.Time, ears concept) {
	for _, day := range []time.Time{workday(first), workday(first.AddDate(0, 5, 0))} {
		e := c.visit(visit{day: day, kind: forSymptom(), reason: ears, note: "Fever and a red left ear drum. Amoxicillin for ten days.", who: proIglesias})
		c.number(temperature(), day, e, 389+c.wobble(3))
	}
}

func (c *chart) childStrep(strep concept) {
	day := c.daysAgo(24)
	e := c.visit(visit{day: day, kind: forSymptom(), reason: strep, note: "Sore throat and fever since yesterday. Quick test positive. Amoxicillin for ten days, home until tomorrow.", who: proIglesias})
	c.number(temperature(), day, e, 386)
	m := lab("78012-2", "Streptococcus pyogenes Ag [Presence] in Throat by Rapid immunoassay", "Quick strep test", "", "", 0, none, none)
	o := c.observation(m, day, e)
	o.Issued = instant(c.clock(day, 15, 20)) // read in the room, not in the laboratory
	positive := snomed("10828004", "Positive (qualifier value)", "Positive")
	o.ValueConcept = &positive
	o.Interpretation = []concept{term("v3-ObservationInterpretation", "POS", "Positive")}
	c.add(o)
}
