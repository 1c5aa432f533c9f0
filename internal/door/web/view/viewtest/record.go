package viewtest

import (
	"time"

	"postern.example/postern/internal/door/web/view"
)

// recordPages are the pages of the whole record.
func (f fixture) recordPages() []Page {
	return []Page{
		{"record", f.record()},
		{"record-empty", &view.Records{Base: f.patient(view.PlaceRecord, "record")}},
		{"record-list", f.recordList()},
		{"record-list-empty", &view.RecordList{Base: f.patient(view.PlaceRecord, "record-list"), Title: f.pick("Samples", "Muestras"), Path: "/record/specimen"}},
		{"record-one", f.recordOne()},
		{"record-one-empty", &view.Record{Base: f.patient(view.PlaceRecord, "record-one"), Kind: f.pick("Sample", "Muestra"), Many: f.pick("Samples", "Muestras"),
			Name: f.pick("Sample", "Muestra"), Back: "/record/specimen", Remark: true}},
		{"plan", f.plan()},
		{"plan-empty", &view.Plan{Base: f.patient(view.PlacePlan, "plan")}},
		{"appointments", f.appointments()},
		{"appointments-empty", &view.Appointments{Base: f.patient(view.PlaceAppointments, "appointments")}},
		{"bills", f.bills()},
		{"bills-empty", &view.Bills{Base: f.patient(view.PlaceBills, "bills")}},
		{"documents", f.documents()},
		{"documents-empty", &view.Documents{Base: f.patient(view.PlaceDocuments, "documents")}},
		{"document", f.document(view.DocumentRow{ID: "d1", Here: true, File: true}, []string{"Reason for the visit", "Regular control."}, []string{"<b>If x < 5</b>, call us."})},
		{"document-file", f.document(view.DocumentRow{ID: "d1", File: true, Old: true})},
		{"document-elsewhere", f.document(view.DocumentRow{ID: "d1", Elsewhere: true})},
		{"document-refused", f.document(view.DocumentRow{ID: "d1"})},
	}
}

func (f fixture) record() view.Model {
	return &view.Records{Base: f.patient(view.PlaceRecord, "record"),
		Main: []view.RecordKind{{Path: "/documents", Count: 4}},
		Rest: []view.RecordKind{{Name: f.pick("Samples", "Muestras"), Path: "/record/specimen", Count: 1}}}
}

func (f fixture) recordList() view.Model {
	return &view.RecordList{Base: f.patient(view.PlaceRecord, "record-list"), Title: f.pick("Devices", "Aparatos"), Path: "/record/device", Total: 41, Older: "/record/device?q=c2VhbGVk", Later: true,
		Items: []view.RecordItem{
			{Path: "/record/device/d1", Name: f.pick("Blood sugar meter", "Medidor de azúcar"), When: view.Day{Year: 2024, Month: time.May, Day: 3}, Status: view.RecordValue{Text: f.pick("Active", "Activo")}},
			{Path: "/record/device/d2", Name: "Hörgerät", NameLang: "de"}}}
}

func (f fixture) recordOne() view.Model {
	text := func(label, value string) view.RecordLine {
		return view.RecordLine{Label: label, Values: []view.RecordValue{{Text: value}}}
	}
	return &view.Record{Base: f.patient(view.PlaceRecord, "record-one"), Kind: f.pick("Order or referral", "Orden o referencia"), Many: f.pick("Orders and referrals", "Órdenes y referencias"),
		Back: "/record/service-request", Name: "Eye check", NameLang: map[string]string{"es": "en"}[f.lang],
		Lines: []view.RecordLine{text(f.pick("Status", "Estado"), f.pick("Active", "Activo")),
			{Label: f.pick("Asked for on", "Se pidió el"), Values: []view.RecordValue{{Day: view.DayOf(now()), At: now()}, {Day: view.Day{Year: 2025}}}},
			{Label: f.pick("Time", "Tiempo"), Values: []view.RecordValue{{Span: true, Day: view.DayOf(now())}, {Span: true, Day: view.Day{Year: 2024, Month: time.May, Day: 3}, To: view.DayOf(now())}}},
			{Label: f.pick("For", "Para"), Values: []view.RecordValue{{Text: f.pick("Health problem", "Problema de salud"), Href: "/record/condition/c1"},
				{Text: f.pick("Diabetes, type 2", "Diabetes tipo 2"), Written: "Diabetes mellitus type 2", WrittenLang: map[string]string{"es": "en"}[f.lang]}}},
			{Label: f.pick("Answers", "Respuestas"), Values: []view.RecordValue{{Question: f.pick("Do you sleep well?", "¿Duerme bien?"), Text: f.pick("Yes", "Sí")}, {Question: f.pick("Why?", "¿Por qué?"), Text: "…"}}}}}
}

