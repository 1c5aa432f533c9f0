package records

// defCareTeam defines the people who care for the patient.
func defCareTeam() Definition {
	return Definition{
		Type:        "CareTeam",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/care-team-status",
			Codes:  []string{"proposed", "active", "suspended", "inactive", "entered-in-error"},
		},
		Search: []Param{
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "date", Kind: DateParam, Path: "period"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "participant", Kind: ReferenceParam, Path: "participant.member", Targets: []string{"CareTeam", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "role", Kind: TokenParam, Path: "participant.role"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/care-team-status"},
		},
		Order: "period",
		Shape: []Element{
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "participant", Kind: KindObject, List: true},
			{Path: "participant.member", Kind: KindReference},
			{Path: "period", Kind: KindPeriod},
		},
		Title: Title{One: Words{"Care team", "Equipo de cuidado"}, Many: Words{"Care teams", "Equipos de cuidado"}},
		Show: []Field{
			{"name|category", ShowCoded, Words{"Team", "Equipo"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"participant.member", ShowReference, Words{"People", "Personas"}},
			{"participant.role", ShowCoded, Words{"What they do", "Qué hacen"}},
			{"period", ShowPeriod, Words{"Time", "Tiempo"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"CareTeam","id":"rosa-team","status":"active","subject":{"reference":"Patient/rosa"},"participant":[{"member":{"display":"Dr. Ama Osei"}}]}`,
	}
}
