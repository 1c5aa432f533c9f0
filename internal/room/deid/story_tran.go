package deid

import "time"

// The Tran family: Maya, her daughter Lena and her son Theo.

func tranHome() address {
	a := mainStreet("14 Willow Lane")
	a.Use = "home"
	return a
}

// mayaContact is whom the clinic calls about the children.
func mayaContact() *patientContact {
	return &patientContact{Relationship: []concept{code(sysHL7+"v3-RoleCode", "MTH", "mother", "")},
		Name:    humanName{Use: "usual", Text: "Maya Tran", Family: "Tran", Given: []string{"Maya"}},
		Telecom: phone("503-555-0121", "mobile")}
}

func mother(today time.Time) Persona {
	return patientPersona(Persona{ID: "mother", HasAccount: true, AssignedTo: "doctor", Relation: "mother of Lena and Theo",
		Kin: []Kin{{"teen", "DAU"}, {"child", "SON"}},
		Story: "Maya Tran, 41, teaches music and brings up two children. Her blood count was low last year; " +
			"iron has brought it back, and the newest result says so. Migraines come and go. She does the family's paperwork on her phone after nine."},
		subject{given: "Maya", family: "Tran", gender: "female", born: bornAt(today, 41, time.March, 14),
			phone: "503-555-0121", address: tranHome(), language: "en", mrn: "RC-100201", doctor: proChen},
		today, tellMother)
}

func tellMother(c *chart) {
	anemia := snomed("87522002", "Iron deficiency anemia (disorder)", "Iron deficiency anemia")
	migraine := snomed("37796009", "Migraine (disorder)", "Migraine")
	c.condition(condition{code: migraine, onset: c.yearsAgo(8, 40)})
	c.condition(condition{code: anemia, onset: c.daysAgo(431), ended: c.daysAgo(96)})
	c.allergy(allergy{snomed("300916003", "Latex allergy (disorder)", "Latex"), "allergy", "environment", "low", c.yearsAgo(6, 12),
		snomed("126485001", "Urticaria (disorder)", "Hives"), "mild"})
	c.prescribe(medicine{code: rx("37418", "sumatriptan", "Sumatriptan 50 mg tablet"), dose: "1", unit: "tablet", as: true,
		words: "Take 1 tablet when a migraine starts. You may take one more after 2 hours. No more than 2 in a day.",
		since: c.yearsAgo(3, 8), reason: migraine, who: proChen})
	c.prescribe(medicine{code: rx("310325", "ferrous sulfate 325 MG Oral Tablet", "Iron (ferrous sulfate) 325 mg tablet"), dose: "1", unit: "tablet",
		times: 1, per: "d", words: "Take 1 tablet every morning with orange juice, for 10 months.", since: c.daysAgo(431), done: true, reason: anemia, who: proChen})

	steps := []struct {
		ago, hgb, ferritin int
		note, words        string
	}{
		{1160, 131, 38, "Yearly check-up. Feels well. Migraine about once a month.", "Your blood count is fine."},
		{795, 126, 21, "Yearly check-up. Busy year, sleeps six hours.", "Your blood count is fine. Your iron store is on the low side."},
		{431, 102, 6, "Tired for months, out of breath on stairs. Heavy periods. We start iron and look again in two months.",
			"Your blood count and your iron store are low. This explains why you are tired."},
		{361, 114, 14, "Less tired. Iron is well tolerated with juice.", "Your blood count is rising."},
		{242, 122, 27, "Back to running twice a week.", "Your blood count is back in the usual range."},
		{96, 127, 36, "Doing well. Iron can stop when the box is empty.", "Your blood count and iron store are good."},
		{4, 129, 41, "Control three months after iron was stopped.", "Your blood count stays good without iron. No more tablets are needed."},
	}
	female := hemoglobin().within(120, 155)
	for i, s := range steps {
		day, kind := c.daysAgo(s.ago), followUp()
		if i < 2 {
			kind = checkUp()
		}
		e := c.visit(visit{day: day, kind: kind, reason: anemia, note: s.note, who: proChen})
		c.report(panelBlood(), day, e, s.words, result{female, int64(s.hgb)})
		c.report(panelIron(), day, e, "", result{ferritin(), int64(s.ferritin)})
		c.pressure(day, e, 114+c.wobble(5), 72+c.wobble(4), systolic(), diastolic())
		c.number(heartRate(), day, e, 74+c.wobble(6))
		c.body(day, e, 612+c.wobble(9), 1630)
	}
	c.lipids(c.daysAgo(795), nil, "Your cholesterol is fine.", 182, 58, 96, ldl())
	c.procedure(procedure{code: snomed("440623000", "Microscopic examination of cervical Papanicolaou smear (procedure)", "Pap smear"),
		day: c.daysAgo(795), who: proChen, place: locClinic, note: "Normal. Next one in three years."})
	c.vaccinate(tdap(), workday(bornAt(c.today, childAge, childMonth, childDay).AddDate(0, -2, 0)), 0) // before Theo was born
	c.flus(5)
	c.aroundMother()
}

