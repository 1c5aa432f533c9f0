package records

// defDocumentReference defines a document.
func defDocumentReference() Definition {
	return Definition{
		Type:        "DocumentReference",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/document-reference-status",
			Codes:  []string{"current", "superseded", "entered-in-error"},
		},
		Search: []Param{
			{Name: "author", Kind: ReferenceParam, Path: "author", Targets: []string{"Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}},
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "date", Kind: DateParam, Path: "date"},
			{Name: "encounter", Kind: ReferenceParam, Path: "context.encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "masterIdentifier|identifier"},
			{Name: "period", Kind: DateParam, Path: "context.period"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/document-reference-status"},
			{Name: "type", Kind: TokenParam, Path: "type"},
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
		Title: Title{One: Words{"Document", "Documento"}, Many: Words{"Documents", "Documentos"}},
		Show: []Field{
			{"content.attachment.title|description|type", ShowCoded, Words{"Document", "Documento"}},
			{"type", ShowCoded, Words{"Kind", "Tipo"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"date", ShowDate, Words{"Date", "Fecha"}},
			{"author", ShowReference, Words{"Written by", "Escrito por"}},
			{"custodian", ShowReference, Words{"Kept by", "Lo guarda"}},
			{"description", ShowText, Words{"What it is about", "De qué trata"}},
		},
		Example: `{"resourceType":"DocumentReference","id":"rosa-letter","status":"current","type":{"text":"Letter"},"subject":{"reference":"Patient/rosa"},"date":"2026-03-02T15:00:00-06:00","content":[{"attachment":{"contentType":"text/plain","data":"SGVsbG8="}}]}`,
	}
}
