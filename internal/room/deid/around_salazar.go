package deid

import "time"

// The Salazars think in Spanish, and what was written for them is in Spanish.

func (c *chart) aroundElder() {
	lucia := c.kin("DAU", "natural daughter", "Hija, lo cuida", "Lucía", "Salazar", "503-555-0142", "female")
	c.kin("GRNDSON", "grandson", "Nieto", "Mateo", "Salazar", "503-555-0143", "male")
	team := c.team("Equipo del corazón de Ernesto", c.yearsAgo(4, 150), member{to(proChen), "Doctora del corazón y de cabecera"}, member{to(proBrooks), "Enfermero, visita en casa"},
		member{lucia, "Hija, prepara las pastillas"}, member{named("Rosa Medina"), "Trabajadora social"})
	pulse := weight()
	goals := []ref{
		c.goal(goal{words: "Peso estable, menos de 75 kg", progress: "achieved", since: c.daysAgo(390), measure: &pulse, than: "<", value: 750, about: []ref{c.nth("Condition", 6)}, note: "Menos de un kilo de cambio en medio año."}),
		c.goal(goal{words: "Ninguna noche en el hospital este año", progress: "sustaining", since: c.daysAgo(390), target: "0 noches", due: 60, about: []ref{c.nth("Condition", 6)}}),
		c.goal(goal{words: "Caminar hasta la plaza y volver", progress: "improving", since: c.daysAgo(185), target: "Tres veces por semana", due: 120, about: []ref{c.nth("Condition", 2)}})}
	c.plan(plan{title: "Plan para el corazón", words: "Respirar bien, mantener el peso y no caerse.", since: c.daysAgo(390), until: 300, who: proChen, team: []ref{team}, about: []ref{c.nth("Condition", 6), c.nth("Condition", 5)}, goals: goals,
		steps: []step{{"Pesarse y anotarlo en el cuaderno", "Cada mañana, antes del desayuno", "in-progress"}, {"Poca sal: nada de sopa de sobre ni embutidos", "Todos los días", "in-progress"},
			{"Caminar con el bastón", "Tres veces por semana", "in-progress"}, {"Quitar las alfombras del pasillo", "Una vez", "completed"}, {"Visita del enfermero en casa", "Cada dos meses", "scheduled"}},
		note: "Llámenos el mismo día si sube 2 kg en 3 días, si se le hinchan las piernas o si necesita otra almohada."})
	home := c.visit(visit{day: c.daysAgo(60), kind: followUp(), reason: heartFailure(), who: proBrooks, language: "es", note: "Visita en casa. Peso 74,0 kg, sin hinchazón, respira tranquilo.",
		more: "<h2>Pastillas</h2><p>Están todas en el pastillero. Faltaba una de la tarde del martes.</p><h2>Casa</h2><ul><li>Las alfombras del pasillo ya no están.</li><li>Hay luz de noche en el baño.</li></ul>"})
	for _, a := range []appointment{
		{day: c.today, hour: 11, minute: 20, length: 40, status: "booked", kind: "Visita de control", reason: "Corazón y peso", who: proChen, prepare: "Traiga el cuaderno del peso y todas las cajas de medicinas."},
		{day: c.daysAhead(30), hour: 9, minute: 0, status: "booked", kind: "Visita del enfermero en casa", reason: "Peso, piernas y pastillas", who: proBrooks, length: 40},
		{day: c.daysAhead(88), hour: 11, minute: 0, status: "proposed", kind: "Visita de control", reason: "Corazón, cada tres meses", who: proChen},
		{day: c.daysAgo(3), status: "fulfilled", kind: "Visita de control", reason: "Corazón, cada tres meses", who: proChen},
		{day: c.daysAgo(60), status: "fulfilled", kind: "Visita del enfermero en casa", reason: "Peso y pastillas", who: proBrooks},
		{day: c.daysAgo(20), hour: 10, minute: 0, status: "cancelled", kind: "Prueba de oído", reason: "Audífono nuevo", who: proBrooks, cancelled: "El aparato no había llegado"},
	} {
		c.appointment(a)
	}
	c.elderPapers(home)
	c.device(snomed("6012004", "Hearing aid, device (physical object)", "Audífono"), "Clara 2", "Alder Devices", "HA-5520", c.yearsAgo(5, 30), "Pilas del número 312.")
	c.device(snomed("19892000", "Scale, device (physical object)", "Báscula"), "Báscula del programa del corazón", "Alder Devices", "SC-0911", c.daysAgo(398), "")
	c.order("Prueba de oído y audífono nuevo", "No oye bien", "active", "Venga con Lucía.", c.daysAgo(94), proChen, named("Centro auditivo de Hill Street"))
	c.order("Ecografía del corazón", "Insuficiencia cardíaca", "completed", "", c.daysAgo(404), proChen, to(orgHospital))
	c.specimen(snomed("119297000", "Blood specimen (specimen)", "Sangre"), c.daysAgo(3))
	no, pillows := false, 1
	c.answers("corazon", c.daysAgo(3), lucia, said("1", "¿Con cuántas almohadas duerme?", answer{Number: &pillows}), said("2", "¿Se cayó desde la última visita?", answer{Yes: &no}), said("3", "¿Qué le preocupa?", answer{Words: "Que mi hija se cansa mucho."}))
	const payer = "Medicare"
	cover := c.insured(payer, "Parte B", "1EG4-TE5-MK73", "self", "Self", c.yearsAgo(26, 0))
	c.bill(payer, cover, c.daysAgo(94), true, "Medicare paga el 80 por ciento de lo aprobado.", service{"Consulta, 40 minutos", 21000, 13100, 2620}, service{"Análisis de sangre", 5200, 2100, 0})
	c.bill(payer, cover, c.daysAgo(60), true, "", service{"Visita del enfermero en casa", 16500, 11200, 2240})
	c.bill(payer, cover, c.daysAgo(3), false, "", service{"Consulta, 40 minutos", 21000, 13100, 2620})
}

