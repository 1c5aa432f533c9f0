package viewtest

import (
	"time"

	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/room/records/narrative"
)

// chartPages are the pages of visits, notes, images and two dates.
func (f fixture) chartPages() []Page {
	return []Page{
		{"compare", f.compare()},
		{"compare-empty", &view.Compare{Base: f.patient(view.PlaceResults, "compare")}},
		{"home-nothing", f.homeNothing()},
		{"imaging", f.imaging()},
		{"imaging-study", f.study()},
		{"imagings", f.imagings()},
		{"imagings-empty", &view.Imagings{Base: f.patient(view.PlaceImaging, "imagings")}},
		{"result-units", f.units()},
		{"visit", f.visit()},
		{"visit-bare", &view.Visit{Base: f.patient(view.PlaceVisits, "visit"), VisitLine: view.VisitLine{Kind: "remote", Class: "remote", On: view.ParseDay("2026-02-11")}}},
		{"visits", f.visits()},
		{"visits-empty", &view.Visits{Base: f.patient(view.PlaceVisits, "visits")}},
	}
}

func (f fixture) news() []view.News {
	return []view.News{{Kind: "results", N: 2, Href: "/results"},
		{Kind: "notes", N: 4, Href: "/visits", Links: f.newNotes()},
		{Kind: "imaging", N: 1, Href: "/imaging", Links: []view.NewsLink{{Name: f.pick("Ultrasound of the kidneys", "Ultrasonido de los riñones"), Href: "/imaging/i1", On: view.ParseDay("2026-11-02")}}},
		{Kind: "medications", N: 1, Href: "/medications"}}
}

func (f fixture) newNotes() []view.NewsLink {
	return []view.NewsLink{{Name: f.pick("Visit note: diabetes, three months", "Nota de la consulta: diabetes, tres meses"), Href: "/visits/v1", On: view.ParseDay("2026-11-18")},
		{Kind: "remote", Href: "/visits/v2", On: view.ParseDay("2026-11-09")}}
}

func (f fixture) homeNothing() view.Model {
	h, _ := f.home().(*view.Home)
	h.News, h.Before, h.Newest = nil, view.ParseDay("2026-11-20"), f.more()
	return h
}

func (f fixture) results() view.Model {
	rows, more := f.rows(), f.more()
	rows[1].On = view.ParseDay("2026-08-14")
	return &view.Results{Base: f.patient(view.PlaceResults, "results"), Categories: []string{"laboratory", "vital-signs", "imaging", "survey"}, Before: view.ParseDay("2026-05-03"),
		Groups: []view.Group{{ID: "r1", Name: f.pick("Cholesterol and blood fats", "Colesterol y grasas de la sangre"), On: view.DayOf(now().AddDate(0, 0, -4)), Rows: rows, Compares: true},
			{ID: "kind-vital-signs", Kind: "vital-signs", On: view.ParseDay("2026-05-03"), Rows: more}},
		New: 2, Outside: 1, Older: "c2VhbGVk"}
}

// units is a test whose laboratory changed its unit, with one value in a unit that
// nobody can convert.
func (f fixture) units() view.Model {
	u := view.Usual{Low: bound(70), High: bound(99), LowText: "70", HighText: "99"}
	at := func(months int) time.Time { return now().AddDate(0, -months, 0) }
	point := func(months int, value, unit, about string, drawn float64) view.Reading {
		r := view.Reading{At: at(months), Value: value, Unit: unit, About: about, Number: &drawn}
		r.Standing = view.Assess(r.Number, u, "")
		return r
	}
	odd := view.Reading{At: at(20), Value: "6", Unit: f.pick("drops", "gotas"), Apart: true}
	s := view.Series{ID: "glucose", Name: f.pick("Blood sugar (glucose)", "Azúcar en la sangre (glucosa)"), Unit: "mg/dL", Usual: u, Readings: []view.Reading{
		point(27, "4.9", "mmol/L", "88", 88.3), point(22, "5.1", "mmol/L", "92", 91.9), odd, point(14, "5.6", "mmol/L", "101", 100.9), point(9, "104", "", "", 104), point(4, "109", "", "", 109), point(0, "112", "", "", 112)}}
	last := s.Readings[len(s.Readings)-1]
	return &view.Result{Base: f.patient(view.PlaceResults, "result"), Name: s.Name, On: view.DayOf(last.At), Lab: "Riverside Lab", Status: "final",
		Parts: []view.Part{{Value: last.Value, Unit: s.Unit, Standing: last.Standing, Usual: u, Series: s, Before: s.Readings[3], Elsewhere: view.Reading{Value: "6.22", Unit: "mmol/L"}}}}
}

