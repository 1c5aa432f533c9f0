package deid

func (c *chart) aroundMother() {
	c.kin("SON", "natural son", "Son", "Theo", "Tran", "", "male")
	c.kin("DAU", "natural daughter", "Daughter", "Lena", "Tran", "503-555-0122", "female")
	team := c.team("Maya's care team", c.yearsAgo(8, 40), member{to(proChen), "Family doctor"}, member{to(proBrooks), "Nurse"})
	iron, blood := ferritin(), hemoglobin()
	goals := []ref{c.goal(goal{words: "Keep the iron store above 30 without tablets", progress: "achieved", since: c.daysAgo(96), measure: &iron, than: ">", value: 30, due: 90}),
		c.goal(goal{words: "No more than one migraine a month", progress: "in-progress", since: c.daysAgo(242), target: "1 migraine a month or fewer", due: 180, about: []ref{c.nth("Condition", 1)}})}
	c.goal(goal{words: "Blood count back to 12 or more", progress: "achieved", since: c.daysAgo(431), measure: &blood, than: ">=", value: 120, ended: "completed", note: "Reached after six months of iron."})
	c.plan(plan{title: "Migraine plan", words: "Know what brings them on, and treat early.", since: c.daysAgo(242), until: 180, who: proChen, team: []ref{team}, about: []ref{c.nth("Condition", 1)}, goals: goals,
		steps: []step{{"Keep a migraine diary: sleep, food, cycle", "Every evening", "in-progress"}, {"Take sumatriptan at the first sign", "When needed", "in-progress"}, {"Sleep seven hours or more", "Every night", "not-started"}},
		note:  "Call us if a headache is sudden and the worst of your life, or comes with weakness or trouble speaking."})
	c.plan(plan{title: "Iron plan", since: c.daysAgo(431), who: proChen, ended: true, steps: []step{{"Iron tablet with orange juice", "Every morning", "completed"}, {"Blood test", "Every three months", "completed"}}})
	for _, a := range []appointment{
		{day: c.today, hour: 9, minute: 20, status: "booked", kind: "Follow-up visit", reason: "Blood count and migraine diary", who: proChen, prepare: "Bring your migraine diary."},
		{day: c.daysAhead(33), hour: 8, minute: 20, status: "booked", kind: "Yearly check-up", reason: "Check-up with Pap smear", who: proChen, length: 40},
		{day: c.daysAgo(4), status: "fulfilled", kind: "Follow-up visit", reason: "Blood count without iron", who: proChen},
		{day: c.daysAgo(60), hour: 12, minute: 0, status: "cancelled", kind: "Follow-up visit", reason: "Migraine", who: proChen, cancelled: "You asked us to cancel"},
	} {
		c.appointment(a)
	}
	c.paper(visitNote("Visit note").with("Visit note: blood count without iron", mayaVisitNote, c.daysAgo(4), proChen))
	c.paper(letter("Letter").with("Letter for school: two days off", "To whom it may concern:\n\nMaya Tran was ill and could not teach on two days.\n\nDr. Lillian Chen, Riverside Clinic", c.daysAgo(241), proChen))
	c.order("Headache specialist, first visit", "Migraine", "completed", "Bring your diary of three months.", c.daysAgo(242), proChen, named("Alder Bend Headache Center"))
	c.specimen(snomed("119297000", "Blood specimen (specimen)", "Blood"), c.daysAgo(4))
	three := 3
	c.answers("headache", c.daysAgo(4), c.me, said("1", "How many days with headache did you have in the last month?", answer{Number: &three}), said("2", "What brought them on?", answer{Words: "Short nights, red wine, the end-of-term concert."}))
	c.report(panelIron(), c.daysAgo(1), nil, "Your iron store holds without tablets.", result{ferritin(), 43})
	c.tranMoney()
	c.claims("Riverside Lab", toPtr(orgLab), c.daysAgo(1), c.last("DiagnosticReport"))
}

func (c *chart) tranMoney() {
	const payer = "Teachers' Mutual Health"
	cover := c.insured(payer, "Family Gold", "TM-70113", "self", "Self", c.yearsAgo(6, 0))
	c.bill(payer, cover, c.daysAgo(96), true, "", service{"Office visit, 15 minutes", 13200, 9100, 2000}, service{"Blood count", 3800, 1400, 0}, service{"Iron store (ferritin)", 4900, 1950, 0})
	c.bill(payer, cover, c.daysAgo(4), false, "", service{"Office visit, 15 minutes", 13200, 9100, 2000}, service{"Blood count", 3800, 1400, 0})
}

