package viewtest

import "postern.example/postern/internal/door/web/view"

func (f fixture) card() view.Model {
	flu := []view.Shot{{On: view.ParseDay("2024-10-02"), Name: f.pick("Flu", "Gripe")}, {On: view.ParseDay("2026-10-05"), Name: f.pick("Flu", "Gripe"), Lot: "FL8820"}}
	td := []view.Shot{{On: view.ParseDay("2020-02-17"), Name: f.pick("Tetanus and diphtheria (Td)", "Tétanos y difteria (Td)"), Lot: "TD114"}}
	return &view.Card{Base: f.patient(view.PlaceImmunizations, "card"), Name: "James Okoro", Birth: view.ParseDay("1961-02-28"),
		Diseases: []view.Disease{{ID: "diphtheria", Shots: td}, {ID: "tetanus", Shots: td}, {ID: "flu", Shots: flu}},
		Others:   []view.Disease{{Name: "Yellow fever", NameLang: f.pick("", "en"), Shots: []view.Shot{{On: view.ParseDay("1999"), Name: "Yellow fever", NameLang: f.pick("", "en")}}}}}
}

func (f fixture) profile() view.Model {
	return &view.Profile{Base: f.patient(view.PlaceProfile, "profile"), Name: "James Okoro", OtherNames: []string{"Jim Okoro"}, Birth: view.ParseDay("1961-02-28"),
		Sex: "male", RecordNumber: "RC-100311", Phones: []view.Reach{{Value: "503-555-0131", Use: "home"}, {Value: "503-555-0139", Use: "satellite"}},
		Emails: []view.Reach{{Value: "james@mail.example"}}, Addresses: [][]string{{"12 Alder Street", "Alder Bend OR 00017", "US"}},
		Languages: []string{f.pick("English", "Inglés")},
		Near:      []view.Near{{Name: "Grace Okoro", Relation: f.pick("Daughter", "Hija"), Phones: []view.Reach{{Value: "503-555-0132", Use: "mobile"}}}, {Phones: []view.Reach{{Value: "503-555-0133"}}}},
		Doctors:   []string{"Dr. Mei Chen"}}
}

func (f fixture) sharing() view.Model {
	return &view.Sharing{Base: f.patient("", "sharing")}
}