func (f fixture) plan() view.Model {
	foreign := map[string]string{"es": "en"}[f.lang]
	return &view.Plan{Base: f.patient(view.PlacePlan, "plan"),
		Teams: []view.Team{{Name: "Diabetes team", Lang: foreign, Members: []view.Member{{Name: "Dr. Lillian Chen", Role: "Doctor", RoleLang: foreign}, {Name: "Adaeze Okoro"}}}},
		Goals: []view.Goal{{Name: "Average blood sugar of 7.0 or below", NameLang: foreign, Progress: f.pick("Getting better", "Mejorando"), Good: true, Since: view.Day{Year: 2024, Month: time.November, Day: 20},
			Targets: []view.Target{{Name: f.pick("Average blood sugar", "Azúcar media"), High: "7.0", Unit: "%", Due: view.Day{Year: 2027, Month: time.May, Day: 21}}, {Name: "LDL", Below: "100", Unit: "mg/dL"}, {Name: "HDL", Above: "40", Unit: "mg/dL"}, {Name: "Hb", Low: "12.0", Unit: "g/dL"}, {Name: "K", Low: "3.5", High: "5.1", Unit: "mmol/L"}}, Note: "Down from 8.6."},
			{Name: "Walk", NameLang: foreign, Targets: []view.Target{{Text: "5 walks a week", Lang: foreign}}}},
		Reached: []view.Goal{{Name: "Stop smoking", NameLang: foreign, Progress: f.pick("Reached", "Lograda"), Good: true}},
		Plans: []view.CarePlan{{Name: "Living well with diabetes", NameLang: foreign, Words: "Stay on your feet.", From: view.Day{Year: 2024, Month: time.November, Day: 20}, By: "Dr. Lillian Chen", Note: "Call us when sugar is below 70.",
			Steps: []view.Step{{Name: "Walk by the river", NameLang: foreign, Often: "Five days a week", Status: f.pick("Under way", "En curso")}, {Name: "Course", NameLang: foreign, Status: f.pick("Done", "Terminado"), Done: true}}}},
		Past: []view.CarePlan{{Name: "Iron plan", NameLang: foreign, From: view.Day{Year: 2025}, To: view.Day{Year: 2026}, Over: true}}}
}

func (f fixture) appointments() view.Model {
	foreign := map[string]string{"es": "en"}[f.lang]
	return &view.Appointments{Base: f.patient(view.PlaceAppointments, "appointments"),
		Coming: []view.Appointment{{Name: "Follow-up visit", NameLang: foreign, Start: now().Add(time.Hour), Today: true, Status: f.pick("Booked", "Reservada"), Reason: "Diabetes", With: []string{"Dr. Lillian Chen"},
			Where: "Riverside Clinic, main house", Prepare: "Bring your sugar diary."}, {Name: "Eye check", NameLang: foreign}},
		Past: []view.Appointment{{Name: "Flu shot", NameLang: foreign, Start: now().AddDate(0, -2, 0), Off: true, Status: f.pick("Cancelled", "Cancelado"), Why: "The nurse was ill"}}}
}

func (f fixture) bills() view.Model {
	foreign := map[string]string{"es": "en"}[f.lang]
	return &view.Bills{Base: f.patient(view.PlaceBills, "bills"),
		Insurance: []view.Insurance{{Payer: "Alder Valley Health Plan", Plan: "Silver 3000", Number: "AV-4410", From: view.Day{Year: 2024}, To: view.Day{Year: 2026}}},
		Open:      []view.Bill{{Services: []string{"Office visit"}, Lang: foreign, Visit: view.DayOf(now()), Asked: "$185.00", Payer: "Alder Valley Health Plan", Path: "/record/claim/c2"}},
		Decided: []view.Bill{{Services: []string{"Office visit", "A1c test"}, Lang: foreign, Visit: view.DayOf(now().AddDate(0, -3, 0)), Asked: "$227.00", Allowed: "$142.50", Paid: "$117.50",
			Own: []view.Own{{Amount: "$25.00", For: f.pick("your share", "su parte")}}, Note: "You have met your deductible.", Payer: "Alder Valley Health Plan", Path: "/record/explanation-of-benefit/e1"}, {Path: "/record/explanation-of-benefit/e2"}}}
}

func (f fixture) documents() view.Model {
	return &view.Documents{Base: f.patient(view.PlaceDocuments, "documents"), List: []view.DocumentRow{
		{ID: "d1", Name: "Visit note", NameLang: map[string]string{"es": "en"}[f.lang], On: view.DayOf(now()), By: "Dr. Lillian Chen", Here: true, File: true},
		{ID: "d2", Name: "Sugar diary", NameLang: map[string]string{"es": "en"}[f.lang], On: view.Day{Year: 2024}, Old: true, File: true}, {ID: "d3", Name: "X", Elsewhere: true}}}
}

func (f fixture) document(row view.DocumentRow, paragraphs ...[]string) view.Model {
	row.Name, row.NameLang, row.On, row.By = "Visit note", map[string]string{"es": "en"}[f.lang], view.DayOf(now()), "Dr. Lillian Chen"
	return &view.Document{Base: f.patient(view.PlaceDocuments, "document"), Row: row, Paragraphs: paragraphs, Cut: len(paragraphs) > 1}
}