func (c *chart) aroundTeen() {
	mother := c.kin("MTH", "mother", "Mother", "Maya", "Tran", "503-555-0121", "female")
	team := c.team("Lena's asthma team", c.born.AddDate(7, 4, 2), member{to(proIglesias), "Family doctor"}, member{to(proBrooks), "Nurse, teaches the inhaler"}, member{mother, "Mother"})
	goals := []ref{c.goal(goal{words: "Play a whole match without stopping for breath", progress: "improving", since: c.daysAgo(72), target: "90 minutes", due: 60, about: []ref{c.nth("Condition", 1)}}),
		c.goal(goal{words: "Rescue inhaler no more than twice a week", progress: "achieved", since: c.yearsAgo(2, 30), target: "2 times a week or fewer", about: []ref{c.nth("Condition", 1)}})}
	c.plan(plan{title: "Asthma plan", words: "Green: go. Yellow: use the rescue inhaler and slow down. Red: call 911.", since: c.yearsAgo(1, 11), until: 200, who: proIglesias, team: []ref{team}, about: []ref{c.nth("Condition", 1)}, goals: goals,
		steps: []step{{"Everyday inhaler, two puffs", "Morning and evening", "in-progress"}, {"Rescue inhaler before sports", "15 minutes before", "in-progress"}, {"Peak flow in grass season", "Every morning from May to July", "not-started"}}})
	c.appointment(appointment{day: c.today, hour: 14, minute: 0, status: "booked", kind: "Nurse visit", reason: "Inhaler check after the ankle", who: proBrooks, prepare: "Bring both inhalers."})
	c.appointment(appointment{day: c.daysAhead(26), hour: 15, minute: 20, status: "booked", kind: "Sports check-up", reason: "New season", who: proIglesias})
	c.appointment(appointment{day: c.daysAgo(5), status: "fulfilled", kind: "Yearly check-up", reason: "Asthma", who: proIglesias})
	c.images(images{modality: "DX", modalityIs: "Digital Radiography", loinc: "26099-2", display: "XR Ankle - right Views", words: "X-ray of the right ankle", language: "en",
		site: coding{sysSNOMED, "344001", "Ankle region structure (body structure)"}, series: []string{"From the front", "From the side"}, day: c.daysAgo(72), who: proIglesias,
		reason: snomed("44465007", "Sprain of ankle (disorder)", "Sprained ankle"), conclusion: "No broken bone. Soft tissue is swollen on the outer side. The growth plates look as they should at 15."})
	c.paper(visitNote("Visit note").with("Visit note: back on the field", "Lena is back on the field after six weeks.\n\nHer asthma is calm: no night cough, rescue inhaler once a week. Lung function is as expected.\n\nShe keeps both inhalers. Peak flow every morning from May.\n\nDr. Tomás Iglesias", c.daysAgo(5), proIglesias))
	c.device(snomed("334980009", "Peak flow meter (physical object)", "Peak flow meter"), "Breath 300", "Alder Devices", "PF-1180", c.yearsAgo(2, 30), "Blow three times, write down the best.")
	c.order("Physical therapy for the ankle", "Sprained ankle", "completed", "Six sessions.", c.daysAgo(70), proIglesias, named("Riverbank Therapy"))
	one := 1
	c.answers("asthma-control", c.daysAgo(5), c.me, said("1", "How often did you wake up with a cough last month?", answer{Number: &one}), said("2", "Does asthma keep you from anything?", answer{Words: "No. The ankle did."}))
	c.insured("Teachers' Mutual Health", "Family Gold", "TM-70113-02", "child", "Child", c.yearsAgo(6, 0))
}

func (c *chart) aroundChild() {
	mother := c.kin("MTH", "mother", "Mother", "Maya", "Tran", "503-555-0121", "female")
	c.kin("SIS", "sister", "Sister", "Lena", "Tran", "", "female")
	team := c.team("Theo's care team", c.born.AddDate(1, 8, 3), member{to(proIglesias), "Family doctor"}, member{to(proBrooks), "Nurse"}, member{mother, "Mother"}, member{named("Ms. Abara"), "Teacher, keeps the injector at school"})
	g := c.goal(goal{words: "Everybody at school knows the peanut plan", progress: "in-progress", since: c.daysAgo(60), target: "All teachers of the first grade", due: 40})
	c.plan(plan{title: "Peanut allergy plan", words: "No peanuts. The injector is always close.", since: c.born.AddDate(4, 0, 3), who: proIglesias, team: []ref{team}, goals: []ref{g},
		steps: []step{{"Injector at home and at school, not out of date", "Look every three months", "in-progress"}, {"Read every label", "Always", "in-progress"}, {"Practise with the trainer pen", "Once a year", "completed"}},
		note:  "Severe reaction: injector into the outer thigh, then call 911. Then call us."})
	c.appointment(appointment{day: c.today, hour: 14, minute: 40, status: "booked", kind: "Nurse visit", reason: "Trainer pen for the new teacher", who: proBrooks, prepare: "Bring both injectors, we look at the dates."})
	c.appointment(appointment{day: c.daysAhead(61), hour: 15, minute: 0, status: "booked", kind: "Allergy talk", reason: "Peanuts", who: proIglesias})
	c.appointment(appointment{day: c.daysAgo(6), status: "fulfilled", kind: "Follow-up visit", reason: "After the sore throat", who: proIglesias})
	c.paper(letter("Letter").with("Letter for school: peanut allergy", "To the first grade,\n\nTheo must not eat peanuts, not even a trace.\n\nHis injector is in the red bag. In a severe reaction press it into the outer thigh, hold for 3 seconds and call 911.\n\nDr. Tomás Iglesias", c.daysAgo(50), proIglesias))
	c.device(snomed("462242008", "Adrenaline auto-injector (physical object)", "Injector"), "Epinephrine 0.15 mg", "Alder Devices", "EP-2207", c.daysAgo(120), "One at home, one at school.")
	c.order("Allergy specialist, first visit", "Peanut allergy", "active", "No allergy medicine for five days before.", c.daysAgo(6), proIglesias, named("Hill Street Hospital, allergy clinic"))
	c.insured("Teachers' Mutual Health", "Family Gold", "TM-70113-03", "child", "Child", c.born)
}

const mayaVisitNote = `Reason for the visit
Blood count three months after the iron was stopped.

What we found
Your blood count is 12.9 and stays good without iron. Your iron store is 41.

What we agreed
No more tablets are needed.
Eat meat, beans or lentils several times a week.
You keep the migraine diary and show it next time.

Dr. Lillian Chen`
