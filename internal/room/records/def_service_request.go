package records

// defServiceRequest defines an order or referral; so far stored and readable only.
func defServiceRequest() Definition {
	return Definition{
		Type:        "ServiceRequest",
		Compartment: Compartment{Paths: []string{"subject"}},
		StoredOnly:  true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/request-status",
			Codes:  []string{"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
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
		Example: `{"resourceType":"ServiceRequest","id":"rosa-referral","status":"active","intent":"order","code":{"text":"Spirometry"},"subject":{"reference":"Patient/rosa"}}`,
	}
}
