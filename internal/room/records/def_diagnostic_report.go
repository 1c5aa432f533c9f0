package records

// defDiagnosticReport defines a report that gathers results.
func defDiagnosticReport() Definition {
	return Definition{
		Type:        "DiagnosticReport",
		Compartment: Compartment{Paths: []string{"subject"}},
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/diagnostic-report-status",
			Codes:  []string{"registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "cancelled", "entered-in-error", "unknown"},
		},
		Search: []Param{
			{Name: "category", Kind: TokenParam, Path: "category"},
			{Name: "code", Kind: TokenParam, Path: "code"},
			{Name: "date", Kind: DateParam, Path: "effectiveDateTime|effectivePeriod"},
			{Name: "encounter", Kind: ReferenceParam, Path: "encounter", Targets: []string{"Encounter"}},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "issued", Kind: DateParam, Path: "issued"},
			{Name: "performer", Kind: ReferenceParam, Path: "performer", Targets: []string{"CareTeam", "Organization", "Practitioner", "PractitionerRole"}},
			{Name: "result", Kind: ReferenceParam, Path: "result", Targets: []string{"Observation"}},
			{Name: "specimen", Kind: ReferenceParam, Path: "specimen", Targets: []string{"Specimen"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/diagnostic-report-status"},
		},
		Order: "effectiveDateTime|effectivePeriod|issued",
		Shape: []Element{
			{Path: "status", Kind: KindCode, Required: true},
			{Path: "code", Kind: KindConcept, Required: true},
			{Path: "subject", Kind: KindReference, Required: true},
			{Path: "category", Kind: KindConcept, List: true},
			{Path: "encounter", Kind: KindReference},
			{Path: "effectiveDateTime", Kind: KindDate},
			{Path: "effectivePeriod", Kind: KindPeriod},
			{Path: "issued", Kind: KindDate},
			{Path: "result", Kind: KindReference, List: true},
			{Path: "performer", Kind: KindReference, List: true},
			{Path: "conclusion", Kind: KindString},
			{Path: "presentedForm", Kind: KindObject, List: true},
			{Path: "identifier", Kind: KindIdentifier, List: true},
		},
		Title: Title{One: Words{"Report", "Informe"}, Many: Words{"Reports", "Informes"}},
		Show: []Field{
			{"code", ShowCoded, Words{"Report", "Informe"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"category", ShowCoded, Words{"Kind", "Tipo"}},
			{"effectiveDateTime|effectivePeriod", ShowDate, Words{"Day of the test", "Día de la prueba"}},
			{"issued", ShowDate, Words{"Written on", "Escrito el"}},
			{"performer", ShowReference, Words{"From", "De"}},
			{"conclusion", ShowText, Words{"What it says", "Qué dice"}},
			{"result", ShowReference, Words{"Results", "Resultados"}},
			{"imagingStudy", ShowReference, Words{"Images", "Imágenes"}},
		},
		Example: `{"resourceType":"DiagnosticReport","id":"rosa-panel","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"51990-0"}],"text":"Basic metabolic panel"},"subject":{"reference":"Patient/rosa"},"effectiveDateTime":"2026-03-02T09:10:00-06:00","issued":"2026-03-02T15:00:00.000-06:00"}`,
	}
}
