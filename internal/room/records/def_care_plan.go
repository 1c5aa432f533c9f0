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
		Example: `{"resourceType":"CarePlan","id":"rosa-plan","status":"active","intent":"plan","title":"Asthma plan","subject":{"reference":"Patient/rosa"}}`,
	}
}
