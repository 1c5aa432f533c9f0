package deid

import "time"

// The Salazar family: Ernesto and his daughter Lucía, who cares for him.

func elder(today time.Time) Persona {
	home := mainStreet("7 Orchard Court")
	home.Use = "home"
	return patientPersona(Persona{ID: "elder", HasAccount: true, AssignedTo: "doctor", Relation: "father of Lucía",
		Kin: []Kin{{"daughter", "DAU"}},
		Story: "Ernesto Salazar, 91, built half the roofs in town. His heart is weak and beats unevenly; a year ago water in the lungs put him in hospital for four days. " +
			"Eleven prescriptions, three things he must not get, a new pair of eyes since the cataract operation. He reads at 400 percent and weighs himself every morning."},
		subject{given: "Ernesto", family: "Salazar", gender: "male", born: bornAt(today, 91, time.August, 9),
			phone: "503-555-0141", address: home, language: "es", mrn: "RC-100417", doctor: proChen,
			contact: &patientContact{Relationship: []concept{code(sysHL7+"v3-RoleCode", "DAU", "natural daughter", "Daughter and caregiver")},
				Name:    humanName{Use: "usual", Text: "Lucía Salazar", Family: "Salazar", Given: []string{"Lucía"}},
				Telecom: phone("503-555-0142", "mobile")}},
		today, tellElder)
}

func heartFailure() concept {
	return snomed("88805009", "Chronic congestive heart failure (disorder)", "Heart failure")
}
func fibrillation() concept {
	return snomed("49436004", "Atrial fibrillation (disorder)", "Uneven heartbeat (atrial fibrillation)")
}
func thyroid() concept {
	return snomed("40930008", "Hypothyroidism (disorder)", "Underactive thyroid")
}
func prostate() concept {
	return snomed("266569009", "Benign prostatic hyperplasia (disorder)", "Enlarged prostate")
}
func kneeArthritis() concept {
	return snomed("239873007", "Osteoarthritis of knee (disorder)", "Worn knee joint (osteoarthritis)")
}

func tellElder(c *chart) {
	cataract := snomed("193570009", "Cataract (disorder)", "Cataract")
	for _, p := range []condition{
		{code: hypertension(), onset: c.yearsAgo(31, 0)}, {code: kneeArthritis(), onset: c.yearsAgo(18, 60)},
		{code: prostate(), onset: c.yearsAgo(14, 0)}, {code: thyroid(), onset: c.yearsAgo(11, 90)},
		{code: fibrillation(), onset: c.yearsAgo(7, 20)}, {code: heartFailure(), onset: c.yearsAgo(4, 150)},
		{code: snomed("15188001", "Hearing loss (disorder)", "Hearing loss"), onset: c.yearsAgo(9, 0)},
		{code: cataract, onset: c.yearsAgo(5, 0), ended: c.yearsAgo(2, 40)},
	} {
		c.condition(p)
	}
	c.elderAllergies()
	c.elderMedicines()
	for k := 12; k >= 0; k-- {
		c.elderQuarter(k)
	}
	c.elderStay()
	c.procedure(procedure{code: snomed("54885007", "Extraction of cataract (procedure)", "Cataract operation, both eyes"), day: c.yearsAgo(2, 40), place: locHospital, reason: cataract})
	c.procedure(procedure{code: snomed("433236007", "Transthoracic echocardiography (procedure)", "Ultrasound of the heart"), day: c.daysAgo(402), place: locHospital, reason: heartFailure(),
		note: "The left chamber pumps less than it should. No change since the last one."})
	c.vaccinate(ppsv(), c.yearsAgo(20, 0), 1)
	c.vaccinate(zoster(), c.yearsAgo(6, 0), 1)
	c.vaccinate(zoster(), c.yearsAgo(5, 250), 2)
	c.vaccinate(td(), c.yearsAgo(6, 100), 0)
	c.flus(6)
	c.aroundElder()
}

