package records

// defProcedure defines something done to or for the patient.
func defProcedure() Definition {
	return Definition{
		Type:        "Procedure",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/event-status",
			Codes:  []string{"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "code", Kind: TokenParam, Path: "code"},
			{Name: "date", Kind: DateParam, Path: "performedDateTime|performedPeriod"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "location", Kind: ReferenceParam, Path: "location", Targets: []string{"Location"}},
			{Name: "performer", Kind: ReferenceParam, Path: "performer.actor", Targets: []string{"Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "reason-reference", Kind: ReferenceParam, Path: "reasonReference", Targets: []string{"Condition", "DiagnosticReport", "DocumentReference", "Observation", "Procedure"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/event-status"},
		},
		Order: "performedDateTime|performedPeriod",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "category", Kind: KindConcept},
			{Path: "code", Kind: KindConcept},
			{Path: "encounter", Kind: KindReference},
			{Path: "performedDateTime", Kind: KindDate},
			{Path: "performedPeriod", Kind: KindPeriod},
			{Path: "performer", Kind: KindObject, List: true},
			{Path: "reasonCode", Kind: KindConcept, List: true},
			{Path: "reasonReference", Kind: KindReference, List: true},
			{Path: "bodySite", Kind: KindConcept, List: true},
			{Path: "note", Kind: KindObject, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Procedure", "Procedimiento"}, Many: Words{"Procedures", "Procedimientos"}},
		Show: []Field{
			{"code", ShowCoded, Words{"What was done", "Qué se hizo"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"performedDateTime|performedPeriod", ShowDate, Words{"When", "Cuándo"}},
			{"performer.actor", ShowReference, Words{"By", "Por"}},
			{"location", ShowReference, Words{"Where", "Dónde"}},
			{"reasonCode", ShowCoded, Words{"Reason", "Motivo"}},
			{"bodySite", ShowCoded, Words{"Part of the body", "Parte del cuerpo"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Procedure","id":"rosa-spirometry","status":"completed","code":{"text":"Spirometry"},"subject":{"reference":"Patient/rosa"},"performedDateTime":"2026-03-02"}`,
	}
}
