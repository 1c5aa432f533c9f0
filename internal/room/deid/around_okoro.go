package deid

// aroundChronic is what stands around James's visits.
func (c *chart) aroundChronic() {
	chen, brooks := to(proChen), to(proBrooks)
	wife := c.kin("WIFE", "wife", "Wife", "Adaeze", "Okoro", "503-555-0132", "female")
	team := c.team("James's diabetes team", c.quarter(40), member{chen, "Doctor for diabetes and kidneys"}, member{brooks, "Nurse, foot checks and shots"},
		member{named("Pilar Ortega, RD"), "Diabetes teacher"}, member{wife, "Wife, cooks and walks along"})
	sugar, lipids, steps := a1c(), ldl(), systolic()
	goals := []ref{
		c.goal(goal{words: "Average blood sugar (A1c) of 7.0 or below", progress: "improving", since: c.quarter(8), measure: &sugar, than: "<=", value: 70, due: 180,
			note: "Down from 8.6 to 7.4 in two years.", about: []ref{c.nth("Condition", 1)}}),
		c.goal(goal{words: "LDL cholesterol below 100", progress: "not-achieved", since: c.quarter(8), measure: &lipids, than: "<", value: 100, due: 90,
			note: "Rose again when the evening tablet was stopped.", about: []ref{c.nth("Condition", 3)}}),
		c.goal(goal{words: "Upper blood pressure below 130", progress: "achieved", since: c.quarter(9), measure: &steps, than: "<", value: 130}),
		c.goal(goal{words: "Walk half an hour, five days a week", progress: "sustaining", since: c.quarter(4), target: "5 walks a week", due: 365}),
	}
	c.goal(goal{words: "Stop smoking", progress: "achieved", since: c.quarter(40), ended: "completed", note: "Ten years without a cigarette."})
	c.plan(plan{title: "Living well with diabetes", words: "Keep sugar near the goal, protect kidneys and heart, and stay on your feet.", since: c.quarter(8), until: 365,
		who: proChen, team: []ref{team}, about: []ref{c.nth("Condition", 1), c.nth("Condition", 3), c.nth("Condition", 4)}, goals: goals, steps: []step{
			{"Measure blood sugar before breakfast", "Every Monday and Thursday", "in-progress"}, {"Walk by the river", "Half an hour, five days a week", "in-progress"},
			{"Take the cholesterol tablet again", "Every evening", "scheduled"}, {"Foot check by the nurse", "Once a year", "in-progress"},
			{"Eye check with a photo of the back of the eye", "Once a year", "not-started"}, {"Course with the diabetes teacher", "Six evenings", "completed"}},
		note: "If your sugar is below 70 or above 300, call us the same day."})
	c.chronicSchedule()
	c.chronicPapers()
	c.chronicOtherLab()
	c.device(snomed("337414009", "Blood glucose meter (physical object)", "Blood sugar meter"), "River Check 2", "Alder Devices", "AC-20418", c.quarter(12), "Strips are on the yearly prescription.")
	c.order("Eye check for diabetes", "Type 2 diabetes", "active", "Bring your glasses. Do not drive for four hours after the drops.", c.quarter(0), proChen, named("Hill Street Eye Clinic"))
	c.order("Colonoscopy", "Yearly age check", "completed", "", c.quarter(34), proChen, to(orgHospital))
	c.specimen(snomed("119297000", "Blood specimen (specimen)", "Blood"), c.quarter(0))
	c.specimen(snomed("122575003", "Urine specimen (specimen)", "Urine"), c.quarter(0))
	yes, two := true, 2
	c.answers("diabetes-check", c.quarter(0), c.me, said("1", "How many times was your sugar below 70 in the last month?", answer{Number: &two}),
		said("2", "Do you check your feet every evening?", answer{Yes: &yes}), said("3", "Do you take all tablets as written?", answer{Words: "All but the cholesterol tablet. I read bad things about it."}))
	c.chronicMoney()
}

func (c *chart) chronicSchedule() {
	for _, a := range []appointment{
		{day: c.today, hour: 10, minute: 0, status: "booked", kind: "Follow-up visit", reason: "Cholesterol, and a look at the new kidney values", who: proChen, prepare: "Bring your sugar diary."},
		{day: c.daysAhead(19), hour: 9, minute: 40, status: "booked", kind: "Yearly foot check", reason: "Diabetes", who: proBrooks, prepare: "Wear shoes that are easy to take off."},
		{day: c.daysAhead(87), hour: 10, minute: 20, status: "booked", kind: "Follow-up visit", reason: "Diabetes, every three months", who: proChen, prepare: "Come without breakfast. You may drink water."},
		{day: c.quarter(0), status: "fulfilled", kind: "Follow-up visit", reason: "Diabetes, every three months", who: proChen},
		{day: c.quarter(1), status: "fulfilled", kind: "Follow-up visit", reason: "Diabetes, every three months", who: proChen},
		{day: c.daysAgo(41), hour: 11, minute: 0, status: "cancelled", kind: "Talk with the diabetes teacher", reason: "Food and sugar", who: proBrooks, cancelled: "The teacher was ill"},
		{day: c.daysAgo(150), hour: 15, minute: 0, status: "noshow", kind: "Flu shot", reason: "Flu season", who: proBrooks},
	} {
		c.appointment(a)
	}
}

