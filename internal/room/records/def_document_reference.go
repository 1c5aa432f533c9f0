package records

// defDocumentReference defines a document; so far stored and readable only.
func defDocumentReference() Definition {
	return Definition{
		Type:        "DocumentReference",
		Compartment: Compartment{Paths: []string{"subject"}},
		StoredOnly:  true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/document-reference-status",
			Codes:  []string{"current", "superseded", "entered-in-error"},
		},
		Order: "date",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "type", Kind: KindConcept},
			{Path: "category", Kind: KindConcept, List: true},
			{Path: "date", Kind: KindDate},
			{Path: "content", Kind: KindObject, List: true, Required: true},
			{Path: "content.attachment", Kind: KindObject},
		},
		Example: `{"resourceType":"DocumentReference","id":"rosa-letter","status":"current","type":{"text":"Letter"},"subject":{"reference":"Patient/rosa"},"date":"2026-03-02T15:00:00-06:00","content":[{"attachment":{"contentType":"text/plain","data":"SGVsbG8="}}]}`,
	}
}
