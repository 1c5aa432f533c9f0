package records

// defImmunization defines a vaccination.
func defImmunization() Definition {
	return Definition{
		Type:        "Immunization",
		Compartment: Compartment{Paths: []string{"patient"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/event-status",
			Codes:  []string{"completed", "entered-in-error", "not-done"},
		},
		Search: []Param{
			{Name: "code", Kind: TokenParam, Path: "vaccineCode"},
			{Name: "date", Kind: DateParam, Path: "occurrenceDateTime"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "location", Kind: ReferenceParam, Path: "location", Targets: []string{"Location"}},
			{Name: "lot-number", Kind: StringParam, Path: "lotNumber"},
			{Name: "performer", Kind: ReferenceParam, Path: "performer.actor", Targets: []string{"Organization", "Practitioner", "PractitionerRole"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/event-status"},
			{Name: "status-reason", Kind: TokenParam, Path: "statusReason"},
			{Name: "vaccine-code", Kind: TokenParam, Path: "vaccineCode"},
		},
		Order: "occurrenceDateTime|recorded",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "vaccineCode", Kind: KindConcept, Required: true},
			{Path: "patient", Kind: KindReference, Required: true},
			{Path: "occurrenceDateTime|occurrenceString", Kind: KindString, Required: true},
			{Path: "occurrenceDateTime", Kind: KindDate},
			{Path: "encounter", Kind: KindReference},
			{Path: "recorded", Kind: KindDate},
			{Path: "lotNumber", Kind: KindString},
			{Path: "site", Kind: KindConcept},
			{Path: "doseQuantity", Kind: KindQuantity},
			{Path: "performer", Kind: KindObject, List: true},
			{Path: "protocolApplied", Kind: KindObject, List: true},
			{Path: "note", Kind: KindObject, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Vaccination", "Vacuna"}, Many: Words{"Vaccinations", "Vacunas"}},
		Show: []Field{
			{"vaccineCode", ShowCoded, Words{"Vaccine", "Vacuna"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"occurrenceDateTime", ShowDate, Words{"Given on", "Puesta el"}},
			{"lotNumber", ShowText, Words{"Lot", "Lote"}},
			{"site", ShowCoded, Words{"Where on the body", "En qué parte del cuerpo"}},
			{"performer.actor", ShowReference, Words{"Given by", "La puso"}},
			{"location", ShowReference, Words{"Place", "Lugar"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Immunization","id":"rosa-flu","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140"}],"text":"Influenza"},"patient":{"reference":"Patient/rosa"},"occurrenceDateTime":"2025-10-11"}`,
	}
}
