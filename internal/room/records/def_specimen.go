package records

// defSpecimen defines a sample.
func defSpecimen() Definition {
	return Definition{
		Type:        "Specimen",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/specimen-status",
			Codes:  []string{"available", "unavailable", "unsatisfactory", "entered-in-error"},
		},
		Search: []Param{
			{Name: "accession", Kind: TokenParam, Path: "accessionIdentifier"},
			{Name: "collected", Kind: DateParam, Path: "collection.collectedDateTime|collection.collectedPeriod"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/specimen-status"},
			{Name: "type", Kind: TokenParam, Path: "type"},
		},
		Order: "receivedTime",
		Shape: []Element{
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "type", Kind: KindConcept},
			{Path: "receivedTime", Kind: KindDate},
		},
		Title: Title{One: Words{"Sample", "Muestra"}, Many: Words{"Samples", "Muestras"}},
		Show: []Field{
			{"type", ShowCoded, Words{"Sample", "Muestra"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"collection.collectedDateTime", ShowDate, Words{"Taken on", "Tomada el"}},
			{"receivedTime", ShowDate, Words{"Received on", "Recibida el"}},
			{"collection.collector", ShowReference, Words{"Taken by", "La tomó"}},
			{"note.text", ShowText, Words{"Note", "Nota"}},
		},
		Example: `{"resourceType":"Specimen","id":"rosa-blood","status":"available","type":{"text":"Blood"},"subject":{"reference":"Patient/rosa"}}`,
	}
}
