package records

// defCarePlan defines a plan of care.
func defCarePlan() Definition {
	return Definition{
		Type:        "CarePlan",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/request-status",
			Codes:  []string{"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "care-team", Kind: ReferenceParam, Path: "careTeam", Targets: []string{"CareTeam"}},
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "condition", Kind: ReferenceParam, Path: "addresses", Targets: []string{"Condition"}},
			{Name: "date", Kind: DateParam, Path: "period"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "goal", Kind: ReferenceParam, Path: "goal", Targets: []string{"Goal"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "intent", Kind: TokenParam, Path: "intent", System: "http://hl7.org/fhir/care-plan-intent"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/request-status"},
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
