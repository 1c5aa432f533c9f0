package records

// defImagingStudy defines a set of images, held elsewhere.
func defImagingStudy() Definition {
	return Definition{
		Type:        "ImagingStudy",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/imagingstudy-status",
			Codes:  []string{"registered", "available", "cancelled", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "bodysite", Kind: TokenParam, Path: "series.bodySite"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "modality", Kind: TokenParam, Path: "series.modality"},
			{Name: "reason", Kind: TokenParam, Path: "reasonCode"},
			{Name: "started", Kind: DateParam, Path: "started"},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/imagingstudy-status"},
		},
		Order: "started",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "encounter", Kind: KindReference},
			{Path: "started", Kind: KindDate},
			{Path: "series", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Imaging study", "Estudio de imagen"}, Many: Words{"Imaging studies", "Estudios de imagen"}},
		Show: []Field{
			{"description|procedureCode|modality", ShowCoded, Words{"Study", "Estudio"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"modality", ShowCoded, Words{"Kind", "Tipo"}},
			{"started", ShowDate, Words{"Day", "Día"}},
			{"referrer", ShowReference, Words{"Asked for by", "Lo pidió"}},
			{"reasonCode", ShowCoded, Words{"Reason", "Motivo"}},
			{"series.bodySite", ShowCoded, Words{"Part of the body", "Parte del cuerpo"}},
			{"series.description", ShowText, Words{"Views", "Vistas"}},
		},
		Example: `{"resourceType":"ImagingStudy","id":"rosa-xray","status":"available","subject":{"reference":"Patient/rosa"},"started":"2026-03-02T10:00:00-06:00"}`,
	}
}
