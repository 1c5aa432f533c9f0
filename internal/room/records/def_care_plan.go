package records

// defCarePlan defines a plan of care; so far stored and readable only.
func defCarePlan() Definition {
	return Definition{
		Type:        "CarePlan",
		Compartment: Compartment{Paths: []string{"subject"}},
		StoredOnly:  true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/request-status",
			Codes:  []string{"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
		},
		Order: "period|created",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "intent", Kind: KindCode, Required: true, Codes: []string{"proposal", "plan", "order", "option"}},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "category", Kind: KindConcept, List: true},
			{Path: "period", Kind: KindPeriod},
			{Path: "created", Kind: KindDate},
			{Path: "activity", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Care plan", "Plan de cuidado"}, Many: Words{"Care plans", "Planes de cuidado"}},
		Show: []Field{
			{"title|category", ShowCoded, Words{"Plan", "Plan"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"description", ShowText, Words{"What it is about", "De qué trata"}},
			{"period", ShowPeriod, Words{"Time", "Tiempo"}},
			{"author", ShowReference, Words{"Written by", "Escrito por"}},
			{"activity.detail.description|activity.detail.code", ShowCoded, Words{"What to do", "Qué hacer"}},
			{"goal", ShowReference, Words{"Goal", "Meta"}},
			{"addresses", ShowReference, Words{"For", "Para"}},
			{"careTeam", ShowReference, Words{"Care team", "Equipo"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"CarePlan","id":"rosa-plan","status":"active","intent":"plan","title":"Asthma plan","subject":{"reference":"Patient/rosa"}}`,
	}
}
