package records

// defServiceRequest defines an order or referral.
func defServiceRequest() Definition {
	return Definition{
		Type:        "ServiceRequest",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/request-status",
			Codes:  []string{"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "authored", Kind: DateParam, Path: "authoredOn"},
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "code", Kind: TokenParam, Path: "code"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "intent", Kind: TokenParam, Path: "intent", System: "http://hl7.org/fhir/request-intent"},
			{Name: "occurrence", Kind: DateParam, Path: "occurrenceDateTime|occurrencePeriod"},
			{Name: "performer", Kind: ReferenceParam, Path: "performer", Targets: []string{"CareTeam", "Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "requester", Kind: ReferenceParam, Path: "requester", Targets: []string{"Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "specimen", Kind: ReferenceParam, Path: "specimen", Targets: []string{"Specimen"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/request-status"},
		},
		Order: "authoredOn|occurrenceDateTime",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "intent", Kind: KindCode, Required: true, Codes: []string{"proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"}},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "code", Kind: KindConcept},
			{Path: "authoredOn", Kind: KindDate},
			{Path: "occurrenceDateTime", Kind: KindDate},
		},
		Title: Title{One: Words{"Order or referral", "Orden o referencia"}, Many: Words{"Orders and referrals", "Órdenes y referencias"}},
		Show: []Field{
			{"code", ShowCoded, Words{"What was asked for", "Qué se pidió"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"authoredOn|occurrenceDateTime", ShowDate, Words{"Asked for on", "Se pidió el"}},
			{"requester", ShowReference, Words{"Asked for by", "Lo pidió"}},
			{"performer", ShowReference, Words{"Done by", "Lo hace"}},
			{"reasonCode", ShowCoded, Words{"Reason", "Motivo"}},
			{"patientInstruction", ShowText, Words{"How to get ready", "Cómo prepararse"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"ServiceRequest","id":"rosa-referral","status":"active","intent":"order","code":{"text":"Spirometry"},"subject":{"reference":"Patient/rosa"}}`,
	}
}