func (c *chart) chronicPapers() {
	newest := c.nth("Encounter", quarters+1)
	note := c.paper(visitNote("Visit note").with("Visit note: diabetes, three months", jamesVisitNote, c.quarter(0), proChen))
	c.paper(letter("Letter").with("Letter about your kidneys", jamesKidneyLetter, c.quarter(9), proChen))
	diary := letter("Sugar diary")
	diary.media = "text/csv"
	c.paper(diary.with("Sugar diary, four weeks", "day,before breakfast,after supper\r\nMonday,131,158\r\nThursday,127,149\r\nMonday,138,171\r\nThursday,125,152\r\n", c.quarter(0), ""))
	old := visitNote("Visit note")
	old.visit = &newest
	c.paper(old.with("How to use your meter", jamesMeterGuide, c.quarter(12), proBrooks))
	c.images(images{modality: "US", modalityIs: "Ultrasound", loinc: "24531-6", display: "US Retroperitoneum", words: "Ultrasound of the kidneys", language: "en",
		site: coding{sysSNOMED, "64033007", "Kidney structure (body structure)"}, series: []string{"Right kidney", "Left kidney"}, reason: kidneys(), day: c.quarter(9), who: proChen,
		conclusion: "Both kidneys are of usual size and shape. No stones. No blocked urine. A small simple cyst on the left is harmless and needs no further checks."})
	c.claims("Riverside Clinic", nil, c.quarter(0), note)
}

// chronicOtherLab is what the hospital's laboratory measured, in the units of
// its own: the same sugar and the same cholesterol, written in millimoles. The
// newest came after the last visit.
func (c *chart) chronicOtherLab() {
	c.labBy = orgHospital
	defer func() { c.labBy = orgLab }()
	for _, s := range []struct {
		ago           int
		sugar, lipids [3]int64
	}{{1500, [3]int64{98, 0, 0}, [3]int64{43, 11, 24}}, {700, [3]int64{102, 0, 0}, [3]int64{42, 11, 22}}, {1, [3]int64{86, 0, 0}, [3]int64{50, 11, 32}}} {
		day := c.daysAgo(s.ago)
		c.report(panelMetabolic(), day, nil, "", result{glucoseMolar(), s.sugar[0]}, result{potassium(), 44}, result{sodium(), 139})
		c.report(panelLipids(), day, nil, "", result{cholesterolMolar(), s.lipids[0]}, result{hdlMolar(), s.lipids[1]}, result{ldlMolar(), s.lipids[2]})
	}
}

func (c *chart) chronicMoney() {
	const payer = "Alder Valley Health Plan"
	cover := c.insured(payer, "Silver 3000", "AV-4410-2207", "self", "Self", c.quarter(20))
	c.bill(payer, cover, c.quarter(1), true, "You have met your yearly deductible.", service{"Office visit, 25 minutes", 18500, 12400, 2500}, service{"A1c test", 4200, 1850, 0}, service{"Kidney and salts panel", 5600, 2240, 0})
	c.bill(payer, cover, c.daysAgo(260), true, "The photo of the eye is covered once a year. You pay the rest to your deductible.", service{"Office visit, 25 minutes", 18500, 12400, 12400}, service{"Photo of the eye", 9100, 5210, 0})
	c.bill(payer, cover, c.quarter(0), false, "", service{"Office visit, 25 minutes", 18500, 12400, 2500}, service{"A1c test", 4200, 1850, 0})
}

const jamesNewestMore = `<h2>What we found</h2><table><tr><th>Value</th><th>Today</th><th>Goal</th></tr><tr><td>A1c</td><td>7.4 %</td><td>7.0 % or below</td></tr><tr><td>LDL</td><td>a little high</td><td>below 100</td></tr></table>` +
	`<h2>What we agreed</h2><ul><li>Take atorvastatin again, <b>every evening</b>.</li><li>Keep walking: five times a week.</li><li>Eye check within three months.</li></ul><p>Next visit in three months.</p>`

const jamesVisitNote = `Reason for the visit
Regular control of diabetes.

What you told us
You feel well. You stopped the evening cholesterol tablet half a year ago after a newspaper story.

What we found
A1c 7.4 %, slightly above the goal of 7.0 and still falling. Blood pressure fine. LDL is a little high. The kidneys hold steady.

What we agreed
You take the cholesterol tablet again, every evening.
You keep walking by the river.
You have your eyes checked within three months.

Dr. Lillian Chen`

const jamesKidneyLetter = `Dear James,

your kidneys filter a little less than they did: about 58 of 100. This is called chronic kidney disease, stage 3. You will not feel it, and it can stay like this for many years.

What helps: the blood pressure tablet, the sugar near its goal, no ibuprofen for pain. Please ask us before you take a new medicine.

We measure again in three months.

Dr. Lillian Chen`

// jamesMeterGuide has angle brackets, as the meter's screen has.
const jamesMeterGuide = `Your meter in four steps

1. Wash your hands & dry them.
2. If the screen shows <LOW>, your sugar is < 20: call us at once.
3. If the screen shows <HI>, your sugar is > 600: call us at once.
4. Write the number down. Bring your diary.`