func (c *chart) elderPapers(home *ref) {
	c.paper(visitNote("Nota de la visita").with("Nota de la visita: corazón estable", ernestoNote, c.daysAgo(3), proChen))
	p := visitNote("Nota de la visita")
	p.visit = home
	c.paper(p.with("Visita en casa", "Peso 74,0 kg. Presión 124 sobre 70. Las piernas no están hinchadas.\n\nFaltaba una pastilla de la tarde del martes. Lucía la pone ahora en el pastillero azul.\n\nSamuel Brooks, enfermero", c.daysAgo(60), proBrooks))
	out := c.paper(discharge("Informe de alta").with("Informe de alta del hospital", ernestoDischarge, c.daysAgo(398), ""))
	p = letter("Carta")
	p.elsewhere, p.media = "https://hill-street-hospital.example/letters/88210", "application/pdf"
	c.paper(p.with("Carta del oculista", "", c.yearsAgo(2, 30), ""))
	c.images(images{modality: "US", modalityIs: "Ultrasound", loinc: "42148-7", display: "US Heart", words: "Ecografía del corazón", language: "es",
		site: coding{sysSNOMED, "80891009", "Heart structure (body structure)"}, series: []string{"Cuatro cámaras", "Válvulas", "Flujo"}, reason: heartFailure(), day: c.daysAgo(402), who: proChen,
		conclusion: "El lado izquierdo del corazón bombea menos de lo normal: 38 por ciento. Las válvulas cierran bien. Sin cambios desde la ecografía anterior."})
	c.images(images{modality: "DX", modalityIs: "Digital Radiography", loinc: "36643-5", display: "XR Chest 2 Views", words: "Radiografía del pecho", language: "es",
		site: coding{sysSNOMED, "51185008", "Thoracic structure (body structure)"}, series: []string{"De frente", "De lado"}, reason: heartFailure(), day: c.daysAgo(400), who: proChen,
		conclusion: "Agua en los dos pulmones, menos que al ingreso. El corazón está agrandado. No hay neumonía."})
	c.claims("Hill Street Hospital", toPtr(orgHospital), c.daysAgo(397), out)
}