func (f fixture) compare() view.Model {
	c := &view.Compare{Base: f.patient(view.PlaceResults, "compare"), Panel: "r1", Days: []view.Day{view.ParseDay("2026-11-18"), view.ParseDay("2026-08-14"), view.ParseDay("2026-05-03")},
		Panels: []view.PanelChoice{{ID: "r1", Name: f.pick("Cholesterol and blood fats", "Colesterol y grasas de la sangre")}, {ID: "r2", Name: "Troponin panel", NameLang: f.pick("", "en")}, {ID: "kind-vital-signs", Kind: "vital-signs"}}}
	c.First, c.Second = c.Days[2], c.Days[0]
	u := view.Usual{High: bound(199), HighText: "199"}
	value := func(s, unit, about string) view.Reading { return view.Reading{Value: s, Unit: unit, About: about} }
	c.Rows = []view.CompareRow{
		{ID: "o1", Name: f.pick("Cholesterol", "Colesterol"), Unit: "mg/dL", Usual: u, First: value("5.0", "mmol/L", "193"), Second: value("212", "", ""),
			Change: view.Change{Kind: view.ChangeHigher, By: "19", Unit: "mg/dL", About: true, Before: view.StandingIn, After: view.StandingLittleHigh}},
		{ID: "o2", Name: f.pick("Good cholesterol (HDL)", "Colesterol bueno (HDL)"), Unit: "mg/dL", Usual: view.Usual{Low: bound(40), LowText: "40"}, First: value("41", "", ""), Second: value("44", "", ""),
			Change: view.Change{Kind: view.ChangeHigher, By: "3", Unit: "mg/dL", Before: view.StandingIn, After: view.StandingIn}},
		{ID: "o3", Name: f.pick("A1c (three-month sugar)", "A1c (azúcar de tres meses)"), Unit: "%", Usual: view.Usual{High: bound(7), HighText: "7.0", Goal: true}, First: value("7.9", "", ""), Second: value("7.4", "", ""),
			Change: view.Change{Kind: view.ChangeLower, By: "0.5", Unit: "%", Before: view.StandingLittleHigh, After: view.StandingLittleHigh, Goal: true}},
		{ID: "o4", Name: "Troponin", NameLang: f.pick("", "en"), First: view.Reading{}, Second: value(f.pick("Not detected", "No detectado"), "", ""), Change: view.Change{Kind: view.ChangeNew}},
		{ID: "o5", Name: f.pick("Weight", "Peso"), Unit: "kg", First: value("93.1", "", ""), Second: value("93.1", "", ""), Change: view.Change{Kind: view.ChangeSame}},
	}
	return c
}

func (f fixture) visitLines() []view.VisitLine {
	return []view.VisitLine{
		{ID: "v1", Name: f.pick("Type 2 diabetes", "Diabetes tipo 2"), Class: "clinic", Who: []string{"Dr. Mei Chen", "Samuel Brooks"}, Where: "Riverside Clinic", On: view.ParseDay("2026-11-18"), Notes: 2, New: true},
		{ID: "v2", Kind: "remote", Class: "remote", Who: []string{"Dr. Mei Chen"}, On: view.ParseDay("2026-11-09")},
		{ID: "v3", Name: "Acute bronchitis", NameLang: f.pick("", "en"), Class: "emergency", Where: "Lakeside Hospital", On: view.ParseDay("2025-02-11")},
	}
}

func (f fixture) visits() view.Model {
	l := f.visitLines()
	return &view.Visits{Base: f.patient(view.PlaceVisits, "visits"), Years: []view.VisitYear{{Year: 2026, Visits: l[:2]}, {Year: 2025, Visits: l[2:]}}, Older: "c2VhbGVk", More: true,
		Loose: []view.Note{{Title: f.pick("Letter about your kidneys", "Carta sobre sus riñones"), By: []string{"Dr. Mei Chen"}, On: view.ParseDay("2024-08-02"), Text: f.noteText()},
			{Title: f.pick("Sugar diary", "Diario del azúcar"), File: "PDF", On: view.ParseDay("2024-05-01")}}}
}

// noteText is what a hospital's system might send, read.
func (f fixture) noteText() []narrative.Block {
	return narrative.Parse(f.pick(
		`<h2>Plan</h2><p>James feels <b>well</b>. He walks by the river <i>five days</i> a week.</p><ul><li>Take the tablet every evening</li><li>Come back in three months<ul><li>without breakfast</li></ul></li></ul>
		<table><caption>Values</caption><tr><th>Test</th><th>Value</th></tr><tr><td>A1c</td><td>7.4 %</td></tr><tr><td>Weight</td><td>93.1 kg</td></tr></table><p>If your sugar is &lt; 70, call us.</p>`,
		`<h2>Plan</h2><p>James se siente <b>bien</b>. Camina junto al río <i>cinco días</i> por semana.</p><ul><li>Tome la tableta cada noche</li><li>Regrese en tres meses<ul><li>sin desayunar</li></ul></li></ul>
		<table><caption>Valores</caption><tr><th>Análisis</th><th>Valor</th></tr><tr><td>A1c</td><td>7.4 %</td></tr><tr><td>Peso</td><td>93.1 kg</td></tr></table><p>Si su azúcar está en &lt; 70, llámenos.</p>`),
		func(s string) string { return s }).Reveal()
}