func teen(today time.Time) Persona {
	return patientPersona(Persona{ID: "teen", HasAccount: true, AssignedTo: "nurse", Relation: "daughter of Maya, sister of Theo",
		Kin: []Kin{{"mother", "MTH"}, {"child", "BRO"}},
		Story: "Lena Tran, 15, plays midfield and has asthma that mostly behaves. Grass in June is her enemy; " +
			"a twisted ankle has just cost her six weeks on the bench. She has her own account and wants to understand her own inhaler."},
		subject{given: "Lena", family: "Tran", gender: "female", born: bornAt(today, 15, time.June, 2),
			phone: "503-555-0122", address: tranHome(), language: "en", mrn: "RC-100202", contact: mayaContact()},
		today, tellTeen)
}

func tellTeen(c *chart) {
	asthma := snomed("195967001", "Asthma (disorder)", "Asthma")
	hayFever := snomed("367498001", "Seasonal allergic rhinitis (disorder)", "Hay fever")
	sprain := snomed("44465007", "Sprain of ankle (disorder)", "Sprained ankle")
	c.condition(condition{code: asthma, onset: c.born.AddDate(7, 4, 2)})
	c.condition(condition{code: hayFever, onset: c.born.AddDate(8, 0, 9)})
	c.condition(condition{code: sprain, onset: c.daysAgo(72), ended: c.daysAgo(20)})
	c.allergy(allergy{snomed("418689008", "Allergy to grass pollen (finding)", "Grass pollen"), "allergy", "environment", "low",
		c.born.AddDate(8, 0, 9), snomed("49727002", "Cough (finding)", "Cough"), "mild"})
	c.prescribe(medicine{code: rx("745679", "200 ACTUAT Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "Albuterol inhaler (rescue)"), dose: "2", unit: "puff", as: true,
		words: "Breathe in 2 puffs when you wheeze, and 15 minutes before sports.", since: c.born.AddDate(7, 4, 2), reason: asthma, who: proIglesias})
	c.prescribe(medicine{code: rx("895994", "120 ACTUAT Fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler", "Fluticasone inhaler (every day)"), dose: "2", unit: "puff",
		times: 2, per: "d", words: "Breathe in 2 puffs in the morning and in the evening. Rinse your mouth after it.", since: c.yearsAgo(2, 30), reason: asthma, who: proIglesias})
	c.prescribe(medicine{code: rx("1014678", "cetirizine hydrochloride 10 MG Oral Tablet", "Cetirizine 10 mg tablet"), dose: "1", unit: "tablet",
		times: 1, per: "d", as: true, words: "Take 1 tablet a day in grass season, from May to July.", since: c.yearsAgo(1, 180), reason: hayFever, who: proIglesias})
	c.prescribe(medicine{code: rx("310965", "Ibuprofen 200 MG Oral Tablet", "Ibuprofen 200 mg tablet"), dose: "1", unit: "tablet",
		times: 3, per: "d", words: "Take 1 tablet three times a day with food, for 5 days.", since: c.daysAgo(72), done: true, reason: sprain, who: proIglesias})

	kg := curve{{60, 331}, {48, 372}, {36, 428}, {24, 489}, {12, 531}, {0, 556}}
	cm := curve{{60, 1391}, {48, 1453}, {36, 1528}, {24, 1586}, {12, 1621}, {0, 1637}}
	for _, months := range []int{59, 47, 35, 23, 11} {
		c.growth(c.daysAgo(months*30+11), asthma, "Yearly check-up and asthma control. Inhaler technique shown again.", kg.at(months), cm.at(months))
	}
	day := c.daysAgo(72)
	e := c.visit(visit{day: day, kind: forSymptom(), reason: sprain, note: "Twisted the right ankle at practice. No sign of a break. Rest, ice, a brace for four weeks.", who: proIglesias})
	c.procedure(procedure{code: snomed("274474001", "Bone immobilization (procedure)", "Ankle brace fitted"), day: day, who: proBrooks, place: locClinic, reason: sprain})
	c.number(heartRate(), day, e, 82)
	c.growth(c.daysAgo(5), asthma, "Back on the field. Asthma calm: no night cough, rescue inhaler once a week.", 556, 1637)
	c.procedure(procedure{code: snomed("23426006", "Measurement of respiratory function (procedure)", "Lung function test"), day: c.daysAgo(5),
		who: proBrooks, place: locClinic, reason: asthma, note: "Lung function as expected for age and height."})
	c.report(panelBlood(), c.daysAgo(5), nil, "Your blood count is fine.", result{hemoglobin().within(115, 153), 132})
	c.schedule(infancy())
	c.schedule(adolescence())
	c.flus(4)
	c.aroundTeen()
}

// growth is a child's check-up.
func (c *chart) growth(day time.Time, reason concept, note string, kg, cm int64) {
	e := c.visit(visit{day: day, kind: checkUp(), reason: reason, note: note, who: proIglesias})
	c.body(day, e, kg, cm)
	pulse, usual := heartOf(c.ageAt(day))
	c.number(usual, day, e, pulse+c.wobble(7))
	c.number(oxygen(), day, e, 98+c.wobble(1))
	if c.ageAt(day) >= 3 {
		c.pressure(day, e, 102+c.wobble(5), 62+c.wobble(4), systolic().within(80, 120), diastolic().within(45, 80))
	}
}

// heartOf is a child's resting pulse at that age and its usual range.
func heartOf(years int) (int64, measure) {
	switch {
	case years < 1:
		return 128, heartRate().within(100, 160)
	case years < 3:
		return 112, heartRate().within(90, 150)
	case years < 6:
		return 98, heartRate().within(75, 130)
	case years < 12:
		return 86, heartRate().within(65, 120)
	default:
		return 76, heartRate().within(55, 110)
	}
}
