package records

// defSpecimen defines a sample; so far stored and readable only.
func defSpecimen() Definition {
	return Definition{
		Type:        "Specimen",
		Compartment: Compartment{Paths: []string{"subject"}},
		StoredOnly:  true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/specimen-status",
			Codes:  []string{"available", "unavailable", "unsatisfactory", "entered-in-error"},
		},
		Order: "receivedTime",
		Shape: []Element{
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "type", Kind: KindConcept},
			{Path: "receivedTime", Kind: KindDate},
		},
		Example: `{"resourceType":"Specimen","id":"rosa-blood","status":"available","type":{"text":"Blood"},"subject":{"reference":"Patient/rosa"}}`,
	}
}