func (c *chart) aroundDaughter() {
	c.kin("FTH", "father", "Padre", "Ernesto", "Salazar", "503-555-0141", "male")
	team := c.team("Equipo de Lucía", c.daysAgo(402), member{to(proIglesias), "Médico de cabecera"}, member{to(proBrooks), "Enfermero"}, member{named("Rosa Medina"), "Trabajadora social"})
	sugar := a1c()
	goals := []ref{c.goal(goal{words: "Azúcar media (A1c) de 5.6 o menos", progress: "improving", since: c.daysAgo(310), measure: &sugar, than: "<=", value: 56, due: 180, about: []ref{c.nth("Condition", 2)}}),
		c.goal(goal{words: "Una tarde libre a la semana", progress: "not-achieved", since: c.daysAgo(190), target: "Una tarde por semana sin cuidar a nadie", due: 60})}
	c.plan(plan{title: "Plan para cuidarse y cuidar", words: "Bajar el azúcar sin prisa y descansar del cuidado.", since: c.daysAgo(190), until: 180, who: proIglesias, team: []ref{team}, about: []ref{c.nth("Condition", 2)}, goals: goals,
		steps: []step{{"Caminar media hora después del trabajo", "Cuatro días por semana", "in-progress"}, {"Menos pan blanco y dulces", "Todos los días", "in-progress"}, {"Hablar con la trabajadora social", "Este mes", "scheduled"}, {"Tomar la pastilla de la tiroides", "Cada mañana, en ayunas", "in-progress"}}})
	c.visit(visit{day: c.daysAgo(190), kind: followUp(), reason: thyroid(), who: proIglesias, language: "es", note: "Duerme poco porque atiende a su padre por la noche.",
		more: "<h2>Acordamos</h2><ul><li>Una tarde libre por semana. La busca con su hermano.</li><li>Repetir el azúcar en seis meses.</li></ul><p><em>La tiroides está bien: misma pastilla.</em></p>"})
	for _, a := range []appointment{
		{day: c.daysAhead(9), hour: 13, minute: 0, status: "booked", kind: "Charla con la trabajadora social", reason: "Ayuda para cuidar a su padre", who: proBrooks, length: 40},
		{day: c.daysAhead(178), hour: 9, minute: 0, status: "booked", kind: "Visita de control", reason: "Tiroides y azúcar", who: proIglesias, prepare: "Venga en ayunas. Puede tomar agua."},
		{day: c.daysAgo(3), status: "fulfilled", kind: "Revisión anual", reason: "Tiroides y azúcar", who: proIglesias},
	} {
		c.appointment(a)
	}
	c.paper(visitNote("Nota de la visita").with("Nota de la visita: revisión anual", luciaNote, c.daysAgo(3), proIglesias))
	c.paper(letter("Carta").with("Carta para la panadería", "A quien corresponda:\n\nLucía Salazar debe acompañar a su padre a la clínica y no podrá trabajar esa mañana.\n\nDr. Tomás Iglesias, Riverside Clinic", c.daysAgo(95), proIglesias))
	c.images(images{modality: "MG", modalityIs: "Mammography", loinc: "24606-6", display: "MG Breast Screening", words: "Mamografía", language: "es", site: coding{sysSNOMED, "76752008", "Breast structure (body structure)"},
		series: []string{"Derecha", "Izquierda"}, reason: concept{Text: "Control de cada dos años"}, day: c.daysAgo(260), who: proIglesias, conclusion: "Normal. No hay bultos ni manchas. La próxima, en dos años."})
	c.order("Análisis de azúcar en seis meses", "Prediabetes", "active", "Venga en ayunas.", c.daysAgo(3), proIglesias, to(orgLab))
	c.specimen(snomed("119297000", "Blood specimen (specimen)", "Sangre"), c.daysAgo(3))
	yes := true
	c.answers("cuidadora", c.daysAgo(3), c.me, said("1", "¿Se siente cansada por cuidar a otra persona?", answer{Yes: &yes}), said("2", "¿Quién puede ayudarle?", answer{Words: "Mi hermano, los domingos."}))
	const payer = "Panaderos Unidos Salud"
	cover := c.insured(payer, "Plan Básico", "PU-3318", "self", "Self", c.yearsAgo(4, 0))
	c.bill(payer, cover, c.daysAgo(190), true, "", service{"Consulta, 25 minutos", 18500, 11800, 3000}, service{"Análisis de la tiroides", 4400, 1700, 0})
	c.bill(payer, cover, c.daysAgo(260), true, "La mamografía de control no le cuesta nada.", service{"Mamografía", 29000, 15200, 0})
	c.bill(payer, cover, c.daysAgo(3), false, "", service{"Revisión anual", 22000, 14000, 0})
	c.report(panelMetabolic(), c.daysAgo(1), nil, "", result{glucose(), 104}, result{creatinine(), 78}, result{egfr(), filtration(78, c.ageAt(c.today.Add(-time.Hour)), true)}, result{potassium(), 42}, result{sodium(), 140})
}

const ernestoNote = `Motivo de la visita
Control del corazón, cada tres meses. Vino con Lucía.

Qué encontramos
Respira tranquilo y duerme con una almohada. El peso se movió menos de un kilo en medio año. El esfuerzo del corazón es el más bajo en tres años.

Qué acordamos
Las mismas pastillas.
Pesarse cada mañana.
Caminar hasta la plaza tres veces por semana.

Dra. Lillian Chen`

const ernestoDischarge = `Informe de alta
Hospital Hill Street, sala 3

Por qué ingresó
Tenía agua en los pulmones porque el corazón bombea con poca fuerza.

Qué hicimos
Le dimos furosemida por la vena. Perdió cuatro kilos de agua en cuatro días.

Qué cambia
Furosemida: ahora 40 mg cada mañana (antes 20 mg).
Las demás medicinas siguen igual.

Cuándo llamar
Si sube 2 kg en 3 días, si se le hinchan las piernas o si le falta el aire acostado. Si le falta mucho el aire, llame al 911.`

const luciaNote = `Motivo de la visita
Revisión anual.

Qué encontramos
La tiroides está justo donde debe estar. El azúcar está un poco alto, pero baja.

Qué acordamos
La misma pastilla, cada mañana en ayunas.
Caminar media hora después del trabajo.
La trabajadora social la llamará por el cuidado de su padre.

Dr. Tomás Iglesias`