func (f fixture) visit() view.Model {
	v := &view.Visit{Base: f.patient(view.PlaceVisits, "visit"), VisitLine: f.visitLines()[0], At: now().AddDate(0, 0, -4), More: true,
		Papers: []view.Note{{Title: f.pick("Visit note: diabetes, three months", "Nota de la consulta: diabetes, tres meses"), By: []string{"Dr. Mei Chen"}, Text: f.noteText(), Left: true},
			{Title: "Foot check", TitleLang: f.pick("", "en"), Lang: f.pick("", "en"), Text: narrative.Plain("Both feet warm, skin whole.\nFeels the thread at all ten points.", func(s string) string { return s }).Reveal(), Cut: true},
			{Title: f.pick("Sugar diary", "Diario del azúcar"), File: "CSV"},
			{Title: f.pick("Report of the heart doctor", "Informe del cardiólogo"), Later: true, Href: "/documents/d9"}, {Title: f.pick("A second report", "Otro informe"), Later: true}},
		Conditions: []view.Condition{{Name: f.pick("Type 2 diabetes", "Diabetes tipo 2")}, {Name: f.pick("Gout", "Gota"), Unsure: true}, {Name: f.pick("Flu", "Gripe"), Over: true}, {Name: f.pick("High blood pressure", "Presión alta"), Written: "Essential hypertension", Lang: f.pick("", "en")}},
		Procedures: []view.Named{{Name: "Foot examination", NameLang: f.pick("", "en")}},
		Medications: []view.Medication{{Name: f.pick("Metformin 500 mg tablets", "Metformina, tabletas de 500 mg"), How: "1 tablet in the morning and 1 in the evening", Lang: f.pick("", "en"), Twice: true},
			{Name: "Warfarin", Doubt: "on-hold"}, {Name: "Amoxicillin", Over: true}, {Name: "Ibuprofen", NeededOnly: true, Doubt: "unknown"}},
		Forbidden: []view.Medication{{Name: f.pick("Penicillin", "Penicilina"), Never: true}},
		Vaccines:  []view.Named{{Name: f.pick("Flu (influenza), yearly", "Gripe (influenza), anual")}},
		Results:   f.rows(), Imaging: f.images()[:1]}
	return v
}

func (f fixture) images() []view.ImagingLine {
	return []view.ImagingLine{
		{Href: "/imaging/i1", Name: f.pick("Ultrasound of the kidneys", "Ultrasonido de los riñones"), How: "ultrasound", Site: "Kidney structure", SiteLang: f.pick("", "en"), On: view.ParseDay("2026-11-02"), Report: true, New: true},
		{Href: "/imaging/studies/s1", Name: "Image of arm", NameLang: f.pick("", "en"), How: "x-ray", On: view.ParseDay("2021-06-02")},
	}
}

func (f fixture) imagings() view.Model {
	return &view.Imagings{Base: f.patient(view.PlaceImaging, "imagings"), Years: []view.ImagingYear{{Year: 2026, List: f.images()[:1]}, {Year: 2021, List: f.images()[1:]}}}
}

func (f fixture) imaging() view.Model {
	return &view.Imaging{Base: f.patient(view.PlaceImaging, "imaging"), ImagingLine: f.images()[0], Status: "final", Lab: "Lakeside Hospital", By: "Dr. Mei Chen", Visit: "v1",
		Conclusion: "Both kidneys are of usual size and shape. No stones. A small simple cyst on the left is harmless.", TextLang: f.pick("", "en"), StudyLang: f.pick("", "en"),
		For: []view.Named{{Name: f.pick("Chronic kidney disease", "Enfermedad de los riñones")}}, Series: []view.ImageSeries{{Words: "Right kidney", Images: "2"}, {Words: "Left kidney", Images: "3"}}}
}

func (f fixture) study() view.Model {
	return &view.Imaging{Base: f.patient(view.PlaceImaging, "imaging-study"), ImagingLine: f.images()[1], StudyLang: f.pick("", "en"), Series: []view.ImageSeries{{Site: "Arm", Images: "1"}, {}}}
}
