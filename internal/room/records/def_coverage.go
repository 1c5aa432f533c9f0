package records

// defCoverage defines insurance of the patient; so far stored and readable only.
func defCoverage() Definition {
	return Definition{
		Type:        "Coverage",
		Compartment: Compartment{Paths: []string{"beneficiary"}},
		StoredOnly:  true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/fm-status",
			Codes:  []string{"active", "cancelled", "draft", "entered-in-error"},
		},
		Order: "period",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "beneficiary", Kind: KindReference, Required: true},
			{Path: "payor", Kind: KindReference, List: true, Required: true},
			{Path: "period", Kind: KindPeriod},
		},
		Title: Title{One: Words{"Insurance", "Seguro"}, Many: Words{"Insurance", "Seguros"}},
		Show: []Field{
			{"payor", ShowReference, Words{"Insurance", "Seguro"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"type", ShowCoded, Words{"Plan", "Plan"}},
			{"class.name", ShowText, Words{"Name of the plan", "Nombre del plan"}},
			{"subscriberId", ShowText, Words{"Member number", "Número de socio"}},
			{"relationship", ShowCoded, Words{"Insured through", "Asegurado por"}},
			{"period", ShowPeriod, Words{"Valid", "Vigencia"}},
		},
		Example: `{"resourceType":"Coverage","id":"rosa-coverage","status":"active","beneficiary":{"reference":"Patient/rosa"},"payor":[{"display":"Acme Health"}]}`,
	}
}
