package records

// defMedicationRequest defines a prescription.
func defMedicationRequest() Definition {
	return Definition{
		Type:        "MedicationRequest",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/CodeSystem/medicationrequest-status",
			Codes:  []string{"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"},
		},
		Search: []Param{
			{Name: "authoredon", Kind: DateParam, Path: "authoredOn"},
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "code", Kind: TokenParam, Path: "medicationCodeableConcept"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "intent", Kind: TokenParam, Path: "intent", System: "http://hl7.org/fhir/CodeSystem/medicationrequest-intent"},
			{Name: "medication", Kind: ReferenceParam, Path: "medicationReference", Targets: []string{"Medication"}},
			{Name: "requester", Kind: ReferenceParam, Path: "requester", Targets: []string{"Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/CodeSystem/medicationrequest-status"},
		},
		Order: "authoredOn",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "intent", Kind: KindCode, Required: true, Codes: []string{"proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"}},
			{Path: "medicationCodeableConcept|medicationReference", Kind: KindObject, Required: true},
			{Path: "medicationCodeableConcept", Kind: KindConcept},
			{Path: "medicationReference", Kind: KindReference},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "category", Kind: KindConcept, List: true},
			{Path: "encounter", Kind: KindReference},
			{Path: "authoredOn", Kind: KindDate},
			{Path: "requester", Kind: KindReference},
			{Path: "reasonCode", Kind: KindConcept, List: true},
			{Path: "reasonReference", Kind: KindReference, List: true},
			{Path: "dosageInstruction", Kind: KindObject, List: true},
			{Path: "dosageInstruction.text", Kind: KindString},
			{Path: "note", Kind: KindObject, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Medicine", "Medicina"}, Many: Words{"Medicines", "Medicinas"}},
		Show: []Field{
			{"medicationCodeableConcept|medicationReference", ShowCoded, Words{"Medicine", "Medicina"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"dosageInstruction.patientInstruction|dosageInstruction.text", ShowText, Words{"How to take it", "Cómo tomarla"}},
			{"reasonCode", ShowCoded, Words{"For", "Para"}},
			{"authoredOn", ShowDate, Words{"Since", "Desde"}},
			{"requester", ShowReference, Words{"Prescribed by", "La recetó"}},
			{"statusReason", ShowCoded, Words{"Why it changed", "Por qué cambió"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"MedicationRequest","id":"rosa-inhaler","status":"active","intent":"order","medicationCodeableConcept":{"text":"Albuterol 0.09 MG/ACTUAT inhaler"},"subject":{"reference":"Patient/rosa"},"authoredOn":"2026-03-02","dosageInstruction":[{"text":"Two puffs when needed"}]}`,
	}
}
