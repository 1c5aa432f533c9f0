package deid

import (
	"math"
	"time"
)

// quarters is how long James Okoro's laboratory story is: ten years.
const quarters = 40

func chronic(today time.Time) Persona {
	home := mainStreet("230 Mill Road")
	home.Use = "home"
	return patientPersona(Persona{ID: "chronic", HasAccount: true, AssignedTo: "doctor", Relation: "patient of Dr. Chen for ten years",
		Story: "James Okoro, 62, drove a city bus for thirty years. Diabetes was found ten years ago with an A1c of 9.4; tablets helped, then wore off, " +
			"and since a new medicine two years ago it has fallen to 7.4, close to his goal of 7.0. His kidneys filtered a little less every year and have held steady since. " +
			"Half a year ago he stopped his cholesterol tablet, and the newest LDL shows it."},
		subject{given: "James", family: "Okoro", gender: "male", born: bornAt(today, 62, time.February, 20),
			phone: "503-555-0131", address: home, language: "en", mrn: "RC-100311", doctor: proChen},
		today, tellChronic)
}

// quarter is the day of the visit k quarters ago; the last one was four days ago.
func (c *chart) quarter(k int) time.Time { return c.daysAgo(4 + 91*k) }

// The problems that James's visits and medicines are about.
func diabetes() concept {
	return snomed("44054006", "Diabetes mellitus type 2 (disorder)", "Type 2 diabetes")
}
func hypertension() concept {
	return snomed("59621000", "Essential hypertension (disorder)", "High blood pressure")
}
func hyperlipidemia() concept {
	return snomed("55822004", "Hyperlipidemia (disorder)", "High cholesterol")
}
func kidneys() concept {
	return snomed("433144002", "Chronic kidney disease stage 3 (disorder)", "Chronic kidney disease, stage 3")
}

func tellChronic(c *chart) {
	c.condition(condition{code: diabetes(), onset: c.quarter(40)})
	c.condition(condition{code: hypertension(), onset: c.quarter(40).AddDate(-3, 0, 0)})
	c.condition(condition{code: hyperlipidemia(), onset: c.quarter(39)})
	c.condition(condition{code: kidneys(), onset: c.quarter(9)})
	c.allergy(allergy{snomed("300913006", "Allergy to shellfish (finding)", "Shellfish"), "allergy", "food", "low", c.quarter(37),
		snomed("126485001", "Urticaria (disorder)", "Hives"), "moderate"})
	c.chronicMedicines()
	for k := quarters; k >= 0; k-- {
		c.chronicQuarter(k)
	}
	c.procedure(procedure{code: snomed("73761001", "Colonoscopy (procedure)", "Colonoscopy"), day: c.quarter(33), who: proChen, place: locHospital,
		note: "No polyps. Next one in ten years."})
	for y := 9; y >= 0; y-- {
		c.procedure(procedure{code: snomed("401191002", "Diabetic foot examination (regime/therapy)", "Diabetic foot check"), day: c.quarter(4*y + 1),
			who: proBrooks, place: locClinic, reason: diabetes(), note: "Skin, pulses and feeling are good."})
	}
	c.vaccinate(ppsv(), c.quarter(30), 1)
	c.vaccinate(td(), c.quarter(22), 0)
	c.vaccinate(zoster(), c.quarter(12), 1)
	c.vaccinate(zoster(), c.quarter(10), 2)
	c.flus(10)
	c.aroundChronic()
}

func (c *chart) chronicMedicines() {
	daily := func(code concept, words string, k int, why concept) medicine {
		return medicine{code: code, words: words, dose: "1", unit: "tablet", times: 1, per: "d", since: c.quarter(k), reason: why, who: proChen}
	}
	m := daily(rx("861007", "metformin hydrochloride 500 MG Oral Tablet", "Metformin 500 mg tablet"), "Take 1 tablet twice a day with meals.", 40, diabetes())
	m.times, m.stopped = 2, "Changed to the 1000 mg tablet"
	c.prescribe(m)
	m = daily(rx("861004", "metformin hydrochloride 1000 MG Oral Tablet", "Metformin 1000 mg tablet"), "Take 1 tablet twice a day with meals.", 36, diabetes())
	m.times = 2
	c.prescribe(m)
	m = daily(rx("310490", "glipizide 5 MG Oral Tablet", "Glipizide 5 mg tablet"), "Take 1 tablet half an hour before breakfast.", 22, diabetes())
	m.stopped = "Blood sugar dropped too low at night"
	c.prescribe(m)
	m = daily(rx("1545653", "empagliflozin", "Empagliflozin 10 mg tablet"), "Take 1 tablet every morning. Drink enough water.", 8, diabetes())
	m.form = "contained"
	c.prescribe(m)
	m = daily(rx("314076", "lisinopril 10 MG Oral Tablet", "Lisinopril 10 mg tablet"), "Take 1 tablet every morning.", 40, hypertension())
	m.stopped = "Changed to the 20 mg tablet"
	c.prescribe(m)
	c.prescribe(daily(rx("314077", "lisinopril 20 MG Oral Tablet", "Lisinopril 20 mg tablet"), "Take 1 tablet every morning.", 9, hypertension()))
	c.prescribe(daily(rx("197361", "amlodipine 5 MG Oral Tablet", "Amlodipine 5 mg tablet"), "Take 1 tablet every evening.", 26, hypertension()))
	c.prescribe(daily(rx("617311", "atorvastatin 40 MG Oral Tablet", "Atorvastatin 40 mg tablet"), "Take 1 tablet every evening.", 39, hyperlipidemia()))
}