func (c *chart) elderAllergies() {
	c.allergy(allergy{snomed("91936005", "Allergy to penicillin (finding)", "Penicillin"), "allergy", "medication", "high", c.yearsAgo(40, 0),
		snomed("39579001", "Anaphylaxis (disorder)", "Severe allergic reaction"), "severe"})
	c.allergy(allergy{snomed("91939003", "Allergy to sulfonamide (finding)", "Sulfa antibiotics"), "allergy", "medication", "low", c.yearsAgo(22, 0),
		snomed("271807003", "Eruption of skin (disorder)", "Rash"), "moderate"})
	c.allergy(allergy{code(sysRxNorm, "29046", "lisinopril", "Lisinopril"), "intolerance", "medication", "low", c.yearsAgo(8, 30),
		snomed("49727002", "Cough (finding)", "Dry cough"), "mild"})
}

func (c *chart) elderMedicines() {
	for _, m := range []medicine{
		{code: rx("855332", "warfarin sodium 5 MG Oral Tablet", "Warfarin 5 mg tablet"), words: "As written in the warfarin book.", since: c.yearsAgo(7, 20), reason: fibrillation(), stopped: "Changed to apixaban: fewer blood tests"},
		{code: rx("1364435", "apixaban 2.5 MG Oral Tablet", "Apixaban 2.5 mg tablet"), form: "referenced", words: "Take 1 tablet in the morning and 1 in the evening. Never skip it.", times: 2, since: c.yearsAgo(4, 100), reason: fibrillation()},
		{code: rx("866436", "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet", "Metoprolol 50 mg long-acting tablet"), words: "Take 1 tablet every morning. Do not chew it.", since: c.yearsAgo(7, 10), reason: fibrillation()},
		{code: rx("310429", "furosemide 20 MG Oral Tablet", "Furosemide 20 mg tablet"), words: "Take 1 tablet every morning.", since: c.yearsAgo(4, 150), reason: heartFailure(), stopped: "Changed to the 40 mg tablet after the hospital stay"},
		{code: rx("313988", "furosemide 40 MG Oral Tablet", "Furosemide 40 mg tablet (water tablet)"), words: "Take 1 tablet every morning. Call us if you gain 2 kg in 3 days.", since: c.daysAgo(398), reason: heartFailure()},
		{code: rx("979492", "losartan potassium 50 MG Oral Tablet", "Losartan 50 mg tablet"), words: "Take 1 tablet every morning.", since: c.yearsAgo(8, 28), reason: hypertension()},
		{code: rx("966222", "levothyroxine sodium 0.075 MG Oral Tablet", "Levothyroxine 75 microgram tablet"), words: "Take 1 tablet every morning, half an hour before breakfast, with water.", since: c.yearsAgo(11, 80), reason: thyroid()},
		{code: rx("863669", "tamsulosin hydrochloride 0.4 MG Oral Capsule", "Tamsulosin 0.4 mg capsule"), words: "Take 1 capsule after supper.", unit: "capsule", since: c.yearsAgo(14, 0), reason: prostate()},
		{code: rx("617310", "atorvastatin 20 MG Oral Tablet", "Atorvastatin 20 mg tablet"), words: "Take half a tablet every evening.", dose: "0.5", since: c.yearsAgo(12, 0), reason: hyperlipidemia()},
		{code: rx("198051", "omeprazole 20 MG Delayed Release Oral Capsule", "Omeprazole 20 mg capsule"), words: "Take 1 capsule before breakfast, to protect the stomach.", unit: "capsule", since: c.yearsAgo(7, 20)},
		{code: rx("2418", "cholecalciferol", "Vitamin D3 1000 units tablet"), words: "Take 1 tablet every day.", since: c.yearsAgo(6, 0)},
		{code: rx("198440", "acetaminophen 500 MG Oral Tablet", "Acetaminophen 500 mg tablet"), words: "Take 1 tablet when the knee hurts. No more than 6 in a day.", as: true, since: c.yearsAgo(9, 0), reason: kneeArthritis()},
		{code: rx("313988", "furosemide 40 MG Oral Tablet", "Furosemide 40 mg tablet, extra"), words: "Take 1 more tablet at noon on days when the scale shows 2 kg more. Then call us.", as: true, since: c.daysAgo(390), reason: heartFailure()},
	} {
		m.who = proChen
		if m.dose == "" && m.words != "As written in the warfarin book." {
			m.dose = "1"
		}
		if m.unit == "" {
			m.unit = "tablet"
		}
		if !m.as && m.dose != "" {
			m.times, m.per = max(m.times, 1), "d"
		}
		c.prescribe(m)
	}
}

