package records

// defCoverage defines insurance of the patient.
func defCoverage() Definition {
	return Definition{
		Type:        "Coverage",
		Compartment: Compartment{Paths: []string{"beneficiary"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/fm-status",
			Codes:  []string{"active", "cancelled", "draft", "entered-in-error"},
		},
		Search: []Param{
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "payor", Kind: ReferenceParam, Path: "payor", Targets: []string{"Organization", "Patient", "RelatedPerson"}},
			{Name: "period", Kind: DateParam, Path: "period"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/fm-status"},
			{Name: "type", Kind: TokenParam, Path: "type"},
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