// The curves of James's story, by quarters before today.
func jamesA1c() curve { // in tenths of a percent
	return curve{{40, 94}, {38, 84}, {36, 77}, {33, 73}, {29, 76}, {25, 80}, {22, 84}, {20, 79}, {16, 81}, {12, 84},
		{8, 86}, {7, 84}, {6, 82}, {5, 83}, {4, 81}, {3, 79}, {2, 77}, {1, 75}, {0, 74}}
}

func jamesFiltration() curve {
	return curve{{40, 92}, {32, 86}, {24, 77}, {16, 67}, {10, 59}, {8, 58}, {7, 55}, {6, 57}, {4, 58}, {2, 57}, {0, 58}}
}

func jamesPotassium() curve { // high once, when lisinopril was raised; repeated, it was fine
	return curve{{40, 42}, {10, 45}, {9, 45}, {8, 56}, {7, 46}, {0, 44}}
}

func (c *chart) chronicQuarter(k int) {
	day := c.quarter(k)
	more := ""
	if k == 0 {
		more = jamesNewestMore
	}
	e := c.visit(visit{day: day, kind: followUp(), reason: diabetes(), note: jamesNote(k), more: more, who: proChen})
	noise := int64(0)
	if k > 8 && k < quarters {
		noise = c.wobble(1)
	}
	sugar := jamesA1c().at(k) + noise
	c.report(panelA1c(), day, e, jamesWords(k), result{a1c().aim(none, 70, "goal: 7.0 or below"), sugar})
	years := c.ageAt(day)
	crea := creatinineFor(jamesFiltration().at(k)+c.wobble(1), years)
	c.report(panelMetabolic(), day, e, "",
		result{glucose(), (sugar*287-4670)/100 + c.wobble(9)}, // the usual average-glucose formula, and a morning's luck
		result{creatinine(), crea}, result{egfr(), filtration(crea, years, false)},
		result{potassium(), jamesPotassium().at(k) + c.wobble(1)}, result{sodium(), 139 + c.wobble(2)})
	up := curve{{40, 152}, {30, 141}, {26, 146}, {20, 134}, {9, 138}, {0, 128}}.at(k)
	c.pressure(day, e, up+c.wobble(5), up*6/10+c.wobble(4), systolic(), diastolic())
	c.number(heartRate(), day, e, 74+c.wobble(6))
	c.body(day, e, curve{{40, 1042}, {32, 984}, {22, 1011}, {8, 1003}, {4, 958}, {0, 941}}.at(k)+c.wobble(6), 1780)
	if k%2 == 0 {
		c.lipids(day, e, jamesLipidWords(k), jamesTotal(k), 39+int64(quarters-k)/8,
			curve{{40, 242}, {36, 176}, {8, 161}, {0, 148}}.at(k)+c.wobble(8), ldl().aim(none, 99, "goal: below 100"))
	}
	if k%4 == 0 {
		c.report(panelBlood(), day, e, "", result{hemoglobin(), curve{{40, 148}, {8, 136}, {0, 137}}.at(k) + c.wobble(2)})
		c.number(urineAlbumin(), day, e, curve{{40, 22}, {16, 58}, {8, 84}, {4, 49}, {0, 41}}.at(k))
	}
}

// jamesTotal is chosen so that LDL falls from 168 to about 85 and rises to about 120 after the skipped tablets.
func jamesTotal(k int) int64 {
	return curve{{40, 255}, {38, 196}, {34, 164}, {10, 160}, {4, 162}, {2, 178}, {0, 192}}.at(k)
}

// creatinineFor is the creatinine, in hundredths, of a man of that age whose
// kidneys filter gfr: CKD-EPI 2021 turned round, for values above 0.9 mg/dL.
func creatinineFor(gfr int64, years int) int64 {
	return int64(math.Round(90 * math.Pow(142*math.Pow(0.9938, float64(years))/float64(gfr), 1/1.2)))
}

func jamesWords(k int) string {
	switch k {
	case 40:
		return "Your average blood sugar is high. You have diabetes. We start treatment today."
	case 33:
		return "Your average blood sugar has come down a lot. Well done."
	case 8:
		return "Your average blood sugar is well above your goal. We add a new medicine."
	case 0:
		return "Your average blood sugar is slightly above your goal and still falling. Keep going."
	default:
		return ""
	}
}

func jamesLipidWords(k int) string {
	if k == 0 {
		return "Your LDL is a little high. It has risen for half a year. Please take the evening tablet again every day."
	}
	return ""
}

func jamesNote(k int) string {
	switch k {
	case 40:
		return "New diabetes. Thirsty and tired for months. Started metformin. Met the diabetes teacher."
	case 22:
		return "Sugar is rising again. Added glipizide before breakfast."
	case 20:
		return "Woke up shaky twice with low sugar. Glipizide stopped."
	case 9:
		return "Kidneys filter a little less each year. Lisinopril raised to protect them. Control of potassium next time."
	case 8:
		return "Potassium was high once; the repeat after a week was fine. Started empagliflozin for sugar and kidneys."
	case 4:
		return "Lost six kilos. Walks the river path every morning."
	case 0:
		return "Feels well. Stopped the evening cholesterol tablet half a year ago after a newspaper story. We talked it through; he will take it again."
	default:
		return "Regular control. Medicines gone through."
	}
}
