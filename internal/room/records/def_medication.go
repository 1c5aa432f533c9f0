package records

// defMedication defines a product. It says what a medicine is, not who takes it.
func defMedication() Definition {
	return Definition{
		Type:   "Medication",
		Shared: true,
		Status: Codes{
			Path:   "status",
			System: "http://hl7.org/fhir/CodeSystem/medication-status",
			Codes:  []string{"active", "inactive", "entered-in-error"},
		},
		Search: []Param{
			{Name: "code", Kind: TokenParam, Path: "code"},
			{Name: "form", Kind: TokenParam, Path: "form"},
			{Name: "identifier", Kind: TokenParam, Path: "identifier"},
			{Name: "manufacturer", Kind: ReferenceParam, Path: "manufacturer", Targets: []string{"Organization"}},
			{Name: "status", Kind: TokenParam, Path: "status", System: "http://hl7.org/fhir/CodeSystem/medication-status"},
		},
		Shape: []Element{
			{Path: "identifier", Kind: KindIdentifier, List: true},
			{Path: "code", Kind: KindConcept},
			{Path: "form", Kind: KindConcept},
			{Path: "manufacturer", Kind: KindReference},
			{Path: "ingredient", Kind: KindObject, List: true},
		},
		Title: Title{One: Words{"Product", "Producto"}, Many: Words{"Products", "Productos"}},
		Show: []Field{
			{"code", ShowCoded, Words{"Medicine", "Medicina"}},
			{"status", ShowStatus, Words{"Status", "Estado"}},
			{"form", ShowCoded, Words{"Form", "Forma"}},
		},
		Example: `{"resourceType":"Medication","id":"amox","status":"active","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"308182"}],"text":"Amoxicillin 250 MG Oral Capsule"}}`,
	}
}