// elderQuarter is a visit k quarters ago; the hospital stay lies between 5 and 4.
func (c *chart) elderQuarter(k int) {
	day := c.daysAgo(3 + 91*k)
	note := "Regular control with Lucía. Weight book and medicines gone through."
	switch k {
	case 5:
		note = "Legs swell in the evening, two pillows at night. Salt gone through. Come back in two weeks."
	case 4:
		note = "After the hospital stay: breathes easily, sleeps flat. Water tablet stays at 40 mg."
	case 0:
		note = "Steady. Weight has moved less than one kilo in half a year. Walks to the corner and back."
	}
	e := c.visit(visit{day: day, kind: followUp(), reason: heartFailure(), note: note, who: proChen})
	c.report(panelHeart(), day, e, elderWords(k), result{ntProBNP(), curve{{12, 2050}, {7, 2380}, {5, 3310}, {4, 2190}, {2, 1820}, {0, 1690}}.at(k) + c.wobble(60)})
	crea := 128 + c.wobble(4)
	c.report(panelMetabolic(), day, e, "", result{creatinine(), crea}, result{egfr(), filtration(crea, c.ageAt(day), false)},
		result{potassium(), 43 + c.wobble(3)}, result{sodium(), 138 + c.wobble(2)}, result{glucose(), 94 + c.wobble(7)})
	if k%2 == 0 {
		c.report(panelThyroid(), day, e, "", result{tsh(), 240 + c.wobble(40)})
		c.report(panelBlood(), day, e, "", result{hemoglobin(), 137 + c.wobble(4)})
	}
	c.pressure(day, e, 126+c.wobble(6), 70+c.wobble(5), systolic(), diastolic())
	c.number(heartRate(), day, e, 72+c.wobble(6))
	c.number(oxygen(), day, e, 96+c.wobble(1))
	c.body(day, e, curve{{12, 742}, {6, 751}, {5, 776}, {4, 744}, {0, 739}}.at(k)+c.wobble(4), 1680)
}

func elderWords(k int) string {
	switch k {
	case 5:
		return "The strain on your heart has risen."
	case 0:
		return "The strain on your heart is the lowest in three years."
	default:
		return ""
	}
}

func (c *chart) elderStay() {
	day := c.daysAgo(402)
	e := c.visit(visit{day: day, kind: snomed("183452005", "Emergency hospital admission (procedure)", "Hospital stay"), reason: heartFailure(), who: proChen, stay: 96 * time.Hour,
		note: "Water in the lungs. Furosemide by vein, four kilos of water lost in four days. Home with a stronger water tablet and a weight book."})
	c.report(panelHeart(), day, e, "The strain on your heart is high.", result{ntProBNP(), 5420})
	c.number(oxygen(), day, e, 89)
	c.number(weight(), day, e, 789)
	c.pressure(day, e, 148, 88, systolic(), diastolic())
}

func daughter(today time.Time) Persona {
	home := mainStreet("22 Orchard Court")
	home.Use = "home"
	return patientPersona(Persona{ID: "daughter", HasAccount: true, Relation: "daughter and caregiver of Ernesto",
		Kin: []Kin{{"elder", "FTH"}},
		Story: "Lucía Salazar, 58, keeps the books of a bakery, looks after her father three doors down, and thinks in Spanish. " +
			"Her thyroid was slow last year; the newest test, 2.10, says that the tablet is right. Her sugar is a little high, her patience is not. Her own doctor is Dr. Iglesias."},
		subject{given: "Lucía", family: "Salazar", gender: "female", born: bornAt(today, 58, time.November, 5),
			phone: "503-555-0142", address: home, language: "es", mrn: "RC-100418", doctor: proIglesias},
		today, tellDaughter)
}

func tellDaughter(c *chart) {
	prediabetes := snomed("15777000", "Prediabetes (finding)", "Prediabetes")
	back := snomed("279039007", "Low back pain (finding)", "Low back pain")
	c.condition(condition{code: thyroid(), onset: c.daysAgo(402)})
	c.condition(condition{code: prediabetes, onset: c.daysAgo(770)})
	c.condition(condition{code: back, onset: c.daysAgo(240), ended: c.daysAgo(170)})
	c.noAllergies(c.daysAgo(402))
	c.prescribe(medicine{code: rx("966222", "levothyroxine sodium 0.075 MG Oral Tablet", "Levothyroxine 75 microgram tablet"), dose: "1", unit: "tablet", times: 1, per: "d",
		words: "Take 1 tablet every morning, half an hour before breakfast, with water.", since: c.daysAgo(402), reason: thyroid(), who: proIglesias})
	c.prescribe(medicine{code: rx("310965", "Ibuprofen 200 MG Oral Tablet", "Ibuprofen 200 mg tablet"), dose: "2", unit: "tablet", times: 2, per: "d",
		words: "Take 2 tablets in the morning and in the evening with food, for 7 days.", since: c.daysAgo(240), done: true, reason: back, who: proIglesias})
	steps := []struct {
		ago, tsh, a1c, total int
		note, words          string
	}{
		{1130, 288, 56, 196, "Yearly check-up.", "Your thyroid is fine."},
		{770, 351, 58, 204, "Yearly check-up. Sugar slightly up. Talked about walking and bread.", "Your thyroid is fine."},
		{402, 812, 60, 219, "Tired, cold, weight up. The thyroid is slow. Started levothyroxine.", "Your thyroid is slow. A small tablet every morning replaces what is missing."},
		{310, 436, 59, 211, "Warmer, more awake. Same dose for now.", "Your thyroid is nearly where it should be."},
		{3, 210, 58, 202, "Feels like herself. Caring for her father is a lot; the clinic's social worker will call.", "Your thyroid is right where it should be. Keep the same tablet."},
	}
	for _, s := range steps {
		day := c.daysAgo(s.ago)
		e := c.visit(visit{day: day, kind: checkUp(), reason: thyroid(), note: s.note, who: proIglesias})
		c.report(panelThyroid(), day, e, s.words, result{tsh(), int64(s.tsh)})
		c.report(panelA1c(), day, e, "", result{a1c(), int64(s.a1c)})
		c.lipids(day, e, "", int64(s.total), 54+c.wobble(2), 132+c.wobble(10), ldl())
		c.pressure(day, e, 122+c.wobble(5), 76+c.wobble(4), systolic(), diastolic())
		c.body(day, e, 684+c.wobble(8), 1600)
	}
	c.procedure(procedure{code: snomed("71651007", "Mammography (procedure)", "Mammogram"), day: c.daysAgo(260), place: locHospital, note: "Normal. Next one in two years."})
	c.procedure(procedure{code: snomed("73761001", "Colonoscopy (procedure)", "Colonoscopy"), day: c.yearsAgo(5, 40), place: locHospital, note: "Normal. Next one in ten years."})
	c.flus(3)
	c.vaccinate(td(), c.yearsAgo(4, 10), 0)
	c.aroundDaughter()
}
